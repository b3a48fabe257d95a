/* TAOSKETCHNEWTON on optimal control of a semilinear elliptic equation on an unstructured mesh, the L-shape of meshes/: second order of
   state, control and adjoint in L2 against a solution chosen beforehand, on any number of ranks, and inner iterations that do not
   grow as the mesh is refined. -o NAME.vtu writes target, state, control and adjoint for ParaView, -picture NAME.png draws them. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/meshcontrol.h"

#define ALPHA 1e-3
/* The next term of the error is of higher order by h to the distance of the mesh to a uniform one; heat_mesh.c finds the same. */
#define ORDER_TOL 0.05

/* the four fields are named in the head of the file */
static PetscErrorCode Written(MeshControl *p, const char file[])
{
  const char *const field[4] = {"\"target.", "\"state.", "\"control.", "\"adjoint."};
  char              head[8192];
  FILE             *in;
  PetscMPIInt       rank;

  PetscFunctionBegin;
  PetscCall(MeshControlWrite(p, file));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank) PetscFunctionReturn(PETSC_SUCCESS); /* rank 0 writes it */
  in = fopen(file, "rb");
  CheckTrue("the file can be read", in != NULL);
  if (!in) PetscFunctionReturn(PETSC_SUCCESS);
  head[fread(head, 1, sizeof(head) - 1, in)] = 0;
  fclose(in);
  for (int k = 0; k < 4; k++) CheckTrue(field[k], strstr(head, field[k]) != NULL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a field on PIXELS^2 points of the bounding box, on rank 0; NaN outside the mesh */
#define PIXELS 256
static PetscErrorCode Raster(MeshControl *p, Vec v, PetscReal pixel[])
{
  const Heat        *h = &p->h;
  const PetscScalar *a;
  PetscReal          x[4][3], g[4][3];
  PetscMPIInt        rank;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < PIXELS * PIXELS; i++) pixel[i] = PETSC_NINFINITY;
  PetscCall(MeshControlLocal(p, v, p->ylocal));
  PetscCall(VecGetArrayRead(p->ylocal, &a));
  for (PetscInt c = 0; c < h->ncells; c++) {
    PetscInt lo[2] = {PIXELS, PIXELS}, hi[2] = {-1, -1};

    (void)HeatSimplex(h, h->cell + 3 * c, x, g);
    for (int k = 0; k < 3; k++)
      for (int d = 0; d < 2; d++) {
        const PetscReal at = (x[k][d] - h->mid[d] + h->half[d]) / (2 * h->half[d]) * PIXELS - 0.5;

        lo[d] = PetscMin(lo[d], PetscMax(0, (PetscInt)PetscFloorReal(at)));
        hi[d] = PetscMax(hi[d], PetscMin(PIXELS - 1, (PetscInt)PetscCeilReal(at)));
      }
    for (PetscInt j = lo[1]; j <= hi[1]; j++)
      for (PetscInt i = lo[0]; i <= hi[0]; i++) {
        const PetscReal at[2] = {h->mid[0] + h->half[0] * ((2 * (PetscReal)i + 1) / PIXELS - 1), h->mid[1] + h->half[1] * ((2 * (PetscReal)j + 1) / PIXELS - 1)};
        PetscReal       value = 0, least = 1;

        for (int k = 0; k < 3; k++) { /* barycentric coordinates */
          const PetscReal weight = 1 + g[k][0] * (at[0] - x[k][0]) + g[k][1] * (at[1] - x[k][1]);

          value += weight * a[h->cell[3 * c + k]];
          least = PetscMin(least, weight);
        }
        if (least >= -1e-9) pixel[j * PIXELS + i] = value;
      }
  }
  PetscCall(VecRestoreArrayRead(p->ylocal, &a));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Reduce(rank ? pixel : MPI_IN_PLACE, pixel, PIXELS * PIXELS, MPIU_REAL, MPIU_MAX, 0, PETSC_COMM_WORLD));
  for (PetscInt i = 0; i < PIXELS * PIXELS; i++)
    if (pixel[i] == PETSC_NINFINITY) pixel[i] = NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Picture(MeshControl *p, const char file[])
{
  const char *const names[4] = {"target", "state", "control", "adjoint"};
  Vec               l, part[4] = {p->yd, p->y, p->u, p->w};
  NomosPanel        panel[4];
  PetscReal        *pixel;
  PetscMPIInt       rank;

  PetscFunctionBegin;
  PetscCall(MeshControlParts(p, p->x, p->y, p->u));
  PetscCall(TaoGetDualVariables(p->tao, &l, NULL));
  PetscCall(VecCopy(l, p->w));
  PetscCall(PetscMalloc1(4 * PIXELS * PIXELS, &pixel));
  PetscCall(PetscMemzero(panel, sizeof(panel)));
  for (int k = 0; k < 4; k++) {
    PetscCall(Raster(p, part[k], pixel + k * PIXELS * PIXELS));
    panel[k].values = pixel + k * PIXELS * PIXELS;
    panel[k].title  = names[k];
    panel[k].nx = panel[k].ny = PIXELS;
    panel[k].lx = panel[k].ly = 2;
    panel[k].colours          = NOMOS_COLOURS_DIVERGING;
  }
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) PetscCall(NomosPictureFields(file, "-Lap y + y^3 = u on the L-shape", 2, 2, panel));
  PetscCall(PetscFree(pixel));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(PetscInt refine, PetscReal error[3], PetscInt *inner)
{
  MeshControl        p;
  TaoConvergedReason reason;
  PetscReal          f, gnorm, cnorm;
  PetscInt           its, size;
  char               file[PETSC_MAX_PATH_LEN];
  PetscBool          write;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(&p, sizeof(p)));
  PetscCall(MeshControlCreate(PETSC_COMM_WORLD, refine, 1, ALPHA, &p));
  PetscCall(TaoSetType(p.tao, TAOSKETCHNEWTON));
  PetscCall(NomosTaoSketchNewtonSetSchurPre(p.tao, p.S));
  PetscCall(TaoSetTolerances(p.tao, 1e-10, 0, 0));
  PetscCall(TaoSetConstraintTolerances(p.tao, 1e-10, 0));
  PetscCall(TaoSetFromOptions(p.tao));
  PetscCall(TaoSolve(p.tao));
  PetscCall(TaoGetSolutionStatus(p.tao, &its, &f, &gnorm, &cnorm, NULL, &reason));
  PetscCall(TaoGetLinearSolveIterations(p.tao, inner));
  PetscCall(MeshControlError(&p, error));
  PetscCall(VecGetSize(p.c, &size));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "refined %d: vertices inside %d its %d inner %d evaluations %d f %.10g |y - y*| %.3e |u - u*| %.3e |l - l*| / alpha %.3e |a| %.1e |c| %.1e\n", (int)refine, (int)size, (int)its, (int)*inner, (int)p.evaluations, (double)f, (double)error[0], (double)error[1], (double)error[2], (double)gnorm, (double)cnorm));
  CheckInt("converged", reason, TAO_CONVERGED_GATOL);
  CheckTrue("at most 6 iterations", its <= 6);
  PetscCall(PetscOptionsGetString(NULL, NULL, "-o", file, sizeof(file), &write));
  if (write) PetscCall(Written(&p, file));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-picture", file, sizeof(file), &write));
  if (write) PetscCall(Picture(&p, file));
  PetscCall(MeshControlDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  const char *const what[3] = {"order of the state", "order of the control", "order of the adjoint"};
  PetscReal         error[2][3];
  PetscInt          inner, coarse = 0, refine = 2;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-refine", &refine, NULL));
  PetscCall(PetscOptionsSetValue(NULL, "-dm_plex_filename", NomosTestFile("meshes/lshape.msh")));
  for (PetscInt r = 0; r <= refine; r++) {
    PetscCall(Run(r, error[r % 2], &inner));
    if (!r) coarse = inner;
    CheckTrue("inner iterations stay within 1.3 of those of the coarse mesh", inner <= 1.3 * coarse + 1);
    for (int k = 0; r && k < 3; k++) CheckClose(what[k], PetscLog2Real(error[(r + 1) % 2][k] / error[r % 2][k]), 2, ORDER_TOL);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4  args: -tao_sketchnewton_schur_pc_type mat -tao_sketchnewton_pc_kktsketch_hessian pc -tao_sketchnewton_hess_pc_type sor -o control.vtu -picture control.png  timeout: 180
TEST*/
