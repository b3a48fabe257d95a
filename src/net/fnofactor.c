/*
  fnofactor.c - CP and Tucker weights: the natural tensor from its factors, and the chain rule back to them. All in double:
  the tensors are small, and a factor's gradient is a sum over many entries.
*/
#include "fno.h"

static PetscInt AxisSize(NomosMap m, const FNOSpectral *s, PetscInt j)
{
  return m->blocks[s->factor[j]].shape[0];
}

static PetscErrorCode CPValue(NomosMap m, const FNOSpectral *s, const double *core, const double *const factor[], PetscBool add, double *y)
{
  CPBuildArgs a = {.lam = core, .y = y, .axes = s->axes, .rank = s->rank[0], .add = add};
  PetscInt    total = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < s->axes; j++) {
    a.factor[j] = factor[j];
    a.n[j]      = AxisSize(m, s, j);
    total *= a.n[j];
  }
  PetscCall(NomosBackendCheck(m->be, m->be->table->each(m->be->ctx, (int)m->be->precision, NOMOS_EACH_CPBuild, total, &a), "CPBuild"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* t[j] is the core contracted with factors 0..j-1; t[axes] = y. Sizes before and after axis j: product of n, then r. */
static PetscErrorCode TuckerValue(NomosMap m, const FNOSpectral *s, const double *core, const double *const factor[], double *const t[], PetscBool add, double *y)
{
  PetscInt before = 1, after = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < s->axes; j++) after *= s->rank[j];
  for (PetscInt j = 0; j < s->axes; j++) {
    const PetscInt n = AxisSize(m, s, j);
    after /= s->rank[j];
    PetscCall(NomosLaunch(m->be, ModeProduct, before * n * after, .A = factor[j], .x = j ? t[j] : core, .y = j + 1 < s->axes ? t[j + 1] : y, .nj = n, .nr = s->rank[j], .nc = after, .add = j + 1 < s->axes ? 0 : add));
    before *= n;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* natural[0] = weight of layer l from p, or (tangent) its derivative in the direction p at the parameters in `at` */
PetscErrorCode NomosFNOFactorBuild(NomosMap m, PetscInt l, const double *p, PetscBool tangent)
{
  FNO          *f = (FNO *)m->data;
  FNOSpectral  *s = &f->conv_layer[l];
  const double *core = p + m->blocks[s->core].start, *factor[5], *at = f->at[l], *fixed[5], *fixed_core = at;
  size_t        offset = (size_t)m->blocks[s->core].size;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < s->axes; j++) {
    factor[j] = p + m->blocks[s->factor[j]].start;
    fixed[j]  = at + offset;
    offset += (size_t)m->blocks[s->factor[j]].size;
  }
  if (!tangent) { /* keep the factors: gradient and tangent need them */
    PetscCall(NomosLaunch(m->be, ParamCopy, m->blocks[s->core].size, .x = core, .y = f->at[l]));
    for (PetscInt j = 0; j < s->axes; j++) PetscCall(NomosLaunch(m->be, ParamCopy, m->blocks[s->factor[j]].size, .x = factor[j], .y = f->at[l] + (fixed[j] - at)));
  }
  for (PetscInt i = tangent ? 0 : s->axes; i <= s->axes; i++) { /* the core's direction last; one term per factor's direction */
    const double *use[5], *c = i == s->axes && tangent ? core : fixed_core;
    for (PetscInt j = 0; j < s->axes; j++) use[j] = tangent && i == j ? factor[j] : fixed[j];
    if (f->factorization == FNO_CP) PetscCall(CPValue(m, s, c, use, tangent && i > 0, f->natural[0]));
    else PetscCall(TuckerValue(m, s, c, use, f->tucker, tangent && i > 0, f->natural[0]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CPGradient(NomosMap m, const FNOSpectral *s, const double *core, const double *const fixed[], double *g)
{
  FNO       *f = (FNO *)m->data;
  CPGradArgs a = {.lam = core, .g = f->natural[1], .axes = s->axes, .rank = s->rank[0]};

  PetscFunctionBegin;
  for (PetscInt j = 0; j < s->axes; j++) {
    a.factor[j] = fixed[j];
    a.n[j]      = AxisSize(m, s, j);
  }
  for (PetscInt t = 0; t <= s->axes; t++) {
    a.t      = t;
    a.others = 1;
    for (PetscInt j = 0; j < s->axes; j++) a.others *= j == t ? 1 : a.n[j];
    a.y = g + m->blocks[t < s->axes ? s->factor[t] : s->core].start;
    PetscCall(NomosBackendCheck(m->be, m->be->table->each(m->be->ctx, (int)m->be->precision, NOMOS_EACH_CPGrad, (t < s->axes ? a.n[t] : 1) * a.rank, &a), "CPGrad"));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Backwards through the mode products; G runs from the tensor to the core. */
static PetscErrorCode TuckerGradient(NomosMap m, const FNOSpectral *s, const double *core, const double *const fixed[], double *g)
{
  FNO     *f = (FNO *)m->data;
  double  *G = f->natural[1], *next = f->natural[0];
  PetscInt before = 1, after = 1;

  PetscFunctionBegin;
  PetscCall(TuckerValue(m, s, core, fixed, f->tucker, PETSC_FALSE, f->natural[0])); /* the partly contracted cores again */
  for (PetscInt j = 0; j < s->axes; j++) before *= AxisSize(m, s, j);
  for (PetscInt j = s->axes - 1; j >= 0; j--) {
    const PetscInt n = AxisSize(m, s, j), r = s->rank[j];
    double        *keep = G;
    before /= n;
    PetscCall(NomosLaunch(m->be, ModeOuter, n * r, .g = G, .x = j ? f->tucker[j] : core, .y = g + m->blocks[s->factor[j]].start, .na = before, .nj = n, .nr = r, .nc = after));
    PetscCall(NomosLaunch(m->be, ModeProduct, before * r * after, .A = fixed[j], .x = G, .y = j ? next : g + m->blocks[s->core].start, .nj = n, .nr = r, .nc = after, .hermitian = 1));
    G    = next;
    next = keep;
    after *= r;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradients of core and factors of layer l from that of the tensor in natural[1], which is overwritten. */
PetscErrorCode NomosFNOFactorGradient(NomosMap m, PetscInt l, double *g)
{
  FNO          *f = (FNO *)m->data;
  FNOSpectral  *s = &f->conv_layer[l];
  const double *core = f->at[l], *fixed[5];
  size_t        offset = (size_t)m->blocks[s->core].size;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < s->axes; j++) {
    fixed[j] = core + offset;
    offset += (size_t)m->blocks[s->factor[j]].size;
  }
  if (f->factorization == FNO_CP) PetscCall(CPGradient(m, s, core, fixed, g));
  else PetscCall(TuckerGradient(m, s, core, fixed, g));
  PetscFunctionReturn(PETSC_SUCCESS);
}
