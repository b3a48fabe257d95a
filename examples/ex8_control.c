/* ex8: optimal control of a semilinear equation with your own residual and Jacobian.

     minimize h^2/2 (|y - yd|^2 + alpha |u|^2)   subject to   c(y, u) = h^2 (-Lap y + y^3 - u) = 0,  y = 0 on the boundary

   Run:  ./ex8_control -n 63                       (any number of ranks; -tao_monitor, -tao_view, -pictures control.png)
   An unmodified PETSc program needs no nomos.h: -dll_append libnomos.so -tao_type sketchnewton. docs/tutorial-control.md. */
#include <nomos.h>
#include <petscdmda.h>

typedef struct {
  DM        grid, pairs; /* one number per point: y, u, c, the adjoint; two: x = (y, u) */
  PetscReal h, alpha;
  Vec       yd, y, u, w; /* target, parts of x, work */
  Mat       A;           /* h^2 times -Lap */
} App;

static PetscErrorCode Split(App *app, Vec x) /* app->y, app->u from x */
{
  PetscFunctionBeginUser;
  PetscCall(VecStrideGather(x, 0, app->y, INSERT_VALUES));
  PetscCall(VecStrideGather(x, 1, app->u, INSERT_VALUES));
  PetscFunctionReturn(0);
}
static PetscErrorCode Objective(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  App            *app = (App *)ctx;
  const PetscReal h2  = app->h * app->h;
  PetscReal       yy, uu;

  PetscFunctionBeginUser;
  PetscCall(Split(app, x));
  PetscCall(VecAXPY(app->y, -1, app->yd));
  PetscCall(VecNorm(app->y, NORM_2, &yy));
  PetscCall(VecNorm(app->u, NORM_2, &uu));
  *f = h2 / 2 * (yy * yy + app->alpha * uu * uu);
  PetscCall(VecScale(app->y, h2));
  PetscCall(VecScale(app->u, h2 * app->alpha));
  PetscCall(VecStrideScatter(app->y, 0, g, INSERT_VALUES));
  PetscCall(VecStrideScatter(app->u, 1, g, INSERT_VALUES));
  PetscFunctionReturn(0);
}
static PetscErrorCode Residual(Tao tao, Vec x, Vec c, void *ctx)
{
  App            *app = (App *)ctx;
  const PetscReal h2  = app->h * app->h;

  PetscFunctionBeginUser;
  PetscCall(Split(app, x));
  PetscCall(MatMult(app->A, app->y, c));
  PetscCall(VecPointwiseMult(app->w, app->y, app->y));
  PetscCall(VecPointwiseMult(app->w, app->w, app->y));
  PetscCall(VecAXPBYPCZ(c, h2, -h2, 1, app->w, app->u));
  PetscFunctionReturn(0);
}
/* Row r of c' holds row r of A + 3 h^2 diag(y^2) in the columns of y (2 r) and -h^2 in the column of u (2 r + 1). */
static PetscErrorCode Jacobian(Tao tao, Vec x, Mat G, Mat Gpre, void *ctx)
{
  App               *app = (App *)ctx;
  const PetscScalar *xa, *v;
  const PetscInt    *col;
  PetscInt           lo, hi, n;

  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &xa));
  for (PetscInt r = lo; r < hi; r++) {
    const PetscReal y = xa[2 * (r - lo)];

    PetscCall(MatGetRow(app->A, r, &n, &col, &v));
    for (PetscInt k = 0; k < n; k++) PetscCall(MatSetValue(G, r, 2 * col[k], v[k] + (col[k] == r ? 3 * app->h * app->h * y * y : 0), INSERT_VALUES));
    PetscCall(MatRestoreRow(app->A, r, &n, &col, &v));
    PetscCall(MatSetValue(G, r, 2 * r + 1, -app->h * app->h, INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(x, &xa));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
/* of the Lagrangian f + l'c: the adjoint l comes from TaoGetDualVariables() */
static PetscErrorCode Hessian(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  App            *app = (App *)ctx;
  const PetscReal h2  = app->h * app->h;
  Vec             l, d;

  PetscFunctionBeginUser;
  PetscCall(TaoGetDualVariables(tao, &l, NULL));
  PetscCall(Split(app, x));
  PetscCall(VecPointwiseMult(app->w, app->y, l));
  PetscCall(VecScale(app->w, 6 * h2));
  PetscCall(VecShift(app->w, h2));
  PetscCall(VecSet(app->u, h2 * app->alpha));
  PetscCall(VecDuplicate(x, &d));
  PetscCall(VecStrideScatter(app->w, 0, d, INSERT_VALUES));
  PetscCall(VecStrideScatter(app->u, 1, d, INSERT_VALUES));
  PetscCall(MatDiagonalSet(H, d, INSERT_VALUES));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(0);
}
/* grid, operator and a target that no state can reach: 1 in a disc, 0 outside */
static PetscErrorCode Setup(PetscInt n, App *app)
{
  DMDALocalInfo info;
  PetscScalar **d;

  PetscFunctionBeginUser;
  app->h = 1. / (n + 1);
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, n, n, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &app->grid));
  PetscCall(DMSetUp(app->grid));
  PetscCall(DMDACreateCompatibleDMDA(app->grid, 2, &app->pairs));
  PetscCall(DMCreateGlobalVector(app->grid, &app->yd));
  PetscCall(VecDuplicate(app->yd, &app->y));
  PetscCall(VecDuplicate(app->yd, &app->u));
  PetscCall(VecDuplicate(app->yd, &app->w));
  PetscCall(DMCreateMatrix(app->grid, &app->A));
  PetscCall(DMDAGetLocalInfo(app->grid, &info));
  PetscCall(DMDAVecGetArray(app->grid, app->yd, &d));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++)
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      const PetscInt  di[5] = {0, -1, 1, 0, 0}, dj[5] = {0, 0, 0, -1, 1};
      const MatStencil row = {.i = i, .j = j};

      d[j][i] = PetscSqr((i + 1) * app->h - 0.4) + PetscSqr((j + 1) * app->h - 0.55) < 0.0625 ? 1 : 0;
      for (int k = 0; k < 5; k++) {
        const MatStencil  col = {.i = i + di[k], .j = j + dj[k]};
        const PetscScalar v   = k ? -1 : 4;
        if (col.i >= 0 && col.j >= 0 && col.i < n && col.j < n) PetscCall(MatSetValuesStencil(app->A, 1, &row, 1, &col, &v, INSERT_VALUES));
      }
    }
  PetscCall(DMDAVecRestoreArray(app->grid, app->yd, &d));
  PetscCall(MatAssemblyBegin(app->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(app->A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
#include "control.h"
/*TEST
  np: 1 2 4  args: -n 31 -tao_view -pictures control.png
  np: 1  args: -n 150
TEST*/
