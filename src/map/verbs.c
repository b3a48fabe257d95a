/*
  verbs.c - the verbs of a map: value, linearization, tangent, adjoint, and the Jacobian as a Mat made of the last two.
*/
#include "../nomosimpl.h"

static PetscErrorCode CheckSize(NomosMap m, const char verb[], const char what[], Vec v, PetscInt n)
{
  PetscInt got;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(v, &got));
  PetscCheck(got == n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "%s of %s '%s': %s has %" PetscInt_FMT " entries, the map needs %" PetscInt_FMT " (batch %" PetscInt_FMT "; see NomosMapSetBatch(), NomosMapSetGrid(), NomosMapSetChannels())", verb, m->family, ((PetscObject)m)->type_name, what, got, n, m->batch);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Parameters(NomosMap m, const char verb[], Vec *p)
{
  PetscFunctionBegin;
  if (!*p) *p = m->p;
  if (!m->np) *p = NULL;
  else {
    PetscCheck(*p, PETSC_COMM_SELF, PETSC_ERR_ORDER, "%s of %s '%s': no parameters given and none set; see NomosMapSetParameters()", verb, m->family, ((PetscObject)m)->type_name);
    PetscCall(CheckSize(m, verb, "p", *p, m->np));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapApply - y = F(x; p), keeping nothing

  Not Collective

  Input Parameters:
+ m - the map
. x - the field that flows
- p - parameters, or NULL for the map's own

  Output Parameter:
. y - the value

  Shapes: x [B][Cin][points], p flat (see NomosMapGetBlock()), y [B][Cout][points]; of a loss [segments][size]
  Errors: PETSC_ERR_ARG_SIZ on a shape that does not match; PETSC_ERR_ORDER without parameters

  Level: beginner
.seealso: `NomosMapLinearize()`
@*/
PetscErrorCode NomosMapApply(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(NomosMapSetUp(m));
  PetscCall(Parameters(m, "NomosMapApply()", &p));
  PetscCall(CheckSize(m, "NomosMapApply()", "x", x, m->nx));
  PetscCall(CheckSize(m, "NomosMapApply()", "y", y, m->ny));
  PetscCall(PetscLogEventBegin(NOMOS_Fwd, m, x, y, 0));
  if (m->batch) PetscUseTypeMethod(m, apply, x, p, y);
  PetscCall(PetscLogEventEnd(NOMOS_Fwd, m, x, y, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapLinearize - y = F(x; p), and keeps what tangent and adjoint need in buffers made at SetUp

  Not Collective

  Shapes and Errors: as NomosMapApply()

  Level: intermediate
.seealso: `NomosMapApplyTangent()`, `NomosMapApplyAdjoint()`
@*/
PetscErrorCode NomosMapLinearize(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(NomosMapSetUp(m));
  PetscCall(Parameters(m, "NomosMapLinearize()", &p));
  PetscCall(CheckSize(m, "NomosMapLinearize()", "x", x, m->nx));
  PetscCall(CheckSize(m, "NomosMapLinearize()", "y", y, m->ny));
  if (m->check) PetscCall(NomosMapCheckFirst(m, x, p));
  PetscCall(PetscLogEventBegin(NOMOS_Fwd, m, x, y, 0));
  if (m->batch) PetscUseTypeMethod(m, linearize, x, p, y);
  PetscCall(PetscLogEventEnd(NOMOS_Fwd, m, x, y, 0));
  m->linearized = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapApplyTangent - dy = F_x dx + F_p dp at the point given to NomosMapLinearize()

  Not Collective

  Input Parameters:
+ m  - the map, linearized
. dx - direction in x, or NULL: zero
- dp - direction in p, or NULL: zero

  Output Parameter:
. dy - the derivative

  Errors: PETSC_ERR_ORDER if not linearized; PETSC_ERR_ARG_SIZ on a shape that does not match

  Level: intermediate
@*/
PetscErrorCode NomosMapApplyTangent(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(m->linearized, PETSC_COMM_SELF, PETSC_ERR_ORDER, "NomosMapApplyTangent() before NomosMapLinearize()");
  if (dx) PetscCall(CheckSize(m, "NomosMapApplyTangent()", "dx", dx, m->nx));
  if (dp) PetscCall(CheckSize(m, "NomosMapApplyTangent()", "dp", dp, m->np));
  PetscCall(CheckSize(m, "NomosMapApplyTangent()", "dy", dy, m->ny));
  PetscCall(PetscLogEventBegin(NOMOS_Tan, m, dy, 0, 0));
  if (m->batch) PetscUseTypeMethod(m, tangent, dx, m->np ? dp : NULL, dy);
  PetscCall(PetscLogEventEnd(NOMOS_Tan, m, dy, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapApplyAdjoint - transposed derivative at the point given to NomosMapLinearize()

  Not Collective

  Input Parameters:
+ m  - the map, linearized
- dy - direction in the output space

  Output Parameters:
+ dx - F_x^T dy, or NULL if not wanted
- dp - F_p^T dy, or NULL

  Shapes: as NomosMapApply()
  Units:  adjoint of the plain dot product; no mesh weight (the loss carries it)
  Errors: PETSC_ERR_ORDER if not linearized; PETSC_ERR_ARG_SIZ on a shape that does not match

  Level: intermediate
.seealso: `NomosMapLinearize()`, `NomosMapApplyTangent()`, `NomosMapAdjointBegin()`
@*/
PetscErrorCode NomosMapApplyAdjoint(NomosMap m, Vec dy, Vec dx, Vec dp)
{
  PetscFunctionBegin;
  if (dp && m->np) {
    PetscCall(NomosMapAdjointBegin(m));
    PetscCall(NomosMapAdjointAdd(m, dy, dx));
    PetscCall(NomosMapAdjointEnd(m, dp));
  } else PetscCall(NomosMapAdjointAdd(m, dy, dx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapAdjointBegin - starts a sum of parameter gradients over chunks of a batch

  Not Collective

  Note:
  Then NomosMapLinearize() and NomosMapAdjointAdd() for each chunk, and NomosMapAdjointEnd(). The sum stays in the map's
  own precision and memory until the end.

  Level: advanced
@*/
PetscErrorCode NomosMapAdjointBegin(NomosMap m)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(NomosMapSetUp(m));
  PetscTryTypeMethod(m, gradientzero);
  m->adjoint_open = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapAdjointAdd - adds the parameter gradient of the chunk linearized last; also gives dx when wanted

  Not Collective

  Note:
  Outside of Begin and End only dx is computed.

  Errors: PETSC_ERR_ORDER without NomosMapAdjointBegin() or NomosMapLinearize()

  Level: advanced
@*/
PetscErrorCode NomosMapAdjointAdd(NomosMap m, Vec dy, Vec dx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(m->linearized, PETSC_COMM_SELF, PETSC_ERR_ORDER, "the adjoint of a map before NomosMapLinearize()");
  PetscCall(CheckSize(m, "NomosMapApplyAdjoint()", "dy", dy, m->ny));
  if (dx) PetscCall(CheckSize(m, "NomosMapApplyAdjoint()", "dx", dx, m->nx));
  PetscCall(PetscLogEventBegin(NOMOS_Adj, m, dy, 0, 0));
  if (m->batch) PetscUseTypeMethod(m, adjoint, dy, dx, m->np ? m->adjoint_open : PETSC_FALSE);
  PetscCall(PetscLogEventEnd(NOMOS_Adj, m, dy, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapAdjointEnd - the sum of parameter gradients since NomosMapAdjointBegin()

  Not Collective

  Errors: PETSC_ERR_ORDER without NomosMapAdjointBegin()

  Level: advanced
@*/
PetscErrorCode NomosMapAdjointEnd(NomosMap m, Vec dp)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(m->adjoint_open, PETSC_COMM_SELF, PETSC_ERR_ORDER, "NomosMapAdjointEnd() before NomosMapAdjointBegin()");
  m->adjoint_open = PETSC_FALSE;
  if (dp && m->np) {
    PetscCall(CheckSize(m, "NomosMapAdjointEnd()", "dp", dp, m->np));
    PetscUseTypeMethod(m, gradientget, dp);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- teams (nomosimpl.h) --------------------------------------------------------------------------------------------- */
PetscErrorCode NomosMapTeamSize(NomosMap m, const NomosTeam *team, size_t *common, size_t *own)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  *common = *own = 0;
  if (m->batch && !m->check) PetscTryTypeMethod(m, teamsize, team, common, own); /* -map_check wants all parameters */
  PetscFunctionReturn(PETSC_SUCCESS);
}
PetscErrorCode NomosMapTeamBegin(NomosMap m, const NomosTeam *team, const PetscScalar p[])
{
  PetscFunctionBegin;
  PetscUseTypeMethod(m, teambegin, team, p);
  PetscFunctionReturn(PETSC_SUCCESS);
}
PetscErrorCode NomosMapTeamEnd(NomosMap m, PetscScalar g[])
{
  PetscFunctionBegin;
  PetscUseTypeMethod(m, teamend, g);
  m->adjoint_open = m->linearized = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSample - makes sample `index` of a pde's data generator, a function of (seed, index) alone

  Not Collective

  Output Parameters:
+ a - the input field(s)
- u - the solution

  Errors: PETSC_ERR_SUP when the type has no generator

  Level: intermediate
@*/
PetscErrorCode NomosMapSample(NomosMap m, PetscInt64 seed, PetscInt64 index, Vec a, Vec u)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(NomosMapSetUp(m));
  PetscCheck(m->ops->sample, PETSC_COMM_SELF, PETSC_ERR_SUP, "%s '%s' makes no data; pde types that do: darcy, burgers", m->family, ((PetscObject)m)->type_name);
  PetscUseTypeMethod(m, sample, seed, index, a, u);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the Jacobian as a Mat ---------------------------------------------------------------------------------------- */
typedef struct {
  NomosMap  map;
  PetscBool parameters;
} Jacobian;

static PetscErrorCode JacobianMult(Mat J, Vec d, Vec y)
{
  Jacobian *j;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(J, &j));
  PetscCall(NomosMapApplyTangent(j->map, j->parameters ? NULL : d, j->parameters ? d : NULL, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode JacobianMultTranspose(Mat J, Vec y, Vec d)
{
  Jacobian *j;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(J, &j));
  PetscCall(NomosMapApplyAdjoint(j->map, y, j->parameters ? NULL : d, j->parameters ? d : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode JacobianDestroy(Mat J)
{
  Jacobian *j;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(J, &j));
  PetscCall(NomosMapDestroy(&j->map));
  PetscCall(PetscFree(j));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapCreateJacobian - the derivative at the linearized point as a shell Mat with Mult and MultTranspose

  Collective

  Input Parameters:
+ m   - the map
- wrt - x or p

  Output Parameter:
. J - sequential Mat, rows of y, columns of x or p; it follows later calls of NomosMapLinearize()

  Errors: PETSC_ERR_ARG_WRONG for another word than x or p

  Level: intermediate
@*/
PetscErrorCode NomosMapCreateJacobian(NomosMap m, const char wrt[], Mat *J)
{
  Jacobian *j;
  PetscBool x, p;

  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  PetscCall(PetscStrcmp(wrt, "x", &x));
  PetscCall(PetscStrcmp(wrt, "p", &p));
  PetscCheck(x || p, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "the Jacobian with respect to '%s'; x and p are possible", wrt);
  PetscCall(PetscNew(&j));
  PetscCall(PetscObjectReference((PetscObject)m));
  j->map        = m;
  j->parameters = p;
  PetscCall(MatCreateShell(PETSC_COMM_SELF, m->ny, p ? m->np : m->nx, m->ny, p ? m->np : m->nx, j, J));
  PetscCall(MatShellSetOperation(*J, MATOP_MULT, (void (*)(void))JacobianMult));
  PetscCall(MatShellSetOperation(*J, MATOP_MULT_TRANSPOSE, (void (*)(void))JacobianMultTranspose));
  PetscCall(MatShellSetOperation(*J, MATOP_DESTROY, (void (*)(void))JacobianDestroy));
  PetscFunctionReturn(PETSC_SUCCESS);
}
