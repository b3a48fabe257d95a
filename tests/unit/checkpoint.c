/*
  nomos-checkpoint/1: what goes in comes out bit for bit; any flipped bit, cut or extension is refused; a folder gives its newest
  good file and names the bad ones; a full disk costs the new file only. The sums are evaluated here once more, from the
  description of the format.
*/
#include "src/data/data.h"
#include <hdf5.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#define NOMOSTEST_NO_PETSC
#include "nomostest.h"

static const int64_t shape[3] = {3, 4, 2};
static double        weight[24];
static float         half_weight[5];
static int64_t       columns[6] = {1, -2, 3, INT64_MAX, INT64_MIN, 0};

static NomosImage Build(int64_t step)
{
  NomosWhy      why = {0, ""};
  NomosImage    image;
  const int64_t five = 5, six = 6;

  for (int i = 0; i < 24; i++) weight[i] = sin(i + 1.0) * pow(10, i - 12) + (double)step;
  for (int i = 0; i < 5; i++) half_weight[i] = (float)cos(i);
  NomosImageCreate(&image, &why);
  NomosImagePutString(image, "/config", "options", "-net_type fno -net_fno_modes 8,8", &why);
  NomosImagePutTensor(image, "/params", "fno_blocks.convs.0.weight.tensor", 'd', 3, shape, weight, &why);
  NomosImagePutTensor(image, "/params", "scalar", 'd', 0, NULL, weight, &why);
  NomosImagePutTensor(image, "/optimizer/m", "fno_blocks.convs.0.weight.tensor", 'f', 1, &five, half_weight, &why);
  NomosImagePutInteger(image, "/optimizer", "step", step, &why);
  NomosImagePutReal(image, "/best", "error", 0.1, &why);
  NomosImagePutTensor(image, "/history", "step", 'i', 1, &six, columns, &why);
  CheckTrue(why.code ? why.text : "image", !why.code);
  return image;
}

static unsigned char *Slurp(const char path[], size_t *n)
{
  FILE          *f = fopen(path, "rb");
  unsigned char *p;

  fseek(f, 0, SEEK_END);
  *n = (size_t)ftell(f);
  rewind(f);
  p = (unsigned char *)malloc(*n + 16);
  if (fread(p, 1, *n, f) != *n) abort();
  fclose(f);
  return p;
}

static void Spit(const char path[], const unsigned char *p, size_t n)
{
  FILE *f = fopen(path, "wb");

  if (fwrite(p, 1, n, f) != n || fclose(f)) abort();
}

static uint64_t Mix(uint64_t z)
{
  z = z + UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static void RoundTrip(void)
{
  NomosWhy        why   = {0, ""};
  NomosImage      image = Build(7);
  NomosCheckpoint c;
  NomosH5         h;
  NomosH5Info     info;
  char            options[64];
  double          back[24], error;
  int64_t         step, column[6];
  unsigned char  *p;
  size_t          n;
  uint64_t        sum = 0, word;

  NomosImageWrite(image, "model.h5", 7, &why);
  NomosImageDestroy(&image);
  CheckTrue(why.code ? why.text : "written", !NomosCheckpointOpen("model.h5", &h, &c, &why));
  CheckInt("step", c.step, 7);
  CheckInt("tensors", c.tensors, 4);
  NomosH5GetString(h, "/config", "options", options, sizeof(options), &why);
  CheckTrue("options", !strcmp(options, "-net_type fno -net_fno_modes 8,8"));
  NomosH5GetNumber(h, "/optimizer", "step", 1, &step, &why);
  CheckInt("integer", step, 7);
  NomosH5GetNumber(h, "/best", "error", 0, &error, &why);
  CheckClose("real", error, 0.1, 0);
  NomosH5GetInfo(h, "/params/fno_blocks.convs.0.weight.tensor", &info, &why);
  CheckTrue("shape", info.rank == 3 && info.shape[0] == 3 && info.shape[1] == 4 && info.shape[2] == 2 && info.has_sum && info.size == 8);
  NomosH5Read(h, "/params/fno_blocks.convs.0.weight.tensor", NULL, NULL, back, &why);
  CheckTrue("doubles bit for bit", !memcmp(back, weight, sizeof(weight)));
  NomosH5Read(h, "/params/scalar", NULL, NULL, back, &why);
  CheckClose("scalar", back[0], weight[0], 0);
  NomosH5Read(h, "/optimizer/m/fno_blocks.convs.0.weight.tensor", NULL, NULL, back, &why);
  CheckClose("float", back[3], half_weight[3], 0);
  NomosH5ReadIntegers(h, "/history/step", column, &why);
  CheckTrue("integers", !memcmp(column, columns, sizeof(columns)));
  CheckTrue(why.text, !why.code);
  NomosH5Close(&h);
  CheckTrue("no .part", access("model.h5.part", F_OK) != 0);

  p = Slurp("model.h5", &n); /* length and sum, from the description */
  memset(p + n, 0, 8);
  CheckTrue("magic", !memcmp(p, "NOMOSCK1", 8));
  memcpy(&word, p + 8, 8);
  CheckTrue("length", word == n);
  memcpy(&word, p + 16, 8);
  memset(p + 16, 0, 8);
  for (uint64_t i = 0; i < (n + 7) / 8; i++) {
    uint64_t w;

    memcpy(&w, p + 8 * i, 8);
    sum += Mix(w + Mix(i));
  }
  CheckTrue("file sum", word == sum);
  free(p);
}

/* One bit anywhere, every length: refused before HDF5 is asked. */
static void Damage(void)
{
  NomosCheckpoint c;
  NomosH5         h;
  unsigned char  *p;
  size_t          n;
  int             accepted = 0;

  p = Slurp("model.h5", &n);
  for (size_t at = 0; at < n; at += at < 40 ? 1 : 61) {
    NomosWhy why = {0, ""};

    p[at] ^= (unsigned char)(1u << at % 8);
    accepted += !NomosCheckpointVerifyBlock(p, n, &c, &why);
    p[at] ^= (unsigned char)(1u << at % 8);
  }
  for (size_t cut = 0; cut < n; cut += 97) {
    NomosWhy why = {0, ""};

    accepted += !NomosCheckpointVerifyBlock(p, cut, &c, &why);
  }
  CheckInt("damaged images that were accepted", accepted, 0);
  for (int k = 0; k < 3; k++) { /* the same through files */
    NomosWhy why = {0, ""};

    p[n]     = 0;
    p[n / 2] ^= (unsigned char)(k == 0);
    Spit("bad.h5", p, k == 1 ? n - 1 : n + (k == 2));
    p[n / 2] ^= (unsigned char)(k == 0);
    CheckTrue("damaged file refused", NomosCheckpointOpen("bad.h5", &h, &c, &why) == PETSC_ERR_FILE_UNEXPECTED);
    CheckTrue(why.text, strstr(why.text, k ? "cut or extended" : "changed or damaged") != NULL);
  }
  free(p);
}

static void Break(const char path[])
{
  unsigned char *p;
  size_t         n;

  p = Slurp(path, &n);
  p[n - 100] ^= 4;
  Spit(path, p, n);
  free(p);
}

static int Save(int64_t step, NomosWhy *why)
{
  NomosImage image = Build(step);

  NomosCheckpointSave("run/ckpt", 2, image, step, why);
  NomosImageDestroy(&image);
  return why->code;
}

#define NAME(step) "run/ckpt/checkpoint-000000" #step ".h5"

static void CheckNewest(const char what[], int64_t want, const char names[])
{
  NomosWhy        why = {0, ""};
  NomosCheckpoint c;
  NomosH5         h;
  char            skipped[1000];
  int             found;

  NomosCheckpointNewest("run/ckpt", &h, &c, &found, skipped, sizeof(skipped), &why);
  CheckTrue(what, found && c.step == want);
  CheckTrue(skipped, names ? strstr(skipped, names) != NULL : !skipped[0]);
  NomosH5Close(&h);
}

static void Folder(void)
{
  NomosWhy        why = {0, ""};
  NomosCheckpoint c;
  NomosH5         h;
  char            skipped[1000];
  int             found;
  struct rlimit   old, small;

  if (system("rm -rf run && mkdir -p run/empty")) abort();
  NomosCheckpointNewest("run/empty", &h, &c, &found, skipped, sizeof(skipped), &why);
  CheckTrue("an empty folder is no error", !why.code && !found);
  for (int s = 100; s <= 300; s += 100) CheckInt("save", Save(s, &why), 0);
  CheckTrue("two are kept", access(NAME(100), F_OK) && !access(NAME(200), F_OK) && !access(NAME(300), F_OK));
  CheckNewest("the newest", 300, NULL);
  Break(NAME(300));
  CheckNewest("the older one", 200, "checkpoint-000000300.h5");
  CheckInt("save", Save(400, &why), 0);
  CheckTrue("a bad file does not count", !access(NAME(200), F_OK));
  getrlimit(RLIMIT_FSIZE, &old);
  small          = old;
  small.rlim_cur = 3000;
  setrlimit(RLIMIT_FSIZE, &small); /* like a full disk */
  CheckInt("no room", Save(500, &why), PETSC_ERR_FILE_WRITE);
  setrlimit(RLIMIT_FSIZE, &old);
  CheckTrue(why.text, strstr(why.text, "File too large") != NULL);
  CheckTrue("nothing half-written stays", access(NAME(500), F_OK) && access("run/ckpt/checkpoint-000000500.h5.part", F_OK));
  CheckNewest("nothing is lost", 400, NULL);
  why.code = 0;
  CheckInt("it works again", Save(500, &why), 0);
  CheckTrue("pruned", access(NAME(200), F_OK) && !access(NAME(400), F_OK));
  Break(NAME(400));
  Break(NAME(500));
  CheckTrue("none left is an error", NomosCheckpointNewest("run/ckpt", &h, &c, &found, skipped, sizeof(skipped), &why) == PETSC_ERR_FILE_UNEXPECTED && !found);
  CheckTrue(why.text, strstr(why.text, "checkpoint-000000500.h5") != NULL);
  why.code = 0;
  CheckTrue("no such folder", NomosCheckpointNewest("run/nowhere", &h, &c, &found, skipped, sizeof(skipped), &why) == PETSC_ERR_FILE_OPEN);
  why.code = 0;
  CheckInt("a file in the way", NomosCheckpointSave("model.h5/ckpt", 2, NULL, 1, &why), PETSC_ERR_FILE_WRITE);
}

/* A killed writer leaves a .part and no damaged checkpoint. */
static void Killed(void)
{
  NomosWhy        why = {0, ""};
  NomosCheckpoint c;
  NomosH5         h;
  char            skipped[1000];
  int             found;
  unsigned char  *p;
  size_t          n;

  CheckInt("save", Save(600, &why), 0);
  p = Slurp(NAME(600), &n);
  Spit("run/ckpt/checkpoint-000000700.h5.part", p, n / 2);
  free(p);
  NomosCheckpointNewest("run/ckpt", &h, &c, &found, skipped, sizeof(skipped), &why);
  CheckTrue("the .part is not a checkpoint", found && c.step == 600);
  NomosH5Close(&h);
  CheckInt("save", Save(800, &why), 0);
  CheckTrue("the .part is swept up", access("run/ckpt/checkpoint-000000700.h5.part", F_OK) != 0);
}

/* kill -9 at any moment: a child saves and saves, is killed after a time of its own, and the newest file that verifies is
   the last one that it finished or the one it was giving its name to. */
static void KilledAnywhere(void)
{
  for (int k = 0; k < 12; k++) {
    NomosWhy        why = {0, ""};
    NomosCheckpoint c;
    NomosH5         h;
    char            skipped[1000];
    int             found, ends[2], status;
    int64_t         step, last = 0;
    pid_t           pid;

    if (system("rm -rf run/ckpt && mkdir -p run/ckpt") || pipe(ends)) abort();
    pid = fork();
    if (!pid)
      for (step = 1;; step++)
        if (Save(step, &why) || write(ends[1], &step, sizeof(step)) != sizeof(step)) _exit(1);
    close(ends[1]);
    usleep((useconds_t)(40000 + 3777 * k)); /* within the first few saves, at places that differ */
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    while (read(ends[0], &step, sizeof(step)) == sizeof(step)) last = step;
    close(ends[0]);
    CheckTrue("killed, not failed", WIFSIGNALED(status));
    NomosCheckpointNewest("run/ckpt", &h, &c, &found, skipped, sizeof(skipped), &why);
    CheckTrue(why.code ? why.text : "nothing finished is lost", !why.code && !skipped[0] && (found ? c.step >= last && c.step <= last + 1 : last == 0));
    NomosH5Close(&h);
  }
}

static void OptionList(void)
{
  static const struct {
    const char *text, *clean;
    int         dropped, code;
  } cases[] = {
    {"# comment\n-net_type fno\n-net_fno_modes 8,8 # more\n-net_fno_shift -1 -net_fno_separable", "-net_type fno -net_fno_modes 8,8 -net_fno_shift -1 -net_fno_separable", 0, 0},
    {"-dll_append evil.so -net_type fno -options_file x", "-net_type fno", 2, 0},
    {"-pde_pc_type python -pde_ksp_pc_python_type a.b -net_view ascii:out", "", 3, 0},
    {"-tao_monitor -tao_schedule_file list -net_fno_rank 0.5 -loss_type ../x", "-net_fno_rank 0.5", 3, 0},
    {"-tao_type adamw -net_type $(rm)", "-tao_type adamw", 1, 0},
    {"net_type fno", "", 0, PETSC_ERR_FILE_UNEXPECTED},
    {"-net_type f\001o", "", 0, PETSC_ERR_FILE_UNEXPECTED},
    {"", "", 0, 0}
  };

  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    NomosWhy why = {0, ""};
    char     clean[256];
    int      dropped;

    CheckInt(cases[i].text, NomosOptionListClean("test", cases[i].text, clean, &dropped, &why), cases[i].code);
    if (cases[i].code) continue;
    CheckTrue(clean, !strcmp(clean, cases[i].clean));
    CheckInt(cases[i].text, dropped, cases[i].dropped);
  }
}

int main(void)
{
  RoundTrip();
  Damage();
  Folder();
  Killed();
  KilledAnywhere();
  OptionList();
  H5close();
  return NomosTestResult();
}

/*TEST
  sanitize: yes
  sources: src/data/guard.c src/data/finish.c src/data/h5.c src/data/hdf5.c src/data/checkpoint.c src/data/checkpointdir.c src/data/optionlist.c
  np: 1
TEST*/
