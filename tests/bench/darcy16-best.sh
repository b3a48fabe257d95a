#!/usr/bin/env bash
# ./run bench darcy16-best [SEEDS]: the recipe darcy16-best on the public files, one rank: errors at both resolutions and wall time
# per seed (default 0 1 2); then the peer's training step in the same minutes, times the 37500 steps of its long recipe (300 epochs of
# 1000 samples at batch 8, which ends at 0.0955 and 0.1396), and the ratio of the times.
set -euo pipefail
build=$(realpath "$1"); shift
here=$(pwd)
peer=$here/.venv-peers/bin/python
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
[ $# -gt 0 ] || set -- 0 1 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for seed in "$@"; do
  start=$(date +%s.%N)
  "$build/bin/nomos" train -options_file "$here/examples/recipes/darcy16-best.opts" -data "$here/examples/data/darcy16_train.h5" \
    -data_test "$here/examples/data/darcy16_test.h5,$here/examples/data/darcy32_test.h5" -nomos_seed "$seed" -o model.h5 \
    -nomos_history history.csv -nomos_progress none > log.txt
  end=$(date +%s.%N)
  errors=$(grep -o 'rel_l2=[0-9.e+-]*' log.txt | tail -2 | tr '\n' ' ')
  ours=$(awk -v a="$start" -v b="$end" 'BEGIN { printf "%.1f", b - a }')
  echo "nomos recipe=darcy16-best seed=$seed seconds=$ours $errors"
  [ -x "$peer" ] || continue
  p=$(NOMOS_PEER_THREADS=1 "$peer" "$here/tests/bench/peers.py" darcy16 | grep -o 'step_ms=[0-9.]*' | cut -d= -f2)
  awk -v p="$p" -v o="$ours" 'BEGIN { t = 37.5 * p; printf "peer steps=37500 step_ms=%s seconds=%.0f\nratio time=%.3f\n", p, t, o / t }'
done
