/* Plain SOR (x += M^-1 (b - A x), M one forward sweep of nomossor) on the Poisson matrix of an n x n grid against Young's
   theory for consistently ordered matrices (Young, Trans. AMS 76, 1954; Varga, Matrix Iterative Analysis, section 4.3):
   beta = cos(pi/(n+1)) is the spectral radius of Jacobi's iteration, w* = 2/(1 + sqrt(1 - beta^2)), and the rate of
   convergence is w - 1 for w >= w* and beta^2 for w = 1, in natural as in red-black order. Prints what it finds. */
#include "sortest.h"

static PetscErrorCode Poisson(PetscInt n, Mat *A)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n * n, n * n, 5, NULL, 2, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) {
    PetscCall(MatSetValue(*A, g, g, 4, INSERT_VALUES));
    if (g % n > 0) PetscCall(MatSetValue(*A, g, g - 1, -1, INSERT_VALUES));
    if (g % n < n - 1) PetscCall(MatSetValue(*A, g, g + 1, -1, INSERT_VALUES));
    if (g >= n) PetscCall(MatSetValue(*A, g, g - n, -1, INSERT_VALUES));
    if (g < n * (n - 1)) PetscCall(MatSetValue(*A, g, g + n, -1, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* mean reduction of the residual's norm in an iteration, between iterations K and 4K/3 */
static PetscErrorCode Rate(Mat A, const char ordering[], PetscReal omega, PetscInt K, PetscReal *rate)
{
  const PetscInt end = (4 * K) / 3;
  PetscReal      first = 0, last;
  PC             pc;
  Vec            r, d, q;

  PetscFunctionBegin;
  PetscCall(MakePC(A, &pc));
  PetscCall(NomosPCSORSetOrdering(pc, ordering));
  PetscCall(NomosPCSORSetSweep(pc, "forward"));
  PetscCall(NomosPCSORSetOmega(pc, omega));
  PetscCall(MatCreateVecs(A, &r, &d));
  PetscCall(VecDuplicate(r, &q));
  PetscCall(Fill(r, 7));
  for (PetscInt k = 0; k < end; k++) {
    if (k == K) PetscCall(VecNorm(r, NORM_2, &first));
    PetscCall(PCApply(pc, r, d));
    PetscCall(MatMult(A, d, q));
    PetscCall(VecAXPY(r, -1, q));
  }
  PetscCall(VecNorm(r, NORM_2, &last));
  CheckTrue("the residual is still above rounding", last > 0 && last < first);
  *rate = PetscPowReal(last / first, 1.0 / (PetscReal)(end - K));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&q));
  PetscCall(PCDestroy(&pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscInt    sizes[]     = {10, 31, 63};
  const char *const orderings[] = {"natural", "multicolor"}; /* greedy colours of a grid in natural order: red and black */

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  for (int s = 0; s < 3; s++) {
    const PetscInt  n     = sizes[s];
    const PetscReal beta  = PetscCosReal(PETSC_PI / (n + 1)), w = 2 / (1 + PetscSqrtReal(1 - beta * beta)) + 0.01;
    const PetscInt  young = (PetscInt)PetscMax(40, 12 / (2 - w)), gauss = 2 * n * n; /* the second eigenvalue has died: e^-25 */
    Mat             A;

    PetscCall(Poisson(n, &A));
    for (int o = 0; o < 2; o++) {
      PetscReal rate, one;

      PetscCall(Rate(A, orderings[o], w, young, &rate));
      PetscCall(Rate(A, orderings[o], 1, gauss, &one));
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=rate n=%" PetscInt_FMT " ordering=%s omega=%.4f rate=%.5f young=%.5f omega_1=%.6f beta2=%.6f\n", n, orderings[o], (double)w, (double)rate, (double)(w - 1), (double)one, (double)(beta * beta)));
      CheckClose("rate beyond the best omega", rate, w - 1, 0.03 * (w - 1)); /* Jordan blocks: polynomial factors still count at K */
      CheckClose("log rate of omega = 1", PetscLogReal(one) / PetscLogReal(beta * beta), 1, 0.005);
    }
    PetscCall(MatDestroy(&A));
  }
  return NomosTestEnd();
}

/*TEST
  np: 1
TEST*/
