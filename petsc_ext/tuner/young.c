/*
  young.c - the learner young: Young's formula for omega, no learning. It needs the radius of the Jacobi iteration, which the
  caller gives and may change every round.
*/
#include "tuner.h"

/*@
  NomosTunerYoungOmega - the best relaxation parameter by the formula

  Not Collective

  Input Parameters:
+ radius    - beta, spectral radius of the Jacobi iteration I - D^-1 A; clipped to [0, 1 - 1e-8]
- symmetric - PETSC_FALSE: SOR, w = 2/(1 + sqrt(1 - beta^2)); PETSC_TRUE: SSOR as a preconditioner of CG, w = 2/(1 + sqrt(2(1 - beta)))

  Output Parameter:
. omega - w, in [1, 2) for SOR, in (0, 2) for SSOR

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a radius that is not finite

  Note:
  Right for symmetric positive definite, consistently ordered matrices: the 5-point and 7-point stencils in their natural or red-black
  order for SOR, and the natural order only for SSOR. Elsewhere it is a guess: see docs/tuner.md.

  Source: Young, Iterative solution of large linear systems, 1971; Axelsson, BIT 12 (1972) for SSOR

  Level: intermediate
.seealso: `NomosTunerSetYoung()`
@*/
PetscErrorCode NomosTunerYoungOmega(PetscReal radius, PetscBool symmetric, PetscReal *omega)
{
  PetscReal b;

  PetscFunctionBegin;
  PetscCheck(!PetscIsInfOrNanReal(radius), PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "the Jacobi radius is %g; Young's formula needs a finite number", (double)radius);
  b      = PetscMin(PetscMax(radius, 0), 1 - 1e-8);
  *omega = 2 / (1 + PetscSqrtReal(symmetric ? 2 * (1 - b) : 1 - b * b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The baseline with its first numeric parameter near omega. For SOR on the grid point above: too large an omega costs little, too
   small a one much. Under CG both sides cost alike: the nearest. The baseline itself when beta is not known. */
PetscErrorCode NomosTunerYoungArm(NomosTuner t, PetscInt *arm)
{
  PetscReal values[NOMOS_TUNER_MAX_PARAMETERS], omega;
  PetscInt  k;

  PetscFunctionBegin;
  *arm = t->baseline;
  for (k = 0; k < t->nparameters; k++)
    if (!t->parameter[k].label) break;
  if (k == t->nparameters || t->young_radius < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerYoungOmega(t->young_radius, t->young_symmetric, &omega));
  PetscCall(NomosTunerGetArm(t, t->baseline, values));
  values[k] = t->young_symmetric ? omega : t->parameter[k].value[t->parameter[k].n - 1];
  for (PetscInt i = t->parameter[k].n - 1; i >= 0 && !t->young_symmetric && t->parameter[k].value[i] >= omega; i--) values[k] = t->parameter[k].value[i];
  PetscCall(NomosTunerFindArm(t, values, arm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerSelect_Young(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  PetscCall(NomosTunerYoungArm(t, arm));
  if (allowed && !allowed[*arm]) *arm = t->baseline;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerUpdate_Young(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerView_Young(NomosTuner t, PetscViewer viewer)
{
  PetscReal omega;

  PetscFunctionBegin;
  if (t->young_radius < 0) PetscCall(PetscViewerASCIIPrintf(viewer, "Jacobi radius not known: the baseline\n"));
  else {
    PetscCall(NomosTunerYoungOmega(t->young_radius, t->young_symmetric, &omega));
    PetscCall(PetscViewerASCIIPrintf(viewer, "Jacobi radius %g, %s formula: omega %g\n", (double)t->young_radius, t->young_symmetric ? "SSOR" : "SOR", (double)omega));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERYOUNG - "young": Young's formula, no learning. The peer of every learner that tunes omega

  Notes:
  It wins where its assumptions hold and the radius is known (T1 and the heat problem of docs/tuner.md), and fails on graphs,
  jumping coefficients, convection, block Jacobi and coloured orderings: red-black SSOR-CG is best at omega = 1 whatever the radius.

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NomosTunerSetYoung()`, `NomosTunerYoungOmega()`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_Young(NomosTuner t)
{
  PetscFunctionBegin;
  t->ops->select     = NomosTunerSelect_Young;
  t->ops->update     = NomosTunerUpdate_Young;
  t->ops->best       = NomosTunerSelect_Young;
  t->ops->view       = NomosTunerView_Young;
  t->learns_anything = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
