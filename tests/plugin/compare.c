/* compare A B TOL: two vectors written by -ksp_view_solution binary:FILE and the like; status 0 when |A - B| <= TOL |A| in the largest entry.
   It knows only PETSc. */
#include <petscvec.h>
#include <stdlib.h>

static PetscErrorCode Read(const char file[], Vec *v)
{
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_SELF, file, FILE_MODE_READ, &viewer));
  PetscCall(VecCreate(PETSC_COMM_SELF, v));
  PetscCall(VecLoad(*v, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Vec       a, b;
  PetscReal norm, difference, tol;

  if (argc < 4 || PetscInitialize(&argc, &argv, NULL, NULL)) return 2;
  tol = atof(argv[3]);
  PetscCall(Read(argv[1], &a));
  PetscCall(Read(argv[2], &b));
  PetscCall(VecNorm(a, NORM_INFINITY, &norm));
  PetscCall(VecAXPY(b, -1, a));
  PetscCall(VecNorm(b, NORM_INFINITY, &difference));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "difference %g of %g\n", (double)difference, (double)norm));
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&b));
  if (PetscFinalize()) return 2;
  return norm > 0 && difference <= tol * norm ? 0 : 1;
}
