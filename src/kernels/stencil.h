/*
  stencil.h - residuals of differential equations on grids, in double, with their transposes. A row is one line along the
  last axis; leading neighbours are whole lines away.
*/
#ifndef NOMOS_STENCIL_H
#define NOMOS_STENCIL_H
#include "kernel.h"

typedef struct { /* Darcy: y = -div(a grad u) - f inside, y = u on the boundary; r = (sample n0 + i0) n1 + i1 */
  const double *u, *a, *f; /* f NULL: source */
  const double *w;         /* direction, for the transposes */
  double       *y;
  NomosCoef     ih2[3], source; /* 1/h^2 per axis, 0: axis absent */
  PetscInt      n[3];           /* points per axis, slowest first, absent axes 1 */
  PetscInt      harmonic;       /* mean of a on a face: 1 harmonic, 0 arithmetic */
} DarcyResidualArgs;
typedef DarcyResidualArgs DarcyTransposeArgs, DarcyFieldTransposeArgs, DarcyFieldTangentArgs; /* FieldTangent: w is a direction of a, y is added into */

typedef struct { /* Burgers: frames u[sample][C][n], initial state a[sample][n]; r = sample*C + frame */
  const double *u, *a;
  const double *d; /* direction of the tangent, as u */
  const double *w; /* direction of the transpose, as the residual */
  double       *y, *ya; /* ya: with respect to a; NULL: not wanted */
  NomosCoef     idt, i2h, nuih2; /* 1/dt, 1/(2 h), nu/h^2 */
  PetscInt      C, n;
} BurgersStepArgs;
typedef BurgersStepArgs BurgersTangentArgs, BurgersTransposeArgs, BurgersFieldTangentArgs; /* FieldTangent: d is a direction of a, y is added into; r = sample */

/* coefficient on the face between two points, and its derivative with respect to the first */
NOMOS_KERNEL double DarcyFace(double a, double b, PetscInt harmonic)
{
  return harmonic ? 2.0 * a * b / (a + b) : 0.5 * (a + b);
}
NOMOS_KERNEL double DarcyFaceSlope(double a, double b, PetscInt harmonic)
{
  return harmonic ? 2.0 * b * b / ((a + b) * (a + b)) : 0.5;
}

#if NOMOS_BODIES
/* is index i of axis j off the boundary; an absent axis has none */
NOMOS_KERNEL int DarcyInside(PetscInt i, PetscInt n, double ih2)
{
  return ih2 == 0 || (i > 0 && i + 1 < n);
}
NOMOS_KERNEL void DarcyResidual(PetscInt r, PetscInt i, DarcyResidualArgs k)
{
  const PetscInt at[3] = {r / k.n[1] % k.n[0], r % k.n[1], i}, stride[3] = {k.n[1] * k.n[2], k.n[2], 1};
  const size_t   p = (size_t)r * (size_t)k.n[2] + (size_t)i;
  double         s = k.f ? -k.f[p] : -k.source;
  int            inside = 1;
  for (int j = 0; j < 3; j++) inside = inside && DarcyInside(at[j], k.n[j], k.ih2[j]);
  if (!inside) {
    k.y[p] = k.u[p];
    return;
  }
  for (int j = 0; j < 3; j++) {
    const size_t up = p + (size_t)stride[j], dn = p - (size_t)stride[j];
    if (k.ih2[j] != 0) s += k.ih2[j] * (DarcyFace(k.a[p], k.a[up], k.harmonic) * (k.u[p] - k.u[up]) + DarcyFace(k.a[p], k.a[dn], k.harmonic) * (k.u[p] - k.u[dn]));
  }
  k.y[p] = s;
}
/* what the neighbour one step along axis j gives: rows of the boundary take nothing from inside */
NOMOS_KERNEL void DarcyTranspose(PetscInt r, PetscInt i, DarcyTransposeArgs k)
{
  const PetscInt at[3] = {r / k.n[1] % k.n[0], r % k.n[1], i}, stride[3] = {k.n[1] * k.n[2], k.n[2], 1};
  const size_t   p = (size_t)r * (size_t)k.n[2] + (size_t)i;
  double         s = 0;
  int            in[3], inside;
  for (int j = 0; j < 3; j++) in[j] = DarcyInside(at[j], k.n[j], k.ih2[j]);
  inside = in[0] && in[1] && in[2];
  if (!inside) s = k.w[p];
  for (int j = 0; j < 3; j++) {
    if (k.ih2[j] == 0) continue;
    for (int side = -1; side <= 1; side += 2) {
      const PetscInt there = at[j] + side;
      const size_t   q = side > 0 ? p + (size_t)stride[j] : p - (size_t)stride[j];
      double         c;
      if (there < 0 || there >= k.n[j]) continue;
      c = k.ih2[j] * DarcyFace(k.a[p], k.a[q], k.harmonic);
      if (inside) s += c * k.w[p];
      if (in[(j + 1) % 3] && in[(j + 2) % 3] && DarcyInside(there, k.n[j], k.ih2[j])) s -= c * k.w[q];
    }
  }
  k.y[p] = s;
}
NOMOS_KERNEL void DarcyFieldTranspose(PetscInt r, PetscInt i, DarcyFieldTransposeArgs k)
{
  const PetscInt at[3] = {r / k.n[1] % k.n[0], r % k.n[1], i}, stride[3] = {k.n[1] * k.n[2], k.n[2], 1};
  const size_t   p = (size_t)r * (size_t)k.n[2] + (size_t)i;
  double         s = 0;
  int            in[3], inside;
  for (int j = 0; j < 3; j++) in[j] = DarcyInside(at[j], k.n[j], k.ih2[j]);
  inside = in[0] && in[1] && in[2];
  for (int j = 0; j < 3; j++) {
    if (k.ih2[j] == 0) continue;
    for (int side = -1; side <= 1; side += 2) {
      const PetscInt there = at[j] + side;
      const size_t   q = side > 0 ? p + (size_t)stride[j] : p - (size_t)stride[j];
      double         w = inside ? k.w[p] : 0.0;
      if (there < 0 || there >= k.n[j]) continue;
      if (in[(j + 1) % 3] && in[(j + 2) % 3] && DarcyInside(there, k.n[j], k.ih2[j])) w -= k.w[q];
      s += k.ih2[j] * DarcyFaceSlope(k.a[p], k.a[q], k.harmonic) * (k.u[p] - k.u[q]) * w;
    }
  }
  k.y[p] = s;
}

/* inside, every face moves with the coefficients on both of its sides; the rows of the boundary do not see a */
NOMOS_KERNEL void DarcyFieldTangent(PetscInt r, PetscInt i, DarcyFieldTangentArgs k)
{
  const PetscInt at[3] = {r / k.n[1] % k.n[0], r % k.n[1], i}, stride[3] = {k.n[1] * k.n[2], k.n[2], 1};
  const size_t   p = (size_t)r * (size_t)k.n[2] + (size_t)i;
  double         s = 0;
  for (int j = 0; j < 3; j++)
    if (!DarcyInside(at[j], k.n[j], k.ih2[j])) return;
  for (int j = 0; j < 3; j++) {
    if (k.ih2[j] == 0) continue;
    for (int side = -1; side <= 1; side += 2) {
      const size_t q = side > 0 ? p + (size_t)stride[j] : p - (size_t)stride[j];
      s += k.ih2[j] * (DarcyFaceSlope(k.a[p], k.a[q], k.harmonic) * k.w[p] + DarcyFaceSlope(k.a[q], k.a[p], k.harmonic) * k.w[q]) * (k.u[p] - k.u[q]);
    }
  }
  k.y[p] += s;
}

/* state half-way between frame f-1 (the initial state before frame 0) and frame f of a sample */
NOMOS_KERNEL double BurgersMiddle(const double *u, const double *a, PetscInt b, PetscInt f, PetscInt i, PetscInt C, PetscInt n)
{
  const double *v = u + ((size_t)b * (size_t)C + (size_t)f) * (size_t)n, *p = f > 0 ? v - n : a + (size_t)b * (size_t)n;
  return 0.5 * (v[i] + p[i]);
}
NOMOS_KERNEL void BurgersStep(PetscInt r, PetscInt i, BurgersStepArgs k)
{
  const PetscInt b = r / k.C, f = r % k.C, up = i + 1 < k.n ? i + 1 : 0, dn = i > 0 ? i - 1 : k.n - 1;
  const double  *v = k.u + (size_t)r * (size_t)k.n, *p = f > 0 ? v - k.n : k.a + (size_t)b * (size_t)k.n;
  const double   m = BurgersMiddle(k.u, k.a, b, f, i, k.C, k.n), mu = BurgersMiddle(k.u, k.a, b, f, up, k.C, k.n), md = BurgersMiddle(k.u, k.a, b, f, dn, k.C, k.n);
  k.y[(size_t)r * (size_t)k.n + (size_t)i] = (v[i] - p[i]) * k.idt + 0.5 * k.i2h * (mu * mu - md * md) - k.nuih2 * (mu - 2.0 * m + md);
}
NOMOS_KERNEL void BurgersTangent(PetscInt r, PetscInt i, BurgersTangentArgs k)
{
  const PetscInt b = r / k.C, f = r % k.C, up = i + 1 < k.n ? i + 1 : 0, dn = i > 0 ? i - 1 : k.n - 1;
  const double  *v = k.d + (size_t)r * (size_t)k.n, *p = f > 0 ? v - k.n : v; /* the initial state is given: no direction */
  const double   g = f > 0 ? 1.0 : 0.0, mu = BurgersMiddle(k.u, k.a, b, f, up, k.C, k.n), md = BurgersMiddle(k.u, k.a, b, f, dn, k.C, k.n);
  const double   d = 0.5 * (v[i] + g * p[i]), du = 0.5 * (v[up] + g * p[up]), dd = 0.5 * (v[dn] + g * p[dn]);
  k.y[(size_t)r * (size_t)k.n + (size_t)i] = (v[i] - g * p[i]) * k.idt + k.i2h * (mu * du - md * dd) - k.nuih2 * (du - 2.0 * d + dd);
}
/* the initial state stands in the residual of frame 0 alone */
NOMOS_KERNEL void BurgersFieldTangent(PetscInt r, PetscInt i, BurgersFieldTangentArgs k)
{
  const PetscInt up = i + 1 < k.n ? i + 1 : 0, dn = i > 0 ? i - 1 : k.n - 1;
  const double  *d = k.d + (size_t)r * (size_t)k.n;
  const double   mu = BurgersMiddle(k.u, k.a, r, 0, up, k.C, k.n), md = BurgersMiddle(k.u, k.a, r, 0, dn, k.C, k.n);
  k.y[(size_t)r * (size_t)k.C * (size_t)k.n + (size_t)i] += 0.5 * (k.i2h * (mu * d[up] - md * d[dn]) - k.nuih2 * (d[up] - 2.0 * d[i] + d[dn])) - k.idt * d[i];
}
/* derivative of <w, residual f> with respect to the middle state of frame f */
NOMOS_KERNEL double BurgersPull(PetscInt b, PetscInt f, PetscInt i, BurgersTransposeArgs k)
{
  const PetscInt up = i + 1 < k.n ? i + 1 : 0, dn = i > 0 ? i - 1 : k.n - 1;
  const double  *w = k.w + ((size_t)b * (size_t)k.C + (size_t)f) * (size_t)k.n;
  return k.i2h * BurgersMiddle(k.u, k.a, b, f, i, k.C, k.n) * (w[dn] - w[up]) - k.nuih2 * (w[up] - 2.0 * w[i] + w[dn]);
}
/* r = sample (C+1) + t: state t of a sample, 0 the initial one, stands in the residuals of frames t-1 and t */
NOMOS_KERNEL void BurgersTranspose(PetscInt r, PetscInt i, BurgersTransposeArgs k)
{
  const PetscInt b = r / (k.C + 1), t = r % (k.C + 1);
  const size_t   row = (size_t)b * (size_t)k.C;
  double         s = 0;
  if (t > 0) s += k.idt * k.w[(row + (size_t)t - 1) * (size_t)k.n + (size_t)i] + 0.5 * BurgersPull(b, t - 1, i, k);
  if (t < k.C) s += 0.5 * BurgersPull(b, t, i, k) - k.idt * k.w[(row + (size_t)t) * (size_t)k.n + (size_t)i];
  if (t > 0 && k.y) k.y[(row + (size_t)t - 1) * (size_t)k.n + (size_t)i] = s;
  if (t == 0 && k.ya) k.ya[(size_t)b * (size_t)k.n + (size_t)i] = s;
}
#endif
#endif
