/* TAOSKETCHNEWTON on optimal control of a semilinear elliptic equation on an unstructured mesh, the L-shape of meshes/: second order of
   state, control and adjoint in L2 against a solution chosen beforehand, on any number of ranks, and inner iterations that do not
   grow as the mesh is refined. -o NAME.vtu writes target, state, control and adjoint for ParaView. */
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
  np: 1 2 4  args: -tao_sketchnewton_schur_pc_type mat -tao_sketchnewton_pc_kktsketch_hessian pc -tao_sketchnewton_hess_pc_type sor -o control.vtu  timeout: 180
TEST*/
