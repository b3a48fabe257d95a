/*
  samples.c - NomosData: samples in. Files nomos-dataset/1 concatenated, fields stacked as channels, kept in memory when
  small and read sample by sample otherwise.

  Rank 0 alone inspects the files; what it found, or why it refuses, is broadcast, so every rank sees the same data set or
  the same error. Small data travel from rank 0 to the others; large files are opened by each rank with the plain driver.
*/
#include "dataimpl.h"

/* The reason of the lowest rank that has one becomes an error on every rank. */
PetscErrorCode NomosWhyRaise(MPI_Comm comm, NomosWhy *why)
{
  PetscMPIInt rank, size, mine, who;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  mine = why->code ? rank : size;
  PetscCallMPI(MPI_Allreduce(&mine, &who, 1, MPI_INT, MPI_MIN, comm));
  if (who == size) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Bcast(why, (PetscMPIInt)sizeof(*why), MPI_BYTE, who, comm));
  SETERRQ(comm, (PetscErrorCode)why->code, "%s", why->text);
}

/* ---- set up: rank 0 inspects ----------------------------------------------------------------------------------- */
/* Keeps the fields that were asked for, in that order. */
static int SelectFields(NomosData data, const char file[], NomosDataset *d, NomosWhy *why)
{
  for (int s = 0; s < 2; s++) {
    NomosField kept[NOMOS_MAX_FIELDS];

    if (!data->nnames[s]) continue;
    for (PetscInt i = 0; i < data->nnames[s]; i++) {
      int f = 0;

      while (f < d->nfields[s] && strcmp(d->field[s][f].name, data->names[s][i])) f++;
      if (f == d->nfields[s]) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' has no field '%s' in /%s (it has %d%s%s); see -data_%s", file, data->names[s][i], NomosSides[s], d->nfields[s], d->nfields[s] ? ", the first is " : "", d->nfields[s] ? d->field[s][0].name : "", NomosSides[s]);
      kept[i] = d->field[s][f];
    }
    d->nfields[s] = (int)data->nnames[s];
    memcpy(d->field[s], kept, sizeof(kept[0]) * (size_t)d->nfields[s]);
  }
  return 0;
}

/* Does another file continue the first one? The order of its fields may differ. */
static int MatchFile(const char first[], const NomosDataset *a, const char file[], NomosDataset *b, NomosWhy *why)
{
  if (a->dim != b->dim || memcmp(a->n, b->n, sizeof(a->n))) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' has a grid of %d axes (%lld x %lld x %lld), '%s' one of %d axes (%lld x %lld x %lld); files read together must have the same grid", first, a->dim, (long long)a->n[0], (long long)a->n[1], (long long)a->n[2], file, b->dim, (long long)b->n[0], (long long)b->n[1], (long long)b->n[2]);
  if (memcmp(a->length, b->length, sizeof(a->length)) || memcmp(a->offset, b->offset, sizeof(a->offset)) || memcmp(a->periodic, b->periodic, sizeof(a->periodic))) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' and '%s' differ in the box of their grids (L, offset or periodic); files read together must have the same", first, file);
  for (int s = 0; s < 2; s++) {
    NomosField sorted[NOMOS_MAX_FIELDS];

    if (a->nfields[s] != b->nfields[s]) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' has %d fields in /%s, '%s' has %d; name those to use with -data_%s", first, a->nfields[s], NomosSides[s], file, b->nfields[s], NomosSides[s]);
    for (int i = 0; i < a->nfields[s]; i++) {
      int f = 0;

      while (f < b->nfields[s] && strcmp(b->field[s][f].name, a->field[s][i].name)) f++;
      if (f == b->nfields[s] || b->field[s][f].channels != a->field[s][i].channels || b->field[s][f].frames != a->field[s][i].frames) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "field '%s' in /%s of '%s' is missing in '%s', or has other channels or time levels there", a->field[s][i].name, NomosSides[s], first, file);
      sorted[i] = b->field[s][f];
    }
    memcpy(b->field[s], sorted, sizeof(sorted[0]) * (size_t)b->nfields[s]);
  }
  return 0;
}

static int64_t Frames(NomosData data, int side, const NomosField *f)
{
  return f->frames && (side == 0 || data->all_frames) ? f->frames : 1;
}

/* Sizes of the concatenation, as PetscInt. */
static int Measure(NomosData data, NomosWhy *why)
{
  const NomosDataset *d      = &data->each[0];
  int64_t             points = 1, total = 0, channels[2] = {0, 0};

  data->ds = *d;
  for (int i = 0; i < d->dim; i++) points *= d->n[i];
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < d->nfields[s]; i++) channels[s] += d->field[s][i].channels * Frames(data, s, &d->field[s][i]);
  for (PetscInt i = 0; i < data->nfiles; i++) {
    data->starts[i] = (PetscInt)total;
    total += data->each[i].samples;
    if (total > PETSC_MAX_INT) break;
  }
  if (points > PETSC_MAX_INT || total > PETSC_MAX_INT || (channels[0] + channels[1]) > PETSC_MAX_INT / points) return NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "'%s': %lld points, %lld channels, %lld samples are more than this PETSc can count (%lld); use a PETSc with 64-bit indices", data->filenames, (long long)points, (long long)(channels[0] + channels[1]), (long long)total, (long long)PETSC_MAX_INT);
  data->starts[data->nfiles] = (PetscInt)total;
  data->ds.samples           = total;
  data->points               = (PetscInt)points;
  for (int s = 0; s < 2; s++) data->channels[s] = (PetscInt)channels[s];
  data->samples = data->wanted == PETSC_DETERMINE ? (PetscInt)total - data->first : data->wanted;
  if (data->first >= total || data->samples > total - data->first) return NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "'%s' has %lld samples, asked for %lld from number %lld; see -data_first, -data_samples", data->filenames, (long long)total, (long long)(data->wanted == PETSC_DETERMINE ? 1 : data->wanted), (long long)data->first);
  return 0;
}

static void Inspect(NomosData data, NomosWhy *why)
{
  for (PetscInt i = 0; i < data->nfiles; i++) {
    NomosDataset *d = &data->each[i];

    if (NomosDatasetOpen(data->files[i], &data->h5[i], d, why) || SelectFields(data, data->files[i], d, why)) return;
    if (i && MatchFile(data->files[0], &data->each[0], data->files[i], d, why)) return;
    if (NomosDatasetScan(data->h5[i], d, data->allow_nan, why)) return;
  }
  Measure(data, why);
}

/* ---- reading samples ------------------------------------------------------------------------------------------- */
/* Samples [first, first + n) of the concatenation, one file's part after the other, values[n][channels][points]. */
static int ReadSide(NomosData data, int side, PetscInt first, PetscInt n, PetscScalar values[], NomosWhy *why)
{
  PetscInt file = 0;

  while (n) {
    PetscInt take, base = 0;

    while (first >= data->starts[file + 1]) file++;
    take = PetscMin(n, data->starts[file + 1] - first);
    if (data->each[file].nfields[side] > 1) take = 1; /* fields are neighbours inside one sample */
    for (int f = 0; f < data->each[file].nfields[side]; f++) {
      const NomosField *field = &data->each[file].field[side][f];

      if (NomosDatasetReadField(data->h5[file], &data->each[file], side, f, side == 0 || data->all_frames, first - data->starts[file], take, values + (size_t)base * (size_t)data->points, why)) return why->code;
      base += (PetscInt)(field->channels * Frames(data, side, field));
    }
    values += (size_t)take * (size_t)data->channels[side] * (size_t)data->points;
    first += take;
    n -= take;
  }
  return 0;
}

static PetscErrorCode LoadResident(NomosData data)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)data);
  PetscMPIInt rank;
  NomosWhy    why = {0, ""};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  for (int s = 0; s < 2; s++) {
    const size_t   sample = (size_t)data->channels[s] * (size_t)data->points, total = sample * (size_t)data->samples;
    PetscErrorCode ierr;

    if (!total) continue;
    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
    ierr = PetscMalloc1(total, &data->values[s]);
    PetscCall(PetscPopErrorHandler());
    if (ierr) NomosWhySet(&why, PETSC_ERR_MEM, "no memory for %zu bytes of '%s'; lower -data_cache to read by sample", total * sizeof(PetscScalar), data->filenames);
    PetscCall(NomosWhyRaise(comm, &why));
    if (rank == 0) ReadSide(data, s, data->first, data->samples, data->values[s], &why);
    PetscCall(NomosWhyRaise(comm, &why));
    for (size_t at = 0; at < total; at += (size_t)1 << 26) PetscCallMPI(MPI_Bcast(data->values[s] + at, (PetscMPIInt)PetscMin((size_t)1 << 26, total - at), MPIU_SCALAR, 0, comm));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The split lists of all files, as numbers within the range; rank 0 reads. */
static PetscErrorCode LoadSplits(NomosData data)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)data);
  PetscMPIInt rank;
  NomosWhy    why = {0, ""};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  for (int w = 0; w < 3; w++) {
    PetscInt64 most = 0, have = 0;
    PetscInt   n    = 0;

    for (PetscInt i = 0; i < data->nfiles; i++) {
      have += data->each[i].nsplit[w] >= 0;
      most += PetscMax(data->each[i].nsplit[w], 0);
    }
    if (!have) continue;
    PetscCall(PetscMalloc1((size_t)most, &data->split[w]));
    for (PetscInt i = 0; i < data->nfiles && rank == 0 && !why.code; i++) {
      int64_t *list;

      if (data->each[i].nsplit[w] < 0) continue;
      PetscCall(PetscMalloc1((size_t)data->each[i].nsplit[w], &list));
      if (!NomosDatasetReadSplit(data->h5[i], &data->each[i], w, list, &why))
        for (int64_t k = 0; k < data->each[i].nsplit[w]; k++) {
          const int64_t at = data->starts[i] + list[k] - data->first;

          if (at >= 0 && at < data->samples) data->split[w][n++] = (PetscInt)at;
        }
      PetscCall(PetscFree(list));
    }
    PetscCall(NomosWhyRaise(comm, &why));
    PetscCallMPI(MPI_Bcast(&n, 1, MPIU_INT, 0, comm));
    PetscCallMPI(MPI_Bcast(data->split[w], (PetscMPIInt)n, MPIU_INT, 0, comm));
    data->nsplit[w] = n;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataSetUp - opens and checks the files, and reads them if they are small

  Collective

  Input Parameter:
. data - the collection

  Errors: PETSC_ERR_FILE_OPEN, FILE_READ, FILE_UNEXPECTED (missing, damaged, not a data set, a sum that does not match),
  ARG_INCOMP (fields or files that do not fit together), ARG_OUTOFRANGE (range), FP (NaN or Inf), MEM; the same on all ranks

  Level: beginner
.seealso: `NomosDataSetFiles()`, `NomosDataGetSamples()`
@*/
PetscErrorCode NomosDataSetUp(NomosData data)
{
  MPI_Comm    comm;
  PetscMPIInt rank, ncount;
  NomosWhy    why = {0, ""};
  PetscInt    sizes[4];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  if (data->setup) PetscFunctionReturn(PETSC_SUCCESS);
  comm = PetscObjectComm((PetscObject)data);
  PetscCheck(data->nfiles, comm, PETSC_ERR_ORDER, "no file to read was named; see -data or NomosDataSetFiles()");
  PetscCall(NomosDataReset(data));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscLogEventBegin(NOMOS_H5Read, data, 0, 0, 0));
  PetscCall(PetscCalloc1(data->nfiles, &data->h5));
  PetscCall(PetscCalloc1(data->nfiles, &data->each));
  PetscCall(PetscCalloc1(data->nfiles + 1, &data->starts));
  if (rank == 0) Inspect(data, &why);
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCall(PetscMPIIntCast(data->nfiles * (PetscInt)sizeof(NomosDataset), &ncount));
  PetscCallMPI(MPI_Bcast(data->each, ncount, MPI_BYTE, 0, comm));
  PetscCallMPI(MPI_Bcast(&data->ds, (PetscMPIInt)sizeof(NomosDataset), MPI_BYTE, 0, comm));
  PetscCallMPI(MPI_Bcast(data->starts, (PetscMPIInt)data->nfiles + 1, MPIU_INT, 0, comm));
  sizes[0] = data->samples;
  sizes[1] = data->points;
  sizes[2] = data->channels[0];
  sizes[3] = data->channels[1];
  PetscCallMPI(MPI_Bcast(sizes, 4, MPIU_INT, 0, comm));
  data->samples     = sizes[0];
  data->points      = sizes[1];
  data->channels[0] = sizes[2];
  data->channels[1] = sizes[3];
  PetscCall(LoadSplits(data));
  data->resident = (double)data->samples * (double)data->points * (double)(data->channels[0] + data->channels[1]) * (double)sizeof(PetscScalar) <= (double)data->cache ? PETSC_TRUE : PETSC_FALSE;
  if (data->resident) {
    PetscCall(LoadResident(data));
    for (PetscInt i = 0; i < data->nfiles; i++) NomosH5Close(&data->h5[i]);
  } else {
    for (PetscInt i = 0; i < data->nfiles && rank; i++) NomosH5Open(data->files[i], &data->h5[i], &why);
    PetscCall(NomosWhyRaise(comm, &why));
  }
  PetscCall(PetscLogEventEnd(NOMOS_H5Read, data, 0, 0, 0));
  data->setup = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- getting --------------------------------------------------------------------------------------------------- */
#define NomosDataCheckSetUp(data) PetscCheck((data)->setup, PetscObjectComm((PetscObject)(data)), PETSC_ERR_ORDER, "the data were not set up; call NomosDataSetUp() first")

/*@
  NomosDataGetGrid - the grid on which the fields live

  Not Collective

  Input Parameter:
. data - the collection, set up

  Output Parameter:
. grid - points, box, offset and periodicity per axis, slowest axis first

  Units:  those of the file
  Errors: PETSC_ERR_ORDER before NomosDataSetUp()

  Level: beginner
.seealso: `NomosDataSetUp()`
@*/
PetscErrorCode NomosDataGetGrid(NomosData data, NomosGrid *grid)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckSetUp(data);
  PetscCall(PetscMemzero(grid, sizeof(*grid)));
  grid->dim = data->ds.dim;
  for (int i = 0; i < NOMOS_MAX_DIM; i++) {
    grid->n[i]        = (PetscInt)data->ds.n[i];
    grid->length[i]   = data->ds.length[i];
    grid->offset[i]   = data->ds.offset[i];
    grid->periodic[i] = data->ds.periodic[i] ? PETSC_TRUE : PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataGetChannels - how many channels the stacked input and output fields have

  Not Collective

  Input Parameter:
. data - the collection, set up

  Output Parameters:
+ in  - input channels, or NULL if not wanted
- out - output channels, 0 for a file without output, or NULL

  Errors: PETSC_ERR_ORDER before NomosDataSetUp()

  Level: beginner
.seealso: `NomosDataSetFields()`
@*/
PetscErrorCode NomosDataGetChannels(NomosData data, PetscInt *in, PetscInt *out)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckSetUp(data);
  if (in) *in = data->channels[0];
  if (out) *out = data->channels[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataGetSize - the number of samples in the range

  Not Collective

  Input Parameter:
. data - the collection, set up

  Output Parameter:
. samples - how many; sample numbers run from 0, whatever the range's first

  Errors: PETSC_ERR_ORDER before NomosDataSetUp()

  Level: beginner
.seealso: `NomosDataSetRange()`
@*/
PetscErrorCode NomosDataGetSize(NomosData data, PetscInt *samples)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckSetUp(data);
  *samples = data->samples;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetOne(NomosData data, int side, PetscInt sample, PetscScalar values[])
{
  const size_t size = (size_t)data->channels[side] * (size_t)data->points;
  NomosWhy     why  = {0, ""};

  PetscFunctionBegin;
  PetscCheck(sample >= 0 && sample < data->samples, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "sample %" PetscInt_FMT " of '%s', expected 0..%" PetscInt_FMT, sample, data->filenames, data->samples - 1);
  if (data->resident) {
    PetscCall(PetscArraycpy(values, data->values[side] + (size_t)sample * size, size));
  } else if (ReadSide(data, side, data->first + sample, 1, values, &why)) SETERRQ(PETSC_COMM_SELF, (PetscErrorCode)why.code, "%s", why.text);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataGetSamples - copies samples, by number, into the caller's memory

  Not Collective

  Input Parameters:
+ data - the collection, set up
. n    - how many
- idx  - their numbers in 0..size-1; NULL: 0..n-1

  Output Parameters:
+ x - input fields, or NULL if not wanted
- y - output fields, or NULL

  Shapes: x [n][Cin][z][y][x], y [n][Cout][z][y][x]
  Units:  those of the file
  Errors: PETSC_ERR_ARG_OUTOFRANGE for a number that is not there; FILE_READ where the data are streamed and the disk fails

  Level: beginner
.seealso: `NomosDataGetSize()`, `NomosDataSetCache()`
@*/
PetscErrorCode NomosDataGetSamples(NomosData data, PetscInt n, const PetscInt idx[], PetscScalar x[], PetscScalar y[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckSetUp(data);
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt sample = idx ? idx[i] : i;

    if (x) PetscCall(GetOne(data, 0, sample, x + (size_t)i * (size_t)data->channels[0] * (size_t)data->points));
    if (y) PetscCall(GetOne(data, 1, sample, y + (size_t)i * (size_t)data->channels[1] * (size_t)data->points));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- statistics ------------------------------------------------------------------------------------------------ */
/* One number per sample and channel: the sum of v - m, or of its square. A rank takes every size-th sample, the parts are
   put together exactly (to one number come zeros only) and are then added in the order of the samples on every rank: the
   same digits for any number of ranks. */
static PetscErrorCode ChannelSums(NomosData data, int side, PetscInt n, const PetscInt idx[], const PetscReal mean[], PetscReal sums[])
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)data);
  const PetscInt C = data->channels[side], N = data->points;
  PetscReal     *part;
  PetscScalar   *v;
  PetscMPIInt    rank, size;
  NomosWhy       why = {0, ""};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscCalloc1((size_t)n * (size_t)C, &part));
  PetscCall(PetscMalloc1((size_t)C * (size_t)N, &v));
  for (PetscInt i = rank; i < n && !why.code; i += size) {
    const PetscInt sample = idx ? idx[i] : i;

    if (data->resident) PetscCall(PetscArraycpy(v, data->values[side] + (size_t)sample * (size_t)C * (size_t)N, (size_t)C * (size_t)N));
    else ReadSide(data, side, data->first + sample, 1, v, &why);
    for (PetscInt c = 0; c < C; c++) {
      PetscReal s = 0;

      for (PetscInt k = 0; k < N; k++) {
        const PetscReal d = PetscRealPart(v[(size_t)c * (size_t)N + (size_t)k]) - (mean ? mean[c] : 0);

        s += mean ? d * d : d;
      }
      part[(size_t)i * (size_t)C + (size_t)c] = s;
    }
  }
  PetscCall(PetscFree(v));
  PetscCall(NomosWhyRaise(comm, &why));
  if (size > 1)
    for (PetscInt i = 0; i < n; i++) PetscCallMPI(MPI_Bcast(part + (size_t)i * (size_t)C, (PetscMPIInt)C, MPIU_REAL, (int)(i % size), comm));
  PetscCall(PetscArrayzero(sums, C));
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt c = 0; c < C; c++) sums[c] += part[(size_t)i * (size_t)C + (size_t)c];
  PetscCall(PetscFree(part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataGetStatistics - mean and unbiased deviation of each channel over samples and space

  Collective

  Input Parameters:
+ data - the collection, set up
. n    - number of samples to use
- idx  - their numbers, the same on all ranks; NULL: 0..n-1

  Output Parameters:
+ mean_in  - [Cin], or NULL with std_in
. std_in   - [Cin]
. mean_out - [Cout], or NULL with std_out
- std_out  - [Cout]

  Units:  those of the file
  Errors: PETSC_ERR_ARG_OUTOFRANGE for a sample that is not there

  Note: two passes, in an order that does not depend on the number of ranks: the same digits on 1, 2 and 4.

  Level: intermediate
.seealso: `NomosDataGetSamples()`, `NomosMapSetNormalizer()`
@*/
PetscErrorCode NomosDataGetStatistics(NomosData data, PetscInt n, const PetscInt idx[], PetscReal mean_in[], PetscReal std_in[], PetscReal mean_out[], PetscReal std_out[])
{
  PetscReal *mean[2] = {mean_in, mean_out}, *std[2] = {std_in, std_out};

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckSetUp(data);
  PetscCheck(n > 0, PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "statistics over %" PetscInt_FMT " samples, expected at least 1", n);
  for (PetscInt i = 0; i < n; i++) PetscCheck((idx ? idx[i] : i) >= 0 && (idx ? idx[i] : i) < data->samples, PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "sample %" PetscInt_FMT " of '%s', expected 0..%" PetscInt_FMT, idx ? idx[i] : i, data->filenames, data->samples - 1);
  for (int s = 0; s < 2; s++) {
    const PetscReal count = (PetscReal)n * (PetscReal)data->points;

    if (!mean[s] || !std[s]) continue;
    PetscCall(ChannelSums(data, s, n, idx, NULL, mean[s]));
    for (PetscInt c = 0; c < data->channels[s]; c++) mean[s][c] /= count;
    PetscCall(ChannelSums(data, s, n, idx, mean[s], std[s]));
    for (PetscInt c = 0; c < data->channels[s]; c++) std[s][c] = count > 1 ? PetscSqrtReal(std[s][c] / (count - 1)) : 0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosDataGetSplit - a list of samples that the file names

  Not Collective

  Input Parameters:
+ data - the collection, set up
- name - "train", "valid" or "test"

  Output Parameters:
+ n   - its length, -1 if no file has such a list
- idx - the numbers, belonging to the collection; those outside the range are left out

  Errors: PETSC_ERR_ARG_OUTOFRANGE for another name

  Level: intermediate
.seealso: `NomosDataSetRange()`
@*/
PetscErrorCode NomosDataGetSplit(NomosData data, const char name[], PetscInt *n, const PetscInt *idx[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  NomosDataCheckSetUp(data);
  for (int w = 0; w < 3; w++) {
    if (strcmp(name, NomosSplitNames[w])) continue;
    *n = data->nsplit[w];
    if (idx) *idx = data->split[w];
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  SETERRQ(PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "no list '%s', expected train, valid or test", name);
}
