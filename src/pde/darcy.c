/*
  darcy.c - residual of -div(a grad u) = f on the vertices of a box, u = 0 on its boundary (docs/theory.md, Darcy).
*/
#include "darcy.h"

static const char *const Coefficients[] = {"binary", "lognormal", "DarcyCoefficient", "", NULL};

static PetscErrorCode SetUpDarcy(NomosMap m)
{
  Darcy    *d   = (Darcy *)m->data;
  PetscInt  dim = m->grid.dim;
  PetscInt64 nx;

  PetscFunctionBegin;
  PetscCheck(m->precision == NOMOS_DOUBLE, PetscObjectComm((PetscObject)m), PETSC_ERR_SUP, "pde 'darcy' computes in double precision only");
  PetscCheck(m->channels_in == 1 && m->channels_out == 1, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "pde 'darcy' has one field u, not %" PetscInt_FMT " and %" PetscInt_FMT " channels", m->channels_in, m->channels_out);
  PetscCall(NomosGridPoints(&m->grid, &d->points));
  nx = (PetscInt64)d->points * m->batch;
  PetscCheck(nx <= PETSC_MAX_INT, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a batch of %" PetscInt_FMT " samples of %" PetscInt_FMT " points is more than this PETSc can index", m->batch, d->points);
  d->stencil = (DarcyResidualArgs){.n = {1, 1, 1}, .source = 1, .harmonic = d->harmonic ? 1 : 0};
  for (PetscInt j = 0; j < dim; j++) {
    const PetscInt  axis = j + 3 - dim, n = m->grid.n[j];
    const PetscReal h = n > 1 ? m->grid.length[j] / (n - 1) : 0;

    PetscCheck(n >= 3 && h > 0, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "axis %" PetscInt_FMT " of pde 'darcy' has %" PetscInt_FMT " vertices on length %g; at least 3 (both ends count) and a positive length are needed", j, n, (double)m->grid.length[j]);
    d->stencil.n[axis]   = n;
    d->stencil.ih2[axis] = 1 / (h * h);
  }
  m->nx = m->ny = (PetscInt)nx;
  d->lines      = m->batch * d->stencil.n[0] * d->stencil.n[1];
  PetscCall(NomosBackendMalloc(m->be, (size_t)nx, (NomosReal **)(void *)&d->u));
  PetscCall(NomosBackendMalloc(m->be, (size_t)nx, (NomosReal **)(void *)&d->a));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->nx, &d->adjoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define DarcyLaunch(m, d, K, args) NomosBackendCheck((m)->be, (m)->be->table->rows((m)->be->ctx, (int)(m)->be->precision, NOMOS_ROWS_##K, (d)->lines, (args)->n[2], (args)), #K)

static PetscErrorCode Restore(NomosMap m, Darcy *d)
{
  PetscFunctionBegin;
  PetscCall(NomosStageRestore(m->be, &d->su));
  PetscCall(NomosStageRestore(m->be, &d->sa));
  PetscCall(NomosStageRestore(m->be, &d->sf));
  PetscCall(NomosStageRestore(m->be, &d->sy));
  PetscCall(NomosStageRestore(m->be, &d->sda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Value(NomosMap m, Vec x, Vec y, PetscBool keep)
{
  Darcy            *d    = (Darcy *)m->data;
  DarcyResidualArgs args = d->stencil;

  PetscFunctionBegin;
  PetscCall(NomosPDEField(m, &d->sa, "a", m->nx, PETSC_TRUE, &args.a));
  PetscCall(NomosPDEField(m, &d->sf, "f", m->nx, PETSC_FALSE, &args.f));
  PetscCall(NomosStageRead(m->be, &d->su, x, &args.u));
  PetscCall(NomosStageWrite(m->be, &d->sy, y, &args.y));
  PetscCall(DarcyLaunch(m, d, DarcyResidual, &args));
  if (keep) {
    PetscCall(NomosLaunch(m->be, ParamCopy, m->nx, .x = args.u, .y = d->u));
    PetscCall(NomosLaunch(m->be, ParamCopy, m->nx, .x = args.a, .y = d->a));
  }
  PetscCall(Restore(m, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode ApplyDarcy(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearizeDarcy(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* linear in u: the residual without its source */
static PetscErrorCode TangentDarcy(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  Darcy            *d    = (Darcy *)m->data;
  DarcyResidualArgs args = d->stencil;

  PetscFunctionBegin;
  if (!dx) {
    PetscCall(VecZeroEntries(dy));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  args.a      = d->a;
  args.source = 0;
  PetscCall(NomosStageRead(m->be, &d->su, dx, &args.u));
  PetscCall(NomosStageWrite(m->be, &d->sy, dy, &args.y));
  PetscCall(DarcyLaunch(m, d, DarcyResidual, &args));
  PetscCall(Restore(m, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AdjointDarcy(NomosMap m, Vec dy, Vec dx, PetscBool wantp)
{
  Darcy            *d    = (Darcy *)m->data;
  DarcyResidualArgs args = d->stencil;

  PetscFunctionBegin;
  args.a = d->a;
  args.u = d->u;
  PetscCall(NomosStageRead(m->be, &d->su, dy, &args.w));
  if (dx) {
    PetscCall(NomosStageWrite(m->be, &d->sy, dx, &args.y));
    PetscCall(DarcyLaunch(m, d, DarcyTranspose, &args));
  }
  PetscCall(NomosStageWrite(m->be, &d->sda, d->adjoint, &args.y));
  PetscCall(DarcyLaunch(m, d, DarcyFieldTranspose, &args));
  PetscCall(Restore(m, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FieldAdjointDarcy(NomosMap m, const char slot[], Vec *v)
{
  PetscFunctionBegin;
  if (!strcmp(slot, "a")) *v = ((Darcy *)m->data)->adjoint;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FieldTangentDarcy(NomosMap m, const char slot[], Vec da, Vec dy)
{
  Darcy            *d    = (Darcy *)m->data;
  DarcyResidualArgs args = d->stencil;

  PetscFunctionBegin;
  if (strcmp(slot, "a")) PetscFunctionReturn(PETSC_SUCCESS);
  args.a = d->a;
  args.u = d->u;
  PetscCall(NomosStageRead(m->be, &d->sa, da, &args.w));
  PetscCall(NomosStageReadWrite(m->be, &d->sy, dy, &args.y));
  PetscCall(DarcyLaunch(m, d, DarcyFieldTangent, &args));
  PetscCall(Restore(m, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetCoefficient(NomosMap m, const char name[])
{
  Darcy    *d = (Darcy *)m->data;
  PetscEnum e;
  PetscBool found;

  PetscFunctionBegin;
  PetscCall(PetscEnumFind(Coefficients, name, &e, &found));
  PetscCheck(found, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a Darcy coefficient '%s'; there are binary and lognormal", name);
  d->coefficient = (DarcyCoefficient)e;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapDarcySetCoefficient - how the generator makes the coefficient from a random field g

  Logically Collective

  Input Parameters:
+ m    - a pde of type darcy
- name - binary: 12 where g >= 0, else 3; lognormal: exp(g)

  Options Database Key:
. -pde_darcy_coefficient (binary|lognormal) - the same (default: binary)

  Level: intermediate
.seealso: `NomosMapSample()`, `NomosMapDarcySetHarmonic()`, `NomosMapDarcySetFine()`
@*/
PetscErrorCode NomosMapDarcySetCoefficient(NomosMap m, const char name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapDarcySetCoefficient_C", (NomosMap, const char[]), (m, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetHarmonic(NomosMap m, PetscBool harmonic)
{
  Darcy *d = (Darcy *)m->data;

  PetscFunctionBegin;
  d->harmonic         = harmonic;
  d->stencil.harmonic = harmonic ? 1 : 0;
  m->linearized       = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapDarcySetHarmonic - mean of the coefficient on a face between two vertices

  Logically Collective

  Input Parameters:
+ m        - a pde of type darcy
- harmonic - PETSC_TRUE: 2ab/(a+b) (the default), PETSC_FALSE: (a+b)/2

  Options Database Key:
. -pde_darcy_mean (harmonic|arithmetic) - the same

  Level: intermediate
.seealso: `NomosMapDarcySetCoefficient()`
@*/
PetscErrorCode NomosMapDarcySetHarmonic(NomosMap m, PetscBool harmonic)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapDarcySetHarmonic_C", (NomosMap, PetscBool), (m, harmonic));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFine(NomosMap m, PetscInt fine)
{
  PetscFunctionBegin;
  PetscCheck(fine == 0 || fine >= 3, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a fine grid of %" PetscInt_FMT " vertices per axis; 0 (the map's own grid) or at least 3", fine);
  ((Darcy *)m->data)->fine = fine;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapDarcySetFine - the grid that the generator solves on, before every so-and-so-many-th vertex is taken

  Logically Collective

  Input Parameters:
+ m    - a pde of type darcy
- fine - vertices per axis, (n - 1) must divide (fine - 1) on every axis; 0 (the default): the map's own grid

  Options Database Key:
. -pde_darcy_fine n - the same; 421 is what the public data sets were solved on

  Level: intermediate
.seealso: `NomosMapSample()`
@*/
PetscErrorCode NomosMapDarcySetFine(NomosMap m, PetscInt fine)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapDarcySetFine_C", (NomosMap, PetscInt), (m, fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFromOptionsDarcy(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  static const char *const means[] = {"arithmetic", "harmonic"};
  Darcy                   *d = (Darcy *)m->data;
  PetscInt                 mean = d->harmonic ? 1 : 0, coefficient = (PetscInt)d->coefficient, fine = d->fine;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Darcy flow");
  PetscCall(NomosPDEGridFromOptions(m, PetscOptionsObject, PETSC_FALSE));
  PetscCall(PetscOptionsEList("-pde_darcy_coefficient", "Coefficient of a sample: 12 and 3 by the sign of a random field, or its exponential", "NomosMapDarcySetCoefficient", Coefficients, 2, Coefficients[coefficient], &coefficient, NULL));
  PetscCall(PetscOptionsEList("-pde_darcy_mean", "Mean of the coefficient on a face", "NomosMapDarcySetHarmonic", means, 2, means[mean], &mean, NULL));
  PetscCall(PetscOptionsBoundedInt("-pde_darcy_fine", "Vertices per axis of the grid a sample is solved on, not negative; 0: the map's own", "NomosMapDarcySetFine", fine, &fine, NULL, 0));
  PetscOptionsHeadEnd();
  PetscCall(SetCoefficient(m, Coefficients[coefficient]));
  if (mean != (d->harmonic ? 1 : 0)) PetscCall(SetHarmonic(m, mean ? PETSC_TRUE : PETSC_FALSE));
  PetscCall(SetFine(m, fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OptionsDarcy(NomosMap m, char text[], size_t len)
{
  Darcy       *d = (Darcy *)m->data;
  const size_t n = strlen(text);

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text + n, len - n, " -pde_darcy_coefficient %s -pde_darcy_mean %s -pde_darcy_fine %" PetscInt_FMT, Coefficients[d->coefficient], d->harmonic ? "harmonic" : "arithmetic", d->fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewDarcy(NomosMap m, PetscViewer viewer)
{
  Darcy *d = (Darcy *)m->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "coefficient of samples %s, %s mean on faces, samples solved on %" PetscInt_FMT " vertices per axis (0: the grid's)\n", Coefficients[d->coefficient], d->harmonic ? "harmonic" : "arithmetic", d->fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResetDarcy(NomosMap m)
{
  Darcy *d = (Darcy *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosBackendFree(m->be, &d->u));
  PetscCall(NomosBackendFree(m->be, &d->a));
  PetscCall(VecDestroy(&d->adjoint));
  PetscCall(NomosStageDestroy(m->be, &d->su));
  PetscCall(NomosStageDestroy(m->be, &d->sa));
  PetscCall(NomosStageDestroy(m->be, &d->sf));
  PetscCall(NomosStageDestroy(m->be, &d->sy));
  PetscCall(NomosStageDestroy(m->be, &d->sda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyDarcy(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapDarcySetCoefficient_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapDarcySetHarmonic_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapDarcySetFine_C", NULL));
  PetscCall(PetscFree(m->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  darcy - steady flow through a porous medium, -div(a grad u) = f on a box, u = 0 on its boundary

  R_i(u; a) = sum over the faces of vertex i of a_face (u_i - u_neighbour)/h^2 - f_i inside, R_i = u_i on the boundary; the n
  vertices per axis include both ends, h = L/(n-1). Second order for smooth a.

  Options Database Keys:
+ -pde_grid n[,n[,n]]                         - vertices per axis
. -pde_darcy_mean (harmonic|arithmetic)       - coefficient on a face (default: harmonic)
. -pde_darcy_coefficient (binary|lognormal)   - of samples (default: binary, 12 and 3)
. -pde_darcy_fine n                           - solve samples on n vertices per axis, then take every (fine-1)/(n-1)-th (default: 0, the grid's own)
- -pde_darcy_ksp_rtol, -pde_darcy_pc_type ... - the solver of samples (default: CG, GAMG, 1e-10)

  Shapes: x = u [B][1][vertices], y the same; 1 to 3 dimensions
  Slots: a (as x, positive; its derivative is given), f (as x; default 1)
  Samples: a and u, one vector of vertices each; u may be NULL. The coefficient is a function of (seed, index) and the
  place alone: a random field of Neumann modes, alpha = 2, tau = 3, the same on every grid.
  Cost: O(n) a verb; a sample costs one multigrid solve

  Source: Z. Li et al., Fourier neural operator for parametric PDEs, 2021, section 5.2; docs/theory.md

  Level: intermediate
.seealso: `NomosMapDarcySetCoefficient()`, `NomosMapDarcySetHarmonic()`, `NomosMapDarcySetFine()`, `NomosMapSample()`
M*/
PETSC_INTERN PetscErrorCode NomosMapCreate_Darcy(NomosMap m)
{
  Darcy *d;

  PetscFunctionBegin;
  PetscCall(PetscNew(&d));
  d->harmonic            = PETSC_TRUE;
  m->data                = d;
  m->ops->setfromoptions = SetFromOptionsDarcy;
  m->ops->setup          = SetUpDarcy;
  m->ops->apply          = ApplyDarcy;
  m->ops->linearize      = LinearizeDarcy;
  m->ops->tangent        = TangentDarcy;
  m->ops->adjoint        = AdjointDarcy;
  m->ops->fieldadjoint   = FieldAdjointDarcy;
  m->ops->fieldtangent   = FieldTangentDarcy;
  m->ops->sample         = NomosDarcySample;
  m->ops->getoptions     = OptionsDarcy;
  m->ops->view           = ViewDarcy;
  m->ops->reset          = ResetDarcy;
  m->ops->destroy        = DestroyDarcy;
  PetscCall(NomosMapDeclareSlot(m, "a"));
  PetscCall(NomosMapDeclareSlot(m, "f"));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapDarcySetCoefficient_C", SetCoefficient));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapDarcySetHarmonic_C", SetHarmonic));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapDarcySetFine_C", SetFine));
  PetscFunctionReturn(PETSC_SUCCESS);
}
