/* Errors of a model that the peer trained (tests/golden/README.md, section 7) on both public test files, against the peer's own
   numbers; and the DMDA door. */
#include "nomostest.h"
#include <nomos.h>
#include <petscdmda.h>

static PetscErrorCode Load(NomosProblem *p)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertFile(PETSC_COMM_WORLD, NULL, NomosTestFile("tests/golden/darcy16_trained.opts"), PETSC_TRUE));
  PetscCall(PetscOptionsSetValue(NULL, "-net_precision", "double"));
  PetscCall(NomosProblemCreate(PETSC_COMM_WORLD, p));
  PetscCall(NomosProblemLoad(*p, NomosTestFile("tests/golden/darcy16_trained.safetensors")));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Golden(void)
{
  const char *const files[2] = {"examples/data/darcy16_test.h5", "examples/data/darcy32_test.h5"};
  const double      want[2][4] = {
    {0.120485189734099, 0.280259016247508, 0.0888177386272945, 0.198518420141345},
    {0.141518137264785, 0.415576738844826, 0.0958123984565744, 0.323864015920242}
  };
  NomosProblem      p;
  NomosErrors       e;
  NomosData         d;

  PetscFunctionBegin;
  PetscCall(Load(&p));
  for (int k = 0; k < 2; k++) {
    const char *file = NomosTestFile(files[k]);

    PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
    PetscCall(NomosDataSetFiles(d, 1, &file));
    PetscCall(NomosProblemComputeErrors(p, d, &e, NULL));
    /* predictions agree to 1e-12; the peer's norms leave the 1e-8 in the denominator of rel_h1 and rel_hm1 out: |y| is above 5e-3 */
    CheckClose("rel_l2", e.rel_l2, want[k][0], 1e-10);
    CheckClose("rel_h1fd", e.rel_h1fd, want[k][3], 1e-10);
    CheckClose("rel_h1", e.rel_h1, want[k][1], 1e-10 + 1e-8 / 5e-3 * want[k][1]);
    CheckClose("rel_hm1", e.rel_hm1, want[k][2], 1e-10 + 1e-8 / 5e-4 * want[k][2]);
    PetscCall(NomosDataDestroy(&d));
  }
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A distributed DMDA through the door gives what Apply gives on a plain vector. */
static PetscErrorCode Door(void)
{
  NomosProblem       p;
  NomosMap           net;
  NomosGrid          g = {0};
  DM                 da;
  Vec                a, u, nat, x, y;
  PetscInt           start, end;
  PetscScalar       *v;
  const PetscScalar *r, *w;

  PetscFunctionBegin;
  PetscCall(Load(&p));
  PetscCall(NomosProblemGetMap(p, &net));
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_BOX, 18, 14, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &da)); /* 18 in x, 14 in y */
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateGlobalVector(da, &a));
  PetscCall(VecDuplicate(a, &u));
  PetscCall(DMDACreateNaturalVector(da, &nat));
  PetscCall(VecGetOwnershipRange(nat, &start, &end));
  PetscCall(VecGetArrayWrite(nat, &v));
  for (PetscInt i = start; i < end; i++) v[i - start] = 3 + 9 * (i % 7 > 3);
  PetscCall(VecRestoreArrayWrite(nat, &v));
  PetscCall(DMDANaturalToGlobalBegin(da, nat, INSERT_VALUES, a));
  PetscCall(DMDANaturalToGlobalEnd(da, nat, INSERT_VALUES, a));
  for (int k = 0; k < 2; k++) PetscCall(NomosMapApplyDM(net, da, a, u));
  PetscCall(DMDAGlobalToNaturalBegin(da, u, INSERT_VALUES, nat));
  PetscCall(DMDAGlobalToNaturalEnd(da, u, INSERT_VALUES, nat));
  g.dim  = 2;
  g.n[0] = 14;
  g.n[1] = 18;
  g.length[0] = g.length[1] = 1;
  PetscCall(NomosMapSetGrid(net, &g));
  PetscCall(NomosMapSetBatch(net, 1));
  PetscCall(NomosMapCreateVecs(net, &x, NULL, &y));
  PetscCall(VecGetArrayWrite(x, &v));
  for (PetscInt i = 0; i < 14 * 18; i++) v[i] = 3 + 9 * (i % 7 > 3);
  PetscCall(VecRestoreArrayWrite(x, &v));
  PetscCall(NomosMapApply(net, x, NULL, y));
  PetscCall(VecGetArrayRead(y, &r));
  PetscCall(VecGetArrayRead(nat, &w));
  for (PetscInt i = start; i < end; i++) CheckClose("through the DMDA", w[i - start], r[i], 1e-13); /* plans may differ */
  PetscCall(VecRestoreArrayRead(nat, &w));
  PetscCall(VecRestoreArrayRead(y, &r));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&nat));
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&u));
  PetscCall(DMDestroy(&da));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  PetscFunctionBegin;
  PetscCall(Golden());
  PetscCall(Door());
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", !Run());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
