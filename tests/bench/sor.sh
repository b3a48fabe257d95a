#!/usr/bin/env bash
# ./run bench sor [-n ROWS -rounds R] [-short]: everything about relaxation and its tuning, as key=value.
#   T1, T2  what the learners make of two sequences of systems (bench/tuner, bench/heat); with -short 1000 steps on one grid
#   T3      rates of plain SOR against Young's theory (unit/nomossor_rate)
#   T4      the trap, where the arms above omega = 0.5 diverge (conform/ksp)
#   counts  iterations of SSOR-CG in every ordering against the published ones (unit/nomossor_counts)
#   speed   against PETSc's MatSOR, PCSOR and PCEISENSTAT, on one rank and on two; learners' microseconds a round
set -euo pipefail
build=$1; shift
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
t1="-T 5000 -seeds 10" t2="-nx 25,50,100 -T 5000 -seeds 10"
rest=()
for word in "$@"; do
  if [ "$word" = -short ]; then t1="-T 1000 -seeds 2" t2="-nx 25 -T 1000 -seeds 2"; else rest+=("$word"); fi
done
cmake --build "$build" --target bench_tuner bench_heat unit_nomossor_rate unit_nomossor_counts conform_ksp >/dev/null
failed=0
run() { echo "# $1"; shift; "$@" || { echo "failed: $*"; failed=1; }; }
run "speed, one rank" "$build/bench/sor" ${rest[@]+"${rest[@]}"}
run "speed, two ranks" mpiexec -n 2 "$build/bench/sor" ${rest[@]+"${rest[@]}"}
run "learners, microseconds a round" "$build/bench/tuner"
run "T3: rates" "$build/tests/unit/nomossor_rate"
run "iterations of SSOR-CG by ordering" "$build/tests/unit/nomossor_counts" -mat_no_inode
run "T4: the trap" "$build/tests/conform/ksp"
# shellcheck disable=SC2086
run "T1: diagonal shift" "$build/bench/tuner" -bench_case t1 $t1
# shellcheck disable=SC2086
run "T2: heat" "$build/bench/heat" $t2
exit $failed
