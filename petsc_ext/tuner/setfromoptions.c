/*
  setfromoptions.c - the options of the tuner. Names are written with the stem "nomos_tuner_", which Name() replaces by the
  one in force.
*/
#include "tuner.h"

typedef struct {
  char text[128];
} OptionName;

static const char *Name(NomosTuner t, const char literal[], OptionName *name)
{
  snprintf(name->text, sizeof(name->text), "-%s%s", t->stem, literal + strlen("-nomos_tuner_"));
  return name->text;
}

/* -nomos_tuner_param_0, _1, ... until one is missing; a second call adds nothing. */
static PetscErrorCode Parameters(NomosTuner t)
{
  PetscFunctionBegin;
  if (t->setup) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt k = 0; k < NOMOS_TUNER_MAX_PARAMETERS; k++) {
    char      text[1024], option[128];
    PetscBool found, known = PETSC_FALSE;

    PetscCall(PetscSNPrintf(option, sizeof(option), "-%sparam_%" PetscInt_FMT, t->stem, k));
    PetscCall(PetscOptionsGetString(((PetscObject)t)->options, ((PetscObject)t)->prefix, option, text, sizeof(text), &found));
    if (!found) break;
    for (PetscInt j = 0; j < t->nparameters && !known; j++) {
      const size_t n = strlen(t->parameter[j].name);

      known = (PetscBool)(!strncmp(text, t->parameter[j].name, n) && text[n] == ':');
    }
    if (!known) PetscCall(NomosTunerAddParameter(t, text));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ContextOptions(NomosTuner t, NomosOptionItems PetscOptionsObject)
{
  static const char *const names[] = {"-nomos_tuner_context_range_0", "-nomos_tuner_context_range_1"};

  PetscFunctionBegin;
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    OptionName name;
    PetscReal  range[2] = {t->context[k].lo, t->context[k].hi};
    PetscInt   n        = 2;
    PetscBool  found;

    PetscCall(PetscOptionsRealArray(Name(t, names[k], &name), "Range lo,hi of a context (default: follows the values)", "NomosTunerSetContextRange", range, &n, &found));
    if (!found) continue;
    PetscCheck(n == 2, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "%s takes two numbers lo,hi", name.text);
    PetscCall(NomosTunerSetContextRange(t, k, range[0], range[1]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GuardOptions(NomosTuner t, NomosOptionItems PetscOptionsObject)
{
  OptionName n;
  PetscReal  cap = t->cap, budget = t->budget;
  PetscInt   ban = t->ban, start = (PetscInt)t->start, freeze = (PetscInt)t->freeze;
  char       text[256];
  PetscBool  set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_baseline", &n), "The setting the user had: number of an arm, or name=value[,name=value]", "NomosTunerSetBaseline", "0", text, sizeof(text), &set));
  if (set) {
    PetscCheck(!t->setup, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "the baseline is chosen before the tuner is set up");
    PetscCall(PetscFree(t->baseline_text));
    PetscCall(PetscStrallocpy(text, &t->baseline_text));
  }
  PetscCall(PetscOptionsReal(Name(t, "-nomos_tuner_cap", &n), "A solve is stopped at this multiple of the baseline's estimated cost; 0: never, else >= 1", "NomosTunerSetCap", cap, &cap, &set));
  if (set) PetscCall(NomosTunerSetCap(t, cap));
  PetscCall(PetscOptionsReal(Name(t, "-nomos_tuner_budget", &n), "The total may exceed the baseline's by this fraction; -1: any", "NomosTunerSetBudget", budget, &budget, &set));
  if (set) PetscCall(NomosTunerSetBudget(t, budget));
  PetscCall(PetscOptionsBoundedInt(Name(t, "-nomos_tuner_ban", &n), "Failures in a row that remove an arm for a while; 0: never", "NomosTunerSetBan", ban, &ban, &set, 0));
  if (set) PetscCall(NomosTunerSetBan(t, ban));
  PetscCall(PetscOptionsInt(Name(t, "-nomos_tuner_start", &n), "First round that tunes", "NomosTunerSetStart", start, &start, &set));
  if (set) PetscCall(NomosTunerSetStart(t, start));
  PetscCall(PetscOptionsInt(Name(t, "-nomos_tuner_freeze", &n), "From this round on only the best arm is played; -1: never", "NomosTunerSetFreeze", freeze, &freeze, &set));
  if (set) PetscCall(NomosTunerSetFreeze(t, freeze));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LearnerOptions(NomosTuner t, NomosOptionItems PetscOptionsObject)
{
  static const char *const estimators[] = {"iw", "rv"}, *const selects[] = {"lcb", "ts"}, *const starts[] = {"baseline", "young"};
  OptionName n;
  PetscReal  z = t->gp_z, watch = t->gp_watch, drift = t->gp_drift;
  PetscInt   start = t->init_young ? 1 : 0, estimator = t->rv ? 1 : 0, select = t->gp_thompson ? 1 : 0, bins = t->bins, degree = t->degree;
  PetscBool  set, s1, s2, s3, s4;

  PetscFunctionBegin;
  PetscCall(PetscOptionsEList(Name(t, "-nomos_tuner_init", &n), "The first arm tried: the learner's, or that of Young's formula", "NomosTunerSetInit", starts, 2, starts[start], &start, &set));
  if (set) PetscCall(NomosTunerSetInit(t, (PetscBool)(start == 1)));
  PetscCall(PetscOptionsEList(Name(t, "-nomos_tuner_estimator", &n), "tsallis: importance weighting or reduced variance", "NomosTunerSetEstimator", estimators, 2, estimators[estimator], &estimator, &set));
  if (set) PetscCall(NomosTunerSetEstimator(t, (PetscBool)(estimator == 1)));
  PetscCall(PetscOptionsRangeInt(Name(t, "-nomos_tuner_bins", &n), "tsallisbins: bins of the context, 1 to 16", "NomosTunerSetBins", bins, &bins, &set, 1, 16));
  if (set) PetscCall(NomosTunerSetBins(t, bins));
  PetscCall(PetscOptionsRangeInt(Name(t, "-nomos_tuner_cheb_degree", &n), "chebcb: degree of the series, 1 to 16", "NomosTunerSetChebyshevDegree", degree, &degree, &set, 1, 16));
  if (set) PetscCall(NomosTunerSetChebyshevDegree(t, degree));
  PetscCall(PetscOptionsReal(Name(t, "-nomos_tuner_gp_z", &n), "gp: deviations below the mean, >= 0", "NomosTunerSetGP", z, &z, &s1));
  PetscCall(PetscOptionsEList(Name(t, "-nomos_tuner_gp_select", &n), "gp: lower confidence bound or Thompson sampling", "NomosTunerSetGP", selects, 2, selects[select], &select, &s2));
  PetscCall(PetscOptionsReal(Name(t, "-nomos_tuner_gp_watch", &n), "gp: mean deviation of the noise above which tsallis takes over; 0: never", "NomosTunerSetGP", watch, &watch, &s3));
  PetscCall(PetscOptionsReal(Name(t, "-nomos_tuner_gp_drift", &n), "gp: part of the prior covariance that comes back each round, in [0, 1]", "NomosTunerSetGP", drift, &drift, &s4));
  if (s1 || s2 || s3 || s4) PetscCall(NomosTunerSetGP(t, z, (PetscBool)(select == 1), watch, drift));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunOptions(NomosTuner t, NomosOptionItems PetscOptionsObject)
{
  OptionName n;
  PetscInt   seed = (PetscInt)t->seed;
  char       text[PETSC_MAX_PATH_LEN];
  PetscBool  set;
  PetscViewer       viewer;
  PetscViewerFormat format;

  PetscFunctionBegin;
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_method", &n), "Learner: auto, tsallis, tsallisbins, chebcb, gp, young, fixed, uniform, sweep", "NomosTunerSetMethod", t->method, text, sizeof(text), &set));
  if (set) PetscCall(NomosTunerSetMethod(t, text));
  PetscCall(PetscOptionsInt(Name(t, "-nomos_tuner_seed", &n), "Key of the random numbers", "NomosTunerSetSeed", seed, &seed, &set));
  if (set) PetscCall(NomosTunerSetSeed(t, seed));
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_name", &n), "Name of the tuner, for random numbers and state files (default: the prefix)", "NomosTunerSetName", t->label, text, sizeof(text), &set));
  if (set) PetscCall(NomosTunerSetName(t, text));
  else if (!t->label[0] && ((PetscObject)t)->prefix) PetscCall(NomosTunerSetName(t, ((PetscObject)t)->prefix));
  PetscCall(PetscOptionsBool(Name(t, "-nomos_tuner_monitor", &n), "Print a line per round", "NomosTunerSetMonitor", t->monitor, &t->monitor, NULL));
  PetscCall(PetscOptionsViewer(Name(t, "-nomos_tuner_view", &n), "Show what was learned when the tuner is destroyed (default: no)", "NomosTunerSetViewer", &viewer, &format, &set));
  if (set) {
    PetscCall(NomosTunerSetViewer(t, viewer, format));
    PetscCall(PetscViewerDestroy(&viewer));
  }
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_log", &n), "CSV file with a line per round", "NomosTunerSetLog", t->logfile ? t->logfile : "", text, sizeof(text), &set));
  if (set) PetscCall(NomosTunerSetLog(t, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode StateOptions(NomosTuner t, NomosOptionItems PetscOptionsObject, char load[], char replay[], size_t len)
{
  OptionName n;
  PetscInt   interval = t->save_interval, mode = (PetscInt)t->loadmode;
  char       text[PETSC_MAX_PATH_LEN];
  PetscBool  set, every;

  PetscFunctionBegin;
  load[0] = replay[0] = text[0] = 0;
  if (t->savefile) PetscCall(PetscStrncpy(text, t->savefile, sizeof(text)));
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_save", &n), "File for the state, written when the tuner is destroyed", "NomosTunerSetSave", text, text, sizeof(text), &set));
  PetscCall(PetscOptionsBoundedInt(Name(t, "-nomos_tuner_save_interval", &n), "And every so many rounds; 0: only then", "NomosTunerSetSave", interval, &interval, &every, 0));
  if (set || every) PetscCall(NomosTunerSetSave(t, text[0] ? text : NULL, interval));
  PetscCall(PetscOptionsEList(Name(t, "-nomos_tuner_load_mode", &n), "The state of another tuner: an error, passed over, or used for equal arms", "NomosTunerSetLoadMode", NomosLoadModes, 3, NomosLoadModes[mode], &mode, &set));
  if (set) PetscCall(NomosTunerSetLoadMode(t, (NomosLoadMode)mode));
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_load", &n), "File with a state to go on from", "NomosTunerLoad", "", load, len, NULL));
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_replay", &n), "File with a saved run whose arms are played again", "NomosTunerSetReplay", "", replay, len, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetFromOptions - settings from the options database

  Collective

  Options Database Keys:
+ -nomos_tuner_method NAME    - learner (default: auto)
. -nomos_tuner_param_0 TEXT   - parameter, see NomosTunerAddParameter(); and _1, _2, ... Those of a name that is already there are left out
. -nomos_tuner_context_range_0 LO,HI - range of a context; and _1
. -nomos_tuner_seed N         - key of the random numbers (default: 0)
. -nomos_tuner_name NAME      - (default: the prefix)
. -nomos_tuner_baseline ARM   - number, or name=value[,name=value] (default: 0)
. -nomos_tuner_cap CAP        - (default: 3)
. -nomos_tuner_budget A       - (default: 0.25)
. -nomos_tuner_ban N          - (default: 3)
. -nomos_tuner_start N        - (default: 0)
. -nomos_tuner_freeze N       - (default: -1)
. -nomos_tuner_init I         - baseline or young (default: baseline)
. -nomos_tuner_estimator E    - rv or iw (default: rv)
. -nomos_tuner_bins N         - (default: 5)
. -nomos_tuner_cheb_degree M  - (default: 5)
. -nomos_tuner_gp_z Z         - (default: 2)
. -nomos_tuner_gp_select S    - lcb or ts (default: lcb)
. -nomos_tuner_gp_watch W     - (default: 0.35)
. -nomos_tuner_gp_drift D     - (default: 1e-5)
. -nomos_tuner_monitor        - a line per round
. -nomos_tuner_view VIEWER    - what was learned, when the tuner is destroyed; see PetscOptionsCreateViewer()
. -nomos_tuner_log FILE       - CSV
. -nomos_tuner_load FILE      - go on from a saved state; nothing can be added to the tuner after that
. -nomos_tuner_load_mode M    - strict, ignore or arms (default: strict)
. -nomos_tuner_replay FILE    - play the arms of a saved run again
. -nomos_tuner_save FILE      - save when the tuner is destroyed
- -nomos_tuner_save_interval N - and every N rounds (default: 0)

  Level: beginner
.seealso: `NomosTunerSetOptionsPrefix()`, `NomosTunerView()`
@*/
PetscErrorCode NomosTunerSetFromOptions(NomosTuner t)
{
  char       load[PETSC_MAX_PATH_LEN], replay[PETSC_MAX_PATH_LEN], text[1024];
  OptionName n;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(Parameters(t));
  PetscObjectOptionsBegin((PetscObject)t);
  PetscCall(PetscOptionsString(Name(t, "-nomos_tuner_param_0", &n), "What to tune: name:lin|log|int:lo:hi:n or name:set:a,b,c; and _1, _2, ...", "NomosTunerAddParameter", "", text, sizeof(text), NULL)); /* read above */
  PetscCall(ContextOptions(t, PetscOptionsObject));
  PetscCall(RunOptions(t, PetscOptionsObject));
  PetscCall(GuardOptions(t, PetscOptionsObject));
  PetscCall(LearnerOptions(t, PetscOptionsObject));
  PetscCall(StateOptions(t, PetscOptionsObject, load, replay, sizeof(load)));
  PetscOptionsEnd();
  if (load[0]) PetscCall(NomosTunerLoad(t, load));
  if (replay[0]) PetscCall(NomosTunerSetReplay(t, replay));
  PetscFunctionReturn(PETSC_SUCCESS);
}
