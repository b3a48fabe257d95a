/* The numbers that PC kktsketch is for: LSQR with the sketched QR on a Jacobian of condition 1e8; Nystrom against the diagonal on
   logistic regression with constraints. */
#include <nomos.h>
#include "kkttest.h"
#include "nomostest.h"

/* min |T l - b|, b = T l* + a part orthogonal to range(T): the residual of the normal equations must vanish */
static PetscErrorCode LeastSquares(PetscBool aij, const char nnz[])
{
  const PetscInt     n = 1500, m = 60;
  Mat                T, A, N;
  KSP                ksp;
  PC                 pc;
  Vec                b, l, e, fit;
  PetscInt           lo, hi, its;
  PetscReal          miss, norm;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(PetscOptionsSetValue(NULL, "-pc_kktsketch_sketch_nnz", nnz));
  PetscCall(KKTGraded(n, m, 8, &T));
  if (aij) PetscCall(MatConvert(T, MATAIJ, MAT_INITIAL_MATRIX, &A));
  else {
    A = T;
    PetscCall(PetscObjectReference((PetscObject)T));
  }
  PetscCall(MatCreateNormal(A, &N));
  PetscCall(MatCreateVecs(A, &l, &b));
  PetscCall(VecDuplicate(b, &e));
  PetscCall(VecDuplicate(b, &fit));
  PetscCall(VecGetOwnershipRange(b, &lo, &hi));
  /* the part in range(T): the sum of all left singular vectors; orthogonal to it: cosines that T does not have */
  for (PetscInt i = lo; i < hi; i++) {
    PetscReal in = 0, out = 0;

    for (PetscInt k = 0; k < m; k++) in += KKTCosine(n, i, 3 * k + 1), out += KKTCosine(n, i, 3 * k + 2);
    PetscCall(VecSetValue(fit, i, in, INSERT_VALUES));
    PetscCall(VecSetValue(b, i, in + 0.3 * out, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(fit));
  PetscCall(VecAssemblyEnd(fit));
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, N));
  PetscCall(KSPSetType(ksp, KSPLSQR));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(KSPSetTolerances(ksp, 1e-8, 1e-300, 1e30, 200));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, l));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(MatMult(A, l, e));
  PetscCall(VecAXPY(e, -1, fit));
  PetscCall(VecNorm(e, NORM_2, &miss));
  PetscCall(VecNorm(fit, NORM_2, &norm));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "LSQR, condition 1e8, nonzeros %s: %d iterations, reason %d, distance of the fit %.1e\n", nnz, (int)its, (int)reason, (double)(miss / norm)));
  CheckTrue("LSQR converges within 30 iterations to 1e-8", reason > 0 && its <= 30);
  CheckTrue("to the projection on the range", miss <= 1e-6 * norm); /* the tolerance on |T'r|/(|T||r|) and a preconditioned condition of 3 */
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&T));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&N));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&l));
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&fit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Constrained logistic regression, the generator of the project's pages: X (N x d), labels, A (p x d), offsets from one stream. */
typedef struct {
  PetscInt   N, d, p;
  PetscReal *X, *A;
} Logistic;
static PetscErrorCode LogisticMake(PetscInt N, PetscInt d, PetscInt p, Logistic *g)
{
  int64_t s = 1;

  PetscFunctionBegin;
  g->N = N, g->d = d, g->p = p;
  PetscCall(PetscMalloc2(N * d, &g->X, p * d, &g->A));
  for (PetscInt i = 0; i < N * d; i++) {
    s       = (1103515245 * s + 12345) % 2147483648LL;
    g->X[i] = 2 * (PetscReal)s / 2147483648.0 - 1;
  }
  CheckClose("X[0][0]", g->X[0], 0.0277401563, 1e-10); /* as published with the generator */
  for (PetscInt i = 0; i < N; i++) s = (1103515245 * s + 12345) % 2147483648LL; /* labels do not enter the Hessian */
  for (PetscInt i = 0; i < p * d; i++) {
    s       = (1103515245 * s + 12345) % 2147483648LL;
    g->A[i] = 2 * (PetscReal)s / 2147483648.0 - 1;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Features that hang together: 20 hidden ones of sizes 3 to 0.3, mixed by cosines, and a small part of each one's own. */
static PetscErrorCode Correlate(Logistic *g)
{
  const PetscInt hidden = 20, d = g->d;
  PetscReal      row[64];

  PetscFunctionBegin;
  for (PetscInt i = 0; i < g->N; i++) {
    for (PetscInt j = 0; j < d; j++) {
      row[j] = 0.03 * g->X[i * d + j];
      for (PetscInt k = 0; k < hidden; k++) row[j] += 3 * g->X[i * d + k] * PetscPowReal(10, -(PetscReal)k / (PetscReal)hidden) * KKTCosine(d, j, k + 1);
    }
    for (PetscInt j = 0; j < d; j++) g->X[i * d + j] = row[j];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* H = X'DX/N + 2 l I at x = size (1, .., 1), G = [A; 2x' + 0.1] */
static PetscErrorCode LogisticBlocks(const Logistic *g, PetscReal size, PetscReal l, Mat H, Mat G)
{
  const PetscInt d = g->d;
  PetscInt       lo, hi;
  PetscReal     *D;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(g->N, &D));
  for (PetscInt i = 0; i < g->N; i++) {
    PetscReal z = 0, s;

    for (PetscInt j = 0; j < d; j++) z += g->X[i * d + j] * size;
    s    = 1 / (1 + PetscExpReal(z));
    D[i] = s * (1 - s) / (PetscReal)g->N;
  }
  PetscCall(MatGetOwnershipRange(H, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++)
    for (PetscInt c = 0; c < d; c++) {
      PetscReal v = r == c ? 2 * l : 0;

      for (PetscInt i = 0; i < g->N; i++) v += g->X[i * d + r] * D[i] * g->X[i * d + c];
      PetscCall(MatSetValue(H, r, c, v, INSERT_VALUES));
    }
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++)
    for (PetscInt c = 0; c < d; c++) PetscCall(MatSetValue(G, r, c, r < g->p ? g->A[r * d + c] : 2 * size + 0.1, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscFree(D));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Products with H that `systems` Newton systems take, set-ups included. */
static PetscErrorCode Products(const Logistic *g, PetscReal l, PetscInt systems, const char options[], PetscInt64 *products)
{
  Mat        H, G, K;
  KSP        ksp = NULL;
  PC         pc;
  Vec        b, x;
  PetscInt64 made = 0;

  PetscFunctionBegin;
  *products = 0;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, g->d, g->d, g->d, NULL, g->d, NULL, &H));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, g->p + 1, g->d, g->d, NULL, g->d, NULL, &G));
  for (PetscInt k = 0; k < systems; k++) {
    PetscInt           lo, hi, its;
    KSPConvergedReason reason;

    PetscCall(LogisticBlocks(g, 0.1 * (PetscReal)k, l, H, G));
    PetscCall(KKTJoin(H, G, 0, &K, NULL));
    PetscCall(MatCreateVecs(K, &x, &b));
    PetscCall(VecGetOwnershipRange(b, &lo, &hi));
    for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(b, i, cos((double)(i * (k + 1))), INSERT_VALUES));
    PetscCall(VecAssemblyBegin(b));
    PetscCall(VecAssemblyEnd(b));
    if (!ksp) {
      PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
      PetscCall(KSPSetType(ksp, KSPFGMRES));
      PetscCall(KSPGMRESSetRestart(ksp, 100));
      PetscCall(KSPGetPC(ksp, &pc));
      PetscCall(PCSetType(pc, PCKKTSKETCH));
      PetscCall(KSPSetTolerances(ksp, 1e-8, 1e-300, 1e30, 500));
    }
    PetscCall(KSPSetOperators(ksp, K, K));
    if (!k) PetscCall(KSPSetFromOptions(ksp));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    CheckTrue(options, reason > 0);
    PetscCall(KSPGetIterationNumber(ksp, &its));
    *products += its;
    PetscCall(MatDestroy(&K));
    PetscCall(VecDestroy(&b));
    PetscCall(VecDestroy(&x));
  }
  PetscCall(NomosPCKKTSketchGetCounts(pc, &made, NULL));
  *products += made;
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&H));
  PetscCall(MatDestroy(&G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Nystrom(void)
{
  Logistic   g;
  PetscInt64 diag, nystrom;

  PetscFunctionBegin;
  PetscCall(LogisticMake(2000, 60, 10, &g));
  /* without a second pass of Gram-Schmidt rounding doubles the counts of both; two releases, two names */
  PetscCall(PetscOptionsInsertString(NULL, "-ksp_gmres_cgs_refinement_type refine_always -ksp_orthogonalization_cgs_refinement_type refine_always"));
  /* independent features: H is nearly a multiple of the identity, there is nothing to gain */
  PetscCall(Products(&g, 0.0697507, 2, "-pc_kktsketch_hessian diag -pc_kktsketch_schur sketchqr -pc_kktsketch_sketch_nnz 8", &diag));
  PetscCall(Products(&g, 0.0697507, 2, "-pc_kktsketch_hessian nystrom -pc_kktsketch_rank 30 -pc_kktsketch_lag 10", &nystrom));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "logistic (2000,60,10), independent features, 2 systems: diag %d products, nystrom %d\n", (int)diag, (int)nystrom));
  CheckTrue("six probes see that, and few products are lost", nystrom <= diag + 10);
  PetscCall(Correlate(&g));
  PetscCall(Products(&g, 1e-4, 10, "-pc_kktsketch_hessian diag", &diag));
  PetscCall(Products(&g, 1e-4, 10, "-pc_kktsketch_hessian nystrom", &nystrom));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "logistic (2000,60,10), 20 hidden features, 10 systems: diag %d products, nystrom %d\n", (int)diag, (int)nystrom));
  CheckTrue("Nystrom: at least 2.5 times fewer products, set-up included", 2.5 * (double)nystrom <= (double)diag);
  PetscCall(PetscFree2(g.X, g.A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(LeastSquares(PETSC_FALSE, "8"));
  PetscCall(LeastSquares(PETSC_TRUE, "8"));
  PetscCall(LeastSquares(PETSC_FALSE, "1"));
  PetscCall(LeastSquares(PETSC_FALSE, "0"));
  PetscCall(Nystrom());
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
