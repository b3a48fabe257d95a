/* Iterations of SSOR-CG on the heat problem (nx = 100, every 50th of 5000 steps): the counts that another program found, within
   3 %. With -axelsson omega comes from the formula at every step (exact Jacobi radius) and the counts are only printed. The states between those steps come from sine transforms, not from solves. */
#include "sortest.h"

#define NX    100
#define N     (NX - 1)
#define STEPS 5000
#define EVERY 50
#define DT    1e-3
static double S[N][N], U[N][N], F[N][N], P[N][N]; /* sines; coefficients of the state and of the source; work */
static double W[N];                               /* eigenvalues of the second difference */

static double Kappa(double t)
{
  const double s = sin(2 * PETSC_PI * t);

  return PetscMax(0.1 * s, -10 * s);
}
static double Bump(double x, double y, double cx, double cy, double r)
{
  const double d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (r * r);

  return d < 1 ? exp(1 - 1 / (1 - d)) : 0;
}
static double Source(double x, double y, double t)
{
  return 32 * Bump(x, y, 0.5 + cos(16 * PETSC_PI * t) / 4, 0.5 + sin(16 * PETSC_PI * t) / 4, 0.125);
}

/* C = S f S^T for a field given by a function of (x, y); rows and columns that are zero are passed over */
static void Transform(double f[N][N], double c[N][N])
{
  for (int i = 0; i < N; i++) {
    int some = 0;

    for (int j = 0; j < N; j++) P[i][j] = 0;
    for (int k = 0; k < N; k++)
      if (f[i][k] != 0) {
        some = 1;
        for (int j = 0; j < N; j++) P[i][j] += f[i][k] * S[k][j];
      }
    if (!some) P[i][0] = NAN; /* marks a row of zeros */
  }
  for (int j = 0; j < N; j++)
    for (int k = 0; k < N; k++) c[j][k] = 0;
  for (int i = 0; i < N; i++) {
    if (isnan(P[i][0])) continue;
    for (int j = 0; j < N; j++)
      for (int k = 0; k < N; k++) c[j][k] += S[i][j] * P[i][k];
  }
}

static double Field[N][N];
static void   SourceCoefficients(double t)
{
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) Field[i][j] = Source((j + 1.0) / NX, (i + 1.0) / NX, t);
  Transform(Field, F);
}

static void Start(void)
{
  for (int i = 0; i < N; i++) {
    W[i] = -4.0 * NX * NX * pow(sin((i + 1) * PETSC_PI / (2 * NX)), 2);
    for (int j = 0; j < N; j++) {
      S[i][j]     = sqrt(2.0 / NX) * sin((i + 1) * (j + 1) * PETSC_PI / NX); /* orthogonal and symmetric */
      Field[i][j] = Bump((j + 1.0) / NX, (i + 1.0) / NX, 0.5, 0.5, 0.25);
    }
  }
  Transform(Field, U);
}

typedef struct {
  const char *name;
  PetscInt    colors; /* 0: natural; -e: two colours of blocks of e x e points, natural inside */
  PetscReal   omega;
  PetscInt    want[2]; /* on one rank; on two with scope local */
  PetscInt    strips;  /* one rank: the preconditioner leaves out what couples so many strips, as scope local does on so many ranks */
} Case;
static const Case cases[] = {
    {"natural",           0,   1.80, {1237, 0}, 0 },
    {"2 colours",         2,   1.00, {3233, 0}, 0 },
    {"4 colours",         4,   1.15, {2745, 0}, 0 },
    {"blocks of 4 x 4",   -4,  1.30, {2215, 0}, 0 },
    {"blocks of 8 x 8",   -8,  1.50, {1965, 0}, 0 },
    {"blocks of 16 x 16", -16, 1.55, {1778, 0}, 0 },
    {"8 strips",          0,   1.65, {2029, 0}, 8 },
    {"25 strips",         0,   1.50, {2649, 0}, 25},
    {"2 strips, 1 rank",  0,   1.75, {1787, 0}, 2 },
    {"2 strips",          0,   1.75, {0, 1787}, 0 },
};
#define CASES ((int)(sizeof(cases) / sizeof(*cases)))

/* The colours of an order of blocks: blocks by colour of the chessboard, rows by number inside. What is swept together is the
   level of a row in that order, which gives its iterates and is a colouring of rows. One rank. */
static void BlockLevels(PetscInt edge, PetscInt color[])
{
  for (PetscInt g = 0; g < N * N; g++) color[g] = -1;
  for (int c = 0; c < 2; c++)
    for (PetscInt bi = 0; bi * edge < N; bi++)
      for (PetscInt bj = 0; bj * edge < N; bj++) {
        if ((bi + bj) % 2 != c) continue;
        for (PetscInt i = bi * edge; i < PetscMin(N, (bi + 1) * edge); i++)
          for (PetscInt j = bj * edge; j < PetscMin(N, (bj + 1) * edge); j++) {
            const PetscInt g = i * N + j, next[4] = {i > 0 ? g - N : g, i < N - 1 ? g + N : g, j > 0 ? g - 1 : g, j < N - 1 ? g + 1 : g};
            PetscInt       most = -1;

            for (int k = 0; k < 4; k++) most = PetscMax(most, color[next[k]]); /* -1: swept later */
            color[g] = most + 1;
          }
      }
}

/* the first line of a strip: the first ones have a line more, as PETSc splits rows */
static PetscBool Begins(PetscInt line, PetscInt strips)
{
  for (PetscInt k = 1; k < strips; k++)
    if (line == k * (N / strips) + PetscMin(k, N % strips)) return PETSC_TRUE;
  return PETSC_FALSE;
}

static PetscErrorCode Matrix(Mat A, double kappa, PetscInt strips)
{
  const double c = 0.5 * DT * kappa * NX * NX;
  PetscInt     lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) {
    const PetscInt i = g / N, j = g % N;

    PetscCall(MatSetValue(A, g, g, 1 + 4 * c, INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(A, g, g - N, Begins(i, strips) ? 0 : -c, INSERT_VALUES));
    if (i < N - 1) PetscCall(MatSetValue(A, g, g + N, Begins(i + 1, strips) ? 0 : -c, INSERT_VALUES));
    if (j > 0) PetscCall(MatSetValue(A, g, g - 1, -c, INSERT_VALUES));
    if (j < N - 1) PetscCall(MatSetValue(A, g, g + 1, -c, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(Vec v, double f[N][N])
{
  PetscInt     lo, hi;
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  PetscCall(VecGetArrayWrite(v, &a));
  for (PetscInt g = lo; g < hi; g++) a[g - lo] = f[g / N][g % N];
  PetscCall(VecRestoreArrayWrite(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat         A, part[CASES] = {NULL};
  Vec         u, b, f, x;
  KSP         ksp[CASES];
  PetscInt    total[CASES] = {0}, lo, hi;
  PetscMPIInt size, rank;
  PetscBool   formula = PETSC_FALSE;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsHasName(NULL, NULL, "-axelsson", &formula));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  lo = N * (N / size + (rank < N % size ? 1 : 0)); /* strips of whole lines */
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, lo, lo, N * N, N * N, 5, NULL, 5, NULL, &A));
  PetscCall(MatCreateVecs(A, &u, &b));
  PetscCall(VecDuplicate(u, &f));
  PetscCall(VecDuplicate(u, &x));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  PetscCall(Matrix(A, 1, 1));
  for (int c = 0; c < CASES; c++) {
    PC        pc;
    PetscInt *color;

    PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp[c]));
    PetscCall(KSPSetType(ksp[c], KSPCG));
    PetscCall(KSPSetNormType(ksp[c], KSP_NORM_UNPRECONDITIONED));
    PetscCall(KSPSetTolerances(ksp[c], 1e-8, 0, PETSC_DEFAULT, 1000));
    PetscCall(KSPSetInitialGuessNonzero(ksp[c], PETSC_TRUE));
    if (cases[c].strips && size == 1) PetscCall(MatDuplicate(A, MAT_DO_NOT_COPY_VALUES, &part[c]));
    PetscCall(KSPSetOperators(ksp[c], A, part[c] ? part[c] : A));
    PetscCall(KSPGetPC(ksp[c], &pc));
    PetscCall(PCSetType(pc, PCNOMOSSOR));
    PetscCall(NomosPCSORSetOmega(pc, cases[c].omega));
    if (!cases[c].colors || (cases[c].colors < 0 && size > 1)) continue;
    PetscCall(PetscMalloc1(hi - lo, &color));
    for (PetscInt g = lo; g < hi; g++) color[g - lo] = cases[c].colors == 2 ? (g / N + g % N) % 2 : g / N % 2 * 2 + g % N % 2;
    if (cases[c].colors < 0) BlockLevels(-cases[c].colors, color);
    PetscCall(NomosPCSORSetColoring(pc, hi - lo, color));
    PetscCall(PetscFree(color));
  }
  Start();
  for (int step = 0; step < STEPS; step++) {
    const double t = step * DT, kappa = Kappa(t + DT / 2), c = 0.5 * DT * kappa;

    SourceCoefficients(t + DT / 2);
    if (step % EVERY == 0) {
      Transform(U, Field); /* its own inverse */
      PetscCall(Put(u, Field));
      for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) Field[i][j] = Source((j + 1.0) / NX, (i + 1.0) / NX, t + DT / 2);
      PetscCall(Put(f, Field));
      PetscCall(Matrix(A, kappa, 1));
      for (int k = 0; k < CASES; k++)
        if (part[k]) PetscCall(Matrix(part[k], kappa, cases[k].strips));
      PetscCall(MatMult(A, u, b)); /* b = (2 I - A) u + dt f */
      PetscCall(VecAYPX(b, -1, f));
      PetscCall(VecAXPY(b, DT - 1, f));
      PetscCall(VecAXPY(b, 2, u));
      for (int k = 0; k < CASES; k++) {
        PetscInt           its;
        KSPConvergedReason reason;

        if (!cases[k].want[size > 1]) continue;
        if (formula) {
          const double a = 0.5 * DT * kappa * NX * NX, beta = 4 * a * cos(PETSC_PI / NX) / (1 + 4 * a);
          PC           pc;

          PetscCall(KSPGetPC(ksp[k], &pc));
          PetscCall(NomosPCSORSetOmega(pc, 2 / (1 + sqrt(2 * (1 - beta)))));
        }
        PetscCall(VecCopy(u, x));
        PetscCall(KSPSolve(ksp[k], b, x));
        PetscCall(KSPGetIterationNumber(ksp[k], &its));
        PetscCall(KSPGetConvergedReason(ksp[k], &reason));
        CheckTrue("converged", reason > 0);
        total[k] += its;
      }
    }
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) U[i][j] = ((1 + c * (W[i] + W[j])) * U[i][j] + DT * F[i][j]) / (1 - c * (W[i] + W[j]));
  }
  for (int k = 0; k < CASES; k++) {
    const PetscInt want = cases[k].want[size > 1];

    if (want) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s omega %g: %" PetscInt_FMT " iterations, expected %" PetscInt_FMT "\n", cases[k].name, (double)cases[k].omega, total[k], want));
    if (want && !formula) CheckClose(cases[k].name, (double)total[k] / (double)want, 1, 0.03); /* the margin of the design */
    PetscCall(KSPDestroy(&ksp[k]));
  }
  PetscCall(MatDestroy(&A));
  for (int k = 0; k < CASES; k++) PetscCall(MatDestroy(&part[k]));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&f));
  PetscCall(VecDestroy(&x));
  return NomosTestEnd();
}

/*TEST
  np: 1 2
TEST*/
