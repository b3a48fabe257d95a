/* Benchmarks of the tuner, without PETSc solvers.
     -bench_case overhead   microseconds a round: tsallis d=20, tsallisbins, chebcb, gp 20x13 (default)
     -bench_case t1         the learners on T1: 5000 systems 10x10 with a changing diagonal, solved by SOR for every omega
                            (-T 5000 -seeds 10; -guard: cap and budget on) */
#include <nomos.h>
#include "nomostest.h"
#include "costtable.h"
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
#define N 10

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

static PetscErrorCode MakeT1(PetscInt T, PetscBool high, CostTable *p)
{
  const double lmin = 8 * pow(sin(PETSC_PI / 22), 2);

  PetscFunctionBegin;
  PetscCall(CostTableCreate(T, p));
  p->lo = -0.15;
  p->hi = 0.45;
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
    p->radius[t] = (4 - lmin) / (4 + p->c[t]);
    p->auto_c[t] = log10((p->c[t] + 0.4) / (4 + p->c[t]));
    for (int i = 0; i < TABLE_ARMS; i++) p->cost[t][i] = SOR(b, p->c[t], 1 + 0.05 * i);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Learners(PetscBool high, PetscInt T, PetscInt seeds, PetscBool guard)
{
  const PetscInt horizons[] = {PetscMin(T, 500), T};
  CostTable      p;

  PetscFunctionBegin;
  PetscCall(MakeT1(T, high, &p));
  PetscCall(CostTablePrint(&p, high ? "t1_high" : "t1_low", 0, guard, seeds, 2, horizons));
  PetscCall(CostTableDestroy(&p));
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
