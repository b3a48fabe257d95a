/*
  lattice.c - a Gaussian process known at the points of a lattice: prediction and Kalman update. Plain numbers, no object.

  A value is seen through weights w on a few points idx (linear interpolation). The update costs one pass over the
  covariance; it is written so that entries (i,j) and (j,i) get the same digits.
*/
#include "tuner.h"

#define NOISE_START 0.0025 /* variance of the logarithm: 5 percent */
#define NOISE_RATE  0.03
#define NOISE_MIN   1e-4
#define OUTLIER     9.0 /* squared standard deviations */

PetscErrorCode NomosLatticeCreate(PetscInt n, PetscReal drift, NomosLattice *g)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(g, sizeof(*g)));
  g->n     = n;
  g->drift = drift;
  PetscCall(PetscMalloc4(n, &g->mu, n * n, &g->P, n * n, &g->K, n, &g->u)); /* n <= 2048: no overflow */
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosLatticeDestroy(NomosLattice *g)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(g->mu, g->P, g->K, g->u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void NomosLatticeReset(NomosLattice *g)
{
  memset(g->mu, 0, sizeof(PetscReal) * (size_t)g->n);
  memcpy(g->P, g->K, sizeof(PetscReal) * (size_t)(g->n * g->n));
  g->noise = NOISE_START;
}

void NomosLatticePredict(const NomosLattice *g, PetscInt m, const PetscInt idx[], const PetscReal w[], PetscReal *mean, PetscReal *var)
{
  PetscReal a = 0, v = 0;

  for (PetscInt i = 0; i < m; i++) {
    a += w[i] * g->mu[idx[i]];
    for (PetscInt j = 0; j < m; j++) v += w[i] * w[j] * g->P[idx[i] * g->n + idx[j]];
  }
  *mean = a;
  if (var) *var = PetscMax(v, 0.0);
}

/* P <- P + drift K - u u^T */
static void Downdate(PetscInt n, PetscReal *restrict P, const PetscReal *restrict K, const PetscReal *restrict u, PetscReal drift)
{
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal ui = u[i];

    for (PetscInt j = 0; j < n; j++) P[i * n + j] = (P[i * n + j] + drift * K[i * n + j]) - ui * u[j];
  }
}

void NomosLatticeUpdate(NomosLattice *g, PetscInt m, const PetscInt idx[], const PetscReal w[], PetscReal y)
{
  PetscReal e = y, gain = 0, V, s, r;

  for (PetscInt j = 0; j < g->n; j++) g->u[j] = 0;
  for (PetscInt i = 0; i < m; i++) {
    const PetscReal *row = g->P + idx[i] * g->n;

    e -= w[i] * g->mu[idx[i]];
    for (PetscInt j = 0; j < g->n; j++) g->u[j] += w[i] * row[j];
  }
  for (PetscInt i = 0; i < m; i++) gain += w[i] * g->u[idx[i]];
  V = gain + g->noise;
  if (e * e / V > OUTLIER) V = gain + g->noise * e * e / (OUTLIER * V);
  for (PetscInt j = 0; j < g->n; j++) g->mu[j] += g->u[j] * (e / V);
  s = 1 / PetscSqrtReal(V);
  for (PetscInt j = 0; j < g->n; j++) g->u[j] *= s;
  Downdate(g->n, g->P, g->K, g->u, g->drift);
  r        = e * e - gain;
  r        = PetscMin(PetscMax(r, NOISE_MIN), 9 * g->noise);
  g->noise = (1 - NOISE_RATE) * g->noise + NOISE_RATE * r;
}
