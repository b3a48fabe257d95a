/* What users get wrong, each with its code; and the rules of a round: order, cancel, limit, failures, bans, start, freeze. */
#include <nomos.h>
#include "refusetest.h"
#include "petsc_ext/tuner/tuner.h" /* what an option sets */

static PetscErrorCode Arms(void)
{
  NomosTuner t;
  PetscReal  v[3];
  PetscInt   n, d, arm;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &t));
  PetscCall(NomosTunerAddParameter(t, "omega:lin:1:1.9:10"));
  PetscCall(NomosTunerAddParameter(t, "rtol:log:1e-6:1e-2:3"));
  PetscCall(NomosTunerAddParameter(t, "pc_type:set:sor,icc"));
  PetscCall(NomosTunerGetParameters(t, &n, &d));
  CheckTrue("3 parameters, 60 arms", n == 3 && d == 60);
  PetscCall(NomosTunerGetArm(t, 59, v));
  CheckTrue("the last arm", v[0] == 1.9 && v[1] == 1e-2 && v[2] == 1);
  PetscCall(NomosTunerGetArm(t, 9, v));
  CheckClose("linear grid", v[0], 1.1, 4 * PETSC_MACHINE_EPSILON);
  CheckClose("logarithmic grid", v[1], 1e-4, 1e-4 * 8 * PETSC_MACHINE_EPSILON); /* one power, one product */
  CheckTrue("label", v[2] == 1);
  v[0] = 1.43;
  PetscCall(NomosTunerFindArm(t, v, &arm));
  CheckInt("nearest arm", arm, 4 * 6 + 2 + 1);
  PetscCall(NomosTunerDestroy(&t));
  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &t));
  PetscCall(NomosTunerAddParameter(t, "levels:int:0:3"));
  PetscCall(NomosTunerAddParameter(t, "restart:int:10:50:3"));
  PetscCall(NomosTunerGetParameters(t, &n, &d));
  CheckInt("4 levels, 3 restarts", d, 12);
  PetscCall(NomosTunerGetArm(t, 10, v));
  CheckTrue("integers", v[0] == 3 && v[1] == 30);
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BadArms(void)
{
  NomosTuner  t;
  const char *same[] = {"a", "b", "a"};

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  Refused(NomosTunerSetUp(t), PETSC_ERR_ARG_WRONGSTATE, "nothing to tune");
  Refused(NomosTunerAddNumericParameter(t, "w", 2, 1, 5, NOMOS_SCALE_LINEAR), PETSC_ERR_ARG_OUTOFRANGE, "the smaller value comes first");
  Refused(NomosTunerAddNumericParameter(t, "w", NAN, 1, 5, NOMOS_SCALE_LINEAR), PETSC_ERR_ARG_OUTOFRANGE, "not finite");
  Refused(NomosTunerAddNumericParameter(t, "w", 0, INFINITY, 5, NOMOS_SCALE_LINEAR), PETSC_ERR_ARG_OUTOFRANGE, "not finite");
  Refused(NomosTunerAddNumericParameter(t, "w", 0, 1, 0, NOMOS_SCALE_LINEAR), PETSC_ERR_ARG_OUTOFRANGE, "1 to 256");
  Refused(NomosTunerAddNumericParameter(t, "w", 0, 1, 257, NOMOS_SCALE_LINEAR), PETSC_ERR_ARG_OUTOFRANGE, "1 to 256");
  Refused(NomosTunerAddNumericParameter(t, "w", 0, 1, 5, NOMOS_SCALE_LOG), PETSC_ERR_ARG_OUTOFRANGE, "lo > 0");
  Refused(NomosTunerAddNumericParameter(t, "w", 1, 1, 5, NOMOS_SCALE_LINEAR), PETSC_ERR_ARG_OUTOFRANGE, "all be the same");
  Refused(NomosTunerAddNumericParameter(t, "w", 0, 2, 5, NOMOS_SCALE_INTEGER), PETSC_ERR_ARG_OUTOFRANGE, "3 integers");
  Refused(NomosTunerAddCategoricalParameter(t, "s", 3, same), PETSC_ERR_ARG_WRONG, "twice");
  Refused(NomosTunerAddParameter(t, "omega"), PETSC_ERR_ARG_WRONG, "not of the form");
  Refused(NomosTunerAddParameter(t, "omega:cubic:1:2:3"), PETSC_ERR_ARG_WRONG, "no grid");
  Refused(NomosTunerAddParameter(t, "omega:lin:1:x:3"), PETSC_ERR_ARG_WRONG, "not a number");
  Refused(NomosTunerAddParameter(t, "omega:lin:1:2"), PETSC_ERR_ARG_WRONG, "not of the form");
  Refused(NomosTunerAddParameter(t, "omega:lin:1:2:2.5"), PETSC_ERR_ARG_OUTOFRANGE, "2.5 values");
  Refused(NomosTunerAddContext(t, "c", 1, 0, PETSC_FALSE), PETSC_ERR_ARG_OUTOFRANGE, "no range");
  PetscCall(NomosTunerDestroy(&t));
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddParameter(t, "a:lin:0:1:20"));
  Refused(NomosTunerAddParameter(t, "a:lin:0:1:20"), PETSC_ERR_ARG_WRONG, "twice");
  PetscCall(NomosTunerAddParameter(t, "b:lin:0:1:20"));
  Refused(NomosTunerSetUp(t), PETSC_ERR_ARG_OUTOFRANGE, "400 arms");
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BadSettings(void)
{
  NomosTuner t;
  PetscReal  w;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddParameter(t, "a:lin:0:1:30"));
  Refused(NomosTunerSetMethod(t, "magic"), PETSC_ERR_ARG_UNKNOWN_TYPE, "magic");
  Refused(NomosTunerSetCap(t, 0.5), PETSC_ERR_ARG_OUTOFRANGE, "cap");
  Refused(NomosTunerSetCap(t, NAN), PETSC_ERR_ARG_OUTOFRANGE, "cap");
  Refused(NomosTunerSetBudget(t, NAN), PETSC_ERR_ARG_OUTOFRANGE, "budget");
  Refused(NomosTunerSetBan(t, -1), PETSC_ERR_ARG_OUTOFRANGE, "ban");
  Refused(NomosTunerSetBins(t, 0), PETSC_ERR_ARG_OUTOFRANGE, "bins");
  Refused(NomosTunerSetChebyshevDegree(t, 99), PETSC_ERR_ARG_OUTOFRANGE, "degree 99");
  Refused(NomosTunerSetCostFloor(t, -1), PETSC_ERR_ARG_OUTOFRANGE, "floor");
  Refused(NomosTunerSetGP(t, -1, PETSC_FALSE, 0.35, 0), PETSC_ERR_ARG_OUTOFRANGE, "z is -1");
  Refused(NomosTunerYoungOmega(NAN, PETSC_FALSE, &w), PETSC_ERR_ARG_OUTOFRANGE, "radius");
  PetscCall(NomosTunerSetBaseline(t, 30));
  Refused(NomosTunerSetUp(t), PETSC_ERR_ARG_OUTOFRANGE, "arm 30");
  PetscCall(NomosTunerSetBaseline(t, 0));
  PetscCall(NomosTunerSetMethod(t, "chebcb"));
  Refused(NomosTunerSetUp(t), PETSC_ERR_ARG_WRONGSTATE, "needs a context");
  PetscCall(NomosTunerAddContext(t, "c", 0, 1, PETSC_FALSE));
  PetscCall(NomosTunerAddContext(t, "d", 0, 1, PETSC_FALSE));
  Refused(NomosTunerAddContext(t, "e", 0, 1, PETSC_FALSE), PETSC_ERR_ARG_OUTOFRANGE, "at most 2");
  PetscCall(NomosTunerSetMethod(t, "gp"));
  Refused(NomosTunerSetUp(t), PETSC_ERR_ARG_OUTOFRANGE, "30 arms x 81 context nodes = 2430");
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Round(void)
{
  NomosTuner           t;
  NomosTunerStatistics s;
  PetscReal            limit, c = 0.5;
  PetscInt             arm;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddParameter(t, "a:lin:0:1:5"));
  PetscCall(NomosTunerAddContext(t, "c", 0, 1, PETSC_FALSE));
  Refused(NomosTunerReport(t, 1, PETSC_FALSE), PETSC_ERR_ORDER, "no round is open");
  Refused(NomosTunerSelect(t, NULL, &arm, NULL), PETSC_ERR_ARG_NULL, "1 contexts");
  PetscCall(NomosTunerCancel(t));
  PetscCall(NomosTunerSelect(t, &c, &arm, NULL));
  CheckInt("the first round plays the baseline", arm, 0);
  PetscCall(NomosTunerGetLimit(t, &limit));
  CheckTrue("the baseline has no limit", limit == PETSC_MAX_REAL);
  Refused(NomosTunerSelect(t, &c, &arm, NULL), PETSC_ERR_ORDER, "still open");
  Refused(NomosTunerSave(t, "x.h5"), PETSC_ERR_ORDER, "open");
  Refused(NomosTunerReport(t, NAN, PETSC_FALSE), PETSC_ERR_ARG_OUTOFRANGE, "nan");
  Refused(NomosTunerReport(t, INFINITY, PETSC_FALSE), PETSC_ERR_ARG_OUTOFRANGE, "inf");
  Refused(NomosTunerReport(t, -1, PETSC_FALSE), PETSC_ERR_ARG_OUTOFRANGE, "-1");
  PetscCall(NomosTunerReport(t, 10, PETSC_FALSE));
  Refused(NomosTunerAddParameter(t, "b:lin:0:1:5"), PETSC_ERR_ORDER, "set up");
  Refused(NomosTunerSetMethod(t, "tsallis"), PETSC_ERR_ORDER, "set up");
  PetscCall(NomosTunerSelect(t, &c, NULL, NULL));
  PetscCall(NomosTunerCancel(t));
  c = 7; /* outside a fixed range */
  PetscCall(NomosTunerSelect(t, &c, NULL, NULL));
  PetscCall(NomosTunerReport(t, NAN, PETSC_TRUE)); /* a failure without a figure: max(3 x 10, 2 x worst) */
  c = INFINITY;
  PetscCall(NomosTunerSelect(t, &c, NULL, NULL));
  PetscCall(NomosTunerReport(t, 0, PETSC_FALSE)); /* no cost at all is a cost */
  PetscCall(NomosTunerGetStatistics(t, &s));
  CheckTrue("3 rounds, 1 cancelled, 1 failed, 1 clamped, 1 missing", s.rounds == 3 && s.cancelled == 1 && s.failures == 1 && s.clamped == 1 && s.missing == 1);
  CheckClose("charged", s.spent, 10 + 30, 1e-12);
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Arms that always fail end up banned; the limit is cap times the baseline; every failure costs limit and fallback. */
static PetscErrorCode Bans(const char method[])
{
  NomosTuner           t;
  NomosTunerStatistics s;
  PetscInt64           pulls[6];
  PetscReal            limit;
  PetscInt             arm, late = 0;
  int                  right = 1;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddParameter(t, "a:lin:0:1:6"));
  PetscCall(NomosTunerSetMethod(t, method));
  PetscCall(NomosTunerSetBaseline(t, 2));
  PetscCall(NomosTunerSetBudget(t, -1));
  for (int k = 0; k < 2000; k++) {
    PetscCall(NomosTunerSelect(t, NULL, &arm, NULL));
    PetscCall(NomosTunerGetLimit(t, &limit));
    /* gp predicts the baseline within its noise, which starts at 5 percent */
    right = right && (arm == 2 ? limit == PETSC_MAX_REAL : fabs(limit - 120) < (strcmp(method, "gp") ? 1e-9 : 12));
    if (k >= 1500 && arm > 2) late++;
    PetscCall(NomosTunerReport(t, arm <= 2 ? 40 : 120 + 40, (PetscBool)(arm > 2)));
  }
  PetscCall(NomosTunerGetPulls(t, pulls));
  PetscCall(NomosTunerGetStatistics(t, &s));
  CheckTrue("limit = 3 x baseline", right);
  /* 3 failures, then one more after 64, 128, 256, 512 rounds: at most 7 in 2000 rounds for each of the three arms */
  CheckTrue("failing arms are banned for longer and longer", pulls[3] <= 7 && pulls[4] <= 7 && pulls[5] <= 7);
  CheckTrue("late failures are rare", late <= 3);
  CheckTrue("bans were spoken", !strcmp(method, "uniform") ? s.banned == pulls[3] + pulls[4] + pulls[5] - 6 : s.failures > 0);
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode StartFreeze(void)
{
  NomosTuner t;
  PetscInt   arm, first = -1, others = 0;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_SELF, &t));
  PetscCall(NomosTunerAddParameter(t, "a:lin:0:1:4"));
  PetscCall(NomosTunerSetBudget(t, -1));
  PetscCall(NomosTunerSetStart(t, 50));
  PetscCall(NomosTunerSetFreeze(t, 1000));
  for (int k = 0; k < 1300; k++) {
    PetscCall(NomosTunerSelect(t, NULL, &arm, NULL));
    if (arm && first < 0) first = k;
    if (k >= 1000 && arm != 3) others++;
    PetscCall(NomosTunerReport(t, arm == 3 ? 10 : 25, PETSC_FALSE));
  }
  CheckTrue("the baseline until round 50", first >= 50 && first < 70);
  CheckInt("only the best arm from round 1000 on", others, 0);
  PetscCall(NomosTunerGetBest(t, NULL, &arm));
  CheckInt("best arm", arm, 3);
  PetscCall(NomosTunerReset(t));
  PetscCall(NomosTunerSelect(t, NULL, &arm, NULL));
  CheckInt("after Reset the baseline again", arm, 0);
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One arm: nothing to choose. Formula: closed forms of docs/tuner.md. Options: read, and seen in the view. */
static PetscErrorCode Rest(void)
{
  const int   n[] = {10, 31, 63, 127, 255};
  const double w[] = {1.5603879213, 1.8214651908, 1.9064547016, 1.9520932339, 1.9757544536};
  NomosTuner  t;
  PetscReal   omega, v[2];
  PetscInt    arm;
  const char *name;

  PetscFunctionBegin;
  for (int i = 0; i < 5; i++) {
    PetscCall(NomosTunerYoungOmega(cos(PETSC_PI / (n[i] + 1)), PETSC_FALSE, &omega));
    CheckClose("Young's omega", omega, w[i], 1e-10); /* digits of the table */
  }
  PetscCall(NomosTunerYoungOmega(0.5, PETSC_TRUE, &omega));
  CheckClose("Axelsson's omega", omega, 1, 1e-15);
  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &t));
  PetscCall(NomosTunerAddParameter(t, "a:lin:2:2:1"));
  for (int k = 0; k < 5; k++) {
    PetscCall(NomosTunerSelect(t, NULL, &arm, v));
    CheckTrue("one arm", arm == 0 && v[0] == 2);
    PetscCall(NomosTunerReport(t, 3, PETSC_FALSE));
  }
  PetscCall(NomosTunerDestroy(&t));

  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &t));
  PetscCall(PetscOptionsInsertString(NULL, "-x_nomos_tuner_param_0 w:lin:1:1.9:10 -x_nomos_tuner_param_1 pc:set:sor,icc -x_nomos_tuner_baseline w=1.52,pc=icc -x_nomos_tuner_method tsallis -x_nomos_tuner_cap 5 -x_nomos_tuner_seed 3 -x_nomos_tuner_log log.csv -x_nomos_tuner_monitor"));
  PetscCall(NomosTunerSetOptionsPrefix(t, "x_"));
  PetscCall(NomosTunerSetFromOptions(t));
  PetscCall(NomosTunerSetFromOptions(t)); /* twice is once */
  for (int k = 0; k < 3; k++) {
    PetscCall(NomosTunerSelect(t, NULL, &arm, v));
    CheckTrue("the baseline by name", arm == 11 && fabs(v[0] - 1.5) < 1e-14 && v[1] == 1);
    PetscCall(NomosTunerReport(t, 3, PETSC_FALSE));
  }
  PetscCall(NomosTunerGetMethod(t, &name));
  CheckTrue("the method", !strcmp(name, "tsallis"));
  PetscCall(NomosTunerView(t, PETSC_VIEWER_STDOUT_WORLD));
  PetscCall(NomosTunerDestroy(&t));
  {
    FILE       *f;
    char        line[256];
    int         lines = 0;
    PetscMPIInt rank;

    PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
    if (!rank) {
      f = fopen("log.csv", "r");
      CheckTrue("the log is there", f != NULL);
      while (f && fgets(line, sizeof(line), f)) {
        if (!lines) CheckTrue("columns", !strcmp(line, "round,w,pc,arm,cost,flag\n"));
        if (lines == 1) CheckTrue("a round", !strncmp(line, "0,1.5,icc,11,3,ok", 17));
        lines++;
      }
      if (f) fclose(f);
      CheckInt("a line per round", lines, 4);
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The formula's arm is the first that is tried, whatever the learner is; without a radius the learner's. w* of cos(pi/32) is 1.82: the arm above, 1.85. */
static PetscErrorCode Init(const char method[])
{
  PetscInt first[3];

  PetscFunctionBegin;
  for (int i = 0; i < 3; i++) {
    NomosTuner t;
    PetscInt   arm = 0;

    PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &t));
    PetscCall(NomosTunerAddParameter(t, "omega:lin:1:1.95:20"));
    PetscCall(NomosTunerSetMethod(t, method));
    PetscCall(NomosTunerSetBudget(t, -1));
    if (i) PetscCall(PetscOptionsInsertString(NULL, "-i_nomos_tuner_init young"));
    PetscCall(NomosTunerSetOptionsPrefix(t, "i_"));
    PetscCall(NomosTunerSetFromOptions(t));
    PetscCall(PetscOptionsClearValue(NULL, "-i_nomos_tuner_init"));
    if (i == 2) PetscCall(NomosTunerSetYoung(t, cos(PETSC_PI / 32), PETSC_FALSE));
    for (int k = 0; k < 100 && !arm; k++) {
      PetscCall(NomosTunerSelect(t, NULL, &arm, NULL));
      if (!k) CheckInt("the first round plays the baseline", arm, 0);
      PetscCall(NomosTunerReport(t, 50, PETSC_FALSE));
    }
    first[i] = arm;
    if (i == 2) { /* once: then the learner goes on */
      PetscInt again = 0;

      for (int k = 0; k < 20; k++) {
        PetscCall(NomosTunerSelect(t, NULL, &arm, NULL));
        again += arm == 17;
        PetscCall(NomosTunerReport(t, arm == 17 ? 90 : 50, PETSC_FALSE));
      }
      CheckTrue("the learner goes on", again < 20);
    }
    PetscCall(NomosTunerDestroy(&t));
  }
  CheckInt("without a radius: the learner's", first[1], first[0]);
  CheckInt("the formula's", first[2], 17);
  CheckTrue("another than the learner's", first[0] != 17);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every option that has a setter, with the stem of an owner: it sets what the setter sets. */
static PetscErrorCode AllOptions(void)
{
  NomosTuner t;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, "-o_own_param_0 w:log:1:4:3 -o_own_context_range_0 1,3 -o_own_method tsallisbins -o_own_cap 4 -o_own_budget 0.5 -o_own_ban 2 -o_own_start 6 -o_own_freeze 100 -o_own_estimator iw "
                                           "-o_own_bins 3 -o_own_cheb_degree 2 -o_own_gp_select ts -o_own_gp_z 1.5 -o_own_gp_watch 0.5 -o_own_gp_drift 1e-4 -o_own_seed 7 -o_own_name other -o_own_baseline 1 "
                                           "-o_own_save all.h5 -o_own_save_interval 9 -o_own_load_mode arms -o_own_init young"));
  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &t));
  PetscCall(NomosTunerAddContext(t, "c", 0, 1, PETSC_TRUE));
  PetscCall(NomosTunerSetOptionsPrefix(t, "o_"));
  PetscCall(NomosTunerSetOptionsStem(t, "own_"));
  CheckTrue("before the options the range follows the values", t->context[0].adaptive);
  PetscCall(NomosTunerSetFromOptions(t));
  CheckTrue("param, context_range", t->nparameters == 1 && t->parameter[0].n == 3 && t->context[0].lo == 1 && t->context[0].hi == 3 && !t->context[0].adaptive);
  CheckTrue("method, seed, name", !strcmp(t->method, "tsallisbins") && t->seed == 7 && !strcmp(t->label, "other"));
  CheckTrue("cap, budget, ban, start, freeze", t->cap == 4 && t->budget == 0.5 && t->ban == 2 && t->start == 6 && t->freeze == 100);
  CheckTrue("init, estimator, bins, cheb_degree", t->init_young && !t->rv && t->bins == 3 && t->degree == 2);
  CheckTrue("gp_select, gp_z, gp_watch, gp_drift", t->gp_thompson && t->gp_z == 1.5 && t->gp_watch == 0.5 && t->gp_drift == 1e-4);
  CheckTrue("save, save_interval, load_mode", t->savefile && !strcmp(t->savefile, "all.h5") && t->save_interval == 9 && t->loadmode == NOMOS_LOAD_ARMS);
  PetscCall(NomosTunerSetUp(t));
  CheckInt("baseline", t->baseline, 1);
  PetscCall(NomosTunerDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(Arms());
  PetscCall(BadArms());
  PetscCall(BadSettings());
  PetscCall(Round());
  PetscCall(Bans("uniform"));
  PetscCall(Bans("tsallis"));
  PetscCall(Bans("gp"));
  PetscCall(StartFreeze());
  PetscCall(Init("gp"));
  PetscCall(Init("tsallis"));
  PetscCall(AllOptions());
  PetscCall(Rest());
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
