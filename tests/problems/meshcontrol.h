/*
  meshcontrol.h - optimal control of an elliptic equation on an unstructured mesh with a known solution, linear finite elements on
  DMPlex (examples/heat.h), in parallel; shared by tests and benchmarks.

      minimize 1/2 |y - yd|^2 + alpha/2 |u|^2   subject to   -Lap y + kappa y^3 = u,   y = 0 on the boundary

  With s = sin(pi x) sin(pi y), which is 0 on the whole boundary of meshes/lshape: y* = s, u* = -Lap s + kappa s^3, multiplier
  l* = alpha u*, yd = y* - alpha Lap u* + 3 kappa alpha s^2 u*. All of them are 0 on the boundary. Discrete:
  f = (y - yd)'M(y - yd)/2 + alpha u'Mu/2, c = K y + kappa N(y) - M u, consistent mass, y^3 by the elements' quadrature. The error
  is of order h^2.

  A joint vector holds [y; u] on every rank. Schur complement (Pearson and Wathen 2012): with T = K + 3 kappa M(y^2) + M / sqrt(alpha),
  G H^-1 G' is close to T M^-1 T; its inverse needs two solves with T, by conjugate gradients with algebraic multigrid.
*/
#ifndef MESHCONTROL_H
#define MESHCONTROL_H
#include <petsctao.h>
#include "../../examples/heat.h"
#include "statesolver.h"

typedef void MeshControlFn(void); /* what MatShellSetOperation() wants a function cast to */
typedef struct {
  Heat      h; /* mesh and tables; its fields are not used but for errors */
  PetscReal alpha, kappa;
  PetscInt  n, evaluations;
  PetscInt *ycol, *ucol; /* [nlocal]: columns of a vertex's state and control in a joint vector, -1 where fixed */
  Vec       x, c, y, u, yd, w, w2, ylocal, llocal;
  Mat       K, M, T, G, H, S;
  KSP       mg;
  Tao       tao;
} MeshControl;

/* --- the solution chosen beforehand ---------------------------------------------------------------------------------------- */
static PetscReal MeshControlState(const Heat *h, PetscReal kappa, const PetscReal x[3])
{
  return PetscSinReal(PETSC_PI * x[0]) * PetscSinReal(PETSC_PI * x[1]);
}
static PetscReal MeshControlControl(const Heat *h, PetscReal kappa, const PetscReal x[3])
{
  const PetscReal s = MeshControlState(h, kappa, x);

  return 2 * PETSC_PI * PETSC_PI * s + kappa * s * s * s;
}
/* -Lap u* + 3 kappa s^2 u*, with -Lap s^3 = 6 pi^2 s^3 - 6 s |grad s|^2 */
static PetscReal MeshControlTarget(const Heat *h, PetscReal kappa, const PetscReal x[3])
{
  const PetscReal pi2 = PETSC_PI * PETSC_PI, s = MeshControlState(h, kappa, x), c0 = PetscCosReal(PETSC_PI * x[0]), c1 = PetscCosReal(PETSC_PI * x[1]);
  const PetscReal s0 = PetscSinReal(PETSC_PI * x[0]), s1 = PetscSinReal(PETSC_PI * x[1]), grad2 = pi2 * (c0 * c0 * s1 * s1 + s0 * s0 * c1 * c1);

  return 4 * pi2 * pi2 * s + kappa * (6 * pi2 * s * s * s - 6 * s * grad2) + 3 * kappa * s * s * MeshControlControl(h, kappa, x);
}

/* --- elements: e = stiff K + M(mass + cubic a b) on one cell; a, b local vectors ---------------------------------------------- */
static inline void MeshControlElement(const Heat *h, const PetscInt cell[], PetscReal stiff, PetscReal mass, PetscReal cubic, const PetscScalar a[], const PetscScalar b[], PetscScalar e[])
{
  const PetscInt  n = h->dim + 1;
  PetscReal       v[4][3], g[4][3];
  const PetscReal volume = HeatSimplex(h, cell, v, g);

  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < n; j++) e[i * n + j] = stiff * volume * (g[i][0] * g[j][0] + g[i][1] * g[j][1] + g[i][2] * g[j][2]);
  for (PetscInt q = 0; q < n; q++) {
    PetscReal aq = 0, bq = 0, weight;

    for (PetscInt i = 0; i < n; i++) {
      aq += HeatWeight(h->dim, q, i) * a[cell[i]];
      bq += HeatWeight(h->dim, q, i) * b[cell[i]];
    }
    weight = volume / (PetscReal)n * (mass + cubic * aq * bq);
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt j = 0; j < n; j++) e[i * n + j] += weight * HeatWeight(h->dim, q, i) * HeatWeight(h->dim, q, j);
  }
}
/* adds factor times that over all cells; rows and columns by the tables, which have -1 where a vertex is fixed */
static inline PetscErrorCode MeshControlAdd(MeshControl *p, const PetscInt *row, const PetscInt *col, PetscReal factor, PetscReal stiff, PetscReal mass, PetscReal cubic, Vec alocal, Vec blocal, Mat A)
{
  const PetscInt     n = p->h.dim + 1;
  const PetscScalar *a, *b;
  PetscScalar        e[16];

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(alocal, &a));
  PetscCall(VecGetArrayRead(blocal, &b));
  for (PetscInt c = 0; c < p->h.ncells; c++) {
    const PetscInt *cell = p->h.cell + n * c;
    PetscInt        r[4], k[4];

    MeshControlElement(&p->h, cell, stiff, mass, cubic, a, b, e);
    for (PetscInt i = 0; i < n; i++) r[i] = row[cell[i]], k[i] = col[cell[i]];
    for (PetscInt i = 0; i < n * n; i++) e[i] *= factor;
    PetscCall(MatSetValues(A, n, r, n, k, e, ADD_VALUES));
  }
  PetscCall(VecRestoreArrayRead(blocal, &b));
  PetscCall(VecRestoreArrayRead(alocal, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlAssembled(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* --- parts of a joint vector --------------------------------------------------------------------------------------------------- */
static inline PetscErrorCode MeshControlParts(MeshControl *p, Vec x, Vec y, Vec u) /* y, u from x */
{
  const PetscScalar *a;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(x, &a));
  for (int k = 0; k < 2; k++) {
    PetscCall(VecGetArrayWrite(k ? u : y, &b));
    PetscCall(PetscArraycpy(b, a + k * p->n, p->n));
    PetscCall(VecRestoreArrayWrite(k ? u : y, &b));
  }
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlJoin(MeshControl *p, Vec y, Vec u, Vec x) /* x from y, u */
{
  const PetscScalar *b;
  PetscScalar       *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(x, &a));
  for (int k = 0; k < 2; k++) {
    PetscCall(VecGetArrayRead(k ? u : y, &b));
    PetscCall(PetscArraycpy(a + k * p->n, b, p->n));
    PetscCall(VecRestoreArrayRead(k ? u : y, &b));
  }
  PetscCall(VecRestoreArrayWrite(x, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlLocal(MeshControl *p, Vec v, Vec local) /* 0 where fixed */
{
  PetscFunctionBegin;
  PetscCall(VecZeroEntries(local));
  PetscCall(DMGlobalToLocal(p->h.dm, v, INSERT_VALUES, local));
  PetscFunctionReturn(0);
}

/* --- callbacks ------------------------------------------------------------------------------------------------------------------ */
static inline PetscErrorCode MeshControlFG(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  MeshControl *p = (MeshControl *)ctx;
  PetscScalar  yy, uu;

  PetscFunctionBegin;
  p->evaluations++;
  PetscCall(MeshControlParts(p, x, p->y, p->u));
  PetscCall(VecAXPY(p->y, -1, p->yd));
  PetscCall(MatMult(p->M, p->y, p->w));
  PetscCall(MatMult(p->M, p->u, p->w2));
  PetscCall(VecDot(p->y, p->w, &yy));
  PetscCall(VecDot(p->u, p->w2, &uu));
  PetscCall(VecScale(p->w2, p->alpha));
  PetscCall(MeshControlJoin(p, p->w, p->w2, g));
  *f = 0.5 * PetscRealPart(yy) + 0.5 * p->alpha * PetscRealPart(uu);
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlC(Tao tao, Vec x, Vec c, void *ctx)
{
  MeshControl       *p = (MeshControl *)ctx;
  const PetscInt     n = p->h.dim + 1;
  const PetscScalar *y;
  PetscScalar       *r, e[16];
  Vec                sum;

  PetscFunctionBegin;
  PetscCall(MeshControlParts(p, x, p->y, p->u));
  PetscCall(MeshControlLocal(p, p->y, p->ylocal));
  PetscCall(DMGetLocalVector(p->h.dm, &sum));
  PetscCall(VecZeroEntries(sum));
  PetscCall(VecGetArrayRead(p->ylocal, &y));
  PetscCall(VecGetArray(sum, &r));
  for (PetscInt k = 0; k < p->h.ncells; k++) {
    const PetscInt *cell = p->h.cell + n * k;

    MeshControlElement(&p->h, cell, 1, 0, p->kappa, y, y, e);
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt j = 0; j < n; j++) r[cell[i]] += e[i * n + j] * y[cell[j]];
  }
  PetscCall(VecRestoreArray(sum, &r));
  PetscCall(VecRestoreArrayRead(p->ylocal, &y));
  PetscCall(VecZeroEntries(c));
  PetscCall(DMLocalToGlobal(p->h.dm, sum, ADD_VALUES, c));
  PetscCall(DMRestoreLocalVector(p->h.dm, &sum));
  PetscCall(MatMult(p->M, p->u, p->w));
  PetscCall(VecAXPY(c, -1, p->w));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlG(Tao tao, Vec x, Mat G, Mat Gpre, void *ctx)
{
  MeshControl *p = (MeshControl *)ctx;

  PetscFunctionBegin;
  PetscCall(MeshControlParts(p, x, p->y, p->u));
  PetscCall(MeshControlLocal(p, p->y, p->ylocal));
  PetscCall(MatZeroEntries(G));
  PetscCall(MeshControlAdd(p, p->h.row, p->ycol, 1, 1, 0, 3 * p->kappa, p->ylocal, p->ylocal, G));
  PetscCall(MeshControlAdd(p, p->h.row, p->ucol, -1, 0, 1, 0, p->ylocal, p->ylocal, G));
  PetscCall(MeshControlAssembled(G));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlH(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  MeshControl *p = (MeshControl *)ctx;
  Vec          l;

  PetscFunctionBegin;
  PetscCall(TaoGetDualVariables(tao, &l, NULL));
  PetscCall(VecCopy(l, p->w)); /* the same layout, but not of this DM */
  PetscCall(MeshControlLocal(p, p->w, p->llocal));
  PetscCall(MeshControlParts(p, x, p->y, p->u));
  PetscCall(MeshControlLocal(p, p->y, p->ylocal));
  PetscCall(MatZeroEntries(H));
  PetscCall(MeshControlAdd(p, p->ycol, p->ycol, 1, 0, 1, 6 * p->kappa, p->ylocal, p->llocal, H));
  PetscCall(MeshControlAdd(p, p->ucol, p->ucol, p->alpha, 0, 1, 0, p->ylocal, p->ylocal, H));
  PetscCall(MeshControlAssembled(H));
  PetscFunctionReturn(0);
}
/* T at the state of the latest iterate; called before every iteration */
static inline PetscErrorCode MeshControlUpdate(Tao tao, PetscInt it, void *ctx)
{
  MeshControl *p = (MeshControl *)ctx;

  PetscFunctionBegin;
  PetscCall(MeshControlParts(p, p->x, p->y, p->u));
  PetscCall(MeshControlLocal(p, p->y, p->ylocal));
  PetscCall(MatZeroEntries(p->T));
  PetscCall(MeshControlAdd(p, p->h.row, p->h.row, 1, 1, 1 / PetscSqrtReal(p->alpha), 3 * p->kappa, p->ylocal, p->ylocal, p->T));
  PetscCall(MeshControlAssembled(p->T));
  PetscCall(KSPSetOperators(p->mg, p->T, p->T));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlSchurSolve(Mat S, Vec r, Vec w)
{
  MeshControl *p;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(S, &p));
  PetscCall(KSPSolve(p->mg, r, p->w));
  PetscCall(MatMult(p->M, p->w, p->w2));
  PetscCall(KSPSolve(p->mg, p->w2, w));
  PetscFunctionReturn(0);
}

/* --- life ------------------------------------------------------------------------------------------------------------------------- */
/* state j of rank r stands behind both parts of the ranks before; its control behind the states of r too */
static inline PetscErrorCode MeshControlColumns(MeshControl *p)
{
  const PetscInt *starts;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRanges(p->K, &starts));
  PetscCall(PetscMalloc2(p->h.nlocal, &p->ycol, p->h.nlocal, &p->ucol));
  for (PetscInt i = 0; i < p->h.nlocal; i++) {
    PetscMPIInt r = 0;

    p->ycol[i] = p->ucol[i] = -1;
    if (p->h.row[i] < 0) continue;
    while (p->h.row[i] >= starts[r + 1]) r++;
    p->ycol[i] = p->h.row[i] + starts[r];
    p->ucol[i] = p->h.row[i] + starts[r + 1];
  }
  PetscFunctionReturn(0);
}
/* G has the rows of [K M], H those of M twice: their places from K's rows */
static inline PetscErrorCode MeshControlMatrices(MeshControl *p)
{
  const MPI_Comm  comm = PetscObjectComm((PetscObject)p->h.dm);
  const PetscInt *cols;
  PetscInt        lo, hi, count, *d, *o;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(p->K, &lo, &hi));
  PetscCall(PetscCalloc2(2 * p->n, &d, 2 * p->n, &o));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(p->K, i, &count, &cols, NULL));
    for (PetscInt j = 0; j < count; j++) (cols[j] >= lo && cols[j] < hi ? d : o)[i - lo]++;
    PetscCall(MatRestoreRow(p->K, i, &count, &cols, NULL));
    d[i - lo + p->n] = d[i - lo];
    o[i - lo + p->n] = o[i - lo];
  }
  PetscCall(MatCreateAIJ(comm, 2 * p->n, 2 * p->n, PETSC_DETERMINE, PETSC_DETERMINE, 0, d, 0, o, &p->H));
  for (PetscInt i = 0; i < p->n; i++) d[i] *= 2, o[i] *= 2;
  PetscCall(MatCreateAIJ(comm, p->n, 2 * p->n, PETSC_DETERMINE, PETSC_DETERMINE, 0, d, 0, o, &p->G));
  PetscCall(PetscFree2(d, o));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlSchur(MeshControl *p)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)p->h.dm);

  PetscFunctionBegin;
  PetscCall(StateSolverCreate(comm, &p->mg));
  PetscCall(MatCreateShell(comm, p->n, p->n, PETSC_DETERMINE, PETSC_DETERMINE, p, &p->S));
  PetscCall(MatShellSetOperation(p->S, MATOP_MULT, (MeshControlFn *)MeshControlSchurSolve));
  PetscFunctionReturn(0);
}
/* values of a field at the vertices that are not fixed */
static inline PetscErrorCode MeshControlInterpolate(MeshControl *p, HeatField field, Vec v)
{
  PetscFunctionBegin;
  PetscCall(HeatInterpolate(&p->h, field, p->kappa, PETSC_TRUE, p->ylocal));
  PetscCall(DMLocalToGlobal(p->h.dm, p->ylocal, INSERT_VALUES, v));
  PetscFunctionReturn(0);
}
/* a Tao without a type, x = 0, on the mesh of -dm_plex_filename refined uniformly; p is zeroed memory but for p->h.dm, if there is one */
static inline PetscErrorCode MeshControlCreate(MPI_Comm comm, PetscInt refine, PetscReal kappa, PetscReal alpha, MeshControl *p)
{
  Vec *const vecs[] = {&p->y, &p->u, &p->yd, &p->w, &p->w2};

  PetscFunctionBegin;
  p->kappa = kappa;
  p->alpha = alpha;
  PetscCall(HeatCreate(comm, refine, -1, NULL, &p->h));
  PetscCall(DMCreateGlobalVector(p->h.dm, &p->c));
  PetscCall(VecGetLocalSize(p->c, &p->n));
  for (size_t i = 0; i < sizeof(vecs) / sizeof(vecs[0]); i++) PetscCall(VecDuplicate(p->c, vecs[i]));
  PetscCall(DMCreateLocalVector(p->h.dm, &p->ylocal));
  PetscCall(VecDuplicate(p->ylocal, &p->llocal));
  PetscCall(VecCreateMPI(comm, 2 * p->n, PETSC_DETERMINE, &p->x));
  PetscCall(DMCreateMatrix(p->h.dm, &p->K));
  PetscCall(VecZeroEntries(p->ylocal));
  PetscCall(MeshControlAdd(p, p->h.row, p->h.row, 1, 1, 0, 0, p->ylocal, p->ylocal, p->K));
  PetscCall(MeshControlAssembled(p->K));
  PetscCall(MatDuplicate(p->K, MAT_DO_NOT_COPY_VALUES, &p->M));
  PetscCall(MeshControlAdd(p, p->h.row, p->h.row, 1, 0, 1, 0, p->ylocal, p->ylocal, p->M));
  PetscCall(MeshControlAssembled(p->M));
  PetscCall(MatDuplicate(p->K, MAT_COPY_VALUES, &p->T));
  PetscCall(MeshControlColumns(p));
  PetscCall(MeshControlMatrices(p));
  PetscCall(MeshControlInterpolate(p, MeshControlTarget, p->yd)); /* the term times alpha; then y* */
  PetscCall(MeshControlInterpolate(p, MeshControlState, p->w));
  PetscCall(VecAYPX(p->yd, alpha, p->w));
  PetscCall(MeshControlSchur(p));
  PetscCall(TaoCreate(comm, &p->tao));
  PetscCall(TaoSetSolution(p->tao, p->x));
  PetscCall(TaoSetObjectiveAndGradient(p->tao, NULL, MeshControlFG, p));
  PetscCall(TaoSetEqualityConstraintsRoutine(p->tao, p->c, MeshControlC, p));
  PetscCall(TaoSetJacobianEqualityRoutine(p->tao, p->G, p->G, MeshControlG, p));
  PetscCall(TaoSetHessian(p->tao, p->H, p->H, MeshControlH, p));
  PetscCall(TaoSetUpdate(p->tao, MeshControlUpdate, p));
  PetscFunctionReturn(0);
}
/* |y - y*|, |u - u*|, |l - alpha u*| / alpha in L2 */
static inline PetscErrorCode MeshControlError(MeshControl *p, PetscReal error[3])
{
  Vec       l, part[3] = {p->y, p->u, p->w};
  PetscReal sum[2];

  PetscFunctionBegin;
  PetscCall(MeshControlParts(p, p->x, p->y, p->u));
  PetscCall(TaoGetDualVariables(p->tao, &l, NULL));
  PetscCall(VecCopy(l, p->w));
  PetscCall(VecScale(p->w, 1 / p->alpha));
  for (int k = 0; k < 3; k++) {
    PetscCall(MeshControlLocal(p, part[k], p->ylocal));
    PetscCall(HeatIntegrate(&p->h, p->ylocal, k ? MeshControlControl : MeshControlState, p->kappa, sum));
    error[k] = PetscSqrtReal(sum[1]);
  }
  PetscFunctionReturn(0);
}
/* target, state, control and adjoint in one file for ParaView */
static inline PetscErrorCode MeshControlWrite(MeshControl *p, const char file[])
{
  const char *const name[4] = {"target", "state", "control", "adjoint"};
  Vec               l, part[4] = {p->yd, p->y, p->u, p->w};
  PetscSection      s;
  PetscViewer       v;

  PetscFunctionBegin;
  PetscCall(MeshControlParts(p, p->x, p->y, p->u));
  PetscCall(TaoGetDualVariables(p->tao, &l, NULL));
  PetscCall(VecCopy(l, p->w));
  PetscCall(DMGetLocalSection(p->h.dm, &s));
  PetscCall(PetscSectionSetFieldName(s, 0, ""));
  PetscCall(PetscViewerVTKOpen(PetscObjectComm((PetscObject)p->h.dm), file, FILE_MODE_WRITE, &v));
  for (int k = 0; k < 4; k++) {
    PetscCall(PetscObjectSetName((PetscObject)part[k], name[k]));
    PetscCall(VecView(part[k], v));
  }
  PetscCall(PetscViewerDestroy(&v));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode MeshControlDestroy(MeshControl *p)
{
  Vec *const vecs[] = {&p->x, &p->c, &p->y, &p->u, &p->yd, &p->w, &p->w2, &p->ylocal, &p->llocal};
  Mat *const mats[] = {&p->K, &p->M, &p->T, &p->G, &p->H, &p->S};

  PetscFunctionBegin;
  PetscCall(TaoDestroy(&p->tao));
  PetscCall(KSPDestroy(&p->mg));
  for (size_t i = 0; i < sizeof(vecs) / sizeof(vecs[0]); i++) PetscCall(VecDestroy(vecs[i]));
  for (size_t i = 0; i < sizeof(mats) / sizeof(mats[0]); i++) PetscCall(MatDestroy(mats[i]));
  PetscCall(PetscFree2(p->ycol, p->ucol));
  PetscCall(HeatDestroy(&p->h));
  PetscFunctionReturn(0);
}
#endif
