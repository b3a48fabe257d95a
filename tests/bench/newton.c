/* TAOSKETCHNEWTON beside TAOALMM and TAOPDIPM: iterations, evaluations of f, products with the KKT operator, reductions, seconds.
     -bench_case small        the developer set of tests/problems/constrained.h, KKT residual 1e-8
     -bench_case control      PDE-N of tests/problems/control.h for -N 31,63,127 (peers only up to -peer_n 31)
     -bench_case almm         PDE-N at N = 15 and tolerance 1e-5 against TAOALMM
     -bench_case logistic     -samples 2000 -unknowns 60 -planes 10, Hessian by products
   The control problem wants -tao_sketchnewton_schur_pc_type mat (set here). Reductions are PETSc's count of MPI_Allreduce. */
#include <nomos.h>
#include <petsctime.h>
#include "nomostest.h"
#include "../problems/constrained.h"
#include "../problems/control.h"
#include "../problems/scalable.h"

typedef struct {
  PetscInt       its, inner;
  PetscReal      f, gnorm, cnorm;
  PetscLogDouble seconds, reductions;
  PetscInt64     products;
  PetscErrorCode error;
  TaoConvergedReason reason;
} Row;

static PetscErrorCode Measure(Tao tao, const char type[], Row *r)
{
  PetscLogDouble t0, t1, reductions = 0;
  PetscBool      ours;

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
  r->seconds = t1 - t0;
#if defined(PETSC_USE_LOG)
  r->reductions = petsc_allreduce_ct - reductions;
#endif
  if (r->error) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TaoGetSolutionStatus(tao, &r->its, &r->f, &r->gnorm, &r->cnorm, NULL, &r->reason));
  PetscCall(TaoGetLinearSolveIterations(tao, &r->inner));
  PetscCall(PetscObjectTypeCompare((PetscObject)tao, TAOSKETCHNEWTON, &ours));
  if (ours) PetscCall(NomosTaoSketchNewtonGetCounts(tao, NULL, &r->products, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Print(const char problem[], const char type[], const Row *r, PetscInt evaluations)
{
  PetscFunctionBegin;
  if (r->error) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=%s type=%s error=%d seconds=%.3f\n", problem, type, (int)r->error, r->seconds));
  else PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=%s type=%s reason=%d outer=%d inner=%d evaluations=%d products=%d reductions=%d seconds=%.3f f=%.10g gnorm=%.1e cnorm=%.1e\n", problem, type, (int)r->reason, (int)r->its, (int)r->inner, (int)evaluations, (int)r->products, (int)r->reductions, r->seconds, (double)r->f, (double)r->gnorm, (double)r->cnorm));
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
  PetscInt       solved = 0, outer = 0, evaluations = 0;
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
    PetscCall(Measure(s.tao, type, &r));
    PetscCall(Print(SmallProblems[i].name, type, &r, s.evaluations));
    seconds += r.seconds;
    if (!r.error && r.reason > 0 && fabs(r.f - SmallProblems[i].fstar) <= 1e-5 * PetscMax(1, fabs(SmallProblems[i].fstar))) {
      solved++;
      outer += r.its;
      evaluations += s.evaluations;
    }
    if (!r.error) PetscCall(SmallDestroy(&s)); /* an object in the middle of a failed solve is left alone */
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "set=developer type=%s solved=%d of=%d outer=%d evaluations=%d seconds=%.2f\n", type, (int)solved, NUM_SMALL, (int)outer, (int)evaluations, seconds));
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
  if (tol > 0) {
    PetscCall(TaoSetTolerances(p.tao, tol, 0, 0));
    PetscCall(TaoSetConstraintTolerances(p.tao, tol, 0));
  }
  PetscCall(TaoSetMaximumIterations(p.tao, 10000));
  if (!strcmp(type, TAOPDIPM)) PetscCall(NoBounds(p.tao, p.x));
  if (!strcmp(type, TAOPDIPM)) PetscCall(TaoSetMaximumIterations(p.tao, 100));
  PetscCall(TaoSetType(p.tao, type));
  PetscCall(NomosTaoSketchNewtonSetSchurPre(p.tao, p.S));
  PetscCall(Measure(p.tao, type, &r));
  PetscCall(PetscSNPrintf(name, sizeof(name), "PDE-N-%d", (int)N));
  PetscCall(Print(name, type, &r, p.evaluations));
  PetscCall(ControlError(&p, &error));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=%s type=%s error=%.1e\n", name, type, (double)error));
  if (!r.error) PetscCall(ControlDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OnLogistic(void)
{
  Logistic p;
  Row      r;
  PetscInt N = 2000, d = 60, m = 10;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-samples", &N, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-unknowns", &d, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-planes", &m, NULL));
  PetscCall(LogisticCreate(PETSC_COMM_WORLD, N, d, m, PETSC_TRUE, &p));
  PetscCall(Measure(p.tao, TAOSKETCHNEWTON, &r));
  PetscCall(Print("logistic", TAOSKETCHNEWTON, &r, -1));
  PetscCall(LogisticDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char      which[32] = "small", peers[64] = "";
  PetscInt  N[8] = {31, 63, 127}, n = 8, peer_n = 31;
  PetscBool set;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bench_case", which, sizeof(which), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-peer", peers, sizeof(peers), NULL)); /* almm or pdipm beside ours */
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-N", N, &n, &set));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-peer_n", &peer_n, NULL));
  if (!set) n = 3;
  PetscCall(PetscOptionsSetValue(NULL, "-mat_mumps_icntl_14", "200"));
  if (!strcmp(peers, TAOPDIPM)) { /* its solver has the Tao's own prefix */
    PetscCall(PetscOptionsSetValue(NULL, "-ksp_type", "preonly"));
    PetscCall(PetscOptionsSetValue(NULL, "-pc_type", "cholesky"));
    PetscCall(PetscOptionsSetValue(NULL, "-pc_factor_mat_solver_type", "mumps"));
  }
  if (!strcmp(which, "small")) {
    PetscCall(OnSmall(TAOSKETCHNEWTON));
    if (peers[0]) PetscCall(OnSmall(peers));
  } else if (!strcmp(which, "logistic")) PetscCall(OnLogistic());
  else {
    PetscCall(PetscOptionsSetValue(NULL, "-tao_sketchnewton_schur_pc_type", "mat"));
    if (!strcmp(which, "almm")) {
      PetscCall(OnControl(15, TAOSKETCHNEWTON, 1e-5));
      PetscCall(OnControl(15, TAOALMM, 1e-5));
    } else
      for (PetscInt i = 0; i < n; i++) {
        PetscCall(OnControl(N[i], TAOSKETCHNEWTON, 0));
        if (peers[0] && N[i] <= peer_n) PetscCall(OnControl(N[i], peers, 1e-8));
      }
  }
  PetscCall(PetscFinalize());
  return 0;
}
