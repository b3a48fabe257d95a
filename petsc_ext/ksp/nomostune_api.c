/* nomostune_api.c - settings and questions of KSPNOMOSTUNE. */
#include "nomostune.h"

/* NULL for a KSP of another type: settings pass it by, as PETSc's own do, so that a program calls them whatever its options say. */
static PetscErrorCode Data(KSP ksp, KSP_NomosTune **k)
{
  PetscBool ours;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, KSPNOMOSTUNE, &ours));
  *k = ours ? (KSP_NomosTune *)ksp->data : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Asked(KSP ksp, KSP_NomosTune **k)
{
  PetscFunctionBegin;
  PetscCall(Data(ksp, k));
  PetscCheck(*k, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONG, "the solver is not of type nomostune");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPTuneGetInner - the solver that does the work

  Not Collective

  Input Parameter:
. ksp - a KSP of type `KSPNOMOSTUNE`

  Output Parameter:
. inner - it shares the preconditioner; its options begin with the prefix of `ksp` and "tune_"

  Errors: PETSC_ERR_ARG_WRONG for a KSP of another type

  Level: intermediate
.seealso: `KSPNOMOSTUNE`, `NomosKSPTuneGetTuner()`
@*/
PetscErrorCode NomosKSPTuneGetInner(KSP ksp, KSP *inner)
{
  KSP_NomosTune *k = NULL;

  PetscFunctionBegin;
  PetscCall(Asked(ksp, &k));
  *inner = k->inner;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPTuneGetTuner - the tuner: before the first solve to add parameters and settings, later to ask what it learned

  Collective

  Input Parameter:
. ksp - a KSP of type `KSPNOMOSTUNE`

  Output Parameter:
. tuner - not to be destroyed

  Note:
  Called before the first solve, it fixes one tuner for systems of every size; otherwise there is one per size (docs/nomostune.md).

  Errors: PETSC_ERR_ARG_WRONG for a KSP of another type

  Level: intermediate
.seealso: `KSPNOMOSTUNE`, `NomosTunerAddNumericParameter()`, `NomosTunerGetStatistics()`
@*/
PetscErrorCode NomosKSPTuneGetTuner(KSP ksp, NomosTuner *tuner)
{
  KSP_NomosTune *k = NULL;

  PetscFunctionBegin;
  PetscCall(Asked(ksp, &k));
  if (!k->tuner && !k->own) PetscCall(NomosTunerCreate(PetscObjectComm((PetscObject)ksp), &k->own));
  *tuner = k->tuner ? k->tuner : k->own;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosKSPTuneSetCost - what a solve costs

  Logically Collective

  Input Parameters:
+ ksp        - a KSP of type `KSPNOMOSTUNE`
. name       - auto, its (iterations), work (flops), time (seconds) or user
- per_decade - divide by the decades that the residual fell; for tolerances that vary

  Options Database Keys:
+ -ksp_nomostune_cost NAME       - (default: auto: time if an arm needs new set-up, else its)
- -ksp_nomostune_cost_per_decade - (default: no)

  Errors: PETSC_ERR_ARG_WRONG for another name

  Note:
  Does nothing for a KSP of another type.

  Level: intermediate
.seealso: `KSPNOMOSTUNE`, `NomosKSPTuneSetCostFunction()`
@*/
PetscErrorCode NomosKSPTuneSetCost(KSP ksp, const char name[], PetscBool per_decade)
{
  KSP_NomosTune *k = NULL;
  PetscInt       i;

  PetscFunctionBegin;
  PetscCall(Data(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  for (i = 0; i < 5; i++)
    if (!strcmp(name, NomosTuneCosts[i])) break;
  PetscCheck(i < 5, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONG, "'%s' is no cost; there are auto, its, work, time and user", name);
  k->cost       = (NomosTuneCost)i;
  k->per_decade = per_decade;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosKSPTuneSetCostFunction - a cost of the user's own, called after every solve

  Logically Collective

  Input Parameters:
+ ksp - a KSP of type `KSPNOMOSTUNE`
. f   - gets the KSP and the iterations of both parts, returns the cost, >= 0 and the same on every rank
- ctx - passed to it

  Note:
  Does nothing for a KSP of another type.

  Level: intermediate
.seealso: `KSPNOMOSTUNE`, `NomosKSPTuneSetCost()`
@*/
PetscErrorCode NomosKSPTuneSetCostFunction(KSP ksp, PetscErrorCode (*f)(KSP, PetscInt, PetscReal *, void *), void *ctx)
{
  KSP_NomosTune *k = NULL;

  PetscFunctionBegin;
  PetscCall(Data(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  k->cost         = NOMOS_COST_USER;
  k->costfunction = f;
  k->costctx      = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosKSPTuneSetContexts - what is known before a solve

  Logically Collective

  Input Parameters:
+ ksp  - a KSP of type `KSPNOMOSTUNE`, before its first solve
- list - at most two of auto, user:0, user:1, size, rtol, residual, time, dt, iter, joined by commas; or none

  Options Database Key:
. -ksp_nomostune_context LIST - (default: auto for AIJ, BAIJ and SBAIJ matrices, else none)

  Errors: PETSC_ERR_ORDER after the first solve

  Note:
  Does nothing for a KSP of another type.

  Level: intermediate
.seealso: `KSPNOMOSTUNE`, `NomosKSPTuneSetContext()`, `NomosKSPTuneAttach()`
@*/
PetscErrorCode NomosKSPTuneSetContexts(KSP ksp, const char list[])
{
  KSP_NomosTune *k = NULL;

  PetscFunctionBegin;
  PetscCall(Data(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!k->tuner, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ORDER, "contexts are chosen before the first solve");
  PetscCall(PetscFree(k->contexts));
  PetscCall(PetscStrallocpy(list, &k->contexts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPTuneSetContext - value of the context user:k for the solves that follow

  Logically Collective

  Input Parameters:
+ ksp   - a KSP of type `KSPNOMOSTUNE`
. k     - 0 or 1
- value - the same on every rank; NaN: not known

  Options Database Key:
. -ksp_nomostune_context_range_0 LO,HI - its range; and _1 (default: follows the values)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for another k

  Note:
  Does nothing for a KSP of another type.

  Level: intermediate
.seealso: `KSPNOMOSTUNE`, `NomosKSPTuneSetContexts()`
@*/
PetscErrorCode NomosKSPTuneSetContext(KSP ksp, PetscInt k, PetscReal value)
{
  KSP_NomosTune *d = NULL;

  PetscFunctionBegin;
  PetscCall(Data(ksp, &d));
  if (!d) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(k >= 0 && k < NOMOS_KSPTUNE_CONTEXTS, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "no context is called user:%" PetscInt_FMT "; there are user:0 and user:1", k);
  d->user[k] = value;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPTuneAttach - where the contexts dt and iter come from

  Logically Collective

  Input Parameters:
+ ksp    - a KSP of type `KSPNOMOSTUNE`
- solver - a `TS` or `SNES` that lives as long as `ksp` is used (it is not referenced: it owns the KSP); NULL: none

  Errors: PETSC_ERR_ARG_WRONG for an object of another class

  Note:
  Does nothing for a KSP of another type.

  Level: intermediate
.seealso: `KSPNOMOSTUNE`, `NomosKSPTuneSetContexts()`
@*/
PetscErrorCode NomosKSPTuneAttach(KSP ksp, PetscObject solver)
{
  KSP_NomosTune *k = NULL;
  const char    *name = NULL;

  PetscFunctionBegin;
  PetscCall(Data(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  if (solver) PetscCall(PetscObjectGetClassName(solver, &name));
  PetscCheck(!solver || !strcmp(name, "TS") || !strcmp(name, "SNES"), PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONG, "an object of class %s was attached; it must be a TS or a SNES", name);
  k->attached = solver;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPTuneSetMaxLive - how many preconditioners of arms are kept beside the program's own

  Logically Collective

  Input Parameters:
+ ksp - a KSP of type `KSPNOMOSTUNE`
- n   - 1 to 16. Arms that differ only in what needs no set-up (omega) share one; where there are more, the one used longest ago
        is destroyed, and its next use pays for its set-up

  Options Database Key:
. -ksp_nomostune_max_live N - (default: 4)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for another n

  Note:
  Does nothing for a KSP of another type.

  Level: advanced
.seealso: `KSPNOMOSTUNE`
@*/
PetscErrorCode NomosKSPTuneSetMaxLive(KSP ksp, PetscInt n)
{
  KSP_NomosTune *k = NULL;

  PetscFunctionBegin;
  PetscCall(Data(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(n >= 1 && n <= NOMOS_KSPTUNE_LIVE, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " preconditioners cannot be kept alive; 1 to %d", n, NOMOS_KSPTUNE_LIVE);
  if (n < k->nlive) PetscCall(NomosKSPTuneDropLive(ksp));
  k->max_live = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}
