/*
  sketch.h - random matrices S (N x s) whose entry (i, j) is a function of (seed, block, i, j) alone, i the global row: the
  same on any number of ranks and on every device, without communication.

    Gaussian:    normal numbers, variance 1; stream (seed, step = block, tag sketch, probe = j, index = i)
    sparse sign: row i hits nnz distinct columns with +-1/sqrt(nnz); nnz = 1 is CountSketch. Floyd's choice of nnz out of s,
                 one word per column: stream (seed, block, tag sketch, probe = 2^23 + word/4, index = i); its lowest bit is
                 the sign

  Scaled so that E S S' is diagonal with one (sparse sign) or s (Gaussian) on it; callers divide by sqrt(s).
*/
#ifndef NOMOS_SKETCH_H
#define NOMOS_SKETCH_H
#include "random.h"

#define NOMOS_SKETCH_MAX_NNZ 16
#define NOMOS_SKETCH_CHUNK   1024 /* rows whose targets are sorted together: their part of x stays in the cache */

/* The targets of row i: out[k] = column << 1 | (sign is minus). 1 <= nnz <= min(s, NOMOS_SKETCH_MAX_NNZ). */
NOMOS_KERNEL void NomosSketchTargets(uint64_t seed, uint32_t block, uint64_t i, uint32_t s, uint32_t nnz, uint32_t out[])
{
  uint32_t b[4] = {0, 0, 0, 0}, k, l;
  for (k = 0; k < nnz; k++) {
    const uint32_t top = s - nnz + k;
    uint32_t       t, w;
    if (k % 4 == 0) NomosPhilox(seed, block, NOMOS_RANDOM_SKETCH, 0x800000u + k / 4, i, b);
    w = b[k % 4];
    t = (uint32_t)((uint64_t)(w >> 1) * (top + 1) >> 31); /* uniform in 0..top */
    for (l = 0; l < k; l++)
      if (out[l] >> 1 == t) t = top; /* taken: top is not, as no earlier choice reached it */
    out[k] = t << 1 | (w & 1u);
  }
}

/* Entry (i, j) of the sparse-sign matrix. */
NOMOS_KERNEL double NomosSketchSparse(uint64_t seed, uint32_t block, uint64_t i, uint32_t j, uint32_t s, uint32_t nnz)
{
  uint32_t out[NOMOS_SKETCH_MAX_NNZ], k;
  double   v = 0;
  NomosSketchTargets(seed, block, i, s, nnz, out);
  for (k = 0; k < nnz; k++)
    if (out[k] >> 1 == j) v = out[k] & 1u ? -1.0 : 1.0;
  return v / sqrt((double)nnz);
}

typedef struct { /* y[i] = entry (first + i, j) of the sparse-sign matrix */
  NomosReal *y;
  uint64_t   seed, first;
  uint32_t   block, j, s, nnz;
} SketchColumnArgs;
typedef struct { /* segment g, item i: entry (first + i, g) of the Gaussian matrix times x_i */
  const NomosReal *x;
  uint64_t         seed, first;
  uint32_t         block;
} SketchGaussArgs;
typedef struct { /* row r: a chunk of rows of S; point j: a column. y[r][j] = sum over the chunk's entries of column j */
  const NomosReal *x;
  NomosReal       *y;
  const uint16_t  *code;  /* [chunk][rows of the chunk * nnz], sorted by column: row in the chunk << 1 | minus */
  const int       *start; /* [chunk][s + 1] places in code */
  NomosCoef        scale;
  PetscInt         s, nnz;
} SketchChunkArgs;
typedef struct { /* segment g, item r: y[r][g] */
  const NomosReal *y;
  PetscInt         s;
} SketchJoinArgs;

#if NOMOS_BODIES
NOMOS_KERNEL void SketchColumn(PetscInt i, SketchColumnArgs k)
{
  k.y[i] = (NomosReal)NomosSketchSparse(k.seed, k.block, k.first + (uint64_t)i, k.j, k.s, k.nnz);
}
NOMOS_KERNEL double SketchGauss(PetscInt g, PetscInt i, SketchGaussArgs k)
{
  return NomosNormal(k.seed, k.block, NOMOS_RANDOM_SKETCH, (uint32_t)g, k.first + (uint64_t)i) * (double)k.x[i];
}
NOMOS_KERNEL void SketchChunk(PetscInt r, PetscInt j, SketchChunkArgs k)
{
  const NomosReal *x     = k.x + (size_t)r * NOMOS_SKETCH_CHUNK;
  const uint16_t  *code  = k.code + (size_t)r * NOMOS_SKETCH_CHUNK * (size_t)k.nnz;
  const int       *start = k.start + (size_t)r * (size_t)(k.s + 1);
  NomosReal        sum   = 0;
  int              l;
  for (l = start[j]; l < start[j + 1]; l++) sum += code[l] & 1u ? -x[code[l] >> 1] : x[code[l] >> 1];
  k.y[(size_t)r * (size_t)k.s + (size_t)j] = (NomosReal)k.scale * sum;
}
NOMOS_KERNEL double SketchJoin(PetscInt g, PetscInt r, SketchJoinArgs k)
{
  return (double)k.y[(size_t)r * (size_t)k.s + (size_t)g];
}
#endif
#endif
