/*
  nomossorapi.c - the public functions of PC type nomossor. Each is a no-op on other types, as in PETSc.
*/
#include "nomossor.h"

/*@
  NomosPCSORSetOmega - sets the relaxation of PCNOMOSSOR; nothing is set up again; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- omega - relaxation, between 0 and 2, both excluded

  Options Database Key:
. -pc_nomossor_omega - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside (0,2); PETSC_ERR_ORDER during a solve in Eisenstat's form

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetOmega(PC pc, PetscReal omega)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetOmega_C", (PC, PetscReal), (pc, omega));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORGetOmega - the relaxation of PCNOMOSSOR

  Not Collective

  Input Parameter:
. pc - the preconditioner; the value is left alone if it has another type

  Output Parameter:
. omega - relaxation

  Level: intermediate
.seealso: `NomosPCSORSetOmega()`
@*/
PetscErrorCode NomosPCSORGetOmega(PC pc, PetscReal *omega)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORGetOmega_C", (PC, PetscReal *), (pc, omega));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCSORSetSweep - sets the direction of a sweep of PCNOMOSSOR; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- sweep - symmetric, forward or backward

  Options Database Key:
. -pc_nomossor_sweep - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetSweep(PC pc, const char sweep[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetSweep_C", (PC, const char[]), (pc, sweep));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORSetIterations - sets how many sweeps an application of PCNOMOSSOR does; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- its - sweeps in an application, at least 1

  Options Database Key:
. -pc_nomossor_its - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetIterations(PC pc, PetscInt its)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetIterations_C", (PC, PetscInt), (pc, its));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORSetDiagonalShift - sets the diagonal shift of PCNOMOSSOR; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- shift - added to the diagonal where it is divided by

  Options Database Key:
. -pc_nomossor_diagonal_shift - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_OUTOFRANGE if not finite

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetDiagonalShift(PC pc, PetscReal shift)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetDiagonalShift_C", (PC, PetscReal), (pc, shift));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCSORSetOrdering - sets in which order PCNOMOSSOR sweeps the rows; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- ordering - natural, levels, multicolor or blockmulticolor

  Options Database Key:
. -pc_nomossor_ordering - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetOrdering(PC pc, const char ordering[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetOrdering_C", (PC, const char[]), (pc, ordering));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORSetBlockSize - sets about how many rows a block of ordering blockmulticolor has; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- size - rows in a block, at least 1

  Options Database Key:
. -pc_nomossor_block_size - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetBlockSize(PC pc, PetscInt size)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetBlockSize_C", (PC, PetscInt), (pc, size));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCSORSetScope - sets how far a sweep of PCNOMOSSOR reaches; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- scope - local: every rank sweeps its block; global: colours across the ranks

  Options Database Key:
. -pc_nomossor_scope - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetScope(PC pc, const char scope[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetScope_C", (PC, const char[]), (pc, scope));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORSetEisenstat - sets Eisenstat's form of PCNOMOSSOR: one pass over the matrix an iteration; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- flag - PETSC_TRUE: the solve sees the transformed operator

  Options Database Key:
. -pc_nomossor_eisenstat - see PCNOMOSSOR

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetEisenstat(PC pc, PetscBool flag)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetEisenstat_C", (PC, PetscBool), (pc, flag));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCSORSetBackend - sets how PCNOMOSSOR runs its sweeps; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- backend - auto, host, color or jacobi

  Options Database Key:
. -pc_nomossor_backend - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetBackend(PC pc, const char backend[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetBackend_C", (PC, const char[]), (pc, backend));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORSetJacobiSweeps - sets the inner sweeps of backend jacobi of PCNOMOSSOR; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- sweeps - inner sweeps, 0 to 1000

  Options Database Key:
. -pc_nomossor_jacobi_sweeps - see PCNOMOSSOR

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside [0, 1000]

  Level: intermediate
.seealso: PCNOMOSSOR
@*/
PetscErrorCode NomosPCSORSetJacobiSweeps(PC pc, PetscInt sweeps)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetJacobiSweeps_C", (PC, PetscInt), (pc, sweeps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCSORSetColoring - sets the colours by which PCNOMOSSOR sweeps, in place of an ordering; ignored by other types

  Collective

  Input Parameters:
+ pc     - the preconditioner
. n      - rows on this rank; negative: back to the ordering
- colors - their colours, 0 and up, swept in turn; copied

  Note:
  Rows of one colour must not be coupled, on any rank (scope global) or on this one (scope local). With the same colours and scope
  global the result does not depend on the number of ranks, up to rounding.

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative colour; at set-up PETSC_ERR_ARG_SIZ if n does not fit the matrix, PETSC_ERR_ARG_WRONG
  if coupled rows have one colour

  Level: advanced
.seealso: `NomosPCSORGetColoring()`, `NomosPCSORSetScope()`
@*/
PetscErrorCode NomosPCSORSetColoring(PC pc, PetscInt n, const PetscInt colors[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORSetColoring_C", (PC, PetscInt, const PetscInt[]), (pc, n, colors));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCSORGetColoring - the colours by which PCNOMOSSOR sweeps, after set-up

  Not Collective

  Input Parameter:
. pc - the preconditioner

  Output Parameters:
+ ncolors - how many there are (on all ranks with scope global), or NULL
. colors  - of the rows of this rank, owned by the preconditioner, or NULL
- hash    - of (global row, colour) over all ranks: equal for equal colourings, whatever the number of ranks; or NULL

  Errors: PETSC_ERR_ORDER before set-up

  Level: advanced
.seealso: `NomosPCSORSetColoring()`
@*/
PetscErrorCode NomosPCSORGetColoring(PC pc, PetscInt *ncolors, const PetscInt *colors[], PetscInt64 *hash)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscTryMethod(pc, "NomosPCSORGetColoring_C", (PC, PetscInt *, const PetscInt *[], PetscInt64 *), (pc, ncolors, colors, hash));
  PetscFunctionReturn(PETSC_SUCCESS);
}
