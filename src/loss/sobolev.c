/*
  sobolev.c - the H^s misfit, any real s, by Fourier weights; s = 0 is plain L2 on the grid (docs/theory.md, Sobolev norms).

  A segment is a sample, all its channels. For s != 0 the residual is the scaled half spectrum: its 2-norm is the H^s norm,
  and one transform per verb is enough. The box is taken as periodic whatever its boundary is.
*/
#include "misfit.h"

typedef struct {
  Misfit    f; /* first: misfit.c finds it through m->data */
  PetscReal s, alpha;
  PetscInt  kp;     /* modes, padded */
  void     *plan;
  double   *rho;    /* sqrt(w_k mu_k) */
  double   *d, *z;  /* misfit on the grid, its spectrum */
} Sobolev;

/* all signed frequencies of axis j: -floor(n/2).. on leading axes, 0..floor(n/2) on the last */
static PetscErrorCode Frequencies(const NomosGrid *g, PetscInt m[], PetscInt *freq[])
{
  PetscFunctionBegin;
  for (PetscInt j = 0; j < g->dim; j++) {
    const PetscBool last = j + 1 == g->dim ? PETSC_TRUE : PETSC_FALSE;

    m[j] = last ? g->n[j] / 2 + 1 : g->n[j];
    PetscCall(PetscMalloc1(m[j], &freq[j]));
    for (PetscInt k = 0; k < m[j]; k++) freq[j][k] = last ? k : k - g->n[j] / 2;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* rho_k = sqrt(w_k (alpha + |xi|^2)^s); mode 0 has no part in a homogeneous norm */
static PetscErrorCode Weights(NomosMap m, Sobolev *s, const PetscInt mode[], PetscInt *freq[])
{
  const NomosGrid *g = &m->grid;
  const PetscInt   last = g->dim - 1;
  PetscInt         modes = 1;
  double          *rho;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < g->dim; j++) modes *= mode[j];
  PetscCall(PetscCalloc1(s->kp, &rho));
  for (PetscInt k = 0; k < modes; k++) {
    PetscInt  rest = k, kd = 0;
    PetscReal xi2 = 0, w;

    for (PetscInt j = last; j >= 0; j--) {
      const PetscInt  f  = freq[j][rest % mode[j]];
      const PetscReal xi = 2 * PETSC_PI * f / g->length[j];

      rest /= mode[j];
      xi2 += xi * xi;
      if (j == last) kd = f;
    }
    w      = kd == 0 || 2 * kd == g->n[last] ? 1 : 2;
    rho[k] = s->alpha + xi2 > 0 ? PetscSqrtReal(w * PetscPowReal(s->alpha + xi2, s->s)) : 0;
  }
  PetscCall(NomosBackendMallocBytes(m->be, (size_t)s->kp * sizeof(double), (void **)&s->rho));
  PetscCall(NomosBackendCopyUp(m->be, s->rho, rho, (size_t)s->kp * sizeof(double)));
  PetscCall(PetscFree(rho));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpSpectrum(NomosMap m, Sobolev *s)
{
  NomosFFTDesc desc = {.dim = (int)m->grid.dim, .precision = (int)NOMOS_DOUBLE, .method = NOMOS_FFT_AUTO, .batch = PetscMax(1, s->f.B * s->f.C), .scale_f = 1. / s->f.N, .scale_i = 1};
  PetscInt    *freq[NOMOS_MAX_DIM] = {NULL, NULL, NULL}, modes = 1;

  PetscFunctionBegin;
  PetscCall(Frequencies(&m->grid, desc.m, freq));
  for (PetscInt j = 0; j < m->grid.dim; j++) {
    PetscCheck(m->grid.length[j] > 0, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "axis %" PetscInt_FMT " of the grid has length %g; loss 'sobolev' needs a positive one", j, (double)m->grid.length[j]);
    desc.n[j]    = m->grid.n[j];
    desc.freq[j] = freq[j];
    modes *= desc.m[j];
  }
  s->kp = NomosFFTPad(modes);
  PetscCall(NomosBackendCheck(m->be, m->be->table->fft_create(m->be->ctx, &desc, &s->plan), "fft of loss 'sobolev'"));
  PetscCall(Weights(m, s, desc.m, freq));
  for (PetscInt j = 0; j < m->grid.dim; j++) PetscCall(PetscFree(freq[j]));
  PetscCall(NomosBackendMalloc(m->be, (size_t)m->nx, (NomosReal **)(void *)&s->d));
  PetscCall(NomosBackendMalloc(m->be, 2 * (size_t)s->kp * (size_t)(s->f.B * s->f.C), (NomosReal **)(void *)&s->z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpSobolev(NomosMap m)
{
  Sobolev *s = (Sobolev *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosMisfitSetUp(m, &s->f, 1));
  if (s->s != 0) PetscCall(SetUpSpectrum(m, s));
  m->segment_size = s->s != 0 ? s->f.C * 2 * s->kp : s->f.C * s->f.N;
  m->ny           = m->segments * m->segment_size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = scale rho F(v) */
static PetscErrorCode Spectrum(NomosMap m, const double *v, const double *scale, double *y)
{
  Sobolev       *s      = (Sobolev *)m->data;
  const PetscInt fields = s->f.B * s->f.C, parts = 2 * fields;

  PetscFunctionBegin;
  PetscCall(NomosBackendFFT(m->be, s->plan, NOMOS_FFT_FORWARD, fields, v, s->z, 0));
  PetscCall(NomosLaunchRows(m->be, ModeScale, parts, s->kp, .x = s->z, .rho = s->rho, .scale = scale, .y = y, .n = s->kp, .group = 2 * s->f.C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Value(NomosMap m, Vec x, Vec y, MisfitSet set)
{
  Sobolev        *s = (Sobolev *)m->data;
  Misfit         *f = &s->f;
  const PetscBool flat = s->s == 0 ? PETSC_TRUE : PETSC_FALSE; /* on the grid, without a transform */
  PetscReal       volume = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < m->grid.dim; j++) volume *= m->grid.length[j];
  PetscCall(NomosMisfitValue(m, f, set, x, y, flat ? NULL : Spectrum, s->d, PetscSqrtReal((flat ? 1. / f->N : 1) * (f->relative ? 1 : volume)), flat ? 1. / f->N : 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode ApplySobolev(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, MISFIT_APPLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearizeSobolev(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, MISFIT_LINEARIZE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TangentSobolev(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  Sobolev *s = (Sobolev *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosMisfitTangent(m, &s->f, dx, dy, s->s == 0 ? NULL : Spectrum, s->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AdjointSobolev(NomosMap m, Vec dy, Vec dx, PetscBool wantp)
{
  Sobolev        *s = (Sobolev *)m->data;
  Misfit         *f = &s->f;
  const PetscBool flat = s->s == 0 ? PETSC_TRUE : PETSC_FALSE;
  const PetscInt  fields = f->B * f->C, parts = 2 * fields;
  const double   *py, *scale = f->scale[MISFIT_LINEARIZE];
  double         *px;

  PetscFunctionBegin;
  if (!dx) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosStageRead(m->be, &f->sy, dy, &py));
  PetscCall(NomosStageWrite(m->be, &f->sx, dx, &px));
  if (!flat) {
    PetscCall(NomosLaunchRows(m->be, ModeScale, parts, s->kp, .x = py, .rho = s->rho, .scale = scale, .y = s->z, .n = s->kp, .group = 2 * f->C));
    PetscCall(NomosBackendFFT(m->be, s->plan, NOMOS_FFT_FORWARD_ADJ, fields, s->z, s->d, 0));
  }
  PetscCall(NomosLaunchRows(m->be, Centre, fields, f->N, .x = flat ? py : s->d, .shift = f->zero, .q = f->q[MISFIT_LINEARIZE], .scale = flat ? scale : NULL, .y = px, .C = f->C, .n = f->N, .group = f->C));
  PetscCall(NomosMisfitEnd(m, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetOrder(NomosMap m, PetscReal s, PetscReal alpha)
{
  Sobolev *l = (Sobolev *)m->data;

  PetscFunctionBegin;
  PetscCheck(!PetscIsInfOrNanReal(s) && PetscAbsReal(s) <= 16, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "order s = %g of a Sobolev norm; it must lie in [-16, 16]", (double)s);
  PetscCheck(alpha >= 0 && !PetscIsInfOrNanReal(alpha), PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "alpha = %g of a Sobolev norm; it must be at least 0", (double)alpha);
  if (s == l->s && alpha == l->alpha) PetscFunctionReturn(PETSC_SUCCESS);
  if (m->setup) PetscCall(NomosMapSetGrid(m, &m->grid)); /* drops what setup made */
  l->s     = s;
  l->alpha = alpha;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSobolevSetOrder - which norm a loss of type sobolev measures in

  Logically Collective

  Input Parameters:
+ m     - the loss
. s     - order, any real in [-16, 16]; 0 is plain L2
- alpha - weight of mode k is (alpha + |2 pi k/L|^2)^s; 0: homogeneous, mode 0 is left out unless s = 0

  Options Database Keys:
+ -loss_sobolev_s s         - the order (default 0)
- -loss_sobolev_alpha alpha - the shift (default 1)

  Errors: PETSC_ERR_ARG_OUTOFRANGE

  Level: intermediate
.seealso: `NomosMapLossSetRelative()`
@*/
PetscErrorCode NomosMapSobolevSetOrder(NomosMap m, PetscReal s, PetscReal alpha)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapSobolevSetOrder_C", (NomosMap, PetscReal, PetscReal), (m, s, alpha));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFromOptionsSobolev(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  Sobolev  *l = (Sobolev *)m->data;
  PetscReal s = l->s, alpha = l->alpha;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "H^s misfit");
  PetscCall(PetscOptionsReal("-loss_sobolev_s", "Order s of the norm, -16 to 16; 0 is plain L2", "NomosMapSobolevSetOrder", s, &s, NULL));
  PetscCall(PetscOptionsBoundedReal("-loss_sobolev_alpha", "Mode weight (alpha + |xi|^2)^s; not negative; 0: homogeneous, without mode 0", "NomosMapSobolevSetOrder", alpha, &alpha, NULL, 0));
  PetscCall(NomosMisfitSetFromOptions(m, &l->f, PetscOptionsObject));
  PetscOptionsHeadEnd();
  PetscCall(SetOrder(m, s, alpha));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OptionsSobolev(NomosMap m, char text[], size_t len)
{
  Sobolev     *l = (Sobolev *)m->data;
  const size_t n = strlen(text);

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text + n, len - n, " -loss_sobolev_s %.17g -loss_sobolev_alpha %.17g -loss_relative %s", (double)l->s, (double)l->alpha, l->f.relative ? "true" : "false"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewSobolev(NomosMap m, PetscViewer viewer)
{
  Sobolev *l = (Sobolev *)m->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "%s misfit in H^s, s = %g, alpha = %g\n", l->f.relative ? "relative" : "absolute", (double)l->s, (double)l->alpha));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResetSobolev(NomosMap m)
{
  Sobolev *s = (Sobolev *)m->data;

  PetscFunctionBegin;
  if (s->plan) PetscCall(NomosBackendCheck(m->be, m->be->table->fft_destroy(m->be->ctx, s->plan), "fft"));
  s->plan = NULL;
  PetscCall(NomosBackendFree(m->be, &s->rho));
  PetscCall(NomosBackendFree(m->be, &s->d));
  PetscCall(NomosBackendFree(m->be, &s->z));
  PetscCall(NomosMisfitReset(m, &s->f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroySobolev(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapLossSetRelative_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapSobolevSetOrder_C", NULL));
  PetscCall(PetscFree(m->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  sobolev - misfit in H^s by Fourier weights, any real s, channels added as the components of a vector

  f = (1/B) sum_b |u_b - t_b| / (|t_b| + 1e-8) with |v|^2 = sum_c sum_k (alpha + |2 pi k/L|^2)^s |F(v_c)_k / N|^2 over the full
  spectrum; s = 0 is the mean of v^2 over the points. With -loss_relative false: f = (1/B) sum_b sqrt(V) |u_b - t_b|, V the
  volume of the box. The field is taken as periodic: on a bounded domain this is a choice of norm, not a statement about it.

  Options Database Keys:
+ -loss_sobolev_s s           - order (default 0: plain L2, no transform)
. -loss_sobolev_alpha alpha   - shift (default 1); 0 leaves out mode 0 unless s = 0
- -loss_relative (true|false) - divide by the norm of the target (default true)

  Shapes: x [B][C][points]; y [B][C][2][modes padded to 16], for s = 0 [B][C][points]
  Slots: target (as x); mean, std (C each): compare (v - mean)/(std + 1e-7); weight (B): multiplies a sample
  Cost: two transforms for a value, one for a tangent or an adjoint; none for s = 0

  Source: docs/theory.md, Sobolev norms

  Level: intermediate
.seealso: `NomosMapSobolevSetOrder()`, `NomosMapLossSetRelative()`, `h1fd`
M*/
PETSC_INTERN PetscErrorCode NomosMapCreate_Sobolev(NomosMap m)
{
  Sobolev *s;

  PetscFunctionBegin;
  PetscCall(PetscNew(&s));
  m->data                = s;
  s->alpha               = 1;
  m->ops->setfromoptions = SetFromOptionsSobolev;
  m->ops->setup          = SetUpSobolev;
  m->ops->apply          = ApplySobolev;
  m->ops->linearize      = LinearizeSobolev;
  m->ops->tangent        = TangentSobolev;
  m->ops->adjoint        = AdjointSobolev;
  m->ops->getoptions     = OptionsSobolev;
  m->ops->view           = ViewSobolev;
  m->ops->reset          = ResetSobolev;
  m->ops->destroy        = DestroySobolev;
  PetscCall(NomosMisfitCreate(m, &s->f));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapSobolevSetOrder_C", SetOrder));
  PetscFunctionReturn(PETSC_SUCCESS);
}
