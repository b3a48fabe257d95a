/*
  special.h - transcendental functions for bodies, as polynomials that the compiler vectorizes and that give the same
  values on host and GPU to rounding. libm's erff costs 7 ns an element, these about 0.2.

  erfc(z) = exp(-z^2) P(t)/(z+4), t = (z-4)/(z+4), z >= 0: P interpolates erfcx(z)(z+4) at Chebyshev nodes (computed in
  50 digits); relative error 6e-18 with degree 22, before rounding.
*/
#ifndef NOMOS_SPECIAL_H
#define NOMOS_SPECIAL_H
#include "kernel.h"

#if NOMOS_BODIES
  #include <string.h>

/* exp(y) for y <= 0; 0 below the smallest normal number. n = rint(y/ln 2) by the magic-number addition, whose low bits
   then shift into the exponent; the polynomial is exp on [-ln2/2, ln2/2] (Taylor, degree 7 or 13). */
NOMOS_KERNEL NomosReal NomosExpNeg(NomosReal y)
{
  #if NOMOS_PRECISION == 32
  const float magic = 12582912.0f, yc = y < -87.0f ? -87.0f : y;
  const float k = yc * 1.44269504f + magic, n = k - magic;
  const float r = (yc - n * 0.693145752f) - n * 1.42860677e-6f;
  float       p = 1.0f / 5040, s;
  int         bits;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  memcpy(&bits, &k, sizeof(bits));
  bits = (int)((unsigned)bits << 23) + 0x3f800000;
  memcpy(&s, &bits, sizeof(s));
  return y < -87.0f ? 0.0f : p * s;
  #else
  const double magic = 6755399441055744.0, yc = y < -708.0 ? -708.0 : y;
  const double k = yc * 1.44269504088896341 + magic, n = k - magic;
  const double r = (yc - n * 0.693147180369123816) - n * 1.90821492927058770e-10;
  double       p = 1.0 / 6227020800.0, s;
  long long    bits;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  memcpy(&bits, &k, sizeof(bits));
  bits = (long long)((unsigned long long)bits << 52) + 0x3ff0000000000000LL;
  memcpy(&s, &bits, sizeof(s));
  return y < -708.0 ? 0.0 : p * s;
  #endif
}

  #if NOMOS_PRECISION == 64
/* erfc(z) exp(z^2) for z >= 0 */
NOMOS_KERNEL double NomosErfcx(double z)
{
  const double r = 1.0 / (z + 4.0), t = (z - 4.0) * r;
  double       p = 9.08454177121390667e-10;
  p = p * t - 6.36903746253067929e-10;
  p = p * t - 1.52132068199503852e-8;
  p = p * t + 3.38631000225136862e-9;
  p = p * t + 1.23970226219209567e-7;
  p = p * t - 7.90003000732478314e-8;
  p = p * t - 8.46291501725211025e-7;
  p = p * t + 1.4268525380407012e-6;
  p = p * t + 4.69461997658331271e-6;
  p = p * t - 0.0000188621350713113925;
  p = p * t - 3.63529664658784904e-6;
  p = p * t + 0.000176813190467648068;
  p = p * t - 0.000455052645563965433;
  p = p * t - 0.000280958935580871953;
  p = p * t + 0.00611205564927745558;
  p = p * t - 0.0263700533323032085;
  p = p * t + 0.0763815149098777191;
  p = p * t - 0.174010937240444534;
  p = p * t + 0.330851587877988122;
  p = p * t - 0.540853831313220072;
  p = p * t + 0.773208702265237459;
  p = p * t - 0.976548729080882126;
  p = p * t + 1.09599566100049112;
  return p * r;
}
  #endif

/* The standard normal distribution: density and cumulative Phi. Single precision has its own polynomials, chosen for few
   operations (this is the dearest pointwise function of a net): exp(-x^2/2) in base 2 (minimax of degree 5, 7.5e-8), and
   Phi(-a) exp(a^2/2) as a polynomial in a = |x| whose error is minimax under the weight exp(-a^2/2) (degree 10, 6.6e-8).
   Absolute error of Phi 2e-7 in single precision, a few eps in double. */
NOMOS_KERNEL NomosReal NomosNormalCdf(NomosReal x, NomosReal *density)
{
  #if NOMOS_PRECISION == 32
  const float magic = 12582912.0f, t = x * x * -0.72134752f, tc = t > -126.0f ? t : -126.0f;
  const float k = tc + magic, r = tc - (k - magic), b = NomosAbs(x), a = b < 10.0f ? b : 10.0f;
  float       p = 1.327648718e-03f, q = 1.631717167e-06f, e;
  int         bits, exponent;
  p = p * r + 9.675546681e-03f;
  p = p * r + 5.550713279e-02f;
  p = p * r + 2.402211963e-01f;
  p = p * r + 6.931469670e-01f;
  p = p * r + 1.000000072e+00f;
  q = q * a - 3.520827228e-05f;
  q = q * a + 3.397421214e-04f;
  q = q * a - 1.974642527e-03f;
  q = q * a + 7.939428019e-03f;
  q = q * a - 2.431398701e-02f;
  q = q * a + 6.115493942e-02f;
  q = q * a - 1.325138273e-01f;
  q = q * a + 2.499168019e-01f;
  q = q * a - 3.989365159e-01f;
  q = q * a + 4.999999341e-01f;
  memcpy(&bits, &p, sizeof(bits));
  memcpy(&exponent, &k, sizeof(exponent));
  bits = (int)((unsigned)bits + ((unsigned)exponent << 23)); /* p 2^n: n sits in the low bits of k */
  memcpy(&e, &bits, sizeof(e));
  *density = e * 0.398942280f;
  return 0.5f + NomosCopySign(0.5f - e * q, x);
  #else
  const double z = NomosAbs(x) * 0.70710678118654752, e = NomosExpNeg(-(x * x) * 0.5);
  const double h = 0.5 * e * NomosErfcx(z);
  *density       = e * 0.39894228040143268;
  return 0.5 + NomosCopySign(0.5 - h, x);
  #endif
}

/* tanh(x) by exp(-2|x|); the series near zero keeps the relative accuracy */
NOMOS_KERNEL NomosReal NomosTanh(NomosReal x)
{
  const NomosReal a = NomosAbs(x), e = NomosExpNeg(-2 * a), q = (1 - e) / (1 + e), x2 = a * a;
  const NomosReal s = a * (1 - x2 * ((NomosReal)(1.0 / 3) - x2 * ((NomosReal)(2.0 / 15) - x2 * ((NomosReal)(17.0 / 315) - x2 * (NomosReal)(62.0 / 2835)))));
  const NomosReal t = a < (NomosReal)0.02 ? s : q;
  return NomosCopySign(t, x);
}
#endif
#endif
