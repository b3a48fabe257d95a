/* Samples of Burgers' equation against the Cole-Hopf formula, which needs no time steps; independence of the output grid. */
#include <nomos.h>
#include "nomostest.h"

#define FINE 512 /* what every build can transform */

static PetscErrorCode Make(PetscInt n, double nu, double time, NomosMap *m, Vec *a, Vec *u)
{
  NomosGrid grid = {.dim = 1, .n = {n}, .length = {1}, .periodic = {PETSC_TRUE}};

  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", m));
  PetscCall(NomosMapSetType(*m, NOMOSBURGERS));
  PetscCall(NomosMapBurgersSetRandomField(*m, "public"));
  PetscCall(NomosMapBurgersSetViscosity(*m, nu));
  PetscCall(NomosMapBurgersSetTime(*m, time));
  PetscCall(NomosMapBurgersSetFine(*m, FINE));
  PetscCall(NomosMapSetGrid(*m, &grid));
  PetscCall(NomosMapCreateVecs(*m, u, NULL, NULL));
  PetscCall(VecDuplicate(*u, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Drop(NomosMap *m, Vec *a, Vec *u)
{
  PetscFunctionBegin;
  PetscCall(NomosMapDestroy(m));
  PetscCall(VecDestroy(a));
  PetscCall(VecDestroy(u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* phi = exp(-(integral of u)/(2 nu)) obeys the heat equation; u = -2 nu phi_x/phi. Plain sums over 512 points: phi's own
   spectrum has fallen below 1e-10 there, and diffusion leaves some ten modes. */
static void ColeHopf(const double a[], double nu, double time, double u[])
{
  static double phi[FINE], c[FINE], s[FINE], re[FINE / 2], im[FINE / 2];

  for (int i = 0; i < FINE; i++) c[i] = cos(2 * PETSC_PI * i / FINE), s[i] = sin(2 * PETSC_PI * i / FINE), phi[i] = 0;
  for (int k = 1; k < FINE / 2; k++) { /* integral: divide mode k by 2 pi i k */
    double r = 0, m = 0;

    for (int i = 0; i < FINE; i++) r += a[i] * c[(long)k * i % FINE] / FINE, m -= a[i] * s[(long)k * i % FINE] / FINE;
    for (int i = 0; i < FINE; i++) phi[i] += 2 * (m * c[(long)k * i % FINE] + r * s[(long)k * i % FINE]) / (2 * PETSC_PI * k);
  }
  for (int i = 0; i < FINE; i++) phi[i] = exp(-phi[i] / (2 * nu));
  for (int k = 0; k < FINE / 2; k++) {
    const double decay = exp(-nu * PetscSqr(2 * PETSC_PI * k) * time);

    re[k] = im[k] = 0;
    for (int i = 0; i < FINE; i++) re[k] += phi[i] * c[(long)k * i % FINE] / FINE, im[k] -= phi[i] * s[(long)k * i % FINE] / FINE;
    re[k] *= decay, im[k] *= decay;
  }
  for (int i = 0; i < FINE; i++) {
    double p = re[0], d = 0;

    for (int k = 1; k < FINE / 2; k++) {
      const double x = c[(long)k * i % FINE], y = s[(long)k * i % FINE];

      p += 2 * (re[k] * x - im[k] * y);
      d -= 2 * 2 * PETSC_PI * k * (re[k] * y + im[k] * x);
    }
    u[i] = -2 * nu * d / p;
  }
}

static PetscErrorCode Exact(double nu, double time, PetscInt index, double tol)
{
  static double      want[FINE];
  NomosMap           m;
  Vec                a, u;
  const PetscScalar *pa, *pu;
  double             error = 0, largest = 0, mean = 0, before = 0, after = 0;

  PetscFunctionBegin;
  PetscCall(Make(FINE, nu, time, &m, &a, &u));
  PetscCall(NomosMapSample(m, 4, index, a, u));
  PetscCall(VecGetArrayRead(a, &pa));
  PetscCall(VecGetArrayRead(u, &pu));
  ColeHopf(pa, nu, time, want);
  for (int i = 0; i < FINE; i++) {
    error   = PetscMax(error, fabs(pu[i] - want[i]));
    largest = PetscMax(largest, fabs(want[i]));
    mean += pu[i] / FINE;
    before += pa[i] * pa[i];
    after += pu[i] * pu[i];
  }
  CheckClose("final state by Cole-Hopf", error, 0, tol * largest);
  CheckClose("the mean stays 0", mean, 0, 64 * PETSC_MACHINE_EPSILON);
  CheckTrue("energy falls", after < before);
  PetscCall(VecRestoreArrayRead(a, &pa));
  PetscCall(VecRestoreArrayRead(u, &pu));
  PetscCall(Drop(&m, &a, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 64 divides 512: points coincide; 96 does not: the sum is evaluated, and 32 common points must agree */
static PetscErrorCode Grids(void)
{
  NomosMap           m64, m96;
  Vec                a64, u64, a96, u96;
  const PetscScalar *p, *q;
  double             error = 0;

  PetscFunctionBegin;
  PetscCall(Make(64, 0.1, 0.2, &m64, &a64, &u64));
  PetscCall(Make(96, 0.1, 0.2, &m96, &a96, &u96));
  PetscCall(NomosMapSample(m64, 8, 2, a64, u64));
  PetscCall(NomosMapSample(m96, 8, 2, a96, u96));
  for (int which = 0; which < 2; which++) {
    PetscCall(VecGetArrayRead(which ? u64 : a64, &p));
    PetscCall(VecGetArrayRead(which ? u96 : a96, &q));
    for (int i = 0; i < 32; i++) error = PetscMax(error, fabs(p[2 * i] - q[3 * i]));
    PetscCall(VecRestoreArrayRead(which ? u64 : a64, &p));
    PetscCall(VecRestoreArrayRead(which ? u96 : a96, &q));
  }
  CheckClose("the sample does not depend on the grid", error, 0, 4096 * PETSC_MACHINE_EPSILON); /* sums of 170 modes of up to size ten */
  PetscCall(Drop(&m64, &a64, &u64));
  PetscCall(Drop(&m96, &a96, &u96));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(Exact(0.1, 1, 0, 1e-8)); /* fourth order, steps of 1e-3: time error 1e-10; aliases of phi 1e-9 */
  PetscCall(Exact(0.05, 0.3, 1, 1e-7));
  PetscCall(Grids());
  return NomosTestEnd();
}
/*TEST
  np: 1
TEST*/
