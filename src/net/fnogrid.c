/*
  fnogrid.c - what a Fourier neural operator needs for a grid and a batch: which weight meets which mode, transform plans,
  padding maps, buffers. Made at SetUp; the verbs allocate nothing.
*/
#include "fno.h"
#include <petsctime.h>

/* Signed frequency that slot s of an axis stands for; neural-operators' layouts (docs/theory.md, Retained modes). */
static PetscInt SlotFrequency(const FNO *f, PetscInt axis, PetscInt s)
{
  const PetscInt m = f->modes[axis];
  if (axis == f->dim - 1) return s;
  if (f->layout == FNO_CENTRED) return s - m / 2;
  return s < m ? s : s - 2 * m;
}

/* Does a grid of n points carry it? Every weight stays with its own signed mode. */
static PetscBool Carries(const FNO *f, PetscInt axis, PetscInt n, PetscInt k)
{
  const PetscInt m = f->modes[axis], side = PetscMin(m, n / 2);
  if (axis == f->dim - 1) return f->layout == FNO_CENTRED ? (k <= n / 2 ? PETSC_TRUE : PETSC_FALSE) : (k < PetscMin(m, n / 2 + 1) ? PETSC_TRUE : PETSC_FALSE);
  if (f->layout == FNO_CENTRED) return k >= -(n / 2) && k <= (n + 1) / 2 - 1 ? PETSC_TRUE : PETSC_FALSE;
  if (n == 1) return k == 0 ? PETSC_TRUE : PETSC_FALSE;
  return k >= -side && k < side ? PETSC_TRUE : PETSC_FALSE;
}

/* The frequencies of an axis as the transform reads (inverse = false) or writes them. The package neuraloperator 2.0
   shifts an odd leading axis back by the wrong amount: mode k lands on k-1, and below an even m the weights move by one. */
static void AxisFrequencies(const FNO *f, PetscInt axis, PetscInt n, PetscBool inverse, PetscInt freq[])
{
  const PetscInt  m       = f->modes[axis];
  const PetscBool shifted = f->shift == FNO_SHIFT_NEURALOP2 && axis < f->dim - 1 && n % 2 ? PETSC_TRUE : PETSC_FALSE;
  for (PetscInt s = 0; s < f->slots[axis]; s++) {
    PetscInt k = SlotFrequency(f, axis, s);
    freq[s]    = Carries(f, axis, n, k) ? k : NOMOS_ABSENT;
    if (!shifted) continue;
    if (m > n) { /* weight index s = i + floor((m-n)/2) meets mode i - floor(n/2) */
      const PetscInt i = s - (m - n) / 2;
      freq[s]          = i >= 0 && i < n ? i - n / 2 : NOMOS_ABSENT;
    }
    if (inverse && freq[s] != NOMOS_ABSENT) {
      k       = (freq[s] - 1 + n) % n;
      freq[s] = k > n / 2 ? k - n : k;
    }
  }
}

static PetscErrorCode MakePlan(NomosMap m, const NomosGrid *g, PetscBool inverse, NomosFFTMethod method, double sf, double si, void **plan)
{
  FNO         *f = (FNO *)m->data;
  NomosFFTDesc d = {.dim = (int)f->dim, .precision = (int)m->be->precision, .method = method, .scale_f = sf, .scale_i = si};
  PetscInt    *freq[NOMOS_MAX_DIM] = {NULL};
  int          code;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < f->dim; j++) {
    PetscCall(PetscMalloc1(f->slots[j], &freq[j]));
    AxisFrequencies(f, j, g->n[j], inverse, freq[j]);
    d.n[j] = g->n[j], d.m[j] = f->slots[j], d.freq[j] = freq[j];
  }
  d.batch    = PetscMax(1, m->batch) * f->width;
  d.channels = f->width;
  d.tile     = f->tiles > 1 ? f->points_pad / f->tiles : 0;
  code       = m->be->table->fft_create(m->be->ctx, &d, plan);
  for (PetscInt j = 0; j < f->dim; j++) PetscCall(PetscFree(freq[j]));
  PetscCall(NomosBackendCheck(m->be, code, "plan of a spectral layer"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Constants of the chosen normalisation for fields of N points. */
static void Scales(const FNO *f, PetscInt N, double *sf, double *si)
{
  *sf = f->fft_norm == FNO_FORWARD ? 1.0 / N : f->fft_norm == FNO_ORTHO ? 1.0 / sqrt((double)N) : 1.0;
  *si = f->fft_norm == FNO_FORWARD ? 1.0 : f->fft_norm == FNO_ORTHO ? 1.0 / sqrt((double)N) : 1.0 / N;
}

static PetscErrorCode TimePlan(NomosMap m, void *plan, NomosReal *x, NomosReal *z, PetscLogDouble *best)
{
  FNO           *f = (FNO *)m->data;
  PetscLogDouble a, b;

  PetscFunctionBegin;
  *best = 1e30;
  for (int it = 0; it < 4; it++) {
    PetscCall(PetscTime(&a));
    PetscCall(NomosBackendFFT(m->be, plan, NOMOS_FFT_FORWARD, f->width, x, z, 0));
    PetscCall(NomosBackendFFT(m->be, plan, NOMOS_FFT_INVERSE, f->width, z, x, 0));
    PetscCall(NomosBackendCheck(m->be, m->be->table->sync(m->be->ctx), "sync"));
    PetscCall(PetscTime(&b));
    if (it) *best = PetscMin(*best, b - a);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A build without an FFT library leaves only the dense form. */
static PetscErrorCode HaveLibrary(NomosMap m, PetscBool *have)
{
  PetscInt     zero  = 0;
  void        *q     = NULL;
  NomosFFTDesc probe = {.dim = 1, .precision = 1, .method = NOMOS_FFT_LIBRARY, .n = {2}, .m = {1}, .freq = {&zero}, .batch = 1, .scale_f = 1, .scale_i = 1};

  PetscFunctionBegin;
  *have = m->be->table->fft_create(m->be->ctx, &probe, &q) == NOMOS_OK ? PETSC_TRUE : PETSC_FALSE;
  if (*have) PetscCall(NomosBackendCheck(m->be, m->be->table->fft_destroy(m->be->ctx, q), "plan"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Dense or library: as told, by the fixed rule, or timed on rank 0, whose choice all ranks take. */
static PetscErrorCode ChooseTransform(NomosMap m)
{
  FNO           *f = (FNO *)m->data;
  PetscBool      small = PETSC_TRUE, possible = PETSC_TRUE, have;
  PetscMPIInt    rank;
  int            dense;
  double         sf, si;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < f->dim; j++) {
    if (f->padgrid.n[j] > 64 || f->padoutgrid.n[j] > 64) small = PETSC_FALSE;
    if (f->padgrid.n[j] > 512 || f->padoutgrid.n[j] > 512) possible = PETSC_FALSE;
  }
  PetscCall(HaveLibrary(m, &have));
  f->use_dense = f->conv == FNO_CONV_GEMM || (f->conv == FNO_CONV_AUTO && (small || !have)) ? PETSC_TRUE : PETSC_FALSE;
  PetscCheck(have || (possible && f->conv != FNO_CONV_FFT), PetscObjectComm((PetscObject)m), PETSC_ERR_SUP, "this build has no FFT library (NOMOS_FFTW): its transforms take at most 512 points an axis, with -net_fno_conv gemm or auto");
  PetscCheck(possible || f->conv != FNO_CONV_GEMM, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_conv gemm takes at most 512 points an axis; use fft or auto");
  if (f->conv != FNO_CONV_AUTO || m->be->deterministic || !possible || !have) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)m), &rank));
  if (rank == 0) {
    void          *p[2] = {NULL, NULL};
    NomosReal     *x, *z;
    PetscLogDouble t[2] = {1e30, 1e30};
    Scales(f, f->points_pad, &sf, &si);
    PetscCall(NomosBackendMalloc(m->be, (size_t)f->points_pad * (size_t)f->width, &x));
    PetscCall(NomosBackendMalloc(m->be, (size_t)f->kp * 2 * (size_t)f->width, &z));
    for (int i = 0; i < 2; i++) {
      PetscCall(MakePlan(m, &f->padgrid, PETSC_FALSE, i ? NOMOS_FFT_LIBRARY : NOMOS_FFT_DENSE, sf, si, &p[i]));
      PetscCall(TimePlan(m, p[i], x, z, &t[i]));
      PetscCall(NomosBackendCheck(m->be, m->be->table->fft_destroy(m->be->ctx, p[i]), "plan"));
    }
    f->use_dense = t[0] <= t[1] ? PETSC_TRUE : PETSC_FALSE;
    PetscCall(PetscInfo(m, "transform of %" PetscInt_FMT " fields: dense %g s, library %g s\n", f->width, t[0], t[1]));
    PetscCall(NomosBackendFree(m->be, &x));
    PetscCall(NomosBackendFree(m->be, &z));
  }
  dense = (int)f->use_dense;
  PetscCallMPI(MPI_Bcast(&dense, 1, MPI_INT, 0, PetscObjectComm((PetscObject)m)));
  f->use_dense = dense ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- padding and cropping as gathers ------------------------------------------------------------------------------------ */
static PetscErrorCode UploadMap(NomosMap m, const PetscInt *host, PetscInt n, PetscInt **dev)
{
  PetscFunctionBegin;
  PetscCall(NomosBackendMallocBytes(m->be, (size_t)n * sizeof(PetscInt), (void **)dev));
  PetscCall(NomosBackendCopyUp(m->be, *dev, host, (size_t)n * sizeof(PetscInt)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* big[i] = small index or -1, small[i] = big index */
static PetscErrorCode MakePadMaps(NomosMap m, const NomosGrid *s, const NomosGrid *b, PetscInt **to_big, PetscInt **to_small)
{
  FNO     *f = (FNO *)m->data;
  PetscInt ns, nb, *small, *big;

  PetscFunctionBegin;
  PetscCall(NomosGridPoints(s, &ns));
  PetscCall(NomosGridPoints(b, &nb));
  PetscCall(PetscMalloc2(ns, &small, nb, &big));
  for (PetscInt i = 0; i < nb; i++) big[i] = -1;
  for (PetscInt i = 0; i < ns; i++) {
    PetscInt rest = i, stride = 1, place = 0;
    for (PetscInt j = s->dim - 1; j >= 0; j--) {
      const PetscInt shift = f->pad_symmetric ? (b->n[j] - s->n[j]) / 2 : 0;
      place += (rest % s->n[j] + shift) * stride;
      rest /= s->n[j];
      stride *= b->n[j];
    }
    small[i]   = place;
    big[place] = i;
  }
  PetscCall(UploadMap(m, big, nb, to_big));
  PetscCall(UploadMap(m, small, ns, to_small));
  PetscCall(PetscFree2(small, big));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Padded(const FNO *f, const NomosGrid *g, NomosGrid *p)
{
  *p = *g;
  for (PetscInt j = 0; f->npad && j < g->dim; j++) p->n[j] += (f->pad_symmetric ? 2 : 1) * (PetscInt)rint(f->padding[f->npad == 1 ? 0 : j] * g->n[j]);
}

/* --- another output grid: resample before the last block ------------------------------------------------------------- */
/* Where the Nyquist mode of an even input axis is refined, slot -n/2 reads it and slot +n/2 gets a copy: maps over the
   modes, in spectra of 2*kp reals. top[j] > 0 marks such axes. */
static PetscErrorCode MakeMirrors(NomosMap m, const PetscInt slots[], const PetscInt mirror[])
{
  FNO           *f = (FNO *)m->data;
  const PetscInt kp = f->resample_kp;
  PetscInt      *host, sets = 0, axes[2], modes = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < f->dim; j++) modes *= slots[j];
  for (PetscInt j = 0; j < f->dim - 1; j++)
    if (mirror[j]) axes[sets++] = j;
  if (!sets) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(kp, &host));
  for (PetscInt set = 0; set < (PetscInt)1 << sets; set++) {
    for (PetscInt k = 0; k < kp; k++) {
      PetscInt stride = modes, rest = k, from = k < modes ? k : -1;
      for (PetscInt j = 0; j < f->dim && from >= 0; j++) {
        PetscInt s, on = 0;
        stride /= slots[j];
        s = rest / stride, rest %= stride;
        for (PetscInt q = 0; q < sets; q++) on += axes[q] == j && (set == 0 || (set >> q & 1));
        if (!on) continue;
        if (set == 0) from -= s == slots[j] - 1 ? s * stride : 0;
        else if (s == 0) from += (slots[j] - 1) * stride;
        else from = -1;
      }
      host[k] = from;
    }
    PetscCall(UploadMap(m, host, kp, &f->resample_map[set]));
  }
  PetscCall(PetscFree(host));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Weights of the common modes: an input Nyquist mode is halved onto both signs when refining. */
static PetscErrorCode MakeResampleWeights(NomosMap m, const PetscInt slots[], const PetscInt top[])
{
  FNO     *f = (FNO *)m->data;
  PetscInt modes = 1;
  double  *w, *dev;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < f->dim; j++) modes *= slots[j];
  PetscCall(PetscCalloc1(f->resample_kp, &w));
  for (PetscInt k = 0; k < modes; k++) {
    PetscInt rest = k;
    w[k]          = 1;
    for (PetscInt j = f->dim - 1; j >= 0; j--) {
      const PetscInt s = rest % slots[j], q = j == f->dim - 1 ? s : s - top[j], a = f->padgrid.n[j];
      if (a < f->padoutgrid.n[j] && 2 * PetscAbsInt(q) == a) w[k] /= 2;
      rest /= slots[j];
    }
  }
  PetscCall(NomosBackendMalloc(m->be, (size_t)f->resample_kp, &f->resample_weight));
  PetscCall(NomosBackendMallocBytes(m->be, (size_t)f->resample_kp * sizeof(double), (void **)&dev));
  PetscCall(NomosBackendCopyUp(m->be, dev, w, (size_t)f->resample_kp * sizeof(double)));
  PetscCall(NomosLaunch(m->be, ParamIn, f->resample_kp, .x = dev, .y = f->resample_weight));
  PetscCall(NomosBackendFree(m->be, &dev));
  PetscCall(PetscFree(w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Common modes of both grids; a Nyquist mode is dropped when coarsening onto it. */
static PetscErrorCode MakeResample(NomosMap m)
{
  FNO         *f = (FNO *)m->data;
  PetscInt    *freq[NOMOS_MAX_DIM], modes = 1, top[NOMOS_MAX_DIM], mirror[NOMOS_MAX_DIM];
  NomosFFTDesc d = {.dim = (int)f->dim, .precision = (int)m->be->precision, .method = f->use_dense ? NOMOS_FFT_DENSE : NOMOS_FFT_LIBRARY, .scale_f = 1.0 / f->points_pad, .scale_i = 1};

  PetscFunctionBegin;
  for (PetscInt j = 0; j < f->dim; j++) {
    const PetscInt a = f->padgrid.n[j], b = f->padoutgrid.n[j];
    top[j]    = a <= b ? a / 2 : (b - 1) / 2;
    mirror[j] = a < b && a % 2 == 0;
    d.m[j]    = j == f->dim - 1 ? top[j] + 1 : a == b && a % 2 == 0 ? 2 * top[j] : 2 * top[j] + 1;
    PetscCall(PetscMalloc1(d.m[j], &freq[j]));
    d.freq[j] = freq[j];
    modes *= d.m[j];
  }
  f->resample_kp = NomosFFTPad(modes);
  for (int side = 0; side < 2; side++) {
    const NomosGrid *g = side ? &f->padoutgrid : &f->padgrid;
    for (PetscInt j = 0; j < f->dim; j++) {
      for (PetscInt s = 0; s < d.m[j]; s++) freq[j][s] = j == f->dim - 1 ? s : side == 0 && mirror[j] && s == d.m[j] - 1 ? NOMOS_ABSENT : s - top[j];
      d.n[j] = g->n[j];
    }
    d.batch = PetscMax(1, m->batch) * f->width;
    PetscCall(NomosBackendCheck(m->be, m->be->table->fft_create(m->be->ctx, &d, &f->resample_plan[side]), "plan of the resampling"));
    PetscCall(NomosBackendMalloc(m->be, (size_t)d.batch * 2 * (size_t)f->resample_kp, &f->resample_spectrum[side]));
  }
  PetscCall(MakeMirrors(m, d.m, mirror));
  PetscCall(MakeResampleWeights(m, d.m, top));
  for (PetscInt j = 0; j < f->dim; j++) PetscCall(PetscFree(freq[j]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- corner layout: slot -> mode of each tensor --------------------------------------------------------------------------- */
static PetscErrorCode MakeCornerMaps(NomosMap m)
{
  FNO      *f = (FNO *)m->data;
  PetscInt *host;

  PetscFunctionBegin;
  if (f->layout == FNO_CENTRED) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(f->kp, &host));
  for (PetscInt t = 0; t < (PetscInt)1 << (f->dim - 1); t++) {
    for (PetscInt k = 0; k < f->kp; k++) {
      PetscInt rest = k, mode = 0, stride = 1, mine = k < f->nmodes;
      for (PetscInt j = f->dim - 1; j >= 0 && mine; j--) {
        const PetscInt s = rest % f->slots[j], negative = j < f->dim - 1 && s >= f->modes[j];
        rest /= f->slots[j];
        if (j < f->dim - 1 && negative != ((t >> j) & 1)) mine = 0;
        mode += (negative ? s - f->modes[j] : s) * stride;
        stride *= f->modes[j];
      }
      host[k] = mine ? mode : -1;
    }
    PetscCall(UploadMap(m, host, f->kp, &f->map[t]));
  }
  PetscCall(PetscFree(host));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- buffers ----------------------------------------------------------------------------------------------------------------- */
static PetscErrorCode MakeParameterBuffers(NomosMap m)
{
  FNO   *f = (FNO *)m->data;
  size_t natural = 0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(m->nblocks, &f->sum_start));
  for (int i = 0; i < 2; i++) f->sum_start[f->lift[i].weight] = f->sum_start[f->proj[i].weight] = -1;
  for (PetscInt l = 0; l < f->layers; l++) {
    f->sum_start[f->skip[l].weight] = -1;
    for (int i = 0; f->block == FNO_BLOCK_NEURALOP && i < 2; i++) f->sum_start[f->mlp[l][i].weight] = -1;
  }
  f->queue = PetscMax(1, m->batch); /* as large as the weights where these do not stay in a second cache */
  if (m->batch && (size_t)f->layers * (size_t)f->kp * 2 * (size_t)f->wrows * NomosFNOReal(m) > 1000000) f->queue = PetscMax(m->batch, f->width / 2 / m->batch * m->batch);
  f->queued = f->place = f->nsum = 0;
  for (PetscInt i = 0; i < m->nblocks; i++) {
    if (m->blocks[i].is_complex) f->sum_start[i] = -1;
    if (f->sum_start[i] < 0) continue;
    f->sum_start[i] = f->nsum;
    f->nsum += m->blocks[i].size;
  }
  PetscCall(NomosBackendMalloc(m->be, (size_t)m->np, &f->par));
  PetscCall(NomosBackendMalloc(m->be, (size_t)m->np, &f->gpar));
  PetscCall(NomosBackendMallocBytes(m->be, (size_t)(f->nsum + 1) * sizeof(double), (void **)&f->gsum));
  for (PetscInt l = 0; l < f->layers; l++) {
    FNOSpectral *s = &f->conv_layer[l];
    PetscCall(NomosBackendMalloc(m->be, (size_t)f->kp * 2 * (size_t)f->wrows, &s->W));
    PetscCall(NomosBackendMalloc(m->be, (size_t)f->kp * 2 * (size_t)f->wrows, &s->GW));
    PetscCall(NomosBackendMalloc(m->be, (size_t)f->queue * (size_t)f->width * 2 * (size_t)f->kp, &s->X));
    PetscCall(NomosBackendMalloc(m->be, (size_t)f->queue * (size_t)f->width * 2 * (size_t)f->kp, &s->Y));
  }
  if (f->factorization == FNO_DENSE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscCalloc2(f->layers, &f->at, 6, &f->tucker));
  for (PetscInt l = 0; l < f->layers; l++) {
    FNOSpectral *s     = &f->conv_layer[l];
    size_t       total = (size_t)m->blocks[s->core].size, before = 1, after = (size_t)m->blocks[s->core].size / 2;
    for (PetscInt j = 0; j < s->axes; j++) total += (size_t)m->blocks[s->factor[j]].size;
    PetscCall(NomosBackendMallocBytes(m->be, total * sizeof(double), (void **)&f->at[l]));
    natural = PetscMax(natural, 2 * (size_t)f->nmodes * (size_t)f->wrows);
    for (PetscInt j = 0; f->factorization == FNO_TUCKER && j < s->axes; j++) {
      after /= (size_t)s->rank[j];
      before *= (size_t)m->blocks[s->factor[j]].shape[0];
      natural = PetscMax(natural, 2 * before * after * (size_t)PetscMax(1, s->rank[j]));
    }
  }
  for (int i = 0; i < 2; i++) PetscCall(NomosBackendMallocBytes(m->be, natural * sizeof(double), (void **)&f->natural[i]));
  for (PetscInt j = 1; f->factorization == FNO_TUCKER && j < f->conv_layer[0].axes; j++) PetscCall(NomosBackendMallocBytes(m->be, natural * sizeof(double), (void **)&f->tucker[j]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeBlockBuffers(NomosMap m, PetscInt l)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt B = PetscMax(1, m->batch), last = l == f->layers - 1;
  const size_t   N = (size_t)(last ? f->points_padout : f->points_pad), field = (size_t)B * (size_t)f->width * N, hidden = f->block == FNO_BLOCK_LI ? 0 : (size_t)B * (size_t)f->mlp[l][0].out * N;
  const size_t   groups = (size_t)B * (size_t)f->width * sizeof(double);

  PetscFunctionBegin;
  PetscCall(NomosBackendMalloc(m->be, field, &s->v));
  if (f->stabilizer) PetscCall(NomosBackendMalloc(m->be, field, &s->vt));
  if (f->stabilizer) PetscCall(NomosBackendMalloc(m->be, field, &s->dvt));
  if (!last) PetscCall(NomosBackendMalloc(m->be, field, &s->dv));
  if (f->block == FNO_BLOCK_LI) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosBackendMalloc(m->be, field, &s->z));
  if (!last) PetscCall(NomosBackendMalloc(m->be, field, &s->dz));
  PetscCall(NomosBackendMalloc(m->be, hidden, &s->m));
  PetscCall(NomosBackendMalloc(m->be, hidden, &s->dm));
  if (f->norm == FNO_NORM_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosBackendMalloc(m->be, field, &s->h1));
  PetscCall(NomosBackendMalloc(m->be, field, &s->h2));
  PetscCall(NomosBackendMallocBytes(m->be, groups, (void **)&s->sum1));
  PetscCall(NomosBackendMallocBytes(m->be, groups, (void **)&s->sq1));
  PetscCall(NomosBackendMallocBytes(m->be, groups, (void **)&s->sum2));
  PetscCall(NomosBackendMallocBytes(m->be, groups, (void **)&s->sq2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeBuffers(NomosMap m)
{
  FNO           *f = (FNO *)m->data;
  const size_t   B = (size_t)PetscMax(1, m->batch), N0 = (size_t)f->points_in, N1 = (size_t)f->points_out, Nb = (size_t)PetscMax(f->points_pad, f->points_padout);
  const size_t   Nall = PetscMax(Nb, PetscMax(N0, N1)), h = (size_t)f->width, lift = (size_t)f->lift[0].out, proj = (size_t)f->proj[0].out;
  const size_t   wide = PetscMax(PetscMax(lift * N0, proj * N1), f->block == FNO_BLOCK_LI ? 1 : (size_t)f->mlp[0][0].out * Nb);
  const PetscInt widest = PetscMax(PetscMax(f->lift[0].out, f->proj[0].out), PetscMax(PetscMax(f->width, f->proj[1].out), f->lift[0].in));

  PetscFunctionBegin;
  PetscCall(NomosBackendMalloc(m->be, B * (size_t)f->lift[0].in * N0, &f->e));
  PetscCall(NomosBackendMalloc(m->be, B * lift * N0, &f->a1));
  PetscCall(NomosBackendMalloc(m->be, B * lift * N0, &f->d1));
  PetscCall(NomosBackendMalloc(m->be, B * h * N0, &f->v0));
  PetscCall(NomosBackendMalloc(m->be, B * h * N1, &f->u));
  PetscCall(NomosBackendMalloc(m->be, B * proj * N1, &f->p1));
  PetscCall(NomosBackendMalloc(m->be, B * proj * N1, &f->dp1));
  PetscCall(NomosBackendMalloc(m->be, B * (size_t)f->proj[1].out * N1, &f->out));
  for (int i = 0; i < 4; i++) PetscCall(NomosBackendMalloc(m->be, B * PetscMax(h, (size_t)f->proj[1].out) * Nall, &f->g[i]));
  for (int i = 0; i < 2; i++) PetscCall(NomosBackendMalloc(m->be, B * PetscMax(wide, (size_t)f->lift[0].in * N0), &f->hidden[i]));
  for (int i = 0; i < 2; i++) PetscCall(NomosBackendMalloc(m->be, B * h * 2 * (size_t)f->kp, &f->S[i]));
  for (int i = 0; i < 3; i++) PetscCall(NomosBackendMallocBytes(m->be, B * (size_t)widest * sizeof(double), (void **)&f->rows[i]));
  PetscCall(PetscCalloc1(f->layers, &f->saved));
  for (PetscInt l = 0; l < f->layers; l++) PetscCall(MakeBlockBuffers(m, l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The coordinates of the grid embedding, x_j = i/n_j, written once behind the data channels. */
static PetscErrorCode WriteEmbedding(NomosMap m)
{
  FNO           *f      = (FNO *)m->data;
  const PetscInt n      = f->points_in / f->tiles;
  PetscInt       stride = f->points_in;

  PetscFunctionBegin;
  for (PetscInt j = 0; f->embedding && j < f->dim; j++) {
    stride /= m->grid.n[j];
    PetscCall(NomosLaunchRows(m->be, GridEmbed, PetscMax(1, m->batch) * f->tiles, n, .y = NomosAt(m->be, f->e, (size_t)(m->channels_in + j) * (size_t)n), .h = 1.0 / m->grid.n[j], .stride = stride, .count = m->grid.n[j], .n = n, .tiles = f->tiles, .ystride = f->lift[0].in * n));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Normalisers as affine maps: input (v - mean) / (std + 1e-7), output v (std + 1e-7) + mean. */
static PetscErrorCode WriteAffine(NomosMap m)
{
  FNO      *f = (FNO *)m->data;
  PetscInt  ci = m->channels_in, co = m->channels_out;
  double   *host;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (ci + co), &host));
  for (PetscInt c = 0; c < ci; c++) host[c] = m->norm_in ? m->norm_in[c] : 0, host[ci + c] = m->norm_in ? 1 / (m->norm_in[ci + c] + 1e-7) : 1;
  for (PetscInt c = 0; c < co; c++) host[2 * ci + c] = m->norm_out ? m->norm_out[co + c] + 1e-7 : 1, host[2 * ci + co + c] = m->norm_out ? m->norm_out[c] : 0;
  PetscCall(NomosBackendMallocBytes(m->be, (size_t)(2 * (ci + co)) * sizeof(double), (void **)&f->affine));
  PetscCall(NomosBackendCopyUp(m->be, f->affine, host, (size_t)(2 * (ci + co)) * sizeof(double)));
  PetscCall(PetscFree(host));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakePlans(NomosMap m)
{
  FNO           *f = (FNO *)m->data;
  NomosFFTMethod method;
  double         sf, si;

  PetscFunctionBegin;
  PetscCall(ChooseTransform(m));
  method = f->use_dense ? NOMOS_FFT_DENSE : NOMOS_FFT_LIBRARY;
  Scales(f, f->points_pad, &sf, &si);
  PetscCall(MakePlan(m, &f->padgrid, PETSC_FALSE, method, sf, si, &f->plan[0]));
  if (f->shift == FNO_SHIFT_NEURALOP2) PetscCall(MakePlan(m, &f->padgrid, PETSC_TRUE, method, sf, si, &f->plan[1]));
  if (f->resample) { /* the last block works on the output grid; scaled as if it had read the input grid */
    double so, sio;
    Scales(f, f->points_padout, &so, &sio);
    sf *= (double)f->points_pad / f->points_padout;
    PetscCall(MakePlan(m, &f->padoutgrid, PETSC_FALSE, method, sf, sio, &f->plan[2]));
    if (f->shift == FNO_SHIFT_NEURALOP2) PetscCall(MakePlan(m, &f->padoutgrid, PETSC_TRUE, method, sf, sio, &f->plan[3]));
    PetscCall(MakeResample(m));
  }
  for (PetscInt l = 0; l < f->layers; l++) {
    const int o = f->resample && l == f->layers - 1 ? 2 : 0;
    f->conv_layer[l].plan_f = f->plan[o];
    f->conv_layer[l].plan_i = f->plan[o + 1] ? f->plan[o + 1] : f->plan[o];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How pointwise work is cut for a backend with little near memory: so many points that about eight fields of the net's width
   fit, in whole rows of a field. Norms need all samples at once; gathers and the resampling know whole fields only. */
static void ChooseTiles(NomosMap m)
{
  FNO           *f   = (FNO *)m->data;
  const PetscInt n0  = f->padgrid.n[0], row = f->points_pad / n0;
  const size_t   fit = m->be->table->near / (8 * (size_t)f->width * (m->be->precision == NOMOS_SINGLE ? 4 : 8));
  PetscInt       take = 1;

  f->tiles = 1;
  f->span  = m->be->table->near && f->norm == FNO_NORM_NONE ? (PetscInt)PetscMax(64, fit) : 0;
  if (!f->span || f->resample || f->points_pad != f->points_in || f->points_padout != f->points_out || f->dim < 2 || f->points_pad < 2 * f->span) return;
  for (PetscInt r = 1; r <= n0; r++)
    if (n0 % r == 0 && r * row <= f->span) take = r;
  f->tiles = n0 / take;
}

PetscErrorCode NomosFNOSetUpGrid(NomosMap m)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  f->nmodes = 1;
  for (PetscInt j = 0; j < f->dim; j++) {
    f->slots[j] = f->layout == FNO_CENTRED ? (j == f->dim - 1 ? f->modes[j] / 2 + 1 : f->modes[j]) : (j == f->dim - 1 ? f->modes[j] : 2 * f->modes[j]);
    PetscCheck(f->nmodes <= PETSC_MAX_INT / 64 / f->slots[j], PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_modes: too many modes");
    f->nmodes *= f->slots[j];
  }
  f->kp    = NomosFFTPad(f->nmodes);
  f->wrows = f->separable ? f->width : f->width * f->width;
  Padded(f, &m->grid, &f->padgrid);
  Padded(f, &m->outgrid, &f->padoutgrid);
  f->resample = PETSC_FALSE;
  for (PetscInt j = 0; j < f->dim; j++)
    if (f->padgrid.n[j] != f->padoutgrid.n[j]) f->resample = PETSC_TRUE;
  PetscCall(NomosGridPoints(&m->grid, &f->points_in));
  PetscCall(NomosGridPoints(&m->outgrid, &f->points_out));
  PetscCall(NomosGridPoints(&f->padgrid, &f->points_pad));
  PetscCall(NomosGridPoints(&f->padoutgrid, &f->points_padout));
  for (PetscInt j = 0; j < f->dim; j++) {
    if (!Carries(f, j, f->padgrid.n[j], SlotFrequency(f, j, f->slots[j] - 1)) || !Carries(f, j, f->padgrid.n[j], SlotFrequency(f, j, 0))) PetscCall(PetscInfo(m, "axis %" PetscInt_FMT " with %" PetscInt_FMT " points cannot carry all modes of -net_fno_modes %" PetscInt_FMT ": the weights beyond are not used there\n", j, f->padgrid.n[j], f->modes[j]));
  }
  ChooseTiles(m);
  m->nx = m->batch * m->channels_in * f->points_in;
  m->ny = m->batch * m->channels_out * f->points_out;
  PetscCall(MakePlans(m));
  if (f->points_pad != f->points_in) PetscCall(MakePadMaps(m, &m->grid, &f->padgrid, &f->pad_map, &f->pad_back));
  if (f->points_padout != f->points_out) PetscCall(MakePadMaps(m, &m->outgrid, &f->padoutgrid, &f->crop_back, &f->crop_map));
  PetscCall(MakeCornerMaps(m));
  PetscCall(MakeParameterBuffers(m));
  PetscCall(MakeBuffers(m));
  PetscCall(WriteEmbedding(m));
  PetscCall(WriteAffine(m));
  f->par_id    = 0;
  f->par_state = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeSaved(NomosMap m, FNOSaved *s)
{
  void **p[] = {(void **)&s->v, (void **)&s->vt, (void **)&s->dvt, (void **)&s->h1, (void **)&s->h2, (void **)&s->sum1, (void **)&s->sq1, (void **)&s->sum2, (void **)&s->sq2, (void **)&s->z, (void **)&s->dz, (void **)&s->m, (void **)&s->dm, (void **)&s->dv};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(p); i++) PetscCall(NomosBackendFree(m->be, p[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosFNOResetGrid(NomosMap m)
{
  FNO   *f   = (FNO *)m->data;
  void **p[] = {(void **)&f->par, (void **)&f->gpar, (void **)&f->dpar, (void **)&f->gsum, (void **)&f->map[0], (void **)&f->map[1], (void **)&f->map[2], (void **)&f->map[3], (void **)&f->resample_weight, (void **)&f->resample_spectrum[0], (void **)&f->resample_spectrum[1], (void **)&f->resample_map[0], (void **)&f->resample_map[1], (void **)&f->resample_map[2], (void **)&f->resample_map[3], (void **)&f->pad_map, (void **)&f->crop_map, (void **)&f->pad_back, (void **)&f->crop_back, (void **)&f->affine, (void **)&f->e, (void **)&f->a1, (void **)&f->d1, (void **)&f->v0, (void **)&f->u, (void **)&f->p1, (void **)&f->dp1, (void **)&f->out, (void **)&f->g[0], (void **)&f->g[1], (void **)&f->g[2], (void **)&f->g[3], (void **)&f->hidden[0], (void **)&f->hidden[1], (void **)&f->S[0], (void **)&f->S[1], (void **)&f->rows[0], (void **)&f->rows[1], (void **)&f->rows[2], (void **)&f->natural[0], (void **)&f->natural[1]};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(p); i++) PetscCall(NomosBackendFree(m->be, p[i]));
  for (int i = 0; i < 4; i++) {
    if (f->plan[i]) PetscCall(NomosBackendCheck(m->be, m->be->table->fft_destroy(m->be->ctx, f->plan[i]), "plan"));
    f->plan[i] = NULL;
    PetscCall(NomosStageDestroy(m->be, &f->stage[i]));
  }
  for (int i = 0; i < 2; i++) {
    if (f->resample_plan[i]) PetscCall(NomosBackendCheck(m->be, m->be->table->fft_destroy(m->be->ctx, f->resample_plan[i]), "plan"));
    f->resample_plan[i] = NULL;
  }
  for (PetscInt l = 0; l < f->layers && f->conv_layer; l++) {
    FNOSpectral *s = &f->conv_layer[l];
    PetscCall(NomosBackendFree(m->be, &s->W));
    PetscCall(NomosBackendFree(m->be, &s->GW));
    PetscCall(NomosBackendFree(m->be, &s->dW));
    PetscCall(NomosBackendFree(m->be, &s->X));
    PetscCall(NomosBackendFree(m->be, &s->Y));
    if (f->saved) PetscCall(FreeSaved(m, &f->saved[l]));
    if (f->at) PetscCall(NomosBackendFree(m->be, &f->at[l]));
  }
  for (PetscInt j = 0; f->tucker && j < 6; j++) PetscCall(NomosBackendFree(m->be, &f->tucker[j]));
  if (f->at) PetscCall(PetscFree2(f->at, f->tucker));
  PetscCall(PetscFree(f->saved));
  PetscCall(PetscFree(f->sum_start));
  PetscCall(PetscFree5(f->skip, f->mlp, f->conv_layer, f->gate, f->norm_block));
  f->tangent_ready = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
