/* Benchmarks of the tuner, without PETSc solvers.
     -bench_case overhead   microseconds a round: tsallis d=20, tsallisbins, chebcb, gp 20x13 (default)
     -bench_case t1         the learners on T1: 5000 systems 10x10 with a changing diagonal, solved by SOR for every omega
                            (-T 5000 -seeds 10; -guard: cap and budget on) */
#include <nomos.h>
#include "nomostest.h"
#include <time.h>

static uint64_t State;
static double   Uniform(void)
{
  uint64_t z = (State += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}
static double Normal(void)
{
  const double r = sqrt(-2 * log(Uniform()));

  return r * cos(2 * PETSC_PI * Uniform());
}

/* ---- overhead -------------------------------------------------------------------------------------------------- */
static PetscErrorCode Overhead(const char method[], PetscInt d, PetscInt contexts, PetscInt rounds)
{
  NomosTuner     t;
  clock_t        a, b; /* of this process: other processes on the core do not count */

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddNumericParameter(t, "omega", 1, 1.95, d, NOMOS_SCALE_LINEAR));
  if (contexts) PetscCall(NomosTunerAddContext(t, "c", 0, 1, PETSC_FALSE));
  PetscCall(NomosTunerSetMethod(t, method));
  PetscCall(NomosTunerSetUp(t));
  State = 3;
  a = clock();
  for (PetscInt k = 0; k < rounds; k++) {
    const PetscReal c = Uniform();
    PetscReal       v;

    PetscCall(NomosTunerSelect(t, &c, NULL, &v));
    PetscCall(NomosTunerReport(t, floor(40 + 300 * (v - 1.3 - 0.4 * c) * (v - 1.3 - 0.4 * c)), PETSC_FALSE));
  }
  b = clock();
  PetscCall(NomosTunerDestroy(&t));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "method=%s arms=%d rounds=%d microseconds_per_round=%.2f\n", method, (int)d, (int)rounds, 1e6 * (double)(b - a) / CLOCKS_PER_SEC / rounds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- T1 --------------------------------------------------------------------------------------------------------- */
#define N    10
#define ARMS 20
typedef struct {
  PetscInt   T;
  double    *c, *auto_c; /* [T] shift, context seen without knowing it */
  double   (*cost)[ARMS];
} T1;

/* (4 + c) x - neighbours = b, forward SOR from zero until |r| < 1e-8 |b| */
static int SOR(const double b[N][N], double c, double w)
{
  double x[N + 2][N + 2] = {{0}}, bb = 0;

  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) bb += b[i][j] * b[i][j];
  for (int it = 1; it < 100000; it++) {
    double rr = 0;

    for (int i = 1; i <= N; i++)
      for (int j = 1; j <= N; j++) x[i][j] += w * ((b[i - 1][j - 1] + x[i - 1][j] + x[i + 1][j] + x[i][j - 1] + x[i][j + 1]) / (4 + c) - x[i][j]);
    for (int i = 1; i <= N; i++)
      for (int j = 1; j <= N; j++) {
        const double r = b[i - 1][j - 1] + x[i - 1][j] + x[i + 1][j] + x[i][j - 1] + x[i][j + 1] - (4 + c) * x[i][j];

        rr += r * r;
      }
    if (rr < 1e-16 * bb) return it;
  }
  return 100000;
}

/* Beta(2,6): second of seven uniforms. Beta(1/2,3/2): gamma numbers from normals and an exponential. */
static double Shift(PetscBool high)
{
  double u[7], g, h;

  if (high) {
    g = Normal();
    h = Normal();
    g = g * g / 2;
    h = h * h / 2 - log(Uniform());
    return -0.15 + 0.6 * g / (g + h);
  }
  for (int i = 0; i < 7; i++) u[i] = Uniform();
  for (int i = 0; i < 2; i++)
    for (int j = i + 1; j < 7; j++)
      if (u[j] < u[i]) {
        g    = u[i];
        u[i] = u[j];
        u[j] = g;
      }
  return -0.15 + 0.6 * u[1];
}

static PetscErrorCode MakeT1(PetscInt T, PetscBool high, T1 *p)
{
  PetscFunctionBegin;
  p->T = T;
  PetscCall(PetscMalloc3(T, &p->c, T, &p->auto_c, T, &p->cost));
  State = 20;
  for (PetscInt t = 0; t < T; t++) {
    double b[N][N], bb;

    p->c[t] = Shift(high);
    do {
      bb = 0;
      for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
          b[i][j] = Normal();
          bb += b[i][j] * b[i][j];
        }
    } while (bb > 100);
    p->auto_c[t] = log10((p->c[t] + 0.4) / (4 + p->c[t]));
    for (int i = 0; i < ARMS; i++) p->cost[t][i] = SOR(b, p->c[t], 1 + 0.05 * i);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeT1(T1 *p)
{
  PetscFunctionBegin;
  PetscCall(PetscFree3(p->c, p->auto_c, p->cost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One run over the first T systems. With the guard: a solve beyond the limit is stopped there and the baseline's is added. */
static PetscErrorCode Run(const T1 *p, PetscInt T, const char method[], int context, PetscBool rv, PetscBool guard, PetscInt64 seed, double *total)
{
  const double lmin = 8 * pow(sin(PETSC_PI / 22), 2);
  NomosTuner   t;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddNumericParameter(t, "omega", 1, 1.95, ARMS, NOMOS_SCALE_LINEAR));
  if (context == 1) PetscCall(NomosTunerAddContext(t, "c", -0.15, 0.45, PETSC_FALSE));
  if (context == 2) PetscCall(NomosTunerAddContext(t, "auto", -6, 0, PETSC_TRUE));
  PetscCall(NomosTunerSetMethod(t, method));
  PetscCall(NomosTunerSetEstimator(t, rv));
  PetscCall(NomosTunerSetCostFloor(t, 1));
  PetscCall(NomosTunerSetSeed(t, seed));
  if (!guard) {
    PetscCall(NomosTunerSetCap(t, 0));
    PetscCall(NomosTunerSetBudget(t, -1));
  }
  *total = 0;
  for (PetscInt k = 0; k < T; k++) {
    PetscInt  arm;
    PetscReal limit, cost;

    PetscCall(NomosTunerSetYoung(t, (4 - lmin) / (4 + p->c[k]), PETSC_FALSE));
    PetscCall(NomosTunerSelect(t, context == 1 ? &p->c[k] : &p->auto_c[k], &arm, NULL));
    PetscCall(NomosTunerGetLimit(t, &limit));
    cost = p->cost[k][arm] > limit ? limit + p->cost[k][0] : p->cost[k][arm];
    PetscCall(NomosTunerReport(t, cost, (PetscBool)(p->cost[k][arm] > limit)));
    *total += cost;
  }
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Mean(const T1 *p, const char what[], const char method[], int context, PetscBool rv, PetscBool guard, PetscInt seeds, double best5000, double best500)
{
  double a = 0, b = 0, x = 0;

  PetscFunctionBegin;
  for (PetscInt s = 0; s < seeds; s++) {
    PetscCall(Run(p, p->T, method, context, rv, guard, s, &x));
    a += x / seeds;
    PetscCall(Run(p, PetscMin(p->T, 500), method, context, rv, guard, s, &x));
    b += x / seeds;
  }
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s: ratio=%.3f ratio_T500=%.3f total=%.4g\n", what, a / best5000, b / best500, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static double Best(const T1 *p, PetscInt T, int *arm)
{
  double sum[ARMS] = {0}, best;

  for (PetscInt t = 0; t < T; t++)
    for (int i = 0; i < ARMS; i++) sum[i] += p->cost[t][i];
  *arm = 0;
  for (int i = 1; i < ARMS; i++)
    if (sum[i] < sum[*arm]) *arm = i;
  best = sum[*arm];
  return best;
}

static PetscErrorCode Learners(PetscBool high, PetscInt T, PetscInt seeds, PetscBool guard)
{
  T1     p;
  double best, best500, one = 0;
  int    arm;

  PetscFunctionBegin;
  PetscCall(MakeT1(T, high, &p));
  best500 = Best(&p, PetscMin(T, 500), &arm);
  best    = Best(&p, T, &arm);
  for (PetscInt t = 0; t < T; t++) one += p.cost[t][0];
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "T1 %s T=%d: omega 1 %.4g, best fixed %.4g (omega %.2f)\n", high ? "high" : "low", (int)T, one, best, 1 + 0.05 * arm));
  PetscCall(Mean(&p, "tsallis iw", "tsallis", 0, PETSC_FALSE, guard, seeds, best, best500));
  PetscCall(Mean(&p, "tsallis rv", "tsallis", 0, PETSC_TRUE, guard, seeds, best, best500));
  PetscCall(Mean(&p, "tsallisbins c", "tsallisbins", 1, PETSC_TRUE, guard, seeds, best, best500));
  PetscCall(Mean(&p, "chebcb c", "chebcb", 1, PETSC_TRUE, guard, seeds, best, best500));
  PetscCall(Mean(&p, "chebcb auto", "chebcb", 2, PETSC_TRUE, guard, seeds, best, best500));
  PetscCall(Mean(&p, "gp c", "gp", 1, PETSC_TRUE, guard, 1, best, best500));
  PetscCall(Mean(&p, "gp auto", "gp", 2, PETSC_TRUE, guard, 1, best, best500));
  PetscCall(Mean(&p, "gp without context", "gp", 0, PETSC_TRUE, guard, 1, best, best500));
  PetscCall(Mean(&p, "young", "young", 0, PETSC_TRUE, guard, 1, best, best500));
  PetscCall(FreeT1(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char      name[32] = "overhead";
  PetscInt  T = 5000, seeds = 10;
  PetscBool overhead, guard = PETSC_FALSE;

  NomosTestBegin(argc, argv);
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bench_case", name, sizeof(name), NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-T", &T, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seeds", &seeds, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-guard", &guard, NULL));
  PetscCall(PetscStrcmp(name, "overhead", &overhead));
  if (overhead) {
    PetscCall(Overhead("tsallis", 20, 0, 100000));
    PetscCall(Overhead("tsallisbins", 20, 1, 100000));
    PetscCall(Overhead("chebcb", 20, 1, 20000));
    PetscCall(Overhead("gp", 20, 1, 5000));
    PetscCall(Overhead("gp", 20, 0, 20000));
  } else {
    PetscCall(Learners(PETSC_FALSE, T, seeds, guard));
    PetscCall(Learners(PETSC_TRUE, T, seeds, guard));
  }
  return PetscFinalize() ? 1 : 0;
}
