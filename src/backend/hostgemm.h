/*
  hostgemm.h - channel products on the host: Y = A X, X = A^T Y, A += Y X^T on fields [channel][point].

  Register-blocked: MR output channels times two vectors of points; A is small and stays in L1, its entries are
  broadcast. For weight gradients the lanes run over the points and are summed at the end of each sample.
*/
#if NOMOS_VECTOR_BYTES == 64
  #define MR 12
  #define GO 4
  #define GI 6
#elif NOMOS_VECTOR_BYTES == 32
  #define MR 6
  #define GO 3
  #define GI 4
#else
  #define MR 4
  #define GO 2
  #define GI 4
#endif

/* rows x (nv vectors) of Y: acc = [Y] + sum_i A[r*rs + i*cs] X[i*xs + .]; rows and nv are constants after inlining */
INLINE void GemmTile(const int rows, const int nv, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, const NomosReal *bias, int add)
{
  Vector acc[MR][2];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < nv; v++) {
      acc[r][v] = bias ? VSplat(bias[r]) : VZERO;
      if (add) acc[r][v] += VLOAD(Y + r * ys + v * LN);
    }
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

/* all output channels of one column of nv vectors */
INLINE void GemmColumn(const int nv, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, PetscInt xs, NomosReal *Y, PetscInt ys, const NomosReal *bias, int add)
{
  PetscInt o = 0;
  for (; o + MR <= out; o += MR) GemmTile(MR, nv, in, A + o * rs, rs, cs, X, xs, Y + o * ys, ys, bias ? bias + o : NULL, add);
  for (; o + 2 <= out; o += 2) GemmTile(2, nv, in, A + o * rs, rs, cs, X, xs, Y + o * ys, ys, bias ? bias + o : NULL, add);
  for (; o < out; o++) GemmTile(1, nv, in, A + o * rs, rs, cs, X, xs, Y + o * ys, ys, bias ? bias + o : NULL, add);
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

static void GemmField(PetscInt points, PetscInt out, PetscInt in, const NomosReal *A, PetscInt rs, PetscInt cs, const NomosReal *X, NomosReal *Y, const NomosReal *bias, int add)
{
  PetscInt p = 0;
  for (; p + 2 * LN <= points; p += 2 * LN) GemmColumn(2, out, in, A, rs, cs, X + p, points, Y + p, points, bias, add);
  for (; p + LN <= points; p += LN) GemmColumn(1, out, in, A, rs, cs, X + p, points, Y + p, points, bias, add);
  if (p < points) GemmRest(points - p, out, in, A, rs, cs, X + p, points, Y + p, points, bias, add);
}

/* no x ni block of A += sum_b Y_b X_b^T: the sums of all samples stay in registers */
INLINE void GradTile(const int no, const int ni, PetscInt batch, PetscInt points, const NomosReal *Y, size_t ys, const NomosReal *X, size_t xs, NomosReal *A, PetscInt as)
{
  Vector acc[GO][GI];
  for (int o = 0; o < no; o++)
    for (int i = 0; i < ni; i++) acc[o][i] = VZERO;
  for (PetscInt b = 0; b < batch; b++) {
    const NomosReal *u = Y + (size_t)b * ys, *v = X + (size_t)b * xs;
    PetscInt         p = 0;
    for (; p + LN <= points; p += LN) {
      Vector y[GO];
      for (int o = 0; o < no; o++) y[o] = VLOAD(u + o * points + p);
      for (int i = 0; i < ni; i++) {
        const Vector x = VLOAD(v + i * points + p);
        for (int o = 0; o < no; o++) acc[o][i] += y[o] * x;
      }
    }
    for (; p < points; p++)
      for (int o = 0; o < no; o++)
        for (int i = 0; i < ni; i++) acc[o][i][0] += u[o * points + p] * v[i * points + p];
  }
  for (int o = 0; o < no; o++)
    for (int i = 0; i < ni; i++) A[o * as + i] += VSum(acc[o][i]);
}

INLINE void GradRows(const int no, PetscInt in, PetscInt batch, PetscInt points, const NomosReal *Y, size_t ys, const NomosReal *X, size_t xs, NomosReal *A)
{
  PetscInt i = 0;
  for (; i + GI <= in; i += GI) GradTile(no, GI, batch, points, Y, ys, X + i * points, xs, A + i, in);
  for (; i < in; i++) GradTile(no, 1, batch, points, Y, ys, X + i * points, xs, A + i, in);
}
static void Grad(const NomosGemm *g, size_t xs, size_t ys)
{
  PetscInt o = 0;
  if (!g->add)
    for (PetscInt j = 0; j < g->in * g->out; j++) g->A[j] = 0;
  for (; o + GO <= g->out; o += GO) GradRows(GO, g->in, g->batch, g->points, g->Y + o * g->points, ys, g->X, xs, g->A + o * g->in);
  for (; o < g->out; o++) GradRows(1, g->in, g->batch, g->points, g->Y + o * g->points, ys, g->X, xs, g->A + o * g->in);
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
