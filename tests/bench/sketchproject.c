/* Products and reductions of KSP sketchproject against others on the first Newton step of PDE-N:
   bench/sketchproject -N 31,63 -alpha 1e-2 -rtol 1e-8; the preconditioner by -pc_X, every solver reads the same. Reductions are counted on two ranks
   or more. */
#include <nomos.h>
#include "../kkttest.h"

static PetscErrorCode Run(Mat K, Mat S, Vec b, const char type[], const char options[], PetscReal rtol)
{
  KSP            ksp;
  PC             pc;
  Vec            x;
  PetscInt       its;
  PetscInt64     applies;
  PetscReal      rel;
  PetscLogDouble reductions, t0, t1;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, K, K));
  PetscCall(KSPSetType(ksp, type));
  PetscCall(KSPSetPCSide(ksp, PC_RIGHT));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPGMRESSetRestart(ksp, 50));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  if (S) PetscCall(NomosPCKKTSketchSetSchurMat(pc, S));
  PetscCall(KSPSetTolerances(ksp, rtol, 1e-300, 1e30, 20000));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSetUp(ksp));
  PetscCall(PCSetUpOnBlocks(pc));
  reductions = petsc_allreduce_ct;
  PetscCall(PetscTime(&t0));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(PetscTime(&t1));
  reductions = petsc_allreduce_ct - reductions;
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(NomosKSPSketchProjectGetApplies(ksp, &applies));
  PetscCall(KKTResidual(K, b, x, &rel));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "ksp=%s %s reason=%d iterations=%d products=%d reductions=%d residual=%.2e seconds=%.3f\n", type, options, (int)reason, (int)its, (int)(applies ? applies : its), (int)reductions, (double)rel, t1 - t0));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt  N[8] = {31, 63}, n = 8, seeds = 1;
  PetscReal alpha = 1e-2, rtol = 1e-8;
  PetscBool set, twice = PETSC_FALSE;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-N", N, &n, &set));
  if (!set) n = 2;
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-alpha", &alpha, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-rtol", &rtol, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seeds", &seeds, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-twice", &twice, NULL)); /* with -schur_pc_type mat */
  for (PetscInt i = 0; i < n; i++) {
    Mat B, G, K, S = NULL;
    PC  state = NULL;
    Vec r1, r2, b;
    IS  primal;

    PetscCall(KKTPdeBlocks(N[i], alpha, &B, &G, &r1, &r2));
    PetscCall(KKTJoin(B, G, 0, &K, NULL));
    if (twice) PetscCall(KKTPdeSchurInverse(G, &S, &state));
    PetscCall(MatCreateVecs(K, NULL, &b));
    PetscCall(PetscObjectQuery((PetscObject)K, "nomos_primal", (PetscObject *)&primal));
    PetscCall(VecISCopy(b, primal, SCATTER_FORWARD, r1));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "N=%d alpha=%g rtol=%g\n", (int)N[i], (double)alpha, (double)rtol));
    PetscCall(Run(K, S, b, KSPGMRES, "", rtol));
    for (PetscInt s = 0; s < seeds; s++) {
      char text[256];

      PetscCall(PetscSNPrintf(text, sizeof(text), "-ksp_sketchproject_seed %d", (int)s));
      PetscCall(Run(K, S, b, KSPSKETCHPROJECT, text, rtol));
    }
    PetscCall(MatDestroy(&B));
    PetscCall(MatDestroy(&G));
    PetscCall(MatDestroy(&K));
    PetscCall(MatDestroy(&S));
    PetscCall(PCDestroy(&state));
    PetscCall(VecDestroy(&r1));
    PetscCall(VecDestroy(&r2));
    PetscCall(VecDestroy(&b));
  }
  return PetscFinalize() ? 1 : 0;
}
