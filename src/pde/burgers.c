/*
  burgers.c - residual of u_t + (u^2/2)_x = nu u_xx on a periodic interval, in space and time (docs/theory.md, Burgers).

  The channels of x are the states at T/C, 2T/C, ..., T; the slot "a" is the state at 0. The residual of a frame is that of the
  implicit midpoint step that leads to it, with central differences: second order in both, one step for C = 1.
*/
#include "burgers.h"

static const char *const Fields[] = {"paper", "public"};

static PetscErrorCode SetUpBurgers(NomosMap m)
{
  Burgers   *b = (Burgers *)m->data;
  PetscInt64 nx;
  PetscReal  h;

  PetscFunctionBegin;
  PetscCheck(m->precision == NOMOS_DOUBLE, PetscObjectComm((PetscObject)m), PETSC_ERR_SUP, "pde 'burgers' computes in double precision only");
  PetscCheck(m->grid.dim == 1, PetscObjectComm((PetscObject)m), PETSC_ERR_SUP, "pde 'burgers' lives on an interval, the grid has %" PetscInt_FMT " dimensions; give -pde_grid one number", m->grid.dim);
  PetscCheck(m->grid.length[0] > 0, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "pde 'burgers' on an interval of length %g", (double)m->grid.length[0]);
  PetscCheck(m->channels_in == m->channels_out, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_INCOMP, "pde 'burgers' has one residual per frame: %" PetscInt_FMT " and %" PetscInt_FMT " channels", m->channels_in, m->channels_out);
  nx = (PetscInt64)m->batch * m->channels_in * m->grid.n[0];
  PetscCheck(nx <= PETSC_MAX_INT, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a batch of %" PetscInt_FMT " samples of %" PetscInt_FMT " frames and %" PetscInt_FMT " points is more than this PETSc can index", m->batch, m->channels_in, m->grid.n[0]);
  h       = m->grid.length[0] / m->grid.n[0];
  b->step = (BurgersStepArgs){.C = m->channels_in, .n = m->grid.n[0], .idt = m->channels_in / b->time, .i2h = 0.5 / h, .nuih2 = b->nu / (h * h)};
  m->nx = m->ny = (PetscInt)nx;
  PetscCall(NomosBackendMalloc(m->be, (size_t)nx, (NomosReal **)(void *)&b->u));
  PetscCall(NomosBackendMalloc(m->be, (size_t)(m->batch * m->grid.n[0]), (NomosReal **)(void *)&b->a));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->batch * m->grid.n[0], &b->adjoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define BurgersLaunch(m, K, count, args) NomosBackendCheck((m)->be, (m)->be->table->rows((m)->be->ctx, (int)(m)->be->precision, NOMOS_ROWS_##K, (count), (args)->n, (args)), #K)

static PetscErrorCode Restore(NomosMap m, Burgers *b)
{
  PetscFunctionBegin;
  PetscCall(NomosStageRestore(m->be, &b->su));
  PetscCall(NomosStageRestore(m->be, &b->sa));
  PetscCall(NomosStageRestore(m->be, &b->sd));
  PetscCall(NomosStageRestore(m->be, &b->sy));
  PetscCall(NomosStageRestore(m->be, &b->sda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Value(NomosMap m, Vec x, Vec y, PetscBool keep)
{
  Burgers        *b    = (Burgers *)m->data;
  BurgersStepArgs args = b->step;
  const PetscInt  rows = m->batch * args.C, states = m->batch * args.n;

  PetscFunctionBegin;
  PetscCall(NomosPDEField(m, &b->sa, "a", states, PETSC_TRUE, &args.a));
  PetscCall(NomosStageRead(m->be, &b->su, x, &args.u));
  PetscCall(NomosStageWrite(m->be, &b->sy, y, &args.y));
  PetscCall(BurgersLaunch(m, BurgersStep, rows, &args));
  if (keep) {
    PetscCall(NomosLaunch(m->be, ParamCopy, m->nx, .x = args.u, .y = b->u));
    PetscCall(NomosLaunch(m->be, ParamCopy, states, .x = args.a, .y = b->a));
  }
  PetscCall(Restore(m, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode ApplyBurgers(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearizeBurgers(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Value(m, x, y, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TangentBurgers(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  Burgers            *b    = (Burgers *)m->data;
  BurgersTangentArgs args = b->step;

  PetscFunctionBegin;
  if (!dx) {
    PetscCall(VecZeroEntries(dy));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  args.u = b->u;
  args.a = b->a;
  PetscCall(NomosStageRead(m->be, &b->sd, dx, &args.d));
  PetscCall(NomosStageWrite(m->be, &b->sy, dy, &args.y));
  PetscCall(BurgersLaunch(m, BurgersTangent, m->batch * args.C, &args));
  PetscCall(Restore(m, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AdjointBurgers(NomosMap m, Vec dy, Vec dx, PetscBool wantp)
{
  Burgers              *b    = (Burgers *)m->data;
  BurgersTransposeArgs args = b->step;

  PetscFunctionBegin;
  args.u = b->u;
  args.a = b->a;
  PetscCall(NomosStageRead(m->be, &b->sd, dy, &args.w));
  if (dx) PetscCall(NomosStageWrite(m->be, &b->sy, dx, &args.y));
  PetscCall(NomosStageWrite(m->be, &b->sda, b->adjoint, &args.ya));
  PetscCall(BurgersLaunch(m, BurgersTranspose, m->batch * (args.C + 1), &args));
  PetscCall(Restore(m, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FieldAdjointBurgers(NomosMap m, const char slot[], Vec *v)
{
  PetscFunctionBegin;
  if (!strcmp(slot, "a")) *v = ((Burgers *)m->data)->adjoint;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FieldTangentBurgers(NomosMap m, const char slot[], Vec da, Vec dy)
{
  Burgers        *b    = (Burgers *)m->data;
  BurgersStepArgs args = b->step;

  PetscFunctionBegin;
  if (strcmp(slot, "a")) PetscFunctionReturn(PETSC_SUCCESS);
  args.u = b->u;
  args.a = b->a;
  PetscCall(NomosStageRead(m->be, &b->sa, da, &args.d));
  PetscCall(NomosStageReadWrite(m->be, &b->sy, dy, &args.y));
  PetscCall(BurgersLaunch(m, BurgersFieldTangent, m->batch, &args));
  PetscCall(Restore(m, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Rebuild(NomosMap m)
{
  PetscFunctionBegin;
  if (m->setup) PetscCall(NomosMapSetGrid(m, &m->grid)); /* drops what setup made */
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetViscosity(NomosMap m, PetscReal nu)
{
  Burgers *b = (Burgers *)m->data;

  PetscFunctionBegin;
  PetscCheck(nu >= 0 && !PetscIsInfOrNanReal(nu), PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "viscosity %g; it must be at least 0", (double)nu);
  if (nu != b->nu) PetscCall(Rebuild(m));
  b->nu = nu;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapBurgersSetViscosity - nu in u_t + u u_x = nu u_xx

  Logically Collective

  Options Database Key:
. -pde_burgers_nu nu - the same, at least 0 (default: 0.1)

  Units: length^2/time of the grid's length

  Level: intermediate
.seealso: `NomosMapBurgersSetTime()`
@*/
PetscErrorCode NomosMapBurgersSetViscosity(NomosMap m, PetscReal nu)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapBurgersSetViscosity_C", (NomosMap, PetscReal), (m, nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetTime(NomosMap m, PetscReal time)
{
  Burgers *b = (Burgers *)m->data;

  PetscFunctionBegin;
  PetscCheck(time > 0 && !PetscIsInfOrNanReal(time), PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "final time %g; it must be positive", (double)time);
  if (time != b->time) PetscCall(Rebuild(m));
  b->time = time;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapBurgersSetTime - the time of the last state

  Logically Collective

  Options Database Key:
. -pde_burgers_time T - the same, positive (default: 1)

  Level: intermediate
.seealso: `NomosMapBurgersSetViscosity()`
@*/
PetscErrorCode NomosMapBurgersSetTime(NomosMap m, PetscReal time)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapBurgersSetTime_C", (NomosMap, PetscReal), (m, time));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetRandomField(NomosMap m, const char name[])
{
  PetscBool paper, public;

  PetscFunctionBegin;
  PetscCall(PetscStrcmp(name, Fields[0], &paper));
  PetscCall(PetscStrcmp(name, Fields[1], &public));
  PetscCheck(paper || public, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a random field '%s'; there are paper and public", name);
  ((Burgers *)m->data)->field = public ? 1 : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapBurgersSetRandomField - covariance sigma^2 (-Lap + tau^2)^-alpha of a sample's initial state

  Logically Collective

  Input Parameters:
+ m    - a pde of type burgers
- name - paper: sigma 25, tau 5, alpha 2; public: sigma 49, tau 7, alpha 2.5

  Options Database Key:
. -pde_burgers_grf (paper|public) - the same (default: paper)

  Level: intermediate
.seealso: `NomosMapSample()`
@*/
PetscErrorCode NomosMapBurgersSetRandomField(NomosMap m, const char name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapBurgersSetRandomField_C", (NomosMap, const char[]), (m, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFine(NomosMap m, PetscInt fine)
{
  PetscFunctionBegin;
  PetscCheck(fine == 0 || fine >= 8, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a solver grid of %" PetscInt_FMT " points; 0 (as many as this build allows) or at least 8", fine);
  ((Burgers *)m->data)->fine = fine;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapBurgersSetFine - points of the grid that the generator solves on

  Logically Collective

  Input Parameters:
+ m    - a pde of type burgers
- fine - points; 0 (the default): 8192 with FFTW, 512 without. Modes up to fine/3 are kept.

  Options Database Key:
. -pde_burgers_fine n - the same

  Level: intermediate
.seealso: `NomosMapSample()`
@*/
PetscErrorCode NomosMapBurgersSetFine(NomosMap m, PetscInt fine)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapBurgersSetFine_C", (NomosMap, PetscInt), (m, fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFromOptionsBurgers(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  Burgers  *b  = (Burgers *)m->data;
  PetscReal nu = b->nu, time = b->time;
  PetscInt  field = b->field, fine = b->fine;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Burgers' equation");
  PetscCall(NomosPDEGridFromOptions(m, PetscOptionsObject, PETSC_TRUE));
  PetscCall(PetscOptionsBoundedReal("-pde_burgers_nu", "Viscosity, at least 0", "NomosMapBurgersSetViscosity", nu, &nu, NULL, 0));
  PetscCall(PetscOptionsReal("-pde_burgers_time", "Time of the last state, positive", "NomosMapBurgersSetTime", time, &time, NULL));
  PetscCall(PetscOptionsEList("-pde_burgers_grf", "Covariance of initial states", "NomosMapBurgersSetRandomField", Fields, 2, Fields[field], &field, NULL));
  PetscCall(PetscOptionsBoundedInt("-pde_burgers_fine", "Points that samples are solved on, not negative; 0: 8192 with FFTW, 512 without", "NomosMapBurgersSetFine", fine, &fine, NULL, 0));
  PetscOptionsHeadEnd();
  PetscCall(SetViscosity(m, nu));
  PetscCall(SetTime(m, time));
  PetscCall(SetRandomField(m, Fields[field]));
  PetscCall(SetFine(m, fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OptionsBurgers(NomosMap m, char text[], size_t len)
{
  Burgers     *b = (Burgers *)m->data;
  const size_t n = strlen(text);

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text + n, len - n, " -pde_burgers_nu %.17g -pde_burgers_time %.17g -pde_burgers_grf %s -pde_burgers_fine %" PetscInt_FMT, (double)b->nu, (double)b->time, Fields[b->field], b->fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewBurgers(NomosMap m, PetscViewer viewer)
{
  Burgers *b = (Burgers *)m->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "nu %g, final time %g, random field of the preset %s, samples solved on %" PetscInt_FMT " points (0: what the build allows)\n", (double)b->nu, (double)b->time, Fields[b->field], b->fine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResetBurgers(NomosMap m)
{
  Burgers *b = (Burgers *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosBackendFree(m->be, &b->u));
  PetscCall(NomosBackendFree(m->be, &b->a));
  PetscCall(VecDestroy(&b->adjoint));
  PetscCall(NomosStageDestroy(m->be, &b->su));
  PetscCall(NomosStageDestroy(m->be, &b->sa));
  PetscCall(NomosStageDestroy(m->be, &b->sd));
  PetscCall(NomosStageDestroy(m->be, &b->sy));
  PetscCall(NomosStageDestroy(m->be, &b->sda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyBurgers(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetViscosity_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetTime_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetRandomField_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetFine_C", NULL));
  PetscCall(PetscFree(m->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  burgers - viscous Burgers' equation u_t + (u^2/2)_x = nu u_xx on a periodic interval, initial state to later states

  R_j(u; a) = (u_j - u_{j-1})/dt + D(m^2/2) - nu D^2 m with m = (u_j + u_{j-1})/2, u_0 = a, dt = T/C: the implicit midpoint step
  with central differences on n points. Second order in h and dt.

  Options Database Keys:
+ -pde_grid n                    - points
. -pde_burgers_nu nu             - viscosity (default: 0.1)
. -pde_burgers_time T            - time of the last state (default: 1)
. -pde_burgers_grf (paper|public) - covariance of a sample's initial state (default: paper)
- -pde_burgers_fine n            - points a sample is solved on (default: 8192 with FFTW, 512 without)

  Shapes: x [B][C][n], states at T/C, ..., T; y the same
  Slots: a ([B][n], the state at 0; its derivative is given)
  Samples: a and u(T) at the n points, one vector each; u may be NULL. Exponential Runge-Kutta of fourth order, dealiased;
  the trigonometric sum is evaluated exactly at the points of any grid.
  Cost: O(n C) a verb; a sample about 1000 steps of 8 transforms at nu = 0.1, more for smaller nu

  Source: Z. Li et al., Fourier neural operator for parametric PDEs, 2021, section 5.1; A.-K. Kassam, L. N. Trefethen,
  Fourth-order time-stepping for stiff PDEs, 2005, (26)-(29); docs/theory.md

  Level: intermediate
.seealso: `NomosMapBurgersSetViscosity()`, `NomosMapBurgersSetTime()`, `NomosMapBurgersSetRandomField()`, `NomosMapBurgersSetFine()`, `NomosMapSample()`
M*/
PETSC_INTERN PetscErrorCode NomosMapCreate_Burgers(NomosMap m)
{
  Burgers *b;

  PetscFunctionBegin;
  PetscCall(PetscNew(&b));
  b->nu                  = 0.1;
  b->time                = 1;
  m->data                = b;
  m->ops->setfromoptions = SetFromOptionsBurgers;
  m->ops->setup          = SetUpBurgers;
  m->ops->apply          = ApplyBurgers;
  m->ops->linearize      = LinearizeBurgers;
  m->ops->tangent        = TangentBurgers;
  m->ops->adjoint        = AdjointBurgers;
  m->ops->fieldadjoint   = FieldAdjointBurgers;
  m->ops->fieldtangent   = FieldTangentBurgers;
  m->ops->sample         = NomosBurgersSample;
  m->ops->getoptions     = OptionsBurgers;
  m->ops->view           = ViewBurgers;
  m->ops->reset          = ResetBurgers;
  m->ops->destroy        = DestroyBurgers;
  PetscCall(NomosMapDeclareSlot(m, "a"));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetViscosity_C", SetViscosity));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetTime_C", SetTime));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetRandomField_C", SetRandomField));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapBurgersSetFine_C", SetFine));
  PetscFunctionReturn(PETSC_SUCCESS);
}
