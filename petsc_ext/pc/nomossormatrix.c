/*
  nomossormatrix.c - a matrix as the sweeps read it: L and U apart, their rows in the order of the sweep, couplings to other ranks
  as columns after the local ones, in the backend's memory. New values go through a map, where they are; the structure is made
  once per nonzero pattern.
*/
#include "nomossor.h"

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

/* --- memory ------------------------------------------------------------------------------------------------------------- */

PetscErrorCode NomosSORUp(NomosBackend b, PetscInt n, const PetscInt here[], PetscInt **there)
{
  PetscFunctionBegin;
  PetscCall(NomosBackendMallocBytes(b, (size_t)n * sizeof(PetscInt), (void **)there));
  PetscCall(NomosBackendCopyUp(b, *there, here, (size_t)n * sizeof(PetscInt)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Reals(NomosBackend b, PetscInt n, double **there)
{
  PetscFunctionBegin;
  PetscCall(NomosBackendMalloc(b, (size_t)n, (NomosReal **)(void *)there));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Values of a part of the matrix in the backend's memory: the matrix's own where it has them there, else a copy. */
static PetscErrorCode ValuesBegin(NomosSOR *s, Mat part, double **copy, const PetscScalar **a)
{
  PetscMemType    where = PETSC_MEMTYPE_HOST;
  const PetscInt *i, *j;
  PetscScalar    *v;
  PetscInt        n, nz;
  PetscBool       done;

  PetscFunctionBegin;
  if (s->device) PetscCall(MatSeqAIJGetCSRAndMemType(part, NULL, NULL, &v, &where));
  if (PetscMemTypeDevice(where)) {
    *a = v;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatSeqAIJGetArrayRead(part, a));
  if (!s->device) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetRowIJ(part, 0, PETSC_FALSE, PETSC_FALSE, &n, &i, &j, &done));
  nz = n ? i[n] : 0;
  PetscCall(MatRestoreRowIJ(part, 0, PETSC_FALSE, PETSC_FALSE, &n, &i, &j, &done));
  if (!*copy) PetscCall(Reals(s->b, nz, copy));
  PetscCall(NomosBackendCopyUp(s->b, *copy, *a, (size_t)nz * sizeof(double)));
  PetscCall(MatSeqAIJRestoreArrayRead(part, a));
  *a = *copy;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ValuesEnd(const NomosSOR *s, Mat part, const PetscScalar **a)
{
  PetscFunctionBegin;
  if (!s->device) PetscCall(MatSeqAIJRestoreArrayRead(part, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- halo ----------------------------------------------------------------------------------------------------------------- */

/* From the rows of the owners to the ghosts that need them, in whatever memory they are. */
PetscErrorCode NomosSORExchange(NomosSOR *s, PetscSF sf, const double *rows, double *ghosts)
{
  const PetscMemType where = s->device ? PETSC_MEMTYPE_CUDA : PETSC_MEMTYPE_HOST;

  PetscFunctionBegin;
  PetscCall(PetscSFBcastWithMemTypeBegin(sf, MPIU_SCALAR, where, rows, where, ghosts, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(sf, MPIU_SCALAR, rows, ghosts, MPI_REPLACE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One exchange per colour: after colour c only its rows have changed. */
static PetscErrorCode MakeHalo(NomosSOR *s, NomosSORMatrix *m, PetscInt ncolors)
{
  PetscLayout rows;
  PetscInt   *from, *to;

  PetscFunctionBegin;
  PetscCall(MatGetLayouts(m->A, &rows, NULL));
  PetscCall(Reals(s->b, m->n + m->nghost, &m->work));
  PetscCall(PetscMalloc2(m->nghost, &from, m->nghost, &to));
  PetscCall(PetscCalloc1(ncolors, &m->halo));
  m->nhalo = ncolors;
  for (PetscInt c = 0; c < ncolors; c++) {
    PetscInt k = 0;

    for (PetscInt g = 0; g < m->nghost; g++) {
      if (m->gcolor[g] != c) continue;
      from[k] = m->garray[g];
      to[k++] = g;
    }
    PetscCall(PetscSFCreate(PetscObjectComm((PetscObject)m->A), &m->halo[c]));
    PetscCall(PetscSFSetGraphLayout(m->halo[c], rows, k, to, PETSC_COPY_VALUES, from));
  }
  PetscCall(PetscFree2(from, to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What scope local leaves out of the sweeps, as rows of its own: Eisenstat's product adds it. */
static PetscErrorCode MakeOutside(NomosSOR *s, NomosSORMatrix *m)
{
  const PetscInt *p, *c;
  PetscInt        n, ng;
  PetscBool       done;
  PetscLayout     rows;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(m->dropped, NULL, &ng));
  PetscCall(MatGetRowIJ(m->dropped, 0, PETSC_FALSE, PETSC_FALSE, &n, &p, &c, &done));
  PetscCheck(done, PETSC_COMM_SELF, PETSC_ERR_SUP, "the rows of this matrix cannot be read");
  m->nout = n ? p[n] : 0;
  PetscCall(NomosSORUp(s->b, n + 1, p, &m->op));
  PetscCall(NomosSORUp(s->b, m->nout, c, &m->oc));
  PetscCall(MatRestoreRowIJ(m->dropped, 0, PETSC_FALSE, PETSC_FALSE, &n, &p, &c, &done));
  PetscCall(Reals(s->b, m->nout, &m->oval));
  PetscCall(Reals(s->b, ng, &m->ghosts));
  PetscCall(MatGetLayouts(m->A, &rows, NULL));
  PetscCall(PetscSFCreate(PetscObjectComm((PetscObject)m->A), &m->outside));
  PetscCall(PetscSFSetGraphLayout(m->outside, rows, ng, NULL, PETSC_OWN_POINTER, m->garray));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- structure ------------------------------------------------------------------------------------------------------------ */

/* Natural order: the arrays as they stand, and where the diagonal is in them. -1: a row without one. */
static PetscErrorCode Borrow(NomosSOR *s, NomosSORMatrix *m)
{
  const PetscInt *p, *col;
  PetscBool       done;
  PetscInt        n, *d;

  PetscFunctionBegin;
  m->borrowed = PETSC_TRUE;
  PetscCall(MatGetRowIJ(m->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &p, &col, &done));
  PetscCheck(done, PetscObjectComm((PetscObject)m->A), PETSC_ERR_SUP, "the rows of this matrix cannot be read");
  PetscCall(PetscMalloc1(n, &d));
  for (PetscInt i = 0; i < n; i++) {
    PetscInt k = p[i];

    while (k < p[i + 1] && col[k] < i) k++;
    d[i] = k < p[i + 1] && col[k] == i ? k : -1;
  }
  m->nz = n ? p[n] - n : 0;
  PetscCall(NomosSORUp(s->b, n, d, &m->d));
  PetscCall(PetscFree(d));
  m->rows = (SORRows){.l = p, .lend = m->d, .u = m->d, .uend = p + 1, .col = col, .skip = 1};
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct { /* the pattern on this rank while it is taken apart */
  const PetscInt *bp, *bc, *op, *oc;
  PetscInt       *l, *u, *d, *col, *map;
} Parts;

/* One row: into L those swept before, into U those swept after; l[r+1] and u[r+1] go on from l[r] and u[r]. Rows of another
   colour on another rank count by colour; equal colours are never coupled across ranks. Without col it only counts. */
static void TakeRow(const NomosSORMatrix *m, const NomosSOROrder *o, PetscInt r, Parts *w)
{
  const PetscInt q = o->identity ? r : o->row[r];
  PetscInt       l = w->l[r], u = w->u[r];

  w->d[r] = -1;
  for (PetscInt j = w->bp[q]; j < w->bp[q + 1]; j++) {
    const PetscInt c = w->bc[j], at = o->identity ? c : o->position[c], k = at < r ? l++ : at > r ? u++ : -1;

    if (k < 0) w->d[r] = j;
    else if (w->col) w->col[k] = c, w->map[k] = j;
  }
  for (PetscInt j = w->op ? w->op[q] : 0; w->op && j < w->op[q + 1]; j++) {
    const PetscInt c = m->gcolor[w->oc[j]], mine = o->color[q], k = c < mine ? l++ : c > mine ? u++ : -1;

    if (k >= 0 && w->col) w->col[k] = m->n + w->oc[j], w->map[k] = -1 - j;
  }
  w->l[r + 1] = l;
  w->u[r + 1] = u;
}

static PetscErrorCode Copy(NomosSOR *s, const NomosSOROrder *o, NomosSORMatrix *m)
{
  Parts     w = {.op = NULL};
  PetscInt  n;
  PetscBool done;

  PetscFunctionBegin;
  PetscCall(MatGetRowIJ(m->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &w.bp, &w.bc, &done));
  PetscCheck(done, PetscObjectComm((PetscObject)m->A), PETSC_ERR_SUP, "the rows of this matrix cannot be read");
  if (m->off) PetscCall(MatGetRowIJ(m->off, 0, PETSC_FALSE, PETSC_FALSE, &n, &w.op, &w.oc, &done));
  PetscCall(PetscMalloc3(m->n + 1, &w.l, m->n + 1, &w.u, m->n, &w.d));
  w.l[0] = w.u[0] = 0;
  for (PetscInt r = 0; r < m->n; r++) TakeRow(m, o, r, &w);
  m->nz  = w.l[m->n] + w.u[m->n];
  w.u[0] = w.l[m->n]; /* U stands behind L */
  PetscCall(PetscMalloc2(m->nz, &w.col, m->nz, &w.map));
  for (PetscInt r = 0; r < m->n; r++) TakeRow(m, o, r, &w);
  PetscCall(MatRestoreRowIJ(m->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &w.bp, &w.bc, &done));
  if (m->off) PetscCall(MatRestoreRowIJ(m->off, 0, PETSC_FALSE, PETSC_FALSE, &n, &w.op, &w.oc, &done));
  PetscCall(NomosSORUp(s->b, m->n + 1, w.l, &m->l));
  PetscCall(NomosSORUp(s->b, m->n + 1, w.u, &m->u));
  PetscCall(NomosSORUp(s->b, m->n, w.d, &m->d));
  PetscCall(NomosSORUp(s->b, m->nz, w.col, &m->col));
  PetscCall(NomosSORUp(s->b, m->nz, w.map, &m->map));
  PetscCall(PetscFree2(w.col, w.map));
  PetscCall(PetscFree3(w.l, w.u, w.d));
  PetscCall(Reals(s->b, m->nz, &m->val));
  m->rows = (SORRows){.row = o->there[0], .l = m->l, .lend = m->l + 1, .u = m->u, .uend = m->u + 1, .col = m->col, .val = m->val};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Structure of m for an order. m comes from NomosSORMatrixSplit(). */
PetscErrorCode NomosSORMatrixBuild(PC pc, const NomosSOROrder *o, PetscBool global, NomosSORMatrix *m)
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscReal mean;

  PetscFunctionBegin;
  if (o->identity && !s->device && !s->eisenstat) {
    PetscCall(Borrow(s, m));
  } else {
    if (m->off) PetscCall(NomosSORGhosts(m, o->color, &m->gcolor));
    PetscCall(Copy(s, o, m));
  }
  if (global && m->off) PetscCall(MakeHalo(s, m, o->ncolors));
  if (s->eisenstat && m->dropped) PetscCall(MakeOutside(s, m));
  else m->dropped = NULL;
  mean     = m->n ? (PetscReal)m->nz / m->n : 0;
  m->lanes = mean <= 16 ? 1 : mean <= 32 ? 4 : mean <= 96 ? 8 : 32;
  PetscCall(Reals(s->b, m->n, &m->id));
  PetscCall(Reals(s->b, m->n, &m->t));
  PetscCall(Reals(s->b, m->n, &m->s));
  PetscCall(Reals(s->b, 1, &m->count));
  m->rows.id = m->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- values --------------------------------------------------------------------------------------------------------------- */

/* The first row (globally) whose diagonal + shift cannot be divided by goes to badrow. */
static PetscErrorCode Unusable(PC pc, NomosSORMatrix *m)
{
  NomosSOR *s   = (NomosSOR *)pc->data;
  PetscInt  bad = PETSC_MAX_INT, first;
  double    count = 0, *id;

  PetscFunctionBegin;
  PetscCall(NomosLaunchSum(s->b, SORUnusable, 1, m->n, 0, m->count, .id = m->id));
  PetscCall(NomosBackendCopyDown(s->b, &count, m->count, sizeof(count)));
  if (count > 0) {
    PetscCall(MatGetOwnershipRange(m->A, &first, NULL));
    PetscCall(PetscMalloc1(m->n, &id));
    PetscCall(NomosBackendCopyDown(s->b, id, m->id, (size_t)m->n * sizeof(*id)));
    for (PetscInt q = m->n; q-- > 0;)
      if (PetscIsNanReal(id[q])) bad = first + q;
    PetscCall(PetscFree(id));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPIU_INT, MPI_MIN, PetscObjectComm((PetscObject)pc)));
  s->badrow = bad == PETSC_MAX_INT ? -1 : bad;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* New values. */
PetscErrorCode NomosSORMatrixRefresh(PC pc, NomosSORMatrix *m)
{
  NomosSOR          *s   = (NomosSOR *)pc->data;
  const Mat          off = m->off ? m->off : m->dropped;
  const PetscScalar *a, *o = NULL;

  PetscFunctionBegin;
  PetscCall(ValuesBegin(s, m->block, &m->values[0], &a));
  if (off) PetscCall(ValuesBegin(s, off, &m->values[1], &o));
  if (!m->borrowed) PetscCall(NomosLaunch(s->b, SORGather, m->nz, .map = m->map, .a = a, .o = o, .val = m->val));
  PetscCall(NomosLaunch(s->b, SORInvert, m->n, .row = m->rows.row, .d = m->d, .a = a, .id = m->id, .shift = s->shift));
  if (m->dropped && m->nout) PetscCall(NomosBackendCheck(s->b, s->b->table->copy(s->b->ctx, m->oval, o, (size_t)m->nout * sizeof(double), 0), "copy"));
  if (off) PetscCall(ValuesEnd(s, off, &o));
  PetscCall(ValuesEnd(s, m->block, &a));
  PetscCall(Unusable(pc, m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Around every use: borrowed values are read where the matrix has them. */
PetscErrorCode NomosSORMatrixBegin(NomosSORMatrix *m)
{
  PetscFunctionBegin;
  if (m->borrowed) PetscCall(MatSeqAIJGetArrayRead(m->block, &m->rows.val));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSORMatrixEnd(NomosSORMatrix *m)
{
  PetscFunctionBegin;
  if (m->borrowed) PetscCall(MatSeqAIJRestoreArrayRead(m->block, &m->rows.val));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Borrowed p and col belong to the matrix, which may be gone: nothing is given back. */
PetscErrorCode NomosSORMatrixDestroy(NomosBackend b, NomosSORMatrix *m)
{
  void *all[] = {&m->l, &m->u, &m->col, &m->d, &m->map, &m->val, &m->id, &m->work, &m->t, &m->s, &m->count, &m->values[0], &m->values[1], &m->op, &m->oc, &m->oval, &m->ghosts};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(all); i++) PetscCall(NomosBackendFree(b, all[i]));
  for (PetscInt c = 0; c < m->nhalo; c++) PetscCall(PetscSFDestroy(&m->halo[c]));
  PetscCall(PetscFree(m->halo));
  PetscCall(PetscSFDestroy(&m->outside));
  PetscCall(PetscFree(m->gcolor));
  if (m->own) PetscCall(MatDestroy(&m->A));
  PetscCall(PetscMemzero(m, sizeof(*m)));
  PetscFunctionReturn(PETSC_SUCCESS);
}
