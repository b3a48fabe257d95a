/* nomostune_dominance.c - how far a matrix is from its diagonal: one pass over its rows. */
#include "nomostune.h"

#define EXCESS_MOST 4 /* 1.5 to 3.4 in mass matrices of linear elements */

typedef struct { /* over the local rows: sum of (row sum) / diagonal; if asked for, largest Gershgorin ratio */
  PetscReal sum, ratio;
  PetscBool gershgorin;
} Dominance;

/* Signs count: with the mass matrix of finite elements the moduli say the same of a small and of a large time step. For an M-matrix it makes no difference. */
static inline void Row(Dominance *d, PetscScalar diagonal, PetscScalar rest)
{
  if (!(PetscAbsScalar(diagonal) > 0)) return; /* zero, or no number */
  d->sum += PetscMin(PetscMax(-1, 1 + PetscRealPart(rest / diagonal)), EXCESS_MOST);
}

static inline void Ratio(Dominance *d, PetscScalar diagonal, PetscReal moduli)
{
  if (PetscAbsScalar(diagonal) > 0) d->ratio = PetscMax(d->ratio, moduli / PetscAbsScalar(diagonal) - 1);
}

typedef struct {
  Mat                A; /* NULL: no rows of it */
  const PetscInt    *ia, *ja;
  const PetscScalar *a;
} Rows;

static PetscErrorCode GetRows(Mat A, Rows *r)
{
  PetscInt  n;
  PetscBool done;

  PetscFunctionBegin;
  r->A = A;
  if (!A) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetRowIJ(A, 0, PETSC_FALSE, PETSC_FALSE, &n, &r->ia, &r->ja, &done));
  PetscCheck(done, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the rows of a sequential AIJ matrix could not be had");
  PetscCall(MatSeqAIJGetArrayRead(A, &r->a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RestoreRows(Rows *r)
{
  PetscInt  n;
  PetscBool done;

  PetscFunctionBegin;
  if (!r->A) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatRestoreRowIJ(r->A, 0, PETSC_FALSE, PETSC_FALSE, &n, &r->ia, &r->ja, &done));
  PetscCall(MatSeqAIJRestoreArrayRead(r->A, &r->a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscReal Moduli(const Rows *r, PetscInt i)
{
  PetscReal sum = 0;

  if (r->A)
    for (PetscInt j = r->ia[i]; j < r->ia[i + 1]; j++) sum += PetscAbsScalar(r->a[j]);
  return sum;
}

/* A solve of a millisecond should not notice it: the arrays of AIJ are read as they lie. The diagonal is expected as far into its row as in the
   row before, and looked for where it is not. */
static PetscErrorCode AIJRows(Mat diagonal_block, Mat rest_block, PetscInt n, Dominance *result)
{
  Rows      in, out;
  Dominance d      = *result; /* stays in registers */
  PetscInt  offset = 0;

  PetscFunctionBegin;
  PetscCall(GetRows(diagonal_block, &in));
  PetscCall(GetRows(rest_block, &out));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt begin = in.ia[i], end = in.ia[i + 1];
    PetscInt       here = begin + offset; /* end: there is none */
    PetscScalar    rest = 0;

    if (here >= end || in.ja[here] != i) {
      here = begin;
      while (here < end && in.ja[here] != i) here++;
      if (here < end) offset = here - begin;
    }
    if (here == end) continue;
    for (PetscInt j = begin; j < here; j++) rest += in.a[j];
    for (PetscInt j = here + 1; j < end; j++) rest += in.a[j];
    if (out.A)
      for (PetscInt j = out.ia[i]; j < out.ia[i + 1]; j++) rest += out.a[j];
    Row(&d, in.a[here], rest);
    if (d.gershgorin) Ratio(&d, in.a[here], Moduli(&in, i) + Moduli(&out, i));
  }
  *result = d;
  PetscCall(RestoreRows(&in));
  PetscCall(RestoreRows(&out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AnyRows(Mat P, Dominance *d)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(P, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt    *col;
    const PetscScalar *val;
    PetscScalar        diagonal = 0, rest = 0;
    PetscReal          moduli = 0;
    PetscInt           n;

    PetscCall(MatGetRow(P, i, &n, &col, &val));
    for (PetscInt j = 0; j < n; j++) {
      if (col[j] == i) diagonal = val[j];
      else rest += val[j];
      moduli += PetscAbsScalar(val[j]);
    }
    PetscCall(MatRestoreRow(P, i, &n, &col, &val));
    Row(d, diagonal, rest);
    Ratio(d, diagonal, moduli);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Half of the matrix is stored, blocks of the diagonal whole: what stands above the diagonal belongs to two rows, one of them perhaps on
   another rank. */
static PetscErrorCode SymmetricRows(Mat P, Dominance *d)
{
  Vec                diagonal, rest, moduli;
  const PetscScalar *a, *r, *m;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(P, &diagonal, &rest));
  PetscCall(MatGetDiagonal(P, diagonal));
  PetscCall(VecDuplicate(rest, &moduli));
  PetscCall(MatGetOwnershipRange(P, &lo, &hi));
  PetscCall(MatGetRowUpperTriangular(P));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt    *col;
    const PetscScalar *val;
    PetscInt           n;

    PetscCall(MatGetRow(P, i, &n, &col, &val));
    for (PetscInt j = 0; j < n; j++) {
      if (col[j] <= i) continue;
      PetscCall(VecSetValue(rest, i, val[j], ADD_VALUES));
      PetscCall(VecSetValue(rest, col[j], val[j], ADD_VALUES));
      if (!d->gershgorin) continue;
      PetscCall(VecSetValue(moduli, i, PetscAbsScalar(val[j]), ADD_VALUES));
      PetscCall(VecSetValue(moduli, col[j], PetscAbsScalar(val[j]), ADD_VALUES));
    }
    PetscCall(MatRestoreRow(P, i, &n, &col, &val));
  }
  PetscCall(MatRestoreRowUpperTriangular(P));
  PetscCall(VecAssemblyBegin(rest));
  PetscCall(VecAssemblyEnd(rest));
  PetscCall(VecAssemblyBegin(moduli));
  PetscCall(VecAssemblyEnd(moduli));
  PetscCall(VecGetArrayRead(diagonal, &a));
  PetscCall(VecGetArrayRead(rest, &r));
  PetscCall(VecGetArrayRead(moduli, &m));
  for (PetscInt i = 0; i < hi - lo; i++) {
    Row(d, a[i], r[i]);
    if (d->gershgorin) Ratio(d, a[i], PetscAbsScalar(a[i]) + PetscRealPart(m[i]));
  }
  PetscCall(VecRestoreArrayRead(moduli, &m));
  PetscCall(VecRestoreArrayRead(rest, &r));
  PetscCall(VecRestoreArrayRead(diagonal, &a));
  PetscCall(VecDestroy(&diagonal));
  PetscCall(VecDestroy(&rest));
  PetscCall(VecDestroy(&moduli));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadRows(Mat P, Dominance *d)
{
  PetscBool seq, mpi, half;
  PetscInt  n;
  Mat       in = P, out = NULL;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)P, &half, MATSEQSBAIJ, MATMPISBAIJ, ""));
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)P, MATSEQAIJ, &seq));
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)P, MATMPIAIJ, &mpi));
  PetscCall(MatGetLocalSize(P, &n, NULL));
  if (mpi) PetscCall(MatMPIAIJGetSeqAIJ(P, &in, &out, NULL));
  if (half) PetscCall(SymmetricRows(P, d));
  else if (seq || mpi) PetscCall(AIJRows(in, out, n, d));
  else PetscCall(AnyRows(P, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* q: mean over all rows of (sum of a_ij)/a_ii, a row's part between -1 and 4, that of a row without a usable diagonal 0. ratio (NULL: not wanted): the
   largest sum |a_ij|/|a_ii|, j not i, an upper estimate of the Jacobi radius. */
PetscErrorCode NomosKSPTuneDominance(Mat P, PetscReal *q, PetscReal *ratio)
{
  Dominance d = {0, 0, (PetscBool)(ratio != NULL)};
  PetscInt  n;

  PetscFunctionBegin;
  PetscCall(ReadRows(P, &d));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &d.sum, 1, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)P)));
  if (ratio) PetscCallMPI(MPI_Allreduce(&d.ratio, ratio, 1, MPIU_REAL, MPIU_MAX, PetscObjectComm((PetscObject)P)));
  PetscCall(MatGetSize(P, &n, NULL));
  *q = d.sum / (PetscReal)PetscMax(n, 1);
  PetscFunctionReturn(PETSC_SUCCESS);
}
