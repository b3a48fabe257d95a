/* USR1 to one rank of a run ends it on all ranks at the same step, with a checkpoint from which the rest gives the same numbers;
   wall time; nobody else's handler is taken. */
#include "nomostest.h"
#include "testlinear.h"
#include <signal.h>

#define DATA "signals.h5"
static int Mine = 0;
static void MyHandler(int sig) { Mine++; }

static PetscMPIInt Rank, Size;
static PetscErrorCode SendOne(Tao tao, PetscInt step, void *ctx)
{
  PetscFunctionBegin;
  if (step == 9 && Rank == Size - 1) raise(SIGUSR1);
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

static PetscErrorCode Run(void)
{
  NomosTrainingSummary s, whole;
  TaoConvergedReason   reason;
  struct sigaction     before, after;
  PetscReal            f;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &Rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &Size));
  PetscCall(LinearRegister());
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
  NomosTestBegin(argc, argv);
  CheckTrue("no error", !Run());
  return NomosTestEnd();
}

/*TEST
  np: 1 2
TEST*/
