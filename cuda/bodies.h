/*
  bodies.h - bodies that only the GPU needs: moving kept modes in and out of a full half spectrum, small transforms as
  direct sums, products per mode, the ends of a channel product. One call per index, gather only, no atomics.

  Like the kernels of src/kernels they are the common subset of C99 and CUDA C++: tests/unit/cudabodies.c runs every body
  on the host against the host backend. The tables that they read are built by SpectrumTables, on the host as well.
*/
#ifndef NOMOS_CUDA_BODIES_H
#define NOMOS_CUDA_BODIES_H
#include "backend/backend.h"

/* every body, in the order of the tables */
#define CUDA_BODIES(X) X(Restrict) X(Embed) X(Unpack) X(LastForward) X(LastInverse) X(Lead) X(AddReal) X(AddBias) X(SumSamples) X(ModesProduct) X(ModesGradient) X(ModesSeparable)
#define OWN_ENTRY(K) OWN_##K,
typedef enum {
  CUDA_BODIES(OWN_ENTRY) OWN_NUM
} CudaOwnKernel;

/* flags of a kept mode */
#define MODE_TWICE 1 /* stands for itself and its conjugate: w = 2                                   */
#define MODE_INERT 2 /* is its own conjugate: its imaginary part is exactly zero, and so is its gradient */

typedef struct { /* full or compact spectrum [b][count], (re, im) pairs -> kept modes [b][2][kp], scaled, padded with zeros */
  const NomosReal *full;
  NomosReal       *z;
  const int       *place, *flags; /* per mode: where it stands in the spectrum, or -1 */
  long long        count, modes, kp;
  NomosCoef        scale;
  int              weighted; /* times w */
} RestrictArgs;
typedef struct { /* kept modes -> full half spectrum, zero elsewhere, made Hermitian on the planes that are their own conjugates */
  const NomosReal *z;
  NomosReal       *full;
  const int       *slot, *mirror, *flags; /* per place: its mode or -1; on those planes the mode of the conjugate place or -1, else -2 */
  long long        count, kp;
  NomosCoef        scale;
  int              divided; /* by w */
} EmbedArgs;
typedef struct { /* kept modes -> compact spectrum [b][modes], times w where asked: what the direct sums read */
  const NomosReal *z;
  NomosReal       *full;
  const int       *place, *flags;
  long long        modes, kp;
  NomosCoef        scale;
  int              weighted;
} UnpackArgs;
typedef struct { /* real rows [rows][n] <-> [rows][m] pairs; cs: cos, sin of 2 pi j/n as pairs, j < n */
  const NomosReal *x, *cs;
  NomosReal       *y;
  const int       *freq; /* m frequencies in 0..n-1, -1: absent */
  long long        n, m;
  int              add; /* inverse only */
} LastArgs;
typedef LastArgs LastForwardArgs, LastInverseArgs;
typedef struct { /* pairs [outer][ni][inner] -> [outer][no][inner]; forward: no slots from n points, else n points from ni slots */
  const NomosReal *x, *cs;
  NomosReal       *y;
  const int       *freq;
  long long        n, ni, no, inner;
  int              forward;
} LeadArgs;
typedef struct { /* y += x */
  const NomosReal *x;
  NomosReal       *y;
} AddRealArgs;
typedef struct { /* Y[b][o][p] += bias[o] */
  const NomosReal *bias;
  NomosReal       *y;
  long long        out, points, stride;
} AddBiasArgs;
typedef struct { /* A[j] = (add ? A[j] : 0) + sum over b of parts[b][j], in the order of the samples */
  const NomosReal *parts;
  NomosReal       *a;
  long long        size, batch;
  int              add;
} SumSamplesArgs;
typedef NomosModes ModesProductArgs, ModesGradientArgs, ModesSeparableArgs;
#define MODES_SAMPLES 4 /* samples of one index of ModesProduct: they share the weight that is loaded */

#if NOMOS_BODIES
NOMOS_KERNEL void Restrict(long long t, RestrictArgs k)
{
  const long long  b = t / k.kp, s = t % k.kp;
  const int        p = s < k.modes ? k.place[s] : -1, f = p < 0 ? 0 : k.flags[s];
  const NomosReal *v = k.full + 2 * (b * k.count + (p < 0 ? 0 : p));
  NomosReal       *z = k.z + b * 2 * k.kp + s;
  const NomosReal  q = (NomosReal)k.scale * (k.weighted && (f & MODE_TWICE) ? (NomosReal)2 : (NomosReal)1);
  z[0]               = p < 0 ? (NomosReal)0 : q * v[0];
  z[k.kp]            = p < 0 || (f & MODE_INERT) ? (NomosReal)0 : q * v[1];
}
NOMOS_KERNEL void Embed(long long t, EmbedArgs k)
{
  const long long  b = t / k.count, p = t % k.count;
  const int        s = k.slot[p], c = k.mirror[p];
  const NomosReal *z = k.z + b * 2 * k.kp;
  NomosReal        q = (NomosReal)k.scale, re = 0, im = 0;
  if (s >= 0) {
    if (k.divided && (k.flags[s] & MODE_TWICE)) q = q * (NomosReal)0.5;
    re = q * z[s];
    im = q * z[k.kp + s];
  }
  if (c > -2) { /* (Z(k) + conj Z(-k))/2; w = 1 on these planes */
    re = (NomosReal)0.5 * (re + (c >= 0 ? q * z[c] : (NomosReal)0));
    im = (NomosReal)0.5 * (im - (c >= 0 ? q * z[k.kp + c] : (NomosReal)0));
  }
  k.full[2 * t]     = re;
  k.full[2 * t + 1] = im;
}
NOMOS_KERNEL void Unpack(long long t, UnpackArgs k)
{
  const long long  b = t / k.modes, s = t % k.modes;
  const NomosReal *z = k.z + b * 2 * k.kp + s;
  const int        f = k.flags[s], absent = k.place[s] < 0;
  const NomosReal  q = (NomosReal)k.scale * (k.weighted && (f & MODE_TWICE) ? (NomosReal)2 : (NomosReal)1);
  k.full[2 * t]      = absent ? (NomosReal)0 : q * z[0];
  k.full[2 * t + 1]  = absent || (f & MODE_INERT) ? (NomosReal)0 : q * z[k.kp];
}
/* y[r][s] = sum_j x[r][j] exp(-2 pi i f_s j/n) */
NOMOS_KERNEL void LastForward(long long t, LastArgs k)
{
  const long long  r = t / k.m, s = t % k.m, f = k.freq[s];
  const NomosReal *x = k.x + r * k.n;
  NomosReal        re = 0, im = 0;
  long long        turn = 0;
  for (long long j = 0; f >= 0 && j < k.n; j++) {
    re += x[j] * k.cs[2 * turn];
    im -= x[j] * k.cs[2 * turn + 1];
    turn += f;
    if (turn >= k.n) turn -= k.n;
  }
  k.y[2 * t]     = re;
  k.y[2 * t + 1] = im;
}
/* y[r][j] = Re sum_s x[r][s] exp(2 pi i f_s j/n) */
NOMOS_KERNEL void LastInverse(long long t, LastArgs k)
{
  const long long  r = t / k.n, j = t % k.n;
  const NomosReal *x = k.x + 2 * r * k.m;
  NomosReal        v = 0;
  for (long long s = 0; s < k.m; s++) {
    const long long f = k.freq[s];
    if (f < 0) continue;
    v += x[2 * s] * k.cs[2 * (f * j % k.n)];
    v -= x[2 * s + 1] * k.cs[2 * (f * j % k.n) + 1];
  }
  k.y[t] = k.add ? k.y[t] + v : v;
}
NOMOS_KERNEL void Lead(long long t, LeadArgs k)
{
  const long long  i = t % k.inner, o = t / k.inner % k.no, outer = t / k.inner / k.no;
  const NomosReal *x = k.x + 2 * (outer * k.ni * k.inner + i);
  NomosReal        re = 0, im = 0;
  for (long long q = 0; q < k.ni; q++) {
    const long long f = k.freq[k.forward ? o : q];
    if (f >= 0) {
      const long long turn = f * (k.forward ? q : o) % k.n;
      const NomosReal c = k.cs[2 * turn], s = k.forward ? -k.cs[2 * turn + 1] : k.cs[2 * turn + 1];
      const NomosReal xr = x[2 * q * k.inner], xi = x[2 * q * k.inner + 1];
      re += xr * c - xi * s;
      im += xr * s + xi * c;
    }
  }
  k.y[2 * t]     = re;
  k.y[2 * t + 1] = im;
}
NOMOS_KERNEL void AddReal(long long t, AddRealArgs k)
{
  k.y[t] += k.x[t];
}
NOMOS_KERNEL void AddBias(long long t, AddBiasArgs k)
{
  const long long size = k.out * k.points, b = t / size, j = t % size;
  k.y[b * k.stride + j] += k.bias[j / k.points];
}
NOMOS_KERNEL void SumSamples(long long t, SumSamplesArgs k)
{
  NomosReal s = k.add ? k.a[t] : (NomosReal)0;
  for (long long b = 0; b < k.batch; b++) s += k.parts[b * k.size + t];
  k.a[t] = s;
}
/* index: mode fastest, then result channel, then group of four samples */
NOMOS_KERNEL void ModesProduct(long long t, NomosModes g)
{
  const int        conjugate = g.op == NOMOS_MODES_WHY;
  const long long  kp = g.kp, nr = conjugate ? g.in : g.out, nj = conjugate ? g.out : g.in, k = t % kp, r = t / kp % nr, first = t / kp / nr * MODES_SAMPLES;
  const long long  rest = g.batch - first, wi = 2 * NOMOS_LANES, wrow = wi * g.out, ws = conjugate ? wi : wrow;
  const NomosReal *S = (conjugate ? g.Y : g.X) + first * nj * 2 * kp + k, *W = g.W + k / NOMOS_LANES * wrow * g.in + k % NOMOS_LANES + r * (conjugate ? wrow : wi);
  NomosReal       *R = (conjugate ? g.X : g.Y) + (first * nr + r) * 2 * kp + k;
  NomosReal        re[MODES_SAMPLES], im[MODES_SAMPLES];
  for (int b = 0; b < MODES_SAMPLES; b++) re[b] = im[b] = 0;
  for (long long j = 0; j < nj; j++) {
    const NomosReal wr = W[j * ws], wm = conjugate ? -W[j * ws + NOMOS_LANES] : W[j * ws + NOMOS_LANES];
    for (int b = 0; b < MODES_SAMPLES; b++) {
      if (b < rest) {
        const NomosReal sr = S[(b * nj + j) * 2 * kp], si = S[((b * nj + j) * 2 + 1) * kp];
        re[b] += wr * sr - wm * si;
        im[b] += wr * si + wm * sr;
      }
    }
  }
  for (int b = 0; b < MODES_SAMPLES; b++) {
    if (b < rest) {
      NomosReal *q = R + b * nr * 2 * kp;
      q[0]         = g.add ? q[0] + re[b] : re[b];
      q[kp]        = g.add ? q[kp] + im[b] : im[b];
    }
  }
}
/* index: mode fastest, then out, then in, from row g.first on; samples in order */
NOMOS_KERNEL void ModesGradient(long long t, NomosModes g)
{
  const long long  kp = g.kp, k = t % kp, o = (g.first + t / kp) % g.out, i = (g.first + t / kp) / g.out, xb = g.xstride ? g.xstride : g.in * 2 * kp;
  const NomosReal *X = g.X + i * 2 * kp + k, *Y = g.Y + o * 2 * kp + k;
  NomosReal       *W = g.W + ((k / NOMOS_LANES * g.in + i) * g.out + o) * 2 * NOMOS_LANES + k % NOMOS_LANES;
  NomosReal        re = g.add ? W[0] : (NomosReal)0, im = g.add ? W[NOMOS_LANES] : (NomosReal)0;
  for (long long b = 0; b < g.batch; b++) {
    const NomosReal xr = X[b * xb], xi = X[b * xb + kp], yr = Y[b * g.out * 2 * kp], yi = Y[b * g.out * 2 * kp + kp];
    re += xr * yr + xi * yi;
    im += xr * yi - xi * yr;
  }
  W[0]           = re;
  W[NOMOS_LANES] = im;
}
/* index: mode fastest, then channel; the samples of a product are looped over, of a gradient summed */
NOMOS_KERNEL void ModesSeparable(long long t, NomosModes g)
{
  const int        gradient = g.op == NOMOS_MODES_GRAD, fresh = gradient && !g.add;
  const long long  kp = g.kp, k = t % kp, c = t / kp + (gradient ? g.first : 0), step = g.in * 2 * kp;
  NomosReal       *W = g.W + (k / NOMOS_LANES * g.in + c) * 2 * NOMOS_LANES + k % NOMOS_LANES, *X = g.X + c * 2 * kp + k, *Y = g.Y + c * 2 * kp + k;
  NomosReal        re = fresh ? (NomosReal)0 : W[0], im = fresh ? (NomosReal)0 : W[NOMOS_LANES];
  const NomosReal  wr = re, wm = g.op == NOMOS_MODES_WHY ? -im : im;
  for (long long b = 0; b < g.batch; b++, X += step, Y += step) {
    if (gradient) {
      re += X[0] * Y[0] + X[kp] * Y[kp];
      im += X[0] * Y[kp] - X[kp] * Y[0];
    } else {
      const NomosReal *s = g.op == NOMOS_MODES_WHY ? Y : X;
      NomosReal       *q = g.op == NOMOS_MODES_WHY ? X : Y;
      const NomosReal  vr = wr * s[0] - wm * s[kp], vi = wr * s[kp] + wm * s[0];
      q[0]  = g.add ? q[0] + vr : vr;
      q[kp] = g.add ? q[kp] + vi : vi;
    }
  }
  if (gradient) W[0] = re, W[NOMOS_LANES] = im;
}
#endif
#endif
