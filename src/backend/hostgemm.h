/*
  hostgemm.h - channel products on the host: Y = A X, X = A^T Y, A += Y X^T on fields [channel][point], and the adjoint of a
  layer, which is all of them in one pass.

  Register-blocked: MR output channels times two vectors of points; A is small and stays in L1, its entries are
  broadcast. For weight gradients the lanes run over the points and are summed at the end, or over the input channels.
*/
#if NOMOS_VECTOR_BYTES == 64
  #define MR 12
  #define GO 4
#elif NOMOS_VECTOR_BYTES == 32
  #define MR 6
  #define GO 3
#else
  #define MR 4
  #define GO 2
#endif
#define GI 4

/* What a product is added to: bias[r] + scale[r] from[r*ys + .], each of them or NULL (from NULL: nothing, scale NULL: 1); and memory that
   is read later, of which a tile fetches a line with each of its terms: so many at once would be waited for. */
typedef struct {
  const NomosReal *bias, *from, *scale, *fetch;
  PetscInt         line; /* reals from one fetch to the next: those of a line of the cache, 0: nothing is to be fetched */
} GemmStart;
#define FETCH_LINE (64 / (PetscInt)sizeof(NomosReal))
INLINE GemmStart GemmStartAt(GemmStart s, PetscInt row, PetscInt ys, PetscInt point)
{
  return (GemmStart){s.bias ? s.bias + row : NULL, s.from ? s.from + row * ys + point : NULL, s.scale ? s.scale + row : NULL, s.fetch, s.line};
}
/* that of a product with this result, at the sample that begins there */
static GemmStart GemmStartOf(const NomosGemm *g, const NomosReal *result, size_t first)
{
  const NomosReal *from = g->from ? g->from : g->add ? result : NULL;
  return (GemmStart){g->op == NOMOS_GEMM_AX ? g->bias : NULL, from ? from + first : NULL, g->scale, g->A, 0};
}

/* rows x (nv vectors) of Y: acc = start + sum_i A[r*rs + i*cs] X[i*xs + .]; rows and nv are constants after inlining; here bias and scale
   are given */
INLINE void GemmTile(const int rows, const int nv, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, const GemmStart s)
{
  Vector acc[MR][2];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < nv; v++) acc[r][v] = VSplat(s.bias[r]);
  if (s.from)
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < nv; v++) acc[r][v] += VSplat(s.scale[r]) * VLOAD(s.from + r * ys + v * LN);
  for (PetscInt i = 0; i < in; i++) {
    Vector x[2];
    __builtin_prefetch(s.fetch + i * s.line, 0, 2);
    for (int v = 0; v < nv; v++) x[v] = VLOAD(X + i * xs + v * LN);
    for (int r = 0; r < rows; r++) {
      const Vector a = VSplat(A[r * rs + i * cs]);
      for (int v = 0; v < nv; v++) acc[r][v] += a * x[v];
    }
  }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < nv; v++) VPTR(Y + r * ys + v * LN) = acc[r][v];
}

/* all output channels of some points, whole columns of nv vectors: in tiles of rows as even as possible, since a tile of few rows
   waits for its own sums; a tile goes over all the columns, since a core that guesses the next number of rows wrong loses time */
INLINE void GemmColumns(const int nv, PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, GemmStart start)
{
  #define GEMM_ONES 1, 1, 1, 1
  static const NomosReal none[MR] = {0}, ones[12] = {GEMM_ONES, GEMM_ONES, GEMM_ONES};
  const PetscInt         tiles = (out + MR - 1) / MR;
  const NomosReal       *fetch = start.fetch;
  for (PetscInt o = 0, t = 0; t < tiles; t++) {
    const PetscInt   rows = (out - o + tiles - t - 1) / (tiles - t);
    const NomosReal *a = A + o * rs;
    NomosReal       *y = Y + o * ys;
    GemmStart        s = GemmStartAt(start, o, ys, 0);
    s.fetch = fetch;
    if (!s.bias) s.bias = none;
    if (!s.scale) s.scale = ones;
  #define GEMM_CASE(n) \
  case n: \
    for (PetscInt p = 0; p < points; p += nv * LN, s.fetch += in * s.line) GemmTile(n, nv, in, a, rs, cs, X + p, xs, y + p, ys, GemmStartAt(s, 0, ys, p)); \
    break;
    switch (rows) {
      GEMM_CASE(1)
      GEMM_CASE(2)
      GEMM_CASE(3)
      GEMM_CASE(4)
  #if MR >= 6
      GEMM_CASE(5)
      GEMM_CASE(6)
  #endif
  #if MR >= 12
      GEMM_CASE(7)
      GEMM_CASE(8)
      GEMM_CASE(9)
      GEMM_CASE(10)
      GEMM_CASE(11)
      GEMM_CASE(12)
  #endif
    }
  #undef GEMM_CASE
    fetch = s.fetch;
    o += rows;
  }
}

/* the last few points, fewer than a vector */
static void GemmRest(PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, GemmStart start)
{
  for (PetscInt o = 0; o < out; o++) {
    NomosReal s[LN];
    for (PetscInt p = 0; p < points; p++) s[p] = (start.bias ? start.bias[o] : 0) + (start.from ? (start.scale ? start.scale[o] : 1) * start.from[o * ys + p] : 0);
    for (PetscInt i = 0; i < in; i++)
      for (PetscInt p = 0; p < points; p++) s[p] += A[o * rs + i * cs] * X[i * xs + p];
    for (PetscInt p = 0; p < points; p++) Y[o * ys + p] = s[p];
  }
}

/* so few points of all channels that they stay in the first cache */
static void GemmPoints(PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, GemmStart start)
{
  const PetscInt pairs = points / (2 * LN) * (2 * LN);
  PetscInt       p = pairs;
  if (pairs) GemmColumns(2, pairs, out, in, A, rs, cs, X, xs, Y, ys, start);
  for (; p + LN <= points; p += LN) GemmColumns(1, LN, out, in, A, rs, cs, X + p, xs, Y + p, ys, GemmStartAt(start, 0, ys, p));
  if (p < points) GemmRest(points - p, out, in, A, rs, cs, X + p, xs, Y + p, ys, GemmStartAt(start, 0, ys, p));
}

/* Large fields: 64 points of all input channels are copied side by side first. Rows of a field lie a power of two apart
   there; their cache lines would push each other out, and their pages out of the page cache, while the output channels pass
   over them. */
#define PACK          64
#define PACK_CHANNELS 256
static void GemmField(PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, NomosReal *Y, GemmStart start, int ahead)
{
  NomosReal T[PACK_CHANNELS * PACK] __attribute__((aligned(64)));
  PetscInt  p = 0;
  if (points >= 1024 && in <= PACK_CHANNELS && out > MR)
    for (; p + PACK <= points; p += PACK) {
      for (PetscInt i = 0; i < in; i++)
        for (int v = 0; v < PACK; v += LN) VPTR(T + i * PACK + v) = VLOAD(X + i * points + p + v);
      GemmColumns(2, PACK, out, in, A, rs, cs, T, PACK, Y + p, points, GemmStartAt(start, 0, points, p));
    }
  for (PetscInt n; p < points; p += n) {
    n = points - p < 8 * LN ? points - p : 8 * LN;
    if (ahead) start.fetch = Y + out * points + p * out, start.line = FETCH_LINE;
    GemmPoints(n, out, in, A, rs, cs, X + p, points, Y + p, points, GemmStartAt(start, 0, points, p));
  }
}

/* no x ni block of A += sum_b Y_b X_b^T: the sums of all samples stay in registers */
INLINE void GradTile(const int no, const int ni, PetscInt batch, PetscInt points, PetscInt stride, const NomosReal *Y, size_t ys, const NomosReal *X, size_t xs, NomosReal *A, PetscInt as)
{
  Vector acc[GO][GI];
  for (int o = 0; o < no; o++)
    for (int i = 0; i < ni; i++) acc[o][i] = VZERO;
  for (PetscInt b = 0; b < batch; b++) {
    const NomosReal *u = Y + (size_t)b * ys, *v = X + (size_t)b * xs;
    PetscInt         p = 0;
    for (; p + LN <= points; p += LN) {
      Vector y[GO];
      for (int o = 0; o < no; o++) y[o] = VLOAD(u + o * stride + p);
      for (int i = 0; i < ni; i++) {
        const Vector x = VLOAD(v + i * stride + p);
        for (int o = 0; o < no; o++) acc[o][i] += y[o] * x;
      }
    }
    for (; p < points; p++)
      for (int o = 0; o < no; o++)
        for (int i = 0; i < ni; i++) acc[o][i][0] += u[o * stride + p] * v[i * stride + p];
  }
  Vector    all[GO * GI + LN];
  NomosReal sum[GO * GI + LN];
  for (int q = 0; q < no * ni + LN; q++) all[q] = q < no * ni ? acc[q / ni][q % ni] : VZERO;
  for (int q = 0; q < no * ni; q += LN) VSums(all + q, sum + q);
  for (int o = 0; o < no; o++)
    for (int i = 0; i < ni; i++) A[o * as + i] += sum[o * ni + i];
}

/* input channels in tiles as even as possible */
INLINE void GradRows(const int no, PetscInt in, PetscInt batch, PetscInt points, PetscInt stride, const NomosReal *Y, size_t ys, const NomosReal *X, size_t xs, NomosReal *A)
{
  const PetscInt tiles = (in + GI - 1) / GI;
  for (PetscInt i = 0, t = 0, n; t < tiles; t++, i += n) {
    const NomosReal *x = X + i * stride;
    n = (in - i + tiles - t - 1) / (tiles - t);
  #define GRAD_CASE(ni) \
  case ni: GradTile(no, ni, batch, points, stride, Y, ys, x, xs, A + i, in); break;
    switch (n) {
      GRAD_CASE(1)
      GRAD_CASE(2)
      GRAD_CASE(3)
      GRAD_CASE(4)
    }
  #undef GRAD_CASE
  }
}
static void Grad(const NomosGemm *g, NomosReal *A, const NomosReal *X, size_t xs, size_t ys)
{
  const PetscInt n = g->points;
  for (PetscInt first = 0; first < n; first += 1024) { /* so many points of all channels stay in the second cache */
    const PetscInt points = n - first < 1024 ? n - first : 1024;
    PetscInt       o = 0;
    for (; o + GO <= g->out; o += GO) GradRows(GO, g->in, g->batch, points, n, g->Y + o * n + first, ys, X + first, xs, A + o * g->in);
  #if GO > 2
    for (; o + 2 <= g->out; o += 2) GradRows(2, g->in, g->batch, points, n, g->Y + o * n + first, ys, X + first, xs, A + o * g->in);
  #endif
    for (; o < g->out; o++) GradRows(1, g->in, g->batch, points, n, g->Y + o * n + first, ys, X + first, xs, A + o * g->in);
  }
}

/* sum[c] += sum over samples and points of Y (X), in double from runs of 512 points in vector lanes */
static void Dot(const NomosGemm *g, const NomosReal *X, size_t xs, size_t ys)
{
  for (PetscInt c = 0; c < g->out; c++) {
    double s = g->add || g->op == NOMOS_GEMM_ADJOINT ? g->sum[c] : 0;
    for (PetscInt b = 0; b < g->batch; b++) {
      const NomosReal *y = g->Y + (size_t)b * ys + (size_t)c * (size_t)g->points, *x = X ? X + (size_t)b * xs + (size_t)c * (size_t)g->points : NULL;
      for (PetscInt first = 0; first < g->points; first += 512) {
        const PetscInt end = first + 512 < g->points ? first + 512 : g->points;
        Vector         acc[2] = {VZERO, VZERO};
        PetscInt       p = first;
        for (; p + 2 * LN <= end; p += 2 * LN) {
          if (x) {
            acc[0] += VLOAD(y + p) * VLOAD(x + p);
            acc[1] += VLOAD(y + p + LN) * VLOAD(x + p + LN);
          } else {
            acc[0] += VLOAD(y + p);
            acc[1] += VLOAD(y + p + LN);
          }
        }
        s += (double)VSum(acc[0] + acc[1]);
        for (; p < end; p++) s += x ? (double)y[p] * (double)x[p] : (double)y[p];
      }
    }
    g->sum[c] = s;
  }
}

/* Weight gradients of some points, at most PACK, from T [out][PACK] and nv vectors of input channels X [channel][xs], with the lanes over
   these: X is turned, [point][channel], and meets all output channels as in a channel product; the sums of so few points are added to
   A, which keeps chains of additions short. fetch: as in GemmStart. */
INLINE void GradTurned(const int nv, PetscInt points, PetscInt out, const NomosReal *T, const NomosReal *X, PetscInt xs, NomosReal *A, PetscInt as, const NomosReal *fetch)
{
  NomosReal      Z[PACK * 2 * LN] __attribute__((aligned(64))), S[4 * MR * 2 * LN] __attribute__((aligned(64)));
  const PetscInt columns = nv * LN;
  PetscInt       p = 0;
  for (; p + LN <= points; p += LN)
    for (int v = 0; v < nv; v++) VTranspose(X + v * LN * xs + p, xs, Z + p * columns + v * LN, columns);
  for (; p < points; p++)
    for (PetscInt i = 0; i < columns; i++) Z[p * columns + i] = X[i * xs + p];
  for (PetscInt o = 0, rows; o < out; o += rows) {
    rows = out - o < 4 * MR ? out - o : 4 * MR;
    GemmColumns(nv, columns, rows, points, T + o * PACK, PACK, 1, Z, columns, S, columns, (GemmStart){NULL, NULL, NULL, fetch, FETCH_LINE});
    for (PetscInt r = 0; r < rows; r++) {
      NomosReal *a = A + (o + r) * as;
      for (int v = 0; v < columns; v += LN) VPTR(a + v) += VLOAD(S + r * columns + v);
    }
  }
}

/* The adjoint of a layer, 64 points of all channels at a time: Y times, copied side by side, meets everything that asks for it while it
   is in the first cache. The same part of what lies behind is fetched meanwhile: the next sample, or the next call's. */
static void Adjoint(const NomosGemm *g)
{
  const size_t    xs = (size_t)g->in * (size_t)g->points, ys = (size_t)g->out * (size_t)g->points;
  const PetscInt  N = g->points;
  const int       turned = g->input && NOMOS_VECTOR_BYTES == 64 && g->in % LN == 0; /* with 32 bytes, or empty lanes, turning takes longer than sums over lanes */
  NomosReal       T[PACK_CHANNELS * PACK] __attribute__((aligned(64)));
  Vector          sums[PACK_CHANNELS + LN];

  for (PetscInt o = 0; o < g->out + LN; o++) sums[o] = VZERO;
  for (PetscInt b = 0; b < g->batch; b++)
    for (PetscInt p = 0, n; p < N; p += n) {
      const size_t     x0 = (size_t)b * xs + (size_t)p, y0 = (size_t)b * ys + (size_t)p;
      NomosReal       *Y = g->Y + y0;
      const NomosReal *D = g->times ? g->times + y0 : NULL, *X = g->input ? g->input + x0 : NULL;
      n = N - p < PACK ? N - p : PACK;
      for (PetscInt o = 0; o < g->out; o++, Y += N) {
        Vector   sum = sums[o];
        PetscInt q = 0;
        for (; q + LN <= n; q += LN) {
          Vector y = VLOAD(Y + q);
          if (D) {
            y *= VLOAD(D + q);
            VPTR(Y + q) = y;
          }
          VPTR(T + o * PACK + q) = y;
          sum += y;
        }
        for (; q < n; q++) {
          if (D) Y[q] *= D[q];
          T[o * PACK + q] = Y[q];
          sum[0] += Y[q];
        }
        sums[o] = sum;
        if (D) D += N;
      }
      if (g->X) {
        GemmStart start = GemmStartOf(g, g->X, x0);
        start.line = FETCH_LINE;
        start.fetch = (g->times ? g->times : g->Y) + ys * (size_t)(b + 1) + (size_t)(p * g->out);
        GemmPoints(n, g->in, g->out, g->A, 1, g->in, T, PACK, g->X + x0, N, start);
      }
      if (turned) {
        PetscInt i = 0;
        for (; i + LN < g->in; i += 2 * LN) GradTurned(2, n, g->out, T, X + i * N, N, g->gradient + i, g->in, X + xs + p * (g->in - 1) + i * PACK);
        if (i < g->in) GradTurned(1, n, g->out, T, X + i * N, N, g->gradient + i, g->in, X + xs + p * (g->in - 1) + i * PACK);
      }
      if (g->sum && (p % 512 + n >= 512 || p + n == N)) { /* short runs in lanes, the rest in double */
        for (PetscInt o = 0; o < g->out; o += LN) {
          NomosReal s[LN];
          VSums(sums + o, s);
          for (PetscInt c = 0; c < LN && o + c < g->out; c++) g->sum[o + c] += (double)s[c], sums[o + c] = VZERO;
        }
      }
    }
  if (g->input && !turned) Grad(g, g->gradient, g->input, xs, ys);
}

/* the same from its parts, for layers that are too wide */
static void AdjointParts(const NomosGemm *g)
{
  const size_t xs = (size_t)g->in * (size_t)g->points, ys = (size_t)g->out * (size_t)g->points;
  if (g->times)
    for (size_t j = 0; j < (size_t)g->batch * ys; j++) g->Y[j] *= g->times[j];
  if (g->sum) Dot(g, NULL, xs, ys);
  if (g->input) Grad(g, g->gradient, g->input, xs, ys);
  for (PetscInt b = 0; b < g->batch && g->X; b++) GemmField(g->points, g->in, g->out, g->A, 1, g->in, g->Y + (size_t)b * ys, g->X + (size_t)b * xs, GemmStartOf(g, g->X, (size_t)b * xs), 0);
}

static int HostGemm(const NomosGemm *g)
{
  const size_t xs = (size_t)(g->xstride ? g->xstride : g->in * g->points), ys = (size_t)(g->ystride ? g->ystride : g->out * g->points);
  switch (g->op) {
  case NOMOS_GEMM_AX:
    for (PetscInt b = 0; b < g->batch; b++) GemmField(g->points, g->out, g->in, g->A, g->in, 1, g->X + (size_t)b * xs, g->Y + (size_t)b * ys, GemmStartOf(g, g->Y, (size_t)b * ys), g->ahead);
    break;
  case NOMOS_GEMM_ATX:
    for (PetscInt b = 0; b < g->batch; b++) GemmField(g->points, g->in, g->out, g->A, 1, g->in, g->Y + (size_t)b * ys, g->X + (size_t)b * xs, GemmStartOf(g, g->X, (size_t)b * xs), 0);
    break;
  case NOMOS_GEMM_YXT:
    if (!g->add)
      for (PetscInt j = 0; j < g->in * g->out; j++) g->A[j] = 0;
    Grad(g, g->A, g->X, xs, ys);
    break;
  case NOMOS_GEMM_DOT: Dot(g, g->X, xs, ys); break;
  case NOMOS_GEMM_ADJOINT:
    if (g->xstride || g->ystride) return NOMOS_ERR_ARG;
    if (g->out <= PACK_CHANNELS) Adjoint(g);
    else AdjointParts(g);
    break;
  default: return NOMOS_ERR_ARG;
  }
  return NOMOS_OK;
}
