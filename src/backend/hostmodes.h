/*
  hostmodes.h - products per mode on the host, lanes over the modes: X [b][in][2][kp], Y [b][out][2][kp],
  W [kp/16][in][out][2][16]. A tile is a few result channels of one sample and 16 modes.
*/
#define NV ((int)(NOMOS_LANES / LN)) /* vectors in a block of 16 modes: whole cache lines are used when they are loaded */
#if NOMOS_VECTOR_BYTES == 64
  #define MT (NV == 1 ? 6 : 4) /* result channels of a tile: as many as the registers take */
#else
  #define MT (NV <= 2 ? 3 : 1)
#endif

/* nr result channels (weights wr, results rr apart) of one sample and block of modes: acc = sum_j (or conj) W_j S_j */
INLINE void ModesTile(const int nr, const int conjugate, const int add, PetscInt nj, const NomosReal *W, size_t ws, size_t wr, const NomosReal *S, size_t ss, NomosReal *R, size_t rr, PetscInt kp)
{
  Vector re[6][NV], im[6][NV];
  for (int r = 0; r < nr; r++)
    for (int v = 0; v < NV; v++) {
      re[r][v] = add ? VLOAD(R + r * rr + v * LN) : VZERO;
      im[r][v] = add ? VLOAD(R + r * rr + kp + v * LN) : VZERO;
    }
  for (PetscInt j = 0; j < nj; j++)
    for (int v = 0; v < NV; v++) {
      const Vector sr = VLOAD(S + j * ss + v * LN), si = VLOAD(S + j * ss + kp + v * LN);
      for (int r = 0; r < nr; r++) {
        const Vector a = VLOAD(W + r * wr + j * ws + v * LN), b = VLOAD(W + r * wr + j * ws + NOMOS_LANES + v * LN);
        re[r][v] += a * sr;
        im[r][v] += a * si;
        if (conjugate) {
          re[r][v] += b * si;
          im[r][v] -= b * sr;
        } else {
          re[r][v] -= b * si;
          im[r][v] += b * sr;
        }
      }
    }
  for (int r = 0; r < nr; r++)
    for (int v = 0; v < NV; v++) {
      VPTR(R + r * rr + v * LN)      = re[r][v];
      VPTR(R + r * rr + kp + v * LN) = im[r][v];
    }
}

/* nr result channels of all samples in one block of modes */
INLINE void ModesRows(const int nr, const int conjugate, const NomosModes *g, PetscInt nj, const NomosReal *W, size_t ws, size_t wr, const NomosReal *S, size_t sb, NomosReal *R, size_t rb)
{
  const size_t ss = 2 * (size_t)g->kp;
  if (g->add)
    for (PetscInt b = 0; b < g->batch; b++) ModesTile(nr, conjugate, 1, nj, W, ws, wr, S + (size_t)b * sb, ss, R + (size_t)b * rb, ss, g->kp);
  else
    for (PetscInt b = 0; b < g->batch; b++) ModesTile(nr, conjugate, 0, nj, W, ws, wr, S + (size_t)b * sb, ss, R + (size_t)b * rb, ss, g->kp);
}
INLINE void ModesProduct(const int conjugate, const NomosModes *g)
{
  const PetscInt   nr = conjugate ? g->in : g->out, nj = conjugate ? g->out : g->in;
  const size_t     ss = 2 * (size_t)g->kp, sb = ss * (size_t)nj, rb = ss * (size_t)nr, row = 2 * NOMOS_LANES * (size_t)g->out, one = 2 * NOMOS_LANES;
  const size_t     ws = conjugate ? one : row, wr = conjugate ? row : one;
  const NomosReal *S = conjugate ? g->Y : g->X;
  NomosReal       *R = conjugate ? g->X : g->Y;
  for (PetscInt k = 0; k < g->kp; k += NOMOS_LANES) {
    const NomosReal *W = g->W + (size_t)(k / NOMOS_LANES) * row * (size_t)g->in;
    PetscInt         r = 0;
    for (; r + MT <= nr; r += MT) ModesRows(MT, conjugate, g, nj, W + (size_t)r * wr, ws, wr, S + k, sb, R + (size_t)r * ss + k, rb);
    for (; r < nr; r++) ModesRows(1, conjugate, g, nj, W + (size_t)r * wr, ws, wr, S + k, sb, R + (size_t)r * ss + k, rb);
  }
}

/* W[i][o..o+no) (+)= sum_b conj(X_b,i) Y_b,o */
INLINE void ModesGradTile(const int no, const int add, PetscInt batch, const NomosReal *X, size_t xb, const NomosReal *Y, size_t yb, NomosReal *W, PetscInt kp)
{
  Vector re[6][NV], im[6][NV];
  for (int o = 0; o < no; o++)
    for (int v = 0; v < NV; v++) {
      re[o][v] = add ? VLOAD(W + o * 2 * NOMOS_LANES + v * LN) : VZERO;
      im[o][v] = add ? VLOAD(W + (2 * o + 1) * NOMOS_LANES + v * LN) : VZERO;
    }
  for (PetscInt b = 0; b < batch; b++)
    for (int v = 0; v < NV; v++) {
      const Vector xr = VLOAD(X + b * xb + v * LN), xi = VLOAD(X + b * xb + kp + v * LN);
      for (int o = 0; o < no; o++) {
        const NomosReal *y = Y + b * yb + (size_t)o * 2 * (size_t)kp + v * LN;
        const Vector     yr = VLOAD(y), yi = VLOAD(y + kp);
        re[o][v] += xr * yr;
        im[o][v] += xr * yi;
        re[o][v] += xi * yi;
        im[o][v] -= xi * yr;
      }
    }
  for (int o = 0; o < no; o++)
    for (int v = 0; v < NV; v++) VPTR(W + o * 2 * NOMOS_LANES + v * LN) = re[o][v], VPTR(W + (2 * o + 1) * NOMOS_LANES + v * LN) = im[o][v];
}

/* in channels i0 .. i1-1, out channels o0 .. o1-1: a tile's Y of all samples stay in the first cache while the X pass by */
INLINE void ModesGradPart(const int add, const NomosModes *g, PetscInt i0, PetscInt i1, PetscInt o0, PetscInt o1)
{
  const size_t one = 2 * (size_t)g->kp, xb = g->xstride ? (size_t)g->xstride : one * (size_t)g->in, yb = one * (size_t)g->out, row = 2 * NOMOS_LANES * (size_t)g->out;
  for (PetscInt k = 0; k < g->kp; k += NOMOS_LANES) {
    NomosReal *W = g->W + (size_t)(k / NOMOS_LANES) * (size_t)g->in * row;
    PetscInt   o = o0;
    for (; o + MT <= o1; o += MT)
      for (PetscInt i = i0; i < i1; i++) ModesGradTile(MT, add, g->batch, g->X + (size_t)i * one + k, xb, g->Y + (size_t)o * one + k, yb, W + (size_t)i * row + o * 2 * NOMOS_LANES, g->kp);
    for (; o < o1; o++)
      for (PetscInt i = i0; i < i1; i++) ModesGradTile(1, add, g->batch, g->X + (size_t)i * one + k, xb, g->Y + (size_t)o * one + k, yb, W + (size_t)i * row + o * 2 * NOMOS_LANES, g->kp);
  }
}
/* rows i*out + o from first to last-1: a part of one input channel, whole ones, a part of one */
INLINE void ModesGradRows(const int add, const NomosModes *g, PetscInt first, PetscInt last)
{
  const PetscInt out = g->out, i0 = first / out, i1 = last / out, o0 = first % out, o1 = last % out;
  if (i0 == i1) {
    ModesGradPart(add, g, i0, i0 + 1, o0, o1);
    return;
  }
  if (o0) ModesGradPart(add, g, i0, i0 + 1, o0, out);
  ModesGradPart(add, g, o0 ? i0 + 1 : i0, i1, 0, out);
  if (o1) ModesGradPart(add, g, i1, i1 + 1, 0, o1);
}
static void ModesGradient(const NomosModes *g)
{
  const PetscInt last = g->rows ? g->first + g->rows : g->in * g->out;
  if (g->add) ModesGradRows(1, g, g->first, last);
  else ModesGradRows(0, g, g->first, last);
}

/* a choice, not a product with 0: the old value may be NaN */
INLINE void VPut(NomosReal *p, Vector v, int add)
{
  if (add) v += VLOAD(p);
  VPTR(p) = v;
}

/* separable: one weight per channel and mode, W [kp/16][channel][2][16] */
static void ModesSeparable(const NomosModes *g)
{
  const PetscInt kp = g->kp, gradient = g->op == NOMOS_MODES_GRAD, first = gradient ? g->first : 0, last = gradient && g->rows ? g->first + g->rows : g->in;
  for (PetscInt k = 0; gradient && !g->add && k < kp; k += NOMOS_LANES) memset(g->W + ((size_t)(k / NOMOS_LANES) * (size_t)g->in + (size_t)first) * 2 * NOMOS_LANES, 0, (size_t)(last - first) * 2 * NOMOS_LANES * sizeof(NomosReal));
  for (PetscInt b = 0; b < g->batch; b++)
    for (PetscInt c = first; c < last; c++)
      for (PetscInt k = 0; k < kp; k += LN) {
        const size_t j = ((size_t)b * (size_t)g->in + (size_t)c) * 2 * (size_t)kp + (size_t)k;
        NomosReal   *W = g->W + ((size_t)(k / NOMOS_LANES) * (size_t)g->in + (size_t)c) * 2 * NOMOS_LANES + k % NOMOS_LANES, *X = g->X + j, *Y = g->Y + j;
        const Vector wr = VLOAD(W), wi = VLOAD(W + NOMOS_LANES);
        if (g->op == NOMOS_MODES_WX) {
          const Vector xr = VLOAD(X), xi = VLOAD(X + kp), re = wr * xr - wi * xi, im = wr * xi + wi * xr;
          VPut(Y, re, g->add);
          VPut(Y + kp, im, g->add);
        } else if (g->op == NOMOS_MODES_WHY) {
          const Vector yr = VLOAD(Y), yi = VLOAD(Y + kp), re = wr * yr + wi * yi, im = wr * yi - wi * yr;
          VPut(X, re, g->add);
          VPut(X + kp, im, g->add);
        } else {
          const Vector xr = VLOAD(X), xi = VLOAD(X + kp), yr = VLOAD(Y), yi = VLOAD(Y + kp);
          VPTR(W)               = wr + xr * yr + xi * yi;
          VPTR(W + NOMOS_LANES) = wi + xr * yi - xi * yr;
        }
      }
}

static int HostModes(const NomosModes *g)
{
  if (g->kp % NOMOS_LANES || (g->separable && g->in != g->out)) return NOMOS_ERR_ARG;
  if (g->first < 0 || g->rows < 0 || g->first > g->in * (g->separable ? 1 : g->out) - g->rows) return NOMOS_ERR_ARG;
  if (g->separable) ModesSeparable(g);
  else if (g->op == NOMOS_MODES_GRAD) ModesGradient(g);
  else if (g->op == NOMOS_MODES_WHY) ModesProduct(1, g);
  else ModesProduct(0, g);
  return NOMOS_OK;
}
