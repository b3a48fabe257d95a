/* The contract of every Tao in the catalogue: a convex quadratic with known minimum and Rosenbrock's function within the
   budget of its page, a user's limit respected, a reason set, a second solve on the same object, the same answer on any ranks. */
#include <nomos.h>
#include "nomostest.h"
#include <string.h>

typedef struct { /* budgets of docs/optimizers.md; a type of the catalogue that is missing here fails */
  const char *type, *quadratic, *rosenbrock;
  PetscInt    quadratic_steps, rosenbrock_steps;
  PetscReal   quadratic_tol, rosenbrock_tol;
  PetscInt    limit; /* steps that do not reach the minimum of the quadratic */
} Budget;
static const Budget budgets[] = {
  {"adamw", "-tao_adamw_lr 0.1 -tao_schedule_type linear -tao_gatol 0 -tao_grtol 0 -tao_gttol 0", "-tao_adamw_lr 0.1 -tao_schedule_type constant", 1000, 1600, 1e-6, 1e-3, 3},
  {"sketchnewton", "-tao_gatol 1e-8", "-tao_gatol 1e-8", 5, 100, 1e-15, 1e-7, 1}
};
#define NUM_BUDGETS ((int)(sizeof(budgets) / sizeof(budgets[0])))

/* f = sum c_i x_i^2 / 2, condition 100; minimum 0 at 0 */
static PetscErrorCode Quadratic(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  const PetscScalar *xa;
  PetscScalar       *ga;
  PetscInt           lo, hi, n;
  double             mine = 0;

  PetscFunctionBegin;
  PetscCall(VecGetSize(x, &n));
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &xa));
  PetscCall(VecGetArrayWrite(g, &ga));
  for (PetscInt i = lo; i < hi; i++) {
    const double c = pow(100.0, (double)i / (double)(n - 1));
    mine += c * xa[i - lo] * xa[i - lo] / 2;
    ga[i - lo] = c * xa[i - lo];
  }
  PetscCall(VecRestoreArrayWrite(g, &ga));
  PetscCall(VecRestoreArrayRead(x, &xa));
  PetscCallMPI(MPI_Allreduce(&mine, f, 1, MPI_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)x)));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Rosenbrock(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  const PetscScalar *xa;
  PetscScalar       *ga;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(x, &xa));
  PetscCall(VecGetArrayWrite(g, &ga));
  *f    = 100 * (xa[1] - xa[0] * xa[0]) * (xa[1] - xa[0] * xa[0]) + (1 - xa[0]) * (1 - xa[0]);
  ga[0] = -400 * xa[0] * (xa[1] - xa[0] * xa[0]) - 2 * (1 - xa[0]);
  ga[1] = 200 * (xa[1] - xa[0] * xa[0]);
  PetscCall(VecRestoreArrayWrite(g, &ga));
  PetscCall(VecRestoreArrayRead(x, &xa));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Make(MPI_Comm comm, PetscInt n, const char type[], const char options[], PetscErrorCode (*evaluate)(Tao, Vec, PetscReal *, Vec, void *), PetscInt steps, Tao *tao, Vec *x)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(VecCreate(comm, x));
  PetscCall(VecSetSizes(*x, PETSC_DECIDE, n));
  PetscCall(VecSetType(*x, VECSTANDARD));
  PetscCall(VecSet(*x, 1));
  PetscCall(TaoCreate(comm, tao));
  PetscCall(TaoSetType(*tao, type));
  PetscCall(TaoSetSolution(*tao, *x));
  PetscCall(TaoSetObjectiveAndGradient(*tao, NULL, evaluate, NULL));
  PetscCall(TaoSetFromOptions(*tao));
  PetscCall(TaoSetMaximumIterations(*tao, steps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnQuadratic(const Budget *b, MPI_Comm comm, PetscReal *norm)
{
  Tao                tao;
  Vec                x;
  TaoConvergedReason reason;
  PetscInt           its;
  PetscReal          f;

  PetscFunctionBegin;
  PetscCall(Make(comm, 50, b->type, b->quadratic, Quadratic, b->limit, &tao, &x));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TaoGetIterationNumber(tao, &its));
  CheckInt("a limit of the user's is respected", its, b->limit);
  CheckInt("and is the reason", reason, TAO_DIVERGED_MAXITS);
  PetscCall(VecSet(x, 1));
  PetscCall(TaoSetMaximumIterations(tao, b->quadratic_steps));
  PetscCall(TaoSolve(tao)); /* the second solve on this object */
  PetscCall(TaoGetConvergedReason(tao, &reason));
  CheckTrue("a reason is set", reason != TAO_CONTINUE_ITERATING);
  PetscCall(TaoGetSolutionStatus(tao, NULL, &f, NULL, NULL, NULL, NULL));
  CheckTrue("quadratic within the budget", f <= b->quadratic_tol);
  PetscCall(VecNorm(x, NORM_2, norm));
  CheckTrue("its minimizer", *norm <= sqrt(2 * b->quadratic_tol));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnRosenbrock(const Budget *b)
{
  Tao                tao;
  Vec                x;
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(Make(PETSC_COMM_SELF, 2, b->type, b->rosenbrock, Rosenbrock, b->rosenbrock_steps, &tao, &x));
  PetscCall(VecSetValue(x, 0, -1.2, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(x));
  PetscCall(VecAssemblyEnd(x));
  PetscCall(TaoSolve(tao));
  PetscCall(VecGetArrayRead(x, &a));
  CheckClose("Rosenbrock, x", a[0], 1, b->rosenbrock_tol);
  CheckClose("Rosenbrock, y", a[1], 1, b->rosenbrock_tol);
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Contract(const char type[])
{
  const Budget *b = NULL;
  PetscReal     many, one;

  PetscFunctionBegin;
  for (int i = 0; i < NUM_BUDGETS; i++)
    if (!strcmp(budgets[i].type, type)) b = &budgets[i];
  CheckTrue(type, b != NULL);
  if (!b) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(OnQuadratic(b, PETSC_COMM_WORLD, &many));
  PetscCall(OnQuadratic(b, PETSC_COMM_SELF, &one));
  /* the paths differ by roundings of f and norms only: at a minimum known to sqrt(2 tol) */
  CheckClose("the same answer on any ranks", many, one, 1e-9);
  PetscCall(OnRosenbrock(b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* every line of the catalogue whose class is Tao */
static PetscErrorCode All(void)
{
  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
#define NOMOS_TYPE(class, name, suffix, text) \
  if (!strcmp(#class, "Tao")) PetscCall(Contract(name));
#define NOMOS_MAP(family, name, suffix, text)
#include "petsc_ext/catalogue.h"
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
TEST*/
