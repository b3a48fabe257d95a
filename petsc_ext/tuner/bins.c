/*
  bins.c - the learner tsallisbins: the range of the first context in equal bins, one Tsallis-INF bandit in each.
*/
#include "tuner.h"

typedef struct {
  PetscInt      n;
  NomosTsallis *bin;
  char        (*name)[16]; /* of its array in a state file */
  PetscInt      last;      /* bin of the last draw         */
} Bins;

static PetscErrorCode NomosTunerSetUp_TsallisBins(NomosTuner t)
{
  Bins *b;

  PetscFunctionBegin;
  PetscCall(PetscNew(&b));
  t->data = b;
  PetscCall(PetscCalloc2(t->bins, &b->bin, t->bins, &b->name));
  b->n = t->bins;
  for (PetscInt i = 0; i < b->n; i++) {
    PetscCall(NomosTsallisCreate(t->d, t->rv, t->fixed_scale, &b->bin[i]));
    PetscCall(PetscSNPrintf(b->name[i], sizeof(b->name[i]), "tsallis_%" PetscInt_FMT, i));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static NomosTsallis *BinOf(NomosTuner t, const PetscReal c[])
{
  Bins *b = (Bins *)t->data;

  b->last = PetscMin((PetscInt)(NomosTunerContextUnit(t, 0, c[0]) * (PetscReal)b->n), b->n - 1);
  return &b->bin[b->last];
}

static PetscErrorCode NomosTunerSelect_TsallisBins(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  *arm = NomosTsallisDraw(BinOf(t, c), allowed, NomosTunerUniform(t, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerUpdate_TsallisBins(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  PetscFunctionBegin;
  NomosTsallisObserve(BinOf(t, c), arm, PetscMax(cost - t->floor, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerBest_TsallisBins(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  *arm = NomosTsallisBest(BinOf(t, c), allowed, t->baseline);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerProbabilities_TsallisBins(NomosTuner t, PetscReal p[])
{
  const Bins *b = (const Bins *)t->data;

  PetscFunctionBegin;
  PetscCall(PetscArraycpy(p, b->bin[b->last].p, t->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerArrays_TsallisBins(NomosTuner t, PetscInt *n, NomosTunerArray a[])
{
  Bins *b = (Bins *)t->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < b->n; i++) a[i] = (NomosTunerArray){b->name[i], 2 + 2 * t->d, b->bin[i].state};
  *n = b->n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerAdmit_TsallisBins(NomosTuner t, const PetscBool known[])
{
  Bins *b = (Bins *)t->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < b->n; i++) NomosTsallisAdmit(&b->bin[i], known);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDoubt_TsallisBins(NomosTuner t)
{
  Bins *b = (Bins *)t->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < b->n; i++) NomosTsallisDoubt(&b->bin[i]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerView_TsallisBins(NomosTuner t, PetscViewer viewer)
{
  const Bins *b = (const Bins *)t->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "%" PetscInt_FMT " bins of '%s', estimator %s, rounds in each:", b->n, t->context[0].name, t->rv ? "rv" : "iw"));
  PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
  for (PetscInt i = 0; i < b->n; i++) PetscCall(PetscViewerASCIIPrintf(viewer, " %g", (double)b->bin[i].state[0]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "\n"));
  PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDestroy_TsallisBins(NomosTuner t)
{
  Bins *b = (Bins *)t->data;

  PetscFunctionBegin;
  if (!b) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt i = 0; i < b->n; i++) PetscCall(NomosTsallisDestroy(&b->bin[i]));
  PetscCall(PetscFree2(b->bin, b->name));
  PetscCall(PetscFree(t->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERTSALLISBINS - "tsallisbins": one Tsallis-INF bandit per bin of the first context

  Options Database Keys:
. -nomos_tuner_bins - number of bins, 1 to 16 (default: 5)

  Notes:
  With bins and arms chosen for the horizon T the cost is within O(T^(3/4)) of the best policy of the surrogate. Each bin
  learns alone: about as many times slower as there are bins. When an adaptive range moves, the bins move with it and keep what they
  learned.

  Source: Khodak et al., ICLR 2024, section 3; docs/tuner.md

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NomosTunerSetBins()`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_TsallisBins(NomosTuner t)
{
  PetscFunctionBegin;
  PetscCheck(t->ncontexts, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONGSTATE, "the learner tsallisbins needs a context; add one, or use tsallis");
  t->ops->setup         = NomosTunerSetUp_TsallisBins;
  t->ops->select        = NomosTunerSelect_TsallisBins;
  t->ops->update        = NomosTunerUpdate_TsallisBins;
  t->ops->best          = NomosTunerBest_TsallisBins;
  t->ops->probabilities = NomosTunerProbabilities_TsallisBins;
  t->ops->arrays        = NomosTunerArrays_TsallisBins;
  t->ops->admit         = NomosTunerAdmit_TsallisBins;
  t->ops->doubt         = NomosTunerDoubt_TsallisBins;
  t->ops->view          = NomosTunerView_TsallisBins;
  t->ops->destroy       = NomosTunerDestroy_TsallisBins;
  PetscFunctionReturn(PETSC_SUCCESS);
}
