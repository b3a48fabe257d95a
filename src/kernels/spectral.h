/*
  spectral.h - weights per mode: between natural tensors and the working copy with lanes over the modes, and the
  factorised forms. Working copy: [kp/16][rows][re, im][16] with rows = in*out, or channels when separable.
  Natural: [rows][modes][re, im] in double. Factors and cores are complex, (re, im) pairs in double.
*/
#ifndef NOMOS_SPECTRAL_H
#define NOMOS_SPECTRAL_H
#include "kernel.h"

typedef struct { /* row r = row * whole blocks of 16 modes + block, i = lane: the tensor, which holds all modes, in the order of its memory */
  const double *x;     /* natural tensor, from row `row` on */
  NomosReal    *y;     /* working copy */
  PetscInt      rows, modes, row; /* from row `row` of `rows` on */
} PackModesArgs;
typedef struct {
  const NomosReal *x;
  double          *y;
  PetscInt         rows, modes, row;
} UnpackModesArgs;
typedef struct { /* r = block * count + row, rows row .. row+count-1 from block `first` on: for the last, partial block or one of several tensors (corner layout) */
  const double   *x;
  NomosReal      *y;
  const PetscInt *map; /* slot -> mode of this tensor, -1: another tensor's; NULL: the same, 0 beyond the last */
  PetscInt        rows, modes, row, count, first;
} PackSomeModesArgs;
typedef struct {
  const NomosReal *x;
  double          *y;
  const PetscInt  *map;
  PetscInt         rows, modes, row, count, first;
} UnpackSomeModesArgs;
typedef struct { /* y[r][i] = x[r][i] d[i] */
  const NomosReal *x, *d;
  NomosReal       *y;
  PetscInt         n;
} ScaleColumnsArgs;
typedef struct { /* entry of a CP tensor: sum_r lam_r prod_j A_j[idx_j][r] */
  const double *lam, *factor[5];
  double       *y;
  PetscInt      axes, rank, n[5], add;
} CPBuildArgs;
typedef struct { /* gradient of factor t (index j*rank + r) or of lam (t = axes, index r) */
  const double *lam, *factor[5], *g;
  double       *y;
  PetscInt      axes, rank, n[5], t, others; /* others: product of the other axes */
} CPGradArgs;
typedef struct { /* y[a][j][c] (+)= sum_r A[j][r] x[a][r][c]; hermitian: sum over j of conj(A[j][r]), result [a][r][c] */
  const double *A, *x;
  double       *y;
  PetscInt      nj, nr, nc, hermitian, add;
} ModeProductArgs;
typedef struct { /* y[j][r] = sum_{a,c} g[a][j][c] conj(x[a][r][c]) */
  const double *g, *x;
  double       *y;
  PetscInt      na, nj, nr, nc;
} ModeOuterArgs;

#if NOMOS_BODIES
NOMOS_KERNEL void PackModes(PetscInt r, PetscInt i, PackModesArgs k)
{
  const size_t  blocks = (size_t)(k.modes / 16), block = (size_t)r % blocks, row = (size_t)r / blocks;
  const double *x = k.x + 2 * (row * (size_t)k.modes + block * 16);
  NomosReal    *y = k.y + (block * (size_t)k.rows + (size_t)k.row + row) * 32;
  y[i]      = (NomosReal)x[2 * i];
  y[i + 16] = (NomosReal)x[2 * i + 1];
}
NOMOS_KERNEL void UnpackModes(PetscInt r, PetscInt i, UnpackModesArgs k)
{
  const size_t     blocks = (size_t)(k.modes / 16), block = (size_t)r % blocks, row = (size_t)r / blocks;
  double          *y = k.y + 2 * (row * (size_t)k.modes + block * 16);
  const NomosReal *x = k.x + (block * (size_t)k.rows + (size_t)k.row + row) * 32;
  y[2 * i]     = (double)x[i];
  y[2 * i + 1] = (double)x[i + 16];
}
NOMOS_KERNEL void PackSomeModes(PetscInt r, PetscInt i, PackSomeModesArgs k)
{
  const PetscInt row = r % k.count, block = k.first + r / k.count, slot = block * 16 + i, m = k.map ? k.map[slot] : (slot < k.modes ? slot : -1);
  NomosReal     *y = k.y + ((size_t)block * (size_t)k.rows + (size_t)k.row + (size_t)row) * 32 + i;
  if (m >= 0) {
    y[0]  = (NomosReal)k.x[2 * ((size_t)row * (size_t)k.modes + m)];
    y[16] = (NomosReal)k.x[2 * ((size_t)row * (size_t)k.modes + m) + 1];
  } else if (!k.map) y[0] = y[16] = 0;
}
NOMOS_KERNEL void UnpackSomeModes(PetscInt r, PetscInt i, UnpackSomeModesArgs k)
{
  const PetscInt   row = r % k.count, block = k.first + r / k.count, slot = block * 16 + i, m = k.map ? k.map[slot] : (slot < k.modes ? slot : -1);
  const NomosReal *x = k.x + ((size_t)block * (size_t)k.rows + (size_t)k.row + (size_t)row) * 32 + i;
  if (m >= 0) {
    k.y[2 * ((size_t)row * (size_t)k.modes + m)]     = (double)x[0];
    k.y[2 * ((size_t)row * (size_t)k.modes + m) + 1] = (double)x[16];
  }
}
NOMOS_KERNEL void ScaleColumns(PetscInt r, PetscInt i, ScaleColumnsArgs k)
{
  k.y[(size_t)r * (size_t)k.n + i] = k.x[(size_t)r * (size_t)k.n + i] * k.d[i];
}
/* (re, im) *= conj^c(b) */
NOMOS_KERNEL void ComplexTimes(double *re, double *im, const double *b, double sign)
{
  const double r = *re * b[0] - sign * *im * b[1], s = *im * b[0] + sign * *re * b[1];
  *re = r, *im = s;
}
NOMOS_KERNEL void CPBuild(PetscInt e, CPBuildArgs k)
{
  PetscInt idx[5], rest = e;
  double   re = k.add ? k.y[2 * (size_t)e] : 0, im = k.add ? k.y[2 * (size_t)e + 1] : 0;
  for (PetscInt j = k.axes - 1; j >= 0; j--) idx[j] = rest % k.n[j], rest /= k.n[j];
  for (PetscInt r = 0; r < k.rank; r++) {
    double pr = k.lam[2 * r], pi = k.lam[2 * r + 1];
    for (PetscInt j = 0; j < k.axes; j++) ComplexTimes(&pr, &pi, k.factor[j] + 2 * ((size_t)idx[j] * (size_t)k.rank + r), 1);
    re += pr, im += pi;
  }
  k.y[2 * (size_t)e] = re, k.y[2 * (size_t)e + 1] = im;
}
NOMOS_KERNEL void CPGrad(PetscInt e, CPGradArgs k)
{
  const PetscInt r = e % k.rank, fixed = e / k.rank;
  PetscInt       idx[5];
  double         re = 0, im = 0;
  for (PetscInt q = 0; q < k.others; q++) {
    PetscInt rest = q, place = 0, stride = 1;
    double   pr, pi;
    for (PetscInt j = k.axes - 1; j >= 0; j--) {
      idx[j] = j == k.t ? fixed : rest % k.n[j];
      if (j != k.t) rest /= k.n[j];
      place += idx[j] * stride;
      stride *= k.n[j];
    }
    pr = k.g[2 * (size_t)place], pi = k.g[2 * (size_t)place + 1];
    if (k.t < k.axes) ComplexTimes(&pr, &pi, k.lam + 2 * r, -1);
    for (PetscInt j = 0; j < k.axes; j++)
      if (j != k.t) ComplexTimes(&pr, &pi, k.factor[j] + 2 * ((size_t)idx[j] * (size_t)k.rank + r), -1);
    re += pr, im += pi;
  }
  k.y[2 * (size_t)e] = re, k.y[2 * (size_t)e + 1] = im;
}
NOMOS_KERNEL void ModeProduct(PetscInt e, ModeProductArgs k)
{
  const PetscInt c = e % k.nc, nout = k.hermitian ? k.nr : k.nj, nin = k.hermitian ? k.nj : k.nr, o = e / k.nc % nout, a = e / k.nc / nout;
  double         re = k.add ? k.y[2 * (size_t)e] : 0, im = k.add ? k.y[2 * (size_t)e + 1] : 0;
  for (PetscInt s = 0; s < nin; s++) {
    const double *A = k.A + 2 * (k.hermitian ? (size_t)s * (size_t)k.nr + o : (size_t)o * (size_t)k.nr + s);
    double        pr = k.x[2 * (((size_t)a * (size_t)nin + s) * (size_t)k.nc + c)], pi = k.x[2 * (((size_t)a * (size_t)nin + s) * (size_t)k.nc + c) + 1];
    ComplexTimes(&pr, &pi, A, k.hermitian ? -1 : 1);
    re += pr, im += pi;
  }
  k.y[2 * (size_t)e] = re, k.y[2 * (size_t)e + 1] = im;
}
NOMOS_KERNEL void ModeOuter(PetscInt e, ModeOuterArgs k)
{
  const PetscInt r = e % k.nr, j = e / k.nr;
  double         re = 0, im = 0;
  for (PetscInt a = 0; a < k.na; a++)
    for (PetscInt c = 0; c < k.nc; c++) {
      const double *g = k.g + 2 * (((size_t)a * (size_t)k.nj + j) * (size_t)k.nc + c);
      double        pr = g[0], pi = g[1];
      ComplexTimes(&pr, &pi, k.x + 2 * (((size_t)a * (size_t)k.nr + r) * (size_t)k.nc + c), -1);
      re += pr, im += pi;
    }
  k.y[2 * (size_t)e] = re, k.y[2 * (size_t)e + 1] = im;
}
#endif
#endif
