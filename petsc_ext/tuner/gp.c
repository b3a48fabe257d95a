/*
  gp.c - the learner gp: log(cost) as a Gaussian process over arms and contexts, on the lattice arms x nodes (lattice.c),
  linear interpolation between nodes. It watches its own noise: where the contexts do not explain the cost it gives up.
*/
#include "tuner.h"

#define S0         0.6  /* deviation of the part that varies                   */
#define S1         0.5  /* variance of the level common to all points          */
#define S2         (0.15 * S0 * 0.15 * S0) /* variance of a point by itself    */
#define LW         0.3  /* correlation length over a parameter, in its range   */
#define LC         0.2  /* over a context                                      */
#define CATEGORY   0.25 /* factor for another label                            */
#define WATCH_RATE 128  /* rounds                                              */

typedef struct {
  NomosLattice g;
  PetscInt     q, nodes;      /* nodes per context, in all                                                    */
  PetscReal   *state;         /* saved: log of the first cost, first cost seen?, watch mean, looks above, updates, noise, drifted */
  PetscReal   *h;             /* [d][d] for Thompson draws, Cholesky factor                                   */
} GP;
enum { FIRST = 0, STARTED, WATCH, LOOKS, UPDATES, NOISE, DRIFTED, STATE };

static PetscReal Matern(PetscReal r2)
{
  const PetscReal r = PetscSqrtReal(3 * r2);

  return (1 + r) * PetscExpReal(-r);
}

static void NodeUnits(const NomosTuner t, const GP *b, PetscInt node, PetscReal u[])
{
  for (PetscInt k = t->ncontexts - 1; k >= 0; k--) {
    u[k] = (PetscReal)(node % b->q) / (PetscReal)PetscMax(b->q - 1, 1);
    node /= b->q;
  }
}

/* Point = arm * nodes + node. */
static PetscReal Covariance(NomosTuner t, const GP *b, PetscInt i, PetscInt j)
{
  PetscReal u[NOMOS_TUNER_MAX_CONTEXTS], v[NOMOS_TUNER_MAX_CONTEXTS], r2 = 0, factor = 1;

  for (PetscInt k = 0; k < t->nparameters; k++) {
    const PetscInt x = i / b->nodes, y = j / b->nodes;

    if (!t->parameter[k].label) r2 += PetscSqr((NomosTunerUnitValue(t, k, x) - NomosTunerUnitValue(t, k, y)) / LW);
    else if (NomosTunerArmIndex(t, k, x) != NomosTunerArmIndex(t, k, y)) factor *= CATEGORY;
  }
  NodeUnits(t, b, i % b->nodes, u);
  NodeUnits(t, b, j % b->nodes, v);
  for (PetscInt k = 0; k < t->ncontexts; k++) r2 += PetscSqr((u[k] - v[k]) / LC);
  return S0 * S0 * factor * Matern(r2) + S1 + (i == j ? S2 : 0);
}

static PetscErrorCode NomosTunerSetUp_GP(NomosTuner t)
{
  GP      *b;
  PetscInt n, nodes = 1;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < t->ncontexts; k++) nodes *= NomosTunerContextNodes(t);
  n = t->d * nodes;
  PetscCall(PetscNew(&b));
  t->data  = b;
  b->q     = NomosTunerContextNodes(t);
  b->nodes = nodes;
  PetscCall(PetscCalloc2(STATE, &b->state, t->d * t->d, &b->h));
  PetscCall(NomosLatticeCreate(n, t->ncontexts > 1 ? b->q : 0, t->gp_drift, &b->g));
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j <= i; j++) b->g.K[i * n + j] = b->g.K[j * n + i] = Covariance(t, b, i, j);
  NomosLatticeReset(&b->g);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Interpolation between the 2^contexts nodes around c; points of arm 0. */
static PetscInt Weights(NomosTuner t, const GP *b, const PetscReal c[], PetscInt idx[4], PetscReal w[4])
{
  PetscInt m = 1;

  idx[0] = 0;
  w[0]   = 1;
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    const PetscReal x  = NomosTunerContextUnit(t, k, c[k]) * (PetscReal)(b->q - 1);
    const PetscInt  lo = PetscMin((PetscInt)x, b->q - 2);

    for (PetscInt i = m - 1; i >= 0; i--) {
      idx[2 * i + 1] = idx[i] * b->q + lo + 1;
      w[2 * i + 1]   = w[i] * (x - (PetscReal)lo);
      idx[2 * i]     = idx[i] * b->q + lo;
      w[2 * i]       = w[i] * (1 - (x - (PetscReal)lo));
    }
    m *= 2;
  }
  return m;
}

static void At(const GP *b, PetscInt arm, PetscInt m, const PetscInt node[], PetscInt idx[])
{
  for (PetscInt i = 0; i < m; i++) idx[i] = arm * b->nodes + node[i];
}

static PetscErrorCode NomosTunerPredict_GP(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal *logcost, PetscReal *sd)
{
  const GP *b = (const GP *)t->data;
  PetscReal w[4], var;
  PetscInt  node[4], idx[4], m = Weights(t, b, c, node, w);

  PetscFunctionBegin;
  At(b, arm, m, node, idx);
  NomosLatticePredict(&b->g, m, idx, w, logcost, &var);
  *logcost += b->state[FIRST];
  *sd = PetscSqrtReal(var);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* argmin of mean - z sd; the baseline wins ties */
static PetscErrorCode LowerBound(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscReal z, PetscInt *arm)
{
  const GP *b   = (const GP *)t->data;
  PetscReal low = 0, w[4], mean, var;
  PetscInt  node[4], idx[4], m = Weights(t, b, c, node, w);

  PetscFunctionBegin;
  *arm = -1;
  for (PetscInt s = 0; s < t->d; s++) {
    const PetscInt i = s == 0 ? t->baseline : (s <= t->baseline ? s - 1 : s); /* the baseline first */
    PetscReal      v;

    if (allowed && !allowed[i]) continue;
    At(b, i, m, node, idx);
    NomosLatticePredict(&b->g, m, idx, w, &mean, z > 0 ? &var : NULL);
    v = z > 0 ? mean - z * PetscSqrtReal(var) : mean;
    if (*arm >= 0 && v >= low) continue;
    *arm = i;
    low  = v;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lower Cholesky factor in place; a pivot that rounding made negative counts as zero. */
static void Cholesky(PetscInt n, PetscReal a[])
{
  for (PetscInt j = 0; j < n; j++) {
    for (PetscInt i = j; i < n; i++) {
      PetscReal s = a[i * n + j];

      for (PetscInt k = 0; k < j; k++) s -= a[i * n + k] * a[j * n + k];
      if (i == j) a[j * n + j] = PetscSqrtReal(PetscMax(s, 0));
      else a[i * n + j] = a[j * n + j] > 1e-14 ? s / a[j * n + j] : 0;
    }
  }
}

/* One draw of all arms from the posterior; the lowest is played. */
static PetscErrorCode Thompson(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  const GP *b = (const GP *)t->data;
  PetscReal w[4], low = 0;
  PetscInt  node[4], m = Weights(t, b, c, node, w);

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->d; i++) {
    for (PetscInt j = 0; j <= i; j++) {
      PetscReal s = 0;

      for (PetscInt k = 0; k < m; k++)
        for (PetscInt l = 0; l < m; l++) s += w[k] * w[l] * NomosLatticeCovariance(&b->g, i * b->nodes + node[k], j * b->nodes + node[l]);
      b->h[i * t->d + j] = s;
    }
  }
  Cholesky(t->d, b->h);
  *arm = -1;
  for (PetscInt i = 0; i < t->d; i++) {
    PetscReal v = 0;

    for (PetscInt k = 0; k < m; k++) v += w[k] * b->g.mu[i * b->nodes + node[k]];
    for (PetscInt j = 0; j <= i; j++) v += b->h[i * t->d + j] * NomosTunerNormal(t, 1 + j);
    if (!allowed[i] || (*arm >= 0 && v >= low)) continue;
    *arm = i;
    low  = v;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerSelect_GP(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  const GP *b = (const GP *)t->data;

  PetscFunctionBegin;
  if (b->state[STARTED] <= 0) *arm = t->baseline;
  else if (t->gp_thompson) PetscCall(Thompson(t, c, allowed, arm));
  else PetscCall(LowerBound(t, c, allowed, t->gp_z, arm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerBest_GP(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  PetscFunctionBegin;
  PetscCall(LowerBound(t, c, allowed, 0, arm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A cost of zero has no logarithm: 1e-6 of the first cost stands for it. */
static void Absorb(NomosTuner t, GP *b, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  PetscReal w[4];
  PetscInt  node[4], idx[4], m = Weights(t, b, c, node, w);

  if (b->state[STARTED] <= 0) {
    b->state[FIRST]   = cost > 0 ? PetscLogReal(cost) : 0;
    b->state[STARTED] = 1;
  }
  At(b, arm, m, node, idx);
  NomosLatticeUpdate(&b->g, m, idx, w, PetscMax(cost > 0 ? PetscLogReal(cost) - b->state[FIRST] : -14, -14));
  b->state[NOISE]   = b->g.noise;
  b->state[DRIFTED] = b->g.drifted;
}

static PetscErrorCode NomosTunerUpdate_GP(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  GP *b = (GP *)t->data;

  PetscFunctionBegin;
  Absorb(t, b, c, arm, cost);
  b->state[UPDATES] += 1;
  b->state[WATCH] += (PetscSqrtReal(b->g.noise) - b->state[WATCH]) / PetscMin(b->state[UPDATES], WATCH_RATE);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A context that has moved, but not yet by the distance of two nodes: the lattice cannot show whether it explains the cost. */
static PetscBool Unresolved(NomosTuner t, const GP *b)
{
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    const NomosTunerContext *x = &t->context[k];

    if (x->seen_hi > x->seen_lo && x->seen_hi - x->seen_lo < (x->hi - x->lo) / (PetscReal)PetscMax(b->q - 1, 1)) return PETSC_TRUE;
  }
  return PETSC_FALSE;
}

/* Every 128 rounds: is the noise as large as the differences between arms? Twice in a row is enough. */
static PetscErrorCode NomosTunerWatch_GP(NomosTuner t, PetscBool *give_up)
{
  GP *b = (GP *)t->data;

  PetscFunctionBegin;
  if (t->gp_watch <= 0 || (PetscInt64)b->state[UPDATES] % WATCH_RATE) PetscFunctionReturn(PETSC_SUCCESS);
  b->state[LOOKS] = b->state[WATCH] > t->gp_watch && !Unresolved(t, b) ? b->state[LOOKS] + 1 : 0;
  *give_up        = (PetscBool)(b->state[LOOKS] >= 2);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The nodes lie elsewhere now: from the prior through the stored rounds. */
static PetscErrorCode NomosTunerRerange_GP(NomosTuner t)
{
  GP *b = (GP *)t->data;

  PetscFunctionBegin;
  NomosLatticeReset(&b->g);
  for (PetscInt64 i = NomosTunerHistoryFirst(t); i < t->nhistory; i++) {
    const NomosTunerRound *r;

    PetscCall(NomosTunerHistoryGet(t, i, &r));
    if ((PetscInt)r->flags & NOMOS_ROUND_LEARNED) Absorb(t, b, r->ctx, (PetscInt)r->arm, r->cost);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerArrays_GP(NomosTuner t, PetscInt *n, NomosTunerArray a[])
{
  GP *b = (GP *)t->data;

  PetscFunctionBegin;
  NomosLatticeSettle(&b->g);
  a[0] = (NomosTunerArray){"gp", STATE, b->state};
  a[1] = (NomosTunerArray){"mu", b->g.n, b->g.mu};
  a[2] = (NomosTunerArray){"P", NomosLatticeSize(b->g.n), b->g.P};
  *n   = 3;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerRestored_GP(NomosTuner t)
{
  GP *b = (GP *)t->data;

  PetscFunctionBegin;
  if (b->state[NOISE] > 0) b->g.noise = b->state[NOISE];
  b->g.drifted = PetscMax(b->state[DRIFTED], 0);
  b->g.pending = 0;
  NomosLatticeGather(&b->g);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDoubt_GP(NomosTuner t)
{
  GP *b = (GP *)t->data;

  PetscFunctionBegin;
  NomosLatticeSettle(&b->g);
  for (PetscInt i = 0; i < NomosLatticeSize(b->g.n); i++) b->g.P[i] *= 2;
  NomosLatticeGather(&b->g);
  b->state[DRIFTED] = b->g.drifted *= 2;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerView_GP(NomosTuner t, PetscViewer viewer)
{
  const GP *b = (const GP *)t->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "lattice of %" PetscInt_FMT " arms x %" PetscInt_FMT " nodes, selection %s, z %g, deviation of the noise %g (mean %g, gives up above %g)\n", t->d, b->nodes, t->gp_thompson ? "ts" : "lcb", (double)t->gp_z, (double)PetscSqrtReal(b->g.noise), (double)b->state[WATCH], (double)t->gp_watch));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDestroy_GP(NomosTuner t)
{
  GP *b = (GP *)t->data;

  PetscFunctionBegin;
  if (!b) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosLatticeDestroy(&b->g));
  PetscCall(PetscFree2(b->state, b->h));
  PetscCall(PetscFree(t->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERGP - "gp": a Gaussian process of log(cost) over arms and up to two contexts

  Options Database Keys:
+ -nomos_tuner_gp_select - lcb (lower confidence bound, deterministic) or ts (Thompson sampling) (default: lcb)
. -nomos_tuner_gp_z      - deviations below the mean that lcb looks at (default: 2)
. -nomos_tuner_gp_watch  - mean deviation of the noise above which tsallis takes over; 0: never (default: 0.35)
- -nomos_tuner_gp_drift  - part of the prior covariance that comes back each round (default: 1e-5)

  Notes:
  Covariance 0.36 k(r) + 0.5 + 0.0081 [same point], k(r) = (1 + sqrt(3) r) exp(-sqrt(3) r), r in ranges over 0.3 for parameters
  and 0.2 for contexts; k times 0.25 for another label. 13 nodes for one context, 9 x 9 for two. It minimises the typical
  (median) cost; where the level of the cost jumps for reasons that no context shows this is the wrong thing, and the watch hands over to
  tsallis. No regret bound is claimed. Memory 3/2 (dq)^2 numbers, time (dq)^2 a round: one pass over the
  covariance every eight rounds, dq the others.

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NomosTunerSetGP()`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_GP(NomosTuner t)
{
  PetscInt q = 1;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < t->ncontexts; k++) q *= NomosTunerContextNodes(t);
  PetscCheck(t->d * q <= NOMOS_TUNER_MAX_LATTICE, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the learner gp would need a lattice of %" PetscInt_FMT " arms x %" PetscInt_FMT " context nodes = %" PetscInt_FMT " points, at most %d are possible; use coarser grids, one context less, or -%smethod tsallis", t->d, q, t->d * q, NOMOS_TUNER_MAX_LATTICE, t->stem);
  t->ops->setup      = NomosTunerSetUp_GP;
  t->ops->select     = NomosTunerSelect_GP;
  t->ops->update     = NomosTunerUpdate_GP;
  t->ops->best       = NomosTunerBest_GP;
  t->ops->predict    = NomosTunerPredict_GP;
  t->ops->rerange    = NomosTunerRerange_GP;
  t->ops->watch      = NomosTunerWatch_GP;
  t->ops->arrays     = NomosTunerArrays_GP;
  t->ops->restored   = NomosTunerRestored_GP;
  t->ops->doubt      = NomosTunerDoubt_GP;
  t->ops->view       = NomosTunerView_GP;
  t->ops->destroy    = NomosTunerDestroy_GP;
  t->learns_anything = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
