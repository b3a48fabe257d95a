/* Which samples a step sees: every sample once an epoch, the last short batch kept, a function of (seed, epoch) alone, the
   same on every rank; the loop asks for the batch before anything is evaluated, and goes on at any step. */
#include <nomos.h>
#include "nomostest.h"
#include <string.h>

#define SAMPLES 1000

typedef struct {
  PetscInt next, begun, evaluated, hooks, sum;
  int      wrong;
} Log;

static PetscErrorCode Begin(Tao tao, PetscInt step, PetscInt n, const PetscInt idx[], void *ctx)
{
  Log            *log = (Log *)ctx;
  PetscInt        m, sum = 0;
  const PetscInt *again;

  PetscFunctionBegin;
  if (step != log->next || log->begun != log->evaluated || log->hooks != log->begun + 1) log->wrong++;
  for (PetscInt j = 0; j < n; j++) sum += idx[j] * (j + 1) % 7919;
  log->sum = 31 * log->sum % 1000003 + sum;
  PetscCall(NomosTaoGetBatch(tao, step, &m, &again));
  if (m != n) log->wrong++;
  log->begun++;
  log->next++;
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Hook(Tao tao, PetscInt step, void *ctx)
{
  Log *log = (Log *)ctx;

  PetscFunctionBegin;
  if (step != log->next) log->wrong++;
  log->hooks++;
  if (step == 60) PetscCall(TaoSetConvergedReason(tao, TAO_CONVERGED_USER)); /* as a signal would */
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Evaluate(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Log *log = (Log *)ctx;

  PetscFunctionBegin;
  if (log->begun != log->evaluated + 1) log->wrong++;
  log->evaluated++;
  PetscCall(VecCopy(x, g));
  PetscCall(VecDot(x, x, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Orders(Tao tao)
{
  const char *const orders[3] = {"shuffle", "sequential", "replace"};
  const PetscInt    sizes[4] = {1, 2, 7, SAMPLES}, batches[4] = {5, 1, 3, 64};
  Log               log = {0};

  PetscFunctionBegin;
  for (int o = 0; o < 3; o++) {
    for (int k = 0; k < 4; k++) {
      const PetscInt n = sizes[k], b = batches[k] < n ? batches[k] : n, steps = (n + b - 1) / b;
      PetscInt       per, m;
      const PetscInt *idx;

      PetscCall(NomosTaoSetBatch(tao, n, batches[k], Begin, &log));
      PetscCall(NomosTaoSetBatchOrder(tao, orders[o], 7));
      PetscCall(NomosTaoGetStepsPerEpoch(tao, &per));
      CheckInt("steps per epoch", per, steps);
      for (PetscInt epoch = 0; epoch < 3; epoch++) {
        int seen[SAMPLES] = {0}, twice = 0, outside = 0, total = 0;

        for (PetscInt s = steps - 1; s >= 0; s--) { /* backwards: any step can be asked for */
          PetscCall(NomosTaoGetBatch(tao, epoch * steps + s, &m, &idx));
          CheckInt("size of the batch", m, s == steps - 1 ? n - s * b : b);
          for (PetscInt j = 0; j < m; j++) {
            outside += idx[j] < 0 || idx[j] >= n;
            if (idx[j] >= 0 && idx[j] < n) twice += seen[idx[j]]++ > 0;
            if (o == 1) outside += idx[j] != s * b + j;
            total++;
          }
        }
        CheckInt("samples in an epoch", total, n);
        CheckInt("in range", outside, 0);
        if (o < 2) CheckInt("every sample once", twice, 0);
        else if (n == SAMPLES) CheckTrue("replace draws some twice: 1000/e on average", twice > 300 && twice < 440);
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same seed: the same samples on every rank; another seed: others. */
static PetscErrorCode Seeds(Tao tao)
{
  PetscInt        n, first[64], differ = 0, rank0[64];
  const PetscInt *idx;
  Log             log = {0};

  PetscFunctionBegin;
  PetscCall(NomosTaoSetBatch(tao, SAMPLES, 64, Begin, &log));
  PetscCall(NomosTaoSetBatchOrder(tao, "shuffle", 7));
  PetscCall(NomosTaoGetBatch(tao, 5, &n, &idx));
  CheckInt("batch", n, 64);
  memcpy(first, idx, sizeof(first));
  memcpy(rank0, idx, sizeof(first));
  PetscCallMPI(MPI_Bcast(rank0, 64, MPIU_INT, 0, PETSC_COMM_WORLD));
  CheckTrue("the same on every rank", !memcmp(first, rank0, sizeof(first)));
  PetscCall(NomosTaoSetBatchOrder(tao, "shuffle", 8));
  PetscCall(NomosTaoGetBatch(tao, 5, &n, &idx));
  for (int j = 0; j < 64; j++) differ += first[j] != idx[j];
  CheckTrue("another seed", differ > 50);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Hook, then batch, then evaluation; a stop by the hook evaluates nothing; after a restart the same batches as without one. */
static PetscErrorCode Loop(Tao tao)
{
  Log                whole = {0}, parts = {0};
  TaoConvergedReason reason;
  PetscInt           step;

  PetscFunctionBegin;
  PetscCall(NomosTaoSetBatch(tao, SAMPLES, 64, Begin, &whole));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Evaluate, &whole));
  PetscCall(TaoSetUpdate(tao, Hook, &whole));
  PetscCall(TaoSetMaximumIterations(tao, 50));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  CheckInt("order of hook, batch and evaluation", whole.wrong, 0);
  CheckInt("reason", reason, TAO_DIVERGED_MAXITS);
  CheckInt("evaluations", whole.evaluated, 50);

  PetscCall(NomosTaoSetBatch(tao, SAMPLES, 64, Begin, &parts));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Evaluate, &parts));
  PetscCall(TaoSetUpdate(tao, Hook, &parts));
  PetscCall(TaoSetMaximumIterations(tao, 37));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoSetMaximumIterations(tao, 50));
  PetscCall(NomosTaoSetStep(tao, 37));
  PetscCall(TaoSolve(tao));
  CheckInt("order after the restart", parts.wrong, 0);
  CheckInt("the same batches", parts.sum, whole.sum);

  PetscCall(TaoSetMaximumIterations(tao, 100));
  PetscCall(NomosTaoSetStep(tao, 50));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(NomosTaoGetState(tao, NULL, NULL, NULL, &step));
  CheckInt("the hook stops the run", reason, TAO_CONVERGED_USER);
  CheckInt("the step that comes next", step, 60);
  CheckInt("nothing evaluated for it", parts.evaluated, 60);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  Tao tao;
  Vec x;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(VecCreate(PETSC_COMM_WORLD, &x));
  PetscCall(VecSetSizes(x, PETSC_DECIDE, 128));
  PetscCall(VecSetType(x, VECSTANDARD));
  PetscCall(VecSet(x, 1));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, TAOADAMW));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(Orders(tao));
  PetscCall(Seeds(tao));
  PetscCall(Loop(tao));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
