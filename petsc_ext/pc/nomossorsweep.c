/*
  nomossorsweep.c - the sweeps: launch by launch, the halo of a colour after its rows; triangular products and inner Jacobi
  sweeps. Everything is a launch on the backend of the PC: the host's, or a device's where the matrix lives there.
*/
#include "nomossor.h"

static SORPiece Piece(const NomosSOR *s, const NomosSORMatrix *m, const NomosSORLaunch *l)
{
  const NomosSOROrder *o = &s->order;

  return (SORPiece){.group = l->grouped ? o->there[2] : NULL, .level = o->there[1], .first = l->first, .size = l->size, .threads = l->threads, .lanes = m->lanes};
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
  const NomosSOROrder *o = &s->order;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < o->nlaunches; i++) {
    const NomosSORLaunch *l = &o->launch[q->back ? o->nlaunches - 1 - i : i];

    if (q->back) PetscCall(NomosLaunch(s->b, SORBackward, l->n, .m = m->rows, .piece = Piece(s, m, l), .b = q->b, .x = q->x, .omega = s->omega, .keep = q->keep, .full = q->full));
    else PetscCall(NomosLaunch(s->b, SORForward, l->n, .m = m->rows, .piece = Piece(s, m, l), .b = q->b, .x = q->x, .t = q->t, .omega = s->omega, .keep = q->keep, .full = q->full));
    if (m->halo && !(q->last && i == o->nlaunches - 1)) PetscCall(NomosSORExchange(s, m->halo[l->color], m->work, m->work + m->n));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Copy(NomosSOR *s, double *to, const double *from, PetscInt n)
{
  PetscFunctionBegin;
  if (n) PetscCall(NomosBackendCheck(s->b, s->b->table->copy(s->b->ctx, to, from, (size_t)n * sizeof(double), 0), "copy"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Around every use: the vectors in the backend's memory, and values that are borrowed. */
static PetscErrorCode Begin(NomosSOR *s, NomosSORMatrix *m, Vec in, Vec out, const double **x, double **y)
{
  PetscFunctionBegin;
  PetscCall(NomosStageRead(s->b, &s->stage[0], in, x));
  PetscCall(NomosStageWrite(s->b, &s->stage[1], out, y));
  PetscCall(NomosSORMatrixBegin(m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(NomosSOR *s, NomosSORMatrix *m)
{
  PetscFunctionBegin;
  PetscCall(NomosSORMatrixEnd(m));
  PetscCall(NomosStageRestore(s->b, &s->stage[1]));
  PetscCall(NomosStageRestore(s->b, &s->stage[0]));
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
  PetscCall(Begin(s, m, vb, vx, &b, &x));
  PetscCall(Sweeps(s, m, sweep, its, b, m->halo ? m->work : x));
  if (m->halo) PetscCall(Copy(s, x, m->work, m->n));
  PetscCall(PetscLogFlops((sweep == NOMOS_SOR_SYMMETRIC ? 2.0 : 1.0) * its * 2.0 * (double)(m->nz + m->n)));
  PetscCall(End(s, m));
  PetscCall(PetscLogEventEnd(NOMOS_SORSweep, pc, vb, vx, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (D/omega + L) x or (D/omega + U) x */
PetscErrorCode NomosSORTriangleMult(PC pc, NomosSORMatrix *m, PetscBool upper, Vec vx, Vec vy)
{
  NomosSOR     *s = (NomosSOR *)pc->data;
  const double *x;
  double       *y;

  PetscFunctionBegin;
  PetscCall(Begin(s, m, vx, vy, &x, &y));
  if (m->halo) {
    PetscCall(Copy(s, m->work, x, m->n));
    for (PetscInt c = 0; c < m->nhalo; c++) PetscCall(NomosSORExchange(s, m->halo[c], m->work, m->work + m->n));
  }
  PetscCall(NomosLaunch(s->b, SORTriangle, m->n, .m = m->rows, .x = m->halo ? m->work : x, .y = y, .omega = s->omega, .upper = upper));
  PetscCall(End(s, m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = scale (D + shift) v */
PetscErrorCode NomosSORScaleDiagonal(PC pc, NomosSORMatrix *m, PetscReal scale, Vec vv, Vec vy)
{
  NomosSOR     *s = (NomosSOR *)pc->data;
  const double *v;
  double       *y;

  PetscFunctionBegin;
  PetscCall(Begin(s, m, vv, vy, &v, &y));
  PetscCall(NomosLaunch(s->b, SORScale, m->n, .id = m->id, .v = v, .y = y, .scale = scale));
  PetscCall(End(s, m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (D/omega + L)^-1 A (D/omega + U)^-1 v: with t = (D/omega + U)^-1 v, y = t + (D/omega + L)^-1 (v + (D - 2 (D+shift)/omega) t),
   one pass over A in all. The couplings that scope local drops are part of the operator, not of the sweeps: y starts with them. */
PetscErrorCode NomosSOREisenstatMult(PC pc, NomosSORMatrix *m, Vec vv, Vec vy)
{
  NomosSOR            *s = (NomosSOR *)pc->data;
  const NomosSOROrder *o = &s->order;
  const double        *v;
  double              *y;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(NOMOS_SORSweep, pc, vv, vy, 0));
  PetscCall(Begin(s, m, vv, vy, &v, &y));
  PetscCall(RunPass(s, m, &(Pass){.b = v, .x = m->halo ? m->work : m->t, .back = PETSC_TRUE, .last = PETSC_TRUE}));
  if (m->halo) PetscCall(Copy(s, m->t, m->work, m->n));
  if (m->dropped) {
    PetscCall(NomosSORExchange(s, m->outside, m->t, m->ghosts));
    PetscCall(NomosLaunch(s->b, SORCoupling, m->n, .p = m->op, .col = m->oc, .val = m->oval, .x = m->ghosts, .y = y));
  }
  for (PetscInt i = 0; i < o->nlaunches; i++) {
    const NomosSORLaunch *l = &o->launch[i];

    PetscCall(NomosLaunch(s->b, SOREisenstat, l->n, .m = m->rows, .piece = Piece(s, m, l), .t = m->t, .v = v, .s = m->halo ? m->work : m->s, .y = y, .omega = s->omega, .shift = s->shift, .add = m->dropped ? 1 : 0));
    if (m->halo && i < o->nlaunches - 1) PetscCall(NomosSORExchange(s, m->halo[l->color], m->work, m->work + m->n));
  }
  PetscCall(PetscLogFlops(2.0 * (double)(m->nz + m->nout) + 10.0 * (double)m->n));
  PetscCall(End(s, m));
  PetscCall(PetscLogEventEnd(NOMOS_SORSweep, pc, vv, vy, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A triangle solved by inner Jacobi sweeps, from 0; *out is one of two buffers, the other is free afterwards. */
static PetscErrorCode InnerJacobi(NomosSOR *s, NomosSORMatrix *m, PetscInt upper, const double *b, double *one, double *two, double **out)
{
  double *x = NULL, *y = one;

  PetscFunctionBegin;
  for (PetscInt i = 0; i <= s->inner; i++) {
    PetscCall(NomosLaunch(s->b, SORJacobi, m->n, .m = m->rows, .b = b, .x = x, .y = y, .omega = s->omega, .upper = upper));
    x = y;
    y = x == one ? two : one;
  }
  *out = x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Backend jacobi: the same formula with polynomials in place of triangular solves: a fixed linear operator, symmetric with A. */
PetscErrorCode NomosSORJacobiRun(PC pc, NomosSORMatrix *m, NomosSORSweep sweep, PetscInt its, Vec vb, Vec vx)
{
  NomosSOR     *s = (NomosSOR *)pc->data;
  const double *b;
  double       *x, *y;

  PetscFunctionBegin;
  PetscCall(Begin(s, m, vb, vx, &b, &x));
  if (sweep != NOMOS_SOR_SYMMETRIC) PetscCall(InnerJacobi(s, m, sweep == NOMOS_SOR_BACKWARD, b, x, m->s, &y));
  else {
    double *rhs;

    PetscCall(InnerJacobi(s, m, 0, b, m->t, m->s, &y));
    rhs = y == m->t ? m->s : m->t;
    PetscCall(NomosLaunch(s->b, SORScale, m->n, .id = m->id, .v = y, .y = rhs, .scale = (2 - s->omega) / s->omega));
    PetscCall(InnerJacobi(s, m, 1, rhs, x, y, &y));
  }
  if (y != x) PetscCall(Copy(s, x, y, m->n));
  PetscCall(End(s, m));
  PetscFunctionReturn(PETSC_SUCCESS);
}
