/*
  misfit.c - what the losses share: the residual A (u - target) with the operator A of a norm, and its scale. A loss compares
  the field that flows with the slot "target"; with the slots "mean" and "std" (one number per channel) it compares
  (v - mean)/(std + 1e-7); the slot "weight" (one number per sample) multiplies a sample's residual, 0 for the samples that only
  fill a batch.
*/
#include "misfit.h"

static PetscErrorCode SetRelative(NomosMap m, PetscBool relative)
{
  PetscFunctionBegin;
  ((Misfit *)m->data)->relative = relative;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Misfit is the first member of every loss's struct. */
PetscErrorCode NomosMisfitCreate(NomosMap m, Misfit *f)
{
  PetscFunctionBegin;
  f->relative = PETSC_TRUE;
  PetscCall(NomosMapDeclareSlot(m, "target"));
  PetscCall(NomosMapDeclareSlot(m, "mean"));
  PetscCall(NomosMapDeclareSlot(m, "std"));
  PetscCall(NomosMapDeclareSlot(m, "weight"));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapLossSetRelative_C", SetRelative));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapLossSetRelative - divides the misfit of every segment by the norm of its target, or not

  Logically Collective

  Input Parameters:
+ m        - a loss
- relative - PETSC_TRUE (the default): |u - target| / (|target| + 1e-8)

  Options Database Key:
. -loss_relative (true|false) - the same

  Level: intermediate
.seealso: `NomosMapSobolevSetOrder()`
@*/
PetscErrorCode NomosMapLossSetRelative(NomosMap m, PetscBool relative)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapLossSetRelative_C", (NomosMap, PetscBool), (m, relative));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosMisfitSetFromOptions(NomosMap m, Misfit *f, NomosOptionItems PetscOptionsObject)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsBool("-loss_relative", "Divide every segment by the norm of its target (plus 1e-8)", "NomosMapLossSetRelative", f->relative, &f->relative, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosMisfitSetUp(NomosMap m, Misfit *f, PetscInt per_sample)
{
  PetscInt64 nx;
  size_t     c, g;
  double    *p;

  PetscFunctionBegin;
  PetscCheck(m->precision == NOMOS_DOUBLE, PetscObjectComm((PetscObject)m), PETSC_ERR_SUP, "loss '%s' computes in double precision only; leave NomosMapSetPrecision() to the net", ((PetscObject)m)->type_name);
  PetscCall(NomosGridPoints(&m->grid, &f->N));
  f->B          = m->batch;
  f->C          = m->channels_in;
  f->per_sample = per_sample;
  nx            = (PetscInt64)f->B * f->C * f->N;
  PetscCheck(nx <= PETSC_MAX_INT / 16, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a batch of %" PetscInt_FMT " samples, %" PetscInt_FMT " channels and %" PetscInt_FMT " points is more than this PETSc can index", f->B, f->C, f->N);
  m->nx = (PetscInt)nx;
  m->np = 0;
  f->segments = m->segments = f->B * per_sample;
  c = (size_t)f->C, g = (size_t)f->segments;
  PetscCall(NomosBackendMalloc(m->be, 5 * c + 3 * g, (NomosReal **)(void *)&f->memory)); /* comes zeroed: that is f->zero */
  p = f->memory;
  for (int s = 0; s < 2; s++) f->q[s] = p, f->shift[s] = p + c, f->scale[s] = p + 2 * c, p += 2 * c + g;
  f->zero = p, f->den = p + c;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The array of a slot, checked for its length; NULL where it is empty. */
static PetscErrorCode Given(NomosMap m, NomosStage *stage, const char slot[], PetscInt n, const double **p)
{
  Vec      v;
  PetscInt got;

  PetscFunctionBegin;
  *p = NULL;
  PetscCall(NomosMapGetField(m, slot, &v));
  if (!v) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(v, &got));
  PetscCheck(got == n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "loss '%s': the field '%s' has %" PetscInt_FMT " entries, expected %" PetscInt_FMT " (batch %" PetscInt_FMT ", %" PetscInt_FMT " channels)", ((PetscObject)m)->type_name, slot, got, n, m->batch, m->channels_in);
  PetscCall(NomosStageRead(m->be, stage, v, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosMisfitBegin(NomosMap m, Misfit *f, MisfitSet set, Vec x, Vec y, const double **px, const double **pt, double **py)
{
  const double *mean, *std;

  PetscFunctionBegin;
  PetscCall(Given(m, &f->st, "target", m->nx, pt));
  PetscCheck(*pt, PETSC_COMM_SELF, PETSC_ERR_ORDER, "loss '%s' has nothing to compare with; give it NomosMapSetField(loss, \"target\", v)", ((PetscObject)m)->type_name);
  PetscCall(Given(m, &f->smean, "mean", f->C, &mean));
  PetscCall(Given(m, &f->sstd, "std", f->C, &std));
  PetscCall(NomosLaunch(m->be, LossFactors, f->C, .mean = mean, .std = std, .q = f->q[set], .shift = f->shift[set], .eps = NOMOS_STD_EPS));
  PetscCall(NomosStageRead(m->be, &f->sx, x, px));
  PetscCall(NomosStageWrite(m->be, &f->sy, y, py));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosMisfitScale(NomosMap m, Misfit *f, MisfitSet set, PetscReal factor, PetscReal norm)
{
  const double *weight;

  PetscFunctionBegin;
  PetscCall(Given(m, &f->sweight, "weight", f->B, &weight));
  PetscCall(NomosLaunch(m->be, LossScale, f->segments, .den = f->relative ? f->den : NULL, .weight = weight, .scale = f->scale[set], .factor = factor, .norm = norm, .eps = NOMOS_LOSS_EPS, .group = f->per_sample));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosMisfitEnd(NomosMap m, Misfit *f)
{
  PetscFunctionBegin;
  PetscCall(NomosStageRestore(m->be, &f->sx));
  PetscCall(NomosStageRestore(m->be, &f->st));
  PetscCall(NomosStageRestore(m->be, &f->smean));
  PetscCall(NomosStageRestore(m->be, &f->sstd));
  PetscCall(NomosStageRestore(m->be, &f->sweight));
  PetscCall(NomosStageRestore(m->be, &f->sy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = scale A (u - target) with scale = factor weight / (|A target| + eps): the value of every loss. factor and norm are those of NomosMisfitScale(). */
PetscErrorCode NomosMisfitValue(NomosMap m, Misfit *f, MisfitSet set, Vec x, Vec y, MisfitOperator A, double *field, PetscReal factor, PetscReal norm)
{
  const PetscInt fields = f->B * f->C, group = f->C / f->per_sample;
  const double  *px, *pt;
  double        *py;

  PetscFunctionBegin;
  PetscCall(NomosMisfitBegin(m, f, set, x, y, &px, &pt, &py));
  if (f->relative) { /* y holds A target for a moment */
    PetscCall(NomosLaunchRows(m->be, Centre, fields, f->N, .x = pt, .shift = f->shift[set], .q = f->q[set], .y = A ? field : py, .C = f->C, .n = f->N, .group = group));
    if (A) PetscCall((*A)(m, field, NULL, py));
    PetscCall(NomosLaunchSum(m->be, DotRows, m->segments, m->segment_size, 0, f->den, .x = MisfitConstReal(py), .y = MisfitConstReal(py), .n = m->segment_size, .C = 1));
  }
  PetscCall(NomosMisfitScale(m, f, set, factor, norm));
  PetscCall(NomosLaunchRows(m->be, Misfit, fields, f->N, .x = px, .t = pt, .q = f->q[set], .scale = A ? NULL : f->scale[set], .y = A ? field : py, .C = f->C, .n = f->N, .group = group));
  if (A) PetscCall((*A)(m, field, f->scale[set], py));
  PetscCall(NomosMisfitEnd(m, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy = scale A dx */
PetscErrorCode NomosMisfitTangent(NomosMap m, Misfit *f, Vec dx, Vec dy, MisfitOperator A, double *field)
{
  const double *px, *scale = f->scale[MISFIT_LINEARIZE];
  double       *py;

  PetscFunctionBegin;
  if (!dx) {
    PetscCall(VecZeroEntries(dy));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosStageRead(m->be, &f->sx, dx, &px));
  PetscCall(NomosStageWrite(m->be, &f->sy, dy, &py));
  PetscCall(NomosLaunchRows(m->be, Centre, f->B * f->C, f->N, .x = px, .shift = f->zero, .q = f->q[MISFIT_LINEARIZE], .scale = A ? NULL : scale, .y = A ? field : py, .C = f->C, .n = f->N, .group = f->C / f->per_sample));
  if (A) PetscCall((*A)(m, field, scale, py));
  PetscCall(NomosMisfitEnd(m, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosMisfitReset(NomosMap m, Misfit *f)
{
  PetscFunctionBegin;
  PetscCall(NomosBackendFree(m->be, &f->memory));
  PetscCall(NomosStageDestroy(m->be, &f->sx));
  PetscCall(NomosStageDestroy(m->be, &f->st));
  PetscCall(NomosStageDestroy(m->be, &f->sy));
  PetscCall(NomosStageDestroy(m->be, &f->smean));
  PetscCall(NomosStageDestroy(m->be, &f->sstd));
  PetscCall(NomosStageDestroy(m->be, &f->sweight));
  PetscFunctionReturn(PETSC_SUCCESS);
}
