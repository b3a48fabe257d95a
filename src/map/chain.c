/*
  chain.c - composition of maps: value forward, tangent forward, adjoint backward.

  x -> map 0 -> map 1 -> ... -> y. Parameters are the maps' parameters one after another. A map that reads a field "a"
  gets the chain's input there, and its derivative with respect to that field is added to dx.
*/
#include "../nomosimpl.h"

#define MAX_LINKS 8
typedef struct {
  PetscInt n;
  NomosMap map[MAX_LINKS];
  Vec      v[MAX_LINKS + 1], d[MAX_LINKS + 1]; /* v[i], d[i]: between map i-1 and map i; the ends are the caller's */
  Vec      p[MAX_LINKS], dp[MAX_LINKS];        /* windows into the parameters */

} Chain;

/*@
  NomosMapChainAdd - appends a map to a chain

  Collective

  Errors: PETSC_ERR_ORDER after the chain was set up; PETSC_ERR_ARG_WRONG for a map that is no chain; PETSC_ERR_ARG_OUTOFRANGE for too many links

  Level: intermediate
@*/
PetscErrorCode NomosMapChainAdd(NomosMap m, NomosMap next)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscValidHeaderSpecific(next, NOMOS_MAP_CLASSID, 2);
  PetscCheck(!strcmp(m->family, "chain"), PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_WRONG, "NomosMapChainAdd() on a %s; create the map with the family chain", m->family);
  PetscCheck(c->n < MAX_LINKS, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a chain of more than %d maps", MAX_LINKS);
  PetscCheck(!m->setup, PetscObjectComm((PetscObject)m), PETSC_ERR_ORDER, "NomosMapChainAdd() after the chain was set up");
  PetscCall(PetscObjectReference((PetscObject)next));
  c->map[c->n++] = next;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpChain(NomosMap m)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  PetscCheck(c->n, PetscObjectComm((PetscObject)m), PETSC_ERR_ORDER, "the chain is empty; see NomosMapChainAdd()");
  for (PetscInt i = 0; i < c->n; i++) {
    NomosMap   k = c->map[i];
    NomosGrid  out;
    NomosBlock b;
    PetscInt   nb, nx, np;
    if (i == 0 && m->grid_set) PetscCall(NomosMapSetGrid(k, &m->grid));
    if (i > 0) {
      PetscCall(NomosMapGetGrid(c->map[i - 1], NULL, &out));
      PetscCall(NomosMapSetGrid(k, &out));
    }
    PetscCall(NomosMapSetBatch(k, m->batch));
    if (!k->backend) PetscCall(NomosMapSetBackend(k, m->backend));
    PetscCall(NomosMapGetSizes(k, &nx, &np, NULL));
    PetscCheck(i == 0 || nx == c->map[i - 1]->ny, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_INCOMP, "link %" PetscInt_FMT " of the chain, %s '%s', takes %" PetscInt_FMT " values, the link before gives %" PetscInt_FMT "; see NomosMapSetChannels()", i, k->family, ((PetscObject)k)->type_name, nx, c->map[i - 1]->ny);
    PetscCall(NomosMapGetNumBlocks(k, &nb));
    for (PetscInt j = 0; j < nb; j++) {
      PetscCall(NomosMapGetBlock(k, j, &b));
      PetscCall(NomosMapAddBlock(m, b.name, b.is_complex, b.rank, b.shape));
    }
    PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, np, NULL, &c->p[i]));
    PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, np, NULL, &c->dp[i]));
    if (i > 0) PetscCall(NomosMapCreateVecs(k, &c->v[i], NULL, NULL));
    if (i > 0) PetscCall(VecDuplicate(c->v[i], &c->d[i]));
  }
  m->nx = c->map[0]->nx;
  m->ny = c->map[c->n - 1]->ny;
  m->channels_in  = c->map[0]->channels_in;
  m->channels_out = c->map[c->n - 1]->channels_out;
  m->segments     = c->map[c->n - 1]->segments;
  m->segment_size = c->map[c->n - 1]->segment_size;
  PetscCall(NomosMapGetGrid(c->map[0], &m->grid, NULL));
  PetscCall(NomosMapGetGrid(c->map[c->n - 1], NULL, &m->outgrid));
  m->grid_set = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Windows of the maps into one parameter array. */
static PetscErrorCode Place(Chain *c, Vec window[], const PetscScalar *a)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; a && i < c->n; i++) {
    PetscCall(VecPlaceArray(window[i], (PetscScalar *)a));
    a += c->map[i]->np;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Unplace(Chain *c, Vec window[])
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->n; i++) PetscCall(VecResetArray(window[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Hands the input to every later map that reads "a"; what one of them is given by the user stays when the chain has no use for it. */
static PetscErrorCode GiveInput(Chain *c, Vec x)
{
  PetscFunctionBegin;
  for (PetscInt i = 1; i < c->n; i++)
    for (PetscInt s = 0; s < c->map[i]->nslots; s++)
      if (!strcmp(c->map[i]->slots[s], "a")) PetscCall(NomosMapSetField(c->map[i], "a", x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(NomosMap m, Vec x, Vec p, Vec y, PetscErrorCode (*verb)(NomosMap, Vec, Vec, Vec))
{
  Chain             *c = (Chain *)m->data;
  const PetscScalar *a = NULL;

  PetscFunctionBegin;
  PetscCall(GiveInput(c, x));
  if (p) PetscCall(VecGetArrayRead(p, &a));
  PetscCall(Place(c, c->p, a));
  for (PetscInt i = 0; i < c->n; i++) PetscCall((*verb)(c->map[i], i ? c->v[i] : x, p ? c->p[i] : NULL, i + 1 < c->n ? c->v[i + 1] : y));
  if (p) PetscCall(Unplace(c, c->p));
  if (p) PetscCall(VecRestoreArrayRead(p, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode ApplyChain(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Run(m, x, p, y, NomosMapApply));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearizeChain(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Run(m, x, p, y, NomosMapLinearize));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TangentChain(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  Chain             *c = (Chain *)m->data;
  const PetscScalar *a = NULL;

  PetscFunctionBegin;
  if (dp) PetscCall(VecGetArrayRead(dp, &a));
  PetscCall(Place(c, c->dp, a));
  for (PetscInt i = 0; i < c->n; i++) {
    const Vec out = i + 1 < c->n ? c->d[i + 1] : dy;
    Vec       f;

    PetscCall(NomosMapApplyTangent(c->map[i], i ? c->d[i] : dx, dp ? c->dp[i] : NULL, out));
    PetscCall(NomosMapGetField(c->map[i], "a", &f));
    if (i && f && dx) PetscCall(NomosMapAddFieldTangent(c->map[i], "a", dx, out)); /* the chain's input is that field */
  }
  if (dp) PetscCall(Unplace(c, c->dp));
  if (dp) PetscCall(VecRestoreArrayRead(dp, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AdjointChain(NomosMap m, Vec dy, Vec dx, PetscBool wantp)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  for (PetscInt i = c->n - 1; i >= 0; i--) PetscCall(NomosMapAdjointAdd(c->map[i], i + 1 < c->n ? c->d[i + 1] : dy, i ? c->d[i] : dx));
  for (PetscInt i = 1; dx && i < c->n; i++) {
    Vec f, g = NULL;
    PetscCall(NomosMapGetField(c->map[i], "a", &f));
    if (f) PetscCall(NomosMapGetFieldAdjoint(c->map[i], "a", &g));
    if (g) PetscCall(VecAXPY(dx, 1, g));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GradientZeroChain(NomosMap m)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->n; i++) PetscCall(NomosMapAdjointBegin(c->map[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode GradientGetChain(NomosMap m, Vec dp)
{
  Chain       *c = (Chain *)m->data;
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(dp, &a));
  PetscCall(Place(c, c->dp, a));
  for (PetscInt i = 0; i < c->n; i++) PetscCall(NomosMapAdjointEnd(c->map[i], c->dp[i]));
  PetscCall(Unplace(c, c->dp));
  PetscCall(VecRestoreArrayWrite(dp, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode InitializeChain(NomosMap m, PetscInt64 seed, Vec p)
{
  Chain       *c = (Chain *)m->data;
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(p, &a));
  PetscCall(Place(c, c->p, a));
  for (PetscInt i = 0; i < c->n; i++) PetscCall(NomosMapInitializeParameters(c->map[i], seed, c->p[i]));
  PetscCall(Unplace(c, c->p));
  PetscCall(VecRestoreArrayWrite(p, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFromOptionsChain(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->n; i++) PetscCall(NomosMapSetFromOptions(c->map[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewChain(NomosMap m, PetscViewer viewer)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->n; i++) PetscCall(NomosMapView(c->map[i], viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResetChain(NomosMap m)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->n; i++) {
    PetscCall(VecDestroy(&c->p[i]));
    PetscCall(VecDestroy(&c->dp[i]));
    PetscCall(VecDestroy(&c->v[i]));
    PetscCall(VecDestroy(&c->d[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyChain(NomosMap m)
{
  Chain *c = (Chain *)m->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->n; i++) PetscCall(NomosMapDestroy(&c->map[i]));
  PetscCall(PetscFree(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  chain - composition of maps, for example net, then constraint

  Level: intermediate
.seealso: `NomosMapChainAdd()`
M*/
PETSC_INTERN PetscErrorCode NomosMapCreate_Chain(NomosMap m)
{
  Chain *c;

  PetscFunctionBegin;
  PetscCall(PetscNew(&c));
  m->data                = c;
  m->ops->setfromoptions = SetFromOptionsChain;
  m->ops->setup          = SetUpChain;
  m->ops->initialize     = InitializeChain;
  m->ops->apply          = ApplyChain;
  m->ops->linearize      = LinearizeChain;
  m->ops->tangent        = TangentChain;
  m->ops->adjoint        = AdjointChain;
  m->ops->gradientzero   = GradientZeroChain;
  m->ops->gradientget    = GradientGetChain;
  m->ops->view           = ViewChain;
  m->ops->reset          = ResetChain;
  m->ops->destroy        = DestroyChain;
  PetscFunctionReturn(PETSC_SUCCESS);
}
