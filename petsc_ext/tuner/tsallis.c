/*
  tsallis.c - the learner tsallis: one Tsallis-INF bandit, blind to contexts (mathematics in weights.c).
*/
#include "tuner.h"

static PetscErrorCode NomosTunerSetUp_Tsallis(NomosTuner t)
{
  NomosTsallis *s;

  PetscFunctionBegin;
  PetscCall(PetscNew(&s));
  t->data = s;
  PetscCall(NomosTsallisCreate(t->d, t->rv, t->fixed_scale, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerSelect_Tsallis(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  *arm = NomosTsallisDraw((NomosTsallis *)t->data, allowed, NomosTunerUniform(t, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerUpdate_Tsallis(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  PetscFunctionBegin;
  NomosTsallisObserve((NomosTsallis *)t->data, arm, PetscMax(cost - t->floor, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerBest_Tsallis(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  *arm = NomosTsallisBest((NomosTsallis *)t->data, allowed, t->baseline);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerProbabilities_Tsallis(NomosTuner t, PetscReal p[])
{
  PetscFunctionBegin;
  PetscCall(PetscArraycpy(p, ((NomosTsallis *)t->data)->p, t->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerArrays_Tsallis(NomosTuner t, PetscInt *n, NomosTunerArray a[])
{
  NomosTsallis *s = (NomosTsallis *)t->data;

  PetscFunctionBegin;
  a[0] = (NomosTunerArray){"tsallis", 2 + 2 * s->d, s->state};
  *n   = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerAdmit_Tsallis(NomosTuner t, const PetscBool known[])
{
  PetscFunctionBegin;
  NomosTsallisAdmit((NomosTsallis *)t->data, known);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDoubt_Tsallis(NomosTuner t)
{
  PetscFunctionBegin;
  NomosTsallisDoubt((NomosTsallis *)t->data);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerView_Tsallis(NomosTuner t, PetscViewer viewer)
{
  NomosTsallis *s = (NomosTsallis *)t->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "estimator %s, mean loss %g\n", s->rv ? "rv" : "iw", (double)NomosTsallisScale(s)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDestroy_Tsallis(NomosTuner t)
{
  PetscFunctionBegin;
  if (!t->data) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTsallisDestroy((NomosTsallis *)t->data));
  PetscCall(PetscFree(t->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERTSALLIS - "tsallis": Tsallis-INF, follow-the-regularised-leader with the regulariser -(4/eta) sum sqrt(p_i)

  Options Database Keys:
. -nomos_tuner_estimator - rv (eta = 4/sqrt(t)) or iw (eta = 2/sqrt(t)) (default: rv)

  Notes:
  p_i = 4/(eta (l_i - x))^2, sum p = 1, l the estimated losses in units of their running mean. Regret to the best arm at most
  4 K sqrt(dT) + 1 for losses below K, if the scale did not change (it does: the guarantee holds up to that), and of order log T where
  one arm is better in the mean. It sees no context. Memory 6d numbers, time 10 d divisions a round.

  Source: Zimmert and Seldin, JMLR 22 (2021), Algorithms 1 and 2; docs/tuner.md

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NomosTunerSetEstimator()`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_Tsallis(NomosTuner t)
{
  PetscFunctionBegin;
  t->ops->setup         = NomosTunerSetUp_Tsallis;
  t->ops->select        = NomosTunerSelect_Tsallis;
  t->ops->update        = NomosTunerUpdate_Tsallis;
  t->ops->best          = NomosTunerBest_Tsallis;
  t->ops->probabilities = NomosTunerProbabilities_Tsallis;
  t->ops->arrays        = NomosTunerArrays_Tsallis;
  t->ops->admit         = NomosTunerAdmit_Tsallis;
  t->ops->doubt         = NomosTunerDoubt_Tsallis;
  t->ops->view          = NomosTunerView_Tsallis;
  t->ops->destroy       = NomosTunerDestroy_Tsallis;
  PetscFunctionReturn(PETSC_SUCCESS);
}
