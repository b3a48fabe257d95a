/*
  output.c - NomosData: a data set or a prediction out. Any rank hands over samples; rank 0 writes (write.c), and what it
  could not do becomes an error on every rank.
*/
#include "dataimpl.h"

#define NomosDataCheckWriting(data) PetscCheck((data)->out.dim, PetscObjectComm((PetscObject)(data)), PETSC_ERR_ORDER, "no file is being written; call NomosDataWriteBegin() first")

static void DescribeSide(NomosDataset *d, int side, PetscInt n, const char *const names[], const PetscInt channels[])
{
  d->nfields[side] = (int)n;
  for (PetscInt i = 0; i < n; i++) {
    snprintf(d->field[side][i].name, NOMOS_MAX_FIELD_NAME, "%s", names[i]);
    d->field[side][i].channels = channels[i];
  }
}

/*@C
  NomosDataWriteBegin - starts a file nomos-dataset/1: what it will hold

  Collective

  Input Parameters:
+ data         - the collection (it may read other files at the same time)
. file         - name of the file; it appears at NomosDataWriteEnd(), until then FILE.part is written
. problem      - what was computed, for example "darcy", or NULL
. grid         - the grid of all fields
. samples      - how many samples the file will hold
. nin          - number of input fields, at least 1
. in_names     - their names
. in_channels  - channels of each
. nout         - number of output fields, may be 0
. out_names    - their names
. out_channels - channels of each
- precision    - NOMOS_SINGLE: float32, NOMOS_DOUBLE: float64

  Errors: PETSC_ERR_FILE_WRITE if the file cannot be made or the space for it cannot be reserved; ARG_OUTOFRANGE, ARG_WRONG
  for sizes and names that cannot be; the same on all ranks

  Level: intermediate
.seealso: `NomosDataWriteSamples()`, `NomosDataWriteSetAttribute()`, `NomosDataWriteEnd()`
@*/
PetscErrorCode NomosDataWriteBegin(NomosData data, const char file[], const char problem[], const NomosGrid *grid, PetscInt samples, PetscInt nin, const char *const in_names[], const PetscInt in_channels[], PetscInt nout, const char *const out_names[], const PetscInt out_channels[], NomosPrecision precision)
{
  MPI_Comm     comm;
  PetscMPIInt  rank;
  NomosWhy     why = {0, ""};
  NomosDataset d;
  char         version[32];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  comm = PetscObjectComm((PetscObject)data);
  PetscCheck(!data->out.dim, comm, PETSC_ERR_ORDER, "a file is being written already; call NomosDataWriteEnd() first");
  PetscCheck(nin >= 0 && nin <= NOMOS_MAX_FIELDS && nout >= 0 && nout <= NOMOS_MAX_FIELDS, comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " input and %" PetscInt_FMT " output fields, expected at most %d of each", nin, nout, NOMOS_MAX_FIELDS);
  PetscCheck(grid->dim >= 1 && grid->dim <= NOMOS_MAX_DIM, comm, PETSC_ERR_ARG_OUTOFRANGE, "a grid of %" PetscInt_FMT " axes, expected 1 to %d", grid->dim, NOMOS_MAX_DIM);
  PetscCall(PetscMemzero(&d, sizeof(d)));
  d.dim     = (int)grid->dim;
  d.samples = samples;
  for (int i = 0; i < 3; i++) {
    d.n[i]        = i < grid->dim ? grid->n[i] : 1;
    d.length[i]   = grid->length[i];
    d.offset[i]   = grid->offset[i];
    d.periodic[i] = grid->periodic[i] ? 1 : 0;
  }
  DescribeSide(&d, 0, nin, in_names, in_channels);
  DescribeSide(&d, 1, nout, out_names, out_channels);
  if (problem) PetscCall(PetscStrncpy(d.problem, problem, sizeof(d.problem)));
  PetscCall(NomosGetVersion(version, sizeof(version)));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0 && !NomosWriterOpen(file, &d, precision == NOMOS_SINGLE, &data->writer, &why) && NomosWriterSetAttribute(data->writer, "nomos_version", version, &why)) NomosWriterClose(&data->writer, &why);
  PetscCall(NomosWhyRaise(comm, &why));
  data->out = d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After a failure nothing stays: the .part is gone, and a new file may be begun. */
static PetscErrorCode RaiseAndGiveUp(NomosData data, NomosWhy *why)
{
  PetscMPIInt rank;
  int         failed = why->code;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)data), &rank));
  PetscCallMPI(MPI_Bcast(&failed, 1, MPI_INT, 0, PetscObjectComm((PetscObject)data)));
  if (failed) {
    data->out.dim = 0;
    if (rank == 0) NomosWriterClose(&data->writer, why);
  }
  PetscCall(NomosWhyRaise(PetscObjectComm((PetscObject)data), why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosDataWriteSetAttribute - adds an attribute to the root of the file that is being written

  Collective

  Input Parameters:
+ data  - the collection
. name  - for example "seed" (written as an integer) or "generator"
- value - the text

  Errors: PETSC_ERR_ARG_WRONG for a name of the format itself, PETSC_ERR_FILE_WRITE

  Level: intermediate
.seealso: `NomosDataWriteBegin()`
@*/
PetscErrorCode NomosDataWriteSetAttribute(NomosData data, const char name[], const char value[])
{
  NomosWhy why = {0, ""};

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckWriting(data);
  if (data->writer) NomosWriterSetAttribute(data->writer, name, value, &why);
  PetscCall(RaiseAndGiveUp(data, &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One rank's samples, from its own memory on rank 0 and by message from the others; received even after a failure, so that
   nobody waits for ever. */
static PetscErrorCode Collect(NomosData data, PetscMPIInt from, int side, PetscInt64 first, PetscInt64 n, const PetscScalar own[], PetscScalar buffer[], PetscMPIInt size, NomosWhy *why)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)data);

  PetscFunctionBegin;
  for (PetscInt64 s = 0; s < n; s++) {
    const PetscScalar *v = own + (size_t)s * (size_t)size;

    if (from) {
      PetscCallMPI(MPI_Recv(buffer, size, MPIU_SCALAR, from, side, comm, MPI_STATUS_IGNORE));
      v = buffer;
    }
    if (!why->code) NomosWriterPut(data->writer, side, first + s, 1, v, data->allow_nan, why);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataWriteSamples - hands samples over to the file; each rank gives its own, in any order, none is a valid number

  Collective

  Input Parameters:
+ data  - the collection
. first - number of this rank's first sample in the file
. n     - how many this rank gives, may be 0
. x     - their input fields, stacked as channels
- y     - their output fields; not looked at if the file has none

  Shapes: x [n][Cin][z][y][x], y [n][Cout][z][y][x]
  Errors: PETSC_ERR_FP for NaN or Inf (unless -data_allow_nan), ARG_OUTOFRANGE, FILE_WRITE; the file is then given up

  Level: intermediate
.seealso: `NomosDataWriteBegin()`, `NomosDataWriteEnd()`
@*/
PetscErrorCode NomosDataWriteSamples(NomosData data, PetscInt first, PetscInt n, const PetscScalar x[], const PetscScalar y[])
{
  MPI_Comm           comm;
  PetscMPIInt        rank, ranks;
  NomosWhy           why     = {0, ""};
  PetscInt64         mine[2] = {first, n}, *all = NULL;
  const PetscScalar *values[2] = {x, y};

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckWriting(data);
  comm = PetscObjectComm((PetscObject)data);
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &ranks));
  PetscCall(PetscLogEventBegin(NOMOS_H5Write, data, 0, 0, 0));
  PetscCall(PetscMalloc1(2 * (size_t)ranks, &all));
  PetscCallMPI(MPI_Allgather(mine, 2, MPIU_INT64, all, 2, MPIU_INT64, comm));
  for (int r = 0; r < ranks; r++) /* all ranks look at all, so that all stop here */
    if (all[2 * r + 1] < 0 || all[2 * r] < 0 || all[2 * r] > data->out.samples - all[2 * r + 1]) NomosWhySet(&why, PETSC_ERR_ARG_OUTOFRANGE, "rank %d gives %lld samples from number %lld, the file was begun for %lld", r, (long long)all[2 * r + 1], (long long)all[2 * r], (long long)data->out.samples);
  for (int side = 0; side < 2 && !why.code; side++) {
    PetscMPIInt  size   = 1;
    PetscScalar *buffer = NULL;
    PetscInt64   count  = 0;

    for (int i = 0; i < data->out.nfields[side]; i++) count += data->out.field[side][i].channels;
    for (int i = 0; i < data->out.dim; i++) count *= data->out.n[i];
    if (!count) continue;
    PetscCall(PetscMPIIntCast((PetscInt)count, &size));
    if (rank) {
      for (PetscInt s = 0; s < n; s++) PetscCallMPI(MPI_Send(values[side] + (size_t)s * (size_t)size, size, MPIU_SCALAR, 0, side, comm));
    } else {
      PetscCall(PetscMalloc1(size, &buffer));
      for (PetscMPIInt r = 0; r < ranks; r++) PetscCall(Collect(data, r, side, all[2 * r], all[2 * r + 1], values[side], buffer, size, &why));
      PetscCall(PetscFree(buffer));
    }
    PetscCallMPI(MPI_Bcast(&why, (PetscMPIInt)sizeof(why), MPI_BYTE, 0, comm));
  }
  PetscCall(PetscFree(all));
  PetscCall(PetscLogEventEnd(NOMOS_H5Write, data, 0, 0, 0));
  PetscCall(RaiseAndGiveUp(data, &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataWriteEnd - finishes the file: reads it back, verifies the sums, and gives it its name

  Collective

  Input Parameter:
. data - the collection

  Errors: PETSC_ERR_ORDER if a sample was never written, FILE_WRITE or FILE_UNEXPECTED if the file is not what was handed over;
  an older file of the same name is then untouched

  Level: intermediate
.seealso: `NomosDataWriteBegin()`
@*/
PetscErrorCode NomosDataWriteEnd(NomosData data)
{
  NomosWhy why = {0, ""};

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckWriting(data);
  PetscCall(PetscLogEventBegin(NOMOS_H5Write, data, 0, 0, 0));
  if (data->writer) NomosWriterClose(&data->writer, &why);
  data->out.dim = 0;
  PetscCall(PetscLogEventEnd(NOMOS_H5Write, data, 0, 0, 0));
  PetscCall(NomosWhyRaise(PetscObjectComm((PetscObject)data), &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}
