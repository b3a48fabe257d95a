/*
  pointwise.h - layers that act point by point on fields [sample][channel][point], seen as rows r = sample*C + channel.
*/
#ifndef NOMOS_POINTWISE_H
#define NOMOS_POINTWISE_H
#include "kernel.h"
#include "special.h"

typedef struct { /* physical double field in: y = (x - shift[c]) scale[c]; shift and scale may be NULL */
  const double *x, *shift, *scale;
  NomosReal    *y;
  PetscInt      C, n, stride, tiles; /* channels of x; points of a tile; reals from tile to tile in y; tiles of a sample */
} FieldInArgs;
typedef struct { /* and out: y = x scale[c] + shift[c]; add = 1 adds to y */
  const NomosReal *x;
  const double    *shift, *scale;
  double          *y;
  PetscInt         C, n, stride, tiles, add;
} FieldOutArgs;
typedef struct { /* coordinate of an axis at each point of a tile: y = lo + h * index, index = (point / stride) mod count */
  NomosReal *y;
  NomosCoef  lo, h;
  PetscInt   stride, count, n, tiles, ystride;
} GridEmbedArgs;
typedef struct { /* y = act(x), d = act'(x); y and d may be x */
  const NomosReal *x;
  NomosReal       *y, *d;
  PetscInt         n;
} ActivationArgs;
typedef ActivationArgs GeluArgs, GeluSaveArgs, TanhSaveArgs;
typedef struct { /* y = x d, or y += x d */
  const NomosReal *x, *d;
  NomosReal       *y;
  PetscInt         n, add;
} MultiplyArgs;
typedef struct { /* y[b,c] = q[c] x[b,c], or y += */
  const NomosReal *x, *q;
  NomosReal       *y;
  PetscInt         C, n, add;
} ScaleRowsArgs;
typedef struct { /* y[b,c] += q[c] */
  const NomosReal *q;
  NomosReal       *y;
  PetscInt         C, n;
} AddRowsArgs;
typedef struct { /* y = a x + b y */
  const NomosReal *x;
  NomosReal       *y;
  NomosCoef        a, b;
  PetscInt         n;
} AxpbyArgs;
typedef struct { /* y[r][i] = x[r][map[i]], 0 where map[i] < 0; padding, cropping, slicing */
  const NomosReal *x;
  NomosReal       *y;
  const PetscInt  *map;
  PetscInt         nx, ny, add;
} GatherRowsArgs;
typedef struct { /* normalisation over groups of channels: y = gamma[c] (x - mean)/sqrt(var + eps) + beta[c]; h = (x - mean)/sqrt(var + eps) */
  const NomosReal *x, *gamma, *beta; /* gamma, beta NULL: 1, 0 */
  NomosReal       *y, *h;            /* h NULL: not kept */
  const double    *sum, *square;     /* per (sample, group): sum of x; sum of (x - mean)^2 */
  NomosCoef        eps;
  PetscInt         C, n, group; /* channels per group */
} NormRowsArgs;
typedef struct { /* its adjoint and tangent: y (+)= s (g - (G0 + h G1)/(group n)), s = 1/sqrt(var + eps), after g has taken gamma */
  const NomosReal *g, *h, *gamma;
  NomosReal       *y;
  const double    *square, *g0, *g1; /* per (sample, group): sum of gamma g, sum of gamma g h */
  NomosCoef        eps;
  PetscInt         C, n, group, tangent; /* tangent: gamma multiplies the result instead */
} NormRowsAdjArgs;
typedef struct { /* segment r: sum over its points */
  const NomosReal *x, *y, *q;
  PetscInt         n, C; /* C: channels, q[c] a factor per channel or NULL */
} DotRowsArgs;
typedef struct { /* segment (sample, group): sum over group*n consecutive reals of x - mean, to the power 1 or 2 */
  const NomosReal *x;
  const double    *sum; /* NULL: mean 0 */
  PetscInt         size, square;
} GroupMomentArgs;
typedef struct { /* per channel: out[c] += sum over b of in[b*C + c] */
  const double *in;
  double       *out;
  PetscInt      B, C;
} FoldBatchArgs;
typedef struct { /* per (sample, group): out = sum over the group's channels of in[b*C + c] */
  const double *in;
  double       *out;
  PetscInt      group;
} FoldGroupArgs;
typedef struct { /* parameters: y = (NomosReal) x, or back */
  const double *x;
  NomosReal    *y;
} ParamInArgs;
typedef struct {
  const NomosReal *x;
  double          *y;
  PetscInt         add;
} ParamOutArgs;
typedef struct { /* double to double, for gradients kept in double */
  const double *x;
  double       *y;
  PetscInt      add;
} ParamCopyArgs;

#if NOMOS_BODIES
/* rows r = tile*C + channel; where the row's tile begins in a field [sample][channel][tile][n] */
NOMOS_KERNEL size_t NomosTileStart(PetscInt r, PetscInt C, PetscInt n, PetscInt tiles)
{
  const PetscInt q = r / C, c = r % C;
  return (((size_t)(q / tiles) * (size_t)C + (size_t)c) * (size_t)tiles + (size_t)(q % tiles)) * (size_t)n;
}
NOMOS_KERNEL void FieldIn(PetscInt r, PetscInt i, FieldInArgs k)
{
  const PetscInt c = r % k.C;
  const double   s = k.scale ? k.scale[c] : 1.0, m = k.shift ? k.shift[c] : 0.0;
  k.y[(size_t)(r / k.C) * (size_t)k.stride + (size_t)c * (size_t)k.n + i] = (NomosReal)((k.x[NomosTileStart(r, k.C, k.n, k.tiles) + i] - m) * s);
}
NOMOS_KERNEL void FieldOut(PetscInt r, PetscInt i, FieldOutArgs k)
{
  const PetscInt c = r % k.C;
  const double   s = k.scale ? k.scale[c] : 1.0, m = k.shift ? k.shift[c] : 0.0;
  const double   v = (double)k.x[(size_t)(r / k.C) * (size_t)k.stride + (size_t)c * (size_t)k.n + i] * s + m;
  double        *y = k.y + NomosTileStart(r, k.C, k.n, k.tiles) + i;
  *y               = k.add ? *y + v : v;
}
NOMOS_KERNEL void GridEmbed(PetscInt r, PetscInt i, GridEmbedArgs k)
{
  const PetscInt point = (r % k.tiles) * k.n + i;
  k.y[(size_t)r * (size_t)k.ystride + i] = (NomosReal)(k.lo + k.h * (double)((point / k.stride) % k.count));
}
NOMOS_KERNEL void Gelu(PetscInt r, PetscInt i, ActivationArgs k)
{
  const size_t j = (size_t)r * (size_t)k.n + i;
  NomosReal    d;
  k.y[j] = NomosGelu(k.x[j], &d);
}
NOMOS_KERNEL void GeluSave(PetscInt r, PetscInt i, ActivationArgs k)
{
  const size_t j = (size_t)r * (size_t)k.n + i;
  NomosReal    d;
  k.y[j] = NomosGelu(k.x[j], &d);
  k.d[j] = d;
}
/* y = tanh(x); d = 1 - y^2 */
NOMOS_KERNEL void TanhSave(PetscInt r, PetscInt i, ActivationArgs k)
{
  const size_t    j = (size_t)r * (size_t)k.n + i;
  const NomosReal t = NomosTanh(k.x[j]);
  if (k.d) k.d[j] = 1 - t * t;
  k.y[j] = t;
}
NOMOS_KERNEL void Multiply(PetscInt r, PetscInt i, MultiplyArgs k)
{
  const size_t    j = (size_t)r * (size_t)k.n + i;
  const NomosReal v = k.x[j] * k.d[j];
  k.y[j]            = k.add ? k.y[j] + v : v;
}
NOMOS_KERNEL void ScaleRows(PetscInt r, PetscInt i, ScaleRowsArgs k)
{
  const size_t    j = (size_t)r * (size_t)k.n + i;
  const NomosReal v = k.q[r % k.C] * k.x[j];
  k.y[j]            = k.add ? k.y[j] + v : v;
}
NOMOS_KERNEL void AddRows(PetscInt r, PetscInt i, AddRowsArgs k)
{
  k.y[(size_t)r * (size_t)k.n + i] += k.q[r % k.C];
}
NOMOS_KERNEL void Axpby(PetscInt r, PetscInt i, AxpbyArgs k)
{
  const size_t j = (size_t)r * (size_t)k.n + i;
  k.y[j]         = k.b != 0 ? (NomosReal)k.a * k.x[j] + (NomosReal)k.b * k.y[j] : (NomosReal)k.a * k.x[j];
}
NOMOS_KERNEL void GatherRows(PetscInt r, PetscInt i, GatherRowsArgs k)
{
  const PetscInt  m = k.map[i];
  const NomosReal v = m < 0 ? (NomosReal)0 : k.x[(size_t)r * (size_t)k.nx + m];
  NomosReal      *y = k.y + (size_t)r * (size_t)k.ny + i;
  *y                = k.add ? *y + v : v;
}
NOMOS_KERNEL void NormRows(PetscInt r, PetscInt i, NormRowsArgs k)
{
  const size_t    j = (size_t)r * (size_t)k.n + i;
  const PetscInt  c = r % k.C, g = r / k.group;
  const double    size = (double)k.group * (double)k.n, s = 1.0 / sqrt(k.square[g] / size + k.eps);
  const NomosReal h = (NomosReal)(((double)k.x[j] - k.sum[g] / size) * s);
  if (k.h) k.h[j] = h;
  k.y[j] = k.gamma ? k.gamma[c] * h + k.beta[c] : h;
}
NOMOS_KERNEL void NormRowsAdj(PetscInt r, PetscInt i, NormRowsAdjArgs k)
{
  const size_t   j = (size_t)r * (size_t)k.n + i;
  const PetscInt c = r % k.C, g = r / k.group;
  const double   size = (double)k.group * (double)k.n, s = 1.0 / sqrt(k.square[g] / size + k.eps), q = k.gamma ? (double)k.gamma[c] : 1.0;
  const double   in = (k.tangent ? 1.0 : q) * (double)k.g[j], v = s * (in - (k.g0[g] + (double)k.h[j] * k.g1[g]) / size);
  k.y[j] = (NomosReal)(k.tangent ? q * v : v);
}
NOMOS_KERNEL double DotRows(PetscInt g, PetscInt i, DotRowsArgs k)
{
  const size_t j = (size_t)g * (size_t)k.n + i;
  const double v = k.y ? (double)k.x[j] * (double)k.y[j] : (double)k.x[j];
  return k.q ? v * (double)k.q[g % k.C] : v;
}
NOMOS_KERNEL double GroupMoment(PetscInt g, PetscInt i, GroupMomentArgs k)
{
  const double v = (double)k.x[(size_t)g * (size_t)k.size + i] - (k.sum ? k.sum[g] / (double)k.size : 0.0);
  return k.square ? v * v : v;
}
NOMOS_KERNEL void FoldBatch(PetscInt c, FoldBatchArgs k)
{
  double s = 0;
  for (PetscInt b = 0; b < k.B; b++) s += k.in[(size_t)b * (size_t)k.C + c];
  k.out[c] += s;
}
NOMOS_KERNEL void FoldGroup(PetscInt g, FoldGroupArgs k)
{
  double s = 0;
  for (PetscInt c = 0; c < k.group; c++) s += k.in[(size_t)g * (size_t)k.group + c];
  k.out[g] = s;
}
NOMOS_KERNEL void ParamIn(PetscInt i, ParamInArgs k)
{
  k.y[i] = (NomosReal)k.x[i];
}
NOMOS_KERNEL void ParamOut(PetscInt i, ParamOutArgs k)
{
  k.y[i] = k.add ? k.y[i] + (double)k.x[i] : (double)k.x[i];
}
NOMOS_KERNEL void ParamCopy(PetscInt i, ParamCopyArgs k)
{
  k.y[i] = k.add ? k.y[i] + k.x[i] : k.x[i];
}
#endif
#endif
