/* How exactly TAOSKETCHNEWTON solves its linear systems. f is quadratic and c linear here, so that F is linear and a full step leaves R =
   |r|, the linear residual, exactly. The solver halves its residual in every iteration (Richardson's with a factor of 1/2 on exact
   inverses): the R that comes out lies between half of what was allowed and all of it, and shows the rule that was followed. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/constrained.h"

#define TOL   1e-8
#define DELTA 0.05
#define NU    1.5
#define ETA1  60
#define ETA2  1e-5
/* R has a dozen digits as long as it is above 1e-10, some of |K| eps more than |r| */
#define DIGITS 1e-4

static PetscErrorCode Begin(const char name[], const char theta[], Small *s)
{
  static PetscReal f[64], gnorm[64], cnorm[64];
  static PetscInt  lits[64];
  KSP              ksp;
  PC               pc;

  PetscFunctionBegin;
  PetscCall(SmallCreate(PETSC_COMM_SELF, SmallFind(name), s));
  PetscCall(TaoSetType(s->tao, TAOSKETCHNEWTON));
  PetscCall(NomosTaoSketchNewtonSetKKTType(s->tao, "aij"));
  PetscCall(NomosTaoSketchNewtonSetAccuracy(s->tao, "practical", DELTA, theta, 1e-12, 0.1));
  PetscCall(TaoGetKSP(s->tao, &ksp));
  PetscCall(KSPSetType(ksp, KSPRICHARDSON));
  PetscCall(KSPRichardsonSetScale(ksp, 0.5));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSVD));
  PetscCall(TaoSetTolerances(s->tao, TOL, 0, 0));
  PetscCall(TaoSetConstraintTolerances(s->tao, TOL, 0));
  PetscCall(TaoSetConvergenceHistory(s->tao, f, gnorm, cnorm, lits, 64, PETSC_TRUE));
  PetscCall(TaoSetFromOptions(s->tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* R of every iterate of the latest solve */
static PetscErrorCode Residuals(Tao tao, double R[64], PetscInt *n)
{
  PetscReal *g, *c;

  PetscFunctionBegin;
  PetscCall(TaoGetConvergenceHistory(tao, NULL, &g, &c, NULL, n));
  for (PetscInt k = 0; k < *n; k++) R[k] = sqrt(g[k] * g[k] + c[k] * c[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}
static void CheckRatio(const char what[], double ratio, double omega)
{
  char text[160];

  snprintf(text, sizeof(text), "%s: residual over R is %.3e, allowed %.3e", what, ratio, omega);
  CheckTrue(text, ratio <= omega * (1 + DIGITS) && ratio > omega / 2 * (1 - DIGITS));
}

/* omega = min(rtol_max, max(theta delta, rtol_min, 0.1 tol / R)) */
static PetscErrorCode Practical(const char name[], const char theta[], double power)
{
  Small    s;
  double   R[64];
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(Begin(name, theta, &s));
  PetscCall(TaoSolve(s.tao));
  PetscCall(Residuals(s.tao, R, &n));
  CheckTrue("several steps", n >= 4);
  for (PetscInt k = 0; k + 1 < n; k++) {
    const double allowed = fmax(pow(fmin(1, R[k] / R[0]), power) * DELTA, 0.1 * TOL / R[k]);

    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s %s: R %.3e, next over it %.3e of %.3e\n", name, theta, R[k], R[k + 1] / R[k], fmin(0.1, allowed)));
    CheckRatio(theta, R[k + 1] / R[k], fmin(0.1, allowed));
  }
  CheckTrue("no digits beyond what the tolerance can use", R[n - 1] >= 0.04 * TOL);
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One step for which the penalties must rise j times. Decoupled: one linear solve, as exact as before. Coupled: a solve more for each
   rise, and |r| <= delta nu^(-4j) R in the end. */
static PetscErrorCode Penalties(const char name[], PetscBool coupled)
{
  Small      s;
  double     R[64], j, omega = DELTA;
  PetscInt   n;
  PetscReal  eta1, eta2;
  PetscInt64 solves;
  Vec        l;

  PetscFunctionBegin;
  PetscCall(Begin(name, "one", &s));
  PetscCall(NomosTaoSketchNewtonSetPenalties(s.tao, ETA1, ETA2, NU, coupled ? "coupled" : "decoupled"));
  PetscCall(VecDuplicate(s.c, &l)); /* so wrong that the step raises l'c where c is positive */
  PetscCall(VecSet(l, -1000));
  PetscCall(NomosTaoSketchNewtonSetMultipliers(s.tao, l));
  PetscCall(VecDestroy(&l));
  PetscCall(TaoSetMaximumIterations(s.tao, 1));
  PetscCall(TaoSolve(s.tao));
  PetscCall(Residuals(s.tao, R, &n));
  PetscCall(NomosTaoSketchNewtonGetPenalties(s.tao, &eta1, &eta2));
  PetscCall(NomosTaoSketchNewtonGetCounts(s.tao, NULL, NULL, &solves, NULL));
  j = log(eta1 / ETA1) / (2 * log(NU));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s %s: penalties raised %.6f times, %d solves, R from %.3e to %.3e\n", name, coupled ? "coupled" : "decoupled", j, (int)solves, R[0], R[n - 1]));
  CheckInt("one step", n, 2);
  CheckTrue("the penalties had to rise", j > 0.5);
  CheckClose("by nu squared and by nu", eta2, ETA2 * pow(NU, -j), 1e-12);
  if (coupled) omega *= pow(NU, -4 * j);
  CheckInt("linear solves", solves, coupled ? 1 + (int)(j + 0.5) : 1);
  CheckRatio(coupled ? "coupled" : "decoupled", R[1] / R[0], omega);
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |K|_F Psi |r| <= theta delta R with Psi = 20 max(|B|_F^2, 1) / (min(xi_G, 1) min(xi_B, 1)) and delta capped at (1/2 - beta) eta2 / ((1 + eta1 +
   eta2) Upsilon^2 Psi^2), not below 1e-6 (Hong et al. 2023, (10) and (15)). HS28: |B|_F^2 = 40, |G|_F^2 = GG' = 14, the reduced Hessian has the
   eigenvalues (11 -+ sqrt 65)/7; the cap is far below the floor. */
static PetscErrorCode Theory(void)
{
  const double xi_b = (11 - sqrt(65)) / 7, psi = 20 * 40 / xi_b, omega = 1e-6 / (sqrt(40 + 2 * 14) * psi);
  Small        s;
  double       R[64];
  PetscInt     n;

  PetscFunctionBegin;
  PetscCall(Begin("HS28", "one", &s));
  PetscCall(NomosTaoSketchNewtonSetAccuracy(s.tao, "theory", DELTA, "one", 1e-12, 0.1));
  PetscCall(TaoSetMaximumIterations(s.tao, 1));
  PetscCall(TaoSolve(s.tao));
  PetscCall(Residuals(s.tao, R, &n));
  CheckInt("one step", n, 2);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "theory: residual over R %.3e of %.3e\n", R[1] / R[0], omega));
  CheckRatio("theory", R[1] / R[0], omega);
  PetscCall(SmallDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(Practical("HS51", "one", 0));
  PetscCall(Practical("HS51", "sqrt", 0.5));
  PetscCall(Practical("HS51", "superlinear", 1));
  PetscCall(Practical("HS48", "superlinear", 1));
  PetscCall(Theory());
  PetscCall(Penalties("HS52", PETSC_FALSE));
  PetscCall(Penalties("HS52", PETSC_TRUE));
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
