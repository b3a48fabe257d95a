/*
  problem.c - NomosProblem: a map and losses over a set of samples, given to Tao as f, gradient and Gauss-Newton Hessian.
  Life, settings and set-up; the work is in the other files of this folder (problem.h says which).
*/
#include "problem.h"

const char *const NomosReductions[] = {"norm", "squared", "NomosReduction", "NOMOS_REDUCTION_", NULL};

/*@
  NomosProblemCreate - makes a problem without map, losses and data

  Collective

  Input Parameter:
. comm - the ranks that share every batch

  Output Parameter:
. problem - the problem

  Level: beginner
.seealso: `NomosProblemSetMap()`, `NomosProblemSetData()`, `NomosProblemSetFromOptions()`, `NomosProblemSetTao()`, `NomosProblemTrain()`
@*/
PetscErrorCode NomosProblemCreate(MPI_Comm comm, NomosProblem *problem)
{
  NomosProblem p;

  PetscFunctionBegin;
  PetscAssertPointer(problem, 2);
  *problem = NULL;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscHeaderCreate(p, NOMOS_PROBLEM_CLASSID, "NomosProblem", "Training problem", "Problem", comm, NomosProblemDestroy, NomosProblemView));
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)p), &p->rank));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)p), &p->size));
  p->normalize[0] = p->normalize[1] = PETSC_TRUE;
  p->batch                          = 32;
  p->epochs                         = 20;
  p->checkpoint_interval            = 100;
  p->checkpoint_keep                = 2;
  p->best_error                     = PETSC_INFINITY;
  p->share                          = PETSC_TRUE;
  p->node                           = MPI_COMM_NULL;
  p->shared                         = MPI_WIN_NULL;
  *problem                          = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* what SetUp made */
static PetscErrorCode Reset(NomosProblem p)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&p->theta));
  PetscCall(NomosProblemResetExchange(p));
  PetscCall(VecDestroy(&p->vseq));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->y));
  PetscCall(VecDestroy(&p->gy));
  PetscCall(VecDestroy(&p->gloss));
  PetscCall(VecDestroy(&p->dy));
  PetscCall(VecDestroy(&p->target));
  PetscCall(VecDestroy(&p->mean));
  PetscCall(VecDestroy(&p->std));
  PetscCall(VecDestroy(&p->best));
  PetscCall(VecDestroy(&p->hessian_at));
  for (PetscInt i = 0; i < NOMOS_MAX_LOSSES; i++) {
    PetscCall(VecDestroy(&p->r[i]));
    PetscCall(VecDestroy(&p->s[i]));
    PetscCall(VecDestroy(&p->dr[i]));
  }
  PetscCall(PetscFree(p->starts));
  PetscCall(PetscFree2(p->counts, p->displs));
  PetscCall(PetscFree(p->train));
  PetscCall(PetscFree(p->valid));
  PetscCall(PetscFree(p->mine));
  PetscCall(PetscFree(p->order));
  PetscCall(PetscFree(p->chunkidx));
  PetscCall(PetscFree(p->turned));
  PetscCall(PetscFree(p->step_times));
  PetscCall(PetscFree(p->tail));
  PetscCall(NomosProblemDestroyEvaluators(p));
  p->setup = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemDestroy - gives a problem back

  Collective

  Level: beginner
.seealso: `NomosProblemCreate()`
@*/
PetscErrorCode NomosProblemDestroy(NomosProblem *problem)
{
  NomosProblem p;

  PetscFunctionBegin;
  if (!*problem) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*problem, NOMOS_PROBLEM_CLASSID, 1);
  p = *problem;
  if (--((PetscObject)p)->refct > 0) {
    *problem = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosProblemEndRun(p));
  PetscCall(TaoDestroy(&p->tao));
  PetscCall(Reset(p));
  PetscCall(NomosMapDestroy(&p->map));
  for (PetscInt i = 0; i < p->nloss; i++) PetscCall(NomosMapDestroy(&p->loss[i]));
  PetscCall(NomosDataDestroy(&p->data));
  for (PetscInt i = 0; i < p->ntest; i++) PetscCall(NomosDataDestroy(&p->test[i]));
  PetscCall(DMDestroy(&p->dm));
  PetscCall(PetscHeaderDestroy(problem));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- settings -------------------------------------------------------------------------------------------------- */
/*@C
  NomosProblemSetOptionsPrefix - text in front of the problem's options

  Logically Collective

  Level: intermediate
.seealso: `NomosProblemSetFromOptions()`
@*/
PetscErrorCode NomosProblemSetOptionsPrefix(NomosProblem p, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)p, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define CheckNotSetUp(p, what) PetscCheck(!(p)->setup, PetscObjectComm((PetscObject)(p)), PETSC_ERR_ORDER, what "() after the problem was set up")

/*@
  NomosProblemSetMap - what is trained: a net, or a chain that contains one

  Collective

  Note:
  The problem sets grid, channels, normalisers and batch of a net from the data. Parameters that the map already has
  (NomosMapLoad(), NomosMapSetParameters()) are the start.

  Level: beginner
.seealso: `NomosProblemGetMap()`
@*/
PetscErrorCode NomosProblemSetMap(NomosProblem p, NomosMap map)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscValidHeaderSpecific(map, NOMOS_MAP_CLASSID, 2);
  CheckNotSetUp(p, "NomosProblemSetMap");
  PetscCall(PetscObjectReference((PetscObject)map));
  PetscCall(NomosMapDestroy(&p->map));
  p->map = map;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemGetMap - the map of the problem, NULL before there is one; do not destroy

  Not Collective

  Level: beginner
.seealso: `NomosProblemSetMap()`
@*/
PetscErrorCode NomosProblemGetMap(NomosProblem p, NomosMap *map)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  *map = p->map;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemAddLoss - adds weight times a loss to f

  Collective

  Input Parameters:
+ p      - the problem
. loss   - a map of the family loss; the problem sets its grid, channels, batch and its fields target, mean, std
- weight - factor, not negative

  Options Database Keys:
+ -loss_type NAME,...  - the losses, where none was added
- -loss_weights W,...  - their factors (default 1)

  Note:
  The problem leaves a loss's slot "weight" (one number per sample of a chunk) alone: samples that only fill a short last
  chunk are left out where f and its seeds are formed, which for every loss is the same as weight zero.

  Errors: PETSC_ERR_ARG_WRONG for a map of another family; PETSC_ERR_ARG_OUTOFRANGE for a weight that is negative or not finite, or too many losses

  Level: beginner
.seealso: `NomosProblemSetReduction()`, `NomosProblemSetUnits()`
@*/
PetscErrorCode NomosProblemAddLoss(NomosProblem p, NomosMap loss, PetscReal weight)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscValidHeaderSpecific(loss, NOMOS_MAP_CLASSID, 2);
  CheckNotSetUp(p, "NomosProblemAddLoss");
  PetscCheck(p->nloss < NOMOS_MAX_LOSSES, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "more than %d losses", NOMOS_MAX_LOSSES);
  PetscCheck(weight >= 0 && !PetscIsInfOrNanReal(weight), PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "weight %g of a loss; it must be a number that is not negative, see -loss_weights", (double)weight);
  PetscCheck(!strcmp(loss->family, "loss"), PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_WRONG, "a map of the family '%s' was added as a loss", loss->family);
  PetscCall(PetscObjectReference((PetscObject)loss));
  p->loss[p->nloss]     = loss;
  p->weight[p->nloss++] = weight;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetReduction - f from the residuals of the segments: their norms, or half their squares

  Logically Collective

  Options Database Key:
. -loss_reduction norm|squared - the same (default norm)

  Level: intermediate
@*/
PetscErrorCode NomosProblemSetReduction(NomosProblem p, NomosReduction r)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  p->reduction = r;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetUnits - whether losses compare in physical units; default: in the target's normalised units

  Logically Collective

  Options Database Key:
. -loss_units normalised|physical - the same

  Level: intermediate
@*/
PetscErrorCode NomosProblemSetUnits(NomosProblem p, PetscBool physical)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  CheckNotSetUp(p, "NomosProblemSetUnits");
  p->physical = physical;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetNormalize - whether a net without normalisers gets them from the training samples

  Logically Collective

  Options Database Keys:
+ -data_normalize_input  - per channel, mean and unbiased deviation over samples and space (default true)
- -data_normalize_output - the same for the output (default true)

  Level: intermediate
@*/
PetscErrorCode NomosProblemSetNormalize(NomosProblem p, PetscBool input, PetscBool output)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  CheckNotSetUp(p, "NomosProblemSetNormalize");
  p->normalize[0] = input;
  p->normalize[1] = output;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetData - the samples to train on

  Collective

  Level: beginner
.seealso: `NomosProblemAddTestData()`
@*/
PetscErrorCode NomosProblemSetData(NomosProblem p, NomosData data)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 2);
  CheckNotSetUp(p, "NomosProblemSetData");
  PetscCall(PetscObjectReference((PetscObject)data));
  PetscCall(NomosDataDestroy(&p->data));
  p->data = data;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemAddTestData - samples whose error is reported after every epoch; they choose nothing

  Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE for too many

  Level: beginner
.seealso: `NomosProblemComputeErrors()`
@*/
PetscErrorCode NomosProblemAddTestData(NomosProblem p, NomosData data)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 2);
  PetscCheck(p->ntest < NOMOS_MAX_TESTS, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "more than %d test data sets", NOMOS_MAX_TESTS);
  PetscCall(PetscObjectReference((PetscObject)data));
  p->test[p->ntest++] = data;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetDM - the mesh inside one sample; its communicator must have one rank

  Collective

  Errors: PETSC_ERR_SUP for a DM on several ranks

  Level: advanced
@*/
PetscErrorCode NomosProblemSetDM(NomosProblem p, DM dm)
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscValidHeaderSpecific(dm, DM_CLASSID, 2);
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)dm), &size));
  PetscCheck(size == 1, PetscObjectComm((PetscObject)p), PETSC_ERR_SUP, "the DM is spread over %d ranks; samples are not split yet: give a DM on PETSC_COMM_SELF, the ranks share the batch", size);
  PetscCall(PetscObjectReference((PetscObject)dm));
  PetscCall(DMDestroy(&p->dm));
  p->dm = dm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetSchedule - length of a run: samples per step over all ranks, and passes over the data

  Logically Collective

  Options Database Keys:
+ -data_batch  - samples per step (default 32)
- -data_epochs - passes (default 20)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a batch below 1 or negative epochs

  Level: beginner
@*/
PetscErrorCode NomosProblemSetSchedule(NomosProblem p, PetscInt batch, PetscInt epochs)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(batch > 0 && epochs >= 0, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "a batch of %" PetscInt_FMT " for %" PetscInt_FMT " epochs; see -data_batch, -data_epochs", batch, epochs);
  CheckNotSetUp(p, "NomosProblemSetSchedule");
  p->batch  = batch;
  p->epochs = epochs;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetChunk - samples per call of the map's verbs; 0: as many as keep activations at about 4 MB

  Logically Collective

  Options Database Key:
. -nomos_chunk - the same (default 0)

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0

  Level: advanced
@*/
PetscErrorCode NomosProblemSetChunk(NomosProblem p, PetscInt chunk)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(chunk >= 0, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "a chunk of %" PetscInt_FMT " samples; 0 or more is possible, see -nomos_chunk", chunk);
  CheckNotSetUp(p, "NomosProblemSetChunk");
  p->chunk_wanted = chunk;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetSharedMemory - whether ranks of one node share parameters and gradients in its memory

  Logically Collective

  Options Database Key:
. -nomos_shared_memory - the same (default 1)

  Note:
  With it, ranks work with one copy of the net's parameters, and each sums the gradient of its shard of theta over the samples of
  all. Nets with factorised or separable weights, chains, devices, and batches that would need more than 64 MB of it exchange whole
  copies through it instead. Without it, and where ranks run on several nodes or MPI cannot make the shared window, MPI's collectives
  are used. The ways differ in the last digits.

  Level: advanced
@*/
PetscErrorCode NomosProblemSetSharedMemory(NomosProblem p, PetscBool flag)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  CheckNotSetUp(p, "NomosProblemSetSharedMemory");
  p->share = flag;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetSeed - the number that first weights and the order of samples follow from

  Logically Collective

  Options Database Key:
. -nomos_seed - the same (default 0)

  Level: beginner
@*/
PetscErrorCode NomosProblemSetSeed(NomosProblem p, PetscInt64 seed)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  CheckNotSetUp(p, "NomosProblemSetSeed");
  p->seed = seed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetKeepBest - keep the parameters with the lowest error on samples that are not trained on

  Logically Collective

  Options Database Key:
. -nomos_keep_best - the same (default false): /split/valid of the data, or the last tenth of the training samples

  Level: intermediate
@*/
PetscErrorCode NomosProblemSetKeepBest(NomosProblem p, PetscBool keep)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  CheckNotSetUp(p, "NomosProblemSetKeepBest");
  p->keep_best = keep;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosProblemSetHistory - file that gets one line per step, .csv or .jsonl; empty: none

  Logically Collective

  Options Database Key:
. -nomos_history FILE - the same

  Level: beginner
@*/
PetscErrorCode NomosProblemSetHistory(NomosProblem p, const char file[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(PetscStrncpy(p->history_file, file, sizeof(p->history_file)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosProblemSetCheckpoint - folder for checkpoints, steps from one to the next, how many are kept

  Logically Collective

  Options Database Keys:
+ -nomos_checkpoint DIR      - the folder
. -nomos_checkpoint_interval - steps (default 100)
- -nomos_checkpoint_keep     - files kept (default 2, at least 2)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for an interval below 1 or fewer than 2 files kept

  Level: beginner
.seealso: `NomosProblemSetRestart()`
@*/
PetscErrorCode NomosProblemSetCheckpoint(NomosProblem p, const char folder[], PetscInt interval, PetscInt keep)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(interval > 0 && keep >= 2, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "checkpoints every %" PetscInt_FMT " steps, %" PetscInt_FMT " kept; at least 1 and 2 are needed, see -nomos_checkpoint_interval, -nomos_checkpoint_keep", interval, keep);
  PetscCall(PetscStrncpy(p->checkpoint_dir, folder, sizeof(p->checkpoint_dir)));
  p->checkpoint_interval = interval;
  p->checkpoint_keep     = keep;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosProblemSetRestart - continue the run saved in a folder or file; auto: in the checkpoint folder, if there is one

  Logically Collective

  Options Database Key:
. -nomos_restart DIR|FILE|auto - the same

  Level: beginner
.seealso: `NomosProblemSetCheckpoint()`
@*/
PetscErrorCode NomosProblemSetRestart(NomosProblem p, const char from[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(PetscStrncpy(p->restart, from, sizeof(p->restart)));
  p->restart_due = p->restart[0] ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetLimits - when a run ends early: seconds of wall time (0: no limit) and which signals are listened to

  Logically Collective

  Input Parameters:
+ p       - the problem
. seconds - stop in time for a last checkpoint
- signals - 0 USR1, 1 TERM, 2 both, 3 none

  Options Database Keys:
+ -nomos_max_walltime S               - seconds
- -nomos_signal usr1|term|both|none   - default usr1, only while a run is active and nobody else handles it

  Errors: PETSC_ERR_ARG_OUTOFRANGE for negative seconds or another number than 0 to 3

  Level: intermediate
@*/
PetscErrorCode NomosProblemSetLimits(NomosProblem p, PetscReal seconds, PetscInt signals)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(seconds >= 0 && signals >= 0 && signals <= 3, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "walltime %g s, signals %" PetscInt_FMT "; see -nomos_max_walltime, -nomos_signal", (double)seconds, signals);
  p->max_walltime = seconds;
  p->signal       = signals;
  PetscFunctionReturn(PETSC_SUCCESS);
}
