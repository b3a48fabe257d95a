/*
  T2: u_t = kappa(t) Lap u + f on the unit square, zero boundary, nx cells a side, Crank-Nicolson with dt = 1e-3; a source goes round,
  kappa goes up and down. (I - (dt/2) kappa Lap_h) u_new = (I + (dt/2) kappa Lap_h) u + dt f, at the middle of the step, solved by SSOR-CG from
  the last u to |r| <= 1e-8 |b|.

  Two implementations that share no line: plain loops here, for tables of what each omega costs, and a Mat for PETSc's solvers.
*/
#ifndef NOMOS_HEATTEST_H
#define NOMOS_HEATTEST_H
#include "costtable.h"

#define HEAT_DT 1e-3

static inline double HeatKappa(double t)
{
  const double s = sin(2 * PETSC_PI * t);

  return PetscMax(0.1 * s, -10 * s);
}
static inline double HeatBump(double x, double y, double cx, double cy, double r)
{
  const double d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (r * r);

  return d < 1 ? exp(1 - 1 / (1 - d)) : 0;
}
static inline double HeatStart(double x, double y)
{
  return HeatBump(x, y, 0.5, 0.5, 0.25);
}
static inline double HeatSource(double x, double y, double t)
{
  return 32 * HeatBump(x, y, 0.5 + cos(16 * PETSC_PI * t) / 4, 0.5 + sin(16 * PETSC_PI * t) / 4, 0.125);
}
/* the mean over the rows of (a_ii - sum |a_ij|) / a_ii, as the automatic context reads it off the matrix; by hand: sides and corners
   of the square have fewer neighbours */
static inline double HeatContext(PetscInt nx, double kappa)
{
  const double c = 0.5 * HEAT_DT * kappa * (double)nx * (double)nx, n = (double)nx - 1;

  return log10((1 + c * 4 / n) / (1 + 4 * c));
}
/* Gershgorin's bound of Jacobi's radius */
static inline double HeatRadius(PetscInt nx, double kappa)
{
  const double c = 0.5 * HEAT_DT * kappa * (double)nx * (double)nx;

  return 4 * c / (1 + 4 * c);
}

/* ---- plain loops. Fields have a rim of zeros: (nx + 1)^2 numbers. The system is divided by its diagonal: 1 and -g. --------- */
static inline double HeatDot(PetscInt m, const double *restrict a, const double *restrict b)
{
  double s[4] = {0, 0, 0, 0};
  PetscInt i;

  for (i = 0; i + 4 <= m; i += 4)
    for (int k = 0; k < 4; k++) s[k] += a[i + k] * b[i + k];
  for (; i < m; i++) s[0] += a[i] * b[i];
  return (s[0] + s[1]) + (s[2] + s[3]);
}

/* z = (I/w + U)^-1 (I/w + L)^-1 r */
static inline void HeatSSOR(PetscInt nx, double g, double w, const double *restrict r, double *restrict z)
{
  const PetscInt ld = nx + 1;

  for (PetscInt j = 1; j < nx; j++)
    for (PetscInt i = 1; i < nx; i++) z[j * ld + i] = w * (r[j * ld + i] + g * (z[j * ld + i - 1] + z[(j - 1) * ld + i]));
  for (PetscInt j = nx - 1; j > 0; j--)
    for (PetscInt i = nx - 1; i > 0; i--) z[j * ld + i] = w * (z[j * ld + i] + g * (z[j * ld + i + 1] + z[(j + 1) * ld + i]));
}

static inline void HeatMult(PetscInt nx, double g, const double *restrict x, double *restrict y)
{
  const PetscInt ld = nx + 1;

  for (PetscInt j = 1; j < nx; j++)
    for (PetscInt i = 1; i < nx; i++) y[j * ld + i] = x[j * ld + i] - g * (x[j * ld + i - 1] + x[j * ld + i + 1] + x[(j - 1) * ld + i] + x[(j + 1) * ld + i]);
}

/* CG; work: 4 fields. Returns the iterations. */
static inline PetscInt HeatCG(PetscInt nx, double g, double w, const double *b, double *x, double *work)
{
  const PetscInt m = (nx + 1) * (nx + 1);
  double        *r = work, *z = work + m, *p = work + 2 * m, *q = work + 3 * m, rho, old = 1;
  const double   stop = 1e-16 * HeatDot(m, b, b);
  PetscInt       it;

  memset(work, 0, 4 * sizeof(double) * (size_t)m);
  HeatMult(nx, g, x, r);
  for (PetscInt i = 0; i < m; i++) r[i] = b[i] - r[i];
  for (it = 0; it < 10000 && HeatDot(m, r, r) > stop; it++) {
    double alpha;

    HeatSSOR(nx, g, w, r, z);
    rho = HeatDot(m, r, z);
    for (PetscInt i = 0; i < m; i++) p[i] = z[i] + (it ? rho / old : 0) * p[i];
    old = rho;
    HeatMult(nx, g, p, q);
    alpha = rho / HeatDot(m, p, q);
    for (PetscInt i = 0; i < m; i++) {
      x[i] += alpha * p[i];
      r[i] -= alpha * q[i];
    }
  }
  return it;
}

/* Iterations of every omega in every step, all from one state: the one that the last omega left. */
static inline PetscErrorCode HeatTableFill(PetscInt nx, CostTable *t)
{
  const PetscInt ld = nx + 1, m = ld * ld;
  const double   h = 1.0 / (double)nx;
  double        *u, *b, *x, *work;

  PetscFunctionBegin;
  PetscCall(PetscCalloc4(m, &u, m, &b, m, &x, 4 * m, &work));
  for (PetscInt j = 1; j < nx; j++)
    for (PetscInt i = 1; i < nx; i++) u[j * ld + i] = HeatStart((double)i * h, (double)j * h);
  t->lo = 0;
  t->hi = 10;
  t->symmetric = PETSC_TRUE;
  for (PetscInt k = 0; k < t->T; k++) {
    const double time = ((double)k + 0.5) * HEAT_DT, kappa = HeatKappa(time), c = 0.5 * HEAT_DT * kappa / (h * h), a = 1 + 4 * c;

    for (PetscInt j = 1; j < nx; j++)
      for (PetscInt i = 1; i < nx; i++) {
        const PetscInt s = j * ld + i;

        b[s] = ((1 - 4 * c) * u[s] + c * (u[s - 1] + u[s + 1] + u[s - ld] + u[s + ld]) + HEAT_DT * HeatSource((double)i * h, (double)j * h, time)) / a;
      }
    t->c[k]      = kappa;
    t->auto_c[k] = HeatContext(nx, kappa);
    t->radius[k] = HeatRadius(nx, kappa);
    for (PetscInt i = 0; i < TABLE_ARMS; i++) {
      PetscCall(PetscArraycpy(x, u, m));
      t->cost[k][i] = (double)HeatCG(nx, c / a, 1 + 0.05 * (double)i, b, x, work);
    }
    PetscCall(PetscArraycpy(u, x, m));
  }
  PetscCall(PetscFree4(u, b, x, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- PETSc's ------------------------------------------------------------------------------------------------------------- */
typedef struct {
  PetscInt  nx;
  Mat       A;
  Vec       u, b, f;
  PetscInt  total, unconverged, worst; /* iterations; solves that failed; largest count */
} Heat;

static inline PetscErrorCode HeatPut(Heat *p, Vec v, double time) /* < 0: the start */
{
  const double h = 1.0 / (double)p->nx;
  PetscInt     lo, hi;
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  PetscCall(VecGetArrayWrite(v, &a));
  for (PetscInt g = lo; g < hi; g++) {
    const double x = (double)(g % (p->nx - 1) + 1) * h, y = (double)(g / (p->nx - 1) + 1) * h;

    a[g - lo] = time < 0 ? HeatStart(x, y) : HeatSource(x, y, time);
  }
  PetscCall(VecRestoreArrayWrite(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode HeatCreate(MPI_Comm comm, PetscInt nx, Heat *p)
{
  const PetscInt n = (nx - 1) * (nx - 1);

  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->nx = nx;
  PetscCall(MatCreateAIJ(comm, PETSC_DECIDE, PETSC_DECIDE, n, n, 5, NULL, 5, NULL, &p->A));
  PetscCall(MatCreateVecs(p->A, &p->u, &p->b));
  PetscCall(VecDuplicate(p->u, &p->f));
  PetscCall(HeatPut(p, p->u, -1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode HeatDestroy(Heat *p)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&p->A));
  PetscCall(VecDestroy(&p->u));
  PetscCall(VecDestroy(&p->b));
  PetscCall(VecDestroy(&p->f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode HeatMatrix(Heat *p, double kappa)
{
  const PetscInt n = p->nx - 1;
  const double   c = 0.5 * HEAT_DT * kappa * (double)p->nx * (double)p->nx;
  PetscInt       lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) {
    PetscInt    col[5], k = 0;
    PetscScalar v[5] = {1 + 4 * c, -c, -c, -c, -c};

    col[k++] = g;
    if (g / n > 0) col[k++] = g - n;
    if (g / n < n - 1) col[k++] = g + n;
    if (g % n > 0) col[k++] = g - 1;
    if (g % n < n - 1) col[k++] = g + 1;
    PetscCall(MatSetValues(p->A, 1, &g, k, col, v, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* CG as the tables have it; types and the preconditioner by options */
static inline PetscErrorCode HeatKSP(Heat *p, const char prefix[], KSP *ksp)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)p->A), ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, prefix));
  PetscCall(KSPSetType(*ksp, KSPCG));
  PetscCall(KSPSetNormType(*ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetTolerances(*ksp, 1e-8, 1e-300, PETSC_DEFAULT, 10000));
  PetscCall(KSPSetInitialGuessNonzero(*ksp, PETSC_TRUE));
  PetscCall(KSPSetOperators(*ksp, p->A, p->A));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCSOR));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode HeatSystem(Heat *p, PetscInt step)
{
  const double time = ((double)step + 0.5) * HEAT_DT;

  PetscFunctionBegin;
  PetscCall(HeatPut(p, p->f, time));
  PetscCall(HeatMatrix(p, HeatKappa(time)));
  PetscCall(MatMult(p->A, p->u, p->b)); /* b = (2 I - A) u + dt f */
  PetscCall(VecAYPX(p->b, -1, p->f));
  PetscCall(VecAXPY(p->b, HEAT_DT - 1, p->f));
  PetscCall(VecAXPY(p->b, 2, p->u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode HeatStep(Heat *p, PetscInt step, KSP ksp)
{
  PetscInt           its;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(HeatSystem(p, step));
  PetscCall(KSPSolve(ksp, p->b, p->u));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  p->total += its;
  p->worst = PetscMax(p->worst, its);
  if (reason < 0) p->unconverged++;
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif
