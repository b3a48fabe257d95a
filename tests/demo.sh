#!/usr/bin/env bash
# The main job on the public Darcy files: train a Fourier neural operator at 16 x 16, use it at 32 x 32, show the errors and a
# picture. Called by ./run demo as tests/demo.sh BUILD [more options of nomos train].
set -euo pipefail
build=$1
shift
out=$build/demo
nomos=$build/bin/nomos
data=examples/data
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
mkdir -p "$out"

echo "demo: training on 1000 samples of Darcy flow at 16x16 (recipe darcy16-quick)"
"$nomos" train -options_file examples/recipes/darcy16-quick.opts -data $data/darcy16_train.h5 -data_test $data/darcy16_test.h5,$data/darcy32_test.h5 \
  -o "$out/model.h5" -nomos_history "$out/history.csv" "$@"
echo "demo: the trained model on unseen samples, at its own resolution and at twice that"
"$nomos" predict -model "$out/model.h5" -data $data/darcy16_test.h5,$data/darcy32_test.h5 -o "$out/prediction.h5" -report "$out/report.csv"
echo "demo: model $out/model.h5, report $out/report.csv, for ParaView $out/prediction_darcy32_test.xdmf"
echo "demo: picture $out/prediction_pictures/darcy32_test.png"
