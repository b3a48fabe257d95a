/*
  A program that knows PETSc and nothing of Nomos. It gains Nomos' types by an option:

    ./ex1_plugin                                                   PETSc's own optimizer
    ./ex1_plugin -dll_append PATH/libnomos.so -tao_type adamw -tao_adamw_lr 0.05 -tao_max_it 2000
    ./ex1_plugin -dll_append PATH/libnomos.so -nomos_list          what else came with it

  PATH/libnomos.so is what `pkg-config --variable=plugin nomos` prints. PETSC_OPTIONS="-dll_append ..." in the environment
  reaches programs that read no command line. Compile it like any PETSc program: there is no Nomos in this file.

  It fits the two numbers of y = exp(-p t) cos(q t) to 40 measured values.
*/
static char help[] = "Least squares with two unknowns.\n";
#include <petsctao.h>

#define POINTS 40
static PetscReal Model(PetscReal p, PetscReal q, PetscReal t)
{
  return PetscExpReal(-p * t) * PetscCosReal(q * t);
}

/* f = (1/2) sum_k (model(t_k) - y_k)^2 and its gradient; the measured values are those of p = 0.7, q = 2.1 */
static PetscErrorCode Misfit(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  const PetscScalar *v;
  PetscScalar       *d;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(x, &v));
  PetscCall(VecGetArrayWrite(g, &d));
  *f   = 0;
  d[0] = d[1] = 0;
  for (PetscInt k = 0; k < POINTS; k++) {
    const PetscReal t = 0.1 * (PetscReal)k, r = Model(v[0], v[1], t) - Model(0.7, 2.1, t);

    *f += 0.5 * r * r;
    d[0] -= r * t * Model(v[0], v[1], t);
    d[1] -= r * t * PetscExpReal(-v[0] * t) * PetscSinReal(v[1] * t);
  }
  PetscCall(VecRestoreArrayWrite(g, &d));
  PetscCall(VecRestoreArrayRead(x, &v));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Tao                tao;
  Vec                x;
  TaoType            type;
  const PetscScalar *v;
  PetscReal          error;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, 2, &x));
  PetscCall(VecSet(x, 1.5));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(TaoSetType(tao, TAOBLMVM));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Misfit, NULL));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSolve(tao));

  PetscCall(TaoGetType(tao, &type));
  PetscCall(VecGetArrayRead(x, &v));
  error = PetscMax(PetscAbsReal(v[0] - 0.7), PetscAbsReal(v[1] - 2.1));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s: p = %.4f, q = %.4f\n", type, (double)v[0], (double)v[1]));
  PetscCall(VecRestoreArrayRead(x, &v));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(PetscFinalize());
  return error < 1e-3 ? 0 : 1; /* its own check */
}

/*TEST
  link: petsc
  np: 1
  np: 1  args: -dll_append @PLUGIN@ -tao_type adamw -tao_adamw_lr 0.05 -tao_max_it 2000
TEST*/
