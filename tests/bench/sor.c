/* PC nomossor against PETSc's own, as ratios in one run. The parties take turns; a ratio is the median over the rounds of that of
   two neighbouring times, with the quartiles beside it, so that other processes on the core disturb both alike.
     -n 1000000    rows, about
     -rounds 9
     -points 5,7,27  which stencils
     -mat_type T   aijcusparse: where the matrix lives; MatSOR then copies, so look at spmv
   triad: what a core reads and writes, GB/s; floor_ms: the bytes of a sweep at that speed
   apply: one application of a symmetric sweep, nomossor natural over MatSOR (one rank: -mat_no_inode is set here)
   spmv: the same by ordering, over one product with the matrix
   eisenstat: seconds per iteration of CG, nomossor in Eisenstat's form over PCSOR; on one rank PETSc's PCEISENSTAT beside it */
#include <nomos.h>
#include <petsctime.h>
#include "nomostest.h"

#define MOST 64 /* rounds */
static char MatKind[64];
typedef struct {
  double t[3][MOST]; /* seconds of every party and round */
} Times;

static int Up(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return x < y ? -1 : x > y;
}

/* median and quartiles of t[a]/t[b], or of t[a] in ms (b < 0) */
static void Summary(const Times *w, int a, int b, PetscInt rounds, double q[3])
{
  double r[MOST];

  for (PetscInt i = 0; i < rounds; i++) r[i] = b < 0 ? 1e3 * w->t[a][i] : w->t[a][i] / w->t[b][i];
  qsort(r, (size_t)rounds, sizeof(*r), Up);
  for (int k = 0; k < 3; k++) q[k] = r[(rounds - 1) * (k + 1) / 4];
}

static PetscErrorCode Print(const char text[], const Times *w, int a, int b, PetscInt rounds)
{
  double q[3];

  PetscFunctionBegin;
  Summary(w, a, b, rounds, q);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, b < 0 ? " %s=%.2f" : " %s=%.3f quartiles=%.3f..%.3f", text, q[1], q[0], q[2]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* what this rank gets, all ranks at work: a = b + s c over arrays that no cache holds; 32 bytes an entry, a is read before it is written */
static PetscErrorCode Triad(double *gbs)
{
  const PetscInt n = 4000000;
  double        *a, *b, *c, best = 1e9;
  PetscLogDouble t0, t1;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(n, &a, n, &b, n, &c));
  for (PetscInt i = 0; i < n; i++) a[i] = b[i] = c[i] = 1;
  for (int r = 0; r < 9; r++) {
    PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    PetscCall(PetscTime(&t0));
    for (PetscInt i = 0; i < n; i++) a[i] = b[i] + 0.5 * c[i];
    PetscCall(PetscTime(&t1));
    b[r] = a[n - 1 - r];
    best = PetscMin(best, t1 - t0);
  }
  *gbs = 32e-9 * n / best;
  PetscCall(PetscFree3(a, b, c));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=triad gbs=%.1f\n", *gbs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 5-, 7- or 27-point matrix on a cube or square, -1 for neighbours */
static PetscErrorCode Stencil(int points, PetscInt rows, Mat *A)
{
  const int      dim = points == 5 ? 2 : 3;
  const PetscInt m = (PetscInt)round(pow((double)rows, 1.0 / dim)), nz = dim == 3 ? m : 1;
  PetscInt       lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, m * m * nz, m * m * nz, points, NULL, points, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) {
    const PetscInt x = g % m, y = g / m % m, z = g / m / m;
    PetscInt       col[27], k = 0;
    PetscScalar    v[27];

    for (int c = -1; c <= 1; c++)
      for (int b = -1; b <= 1; b++)
        for (int a = -1; a <= 1; a++) {
          if (points != 27 && PetscAbs(a) + PetscAbs(b) + PetscAbs(c) > 1) continue;
          if (x + a < 0 || x + a >= m || y + b < 0 || y + b >= m || z + c < 0 || z + c >= nz) continue;
          col[k] = g + a + m * (b + m * c);
          v[k++] = a || b || c ? -1 : points - 1 + 0.01;
        }
    PetscCall(MatSetValues(*A, 1, &g, k, col, v, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  if (MatKind[0]) PetscCall(MatConvert(*A, MatKind, MAT_INPLACE_MATRIX, A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* seconds until the result is there: a norm waits for a device */
static PetscErrorCode Timed(int party, PC pc, Mat A, Vec b, Vec x, double *t)
{
  PetscLogDouble t0, t1;
  PetscReal      norm;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(VecNorm(b, NORM_INFINITY, &norm));
  PetscCall(PetscTime(&t0));
  if (party == 0)
    PetscCall(PCApply(pc, b, x));
  else if (party == 1)
    PetscCall(MatSOR(A, b, 1.5, (MatSORType)(SOR_ZERO_INITIAL_GUESS | SOR_LOCAL_SYMMETRIC_SWEEP), 0, 1, 1, x));
  else
    PetscCall(MatMult(A, b, x));
  if (MatKind[0]) PetscCall(VecNorm(x, NORM_INFINITY, &norm));
  PetscCall(PetscTime(&t1));
  *t = t1 - t0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ApplyRatio(int points, PetscInt rows, PetscInt rounds, double gbs)
{
  static const char *const orderings[] = {"natural", "levels", "multicolor", "blockmulticolor"};
  Mat                      A;
  Vec                      b, x;
  PC                       pc;
  PetscInt                 n;
  Times                    w;
  MatInfo                  info;

  PetscFunctionBegin;
  PetscCall(Stencil(points, rows, &A));
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(MatGetInfo(A, MAT_GLOBAL_SUM, &info));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecSet(b, 1));
  for (int o = 0; o < 4; o++) {
    PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
    PetscCall(PCSetOperators(pc, A, A));
    PetscCall(PCSetType(pc, PCNOMOSSOR));
    PetscCall(NomosPCSORSetOmega(pc, 1.5));
    PetscCall(NomosPCSORSetOrdering(pc, orderings[o]));
    for (PetscInt r = -1; r < rounds; r++) /* one round to warm up */
      for (int party = 0; party < 3; party++)
        if (party != 1 || o == 0) PetscCall(Timed(party, pc, A, b, x, &w.t[party][PetscMax(r, 0)]));
    if (o == 0) { /* both passes read all of the matrix; b, t, x twice, id twice, three row pointers */
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=apply points=%d rows=%" PetscInt_FMT " floor_ms=%.2f", points, n, 1e-6 * (2 * 12 * info.nz_used + (80.0 + 16) * n) / gbs));
      PetscCall(Print("nomossor_ms", &w, 0, -1, rounds));
      PetscCall(Print("matsor_ms", &w, 1, -1, rounds));
      PetscCall(Print("ratio", &w, 0, 1, rounds));
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "\n"));
    }
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=spmv points=%d ordering=%s", points, orderings[o]));
    PetscCall(Print("nomossor_ms", &w, 0, -1, rounds));
    PetscCall(Print("matmult_ms", &w, 2, -1, rounds));
    PetscCall(Print("ratio", &w, 0, 2, rounds));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "\n"));
    PetscCall(PCDestroy(&pc));
  }
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* seconds per iteration of CG with the natural norm, 20 iterations */
static PetscErrorCode TimeCG(Mat A, const char pctype[], Vec b, Vec x, double *seconds, KSP *ksp)
{
  PetscLogDouble t0, t1;
  PC             pc;

  PetscFunctionBegin;
  if (!*ksp) {
    PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
    PetscCall(KSPSetType(*ksp, KSPCG));
    PetscCall(KSPSetNormType(*ksp, KSP_NORM_NATURAL));
    PetscCall(KSPSetOperators(*ksp, A, A));
    PetscCall(KSPSetTolerances(*ksp, 1e-50, 1e-50, PETSC_DEFAULT, 20));
    PetscCall(KSPGetPC(*ksp, &pc));
    PetscCall(PCSetType(pc, pctype));
    PetscCall(PCSORSetOmega(pc, 1.5));
    PetscCall(PCSORSetSymmetric(pc, SOR_LOCAL_SYMMETRIC_SWEEP));
    PetscCall(PCEisenstatSetOmega(pc, 1.5));
    PetscCall(NomosPCSORSetOmega(pc, 1.5));
    PetscCall(NomosPCSORSetEisenstat(pc, PETSC_TRUE));
    PetscCall(KSPSolve(*ksp, b, x));
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&t0));
  PetscCall(KSPSolve(*ksp, b, x));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&t1));
  *seconds = (t1 - t0) / 20;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EisenstatRatio(int points, PetscInt rows, PetscInt rounds)
{
  const char *types[] = {PCNOMOSSOR, PCSOR, PCEISENSTAT};
  KSP         ksp[3]  = {NULL, NULL, NULL};
  Mat         A;
  Vec         b, x;
  Times       w;
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(Stencil(points, rows, &A));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecSet(b, 1));
  for (PetscInt r = 0; r < rounds; r++)
    for (int k = 0; k < (size > 1 ? 2 : 3); k++) PetscCall(TimeCG(A, types[k], b, x, &w.t[k][r], &ksp[k]));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=eisenstat points=%d ranks=%d", points, (int)size));
  PetscCall(Print("nomossor_ms", &w, 0, -1, rounds));
  PetscCall(Print("pcsor_ms", &w, 1, -1, rounds));
  PetscCall(Print("ratio", &w, 0, 1, rounds));
  if (size == 1) PetscCall(Print("pceisenstat_ms", &w, 2, -1, rounds));
  if (size == 1) PetscCall(Print("ratio_pceisenstat", &w, 0, 2, rounds));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "\n"));
  for (int k = 0; k < 3; k++) PetscCall(KSPDestroy(&ksp[k]));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt    points[] = {5, 7, 27}, many = 3;
  PetscInt    rows = 1000000, rounds = 9;
  double      gbs = 0;
  PetscMPIInt size;
  PetscBool   given;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsSetValue(NULL, "-mat_no_inode", NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &rows, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-rounds", &rounds, NULL));
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-points", points, &many, &given));
  if (!given) many = 3;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-mat_type", MatKind, sizeof(MatKind), NULL));
  rounds = PetscMax(1, PetscMin(rounds, MOST));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(Triad(&gbs));
  for (PetscInt k = 0; k < many; k++) {
    if (size == 1) PetscCall(ApplyRatio((int)points[k], rows, rounds, gbs));
    PetscCall(EisenstatRatio((int)points[k], rows, rounds));
  }
  PetscCall(PetscFinalize());
  return 0;
}
