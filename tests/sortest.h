/* Matrices for the tests of nomossor: grids with changing coefficients, rows split over the ranks of a communicator. */
#ifndef NOMOS_SORTEST_H
#define NOMOS_SORTEST_H
#include <nomos.h>
#include "nomostest.h"

/* a number in (0,1) from an integer, the same on every rank */
static inline double Chance(PetscInt k)
{
  uint64_t z = (uint64_t)(k + 12345) * 0x9e3779b97f4a7c15u;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

/* Five-point (nine with corners) matrix on nx x ny points, row-major. skew = 0: symmetric, positive definite. */
static inline PetscErrorCode GridMatrix(MPI_Comm comm, PetscInt nx, PetscInt ny, PetscBool corners, PetscReal skew, Mat *A)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(comm, PETSC_DECIDE, PETSC_DECIDE, nx * ny, nx * ny, 9, NULL, 9, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) {
    const PetscInt i = g % nx, j = g / nx;
    PetscReal      sum = 0.1 + 0.5 * Chance(g);

    for (PetscInt dj = -1; dj <= 1; dj++)
      for (PetscInt di = -1; di <= 1; di++) {
        const PetscInt h = g + dj * nx + di;
        PetscReal      v;

        if ((!di && !dj) || i + di < 0 || i + di >= nx || j + dj < 0 || j + dj >= ny || (di && dj && !corners)) continue;
        v = 0.5 + Chance(PetscMin(g, h) * 1009 + PetscAbs(g - h));
        sum += v;
        PetscCall(MatSetValue(*A, g, h, -v * (1 + (h > g ? skew : -skew)), INSERT_VALUES));
      }
    PetscCall(MatSetValue(*A, g, g, sum, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode Fill(Vec v, PetscInt seed)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) PetscCall(VecSetValue(v, g, 2 * Chance(g * 31 + seed * 1000003) - 1, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |a - b| <= tol |b| */
static inline PetscErrorCode CheckVecs(const char what[], Vec a, Vec b, PetscReal tol)
{
  Vec       d;
  PetscReal n, m;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(a, &d));
  PetscCall(VecWAXPY(d, -1, b, a));
  PetscCall(VecNorm(d, NORM_2, &n));
  PetscCall(VecNorm(b, NORM_2, &m));
  CheckTrue("a vector that is not zero", m > 0);
  CheckClose(what, n / m, 0, tol);
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MakePC(Mat A, PC *pc)
{
  PetscFunctionBegin;
  PetscCall(PCCreate(PetscObjectComm((PetscObject)A), pc));
  PetscCall(PCSetType(*pc, PCNOMOSSOR));
  PetscCall(PCSetOperators(*pc, A, A));
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif
