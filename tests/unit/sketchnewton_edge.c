/* TAOSKETCHNEWTON where things are missing, degenerate, contradictory or break: what it must answer in each case. */
#include <nomos.h>
#include "nomostest.h"
#include "refusetest.h"
#include "../problems/constrained.h"

/* at a KKT residual of 1e-8 and multipliers below 100 */
#define F_TOL 1e-6
/* solutions of well-conditioned problems: condition of the KKT system (below 100 here) times 1e-8 */
#define X_TOL 1e-5

static PetscErrorCode Begin(const char name[], Small *s)
{
  PetscFunctionBegin;
  PetscCall(SmallCreate(PETSC_COMM_WORLD, SmallFind(name), s));
  PetscCall(TaoSetType(s->tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetFromOptions(s->tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode CheckSolution(Small *s)
{
  const PetscScalar *a;
  PetscReal          f;
  TaoConvergedReason reason;
  PetscInt           its;

  PetscFunctionBegin;
  PetscCall(TaoGetSolutionStatus(s->tao, &its, &f, NULL, NULL, NULL, &reason));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-24s reason %d its %d f %.9g\n", s->p->name, (int)reason, (int)its, (double)f));
  CheckInt(s->p->name, reason, TAO_CONVERGED_GATOL);
  CheckClose(s->p->name, f, s->p->fstar, F_TOL * PetscMax(1, fabs(s->p->fstar)));
  PetscCall(VecScatterBegin(s->allx, s->x, s->herex, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(s->allx, s->x, s->herex, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(s->herex, &a));
  for (int i = 0; i < s->p->n && s->p->xstar[0] != 0; i++) CheckClose(s->p->name, fabs(PetscRealPart(a[i])), fabs(s->p->xstar[i]), X_TOL);
  PetscCall(VecRestoreArrayRead(s->herex, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Solves(const char name[], const char setting[], const char value[])
{
  Small s;

  PetscFunctionBegin;
  if (setting) PetscCall(PetscOptionsSetValue(NULL, setting, value));
  PetscCall(Begin(name, &s));
  PetscCall(TaoSolve(s.tao));
  PetscCall(CheckSolution(&s));
  PetscCall(SmallDestroy(&s));
  if (setting) PetscCall(PetscOptionsClearValue(NULL, setting));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Infeasible(const char name[], double least)
{
  Small              s;
  const char        *status;
  TaoConvergedReason reason;
  PetscInt           its;
  PetscReal          cnorm;

  PetscFunctionBegin;
  PetscCall(Begin(name, &s));
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetSolutionStatus(s.tao, &its, NULL, NULL, &cnorm, NULL, &reason));
  PetscCall(NomosTaoSketchNewtonGetStatus(s.tao, &status));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-24s reason %d its %d |c| %.9g %s\n", name, (int)reason, (int)its, (double)cnorm, status));
  CheckInt(name, reason, TAO_DIVERGED_USER);
  CheckTrue("its status", !strcmp(status, "infeasible"));
  CheckClose("least |c|", cnorm, least, F_TOL);
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- refusals ------------------------------------------------------------------------------------------------------------ */
static PetscErrorCode Refusals(void)
{
  Small s;
  Vec   lo, hi;
  Tao   tao;

  PetscFunctionBegin;
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoDestroy(&tao)); /* before set-up */

  PetscCall(Begin("HS42", &s));
  PetscCall(VecDuplicate(s.x, &lo));
  PetscCall(VecDuplicate(s.x, &hi));
  PetscCall(VecSet(lo, PETSC_NINFINITY));
  PetscCall(VecSet(hi, PETSC_INFINITY));
  PetscCall(TaoSetVariableBounds(s.tao, lo, hi));
  PetscCall(TaoSolve(s.tao));
  PetscCall(CheckSolution(&s));
  PetscCall(VecSet(hi, 100));
  Expect("finite bounds are refused", PETSC_ERR_SUP, TaoSolve(s.tao));
  PetscCall(SmallDestroy(&s));
  PetscCall(VecDestroy(&lo));
  PetscCall(VecDestroy(&hi));

  PetscCall(Begin("HS42", &s));
  PetscCall(TaoSetInequalityConstraintsRoutine(s.tao, s.c, SmallC, &s));
  Expect("inequalities are refused", PETSC_ERR_SUP, TaoSolve(s.tao));
  PetscCall(SmallDestroy(&s));

  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(SmallCreate(PETSC_COMM_WORLD, SmallFind("HS42"), &s));
  PetscCall(TaoSetType(tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetSolution(tao, s.x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, SmallFG, &s));
  PetscCall(TaoSetEqualityConstraintsRoutine(tao, s.c, SmallC, &s));
  Expect("constraints without a Jacobian", PETSC_ERR_ARG_WRONGSTATE, TaoSolve(tao));
  PetscCall(TaoDestroy(&tao));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- callbacks that break --------------------------------------------------------------------------------------------------- */
static int Fuse = -1; /* evaluations left until f fails; < 0: never */
static PetscErrorCode Failing(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  PetscFunctionBegin;
  PetscCheck(Fuse-- != 0, PETSC_COMM_SELF, PETSC_ERR_USER, "the user's own error");
  PetscCall(SmallFG(tao, x, f, g, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode NotANumber(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(SmallFG(tao, x, f, g, ctx));
  if (Fuse-- == 0) *f = NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Breaking(void)
{
  Small              s;
  TaoConvergedReason reason;
  PetscReal          norm;

  PetscFunctionBegin;
  for (int at = 0; at < 4; at++) {
    PetscCall(Begin("HS77", &s));
    PetscCall(TaoSetObjectiveAndGradient(s.tao, NULL, Failing, &s));
    Fuse = at;
    Expect("an error of a callback comes out", PETSC_ERR_USER, TaoSolve(s.tao));
    PetscCall(SmallDestroy(&s));
  }
  PetscCall(Begin("HS77", &s));
  PetscCall(TaoSetObjectiveAndGradient(s.tao, NULL, NotANumber, &s));
  Fuse = 0;
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetConvergedReason(s.tao, &reason));
  CheckInt("NaN at the start", reason, TAO_DIVERGED_NAN);
  Fuse = 3; /* one trial: it is rejected, and the solve goes on */
  PetscCall(TaoSolve(s.tao));
  PetscCall(CheckSolution(&s));
  PetscCall(SmallDestroy(&s));

  PetscCall(Begin("HS77", &s));
  s.nan_at = 2;
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetConvergedReason(s.tao, &reason));
  PetscCall(VecNorm(s.x, NORM_2, &norm));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "Hessian NaN from iteration 2: reason %d |x| %g\n", (int)reason, (double)norm));
  CheckTrue("a Hessian that is no number: a negative reason", reason < 0);
  CheckTrue("and a finite x", !PetscIsInfOrNanReal(norm));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- Hessians ----------------------------------------------------------------------------------------------------------- */
static PetscErrorCode Hessians(void)
{
  Small s;
  Vec   l, l2;

  PetscFunctionBegin;
  PetscCall(Solves("HS42", "-tao_sketchnewton_hessian", "mffd"));
  PetscCall(Solves("HS77", "-tao_sketchnewton_hessian", "mffd"));
  PetscCall(Begin("HS100LNP", &s)); /* a Hessian of f alone is found out and replaced */
  s.f_only = 1;
  PetscCall(TaoSolve(s.tao));
  PetscCall(CheckSolution(&s));
  PetscCall(TaoGetDualVariables(s.tao, &l, NULL));
  PetscCall(TaoALMMGetMultipliers(s.tao, &l2));
  CheckTrue("one vector of multipliers by both names", l == l2);
  PetscCall(SmallDestroy(&s));

  PetscCall(SmallCreate(PETSC_COMM_WORLD, SmallFind("HS77"), &s)); /* none at all, and the type before the constraints */
  {
    Tao tao;
    PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
    PetscCall(TaoSetType(tao, TAOSKETCHNEWTON));
    PetscCall(TaoSetFromOptions(tao));
    PetscCall(TaoSetSolution(tao, s.x));
    PetscCall(TaoSetObjectiveAndGradient(tao, NULL, SmallFG, &s));
    PetscCall(TaoSetEqualityConstraintsRoutine(tao, s.c, SmallC, &s));
    PetscCall(TaoSetJacobianEqualityRoutine(tao, s.G, s.G, SmallG, &s));
    PetscCall(TaoSolve(tao));
    PetscCall(TaoDestroy(&s.tao));
    s.tao = tao;
  }
  PetscCall(CheckSolution(&s));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- again on the same object ------------------------------------------------------------------------------------------------ */
static PetscErrorCode Again(void)
{
  Small              s;
  Vec                first, start;
  PetscBool          same;
  PetscInt           its;
  TaoConvergedReason reason;
  PetscReal          cnorm;

  PetscFunctionBegin;
  PetscCall(Begin("HS7", &s));
  PetscCall(VecDuplicate(s.x, &first));
  PetscCall(VecDuplicate(s.x, &start));
  PetscCall(VecCopy(s.x, start));
  PetscCall(TaoSolve(s.tao));
  PetscCall(VecCopy(s.x, first));
  PetscCall(VecCopy(start, s.x));
  PetscCall(TaoSolve(s.tao));
  PetscCall(VecEqual(s.x, first, &same));
  CheckTrue("the same bits the second time", same);
  PetscCall(TaoSetRecycleHistory(s.tao, PETSC_TRUE)); /* multipliers are kept: at the solution nothing is left to do */
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetIterationNumber(s.tao, &its));
  CheckInt("a warm start at the solution takes no iteration", its, 0);
  PetscCall(NomosTaoSketchNewtonSetMultiplierInit(s.tao, "zero"));
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetIterationNumber(s.tao, &its));
  CheckInt("whatever the initial multipliers", its, 0);
  PetscCall(TaoSetTolerances(s.tao, 1e-30, 0, 0));
  PetscCall(TaoSetConstraintTolerances(s.tao, 1e-12, 0));
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetSolutionStatus(s.tao, &its, NULL, NULL, &cnorm, NULL, &reason));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "tolerance out of reach: reason %d its %d |c| %g\n", (int)reason, (int)its, (double)cnorm));
  CheckTrue("a tolerance out of reach ends in a reason", reason == TAO_CONVERGED_STEPTOL || reason == TAO_DIVERGED_LS_FAILURE || reason == TAO_CONVERGED_GATOL);
  CheckTrue("soon", its <= 12);
  PetscCall(VecDestroy(&first));
  PetscCall(VecDestroy(&start));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(Solves("HS28 with its row twice", NULL, NULL));
  PetscCall(Solves("HS28 with its row twice", "-tao_sketchnewton_gamma_first", "1e-3"));
  PetscCall(Solves("Rosenbrock", NULL, NULL));
  PetscCall(Solves("NaN trials", NULL, NULL));
  PetscCall(Solves("m > n", NULL, NULL));
  PetscCall(Solves("f linear", NULL, NULL));
  PetscCall(Solves("f constant", NULL, NULL));
  PetscCall(Infeasible("infeasible", 1));
  PetscCall(Infeasible("m > n, contradiction", sqrt(0.5)));
  PetscCall(Refusals());
  PetscCall(Breaking());
  PetscCall(Hessians());
  PetscCall(Again());
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
