/* Contract of a backend's kernels, second part (the first is backend.c): weights per mode and their factors, residuals of
   losses, updates of optimizers, streams of random numbers, against plain loops in double. Argument: host or cuda. */
#include "table.h"
#include <complex.h>

#define REAL(a) ((NomosReal *)(void *)(a).p)
#define DBL(a)  ((double *)(void *)(a).p)
#define EACH(m, K, n, ...) TableFailed(m, (m)->t->each((m)->ctx, (m)->precision, NOMOS_EACH_##K, (n), &(K##Args){__VA_ARGS__}), #K)
#define ROWS(m, K, r, n, ...) TableFailed(m, (m)->t->rows((m)->ctx, (m)->precision, NOMOS_ROWS_##K, (r), (n), &(K##Args){__VA_ARGS__}), #K)
#define Z(v, i) ((v)[2 * (i)] + I * (v)[2 * (i) + 1])

static void Put(double *v, size_t i, double complex z)
{
  v[2 * i] = creal(z), v[2 * i + 1] = cimag(z);
}
static void Done(Machine *m, Array *a, int n)
{
  for (int i = 0; i < n; i++) Free(m, &a[i]);
}

/* --- weights per mode ------------------------------------------------------------------------------------------------ */
/* mapped: every third slot belongs to another tensor and must stay as it is; so must the rows before `row` */
static void Packing(Machine *m, PetscInt rows, PetscInt modes, int mapped, PetscInt row)
{
  const PetscInt kp = NomosFFTPad(modes), whole = mapped ? 0 : modes / 16, count = rows - row;
  const size_t   nw = (size_t)(2 * rows * kp), nx = (size_t)(2 * rows * modes);
  double        *x = DrawMany(m, nx), *w = DrawMany(m, nw), *y = DrawMany(m, nx);
  PetscInt      *map = (PetscInt *)malloc((size_t)kp * sizeof(*map)), *up;
  Array          a[4] = {UpDouble(m, x, nx), Up(m, w, nw), UpDouble(m, y, nx), Up(m, w, nw)};

  for (PetscInt s = 0; s < kp; s++) map[s] = s % 3 == 2 || s >= modes ? -1 : modes - 1 - s;
  up = UpInts(m, map, (size_t)kp);
  if (whole) ROWS(m, UnpackModes, whole * count, 16, .x = REAL(a[3]), .y = DBL(a[2]) + 2 * row * modes, .rows = rows, .modes = modes, .row = row);
  if (whole) ROWS(m, PackModes, whole * count, 16, .x = DBL(a[0]) + 2 * row * modes, .y = REAL(a[1]), .rows = rows, .modes = modes, .row = row);
  if (whole < kp / 16) ROWS(m, UnpackSomeModes, (kp / 16 - whole) * count, 16, .x = REAL(a[3]), .y = DBL(a[2]) + 2 * row * modes, .map = mapped ? up : NULL, .rows = rows, .modes = modes, .row = row, .count = count, .first = whole);
  if (whole < kp / 16) ROWS(m, PackSomeModes, (kp / 16 - whole) * count, 16, .x = DBL(a[0]) + 2 * row * modes, .y = REAL(a[1]), .map = mapped ? up : NULL, .rows = rows, .modes = modes, .row = row, .count = count, .first = whole);
  for (PetscInt s = 0; s < kp; s++)
    for (PetscInt r = row; r < rows; r++)
      for (int part = 0; part < 2; part++) {
        const size_t   j = (size_t)(((s / 16 * rows + r) * 2 + part) * 16 + s % 16);
        const PetscInt k = mapped ? map[s] : s < modes ? s : -1;
        if (k >= 0) y[2 * (r * modes + k) + part] = w[j], w[j] = x[2 * (r * modes + k) + part];
        else if (!mapped) w[j] = 0;
      }
  CheckArray(m, "PackModes", &a[1], w, 0);
  CheckArray(m, "UnpackModes", &a[2], y, 0);
  TableFailed(m, m->t->release(m->ctx, up), "release");
  Done(m, a, 4);
  free(x), free(w), free(y), free(map);
}
static void Columns(Machine *m)
{
  const PetscInt r = 5, n = 48;
  double        *x = DrawMany(m, (size_t)(r * n)), *d = DrawMany(m, (size_t)n);
  Array          a[3] = {Up(m, x, (size_t)(r * n)), Up(m, d, (size_t)n), Up(m, NULL, (size_t)(r * n))};
  ROWS(m, ScaleColumns, r, n, .x = REAL(a[0]), .d = REAL(a[1]), .y = REAL(a[2]), .n = n);
  for (PetscInt i = 0; i < r * n; i++) x[i] *= d[i % n];
  CheckArray(m, "ScaleColumns", &a[2], x, m->eps);
  Done(m, a, 3);
  free(x), free(d);
}
/* y[a][j][c] = sum_r A[j][r] x[a][r][c], its Hermitian adjoint, and the gradient with respect to A */
static void Factors(Machine *m, int add)
{
  const PetscInt na = 3, nj = 4, nr = 5, nc = 6;
  const size_t   nA = (size_t)(nj * nr), nx = (size_t)(na * nr * nc), ny = (size_t)(na * nj * nc);
  const double   tol = 8 * 60 * DBL_EPSILON; /* at most 18 complex products of numbers below 1 */
  double        *A = DrawMany(m, 2 * nA), *x = DrawMany(m, 2 * nx), *y = DrawMany(m, 2 * ny), *h = DrawMany(m, 2 * nx), *w = DrawMany(m, 2 * nA);
  Array          a[6] = {UpDouble(m, A, 2 * nA), UpDouble(m, x, 2 * nx), UpDouble(m, add ? y : NULL, 2 * ny), UpDouble(m, add ? h : NULL, 2 * nx), UpDouble(m, y, 2 * ny), UpDouble(m, NULL, 2 * nA)};
  double        *g = (double *)malloc(2 * ny * sizeof(*g));

  memcpy(g, y, 2 * ny * sizeof(*g));
  EACH(m, ModeProduct, (PetscInt)ny, .A = DBL(a[0]), .x = DBL(a[1]), .y = DBL(a[2]), .nj = nj, .nr = nr, .nc = nc, .hermitian = 0, .add = add);
  EACH(m, ModeProduct, (PetscInt)nx, .A = DBL(a[0]), .x = DBL(a[4]), .y = DBL(a[3]), .nj = nj, .nr = nr, .nc = nc, .hermitian = 1, .add = add);
  EACH(m, ModeOuter, (PetscInt)nA, .g = DBL(a[4]), .x = DBL(a[1]), .y = DBL(a[5]), .na = na, .nj = nj, .nr = nr, .nc = nc);
  memset(w, 0, 2 * nA * sizeof(*w));
  if (!add) memset(y, 0, 2 * ny * sizeof(*y)), memset(h, 0, 2 * nx * sizeof(*h));
  for (PetscInt b = 0; b < na; b++)
    for (PetscInt j = 0; j < nj; j++)
      for (PetscInt r = 0; r < nr; r++)
        for (PetscInt c = 0; c < nc; c++) {
          const PetscInt ix = (b * nr + r) * nc + c, iy = (b * nj + j) * nc + c, ia = j * nr + r;
          Put(y, (size_t)iy, Z(y, iy) + Z(A, ia) * Z(x, ix));
          Put(h, (size_t)ix, Z(h, ix) + conj(Z(A, ia)) * Z(g, iy));
          Put(w, (size_t)ia, Z(w, ia) + Z(g, iy) * conj(Z(x, ix)));
        }
  CheckArray(m, "ModeProduct", &a[2], y, tol);
  CheckArray(m, "ModeProduct, Hermitian", &a[3], h, tol);
  CheckArray(m, "ModeOuter", &a[5], w, tol);
  Done(m, a, 6);
  free(A), free(x), free(y), free(h), free(w), free(g);
}
static void CP(Machine *m)
{
  const PetscInt axes = 3, rank = 4, n[5] = {2, 3, 5, 1, 1}, total = 30;
  double        *lam = DrawMany(m, 2 * (size_t)rank), *f[3], *y = DrawMany(m, 2 * (size_t)total), *g = DrawMany(m, 2 * (size_t)total), *d[4];
  Array          L = UpDouble(m, lam, 2 * (size_t)rank), F[3], Y = UpDouble(m, y, 2 * (size_t)total), G = UpDouble(m, g, 2 * (size_t)total), D;

  for (int j = 0; j < 3; j++) f[j] = DrawMany(m, 2 * (size_t)(n[j] * rank)), F[j] = UpDouble(m, f[j], 2 * (size_t)(n[j] * rank));
  for (int j = 0; j < 4; j++) d[j] = (double *)calloc(2 * (size_t)((j < 3 ? n[j] : 1) * rank), sizeof(double));
  EACH(m, CPBuild, total, .lam = DBL(L), .factor = {DBL(F[0]), DBL(F[1]), DBL(F[2])}, .y = DBL(Y), .axes = axes, .rank = rank, .n = {2, 3, 5, 1, 1}, .add = 1);
  for (PetscInt e = 0; e < total; e++)
    for (PetscInt r = 0; r < rank; r++) {
      const PetscInt i[3] = {e / 15 * rank + r, e / 5 % 3 * rank + r, e % 5 * rank + r};
      Put(y, (size_t)e, Z(y, e) + Z(lam, r) * Z(f[0], i[0]) * Z(f[1], i[1]) * Z(f[2], i[2]));
      Put(d[3], (size_t)r, Z(d[3], r) + Z(g, e) * conj(Z(f[0], i[0]) * Z(f[1], i[1]) * Z(f[2], i[2])));
      for (int j = 0; j < 3; j++) Put(d[j], (size_t)i[j], Z(d[j], i[j]) + Z(g, e) * conj(Z(lam, r) * Z(f[(j + 1) % 3], i[(j + 1) % 3]) * Z(f[(j + 2) % 3], i[(j + 2) % 3])));
    }
  CheckArray(m, "CPBuild", &Y, y, 100 * DBL_EPSILON); /* 4 terms of three complex products, each below 4 */
  for (PetscInt t = 0; t < 4; t++) {
    const PetscInt count = (t < 3 ? n[t] : 1) * rank;
    D = UpDouble(m, NULL, 2 * (size_t)count);
    EACH(m, CPGrad, count, .lam = DBL(L), .factor = {DBL(F[0]), DBL(F[1]), DBL(F[2])}, .g = DBL(G), .y = DBL(D), .axes = axes, .rank = rank, .n = {2, 3, 5, 1, 1}, .t = t, .others = total / (t < 3 ? n[t] : 1));
    CheckArray(m, "CPGrad", &D, d[t], 1000 * DBL_EPSILON); /* at most 30 such terms */
    Free(m, &D);
  }
  for (int j = 0; j < 3; j++) Free(m, &F[j]), free(f[j]);
  for (int j = 0; j < 4; j++) free(d[j]);
  Free(m, &L), Free(m, &Y), Free(m, &G);
  free(lam), free(y), free(g);
}

/* --- losses --------------------------------------------------------------------------------------------------------- */
static void Residuals(Machine *m, int scaled)
{
  const PetscInt B = 2, C = 3, n = 37, group = 3, r = B * C;
  const size_t   all = (size_t)(r * n);
  double        *x = DrawMany(m, all), *t = DrawMany(m, all), *q = DrawMany(m, (size_t)C), *s = DrawMany(m, (size_t)B), *rho = DrawMany(m, (size_t)n), *shift = DrawMany(m, (size_t)C), *want[3];
  Array          a[6] = {UpDouble(m, x, all), UpDouble(m, t, all), UpDouble(m, q, (size_t)C), UpDouble(m, s, (size_t)B), UpDouble(m, rho, (size_t)n), UpDouble(m, shift, (size_t)C)}, y[3];

  for (int j = 0; j < 3; j++) y[j] = UpDouble(m, NULL, all), want[j] = (double *)malloc(all * sizeof(double));
  ROWS(m, Misfit, r, n, .x = DBL(a[0]), .t = DBL(a[1]), .q = DBL(a[2]), .scale = scaled ? DBL(a[3]) : NULL, .y = DBL(y[0]), .C = C, .n = n, .group = group);
  ROWS(m, Centre, r, n, .x = DBL(a[0]), .shift = DBL(a[5]), .q = DBL(a[2]), .scale = scaled ? DBL(a[3]) : NULL, .y = DBL(y[1]), .C = C, .n = n, .group = group);
  ROWS(m, ModeScale, r, n, .x = DBL(a[0]), .rho = DBL(a[4]), .scale = scaled ? DBL(a[3]) : NULL, .y = DBL(y[2]), .n = n, .group = group);
  for (PetscInt i = 0; i < r * n; i++) {
    const PetscInt c = i / n % C;
    const double   f = scaled ? s[i / n / group] : 1;
    want[0][i] = (x[i] - t[i]) * q[c] * f, want[1][i] = (x[i] - shift[c]) * q[c] * f, want[2][i] = x[i] * rho[i % n] * f;
  }
  for (int j = 0; j < 3; j++) CheckArray(m, j == 0 ? "Misfit" : j == 1 ? "Centre" : "ModeScale", &y[j], want[j], 6 * DBL_EPSILON); /* numbers below 2, three roundings */
  { /* scales of segments, factors of channels */
    double out[6], mean[6], den[6], wt[3];
    Array  b[6];
    for (int i = 0; i < 6; i++) mean[i] = Draw(m), den[i] = 1 + Draw(m);
    for (int i = 0; i < 3; i++) wt[i] = Draw(m);
    b[0] = UpDouble(m, den, 6), b[1] = UpDouble(m, wt, 3), b[2] = UpDouble(m, NULL, 6), b[3] = UpDouble(m, mean, 6), b[4] = UpDouble(m, NULL, 6), b[5] = UpDouble(m, NULL, 6);
    EACH(m, LossScale, 6, .den = scaled ? DBL(b[0]) : NULL, .weight = scaled ? DBL(b[1]) : NULL, .scale = DBL(b[2]), .factor = 0.7, .norm = 0.3, .eps = 1e-3, .group = 2);
    for (int i = 0; i < 6; i++) out[i] = scaled ? 0.7 * wt[i / 2] / (sqrt(0.3 * den[i]) + 1e-3) : 0.7;
    CheckArray(m, "LossScale", &b[2], out, 8 * DBL_EPSILON * Largest(out, 6));
    EACH(m, LossFactors, 6, .mean = scaled ? DBL(b[3]) : NULL, .std = scaled ? DBL(b[0]) : NULL, .q = DBL(b[4]), .shift = DBL(b[5]), .eps = 1e-3);
    for (int i = 0; i < 6; i++) out[i] = scaled ? 1 / (den[i] + 1e-3) : 1, mean[i] = scaled ? mean[i] : 0;
    CheckArray(m, "LossFactors q", &b[4], out, 4 * DBL_EPSILON * Largest(out, 6));
    CheckArray(m, "LossFactors shift", &b[5], mean, 0);
    Done(m, b, 6);
  }
  Done(m, a, 6), Done(m, y, 3);
  for (int j = 0; j < 3; j++) free(want[j]);
  free(x), free(t), free(q), free(s), free(rho), free(shift);
}
/* y = scale [u, D_0 u, D_1 u, D_2 u], periodic central differences; and its transpose by the dot product */
static void H1(Machine *m, int dim, PetscInt n0, PetscInt n1, PetscInt n2)
{
  const PetscInt n[3] = {n0, n1, n2}, N = n0 * n1 * n2, S = 2, parts = 1 + dim, place[3] = {1, dim > 2 ? 2 : 1, dim};
  const double   c[3] = {dim > 2 ? 0.7 : 0, dim > 1 ? 1.3 : 0, 2.1};
  const size_t   nx = (size_t)(S * N), ny = nx * (size_t)parts;
  double        *x = DrawMany(m, nx), *w = DrawMany(m, ny), *s = DrawMany(m, (size_t)S), *want = (double *)calloc(ny, sizeof(*want)), *back = (double *)calloc(nx, sizeof(*back));
  Array          a[5] = {UpDouble(m, x, nx), UpDouble(m, s, (size_t)S), UpDouble(m, NULL, ny), UpDouble(m, w, ny), UpDouble(m, NULL, nx)};

  ROWS(m, H1Stack, S * n0 * n1, n2, .x = DBL(a[0]), .scale = DBL(a[1]), .y = DBL(a[2]), .c = {c[0], c[1], c[2]}, .n = {n0, n1, n2}, .place = {place[0], place[1], place[2]}, .parts = parts);
  ROWS(m, H1StackAdj, S * n0 * n1, n2, .x = DBL(a[3]), .scale = DBL(a[1]), .y = DBL(a[4]), .c = {c[0], c[1], c[2]}, .n = {n0, n1, n2}, .place = {place[0], place[1], place[2]}, .parts = parts);
  for (PetscInt g = 0; g < S; g++)
    for (PetscInt i = 0; i < N; i++) {
      const PetscInt at[3] = {i / (n1 * n2), i / n2 % n1, i % n2};
      want[g * parts * N + i] = s[g] * x[g * N + i];
      back[g * N + i] += s[g] * w[g * parts * N + i];
      for (int j = 3 - dim; j < 3; j++) {
        PetscInt     up[3] = {at[0], at[1], at[2]}, dn[3] = {at[0], at[1], at[2]}, iu, id;
        const size_t row = (size_t)((g * parts + place[j]) * N + i);
        up[j] = (at[j] + 1) % n[j], dn[j] = (at[j] + n[j] - 1) % n[j];
        iu = (up[0] * n1 + up[1]) * n2 + up[2], id = (dn[0] * n1 + dn[1]) * n2 + dn[2];
        want[row] = s[g] * c[j] * (x[g * N + iu] - x[g * N + id]);
        back[g * N + iu] += s[g] * c[j] * w[row]; /* the transpose, by scattering */
        back[g * N + id] -= s[g] * c[j] * w[row];
      }
    }
  CheckArray(m, "H1Stack", &a[2], want, 16 * DBL_EPSILON);
  CheckArray(m, "H1StackAdj", &a[4], back, 64 * DBL_EPSILON);
  Done(m, a, 5);
  free(x), free(w), free(s), free(want), free(back);
}

/* --- updates: compiled without contraction, so that only the order of operations can differ from the loops here -------- */
static void Updates(Machine *m, int pair)
{
  const PetscInt n = 100;
  double        *v[4], *want[4];
  Array          a[5];
  AdamWArgs      k = {.scale = 0.5, .l2 = 0.01, .beta1 = 0.9, .rest1 = 0.1, .beta2 = 0.99, .rest2 = 0.01, .before = 0.999, .after = 0.998, .step = 0.02, .root = 1.5, .eps = 1e-6};

  for (int j = 0; j < 4; j++) v[j] = DrawMany(&(Machine){.precision = 1}, (size_t)n), want[j] = (double *)malloc((size_t)n * sizeof(double));
  for (PetscInt i = 0; i < n; i++) v[2][i] = fabs(v[2][i]);
  for (PetscInt i = 0; i < n && pair; i += 2) v[2][i + 1] = v[2][i]; /* one second moment for a pair */
  for (int j = 0; j < 4; j++) a[j] = UpDouble(m, v[j], (size_t)n);
  a[4] = UpDouble(m, NULL, (size_t)n);
  k.x = DBL(a[0]), k.m = DBL(a[1]), k.v = DBL(a[2]), k.g = DBL(a[3]), k.old = DBL(a[4]);
  TableFailed(m, m->t->each(m->ctx, m->precision, pair ? NOMOS_EACH_AdamWPair : NOMOS_EACH_AdamW, pair ? n / 2 : n, &k), "AdamW");
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt o = pair ? (i ^ 1) : i;
    const double   g = 0.5 * v[3][i] + 0.01 * v[0][i], h = pair ? 0.5 * v[3][o] + 0.01 * v[0][o] : 0;
    want[1][i] = 0.9 * v[1][i] + 0.1 * g;
    want[2][i] = 0.99 * v[2][i] + 0.01 * (g * g + h * h);
    want[0][i] = 0.998 * (0.999 * v[0][i] - 0.02 * want[1][i] / (1.5 * sqrt(want[2][i]) + 1e-6));
  }
  CheckArray(m, pair ? "AdamWPair x" : "AdamW x", &a[0], want[0], 8 * DBL_EPSILON);
  CheckArray(m, pair ? "AdamWPair m" : "AdamW m", &a[1], want[1], 4 * DBL_EPSILON);
  CheckArray(m, pair ? "AdamWPair v" : "AdamW v", &a[2], want[2], 4 * DBL_EPSILON);
  CheckArray(m, "AdamW old", &a[4], v[0], 0);
  if (!pair) { /* the box */
    Array b = UpDouble(m, v[3], (size_t)n);
    EACH(m, ClipBox, n, .x = DBL(b), .lower = DBL(a[4]), .upper = NULL);
    for (PetscInt i = 0; i < n; i++) v[3][i] = fmax(v[3][i], v[0][i]);
    CheckArray(m, "ClipBox from below", &b, v[3], 0);
    EACH(m, ClipBox, n, .x = DBL(b), .lower = NULL, .upper = DBL(a[1]));
    { /* the bound is what AdamW left: take it from there */
      double *up = Down(m, &a[1], "AdamW m");
      for (PetscInt i = 0; i < n; i++) v[3][i] = fmin(v[3][i], up[i]);
      free(up);
    }
    CheckArray(m, "ClipBox from above", &b, v[3], 0);
    Free(m, &b);
  }
  Done(m, a, 5);
  for (int j = 0; j < 4; j++) free(v[j]), free(want[j]);
}

/* the same bits as the functions of random.h give one by one, wherever a fill begins */
static void Streams(Machine *m)
{
  static const uint64_t firsts[] = {0, 1, 2, 127, 128, 300, 1000000007ULL};
  const PetscInt        n = 517;
  double               *want = (double *)malloc((size_t)n * sizeof(*want));
  for (size_t f = 0; f < sizeof(firsts) / sizeof(*firsts); f++)
    for (int kind = 0; kind < 3; kind++) {
      static const int kernels[] = {NOMOS_EACH_FillUniform, NOMOS_EACH_FillNormal, NOMOS_EACH_FillRademacher};
      Array            a = Up(m, NULL, (size_t)n);
      FillUniformArgs  k = {REAL(a), 12345678901ULL, firsts[f], n, 7, NOMOS_RANDOM_DATA, 3};
      TableFailed(m, m->t->each(m->ctx, m->precision, kernels[kind], NomosRandomBlocks(firsts[f], n, kind == 2 ? 128 : 2), &k), "Fill");
      for (PetscInt i = 0; i < n; i++) {
        const uint64_t j = firsts[f] + (uint64_t)i;
        const double   v = kind == 0 ? NomosUniform(k.seed, 7, NOMOS_RANDOM_DATA, 3, j) : kind == 1 ? NomosNormal(k.seed, 7, NOMOS_RANDOM_DATA, 3, j) : NomosRademacher(k.seed, 7, NOMOS_RANDOM_DATA, 3, j);
        want[i] = m->precision ? v : (double)(float)v;
      }
      CheckArray(m, kind == 0 ? "FillUniform" : kind == 1 ? "FillNormal" : "FillRademacher", &a, want, 0);
      Free(m, &a);
    }
  free(want);
}

int main(int argc, char **argv)
{
  Machine m;
  int     rc = TableOpen(&m, argc > 1 ? argv[1] : "host");
  if (rc) return rc;
  for (int precision = 0; precision < 2; precision++) {
    SetPrecision(&m, precision);
    for (int i = 0; i < 2; i++) {
      for (int part = 0; part < 2; part++) Packing(&m, 3, 20, i, part), Packing(&m, 1, 16, i, 0), Packing(&m, 4, 5, i, 3 * part), Packing(&m, 7, 40, i, 2 * part);
      Factors(&m, i), Residuals(&m, i), Updates(&m, i);
    }
    Columns(&m), CP(&m), Streams(&m);
    H1(&m, 1, 1, 1, 9), H1(&m, 2, 1, 5, 6), H1(&m, 3, 4, 3, 5), H1(&m, 2, 1, 2, 1), H1(&m, 1, 1, 1, 2);
  }
  m.t->close(m.ctx);
  return NomosTestResult();
}
/*TEST
  link: table
  np: 1 args: host env: NOMOS_ISA=base
  np: 1 args: host env: NOMOS_ISA=v3
  np: 1 args: host env: NOMOS_ISA=v4
  np: 1 args: host env: NOMOS_ISA=wide
  np: 1 args: cuda label: cuda
TEST*/
