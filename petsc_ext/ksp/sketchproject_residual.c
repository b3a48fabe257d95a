/*
  sketchproject_residual.c - blocks that minimize the residual over [W, memory] in the sketched norm: Krylov directions by
  randomized Gram-Schmidt, or random ones.

  Memory: images C with orthonormal sketches SC and steps Zc, A M^-1-images included: A Zc = C. A Krylov basis is built
  orthogonal to C, A Z_j = C B_j + V H_j (GCRO; de Sturler 1996), so that min |r - C yc - (C B + V H) y| separates.
*/
#include "sketchproject.h"
#include <petscblaslapack.h>

#define DROP     1e-12 /* relative pivot below which a direction is dropped */
#define CONDITION 1e10 /* of the sketched basis, where a block is cut */
#define RESKETCH 1e-6  /* what is left of a vector by orthogonalization when its sketch is computed again */

static PetscReal Norm(PetscInt n, const PetscScalar *x)
{
  PetscReal s = 0;

  for (PetscInt i = 0; i < n; i++) s += x[i] * x[i];
  return PetscSqrtReal(s);
}

static PetscScalar Dot(PetscInt n, const PetscScalar *x, const PetscScalar *y)
{
  PetscScalar s = 0;

  for (PetscInt i = 0; i < n; i++) s += x[i] * y[i];
  return s;
}

/* p -= Q Q'p, h = what was taken away, or more of it; Q: cols columns of s numbers, orthonormal */
static void Project(PetscInt s, PetscInt cols, const PetscScalar *Q, PetscScalar *p, PetscScalar *h, PetscBool add)
{
  for (PetscInt c = 0; c < cols && !add; c++) h[c] = 0;
  for (PetscInt c = 0; c < cols; c++) {
    const PetscScalar d = Dot(s, Q + c * s, p);

    for (PetscInt i = 0; i < s; i++) p[i] -= d * Q[c * s + i];
    h[c] += d;
  }
}

/* --- the step of a block -------------------------------------------------------------------------------------------------- */

typedef struct {
  PetscInt     cols, nu; /* directions used; vectors U */
  PetscBool    raw;      /* U holds the images themselves; else A Z_j = C B_j + U E_j */
  PetscScalar *E;        /* nu x cols, leading dimension nu as allocated: ldE */
  PetscInt     ldE;
  PetscScalar *y;        /* coefficients of the directions */
} Step;

/* work = the image of the step, work2 = the step, g its coefficients in U; extra (may be NULL): coefficients of the memory on top */
static PetscErrorCode Combine(KSP ksp, const Step *p, const PetscScalar *extra)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscScalar       *m = k->small, *mz = k->small + k->b + k->q + 2;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < p->nu; i++) {
    k->g[i] = 0;
    for (PetscInt j = 0; j < p->cols; j++) k->g[i] += p->raw ? (i == j ? p->y[j] : 0) : p->E[i + j * p->ldE] * p->y[j];
  }
  for (PetscInt i = 0; i < k->nmem; i++) {
    m[i] = 0;
    for (PetscInt j = 0; j < p->cols; j++) m[i] -= k->B[i + j * k->q] * p->y[j];
    mz[i] = m[i] + (extra ? extra[i] : 0);
    m[i]  = (p->raw ? m[i] : 0) + (extra ? extra[i] : 0);
  }
  PetscCall(VecSet(k->work, 0));
  PetscCall(VecSet(k->work2, 0));
  PetscCall(VecMAXPY(k->work, p->nu, k->g, k->V));
  PetscCall(VecMAXPY(k->work2, p->cols, p->y, k->Z));
  if (k->nmem && (p->raw || extra)) PetscCall(VecMAXPY(k->work, k->nmem, m, k->C));
  if (k->nmem) PetscCall(VecMAXPY(k->work2, k->nmem, mz, k->Zc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The step in work2 and its image in work become the youngest of the memory. Sc: the image's sketch, norm its norm. */
static PetscErrorCode Remember(KSP ksp, const PetscScalar *Sc, PetscReal norm)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  Vec                t;

  PetscFunctionBegin;
  if (!k->q || !(norm > 0)) PetscFunctionReturn(PETSC_SUCCESS);
  t                = k->C[k->next];
  k->C[k->next]    = k->work;
  k->work          = t;
  t                = k->Zc[k->next];
  k->Zc[k->next]   = k->work2;
  k->work2         = t;
  PetscCall(VecScale(k->C[k->next], 1 / norm));
  PetscCall(VecScale(k->Zc[k->next], 1 / norm));
  for (PetscInt i = 0; i < k->s; i++) k->SC[k->next * k->s + i] = Sc[i] / norm;
  k->nmem = PetscMin(k->nmem + 1, k->q);
  k->next = (k->next + 1) % k->q;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same least squares with exact inner products of [C, U, r]: one reduction. y and the memory's coefficients mc; ok is false
   when the basis is dependent to rounding. */
static PetscErrorCode Exact(KSP ksp, Step *p, PetscScalar *mc, PetscBool *ok)
{
  KSP_SketchProject *k  = (KSP_SketchProject *)ksp->data;
  const PetscInt     nm = k->nmem, nk = nm + p->nu, nz = nm + p->cols, ld = nk + 1;
  const PetscScalar  one = 1;
  PetscScalar       *G = k->small + 2 * (k->b + k->q + 2), *F = G + ld * ld, *rhs = F + nk * nz, work[4096];
  PetscBLASInt       bk, bz, bl, info, nrhs = 1, lwork = 4096;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < nm; i++) k->all[i] = k->C[i];
  for (PetscInt i = 0; i < p->nu; i++) k->all[nm + i] = k->V[i];
  k->all[nk] = k->r;
  for (PetscInt j = 0; j <= nk; j++) PetscCall(VecMDotBegin(k->all[j], j + 1, k->all, G + j * ld));
  for (PetscInt j = 0; j <= nk; j++) PetscCall(VecMDotEnd(k->all[j], j + 1, k->all, G + j * ld));
  PetscCall(PetscBLASIntCast(nk, &bk));
  PetscCall(PetscBLASIntCast(nz, &bz));
  PetscCall(PetscBLASIntCast(ld, &bl));
  PetscCallBLAS("LAPACKpotrf", LAPACKpotrf_("U", &bk, G, &bl, &info)); /* G = R'R, R = upper triangle */
  *ok = info ? PETSC_FALSE : PETSC_TRUE;
  for (PetscInt i = 0; i < nk && *ok; i++) *ok = PetscAbsScalar(G[i + i * ld]) > 1e-7 * PetscAbsScalar(G[0]) ? PETSC_TRUE : PETSC_FALSE;
  if (!*ok) PetscFunctionReturn(PETSC_SUCCESS);
  /* F = R [I 0; 0 E], rhs = R^-T [C, U]'r */
  for (PetscInt i = 0; i < nk; i++) rhs[i] = G[i + nk * ld];
  PetscCallBLAS("BLAStrsm", BLAStrsm_("L", "U", "T", "N", &bk, &nrhs, &one, G, &bl, rhs, &bk));
  for (PetscInt c = 0; c < nz; c++)
    for (PetscInt i = 0; i < nk; i++) {
      PetscScalar v = 0;

      if (c < nm) v = i <= c ? G[i + c * ld] : 0;
      else
        for (PetscInt l = 0; l < p->nu; l++)
          if (i <= nm + l) v += G[i + (nm + l) * ld] * (p->raw ? (l == c - nm ? 1 : 0) : p->E[l + (c - nm) * p->ldE]);
      F[i + c * nk] = v;
    }
  PetscCallBLAS("LAPACKgels", LAPACKgels_("N", &bk, &bz, &nrhs, F, &bk, rhs, &bk, work, &lwork, &info));
  *ok = info ? PETSC_FALSE : PETSC_TRUE;
  for (PetscInt i = 0; i < nm; i++) mc[i] = rhs[i];
  for (PetscInt i = 0; i < p->cols; i++) p->y[i] = rhs[nm + i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes the step; when the exact residual grew, computes it again with exact inner products, or not at all. */
static PetscErrorCode Take(KSP ksp, Step *p)
{
  KSP_SketchProject *k   = (KSP_SketchProject *)ksp->data;
  const PetscReal    old = k->rnorm;
  PetscScalar       *mc;
  PetscReal          norm;
  PetscBool          ok;

  PetscFunctionBegin;
  PetscCall(Combine(ksp, p, NULL));
  PetscCall(VecAXPY(k->r, -1, k->work));
  PetscCall(VecAXPY(ksp->vec_sol, 1, k->work2));
  PetscCall(NomosSPMeasure(ksp, k->r, k->Sr, &k->rnorm));
  if (k->rnorm > old * (1 + 100 * PETSC_MACHINE_EPSILON)) {
    k->redone++;
    PetscCall(VecAXPY(k->r, 1, k->work));
    PetscCall(VecAXPY(ksp->vec_sol, -1, k->work2));
    mc = k->small + 2 * (k->b + k->q + 2) + 5 * (k->b + k->q + 2) * (k->b + k->q + 2);
    PetscCall(Exact(ksp, p, mc, &ok));
    if (ok && k->nmem && p->raw) /* the image of Z y is W y: no part of the memory is taken off */
      for (PetscInt i = 0; i < k->nmem; i++)
        for (PetscInt j = 0; j < p->cols; j++) mc[i] += k->B[i + j * k->q] * p->y[j];
    if (!ok) {
      for (PetscInt j = 0; j < p->cols; j++) p->y[j] = 0;
      if (k->type == NOMOS_SP_KRYLOV) ksp->reason = KSP_DIVERGED_BREAKDOWN; /* the next block would be this one again */
    }
    PetscCall(Combine(ksp, p, ok && k->nmem ? mc : NULL));
    PetscCall(VecAXPY(k->r, -1, k->work));
    PetscCall(VecAXPY(ksp->vec_sol, 1, k->work2));
    PetscCall(NomosSPMeasure(ksp, k->r, k->Sr, &k->rnorm));
    if (k->nmem) PetscCall(Combine(ksp, p, NULL)); /* what is remembered is orthogonal to the memory */
  }
  for (PetscInt i = 0; i < k->s; i++) k->buffer[i] = 0;
  for (PetscInt j = 0; j < p->nu; j++)
    for (PetscInt i = 0; i < k->s; i++) k->buffer[i] += k->g[j] * k->SV[j * k->s + i];
  norm = Norm(k->s, k->buffer);
  PetscCall(Remember(ksp, k->buffer, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the memory can take off the residual without a product: nothing right after a block, something after a resync. */
static PetscErrorCode UseMemory(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscScalar       *h = k->small;
  const PetscReal    before = Norm(k->s, k->Sr);

  PetscFunctionBegin;
  if (!k->nmem) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscArraycpy(k->buffer, k->Sr, k->s));
  Project(k->s, k->nmem, k->SC, k->buffer, h, PETSC_FALSE);
  if (Norm(k->nmem, h) <= 1e-10 * before) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscArraycpy(k->Sr, k->buffer, k->s));
  PetscCall(VecMAXPY(ksp->vec_sol, k->nmem, h, k->Zc));
  for (PetscInt i = 0; i < k->nmem; i++) h[i] = -h[i];
  PetscCall(VecMAXPY(k->r, k->nmem, h, k->C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- Krylov directions ------------------------------------------------------------------------------------------------------ */

/* V[j+1] becomes the next basis vector: sketch (one reduction), coefficients in the sketched space, one sweep. Column j of H, B.
   left: norm of what is new, relative to the image. */
static PetscErrorCode Orthogonalize(KSP ksp, PetscInt j, PetscReal *left)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const PetscInt     s = k->s, nm = k->nmem;
  PetscScalar       *p = k->SV + (j + 1) * s, *h = k->y, *hs = k->H + j * (k->b + 1);
  PetscReal          exact, whole, norm;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < nm; i++) k->all[i] = k->C[i];
  for (PetscInt i = 0; i <= j; i++) k->all[nm + i] = k->V[i], hs[i] = 0;
  for (PetscInt i = 0; i < nm; i++) k->B[i + j * k->q] = 0;
  PetscCall(NomosSPMeasure(ksp, k->V[j + 1], k->buffer, &exact));
  PetscCall(PetscArraycpy(p, k->buffer, s));
  whole = norm = Norm(s, p);
  for (PetscInt pass = 0; pass < 2; pass++) {
    for (PetscInt again = 0; again < 2; again++) {
      Project(s, nm, k->SC, p, h, again ? PETSC_TRUE : PETSC_FALSE);
      Project(s, j + 1, k->SV, p, h + nm, again ? PETSC_TRUE : PETSC_FALSE);
    }
    for (PetscInt i = 0; i < nm; i++) k->B[i + j * k->q] += h[i], h[i] = -h[i];
    for (PetscInt i = 0; i <= j; i++) hs[i] += h[nm + i], h[nm + i] = -h[nm + i];
    PetscCall(VecMAXPY(k->V[j + 1], nm + j + 1, h, k->all));
    norm = Norm(s, p);
    if (pass || norm > RESKETCH * whole || norm <= DROP * whole) break;
    k->resketched++;
    PetscCall(NomosSPMeasure(ksp, k->V[j + 1], k->buffer, &exact));
    PetscCall(PetscArraycpy(p, k->buffer, s));
  }
  *left     = whole > 0 ? norm / whole : 0;
  hs[j + 1] = norm;
  if (PetscIsInfOrNanReal(whole)) *left = whole;
  if (*left > DROP) {
    PetscCall(VecScale(k->V[j + 1], 1 / norm));
    for (PetscInt i = 0; i < s; i++) p[i] /= norm;
  } else hs[j + 1] = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Column j of H to column j of R by the rotations so far and a new one; gamma: the rotated right-hand side. */
static void Rotate(KSP_SketchProject *k, PetscInt j, PetscScalar *gamma)
{
  const PetscInt ld = k->b + 1;
  PetscScalar   *r = k->R + j * ld;
  PetscReal      d;

  for (PetscInt i = 0; i <= j + 1; i++) r[i] = k->H[i + j * ld];
  for (PetscInt i = 0; i < j; i++) {
    const PetscScalar c = k->givens[2 * i], sn = k->givens[2 * i + 1], t = c * r[i] + sn * r[i + 1];

    r[i + 1] = c * r[i + 1] - sn * r[i];
    r[i]     = t;
  }
  d                    = PetscSqrtReal(r[j] * r[j] + r[j + 1] * r[j + 1]);
  k->givens[2 * j]     = d > 0 ? r[j] / d : 1;
  k->givens[2 * j + 1] = d > 0 ? r[j + 1] / d : 0;
  r[j]                 = d;
  r[j + 1]             = 0;
  gamma[j + 1]         = -k->givens[2 * j + 1] * gamma[j];
  gamma[j] *= k->givens[2 * j];
}

/* One block. The sketched residual stands for the exact one until the block ends: scaled by their ratio at its start. */
PetscErrorCode NomosSPKrylov(KSP ksp)
{
  KSP_SketchProject *k     = (KSP_SketchProject *)ksp->data;
  PetscScalar       *gamma = k->small + 7 * (k->b + k->q + 2) * (k->b + k->q + 2);
  PetscReal          beta, ratio, largest = 0, left = 1;
  PetscInt           cols = 0, nu;
  Step               p;

  PetscFunctionBegin;
  PetscCall(UseMemory(ksp));
  beta = Norm(k->s, k->Sr);
  if (!(beta > 0) || PetscIsInfOrNanReal(beta)) {
    ksp->reason = beta == 0 ? KSP_DIVERGED_BREAKDOWN : KSP_DIVERGED_NANORINF;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  ratio    = k->rnorm / beta;
  PetscCall(PetscArrayzero(k->H, (k->b + 1) * k->b)); /* below the subdiagonal it is read, not written */
  gamma[0] = beta;
  PetscCall(VecAXPBY(k->V[0], 1 / beta, 0, k->r));
  for (PetscInt i = 0; i < k->s; i++) k->SV[i] = k->Sr[i] / beta;
  nu = 1;
  for (PetscInt j = 0; j < k->b; j++) {
    KSPConvergedReason enough = KSP_CONVERGED_ITERATING;

    PetscCall(KSP_PCApply(ksp, k->V[j], k->Z[j]));
    PetscCall(NomosSPProduct(ksp, k->Z[j], k->V[j + 1]));
    PetscCall(Orthogonalize(ksp, j, &left));
    if (PetscIsInfOrNanReal(left)) {
      ksp->reason = KSP_DIVERGED_NANORINF;
      PetscFunctionReturn(PETSC_SUCCESS);
    }
    Rotate(k, j, gamma);
    largest = PetscMax(largest, PetscRealPart(k->R[j + j * (k->b + 1)]));
    if (!(PetscRealPart(k->R[j + j * (k->b + 1)]) * CONDITION > largest)) { /* this direction gives nothing that can be trusted */
      k->cuts++;
      break;
    }
    cols = j + 1;
    nu   = left > DROP ? j + 2 : j + 1;
    if (left <= DROP) break; /* the space is invariant: the solution lies in it if the system is consistent */
    if (ksp->normtype != KSP_NORM_NONE) PetscCall((*ksp->converged)(ksp, ksp->its + 1, PetscAbsScalar(gamma[j + 1]) * ratio, &enough, ksp->cnvP));
    if (enough > 0) break;
  }
  if (!cols) {
    ksp->reason = KSP_DIVERGED_BREAKDOWN;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (PetscInt i = cols - 1; i >= 0; i--) {
    k->y[i] = gamma[i];
    for (PetscInt j = i + 1; j < cols; j++) k->y[i] -= k->R[i + j * (k->b + 1)] * k->y[j];
    k->y[i] /= k->R[i + i * (k->b + 1)];
  }
  p = (Step){cols, nu, PETSC_FALSE, k->H, k->b + 1, k->y};
  PetscCall(Take(ksp, &p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- random directions ------------------------------------------------------------------------------------------------------ */

/* Least squares in the sketched space: y = argmin |Sr - SW y|, pivoted Gram-Schmidt, columns that depend on others get 0. used: how
   many are independent. SW is kept. */
static PetscErrorCode Solve(KSP ksp, const PetscScalar *SW, PetscInt *used)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const PetscInt     s = k->s, b = k->b;
  PetscScalar       *Q, *R, *c, largest = 0;
  PetscInt          *order;

  PetscFunctionBegin;
  PetscCall(PetscMalloc4(s * b, &Q, b * b, &R, b, &c, b, &order));
  PetscCall(PetscArraycpy(Q, SW, s * b));
  PetscCall(PetscArrayzero(R, b * b));
  for (PetscInt j = 0; j < b; j++) order[j] = j;
  for (*used = 0; *used < b; (*used)++) {
    PetscInt  best = *used, t;
    PetscReal most = -1;

    for (PetscInt j = *used; j < b; j++) {
      const PetscReal norm = Norm(s, Q + order[j] * s);

      if (norm > most) most = norm, best = j;
    }
    if (*used == 0) largest = most;
    if (!(most > DROP * largest)) break;
    t            = order[*used];
    order[*used] = order[best];
    order[best]  = t;
    t            = order[*used];
    for (PetscInt i = 0; i < s; i++) Q[t * s + i] /= most;
    R[*used + t * b] = most;
    for (PetscInt j = *used + 1; j < b; j++) {
      const PetscInt o = order[j];

      for (PetscInt pass = 0; pass < 2; pass++) {
        const PetscScalar d = Dot(s, Q + t * s, Q + o * s);

        R[*used + o * b] += d;
        for (PetscInt i = 0; i < s; i++) Q[o * s + i] -= d * Q[t * s + i];
      }
    }
  }
  for (PetscInt j = 0; j < b; j++) k->y[j] = 0;
  for (PetscInt j = 0; j < *used; j++) c[j] = Dot(s, Q + order[j] * s, k->Sr);
  for (PetscInt j = *used - 1; j >= 0; j--) {
    k->y[order[j]] = c[j];
    for (PetscInt l = j + 1; l < *used; l++) k->y[order[j]] -= R[j + order[l] * b] * k->y[order[l]];
    k->y[order[j]] /= R[j + order[j] * b];
  }
  PetscCall(PetscFree4(Q, R, c, order));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPRandom(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscInt           used = 0;
  Step               p = {k->b, k->b, PETSC_TRUE, NULL, 0, k->y};

  PetscFunctionBegin;
  PetscCall(UseMemory(ksp));
  for (PetscInt j = 0; j < k->b; j++) {
    PetscCall(NomosSPDraw(ksp, j, k->work));
    PetscCall(KSP_PCApply(ksp, k->work, k->Z[j]));
    PetscCall(NomosSPProduct(ksp, k->Z[j], k->V[j]));
  }
  PetscCall(NomosSketchApply(k->sketch, k->b, k->V, k->SV));
  for (PetscInt j = 0; j < k->b; j++) Project(k->s, k->nmem, k->SC, k->SV + j * k->s, k->B + j * k->q, PETSC_FALSE);
  PetscCall(Solve(ksp, k->SV, &used));
  if (!used) {
    ksp->reason = PetscIsInfOrNanReal(Norm(k->s, k->SV)) ? KSP_DIVERGED_NANORINF : KSP_DIVERGED_BREAKDOWN;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(Take(ksp, &p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
