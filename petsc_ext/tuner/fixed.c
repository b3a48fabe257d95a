/*
  fixed.c - the learners that learn nothing: fixed (the baseline), uniform (any arm), sweep (one after another). For
  comparison and for tables. `best` of all three: the arm with the lowest mean cost so far.
*/
#include "tuner.h"

static PetscErrorCode NomosTunerSelect_Fixed(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  *arm = t->baseline;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerSelect_Uniform(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscInt n = 0, k;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->d; i++) n += allowed[i] ? 1 : 0;
  k = PetscMin((PetscInt)(NomosTunerUniform(t, 0) * (PetscReal)n), n - 1);
  for (*arm = 0; !allowed[*arm] || k > 0; (*arm)++) k -= allowed[*arm] ? 1 : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* data: the arm that comes next. A round held back by the budget does not count. */
static PetscErrorCode NomosTunerSetUp_Sweep(NomosTuner t)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc1(1, (PetscReal **)&t->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerSelect_Sweep(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  for (*arm = (PetscInt)*(PetscReal *)t->data; !allowed[*arm]; *arm = (*arm + 1) % t->d) { }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerUpdate_Sweep(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  PetscFunctionBegin;
  *(PetscReal *)t->data = (PetscReal)((arm + 1) % t->d);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerArrays_Sweep(NomosTuner t, PetscInt *n, NomosTunerArray a[])
{
  PetscFunctionBegin;
  a[0] = (NomosTunerArray){"sweep", 1, (PetscReal *)t->data};
  *n   = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From a file: whatever it says, an arm. */
static PetscErrorCode NomosTunerRestored_Sweep(NomosTuner t)
{
  PetscReal *next = (PetscReal *)t->data;

  PetscFunctionBegin;
  if (!(*next >= 0 && *next < (PetscReal)t->d)) *next = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDestroy_Sweep(NomosTuner t)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(t->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerUpdate_Nothing(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerBest_Mean(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  *arm = t->baseline;
  for (PetscInt i = 0; i < t->d; i++) {
    if ((allowed && !allowed[i]) || t->pulls[i] <= 0) continue;
    if (t->pulls[*arm] <= 0 || t->sums[i] * t->pulls[*arm] < t->sums[*arm] * t->pulls[i]) *arm = i;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerProbabilities_Uniform(NomosTuner t, PetscReal p[])
{
  PetscInt n = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->d; i++) n += t->allowed[i] ? 1 : 0;
  for (PetscInt i = 0; i < t->d; i++) p[i] = t->allowed[i] ? 1 / (PetscReal)n : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERFIXED - "fixed": the baseline in every round

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NOMOSTUNERSWEEP`, `NOMOSTUNERUNIFORM`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_Fixed(NomosTuner t)
{
  PetscFunctionBegin;
  t->ops->select     = NomosTunerSelect_Fixed;
  t->ops->update     = NomosTunerUpdate_Nothing;
  t->ops->best       = NomosTunerSelect_Fixed;
  t->learns_anything = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERUNIFORM - "uniform": every arm that is not banned with the same probability

  Note:
  The budget holds it back as it does every learner: `-nomos_tuner_budget -1 -nomos_tuner_cap 0` for unbiased tables.

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NOMOSTUNERSWEEP`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_Uniform(NomosTuner t)
{
  PetscFunctionBegin;
  t->ops->select        = NomosTunerSelect_Uniform;
  t->ops->update        = NomosTunerUpdate_Nothing;
  t->ops->best          = NomosTunerBest_Mean;
  t->ops->probabilities = NomosTunerProbabilities_Uniform;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERSWEEP - "sweep": every arm in turn, for tables

  Note:
  The budget holds it back as it does every learner: `-nomos_tuner_budget -1 -nomos_tuner_cap 0` for tables.

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NOMOSTUNERUNIFORM`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_Sweep(NomosTuner t)
{
  PetscFunctionBegin;
  t->ops->setup    = NomosTunerSetUp_Sweep;
  t->ops->select   = NomosTunerSelect_Sweep;
  t->ops->update   = NomosTunerUpdate_Sweep;
  t->ops->best     = NomosTunerBest_Mean;
  t->ops->arrays   = NomosTunerArrays_Sweep;
  t->ops->restored = NomosTunerRestored_Sweep;
  t->ops->destroy  = NomosTunerDestroy_Sweep;
  PetscFunctionReturn(PETSC_SUCCESS);
}
