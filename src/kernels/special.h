/*
  special.h - transcendental functions for bodies, as polynomials that the compiler vectorizes and that give the same
  values on host and GPU to rounding. libm's erff costs 7 ns an element, these about 0.2.

  erfc(z) = exp(-z^2) P(t)/(z+c), t = (z-c)/(z+c), z >= 0: P interpolates erfcx(z)(z+c) at Chebyshev nodes (computed in
  50 digits); relative error 5e-9 with c = 3, degree 9 (single), 6e-18 with c = 4, degree 22 (double), before rounding.
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

/* erfc(z) exp(z^2) for z >= 0 */
NOMOS_KERNEL NomosReal NomosErfcx(NomosReal z)
{
  #if NOMOS_PRECISION == 32
  const float r = 1.0f / (z + 3.0f), t = (z - 3.0f) * r;
  float       p = -0.00033422440617f;
  p = p * t - 0.000500258783f;
  p = p * t + 0.003077058f;
  p = p * t - 0.0012168890719f;
  p = p * t - 0.026836217341f;
  p = p * t + 0.1195273334f;
  p = p * t - 0.3104666589f;
  p = p * t + 0.59022841026f;
  p = p * t - 0.88339445996f;
  p = p * t + 1.0740069064f;
  return p * r;
  #else
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
  #endif
}

/* the standard normal distribution: density e and cumulative Phi (absolute error a few eps) */
NOMOS_KERNEL NomosReal NomosNormalCdf(NomosReal x, NomosReal *density)
{
  const NomosReal z = NomosAbs(x) * (NomosReal)0.70710678118654752, e = NomosExpNeg(-(x * x) * (NomosReal)0.5);
  const NomosReal h = (NomosReal)0.5 * e * NomosErfcx(z);
  *density          = e * (NomosReal)0.39894228040143268;
  return (NomosReal)0.5 + NomosCopySign((NomosReal)0.5 - h, x);
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
