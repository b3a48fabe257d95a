/*
  grf.c - Gaussian random fields with covariance sigma^2 (-Lap + tau^2)^-alpha and mean 0 (docs/theory.md, random fields).

  Numbers come from a counter keyed by (seed, sample, signed wavenumber), and the sum over a fixed set of modes is evaluated
  at points: the same sample on any grid and on any rank.
*/
#include "grf.h"
#include "../compat.h"
#include "../kernels/random.h"
#include <petscblaslapack.h>

/* 20 bits per axis, as the counter's block; its two normal numbers are entries 2 block and 2 block + 1 */
static uint64_t Block(PetscInt dim, const PetscInt k[])
{
  uint64_t b = 0;

  for (PetscInt j = 0; j < dim; j++) b = b << 20 | (uint64_t)(k[j] + (1 << 19));
  return b;
}

static PetscReal Amplitude(const NomosGRF *g, PetscReal xi2)
{
  return g->sigma * PetscPowReal(xi2 + g->tau * g->tau, -0.5 * g->alpha);
}

/* psi_k(i/(n-1)), psi_0 = 1, psi_k = sqrt(2) cos(pi k x); the angle is reduced in integers */
static void CosineBasis(PetscInt n, PetscInt modes, PetscReal c[])
{
  const PetscInt64 half = n > 1 ? n - 1 : 1;

  for (PetscInt i = 0; i < n; i++)
    for (PetscInt k = 0; k < modes; k++) {
      const PetscInt64 turn = (PetscInt64)k * i % (2 * half);

      c[i * modes + k] = k ? PETSC_SQRT2 * PetscCosReal(PETSC_PI * (PetscReal)turn / (PetscReal)half) : 1;
    }
}

/* out[outer][n][inner] = sum over k of basis[n][k] in[outer][k][inner] */
static PetscErrorCode Along(PetscInt outer, PetscInt n, PetscInt modes, PetscInt inner, const PetscReal basis[], const PetscReal in[], PetscReal out[])
{
  const PetscScalar one = 1, zero = 0;
  PetscBLASInt      bo, bn, bm, bi;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(outer, &bo));
  PetscCall(PetscBLASIntCast(n, &bn));
  PetscCall(PetscBLASIntCast(modes, &bm));
  PetscCall(PetscBLASIntCast(inner, &bi));
  if (inner == 1) PetscCallBLAS("BLASgemm", BLASgemm_("T", "N", &bn, &bo, &bm, &one, basis, &bm, in, &bm, &zero, out, &bn));
  else
    for (PetscInt o = 0; o < outer; o++) PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &bi, &bn, &bm, &one, in + o * modes * inner, &bi, basis, &bm, &zero, out + o * n * inner, &bi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosGRFNeumann(const NomosGRF *g, PetscInt64 seed, PetscInt64 sample, const PetscInt n[], PetscReal v[])
{
  PetscInt   size = 1, longest = 0, outer = 1, inner = 1;
  PetscReal *a, *b, *basis;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < g->dim; j++) {
    size *= PetscMax(n[j], g->modes);
    longest = PetscMax(longest, n[j]);
    if (j) inner *= g->modes;
  }
  PetscCall(PetscMalloc3(size, &a, size, &b, longest * g->modes, &basis));
  for (PetscInt m = 0; m < inner * g->modes; m++) {
    PetscInt  k[3] = {0}, rest = m;
    PetscReal xi2 = 0;

    for (PetscInt j = g->dim - 1; j >= 0; j--, rest /= g->modes) {
      k[j] = rest % g->modes;
      xi2 += PetscSqr(PETSC_PI * (PetscReal)k[j]);
    }
    a[m] = m ? Amplitude(g, xi2) * NomosNormal((uint64_t)seed, (uint32_t)sample, NOMOS_RANDOM_DATA, 0, 2 * Block(g->dim, k)) : 0;
  }
  for (PetscInt j = 0; j < g->dim; j++) {
    CosineBasis(n[j], g->modes, basis);
    PetscCall(Along(outer, n[j], g->modes, inner, basis, a, j + 1 < g->dim ? b : v));
    outer *= n[j];
    if (j + 1 < g->dim) inner /= g->modes;
    { /* what came out goes in */
      PetscReal *t = a;
      a = b, b = t;
    }
  }
  if (g->dim % 2) { /* as they were allocated */
    PetscReal *t = a;
    a = b, b = t;
  }
  PetscCall(PetscFree3(a, b, basis));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Real part of sum over k of amplitude_k (a_k + i b_k) e^{2 pi i k x}, as its Hermitian half: (amplitude/2) times
   (a_k + a_-k) + i (b_k - b_-k). */
PetscErrorCode NomosGRFPeriodic(const NomosGRF *g, PetscInt64 seed, PetscInt64 sample, PetscReal re[], PetscReal im[])
{
  PetscFunctionBegin;
  re[0] = im[0] = 0;
  for (PetscInt k = 1; k <= g->modes; k++) {
    const PetscInt  minus = -k;
    const PetscReal s     = 0.5 * Amplitude(g, PetscSqr(2 * PETSC_PI * (PetscReal)k));
    const uint64_t  p = 2 * Block(1, &k), m = 2 * Block(1, &minus);

    re[k] = s * (NomosNormal((uint64_t)seed, (uint32_t)sample, NOMOS_RANDOM_DATA, 0, p) + NomosNormal((uint64_t)seed, (uint32_t)sample, NOMOS_RANDOM_DATA, 0, m));
    im[k] = s * (NomosNormal((uint64_t)seed, (uint32_t)sample, NOMOS_RANDOM_DATA, 0, p + 1) - NomosNormal((uint64_t)seed, (uint32_t)sample, NOMOS_RANDOM_DATA, 0, m + 1));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
