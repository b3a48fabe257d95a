/*
  scalable.h - equality-constrained problems of any size with known minima, in parallel; shared by tests and benchmarks.

  LUKVLE1 (Luksan and Vlcek 1999): chained Rosenbrock, n - 2 nonlinear constraints; f* = 6.23245863 for every n >= 50.
  Logistic regression on the unit sphere and p hyperplanes, dense data from a small linear congruential stream.
*/
#ifndef SCALABLE_H
#define SCALABLE_H
#include <petsctao.h>
#include <math.h>

typedef void ScalableFn(void); /* what MatShellSetOperation() wants a function cast to */

/* --- LUKVLE1: constraint k sees x_k, x_(k+1), x_(k+2); ghosts by a scatter of the two next entries ----------------------- */
typedef struct {
  PetscInt   n;
  Tao        tao;
  Vec        x, c, ghost, lghost;
  VecScatter next, prev; /* x_lo .. x_(hi+1) here; multipliers of constraints lo-2 .. hi-1 here */
  PetscInt   xlo, xhi, clo, chi;
  Mat        G, H;
} Lukvle;

static inline PetscErrorCode LukvleHere(Lukvle *p, Vec x, const PetscScalar **a) /* a[i - xlo + 2], i in xlo - 2 .. xhi + 1 */
{
  PetscFunctionBegin;
  PetscCall(VecScatterBegin(p->next, x, p->ghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(p->next, x, p->ghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(p->ghost, a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LukvleFG(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Lukvle            *p = (Lukvle *)ctx;
  const PetscScalar *a;
  PetscScalar       *b;
  PetscReal          mine = 0;

  PetscFunctionBegin;
  PetscCall(LukvleHere(p, x, &a));
  PetscCall(VecGetArrayWrite(g, &b));
  for (PetscInt i = p->xlo; i < p->xhi; i++) {
    const PetscScalar *v = a + (i - p->xlo) + 2;

    b[i - p->xlo] = 0;
    if (i < p->n - 1) {
      const PetscReal e = v[0] * v[0] - v[1];

      mine += 100 * e * e + (v[0] - 1) * (v[0] - 1);
      b[i - p->xlo] += 400 * e * v[0] + 2 * (v[0] - 1);
    }
    if (i > 0) b[i - p->xlo] -= 200 * (v[-1] * v[-1] - v[0]);
  }
  PetscCall(VecRestoreArrayWrite(g, &b));
  PetscCall(VecRestoreArrayRead(p->ghost, &a));
  PetscCallMPI(MPI_Allreduce(&mine, f, 1, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)x)));
  PetscFunctionReturn(0);
}
/* value, gradient and the six second derivatives ww, wy, yy, yz, zz of one constraint at (w, y, z) */
static inline void LukvleOne(double w, double y, double z, double *c, double g[3], double h[3][3])
{
  const double e = exp(w - y), s = sin(y - z) * sin(y + z); /* = sin^2 y - sin^2 z */

  *c      = 3 * y * y * y + 2 * z - 5 + s + 4 * y - w * e - 3;
  g[0]    = -(1 + w) * e;
  g[1]    = 9 * y * y + sin(2 * y) + 4 + w * e;
  g[2]    = 2 - sin(2 * z);
  h[0][0] = -(2 + w) * e;
  h[0][1] = h[1][0] = (1 + w) * e;
  h[1][1] = 18 * y + 2 * cos(2 * y) - w * e;
  h[2][2] = -2 * cos(2 * z);
  h[0][2] = h[2][0] = h[1][2] = h[2][1] = 0;
}
/* constraint k lives where c is laid out, which is not where x_k is: a second window of x */
static inline PetscErrorCode LukvleC(Tao tao, Vec x, Vec c, void *ctx)
{
  Lukvle            *p = (Lukvle *)ctx;
  const PetscScalar *a;
  PetscScalar       *b;

  PetscFunctionBegin;
  PetscCall(VecScatterBegin(p->prev, x, p->lghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(p->prev, x, p->lghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(p->lghost, &a));
  PetscCall(VecGetArrayWrite(c, &b));
  for (PetscInt k = 0; k < p->chi - p->clo; k++) {
    double g[3], h[3][3];
    LukvleOne(a[k], a[k + 1], a[k + 2], &b[k], g, h);
  }
  PetscCall(VecRestoreArrayWrite(c, &b));
  PetscCall(VecRestoreArrayRead(p->lghost, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LukvleG(Tao tao, Vec x, Mat G, Mat Gpre, void *ctx)
{
  Lukvle            *p = (Lukvle *)ctx;
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecScatterBegin(p->prev, x, p->lghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(p->prev, x, p->lghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(p->lghost, &a));
  for (PetscInt k = p->clo; k < p->chi; k++) {
    double         c, g[3], h[3][3];
    const PetscInt col[3] = {k, k + 1, k + 2};

    LukvleOne(a[k - p->clo], a[k - p->clo + 1], a[k - p->clo + 2], &c, g, h);
    PetscCall(MatSetValues(G, 1, &k, 3, col, g, INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(p->lghost, &a));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LukvleH(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  Lukvle            *p = (Lukvle *)ctx;
  const PetscScalar *a, *l;
  Vec                dual;

  PetscFunctionBegin;
  PetscCall(TaoGetDualVariables(tao, &dual, NULL));
  PetscCall(MatZeroEntries(H));
  PetscCall(LukvleHere(p, x, &a));
  for (PetscInt i = p->xlo; i < p->xhi; i++) {
    const PetscScalar *v = a + (i - p->xlo) + 2;
    PetscReal          d = 0;

    if (i < p->n - 1) d += 1200 * v[0] * v[0] - 400 * v[1] + 2;
    if (i > 0) d += 200;
    PetscCall(MatSetValue(H, i, i, d, ADD_VALUES));
    if (i < p->n - 1) {
      PetscCall(MatSetValue(H, i, i + 1, -400 * v[0], ADD_VALUES));
      PetscCall(MatSetValue(H, i + 1, i, -400 * v[0], ADD_VALUES));
    }
  }
  PetscCall(VecRestoreArrayRead(p->ghost, &a));
  PetscCall(VecScatterBegin(p->prev, x, p->lghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(p->prev, x, p->lghost, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(p->lghost, &a));
  PetscCall(VecGetArrayRead(dual, &l));
  for (PetscInt k = p->clo; k < p->chi; k++) {
    const PetscInt col[3] = {k, k + 1, k + 2};
    double         c, g[3], h[3][3];

    LukvleOne(a[k - p->clo], a[k - p->clo + 1], a[k - p->clo + 2], &c, g, h);
    for (int i = 0; i < 9; i++) h[i / 3][i % 3] *= l[k - p->clo];
    PetscCall(MatSetValues(H, 3, col, 3, col, &h[0][0], ADD_VALUES));
  }
  PetscCall(VecRestoreArrayRead(dual, &l));
  PetscCall(VecRestoreArrayRead(p->lghost, &a));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
/* entries first .. first + count - 1 of x, clipped to its range, in a sequential vector */
static inline PetscErrorCode LukvleWindow(Vec x, PetscInt n, PetscInt first, PetscInt count, Vec *here, VecScatter *s)
{
  IS        is;
  PetscInt *idx;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(PetscMax(count, 1), &idx));
  for (PetscInt i = 0; i < count; i++) idx[i] = PetscMin(PetscMax(first + i, 0), n - 1);
  PetscCall(ISCreateGeneral(PETSC_COMM_SELF, count, idx, PETSC_OWN_POINTER, &is));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, count, here));
  PetscCall(VecScatterCreate(x, is, *here, NULL, s));
  PetscCall(ISDestroy(&is));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LukvleCreate(MPI_Comm comm, PetscInt n, Lukvle *p)
{
  PetscFunctionBegin;
  p->n = n;
  PetscCall(VecCreateMPI(comm, PETSC_DECIDE, n, &p->x));
  PetscCall(VecCreateMPI(comm, PETSC_DECIDE, n - 2, &p->c));
  PetscCall(VecGetOwnershipRange(p->x, &p->xlo, &p->xhi));
  PetscCall(VecGetOwnershipRange(p->c, &p->clo, &p->chi));
  for (PetscInt i = p->xlo; i < p->xhi; i++) PetscCall(VecSetValue(p->x, i, i % 2 ? 1 : -1.2, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(p->x));
  PetscCall(VecAssemblyEnd(p->x));
  PetscCall(LukvleWindow(p->x, n, p->xlo - 2, p->xhi - p->xlo + 4, &p->ghost, &p->next));
  PetscCall(LukvleWindow(p->x, n, p->clo, p->chi - p->clo + 2, &p->lghost, &p->prev));
  PetscCall(MatCreateAIJ(comm, p->chi - p->clo, p->xhi - p->xlo, n - 2, n, 3, NULL, 3, NULL, &p->G));
  PetscCall(MatCreateAIJ(comm, p->xhi - p->xlo, p->xhi - p->xlo, n, n, 5, NULL, 4, NULL, &p->H));
  PetscCall(TaoCreate(comm, &p->tao));
  PetscCall(TaoSetSolution(p->tao, p->x));
  PetscCall(TaoSetObjectiveAndGradient(p->tao, NULL, LukvleFG, p));
  PetscCall(TaoSetEqualityConstraintsRoutine(p->tao, p->c, LukvleC, p));
  PetscCall(TaoSetJacobianEqualityRoutine(p->tao, p->G, p->G, LukvleG, p));
  PetscCall(TaoSetHessian(p->tao, p->H, p->H, LukvleH, p));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LukvleDestroy(Lukvle *p)
{
  PetscFunctionBegin;
  PetscCall(TaoDestroy(&p->tao));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->c));
  PetscCall(VecDestroy(&p->ghost));
  PetscCall(VecDestroy(&p->lghost));
  PetscCall(VecScatterDestroy(&p->next));
  PetscCall(VecScatterDestroy(&p->prev));
  PetscCall(MatDestroy(&p->G));
  PetscCall(MatDestroy(&p->H));
  PetscFunctionReturn(0);
}

/* --- logistic regression: f = mean ln(1 + exp(-y_i X_i x)), c = (A x - b, |x|^2 - 1) ----------------------------------------- */
typedef struct {
  PetscInt   N, d, p; /* samples, unknowns, hyperplanes */
  PetscBool  shell;   /* Hessian X'DX/N + 2 l_m I as products */
  Tao        tao;
  Mat        X, A, G, H;
  Vec        x, c, y, s, w, b, D, t, ax;
  PetscReal  mult; /* 2 l_m */
  PetscInt64 labels;
  PetscReal  first; /* X[0][0] */
  PetscInt   products; /* with the Hessian's shell */
} Logistic;

static inline double LogisticNext(unsigned *s)
{
  *s = (1103515245u * *s + 12345u) & 0x7fffffffu;
  return *s / 2147483648.0;
}
static inline PetscErrorCode LogisticData(Logistic *p)
{
  unsigned s = 1;
  PetscInt lo, hi, alo, ahi;
  double  *margin, *row;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(p->N, &margin, p->d, &row));
  PetscCall(MatGetOwnershipRange(p->X, &lo, &hi));
  for (PetscInt i = 0; i < p->N; i++) { /* every rank runs the whole stream: it is cheap beside the products */
    margin[i] = 0;
    for (PetscInt j = 0; j < p->d; j++) {
      row[j] = 2 * LogisticNext(&s) - 1;
      margin[i] += row[j] * (j % 2 ? -1 : 1);
      if (!i && !j) p->first = row[j];
      if (i >= lo && i < hi) PetscCall(MatSetValue(p->X, i, j, row[j], INSERT_VALUES));
    }
  }
  p->labels = 0;
  for (PetscInt i = 0; i < p->N; i++) {
    const int label = LogisticNext(&s) < 1 / (1 + exp(-2 * margin[i])) ? 1 : -1;

    p->labels += label;
    if (i >= lo && i < hi) PetscCall(VecSetValue(p->y, i, label, INSERT_VALUES));
  }
  PetscCall(MatGetOwnershipRange(p->A, &alo, &ahi));
  for (PetscInt k = 0; k < p->p; k++)
    for (PetscInt j = 0; j < p->d; j++) {
      const double v = 2 * LogisticNext(&s) - 1;
      if (k >= alo && k < ahi) PetscCall(MatSetValue(p->A, k, j, v, INSERT_VALUES));
    }
  for (PetscInt k = 0; k < p->p; k++) {
    const double v = 0.1 * (2 * LogisticNext(&s) - 1);
    if (k >= alo && k < ahi) PetscCall(VecSetValue(p->b, k, v, INSERT_VALUES));
  }
  PetscCall(PetscFree2(margin, row));
  PetscCall(MatAssemblyBegin(p->X, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->X, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(p->y));
  PetscCall(VecAssemblyEnd(p->y));
  PetscCall(VecAssemblyBegin(p->b));
  PetscCall(VecAssemblyEnd(p->b));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LogisticFG(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Logistic          *p = (Logistic *)ctx;
  const PetscScalar *y;
  PetscScalar       *s;
  PetscInt           n;
  PetscReal          mine = 0;

  PetscFunctionBegin;
  PetscCall(MatMult(p->X, x, p->s));
  PetscCall(VecGetLocalSize(p->s, &n));
  PetscCall(VecGetArrayRead(p->y, &y));
  PetscCall(VecGetArray(p->s, &s));
  for (PetscInt i = 0; i < n; i++) {
    const double m = y[i] * s[i];

    mine += (m > 0 ? log1p(exp(-m)) : -m + log1p(exp(m))) / (double)p->N;
    s[i] = -y[i] / (1 + exp(m)) / (double)p->N;
  }
  PetscCall(VecRestoreArray(p->s, &s));
  PetscCall(VecRestoreArrayRead(p->y, &y));
  PetscCall(MatMultTranspose(p->X, p->s, g));
  PetscCallMPI(MPI_Allreduce(&mine, f, 1, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)x)));
  PetscFunctionReturn(0);
}
/* the last constraint, the sphere, is on the last rank that has any */
static inline PetscErrorCode LogisticC(Tao tao, Vec x, Vec c, void *ctx)
{
  Logistic    *p = (Logistic *)ctx;
  PetscScalar *a;
  PetscReal    norm;
  PetscInt     clo, chi, lo, hi;

  PetscFunctionBegin;
  PetscCall(VecNorm(x, NORM_2, &norm));
  PetscCall(MatMult(p->A, x, p->ax));
  PetscCall(VecAXPY(p->ax, -1, p->b));
  PetscCall(VecGetOwnershipRange(c, &clo, &chi));
  PetscCall(VecGetOwnershipRange(p->ax, &lo, &hi));
  PetscCall(VecGetArrayWrite(c, &a));
  {
    const PetscScalar *v;
    PetscCall(VecGetArrayRead(p->ax, &v));
    for (PetscInt i = lo; i < hi; i++) a[i - clo] = v[i - lo];
    PetscCall(VecRestoreArrayRead(p->ax, &v));
  }
  if (chi == p->p + 1 && chi > clo) a[chi - 1 - clo] = norm * norm - 1;
  PetscCall(VecRestoreArrayWrite(c, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LogisticG(Tao tao, Vec x, Mat G, Mat Gpre, void *ctx)
{
  Logistic          *p = (Logistic *)ctx;
  const PetscScalar *a;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &a));
  for (PetscInt j = lo; j < hi; j++) PetscCall(MatSetValue(G, p->p, j, 2 * a[j - lo], INSERT_VALUES));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LogisticHMult(Mat H, Vec v, Vec w)
{
  Logistic *p;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &p));
  p->products++;
  PetscCall(MatMult(p->X, v, p->t));
  PetscCall(VecPointwiseMult(p->t, p->t, p->D));
  PetscCall(MatMultTranspose(p->X, p->t, w));
  PetscCall(VecAXPY(w, p->mult, v));
  PetscFunctionReturn(0);
}
/* the diagonal of the shell, without a product: sum_i D_i X_ij^2 + 2 l_m */
static inline PetscErrorCode LogisticHDiagonal(Mat H, Vec d)
{
  Logistic    *p;
  Mat          squares;
  PetscScalar *a;
  PetscInt     rows, cols, lda;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &p));
  PetscCall(MatDuplicate(p->X, MAT_COPY_VALUES, &squares));
  PetscCall(MatGetLocalSize(squares, &rows, NULL));
  PetscCall(MatGetSize(squares, NULL, &cols));
  PetscCall(MatDenseGetLDA(squares, &lda));
  PetscCall(MatDenseGetArray(squares, &a));
  for (PetscInt j = 0; j < cols; j++)
    for (PetscInt i = 0; i < rows; i++) a[i + j * lda] *= a[i + j * lda];
  PetscCall(MatDenseRestoreArray(squares, &a));
  PetscCall(MatMultTranspose(squares, p->D, d));
  PetscCall(VecShift(d, p->mult));
  PetscCall(MatDestroy(&squares));
  PetscFunctionReturn(0);
}
/* D = sigma (1 - sigma) / N and the sphere's multiplier; assembled: X'DX + 2 l_m I */
static inline PetscErrorCode LogisticH(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  Logistic          *p = (Logistic *)ctx;
  Vec                dual;
  const PetscScalar *l;
  PetscScalar       *s;
  PetscReal          mine = 0;
  PetscInt           n, lo, hi;

  PetscFunctionBegin;
  PetscCall(TaoGetDualVariables(tao, &dual, NULL));
  PetscCall(VecGetOwnershipRange(dual, &lo, &hi));
  PetscCall(VecGetArrayRead(dual, &l));
  if (hi == p->p + 1 && hi > lo) mine = 2 * l[hi - 1 - lo];
  PetscCall(VecRestoreArrayRead(dual, &l));
  PetscCallMPI(MPI_Allreduce(&mine, &p->mult, 1, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)x)));
  PetscCall(MatMult(p->X, x, p->D));
  PetscCall(VecGetLocalSize(p->D, &n));
  PetscCall(VecGetArray(p->D, &s));
  for (PetscInt i = 0; i < n; i++) {
    const double q = 1 / (1 + exp(-s[i]));
    s[i]           = q * (1 - q) / (double)p->N;
  }
  PetscCall(VecRestoreArray(p->D, &s));
  if (!p->shell) {
    Mat DX, HX;

    PetscCall(MatDuplicate(p->X, MAT_COPY_VALUES, &DX));
    PetscCall(MatDiagonalScale(DX, p->D, NULL));
    PetscCall(MatTransposeMatMult(p->X, DX, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &HX));
    PetscCall(MatCopy(HX, H, DIFFERENT_NONZERO_PATTERN));
    PetscCall(MatShift(H, p->mult));
    PetscCall(MatDestroy(&HX));
    PetscCall(MatDestroy(&DX));
  }
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LogisticCreate(MPI_Comm comm, PetscInt N, PetscInt d, PetscInt np, PetscBool shell, Logistic *p)
{
  PetscInt nloc, cloc, clo, chi;

  PetscFunctionBegin;
  p->N     = N;
  p->d     = d;
  p->p     = np;
  p->shell = shell;
  p->products = 0;
  PetscCall(VecCreateMPI(comm, PETSC_DECIDE, d, &p->x));
  PetscCall(VecCreateMPI(comm, PETSC_DECIDE, np + 1, &p->c));
  PetscCall(VecGetLocalSize(p->x, &nloc));
  PetscCall(VecGetLocalSize(p->c, &cloc));
  PetscCall(VecGetOwnershipRange(p->c, &clo, &chi));
  PetscCall(MatCreateDense(comm, PETSC_DECIDE, nloc, N, d, NULL, &p->X));
  PetscCall(MatCreateVecs(p->X, NULL, &p->y));
  PetscCall(VecDuplicate(p->y, &p->s));
  PetscCall(VecDuplicate(p->y, &p->D));
  PetscCall(VecDuplicate(p->y, &p->t));
  PetscCall(MatCreateDense(comm, chi == np + 1 && chi > clo ? cloc - 1 : cloc, nloc, np, d, NULL, &p->A));
  PetscCall(MatCreateVecs(p->A, NULL, &p->b));
  PetscCall(VecDuplicate(p->b, &p->ax));
  PetscCall(LogisticData(p));
  PetscCall(VecSet(p->x, 1));
  PetscCall(MatCreateDense(comm, cloc, nloc, np + 1, d, NULL, &p->G));
  {
    const PetscScalar *a;
    PetscInt           lo, hi, lda;

    PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
    PetscCall(MatDenseGetArrayRead(p->A, &a));
    PetscCall(MatDenseGetLDA(p->A, &lda));
    for (PetscInt i = lo; i < hi; i++)
      for (PetscInt j = 0; j < d; j++) PetscCall(MatSetValue(p->G, i, j, a[i - lo + j * lda], INSERT_VALUES));
    PetscCall(MatDenseRestoreArrayRead(p->A, &a));
  }
  PetscCall(MatAssemblyBegin(p->G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->G, MAT_FINAL_ASSEMBLY));
  if (shell) {
    PetscCall(MatCreateShell(comm, nloc, nloc, d, d, p, &p->H));
    PetscCall(MatShellSetOperation(p->H, MATOP_MULT, (ScalableFn *)LogisticHMult));
  } else PetscCall(MatCreateDense(comm, nloc, nloc, d, d, NULL, &p->H));
  if (!shell) {
    PetscCall(MatAssemblyBegin(p->H, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(p->H, MAT_FINAL_ASSEMBLY));
  }
  PetscCall(TaoCreate(comm, &p->tao));
  PetscCall(TaoSetSolution(p->tao, p->x));
  PetscCall(TaoSetObjectiveAndGradient(p->tao, NULL, LogisticFG, p));
  PetscCall(TaoSetEqualityConstraintsRoutine(p->tao, p->c, LogisticC, p));
  PetscCall(TaoSetJacobianEqualityRoutine(p->tao, p->G, p->G, LogisticG, p));
  PetscCall(TaoSetHessian(p->tao, p->H, p->H, LogisticH, p));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode LogisticDestroy(Logistic *p)
{
  Vec *v[] = {&p->x, &p->c, &p->y, &p->s, &p->b, &p->D, &p->t, &p->ax};

  PetscFunctionBegin;
  PetscCall(TaoDestroy(&p->tao));
  for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) PetscCall(VecDestroy(v[i]));
  PetscCall(MatDestroy(&p->X));
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->G));
  PetscCall(MatDestroy(&p->H));
  PetscFunctionReturn(0);
}
#endif
