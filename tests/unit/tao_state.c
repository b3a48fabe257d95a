/* NomosTaoSave() and NomosTaoLoad(): a run in two parts, by two Taos, is the run in one, bit for bit on the same ranks and to rounding
   on others; what is damaged, belongs to another optimizer or cannot be written is refused, and nothing is changed. */
#include <nomos.h>
#include "nomostest.h"
#include <string.h>
#include <unistd.h>

#define N       35
#define SAMPLES 12
#define STEPS   25
#define FIRST   11 /* in the middle of an epoch */
#define FILE_A  "tao_state.h5"

static const NomosBlock Blocks[] = {
  {.name = "a.weight", .start = 0, .size = 20, .rank = 3, .shape = {2, 5, 2}, .is_complex = PETSC_TRUE, .lr_mult = 1, .wd_mult = 1},
  {.name = "b", .start = 20, .size = 15, .lr_mult = 0.5, .wd_mult = 1} /* without a shape */
};

typedef struct {
  PetscInt n, idx[SAMPLES];
} Batch;

static PetscErrorCode Begin(Tao tao, PetscInt step, PetscInt n, const PetscInt idx[], void *ctx)
{
  Batch *b = (Batch *)ctx;

  PetscFunctionBegin;
  b->n = n;
  for (PetscInt i = 0; i < n; i++) b->idx[i] = idx[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f = (1/2n) sum over the samples k of the batch of |x - c_k|^2 */
static PetscErrorCode Misfit(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  const Batch       *b = (const Batch *)ctx;
  const PetscScalar *v;
  PetscScalar       *d, mine = 0, all;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &v));
  PetscCall(VecGetArrayWrite(g, &d));
  for (PetscInt i = lo; i < hi; i++) {
    d[i - lo] = 0;
    for (PetscInt k = 0; k < b->n; k++) {
      const PetscReal r = v[i - lo] - sin(1.3 * (double)i + 0.7 * (double)b->idx[k]);

      mine += 0.5 * r * r / (PetscReal)b->n;
      d[i - lo] += r / (PetscReal)b->n;
    }
  }
  PetscCall(VecRestoreArrayWrite(g, &d));
  PetscCall(VecRestoreArrayRead(x, &v));
  PetscCallMPI(MPI_Allreduce(&mine, &all, 1, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)tao)));
  *f = all;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Make(MPI_Comm comm, PetscInt n, PetscInt batch, Batch *b, Tao *tao, Vec *x)
{
  PetscMPIInt rank, size;
  PetscInt    mine = PETSC_DECIDE;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  if (size > 1) mine = rank == 0 ? 4 : (rank == size - 1 ? n - 4 - 6 * (size - 2) : 6); /* no pair on two ranks */
  PetscCall(VecCreateMPI(comm, mine, n, x));
  PetscCall(VecSet(*x, 1));
  PetscCall(TaoCreate(comm, tao));
  PetscCall(TaoSetType(*tao, TAOADAMW));
  PetscCall(TaoSetSolution(*tao, *x));
  PetscCall(TaoSetObjectiveAndGradient(*tao, NULL, Misfit, b));
  if (batch) PetscCall(NomosTaoSetBatch(*tao, SAMPLES, batch, Begin, b));
  else *b = (Batch){.n = 1};
  if (n == N) PetscCall(NomosTaoSetBlocks(*tao, 2, Blocks));
  PetscCall(NomosTaoAdamWSetRates(*tao, 0.05, 0.9, 0.99, 1e-8));
  PetscCall(NomosTaoAdamWSetDecay(*tao, 0.01, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Tao tao, PetscInt steps)
{
  NomosSchedule s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetSchedule(tao, &s));
  PetscCall(NomosScheduleSetType(s, "cosine"));
  PetscCall(NomosScheduleSetLength(s, STEPS));
  PetscCall(TaoSetMaximumIterations(tao, steps));
  PetscCall(TaoSolve(tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Difference(Vec x, const PetscScalar want[], PetscReal *most)
{
  const PetscScalar *v;
  PetscInt           lo, hi;
  PetscReal          mine = 0;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &v));
  for (PetscInt i = lo; i < hi; i++) mine = PetscMax(mine, PetscAbsReal(v[i - lo] - want[i]));
  PetscCall(VecRestoreArrayRead(x, &v));
  PetscCallMPI(MPI_Allreduce(&mine, most, 1, MPIU_REAL, MPIU_MAX, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The whole solution on every rank. */
static PetscErrorCode Whole(Vec x, PetscScalar all[])
{
  Vec                seq;
  VecScatter         scatter;
  const PetscScalar *v;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToAll(x, &scatter, &seq));
  PetscCall(VecScatterBegin(scatter, x, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, x, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetLocalSize(seq, &n));
  PetscCall(VecGetArrayRead(seq, &v));
  PetscCall(PetscArraycpy(all, v, n));
  PetscCall(VecRestoreArrayRead(seq, &v));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&seq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TwoParts(PetscInt batch, PetscScalar whole[N])
{
  Batch     b;
  Tao       tao;
  Vec       x;
  PetscReal d;

  PetscFunctionBegin;
  PetscCall(Make(PETSC_COMM_WORLD, N, batch, &b, &tao, &x));
  PetscCall(Run(tao, STEPS));
  PetscCall(Whole(x, whole));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(Make(PETSC_COMM_WORLD, N, batch, &b, &tao, &x));
  PetscCall(Run(tao, FIRST));
  PetscCall(NomosTaoSave(tao, FILE_A));
  PetscCall(Difference(x, whole, &d));
  CheckTrue("the first part is not the whole", d > 1e-3);
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(Make(PETSC_COMM_WORLD, N, batch, &b, &tao, &x));
  PetscCall(NomosTaoLoad(tao, FILE_A));
  PetscCall(Run(tao, STEPS));
  PetscCall(Difference(x, whole, &d));
  CheckClose("two parts are the whole, bit for bit", d, 0, 0);
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  /* every rank by itself: another number of ranks than wrote */
  PetscCall(Make(PETSC_COMM_SELF, N, batch, &b, &tao, &x));
  PetscCall(NomosTaoLoad(tao, FILE_A));
  PetscCall(Run(tao, STEPS));
  PetscCall(Difference(x, whole, &d));
  CheckClose("on one rank alone", d, 0, 64 * PETSC_MACHINE_EPSILON); /* entries of order one; no sum over ranks enters an update */
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Refused(const char what[], PetscInt n, PetscInt batch, const char order[], PetscInt64 seed, const char file[], PetscErrorCode code)
{
  Batch       b;
  Tao         tao;
  Vec         x;
  PetscReal   lo, hi;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(Make(PETSC_COMM_WORLD, n, batch, &b, &tao, &x));
  PetscCall(NomosTaoSetBatchOrder(tao, order, seed));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = NomosTaoLoad(tao, file);
  PetscCall(PetscPopErrorHandler());
  CheckInt(what, ierr, code);
  PetscCall(VecMin(x, NULL, &lo));
  PetscCall(VecMax(x, NULL, &hi));
  CheckTrue("the solution stays", lo == 1 && hi == 1);
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckRefusals(void)
{
  const char    *other = "tao_state_damaged.h5";
  Batch          b;
  Tao            tao;
  Vec            x;
  PetscErrorCode ierr;
  PetscMPIInt    rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(Refused("another size", N + 1, 5, "shuffle", 0, FILE_A, PETSC_ERR_FILE_UNEXPECTED));
  PetscCall(Refused("another batch", N, 4, "shuffle", 0, FILE_A, PETSC_ERR_FILE_UNEXPECTED));
  PetscCall(Refused("no batches", N, 0, "shuffle", 0, FILE_A, PETSC_ERR_FILE_UNEXPECTED));
  PetscCall(Refused("another seed", N, 5, "shuffle", 7, FILE_A, PETSC_ERR_FILE_UNEXPECTED));
  PetscCall(Refused("no such file", N, 5, "shuffle", 0, "tao_state_gone.h5", PETSC_ERR_FILE_OPEN));
  if (rank == 0) {
    FILE *from = fopen(FILE_A, "rb"), *to = fopen(other, "wb");
    int   c;
    long  at = 0;

    while (from && to && (c = fgetc(from)) != EOF) fputc(at++ == 3000 ? c ^ 1 : c, to);
    if (from) fclose(from);
    if (to) fclose(to);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(Refused("a bit is another", N, 5, "shuffle", 0, other, PETSC_ERR_FILE_UNEXPECTED));
  PetscCall(Make(PETSC_COMM_WORLD, N, 5, &b, &tao, &x));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = NomosTaoSave(tao, "/proc/none/state.h5");
  CheckInt("a place that takes no file", ierr, PETSC_ERR_FILE_WRITE);
  PetscCall(TaoSetType(tao, TAOLMVM));
  ierr = NomosTaoSave(tao, "lmvm.h5");
  CheckInt("a type of PETSc's", ierr, PETSC_ERR_SUP);
  PetscCall(PetscPopErrorHandler());
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscScalar whole[N];
  char        text[4096];

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(TwoParts(0, whole));
  PetscCall(TwoParts(5, whole));
  CheckInt("the file is sound", NomosFileInspect(FILE_A, 0, text, sizeof(text)), 0);
  CheckTrue("and says what it is", strstr(text, "checkpoint nomos-checkpoint/1, step=11 ") && strstr(text, "optimizer adamw") && strstr(text, "params/a.weight [2][5][2]") && strstr(text, "params/b [15]"));
  PetscCall(CheckRefusals());
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
