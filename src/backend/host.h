/*
  host.h - private to the host backend: code that is compiled once per precision and instruction set.

  The build compiles host_f32.c and host_f64.c (and their _exact_ twins) for the base instruction set and, on x86-64,
  for its levels v3 (AVX2, FMA) and v4 (AVX-512); host.c takes the best one that the processor has.
*/
#ifndef NOMOS_HOST_H
#define NOMOS_HOST_H

#if !defined(NOMOS_TABLE_ONLY)
  #define NOMOS_TABLE_ONLY 1
#endif
#include "backend.h"

/* One axis of a dense transform. Distinct |frequencies| f_a, a < nc, carry a cosine row; those with 2 f not a multiple
   of n also carry a sine row (ns of them). Tables are over the folded index j = 0..n/2, see docs/theory.md. */
typedef struct {
  PetscInt  n, m, half, nsin; /* points, slots; j = 0..half-1 and, for even n, the extra j = n/2; nsin = (n-1)/2 */
  PetscInt  nc, ns, lc, ls;   /* rows; lc, ls: padded to the vector length */
  PetscInt  ce, se;           /* leading axis folded twice: the first ce and se rows are those of the even frequencies */
  PetscInt *slot_cos, *slot_sin, *slot_sign; /* per slot: its row or -1 when absent; its sine row or -1; sign of its frequency */
  void     *cos_aj, *sin_aj; /* [nc][half+1], [ns][nsin] in the plan's precision: by row, then j */
  void     *cos_ja[2], *sin_ja[2]; /* last axis, [half+1][lc], [nsin][ls]: scaled; 0: scale_f, 1: scale_i w */
  void     *cos_al[2], *sin_al[2]; /* last axis, [nc][lh], [ns][lh] with lanes over j: scaled likewise */
  PetscInt  lh;
  void     *full[2]; /* last axis of few points, [n][lc + ls]: both tables without folding */
} NomosDenseAxis;
#define NOMOS_DENSE_FULL 16 /* up to so many points the last axis is not folded */

/* A leading axis of so many points is folded about n/4 as well: cos(2 pi k (n/2 - j)/n) = (-1)^k cos(2 pi k j/n), so that even and
   odd frequencies each take a quarter of the points. Below, loops that short cost more than the products they save. */
static inline int NomosDenseTwice(PetscInt n)
{
  return n % 4 == 0 && n >= 16;
}

typedef struct {
  int            dim, precision, lanes; /* lanes: reals in a vector of the code that runs the plan */
  PetscInt       n[3], m[3], points, modes, kp, batch;
  PetscInt       channels, tile; /* as in NomosFFTDesc; tile = points where fields lie one after the other */
  size_t        *row[2];         /* where row j of the first axis begins in a field; in the scratch behind it: of the second */
  NomosDenseAxis axis[3];
  void          *work[3]; /* scratch of one field */
  size_t         worksize[3];
} NomosDense;
int  NomosDenseCreate(const NomosFFTDesc *, int lanes, NomosDense **);
void NomosDenseDestroy(NomosDense *);

typedef struct {
  int lanes; /* reals in a vector */
  const char *isa;
  int (*const *each)(PetscInt, const void *);
  int (*const *rows)(PetscInt, PetscInt, const void *);
  int (*const *sum)(PetscInt, PetscInt, const void *, int, double *);
  int (*gemm)(const NomosGemm *);
  int (*modes)(const NomosModes *);
  int (*dense)(const NomosDense *, int kind, PetscInt batch, const NomosReal *, NomosReal *, int add);
} NomosHostCode;
typedef struct {
  int (*const *each)(PetscInt, const void *);
} NomosHostExact;

/* the library FFT (fftw.c); NULL functions where it was not built */
int NomosFFTWCreate(const NomosFFTDesc *, void **);
int NomosFFTWRun(void *, int kind, PetscInt batch, const void *in, void *out, int add);
int NomosFFTWDestroy(void *);
int NomosFFTWHave(void);
#endif
