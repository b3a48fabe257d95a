/*
  data.c - NomosData: its life and its settings. Samples are read in samples.c, files are written in output.c.
*/
#include "dataimpl.h"

static const char *const NomosDataTimes[] = {"last", "all", "NomosDataTime", "", NULL};

/* ---- life ------------------------------------------------------------------------------------------------------ */
static PetscErrorCode FreeStrings(PetscInt *n, char ***list)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < *n; i++) PetscCall(PetscFree((*list)[i]));
  PetscCall(PetscFree(*list));
  *n = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CopyStrings(PetscInt n, const char *const from[], PetscInt *m, char ***to)
{
  PetscFunctionBegin;
  PetscCall(FreeStrings(m, to));
  PetscCall(PetscCalloc1(n, to));
  for (PetscInt i = 0; i < n; i++) PetscCall(PetscStrallocpy(from[i], &(*to)[i]));
  *m = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosDataReset(NomosData data)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; data->h5 && i < data->nfiles; i++) NomosH5Close(&data->h5[i]);
  PetscCall(PetscFree(data->h5));
  PetscCall(PetscFree(data->each));
  PetscCall(PetscFree(data->starts));
  for (PetscInt s = 0; s < 2; s++) PetscCall(PetscFree(data->values[s]));
  for (PetscInt w = 0; w < 3; w++) {
    PetscCall(PetscFree(data->split[w]));
    data->nsplit[w] = -1;
  }
  data->setup = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataCreate - makes an empty collection of samples, to be read from files or written to one

  Collective

  Input Parameter:
. comm - the ranks that share it

  Output Parameter:
. data - the collection

  Level: beginner
.seealso: `NomosDataSetFiles()`, `NomosDataSetFromOptions()`, `NomosDataSetUp()`, `NomosDataWriteBegin()`
@*/
PetscErrorCode NomosDataCreate(MPI_Comm comm, NomosData *data)
{
  NomosData d;

  PetscFunctionBegin;
  *data = NULL;
  PetscCall(NomosInitializePackage());
  PetscCall(NomosOptionsUseFamily("data"));
  PetscCall(PetscHeaderCreate(d, NOMOS_DATA_CLASSID, "NomosData", "Samples of fields", "Data", comm, NomosDataDestroy, NomosDataView));
  PetscCall(PetscObjectChangeTypeName((PetscObject)d, "hdf5"));
  d->wanted = PETSC_DETERMINE;
  d->cache  = (PetscInt64)1 << 30;
  for (PetscInt w = 0; w < 3; w++) d->nsplit[w] = -1;
  *data = d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataDestroy - gives a collection of samples back; a file that is still being written is removed

  Collective

  Input Parameter:
. data - the collection, NULL afterwards

  Level: beginner
.seealso: `NomosDataCreate()`
@*/
PetscErrorCode NomosDataDestroy(NomosData *data)
{
  PetscFunctionBegin;
  if (!*data) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*data, NOMOS_DATA_CLASSID, 1);
  if (--((PetscObject)*data)->refct > 0) {
    *data = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosDataReset(*data));
  if ((*data)->writer) {
    NomosWhy why = {PETSC_ERR_USER, "given up"};

    NomosWriterClose(&(*data)->writer, &why);
  }
  PetscCall(FreeStrings(&(*data)->nfiles, &(*data)->files));
  PetscCall(PetscFree((*data)->filenames));
  for (PetscInt s = 0; s < 2; s++) PetscCall(FreeStrings(&(*data)->nnames[s], &(*data)->names[s]));
  PetscCall(PetscHeaderDestroy(data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- settings -------------------------------------------------------------------------------------------------- */
/*@C
  NomosDataSetOptionsPrefix - the prefix in front of this collection's options

  Logically Collective

  Input Parameters:
+ data   - the collection
- prefix - for example "test_"; the options are then -test_data_first and so on

  Level: advanced
.seealso: `NomosDataSetFromOptions()`
@*/
PetscErrorCode NomosDataSetOptionsPrefix(NomosData data, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)data, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosDataSetFiles - the files to read, taken one after the other as one long list of samples

  Logically Collective

  Input Parameters:
+ data  - the collection
. n     - how many
- files - their names, format nomos-dataset/1

  Options Database Key:
. -data FILE,... - the same, where no file was set

  Errors: PETSC_ERR_ARG_OUTOFRANGE without a file

  Level: beginner
.seealso: `NomosDataSetRange()`, `NomosDataSetFields()`
@*/
PetscErrorCode NomosDataSetFiles(NomosData data, PetscInt n, const char *const files[])
{
  size_t len = 1;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  PetscCheck(n > 0, PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " files given, expected at least one; see -data", n);
  PetscCall(NomosDataReset(data));
  PetscCall(CopyStrings(n, files, &data->nfiles, &data->files));
  for (PetscInt i = 0; i < n; i++) len += strlen(files[i]) + 1;
  PetscCall(PetscFree(data->filenames));
  PetscCall(PetscCalloc1(len, &data->filenames));
  for (PetscInt i = 0; i < n; i++) {
    if (i) strcat(data->filenames, ","); /* PetscStrlcat() of 3.18 cuts what it appends */
    strcat(data->filenames, files[i]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosDataSetFields - which fields are input and output, in the order in which they are stacked as channels

  Logically Collective

  Input Parameters:
+ data  - the collection
. nin   - number of input fields; 0: all, in file order
. in    - their names in /input
. nout  - number of output fields; 0: all, in file order
- out   - their names in /output

  Options Database Keys:
+ -data_input NAME,...  - the same
- -data_output NAME,... - the same

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative number of fields

  Level: intermediate
.seealso: `NomosDataGetChannels()`
@*/
PetscErrorCode NomosDataSetFields(NomosData data, PetscInt nin, const char *const in[], PetscInt nout, const char *const out[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  PetscCheck(nin >= 0 && nin <= NOMOS_MAX_FIELDS && nout >= 0 && nout <= NOMOS_MAX_FIELDS, PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " input and %" PetscInt_FMT " output fields, expected 0..%d; see -data_input, -data_output", nin, nout, NOMOS_MAX_FIELDS);
  PetscCall(NomosDataReset(data));
  PetscCall(CopyStrings(nin, in, &data->nnames[0], &data->names[0]));
  PetscCall(CopyStrings(nout, out, &data->nnames[1], &data->names[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataSetRange - the part of the samples that is used

  Logically Collective

  Input Parameters:
+ data    - the collection
. first   - first sample, counted over all files
- samples - how many; PETSC_DETERMINE: all from there

  Options Database Keys:
+ -data_first   - the same (default 0)
- -data_samples - the same (default all)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative first sample or no samples

  Level: intermediate
.seealso: `NomosDataGetSize()`
@*/
PetscErrorCode NomosDataSetRange(NomosData data, PetscInt first, PetscInt samples)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  PetscCheck(first >= 0, PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "first sample %" PetscInt_FMT ", expected 0 or more; see -data_first", first);
  PetscCheck(samples == PETSC_DETERMINE || samples > 0, PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " samples, expected 1 or more, or all; see -data_samples", samples);
  PetscCall(NomosDataReset(data));
  data->first  = first;
  data->wanted = samples;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataSetTime - what is taken from an output with a time axis

  Logically Collective

  Input Parameters:
+ data - the collection
- all  - PETSC_FALSE (default): the last time level; PETSC_TRUE: all of them, as channels [channel][time]

  Options Database Key:
. -data_time last|all - the same

  Note: an input with a time axis always gives all its levels as channels.

  Level: intermediate
.seealso: `NomosDataGetChannels()`
@*/
PetscErrorCode NomosDataSetTime(NomosData data, PetscBool all)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  PetscCall(NomosDataReset(data));
  data->all_frames = all;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataSetCache - data of up to so many bytes (as doubles) are kept in memory on every rank, larger ones are read by sample

  Logically Collective

  Input Parameters:
+ data  - the collection
- bytes - the limit, 0: never kept

  Options Database Key:
. -data_cache - the same, in bytes or with k, m, g (default 1g)

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0

  Level: intermediate
.seealso: `NomosDataGetSamples()`
@*/
PetscErrorCode NomosDataSetCache(NomosData data, PetscInt64 bytes)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  PetscCheck(bytes >= 0, PetscObjectComm((PetscObject)data), PETSC_ERR_ARG_OUTOFRANGE, "a cache of %" PetscInt64_FMT " bytes, expected 0 or more; see -data_cache", bytes);
  PetscCall(NomosDataReset(data));
  data->cache = bytes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataSetAllowNaN - takes files that hold NaN or Inf, which are refused otherwise

  Logically Collective

  Input Parameters:
+ data  - the collection
- allow - PETSC_FALSE by default

  Options Database Key:
. -data_allow_nan - the same

  Level: advanced
.seealso: `NomosDataSetUp()`
@*/
PetscErrorCode NomosDataSetAllowNaN(NomosData data, PetscBool allow)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  PetscCall(NomosDataReset(data));
  data->allow_nan = allow;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* "512", "64k", "1g" */
static PetscErrorCode ParseBytes(MPI_Comm comm, const char text[], PetscInt64 *bytes)
{
  char  *end;
  double v = strtod(text, &end);

  PetscFunctionBegin;
  if (*end == 'k' || *end == 'K') v *= 1024, end++;
  else if (*end == 'm' || *end == 'M') v *= 1024 * 1024, end++;
  else if (*end == 'g' || *end == 'G') v *= 1024. * 1024 * 1024, end++;
  PetscCheck(end != text && !*end && v >= 0 && v < 9e18, comm, PETSC_ERR_ARG_OUTOFRANGE, "-data_cache is '%s', expected bytes, or a number with k, m or g, for example 1g", text);
  *bytes = (PetscInt64)v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* "all" or a number above 0 */
static PetscErrorCode ParseSamples(MPI_Comm comm, const char text[], PetscInt *samples)
{
  char     *end;
  long long v = strtoll(text, &end, 10);

  PetscFunctionBegin;
  *samples = PETSC_DETERMINE;
  if (!strcmp(text, "all")) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(end != text && !*end && v > 0 && v <= PETSC_MAX_INT, comm, PETSC_ERR_ARG_OUTOFRANGE, "-data_samples is '%s', expected all or a number above 0", text);
  *samples = (PetscInt)v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosDataSetFromOptions - takes the settings of a collection from the options database

  Collective

  Input Parameter:
. data - the collection

  Options Database Keys:
+ -data FILE,...        - files to read, where none was set
. -data_input NAME,...  - input fields (default: all)
. -data_output NAME,... - output fields (default: all)
. -data_first N         - first sample (default 0)
. -data_samples N       - how many (default all)
. -data_time last|all   - time levels of an output (default last)
. -data_cache BYTES     - kept in memory up to this size (default 1g)
- -data_allow_nan       - take files that hold NaN or Inf (default no)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for lists that are too long and numbers that are none

  Level: beginner
.seealso: `NomosDataSetFiles()`, `NomosDataSetUp()`
@*/
PetscErrorCode NomosDataSetFromOptions(NomosData data)
{
  char     *files[NOMOS_MAX_FILES + 1], *in[NOMOS_MAX_FIELDS + 1], *out[NOMOS_MAX_FIELDS + 1], cache[64] = "1g", samples[64] = "all";
  PetscInt  nfiles = NOMOS_MAX_FILES + 1, nin = NOMOS_MAX_FIELDS + 1, nout = NOMOS_MAX_FIELDS + 1, first, wanted, time;
  PetscBool has_files = PETSC_FALSE, has_in, has_out, has_first, has_samples, has_time, has_cache, has_nan, nan;
  MPI_Comm  comm;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  comm   = PetscObjectComm((PetscObject)data);
  first  = data->first;
  wanted = data->wanted;
  time   = data->all_frames;
  nan    = data->allow_nan;
  PetscObjectOptionsBegin((PetscObject)data);
  if (!data->nfiles) PetscCall(PetscOptionsStringArray("-data", "Files to read (nomos-dataset/1), comma separated", "NomosDataSetFiles", files, &nfiles, &has_files));
  PetscCall(PetscOptionsStringArray("-data_input", "Input fields, comma separated (default: all, in file order)", "NomosDataSetFields", in, &nin, &has_in));
  PetscCall(PetscOptionsStringArray("-data_output", "Output fields, comma separated (default: all, in file order)", "NomosDataSetFields", out, &nout, &has_out));
  PetscCall(PetscOptionsBoundedInt("-data_first", "First sample, counted over all files, not negative", "NomosDataSetRange", first, &first, &has_first, 0));
  PetscCall(PetscOptionsString("-data_samples", "How many samples: all, or a number above 0", "NomosDataSetRange", samples, samples, sizeof(samples), &has_samples));
  PetscCall(PetscOptionsEList("-data_time", "Output with a time axis: its last level, or all as channels", "NomosDataSetTime", NomosDataTimes, 2, NomosDataTimes[time], &time, &has_time));
  PetscCall(PetscOptionsString("-data_cache", "Data up to this size stay in memory: bytes, or a number with k, m, g", "NomosDataSetCache", cache, cache, sizeof(cache), &has_cache));
  PetscCall(PetscOptionsBool("-data_allow_nan", "Take files that hold NaN or Inf", "NomosDataSetAllowNaN", nan, &nan, &has_nan));
  PetscOptionsEnd();
  PetscCheck(!has_files || nfiles <= NOMOS_MAX_FILES, comm, PETSC_ERR_ARG_OUTOFRANGE, "-data has more than %d files; put more samples into one file", NOMOS_MAX_FILES);
  PetscCheck((!has_in || nin <= NOMOS_MAX_FIELDS) && (!has_out || nout <= NOMOS_MAX_FIELDS), comm, PETSC_ERR_ARG_OUTOFRANGE, "-data_input or -data_output has more than %d fields", NOMOS_MAX_FIELDS);
  if (has_files) PetscCall(NomosDataSetFiles(data, nfiles, (const char *const *)files));
  for (PetscInt i = 0; has_files && i < nfiles; i++) PetscCall(PetscFree(files[i]));
  if (has_in) PetscCall(CopyStrings(nin, (const char *const *)in, &data->nnames[0], &data->names[0]));
  if (has_out) PetscCall(CopyStrings(nout, (const char *const *)out, &data->nnames[1], &data->names[1]));
  for (PetscInt i = 0; has_in && i < nin; i++) PetscCall(PetscFree(in[i]));
  for (PetscInt i = 0; has_out && i < nout; i++) PetscCall(PetscFree(out[i]));
  if (has_samples) PetscCall(ParseSamples(comm, samples, &wanted));
  if (has_first || has_samples) PetscCall(NomosDataSetRange(data, first, wanted));
  if (has_time) PetscCall(NomosDataSetTime(data, time ? PETSC_TRUE : PETSC_FALSE));
  if (has_cache) {
    PetscInt64 bytes;

    PetscCall(ParseBytes(comm, cache, &bytes));
    PetscCall(NomosDataSetCache(data, bytes));
  }
  if (has_nan) PetscCall(NomosDataSetAllowNaN(data, nan));
  if (has_in || has_out) PetscCall(NomosDataReset(data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosDataGetFileName - the files behind a collection, joined by commas

  Not Collective

  Input Parameter:
. data - the collection

  Output Parameter:
. name - belonging to the collection; "" if no file was set

  Level: intermediate
.seealso: `NomosDataSetFiles()`
@*/
PetscErrorCode NomosDataGetFileName(NomosData data, const char *name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  *name = data->filenames ? data->filenames : "";
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewFields(NomosData data, int side, PetscViewer viewer)
{
  PetscFunctionBegin;
  for (int i = 0; i < data->ds.nfields[side]; i++) {
    const NomosField *f = &data->ds.field[side][i];

    PetscCall(PetscViewerASCIIPrintf(viewer, "%s: %s, %" PetscInt64_FMT " channels", NomosSides[side], f->name, (PetscInt64)f->channels));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
    if (f->frames) PetscCall(PetscViewerASCIIPrintf(viewer, ", %" PetscInt64_FMT " time levels (%s)", (PetscInt64)f->frames, side == 0 || data->all_frames ? "all" : "last"));
    PetscCall(PetscViewerASCIIPrintf(viewer, "\n"));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosDataView - prints what a collection holds

  Collective

  Input Parameters:
+ data   - the collection
- viewer - an ASCII viewer, NULL: standard output

  Level: beginner
.seealso: `NomosDataSetUp()`
@*/
PetscErrorCode NomosDataView(NomosData data, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)data), &viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectPrintClassNamePrefixType((PetscObject)data, viewer));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "files: %s\n", data->filenames ? data->filenames : "none"));
  if (data->setup) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "samples: %" PetscInt_FMT " of %" PetscInt64_FMT ", from %" PetscInt_FMT "\n", data->samples, (PetscInt64)data->ds.samples, data->first));
    for (int i = 0; i < data->ds.dim; i++) PetscCall(PetscViewerASCIIPrintf(viewer, "axis %d: %" PetscInt64_FMT " points, length %g, offset %g, %s\n", i, (PetscInt64)data->ds.n[i], data->ds.length[i], data->ds.offset[i], data->ds.periodic[i] ? "periodic" : "bounded"));
    for (int s = 0; s < 2; s++) PetscCall(ViewFields(data, s, viewer));
    PetscCall(PetscViewerASCIIPrintf(viewer, "%s, %d of %d fields carried a sum\n", data->resident ? "kept in memory" : "read by sample", data->ds.sums, data->ds.nfields[0] + data->ds.nfields[1]));
  }
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}
