/* sketchnewton_linear.c - the Newton system K z = -F: how exactly it is solved, and which t and gamma make it a good one.

   A further solve for the residual (z += K^-1 (-r)) serves every refinement: it needs no nonzero initial guess, so direct
   solvers and KSPs that stop by a preconditioned norm are brought to the asked residual by the same loop. */
#include "sketchnewton.h"
#include <petscksp.h>

#define MAX_PASSES   4    /* solves for one accuracy: the first and three refinements */
#define STAGNANT     200  /* iterations without a tenth less residual, or twice the unknowns if those are fewer: the solver stagnates */
#define T_FIRST      1e-4 /* first t of the ladder, times the scale of H */
#define T_FACTOR     8
#define T_FACTOR0    8 /* while t was never needed before: 100 sends HS61 to a worse local minimum */
#define T_MAX        1e20
#define GAMMA_MAX    1e8
#define CURVATURE    1e-6
#define DELTA_FLOOR  1e-6 /* accuracy theory */
#define NORM_REFRESH 5
#define POWER_STEPS  10
#define NO_HESSIAN   1e-8 /* H below this times |grad f| / (1 + |x|) is a sum of rounding errors: that quotient is the scale then */

/* --- scales ------------------------------------------------------------------------------------------------------------ */

PetscReal NomosSNScaleH(const NomosSketchNewton *s)
{
  return s->hnorm > 0 ? s->hnorm : 1;
}

PetscReal NomosSNScaleG(const NomosSketchNewton *s)
{
  return PetscMax(1, s->gnorm * s->gnorm / NomosSNScaleH(s));
}

/* a vector without symmetry, the same on any number of ranks */
static PetscErrorCode Probe(Vec v)
{
  PetscScalar *a;
  PetscInt     lo, hi;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  PetscCall(VecGetArrayWrite(v, &a));
  for (PetscInt i = lo; i < hi; i++) a[i - lo] = 1 + 0.5 * PetscCosReal((PetscReal)(i % 1000003) * (PetscReal)(i % 1009) + 1);
  PetscCall(VecRestoreArrayWrite(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |H| from a few power steps, |G| from ten; both from below, which is enough for scales. */
PetscErrorCode NomosSNEstimateNorms(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  Vec                x = s->u[0], y = s->v[0];
  PetscReal          norm = 0, gradient;

  PetscFunctionBegin;
  if (s->gnorm_at >= 0 && tao->niter < s->gnorm_at + NORM_REFRESH) PetscFunctionReturn(PETSC_SUCCESS);
  s->gnorm_at = tao->niter;
  PetscCall(Probe(x));
  s->gnorm = 0;
  for (PetscInt i = 0; i < POWER_STEPS && s->constrained; i++) {
    PetscCall(VecNormalize(x, &norm));
    PetscCall(NomosSNJacobianMult(tao, x, s->wl));
    PetscCall(NomosSNJacobianMultTranspose(tao, s->wl, x));
    PetscCall(VecNorm(x, NORM_2, &norm));
    s->gnorm = PetscSqrtReal(norm);
    if (!(norm > 0)) break;
  }
  PetscCall(Probe(x));
  s->hnorm = 0;
  for (PetscInt i = 0; i < POWER_STEPS / 2; i++) {
    PetscCall(VecNormalize(x, &norm));
    PetscCall(MatMult(s->H, x, y));
    s->hessian_products++;
    PetscCall(VecNorm(y, NORM_2, &norm));
    s->hnorm = PetscMax(s->hnorm, norm);
    if (!(norm > 0)) break;
    PetscCall(VecCopy(y, x));
  }
  PetscCall(VecNorm(s->now.g, NORM_2, &gradient));
  PetscCall(VecNorm(s->now.x, NORM_2, &norm));
  if (s->hnorm < NO_HESSIAN * gradient / (1 + norm)) s->hnorm = gradient / (1 + norm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- dot products ------------------------------------------------------------------------------------------------------- */

/* All of one step in one reduction. r = K z + F, so H dx + G'dl = r1 - a - t dx and G dx = r2 - c + gamma dl. */
PetscErrorCode NomosSNDotProducts(Tao tao, NomosSNDots *d)
{
  NomosSketchNewton *s     = (NomosSketchNewton *)tao->data;
  PetscScalar        v[11] = {0};
  Vec                dx, dl, r1, r2;
  const PetscReal    gamma = s->gamma, t = s->t;

  PetscFunctionBegin;
  PetscCall(NomosKKTGetView(s->kkt, 0, s->z, PETSC_FALSE, &dx, &dl));
  PetscCall(NomosKKTGetView(s->kkt, 1, s->r, PETSC_FALSE, &r1, &r2));
  {
    const Vec pair[11][2] = {
      {s->now.a, dx}, {s->now.a, r1}, {dx, r1}, {dx, dx}, {r1, r1}, {s->now.c, dl}, {s->now.c, r2}, {dl, r2}, {dl, dl}, {r2, r2}, {s->now.c, s->now.c}
    };
    const PetscInt n = s->constrained ? 11 : 5;

    for (PetscInt i = 0; i < n; i++) PetscCall(VecDotBegin(pair[i][0], pair[i][1], &v[i]));
    for (PetscInt i = 0; i < n; i++) PetscCall(VecDotEnd(pair[i][0], pair[i][1], &v[i]));
  }
  PetscCall(NomosKKTRestoreView(s->kkt, 1, s->r, PETSC_FALSE, &r1, &r2));
  PetscCall(NomosKKTRestoreView(s->kkt, 0, s->z, PETSC_FALSE, &dx, &dl));
  d->adx   = PetscRealPart(v[0]);
  d->ar1   = PetscRealPart(v[1]);
  d->dxr1  = PetscRealPart(v[2]);
  d->dxdx  = PetscRealPart(v[3]);
  d->cdl   = PetscRealPart(v[5]);
  d->cr2   = PetscRealPart(v[6]);
  d->dlr2  = PetscRealPart(v[7]);
  d->dldl  = PetscRealPart(v[8]);
  d->r2r2  = PetscRealPart(v[9]);
  d->cc    = PetscRealPart(v[10]);
  d->aa    = s->now.anorm * s->now.anorm;
  d->rnorm = PetscSqrtReal(PetscRealPart(v[4]) + d->r2r2);
  d->gdx2  = PetscMax(0, d->r2r2 + d->cc + gamma * gamma * d->dldl - 2 * d->cr2 + 2 * gamma * d->dlr2 - 2 * gamma * d->cdl);
  d->q     = d->dxr1 - d->adx - (d->dlr2 - d->cdl + gamma * d->dldl);
  d->A0    = d->adx + d->cdl;
  d->A1    = d->aa - (d->ar1 - t * d->adx);
  d->A2    = d->cc - (d->cr2 + gamma * d->cdl);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* D = grad M . z with the penalties in force: scalars only (theory.md) */
PetscReal NomosSNSlope(const NomosSketchNewton *s, const NomosSNDots *d)
{
  return d->A0 - s->eta2 * d->A1 - s->eta1 * d->A2;
}

/* --- accuracy ---------------------------------------------------------------------------------------------------------- */

static PetscReal Theta(const NomosSketchNewton *s)
{
  const PetscReal ratio = s->R0 > 0 ? PetscMin(1, s->now.R / s->R0) : 1;

  if (s->theta == NOMOS_SN_THETA_ONE) return 1;
  return s->theta == NOMOS_SN_THETA_SQRT ? PetscSqrtReal(ratio) : ratio;
}

/* The paper's condition |K|_F Psi |r| <= theta delta R, with delta capped (Hong et al. 2023, eq. 10 and 15). */
static PetscErrorCode OmegaTheory(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          hmin, gmin, hfro, gfro, psi, upsilon, kfro, cap, xg, xb;

  PetscFunctionBegin;
  PetscCall(NomosSNReduced(tao, &hmin, &gmin, &hfro, &gfro));
  xg      = PetscMin(1, PetscMax(gmin, s->xi_g));
  xb      = PetscMin(1, PetscMax(hmin + s->t, s->xi_b));
  psi     = 20 * PetscMax(hfro * hfro, 1) / (xg * xb);
  upsilon = PetscMax(1, PetscMax(hfro, gfro));
  kfro    = PetscSqrtReal(hfro * hfro + 2 * gfro * gfro);
  cap     = (0.5 - s->beta) * s->eta2 / ((1 + s->eta1 + s->eta2) * upsilon * upsilon * psi * psi);
  s->delta = PetscMax(DELTA_FLOOR, PetscMin(s->delta, cap));
  s->omega = PetscMax(PETSC_MACHINE_EPSILON, PetscMin(s->rtol_max, Theta(s) * s->delta / (PetscMax(kfro, 1) * psi)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSNOmega(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  const PetscReal    over = s->now.R > 0 ? 0.1 * PetscMin(tao->gatol, tao->catol) / s->now.R : 0; /* no digits beyond the end */

  PetscFunctionBegin;
  if (s->accuracy == NOMOS_SN_THEORY) PetscCall(OmegaTheory(tao));
  else s->omega = PetscMin(s->rtol_max, PetscMax(PetscMax(Theta(s) * s->delta, s->rtol_min), over));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The KSP's test: an absolute residual. Stagnation ends a solve: a singular system is told by it. */
static PetscErrorCode TestResidual(KSP ksp, PetscInt it, PetscReal rnorm, KSPConvergedReason *reason, void *ctx)
{
  NomosSketchNewton *s = (NomosSketchNewton *)ctx;

  PetscFunctionBegin;
  *reason = KSP_CONVERGED_ITERATING;
  if (PetscIsInfOrNanReal(rnorm)) *reason = KSP_DIVERGED_NANORINF;
  else if (rnorm <= s->target) *reason = KSP_CONVERGED_RTOL;
  else if (!it || rnorm < 0.9 * s->best) {
    s->best    = rnorm;
    s->best_at = it;
  } else if (!s->paper && it - s->best_at >= PetscMin(STAGNANT, 2 * (s->kkt->N + s->kkt->M) + 10)) { /* the paper's projections shrink the error; the residual goes up and down */
    s->stagnated = PETSC_TRUE;
    *reason      = KSP_DIVERGED_BREAKDOWN;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- solver ------------------------------------------------------------------------------------------------------------ */

/* MUMPS on KKT matrices delays many pivots: its default of memory is too small, and it fails. The user's option wins. */
static PetscErrorCode MumpsDefaults(PC pc, PetscBool inertia)
{
  const char *prefix;
  PetscBool   set;
  Mat         factor;

  PetscFunctionBegin;
  PetscCall(PCFactorSetUpMatSolverType(pc));
  PetscCall(PCFactorGetMatrix(pc, &factor));
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, prefix, "-mat_mumps_icntl_14", &set));
  if (!set) PetscTryMethod(factor, "MatMumpsSetIcntl_C", (Mat, PetscInt, PetscInt), (factor, 14, 200));
  if (inertia) PetscTryMethod(factor, "MatMumpsSetIcntl_C", (Mat, PetscInt, PetscInt), (factor, 24, 1)); /* MatGetInertia() wants null pivots detected */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* auto: with a factorization that counts eigenvalues by sign and pivots enough to be believed */
static PetscErrorCode UseInertia(NomosSketchNewton *s, PC pc)
{
  MatSolverType type = NULL;
  PetscBool     cholesky, lu, mumps = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCCHOLESKY, &cholesky));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCLU, &lu));
  if (cholesky || lu) PetscCall(PCFactorGetMatSolverType(pc, &type));
  if (type) PetscCall(PetscStrcmp(type, "mumps", &mumps));
  s->inertia = s->regularization == NOMOS_SN_REG_INERTIA || (s->regularization == NOMOS_SN_REG_AUTO && s->kkt_type == NOMOS_KKT_AIJ && mumps && cholesky) ? PETSC_TRUE : PETSC_FALSE;
  PetscCheck(!s->inertia || cholesky, PetscObjectComm((PetscObject)pc), PETSC_ERR_SUP, "-tao_sketchnewton_regularization inertia needs -tao_sketchnewton_pc_type cholesky with a factorization that counts eigenvalues, such as mumps, and -tao_sketchnewton_kkt_type aij");
  if (mumps) PetscCall(MumpsDefaults(pc, s->inertia));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSNSetUpKSP(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscBool          split;
  PC                 pc;

  PetscFunctionBegin;
  PetscCall(KSPSetConvergenceTest(tao->ksp, TestResidual, s, NULL));
  PetscCall(KSPSetOperators(tao->ksp, s->kkt->K, s->kkt->K));
  PetscCall(KSPGetPC(tao->ksp, &pc));
  PetscCall(UseInertia(s, pc));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCFIELDSPLIT, &split));
  if (split) {
    IS          found = NULL;
    const char *prefix;
    PetscBool   set;

    PetscCall(PCFieldSplitGetIS(pc, "primal", &found));
    if (!found && s->constrained) {
      PetscCall(PCFieldSplitSetIS(pc, "primal", s->kkt->primal));
      PetscCall(PCFieldSplitSetIS(pc, "dual", s->kkt->dual));
    }
    PetscCall(PCGetOptionsPrefix(pc, &prefix));
    PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, prefix, "-pc_fieldsplit_schur_precondition", &set));
    if (s->S && !set) PetscCall(PCFieldSplitSetSchurPre(pc, PC_FIELDSPLIT_SCHUR_PRE_USER, s->S));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z <- z - K^-1 r until |K z + F| <= omega R. ok: reached, or nearly: the caller judges by D. */
static PetscErrorCode Solve(Tao tao, PetscBool *ok)
{
  NomosSketchNewton *s    = (NomosSketchNewton *)tao->data;
  const PetscReal    goal = s->omega * s->now.R;
  PetscReal          rnorm, last = PETSC_MAX_REAL;
  KSPConvergedReason reason = KSP_CONVERGED_RTOL;
  PetscInt           its;

  PetscFunctionBegin;
  *ok = PETSC_TRUE;
  PetscCall(VecNorm(s->r, NORM_2, &rnorm));
  for (PetscInt pass = 0; pass < MAX_PASSES && rnorm > goal && rnorm < 0.5 * last; pass++) {
    last         = rnorm;
    s->target    = pass ? 0.1 * goal : goal;
    s->stagnated = PETSC_FALSE;
    PetscCall(VecCopy(s->r, s->rhs));
    PetscCall(VecScale(s->rhs, -1));
    PetscCall(VecSet(s->dz, 0));
    PetscCall(KSPSolve(tao->ksp, s->rhs, s->dz));
    PetscCall(KSPGetIterationNumber(tao->ksp, &its));
    PetscCall(KSPGetConvergedReason(tao->ksp, &reason));
    tao->ksp_its += its;
    tao->ksp_tot_its += its;
    s->solves++;
    if (reason < 0 && reason != KSP_DIVERGED_ITS && reason != KSP_DIVERGED_BREAKDOWN) *ok = PETSC_FALSE;
    if (!*ok) break;
    PetscCall(VecAXPY(s->z, 1, s->dz));
    PetscCall(MatMult(s->kkt->K, s->z, s->r)); /* the true residual, never the solver's */
    PetscCall(VecAXPY(s->r, 1, s->F));
    PetscCall(VecNorm(s->r, NORM_2, &rnorm));
    if (PetscIsInfOrNanReal(rnorm)) *ok = PETSC_FALSE;
    if (reason < 0) break;
  }
  /* a direct solver that leaves a large residual met a singular matrix */
  if (!(rnorm <= PetscMax(10 * goal, 0.5 * s->now.R))) *ok = PETSC_FALSE;
  if (reason < 0) PetscCall(PetscInfo(tao, "Linear solve: %s, residual %g of %g asked\n", KSPConvergedReasons[reason], (double)rnorm, (double)goal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Start(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(NomosKKTSetShift(s->kkt, s->t, s->gamma));
  PetscCall(NomosKKTAssemble(s->kkt));
  PetscCall(NomosSNSetUpKSP(tao));
  PetscCall(VecSet(s->z, 0));
  PetscCall(VecCopy(s->F, s->r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSNContinue(Tao tao, NomosSNDots *d, PetscBool *ok)
{
  PetscFunctionBegin;
  PetscCall(Solve(tao, ok));
  PetscCall(NomosSNDotProducts(tao, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- regularization ------------------------------------------------------------------------------------------------------ */

/* The next rung. False: nothing left to try. */
static PetscBool RaiseT(NomosSketchNewton *s)
{
  const PetscReal hs = NomosSNScaleH(s);

  if (s->t == 0) s->t = T_FIRST * hs;
  else s->t *= s->ladder ? T_FACTOR : T_FACTOR0;
  s->ladder_steps++;
  return s->t <= T_MAX * hs ? PETSC_TRUE : PETSC_FALSE;
}

static PetscBool RaiseGamma(NomosSketchNewton *s)
{
  const PetscReal gs = NomosSNScaleG(s);

  s->gamma = PetscMax(s->gamma0 * gs, 10 * s->gamma);
  return s->gamma <= GAMMA_MAX * gs ? PETSC_TRUE : PETSC_FALSE;
}

/* Signs of the eigenvalues of K by its factorization; want n positive, m negative. 1: right, 0: t is to be raised, -1: gamma. */
static PetscErrorCode Inertia(Tao tao, PetscInt *verdict)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           nneg = 0, nzero = 0, npos = 0;
  PCFailedReason     failed;
  PC                 pc;
  Mat                factor;

  PetscFunctionBegin;
  PetscCall(KSPSetUp(tao->ksp));
  PetscCall(KSPGetPC(tao->ksp, &pc));
  PetscCall(PCSetUp(pc));
  PetscCall(PCGetFailedReason(pc, &failed));
  *verdict = -1;
  if (failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCFactorGetMatrix(pc, &factor));
  PetscCall(MatGetInertia(factor, &nneg, &nzero, &npos));
  *verdict = nneg < s->kkt->M || nzero ? -1 : (npos < s->kkt->N ? 0 : 1);
  if (nneg > s->kkt->M) *verdict = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enough curvature along the step, or a step mostly across the constraints (Curtis, Nocedal, Waechter 2010, sec. 2). */
static PetscBool Curved(const NomosSketchNewton *s, const NomosSNDots *d)
{
  const PetscReal v2 = s->gnorm > 0 ? PetscMin(d->dxdx, d->gdx2 / (s->gnorm * s->gnorm)) : 0;
  const PetscReal floor = CURVATURE * (s->hnorm > 0 ? PetscMin(1, s->hnorm) : 1);

  return d->q >= floor * d->dxdx || d->dxdx - v2 <= v2 ? PETSC_TRUE : PETSC_FALSE;
}

/* t of the paper: 0, or xi_b + |H|_F where the reduced Hessian is not positive enough */
static PetscErrorCode PaperShift(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          hmin, gmin, hfro, gfro;

  PetscFunctionBegin;
  PetscCall(NomosSNReduced(tao, &hmin, &gmin, &hfro, &gfro));
  s->t = PetscMax(s->t, hmin < CURVATURE ? s->xi_b + hfro : 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode StepInertia(Tao tao, PetscBool *ok)
{
  NomosSketchNewton *s       = (NomosSketchNewton *)tao->data;
  PetscInt           verdict = 0;
  PetscBool          more    = PETSC_TRUE;

  PetscFunctionBegin;
  while (more) {
    PetscCall(Start(tao));
    PetscCall(Inertia(tao, &verdict));
    if (verdict == 1) break;
    more = verdict < 0 && s->constrained && s->gamma < NomosSNScaleG(s) ? RaiseGamma(s) : RaiseT(s);
  }
  *ok = more;
  if (more) PetscCall(Solve(tao, ok));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode StepCurvature(Tao tao, PetscBool *ok)
{
  NomosSketchNewton *s    = (NomosSketchNewton *)tao->data;
  PetscBool          more = PETSC_TRUE;
  PetscInt           singular = 0;
  NomosSNDots        d;

  PetscFunctionBegin;
  *ok = PETSC_FALSE;
  for (PetscInt rung = 0; more && rung < 60; rung++) {
    PetscCall(Start(tao));
    PetscCall(Solve(tao, ok));
    if (!*ok || s->stagnated) { /* singular: in the constraints, or on their kernel; which of the two is not known */
      const PetscBool dual = s->constrained && s->gamma < NomosSNScaleG(s) ? PETSC_TRUE : PETSC_FALSE;

      if (dual && singular++ % 2 == 0) more = RaiseGamma(s);
      else if (dual || !*ok) more = RaiseT(s);
      else break;
      continue;
    }
    if (s->regularization == NOMOS_SN_REG_NONE || s->regularization == NOMOS_SN_REG_PAPER) break;
    PetscCall(NomosSNDotProducts(tao, &d));
    if (Curved(s, &d)) break;
    more = RaiseT(s);
    *ok  = PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the t and gamma in force upwards until the system is a good one; z and r are its solution. */
PetscErrorCode NomosSNStep(Tao tao, PetscBool *ok)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  Vec                x, l;

  PetscFunctionBegin;
  PetscCall(NomosKKTGetView(s->kkt, 0, s->F, PETSC_TRUE, &x, &l));
  PetscCall(VecCopy(s->now.a, x));
  PetscCall(VecCopy(s->now.c, l));
  PetscCall(NomosKKTRestoreView(s->kkt, 0, s->F, PETSC_TRUE, &x, &l));
  PetscCall(NomosSNEstimateNorms(tao));
  if (s->gamma == 0 && s->constrained && (s->kkt->M > s->kkt->N || s->deficient)) s->gamma = s->gamma0 * NomosSNScaleG(s);
  if (s->regularization == NOMOS_SN_REG_PAPER) PetscCall(PaperShift(tao));
  PetscCall(NomosSNOmega(tao));
  if (s->inertia) PetscCall(StepInertia(tao, ok));
  else PetscCall(StepCurvature(tao, ok));
  PetscFunctionReturn(PETSC_SUCCESS);
}
