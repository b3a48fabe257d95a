/*
  dft.c - tables of the dense transforms: a truncated real DFT as products with small cosine and sine matrices.

  For few modes this beats an FFT (no work for dropped modes, no packing), and it needs no library. Per axis the data is
  folded once, E_j = x_j + x_{n-j}, O_j = x_j - x_{n-j}, which halves the products, long leading axes a second time about n/4
  (host.h); rows exist per distinct |frequency| and the signs are combined at the end. The inverse is the exact transpose, so adjoint pairs agree to rounding, and the
  Hermitian planes come out as defined: C = (w F)^T. hostdft.h runs the tables.
*/
#include "host.h"
#include <stdlib.h>
#include <string.h>

static void Store(void *table, int precision, size_t i, double v)
{
  if (precision) ((double *)table)[i] = v;
  else ((float *)table)[i] = (float)v;
}

/* cos and sin of 2 pi k j / n with the argument reduced in integers */
static double Turn(PetscInt k, PetscInt j, PetscInt n, int sine)
{
  const double  pi = 3.14159265358979323846;
  const int64_t r = (int64_t)k * (int64_t)j % n, r8 = 8 * r;
  double        a = 2 * pi * (double)r / (double)n;

  if (r8 % (2 * (int64_t)n) == 0) { /* multiples of a quarter turn are exact: inert modes get exactly zero */
    static const double c[4] = {1, 0, -1, 0}, s[4] = {0, 1, 0, -1};
    const int64_t       q = r8 / (2 * (int64_t)n);
    return sine ? s[q] : c[q];
  }
  if (2 * r > n) a -= 2 * pi;
  return sine ? sin(a) : cos(a);
}

static PetscInt Pad(PetscInt n, int lanes)
{
  return (n + lanes - 1) / lanes * lanes;
}

/* distinct |frequencies| of a leading axis, even ones first where it is folded twice, and which rows each slot uses */
static int LeadingRows(NomosDenseAxis *x, const PetscInt *freq)
{
  PetscInt *row = (PetscInt *)calloc((size_t)x->n / 2 + 1, sizeof(*row)), *sine = (PetscInt *)calloc((size_t)x->n / 2 + 1, sizeof(*sine)), *of = x->slot_sign + x->m;
  const int step = NomosDenseTwice(x->n) ? 2 : 1;

  if (!row || !sine) {
    free(row), free(sine);
    return NOMOS_ERR_MEM;
  }
  for (PetscInt s = 0; s < x->m; s++)
    if (freq[s] != NOMOS_ABSENT) row[freq[s] < 0 ? -freq[s] : freq[s]] = 1;
  for (int first = 0; first < step; first++) {
    for (PetscInt f = first; f <= x->n / 2; f += step) {
      sine[f] = row[f] && f > 0 && 2 * f != x->n ? x->ns++ : -1;
      if (row[f]) of[x->nc] = f;
      row[f] = row[f] ? x->nc++ : -1;
    }
    if (first == 0) x->ce = x->nc, x->se = x->ns;
  }
  for (PetscInt s = 0; s < x->m; s++) {
    const PetscInt f = freq[s] == NOMOS_ABSENT ? 0 : (freq[s] < 0 ? -freq[s] : freq[s]);
    x->slot_cos[s]  = freq[s] == NOMOS_ABSENT ? -1 : row[f];
    x->slot_sin[s]  = freq[s] == NOMOS_ABSENT ? -1 : sine[f];
    x->slot_sign[s] = freq[s] < 0 ? -1 : 1;
  }
  free(row), free(sine);
  return NOMOS_OK;
}

static int LeadingTables(NomosDenseAxis *x, int precision)
{
  const PetscInt *f = x->slot_sign + x->m;
  const size_t    real = precision ? 8 : 4;
  PetscInt        b = 0;

  x->cos_aj = calloc((size_t)x->nc * (size_t)(x->n / 2 + 1) + 1, real);
  x->sin_aj = calloc((size_t)x->ns * (size_t)x->nsin + 1, real);
  if (!x->cos_aj || !x->sin_aj) return NOMOS_ERR_MEM;
  for (PetscInt a = 0; a < x->nc; a++) {
    for (PetscInt j = 0; j <= x->n / 2; j++) Store(x->cos_aj, precision, (size_t)a * (size_t)(x->n / 2 + 1) + (size_t)j, Turn(f[a], j, x->n, 0));
    if (f[a] == 0 || 2 * f[a] == x->n) continue;
    for (PetscInt j = 1; j <= x->nsin; j++) Store(x->sin_aj, precision, (size_t)b * (size_t)x->nsin + (size_t)(j - 1), Turn(f[a], j, x->n, 1));
    b++;
  }
  return NOMOS_OK;
}

/* entry of the unfolded table at points j and n-j */
static void Full(NomosDenseAxis *x, int precision, int t, PetscInt s, PetscInt j, double c, double q)
{
  const size_t row = (size_t)(x->lc + x->ls);

  Store(x->full[t], precision, (size_t)j * row + (size_t)s, c);
  if (j > 0) Store(x->full[t], precision, (size_t)(x->n - j) * row + (size_t)s, c);
  if (s < x->ls && j > 0 && 2 * j != x->n) {
    Store(x->full[t], precision, (size_t)j * row + (size_t)(x->lc + s), q);
    Store(x->full[t], precision, (size_t)(x->n - j) * row + (size_t)(x->lc + s), -q);
  }
}

/* last axis: slots are frequencies 0..m-1; scaled by scale_f (0) and by scale_i times the half-spectrum weight (1) */
static int LastTables(NomosDenseAxis *x, const PetscInt *freq, const NomosFFTDesc *d, int lanes)
{
  const size_t   real = d->precision ? 8 : 4;
  const PetscInt h1 = x->n / 2 + 1;

  x->nc = x->m;
  x->lc = Pad(x->m, lanes);
  x->ls = lanes; /* sines: up to the last slot that has one */
  for (PetscInt q = 1; q < x->m; q++)
    if (freq[q] != NOMOS_ABSENT && 2 * freq[q] != x->n) x->ls = Pad(q + 1, lanes);
  x->lh = Pad(x->half, lanes);
  for (int t = 0; t < 2; t++) {
    x->cos_ja[t] = calloc((size_t)h1 * (size_t)x->lc, real);
    x->sin_ja[t] = calloc((size_t)x->nsin * (size_t)x->ls + 1, real);
    x->cos_al[t] = calloc((size_t)x->m * (size_t)(x->lh + 1), real);
    x->sin_al[t] = calloc((size_t)x->m * (size_t)x->lh, real);
    x->full[t]   = calloc((size_t)x->n * (size_t)(x->lc + x->ls), real);
    if (!x->full[t] || !x->cos_ja[t] || !x->sin_ja[t] || !x->cos_al[t] || !x->sin_al[t]) return NOMOS_ERR_MEM;
    for (PetscInt s = 0; s < x->m; s++) {
      const double w = freq[s] == NOMOS_ABSENT ? 0 : t ? d->scale_i * (freq[s] == 0 || 2 * freq[s] == x->n ? 1 : 2) : d->scale_f;
      if (freq[s] == NOMOS_ABSENT) continue;
      if (freq[s] != s || 2 * s > x->n) return NOMOS_ERR_ARG;
      for (PetscInt j = 0; j < h1; j++) {
        const double c = w * Turn(s, j, x->n, 0), q = -w * Turn(s, j, x->n, 1);
        Store(x->cos_ja[t], d->precision, (size_t)j * (size_t)x->lc + (size_t)s, c);
        if (x->n <= NOMOS_DENSE_FULL) Full(x, d->precision, t, s, j, c, q);
        if (s > 0 && s < x->ls && j >= 1 && j <= x->nsin) Store(x->sin_ja[t], d->precision, (size_t)(j - 1) * (size_t)x->ls + (size_t)s, q);
        if (j < x->half) {
          Store(x->cos_al[t], d->precision, (size_t)s * (size_t)(x->lh + 1) + (size_t)j, c);
          Store(x->sin_al[t], d->precision, (size_t)s * (size_t)x->lh + (size_t)j, q);
        } else Store(x->cos_al[t], d->precision, (size_t)s * (size_t)(x->lh + 1) + (size_t)x->lh, c);
      }
    }
  }
  return NOMOS_OK;
}

void NomosDenseDestroy(NomosDense *p)
{
  if (!p) return;
  for (int j = 0; j < 3; j++) {
    NomosDenseAxis *x = &p->axis[j];
    free(x->slot_cos), free(x->slot_sin), free(x->slot_sign), free(x->cos_aj), free(x->sin_aj);
    for (int t = 0; t < 2; t++) free(x->cos_ja[t]), free(x->sin_ja[t]), free(x->cos_al[t]), free(x->sin_al[t]), free(x->full[t]);
    free(p->work[j]);
  }
  free(p->row[0]), free(p->row[1]);
  free(p);
}

/* scratch for one field: after the first axis, after the second, after the last (and its complex rows in 3-D) */
static int Work(NomosDense *p)
{
  const NomosDenseAxis *l = &p->axis[p->dim - 1];
  const size_t          real = p->precision ? 8 : 4, row = (size_t)(2 * l->lc);
  size_t                rows = 1, pad = (size_t)(4 * p->lanes), n[3];

  for (int j = 0; j < p->dim - 1; j++) rows *= (size_t)(p->axis[j].nc + p->axis[j].ns);
  n[0] = rows * row + pad;                                                          /* rows of the last axis */
  n[1] = 1 + pad;
  n[2] = 2 * (size_t)p->kp + pad;                                                   /* one spectrum with room to spill */
  if (p->dim == 2) n[1] = rows * (size_t)p->n[1] + pad;
  if (p->dim == 3) {
    const size_t r1 = (size_t)(p->axis[0].nc + p->axis[0].ns);
    n[1] = r1 * (size_t)p->n[1] * (size_t)p->n[2] + rows * (size_t)p->n[2] + 2 * r1 * (size_t)p->m[1] * (size_t)l->lc + 3 * pad;
  }
  for (int j = 0; j < 3; j++) {
    p->worksize[j] = n[j];
    p->work[j]     = aligned_alloc(64, (n[j] * real + 63) / 64 * 64);
    if (!p->work[j]) return NOMOS_ERR_MEM;
    memset(p->work[j], 0, n[j] * real);
  }
  return NOMOS_OK;
}

/* where the rows of the leading axes begin: in tiles for the fields, one after the other in the scratch */
static int Rows(NomosDense *p, const NomosFFTDesc *d)
{
  p->channels = d->channels, p->tile = d->tile > 0 ? d->tile : p->points;
  if (p->points % p->tile || (d->tile > 0 && d->channels < 1)) return NOMOS_ERR_ARG;
  for (int a = 0, inner = 1; a < p->dim - 1; a++, inner = 1) {
    for (int j = a + 1; j < p->dim; j++) inner *= (int)d->n[j];
    p->row[a] = (size_t *)malloc((size_t)d->n[a] * sizeof(size_t));
    if (!p->row[a]) return NOMOS_ERR_MEM;
    if (a == 0 && p->tile % inner) return NOMOS_ERR_ARG;
    for (PetscInt j = 0; j < d->n[a]; j++) {
      const size_t at = (size_t)j * (size_t)inner, tile = (size_t)p->tile;
      p->row[a][j] = a > 0 || tile == (size_t)p->points ? at : at / tile * tile * (size_t)p->channels + at % tile;
    }
  }
  return p->dim == 1 && p->tile != p->points ? NOMOS_ERR_ARG : NOMOS_OK;
}

int NomosDenseCreate(const NomosFFTDesc *d, int lanes, NomosDense **plan)
{
  NomosDense *p;
  int         err = NOMOS_OK;

  *plan = NULL;
  if (d->dim < 1 || d->dim > 3) return NOMOS_ERR_ARG;
  for (int j = 0; j < d->dim; j++)
    if (d->n[j] < 1 || d->n[j] > 512 || d->m[j] < 1) return NOMOS_ERR_ARG;
  p = (NomosDense *)calloc(1, sizeof(*p));
  if (!p) return NOMOS_ERR_MEM;
  p->dim = d->dim, p->precision = d->precision, p->lanes = lanes, p->batch = d->batch, p->points = p->modes = 1;
  for (int j = 0; j < d->dim && !err; j++) {
    NomosDenseAxis *x = &p->axis[j];
    p->n[j] = d->n[j], p->m[j] = d->m[j];
    p->points *= d->n[j], p->modes *= d->m[j];
    x->n = d->n[j], x->m = d->m[j], x->half = (x->n + 1) / 2, x->nsin = (x->n - 1) / 2;
    x->slot_cos  = (PetscInt *)calloc((size_t)x->m, sizeof(PetscInt));
    x->slot_sin  = (PetscInt *)calloc((size_t)x->m, sizeof(PetscInt));
    x->slot_sign = (PetscInt *)calloc((size_t)(x->m + x->n / 2 + 1), sizeof(PetscInt));
    if (!x->slot_cos || !x->slot_sin || !x->slot_sign) err = NOMOS_ERR_MEM;
    else if (j < d->dim - 1) {
      for (PetscInt s = 0; s < x->m && !err; s++)
        if (d->freq[j][s] != NOMOS_ABSENT && (2 * d->freq[j][s] > x->n || 2 * d->freq[j][s] < -x->n)) err = NOMOS_ERR_ARG;
      if (!err) err = LeadingRows(x, d->freq[j]);
      if (!err) err = LeadingTables(x, d->precision);
    } else err = LastTables(x, d->freq[j], d, lanes);
  }
  p->kp = NomosFFTPad(p->modes);
  if (!err) err = Work(p);
  if (!err) err = Rows(p, d);
  if (err) {
    NomosDenseDestroy(p);
    return err;
  }
  *plan = p;
  return NOMOS_OK;
}
