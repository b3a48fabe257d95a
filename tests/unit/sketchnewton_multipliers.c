/* First multipliers of TAOSKETCHNEWTON, l = argmin |grad f + G'l|, where the answer is known: f = |x|^2/2 at x = -G'l* + p with G p = 0, so
   l = l*. G has the singular values 10^(-6 k/(m-1)), its singular vectors are cosines. With an assembled G the sketched QR finds l*
   whatever the condition; by products alone 200 iterations of LSQR do not. */
#include <nomos.h>
#include "kkttest.h"
#include "nomostest.h"

#define N_PRIMAL 1500
#define M_DUAL   60
#define DECADES  6
/* LSQR stops at |G r| <= 1e-8 |G| |r| in the preconditioned space, of condition 3; |r| is about 0.1 |G'l*| here. In the norm of G'. */
#define MISS 1e-7

static PetscErrorCode FG(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(VecNorm(x, NORM_2, f));
  *f = 0.5 * *f * *f;
  PetscCall(VecCopy(x, g));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode C(Tao tao, Vec x, Vec c, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(MatMult((Mat)ctx, x, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Nothing(Tao tao, Vec x, Mat A, Mat P, void *ctx)
{
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* before the first step */
static PetscErrorCode Stop(Tao tao, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(TaoSetConvergedReason(tao, TAO_CONVERGED_USER));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* |G'(l - l*)| / |G'l*| before the first step */
static PetscErrorCode Miss(Mat G, Mat J, PetscReal *miss)
{
  Tao       tao;
  Vec       x, c, lstar, l, fit;
  Mat       H;
  PetscReal norm;
  PetscInt  lo, hi, n;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(G, &x, &lstar));
  PetscCall(VecDuplicate(lstar, &c));
  PetscCall(VecDuplicate(x, &fit));
  PetscCall(VecGetOwnershipRange(lstar, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(lstar, i, PetscCosReal((PetscReal)i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(lstar));
  PetscCall(VecAssemblyEnd(lstar));
  PetscCall(MatMultTranspose(G, lstar, fit));
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(x, i, 0.1 * KKTCosine(N_PRIMAL, i, 2), INSERT_VALUES)); /* a cosine that G' does not have */
  PetscCall(VecAssemblyBegin(x));
  PetscCall(VecAssemblyEnd(x));
  PetscCall(VecAXPY(x, -1, fit));
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(MatCreateConstantDiagonal(PETSC_COMM_WORLD, n, n, N_PRIMAL, N_PRIMAL, 1, &H));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, FG, NULL));
  PetscCall(TaoSetEqualityConstraintsRoutine(tao, c, C, G));
  PetscCall(TaoSetJacobianEqualityRoutine(tao, J, J, Nothing, NULL));
  PetscCall(TaoSetHessian(tao, H, H, Nothing, NULL));
  PetscCall(TaoSetConvergenceTest(tao, Stop, NULL));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetDualVariables(tao, &l, NULL));
  PetscCall(VecNorm(fit, NORM_2, &norm));
  PetscCall(VecAXPY(lstar, -1, l));
  PetscCall(MatMultTranspose(G, lstar, fit));
  PetscCall(VecNorm(fit, NORM_2, miss));
  *miss /= norm;
  PetscCall(TaoDestroy(&tao));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&c));
  PetscCall(VecDestroy(&fit));
  PetscCall(VecDestroy(&lstar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscReal miss;
  Mat       T, G, J;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  for (int sparse = 0; sparse < 2; sparse++) {
    PetscCall(KKTGraded(N_PRIMAL, M_DUAL, DECADES, &T));
    PetscCall(MatTranspose(T, MAT_INITIAL_MATRIX, &G));
    PetscCall(MatDestroy(&T));
    if (sparse) PetscCall(MatConvert(G, MATAIJ, MAT_INPLACE_MATRIX, &G));
    PetscCall(Miss(G, G, &miss));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: |G'(l - l*)| / |G'l*| = %.1e\n", sparse ? "aij" : "dense", (double)miss));
    CheckTrue("the known multipliers with an assembled Jacobian", miss <= MISS);
    if (!sparse) {
      PetscCall(KKTHide(G, &J));
      PetscCall(Miss(G, J, &miss));
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "shell: %.1e\n", (double)miss));
      CheckTrue("nearly, by products alone", miss <= 1e-3);
      PetscCall(MatDestroy(&J));
    }
    PetscCall(MatDestroy(&G));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
