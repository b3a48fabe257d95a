/* The Nystrom approximation of PC kktsketch: exact on a block of low rank, whatever shift is added; what it costs: products are made
   anew for new values of the block alone, and few of them where the spectrum is flat or the block is not positive. */
#include <nomos.h>
#include "kkttest.h"
#include "nomostest.h"

#define N_ROWS 200
#define RANK   20
/* the shift of 1e-8 |Y| that makes the sketch positive definite stays in Lam to first order, over the smallest t below */
#define MISS (10 * 1e-8 / 1e-3)

/* H + tI as a KKT operator without constraints, which answers for its block as the optimizer's do */
typedef struct {
  Mat       H;
  PetscReal t;
  IS        primal;
} Shell;
static PetscErrorCode Mult(Mat K, Vec x, Vec y)
{
  Shell *s;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(K, &s));
  PetscCall(MatMult(s->H, x, y));
  PetscCall(VecAXPY(y, s->t, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Blocks(Mat K, Mat *H, Mat *G, PetscReal *t, PetscReal *gamma, Mat *S)
{
  Shell *s;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(K, &s));
  *H     = s->H;
  *t     = s->t;
  *gamma = 0;
  *G = *S = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* the sum of values[k] times the projection on cosine k + 1, and rest times the identity, hidden in a shell */
static PetscErrorCode Block(PetscInt n, const PetscReal values[], PetscReal rest, Mat *dense, Mat *H)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, N_ROWS, N_ROWS, NULL, dense));
  PetscCall(MatGetOwnershipRange(*dense, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++)
    for (PetscInt j = 0; j < N_ROWS; j++) {
      PetscReal v = i == j ? rest : 0;

      for (PetscInt k = 0; k < n; k++) v += values[k] * KKTCosine(N_ROWS, i, k + 1) * KKTCosine(N_ROWS, j, k + 1);
      PetscCall(MatSetValue(*dense, i, j, v, INSERT_VALUES));
    }
  PetscCall(MatAssemblyBegin(*dense, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*dense, MAT_FINAL_ASSEMBLY));
  PetscCall(KKTHide(*dense, H));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* what an assembled matrix tells by its values */
static PetscErrorCode NewState(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* sets up for a shift; products so far, and |(H + tI) P^-1 r - r| / |r| */
static PetscErrorCode At(PC pc, Mat K, Shell *s, PetscReal t, PetscInt64 *products, PetscReal *miss)
{
  Vec       r, z, w;
  PetscInt  lo, hi;
  PetscReal norm;

  PetscFunctionBegin;
  s->t = t;
  PetscCall(NewState(K));
  PetscCall(PCSetOperators(pc, K, K));
  PetscCall(PCSetUp(pc));
  PetscCall(NomosPCKKTSketchGetCounts(pc, products, NULL));
  PetscCall(MatCreateVecs(K, &r, &z));
  PetscCall(VecDuplicate(r, &w));
  PetscCall(VecGetOwnershipRange(r, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(r, i, PetscCosReal(3 * (PetscReal)i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(r));
  PetscCall(VecAssemblyEnd(r));
  PetscCall(PCApply(pc, r, z));
  PetscCall(MatMult(K, z, w));
  PetscCall(VecAXPY(w, -1, r));
  PetscCall(VecNorm(w, NORM_2, miss));
  PetscCall(VecNorm(r, NORM_2, &norm));
  *miss /= norm;
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&z));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a block, the shifts it is set up for in turn */
static PetscErrorCode Run(const char what[], PetscInt n, const PetscReal values[], PetscReal rest, PetscInt64 first, PetscBool exact)
{
  Shell      s;
  Mat        dense, K;
  PC         pc;
  PetscInt   m;
  PetscInt64 products;
  PetscReal  miss;

  PetscFunctionBegin;
  PetscCall(Block(n, values, rest, &dense, &s.H));
  PetscCall(MatGetLocalSize(s.H, &m, NULL));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, m, m, N_ROWS, N_ROWS, &s, &K));
  PetscCall(MatShellSetOperation(K, MATOP_MULT, (NomosAnyFn *)Mult));
  {
    PetscInt lo;

    PetscCall(MatGetOwnershipRange(dense, &lo, NULL));
    PetscCall(ISCreateStride(PETSC_COMM_WORLD, m, lo, 1, &s.primal));
  }
  PetscCall(PetscObjectCompose((PetscObject)K, "nomos_primal", (PetscObject)s.primal));
  PetscCall(PetscObjectComposeFunction((PetscObject)K, "NomosKKTGetBlocks_C", Blocks));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(NomosPCKKTSketchSetHessian(pc, "nystrom"));
  PetscCall(NomosPCKKTSketchSetRank(pc, RANK));
  PetscCall(At(pc, K, &s, 0.1, &products, &miss));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: %d products, miss %.1e\n", what, (int)products, (double)miss));
  CheckInt(what, products, first);
  if (exact) CheckTrue("exact", miss <= MISS);
  PetscCall(At(pc, K, &s, 1e-3, &products, &miss));
  CheckInt("a new shift needs no product", products, first);
  if (exact) CheckTrue("exact with a new shift", miss <= MISS);
  PetscCall(MatScale(dense, 4));
  PetscCall(NewState(s.H));
  PetscCall(At(pc, K, &s, 1e-3, &products, &miss));
  CheckInt("new values do", products, 2 * first);
  if (exact) CheckTrue("exact with new values", miss <= 4 * MISS);
  /* older values may serve two set-ups more; a new shift within them asks for nothing */
  PetscCall(NomosPCKKTSketchSetLag(pc, 3));
  PetscCall(At(pc, K, &s, 1e-3, &products, &miss));
  CheckInt("another lag begins anew", products, 3 * first);
  PetscCall(MatScale(dense, 0.5));
  PetscCall(NewState(s.H));
  PetscCall(At(pc, K, &s, 0.1, &products, &miss));
  CheckInt("within the lag, under a new shift", products, values[n - 1] < 0 ? 4 * first : 3 * first); /* what was not positive is tried again */
  PetscCall(PCDestroy(&pc));
  PetscCall(ISDestroy(&s.primal));
  PetscCall(MatDestroy(&K));
  PetscCall(MatDestroy(&s.H));
  PetscCall(MatDestroy(&dense));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscReal low[5] = {1, 0.5, 0.2, 0.1, 0.05}, mild[3] = {0.3, 0.2, 0.1}, indefinite[2] = {-0.5, -8};

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(Run("low rank", 5, low, 0, RANK, PETSC_TRUE));
  PetscCall(Run("flat", 3, mild, 1, 6, PETSC_FALSE)); /* six probes tell */
  PetscCall(Run("not positive", 2, indefinite, 1e-3, 6, PETSC_FALSE));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
