/*
  train.c - the problem as callbacks of a Tao, and the events of a run around them.

  A type that draws batches calls Begin() before step t evaluates anything: there the step before is complete, so its line
  of history, its test errors and its checkpoint are made there. Every other type sees all training samples; its steps
  are completed at the next monitor call. The convergence test carries what must stop a run on all ranks at one step.
*/
#include "problem.h"

/* ---- callbacks ------------------------------------------------------------------------------------------------- */
static PetscErrorCode ObjectiveGradient(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(NomosProblemObjectiveGradient((NomosProblem)ctx, x, f, g));
  ((NomosProblem)ctx)->evals++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(Tao tao, Vec x, PetscReal *f, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(ObjectiveGradient(tao, x, f, NULL, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Gradient(Tao tao, Vec x, Vec g, void *ctx)
{
  PetscReal f;

  PetscFunctionBegin;
  PetscCall(ObjectiveGradient(tao, x, &f, g, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode HessianMult(Mat H, Vec v, Vec Hv)
{
  NomosProblem p;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &p));
  PetscCall(NomosProblemHessianProduct(p, p->hessian_at, v, Hv));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Hessian(Tao tao, Vec x, Mat H, Mat P, void *ctx)
{
  NomosProblem p = (NomosProblem)ctx;

  PetscFunctionBegin;
  PetscCall(VecCopy(x, p->hessian_at));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- a run ----------------------------------------------------------------------------------------------------- */
static PetscErrorCode StartRun(NomosProblem p)
{
  PetscFunctionBegin;
  if (p->running) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosProblemCheckFolder(p));
  PetscCall(PetscTime(&p->start));
  p->progress_last = p->step_start = p->start;
  p->running                       = PETSC_TRUE;
  p->pending.set = p->bar_open = p->batched = PETSC_FALSE;
  p->stop_reason                            = NULL;
  p->evals = p->nstep_times = 0;
  p->done                   = p->first_step;
  p->last_checkpoint        = p->first_step;
  if (!p->first_step) p->time_before = 0, p->samples_before = 0;
  p->samples = p->samples_before;
  PetscCall(TaoGetMaximumIterations(p->tao, &p->max_steps));
  if (!p->step_times) PetscCall(PetscMalloc1(NOMOS_STEP_TIMES, &p->step_times));
  for (PetscInt i = 0; i < p->ntest; i++) PetscCall(NomosProblemPrepareEvaluator(p, p->test[i]));
  if (p->keep_best) PetscCall(NomosProblemPrepareEvaluator(p, p->data));
  if (p->keep_best && !p->best) PetscCall(VecDuplicate(p->theta, &p->best));
  PetscCall(NomosHistoryOpen(p, p->first_step > 0 ? PETSC_TRUE : PETSC_FALSE));
  PetscCall(NomosSignalsBegin(p->signal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KeepBest(NomosProblem p, Vec x, PetscInt step)
{
  PetscReal error;

  PetscFunctionBegin;
  PetscCall(NomosProblemMeanRelativeL2(p, p->data, p->nvalid, p->valid, &error));
  if (!(error < p->best_error)) PetscFunctionReturn(PETSC_SUCCESS);
  p->best_error = error;
  p->best_step  = step;
  PetscCall(VecCopy(x, p->best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The step in `pending` has made its update: test errors at the end of an epoch, history, progress. */
static PetscErrorCode CompleteStep(NomosProblem p, PetscBool last)
{
  const PetscInt spe = p->batched ? p->steps_per_epoch : 1;
  PetscReal      test[NOMOS_MAX_TESTS];
  PetscBool      tested = PETSC_FALSE;
  PetscLogDouble now;
  NomosRecord   *r = &p->pending;
  Vec            x;

  PetscFunctionBegin;
  if (!r->set) PetscFunctionReturn(PETSC_SUCCESS);
  r->set = PETSC_FALSE;
  PetscCall(PetscTime(&now));
  p->step_time                                             = now - p->step_start;
  p->step_times[p->nstep_times++ % NOMOS_STEP_TIMES] = p->step_time;
  p->done                                                  = r->step + 1;
  p->last_f                                                = r->f;
  if ((r->step + 1) % spe == 0 && (p->ntest || p->keep_best)) {
    PetscCall(TaoGetSolution(p->tao, &x));
    PetscCall(NomosProblemUseParameters(p, x));
    for (PetscInt i = 0; i < p->ntest; i++) PetscCall(NomosProblemMeanRelativeL2(p, p->test[i], 0, NULL, &test[i]));
    if (p->keep_best) PetscCall(KeepBest(p, x, r->step));
    tested = PETSC_TRUE;
  }
  PetscCall(NomosHistoryWrite(p, r, tested ? test : NULL));
  PetscCall(NomosProgressShow(p, r, last));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckpointIfDue(NomosProblem p)
{
  PetscFunctionBegin;
  if (p->checkpoint_dir[0] && p->done > p->last_checkpoint && p->done % p->checkpoint_interval == 0) PetscCall(NomosProblemCheckpoint(p, p->done));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Tao tao, PetscInt step, PetscInt n, const PetscInt idx[], void *ctx)
{
  NomosProblem p = (NomosProblem)ctx;

  PetscFunctionBegin;
  PetscCall(StartRun(p));
  p->batched = PETSC_TRUE;
  PetscCall(CompleteStep(p, PETSC_FALSE));
  p->done = step; /* also where a step was skipped */
  PetscCall(CheckpointIfDue(p));
  for (PetscInt i = 0; i < n; i++) p->order[i] = p->train ? p->train[idx[i]] : idx[i];
  PetscCall(NomosProblemSetSamples(p, n, p->order));
  p->epoch = step / p->steps_per_epoch;
  PetscCall(PetscTime(&p->step_start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Monitor(Tao tao, void *ctx)
{
  NomosProblem   p = (NomosProblem)ctx;
  NomosRecord   *r = &p->pending;
  PetscLogDouble now;

  PetscFunctionBegin;
  PetscCall(StartRun(p));
  if (!p->batched) {
    PetscCall(CompleteStep(p, PETSC_FALSE));
    PetscCall(CheckpointIfDue(p));
    PetscCall(PetscTime(&p->step_start));
  }
  PetscCall(TaoGetSolutionStatus(tao, &r->step, &r->f, &r->gnorm, &r->cnorm, &r->lr, NULL)); /* our types report the learning rate as the step */
  if (p->batched && r->step >= p->max_steps) PetscFunctionReturn(PETSC_SUCCESS); /* evaluated, but no step of the run */
  PetscCall(PetscTime(&now));
  p->samples += p->nall;
  r->set     = PETSC_TRUE;
  r->time    = p->time_before + (now - p->start);
  r->evals   = p->evals;
  r->samples = p->samples;
  r->epoch   = r->step / (p->batched ? p->steps_per_epoch : 1);
  if (!p->batched) r->lr = NOMOS_UNKNOWN; /* there is none */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The run was told to stop at step `step`, before its update: that step is not done, the state is saved. */
static PetscErrorCode StopEarly(NomosProblem p, PetscInt step, const char why[])
{
  PetscFunctionBegin;
  if (p->batched) p->pending.set = PETSC_FALSE;
  p->stop_reason = why;
  p->done        = step;
  PetscCall(TaoSetConvergedReason(p->tao, TAO_CONVERGED_USER));
  PetscCall(PetscInfo(p, "run stopped at step %" PetscInt_FMT ": %s\n", step, why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Converged(Tao tao, void *ctx)
{
  NomosProblem       p = (NomosProblem)ctx;
  TaoConvergedReason reason;
  PetscInt           step, limit;
  PetscReal          f;

  PetscFunctionBegin;
  PetscCall(TaoGetSolutionStatus(tao, &step, &f, NULL, NULL, NULL, &reason));
  if (reason != TAO_CONTINUE_ITERATING) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TaoGetMaximumIterations(tao, &limit));
  if (!p->batched) {
    if (limit == p->steps_planned) limit = p->epochs; /* one iteration on the full batch is one pass */
    p->max_steps = limit;
    PetscCall(TaoDefaultConvergenceTest(tao, NULL));
    PetscCall(TaoGetConvergedReason(tao, &reason));
    if (reason != TAO_CONTINUE_ITERATING) PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (step >= limit) PetscCall(TaoSetConvergedReason(tao, TAO_DIVERGED_MAXITS));
  else if (p->stop_flags[0] > 0) PetscCall(StopEarly(p, step, "signal"));
  else if (p->stop_flags[1] > 0) PetscCall(StopEarly(p, step, "wall time"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Completes the last step, saves, closes. Harmless when no run is active. */
PetscErrorCode NomosProblemEndRun(NomosProblem p)
{
  TaoConvergedReason reason;

  PetscFunctionBegin;
  if (!p->running) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CompleteStep(p, PETSC_TRUE));
  PetscCall(TaoGetConvergedReason(p->tao, &reason));
  if (p->checkpoint_dir[0] && p->done > p->last_checkpoint && reason != TAO_DIVERGED_NAN) PetscCall(NomosProblemCheckpoint(p, p->done));
  PetscCall(PetscTime(&p->end));
  PetscCall(NomosHistoryClose(p));
  PetscCall(NomosSignalsEnd());
  if (p->bar_open) PetscCall(PetscPrintf(PETSC_COMM_SELF, "\n"));
  p->bar_open = p->running = PETSC_FALSE;
  p->first_step            = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- public ---------------------------------------------------------------------------------------------------- */
static PetscErrorCode GiveBlocks(NomosProblem p, Tao tao)
{
  PetscInt    n;
  NomosBlock *blocks;

  PetscFunctionBegin;
  PetscCall(NomosMapGetNumBlocks(p->map, &n));
  PetscCall(PetscMalloc1(n, &blocks));
  for (PetscInt i = 0; i < n; i++) PetscCall(NomosMapGetBlock(p->map, i, &blocks[i]));
  PetscCall(NomosTaoSetBlocks(tao, n, blocks));
  PetscCall(PetscFree(blocks));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetTao - gives the problem to an optimizer: start, f, gradient, Gauss-Newton Hessian, batches, blocks

  Collective

  Input Parameters:
+ p   - the problem
- tao - the optimizer, any type; call TaoSetFromOptions() afterwards. Without a type it becomes adamw

  Notes:
  A type that draws batches (adamw) gets -data_batch samples a step for -data_epochs passes; every other type gets all
  training samples, one pass an iteration. TaoSetMaximumIterations() or -tao_max_it given afterwards limits the steps.

  Then NomosProblemTrain(), or TaoSolve() where neither a restart nor the lowest validation error is wanted.

  Level: beginner
.seealso: `NomosProblemTrain()`, `NomosProblemGetParameters()`
@*/
PetscErrorCode NomosProblemSetTao(NomosProblem p, Tao tao)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)p);
  TaoType  type;
  Mat      H;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 2);
  PetscCheckSameComm(p, 1, tao, 2);
  PetscCall(NomosProblemSetUp(p));
  PetscCall(PetscObjectReference((PetscObject)tao));
  PetscCall(TaoDestroy(&p->tao));
  p->tao = tao;
  PetscCall(TaoGetType(tao, &type));
  if (!type) PetscCall(TaoSetType(tao, TAOADAMW));
  PetscCall(TaoSetSolution(tao, p->theta));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, ObjectiveGradient, p));
  PetscCall(TaoSetObjective(tao, Objective, p));
  PetscCall(TaoSetGradient(tao, NULL, Gradient, p));
  if (!p->hessian_at) PetscCall(VecDuplicate(p->theta, &p->hessian_at));
  PetscCall(MatCreateShell(comm, p->counts[p->rank], p->counts[p->rank], p->np, p->np, p, &H));
  PetscCall(MatShellSetOperation(H, MATOP_MULT, (void (*)(void))HessianMult));
  PetscCall(MatSetOption(H, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(TaoSetHessian(tao, H, H, Hessian, p));
  PetscCall(MatDestroy(&H));
  PetscCall(GiveBlocks(p, tao));
  PetscCall(NomosTaoSetBatchOrder(tao, "shuffle", p->seed)); /* -data_order changes it */
  PetscCall(NomosTaoSetBatch(tao, p->ntrain, PetscMin(p->batch, p->ntrain), Begin, p));
  p->steps_planned = p->epochs * p->steps_per_epoch;
  PetscCall(TaoSetMaximumIterations(tao, p->steps_planned));
  PetscCall(TaoMonitorSet(tao, Monitor, p, NULL));
  PetscCall(TaoSetConvergenceTest(tao, Converged, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Hessian is known by its products only: without an option for the preconditioner, none is used. */
static PetscErrorCode PlainPC(Tao tao)
{
  KSP         ksp;
  PC          pc;
  const char *prefix;
  PetscBool   set;

  PetscFunctionBegin;
  PetscCall(TaoGetKSP(tao, &ksp));
  if (!ksp) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, prefix, "-pc_type", &set));
  if (!set) PetscCall(PCSetType(pc, PCNONE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemTrain - a training run: restart where asked for, TaoSolve(), last history and checkpoint, best parameters

  Collective

  Input Parameters:
+ p   - the problem
- tao - the optimizer given to NomosProblemSetTao()

  Note:
  Not reaching a tolerance is a reason of the Tao, not an error. After the run the parameters are the last ones, or with
  -nomos_keep_best those with the lowest validation error.

  Errors: PETSC_ERR_ORDER for a Tao that was not given to NomosProblemSetTao(); those of NomosProblemSetUp() and of a restart

  Level: beginner
.seealso: `NomosProblemSetTao()`, `NomosProblemGetSummary()`, `NomosProblemSave()`
@*/
PetscErrorCode NomosProblemTrain(NomosProblem p, Tao tao)
{
  static PetscLogStage stage = -1;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(p->tao == tao, PetscObjectComm((PetscObject)p), PETSC_ERR_ORDER, "NomosProblemTrain() with a Tao that was not given to NomosProblemSetTao()");
  if (stage < 0) PetscCall(PetscLogStageGetId("Nomos train", &stage));
  if (stage < 0) PetscCall(PetscLogStageRegister("Nomos train", &stage));
  PetscCall(TaoSetUp(tao));
  PetscCall(PlainPC(tao));
  if (p->restart_due) PetscCall(NomosProblemRestart(p, tao));
  PetscCall(PetscLogStagePush(stage));
  ierr = TaoSolve(tao);
  PetscCall(PetscLogStagePop());
  if (ierr) { /* what was saved stays; nothing more is written from a run that failed */
    p->pending.set = PETSC_FALSE;
    p->done        = p->last_checkpoint;
    (void)NomosProblemEndRun(p);
  }
  PetscCall(ierr);
  PetscCall(NomosProblemEndRun(p));
  if (p->keep_best && p->best && p->best_error < PETSC_INFINITY) PetscCall(VecCopy(p->best, p->theta));
  PetscCall(NomosProblemUseParameters(p, p->theta));
  if (!p->map) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL)); /* a view that fails must not cost the net, which is saved after this */
  ierr = NomosMapViewFromOptions(p->map, (PetscObject)p, "-net_view");
  PetscCall(PetscPopErrorHandler());
  if (ierr) PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)p), PETSC_STDERR, "nomos: the net cannot be shown as -net_view asks (can its file be written?); the training is not lost\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int CompareReals(const void *a, const void *b)
{
  const PetscReal x = *(const PetscReal *)a, y = *(const PetscReal *)b;
  return (x > y) - (x < y);
}

/*@C
  NomosProblemGetSummary - what the last run did

  Not Collective

  Output Parameter:
. s - steps and epochs done, f of the last step, seconds, median milliseconds of a step (without tests and checkpoints),
      why it ended early (NULL: it did not), and with -nomos_keep_best the lowest validation error and its step

  Level: intermediate
.seealso: `NomosProblemTrain()`
@*/
PetscErrorCode NomosProblemGetSummary(NomosProblem p, NomosTrainingSummary *s)
{
  const PetscInt n = PetscMin(p->nstep_times, NOMOS_STEP_TIMES);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(PetscMemzero(s, sizeof(*s)));
  s->steps       = p->done;
  s->epochs      = p->done / (p->batched && p->steps_per_epoch ? p->steps_per_epoch : 1);
  s->f           = p->last_f;
  s->seconds     = p->time_before + (p->end - p->start);
  s->stopped     = p->stop_reason;
  s->best_error  = p->keep_best ? p->best_error : 0;
  s->best_step   = p->best_step;
  s->seed        = p->seed;
  if (n) {
    qsort(p->step_times, (size_t)n, sizeof(PetscReal), CompareReals);
    s->step_ms = 1000 * p->step_times[n / 2];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
