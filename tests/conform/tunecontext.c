/* What the tuning KSP reads off the matrix, by its log: linear finite elements on an interval, mass + k stiffness. The automatic context is log10 of the mean of
   (row sum) / diagonal, a closed form, and another number for every k. With the moduli of the entries instead of the entries it would be the
   same for a small and for a large k. The formula's learner gets Gershgorin's ratio, where moduli are right. */
#include <petscksp.h>
#include "compat.h"
#include "nomostest.h"
#include <nomos.h>

#define N 40
#define K 12

/* k in units of h^2: entries of the mass matrix over h are 2/3 and 1/6, of the stiffness matrix 2 and -1 */
static double Stiffness(int i)
{
  return pow(10, -3 + 0.5 * i);
}

static PetscErrorCode Fill(Mat A, double k)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++)
    for (PetscInt j = PetscMax(i - 1, 0); j <= PetscMin(i + 1, N - 1); j++) PetscCall(MatSetValue(A, i, j, i == j ? 2. / 3 + 2 * k : 1. / 6 - k, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* solves with every k; context and arm of each, as logged */
static PetscErrorCode Logged(MatType type, const char prefix[], const char options[], double sign, double context[], double omega[])
{
  char line[256];
  Mat  A;
  Vec  x, b;
  KSP  ksp;
  int  rank, rows = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(MatCreate(PETSC_COMM_WORLD, &A));
  PetscCall(MatSetSizes(A, PETSC_DECIDE, PETSC_DECIDE, N, N));
  PetscCall(MatSetType(A, type));
  PetscCall(MatSetUp(A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecSet(b, 1));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, prefix));
  PetscCall(KSPSetType(ksp, KSPGMRES)); /* also for the negative matrix */
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetFromOptions(ksp));
  for (int i = 0; i < K; i++) {
    PetscCall(Fill(A, Stiffness(i)));
    PetscCall(MatScale(A, sign));
    PetscCall(KSPSolve(ksp, b, x));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  if (!rank) {
    FILE *f = fopen("context.csv", "r");

    PetscCheck(f, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "no log was written");
    while (fgets(line, sizeof(line), f))
      if (rows < K && sscanf(line, "%*d,%lf,%lf,", &context[rows], &omega[rows]) == 2) rows++;
    fclose(f);
    CheckInt("a line per solve", rows, K);
  }
  PetscCallMPI(MPI_Bcast(context, K, MPI_DOUBLE, 0, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Bcast(omega, K, MPI_DOUBLE, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Context(MatType type, double sign)
{
  double context[K] = {0}, omega[K];

  PetscFunctionBegin;
  PetscCall(Logged(type, "c_", "-c_ksp_type nomostune -c_pc_type jacobi -c_ksp_nomostune_method fixed -c_ksp_nomostune_param_0 ksp_gmres_restart:int:20:40:2 -c_ksp_nomostune_log context.csv", sign, context, omega));
  for (int i = 0; i < K; i++) {
    const double k = Stiffness(i), diagonal = 2. / 3 + 2 * k, ends = 2. / 3 + 1. / 6 + 2 * k - k; /* sum of the first and of the last row */

    CheckClose("mean of (row sum) / diagonal", context[i], log10(((N - 2) + 2 * ends) / (N * diagonal)), 1e3 * PETSC_MACHINE_EPSILON); /* cancels to 1e-3 */
    if (i) CheckTrue("another one for every k", context[i] < context[i - 1] - 1e-3);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the grid point nearest to 2 / (1 + sqrt(2 (1 - beta))); the largest ratio is that of a row inside */
static PetscErrorCode Formula(void)
{
  double context[K], omega[K] = {0};

  PetscFunctionBegin;
  PetscCall(Logged(MATAIJ, "f_", "-f_ksp_type nomostune -f_pc_type sor -f_ksp_nomostune_method young -f_ksp_nomostune_cap 0 -f_ksp_nomostune_budget -1 -f_ksp_nomostune_log context.csv", 1, context, omega));
  for (int i = 0; i < K; i++) {
    const double k = Stiffness(i), beta = 2 * fabs(1. / 6 - k) / (2. / 3 + 2 * k), w = 2 / (1 + sqrt(2 * (1 - beta)));

    CheckClose("the formula's omega", omega[i], PetscMax(1, w), 0.025 + 1e-12); /* half a step of the grid */
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(Context(MATAIJ, 1));
  PetscCall(Context(MATAIJ, -1));
  PetscCall(Context(MATBAIJ, 1));
  PetscCall(Formula());
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
