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

/* The upper tail Phi(-a) of the standard normal distribution at a >= 0, and its density phi(a). Single precision has its own
   polynomials, chosen for few multiplications, since this is the dearest pointwise function of a net and the pipes that multiply are
   what it waits for: Phi(-a) = Q(a)^4 and phi(a) = R(a^2)^8, where Q and R, being roots, need low degrees (8 and 5) for errors of
   4.3e-8 in the tail and 2e-7 in a phi (minimax under the weights 4 Q^3 and 8 a R^7). Q vanishes at 5.61937, where `a` is to be cut:
   Phi(-a) is below 1e-8 from there on. A caller that wants no density pays for none. */
  #if NOMOS_PRECISION == 32
    #define NOMOS_TAIL_CUT 0x40b3d1e5 /* the bits of 5.61937 */
  #endif
NOMOS_KERNEL void NomosNormalTail(NomosReal a, NomosReal *tail, NomosReal *density)
{
  #if NOMOS_PRECISION == 32
  const float a2 = a * a;
  float       q = -3.42725547e-06f, r = -4.492729819e-09f;
  q     = q * a + 5.874647793e-05f;
  q     = q * a - 3.089259975e-04f;
  q     = q * a - 3.222449120e-05f;
  q     = q * a + 3.793670044e-03f;
  q     = q * a + 4.648284301e-03f;
  q     = q * a - 5.019533711e-02f;
  q     = q * a - 1.677348741e-01f;
  q     = q * a + 8.408964755e-01f;
  q     = q * q;
  *tail = q * q;
  r        = r * a2 + 5.292163194e-07f;
  r        = r * a2 - 3.602813355e-05f;
  r        = r * a2 + 1.740471336e-03f;
  r        = r * a2 - 5.571701912e-02f;
  r        = r * a2 + 8.914842420e-01f;
  r        = r * r;
  r        = r * r;
  *density = r * r;
  #else
  const double e = NomosExpNeg(-(a * a) * 0.5);
  *tail    = e * (0.5 * NomosErfcx(a * 0.70710678118654752));
  *density = e * 0.39894228040143268;
  #endif
}

/* gelu(x) = x Phi(x) = max(x, 0) - |x| Phi(-|x|), and its derivative Phi(x) + x phi(x); NaN comes out as NaN */
NOMOS_KERNEL NomosReal NomosGelu(NomosReal x, NomosReal *derivative)
{
  NomosReal a, tail, density, w;
  #if NOMOS_PRECISION == 32
  /* |x| is cut as an integer (bits of positive numbers are ordered alike), since a float select would be carried through both
     polynomials */
  int bits;
  memcpy(&bits, &x, sizeof(bits));
  bits &= 0x7fffffff;
  bits = bits < NOMOS_TAIL_CUT ? bits : NOMOS_TAIL_CUT;
  memcpy(&a, &bits, sizeof(a));
  #else
  a = NomosAbs(x);
  #endif
  NomosNormalTail(a, &tail, &density);
  w           = tail - a * density;
  *derivative = x > 0 ? 1 - w : w;
  return (x < 0 ? 0 : x) - a * tail;
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
