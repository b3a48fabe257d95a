/*
  write.c - writing nomos-dataset/1 (schema: dataset.c), on one rank.

  A data set may not fit into memory, so HDF5 writes the file itself, but never where space can run out: the predicted size is
  reserved beforehand (HDF5 1.10.8 reports success on a full disk, and crashes at exit after a failed write). The file is made
  as PATH.part; closing reads it back through the guards of hdf5.c, verifies every sum, and only then renames it.
  Chunks: one sample each, at most 64 MiB. Calls neither PETSc nor MPI.
*/
#include "h5.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_CHUNK   ((int64_t)64 << 20)

struct _n_NomosWriter {
  hid_t          file;
  char          *path, *part;
  NomosDataset   ds;
  int            single;
  hid_t          field[2][NOMOS_MAX_FIELDS];
  uint64_t       sum[2][NOMOS_MAX_FIELDS];
  unsigned char *have[2]; /* per side, samples already written */
  void          *buffer;
  int64_t        points, most; /* most: channels of the widest field */
  void (*xfsz)(int);
};

/* Space for so many bytes, or the reason why not. */
static int Reserve(const char part[], const char path[], int create, uint64_t bytes, NomosWhy *why)
{
  const int fd  = open(part, create ? O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0666);
  int       err = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)bytes);

  if (fd >= 0) close(fd);
  if (err && fd >= 0) unlink(part);
  if (err) return NomosWhySet(why, PETSC_ERR_FILE_WRITE, "cannot write '%s' (%llu bytes are needed): %s; choose another place with -o, or free space", path, (unsigned long long)bytes, strerror(err));
  return 0;
}

static int PutVector(hid_t group, const char name[], hid_t filetype, hid_t memtype, int n, const void *values, uint64_t sum)
{
  hsize_t dim   = (hsize_t)n;
  hid_t   space = H5Screate_simple(1, &dim, NULL), d = H5Dcreate2(group, name, filetype, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  int     err   = d < 0 || H5Dwrite(d, memtype, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0 || NomosH5PutAttribute(d, "nomos_sum", H5T_STD_U64LE, &sum);

  if (d >= 0) H5Dclose(d);
  H5Sclose(space);
  return err;
}

/* ---- begin ----------------------------------------------------------------------------------------------------- */
static int PutHeader(NomosWriter w)
{
  static const char *const axes[3] = {"x", "y,x", "z,y,x"};
  const NomosDataset      *d       = &w->ds;
  unsigned char            periodic[3];
  char                     now[32];
  time_t                   t = time(NULL);
  struct tm                tm;
  hid_t                    grid;
  int                      err;

  gmtime_r(&t, &tm);
  strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &tm);
  err = NomosH5PutString(w->file, "schema", "nomos-dataset/1") || NomosH5PutString(w->file, "axes", axes[d->dim - 1]) || NomosH5PutString(w->file, "created", now) || NomosH5PutString(w->file, "real", w->single ? "float32" : "float64") || (d->problem[0] && NomosH5PutString(w->file, "problem", d->problem));
  grid = H5Gcreate2(w->file, "grid", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  for (int i = 0; i < 3; i++) periodic[i] = (unsigned char)d->periodic[i];
  err = err || grid < 0 || NomosH5PutString(grid, "type", "uniform") || PutVector(grid, "n", H5T_STD_I64LE, H5T_NATIVE_INT64, d->dim, d->n, NomosSum(d->n, 8, 0, d->dim)) || PutVector(grid, "L", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, d->dim, d->length, NomosSum(d->length, 8, 0, d->dim)) || PutVector(grid, "offset", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, d->dim, d->offset, NomosSum(d->offset, 8, 0, d->dim)) || PutVector(grid, "periodic", H5T_STD_U8LE, H5T_NATIVE_UINT8, d->dim, periodic, NomosSum(periodic, 1, 0, d->dim));
  if (grid >= 0) H5Gclose(grid);
  return err;
}

/* Chunks of one sample; a sample above 64 MiB is cut along its slowest axes. */
static hid_t MakeField(NomosWriter w, hid_t group, const NomosField *f)
{
  hsize_t dims[5], chunk[5];
  hid_t   space, dcpl, d;
  int     rank  = 0;
  int64_t bytes = w->single ? 4 : 8;

  dims[rank++] = (hsize_t)w->ds.samples;
  dims[rank++] = (hsize_t)f->channels;
  for (int i = 0; i < w->ds.dim; i++) dims[rank++] = (hsize_t)w->ds.n[i];
  memcpy(chunk, dims, sizeof(dims));
  chunk[0] = 1;
  for (int i = 1; i < rank; i++) bytes *= (int64_t)chunk[i];
  for (int i = 1; i < rank && bytes > MAX_CHUNK; i++) {
    bytes /= (int64_t)chunk[i];
    chunk[i] = 1;
  }
  space = H5Screate_simple(rank, dims, NULL);
  dcpl  = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(dcpl, rank, chunk);
  H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER);
  H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_EARLY); /* the chunk index is on disk before the first value */
  d = H5Dcreate2(group, f->name, w->single ? H5T_IEEE_F32LE : H5T_IEEE_F64LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
  H5Pclose(dcpl);
  H5Sclose(space);
  return d;
}

static int MakeFields(NomosWriter w)
{
  for (int s = 0; s < 2; s++) {
    hid_t gcpl, group;
    int   err = 0;

    if (!w->ds.nfields[s]) continue;
    gcpl = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_link_creation_order(gcpl, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED); /* readers stack fields in this order */
    group = H5Gcreate2(w->file, NomosSides[s], H5P_DEFAULT, gcpl, H5P_DEFAULT);
    H5Pclose(gcpl);
    if (group < 0) return 1;
    for (int i = 0; i < w->ds.nfields[s] && !err; i++) err = (w->field[s][i] = MakeField(w, group, &w->ds.field[s][i])) < 0;
    H5Gclose(group);
    if (err) return 1;
  }
  return 0;
}

static int CheckRequest(const char path[], const NomosDataset *d, NomosWhy *why)
{
  int64_t count;

  if (!path[0]) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "no file name to write to; give one with -o");
  if (d->dim < 1 || d->dim > 3 || NomosShapeCount(d->dim, d->n, &count)) return NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "a grid of %d axes with %lld x %lld x %lld points cannot be written; expected 1 to 3 axes with at least one point each", d->dim, (long long)d->n[0], (long long)d->n[1], (long long)d->n[2]);
  if (d->samples < 1 || d->nfields[0] < 1) return NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "%lld samples of %d input fields cannot be written; expected at least one of each", (long long)d->samples, d->nfields[0]);
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < d->nfields[s]; i++) {
      if (!NomosCheckName(d->field[s][i].name)) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "'%s' cannot name a field; letters, digits, '_', '.' and '-' can", d->field[s][i].name);
      if (d->field[s][i].channels < 1) return NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "field '%s' has %lld channels, expected at least one", d->field[s][i].name, (long long)d->field[s][i].channels);
      for (int k = 0; k < i; k++)
        if (!strcmp(d->field[s][i].name, d->field[s][k].name)) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "two fields are named '%s'", d->field[s][i].name);
    }
  return 0;
}

static uint64_t PredictBytes(NomosWriter w)
{
  uint64_t bytes = 1 << 17; /* headers, grid, attributes */

  for (int s = 0; s < 2; s++)
    for (int i = 0; i < w->ds.nfields[s]; i++) bytes += (uint64_t)w->ds.samples * (64 + (uint64_t)w->ds.field[s][i].channels * (uint64_t)w->points * (w->single ? 4 : 8)); /* 64: a chunk's place in the index */
  return bytes;
}

static void Discard(NomosWriter *writer)
{
  NomosWriter w = *writer;

  for (int s = 0; s < 2; s++) {
    for (int i = 0; i < NOMOS_MAX_FIELDS; i++)
      if (w->field[s][i] > 0) H5Dclose(w->field[s][i]);
    free(w->have[s]);
  }
  if (w->file > 0) H5Fclose(w->file);
  if (w->part) unlink(w->part);
  signal(SIGXFSZ, w->xfsz);
  free(w->path);
  free(w->part);
  free(w->buffer);
  free(w);
  *writer = NULL;
}

static int OpenPart(NomosWriter w, NomosWhy *why)
{
  const uint64_t bytes = PredictBytes(w);
  hid_t          fapl;

  if (Reserve(w->part, w->path, 1, bytes, why)) return why->code; /* before HDF5 touches the disk */
  fapl = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_sec2(fapl);
  H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_LATEST); /* object headers with checksums */
  w->file = H5Fcreate(w->part, H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
  H5Pclose(fapl);
  if (w->file < 0) return NomosWhySet(why, PETSC_ERR_FILE_WRITE, "HDF5 cannot create '%s'; on file systems without locks set HDF5_USE_FILE_LOCKING=FALSE", w->part);
  if (Reserve(w->part, w->path, 0, bytes, why)) return why->code; /* creating the file has cut it to nothing */
  if (PutHeader(w) || MakeFields(w)) return NomosWhySet(why, PETSC_ERR_FILE_WRITE, "HDF5 cannot write the header of '%s'", w->part);
  return 0;
}

int NomosWriterOpen(const char path[], const NomosDataset *d, int single, NomosWriter *writer, NomosWhy *why)
{
  NomosWriter w;
  NomosHushed hushed;
  int         ok;

  *writer = NULL;
  if (CheckRequest(path, d, why)) return why->code;
  if (!(w = (NomosWriter)calloc(1, sizeof(*w)))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory to write '%s'", path);
  w->ds     = *d;
  w->single = single;
  w->points = 1;
  w->xfsz   = signal(SIGXFSZ, SIG_IGN); /* a size limit is an error like a full disk, not the end of the program */
  for (int i = 0; i < d->dim; i++) w->points *= d->n[i];
  for (int s = 0; s < 2; s++) {
    for (int i = 0; i < d->nfields[s]; i++) w->most = d->field[s][i].channels > w->most ? d->field[s][i].channels : w->most;
    w->have[s] = (unsigned char *)calloc((size_t)d->samples, 1);
  }
  w->path   = strdup(path);
  w->part   = (char *)malloc(strlen(path) + 6);
  w->buffer = malloc((size_t)(w->most * w->points) * 8);
  ok        = w->path && w->part && w->buffer && w->have[0] && w->have[1];
  if (ok) sprintf(w->part, "%s.part", path);
  hushed = NomosHush();
  if (!ok) NomosWhySet(why, PETSC_ERR_MEM, "no memory to write '%s'", path);
  else OpenPart(w, why);
  if (why->code) Discard(&w);
  NomosUnhush(hushed);
  *writer = w;
  return why->code;
}

/* @seed is a number, everything else text. */
int NomosWriterSetAttribute(NomosWriter w, const char name[], const char value[], NomosWhy *why)
{
  char       *end;
  long long   number = strtoll(value, &end, 10);
  NomosHushed hushed;
  int         err;

  if (!NomosCheckName(name)) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "'%s' cannot name an attribute; letters, digits, '_', '.' and '-' can", name);
  if (strlen(value) > 32768) return NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "attribute '%s' has %zu characters, expected at most 32768", name, strlen(value));
  if (!strcmp(name, "schema") || !strcmp(name, "axes")) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "attribute '%s' belongs to the format and cannot be set", name);
  hushed = NomosHush();
  if (!strcmp(name, "seed") && end != value && !*end) {
    int64_t seed = number;

    err = NomosH5PutAttribute(w->file, name, H5T_STD_I64LE, &seed);
  } else err = NomosH5PutString(w->file, name, value);
  NomosUnhush(hushed);
  return err ? NomosWhySet(why, PETSC_ERR_FILE_WRITE, "HDF5 cannot write attribute '%s' of '%s'", name, w->part) : 0;
}

/* ---- samples --------------------------------------------------------------------------------------------------- */
static int PutOne(NomosWriter w, int side, int field, int64_t sample, const double values[], int allow_nan, NomosWhy *why)
{
  const NomosField *f = &w->ds.field[side][field];
  const int64_t     n = f->channels * w->points;
  hsize_t           start[5] = {(hsize_t)sample}, count[5] = {1, (hsize_t)f->channels};
  hid_t             file, mem;
  int64_t           bad = 0;
  herr_t            err;

  for (int64_t i = 0; i < n; i++) bad += !isfinite(values[i]);
  if (bad && !allow_nan) return NomosWhySet(why, PETSC_ERR_FP, "sample %lld of field '%s' holds %lld values that are NaN or Inf; it is not written to '%s' (-data_allow_nan writes it)", (long long)sample, f->name, (long long)bad, w->path);
  if (w->single)
    for (int64_t i = 0; i < n; i++) ((float *)w->buffer)[i] = (float)values[i];
  else memcpy(w->buffer, values, (size_t)n * 8);
  w->sum[side][field] += NomosSum(w->buffer, w->single ? 4 : 8, sample * n, n);
  for (int i = 0; i < w->ds.dim; i++) count[2 + i] = (hsize_t)w->ds.n[i];
  file = H5Dget_space(w->field[side][field]);
  mem  = H5Screate_simple(2 + w->ds.dim, count, NULL);
  H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL);
  err = H5Dwrite(w->field[side][field], w->single ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, mem, file, H5P_DEFAULT, w->buffer);
  H5Sclose(mem);
  H5Sclose(file);
  return err < 0 ? NomosWhySet(why, PETSC_ERR_FILE_WRITE, "HDF5 cannot write sample %lld of field '%s' to '%s'", (long long)sample, f->name, w->part) : 0;
}

int NomosWriterPut(NomosWriter w, int side, int64_t first, int64_t n, const double values[], int allow_nan, NomosWhy *why)
{
  NomosHushed hushed;

  if (first < 0 || n < 0 || first > w->ds.samples - n) return NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "samples %lld..%lld do not fit into '%s', which is made for %lld", (long long)first, (long long)(first + n - 1), w->path, (long long)w->ds.samples);
  for (int64_t s = first; s < first + n; s++) {
    if (w->have[side][s]) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "sample %lld of '%s' is written twice", (long long)s, w->path);
    w->have[side][s] = 1;
    hushed = NomosHush();
    for (int i = 0; i < w->ds.nfields[side]; i++) {
      if (PutOne(w, side, i, s, values, allow_nan, why)) break;
      values += w->ds.field[side][i].channels * w->points;
    }
    NomosUnhush(hushed);
    if (why->code) break;
  }
  return why->code;
}

/* ---- end ------------------------------------------------------------------------------------------------------- */
static int Finish(NomosWriter w, NomosWhy *why)
{
  int err = 0;

  for (int s = 0; s < 2; s++)
    for (int64_t i = 0; i < w->ds.samples && w->ds.nfields[s]; i++)
      if (!w->have[s][i]) return NomosWhySet(why, PETSC_ERR_ORDER, "'%s' was made for %lld samples, number %lld was never written", w->path, (long long)w->ds.samples, (long long)i);
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < w->ds.nfields[s]; i++) {
      err |= NomosH5PutAttribute(w->field[s][i], "nomos_sum", H5T_STD_U64LE, &w->sum[s][i]);
      err |= H5Dclose(w->field[s][i]) < 0;
      w->field[s][i] = 0;
    }
  err |= H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0;
  err |= H5Fclose(w->file) < 0;
  w->file = 0;
  return err ? NomosWhySet(why, PETSC_ERR_FILE_WRITE, "HDF5 cannot finish '%s'", w->part) : 0;
}

int NomosWriterClose(NomosWriter *writer, NomosWhy *why)
{
  NomosWriter  w = *writer;
  NomosHushed  hushed;

  if (!w) return why->code;
  hushed = NomosHush();
  if (!why->code && !Finish(w, why)) {
    NomosDataset d;
    NomosH5      h;

    /* what a reader will see; success of H5Fclose() alone proves nothing */
    if (!NomosDatasetOpen(w->part, &h, &d, why)) {
      NomosDatasetScan(h, &d, 1, why);
      NomosH5Close(&h);
    }
    if (!why->code) NomosSyncRename(w->part, w->path, why);
  }
  Discard(writer);
  NomosUnhush(hushed);
  return why->code;
}
