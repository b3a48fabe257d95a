/* sketchnewton_hessian.c - the Hessian of the Lagrangian: the user's, checked once, or differences of its gradient. */
#include "sketchnewton.h"

#define MISMATCH    1e-3 /* a user's Hessian that differs by more along the probe is not that of the Lagrangian */
#define CHECK_AGAIN 10   /* checked again once |l| has grown by this: a tiny l hides the constraints' part */

/* a(x, l) at another point, into y. The Jacobian goes into a matrix of its own where the user's can be duplicated. */
static PetscErrorCode LagrangianGradient(Tao tao, Vec x, Vec l, Vec y)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscObjectState   before, after;
  Mat                J = s->Jfd ? s->Jfd : tao->jacobian_equality;

  PetscFunctionBegin;
  PetscCall(TaoComputeGradient(tao, x, y));
  if (!s->constrained) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectStateGet((PetscObject)tao->jacobian_equality, &before));
  PetscCall(TaoComputeJacobianEquality(tao, x, J, s->Jfd ? s->Jfd : tao->jacobian_equality_pre));
  PetscCall(PetscObjectStateGet((PetscObject)tao->jacobian_equality, &after));
  if (s->Jfd && before != after) { /* the callback writes into the matrix it knows, not into the one it is given */
    PetscCall(MatDestroy(&s->Jfd));
    J = tao->jacobian_equality;
  }
  if (!s->Jfd) s->moved = PETSC_TRUE;
  PetscCall(MatMultTranspose(J, l, s->kkt->wx2));
  PetscCall(VecAXPY(y, 1, s->kkt->wx2));
  PetscCall(NomosSNJacobianBack(tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (a(x + e v, l) - a(x, l)) / e at the current point */
static PetscErrorCode Difference(Tao tao, Vec v, Vec y, PetscReal *e)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          xnorm, vnorm;

  PetscFunctionBegin;
  PetscCall(VecNorm(s->now.x, NORM_2, &xnorm));
  PetscCall(VecNorm(v, NORM_2, &vnorm));
  *e = 1;
  if (!(vnorm > 0)) {
    PetscCall(VecSet(y, 0));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  *e = PETSC_SQRT_MACHINE_EPSILON * (1 + xnorm) / vnorm;
  PetscCall(VecWAXPY(s->probe, *e, v, s->now.x));
  PetscCall(LagrangianGradient(tao, s->probe, s->now.l, y));
  PetscCall(VecAXPY(y, -1, s->now.a));
  PetscCall(VecScale(y, 1 / *e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_Difference(Mat H, Vec v, Vec y)
{
  Tao       tao;
  PetscReal e;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &tao));
  PetscCall(Difference(tao, v, y, &e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeDifferences(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscBool          shell = PETSC_TRUE;
  VecType            type;

  PetscFunctionBegin;
  if (s->Hfd) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)tao), s->kkt->n, s->kkt->n, s->kkt->N, s->kkt->N, tao, &s->Hfd));
  PetscCall(VecGetType(tao->solution, &type));
  PetscCall(MatShellSetVecType(s->Hfd, type));
  PetscCall(MatShellSetOperation(s->Hfd, MATOP_MULT, (NomosAnyFn *)MatMult_Difference));
  PetscCall(MatShellSetOperation(s->Hfd, MATOP_MULT_TRANSPOSE, (NomosAnyFn *)MatMult_Difference));
  PetscCall(MatSetOption(s->Hfd, MAT_SYMMETRIC, PETSC_TRUE));
  if (s->constrained) PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)tao->jacobian_equality, &shell, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQDENSE, MATMPIDENSE, ""));
  shell = shell && s->constrained ? PETSC_FALSE : PETSC_TRUE;
  if (!shell) PetscCall(MatDuplicate(tao->jacobian_equality, MAT_COPY_VALUES, &s->Jfd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One difference along a fixed direction against the user's product, at the first l that is not 0. */
static PetscErrorCode Check(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          lnorm, gnorm, e, user, own, diff, noise;
  PetscScalar       *a;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  PetscCall(VecNorm(s->now.l, NORM_2, &lnorm));
  if (!(lnorm > CHECK_AGAIN * s->checked_at)) PetscFunctionReturn(PETSC_SUCCESS);
  s->checked_at = lnorm;
  PetscCall(MakeDifferences(tao));
  PetscCall(VecGetOwnershipRange(s->u[0], &lo, &hi));
  PetscCall(VecGetArrayWrite(s->u[0], &a));
  for (PetscInt i = lo; i < hi; i++) a[i - lo] = PetscSinReal(1 + 0.7 * (PetscReal)(i % 104729));
  PetscCall(VecRestoreArrayWrite(s->u[0], &a));
  PetscCall(MatMult(tao->hessian, s->u[0], s->v[0]));
  PetscCall(Difference(tao, s->u[0], s->w[0], &e));
  PetscCall(VecNorm(s->v[0], NORM_2, &user));
  PetscCall(VecNorm(s->w[0], NORM_2, &own));
  PetscCall(VecAXPY(s->w[0], -1, s->v[0]));
  PetscCall(VecNorm(s->w[0], NORM_2, &diff));
  PetscCall(VecNorm(s->now.g, NORM_2, &gnorm));
  noise = 100 * PETSC_MACHINE_EPSILON * (gnorm + s->now.anorm) / e;
  PetscCall(PetscInfo(tao, "Hessian along a probe: the user's product %g, difference %g, apart by %g\n", (double)user, (double)own, (double)diff));
  if (PetscIsInfOrNanReal(diff) || diff <= MISMATCH * (user + own) + noise) PetscFunctionReturn(PETSC_SUCCESS);
  if (!s->told_mismatch) PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)tao), PETSC_STDERR, "nomos: the Hessian of TaoSetHessian() is not that of the Lagrangian f + l'c: a product differs by %.1e from a difference of gradients (does it leave out the constraints, see TaoGetDualVariables()?). Differences are used instead\n", (double)(diff / own)));
  s->told_mismatch = s->differences = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* H at `now` and the blocks of the KKT operator. tao->DE is now.l: callbacks ask for it. One product tells a matrix that is
   no number before a preconditioner is made of it. */
PetscErrorCode NomosSNComputeHessian(Tao tao, PetscBool *finite)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          norm;

  PetscFunctionBegin;
  PetscCall(NomosSNJacobianHere(tao));
  *finite = s->now.finite;
  if (!*finite) PetscFunctionReturn(PETSC_SUCCESS);
  if (!s->differences) {
    PetscCall(TaoComputeHessian(tao, tao->solution, tao->hessian, tao->hessian_pre));
    if (s->check_hessian && s->constrained) PetscCall(Check(tao));
  }
  if (s->differences) PetscCall(MakeDifferences(tao));
  s->H    = s->differences ? s->Hfd : tao->hessian;
  s->Hpre = s->differences ? s->Hfd : tao->hessian_pre;
  PetscCall(PetscObjectStateIncrease((PetscObject)s->H)); /* a shell whose state never changes is a new matrix all the same */
  if (s->Hpre && s->Hpre != s->H) PetscCall(PetscObjectStateIncrease((PetscObject)s->Hpre));
  PetscCall(NomosKKTSetBlocks(s->kkt, s->H, s->Hpre, s->constrained ? tao->jacobian_equality : NULL, s->constrained ? tao->jacobian_equality_pre : NULL));
  PetscCall(MatMult(s->H, s->now.a, s->wx));
  PetscCall(VecNorm(s->wx, NORM_2, &norm));
  *finite = PetscIsInfOrNanReal(norm) ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
