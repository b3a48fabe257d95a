/* adamw against an independent reference in long double (every form, blocks, complex pairs, clipping), the stored clipping
   data, bounds, restart, phase rotation, and what happens to bad values and settings. Ranks: same bits as one rank. */
#include <nomos.h>
#include "nomostest.h"
#include <hdf5.h>
#include <string.h>

#define N     512
#define STEPS 100
#define EPS   2.220446049250313e-16

/* f = sum_i c_i (x_i - t_i)^2 / 2 + cos(x_i), separable, so that ranks agree to the bit; bad at step `bad` */
typedef struct {
  PetscInt bad, badto, calls;
  PetscBool throwaway;
} Problem;
static double Curvature(PetscInt i)
{
  return 0.1 + (double)((i * 37) % 101) / 10.0;
}
static double Target(PetscInt i)
{
  return (double)((i * 53) % 97) / 30.0 - 1.5;
}
static double Gradient(PetscInt i, double x)
{
  return Curvature(i) * (x - Target(i)) - sin(x);
}
static PetscErrorCode Evaluate(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Problem           *p = (Problem *)ctx;
  const PetscScalar *xa;
  PetscScalar       *ga;
  PetscInt           lo, hi;
  double             mine = 0;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &xa));
  PetscCall(VecGetArrayWrite(g, &ga));
  for (PetscInt i = lo; i < hi; i++) {
    const double v = xa[i - lo];
    mine += Curvature(i) * (v - Target(i)) * (v - Target(i)) / 2 + cos(v);
    ga[i - lo] = Gradient(i, v);
    if (p->calls >= p->bad && p->calls < p->badto && i == N / 3) ga[i - lo] = NAN;
  }
  PetscCall(VecRestoreArrayWrite(g, &ga));
  PetscCall(VecRestoreArrayRead(x, &xa));
  PetscCallMPI(MPI_Allreduce(&mine, f, 1, MPI_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)x)));
  p->calls++;
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode NoBatch(Tao tao, PetscInt step, PetscInt n, const PetscInt idx[], void *ctx)
{
  return PETSC_SUCCESS;
}

static PetscErrorCode Blocks(Tao tao)
{
  const NomosBlock b[5] = {
    {.name = "a", .start = 0,   .size = 100, .rank = 1, .shape = {100},   .lr_mult = 1,   .wd_mult = 1                      },
    {.name = "b", .start = 100, .size = 156, .rank = 2, .shape = {78, 2}, .lr_mult = 1,   .wd_mult = 1, .is_complex = PETSC_TRUE},
    {.name = "c", .start = 256, .size = 64,  .rank = 1, .shape = {64},    .lr_mult = 1,   .wd_mult = 1, .frozen = PETSC_TRUE    },
    {.name = "d", .start = 320, .size = 92,  .rank = 2, .shape = {46, 2}, .lr_mult = 0.5, .wd_mult = 2, .is_complex = PETSC_TRUE},
    {.name = "e", .start = 412, .size = 100, .rank = 1, .shape = {100},   .lr_mult = 1,   .wd_mult = 0                      }
  };
  return NomosTaoSetBlocks(tao, 5, b);
}
static int BlockOf(PetscInt i)
{
  return i < 100 ? 0 : i < 256 ? 1 : i < 320 ? 2 : i < 412 ? 3 : 4;
}

typedef struct {
  const char *name;
  double      lr, b1, b2, eps, wd, l2, clip;
  int         split, neuralop, blocks;
} Case;

static PetscErrorCode Make(MPI_Comm comm, const Case *c, Problem *p, Tao *tao, Vec *x)
{
  NomosSchedule s;
  PetscInt      lo, hi;

  PetscFunctionBegin;
  PetscCall(VecCreate(comm, x));
  PetscCall(VecSetSizes(*x, PETSC_DECIDE, N));
  PetscCall(VecSetType(*x, VECSTANDARD));
  PetscCall(VecGetOwnershipRange(*x, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(*x, i, sin(1.0 + (double)i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(*x));
  PetscCall(VecAssemblyEnd(*x));
  PetscCall(TaoCreate(comm, tao));
  PetscCall(TaoSetType(*tao, TAOADAMW));
  PetscCall(TaoSetSolution(*tao, *x));
  PetscCall(TaoSetObjectiveAndGradient(*tao, NULL, Evaluate, p));
  PetscCall(TaoSetMaximumIterations(*tao, STEPS));
  PetscCall(NomosTaoAdamWSetRates(*tao, c->lr, c->b1, c->b2, c->eps));
  PetscCall(NomosTaoAdamWSetDecay(*tao, c->wd, c->l2));
  PetscCall(NomosTaoAdamWSetForm(*tao, c->split ? "split" : "modulus", c->neuralop ? "neuralop" : "standard"));
  PetscCall(NomosTaoSetClip(*tao, c->clip));
  PetscCall(NomosTaoSetConvergence(*tao, "none", 0.99, 0));
  PetscCall(NomosTaoGetSchedule(*tao, &s));
  PetscCall(NomosScheduleSetType(s, "cosine"));
  PetscCall(NomosScheduleSetLength(s, STEPS));
  if (c->blocks) PetscCall(Blocks(*tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Written from the formulas of docs/optimizers.md, entry by entry, in long double. */
static void Reference(const Case *c, int steps, long double x[N])
{
  static long double m[N], v[N], g[N];

  memset(m, 0, sizeof(m));
  memset(v, 0, sizeof(v));
  for (int i = 0; i < N; i++) x[i] = sin(1.0 + (double)i);
  for (int t = 0; t < steps; t++) {
    const long double rate = c->lr * (1 + cosl(3.14159265358979323846264338327950288L * t / STEPS)) / 2;
    long double       norm = 0, scale = 1;

    for (int i = 0; i < N; i++) g[i] = Curvature(i) * (x[i] - Target(i)) - sinl(x[i]);
    for (int i = 0; i < N; i++) norm += g[i] * g[i];
    norm = sqrtl(norm);
    if (c->clip > 0 && c->clip / (norm + 1e-6L) < 1) scale = c->clip / (norm + 1e-6L);
    for (int i = 0; i < N; i++) {
      const int         b  = c->blocks ? BlockOf(i) : 0;
      const long double wd = c->wd * (c->blocks && b == 3 ? 2 : c->blocks && b == 4 ? 0 : 1), l2 = c->l2 * (c->blocks && b == 3 ? 2 : c->blocks && b == 4 ? 0 : 1);
      g[i] = scale * g[i] + l2 * x[i];
      (void)wd;
    }
    for (int i = 0; i < N; i++) {
      const int         b  = c->blocks ? BlockOf(i) : 0, pair = (c->blocks && (b == 1 || b == 3) && !c->split);
      const long double lr = rate * (c->blocks && b == 3 ? 0.5L : 1), wd = c->wd * (c->blocks && b == 3 ? 2 : c->blocks && b == 4 ? 0 : 1);
      const long double square = pair ? g[i] * g[i] + g[i ^ 1] * g[i ^ 1] : g[i] * g[i];

      if (c->blocks && b == 2) continue;
      m[i] = c->b1 * m[i] + (1 - (long double)c->b1) * g[i];
      v[i] = c->b2 * v[i] + (1 - (long double)c->b2) * square;
      if (c->neuralop) {
        x[i] -= lr * sqrtl(1 - powl(c->b2, t + 1)) / (1 - powl(c->b1, t + 1)) * m[i] / (sqrtl(v[i]) + c->eps);
        x[i] -= lr * wd * x[i];
      } else {
        x[i] -= lr * wd * x[i];
        x[i] -= lr * (m[i] / (1 - powl(c->b1, t + 1))) / (sqrtl(v[i] / (1 - powl(c->b2, t + 1))) + c->eps);
      }
    }
  }
}

/* The whole solution on every rank. */
static PetscErrorCode Gather(Vec x, double all[N])
{
  VecScatter         sc;
  Vec                seq;
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToAll(x, &sc, &seq));
  PetscCall(VecScatterBegin(sc, x, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(sc, x, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(seq, &a));
  memcpy(all, a, N * sizeof(double));
  PetscCall(VecRestoreArrayRead(seq, &a));
  PetscCall(VecScatterDestroy(&sc));
  PetscCall(VecDestroy(&seq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const Case cases[] = {
  {"plain",           1e-2, 0.9,  0.999, 1e-8, 0,    0,    0, 0, 0, 0},
  {"decay",           1e-2, 0.9,  0.999, 1e-8, 1e-1, 0,    0, 0, 0, 0},
  {"l2",              1e-2, 0.8,  0.99,  1e-8, 0,    1e-1, 0, 0, 0, 0},
  {"neuralop",        1e-2, 0.9,  0.999, 1e-6, 1e-1, 0,    0, 0, 1, 1},
  {"blocks, modulus", 1e-2, 0.9,  0.999, 1e-8, 1e-1, 1e-2, 0, 0, 0, 1},
  {"blocks, split",   1e-2, 0.9,  0.999, 1e-8, 1e-1, 1e-2, 0, 1, 0, 1},
  {"clip",            1e-2, 0.9,  0.999, 1e-8, 1e-1, 0,    2, 0, 0, 1}
};
#define NUM_CASES ((int)(sizeof(cases) / sizeof(cases[0])))

/* 100 steps against the reference; the same bits on one rank as on many (clipping: its norm is a sum over ranks, to rounding). */
static PetscErrorCode Rule(void)
{
  static long double want[N];
  static double      got[N], alone[N];

  PetscFunctionBegin;
  for (int k = 0; k < NUM_CASES; k++) {
    Problem p = {.bad = -1, .badto = -1}, q = p;
    Tao     tao, self;
    Vec     x, y, g, given;
    double  worst = 0;

    PetscCall(Make(PETSC_COMM_WORLD, &cases[k], &p, &tao, &x));
    PetscCall(VecDuplicate(x, &given));
    PetscCall(TaoSetObjectiveAndGradient(tao, given, Evaluate, &p));
    PetscCall(TaoSolve(tao));
    CheckInt("nothing is evaluated after the last update", p.calls, STEPS);
    PetscCall(TaoGetGradient(tao, &g, NULL, NULL));
    CheckTrue("the user's gradient vector is the Tao's", g == given);
    PetscCall(Gather(x, got));
    Reference(&cases[k], STEPS, want);
    for (int i = 0; i < N; i++) worst = fmax(worst, fabs(got[i] - (double)want[i]));
    /* 100 steps, each adds some ten roundings of numbers up to 2 */
    CheckClose(cases[k].name, worst, 0, STEPS * 20 * EPS);
    PetscCall(Make(PETSC_COMM_SELF, &cases[k], &q, &self, &y));
    PetscCall(TaoSolve(self));
    PetscCall(Gather(y, alone));
    if (cases[k].clip > 0) {
      for (int i = 0; i < N; i++) CheckClose("ranks, with clipping", got[i], alone[i], STEPS * 20 * EPS);
    } else CheckTrue("ranks: same bits", !memcmp(got, alone, sizeof(got)));
    PetscCall(TaoSolve(tao)); /* a second solve begins anew, from the solution */
    PetscCall(Gather(x, alone));
    CheckTrue("a second solve moves on", memcmp(got, alone, sizeof(got)));
    PetscCall(TaoDestroy(&tao));
    PetscCall(TaoDestroy(&self));
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&y));
    PetscCall(VecDestroy(&given));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Stop after 37 of 100 steps, carry solution, state, scalars and step to a new Tao, go on: the same bits. Step 20 is bad and
   skipped, so that the scalars matter. */
static PetscErrorCode Restart(void)
{
  static double whole[N], parts[N];
  Tao           tao, next;
  Vec           x, y, *from, *to;
  Problem       p = {.bad = 20, .badto = 21}, q = p, r = {.bad = -1, .badto = -1};
  PetscInt      n, m, step, ns, nt;
  PetscReal    *a, *b;
  const char *const *names;

  PetscFunctionBegin;
  PetscCall(Make(PETSC_COMM_WORLD, &cases[4], &p, &tao, &x));
  PetscCall(NomosTaoSetNanPolicy(tao, "skip"));
  PetscCall(TaoSolve(tao));
  PetscCall(Gather(x, whole));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(Make(PETSC_COMM_WORLD, &cases[4], &q, &tao, &x));
  PetscCall(NomosTaoSetNanPolicy(tao, "skip"));
  PetscCall(TaoSetMaximumIterations(tao, 37));
  PetscCall(TaoSolve(tao));
  PetscCall(Make(PETSC_COMM_WORLD, &cases[4], &r, &next, &y));
  PetscCall(VecCopy(x, y));
  PetscCall(NomosTaoGetState(tao, &n, &names, &from, &step));
  PetscCall(NomosTaoGetState(next, &m, NULL, &to, NULL));
  CheckInt("two state vectors", n, 2);
  CheckInt("and in the new one", m, 2);
  CheckTrue("named m and v", !strcmp(names[0], "m") && !strcmp(names[1], "v"));
  CheckInt("the next step", step, 37);
  for (PetscInt i = 0; i < n; i++) PetscCall(VecCopy(from[i], to[i]));
  PetscCall(NomosTaoSetStep(next, step));
  PetscCall(NomosTaoGetStateScalars(tao, &ns, &a));
  PetscCall(NomosTaoGetStateScalars(next, &nt, &b));
  for (PetscInt i = 0; i < ns; i++) b[i] = a[i];
  PetscCall(TaoSolve(next));
  PetscCall(TaoGetIterationNumber(next, &step));
  CheckInt("max_it counts total steps", step, STEPS);
  CheckInt("evaluations after the restart", r.calls, STEPS - 37);
  PetscCall(Gather(y, parts));
  CheckTrue("restart at step 37: same bits", !memcmp(whole, parts, sizeof(whole)));
  PetscCall(TaoDestroy(&tao));
  PetscCall(TaoDestroy(&next));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* NaN from evaluation 30 on: stop gives back the iterate of evaluation 29, skip gives up after 10, error is an error. */
static PetscErrorCode BadValues(void)
{
  static double    before[N], after[N];
  static long double want[N];
  const char      *policies[3] = {"stop", "skip", "error"};

  PetscFunctionBegin;
  for (int k = 0; k < 4; k++) {
    Problem            p = {.bad = 30, .badto = k == 3 ? 35 : 1000000}, q = {.bad = -1, .badto = -1};
    Tao                tao, good;
    Vec                x, y;
    TaoConvergedReason reason;
    PetscInt           its;
    PetscErrorCode     ierr;

    PetscCall(Make(PETSC_COMM_WORLD, &cases[4], &q, &good, &y));
    PetscCall(TaoSetMaximumIterations(good, 29));
    PetscCall(TaoSolve(good));
    PetscCall(Gather(y, before));
    PetscCall(Make(PETSC_COMM_WORLD, &cases[4], &p, &tao, &x));
    PetscCall(NomosTaoSetNanPolicy(tao, policies[k == 3 ? 1 : k]));
    if (k == 2) PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
    ierr = TaoSolve(tao);
    if (k == 2) PetscCall(PetscPopErrorHandler());
    CheckInt(policies[k % 3], (long long)ierr, k == 2 ? PETSC_ERR_FP : 0);
    if (k < 2) {
      PetscCall(TaoGetConvergedReason(tao, &reason));
      PetscCall(TaoGetIterationNumber(tao, &its));
      CheckInt("reason", reason, TAO_DIVERGED_NAN);
      CheckInt("step", its, k ? 39 : 30);
      PetscCall(Gather(x, after));
      CheckTrue("the last iterate with finite f and g, to the bit", !memcmp(before, after, sizeof(before)));
    } else if (k == 3) {
      PetscCall(TaoGetConvergedReason(tao, &reason));
      CheckInt("five skipped steps: the run goes on", reason, TAO_DIVERGED_MAXITS);
      PetscCall(Gather(x, after));
      for (int i = 0; i < N; i++) CheckTrue("finite", isfinite(after[i]));
    }
    PetscCall(TaoDestroy(&tao));
    PetscCall(TaoDestroy(&good));
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&y));
  }
  (void)want;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rotating complex weights, their targets and gradients by a phase commutes with modulus, not with split (E7). f = |w - z|^2/2 with equal curvature in a pair. */
typedef struct {
  double phase;
} Rotation;
static PetscErrorCode Rotated(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  const double       c = cos(((Rotation *)ctx)->phase), s = sin(((Rotation *)ctx)->phase);
  const PetscScalar *xa;
  PetscScalar       *ga;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(x, &xa));
  PetscCall(VecGetArrayWrite(g, &ga));
  *f = 0;
  for (PetscInt i = 0; i < N; i += 2) {
    const double zr = Target(i) * c - Target(i + 1) * s, zi = Target(i) * s + Target(i + 1) * c;
    ga[i]     = Curvature(i) * (xa[i] - zr);
    ga[i + 1] = Curvature(i) * (xa[i + 1] - zi);
    *f += Curvature(i) * ((xa[i] - zr) * (xa[i] - zr) + (xa[i + 1] - zi) * (xa[i + 1] - zi)) / 2;
  }
  PetscCall(VecRestoreArrayWrite(g, &ga));
  PetscCall(VecRestoreArrayRead(x, &xa));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Phase(void)
{
  const NomosBlock whole = {.name = "w", .start = 0, .size = N, .rank = 2, .shape = {N / 2, 2}, .is_complex = PETSC_TRUE, .lr_mult = 1, .wd_mult = 1};

  PetscFunctionBegin;
  for (int split = 0; split < 2; split++) {
    static double out[2][N];
    const double  phase = 0.7, c = cos(phase), s = sin(phase);
    double        worst = 0;

    for (int k = 0; k < 2; k++) {
      Rotation r = {k ? phase : 0};
      Case     one = cases[1];
      Problem  p = {.bad = -1};
      Tao      tao;
      Vec      x;

      one.split = split;
      PetscCall(Make(PETSC_COMM_SELF, &one, &p, &tao, &x));
      PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Rotated, &r));
      PetscCall(TaoSetMaximumIterations(tao, 50));
      PetscCall(NomosTaoSetBlocks(tao, 1, &whole));
      for (PetscInt i = 0; k && i < N; i += 2) {
        const double a = sin(1.0 + (double)i), b = sin(2.0 + (double)i);
        PetscCall(VecSetValue(x, i, a * c - b * s, INSERT_VALUES));
        PetscCall(VecSetValue(x, i + 1, a * s + b * c, INSERT_VALUES));
      }
      PetscCall(VecAssemblyBegin(x));
      PetscCall(VecAssemblyEnd(x));
      PetscCall(TaoSolve(tao));
      PetscCall(Gather(x, out[k]));
      PetscCall(TaoDestroy(&tao));
      PetscCall(VecDestroy(&x));
    }
    for (int i = 0; i < N; i += 2) {
      worst = fmax(worst, fabs(out[1][i] - (out[0][i] * c - out[0][i + 1] * s)));
      worst = fmax(worst, fabs(out[1][i + 1] - (out[0][i] * s + out[0][i + 1] * c)));
    }
    if (split) CheckTrue("split does not commute with a phase", worst > 1e-3);
    else CheckClose("modulus commutes with a phase", worst, 0, 1e-13);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Bounds(void)
{
  Problem p = {.bad = -1};
  Tao     tao;
  Vec     x, lo, hi;
  double  got[N];

  PetscFunctionBegin;
  PetscCall(Make(PETSC_COMM_WORLD, &cases[0], &p, &tao, &x));
  PetscCall(VecDuplicate(x, &lo));
  PetscCall(VecDuplicate(x, &hi));
  PetscCall(VecSet(lo, -0.25));
  PetscCall(VecSet(hi, 0.5));
  PetscCall(TaoSetVariableBounds(tao, lo, hi));
  PetscCall(TaoSolve(tao));
  PetscCall(Gather(x, got));
  for (int i = 0; i < N; i++) CheckTrue("inside the bounds", got[i] >= -0.25 && got[i] <= 0.5);
  PetscCall(VecSet(hi, -1));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckInt("crossed bounds", TaoSolve(tao), PETSC_ERR_ARG_INCOMP);
  PetscCall(PetscPopErrorHandler());
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&lo));
  PetscCall(VecDestroy(&hi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BadSettings(void)
{
  const NomosBlock hole[2] = {
    {.name = "a", .start = 0,   .size = 100,     .lr_mult = 1, .wd_mult = 1},
    {.name = "b", .start = 101, .size = N - 101, .lr_mult = 1, .wd_mult = 1}
  };
  Problem p = {.bad = -1};
  Tao     tao;
  Vec     x;

  PetscFunctionBegin;
  PetscCall(Make(PETSC_COMM_WORLD, &cases[0], &p, &tao, &x));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckInt("lr", NomosTaoAdamWSetRates(tao, -1, 0.9, 0.9, 1e-8), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("beta1", NomosTaoAdamWSetRates(tao, 1, 1, 0.9, 1e-8), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("beta2", NomosTaoAdamWSetRates(tao, 1, 0.9, -0.1, 1e-8), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("eps", NomosTaoAdamWSetRates(tao, 1, 0.9, 0.9, 0), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("wd", NomosTaoAdamWSetDecay(tao, -1, 0), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("clip", NomosTaoSetClip(tao, -1), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("policy", NomosTaoSetNanPolicy(tao, "hope"), PETSC_ERR_ARG_UNKNOWN_TYPE);
  CheckInt("batch", NomosTaoSetBatch(tao, 10, 0, NoBatch, NULL), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("blocks are copied unchecked", NomosTaoSetBlocks(tao, 2, hole), 0);
  CheckInt("blocks with a hole", TaoSolve(tao), PETSC_ERR_ARG_INCOMP);
  CheckInt("no blocks", NomosTaoSetBlocks(tao, 0, NULL), 0);
  CheckInt("and it works again", TaoSolve(tao), 0);
  PetscCall(TaoDestroy(&tao));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, TAOADAMW));
  PetscCall(TaoSetSolution(tao, x));
  CheckInt("no gradient", TaoSolve(tao), PETSC_ERR_ARG_WRONGSTATE);
  PetscCall(PetscPopErrorHandler());
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Stored clipping data of torch: one step of adamw with beta1 = beta2 = 0, lr 1, eps huge: x = x0 - g_clipped/(|g_clipped| + eps),
   and a state m that is the clipped gradient itself. */
typedef struct {
  double  *g;
  PetscInt n;
} Fixed;
static PetscErrorCode Given(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  const Fixed *p = (const Fixed *)ctx;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < p->n; i++) PetscCall(VecSetValue(g, i, p->g[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(g));
  PetscCall(VecAssemblyEnd(g));
  *f = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscInt ReadInto(hid_t file, const char group[], const char name[], double out[])
{
  char     path[256];
  hid_t    d, s, type;
  hssize_t n;

  snprintf(path, sizeof(path), "/clip/%s/%s", group, name);
  d = H5Dopen2(file, path, H5P_DEFAULT);
  CheckTrue(path, d >= 0);
  if (d < 0) return 0;
  s    = H5Dget_space(d);
  type = H5Dget_type(d);
  n    = H5Sget_simple_extent_npoints(s);
  if (H5Tget_class(type) == H5T_COMPOUND) { /* h5py's complex: {r, i} */
    CheckTrue("complex entries", H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    n *= 2;
  } else CheckTrue(path, H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
  H5Tclose(type);
  H5Sclose(s);
  H5Dclose(d);
  return (PetscInt)n;
}
static double Attribute(hid_t file, const char group[])
{
  char   path[256];
  double v = -1;
  hid_t  a, o;

  snprintf(path, sizeof(path), "/clip/%s", group);
  o = H5Oopen(file, path, H5P_DEFAULT);
  a = H5Aopen(o, "max_norm", H5P_DEFAULT);
  CheckTrue("max_norm", a >= 0 && H5Aread(a, H5T_NATIVE_DOUBLE, &v) >= 0);
  H5Aclose(a);
  H5Oclose(o);
  return v;
}
static PetscErrorCode Clipping(void)
{
  static const char *const groups[3] = {"active", "inactive", "tight"};
  hid_t                    file      = H5Fopen(NomosTestFile("tests/golden/layers.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);

  PetscFunctionBegin;
  CheckTrue("tests/golden/layers.h5", file >= 0);
  for (int k = 0; file >= 0 && k < 3; k++) {
    static double      g[100000], want[100000], norm[1];
    Fixed              p = {g, 0};
    PetscInt           n = 0, m = 0;
    Tao                tao;
    Vec                x, *state;
    const PetscScalar *a;

    n += ReadInto(file, groups[k], "a", g + n);
    n += ReadInto(file, groups[k], "b", g + n);
    n += ReadInto(file, groups[k], "c", g + n);
    m += ReadInto(file, groups[k], "a_clipped", want + m);
    m += ReadInto(file, groups[k], "b_clipped", want + m);
    m += ReadInto(file, groups[k], "c_clipped", want + m);
    (void)ReadInto(file, groups[k], "total_norm", norm);
    CheckInt("sizes", n, m);
    p.n = n;
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, &x));
    PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
    PetscCall(TaoSetType(tao, TAOADAMW));
    PetscCall(TaoSetSolution(tao, x));
    PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Given, &p));
    PetscCall(TaoSetMaximumIterations(tao, 1));
    PetscCall(NomosTaoSetConvergence(tao, "none", 0, 0));
    PetscCall(NomosTaoAdamWSetRates(tao, 1, 0, 0, 1e-8));
    PetscCall(NomosTaoSetClip(tao, Attribute(file, groups[k])));
    PetscCall(TaoSolve(tao));
    PetscCall(NomosTaoGetState(tao, NULL, NULL, &state, NULL));
    PetscCall(VecGetArrayRead(state[0], &a));
    for (PetscInt i = 0; i < n; i++) CheckClose("clipped gradient", a[i], want[i], 8 * EPS * fabs(want[i])); /* one norm, one quotient, one product */
    PetscCall(VecRestoreArrayRead(state[0], &a));
    PetscCall(TaoDestroy(&tao));
    PetscCall(VecDestroy(&x));
  }
  if (file >= 0) H5Fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(Rule());
  PetscCall(Restart());
  PetscCall(BadValues());
  PetscCall(Phase());
  PetscCall(Bounds());
  PetscCall(BadSettings());
  PetscCall(Clipping());
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
