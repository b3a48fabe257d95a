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

/* The upper tail of the standard normal distribution at a >= 0 as a product: Phi(-a) = e q with e = exp(-a^2/2). Single precision
   has its own polynomials, chosen for few operations and short chains of them (this is the dearest pointwise function of a net,
   and a core waits for its additions rather than for their number): 2^r (minimax of degree 5, 7.5e-8), and q as a polynomial in a
   whose error is minimax under the weight e (degree 10, 6.6e-8), even and odd part apart. Absolute error of e q 1e-7. */
NOMOS_KERNEL void NomosNormalTail(NomosReal a, NomosReal *e, NomosReal *q)
{
  #if NOMOS_PRECISION == 32
  const float magic = 12582912.0f, a2 = a * a; /* e = 2^n p: n sits in the low bits of k */
  const float t = a2 * -0.72134752f, k = a2 * -0.72134752f + magic, r = t - (k - magic), r2 = r * r;
  const float p0 = 6.931469670e-01f * r + 1.000000072e+00f, p1 = 5.550713279e-02f * r + 2.402211963e-01f, p2 = 1.327648718e-03f * r + 9.675546681e-03f;
  const float p = (p2 * r2 + p1) * r2 + p0;
  float       even = 1.631717167e-06f, odd = -3.520827228e-05f;
  int         kbits, pbits;
  even = even * a2 + 3.397421214e-04f;
  odd  = odd * a2 - 1.974642527e-03f;
  even = even * a2 + 7.939428019e-03f;
  odd  = odd * a2 - 2.431398701e-02f;
  even = even * a2 + 6.115493942e-02f;
  odd  = odd * a2 - 1.325138273e-01f;
  even = even * a2 + 2.499168019e-01f;
  odd  = odd * a2 - 3.989365159e-01f;
  even = even * a2 + 4.999999341e-01f;
  *q   = odd * a + even;
  memcpy(&pbits, &p, sizeof(pbits));
  memcpy(&kbits, &k, sizeof(kbits));
  pbits = (int)((unsigned)pbits + ((unsigned)kbits << 23));
  memcpy(e, &pbits, sizeof(*e));
  #else
  *e = NomosExpNeg(-(a * a) * 0.5);
  *q = 0.5 * NomosErfcx(a * 0.70710678118654752);
  #endif
}

/* gelu(x) = x Phi(x) = max(x, 0) - |x| Phi(-|x|), and its derivative Phi(x) + x Phi'(x); NaN comes out as NaN */
NOMOS_KERNEL NomosReal NomosGelu(NomosReal x, NomosReal *derivative)
{
  NomosReal a, e, q, w;
  #if NOMOS_PRECISION == 32
  /* |x| is cut at 10 as an integer (bits of positive numbers are ordered alike), since a float select would be carried through
     both polynomials */
  int bits;
  memcpy(&bits, &x, sizeof(bits));
  bits &= 0x7fffffff;
  bits = bits < 0x41200000 ? bits : 0x41200000;
  memcpy(&a, &bits, sizeof(a));
  #else
  a = NomosAbs(x);
  #endif
  NomosNormalTail(a, &e, &q);
  w           = (q - (NomosReal)0.39894228040143268 * a) * e;
  *derivative = x > 0 ? 1 - w : w;
  return (x < 0 ? 0 : x) - (a * q) * e;
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
