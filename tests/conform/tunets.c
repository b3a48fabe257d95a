/* The contexts dt and iter in a program whose TS runs: a reaction-diffusion equation in one dimension, backward Euler with steps that change, Newton's
   method in every step. One call attaches the TS; what the log says of every solve is what the program knows itself: the step it set, and how
   many linear systems this step has solved before. Solutions are those of the plain solver. */
#include <petscts.h>
#include <petscdmda.h>
#include <string.h>
#include <nomos.h>
#include "nomostest.h"

#define STEPS 25
static PetscReal Step(PetscInt k)
{
  return 1e-3 * PetscPowReal(2, (PetscReal)(k % 5));
}

static PetscErrorCode Rate(TS ts, PetscReal time, Vec U, Vec F, void *ctx)
{
  DM                 dm = (DM)ctx;
  const PetscScalar *u;
  PetscScalar       *f;
  Vec                local;
  PetscInt           lo, n, N;

  PetscFunctionBegin;
  PetscCall(DMDAGetInfo(dm, NULL, &N, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
  PetscCall(DMDAGetCorners(dm, &lo, NULL, NULL, &n, NULL, NULL));
  PetscCall(DMGetLocalVector(dm, &local));
  PetscCall(DMGlobalToLocal(dm, U, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(dm, local, &u));
  PetscCall(DMDAVecGetArray(dm, F, &f));
  for (PetscInt i = lo; i < lo + n; i++) {
    const PetscScalar left = i ? u[i - 1] : 0, right = i < N - 1 ? u[i + 1] : 0;

    f[i] = (left - 2 * u[i] + right) * (PetscReal)(N * N) + 200 * u[i] * (1 - u[i] * u[i]);
  }
  PetscCall(DMDAVecRestoreArray(dm, F, &f));
  PetscCall(DMDAVecRestoreArrayRead(dm, local, &u));
  PetscCall(DMRestoreLocalVector(dm, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Jacobian(TS ts, PetscReal time, Vec U, Mat J, Mat P, void *ctx)
{
  const PetscScalar *u;
  PetscInt           lo, hi, N;

  PetscFunctionBegin;
  PetscCall(VecGetSize(U, &N));
  PetscCall(VecGetOwnershipRange(U, &lo, &hi));
  PetscCall(VecGetArrayRead(U, &u));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscScalar s = (PetscReal)(N * N);

    PetscCall(MatSetValue(P, i, i, -2 * s + 200 * (1 - 3 * u[i - lo] * u[i - lo]), INSERT_VALUES));
    if (i) PetscCall(MatSetValue(P, i, i - 1, s, INSERT_VALUES));
    if (i < N - 1) PetscCall(MatSetValue(P, i, i + 1, s, INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(U, &u));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  PetscInt step, solves, n;
  double   dt[10 * STEPS], iter[10 * STEPS];
} Known;

static PetscErrorCode Before(KSP ksp, Vec b, Vec x, void *ctx)
{
  Known *k = (Known *)ctx;

  PetscFunctionBegin;
  k->solves++;
  if (k->n < 10 * STEPS) {
    k->dt[k->n]     = log10(Step(k->step));
    k->iter[k->n++] = (double)PetscMin(k->solves, 8);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(const char type[], Known *known, Vec *U)
{
  DM   dm;
  TS   ts;
  SNES snes;
  KSP  ksp;
  PC   pc;
  Mat  J;

  PetscFunctionBegin;
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, 60, 1, 1, NULL, &dm));
  PetscCall(DMSetUp(dm));
  PetscCall(DMCreateGlobalVector(dm, U));
  PetscCall(DMCreateMatrix(dm, &J));
  PetscCall(VecSet(*U, 0.1));
  PetscCall(TSCreate(PETSC_COMM_WORLD, &ts));
  PetscCall(TSSetType(ts, TSBEULER));
  PetscCall(TSSetRHSFunction(ts, NULL, Rate, dm));
  PetscCall(TSSetRHSJacobian(ts, J, J, Jacobian, NULL));
  PetscCall(TSSetExactFinalTime(ts, TS_EXACTFINALTIME_STEPOVER));
  PetscCall(TSSetMaxTime(ts, 1e9));
  PetscCall(TSGetSNES(ts, &snes));
  PetscCall(SNESSetTolerances(snes, PETSC_DEFAULT, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(KSPSetType(ksp, KSPGMRES));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 1000));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSOR));
  PetscCall(KSPSetType(ksp, type));
  PetscCall(NomosKSPTuneAttach(ksp, (PetscObject)ts)); /* on GMRES it does nothing */
  PetscCall(NomosKSPTuneSetContexts(ksp, "dt,iter"));
  PetscCall(KSPSetPreSolve(ksp, Before, known));
  PetscCall(TSSetFromOptions(ts));
  for (known->step = 0; known->step < STEPS; known->step++) {
    known->solves = 0;
    PetscCall(TSSetTimeStep(ts, Step(known->step)));
    PetscCall(TSSetMaxSteps(ts, known->step + 1));
    PetscCall(TSSolve(ts, *U));
  }
  PetscCall(TSDestroy(&ts));
  PetscCall(MatDestroy(&J));
  PetscCall(DMDestroy(&dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of the log: round,dt,iter,omega,arm,cost,flag; a round that was dropped is not there. */
static void Compare(const Known *k)
{
  FILE    *f = fopen("ts.csv", "r");
  char     line[256];
  PetscInt rows = 0, several = 0;

  CheckTrue("the log is there", f != NULL);
  if (!f || !fgets(line, sizeof(line), f)) return;
  CheckTrue("its columns", !strncmp(line, "round,dt,iter,", 14));
  while (fgets(line, sizeof(line), f)) {
    double round, dt, iter;

    CheckInt("a row", sscanf(line, "%lf,%lf,%lf", &round, &dt, &iter), 3);
    CheckTrue("a round of this run", round >= 0 && round < (double)k->n);
    if (round < 0 || round >= (double)k->n) break;
    CheckClose("dt", dt, k->dt[(int)round], 1e-12); /* PETSc's step went through the time once */
    CheckClose("iter", iter, k->iter[(int)round], 0);
    rows++;
    several += iter > 1;
  }
  fclose(f);
  CheckTrue("a row for nearly every solve, several solves in most steps", rows >= k->n - 3 && several >= STEPS);
}

int main(int argc, char **argv)
{
  static Known known[2];
  Vec          U[2];
  PetscReal    d, n;
  PetscMPIInt  rank;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscOptionsSetValue(NULL, "-ksp_nomostune_log", "ts.csv"));
  PetscCall(Run(KSPGMRES, &known[0], &U[0]));
  PetscCall(Run(KSPNOMOSTUNE, &known[1], &U[1]));
  if (!rank) Compare(&known[1]);
  PetscCall(VecAXPY(U[1], -1, U[0]));
  PetscCall(VecNorm(U[0], NORM_2, &n));
  PetscCall(VecNorm(U[1], NORM_2, &d));
  CheckClose("the same solution", d / n, 0, 1e-7); /* Newton to 1e-10 a step, what 25 steps of growth leave of it */
  CheckTrue("it has grown", n > 1);
  for (int i = 0; i < 2; i++) PetscCall(VecDestroy(&U[i]));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
