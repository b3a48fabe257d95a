/*
  cuda.h - private to the CUDA backend: its context, error translation, grid sizes, the table of loops.

  Everything runs on CUDA's legacy default stream: it orders with every blocking stream, PETSc's included, so that a Vec
  written by PETSc is complete when a kernel here reads it, and no call has to wait on the host.
*/
#ifndef NOMOS_CUDA_H
#define NOMOS_CUDA_H
#include "backend/backend.h"
#include "bodies.h"
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cufft.h>

typedef struct {
  void  *p;
  size_t bytes;
} CudaSpace; /* grows, never shrinks */

typedef struct Cuda_s {
  int            device, processors, major, minor;
  size_t         memory;
  char           name[256], text[512]; /* text: the last thing that failed */
  cublasHandle_t blas;
  CudaSpace      blaswork, leaf, parts, fftwork, spectrum, field; /* one of each serves all: there is one stream */
} Cuda;

/* code generated per precision by cudaloops.h */
typedef struct {
  int (*const *each)(Cuda *, PetscInt, const void *);
  int (*const *rows)(Cuda *, PetscInt, PetscInt, const void *);
  int (*const *sum)(Cuda *, PetscInt, PetscInt, const void *, int, double *);
  int (*const *own)(Cuda *, long long, const void *);
} CudaCode;
typedef struct {
  int (*const *each)(Cuda *, PetscInt, const void *);
} CudaExact;
extern const CudaCode  CudaCode_f32, CudaCode_f64;
extern const CudaExact CudaExact_f32, CudaExact_f64;
static inline const CudaCode *CudaCodeOf(int precision)
{
  return precision ? &CudaCode_f64 : &CudaCode_f32;
}
#define CudaOwn(c, precision, K, count, args) (CudaCodeOf(precision)->own[OWN_##K]((c), (count), (args)))

int CudaFailed(Cuda *, cudaError_t, const char what[]);        /* remembers the text, returns the table's code */
int CudaFailedBlas(Cuda *, cublasStatus_t, const char what[]); /* likewise                                      */
int CudaFailedFFT(Cuda *, cufftResult, const char what[]);
int CudaReserve(Cuda *, CudaSpace *, size_t bytes);

#define NomosCallCUDA(c, call) \
  do { \
    const cudaError_t e_ = (call); \
    if (e_ != cudaSuccess) return CudaFailed((c), e_, #call); \
  } while (0)
#define NomosCallBlas(c, call) \
  do { \
    const cublasStatus_t e_ = (call); \
    if (e_ != CUBLAS_STATUS_SUCCESS) return CudaFailedBlas((c), e_, #call); \
  } while (0)
#define NomosCallFFT(c, call) \
  do { \
    const cufftResult e_ = (call); \
    if (e_ != CUFFT_SUCCESS) return CudaFailedFFT((c), e_, #call); \
  } while (0)
#define NomosCallTable(call) \
  do { \
    const int e_ = (call); \
    if (e_) return e_; \
  } while (0)

#define CUDA_BLOCK 256
/* blocks of a grid-stride loop: enough to fill the device eight times over, no more than there is work */
static inline unsigned CudaBlocks(const Cuda *c, long long n)
{
  const long long want = (n + CUDA_BLOCK - 1) / CUDA_BLOCK, most = 8LL * (2048 / CUDA_BLOCK) * c->processors;
  return (unsigned)(want < most ? want : most);
}

int CudaGemm(void *, int precision, const NomosGemm *);
int CudaModes(void *, int precision, const NomosModes *);
int CudaFFTCreate(void *, const NomosFFTDesc *, void **);
int CudaFFTRun(void *, void *, int kind, PetscInt batch, const void *in, void *out, int add);
int CudaFFTDestroy(void *, void *);
#endif
