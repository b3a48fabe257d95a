/* The automatic context: how far a matrix is from its diagonal, on irregular rows (none, a few, many entries; the diagonal first, last, zero, missing,
   negative or NaN; dominated rows beyond the clip), in every format that it reads, against loops over all pairs of rows and columns. */
#include "nomostest.h"
#include "petsc_ext/ksp/nomostune.h"

#define N 60

/* A symmetric matrix by formula: rows of size 0 to about N/2, moduli over five decades. kind 1: with a NaN on the diagonal. */
static double Value(int kind, PetscInt i, PetscInt j)
{
  const PetscInt lo = PetscMin(i, j), hi = PetscMax(i, j);
  const uint64_t h  = ((uint64_t)(lo * N + hi) + 1) * 0x9e3779b97f4a7c15u, z = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u, u = z >> 32;

  if (i == j) {
    if (i % 7 == 2) return 0; /* stored */
    if (kind && i == 11) return (double)NAN;
    return (i % 5 == 3 ? -1 : 1) * exp(3 * sin((double)i)) * 4;
  }
  if (lo % 9 == 4 || hi % 9 == 4) return 0; /* nothing but a diagonal */
  return (int)(u % 97) < (int)(lo % 6) * 6 + 2 ? (u % 2 ? 1 : -1) * exp(0.011 * (double)(u % 1000) - 7) : 0;
}

static void Reference(int kind, double *q, double *ratio)
{
  *q = *ratio = 0;
  for (PetscInt i = 0; i < N; i++) {
    double sum = 0, rest = 0, d = Value(kind, i, i);

    if (i % 11 == 6) d = 0; /* missing, below */
    for (PetscInt j = 0; j < N; j++) sum += Value(kind, i, j);
    for (PetscInt j = 0; j < N; j++) rest += j == i ? 0 : fabs(Value(kind, i, j));
    if (!(fabs(d) > 0)) continue;
    *q += fmin(fmax(-1, sum / d), 4) / N;
    *ratio = fmax(*ratio, rest / fabs(d));
  }
}

static PetscErrorCode Check(const char type[], PetscInt bs, int kind)
{
  const PetscBool half = (PetscBool)(strstr(type, "sbaij") != NULL);
  PetscReal       q, alone, ratio;
  double          wantq, wantr;
  PetscInt        lo, hi;
  char            what[128];
  Mat             A;

  PetscFunctionBegin;
  PetscCall(MatCreate(PETSC_COMM_WORLD, &A));
  PetscCall(MatSetSizes(A, PETSC_DECIDE, PETSC_DECIDE, N, N));
  PetscCall(MatSetBlockSize(A, bs));
  PetscCall(MatSetType(A, type));
  PetscCall(MatSetUp(A));
  PetscCall(MatSetOption(A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++)
    for (PetscInt j = half ? i : 0; j < N; j++) {
      const double v = Value(kind, i, j);

      if (i == j && i % 11 == 6) continue;
      if (i == j || v != 0) PetscCall(MatSetValue(A, i, j, v, INSERT_VALUES));
    }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(NomosKSPTuneDominance(A, &q, &ratio));
  PetscCall(NomosKSPTuneDominance(A, &alone, NULL));
  CheckTrue("the same without the ratio", alone == q);
  Reference(kind, &wantq, &wantr);
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, blocks of %d, kind %d: ", type, (int)bs, kind));
  CheckClose(strcat(what, "mean"), q, wantq, N * (1 + wantr) * PETSC_MACHINE_EPSILON); /* of sums of up to N numbers, moduli up to 1 + wantr */
  CheckClose("ratio", ratio / wantr, 1, 2 * N * PETSC_MACHINE_EPSILON);
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fewer rows than ranks. */
static PetscErrorCode Tiny(void)
{
  PetscReal q, ratio;
  PetscInt  lo, hi;
  Mat       A;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 2, 2, 2, NULL, 2, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(A, i, i, 4, INSERT_VALUES));
    PetscCall(MatSetValue(A, i, 1 - i, -1 - (PetscScalar)i, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(NomosKSPTuneDominance(A, &q, &ratio));
  CheckTrue("two rows: (3/4 + 1/2)/2 and 1/2", q == 0.625 && ratio == 0.5);
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  double q, ratio;

  NomosTestBegin(argc, argv);
  Reference(0, &q, &ratio);
  CheckTrue("some rows are dominated, none decides alone", q > -0.9 && q < 3.6 && ratio > 2);
  for (int kind = 0; kind < 2; kind++) {
    PetscCall(Check(MATAIJ, 1, kind));
    for (PetscInt bs = 1; bs <= 3; bs++) {
      PetscCall(Check(MATBAIJ, bs, kind));
      PetscCall(Check(MATSBAIJ, bs, kind));
    }
  }
  PetscCall(Tiny());
  return NomosTestEnd();
}
/*TEST
  sources: petsc_ext/ksp/nomostune_dominance.c
  np: 1 2 4
TEST*/
