/*
  shape.c - what a map is set to before SetUp: backend, precision, grids, channels, batch, normalisers.
*/
#include "../nomosimpl.h"
#include "../backend/backend.h"

/*@
  NomosGridPoints - number of points of a grid, checked for overflow

  Not Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE for no axes or more than three, axes without points, more points than can be indexed

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

  Errors: PETSC_ERR_ORDER before a grid is known

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

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

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

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0

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

  Errors: PETSC_ERR_ARG_SIZ for other numbers of channels than the map has

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
