/*
  h1fd.c - the H^1 misfit by central differences, as the public FNO package defines it (docs/theory.md, h1fd).

  A segment is one channel of one sample: y_g = [d, D_1 d, ..., D_dim d] / (sqrt(S(target)) + 1e-8), d = u - target.
*/
#include "misfit.h"

typedef struct {
  Misfit      f; /* first: misfit.c finds it through m->data */
  H1StackArgs stencil;
  PetscInt    lines; /* rows per segment */
  double     *d;     /* misfit in the field's own shape */
} H1FD;

static PetscErrorCode SetUpH1FD(NomosMap m)
{
  H1FD    *h = (H1FD *)m->data;
  PetscInt dim = m->grid.dim;

  PetscFunctionBegin;
  PetscCall(NomosMisfitSetUp(m, &h->f, m->channels_in));
  m->segment_size = (1 + dim) * h->f.N;
  m->ny           = m->segments * m->segment_size;
  h->stencil      = (H1StackArgs){.n = {1, 1, 1}, .parts = 1 + dim};
  for (PetscInt j = 0; j < dim; j++) {
    const PetscInt a = j + 3 - dim; /* axes are filled from the last */

    h->stencil.n[a]     = m->grid.n[j];
    h->stencil.c[a]     = 0.5 * (double)m->grid.n[j]; /* h = 1/n whatever the box: the peer's definition */
    h->stencil.place[a] = 1 + j;
  }
  h->lines = h->stencil.n[0] * h->stencil.n[1];
  PetscCall(NomosBackendMalloc(m->be, (size_t)m->nx, (NomosReal **)(void *)&h->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = scale [v, D v]; scale NULL: 1 */
static PetscErrorCode Stack(NomosMap m, const double *v, const double *scale, double *y)
{
  H1FD          *h    = (H1FD *)m->data;
  const PetscInt rows = m->segments * h->lines;
  H1StackArgs    a    = h->stencil;

  PetscFunctionBegin;
  a.x     = v;
  a.scale = scale;
  a.y     = y;
  PetscCall(NomosBackendCheck(m->be, m->be->table->rows(m->be->ctx, (int)m->be->precision, NOMOS_ROWS_H1Stack, rows, a.n[2], &a), "H1Stack"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Value(NomosMap m, Vec x, Vec y, MisfitSet set)
{
  H1FD   *h = (H1FD *)m->data;
  Misfit *f = &h->f;

  PetscFunctionBegin;
  PetscCall(NomosMisfitValue(m, f, set, x, y, Stack, h->d, f->relative ? 1 : PetscSqrtReal(1. / f->N), 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode ApplyH1FD(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, MISFIT_APPLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearizeH1FD(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, MISFIT_LINEARIZE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TangentH1FD(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  H1FD *h = (H1FD *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosMisfitTangent(m, &h->f, dx, dy, Stack, h->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AdjointH1FD(NomosMap m, Vec dy, Vec dx, PetscBool wantp)
{
  H1FD          *h = (H1FD *)m->data;
  Misfit        *f = &h->f;
  const PetscInt fields = f->B * f->C, rows = m->segments * h->lines;
  H1StackAdjArgs a = h->stencil;

  PetscFunctionBegin;
  if (!dx) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosStageRead(m->be, &f->sx, dy, &a.x));
  PetscCall(NomosStageWrite(m->be, &f->sy, dx, &a.y));
  a.scale = f->scale[MISFIT_LINEARIZE];
  PetscCall(NomosBackendCheck(m->be, m->be->table->rows(m->be->ctx, (int)m->be->precision, NOMOS_ROWS_H1StackAdj, rows, a.n[2], &a), "H1StackAdj"));
  PetscCall(NomosLaunchRows(m->be, Centre, fields, f->N, .x = a.y, .shift = f->zero, .q = f->q[MISFIT_LINEARIZE], .y = a.y, .C = f->C, .n = f->N, .group = 1));
  PetscCall(NomosMisfitEnd(m, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFromOptionsH1FD(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "H^1 misfit by differences");
  PetscCall(NomosMisfitSetFromOptions(m, (Misfit *)m->data, PetscOptionsObject));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OptionsH1FD(NomosMap m, char text[], size_t len)
{
  const size_t n = strlen(text);

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text + n, len - n, " -loss_relative %s", ((Misfit *)m->data)->relative ? "true" : "false"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewH1FD(NomosMap m, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "%s misfit, central differences with h = 1/n\n", ((Misfit *)m->data)->relative ? "relative" : "absolute"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResetH1FD(NomosMap m)
{
  H1FD *h = (H1FD *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosBackendFree(m->be, &h->d));
  PetscCall(NomosMisfitReset(m, &h->f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyH1FD(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapLossSetRelative_C", NULL));
  PetscCall(PetscFree(m->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  h1fd - H^1 misfit by central differences, per sample and channel

  f = (1/B) sum_b sum_c sqrt(S(u - t)) / (sqrt(S(t)) + 1e-8), S(v) = sum over points of v^2 + sum_j (D_j v)^2,
  D_j v = (v_{i+1} - v_{i-1})/(2 h_j), periodic, h_j = 1/n_j whatever the box: the public package's H1Loss, added over
  channels. With -loss_relative false the norm is sqrt(S/N), N the number of points.

  Options Database Keys:
. -loss_relative (true|false) - divide by the norm of the target (default: true)

  Shapes: x [B][C][points]; y [B C][1 + dim][points]
  Slots: target (as x); mean, std (C each): compare (v - mean)/(std + 1e-7); weight (B): multiplies a sample
  Cost: O(n), memory n + (1 + dim) n

  Source: J. Kossaifi et al., the neuraloperator package, losses.data_losses.H1Loss; docs/theory.md

  Level: intermediate
.seealso: `NomosMapLossSetRelative()`, `sobolev`
M*/
PETSC_INTERN PetscErrorCode NomosMapCreate_H1FD(NomosMap m)
{
  H1FD *h;

  PetscFunctionBegin;
  PetscCall(PetscNew(&h));
  m->data                = h;
  m->ops->setfromoptions = SetFromOptionsH1FD;
  m->ops->setup          = SetUpH1FD;
  m->ops->apply          = ApplyH1FD;
  m->ops->linearize      = LinearizeH1FD;
  m->ops->tangent        = TangentH1FD;
  m->ops->adjoint        = AdjointH1FD;
  m->ops->getoptions     = OptionsH1FD;
  m->ops->view           = ViewH1FD;
  m->ops->reset          = ResetH1FD;
  m->ops->destroy        = DestroyH1FD;
  PetscCall(NomosMisfitCreate(m, &h->f));
  PetscFunctionReturn(PETSC_SUCCESS);
}
