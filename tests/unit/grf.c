/* Random fields of the generators: variance of every mode, the sum against a direct one, the same on every grid. */
#include "../../src/pde/grf.h"
#include "nomostest.h"

#define SAMPLES  4000
#define SIGMAS   5.0 /* of the page; some hundred checks at 5 sigma */
#define ROUNDING (256 * PETSC_MACHINE_EPSILON) /* sums of 64 terms of size one */

/* psi_k of the page on vertex i of n */
static double Psi(int k, int i, int n)
{
  return k ? sqrt(2.) * cos(PETSC_PI * k * i / (n - 1.)) : 1;
}

/* a = sum over vertices of trapezoid weight times psi_k times field: exact for modes below n - 1 */
static void Project(int modes, int n, const double v[], double a[])
{
  for (int k = 0; k < modes * modes; k++) {
    a[k] = 0;
    for (int i = 0; i < n * n; i++) {
      const int    x = i / n, y = i % n;
      const double w = (x == 0 || x == n - 1 ? 0.5 : 1) * (y == 0 || y == n - 1 ? 0.5 : 1) / ((n - 1.) * (n - 1.));

      a[k] += w * Psi(k / modes, x, n) * Psi(k % modes, y, n) * v[i];
    }
  }
}

static PetscErrorCode NeumannVariance(void)
{
  enum { MODES = 6, N = 8 };
  const NomosGRF grf = {.dim = 2, .modes = MODES, .alpha = 2, .tau = 3, .sigma = 3};
  const PetscInt n[2] = {N, N};
  double         v[N * N], a[MODES * MODES], last = 0, sum[MODES * MODES] = {0}, square[MODES * MODES] = {0}, cross[MODES * MODES] = {0};

  PetscFunctionBegin;
  for (int s = 0; s < SAMPLES; s++) {
    PetscCall(NomosGRFNeumann(&grf, 11, s, n, v));
    Project(MODES, N, v, a);
    for (int k = 0; k < MODES * MODES; k++, last = a[k - 1]) sum[k] += a[k], square[k] += a[k] * a[k], cross[k] += a[k] * (k ? last : 0);
  }
  CheckClose("mode 0 is left out", square[0], 0, ROUNDING);
  for (int k = 1; k < MODES * MODES; k++) {
    const double xi2 = PETSC_PI * PETSC_PI * (PetscSqr(k / MODES) + PetscSqr(k % MODES)), variance = 9 / PetscSqr(xi2 + 9);
    const double before = k > 1 ? 9 / PetscSqr(PETSC_PI * PETSC_PI * (PetscSqr((k - 1) / MODES) + PetscSqr((k - 1) % MODES)) + 9) : 0;

    CheckClose("variance of a mode", square[k] / SAMPLES / variance, 1, SIGMAS * sqrt(2. / SAMPLES));
    CheckClose("mean of a mode", sum[k] / SAMPLES / sqrt(variance), 0, SIGMAS / sqrt(SAMPLES));
    if (before > 0) CheckClose("correlation of two modes", cross[k] / SAMPLES / sqrt(variance * before), 0, SIGMAS / sqrt(SAMPLES));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PeriodicVariance(void)
{
  enum { MODES = 20 };
  const NomosGRF grf = {.dim = 1, .modes = MODES, .alpha = 2, .tau = 5, .sigma = 25};
  double         re[MODES + 1], im[MODES + 1], r2[MODES + 1] = {0}, i2[MODES + 1] = {0}, ri[MODES + 1] = {0};

  PetscFunctionBegin;
  for (int s = 0; s < SAMPLES; s++) {
    PetscCall(NomosGRFPeriodic(&grf, 7, s, re, im));
    for (int k = 0; k <= MODES; k++) r2[k] += re[k] * re[k], i2[k] += im[k] * im[k], ri[k] += re[k] * im[k];
  }
  CheckClose("mode 0 is left out", r2[0] + i2[0], 0, 0);
  for (int k = 1; k <= MODES; k++) { /* modes k and -k of the full sum: each part has half of 625 (4 pi^2 k^2 + 25)^-2 */
    const double part = 0.5 * 625 / PetscSqr(4 * PETSC_PI * PETSC_PI * k * k + 25);

    CheckClose("variance, real part", r2[k] / SAMPLES / part, 1, SIGMAS * sqrt(2. / SAMPLES));
    CheckClose("variance, imaginary part", i2[k] / SAMPLES / part, 1, SIGMAS * sqrt(2. / SAMPLES));
    CheckClose("correlation of the parts", ri[k] / SAMPLES / part, 0, SIGMAS / sqrt(SAMPLES));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* coarse vertices are fine vertices; a longer sum has the shorter one's modes; other seeds and samples differ */
static PetscErrorCode Grids(PetscInt dim)
{
  const NomosGRF grf = {.dim = dim, .modes = 7, .alpha = 2, .tau = 3, .sigma = 1};
  const PetscInt fine[3] = {9, 5, 13}, coarse[3] = {5, 3, 7};
  double         f[9 * 5 * 13], c[5 * 3 * 7], other[5 * 3 * 7];
  int            size = 1;

  PetscFunctionBegin;
  for (int j = 0; j < dim; j++) size *= (int)coarse[j];
  PetscCall(NomosGRFNeumann(&grf, 5, 17, fine, f));
  PetscCall(NomosGRFNeumann(&grf, 5, 17, coarse, c));
  for (int i = 0; i < size; i++) {
    int rest = i, at = 0, stride = 1;

    for (int j = (int)dim - 1; j >= 0; j--) {
      at += stride * 2 * (rest % (int)coarse[j]);
      stride *= (int)fine[j];
      rest /= (int)coarse[j];
    }
    CheckClose("the same sample on a finer grid", f[at], c[i], ROUNDING);
  }
  PetscCall(NomosGRFNeumann(&grf, 5, 18, coarse, other));
  CheckTrue("another sample is another field", other[1] != c[1]);
  PetscCall(NomosGRFNeumann(&grf, 6, 17, coarse, other));
  CheckTrue("another seed is another field", other[1] != c[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NeumannVariance());
  PetscCall(PeriodicVariance());
  for (PetscInt dim = 1; dim <= 3; dim++) PetscCall(Grids(dim));
  return NomosTestEnd();
}
/*TEST
  sources: src/pde/grf.c
  np: 1
TEST*/
