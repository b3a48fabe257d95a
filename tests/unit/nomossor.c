/* PC nomossor against PETSc's MatSOR, against itself in other orders and on other numbers of ranks; symmetry, transposes. */
#include "sortest.h"

#define EPS PETSC_MACHINE_EPSILON
static const char *const sweeps[]    = {"symmetric", "forward", "backward"};
static const MatSORType  kinds[]     = {SOR_LOCAL_SYMMETRIC_SWEEP, SOR_LOCAL_FORWARD_SWEEP, SOR_LOCAL_BACKWARD_SWEEP};
static const char *const orderings[] = {"natural", "levels", "multicolor", "blockmulticolor"};

/* natural equals MatSOR of the block of this rank, to 1e-14 */
static PetscErrorCode AgainstMatSOR(Mat A)
{
  const PetscReal omegas[] = {0.5, 1, 1.5}, shifts[] = {0, 0.25};
  PC              pc;
  Vec             b, x, y;
  char            what[128];

  PetscFunctionBegin;
  PetscCall(MakePC(A, &pc));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(Fill(b, 1));
  for (int k = 0; k < 3; k++)
    for (int w = 0; w < 3; w++)
      for (int sh = 0; sh < 2; sh++)
        for (PetscInt its = 1; its <= 3; its += 2) {
          PetscCall(NomosPCSORSetSweep(pc, sweeps[k]));
          PetscCall(NomosPCSORSetOmega(pc, omegas[w]));
          PetscCall(NomosPCSORSetDiagonalShift(pc, shifts[sh]));
          PetscCall(NomosPCSORSetIterations(pc, its));
          PetscCall(PCApply(pc, b, x));
          PetscCall(MatSOR(A, b, omegas[w], (MatSORType)(SOR_ZERO_INITIAL_GUESS | kinds[k]), shifts[sh], 1, its, y));
          snprintf(what, sizeof(what), "MatSOR %s omega %g shift %g its %d", sweeps[k], omegas[w], shifts[sh], (int)its);
          PetscCall(CheckVecs(what, x, y, 1e-14)); /* asked for; rows of 5 or 9 products, contracted here and not there */
        }
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(PCDestroy(&pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* levels give the iterates of natural order; so does one block that holds all; backend color what backend host does; enough
   inner Jacobi sweeps the triangular solves, which are nilpotent */
static PetscErrorCode SameIterates(Mat A)
{
  PC       pc;
  Vec      b, want, x;
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(MakePC(A, &pc));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecDuplicate(x, &want));
  PetscCall(Fill(b, 2));
  PetscCall(NomosPCSORSetOmega(pc, 1.3));
  for (int k = 0; k < 3; k++)
    for (PetscInt its = 1; its <= 2; its++) {
      PetscCall(NomosPCSORSetSweep(pc, sweeps[k]));
      PetscCall(NomosPCSORSetIterations(pc, its));
      PetscCall(NomosPCSORSetBackend(pc, "host"));
      PetscCall(NomosPCSORSetOrdering(pc, "natural"));
      PetscCall(PCApply(pc, b, want));
      for (int color = 0; color < 2; color++) {
        PetscCall(NomosPCSORSetBackend(pc, color ? "color" : "host"));
        PetscCall(NomosPCSORSetOrdering(pc, "levels"));
        PetscCall(PCApply(pc, b, x));
        PetscCall(CheckVecs("levels = natural", x, want, 10 * EPS)); /* the same numbers in the same order, up to contraction */
        PetscCall(NomosPCSORSetOrdering(pc, "blockmulticolor"));
        PetscCall(NomosPCSORSetBlockSize(pc, n));
        PetscCall(PCApply(pc, b, x));
        PetscCall(CheckVecs("one block = natural", x, want, 10 * EPS));
      }
      for (int o = 2; o < 4; o++) {
        PetscCall(NomosPCSORSetOrdering(pc, orderings[o]));
        PetscCall(NomosPCSORSetBlockSize(pc, 7));
        PetscCall(NomosPCSORSetBackend(pc, "host"));
        PetscCall(PCApply(pc, b, want));
        PetscCall(NomosPCSORSetBackend(pc, "color"));
        PetscCall(PCApply(pc, b, x));
        PetscCall(CheckVecs("a launch per colour = one after another", x, want, 10 * EPS));
        PetscCall(PCApply(pc, b, want));
        PetscCall(CheckVecs("again, the same bits", x, want, 0));
      }
    }
  PetscCall(NomosPCSORSetIterations(pc, 1));
  for (int k = 0; k < 3; k++) {
    PetscCall(NomosPCSORSetSweep(pc, sweeps[k]));
    PetscCall(NomosPCSORSetBackend(pc, "host"));
    PetscCall(NomosPCSORSetOrdering(pc, "natural"));
    PetscCall(PCApply(pc, b, want));
    PetscCall(NomosPCSORSetBackend(pc, "jacobi"));
    PetscCall(NomosPCSORSetJacobiSweeps(pc, 150)); /* more than there are levels */
    PetscCall(PCApply(pc, b, x));
    PetscCall(CheckVecs("Jacobi to the end = triangular solves", x, want, 100 * EPS));
  }
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&want));
  PetscCall(PCDestroy(&pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* one rank: multicolor is MatSOR of the matrix permuted by colour */
static PetscErrorCode AgainstPermuted(Mat A)
{
  PC              pc;
  Mat             B;
  Vec             b, x, y;
  IS              is;
  PetscInt        n, nc, k = 0, *order;
  const PetscInt *color;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(MakePC(A, &pc));
  PetscCall(NomosPCSORSetOmega(pc, 1.4));
  PetscCall(NomosPCSORSetOrdering(pc, "multicolor"));
  PetscCall(PCSetUp(pc));
  PetscCall(NomosPCSORGetColoring(pc, &nc, &color, NULL));
  PetscCall(PetscMalloc1(n, &order));
  for (PetscInt c = 0; c < nc; c++)
    for (PetscInt i = 0; i < n; i++)
      if (color[i] == c) order[k++] = i;
  CheckInt("every row has a colour", k, n);
  PetscCall(ISCreateGeneral(PETSC_COMM_SELF, n, order, PETSC_OWN_POINTER, &is));
  PetscCall(ISSetPermutation(is));
  PetscCall(MatPermute(A, is, is, &B));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecDuplicate(x, &y));
  for (int s = 0; s < 3; s++) {
    PetscCall(NomosPCSORSetSweep(pc, sweeps[s]));
    PetscCall(Fill(b, 3));
    PetscCall(PCApply(pc, b, x));
    PetscCall(VecPermute(b, is, PETSC_FALSE));
    PetscCall(MatSOR(B, b, 1.4, (MatSORType)(SOR_ZERO_INITIAL_GUESS | kinds[s]), 0, 1, 1, y));
    PetscCall(VecPermute(x, is, PETSC_FALSE));
    PetscCall(CheckVecs("multicolor = MatSOR of the permuted matrix", x, y, 1e-14));
  }
  PetscCall(ISDestroy(&is));
  PetscCall(MatDestroy(&B));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(PCDestroy(&pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* coupled rows have different colours, on all ranks */
static PetscErrorCode ValidColors(Mat A)
{
  PC                 pc;
  Vec                c, all;
  VecScatter         sc;
  const PetscInt    *color, *cols;
  const PetscScalar *a;
  PetscInt           lo, hi, nc, many, bad = 0;
  PetscInt64         hash;

  PetscFunctionBegin;
  PetscCall(MakePC(A, &pc));
  PetscCall(NomosPCSORSetOrdering(pc, "multicolor"));
  PetscCall(NomosPCSORSetScope(pc, "global"));
  PetscCall(PCSetUp(pc));
  PetscCall(NomosPCSORGetColoring(pc, &nc, &color, &hash));
  CheckTrue("2 to 30 colours", nc >= 2 && nc <= 30);
  CheckTrue("a hash", hash != 0);
  PetscCall(MatCreateVecs(A, &c, NULL));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) PetscCall(VecSetValue(c, g, color[g - lo], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(c));
  PetscCall(VecAssemblyEnd(c));
  PetscCall(VecScatterCreateToAll(c, &sc, &all));
  PetscCall(VecScatterBegin(sc, c, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(sc, c, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(all, &a));
  for (PetscInt g = lo; g < hi; g++) {
    PetscCall(MatGetRow(A, g, &many, &cols, NULL));
    for (PetscInt k = 0; k < many; k++) bad += cols[k] != g && a[cols[k]] == a[g];
    PetscCall(MatRestoreRow(A, g, &many, &cols, NULL));
  }
  CheckInt("coupled rows of one colour", bad, 0);
  PetscCall(VecRestoreArrayRead(all, &a));
  PetscCall(VecScatterDestroy(&sc));
  PetscCall(VecDestroy(&c));
  PetscCall(VecDestroy(&all));
  PetscCall(PCDestroy(&pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* scope global: the same colours give the same vector on one rank and on all of them */
static PetscErrorCode RanksDoNotMatter(PetscInt nx, PetscInt ny)
{
  PetscInt64 hash[2];
  Mat        A[2];
  Vec        x[2], b[2];

  PetscFunctionBegin;
  for (int t = 0; t < 2; t++) { /* all ranks together; each alone with the whole matrix */
    PetscCall(GridMatrix(t ? PETSC_COMM_SELF : PETSC_COMM_WORLD, nx, ny, PETSC_TRUE, 0.3, &A[t]));
    PetscCall(MatCreateVecs(A[t], &b[t], &x[t]));
    PetscCall(Fill(b[t], 4));
  }
  for (int k = 0; k < 3; k++)
    for (PetscInt its = 1; its <= 3; its += 2) {
      PetscReal          worst = 0, norm;
      PetscInt           first;
      const PetscScalar *a, *w;

      for (int t = 0; t < 2; t++) {
        PC       pc;
        PetscInt lo, hi, *color;

        PetscCall(MatGetOwnershipRange(A[t], &lo, &hi));
        PetscCall(PetscMalloc1(hi - lo, &color));
        for (PetscInt g = lo; g < hi; g++) color[g - lo] = (g % nx) % 2 + 2 * ((g / nx) % 2); /* four colours: nine points */
        PetscCall(MakePC(A[t], &pc));
        PetscCall(NomosPCSORSetColoring(pc, hi - lo, color));
        PetscCall(NomosPCSORSetScope(pc, "global"));
        PetscCall(NomosPCSORSetSweep(pc, sweeps[k]));
        PetscCall(NomosPCSORSetIterations(pc, its));
        PetscCall(NomosPCSORSetOmega(pc, 1.2));
        PetscCall(PCApply(pc, b[t], x[t]));
        PetscCall(NomosPCSORGetColoring(pc, NULL, NULL, &hash[t]));
        PetscCall(PetscFree(color));
        PetscCall(PCDestroy(&pc));
      }
      CheckTrue("the hash of the colouring", hash[0] == hash[1]);
      PetscCall(VecGetOwnershipRange(x[0], &first, NULL));
      PetscCall(VecNorm(x[1], NORM_INFINITY, &norm));
      PetscCall(VecGetArrayRead(x[0], &a));
      PetscCall(VecGetArrayRead(x[1], &w));
      {
        PetscInt n;

        PetscCall(VecGetLocalSize(x[0], &n));
        for (PetscInt i = 0; i < n; i++) worst = PetscMax(worst, PetscAbs(a[i] - w[first + i]));
      }
      PetscCall(VecRestoreArrayRead(x[0], &a));
      PetscCall(VecRestoreArrayRead(x[1], &w));
      CheckClose("one rank = all ranks", worst / norm, 0, 1e-12);
    }
  for (int t = 0; t < 2; t++) {
    PetscCall(MatDestroy(&A[t]));
    PetscCall(VecDestroy(&b[t]));
    PetscCall(VecDestroy(&x[t]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <M x, y> = <x, M^T y>; and M = M^T for symmetric sweeps over a symmetric matrix */
static PetscErrorCode Transposes(Mat A, PetscBool symmetric)
{
  PC          pc;
  Vec         x, y, mx, my;
  PetscReal   p, q, nx, ny;
  PetscMPIInt size;
  char        what[128];

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(MatCreateVecs(A, &x, &y));
  PetscCall(VecDuplicate(x, &mx));
  PetscCall(VecDuplicate(x, &my));
  PetscCall(Fill(x, 5));
  PetscCall(Fill(y, 6));
  for (int o = 0; o < 5; o++) /* 4: backend jacobi */
    for (int k = 0; k < 3; k++)
      for (int global = 0; global < 2; global++)
        for (PetscInt its = 1; its <= (o == 4 ? 1 : 2); its++) {
          if (global && size > 1 && (o < 2 || o == 4)) continue;
          PetscCall(MakePC(A, &pc));
          if (o == 4) PetscCall(NomosPCSORSetBackend(pc, "jacobi"));
          else PetscCall(NomosPCSORSetOrdering(pc, orderings[o]));
          PetscCall(NomosPCSORSetBlockSize(pc, 11));
          PetscCall(NomosPCSORSetSweep(pc, sweeps[k]));
          PetscCall(NomosPCSORSetScope(pc, global ? "global" : "local"));
          PetscCall(NomosPCSORSetIterations(pc, its));
          PetscCall(NomosPCSORSetOmega(pc, 0.9));
          PetscCall(PCApply(pc, x, mx));
          if (symmetric && k == 0) PetscCall(PCApply(pc, y, my));
          else PetscCall(PCApplyTranspose(pc, y, my));
          PetscCall(VecDot(mx, y, &p));
          PetscCall(VecDot(x, my, &q));
          PetscCall(VecNorm(mx, NORM_2, &nx));
          PetscCall(VecNorm(y, NORM_2, &ny));
          snprintf(what, sizeof(what), "%s: %s %s %s its %d", symmetric && k == 0 ? "symmetry" : "transpose", o == 4 ? "jacobi" : orderings[o], sweeps[k], global ? "global" : "local", (int)its);
          CheckClose(what, p / (nx * ny), q / (nx * ny), 100 * EPS); /* sums of about 1000 numbers of changing sign */
          PetscCall(PCDestroy(&pc));
        }
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&mx));
  PetscCall(VecDestroy(&my));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat         A, S;
  PetscMPIInt size;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 23, 31, PETSC_FALSE, 0.4, &A));
  PetscCall(GridMatrix(PETSC_COMM_WORLD, 23, 31, PETSC_TRUE, 0, &S));
  PetscCall(AgainstMatSOR(A));
  PetscCall(AgainstMatSOR(S));
  if (size == 1) {
    PetscCall(SameIterates(A));
    PetscCall(SameIterates(S));
    PetscCall(AgainstPermuted(A));
  }
  PetscCall(ValidColors(A));
  PetscCall(ValidColors(S));
  PetscCall(RanksDoNotMatter(19, 22));
  PetscCall(RanksDoNotMatter(2, 2)); /* ranks with one row */
  PetscCall(Transposes(A, PETSC_FALSE));
  PetscCall(Transposes(S, PETSC_TRUE));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&S));
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4  args: -mat_no_inode
TEST*/
