/* KSPs of the catalogue that wrap another one: T4, a trap (arms above omega 0.5 diverge; every solve must converge through the
   fallback, and the arms that diverge end up banned), a guess that is not zero, an omega of 2 refused. */
#include <nomos.h>
#include "nomostest.h"

static PetscErrorCode Trap(PetscInt n, Mat *A)
{
  const PetscReal h = 1.0 / (PetscReal)(n + 1), v[2] = {512, 256};
  PetscInt        lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n * n, n * n, 5, NULL, 5, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) {
    const PetscInt i = r % n, j = r / n;

    PetscCall(MatSetValue(*A, r, r, 4, INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(*A, r, r - 1, -1 - v[0] * h / 2, INSERT_VALUES));
    if (i < n - 1) PetscCall(MatSetValue(*A, r, r + 1, -1 + v[0] * h / 2, INSERT_VALUES));
    if (j > 0) PetscCall(MatSetValue(*A, r, r - n, -1 - v[1] * h / 2, INSERT_VALUES));
    if (j < n - 1) PetscCall(MatSetValue(*A, r, r + n, -1 + v[1] * h / 2, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Residual(Mat A, Vec b, Vec x, PetscBool transpose, PetscReal *rel)
{
  Vec       r;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  if (transpose) PetscCall(MatMultTranspose(A, x, r));
  else PetscCall(MatMult(A, x, r));
  PetscCall(VecAXPY(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, rel));
  PetscCall(VecNorm(b, NORM_2, &norm));
  *rel /= norm;
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves under a learner; every one must converge. */
static PetscErrorCode Solves(Mat A, Vec b, Vec x, const char prefix[], const char method[], PetscInt rounds, KSP *ksp, NomosTunerStatistics *s)
{
  NomosTuner         t;
  PC                 pc;
  KSPConvergedReason reason;
  PetscReal          rel;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, prefix));
  PetscCall(KSPSetOperators(*ksp, A, A));
  PetscCall(KSPSetType(*ksp, KSPRICHARDSON));
  PetscCall(KSPSetNormType(*ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCSOR));
  PetscCall(KSPSetTolerances(*ksp, 1e-6, PETSC_DEFAULT, 1e10, 5000));
  PetscCall(KSPSetType(*ksp, KSPNOMOSTUNE));
  PetscCall(NomosKSPTuneGetTuner(*ksp, &t));
  PetscCall(NomosTunerSetMethod(t, method));
  PetscCall(KSPSetFromOptions(*ksp));
  for (PetscInt i = 0; i < rounds; i++) {
    PetscCall(KSPSolve(*ksp, b, x));
    PetscCall(KSPGetConvergedReason(*ksp, &reason));
    CheckTrue("every solve converges", reason > 0);
    if (i % 10) continue;
    PetscCall(Residual(A, b, x, PETSC_FALSE, &rel));
    CheckTrue("to the tolerance", rel <= 1.01e-6); /* one percent: rounding of the recursion */
  }
  PetscCall(NomosKSPTuneGetTuner(*ksp, &t));
  PetscCall(NomosTunerGetStatistics(t, s));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "trap, %s: spent %g, baseline %g, failures %d, bans %d\n", method, (double)s->spent, (double)s->baseline_cost, (int)s->failures, (int)s->banned));
  CheckInt("a round per solve", s->rounds + s->cancelled, rounds);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  KSP                  ksp;
  Mat                  A;
  Vec                  x, b;
  NomosTunerStatistics s;
  PetscReal            rel;
  PetscMPIInt          size;
  PetscErrorCode       ierr;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (int i = 0; i < 2; i++) {
    const char *p = i ? "sweep_" : "", *where = size > 1 ? "local_" : "";
    char        options[512];

    snprintf(options, sizeof(options), "-%sksp_nomostune_param_0 pc_sor_omega:lin:0.1:1.62:20 -%sksp_nomostune_budget -1 -%spc_sor_omega 0.1 -%spc_sor_%sforward", p, p, p, p, where);
    PetscCall(PetscOptionsInsertString(NULL, options));
  }
  PetscCall(Trap(63, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecSetRandom(b, NULL));
  /* Round robin comes back to every arm: those above 0.5, 14 of 20, fail three times in a row. 0.50 itself is arm 5. */
  if (size == 1) {
    PetscCall(Solves(A, b, x, "sweep_", NOMOSTUNERSWEEP, 64, &ksp, &s));
    CheckInt("the arms above 0.5 are banned, no other", s.banned, 14);
    PetscCall(KSPDestroy(&ksp));
  }
  PetscCall(Solves(A, b, x, "", NOMOSTUNERAUTO, size == 1 ? 150 : 60, &ksp, &s)); /* gp does not come back, so bans nothing */
  if (size == 1) CheckTrue("arms failed", s.failures > 0);

  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(VecScale(x, 1.1));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(Residual(A, b, x, PETSC_FALSE, &rel));
  CheckTrue("a guess that is not zero", rel <= 1.01e-6);
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_FALSE));
  PetscCall(KSPDestroy(&ksp));

  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, "bad_"));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(PetscOptionsInsertString(NULL, "-bad_ksp_type nomostune -bad_pc_type sor -bad_ksp_nomostune_param_0 pc_sor_omega:lin:1:2:5"));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = KSPSolve(ksp, b, x);
  PetscCall(PetscPopErrorHandler());
  CheckInt("an arm with omega = 2", ierr, PETSC_ERR_ARG_OUTOFRANGE);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
