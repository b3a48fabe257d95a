/* TAOSKETCHNEWTON and what users do on the way: a Hessian given after the first solve, callbacks that fail for ever or for once, another
   solve after an error, constraints of size 0, a view that lets the run be repeated, settings out of range. */
#include <nomos.h>
#include "nomostest.h"
#include "refusetest.h"
#include "optionnames.h"
#include "../problems/constrained.h"

/* at a KKT residual of 1e-8 and multipliers below 100 */
#define F_TOL 1e-6

static PetscErrorCode Begin(const char name[], Small *s)
{
  PetscFunctionBegin;
  PetscCall(SmallCreate(PETSC_COMM_WORLD, SmallFind(name), s));
  PetscCall(TaoSetType(s->tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetFromOptions(s->tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* from the problem's start */
static PetscErrorCode Solves(Small *s, const char what[])
{
  PetscReal          f;
  TaoConvergedReason reason;

  PetscFunctionBegin;
  for (int i = 0; i < s->p->n; i++) PetscCall(VecSetValue(s->x, i, s->p->x0[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(s->x));
  PetscCall(VecAssemblyEnd(s->x));
  PetscCall(TaoSolve(s->tao));
  PetscCall(TaoGetSolutionStatus(s->tao, NULL, &f, NULL, NULL, NULL, &reason));
  CheckInt(what, reason, TAO_CONVERGED_GATOL);
  CheckClose(what, f, s->p->fstar, F_TOL * PetscMax(1, fabs(s->p->fstar)));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* --- the Hessian ----------------------------------------------------------------------------------------------------------- */
static int            hessians;
static PetscErrorCode Counted(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  PetscFunctionBegin;
  hessians++;
  PetscCall(SmallH(tao, x, H, Hpre, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode HessianLater(void)
{
  Small s;
  Tao   tao;

  PetscFunctionBegin;
  PetscCall(SmallCreate(PETSC_COMM_WORLD, SmallFind("HS77"), &s));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetSolution(tao, s.x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, SmallFG, &s));
  PetscCall(TaoSetEqualityConstraintsRoutine(tao, s.c, SmallC, &s));
  PetscCall(TaoSetJacobianEqualityRoutine(tao, s.G, s.G, SmallG, &s));
  PetscCall(TaoDestroy(&s.tao));
  s.tao = tao;
  PetscCall(Solves(&s, "without a Hessian"));
  PetscCall(TaoSetHessian(tao, s.H, s.H, Counted, &s));
  PetscCall(Solves(&s, "with one"));
  CheckTrue("a Hessian set after a solve without one is used", hessians > 0);
  hessians = 0;
  s.f_only = 1; /* found out: differences for this solve */
  PetscCall(Solves(&s, "a Hessian of f alone"));
  CheckInt("and not asked again", hessians, 1);
  s.f_only = 0;
  PetscCall(Solves(&s, "mended"));
  CheckTrue("a mended Hessian is used in the next solve", hessians > 2);
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- callbacks that give no numbers ------------------------------------------------------------------------------------------ */
typedef enum {
  IN_F,
  IN_G,
  IN_C,
  IN_JACOBIAN,
  IN_HESSIAN
} Where;
static Where where;
static int   fuse, forever, error; /* calls until it happens; from then on; an error instead of a NaN */
static int   Now(Where w)
{
  if (w != where || fuse < 0) return 0;
  if (!fuse) return forever ? 1 : (fuse--, 1);
  fuse--;
  return 0;
}
static PetscErrorCode FG(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  const int now = Now(IN_F), alsog = Now(IN_G);

  PetscFunctionBegin;
  PetscCheck(!(now && error), PETSC_COMM_SELF, PETSC_ERR_USER, "the user's own error");
  PetscCall(SmallFG(tao, x, f, g, ctx));
  if (now) *f = NAN;
  if (alsog) PetscCall(VecSet(g, NAN));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode C(Tao tao, Vec x, Vec c, void *ctx)
{
  const int now = Now(IN_C);

  PetscFunctionBegin;
  PetscCheck(!(now && error), PETSC_COMM_SELF, PETSC_ERR_USER, "the user's own error");
  PetscCall(SmallC(tao, x, c, ctx));
  if (now) PetscCall(VecSet(c, INFINITY));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode G(Tao tao, Vec x, Mat A, Mat P, void *ctx)
{
  const int now = Now(IN_JACOBIAN);

  PetscFunctionBegin;
  PetscCheck(!(now && error), PETSC_COMM_SELF, PETSC_ERR_USER, "the user's own error");
  PetscCall(SmallG(tao, x, A, P, ctx));
  if (now) PetscCall(MatScale(A, NAN));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode HMult(Mat H, Vec v, Vec w)
{
  Small *s;

  PetscFunctionBegin;
  PetscCheck(!(Now(IN_HESSIAN) && error), PETSC_COMM_SELF, PETSC_ERR_USER, "the user's own error");
  PetscCall(MatShellGetContext(H, &s));
  PetscCall(MatMult(s->H, v, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode H(Tao tao, Vec x, Mat A, Mat P, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(SmallH(tao, x, ((Small *)ctx)->H, ((Small *)ctx)->H, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Prepare(const char name[], Small *s, Mat *shell)
{
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(Begin(name, s));
  PetscCall(TaoSetObjectiveAndGradient(s->tao, NULL, FG, s));
  PetscCall(TaoSetEqualityConstraintsRoutine(s->tao, s->c, C, s));
  PetscCall(TaoSetJacobianEqualityRoutine(s->tao, s->G, s->G, G, s));
  PetscCall(VecGetLocalSize(s->x, &n));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, n, n, PETSC_DETERMINE, PETSC_DETERMINE, s, shell));
  PetscCall(MatShellSetOperation(*shell, MATOP_MULT, (NomosAnyFn *)HMult));
  PetscCall(TaoSetHessian(s->tao, *shell, *shell, H, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Numbers(void)
{
  Small              s;
  Mat                shell;
  TaoConvergedReason reason;
  const char        *status;
  PetscReal          norm;

  PetscFunctionBegin;
  PetscCall(Prepare("HS77", &s, &shell));
  for (where = IN_F; where <= IN_JACOBIAN; where++) {
    fuse = forever = error = 0;
    PetscCall(TaoSolve(s.tao));
    PetscCall(TaoGetConvergedReason(s.tao, &reason));
    CheckInt("no number at the start", reason, TAO_DIVERGED_NAN);
    fuse = 2;
    PetscCall(Solves(&s, "no number at one trial"));
    for (int at = 1; at < 6; at += 2) { /* every point from the second (fourth, sixth) on */
      for (int i = 0; i < s.p->n; i++) PetscCall(VecSetValue(s.x, i, s.p->x0[i], INSERT_VALUES));
      PetscCall(VecAssemblyBegin(s.x));
      PetscCall(VecAssemblyEnd(s.x));
      fuse    = at;
      forever = 1;
      PetscCall(TaoSolve(s.tao));
      forever = 0;
      fuse    = -1;
      PetscCall(TaoGetConvergedReason(s.tao, &reason));
      PetscCall(NomosTaoSketchNewtonGetStatus(s.tao, &status));
      CheckTrue("no number at any trial: a failure of the line search, and nothing said about feasibility", reason == TAO_DIVERGED_LS_FAILURE || (where == IN_JACOBIAN && reason == TAO_DIVERGED_NAN));
      CheckTrue(status, strcmp(status, "infeasible"));
      PetscCall(TaoComputeObjective(s.tao, s.x, &norm));
      CheckTrue("x is a point where f is finite", !PetscIsInfOrNanReal(norm));
    }
  }
  PetscCall(MatDestroy(&shell));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* an error comes out wherever it is made; the object can be destroyed, and solves again */
static PetscErrorCode Errors(void)
{
  Small s;
  Mat   shell;

  PetscFunctionBegin;
  for (where = IN_F; where <= IN_HESSIAN; where++)
    for (int at = 0; at < (where == IN_HESSIAN ? 60 : 6); at += where == IN_HESSIAN ? 6 : 2) {
      if (where == IN_G) continue; /* one callback gives f and its gradient */
      PetscCall(Prepare("HS77", &s, &shell));
      fuse  = at;
      error = 1;
      Expect("an error of a callback comes out", PETSC_ERR_USER, TaoSolve(s.tao));
      error = 0;
      fuse  = -1;
#if !defined(PETSC_USE_DEBUG) /* there PETSc itself leaves x locked where a callback failed */
      PetscCall(Solves(&s, "again after an error"));
#endif
      PetscCall(MatDestroy(&shell));
      PetscCall(SmallDestroy(&s));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- constraints of size 0 ----------------------------------------------------------------------------------------------------- */
static PetscErrorCode NoC(Tao tao, Vec x, Vec c, void *ctx)
{
  return PETSC_SUCCESS;
}
static PetscErrorCode NoG(Tao tao, Vec x, Mat A, Mat P, void *ctx)
{
  return PETSC_SUCCESS;
}
static PetscErrorCode Empty(void)
{
  const char *const types[] = {"shell", "nest", "aij"};
  Small             s;
  Vec               c;
  Mat               A;
  PetscInt          n;

  PetscFunctionBegin;
  for (int i = 0; i < 3; i++) {
    PetscCall(Begin("Rosenbrock", &s));
    PetscCall(NomosTaoSketchNewtonSetKKTType(s.tao, types[i]));
    PetscCall(VecGetLocalSize(s.x, &n));
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, 0, 0, &c));
    PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, 0, n, 0, s.p->n, 0, NULL, 0, NULL, &A));
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
    PetscCall(TaoSetEqualityConstraintsRoutine(s.tao, c, NoC, NULL));
    PetscCall(TaoSetJacobianEqualityRoutine(s.tao, A, A, NoG, NULL));
    PetscCall(Solves(&s, types[i]));
    PetscCall(VecDestroy(&c));
    PetscCall(MatDestroy(&A));
    PetscCall(SmallDestroy(&s));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- settings --------------------------------------------------------------------------------------------------------------------- */
static PetscErrorCode Settings(void)
{
  const char *const family = "-tao_sketchnewton_";
  char              line[16384], word[64], *text;
  PetscViewer       viewer;
  Small             s;
  PetscInt          options = 0;

  PetscFunctionBegin;
  PetscCall(Begin("HS77", &s));
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "view.txt", &viewer));
  PetscCall(TaoView(s.tao, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD)); /* the first rank writes the file */
  {
    FILE  *file = fopen("view.txt", "r");
    size_t n;

    CheckTrue("the view is written", file != NULL);
    if (!file) PetscFunctionReturn(PETSC_SUCCESS);
    n       = fread(line, 1, sizeof(line) - 1, file);
    line[n] = 0;
    fclose(file);
  }
  for (size_t i = 0; i < sizeof(NomosOptionNames) / sizeof(NomosOptionNames[0]); i++) {
    if (strncmp(NomosOptionNames[i], family, strlen(family))) continue;
    PetscCall(PetscSNPrintf(word, sizeof(word), "    %s: ", NomosOptionNames[i] + strlen(family)));
    text = strstr(line, word);
    CheckTrue(NomosOptionNames[i], text && text > line && text[-1] == '\n'); /* a line of its own in the view */
    options++;
  }
  CheckTrue("there are options", options >= 25);
  Expect("beta 1/2", PETSC_ERR_ARG_OUTOFRANGE, NomosTaoSketchNewtonSetSteps(s.tao, 0.5, 6, 4, 5));
  Expect("beta 0", PETSC_ERR_ARG_OUTOFRANGE, NomosTaoSketchNewtonSetSteps(s.tao, 0, 6, 4, 5));
  Expect("nu 1", PETSC_ERR_ARG_OUTOFRANGE, NomosTaoSketchNewtonSetPenalties(s.tao, 1, 0.1, 1, "decoupled"));
  Expect("another word", PETSC_ERR_ARG_UNKNOWN_TYPE, NomosTaoSketchNewtonSetPenalties(s.tao, 1, 0.1, 1.5, "together"));
  Expect("delta 2", PETSC_ERR_ARG_OUTOFRANGE, NomosTaoSketchNewtonSetAccuracy(s.tao, "practical", 2, "one", 1e-12, 0.1));
  Expect("rtol_max below rtol_min", PETSC_ERR_ARG_OUTOFRANGE, NomosTaoSketchNewtonSetAccuracy(s.tao, "practical", 1e-3, "one", 0.2, 0.1));
  Expect("a negative shift", PETSC_ERR_ARG_OUTOFRANGE, NomosTaoSketchNewtonSetShifts(s.tao, -1, 0));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Tolerances below rounding: full steps that change nothing end the solve, well where the constraints are met, badly where they are not. */
static PetscErrorCode OutOfReach(void)
{
  PetscFunctionBegin;
  for (int met = 0; met < 2; met++) {
    Small              s;
    TaoConvergedReason reason;
    PetscInt           its;
    PetscReal          f;

    PetscCall(Begin("HS100LNP", &s)); /* |a| and |c| stay at about 1e-13 */
    PetscCall(TaoSetTolerances(s.tao, 1e-30, 0, 0));
    PetscCall(TaoSetConstraintTolerances(s.tao, met ? 1e-8 : 1e-30, 0));
    PetscCall(TaoSolve(s.tao));
    PetscCall(TaoGetSolutionStatus(s.tao, &its, &f, NULL, NULL, NULL, &reason));
    CheckInt("rounding is reached", reason, met ? TAO_CONVERGED_STEPTOL : TAO_DIVERGED_LS_FAILURE);
    CheckTrue("soon", its <= 20);
    CheckClose("at the solution", f, s.p->fstar, F_TOL * s.p->fstar);
    PetscCall(SmallDestroy(&s));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- what may be asked of a solved object --------------------------------------------------------------------------------------------- */

/* K = [H + tI, G'; G, -gamma I] by the blocks, on a vector of cosines: |K v - by blocks| in units of |K v| */
static PetscErrorCode Operator(Small *s)
{
  Mat       K;
  IS        primal, dual;
  Vec       v, Kv, want, x, l, Hx, Gl, l2, z;
  PetscReal t, gamma, norm, miss;
  PetscInt  lo, hi;

  PetscFunctionBegin;
  PetscCall(NomosTaoSketchNewtonGetKKT(s->tao, &K, &primal, &dual));
  PetscCall(NomosTaoSketchNewtonGetStep(s->tao, &z, NULL, &t, &gamma));
  PetscCall(MatCreateVecs(K, &v, &Kv));
  PetscCall(VecDuplicate(v, &want));
  PetscCall(MatCreateVecs(s->G, &x, &l));
  PetscCall(VecDuplicate(x, &Hx));
  PetscCall(VecDuplicate(x, &Gl));
  PetscCall(VecDuplicate(l, &l2));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, PetscCosReal((PetscReal)i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscCall(MatMult(K, v, Kv));
  PetscCall(VecISCopy(v, primal, SCATTER_REVERSE, x));
  PetscCall(VecISCopy(v, dual, SCATTER_REVERSE, l));
  PetscCall(MatMult(s->H, x, Hx));
  PetscCall(VecAXPY(Hx, t, x));
  PetscCall(MatMultTranspose(s->G, l, Gl));
  PetscCall(VecAXPY(Hx, 1, Gl));
  PetscCall(MatMult(s->G, x, l2));
  PetscCall(VecAXPY(l2, -gamma, l));
  PetscCall(VecISCopy(want, primal, SCATTER_FORWARD, Hx));
  PetscCall(VecISCopy(want, dual, SCATTER_FORWARD, l2));
  PetscCall(VecNorm(want, NORM_2, &norm));
  PetscCall(VecAXPY(want, -1, Kv));
  PetscCall(VecNorm(want, NORM_2, &miss));
  CheckTrue("the KKT operator is made of its blocks", miss <= 10 * PETSC_MACHINE_EPSILON * norm);
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&Kv));
  PetscCall(VecDestroy(&want));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&l));
  PetscCall(VecDestroy(&Hx));
  PetscCall(VecDestroy(&Gl));
  PetscCall(VecDestroy(&l2));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Asked(void)
{
  Small      s;
  Vec        l, dual;
  KSP        ksp;
  PC         pc;
  PetscReal  ratio;
  PetscInt   replaced, its;
  PetscInt64 solves;

  PetscFunctionBegin;
  PetscCall(Begin("HS77", &s));
  PetscCall(NomosTaoSketchNewtonGetMultipliers(s.tao, &l));   /* sets up */
  PetscCall(NomosTaoSketchNewtonSetShifts(s.tao, 0.3, 0.02)); /* a step is made with them */
  PetscCall(TaoSetMaximumIterations(s.tao, 1));
  PetscCall(TaoSolve(s.tao));
  PetscCall(SmallG(s.tao, s.x, s.G, s.G, &s)); /* H is that of the start: both at one point again would need another solve */
  PetscCall(Operator(&s));
  PetscCall(TaoGetDualVariables(s.tao, &dual, NULL));
  CheckTrue("one vector of multipliers", l == dual);
  PetscCall(TaoSetMaximumIterations(s.tao, 100));
  PetscCall(NomosTaoSketchNewtonSetShifts(s.tao, 0, 0));
  PetscCall(TaoSetHessian(s.tao, s.H, s.H, Counted, &s));
  PetscCall(NomosTaoSketchNewtonSetHessianType(s.tao, "mffd", PETSC_TRUE));
  hessians = 0;
  PetscCall(Solves(&s, "differences by a setter"));
  CheckInt("no Hessian is asked for", hessians, 0);
  PetscCall(NomosTaoSketchNewtonSetHessianType(s.tao, "user", PETSC_FALSE));
  PetscCall(NomosTaoSketchNewtonSetSeed(s.tao, 5));
  PetscCall(NomosTaoSketchNewtonSetRegularization(s.tao, "none", 1e-4, 0.1, 0.01));
  PetscCall(Solves(&s, "and back"));
  CheckTrue("it is", hessians > 0);
  Expect("gamma0 0", PETSC_ERR_ARG_OUTOFRANGE, NomosTaoSketchNewtonSetRegularization(s.tao, "auto", 0, 0.1, 0.01));
  Expect("another word", PETSC_ERR_ARG_UNKNOWN_TYPE, NomosTaoSketchNewtonSetRegularization(s.tao, "some", 1e-4, 0.1, 0.01));
  PetscCall(VecDuplicate(dual, &l)); /* at the solution with its multipliers, as a program for ALMM gives them: nothing is left to do */
  PetscCall(VecCopy(dual, l));
  PetscCall(TaoALMMSetMultipliers(s.tao, l));
  PetscCall(TaoSolve(s.tao));
  PetscCall(TaoGetIterationNumber(s.tao, &its));
  PetscCall(NomosTaoSketchNewtonGetCounts(s.tao, NULL, NULL, &solves, NULL));
  CheckInt("iterations from the solution", its, 0);
  CheckInt("and linear solves", solves, 0);
  PetscCall(VecDestroy(&l));
  PetscCall(TaoGetKSP(s.tao, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(NomosPCKKTSketchGetPivots(pc, &ratio, &replaced));
  CheckTrue("pivots of independent constraints", replaced == 0 && ratio > 1e-3 && ratio <= 1);
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscFunctionBegin;
  fuse = -1;
  PetscCall(NomosInitializePackage());
  PetscCall(HessianLater());
  PetscCall(Numbers());
  PetscCall(Errors());
  PetscCall(Empty());
  PetscCall(Settings());
  PetscCall(Asked());
  PetscCall(OutOfReach());
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
