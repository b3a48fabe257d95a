/* Random sketches: bits that do not depend on ranks, moments, distinct targets, products against entries, the QR of a sketch. */
#include <petsc_ext/sketch/sketch.h>
#include "nomostest.h"
#include <petscblaslapack.h>

#define N 3000
#define SPARSE_BITS 0x79d5e8b034f135dcull /* from the definition, by a few lines of Python that share nothing with this library */

/* x_i = sin(i), the same on any number of ranks */
static PetscErrorCode MakeVec(PetscInt n, Vec *x)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(VecCreate(PETSC_COMM_WORLD, x));
  PetscCall(VecSetSizes(*x, PETSC_DECIDE, n));
  PetscCall(VecSetFromOptions(*x));
  PetscCall(VecGetOwnershipRange(*x, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(*x, i, sin((double)i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(*x));
  PetscCall(VecAssemblyEnd(*x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Distinct targets, every column equally often, pairs as often as chance has them, signs even. */
static void Targets(void)
{
  uint32_t t[NOMOS_SKETCH_MAX_NNZ];
  double   mean = 0, hits[40] = {0}, together = 0, sign = 0;
  int      distinct = 1;

  for (int i = 0; i < 40000; i++) {
    NomosSketchTargets(7, 3, (uint64_t)i + 4294967296ull, 40, 8, t);
    for (int a = 0; a < 8; a++) {
      distinct &= t[a] >> 1 < 40;
      for (int b = 0; b < a; b++) distinct &= t[a] >> 1 != t[b] >> 1;
      hits[t[a] >> 1] += 1;
      sign += t[a] & 1u ? -1 : 1;
      if (t[a] >> 1 == 5)
        for (int b = 0; b < 8; b++) together += t[b] >> 1 == 31;
    }
  }
  CheckTrue("a row hits distinct columns", distinct);
  for (int j = 0; j < 40; j++) CheckClose("hits of a column, binomial, 4.5 sigma of 40", hits[j], 8000, 4.5 * sqrt(40000 * 0.2 * 0.8));
  CheckClose("two columns together, 4 sigma", together, 40000.0 * 8 * 7 / (40 * 39), 4 * sqrt(40000.0 * 8 * 7 / (40 * 39)));
  CheckClose("signs, 4 sigma", sign, 0, 4 * sqrt(320000.0));
  for (uint32_t s = 1; s < 20; s++) {
    const uint32_t nnz = s < 8 ? s : 8;
    NomosSketchTargets(1, 2, 3, s, nnz, t);
    for (uint32_t a = 0; a < nnz; a++) CheckTrue("targets below s", t[a] >> 1 < s);
  }
  for (uint32_t j = 0; j < 40; j++) mean += NomosSketchSparse(7, 3, 11, j, 40, 8) * NomosSketchSparse(7, 3, 11, j, 40, 8);
  CheckClose("a row of the sparse-sign matrix has norm 1", mean, 1, 8 * 2.3e-16);
}

/* S'x by the operator, by its columns and by its rows; the columns have moments 0 and 1. */
static PetscErrorCode Products(NomosSketchKind kind, PetscInt nnz, const char what[])
{
  const PetscInt s = 37;
  NomosSketch   *k;
  Vec            x, col;
  PetscScalar    y[37], z[37], rows[37] = {0}, dot, sum, total = 0;
  PetscReal      norm, scale, square = 0;
  PetscInt       lo, hi;

  PetscFunctionBegin;
  PetscCall(MakeVec(N, &x));
  PetscCall(VecDuplicate(x, &col));
  PetscCall(NomosSketchCreate(x, kind, 12, 4, s, nnz, &k));
  PetscCall(NomosSketchApply(k, 1, &x, y));
  PetscCall(NomosSketchApply(k, 1, &x, z));
  for (PetscInt j = 0; j < s; j++) CheckTrue("twice the same", y[j] == z[j]);
  scale = kind == NOMOS_SKETCH_GAUSSIAN ? sqrt((double)s) : 1;
  for (PetscInt j = 0; j < s; j++) {
    PetscCall(NomosSketchColumn(k, j, col));
    PetscCall(VecDot(col, x, &dot));
    PetscCall(VecSum(col, &sum));
    PetscCall(VecNorm(col, NORM_2, &norm));
    CheckClose(what, y[j], dot / scale, N * 2.3e-16); /* N additions of numbers below 4 */
    total += sum;
    square += norm * norm;
  }
  /* N s entries: Gaussian have variance 1, sparse-sign 1/s (their squares sum to N exactly) */
  if (kind == NOMOS_SKETCH_GAUSSIAN) {
    CheckClose("mean of the entries, 4 sigma", total, 0, 4 * sqrt((double)N * s));
    CheckClose("variance of the entries, 4 sigma", square, (double)N * s, 4 * sqrt(2.0 * N * s));
  } else {
    CheckClose("mean of the entries, 4 sigma", total, 0, 4 * sqrt((double)N));
    CheckClose("squares of the entries", square, N, N * 37 * 2.3e-16);
  }
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(NomosSketchRow(k, i, sin((double)i), rows));
  PetscCall(MPIU_Allreduce(MPI_IN_PLACE, rows, s, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  for (PetscInt j = 0; j < s; j++) CheckClose("by rows", rows[j], y[j], N * 2.3e-16);
  PetscCall(NomosSketchDestroy(&k));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&col));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entries depend on the global row alone: their bits against the definition; a column's sum of bits times odd numbers, modulo 2^64. */
static PetscErrorCode Bits(void)
{
  NomosSketch       *k;
  Vec                x;
  const PetscScalar *a;
  PetscInt           lo, hi;
  unsigned long long sum[2] = {0, 0};

  PetscFunctionBegin;
  PetscCall(MakeVec(N, &x));
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  for (int kind = 0; kind < 2; kind++) {
    PetscCall(NomosSketchCreate(x, kind ? NOMOS_SKETCH_SPARSESIGN : NOMOS_SKETCH_GAUSSIAN, 12, 4, 20, 8, &k));
    PetscCall(NomosSketchColumn(k, 3, x));
    PetscCall(VecGetArrayRead(x, &a));
    for (PetscInt i = lo; i < hi; i++) {
      /* what a plain loop over the definition says for this global row */
      const double       want = kind ? NomosSketchSparse(12, 4, (uint64_t)i, 3, 20, 8) : NomosNormal(12, 4, NOMOS_RANDOM_SKETCH, 3, (uint64_t)i);
      unsigned long long bits;

      CheckTrue("the bits of an entry", a[i - lo] == want);
      memcpy(&bits, &a[i - lo], sizeof(bits));
      sum[kind] += bits * (unsigned long long)(2 * i + 1);
    }
    PetscCall(VecRestoreArrayRead(x, &a));
    PetscCall(NomosSketchDestroy(&k));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_UNSIGNED_LONG_LONG, MPI_SUM, PETSC_COMM_WORLD));
  CheckTrue("the bits of a sparse-sign column", sum[1] == SPARSE_BITS);
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* E|S'x|^2 = |x|^2: mean over 200 matrices within 3 sigma; the variance of |S'x|^2 is at most 2 |x|^4 / s. */
static PetscErrorCode Isometry(NomosSketchKind kind, PetscInt nnz, const char what[])
{
  const PetscInt s = 40, trials = 200;
  NomosSketch   *k;
  Vec            x;
  PetscScalar    y[40];
  PetscReal      norm, mean = 0;

  PetscFunctionBegin;
  PetscCall(MakeVec(500, &x));
  PetscCall(VecNorm(x, NORM_2, &norm));
  for (PetscInt t = 0; t < trials; t++) {
    PetscCall(NomosSketchCreate(x, kind, 99, t, s, nnz, &k));
    PetscCall(NomosSketchApply(k, 1, &x, y));
    for (PetscInt j = 0; j < s; j++) mean += y[j] * y[j] / (norm * norm * (double)trials);
    PetscCall(NomosSketchDestroy(&k));
  }
  CheckClose(what, mean, 1, 3 * sqrt(2.0 / (double)(s * trials)));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A graded matrix of condition 1e8 (columns of sines times 10^(-8 k/(m-1))): (R'R) x = T'T y must give x close to y in the norm of
   T, as the sketch distorts by at most about 3. */
static PetscErrorCode Factor(NomosSketchKind kind, PetscInt nnz, PetscInt rank)
{
  const PetscInt m = 30, n = 600, s = 120;
  NomosSketch   *k;
  NomosSketchQR *q;
  Mat            G;
  Vec            in, out, x, y, w;
  PetscInt       lo, hi, rows;
  PetscReal      got, want;
  PetscScalar   *local;

  PetscFunctionBegin;
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, m, n, NULL, &G));
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++)
    for (PetscInt j = 0; j < n; j++) PetscCall(MatSetValue(G, r, j, pow(10, -8.0 * (double)(r % rank) / (double)(m - 1)) * sin(1 + (double)((r % rank + 1) * j)), INSERT_VALUES));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(G, &x, &in));
  PetscCall(VecDuplicate(in, &out));
  PetscCall(VecDuplicate(in, &w));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(NomosSketchCreate(x, kind, 5, 1, s, nnz, &k));
  PetscCall(VecGetLocalSize(in, &rows));
  PetscCall(PetscMalloc1(PetscMax(rows, 1) * s, &local));
  PetscCall(NomosSketchAIJ(k, G, s, local));
  PetscCall(NomosSketchQRCreate(in, s, local, &q));
  CheckInt("pivots replaced", q->replaced, m - rank);
  for (PetscInt t = 0; t < 5 && rank == m; t++) {
    for (PetscInt r = lo; r < hi; r++) PetscCall(VecSetValue(in, r, pow(10, 8.0 * (double)r / (double)(m - 1)) * cos((double)((t + 2) * r)), INSERT_VALUES));
    PetscCall(VecAssemblyBegin(in));
    PetscCall(VecAssemblyEnd(in));
    PetscCall(MatMultTranspose(G, in, x)); /* T in */
    PetscCall(MatMult(G, x, w));
    PetscCall(NomosSketchQRSolve(q, w, out));
    PetscCall(MatMultTranspose(G, out, y));
    PetscCall(VecDot(x, y, &got)); /* w'(R'R)^-1 w against w'(T'T)^-1 w */
    PetscCall(VecDot(x, x, &want));
    CheckTrue("the sketched normal equations are within a factor of 3.2^2", got > want / 3.2 && got < want * 3.2);
  }
  PetscCall(PetscFree(local));
  PetscCall(NomosSketchQRDestroy(&q));
  PetscCall(NomosSketchDestroy(&k));
  PetscCall(MatDestroy(&G));
  PetscCall(VecDestroy(&in));
  PetscCall(VecDestroy(&out));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* kappa(T R^-1) for T = U diag(10^(-8k/(m-1))) W' with cosine bases, condition 1e8: T P R^-1 column by column, then its singular
   values. Avron, Maymounkov, Toledo 2010: it is the distortion of the sketch, (1 + d)/(1 - d) with d near sqrt(m/s) = 1/2. */
static PetscErrorCode Condition(NomosSketchKind kind, PetscInt nnz, const char what[])
{
  const PetscInt n = 1500, m = 50, s = 200;
  NomosSketch   *k;
  NomosSketchQR *q;
  Mat            G;
  Vec            x, in;
  PetscInt       lo, hi, rows;
  PetscScalar   *local, *T, *work, lwork[1];
  PetscReal      sv[50];
  PetscBLASInt   bn = (PetscBLASInt)n, bm = (PetscBLASInt)m, info, size = -1;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n * m, &T)); /* every rank has all of it: a test */
  for (PetscInt j = 0; j < m; j++)
    for (PetscInt i = 0; i < n; i++) {
      T[i + j * n] = 0;
      for (PetscInt l = 0; l < m; l++) T[i + j * n] += cos(PETSC_PI * ((double)i + 0.5) * (double)(7 * l + 1) / (double)n) * sqrt(2.0 / (double)n) * pow(10, -8.0 * (double)l / (double)(m - 1)) * cos(PETSC_PI * ((double)j + 0.5) * (double)l / (double)m) * sqrt((l ? 2.0 : 1.0) / (double)m);
    }
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, m, n, NULL, &G));
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++)
    for (PetscInt i = 0; i < n; i++) PetscCall(MatSetValue(G, r, i, T[i + r * n], INSERT_VALUES));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(G, &x, &in));
  PetscCall(NomosSketchCreate(x, kind, 3, 0, s, nnz, &k));
  PetscCall(VecGetLocalSize(in, &rows));
  PetscCall(PetscMalloc1(PetscMax(rows, 1) * s, &local));
  PetscCall(NomosSketchAIJ(k, G, s, local));
  PetscCall(NomosSketchQRCreate(in, s, local, &q));
  CheckInt("no pivot is replaced", q->replaced, 0);
  CheckTrue("the pivots show the condition", q->ratio < 1e-6 && q->ratio > 1e-10);
  PetscCall(PetscMalloc1(n * m, &work)); /* forward substitution with the columns in the order of the pivots */
  for (PetscInt j = 0; j < m; j++)
    for (PetscInt i = 0; i < n; i++) {
      PetscScalar v = T[i + (q->pivot[j] - 1) * n];

      for (PetscInt l = 0; l < j; l++) v -= work[i + l * n] * q->R[l + j * q->ld];
      work[i + j * n] = v / q->R[j + j * q->ld];
    }
  PetscCallBLAS("LAPACKgesvd", LAPACKgesvd_("N", "N", &bn, &bm, work, &bn, sv, NULL, &bn, NULL, &bm, lwork, &size, &info));
  size = (PetscBLASInt)lwork[0];
  PetscCall(PetscFree(local));
  PetscCall(PetscMalloc1(size, &local));
  PetscCallBLAS("LAPACKgesvd", LAPACKgesvd_("N", "N", &bn, &bm, work, &bn, sv, NULL, &bn, NULL, &bm, local, &size, &info));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: condition of T R^-1 %.3f\n", what, (double)(sv[0] / sv[m - 1])));
  CheckTrue(what, info == 0 && sv[0] <= 3.2 * sv[m - 1]);
  PetscCall(PetscFree(local));
  PetscCall(PetscFree(work));
  PetscCall(PetscFree(T));
  PetscCall(NomosSketchQRDestroy(&q));
  PetscCall(NomosSketchDestroy(&k));
  PetscCall(MatDestroy(&G));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&in));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  Targets();
  PetscCall(Products(NOMOS_SKETCH_GAUSSIAN, 1, "Gaussian product against columns"));
  PetscCall(Products(NOMOS_SKETCH_SPARSESIGN, 8, "sparse-sign product against columns"));
  PetscCall(Products(NOMOS_SKETCH_SPARSESIGN, 1, "CountSketch product against columns"));
  PetscCall(Bits());
  PetscCall(Isometry(NOMOS_SKETCH_GAUSSIAN, 1, "E|Sx|^2, Gaussian"));
  PetscCall(Isometry(NOMOS_SKETCH_SPARSESIGN, 8, "E|Sx|^2, sparse sign"));
  PetscCall(Isometry(NOMOS_SKETCH_SPARSESIGN, 1, "E|Sx|^2, CountSketch"));
  PetscCall(Factor(NOMOS_SKETCH_GAUSSIAN, 1, 30));
  PetscCall(Factor(NOMOS_SKETCH_SPARSESIGN, 8, 30));
  PetscCall(Factor(NOMOS_SKETCH_SPARSESIGN, 1, 30));
  PetscCall(Factor(NOMOS_SKETCH_SPARSESIGN, 8, 25));
  PetscCall(Condition(NOMOS_SKETCH_GAUSSIAN, 1, "Gaussian, factor 4"));
  PetscCall(Condition(NOMOS_SKETCH_SPARSESIGN, 8, "sparse sign, factor 4"));
  PetscCall(Condition(NOMOS_SKETCH_SPARSESIGN, 1, "CountSketch, factor 4"));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 3
TEST*/
