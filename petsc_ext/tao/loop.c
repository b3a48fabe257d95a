/*
  loop.c - the loop of every optimizer of ours, and what they share: schedule, clipping, NaN policy, convergence, restart.

    for step = first, first+1, ...
      hook of TaoSetUpdate(); batch of the step           nothing was evaluated before
      f, g at the solution, on this batch
      not finite: NaN policy
      history, monitors, convergence
      learning rate of the step; the type's update; back into the bounds
*/
#include "tao.h"

#define MAX_BAD   10 /* skipped steps in a row before the run stops    */
#define HALF_LIFE 10 /* steps with half the learning rate after a skip */

static const char *const NanPolicies[]  = {"stop", "skip", "error", "NomosNanPolicy", "NOMOS_NAN_", NULL};
static const char *const Convergences[] = {"auto", "deterministic", "stochastic", "none", "NomosConvergence", "NOMOS_CONV_", NULL};

static PetscErrorCode SharedDestroy(NomosDestroyArg arg)
{
  NomosTaoShared *s = (NomosTaoShared *)NomosDestroyCtx(arg);

  PetscFunctionBegin;
  for (PetscInt i = 0; i < s->nblocks; i++) PetscCall(PetscFree(s->blocks[i].name));
  PetscCall(PetscFree(s->blocks));
  PetscCall(PetscFree(s->idx));
  PetscCall(VecDestroy(&s->gwork));
  PetscCall(NomosScheduleDestroy(&s->schedule));
  PetscCall(PetscFree(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The container on the Tao, made when it is first asked for. */
PetscErrorCode NomosTaoGetShared(Tao tao, NomosTaoShared **shared)
{
  PetscContainer  box;
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscCall(PetscObjectQuery((PetscObject)tao, "NomosTao", (PetscObject *)&box));
  if (!box) {
    PetscCall(NomosInitializePackage());
    PetscCall(PetscNew(&s));
    s->conv_beta = 0.99;
    PetscCall(NomosScheduleCreate(PetscObjectComm((PetscObject)tao), &s->schedule));
    PetscCall(PetscContainerCreate(PetscObjectComm((PetscObject)tao), &box));
    PetscCall(PetscContainerSetPointer(box, s));
    PetscCall(NomosContainerSetDestroy(box, SharedDestroy));
    PetscCall(PetscObjectCompose((PetscObject)tao, "NomosTao", (PetscObject)box));
    PetscCall(PetscContainerDestroy(&box));
    PetscCall(PetscObjectQuery((PetscObject)tao, "NomosTao", (PetscObject *)&box));
  }
  PetscCall(PetscContainerGetPointer(box, (void **)shared));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- settings ------------------------------------------------------------------------------------------------------ */

/*@
  NomosTaoGetSchedule - the schedule of the learning rate that our types follow

  Not Collective

  Output Parameter:
. schedule - owned by the Tao; change it in place

  Level: intermediate
.seealso: `NomosScheduleCreate()`
@*/
PetscErrorCode NomosTaoGetSchedule(Tao tao, NomosSchedule *schedule)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  *schedule = s->schedule;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSetClip - limits the global 2-norm of the gradient: it is multiplied by min(1, clip/(norm + 1e-6)); 0 is off

  Logically Collective

  Options Database Key:
. -tao_clip <0> - the limit

  Source: parity with torch.nn.utils.clip_grad_norm_, its 1e-6 included

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0

  Level: intermediate
@*/
PetscErrorCode NomosTaoSetClip(Tao tao, PetscReal clip)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCheck(clip >= 0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_clip is %g; it must be positive, or 0 for off", (double)clip);
  s->clip = clip;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Choose(Tao tao, const char option[], const char name[], const char *const list[], PetscInt n, PetscInt *choice)
{
  PetscBool same = PETSC_FALSE;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n && !same; i++) {
    PetscCall(PetscStrcasecmp(name, list[i], &same));
    if (same) *choice = i;
  }
  PetscCheck(same, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_UNKNOWN_TYPE, "%s '%s' is unknown; see -help for the list", option, name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSetNanPolicy - what happens when f or its gradient is not finite

  Logically Collective

  Input Parameters:
+ tao    - the optimizer
- policy - stop (default), skip or error

  Options Database Key:
. -tao_nan_policy <stop> - stop: the solution goes back to the last iterate where both were finite, reason TAO_DIVERGED_NAN; skip: no update, half the learning rate for 10 steps, 10 such steps in a row stop; error: PETSC_ERR_FP

  Level: intermediate
@*/
PetscErrorCode NomosTaoSetNanPolicy(Tao tao, const char policy[])
{
  NomosTaoShared *s;
  PetscInt        i = 0;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(Choose(tao, "-tao_nan_policy", policy, NanPolicies, 3, &i));
  s->nan_policy = (NomosNanPolicy)i;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSetConvergence - when a run of our types ends

  Logically Collective

  Input Parameters:
+ tao  - the optimizer
. test - auto (default), deterministic, stochastic or none
. beta - stochastic: factor of the exponential mean of the gradient norm
- tol  - stochastic: stop when that mean is at most tol; 0 is off

  Options Database Keys:
+ -tao_conv <auto>     - deterministic: TAO's test; stochastic: only the limits on steps and evaluations, fmin, and the mean below; none: only the limits; auto: stochastic once a batch is set, else deterministic
. -tao_conv_beta <0.99> - factor of the mean
- -tao_conv_tol <0>     - limit of the mean

  Note:
  Except with deterministic, nothing is evaluated after the last update. A test of the user's (TaoSetConvergenceTest()) is always called.

  Errors: PETSC_ERR_ARG_OUTOFRANGE for beta outside [0,1) or a negative tol; PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
@*/
PetscErrorCode NomosTaoSetConvergence(Tao tao, const char test[], PetscReal beta, PetscReal tol)
{
  NomosTaoShared *s;
  PetscInt        i = 0;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(Choose(tao, "-tao_conv", test, Convergences, 4, &i));
  PetscCheck(beta >= 0 && beta < 1, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_conv_beta is %g; it must lie in [0,1)", (double)beta);
  PetscCheck(tol >= 0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_conv_tol is %g; it must not be negative", (double)tol);
  s->conv      = (NomosConvergence)i;
  s->conv_beta = beta;
  s->conv_tol  = tol;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTaoSharedSetFromOptions(Tao tao, NomosOptionItems PetscOptionsObject)
{
  NomosTaoShared *s;
  PetscReal       clip, beta, tol;
  PetscEnum       choice;
  PetscInt        seed;
  PetscBool       set;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  clip = s->clip;
  beta = s->conv_beta;
  tol  = s->conv_tol;
  PetscCall(PetscOptionsReal("-tao_clip", "Largest 2-norm of the gradient, not negative; 0 is off", "NomosTaoSetClip", clip, &clip, NULL));
  PetscCall(NomosTaoSetClip(tao, clip));
  PetscCall(PetscOptionsEnum("-tao_nan_policy", "What to do when f or its gradient is not finite", "NomosTaoSetNanPolicy", NanPolicies, (PetscEnum)s->nan_policy, &choice, &set));
  if (set) s->nan_policy = (NomosNanPolicy)choice;
  PetscCall(PetscOptionsEnum("-tao_conv", "Convergence test; auto: stochastic once a batch is set", "NomosTaoSetConvergence", Convergences, (PetscEnum)s->conv, &choice, &set));
  if (set) s->conv = (NomosConvergence)choice;
  PetscCall(PetscOptionsReal("-tao_conv_beta", "Factor of the mean gradient norm, in [0,1)", "NomosTaoSetConvergence", beta, &beta, NULL));
  PetscCall(PetscOptionsReal("-tao_conv_tol", "Stop when the mean gradient norm is at most this, not negative; 0 is off", "NomosTaoSetConvergence", tol, &tol, NULL));
  PetscCall(NomosTaoSetConvergence(tao, Convergences[s->conv], beta, tol));
  PetscCall(PetscOptionsEnum("-data_order", "Order in which steps see the samples", "NomosTaoSetBatchOrder", NomosOrders, (PetscEnum)s->order, &choice, &set));
  if (set) s->order = (NomosOrder)choice;
  seed = (PetscInt)s->seed;
  PetscCall(PetscOptionsInt("-nomos_seed", "Seed of the order of the samples", "NomosTaoSetBatchOrder", seed, &seed, &set));
  if (set) s->seed = seed;
  PetscCall(NomosScheduleSetOptionsPrefix(s->schedule, ((PetscObject)tao)->prefix));
  PetscCall(PetscObjectSetOptions((PetscObject)s->schedule, ((PetscObject)tao)->options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTaoSharedView(Tao tao, PetscViewer viewer)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(NomosScheduleView(s->schedule, viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "clip: %g%s\n", (double)s->clip, s->clip > 0 ? "" : " (off)"));
  PetscCall(PetscViewerASCIIPrintf(viewer, "nan_policy: %s\n", NanPolicies[s->nan_policy]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "conv: %s, beta: %g, tol: %g\n", Convergences[s->conv], (double)s->conv_beta, (double)s->conv_tol));
  if (s->samples) PetscCall(PetscViewerASCIIPrintf(viewer, "batch: %" PetscInt_FMT " of %" PetscInt_FMT " samples, order %s, seed %" PetscInt64_FMT "\n", s->batch, s->samples, NomosOrders[s->order], s->seed));
  PetscCall(PetscViewerASCIIPrintf(viewer, "blocks: %" PetscInt_FMT "\n", s->nblocks));
  PetscCall(PetscViewerASCIIPrintf(viewer, "next step: %" PetscInt_FMT ", updates made: %g\n", s->step, (double)s->scalars[NOMOS_SCALAR_UPDATES]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- state ---------------------------------------------------------------------------------------------------------- */

/*@C
  NomosTaoGetState - what a restart needs beside the solution and the scalars: named vectors laid out as the solution

  Collective

  Input Parameter:
. tao - the optimizer; it is set up if it was not

  Output Parameters:
+ n     - number of vectors, 0 for types that are not ours
. names - their names, owned by the Tao
. vecs  - the vectors, owned by the Tao: read them to save, write them to load
- step  - the step that comes next

  Note:
  To go on from a file: give the solution, set up, write the vectors, call NomosTaoSetStep(), then write the scalars of NomosTaoGetStateScalars().

  Level: advanced
.seealso: `NomosTaoSetStep()`, `NomosTaoGetStateScalars()`
@*/
PetscErrorCode NomosTaoGetState(Tao tao, PetscInt *n, const char *const *names[], Vec *vecs[], PetscInt *step)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(TaoSetUp(tao));
  PetscCall(NomosTaoGetShared(tao, &s));
  if (n) *n = s->nstate;
  if (names) *names = s->names;
  if (vecs) *vecs = s->vecs;
  if (step) *step = s->nstate ? s->step : tao->niter;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoGetStateScalars - the numbers that a restart needs: save them, or write loaded ones after NomosTaoSetStep()

  Not Collective

  Output Parameters:
+ n      - how many
- values - owned by the Tao

  Level: advanced
.seealso: `NomosTaoGetState()`
@*/
PetscErrorCode NomosTaoGetStateScalars(Tao tao, PetscInt *n, PetscReal *values[])
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  *n      = NOMOS_NUM_SCALARS;
  *values = s->scalars;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSetStep - the next TaoSolve() goes on from this step with the state as it stands, instead of beginning anew

  Logically Collective

  Input Parameters:
+ tao  - the optimizer
- step - 0 begins anew but keeps the state vectors

  Note:
  The scalars are set to those of a run in which every step made its update.

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0

  Level: advanced
.seealso: `NomosTaoGetState()`
@*/
PetscErrorCode NomosTaoSetStep(Tao tao, PetscInt step)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCheck(step >= 0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "step %" PetscInt_FMT " is negative", step);
  PetscCall(PetscArrayzero(s->scalars, NOMOS_NUM_SCALARS));
  s->scalars[NOMOS_SCALAR_UPDATES] = (PetscReal)step;
  s->step                          = step;
  s->resume                        = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTaoSharedDropState(Tao tao)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  s->nstate = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- set-up ---------------------------------------------------------------------------------------------------------- */

/* A backend where the solution lives. */
PetscErrorCode NomosTaoGetBackend(Tao tao, NomosBackend *b)
{
  const PetscScalar *array;
  PetscMemType       mtype;

  PetscFunctionBegin;
  PetscCall(VecGetArrayReadAndMemType(tao->solution, &array, &mtype));
  PetscCall(VecRestoreArrayReadAndMemType(tao->solution, &array));
  PetscCall(NomosBackendCreate(PetscObjectComm((PetscObject)tao), b));
  PetscCall(NomosBackendSetType(*b, PetscMemTypeHost(mtype) ? NOMOSBACKENDHOST : NOMOSBACKENDCUDA));
  PetscCall(NomosBackendSetUp(*b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTaoSharedCheck(Tao tao)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)tao);
  PetscBool      both, f, g;

  PetscFunctionBegin;
  PetscCall(TaoIsObjectiveAndGradientDefined(tao, &both));
  PetscCall(TaoIsObjectiveDefined(tao, &f));
  PetscCall(TaoIsGradientDefined(tao, &g));
  PetscCheck(both || (f && g), comm, PETSC_ERR_ARG_WRONGSTATE, "this type needs f and its gradient: call TaoSetObjectiveAndGradient(), or TaoSetObjective() and TaoSetGradient()");
  PetscCheck(!tao->constrained && !tao->eq_constrained && !tao->ineq_constrained, comm, PETSC_ERR_SUP, "this type knows bounds but no other constraints; -tao_type almm, ipm and pdipm accept them");
  PetscCall(NomosTaoBlocksCheck(tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the loop -------------------------------------------------------------------------------------------------------- */

static PetscErrorCode BoundsBegin(Tao tao)
{
  const PetscScalar *lo, *hi;
  PetscInt           n;
  int                crossed = 0, any;

  PetscFunctionBegin;
  PetscCall(TaoComputeVariableBounds(tao));
  if (!tao->XL || !tao->XU) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(tao->solution, &n));
  PetscCall(VecGetArrayRead(tao->XL, &lo));
  PetscCall(VecGetArrayRead(tao->XU, &hi));
  for (PetscInt i = 0; i < n; i++) crossed |= lo[i] > hi[i];
  PetscCall(VecRestoreArrayRead(tao->XL, &lo));
  PetscCall(VecRestoreArrayRead(tao->XU, &hi));
  PetscCallMPI(MPI_Allreduce(&crossed, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)tao)));
  PetscCheck(!any, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_INCOMP, "a lower bound lies above its upper bound; see TaoSetVariableBounds()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The norm that monitors and tests see: of TaoSetGradientNorm() when that was called. TaoGradientNorm() is not exported by 3.18. */
static PetscErrorCode GradNorm(Tao tao, PetscReal two, PetscReal *norm)
{
  NomosTaoShared *s;
  PetscScalar     dot;

  PetscFunctionBegin;
  *norm = two;
  if (!tao->gradient_norm) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTaoGetShared(tao, &s));
  if (!s->gwork) PetscCall(VecDuplicate(tao->gradient, &s->gwork));
  PetscCall(MatMult(tao->gradient_norm, tao->gradient, s->gwork));
  PetscCall(VecDot(tao->gradient, s->gwork, &dot));
  *norm = PetscSqrtReal(PetscRealPart(dot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the gradient is not finite first, in words; "" where it is f alone. */
static PetscErrorCode Where(Tao tao, const NomosTaoShared *s, char text[], size_t len)
{
  const PetscScalar *g;
  PetscInt           lo, hi, first = PETSC_MAX_INT, all;

  PetscFunctionBegin;
  text[0] = 0;
  PetscCall(VecGetOwnershipRange(tao->gradient, &lo, &hi));
  PetscCall(VecGetArrayRead(tao->gradient, &g));
  for (PetscInt i = hi - 1; i >= lo; i--)
    if (PetscIsInfOrNanScalar(g[i - lo])) first = i;
  PetscCall(VecRestoreArrayRead(tao->gradient, &g));
  PetscCallMPI(MPI_Allreduce(&first, &all, 1, MPIU_INT, MPI_MIN, PetscObjectComm((PetscObject)tao)));
  if (all == PETSC_MAX_INT) PetscFunctionReturn(PETSC_SUCCESS);
  snprintf(text, len, ", first at entry %lld", (long long)all);
  for (PetscInt b = 0; b < s->nblocks; b++)
    if (all >= s->blocks[b].start && all < s->blocks[b].start + s->blocks[b].size) snprintf(text, len, ", first in block '%s'", s->blocks[b].name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NotFinite(Tao tao, const NomosTaoLoopOps *ops, PetscReal f, PetscReal norm, PetscBool moved)
{
  const MPI_Comm  comm = PetscObjectComm((PetscObject)tao);
  NomosTaoShared *s;
  char            where[320] = "";

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  if (!s->warned || s->nan_policy == NOMOS_NAN_ERROR) PetscCall(Where(tao, s, where, sizeof(where)));
  PetscCheck(s->nan_policy != NOMOS_NAN_ERROR, comm, PETSC_ERR_FP, "step %" PetscInt_FMT ": f is %g and the norm of its gradient %g%s (-tao_nan_policy error)", tao->niter, (double)f, (double)norm, where);
  if (!s->warned) {
    s->warned = PETSC_TRUE;
    PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: step %" PetscInt_FMT ": f is %g and the norm of its gradient %g%s; -tao_nan_policy %s\n", tao->niter, (double)f, (double)norm, where, NanPolicies[s->nan_policy]));
  }
  if (s->nan_policy == NOMOS_NAN_SKIP) {
    s->scalars[NOMOS_SCALAR_HALVED] = HALF_LIFE;
    s->scalars[NOMOS_SCALAR_BAD] += 1;
    if (s->scalars[NOMOS_SCALAR_BAD] < MAX_BAD) {
      tao->niter++;
      PetscFunctionReturn(PETSC_SUCCESS);
    }
  }
  if (moved) PetscCall((*ops->restore)(tao));
  tao->reason = TAO_DIVERGED_NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Which test is in force, and the two parts of it: before anything is evaluated, and after. */
static NomosConvergence TestInForce(const NomosTaoShared *s)
{
  if (s->conv != NOMOS_CONV_AUTO) return s->conv;
  return s->begin ? NOMOS_CONV_STOCHASTIC : NOMOS_CONV_DETERMINISTIC;
}

static PetscErrorCode Converged(Tao tao, const NomosTaoShared *s)
{
  const NomosConvergence test = TestInForce(s);
  const PetscBool        own  = tao->ops->convergencetest != TaoDefaultConvergenceTest ? PETSC_TRUE : PETSC_FALSE;
  PetscInt               evaluations;

  PetscFunctionBegin;
  if ((own || test == NOMOS_CONV_DETERMINISTIC) && tao->ops->convergencetest) PetscCall((*tao->ops->convergencetest)(tao, tao->cnvP));
  if (tao->reason != TAO_CONTINUE_ITERATING || test == NOMOS_CONV_DETERMINISTIC) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TaoGetCurrentFunctionEvaluations(tao, &evaluations));
  if (tao->max_funcs >= 0 && evaluations > tao->max_funcs) tao->reason = TAO_DIVERGED_MAXFCN;
  if (test == NOMOS_CONV_STOCHASTIC) {
    if (tao->fc <= tao->fmin) tao->reason = TAO_CONVERGED_MINF;
    else if (s->conv_tol > 0 && s->scalars[NOMOS_SCALAR_GMEAN] <= s->conv_tol * s->scalars[NOMOS_SCALAR_GWEIGHT]) tao->reason = TAO_CONVERGED_GATOL;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LoopBegin(Tao tao, const NomosTaoLoopOps *ops, PetscInt *last)
{
  NomosTaoShared *s;
  PetscInt        per;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(BoundsBegin(tao));
  if (!s->resume) {
    PetscCall((*ops->restart)(tao));
    PetscCall(NomosTaoSetStep(tao, 0));
  }
  s->resume = PETSC_FALSE;
  s->warned = PETSC_FALSE;
  *last     = tao->max_it < 0 ? PETSC_MAX_INT : tao->max_it; /* newer releases write unlimited as a negative number */
  PetscCall(NomosTaoGetStepsPerEpoch(tao, &per));
  PetscCall(NomosScheduleSetRun(s->schedule, *last, per));
  tao->niter  = s->step;
  tao->reason = TAO_CONTINUE_ITERATING;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The learning rate of this step; at the end of a run, where no update follows, the latest one. */
static PetscErrorCode Rate(Tao tao, NomosTaoShared *s, PetscInt last, PetscReal *beta1)
{
  PetscFunctionBegin;
  if (tao->niter < last) {
    PetscCall(NomosScheduleGet(s->schedule, tao->niter, &s->lr, beta1));
    if (s->scalars[NOMOS_SCALAR_HALVED] > 0) s->lr *= 0.5;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* See the top of the file. */
PetscErrorCode NomosTaoLoop(Tao tao, const NomosTaoLoopOps *ops)
{
  NomosTaoShared *s;
  PetscInt        last  = 0;
  PetscBool       moved = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(LoopBegin(tao, ops, &last));
  while (tao->reason == TAO_CONTINUE_ITERATING) {
    const PetscBool open = TestInForce(s) == NOMOS_CONV_DETERMINISTIC ? PETSC_FALSE : PETSC_TRUE;
    PetscReal       f, norm, two, beta1 = 0;

    s->step = tao->niter;
    if (open && tao->niter >= last) tao->reason = TAO_DIVERGED_MAXITS;
    else if (tao->ops->update) PetscCall((*tao->ops->update)(tao, tao->niter, tao->user_update));
    if (tao->reason != TAO_CONTINUE_ITERATING) break;
    PetscCall(NomosTaoBatchBegin(tao, tao->niter));
    PetscCall(TaoComputeObjectiveAndGradient(tao, tao->solution, &f, tao->gradient));
    PetscCall(VecNorm(tao->gradient, NORM_2, &two));
    PetscCall(GradNorm(tao, two, &norm));
    if (PetscIsInfOrNanReal(f) || PetscIsInfOrNanReal(two) || PetscIsInfOrNanReal(norm)) {
      PetscCall(NotFinite(tao, ops, f, two, moved));
      continue;
    }
    s->scalars[NOMOS_SCALAR_BAD]     = 0;
    s->scalars[NOMOS_SCALAR_GMEAN]   = s->conv_beta * s->scalars[NOMOS_SCALAR_GMEAN] + (1 - s->conv_beta) * norm;
    s->scalars[NOMOS_SCALAR_GWEIGHT] = s->conv_beta * s->scalars[NOMOS_SCALAR_GWEIGHT] + (1 - s->conv_beta);
    PetscCall(Rate(tao, s, last, &beta1));
    PetscCall(TaoLogConvergenceHistory(tao, f, norm, 0.0, tao->ksp_its));
    PetscCall(TaoMonitor(tao, tao->niter, f, norm, 0.0, s->lr));
    PetscCall(Converged(tao, s));
    if (tao->reason != TAO_CONTINUE_ITERATING) break;
    if (tao->niter >= last) { /* a test of the user's that knows no limit */
      tao->reason = TAO_DIVERGED_MAXITS;
      break;
    }
    PetscCall((*ops->update)(tao, s->lr, beta1, s->clip > 0 ? PetscMin(1.0, s->clip / (two + 1e-6)) : 1.0, (open && tao->niter + 1 >= last) ? PETSC_TRUE : PETSC_FALSE));
    moved = PETSC_TRUE;
    s->scalars[NOMOS_SCALAR_UPDATES] += 1;
    if (s->scalars[NOMOS_SCALAR_HALVED] > 0) s->scalars[NOMOS_SCALAR_HALVED] -= 1;
    tao->niter++;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
