/* PC nomossor against PETSc's own, as ratios in one run. Times are the smallest of several rounds taken in turn, so that other
   processes on the core disturb all alike.
     -n 1000000    rows, about
     -rounds 7
   apply: one application of a symmetric sweep, nomossor natural over MatSOR (one rank: -mat_no_inode is set here)
   eisenstat: seconds per iteration of CG, nomossor in Eisenstat's form over PCSOR; on one rank PETSc's PCEISENSTAT beside it */
#include <nomos.h>
#include <petsctime.h>
#include "nomostest.h"

/* 5-, 7- or 27-point matrix on a cube or square, -1 for neighbours */
static PetscErrorCode Stencil(int points, PetscInt rows, Mat *A)
{
  const int      dim = points == 5 ? 2 : 3;
  const PetscInt m = (PetscInt)round(pow((double)rows, 1.0 / dim)), nz = dim == 3 ? m : 1;
  PetscInt       lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, m * m * nz, m * m * nz, points, NULL, points, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) {
    const PetscInt x = g % m, y = g / m % m, z = g / m / m;
    PetscInt       col[27], k = 0;
    PetscScalar    v[27];

    for (int c = -1; c <= 1; c++)
      for (int b = -1; b <= 1; b++)
        for (int a = -1; a <= 1; a++) {
          if (points != 27 && PetscAbs(a) + PetscAbs(b) + PetscAbs(c) > 1) continue;
          if (x + a < 0 || x + a >= m || y + b < 0 || y + b >= m || z + c < 0 || z + c >= nz) continue;
          col[k] = g + a + m * (b + m * c);
          v[k++] = a || b || c ? -1 : points - 1 + 0.01;
        }
    PetscCall(MatSetValues(*A, 1, &g, k, col, v, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ApplyRatio(int points, PetscInt rows, PetscInt rounds)
{
  Mat            A;
  Vec            b, x;
  PC             pc;
  PetscInt       n;
  PetscLogDouble t0, t1, t2, ours = 1e9, theirs = 1e9;

  PetscFunctionBegin;
  PetscCall(Stencil(points, rows, &A));
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecSet(b, 1));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetOperators(pc, A, A));
  PetscCall(PCSetType(pc, PCNOMOSSOR));
  PetscCall(NomosPCSORSetOmega(pc, 1.5));
  PetscCall(PCApply(pc, b, x));
  PetscCall(MatSOR(A, b, 1.5, (MatSORType)(SOR_ZERO_INITIAL_GUESS | SOR_LOCAL_SYMMETRIC_SWEEP), 0, 1, 1, x));
  for (PetscInt r = 0; r < rounds; r++) {
    PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    PetscCall(PetscTime(&t0));
    PetscCall(PCApply(pc, b, x));
    PetscCall(PetscTime(&t1));
    PetscCall(MatSOR(A, b, 1.5, (MatSORType)(SOR_ZERO_INITIAL_GUESS | SOR_LOCAL_SYMMETRIC_SWEEP), 0, 1, 1, x));
    PetscCall(PetscTime(&t2));
    ours   = PetscMin(ours, t1 - t0);
    theirs = PetscMin(theirs, t2 - t1);
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=apply points=%d rows=%" PetscInt_FMT " nomossor_ms=%.2f matsor_ms=%.2f ratio=%.3f\n", points, n, 1e3 * ours, 1e3 * theirs, ours / theirs));
  PetscCall(PCDestroy(&pc));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* seconds per iteration of CG with the natural norm, 20 iterations */
static PetscErrorCode TimeCG(Mat A, const char pctype[], Vec b, Vec x, PetscLogDouble *best, KSP *ksp)
{
  PetscLogDouble t0, t1;
  PC             pc;

  PetscFunctionBegin;
  if (!*ksp) {
    PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
    PetscCall(KSPSetType(*ksp, KSPCG));
    PetscCall(KSPSetNormType(*ksp, KSP_NORM_NATURAL));
    PetscCall(KSPSetOperators(*ksp, A, A));
    PetscCall(KSPSetTolerances(*ksp, 1e-50, 1e-50, PETSC_DEFAULT, 20));
    PetscCall(KSPGetPC(*ksp, &pc));
    PetscCall(PCSetType(pc, pctype));
    PetscCall(PCSORSetOmega(pc, 1.5));
    PetscCall(PCSORSetSymmetric(pc, SOR_LOCAL_SYMMETRIC_SWEEP));
    PetscCall(PCEisenstatSetOmega(pc, 1.5));
    PetscCall(NomosPCSORSetOmega(pc, 1.5));
    PetscCall(NomosPCSORSetEisenstat(pc, PETSC_TRUE));
    PetscCall(KSPSolve(*ksp, b, x));
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&t0));
  PetscCall(KSPSolve(*ksp, b, x));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&t1));
  *best = PetscMin(*best, (t1 - t0) / 20);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EisenstatRatio(int points, PetscInt rows, PetscInt rounds)
{
  const char    *types[] = {PCNOMOSSOR, PCSOR, PCEISENSTAT};
  PetscLogDouble best[3] = {1e9, 1e9, 1e9};
  KSP            ksp[3]  = {NULL, NULL, NULL};
  Mat            A;
  Vec            b, x;
  PetscMPIInt    size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(Stencil(points, rows, &A));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecSet(b, 1));
  for (PetscInt r = 0; r < rounds; r++)
    for (int k = 0; k < (size > 1 ? 2 : 3); k++) PetscCall(TimeCG(A, types[k], b, x, &best[k], &ksp[k]));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=eisenstat points=%d ranks=%d nomossor_ms=%.2f pcsor_ms=%.2f ratio=%.3f", points, (int)size, 1e3 * best[0], 1e3 * best[1], best[0] / best[1]));
  if (size == 1) PetscCall(PetscPrintf(PETSC_COMM_WORLD, " pceisenstat_ms=%.2f ratio_pceisenstat=%.3f", 1e3 * best[2], best[0] / best[2]));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "\n"));
  for (int k = 0; k < 3; k++) PetscCall(KSPDestroy(&ksp[k]));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const int   points[] = {5, 7, 27};
  PetscInt    rows = 1000000, rounds = 7;
  PetscMPIInt size;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsSetValue(NULL, "-mat_no_inode", NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &rows, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-rounds", &rounds, NULL));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (int k = 0; k < 3; k++) {
    if (size == 1) PetscCall(ApplyRatio(points[k], rows, rounds));
    PetscCall(EisenstatRatio(points[k], rows, rounds));
  }
  PetscCall(PetscFinalize());
  return 0;
}
