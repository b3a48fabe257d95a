/* TAOSKETCHNEWTON beside TAOALMM and TAOPDIPM: outer and inner iterations, evaluations of f, products with H, G and G' (those of
   preconditioners included, assembled products of matrices not), reductions (PETSc counts them on two ranks and more), seconds.
     -bench_case small        the developer set of tests/problems/constrained.h, KKT residual 1e-8
     -bench_case control      PDE-N of tests/problems/control.h for -N 31,63,127 (peers only up to -peer_n 31)
     -bench_case mesh         control on the L-shaped mesh of tests/problems/meshcontrol.h, refined 0 to -refine 3 times
     -bench_case almm         PDE-N at N = 15 and tolerance 1e-5, with -types sketchnewton,almm
     -bench_case logistic     -samples 2000 -unknowns 60 -planes 10, Hessian by products, whose number is printed; -diagonal: its diagonal too
   -types sketchnewton,almm,pdipm: whose rows are printed. What control and mesh want is set here. */
#include <nomos.h>
#include <petsctime.h>
#include "nomostest.h"
#include "../problems/constrained.h"
#include "../problems/control.h"
#include "../problems/scalable.h"
#include "../problems/meshcontrol.h"

typedef struct {
  PetscInt       its, inner, products;
  PetscReal      f, gnorm, cnorm;
  PetscLogDouble seconds, reductions;
  PetscErrorCode error;
  TaoConvergedReason reason;
} Row;

/* Products of a user's matrix are counted in front of its own, for every type alike. */
static PetscInt products;
typedef PetscErrorCode (*Product)(Mat, Vec, Vec);
typedef PetscErrorCode (*ProductAdd)(Mat, Vec, Vec, Vec);
static const MatOperation counted[4] = {MATOP_MULT, MATOP_MULT_TRANSPOSE, MATOP_MULT_ADD, MATOP_MULT_TRANSPOSE_ADD};
static NomosTestFn       *own[4]; /* of the type of H and G, which is the same */

static PetscErrorCode CountMult(Mat A, Vec x, Vec y)
{
  products++;
  return ((Product)own[0])(A, x, y);
}
static PetscErrorCode CountMultTranspose(Mat A, Vec x, Vec y)
{
  products++;
  return ((Product)own[1])(A, x, y);
}
static PetscErrorCode CountMultAdd(Mat A, Vec x, Vec y, Vec z)
{
  products++;
  return ((ProductAdd)own[2])(A, x, y, z);
}
static PetscErrorCode CountMultTransposeAdd(Mat A, Vec x, Vec y, Vec z)
{
  products++;
  return ((ProductAdd)own[3])(A, x, y, z);
}
static PetscErrorCode Count(Mat A)
{
  NomosTestFn *const count[4] = {(NomosTestFn *)CountMult, (NomosTestFn *)CountMultTranspose, (NomosTestFn *)CountMultAdd, (NomosTestFn *)CountMultTransposeAdd};

  PetscFunctionBegin;
  if (!A) PetscFunctionReturn(PETSC_SUCCESS);
  for (int i = 0; i < 4; i++) {
    PetscCall(MatGetOperation(A, counted[i], &own[i]));
    PetscCall(MatSetOperation(A, counted[i], count[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode CountProducts(Mat H, Mat G)
{
  PetscFunctionBegin;
  products = 0;
  PetscCall(Count(H));
  PetscCall(Count(G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Measure(Tao tao, const char type[], Row *r)
{
  PetscLogDouble t0, t1, reductions = 0;

  PetscFunctionBegin;
  memset(r, 0, sizeof(*r));
#if defined(PETSC_USE_LOG)
  reductions = petsc_allreduce_ct;
#endif
  PetscCall(PetscTime(&t0));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL)); /* a peer that fails is a row of the table */
  r->error = TaoSetType(tao, type);
  if (!r->error) r->error = TaoSetFromOptions(tao);
  if (!r->error) r->error = TaoSolve(tao);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscTime(&t1));
  r->seconds  = t1 - t0;
  r->products = products;
#if defined(PETSC_USE_LOG)
  r->reductions = petsc_allreduce_ct - reductions;
#endif
  if (r->error) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TaoGetSolutionStatus(tao, &r->its, &r->f, &r->gnorm, &r->cnorm, NULL, &r->reason));
  PetscCall(TaoGetLinearSolveIterations(tao, &r->inner));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Print(const char problem[], const char type[], const Row *r, PetscInt evaluations, PetscReal error)
{
  PetscFunctionBegin;
  if (r->error) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=%s type=%s error=%d seconds=%.3f\n", problem, type, (int)r->error, r->seconds));
  else PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=%s type=%s reason=%d outer=%d inner=%d evaluations=%d products=%d reductions=%d seconds=%.3f f=%.10g gnorm=%.1e cnorm=%.1e error=%.1e\n", problem, type, (int)r->reason, (int)r->its, (int)r->inner, (int)evaluations, (int)r->products, (int)r->reductions, r->seconds, (double)r->f, (double)r->gnorm, (double)r->cnorm, (double)error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* TAOPDIPM reads bounds without asking whether there are any */
static PetscErrorCode NoBounds(Tao tao, Vec x)
{
  Vec lo, hi;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(x, &lo));
  PetscCall(VecDuplicate(x, &hi));
  PetscCall(VecSet(lo, PETSC_NINFINITY));
  PetscCall(VecSet(hi, PETSC_INFINITY));
  PetscCall(TaoSetVariableBounds(tao, lo, hi));
  PetscCall(VecDestroy(&lo));
  PetscCall(VecDestroy(&hi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnSmall(const char type[])
{
  PetscInt       solved = 0, outer = 0, evaluations = 0, total = 0;
  PetscLogDouble seconds = 0;

  PetscFunctionBegin;
  for (int i = 0; i < NUM_SMALL; i++) {
    Small s;
    Row   r;

    PetscCall(SmallCreate(PETSC_COMM_WORLD, &SmallProblems[i], &s));
    PetscCall(TaoSetTolerances(s.tao, 1e-8, 0, 0));
    PetscCall(TaoSetConstraintTolerances(s.tao, 1e-8, 0));
    PetscCall(TaoSetMaximumIterations(s.tao, 1000));
    if (!strcmp(type, TAOPDIPM)) {
      PetscCall(NoBounds(s.tao, s.x));
      PetscCall(TaoSetMaximumIterations(s.tao, 100)); /* where it fails it goes on for ever */
    }
    PetscCall(CountProducts(s.H, s.G));
    PetscCall(Measure(s.tao, type, &r));
    PetscCall(Print(SmallProblems[i].name, type, &r, s.evaluations, NAN));
    seconds += r.seconds;
    if (!r.error && r.reason > 0 && fabs(r.f - SmallProblems[i].fstar) <= 1e-5 * PetscMax(1, fabs(SmallProblems[i].fstar))) {
      solved++;
      outer += r.its;
      evaluations += s.evaluations;
      total += r.products;
    }
    if (!r.error) PetscCall(SmallDestroy(&s)); /* an object in the middle of a failed solve is left alone */
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "set=developer type=%s solved=%d of=%d outer=%d evaluations=%d products=%d seconds=%.2f\n", type, (int)solved, NUM_SMALL, (int)outer, (int)evaluations, (int)total, seconds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* limits, the Schur complement's approximation; 0: the type's own tolerance */
static PetscErrorCode Prepare(Tao tao, Mat S, Mat H, Mat G, Vec x, const char type[], PetscReal tol)
{
  PetscFunctionBegin;
  if (tol > 0) {
    PetscCall(TaoSetTolerances(tao, tol, 0, 0));
    PetscCall(TaoSetConstraintTolerances(tao, tol, 0));
  }
  PetscCall(TaoSetMaximumIterations(tao, 10000));
  if (!strcmp(type, TAOPDIPM)) PetscCall(NoBounds(tao, x));
  if (!strcmp(type, TAOPDIPM)) PetscCall(TaoSetMaximumIterations(tao, 100));
  PetscCall(TaoSetType(tao, type));
  PetscCall(NomosTaoSketchNewtonSetSchurPre(tao, S));
  PetscCall(CountProducts(H, G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnControl(PetscInt N, const char type[], PetscReal tol)
{
  Control   p;
  Row       r;
  char      name[64];
  PetscReal error = 0;

  PetscFunctionBegin;
  PetscCall(ControlCreate(PETSC_COMM_WORLD, N, 1, 1e-2, PETSC_FALSE, PETSC_FALSE, &p));
  PetscCall(Prepare(p.tao, p.S, p.H, p.G, p.x, type, tol));
  PetscCall(Measure(p.tao, type, &r));
  PetscCall(PetscSNPrintf(name, sizeof(name), "PDE-N-%d", (int)N));
  PetscCall(ControlError(&p, &error));
  PetscCall(Print(name, type, &r, p.evaluations, error));
  if (!r.error) PetscCall(ControlDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnMesh(PetscInt refine, const char type[])
{
  MeshControl p;
  Row         r;
  char        name[64];
  PetscReal   error[3] = {NAN, NAN, NAN};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(&p, sizeof(p)));
  PetscCall(MeshControlCreate(PETSC_COMM_WORLD, refine, 1, 1e-3, &p));
  PetscCall(Prepare(p.tao, p.S, p.H, p.G, p.x, type, 1e-8));
  PetscCall(Measure(p.tao, type, &r));
  PetscCall(PetscSNPrintf(name, sizeof(name), "L-shape-%d", (int)refine));
  if (!r.error) PetscCall(MeshControlError(&p, error));
  PetscCall(Print(name, type, &r, p.evaluations, error[1])); /* of the control, in L2: that of the elements */
  if (!r.error) PetscCall(MeshControlDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnLogistic(void)
{
  Logistic p;
  Row      r;
  PetscInt N = 2000, d = 60, m = 10;
  PetscBool diagonal = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-samples", &N, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-unknowns", &d, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-planes", &m, NULL));
  PetscCall(LogisticCreate(PETSC_COMM_WORLD, N, d, m, PETSC_TRUE, &p));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-diagonal", &diagonal, NULL));
  if (diagonal) PetscCall(MatShellSetOperation(p.H, MATOP_GET_DIAGONAL, (ScalableFn *)LogisticHDiagonal));
  PetscCall(CountProducts(NULL, p.G));
  PetscCall(Measure(p.tao, TAOSKETCHNEWTON, &r));
  PetscCall(Print("logistic", TAOSKETCHNEWTON, &r, -1, NAN));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=logistic products_with_hessian=%d\n", (int)p.products));
  PetscCall(LogisticDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PDIPM's solver has the Tao's own prefix; ours has another */
static PetscErrorCode DirectForPDIPM(void)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsSetValue(NULL, "-mat_mumps_icntl_14", "200"));
  PetscCall(PetscOptionsSetValue(NULL, "-ksp_type", "preonly"));
  PetscCall(PetscOptionsSetValue(NULL, "-pc_type", "cholesky"));
  PetscCall(PetscOptionsSetValue(NULL, "-pc_factor_mat_solver_type", "mumps"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnCase(const char which[], const char type[], PetscInt n, const PetscInt N[], PetscInt peer_n, PetscInt refine)
{
  const PetscBool ours = strcmp(type, TAOSKETCHNEWTON) ? PETSC_FALSE : PETSC_TRUE;

  PetscFunctionBegin;
  if (!strcmp(which, "small")) PetscCall(OnSmall(type));
  else if (!strcmp(which, "logistic")) PetscCall(OnLogistic());
  else if (!strcmp(which, "almm")) PetscCall(OnControl(15, type, 1e-5));
  else if (!strcmp(which, "mesh")) {
    for (PetscInt r = 0; r <= refine; r++) PetscCall(OnMesh(r, type));
  } else
    for (PetscInt i = 0; i < n; i++)
      if (ours || N[i] <= peer_n) PetscCall(OnControl(N[i], type, 1e-8));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char      which[32] = "small", *types[8] = {NULL};
  PetscInt  N[8] = {31, 63, 127}, n = 8, peer_n = 31, ntypes = 8, refine = 3;
  PetscBool set;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bench_case", which, sizeof(which), NULL));
  PetscCall(PetscOptionsGetStringArray(NULL, NULL, "-types", types, &ntypes, &set));
  if (!set) {
    PetscCall(PetscStrallocpy(TAOSKETCHNEWTON, &types[0]));
    ntypes = 1;
  }
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-N", N, &n, &set));
  if (!set) n = 3;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-peer_n", &peer_n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-refine", &refine, NULL));
  if (!strcmp(which, "control") || !strcmp(which, "almm") || !strcmp(which, "mesh")) PetscCall(PetscOptionsSetValue(NULL, "-tao_sketchnewton_schur_pc_type", "mat"));
  if (!strcmp(which, "mesh")) {
    PetscCall(PetscOptionsSetValue(NULL, "-dm_plex_filename", NomosTestFile("meshes/lshape.msh")));
    PetscCall(PetscOptionsSetValue(NULL, "-tao_sketchnewton_pc_kktsketch_hessian", "pc")); /* the mass matrix */
    PetscCall(PetscOptionsSetValue(NULL, "-tao_sketchnewton_hess_pc_type", "sor"));
  }
  for (PetscInt t = 0; t < ntypes; t++) {
    if (!strcmp(types[t], TAOPDIPM)) PetscCall(DirectForPDIPM());
    PetscCall(OnCase(which, types[t], n, N, peer_n, refine));
    PetscCall(PetscFree(types[t]));
  }
  PetscCall(PetscFinalize());
  return 0;
}
