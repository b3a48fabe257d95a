/*
  Mutated files through every reader, under the address and undefined-behaviour sanitizers; fixed seeds, so a run repeats.

  safetensors, the block of a checkpoint and option lists are parsed in this process: any report of a sanitizer ends the test.
  HDF5 files are parsed in forked children, a batch each. libhdf5 has memory errors of its own on malformed metadata, which
  the program survives because `nomos check` parses in a child: a crash whose first frame lies in libhdf5 counts as refused,
  a crash anywhere else fails, and the file is kept as crash-N in the test's folder (it belongs into tests/corpus then).
*/
#include "src/data/data.h"
#include "src/nomos.h"
#include <dirent.h>
#include <fcntl.h>
#include <hdf5.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#define NOMOSTEST_NO_PETSC
#include "nomostest.h"

#define BATCH 25
#define SECONDS 1 /* a child may spend on one file; `nomos check` has such a limit too */

/* Huge requests fail as they do for everybody; the leaks of libhdf5 after an error are not ours. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1:max_allocation_size_mb=1024:detect_stack_use_after_return=0:handle_abort=1"; }
const char *__lsan_default_suppressions(void) { return "leak:libhdf5\nleak:H5\n"; }

typedef struct {
  unsigned char *p;
  size_t         n;
} Bytes;

static long long Files, Accepted, Refused, Inside, Slow;

/* ---- mutations ------------------------------------------------------------------------------------------------- */
static uint64_t State;
static uint64_t Random(uint64_t below)
{
  State = State * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth's MMIX generator */
  return (State >> 33) % (below ? below : 1);
}

static Bytes Slurp(const char path[])
{
  FILE *f = fopen(path, "rb");
  Bytes b = {NULL, 0};

  if (!f) return b;
  fseek(f, 0, SEEK_END);
  b.n = (size_t)ftell(f);
  rewind(f);
  b.p = (unsigned char *)malloc(b.n + 1);
  if (fread(b.p, 1, b.n, f) != b.n) abort();
  fclose(f);
  return b;
}

static void Spit(const char path[], Bytes b)
{
  FILE *f = fopen(path, "wb");

  if (!f || fwrite(b.p, 1, b.n, f) != b.n || fclose(f)) abort();
}

/* Where the structure of a file is: near the marks of HDF5's metadata and in the first kilobytes, seldom among the values. */
static size_t Place(Bytes b)
{
  static const char *const marks[] = {"TREE", "HEAP", "SNOD", "GCOL", "OHDR", "OCHK", "FRHP", "FADB", "\x89HDF", "deflate", "schema", "axes", "nomos_sum", "input"};
  const char              *mark    = marks[Random(sizeof(marks) / sizeof(marks[0]))];
  const size_t             len = strlen(mark), kind = Random(10);

  if (kind < 6 && b.n > len) {
    const size_t from = Random(b.n);

    for (size_t k = 0; k + len < b.n; k++) {
      const size_t at = (from + k) % (b.n - len);

      if (!memcmp(b.p + at, mark, len)) return (at + Random(160)) % b.n;
    }
  }
  return kind < 9 ? Random(b.n < 4096 ? b.n : 4096) : Random(b.n);
}

static void Edit(Bytes *b, Bytes other)
{
  static const uint64_t odd[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000u, 0xffffffffu, UINT64_C(1) << 40, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX, 8, 9, 32, 33};
  uint64_t              v;
  size_t                at = Place(*b), len, from;

  switch (Random(7)) {
  case 0:
  case 1: b->p[at] ^= (unsigned char)(1u << Random(8)); break;
  case 2: b->p[at] = (unsigned char)odd[Random(6)]; break;
  case 3: /* a length or an address */
    v   = Random(3) ? odd[Random(sizeof(odd) / sizeof(odd[0]))] : b->n + Random(3) - 1;
    len = (size_t)1 << Random(4);
    if (at + len <= b->n) memcpy(b->p + at, &v, len);
    break;
  case 4: /* a piece of another place or file */
    len  = 1 + Random(64);
    from = other.n > len ? Random(other.n - len) : 0;
    if (at + len <= b->n && from + len <= other.n) memcpy(b->p + at, other.p + from, len);
    break;
  case 5: /* bytes fall out */
    len = 1 + Random(16);
    if (at + len < b->n && !Random(4)) {
      memmove(b->p + at, b->p + at + len, b->n - at - len);
      b->n -= len;
    }
    break;
  default:
    if (!Random(6)) b->n = Random(b->n); /* cut */
  }
}

/* A mutated copy, in memory of exactly its size, so that one byte too far is seen. */
static Bytes Mutate(Bytes base, Bytes other)
{
  Bytes          b = {(unsigned char *)malloc(base.n + 1), base.n};
  unsigned char *exact;

  memcpy(b.p, base.p, base.n);
  for (uint64_t k = 1 + Random(6); k && b.n; k--) Edit(&b, other);
  exact = (unsigned char *)malloc(b.n ? b.n : 1);
  memcpy(exact, b.p, b.n);
  free(b.p);
  b.p = exact;
  return b;
}

static void Count(int refused)
{
  Files++;
  Accepted += !refused;
  Refused += refused != 0;
}

/* ---- in this process ------------------------------------------------------------------------------------------- */
static void Safetensors(int n, uint64_t seed)
{
  static const char *const names[] = {"tests/golden/fno2d_separable_tucker.safetensors", "tests/golden/fno2d_f32_c64.safetensors", "tests/golden/fno3d_tucker_f32.safetensors"};
  Bytes                    base[3];

  State = seed;
  for (int i = 0; i < 3; i++) base[i] = Slurp(NomosTestFile(names[i]));
  for (int i = 0; i < n; i++) {
    NomosWhy     why = {0, ""};
    Bytes        b   = Mutate(base[i % 3], base[(i + 1) % 3]);
    NomosTensors t;

    NomosTensorsOpenMemory("mutant", b.p, b.n, &t, &why);
    for (int k = 0; t && k < NomosTensorsCount(t); k++) {
      NomosWhy ignore = {0, ""};
      double  *v      = (double *)malloc((size_t)NomosTensorsGet(t, k)->count * sizeof(double));
      int      summed;

      NomosTensorsRead(t, k, v, &ignore);
      NomosTensorsVerify(t, &summed, &ignore);
      free(v);
    }
    NomosTensorsClose(&t);
    free(b.p);
    Count(why.code != 0);
    CheckTrue("a refusal has a sentence", !why.code || why.text[0]);
  }
  for (int i = 0; i < 3; i++) free(base[i].p);
}

static void Blocks(Bytes model, int n, uint64_t seed)
{
  int accepted = 0;

  State = seed;
  for (int i = 0; i < n; i++) {
    NomosWhy        why = {0, ""};
    NomosCheckpoint c;
    Bytes           b = Mutate(model, model);
    const int       same = b.n == model.n && !memcmp(b.p, model.p, b.n);

    Count(NomosCheckpointVerifyBlock(b.p, b.n, &c, &why));
    accepted += !why.code && !same;
    free(b.p);
  }
  CheckInt("changed checkpoints that were accepted", accepted, 0); /* a chance of 2^-64 each */
}

/* Does an option's name, or "python" anywhere, say that it loads code, opens a file or prints? */
static int Forbidden(char *list)
{
  int bad = strstr(list, "python") != NULL;

  for (char *w = strtok(list, " "); w; w = strtok(NULL, " "))
    if (w[0] == '-' && w[1] >= 'a' && w[1] <= 'z') bad += strstr(w, "dll") || strstr(w, "file") || strstr(w, "view") || (strncmp(w, "-net_", 5) && strncmp(w, "-tao_", 5) && strncmp(w, "-pde_", 5) && strncmp(w, "-loss_", 6));
  return bad;
}

static void Options(int n, uint64_t seed)
{
  static const char good[] = "-net_type fno -net_fno_modes 8,8 -net_fno_rank 0.5 # note\n-dll_append x -tao_schedule_file z -tao_adamw_lr 1e-3 -options_file y -pde_type python\n-loss_type h1fd,sobolev -net_view a:b ";
  Bytes             base   = {(unsigned char *)strdup(good), sizeof(good) - 1};
  int               bad    = 0;

  State = seed;
  for (int i = 0; i < n; i++) {
    NomosWhy why = {0, ""};
    Bytes    b   = Mutate(base, base);
    char    *text = (char *)malloc(b.n + 1), *clean = (char *)malloc(b.n + 1);
    int      dropped;

    memcpy(text, b.p, b.n);
    text[b.n] = 0;
    {
      char *exact = strdup(text), *room = (char *)malloc(strlen(text) + 1);

      Count(NomosOptionListClean("mutant", exact, room, &dropped, &why));
      if (!why.code) bad += strlen(room) > strlen(exact) || Forbidden(room);
      free(exact);
      free(room);
    }
    free(text);
    free(clean);
    free(b.p);
  }
  free(base.p);
  CheckInt("options that a file may not set", bad, 0);
}

/* ---- in children ----------------------------------------------------------------------------------------------- */
/* Is the first frame outside of the runtime in libhdf5? The report lies in `report`. */
static int CrashedInside(const char report[])
{
  FILE *f = fopen(report, "r");
  char  line[4096];
  int   inside = 0;

  while (f && fgets(line, sizeof(line), f)) {
    const char *hash = strstr(line, "    #");

    if (!hash) continue;
    if (strstr(line, "libasan") || strstr(line, "libubsan") || strstr(line, "sanitizer") || strstr(line, "interceptor") || strstr(line, "/libc.so") || strstr(line, "sysdeps") || strstr(line, "libz.so") || strstr(line, "string/")) continue;
    inside = strstr(line, "libhdf5") != NULL;
    break;
  }
  if (f) fclose(f);
  return inside;
}

/* Parses files first.. of a batch; one byte through the pipe for each, its verdict. */
static void Child(int first, int n, int pipe_out, const char report[])
{
  const int fd = open(report, O_WRONLY | O_CREAT | O_TRUNC, 0666);

  dup2(fd, 2);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  for (int i = first; i < n; i++) {
    char          name[64], text[4096];
    unsigned char verdict;

    snprintf(name, sizeof(name), "mutant-%d", i);
    alarm(SECONDS);
    verdict = (unsigned char)NomosFileInspect(name, i % 2, text, sizeof(text));
    alarm(0);
    if (!text[0]) verdict = 2;
    if (write(pipe_out, &verdict, 1) != 1) _exit(3);
  }
  _exit(0);
}

static void KeepCrash(const char name[], const char report[])
{
  static int number = 0;
  char       keep[64], line[4096];
  FILE      *f;

  snprintf(keep, sizeof(keep), "crash-%d", number++);
  rename(name, keep);
  fprintf(stderr, "crash outside of libhdf5, kept as %s:\n", keep);
  if ((f = fopen(report, "r"))) {
    for (int k = 0; k < 40 && fgets(line, sizeof(line), f); k++) fputs(line, stderr);
    fclose(f);
  }
}

/* n files mutant-0.. lie in the folder; a child that dies is followed by another one behind the file that killed it. */
static void RunBatch(int n)
{
  int done = 0;

  while (done < n) {
    int           ends[2], status, outside = 0;
    unsigned char verdict;
    pid_t         pid;
    char          name[64];

    if (pipe(ends)) abort();
    fflush(NULL);
    pid = fork();
    if (!pid) {
      close(ends[0]);
      Child(done, n, ends[1], "report");
    }
    close(ends[1]);
    while (read(ends[0], &verdict, 1) == 1) {
      Count(verdict != 0);
      CheckTrue("a verdict has a sentence", verdict < 2);
      done++;
    }
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid) abort();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    snprintf(name, sizeof(name), "mutant-%d", done);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) Slow++; /* libhdf5 runs in circles over a broken global heap */
    else if (CrashedInside("report")) Inside++;
    else outside = 1;
    if (outside) KeepCrash(name, "report");
    CheckTrue("a crash lies in libhdf5", !outside);
    Count(1);
    done++;
  }
}

static void FixSum(Bytes b)
{
  uint64_t sum = 0, n = b.n;

  if (b.n < 512) return;
  memcpy(b.p, "NOMOSCK1", 8);
  memcpy(b.p + 8, &n, 8);
  memset(b.p + 16, 0, 8);
  sum = NomosSum(b.p, 8, 0, (int64_t)(b.n / 8));
  if (b.n % 8) {
    unsigned char last[8] = {0};

    memcpy(last, b.p + b.n / 8 * 8, b.n % 8);
    sum += NomosSum(last, 8, (int64_t)(b.n / 8), 1);
  }
  memcpy(b.p + 16, &sum, 8);
}

/* Mutants of a file; of a checkpoint the block and the sum are made to fit again, so that HDF5 gets to see the rest. */
static void Container(Bytes base, Bytes other, int n, uint64_t seed, int checkpoint)
{
  State = seed;
  for (int at = 0; at < n; at += BATCH) {
    const int take = n - at < BATCH ? n - at : BATCH;

    for (int i = 0; i < take; i++) {
      Bytes b = Mutate(base, other);
      char  name[64];

      if (checkpoint) FixSum(b);
      snprintf(name, sizeof(name), "mutant-%d", i);
      Spit(name, b);
      free(b.p);
    }
    RunBatch(take);
  }
}

/* Files that once broke something, or that are meant to: all refused. */
static void Corpus(void)
{
  DIR           *d = opendir(NomosTestFile("tests/corpus"));
  struct dirent *e;
  int            n = 0, before = (int)Accepted;

  while (d && (e = readdir(d))) {
    char  path[512], name[64];
    Bytes b;

    if (e->d_name[0] == '.' || strstr(e->d_name, ".md")) continue;
    snprintf(path, sizeof(path), "tests/corpus/%.200s", e->d_name);
    b = Slurp(NomosTestFile(path));
    snprintf(name, sizeof(name), "mutant-%d", n++);
    Spit(name, b);
    free(b.p);
  }
  if (d) closedir(d);
  RunBatch(n);
  CheckTrue("the corpus is there", n > 0);
  CheckInt("files of the corpus that are accepted", Accepted - before, 0);
}

static void MakeModel(const char path[])
{
  NomosWhy      why = {0, ""};
  NomosImage    image;
  const int64_t shape[2] = {8, 16};
  double        w[128];

  for (int i = 0; i < 128; i++) w[i] = i;
  NomosImageCreate(&image, &why);
  NomosImagePutString(image, "/config", "options", "-net_type fno -net_fno_modes 8,8", &why);
  NomosImagePutTensor(image, "/params", "a.weight", 'd', 2, shape, w, &why);
  NomosImagePutTensor(image, "/params", "b.weight", 'f', 1, shape, w, &why);
  NomosImagePutTensor(image, "/optimizer/m", "a.weight", 'd', 2, shape, w, &why);
  NomosImageWrite(image, path, 3, &why);
  NomosImageDestroy(&image);
  CheckTrue(why.text, !why.code);
}

static void MakeDataset(const char path[])
{
  NomosWhy     why = {0, ""};
  NomosDataset d   = {.dim = 2, .n = {4, 8, 1}, .length = {1, 1, 1}, .samples = 6, .nfields = {1, 1}, .problem = "fuzz"};
  NomosWriter  w;
  double       v[6 * 32];

  for (int i = 0; i < 6 * 32; i++) v[i] = i;
  strcpy(d.field[0][0].name, "a");
  strcpy(d.field[1][0].name, "u");
  d.field[0][0].channels = d.field[1][0].channels = 1;
  NomosWriterOpen(path, &d, 0, &w, &why);
  NomosWriterPut(w, 0, 0, 6, v, 0, &why);
  NomosWriterPut(w, 1, 0, 6, v, 0, &why);
  NomosWriterClose(&w, &why);
  CheckTrue(why.text, !why.code);
}

int main(int argc, char **argv)
{
  const int scale = argc > 1 ? atoi(argv[1]) : 1; /* fuzz 50: fifty times as many, other seeds */
  Bytes     darcy, ours, model, reference;

  MakeModel("model.h5");
  MakeDataset("ours.h5");
  darcy     = Slurp(NomosTestFile("examples/data/darcy16_test.h5"));
  ours      = Slurp("ours.h5");
  model     = Slurp("model.h5");
  reference = Slurp(NomosTestFile("tests/golden/fno2d_separable_tucker.h5"));
  Corpus();
  for (uint64_t s = 1; s <= (uint64_t)scale; s++) {
    Safetensors(1200, 10 * s + 1);
    Blocks(model, 300, 10 * s + 2);
    Options(600, 10 * s + 3);
    Container(darcy, ours, 300, 10 * s + 4, 0);
    Container(ours, darcy, 250, 10 * s + 5, 0);
    Container(reference, darcy, 150, 10 * s + 6, 0);
    Container(model, darcy, 300, 10 * s + 7, 1);
  }
  free(darcy.p);
  free(ours.p);
  free(model.p);
  free(reference.p);
  printf("fuzz: files=%lld accepted=%lld refused=%lld of these crashed_in_libhdf5=%lld too_slow=%lld\n", Files, Accepted, Refused, Inside, Slow);
  CheckTrue("at least 2000 files", Files >= 2000);
  CheckTrue("some are accepted, most are refused", Accepted > 0 && Refused > Files / 2);
  H5close();
  return NomosTestResult();
}

/*TEST
  sanitize: yes
  sources: src/data/guard.c src/data/finish.c src/data/h5.c src/data/hdf5.c src/data/dataset.c src/data/write.c src/data/checkpoint.c src/data/optionlist.c src/data/safetensors.c src/data/check.c
  np: 1  timeout: 300
TEST*/
