/*
  hdf5.c - HDF5 files, read-only, behind guards: what a schema (dataset.c, checkpoint.c) may ask of a file from a stranger.

  Only paths that a schema names are opened, and only through hard links: no external, user-defined or soft links, no external
  storage, no virtual datasets; filters deflate, shuffle and fletcher32; IEEE floats and plain integers; at most eight axes;
  sizes are compared with the length of the file before anything is allocated. libhdf5 itself still parses the file's
  metadata and has a history of memory errors there: strangers' files go through `nomos check`, which does all this in a
  child process. HDF5's own error printing is silenced inside these functions and restored after each.

  This layer calls neither PETSc nor MPI (data.h).
*/
#include "h5.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_OPEN   64                       /* datasets kept open, so that chunk caches live between reads */
#define MAX_CHUNK  ((int64_t)256 << 20)     /* bytes of one chunk in memory                                */
#define MAX_STRING 65536                    /* bytes of a string attribute                                 */
#define BLOCK      ((int64_t)4 << 20)       /* bytes read at once while scanning                           */
#define DEFLATE    1032                     /* the most that deflate can expand                            */

struct _n_NomosH5 {
  hid_t    file;
  uint64_t bytes;
  char    *path;
  int      next;
  struct {
    char        name[NOMOS_MAX_NAME];
    hid_t       id;
    NomosH5Info info;
  } open[MAX_OPEN];
};

/* ---- opening --------------------------------------------------------------------------------------------------- */
int NomosH5Open(const char path[], NomosH5 *out, NomosWhy *why)
{
  struct stat st;
  FILE       *f;
  NomosH5     h;
  hid_t       fapl;
  NomosHushed      hushed;
  static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char              head[520];
  size_t                     nread;

  *out = NULL;
  if (stat(path, &st)) return NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open '%s': %s; check the name and the working directory", path, strerror(errno));
  if (!S_ISREG(st.st_mode)) return NomosWhySet(why, PETSC_ERR_FILE_OPEN, "'%s' is not a regular file; give the name of an HDF5 file", path);
  f = fopen(path, "rb");
  if (!f) return NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open '%s': %s; check the permissions", path, strerror(errno));
  nread = fread(head, 1, sizeof(head), f);
  fclose(f);
  if (!(nread >= 8 && !memcmp(head, signature, 8)) && !(nread >= 520 && !memcmp(head + 512, signature, 8)))
    return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' (%llu bytes) does not begin like an HDF5 file; expected a data set or model in HDF5", path, (unsigned long long)st.st_size);
  h = (NomosH5)calloc(1, sizeof(*h));
  if (h) h->path = strdup(path);
  if (!h || !h->path) {
    free(h);
    return NomosWhySet(why, PETSC_ERR_MEM, "no memory to open '%s'", path);
  }
  h->bytes = (uint64_t)st.st_size;
  hushed   = NomosHush();
  fapl     = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_sec2(fapl); /* the plain driver: each rank for itself */
  H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
  h->file = H5Fopen(path, H5F_ACC_RDONLY, fapl);
  H5Pclose(fapl);
  NomosUnhush(hushed);
  if (h->file < 0) {
    free(h->path);
    free(h);
    return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "HDF5 cannot open '%s' (%llu bytes): it is truncated, damaged or locked by a writer; fetch or write it again, or on file systems without locks set HDF5_USE_FILE_LOCKING=FALSE", path, (unsigned long long)st.st_size);
  }
  *out = h;
  return 0;
}

void NomosH5Close(NomosH5 *h)
{
  NomosHushed hushed;

  if (!*h) return;
  hushed = NomosHush();
  for (int i = 0; i < MAX_OPEN; i++)
    if ((*h)->open[i].name[0]) H5Dclose((*h)->open[i].id);
  H5Fclose((*h)->file);
  NomosUnhush(hushed);
  free((*h)->path);
  free(*h);
  *h = NULL;
}

const char *NomosH5GetPath(NomosH5 h) { return h->path; }

/* Every link on the way must be a hard one: others may leave the file. */
static int Walk(hid_t file, const char object[])
{
  char   prefix[NOMOS_MAX_NAME];
  size_t n = strlen(object);

  if (object[0] != '/' || n >= sizeof(prefix) || strstr(object, "..")) return 0;
  for (size_t i = 1; i <= n && n > 1; i++) {
    H5L_info_t info;

    if (object[i] != '/' && object[i]) continue;
    memcpy(prefix, object, i);
    prefix[i] = 0;
    if (H5Lexists(file, prefix, H5P_DEFAULT) <= 0) return 0;
    if (H5Lget_info(file, prefix, &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD) return 0;
  }
  return 1;
}

int NomosH5Has(NomosH5 h, const char object[])
{
  NomosHushed hushed = NomosHush();
  int    has    = Walk(h->file, object);

  NomosUnhush(hushed);
  return has;
}

char NomosH5GetKind(NomosH5 h, const char object[])
{
  NomosHushed hushed = NomosHush();
  hid_t  o      = Walk(h->file, object) ? H5Oopen(h->file, object, H5P_DEFAULT) : -1;
  char   kind   = 0;

  if (o >= 0) {
    const H5I_type_t t = H5Iget_type(o);

    kind = t == H5I_DATASET ? 'd' : (t == H5I_GROUP ? 'g' : 0);
    H5Oclose(o);
  }
  NomosUnhush(hushed);
  return kind;
}

/* ---- attributes ------------------------------------------------------------------------------------------------ */
static hid_t OpenAttribute(NomosH5 h, const char object[], const char name[])
{
  if (!Walk(h->file, object) || H5Aexists_by_name(h->file, object, name, H5P_DEFAULT) <= 0) return -1;
  return H5Aopen_by_name(h->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
}

int NomosH5HasAttribute(NomosH5 h, const char object[], const char name[])
{
  NomosHushed hushed = NomosHush();
  int    has    = Walk(h->file, object) && H5Aexists_by_name(h->file, object, name, H5P_DEFAULT) > 0;

  NomosUnhush(hushed);
  return has;
}

static int AttributeIsScalar(hid_t a)
{
  hid_t    space = H5Aget_space(a);
  hssize_t n     = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;

  if (space >= 0) H5Sclose(space);
  return n == 1;
}

/* A scalar string of fixed or variable length; returns 0 or the word that says what is wrong. */
static const char *ReadString(hid_t a, char value[], size_t len)
{
  hid_t       type = H5Aget_type(a), mem;
  const char *bad  = NULL;
  size_t      size = type >= 0 ? H5Tget_size(type) : 0;
  int         variable;

  if (type < 0 || H5Tget_class(type) != H5T_STRING || !AttributeIsScalar(a)) {
    if (type >= 0) H5Tclose(type);
    return "is not one string";
  }
  variable = H5Tis_variable_str(type) > 0;
  mem      = H5Tcopy(H5T_C_S1);
  H5Tset_cset(mem, H5Tget_cset(type));
  if (variable) {
    char *s = NULL;

    H5Tset_size(mem, H5T_VARIABLE);
    if (H5Aread(a, mem, &s) < 0) bad = "cannot be read";
    else if (!s) value[0] = 0;
    else if (strnlen(s, len) >= len) bad = "is too long";
    else strcpy(value, s);
    if (s) H5free_memory(s);
  } else if (!size || size > MAX_STRING) bad = "is too long";
  else {
    char *s = (char *)calloc(size + 1, 1);

    H5Tset_size(mem, size + 1);
    if (!s || H5Aread(a, mem, s) < 0) bad = "cannot be read";
    else if (strnlen(s, len) >= len) bad = "is too long";
    else strcpy(value, s);
    free(s);
  }
  H5Tclose(mem);
  H5Tclose(type);
  return bad;
}

int NomosH5GetString(NomosH5 h, const char object[], const char name[], char value[], size_t len, NomosWhy *why)
{
  NomosHushed      hushed = NomosHush();
  hid_t       a      = OpenAttribute(h, object, name);
  const char *bad    = "is missing";

  value[0] = 0;
  if (a >= 0) {
    bad = ReadString(a, value, len);
    H5Aclose(a);
  }
  NomosUnhush(hushed);
  if (bad) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': attribute '%s' of '%s' %s; expected one string of at most %d characters", h->path, name, object, bad, (int)len - 1);
  return 0;
}

int NomosH5GetNumber(NomosH5 h, const char object[], const char name[], int integer, void *value, NomosWhy *why)
{
  NomosHushed hushed = NomosHush();
  hid_t  a      = OpenAttribute(h, object, name), type = a >= 0 ? H5Aget_type(a) : -1;
  int    ok     = 0;

  if (type >= 0) {
    H5T_class_t c = H5Tget_class(type);

    ok = AttributeIsScalar(a) && H5Tget_size(type) <= 8 && (c == H5T_INTEGER || (c == H5T_FLOAT && !integer));
    /* an unsigned 64-bit number (a sum, a seed) keeps its bits */
    if (ok) ok = H5Aread(a, integer ? (H5Tget_sign(type) == H5T_SGN_NONE ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64) : H5T_NATIVE_DOUBLE, value) >= 0;
    H5Tclose(type);
  }
  if (a >= 0) H5Aclose(a);
  NomosUnhush(hushed);
  if (!ok) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': attribute '%s' of '%s' %s; expected one %s", h->path, name, object, a < 0 ? "is missing" : "is of another kind", integer ? "integer" : "number");
  return 0;
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */
typedef struct {
  int         max, n;
  const char *bad;
  char (*names)[NOMOS_MAX_NAME];
} Listing;

static herr_t ListOne(hid_t group, const char name[], const H5L_info_t *info, void *ctx)
{
  Listing *l = (Listing *)ctx;

  if (info->type != H5L_TYPE_HARD) l->bad = "a link to another place, expected datasets of its own; store the values there, in Python with f[name] = values";
  else if (!NomosCheckName(name)) l->bad = "a name with other characters than letters, digits, '_', '.' and '-'; rename it";
  else if (l->n >= l->max) l->bad = "more entries than a file may have; split it";
  if (l->bad) return 1;
  strcpy(l->names[l->n++], name);
  return 0;
}

/* In file order: order of creation where the file tracks it, by name otherwise (h5py's default). */
int NomosH5List(NomosH5 h, const char group[], int max, int *n, char (*names)[NOMOS_MAX_NAME], NomosWhy *why)
{
  NomosHushed  hushed = NomosHush();
  Listing l      = {max, 0, NULL, names};
  hid_t   g      = Walk(h->file, group) ? H5Gopen2(h->file, group, H5P_DEFAULT) : -1;
  herr_t  err    = -1;

  if (g >= 0) {
    hid_t    gcpl  = H5Gget_create_plist(g);
    unsigned order = 0;
    hsize_t  at    = 0;

    H5Pget_link_creation_order(gcpl, &order);
    H5Pclose(gcpl);
    err = H5Literate(g, (order & H5P_CRT_ORDER_INDEXED) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, &at, ListOne, &l);
    H5Gclose(g);
  }
  NomosUnhush(hushed);
  *n = l.n;
  if (g < 0) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': group '%s' is missing", h->path, group);
  if (err < 0) return NomosWhySet(why, PETSC_ERR_FILE_READ, "'%s': group '%s' cannot be read; the file is damaged", h->path, group);
  if (l.bad) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': group '%s' holds %s", h->path, group, l.bad);
  return 0;
}

/* ---- datasets -------------------------------------------------------------------------------------------------- */
static hid_t MemoryType(const NomosH5Info *i)
{
  if (i->kind == 'f') return i->size == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  switch (i->size) {
  case 1: return i->kind == 'u' ? H5T_NATIVE_UINT8 : H5T_NATIVE_INT8;
  case 2: return i->kind == 'u' ? H5T_NATIVE_UINT16 : H5T_NATIVE_INT16;
  case 4: return i->kind == 'u' ? H5T_NATIVE_UINT32 : H5T_NATIVE_INT32;
  default: return i->kind == 'u' ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64;
  }
}

static const char *CheckType(hid_t d, NomosH5Info *i)
{
  hid_t       type = H5Dget_type(d);
  const char *bad  = NULL;

  if (type < 0) return "has an unreadable type";
  i->size = (int)H5Tget_size(type);
  if (H5Tget_class(type) == H5T_FLOAT) {
    i->kind = 'f';
    if (H5Tequal(type, H5T_IEEE_F32LE) <= 0 && H5Tequal(type, H5T_IEEE_F64LE) <= 0 && H5Tequal(type, H5T_IEEE_F32BE) <= 0 && H5Tequal(type, H5T_IEEE_F64BE) <= 0) bad = "is not float32 or float64";
  } else if (H5Tget_class(type) == H5T_INTEGER) {
    i->kind = H5Tget_sign(type) == H5T_SGN_NONE ? 'u' : 'i';
    if ((i->size != 1 && i->size != 2 && i->size != 4 && i->size != 8) || H5Tget_precision(type) != 8 * (size_t)i->size || H5Tget_offset(type) != 0 || H5Tget_order(type) == H5T_ORDER_VAX) bad = "is not a plain integer";
  } else bad = "holds neither floats nor integers, expected float32 or float64; convert it, in Python with .astype('f4')";
  H5Tclose(type);
  return bad;
}

static const char *CheckSpace(hid_t d, NomosH5Info *i)
{
  hid_t   space = H5Dget_space(d);
  hsize_t dims[H5S_MAX_RANK];
  int     simple;

  if (space < 0) return "has an unreadable shape";
  simple  = H5Sis_simple(space) > 0 && H5Sget_simple_extent_type(space) != H5S_NULL;
  i->rank = simple ? H5Sget_simple_extent_ndims(space) : -1;
  if (i->rank >= 0 && i->rank <= NOMOS_MAX_RANK) H5Sget_simple_extent_dims(space, dims, NULL);
  H5Sclose(space);
  if (i->rank < 0 || i->rank > NOMOS_MAX_RANK) return "has more than 8 axes or none at all";
  for (int k = 0; k < i->rank; k++) i->shape[k] = dims[k] > (hsize_t)INT64_MAX ? -1 : (int64_t)dims[k];
  return NomosShapeCount(i->rank, i->shape, &i->count) ? "has an axis that is empty, or too long to be true, expected 1 to 2^40 entries on every axis; write it again" : NULL;
}

static const char *CheckFilters(hid_t dcpl, int *deflates)
{
  const int n = H5Pget_nfilters(dcpl);

  *deflates = 0;
  if (n < 0 || n > 4) return "is stored through more than four filters";
  for (int k = 0; k < n; k++) {
    unsigned     flags, config;
    size_t       nvalues = 0;
    char         name[8];
    H5Z_filter_t f = H5Pget_filter2(dcpl, (unsigned)k, &flags, &nvalues, NULL, sizeof(name), name, &config);

    if (f != H5Z_FILTER_DEFLATE && f != H5Z_FILTER_SHUFFLE && f != H5Z_FILTER_FLETCHER32) return "is stored through another filter than deflate, shuffle and fletcher32 (h5repack -f NONE rewrites it)";
    *deflates += f == H5Z_FILTER_DEFLATE;
  }
  return *deflates > 1 ? "is compressed more than once" : NULL;
}

/* The values must be in this file, all of them: what was never written would be read as zeros. */
static const char *CheckStorage(NomosH5 h, hid_t d, const NomosH5Info *i)
{
  hid_t         dcpl   = H5Dget_create_plist(d);
  H5D_layout_t  layout = dcpl >= 0 ? H5Pget_layout(dcpl) : H5D_LAYOUT_ERROR;
  const int64_t bytes  = i->count * i->size;
  const char   *bad    = NULL;
  int           deflates = 0;

  if (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED && layout != H5D_COMPACT) bad = "is not stored in this file (virtual or unknown layout)";
  if (!bad && H5Pget_external_count(dcpl) != 0) bad = "is stored in another file (external storage)";
  if (!bad) bad = CheckFilters(dcpl, &deflates);
  if (!bad && (uint64_t)(bytes / (deflates ? DEFLATE : 1)) > h->bytes) bad = "claims more values than the file can hold";
  if (!bad && layout == H5D_CHUNKED) {
    hsize_t chunk[NOMOS_MAX_RANK], want = 1, have = 0;
    int64_t chunkbytes = i->size;
    hid_t   space      = H5Dget_space(d);

    if (H5Pget_chunk(dcpl, NOMOS_MAX_RANK, chunk) != i->rank) bad = "has chunks of another shape";
    for (int k = 0; k < i->rank && !bad; k++) {
      if (!chunk[k] || chunk[k] > (hsize_t)MAX_CHUNK || (chunkbytes *= (int64_t)chunk[k]) > MAX_CHUNK) bad = "has chunks of more than 256 MiB";
      else want *= ((hsize_t)i->shape[k] + chunk[k] - 1) / chunk[k];
    }
    if (!bad && (H5Dget_num_chunks(d, space, &have) < 0 || have != want)) bad = "was not written completely (chunks are missing)";
    if (space >= 0) H5Sclose(space);
  } else if (!bad && layout == H5D_CONTIGUOUS && (H5Dget_storage_size(d) < (hsize_t)bytes || H5Dget_offset(d) == HADDR_UNDEF || H5Dget_offset(d) > h->bytes || (uint64_t)bytes > h->bytes - H5Dget_offset(d)))
    bad = "was not written completely (its values are not in the file)";
  if (dcpl >= 0) H5Pclose(dcpl);
  return bad;
}

static const char *CheckDataset(NomosH5 h, hid_t d, NomosH5Info *i)
{
  const char *bad = CheckType(d, i);

  if (!bad) bad = CheckSpace(d, i);
  if (!bad) bad = CheckStorage(h, d, i);
  i->has_sum = 0;
  if (!bad && H5Aexists(d, "nomos_sum") > 0) {
    hid_t a = H5Aopen(d, "nomos_sum", H5P_DEFAULT), type = a >= 0 ? H5Aget_type(a) : -1;

    if (type < 0 || H5Tget_class(type) != H5T_INTEGER || H5Tget_size(type) != 8 || H5Tget_sign(type) != H5T_SGN_NONE || !AttributeIsScalar(a) || H5Aread(a, H5T_NATIVE_UINT64, &i->sum) < 0) bad = "has an attribute 'nomos_sum' that is not one unsigned 64-bit integer";
    else i->has_sum = 1;
    if (type >= 0) H5Tclose(type);
    if (a >= 0) H5Aclose(a);
  }
  return bad;
}

/* The slot of a dataset among the open ones; opened and checked at first use, the oldest slot makes room. */
static int OpenDataset(NomosH5 h, const char object[], int *slot, NomosWhy *why)
{
  NomosH5Info info;
  hid_t       o;
  const char *bad = NULL;

  for (int i = 0; i < MAX_OPEN; i++) {
    if (strcmp(h->open[i].name, object)) continue;
    *slot = i;
    return 0;
  }
  memset(&info, 0, sizeof(info));
  o = Walk(h->file, object) ? H5Oopen(h->file, object, H5P_DEFAULT) : -1;
  if (o < 0) bad = "is missing, damaged, or reached through a link that is not a hard link";
  else if (H5Iget_type(o) != H5I_DATASET) bad = "is not a dataset";
  else bad = CheckDataset(h, o, &info);
  if (bad) {
    if (o >= 0) H5Oclose(o);
    return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' %s", h->path, object, bad);
  }
  *slot   = h->next;
  h->next = (h->next + 1) % MAX_OPEN;
  if (h->open[*slot].name[0]) H5Dclose(h->open[*slot].id);
  strcpy(h->open[*slot].name, object);
  h->open[*slot].id   = o;
  h->open[*slot].info = info;
  return 0;
}

int NomosH5GetInfo(NomosH5 h, const char object[], NomosH5Info *info, NomosWhy *why)
{
  NomosHushed hushed = NomosHush();
  int    slot, err = OpenDataset(h, object, &slot, why);

  NomosUnhush(hushed);
  if (!err) *info = h->open[slot].info;
  return err;
}

/* Reads a box of the dataset; the caller's memory holds count[0] x count[1] x ... values of the type. */
static int ReadBox(NomosH5 h, int slot, hid_t type, const int64_t start[], const int64_t count[], void *values)
{
  const NomosH5Info *i = &h->open[slot].info;
  hsize_t            s[NOMOS_MAX_RANK], c[NOMOS_MAX_RANK];
  hid_t              file, mem;
  herr_t             err;

  if (!i->rank || !start) return H5Dread(h->open[slot].id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0;
  for (int k = 0; k < i->rank; k++) {
    s[k] = (hsize_t)start[k];
    c[k] = (hsize_t)count[k];
  }
  file = H5Dget_space(h->open[slot].id);
  mem  = H5Screate_simple(i->rank, c, NULL);
  err  = H5Sselect_hyperslab(file, H5S_SELECT_SET, s, NULL, c, NULL);
  if (err >= 0) err = H5Dread(h->open[slot].id, type, mem, file, H5P_DEFAULT, values);
  H5Sclose(mem);
  H5Sclose(file);
  return err < 0;
}

static int BadRead(NomosH5 h, const char object[], NomosWhy *why)
{
  return NomosWhySet(why, PETSC_ERR_FILE_READ, "'%s': the values of '%s' cannot be read; the file is damaged or the disk fails", h->path, object);
}

int NomosH5Read(NomosH5 h, const char object[], const int64_t start[], const int64_t count[], double values[], NomosWhy *why)
{
  NomosHushed hushed = NomosHush();
  int    slot, err = OpenDataset(h, object, &slot, why);

  if (!err) {
    const NomosH5Info *i = &h->open[slot].info;

    for (int k = 0; k < i->rank && start && !err; k++)
      if (start[k] < 0 || count[k] < 1 || count[k] > i->shape[k] || start[k] > i->shape[k] - count[k]) err = NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "'%s': '%s' has %lld entries on axis %d, asked for %lld from %lld", h->path, object, (long long)i->shape[k], k, (long long)count[k], (long long)start[k]);
    if (!err && ReadBox(h, slot, H5T_NATIVE_DOUBLE, start, count, values)) err = BadRead(h, object, why);
  }
  NomosUnhush(hushed);
  return err;
}

int NomosH5ReadIntegers(NomosH5 h, const char object[], int64_t values[], NomosWhy *why)
{
  NomosHushed hushed = NomosHush();
  int    slot, err = OpenDataset(h, object, &slot, why);

  if (!err && h->open[slot].info.kind == 'f') err = NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' holds floats, expected integers (int64)", h->path, object);
  if (!err && ReadBox(h, slot, H5T_NATIVE_INT64, NULL, NULL, values)) err = BadRead(h, object, why);
  NomosUnhush(hushed);
  return err;
}

static int64_t CountNonfinite(const void *values, int size, int64_t n)
{
  int64_t bad = 0;

  if (size == 4)
    for (int64_t i = 0; i < n; i++) bad += !isfinite(((const float *)values)[i]);
  else
    for (int64_t i = 0; i < n; i++) bad += !isfinite(((const double *)values)[i]);
  return bad;
}

/* One pass over all values, in blocks along the first axis. */
static int ScanOpen(NomosH5 h, int slot, const char object[], int64_t *nonfinite, NomosWhy *why)
{
  const NomosH5Info *i = &h->open[slot].info;
  const int64_t      rows = i->rank ? i->shape[0] : 1, row = i->count / rows;
  int64_t            step = BLOCK / (row * i->size), start[NOMOS_MAX_RANK] = {0}, count[NOMOS_MAX_RANK];
  uint64_t           sum  = 0;
  void              *buffer;
  int                err = 0;

  step = step < 1 ? 1 : (step > rows ? rows : step);
  if (!(buffer = malloc((size_t)(step * row * i->size)))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory for %lld bytes of '%s' in '%s'", (long long)(step * row * i->size), object, h->path);
  memcpy(count, i->shape, sizeof(count));
  *nonfinite = 0;
  for (int64_t r = 0; r < rows && !err; r += step) {
    start[0] = r;
    count[0] = step < rows - r ? step : rows - r;
    if (ReadBox(h, slot, MemoryType(i), i->rank ? start : NULL, count, buffer)) err = BadRead(h, object, why);
    if (err) break;
    if (i->kind == 'f') *nonfinite += CountNonfinite(buffer, i->size, count[0] * row * (i->rank ? 1 : 0) + !i->rank);
    if (i->has_sum) sum += NomosSum(buffer, i->size, r * row, i->rank ? count[0] * row : 1);
  }
  free(buffer);
  if (!err && i->has_sum && sum != i->sum) err = NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the values of '%s' have the sum %016llx, their attribute 'nomos_sum' says %016llx; the file was changed or damaged after it was written", h->path, object, (unsigned long long)sum, (unsigned long long)i->sum);
  return err;
}

int NomosH5Scan(NomosH5 h, const char object[], int64_t *nonfinite, NomosWhy *why)
{
  NomosHushed hushed = NomosHush();
  int    slot, err = OpenDataset(h, object, &slot, why);

  *nonfinite = 0;
  if (!err) err = ScanOpen(h, slot, object, nonfinite, why);
  NomosUnhush(hushed);
  return err;
}
