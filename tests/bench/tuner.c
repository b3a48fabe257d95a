/* Benchmarks of the tuner, without PETSc solvers.
     -bench_case overhead   microseconds a round: tsallis d=20, tsallisbins, chebcb, gp 20x13 (default)
     -bench_case t1         the learners on T1: 5000 systems 10x10 with a changing diagonal, solved by SOR for every omega
                            (-T 5000 -seeds 10; -guard: cap and budget on) */
#include <nomos.h>
#include "nomostest.h"
#include "shifttest.h"
#include <time.h>

/* ---- overhead -------------------------------------------------------------------------------------------------- */
static PetscErrorCode Overhead(const char method[], PetscInt d, PetscInt contexts, PetscInt rounds)
{
  NomosTuner     t;
  clock_t        a, b; /* of this process: other processes on the core do not count */

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddNumericParameter(t, "omega", 1, 1.95, d, NOMOS_SCALE_LINEAR));
  if (contexts) PetscCall(NomosTunerAddContext(t, "c", 0, 1, PETSC_FALSE));
  PetscCall(NomosTunerSetMethod(t, method));
  PetscCall(NomosTunerSetUp(t));
  ShiftState = 3;
  a = clock();
  for (PetscInt k = 0; k < rounds; k++) {
    const PetscReal c = ShiftUniform();
    PetscReal       v;

    PetscCall(NomosTunerSelect(t, &c, NULL, &v));
    PetscCall(NomosTunerReport(t, floor(40 + 300 * (v - 1.3 - 0.4 * c) * (v - 1.3 - 0.4 * c)), PETSC_FALSE));
  }
  b = clock();
  PetscCall(NomosTunerDestroy(&t));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "method=%s arms=%d rounds=%d microseconds_per_round=%.2f\n", method, (int)d, (int)rounds, 1e6 * (double)(b - a) / CLOCKS_PER_SEC / rounds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- T1 --------------------------------------------------------------------------------------------------------- */
static PetscErrorCode Learners(PetscBool high, PetscInt T, PetscInt seeds, PetscBool guard)
{
  const PetscInt horizons[] = {PetscMin(T, 500), T}, fixed[] = {0, 12, 13, 15, 16};
  CostTable      p;

  PetscFunctionBegin;
  PetscCall(ShiftTableFill(T, high, SHIFT_SEED, &p));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "problem=%s T=%d", high ? "t1_high" : "t1_low", (int)T));
  for (int i = 0; i < 5; i++) PetscCall(PetscPrintf(PETSC_COMM_SELF, " omega_%.2f=%.0f", 1 + 0.05 * fixed[i], CostTableFixed(&p, T, fixed[i])));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, " young_of_every_instance=%.0f\n", ShiftFixed(T, high, SHIFT_SEED, 0)));
  PetscCall(CostTablePrint(&p, high ? "t1_high" : "t1_low", 0, guard, seeds, 2, horizons));
  PetscCall(CostTableDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char      name[32] = "overhead";
  PetscInt  T = 5000, seeds = 10;
  PetscBool overhead, guard = PETSC_FALSE;

  NomosTestBegin(argc, argv);
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bench_case", name, sizeof(name), NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-T", &T, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seeds", &seeds, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-guard", &guard, NULL));
  PetscCall(PetscStrcmp(name, "overhead", &overhead));
  if (overhead) {
    PetscCall(Overhead("tsallis", 20, 0, 100000));
    PetscCall(Overhead("tsallisbins", 20, 1, 100000));
    PetscCall(Overhead("chebcb", 20, 1, 20000));
    PetscCall(Overhead("gp", 20, 1, 5000));
    PetscCall(Overhead("gp", 20, 0, 20000));
  } else {
    PetscCall(Learners(PETSC_FALSE, T, seeds, guard));
    PetscCall(Learners(PETSC_TRUE, T, seeds, guard));
  }
  return PetscFinalize() ? 1 : 0;
}
