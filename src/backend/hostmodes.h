/*
  hostmodes.h - products per mode on the host, lanes over the modes: X [b][in][2][kp], Y [b][out][2][kp],
  W [kp/16][in][out][2][16]. Four samples share each weight that is loaded.
*/
#define MB 4

/* nb samples of one result channel, one vector of modes: acc_b = sum_j (or conj) W_j S_{b,j}.
   S source spectra (stride ss from channel to channel, sb from sample to sample), W stride ws from channel to channel. */
INLINE void ModesTile(const int nb, const int conjugate, const int add, PetscInt nj, const NomosReal *W, size_t ws, const NomosReal *S, size_t ss, size_t sb, NomosReal *R, size_t rb, PetscInt kp)
{
  Vector re[MB], im[MB];
  for (int b = 0; b < nb; b++) {
    re[b] = add ? VLOAD(R + b * rb) : VZERO;
    im[b] = add ? VLOAD(R + b * rb + kp) : VZERO;
  }
  for (PetscInt j = 0; j < nj; j++) {
    const Vector wr = VLOAD(W + j * ws), wi = VLOAD(W + j * ws + NOMOS_LANES);
    for (int b = 0; b < nb; b++) {
      const NomosReal *s = S + b * sb + j * ss;
      const Vector     sr = VLOAD(s), si = VLOAD(s + kp);
      if (conjugate) {
        re[b] += wr * sr;
        re[b] += wi * si;
        im[b] += wr * si;
        im[b] -= wi * sr;
      } else {
        re[b] += wr * sr;
        re[b] -= wi * si;
        im[b] += wr * si;
        im[b] += wi * sr;
      }
    }
  }
  for (int b = 0; b < nb; b++) {
    VPTR(R + b * rb)      = re[b];
    VPTR(R + b * rb + kp) = im[b];
  }
}

/* W[i][o..o+no) += sum_b conj(X_b,i) Y_b,o */
INLINE void ModesGradTile(const int no, PetscInt batch, const NomosReal *X, size_t xb, const NomosReal *Y, size_t yb, NomosReal *W, PetscInt kp)
{
  Vector re[MB], im[MB];
  for (int o = 0; o < no; o++) re[o] = VLOAD(W + o * 2 * NOMOS_LANES), im[o] = VLOAD(W + o * 2 * NOMOS_LANES + NOMOS_LANES);
  for (PetscInt b = 0; b < batch; b++) {
    const Vector xr = VLOAD(X + b * xb), xi = VLOAD(X + b * xb + kp);
    for (int o = 0; o < no; o++) {
      const NomosReal *y = Y + b * yb + (size_t)o * 2 * kp;
      const Vector     yr = VLOAD(y), yi = VLOAD(y + kp);
      re[o] += xr * yr;
      re[o] += xi * yi;
      im[o] += xr * yi;
      im[o] -= xi * yr;
    }
  }
  for (int o = 0; o < no; o++) VPTR(W + o * 2 * NOMOS_LANES) = re[o], VPTR(W + o * 2 * NOMOS_LANES + NOMOS_LANES) = im[o];
}

static void ModesProduct(const NomosModes *g, int conjugate)
{
  const PetscInt nr = conjugate ? g->in : g->out, nj = conjugate ? g->out : g->in, kp = g->kp;
  const size_t   ss = 2 * (size_t)kp, sb = ss * (size_t)nj, rb = ss * (size_t)nr, wrow = 2 * NOMOS_LANES * (size_t)g->out;
  const NomosReal *S = conjugate ? g->Y : g->X;
  NomosReal       *R = conjugate ? g->X : g->Y;
  for (PetscInt k = 0; k < kp; k += LN) {
    const NomosReal *Wk = g->W + (size_t)(k / NOMOS_LANES) * wrow * (size_t)g->in + k % NOMOS_LANES;
    for (PetscInt r = 0; r < nr; r++) {
      const NomosReal *W  = Wk + (size_t)r * (conjugate ? wrow : (size_t)(2 * NOMOS_LANES));
      const size_t     ws = conjugate ? (size_t)(2 * NOMOS_LANES) : wrow;
      PetscInt         b  = 0;
      for (; b + MB <= g->batch; b += MB) {
        const NomosReal *s = S + (size_t)b * sb + k;
        NomosReal       *q = R + (size_t)b * rb + (size_t)r * ss + k;
        if (conjugate) {
          if (g->add) ModesTile(MB, 1, 1, nj, W, ws, s, ss, sb, q, rb, kp);
          else ModesTile(MB, 1, 0, nj, W, ws, s, ss, sb, q, rb, kp);
        } else {
          if (g->add) ModesTile(MB, 0, 1, nj, W, ws, s, ss, sb, q, rb, kp);
          else ModesTile(MB, 0, 0, nj, W, ws, s, ss, sb, q, rb, kp);
        }
      }
      for (; b < g->batch; b++) {
        const NomosReal *s = S + (size_t)b * sb + k;
        NomosReal       *q = R + (size_t)b * rb + (size_t)r * ss + k;
        if (conjugate) ModesTile(1, 1, g->add, nj, W, ws, s, ss, sb, q, rb, kp);
        else ModesTile(1, 0, g->add, nj, W, ws, s, ss, sb, q, rb, kp);
      }
    }
  }
}

static void ModesGradient(const NomosModes *g)
{
  const PetscInt kp = g->kp;
  const size_t   xb = 2 * (size_t)kp * (size_t)g->in, yb = 2 * (size_t)kp * (size_t)g->out, wrow = 2 * NOMOS_LANES * (size_t)g->out;
  for (PetscInt k = 0; k < kp; k += LN)
    for (PetscInt i = 0; i < g->in; i++) {
      const NomosReal *X = g->X + (size_t)i * 2 * (size_t)kp + k;
      NomosReal       *W = g->W + (size_t)(k / NOMOS_LANES) * wrow * (size_t)g->in + (size_t)i * wrow + k % NOMOS_LANES;
      PetscInt         o = 0;
      for (; o + MB <= g->out; o += MB) ModesGradTile(MB, g->batch, X, xb, g->Y + (size_t)o * 2 * (size_t)kp + k, yb, W + o * 2 * NOMOS_LANES, kp);
      for (; o < g->out; o++) ModesGradTile(1, g->batch, X, xb, g->Y + (size_t)o * 2 * (size_t)kp + k, yb, W + o * 2 * NOMOS_LANES, kp);
    }
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
  const PetscInt kp = g->kp;
  for (PetscInt b = 0; b < g->batch; b++)
    for (PetscInt c = 0; c < g->in; c++)
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
  if (g->separable) ModesSeparable(g);
  else if (g->op == NOMOS_MODES_GRAD) ModesGradient(g);
  else ModesProduct(g, g->op == NOMOS_MODES_WHY);
  return NOMOS_OK;
}
