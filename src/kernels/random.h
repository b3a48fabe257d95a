/*
  random.h - random numbers from a counter: Philox4x32-10 (Random123). Nothing is stored; a number is a function of
  (seed, step, tag, probe, index), so ranks, devices and restarts draw the same ones.

  key = seed; counter = (block low, block high, tag << 24 | probe, step). The index is the global one.
    Rademacher: block b serves 128b..128b+127, one bit each, 1 -> +1
    uniform:    block b serves 2b and 2b+1, 53 bits, strictly inside (0,1)
    normal:     inverse normal distribution function of that uniform

  The functions are for bodies and, unlike bodies, also for plain C callers (no NOMOS_PRECISION needed). Sums and products
  are never contracted here, whatever the flags of the caller, so that everyone sees the same bits.
*/
#ifndef NOMOS_RANDOM_H
#define NOMOS_RANDOM_H
#include "kernel.h"
#include <string.h>
#include <Random123/philox.h>

enum { /* streams; a probe is below 2^24 */
  NOMOS_RANDOM_PERTURBATION = 1,
  NOMOS_RANDOM_HUTCHINSON   = 2,
  NOMOS_RANDOM_ORDER        = 3, /* which samples a step sees                                                   */
  NOMOS_RANDOM_PARTICLE     = 4,
  NOMOS_RANDOM_WEIGHTS      = 5, /* initial weights                                                             */
  NOMOS_RANDOM_SKETCH       = 6,
  NOMOS_RANDOM_DATA         = 7, /* step = sample, block = packed signed wavenumber, probe = field               */
  NOMOS_RANDOM_DROPOUT      = 8,
  NOMOS_RANDOM_TUNER        = 9
};

/* A function whose products must not contract. Bodies are compiled that way as a whole; gcc takes an attribute and then
   does not inline, clang a pragma. */
#if defined(NOMOS_ONLY_EXACT) || defined(__CUDACC__)
  #define NOMOS_UNCONTRACTED NOMOS_KERNEL
  #define NOMOS_UNCONTRACTED_BODY
#elif defined(__clang__)
  #define NOMOS_UNCONTRACTED      static inline __attribute__((unused))
  #define NOMOS_UNCONTRACTED_BODY _Pragma("clang fp contract(off)")
#else
  #define NOMOS_UNCONTRACTED static inline __attribute__((unused, optimize("fp-contract=off")))
  #define NOMOS_UNCONTRACTED_BODY
#endif

/* The four words of a block. */
NOMOS_KERNEL void NomosPhilox(uint64_t seed, uint32_t step, uint32_t tag, uint32_t probe, uint64_t block, uint32_t out[4])
{
  philox4x32_ctr_t c;
  philox4x32_key_t k;
  c.v[0] = (uint32_t)block;
  c.v[1] = (uint32_t)(block >> 32);
  c.v[2] = tag << 24 | (probe & 0xffffffu);
  c.v[3] = step;
  k.v[0] = (uint32_t)seed;
  k.v[1] = (uint32_t)(seed >> 32);
  c      = philox4x32_R(10, c, k);
  out[0] = c.v[0];
  out[1] = c.v[1];
  out[2] = c.v[2];
  out[3] = c.v[3];
}

/* 64 bits to a number strictly inside (0,1): an odd multiple of 2^-53, exact. */
NOMOS_KERNEL double NomosUniformFromBits(uint32_t low, uint32_t high)
{
  const uint64_t bits = (uint64_t)high << 32 | low;
  return ((double)(bits >> 12) + 0.5) * 2.220446049250313080847e-16;
}

/* log(w) for a normal number 0 < w < 1: w = 2^e m, m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m-1)/(m+1)) by its series
   (argument at most 0.172: the first term left out is below 1e-19). */
NOMOS_UNCONTRACTED double NomosLogUnit(double w)
{
  NOMOS_UNCONTRACTED_BODY
  uint64_t bits;
  int      e;
  double   m, s, t, p;
  memcpy(&bits, &w, sizeof(bits));
  e = (int)((int64_t)(bits - 0x3fe6a09e667f3bcdull) >> 52); /* the constant: the bits of sqrt(1/2) */
  bits -= (uint64_t)(int64_t)e << 52;
  memcpy(&m, &bits, sizeof(m));
  s = (m - 1.0) / (m + 1.0);
  t = s * s;
  p = 1.0 / 23.0;
  p = p * t + 1.0 / 21.0;
  p = p * t + 1.0 / 19.0;
  p = p * t + 1.0 / 17.0;
  p = p * t + 1.0 / 15.0;
  p = p * t + 1.0 / 13.0;
  p = p * t + 1.0 / 11.0;
  p = p * t + 1.0 / 9.0;
  p = p * t + 1.0 / 7.0;
  p = p * t + 1.0 / 5.0;
  p = p * t + 1.0 / 3.0;
  p = 2.0 * (s + s * (t * p)) + (double)e * 1.90821492927058770002e-10; /* ln 2 = high part (exact times e) + low part */
  return (double)e * 0.693147180369123816490 + p;
}

/* Inverse of the standard normal distribution function, 0 < u < 1 a multiple of 2^-53. Rational functions that
   interpolate in Chebyshev nodes, computed in 60 digits for this file: with q = u - 1/2, q R(0.180625 - q^2) for
   |q| <= 0.425, degrees 8/8, relative error 7e-17; in the tails R(sqrt(-log min(u, 1-u)) - 1.6), degrees 9/8, 7e-17.
   With rounding, relative error below 1e-14 (tests/unit/random.c). */
NOMOS_UNCONTRACTED double NomosNormalFromUniform(double u)
{
  NOMOS_UNCONTRACTED_BODY
  const double q = u - 0.5, w = u < 0.5 ? u : 1.0 - u;
  double       t, a, b, r;
  if (q >= -0.425 && q <= 0.425) {
    t = 0.180625 - q * q;
    a = 3907.0076390238158409;
    a = a * t + 74060.814625639021961;
    a = a * t + 214247.38019842380295;
    a = a * t + 213550.1624843821322;
    a = a * t + 95692.7355126975901;
    a = a * t + 21627.481160490559357;
    a = a * t + 2548.2248573022627541;
    a = a * t + 148.75654077063150869;
    a = a * t + 3.3871328727963666225;
    b = 9398.4645172065908493;
    b = b * t + 72342.69749284587286;
    b = b * t + 140376.82723612544898;
    b = b * t + 109244.705554588169;
    b = b * t + 41169.981667908565357;
    b = b * t + 8176.8783406360711725;
    b = b * t + 871.28389406419861207;
    b = b * t + 46.923386895220554288;
    b = b * t + 1.0;
    return q * (a / b);
  }
  t = sqrt(-NomosLogUnit(w)) - 1.6;
  a = 3.2685899635120444741e-6;
  a = a * t + 0.0002391667094625366814;
  a = a * t + 0.0058360663802619622111;
  a = a * t + 0.068381855001981392217;
  a = a * t + 0.45127124079395018862;
  a = a * t + 1.8011850186315324572;
  a = a * t + 4.3997638231936497373;
  a = a * t + 6.3224953379053329267;
  a = a * t + 4.7902550501643469053;
  a = a * t + 1.4234371107496836552;
  b = 2.3112100352528104248e-6;
  b = b * t + 0.00016542780747098995692;
  b = b * t + 0.0038693742751072513867;
  b = b * t + 0.042556484418842423681;
  b = b * t + 0.25826051993645505526;
  b = b * t + 0.92333523793711461205;
  b = b * t + 1.930094455541753978;
  b = b * t + 2.1655374428316235935;
  b = b * t + 1.0;
  r = a / b;
  return q < 0 ? -r : r;
}

/* One entry of a stream. */
NOMOS_KERNEL double NomosUniform(uint64_t seed, uint32_t step, uint32_t tag, uint32_t probe, uint64_t index)
{
  uint32_t b[4];
  NomosPhilox(seed, step, tag, probe, index / 2, b);
  return index % 2 ? NomosUniformFromBits(b[2], b[3]) : NomosUniformFromBits(b[0], b[1]);
}
NOMOS_KERNEL double NomosNormal(uint64_t seed, uint32_t step, uint32_t tag, uint32_t probe, uint64_t index)
{
  return NomosNormalFromUniform(NomosUniform(seed, step, tag, probe, index));
}
NOMOS_KERNEL double NomosRademacher(uint64_t seed, uint32_t step, uint32_t tag, uint32_t probe, uint64_t index)
{
  const uint32_t j = (uint32_t)(index % 128);
  uint32_t       b[4];
  NomosPhilox(seed, step, tag, probe, index / 128, b);
  return (b[j / 32] >> j % 32 & 1u) ? 1.0 : -1.0;
}

/* Entry i of the permutation of 0..n-1 that belongs to (seed, epoch): six rounds of a Feistel network on the smallest even
   number of bits that holds n, walked on until it lands below n. A bijection, because the network is one. */
NOMOS_KERNEL uint64_t NomosPermute(uint64_t seed, uint32_t epoch, uint64_t n, uint64_t i)
{
  uint32_t half = 1, r;
  uint64_t mask, left, right, y = i;
  while (half < 31 && (uint64_t)1 << 2 * half < n) half++;
  mask = ((uint64_t)1 << half) - 1;
  do {
    left  = y >> half;
    right = y & mask;
    for (r = 0; r < 6; r++) {
      uint32_t       b[4];
      const uint64_t keep = right;
      NomosPhilox(seed, epoch, NOMOS_RANDOM_ORDER, r, right, b);
      right = (left ^ b[0]) & mask;
      left  = keep;
    }
    y = left << half | right;
  } while (y >= n);
  return y;
}

/* Blocks of `per` entries that cover first..first+n-1: the number of indices to launch. */
#if !defined(__CUDACC__)
static inline PetscInt NomosRandomBlocks(uint64_t first, PetscInt n, uint32_t per)
{
  return n > 0 ? (PetscInt)((first + (uint64_t)n - 1) / per - first / per + 1) : 0;
}
#endif

typedef struct { /* y[j] = entry first + j, j < n; index i is the i-th block touched: launch NomosRandomBlocks() of them */
  NomosReal *y;
  uint64_t   seed, first;
  PetscInt   n;
  uint32_t   step, tag, probe;
} FillUniformArgs; /* blocks of 2 */
typedef FillUniformArgs FillNormalArgs;     /* blocks of 2   */
typedef FillUniformArgs FillRademacherArgs; /* blocks of 128 */

#if NOMOS_BODIES
NOMOS_KERNEL void FillUniform(PetscInt i, FillUniformArgs k)
{
  const uint64_t block = k.first / 2 + (uint64_t)i, last = k.first + (uint64_t)k.n;
  uint32_t       b[4];
  NomosPhilox(k.seed, k.step, k.tag, k.probe, block, b);
  if (2 * block >= k.first) k.y[2 * block - k.first] = (NomosReal)NomosUniformFromBits(b[0], b[1]);
  if (2 * block + 1 < last) k.y[2 * block + 1 - k.first] = (NomosReal)NomosUniformFromBits(b[2], b[3]);
}
NOMOS_KERNEL void FillNormal(PetscInt i, FillNormalArgs k)
{
  const uint64_t block = k.first / 2 + (uint64_t)i, last = k.first + (uint64_t)k.n;
  uint32_t       b[4];
  NomosPhilox(k.seed, k.step, k.tag, k.probe, block, b);
  if (2 * block >= k.first) k.y[2 * block - k.first] = (NomosReal)NomosNormalFromUniform(NomosUniformFromBits(b[0], b[1]));
  if (2 * block + 1 < last) k.y[2 * block + 1 - k.first] = (NomosReal)NomosNormalFromUniform(NomosUniformFromBits(b[2], b[3]));
}
NOMOS_KERNEL void FillRademacher(PetscInt i, FillRademacherArgs k)
{
  const uint64_t block = k.first / 128 + (uint64_t)i, start = block * 128, last = k.first + (uint64_t)k.n;
  const uint32_t lo = start < k.first ? (uint32_t)(k.first - start) : 0, hi = start + 128 > last ? (uint32_t)(last - start) : 128;
  uint32_t       b[4], j;
  NomosPhilox(k.seed, k.step, k.tag, k.probe, block, b);
  for (j = lo; j < hi; j++) k.y[start + j - k.first] = (b[j / 32] >> j % 32 & 1u) ? (NomosReal)1 : (NomosReal)-1;
}
#endif
#endif
