/*
  kernel.h - what the body of a kernel may use.

  A kernel is written once, as a pure function of an index, in the common subset of C99 and CUDA C++. Its argument
  struct serves both precisions; the body is compiled once per precision by the files that define NOMOS_PRECISION
  (backend/host_f32.c, cuda/cuda_f32.cu and their double twins). Everywhere else NomosReal is an incomplete type, so
  that a call site can pass pointers on but neither read nor offset them by accident.

  Rules: gather, never scatter; no statics, no allocation, no library calls; numbers in argument structs are double
  (NomosCoef), cast to NomosReal in the body; random numbers from a counter.
*/
#ifndef NOMOS_KERNEL_H
#define NOMOS_KERNEL_H

#include <petscsystypes.h>
#include <math.h>

typedef double NomosCoef; /* a number in an argument struct */

#if defined(NOMOS_PRECISION)
  #define NOMOS_BODIES 1
  #if NOMOS_PRECISION == 32
typedef float NomosReal;
  #else
typedef double NomosReal;
  #endif
typedef struct {
  NomosReal re, im;
} NomosComplex;
  /* in the precision itself: through double a loop stops being vectorized */
  #if NOMOS_PRECISION == 32
    #define NomosAbs(x)         fabsf(x)
    #define NomosCopySign(x, y) copysignf(x, y)
  #else
    #define NomosAbs(x)         fabs(x)
    #define NomosCopySign(x, y) copysign(x, y)
  #endif
#else
  #define NOMOS_BODIES 0
typedef struct NomosOpaqueReal_s    NomosReal;
typedef struct NomosOpaqueComplex_s NomosComplex;
#endif

#if defined(__CUDACC__)
  #define NOMOS_KERNEL static __device__ __forceinline__
/* the sum over the threads that share a row (lanes of them, 1 to 32, a power of two), for the first of them */
NOMOS_KERNEL double NomosLaneSum(double v, int lanes)
{
  const unsigned mask = lanes == 32 ? 0xffffffffu : ((1u << lanes) - 1u) << (threadIdx.x % 32 / lanes * lanes);
  for (int w = lanes / 2; w > 0; w /= 2) v += __shfl_down_sync(mask, v, (unsigned)w, lanes);
  return v;
}
#else
  #define NOMOS_KERNEL static inline __attribute__((always_inline, unused))
  #if !defined(NomosLaneSum)
    #define NomosLaneSum(v, lanes) (v) /* a row of the host has one lane; a test has more */
  #endif
#endif

#endif
