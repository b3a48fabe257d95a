/* sketchnewton_feasible.c - the feasibility phase: Levenberg-Marquardt on |c|^2/2 from a point where no step is found. */
#include "sketchnewton.h"

#define MAX_STEPS   100
#define LEAVE       0.1  /* of |c| at the entry */
#define MU_FIRST    1e-3 /* times |G|^2 */
#define MU_MAX      1e25
#define STATIONARY  1e-8
#define INFEASIBLE  1e-6
#define STEP_RTOL   1e-6
#define STEP_ITS    500

/* mu of the next step by what this one achieved of what it promised */
static PetscReal NextMu(PetscReal mu, PetscReal ratio)
{
  if (ratio > 0.5) return mu / 5;
  return ratio < 0.1 ? 3 * mu : mu;
}

/* dx = argmin |G dx + c|^2 + mu |dx|^2 into w[0]'s place, the trial point, |c| that the linear model promises */
static PetscErrorCode Trial(Tao tao, PetscReal mu, PetscReal *promised)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          cond, res;

  PetscFunctionBegin;
  PetscCall(NomosSNJacobianHere(tao));
  PetscCall(VecCopy(s->now.c, s->wl));
  PetscCall(VecScale(s->wl, -1));
  PetscCall(NomosSNLSQR(tao, PETSC_FALSE, s->wl, PetscSqrtReal(mu), STEP_RTOL, STEP_ITS, s->probe, &cond, &res));
  PetscCall(NomosSNJacobianMult(tao, s->probe, s->wl));
  PetscCall(VecAXPY(s->wl, 1, s->now.c));
  PetscCall(VecNorm(s->wl, NORM_2, promised));
  PetscCall(VecWAXPY(s->trial.x, 1, s->probe, s->now.x));
  PetscCall(VecCopy(s->now.l, s->trial.l));
  PetscCall(NomosSNEvaluate(tao, &s->trial));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Infeasible(Tao tao, PetscReal slope)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  s->status   = "infeasible";
  tao->reason = TAO_DIVERGED_USER;
  PetscCall(PetscInfo(tao, "Locally infeasible: |c| = %g and |G'c| = %g: no point nearby satisfies the constraints better\n", (double)s->now.cnorm, (double)slope));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From `now` to a point with a tenth of |c|; or the end of the solve, when |c| has a minimum that is not 0. Multipliers are
   fresh afterwards. Every step is an iteration to the monitor. */
PetscErrorCode NomosSNFeasibility(Tao tao)
{
  NomosSketchNewton *s     = (NomosSketchNewton *)tao->data;
  const PetscReal    entry = s->now.cnorm;
  PetscReal          mu    = MU_FIRST * PetscMax(s->gnorm * s->gnorm, PETSC_SMALL), slope, promised, growth = 8;
  PetscBool          finite = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(PetscInfo(tao, "Feasibility phase from |c| = %g\n", (double)entry));
  PetscCall(VecSet(s->now.l, 0)); /* |a| = |g| meanwhile: multipliers of a failed iteration may be huge */
  PetscCall(NomosSNJacobianHere(tao));
  PetscCall(NomosSNLagrangian(tao, &s->now));
  for (PetscInt k = 0; k < MAX_STEPS; k++) {
    PetscReal ratio;

    PetscCall(NomosSNJacobianHere(tao));
    if (!s->now.finite) break;
    PetscCall(NomosSNJacobianMultTranspose(tao, s->now.c, s->wx));
    PetscCall(VecNorm(s->wx, NORM_2, &slope));
    if (s->now.cnorm <= LEAVE * entry || s->now.cnorm <= tao->catol) break;
    if (mu > MU_MAX && !finite) { /* where nothing around can be evaluated, nothing is known about feasibility */
      tao->reason = TAO_DIVERGED_LS_FAILURE;
      s->status   = "f, c or a derivative is not finite at any point tried around the solution";
      break;
    }
    if ((slope <= STATIONARY * PetscMax(1, s->now.cnorm) && s->now.cnorm > PetscMax(INFEASIBLE, tao->catol)) || mu > MU_MAX) {
      PetscCall(Infeasible(tao, slope));
      break;
    }
    PetscCall(Trial(tao, mu, &promised));
    finite = s->trial.finite;
    s->feasible_steps++;
    tao->niter++;
    if (s->trial.finite && s->trial.cnorm < s->now.cnorm) {
      ratio = (s->now.cnorm * s->now.cnorm - s->trial.cnorm * s->trial.cnorm) / PetscMax(s->now.cnorm * s->now.cnorm - promised * promised, PETSC_SMALL * s->now.cnorm * s->now.cnorm);
      mu    = NextMu(mu, ratio);
      growth = 8;
      PetscCall(NomosSNAccept(tao));
    } else { /* faster from one rejection to the next: where G is tiny and c curved, the right mu is far above |G|^2 */
      mu *= growth;
      growth *= 4;
    }
    s->alpha = 1;
    PetscCall(NomosSNObserve(tao));
    if (tao->reason == TAO_CONVERGED_GATOL) tao->reason = TAO_CONTINUE_ITERATING; /* l is 0: not the optimum's test */
    if (tao->reason != TAO_CONTINUE_ITERATING) break;
  }
  PetscCall(NomosSNJacobianHere(tao));
  if (!s->now.finite) {
    tao->reason = TAO_DIVERGED_NAN;
    s->status   = "the Jacobian is not finite";
  }
  if (tao->reason == TAO_CONTINUE_ITERATING) PetscCall(NomosSNMultipliersLS(tao, &s->now));
  PetscFunctionReturn(PETSC_SUCCESS);
}
