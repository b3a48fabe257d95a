/*
  sweeps.h - the loops around the rows of a sweep (kernels/sor.h), as cudaloops.h has them around other bodies. Rows without
  groups are not coupled: lanes threads each. A group has one block of threads, which goes through its levels in turn: what a row
  wrote is seen by the next level behind the barrier. Rows are 1, 4, 8 or 32 threads wide.
*/
#define NOMOS_SWEEP(K, BACK) \
  template <int LANES> __global__ void __launch_bounds__(CUDA_BLOCK) RowKernel_##K(long long n, const K##Args k) \
  { \
    for (long long t = (blockIdx.x * (long long)blockDim.x + threadIdx.x) / LANES; t < n; t += (long long)gridDim.x * blockDim.x / LANES) \
      K##Row((PetscInt)(k.piece.first + t), (int)(threadIdx.x % LANES), LANES, k); \
  } \
  template <int LANES> __global__ void __launch_bounds__(1024) GroupKernel_##K(long long n, const K##Args k) \
  { \
    for (long long i = blockIdx.x; i < n; i += gridDim.x) { \
      const PetscInt from = k.piece.group[k.piece.first + i], to = k.piece.group[k.piece.first + i + 1]; \
      for (PetscInt j = 0; j < to - from; j++) { \
        const PetscInt l = BACK ? to - 1 - j : from + j, end = k.piece.level[l + 1]; \
        for (PetscInt r = k.piece.level[l] + (PetscInt)threadIdx.x / LANES; r < end; r += (PetscInt)blockDim.x / LANES) K##Row(r, (int)(threadIdx.x % LANES), LANES, k); \
        __syncthreads(); \
      } \
    } \
  } \
  template <int LANES> int Sweep_##K(Cuda *c, PetscInt n, const K##Args &k) \
  { \
    const long long most = 1LL << 30; \
    if (k.piece.group) GroupKernel_##K<LANES><<<(unsigned)(n < most ? n : most), (unsigned)k.piece.threads>>>(n, k); \
    else RowKernel_##K<LANES><<<CudaBlocks(c, (long long)n * LANES), CUDA_BLOCK>>>(n, k); \
    NomosCallCUDA(c, cudaGetLastError()); \
    return NOMOS_OK; \
  } \
  int Each_##K(Cuda *c, PetscInt n, const void *args) \
  { \
    const K##Args &k = *(const K##Args *)args; \
    if (n <= 0) return NOMOS_OK; \
    if (k.piece.group ? k.piece.threads < 32 || k.piece.threads > 1024 || k.piece.threads % 32 : k.piece.size != 1) return NOMOS_ERR_ARG; \
    switch (k.piece.lanes) { \
    case 1: return Sweep_##K<1>(c, n, k); \
    case 4: return Sweep_##K<4>(c, n, k); \
    case 8: return Sweep_##K<8>(c, n, k); \
    case 32: return Sweep_##K<32>(c, n, k); \
    default: return NOMOS_ERR_ARG; \
    } \
  }
