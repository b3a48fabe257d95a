/* sketchnewton_lsqr.c - damped least squares with the Jacobian: the multipliers at the start, steps of the feasibility phase. */
#include "sketchnewton.h"

#define MULTIPLIER_RTOL 1e-8 /* sketched-newton 3.4 */
#define MULTIPLIER_ITS  200
#define MULTIPLIER_MAX  1e3
#define CONDITION_MAX   1e8
#define SPARSE_MAX      300  /* constraints up to which a sparse Jacobian is sketched, which makes it dense, */
#define DENSE_MAX       4000 /* and a dense one: the triangle is on every rank */

static PetscErrorCode Forward(Tao tao, PetscBool transposed, Vec x, Vec y)
{
  PetscFunctionBegin;
  if (transposed) PetscCall(NomosSNJacobianMultTranspose(tao, x, y));
  else PetscCall(NomosSNJacobianMult(tao, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* w <- w / |w| */
static PetscErrorCode Normalize(Vec w, PetscReal *norm)
{
  PetscFunctionBegin;
  PetscCall(VecNorm(w, NORM_2, norm));
  if (*norm > 0) PetscCall(VecScale(w, 1 / *norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* w <- A v - c w for the next vector of the bidiagonalization; work: same space as w */
static PetscErrorCode Advance(Tao tao, PetscBool transposed, Vec v, PetscReal c, Vec w, Vec work, PetscReal *norm)
{
  PetscFunctionBegin;
  PetscCall(Forward(tao, transposed, v, work));
  PetscCall(VecAYPX(w, -c, work));
  PetscCall(Normalize(w, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = argmin |A x - b|^2 + damp^2 |x|^2 with A = G, or G' when transposed, from x = 0: LSQR, the scalar recurrences of Paige
   and Saunders 1982, section 4, and their estimate |A|_F |A^+|_F of the condition (5.10). b is not changed. */
PetscErrorCode NomosSNLSQR(Tao tao, PetscBool transposed, Vec b, PetscReal damp, PetscReal rtol, PetscInt maxit, Vec x, PetscReal *cond, PetscReal *res)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  const PetscBool    back = transposed ? PETSC_FALSE : PETSC_TRUE;
  const PetscInt     range = transposed ? 0 : 1, domain = 1 - range; /* 0: primal space, 1: dual */
  Vec                u = s->u[range], uw = s->v[range], v = s->u[domain], vw = s->v[domain], w = s->w[domain];
  PetscReal          alpha, beta, rhobar, phibar, anorm2, dnorm2 = 0, wnorm, bnorm;

  PetscFunctionBegin;
  PetscCall(VecSet(x, 0));
  PetscCall(VecCopy(b, u));
  PetscCall(Normalize(u, &beta));
  bnorm = beta;
  *cond = 1;
  *res  = beta;
  PetscCall(Forward(tao, back, u, v));
  PetscCall(Normalize(v, &alpha));
  if (beta == 0 || alpha == 0 || PetscIsInfOrNanReal(alpha * beta)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(v, w));
  rhobar = alpha;
  phibar = beta;
  anorm2 = alpha * alpha;
  for (PetscInt k = 0; k < maxit; k++) {
    PetscReal rho, c, sn, theta, phi, damped;

    PetscCall(Advance(tao, transposed, v, alpha, u, uw, &beta));
    PetscCall(Advance(tao, back, u, beta, v, vw, &alpha));
    damped = PetscSqrtReal(rhobar * rhobar + damp * damp); /* the damping row is rotated away first */
    phibar *= rhobar / damped;
    rho = PetscSqrtReal(damped * damped + beta * beta);
    if (rho == 0 || PetscIsInfOrNanReal(rho)) break;
    c      = damped / rho;
    sn     = beta / rho;
    theta  = sn * alpha;
    rhobar = -c * alpha;
    phi    = c * phibar;
    phibar = sn * phibar;
    PetscCall(VecNorm(w, NORM_2, &wnorm));
    dnorm2 += (wnorm / rho) * (wnorm / rho);
    PetscCall(VecAXPY(x, phi / rho, w));
    PetscCall(VecAYPX(w, -theta / rho, v));
    anorm2 += alpha * alpha + beta * beta + damp * damp;
    *cond = PetscSqrtReal(anorm2 * dnorm2);
    *res  = PetscAbsReal(phibar);
    /* |A'r| = |phibar| alpha c against |A| |r|; a residual of rounding: the system is consistent */
    if (alpha * c <= rtol * PetscSqrtReal(anorm2) || *res <= 10 * PETSC_MACHINE_EPSILON * bnorm || *cond > 0.1 / PETSC_MACHINE_EPSILON) break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the multipliers ------------------------------------------------------------------------------------------------------ */

/* Can the sketched QR of G' be had, and cheaply? It costs about 8 m^3 operations. */
static PetscErrorCode Sketchable(Mat G, PetscBool *yes)
{
  PetscBool dense, sparse;
  PetscInt  m;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)G, &dense, MATSEQDENSE, MATMPIDENSE, ""));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)G, &sparse, MATSEQAIJ, MATMPIAIJ, ""));
  PetscCall(MatGetSize(G, &m, NULL));
  *yes = (dense && m <= DENSE_MAX) || (sparse && m <= SPARSE_MAX) ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = argmin |G'x - b| by PETSc's LSQR on the transpose of G, preconditioned by the sketched QR of the one for preconditioners. */
static PetscErrorCode SketchedLSQR(Tao tao, Vec b, Vec x, PetscReal *cond)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  KSPConvergedReason reason;
  PetscInt           its;
  PetscReal          ratio;
  Mat                T, Tpre, normal;
  KSP                ksp;
  PC                 pc;

  PetscFunctionBegin;
  PetscCall(MatCreateTranspose(tao->jacobian_equality, &T));
  PetscCall(MatCreateTranspose(tao->jacobian_equality_pre, &Tpre));
  PetscCall(MatCreateNormal(Tpre, &normal));
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)tao), &ksp));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)ksp, (PetscObject)tao, 1));
  PetscCall(KSPSetOperators(ksp, T, normal));
  PetscCall(KSPSetType(ksp, KSPLSQR));
  PetscCall(KSPSetTolerances(ksp, MULTIPLIER_RTOL, PETSC_DEFAULT, PETSC_DEFAULT, MULTIPLIER_ITS));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(NomosPCKKTSketchSetSeed(pc, s->seed));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(NomosPCKKTSketchGetPivots(pc, &ratio, NULL));
  *cond = ratio > 0 ? 1 / ratio : PETSC_MAX_REAL;
  PetscCall(PetscInfo(tao, "LSQR with the sketched QR of the Jacobian: %s after %" PetscInt_FMT " iterations\n", KSPConvergedReasons[reason], its));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&normal));
  PetscCall(MatDestroy(&Tpre));
  PetscCall(MatDestroy(&T));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l = argmin |g + G'l|, or 0 where the Jacobian looks rank deficient or l is huge; then a and the norms. */
PetscErrorCode NomosSNMultipliersLS(Tao tao, NomosSNPoint *p)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          cond, res, norm;
  PetscBool          sketch = PETSC_FALSE;

  PetscFunctionBegin;
  s->deficient = PETSC_FALSE;
  if (s->constrained) {
    PetscCall(VecCopy(p->g, s->wx));
    PetscCall(VecScale(s->wx, -1));
    PetscCall(Sketchable(tao->jacobian_equality_pre, &sketch));
    if (sketch) PetscCall(SketchedLSQR(tao, s->wx, p->l, &cond));
    else PetscCall(NomosSNLSQR(tao, PETSC_TRUE, s->wx, 0, MULTIPLIER_RTOL, MULTIPLIER_ITS, p->l, &cond, &res));
    PetscCall(VecNorm(p->l, NORM_2, &norm));
    if (cond > CONDITION_MAX) s->deficient = PETSC_TRUE;
    if (s->deficient || !(norm <= MULTIPLIER_MAX)) PetscCall(VecSet(p->l, 0));
    PetscCall(PetscInfo(tao, "Least-squares multipliers: |l| = %g, condition of the Jacobian at least %g%s\n", (double)norm, (double)cond, s->deficient ? ": taken for rank deficient" : ""));
  }
  PetscCall(NomosSNLagrangian(tao, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
