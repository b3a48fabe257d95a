/*
  safetensors.c - weights for exchange with PyTorch and others. Calls neither PETSc nor MPI.

    8 bytes   N, little-endian
    N bytes   JSON that begins with '{', padded with spaces to a multiple of 8:
              "NAME": {"dtype": "F32", "shape": [2,3], "data_offsets": [begin, end]},  "__metadata__": {"key": "text"}
    the rest  the buffer: C order, no holes, no overlap, the last end is the buffer's size

  Strict: every length is checked against the file before memory is taken, duplicate keys are refused, integers must be
  integers. Read: F64 F32 F16 BF16 C64 (as real with a trailing axis 2); other types are listed but not read. Written: F64, F32,
  with metadata "sum": the sum of conventions (guard.c) over the buffer's 8-byte words.
*/
#include "data.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HEADER  ((uint64_t)100 << 20)
#define MAX_ENTRIES 100000
#define MAX_DEPTH   8
#define BLOCK       ((uint64_t)1 << 20)

struct _n_NomosTensors {
  char                *path;
  int                  fd;     /* -1: in memory */
  const unsigned char *memory; /* whole file    */
  uint64_t             data;   /* offset and size of the buffer */
  uint64_t             bytes;
  int                  n;
  NomosTensorInfo     *entry;
  json_t              *metadata;
};

static const struct {
  const char *name;
  int         size;
} dtypes[] = {
  {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"C64", 8}, {"I64", 8}, {"I32", 4}, {"I16", 2}, {"I8", 1}, {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1}, {"BOOL", 1}
};

/* ---- bytes ----------------------------------------------------------------------------------------------------- */
static int ReadBytes(NomosTensors t, uint64_t offset, uint64_t n, void *out, NomosWhy *why)
{
  char *p = (char *)out;

  if (t->fd < 0) {
    memcpy(out, t->memory + offset, (size_t)n);
    return 0;
  }
  while (n) {
    const ssize_t got = pread(t->fd, p, (size_t)n, (off_t)offset);

    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return NomosWhySet(why, PETSC_ERR_FILE_READ, "'%s' cannot be read at byte %" PRIu64 ": %s", t->path, offset, got ? strerror(errno) : "the file became shorter");
    p += got;
    offset += (uint64_t)got;
    n -= (uint64_t)got;
  }
  return 0;
}

/* Depth and size of the JSON before the parser allocates for it: braces, brackets and commas outside strings. */
static const char *Prescan(const char *s, uint64_t n)
{
  int64_t depth = 0, objects = 0, commas = 0;
  int     string = 0;

  for (uint64_t i = 0; i < n; i++) {
    if (string) {
      if (s[i] == '\\') i++;
      else if (s[i] == '"') string = 0;
    } else if (s[i] == '"') string = 1;
    else if (s[i] == '{' || s[i] == '[') {
      if (++depth > MAX_DEPTH) return "is nested more than 8 deep";
      objects += s[i] == '{';
    } else if (s[i] == '}' || s[i] == ']') depth--;
    else if (s[i] == ',') commas++;
  }
  return objects > MAX_ENTRIES + 2 || commas > 16 * (int64_t)MAX_ENTRIES ? "has more than 100000 entries" : NULL;
}

/* ---- entries --------------------------------------------------------------------------------------------------- */
static int BadEntry(NomosTensors t, const char name[], const char what[], NomosWhy *why)
{
  return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': tensor '%.200s' %s", t->path, name, what);
}

static int ParseShape(NomosTensors t, const char name[], const json_t *shape, NomosTensorInfo *e, NomosWhy *why)
{
  const size_t rank = json_array_size(shape), complex64 = !strcmp(e->dtype, "C64");

  if (!json_is_array(shape) || rank + complex64 > NOMOS_MAX_RANK) return BadEntry(t, name, "has no shape, or one of more than 8 axes", why);
  e->rank = (int)rank;
  for (size_t i = 0; i < rank; i++) {
    const json_t *d = json_array_get(shape, i);

    if (!json_is_integer(d)) return BadEntry(t, name, "has a shape with something else than integers", why);
    e->shape[i] = json_integer_value(d);
  }
  if (complex64) e->shape[e->rank++] = 2;
  return NomosShapeCount(e->rank, e->shape, &e->count) ? BadEntry(t, name, "has an axis below 1 or above 2^40, or too many entries", why) : 0;
}

static int ParseEntry(NomosTensors t, const char name[], const json_t *j, NomosTensorInfo *e, NomosWhy *why)
{
  const json_t *dtype = json_object_get(j, "dtype"), *offsets = json_object_get(j, "data_offsets"), *b, *c;
  int           size  = 0;

  if (!NomosCheckName(name)) return BadEntry(t, name, "has a name with other characters than letters, digits, '_', '.' and '-', or of more than 255", why);
  if (!json_is_object(j) || json_object_size(j) != 3 || !json_is_string(dtype) || !json_is_array(offsets) || json_array_size(offsets) != 2) return BadEntry(t, name, "is not described by exactly dtype, shape and data_offsets", why);
  for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
    if (!strcmp(json_string_value(dtype), dtypes[i].name)) size = dtypes[i].size;
  if (!size) return BadEntry(t, name, "has a type that is not known (F64, F32, F16, BF16 and C64 are read)", why);
  strcpy(e->name, name);
  strcpy(e->dtype, json_string_value(dtype));
  if (ParseShape(t, name, json_object_get(j, "shape"), e, why)) return why->code;
  b = json_array_get(offsets, 0);
  c = json_array_get(offsets, 1);
  if (!json_is_integer(b) || !json_is_integer(c) || json_integer_value(b) < 0 || json_integer_value(c) < json_integer_value(b) || (uint64_t)json_integer_value(c) > t->bytes) return BadEntry(t, name, "lies outside the file's buffer", why);
  e->begin = (uint64_t)json_integer_value(b);
  e->end   = (uint64_t)json_integer_value(c);
  if ((uint64_t)(e->count / (strcmp(e->dtype, "C64") ? 1 : 2)) * (uint64_t)size != e->end - e->begin) return BadEntry(t, name, "has a shape and a type that do not fit its data_offsets", why);
  return 0;
}

static int CompareBegin(const void *a, const void *b)
{
  const NomosTensorInfo *p = *(const NomosTensorInfo *const *)a, *q = *(const NomosTensorInfo *const *)b;

  return p->begin < q->begin ? -1 : p->begin > q->begin;
}

/* In order of place, each entry begins where the one before ends, and the last ends with the buffer. */
static int CheckCover(NomosTensors t, NomosWhy *why)
{
  const NomosTensorInfo **order = (const NomosTensorInfo **)malloc(sizeof(*order) * (size_t)(t->n ? t->n : 1));
  uint64_t                at    = 0;

  if (!order) return NomosWhySet(why, PETSC_ERR_MEM, "no memory to read '%s'", t->path);
  for (int i = 0; i < t->n; i++) order[i] = &t->entry[i];
  qsort(order, (size_t)t->n, sizeof(*order), CompareBegin);
  for (int i = 0; i < t->n && !why->code; i++) {
    if (order[i]->begin != at) BadEntry(t, order[i]->name, order[i]->begin < at ? "overlaps another one" : "follows a hole in the buffer", why);
    at = order[i]->end;
  }
  free(order);
  if (!why->code && at != t->bytes) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has %" PRIu64 " bytes of values, its tensors take %" PRIu64 "; the file was cut or extended", t->path, t->bytes, at);
  return why->code;
}

static int ParseMetadata(NomosTensors t, json_t *meta, NomosWhy *why)
{
  const char *key;
  json_t     *value;

  if (!json_is_object(meta)) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '__metadata__' is not a map of strings", t->path);
  json_object_foreach(meta, key, value)
    if (!json_is_string(value)) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '__metadata__' holds something else than a string for '%.100s'", t->path, key);
  t->metadata = json_incref(meta);
  return 0;
}

static int ParseHeader(NomosTensors t, const char text[], uint64_t n, NomosWhy *why)
{
  const char  *bad = text[0] == '{' ? Prescan(text, n) : "does not begin with '{'";
  json_error_t error;
  json_t      *root, *value;
  const char  *key;

  if (bad) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the header %s; expected the JSON of a safetensors file", t->path, bad);
  root = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_object(root)) {
    json_decref(root);
    return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the header is not the JSON of a safetensors file: %s", t->path, error.text);
  }
  t->entry = (NomosTensorInfo *)calloc(json_object_size(root) + 1, sizeof(*t->entry));
  if (!t->entry) NomosWhySet(why, PETSC_ERR_MEM, "no memory for the header of '%s'", t->path);
  else json_object_foreach(root, key, value) {
    if (!strcmp(key, "__metadata__")) ParseMetadata(t, value, why);
    else ParseEntry(t, key, value, &t->entry[t->n++], why);
    if (why->code) break;
  }
  json_decref(root);
  return why->code ? why->code : CheckCover(t, why);
}

/* ---- open ------------------------------------------------------------------------------------------------------ */
static int Parse(NomosTensors t, uint64_t size, NomosWhy *why)
{
  unsigned char head[8];
  uint64_t      n = 0;
  char         *text;

  if (size < 10) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has %" PRIu64 " bytes, too few for a safetensors file", t->path, size);
  if (ReadBytes(t, 0, 8, head, why)) return why->code;
  for (int i = 7; i >= 0; i--) n = n << 8 | head[i];
  if (n < 2 || n > size - 8 || n > MAX_HEADER) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' is not a safetensors file: the header would have %" PRIu64 " bytes, the file has %" PRIu64, t->path, n, size);
  t->data  = 8 + n;
  t->bytes = size - t->data;
  if (!(text = (char *)malloc((size_t)n + 1))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory for the header of '%s'", t->path);
  text[n] = 0;
  if (!ReadBytes(t, 8, n, text, why)) ParseHeader(t, text, n, why);
  free(text);
  return why->code;
}

static NomosTensors New(const char path[], NomosWhy *why)
{
  NomosTensors t = (NomosTensors)calloc(1, sizeof(*t));

  if (t) t->path = strdup(path);
  if (t && t->path) {
    t->fd = -1;
    return t;
  }
  free(t);
  NomosWhySet(why, PETSC_ERR_MEM, "no memory to open '%s'", path);
  return NULL;
}

int NomosTensorsOpen(const char path[], NomosTensors *out, NomosWhy *why)
{
  NomosTensors t;
  struct stat  st;

  *out = NULL;
  if (!(t = New(path, why))) return why->code;
  t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* nonblocking: a pipe must not hang us; it is refused below */
  if (t->fd < 0 || fstat(t->fd, &st)) NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open '%s': %s; check the name and the working directory", path, strerror(errno));
  else if (!S_ISREG(st.st_mode)) NomosWhySet(why, PETSC_ERR_FILE_OPEN, "'%s' is not a regular file; give the name of a safetensors file", path);
  else Parse(t, (uint64_t)st.st_size, why);
  if (why->code) NomosTensorsClose(&t);
  *out = t;
  return why->code;
}

int NomosTensorsOpenMemory(const char label[], const void *bytes, uint64_t n, NomosTensors *out, NomosWhy *why)
{
  NomosTensors t;

  *out = NULL;
  if (!(t = New(label, why))) return why->code;
  t->memory = (const unsigned char *)bytes;
  if (Parse(t, n, why)) NomosTensorsClose(&t);
  *out = t;
  return why->code;
}

void NomosTensorsClose(NomosTensors *t)
{
  if (!*t) return;
  if ((*t)->fd >= 0) close((*t)->fd);
  if ((*t)->metadata) json_decref((*t)->metadata);
  free((*t)->entry);
  free((*t)->path);
  free(*t);
  *t = NULL;
}

int NomosTensorsCount(NomosTensors t) { return t->n; }

const NomosTensorInfo *NomosTensorsGet(NomosTensors t, int i) { return &t->entry[i]; }

int NomosTensorsFind(NomosTensors t, const char name[])
{
  for (int i = 0; i < t->n; i++)
    if (!strcmp(t->entry[i].name, name)) return i;
  return -1;
}

const char *NomosTensorsGetMetadata(NomosTensors t, const char key[]) { return t->metadata ? json_string_value(json_object_get(t->metadata, key)) : NULL; }

/* ---- values ---------------------------------------------------------------------------------------------------- */
static double FromHalf(uint16_t h)
{
  const int    e = h >> 10 & 31, m = h & 1023;
  const double v = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);

  return h & 0x8000 ? -v : v;
}

static void Convert(const char dtype[], const unsigned char *raw, int64_t n, double *v)
{
  for (int64_t i = 0; i < n; i++) {
    if (!strcmp(dtype, "F64")) memcpy(&v[i], raw + 8 * i, 8);
    else if (!strcmp(dtype, "F16")) {
      uint16_t h;

      memcpy(&h, raw + 2 * i, 2);
      v[i] = FromHalf(h);
    } else { /* F32 and C64; BF16 is the upper half of an F32 */
      uint32_t bits = 0;
      float    f;

      if (!strcmp(dtype, "BF16")) memcpy((char *)&bits + 2, raw + 2 * i, 2);
      else memcpy(&bits, raw + 4 * i, 4);
      memcpy(&f, &bits, 4);
      v[i] = f;
    }
  }
}

int NomosTensorsRead(NomosTensors t, int i, double values[], NomosWhy *why)
{
  const NomosTensorInfo *e    = &t->entry[i];
  const int              size = !strcmp(e->dtype, "F64") ? 8 : (!strcmp(e->dtype, "F32") || !strcmp(e->dtype, "C64") ? 4 : (!strcmp(e->dtype, "F16") || !strcmp(e->dtype, "BF16") ? 2 : 0));
  unsigned char         *raw;
  int64_t                bad = 0;

  if (!size) return NomosWhySet(why, PETSC_ERR_SUP, "'%s': tensor '%s' is of type %s; F64, F32, F16, BF16 and C64 are read", t->path, e->name, e->dtype);
  if (!(raw = (unsigned char *)malloc((size_t)BLOCK))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory to read '%s'", t->path);
  for (int64_t at = 0; at < e->count && !why->code;) {
    const int64_t take = (int64_t)BLOCK / size < e->count - at ? (int64_t)BLOCK / size : e->count - at;

    if (ReadBytes(t, t->data + e->begin + (uint64_t)at * (uint64_t)size, (uint64_t)(take * size), raw, why)) break;
    Convert(e->dtype, raw, take, values + at);
    for (int64_t k = at; k < at + take; k++) bad += !isfinite(values[k]);
    at += take;
  }
  free(raw);
  if (bad) NomosWhySet(why, PETSC_ERR_FP, "'%s': %lld values of tensor '%s' are NaN or Inf, expected numbers", t->path, (long long)bad, e->name);
  return why->code;
}

int NomosTensorsVerify(NomosTensors t, int *summed, NomosWhy *why)
{
  const char    *text = NomosTensorsGetMetadata(t, "sum");
  const char    *format = NomosTensorsGetMetadata(t, "format");
  uint64_t       sum  = 0;
  unsigned char *raw;
  char           found[32];

  *summed = text && format && !strcmp(format, "nomos"); /* another program's "sum" may mean anything */
  if (!*summed) return 0;
  if (!(raw = (unsigned char *)calloc((size_t)BLOCK, 1))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory to read '%s'", t->path);
  for (uint64_t at = 0; at < t->bytes; at += BLOCK) {
    const uint64_t take = BLOCK < t->bytes - at ? BLOCK : t->bytes - at;

    memset(raw, 0, (size_t)BLOCK);
    if (ReadBytes(t, t->data + at, take, raw, why)) break;
    sum += NomosSum(raw, 8, (int64_t)(at / 8), (int64_t)((take + 7) / 8));
  }
  free(raw);
  snprintf(found, sizeof(found), "%016" PRIx64, sum);
  if (!why->code && strcmp(found, text)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the values have the sum %s, the metadata says %.32s; the file was changed or damaged after it was written", t->path, found, text);
  return why->code;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */
static uint64_t BufferSum(int single, int n, const NomosTensorOut out[], uint64_t *bytes)
{
  uint64_t sum = 0, word = 0;
  int64_t  at = 0;

  for (int k = 0; k < n; k++) {
    int64_t count;

    NomosShapeCount(out[k].rank, out[k].shape, &count);
    if (!single) sum += NomosSum(out[k].values, 8, at, count);
    for (int64_t i = 0; i < count && single; i++) { /* two floats make a word */
      const float f = (float)out[k].values[i];

      memcpy((char *)&word + 4 * ((at + i) % 2), &f, 4);
      if ((at + i) % 2) sum += NomosSum(&word, 8, (at + i) / 2, 1), word = 0;
    }
    at += count;
  }
  if (single && at % 2) sum += NomosSum(&word, 8, at / 2, 1);
  *bytes = (uint64_t)at * (single ? 4 : 8);
  return sum;
}

/* The header as text, padded to a multiple of 8; NULL where memory is short or a text is not UTF-8. */
static char *MakeHeader(int single, int n, const NomosTensorOut out[], int nmeta, const char *const keys[], const char *const values[], uint64_t sum, size_t *len)
{
  json_t  *root = json_object(), *meta = json_object();
  char    *text, *padded, hex[32];
  int64_t  at  = 0;
  int      bad = 0;

  snprintf(hex, sizeof(hex), "%016" PRIx64, sum);
  bad |= json_object_set_new(meta, "format", json_string("nomos"));
  for (int i = 0; i < nmeta; i++) bad |= json_object_set_new(meta, keys[i], json_string(values[i]));
  bad |= json_object_set_new(meta, "sum", json_string(hex));
  bad |= json_object_set_new(root, "__metadata__", meta);
  for (int k = 0; k < n; k++) {
    json_t *entry = json_object(), *shape = json_array(), *offsets = json_array();
    int64_t count;

    NomosShapeCount(out[k].rank, out[k].shape, &count);
    for (int i = 0; i < out[k].rank; i++) bad |= json_array_append_new(shape, json_integer(out[k].shape[i]));
    bad |= json_array_append_new(offsets, json_integer(at));
    at += count * (single ? 4 : 8);
    bad |= json_array_append_new(offsets, json_integer(at));
    bad |= json_object_set_new(entry, "dtype", json_string(single ? "F32" : "F64"));
    bad |= json_object_set_new(entry, "shape", shape);
    bad |= json_object_set_new(entry, "data_offsets", offsets);
    bad |= json_object_set_new(root, out[k].name, entry);
  }
  text = bad ? NULL : json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
  json_decref(root);
  if (!text) return NULL;
  *len   = (strlen(text) + 7) / 8 * 8;
  padded = (char *)malloc(*len);
  if (padded) {
    memset(padded, ' ', *len);
    memcpy(padded, text, strlen(text));
  }
  free(text);
  return padded;
}

static int WriteValues(int fd, int single, const double *v, int64_t count)
{
  float block[4096];

  if (!single) return NomosWriteAll(fd, v, (size_t)count * 8);
  for (int64_t at = 0; at < count; at += 4096) {
    const int64_t take = count - at < 4096 ? count - at : 4096;
    int           err;

    for (int64_t i = 0; i < take; i++) block[i] = (float)v[at + i];
    if ((err = NomosWriteAll(fd, block, (size_t)take * 4))) return err;
  }
  return 0;
}

static int WritePart(const char part[], int single, int n, const NomosTensorOut out[], const char head[], size_t len)
{
  const int     fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  unsigned char length[8];
  int           err;

  if (fd < 0) return errno;
  for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)len >> 8 * i);
  err = NomosWriteAll(fd, length, 8);
  if (!err) err = NomosWriteAll(fd, head, len);
  for (int k = 0; k < n && !err; k++) {
    int64_t count;

    NomosShapeCount(out[k].rank, out[k].shape, &count);
    err = WriteValues(fd, single, out[k].values, count);
  }
  if (close(fd) && !err) err = errno;
  return err;
}

int NomosTensorsWrite(const char path[], int single, int n, const NomosTensorOut out[], int nmeta, const char *const keys[], const char *const values[], NomosWhy *why)
{
  void (*xfsz)(int);
  char    *part, *head;
  size_t   len;
  uint64_t bytes;
  int64_t  count;
  int      err;

  for (int k = 0; k < n; k++) {
    if (!NomosCheckName(out[k].name) || NomosShapeCount(out[k].rank, out[k].shape, &count)) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "tensor '%s' cannot be written to '%s': its name or its shape is not one the format allows", out[k].name, path);
    for (int i = 0; i < k; i++)
      if (!strcmp(out[i].name, out[k].name)) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "two tensors for '%s' are named '%s'", path, out[k].name);
  }
  head = MakeHeader(single, n, out, nmeta, keys, values, BufferSum(single, n, out, &bytes), &len);
  part = (char *)malloc(strlen(path) + 6);
  if (!head || !part) NomosWhySet(why, PETSC_ERR_MEM, "no memory for the header of '%s', or its metadata are not UTF-8", path);
  else {
    sprintf(part, "%s.part", path);
    xfsz = signal(SIGXFSZ, SIG_IGN);
    err  = WritePart(part, single, n, out, head, len);
    signal(SIGXFSZ, xfsz);
    if (err) NomosWhySet(why, PETSC_ERR_FILE_WRITE, "cannot write '%s': %s; choose another place with -o, or free space", path, strerror(err));
    else NomosSyncRename(part, path, why);
    if (why->code) unlink(part);
  }
  free(head);
  free(part);
  return why->code;
}
