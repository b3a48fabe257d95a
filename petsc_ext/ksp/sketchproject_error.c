/*
  sketchproject_error.c - random directions, and blocks that project the error on the complement of range(A'S) (Gower and Richtarik
  2015, equation 2.9 with B = I): w = (Y'Y + mu I)^-1 S'r, Y = A'S; x += Y w. With a preconditioner A stands for A M^-1.
*/
#include "sketchproject.h"

#define DROP 1e-12 /* relative pivot of Y'Y below which a direction is dropped */

/* Numbers of rows as drawn: a stream of their own beside those of the sketches. */
static PetscReal Uniform(KSP_SketchProject *k, PetscInt block, PetscInt l)
{
  return (PetscReal)NomosUniform((uint64_t)k->seed, (uint32_t)block, NOMOS_RANDOM_SKETCH, 0xc00000u, (uint64_t)l);
}

/* Row number j of the block: uniform ones differ from each other (Floyd). */
static PetscInt UniformRow(KSP_SketchProject *k, PetscInt block, PetscInt N, PetscInt j)
{
  const PetscInt b = PetscMin(k->b, N);
  PetscInt       taken[NOMOS_SP_MAX_BLOCK], row = 0;

  for (PetscInt l = 0; l <= j % b; l++) {
    row = PetscMin((PetscInt)(Uniform(k, block, l) * (PetscReal)(N - b + l + 1)), N - b + l);
    for (PetscInt i = 0; i < l; i++)
      if (taken[i] == row) row = N - b + l;
    taken[l] = row;
  }
  return row;
}

/* The global row, or -1 on ranks that do not own it. */
static PetscErrorCode Row(KSP ksp, PetscInt j, PetscInt *row)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscInt           lo, hi, N;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(k->r, &lo, &hi));
  PetscCall(VecGetSize(k->r, &N));
  if (k->cumulative) {
    const PetscReal at = Uniform(k, ksp->its, j) * k->total - k->before;
    PetscInt        a = 0, b = hi - lo;

    *row = -1;
    if (hi > lo && at >= 0 && at < k->cumulative[hi - lo - 1]) {
      while (a < b) { /* the first row whose sum is above */
        const PetscInt c = (a + b) / 2;

        if (k->cumulative[c] > at) b = c;
        else a = c + 1;
      }
      *row = lo + a;
    }
  } else {
    *row = UniformRow(k, ksp->its, N, j);
    if (*row < lo || *row >= hi) *row = -1;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPDraw(KSP ksp, PetscInt j, Vec S)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscInt           row;

  PetscFunctionBegin;
  if (k->type == NOMOS_SP_ROWS) {
    PetscCall(VecSet(S, 0));
    PetscCall(Row(ksp, j, &row));
    if (row >= 0) PetscCall(VecSetValue(S, row, 1, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(S));
    PetscCall(VecAssemblyEnd(S));
  } else {
    k->draw->block = ksp->its + 1;
    PetscCall(NomosSketchColumn(k->draw, j, S));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Squared row norms for prob rownorm. */
PetscErrorCode NomosSPRowsSetUp(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const PetscScalar *v;
  PetscInt           lo, hi, n;
  PetscBool          rows;
  Mat                A;

  PetscFunctionBegin;
  PetscCall(PetscFree(k->cumulative));
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatHasOperation(A, MATOP_GET_ROW, &rows));
  if (!rows && !k->warned) {
    PetscCall(PetscInfo(ksp, "Rows of a matrix of type %s come from transposed products with unit vectors: slow\n", ((PetscObject)A)->type_name));
    k->warned = PETSC_TRUE;
  }
  if (k->prob != NOMOS_SP_ROWNORM) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(rows, PetscObjectComm((PetscObject)ksp), PETSC_ERR_SUP, "-ksp_sketchproject_prob rownorm needs the rows of the matrix; one of type %s has none: use uniform", ((PetscObject)A)->type_name);
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  PetscCall(PetscMalloc1(PetscMax(hi - lo, 1), &k->cumulative));
  for (PetscInt r = lo; r < hi; r++) {
    k->cumulative[r - lo] = 0;
    PetscCall(MatGetRow(A, r, &n, NULL, &v));
    for (PetscInt i = 0; i < n; i++) k->cumulative[r - lo] += v[i] * v[i];
    PetscCall(MatRestoreRow(A, r, &n, NULL, &v));
  }
  PetscCall(NomosSPCumulate(ksp, hi - lo));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Y = A'S_j: a row of the matrix where rows can be had, else a transposed product. */
static PetscErrorCode TransposedColumn(KSP ksp, PetscInt j, Vec Y)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const PetscInt    *cols;
  const PetscScalar *vals;
  PetscInt           row, n;
  PetscBool          rows = PETSC_FALSE;
  Mat                A;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  if (k->type == NOMOS_SP_ROWS && !ksp->transpose_solve) PetscCall(MatHasOperation(A, MATOP_GET_ROW, &rows));
  if (!rows) {
    PetscCall(NomosSPProductTranspose(ksp, k->Z[j], Y));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecSet(Y, 0));
  PetscCall(Row(ksp, j, &row));
  if (row >= 0) {
    PetscCall(MatGetRow(A, row, &n, &cols, &vals));
    PetscCall(VecSetValues(Y, n, cols, vals, INSERT_VALUES));
    PetscCall(MatRestoreRow(A, row, &n, &cols, &vals));
  }
  PetscCall(VecAssemblyBegin(Y));
  PetscCall(VecAssemblyEnd(Y));
  k->applies++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (Y'Y + mu I) w = S'r by Cholesky with pivots on the diagonal; G is overwritten. used: independent directions, the others get 0. */
static void Small(PetscInt b, PetscScalar *G, const PetscScalar *rhs, PetscScalar *w, PetscInt *used)
{
  PetscInt    order[NOMOS_SP_MAX_BLOCK];
  PetscReal   trace = 0, largest = 0;
  PetscScalar z[NOMOS_SP_MAX_BLOCK];

  for (PetscInt j = 0; j < b; j++) trace += G[j + j * b], largest = PetscMax(largest, G[j + j * b]), order[j] = j, w[j] = 0;
  for (PetscInt j = 0; j < b; j++) G[j + j * b] += 1e-14 * trace / (PetscReal)b;
  for (*used = 0; *used < b; (*used)++) {
    PetscInt best = *used, t;

    for (PetscInt j = *used; j < b; j++)
      if (G[order[j] + order[j] * b] > G[order[best] + order[best] * b]) best = j;
    t            = order[*used];
    order[*used] = order[best];
    order[best]  = t;
    t            = order[*used];
    if (!(G[t + t * b] > DROP * largest)) break;
    G[t + t * b] = PetscSqrtReal(G[t + t * b]);
    for (PetscInt j = *used + 1; j < b; j++) G[order[j] + t * b] /= G[t + t * b];
    for (PetscInt j = *used + 1; j < b; j++)
      for (PetscInt l = *used + 1; l < b; l++) G[order[l] + order[j] * b] -= G[order[l] + t * b] * G[order[j] + t * b];
  }
  for (PetscInt j = 0; j < *used; j++) {
    z[j] = rhs[order[j]];
    for (PetscInt l = 0; l < j; l++) z[j] -= G[order[j] + order[l] * b] * z[l];
    z[j] /= G[order[j] + order[j] * b];
  }
  for (PetscInt j = *used - 1; j >= 0; j--) {
    w[order[j]] = z[j];
    for (PetscInt l = j + 1; l < *used; l++) w[order[j]] -= G[order[l] + order[j] * b] * w[order[l]];
    w[order[j]] /= G[order[j] + order[j] * b];
  }
}

/* x += d and r -= A d; heavy ball: d + momentum times the last change */
PetscErrorCode NomosSPMove(KSP ksp, Vec d, Vec Ad)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;

  PetscFunctionBegin;
  PetscCall(NomosSPProduct(ksp, d, Ad));
  if (k->dx) {
    PetscCall(VecAYPX(k->dx, k->momentum, d));
    PetscCall(VecAYPX(k->dAx, k->momentum, Ad));
    d  = k->dx;
    Ad = k->dAx;
  }
  PetscCall(VecAXPY(ksp->vec_sol, 1, d));
  PetscCall(VecAXPY(k->r, -1, Ad));
  PetscCall(VecNorm(k->r, NORM_2, &k->rnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One block: two reductions. */
PetscErrorCode NomosSPError(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const PetscInt     b = k->b;
  PetscInt           used;
  PetscBool          none;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCNONE, &none));
  for (PetscInt j = 0; j < b; j++) {
    PetscCall(NomosSPDraw(ksp, j, k->Z[j]));
    PetscCall(TransposedColumn(ksp, j, none ? k->V[j] : k->work));
    if (!none) PetscCall(KSP_PCApplyTranspose(ksp, k->work, k->V[j]));
  }
  for (PetscInt j = 0; j < b; j++) PetscCall(VecMDotBegin(k->V[j], b, k->V, k->SV + j * b));
  PetscCall(VecMDotBegin(k->r, b, k->Z, k->SC));
  for (PetscInt j = 0; j < b; j++) PetscCall(VecMDotEnd(k->V[j], b, k->V, k->SV + j * b));
  PetscCall(VecMDotEnd(k->r, b, k->Z, k->SC));
  Small(b, k->SV, k->SC, k->Sr, &used);
  if (!used) { /* rows of zeros: the next block has others */
    PetscReal norm = 0;

    for (PetscInt j = 0; j < b; j++) norm += PetscAbsScalar(k->SC[j]);
    if (PetscIsInfOrNanReal(norm)) ksp->reason = KSP_DIVERGED_NANORINF;
    else if (k->type != NOMOS_SP_ROWS && k->type != NOMOS_SP_COUNTSKETCH) ksp->reason = KSP_DIVERGED_BREAKDOWN;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecSet(k->work, 0));
  PetscCall(VecMAXPY(k->work, b, k->Sr, k->V));
  if (none) PetscCall(NomosSPMove(ksp, k->work, k->work2));
  else {
    PetscCall(KSP_PCApply(ksp, k->work, k->work2));
    PetscCall(NomosSPMove(ksp, k->work2, k->work));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
