/* The learners over a table of costs: what every arm would cost in every round was computed before, so that any learner, seed
   and horizon is a matter of milliseconds. Benchmarks and tests share it. */
#ifndef NOMOS_COSTTABLE_H
#define NOMOS_COSTTABLE_H
#include <nomos.h>

#define TABLE_ARMS 20 /* omega = 1 to 1.95 */

typedef struct {
  PetscInt T;
  double  *c, *auto_c; /* the context that explains the cost; what the tuning KSP reads off the matrix */
  double  *radius;     /* of Jacobi's iteration, as young is given it                                  */
  double (*cost)[TABLE_ARMS];
  double    lo, hi;    /* range of c                                                                   */
  PetscBool symmetric; /* young: SSOR under CG, else plain SOR                                         */
  double    noise;     /* what the learner is told is multiplied by exp(noise N(0,1)), and every 50th time by 5 more */
} CostTable;

typedef enum {
  CONTEXT_NONE,
  CONTEXT_GIVEN,
  CONTEXT_AUTO
} TableContext;

typedef struct {
  const char  *name, *method;
  TableContext context;
  PetscBool    rv, random; /* random: the mean over seeds is taken */
} TableLearner;

static const TableLearner TableLearners[] = {
  {"tsallis_iw",     "tsallis",     CONTEXT_NONE,  PETSC_FALSE, PETSC_TRUE },
  {"tsallis_rv",     "tsallis",     CONTEXT_NONE,  PETSC_TRUE,  PETSC_TRUE },
  {"tsallisbins",    "tsallisbins", CONTEXT_GIVEN, PETSC_TRUE,  PETSC_TRUE },
  {"chebcb",         "chebcb",      CONTEXT_GIVEN, PETSC_TRUE,  PETSC_TRUE },
  {"chebcb_auto",    "chebcb",      CONTEXT_AUTO,  PETSC_TRUE,  PETSC_TRUE },
  {"gp",             "gp",          CONTEXT_GIVEN, PETSC_TRUE,  PETSC_FALSE},
  {"gp_auto",        "gp",          CONTEXT_AUTO,  PETSC_TRUE,  PETSC_FALSE},
  {"gp_no_context",  "gp",          CONTEXT_NONE,  PETSC_TRUE,  PETSC_FALSE},
  {"young",          "young",       CONTEXT_NONE,  PETSC_TRUE,  PETSC_FALSE},
};
#define TABLE_LEARNERS ((PetscInt)(sizeof(TableLearners) / sizeof(TableLearners[0])))

static inline PetscErrorCode CostTableCreate(PetscInt T, CostTable *p)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->T = T;
  PetscCall(PetscMalloc4(T, &p->c, T, &p->auto_c, T, &p->radius, T, &p->cost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode CostTableDestroy(CostTable *p)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(p->c, p->auto_c, p->radius, p->cost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline double CostTableFixed(const CostTable *p, PetscInt T, PetscInt arm)
{
  double sum = 0;

  for (PetscInt t = 0; t < T; t++) sum += p->cost[t][arm];
  return sum;
}

static inline double CostTableBest(const CostTable *p, PetscInt T, PetscInt *arm)
{
  double best = CostTableFixed(p, T, 0);

  *arm = 0;
  for (PetscInt i = 1; i < TABLE_ARMS; i++) {
    const double sum = CostTableFixed(p, T, i);

    if (sum < best) {
      *arm = i;
      best = sum;
    }
  }
  return best;
}

/* the best arm of every round */
static inline double CostTableOracle(const CostTable *p, PetscInt T)
{
  double sum = 0;

  for (PetscInt t = 0; t < T; t++) {
    double least = p->cost[t][0];

    for (PetscInt i = 1; i < TABLE_ARMS; i++) least = PetscMin(least, p->cost[t][i]);
    sum += least;
  }
  return sum;
}

static inline double CostTableChance(uint64_t k)
{
  uint64_t z = (k + 1) * 0x9e3779b97f4a7c15u;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static inline double CostTableNoise(const CostTable *p, uint64_t k)
{
  const double n = sqrt(-2 * log(CostTableChance(3 * k))) * cos(2 * PETSC_PI * CostTableChance(3 * k + 1));

  return p->noise > 0 ? exp(p->noise * n) * (CostTableChance(3 * k + 2) < 0.02 ? 5 : 1) : 1;
}

static inline PetscErrorCode CostTableTuner(const CostTable *p, const TableLearner *l, PetscInt baseline, PetscBool guard, PetscInt64 seed, NomosTuner *tuner)
{
  NomosTuner t;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddNumericParameter(t, "omega", 1, 1.95, TABLE_ARMS, NOMOS_SCALE_LINEAR));
  if (l->context == CONTEXT_GIVEN) PetscCall(NomosTunerAddContext(t, "c", p->lo, p->hi, PETSC_FALSE));
  if (l->context == CONTEXT_AUTO) PetscCall(NomosTunerAddContext(t, "auto", -6, 0, PETSC_TRUE));
  PetscCall(NomosTunerSetMethod(t, l->method));
  PetscCall(NomosTunerSetEstimator(t, l->rv));
  PetscCall(NomosTunerSetCostFloor(t, 1));
  PetscCall(NomosTunerSetSeed(t, seed));
  PetscCall(NomosTunerSetBaseline(t, baseline));
  if (!guard) {
    PetscCall(NomosTunerSetCap(t, 0));
    PetscCall(NomosTunerSetBudget(t, -1));
  }
  PetscCall(NomosTunerSetFromOptions(t));
  *tuner = t;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One run over the first T rounds. A solve beyond the cap is stopped there, and a whole solve with the baseline is added.
   harm: the most that any prefix of at least 10 rounds cost, less the dearest solve of the baseline so far, over the baseline's total. */
static inline PetscErrorCode CostTableRun(const CostTable *p, PetscInt T, const TableLearner *l, PetscInt baseline, PetscBool guard, PetscInt64 seed, double *total, double *harm)
{
  NomosTuner t;
  double     base = 0, one = 0;

  PetscFunctionBegin;
  PetscCall(CostTableTuner(p, l, baseline, guard, seed, &t));
  *total = *harm = 0;
  for (PetscInt k = 0; k < T; k++) {
    const PetscReal ctx = l->context == CONTEXT_AUTO ? p->auto_c[k] : p->c[k];
    PetscInt        arm;
    PetscReal       limit, cost;
    PetscBool       capped;

    PetscCall(NomosTunerSetYoung(t, p->radius[k], p->symmetric));
    PetscCall(NomosTunerSelect(t, &ctx, &arm, NULL));
    PetscCall(NomosTunerGetLimit(t, &limit));
    capped = (PetscBool)(p->cost[k][arm] > limit);
    cost   = capped ? PetscFloorReal(limit) + p->cost[k][baseline] : p->cost[k][arm];
    PetscCall(NomosTunerReport(t, cost * CostTableNoise(p, (uint64_t)k + 1000000u * (uint64_t)seed), capped));
    *total += cost;
    base += p->cost[k][baseline];
    one = PetscMax(one, p->cost[k][baseline]);
    if (k >= 9) *harm = PetscMax(*harm, (*total - one) / base);
  }
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode CostTableMean(const CostTable *p, PetscInt T, const TableLearner *l, PetscInt baseline, PetscBool guard, PetscInt seeds, double *mean, double *harm)
{
  const PetscInt n = l->random ? seeds : 1;
  double         x = 0, y = 0;

  PetscFunctionBegin;
  *mean = *harm = 0;
  for (PetscInt s = 0; s < n; s++) {
    PetscCall(CostTableRun(p, T, l, baseline, guard, s, &x, &y));
    *mean += x / (double)n;
    *harm = PetscMax(*harm, y);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every learner as a line of key=value: total over that of the best fixed arm, for each horizon. */
static inline PetscErrorCode CostTablePrint(const CostTable *p, const char problem[], PetscInt baseline, PetscBool guard, PetscInt seeds, PetscInt nT, const PetscInt T[])
{
  char   only[64] = "";
  double mean, harm = 0;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-learner", only, sizeof(only), NULL));
  for (PetscInt i = 0; i < nT; i++) {
    PetscInt     arm;
    const double best = CostTableBest(p, T[i], &arm);

    PetscCall(PetscPrintf(PETSC_COMM_SELF, "problem=%s T=%d baseline=%.2f baseline_total=%.0f best_fixed=%.0f best_omega=%.2f per_step_optimum=%.0f\n", problem, (int)T[i], 1 + 0.05 * baseline, CostTableFixed(p, T[i], baseline), best, 1 + 0.05 * arm, CostTableOracle(p, T[i])));
  }
  for (PetscInt k = 0; k < TABLE_LEARNERS; k++) {
    if (only[0] && strcmp(only, TableLearners[k].name)) continue;
    PetscCall(PetscPrintf(PETSC_COMM_SELF, "problem=%s guard=%s learner=%s", problem, guard ? "on" : "off", TableLearners[k].name));
    for (PetscInt i = 0; i < nT; i++) {
      PetscInt     arm;
      const double best = CostTableBest(p, T[i], &arm);

      PetscCall(CostTableMean(p, T[i], &TableLearners[k], baseline, guard, seeds, &mean, &harm));
      PetscCall(PetscPrintf(PETSC_COMM_SELF, " T%d=%.3f", (int)T[i], mean / best));
    }
    PetscCall(PetscPrintf(PETSC_COMM_SELF, " over_baseline=%.3f most_harm=%.3f\n", mean / CostTableFixed(p, T[nT - 1], baseline), harm));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif
