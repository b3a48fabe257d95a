/*
  hostgemm.h - channel products on the host: Y = A X, X = A^T Y, A += Y X^T on fields [channel][point].

  Register-blocked: MR output channels times two vectors of points; A is small and stays in L1, its entries are
  broadcast. For weight gradients the lanes run over the points and are summed at the end of each sample.
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

/* rows x (nv vectors) of Y: acc = bias [+ Y] + sum_i A[r*rs + i*cs] X[i*xs + .]; rows and nv are constants after inlining */
INLINE void GemmTile(const int rows, const int nv, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, const NomosReal *bias, int add)
{
  Vector acc[MR][2];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < nv; v++) acc[r][v] = VSplat(bias[r]);
  if (add)
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < nv; v++) acc[r][v] += VLOAD(Y + r * ys + v * LN);
  for (PetscInt i = 0; i < in; i++) {
    Vector x[2];
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
INLINE void GemmColumns(const int nv, PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, const NomosReal *bias, int add)
{
  static const NomosReal none[MR] = {0};
  const PetscInt         tiles = (out + MR - 1) / MR;
  for (PetscInt o = 0, t = 0; t < tiles; t++) {
    const PetscInt   rows = (out - o + tiles - t - 1) / (tiles - t);
    const NomosReal *a = A + o * rs, *c = bias ? bias + o : none;
    NomosReal       *y = Y + o * ys;
  #define GEMM_CASE(n) \
  case n: \
    for (PetscInt p = 0; p < points; p += nv * LN) GemmTile(n, nv, in, a, rs, cs, X + p, xs, y + p, ys, c, add); \
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
    o += rows;
  }
}

/* the last few points, fewer than a vector */
static void GemmRest(PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, const NomosReal *bias, int add)
{
  for (PetscInt o = 0; o < out; o++) {
    NomosReal s[LN];
    for (PetscInt p = 0; p < points; p++) s[p] = (bias ? bias[o] : 0) + (add ? Y[o * ys + p] : 0);
    for (PetscInt i = 0; i < in; i++)
      for (PetscInt p = 0; p < points; p++) s[p] += A[o * rs + i * cs] * X[i * xs + p];
    for (PetscInt p = 0; p < points; p++) Y[o * ys + p] = s[p];
  }
}

/* Large fields: 64 points of all input channels are copied side by side first. Rows of a field lie a power of two apart
   there; their cache lines would push each other out, and their pages out of the page cache, while the output channels pass
   over them. */
#define PACK 64
static void GemmPacked(PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, NomosReal *Y, const NomosReal *bias, int add)
{
  NomosReal T[256 * PACK] __attribute__((aligned(64)));
  for (PetscInt i = 0; i < in; i++)
    for (int v = 0; v < PACK; v += LN) VPTR(T + i * PACK + v) = VLOAD(X + i * points + v);
  GemmColumns(2, PACK, out, in, A, rs, cs, T, PACK, Y, points, bias, add);
}

static void GemmField(PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, NomosReal *Y, const NomosReal *bias, int add)
{
  PetscInt p = 0;
  if (points >= 1024 && in <= 256 && out > MR)
    for (; p + PACK <= points; p += PACK) GemmPacked(points, out, in, A, rs, cs, X + p, Y + p, bias, add);
  for (PetscInt n; p + 2 * LN <= points; p += n) { /* so few columns that they stay in the first cache */
    n = points - p < 8 * LN ? (points - p) / (2 * LN) * (2 * LN) : 8 * LN;
    GemmColumns(2, n, out, in, A, rs, cs, X + p, points, Y + p, points, bias, add);
  }
  for (; p + LN <= points; p += LN) GemmColumns(1, LN, out, in, A, rs, cs, X + p, points, Y + p, points, bias, add);
  if (p < points) GemmRest(points - p, out, in, A, rs, cs, X + p, points, Y + p, points, bias, add);
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
static void Grad(const NomosGemm *g, size_t xs, size_t ys)
{
  const PetscInt n = g->points;
  if (!g->add)
    for (PetscInt j = 0; j < g->in * g->out; j++) g->A[j] = 0;
  for (PetscInt first = 0; first < n; first += 1024) { /* so many points of all channels stay in the second cache */
    const PetscInt points = n - first < 1024 ? n - first : 1024;
    PetscInt       o = 0;
    for (; o + GO <= g->out; o += GO) GradRows(GO, g->in, g->batch, points, n, g->Y + o * n + first, ys, g->X + first, xs, g->A + o * g->in);
  #if GO > 2
    for (; o + 2 <= g->out; o += 2) GradRows(2, g->in, g->batch, points, n, g->Y + o * n + first, ys, g->X + first, xs, g->A + o * g->in);
  #endif
    for (; o < g->out; o++) GradRows(1, g->in, g->batch, points, n, g->Y + o * n + first, ys, g->X + first, xs, g->A + o * g->in);
  }
}

/* sum[c] += sum over samples and points of Y (X), in double from runs of 512 points in vector lanes */
static void Dot(const NomosGemm *g, size_t xs, size_t ys)
{
  for (PetscInt c = 0; c < g->out; c++) {
    double s = g->add ? g->sum[c] : 0;
    for (PetscInt b = 0; b < g->batch; b++) {
      const NomosReal *y = g->Y + (size_t)b * ys + (size_t)c * (size_t)g->points, *x = g->X ? g->X + (size_t)b * xs + (size_t)c * (size_t)g->points : NULL;
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

static int HostGemm(const NomosGemm *g)
{
  const size_t xs = (size_t)(g->xstride ? g->xstride : g->in * g->points), ys = (size_t)(g->ystride ? g->ystride : g->out * g->points);
  if (g->op == NOMOS_GEMM_YXT) Grad(g, xs, ys);
  if (g->op == NOMOS_GEMM_DOT) Dot(g, xs, ys);
  if (g->op == NOMOS_GEMM_YXT || g->op == NOMOS_GEMM_DOT) return NOMOS_OK;
  for (PetscInt b = 0; b < g->batch; b++) {
    NomosReal *X = g->X + (size_t)b * xs, *Y = g->Y + (size_t)b * ys;
    if (g->op == NOMOS_GEMM_AX) GemmField(g->points, g->out, g->in, g->A, g->in, 1, X, Y, g->bias, g->add);
    else GemmField(g->points, g->in, g->out, g->A, 1, g->in, Y, X, NULL, g->add);
  }
  return NOMOS_OK;
}
