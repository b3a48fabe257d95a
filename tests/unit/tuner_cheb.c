/* The learner chebcb from outside: the probabilities that it shows against its definition, evaluated another way. It is told rounds in which every
   arm had its turn (the state of a learner `sweep`, load mode `arms`); the constrained least squares of every arm are solved here exactly, by
   trying which bounds hold (all 3^n choices, the one that satisfies the conditions of optimality); errors, gaps and the weighting follow. */
#include <nomos.h>
#include "nomostest.h"

#define ARMS 4
#define TERMS 6 /* degree 5 */
#define CHOICES 729
#define ROUNDS 800

typedef struct {
  int    arm;
  double c, y;
} Seen;

static double Uniform(uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

/* Contexts in [2, 5], floor 1. The square wave of arm 1 needs a larger fifth coefficient than a function of its range may have. */
static double Cost(int arm, double c)
{
  const double x = (2 * c - 7) / 3;

  switch (arm) {
  case 0: return 21 + 4 * x;
  case 1: return cos(5 * acos(x)) > 0 ? 39 : 19;
  case 2: return 31 - 12 * x * x * x;
  default: return 26 + 5 * sin(4 * x);
  }
}

static void Features(double c, double f[TERMS])
{
  const double theta = acos(fmin(fmax((2 * c - 7) / 3, -1), 1));

  for (int j = 0; j < TERMS; j++) f[j] = cos(j * theta);
}

/* G x = r for the rows in `free`, the others given; Gauss with pivots. */
static int SolveFree(double G[TERMS][TERMS], const double r[TERMS], const int free[TERMS], double x[TERMS])
{
  double a[TERMS][TERMS + 1];
  int    idx[TERMS], n = 0;

  for (int i = 0; i < TERMS; i++)
    if (free[i]) idx[n++] = i;
  for (int i = 0; i < n; i++) {
    a[i][n] = r[idx[i]];
    for (int j = 0; j < TERMS; j++)
      if (!free[j]) a[i][n] -= G[idx[i]][j] * x[j];
    for (int j = 0; j < n; j++) a[i][j] = G[idx[i]][idx[j]];
  }
  for (int k = 0; k < n; k++) {
    int p = k;

    for (int i = k + 1; i < n; i++)
      if (fabs(a[i][k]) > fabs(a[p][k])) p = i;
    if (a[p][k] == 0) return 0;
    for (int j = 0; j <= n; j++) {
      const double s = a[k][j];

      a[k][j] = a[p][j];
      a[p][j] = s;
    }
    for (int i = 0; i < n; i++) {
      const double s = a[i][k] / a[k][k];

      if (i == k) continue;
      for (int j = k; j <= n; j++) a[i][j] -= s * a[k][j];
    }
  }
  for (int i = 0; i < n; i++) x[idx[i]] = a[i][n] / a[i][i];
  return 1;
}

/* min x'Gx/2 - r'x, |x_j| <= bound_j. active: how many bounds hold. */
static int Exact(double G[TERMS][TERMS], const double r[TERMS], const double bound[TERMS], double x[TERMS])
{
  for (int code = 0; code < CHOICES; code++) {
    int free[TERMS], side[TERMS], good = 1, active = 0;

    for (int j = 0, c = code; j < TERMS; j++, c /= 3) {
      side[j] = c % 3 - 1; /* -1, 0 (free), 1 */
      free[j] = side[j] == 0;
      active += !free[j];
      x[j] = side[j] * bound[j];
    }
    if (!SolveFree(G, r, free, x)) continue;
    for (int j = 0; j < TERMS && good; j++) {
      double g = r[j];

      for (int i = 0; i < TERMS; i++) g -= G[j][i] * x[i];
      if (free[j]) good = fabs(x[j]) <= bound[j] * (1 + 1e-12);
      else good = side[j] * g >= 0;
    }
    if (good) return active;
  }
  return -1;
}

typedef struct {
  double K, small, N, slope;
} Scale;

static Scale ScaleOf(const Seen s[], int n)
{
  Scale k = {s[0].y, s[0].y, 0, 0};

  for (int i = 1; i < n; i++) {
    k.K     = fmax(k.K, s[i].y);
    k.small = fmin(k.small, s[i].y);
  }
  k.slope = (k.K - k.small) / k.K;
  k.N     = 2 + 4 * k.slope * (1 + log((double)TERMS));
  return k;
}

/* The fit of an arm to the first n rounds, in units of K N. */
static int FitArm(const Seen s[], int n, int arm, Scale k, double theta[TERMS], double *residual)
{
  double G[TERMS][TERMS] = {{0}}, r[TERMS] = {0}, bound[TERMS], yy = 0, f[TERMS];
  int    active;

  for (int i = 0; i < n; i++) {
    if (s[i].arm != arm) continue;
    Features(s[i].c, f);
    for (int p = 0; p < TERMS; p++) {
      for (int q = 0; q < TERMS; q++) G[p][q] += f[p] * f[q];
      r[p] += f[p] * s[i].y / (k.K * k.N);
    }
    yy += pow(s[i].y / (k.K * k.N), 2);
  }
  for (int p = 0; p < TERMS; p++) {
    G[p][p] += 1e-9; /* its ridge */
    bound[p] = p ? 2 * k.slope / (k.N * p) : 1 / k.N;
  }
  active    = Exact(G, r, bound, theta);
  *residual = yy;
  for (int p = 0; p < TERMS; p++) {
    *residual -= 2 * theta[p] * r[p];
    for (int q = 0; q < TERMS; q++) *residual += theta[p] * theta[q] * (G[p][q] - (p == q ? 1e-9 : 0));
  }
  return active;
}

static double Eval(const double theta[TERMS], double c)
{
  double f[TERMS], s = 0;

  Features(c, f);
  for (int j = 0; j < TERMS; j++) s += theta[j] * f[j];
  return s;
}

/* What the tuner drew with, at context c after n rounds, against fits, errors and scale of here. */
static PetscErrorCode Look(NomosTuner t, int n, double c, Scale k, double theta[][TERMS], const double rest[], double errors, int *looks)
{
  const double a = (PETSC_PI + 2 / PETSC_PI * log(2. * TERMS + 1)) * k.slope / (2 * k.N * (TERMS + 1)); /* m = TERMS - 1 */
  double       gap[ARMS], left = 0, sum = 0, eta;
  PetscReal    p[ARMS];
  int          best = 0;

  PetscFunctionBegin;
  for (int i = 0; i < ARMS; i++) {
    left += rest[i];
    if (Eval(theta[i], c) < Eval(theta[best], c)) best = i;
  }
  eta = 2. * n * sqrt((double)ARMS * n / (fmax(errors / pow(k.K * k.N, 2) - left, 1e-12) + 2 * a * a * n));
  PetscCall(NomosTunerGetProbabilities(t, p));
  for (int i = 0; i < ARMS; i++) {
    sum += p[i];
    gap[i] = Eval(theta[i], c) - Eval(theta[best], c);
    if (i == best) continue;
    /* 1/p - d = eta gap. Its first fits, of fewer rounds than coefficients, end elsewhere: their errors are a small part of R */
    CheckClose("1/p - d over eta times the gap", (1 / p[i] - ARMS) / (eta * gap[i]), 1, 0.01);
    for (int j = 0; j < i; j++)
      if (j != best && gap[j] > 0.01 * gap[i] && gap[i] > 0.01 * gap[j]) {
        /* free of eta. Its descent ends at steps of 1e-12 or after 50 sweeps, and 1/p - d is a difference of close numbers */
        CheckClose("two gaps, free of eta", (1 / p[i] - ARMS) / (1 / p[j] - ARMS) * gap[j] / gap[i], 1, 1e-6);
        (*looks)++;
      }
  }
  CheckClose("sum of p", sum, 1, 8 * PETSC_MACHINE_EPSILON);
  CheckTrue("the best arm is the likeliest", p[best] >= 1. / ARMS);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NewTuner(const char method[], NomosTuner *t)
{
  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, t));
  PetscCall(NomosTunerAddNumericParameter(*t, "v", 0, 1, ARMS, NOMOS_SCALE_LINEAR));
  PetscCall(NomosTunerAddContext(*t, "c", 2, 5, PETSC_FALSE));
  PetscCall(NomosTunerSetMethod(*t, method));
  PetscCall(NomosTunerSetChebyshevDegree(*t, TERMS - 1));
  PetscCall(NomosTunerSetCostFloor(*t, 1));
  PetscCall(NomosTunerSetCap(*t, 0));
  PetscCall(NomosTunerSetBudget(*t, -1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  static Seen s[ROUNDS];
  NomosTuner  sweep, t;
  uint64_t    state = 4;
  double      theta[ARMS][TERMS] = {{0}}, rest[ARMS] = {0}, errors = 0; /* errors: squared, one step ahead, in units of cost */
  Scale       k = {0, 0, 0, 0};
  int         active[ARMS] = {0}, looks = 0;

  NomosTestBegin(argc, argv);
  PetscCall(NewTuner(NOMOSTUNERSWEEP, &sweep));
  for (int n = 0; n < ROUNDS; n++) {
    const double c = 2 + 3 * Uniform(&state), scale = k.K * k.N;
    PetscInt     arm;

    PetscCall(NomosTunerSelect(sweep, &c, &arm, NULL));
    s[n] = (Seen){(int)arm, c, Cost((int)arm, c) - 1};
    PetscCall(NomosTunerReport(sweep, s[n].y + 1, PETSC_FALSE));
    errors += pow(Eval(theta[arm], c) * scale - s[n].y, 2);
    k = ScaleOf(s, n + 1);
    for (int i = 0; i < ARMS; i++)
      if (i == arm || scale != k.K * k.N) active[i] = FitArm(s, n + 1, i, k, theta[i], &rest[i]);
    for (int i = 0; i < ARMS; i++) CheckTrue("the conditions of optimality have a solution", active[i] >= 0);
  }
  CheckTrue("a bound holds in the fit of the square wave, none in the others", active[1] > 0 && active[1] < TERMS && !active[0] && !active[2] && !active[3]);
  PetscCall(NomosTunerSave(sweep, "sweep.h5"));
  PetscCall(NomosTunerDestroy(&sweep));
  PetscCall(NewTuner(NOMOSTUNERCHEBCB, &t));
  PetscCall(NomosTunerSetLoadMode(t, NOMOS_LOAD_ARMS));
  PetscCall(NomosTunerLoad(t, "sweep.h5"));
  for (int i = 0; i < 40; i++) {
    const double c = 2 + 3 * Uniform(&state);

    PetscCall(NomosTunerSelect(t, &c, NULL, NULL));
    PetscCall(Look(t, ROUNDS, c, k, theta, rest, errors, &looks));
    PetscCall(NomosTunerCancel(t));
  }
  CheckTrue("gaps were compared", looks >= 40);
  PetscCall(NomosTunerDestroy(&t));
  return NomosTestEnd();
}
/*TEST
  np: 1
TEST*/
