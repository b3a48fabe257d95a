/* NomosMapApplyDM(): a net of two inputs and three outputs on DMDAs in one to three dimensions, whose sizes differ on every axis. Values that
   tell channel and place are put at their (i, j, k) by DMDA's own arrays, and the answer is read back there: what Apply gives on
   [channel][z][y][x]. Distributed as the ranks are. */
#include <nomos.h>
#include <petscdmda.h>
#include "nomostest.h"

#define CIN  2
#define COUT 3

static const PetscInt sizes[3][3] = {{13, 1, 1}, {9, 6, 1}, {7, 6, 4}}; /* x, y, z */

static PetscScalar Value(PetscInt c, PetscInt i, PetscInt j, PetscInt k)
{
  return sin(1.7 * (double)c + 0.9 * (double)i + 2.3 * (double)j + 3.1 * (double)k + 0.2 * (double)(i * j));
}

static PetscErrorCode MakeNet(PetscInt dim, NomosMap *m)
{
  const PetscInt *n = sizes[dim - 1], modes[3] = {3, 3, 3};
  NomosGrid       g = {.dim = dim};
  Vec             p;

  PetscFunctionBegin;
  for (PetscInt a = 0; a < dim; a++) {
    g.n[a]      = n[dim - 1 - a];
    g.length[a] = 1;
  }
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "net", m));
  PetscCall(NomosMapSetType(*m, NOMOSFNO));
  PetscCall(NomosMapFNOSetModes(*m, dim, modes));
  PetscCall(NomosMapFNOSetWidth(*m, 5));
  PetscCall(NomosMapFNOSetLayers(*m, 2));
  PetscCall(NomosMapSetPrecision(*m, NOMOS_DOUBLE));
  PetscCall(NomosMapSetChannels(*m, CIN, COUT));
  PetscCall(NomosMapSetGrid(*m, &g));
  PetscCall(NomosMapSetBatch(*m, 1));
  PetscCall(NomosMapSetUp(*m));
  PetscCall(NomosMapCreateVecs(*m, NULL, &p, NULL));
  PetscCall(NomosMapInitializeParameters(*m, 4, p));
  PetscCall(NomosMapSetParameters(*m, p));
  PetscCall(VecDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeGrid(PetscInt dim, PetscInt dof, DM *da)
{
  const PetscInt *n = sizes[dim - 1];

  PetscFunctionBegin;
  PetscCall(DMDACreate(PETSC_COMM_WORLD, da));
  PetscCall(DMSetDimension(*da, dim));
  PetscCall(DMDASetSizes(*da, n[0], n[1], n[2]));
  PetscCall(DMDASetDof(*da, dof));
  PetscCall(DMDASetStencilWidth(*da, 0));
  PetscCall(DMSetUp(*da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* fill: the values of every place and channel; otherwise they are compared with want, [channel][z][y][x] */
static PetscErrorCode Places(DM da, PetscInt dim, PetscInt dof, Vec v, const PetscScalar want[])
{
  const PetscInt *n = sizes[dim - 1];
  PetscInt        x, y, z, nx, ny, nz;
  void           *array;

  PetscFunctionBegin;
  PetscCall(DMDAGetCorners(da, &x, &y, &z, &nx, &ny, &nz));
  PetscCall(DMDAVecGetArrayDOF(da, v, &array));
  for (PetscInt k = z; k < z + nz; k++)
    for (PetscInt j = y; j < y + ny; j++)
      for (PetscInt i = x; i < x + nx; i++)
        for (PetscInt c = 0; c < dof; c++) {
          PetscScalar *at = dim == 1 ? &((PetscScalar **)array)[i][c] : dim == 2 ? &((PetscScalar ***)array)[j][i][c] : &((PetscScalar ****)array)[k][j][i][c];

          if (want) CheckClose("at its place", *at, want[((c * n[2] + k) * n[1] + j) * n[0] + i], 1e-13); /* values of order one through a plan that may differ */
          else *at = Value(c, i, j, k);
        }
  PetscCall(DMDAVecRestoreArrayDOF(da, v, &array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OneDimension(PetscInt dim)
{
  const PetscInt    *n = sizes[dim - 1], points = n[0] * n[1] * n[2];
  NomosMap           m;
  DM                 in, out;
  Vec                a, u, x, y;
  PetscScalar       *v;
  const PetscScalar *w;

  PetscFunctionBegin;
  PetscCall(MakeNet(dim, &m));
  PetscCall(MakeGrid(dim, CIN, &in));
  PetscCall(MakeGrid(dim, COUT, &out));
  PetscCall(DMCreateGlobalVector(in, &a));
  PetscCall(DMCreateGlobalVector(out, &u));
  PetscCall(Places(in, dim, CIN, a, NULL));
  PetscCall(NomosMapCreateVecs(m, &x, NULL, &y));
  PetscCall(VecGetArrayWrite(x, &v));
  for (PetscInt c = 0; c < CIN; c++)
    for (PetscInt q = 0; q < points; q++) v[c * points + q] = Value(c, q % n[0], q / n[0] % n[1], q / n[0] / n[1]);
  PetscCall(VecRestoreArrayWrite(x, &v));
  PetscCall(NomosMapApply(m, x, NULL, y));
  for (int k = 0; k < 2; k++) { /* made at the first call, used at the second */
    PetscCall(VecSet(u, -7));
    PetscCall(NomosMapApplyDM(m, in, a, u));
    PetscCall(VecGetArrayRead(y, &w));
    PetscCall(Places(out, dim, COUT, u, w));
    PetscCall(VecRestoreArrayRead(y, &w));
  }
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckInt("as many dof as the net has inputs", NomosMapApplyDM(m, in, u, u), PETSC_ERR_ARG_SIZ);
  CheckInt("as many dof as it has outputs", NomosMapApplyDM(m, in, a, a), PETSC_ERR_ARG_SIZ);
  PetscCall(PetscPopErrorHandler());
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(DMDestroy(&in));
  PetscCall(DMDestroy(&out));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscFunctionBegin;
  for (PetscInt dim = 1; dim <= 3; dim++) PetscCall(OneDimension(dim));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", !All());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
