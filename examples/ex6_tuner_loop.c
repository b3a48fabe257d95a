/*
  The tuner in a loop of your own: the program sets omega, tells the tuner what it knows before a solve and what the solve cost.

    ./ex6_tuner_loop
    ./ex6_tuner_loop -nomos_tuner_monitor -view       a line per solve; what was learned, at the end
    mpiexec -n 2 ./ex6_tuner_loop -nomos_tuner_method chebcb -n 64

  The heat equation on a square, implicit Euler, time step and conductivity both change from step to step. The context is one
  number, log10(k dt/h^2), which says how far the matrix is from the identity: the best omega hangs on it.
*/
static char help[] = "NomosTuner around a KSP of one's own; see the head of the source.\n";
#include <nomos.h>
#include <petscdmda.h>
#include <petscksp.h>

/* A = I + c (4 u - neighbours), zero outside */
static PetscErrorCode Fill(DM da, PetscInt n, PetscReal c, Mat A)
{
  PetscInt x, y, nx, ny;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetCorners(da, &x, &y, NULL, &nx, &ny, NULL));
  for (PetscInt j = y; j < y + ny; j++)
    for (PetscInt i = x; i < x + nx; i++) {
      const PetscInt step[5][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
      MatStencil     row = {.i = i, .j = j}, col[5];
      PetscScalar    v[5];
      PetscInt       m = 0;

      for (PetscInt k = 0; k < 5; k++) {
        const PetscInt p = i + step[k][0], q = j + step[k][1];

        if (p < 0 || p >= n || q < 0 || q >= n) continue;
        col[m] = (MatStencil){.i = p, .j = q};
        v[m++] = k ? -c : 1 + 4 * c;
      }
      PetscCall(MatSetValuesStencil(A, 1, &row, m, col, v, INSERT_VALUES));
    }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* at most "limit" iterations with this omega, from the x that is there */
static PetscErrorCode Solve(KSP ksp, PetscReal omega, PetscReal limit, Vec b, Vec x, PetscInt *its, PetscBool *converged)
{
  PC                 pc;
  KSPConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSORSetOmega(pc, omega));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, (PetscInt)PetscMin(limit, 10000)));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  *converged = (PetscBool)(reason > 0);
  PetscFunctionReturn(0);
}

/* the sequence, with a tuner or with omega = 1; the iterations it took, and the solution at its end */
static PetscErrorCode Sequence(DM da, KSP ksp, Mat A, NomosTuner tuner, PetscInt n, PetscInt steps, Vec x, PetscReal *total)
{
  Vec b;

  PetscFunctionBeginUser;
  *total = 0;
  PetscCall(VecDuplicate(x, &b));
  PetscCall(VecSet(x, 1));
  for (PetscInt s = 1; s <= steps; s++) {
    const PetscReal dt = 1e-3 * (1 + s % 3), s1 = PetscSinReal(0.02 * PETSC_PI * (PetscReal)s), k = PetscMax(0.1 * s1, -10 * s1) + 0.01;
    PetscReal       c = dt * k * (n + 1) * (n + 1), context = PetscLog10Real(c), omega = 1, limit = PETSC_MAX_REAL;
    PetscInt        its, more = 0;
    PetscBool       converged, finished;

    PetscCall(Fill(da, n, c, A));
    PetscCall(VecCopy(x, b));
    PetscCall(VecShift(b, dt));                                                 /* a source of 1 */
    if (tuner) PetscCall(NomosTunerSelect(tuner, &context, NULL, &omega));      /* which omega for this system? */
    if (tuner) PetscCall(NomosTunerGetLimit(tuner, &limit));                    /* and how long may it take? */
    PetscCall(Solve(ksp, omega, limit, b, x, &its, &converged));
    if (!converged) PetscCall(Solve(ksp, 1, PETSC_MAX_REAL, b, x, &more, &finished)); /* go on with what is known to work */
    if (tuner) PetscCall(NomosTunerReport(tuner, (PetscReal)(its + more), (PetscBool)!converged));
    *total += (PetscReal)(its + more);
  }
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscInt   n = 48, steps = 300;
  PetscReal  plain, tuned, difference, size;
  DM         da;
  Mat        A;
  Vec        x, y;
  KSP        ksp;
  PC         pc;
  NomosTuner tuner;
  PetscBool  view = PETSC_FALSE, bad;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &steps, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-view", &view, NULL));
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, n, n, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateMatrix(da, &A));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSOR));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED)); /* the same goal whatever omega is */
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(ksp));

  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &tuner));
  PetscCall(NomosTunerAddNumericParameter(tuner, "omega", 1, 1.9, 19, NOMOS_SCALE_LINEAR)); /* the first one, 1, is the baseline */
  PetscCall(NomosTunerAddContext(tuner, "log10 c", -2, 2, PETSC_TRUE));
  PetscCall(NomosTunerSetCostFloor(tuner, 1)); /* no solve takes less than one iteration */
  PetscCall(NomosTunerSetFromOptions(tuner));

  PetscCall(Sequence(da, ksp, A, NULL, n, steps, x, &plain));
  PetscCall(Sequence(da, ksp, A, tuner, n, steps, y, &tuned));
  PetscCall(VecAXPY(y, -1, x));
  PetscCall(VecNorm(x, NORM_2, &size));
  PetscCall(VecNorm(y, NORM_2, &difference));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%d steps: %d iterations with omega = 1, %d tuned; the answers differ by %.1e\n", (int)steps, (int)plain, (int)tuned, (double)(difference / size)));
  /* every solve is right to 1e-8 of its right-hand side, and what came before decays; the learner has to be worth it */
  bad = (PetscBool)(!(difference <= 1e-6 * size) || !(tuned < 0.97 * plain));
  if (bad) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "FAILED\n"));
  if (view) PetscCall(NomosTunerView(tuner, PETSC_VIEWER_STDOUT_WORLD));
  PetscCall(NomosTunerDestroy(&tuner));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(DMDestroy(&da));
  PetscCall(PetscFinalize());
  return bad ? 1 : 0;
}

/*TEST
  np: 1 2 4
  np: 1      args: -nomos_tuner_method chebcb -nomos_tuner_log solves.csv
TEST*/
