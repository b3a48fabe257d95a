/* TAOSKETCHNEWTON on problems of any size with known minima: LUKVLE1 and logistic regression on a sphere, dense and by products. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/scalable.h"

/* f* of the tables have 8 and 10 decimals */
#define LUKVLE_TOL   1e-8
#define LOGISTIC_TOL 1e-9

static PetscErrorCode OnLukvle(PetscInt n)
{
  Lukvle             p;
  PetscReal          f;
  PetscInt           its, lits;
  TaoConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(LukvleCreate(PETSC_COMM_WORLD, n, &p));
  PetscCall(TaoSetType(p.tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetFromOptions(p.tao));
  PetscCall(TaoSolve(p.tao));
  PetscCall(TaoGetSolutionStatus(p.tao, &its, &f, NULL, NULL, NULL, &reason));
  PetscCall(TaoGetLinearSolveIterations(p.tao, &lits));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "LUKVLE1 n %d reason %d its %d inner %d f %.12g\n", (int)n, (int)reason, (int)its, (int)lits, (double)f));
  CheckInt("LUKVLE1", reason, TAO_CONVERGED_GATOL);
  CheckClose("its minimum", f, 6.23245863, LUKVLE_TOL);
  CheckTrue("in the prototype's 10 to 13 iterations, or few more", its <= 16);
  PetscCall(LukvleDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnLogistic(PetscInt N, PetscInt d, PetscInt np, PetscBool shell, PetscReal fstar, PetscInt labels)
{
  Logistic           p;
  PetscReal          f;
  PetscInt           its, lits;
  TaoConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(LogisticCreate(PETSC_COMM_WORLD, N, d, np, shell, &p));
  PetscCall(TaoSetType(p.tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetFromOptions(p.tao));
  PetscCall(TaoSolve(p.tao));
  PetscCall(TaoGetSolutionStatus(p.tao, &its, &f, NULL, NULL, NULL, &reason));
  PetscCall(TaoGetLinearSolveIterations(p.tao, &lits));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "logistic %d %d %d %s reason %d its %d inner %d f %.12g\n", (int)N, (int)d, (int)np, shell ? "shell" : "dense", (int)reason, (int)its, (int)lits, (double)f));
  CheckClose("the first number of the data", p.first, 0.0277401563, 1e-10);
  CheckInt("the sum of the labels", p.labels, labels);
  CheckInt("logistic regression", reason, TAO_CONVERGED_GATOL);
  CheckClose("its minimum", f, fstar, LOGISTIC_TOL);
  CheckTrue("in at most 14 iterations", its <= 14);
  PetscCall(LogisticDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscBool large = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-large", &large, NULL)); /* minima by Newton's method in NumPy, which gives the three below too */
  if (large) {
    PetscCall(OnLogistic(32561, 123, 10, PETSC_TRUE, 0.5191324444, -45));
    PetscCall(OnLogistic(50000, 300, 10, PETSC_TRUE, 0.5047964691, -404));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(OnLukvle(50));
  PetscCall(OnLukvle(1000));
  for (int shell = 0; shell < 2; shell++) {
    PetscCall(OnLogistic(500, 20, 5, shell ? PETSC_TRUE : PETSC_FALSE, 0.5229344858, 46));
    PetscCall(OnLogistic(1000, 34, 10, shell ? PETSC_TRUE : PETSC_FALSE, 0.5687879240, 14));
    PetscCall(OnLogistic(2000, 60, 10, shell ? PETSC_TRUE : PETSC_FALSE, 0.5163306675, -2));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
  np: 1 2  args: -large  timeout: 240
TEST*/
