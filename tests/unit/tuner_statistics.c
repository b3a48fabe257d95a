/* What the bandit learners do on the average, through the object: regret against published constants and reference runs.
   -seeds N: fewer for a quick look. */
#include <nomos.h>
#include "nomostest.h"

static uint64_t State;
static double   Uniform(void)
{
  uint64_t z = (State += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static PetscErrorCode NewTuner(const char method[], PetscInt d, PetscInt64 seed, NomosTuner *t)
{
  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, t));
  PetscCall(NomosTunerAddNumericParameter(*t, "v", 0, 1, d, NOMOS_SCALE_LINEAR));
  PetscCall(NomosTunerSetMethod(*t, method));
  PetscCall(NomosTunerSetSeed(*t, seed));
  PetscCall(NomosTunerSetCap(*t, 0));
  PetscCall(NomosTunerSetBudget(*t, -1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Losses in {0,1}, arm 7 of 10 has the mean `low`, the others low + gap. switching: low is 0.2 or 0.9, changing at 1.6^k. */
static PetscErrorCode Bandit(PetscBool rv, PetscBool switching, PetscInt64 seed, double *regret)
{
  const double gap = switching ? 0.1 : 0.2;
  double       low = switching ? 0.2 : 0.3, next = 1.6;
  NomosTuner   t;

  PetscFunctionBegin;
  PetscCall(NewTuner(NOMOSTUNERTSALLIS, 10, seed, &t));
  PetscCall(NomosTunerSetEstimator(t, rv));
  PetscCall(NomosTunerSetLossScale(t, 1));
  State   = 77u + 1000003u * (uint64_t)seed;
  *regret = 0;
  for (int k = 1; k <= 10000; k++) {
    PetscInt arm;

    if (switching && k >= next) {
      low = 1.1 - low;
      while (k >= next) next *= 1.6;
    }
    PetscCall(NomosTunerSelect(t, NULL, &arm, NULL));
    *regret += arm == 7 ? 0 : gap;
    PetscCall(NomosTunerReport(t, Uniform() < low + (arm == 7 ? 0 : gap) ? 1 : 0, PETSC_FALSE));
  }
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Regret(const char what[], PetscBool rv, PetscBool switching, PetscInt seeds, double low, double high)
{
  double mean = 0, square = 0, worst = 0, r = 0;
  char   text[128];

  PetscFunctionBegin;
  for (PetscInt s = 0; s < seeds; s++) {
    PetscCall(Bandit(rv, switching, s, &r));
    mean += r / seeds;
    square += r * r / seeds;
    worst = PetscMax(worst, r);
  }
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s seeds=%d mean=%.1f sd=%.1f worst=%.1f\n", what, (int)seeds, mean, sqrt(square - mean * mean), worst));
  snprintf(text, sizeof(text), "%s: mean %g in [%g, %g]", what, mean, low, high);
  CheckTrue(text, mean >= low && mean <= high);
  snprintf(text, sizeof(text), "%s: worst run %g below 4 sqrt(dT) + 1", what, worst);
  if (!switching) CheckTrue(text, worst < 1266);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* chebcb: cost 20 + 10 (c - v_i)^2 without noise, 5 arms, c uniform: the last quarter of 2000 rounds */
static PetscErrorCode Cheb(PetscInt seeds)
{
  double least = 1, mean = 0;

  PetscFunctionBegin;
  for (PetscInt s = 0; s < seeds; s++) {
    NomosTuner t;
    double     good = 0;

    PetscCall(NewTuner(NOMOSTUNERCHEBCB, 5, s, &t));
    PetscCall(NomosTunerAddContext(t, "c", 0, 1, PETSC_FALSE));
    State = 5u + (uint64_t)s;
    for (int k = 0; k < 2500; k++) {
      const double c = Uniform();
      PetscInt     arm;
      PetscReal    v;

      PetscCall(NomosTunerSelect(t, &c, &arm, &v));
      if (k >= 2000) good += arm == (PetscInt)(4 * c + 0.5) ? 1. / 500 : 0;
      PetscCall(NomosTunerReport(t, 20 + 10 * (c - v) * (c - v), PETSC_FALSE));
    }
    least = PetscMin(least, good);
    mean += good / seeds;
    PetscCall(NomosTunerDestroy(&t));
  }
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "chebcb share of the best arm after 2000 rounds: mean=%.3f least=%.3f\n", mean, least));
  CheckTrue("chebcb: share of the best arm > 0.8", mean > 0.8);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gp: log cost 2 (v - v0)^2, 20 arms, no context: an arm beside v0 by round 15, and in half of 60 rounds */
static PetscErrorCode GP(const char select[])
{
  const double v0[] = {0.1, 0.35, 0.6, 0.85};

  PetscFunctionBegin;
  for (int k = 0; k < 4; k++) {
    NomosTuner t;
    int        first = -1, near = 0;

    PetscCall(NewTuner(NOMOSTUNERGP, 20, k, &t));
    PetscCall(NomosTunerSetGP(t, 2, (PetscBool)(select[0] == 't'), 0.35, 1e-5));
    for (int r = 0; r < 60; r++) {
      PetscReal v;

      PetscCall(NomosTunerSelect(t, NULL, NULL, &v));
      if (fabs(v - v0[k]) < 1. / 19 + 1e-12) {
        near++;
        if (first < 0) first = r + 1;
      }
      PetscCall(NomosTunerReport(t, 30 * exp(2 * (v - v0[k]) * (v - v0[k])), PETSC_FALSE));
    }
    PetscCall(PetscPrintf(PETSC_COMM_SELF, "gp %s v0=%g: first=%d near=%d of 60\n", select, v0[k], first, near));
    if (select[0] == 'l') CheckTrue("gp: beside the optimum by round 15", first > 0 && first <= 15);
    if (select[0] == 'l') CheckTrue("gp: beside the optimum in half of the rounds", near >= 30);
    else CheckTrue("gp ts: finds the optimum", first > 0);
    PetscCall(NomosTunerDestroy(&t));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt seeds = 200;

  NomosTestBegin(argc, argv);
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seeds", &seeds, NULL));
  PetscCall(Regret("bernoulli iw", PETSC_FALSE, PETSC_FALSE, seeds, 200, 340));
  PetscCall(Regret("bernoulli rv", PETSC_TRUE, PETSC_FALSE, seeds, 110, 230));
  PetscCall(Regret("switching iw", PETSC_FALSE, PETSC_TRUE, seeds, 100, 480));
  PetscCall(Regret("switching rv", PETSC_TRUE, PETSC_TRUE, seeds, 50, 320));
  PetscCall(Cheb(PetscMin(seeds, 10)));
  PetscCall(GP("lcb"));
  PetscCall(GP("ts"));
  return NomosTestEnd();
}
/*TEST
  np: 1  timeout: 120
TEST*/
