/* sketchnewton_loop.c - the outer iteration (docs/theory.md). */
#include "sketchnewton.h"

#define MAX_RAISES      30   /* of the penalties for one step */
#define MAX_TIGHTENINGS 12   /* of the linear solve for one step */
#define ETA1_MAX        1e10
#define ETA2_MIN        1e-10
#define MERIT_ROUNDING  1e-13
#define LAST_BACKTRACKS 12   /* on the last try */
#define SMALL_STEP      0.25
#define MAX_SPIKES      5
#define STUCK           2
#define STUCK_CHANGE    10   /* times eps */

/* --- observation ----------------------------------------------------------------------------------------------------------- */

PetscErrorCode NomosSNObserve(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(TaoLogConvergenceHistory(tao, s->now.f, s->now.anorm, s->now.cnorm, tao->ksp_tot_its));
  PetscCall(TaoMonitor(tao, tao->niter, s->now.f, s->now.anorm, s->now.cnorm, s->alpha));
  PetscTryTypeMethod(tao, convergencetest, tao->cnvP);
  if (tao->reason == TAO_CONTINUE_ITERATING && tao->max_it >= 0 && tao->niter >= tao->max_it) tao->reason = TAO_DIVERGED_MAXITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Stop(Tao tao, TaoConvergedReason reason, const char status[])
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  tao->reason = reason;
  s->status   = status;
  PetscCall(PetscInfo(tao, "Stopped: %s; f = %g, |a| = %g, |c| = %g\n", status, (double)s->now.f, (double)s->now.anorm, (double)s->now.cnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void FreshPenalties(NomosSketchNewton *s)
{
  s->eta1  = s->eta1_0;
  s->eta2  = s->eta2_0;
  s->delta = s->delta_0;
}

/* --- penalties ------------------------------------------------------------------------------------------------------------- */

static PetscBool Steep(const NomosSketchNewton *s, const NomosSNDots *d)
{
  return NomosSNSlope(s, d) <= -0.5 * s->eta2 * s->now.R * s->now.R ? PETSC_TRUE : PETSC_FALSE;
}

static PetscBool RaisePenalties(NomosSketchNewton *s)
{
  if (s->eta1 > ETA1_MAX || s->eta2 < ETA2_MIN) return PETSC_FALSE;
  s->eta1 *= s->nu * s->nu;
  s->eta2 /= s->nu;
  return PETSC_TRUE;
}

/* (P) penalties first, for scalars only; where no penalty helps, more digits of z */
static PetscErrorCode PenaltiesDecoupled(Tao tao, NomosSNDots *d)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  for (PetscInt k = 0; k <= MAX_TIGHTENINGS; k++) {
    const PetscReal eta1 = s->eta1, eta2 = s->eta2;
    PetscBool       ok;

    for (PetscInt i = 0; i < MAX_RAISES && !Steep(s, d); i++)
      if (!RaisePenalties(s)) break;
    if (Steep(s, d) || s->omega <= s->rtol_min || k == MAX_TIGHTENINGS) break;
    s->eta1 = eta1;
    s->eta2 = eta2;
    s->delta /= s->nu * s->nu * s->nu * s->nu;
    s->tightenings++;
    s->omega = PetscMax(s->rtol_min, s->omega / (s->nu * s->nu * s->nu * s->nu));
    PetscCall(NomosSNContinue(tao, d, &ok));
    if (!ok) break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the paper's order: every update of the penalties asks for more digits as well (Hong et al. 2023, algorithm 1) */
static PetscErrorCode PenaltiesCoupled(Tao tao, NomosSNDots *d)
{
  NomosSketchNewton *s  = (NomosSketchNewton *)tao->data;
  PetscBool          ok = PETSC_TRUE;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < MAX_RAISES + MAX_TIGHTENINGS && ok && !Steep(s, d); i++) {
    if (!RaisePenalties(s)) break;
    s->delta /= s->nu * s->nu * s->nu * s->nu;
    s->tightenings++;
    PetscCall(NomosSNOmega(tao));
    PetscCall(NomosSNContinue(tao, d, &ok));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- one try --------------------------------------------------------------------------------------------------------------- */

static PetscErrorCode SetTrial(Tao tao, PetscReal alpha)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  Vec                dx, dl;

  PetscFunctionBegin;
  PetscCall(NomosKKTGetView(s->kkt, 0, s->z, PETSC_FALSE, &dx, &dl));
  PetscCall(VecWAXPY(s->trial.x, alpha, dx, s->now.x));
  PetscCall(VecWAXPY(s->trial.l, alpha, dl, s->now.l));
  PetscCall(NomosKKTRestoreView(s->kkt, 0, s->z, PETSC_FALSE, &dx, &dl));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x and l move together, with one alpha */
static PetscErrorCode Backtrack(Tao tao, PetscInt trials, PetscBool *accepted)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  *accepted = PETSC_FALSE;
  s->alpha  = 1;
  s->M      = NomosSNMerit(s, &s->now);
  for (PetscInt i = 0; i < trials; i++, s->alpha *= 0.5) {
    PetscCall(SetTrial(tao, s->alpha));
    PetscCall(NomosSNEvaluate(tao, &s->trial));
    if (s->trial.finite && NomosSNMerit(s, &s->trial) <= s->M + s->beta * s->alpha * s->D + MERIT_ROUNDING * PetscMax(1, PetscAbsReal(s->M))) {
      *accepted = PETSC_TRUE;
      break;
    }
    s->rejected++;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Regularize(NomosSketchNewton *s)
{
  s->t = PetscMax(10 * s->t, 0.01 * NomosSNScaleH(s));
  if (s->constrained) s->gamma = PetscMax(10 * s->gamma, 1e-6 * NomosSNScaleG(s));
}

static PetscErrorCode Try(Tao tao, PetscBool last, PetscBool *accepted)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  NomosSNDots        d;
  PetscBool          ok;

  PetscFunctionBegin;
  *accepted = PETSC_FALSE;
  PetscCall(NomosSNJacobianHere(tao));
  if (!s->now.finite) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosSNStep(tao, &ok));
  if (!ok) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosSNDotProducts(tao, &d));
  if (s->penalty == NOMOS_SN_COUPLED) PetscCall(PenaltiesCoupled(tao, &d));
  else PetscCall(PenaltiesDecoupled(tao, &d));
  s->D = NomosSNSlope(s, &d);
  PetscCall(PetscInfo(tao, "t %g, gamma %g, |r|/R %.2e (omega %.2e), curvature %g, eta1 %g, eta2 %g, D %g\n", (double)s->t, (double)s->gamma, (double)(d.rnorm / s->now.R), (double)s->omega, (double)(d.dxdx > 0 ? d.q / d.dxdx : 0), (double)s->eta1, (double)s->eta2, (double)s->D));
  if (!(s->D < 0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Backtrack(tao, last ? LAST_BACKTRACKS : s->max_backtracks, accepted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- after a step ------------------------------------------------------------------------------------------------------------ */

/* t and gamma with which the next step begins */
static void CarryOver(NomosSketchNewton *s, PetscInt tries)
{
  const PetscReal hs = NomosSNScaleH(s);

  if (s->alpha < SMALL_STEP) s->td = s->t > 0 ? s->t : 1e-3 * hs;
  else if (tries > 0) s->td = s->t / 4;
  else s->td = s->td > 1e-8 * hs ? s->td / 8 : 0;
  s->gd = s->gamma > 1e-7 ? s->gamma / 10 : 0;
  if (s->t > 0) s->ladder = PETSC_TRUE;
}

/* Rounding is reached: full steps that change nothing. */
static PetscErrorCode CheckStuck(Tao tao, PetscReal before)
{
  NomosSketchNewton *s    = (NomosSketchNewton *)tao->data;
  const PetscReal    M    = NomosSNMerit(s, &s->trial);
  const PetscBool    same = PetscAbsReal(M - s->M) < STUCK_CHANGE * PETSC_MACHINE_EPSILON * PetscMax(1, PetscAbsReal(s->M)) ? PETSC_TRUE : PETSC_FALSE;

  PetscFunctionBegin;
  s->stuck = same && s->alpha == 1 && s->trial.R > 0.5 * before ? s->stuck + 1 : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Multipliers that a step made far worse than the best ones are replaced, at most a few times. */
static PetscErrorCode CheckSpike(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  const PetscReal    anorm = s->now.anorm;

  PetscFunctionBegin;
  if (!s->constrained || s->paper || s->spikes >= MAX_SPIKES || anorm <= 10 * s->R0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(s->now.l, s->trial.l));
  PetscCall(NomosSNMultipliersLS(tao, &s->now));
  if (anorm > 100 * PetscMax(s->now.anorm, s->now.cnorm)) {
    s->spikes++;
    FreshPenalties(s);
    PetscCall(PetscInfo(tao, "Multipliers replaced: |a| was %g, is %g\n", (double)anorm, (double)s->now.anorm));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecCopy(s->trial.l, s->now.l));
  PetscCall(NomosSNLagrangian(tao, &s->now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* No step, or five poor ones: begin anew from a better point, with fresh multipliers and penalties. */
static PetscErrorCode Restart(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (s->resets >= s->max_resets) {
    PetscCall(Stop(tao, TAO_DIVERGED_LS_FAILURE, "no step decreases the merit function"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  s->resets++;
  s->slow = 0;
  PetscCall(NomosSNJacobianHere(tao));
  if (s->constrained && s->now.cnorm > 10 * tao->catol) {
    s->td = s->gd = 0;
    PetscCall(NomosSNFeasibility(tao));
    if (tao->reason != TAO_CONTINUE_ITERATING) PetscFunctionReturn(PETSC_SUCCESS);
  } else {
    s->td = PetscMax(s->t, NomosSNScaleH(s));
    s->gd = 0;
    PetscCall(NomosSNMultipliersLS(tao, &s->now));
  }
  FreshPenalties(s);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Iterate(Tao tao)
{
  NomosSketchNewton *s        = (NomosSketchNewton *)tao->data;
  PetscBool          accepted = PETSC_FALSE, finite;
  const PetscReal    R        = s->now.R;
  PetscInt           k;

  PetscFunctionBegin;
  tao->ksp_its = 0;
  PetscCall(NomosSNComputeHessian(tao, &finite));
  if (!finite) {
    PetscCall(Stop(tao, TAO_DIVERGED_NAN, s->now.finite ? "the Hessian is not finite" : "the Jacobian is not finite"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  s->t     = s->td;
  s->gamma = s->gd;
  for (k = 0; k <= s->max_retries && !accepted && s->now.finite; k++) {
    PetscCall(Try(tao, k == s->max_retries ? PETSC_TRUE : PETSC_FALSE, &accepted));
    if (!accepted) Regularize(s);
  }
  if (!accepted) PetscCall(NomosSNJacobianHere(tao));
  if (!accepted && !s->now.finite) {
    PetscCall(Stop(tao, TAO_DIVERGED_NAN, "the Jacobian is not finite"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  s->slow = accepted && (s->alpha < SMALL_STEP || k > 1) ? s->slow + 1 : 0;
  if (!accepted || (s->slow >= s->slow_steps && s->now.cnorm > 10 * tao->catol && s->resets < s->max_resets && !s->paper)) {
    PetscCall(Restart(tao));
    tao->niter++;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  CarryOver(s, k - 1);
  PetscCall(CheckStuck(tao, R));
  PetscCall(NomosSNAccept(tao));
  PetscCall(CheckSpike(tao));
  tao->niter++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- begin and end --------------------------------------------------------------------------------------------------------- */

static PetscErrorCode FirstMultipliers(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (tao->recycle && s->solved) {
    PetscCall(NomosSNLagrangian(tao, &s->now));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (s->multiplier_init == NOMOS_SN_MULT_USER && s->l_user) PetscCall(VecCopy(s->l_user, s->now.l));
  else PetscCall(VecSet(s->now.l, 0)); /* also for `user` without a vector: the paper's test models begin with 0 */
  if (s->multiplier_init == NOMOS_SN_MULT_LS) PetscCall(NomosSNMultipliersLS(tao, &s->now));
  else PetscCall(NomosSNLagrangian(tao, &s->now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (!(tao->recycle && s->solved)) {
    FreshPenalties(s);
    PetscCall(VecSet(s->now.l, 0));
  }
  s->td = s->t = s->t_first;
  s->gd = s->gamma = s->gamma_first;
  s->slow = s->resets = s->spikes = s->stuck = 0;
  s->evaluations = s->rejected = s->ladder_steps = s->solves = s->tightenings = s->feasible_steps = s->hessian_products = 0;
  s->ladder     = PETSC_FALSE;
  s->gnorm_at   = -1;
  s->checked_at = 0;
  s->alpha      = 0;
  s->status     = "iterating";
  s->inside     = PETSC_TRUE;

  s->differences = s->hessian == NOMOS_SN_HESSIAN_MFFD || !tao->hessian ? PETSC_TRUE : PETSC_FALSE;
  if (!tao->hessian && s->hessian == NOMOS_SN_HESSIAN_USER && !s->told_differences) {
    PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)tao), PETSC_STDERR, "nomos: no Hessian is set (TaoSetHessian()): sketchnewton takes differences of the gradient of the Lagrangian\n"));
    s->told_differences = PETSC_TRUE;
  }
  s->kkt->products = 0;
  s->moved         = PETSC_FALSE;
  tao->reason      = TAO_CONTINUE_ITERATING;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(NomosSNEvaluate(tao, &s->now));
  if (!s->now.finite) {
    PetscCall(Stop(tao, TAO_DIVERGED_NAN, "f, c or a derivative is not finite at the initial point"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FirstMultipliers(tao));
  s->R0 = s->now.R;
  while (tao->reason == TAO_CONTINUE_ITERATING) {
    PetscCall(NomosSNObserve(tao));
    if (tao->reason == TAO_CONTINUE_ITERATING && s->stuck >= STUCK) PetscCall(Stop(tao, s->now.cnorm <= tao->catol ? TAO_CONVERGED_STEPTOL : TAO_DIVERGED_LS_FAILURE, "rounding: steps change nothing any more"));
    if (tao->reason != TAO_CONTINUE_ITERATING) break;
    PetscTryTypeMethod(tao, update, tao->niter, tao->user_update);
    PetscCall(Iterate(tao));
  }
  if (tao->reason > 0) s->status = "converged";
  else if (!strcmp(s->status, "iterating")) s->status = "stopped by a limit";
  tao->step = s->alpha;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc locks the vector that it hands to a callback, and an error in there leaves it locked: the user could not give x a new start. */
static PetscErrorCode Unlock(Vec x, PetscInt locks)
{
  PetscInt now;

  PetscFunctionBegin;
  PetscCall(VecLockGet(x, &now));
  for (; now > locks; now--) PetscCall(VecLockReadPop(x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode TaoSolve_SketchNewton(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscErrorCode     failed;
  PetscInt           locks;

  PetscFunctionBegin;
  PetscCall(NomosSNRefresh(tao));
  PetscCall(VecLockGet(tao->solution, &locks));
  PetscCall(Begin(tao));
  s->solved = PETSC_TRUE;
  failed    = Run(tao);
  if (failed) PetscCall(Unlock(tao->solution, locks));
  PetscCall(failed);
  s->inside = PETSC_FALSE; /* not after an error */
  PetscFunctionReturn(PETSC_SUCCESS);
}
