/* PC kktsketch: exact where its blocks are exact, every source of blocks, both forms, what is refused. */
#include <nomos.h>
#include "kkttest.h"
#include "nomostest.h"

/* Solves with options `-PREFIX...` already in the database; returns iterations. */
static PetscErrorCode Solve(Mat K, const char prefix[], const char options[], PetscReal rtol, PetscInt *its)
{
  KSP                ksp;
  Vec                b, x;
  PetscReal          rel;
  PetscInt           lo, hi;
  KSPConvergedReason reason;
  PC                 pc;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(MatCreateVecs(K, &x, &b));
  PetscCall(VecGetOwnershipRange(b, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(b, i, cos(0.7 * (double)(i - lo)), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, prefix));
  PetscCall(KSPSetOperators(ksp, K, K));
  PetscCall(KSPSetType(ksp, KSPFGMRES));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(KSPSetTolerances(ksp, rtol, 1e-300, PETSC_DEFAULT, 300));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, its));
  CheckTrue(options, reason > 0);
  PetscCall(KKTResidual(K, b, x, &rel));
  CheckTrue(options, rel <= 10 * rtol || !strcmp(prefix, "minres_")); /* of the true residual; MINRES tests another norm */
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat         B, G, aij, nest;
  Vec         r1, r2;
  PetscInt    its;
  PetscMPIInt size;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(KKTPdeBlocks(7, 1e-2, &B, &G, &r1, &r2));
  PetscCall(KKTJoin(B, G, 0, &aij, &nest));
  /* B is diagonal; selfp and Cholesky on one rank are exact: P = K */
  PetscCall(Solve(nest, "a_", "-a_pc_kktsketch_schur selfp", 1e-10, &its));
  if (size == 1) CheckTrue("exact blocks solve in one iteration", its <= 1);
  PetscCall(Solve(aij, "b_", "-b_pc_kktsketch_schur selfp -b_pc_kktsketch_hessian diag", 1e-10, &its));
  if (size == 1) CheckTrue("exact blocks solve in one iteration", its <= 1);
  PetscCall(Solve(aij, "c_", "-c_pc_kktsketch_schur sketchqr", 1e-10, &its));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "sketchqr: %d\n", (int)its));
  PetscCall(Solve(aij, "d_", "-d_pc_kktsketch_schur lsqr -d_schur_ksp_rtol 1e-12", 1e-8, &its));
  CheckTrue("an inner iteration to 1e-12 is exact", its <= 2);
  PetscCall(Solve(aij, "e_", "-e_pc_kktsketch_hessian nystrom -e_pc_kktsketch_schur sketchqr", 1e-8, &its));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "nystrom: %d\n", (int)its));
  PetscCall(Solve(aij, "f_", "-f_pc_kktsketch_hessian pc -f_hess_pc_type jacobi", 1e-8, &its));
  PetscCall(Solve(aij, "minres_", "-minres_ksp_type minres -minres_pc_kktsketch_form diagonal -minres_pc_kktsketch_schur selfp -minres_schur_pc_type cholesky -minres_schur_pc_type jacobi", 1e-8, &its));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&G));
  PetscCall(MatDestroy(&aij));
  PetscCall(MatDestroy(&nest));
  PetscCall(VecDestroy(&r1));
  PetscCall(VecDestroy(&r2));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
