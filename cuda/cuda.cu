/*
  cuda.cu - the CUDA backend: its table, memory, errors. The only exported symbol of libnomoscuda.so is NomosCudaTable.
*/
#include "cuda.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int CudaFailed(Cuda *c, cudaError_t e, const char what[])
{
  cudaGetLastError(); /* forget it where it can be forgotten: the next call starts clean */
  snprintf(c->text, sizeof(c->text), "%s: %s (%s)", what, cudaGetErrorString(e), cudaGetErrorName(e));
  return e == cudaErrorMemoryAllocation ? NOMOS_ERR_MEM : NOMOS_ERR_LIB;
}
int CudaFailedBlas(Cuda *c, cublasStatus_t e, const char what[])
{
  snprintf(c->text, sizeof(c->text), "%.80s: %s", what, cublasGetStatusString(e));
  return e == CUBLAS_STATUS_ALLOC_FAILED ? NOMOS_ERR_MEM : e == CUBLAS_STATUS_INVALID_VALUE ? NOMOS_ERR_ARG : NOMOS_ERR_LIB;
}
int CudaFailedFFT(Cuda *c, cufftResult e, const char what[])
{
  snprintf(c->text, sizeof(c->text), "%.80s: cuFFT error %d", what, (int)e);
  return e == CUFFT_ALLOC_FAILED ? NOMOS_ERR_MEM : e == CUFFT_INVALID_SIZE ? NOMOS_ERR_ARG : NOMOS_ERR_LIB;
}

/* growing waits for what still uses the old space: cudaFree does */
int CudaReserve(Cuda *c, CudaSpace *s, size_t bytes)
{
  if (bytes <= s->bytes) return NOMOS_OK;
  if (s->p) NomosCallCUDA(c, cudaFree(s->p));
  s->p     = NULL;
  s->bytes = 0;
  NomosCallCUDA(c, cudaMalloc(&s->p, bytes));
  s->bytes = bytes;
  return NOMOS_OK;
}

static int CudaClose(void *ctx)
{
  Cuda      *c     = (Cuda *)ctx;
  CudaSpace *all[] = {&c->blaswork, &c->leaf, &c->parts, &c->fftwork, &c->spectrum, &c->field};
  if (c->blas) cublasDestroy(c->blas);
  for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
    if (all[i]->p) cudaFree(all[i]->p);
  free(c);
  return NOMOS_OK;
}

/* the device in use stays the process' own choice: nothing is set here */
static int Device(Cuda *c)
{
  struct cudaDeviceProp p;
  int                   count = 0, driver = 0;

  if (cudaDriverGetVersion(&driver) == cudaSuccess && !driver) { /* the runtime would call it an old one */
    snprintf(c->text, sizeof(c->text), "no NVIDIA driver is installed here");
    return NOMOS_ERR_SUP;
  }
  NomosCallCUDA(c, cudaGetDeviceCount(&count));
  if (count < 1) return NOMOS_ERR_SUP;
  NomosCallCUDA(c, cudaGetDevice(&c->device));
  NomosCallCUDA(c, cudaGetDeviceProperties(&p, c->device));
  c->processors = p.multiProcessorCount, c->major = p.major, c->minor = p.minor, c->memory = p.totalGlobalMem;
  snprintf(c->name, sizeof(c->name), "%.200s", p.name);
  return NOMOS_OK;
}

/* a work space of our own makes cuBLAS allocate nothing later and choose the same algorithms in every run */
static int Blas(Cuda *c)
{
  const size_t bytes = (size_t)(c->major >= 9 ? 32 : 8) << 20;
  NomosCallTable(CudaReserve(c, &c->blaswork, bytes));
  NomosCallBlas(c, cublasCreate(&c->blas));
  NomosCallBlas(c, cublasSetWorkspace(c->blas, c->blaswork.p, bytes));
  NomosCallBlas(c, cublasSetAtomicsMode(c->blas, CUBLAS_ATOMICS_NOT_ALLOWED));
  return NOMOS_OK;
}

static int CudaOpen(void **ctx, char *why, size_t len)
{
  Cuda *c = (Cuda *)calloc(1, sizeof(*c));
  int   code;

  *ctx = NULL;
  if (!c) return NOMOS_ERR_MEM;
  code = Device(c);
  if (code) snprintf(why, len, "there is no usable CUDA device: %s; compute on the host with -nomos_backend host", c->text[0] ? c->text : "the driver lists none");
  else if ((code = Blas(c))) snprintf(why, len, "CUDA device %d (%s): %s", c->device, c->name, c->text);
  if (code) {
    CudaClose(c);
    return code;
  }
  *ctx = c;
  return NOMOS_OK;
}

static const char *CudaMessage(void *ctx, int code)
{
  const Cuda *c = (const Cuda *)ctx;
  switch (code) {
  case NOMOS_OK: return "success";
  case NOMOS_ERR_MEM: return "out of device memory";
  case NOMOS_ERR_ARG: return "a size or an option is out of range";
  case NOMOS_ERR_SUP: return "not built into this library, or not possible on this device";
  default: return c && c->text[0] ? c->text : "a CUDA call failed";
  }
}

static int CudaDescribe(void *ctx, char *text, size_t len)
{
  Cuda *c       = (Cuda *)ctx;
  int   runtime = 0, driver = 0, fft = 0;
  NomosCallCUDA(c, cudaRuntimeGetVersion(&runtime));
  NomosCallCUDA(c, cudaDriverGetVersion(&driver));
  NomosCallFFT(c, cufftGetVersion(&fft));
  snprintf(text, len, "device %d: %.100s, compute capability %d.%d, %.1f GiB; CUDA %d.%d, driver %d.%d, cuFFT %d", c->device, c->name, c->major, c->minor, (double)c->memory / 1073741824.0, runtime / 1000, runtime % 1000 / 10, driver / 1000, driver % 1000 / 10, fft);
  return NOMOS_OK;
}

/* --- memory --------------------------------------------------------------------------------------------------------- */
static int CudaAlloc(void *ctx, size_t bytes, void **p)
{
  *p = NULL;
  if (cudaMalloc(p, bytes ? bytes : 1) == cudaSuccess) return NOMOS_OK;
  return CudaFailed((Cuda *)ctx, cudaErrorMemoryAllocation, "cudaMalloc");
}
static int CudaRelease(void *ctx, void *p)
{
  NomosCallCUDA((Cuda *)ctx, cudaFree(p));
  return NOMOS_OK;
}
/* copies from and to pageable memory return when the host's side is done with; copies inside do not wait */
static int CudaCopy(void *ctx, void *dst, const void *src, size_t bytes, int kind)
{
  if (kind == 0) NomosCallCUDA((Cuda *)ctx, cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, 0));
  else NomosCallCUDA((Cuda *)ctx, cudaMemcpy(dst, src, bytes, kind == 1 ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost));
  return NOMOS_OK;
}
static int CudaZero(void *ctx, void *p, size_t bytes)
{
  NomosCallCUDA((Cuda *)ctx, cudaMemsetAsync(p, 0, bytes, 0));
  return NOMOS_OK;
}
static int CudaSync(void *ctx)
{
  NomosCallCUDA((Cuda *)ctx, cudaStreamSynchronize(0));
  return NOMOS_OK;
}

/* --- kernels -------------------------------------------------------------------------------------------------------- */
static int CudaEach(void *ctx, int precision, int kernel, PetscInt n, const void *args)
{
  int (*f)(Cuda *, PetscInt, const void *) = CudaCodeOf(precision)->each[kernel];
  if (!f) f = (precision ? &CudaExact_f64 : &CudaExact_f32)->each[kernel];
  return f((Cuda *)ctx, n, args);
}
static int CudaRows(void *ctx, int precision, int kernel, PetscInt m, PetscInt n, const void *args)
{
  return CudaCodeOf(precision)->rows[kernel]((Cuda *)ctx, m, n, args);
}
static int CudaSum(void *ctx, int precision, int kernel, PetscInt m, PetscInt n, const void *args, int add, double *out)
{
  return CudaCodeOf(precision)->sum[kernel]((Cuda *)ctx, m, n, args, add, out);
}

extern "C" __attribute__((visibility("default"))) const NomosBackendTable NomosCudaTable;
const NomosBackendTable NomosCudaTable = {NOMOS_BACKEND_ABI, sizeof(NomosBackendTable), "cuda", 0, CudaOpen, CudaClose, CudaMessage, CudaDescribe, CudaAlloc, CudaRelease, CudaCopy, CudaZero, CudaSync, CudaEach, CudaRows, CudaSum, CudaFFTCreate, CudaFFTRun, CudaFFTDestroy, CudaGemm, CudaModes};
