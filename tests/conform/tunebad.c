/* Systems and costs that are wrong, under the tuning KSP: the user's own solver decides what happens, and the tuner goes on. */
#include "nomostest.h"
#include "heattest.h"

/* 1-D Laplacian, n rows; `what` makes it bad */
static PetscErrorCode Make(PetscInt n, int what, Mat *A, Vec *b, Vec *x)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 3, NULL, 2, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscScalar d = 2.1, l = -1, u = -1;

    if (what == 1 && i == n / 2) d = 0;
    if (what == 2 && i == n / 2) d = NAN;
    if (what == 3 && i % 2) d = -2.1; /* indefinite */
    if (what == 4) u = 1.5;           /* not symmetric */
    PetscCall(MatSetValue(*A, i, i, d, INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(*A, i, i - 1, l, INSERT_VALUES));
    if (i < n - 1) PetscCall(MatSetValue(*A, i, i + 1, u, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(*A, x, b));
  PetscCall(VecSet(*b, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NewKSP(Mat A, const char type[], const char options[], KSP *ksp)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetType(*ksp, KSPCG));
  PetscCall(KSPSetNormType(*ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetTolerances(*ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  PetscCall(KSPSetOperators(*ksp, A, A));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCSOR));
  if (type) PetscCall(KSPSetType(*ksp, type));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's own errors are returned, not raised */
static PetscErrorCode Quiet(MPI_Comm comm, int line, const char *fun, const char *file, PetscErrorCode n, PetscErrorType p, const char *mess, void *ctx)
{
  return n;
}

/* Twenty solves beside the plain solver: never worse than it; where it fails, with its reason; where it raises, the same code. */
static PetscErrorCode Beside(const char name[], PetscInt n, int what, const char options[])
{
  Mat A;
  Vec b, x;
  KSP plain, tuned;

  PetscFunctionBegin;
  PetscCall(Make(n, what, &A, &b, &x));
  PetscCall(NewKSP(A, NULL, options, &plain));
  PetscCall(NewKSP(A, KSPNOMOSTUNE, options, &tuned));
  for (int k = 0; k < 20; k++) {
    KSPConvergedReason want, got;
    PetscErrorCode     raised, ours;

    PetscCall(PetscPushErrorHandler(Quiet, NULL));
    raised = KSPSolve(plain, b, x);
    ours   = KSPSolve(tuned, b, x);
    PetscCall(PetscPopErrorHandler());
    CheckInt(name, ours, raised);
    if (ours || raised) break;
    PetscCall(KSPGetConvergedReason(plain, &want));
    PetscCall(KSPGetConvergedReason(tuned, &got));
    if (want < 0 && !k) CheckInt(name, got, want); /* the first solve is the user's setting */
    if (want > 0) CheckTrue(name, got > 0);
  }
  PetscCall(KSPDestroy(&plain));
  PetscCall(KSPDestroy(&tuned));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BadCost(KSP ksp, PetscInt its, PetscReal *cost, void *ctx)
{
  const int k = (*(int *)ctx)++;

  PetscFunctionBegin;
  *cost = k % 3 == 1 ? NAN : (PetscReal)its;
  if (k == 5) PetscFunctionReturn(PETSC_ERR_USER); /* on every rank */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* NaN now and then, and one error: the round is dropped, the next solve is whole. */
static PetscErrorCode UserCosts(void)
{
  Mat                  A;
  Vec                  b, x;
  KSP                  ksp;
  NomosTuner           t;
  NomosTunerStatistics s;
  int                  calls = 0, errors = 0;

  PetscFunctionBegin;
  PetscCall(Make(60, 0, &A, &b, &x));
  PetscCall(NewKSP(A, KSPNOMOSTUNE, "", &ksp));
  PetscCall(NomosKSPTuneSetCostFunction(ksp, BadCost, &calls));
  for (int k = 0; k < 12; k++) {
    KSPConvergedReason reason;
    PetscErrorCode     ierr;

    PetscCall(PetscPushErrorHandler(Quiet, NULL));
    ierr = KSPSolve(ksp, b, x);
    PetscCall(PetscPopErrorHandler());
    if (ierr) {
      errors++;
      continue;
    }
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    CheckTrue("solves with costs that are no numbers converge", reason > 0);
  }
  CheckInt("one error came through", errors, 1);
  PetscCall(NomosKSPTuneGetTuner(ksp, &t));
  PetscCall(NomosTunerGetStatistics(t, &s));
  CheckInt("NaN and the error are no rounds: calls 1, 4, 5, 7, 10 of 12", (PetscInt)s.cancelled, 5);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size; /* PETSc's SOR raises a zero on the diagonal on the rank that has it alone: a program ends there */

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(Beside("a good matrix", 60, 0, ""));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size == 1) PetscCall(Beside("a zero on the diagonal", 60, 1, ""));
  PetscCall(Beside("NaN on the diagonal", 60, 2, ""));
  PetscCall(Beside("indefinite under CG", 60, 3, ""));
  PetscCall(Beside("not symmetric under CG", 60, 4, ""));
  PetscCall(Beside("ranks without rows", 2, 0, ""));
  PetscCall(Beside("one arm", 60, 0, "-ksp_nomostune_param_0 pc_sor_omega:lin:1:1:1"));
  PetscCall(UserCosts());
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
