/* TAOSKETCHNEWTON on optimal control of elliptic equations: known optima, in parallel, with assembled matrices and with shells,
   and inner iterations that do not grow with the grid. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/control.h"

typedef struct {
  const char *name;
  PetscInt    N;
  PetscReal   kappa, alpha;
  PetscBool   waves;
  PetscReal   fstar; /* 0: the closed form of PDE-Q */
} Case;
static const Case cases[] = {
  {"PDE-L", 3, 0, 0.1, PETSC_TRUE, 9.6444420518},
  {"PDE-L", 7, 0, 0.1, PETSC_TRUE, 56.3361178601},
  {"PDE-L", 15, 0, 0.1, PETSC_TRUE, 265.1673648453},
  {"PDE-N", 7, 1, 1e-2, PETSC_FALSE, 2.7800200080},
  {"PDE-N", 15, 1, 1e-2, PETSC_FALSE, 2.8759233366},
  {"PDE-N", 31, 1, 1e-2, PETSC_FALSE, 2.9004364555},
  {"PDE-N", 63, 1, 1e-2, PETSC_FALSE, 2.9065989130},
  {"PDE-N", 127, 1, 1e-2, PETSC_FALSE, 2.9081416730},
  {"PDE-Q", 31, 0, 1e-4, PETSC_FALSE, 0},
};
/* f* of section 12 has 10 decimals; the KKT residual of 1e-8 moves f by less */
#define F_TOL 2e-10
/* |x - x*| <= |K^-1| 1e-8; K of the h^2-scaled problem has smallest singular values of h^2 alpha */
#define X_TOL 1e-6

static PetscErrorCode Run(const Case *c, PetscBool shells, PetscInt *inner)
{
  Control            p;
  PetscReal          f, gnorm, cnorm, error = 0, mu, fstar = c->fstar;
  PetscInt           its, lits;
  TaoConvergedReason reason;
  PetscInt64         evals, products;

  PetscFunctionBegin;
  PetscCall(ControlCreate(PETSC_COMM_WORLD, c->N, c->kappa, c->alpha, c->waves, shells, &p));
  PetscCall(TaoSetType(p.tao, TAOSKETCHNEWTON));
  PetscCall(NomosTaoSketchNewtonSetSchurPre(p.tao, p.S));
  PetscCall(TaoSetFromOptions(p.tao));
  PetscCall(TaoSolve(p.tao));
  PetscCall(TaoGetSolutionStatus(p.tao, &its, &f, &gnorm, &cnorm, NULL, &reason));
  PetscCall(TaoGetLinearSolveIterations(p.tao, &lits));
  PetscCall(NomosTaoSketchNewtonGetCounts(p.tao, &evals, &products, NULL, NULL));
  PetscCall(ControlError(&p, &error));
  mu = 8 / (p.h * p.h) * PetscSqr(PetscSinReal(PETSC_PI * p.h / 2));
  if (fstar == 0) fstar = c->alpha * mu * mu / (8 * (1 + c->alpha * mu * mu));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s N %3d %-9s reason %d its %d inner %3d evaluations %d products %d f %.11g error %.1e |a| %.1e |c| %.1e\n", c->name, (int)c->N, shells ? "shells" : "assembled", (int)reason, (int)its, (int)lits, (int)evals, (int)products, (double)f, (double)error, (double)gnorm, (double)cnorm));
  CheckInt(c->name, reason, TAO_CONVERGED_GATOL);
  CheckClose("f*", f, fstar, F_TOL * PetscMax(1, fstar));
  if (!c->waves) CheckTrue("the known solution", error <= X_TOL);
  CheckTrue("at most 7 iterations", its <= 7);
  *inner = lits / PetscMax(its, 1);
  PetscCall(ControlDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscInt inner, coarse = 0, largest = 63;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-largest", &largest, NULL));
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    if (cases[i].N > largest) continue;
    PetscCall(Run(&cases[i], PETSC_FALSE, &inner));
    if (cases[i].kappa > 0 && cases[i].N == 31) coarse = inner;
    if (cases[i].kappa > 0 && cases[i].N > 31) CheckTrue("inner iterations per step stay within 1.3 of those at N = 31", inner <= 1.3 * coarse + 1);
  }
  PetscCall(Run(&cases[5], PETSC_TRUE, &inner));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4  args: -tao_sketchnewton_schur_pc_type mat
TEST*/
