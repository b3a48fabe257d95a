/*
  cufft.cu - transforms on the GPU: cuFFT between bodies that move the kept modes, or direct sums for short axes.

  Library: R2C into the full half spectrum, Restrict takes the kept modes out of it; Embed writes all of it (zeros, scale
  and Hermitian projection in one pass), C2R. Dense: one direct sum per axis, kept modes only.
  All plans share one work area, one spectrum and one field: there is one stream. Nothing is allocated in a run.
*/
#include "cuda.h"
#include "tables.h"

typedef struct {
  int             precision, dense;
  PetscInt        batch;
  double          scale_f, scale_i;
  Spectrum        s;
  int            *place, *self, *flags, *slot, *mirror, *freq[3]; /* on the device */
  void           *cs[3];
  cufftHandle     forward, inverse;
  int             have_forward, have_inverse;
  size_t          work;
} Plan;

int CudaFFTDestroy(void *ctx, void *plan)
{
  Plan *p = (Plan *)plan;
  (void)ctx;
  if (!p) return NOMOS_OK;
  if (p->have_forward) cufftDestroy(p->forward);
  if (p->have_inverse) cufftDestroy(p->inverse);
  {
    void *all[] = {p->place, p->self, p->flags, p->slot, p->mirror, p->freq[0], p->freq[1], p->freq[2], p->cs[0], p->cs[1], p->cs[2]};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
      if (all[i]) cudaFree(all[i]);
  }
  SpectrumFree(&p->s);
  free(p);
  return NOMOS_OK;
}

static int UpInts(Cuda *c, const int *v, long long n, int **out)
{
  NomosCallCUDA(c, cudaMalloc((void **)out, (size_t)n * sizeof(int)));
  NomosCallCUDA(c, cudaMemcpy(*out, v, (size_t)n * sizeof(int), cudaMemcpyHostToDevice));
  return NOMOS_OK;
}
/* cosines and sines in the plan's precision */
static int UpTurns(Cuda *c, int precision, const double *v, int n, void **out)
{
  const size_t size = (size_t)n * 2 * (precision ? sizeof(double) : sizeof(float));
  float       *single = NULL;
  cudaError_t  e;
  if (!precision) {
    single = (float *)malloc(size);
    if (!single) return NOMOS_ERR_MEM;
    for (int i = 0; i < 2 * n; i++) single[i] = (float)v[i];
  }
  e = cudaMalloc(out, size);
  if (e == cudaSuccess) e = cudaMemcpy(*out, precision ? (const void *)v : (const void *)single, size, cudaMemcpyHostToDevice);
  free(single);
  NomosCallCUDA(c, e);
  return NOMOS_OK;
}

static int Tables(Cuda *c, Plan *p)
{
  const Spectrum *s = &p->s;
  NomosCallTable(UpInts(c, s->place, s->modes, &p->place));
  NomosCallTable(UpInts(c, s->self, s->modes, &p->self));
  NomosCallTable(UpInts(c, s->flags, s->modes, &p->flags));
  if (!p->dense) {
    NomosCallTable(UpInts(c, s->slot, s->half, &p->slot));
    NomosCallTable(UpInts(c, s->mirror, s->half, &p->mirror));
    return NOMOS_OK;
  }
  for (int j = 0; j < s->dim; j++) {
    NomosCallTable(UpInts(c, s->freq[j], s->m[j], &p->freq[j]));
    NomosCallTable(UpTurns(c, p->precision, s->cs[j], s->n[j], &p->cs[j]));
  }
  return NOMOS_OK;
}

static int Library(Cuda *c, Plan *p)
{
  const Spectrum *s = &p->s;
  long long       n[3];
  size_t          size[2] = {0, 0};

  for (int j = 0; j < s->dim; j++) n[j] = s->n[j];
  NomosCallFFT(c, cufftCreate(&p->forward));
  p->have_forward = 1;
  NomosCallFFT(c, cufftCreate(&p->inverse));
  p->have_inverse = 1;
  NomosCallFFT(c, cufftSetAutoAllocation(p->forward, 0));
  NomosCallFFT(c, cufftSetAutoAllocation(p->inverse, 0));
  NomosCallFFT(c, cufftMakePlanMany64(p->forward, s->dim, n, NULL, 1, s->points, NULL, 1, s->half, p->precision ? CUFFT_D2Z : CUFFT_R2C, p->batch, &size[0]));
  NomosCallFFT(c, cufftMakePlanMany64(p->inverse, s->dim, n, NULL, 1, s->half, NULL, 1, s->points, p->precision ? CUFFT_Z2D : CUFFT_C2R, p->batch, &size[1]));
  p->work = size[0] > size[1] ? size[0] : size[1];
  NomosCallTable(CudaReserve(c, &c->fftwork, p->work));
  NomosCallTable(CudaReserve(c, &c->spectrum, (size_t)(p->batch * s->half) * (p->precision ? 16 : 8)));
  return CudaReserve(c, &c->field, (size_t)(p->batch * s->points) * (p->precision ? 8 : 4));
}

/* lengths in pairs of the arrays between the axes of a direct transform: after the last axis, after the one before */
static void Between(const Spectrum *s, long long *a, long long *b)
{
  const int d = s->dim;
  *a = s->points / s->n[d - 1] * s->m[d - 1];
  *b = d > 1 ? *a / s->n[d - 2] * s->m[d - 2] : *a;
}

static int Dense(Cuda *c, Plan *p)
{
  long long a, b;
  Between(&p->s, &a, &b);
  if (a < p->s.modes) a = p->s.modes;
  if (b < p->s.modes) b = p->s.modes;
  NomosCallTable(CudaReserve(c, &c->spectrum, (size_t)(p->batch * a) * (p->precision ? 16 : 8)));
  return CudaReserve(c, &c->field, (size_t)(p->batch * b) * (p->precision ? 16 : 8));
}

int CudaFFTCreate(void *ctx, const NomosFFTDesc *d, void **plan)
{
  Cuda *c = (Cuda *)ctx;
  Plan *p;
  int   err;

  *plan = NULL;
  if (d->tile > 0) return NOMOS_ERR_SUP;
  p = (Plan *)calloc(1, sizeof(*p));
  if (!p) return NOMOS_ERR_MEM;
  p->precision = d->precision, p->batch = d->batch > 0 ? d->batch : 1, p->scale_f = d->scale_f, p->scale_i = d->scale_i;
  err = SpectrumTables(d, &p->s);
  if (!err) {
    p->dense = d->method != NOMOS_FFT_LIBRARY;
    for (int j = 0; j < d->dim && p->dense; j++) p->dense = d->n[j] <= (d->method == NOMOS_FFT_AUTO ? 64 : 512);
    if (d->method == NOMOS_FFT_DENSE && !p->dense) err = NOMOS_ERR_ARG;
  }
  if (!err) err = Tables(c, p);
  if (!err) err = p->dense ? Dense(c, p) : Library(c, p);
  if (err) {
    CudaFFTDestroy(ctx, p);
    return err;
  }
  *plan = p;
  return NOMOS_OK;
}

/* fields to full half spectra in c->spectrum; a short batch and an address that cuFFT does not take go through c->field */
static int LibraryForward(Cuda *c, Plan *p, PetscInt batch, const void *in)
{
  const size_t real = p->precision ? 8 : 4;
  void        *x    = (void *)in;
  if (batch < p->batch || (size_t)in % (2 * real)) {
    x = c->field.p;
    NomosCallCUDA(c, cudaMemcpyAsync(x, in, (size_t)(batch * p->s.points) * real, cudaMemcpyDeviceToDevice, 0));
  }
  NomosCallFFT(c, cufftSetWorkArea(p->forward, c->fftwork.p));
  if (p->precision) NomosCallFFT(c, cufftExecD2Z(p->forward, (double *)x, (cufftDoubleComplex *)c->spectrum.p));
  else NomosCallFFT(c, cufftExecR2C(p->forward, (float *)x, (cufftComplex *)c->spectrum.p));
  return NOMOS_OK;
}
static int LibraryInverse(Cuda *c, Plan *p, PetscInt batch, void *out, int add)
{
  const size_t real   = p->precision ? 8 : 4, bytes = (size_t)(batch * p->s.points) * real;
  const int    direct = !add && batch == p->batch && (size_t)out % (2 * real) == 0;
  void        *y      = direct ? out : c->field.p;
  NomosCallFFT(c, cufftSetWorkArea(p->inverse, c->fftwork.p));
  if (p->precision) NomosCallFFT(c, cufftExecZ2D(p->inverse, (cufftDoubleComplex *)c->spectrum.p, (double *)y));
  else NomosCallFFT(c, cufftExecC2R(p->inverse, (cufftComplex *)c->spectrum.p, (float *)y));
  if (direct) return NOMOS_OK;
  if (add) {
    AddRealArgs a = {(const NomosReal *)y, (NomosReal *)out};
    return CudaOwn(c, p->precision, AddReal, (long long)batch * p->s.points, &a);
  }
  NomosCallCUDA(c, cudaMemcpyAsync(out, y, bytes, cudaMemcpyDeviceToDevice, 0));
  return NOMOS_OK;
}

/* axis by axis, last axis first (forward) or last (inverse); the two scratch arrays take turns */
static int DenseAxis(Cuda *c, const Plan *p, int j, int forward, long long outer, long long inner, const void *x, void *y)
{
  const Spectrum *s = &p->s;
  LeadArgs        a = {(const NomosReal *)x, (const NomosReal *)p->cs[j], (NomosReal *)y, p->freq[j], s->n[j], forward ? s->n[j] : s->m[j], forward ? s->m[j] : s->n[j], inner, forward};
  return CudaOwn(c, p->precision, Lead, outer * a.no * inner, &a);
}
static int DenseForward(Cuda *c, const Plan *p, PetscInt batch, const void *in, void **result)
{
  const Spectrum *s = &p->s;
  const int       l = s->dim - 1;
  LastForwardArgs a = {(const NomosReal *)in, (const NomosReal *)p->cs[l], (NomosReal *)c->spectrum.p, p->freq[l], s->n[l], s->m[l], 0};
  long long       inner = s->m[l], outer = batch * (s->points / s->n[l]);
  void           *from = c->spectrum.p, *to = c->field.p;

  NomosCallTable(CudaOwn(c, p->precision, LastForward, outer * s->m[l], &a));
  for (int j = l - 1; j >= 0; j--) {
    void *t = from;
    outer /= s->n[j];
    NomosCallTable(DenseAxis(c, p, j, 1, outer, inner, from, to));
    inner *= s->m[j];
    from = to, to = t;
  }
  *result = from;
  return NOMOS_OK;
}
/* the spectrum stands in `from`, one of the two scratch arrays */
static int DenseInverse(Cuda *c, const Plan *p, PetscInt batch, void *from, void *to, void *out, int add)
{
  const Spectrum *s     = &p->s;
  const int       l     = s->dim - 1;
  long long       inner = s->modes, outer = batch;
  LastInverseArgs a     = {NULL, (const NomosReal *)p->cs[l], (NomosReal *)out, p->freq[l], s->n[l], s->m[l], add};

  for (int j = 0; j < l; j++) {
    void *t = from;
    inner /= s->m[j];
    NomosCallTable(DenseAxis(c, p, j, 0, outer, inner, from, to));
    outer *= s->n[j];
    from = to, to = t;
  }
  a.x = (const NomosReal *)from;
  return CudaOwn(c, p->precision, LastInverse, batch * s->points, &a);
}

static int ToSpectra(Cuda *c, Plan *p, PetscInt batch, const void *in, void *out, double scale, int weighted)
{
  const Spectrum *s = &p->s;
  RestrictArgs    r = {(const NomosReal *)c->spectrum.p, (NomosReal *)out, p->dense ? p->self : p->place, p->flags, p->dense ? s->modes : s->half, s->modes, s->kp, scale, weighted};
  void           *compact;
  if (p->dense) {
    NomosCallTable(DenseForward(c, p, batch, in, &compact));
    r.full = (const NomosReal *)compact;
  } else NomosCallTable(LibraryForward(c, p, batch, in));
  return CudaOwn(c, p->precision, Restrict, batch * s->kp, &r);
}
static int ToFields(Cuda *c, Plan *p, PetscInt batch, const void *in, void *out, double scale, int weighted, int add)
{
  const Spectrum *s = &p->s;
  if (p->dense) { /* the direct sums take each kept mode once: the completion is the weight */
    void      *from = s->dim == 2 ? c->field.p : c->spectrum.p; /* so that the largest array falls on the larger space */
    UnpackArgs u    = {(const NomosReal *)in, (NomosReal *)from, p->place, p->flags, s->modes, s->kp, scale, weighted};
    NomosCallTable(CudaOwn(c, p->precision, Unpack, batch * s->modes, &u));
    return DenseInverse(c, p, batch, from, from == c->field.p ? c->spectrum.p : c->field.p, out, add);
  } else { /* C2R completes: the weight is in it, so the adjoint of the forward transform divides it away */
    EmbedArgs e = {(const NomosReal *)in, (NomosReal *)c->spectrum.p, p->slot, p->mirror, p->flags, s->half, s->kp, scale, !weighted};
    NomosCallTable(CudaOwn(c, p->precision, Embed, batch * s->half, &e));
    return LibraryInverse(c, p, batch, out, add);
  }
}

int CudaFFTRun(void *ctx, void *plan, int kind, PetscInt batch, const void *in, void *out, int add)
{
  Cuda *c = (Cuda *)ctx;
  Plan *p = (Plan *)plan;
  if (batch < 0 || batch > p->batch) return NOMOS_ERR_ARG;
  switch (kind) {
  case NOMOS_FFT_FORWARD: return add ? NOMOS_ERR_ARG : batch ? ToSpectra(c, p, batch, in, out, p->scale_f, 0) : NOMOS_OK;
  case NOMOS_FFT_INVERSE_ADJ: return add ? NOMOS_ERR_ARG : batch ? ToSpectra(c, p, batch, in, out, p->scale_i, 1) : NOMOS_OK;
  case NOMOS_FFT_INVERSE: return batch ? ToFields(c, p, batch, in, out, p->scale_i, 1, add) : NOMOS_OK;
  case NOMOS_FFT_FORWARD_ADJ: return batch ? ToFields(c, p, batch, in, out, p->scale_f, 0, add) : NOMOS_OK;
  default: return NOMOS_ERR_ARG;
  }
}
