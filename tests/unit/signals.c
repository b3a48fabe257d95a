/* USR1 or TERM to one rank of a run ends it on all ranks at the same step, with a checkpoint from which the rest gives the same
   numbers; a second signal ends the program; wall time; nobody else's handler is taken. */
#include "nomostest.h"
#include "testlinear.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA "signals.h5"
static int Mine = 0;
static void MyHandler(int sig) { Mine++; }

static PetscMPIInt Rank, Size;
static int         Signal = SIGUSR1;
static PetscErrorCode SendOne(Tao tao, PetscInt step, void *ctx)
{
  PetscFunctionBegin;
  if (step == 9 && Rank == Size - 1) raise(Signal);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Train(const char text[], PetscBool send, NomosTrainingSummary *s, TaoConvergedReason *reason)
{
  NomosProblem p;
  Tao          tao;

  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, "-data_batch 4 -data_epochs 8 -tao_adamw_lr 0.05 -nomos_progress none -nomos_deterministic"));
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscCall(MakeProblem(DATA, &p));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  if (send) PetscCall(TaoSetUpdate(tao, SendOne, NULL));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(NomosProblemGetSummary(p, s));
  PetscCall(TaoGetConvergedReason(tao, reason));
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* TERM with -nomos_signal term or both; the handlers are put back. */
static PetscErrorCode CheckTerm(PetscReal whole)
{
  NomosTrainingSummary s;
  TaoConvergedReason   reason;
  struct sigaction     before[2], after[2];

  PetscFunctionBegin;
  for (int k = 0; k < 3; k++) { /* TERM by term, TERM by both, USR1 by both */
    sigaction(SIGTERM, NULL, &before[0]);
    sigaction(SIGUSR1, NULL, &before[1]);
    Signal = k < 2 ? SIGTERM : SIGUSR1;
    if (Rank == 0) CheckInt("old files removed", system("rm -rf t"), 0);
    PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    PetscCall(Train(k == 0 ? "-nomos_checkpoint t -nomos_signal term" : "-nomos_checkpoint t -nomos_signal both", PETSC_TRUE, &s, &reason));
    sigaction(SIGTERM, NULL, &after[0]);
    sigaction(SIGUSR1, NULL, &after[1]);
    CheckInt("stopped at the step of the signal", s.steps, 9);
    CheckInt("reason", reason, TAO_CONVERGED_USER);
    CheckTrue("both handlers were put back", before[0].sa_handler == after[0].sa_handler && before[1].sa_handler == after[1].sa_handler);
    PetscCall(Train("-nomos_checkpoint t -nomos_restart auto", PETSC_FALSE, &s, &reason));
    CheckClose("the same numbers after going on", s.f, whole, 0);
  }
  Signal = SIGUSR1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- a process that gets signals from outside; one rank: no mpiexec inside mpiexec ------------------------------------- */
static PetscErrorCode Begun(Tao tao, PetscInt step, void *ctx)
{
  FILE *f;

  PetscFunctionBegin;
  if (step == 1 && (f = fopen("begun", "w"))) fclose(f);
  for (int i = 0; step == 1 && i < 400; i++) usleep(50000); /* one very long step: the first signal cannot end it soon */
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Child(void)
{
  NomosProblem p;
  Tao          tao;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, "-data_batch 4 -data_epochs 8 -nomos_progress none -nomos_signal both"));
  PetscCall(MakeProblem(DATA, &p));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSetUpdate(tao, Begun, NULL));
  PetscCall(NomosProblemTrain(p, tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSecond(const char program[])
{
  extern char **environ;
  char         *env[512], options[] = "PETSC_OPTIONS=";
  struct stat   st;
  int           n = 0, status;
  pid_t         child;

  PetscFunctionBegin;
  for (char **e = environ; *e && n < 509; e++)
    if (strncmp(*e, "OMPI_", 5) && strncmp(*e, "PMI", 3) && strncmp(*e, "PETSC_OPTIONS", 13)) env[n++] = *e;
  env[n++] = options;
  env[n]   = NULL;
  unlink("begun");
  child = fork();
  if (child == 0) {
    execle(program, program, "-test_child", (char *)NULL, env);
    _exit(127);
  }
  alarm(40); /* never wait for ever */
  while (stat("begun", &st) && !waitpid(child, &status, WNOHANG)) usleep(10000);
  kill(child, SIGTERM);
  usleep(300000);
  kill(child, SIGTERM); /* mpiexec may deliver one signal twice: this one is not yet the second */
  usleep(300000);
  CheckInt("the first signal asks: the step goes on", waitpid(child, &status, WNOHANG), 0);
  sleep(2);
  kill(child, SIGTERM);
  CheckTrue("the second one ends the program", waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  alarm(0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(const char program[], PetscBool child)
{
  NomosTrainingSummary s, whole;
  TaoConvergedReason   reason;
  struct sigaction     before, after;
  PetscReal            f;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &Rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &Size));
  PetscCall(LinearRegister());
  if (child) {
    PetscCall(Child());
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (Rank == 0) CheckInt("old files removed", system("rm -rf s w"), 0);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(WriteSamples(DATA, 17, 4, 6));
  PetscCall(Train("", PETSC_FALSE, &whole, &reason));
  CheckInt("steps", whole.steps, 40);
  sigaction(SIGUSR1, NULL, &before);
  PetscCall(Train("-nomos_checkpoint s", PETSC_TRUE, &s, &reason));
  sigaction(SIGUSR1, NULL, &after);
  CheckInt("stopped at the step of the signal", s.steps, 9);
  CheckTrue("by the signal", s.stopped && !strcmp(s.stopped, "signal"));
  CheckInt("reason", reason, TAO_CONVERGED_USER);
  CheckTrue("the handler was put back", before.sa_handler == after.sa_handler);
  PetscCall(Train("-nomos_checkpoint s -nomos_restart auto", PETSC_FALSE, &s, &reason));
  CheckInt("steps after going on", s.steps, 40);
  CheckClose("the same numbers", s.f, whole.f, 0);
  f = s.f;
  CheckTrue("a loss", f > 0);
  PetscCall(CheckTerm(whole.f));
  if (Size == 1) PetscCall(CheckSecond(program));
  /* a program with a handler of its own keeps it */
  signal(SIGUSR1, MyHandler);
  PetscCall(Train("", PETSC_TRUE, &s, &reason));
  CheckInt("not stopped", s.steps, 40);
  CheckInt("the program's handler got it", Mine, Rank == Size - 1);
  signal(SIGUSR1, SIG_DFL);
  LinearDelay = 20000;
  PetscCall(Train("-nomos_max_walltime 0.3 -nomos_checkpoint w", PETSC_FALSE, &s, &reason));
  CheckTrue("stopped by wall time", s.stopped && !strcmp(s.stopped, "wall time") && s.steps > 0 && s.steps < 40);
  LinearDelay = 0;
  PetscCall(Train("-nomos_checkpoint w -nomos_restart w", PETSC_FALSE, &s, &reason));
  CheckClose("the same numbers", s.f, whole.f, 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscBool child;

  NomosTestBegin(argc, argv);
  if (PetscOptionsHasName(NULL, NULL, "-test_child", &child)) return 1;
  CheckTrue("no error", !Run(argv[0], child));
  return NomosTestEnd();
}

/*TEST
  np: 1 2
TEST*/
