/*
  check.c - what a file is, and whether it is sound: data set, model or checkpoint, state of a tuner, safetensors, reference values, or refused.

  Parse only: calls neither PETSc nor MPI, so that the program can do it in a child process for files from strangers, where a
  crash inside libhdf5 costs the child and counts as refused.
*/
#include "../nomos.h"
#include "data.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  char  *p;
  size_t len, at;
} Text;

static void Say(Text *t, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
static void Say(Text *t, const char format[], ...)
{
  va_list args;
  int     n;

  if (t->at + 1 >= t->len) return;
  va_start(args, format);
  n = vsnprintf(t->p + t->at, t->len - t->at, format, args);
  va_end(args);
  if (n > 0) t->at = t->at + (size_t)n < t->len ? t->at + (size_t)n : t->len - 1;
}

static void SayShape(Text *t, int rank, const int64_t shape[])
{
  for (int i = 0; i < rank; i++) Say(t, "[%" PRId64 "]", shape[i]);
  if (!rank) Say(t, "scalar");
}

/* ---- data set -------------------------------------------------------------------------------------------------- */
/* What made it, where the file says so. */
static void SayOrigin(NomosH5 h, Text *t, NomosWhy *why)
{
  char    text[4096];
  int64_t seed;

  if (NomosH5HasAttribute(h, "/", "generator") && !NomosH5GetString(h, "/", "generator", text, sizeof(text), why)) Say(t, "  options: %s\n", text);
  if (!why->code && NomosH5HasAttribute(h, "/", "seed") && !NomosH5GetNumber(h, "/", "seed", 1, &seed, why)) Say(t, "  seed %" PRId64 "\n", seed);
}

static void InspectDataset(const char path[], int allow_nan, Text *t, NomosWhy *why)
{
  NomosDataset d;
  NomosH5      h;

  if (NomosDatasetOpen(path, &h, &d, why)) return;
  if (!NomosDatasetScan(h, &d, allow_nan, why)) {
    Say(t, "%s: data set nomos-dataset/1, samples=%" PRId64 " grid=", path, d.samples);
    for (int i = 0; i < d.dim; i++) Say(t, "%s%" PRId64, i ? "x" : "", d.n[i]);
    Say(t, " input=%d output=%d sums=%d/%d\n", d.nfields[0], d.nfields[1], d.sums, d.nfields[0] + d.nfields[1]);
    if (d.problem[0]) Say(t, "  problem %s\n", d.problem);
    SayOrigin(h, t, why);
    for (int i = 0; i < d.dim; i++) Say(t, "  axis %d: %" PRId64 " points, length %g, offset %g, %s\n", i, d.n[i], d.length[i], d.offset[i], d.periodic[i] ? "periodic" : "bounded");
    if (d.frames) Say(t, "  time: %" PRId64 " levels\n", d.frames);
    for (int s = 0; s < 2; s++)
      for (int i = 0; i < d.nfields[s]; i++) {
        NomosH5Info info;
        char        name[NOMOS_MAX_NAME];

        snprintf(name, sizeof(name), "/%s/%s", NomosSides[s], d.field[s][i].name);
        if (NomosH5GetInfo(h, name, &info, why)) break;
        Say(t, "  %s: float%d ", name + 1, 8 * info.size);
        SayShape(t, info.rank, info.shape);
        if (info.has_sum) Say(t, " sum %016" PRIx64 " verified\n", info.sum);
        else Say(t, " no sum\n");
      }
    for (int w = 0; w < 3; w++)
      if (d.nsplit[w] >= 0) Say(t, "  split %s: %" PRId64 " samples\n", NomosSplitNames[w], d.nsplit[w]);
  }
  NomosH5Close(&h);
}

/* ---- model, checkpoint ----------------------------------------------------------------------------------------- */
static void SayOptions(const char path[], const char options[], Text *t, NomosWhy *why)
{
  char *clean = (char *)malloc(strlen(options) + 1);
  int   dropped;

  if (!clean) NomosWhySet(why, PETSC_ERR_MEM, "no memory for the options of '%s'", path);
  else if (!NomosOptionListClean(path, options, clean, &dropped, why)) {
    Say(t, "  options: %s\n", clean);
    if (dropped) Say(t, "  %d options are ignored: a file may not set them\n", dropped);
  }
  free(clean);
}

static void SayTensors(NomosH5 h, const char group[], Text *t, NomosWhy *why)
{
  const int max                = 8192;
  char(*names)[NOMOS_MAX_NAME] = (char(*)[NOMOS_MAX_NAME])malloc((size_t)max * NOMOS_MAX_NAME);
  int n                        = 0;

  if (!names) NomosWhySet(why, PETSC_ERR_MEM, "no memory to list '%s'", group);
  else NomosH5List(h, group, max, &n, names, why);
  for (int i = 0; i < n && !why->code; i++) {
    char        path[2 * NOMOS_MAX_NAME];
    NomosH5Info info;

    snprintf(path, sizeof(path), "%s/%s", group, names[i]);
    if (NomosH5GetKind(h, path) != 'd' || NomosH5GetInfo(h, path, &info, why)) continue;
    Say(t, "  %s ", path + 1);
    SayShape(t, info.rank, info.shape);
    Say(t, info.has_sum ? " sum %016" PRIx64 "\n" : " no sum\n", info.sum);
  }
  free(names);
}

/* Where the run stands that a checkpoint belongs to. */
static void SayRun(NomosH5 h, Text *t, NomosWhy *why)
{
  char    type[64], file[4096];
  int64_t seed, batch, epoch, samples;

  if (!NomosH5Has(h, "/optimizer") || !NomosH5Has(h, "/data")) return;
  if (NomosH5GetString(h, "/optimizer", "type", type, sizeof(type), why) || NomosH5GetNumber(h, "/rng", "seed", 1, &seed, why) || NomosH5GetNumber(h, "/data", "batch", 1, &batch, why) || NomosH5GetNumber(h, "/data", "epoch", 1, &epoch, why) || NomosH5GetNumber(h, "/data", "samples", 1, &samples, why) || NomosH5GetString(h, "/data", "file", file, sizeof(file), why)) return;
  Say(t, "  run: optimizer %s, seed %" PRId64 ", epoch %" PRId64 ", batches of %" PRId64 " of %" PRId64 " samples of %s\n", type, seed, epoch, batch, samples, file[0] ? file : "no file");
}

static void InspectTuner(const char path[], Text *t, NomosWhy *why);
static void InspectCheckpoint(const char path[], Text *t, NomosWhy *why)
{
  NomosCheckpoint c;
  NomosH5         h;
  char           *options;

  if (NomosCheckpointOpen(path, &h, &c, why)) {
    if (strstr(why->text, "has the schema 'nomos-tuner/")) { /* the container is sound */
      *why = (NomosWhy){0, ""};
      InspectTuner(path, t, why);
    }
    return;
  }
  Say(t, "%s: %s nomos-checkpoint/1, step=%" PRId64 " tensors=%d bytes=%" PRIu64 " sum=%016" PRIx64 " verified\n", path, NomosH5Has(h, "/optimizer") ? "checkpoint" : "model", c.step, c.tensors, c.bytes, c.sum);
  options = (char *)malloc(65536);
  if (!options) NomosWhySet(why, PETSC_ERR_MEM, "no memory for the options of '%s'", path);
  else if (NomosH5HasAttribute(h, "/config", "options") && !NomosH5GetString(h, "/config", "options", options, 65536, why)) SayOptions(path, options, t, why);
  free(options);
  if (!why->code) SayRun(h, t, why);
  if (!why->code && NomosH5Has(h, "/params")) SayTensors(h, "/params", t, why);
  NomosH5Close(&h);
}

/* ---- state of a tuner: another schema in the same container ------------------------------------------------------- */
static void InspectTuner(const char path[], Text *t, NomosWhy *why)
{
  NomosCheckpoint c;
  NomosH5         h;
  char(*names)[NOMOS_MAX_NAME] = (char(*)[NOMOS_MAX_NAME])malloc((size_t)64 * NOMOS_MAX_NAME);
  int n                        = 0;

  if (!names) NomosWhySet(why, PETSC_ERR_MEM, "no memory to list '%s'", path);
  else if (!NomosCheckpointOpenAs(path, "nomos-tuner/1", &h, &c, why)) {
    NomosH5List(h, "/tuner", 64, &n, names, why);
    if (!why->code) Say(t, "%s: tuner nomos-tuner/1, tuners=%d tensors=%d bytes=%" PRIu64 " sum=%016" PRIx64 " verified\n", path, n, c.tensors, c.bytes, c.sum);
    for (int i = 0; i < n && !why->code; i++) {
      char    group[2 * NOMOS_MAX_NAME], method[64], text[4096];
      int64_t rounds = 0;

      snprintf(group, sizeof(group), "/tuner/%s", names[i]);
      if (NomosH5GetString(h, group, "method", method, sizeof(method), why) || NomosH5GetNumber(h, group, "rounds", 1, &rounds, why) || NomosH5GetString(h, group, "description", text, sizeof(text), why)) break;
      if (rounds < 0) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': tuner '%s' says %" PRId64 " rounds, expected none or more; load another file", path, names[i], rounds);
      Say(t, "  %s: method %s, rounds %" PRId64 ", %s\n", names[i], method, rounds, text);
    }
    NomosH5Close(&h);
  }
  free(names);
}

/* ---- safetensors ----------------------------------------------------------------------------------------------- */
static void ReadAll(NomosTensors w, NomosWhy *why)
{
  for (int i = 0; i < NomosTensorsCount(w) && !why->code; i++) {
    const NomosTensorInfo *e = NomosTensorsGet(w, i);
    double                *v;

    if (e->dtype[0] == 'I' || e->dtype[0] == 'U' || !strcmp(e->dtype, "BOOL")) continue; /* listed, never read */
    if (!(v = (double *)malloc((size_t)e->count * sizeof(*v)))) NomosWhySet(why, PETSC_ERR_MEM, "no memory for %" PRId64 " values of tensor '%s'", e->count, e->name);
    else NomosTensorsRead(w, i, v, why);
    free(v);
  }
}

static void InspectTensors(const char path[], Text *t, NomosWhy *why)
{
  NomosTensors w;
  int64_t      entries = 0;
  int          summed  = 0;
  const char  *config;

  if (NomosTensorsOpen(path, &w, why)) return;
  if (!NomosTensorsVerify(w, &summed, why)) ReadAll(w, why);
  for (int i = 0; i < NomosTensorsCount(w); i++) entries += NomosTensorsGet(w, i)->count;
  if (!why->code) {
    Say(t, "%s: safetensors, tensors=%d entries=%" PRId64 " %s\n", path, NomosTensorsCount(w), entries, summed ? "sum verified" : "no sum");
    if ((config = NomosTensorsGetMetadata(w, "config"))) SayOptions(path, config, t, why);
    for (int i = 0; i < NomosTensorsCount(w); i++) {
      const NomosTensorInfo *e = NomosTensorsGet(w, i);

      Say(t, "  %s %s ", e->name, e->dtype);
      SayShape(t, e->rank, e->shape);
      Say(t, "\n");
    }
  }
  NomosTensorsClose(&w);
}

/* ---- reference values ------------------------------------------------------------------------------------------ */
/* Every dataset below a case: x, target, y, loss/NAME, grad_input/NAME, grad/NAME/KEY. */
static int ScanReference(NomosH5 h, const char group[], int depth, int *tensors, NomosWhy *why)
{
  const int max                = 1024;
  char(*names)[NOMOS_MAX_NAME] = (char(*)[NOMOS_MAX_NAME])malloc((size_t)max * NOMOS_MAX_NAME);
  int n                        = 0;

  if (!names) return NomosWhySet(why, PETSC_ERR_MEM, "no memory to list '%s'", group);
  NomosH5List(h, group, max, &n, names, why);
  for (int i = 0; i < n && !why->code; i++) {
    char    path[NOMOS_MAX_NAME], kind;
    int64_t nonfinite = 0;

    if (snprintf(path, sizeof(path), "%s/%s", group, names[i]) >= (int)sizeof(path)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the path of '%s' is too long", NomosH5GetPath(h), names[i]);
    else if ((kind = NomosH5GetKind(h, path)) == 'g' && depth < 3) ScanReference(h, path, depth + 1, tensors, why);
    else if (kind != 'd') NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' is neither a dataset nor a group that belongs there", NomosH5GetPath(h), path);
    else if (!NomosH5Scan(h, path, &nonfinite, why)) ++*tensors;
    if (nonfinite) NomosWhySet(why, PETSC_ERR_FP, "'%s': %" PRId64 " values of '%s' are NaN or Inf, expected numbers", NomosH5GetPath(h), nonfinite, path);
  }
  free(names);
  return why->code;
}

static void InspectReference(NomosH5 h, Text *t, NomosWhy *why)
{
  int64_t cases = 0;
  int     tensors = 0;
  char    kind[64];

  if (NomosH5GetString(h, "/", "kind", kind, sizeof(kind), why)) return;
  if (!strcmp(kind, "model")) {
    if (NomosH5GetNumber(h, "/", "cases", 1, &cases, why)) return;
    if (cases < 1 || cases > 64) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' says that it has %" PRId64 " cases, expected 1 to 64", NomosH5GetPath(h), cases);
    for (int k = 0; k < cases && !why->code; k++) {
      char group[32];

      snprintf(group, sizeof(group), "/case_%d", k);
      ScanReference(h, group, 1, &tensors, why);
    }
  }
  if (!why->code) Say(t, "%s: reference values nomos-reference/1, kind=%s cases=%" PRId64 " tensors=%d\n", NomosH5GetPath(h), kind, cases, tensors);
}

/* ---- doors ----------------------------------------------------------------------------------------------------- */
static void InspectHDF5(const char path[], int allow_nan, Text *t, NomosWhy *why)
{
  char    schema[64] = "";
  NomosH5 h;

  if (NomosH5Open(path, &h, why)) return;
  if (NomosH5HasAttribute(h, "/", "schema")) NomosH5GetString(h, "/", "schema", schema, sizeof(schema), why);
  if (!why->code && !strcmp(schema, "nomos-reference/1")) {
    InspectReference(h, t, why);
    NomosH5Close(&h);
  } else {
    NomosH5Close(&h);
    if (!why->code) InspectDataset(path, allow_nan, t, why);
  }
}

static void Inspect(const char path[], int allow_nan, Text *t, NomosWhy *why)
{
  struct stat   st;
  unsigned char head[16];
  FILE         *f;
  size_t        n;

  if (stat(path, &st)) {
    NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open '%s': %s; check the name and the working directory", path, strerror(errno));
    return;
  }
  if (!S_ISREG(st.st_mode)) {
    NomosWhySet(why, PETSC_ERR_FILE_OPEN, "'%s' is a folder or a device, expected a regular file; give the name of a data set, model or safetensors file", path);
    return;
  }
  if (!(f = fopen(path, "rb"))) {
    NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open '%s': %s; check the permissions", path, strerror(errno));
    return;
  }
  n = fread(head, 1, sizeof(head), f);
  fclose(f);
  if (n >= 8 && !memcmp(head, "NOMOSCK1", 8)) InspectCheckpoint(path, t, why);
  else if (n >= 8 && !memcmp(head, "\x89HDF\r\n\x1a\n", 8)) InspectHDF5(path, allow_nan, t, why);
  else if (n >= 9 && head[8] == '{') InspectTensors(path, t, why);
  else if (n >= 4 && (!memcmp(head, "PK\3\4", 4) || head[0] == 0x80)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' looks like a Python pickle or archive (.pt, .pth), which can run code and is never read; export it to safetensors (docs/files.md)", path);
  else NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' (%lld bytes) is none of: data set or reference values in HDF5, model, checkpoint or tuner state of Nomos, safetensors; give the name of one of these (docs/files.md says how they are made)", path, (long long)st.st_size);
}

/*@C
  NomosFileInspect - what a file is, whether it is sound, and what it holds; parses and calls neither PETSc nor MPI

  Not Collective

  Input Parameters:
+ path      - the file
. allow_nan - nonzero: a data set may hold NaN or Inf
- len       - length of text

  Output Parameter:
. text - for a sound file lines of which the first says what it is; for another one sentence: what was found, what was expected

  Note: returns 0 for a sound file and 1 for one that is refused, not a PetscErrorCode: it may be called before
  PetscInitialize() and in a child process. libhdf5 itself may crash on a malicious file; the program calls this in a child.

  Errors: none is raised

  Level: intermediate
.seealso: `NomosDataSetUp()`, `NomosMapLoad()`
@*/
int NomosFileInspect(const char path[], int allow_nan, char text[], size_t len)
{
  NomosWhy why = {0, ""};
  Text     t   = {text, len, 0};

  if (len) text[0] = 0;
  Inspect(path, allow_nan, &t, &why);
  if (!why.code) return 0;
  t.at = 0;
  Say(&t, "%s", why.text);
  return 1;
}

/*@C
  NomosCheckFileHere - is a file sound? One sentence; parses and calls neither PETSc nor MPI

  Not Collective

  Input Parameters:
+ path - the file
- len  - length of sentence

  Output Parameter:
. sentence - what the file is, or why it is refused

  Note: returns 0 for a sound file and 1 for one that is refused, see NomosFileInspect().

  Errors: none is raised

  Level: intermediate
.seealso: `NomosFileInspect()`
@*/
int NomosCheckFileHere(const char path[], char sentence[], size_t len)
{
  const int refused = NomosFileInspect(path, 0, sentence, len);

  if (len) sentence[strcspn(sentence, "\n")] = 0;
  return refused;
}
