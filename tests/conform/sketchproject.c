/* KSP sketchproject: exact small cases of every type, the interface of a KSP, edge cases, products and reductions against
   GMRES(50) on the first Newton step of a control problem. */
#include <nomos.h>
#include "kktcost.h"
#include "nomostest.h"

/* n x n: a tridiagonal matrix, not symmetric, entries from the row's number; well conditioned for shift > 2.5 */
static PetscErrorCode Tridiagonal(PetscInt n, PetscReal shift, Mat *A)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 3, NULL, 2, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) {
    PetscCall(MatSetValue(*A, r, r, shift + sin((double)r), INSERT_VALUES));
    if (r) PetscCall(MatSetValue(*A, r, r - 1, -1, INSERT_VALUES));
    if (r < n - 1) PetscCall(MatSetValue(*A, r, r + 1, 0.5, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x_i = cos(i), b = A x */
static PetscErrorCode System(Mat A, Vec *x, Vec *b)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, x, b));
  PetscCall(VecGetOwnershipRange(*x, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(*x, i, cos((double)i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(*x));
  PetscCall(VecAssemblyEnd(*x));
  PetscCall(MatMult(A, *x, *b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Make(Mat A, const char type[], const char norm[], PetscInt b, const char pctype[], KSP *ksp)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetOperators(*ksp, A, A));
  PetscCall(KSPSetType(*ksp, KSPSKETCHPROJECT));
  PetscCall(NomosKSPSketchProjectSetType(*ksp, type));
  PetscCall(NomosKSPSketchProjectSetNorm(*ksp, norm));
  PetscCall(NomosKSPSketchProjectSetBlock(*ksp, b, 4));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, pctype));
  PetscCall(KSPSetTolerances(*ksp, 1e-10, 1e-300, 1e30, 4000));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  Vec       exact, e;
  PetscReal error, residual; /* of the block before */
  PetscInt  calls, grew, residual_grew;
} Watch;

/* A monitor that asks for the iterate. */
static PetscErrorCode Watcher(KSP ksp, PetscInt it, PetscReal rnorm, void *ctx)
{
  Watch    *w = (Watch *)ctx;
  Vec       x;
  PetscReal error;

  PetscFunctionBegin;
  PetscCall(KSPBuildSolution(ksp, NULL, &x));
  PetscCall(VecWAXPY(w->e, -1, w->exact, x));
  PetscCall(VecNorm(w->e, NORM_2, &error));
  if (it && error > w->error * (1 + 1e-12) + 1e-13) w->grew++; /* rounding of the update: a few eps of |x| */
  if (it && rnorm > w->residual * (1 + 1e-12) + 1e-13) w->residual_grew++;
  w->error    = error;
  w->residual = rnorm;
  w->calls++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every type solves a well conditioned system; mode error never increases the error, mode residual never the residual. */
static PetscErrorCode Types(void)
{
  const char *const types[6] = {"krylov", "gaussian", "sparsesign", "countsketch", "rows", "blockrows"};
  Mat               A;
  Vec               x, b, y;

  PetscFunctionBegin;
  PetscCall(Tridiagonal(40, 3, &A));
  PetscCall(System(A, &x, &b));
  PetscCall(VecDuplicate(x, &y));
  for (PetscInt t = 0; t < 6; t++)
    for (PetscInt error = 0; error < 2; error++)
      for (PetscInt pc = 0; pc < 2; pc++) {
        KSP                ksp;
        Watch              w = {x, NULL, 0, 0, 0, 0, 0};
        KSPConvergedReason reason;
        PetscInt           its;
        PetscInt64         applies;
        PetscReal          rel;
        char               what[80];

        if ((t == 0 && error) || (t == 5 && pc)) continue;
        PetscCall(PetscSNPrintf(what, sizeof(what), "%s, %s, %s", types[t], error ? "error" : "residual", pc ? "jacobi" : "none"));
        PetscCall(VecDuplicate(x, &w.e));
        PetscCall(Make(A, types[t], error ? "error" : "residual", 5, pc ? PCJACOBI : PCNONE, &ksp));
        PetscCall(KSPMonitorSet(ksp, Watcher, &w, NULL));
        PetscCall(KSPSolve(ksp, b, y));
        PetscCall(KSPGetConvergedReason(ksp, &reason));
        PetscCall(KSPGetIterationNumber(ksp, &its));
        PetscCall(NomosKSPSketchProjectGetApplies(ksp, &applies));
        PetscCall(KKTResidual(A, b, y, &rel));
        CheckTrue(what, reason == KSP_CONVERGED_RTOL);
        CheckTrue(what, rel <= 1e-10);
        CheckInt(what, w.calls, its + 1);
        CheckTrue(what, applies >= its);
        if (!error && t < 5) CheckInt("blocks whose residual grew", w.residual_grew, 0);
        if ((error || t == 5) && !pc) { /* with a preconditioner M the error of Mx is meant; across ranks blockrows shrinks a weighted norm */
          PetscMPIInt size;

          PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
          if (t < 5 || size == 1) CheckInt(what, w.grew, 0);
        }
        PetscCall(VecDestroy(&w.e));
        PetscCall(KSPDestroy(&ksp));
      }
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One Kaczmarz row drawn with squared-norm probabilities: E|e_1|^2 = |e_0|^2 - |A e_0|^2/|A|_F^2 (Strohmer and Vershynin 2009, (7)). With
   A = diag(s_i) and e_0 = the unit vector of the smallest s this is 1 - s_min^2/|A|_F^2, and e_1 is 0 or e_0: a binomial count. With
   equal probabilities it is 1 - 1/n. Orthogonal columns would hide a wrong weight, so a second, dense e_0 is tried. */
static PetscErrorCode Contraction(void)
{
  const PetscInt n = 6;
  PetscInt       trials = 4000;
  PetscMPIInt    size;
  Mat            A;
  Vec            x, b, y;
  PetscInt       lo, hi;
  PetscReal      frobenius = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size > 1) trials = 300; /* the same draws: 300 of them show it */
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 1, NULL, 0, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) PetscCall(MatSetValue(A, r, r, 1 + (PetscReal)r, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  for (PetscInt r = 0; r < n; r++) frobenius += PetscSqr(1 + (PetscReal)r);
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecDuplicate(x, &y));
  for (PetscInt dense = 0; dense < 2; dense++)
    for (PetscInt prob = 0; prob < 2; prob++) {
      PetscReal mean = 0, want, sigma;

      PetscCall(VecSet(x, dense ? 1 : 0)); /* the solution; from x = 0 the error is -x */
      if (!dense && !lo && hi > lo) PetscCall(VecSetValue(x, 0, 1, INSERT_VALUES));
      PetscCall(VecAssemblyBegin(x));
      PetscCall(VecAssemblyEnd(x));
      PetscCall(MatMult(A, x, b));
      for (PetscInt t = 0; t < trials; t++) {
        KSP       ksp;
        PetscReal e;

        PetscCall(Make(A, "rows", "error", 1, PCNONE, &ksp));
        PetscCall(NomosKSPSketchProjectSetProb(ksp, prob ? "rownorm" : "uniform"));
        PetscCall(NomosKSPSketchProjectSetSeed(ksp, t));
        PetscCall(KSPSetTolerances(ksp, 1e-30, 1e-300, 1e30, 1));
        PetscCall(KSPSolve(ksp, b, y));
        PetscCall(VecAXPY(y, -1, x));
        PetscCall(VecNorm(y, NORM_2, &e));
        mean += e * e / (PetscReal)trials;
        PetscCall(KSPDestroy(&ksp));
      }
      /* diagonal A: the drawn entry of the error becomes 0 */
      if (dense) want = (PetscReal)n - 1, sigma = 1e-12;
      else {
        const PetscReal p = prob ? 1 / frobenius : 1 / (PetscReal)n;

        want  = 1 - p;
        sigma = PetscSqrtReal(p * (1 - p) / (PetscReal)trials);
      }
      CheckClose("contraction of one row, 4 sigma", mean, want, 4 * sigma);
    }
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A test of the user's own: stops at the first block that it sees. */
static PetscErrorCode Stop(KSP ksp, PetscInt it, PetscReal rnorm, KSPConvergedReason *reason, void *ctx)
{
  PetscFunctionBegin;
  *reason = it >= 1 ? KSP_CONVERGED_ITS : KSP_CONVERGED_ITERATING;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Interface(void)
{
  Mat                A, Z;
  Vec                x, b, y, z;
  KSP                ksp;
  PC                 pc;
  PetscReal          rel, rnorm;
  PetscInt           its, lo, hi;
  KSPConvergedReason reason;
  PetscErrorCode     ierr;

  PetscFunctionBegin;
  PetscCall(Tridiagonal(300, 2.7, &A));
  PetscCall(System(A, &x, &b));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(VecDuplicate(x, &z));
  PetscCall(Make(A, "krylov", "residual", 8, PCJACOBI, &ksp));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KSPGetResidualNorm(ksp, &rnorm));
  PetscCall(KKTResidual(A, b, y, &rel));
  CheckTrue("the residual it reports is the true one", rel <= 1e-10);
  /* the same object again: bitwise the same */
  PetscCall(KSPSolve(ksp, b, z));
  PetscCall(VecAXPY(z, -1, y));
  PetscCall(VecNorm(z, NORM_INFINITY, &rel));
  CheckTrue("a second solve gives the same bits", rel == 0);
  /* nonzero guess: the solution itself needs no iteration; a worse one converges */
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(VecCopy(x, y));
  PetscCall(KSPSetTolerances(ksp, 1e-10, 1e-10, 1e30, 4000));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  CheckInt("the solution as guess", its, 0);
  PetscCall(VecShift(y, 3));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KKTResidual(A, b, y, &rel));
  CheckTrue("a nonzero guess", rel <= 1e-10);
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_FALSE));
  /* transposed systems */
  PetscCall(MatMultTranspose(A, x, z));
  PetscCall(KSPSolveTranspose(ksp, z, y));
  PetscCall(VecAXPY(y, -1, x));
  PetscCall(VecNorm(y, NORM_INFINITY, &rel));
  CheckTrue("a transposed solve", rel <= 1e-7); /* condition below 1e3 times the tolerance */
  /* zero right-hand side */
  PetscCall(VecSet(z, 0));
  PetscCall(KSPSolve(ksp, z, y));
  PetscCall(VecNorm(y, NORM_INFINITY, &rel));
  CheckTrue("zero right-hand side", rel == 0);
  PetscCall(KSPSetConvergenceTest(ksp, Stop, NULL, NULL));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  CheckInt("a test of the user's own", reason, KSP_CONVERGED_ITS);
  PetscCall(KSPView(ksp, PETSC_VIEWER_STDOUT_WORLD));
  PetscCall(KSPDestroy(&ksp));
  /* norm none: as many blocks as asked for */
  PetscCall(Make(A, "krylov", "residual", 4, PCJACOBI, &ksp));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_NONE));
  PetscCall(KSPSetConvergenceTest(ksp, KSPConvergedSkip, NULL, NULL));
  PetscCall(KSPSetTolerances(ksp, 1e-10, 1e-300, 1e30, 3));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  CheckInt("three blocks without a norm", its, 3);
  /* limits */
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetConvergenceTest(ksp, KSPConvergedDefault, NULL, NULL));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(Make(A, "gaussian", "error", 1, PCNONE, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-10, 1e-300, 1e30, 7));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  CheckInt("the limit of blocks", reason, KSP_DIVERGED_ITS);
  PetscCall(KSPDestroy(&ksp));
  /* a NaN is a reason, not an error */
  PetscCall(VecCopy(b, z));
  PetscCall(VecGetOwnershipRange(z, &lo, &hi));
  if (!lo) PetscCall(VecSetValue(z, 0, NAN, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(z));
  PetscCall(VecAssemblyEnd(z));
  PetscCall(Make(A, "krylov", "residual", 4, PCJACOBI, &ksp));
  PetscCall(KSPSolve(ksp, z, y));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  CheckInt("NaN", reason, KSP_DIVERGED_NANORINF);
  PetscCall(KSPDestroy(&ksp));
  /* a zero matrix: nothing to project on */
  PetscCall(MatDuplicate(A, MAT_DO_NOT_COPY_VALUES, &Z));
  for (PetscInt t = 0; t < 3; t++) {
    PetscCall(Make(Z, t ? "gaussian" : "krylov", t == 2 ? "error" : "residual", 4, PCNONE, &ksp));
    PetscCall(KSPSolve(ksp, b, y));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    CheckInt("a zero matrix", reason, KSP_DIVERGED_BREAKDOWN);
    PetscCall(KSPDestroy(&ksp));
  }
  /* what cannot be is said */
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  PetscCall(Make(A, "krylov", "error", 4, PCNONE, &ksp));
  ierr = KSPSolve(ksp, b, y);
  CheckInt("krylov minimizes no error", ierr, PETSC_ERR_ARG_INCOMP);
  ierr = NomosKSPSketchProjectSetBlock(ksp, 0, 4);
  CheckInt("an empty block", ierr, PETSC_ERR_ARG_OUTOFRANGE);
  ierr = NomosKSPSketchProjectSetMomentum(ksp, 1);
  CheckInt("momentum 1", ierr, PETSC_ERR_ARG_OUTOFRANGE);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(Make(A, "blockrows", "error", 4, PCJACOBI, &ksp));
  ierr = KSPSolve(ksp, b, y);
  CheckInt("blockrows with a preconditioner", ierr, PETSC_ERR_SUP);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(PetscPopErrorHandler());
  /* destroyed before it is set up */
  PetscCall(Make(A, "krylov", "residual", 4, PCNONE, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&Z));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Singular and consistent (periodic second differences), fewer unknowns than ranks, one unknown, momentum, new values in place. */
static PetscErrorCode Edges(void)
{
  const PetscInt     n = 60;
  Mat                A;
  Vec                x, b, y;
  KSP                ksp;
  PetscReal          rel;
  PetscInt           lo, hi, its;
  PetscMPIInt        size;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 3, NULL, 3, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) {
    PetscCall(MatSetValue(A, r, r, 2, INSERT_VALUES));
    PetscCall(MatSetValue(A, r, (r + 1) % n, -1, INSERT_VALUES));
    PetscCall(MatSetValue(A, r, (r + n - 1) % n, -1, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(System(A, &x, &b));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(Make(A, "krylov", "residual", 16, PCNONE, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-8, 1e-300, 1e30, 4000));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KKTResidual(A, b, y, &rel));
  CheckTrue("singular and consistent", reason > 0 && rel <= 1e-8);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&y));
  for (PetscInt m = 1; m <= 3; m += 2) { /* one and three unknowns */
    PetscCall(Tridiagonal(m, 3, &A));
    PetscCall(System(A, &x, &b));
    PetscCall(VecDuplicate(x, &y));
    for (PetscInt t = 0; t < 4; t++) {
      PetscCall(Make(A, t == 0 ? "krylov" : t == 1 ? "gaussian" : t == 2 ? "rows" : "blockrows", t ? "error" : "residual", 16, PCNONE, &ksp));
      PetscCall(KSPSolve(ksp, b, y));
      PetscCall(KKTResidual(A, b, y, &rel));
      CheckTrue("few unknowns", rel <= 1e-10);
      PetscCall(KSPGetIterationNumber(ksp, &its));
      if (t < 2) CheckTrue("a block as large as the space is exact", its <= 2); /* two: mu, and sketched minimizers */
      if (t == 3 && size == 1) CheckInt("all rows in one block are exact", its, 1);
      PetscCall(KSPDestroy(&ksp));
    }
    /* a smoother asks for more blocks than there are digits */
    PetscCall(Make(A, "krylov", "residual", 16, PCNONE, &ksp));
    PetscCall(KSPSetNormType(ksp, KSP_NORM_NONE));
    PetscCall(KSPSetConvergenceTest(ksp, KSPConvergedSkip, NULL, NULL));
    PetscCall(KSPSetTolerances(ksp, 1e-10, 1e-300, 1e30, 5));
    PetscCall(KSPSolve(ksp, b, y));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    CheckTrue("a smoother that has solved the system has not diverged", reason > 0);
    PetscCall(KSPDestroy(&ksp));
    /* new values in place are seen by the types that read rows */
    PetscCall(Make(A, "blockrows", "error", 16, PCNONE, &ksp));
    PetscCall(KSPSolve(ksp, b, y));
    PetscCall(MatScale(A, 4));
    PetscCall(KSPSolve(ksp, b, y));
    PetscCall(KKTResidual(A, b, y, &rel));
    CheckTrue("new values in place", rel <= 1e-10);
    PetscCall(KSPDestroy(&ksp));
    PetscCall(MatDestroy(&A));
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&b));
    PetscCall(VecDestroy(&y));
  }
  PetscCall(Tridiagonal(40, 3, &A));
  PetscCall(System(A, &x, &b));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(Make(A, "sparsesign", "error", 5, PCNONE, &ksp));
  PetscCall(NomosKSPSketchProjectSetMomentum(ksp, 0.3));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KKTResidual(A, b, y, &rel));
  CheckTrue("momentum", rel <= 1e-10);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A shell has no rows: `rows` makes them by transposed products with unit vectors, with the same draws and results; what cannot be is said. */
static PetscErrorCode Shells(void)
{
  Mat            A, S;
  Vec            x, b, y[2];
  KSP            ksp;
  PetscInt       its[2];
  PetscReal      norm, apart;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(Tridiagonal(40, 3, &A));
  PetscCall(System(A, &x, &b));
  PetscCall(KKTHide(A, &S));
  for (int shell = 0; shell < 2; shell++) {
    PetscCall(VecDuplicate(x, &y[shell]));
    PetscCall(Make(shell ? S : A, "rows", "error", 3, PCNONE, &ksp));
    PetscCall(KSPSetTolerances(ksp, 1e-6, 1e-300, 1e30, 4000));
    PetscCall(KSPSolve(ksp, b, y[shell]));
    PetscCall(KSPGetIterationNumber(ksp, &its[shell]));
    PetscCall(KSPDestroy(&ksp));
  }
  PetscCall(VecNorm(y[0], NORM_2, &norm));
  PetscCall(VecAXPY(y[1], -1, y[0]));
  PetscCall(VecNorm(y[1], NORM_2, &apart));
  CheckInt("rows of a shell: as many blocks", its[1], its[0]);
  CheckTrue("and the same iterate", apart <= 1000 * PETSC_MACHINE_EPSILON * norm); /* some hundred updates */
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  PetscCall(Make(S, "blockrows", "error", 4, PCNONE, &ksp));
  ierr = KSPSolve(ksp, b, y[0]);
  CheckInt("blockrows of a shell", ierr, PETSC_ERR_SUP);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(Make(S, "rows", "error", 1, PCNONE, &ksp));
  PetscCall(NomosKSPSketchProjectSetProb(ksp, "rownorm"));
  ierr = KSPSolve(ksp, b, y[0]);
  CheckInt("norms of rows that are not there", ierr, PETSC_ERR_SUP);
  PetscCall(NomosKSPSketchProjectSetProb(ksp, "uniform"));
  CheckInt("a sketch of fewer rows than columns", NomosKSPSketchProjectSetSketch(ksp, 0.5, 8), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("no residual for ever", NomosKSPSketchProjectSetResync(ksp, 0), PETSC_ERR_ARG_OUTOFRANGE);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(PetscPopErrorHandler());
  PetscCall(MatDestroy(&S));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&y[0]));
  PetscCall(VecDestroy(&y[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* First Newton step of PDE-N, the state operator's multigrid twice for the Schur complement, default settings: at most 1.4 times the
   products of GMRES(50) and at most 0.75 of its reductions, those of the start included. */
static PetscErrorCode Control(void)
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscOptionsInsertString(NULL, "-schur_pc_type mat -state_mg_levels_ksp_max_it 4"));
  for (PetscInt N = 31; N <= 63; N += 32) {
    const char *const type[2] = {KSPGMRES, KSPSKETCHPROJECT};
    KKTCost           cost[2];
    Mat               K, S;
    Vec               b;
    PC                state;

    PetscCall(KKTPdeSystem(N, 1e-2, &K, &b, &S, &state));
    for (int t = 0; t < 2; t++) {
      PetscCall(KKTCostOf(K, S, b, type[t], 1e-8, 500, &cost[t]));
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "PDE-N N=%d %s: %s, %d products, %d reductions, residual %.3e\n", (int)N, type[t], KSPConvergedReasons[cost[t].reason], (int)cost[t].products, (int)cost[t].reductions, (double)cost[t].residual));
      CheckTrue("converged", cost[t].reason > 0);
    }
    /* GMRES stops by its recursion's residual, which the multigrid's conditioning takes off the true one by up to 3 times on some releases
       and ranks: it then stops early, and the two bounds below are the harder to meet */
    CheckTrue("the control problem is solved", cost[1].residual <= 1.01e-8);
    CheckTrue("at most 1.4 times the products of GMRES(50)", (double)cost[1].products <= 1.4 * (double)cost[0].products);
    if (size > 1) CheckTrue("at most 0.75 of its reductions", cost[1].reductions <= 0.75 * cost[0].reductions);
    PetscCall(MatDestroy(&K));
    PetscCall(MatDestroy(&S));
    PetscCall(PCDestroy(&state));
    PetscCall(VecDestroy(&b));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(Types());
  PetscCall(Interface());
  PetscCall(Edges());
  PetscCall(Shells());
  PetscCall(Contraction());
  PetscCall(Control());
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
