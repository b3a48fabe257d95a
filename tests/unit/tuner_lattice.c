/* The Gaussian process in plain numbers: against the closed form of regression on a small lattice, positive over
   10^4 rounds on a 20 x 13 lattice. */
#include <petscsys.h>
#include <petscblaslapack.h>
#include "nomostest.h"
#include "petsc_ext/tuner/tuner.h"

static uint64_t State = 9;
static double   Uniform(void)
{
  uint64_t z = (State += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static void Prior(NomosLattice *g)
{
  for (PetscInt i = 0; i < g->n; i++)
    for (PetscInt j = 0; j < g->n; j++) {
      const double r = sqrt(3.) * fabs((double)(i - j)) / 5;

      g->K[i * g->n + j] = 0.36 * (1 + r) * exp(-r) + 0.5 + (i == j ? 0.0081 : 0);
    }
  NomosLatticeReset(g);
}

/* Two observations of single points a, b without drift: mean at c = k^T (K + noise I)^-1 y, written out for 2 x 2. The second
   update uses another noise (it adapts), so it is followed by hand. */
static PetscErrorCode ClosedForm(void)
{
  NomosLattice   g;
  const PetscInt a = 1, b = 4, c = 2;
  const double   one = 1, ya = 0.3, yb = 0.1;
  double         sa, sb, kaa, kab, kbb, kca, kcb, kcc, det, mean, var, want, wantvar;

  PetscFunctionBegin;
  PetscCall(NomosLatticeCreate(6, 0, 0, &g));
  Prior(&g);
  sa  = g.noise;
  kaa = g.K[a * 6 + a] + sa;
  NomosLatticeUpdate(&g, 1, &a, &one, ya);
  sb = g.noise;
  CheckClose("the noise follows the residual", sb, 0.97 * sa + 0.03 * 1e-4, 1e-16); /* e^2 < gain: the lower clamp */
  NomosLatticeUpdate(&g, 1, &b, &one, yb);
  kab  = g.K[a * 6 + b];
  kbb  = g.K[b * 6 + b] + sb;
  kca  = g.K[c * 6 + a];
  kcb  = g.K[c * 6 + b];
  kcc  = g.K[c * 6 + c];
  det  = kaa * kbb - kab * kab;
  want = (kca * (kbb * ya - kab * yb) + kcb * (kaa * yb - kab * ya)) / det;
  wantvar = kcc - (kca * (kbb * kca - kab * kcb) + kcb * (kaa * kcb - kab * kca)) / det;
  NomosLatticePredict(&g, 1, &c, &one, &mean, &var);
  CheckClose("posterior mean", mean, want, 100 * PETSC_MACHINE_EPSILON);     /* 2 x 2 system of condition below 10, in other order */
  CheckClose("posterior variance", var, wantvar, 100 * PETSC_MACHINE_EPSILON);
  PetscCall(NomosLatticeDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An observation through weights on two points is one of their weighted sum. */
static PetscErrorCode Interpolated(void)
{
  NomosLattice   g;
  const PetscInt idx[] = {2, 3};
  const double   w[]   = {0.25, 0.75};
  double         before, gain, after, mean, noise;

  PetscFunctionBegin;
  PetscCall(NomosLatticeCreate(6, 0, 0, &g));
  Prior(&g);
  noise = g.noise;
  NomosLatticePredict(&g, 2, idx, w, &before, &gain);
  NomosLatticeUpdate(&g, 2, idx, w, 0.2);
  NomosLatticePredict(&g, 2, idx, w, &mean, &after);
  CheckClose("mean", mean, 0.2 * gain / (gain + noise), 20 * PETSC_MACHINE_EPSILON);
  CheckClose("variance", after, gain * noise / (gain + noise), 20 * PETSC_MACHINE_EPSILON);
  /* an outlier of 1000 deviations moves the mean by less than the plain gain would */
  NomosLatticeUpdate(&g, 2, idx, w, 100);
  NomosLatticePredict(&g, 2, idx, w, &before, NULL);
  CheckTrue("an outlier is damped", before < 0.5 * 100);
  PetscCall(NomosLatticeDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two of them see the same; one takes what an update removes off its matrix at once, the other when it likes. Not a bit differs, whatever
   the number of updates between two passes, nor between the matrix and the neighbours that are kept beside it (row: of which distances). */
static PetscErrorCode Pending(PetscInt row)
{
  NomosLattice g[2];
  PetscBool    same = PETSC_TRUE;

  PetscFunctionBegin;
  for (int i = 0; i < 2; i++) {
    PetscCall(NomosLatticeCreate(23, row, 1e-3, &g[i]));
    Prior(&g[i]);
  }
  for (int k = 0; k < 3 * NOMOS_LATTICE_PENDING + 2; k++) {
    const PetscInt at = (PetscInt)(22 * Uniform()), idx[] = {at, at + 1};
    const double   t = Uniform(), w[] = {1 - t, t}, y = Uniform() - 0.5;

    for (int i = 0; i < 2; i++) NomosLatticeUpdate(&g[i], 2, idx, w, y);
    NomosLatticeSettle(&g[0]);
    for (PetscInt i = 0; i < 23; i++) {
      if (g[0].mu[i] != g[1].mu[i]) same = PETSC_FALSE;
      for (PetscInt j = 0; j < 23; j++)
      {
        const double whole = g[0].P[NomosLatticeSize(PetscMax(i, j)) + PetscMin(i, j)] + g[0].drifted * g[0].K[i * 23 + j];

        if (whole != NomosLatticeCovariance(&g[0], i, j) || whole != NomosLatticeCovariance(&g[1], i, j)) same = PETSC_FALSE;
      }
    }
  }
  CheckTrue("pending updates are seen as settled ones", same && g[0].noise == g[1].noise && g[0].pending == 0 && g[1].pending > 0);
  for (int i = 0; i < 2; i++) PetscCall(NomosLatticeDestroy(&g[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Positive(void)
{
  const PetscInt n = 260;
  NomosLattice   g;
  PetscReal     *a, *w, *work;
  PetscBLASInt   N = 260, lwork = 260 * 40, info;

  PetscFunctionBegin;
  PetscCall(NomosLatticeCreate(n, 0, 1e-5, &g));
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < n; j++) {
      const double dv = (double)(i / 13 - j / 13) / 19 / 0.3, dc = (double)(i % 13 - j % 13) / 12 / 0.2, r = sqrt(3 * (dv * dv + dc * dc));

      g.K[i * n + j] = 0.36 * (1 + r) * exp(-r) + 0.5 + (i == j ? 0.0081 : 0);
    }
  NomosLatticeReset(&g);
  PetscCall(PetscMalloc3(n * n, &a, n, &w, lwork, &work));
  for (int k = 1; k <= 10000; k++) {
    const double   c = 12 * Uniform();
    const PetscInt arm = (PetscInt)(20 * Uniform()), idx[] = {arm * 13 + PetscMin((PetscInt)c, 11), arm * 13 + PetscMin((PetscInt)c, 11) + 1};
    const double   t = c - PetscMin((PetscInt)c, 11), weight[] = {1 - t, t}, v = arm / 19. - 0.2 - 0.04 * c;

    NomosLatticeUpdate(&g, 2, idx, weight, 2 * v * v + 0.05 * (Uniform() - 0.5) + (k % 50 ? 0 : 2));
    if (k % 2500) continue;
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt j = 0; j < n; j++) a[i * n + j] = NomosLatticeCovariance(&g, i, j);
    LAPACKsyev_("N", "U", &N, a, &N, w, work, &lwork, &info);
    CheckTrue("smallest eigenvalue > -1e-10", !info && w[0] > -1e-10);
    CheckTrue("and within the prior", w[n - 1] < 260 * 0.9 && g.noise > 0);
  }
  PetscCall(PetscFree3(a, w, work));
  PetscCall(NomosLatticeDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(ClosedForm());
  PetscCall(Interpolated());
  PetscCall(Pending(0));
  PetscCall(Pending(4));
  PetscCall(Positive());
  return NomosTestEnd();
}
/*TEST
  sources: petsc_ext/tuner/lattice.c
  np: 1
TEST*/
