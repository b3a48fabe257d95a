/* Preset `paper` of TAOSKETCHNEWTON: outer iterations against the published ones (Hong, Na, Mahoney, Kolar 2023), to a KKT
   residual of 1e-4. Once with Newton systems solved exactly, which the comparison allows, and once (-own) with the paper's own
   solver, Gaussian projections of one column without a preconditioner. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/constrained.h"

#define SPREAD 3 /* iterations that a random inner solver moves the published counts */

static PetscErrorCode Converged(Tao tao, void *ctx)
{
  PetscReal          gnorm, cnorm;
  PetscInt           its, limit;
  TaoConvergedReason reason = TAO_CONTINUE_ITERATING;

  PetscFunctionBegin;
  PetscCall(TaoGetSolutionStatus(tao, &its, NULL, &gnorm, &cnorm, NULL, NULL));
  PetscCall(TaoGetMaximumIterations(tao, &limit));
  if (gnorm * gnorm + cnorm * cnorm <= 1e-8) reason = TAO_CONVERGED_GATOL;
  else if (its >= limit) reason = TAO_DIVERGED_MAXITS;
  PetscCall(TaoSetConvergedReason(tao, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(const SmallProblem *p, PetscReal l0, PetscBool own)
{
  Small              s;
  Vec                l = NULL;
  PetscInt           its;
  PetscReal          f;
  TaoConvergedReason reason;
  KSP                ksp;
  PC                 pc;

  PetscFunctionBegin;
  PetscCall(SmallCreate(PETSC_COMM_WORLD, p, &s));
  PetscCall(TaoSetType(s.tao, TAOSKETCHNEWTON));
  PetscCall(NomosTaoSketchNewtonSetPreset(s.tao, "paper"));
  if (!own) {
    PetscCall(TaoGetKSP(s.tao, &ksp));
    PetscCall(KSPSetType(ksp, KSPGMRES));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, PCNONE));
  }
  PetscCall(VecDuplicate(s.c, &l));
  PetscCall(VecSet(l, l0));
  PetscCall(NomosTaoSketchNewtonSetMultipliers(s.tao, l));
  PetscCall(TaoSetConvergenceTest(s.tao, Converged, NULL));
  PetscCall(TaoSetMaximumIterations(s.tao, 100));
  PetscCall(TaoSetFromOptions(s.tao));
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetSolutionStatus(s.tao, &its, &f, NULL, NULL, NULL, &reason));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-10s published %3d ours %3d reason %d f %.9g\n", p->name, p->paper, (int)its, (int)reason, (double)f));
  CheckInt(p->name, reason, TAO_CONVERGED_GATOL);
  if (p->paper > 0) CheckTrue("the published outer iterations within 3", PetscAbs(its - p->paper) <= SPREAD);
  else CheckTrue("within the published range of 9 to 13, and 3", its >= 9 - SPREAD && its <= -p->paper + SPREAD);
  PetscCall(VecDestroy(&l));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscBool own = PETSC_FALSE;
  PetscReal l0  = 0; /* the models' y0 */

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-own", &own, NULL)); /* the paper's own solver */
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-l0", &l0, NULL));
  for (int i = 0; i < NUM_SMALL; i++)
    if (SmallProblems[i].paper) PetscCall(Run(&SmallProblems[i], l0, own));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1
  np: 1  args: -own
  np: 1  args: -own -tao_sketchnewton_seed 1
TEST*/
