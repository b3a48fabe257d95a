/*
  control.h - optimal control of elliptic equations on the unit square with known solutions, on DMDA, in parallel; shared by
  tests and benchmarks.

      f = h^2/2 (|y - yd|^2 + alpha |u|^2),   c = h^2 (A y + kappa y^3 - u),   A = -Laplacian, 5 points, zero boundary

  kappa = 1 (PDE-N, alpha 1e-2): yd is made so that y* = sin(pi x) sin(pi y), u* = A y* + y*^3 and l* = alpha u* solve the
  problem on every grid. kappa = 0 (PDE-Q, alpha 1e-4): yd = sin sin, f* = alpha mu^2 / (8 (1 + alpha mu^2)) with
  mu = (8/h^2) sin^2(pi h/2). PDE-L is the problem of Hong et al. 2023 on (-1,1)^2: the same without the factors h^2, alpha 0.1,
  a target of waves, start 1.

  A joint vector holds [y; u] on every rank. The Schur complement's approximation is multigrid on the state operator, twice.
*/
#ifndef CONTROL_H
#define CONTROL_H
#include <petsctao.h>
#include <petscdmda.h>
#include "statesolver.h"
#include <math.h>

typedef void NomosTestFn(void); /* what MatShellSetOperation() wants a function cast to */
typedef struct {
  DM        da;
  PetscInt  N, n; /* points per direction, local points */
  PetscReal h, alpha, kappa, fw, cw; /* fw: weight of f, cw: of c / h^2 (h^2 and 1 but for PDE-L) */
  PetscInt  evaluations; /* of f and its gradient */
  PetscInt  shells; /* 1: Hessian and Jacobian are shells with products only */
  Vec       x, c, yd, ystar, ustar, loc, w, w2, xnow, lnow;
  Mat       A, G, H; /* A: h^2 times the 5-point operator */
  Tao       tao;
  /* Schur complement S = T' W T with T the linearized state operator: its inverse by two sweeps of multigrid */
  Mat       T, S;
  KSP       mg;
} Control;

/* y and u as vectors of the DM, by copying */
static inline PetscErrorCode ControlPart(Control *p, Vec x, PetscInt part, Vec v)
{
  const PetscScalar *a;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayWrite(v, &b));
  PetscCall(PetscArraycpy(b, a + part * p->n, p->n));
  PetscCall(VecRestoreArrayWrite(v, &b));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlSetPart(Control *p, Vec x, PetscInt part, Vec v)
{
  const PetscScalar *a;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(v, &a));
  PetscCall(VecGetArray(x, &b));
  PetscCall(PetscArraycpy(b + part * p->n, a, p->n));
  PetscCall(VecRestoreArray(x, &b));
  PetscCall(VecRestoreArrayRead(v, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlFG(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Control           *p  = (Control *)ctx;
  const PetscReal    fw = p->fw;
  const PetscScalar *a, *d;
  PetscScalar       *b;
  PetscReal          mine = 0;

  PetscFunctionBegin;
  p->evaluations++;
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(p->yd, &d));
  PetscCall(VecGetArrayWrite(g, &b));
  for (PetscInt i = 0; i < p->n; i++) {
    const PetscReal e = a[i] - d[i], u = a[p->n + i];

    mine += fw / 2 * (e * e + p->alpha * u * u);
    b[i]        = fw * e;
    b[p->n + i] = fw * p->alpha * u;
  }
  PetscCall(VecRestoreArrayWrite(g, &b));
  PetscCall(VecRestoreArrayRead(p->yd, &d));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCallMPI(MPI_Allreduce(&mine, f, 1, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)x)));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlC(Tao tao, Vec x, Vec c, void *ctx)
{
  Control           *p  = (Control *)ctx;
  const PetscReal    h2 = p->h * p->h;
  const PetscScalar *a;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(ControlPart(p, x, 0, p->w));
  PetscCall(MatMult(p->A, p->w, c));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArray(c, &b));
  for (PetscInt i = 0; i < p->n; i++) b[i] += h2 * (p->kappa * a[i] * a[i] * a[i] - a[p->n + i]);
  PetscCall(VecRestoreArray(c, &b));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(VecScale(c, p->cw));
  PetscFunctionReturn(0);
}

/* --- shells: products alone, at the point of the latest callback -------------------------------------------------------- */
static inline PetscErrorCode ControlGMult(Mat G, Vec v, Vec c)
{
  Control           *p;
  const PetscScalar *a, *x;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(G, &p));
  PetscCall(ControlPart(p, v, 0, p->w));
  PetscCall(MatMult(p->A, p->w, c));
  PetscCall(VecGetArrayRead(v, &a));
  PetscCall(VecGetArrayRead(p->xnow, &x));
  PetscCall(VecGetArray(c, &b));
  for (PetscInt i = 0; i < p->n; i++) b[i] += p->h * p->h * (3 * p->kappa * x[i] * x[i] * a[i] - a[p->n + i]);
  PetscCall(VecRestoreArray(c, &b));
  PetscCall(VecRestoreArrayRead(p->xnow, &x));
  PetscCall(VecRestoreArrayRead(v, &a));
  PetscCall(VecScale(c, p->cw));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlGMultTranspose(Mat G, Vec l, Vec v)
{
  Control           *p;
  const PetscScalar *a, *x, *s;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(G, &p));
  PetscCall(MatMult(p->A, l, p->w));
  PetscCall(VecGetArrayRead(l, &a));
  PetscCall(VecGetArrayRead(p->w, &s));
  PetscCall(VecGetArrayRead(p->xnow, &x));
  PetscCall(VecGetArrayWrite(v, &b));
  for (PetscInt i = 0; i < p->n; i++) {
    b[i]        = p->cw * (s[i] + p->h * p->h * 3 * p->kappa * x[i] * x[i] * a[i]);
    b[p->n + i] = -p->cw * p->h * p->h * a[i];
  }
  PetscCall(VecRestoreArrayWrite(v, &b));
  PetscCall(VecRestoreArrayRead(p->xnow, &x));
  PetscCall(VecRestoreArrayRead(p->w, &s));
  PetscCall(VecRestoreArrayRead(l, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlHMult(Mat H, Vec v, Vec w)
{
  Control           *p;
  const PetscScalar *a, *x, *l;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &p));
  PetscCall(VecGetArrayRead(v, &a));
  PetscCall(VecGetArrayRead(p->xnow, &x));
  PetscCall(VecGetArrayRead(p->lnow, &l));
  PetscCall(VecGetArrayWrite(w, &b));
  for (PetscInt i = 0; i < p->n; i++) {
    b[i]        = (p->fw + p->cw * p->h * p->h * 6 * p->kappa * x[i] * l[i]) * a[i];
    b[p->n + i] = p->fw * p->alpha * a[p->n + i];
  }
  PetscCall(VecRestoreArrayWrite(w, &b));
  PetscCall(VecRestoreArrayRead(p->lnow, &l));
  PetscCall(VecRestoreArrayRead(p->xnow, &x));
  PetscCall(VecRestoreArrayRead(v, &a));
  PetscFunctionReturn(0);
}

/* --- assembled ----------------------------------------------------------------------------------------------------------- */
static inline PetscErrorCode ControlG(Tao tao, Vec x, Mat G, Mat Gpre, void *ctx)
{
  Control           *p  = (Control *)ctx;
  const PetscReal    h2 = p->h * p->h;
  const PetscScalar *a, *vals;
  const PetscInt    *cols;
  PetscInt           lo, xlo, ncols, place[8];
  PetscScalar        v[8];
  const PetscInt    *starts;
  PetscMPIInt        size, r;

  PetscFunctionBegin;
  PetscCall(VecCopy(x, p->xnow));
  if (p->shells) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)G), &size));
  PetscCall(MatGetOwnershipRange(p->A, &lo, NULL));
  PetscCall(VecGetOwnershipRange(x, &xlo, NULL));
  PetscCall(MatGetOwnershipRanges(p->A, &starts));
  PetscCall(VecGetArrayRead(x, &a));
  for (PetscInt i = 0; i < p->n; i++) {
    PetscCall(MatGetRow(p->A, lo + i, &ncols, &cols, &vals));
    for (PetscInt j = 0; j < ncols; j++) { /* state j of rank r stands behind the two parts of the ranks before */
      for (r = 0; cols[j] >= starts[r + 1];) r++;
      place[j] = cols[j] + starts[r];
      v[j]     = p->cw * (vals[j] + (cols[j] == lo + i ? h2 * 3 * p->kappa * a[i] * a[i] : 0));
    }
    PetscCall(MatRestoreRow(p->A, lo + i, NULL, &cols, &vals));
    place[ncols] = xlo + p->n + i;
    v[ncols]     = -p->cw * h2;
    {
      const PetscInt row = lo + i;
      PetscCall(MatSetValues(G, 1, &row, ncols + 1, place, v, INSERT_VALUES));
    }
  }
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlH(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  Control           *p  = (Control *)ctx;
  const PetscReal    h2 = p->h * p->h;
  const PetscScalar *a, *l;
  PetscInt           lo;
  Vec                dual;

  PetscFunctionBegin;
  PetscCall(TaoGetDualVariables(tao, &dual, NULL));
  PetscCall(VecCopy(dual, p->lnow));
  if (p->shells) PetscFunctionReturn(0);
  PetscCall(MatGetOwnershipRange(H, &lo, NULL));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(dual, &l));
  for (PetscInt i = 0; i < p->n; i++) {
    PetscCall(MatSetValue(H, lo + i, lo + i, p->fw + p->cw * h2 * 6 * p->kappa * a[i] * l[i], INSERT_VALUES));
    PetscCall(MatSetValue(H, lo + p->n + i, lo + p->n + i, p->fw * p->alpha, INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(dual, &l));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* --- Schur complement ---------------------------------------------------------------------------------------------------
   G H^-1 G' = cw^2 (T T' + h^4 / alpha) / fw for H = fw diag(1, alpha) and T the linearized state operator; with
   M = T + (h^2 / sqrt(alpha)) I it is close to cw^2 M M' / fw, whatever alpha (Pearson and Wathen 2012, sec. 4). S is the inverse
   of that by multigrid on M, twice: use it with -tao_sketchnewton_schur_pc_type mat. */
static inline PetscErrorCode ControlSchurSolve(Mat S, Vec r, Vec w)
{
  Control *p;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(S, &p));
  PetscCall(KSPSolve(p->mg, r, p->w2));
  PetscCall(KSPSolve(p->mg, p->w2, w)); /* M is symmetric */
  PetscCall(VecScale(w, p->fw / (p->cw * p->cw)));
  PetscFunctionReturn(0);
}
/* M at the state of the latest Jacobian; called before every iteration */
static inline PetscErrorCode ControlUpdate(Tao tao, PetscInt it, void *ctx)
{
  Control           *p  = (Control *)ctx;
  const PetscReal    h2 = p->h * p->h;
  const PetscScalar *a;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(p->x, &a));
  PetscCall(VecGetArrayWrite(p->w, &b));
  for (PetscInt i = 0; i < p->n; i++) b[i] = h2 * (3 * p->kappa * a[i] * a[i] + 1 / PetscSqrtReal(p->alpha));
  PetscCall(VecRestoreArrayWrite(p->w, &b));
  PetscCall(VecRestoreArrayRead(p->x, &a));
  PetscCall(MatCopy(p->A, p->T, SAME_NONZERO_PATTERN));
  PetscCall(MatDiagonalSet(p->T, p->w, ADD_VALUES));
  PetscCall(KSPSetOperators(p->mg, p->T, p->T));
  PetscFunctionReturn(0);
}

/* --- life -------------------------------------------------------------------------------------------------------------------- */
static inline PetscErrorCode ControlOperator(Control *p)
{
  DMDALocalInfo info;

  PetscFunctionBegin;
  PetscCall(DMCreateMatrix(p->da, &p->A));
  PetscCall(DMDAGetLocalInfo(p->da, &info));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++)
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      MatStencil  row = {.i = i, .j = j}, col[5];
      PetscScalar v[5];
      PetscInt    n = 0;

      col[n] = row, v[n++] = 4;
      if (i) col[n] = (MatStencil){.i = i - 1, .j = j}, v[n++] = -1;
      if (i + 1 < p->N) col[n] = (MatStencil){.i = i + 1, .j = j}, v[n++] = -1;
      if (j) col[n] = (MatStencil){.i = i, .j = j - 1}, v[n++] = -1;
      if (j + 1 < p->N) col[n] = (MatStencil){.i = i, .j = j + 1}, v[n++] = -1;
      PetscCall(MatSetValuesStencil(p->A, 1, &row, n, col, v, INSERT_VALUES));
    }
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlTarget(Control *p)
{
  const PetscReal mu = 8 / (p->h * p->h) * PetscSqr(PetscSinReal(PETSC_PI * p->h / 2)); /* A sin sin = mu sin sin */
  DMDALocalInfo   info;
  PetscScalar   **y, **u, **d;

  PetscFunctionBegin;
  PetscCall(DMDAGetLocalInfo(p->da, &info));
  PetscCall(DMDAVecGetArray(p->da, p->ystar, &y));
  PetscCall(DMDAVecGetArray(p->da, p->ustar, &u));
  PetscCall(DMDAVecGetArray(p->da, p->yd, &d));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++)
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      const PetscReal s = PetscSinReal(PETSC_PI * (i + 1) * p->h) * PetscSinReal(PETSC_PI * (j + 1) * p->h);

      if (p->cw != 1) { /* waves; e = 0.1 / sqrt 15 */
        const PetscReal e = 0.1 / PetscSqrtReal(15);

        d[j][i] = PetscSinReal(4 + e * (i + 1 - (p->N + 1) / 2.)) + PetscCosReal(3 + e * (j + 1 - (p->N + 1) / 2.));
        y[j][i] = u[j][i] = 0;
      } else if (p->kappa > 0) { /* l* = alpha u*, and A u* + 3 y*^2 u* needs A (y*^3): added below */
        y[j][i] = s;
        u[j][i] = mu * s + p->kappa * s * s * s;
        d[j][i] = 0;
      } else { /* (1 + alpha mu^2) y* = sin sin */
        d[j][i] = s;
        y[j][i] = s / (1 + p->alpha * mu * mu);
        u[j][i] = mu * y[j][i];
      }
    }
  PetscCall(DMDAVecRestoreArray(p->da, p->yd, &d));
  PetscCall(DMDAVecRestoreArray(p->da, p->ustar, &u));
  PetscCall(DMDAVecRestoreArray(p->da, p->ystar, &y));
  if (p->kappa > 0) { /* yd = y* + alpha (A + 3 kappa y*^2) u* */
    PetscCall(MatMult(p->A, p->ustar, p->yd));
    PetscCall(VecScale(p->yd, 1 / (p->h * p->h)));
    PetscCall(VecPointwiseMult(p->w, p->ystar, p->ystar));
    PetscCall(VecPointwiseMult(p->w, p->w, p->ustar));
    PetscCall(VecAXPY(p->yd, 3 * p->kappa, p->w));
    PetscCall(VecAYPX(p->yd, p->alpha, p->ystar));
  }
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlMatrices(Control *p)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)p->da);

  PetscFunctionBegin;
  if (p->shells) {
    PetscCall(MatCreateShell(comm, p->n, 2 * p->n, PETSC_DETERMINE, PETSC_DETERMINE, p, &p->G));
    PetscCall(MatShellSetOperation(p->G, MATOP_MULT, (NomosTestFn *)ControlGMult));
    PetscCall(MatShellSetOperation(p->G, MATOP_MULT_TRANSPOSE, (NomosTestFn *)ControlGMultTranspose));
    PetscCall(MatCreateShell(comm, 2 * p->n, 2 * p->n, PETSC_DETERMINE, PETSC_DETERMINE, p, &p->H));
    PetscCall(MatShellSetOperation(p->H, MATOP_MULT, (NomosTestFn *)ControlHMult));
  } else {
    PetscCall(MatCreateAIJ(comm, p->n, 2 * p->n, PETSC_DETERMINE, PETSC_DETERMINE, 6, NULL, 5, NULL, &p->G));
    PetscCall(MatCreateAIJ(comm, 2 * p->n, 2 * p->n, PETSC_DETERMINE, PETSC_DETERMINE, 1, NULL, 0, NULL, &p->H));
  }
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlSchur(Control *p)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)p->da);

  PetscFunctionBegin;
  PetscCall(MatDuplicate(p->A, MAT_COPY_VALUES, &p->T));
  PetscCall(StateSolverCreate(comm, &p->mg));
  PetscCall(MatCreateShell(comm, p->n, p->n, PETSC_DETERMINE, PETSC_DETERMINE, p, &p->S));
  PetscCall(MatShellSetOperation(p->S, MATOP_MULT, (NomosTestFn *)ControlSchurSolve));
  PetscFunctionReturn(0);
}
/* a Tao without a type at its start; kappa and alpha as at the top, waves: PDE-L */
static inline PetscErrorCode ControlCreate(MPI_Comm comm, PetscInt N, PetscReal kappa, PetscReal alpha, PetscBool waves, PetscBool shells, Control *p)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->N      = N;
  p->h      = (waves ? 2. : 1.) / (N + 1);
  p->fw     = waves ? 1 : p->h * p->h;
  p->cw     = waves ? 1 / (p->h * p->h) : 1;
  p->alpha  = alpha;
  p->kappa  = kappa;
  p->shells = shells ? 1 : 0;
  PetscCall(DMDACreate2d(comm, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, N, N, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &p->da));
  PetscCall(DMSetUp(p->da));
  PetscCall(DMCreateGlobalVector(p->da, &p->c));
  PetscCall(VecGetLocalSize(p->c, &p->n));
  PetscCall(VecDuplicate(p->c, &p->yd));
  PetscCall(VecDuplicate(p->c, &p->ystar));
  PetscCall(VecDuplicate(p->c, &p->ustar));
  PetscCall(VecDuplicate(p->c, &p->w));
  PetscCall(VecDuplicate(p->c, &p->w2));
  PetscCall(VecDuplicate(p->c, &p->lnow));
  PetscCall(VecCreateMPI(comm, 2 * p->n, PETSC_DETERMINE, &p->x));
  PetscCall(VecDuplicate(p->x, &p->xnow));
  PetscCall(VecSet(p->x, waves ? 1 : 0));
  PetscCall(ControlOperator(p));
  PetscCall(ControlTarget(p));
  PetscCall(ControlMatrices(p));
  PetscCall(ControlSchur(p));
  PetscCall(TaoCreate(comm, &p->tao));
  PetscCall(TaoSetSolution(p->tao, p->x));
  PetscCall(TaoSetObjectiveAndGradient(p->tao, NULL, ControlFG, p));
  PetscCall(TaoSetEqualityConstraintsRoutine(p->tao, p->c, ControlC, p));
  PetscCall(TaoSetJacobianEqualityRoutine(p->tao, p->G, p->G, ControlG, p));
  PetscCall(TaoSetHessian(p->tao, p->H, p->H, ControlH, p));
  PetscCall(TaoSetUpdate(p->tao, ControlUpdate, p));
  PetscFunctionReturn(0);
}
/* largest distance of y, u to the known solution, relative to the largest entry */
static inline PetscErrorCode ControlError(Control *p, PetscReal *error)
{
  PetscReal scale, y, u;

  PetscFunctionBegin;
  PetscCall(ControlPart(p, p->x, 0, p->w));
  PetscCall(VecAXPY(p->w, -1, p->ystar));
  PetscCall(VecNorm(p->w, NORM_INFINITY, &y));
  PetscCall(VecNorm(p->ystar, NORM_INFINITY, &scale));
  y /= scale;
  PetscCall(ControlPart(p, p->x, 1, p->w));
  PetscCall(VecAXPY(p->w, -1, p->ustar));
  PetscCall(VecNorm(p->w, NORM_INFINITY, &u));
  PetscCall(VecNorm(p->ustar, NORM_INFINITY, &scale));
  *error = PetscMax(y, u / scale);
  PetscFunctionReturn(0);
}
static inline PetscErrorCode ControlDestroy(Control *p)
{
  PetscFunctionBegin;
  PetscCall(TaoDestroy(&p->tao));
  PetscCall(KSPDestroy(&p->mg));
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->G));
  PetscCall(MatDestroy(&p->H));
  PetscCall(MatDestroy(&p->T));
  PetscCall(MatDestroy(&p->S));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->xnow));
  PetscCall(VecDestroy(&p->c));
  PetscCall(VecDestroy(&p->yd));
  PetscCall(VecDestroy(&p->ystar));
  PetscCall(VecDestroy(&p->ustar));
  PetscCall(VecDestroy(&p->w));
  PetscCall(VecDestroy(&p->w2));
  PetscCall(VecDestroy(&p->lnow));
  PetscCall(DMDestroy(&p->da));
  PetscFunctionReturn(0);
}
#endif
