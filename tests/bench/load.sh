#!/usr/bin/env bash
# ./run bench load [PAIRS]: what -dll_append libnomos.so adds to an unmodified program (PETSc's ksp ex2 on 2 x 2 points, one rank): runs
# without and with it in turn (default 40 pairs), wall milliseconds from start to exit; medians of both, median and quartiles of the difference.
set -euo pipefail
build=$(realpath "$1"); pairs=${2:-40}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
cmake --build "$build" --target nomos plugin_ksp_ex2 >/dev/null
program=("$build/tests/plugin/plugin_ksp_ex2" -m 2 -n 2)
micros() { # microseconds of one run
  local start=${EPOCHREALTIME/./}
  "$@" >/dev/null || return
  echo $((${EPOCHREALTIME/./} - start))
}
for _ in 1 2 3; do "${program[@]}" -dll_append "$build/lib/libnomos.so" >/dev/null; done # files into memory
for ((i = 0; i < pairs; i++)); do
  plain=$(micros "${program[@]}")
  with=$(micros "${program[@]}" -dll_append "$build/lib/libnomos.so")
  echo "$plain $with"
done | awk '
  function quantile(a, n, q,   i, j, t) { for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t } return a[int(q * (n - 1) + 1.5)] }
  { plain[NR] = $1 / 1000; with[NR] = $2 / 1000; added[NR] = ($2 - $1) / 1000 }
  END { printf "pairs=%d plain_ms=%.1f with_ms=%.1f added_ms=%.1f added_q1=%.1f added_q3=%.1f\n", NR, quantile(plain, NR, 0.5), quantile(with, NR, 0.5), quantile(added, NR, 0.5), quantile(added, NR, 0.25), quantile(added, NR, 0.75) }'
