/*
  sketchproject_blockrows.c - every rank projects on a block of its own rows, with a QR of the block that is kept; the updates are
  averaged column by column over the ranks whose rows touch the column (block Cimmino with the weights of Gordon and Gordon 2005).
  On one rank this is randomized block Kaczmarz.
*/
#include "sketchproject.h"

#define DROP 1e-12 /* relative pivot below which a row is taken for dependent */

static PetscErrorCode Columns(Mat A, PetscInt lo, NomosSPBlock *p, PetscScalar **dense)
{
  const PetscInt    *cols;
  const PetscScalar *vals;
  PetscInt           n, total = 0, at;

  PetscFunctionBegin;
  for (PetscInt r = 0; r < p->rows; r++) {
    PetscCall(MatGetRow(A, lo + r, &n, NULL, NULL));
    total += n;
    PetscCall(MatRestoreRow(A, lo + r, &n, NULL, NULL));
  }
  PetscCall(PetscMalloc1(PetscMax(total, 1), &p->cols));
  total = 0;
  for (PetscInt r = 0; r < p->rows; r++) {
    PetscCall(MatGetRow(A, lo + r, &n, &cols, NULL));
    PetscCall(PetscArraycpy(p->cols + total, cols, n));
    total += n;
    PetscCall(MatRestoreRow(A, lo + r, &n, &cols, NULL));
  }
  PetscCall(PetscSortRemoveDupsInt(&total, p->cols));
  p->ncols = total;
  PetscCall(PetscCalloc1(PetscMax((size_t)p->ncols * (size_t)p->rows, 1), dense)); /* rows of A as columns */
  for (PetscInt r = 0; r < p->rows; r++) {
    PetscCall(MatGetRow(A, lo + r, &n, &cols, &vals));
    for (PetscInt i = 0; i < n; i++) {
      PetscCall(PetscFindInt(cols[i], p->ncols, p->cols, &at));
      (*dense)[(size_t)r * (size_t)p->ncols + (size_t)at] += vals[i];
    }
    PetscCall(MatRestoreRow(A, lo + r, &n, &cols, &vals));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dense becomes Q; pivoted Gram-Schmidt, twice is enough. R: row k belongs to pivot k. */
static PetscErrorCode Orthonormal(NomosSPBlock *p, PetscScalar *Q)
{
  const PetscInt n = p->ncols, m = p->rows;
  PetscReal      largest = 0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(PetscMax(m * m, 1), &p->R));
  PetscCall(PetscMalloc1(PetscMax(m, 1), &p->pivot));
  for (PetscInt j = 0; j < m; j++) p->pivot[j] = j;
  for (p->rank = 0; p->rank < m; p->rank++) {
    PetscInt  best = p->rank, t;
    PetscReal most = -1;

    for (PetscInt j = p->rank; j < m; j++) {
      PetscReal norm = 0;

      for (PetscInt i = 0; i < n; i++) norm += PetscSqr(Q[p->pivot[j] * n + i]);
      if (norm > most) most = norm, best = j;
    }
    most = PetscSqrtReal(most);
    if (!p->rank) largest = most;
    if (!(most > DROP * largest)) break;
    t                 = p->pivot[best];
    p->pivot[best]    = p->pivot[p->rank];
    p->pivot[p->rank] = t;
    for (PetscInt i = 0; i < n; i++) Q[t * n + i] /= most;
    p->R[p->rank + t * m] = most;
    for (PetscInt j = p->rank + 1; j < m; j++) {
      PetscScalar *q = Q + p->pivot[j] * n;

      for (PetscInt pass = 0; pass < 2; pass++) {
        PetscScalar d = 0;

        for (PetscInt i = 0; i < n; i++) d += Q[t * n + i] * q[i];
        p->R[p->rank + p->pivot[j] * m] += d;
        for (PetscInt i = 0; i < n; i++) q[i] -= d * Q[t * n + i];
      }
    }
  }
  p->Q = Q;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 1 / number of ranks whose rows touch a column */
static PetscErrorCode Weights(KSP ksp, Mat A)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const PetscInt    *cols;
  PetscInt           lo, hi, n, total = 0, *all;
  PetscScalar       *ones;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) {
    PetscCall(MatGetRow(A, r, &n, NULL, NULL));
    total += n;
    PetscCall(MatRestoreRow(A, r, &n, NULL, NULL));
  }
  PetscCall(PetscMalloc2(PetscMax(total, 1), &all, PetscMax(total, 1), &ones));
  total = 0;
  for (PetscInt r = lo; r < hi; r++) {
    PetscCall(MatGetRow(A, r, &n, &cols, NULL));
    PetscCall(PetscArraycpy(all + total, cols, n));
    total += n;
    PetscCall(MatRestoreRow(A, r, &n, &cols, NULL));
  }
  PetscCall(PetscSortRemoveDupsInt(&total, all));
  for (PetscInt i = 0; i < total; i++) ones[i] = 1;
  PetscCall(VecDuplicate(k->r, &k->weight));
  PetscCall(VecSet(k->weight, 0));
  PetscCall(VecSetValues(k->weight, total, all, ones, ADD_VALUES));
  PetscCall(VecAssemblyBegin(k->weight));
  PetscCall(VecAssemblyEnd(k->weight));
  PetscCall(VecReciprocal(k->weight));
  PetscCall(PetscFree2(all, ones));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPBlockRowsSetUp(KSP ksp)
{
  KSP_SketchProject *k    = (KSP_SketchProject *)ksp->data;
  const MPI_Comm     comm = PetscObjectComm((PetscObject)ksp);
  PetscBool          aij, none;
  PetscInt           lo, hi;
  PetscScalar       *dense;
  Mat                A;

  PetscFunctionBegin;
  PetscCall(NomosSPBlockRowsReset(ksp));
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, &aij, MATSEQAIJ, MATMPIAIJ, ""));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCNONE, &none));
  PetscCheck(aij, comm, PETSC_ERR_SUP, "-ksp_sketchproject_type blockrows needs an assembled AIJ matrix, this one is of type %s; use type gaussian or rows", ((PetscObject)A)->type_name);
  PetscCheck(none, comm, PETSC_ERR_SUP, "-ksp_sketchproject_type blockrows works on the rows of the matrix itself; use -pc_type none (found %s)", ((PetscObject)ksp->pc)->type_name);
  PetscCheck(!ksp->transpose_solve, comm, PETSC_ERR_SUP, "-ksp_sketchproject_type blockrows does not solve transposed systems");
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  k->nblocks = (hi - lo + k->b - 1) / k->b;
  PetscCall(PetscCalloc1(PetscMax(k->nblocks, 1), &k->block));
  PetscCall(PetscMalloc1(PetscMax(k->nblocks, 1), &k->cumulative));
  for (PetscInt i = 0; i < k->nblocks; i++) {
    NomosSPBlock *p = &k->block[i];

    p->rows = PetscMin(k->b, hi - lo - i * k->b);
    PetscCall(Columns(A, lo + i * k->b, p, &dense));
    k->cumulative[i] = k->prob == NOMOS_SP_ROWNORM ? 0 : 1;
    if (k->prob == NOMOS_SP_ROWNORM)
      for (PetscInt j = 0; j < p->rows * p->ncols; j++) k->cumulative[i] += dense[j] * dense[j];
    PetscCall(Orthonormal(p, dense));
  }
  PetscCall(NomosSPCumulate(ksp, k->nblocks));
  PetscCall(Weights(ksp, A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPBlockRowsReset(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < k->nblocks; i++) {
    PetscCall(PetscFree(k->block[i].cols));
    PetscCall(PetscFree(k->block[i].Q));
    PetscCall(PetscFree(k->block[i].R));
    PetscCall(PetscFree(k->block[i].pivot));
  }
  PetscCall(PetscFree(k->block));
  PetscCall(PetscFree(k->cumulative));
  PetscCall(VecDestroy(&k->weight));
  k->nblocks = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* This rank's block: its own stream, weights of its own blocks. */
static NomosSPBlock *Choose(KSP_SketchProject *k, PetscInt it, PetscMPIInt rank, PetscInt *first)
{
  PetscInt  i = 0;
  PetscReal at;

  if (!k->nblocks || !(k->cumulative[k->nblocks - 1] > 0)) return NULL;
  at = (PetscReal)NomosUniform((uint64_t)k->seed, (uint32_t)it, NOMOS_RANDOM_SKETCH, 0xc00001u, (uint64_t)rank) * k->cumulative[k->nblocks - 1];
  while (i < k->nblocks - 1 && k->cumulative[i] <= at) i++;
  *first = i * k->b;
  return &k->block[i];
}

/* work = sum over ranks of A_I^+ r_I, weighted: A_I^+ = Q R^-T P' */
static PetscErrorCode Project(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const PetscScalar *r;
  PetscScalar       *d, *z;
  PetscInt           first = 0;
  PetscMPIInt        rank;
  NomosSPBlock      *p;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)ksp), &rank));
  PetscCall(VecSet(k->work, 0));
  p = Choose(k, ksp->its, rank, &first);
  if (p) {
    PetscCall(PetscCalloc2(PetscMax(p->ncols, 1), &d, PetscMax(p->rows, 1), &z));
    PetscCall(VecGetArrayRead(k->r, &r));
    for (PetscInt j = 0; j < p->rank; j++) {
      const PetscInt t = p->pivot[j];

      z[j] = r[first + t];
      for (PetscInt l = 0; l < j; l++) z[j] -= p->R[l + t * p->rows] * z[l];
      z[j] /= p->R[j + t * p->rows];
      for (PetscInt i = 0; i < p->ncols; i++) d[i] += z[j] * p->Q[t * p->ncols + i];
    }
    PetscCall(VecRestoreArrayRead(k->r, &r));
    PetscCall(VecSetValues(k->work, p->ncols, p->cols, d, ADD_VALUES));
    PetscCall(PetscFree2(d, z));
  }
  PetscCall(VecAssemblyBegin(k->work));
  PetscCall(VecAssemblyEnd(k->work));
  PetscCall(VecPointwiseMult(k->work, k->work, k->weight));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPBlockRows(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;

  PetscFunctionBegin;
  PetscCall(Project(ksp));
  PetscCall(NomosSPMove(ksp, k->work, k->work2));
  PetscFunctionReturn(PETSC_SUCCESS);
}
