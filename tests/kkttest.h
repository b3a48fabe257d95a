/* KKT systems of known problems for tests: PDE-N of docs (semilinear elliptic control), logistic regression on a sphere, random ones; a least-squares matrix of known singular values. */
#ifndef KKTTEST_H
#define KKTTEST_H
#include <petscksp.h>
#include <compat.h>

/* First Newton step of semilinear elliptic control on the unit square, N x N inner points, y = u = multiplier = 0:
     f = h^2/2 (|y - yd|^2 + alpha |u|^2),  c = h^2 (A y + y^3 - u),  A = -Lap_h.
   Blocks B (2 N^2, diagonal), G = h^2 [A, -I]. Unknowns of a point stay on its rank: [y u] per rank, then the constraints. */
static inline PetscErrorCode KKTPdeBlocks(PetscInt N, PetscReal alpha, Mat *B, Mat *G, Vec *rhs1, Vec *rhs2)
{
  const PetscReal h  = 1.0 / (PetscReal)(N + 1), pi = PETSC_PI;
  const PetscInt  n  = N * N;
  PetscInt        nl = PETSC_DECIDE, nn = n, lo, first;
  PetscInt       *start;
  PetscMPIInt     size;

  PetscFunctionBegin;
  PetscCall(PetscSplitOwnership(PETSC_COMM_WORLD, &nl, &nn));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCallMPI(MPI_Scan(&nl, &lo, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(PetscMalloc1(size + 1, &start));
  PetscCallMPI(MPI_Allgather(&lo, 1, MPIU_INT, start + 1, 1, MPIU_INT, PETSC_COMM_WORLD));
  start[0] = 0;
  lo -= nl;
  first = 2 * lo; /* y of local point i is first + i, its u first + nl + i */
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, 2 * nl, 2 * nl, 2 * n, 2 * n, 1, NULL, 0, NULL, B));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, nl, 2 * nl, n, 2 * n, 6, NULL, 5, NULL, G));
  PetscCall(MatCreateVecs(*G, rhs1, rhs2));
  for (PetscInt p = lo; p < lo + nl; p++) {
    const PetscInt  i = p % N, j = p / N, near[4][2] = {{i - 1, j}, {i + 1, j}, {i, j - 1}, {i, j + 1}};
    const PetscReal x = (PetscReal)(i + 1) * h, y = (PetscReal)(j + 1) * h, s = PetscSinReal(pi * x) * PetscSinReal(pi * y), mu = 8 / (h * h) * PetscSqr(PetscSinReal(pi * h / 2)), us = mu * s + s * s * s;
    /* us^3-part of A u*: A(s^3) by the five-point formula */
    PetscReal As3 = 4 * s * s * s;

    for (PetscInt k = 0; k < 4; k++) {
      const PetscReal sk = PetscSinReal(pi * (PetscReal)(near[k][0] + 1) * h) * PetscSinReal(pi * (PetscReal)(near[k][1] + 1) * h);
      As3 -= sk * sk * sk;
      if (near[k][0] < 0 || near[k][0] >= N || near[k][1] < 0 || near[k][1] >= N) continue;
      {
        const PetscInt q = near[k][0] + near[k][1] * N;
        PetscInt       r = 0;

        while (start[r + 1] <= q) r++;
        PetscCall(MatSetValue(*G, p, 2 * start[r] + q - start[r], -1, INSERT_VALUES));
      }
    }
    As3 /= h * h;
    PetscCall(MatSetValue(*G, p, first + p - lo, 4, INSERT_VALUES));
    PetscCall(MatSetValue(*G, p, first + nl + p - lo, -h * h, INSERT_VALUES));
    PetscCall(MatSetValue(*B, first + p - lo, first + p - lo, h * h, INSERT_VALUES));
    PetscCall(MatSetValue(*B, first + nl + p - lo, first + nl + p - lo, alpha * h * h, INSERT_VALUES));
    /* -(gradient of f) = h^2 yd, yd = s + alpha (A u* + 3 s^2 u*) */
    PetscCall(VecSetValue(*rhs1, first + p - lo, h * h * (s + alpha * (mu * mu * s + As3 + 3 * s * s * us)), INSERT_VALUES));
  }
  PetscCall(PetscFree(start));
  PetscCall(VecAssemblyBegin(*rhs1));
  PetscCall(VecAssemblyEnd(*rhs1));
  PetscCall(MatAssemblyBegin(*B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(*G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*G, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* reductions inside the shell below, by PETSc's count: from release 3.20 on multigrid makes some in every application, where each inner
   KSP asks all ranks whether its preconditioner failed */
static PetscLogDouble KKTSchurReductions = 0;

/* The state operator twice (Rees, Dollar, Wathen 2010): S^-1 ~ Gy^-T h^2 Gy^-1 with Gy = h^2 A, a V-cycle of PETSc's GAMG for each
   inverse (or -state_pc_X). A shell whose product is S^-1: for PCMAT. Freed with its container of a PC. */
static PetscErrorCode KKTPdeSchurApply(Mat S, Vec r, Vec w)
{
  PC                   pc;
  Vec                  z;
  PetscInt             n;
  const PetscLogDouble before = petsc_allreduce_ct;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(S, &pc));
  PetscCall(VecGetSize(r, &n));
  PetscCall(VecDuplicate(r, &z));
  PetscCall(PCApply(pc, r, z));
  PetscCall(VecScale(z, 1 / PetscSqr(PetscSqrtReal((PetscReal)n) + 1)));
  PetscCall(PCApply(pc, z, w));
  PetscCall(VecDestroy(&z));
  KKTSchurReductions += petsc_allreduce_ct - before;
  PetscFunctionReturn(PETSC_SUCCESS);
}
static inline PetscErrorCode KKTPdeSchurInverse(Mat G, Mat *S, PC *pc)
{
  Mat      Gy;
  IS       rows, cols;
  PetscInt lo, hi, first, m;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  PetscCall(MatGetOwnershipRangeColumn(G, &first, NULL));
  m = hi - lo;
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, m, lo, 1, &rows));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, m, first, 1, &cols)); /* the states of this rank come first */
  PetscCall(MatCreateSubMatrix(G, rows, cols, MAT_INITIAL_MATRIX, &Gy));
  PetscCall(MatSetOption(Gy, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(PCCreate(PETSC_COMM_WORLD, pc));
  PetscCall(PCSetOptionsPrefix(*pc, "state_"));
  PetscCall(PCSetOperators(*pc, Gy, Gy));
  PetscCall(PCSetType(*pc, PCGAMG));
  PetscCall(PCSetFromOptions(*pc));
  PetscCall(PCSetUp(*pc));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, m, m, PETSC_DETERMINE, PETSC_DETERMINE, *pc, S));
  PetscCall(MatShellSetOperation(*S, MATOP_MULT, (NomosAnyFn *)KKTPdeSchurApply));
  PetscCall(ISDestroy(&rows));
  PetscCall(ISDestroy(&cols));
  PetscCall(MatDestroy(&Gy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* K = [B G'; G -gamma I] as one AIJ with the index sets of its fields composed, and as a nest (either may be NULL). */
static inline PetscErrorCode KKTJoin(Mat B, Mat G, PetscReal gamma, Mat *aij, Mat *nest)
{
  Mat      blocks[4] = {B, NULL, G, NULL}, Gt, C, joint;
  PetscInt m, M;
  IS       is[2];

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(G, &m, NULL));
  PetscCall(MatGetSize(G, &M, NULL));
  PetscCall(MatTranspose(G, MAT_INITIAL_MATRIX, &Gt));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, m, m, M, M, 1, NULL, 0, NULL, &C));
  PetscCall(MatAssemblyBegin(C, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(C, MAT_FINAL_ASSEMBLY));
  PetscCall(MatShift(C, -gamma));
  blocks[1] = Gt;
  blocks[3] = C;
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 2, NULL, 2, NULL, blocks, &joint));
  PetscCall(MatNestGetISs(joint, is, NULL));
  if (aij) {
    PetscCall(MatConvert(joint, MATAIJ, MAT_INITIAL_MATRIX, aij));
    PetscCall(PetscObjectCompose((PetscObject)*aij, "nomos_primal", (PetscObject)is[0]));
    PetscCall(PetscObjectCompose((PetscObject)*aij, "nomos_dual", (PetscObject)is[1]));
  }
  if (nest) *nest = joint;
  else PetscCall(MatDestroy(&joint));
  PetscCall(MatDestroy(&Gt));
  PetscCall(MatDestroy(&C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* entry (i, k) of the orthonormal cosine basis of n points */
static inline PetscReal KKTCosine(PetscInt n, PetscInt i, PetscInt k)
{
  return k ? PetscSqrtReal(2.0 / (PetscReal)n) * PetscCosReal(PETSC_PI * ((PetscReal)i + 0.5) * (PetscReal)k / (PetscReal)n) : PetscSqrtReal(1.0 / (PetscReal)n);
}

/* A that is a shell for B and can multiply only, both ways. */
static inline PetscErrorCode KKTHiddenMult(Mat A, Vec x, Vec y)
{
  Mat B;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &B));
  PetscCall(MatMult(B, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static inline PetscErrorCode KKTHiddenMultTranspose(Mat A, Vec x, Vec y)
{
  Mat B;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &B));
  PetscCall(MatMultTranspose(B, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static inline PetscErrorCode KKTHide(Mat B, Mat *A)
{
  PetscInt m, n;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(B, &m, &n));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)B), m, n, PETSC_DETERMINE, PETSC_DETERMINE, B, A));
  PetscCall(MatShellSetOperation(*A, MATOP_MULT, (NomosAnyFn *)KKTHiddenMult));
  PetscCall(MatShellSetOperation(*A, MATOP_MULT_TRANSPOSE, (NomosAnyFn *)KKTHiddenMultTranspose));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* T = U diag(10^(-decades k/(m-1))) W', n x m, U and W cosine bases: the singular values are known */
static inline PetscErrorCode KKTGraded(PetscInt n, PetscInt m, PetscReal decades, Mat *T)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, m, NULL, T));
  PetscCall(MatGetOwnershipRange(*T, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++)
    for (PetscInt j = 0; j < m; j++) {
      PetscReal v = 0;

      for (PetscInt k = 0; k < m; k++) v += KKTCosine(n, i, 3 * k + 1) * PetscPowReal(10, -decades * (PetscReal)k / (PetscReal)(m - 1)) * KKTCosine(m, j, k);
      PetscCall(MatSetValue(*T, i, j, v, INSERT_VALUES));
    }
  PetscCall(MatAssemblyBegin(*T, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*T, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |b - K x| / |b| */
static inline PetscErrorCode KKTResidual(Mat K, Vec b, Vec x, PetscReal *rel)
{
  Vec       r;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  PetscCall(MatMult(K, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, rel));
  PetscCall(VecNorm(b, NORM_2, &norm));
  *rel /= norm;
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif
