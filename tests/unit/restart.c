/* Checkpoints and restart: bit for bit on the same ranks, to rounding on others, damaged files passed over, and after kill -9.
   Started by itself as a child (mpiexec) with -test_phase: see Phases. */
#include "refusetest.h"
#include "testlinear.h"
#include <hdf5.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA "restart.h5"
#define SETTINGS "-data_batch 4 -data_epochs 15 -nomos_keep_best -tao_adamw_lr 0.05 -tao_adamw_wd 0.01 -tao_schedule_type cosine -nomos_progress none -nomos_deterministic -net_testlinear_tanh -nomos_seed 3 -nomos_checkpoint_interval 7 "

static PetscErrorCode Options(const char text[])
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, SETTINGS));
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A run; theta of the end on every rank. */
static PetscErrorCode Train(const char text[], NomosTrainingSummary *s, PetscReal theta[6])
{
  NomosProblem       p;
  Tao                tao;
  NomosMap           map;
  Vec                own;
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(Options(text));
  PetscCall(MakeProblem(DATA, &p));
  PetscCall(TaoCreate(TestComm == MPI_COMM_NULL ? PETSC_COMM_WORLD : TestComm, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(NomosProblemGetSummary(p, s));
  PetscCall(NomosProblemGetMap(p, &map));
  PetscCall(NomosMapGetParameters(map, &own));
  PetscCall(VecGetArrayRead(own, &a));
  for (int i = 0; i < 6; i++) theta[i] = a[i];
  PetscCall(VecRestoreArrayRead(own, &a));
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f of each step from a history; the last line of a step counts. */
static int ReadHistory(const char file[], int max, double f[])
{
  FILE *h = fopen(file, "r");
  char  line[1024];
  int   n = 0, step;

  for (int i = 0; i < max; i++) f[i] = -1;
  if (!h) return 0;
  if (!fgets(line, sizeof(line), h)) line[0] = 0;
  while (fgets(line, sizeof(line), h)) {
    double value;

    if (sscanf(line, "%d,%*[^,],%lf", &step, &value) == 2 && step >= 0 && step < max) {
      f[step] = value;
      if (step >= n) n = step + 1;
    }
  }
  fclose(h);
  return n;
}

static void CompareHistories(const char what[], const char a[], const char b[], int steps, double tol)
{
  double fa[256], fb[256];

  CheckInt(what, ReadHistory(a, 256, fa), steps);
  CheckInt(what, ReadHistory(b, 256, fb), steps);
  for (int i = 0; i < steps; i++) CheckClose(what, fb[i], fa[i], tol * fa[i]);
}

/* ---- what stands in the file, read with HDF5 alone ------------------------------------------------------------------- */
static int ReadColumn(hid_t file, const char name[], int max, double v[])
{
  hid_t    d = H5Dopen2(file, name, H5P_DEFAULT), space = d < 0 ? -1 : H5Dget_space(d);
  hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);

  if (n > max || (n >= 0 && H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) < 0)) n = -1;
  if (space >= 0) H5Sclose(space);
  if (d >= 0) H5Dclose(d);
  return (int)n;
}

static int ReadText(hid_t file, const char object[], const char name[], size_t len, char text[])
{
  hid_t a = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT), type = a < 0 ? -1 : H5Aget_type(a);
  int   ok = type >= 0 && !H5Tis_variable_str(type) && H5Tget_size(type) < len;

  memset(text, 0, len);
  ok = ok && H5Aread(a, type, text) >= 0;
  if (type >= 0) H5Tclose(type);
  if (a >= 0) H5Aclose(a);
  return ok;
}

/* /env says where a run was, /history holds its latest lines, also those of the run that it continues. */
static void CheckContent(const char file[], int ranks, const char history[], int steps)
{
  static const char *const texts[] = {"petsc", "mpi", "hostname_hash", "git"};
  hid_t                    f;
  char                     text[256], host[256] = "";
  double                   step[512], v[512], want[512];
  int                      n, lines = steps < 256 ? steps : 256;

  f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
  CheckTrue("HDF5 opens a checkpoint", f >= 0);
  if (f < 0) return;
  for (int i = 0; i < 4; i++) CheckTrue(texts[i], ReadText(f, "/env", texts[i], sizeof(text), text) && strlen(text) >= (i == 3 ? 7 : 4));
  gethostname(host, sizeof(host) - 1);
  CheckTrue("the host's name is not in the file", ReadText(f, "/env", "hostname_hash", sizeof(text), text) && strlen(text) == 16 && (!host[0] || !strstr(text, host)));
  CheckTrue("symmetry", ReadText(f, "/data", "symmetry", sizeof(text), text) && !strcmp(text, "none"));
  {
    hid_t     a   = H5Aopen_by_name(f, "/env", "ranks", H5P_DEFAULT, H5P_DEFAULT);
    long long got = 0;

    CheckTrue("ranks", a >= 0 && H5Aread(a, H5T_NATIVE_LLONG, &got) >= 0 && got == ranks);
    if (a >= 0) H5Aclose(a);
  }
  n = ReadColumn(f, "/history/step", 512, step);
  CheckInt("lines of the tail", n, lines);
  CheckInt("f of each", ReadColumn(f, "/history/f", 512, v), n);
  if (n == lines) {
    ReadHistory(history, 512, want);
    for (int i = 0; i < n; i++) {
      CheckInt("step", (long long)step[i], steps - lines + i);
      CheckClose("f as in the history", v[i], want[(int)step[i] % 512], 0); /* both have all digits */
    }
  }
  CheckInt("numbers of the tests are there", ReadColumn(f, "/history/lr", 512, v), n);
  H5Fclose(f);
}

/* Without restart 60 steps; 23 steps and the rest from the checkpoint: the same digits. */
static PetscErrorCode CheckExact(void)
{
  NomosTrainingSummary s;
  PetscReal            whole[6], parts[6];
  PetscMPIInt          size;

  PetscFunctionBegin;
  PetscCall(Train("-nomos_history whole.csv -nomos_checkpoint whole", &s, whole));
  CheckInt("steps", s.steps, 60);
  PetscCall(Train("-nomos_history parts.csv -nomos_checkpoint parts -tao_max_it 23 -tao_schedule_length 60", &s, parts));
  CheckInt("steps of the first part", s.steps, 23);
  PetscCall(Train("-nomos_history parts.csv -nomos_checkpoint parts -nomos_restart auto", &s, parts));
  CheckInt("steps after the restart", s.steps, 60);
  for (int i = 0; i < 6; i++) CheckClose("theta, bit for bit", parts[i], whole[i], 0);
  CompareHistories("histories, bit for bit", "whole.csv", "parts.csv", 60, 0);
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  CheckContent("whole/checkpoint-000000060.h5", size, "whole.csv", 60);
  CheckContent("parts/checkpoint-000000060.h5", size, "parts.csv", 60);
  PetscCall(Train("-nomos_history long.csv -nomos_checkpoint long -nomos_checkpoint_interval 200 -data_epochs 80", &s, parts));
  CheckContent("long/checkpoint-000000320.h5", size, "long.csv", 320);
  PetscCall(Train("-nomos_history again.csv", &s, parts));
  CompareHistories("repetition, bit for bit", "whole.csv", "again.csv", 60, 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One rank begins and all go on, and the other way round: the numbers of 60 steps to 1e-9 (adamw amplifies rounding). */
static PetscErrorCode CheckOtherRanks(PetscMPIInt rank)
{
  NomosTrainingSummary s;
  PetscReal            theta[6];
  const char *const    begin[2] = {"-nomos_history grow.csv -nomos_checkpoint grow -tao_max_it 23 -tao_schedule_length 60", "-nomos_history shrink.csv -nomos_checkpoint shrink -tao_max_it 23 -tao_schedule_length 60"};
  const char *const    go_on[2] = {"-nomos_history grow.csv -nomos_checkpoint grow -nomos_restart auto", "-nomos_history shrink.csv -nomos_checkpoint shrink -nomos_restart auto"};

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    for (int part = 0; part < 2; part++) {
      TestComm = part == k ? PETSC_COMM_SELF : MPI_COMM_NULL;
      if (part != k || rank == 0) PetscCall(Train(part ? go_on[k] : begin[k], &s, theta));
      TestComm = MPI_COMM_NULL;
      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    }
    CompareHistories(k ? "from all ranks to one" : "from one rank to all", "whole.csv", k ? "shrink.csv" : "grow.csv", 60, 1e-9);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckDamaged(void)
{
  NomosTrainingSummary s;
  PetscReal            theta[6];
  PetscMPIInt          rank;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(Train("-nomos_history damaged.csv -nomos_checkpoint damaged -tao_max_it 21 -tao_schedule_length 60", &s, theta));
  if (rank == 0) {
    FILE *f = fopen("damaged/checkpoint-000000021.h5", "r+b");

    CheckTrue("the newest checkpoint is there", f != NULL);
    if (f) {
      fseek(f, 3000, SEEK_SET);
      fputs("damage", f);
      fclose(f);
    }
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(Train("-nomos_history damaged.csv -nomos_checkpoint damaged -nomos_restart damaged", &s, theta));
  CheckInt("steps from the older checkpoint", s.steps, 60);
  CompareHistories("histories", "whole.csv", "damaged.csv", 60, 0);
  /* another seed contradicts the file: an error on every rank, and the next call works */
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = Train("-nomos_checkpoint damaged -nomos_restart auto -nomos_seed 4", &s, theta);
  CheckInt("another seed is refused", ierr, PETSC_ERR_ARG_INCOMP);
  ierr = Train("-nomos_checkpoint damaged", &s, theta);
  CheckInt("a new run in the folder of an old one is refused", ierr, PETSC_ERR_FILE_UNEXPECTED);
  ierr = Train("-nomos_restart nowhere", &s, theta);
  CheckInt("no such folder", ierr, PETSC_ERR_FILE_OPEN);
  PetscCall(PetscPopErrorHandler());
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A model file and its loading. */
static PetscErrorCode CheckModel(void)
{
  NomosTrainingSummary s;
  NomosProblem         p, q;
  NomosData            d;
  NomosErrors          e, e2, each[17];
  NomosMap             map;
  Tao                  tao;
  const char          *file = DATA, *const names[] = {"model.h5", "model.safetensors"};
  PetscReal            mean = 0;

  PetscFunctionBegin;
  PetscCall(Options(""));
  PetscCall(MakeProblem(DATA, &p));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(NomosProblemGetSummary(p, &s));
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
  PetscCall(NomosDataSetFiles(d, 1, &file));
  PetscCall(NomosProblemComputeErrors(p, d, &e, each));
  for (int i = 0; i < 17; i++) mean += each[i].rel_h1 / 17;
  CheckClose("mean of the errors per sample", mean, e.rel_h1, 1e-14);
  PetscCall(PetscOptionsClear(NULL)); /* the settings come from the file */
  for (int i = 0; i < 2; i++) {
    PetscCall(NomosProblemSave(p, names[i]));
    PetscCall(NomosProblemCreate(PETSC_COMM_WORLD, &q));
    PetscCall(NomosProblemLoad(q, names[i]));
    PetscCall(NomosProblemComputeErrors(q, d, &e2, NULL));
    CheckClose("error of the loaded model", e2.rel_l2, e.rel_l2, 1e-14 * e.rel_l2);
    CheckClose("error of the loaded model, H1", e2.rel_h1, e.rel_h1, 1e-14 * e.rel_h1);
    PetscCall(NomosProblemPredict(q, d, "prediction.h5"));
    PetscCall(NomosProblemDestroy(&q));
  }
  /* a checkpoint is a model as well */
  PetscCall(NomosMapLoad(PETSC_COMM_WORLD, "whole/checkpoint-000000060.h5", &map));
  PetscCall(NomosMapDestroy(&map));
  PetscCall(NomosDataDestroy(&d));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Phases of the children: -test_phase long: a run that will be killed; -test_phase finish: what is left, from its checkpoints. */
static PetscErrorCode Child(const char phase[])
{
  NomosTrainingSummary s;
  PetscReal            theta[6];
  PetscBool            slow;

  PetscFunctionBegin;
  PetscCall(PetscStrcmp(phase, "long", &slow));
  LinearDelay = slow ? 3000 : 0; /* microseconds a step */
  PetscCall(Train("-nomos_history child.csv -nomos_checkpoint child -nomos_restart auto", &s, theta));
  CheckInt("steps", s.steps, 60);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* This program as a singleton, without what its own mpiexec put into the environment. */
static pid_t Start(const char program[], const char phase[])
{
  extern char **environ;
  char         *env[512], options[] = "PETSC_OPTIONS=";
  int           n = 0;
  pid_t         child;

  for (char **e = environ; *e && n < 509; e++)
    if (strncmp(*e, "OMPI_", 5) && strncmp(*e, "PMI", 3) && strncmp(*e, "PETSC_OPTIONS", 13)) env[n++] = *e;
  env[n++] = options;
  env[n]   = NULL;
  child    = fork();
  if (child == 0) {
    execle(program, program, "-test_phase", phase, (char *)NULL, env);
    _exit(127);
  }
  return child;
}

static int FileExists(const char name[])
{
  struct stat st;
  return !stat(name, &st);
}

/* kill -9 as soon as a second checkpoint is there; then another process continues. One rank: no mpiexec inside mpiexec. */
static PetscErrorCode CheckKilled(const char program[])
{
  int   status;
  pid_t child = Start(program, "long");

  PetscFunctionBegin;
  alarm(50); /* never wait for ever */
  for (int i = 0; i < 1000 && !FileExists("child/checkpoint-000000021.h5"); i++) usleep(10000);
  CheckTrue("a checkpoint of the child", FileExists("child/checkpoint-000000021.h5"));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  CheckTrue("it was killed, not finished", WIFSIGNALED(status));
  CheckTrue("and had not finished", !FileExists("child/checkpoint-000000060.h5"));
  child = Start(program, "finish");
  waitpid(child, &status, 0);
  CheckTrue("the second process continued", WIFEXITED(status) && !WEXITSTATUS(status));
  alarm(0);
  CompareHistories("history of the two", "whole.csv", "child.csv", 60, 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The groups of four ranks: all, and the first three. */
static PetscErrorCode CheckThree(PetscMPIInt rank)
{
  NomosTrainingSummary s;
  PetscReal            theta[6];
  MPI_Comm             three;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_split(PETSC_COMM_WORLD, rank < 3 ? 0 : MPI_UNDEFINED, rank, &three));
  for (int k = 0; k < 2; k++)
    for (int part = 0; part < 2; part++) {
      TestComm = part == k ? three : MPI_COMM_NULL;
      if (part != k || rank < 3) PetscCall(Train(k ? (part ? "-nomos_history less.csv -nomos_checkpoint less -nomos_restart auto" : "-nomos_history less.csv -nomos_checkpoint less -tao_max_it 23 -tao_schedule_length 60")
                                                   : (part ? "-nomos_history more.csv -nomos_checkpoint more -nomos_restart auto" : "-nomos_history more.csv -nomos_checkpoint more -tao_max_it 23 -tao_schedule_length 60"), &s, theta));
      TestComm = MPI_COMM_NULL;
      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    }
  CompareHistories("from three ranks to four", "whole.csv", "more.csv", 60, 1e-9);
  CompareHistories("from four ranks to three", "whole.csv", "less.csv", 60, 1e-9);
  if (three != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&three));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What would make another run of it is refused on every rank, and the sentence names both sides. */
static PetscErrorCode CheckContradictions(void)
{
  static const struct {
    const char *options, *say[3];
  } cases[] = {
    {"-data_symmetry square", {"-data_symmetry none", "square", "start anew"}},
    {"-nomos_seed 4", {"seed 3", "4", "-nomos_seed"}},
    {"-data_batch 5", {"batch 4", "5", "-data_batch"}},
    {"-data_order sequential", {"order", "-data_order", "start anew"}},
    {"-net_testlinear_tanh 0", {"-net_testlinear_tanh 1", "0", "start anew"}},
    {"-tao_type blmvm", {"-tao_type adamw", "blmvm", "start anew"}},
  };
  NomosTrainingSummary s;
  PetscReal            theta[6];
  char                 text[256];
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  PetscCall(PetscPushErrorHandler(Catch, NULL));
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    snprintf(text, sizeof(text), "-nomos_restart contra %s", cases[i].options);
    Said[0] = 0;
    ierr    = Train(text, &s, theta);
    CheckInt(cases[i].options, ierr, PETSC_ERR_ARG_INCOMP);
    for (int j = 0; j < 3; j++) CheckTrue(Said, strstr(Said, cases[i].say[j]) != NULL);
  }
  PetscCall(PetscPopErrorHandler());
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(const char program[], const char phase[], PetscBool child)
{
  NomosTrainingSummary s;
  PetscReal            theta[6];
  PetscMPIInt          size, rank;

  PetscFunctionBegin;
  PetscCall(LinearRegister());
  if (child) {
    PetscCall(Child(phase));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) CheckInt("old files removed", system("rm -rf whole parts damaged grow shrink long more less contra child *.csv"), 0);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(WriteSamples(DATA, 17, 4, 6));
  PetscCall(CheckExact());
  PetscCall(CheckDamaged());
  PetscCall(CheckModel());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(CheckOtherRanks(rank));
  if (size == 4) PetscCall(CheckThree(rank));
  PetscCall(WriteSamples(DATA, 17, 6, 6)); /* a square grid for what follows */
  PetscCall(Train("-nomos_checkpoint contra -tao_max_it 7", &s, theta));
  PetscCall(CheckContradictions());
  PetscCall(WriteSamples(DATA, 17, 4, 6));
  if (size == 1) PetscCall(CheckKilled(program));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char      phase[32] = "";
  PetscBool child;

  NomosTestBegin(argc, argv);
  if (PetscOptionsGetString(NULL, NULL, "-test_phase", phase, sizeof(phase), &child)) return 1;
  CheckTrue("no error", !Run(argv[0], phase, child));
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
