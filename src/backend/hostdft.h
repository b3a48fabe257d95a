/*
  hostdft.h - runs the tables of dft.c. Leading axes first, folded once or twice, lanes over what is contiguous behind
  them; the last axis with broadcasts and lanes over the modes (forward) or the folded points (transpose). A spectrum row may be stored
  with a whole vector although fewer modes are meant: what spills is overwritten by the next row, and the last field of
  a call goes through a scratch spectrum.
*/
#include <string.h>

INLINE Vector LoadSome(const NomosReal *p, PetscInt count)
{
  NomosReal t[LN] = {0};
  if (count >= LN) return VLOAD(p);
  for (PetscInt l = 0; l < count; l++) t[l] = p[l];
  return VLOAD(t);
}
INLINE void StoreSome(NomosReal *p, PetscInt count, Vector v)
{
  if (count >= LN) VPTR(p) = v;
  else
    for (PetscInt l = 0; l < count; l++) p[l] = v[l];
}

/* Columns go nv vectors at a time, two or one, or `some`: one of which only c lanes count. */
INLINE void LoadColumns(const int nv, const int some, PetscInt c, const NomosReal *q, Vector v[2])
{
  for (int w = 0; w < nv; w++) v[w] = some ? LoadSome(q, c) : VLOAD(q + w * LN);
}
/* y = v, or y += v where add; in vectors that all count, or of one c lanes */
INLINE void StoreColumn(const int some, PetscInt c, int add, Vector v, NomosReal *y)
{
  if (add) v += some ? LoadSome(y, c) : VLOAD(y);
  if (some) StoreSome(y, c, v);
  else VPTR(y) = v;
}

/* nr rows of y = sum_j table[r][j] F_j, F = E or O folded */
INLINE void FoldedRows(const int nr, const int nv, const int some, PetscInt nj, const NomosReal *table, PetscInt ts, const Vector (*F)[2], NomosReal *y, PetscInt ys, PetscInt c)
{
  Vector acc[6][2];
  for (int r = 0; r < nr; r++)
    for (int w = 0; w < nv; w++) acc[r][w] = VZERO;
  for (PetscInt j = 0; j < nj; j++)
    for (int r = 0; r < nr; r++) {
      const Vector t = VSplat(table[r * ts + j]);
      for (int w = 0; w < nv; w++) acc[r][w] += t * F[j][w];
    }
  for (int r = 0; r < nr; r++)
    for (int w = 0; w < nv; w++) StoreColumn(some, c, 0, acc[r][w], y + r * ys + w * LN);
}
/* rows in groups of up to six, so that a group of few rows does not wait for its own additions */
INLINE void FoldedAll(const int nv, const int some, PetscInt rows, PetscInt nj, const NomosReal *table, PetscInt ts, const Vector (*F)[2], NomosReal *y, PetscInt ys, PetscInt c)
{
  for (PetscInt r = 0; r < rows;) {
    const PetscInt   left = rows - r, n = left > 6 ? (left < 10 ? (left + 1) / 2 : 6) : left;
    const NomosReal *t = table + r * ts;
    NomosReal       *o = y + r * ys;
    if (n == 6) FoldedRows(6, nv, some, nj, t, ts, F, o, ys, c);
    else if (n == 5) FoldedRows(5, nv, some, nj, t, ts, F, o, ys, c);
    else if (n == 4) FoldedRows(4, nv, some, nj, t, ts, F, o, ys, c);
    else if (n == 3) FoldedRows(3, nv, some, nj, t, ts, F, o, ys, c);
    else if (n == 2) FoldedRows(2, nv, some, nj, t, ts, F, o, ys, c);
    else FoldedRows(1, nv, some, nj, t, ts, F, o, ys, c);
    r += n;
  }
}

/* leading axis: x [n][inner], its rows at row[j] -> y [nc + ns][inner] */
INLINE void LeadingColumns(const PetscInt n, const int nv, const int some, const NomosDenseAxis *a, PetscInt inner, const NomosReal *q, const size_t *row, NomosReal *y, PetscInt c)
{
  Vector         E[257][2], O[257][2];
  const PetscInt nsin = (n - 1) / 2;
  for (PetscInt j = 0; j <= n / 2; j++) {
    Vector u[2], v[2];
    LoadColumns(nv, some, c, q + row[j], u);
    for (int w = 0; w < nv; w++) E[j][w] = u[w];
    if (j == 0 || 2 * j == n) continue;
    LoadColumns(nv, some, c, q + row[n - j], v);
    for (int w = 0; w < nv; w++) E[j][w] += v[w], O[j - 1][w] = u[w] - v[w];
  }
  FoldedAll(nv, some, a->nc, n / 2 + 1, (const NomosReal *)a->cos_aj, n / 2 + 1, (const Vector(*)[2])E, y, inner, c);
  FoldedAll(nv, some, a->ns, nsin, (const NomosReal *)a->sin_aj, nsin, (const Vector(*)[2])O, y + (size_t)a->nc * (size_t)inner, inner, c);
}
/* the same folded twice: even and odd frequencies apart, each from a quarter of the points */
INLINE void LeadingColumnsTwice(const PetscInt n, const int nv, const int some, const NomosDenseAxis *a, PetscInt inner, const NomosReal *q, const size_t *row, NomosReal *y, PetscInt c)
{
  Vector           EE[129][2], EO[128][2], OE[128][2], OO[128][2], u[4][2]; /* even or odd about 0, then about n/4 */
  const PetscInt   h = n / 2, f = n / 4, h1 = h + 1, nsin = h - 1, ce = a->ce, se = a->se;
  const NomosReal *ct = (const NomosReal *)a->cos_aj, *st = (const NomosReal *)a->sin_aj;
  NomosReal       *ys = y + (size_t)a->nc * (size_t)inner;
  LoadColumns(nv, some, c, q + row[0], u[0]), LoadColumns(nv, some, c, q + row[h], u[1]);
  LoadColumns(nv, some, c, q + row[f], u[2]), LoadColumns(nv, some, c, q + row[n - f], u[3]);
  for (int w = 0; w < nv; w++) EE[0][w] = u[0][w] + u[1][w], EO[0][w] = u[0][w] - u[1][w], EE[f][w] = u[2][w] + u[3][w], OO[f - 1][w] = u[2][w] - u[3][w];
  for (PetscInt j = 1; j < f; j++) {
    LoadColumns(nv, some, c, q + row[j], u[0]), LoadColumns(nv, some, c, q + row[n - j], u[1]);
    LoadColumns(nv, some, c, q + row[h - j], u[2]), LoadColumns(nv, some, c, q + row[h + j], u[3]);
    for (int w = 0; w < nv; w++) {
      const Vector e = u[0][w] + u[1][w], o = u[0][w] - u[1][w], eh = u[2][w] + u[3][w], oh = u[2][w] - u[3][w];
      EE[j][w] = e + eh, EO[j][w] = e - eh;
      OE[j - 1][w] = o - oh, OO[j - 1][w] = o + oh;
    }
  }
  FoldedAll(nv, some, ce, f + 1, ct, h1, (const Vector(*)[2])EE, y, inner, c);
  FoldedAll(nv, some, a->nc - ce, f, ct + ce * h1, h1, (const Vector(*)[2])EO, y + ce * inner, inner, c);
  FoldedAll(nv, some, se, f - 1, st, nsin, (const Vector(*)[2])OE, ys, inner, c);
  FoldedAll(nv, some, a->ns - se, f, st + se * nsin, nsin, (const Vector(*)[2])OO, ys + se * inner, inner, c);
}
/* Small sizes are compiled with their number of points: loops this short cost more than their work otherwise. */
#define BY_SIZE(n, CALL) \
  switch (n) { \
  case 8: CALL(8); break; \
  case 16: CALL(16); break; \
  case 32: CALL(32); break; \
  case 64: CALL(64); break; \
  default: CALL(n); \
  }
#define BY_COLUMNS(inner, COLUMNS) \
  do { \
    PetscInt p = 0; \
    for (; p + 2 * LN <= inner; p += 2 * LN) COLUMNS(2, 0); \
    for (; p + LN <= inner; p += LN) COLUMNS(1, 0); \
    if (p < inner) COLUMNS(1, 1); \
  } while (0)
INLINE void AxisLeadingN(const PetscInt n, const NomosDenseAxis *a, PetscInt inner, const NomosReal *x, const size_t *row, NomosReal *y)
{
#define ONCE(nv, some)  LeadingColumns(n, nv, some, a, inner, x + p, row, y + p, inner - p)
#define TWICE(nv, some) LeadingColumnsTwice(n, nv, some, a, inner, x + p, row, y + p, inner - p)
  if (NomosDenseTwice(n)) BY_COLUMNS(inner, TWICE);
  else BY_COLUMNS(inner, ONCE);
#undef ONCE
#undef TWICE
}
static void AxisLeading(const NomosDenseAxis *a, PetscInt inner, const NomosReal *x, const size_t *row, NomosReal *y)
{
#define CALL(n) AxisLeadingN(n, a, inner, x, row, y)
  BY_SIZE(a->n, CALL)
#undef CALL
}

/* acc_i = sum over rows r of t[r][i] x_r for nj points i */
INLINE void PointSums(const int nj, const int nv, const int some, PetscInt rows, const NomosReal *t, PetscInt ts, const NomosReal *x, PetscInt inner, PetscInt c, Vector (*acc)[2])
{
  for (int i = 0; i < nj; i++)
    for (int w = 0; w < nv; w++) acc[i][w] = VZERO;
  for (PetscInt r = 0; r < rows; r++) {
    Vector u[2];
    LoadColumns(nv, some, c, x + (size_t)r * (size_t)inner, u);
    for (int i = 0; i < nj; i++) {
      const Vector k = VSplat(t[r * ts + i]);
      for (int w = 0; w < nv; w++) acc[i][w] += k * u[w];
    }
  }
}
/* the transpose: x [nc + ns][inner] -> y [n][inner], added where add; nj points j, j+1, .. and (both) their mirrors n-j */
INLINE void LeadingPoints(const PetscInt n, const int nj, const int both, const int nv, const int some, const NomosDenseAxis *a, PetscInt j, PetscInt inner, const NomosReal *x, NomosReal *y, const size_t *row, PetscInt c, int add)
{
  Vector E[3][2], O[3][2];
  PointSums(nj, nv, some, a->nc, (const NomosReal *)a->cos_aj + j, n / 2 + 1, x, inner, c, E);
  if (both) PointSums(nj, nv, some, a->ns, (const NomosReal *)a->sin_aj + j - 1, (n - 1) / 2, x + (size_t)a->nc * (size_t)inner, inner, c, O);
  for (int i = 0; i < nj; i++)
    for (int w = 0; w < nv; w++) {
      if (!both) O[i][w] = VZERO;
      StoreColumn(some, c, add, E[i][w] + O[i][w], y + row[j + i] + w * LN);
      if (both) StoreColumn(some, c, add, E[i][w] - O[i][w], y + row[n - j - i] + w * LN);
    }
}
/* folded twice: points j, j+1, .. with their mirrors n-j, n/2-j, n/2+j; at the ends j = 0 and n/4 two of the four coincide */
INLINE void LeadingPointsTwice(const PetscInt n, const int nj, const int end, const int nv, const int some, const NomosDenseAxis *a, PetscInt j, PetscInt inner, const NomosReal *x, NomosReal *y, const size_t *row, PetscInt c, int add)
{
  const PetscInt   h = n / 2, h1 = h + 1, nsin = h - 1, ce = a->ce, se = a->se;
  const NomosReal *ct = (const NomosReal *)a->cos_aj + j, *st = (const NomosReal *)a->sin_aj + (j ? j - 1 : 0), *xs = x + (size_t)a->nc * (size_t)inner;
  Vector           CE[3][2], CO[3][2], SE[3][2], SO[3][2];
  PointSums(nj, nv, some, ce, ct, h1, x, inner, c, CE);
  if (!end || j == 0) PointSums(nj, nv, some, a->nc - ce, ct + ce * h1, h1, x + ce * inner, inner, c, CO);
  if (!end) PointSums(nj, nv, some, se, st, nsin, xs, inner, c, SE);
  if (!end || j > 0) PointSums(nj, nv, some, a->ns - se, st + se * nsin, nsin, xs + se * inner, inner, c, SO);
  for (int i = 0; i < nj; i++)
    for (int w = 0; w < nv; w++) {
      if (end) {
        const Vector s = j ? SO[0][w] : CO[0][w];
        StoreColumn(some, c, add, CE[0][w] + s, y + row[j] + w * LN);
        StoreColumn(some, c, add, CE[0][w] - s, y + row[j ? n - j : h] + w * LN);
      } else {
        const Vector p = CE[i][w] + CO[i][w], m = CE[i][w] - CO[i][w], s = SO[i][w] + SE[i][w], d = SO[i][w] - SE[i][w];
        StoreColumn(some, c, add, p + s, y + row[j + i] + w * LN);
        StoreColumn(some, c, add, p - s, y + row[n - j - i] + w * LN);
        StoreColumn(some, c, add, m + d, y + row[h - j - i] + w * LN);
        StoreColumn(some, c, add, m - d, y + row[h + j + i] + w * LN);
      }
    }
}
INLINE void LeadingColumnsT(const PetscInt n, const int nv, const int some, const NomosDenseAxis *a, PetscInt inner, const NomosReal *x, NomosReal *y, const size_t *row, PetscInt c, int add)
{
  const PetscInt nsin = (n - 1) / 2, f = n / 4;
  PetscInt       j = 1;
  if (NomosDenseTwice(n)) {
    LeadingPointsTwice(n, 1, 1, nv, some, a, 0, inner, x, y, row, c, add);
    for (; j + 2 < f; j += 3) LeadingPointsTwice(n, 3, 0, nv, some, a, j, inner, x, y, row, c, add);
    for (; j < f; j++) LeadingPointsTwice(n, 1, 0, nv, some, a, j, inner, x, y, row, c, add);
    LeadingPointsTwice(n, 1, 1, nv, some, a, f, inner, x, y, row, c, add);
    return;
  }
  LeadingPoints(n, 1, 0, nv, some, a, 0, inner, x, y, row, c, add);
  for (; j + 2 <= nsin; j += 3) LeadingPoints(n, 3, 1, nv, some, a, j, inner, x, y, row, c, add);
  for (; j <= nsin; j++) LeadingPoints(n, 1, 1, nv, some, a, j, inner, x, y, row, c, add);
  if (n % 2 == 0) LeadingPoints(n, 1, 0, nv, some, a, n / 2, inner, x, y, row, c, add);
}
INLINE void AxisLeadingTN(const PetscInt n, const NomosDenseAxis *a, PetscInt inner, const NomosReal *x, NomosReal *y, const size_t *row, int add)
{
#define TRANSPOSE(nv, some) LeadingColumnsT(n, nv, some, a, inner, x + p, y + p, row, inner - p, add)
  BY_COLUMNS(inner, TRANSPOSE);
#undef TRANSPOSE
}
static void AxisLeadingT(const NomosDenseAxis *a, PetscInt inner, const NomosReal *x, NomosReal *y, const size_t *row, int add)
{
#define CALL(n) AxisLeadingTN(n, a, inner, x, y, row, add)
  BY_SIZE(a->n, CALL)
#undef CALL
}

#define FOLD 320 /* room for half of 512 points and the lanes around them */
/* lanes over modes: out[r][.] = sum_j F[r][j] table[j][.], nr rows, one vector; even and odd j are summed apart, so that the
   additions of few rows do not wait for each other */
INLINE void LastBlock(const int nr, PetscInt nj, const NomosReal *table, PetscInt tl, const NomosReal *F, NomosReal *out, PetscInt os)
{
  Vector   acc[4][2];
  PetscInt j = 0;
  for (int r = 0; r < nr; r++) acc[r][0] = acc[r][1] = VZERO;
  for (; j + 2 <= nj; j += 2) {
    const Vector t = VLOAD(table + j * tl), u = VLOAD(table + (j + 1) * tl);
    for (int r = 0; r < nr; r++) acc[r][0] += t * VSplat(F[r * FOLD + j]);
    for (int r = 0; r < nr; r++) acc[r][1] += u * VSplat(F[r * FOLD + j + 1]);
  }
  if (j < nj) {
    const Vector t = VLOAD(table + j * tl);
    for (int r = 0; r < nr; r++) acc[r][0] += t * VSplat(F[r * FOLD + j]);
  }
  for (int r = 0; r < nr; r++) VPTR(out + r * os) = acc[r][0] + acc[r][1];
}
INLINE void LastRows(const PetscInt n, const int nr, const int fast, const NomosDenseAxis *a, int t, const NomosReal *x, NomosReal *y)
{
  NomosReal      E[4][FOLD], O[4][FOLD]; /* O_j, j = 1.., from place LN on */
  const PetscInt nsin = (n - 1) / 2, os = 2 * a->lc;
  for (int r = 0; r < nr; r++) {
    const NomosReal *q = x + r * n;
    if (fast) { /* whole vectors as they were stored: one that spans two of them would wait for the cache */
      Vector before = VLOAD(q); /* x_{n-j} of j = 0 is put right below */
      for (PetscInt j = 0; j < n / 2; j += LN) {
        const Vector w = VLOAD(q + n - j - LN), v = VMirror(w, before), u = VLOAD(q + j);
        VPTR(&E[r][j])          = u + v;
        VPTR(&O[r][LN + j - 1]) = u - v;
        before                  = w;
      }
    } else
      for (PetscInt j = 1; j <= nsin; j++) {
        E[r][j]          = q[j] + q[n - j];
        O[r][LN + j - 1] = q[j] - q[n - j];
      }
    E[r][0] = q[0];
    if (n % 2 == 0) E[r][n / 2] = q[n / 2];
  }
  for (PetscInt l = 0; l < a->lc; l += LN) LastBlock(nr, n / 2 + 1, (const NomosReal *)a->cos_ja[t] + l, a->lc, &E[0][0], y + l, os);
  for (PetscInt l = 0; l < a->ls; l += LN) LastBlock(nr, nsin, (const NomosReal *)a->sin_ja[t] + l, a->ls, &O[0][LN], y + a->lc + l, os);
  for (PetscInt l = a->ls; l < a->lc; l += LN)
    for (int r = 0; r < nr; r++) VPTR(y + r * os + a->lc + l) = VZERO;
}
/* few points: nr rows times nv vectors of the unfolded table from `l` on */
INLINE void FullBlock(const PetscInt n, const int nr, const int nv, const NomosReal *table, PetscInt tl, const NomosReal *x, NomosReal *y, PetscInt os)
{
  Vector acc[6][2];
  for (int r = 0; r < nr; r++)
    for (int v = 0; v < nv; v++) acc[r][v] = VZERO;
  for (PetscInt j = 0; j < n; j++) {
    Vector t[2];
    for (int v = 0; v < nv; v++) t[v] = VLOAD(table + j * tl + v * LN);
    for (int r = 0; r < nr; r++) {
      const Vector b = VSplat(x[r * n + j]);
      for (int v = 0; v < nv; v++) acc[r][v] += t[v] * b;
    }
  }
  for (int r = 0; r < nr; r++)
    for (int v = 0; v < nv; v++) VPTR(y + r * os + v * LN) = acc[r][v];
}
INLINE void FullRows(const PetscInt n, const int nr, const NomosDenseAxis *a, int t, const NomosReal *x, NomosReal *y)
{
  const NomosReal *table = (const NomosReal *)a->full[t];
  const PetscInt   tl = a->lc + a->ls, os = 2 * a->lc;
  PetscInt         l = 0;
  for (; l + 2 * LN <= tl; l += 2 * LN) FullBlock(n, nr, 2, table + l, tl, x, y + l, os);
  if (l < tl) FullBlock(n, nr, 1, table + l, tl, x, y + l, os);
  for (l = tl; l < os; l += LN)
    for (int r = 0; r < nr; r++) VPTR(y + r * os + l) = VZERO;
}
INLINE void AxisLastFull(const PetscInt n, const NomosDenseAxis *a, int t, PetscInt rows, const NomosReal *x, NomosReal *y)
{
  const PetscInt os = 2 * a->lc;
  PetscInt       r = 0;
  for (PetscInt groups = (rows + 5) / 6; groups > 0; groups--) {
    const PetscInt   k = (rows - r + groups - 1) / groups;
    const NomosReal *u = x + (size_t)r * (size_t)n;
    NomosReal       *v = y + (size_t)r * (size_t)os;
    switch (k) {
    case 6: FullRows(n, 6, a, t, u, v); break;
    case 5: FullRows(n, 5, a, t, u, v); break;
    case 4: FullRows(n, 4, a, t, u, v); break;
    case 3: FullRows(n, 3, a, t, u, v); break;
    case 2: FullRows(n, 2, a, t, u, v); break;
    default: FullRows(n, 1, a, t, u, v);
    }
    r += k;
  }
}

/* last axis: x [rows][n] -> y [rows][2 lc], cosines of the slots, then (minus) sines: complex rows */
INLINE void AxisLastN(const PetscInt n, const NomosDenseAxis *a, int t, PetscInt rows, const NomosReal *x, NomosReal *y)
{
  const PetscInt os = 2 * a->lc;
  const int      fast = n % (2 * LN) == 0;
  PetscInt       r = 0;
  for (PetscInt groups = (rows + 3) / 4; groups > 0; groups--) { /* as even as possible */
    const PetscInt   k = (rows - r + groups - 1) / groups;
    const NomosReal *u = x + (size_t)r * (size_t)n;
    NomosReal       *v = y + (size_t)r * (size_t)os;
    if (k == 4) LastRows(n, 4, fast, a, t, u, v);
    else if (k == 3) LastRows(n, 3, fast, a, t, u, v);
    else if (k == 2) LastRows(n, 2, fast, a, t, u, v);
    else LastRows(n, 1, fast, a, t, u, v);
    r += k;
  }
}
static void AxisLast(const NomosDenseAxis *a, int t, PetscInt rows, const NomosReal *x, NomosReal *y)
{
  if (a->n == 16) AxisLastFull(16, a, t, rows, x, y);
  else if (a->n <= NOMOS_DENSE_FULL) AxisLastFull(a->n, a, t, rows, x, y);
  else {
#define CALL(n) AxisLastN(n, a, t, rows, x, y)
    BY_SIZE(a->n, CALL)
#undef CALL
  }
}

/* its transpose */
INLINE void LastRowsT(const PetscInt n, const int nr, const int fast, const NomosDenseAxis *a, int t, const NomosReal *x, NomosReal *y, int add)
{
  NomosReal        S[4][260 + LN], D[4][260 + LN], extra[4] = {0};
  Vector           before[4] = {VZERO, VZERO, VZERO, VZERO};
  const NomosReal *ct = (const NomosReal *)a->cos_al[t], *st = (const NomosReal *)a->sin_al[t];
  const PetscInt   xs = 2 * a->lc, half = (n + 1) / 2, lh = (half + LN - 1) / LN * LN, nsin = (n - 1) / 2;
  for (PetscInt l = 0; l < lh; l += LN) {
    Vector E[4], O[4];
    for (int r = 0; r < nr; r++) E[r] = O[r] = VZERO;
    for (PetscInt s = 0; s < a->m; s++) {
      const Vector c = VLOAD(ct + s * (lh + 1) + l), q = VLOAD(st + s * lh + l);
      if (n % 2 == 0 && l == 0)
        for (int r = 0; r < nr; r++) extra[r] += ct[s * (lh + 1) + lh] * x[r * xs + s];
      for (int r = 0; r < nr; r++) {
        E[r] += c * VSplat(x[r * xs + s]);
        O[r] += q * VSplat(x[r * xs + a->lc + s]);
      }
    }
    for (int r = 0; r < nr; r++) {
      NomosReal *q = y + (size_t)r * (size_t)n;
      if (fast) { /* y_{n-j} goes out in whole vectors, one step late: its first lane is D_j of the next step */
        const Vector now = E[r] - O[r];
        if (l > 0) VPTR(q + n - l) = VMirror(before[r], now);
        before[r]   = now;
        VPTR(q + l) = E[r] + O[r];
      } else VPTR(&S[r][l]) = E[r] + O[r], VPTR(&D[r][l]) = E[r] - O[r];
    }
  }
  for (int r = 0; r < nr; r++) {
    NomosReal *q = y + (size_t)r * (size_t)n;
    if (fast) VPTR(q + n / 2) = VMirror(before[r], VSplat(extra[r]));
    else if (add) {
      for (PetscInt j = 0; j < half; j++) q[j] += S[r][j];
      for (PetscInt j = 1; j <= nsin; j++) q[n - j] += D[r][j];
      if (n % 2 == 0) q[n / 2] += extra[r];
    } else {
      for (PetscInt j = 0; j < half; j++) q[j] = S[r][j];
      for (PetscInt j = 1; j <= nsin; j++) q[n - j] = D[r][j];
      if (n % 2 == 0) q[n / 2] = extra[r];
    }
  }
}
INLINE void AxisLastTN(const PetscInt n, const NomosDenseAxis *a, int t, PetscInt rows, const NomosReal *x, NomosReal *y, int add)
{
  const PetscInt xs = 2 * a->lc;
  const int      fast = !add && n % (2 * LN) == 0;
  PetscInt       r = 0;
  for (PetscInt groups = (rows + 3) / 4; groups > 0; groups--) {
    const PetscInt   k = (rows - r + groups - 1) / groups;
    const NomosReal *u = x + (size_t)r * (size_t)xs;
    NomosReal       *v = y + (size_t)r * (size_t)n;
    if (k == 4) fast ? LastRowsT(n, 4, 1, a, t, u, v, 0) : LastRowsT(n, 4, 0, a, t, u, v, add);
    else if (k == 3) fast ? LastRowsT(n, 3, 1, a, t, u, v, 0) : LastRowsT(n, 3, 0, a, t, u, v, add);
    else if (k == 2) fast ? LastRowsT(n, 2, 1, a, t, u, v, 0) : LastRowsT(n, 2, 0, a, t, u, v, add);
    else fast ? LastRowsT(n, 1, 1, a, t, u, v, 0) : LastRowsT(n, 1, 0, a, t, u, v, add);
    r += k;
  }
}
static void AxisLastT(const NomosDenseAxis *a, int t, PetscInt rows, const NomosReal *x, NomosReal *y, int add)
{
#define CALL(n) AxisLastTN(n, a, t, rows, x, y, add)
  BY_SIZE(a->n, CALL)
#undef CALL
}

/* slot s of a leading axis from the rows per |frequency|, Zc - i sign Zs, into (ore, oim). Complex rows at re + row*rs and
   im + row*rs. whole: a whole vector may be stored behind the `keep` reals that count. */
INLINE void CombineSlot(const NomosDenseAxis *a, PetscInt s, PetscInt lanes, const NomosReal *re, const NomosReal *im, PetscInt rs, NomosReal *ore, NomosReal *oim, const int whole, PetscInt keep)
{
  const PetscInt c = a->slot_cos[s], q = a->slot_sin[s];
  const size_t   rc = (size_t)(c < 0 ? 0 : c) * (size_t)rs, rq = (size_t)(a->nc + (q < 0 ? 0 : q)) * (size_t)rs;
  const Vector   sign = VSplat((NomosReal)a->slot_sign[s]);
  for (PetscInt l = 0; l < lanes; l += LN) {
    Vector u = c < 0 ? VZERO : VLOAD(re + rc + l), v = c < 0 ? VZERO : VLOAD(im + rc + l);
    if (q >= 0) u += sign * VLOAD(im + rq + l), v -= sign * VLOAD(re + rq + l);
    if (whole) VPTR(ore + l) = u, VPTR(oim + l) = v;
    else if (keep > l) StoreSome(ore + l, keep - l, u), StoreSome(oim + l, keep - l, v);
  }
}
/* its transpose: adds slot s, complex (ur, ui), into the rows */
INLINE void ExpandSlot(const NomosDenseAxis *a, PetscInt s, PetscInt lanes, const NomosReal *ur, const NomosReal *ui, NomosReal *re, NomosReal *im, PetscInt rs)
{
  const PetscInt c = a->slot_cos[s], q = a->slot_sin[s];
  const Vector   sign = VSplat((NomosReal)a->slot_sign[s]);
  if (c < 0) return;
  for (PetscInt l = 0; l < lanes; l += LN) {
    const size_t rc = (size_t)c * (size_t)rs + (size_t)l, rq = (size_t)(a->nc + q) * (size_t)rs + (size_t)l;
    const Vector u = VLOAD(ur + l), v = VLOAD(ui + l);
    VPTR(re + rc) += u;
    VPTR(im + rc) += v;
    if (q < 0) continue;
    VPTR(im + rq) += sign * u;
    VPTR(re + rq) -= sign * v;
  }
}

/* where the complex rows of the axis before the last, of the first axis in 3-D, stand in the scratch */
typedef struct {
  PetscInt   r1, r2, rs, lc, cs; /* rows of axes 0 and 1, stride of real rows, lanes, stride of complex rows in 3-D */
  NomosReal *rows, *t1, *t2, *cplx;
} DenseScratch;
INLINE DenseScratch Scratch(const NomosDense *p)
{
  const NomosDenseAxis *a = p->axis;
  DenseScratch          s = {1, 1, 0, a[p->dim - 1].lc, 0, (NomosReal *)p->work[0], (NomosReal *)p->work[1], NULL, NULL};
  s.rs = 2 * s.lc;
  if (p->dim > 1) s.r1 = a[0].nc + a[0].ns;
  if (p->dim > 2) {
    s.r2   = a[1].nc + a[1].ns;
    s.cs   = 2 * p->m[1] * s.lc;
    s.t2   = s.t1 + (size_t)s.r1 * (size_t)p->n[1] * (size_t)p->n[2] + 4 * LN;
    s.cplx = s.t2 + (size_t)s.r1 * (size_t)s.r2 * (size_t)p->n[2] + 4 * LN;
  }
  return s;
}

/* a spectrum from the rows, in whole vectors as long as what spills stays in the same part */
INLINE void GatherSpectrum(const NomosDense *p, const DenseScratch *s, NomosReal *z)
{
  const PetscInt m = p->m[p->dim - 1], kp = p->kp, rows = p->modes / m, fit = (kp - s->lc) / m + 1, full = fit < rows ? fit : rows;
  if (p->dim == 1) {
    for (PetscInt l = 0; l < s->lc; l += LN) StoreSome(z + l, m - l, VLOAD(s->rows + l)), StoreSome(z + kp + l, m - l, VLOAD(s->rows + s->lc + l));
  } else if (p->dim == 2) {
    if (s->lc == LN) /* few modes: the loop over the lanes is gone */
      for (PetscInt k = 0; k < full; k++) CombineSlot(&p->axis[0], k, LN, s->rows, s->rows + LN, 2 * LN, z + k * m, z + kp + k * m, 1, m);
    else
      for (PetscInt k = 0; k < full; k++) CombineSlot(&p->axis[0], k, s->lc, s->rows, s->rows + s->lc, s->rs, z + k * m, z + kp + k * m, 1, m);
    for (PetscInt k = full; k < rows; k++) CombineSlot(&p->axis[0], k, s->lc, s->rows, s->rows + s->lc, s->rs, z + k * m, z + kp + k * m, 0, m);
  } else {
    for (PetscInt k = 0, at = 0; k < p->m[0]; k++)
      for (PetscInt j = 0; j < p->m[1]; j++, at++) {
        const NomosReal *re = s->cplx + j * s->lc, *im = s->cplx + (p->m[1] + j) * s->lc;
        if (at < full) CombineSlot(&p->axis[0], k, s->lc, re, im, s->cs, z + at * m, z + kp + at * m, 1, m);
        else CombineSlot(&p->axis[0], k, s->lc, re, im, s->cs, z + at * m, z + kp + at * m, 0, m);
      }
  }
  for (PetscInt k = p->modes; k < kp; k++) z[k] = z[kp + k] = 0;
}
static void DenseForward(const NomosDense *p, int table, const NomosReal *x, NomosReal *z)
{
  const DenseScratch    s = Scratch(p);
  const NomosDenseAxis *a = p->axis;
  if (p->dim == 1) AxisLast(&a[0], table, 1, x, s.rows);
  else if (p->dim == 2) {
    AxisLeading(&a[0], p->n[1], x, p->row[0], s.t1);
    AxisLast(&a[1], table, s.r1, s.t1, s.rows);
  } else {
    AxisLeading(&a[0], p->n[1] * p->n[2], x, p->row[0], s.t1);
    for (PetscInt r = 0; r < s.r1; r++) AxisLeading(&a[1], p->n[2], s.t1 + (size_t)r * (size_t)(p->n[1] * p->n[2]), p->row[1], s.t2 + (size_t)r * (size_t)(s.r2 * p->n[2]));
    AxisLast(&a[2], table, s.r1 * s.r2, s.t2, s.rows);
    for (PetscInt r = 0; r < s.r1; r++)
      for (PetscInt j = 0; j < p->m[1]; j++) {
        const NomosReal *rows = s.rows + (size_t)(r * s.r2 * s.rs);
        NomosReal       *o = s.cplx + (size_t)r * (size_t)s.cs + j * s.lc;
        CombineSlot(&a[1], j, s.lc, rows, rows + s.lc, s.rs, o, o + p->m[1] * s.lc, 1, s.lc);
      }
  }
  GatherSpectrum(p, &s, z);
}
static void DenseTranspose(const NomosDense *p, int table, const NomosReal *z, NomosReal *y, int add)
{
  const DenseScratch    s = Scratch(p);
  const NomosDenseAxis *a = p->axis;
  const PetscInt        m = p->m[p->dim - 1];
  NomosReal            *im = s.rows + s.lc;
  memset(s.rows, 0, (size_t)(s.r1 * s.r2 * s.rs + 2 * LN) * sizeof(*s.rows));
  if (p->dim == 1) {
    for (PetscInt k = 0; k < m; k++) s.rows[k] = z[k], im[k] = z[p->kp + k];
    AxisLastT(&a[0], table, 1, s.rows, y, add);
  } else if (p->dim == 2) {
    if (s.lc == LN)
      for (PetscInt k = 0; k < p->m[0]; k++) ExpandSlot(&a[0], k, LN, z + k * m, z + p->kp + k * m, s.rows, s.rows + LN, 2 * LN);
    else
      for (PetscInt k = 0; k < p->m[0]; k++) ExpandSlot(&a[0], k, s.lc, z + k * m, z + p->kp + k * m, s.rows, im, s.rs);
    AxisLastT(&a[1], table, s.r1, s.rows, s.t1, 0);
    AxisLeadingT(&a[0], p->n[1], s.t1, y, p->row[0], add);
  } else {
    memset(s.cplx, 0, (size_t)(s.r1 * s.cs) * sizeof(*s.cplx));
    for (PetscInt k = 0; k < p->m[0]; k++)
      for (PetscInt j = 0; j < p->m[1]; j++) ExpandSlot(&a[0], k, s.lc, z + (k * p->m[1] + j) * m, z + p->kp + (k * p->m[1] + j) * m, s.cplx + j * s.lc, s.cplx + (p->m[1] + j) * s.lc, s.cs);
    for (PetscInt r = 0; r < s.r1; r++)
      for (PetscInt j = 0; j < p->m[1]; j++) ExpandSlot(&a[1], j, s.lc, s.cplx + r * s.cs + j * s.lc, s.cplx + r * s.cs + (p->m[1] + j) * s.lc, s.rows + r * s.r2 * s.rs, im + r * s.r2 * s.rs, s.rs);
    AxisLastT(&a[2], table, s.r1 * s.r2, s.rows, s.t2, 0);
    for (PetscInt r = 0; r < s.r1; r++) AxisLeadingT(&a[1], p->n[2], s.t2 + (size_t)r * (size_t)(s.r2 * p->n[2]), s.t1 + (size_t)r * (size_t)(p->n[1] * p->n[2]), p->row[1], 0);
    AxisLeadingT(&a[0], p->n[1] * p->n[2], s.t1, y, p->row[0], add);
  }
}

/* where field b of a call begins */
INLINE size_t DenseField(const NomosDense *p, PetscInt b)
{
  if (p->tile == p->points) return (size_t)b * (size_t)p->points;
  return (size_t)(b / p->channels) * (size_t)p->points * (size_t)p->channels + (size_t)(b % p->channels) * (size_t)p->tile;
}

/* FORWARD = T with scale_f, INVERSE = (T with scale_i w)^T, and their adjoints */
static int HostDense(const NomosDense *p, int kind, PetscInt batch, const NomosReal *in, NomosReal *out, int add)
{
  const int    table = kind == NOMOS_FFT_INVERSE || kind == NOMOS_FFT_INVERSE_ADJ;
  const size_t spectrum = 2 * (size_t)p->kp;
  NomosReal   *spill = (NomosReal *)p->work[2];
  if (add && (kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ)) return NOMOS_ERR_ARG;
  for (PetscInt b = 0; b < batch; b++) {
    if (kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ) {
      NomosReal *z = out + (size_t)b * spectrum;
      DenseForward(p, table, in + DenseField(p, b), b + 1 < batch ? z : spill);
      if (b + 1 == batch) memcpy(z, spill, spectrum * sizeof(*z));
    } else {
      const NomosReal *z = in + (size_t)b * spectrum;
      if (b + 1 == batch) memcpy(spill, z, spectrum * sizeof(*z));
      DenseTranspose(p, table, b + 1 < batch ? z : spill, out + DenseField(p, b), add);
    }
  }
  return NOMOS_OK;
}
