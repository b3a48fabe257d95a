/* Residuals of exact solutions fall with the square of the spacing: manufactured Darcy flow in one to three dimensions, the
   Cole-Hopf solution of Burgers' equation in space and time. */
#include <nomos.h>
#include "nomostest.h"

#define SLOPE     2.0
#define SLOPE_TOL 0.1 /* of the page, for solvers of second order */

static PetscErrorCode Largest(NomosMap m, Vec x, PetscReal *r)
{
  Vec y;

  PetscFunctionBegin;
  PetscCall(NomosMapCreateVecs(m, NULL, NULL, &y));
  PetscCall(NomosMapApply(m, x, NULL, y));
  PetscCall(VecNorm(y, NORM_INFINITY, r));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* u = prod sin(pi k_j x_j/L_j), a = exp(0.3 sum cos(pi x_j/L_j)), f = -(a Lap u + grad a . grad u) */
static PetscErrorCode Darcy(PetscInt dim, PetscInt cells, PetscBool harmonic, PetscReal *r)
{
  const double k[3] = {1, 2, 1}, length[3] = {1, 2, 0.5};
  NomosGrid    grid = {.dim = dim};
  NomosMap     m;
  Vec          u, a, f;
  PetscScalar *pu, *pa, *pf;
  PetscInt     size = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < dim; j++) grid.n[j] = cells + 1, grid.length[j] = length[j], size *= cells + 1;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", &m));
  PetscCall(NomosMapSetType(m, NOMOSDARCY));
  PetscCall(NomosMapDarcySetHarmonic(m, harmonic));
  PetscCall(NomosMapSetGrid(m, &grid));
  PetscCall(NomosMapCreateVecs(m, &u, NULL, NULL));
  PetscCall(VecDuplicate(u, &a));
  PetscCall(VecDuplicate(u, &f));
  PetscCall(VecGetArray(u, &pu));
  PetscCall(VecGetArray(a, &pa));
  PetscCall(VecGetArray(f, &pf));
  for (PetscInt i = 0; i < size; i++) {
    PetscInt rest = i;
    double   s[3], c[3], w[3], slope[3], product = 1, sum = 0, lap = 0, dot = 0;

    for (PetscInt j = dim - 1; j >= 0; rest /= cells + 1, j--) {
      const double x = PETSC_PI * (double)(rest % (cells + 1)) / (double)cells;

      w[j]     = PETSC_PI / length[j];
      s[j]     = sin(k[j] * x);
      c[j]     = cos(k[j] * x);
      slope[j] = -0.3 * w[j] * sin(x);
      sum += 0.3 * cos(x);
      product *= s[j];
    }
    for (PetscInt j = 0; j < dim; j++) {
      double others = 1;

      for (PetscInt l = 0; l < dim; l++) others *= l == j ? 1 : s[l];
      lap -= k[j] * k[j] * w[j] * w[j] * product;
      dot += slope[j] * k[j] * w[j] * c[j] * others;
    }
    pa[i] = exp(sum);
    pu[i] = product;
    pf[i] = -pa[i] * (lap + dot);
  }
  PetscCall(VecRestoreArray(u, &pu));
  PetscCall(VecRestoreArray(a, &pa));
  PetscCall(VecRestoreArray(f, &pf));
  PetscCall(NomosMapSetField(m, "a", a));
  PetscCall(NomosMapSetField(m, "f", f));
  PetscCall(Largest(m, u, r));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&f));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* phi = 2 + e^{-nu 4 pi^2 t} cos(2 pi x) solves the heat equation; u = -2 nu phi_x/phi */
static double ColeHopf(double nu, double t, double x)
{
  const double w = 2 * PETSC_PI, e = exp(-nu * w * w * t);

  return 2 * nu * w * e * sin(w * x) / (2 + e * cos(w * x));
}

static PetscErrorCode Burgers(PetscInt n, PetscReal *r)
{
  const double nu = 0.05, time = 0.5;
  NomosGrid    grid = {.dim = 1, .n = {n}, .length = {1}, .periodic = {PETSC_TRUE}};
  const PetscInt frames = n / 4;
  NomosMap     m;
  Vec          u, a;
  PetscScalar *pu, *pa;

  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", &m));
  PetscCall(NomosMapSetType(m, NOMOSBURGERS));
  PetscCall(NomosMapBurgersSetViscosity(m, nu));
  PetscCall(NomosMapBurgersSetTime(m, time));
  PetscCall(NomosMapSetGrid(m, &grid));
  PetscCall(NomosMapSetChannels(m, frames, frames));
  PetscCall(NomosMapCreateVecs(m, &u, NULL, NULL));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, &a));
  PetscCall(VecGetArray(u, &pu));
  PetscCall(VecGetArray(a, &pa));
  for (PetscInt i = 0; i < n; i++) {
    pa[i] = ColeHopf(nu, 0, (double)i / (double)n);
    for (PetscInt j = 0; j < frames; j++) pu[j * n + i] = ColeHopf(nu, time * (double)(j + 1) / (double)frames, (double)i / (double)n);
  }
  PetscCall(VecRestoreArray(u, &pu));
  PetscCall(VecRestoreArray(a, &pa));
  PetscCall(NomosMapSetField(m, "a", a));
  PetscCall(Largest(m, u, r));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&a));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscReal coarse, fine;

  NomosTestBegin(argc, argv);
  for (PetscInt dim = 1; dim <= 3; dim++)
    for (int mean = 0; mean < 2; mean++) {
      PetscCall(Darcy(dim, dim == 3 ? 24 : 48, mean ? PETSC_TRUE : PETSC_FALSE, &coarse));
      PetscCall(Darcy(dim, dim == 3 ? 48 : 96, mean ? PETSC_TRUE : PETSC_FALSE, &fine));
      CheckClose("order of Darcy's residual", log2(coarse / fine), SLOPE, SLOPE_TOL);
    }
  PetscCall(Burgers(128, &coarse));
  PetscCall(Burgers(256, &fine));
  CheckClose("order of Burgers' residual", log2(coarse / fine), SLOPE, SLOPE_TOL);
  return NomosTestEnd();
}
/*TEST
  np: 1
TEST*/
