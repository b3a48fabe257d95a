/*
  Heat on an unstructured mesh: a source that moves, a conductivity that changes over two decades, one linear system per step.
  The best omega of SOR is another one every few steps: something to tune. The finite elements are in heat.h.

    cd examples
    ./ex5_heat_mesh -dm_plex_filename ../meshes/lshape.msh -dm_refine 1 -pc_type sor                       CG, omega = 1
    ./ex5_heat_mesh -dm_plex_filename ../meshes/lshape.msh -dm_refine 1 -pc_type sor -ksp_type nomostune   omega is learned
    mpiexec -n 4 ./ex5_heat_mesh -dm_plex_filename ../meshes/bracket.msh -petscpartitioner_type metis ...

  -plain repeats the run with the options -plain_ksp_... and -plain_pc_... and demands the same answer; -serial repeats it on
  every rank alone. -o NAME writes NAME.pvd and NAME-0000.vtu ... for ParaView, every -every steps; -plot FILE.png the iterations
  of each step. -fixed 1,2: boundary labels kept at 0 (meshes/README.md), the rest is insulated. -jump 100: that much more
  conductive in the right half.
*/
static char help[] = "Heat sequence on an unstructured mesh; see the head of the source.\n";
#include <nomos.h>
#include <petsctime.h>
#include "heat.h"

typedef struct {
  const char    *name, *prefix, *out;    /* prefix of the solver's options; files, or "" */
  PetscInt       steps, every, nfixed, fixed[8], total, unknowns;
  PetscReal     *its, dt, jump, sum[2];   /* iterations of each step; integrals of u and u^2 at the end */
  PetscLogDouble seconds;                 /* in KSPSolve() */
} Run;

static PetscReal Conductivity(const Heat *h, PetscReal t, const PetscReal x[])
{
  const PetscReal s = PetscSinReal(2 * PETSC_PI * t);

  return PetscMax(0.1 * s, -10 * s) * (x[0] > h->mid[0] ? h->jump : 1);
}

static PetscReal Source(const Heat *h, PetscReal t, const PetscReal x[]) /* a bump that goes round twice per unit of time */
{
  const PetscReal dx = x[0] - h->mid[0] - 0.7 * h->half[0] * PetscCosReal(4 * PETSC_PI * t), dy = x[1] - h->mid[1] - 0.7 * h->half[1] * PetscSinReal(4 * PETSC_PI * t);
  const PetscReal r2 = (dx * dx + dy * dy) / 0.09;

  return r2 < 1 ? 32 * PetscExpReal(1 - 1 / (1 - r2)) : 0;
}

static PetscErrorCode Sequence(MPI_Comm comm, Run *run)
{
  Heat           h = {.dt = run->dt, .jump = run->jump, .conductivity = Conductivity, .source = Source};
  KSP            ksp;
  Mat            A;
  Vec            u, b, local;
  PetscInt       its;
  PetscLogDouble begin, end;

  PetscFunctionBeginUser;
  PetscCall(HeatCreate(comm, 0, run->nfixed, run->fixed, &h));
  PetscCall(DMCreateMatrix(h.dm, &A));
  PetscCall(DMCreateGlobalVector(h.dm, &u));
  PetscCall(PetscObjectSetName((PetscObject)u, "temperature"));
  PetscCall(VecDuplicate(u, &b));
  PetscCall(DMCreateLocalVector(h.dm, &local));
  PetscCall(VecGetSize(u, &run->unknowns));
  PetscCall(KSPCreate(comm, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, run->prefix));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED)); /* the same goal whatever omega is */
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(KSPSetErrorIfNotConverged(ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(ksp));
  if (run->out[0]) PetscCall(HeatWrite(&h, run->out, u, 0, run->every));
  for (PetscInt s = 1; s <= run->steps; s++) {
    PetscCall(DMGlobalToLocal(h.dm, u, INSERT_VALUES, local));
    PetscCall(HeatAssemble(&h, s * h.dt, local, A, b));
    PetscCall(PetscTime(&begin));
    PetscCall(KSPSolve(ksp, b, u));
    PetscCall(PetscTime(&end));
    run->seconds += end - begin;
    PetscCall(KSPGetIterationNumber(ksp, &its));
    run->its[s - 1] = (PetscReal)its;
    run->total += its;
    if (run->out[0] && s % run->every == 0) PetscCall(HeatWrite(&h, run->out, u, s, run->every));
  }
  PetscCall(VecZeroEntries(local));
  PetscCall(DMGlobalToLocal(h.dm, u, INSERT_VALUES, local));
  PetscCall(HeatIntegrate(&h, local, NULL, 0, run->sum));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-7s %" PetscInt_FMT " unknowns, %" PetscInt_FMT " steps: %" PetscInt_FMT " iterations, %.2f s, integrals of u %.8g, u^2 %.8g\n", run->name, run->unknowns, run->steps, run->total, run->seconds, (double)run->sum[0], (double)run->sum[1]));
  PetscCall(VecDestroy(&local));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&u));
  PetscCall(MatDestroy(&A));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&h));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char        out[256] = "", plot[256] = "";
  const char *name[3] = {"run", "plain", "serial"};
  Run         run[3] = {{.out = out, .prefix = "", .steps = 400, .every = 10, .nfixed = 8, .fixed = {1}, .dt = 5e-3, .jump = 1}};
  NomosCurve  curve[3];
  PetscBool   wanted[3] = {PETSC_TRUE, PETSC_FALSE, PETSC_FALSE}, set;
  PetscInt    bad = 0, n = 0;
  PetscMPIInt rank;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &run->steps, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-every", &run->every, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-dt", &run->dt, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-jump", &run->jump, NULL));
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-fixed", run->fixed, &run->nfixed, &set));
  if (!set) run->nfixed = 1;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-o", out, sizeof(out), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-plot", plot, sizeof(plot), NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-plain", &wanted[1], NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-serial", &wanted[2], NULL));
  for (PetscInt r = 2; r >= 0; r--) {
    run[r] = run[0];
    if (r) run[r].out = "", run[r].prefix = "plain_";
  }
  for (PetscInt r = 0; r < 3; r++) {
    if (!wanted[r]) continue;
    run[r].name = name[r];
    PetscCall(PetscCalloc1(run[r].steps, &run[r].its));
    PetscCall(Sequence(r == 2 ? PETSC_COMM_SELF : PETSC_COMM_WORLD, &run[r]));
    curve[n++] = (NomosCurve){.name = name[r], .n = run[r].steps, .y = run[r].its};
    for (PetscInt k = 0; k < 2; k++) /* every solve is right to 1e-8 of its right-hand side; a factor 100 for what adds up */
      if (!(PetscAbsReal(run[r].sum[k] - run->sum[k]) <= 1e-6 * PetscAbsReal(run->sum[k]))) bad++;
  }
  if (plot[0] && rank == 0) PetscCall(NomosPictureCurves(plot, "heat on a mesh", "step", "iterations", PETSC_FALSE, n, curve));
  if (bad) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "FAILED: %d answers differ\n", (int)bad));
  for (PetscInt r = 0; r < 3; r++) PetscCall(PetscFree(run[r].its));
  PetscCall(PetscFinalize());
  return bad ? 1 : 0;
}

/*TEST
  np: 1 2 4  args: -dm_plex_filename @SRC@/meshes/lshape.msh -petscpartitioner_type metis -steps 60 -dt 0.02 -pc_type sor -ksp_type nomostune -plain -plain_pc_type sor -serial -o heat -every 20 -plot its.png
  np: 1 2 4  args: -dm_plex_filename @SRC@/meshes/bracket.msh -petscpartitioner_type metis -steps 30 -dt 0.04 -pc_type sor -ksp_type nomostune -plain -plain_pc_type sor -serial -o heat -every 20 -plot its.png
TEST*/
