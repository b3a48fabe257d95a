/*
  update.h - one pass over the parameters: the updates of optimizers. Parameters and states are double in every precision
  of the net. Compiled without contraction: the same bits on host and GPU.
*/
#ifndef NOMOS_UPDATE_H
#define NOMOS_UPDATE_H
#include "kernel.h"

/* With G = scale g + l2 x:
     m <- beta1 m + rest1 G;  v <- beta2 v + rest2 |G|^2;  x <- after (before x - step m / (root sqrt(v) + eps))
   AdamW: before = 1 - lr wd, after = 1, step = lr/(1 - beta1^n), root = 1/sqrt(1 - beta2^n).
   The form of the neuraloperator package (eps before the bias correction, decay after the step): before = 1,
   after = 1 - lr wd, step = lr sqrt(1 - beta2^n)/(1 - beta1^n), root = 1.
   The old x goes to `old`, which may be g: one stream of stores more, and a bad step can be taken back. */
typedef struct {
  double       *x, *m, *v, *old;
  const double *g;
  NomosCoef     scale, l2, beta1, rest1, beta2, rest2, before, after, step, root, eps;
} AdamWArgs;
typedef AdamWArgs AdamWPairArgs; /* index = (re, im) pair: |G|^2 of both parts in the v of both */
typedef struct { /* x <- min(max(x, lower), upper); a bound may be NULL */
  double       *x;
  const double *lower, *upper;
} ClipBoxArgs;

#if NOMOS_BODIES
NOMOS_KERNEL void AdamW(PetscInt i, AdamWArgs k)
{
  const double x = k.x[i], g = k.scale * k.g[i] + k.l2 * x;
  const double m = k.beta1 * k.m[i] + k.rest1 * g, v = k.beta2 * k.v[i] + k.rest2 * (g * g);
  k.old[i] = x;
  k.m[i]   = m;
  k.v[i]   = v;
  k.x[i]   = k.after * (k.before * x - k.step * m / (k.root * sqrt(v) + k.eps));
}
NOMOS_KERNEL void AdamWPair(PetscInt i, AdamWPairArgs k)
{ /* both parts treated alike, no struct copies, no branches: gcc then vectorizes across the pair */
  const size_t a = 2 * (size_t)i, b = a + 1;
  const double xa = k.x[a], xb = k.x[b], ga = k.scale * k.g[a] + k.l2 * xa, gb = k.scale * k.g[b] + k.l2 * xb;
  const double ma = k.beta1 * k.m[a] + k.rest1 * ga, mb = k.beta1 * k.m[b] + k.rest1 * gb;
  const double v = k.beta2 * k.v[a] + k.rest2 * (ga * ga + gb * gb), s = k.step / (k.root * sqrt(v) + k.eps);
  k.old[a] = xa;
  k.old[b] = xb;
  k.m[a]   = ma;
  k.m[b]   = mb;
  k.v[a]   = v;
  k.v[b]   = v;
  k.x[a]   = k.after * (k.before * xa - s * ma);
  k.x[b]   = k.after * (k.before * xb - s * mb);
}
NOMOS_KERNEL void ClipBox(PetscInt i, ClipBoxArgs k)
{
  double x = k.x[i];
  if (k.lower) x = x < k.lower[i] ? k.lower[i] : x;
  if (k.upper) x = x > k.upper[i] ? k.upper[i] : x;
  k.x[i] = x;
}
#endif
#endif
