/* What a KSP spends on the first Newton step of PDE-N: products with the matrix, reductions, seconds. Shared by the test and the
   benchmark of sketchproject. */
#ifndef KKTCOST_H
#define KKTCOST_H
#include <nomos.h>
#include <petsctime.h>
#include "kkttest.h"

typedef struct {
  KSPConvergedReason reason;
  PetscInt           iterations;
  PetscInt64         products;
  PetscInt           reductions; /* of the method: without those inside the Schur complement's multigrid, on which releases of PETSc differ */
  PetscReal          residual;   /* true, relative */
  PetscLogDouble     seconds;
} KKTCost;

/* K with the index sets of its fields, its right-hand side, and on request the Schur complement's inverse by multigrid on the state
   operator, twice (for -schur_pc_type mat). */
static inline PetscErrorCode KKTPdeSystem(PetscInt N, PetscReal alpha, Mat *K, Vec *b, Mat *S, PC *state)
{
  Mat B, G;
  Vec r1, r2;
  IS  primal;

  PetscFunctionBegin;
  PetscCall(KKTPdeBlocks(N, alpha, &B, &G, &r1, &r2));
  PetscCall(KKTJoin(B, G, 0, K, NULL));
  if (S) PetscCall(KKTPdeSchurInverse(G, S, state));
  PetscCall(MatCreateVecs(*K, NULL, b));
  PetscCall(PetscObjectQuery((PetscObject)*K, "nomos_primal", (PetscObject *)&primal));
  PetscCall(VecISCopy(*b, primal, SCATTER_FORWARD, r1));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&G));
  PetscCall(VecDestroy(&r1));
  PetscCall(VecDestroy(&r2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One solve with PC kktsketch from x = 0, GMRES restarted at 50; options last. */
static inline PetscErrorCode KKTCostOf(Mat K, Mat S, Vec b, const char type[], PetscReal rtol, PetscInt maxit, KKTCost *cost)
{
  KSP            ksp;
  PC             pc;
  Vec            x;
  PetscLogDouble reductions, start, end;

  PetscFunctionBegin;
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
  PetscCall(KSPSetTolerances(ksp, rtol, 1e-300, 1e30, maxit));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSetUp(ksp));
  KKTSchurReductions = 0;
  reductions         = petsc_allreduce_ct;
  PetscCall(PetscTime(&start));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(PetscTime(&end));
  cost->reductions = (PetscInt)(petsc_allreduce_ct - reductions - KKTSchurReductions);
  cost->seconds    = end - start;
  PetscCall(KSPGetIterationNumber(ksp, &cost->iterations));
  PetscCall(KSPGetConvergedReason(ksp, &cost->reason));
  PetscCall(NomosKSPSketchProjectGetApplies(ksp, &cost->products));
  if (!cost->products) cost->products = cost->iterations; /* another type */
  PetscCall(KKTResidual(K, b, x, &cost->residual));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif
