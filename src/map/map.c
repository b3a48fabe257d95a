/*
  map.c - NomosMap: a differentiable map y = F(x; p), the one contract of pde, net, constraint and loss.

  The four verbs check and log here and do their work in the type. x, p and y are sequential Vecs; the verbs talk to no
  other rank. Parameters are one vector with a table of named blocks.
*/
#include "../nomosimpl.h"
#include "../backend/backend.h"

PetscFunctionList NomosMapList = NULL; /* keys are "family/type" */

/*@
  NomosGridPoints - number of points of a grid, checked for overflow

  Not Collective

  Level: developer
@*/
PetscErrorCode NomosGridPoints(const NomosGrid *g, PetscInt *points)
{
  PetscInt64 n = 1;

  PetscFunctionBegin;
  PetscCheck(g->dim >= 1 && g->dim <= NOMOS_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "a grid of %" PetscInt_FMT " dimensions; 1, 2 or 3 are possible", g->dim);
  for (PetscInt j = 0; j < g->dim; j++) {
    PetscCheck(g->n[j] > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "axis %" PetscInt_FMT " of the grid has %" PetscInt_FMT " points; at least 1 is needed", j, g->n[j]);
    PetscCheck(n <= PETSC_MAX_INT / g->n[j], PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "the grid has more points than this PETSc can index (%" PetscInt_FMT ")", PETSC_MAX_INT);
    n *= g->n[j];
  }
  *points = (PetscInt)n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapCreate - creates a map of a family

  Collective

  Input Parameters:
+ comm   - ranks that hold the same map; its verbs work on one rank
- family - pde, net, constraint, loss or chain

  Output Parameter:
. map - the map; give it a type next (a chain has none)

  Level: beginner
.seealso: `NomosMapSetType()`, `NomosMapSetFromOptions()`, `NomosMapLoad()`
@*/
PetscErrorCode NomosMapCreate(MPI_Comm comm, const char family[], NomosMap *map)
{
  static const char *const families[] = {"pde", "net", "constraint", "loss", "chain"};
  PetscErrorCode (*create)(NomosMap);
  NomosMap  m;
  PetscBool same = PETSC_FALSE;
  PetscInt  f;

  PetscFunctionBegin;
  PetscAssertPointer(map, 3);
  *map = NULL;
  PetscCall(NomosInitializePackage());
  for (f = 0; f < 5 && !same; f++) PetscCall(PetscStrcmp(family, families[f], &same));
  PetscCheck(same, comm, PETSC_ERR_ARG_WRONG, "no family of maps is called '%s'; there are pde, net, constraint, loss and chain", family);
  PetscCall(PetscHeaderCreate(m, NOMOS_MAP_CLASSID, "NomosMap", "differentiable map", families[f - 1], comm, NomosMapDestroy, NomosMapView));
  PetscCall(NomosOptionsUseFamily(families[f - 1]));
  m->family    = families[f - 1];
  m->precision = f - 1 == 1 ? NOMOS_SINGLE : NOMOS_DOUBLE; /* nets train in single precision */
  m->batch     = 1;
  m->channels_in = m->channels_out = 1;
  *map                             = m;
  if (f - 1 == 4) {
    PetscCall(PetscFunctionListFind(NomosMapList, "chain/chain", &create));
    PetscCall((*create)(m));
    PetscCall(PetscObjectChangeTypeName((PetscObject)m, NOMOSCHAIN));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapRegister - adds a type to a family

  Not Collective

  Input Parameters:
+ family - pde, net, constraint or loss
. type   - name of the type
- f      - its constructor

  Level: developer
@*/
PetscErrorCode NomosMapRegister(const char family[], const char type[], PetscErrorCode (*f)(NomosMap))
{
  char key[128];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(key, sizeof(key), "%s/%s", family, type));
  PetscCall(PetscFunctionListAdd(&NomosMapList, key, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What SetUp made goes; settings, given fields and parameters stay. */
PetscErrorCode NomosMapReset(NomosMap m)
{
  PetscFunctionBegin;
  if (m->setup) PetscTryTypeMethod(m, reset);
  m->setup = m->linearized = m->adjoint_open = PETSC_FALSE;
  for (PetscInt i = 0; i < m->nblocks; i++) PetscCall(PetscFree(m->blocks[i].name));
  PetscCall(PetscFree(m->blocks));
  m->nblocks = m->np = m->nx = m->ny = m->segments = m->segment_size = 0;
  PetscCall(NomosBackendDestroy(&m->be));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DropType(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(NomosMapReset(m));
  PetscTryTypeMethod(m, destroy);
  PetscCall(PetscMemzero(m->ops, sizeof(*m->ops)));
  for (PetscInt i = 0; i < m->nslots; i++) PetscCall(VecDestroy(&m->fields[i]));
  m->nslots = 0;
  m->data   = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetType - chooses the type within the map's family

  Collective

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE when the family has no such type

  Level: beginner
@*/
PetscErrorCode NomosMapSetType(NomosMap m, NomosMapType type)
{
  PetscErrorCode (*create)(NomosMap);
  PetscBool same;
  char      key[128];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscObjectTypeCompare((PetscObject)m, type, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscSNPrintf(key, sizeof(key), "%s/%s", m->family, type));
  PetscCall(PetscFunctionListFind(NomosMapList, key, &create));
  PetscCheck(create, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_UNKNOWN_TYPE, "the family '%s' has no type '%s'; see -nomos_list", m->family, type);
  PetscCall(DropType(m));
  PetscCall((*create)(m));
  PetscCall(PetscObjectChangeTypeName((PetscObject)m, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetType - the type in force, NULL before it is set

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetType(NomosMap m, NomosMapType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *type = ((PetscObject)m)->type_name;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetFamily - pde, net, constraint, loss or chain

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetFamily(NomosMap m, const char *family[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *family = m->family;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetOptionsPrefix - text in front of -net_, -pde_, -loss_, ... for this map

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetOptionsPrefix(NomosMap m, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)m, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetBackend - where the map keeps its numbers and computes

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetBackend(NomosMap m, NomosBackend b)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 2);
  PetscCall(PetscObjectReference((PetscObject)b));
  PetscCall(NomosMapReset(m));
  PetscCall(NomosBackendDestroy(&m->backend));
  m->backend = b;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetBackend - the backend; made from the options when none was set

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetBackend(NomosMap m, NomosBackend *b)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (!m->backend) {
    PetscCall(NomosBackendCreate(PetscObjectComm((PetscObject)m), &m->backend));
    PetscCall(PetscObjectSetOptions((PetscObject)m->backend, ((PetscObject)m)->options));
    PetscCall(NomosBackendSetFromOptions(m->backend));
  }
  *b = m->backend;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetPrecision - precision a map computes in; Vecs stay double

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetPrecision(NomosMap m, NomosPrecision p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (p != m->precision) PetscCall(NomosMapReset(m));
  m->precision = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetPrecision - precision a map computes in

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetPrecision(NomosMap m, NomosPrecision *p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *p = m->precision;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetGrid - the grid that x lives on, and y unless NomosMapSetOutputGrid() says otherwise

  Logically Collective

  Input Parameters:
+ m    - the map
- grid - points, lengths, periodicity per axis, slowest axis first

  Note:
  May be called again at any time: a net keeps its weights, plans are made anew at the next SetUp.

  Level: intermediate
@*/
PetscErrorCode NomosMapSetGrid(NomosMap m, const NomosGrid *grid)
{
  PetscInt n;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(NomosGridPoints(grid, &n));
  PetscCall(NomosMapReset(m));
  m->grid     = *grid;
  m->grid_set = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetOutputGrid - the grid that y lives on; NULL: the input grid

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetOutputGrid(NomosMap m, const NomosGrid *grid)
{
  PetscInt n;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (grid) PetscCall(NomosGridPoints(grid, &n));
  PetscCall(NomosMapReset(m));
  if (grid) m->outgrid = *grid;
  m->outgrid_set = grid ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetGrid - grids of x and y

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetGrid(NomosMap m, NomosGrid *in, NomosGrid *out)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(m->grid_set, PetscObjectComm((PetscObject)m), PETSC_ERR_ORDER, "the grid is not set; call NomosMapSetGrid() first");
  if (in) *in = m->grid;
  if (out) *out = m->outgrid_set ? m->outgrid : m->grid;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetChannels - fields per sample in x and y

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetChannels(NomosMap m, PetscInt in, PetscInt out)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(in > 0 && out > 0, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "channels in %" PetscInt_FMT ", out %" PetscInt_FMT "; both must be positive", in, out);
  if (in != m->channels_in || out != m->channels_out) PetscCall(NomosMapReset(m));
  m->channels_in  = in;
  m->channels_out = out;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetChannels - fields per sample in x and y

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetChannels(NomosMap m, PetscInt *in, PetscInt *out)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (in) *in = m->channels_in;
  if (out) *out = m->channels_out;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetBatch - samples per call of a verb

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetBatch(NomosMap m, PetscInt samples)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(samples >= 0, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "a batch of %" PetscInt_FMT " samples", samples);
  if (samples != m->batch) PetscCall(NomosMapReset(m));
  m->batch = samples;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetBatch - samples per call of a verb

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetBatch(NomosMap m, PetscInt *samples)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *samples = m->batch;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetNorm(NomosMap m, const char side[], PetscInt c, const PetscReal mean[], const PetscReal std[], PetscReal **norm)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(*norm));
  if (!mean) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(2 * c, norm));
  for (PetscInt i = 0; i < c; i++) {
    PetscCheck(!PetscIsInfOrNanReal(mean[i]) && std[i] >= 0 && !PetscIsInfOrNanReal(std[i]), PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "normaliser of the %s, channel %" PetscInt_FMT ": mean %g, deviation %g", side, i, (double)mean[i], (double)std[i]);
    (*norm)[i]     = mean[i];
    (*norm)[c + i] = std[i];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetNormalizer - statistics with which a net maps physical fields to physical fields

  Logically Collective

  Input Parameters:
+ m                - the net
. cin, mean_in, std_in    - per input channel, or NULL: input as it is
- cout, mean_out, std_out - per output channel, or NULL

  Note:
  The net computes (v - mean)/(std + 1e-7) on the way in and the inverse on the way out.

  Level: intermediate
@*/
PetscErrorCode NomosMapSetNormalizer(NomosMap m, PetscInt cin, const PetscReal mean_in[], const PetscReal std_in[], PetscInt cout, const PetscReal mean_out[], const PetscReal std_out[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck((!mean_in || cin == m->channels_in) && (!mean_out || cout == m->channels_out), PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_SIZ, "normalisers for %" PetscInt_FMT " and %" PetscInt_FMT " channels, the map has %" PetscInt_FMT " and %" PetscInt_FMT, cin, cout, m->channels_in, m->channels_out);
  PetscCall(NomosMapReset(m));
  PetscCall(SetNorm(m, "input", cin, mean_in, std_in, &m->norm_in));
  PetscCall(SetNorm(m, "output", cout, mean_out, std_out, &m->norm_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetNormalizer - the statistics in force, NULL where there are none

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetNormalizer(NomosMap m, const PetscReal *mean_in[], const PetscReal *std_in[], const PetscReal *mean_out[], const PetscReal *std_out[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (mean_in) *mean_in = m->norm_in;
  if (std_in) *std_in = m->norm_in ? m->norm_in + m->channels_in : NULL;
  if (mean_out) *mean_out = m->norm_out;
  if (std_out) *std_out = m->norm_out ? m->norm_out + m->channels_out : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetFromOptions - type, channels, precision and the type's own settings from the options

  Collective

  Options Database Keys:
+ -FAMILY_type name            - pde, net, constraint, loss: the type
. -net_channels_in, -net_channels_out - fields per sample
. -net_precision single|double - arithmetic of a net
- -map_check                   - adjoint identity and Taylor slope at the first SetUp (see NomosMapCheck())

  Level: beginner
@*/
PetscErrorCode NomosMapSetFromOptions(NomosMap m)
{
  char      type[64] = "", name[64];
  PetscBool set, net, chain;
  PetscInt  cin = m->channels_in, cout = m->channels_out;
  PetscEnum p = (PetscEnum)m->precision;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscStrcmp(m->family, "net", &net));
  PetscCall(PetscStrcmp(m->family, "chain", &chain));
  PetscObjectOptionsBegin((PetscObject)m);
  if (!chain) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "-%s_type", m->family));
    PetscCall(PetscOptionsString(name, "Type of the map within its family", "NomosMapSetType", ((PetscObject)m)->type_name ? ((PetscObject)m)->type_name : "", type, sizeof(type), &set));
    if (set) PetscCall(NomosMapSetType(m, type));
  }
  if (net) {
    PetscCall(PetscOptionsBoundedInt("-net_channels_in", "Fields per input sample", "NomosMapSetChannels", cin, &cin, NULL, 1));
    PetscCall(PetscOptionsBoundedInt("-net_channels_out", "Fields per output sample", "NomosMapSetChannels", cout, &cout, NULL, 1));
    PetscCall(PetscOptionsEnum("-net_precision", "Arithmetic of the net", "NomosMapSetPrecision", NomosPrecisions, p, &p, NULL));
    PetscCall(NomosMapSetChannels(m, cin, cout));
    PetscCall(NomosMapSetPrecision(m, (NomosPrecision)p));
  }
  if (m->ops->setfromoptions) PetscCall((*m->ops->setfromoptions)(m, PetscOptionsObject));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetUp - sizes, blocks, buffers and plans; the verbs allocate nothing afterwards

  Collective

  Errors: PETSC_ERR_ORDER without type or grid; those of the type

  Level: intermediate
@*/
PetscErrorCode NomosMapSetUp(NomosMap m)
{
  NomosBackend b;
  MPI_Comm     comm;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (m->setup) PetscFunctionReturn(PETSC_SUCCESS);
  comm = PetscObjectComm((PetscObject)m);
  PetscCheck(((PetscObject)m)->type_name, comm, PETSC_ERR_ORDER, "the %s has no type; set one with -%s_type or NomosMapSetType()", m->family, m->family);
  PetscCheck(m->grid_set || !strcmp(m->family, "chain"), comm, PETSC_ERR_ORDER, "%s '%s' has no grid; call NomosMapSetGrid()", m->family, ((PetscObject)m)->type_name);
  if (!m->outgrid_set) m->outgrid = m->grid;
  PetscCall(NomosMapGetBackend(m, &b));
  PetscCall(NomosBackendClone(b, m->precision, &m->be));
  PetscUseTypeMethod(m, setup);
  m->setup = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The next tensor of the parameter vector, called by a type's setup in order. */
PetscErrorCode NomosMapAddBlock(NomosMap m, const char name[], PetscBool iscomplex, PetscInt rank, const PetscInt shape[])
{
  NomosBlock *old = m->blocks, *b;
  PetscInt64  size = 1;

  PetscFunctionBegin;
  PetscCheck(rank >= 0 && rank <= 8, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "block '%s' has %" PetscInt_FMT " axes, at most 8 are possible", name, rank);
  if (m->nblocks % 32 == 0) {
    PetscCall(PetscCalloc1(m->nblocks + 32, &m->blocks));
    if (m->nblocks) PetscCall(PetscArraycpy(m->blocks, old, m->nblocks));
    PetscCall(PetscFree(old));
  }
  b          = &m->blocks[m->nblocks++];
  b->start   = m->np;
  b->rank    = rank;
  b->is_complex = iscomplex;
  b->lr_mult = b->wd_mult = 1;
  PetscCall(PetscStrallocpy(name, (char **)&b->name));
  for (PetscInt i = 0; i < rank; i++) {
    b->shape[i] = shape[i];
    PetscCheck(shape[i] > 0 && size <= PETSC_MAX_INT / shape[i], PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "block '%s' has an axis of %" PetscInt_FMT ", or too many entries", name, shape[i]);
    size *= shape[i];
  }
  b->size = (PetscInt)size;
  PetscCheck(m->np <= PETSC_MAX_INT - b->size, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "more parameters than this PETSc can index");
  m->np += b->size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetSizes - lengths of x, p and y for one batch

  Collective (sets the map up)

  Level: intermediate
@*/
PetscErrorCode NomosMapGetSizes(NomosMap m, PetscInt *nx, PetscInt *np, PetscInt *ny)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (nx) *nx = m->nx;
  if (np) *np = m->np;
  if (ny) *ny = m->ny;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapCreateVecs - sequential vectors for x, p and y; any may be NULL

  Collective (sets the map up)

  Shapes: x [B][Cin][points], p flat (NomosMapGetBlock()), y [B][Cout][points], of a loss [segments][size]

  Level: intermediate
@*/
PetscErrorCode NomosMapCreateVecs(NomosMap m, Vec *x, Vec *p, Vec *y)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (x) PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->nx, x));
  if (p) PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->np, p));
  if (y) PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->ny, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapInitializeParameters - first values of the parameters, a function of the seed alone

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapInitializeParameters(NomosMap m, PetscInt64 seed, Vec p)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (m->np) PetscUseTypeMethod(m, initialize, seed, p);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetParameters - the parameters used where a verb gets p = NULL; the map keeps a reference

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetParameters(NomosMap m, Vec p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (p) PetscCall(PetscObjectReference((PetscObject)p));
  PetscCall(VecDestroy(&m->p));
  m->p = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetParameters - the map's own parameters, NULL when it has none; do not destroy

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetParameters(NomosMap m, Vec *p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *p = m->p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetNumBlocks - number of tensors in the parameter vector

  Collective (sets the map up)

  Level: intermediate
@*/
PetscErrorCode NomosMapGetNumBlocks(NomosMap m, PetscInt *n)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  *n = m->nblocks;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetBlock - name, place and shape of tensor i; the name stays the map's

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetBlock(NomosMap m, PetscInt i, NomosBlock *b)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  PetscCheck(i >= 0 && i < m->nblocks, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "block %" PetscInt_FMT " of %" PetscInt_FMT, i, m->nblocks);
  *b = m->blocks[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetSegments - layout of a loss's output: segments, one norm each, and reals per segment

  Collective (sets the map up)

  Level: intermediate
@*/
PetscErrorCode NomosMapGetSegments(NomosMap m, PetscInt *segments, PetscInt *size)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (segments) *segments = m->segments;
  if (size) *size = m->segment_size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A type says in its constructor which given fields it reads. */
PetscErrorCode NomosMapDeclareSlot(NomosMap m, const char name[])
{
  PetscFunctionBegin;
  PetscCheck(m->nslots < NOMOS_MAX_SLOTS, PETSC_COMM_SELF, PETSC_ERR_PLIB, "more than %d slots", NOMOS_MAX_SLOTS);
  m->slots[m->nslots]    = name;
  m->fields[m->nslots++] = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Slot(NomosMap m, const char name[], PetscInt *i)
{
  PetscFunctionBegin;
  for (*i = 0; *i < m->nslots; (*i)++)
    if (!strcmp(m->slots[*i], name)) PetscFunctionReturn(PETSC_SUCCESS);
  *i = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetField - gives a map what is known, not learned: a coefficient, a reference, statistics

  Not Collective

  Input Parameters:
+ m    - the map
. name - the slot, for example a or target
- v    - the field; the map keeps a reference, NULL takes it away

  Errors: PETSC_ERR_ARG_WRONG when the type reads no such field

  Level: intermediate
@*/
PetscErrorCode NomosMapSetField(NomosMap m, const char name[], Vec v)
{
  PetscInt i;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(Slot(m, name, &i));
  PetscCheck(i >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "%s '%s' reads no field '%s'", m->family, ((PetscObject)m)->type_name, name);
  if (v) PetscCall(PetscObjectReference((PetscObject)v));
  PetscCall(VecDestroy(&m->fields[i]));
  m->fields[i] = v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetField - the field in a slot, NULL when it is empty or the type has no such slot

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetField(NomosMap m, const char name[], Vec *v)
{
  PetscInt i;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(Slot(m, name, &i));
  *v = i >= 0 ? m->fields[i] : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetFieldAdjoint - derivative with respect to a given field, after NomosMapApplyAdjoint(); NULL where the type has none

  Not Collective

  Level: advanced
@*/
PetscErrorCode NomosMapGetFieldAdjoint(NomosMap m, const char name[], Vec *v)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *v = NULL;
  PetscTryTypeMethod(m, fieldadjoint, name, v);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetOptions - the option list from which the map can be rebuilt; free it with PetscFree()

  Not Collective

  Level: advanced
@*/
PetscErrorCode NomosMapGetOptions(NomosMap m, char *text[])
{
  char buffer[4096];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscSNPrintf(buffer, sizeof(buffer), "-%s_type %s", m->family, ((PetscObject)m)->type_name));
  if (!strcmp(m->family, "net")) {
    size_t n = strlen(buffer);
    PetscCall(PetscSNPrintf(buffer + n, sizeof(buffer) - n, " -net_channels_in %" PetscInt_FMT " -net_channels_out %" PetscInt_FMT " -net_precision %s", m->channels_in, m->channels_out, NomosPrecisions[m->precision]));
  }
  PetscTryTypeMethod(m, getoptions, buffer, sizeof(buffer));
  PetscCall(PetscStrallocpy(buffer, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapView - prints type, grids, parameters and settings

  Collective

  Level: beginner
@*/
PetscErrorCode NomosMapView(NomosMap m, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)m), &viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectPrintClassNamePrefixType((PetscObject)m, viewer));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "family %s, channels %" PetscInt_FMT " -> %" PetscInt_FMT ", precision %s\n", m->family, m->channels_in, m->channels_out, NomosPrecisions[m->precision]));
  if (m->grid_set) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "grid"));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
    for (PetscInt j = 0; j < m->grid.dim; j++) PetscCall(PetscViewerASCIIPrintf(viewer, "%s%" PetscInt_FMT, j ? "x" : " ", m->grid.n[j]));
    PetscCall(PetscViewerASCIIPrintf(viewer, ", batch %" PetscInt_FMT "\n", m->batch));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  }
  if (m->setup) PetscCall(PetscViewerASCIIPrintf(viewer, "%" PetscInt_FMT " parameters (real count) in %" PetscInt_FMT " blocks\n", m->np, m->nblocks));
  PetscTryTypeMethod(m, view, viewer);
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapViewFromOptions - views the map when an option asks for it, for example -net_view

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapViewFromOptions(NomosMap m, PetscObject obj, const char name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscObjectViewFromOptions((PetscObject)m, obj, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapDestroy - drops a reference

  Collective

  Level: beginner
@*/
PetscErrorCode NomosMapDestroy(NomosMap *m)
{
  PetscFunctionBegin;
  if (!*m) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*m, NOMOS_MAP_CLASSID, 1);
  if (--((PetscObject)*m)->refct > 0) {
    *m = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(DropType(*m));
  PetscCall(PetscFree((*m)->norm_in));
  PetscCall(PetscFree((*m)->norm_out));
  PetscCall(VecDestroy(&(*m)->p));
  PetscCall(NomosBackendDestroy(&(*m)->backend));
  PetscCall(PetscHeaderDestroy(m));
  PetscFunctionReturn(PETSC_SUCCESS);
}
