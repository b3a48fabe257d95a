/*
  hostmodes.h - products per mode on the host, lanes over the modes: X [b][in][2][kp], Y [b][out][2][kp],
  W [kp/16][in][out][2][16]. A tile of three result channels and two samples shares what it loads.
*/
#define MR3 3 /* result channels of a tile */
#define MB  2 /* and samples */

/* nr result channels (weights wr, results rr apart) of nb samples, one vector of modes: acc = sum_j (or conj) W_j S_{b,j} */
INLINE void ModesTile(const int nr, const int nb, const int conjugate, const int add, PetscInt nj, const NomosReal *W, size_t ws, size_t wr, const NomosReal *S, size_t ss, size_t sb, NomosReal *R, size_t rr, size_t rb, PetscInt kp)
{
  Vector re[MR3][MB], im[MR3][MB];
  for (int r = 0; r < nr; r++)
    for (int b = 0; b < nb; b++) {
      re[r][b] = add ? VLOAD(R + r * rr + b * rb) : VZERO;
      im[r][b] = add ? VLOAD(R + r * rr + b * rb + kp) : VZERO;
    }
  for (PetscInt j = 0; j < nj; j++) {
    Vector sr[MB], si[MB];
    for (int b = 0; b < nb; b++) sr[b] = VLOAD(S + b * sb + j * ss), si[b] = VLOAD(S + b * sb + j * ss + kp);
    for (int r = 0; r < nr; r++) {
      const Vector u = VLOAD(W + r * wr + j * ws), v = VLOAD(W + r * wr + j * ws + NOMOS_LANES);
      for (int b = 0; b < nb; b++) {
        re[r][b] += u * sr[b];
        im[r][b] += u * si[b];
      }
      for (int b = 0; b < nb; b++) {
        if (conjugate) {
          re[r][b] += v * si[b];
          im[r][b] -= v * sr[b];
        } else {
          re[r][b] -= v * si[b];
          im[r][b] += v * sr[b];
        }
      }
    }
  }
  for (int r = 0; r < nr; r++)
    for (int b = 0; b < nb; b++) {
      VPTR(R + r * rr + b * rb)      = re[r][b];
      VPTR(R + r * rr + b * rb + kp) = im[r][b];
    }
}

#define MO 4 /* weights of a gradient tile */
/* W[i][o..o+no) += sum_b conj(X_b,i) Y_b,o */
INLINE void ModesGradTile(const int no, PetscInt batch, const NomosReal *X, size_t xb, const NomosReal *Y, size_t yb, NomosReal *W, PetscInt kp)
{
  Vector re[MO], im[MO];
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

/* nr result channels of all samples at one vector of modes */
INLINE void ModesRows(const int nr, const int conjugate, const NomosModes *g, PetscInt nj, const NomosReal *W, size_t ws, size_t wr, const NomosReal *S, size_t sb, NomosReal *R, size_t rb)
{
  const PetscInt kp = g->kp;
  const size_t   ss = 2 * (size_t)kp;
  PetscInt       b = 0;
  for (; b + MB <= g->batch; b += MB) {
    if (g->add) ModesTile(nr, MB, conjugate, 1, nj, W, ws, wr, S + (size_t)b * sb, ss, sb, R + (size_t)b * rb, ss, rb, kp);
    else ModesTile(nr, MB, conjugate, 0, nj, W, ws, wr, S + (size_t)b * sb, ss, sb, R + (size_t)b * rb, ss, rb, kp);
  }
  for (; b < g->batch; b++) ModesTile(nr, 1, conjugate, g->add, nj, W, ws, wr, S + (size_t)b * sb, ss, sb, R + (size_t)b * rb, ss, rb, kp);
}
INLINE void ModesProduct(const int conjugate, const NomosModes *g)
{
  const PetscInt   nr = conjugate ? g->in : g->out, nj = conjugate ? g->out : g->in;
  const size_t     ss = 2 * (size_t)g->kp, sb = ss * (size_t)nj, rb = ss * (size_t)nr, row = 2 * NOMOS_LANES * (size_t)g->out, one = 2 * NOMOS_LANES;
  const size_t     ws = conjugate ? one : row, wr = conjugate ? row : one;
  const NomosReal *S = conjugate ? g->Y : g->X;
  NomosReal       *R = conjugate ? g->X : g->Y;
  for (PetscInt k = 0; k < g->kp; k += LN) {
    const NomosReal *W = g->W + (size_t)(k / NOMOS_LANES) * row * (size_t)g->in + k % NOMOS_LANES;
    PetscInt         r = 0;
    for (; r + MR3 <= nr; r += MR3) ModesRows(MR3, conjugate, g, nj, W + (size_t)r * wr, ws, wr, S + k, sb, R + (size_t)r * ss + k, rb);
    for (; r < nr; r++) ModesRows(1, conjugate, g, nj, W + (size_t)r * wr, ws, wr, S + k, sb, R + (size_t)r * ss + k, rb);
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
      for (; o + MO <= g->out; o += MO) ModesGradTile(MO, g->batch, X, xb, g->Y + (size_t)o * 2 * (size_t)kp + k, yb, W + o * 2 * NOMOS_LANES, kp);
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
  else if (g->op == NOMOS_MODES_WHY) ModesProduct(1, g);
  else ModesProduct(0, g);
  return NOMOS_OK;
}
