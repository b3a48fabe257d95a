/* sketchnewton_api.c - what a user may ask of TAOSKETCHNEWTON and give to it beside settings. */
#include "sketchnewton.h"

static PetscErrorCode SetMultipliers_SketchNewton(Tao tao, Vec l)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(PetscObjectReference((PetscObject)l));
  PetscCall(VecDestroy(&s->l_user));
  s->l_user          = l;
  s->multiplier_init = NOMOS_SN_MULT_USER;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetMultipliers_SketchNewton(Tao tao, Vec *l)
{
  PetscFunctionBegin;
  if (!tao->DE) PetscCall(TaoSetUp(tao));
  *l = tao->DE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetPenalties_SketchNewton(Tao tao, PetscReal *eta1, PetscReal *eta2)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (eta1) *eta1 = s->eta1 > 0 ? s->eta1 : s->eta1_0;
  if (eta2) *eta2 = s->eta2 > 0 ? s->eta2 : s->eta2_0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetKKT_SketchNewton(Tao tao, Mat *K, IS *primal, IS *dual)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCheck(s->kkt, PetscObjectComm((PetscObject)tao), PETSC_ERR_ORDER, "the KKT operator is made by TaoSetUp(), and filled by TaoSolve()");
  if (K) *K = s->kkt->K;
  if (primal) *primal = s->kkt->primal;
  if (dual) *dual = s->kkt->dual;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetSchurPre_SketchNewton(Tao tao, Mat S)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (S) PetscCall(PetscObjectReference((PetscObject)S));
  PetscCall(MatDestroy(&s->S));
  s->S = S;
  if (s->kkt) PetscCall(NomosKKTSetSchurPre(s->kkt, S));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetStatus_SketchNewton(Tao tao, const char *status[])
{
  PetscFunctionBegin;
  *status = ((NomosSketchNewton *)tao->data)->status;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetCounts_SketchNewton(Tao tao, PetscInt64 *evaluations, PetscInt64 *products, PetscInt64 *solves, PetscInt64 *rejected)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (evaluations) *evaluations = s->evaluations;
  if (products) *products = s->kkt ? s->kkt->products : 0;
  if (solves) *solves = s->solves;
  if (rejected) *rejected = s->rejected;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetStep_SketchNewton(Tao tao, Vec *z, PetscReal *slope, PetscReal *t, PetscReal *gamma)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  if (z) *z = s->z;
  if (slope) *slope = s->D;
  if (t) *t = s->t;
  if (gamma) *gamma = s->gamma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* programs written for TAOALMM call these two */
PetscErrorCode NomosSNComposeAPI(Tao tao, PetscBool on)
{
  PetscObject obj = (PetscObject)tao;

  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction(obj, "TaoALMMGetMultipliers_C", on ? GetMultipliers_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "TaoALMMSetMultipliers_C", on ? SetMultipliers_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonSetMultipliers_C", on ? SetMultipliers_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonGetMultipliers_C", on ? GetMultipliers_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonGetPenalties_C", on ? GetPenalties_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonGetKKT_C", on ? GetKKT_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonSetSchurPre_C", on ? SetSchurPre_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonGetStatus_C", on ? GetStatus_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonGetCounts_C", on ? GetCounts_SketchNewton : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "NomosTaoSketchNewtonGetStep_C", on ? GetStep_SketchNewton : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonSetMultipliers - the multipliers that TAOSKETCHNEWTON begins with; ignored by other types

  Logically Collective

  Input Parameters:
+ tao - the optimizer
- l   - laid out as the equality constraints; it is referenced and read at every `TaoSolve()`. L = f + l'c

  Note:
  It sets the choice `user` of `NomosTaoSketchNewtonSetMultiplierInit()`. `TaoALMMSetMultipliers()` does the same.

  Errors: `TaoSolve()` ends in PETSC_ERR_ARG_INCOMP where the layout is another one

  Level: intermediate
.seealso: `NomosTaoSketchNewtonGetMultipliers()`
@*/
PetscErrorCode NomosTaoSketchNewtonSetMultipliers(Tao tao, Vec l)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscValidHeaderSpecific(l, VEC_CLASSID, 2);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetMultipliers_C", (Tao, Vec), (tao, l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonGetMultipliers - the multipliers of the equality constraints, of L = f + l'c

  Collective

  Input Parameter:
. tao - of type `TAOSKETCHNEWTON`; it is set up if it was not

  Output Parameter:
. l - owned by the Tao; final after `TaoSolve()`. `TaoGetDualVariables()` and `TaoALMMGetMultipliers()` give the same vector

  Errors: PETSC_ERR_SUP for another type

  Level: intermediate
.seealso: `NomosTaoSketchNewtonSetMultipliers()`
@*/
PetscErrorCode NomosTaoSketchNewtonGetMultipliers(Tao tao, Vec *l)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscUseMethod(tao, "NomosTaoSketchNewtonGetMultipliers_C", (Tao, Vec *), (tao, l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonGetPenalties - the penalties of the merit function in force

  Not Collective

  Input Parameter:
. tao - of type `TAOSKETCHNEWTON`

  Output Parameters:
+ eta1 - weight of |c|^2/2, or NULL
- eta2 - weight of |grad L|^2/2, or NULL

  Errors: PETSC_ERR_SUP for another type

  Level: intermediate
.seealso: `NomosTaoSketchNewtonSetPenalties()`
@*/
PetscErrorCode NomosTaoSketchNewtonGetPenalties(Tao tao, PetscReal *eta1, PetscReal *eta2)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscUseMethod(tao, "NomosTaoSketchNewtonGetPenalties_C", (Tao, PetscReal *, PetscReal *), (tao, eta1, eta2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonGetKKT - the operator of the Newton system and the two parts of its unknowns

  Not Collective

  Input Parameter:
. tao - of type `TAOSKETCHNEWTON`, set up

  Output Parameters:
+ K      - [H + tI, G'; G, -gamma I], or NULL; NULL is returned before the first `TaoSolve()`
. primal - global indices of dx in a joint vector, or NULL
- dual   - global indices of dl, or NULL

  Note:
  All three belong to the Tao. Every rank holds [dx_local; dl_local].

  Errors: PETSC_ERR_SUP for another type, PETSC_ERR_ORDER before `TaoSetUp()`

  Level: advanced
.seealso: `NomosTaoSketchNewtonSetKKTType()`
@*/
PetscErrorCode NomosTaoSketchNewtonGetKKT(Tao tao, Mat *K, IS *primal, IS *dual)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscUseMethod(tao, "NomosTaoSketchNewtonGetKKT_C", (Tao, Mat *, IS *, IS *), (tao, K, primal, dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonSetSchurPre - the user's approximation of G H^-1 G', for preconditioners of TAOSKETCHNEWTON; ignored by other types

  Logically Collective

  Input Parameters:
+ tao - the optimizer
- S   - m x m, laid out as the constraints, positive definite; NULL: none. It is referenced: its values may change between iterations

  Errors: `TaoSolve()` ends in PETSC_ERR_ARG_SIZ where the sizes are others

  Level: intermediate
.seealso: `NomosTaoSketchNewtonGetKKT()`
@*/
PetscErrorCode NomosTaoSketchNewtonSetSchurPre(Tao tao, Mat S)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetSchurPre_C", (Tao, Mat), (tao, S));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonGetStatus - how the latest solve ended, in words

  Not Collective

  Input Parameter:
. tao - of type `TAOSKETCHNEWTON`

  Output Parameter:
. status - converged, infeasible, stopped by a limit, or a sentence on what went wrong

  Note:
  `infeasible`: |c| has a local minimum that is not 0 at the solution; the reason is TAO_DIVERGED_USER.

  Errors: PETSC_ERR_SUP for another type

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonGetStatus(Tao tao, const char *status[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscUseMethod(tao, "NomosTaoSketchNewtonGetStatus_C", (Tao, const char *[]), (tao, status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonGetCounts - what the latest solve took, any of them NULL

  Not Collective

  Input Parameter:
. tao - of type `TAOSKETCHNEWTON`

  Output Parameters:
+ evaluations - of f, c, gradient and Jacobian together
. products    - with the KKT operator of storage shell
. solves      - of linear systems
- rejected    - trial steps

  Errors: PETSC_ERR_SUP for another type

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonGetCounts(Tao tao, PetscInt64 *evaluations, PetscInt64 *products, PetscInt64 *solves, PetscInt64 *rejected)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscUseMethod(tao, "NomosTaoSketchNewtonGetCounts_C", (Tao, PetscInt64 *, PetscInt64 *, PetscInt64 *, PetscInt64 *), (tao, evaluations, products, solves, rejected));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonGetStep - the latest Newton step, any of the outputs NULL

  Not Collective

  Input Parameter:
. tao - of type `TAOSKETCHNEWTON`, set up

  Output Parameters:
+ z     - (dx, dl) of the latest linear system, laid out as `NomosTaoSketchNewtonGetKKT()` says; owned by the Tao
. slope - derivative of the merit function along it, with the penalties of that step
. t     - added to the diagonal of the Hessian
- gamma - subtracted from the diagonal of the dual block

  Errors: PETSC_ERR_SUP for another type

  Level: advanced
.seealso: `NomosTaoSketchNewtonGetPenalties()`
@*/
PetscErrorCode NomosTaoSketchNewtonGetStep(Tao tao, Vec *z, PetscReal *slope, PetscReal *t, PetscReal *gamma)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscUseMethod(tao, "NomosTaoSketchNewtonGetStep_C", (Tao, Vec *, PetscReal *, PetscReal *, PetscReal *), (tao, z, slope, t, gamma));
  PetscFunctionReturn(PETSC_SUCCESS);
}
