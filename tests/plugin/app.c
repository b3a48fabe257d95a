/* A program that knows only PETSc: a linear solve and a minimization, types from the command line. Tests load the plug-in into
   it with -dll_append; it must print the same as without, and may then use Nomos types by name. */
static char help[] = "Laplacian solved by KSP, convex quadratic minimized by Tao.\n";
#include <petscksp.h>
#include <petsctao.h>

/* u'' = -1 on n points, zero outside: the discrete solution is exact at the nodes. */
static PetscErrorCode Solve(MPI_Comm comm, PetscInt n)
{
  const PetscReal h = 1.0 / (PetscReal)(n + 1);
  PetscInt        first, last, its;
  PetscReal       error;
  Mat             A;
  Vec             u, b, e;
  KSP             ksp;

  PetscFunctionBeginUser;
  PetscCall(MatCreateAIJ(comm, PETSC_DECIDE, PETSC_DECIDE, n, n, 3, NULL, 1, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  PetscCall(MatCreateVecs(A, &u, &b));
  PetscCall(VecDuplicate(u, &e));
  for (PetscInt i = first; i < last; i++) {
    const PetscReal x = h * (PetscReal)(i + 1);

    if (i > 0) PetscCall(MatSetValue(A, i, i - 1, -1, INSERT_VALUES));
    if (i < n - 1) PetscCall(MatSetValue(A, i, i + 1, -1, INSERT_VALUES));
    PetscCall(MatSetValue(A, i, i, 2, INSERT_VALUES));
    PetscCall(VecSetValue(e, i, 0.5 * x * (1 - x), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(e));
  PetscCall(VecAssemblyEnd(e));
  PetscCall(VecSet(b, h * h));
  PetscCall(KSPCreate(comm, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetTolerances(ksp, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, u));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(VecAXPY(u, -1, e));
  PetscCall(VecNorm(u, NORM_INFINITY, &error));
  PetscCall(PetscPrintf(comm, "ksp: %d iterations, error below 1e-7: %s\n", (int)its, error < 1e-7 ? "yes" : "no"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

#if !defined(PETSC_USE_COMPLEX)
/* f = |x - 1|^2 / 2 */
static PetscErrorCode Quadratic(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, g));
  PetscCall(VecShift(g, -1));
  PetscCall(VecDot(g, g, f));
  *f *= 0.5;
  PetscFunctionReturn(0);
}

static PetscErrorCode Minimize(MPI_Comm comm, PetscInt n)
{
  PetscReal f;
  TaoType   type;
  Tao       tao;
  Vec       x;

  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(comm, PETSC_DECIDE, n, &x));
  PetscCall(TaoCreate(comm, &tao));
  PetscCall(TaoSetType(tao, TAOBLMVM));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Quadratic, NULL));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetType(tao, &type));
  PetscCall(TaoGetSolutionStatus(tao, NULL, &f, NULL, NULL, NULL, NULL));
  PetscCall(PetscPrintf(comm, "tao %s: minimum below 1e-6: %s\n", type, f < 1e-6 ? "yes" : "no"));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}
#endif

int main(int argc, char **argv)
{
  PetscInt n = 31;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(Solve(PETSC_COMM_WORLD, n));
#if !defined(PETSC_USE_COMPLEX)
  PetscCall(Minimize(PETSC_COMM_WORLD, n));
#endif
  PetscCall(PetscFinalize());
  return 0;
}
