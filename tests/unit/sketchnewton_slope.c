/* The derivative of the merit function that TAOSKETCHNEWTON takes from dot products, against central differences of the merit
   function written out here: with t, gamma > 0 and a deliberately inexact step. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/constrained.h"

/* M = f + l'c + eta1/2 |c|^2 + eta2/2 |g + G'l|^2, dense */
static double Merit(const SmallProblem *p, const double x[], const double l[], double eta1, double eta2)
{
  Jet    v[JET_MAX], f, c[JET_MAX];
  double M, cc = 0, aa = 0;

  for (int i = 0; i < p->n; i++) v[i] = JetVariable(x[i], i);
  p->formula(v, &f, c);
  M = f.v;
  for (int k = 0; k < p->m; k++) M += l[k] * c[k].v, cc += c[k].v * c[k].v;
  for (int i = 0; i < p->n; i++) {
    double a = f.g[i];
    for (int k = 0; k < p->m; k++) a += l[k] * c[k].g[i];
    aa += a * a;
  }
  return M + eta1 / 2 * cc + eta2 / 2 * aa;
}

static PetscErrorCode Run(const SmallProblem *p)
{
  Small              s;
  Vec                l, z;
  PetscReal          slope, t, gamma, eta1, eta2;
  const PetscScalar *a;
  PetscInt64         evaluations;

  PetscFunctionBegin;
  PetscCall(SmallCreate(PETSC_COMM_SELF, p, &s));
  PetscCall(TaoSetType(s.tao, TAOSKETCHNEWTON));
  PetscCall(VecDuplicate(s.c, &l));
  for (int k = 0; k < p->m; k++) PetscCall(VecSetValue(l, k, 0.3 - 0.5 * k, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(l));
  PetscCall(VecAssemblyEnd(l));
  PetscCall(NomosTaoSketchNewtonSetMultipliers(s.tao, l));
  PetscCall(NomosTaoSketchNewtonSetShifts(s.tao, 0.7, 0.05));
  PetscCall(NomosTaoSketchNewtonSetAccuracy(s.tao, "practical", 0.3, "one", 1e-12, 0.5));
  PetscCall(TaoSetMaximumIterations(s.tao, 1));
  PetscCall(TaoSolve(s.tao));
  PetscCall(NomosTaoSketchNewtonGetStep(s.tao, &z, &slope, &t, &gamma));
  PetscCall(NomosTaoSketchNewtonGetPenalties(s.tao, &eta1, &eta2));
  PetscCall(NomosTaoSketchNewtonGetCounts(s.tao, &evaluations, NULL, NULL, NULL));
  CheckTrue("both regularizations are in force", t >= 0.7 && gamma >= 0.05);
  PetscCall(VecGetArrayRead(z, &a));
  {
    double norm = 0, x[JET_MAX], lv[JET_MAX], M[2], h;
    for (int i = 0; i < p->n + p->m; i++) norm += a[i] * a[i];
    h = 1e-5 / sqrt(norm);
    for (int side = 0; side < 2; side++) {
      const double e = side ? h : -h;
      for (int i = 0; i < p->n; i++) x[i] = p->x0[i] + e * a[i];
      for (int k = 0; k < p->m; k++) lv[k] = 0.3 - 0.5 * k + e * a[p->n + k];
      M[side] = Merit(p, x, lv, eta1, eta2);
    }
    /* central differences at h = 1e-5: truncation h^2 and rounding eps |M| / h leave about 1e-9 of |M| */
    CheckClose(p->name, slope, (M[1] - M[0]) / (2 * h), 1e-6 * fabs(slope));
  }
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCall(VecDestroy(&l));
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  const char *const names[] = {"HS39", "HS40", "HS46", "HS77", "HS78", "HS79", "HS100LNP", "BT5"};

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) PetscCall(Run(SmallFind(names[k])));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1
TEST*/
