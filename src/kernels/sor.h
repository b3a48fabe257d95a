/*
  sor.h - the rows of successive over-relaxation, in double. A matrix is read in the order of the sweep: position r holds row
  row[r] (NULL: row r); its entries in columns swept before (L) are l[r]..lend[r), those swept after (U) u[r]+skip..uend[r). In
  natural order the entry next to the diagonal is the last of L and the first of U: it is the one that a sequential sweep has to
  wait for, so it comes last in every sum. Columns count local rows, then ghosts; x has room for both.

  A sweep is launched over pieces of rows that nobody else of the same launch is coupled to. Index i is positions first + i size
  and on, size of them, or the levels group[first+i]..group[first+i+1): level j is positions level[j]..level[j+1), whose rows
  are not coupled. The host takes the rows of a piece one after another, a device the rows of a level at once, with lanes
  threads each. So one body serves a sequential sweep (one piece), a colour (pieces of one row), blocks of a colour and runs of
  small colours (groups).
*/
#ifndef NOMOS_SOR_H
#define NOMOS_SOR_H
#include "kernel.h"

typedef struct {
  const PetscInt *row, *l, *lend, *u, *uend, *col;
  const double   *val, *id; /* id = 1/(diagonal + shift), by row */
  PetscInt        skip;     /* 1 where u points at the diagonal */
} SORRows;

typedef struct {
  const PetscInt *group, *level;
  PetscInt        first, size;
  int             threads, lanes; /* on a device: threads of a group, threads of a row */
} SORPiece;

typedef struct {
  SORRows       m;
  SORPiece      piece;
  const double *b;           /* right side, by row */
  double       *x, *t;       /* iterate; t NULL: b - L x, which a backward sweep can start from */
  NomosCoef     omega, keep; /* keep: the part of the old x that stays, 1 - omega or 0 from a zero iterate */
  PetscInt      full;        /* read the other triangle too */
} SORForwardArgs;
typedef SORForwardArgs SORBackwardArgs;

typedef struct { /* y = t + (D/omega + L)^-1 (v + y + (D - 2 (D+shift)/omega) t), one pass over L; s: work, by row */
  SORRows       m;
  SORPiece      piece;
  const double *t, *v;
  double       *s, *y;
  NomosCoef     omega, shift;
  PetscInt      add; /* y comes with a part of the product */
} SOREisenstatArgs;

typedef struct { /* y = D/omega + L (or U) applied to x: back from the transformed residual */
  SORRows       m;
  const double *x;
  double       *y;
  NomosCoef     omega;
  PetscInt      upper;
} SORTriangleArgs;

typedef struct { /* one inner sweep of Jacobi for (D/omega + L) y = b or with U: y = omega id (b - L x); x NULL: 0 */
  SORRows       m;
  const double *b, *x;
  double       *y;
  NomosCoef     omega;
  PetscInt      upper;
} SORJacobiArgs;

typedef struct { /* y = scale v / id */
  const double *id, *v;
  double       *y;
  NomosCoef     scale;
} SORScaleArgs;

typedef struct { /* val[k] = a[map[k]], or o[-1-map[k]] where map is negative */
  const PetscInt *map;
  const double   *a, *o;
  double         *val;
} SORGatherArgs;

typedef struct { /* id of position r from its diagonal a[d[r]] (d < 0: none); NaN where it cannot be divided by */
  const PetscInt *row, *d;
  const double   *a;
  double         *id;
  NomosCoef       shift;
} SORInvertArgs;

typedef struct { /* how many id are NaN */
  const double *id;
} SORUnusableArgs;

typedef struct { /* y = B x for a few columns: p, col, val as they stand */
  const PetscInt *p, *col;
  const double   *val, *x;
  double         *y;
} SORCouplingArgs;

#if NOMOS_BODIES
NOMOS_KERNEL PetscInt SORFirst(PetscInt i, SORPiece p)
{
  return p.group ? p.level[p.group[p.first + i]] : p.first + i * p.size;
}
NOMOS_KERNEL PetscInt SOREnd(PetscInt i, SORPiece p)
{
  return p.group ? p.level[p.group[p.first + i + 1]] : p.first + (i + 1) * p.size;
}
/* this lane's part of a row times x */
NOMOS_KERNEL double SORAscend(PetscInt from, PetscInt to, int lane, int lanes, SORRows m, const double *x)
{
  double s = 0;
  for (PetscInt j = from + lane; j < to; j += lanes) s += m.val[j] * x[m.col[j]];
  return s;
}
NOMOS_KERNEL double SORDescend(PetscInt from, PetscInt to, int lane, int lanes, SORRows m, const double *x)
{
  double s = 0;
  for (PetscInt j = to - 1 - lane; j >= from; j -= lanes) s += m.val[j] * x[m.col[j]];
  return s;
}
NOMOS_KERNEL void SORForwardRow(PetscInt r, int lane, int lanes, SORForwardArgs k)
{
  const PetscInt q = k.m.row ? k.m.row[r] : r, from = k.m.l[r], to = k.m.lend[r], near = to - (lanes == 1 && to > from);
  const double   s = k.b[q] - NomosLaneSum(SORAscend(from, near, lane, lanes, k.m, k.x), lanes);
  const double   u = k.full ? NomosLaneSum(SORDescend(k.m.u[r] + k.m.skip, k.m.uend[r], lane, lanes, k.m, k.x), lanes) : 0.0;
  const double   w = k.omega * k.m.id[q];
  if (lane == 0) {
    const double far = w * (s - u) + (k.keep != 0 ? k.keep * k.x[q] : 0.0); /* what need not wait */
    const double a = near < to ? k.m.val[near] : 0.0, x = near < to ? k.x[k.m.col[near]] : 0.0;
    k.x[q] = far - w * a * x;
    if (k.t) k.t[q] = s - a * x;
  }
}
NOMOS_KERNEL void SORBackwardRow(PetscInt r, int lane, int lanes, SORBackwardArgs k)
{
  const PetscInt q = k.m.row ? k.m.row[r] : r, from = k.m.u[r] + k.m.skip, to = k.m.uend[r], next = from + (lanes == 1 && to > from);
  const double   s = k.b[q] - NomosLaneSum(SORDescend(next, to, lane, lanes, k.m, k.x), lanes);
  const double   l = k.full ? NomosLaneSum(SORAscend(k.m.l[r], k.m.lend[r], lane, lanes, k.m, k.x), lanes) : 0.0;
  const double   w = k.omega * k.m.id[q];
  if (lane == 0) {
    const double far = w * (s - l) + (k.keep != 0 ? k.keep * k.x[q] : 0.0);
    const double a = next > from ? k.m.val[from] : 0.0, x = next > from ? k.x[k.m.col[from]] : 0.0;
    k.x[q] = far - w * a * x;
  }
}
/* omega id (D - 2 (D+shift)/omega) = omega - 2 - omega id shift: the diagonal itself is not read */
NOMOS_KERNEL void SOREisenstatRow(PetscInt r, int lane, int lanes, SOREisenstatArgs k)
{
  const PetscInt q = k.m.row ? k.m.row[r] : r, from = k.m.l[r], to = k.m.lend[r], near = to - (lanes == 1 && to > from);
  const double   far = NomosLaneSum(SORAscend(from, near, lane, lanes, k.m, k.s), lanes);
  if (lane == 0) {
    const double w = k.omega * k.m.id[q], t = k.t[q], a = near < to ? k.m.val[near] : 0.0, x = near < to ? k.s[k.m.col[near]] : 0.0;
    const double s = w * (k.v[q] + (k.add ? k.y[q] : 0.0) - far - k.shift * t) + (k.omega - 2) * t - w * a * x;
    k.s[q]         = s;
    k.y[q]         = t + s;
  }
}
NOMOS_KERNEL double SORTriangleSum(PetscInt r, PetscInt upper, SORRows m, const double *x)
{
  return upper ? SORDescend(m.u[r] + m.skip, m.uend[r], 0, 1, m, x) : SORAscend(m.l[r], m.lend[r], 0, 1, m, x);
}
NOMOS_KERNEL void SORTriangle(PetscInt r, SORTriangleArgs k)
{
  const PetscInt q = k.m.row ? k.m.row[r] : r;
  k.y[q]           = k.x[q] / (k.omega * k.m.id[q]) + SORTriangleSum(r, k.upper, k.m, k.x);
}
NOMOS_KERNEL void SORJacobi(PetscInt r, SORJacobiArgs k)
{
  const PetscInt q = k.m.row ? k.m.row[r] : r;
  k.y[q]           = k.omega * k.m.id[q] * (k.x ? k.b[q] - SORTriangleSum(r, k.upper, k.m, k.x) : k.b[q]);
}
NOMOS_KERNEL void SORScale(PetscInt q, SORScaleArgs k)
{
  k.y[q] = k.scale * k.v[q] / k.id[q];
}
NOMOS_KERNEL void SORGather(PetscInt j, SORGatherArgs k)
{
  const PetscInt at = k.map[j];
  k.val[j]          = at >= 0 ? k.a[at] : k.o[-1 - at];
}
/* no division by zero: the host may trap it */
NOMOS_KERNEL void SORInvert(PetscInt r, SORInvertArgs k)
{
  const PetscInt q = k.row ? k.row[r] : r;
  const double   d = k.d[r] < 0 ? 0.0 : k.a[k.d[r]] + k.shift, i = 1.0 / (d != 0.0 ? d : 1.0);
  k.id[q]          = d != 0.0 && fabs(d) <= 1.7976931348623157e308 && fabs(i) <= 1.7976931348623157e308 ? i : (double)NAN;
}
NOMOS_KERNEL double SORUnusable(PetscInt g, PetscInt i, SORUnusableArgs k)
{
  return k.id[i] != k.id[i] ? 1.0 : 0.0;
}
NOMOS_KERNEL void SORCoupling(PetscInt r, SORCouplingArgs k)
{
  double s = 0;
  for (PetscInt j = k.p[r]; j < k.p[r + 1]; j++) s += k.val[j] * k.x[k.col[j]];
  k.y[r] = s;
}
#endif
#endif
