/*
  weights.c - Tsallis-INF (Zimmert and Seldin, "Tsallis-INF: an optimal algorithm for stochastic and adversarial bandits",
  JMLR 22 (2021)): probabilities, draw, and the two estimators of the losses. Plain numbers, no object.
*/
#include "tuner.h"

PetscErrorCode NomosTsallisCreate(PetscInt d, PetscBool rv, PetscReal fixed_scale, NomosTsallis *s)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof(*s)));
  s->d           = d;
  s->rv          = rv;
  s->fixed_scale = fixed_scale;
  PetscCall(PetscCalloc4(2 + 2 * d, &s->state, d, &s->p, d, &s->l, d, &s->q));
  s->L = s->state + 2;
  s->B = s->L + d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTsallisDestroy(NomosTsallis *s)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(s->state, s->p, s->l, s->q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p = argmin <l,p> - (4/eta) sum sqrt(p_i) over the simplex: p_i = 4/(eta (l_i - x))^2 with sum p = 1, x < min l.
   f(x) = sum p - 1 is increasing and convex left of min l, and f >= 0 at min l - 2/eta: Newton from there walks down to the
   root and never past it. A start left of the root may jump beyond min l, where the formula prefers the worst arm. */
void NomosTsallisWeights(PetscInt d, const PetscReal l[], PetscReal eta, PetscReal p[], PetscReal *x, PetscInt *steps)
{
  PetscReal low = l[0], y, sum = 0;
  PetscInt  k;

  for (PetscInt i = 1; i < d; i++) low = PetscMin(low, l[i]);
  y = -2 / eta; /* x = low + y */
  for (k = 0; k < 50; k++) {
    PetscReal slope = 0, next;

    sum = 0;
    for (PetscInt i = 0; i < d; i++) {
      const PetscReal r = 2 / (eta * ((l[i] - low) - y)); /* sqrt(p_i) */

      p[i] = r * r;
      sum += p[i];
      slope += p[i] * r;
    }
    if (PetscAbsReal(sum - 1) <= 1e-13) break;
    next = y - (sum - 1) / (eta * slope);
    if (next >= y) break; /* rounding: the root is reached */
    y = next;
  }
  for (PetscInt i = 0; i < d; i++) p[i] /= sum;
  if (x) *x = low + y;
  if (steps) *steps = k;
}

PetscReal NomosTsallisScale(const NomosTsallis *s)
{
  if (s->fixed_scale > 0) return s->fixed_scale;
  return s->state[0] > 0 ? PetscMax(s->state[1] / s->state[0], 1e-300) : 1;
}

static PetscReal Shifted(const NomosTsallis *s, PetscInt i, PetscReal scale)
{
  return s->L[i] / scale + s->B[i];
}

/* Probabilities of the arms that are allowed, and one of them by the inverse distribution function in the order of arms. */
PetscInt NomosTsallisDraw(NomosTsallis *s, const PetscBool allowed[], PetscReal u)
{
  const PetscReal scale = NomosTsallisScale(s);
  PetscReal       cum   = 0;
  PetscInt        n = 0, last = 0;

  s->eta = (s->rv ? 4 : 2) / PetscSqrtReal(s->state[0] + 1);
  for (PetscInt i = 0; i < s->d; i++)
    if (!allowed || allowed[i]) s->l[n++] = Shifted(s, i, scale);
  NomosTsallisWeights(n, s->l, s->eta, s->q, NULL, NULL);
  n = 0;
  for (PetscInt i = 0; i < s->d; i++) s->p[i] = !allowed || allowed[i] ? s->q[n++] : 0;
  for (PetscInt i = 0; i < s->d; i++) {
    if (s->p[i] <= 0) continue;
    last = i;
    cum += s->p[i];
    if (u < cum) break;
  }
  return last;
}

/* The loss of the arm that was drawn. rv, in units of the scale: an arm with p_j >= eta^2 has the baseline 1/2,
   estimate_j = [j drawn](loss_j - b_j)/p_j + b_j; the others are plainly importance weighted. */
void NomosTsallisObserve(NomosTsallis *s, PetscInt arm, PetscReal loss)
{
  s->state[0] += 1;
  s->state[1] += loss;
  if (s->rv) {
    for (PetscInt j = 0; j < s->d; j++)
      if (s->p[j] > 0 && s->p[j] >= s->eta * s->eta) s->B[j] += 0.5 - (j == arm ? 0.5 / s->p[j] : 0);
  }
  s->L[arm] += loss / s->p[arm];
}

/* An arm without a past would look free for as many rounds as the others were played. */
void NomosTsallisAdmit(NomosTsallis *s, const PetscBool known[])
{
  const PetscReal scale = NomosTsallisScale(s);
  PetscInt        best  = -1;

  for (PetscInt i = 0; i < s->d; i++)
    if (known[i] && (best < 0 || Shifted(s, i, scale) < Shifted(s, best, scale))) best = i;
  for (PetscInt i = 0; i < s->d && best >= 0; i++) {
    if (known[i]) continue;
    s->L[i] = s->L[best];
    s->B[i] = s->B[best];
  }
}

void NomosTsallisDoubt(NomosTsallis *s)
{
  for (PetscInt i = 0; i < 2 + 2 * s->d; i++) s->state[i] /= 2; /* L and B lie in it */
}

/* Lowest estimated loss; `preferred` wins ties. */
PetscInt NomosTsallisBest(const NomosTsallis *s, const PetscBool allowed[], PetscInt preferred)
{
  const PetscReal scale = NomosTsallisScale(s);
  PetscInt        best  = preferred;

  for (PetscInt i = 0; i < s->d; i++)
    if ((!allowed || allowed[i]) && Shifted(s, i, scale) < Shifted(s, best, scale)) best = i;
  return best;
}
