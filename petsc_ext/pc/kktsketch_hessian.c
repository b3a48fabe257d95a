/*
  kktsketch_hessian.c - the approximation Bh of the (1,1) block B = H + tI and its inverse: the absolute diagonal, a randomized
  Nystrom approximation, or another PC.
*/
#include "kktsketch.h"

/* 1 / max(|h_ii + t|, floor). A zero diagonal is taken for the identity. */
PetscErrorCode NomosKKTSketchDiagonal(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscReal     largest, floor;
  PetscScalar  *d;
  PetscInt      n;

  PetscFunctionBegin;
  if (!k->dinv) PetscCall(VecDuplicate(k->r1, &k->dinv));
  PetscCall(MatGetDiagonal(k->Hpre, k->dinv));
  if (k->t != 0) PetscCall(VecShift(k->dinv, k->t));
  PetscCall(VecAbs(k->dinv));
  PetscCall(VecMax(k->dinv, NULL, &largest));
  floor = largest > 0 ? NOMOS_KKT_FLOOR * largest : 1;
  PetscCall(VecGetLocalSize(k->dinv, &n));
  PetscCall(VecGetArray(k->dinv, &d)); /* once per set-up */
  for (PetscInt i = 0; i < n; i++) d[i] = PetscMax(d[i], floor);
  PetscCall(VecRestoreArray(k->dinv, &d));
  PetscCall(VecReciprocal(k->dinv));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An inner PC with the outer prefix and a suffix; its defaults are set by the caller before SetFromOptions. */
PetscErrorCode NomosKKTSketchInnerPC(PC pc, const char suffix[], Mat A, PC *inner)
{
  const char *prefix;

  PetscFunctionBegin;
  if (!*inner) {
    PetscCall(PCCreate(PetscObjectComm((PetscObject)pc), inner));
    PetscCall(PetscObjectIncrementTabLevel((PetscObject)*inner, (PetscObject)pc, 1));
    PetscCall(PCGetOptionsPrefix(pc, &prefix));
    PetscCall(PCSetOptionsPrefix(*inner, prefix));
    PetscCall(PCAppendOptionsPrefix(*inner, suffix));
  }
  PetscCall(PCSetOperators(*inner, A, A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode InnerPC(PC pc)
{
  PC_KKTSketch *k     = (PC_KKTSketch *)pc->data;
  const PetscBool fresh = k->hpc ? PETSC_FALSE : PETSC_TRUE;
  PetscBool     assembled;
  Mat           A = k->Hpre;

  PetscFunctionBegin;
  PetscCall(NomosKKTSketchAssembled(A, &assembled));
  if (k->t != 0 && assembled) {
    PetscCall(MatDestroy(&k->shifted));
    PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &k->shifted));
    PetscCall(MatShift(k->shifted, k->t));
    A = k->shifted;
  }
  PetscCall(NomosKKTSketchInnerPC(pc, "hess_", A, &k->hpc));
  if (fresh && k->options) PetscCall(PCSetFromOptions(k->hpc));
  PetscCall(PCSetUp(k->hpc));
  if (assembled) PetscCall(NomosKKTSketchDiagonal(pc)); /* for the Schur complement */
  else {
    if (!k->dinv) PetscCall(VecDuplicate(k->r1, &k->dinv));
    PetscCall(VecSet(k->dinv, 1));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A shell without a Nystrom approximation: a multiple of the identity, by the size of B on random vectors. */
static PetscErrorCode Identity(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  if (!k->dinv) PetscCall(VecDuplicate(k->r1, &k->dinv));
  PetscCall(VecSet(k->dinv, k->lam1 > 0 ? 1 / (k->lam1 + k->t) : 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTSketchHessianSetUp(PC pc, PetscBool stale)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscBool     assembled, ok;

  PetscFunctionBegin;
  PetscCall(NomosKKTSketchAssembled(k->Hpre, &assembled));
  k->hessian_used = k->hessian;
  if (k->hessian == NOMOS_KKTHESSIAN_AUTO) k->hessian_used = assembled ? NOMOS_KKTHESSIAN_DIAG : NOMOS_KKTHESSIAN_NYSTROM;
  if (k->hessian_used == NOMOS_KKTHESSIAN_PC) {
    PetscCall(InnerPC(pc));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (k->hessian_used == NOMOS_KKTHESSIAN_NYSTROM) {
    PetscCall(NomosKKTSketchNystrom(pc, stale, &ok));
    if (ok) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(PetscInfo(pc, "The (1,1) block is not positive definite on the sketch: diagonal instead of Nystrom\n"));
    k->hessian_used = NOMOS_KKTHESSIAN_DIAG;
  }
  if (!assembled) PetscCall(MatHasOperation(k->Hpre, MATOP_GET_DIAGONAL, &assembled));
  PetscCheck(assembled || k->hessian != NOMOS_KKTHESSIAN_DIAG, PetscObjectComm((PetscObject)pc), PETSC_ERR_SUP, "-pc_kktsketch_hessian diag needs a (1,1) block with a diagonal; one of type %s has none: use nystrom, or give a preconditioning matrix", ((PetscObject)k->Hpre)->type_name);
  if (assembled) PetscCall(NomosKKTSketchDiagonal(pc));
  else PetscCall(Identity(pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* u = Bh^-1 r. Nystrom: r/mu + U ((Lam + t)^-1 - 1/mu) U'r, one reduction. */
PetscErrorCode NomosKKTSketchHessianSolve(PC pc, Vec r, Vec u)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  if (k->hessian_used == NOMOS_KKTHESSIAN_PC) PetscCall(PCApply(k->hpc, r, u));
  else if (k->hessian_used == NOMOS_KKTHESSIAN_NYSTROM) {
    PetscCall(VecMDot(r, k->ell, k->U, k->dots));
    for (PetscInt i = 0; i < k->ell; i++) k->dots[i] *= k->coef[i];
    PetscCall(VecAXPBY(u, 1 / k->mu, 0, r));
    PetscCall(VecMAXPY(u, k->ell, k->dots, k->U));
  } else PetscCall(VecPointwiseMult(u, k->dinv, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTSketchHessianReset(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  PetscCall(VecDestroy(&k->dinv));
  PetscCall(VecDestroyVecs(k->nwork, &k->U));
  PetscCall(VecDestroyVecs(k->nwork, &k->Omega));
  PetscCall(PetscFree5(k->coef, k->dots, k->A, k->C, k->lam));
  k->ell = k->nwork = 0;
  k->sketched       = PETSC_FALSE;
  PetscCall(PCDestroy(&k->hpc));
  PetscCall(MatDestroy(&k->shifted));
  PetscFunctionReturn(PETSC_SUCCESS);
}
