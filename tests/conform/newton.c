/* TAOSKETCHNEWTON on the developer set: 23 small problems with known solutions under default options, and the counts that
   an independent prototype of the method needed. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/constrained.h"

/* the prototype with random residuals of the largest size allowed needed 192 to 199 iterations, 397 to 429 evaluations */
#define MAX_OUTER       240
#define MAX_EVALUATIONS 520

/* At a KKT residual of 1e-8, f is off by at most |l| 1e-8 (|l| < 100 here) plus a term of second order; at the singular
   problems HS26 and HS46 the minimum is flat and f is far below. The table's f* have 11 digits. */
#define F_TOL 1e-6

static PetscErrorCode Run(const SmallProblem *p, PetscInt *outer, PetscInt64 *evaluations)
{
  Small              s;
  TaoConvergedReason reason;
  PetscReal          f, gnorm, cnorm;
  PetscInt           its;
  PetscInt64         evals, products, solves, rejected;

  PetscFunctionBegin;
  PetscCall(SmallCreate(PETSC_COMM_WORLD, p, &s));
  PetscCall(TaoSetType(s.tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetFromOptions(s.tao));
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetSolutionStatus(s.tao, &its, &f, &gnorm, &cnorm, NULL, &reason));
  PetscCall(NomosTaoSketchNewtonGetCounts(s.tao, &evals, &products, &solves, &rejected));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-10s %-3d its %3d evaluations %3d products %4d solves %3d f %.10g |a| %.1e |c| %.1e\n", p->name, (int)reason, (int)its, (int)evals, (int)products, (int)solves, (double)f, (double)gnorm, (double)cnorm));
  CheckTrue(p->name, reason == TAO_CONVERGED_GATOL);
  CheckTrue("KKT residual at most 1e-8", gnorm <= 1e-8 && cnorm <= 1e-8);
  CheckClose(p->name, f, p->fstar, F_TOL * PetscMax(1, fabs(p->fstar)));
  *outer += its;
  *evaluations += evals;
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscInt   outer = 0;
  PetscInt64 evaluations = 0;
  char       only[32] = "";

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetString(NULL, NULL, "-only", only, sizeof(only), NULL));
  for (int i = 0; i < NUM_SMALL; i++)
    if (!only[0] || !strcmp(only, SmallProblems[i].name)) PetscCall(Run(&SmallProblems[i], &outer, &evaluations));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "outer=%d evaluations=%d\n", (int)outer, (int)evaluations));
  CheckTrue("outer iterations within the prototype's", outer <= MAX_OUTER);
  CheckTrue("evaluations within the prototype's", evaluations <= MAX_EVALUATIONS);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
