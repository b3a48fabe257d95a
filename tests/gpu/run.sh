#!/usr/bin/env bash
# The tests of the backend's table on a machine that has a GPU and the CUDA libraries, and neither PETSc, MPI nor HDF5.
#
#   bash tests/gpu/run.sh pack BUILD [DIR]   here: copies the test programs, libnomoscuda.so and the libraries they need
#                                            (FFTW, BLAS, not CUDA's) into DIR, default BUILD/gpu
#   bash tests/gpu/run.sh run DIR [OUT]      there: host and device against the same references, then compute-sanitizer
#                                            (memcheck, racecheck, initcheck) where it is installed; logs in OUT
# `run` ends with 0 when everything passed, 1 when something failed, 77 when there is no device.
set -uo pipefail
tests="backend layers products transform sweeps"

pack() {
  local build=$1 to=${2:-$1/gpu} t
  mkdir -p "$to/lib" || exit 1
  for t in $tests; do cp "$build/tests/conform/$t" "$to/" || exit 1; done
  cp "$build/lib/libnomoscuda.so" "$to/lib/" || { echo "run.sh: build with -DNOMOS_CUDA=ON first" >&2; exit 1; }
  [ ! -x "$build/bench/kernels" ] || cp "$build/bench/kernels" "$to/"
  # what the programs link, less the C library, which the other machine has of its own
  for t in $tests; do ldd "$to/$t"; done | awk '$3 ~ /^\// {print $3}' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*)\.so' | xargs -r -I{} cp -L {} "$to/lib/"
  cp "${BASH_SOURCE[0]}" "$to/run.sh"
  du -sh "$to"
}

run() {
  local dir out status=0 rc t
  dir=$(cd "$1" && pwd) || exit 1
  out=${2:-$dir/logs}
  mkdir -p "$out"
  export LD_LIBRARY_PATH=$dir/lib:${CUDA_HOME:-/usr/local/cuda}/lib64:${LD_LIBRARY_PATH:-}
  export NOMOS_CUDA_LIBRARY=$dir/lib/libnomoscuda.so OPENBLAS_NUM_THREADS=1
  for t in $tests; do
    for where in host cuda; do
      "$dir/$t" $where > "$out/$t-$where.log" 2>&1
      rc=$?
      echo "$t $where: status $rc, $(grep -c FAILED "$out/$t-$where.log") failures, $(head -1 "$out/$t-$where.log")"
      if [ $rc = 77 ]; then [ $status != 0 ] || status=77; elif [ $rc != 0 ]; then status=1; fi
    done
  done
  [ $status = 77 ] && exit 77
  if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck; do
      for t in $tests; do
        timeout 300 compute-sanitizer --tool $tool --error-exitcode 9 "$dir/$t" cuda > "$out/$t-$tool.log" 2>&1
        rc=$?
        echo "$t $tool: status $rc, $(tail -1 "$out/$t-$tool.log")"
        [ $rc = 0 ] || status=1
      done
    done
  else
    echo "compute-sanitizer is not installed: skipped"
  fi
  exit $status
}

case ${1:-} in
  pack) [ $# -ge 2 ] && pack "${@:2}" ;;
  run) [ $# -ge 2 ] && run "${@:2}" ;;
  *) sed -n '2,10p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
