/* Contract of a backend's products: channel products (gemm) and mode products (modes) against plain loops in double.
   Argument: host or cuda. */
#include "table.h"

static void CheckFilled(const Machine *m, const char *what, Array *a, const double *want, const double *size, double terms)
{ /* tolerance by entry: terms eps (sum of |products|) */
  double *got = Down(m, a, what);
  size_t  bad = a->n;
  double  most = 0;
  for (size_t i = 0; i < a->n; i++) {
    const double d = fabs(got[i] - want[i]) - terms * m->eps * size[i];
    if (!(d <= most)) most = d, bad = i;
    if (d != d) break;
  }
  if (bad < a->n) CheckClose(what, got[bad], want[bad], terms * m->eps * size[bad]);
  else CheckTrue(what, 1);
  free(got);
}

/* --- gemm --------------------------------------------------------------------------------------------------------- */
typedef struct {
  PetscInt in, out, points, batch, xgap, ygap;
} Shape;

static void OneGemm(Machine *m, int op, Shape s, int add, int bias)
{
  const PetscInt xs = s.in * s.points + s.xgap, ys = s.out * s.points + s.ygap;
  const size_t   nx = (size_t)(s.batch * xs), ny = (size_t)(s.batch * ys), na = (size_t)(s.in * s.out);
  double        *x = DrawMany(m, nx), *y = DrawMany(m, ny), *a = DrawMany(m, na), *c = DrawMany(m, (size_t)s.out);
  double        *want, *size;
  size_t         n;
  PetscInt       length;
  Array          X, Y, A, C, *R;
  NomosGemm      g = {.op = op, .add = add, .in = s.in, .out = s.out, .points = s.points, .batch = s.batch, .xstride = s.xgap ? xs : 0, .ystride = s.ygap ? ys : 0};
  char           what[200];

  snprintf(what, sizeof(what), "%s gemm %s in=%d out=%d points=%d batch=%d gaps=%d,%d add=%d bias=%d", m->precision ? "double" : "single", op == NOMOS_GEMM_AX ? "AX" : op == NOMOS_GEMM_ATX ? "ATX" : "YXT", (int)s.in, (int)s.out, (int)s.points, (int)s.batch, (int)s.xgap, (int)s.ygap, add, bias);
  n    = op == NOMOS_GEMM_AX ? ny : op == NOMOS_GEMM_ATX ? nx : na;
  want = (double *)calloc(n + 1, sizeof(*want)), size = (double *)calloc(n + 1, sizeof(*size));
  /* what must stay: everything when added to, the gaps between samples always */
  memcpy(want, op == NOMOS_GEMM_AX ? y : op == NOMOS_GEMM_ATX ? x : a, n * sizeof(*want));
  length = op == NOMOS_GEMM_AX ? s.in : op == NOMOS_GEMM_ATX ? s.out : s.points * (s.batch ? s.batch : 1);
  if (op == NOMOS_GEMM_YXT) {
    for (size_t i = 0; i < na; i++) want[i] = add ? want[i] : 0, size[i] = fabs(want[i]);
    for (PetscInt b = 0; b < s.batch; b++)
      for (PetscInt o = 0; o < s.out; o++)
        for (PetscInt i = 0; i < s.in; i++)
          for (PetscInt p = 0; p < s.points; p++) {
            const double v = y[b * ys + o * s.points + p] * x[b * xs + i * s.points + p];
            want[o * s.in + i] += v, size[o * s.in + i] += fabs(v);
          }
  } else {
    const PetscInt rows = op == NOMOS_GEMM_AX ? s.out : s.in, stride = op == NOMOS_GEMM_AX ? ys : xs;
    for (PetscInt b = 0; b < s.batch; b++)
      for (PetscInt r = 0; r < rows; r++)
        for (PetscInt p = 0; p < s.points; p++) {
          const PetscInt j = b * stride + r * s.points + p;
          want[j]          = (add ? want[j] : 0) + (bias ? c[r] : 0);
          size[j]          = fabs(want[j]) + (bias ? fabs(c[r]) : 0);
          for (PetscInt q = 0; q < length; q++) {
            const double v = op == NOMOS_GEMM_AX ? a[r * s.in + q] * x[b * xs + q * s.points + p] : a[q * s.in + r] * y[b * ys + q * s.points + p];
            want[j] += v, size[j] += fabs(v);
          }
        }
  }
  if (!add) { /* the result must not be read */
    double *r = op == NOMOS_GEMM_AX ? y : op == NOMOS_GEMM_ATX ? x : a;
    if (op == NOMOS_GEMM_YXT)
      for (size_t i = 0; i < n; i++) r[i] = NAN;
    else
      for (size_t i = 0; i < n; i++)
        if ((PetscInt)(i % (size_t)(op == NOMOS_GEMM_AX ? ys : xs)) < (op == NOMOS_GEMM_AX ? s.out : s.in) * s.points) r[i] = NAN;
  }
  X = Up(m, x, nx), Y = Up(m, y, ny), A = Up(m, a, na), C = Up(m, c, (size_t)s.out);
  R = op == NOMOS_GEMM_AX ? &Y : op == NOMOS_GEMM_ATX ? &X : &A;
  g.A = (NomosReal *)(void *)A.p, g.X = (NomosReal *)(void *)X.p, g.Y = (NomosReal *)(void *)Y.p, g.bias = bias ? (NomosReal *)(void *)C.p : NULL;
  /* plain sums: at most one eps per term */
  if (!TableFailed(m, m->t->gemm(m->ctx, m->precision, &g), what)) CheckFilled(m, what, R, want, size, (double)length + 3);
  Free(m, &X), Free(m, &Y), Free(m, &A), Free(m, &C);
  free(x), free(y), free(a), free(c), free(want), free(size);
}

/* sums per channel of Y X, or of Y alone, in double */
static void OneDot(Machine *m, Shape s, int add, int alone)
{
  const size_t n = (size_t)(s.batch * s.out * s.points);
  double      *x = DrawMany(m, n), *y = DrawMany(m, n), *sum = DrawMany(m, (size_t)s.out), *want = (double *)calloc((size_t)s.out + 1, sizeof(*want));
  Array        X = Up(m, x, n), Y = Up(m, y, n);
  void        *S = NULL;
  NomosGemm    g = {.op = NOMOS_GEMM_DOT, .add = add, .in = s.out, .out = s.out, .points = s.points, .batch = s.batch, .X = alone ? NULL : (NomosReal *)(void *)X.p, .Y = (NomosReal *)(void *)Y.p};
  char         what[160];

  snprintf(what, sizeof(what), "%s gemm DOT channels=%d points=%d batch=%d add=%d alone=%d", m->precision ? "double" : "single", (int)s.out, (int)s.points, (int)s.batch, add, alone);
  for (PetscInt c = 0; c < s.out; c++) {
    want[c] = add ? sum[c] : 0;
    for (PetscInt b = 0; b < s.batch; b++)
      for (PetscInt p = 0; p < s.points; p++) {
        const size_t j = (size_t)((b * s.out + c) * s.points + p);
        want[c] += y[j] * (alone ? 1 : x[j]);
      }
    if (!add) sum[c] = NAN; /* must not be read */
  }
  if (m->t->alloc(m->ctx, (size_t)s.out * sizeof(double), &S)) exit(1);
  m->t->copy(m->ctx, S, sum, (size_t)s.out * sizeof(double), 1);
  g.sum = (double *)S;
  if (!TableFailed(m, m->t->gemm(m->ctx, m->precision, &g), what)) {
    m->t->copy(m->ctx, sum, S, (size_t)s.out * sizeof(double), 2);
    /* runs of at most 512 terms of size <= 1 in lanes, then double: one eps of the precision per term of a lane */
    for (PetscInt c = 0; c < s.out; c++) CheckClose(what, sum[c], want[c], (m->precision ? 2.3e-16 : 1.2e-7) * (double)(s.points * s.batch + 8));
  }
  m->t->release(m->ctx, S);
  Free(m, &X), Free(m, &Y);
  free(x), free(y), free(sum), free(want);
}

/* Y = A X + c + q from, from being another field or Y itself; q may be missing: ones */
static void OneStart(Machine *m, Shape s, int scaled, int itself)
{
  const size_t nx = (size_t)(s.batch * s.in * s.points), ny = (size_t)(s.batch * s.out * s.points), na = (size_t)(s.in * s.out);
  double      *x = DrawMany(m, nx), *y = DrawMany(m, ny), *f = DrawMany(m, ny), *a = DrawMany(m, na), *c = DrawMany(m, (size_t)s.out), *q = DrawMany(m, (size_t)s.out);
  double      *want = (double *)calloc(ny + 1, sizeof(*want)), *size = (double *)calloc(ny + 1, sizeof(*size));
  Array        X = Up(m, x, nx), A = Up(m, a, na), C = Up(m, c, (size_t)s.out), Q = Up(m, q, (size_t)s.out), Y, F;
  NomosGemm    g = {.op = NOMOS_GEMM_AX, .in = s.in, .out = s.out, .points = s.points, .batch = s.batch};
  char         what[160];

  snprintf(what, sizeof(what), "%s gemm AX from %s, %s, in=%d out=%d points=%d batch=%d", m->precision ? "double" : "single", itself ? "itself" : "another", scaled ? "scaled" : "plain", (int)s.in, (int)s.out, (int)s.points, (int)s.batch);
  for (size_t j = 0; j < ny; j++) {
    const size_t row = j / (size_t)s.points, o = row % (size_t)s.out, b = row / (size_t)s.out, p = j % (size_t)s.points;
    const double t = (scaled ? q[o] : 1) * (itself ? y[j] : f[j]);
    want[j] = c[o] + t, size[j] = fabs(c[o]) + fabs(t);
    for (size_t i = 0; i < (size_t)s.in; i++) {
      const double v = a[o * (size_t)s.in + i] * x[(b * (size_t)s.in + i) * (size_t)s.points + p];
      want[j] += v, size[j] += fabs(v);
    }
  }
  for (size_t j = 0; j < ny && !itself; j++) y[j] = NAN; /* must not be read */
  Y = Up(m, y, ny), F = Up(m, f, ny);
  g.A = (NomosReal *)(void *)A.p, g.X = (NomosReal *)(void *)X.p, g.Y = (NomosReal *)(void *)Y.p, g.bias = (NomosReal *)(void *)C.p, g.ahead = itself;
  g.from = itself ? g.Y : (NomosReal *)(void *)F.p, g.scale = scaled ? (NomosReal *)(void *)Q.p : NULL;
  if (!TableFailed(m, m->t->gemm(m->ctx, m->precision, &g), what)) CheckFilled(m, what, &Y, want, size, (double)s.in + 4);
  Free(m, &X), Free(m, &Y), Free(m, &A), Free(m, &C), Free(m, &Q), Free(m, &F);
  free(x), free(y), free(f), free(a), free(c), free(q), free(want), free(size);
}

/* The adjoint of a layer; parts: bit 0 times, 1 sums, 2 gradient, 3 the adjoint of X, 4 which starts from another field, scaled, 5 or is added to */
static void OneAdjoint(Machine *m, Shape s, int parts)
{
  const size_t P = (size_t)s.points, in = (size_t)s.in, out = (size_t)s.out, B = (size_t)s.batch, nx = B * in * P, ny = B * out * P, na = in * out;
  double      *x = DrawMany(m, nx), *y = DrawMany(m, ny), *d = DrawMany(m, ny), *a = DrawMany(m, na), *w = DrawMany(m, na), *gx = DrawMany(m, nx), *f = DrawMany(m, nx), *q = DrawMany(m, in), *sum = DrawMany(m, out);
  double      *wy = (double *)calloc(ny + 1, 8), *sy = (double *)calloc(ny + 1, 8), *wx = (double *)calloc(nx + 1, 8), *sx = (double *)calloc(nx + 1, 8), *ww = (double *)calloc(na + 1, 8), *sw = (double *)calloc(na + 1, 8), *ws = (double *)calloc(out + 1, 8);
  Array        X = Up(m, x, nx), Y = Up(m, y, ny), D = Up(m, d, ny), A = Up(m, a, na), W = Up(m, w, na), F = Up(m, f, nx), Q = Up(m, q, in), G;
  NomosGemm    g = {.op = NOMOS_GEMM_ADJOINT, .in = s.in, .out = s.out, .points = s.points, .batch = s.batch, .add = (parts & 32) != 0};
  void        *S = NULL;
  char         what[160];

  snprintf(what, sizeof(what), "%s gemm ADJOINT in=%d out=%d points=%d batch=%d parts=%d", m->precision ? "double" : "single", (int)s.in, (int)s.out, (int)s.points, (int)s.batch, parts);
  for (size_t j = 0; j < ny; j++) wy[j] = parts & 1 ? y[j] * d[j] : y[j], sy[j] = fabs(wy[j]);
  for (size_t o = 0; o < out; o++) ws[o] = sum[o];
  for (size_t i = 0; i < na; i++) ww[i] = w[i], sw[i] = fabs(w[i]);
  for (size_t j = 0; j < nx; j++) wx[j] = parts & 16 ? q[j / P % in] * f[j] : parts & 32 ? gx[j] : 0, sx[j] = fabs(wx[j]);
  for (size_t b = 0; b < B; b++)
    for (size_t o = 0; o < out; o++)
      for (size_t p = 0; p < P; p++) {
        const double v = wy[(b * out + o) * P + p];
        ws[o] += v;
        for (size_t i = 0; i < in; i++) {
          const size_t j = (b * in + i) * P + p;
          ww[o * in + i] += v * x[j], sw[o * in + i] += fabs(v * x[j]);
          wx[j] += a[o * in + i] * v, sx[j] += fabs(a[o * in + i] * v);
        }
      }
  if (!(parts & 4)) memcpy(ww, w, na * sizeof(*w));
  if (!(parts & 8)) memcpy(wx, gx, nx * sizeof(*gx));
  for (size_t j = 0; j < nx && (parts & 8) && !(parts & 32); j++) gx[j] = NAN; /* must not be read */
  G = Up(m, gx, nx);
  if (m->t->alloc(m->ctx, out * sizeof(double), &S)) exit(1);
  m->t->copy(m->ctx, S, sum, out * sizeof(double), 1);
  g.A = (NomosReal *)(void *)A.p, g.Y = (NomosReal *)(void *)Y.p, g.times = parts & 1 ? (NomosReal *)(void *)D.p : NULL, g.sum = parts & 2 ? (double *)S : NULL;
  g.input = parts & 4 ? (NomosReal *)(void *)X.p : NULL, g.gradient = (NomosReal *)(void *)W.p, g.X = parts & 8 ? (NomosReal *)(void *)G.p : NULL;
  g.from = parts & 16 ? (NomosReal *)(void *)F.p : NULL, g.scale = parts & 16 ? (NomosReal *)(void *)Q.p : NULL;
  if (!TableFailed(m, m->t->gemm(m->ctx, m->precision, &g), what)) { /* plain sums: one eps per term, and those of the product with `times` */
    CheckFilled(m, what, &Y, wy, sy, 2), CheckFilled(m, what, &W, ww, sw, (double)(P * B) + 4), CheckFilled(m, what, &G, wx, sx, (double)out + 4);
    m->t->copy(m->ctx, sum, S, out * sizeof(double), 2);
    if (parts & 2)
      for (size_t o = 0; o < out; o++) CheckClose(what, sum[o], ws[o], (m->precision ? 2.3e-16 : 1.2e-7) * (double)(P * B + 8)); /* as for DOT */
  }
  m->t->release(m->ctx, S);
  Free(m, &X), Free(m, &Y), Free(m, &D), Free(m, &A), Free(m, &W), Free(m, &F), Free(m, &Q), Free(m, &G);
  free(x), free(y), free(d), free(a), free(w), free(gx), free(f), free(q), free(sum), free(wy), free(sy), free(wx), free(sx), free(ww), free(sw), free(ws);
}

static void AllGemm(Machine *m)
{
  static const PetscInt channels[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 24, 27}, points[] = {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 65, 100};
  const int             nc = (int)(sizeof(channels) / sizeof(*channels)), np = (int)(sizeof(points) / sizeof(*points));
  int                   turn = 0;
  for (int i = 0; i < nc; i++)
    for (int o = 0; o < nc; o++)
      for (int k = 0; k < 3; k++, turn++) {
        const Shape s = {channels[i], channels[o], points[turn % np], turn % 4, turn % 3 ? 0 : 5 * s.points, turn % 5 ? 0 : 3};
        for (int form = 0; form < 4; form++) OneDot(m, s, form / 2, form % 2);
        for (int op = 0; op < 3; op++)
          for (int add = 0; add < 2; add++)
            for (int bias = 0; bias < (op == NOMOS_GEMM_AX ? 2 : 1); bias++) OneGemm(m, op, s, add, bias);
        OneStart(m, s, turn % 2, turn / 2 % 2), OneAdjoint(m, s, turn % 64), OneAdjoint(m, s, 15);
      }
  { /* many samples, and one wide product for the library's own algorithms */
    const Shape s = {5, 3, 20, 37, 0, 0}, w = {64, 96, 256, 2, 0, 0};
    for (int op = 0; op < 3; op++) OneGemm(m, op, s, 1, 0), OneGemm(m, op, w, 0, op == NOMOS_GEMM_AX);
    /* lanes over 64 bytes of input channels: one vector, two, parts of one; several runs of 64 and 512 points and a rest; too wide for one pass */
    static const Shape layers[] = {{16, 12, 300, 2, 0, 0}, {32, 50, 131, 1, 0, 0}, {48, 13, 128, 3, 0, 0}, {24, 29, 1100, 2, 0, 0}, {64, 1, 512, 1, 0, 0}, {3, 257, 70, 2, 0, 0}, {32, 32, 1024, 1, 0, 0}};
    for (int i = 0; i < 7; i++) OneAdjoint(m, layers[i], 31), OneAdjoint(m, layers[i], 47), OneStart(m, layers[i], 1, 1);
  }
}

/* --- modes -------------------------------------------------------------------------------------------------------- */
/* place of the real part of W[i][o] at mode k; the imaginary part stands LANES behind it */
static size_t PlaceW(int separable, PetscInt in, PetscInt out, PetscInt i, PetscInt o, PetscInt k)
{
  const size_t block = (size_t)(k / NOMOS_LANES), row = separable ? (size_t)i : (size_t)i * (size_t)out + (size_t)o, rows = separable ? (size_t)in : (size_t)in * (size_t)out;
  return (block * rows + row) * 2 * NOMOS_LANES + (size_t)(k % NOMOS_LANES);
}
static void Accumulate(double *r, double *size, size_t re, size_t im, double ar, double ai, double br, double bi)
{
  r[re] += ar * br - ai * bi, size[re] += fabs(ar * br) + fabs(ai * bi);
  r[im] += ar * bi + ai * br, size[im] += fabs(ar * bi) + fabs(ai * br);
}

/* rows > 0: a gradient of these rows alone, the others stay */
static void OneModes(Machine *m, int op, int separable, PetscInt in, PetscInt out, PetscInt kp, PetscInt batch, int add, PetscInt first, PetscInt rows)
{
  const size_t nx = (size_t)(batch * in * 2 * kp), ny = (size_t)(batch * out * 2 * kp), nw = (size_t)(2 * kp * in * (separable ? 1 : out));
  double      *x = DrawMany(m, nx), *y = DrawMany(m, ny), *w = DrawMany(m, nw), *want, *size;
  const size_t n = op == NOMOS_MODES_WX ? ny : op == NOMOS_MODES_WHY ? nx : nw;
  double      *r = op == NOMOS_MODES_WX ? y : op == NOMOS_MODES_WHY ? x : w;
  Array        X, Y, W, *R;
  NomosModes   g = {op, separable, add, in, out, kp, batch, NULL, NULL, NULL, first, rows, 0};
  const PetscInt last = rows ? first + rows : in * out;
  char         what[200];

  snprintf(what, sizeof(what), "%s modes %s%s in=%d out=%d kp=%d batch=%d add=%d rows=%d from %d", m->precision ? "double" : "single", separable ? "separable " : "", op == NOMOS_MODES_WX ? "WX" : op == NOMOS_MODES_WHY ? "WHY" : "GRAD", (int)in, (int)out, (int)kp, (int)batch, add, (int)rows, (int)first);
  want = (double *)calloc(n + 1, sizeof(*want)), size = (double *)calloc(n + 1, sizeof(*size));
  for (size_t i = 0; i < n; i++) {
    const PetscInt row = op == NOMOS_MODES_GRAD ? (PetscInt)(i / (2 * NOMOS_LANES)) % (separable ? in : in * out) : first;
    const int      keep = add || row < first || row >= last; /* else it must not be read */
    want[i] = keep ? r[i] : 0, size[i] = fabs(want[i]);
    if (!keep) r[i] = NAN;
  }
  for (PetscInt b = 0; b < batch; b++)
    for (PetscInt i = 0; i < in; i++)
      for (PetscInt o = separable ? i : 0; o < (separable ? i + 1 : out); o++)
        for (PetscInt k = 0; k < kp; k++) {
          const size_t jx = (size_t)((b * in + i) * 2 * kp + k), jy = (size_t)((b * out + o) * 2 * kp + k), jw = PlaceW(separable, in, out, i, o, k);
          const double xr = x[jx], xi = x[jx + (size_t)kp], yr = y[jy], yi = y[jy + (size_t)kp], wr = w[jw], wi = w[jw + NOMOS_LANES];
          if (op == NOMOS_MODES_WX) Accumulate(want, size, jy, jy + (size_t)kp, wr, wi, xr, xi);
          else if (op == NOMOS_MODES_WHY) Accumulate(want, size, jx, jx + (size_t)kp, wr, -wi, yr, yi);
          else if ((separable ? i : i * out + o) >= first && (separable ? i : i * out + o) < last) Accumulate(want, size, jw, jw + NOMOS_LANES, xr, -xi, yr, yi);
        }
  X = Up(m, x, nx), Y = Up(m, y, ny), W = Up(m, w, nw);
  R = op == NOMOS_MODES_WX ? &Y : op == NOMOS_MODES_WHY ? &X : &W;
  g.X = (NomosReal *)(void *)X.p, g.Y = (NomosReal *)(void *)Y.p, g.W = (NomosReal *)(void *)W.p;
  if (!TableFailed(m, m->t->modes(m->ctx, m->precision, &g), what)) CheckFilled(m, what, R, want, size, 2 * (double)(op == NOMOS_MODES_WX ? in : op == NOMOS_MODES_WHY ? out : batch) + 3);
  Free(m, &X), Free(m, &Y), Free(m, &W);
  free(x), free(y), free(w), free(want), free(size);
}

/* the gradient of a few input channels of many: the middle of the whole one */
static void SomeChannels(Machine *m)
{
  const PetscInt in = 5, out = 7, kp = 32, batch = 3, from = 1, n = 3;
  const size_t   nx = (size_t)(batch * in * 2 * kp), ny = (size_t)(batch * out * 2 * kp), nw = (size_t)(2 * kp * n * out), step = (size_t)(2 * kp);
  double        *x = DrawMany(m, nx), *y = DrawMany(m, ny), *w = DrawMany(m, nw), *want = (double *)calloc(nw, sizeof(*want)), *size = (double *)calloc(nw, sizeof(*size));
  Array          X, Y, W;
  NomosModes     g = {.op = NOMOS_MODES_GRAD, .in = n, .out = out, .kp = kp, .batch = batch, .xstride = in * 2 * kp};

  for (PetscInt b = 0; b < batch; b++)
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt o = 0; o < out; o++)
        for (PetscInt k = 0; k < kp; k++) {
          const size_t jx = (size_t)(b * in + from + i) * step + (size_t)k, jy = (size_t)(b * out + o) * step + (size_t)k, jw = PlaceW(0, n, out, i, o, k);
          Accumulate(want, size, jw, jw + NOMOS_LANES, x[jx], -x[jx + (size_t)kp], y[jy], y[jy + (size_t)kp]);
        }
  for (size_t i = 0; i < nw; i++) w[i] = NAN;
  X = Up(m, x, nx), Y = Up(m, y, ny), W = Up(m, w, nw);
  g.X = (NomosReal *)(void *)((char *)X.p + (size_t)from * step * (m->precision ? sizeof(double) : sizeof(float))), g.Y = (NomosReal *)(void *)Y.p, g.W = (NomosReal *)(void *)W.p;
  if (!TableFailed(m, m->t->modes(m->ctx, m->precision, &g), "some channels")) CheckFilled(m, "gradient of some channels", &W, want, size, 2.0 * batch + 3);
  Free(m, &X), Free(m, &Y), Free(m, &W);
  free(x), free(y), free(w), free(want), free(size);
}

static void AllModes(Machine *m)
{
  static const PetscInt channels[] = {1, 2, 3, 4, 5, 8, 9}, kps[] = {16, 32, 48, 80};
  const int             nc = (int)(sizeof(channels) / sizeof(*channels));
  NomosModes            g = {0};
  int                   turn = 0;
  for (int i = 0; i < nc; i++)
    for (int o = 0; o < nc; o++, turn++)
      for (int op = 0; op < 3; op++)
        for (int add = 0; add < 2; add++) OneModes(m, op, 0, channels[i], channels[o], kps[turn % 4], turn % 7 + (turn % 7 > 3), add, 0, 0);
  for (int i = 0; i < nc; i++)
    for (int op = 0; op < 3; op++)
      for (int add = 0; add < 2; add++) OneModes(m, op, 1, channels[i], channels[i], kps[i % 4], i, add, 0, 0);
  OneModes(m, NOMOS_MODES_WX, 0, 24, 24, 48, 9, 0, 0, 0), OneModes(m, NOMOS_MODES_WHY, 0, 24, 24, 48, 9, 1, 0, 0), OneModes(m, NOMOS_MODES_GRAD, 0, 24, 24, 48, 9, 0, 0, 0);
  for (int i = 0; i < nc; i++) /* part of the rows: from within one input channel to within another */
    for (int add = 0; add < 2; add++) OneModes(m, NOMOS_MODES_GRAD, 0, channels[i], 24, 32, i, add, 5, channels[i] * 24 - 7), OneModes(m, NOMOS_MODES_GRAD, 1, channels[i], channels[i], 32, i, add, channels[i] / 2, (channels[i] + 1) / 2);
  SomeChannels(m);
  g.in = g.out = 1, g.kp = 10, g.batch = 1;
  CheckInt("a spectrum that is not padded is refused", m->t->modes(m->ctx, m->precision, &g), NOMOS_ERR_ARG);
  g.kp = 16, g.first = 1, g.rows = 1;
  CheckInt("rows beyond the weights are refused", m->t->modes(m->ctx, m->precision, &g), NOMOS_ERR_ARG);
  g.first = g.rows = 0, g.out = 2, g.separable = 1;
  CheckInt("separable with different channels is refused", m->t->modes(m->ctx, m->precision, &g), NOMOS_ERR_ARG);
}

int main(int argc, char **argv)
{
  Machine m;
  int     rc = TableOpen(&m, argc > 1 ? argv[1] : "host");
  if (rc) return rc;
  for (int precision = 0; precision < 2; precision++) {
    SetPrecision(&m, precision);
    AllGemm(&m);
    AllModes(&m);
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
