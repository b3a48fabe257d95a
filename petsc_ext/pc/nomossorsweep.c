/*
  nomossorsweep.c - the sweeps: colour by colour, the halo of a colour after its rows; triangular products and inner Jacobi
  sweeps. With backend color every colour is one launch over its blocks, as on a device; with host one block per colour,
  which gives the same iterates, because the blocks of a colour are not coupled.
*/
#include "nomossor.h"

#define LAUNCH(s, K, n, args) NomosBackendCheck((s)->b, (n) > 0 ? (s)->b->table->each((s)->b->ctx, NOMOS_DOUBLE, NOMOS_EACH_##K, (n), (args)) : 0, #K)

typedef struct { /* how the rows of a colour are launched */
  PetscInt        launches, first, size;
  const PetscInt *block;
} Piece;

static Piece ColorPiece(const NomosSOR *s, PetscInt c)
{
  const NomosSOROrder *o = &s->order;
  const PetscInt       lo = o->cblock[c], hi = o->cblock[c + 1];
  Piece                p  = {0, 0, 0, NULL};

  if (lo == hi) return p;
  if (s->backend == NOMOS_SOR_COLOR) {
    p.launches = hi - lo;
    p.first    = lo;
    p.size     = 1;
    p.block    = o->single ? NULL : o->block;
  } else {
    p.launches = 1;
    p.first    = o->block[lo];
    p.size     = o->block[hi] - o->block[lo];
  }
  return p;
}

typedef struct { /* one pass over all colours */
  const double *b;
  double       *x, *t;
  PetscReal     keep;
  PetscInt      full;
  PetscBool     back, last; /* last: nobody reads the ghosts after the last colour */
} Pass;

static PetscErrorCode RunPass(NomosSOR *s, NomosSORMatrix *m, const Pass *q)
{
  const PetscInt nc = s->order.ncolors;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < nc; i++) {
    const PetscInt c = q->back ? nc - 1 - i : i;
    const Piece    p = ColorPiece(s, c);
    SORForwardArgs k = {.row = s->order.identity ? NULL : s->order.row, .p = m->p, .d = m->d, .col = m->col, .block = p.block, .val = m->val, .id = m->id, .b = q->b, .x = q->x, .t = q->t,
                        .omega = s->omega, .keep = q->keep, .first = p.first, .size = p.size, .full = q->full};

    if (q->back) PetscCall(LAUNCH(s, SORBackward, p.launches, &k));
    else PetscCall(LAUNCH(s, SORForward, p.launches, &k));
    if (!(q->last && i == nc - 1)) PetscCall(NomosSORHalo(m, c));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Sweeps(NomosSOR *s, NomosSORMatrix *m, NomosSORSweep sweep, PetscInt its, const double *b, double *x)
{
  PetscFunctionBegin;
  for (PetscInt it = 0; it < its; it++) {
    const PetscReal keep = it ? 1 - s->omega : 0;
    const PetscBool last = it == its - 1 ? PETSC_TRUE : PETSC_FALSE;
    Pass            q    = {.b = b, .x = x, .keep = keep, .full = it > 0};

    if (sweep == NOMOS_SOR_SYMMETRIC) {
      q.t    = m->t;
      q.last = PETSC_TRUE; /* the way back begins with the last colour */
      PetscCall(RunPass(s, m, &q));
      q = (Pass){.b = m->t, .x = x, .keep = 1 - s->omega, .back = PETSC_TRUE, .last = last};
    } else {
      q.back = sweep == NOMOS_SOR_BACKWARD ? PETSC_TRUE : PETSC_FALSE;
      q.last = last;
    }
    PetscCall(RunPass(s, m, &q));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = its sweeps for b from x = 0. One forward sweep is (D/omega + L)^-1, one backward (D/omega + U)^-1. */
PetscErrorCode NomosSORSweepRun(PC pc, NomosSORMatrix *m, NomosSORSweep sweep, PetscInt its, Vec vb, Vec vx)
{
  NomosSOR     *s = (NomosSOR *)pc->data;
  const double *b;
  double       *x;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(NOMOS_SORSweep, pc, vb, vx, 0));
  PetscCall(VecGetArrayRead(vb, &b));
  PetscCall(VecGetArrayWrite(vx, &x));
  PetscCall(NomosSORMatrixBegin(m));
  PetscCall(Sweeps(s, m, sweep, its, b, m->halo ? m->work : x));
  if (m->halo) PetscCall(PetscArraycpy(x, m->work, m->n));
  PetscCall(PetscLogFlops((sweep == NOMOS_SOR_SYMMETRIC ? 2.0 : 1.0) * its * 2.0 * (double)(m->n ? m->p[m->n] : 0)));
  PetscCall(NomosSORMatrixEnd(m));
  PetscCall(VecRestoreArrayWrite(vx, &x));
  PetscCall(VecRestoreArrayRead(vb, &b));
  PetscCall(PetscLogEventEnd(NOMOS_SORSweep, pc, vb, vx, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (D/omega + L) x or (D/omega + U) x */
PetscErrorCode NomosSORTriangleMult(PC pc, NomosSORMatrix *m, PetscBool upper, Vec vx, Vec vy)
{
  NomosSOR       *s = (NomosSOR *)pc->data;
  const double   *x;
  double         *y;
  SORTriangleArgs k = {.row = s->order.identity ? NULL : s->order.row, .p = m->p, .d = m->d, .col = m->col, .id = m->id, .omega = s->omega, .upper = upper};

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(vx, &x));
  PetscCall(VecGetArrayWrite(vy, &y));
  PetscCall(NomosSORMatrixBegin(m));
  if (m->halo) {
    PetscCall(PetscArraycpy(m->work, x, m->n));
    for (PetscInt c = 0; c < m->nhalo; c++) PetscCall(NomosSORHalo(m, c));
  }
  k.val = m->val;
  k.x   = m->halo ? m->work : x;
  k.y   = y;
  PetscCall(LAUNCH(s, SORTriangle, m->n, &k));
  PetscCall(NomosSORMatrixEnd(m));
  PetscCall(VecRestoreArrayWrite(vy, &y));
  PetscCall(VecRestoreArrayRead(vx, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = scale (D + shift) v */
PetscErrorCode NomosSORScaleDiagonal(PC pc, NomosSORMatrix *m, PetscReal scale, Vec v, Vec y)
{
  NomosSOR    *s = (NomosSOR *)pc->data;
  SORScaleArgs k = {.id = m->id, .scale = scale};

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(v, &k.v));
  PetscCall(VecGetArrayWrite(y, &k.y));
  PetscCall(LAUNCH(s, SORScale, m->n, &k));
  PetscCall(VecRestoreArrayWrite(y, &k.y));
  PetscCall(VecRestoreArrayRead(v, &k.v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The product with the couplings that scope local drops, added into y: part of the operator, not of the sweeps. */
static PetscErrorCode AddDropped(NomosSORMatrix *m, const double *t, double *y)
{
  PetscFunctionBegin;
  if (!m->outside) {
    const MPI_Comm comm = PetscObjectComm((PetscObject)m->A);
    PetscInt       ng, N;
    IS             is;

    PetscCall(MatGetLocalSize(m->dropped, NULL, &ng));
    PetscCall(MatGetSize(m->A, &N, NULL));
    PetscCall(VecCreateMPIWithArray(comm, 1, m->n, N, NULL, &m->dx));
    PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, m->n, NULL, &m->dy));
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, ng, &m->dghosts));
    PetscCall(ISCreateGeneral(PETSC_COMM_SELF, ng, m->garray, PETSC_COPY_VALUES, &is));
    PetscCall(VecScatterCreate(m->dx, is, m->dghosts, NULL, &m->outside));
    PetscCall(ISDestroy(&is));
  }
  PetscCall(VecPlaceArray(m->dx, t));
  PetscCall(VecPlaceArray(m->dy, y));
  PetscCall(VecScatterBegin(m->outside, m->dx, m->dghosts, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(m->outside, m->dx, m->dghosts, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(MatMult(m->dropped, m->dghosts, m->dy));
  PetscCall(VecResetArray(m->dx));
  PetscCall(VecResetArray(m->dy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (D/omega + L)^-1 A (D/omega + U)^-1 v: with t = (D/omega + U)^-1 v, y = t + (D/omega + L)^-1 (v + (D - 2 (D+shift)/omega) t),
   one pass over A in all. */
PetscErrorCode NomosSOREisenstatMult(PC pc, NomosSORMatrix *m, Vec vv, Vec vy)
{
  NomosSOR     *s = (NomosSOR *)pc->data;
  const double *v;
  double       *y;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(NOMOS_SORSweep, pc, vv, vy, 0));
  PetscCall(VecGetArrayRead(vv, &v));
  PetscCall(VecGetArrayWrite(vy, &y));
  PetscCall(NomosSORMatrixBegin(m));
  PetscCall(RunPass(s, m, &(Pass){.b = v, .x = m->halo ? m->work : m->t, .back = PETSC_TRUE, .last = PETSC_TRUE}));
  if (m->halo) PetscCall(PetscArraycpy(m->t, m->work, m->n));
  if (m->dropped) PetscCall(AddDropped(m, m->t, y));
  for (PetscInt c = 0; c < s->order.ncolors; c++) {
    const Piece      p = ColorPiece(s, c);
    SOREisenstatArgs k = {.row = s->order.identity ? NULL : s->order.row, .p = m->p, .d = m->d, .col = m->col, .block = p.block, .val = m->val, .id = m->id, .t = m->t, .v = v,
                          .s = m->halo ? m->work : m->s, .y = y, .omega = s->omega, .shift = s->shift, .first = p.first, .size = p.size, .add = m->dropped ? 1 : 0};

    PetscCall(LAUNCH(s, SOREisenstat, p.launches, &k));
    if (c < s->order.ncolors - 1) PetscCall(NomosSORHalo(m, c));
  }
  PetscCall(PetscLogFlops(2.0 * (double)(m->n ? m->p[m->n] : 0) + 6.0 * (double)m->n));
  PetscCall(NomosSORMatrixEnd(m));
  PetscCall(VecRestoreArrayWrite(vy, &y));
  PetscCall(VecRestoreArrayRead(vv, &v));
  PetscCall(PetscLogEventEnd(NOMOS_SORSweep, pc, vv, vy, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A triangle solved by inner Jacobi sweeps, from 0; *out is one of two buffers, the other is free afterwards. */
static PetscErrorCode InnerJacobi(NomosSOR *s, NomosSORMatrix *m, PetscInt upper, const double *b, double *one, double *two, double **out)
{
  SORJacobiArgs k = {.row = s->order.identity ? NULL : s->order.row, .p = m->p, .d = m->d, .col = m->col, .val = m->val, .id = m->id, .b = b, .y = one, .omega = s->omega, .upper = upper};

  PetscFunctionBegin;
  PetscCall(LAUNCH(s, SORJacobi, m->n, &k));
  for (PetscInt i = 0; i < s->inner; i++) {
    k.x = k.y;
    k.y = k.x == one ? two : one;
    PetscCall(LAUNCH(s, SORJacobi, m->n, &k));
  }
  *out = k.y;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Backend jacobi: the same formula with polynomials in place of triangular solves: a fixed linear operator, symmetric with A. */
PetscErrorCode NomosSORJacobiRun(PC pc, NomosSORMatrix *m, NomosSORSweep sweep, PetscInt its, Vec vb, Vec vx)
{
  NomosSOR     *s = (NomosSOR *)pc->data;
  const double *b;
  double       *x, *y;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(vb, &b));
  PetscCall(VecGetArrayWrite(vx, &x));
  PetscCall(NomosSORMatrixBegin(m));
  if (sweep != NOMOS_SOR_SYMMETRIC) PetscCall(InnerJacobi(s, m, sweep == NOMOS_SOR_BACKWARD, b, x, m->s, &y));
  else {
    double *rhs;

    PetscCall(InnerJacobi(s, m, 0, b, m->t, m->s, &y));
    rhs = y == m->t ? m->s : m->t;
    PetscCall(LAUNCH(s, SORScale, m->n, (&(SORScaleArgs){.id = m->id, .v = y, .y = rhs, .scale = (2 - s->omega) / s->omega})));
    PetscCall(InnerJacobi(s, m, 1, rhs, x, y, &y));
  }
  if (y != x) PetscCall(PetscArraycpy(x, y, m->n));
  PetscCall(NomosSORMatrixEnd(m));
  PetscCall(VecRestoreArrayWrite(vx, &x));
  PetscCall(VecRestoreArrayRead(vb, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}
