/*
  host.c - the host backend: its table. Memory is plain memory, kernels are the loops of hostloops.h in the best
  instruction set that this processor has, transforms are dense (dft.c) or FFTW's (fftw.c).
*/
#include "host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const NomosHostCode  NomosHostCode_f32_base, NomosHostCode_f64_base;
extern const NomosHostExact NomosHostExact_f32_base, NomosHostExact_f64_base;
#if defined(NOMOS_HAVE_X86_LEVELS)
extern const NomosHostCode  NomosHostCode_f32_v3, NomosHostCode_f64_v3, NomosHostCode_f32_v4, NomosHostCode_f64_v4;
extern const NomosHostExact NomosHostExact_f32_v3, NomosHostExact_f64_v3, NomosHostExact_f32_v4, NomosHostExact_f64_v4;
/* v3 with vectors of 64 bytes: the paths of v4 on a processor without AVX-512. Only tests link it. */
extern const NomosHostCode NomosHostCode_f32_wide __attribute__((weak)), NomosHostCode_f64_wide __attribute__((weak));
#endif

typedef struct {
  const NomosHostCode  *code[2];
  const NomosHostExact *exact[2];
} Host;
typedef struct {
  int         precision, dense;
  NomosDense *plan;
  void       *fftw;
} HostFFT;

static int HostOpen(void **ctx, char *why, size_t len)
{
  Host *h = (Host *)calloc(1, sizeof(*h));

  (void)why, (void)len;
  if (!h) return NOMOS_ERR_MEM;
  h->code[0] = &NomosHostCode_f32_base, h->code[1] = &NomosHostCode_f64_base;
  h->exact[0] = &NomosHostExact_f32_base, h->exact[1] = &NomosHostExact_f64_base;
#if defined(NOMOS_HAVE_X86_LEVELS)
  {
    const char *isa = getenv("NOMOS_ISA"); /* base, v3, v4 or wide: tests compare them */
    const int   v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    const int   v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
    if (v3 && !(isa && !strcmp(isa, "base"))) {
      h->code[0] = &NomosHostCode_f32_v3, h->code[1] = &NomosHostCode_f64_v3;
      h->exact[0] = &NomosHostExact_f32_v3, h->exact[1] = &NomosHostExact_f64_v3;
      if (isa && !strcmp(isa, "wide") && &NomosHostCode_f32_wide && &NomosHostCode_f64_wide) {
        h->code[0] = &NomosHostCode_f32_wide, h->code[1] = &NomosHostCode_f64_wide;
      } else if (v4 && !(isa && !strcmp(isa, "v3"))) {
        h->code[0] = &NomosHostCode_f32_v4, h->code[1] = &NomosHostCode_f64_v4;
        h->exact[0] = &NomosHostExact_f32_v4, h->exact[1] = &NomosHostExact_f64_v4;
      }
    }
  }
#endif
  *ctx = h;
  return NOMOS_OK;
}

static int HostClose(void *ctx)
{
  free(ctx);
  return NOMOS_OK;
}

static const char *HostMessage(void *ctx, int code)
{
  (void)ctx;
  switch (code) {
  case NOMOS_OK: return "success";
  case NOMOS_ERR_MEM: return "out of memory";
  case NOMOS_ERR_ARG: return "a size or an option is out of range";
  case NOMOS_ERR_SUP: return "not built into this library, or not possible on the host";
  default: return "a library call failed";
  }
}

static int HostDescribe(void *ctx, char *text, size_t len)
{
  const Host *h = (const Host *)ctx;
  snprintf(text, len, "host, instruction set %s, FFT library %s", h->code[0]->isa, NomosFFTWHave() ? "FFTW" : "none (dense transforms up to 512 points)");
  return NOMOS_OK;
}

static int HostAlloc(void *ctx, size_t bytes, void **p)
{
  (void)ctx;
  if (bytes > (size_t)-1 - 64) return NOMOS_ERR_MEM;
  *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
  return *p ? NOMOS_OK : NOMOS_ERR_MEM;
}
static int HostRelease(void *ctx, void *p)
{
  (void)ctx;
  free(p);
  return NOMOS_OK;
}
static int HostCopy(void *ctx, void *dst, const void *src, size_t bytes, int kind)
{
  (void)ctx, (void)kind;
  memcpy(dst, src, bytes);
  return NOMOS_OK;
}
static int HostZero(void *ctx, void *p, size_t bytes)
{
  (void)ctx;
  memset(p, 0, bytes);
  return NOMOS_OK;
}
static int HostSync(void *ctx)
{
  (void)ctx;
  return NOMOS_OK;
}

static int HostEach(void *ctx, int precision, int kernel, PetscInt n, const void *args)
{
  const Host *h = (const Host *)ctx;
  int (*f)(PetscInt, const void *) = h->code[precision]->each[kernel];
  if (!f) f = h->exact[precision]->each[kernel];
  return f(n, args);
}
static int HostRows(void *ctx, int precision, int kernel, PetscInt m, PetscInt n, const void *args)
{
  return ((const Host *)ctx)->code[precision]->rows[kernel](m, n, args);
}
static int HostSum(void *ctx, int precision, int kernel, PetscInt m, PetscInt n, const void *args, int add, double *out)
{
  return ((const Host *)ctx)->code[precision]->sum[kernel](m, n, args, add, out);
}
static int HostGemmTable(void *ctx, int precision, const NomosGemm *g)
{
  return ((const Host *)ctx)->code[precision]->gemm(g);
}
static int HostModesTable(void *ctx, int precision, const NomosModes *g)
{
  return ((const Host *)ctx)->code[precision]->modes(g);
}

static long long Plans = 0;
long long NomosHostPlans(void)
{
  return Plans;
}

/* AUTO: dense up to 64 points an axis, the library above; dense as well where there is no library */
static int HostFFTCreate(void *ctx, const NomosFFTDesc *d, void **plan)
{
  const Host *h = (const Host *)ctx;
  HostFFT    *p;
  int         dense = d->method == NOMOS_FFT_DENSE, err;

  *plan = NULL;
  if (d->dim < 1 || d->dim > 3) return NOMOS_ERR_ARG;
  if (d->method == NOMOS_FFT_AUTO) {
    dense = 1;
    for (int j = 0; j < d->dim; j++) dense = dense && d->n[j] <= 64;
    if (!NomosFFTWHave()) dense = 1;
  }
  p = (HostFFT *)calloc(1, sizeof(*p));
  if (!p) return NOMOS_ERR_MEM;
  p->precision = d->precision, p->dense = dense;
  err = dense ? NomosDenseCreate(d, h->code[d->precision]->lanes, &p->plan) : NomosFFTWCreate(d, &p->fftw);
  if (err) {
    free(p);
    return err;
  }
  *plan = p;
  Plans++;
  return NOMOS_OK;
}
static int HostFFTRun(void *ctx, void *plan, int kind, PetscInt batch, const void *in, void *out, int add)
{
  const HostFFT *p = (const HostFFT *)plan;
  if (p->dense) return ((const Host *)ctx)->code[p->precision]->dense(p->plan, kind, batch, (const NomosReal *)in, (NomosReal *)out, add);
  return NomosFFTWRun(p->fftw, kind, batch, in, out, add);
}
static int HostFFTDestroy(void *ctx, void *plan)
{
  HostFFT *p = (HostFFT *)plan;
  (void)ctx;
  if (!p) return NOMOS_OK;
  NomosDenseDestroy(p->plan);
  if (p->fftw) NomosFFTWDestroy(p->fftw);
  free(p);
  return NOMOS_OK;
}

const NomosBackendTable NomosHostTable = {NOMOS_BACKEND_ABI, sizeof(NomosBackendTable), "host", 512 * 1024, HostOpen, HostClose, HostMessage, HostDescribe, HostAlloc, HostRelease, HostCopy, HostZero, HostSync, HostEach, HostRows, HostSum, HostFFTCreate, HostFFTRun, HostFFTDestroy, HostGemmTable, HostModesTable};
