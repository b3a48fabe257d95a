/* sketchnewton_point.c - f, c, their derivatives and the merit function at a point.

   M = f + l'c + (eta1/2)|c|^2 + (eta2/2)|a|^2 (Na, Anitescu, Kolar 2023, eq. 7; Hong, Na, Mahoney, Kolar 2023, eq. 4) */
#include "sketchnewton.h"

PetscErrorCode NomosSNJacobianMult(Tao tao, Vec x, Vec y)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (s->constrained) PetscCall(MatMult(tao->jacobian_equality, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSNJacobianMultTranspose(Tao tao, Vec l, Vec y)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (s->constrained) PetscCall(MatMultTranspose(tao->jacobian_equality, l, y));
  else PetscCall(VecSet(y, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a = g + G'l and the norms: one reduction */
PetscErrorCode NomosSNLagrangian(Tao tao, NomosSNPoint *p)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscScalar        aa = 0, cc = 0, lc = 0;

  PetscFunctionBegin;
  PetscCall(NomosSNJacobianMultTranspose(tao, p->l, p->a));
  PetscCall(VecAXPY(p->a, 1, p->g));
  PetscCall(VecDotBegin(p->a, p->a, &aa));
  if (s->constrained) {
    PetscCall(VecDotBegin(p->c, p->c, &cc));
    PetscCall(VecDotBegin(p->l, p->c, &lc));
  }
  PetscCall(VecDotEnd(p->a, p->a, &aa));
  if (s->constrained) {
    PetscCall(VecDotEnd(p->c, p->c, &cc));
    PetscCall(VecDotEnd(p->l, p->c, &lc));
  }
  p->lc     = PetscRealPart(lc);
  p->anorm  = PetscSqrtReal(PetscRealPart(aa));
  p->cnorm  = PetscSqrtReal(PetscRealPart(cc));
  p->R      = PetscSqrtReal(PetscRealPart(aa) + PetscRealPart(cc));
  p->finite = PetscIsInfOrNanReal(p->f) || PetscIsInfOrNanReal(p->R) || PetscIsInfOrNanReal(p->lc) ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything at p->x, p->l. The Jacobian is evaluated only where f and c are finite: callbacks may rely on the order. */
PetscErrorCode NomosSNEvaluate(Tao tao, NomosSNPoint *p)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          cnorm = 0;

  PetscFunctionBegin;
  s->evaluations++;
  p->finite = PETSC_FALSE;
  PetscCall(TaoComputeObjectiveAndGradient(tao, p->x, &p->f, p->g));
  if (s->constrained) {
    PetscCall(TaoComputeEqualityConstraints(tao, p->x, p->c));
    PetscCall(VecNorm(p->c, NORM_2, &cnorm));
  }
  p->cnorm = cnorm;
  if (PetscIsInfOrNanReal(p->f) || PetscIsInfOrNanReal(cnorm)) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->constrained) {
    PetscCall(TaoComputeJacobianEquality(tao, p->x, tao->jacobian_equality, tao->jacobian_equality_pre));
    s->moved = p == &s->now ? PETSC_FALSE : PETSC_TRUE;
  }
  PetscCall(NomosSNLagrangian(tao, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSNJacobianBack(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (s->moved) PetscCall(TaoComputeJacobianEquality(tao, s->now.x, tao->jacobian_equality, tao->jacobian_equality_pre));
  s->moved = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* and now.finite: a callback that was finite here before may give NaN now */
PetscErrorCode NomosSNJacobianHere(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (!s->moved) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosSNJacobianBack(tao));
  PetscCall(NomosSNLagrangian(tao, &s->now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The vectors of `now` are the Tao's own (solution, gradient, multipliers): values move, not vectors. */
PetscErrorCode NomosSNAccept(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(VecCopy(s->trial.x, s->now.x));
  PetscCall(VecCopy(s->trial.l, s->now.l));
  PetscCall(VecCopy(s->trial.g, s->now.g));
  PetscCall(VecCopy(s->trial.c, s->now.c));
  PetscCall(VecCopy(s->trial.a, s->now.a));
  s->now.f      = s->trial.f;
  s->now.lc     = s->trial.lc;
  s->now.anorm  = s->trial.anorm;
  s->now.cnorm  = s->trial.cnorm;
  s->now.R      = s->trial.R;
  s->now.finite = s->trial.finite;
  s->moved      = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal NomosSNMerit(const NomosSketchNewton *s, const NomosSNPoint *p)
{
  return p->f + p->lc + 0.5 * s->eta1 * p->cnorm * p->cnorm + 0.5 * s->eta2 * p->anorm * p->anorm;
}
