/* Memory that is refused: the n-th PetscMalloc of a job fails, for n = 1, 2, ...; the job ends with an error code, never with a crash or a
   wrong success, and no file is damaged. Each try is a child of its own, since what an error leaves behind belongs to nobody. */
#include <nomos.h>
#include "nomostest.h"
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST    6000 /* tries of a job; more allocations than that are sampled */
#define SECONDS 20

static long long Count, Fail;
static PetscErrorCode (*TrueMalloc)(size_t, PetscBool, int, const char[], const char[], void **);
static PetscErrorCode Malloc(size_t n, PetscBool clear, int line, const char function[], const char file[], void **p)
{
  if (++Count == Fail) {
    *p = NULL;
    return PETSC_ERR_MEM;
  }
  return (*TrueMalloc)(n, clear, line, function, file, p);
}

/* a trained model in somebody's program: load, apply, derivative, save */
static PetscErrorCode Model(void)
{
  NomosMap m;
  Vec      x, y, g;

  PetscFunctionBegin;
  PetscCall(NomosMapLoad(PETSC_COMM_SELF, NomosTestFile("examples/data/darcy_tiny.h5"), &m));
  PetscCall(NomosMapCreateVecs(m, &x, NULL, &y));
  PetscCall(VecDuplicate(x, &g));
  PetscCall(VecSet(x, 1));
  PetscCall(NomosMapApply(m, x, NULL, y));
  PetscCall(NomosMapLinearize(m, x, NULL, y));
  PetscCall(NomosMapApplyAdjoint(m, y, g, NULL));
  PetscCall(NomosMapSave(m, "memory_model.h5"));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&g));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a run of three steps with a test set, history and checkpoints */
static PetscErrorCode Training(void)
{
  char         text[2048];
  NomosProblem p;
  Tao          tao;

  PetscFunctionBegin;
  snprintf(text, sizeof(text), "-data %s -data_test %s -data_samples 12 -data_batch 4 -data_epochs 1 -net_fno_modes 4,4 -net_fno_width 4 -net_fno_layers 1 -loss_type h1fd,sobolev -nomos_history memory.csv -nomos_checkpoint memory_ck -nomos_checkpoint_interval 2 -nomos_restart auto -nomos_progress none -nomos_deterministic", NomosTestFile("examples/data/darcy16_test.h5"), NomosTestFile("examples/data/darcy16_test.h5"));
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscCall(NomosProblemCreate(PETSC_COMM_SELF, &p));
  PetscCall(NomosProblemSetFromOptions(p));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(NomosProblemSave(p, "memory_trained.h5"));
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 0: an error code; 1: success; 2: a crash, or no end by itself */
static int Try(PetscErrorCode (*job)(void), long long fail, long long *used)
{
  const struct rlimit limit = {SECONDS, SECONDS};
  int                 status, ends[2];
  pid_t               child;

  if (pipe(ends)) return 2;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    PetscErrorCode ierr;

    if (setrlimit(RLIMIT_CPU, &limit)) _exit(3); /* processor time: a machine may stand still */
    if (PetscPushErrorHandler(PetscReturnErrorHandler, NULL)) _exit(3);
    Count         = 0;
    Fail          = fail;
    TrueMalloc    = PetscTrMalloc;
    PetscTrMalloc = Malloc;
    if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout)) _exit(3);
    ierr = (*job)();
    if (write(ends[1], &Count, sizeof(Count)) != sizeof(Count)) _exit(3);
    _exit(ierr ? 0 : 1);
  }
  close(ends[1]);
  *used = 0;
  if (read(ends[0], used, sizeof(*used)) != sizeof(*used)) *used = 0;
  close(ends[0]);
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 2;
  return WEXITSTATUS(status) < 2 ? WEXITSTATUS(status) : 2;
}

static void Job(const char name[], PetscErrorCode (*job)(void), const char file[])
{
  long long all, used, crashed = 0, wrong = 0, tried = 0, step;
  char      what[256], text[4096];

  CheckInt("an older run is removed", system("rm -rf memory_ck"), 0);
  snprintf(what, sizeof(what), "%s without a failure", name);
  CheckInt(what, Try(job, 0, &all), 1);
  step = all / 300 + 1; /* the first ones, where objects are made, and then every step-th */
  for (long long n = 1; n <= all && tried < MOST; n += n < 100 ? 1 : step, tried++) {
    int end;

    if (system("rm -rf memory_ck")) crashed++;
    end = Try(job, n, &used);

    if (end == 2 && !crashed++) fprintf(stderr, "%s: allocation %lld of %lld\n", name, n, all);
    if (end == 1 && used >= n) wrong++;
  }
  snprintf(what, sizeof(what), "%s: crashes in %lld tries of %lld allocations", name, tried, all);
  CheckInt(what, crashed, 0);
  snprintf(what, sizeof(what), "%s: wrong successes in %lld tries of %lld allocations", name, tried, all);
  CheckInt(what, wrong, 0);
  CheckInt("the file of the job is whole", NomosFileInspect(file, 0, text, sizeof(text)), 0);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("package", !NomosInitializePackage());
  Job("model", Model, "memory_model.h5");
  Job("training", Training, "memory_trained.h5");
  return NomosTestEnd();
}

/*TEST
  np: 1  timeout: 240
TEST*/
