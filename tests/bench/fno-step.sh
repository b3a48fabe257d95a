#!/usr/bin/env bash
# ./run bench fno-step [-bench_case NAME]: the case (default: all three) on one rank and on two, then the peer beside it in the
# same minutes where `./run bench peers` has installed it, and the ratios.
set -euo pipefail
build=$1; shift
bin=$(realpath "$build")/bench/fno-step
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
cases="darcy16-quick darcy16 64x64"
rest=()
while [ $# -gt 0 ]; do
  if [ "$1" = -bench_case ]; then cases=$2; shift 2; else rest+=("$1"); shift; fi
done
peer=$(pwd)/.venv-peers/bin/python
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for c in $cases; do
  for round in 1 2 3; do # ours and the peer's in turn: both see the same weather
    one=$("$bin" -bench_case "$c" ${rest[@]+"${rest[@]}"}); echo "$one"
    two=$(mpiexec -n 2 "$bin" -bench_case "$c" ${rest[@]+"${rest[@]}"}); echo "$two"
    [ -x "$peer" ] || continue
    p1=$(NOMOS_PEER_THREADS=1 "$peer" "$here/tests/bench/peers.py" "$c"); echo "$p1"
    p2=$(NOMOS_PEER_THREADS=2 "$peer" "$here/tests/bench/peers.py" "$c"); echo "$p2"
    printf '%s\n%s\n%s\n%s\n' "$one" "$two" "$p1" "$p2" | awk -v c="$c" '
      { for (i = 1; i <= NF; i++) { split($i, kv, "="); v[NR, kv[1]] = kv[2] } }
      END {
        best = v[3, "step_ms"] < v[4, "step_ms"] ? v[3, "step_ms"] : v[4, "step_ms"]
        printf "ratio case=%s step=%.2f forward=%.2f two_ranks_over_one=%.2f two_ranks_over_peer=%.2f memory=%.2f\n", c,
          v[3, "step_ms"] / v[1, "step_ms"], v[3, "forward_ms"] / v[1, "forward_ms"], v[1, "step_ms"] / v[2, "step_ms"],
          best / v[2, "step_ms"], v[1, "rss_mb"] / v[3, "rss_mb"]
      }'
  done
done
