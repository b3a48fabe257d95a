/* The finite elements of examples/heat.h against solutions chosen beforehand. On every mesh: a field linear in space and time is
   reproduced to the solver's tolerance. On the meshes in the plane and on cubes cut into tetrahedra: error in L2 of order 2 for a
   field that is not linear in space. (Not on the refined bracket: the first regular refinement of its tetrahedra takes the
   longest edge from 0.31 to 0.23 only.) Implicit Euler makes no error in a field linear in time. */
#include "nomostest.h"
#include "../../examples/heat.h"

#define SOLVED 1e-11 /* relative residual of the solves; far below the error of the elements, 1e-4 */

/* u = (1 + t)(1 + x + 2 y + 3 z), k = 2 + t: f = u_t */
static PetscReal Linear(const Heat *h, PetscReal t, const PetscReal x[])
{
  return (1 + t) * (1 + x[0] + 2 * x[1] + 3 * x[2]);
}

static PetscReal LinearSource(const Heat *h, PetscReal t, const PetscReal x[])
{
  return Linear(h, 0, x);
}

static PetscReal LinearConductivity(const Heat *h, PetscReal t, const PetscReal x[])
{
  return 2 + t;
}

/* u = (1 + t) sin(s), s = x + 2 y + z, k = (1 + t)(4 + x): f = u_t - div(k grad u) */
static PetscReal Exact(const Heat *h, PetscReal t, const PetscReal x[])
{
  return (1 + t) * PetscSinReal(x[0] + 2 * x[1] + x[2]);
}

static PetscReal Conductivity(const Heat *h, PetscReal t, const PetscReal x[])
{
  return (1 + t) * (4 + x[0]);
}

static PetscReal Source(const Heat *h, PetscReal t, const PetscReal x[])
{
  const PetscReal s = x[0] + 2 * x[1] + x[2], laplacian = h->dim == 2 ? 5 : 6;

  return PetscSinReal(s) + PetscSqr(1 + t) * ((4 + x[0]) * laplacian * PetscSinReal(s) - PetscCosReal(s));
}

/* the cube (0,1)^3 in n^3 cubes, each cut into the six tetrahedra around one diagonal (Kuhn, 1960): their shape does not change with n */
static PetscErrorCode Cube(PetscInt n, DM *dm)
{
  const PetscInt path[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}, m = n + 1;
  PetscMPIInt    rank;
  PetscInt       ncells, nvertices, at = 0, *cell;
  PetscReal     *x;
  DMLabel        sets;
  DM             shared;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  ncells    = rank ? 0 : 6 * n * n * n;
  nvertices = rank ? 0 : m * m * m;
  PetscCall(PetscMalloc2(4 * ncells, &cell, 3 * nvertices, &x));
  for (PetscInt v = 0; v < nvertices; v++) {
    x[3 * v]     = (PetscReal)(v % m) / (PetscReal)n;
    x[3 * v + 1] = (PetscReal)(v / m % m) / (PetscReal)n;
    x[3 * v + 2] = (PetscReal)(v / (m * m)) / (PetscReal)n;
  }
  for (PetscInt c = 0; c < ncells; c++) {
    const PetscInt q = c / 6, step[3] = {1, m, m * m};
    PetscInt       v = q % n + m * (q / n % n) + m * m * (q / (n * n));

    cell[at++] = v;
    for (PetscInt k = 0; k < 3; k++) cell[at++] = v += step[path[c % 6][k]];
  }
  PetscCall(DMPlexCreateFromCellListPetsc(PETSC_COMM_WORLD, 3, ncells, nvertices, 4, PETSC_TRUE, cell, 3, x, dm));
  PetscCall(PetscFree2(cell, x));
  PetscCall(DMCreateLabel(*dm, "Face Sets"));
  PetscCall(DMGetLabel(*dm, "Face Sets", &sets));
  PetscCall(DMPlexMarkBoundaryFaces(*dm, 1, sets)); /* while one rank has the mesh */
  PetscCall(DMPlexDistribute(*dm, 0, NULL, &shared));
  if (shared) {
    PetscCall(DMDestroy(dm));
    *dm = shared;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the error in L2 after three steps; n > 0: on a cube, otherwise on the mesh of the options */
static PetscErrorCode Error(Heat h, PetscInt n, PetscInt refine, PetscReal *error)
{
  const HeatField exact = h.boundary;
  Mat             A;
  Vec             u, b, local;
  KSP             ksp;
  PetscReal       sum[2];

  PetscFunctionBegin;
  h.dt = 0.1;
  if (n) PetscCall(Cube(n, &h.dm));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, refine, -1, NULL, &h));
  PetscCall(DMCreateMatrix(h.dm, &A));
  PetscCall(DMCreateGlobalVector(h.dm, &u));
  PetscCall(VecDuplicate(u, &b));
  PetscCall(DMCreateLocalVector(h.dm, &local));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetTolerances(ksp, SOLVED, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(KSPSetErrorIfNotConverged(ksp, PETSC_TRUE));
  PetscCall(HeatInterpolate(&h, exact, 0, PETSC_TRUE, local));
  PetscCall(DMLocalToGlobal(h.dm, local, INSERT_VALUES, u));
  for (PetscInt s = 1; s <= 3; s++) {
    PetscCall(DMGlobalToLocal(h.dm, u, INSERT_VALUES, local));
    PetscCall(HeatAssemble(&h, (PetscReal)s * h.dt, local, A, b));
    PetscCall(KSPSolve(ksp, b, u));
  }
  PetscCall(DMGlobalToLocal(h.dm, u, INSERT_VALUES, local));
  PetscCall(HeatIntegrate(&h, local, exact, 3 * h.dt, sum));
  *error = PetscSqrtReal(sum[1]);
  if (n && exact == Linear) CheckClose("integral of the linear field over the cube", sum[0], 1.3 * 4, 100 * SOLVED); /* 1 + 1/2 + 2/2 + 3/2, t = 0.3 */
  PetscCall(VecDestroy(&local));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&u));
  PetscCall(MatDestroy(&A));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const Heat  linear = {.conductivity = LinearConductivity, .source = LinearSource, .boundary = Linear};
  const Heat  sine   = {.conductivity = Conductivity, .source = Source, .boundary = Exact};
  const char *mesh[] = {"lshape", "plate", "airfoil", "bracket"};
  char        what[128];
  PetscReal   error[2];

  NomosTestBegin(argc, argv);
  PetscCall(PetscOptionsSetValue(NULL, "-petscpartitioner_type", "simple")); /* PETSc's own: this is about the elements */
  for (int k = 0; k < 5; k++) {
    if (k < 4) {
      PetscCall(PetscSNPrintf(what, sizeof(what), "meshes/%s.msh", mesh[k]));
      PetscCall(PetscOptionsSetValue(NULL, "-dm_plex_filename", NomosTestFile(what)));
      PetscCall(Error(linear, 0, 0, error));
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: error of a linear field %.3e\n", mesh[k], (double)error[0]));
      CheckClose(what, error[0], 0, 100 * SOLVED); /* |u| up to 15 on an area of 12, condition of the preconditioned matrix < 10 */
    } else {
      PetscCall(PetscOptionsClearValue(NULL, "-dm_plex_filename"));
      PetscCall(Error(linear, 4, 0, error));
    }
    if (k == 3) continue;
    for (PetscInt r = 0; r < 2; r++) PetscCall(Error(sine, k == 4 ? 6 << r : 0, k == 4 ? 0 : r, &error[r]));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: errors %.3e, %.3e: order %.3f\n", k == 4 ? "cube" : mesh[k], (double)error[0], (double)error[1], (double)PetscLog2Real(error[0] / error[1])));
    CheckClose(k == 4 ? "order on cubes" : what, PetscLog2Real(error[0] / error[1]), 2, 0.05); /* the next term of the error: h^2 relative to the first */
  }
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
