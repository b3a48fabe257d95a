/* Solves with PC nomossor: Eisenstat's form against plain SSOR, new values and structures, other formats, bad input. */
#include <string.h>
#include "sortest.h"
#include "refusetest.h"

typedef struct {
  PetscInt           its;
  KSPConvergedReason reason;
} Outcome;

/* x = A^-1 b (or A^-T b) by a KSP in the natural norm, where the two forms have the same residual */
static PetscErrorCode Solve(Mat A, const char ksptype[], PetscBool eisenstat, PetscBool global, PetscBool guess, PetscBool transpose, PetscReal shift, Vec b, Vec x, Outcome *out)
{
  KSP          ksp;
  PC           pc;
  Vec          before;
  PetscBool    same;
  Mat          P;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)A), &ksp));
  PetscCall(KSPSetType(ksp, ksptype));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetTolerances(ksp, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, 500));
  PetscCall(PetscStrcmp(ksptype, KSPCG, &same));
  if (same) PetscCall(KSPSetNormType(ksp, KSP_NORM_NATURAL));
  PetscCall(KSPSetInitialGuessNonzero(ksp, guess));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNOMOSSOR));
  PetscCall(NomosPCSORSetEisenstat(pc, eisenstat));
  PetscCall(NomosPCSORSetOmega(pc, 1.25));
  PetscCall(NomosPCSORSetDiagonalShift(pc, shift));
  if (global) {
    PetscCall(NomosPCSORSetScope(pc, "global"));
    PetscCall(NomosPCSORSetOrdering(pc, "multicolor"));
  }
  if (guess) PetscCall(Fill(x, 8));
  PetscCall(VecDuplicate(b, &before));
  PetscCall(VecCopy(b, before));
  if (transpose) PetscCall(KSPSolveTranspose(ksp, b, x));
  else PetscCall(KSPSolve(ksp, b, x));
  PetscCall(VecEqual(b, before, &same));
  CheckTrue("the right side is given back", same);
  PetscCall(PCGetOperators(pc, &P, NULL));
  CheckTrue("the operator is given back", P == A);
  PetscCall(KSPGetIterationNumber(ksp, &out->its));
  PetscCall(KSPGetConvergedReason(ksp, &out->reason));
  PetscCall(VecDestroy(&before));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Residual(Mat A, PetscBool transpose, Vec b, Vec x, PetscReal *rel)
{
  Vec       r;
  PetscReal n;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  if (transpose) PetscCall(MatMultTranspose(A, x, r));
  else PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, rel));
  PetscCall(VecNorm(b, NORM_2, &n));
  *rel /= n;
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Eisenstat(void)
{
  Mat       A, N;
  Vec       b, x, y;
  PetscReal rel;
  char      what[128];

  PetscFunctionBegin;
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 40, 33, PETSC_FALSE, 0, &A));
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 40, 33, PETSC_TRUE, 0.3, &N));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(Fill(b, 7));
  for (int global = 0; global < 2; global++)
    for (int guess = 0; guess < 2; guess++)
      for (int shift = 0; shift < 2; shift++) {
        Outcome plain, form;

        PetscCall(Solve(A, KSPCG, PETSC_FALSE, (PetscBool)global, (PetscBool)guess, PETSC_FALSE, 0.2 * shift, b, x, &plain));
        PetscCall(Solve(A, KSPCG, PETSC_TRUE, (PetscBool)global, (PetscBool)guess, PETSC_FALSE, 0.2 * shift, b, y, &form));
        snprintf(what, sizeof(what), "CG global %d guess %d shift %d", global, guess, shift);
        CheckTrue(what, plain.reason > 0 && form.reason > 0 && plain.its > 10);
        CheckInt(what, form.its, plain.its);
        PetscCall(CheckVecs(what, y, x, 1e-10)); /* the same iterates; rounding grows by the condition number, below 1e3 */
        PetscCall(Residual(A, PETSC_FALSE, b, y, &rel));
        CheckTrue("small residual", rel < 1e-8);
      }
  for (int global = 0; global < 2; global++)
    for (int transpose = 0; transpose < 2; transpose++) {
      Outcome form;

      PetscCall(Solve(N, KSPGMRES, PETSC_TRUE, (PetscBool)global, PETSC_TRUE, (PetscBool)transpose, 0, b, y, &form));
      PetscCall(Residual(N, (PetscBool)transpose, b, y, &rel));
      snprintf(what, sizeof(what), "GMRES global %d transposed %d: residual %g, reason %d", global, transpose, (double)rel, (int)form.reason);
      CheckTrue(what, form.reason > 0 && rel < 1e-7);
    }
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&N));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  Mat A;
  Vec b;        /* a copy: the KSP's own is transformed meanwhile */
  PC  other;    /* the same settings, to go back from the transformed iterate */
} Watched;

/* Inside a solve: the residual of the user's system from the one that the KSP has, against b - A x with x = (D/omega + U)^-1 xhat.
   One backward sweep from zero is that inverse. */
static PetscErrorCode Watch(KSP ksp, PetscInt it, PetscReal rnorm, void *ctx)
{
  Watched *w = (Watched *)ctx;
  Vec      r, t, xhat, x;
  PC       pc;

  PetscFunctionBegin;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(VecDuplicate(w->b, &t));
  PetscCall(VecDuplicate(w->b, &x));
  PetscCall(KSPBuildResidual(ksp, NULL, NULL, &r));
  PetscCall(NomosPCSORTrueResidual(pc, r, t));
  PetscCall(KSPBuildSolution(ksp, NULL, &xhat));
  PetscCall(PCApply(w->other, xhat, x));
  PetscCall(MatMult(w->A, x, r));
  PetscCall(VecAYPX(r, -1, w->b));
  if (it < 5) PetscCall(CheckVecs("true residual", t, r, 1e-11)); /* both differences of numbers about 100 times larger */
  PetscCall(VecDestroy(&t));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TrueResidual(void)
{
  Watched w;
  KSP     ksp;
  PC      pc;
  Vec     x, b;

  PetscFunctionBegin;
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 20, 20, PETSC_FALSE, 0, &w.A));
  PetscCall(MatCreateVecs(w.A, &b, &x));
  PetscCall(Fill(b, 9));
  PetscCall(VecDuplicate(b, &w.b));
  PetscCall(VecCopy(b, w.b));
  PetscCall(MakePC(w.A, &w.other));
  PetscCall(NomosPCSORSetSweep(w.other, "backward"));
  PetscCall(NomosPCSORSetOmega(w.other, 1.4));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetOperators(ksp, w.A, w.A));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNOMOSSOR));
  PetscCall(NomosPCSORSetEisenstat(pc, PETSC_TRUE));
  PetscCall(NomosPCSORSetOmega(pc, 1.4));
  PetscCall(KSPMonitorSet(ksp, Watch, &w, NULL));
  PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(PCDestroy(&w.other));
  PetscCall(VecDestroy(&w.b));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&w.A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the same PC object on a matrix that changes = a new PC; by values, by structure, by object, with reuse, in other formats */
static PetscErrorCode Changes(void)
{
  static const char *const orderings[] = {"natural", "levels", "multicolor", "blockmulticolor"};
  static const char *const formats[]   = {MATBAIJ, MATSBAIJ};

  PetscFunctionBegin;
  for (int o = 0; o < 4; o++) {
    Mat A, B, C;
    PC  pc, fresh;
    Vec b, x, y;

    PetscCall(GridMatrix(PETSC_COMM_WORLD, 14, 15, PETSC_FALSE, 0, &A));
    PetscCall(GridMatrix(PETSC_COMM_WORLD, 14, 15, PETSC_TRUE, 0, &B));
    PetscCall(MatSetOption(B, MAT_SYMMETRIC, PETSC_TRUE)); /* SBAIJ asks for it */
    PetscCall(MatCreateVecs(A, &b, &x));
    PetscCall(VecDuplicate(x, &y));
    PetscCall(Fill(b, 10));
    PetscCall(MakePC(A, &pc));
    PetscCall(NomosPCSORSetOrdering(pc, orderings[o]));
    PetscCall(NomosPCSORSetOmega(pc, 1.1));
    for (int step = 0; step < 6; step++) {
      Mat M = step < 3 ? A : B;

      if (step == 1) PetscCall(MatScale(A, 2));
      if (step == 2) PetscCall(NomosPCSORSetOmega(pc, 1.7));
      if (step == 3) PetscCall(PCSetOperators(pc, B, B));
      if (step >= 4) PetscCall(MatConvert(B, formats[step - 4], MAT_INITIAL_MATRIX, &C));
      if (step >= 4) PetscCall(PCSetOperators(pc, C, C));
      PetscCall(PCApplyTranspose(pc, b, x)); /* so that there is a transpose to keep up to date */
      PetscCall(PCApply(pc, b, x));
      PetscCall(MakePC(M, &fresh));
      PetscCall(NomosPCSORSetOrdering(fresh, orderings[o]));
      PetscCall(NomosPCSORSetOmega(fresh, step < 2 ? 1.1 : 1.7));
      PetscCall(PCApply(fresh, b, y));
      PetscCall(CheckVecs("after a change", x, y, 1e-15));
      PetscCall(PCApplyTranspose(pc, b, x));
      PetscCall(CheckVecs("transposed, after a change: symmetric", x, y, 1e-13));
      PetscCall(PCDestroy(&fresh));
      if (step >= 4) PetscCall(MatDestroy(&C));
    }
    /* a kept preconditioner: natural order follows the matrix like MatSOR, the others keep their copy; neither breaks */
    PetscCall(PCSetOperators(pc, A, A));
    PetscCall(PCApply(pc, b, x));
    PetscCall(PCSetReusePreconditioner(pc, PETSC_TRUE));
    PetscCall(MatScale(A, 4));
    PetscCall(PCApply(pc, b, y));
    if (!o) PetscCall(VecScale(y, 4));
    PetscCall(CheckVecs("a kept preconditioner", y, x, 1e-14));
    PetscCall(PCDestroy(&pc));
    PetscCall(VecDestroy(&b));
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&y));
    PetscCall(MatDestroy(&A));
    PetscCall(MatDestroy(&B));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* section 10 of the design: omega, diagonals, combinations */
static PetscErrorCode BadInput(void)
{
  PetscMPIInt size;
  Mat         A;
  PC          pc;
  PetscInt    n, *color;
  PetscReal   w = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 6, 7, PETSC_FALSE, 0, &A));
  PetscCall(MatGetLocalSize(A, &n, NULL));
  PetscCall(MakePC(A, &pc));
  PetscCall(PetscCalloc1(n + 1, &color));
  Refused(NomosPCSORSetOmega(pc, 0), PETSC_ERR_ARG_OUTOFRANGE, "between 0 and 2");
  Refused(NomosPCSORSetOmega(pc, 2), PETSC_ERR_ARG_OUTOFRANGE, "between 0 and 2");
  Refused(NomosPCSORSetOmega(pc, NAN), PETSC_ERR_ARG_OUTOFRANGE, "between 0 and 2");
  Refused(NomosPCSORSetSweep(pc, "up"), PETSC_ERR_ARG_UNKNOWN_TYPE, "'up' is unknown");
  Refused(NomosPCSORSetOrdering(pc, "random"), PETSC_ERR_ARG_UNKNOWN_TYPE, "unknown");
  Refused(NomosPCSORSetIterations(pc, 0), PETSC_ERR_ARG_OUTOFRANGE, "at least 1");
  Refused(NomosPCSORSetBlockSize(pc, 0), PETSC_ERR_ARG_OUTOFRANGE, "at least 1");
  Refused(NomosPCSORSetJacobiSweeps(pc, -1), PETSC_ERR_ARG_OUTOFRANGE, "[0, 1000]");
  Refused(NomosPCSORSetDiagonalShift(pc, INFINITY), PETSC_ERR_ARG_OUTOFRANGE, "not finite");
  Refused(NomosPCSORGetColoring(pc, NULL, NULL, NULL), PETSC_ERR_ORDER, "after PCSetUp");
  PetscCall(NomosPCSORSetBackend(pc, "spsv"));
  Refused(PCSetUp(pc), PETSC_ERR_SUP, "spsv");
  PetscCall(NomosPCSORSetBackend(pc, "auto"));
  PetscCall(NomosPCSORSetColoring(pc, n + 1, color));
  Refused(PCSetUp(pc), PETSC_ERR_ARG_SIZ, "another matrix");
  PetscCall(NomosPCSORSetColoring(pc, n, color));
  Refused(PCSetUp(pc), PETSC_ERR_ARG_WRONG, "not valid");
  PetscCall(NomosPCSORSetColoring(pc, -1, NULL));
  PetscCall(NomosPCSORSetScope(pc, "global"));
  if (size > 1) Refused(PCSetUp(pc), PETSC_ERR_ARG_INCOMP, "use -pc_nomossor_ordering multicolor");
  PetscCall(NomosPCSORSetScope(pc, "local"));
  PetscCall(NomosPCSORSetEisenstat(pc, PETSC_TRUE));
  PetscCall(NomosPCSORSetSweep(pc, "forward"));
  Refused(PCSetUp(pc), PETSC_ERR_ARG_INCOMP, "one symmetric sweep");
  PetscCall(NomosPCSORSetSweep(pc, "symmetric"));
  PetscCall(PCSetUp(pc)); /* and all is well again */
  PetscCall(NomosPCSORSetOmega(pc, 1.9));
  PetscCall(NomosPCSORGetOmega(pc, &w));
  CheckClose("omega", w, 1.9, 0);
  PetscCall(PetscFree(color));
  PetscCall(PCDestroy(&pc));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a diagonal of 0 or NaN: a reason that names the row, no error; the next matrix works; so does a shift for 0 */
static PetscErrorCode BadDiagonal(PetscReal value)
{
  KSP                ksp;
  PC                 pc;
  Mat                A;
  Vec                b, x;
  KSPConvergedReason reason;
  PetscInt           lo, hi;
  const PetscInt     row = 17;

  PetscFunctionBegin;
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 6, 7, PETSC_FALSE, 0, &A));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  if (row >= lo && row < hi) PetscCall(MatSetValue(A, row, row, value, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(Fill(b, 11));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetType(ksp, KSPGMRES));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNOMOSSOR));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  CheckInt("the reason", reason, KSP_DIVERGED_PC_FAILED);
  if (value == 0) {
    PetscCall(NomosPCSORSetDiagonalShift(pc, 1));
    PetscCall(PCSetUp(pc)); /* PETSc 3.18 fails the first solve after a failed set-up, with any PC (its LU too), unless the set-up comes first */
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    CheckTrue("with a shift it converges", reason > 0);
    PetscCall(NomosPCSORSetDiagonalShift(pc, 0));
  }
  if (row >= lo && row < hi) PetscCall(MatSetValue(A, row, row, 9, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(PCSetUp(pc));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  CheckTrue("the next matrix works", reason > 0);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(Eisenstat());
  PetscCall(TrueResidual());
  PetscCall(Changes());
  PetscCall(BadInput());
  PetscCall(BadDiagonal(0));
  PetscCall(BadDiagonal(NAN));
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
