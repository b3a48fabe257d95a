/*
  A trained model inside a program of your own: load it, call it in a time loop on a DMDA, at another resolution than it was
  trained at. No Python, no training code.

    cd examples
    mpicc ex3_load_model.c $(pkg-config --cflags --libs nomos) -o ex3_load_model
    ./ex3_load_model -model data/darcy_tiny.h5 -n 32
    mpiexec -n 2 ./ex3_load_model ...                       the field is distributed; every rank evaluates, keeps its part
    ./ex3_load_model -model model.h5 -n 16 -latency 1000    microseconds of one evaluation at batch 1

  The loop: a round inclusion (phase 1 in phase 0) moves through the box, the net gives the pressure at every step.
*/
static char help[] = "Evaluates a trained model in a time loop; see the head of the source.\n";
#include <nomos.h>
#include <petscdmda.h>
#include <petsctime.h>

static PetscScalar Phase(PetscInt n, PetscInt i, PetscInt j, PetscReal t)
{
  const PetscReal x = (PetscReal)i / (PetscReal)n - 0.5 - 0.2 * PetscCosReal(2 * PETSC_PI * t), y = (PetscReal)j / (PetscReal)n - 0.5 - 0.2 * PetscSinReal(2 * PETSC_PI * t);
  return x * x + y * y < 0.2 * 0.2 ? 1 : 0;
}

/* the program's own field, as any PETSc program fills one */
static PetscErrorCode Fill(DM da, PetscInt n, PetscReal t, Vec a)
{
  PetscInt      x, y, nx, ny;
  PetscScalar **v;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetCorners(da, &x, &y, NULL, &nx, &ny, NULL));
  PetscCall(DMDAVecGetArray(da, a, &v));
  for (PetscInt j = y; j < y + ny; j++)
    for (PetscInt i = x; i < x + nx; i++) v[j][i] = Phase(n, i, j, t);
  PetscCall(DMDAVecRestoreArray(da, a, &v));
  PetscFunctionReturn(0);
}

/* Check: the same step by plain arrays, [channel][y][x], on every rank; the largest difference to this rank's part of u. */
static PetscErrorCode Compare(NomosMap map, DM da, PetscInt n, PetscReal t, Vec u, PetscReal *difference)
{
  PetscInt           x, y, nx, ny;
  Vec                in, out;
  PetscScalar       *a, **v;
  const PetscScalar *b;
  PetscReal          mine = 0;

  PetscFunctionBeginUser;
  PetscCall(NomosMapCreateVecs(map, &in, NULL, &out));
  PetscCall(VecGetArray(in, &a));
  for (PetscInt k = 0; k < n * n; k++) a[k] = Phase(n, k % n, k / n, t);
  PetscCall(VecRestoreArray(in, &a));
  PetscCall(NomosMapApply(map, in, NULL, out));
  PetscCall(DMDAGetCorners(da, &x, &y, NULL, &nx, &ny, NULL));
  PetscCall(DMDAVecGetArrayRead(da, u, &v));
  PetscCall(VecGetArrayRead(out, &b));
  for (PetscInt j = y; j < y + ny; j++)
    for (PetscInt i = x; i < x + nx; i++) mine = PetscMax(mine, PetscAbsScalar(v[j][i] - b[j * n + i]));
  PetscCall(VecRestoreArrayRead(out, &b));
  PetscCall(DMDAVecRestoreArrayRead(da, u, &v));
  PetscCallMPI(MPI_Allreduce(&mine, difference, 1, MPIU_REAL, MPIU_MAX, PETSC_COMM_WORLD));
  PetscCall(VecDestroy(&in));
  PetscCall(VecDestroy(&out));
  PetscFunctionReturn(0);
}

static PetscErrorCode Latency(NomosMap map, PetscInt repeats)
{
  Vec            in, out;
  PetscLogDouble t0, t1, best = 1e30, sum = 0;

  PetscFunctionBeginUser;
  PetscCall(NomosMapCreateVecs(map, &in, NULL, &out));
  PetscCall(VecSet(in, 1));
  for (PetscInt k = -10; k < repeats; k++) {
    PetscCall(PetscTime(&t0));
    PetscCall(NomosMapApply(map, in, NULL, out));
    PetscCall(PetscTime(&t1));
    if (k < 0) continue; /* warm */
    best = PetscMin(best, t1 - t0);
    sum += t1 - t0;
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "latency mean_us=%.1f min_us=%.1f\n", 1e6 * sum / (double)repeats, 1e6 * best));
  PetscCall(VecDestroy(&in));
  PetscCall(VecDestroy(&out));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char      file[PETSC_MAX_PATH_LEN] = "data/darcy_tiny.h5";
  PetscInt  n = 32, steps = 20, repeats = 0, bad = 0;
  NomosMap  map;
  DM        da;
  Vec       a, u, first;
  PetscReal difference, size, largest;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-model", file, sizeof(file), NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &steps, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-latency", &repeats, NULL));

  PetscCall(NomosMapLoad(PETSC_COMM_WORLD, file, &map));
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, n, n, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateGlobalVector(da, &a));
  PetscCall(VecDuplicate(a, &u));
  PetscCall(VecDuplicate(a, &first));
  for (PetscInt s = 0; s <= steps; s++) { /* the time loop; s = steps is the place where it began */
    const PetscReal t = (PetscReal)(s % steps) / (PetscReal)steps;

    PetscCall(Fill(da, n, t, a));
    PetscCall(NomosMapApplyDM(map, da, a, u));
    if (s == 0) PetscCall(VecCopy(u, first));
    PetscCall(VecMax(u, NULL, &largest));
    if (s % 5 == 0) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "step %2d  largest pressure %.5f\n", (int)s, (double)largest));
    PetscCall(Compare(map, da, n, t, u, &difference));
    if (difference > 0) bad++; /* the same numbers: the same bits */
  }
  PetscCall(VecAXPY(u, -1, first));
  PetscCall(VecNorm(u, NORM_INFINITY, &size));
  if (size > 0 || !(largest > 0)) bad++;
  if (bad) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "FAILED: %d checks\n", (int)bad));
  if (repeats > 0) PetscCall(Latency(map, repeats));
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&first));
  PetscCall(DMDestroy(&da));
  PetscCall(NomosMapDestroy(&map));
  PetscCall(PetscFinalize());
  return bad ? 1 : 0;
}

/*TEST
  np: 1 2 4  args: -model @SRC@/examples/data/darcy_tiny.h5
  np: 1      args: -model @SRC@/examples/data/darcy_tiny.h5 -n 21 -latency 10
  np: 1      args: -model @SRC@/tests/golden/darcy16_trained.safetensors -options_file @SRC@/tests/golden/darcy16_trained.opts -n 16
TEST*/
