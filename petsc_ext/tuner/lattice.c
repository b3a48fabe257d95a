/*
  lattice.c - a Gaussian process known at the points of a lattice: prediction and Kalman update. Plain numbers, no object.

  A value is seen through weights w on a few points idx (linear interpolation). The covariance is P + drifted K: what comes back of the prior
  each round is one number, and an update is one pass over the lower triangle of P.
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
  PetscCall(PetscMalloc4(n, &g->mu, NomosLatticeSize(n), &g->P, n * n, &g->K, n, &g->u)); /* n <= 2048: no overflow */
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosLatticeDestroy(NomosLattice *g)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(g->mu, g->P, g->K, g->u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt NomosLatticeSize(PetscInt n) { return n * (n + 1) / 2; }

void NomosLatticeReset(NomosLattice *g)
{
  memset(g->mu, 0, sizeof(PetscReal) * (size_t)g->n);
  for (PetscInt i = 0; i < g->n; i++) memcpy(g->P + NomosLatticeSize(i), g->K + i * g->n, sizeof(PetscReal) * (size_t)(i + 1));
  g->drifted = 0;
  g->noise   = NOISE_START;
}

PetscReal NomosLatticeCovariance(const NomosLattice *g, PetscInt i, PetscInt j)
{
  return g->P[i < j ? NomosLatticeSize(j) + i : NomosLatticeSize(i) + j] + g->drifted * g->K[i * g->n + j];
}

void NomosLatticePredict(const NomosLattice *g, PetscInt m, const PetscInt idx[], const PetscReal w[], PetscReal *mean, PetscReal *var)
{
  PetscReal a = 0, v = 0;

  for (PetscInt i = 0; i < m; i++) {
    a += w[i] * g->mu[idx[i]];
    for (PetscInt j = 0; j < m; j++) v += w[i] * w[j] * NomosLatticeCovariance(g, idx[i], idx[j]);
  }
  *mean = a;
  if (var) *var = PetscMax(v, 0.0);
}

/* P <- P - u u^T */
static void Downdate(PetscInt n, PetscReal *restrict P, const PetscReal *restrict u)
{
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal ui = u[i];

    for (PetscInt j = 0; j <= i; j++) P[j] -= ui * u[j];
    P += i + 1;
  }
}

void NomosLatticeUpdate(NomosLattice *g, PetscInt m, const PetscInt idx[], const PetscReal w[], PetscReal y)
{
  PetscReal e = y, gain = 0, V, s, r;

  for (PetscInt j = 0; j < g->n; j++) g->u[j] = 0;
  for (PetscInt i = 0; i < m; i++) {
    const PetscInt   k   = idx[i];
    const PetscReal *row = g->P + NomosLatticeSize(k), *prior = g->K + k * g->n, back = w[i] * g->drifted;

    e -= w[i] * g->mu[k];
    for (PetscInt j = 0; j < k; j++) g->u[j] += w[i] * row[j];
    for (PetscInt j = k; j < g->n; j++) g->u[j] += w[i] * g->P[NomosLatticeSize(j) + k]; /* its column */
    for (PetscInt j = 0; j < g->n; j++) g->u[j] += back * prior[j];
  }
  for (PetscInt i = 0; i < m; i++) gain += w[i] * g->u[idx[i]];
  V = gain + g->noise;
  if (e * e / V > OUTLIER) V = gain + g->noise * e * e / (OUTLIER * V);
  for (PetscInt j = 0; j < g->n; j++) g->mu[j] += g->u[j] * (e / V);
  s = 1 / PetscSqrtReal(V);
  for (PetscInt j = 0; j < g->n; j++) g->u[j] *= s;
  Downdate(g->n, g->P, g->u);
  g->drifted += g->drift;
  r        = e * e - gain;
  r        = PetscMin(PetscMax(r, NOISE_MIN), 9 * g->noise);
  g->noise = (1 - NOISE_RATE) * g->noise + NOISE_RATE * r;
}
