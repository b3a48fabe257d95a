/* PC nomossor on what it cannot use, or hardly: ranks without rows, no rows at all, layouts, formats, diagonals, indefinite
   matrices under CG. What is refused says why; what is a reason ends the solve with it. */
#include <string.h>
#include "sortest.h"
#include "refusetest.h"

static const char *const orderings[] = {"natural", "levels", "multicolor", "blockmulticolor"};
/* a diagonally dominant grid matrix whose rows lie on one rank alone (on: its number) */
static PetscErrorCode OnOneRank(MPI_Comm comm, PetscMPIInt on, PetscInt nx, PetscInt ny, Mat *A)
{
  PetscMPIInt rank;
  Mat         S;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(MatCreateAIJ(comm, rank == on ? nx * ny : 0, rank == on ? nx * ny : 0, nx * ny, nx * ny, 9, NULL, 9, NULL, A));
  if (rank == on) {
    PetscCall(GridMatrix(PETSC_COMM_SELF, nx, ny, PETSC_FALSE, 0, &S));
    for (PetscInt g = 0; g < nx * ny; g++) {
      const PetscInt    *c;
      const PetscScalar *v;
      PetscInt           n;

      PetscCall(MatGetRow(S, g, &n, &c, &v));
      PetscCall(MatSetValues(*A, 1, &g, n, c, v, INSERT_VALUES));
      PetscCall(MatRestoreRow(S, g, &n, &c, &v));
    }
    PetscCall(MatDestroy(&S));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Chessboard(PC pc, PetscInt n, PetscInt nx)
{
  PetscInt *color;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &color));
  for (PetscInt i = 0; i < n; i++) color[i] = (i % nx + i / nx) % 2;
  PetscCall(NomosPCSORSetColoring(pc, n, color));
  PetscCall(PetscFree(color));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* all rows on one rank, for blockmulticolor in one block: whatever the scope, what one rank alone computes */
static PetscErrorCode EmptyRanks(void)
{
  PetscMPIInt size, rank;
  Mat         A, S;
  Vec         b, x, sb, sx;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(OnOneRank(PETSC_COMM_WORLD, size - 1, 9, 8, &A));
  PetscCall(OnOneRank(PETSC_COMM_SELF, 0, 9, 8, &S));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(MatCreateVecs(S, &sb, &sx));
  PetscCall(Fill(b, 1));
  PetscCall(Fill(sb, 1));
  for (int o = 0; o < 4; o++)
    for (int global = 0; global < 2; global++)
      for (int way = 0; way < 4; way++) { /* sweeps, transposed, jacobi, a solve in Eisenstat's form */
        PetscReal          norm[2];
        PetscInt           its[2];
        KSPConvergedReason reason[2];

        if (global && (o < 2 || way == 2)) continue;
        for (int alone = 0; alone < 2; alone++) {
          KSP ksp;
          PC  pc;

          PetscCall(KSPCreate(alone ? PETSC_COMM_SELF : PETSC_COMM_WORLD, &ksp));
          PetscCall(KSPSetOperators(ksp, alone ? S : A, alone ? S : A));
          PetscCall(KSPSetType(ksp, KSPCG));
          PetscCall(KSPSetNormType(ksp, KSP_NORM_NATURAL));
          PetscCall(KSPGetPC(ksp, &pc));
          PetscCall(PCSetType(pc, PCNOMOSSOR));
          PetscCall(NomosPCSORSetOrdering(pc, orderings[o]));
          if (o == 2) PetscCall(Chessboard(pc, alone || rank == size - 1 ? 72 : 0, 9)); /* PETSc's own depends on the ranks */
          PetscCall(NomosPCSORSetOmega(pc, 1.2));
          PetscCall(NomosPCSORSetScope(pc, global ? "global" : "local"));
          if (way == 2) PetscCall(NomosPCSORSetBackend(pc, "jacobi"));
          if (way == 3) PetscCall(NomosPCSORSetEisenstat(pc, PETSC_TRUE));
          its[alone]    = 0;
          reason[alone] = KSP_CONVERGED_ITERATING;
          if (way == 3) {
            PetscCall(KSPSolve(ksp, alone ? sb : b, alone ? sx : x));
            PetscCall(KSPGetIterationNumber(ksp, &its[alone]));
            PetscCall(KSPGetConvergedReason(ksp, &reason[alone]));
          } else if (way == 1)
            PetscCall(PCApplyTranspose(pc, alone ? sb : b, alone ? sx : x));
          else
            PetscCall(PCApply(pc, alone ? sb : b, alone ? sx : x));
          PetscCall(VecNorm(alone ? sx : x, NORM_2, &norm[alone]));
          PetscCall(KSPDestroy(&ksp));
        }
        CheckClose(orderings[o], norm[0] / norm[1], 1, 100 * PETSC_MACHINE_EPSILON); /* sums of 72 numbers, in the solve about 20 steps */
        CheckInt("iterations", its[0], its[1]);
        CheckInt("reason", reason[0], reason[1]);
      }
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&S));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&sb));
  PetscCall(VecDestroy(&sx));
  PetscCall(OnOneRank(PETSC_COMM_WORLD, 0, 0, 0, &A)); /* no rows on any rank */
  PetscCall(MatCreateVecs(A, &b, &x));
  for (int o = 0; o < 4; o++) {
    PC pc;

    PetscCall(MakePC(A, &pc));
    PetscCall(NomosPCSORSetOrdering(pc, orderings[o]));
    PetscCall(PCApply(pc, b, x));
    PetscCall(PCApplyTranspose(pc, b, x));
    PetscCall(PCDestroy(&pc));
  }
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Nothing(Mat A, Vec x, Vec y)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Layouts(void)
{
  PetscMPIInt size, rank;
  Mat         A, D, S;
  PC          pc;
  Vec         b, x, y;
  PetscInt    m, n;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 12, 14, 1, NULL, 1, NULL, &A));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MakePC(A, &pc));
  Refused(PCSetUp(pc), PETSC_ERR_ARG_SIZ, "12 x 14; SOR needs a square one");
  PetscCall(PCDestroy(&pc));
  PetscCall(MatDestroy(&A));
  if (size > 1) { /* square, but rows and columns are split differently: on two ranks or more every rank of the first two sees it */
    m = 3, n = rank == 0 ? 4 : rank == 1 ? 2
                                         : 3;
    PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, m, n, PETSC_DETERMINE, PETSC_DETERMINE, 1, NULL, 1, NULL, &A));
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MakePC(A, &pc));
    Refused(PCSetUp(pc), PETSC_ERR_ARG_SIZ, "the same layout for both");
    PetscCall(PCDestroy(&pc));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 7, 6, PETSC_TRUE, 0.1, &A)); /* dense: converted */
  PetscCall(MatConvert(A, MATDENSE, MAT_INITIAL_MATRIX, &D));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(Fill(b, 2));
  PetscCall(MakePC(A, &pc));
  PetscCall(PCApply(pc, b, x));
  PetscCall(PCDestroy(&pc));
  PetscCall(MakePC(D, &pc));
  PetscCall(PCApply(pc, b, y));
  PetscCall(CheckVecs("a dense matrix", y, x, 10 * PETSC_MACHINE_EPSILON));
  PetscCall(PCDestroy(&pc));
  PetscCall(MatGetLocalSize(A, &m, &n)); /* no entries at all */
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, m, n, PETSC_DETERMINE, PETSC_DETERMINE, NULL, &S));
  PetscCall(MatShellSetOperation(S, MATOP_MULT, (NomosAnyFn *)Nothing));
  PetscCall(MakePC(S, &pc));
  Refused(PCSetUp(pc), PETSC_ERR_SUP, "has no entries to sweep over");
  PetscCall(PCDestroy(&pc));
  PetscCall(MatDestroy(&S));
  PetscCall(MatDestroy(&D));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Reason(Mat A, const char type[], const char ordering[], const char scope[], PetscBool eisenstat, PetscBool errors, KSPConvergedReason *reason, PetscErrorCode *failed)
{
  KSP      ksp;
  PC       pc;
  Vec      b, x;
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(Fill(b, 3));
  PetscCall(VecGetOwnershipRange(b, &lo, &hi));
  if (lo <= 20 && 20 < hi) PetscCall(VecSetValue(b, 20, 50, INSERT_VALUES)); /* most of it where Indefinite() has its row */
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetType(ksp, type));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 300));
  PetscCall(KSPSetErrorIfNotConverged(ksp, errors));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNOMOSSOR));
  PetscCall(NomosPCSORSetOrdering(pc, ordering));
  PetscCall(NomosPCSORSetScope(pc, scope));
  PetscCall(NomosPCSORSetEisenstat(pc, eisenstat));
  if (errors) {
    PetscCall(PetscPushErrorHandler(Catch, NULL));
    *failed = KSPSolve(ksp, b, x);
    PetscCall(PetscPopErrorHandler());
  } else {
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, reason));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* zero, NaN, infinite, denormal, missing: the reason, and a sentence with the global row; on every ordering */
static PetscErrorCode Diagonals(void)
{
  const PetscReal values[] = {0, NAN, INFINITY, 1e-320};
  const PetscInt  row      = 40;
  Mat             A;
  PetscInt        lo, hi;

  PetscFunctionBegin;
  for (int k = 0; k < 5; k++)
    for (int o = 0; o < 4; o++) {
      KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
      PetscErrorCode     failed = PETSC_SUCCESS;

      PetscCall(GridMatrix(PETSC_COMM_WORLD, 7, 6, PETSC_FALSE, 0, &A));
      PetscCall(MatGetOwnershipRange(A, &lo, &hi));
      if (k < 4) {
        if (lo <= row && row < hi) PetscCall(MatSetValue(A, row, row, values[k], INSERT_VALUES));
        PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
        PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
      } else { /* a pattern without it */
        Mat B;

        PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 42, 42, 9, NULL, 9, NULL, &B));
        for (PetscInt g = lo; g < hi; g++)
          if (g != row) PetscCall(MatSetValue(B, g, g, 2, INSERT_VALUES));
        PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
        PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
        PetscCall(MatDestroy(&A));
        A = B;
      }
      PetscCall(Reason(A, KSPGMRES, orderings[o], "local", PETSC_FALSE, PETSC_FALSE, &reason, &failed));
      CheckInt("the reason of a diagonal that cannot be used", reason, KSP_DIVERGED_PC_FAILED);
      Said[0] = 0;
      PetscCall(Reason(A, KSPGMRES, orderings[o], "local", PETSC_FALSE, PETSC_TRUE, &reason, &failed));
      CheckInt("an error where errors are wanted", failed, PETSC_ERR_MAT_LU_ZRPVT);
      CheckTrue("it names the row", strstr(Said, "the diagonal of row 40 is zero, missing or not finite") != NULL);
      PetscCall(MatDestroy(&A));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A negative diagonal: allowed for sweeps and GMRES; under CG with a symmetric sweep it is indefinite and CG says so, in both
   forms. NaN beside the diagonal: the KSP's own reason. */
static PetscErrorCode Indefinite(void)
{
  KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
  PetscErrorCode     failed = PETSC_SUCCESS;
  PetscMPIInt        size;
  Mat                A;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 7, 6, PETSC_FALSE, 0, &A));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  if (lo <= 20 && 20 < hi) PetscCall(MatSetValue(A, 20, 20, -30, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  for (int o = 0; o < 4; o++)
    for (int global = 0; global < 2; global++) {
      const char *scope = global ? "global" : "local";

      if (global && o < 2 && size > 1) continue;
      PetscCall(Reason(A, KSPGMRES, orderings[o], scope, PETSC_FALSE, PETSC_FALSE, &reason, &failed));
      CheckTrue("GMRES on an indefinite matrix", reason > 0);
      for (int form = 0; form < 2; form++) {
        PetscCall(Reason(A, KSPCG, orderings[o], scope, (PetscBool)form, PETSC_FALSE, &reason, &failed));
        CheckTrue("CG reports an indefinite matrix or preconditioner", reason == KSP_DIVERGED_INDEFINITE_PC || reason == KSP_DIVERGED_INDEFINITE_MAT);
      }
    }
  if (lo <= 20 && 20 < hi) PetscCall(MatSetValue(A, 20, 19, NAN, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(Reason(A, KSPCG, "natural", "local", PETSC_FALSE, PETSC_FALSE, &reason, &failed));
  CheckTrue("NaN beside the diagonal", reason < 0);
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(EmptyRanks());
  PetscCall(Layouts());
  PetscCall(Diagonals());
  PetscCall(Indefinite());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
