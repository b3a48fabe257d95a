/*
  lattice.c - a Gaussian process known at the points of a lattice: prediction and Kalman update. Plain numbers, no object.

  A value is seen through weights w on a few points idx (linear interpolation). The covariance is P - sum u u^T + drifted K: what comes back of the
  prior each round is one number, and what an update takes away is kept as a vector u. NOMOS_LATTICE_PENDING of them are taken off the lower triangle
  of P in one pass, in the order in which they came, as every look at a covariance before that does for its own number: so nobody sees
  a difference, not in the last bit, whenever the pass is made. The numbers that interpolation asks for, of points that are neighbours, are kept up to
  date beside P, close together: after a solve, P is far away.
*/
#include "tuner.h"

#define NOISE_START 0.0025 /* variance of the logarithm: 5 percent */
#define NOISE_RATE  0.03
#define NOISE_MIN   1e-4
#define OUTLIER     9.0 /* squared standard deviations */

PetscErrorCode NomosLatticeCreate(PetscInt n, PetscInt row, PetscReal drift, NomosLattice *g)
{
  const PetscInt near[] = {0, 1, row - 1, row, row + 1};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(g, sizeof(*g)));
  g->n      = n;
  g->drift  = drift;
  g->row    = row;
  g->nbands = row > 2 ? 5 : 2;
  for (PetscInt k = 0; k < g->nbands; k++) g->distance[k] = near[k];
  PetscCall(PetscMalloc4(n, &g->mu, NomosLatticeSize(n), &g->P, n * n, &g->K, n, &g->column)); /* n <= 2048: no overflow */
  PetscCall(PetscMalloc3(NOMOS_LATTICE_PENDING * n, &g->U, g->nbands * n, &g->band, g->nbands * n, &g->priorband));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosLatticeDestroy(NomosLattice *g)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(g->mu, g->P, g->K, g->column));
  PetscCall(PetscFree3(g->U, g->band, g->priorband));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt NomosLatticeSize(PetscInt n) { return n * (n + 1) / 2; }

void NomosLatticeReset(NomosLattice *g)
{
  memset(g->mu, 0, sizeof(PetscReal) * (size_t)g->n);
  for (PetscInt i = 0; i < g->n; i++) memcpy(g->P + NomosLatticeSize(i), g->K + i * g->n, sizeof(PetscReal) * (size_t)(i + 1));
  g->drifted = 0;
  g->pending = 0;
  g->noise   = NOISE_START;
  NomosLatticeGather(g);
}

/* P was written by somebody else */
void NomosLatticeGather(NomosLattice *g)
{
  for (PetscInt k = 0; k < g->nbands; k++) {
    for (PetscInt i = 0; i + g->distance[k] < g->n; i++) {
      const PetscInt j = i + g->distance[k];

      g->band[k * g->n + i]      = g->P[NomosLatticeSize(j) + i];
      g->priorband[k * g->n + i] = g->K[i * g->n + j];
    }
  }
}

/* of the pairs that lie d apart; -1: not kept */
static PetscInt Band(const NomosLattice *g, PetscInt d)
{
  if (d <= 1) return d;
  return g->nbands > 2 && d >= g->row - 1 && d <= g->row + 1 ? d - g->row + 3 : -1;
}

PetscReal NomosLatticeCovariance(const NomosLattice *g, PetscInt i, PetscInt j)
{
  const PetscInt lo = PetscMin(i, j), hi = PetscMax(i, j), band = Band(g, hi - lo);
  PetscReal      x;

  if (band >= 0) return g->band[band * g->n + lo] + g->drifted * g->priorband[band * g->n + lo];
  x = g->P[NomosLatticeSize(hi) + lo];
  for (PetscInt b = 0; b < g->pending; b++) x -= g->U[b * g->n + lo] * g->U[b * g->n + hi];
  return x + g->drifted * g->K[lo * g->n + hi];
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

/* P <- P - sum u u^T; what there is not of them is zero */
static void Downdate(PetscInt n, PetscReal *restrict P, const PetscReal *restrict U)
{
  for (PetscInt i = 0; i < n; i++) {
    PetscReal ui[NOMOS_LATTICE_PENDING];

    for (PetscInt b = 0; b < NOMOS_LATTICE_PENDING; b++) ui[b] = U[b * n + i];
    for (PetscInt j = 0; j <= i; j++) {
      PetscReal x = P[j];

      for (PetscInt b = 0; b < NOMOS_LATTICE_PENDING; b++) x -= ui[b] * U[b * n + j];
      P[j] = x;
    }
    P += i + 1;
  }
}

void NomosLatticeSettle(NomosLattice *g)
{
  if (!g->pending) return;
  memset(g->U + g->pending * g->n, 0, sizeof(PetscReal) * (size_t)((NOMOS_LATTICE_PENDING - g->pending) * g->n));
  Downdate(g->n, g->P, g->U);
  g->pending = 0;
}

/* Column k of the covariance without what drifted back. */
static const PetscReal *Column(const NomosLattice *g, PetscInt k)
{
  const PetscReal *row = g->P + NomosLatticeSize(k);

  for (PetscInt j = 0; j < k; j++) g->column[j] = row[j];
  for (PetscInt j = k; j < g->n; j++) g->column[j] = g->P[NomosLatticeSize(j) + k];
  for (PetscInt b = 0; b < g->pending; b++) {
    const PetscReal *u = g->U + b * g->n, uk = u[k];

    for (PetscInt j = 0; j < g->n; j++) g->column[j] -= uk * u[j];
  }
  return g->column;
}

void NomosLatticeUpdate(NomosLattice *g, PetscInt m, const PetscInt idx[], const PetscReal w[], PetscReal y)
{
  PetscReal e = y, gain = 0, V, s, r, *u;

  if (g->pending == NOMOS_LATTICE_PENDING) NomosLatticeSettle(g);
  u = g->U + g->pending * g->n;
  for (PetscInt j = 0; j < g->n; j++) u[j] = 0;
  for (PetscInt i = 0; i < m; i++) {
    const PetscReal *column = Column(g, idx[i]), *prior = g->K + idx[i] * g->n, back = w[i] * g->drifted;

    e -= w[i] * g->mu[idx[i]];
    for (PetscInt j = 0; j < g->n; j++) u[j] = u[j] + w[i] * column[j] + back * prior[j];
  }
  for (PetscInt i = 0; i < m; i++) gain += w[i] * u[idx[i]];
  V = gain + g->noise;
  if (e * e / V > OUTLIER) V = gain + g->noise * e * e / (OUTLIER * V);
  for (PetscInt j = 0; j < g->n; j++) g->mu[j] += u[j] * (e / V);
  s = 1 / PetscSqrtReal(V);
  for (PetscInt j = 0; j < g->n; j++) u[j] *= s;
  for (PetscInt k = 0; k < g->nbands; k++)
    for (PetscInt j = 0; j + g->distance[k] < g->n; j++) g->band[k * g->n + j] -= u[j] * u[j + g->distance[k]];
  g->pending++;
  g->drifted += g->drift;
  r        = e * e - gain;
  r        = PetscMin(PetscMax(r, NOISE_MIN), 9 * g->noise);
  g->noise = (1 - NOISE_RATE) * g->noise + NOISE_RATE * r;
}
