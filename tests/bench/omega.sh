#!/usr/bin/env bash
# ./run bench omega [-fixed] [METHOD ...]: iterations of a run of 400 steps whose conductivity swings between 0 and 10, by omega = 1 and by learners
# (default: gp tsallis young), as key=value: the table "When the formula wins and when it fails" of docs/theory.md, and the figures of
# docs/tutorial-timestepper.md. -fixed: by fixed omegas too.
set -euo pipefail
build=$1; shift
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
fixed="" methods=""
for word in "$@"; do
  if [ "$word" = -fixed ]; then fixed="1.2 1.4 1.5 1.6 1.7 1.8 1.9"; else methods="$methods $word"; fi
done
cmake --build "$build" --target examples_ex5_heat_mesh examples_ex7_tune_options nomos >/dev/null
source=$(cd "$(dirname "$0")/../.." && pwd)
ex5="$build/tests/examples/ex5_heat_mesh -steps 400 -dt 0.01 -dm_refine 1 -petscpartitioner_type metis -dm_plex_filename $source/meshes"
ex7="$build/tests/examples/ex7_tune_options -dll_append $build/lib/libnomos.so -n 63 -steps 400"
iterations() { "$@" 2>/dev/null | sed -n 's/.*steps: *\([0-9]*\) iterations.*/\1/p'; }
row() { # NAME PC COMMAND ...
  local name=$1 pc=$2 omega method; shift 2
  printf 'problem=%s omega_1=%s' "$name" "$(iterations "$@")"
  for omega in $fixed; do printf ' omega_%s=%s' "$omega" "$(iterations "$@" "-pc_${pc}_omega" "$omega")"; done
  for method in ${methods:-gp tsallis young}; do printf ' %s=%s' "$method" "$(iterations "$@" -ksp_type nomostune -ksp_nomostune_method "$method")"; done
  printf '\n'
}
# shellcheck disable=SC2086
{
  row grid sor $ex7 -pc_type sor
  row lshape sor $ex5/lshape.msh -pc_type sor
  row lshape-jump sor $ex5/lshape.msh -pc_type sor -jump 100
  row lshape-colours nomossor $ex5/lshape.msh -pc_type nomossor -pc_nomossor_ordering multicolor
  row lshape-4ranks sor mpiexec -n 4 $ex5/lshape.msh -pc_type sor
  row bracket sor $ex5/bracket.msh -pc_type sor
}
