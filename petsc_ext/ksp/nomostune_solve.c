/* nomostune_solve.c - a round: choose, apply, solve within the cap, finish with the baseline where that fails, report. */
#include "nomostune.h"
#include "petsc_ext/tuner/tuner.h" /* NomosTunerCharge() */

static PetscInt depth = 0; /* > 0: inside a tuned solve, nothing is learned there */

/* ---- what the inner solver shows to the outer one ------------------------------------------------------------------ */
static PetscErrorCode ForwardMonitor(KSP inner, PetscInt it, PetscReal rnorm, void *ctx)
{
  KSP            ksp = (KSP)ctx;
  KSP_NomosTune *k   = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  if (!it) {
    if (k->offset) PetscFunctionReturn(PETSC_SUCCESS); /* the iterate was shown already */
    k->rnorm0 = rnorm;
  }
  ksp->its   = it + k->offset;
  ksp->rnorm = rnorm;
  PetscCall(KSPLogResidualHistory(ksp, rnorm));
  PetscCall(KSPMonitor(ksp, it + k->offset, rnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cost of time and work is looked at after 1, 2, 4 iterations and every eighth: it takes a reduction. */
static PetscErrorCode OverLimit(KSP ksp, PetscInt it, PetscBool *over)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscReal      spent;

  PetscFunctionBegin;
  *over = PETSC_FALSE;
  if (k->limit >= PETSC_MAX_REAL || !it || (it % 8 && it != 1 && it != 2 && it != 4) || (k->kindofcost != NOMOS_COST_TIME && k->kindofcost != NOMOS_COST_WORK)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosKSPTuneSpent(ksp, k->kindofcost, &spent));
  *over = (PetscBool)(spent - k->start > k->limit);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's own test. It sees the outer solver unless it is PETSc's, which keeps its numbers in the solver. (A function
   of ours here also makes PETSc's Richardson test: with the default function and SOR it runs to the limit.) */
static PetscErrorCode InnerTest(KSP inner, PetscInt it, PetscReal rnorm, KSPConvergedReason *reason, void *ctx)
{
  KSP            ksp = (KSP)ctx;
  KSP_NomosTune *k   = (KSP_NomosTune *)ksp->data;
  PetscBool      over;

  PetscFunctionBegin;
  if (!it && !k->offset) k->rnorm0 = rnorm;
  ksp->its   = it + k->offset;
  ksp->rnorm = rnorm;
  PetscCall((*ksp->converged)(ksp->converged == KSPConvergedDefault ? inner : ksp, it, rnorm, reason, ksp->cnvP));
  if (*reason) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(OverLimit(ksp, it, &over));
  if (over) {
    k->capped = PETSC_TRUE;
    *reason   = KSP_DIVERGED_ITS;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Smoothers, nested solves and single applications (preonly, which is what a block of a field split has): exactly what the user had. Whoever is
   around them needs the same operator every time, and their iterations say nothing of how good a setting is. */
static PetscErrorCode PassThrough(KSP ksp, PetscBool *yes)
{
  PetscBool once;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)((KSP_NomosTune *)ksp->data)->first, &once, KSPPREONLY, KSPNONE, ""));
  *yes = (PetscBool)(once || depth > 1 || ksp->normtype == KSP_NORM_NONE || ksp->normtype_set == KSP_NORM_NONE || ksp->converged == KSPConvergedSkip);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Monitors of the user's own on the inner solver stay; ours is there where somebody looks. */
static PetscErrorCode ForwardMonitors(KSP ksp, PetscBool wanted)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < k->inner->numbermonitors; i++)
    if (k->inner->monitor[i] == ForwardMonitor) PetscFunctionReturn(PETSC_SUCCESS); /* it shows nothing where nobody looks */
  if (wanted) PetscCall(KSPMonitorSet(k->inner, ForwardMonitor, ksp, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKSPTuneInner(KSP ksp, PetscBool pass)
{
  KSP_NomosTune *k     = (KSP_NomosTune *)ksp->data;
  KSP            inner = k->inner;
  Mat            A, P;
  PC             pc;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, &P));
  if (inner->pc != k->pc) PetscCall(KSPSetPC(inner, k->pc));
  PetscCall(KSPGetPC(inner, &pc));
  if (pc != ksp->pc) PetscCall(PCSetReusePreconditioner(pc, ksp->pc->reusepreconditioner));
  PetscCall(KSPSetOperators(inner, A, P)); /* the same ones: their values may be new */
  inner->rtol = ksp->rtol;
  inner->abstol = ksp->abstol;
  inner->divtol = ksp->divtol;
  inner->max_it = ksp->max_it;
  inner->chknorm = ksp->chknorm;
  inner->lagnorm = ksp->lagnorm;
  inner->calc_sings = ksp->calc_sings;
  if (inner->normtype_set != ksp->normtype_set) PetscCall(KSPSetNormType(inner, ksp->normtype_set));
  if (inner->pc_side_set != ksp->pc_side_set) PetscCall(KSPSetPCSide(inner, ksp->pc_side_set));
  if (pass) PetscCall(KSPSetConvergenceTest(inner, ksp->converged, ksp->cnvP, NULL)); /* the outer one frees it */
  else PetscCall(KSPSetConvergenceTest(inner, InnerTest, ksp, NULL));
  PetscCall(ForwardMonitors(ksp, (PetscBool)(!pass || ksp->numbermonitors || ksp->res_hist)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The arm's solver and preconditioner with the outer one's settings, then the arm's. */
static PetscErrorCode Prepare(KSP ksp, PetscInt arm, PetscBool pass, PetscBool *fresh)
{
  PetscFunctionBegin;
  PetscCall(NomosKSPTuneUse(ksp, arm, fresh));
  PetscCall(NomosKSPTuneInner(ksp, pass));
  PetscCall(NomosKSPTuneApply(ksp, arm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- cost ---------------------------------------------------------------------------------------------------------- */
PetscErrorCode NomosKSPTuneCostKind(KSP ksp, NomosTuneCost *kind)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  *kind = k->cost;
  if (*kind == NOMOS_COST_AUTO) *kind = k->rebuilds ? NOMOS_COST_TIME : NOMOS_COST_ITS;
#if !defined(PETSC_USE_LOG)
  if (*kind == NOMOS_COST_WORK) *kind = NOMOS_COST_ITS;
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The clock or the count of flops, largest over the ranks; iterations of the solve so far. */
PetscErrorCode NomosKSPTuneSpent(KSP ksp, NomosTuneCost kind, PetscReal *spent)
{
  PetscLogDouble x = 0;

  PetscFunctionBegin;
  if (kind == NOMOS_COST_TIME) PetscCall(PetscTime(&x));
  else if (kind == NOMOS_COST_WORK) PetscCall(PetscGetFlops(&x));
  *spent = (PetscReal)x;
  if (kind == NOMOS_COST_TIME || kind == NOMOS_COST_WORK) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, spent, 1, MPIU_REAL, MPIU_MAX, PetscObjectComm((PetscObject)ksp)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Cost(KSP ksp, PetscReal *cost)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscReal      spent;

  PetscFunctionBegin;
  *cost = (PetscReal)ksp->its;
  if (k->kindofcost == NOMOS_COST_TIME || k->kindofcost == NOMOS_COST_WORK) {
    PetscCall(NomosKSPTuneSpent(ksp, k->kindofcost, &spent));
    *cost = spent - k->start;
  } else if (k->kindofcost == NOMOS_COST_USER) {
    PetscCheck(k->costfunction, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONGSTATE, "the cost 'user' needs a function: call NomosKSPTuneSetCostFunction()");
    PetscCall((*k->costfunction)(ksp, ksp->its, cost, k->costctx));
  }
  if (k->per_decade && ksp->rnorm > 0 && k->rnorm0 > 0) *cost /= PetscMax(1, PetscLog10Real(k->rnorm0 / ksp->rnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- one attempt, and the two together ------------------------------------------------------------------------------- */
static PetscErrorCode Attempt(KSP ksp, PetscInt max_it, PetscBool nonzero)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  Vec            b = ksp->vec_rhs, x = ksp->vec_sol;
  PetscBool      zero = ksp->guess_zero;

  PetscFunctionBegin;
  k->inner->max_it = max_it;
  ksp->guess_zero  = (PetscBool)!nonzero; /* the user's test may ask */
  PetscCall(KSPSetInitialGuessNonzero(k->inner, nonzero));
  if (ksp->transpose_solve) PetscCall(KSPSolveTranspose(k->inner, b, x));
  else PetscCall(KSPSolve(k->inner, b, x));
  ksp->guess_zero = zero;
  ksp->its        = k->offset + k->inner->its;
  ksp->reason     = k->inner->reason;
  if (k->inner->its || !k->offset) ksp->rnorm = k->inner->rnorm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From where the arm left it if that is a better point than the start, else, or where `again` says so, from the start. */
static PetscErrorCode Rewind(KSP ksp, PetscBool again, PetscBool *nonzero)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscReal      norm;

  PetscFunctionBegin;
  *nonzero = PETSC_TRUE;
  PetscCall(VecNorm(ksp->vec_sol, NORM_2, &norm));
  if (!again && !PetscIsInfOrNanReal(norm) && !PetscIsInfOrNanReal(ksp->rnorm) && ksp->rnorm < k->rnorm0) PetscFunctionReturn(PETSC_SUCCESS);
  if (ksp->guess_zero) {
    PetscCall(VecSet(ksp->vec_sol, 0));
    *nonzero = PETSC_FALSE;
  } else PetscCall(VecCopy(k->x0, ksp->vec_sol));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KeepGuess(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  if (ksp->guess_zero) PetscFunctionReturn(PETSC_SUCCESS);
  if (!k->x0) PetscCall(VecDuplicate(ksp->vec_sol, &k->x0));
  PetscCall(VecCopy(ksp->vec_sol, k->x0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves one system with `arm`. failed: it did not converge, the result is then the baseline's. The user's limit counts for either part: a solve
   that the user's setting can end within it ends. An arm that used it up leaves nothing to build on: the baseline does what it would have done. */
static PetscErrorCode SolveOne(KSP ksp, PetscInt arm, PetscBool *failed)
{
  KSP_NomosTune *k   = (KSP_NomosTune *)ksp->data;
  PetscInt       max = ksp->max_it;
  PetscBool      nonzero = (PetscBool)!ksp->guess_zero, fresh;

  PetscFunctionBegin;
  if (k->kindofcost == NOMOS_COST_ITS && k->limit < (PetscReal)max) {
    PetscReal limit = k->limit;

    if (k->per_decade && ksp->rtol > 0) limit *= PetscMax(1, -PetscLog10Real(ksp->rtol));
    max = (PetscInt)PetscMin((PetscReal)max, PetscMax(1, PetscFloorReal(limit)));
  }
  k->offset = 0;
  k->capped = PETSC_FALSE;
  k->rnorm0 = 0;
  if (arm != k->baseline) PetscCall(KeepGuess(ksp));
  PetscCall(Attempt(ksp, max, nonzero));
  *failed = (PetscBool)(ksp->reason < 0);
  if (!*failed || arm == k->baseline) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscInfo(ksp, "arm %" PetscInt_FMT " ended in %s after %" PetscInt_FMT " iterations, the baseline goes on\n", arm, KSPConvergedReasons[ksp->reason], ksp->its));
  k->limit  = PETSC_MAX_REAL;
  k->offset = ksp->its;
  PetscCall(Rewind(ksp, (PetscBool)(ksp->its >= ksp->max_it), &nonzero));
  PetscCall(Prepare(ksp, k->baseline, PETSC_FALSE, &fresh));
  PetscCall(Attempt(ksp, ksp->max_it, nonzero));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- rounds ---------------------------------------------------------------------------------------------------------- */
static PetscErrorCode Open(KSP ksp, PetscInt *arm)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscReal      ctx[NOMOS_KSPTUNE_CONTEXTS] = {0, 0};

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneUseTuner(ksp));
  PetscCall(NomosKSPTuneCostKind(ksp, &k->kindofcost));
  PetscCall(NomosKSPTuneReadContexts(ksp, ctx));
  PetscCall(NomosTunerCancel(k->tuner)); /* a round that an error left open */
  PetscCall(NomosTunerSelect(k->tuner, ctx, arm, NULL));
  PetscCall(NomosTunerGetLimit(k->tuner, &k->limit));
  PetscCall(NomosKSPTuneSpent(ksp, k->kindofcost, &k->start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nothing to learn from a solve without iterations; a baseline that failed at once is the user's own error. */
static PetscErrorCode Close(KSP ksp, PetscInt its, PetscReal cost, PetscBool failed, PetscBool fresh)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  k->solves++;
  if (!its || PetscIsInfOrNanReal(cost)) PetscCall(NomosTunerCancel(k->tuner));
  else if (fresh && !failed && k->kindofcost == NOMOS_COST_TIME) PetscCall(NomosTunerCharge(k->tuner, cost)); /* what is made once */
  else PetscCall(NomosTunerReport(k->tuner, cost, failed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Round(KSP ksp)
{
  PetscInt  arm;
  PetscReal cost;
  PetscBool failed, fresh;

  PetscFunctionBegin;
  PetscCall(Open(ksp, &arm));
  PetscCall(Prepare(ksp, arm, PETSC_FALSE, &fresh));
  PetscCall(SolveOne(ksp, arm, &failed));
  PetscCall(Cost(ksp, &cost));
  PetscCall(Close(ksp, ksp->its, cost, failed, fresh));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Also without a tuner: a smoother never makes one. */
static PetscErrorCode Plain(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscBool      fresh;

  PetscFunctionBegin;
  k->passed++;
  k->offset = 0;
  k->limit  = PETSC_MAX_REAL;
  k->pc     = ksp->pc;
  k->inner  = k->first;
  if (k->tuner) PetscCall(Prepare(ksp, k->baseline, PETSC_TRUE, &fresh));
  else PetscCall(NomosKSPTuneInner(ksp, PETSC_TRUE));
  PetscCall(Attempt(ksp, ksp->max_it, (PetscBool)!ksp->guess_zero));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A preconditioner that transforms the system before a solve (eisenstat) did so for the outer solver already. That is taken back:
   the inner one transforms, with the arm's omega. Ours knows. */
static PetscErrorCode Transforms(KSP ksp, PetscBool *yes)
{
  PetscBool ours;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCNOMOSSOR, &ours));
  *yes = (PetscBool)(ksp->pc->ops->presolve && !ours);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveAny(KSP ksp)
{
  PetscBool transforms = PETSC_FALSE, pass;
  PetscInt  locked     = 0;
  Vec       b          = ksp->vec_rhs;

  PetscFunctionBegin;
  (void)b; /* 3.18 without debugging knows no locks */
  PetscCall(NomosKSPTuneUndefer(ksp));
  PetscCall(Transforms(ksp, &transforms));
  if (transforms) { /* the outer KSPSolve() locked what it had transformed */
    PetscCall(VecLockGet(b, &locked));
    if (locked > 0) PetscCall(VecLockReadPop(b));
    PetscCall(PCPostSolve(ksp->pc, ksp));
  }
  PetscCall(PassThrough(ksp, &pass));
  if (pass) PetscCall(Plain(ksp));
  else PetscCall(Round(ksp));
  if (transforms) { /* the outer solver will transform x back: also where it began from zero */
    const PetscBool zero = ksp->guess_zero;

    ksp->guess_zero = PETSC_FALSE;
    PetscCall(PCPreSolve(ksp->pc, ksp));
    ksp->guess_zero = zero;
    if (locked > 0) PetscCall(VecLockReadPush(b));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPSolve_NomosTune(KSP ksp)
{
  KSP_NomosTune *k    = (KSP_NomosTune *)ksp->data;
  PetscBool      zero = ksp->guess_zero;
  const PetscInt pre  = (PetscInt)ksp->pc->presolvedone;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  depth++;
  ierr = SolveAny(ksp);
  depth--;
  if (ierr) ksp->guess_zero = zero;
  if (ierr) ksp->pc->presolvedone = PetscMax(pre - 1, 0); /* PETSc counts nested solves, and after an error nobody counts down: the next solve would be refused */
  if (ierr && k->tuner) (void)NomosTunerCancel(k->tuner);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- a block of right-hand sides: one arm, one report, the mean cost of a column --------------------------------------- */
typedef struct {
  PetscInt           arm, n, its; /* arm < 0: the solve passes through */
  PetscReal          limit, cost;
  PetscBool          failed, fresh;
  KSPConvergedReason worst;
} Block;

static PetscErrorCode SolveColumn(KSP ksp, Block *s)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscBool      failed, fresh;
  PetscReal      cost;

  PetscFunctionBegin;
  if (ksp->guess_zero) PetscCall(VecSet(ksp->vec_sol, 0));
  if (s->arm < 0) PetscCall(Plain(ksp));
  else {
    k->limit = s->limit;
    PetscCall(NomosKSPTuneSpent(ksp, k->kindofcost, &k->start));
    PetscCall(Prepare(ksp, s->arm, PETSC_FALSE, &fresh)); /* the column before may have ended with the baseline */
    PetscCall(SolveOne(ksp, s->arm, &failed));
    PetscCall(Cost(ksp, &cost));
    s->cost += cost / (PetscReal)s->n;
    if (fresh) s->fresh = PETSC_TRUE;
    if (failed) s->failed = PETSC_TRUE;
  }
  s->its += ksp->its;
  if (ksp->reason < 0 || s->worst > 0) s->worst = ksp->reason;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Column j is the system; it is given back whatever happens. */
static PetscErrorCode Column(KSP ksp, Mat B, Mat X, PetscInt j, PetscErrorCode (*solve)(KSP, Block *), Block *s)
{
  Vec            keep_b = ksp->vec_rhs, keep_x = ksp->vec_sol, b, x;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(MatDenseGetColumnVecRead(B, j, &b));
  PetscCall(MatDenseGetColumnVec(X, j, &x));
  ksp->vec_rhs = b;
  ksp->vec_sol = x;
  ierr         = (*solve)(ksp, s);
  ksp->vec_rhs = keep_b;
  ksp->vec_sol = keep_x;
  PetscCall(MatDenseRestoreColumnVec(X, j, &x));
  PetscCall(MatDenseRestoreColumnVecRead(B, j, &b));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OpenBlock(KSP ksp, Block *s) /* contexts look at the first column */
{
  PetscFunctionBegin;
  PetscCall(Open(ksp, &s->arm));
  s->limit = ((KSP_NomosTune *)ksp->data)->limit;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Iterations are those of the last column, as PETSc's own loop leaves them; the reason is the worst. */
static PetscErrorCode BlockRound(KSP ksp, Mat B, Mat X)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  Block          s = {.arm = -1, .worst = KSP_CONVERGED_RTOL};
  PetscBool      pass;

  PetscFunctionBegin;
  PetscCall(MatGetSize(B, NULL, &s.n));
  if (!s.n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PassThrough(ksp, &pass));
  if (!pass) PetscCall(Column(ksp, B, X, 0, OpenBlock, &s));
  for (PetscInt j = 0; j < s.n; j++) PetscCall(Column(ksp, B, X, j, SolveColumn, &s));
  ksp->reason = s.worst;
  if (pass) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDestroy(&k->x0)); /* laid out as a column */
  PetscCall(Close(ksp, s.its, s.cost, s.failed, s.fresh));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPMatSolve_NomosTune(KSP ksp, Mat B, Mat X)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneUndefer(ksp));
  depth++;
  ierr = BlockRound(ksp, B, X);
  depth--;
  if (ierr && k->tuner) (void)NomosTunerCancel(k->tuner);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
