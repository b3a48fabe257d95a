/* PC kktsketch: exact where its blocks are exact, every source of blocks, both forms, what is refused. */
#include <nomos.h>
#include "kkttest.h"
#include "nomostest.h"

/* Solves with options `-PREFIX...` already in the database; returns iterations. */
static PetscErrorCode Solve(Mat K, const char prefix[], const char options[], PetscReal rtol, PetscInt *its)
{
  KSP                ksp;
  Vec                b, x;
  PetscReal          rel;
  PetscInt           lo, hi;
  KSPConvergedReason reason;
  PC                 pc;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(MatCreateVecs(K, &x, &b));
  PetscCall(VecGetOwnershipRange(b, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(b, i, cos(0.7 * (double)(i - lo)), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, prefix));
  PetscCall(KSPSetOperators(ksp, K, K));
  PetscCall(KSPSetType(ksp, KSPFGMRES));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(KSPSetTolerances(ksp, rtol, 1e-300, PETSC_DEFAULT, 300));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, its));
  CheckTrue(options, reason > 0);
  PetscCall(KKTResidual(K, b, x, &rel));
  CheckTrue(options, rel <= 10 * rtol || !strcmp(prefix, "minres_")); /* of the true residual; MINRES tests another norm */
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A shell that answers for its blocks, as the optimizer's KKT operators do. */
typedef struct {
  Mat       H, G;
  PetscReal t, gamma;
  IS        is[2];
  Vec       x, l, x2, l2;
} Shell;
static PetscErrorCode ShellMult(Mat K, Vec v, Vec y)
{
  Shell *s;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(K, &s));
  PetscCall(VecISCopy(v, s->is[0], SCATTER_REVERSE, s->x));
  PetscCall(MatMult(s->H, s->x, s->x2));
  PetscCall(VecAXPY(s->x2, s->t, s->x));
  if (s->G) {
    PetscCall(VecISCopy(v, s->is[1], SCATTER_REVERSE, s->l));
    PetscCall(MatMultTransposeAdd(s->G, s->l, s->x2, s->x2));
    PetscCall(MatMult(s->G, s->x, s->l2));
    PetscCall(VecAXPY(s->l2, -s->gamma, s->l));
    PetscCall(VecISCopy(y, s->is[1], SCATTER_FORWARD, s->l2));
  }
  PetscCall(VecISCopy(y, s->is[0], SCATTER_FORWARD, s->x2));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode ShellBlocks(Mat K, Mat *H, Mat *G, PetscReal *t, PetscReal *gamma, Mat *S)
{
  Shell *s;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(K, &s));
  *H     = s->H;
  *G     = s->G;
  *t     = s->t;
  *gamma = s->gamma;
  *S     = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* Blocks by query, with shifts, with shells that can only multiply, without constraints. */
static PetscErrorCode Queries(Mat B, Mat G)
{
  PetscInt its, n, m, first;
  Mat      K, Hs, Gs;

  PetscFunctionBegin;
  PetscCall(KKTHide(B, &Hs));
  PetscCall(KKTHide(G, &Gs));
  for (PetscInt c = 0; c < 4; c++) { /* assembled; Hessian hidden; both hidden; no constraints */
    Shell       s = {c == 1 || c == 2 ? Hs : B, c == 2 ? Gs : c == 3 ? NULL : G, 0.01, 1e-3, {NULL, NULL}, NULL, NULL, NULL, NULL};
    const char *options[4] = {"-q0_pc_kktsketch_schur selfp", "-q1_pc_kktsketch_rank 60", "-q2_pc_kktsketch_rank 60 -q2_schur_ksp_rtol 1e-10", ""};
    char        prefix[8];

    PetscCall(MatCreateVecs(G, &s.x, &s.l));
    PetscCall(VecDuplicate(s.x, &s.x2));
    PetscCall(VecDuplicate(s.l, &s.l2));
    PetscCall(MatGetLocalSize(G, &m, &n));
    if (c == 3) m = 0;
    PetscCallMPI(MPI_Scan(&(PetscInt){n + m}, &first, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
    first -= n + m;
    PetscCall(ISCreateStride(PETSC_COMM_WORLD, n, first, 1, &s.is[0]));
    PetscCall(ISCreateStride(PETSC_COMM_WORLD, m, first + n, 1, &s.is[1]));
    PetscCall(MatCreateShell(PETSC_COMM_WORLD, n + m, n + m, PETSC_DETERMINE, PETSC_DETERMINE, &s, &K));
    PetscCall(MatShellSetOperation(K, MATOP_MULT, (NomosAnyFn *)ShellMult));
    PetscCall(PetscObjectCompose((PetscObject)K, "nomos_primal", (PetscObject)s.is[0]));
    PetscCall(PetscObjectCompose((PetscObject)K, "nomos_dual", (PetscObject)s.is[1]));
    PetscCall(PetscObjectComposeFunction((PetscObject)K, "NomosKKTGetBlocks_C", ShellBlocks));
    PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "q%d_", (int)c));
    PetscCall(Solve(K, prefix, options[c], 1e-9, &its));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "blocks by query, case %d: %d iterations\n", (int)c, (int)its));
    if (c == 3) CheckTrue("the diagonal alone is exact without constraints", its <= 1);
    if (c == 0 && n == 98) CheckTrue("shifts are part of it", its <= 1);
    PetscCall(MatDestroy(&K));
    PetscCall(VecDestroy(&s.x));
    PetscCall(VecDestroy(&s.l));
    PetscCall(VecDestroy(&s.x2));
    PetscCall(VecDestroy(&s.l2));
    PetscCall(ISDestroy(&s.is[0]));
    PetscCall(ISDestroy(&s.is[1]));
  }
  PetscCall(MatDestroy(&Hs));
  PetscCall(MatDestroy(&Gs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* [G; first row of G once more], and a right-hand side that fits */
static PetscErrorCode Duplicated(Mat B, Mat G)
{
  const PetscReal gammas[2] = {0, 1e-6};
  PetscInt        n, m, M, N, lo, hi, its, nc;
  Mat             D, K;
  KSP             ksp;
  PC              pc;
  Vec             b, x, known;
  PetscReal       rel;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(G, &m, &n));
  PetscCall(MatGetSize(G, &M, &N));
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, m + (hi == M), n, M + 1, N, 8, NULL, 8, NULL, &D));
  for (PetscInt r = lo; r < hi; r++) {
    const PetscInt    *cols;
    const PetscScalar *vals;

    PetscCall(MatGetRow(G, r, &nc, &cols, &vals));
    PetscCall(MatSetValues(D, 1, &r, nc, cols, vals, INSERT_VALUES));
    if (r == M - 1) PetscCall(MatSetValues(D, 1, &M, nc, cols, vals, INSERT_VALUES));
    PetscCall(MatRestoreRow(G, r, &nc, &cols, &vals));
  }
  PetscCall(MatAssemblyBegin(D, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(D, MAT_FINAL_ASSEMBLY));
  for (PetscInt g = 0; g < 2; g++) {
    PetscCall(KKTJoin(B, D, gammas[g], &K, NULL));
    PetscCall(MatCreateVecs(K, &x, &b));
    PetscCall(VecDuplicate(x, &known));
    PetscCall(VecSet(known, 1));
    PetscCall(MatMult(K, known, b)); /* consistent */
    PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
    PetscCall(KSPSetOperators(ksp, K, K));
    PetscCall(KSPSetType(ksp, KSPFGMRES));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, PCKKTSKETCH));
    PetscCall(NomosPCKKTSketchSetSchur(pc, "sketchqr"));
    PetscCall(KSPSetTolerances(ksp, 1e-9, 1e-300, 1e30, 50));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetIterationNumber(ksp, &its));
    PetscCall(KKTResidual(K, b, x, &rel));
    CheckTrue("dependent constraints", rel <= 1e-8 && its <= 5);
    PetscCall(KSPDestroy(&ksp));
    PetscCall(MatDestroy(&K));
    PetscCall(VecDestroy(&b));
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&known));
  }
  PetscCall(MatDestroy(&D));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* lag: as often as it says; settings that need what is not there get a sentence */
static PetscErrorCode LagAndRefusals(Mat B, Mat G, Mat aij, Mat nest)
{
  PC             pc;
  Vec            r, z;
  PetscInt64     rebuilds;
  PetscErrorCode ierr;
  Mat            Gs, K, Gt, C = NULL;
  IS             is[2];

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(aij, &r, &z));
  PetscCall(VecSet(r, 1));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetOperators(pc, aij, aij));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(NomosPCKKTSketchSetLag(pc, 3));
  for (PetscInt i = 0; i < 7; i++) {
    PetscCall(MatScale(aij, 2)); /* new values */
    PetscCall(PCSetUp(pc));
    PetscCall(PCApply(pc, r, z));
  }
  PetscCall(NomosPCKKTSketchGetCounts(pc, NULL, &rebuilds));
  CheckInt("seven set-ups with lag 3", rebuilds, 3);
  PetscCall(PCView(pc, PETSC_VIEWER_STDOUT_WORLD));
  PetscCall(PCDestroy(&pc));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(PCSetOperators(pc, B, B));
  ierr = PCSetUp(pc);
  CheckInt("a matrix without visible blocks", ierr, PETSC_ERR_ARG_WRONG);
  PetscCall(PCSetOperators(pc, nest, nest));
  PetscCall(NomosPCKKTSketchSetSchur(pc, "user"));
  ierr = PCSetUp(pc);
  CheckInt("schur user without a matrix", ierr, PETSC_ERR_ARG_WRONGSTATE);
  ierr = NomosPCKKTSketchSetSketch(pc, 1, 8);
  CheckInt("a sketch that is too small", ierr, PETSC_ERR_ARG_OUTOFRANGE);
  ierr = NomosPCKKTSketchSetHessian(pc, "exact");
  CheckInt("an unknown word", ierr, PETSC_ERR_ARG_UNKNOWN_TYPE);
  PetscCall(PCDestroy(&pc));
  PetscCall(KKTHide(G, &Gs));
  PetscCall(MatCreateTranspose(Gs, &Gt));
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 2, NULL, 2, NULL, (Mat[]){B, Gt, Gs, C}, &K));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(PCSetOperators(pc, K, K));
  PetscCall(NomosPCKKTSketchSetSchur(pc, "sketchqr"));
  ierr = PCSetUp(pc);
  CheckInt("a sketch of a shell", ierr, PETSC_ERR_SUP);
  PetscCall(PCDestroy(&pc));
  PetscCall(MatDestroy(&K));
  PetscCall(MatDestroy(&Gt));
  PetscCall(MatDestroy(&Gs));
  PetscCall(PetscPopErrorHandler());
  /* index sets given by the program */
  PetscCall(MatNestGetISs(nest, is, NULL));
  PetscCall(MatDuplicate(aij, MAT_COPY_VALUES, &K));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, PCKKTSKETCH));
  PetscCall(PCSetOperators(pc, K, K));
  PetscCall(NomosPCKKTSketchSetIS(pc, is[0], is[1]));
  PetscCall(PCSetUp(pc));
  PetscCall(PCApply(pc, r, z));
  PetscCall(PCDestroy(&pc));
  PetscCall(MatDestroy(&K));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat         B, G, aij, nest;
  Vec         r1, r2;
  PetscInt    its;
  PetscMPIInt size;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(KKTPdeBlocks(7, 1e-2, &B, &G, &r1, &r2));
  PetscCall(KKTJoin(B, G, 0, &aij, &nest));
  /* B is diagonal; selfp and Cholesky on one rank are exact: P = K */
  PetscCall(Solve(nest, "a_", "-a_pc_kktsketch_schur selfp", 1e-10, &its));
  if (size == 1) CheckTrue("exact blocks solve in one iteration", its <= 1);
  PetscCall(Solve(aij, "b_", "-b_pc_kktsketch_schur selfp -b_pc_kktsketch_hessian diag", 1e-10, &its));
  if (size == 1) CheckTrue("exact blocks solve in one iteration", its <= 1);
  PetscCall(Solve(aij, "c_", "-c_pc_kktsketch_schur sketchqr", 1e-10, &its));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "sketchqr: %d\n", (int)its));
  PetscCall(Solve(aij, "d_", "-d_pc_kktsketch_schur lsqr -d_schur_ksp_rtol 1e-12", 1e-8, &its));
  CheckTrue("an inner iteration to 1e-12 is exact", its <= 2);
  PetscCall(Solve(aij, "e_", "-e_pc_kktsketch_hessian nystrom -e_pc_kktsketch_schur sketchqr", 1e-8, &its));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "nystrom: %d\n", (int)its));
  PetscCall(Solve(aij, "f_", "-f_pc_kktsketch_hessian pc -f_hess_pc_type jacobi", 1e-8, &its));
  PetscCall(Solve(aij, "minres_", "-minres_ksp_type minres -minres_pc_kktsketch_form diagonal -minres_pc_kktsketch_schur selfp -minres_schur_pc_type cholesky -minres_schur_pc_type jacobi", 1e-8, &its));
  PetscCall(Queries(B, G));
  PetscCall(Duplicated(B, G));
  PetscCall(LagAndRefusals(B, G, aij, nest));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&G));
  PetscCall(MatDestroy(&aij));
  PetscCall(MatDestroy(&nest));
  PetscCall(VecDestroy(&r1));
  PetscCall(VecDestroy(&r2));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
