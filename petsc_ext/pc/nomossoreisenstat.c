/*
  nomossoreisenstat.c - Eisenstat's form: for the time of a solve the KSP sees (D/omega + L)^-1 A (D/omega + U)^-1, whose product
  costs one pass over A, and the preconditioner is the diagonal (2 - omega)/omega (D + shift).

  b and x are transformed before the solve and back after it. Works on MPI matrices: with scope local the couplings that the
  sweeps drop are added as a product; with scope global the sweeps see all of A.
*/
#include "nomossor.h"
#include <petsc/private/kspimpl.h>

static PetscErrorCode ShellMult(Mat shell, Vec x, Vec y)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(shell, &pc));
  PetscCall(NomosSOREisenstatMult(pc, &((NomosSOR *)pc->data)->m, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The transpose has the same form with A^T, whose L is U^T. */
static PetscErrorCode ShellMultTranspose(Mat shell, Vec x, Vec y)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(shell, &pc));
  PetscCall(NomosSORTransposeNeed(pc));
  PetscCall(NomosSOREisenstatMult(pc, &((NomosSOR *)pc->data)->mt, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeShell(PC pc)
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscInt  n, N;
  VecType   type;

  PetscFunctionBegin;
  PetscCall(MatGetSize(pc->pmat, &N, NULL));
  PetscCall(MatGetLocalSize(pc->pmat, &n, NULL));
  PetscCall(MatDestroy(&s->shell));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)pc), n, n, N, N, pc, &s->shell));
  PetscCall(MatShellSetOperation(s->shell, MATOP_MULT, (NomosAnyFn *)ShellMult));
  PetscCall(MatShellSetOperation(s->shell, MATOP_MULT_TRANSPOSE, (NomosAnyFn *)ShellMultTranspose));
  PetscCall(MatGetVecType(pc->pmat, &type));
  PetscCall(MatShellSetVecType(s->shell, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A KSP that only runs another one on the same PC leaves the transform to that one: it may change omega in between. */
static PetscErrorCode Wrapper(KSP ksp, PetscBool *is)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, "nomostune", is));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCPreSolve_NomosSOR(PC pc, KSP ksp, Vec b, Vec x)
{
  NomosSOR       *s = (NomosSOR *)pc->data;
  NomosSORMatrix *m = &s->m;
  PetscBool       wrapper, nonzero;

  PetscFunctionBegin;
  PetscCall(Wrapper(ksp, &wrapper));
  if (!s->eisenstat || wrapper || s->active || s->badrow >= 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(pc->mat == pc->pmat, PetscObjectComm((PetscObject)pc), PETSC_ERR_SUP, "-pc_nomossor_eisenstat needs one matrix for the operator and the preconditioner; give KSPSetOperators() the same twice, or leave the option out");
  s->transposed = ksp->transpose_solve;
  if (s->transposed) {
    PetscCall(NomosSORTransposeNeed(pc));
    m = &s->mt;
  }
  if (!s->shell) PetscCall(MakeShell(pc));
  if (!s->rhs) PetscCall(VecDuplicate(b, &s->rhs));
  s->active = ksp;
  s->saved  = pc->mat;
  pc->mat   = s->shell;
  PetscCall(KSPGetInitialGuessNonzero(ksp, &nonzero));
  if (nonzero) {
    PetscCall(VecCopy(x, s->rhs));
    PetscCall(NomosSORTriangleMult(pc, m, PETSC_TRUE, s->rhs, x));
  }
  PetscCall(VecCopy(b, s->rhs));
  PetscCall(NomosSORSweepRun(pc, m, NOMOS_SOR_FORWARD, 1, s->rhs, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCPostSolve_NomosSOR(PC pc, KSP ksp, Vec b, Vec x)
{
  NomosSOR       *s = (NomosSOR *)pc->data;
  NomosSORMatrix *m = s->transposed ? &s->mt : &s->m;

  PetscFunctionBegin;
  if (s->active != ksp) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(x, b));
  PetscCall(NomosSORSweepRun(pc, m, NOMOS_SOR_BACKWARD, 1, b, x));
  PetscCall(VecCopy(s->rhs, b));
  pc->mat   = s->saved;
  s->saved  = NULL;
  s->active = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORTrueResidual - the residual b - A x from the residual that a KSP sees in Eisenstat's form: (D/omega + L) r

  Collective

  Input Parameters:
+ pc - the preconditioner, in the middle of a solve in Eisenstat's form; otherwise r is copied
- r  - the residual as the KSP has it, for example in a monitor or a convergence test

  Output Parameter:
. t - the residual of the user's system; not the vector `r`

  Notes:
  It costs half a product with the matrix. The natural norm (`KSP_NORM_NATURAL`) is the same in both forms and costs nothing.

  Errors: PETSC_ERR_ARG_WRONG if the type of the PC is not nomossor

  Level: advanced
.seealso: `NomosPCSORSetEisenstat()`
@*/
PetscErrorCode NomosPCSORTrueResidual(PC pc, Vec r, Vec t)
{
  NomosSOR *s;
  PetscBool ours;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscValidHeaderSpecific(r, VEC_CLASSID, 2);
  PetscValidHeaderSpecific(t, VEC_CLASSID, 3);
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, "nomossor", &ours));
  PetscCheck(ours, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_WRONG, "this PC has type %s; it must be nomossor", ((PetscObject)pc)->type_name);
  s = (NomosSOR *)pc->data;
  if (!s->active) PetscCall(VecCopy(r, t));
  else PetscCall(NomosSORTriangleMult(pc, s->transposed ? &s->mt : &s->m, PETSC_FALSE, r, t));
  PetscFunctionReturn(PETSC_SUCCESS);
}
