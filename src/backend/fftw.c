/*
  fftw.c - the library FFT of the host: FFTW behind the same interface as the dense transforms.

  A plan transforms one field; a call loops over its fields. Kept modes are gathered from (scattered into) the full half
  spectrum with their scale. FFTW is GPL and optional (NOMOS_FFTW): without it the functions answer NOMOS_ERR_SUP.
*/
#include "host.h"

#if defined(NOMOS_HAVE_FFTW)
  #include <fftw3.h>
  #include <stdlib.h>
  #include <string.h>

typedef struct {
  int       dim, precision;
  PetscInt  points, half, modes, kp, channels, tile;
  PetscInt *where;      /* per mode: its place in the half spectrum, or -1 */
  double   *scale[4];   /* per kind and mode */
  void     *field, *spectrum;
  fftw_plan  forward, inverse;
  fftwf_plan forwardf, inversef;
} Plan;

int NomosFFTWHave(void)
{
  return 1;
}

int NomosFFTWDestroy(void *plan)
{
  Plan *p = (Plan *)plan;
  if (!p) return NOMOS_OK;
  if (p->forward) fftw_destroy_plan(p->forward);
  if (p->inverse) fftw_destroy_plan(p->inverse);
  if (p->forwardf) fftwf_destroy_plan(p->forwardf);
  if (p->inversef) fftwf_destroy_plan(p->inversef);
  for (int k = 0; k < 4; k++) free(p->scale[k]);
  fftw_free(p->field), fftw_free(p->spectrum);
  free(p->where), free(p);
  return NOMOS_OK;
}

/* place and scales of every kept mode */
static int Places(Plan *p, const NomosFFTDesc *d)
{
  const PetscInt nl = d->n[d->dim - 1], hl = nl / 2 + 1;

  for (PetscInt k = 0; k < p->modes; k++) {
    PetscInt rest = k, stride = 1, place = 0, last = 0;
    for (int j = d->dim - 1; j >= 0; j--) {
      const PetscInt f = d->freq[j][rest % d->m[j]], n = j == d->dim - 1 ? hl : d->n[j];
      rest /= d->m[j];
      if (f == NOMOS_ABSENT) place = -1;
      else if (j == d->dim - 1 && (f < 0 || f >= hl)) return NOMOS_ERR_ARG;
      else if (j < d->dim - 1 && (2 * f > d->n[j] || 2 * f < -d->n[j])) return NOMOS_ERR_ARG;
      if (place >= 0) place += stride * (f < 0 ? f + d->n[j] : f);
      if (j == d->dim - 1) last = f;
      stride *= n;
      if (place < 0) break;
    }
    p->where[k] = place;
    if (place >= 0) {
      const double w = last == 0 || 2 * last == nl ? 1 : 2;
      p->scale[NOMOS_FFT_FORWARD][k] = d->scale_f;
      p->scale[NOMOS_FFT_INVERSE][k] = d->scale_i;
      p->scale[NOMOS_FFT_FORWARD_ADJ][k] = d->scale_f / w;
      p->scale[NOMOS_FFT_INVERSE_ADJ][k] = d->scale_i * w;
    }
  }
  return NOMOS_OK;
}

int NomosFFTWCreate(const NomosFFTDesc *d, void **plan)
{
  Plan  *p;
  int    n[3], err = NOMOS_ERR_MEM;
  double total = 1;

  *plan = NULL;
  if (d->dim < 1 || d->dim > 3) return NOMOS_ERR_ARG;
  for (int j = 0; j < d->dim; j++) {
    if (d->n[j] < 1 || d->m[j] < 1) return NOMOS_ERR_ARG;
    total *= (double)d->n[j];
  }
  if (total > 2147483647.0) return NOMOS_ERR_ARG;
  p = (Plan *)calloc(1, sizeof(*p));
  if (!p) return NOMOS_ERR_MEM;
  p->dim = d->dim, p->precision = d->precision, p->points = p->modes = p->half = 1;
  p->channels = d->channels;
  for (int j = 0; j < d->dim; j++) {
    n[j] = (int)d->n[j];
    p->points *= d->n[j], p->modes *= d->m[j];
    p->half *= j == d->dim - 1 ? d->n[j] / 2 + 1 : d->n[j];
  }
  p->kp    = NomosFFTPad(p->modes);
  p->tile  = d->tile > 0 ? d->tile : p->points;
  if (p->points % p->tile || (d->tile > 0 && d->channels < 1)) {
    NomosFFTWDestroy(p);
    return NOMOS_ERR_ARG;
  }
  p->where = (PetscInt *)malloc((size_t)p->modes * sizeof(*p->where));
  for (int k = 0; k < 4; k++) p->scale[k] = (double *)calloc((size_t)p->modes, sizeof(double));
  p->field    = fftw_malloc((size_t)p->points * 8 + 64);
  p->spectrum = fftw_malloc((size_t)p->half * 16 + 64);
  if (p->where && p->scale[0] && p->scale[1] && p->scale[2] && p->scale[3] && p->field && p->spectrum) err = Places(p, d);
  if (!err) { /* ESTIMATE: the same algorithm in every run */
    if (p->precision) {
      p->forward = fftw_plan_dft_r2c(p->dim, n, (double *)p->field, (fftw_complex *)p->spectrum, FFTW_ESTIMATE);
      p->inverse = fftw_plan_dft_c2r(p->dim, n, (fftw_complex *)p->spectrum, (double *)p->field, FFTW_ESTIMATE);
    } else {
      p->forwardf = fftwf_plan_dft_r2c(p->dim, n, (float *)p->field, (fftwf_complex *)p->spectrum, FFTW_ESTIMATE);
      p->inversef = fftwf_plan_dft_c2r(p->dim, n, (fftwf_complex *)p->spectrum, (float *)p->field, FFTW_ESTIMATE);
    }
    if (p->precision ? !p->forward || !p->inverse : !p->forwardf || !p->inversef) err = NOMOS_ERR_LIB;
  }
  if (err) {
    NomosFFTWDestroy(p);
    return err;
  }
  *plan = p;
  return NOMOS_OK;
}

/* where the tile with point t of field b of a call begins */
static size_t Tile(const Plan *p, PetscInt b, PetscInt t)
{
  if (p->tile == p->points) return (size_t)b * (size_t)p->points;
  return ((size_t)(b / p->channels) * (size_t)p->points + (size_t)t) * (size_t)p->channels + (size_t)(b % p->channels) * (size_t)p->tile;
}

  /* one body for both precisions */
  #define FFTW_RUN(Name, Real, execute, forwardplan, inverseplan) \
    static void Name(Plan *p, int kind, PetscInt batch, const Real *in, Real *out, int add) \
    { \
      Real *field = (Real *)p->field, *full = (Real *)p->spectrum; \
      for (PetscInt b = 0; b < batch; b++) { \
        const double *s = p->scale[kind]; \
        if (kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ) { \
          Real *z = out + (size_t)b * 2 * (size_t)p->kp; \
          for (PetscInt t = 0; t < p->points; t += p->tile) memcpy(field + t, in + Tile(p, b, t), (size_t)p->tile * sizeof(Real)); \
          execute(forwardplan); \
          for (PetscInt k = 0; k < p->kp; k++) { \
            const PetscInt w = k < p->modes ? p->where[k] : -1; \
            z[k]             = w < 0 ? 0 : (Real)s[k] * full[2 * w]; \
            z[p->kp + k]     = w < 0 ? 0 : (Real)s[k] * full[2 * w + 1]; \
          } \
        } else { \
          const Real *z = in + (size_t)b * 2 * (size_t)p->kp; \
          memset(full, 0, (size_t)p->half * 2 * sizeof(Real)); \
          for (PetscInt k = 0; k < p->modes; k++) { \
            const PetscInt w = p->where[k]; \
            if (w >= 0) full[2 * w] = (Real)s[k] * z[k], full[2 * w + 1] = (Real)s[k] * z[p->kp + k]; \
          } \
          execute(inverseplan); \
          for (PetscInt t = 0; t < p->points; t += p->tile) { \
            Real *y = out + Tile(p, b, t); \
            for (PetscInt i = 0; i < p->tile; i++) y[i] = add ? y[i] + field[t + i] : field[t + i]; \
          } \
        } \
      } \
    }
FFTW_RUN(RunDouble, double, fftw_execute, p->forward, p->inverse)
FFTW_RUN(RunFloat, float, fftwf_execute, p->forwardf, p->inversef)

int NomosFFTWRun(void *plan, int kind, PetscInt batch, const void *in, void *out, int add)
{
  Plan *p = (Plan *)plan;
  if (add && (kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ)) return NOMOS_ERR_ARG;
  if (p->precision) RunDouble(p, kind, batch, (const double *)in, (double *)out, add);
  else RunFloat(p, kind, batch, (const float *)in, (float *)out, add);
  return NOMOS_OK;
}
#else
int NomosFFTWHave(void)
{
  return 0;
}
int NomosFFTWCreate(const NomosFFTDesc *d, void **plan)
{
  (void)d, (void)plan;
  return NOMOS_ERR_SUP;
}
int NomosFFTWRun(void *plan, int kind, PetscInt batch, const void *in, void *out, int add)
{
  (void)plan, (void)kind, (void)batch, (void)in, (void)out, (void)add;
  return NOMOS_ERR_SUP;
}
int NomosFFTWDestroy(void *plan)
{
  (void)plan;
  return NOMOS_OK;
}
#endif
