/*
  tuner.c - NomosTuner: "give me an arm for this context", "it cost this much". It knows nothing of solvers.

  Rank 0 decides and every rank gets the same arm; the learner itself (tsallis.c, gp.c, ...) lives on rank 0 alone. A round
  is Select, then Report or Cancel. The guard (guard.c) stands between the learner and the caller.
*/
#include "tuner.h"

PetscFunctionList NomosTunerList = NULL;

/*@C
  NomosTunerCreate - creates a tuner: it learns which setting is cheapest, from the costs it is told

  Collective

  Input Parameter:
. comm - ranks that will ask together; rank 0 decides

  Output Parameter:
. tuner - give it parameters next

  Example:
.vb
  NomosTuner t;
  PetscReal  omega, kappa, its;
  PetscInt   arm;

  NomosTunerCreate(comm, &t);
  NomosTunerAddNumericParameter(t, "omega", 1.0, 1.95, 20, NOMOS_SCALE_LINEAR);
  NomosTunerAddContext(t, "kappa", 0.1, 10.0, PETSC_TRUE);
  NomosTunerSetCostFloor(t, 1.0);
  NomosTunerSetFromOptions(t);
  for (step = 0; step < n; step++) {
    kappa = ...;                                  // what is known before the solve
    NomosTunerSelect(t, &kappa, &arm, &omega);
    its = my_solver(omega, ...);                  // stop at NomosTunerGetLimit(), then solve with the baseline
    NomosTunerReport(t, its, PETSC_FALSE);        // PETSC_TRUE: the arm failed; everything spent is in the cost
  }
  NomosTunerView(t, PETSC_VIEWER_STDOUT_(comm));
  NomosTunerDestroy(&t);
.ve

  Level: beginner
  Source: Khodak, Chow, Balcan and Talwalkar, Learning to relax, ICLR 2024; see docs/tuner.md
.seealso: `NomosTunerAddNumericParameter()`, `NomosTunerAddContext()`, `NomosTunerSetMethod()`, `NomosTunerSelect()`, `NomosTunerReport()`
@*/
PetscErrorCode NomosTunerCreate(MPI_Comm comm, NomosTuner *tuner)
{
  NomosTuner  t;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscAssertPointer(tuner, 2);
  *tuner = NULL;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscHeaderCreate(t, NOMOS_TUNER_CLASSID, "NomosTuner", "Online tuner", "nomos", comm, NomosTunerDestroy, NomosTunerView));
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)t), &rank));
  t->root     = (PetscBool)(rank == 0);
  t->cap      = 3;
  t->budget   = 0.25;
  t->ban      = 3;
  t->freeze   = -1;
  t->rv       = PETSC_TRUE;
  t->bins     = 5;
  t->degree   = 5;
  t->gp_z     = 2;
  t->gp_watch = 0.35;
  t->gp_drift = 1e-5;
  t->young_radius = -1;
  PetscCall(PetscStrallocpy(NOMOSTUNERAUTO, &t->method));
  PetscCall(PetscStrallocpy("nomos_tuner_", &t->stem));
  PetscCall(PetscStrallocpy("", &t->label));
  *tuner = t;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerRegister - adds a learner

  Not Collective

  Input Parameters:
+ name   - its name, for NomosTunerSetMethod()
- create - sets the learner's operations; called on every rank

  Level: developer
.seealso: `NomosTunerSetMethod()`
@*/
PetscErrorCode NomosTunerRegister(const char name[], PetscErrorCode (*create)(NomosTuner))
{
  PetscFunctionBegin;
  PetscCall(PetscFunctionListAdd(&NomosTunerList, name, create));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Only rank 0 computes: what went wrong there is raised everywhere, or the others would wait for ever. */
PetscErrorCode NomosTunerAgree(NomosTuner t, PetscErrorCode ierr)
{
  PetscMPIInt size, code = (PetscMPIInt)ierr;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)t), &size));
  if (size > 1) PetscCallMPI(MPI_Bcast(&code, 1, MPI_INT, 0, PetscObjectComm((PetscObject)t)));
  if (t->root) PetscCall(ierr);
  else PetscCheck(!code, PETSC_COMM_SELF, (PetscErrorCode)code, "the tuner failed on rank 0, see its message");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DropLearner(NomosTuner t)
{
  PetscFunctionBegin;
  PetscTryTypeMethod(t, destroy);
  t->data = NULL;
  PetscCall(PetscMemzero(t->ops, sizeof(*t->ops)));
  t->learns_anything = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpLearner(NomosTuner t)
{
  PetscFunctionBegin;
  PetscTryTypeMethod(t, setup);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerUseMethod(NomosTuner t, const char name[])
{
  PetscErrorCode (*create)(NomosTuner);

  PetscFunctionBegin;
  PetscCall(PetscFunctionListFind(NomosTunerList, name, &create));
  PetscCheck(create, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_UNKNOWN_TYPE, "no learner is called '%s'; there are auto, tsallis, tsallisbins, chebcb, gp, young, fixed, uniform and sweep (-nomos_list)", name);
  PetscCall(DropLearner(t));
  PetscCall((*create)(t));
  PetscCall(PetscObjectChangeTypeName((PetscObject)t, name));
  PetscCall(NomosTunerAgree(t, t->root ? SetUpLearner(t) : PETSC_SUCCESS));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpRoot(NomosTuner t)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc4(t->d, &t->pulls, t->d, &t->sums, t->d, &t->allowed, NOMOS_TUNER_HISTORY, &t->history));
  PetscCall(NomosTunerGuardSetUp(t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetUp - counts the arms and makes the learner; NomosTunerSelect() calls it

  Collective

  Input Parameter:
. t - the tuner

  Errors: PETSC_ERR_ARG_WRONGSTATE without parameters or where the learner needs a context; PETSC_ERR_ARG_OUTOFRANGE for more
  than 256 arms, a lattice of more than 2048 points, or a baseline that is no arm

  Level: intermediate
.seealso: `NomosTunerSelect()`, `NomosTunerReset()`
@*/
PetscErrorCode NomosTunerSetUp(NomosTuner t)
{
  PetscBool   isauto;
  const char *name = t->method;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  if (t->setup) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerCountArms(t));
  PetscCall(NomosTunerResolveBaseline(t));
  PetscCall(PetscStrcmp(name, NOMOSTUNERAUTO, &isauto));
  if (isauto) name = t->ncontexts ? NOMOSTUNERGP : NOMOSTUNERTSALLIS;
  PetscCall(NomosTunerUseMethod(t, name));
  PetscCall(NomosTunerAgree(t, t->root ? SetUpRoot(t) : PETSC_SUCCESS));
  t->setup = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Decide(NomosTuner t, const PetscReal ctx[])
{
  PetscFunctionBegin;
  t->flags = 0;
  PetscCall(NomosTunerContextSee(t, ctx));
  PetscCall(NomosTunerGuardAllowed(t));
  PetscCall(NomosTunerGuardEstimate(t));
  PetscCall(NomosTunerGuardChoose(t, &t->arm));
  t->limit = t->cap > 0 && t->arm != t->baseline && t->cap_base > 0 ? t->cap * t->cap_base : PETSC_MAX_REAL;
  if (t->tight > 0) t->limit = PetscMin(t->limit, t->tight);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Arm, limit and number of the round from rank 0. */
static PetscErrorCode Share(NomosTuner t)
{
  PetscReal   message[3] = {(PetscReal)t->arm, t->limit, (PetscReal)t->rounds};
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)t), &size));
  if (size == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Bcast(message, 3, MPIU_REAL, 0, PetscObjectComm((PetscObject)t)));
  PetscCheck((PetscInt64)message[2] == t->rounds, PETSC_COMM_SELF, PETSC_ERR_PLIB, "this rank is in round %" PetscInt64_FMT " of the tuner, rank 0 in round %" PetscInt64_FMT, t->rounds, (PetscInt64)message[2]);
  t->arm   = (PetscInt)message[0];
  t->limit = message[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSelect - opens a round: which arm to use now

  Collective

  Input Parameters:
+ t   - the tuner
- ctx - one number per context, as rank 0 sees them; NULL without contexts. NaN: not known this time, the middle of the range is taken

  Output Parameters:
+ arm    - its number, 0 <= arm < d, the same on every rank; or NULL
- values - one number per parameter, for a category the index of the label; or NULL

  Errors: PETSC_ERR_ORDER if the last round is still open: NomosTunerReport() or NomosTunerCancel() closes it

  Level: beginner
.seealso: `NomosTunerReport()`, `NomosTunerCancel()`, `NomosTunerGetLimit()`
@*/
PetscErrorCode NomosTunerSelect(NomosTuner t, const PetscReal ctx[], PetscInt *arm, PetscReal values[])
{
  PetscLogDouble begin, end;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!t->open, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "round %" PetscInt64_FMT " is still open: call NomosTunerReport() or NomosTunerCancel() before NomosTunerSelect()", t->rounds);
  PetscCall(NomosTunerSetUp(t));
  PetscCheck(ctx || !t->ncontexts, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_NULL, "the tuner has %" PetscInt_FMT " contexts and was given none", t->ncontexts);
  PetscCall(PetscLogEventBegin(NOMOS_Select, t, 0, 0, 0));
  PetscCall(PetscTime(&begin));
  PetscCall(NomosTunerAgree(t, t->root ? Decide(t, ctx) : PETSC_SUCCESS));
  PetscCall(Share(t));
  t->open = PETSC_TRUE;
  if (arm) *arm = t->arm;
  if (values) PetscCall(NomosTunerGetArm(t, t->arm, values));
  PetscCall(PetscTime(&end));
  t->stat.seconds += (PetscReal)(end - begin);
  PetscCall(PetscLogEventEnd(NOMOS_Select, t, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerGetLimit - cost at which a solve with this round's arm is to be stopped

  Not Collective

  Input Parameter:
. t - the tuner, after NomosTunerSelect()

  Output Parameter:
. limit - the cap times the baseline's estimated cost; PETSC_MAX_REAL when there is no limit (always for the baseline)

  Note:
  A solve that reaches it is a failure: go on with the baseline and report what both parts cost, with failed = PETSC_TRUE.

  Errors: PETSC_ERR_ORDER while no round is open

  Level: intermediate
.seealso: `NomosTunerSetCap()`, `NomosTunerReport()`
@*/
PetscErrorCode NomosTunerGetLimit(NomosTuner t, PetscReal *limit)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(t->open, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "no round is open: call NomosTunerSelect() first");
  *limit = t->limit;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerLearn(NomosTuner t, PetscReal cost, PetscBool failed, PetscBool *give_up)
{
  NomosTunerRound *r = &t->history[t->nhistory % NOMOS_TUNER_HISTORY];

  PetscFunctionBegin;
  /* a failure without a figure is charged what a capped solve would have cost, and not less than twice the worst seen */
  if (failed && (PetscIsInfOrNanReal(cost) || cost <= 0)) cost = PetscMax(t->cap_base * (t->cap > 0 ? t->cap : 3), 2 * t->worst);
  PetscCheck(!PetscIsInfOrNanReal(cost) && cost >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "the cost reported for round %" PetscInt64_FMT " is %g; report a finite cost >= 0, or failed = PETSC_TRUE", t->rounds, (double)cost);
  PetscCall(NomosTunerGuardReport(t, cost, failed));
  r->round = (PetscReal)t->rounds;
  r->arm   = (PetscReal)t->arm;
  r->cost  = cost;
  if (failed) t->flags |= NOMOS_ROUND_FAILED;
  r->flags = (PetscReal)t->flags;
  for (PetscInt k = 0; k < NOMOS_TUNER_MAX_CONTEXTS; k++) r->ctx[k] = k < t->ncontexts ? t->raw[k] : 0;
  t->nhistory++;
  if (t->flags & NOMOS_ROUND_LEARNED) {
    PetscUseTypeMethod(t, update, t->c, t->arm, cost);
    PetscTryTypeMethod(t, watch, give_up);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Close(NomosTuner t, PetscReal cost, PetscBool failed, PetscBool *give_up)
{
  PetscFunctionBegin;
  PetscCall(NomosTunerLearn(t, cost, failed, give_up));
  PetscCall(NomosTunerPrintRound(t, &t->history[(t->nhistory - 1) % NOMOS_TUNER_HISTORY]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The learner watches itself (gp): rank 0 says whether everyone changes to the other one. */
static PetscErrorCode GiveUp(NomosTuner t, PetscBool give_up)
{
  PetscMPIInt size, yes = (PetscMPIInt)give_up;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)t), &size));
  if (size > 1) PetscCallMPI(MPI_Bcast(&yes, 1, MPI_INT, 0, PetscObjectComm((PetscObject)t)));
  if (!yes) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscInfo(t, "round %" PetscInt64_FMT ": the contexts do not explain the cost, from here on the learner is tsallis\n", t->rounds));
  PetscCall(NomosTunerUseMethod(t, NOMOSTUNERTSALLIS));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerReport - closes a round: what it cost

  Collective

  Input Parameters:
+ t      - the tuner
. cost   - everything spent in this round, as rank 0 gives it; >= 0, in any unit that stays the same
- failed - the arm failed or was stopped. Its cost then includes the fallback; not finite or zero: charged by rule

  Errors: PETSC_ERR_ORDER if no round is open; PETSC_ERR_ARG_OUTOFRANGE for a cost that is negative or not finite (unless
  failed): the round stays open

  Level: beginner
.seealso: `NomosTunerSelect()`, `NomosTunerCancel()`
@*/
PetscErrorCode NomosTunerReport(NomosTuner t, PetscReal cost, PetscBool failed)
{
  PetscLogDouble begin, end;
  PetscBool      give_up = PETSC_FALSE;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(t->open, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "no round is open: call NomosTunerSelect() before NomosTunerReport()");
  PetscCall(PetscLogEventBegin(NOMOS_Update, t, 0, 0, 0));
  PetscCall(PetscTime(&begin));
  PetscCall(NomosTunerAgree(t, t->root ? Close(t, cost, failed, &give_up) : PETSC_SUCCESS));
  PetscCall(GiveUp(t, give_up));
  t->open = PETSC_FALSE;
  t->rounds++;
  if (t->save_interval && t->rounds % t->save_interval == 0) PetscCall(NomosTunerSaveQuietly(t));
  PetscCall(PetscTime(&end));
  t->stat.seconds += (PetscReal)(end - begin);
  PetscCall(PetscLogEventEnd(NOMOS_Update, t, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerCancel - closes a round of which nothing was learned; without an open round it does nothing

  Logically Collective

  Input Parameter:
. t - the tuner

  Note:
  For a solve that ended in an error, or that had nothing to do. The next Select draws anew.

  Level: intermediate
.seealso: `NomosTunerSelect()`, `NomosTunerReport()`
@*/
PetscErrorCode NomosTunerCancel(NomosTuner t)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  if (!t->open) PetscFunctionReturn(PETSC_SUCCESS);
  t->open = PETSC_FALSE;
  t->rounds++;
  t->stat.cancelled++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerCharge(NomosTuner t, PetscReal cost)
{
  PetscFunctionBegin;
  if (t->open && t->root) {
    t->stat.spent += cost;
    t->budget_sum += t->arm == t->baseline ? cost : t->sum_base;
  }
  PetscCall(NomosTunerCancel(t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Best(NomosTuner t, const PetscReal ctx[], PetscInt *arm)
{
  PetscReal c[NOMOS_TUNER_MAX_CONTEXTS] = {0, 0};

  PetscFunctionBegin;
  for (PetscInt k = 0; k < t->ncontexts; k++) c[k] = NomosTunerContextClamp(t, k, ctx[k]);
  PetscUseTypeMethod(t, best, c, NULL, arm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerGetBest - the arm that the learner thinks cheapest now, without exploring and without opening a round

  Collective

  Input Parameters:
+ t   - the tuner
- ctx - one number per context; NULL without contexts

  Output Parameter:
. arm - its number; the baseline when nothing is known

  Errors: PETSC_ERR_ARG_NULL without a context where there are some

  Level: intermediate
.seealso: `NomosTunerSelect()`, `NomosTunerGetArm()`
@*/
PetscErrorCode NomosTunerGetBest(NomosTuner t, const PetscReal ctx[], PetscInt *arm)
{
  PetscMPIInt best;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(NomosTunerSetUp(t));
  PetscCheck(ctx || !t->ncontexts, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_NULL, "the tuner has %" PetscInt_FMT " contexts and was given none", t->ncontexts);
  *arm = t->baseline;
  PetscCall(NomosTunerAgree(t, t->root ? Best(t, ctx, arm) : PETSC_SUCCESS));
  best = (PetscMPIInt)*arm;
  PetscCallMPI(MPI_Bcast(&best, 1, MPI_INT, 0, PetscObjectComm((PetscObject)t)));
  *arm = best;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerGetProbabilities - with which probability the learner drew each arm in the last NomosTunerSelect()

  Not Collective; meaningful on rank 0

  Output Parameter:
. p - d numbers

  Errors: PETSC_ERR_SUP for a learner that does not draw

  Level: advanced
.seealso: `NomosTunerSelect()`
@*/
PetscErrorCode NomosTunerGetProbabilities(NomosTuner t, PetscReal p[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(NomosTunerSetUp(t));
  PetscCheck(t->ops->probabilities, PETSC_COMM_SELF, PETSC_ERR_SUP, "the learner %s does not draw at random", ((PetscObject)t)->type_name);
  if (t->root) PetscUseTypeMethod(t, probabilities, p);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerReset - forgets everything learned; arms, contexts and settings stay

  Collective

  Level: intermediate
.seealso: `NomosTunerDestroy()`
@*/
PetscErrorCode NomosTunerReset(NomosTuner t)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(DropLearner(t));
  PetscCall(PetscFree4(t->pulls, t->sums, t->allowed, t->history));
  PetscCall(NomosTunerGuardFree(t));
  PetscCall(PetscMemzero(&t->stat, sizeof(t->stat)));
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    NomosTunerContext *x = &t->context[k];

    x->lo      = x->nominal_lo;
    x->hi      = x->nominal_hi;
    x->seen_lo = PETSC_MAX_REAL;
    x->seen_hi = -PETSC_MAX_REAL;
  }
  PetscCall(PetscArrayzero(t->recent, NOMOS_TUNER_PULLS));
  t->setup = t->open = t->warned_missing = PETSC_FALSE;
  t->rounds = t->nhistory = 0;
  t->base_pulls = t->base_sum = t->base_square = t->base_worst = t->budget_sum = t->worst = 0;
  t->base_last = t->fast_mean = t->fast_var = t->credited = t->refresh = t->unseen = t->tight = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerDestroy - destroys a tuner

  Collective

  Level: beginner
.seealso: `NomosTunerCreate()`
@*/
PetscErrorCode NomosTunerDestroy(NomosTuner *tuner)
{
  NomosTuner t = *tuner;

  PetscFunctionBegin;
  if (!t) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  *tuner = NULL;
  if (--((PetscObject)t)->refct > 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerSaveQuietly(t));
  NomosTunerForget(t);
  if (t->viewer && t->setup) {
    PetscCall(PetscViewerPushFormat(t->viewer, t->viewformat));
    PetscCall(NomosTunerView(t, t->viewer));
    PetscCall(PetscViewerPopFormat(t->viewer));
  }
  PetscCall(PetscViewerDestroy(&t->viewer));
  PetscCall(NomosTunerReset(t));
  PetscCall(NomosTunerFreeArms(t));
  PetscCall(NomosTunerCloseLog(t));
  for (PetscInt k = 0; k < t->ncontexts; k++) PetscCall(PetscFree(t->context[k].name));
  PetscCall(PetscFree(t->method));
  PetscCall(PetscFree(t->stem));
  PetscCall(PetscFree(t->label));
  PetscCall(PetscFree(t->logfile));
  PetscCall(PetscFree(t->savefile));
  PetscCall(PetscFree(t->replay));
  PetscCall(PetscHeaderDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}
