/*
  loss.h - residuals of losses, always in double: fields are the double Vecs of the border between net and loss.
  Rows are r = sample*C + channel; a segment is a group of rows that shares one scale.
*/
#ifndef NOMOS_LOSS_KERNELS_H
#define NOMOS_LOSS_KERNELS_H
#include "kernel.h"

typedef struct { /* y = (x - t) q[c] scale[r/group]; scale NULL: 1 */
  const double *x, *t, *q, *scale;
  double       *y;
  PetscInt      C, n, group;
} MisfitArgs;
typedef struct { /* y = (x - shift[c]) q[c] scale[r/group]; scale NULL: 1 */
  const double *x, *shift, *q, *scale;
  double       *y;
  PetscInt      C, n, group;
} CentreArgs;
typedef struct { /* y = x rho[i] scale[r/group]; scale NULL: 1 */
  const double *x, *rho, *scale;
  double       *y;
  PetscInt      n, group;
} ModeScaleArgs;
typedef struct { /* q = 1/(std + eps), shift = mean; NULL: 1 and 0 */
  const double *mean, *std;
  double       *q, *shift;
  NomosCoef     eps;
} LossFactorsArgs;
typedef struct { /* scale = factor weight, divided by sqrt(norm den) + eps when den is given */
  const double *den, *weight;
  double       *scale;
  NomosCoef     factor, norm, eps;
  PetscInt      group; /* segments per sample */
} LossScaleArgs;
typedef struct {
  const double *x, *scale; /* scale per segment, NULL: 1 */
  double       *y;
  NomosCoef     c[3];      /* 1/(2 h) per axis, 0: axis absent */
  PetscInt      n[3];      /* points per axis, slowest first, absent axes 1 */
  PetscInt      place[3];  /* which component of y the axis fills */
  PetscInt      parts;     /* 1 + number of axes */
} H1StackArgs;
typedef H1StackArgs H1StackAdjArgs;

#if NOMOS_BODIES
NOMOS_KERNEL void Misfit(PetscInt r, PetscInt i, MisfitArgs k)
{
  const size_t j = (size_t)r * (size_t)k.n + (size_t)i;
  const double s = k.q[r % k.C] * (k.scale ? k.scale[r / k.group] : 1.0);
  k.y[j]         = (k.x[j] - k.t[j]) * s;
}
NOMOS_KERNEL void Centre(PetscInt r, PetscInt i, CentreArgs k)
{
  const size_t   j = (size_t)r * (size_t)k.n + (size_t)i;
  const PetscInt c = r % k.C;
  const double   s = k.q[c] * (k.scale ? k.scale[r / k.group] : 1.0);
  k.y[j]           = (k.x[j] - k.shift[c]) * s;
}
NOMOS_KERNEL void ModeScale(PetscInt r, PetscInt i, ModeScaleArgs k)
{
  const size_t j = (size_t)r * (size_t)k.n + (size_t)i;
  k.y[j]         = k.x[j] * k.rho[i] * (k.scale ? k.scale[r / k.group] : 1.0);
}
NOMOS_KERNEL void LossFactors(PetscInt c, LossFactorsArgs k)
{
  k.q[c]     = k.std ? 1.0 / (k.std[c] + k.eps) : 1.0;
  k.shift[c] = k.mean ? k.mean[c] : 0.0;
}
NOMOS_KERNEL void LossScale(PetscInt g, LossScaleArgs k)
{
  const double s = k.factor * (k.weight ? k.weight[g / k.group] : 1.0);
  k.scale[g]     = k.den ? s / (sqrt(k.norm * k.den[g]) + k.eps) : s;
}
/* A row is one line along the last axis of one segment: r = (segment n0 + i0) n1 + i1, so that leading neighbours are
   whole lines and only the last axis wraps inside a row. y = scale [u, D_0 u, D_1 u, D_2 u], D the periodic central
   difference; on one or two points an axis both neighbours are the same and D is 0. */
NOMOS_KERNEL void H1Stack(PetscInt r, PetscInt i, H1StackArgs k)
{
  const PetscInt i1 = r % k.n[1], i0 = r / k.n[1] % k.n[0], g = r / k.n[1] / k.n[0];
  const size_t   line = (size_t)k.n[2], plane = line * (size_t)k.n[1], points = plane * (size_t)k.n[0];
  const double  *u = k.x + (size_t)g * points, *l = u + (size_t)i0 * plane + (size_t)i1 * line;
  const double   s = k.scale ? k.scale[g] : 1.0;
  double        *y = k.y + (size_t)g * points * (size_t)k.parts + (size_t)i0 * plane + (size_t)i1 * line;
  y[i]             = s * l[i];
  if (k.c[0] != 0) {
    const PetscInt up = i0 + 1 < k.n[0] ? i0 + 1 : 0, dn = i0 > 0 ? i0 - 1 : k.n[0] - 1;
    y[(size_t)k.place[0] * points + (size_t)i] = s * k.c[0] * (u[(size_t)up * plane + (size_t)i1 * line + (size_t)i] - u[(size_t)dn * plane + (size_t)i1 * line + (size_t)i]);
  }
  if (k.c[1] != 0) {
    const PetscInt up = i1 + 1 < k.n[1] ? i1 + 1 : 0, dn = i1 > 0 ? i1 - 1 : k.n[1] - 1;
    y[(size_t)k.place[1] * points + (size_t)i] = s * k.c[1] * (u[(size_t)i0 * plane + (size_t)up * line + (size_t)i] - u[(size_t)i0 * plane + (size_t)dn * line + (size_t)i]);
  }
  y[(size_t)k.place[2] * points + (size_t)i] = s * k.c[2] * (l[i + 1 < k.n[2] ? i + 1 : 0] - l[i > 0 ? i - 1 : k.n[2] - 1]);
}
/* its transpose; the transpose of D is -D */
NOMOS_KERNEL void H1StackAdj(PetscInt r, PetscInt i, H1StackAdjArgs k)
{
  const PetscInt i1 = r % k.n[1], i0 = r / k.n[1] % k.n[0], g = r / k.n[1] / k.n[0];
  const size_t   line = (size_t)k.n[2], plane = line * (size_t)k.n[1], points = plane * (size_t)k.n[0], here = (size_t)i0 * plane + (size_t)i1 * line;
  const double  *w = k.x + (size_t)g * points * (size_t)k.parts, *l = w + (size_t)k.place[2] * points + here;
  double         v = w[here + (size_t)i] - k.c[2] * (l[i + 1 < k.n[2] ? i + 1 : 0] - l[i > 0 ? i - 1 : k.n[2] - 1]);
  if (k.c[0] != 0) {
    const PetscInt up = i0 + 1 < k.n[0] ? i0 + 1 : 0, dn = i0 > 0 ? i0 - 1 : k.n[0] - 1;
    const double  *d = w + (size_t)k.place[0] * points + (size_t)i1 * line + (size_t)i;
    v -= k.c[0] * (d[(size_t)up * plane] - d[(size_t)dn * plane]);
  }
  if (k.c[1] != 0) {
    const PetscInt up = i1 + 1 < k.n[1] ? i1 + 1 : 0, dn = i1 > 0 ? i1 - 1 : k.n[1] - 1;
    const double  *d = w + (size_t)k.place[1] * points + (size_t)i0 * plane + (size_t)i;
    v -= k.c[1] * (d[(size_t)up * line] - d[(size_t)dn * line]);
  }
  k.y[(size_t)g * points + here + (size_t)i] = v * (k.scale ? k.scale[g] : 1.0);
}
#endif
#endif
