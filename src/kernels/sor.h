/*
  sor.h - the rows of successive over-relaxation, in double. A matrix is read in the order of the sweep: position r holds row
  row[r] (NULL: row r) with its entries p[r]..p[r+1), first those of rows swept before (L), then the diagonal at d[r], then
  those of rows swept after (U). Columns count local rows, then ghosts; x has room for both.

  Index i is a block of rows that nobody else of the same launch is coupled to: positions block[first+i] to
  block[first+i+1], or size of them from first + i size. Inside a block the rows go one after another. So one body serves
  a sequential sweep (one block), a colour or a level (blocks of one row) and a colour of blocks.
*/
#ifndef NOMOS_SOR_H
#define NOMOS_SOR_H
#include "kernel.h"

typedef struct {
  const PetscInt *row, *p, *d, *col, *block;
  const double   *val, *id; /* id = 1/(diagonal + shift), by row */
  const double   *b;        /* right side, by row */
  double         *x, *t;    /* iterate; t NULL: b - L x, which a backward sweep can start from */
  NomosCoef       omega, keep; /* keep: the part of the old x that stays, 1 - omega or 0 from a zero iterate */
  PetscInt        first, size, full; /* full: read the other triangle too */
} SORForwardArgs;
typedef SORForwardArgs SORBackwardArgs;

typedef struct { /* y = t + (D/omega + L)^-1 (v + (D - 2 (D+s)/omega) t + y), one pass over L; s: work, by row */
  const PetscInt *row, *p, *d, *col, *block;
  const double   *val, *id, *t, *v;
  double         *s, *y;
  NomosCoef       omega, shift;
  PetscInt        first, size, add; /* add: y comes with a part of the product */
} SOREisenstatArgs;

typedef struct { /* y = D/omega + L (or U) applied to x: back from the transformed residual */
  const PetscInt *row, *p, *d, *col;
  const double   *val, *id, *x;
  double         *y;
  NomosCoef       omega;
  PetscInt        upper;
} SORTriangleArgs;

typedef struct { /* one inner sweep of Jacobi for (D/omega + L) y = b or with U: y = omega id (b - L x); x NULL: 0 */
  const PetscInt *row, *p, *d, *col;
  const double   *val, *id, *b, *x;
  double         *y;
  NomosCoef       omega;
  PetscInt        upper;
} SORJacobiArgs;

typedef struct { /* y = scale v / id */
  const double *id, *v;
  double       *y;
  NomosCoef     scale;
} SORScaleArgs;

#if NOMOS_BODIES
NOMOS_KERNEL double SORMinusRow(double s, PetscInt from, PetscInt to, const PetscInt *col, const double *val, const double *x)
{
  for (PetscInt j = from; j < to; j++) s -= val[j] * x[col[j]];
  return s;
}
NOMOS_KERNEL void SORForward(PetscInt i, SORForwardArgs k)
{
  const PetscInt lo = k.block ? k.block[k.first + i] : k.first + i * k.size, hi = k.block ? k.block[k.first + i + 1] : lo + k.size;
  for (PetscInt r = lo; r < hi; r++) {
    const PetscInt q = k.row ? k.row[r] : r;
    double         s = SORMinusRow(k.b[q], k.p[r], k.d[r], k.col, k.val, k.x);
    if (k.t) k.t[q] = s;
    if (k.full) s = SORMinusRow(s, k.d[r] + 1, k.p[r + 1], k.col, k.val, k.x);
    s *= k.omega * k.id[q];
    k.x[q] = k.keep != 0 ? k.keep * k.x[q] + s : s;
  }
}
NOMOS_KERNEL void SORBackward(PetscInt i, SORBackwardArgs k)
{
  const PetscInt lo = k.block ? k.block[k.first + i] : k.first + i * k.size, hi = k.block ? k.block[k.first + i + 1] : lo + k.size;
  for (PetscInt r = hi - 1; r >= lo; r--) {
    const PetscInt q = k.row ? k.row[r] : r;
    double         s = SORMinusRow(k.b[q], k.d[r] + 1, k.p[r + 1], k.col, k.val, k.x);
    if (k.full) s = SORMinusRow(s, k.p[r], k.d[r], k.col, k.val, k.x);
    s *= k.omega * k.id[q];
    k.x[q] = k.keep != 0 ? k.keep * k.x[q] + s : s;
  }
}
NOMOS_KERNEL void SOREisenstat(PetscInt i, SOREisenstatArgs k)
{
  const PetscInt lo = k.block ? k.block[k.first + i] : k.first + i * k.size, hi = k.block ? k.block[k.first + i + 1] : lo + k.size;
  const double   two = 2.0 / k.omega;
  for (PetscInt r = lo; r < hi; r++) {
    const PetscInt q = k.row ? k.row[r] : r;
    const double   a = k.val[k.d[r]], e = a - two * (a + k.shift);
    double         s = k.v[q] + e * k.t[q] + (k.add ? k.y[q] : 0.0);
    s      = SORMinusRow(s, k.p[r], k.d[r], k.col, k.val, k.s) * (k.omega * k.id[q]);
    k.s[q] = s;
    k.y[q] = k.t[q] + s;
  }
}
NOMOS_KERNEL void SORTriangle(PetscInt r, SORTriangleArgs k)
{
  const PetscInt q = k.row ? k.row[r] : r, from = k.upper ? k.d[r] + 1 : k.p[r], to = k.upper ? k.p[r + 1] : k.d[r];
  k.y[q] = -SORMinusRow(-k.x[q] / (k.omega * k.id[q]), from, to, k.col, k.val, k.x);
}
NOMOS_KERNEL void SORJacobi(PetscInt r, SORJacobiArgs k)
{
  const PetscInt q = k.row ? k.row[r] : r, from = k.upper ? k.d[r] + 1 : k.p[r], to = k.upper ? k.p[r + 1] : k.d[r];
  k.y[q] = k.omega * k.id[q] * (k.x ? SORMinusRow(k.b[q], from, to, k.col, k.val, k.x) : k.b[q]);
}
NOMOS_KERNEL void SORScale(PetscInt q, SORScaleArgs k)
{
  k.y[q] = k.scale * k.v[q] / k.id[q];
}
#endif
#endif
