/*
  options.c - settings: one setter each, and their options. Options are written -nomos_tuner_X here; the stem
  "nomos_tuner_" can be another one ("ksp_nomostune_"), set by the object that owns the tuner.
*/
#include "tuner.h"

static PetscErrorCode SetText(NomosTuner t, char **where, const char text[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(PetscFree(*where));
  PetscCall(PetscStrallocpy(text, where));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Settings that the learner was built with cannot change under it. */
#define NotSetUp(t, what) PetscCheck(!(t)->setup, PetscObjectComm((PetscObject)(t)), PETSC_ERR_ORDER, "%s is chosen before the tuner is set up; NomosTunerReset() makes that possible again", what)

/*@C
  NomosTunerSetMethod - chooses the learner

  Logically Collective

  Input Parameters:
+ t    - the tuner, not yet set up
- name - auto, tsallis, tsallisbins, chebcb, gp, young, fixed, uniform, sweep

  Options Database Key:
. -nomos_tuner_method NAME - (default: auto, which is gp with a context and tsallis without)

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: beginner
.seealso: `NomosTunerGetMethod()`, `NOMOSTUNERGP`, `NOMOSTUNERTSALLIS`, `NOMOSTUNERCHEBCB`
@*/
PetscErrorCode NomosTunerSetMethod(NomosTuner t, const char name[])
{
  PetscErrorCode (*create)(NomosTuner) = NULL;
  PetscBool isauto;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  NotSetUp(t, "the learner");
  PetscCall(PetscStrcmp(name, NOMOSTUNERAUTO, &isauto));
  if (!isauto) PetscCall(PetscFunctionListFind(NomosTunerList, name, &create));
  PetscCheck(isauto || create, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_UNKNOWN_TYPE, "no learner is called '%s'; there are auto, tsallis, tsallisbins, chebcb, gp, young, fixed, uniform and sweep (-nomos_list)", name);
  PetscCall(SetText(t, &t->method, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerGetMethod - the learner in force: after a hand-over the new one, before set-up the one asked for

  Not Collective

  Level: intermediate
.seealso: `NomosTunerSetMethod()`
@*/
PetscErrorCode NomosTunerGetMethod(NomosTuner t, const char *name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  *name = t->setup ? ((PetscObject)t)->type_name : t->method;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSetOptionsPrefix - text in front of the tuner's options

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosTunerSetOptionsPrefix(NomosTuner t, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)t, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSetOptionsStem - what stands for "nomos_tuner_" in the names of the options

  Logically Collective

  Note:
  For an object that owns a tuner and offers its options as its own.

  Level: developer
@*/
PetscErrorCode NomosTunerSetOptionsStem(NomosTuner t, const char stem[])
{
  PetscFunctionBegin;
  PetscCall(SetText(t, &t->stem, stem));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSetName - names the tuner: its random numbers and its place in a state file depend on it

  Logically Collective

  Options Database Key:
. -nomos_tuner_name NAME - (default: the options prefix)

  Level: intermediate
.seealso: `NomosTunerSetSeed()`
@*/
PetscErrorCode NomosTunerSetName(NomosTuner t, const char name[])
{
  PetscFunctionBegin;
  PetscCall(SetText(t, &t->label, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetSeed - key of the random numbers; equal seeds, names and costs give equal decisions

  Logically Collective

  Options Database Key:
. -nomos_tuner_seed N - (default: 0)

  Level: intermediate
@*/
PetscErrorCode NomosTunerSetSeed(NomosTuner t, PetscInt64 seed)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  t->seed = seed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetBaseline - the arm against which harm is measured: the setting the user had

  Logically Collective

  Options Database Key:
. -nomos_tuner_baseline ARM - its number, or name=value[,name=value]: the nearest arm (default: 0)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for no arm

  Level: beginner
.seealso: `NomosTunerFindArm()`, `NomosTunerSetBudget()`
@*/
PetscErrorCode NomosTunerSetBaseline(NomosTuner t, PetscInt arm)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  NotSetUp(t, "the baseline");
  PetscCheck(arm >= 0 && arm < NOMOS_TUNER_MAX_ARMS, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the baseline is arm %" PetscInt_FMT "; arms are numbered from 0", arm);
  PetscCall(PetscFree(t->baseline_text));
  t->baseline = arm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetCostFloor - cost that no arm can save, subtracted by the learners tsallis, tsallisbins and chebcb

  Logically Collective

  Input Parameters:
+ t     - the tuner
- floor - >= 0: 1 for iteration counts, 0 otherwise (default: 0)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative cost or one that is not finite

  Level: intermediate
@*/
PetscErrorCode NomosTunerSetCostFloor(NomosTuner t, PetscReal cost)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!PetscIsInfOrNanReal(cost) && cost >= 0, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the floor of the cost is %g; it must be finite and >= 0", (double)cost);
  t->floor = cost;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetCap - a solve is stopped at `cap` times the baseline's estimated cost

  Logically Collective

  Options Database Key:
. -nomos_tuner_cap CAP - (default: 3); 0: no cap

  Errors: PETSC_ERR_ARG_OUTOFRANGE between 0 and 1, or not finite

  Level: intermediate
.seealso: `NomosTunerGetLimit()`, `NomosTunerSetBudget()`
@*/
PetscErrorCode NomosTunerSetCap(NomosTuner t, PetscReal cap)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!PetscIsInfOrNanReal(cap) && (cap <= 0 || cap >= 1), PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the cap is %g times the baseline's cost; it must be >= 1, or 0 for none", (double)cap);
  t->cap = cap;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetBudget - the total may exceed the baseline's by this fraction

  Logically Collective

  Input Parameters:
+ t      - the tuner
- budget - fraction >= 0, or < 0 for none

  Options Database Key:
. -nomos_tuner_budget A - (default: 0.25); -1: none

  Note:
  An arm other than the baseline is played only if its worst case, the cap and a fallback, still fits into (1 + A) times what the
  baseline would have cost. The first exploration comes after about (cap + 1 - 1 - A)/A rounds: 11 with the defaults.

  Errors: PETSC_ERR_ARG_OUTOFRANGE if not finite

  Level: intermediate
.seealso: `NomosTunerSetCap()`
@*/
PetscErrorCode NomosTunerSetBudget(NomosTuner t, PetscReal budget)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!PetscIsInfOrNanReal(budget), PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the budget is %g; it must be a finite fraction, or -1 for none", (double)budget);
  t->budget = budget;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetBan - failures in a row after which an arm is removed for 64 rounds, then 128, 256, ...

  Logically Collective

  Options Database Key:
. -nomos_tuner_ban N - (default: 3); 0: never

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0

  Level: intermediate
@*/
PetscErrorCode NomosTunerSetBan(NomosTuner t, PetscInt failures)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(failures >= 0, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "a ban after %" PetscInt_FMT " failures; give a number >= 0, 0 for never", failures);
  t->ban = failures;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetStart - first round that tunes; before it the baseline is played

  Logically Collective

  Options Database Key:
. -nomos_tuner_start N - (default: 0)

  Level: intermediate
@*/
PetscErrorCode NomosTunerSetStart(NomosTuner t, PetscInt64 start)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  t->start = start;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetFreeze - from this round on only the best arm is played and nothing more is learned

  Logically Collective

  Options Database Key:
. -nomos_tuner_freeze N - (default: -1, never)

  Level: intermediate
@*/
PetscErrorCode NomosTunerSetFreeze(NomosTuner t, PetscInt64 freeze)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  t->freeze = freeze;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetEstimator - how tsallis and tsallisbins estimate the losses of the arms not played

  Logically Collective

  Options Database Key:
. -nomos_tuner_estimator rv|iw - reduced variance or importance weighting (default: rv)

  Level: advanced
.seealso: `NOMOSTUNERTSALLIS`
@*/
PetscErrorCode NomosTunerSetEstimator(NomosTuner t, PetscBool reduced_variance)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  NotSetUp(t, "the estimator");
  t->rv = reduced_variance;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetLossScale - a known bound of the cost above its floor, by which tsallis divides

  Logically Collective

  Input Parameters:
+ t     - the tuner
- scale - K, or <= 0: the running mean of the costs (default)

  Note:
  With a true bound the regret bounds hold as published; the running mean learns faster.

  Errors: PETSC_ERR_ARG_OUTOFRANGE if not finite

  Level: advanced
.seealso: `NOMOSTUNERTSALLIS`
@*/
PetscErrorCode NomosTunerSetLossScale(NomosTuner t, PetscReal scale)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  NotSetUp(t, "the scale of the losses");
  PetscCheck(!PetscIsInfOrNanReal(scale), PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the scale of the losses is %g; it must be finite", (double)scale);
  t->fixed_scale = scale;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetBins - number of bins of tsallisbins

  Logically Collective

  Options Database Key:
. -nomos_tuner_bins N - 1 to 16 (default: 5)

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside 1 to 16

  Level: advanced
@*/
PetscErrorCode NomosTunerSetBins(NomosTuner t, PetscInt bins)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  NotSetUp(t, "the number of bins");
  PetscCheck(bins >= 1 && bins <= 16, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " bins; 1 to 16 are possible", bins);
  t->bins = bins;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetChebyshevDegree - degree of the series of chebcb

  Logically Collective

  Options Database Key:
. -nomos_tuner_cheb_degree M - 1 to 16 (default: 5)

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside 1 to 16

  Level: advanced
@*/
PetscErrorCode NomosTunerSetChebyshevDegree(NomosTuner t, PetscInt degree)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  NotSetUp(t, "the degree");
  PetscCheck(degree >= 1 && degree <= 16, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "degree %" PetscInt_FMT "; 1 to 16 are possible", degree);
  t->degree = degree;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetGP - settings of gp

  Logically Collective

  Input Parameters:
+ t        - the tuner
. z        - deviations below the mean (default: 2)
. thompson - draw from the posterior instead (default: no)
. watch    - mean deviation of the noise above which tsallis takes over, <= 0: never (default: 0.35)
- drift    - part of the prior covariance that comes back each round (default: 1e-5)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative z, a drift outside [0,1], numbers that are not finite

  Level: advanced
.seealso: `NOMOSTUNERGP`
@*/
PetscErrorCode NomosTunerSetGP(NomosTuner t, PetscReal z, PetscBool thompson, PetscReal watch, PetscReal drift)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  NotSetUp(t, "gp");
  PetscCheck(!PetscIsInfOrNanReal(z) && z >= 0, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "gp: z is %g; it must be finite and >= 0", (double)z);
  PetscCheck(!PetscIsInfOrNanReal(watch), PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "gp: the watch is %g; it must be finite", (double)watch);
  PetscCheck(!PetscIsInfOrNanReal(drift) && drift >= 0 && drift <= 1, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "gp: the drift is %g; it must lie in [0, 1]", (double)drift);
  t->gp_z        = z;
  t->gp_thompson = thompson;
  t->gp_watch    = watch;
  t->gp_drift    = drift;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetYoung - what the learner young needs to know; may change every round

  Logically Collective

  Input Parameters:
+ t             - the tuner
. jacobi_radius - spectral radius of I - D^-1 A or an estimate; < 0: not known, the baseline is played
- symmetric     - SSOR under CG instead of SOR

  Errors: PETSC_ERR_ARG_OUTOFRANGE if the radius is not finite

  Level: intermediate
.seealso: `NomosTunerYoungOmega()`
@*/
PetscErrorCode NomosTunerSetYoung(NomosTuner t, PetscReal jacobi_radius, PetscBool symmetric)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!PetscIsInfOrNanReal(jacobi_radius), PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the Jacobi radius is %g; Young's formula needs a finite number", (double)jacobi_radius);
  t->young_radius    = jacobi_radius;
  t->young_symmetric = symmetric;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetInit - which arm is tried first, after the baseline

  Logically Collective

  Input Parameters:
+ t     - the tuner
- young - PETSC_FALSE: the learner's choice; PETSC_TRUE: that of Young's formula, once, as soon as the budget allows it. Without a radius
          (NomosTunerSetYoung()) it is the learner's

  Options Database Key:
. -nomos_tuner_init baseline|young - (default: baseline)

  Notes:
  Of use to `gp`, which starts its search from there; a learner that draws learns nothing from an arm it did not draw. `-ksp_type nomostune` gives the radius
  where the formula may hold: natural order or levels, and a matrix that is known to be symmetric or solved by CG.

  Level: intermediate
.seealso: `NomosTunerSetYoung()`, `NomosTunerYoungOmega()`
@*/
PetscErrorCode NomosTunerSetInit(NomosTuner t, PetscBool young)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  t->init_young = young;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetMonitor - prints a line per round on rank 0

  Logically Collective

  Options Database Key:
. -nomos_tuner_monitor - round, contexts, arm, cost, what happened

  Level: beginner
.seealso: `NomosTunerSetLog()`
@*/
PetscErrorCode NomosTunerSetMonitor(NomosTuner t, PetscBool on)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  t->monitor = on;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSetLog - writes the rounds to a CSV file, the columns of the monitor

  Logically Collective

  Options Database Key:
. -nomos_tuner_log FILE - (default: none)

  Level: beginner
.seealso: `NomosTunerSetMonitor()`
@*/
PetscErrorCode NomosTunerSetLog(NomosTuner t, const char file[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(NomosTunerCloseLog(t));
  PetscCall(SetText(t, &t->logfile, file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetViewer - shows the tuner when it is destroyed

  Logically Collective

  Input Parameters:
+ t      - the tuner
. viewer - where; NULL: nowhere
- format - as for NomosTunerView()

  Options Database Key:
. -nomos_tuner_view VIEWER - (default: none)

  Level: intermediate
.seealso: `NomosTunerView()`, `NomosTunerSetMonitor()`
@*/
PetscErrorCode NomosTunerSetViewer(NomosTuner t, PetscViewer viewer, PetscViewerFormat format)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  if (viewer) PetscCall(PetscObjectReference((PetscObject)viewer));
  PetscCall(PetscViewerDestroy(&t->viewer));
  t->viewer     = viewer;
  t->viewformat = format;
  PetscFunctionReturn(PETSC_SUCCESS);
}
