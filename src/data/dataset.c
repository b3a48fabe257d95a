/*
  dataset.c - the schema nomos-dataset/1: samples of fields on a grid.

    /             @schema = "nomos-dataset/1"   @axes = "z,y,x", "y,x" or "x" (slowest to fastest)
                  @problem @seed @generator @real @created @nomos_version       optional
    /grid         @type = "uniform"   n int[d]   L float[d]   offset float[d]   periodic int[d]      optional, in @axes order
    /time         float[T], strictly increasing                                  absent for steady problems
    /input/NAME   float[S][C][t?][z][y][x]   @time_axis 0|1                      at least one
    /output/NAME  the same                                                       absent where there is nothing to learn from
    /norm/NAME    mean float[C], std float[C] > 0                                optional
    /split        train, valid, test: integer lists, disjoint, in [0,S)          optional
    @nomos_sum on any dataset is verified.

  Needed: schema, axes, one input. Other attributes and groups are ignored. Calls neither PETSc nor MPI.
*/
#include "data.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "nomos-dataset/1"

const char *const NomosSplitNames[3] = {"train", "valid", "test"};
const char *const NomosSides[2]      = {"input", "output"};

/* ---- header ---------------------------------------------------------------------------------------------------- */
static int ReadHeader(NomosH5 h, NomosDataset *d, NomosWhy *why)
{
  static const char *const axes[3] = {"x", "y,x", "z,y,x"};
  char                     text[256];
  NomosWhy                 ignore = {0, ""};

  if (!NomosH5HasAttribute(h, "/", "schema"))
    return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' is an HDF5 file without the root attribute 'schema'; a data set has schema = \"" SCHEMA "\" (docs/files.md shows ten lines of h5py that write it)", NomosH5GetPath(h));
  if (NomosH5GetString(h, "/", "schema", text, sizeof(text), why)) return why->code;
  if (strcmp(text, SCHEMA)) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has the schema '%s', expected '" SCHEMA "'%s", NomosH5GetPath(h), text, strncmp(text, "nomos-dataset/", 14) ? "; give a data set" : "; it was written by another version of the format");
  if (!NomosH5HasAttribute(h, "/", "axes")) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has no root attribute 'axes', expected \"x\", \"y,x\" or \"z,y,x\" (slowest first); set it, in Python with f.attrs[\"axes\"] = \"y,x\"", NomosH5GetPath(h));
  if (NomosH5GetString(h, "/", "axes", text, sizeof(text), why)) return why->code;
  d->dim = 0;
  for (int i = 0; i < 3; i++)
    if (!strcmp(text, axes[i])) d->dim = i + 1;
  if (!d->dim) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': attribute 'axes' is '%s', expected \"x\", \"y,x\" or \"z,y,x\" (slowest first); transpose the fields if they are stored otherwise", NomosH5GetPath(h), text);
  if (NomosH5HasAttribute(h, "/", "problem") && NomosH5GetString(h, "/", "problem", d->problem, sizeof(d->problem), &ignore)) d->problem[0] = 0;
  return 0;
}

/* A vector of one number per axis; left as it is where the file has none. */
static int ReadPerAxis(NomosH5 h, const NomosDataset *d, const char path[], int integer, void *values, NomosWhy *why)
{
  NomosH5Info info;

  if (!NomosH5Has(h, path)) return 0;
  if (NomosH5GetInfo(h, path, &info, why)) return why->code;
  if (info.rank != 1 || info.shape[0] != d->dim || (integer && info.kind == 'f'))
    return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %d axes and %lld entries, expected %d %s, one per axis of 'axes'", NomosH5GetPath(h), path, info.rank, (long long)info.count, d->dim, integer ? "integers" : "numbers");
  return integer ? NomosH5ReadIntegers(h, path, (int64_t *)values, why) : NomosH5Read(h, path, NULL, NULL, (double *)values, why);
}

static int ReadGrid(NomosH5 h, NomosDataset *d, NomosWhy *why)
{
  int64_t periodic[3] = {0, 0, 0};
  char    type[64];

  for (int i = 0; i < 3; i++) {
    d->n[i]      = i < d->dim ? 0 : 1;
    d->length[i] = 1;
    d->offset[i] = 0;
  }
  if (!NomosH5Has(h, "/grid")) return 0;
  if (NomosH5HasAttribute(h, "/grid", "type")) {
    if (NomosH5GetString(h, "/grid", "type", type, sizeof(type), why)) return why->code;
    if (strcmp(type, "uniform")) return NomosWhySet(why, PETSC_ERR_SUP, "'%s': the grid is of type '%s'; this version reads 'uniform' grids only", NomosH5GetPath(h), type);
  }
  if (ReadPerAxis(h, d, "/grid/n", 1, d->n, why) || ReadPerAxis(h, d, "/grid/L", 0, d->length, why) || ReadPerAxis(h, d, "/grid/offset", 0, d->offset, why) || ReadPerAxis(h, d, "/grid/periodic", 1, periodic, why)) return why->code;
  for (int i = 0; i < d->dim; i++) {
    if (!(d->length[i] > 0 && d->length[i] < 1e300) || !(d->offset[i] > -1e300 && d->offset[i] < 1e300) || (periodic[i] != 0 && periodic[i] != 1))
      return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': axis %d of the grid has L %g, offset %g, periodic %lld; expected L > 0, a finite offset, periodic 0 or 1; mend /grid or leave it out", NomosH5GetPath(h), i, d->length[i], d->offset[i], (long long)periodic[i]);
    d->periodic[i] = (int)periodic[i];
  }
  return 0;
}

static int ReadTime(NomosH5 h, NomosDataset *d, NomosWhy *why)
{
  NomosH5Info info;
  double     *t;
  int64_t     bad = -1, nonfinite = 0;

  d->frames = 0;
  if (!NomosH5Has(h, "/time")) return 0;
  if (NomosH5GetInfo(h, "/time", &info, why)) return why->code;
  if (info.rank != 1 || info.kind != 'f' || info.count > 1000000) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '/time' has %d axes and %lld entries, expected a list of at most 1000000 floats", NomosH5GetPath(h), info.rank, (long long)info.count);
  if (NomosH5Scan(h, "/time", &nonfinite, why)) return why->code;
  if (!(t = (double *)malloc((size_t)info.count * sizeof(*t)))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory for %lld time levels", (long long)info.count);
  if (!NomosH5Read(h, "/time", NULL, NULL, t, why))
    for (int64_t i = 1; i < info.count && bad < 0; i++)
      if (!(t[i] > t[i - 1])) bad = i;
  free(t);
  if (nonfinite || bad >= 0) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '/time' does not increase strictly or is not finite (entry %lld), expected finite numbers, each above the one before; mend the file", NomosH5GetPath(h), (long long)(bad < 0 ? 0 : bad));
  d->frames = info.count;
  return why->code;
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */
static void FieldPath(const NomosDataset *d, int side, int field, char path[NOMOS_MAX_NAME])
{
  snprintf(path, NOMOS_MAX_NAME, "/%s/%s", NomosSides[side], d->field[side][field].name);
}

static int ReadFieldShape(NomosH5 h, NomosDataset *d, int side, int field, NomosWhy *why)
{
  NomosField  *f = &d->field[side][field];
  NomosH5Info  info;
  int64_t      time_axis = 0;
  char         path[NOMOS_MAX_NAME];
  int          first;

  FieldPath(d, side, field, path);
  if (NomosH5GetInfo(h, path, &info, why)) return why->code;
  if (NomosH5HasAttribute(h, path, "time_axis") && NomosH5GetNumber(h, path, "time_axis", 1, &time_axis, why)) return why->code;
  if (time_axis != 0 && time_axis != 1) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': attribute 'time_axis' of '%s' is %lld, expected 0 or 1", NomosH5GetPath(h), path, (long long)time_axis);
  if (info.kind != 'f') return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' holds integers, expected float32 or float64; convert it, in Python with .astype('f4')", NomosH5GetPath(h), path);
  first = 2 + (int)time_axis;
  if (info.rank != first + d->dim)
    return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %d axes, expected %d: [sample][channel]%s and the %d of 'axes'%s", NomosH5GetPath(h), path, info.rank, first + d->dim, time_axis ? "[time]" : "", d->dim, info.rank + 1 == first + d->dim ? "; add the channel axis, in Python with a[:, None]" : "");
  f->channels = info.shape[1];
  f->frames   = time_axis ? info.shape[2] : 0;
  d->sums += info.has_sum;
  if (f->frames && f->frames != d->frames) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %lld time levels, expected the %lld of '/time'; mend the one that is wrong", NomosH5GetPath(h), path, (long long)f->frames, (long long)d->frames);
  if (!d->samples) d->samples = info.shape[0];
  if (d->samples != info.shape[0]) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %lld samples, expected %lld as in the fields before it; write all fields of a file with the same samples", NomosH5GetPath(h), path, (long long)info.shape[0], (long long)d->samples);
  for (int i = 0; i < d->dim; i++) {
    if (!d->n[i]) d->n[i] = info.shape[first + i];
    if (d->n[i] != info.shape[first + i]) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %lld points on grid axis %d, expected %lld ('/grid/n' or the fields before it); all fields of a file share one grid", NomosH5GetPath(h), path, (long long)info.shape[first + i], i, (long long)d->n[i]);
  }
  return 0;
}

static int ReadSide(NomosH5 h, NomosDataset *d, int side, NomosWhy *why)
{
  char names[NOMOS_MAX_FIELDS][NOMOS_MAX_NAME], group[16];

  snprintf(group, sizeof(group), "/%s", NomosSides[side]);
  if (side && !NomosH5Has(h, group)) return 0;
  if (!side && !NomosH5Has(h, group)) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has no group '/input', expected at least one field there, [sample][channel] and the axes; add it, in Python with f[\"input/a\"] = a", NomosH5GetPath(h));
  if (NomosH5List(h, group, NOMOS_MAX_FIELDS, &d->nfields[side], names, why)) return why->code;
  if (!side && !d->nfields[0]) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' holds no field in '/input', expected at least one; add it, in Python with f[\"input/a\"] = a", NomosH5GetPath(h));
  for (int i = 0; i < d->nfields[side]; i++) {
    if (strlen(names[i]) >= NOMOS_MAX_FIELD_NAME) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the name '%s' is longer than %d characters", NomosH5GetPath(h), names[i], NOMOS_MAX_FIELD_NAME - 1);
    strcpy(d->field[side][i].name, names[i]);
    if (ReadFieldShape(h, d, side, i, why)) return why->code;
  }
  return 0;
}

/* ---- norm and split -------------------------------------------------------------------------------------------- */
static int CheckNorm(NomosH5 h, const NomosDataset *d, int side, int field, NomosWhy *why)
{
  const NomosField *f = &d->field[side][field];
  NomosH5Info       info;
  char              path[2 * NOMOS_MAX_NAME];

  for (int k = 0; k < 2; k++) {
    int64_t nonfinite;
    double *v;

    snprintf(path, sizeof(path), "/norm/%s/%s", f->name, k ? "std" : "mean");
    if (!NomosH5Has(h, path)) continue;
    if (NomosH5GetInfo(h, path, &info, why) || NomosH5Scan(h, path, &nonfinite, why)) return why->code;
    if (info.rank != 1 || info.shape[0] != f->channels || info.kind != 'f' || nonfinite) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %d axes, %lld entries, %lld of them not finite; expected %lld finite floats, one per channel", NomosH5GetPath(h), path, info.rank, (long long)info.count, (long long)nonfinite, (long long)f->channels);
    if (!(v = (double *)malloc((size_t)info.count * sizeof(*v)))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory for '%s'", path);
    if (!NomosH5Read(h, path, NULL, NULL, v, why))
      for (int64_t i = 0; k && i < info.count; i++)
        if (!(v[i] > 0)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' is %g for channel %lld, expected a number above 0", NomosH5GetPath(h), path, v[i], (long long)i);
    free(v);
    if (why->code) return why->code;
  }
  return 0;
}

int NomosDatasetReadSplit(NomosH5 h, const NomosDataset *d, int which, int64_t list[], NomosWhy *why)
{
  char path[32];

  snprintf(path, sizeof(path), "/split/%s", NomosSplitNames[which]);
  return NomosH5ReadIntegers(h, path, list, why);
}

/* Lists lie in [0,S) and are disjoint, also each in itself. */
static int ReadSplits(NomosH5 h, NomosDataset *d, NomosWhy *why)
{
  unsigned char *seen = NULL;
  int64_t       *list = NULL;

  for (int w = 0; w < 3; w++) {
    NomosH5Info info;
    char        path[32];

    d->nsplit[w] = -1;
    snprintf(path, sizeof(path), "/split/%s", NomosSplitNames[w]);
    if (!NomosH5Has(h, path)) continue;
    if (NomosH5GetInfo(h, path, &info, why)) break;
    if (info.rank != 1 || info.kind == 'f' || info.count > d->samples) {
      NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %d axes and %lld entries, expected a list of at most %lld integers", NomosH5GetPath(h), path, info.rank, (long long)info.count, (long long)d->samples);
      break;
    }
    d->nsplit[w] = info.count;
    if (!seen) seen = (unsigned char *)calloc((size_t)d->samples, 1);
    list = (int64_t *)malloc((size_t)info.count * sizeof(*list));
    if (!seen || !list) NomosWhySet(why, PETSC_ERR_MEM, "no memory for the split lists of '%s'", NomosH5GetPath(h));
    else if (!NomosDatasetReadSplit(h, d, w, list, why))
      for (int64_t i = 0; i < info.count && !why->code; i++) {
        if (list[i] < 0 || list[i] >= d->samples || seen[list[i]]) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' names sample %lld, which is %s; expected each of 0..%lld at most once over all lists", NomosH5GetPath(h), path, (long long)list[i], list[i] < 0 || list[i] >= d->samples ? "not in the file" : "named before", (long long)d->samples - 1);
        else seen[list[i]] = 1;
      }
    free(list);
    if (why->code) break;
  }
  free(seen);
  return why->code;
}

/* ---- the three doors ------------------------------------------------------------------------------------------- */
int NomosDatasetOpen(const char path[], NomosH5 *h, NomosDataset *d, NomosWhy *why)
{
  memset(d, 0, sizeof(*d));
  if (NomosH5Open(path, h, why)) return why->code;
  if (!ReadHeader(*h, d, why) && !ReadGrid(*h, d, why) && !ReadTime(*h, d, why) && !ReadSide(*h, d, 0, why) && !ReadSide(*h, d, 1, why) && !ReadSplits(*h, d, why))
    for (int s = 0; s < 2; s++)
      for (int i = 0; i < d->nfields[s] && !why->code; i++) CheckNorm(*h, d, s, i, why);
  if (why->code) NomosH5Close(h);
  return why->code;
}

int NomosDatasetScan(NomosH5 h, const NomosDataset *d, int allow_nan, NomosWhy *why)
{
  for (int s = 0; s < 2; s++) {
    for (int i = 0; i < d->nfields[s]; i++) {
      int64_t nonfinite;
      char    path[NOMOS_MAX_NAME];

      FieldPath(d, s, i, path);
      if (NomosH5Scan(h, path, &nonfinite, why)) return why->code;
      if (nonfinite && !allow_nan) return NomosWhySet(why, PETSC_ERR_FP, "'%s': %lld values of '%s' are NaN or Inf, expected numbers; mend the file, or take them with -data_allow_nan", NomosH5GetPath(h), (long long)nonfinite, path);
    }
  }
  return 0;
}

/* values[n][channels (x frames)][grid]; without all_frames only the last time level */
int NomosDatasetReadField(NomosH5 h, const NomosDataset *d, int side, int field, int all_frames, int64_t first, int64_t n, double values[], NomosWhy *why)
{
  const NomosField *f = &d->field[side][field];
  int64_t           start[NOMOS_MAX_RANK] = {0}, count[NOMOS_MAX_RANK] = {0};
  char              path[NOMOS_MAX_NAME];
  int               k = 2;

  FieldPath(d, side, field, path);
  start[0] = first;
  count[0] = n;
  count[1] = f->channels;
  if (f->frames) {
    start[k]   = all_frames ? 0 : f->frames - 1;
    count[k++] = all_frames ? f->frames : 1;
  }
  for (int i = 0; i < d->dim; i++) count[k++] = d->n[i];
  return NomosH5Read(h, path, start, count, values, why);
}
