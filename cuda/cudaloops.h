/*
  cudaloops.h - the loops around every body, for one precision (NOMOS_PRECISION): what hostloops.h is to the host.
  Included by cuda_f32.cu and cuda_f64.cu, and with NOMOS_ONLY_EXACT by their _exact_ twins (compiled without contraction).
*/
#include "cuda.h"

#define NOMOS_PASTE_(a, b) a##b
#define NOMOS_PASTE(a, b)  NOMOS_PASTE_(a, b)

/* args travel as a kernel parameter: no copy to the device, no wait */
#define NOMOS_EACH_LOOP(K) \
  __global__ void __launch_bounds__(CUDA_BLOCK) EachKernel_##K(long long n, const K##Args k) \
  { \
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) K((PetscInt)i, k); \
  } \
  int Each_##K(Cuda *c, PetscInt n, const void *args) \
  { \
    if (n <= 0) return NOMOS_OK; \
    EachKernel_##K<<<CudaBlocks(c, n), CUDA_BLOCK>>>(n, *(const K##Args *)args); \
    NomosCallCUDA(c, cudaGetLastError()); \
    return NOMOS_OK; \
  }

#if defined(NOMOS_ONLY_EXACT)
namespace {
  #define NOMOS_EXACT(K) NOMOS_EACH_LOOP(K)
  #include "kernels/list.h"
/* C++17 has no [index] =: entries follow the order of list.h, which is the order of the enum */
int (*const each_exact[])(Cuda *, PetscInt, const void *) = {
  #define NOMOS_EACH(K)        nullptr,
  #define NOMOS_SWEEP(K, BACK) nullptr,
  #define NOMOS_EXACT(K)       Each_##K,
  #include "kernels/list.h"
  nullptr};
} // namespace
const CudaExact NOMOS_PASTE(CudaExact_f, NOMOS_PRECISION) = {each_exact};

#else
namespace {
  #define NOMOS_EACH(K) NOMOS_EACH_LOOP(K)
  #include "sweeps.h"
  /* a block covers bx columns of by rows, so that short rows leave no thread idle and nothing is divided per index */
  #define NOMOS_ROWS(K) \
    __global__ void __launch_bounds__(CUDA_BLOCK) RowsKernel_##K(PetscInt m, PetscInt n, const K##Args k) \
    { \
      for (long long r = blockIdx.y * (long long)blockDim.y + threadIdx.y; r < m; r += (long long)gridDim.y * blockDim.y) \
        for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) K((PetscInt)r, (PetscInt)i, k); \
    } \
    int Rows_##K(Cuda *c, PetscInt m, PetscInt n, const void *args) \
    { \
      dim3 block, grid; \
      if (m <= 0 || n <= 0) return NOMOS_OK; \
      RowsGrid(c, m, n, &block, &grid); \
      RowsKernel_##K<<<grid, block>>>(m, n, *(const K##Args *)args); \
      NomosCallCUDA(c, cudaGetLastError()); \
      return NOMOS_OK; \
    }
  /* The host's tree exactly: one block of 32 threads per (segment, leaf) is the 32 lanes, shuffles halve them, and
     SumJoin adds the leaves in the order of the host's binary counter. */
  #define NOMOS_SUM(K) \
    __global__ void __launch_bounds__(32) SumKernel_##K(long long leaves, PetscInt m, PetscInt n, const K##Args k, double *leaf) \
    { \
      for (long long t = blockIdx.x; t < leaves * m; t += gridDim.x) { \
        const long long g = t / leaves, first = t % leaves * 1024, end = first + 1024 < n ? first + 1024 : n; \
        double          v = 0; \
        for (long long i = first + threadIdx.x; i < end; i += 32) v += K((PetscInt)g, (PetscInt)i, k); \
        for (int w = 16; w > 0; w /= 2) v += __shfl_down_sync(0xffffffffu, v, w); \
        if (threadIdx.x == 0) leaf[t] = v; \
      } \
    } \
    int Sum_##K(Cuda *c, PetscInt m, PetscInt n, const void *args, int add, double *out) \
    { \
      const long long leaves = ((long long)n + 1023) / 1024, blocks = leaves * m, most = 1LL << 30; \
      if (m <= 0) return NOMOS_OK; \
      NomosCallTable(CudaReserve(c, &c->leaf, (size_t)(blocks + 1) * sizeof(double))); \
      if (blocks > 0) SumKernel_##K<<<(unsigned)(blocks < most ? blocks : most), 32>>>(leaves, m, n, *(const K##Args *)args, (double *)c->leaf.p); \
      NomosCallCUDA(c, cudaGetLastError()); \
      SumJoin<<<(unsigned)(m < 65535 ? m : 65535), leaves > 64 ? CUDA_BLOCK : 32>>>(leaves, m, (double *)c->leaf.p, add, out); \
      NomosCallCUDA(c, cudaGetLastError()); \
      return NOMOS_OK; \
    }

/* complete subtrees from the left, then the remaining ones from the smallest to the largest: one block per segment */
__global__ void __launch_bounds__(CUDA_BLOCK) SumJoin(long long leaves, PetscInt m, double *leaf, int add, double *out)
{
  for (long long g = blockIdx.x; g < m; g += gridDim.x) {
    double *v = leaf + g * leaves;
    for (long long p = 1; p < leaves; p *= 2) {
      for (long long f = 2 * p * threadIdx.x; f + 2 * p <= leaves; f += 2 * p * blockDim.x) v[f] += v[f + p];
      __syncthreads();
    }
    if (threadIdx.x == 0) {
      double s = 0;
      for (long long done = leaves, bit = 1; done > 0; bit *= 2)
        if (done & bit) done -= bit, s = v[done] + s;
      out[g] = add ? out[g] + s : s;
    }
  }
}

void RowsGrid(const Cuda *c, PetscInt m, PetscInt n, dim3 *block, dim3 *grid)
{
  const long long most = CudaBlocks(c, (long long)m * n);
  long long       bx = 32, x, y;
  while (bx < n && bx < CUDA_BLOCK) bx *= 2;
  *block = dim3((unsigned)bx, (unsigned)(CUDA_BLOCK / bx));
  x      = (n + bx - 1) / bx, y = (m + block->y - 1) / block->y;
  if (y > 65535) y = 65535;
  if (y > most) y = most;
  if (x * y > 2 * most) x = (2 * most + y - 1) / y;
  *grid = dim3((unsigned)x, (unsigned)y);
}

  #include "kernels/list.h"

int (*const each_table[])(Cuda *, PetscInt, const void *) = {
  #define NOMOS_EACH(K)        Each_##K,
  #define NOMOS_SWEEP(K, BACK) Each_##K,
  #define NOMOS_EXACT(K)       nullptr,
  #include "kernels/list.h"
  nullptr};
int (*const rows_table[])(Cuda *, PetscInt, PetscInt, const void *) = {
  #define NOMOS_ROWS(K) Rows_##K,
  #include "kernels/list.h"
  nullptr};
int (*const sum_table[])(Cuda *, PetscInt, PetscInt, const void *, int, double *) = {
  #define NOMOS_SUM(K) Sum_##K,
  #include "kernels/list.h"
  nullptr};

  /* the GPU's own bodies, bodies.h */
  #define OWN_LOOP(K) \
    __global__ void __launch_bounds__(CUDA_BLOCK) OwnKernel_##K(long long n, const K##Args k) \
    { \
      for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) K(i, k); \
    } \
    int Own_##K(Cuda *c, long long n, const void *args) \
    { \
      if (n <= 0) return NOMOS_OK; \
      OwnKernel_##K<<<CudaBlocks(c, n), CUDA_BLOCK>>>(n, *(const K##Args *)args); \
      NomosCallCUDA(c, cudaGetLastError()); \
      return NOMOS_OK; \
    }
CUDA_BODIES(OWN_LOOP)
  #define OWN_FUNCTION(K) Own_##K,
int (*const own_table[])(Cuda *, long long, const void *) = {CUDA_BODIES(OWN_FUNCTION)};
} // namespace
const CudaCode NOMOS_PASTE(CudaCode_f, NOMOS_PRECISION) = {each_table, rows_table, sum_table, own_table};
#endif
