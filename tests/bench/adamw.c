/*
  What one update of adamw costs, beside its seven memory streams (read x, g, m, v; write x, m, v) timed in the same run.
  Options: -n 10000000 (entries), -steps 15, -complex (one complex block).
  The update is the event NomosUpd inside a real TaoSolve(); the gradient is handed over without being computed.
  Prints update_ms, stream_ms (both medians), ratio, spread of the ratio over the steps.
*/
#include <nomos.h>
#include <compat.h>
#include <petsctime.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  #define CLONES __attribute__((noinline, optimize("O3"), target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
  #define CLONES __attribute__((noinline))
#endif

CLONES static void Stream(PetscInt n, double *restrict x, const double *restrict g, double *restrict m, double *restrict v)
{
  for (PetscInt i = 0; i < n; i++) {
    const double a = g[i];
    x[i] = 0.999 * x[i] + a;
    m[i] = 0.99 * m[i] + a;
    v[i] = 0.999 * v[i] + a;
  }
}

typedef struct {
  PetscInt      n, steps, done;
  double       *x, *g, *m, *v, *stream, *update;
  PetscLogEvent event;
  PetscReal     before;
} Bench;

/* Between two updates: note the last one, time the streams, hand a gradient over. */
static PetscErrorCode Evaluate(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Bench             *b = (Bench *)ctx;
  PetscEventPerfInfo info;
  PetscLogDouble     t0, t1;

  PetscFunctionBegin;
  PetscCall(PetscLogEventGetPerfInfo(0, b->event, &info));
  if (b->done > 0) b->update[b->done - 1] = info.time - b->before;
  PetscCall(PetscTime(&t0));
  Stream(b->n, b->x, b->g, b->m, b->v);
  PetscCall(PetscTime(&t1));
  b->stream[b->done] = t1 - t0;
  PetscCall(VecSet(g, 1e-3));
  *f        = 1;
  b->before = info.time;
  b->done++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int Ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static PetscErrorCode Run(Bench *b, PetscBool complex_block)
{
  NomosBlock block = {.name = "w", .start = 0, .rank = 1, .is_complex = PETSC_TRUE, .lr_mult = 1, .wd_mult = 1};
  Vec        x;
  Tao        tao;
  double    *ratio;
  PetscInt   k;

  PetscFunctionBegin;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, b->n, &x));
  PetscCall(VecSet(x, 0.5));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(TaoSetType(tao, TAOADAMW));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Evaluate, b));
  PetscCall(NomosTaoSetConvergence(tao, "none", 0.99, 0));
  block.size = block.shape[0] = b->n;
  if (complex_block) PetscCall(NomosTaoSetBlocks(tao, 1, &block));
  PetscCall(TaoSetMaximumIterations(tao, b->steps + 1));
  PetscCall(TaoSolve(tao));
  PetscCall(PetscMalloc1(b->steps, &ratio));
  for (k = 0; k < b->steps; k++) ratio[k] = b->update[k] / b->stream[k + 1];
  qsort(ratio, (size_t)b->steps, sizeof(double), Ascending);
  qsort(b->update, (size_t)b->steps, sizeof(double), Ascending);
  qsort(b->stream, (size_t)b->steps + 1, sizeof(double), Ascending);
  k = b->steps / 2;
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "n=%" PetscInt_FMT " complex=%d update_ms=%.2f stream_ms=%.2f ratio=%.3f ratio_min=%.3f ratio_max=%.3f stream_gbs=%.1f\n", b->n, (int)complex_block, 1e3 * b->update[k], 1e3 * b->stream[k], ratio[k], ratio[0], ratio[b->steps - 1], 56e-9 * (double)b->n / b->stream[k]));
  PetscCall(PetscFree(ratio));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Main(void)
{
  Bench     b             = {.n = 10000000, .steps = 15};
  PetscBool complex_block = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscLogDefaultBegin());
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &b.n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &b.steps, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-complex", &complex_block, NULL));
  PetscCheck(b.n >= 2 && b.steps >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "-n must be at least 2 and -steps at least 1");
  PetscCall(PetscLogEventGetId("NomosUpd", &b.event));
  PetscCall(PetscMalloc4(b.n, &b.x, b.n, &b.g, b.n, &b.m, b.n, &b.v));
  PetscCall(PetscMalloc2(b.steps + 1, &b.stream, b.steps + 1, &b.update));
  for (PetscInt i = 0; i < b.n; i++) b.x[i] = b.m[i] = b.v[i] = 1, b.g[i] = 1e-3;
  PetscCall(Run(&b, complex_block));
  PetscCall(PetscFree4(b.x, b.g, b.m, b.v));
  PetscCall(PetscFree2(b.stream, b.update));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (Main()) return 1;
  return PetscFinalize() ? 1 : 0;
}
