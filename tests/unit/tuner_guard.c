/* The guard on simulated tables: the budget for every learner, cap and fallback, bans, start and freeze. A solve that would
   cost more than the limit is stopped there, and the baseline's cost is added. -long: more seeds and a longer horizon; -table K: that one alone. */
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

#define ARMS   20
#define TABLES 12
static const char *const Methods[] = {"tsallis", "tsallisbins", "chebcb", "gp", "young", "fixed", "uniform", "sweep"};

/* Iterations of SOR by the theory: rate of a consistently ordered matrix with Jacobi radius b. */
static double Sweeps(double w, double b)
{
  const double best = 2 / (1 + sqrt(1 - b * b)), s = w * w * b * b - 4 * (w - 1);
  const double rate = w >= best ? w - 1 : pow((w * b + sqrt(s > 0 ? s : 0)) / 2, 2);

  return ceil(1 + log(1e8) / -log(rate + 0.05 * (1 - rate)));
}

/* The tables. c in [0,1] is the context of the round, base the baseline's arm. */
static double Cost(int table, int arm, int base, double c, int round)
{
  const double noise = exp(0.3 * (Uniform() + Uniform() + Uniform() - 1.5));

  switch (table) {
  case 0: return arm == base ? 100 : 300;                                             /* everything else is three times worse    */
  case 1: return arm == base ? 100 : 1e6;                                             /* everything else never ends              */
  case 2: return (arm == base ? 1 : 3) * (20 + 400 * c);                              /* worse, and the level follows the context */
  case 3: return (arm == base ? 1 : 3) * (20 + 400 * c) * noise;                      /* and noise                               */
  case 4: return Sweeps(1 + 0.05 * arm, cos(PETSC_PI / 11) * 4 / (4 - 0.15 + 0.6 * c * c * c)); /* T1, as the theory has it       */
  case 5: return (arm == base) == ((round / 40) % 2 == 0) ? 50 : 150;                 /* the others take turns with the baseline */
  case 7: return arm == base ? (round / 100 % 2 ? 5 : 100) : (round / 100 % 2 ? 15 : 60); /* the others are better, then all is cheap and they are worse */
  case 8: return arm == base ? (round < 200 ? 100 : 10) : (round < 200 ? 50 : 40);        /* the baseline becomes cheap while nobody plays it  */
  case 9: return arm == base ? (round < 25 ? 100 : 5) : 100;                              /* the same, early, and the others save nothing      */
  case 10: return (20 + 400 * c) * (arm == base ? (round < 150 ? 1 : 0.1) : (round < 150 ? 0.6 : 0.4)); /* the same over a level that the context explains */
  case 11: return (20 + 400 * c) * noise * (arm == base ? (round / 150 % 2 ? 0.1 : 1) : 0.5);     /* to and fro, and noise                              */
  default: return arm == base ? 100 * noise : (arm == 7 ? 40 : 250) * noise;          /* one good arm among bad ones, noise      */
  }
}

static PetscErrorCode Run(int table, const char method[], int base, int T, PetscInt64 seed, double *ratio, double *excess)
{
  NomosTuner t;
  double     spent = 0, baseline = 0, largest = 0;

  PetscFunctionBegin;
  State = 1000u * (uint64_t)seed + (uint64_t)table;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddNumericParameter(t, "omega", 1, 1.95, ARMS, NOMOS_SCALE_LINEAR));
  PetscCall(NomosTunerAddContext(t, "c", 0, 1, PETSC_FALSE));
  PetscCall(NomosTunerSetMethod(t, method));
  PetscCall(NomosTunerSetBaseline(t, base));
  PetscCall(NomosTunerSetSeed(t, seed));
  PetscCall(NomosTunerSetYoung(t, 0.9, PETSC_FALSE));
  for (int k = 0; k < T; k++) {
    const double c = Uniform();
    double       own, cost;
    PetscInt     arm;
    PetscReal    limit;

    PetscCall(NomosTunerSelect(t, &c, &arm, NULL));
    PetscCall(NomosTunerGetLimit(t, &limit));
    own  = Cost(table, base, base, c, k);
    cost = arm == base ? own : Cost(table, (int)arm, base, c, k);
    PetscCall(NomosTunerReport(t, cost > limit ? limit + own : cost, (PetscBool)(cost > limit)));
    spent += cost > limit ? limit + own : cost;
    baseline += own;
    largest = PetscMax(largest, own);
  }
  *ratio  = spent / baseline;
  *excess = (spent - 1.25 * baseline) / largest; /* in solves */
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At most 1.25 of the baseline and one solve, for every learner, table, baseline and horizon. */
static PetscErrorCode Budget(PetscBool lengthy, PetscInt only)
{
  const int horizons[] = {10, 20, 60, 300, 1500}, bases[] = {0, 10};

  PetscFunctionBegin;
  for (int table = 0; table < TABLES; table++) {
    if (only >= 0 && table != (int)only) continue;
    for (int m = 0; m < 8; m++) {
      double worst = 0, most = -1e9, final = 0;

      for (int h = 0; h < (lengthy ? 5 : 4); h++)
        for (int b = 0; b < 2; b++)
          for (int s = 0; s < (lengthy ? 20 : 3); s++) {
            double ratio = 0, excess = 0;

            PetscCall(Run(table, Methods[m], bases[b], horizons[h], s, &ratio, &excess));
            worst = PetscMax(worst, ratio);
            most  = PetscMax(most, excess);
            final = ratio;
            if (excess > 1) PetscCall(PetscPrintf(PETSC_COMM_SELF, "table %d %s base %d T=%d seed %d: ratio %.3f, %.2f solves above 1.25\n", table, Methods[m], bases[b], horizons[h], s, ratio, excess));
          }
      PetscCall(PetscPrintf(PETSC_COMM_SELF, "table %d %-12s worst ratio %.3f, solves above 1.25: %6.2f, longest run's ratio %.3f\n", table, Methods[m], worst, most, final));
      CheckTrue("the budget holds", most <= 1);
      /* constant costs: nothing is estimated (gp apart), so that the reserve must cover cap and fallback to the last bit */
      if (table < 2 && strcmp(Methods[m], "gp")) CheckTrue("nothing above the budget where nothing is estimated", most <= 1e-9);
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscBool lengthy = PETSC_FALSE;
  PetscInt  only    = -1;

  NomosTestBegin(argc, argv);
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-long", &lengthy, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-table", &only, NULL));
  PetscCall(Budget(lengthy, only));
  return NomosTestEnd();
}
/*TEST
  np: 1  timeout: 120
TEST*/
