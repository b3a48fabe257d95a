/*
  checkpoint.c - the schema nomos-checkpoint/1: a model, or the state of a run, in one file. Calls neither PETSc nor MPI.

    512 bytes    user block: "NOMOSCK1", length of the file, its sum, step (each 8 bytes, little-endian), then text
    the rest     HDF5 (h5py and h5dump skip the user block)
      /            @schema = "nomos-checkpoint/1"  @nomos_version  @created
      /config      @options: the option list from which the object is rebuilt
      /params      one dataset per block, natural shape, complex as trailing axis 2 (re, im)
      /optimizer   @type @step, groups of vectors in the block layout of /params
      /rng /data /env    attributes;  /history  columns;  /best  as /params, with @error
    Every dataset carries @nomos_sum.

  HDF5 never writes such a file itself: on a full disk H5Fflush() and H5Fclose() of 1.10.8 report success. The file is built
  as an image in memory (core driver, no backing store, format "earliest": others cannot be read back from an image) and goes
  out with plain write(). The sum of the file is that of guard.c over its 8-byte words, its own field taken as zero.
*/
#include "h5.h"
#include "nomosconfig.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SCHEMA      "nomos-checkpoint/1"
#define MAGIC       "NOMOSCK1"
#define BLOCK       512
#define MAX_TENSORS 8192
#define READ        ((size_t)1 << 20)

/* ---- user block ------------------------------------------------------------------------------------------------ */
static void PutWord(unsigned char *p, uint64_t v)
{
  for (int i = 0; i < 8; i++) p[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t GetWord(const unsigned char *p)
{
  uint64_t v = 0;

  for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
  return v;
}

/* The part of the file's sum that bytes [offset, offset + n) contribute; offset is a multiple of 8. */
static uint64_t SumBytes(const unsigned char *p, uint64_t offset, uint64_t n)
{
  unsigned char last[8] = {0};
  uint64_t      sum     = NomosSum(p, 8, (int64_t)(offset / 8), (int64_t)(n / 8));

  if (n % 8) {
    memcpy(last, p + n / 8 * 8, (size_t)(n % 8));
    sum += NomosSum(last, 8, (int64_t)((offset + n) / 8), 1);
  }
  return sum;
}

static int ParseBlock(const char label[], const unsigned char *p, uint64_t n, uint64_t size, NomosCheckpoint *c, NomosWhy *why)
{
  if (n < BLOCK || memcmp(p, MAGIC, 8)) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' (%" PRIu64 " bytes) does not begin with " MAGIC "; expected a model or checkpoint of Nomos", label, size);
  c->bytes = GetWord(p + 8);
  c->sum   = GetWord(p + 16);
  c->step  = (int64_t)GetWord(p + 24);
  if (c->bytes != size) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has %" PRIu64 " bytes, its first block says %" PRIu64 "; the file was cut or extended", label, size, c->bytes);
  if (c->step < 0) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' says that it is of step %" PRId64, label, c->step);
  return 0;
}

static int CompareSum(const char label[], uint64_t sum, const NomosCheckpoint *c, NomosWhy *why)
{
  return sum == c->sum ? 0 : NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has the sum %016" PRIx64 ", its first block says %016" PRIx64 "; the file was changed or damaged after it was written", label, sum, c->sum);
}

int NomosCheckpointVerifyBlock(const void *bytes, uint64_t n, NomosCheckpoint *c, NomosWhy *why)
{
  const unsigned char *p = (const unsigned char *)bytes;
  unsigned char        head[BLOCK];

  if (ParseBlock("image", p, n, n, c, why)) return why->code;
  memcpy(head, p, BLOCK);
  PutWord(head + 16, 0);
  return CompareSum("image", SumBytes(head, 0, BLOCK) + SumBytes(p + BLOCK, BLOCK, n - BLOCK), c, why);
}

static ssize_t ReadFull(int fd, unsigned char *p, size_t n)
{
  size_t have = 0;

  while (have < n) {
    const ssize_t got = read(fd, p + have, n - have);

    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (!got) break;
    have += (size_t)got;
  }
  return (ssize_t)have;
}

/* Length and sum of a file, before HDF5 sees it. */
static int VerifyFile(const char path[], NomosCheckpoint *c, NomosWhy *why)
{
  const int      fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  unsigned char *p  = (unsigned char *)malloc(READ);
  struct stat    st;
  uint64_t       sum = 0, at = 0;
  ssize_t        got;

  if (!p) NomosWhySet(why, PETSC_ERR_MEM, "no memory to read '%s'", path);
  else if (fd < 0 || fstat(fd, &st)) NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open '%s': %s; check the name and the working directory", path, strerror(errno));
  else if (!S_ISREG(st.st_mode)) NomosWhySet(why, PETSC_ERR_FILE_OPEN, "'%s' is not a regular file; give the name of a model or checkpoint", path);
  while (!why->code) {
    got = ReadFull(fd, p, READ);
    if (got < 0) NomosWhySet(why, PETSC_ERR_FILE_READ, "'%s' cannot be read: %s", path, strerror(errno));
    else if (at == 0 && !ParseBlock(path, p, (uint64_t)got, (uint64_t)st.st_size, c, why)) PutWord(p + 16, 0);
    if (why->code) break;
    sum += SumBytes(p, at, (uint64_t)got);
    at += (uint64_t)got;
    if (got < (ssize_t)READ) {
      CompareSum(path, sum, c, why);
      break;
    }
  }
  if (fd >= 0) close(fd);
  free(p);
  return why->code;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */
/* Every tensor of a group and of the groups below it, three deep: what the schema has. */
static int VerifyGroup(NomosH5 h, const char group[], int depth, int *tensors, NomosWhy *why)
{
  char(*names)[NOMOS_MAX_NAME] = (char(*)[NOMOS_MAX_NAME])malloc((size_t)MAX_TENSORS * NOMOS_MAX_NAME);
  int n                        = 0;

  if (!names) return NomosWhySet(why, PETSC_ERR_MEM, "no memory to read '%s'", NomosH5GetPath(h));
  NomosH5List(h, group, MAX_TENSORS, &n, names, why);
  for (int i = 0; i < n && !why->code; i++) {
    char    path[NOMOS_MAX_NAME];
    int64_t nonfinite;
    char    kind;

    if (snprintf(path, sizeof(path), "%s/%s", group, names[i]) >= (int)sizeof(path)) {
      NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the path of '%s' in '%s' is too long", NomosH5GetPath(h), names[i], group);
      break;
    }
    kind = NomosH5GetKind(h, path);
    if (kind == 'd' && !NomosH5Scan(h, path, &nonfinite, why)) ++*tensors;
    else if (kind == 'g' && depth < 3) VerifyGroup(h, path, depth + 1, tensors, why);
    else NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' is neither a tensor nor a group that belongs there", NomosH5GetPath(h), path);
    if (!why->code && kind == 'd' && nonfinite && strncmp(path, "/history", 8)) NomosWhySet(why, PETSC_ERR_FP, "'%s': %" PRId64 " values of '%s' are NaN or Inf, expected numbers", NomosH5GetPath(h), nonfinite, path);
  }
  free(names);
  return why->code;
}

int NomosCheckpointOpen(const char path[], NomosH5 *h, NomosCheckpoint *c, NomosWhy *why) { return NomosCheckpointOpenAs(path, SCHEMA, h, c, why); }

int NomosCheckpointOpenAs(const char path[], const char expected[], NomosH5 *h, NomosCheckpoint *c, NomosWhy *why)
{
  static const char *const groups[] = {"/params", "/optimizer", "/best", "/history", "/tuner"};
  char                     schema[64];

  *h = NULL;
  memset(c, 0, sizeof(*c));
  snprintf(c->path, sizeof(c->path), "%s", path);
  if (VerifyFile(path, c, why) || NomosH5Open(path, h, why)) return why->code;
  if (!NomosH5GetString(*h, "/", "schema", schema, sizeof(schema), why) && strcmp(schema, expected)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has the schema '%s', expected '%s'%s", path, schema, expected, strncmp(schema, expected, strcspn(expected, "/") + 1) ? "" : "; it was written by another version of the format");
  for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]) && !why->code; i++)
    if (NomosH5Has(*h, groups[i])) VerifyGroup(*h, groups[i], 1, &c->tensors, why);
  if (why->code) NomosH5Close(h);
  return why->code;
}

/* ---- building -------------------------------------------------------------------------------------------------- */
struct _n_NomosImage {
  hid_t file;
};

static hid_t OpenGroup(NomosImage image, const char group[])
{
  hid_t lcpl, g;

  if (!strcmp(group, "/")) return H5Gopen2(image->file, "/", H5P_DEFAULT);
  if (H5Lexists(image->file, group, H5P_DEFAULT) > 0) return H5Gopen2(image->file, group, H5P_DEFAULT);
  lcpl = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(lcpl, 1);
  g = H5Gcreate2(image->file, group, lcpl, H5P_DEFAULT, H5P_DEFAULT);
  H5Pclose(lcpl);
  return g;
}

int NomosImageCreate(NomosImage *image, NomosWhy *why) { return NomosImageCreateAs(SCHEMA, image, why); }

int NomosImageCreateAs(const char schema[], NomosImage *image, NomosWhy *why)
{
  NomosImage i      = (NomosImage)calloc(1, sizeof(*i));
  NomosHushed     hushed = NomosHush();
  hid_t      fapl = H5Pcreate(H5P_FILE_ACCESS), fcpl = H5Pcreate(H5P_FILE_CREATE), root;
  time_t     t = time(NULL);
  struct tm  tm;
  char       now[32];
  int        err = 1;

  gmtime_r(&t, &tm);
  strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &tm);
  H5Pset_fapl_core(fapl, (size_t)1 << 20, 0);
  H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
  H5Pset_userblock(fcpl, BLOCK);
  if (i) i->file = H5Fcreate("nomos-checkpoint", H5F_ACC_TRUNC, fcpl, fapl);
  H5Pclose(fapl);
  H5Pclose(fcpl);
  if (i && i->file >= 0 && (root = H5Gopen2(i->file, "/", H5P_DEFAULT)) >= 0) {
    err = NomosH5PutString(root, "schema", schema) || NomosH5PutString(root, "nomos_version", NOMOS_CONFIG_VERSION) || NomosH5PutString(root, "created", now) || NomosH5PutString(root, "real", "float64");
    H5Gclose(root);
  }
  if (err && i) {
    if (i->file >= 0) H5Fclose(i->file);
    free(i);
    i = NULL;
  }
  NomosUnhush(hushed);
  *image = i;
  return err ? NomosWhySet(why, PETSC_ERR_MEM, "no memory for the image of a checkpoint") : 0;
}

void NomosImageDestroy(NomosImage *image)
{
  NomosHushed hushed;

  if (!*image) return;
  hushed = NomosHush();
  H5Fclose((*image)->file);
  NomosUnhush(hushed);
  free(*image);
  *image = NULL;
}

static int Put(NomosImage image, const char group[], const char name[], char what, const void *value, NomosWhy *why)
{
  NomosHushed hushed = NomosHush();
  hid_t  g      = OpenGroup(image, group);
  int    err    = g < 0;

  if (!err && what == 's') err = NomosH5PutString(g, name, (const char *)value);
  else if (!err) err = NomosH5PutAttribute(g, name, what == 'i' ? H5T_STD_I64LE : H5T_IEEE_F64LE, value);
  if (g >= 0) H5Gclose(g);
  NomosUnhush(hushed);
  return err ? NomosWhySet(why, PETSC_ERR_LIB, "cannot put attribute '%s' of '%s' into the image of a checkpoint (text of more than 64 kB, or no memory)", name, group) : 0;
}

int NomosImagePutString(NomosImage image, const char group[], const char name[], const char value[], NomosWhy *why) { return Put(image, group, name, 's', value, why); }

int NomosImagePutInteger(NomosImage image, const char group[], const char name[], int64_t value, NomosWhy *why) { return Put(image, group, name, 'i', &value, why); }

int NomosImagePutReal(NomosImage image, const char group[], const char name[], double value, NomosWhy *why) { return Put(image, group, name, 'd', &value, why); }

int NomosImagePutTensor(NomosImage image, const char group[], const char name[], char type, int rank, const int64_t shape[], const void *values, NomosWhy *why)
{
  const hid_t file = type == 'd' ? H5T_IEEE_F64LE : (type == 'f' ? H5T_IEEE_F32LE : H5T_STD_I64LE), mem = type == 'd' ? H5T_NATIVE_DOUBLE : (type == 'f' ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT64);
  hsize_t     dims[NOMOS_MAX_RANK];
  int64_t     count;
  uint64_t    sum;
  NomosHushed      hushed;
  hid_t       g, space, d = -1;
  int         err;

  if (!NomosCheckName(name) || NomosShapeCount(rank, shape, &count)) return NomosWhySet(why, PETSC_ERR_ARG_WRONG, "tensor '%s' cannot be stored: its name or its shape is not one the format allows", name);
  for (int i = 0; i < rank; i++) dims[i] = (hsize_t)shape[i];
  sum    = NomosSum(values, type == 'f' ? 4 : 8, 0, count);
  hushed = NomosHush();
  g      = OpenGroup(image, group);
  space  = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
  if (g >= 0) d = H5Dcreate2(g, name, file, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  err = d < 0 || H5Dwrite(d, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0 || NomosH5PutAttribute(d, "nomos_sum", H5T_STD_U64LE, &sum);
  if (d >= 0) H5Dclose(d);
  if (g >= 0) H5Gclose(g);
  H5Sclose(space);
  NomosUnhush(hushed);
  return err ? NomosWhySet(why, PETSC_ERR_LIB, "cannot put '%s/%s' into the image of a checkpoint (the name is taken, or no memory)", group, name) : 0;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */
/* The bytes of the file; free() them. HDF5 hands the image out without the user block it was told of, so room is left. */
static unsigned char *GetBytes(NomosImage image, uint64_t *n)
{
  NomosHushed         hushed = NomosHush();
  ssize_t        size   = H5Fflush(image->file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(image->file, NULL, 0);
  unsigned char *p      = size > 0 ? (unsigned char *)malloc((size_t)size + BLOCK) : NULL;

  if (p && H5Fget_file_image(image->file, p + BLOCK, (size_t)size) != size) {
    free(p);
    p = NULL;
  }
  NomosUnhush(hushed);
  *n = (uint64_t)size + BLOCK;
  return p;
}

static void FillBlock(unsigned char *p, uint64_t n, int64_t step)
{
  memset(p, 0, BLOCK);
  memcpy(p, MAGIC, 8);
  PutWord(p + 8, n);
  PutWord(p + 24, (uint64_t)step);
  strcpy((char *)p + 32, "\nNomos: HDF5 behind a block of 512 bytes; h5dump and h5py read it, `nomos info` describes it\n");
  PutWord(p + 16, SumBytes(p, 0, n));
}

int NomosImageWrite(NomosImage image, const char path[], int64_t step, NomosWhy *why)
{
  uint64_t       n;
  unsigned char *p    = GetBytes(image, &n);
  char          *part = (char *)malloc(strlen(path) + 6);
  void (*xfsz)(int);
  int fd, err = 0;

  if (!p || !part) {
    free(p);
    free(part);
    return NomosWhySet(why, PETSC_ERR_MEM, "no memory for the image of '%s'", path);
  }
  FillBlock(p, n, step);
  sprintf(part, "%s.part", path);
  xfsz = signal(SIGXFSZ, SIG_IGN);
  fd   = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) err = errno;
  else {
    err = NomosWriteAll(fd, p, (size_t)n);
    if (close(fd) && !err) err = errno;
  }
  signal(SIGXFSZ, xfsz);
  if (err) NomosWhySet(why, PETSC_ERR_FILE_WRITE, "cannot write '%s' (%" PRIu64 " bytes): %s; free space or choose another place", path, n, strerror(err));
  else NomosSyncRename(part, path, why);
  if (why->code && fd >= 0) unlink(part);
  free(p);
  free(part);
  return why->code;
}
