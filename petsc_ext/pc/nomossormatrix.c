/*
  nomossormatrix.c - a matrix as the sweeps read it: rows in the order of the sweep, each as L, diagonal, U, couplings to other
  ranks as columns after the local ones. New values go through a map; the structure is made once per nonzero pattern.
*/
#include "nomossor.h"
#include <petscsf.h>

/* The blocks of an AIJ matrix. local: couplings to other ranks are dropped. */
PetscErrorCode NomosSORMatrixSplit(Mat A, PetscBool local, NomosSORMatrix *m)
{
  PetscBool mpi;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)A, MATMPIAIJ, &mpi));
  m->A      = A;
  m->block  = A;
  m->off    = NULL;
  m->garray = NULL;
  if (mpi) PetscCall(MatMPIAIJGetSeqAIJ(A, &m->block, &m->off, &m->garray));
  PetscCall(MatGetLocalSize(m->block, &m->n, NULL));
  m->nghost = 0;
  if (m->off && !local) PetscCall(MatGetLocalSize(m->off, NULL, &m->nghost));
  m->dropped = local ? m->off : NULL;
  if (local) m->off = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An integer of every ghost, from the rank that owns it. */
PetscErrorCode NomosSORGhosts(NomosSORMatrix *m, const PetscInt mine[], PetscInt **theirs)
{
  PetscSF     sf;
  PetscLayout rows;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(m->nghost, theirs));
  PetscCall(MatGetLayouts(m->A, &rows, NULL));
  PetscCall(PetscSFCreate(PetscObjectComm((PetscObject)m->A), &sf));
  PetscCall(PetscSFSetGraphLayout(sf, rows, m->nghost, NULL, PETSC_OWN_POINTER, m->garray));
  PetscCall(PetscSFBcastBegin(sf, MPIU_INT, mine, *theirs, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(sf, MPIU_INT, mine, *theirs, MPI_REPLACE));
  PetscCall(PetscSFDestroy(&sf));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One exchange per colour: after colour c only its rows have changed. */
static PetscErrorCode MakeHalo(NomosSORMatrix *m, PetscInt ncolors)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)m->A);
  PetscInt      *from, *to, N;

  PetscFunctionBegin;
  PetscCall(MatGetSize(m->A, &N, NULL));
  PetscCall(PetscCalloc1((size_t)m->n + (size_t)m->nghost, &m->work));
  PetscCall(VecCreateMPIWithArray(comm, 1, m->n, N, m->work, &m->x));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, m->nghost, m->work + m->n, &m->ghosts));
  PetscCall(PetscMalloc2(m->nghost, &from, m->nghost, &to));
  PetscCall(PetscCalloc1(ncolors, &m->halo));
  m->nhalo = ncolors;
  for (PetscInt c = 0; c < ncolors; c++) {
    IS       is, where;
    PetscInt k = 0;

    for (PetscInt g = 0; g < m->nghost; g++) {
      if (m->gcolor[g] != c) continue;
      from[k] = m->garray[g];
      to[k++] = g;
    }
    PetscCall(ISCreateGeneral(PETSC_COMM_SELF, k, from, PETSC_COPY_VALUES, &is));
    PetscCall(ISCreateGeneral(PETSC_COMM_SELF, k, to, PETSC_COPY_VALUES, &where));
    PetscCall(VecScatterCreate(m->x, is, m->ghosts, where, &m->halo[c]));
    PetscCall(ISDestroy(&is));
    PetscCall(ISDestroy(&where));
  }
  PetscCall(PetscFree2(from, to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The values of the ghosts of colour c, from work to work. */
PetscErrorCode NomosSORHalo(NomosSORMatrix *m, PetscInt c)
{
  PetscFunctionBegin;
  if (!m->halo) PetscFunctionReturn(PETSC_SUCCESS);
  /* work was written behind the back of the view */
  PetscCall(PetscObjectStateIncrease((PetscObject)m->x));
  PetscCall(VecScatterBegin(m->halo[c], m->x, m->ghosts, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(m->halo[c], m->x, m->ghosts, INSERT_VALUES, SCATTER_FORWARD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Natural order: the arrays as they stand, and where the diagonal is in them. -1: a row without one. */
static PetscErrorCode Borrow(NomosSORMatrix *m)
{
  PetscBool done;
  PetscInt  n;

  PetscFunctionBegin;
  m->borrowed = PETSC_TRUE;
  PetscCall(MatGetRowIJ(m->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &m->p, &m->col, &done));
  PetscCheck(done, PetscObjectComm((PetscObject)m->A), PETSC_ERR_SUP, "the rows of this matrix cannot be read");
  PetscCall(PetscMalloc1(n, &m->down));
  for (PetscInt i = 0; i < n; i++) {
    PetscInt k = m->p[i];

    while (k < m->p[i + 1] && m->col[k] < i) k++;
    m->down[i] = k < m->p[i + 1] && m->col[k] == i ? k : -1;
  }
  m->d = m->down;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One row of the copy: first those swept before, then the diagonal, then those swept after. Rows of another colour on
   another rank count by colour; equal colours are never coupled across ranks. */
static PetscInt CopyRow(NomosSORMatrix *m, const NomosSOROrder *o, PetscInt r, PetscInt k, const PetscInt *bp, const PetscInt *bc, const PetscInt *op, const PetscInt *oc)
{
  const PetscInt q = o->row[r];

  m->down[r] = -1;
  for (PetscInt part = 0; part < 3; part++) {
    for (PetscInt j = bp[q]; j < bp[q + 1]; j++) {
      const PetscInt at = o->position[bc[j]];

      if ((part == 0 && at < r) || (part == 1 && at == r) || (part == 2 && at > r)) {
        if (part == 1) m->down[r] = k;
        m->cown[k]  = bc[j];
        m->map[k++] = j;
      }
    }
    for (PetscInt j = op ? op[q] : 0; op && j < op[q + 1]; j++) {
      const PetscInt c = m->gcolor[oc[j]], mine = o->color[q];

      if ((part == 0 && c < mine) || (part == 2 && c > mine)) {
        m->cown[k]  = m->n + oc[j];
        m->map[k++] = -1 - j;
      }
    }
  }
  return k;
}

static PetscErrorCode Copy(NomosSORMatrix *m, const NomosSOROrder *o)
{
  const PetscInt *bp, *bc, *op = NULL, *oc = NULL;
  PetscInt        n, nz;
  PetscBool       done;

  PetscFunctionBegin;
  PetscCall(MatGetRowIJ(m->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &bp, &bc, &done));
  PetscCheck(done, PetscObjectComm((PetscObject)m->A), PETSC_ERR_SUP, "the rows of this matrix cannot be read");
  if (m->off) PetscCall(MatGetRowIJ(m->off, 0, PETSC_FALSE, PETSC_FALSE, &n, &op, &oc, &done));
  n  = m->n;
  nz = (n ? bp[n] : 0) + (op && n ? op[n] : 0);
  PetscCall(PetscMalloc4(n + 1, &m->pown, n, &m->down, nz, &m->cown, nz, &m->map));
  PetscCall(PetscMalloc1(nz, &m->vown));
  m->pown[0] = 0;
  for (PetscInt r = 0; r < n; r++) m->pown[r + 1] = CopyRow(m, o, r, m->pown[r], bp, bc, op, oc);
  PetscCall(MatRestoreRowIJ(m->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &bp, &bc, &done));
  if (m->off) PetscCall(MatRestoreRowIJ(m->off, 0, PETSC_FALSE, PETSC_FALSE, &n, &op, &oc, &done));
  m->p   = m->pown;
  m->d   = m->down;
  m->col = m->cown;
  m->val = m->vown;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Structure of m for an order. m comes from NomosSORMatrixSplit(). */
PetscErrorCode NomosSORMatrixBuild(PC pc, const NomosSOROrder *o, PetscBool global, NomosSORMatrix *m)
{
  PetscFunctionBegin;
  if (o->identity) {
    PetscCall(Borrow(m));
  } else {
    if (m->off) PetscCall(NomosSORGhosts(m, o->color, &m->gcolor));
    PetscCall(Copy(m, o));
  }
  if (global && m->off) PetscCall(MakeHalo(m, o->ncolors));
  PetscCall(PetscMalloc3(m->n, &m->id, m->n, &m->t, m->n, &m->s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* New values; the first row (globally) whose diagonal + shift cannot be divided by goes to badrow. */
PetscErrorCode NomosSORMatrixRefresh(PC pc, NomosSORMatrix *m)
{
  NomosSOR           *s = (NomosSOR *)pc->data;
  const PetscScalar  *a, *b = NULL;
  PetscInt            bad = PETSC_MAX_INT, first, last;

  PetscFunctionBegin;
  PetscCall(MatSeqAIJGetArrayRead(m->block, &a));
  if (m->off) PetscCall(MatSeqAIJGetArrayRead(m->off, &b));
  if (!m->borrowed) {
    const PetscInt nz = m->p[m->n];

    for (PetscInt k = 0; k < nz; k++) m->vown[k] = m->map[k] >= 0 ? a[m->map[k]] : b[-1 - m->map[k]];
  }
  PetscCall(MatGetOwnershipRange(m->A, &first, &last));
  for (PetscInt r = 0; r < m->n; r++) {
    const PetscInt  q = m->borrowed ? r : s->order.row[r];
    const PetscReal d = m->d[r] < 0 ? 0.0 : (m->borrowed ? a[m->d[r]] : m->val[m->d[r]]) + s->shift;

    m->id[q] = 1.0 / (d == 0.0 ? 1.0 : d); /* no division by zero: the host may trap it */
    if (m->d[r] < 0 || d == 0.0 || PetscIsInfOrNanReal(d) || PetscIsInfOrNanReal(m->id[q])) bad = PetscMin(bad, first + q);
  }
  if (m->off) PetscCall(MatSeqAIJRestoreArrayRead(m->off, &b));
  PetscCall(MatSeqAIJRestoreArrayRead(m->block, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPIU_INT, MPI_MIN, PetscObjectComm((PetscObject)pc)));
  s->badrow = bad == PETSC_MAX_INT ? -1 : bad;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Around every use: borrowed values are read where the matrix has them. */
PetscErrorCode NomosSORMatrixBegin(NomosSORMatrix *m)
{
  PetscFunctionBegin;
  if (m->borrowed) PetscCall(MatSeqAIJGetArrayRead(m->block, &m->val));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSORMatrixEnd(NomosSORMatrix *m)
{
  PetscFunctionBegin;
  if (m->borrowed) PetscCall(MatSeqAIJRestoreArrayRead(m->block, &m->val));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSORMatrixDestroy(NomosSORMatrix *m)
{
  PetscFunctionBegin;
  if (m->borrowed) {
    /* p and col belong to the matrix, which may be gone: PETSc hands out its own arrays for this call */
    PetscCall(PetscFree(m->down));
  } else {
    PetscCall(PetscFree4(m->pown, m->down, m->cown, m->map));
    PetscCall(PetscFree(m->vown));
  }
  for (PetscInt c = 0; c < m->nhalo; c++) PetscCall(VecScatterDestroy(&m->halo[c]));
  PetscCall(PetscFree(m->halo));
  PetscCall(VecDestroy(&m->x));
  PetscCall(VecDestroy(&m->ghosts));
  PetscCall(VecScatterDestroy(&m->outside));
  PetscCall(VecDestroy(&m->dx));
  PetscCall(VecDestroy(&m->dghosts));
  PetscCall(VecDestroy(&m->dy));
  PetscCall(PetscFree(m->work));
  PetscCall(PetscFree(m->gcolor));
  PetscCall(PetscFree3(m->id, m->t, m->s));
  if (m->own) PetscCall(MatDestroy(&m->A));
  PetscCall(PetscMemzero(m, sizeof(*m)));
  PetscFunctionReturn(PETSC_SUCCESS);
}
