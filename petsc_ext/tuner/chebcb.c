/*
  chebcb.c - the learner chebcb: the cost of each arm as a Chebyshev series in one context, fitted by least squares under
  bounds that a Lipschitz function obeys; arms by inverse gap weighting.

  Sums are kept in the caller's unit of cost (minus the floor); K N scales them to the unit of the fit, so that a larger cost
  changes no sum.
*/
#include "tuner.h"

#define RIDGE      1e-9
#define SWEEPS     50 /* the next round goes on from there; 400 choose no better and take five times as long */
#define FIT_CHANGE 1e-12

typedef struct {
  PetscInt   n;      /* coefficients, degree + 1                                                      */
  PetscReal *state;  /* saved: t, R, largest and smallest cost, scale of theta; then per arm, below    */
  PetscReal *f, *s;  /* [n] features of the last context, [d] values of the arms there                */
  PetscReal *p;      /* [d]                                                                          */
  PetscReal *g, *inverse, *bound; /* [n] work of a fit                                               */
} Cheb;
enum { ROUNDS = 0, ERRORS, LARGE, SMALL, UNIT, ARMS };

/* Of one arm: Gram matrix [n][n], right side [n], sum of squares, theta [n] in units of K N. */
static PetscInt   ArmSize(PetscInt n) { return n * n + 2 * n + 1; }
static PetscReal *ArmGram(const Cheb *b, PetscInt i) { return b->state + ARMS + i * ArmSize(b->n); }
static PetscReal *ArmRight(const Cheb *b, PetscInt i) { return ArmGram(b, i) + b->n * b->n; }
static PetscReal *ArmTheta(const Cheb *b, PetscInt i) { return ArmRight(b, i) + b->n + 1; }

static PetscErrorCode NomosTunerSetUp_ChebCB(NomosTuner t)
{
  Cheb *b;

  PetscFunctionBegin;
  PetscCall(PetscNew(&b));
  t->data = b;
  b->n    = t->degree + 1;
  PetscCall(PetscCalloc4(ARMS + t->d * ArmSize(b->n), &b->state, b->n, &b->f, t->d, &b->s, t->d, &b->p));
  PetscCall(PetscMalloc3(b->n, &b->g, b->n, &b->inverse, b->n, &b->bound));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Features(NomosTuner t, const Cheb *b, PetscReal c, PetscReal f[])
{
  const PetscReal x = 2 * NomosTunerContextUnit(t, 0, c) - 1;

  f[0] = 1;
  if (b->n > 1) f[1] = x;
  for (PetscInt j = 2; j < b->n; j++) f[j] = 2 * x * f[j - 1] - f[j - 2];
}

static PetscReal Dot(PetscInt n, const PetscReal a[], const PetscReal b[])
{
  PetscReal s = 0;

  for (PetscInt j = 0; j < n; j++) s += a[j] * b[j];
  return s;
}

/* Length of the range times the Lipschitz constant, over K: what the bounds are made of. */
static PetscReal Slope(const Cheb *b)
{
  return b->state[LARGE] > 0 ? (b->state[LARGE] - b->state[SMALL]) / b->state[LARGE] : 0;
}

/* N = 2 + 4 C L (1 + log(m+1))/K */
static PetscReal Norm(const Cheb *b)
{
  return 2 + 4 * Slope(b) * (1 + PetscLogReal((PetscReal)b->n));
}

/* Least squares under |theta_0| <= 1/N, |theta_j| <= 2 C L/(K N j): cyclic coordinate descent, each step exact. What is left of the gradient is
   kept up to date instead of being summed for every step. */
static void Fit(const Cheb *b, PetscInt arm)
{
  const PetscReal *G = ArmGram(b, arm), *r = ArmRight(b, arm), N = Norm(b), slope = Slope(b), unit = b->state[UNIT];
  PetscReal       *theta = ArmTheta(b, arm), *g = b->g, *inverse = b->inverse, *bound = b->bound;

  for (PetscInt j = 0; j < b->n; j++) {
    bound[j]   = j ? 2 * slope / (N * (PetscReal)j) : 1 / N;
    inverse[j] = 1 / (G[j * b->n + j] + RIDGE);
    g[j]       = r[j] / unit - Dot(b->n, G + j * b->n, theta) - RIDGE * theta[j];
  }
  for (PetscInt sweep = 0; sweep < SWEEPS; sweep++) {
    PetscReal change = 0;

    for (PetscInt j = 0; j < b->n; j++) {
      const PetscReal step = PetscMin(PetscMax(g[j] * inverse[j], -bound[j] - theta[j]), bound[j] - theta[j]);

      for (PetscInt i = 0; i < b->n; i++) g[i] -= step * G[j * b->n + i];
      g[j] -= RIDGE * step;
      theta[j] += step;
      change = PetscMax(change, PetscAbsReal(step));
    }
    if (change <= FIT_CHANGE) break;
  }
}

/* What is left of the squared errors when the latest fits had been known from the start; in units of K N squared. */
static PetscReal Regret(NomosTuner t, const Cheb *b)
{
  const PetscReal unit = b->state[UNIT];
  PetscReal       rest = 0;

  for (PetscInt i = 0; i < t->d; i++) {
    const PetscReal *theta = ArmTheta(b, i), *r = ArmRight(b, i), *G = ArmGram(b, i);

    rest += r[b->n] / (unit * unit) - 2 * Dot(b->n, r, theta) / unit;
    for (PetscInt j = 0; j < b->n; j++) rest += theta[j] * Dot(b->n, G + j * b->n, theta);
  }
  return PetscMax(b->state[ERRORS] / (unit * unit) - rest, 1e-12);
}

/* 1/(d + eta gap) for the others, the rest for the best. */
static PetscErrorCode Weigh(NomosTuner t, const PetscBool allowed[], PetscInt best)
{
  Cheb           *b      = (Cheb *)t->data;
  const PetscReal m      = (PetscReal)(b->n - 1), rounds = PetscMax(b->state[ROUNDS], 1), N = Norm(b);
  const PetscReal misfit = (PETSC_PI + 2 / PETSC_PI * PetscLogReal(2 * m + 3)) * Slope(b) / (2 * N * (m + 2));
  PetscReal       eta, rest = 1, d = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->d; i++) d += allowed[i] ? 1 : 0;
  eta = 2 * rounds * PetscSqrtReal(d * rounds / ((b->state[UNIT] > 0 ? Regret(t, b) : 1e-12) + 2 * misfit * misfit * rounds));
  for (PetscInt i = 0; i < t->d; i++) {
    b->p[i] = 0;
    if (!allowed[i] || i == best) continue;
    b->p[i] = 1 / (d + eta * (b->s[i] - b->s[best]));
    rest -= b->p[i];
  }
  b->p[best] = rest;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerBest_ChebCB(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  Cheb *b = (Cheb *)t->data;

  PetscFunctionBegin;
  Features(t, b, c[0], b->f);
  for (PetscInt i = 0; i < t->d; i++) b->s[i] = Dot(b->n, b->f, ArmTheta(b, i));
  *arm = t->baseline;
  for (PetscInt i = 0; i < t->d; i++)
    if ((!allowed || allowed[i]) && b->s[i] < b->s[*arm]) *arm = i;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerSelect_ChebCB(NomosTuner t, const PetscReal c[], const PetscBool allowed[], PetscInt *arm)
{
  Cheb           *b   = (Cheb *)t->data;
  const PetscReal u   = NomosTunerUniform(t, 0);
  PetscReal       cum = 0;
  PetscInt        best;

  PetscFunctionBegin;
  PetscCall(NomosTunerBest_ChebCB(t, c, allowed, &best));
  PetscCall(Weigh(t, allowed, best));
  *arm = best;
  for (PetscInt i = 0; i < t->d; i++) {
    cum += b->p[i];
    if (b->p[i] > 0 && u < cum) {
      *arm = i;
      break;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Accumulate(Cheb *b, PetscInt arm, const PetscReal f[], PetscReal y)
{
  PetscReal *G = ArmGram(b, arm), *r = ArmRight(b, arm);

  for (PetscInt i = 0; i < b->n; i++) {
    for (PetscInt j = 0; j < b->n; j++) G[i * b->n + j] += f[i] * f[j];
    r[i] += y * f[i];
  }
  r[b->n] += y * y;
}

/* K, N from the costs seen; PETSC_TRUE when they changed. */
static PetscBool Rescale(Cheb *b, PetscReal y)
{
  PetscReal unit;

  if (b->state[ROUNDS] <= 0) b->state[LARGE] = b->state[SMALL] = y;
  b->state[LARGE] = PetscMax(PetscMax(b->state[LARGE], y), 1e-300);
  b->state[SMALL] = PetscMin(b->state[SMALL], y);
  unit            = b->state[LARGE] * Norm(b);
  if (unit == b->state[UNIT]) return PETSC_FALSE;
  b->state[UNIT] = unit;
  return PETSC_TRUE;
}

static void FitAll(NomosTuner t, Cheb *b)
{
  for (PetscInt i = 0; i < t->d; i++)
    if (ArmGram(b, i)[0] > 0) Fit(b, i); /* G_00 counts the pulls */
}

static PetscErrorCode NomosTunerUpdate_ChebCB(NomosTuner t, const PetscReal c[], PetscInt arm, PetscReal cost)
{
  Cheb           *b = (Cheb *)t->data;
  const PetscReal y = PetscMax(cost - t->floor, 0);
  PetscReal       e;

  PetscFunctionBegin;
  Features(t, b, c[0], b->f);
  e = Dot(b->n, b->f, ArmTheta(b, arm)) * b->state[UNIT] - y;
  b->state[ERRORS] += e * e;
  Accumulate(b, arm, b->f, y);
  if (Rescale(b, y)) FitAll(t, b);
  else Fit(b, arm);
  b->state[ROUNDS] += 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another range is another polynomial: the sums are made again from the stored rounds. */
static PetscErrorCode NomosTunerRerange_ChebCB(NomosTuner t)
{
  Cheb *b = (Cheb *)t->data;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(b->state + ARMS, t->d * ArmSize(b->n)));
  for (PetscInt64 i = NomosTunerHistoryFirst(t); i < t->nhistory; i++) {
    const NomosTunerRound *r;

    PetscCall(NomosTunerHistoryGet(t, i, &r));
    if (!((PetscInt)r->flags & NOMOS_ROUND_LEARNED)) continue;
    Features(t, b, r->ctx[0], b->f);
    Accumulate(b, (PetscInt)r->arm, b->f, PetscMax(r->cost - t->floor, 0));
  }
  if (b->state[UNIT] > 0) FitAll(t, b);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerProbabilities_ChebCB(NomosTuner t, PetscReal p[])
{
  PetscFunctionBegin;
  PetscCall(PetscArraycpy(p, ((Cheb *)t->data)->p, t->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerArrays_ChebCB(NomosTuner t, PetscInt *n, NomosTunerArray a[])
{
  Cheb *b = (Cheb *)t->data;

  PetscFunctionBegin;
  a[0] = (NomosTunerArray){"chebcb", ARMS + t->d * ArmSize(b->n), b->state};
  *n   = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Half the rounds: the sums halve, the fits stay. */
static PetscErrorCode NomosTunerDoubt_ChebCB(NomosTuner t)
{
  Cheb *b = (Cheb *)t->data;

  PetscFunctionBegin;
  b->state[ROUNDS] /= 2;
  b->state[ERRORS] /= 2;
  for (PetscInt i = 0; i < t->d; i++)
    for (PetscReal *x = ArmGram(b, i); x < ArmTheta(b, i); x++) *x /= 2;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerView_ChebCB(NomosTuner t, PetscViewer viewer)
{
  const Cheb *b = (const Cheb *)t->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "degree %" PetscInt_FMT " over '%s', costs above the floor from %g to %g\n", t->degree, t->context[0].name, (double)b->state[SMALL], (double)b->state[LARGE]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosTunerDestroy_ChebCB(NomosTuner t)
{
  Cheb *b = (Cheb *)t->data;

  PetscFunctionBegin;
  if (!b) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree4(b->state, b->f, b->s, b->p));
  PetscCall(PetscFree3(b->g, b->inverse, b->bound));
  PetscCall(PetscFree(t->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  NOMOSTUNERCHEBCB - "chebcb": Chebyshev regression of each arm's cost over one context, inverse gap weighting

  Options Database Keys:
. -nomos_tuner_cheb_degree - degree of the series, 1 to 16 (default: 5)

  Notes:
  Features T_j of the context scaled to [-1,1]. p_i = 1/(d + eta gap_i) for all but the best,
  eta = 2 t sqrt(d t/(R + 2 a^2 t)), R the regret of the fits so far, a what a Lipschitz function may differ from its series.
  With d of order T^(2/11) and degree T^(3/11) the cost is within O~(T^(9/11) sqrt n) of the best policy. Memory d (m+1)(m+3) numbers.

  Source: Khodak et al., ICLR 2024, Algorithm 3; Foster and Rakhlin, ICML 2020, for the weighting; docs/tuner.md

  Level: intermediate
.seealso: `NomosTunerSetMethod()`, `NomosTunerSetChebyshevDegree()`
M*/
PETSC_INTERN PetscErrorCode NomosTunerCreate_ChebCB(NomosTuner t)
{
  PetscFunctionBegin;
  PetscCheck(t->ncontexts, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONGSTATE, "the learner chebcb needs a context; add one, or use tsallis");
  t->ops->setup         = NomosTunerSetUp_ChebCB;
  t->ops->select        = NomosTunerSelect_ChebCB;
  t->ops->update        = NomosTunerUpdate_ChebCB;
  t->ops->best          = NomosTunerBest_ChebCB;
  t->ops->rerange       = NomosTunerRerange_ChebCB;
  t->ops->probabilities = NomosTunerProbabilities_ChebCB;
  t->ops->arrays        = NomosTunerArrays_ChebCB;
  t->ops->doubt         = NomosTunerDoubt_ChebCB;
  t->ops->view          = NomosTunerView_ChebCB;
  t->ops->destroy       = NomosTunerDestroy_ChebCB;
  PetscFunctionReturn(PETSC_SUCCESS);
}
