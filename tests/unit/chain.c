/* Chains: the value is that of the links by hand, parameters lie one behind the other, and the derivatives go through the input
   that later links read as their field "a" - net, then residual of an equation whose coefficient is the net's input. */
#include "nomostest.h"
#include <nomos.h>

#define ADJOINT_TOL 1e-12 /* of the design page: <F'd, w> = <d, F'^T w> */

static PetscReal Field(PetscInt i, PetscReal shift) { return 2.5 + PetscSinReal(1.3 * i + shift) + 0.3 * PetscCosReal(0.37 * i * i + shift); }

static PetscErrorCode Filled(PetscInt n, PetscReal shift, Vec *v)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, v));
  PetscCall(VecGetArrayWrite(*v, &a));
  for (PetscInt i = 0; i < n; i++) a[i] = Field(i, shift);
  PetscCall(VecRestoreArrayWrite(*v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Net(PetscInt dim, PetscInt in, PetscInt out, NomosMap *m)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, dim == 1 ? "-net_fno_modes 4" : "-net_fno_modes 4,4"));
  PetscCall(PetscOptionsInsertString(NULL, "-net_fno_width 3 -net_fno_layers 1 -net_precision double"));
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "net", m));
  PetscCall(NomosMapSetType(*m, NOMOSFNO));
  PetscCall(NomosMapSetChannels(*m, in, out));
  PetscCall(NomosMapSetFromOptions(*m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeChain(PetscInt n, NomosMap links[], const NomosGrid *g, PetscInt batch, NomosMap *m)
{
  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "chain", m));
  for (PetscInt i = 0; i < n; i++) PetscCall(NomosMapChainAdd(*m, links[i]));
  PetscCall(NomosMapSetGrid(*m, g));
  PetscCall(NomosMapSetBatch(*m, batch));
  PetscCall(NomosMapSetUp(*m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the chain against its links, one after another */
static PetscErrorCode CheckValue(NomosMap chain, NomosMap first, NomosMap second, Vec x, Vec p)
{
  Vec                y, mid, want, p1, p2;
  PetscInt           n1, n2, np;
  const PetscScalar *a;
  PetscReal          d, n;

  PetscFunctionBegin;
  PetscCall(NomosMapGetSizes(chain, NULL, &np, NULL));
  PetscCall(NomosMapGetSizes(first, NULL, &n1, NULL));
  PetscCall(NomosMapGetSizes(second, NULL, &n2, NULL));
  CheckInt("parameters of the chain", np, n1 + n2);
  PetscCall(NomosMapCreateVecs(chain, NULL, NULL, &y));
  PetscCall(NomosMapCreateVecs(first, NULL, NULL, &mid));
  PetscCall(VecDuplicate(y, &want));
  PetscCall(NomosMapApply(chain, x, p, y));
  PetscCall(VecGetArrayRead(p, &a));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, n1, a, &p1));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, n2, n2 ? a + n1 : NULL, &p2));
  PetscCall(NomosMapApply(first, x, p1, mid));
  PetscCall(NomosMapApply(second, mid, n2 ? p2 : NULL, want));
  PetscCall(VecRestoreArrayRead(p, &a));
  PetscCall(VecNorm(want, NORM_2, &n));
  PetscCall(VecAXPY(want, -1, y));
  PetscCall(VecNorm(want, NORM_2, &d));
  CheckTrue("a value", n > 1e-3);
  CheckClose("link after link", d, 0, 0);
  PetscCall(VecDestroy(&p1));
  PetscCall(VecDestroy(&p2));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&mid));
  PetscCall(VecDestroy(&want));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the Jacobian with respect to x as a Mat, column by column against central differences: what goes through the field is in it */
static PetscErrorCode CheckColumns(NomosMap chain, Vec x, Vec p)
{
  const PetscReal h = 1e-4; /* of a column: truncation h^2, rounding eps |y|/(h |column|), and a value may be 1e5 times a column */
  Vec             y, up, down, d, xp;
  Mat             J;
  PetscInt        nx;
  PetscReal       n, e, worst = 0;

  PetscFunctionBegin;
  PetscCall(NomosMapCreateVecs(chain, NULL, NULL, &y));
  PetscCall(VecDuplicate(y, &up));
  PetscCall(VecDuplicate(y, &down));
  PetscCall(VecDuplicate(x, &d));
  PetscCall(VecDuplicate(x, &xp));
  PetscCall(NomosMapLinearize(chain, x, p, y));
  PetscCall(NomosMapCreateJacobian(chain, "x", &J));
  PetscCall(VecGetSize(x, &nx));
  for (PetscInt i = 0; i < nx; i += 5) {
    PetscCall(VecCopy(x, xp));
    PetscCall(VecSetValue(xp, i, h, ADD_VALUES));
    PetscCall(VecAssemblyBegin(xp));
    PetscCall(VecAssemblyEnd(xp));
    PetscCall(NomosMapApply(chain, xp, p, up));
    PetscCall(VecSetValue(xp, i, -2 * h, ADD_VALUES));
    PetscCall(VecAssemblyBegin(xp));
    PetscCall(VecAssemblyEnd(xp));
    PetscCall(NomosMapApply(chain, xp, p, down));
    PetscCall(VecAXPY(up, -1, down));
    PetscCall(VecScale(up, 1 / (2 * h)));
    PetscCall(NomosMapLinearize(chain, x, p, y)); /* the field is x again */
    PetscCall(VecZeroEntries(d));
    PetscCall(VecSetValue(d, i, 1, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(d));
    PetscCall(VecAssemblyEnd(d));
    PetscCall(MatMult(J, d, y));
    PetscCall(VecNorm(up, NORM_2, &n));
    PetscCall(VecAXPY(up, -1, y));
    PetscCall(VecNorm(up, NORM_2, &e));
    worst = PetscMax(worst, e / n);
  }
  CheckClose("columns of the Jacobian", worst, 0, 1e-6);
  PetscCall(MatDestroy(&J));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&up));
  PetscCall(VecDestroy(&down));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&xp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* field: the second link reads the input of the chain */
static PetscErrorCode OneChain(NomosMap first, NomosMap second, const NomosGrid *g, PetscInt batch, PetscBool field)
{
  NomosMap  links[2] = {first, second}, chain;
  PetscInt  nx, np;
  PetscReal error, slope;
  Vec       x, p, seen;

  PetscFunctionBegin;
  PetscCall(MakeChain(2, links, g, batch, &chain));
  PetscCall(NomosMapGetSizes(chain, &nx, &np, NULL));
  PetscCall(Filled(nx, 0.2, &x));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, np, &p));
  PetscCall(NomosMapInitializeParameters(chain, 7, p));
  PetscCall(CheckValue(chain, first, second, x, p));
  if (field) {
    PetscCall(NomosMapGetField(second, "a", &seen));
    CheckTrue("the second link was handed the input", seen == x);
  }
  PetscCall(NomosMapCheck(chain, x, p, &error, &slope));
  CheckClose("tangent and adjoint", error, 0, ADJOINT_TOL);
  CheckClose("Taylor slope", slope, 2, 0.1);
  PetscCall(CheckColumns(chain, x, p));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&p));
  PetscCall(NomosMapDestroy(&chain));
  PetscCall(NomosMapDestroy(&first));
  PetscCall(NomosMapDestroy(&second));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  NomosGrid g = {.dim = 2, .n = {7, 9}, .length = {1, 1}}, line = {.dim = 1, .n = {12}, .length = {1}, .periodic = {PETSC_TRUE}};
  NomosMap  net, second;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  for (int harmonic = 0; harmonic < 2; harmonic++) { /* both means of the coefficient */
    PetscCall(Net(2, 1, 1, &net));
    PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", &second));
    PetscCall(NomosMapSetType(second, NOMOSDARCY));
    PetscCall(NomosMapDarcySetHarmonic(second, harmonic ? PETSC_TRUE : PETSC_FALSE));
    PetscCall(OneChain(net, second, &g, 2, PETSC_TRUE));
  }
  for (PetscInt frames = 1; frames <= 3; frames += 2) {
    PetscCall(Net(1, 1, frames, &net));
    PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", &second));
    PetscCall(NomosMapSetType(second, NOMOSBURGERS));
    PetscCall(NomosMapSetChannels(second, frames, frames));
    PetscCall(OneChain(net, second, &line, 2, PETSC_TRUE));
  }
  PetscCall(Net(2, 1, 2, &net));
  PetscCall(Net(2, 2, 1, &second));
  PetscCall(OneChain(net, second, &g, 3, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", !Run());
  return NomosTestEnd();
}

/*TEST
  np: 1
TEST*/
