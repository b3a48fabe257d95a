/* A constrained program that knows only PETSc: the nearest point to 1, 2, ..., n on the sphere of radius r and a plane. Types
   come from the command line. -shell: Hessian and Jacobian by products; -no_hessian, -no_jacobian, -inequality leave out or
   set what a type may miss or refuse. */
static char help[] = "Projection on a sphere and a plane by a constrained Tao.\n";
#include <petsctao.h>

#if defined(PETSC_USE_COMPLEX)
int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscFinalize());
  return 0;
}
#else
typedef void AnyFn(void);
typedef struct {
  Vec      target, ones, xnow;
  PetscReal radius2, mult;
} App;

/* f = |x - target|^2 / 2; c = (x'x - r^2, 1'x) */
static PetscErrorCode Objective(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  App *app = (App *)ctx;

  PetscFunctionBeginUser;
  PetscCall(VecWAXPY(g, -1, app->target, x));
  PetscCall(VecDot(g, g, f));
  *f *= 0.5;
  PetscFunctionReturn(0);
}
static PetscErrorCode Constraints(Tao tao, Vec x, Vec c, void *ctx)
{
  App        *app = (App *)ctx;
  PetscScalar xx, sum;

  PetscFunctionBeginUser;
  PetscCall(VecDot(x, x, &xx));
  PetscCall(VecDot(x, app->ones, &sum));
  PetscCall(VecSet(c, 0));
  PetscCall(VecSetValue(c, 0, xx - app->radius2, INSERT_VALUES));
  PetscCall(VecSetValue(c, 1, sum, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(c));
  PetscCall(VecAssemblyEnd(c));
  PetscFunctionReturn(0);
}
static PetscErrorCode Jacobian(Tao tao, Vec x, Mat J, Mat Jpre, void *ctx)
{
  App               *app = (App *)ctx;
  const PetscScalar *a;
  PetscBool          shell;
  PetscInt           lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, app->xnow));
  PetscCall(PetscObjectTypeCompare((PetscObject)J, MATSHELL, &shell));
  if (shell) PetscFunctionReturn(0);
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &a));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(J, 0, i, 2 * a[i - lo], INSERT_VALUES));
    PetscCall(MatSetValue(J, 1, i, 1, INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(MatAssemblyBegin(J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(J, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
/* Hessian of f + l'c: (1 + 2 l_0) I; the multipliers come from PETSc's own call */
static PetscErrorCode Hessian(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  App               *app = (App *)ctx;
  Vec                l;
  const PetscScalar *a;
  PetscInt           lo, hi;
  PetscReal          mine = 0;
  PetscBool          shell;

  PetscFunctionBeginUser;
  PetscCall(TaoGetDualVariables(tao, &l, NULL));
  PetscCall(VecGetOwnershipRange(l, &lo, &hi));
  PetscCall(VecGetArrayRead(l, &a));
  if (!lo && hi) mine = a[0];
  PetscCall(VecRestoreArrayRead(l, &a));
  PetscCallMPI(MPI_Allreduce(&mine, &app->mult, 1, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)tao)));
  PetscCall(PetscObjectTypeCompare((PetscObject)H, MATSHELL, &shell));
  if (shell) PetscFunctionReturn(0);
  PetscCall(MatGetOwnershipRange(H, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(MatSetValue(H, i, i, 1 + 2 * app->mult, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
static PetscErrorCode HessianMult(Mat H, Vec v, Vec w)
{
  App *app;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(H, &app));
  PetscCall(VecCopy(v, w));
  PetscCall(VecScale(w, 1 + 2 * app->mult));
  PetscFunctionReturn(0);
}
static PetscErrorCode JacobianMult(Mat J, Vec v, Vec c)
{
  App        *app;
  PetscScalar xv, sum;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(J, &app));
  PetscCall(VecDot(v, app->xnow, &xv));
  PetscCall(VecDot(v, app->ones, &sum));
  PetscCall(VecSet(c, 0));
  PetscCall(VecSetValue(c, 0, 2 * xv, INSERT_VALUES));
  PetscCall(VecSetValue(c, 1, sum, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(c));
  PetscCall(VecAssemblyEnd(c));
  PetscFunctionReturn(0);
}
static PetscErrorCode JacobianMultTranspose(Mat J, Vec l, Vec v)
{
  App               *app;
  const PetscScalar *a;
  PetscReal          mine[2] = {0, 0}, both[2];
  PetscInt           lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(J, &app));
  PetscCall(VecGetOwnershipRange(l, &lo, &hi));
  PetscCall(VecGetArrayRead(l, &a));
  for (PetscInt i = lo; i < hi; i++) mine[i] = a[i - lo];
  PetscCall(VecRestoreArrayRead(l, &a));
  PetscCallMPI(MPI_Allreduce(mine, both, 2, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)J)));
  PetscCall(VecCopy(app->xnow, v));
  PetscCall(VecScale(v, 2 * both[0]));
  PetscCall(VecAXPY(v, both[1], app->ones));
  PetscFunctionReturn(0);
}
static PetscErrorCode Inequality(Tao tao, Vec x, Vec c, void *ctx)
{
  return VecSet(c, 1);
}

static PetscErrorCode Matrices(MPI_Comm comm, App *app, PetscInt n, PetscInt nloc, PetscInt mloc, PetscBool shell, Mat *J, Mat *H)
{
  PetscFunctionBeginUser;
  if (shell) {
    PetscCall(MatCreateShell(comm, mloc, nloc, 2, n, app, J));
    PetscCall(MatShellSetOperation(*J, MATOP_MULT, (AnyFn *)JacobianMult));
    PetscCall(MatShellSetOperation(*J, MATOP_MULT_TRANSPOSE, (AnyFn *)JacobianMultTranspose));
    PetscCall(MatCreateShell(comm, nloc, nloc, n, n, app, H));
    PetscCall(MatShellSetOperation(*H, MATOP_MULT, (AnyFn *)HessianMult));
  } else {
    PetscCall(MatCreateAIJ(comm, mloc, nloc, 2, n, n, NULL, n, NULL, J));
    PetscCall(MatCreateAIJ(comm, nloc, nloc, n, n, 1, NULL, 0, NULL, H));
  }
  PetscFunctionReturn(0);
}

/* x* is the target less its mean, scaled to the sphere */
static PetscErrorCode Solve(MPI_Comm comm, PetscInt n)
{
  App         app = {.radius2 = 4};
  PetscBool   shell = PETSC_FALSE, nohessian = PETSC_FALSE, nojacobian = PETSC_FALSE, inequality = PETSC_FALSE;
  PetscInt    lo, hi, nloc, mloc;
  PetscScalar mean;
  PetscReal   norm, error;
  Vec         x, c, ci;
  Mat         J, H;
  Tao         tao;
  TaoType     type;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-shell", &shell, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-no_hessian", &nohessian, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-no_jacobian", &nojacobian, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-inequality", &inequality, NULL));
  PetscCall(VecCreateMPI(comm, PETSC_DECIDE, n, &x));
  PetscCall(VecDuplicate(x, &app.target));
  PetscCall(VecDuplicate(x, &app.ones));
  PetscCall(VecDuplicate(x, &app.xnow));
  PetscCall(VecSet(app.ones, 1));
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(app.target, i, i + 1, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(app.target));
  PetscCall(VecAssemblyEnd(app.target));
  PetscCall(VecCopy(app.target, x));
  PetscCall(VecScale(x, 0.3));
  PetscCall(VecCreateMPI(comm, PETSC_DECIDE, 2, &c));
  PetscCall(VecDuplicate(c, &ci));
  PetscCall(VecGetLocalSize(x, &nloc));
  PetscCall(VecGetLocalSize(c, &mloc));
  PetscCall(Matrices(comm, &app, n, nloc, mloc, shell, &J, &H));
  PetscCall(TaoCreate(comm, &tao));
  PetscCall(TaoSetType(tao, TAOALMM));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Objective, &app));
  PetscCall(TaoSetEqualityConstraintsRoutine(tao, c, Constraints, &app));
  if (!nojacobian) PetscCall(TaoSetJacobianEqualityRoutine(tao, J, J, Jacobian, &app));
  if (!nohessian) PetscCall(TaoSetHessian(tao, H, H, Hessian, &app));
  if (inequality) PetscCall(TaoSetInequalityConstraintsRoutine(tao, ci, Inequality, &app));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetType(tao, &type));
  PetscCall(VecSum(app.target, &mean));
  PetscCall(VecShift(app.target, -mean / (PetscReal)n));
  PetscCall(VecNorm(app.target, NORM_2, &norm));
  PetscCall(VecAXPY(x, -2 / norm, app.target));
  PetscCall(VecNorm(x, NORM_INFINITY, &error));
  PetscCall(PetscPrintf(comm, "tao %s: error below 1e-7: %s\n", type, error < 1e-7 ? "yes" : "no"));
  PetscCall(TaoDestroy(&tao));
  PetscCall(MatDestroy(&J));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&c));
  PetscCall(VecDestroy(&ci));
  PetscCall(VecDestroy(&app.target));
  PetscCall(VecDestroy(&app.ones));
  PetscCall(VecDestroy(&app.xnow));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscInt n = 11;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(Solve(PETSC_COMM_WORLD, n));
  PetscCall(PetscFinalize());
  return 0;
}
#endif
