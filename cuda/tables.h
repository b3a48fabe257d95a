/*
  tables.h - what a transform's bodies look up, built on the host: which place of the half spectrum a kept mode has, which
  mode a place has, which place is whose conjugate, cosines and sines. Plain C, so that the host's tests build them too.
*/
#ifndef NOMOS_CUDA_TABLES_H
#define NOMOS_CUDA_TABLES_H
#include "bodies.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int       dim, n[3], m[3];
  long long points, half, modes, kp; /* half: n_0 .. n_{d-2} (n_{d-1}/2 + 1) */
  int      *place, *self, *flags;    /* per mode: in the half spectrum, in the compact one; -1: absent */
  int      *slot, *mirror;           /* per place, see EmbedArgs */
  int      *freq[3];                 /* per slot of an axis: 0..n-1 or -1 */
  double   *cs[3];                   /* per axis: cos, sin of 2 pi j/n */
} Spectrum;

static inline void SpectrumFree(Spectrum *p)
{
  free(p->place), free(p->self), free(p->flags), free(p->slot), free(p->mirror);
  for (int j = 0; j < 3; j++) free(p->freq[j]), free(p->cs[j]);
  memset(p, 0, sizeof(*p));
}

/* multiples of a quarter turn are exact */
static inline void SpectrumTurns(int n, double *cs)
{
  static const double quarter[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
  for (long long j = 0; j < n; j++) {
    const double a = 2 * 3.14159265358979323846 * (double)(2 * j > n ? j - n : j) / (double)n;
    cs[2 * j]      = 4 * j % n ? cos(a) : quarter[4 * j / n % 4][0];
    cs[2 * j + 1]  = 4 * j % n ? sin(a) : quarter[4 * j / n % 4][1];
  }
}

static inline int SpectrumAxes(Spectrum *p, const NomosFFTDesc *d)
{
  for (int j = 0; j < p->dim; j++) {
    const int last = j == p->dim - 1;
    p->freq[j]     = (int *)malloc((size_t)p->m[j] * sizeof(int));
    p->cs[j]       = (double *)malloc((size_t)p->n[j] * 2 * sizeof(double));
    if (!p->freq[j] || !p->cs[j]) return NOMOS_ERR_MEM;
    SpectrumTurns(p->n[j], p->cs[j]);
    for (int s = 0; s < p->m[j]; s++) {
      const PetscInt f = d->freq[j][s];
      if (f != NOMOS_ABSENT && (2 * f > p->n[j] || 2 * f < (last ? 0 : -p->n[j]))) return NOMOS_ERR_ARG;
      p->freq[j][s] = f == NOMOS_ABSENT ? -1 : (int)(f < 0 ? f + p->n[j] : f);
    }
  }
  return NOMOS_OK;
}

static inline void SpectrumModes(Spectrum *p)
{
  for (long long k = 0; k < p->modes; k++) {
    long long rest = k, stride = 1, place = 0;
    int       inert = 1, twice = 0;
    for (int j = p->dim - 1; j >= 0; j--) {
      const int f = p->freq[j][rest % p->m[j]], last = j == p->dim - 1;
      rest /= p->m[j];
      if (f < 0) {
        place = -1;
        break;
      }
      if (2LL * f % p->n[j]) inert = 0;
      if (last) twice = 2LL * f % p->n[j] != 0;
      place += stride * f;
      stride *= last ? p->n[j] / 2 + 1 : p->n[j];
    }
    p->place[k] = (int)place, p->self[k] = place < 0 ? -1 : (int)k;
    p->flags[k] = place < 0 ? 0 : (inert ? MODE_INERT : 0) | (twice ? MODE_TWICE : 0);
  }
}

/* the inverse table; two slots with one frequency (n/2 and -n/2) would need a sum and are refused */
static inline int SpectrumPlaces(Spectrum *p)
{
  const long long row = p->n[p->dim - 1] / 2 + 1;
  for (long long e = 0; e < p->half; e++) p->slot[e] = -1;
  for (long long k = 0; k < p->modes; k++) {
    if (p->place[k] < 0) continue;
    if (p->slot[p->place[k]] >= 0) return NOMOS_ERR_ARG;
    p->slot[p->place[k]] = (int)k;
  }
  for (long long e = 0; e < p->half; e++) {
    const long long f = e % row;
    long long       rest = e / row, stride = row, conj = f;
    p->mirror[e] = -2;
    if (2 * f % p->n[p->dim - 1]) continue;
    for (int j = p->dim - 2; j >= 0; j--) {
      const long long x = rest % p->n[j];
      rest /= p->n[j];
      conj += stride * ((p->n[j] - x) % p->n[j]);
      stride *= p->n[j];
    }
    p->mirror[e] = p->slot[conj];
  }
  return NOMOS_OK;
}

static inline int SpectrumTables(const NomosFFTDesc *d, Spectrum *p)
{
  double total = 1;
  int    err;

  memset(p, 0, sizeof(*p));
  if (d->dim < 1 || d->dim > 3 || d->batch < 0) return NOMOS_ERR_ARG;
  p->dim = d->dim, p->points = p->half = p->modes = 1;
  for (int j = 0; j < d->dim; j++) {
    if (d->n[j] < 1 || d->m[j] < 1) return NOMOS_ERR_ARG;
    total *= (double)(d->n[j] > d->m[j] ? d->n[j] : d->m[j]);
    if (total > 1073741823.0) return NOMOS_ERR_ARG; /* places are 32-bit */
    p->n[j] = (int)d->n[j], p->m[j] = (int)d->m[j];
    p->points *= p->n[j], p->modes *= p->m[j];
    p->half *= j == d->dim - 1 ? p->n[j] / 2 + 1 : p->n[j];
  }
  p->kp    = NomosFFTPad((PetscInt)p->modes);
  p->place = (int *)malloc((size_t)p->modes * sizeof(int)), p->self = (int *)malloc((size_t)p->modes * sizeof(int));
  p->flags = (int *)malloc((size_t)p->modes * sizeof(int));
  p->slot = (int *)malloc((size_t)p->half * sizeof(int)), p->mirror = (int *)malloc((size_t)p->half * sizeof(int));
  err = p->place && p->self && p->flags && p->slot && p->mirror ? SpectrumAxes(p, d) : NOMOS_ERR_MEM;
  if (!err) {
    SpectrumModes(p);
    err = SpectrumPlaces(p);
  }
  if (err) SpectrumFree(p);
  return err;
}
#endif
