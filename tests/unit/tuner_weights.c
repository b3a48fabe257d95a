/* Tsallis-INF in plain numbers: reference probabilities, sums, monotonicity, draws against probabilities, unbiased estimates. */
#include <petscsys.h>
#include "nomostest.h"
#include "petsc_ext/tuner/tuner.h"

/* splitmix64: the test's own random numbers */
static uint64_t State = 1;
static double   Uniform(void)
{
  uint64_t z = (State += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

/* Computed with 60 digits from p_i = 4/(eta (l_i - x))^2, sum p = 1. The root of sum p = 1 is known to 1e-13 in sum p; p is divided by its sum. */
static void Reference(void)
{
  const double l1[] = {0, 1, 2}, p1[] = {0.534814335981504, 0.286761628265362, 0.178424035753136};
  const double l2[] = {10, 10, 12, 40}, p2[] = {0.340841653276371, 0.340841653276371, 0.273294192765784, 0.0450225006814737};
  const double l3[] = {0, 1e6};
  double       p[4], x;
  PetscInt     steps;

  NomosTsallisWeights(3, l1, 1, p, &x, &steps);
  CheckClose("x of (0,1,2)", x, -2.73481828885891, 1e-12);
  for (int i = 0; i < 3; i++) CheckClose("p of (0,1,2)", p[i], p1[i], 1e-12);
  CheckTrue("fewer than 10 steps", steps < 10);
  NomosTsallisWeights(4, l2, 0.2, p, &x, &steps);
  CheckClose("x of (10,10,12,40)", x, -7.12867102698349, 1e-12);
  for (int i = 0; i < 4; i++) CheckClose("p of (10,10,12,40)", p[i], p2[i], 1e-12);
  NomosTsallisWeights(2, l3, 2, p, &x, &steps);
  CheckClose("p2 of (0,1e6)", p[1], 9.99998000003e-13, 1e-12 * 1e-12 + 1e-24); /* 12 digits of the reference */
  CheckClose("p1 of (0,1e6)", p[0], 1 - 9.99998000003e-13, 1e-12);
}

static void Properties(void)
{
  double   l[256], p[256];
  PetscInt most = 0;

  for (int trial = 0; trial < 2000; trial++) {
    const PetscInt d   = 1 + (PetscInt)(Uniform() * 256);
    const double   eta = pow(10, -4 + 5 * Uniform()), size = pow(10, 8 * Uniform() - 2);
    double         sum = 0, x;
    PetscInt       steps;
    int            positive = 1, monotone = 1, left = 1;

    for (PetscInt i = 0; i < d; i++) l[i] = size * (Uniform() - 0.3);
    NomosTsallisWeights(d, l, eta, p, &x, &steps);
    most = PetscMax(most, steps);
    for (PetscInt i = 0; i < d; i++) {
      sum += p[i];
      positive = positive && p[i] > 0;
      left     = left && x < l[i];
      for (PetscInt j = 0; j < i; j++) monotone = monotone && (l[i] < l[j] ? p[i] >= p[j] : p[i] <= p[j]);
    }
    CheckClose("sum of p", sum, 1, 1e-12);
    CheckTrue("p > 0, monotone, x left of the smallest loss", positive && monotone && left);
  }
  CheckTrue("Newton needs fewer than 20 steps", most < 20); /* < 10 where the losses are of the size 1/eta */
}

/* chi-square of 1e5 draws, 4 degrees of freedom, level 1e-4: 23.51 */
static void Draws(void)
{
  NomosTsallis s;
  double       count[5] = {0}, chi = 0;
  const double L[] = {0, 1, 3, 2, 6};

  CheckTrue("create", NomosTsallisCreate(5, PETSC_TRUE, 1, &s) == PETSC_SUCCESS);
  s.state[0] = 8; /* eta = 4/3 */
  for (int i = 0; i < 5; i++) s.L[i] = L[i];
  for (int k = 0; k < 100000; k++) count[NomosTsallisDraw(&s, NULL, Uniform())]++;
  for (int i = 0; i < 5; i++) chi += (count[i] - 1e5 * s.p[i]) * (count[i] - 1e5 * s.p[i]) / (1e5 * s.p[i]);
  CheckTrue("chi-square of the draws", chi < 23.51);
  CheckTrue("the draw is the inverse distribution function", NomosTsallisDraw(&s, NULL, 1e-9) == 0 && NomosTsallisDraw(&s, NULL, 1 - 1e-12) == 4);
  {
    const PetscBool allowed[] = {PETSC_FALSE, PETSC_TRUE, PETSC_FALSE, PETSC_TRUE, PETSC_TRUE};
    double          sum       = 0;

    CheckInt("a banned arm is not drawn", NomosTsallisDraw(&s, allowed, 1e-9), 1);
    for (int i = 0; i < 5; i++) sum += s.p[i];
    CheckTrue("its probability is 0, the others' sum is 1", s.p[0] == 0 && s.p[2] == 0 && fabs(sum - 1) < 1e-12);
  }
  CheckTrue("destroy", NomosTsallisDestroy(&s) == PETSC_SUCCESS);
}

/* Mean of the estimate over 1e5 draws from the same state: the losses, within 4 standard errors. */
static void Unbiased(PetscBool rv)
{
  const double loss[] = {0.2, 0.9, 0.5, 0.7, 0.4};
  NomosTsallis s;
  double       mean[5] = {0}, square[5] = {0};
  PetscInt     flagged = 0;

  CheckTrue("create", NomosTsallisCreate(5, rv, 1, &s) == PETSC_SUCCESS);
  for (int k = 0; k < 100000; k++) {
    PetscInt arm;

    for (int i = 0; i < 5; i++) {
      s.L[i] = (double)(3 * i); /* p from 0.55 to 0.03, the flag of rv on some arms only */
      s.B[i] = 0;
    }
    s.state[0] = 40;
    s.state[1] = 0;
    arm        = NomosTsallisDraw(&s, NULL, Uniform());
    flagged    = 0;
    for (int i = 0; i < 5; i++) flagged += s.p[i] >= s.eta * s.eta ? 1 : 0;
    NomosTsallisObserve(&s, arm, loss[arm]);
    for (int i = 0; i < 5; i++) {
      const double e = s.L[i] + s.B[i] - 3 * i;

      mean[i] += e / 1e5;
      square[i] += e * e / 1e5;
    }
  }
  CheckTrue("some arms have a baseline, some have none", flagged > 0 && flagged < 5);
  for (int i = 0; i < 5; i++) CheckClose(rv ? "rv estimate" : "iw estimate", mean[i], loss[i], 4 * sqrt((square[i] - mean[i] * mean[i]) / 1e5));
  CheckTrue("destroy", NomosTsallisDestroy(&s) == PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  Reference();
  Properties();
  Draws();
  Unbiased(PETSC_FALSE);
  Unbiased(PETSC_TRUE);
  return NomosTestEnd();
}
/*TEST
  sources: petsc_ext/tuner/weights.c
  np: 1
TEST*/
