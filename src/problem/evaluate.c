/*
  evaluate.c - f, its gradient and the Gauss-Newton product over the batch in force.

  The samples of a batch are dealt to the ranks in order. A rank takes its samples in chunks of a fixed size: forward,
  losses and backward of one chunk before the next, so that activations stay in the cache; the map sums the gradient.
  A short last chunk repeats a sample whose residuals count for nothing, so that plans stay as they are.

    f = (1/B) sum over samples and segments of |r_g|      seed r_g/|r_g|, 0 at r_g = 0      -loss_reduction norm
    f = (1/2B) sum of |r_g|^2                             seed r_g                          -loss_reduction squared
*/
#include "problem.h"

#define NEARLY_NOTHING 1e5 /* a residual over its target that no net makes of a target that is there */

/* Samples first .. first+count-1 of n are mine. */
PetscErrorCode NomosProblemLocalPart(NomosProblem p, PetscInt n, PetscInt *first, PetscInt *count)
{
  const PetscInt a = (PetscInt)((PetscInt64)n * p->rank / p->size), b = (PetscInt)((PetscInt64)n * (p->rank + 1) / p->size);

  PetscFunctionBegin;
  *first = a;
  *count = b - a;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Activations of 2 MB (half of that and double were slower), in multiples of 4 samples for the mode products: the measured 1400 bytes per point of a
   net of width 24 to 32 in single precision. */
static PetscErrorCode ChooseChunk(NomosProblem p)
{
  PetscInt  share = (PetscMax(1, PetscMin(p->batch, p->ntrain)) + p->size - 1) / p->size, points;
  NomosGrid grid;

  PetscFunctionBegin;
  if (p->chunk_wanted > 0) p->chunk = p->chunk_wanted;
  else {
    PetscCall(NomosMapGetGrid(p->map, &grid, NULL));
    PetscCall(NomosGridPoints(&grid, &points));
    p->chunk = (PetscInt)PetscMax(1.0, PetscMin(2.0e6 / (1400.0 * (PetscReal)points * (p->map->precision == NOMOS_SINGLE ? 1 : 2)), 1024.0));
    if (p->chunk > 4) p->chunk -= p->chunk % 4;
  }
  p->chunk = PetscMin(p->chunk, share);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SequentialVec(PetscInt n, const PetscReal values[], Vec *v)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, v));
  PetscCall(VecGetArrayWrite(*v, &a));
  for (PetscInt i = 0; i < n; i++) a[i] = values[i];
  PetscCall(VecRestoreArrayWrite(*v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool HasSlot(NomosMap m, const char name[])
{
  for (PetscInt i = 0; i < m->nslots; i++)
    if (!strcmp(m->slots[i], name)) return PETSC_TRUE;
  return PETSC_FALSE;
}

static PetscErrorCode SetUpLoss(NomosProblem p, NomosMap loss, Vec *r, Vec *s)
{
  NomosGrid    out;
  NomosBackend backend;
  PetscInt     cout, np, segments;

  PetscFunctionBegin;
  PetscCall(NomosMapGetGrid(p->map, NULL, &out));
  PetscCall(NomosMapGetChannels(p->map, NULL, &cout));
  PetscCall(NomosMapGetBackend(p->map, &backend));
  PetscCall(NomosMapSetBackend(loss, backend));
  PetscCall(NomosMapSetGrid(loss, &out));
  PetscCall(NomosMapSetChannels(loss, cout, cout));
  PetscCall(NomosMapSetBatch(loss, p->chunk));
  PetscCall(NomosMapSetField(loss, "target", p->target));
  if (p->mean && HasSlot(loss, "mean")) {
    PetscCall(NomosMapSetField(loss, "mean", p->mean));
    PetscCall(NomosMapSetField(loss, "std", p->std));
  }
  PetscCall(NomosMapGetSizes(loss, NULL, &np, NULL));
  PetscCheck(!np, PetscObjectComm((PetscObject)p), PETSC_ERR_SUP, "loss '%s' has parameters of its own; only the map of a problem is trained", ((PetscObject)loss)->type_name);
  PetscCall(NomosMapGetSegments(loss, &segments, NULL));
  PetscCheck(segments > 0 && segments % p->chunk == 0, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_SIZ, "loss '%s' has %" PetscInt_FMT " segments for %" PetscInt_FMT " samples; a multiple is needed", ((PetscObject)loss)->type_name, segments, p->chunk);
  PetscCall(NomosMapCreateVecs(loss, NULL, NULL, r));
  PetscCall(VecDuplicate(*r, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosProblemSetUpEvaluation(NomosProblem p)
{
  const PetscReal *mean, *std;
  PetscInt         cout, nx, ny;

  PetscFunctionBegin;
  PetscCall(ChooseChunk(p));
  PetscCall(NomosMapSetBatch(p->map, p->chunk));
  PetscCall(NomosMapGetSizes(p->map, &nx, NULL, &ny));
  PetscCall(NomosMapGetChannels(p->map, NULL, &cout));
  p->nx1 = nx / p->chunk;
  p->ny1 = ny / p->chunk;
  PetscCall(NomosProblemSetUpSymmetry(p));
  PetscCall(NomosMapCreateVecs(p->map, &p->x, NULL, &p->y));
  PetscCall(VecDuplicate(p->y, &p->target));
  PetscCall(VecDuplicate(p->y, &p->gy));
  if (p->nloss > 1) PetscCall(VecDuplicate(p->y, &p->gloss));
  PetscCall(NomosMapGetNormalizer(p->map, NULL, NULL, &mean, &std));
  if (mean && !p->physical) {
    PetscCall(SequentialVec(cout, mean, &p->mean));
    PetscCall(SequentialVec(cout, std, &p->std));
  }
  for (PetscInt i = 0; i < p->nloss; i++) PetscCall(SetUpLoss(p, p->loss[i], &p->r[i], &p->s[i]));
  PetscCall(PetscMalloc1(p->ntrain, &p->mine)); /* the full batch on one rank is the largest share */
  PetscCall(PetscMalloc1(p->ntrain, &p->order));
  PetscCall(PetscMalloc1(p->chunk, &p->chunkidx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetSamples - the batch: which samples f and its derivatives are taken over

  Logically Collective

  Input Parameters:
+ p   - the problem, set up
. n   - how many
- idx - their numbers in the data; NULL: all training samples

  Note:
  Every rank gives the whole list; the samples are dealt to the ranks in its order.

  Errors: PETSC_ERR_ARG_OUTOFRANGE for no samples, more than there are, or a number that is not in the data

  Level: intermediate
.seealso: `NomosProblemObjectiveGradient()`
@*/
PetscErrorCode NomosProblemSetSamples(NomosProblem p, PetscInt n, const PetscInt idx[])
{
  PetscInt first, count, have;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(NomosProblemSetUp(p));
  if (!idx) n = p->ntrain;
  PetscCall(NomosDataGetSize(p->data, &have));
  PetscCheck(n > 0 && n <= p->ntrain, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "a batch of %" PetscInt_FMT " samples; there are %" PetscInt_FMT " to train on", n, p->ntrain);
  for (PetscInt i = 0; idx && i < n; i++) PetscCheck(idx[i] >= 0 && idx[i] < have, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "sample %" PetscInt_FMT " of the batch is number %" PetscInt_FMT ", the data hold 0..%" PetscInt_FMT, i, idx[i], have - 1);
  PetscCall(NomosProblemLocalPart(p, n, &first, &count));
  for (PetscInt i = 0; i < count; i++) p->mine[i] = idx ? idx[first + i] : (p->train ? p->train[first + i] : first + i);
  p->nall  = n;
  p->epoch = -1;
  p->nmine = count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Samples at .. of mine into x and target; the rest of the chunk repeats the last one. */
static PetscErrorCode LoadChunk(NomosProblem p, PetscInt at, PetscInt *valid)
{
  PetscScalar *x, *y;

  PetscFunctionBegin;
  *valid = PetscMin(p->chunk, p->nmine - at);
  for (PetscInt i = 0; i < p->chunk; i++) p->chunkidx[i] = p->mine[at + PetscMin(i, *valid - 1)];
  PetscCall(VecGetArrayWrite(p->x, &x));
  PetscCall(VecGetArrayWrite(p->target, &y));
  PetscCall(NomosDataGetSamples(p->data, p->chunk, p->chunkidx, x, y));
  PetscCall(NomosProblemTurnSamples(p, p->chunk, p->chunkidx, x, y));
  PetscCall(VecRestoreArrayWrite(p->target, &y));
  PetscCall(VecRestoreArrayWrite(p->x, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal SquareSum(PetscInt n, const PetscScalar v[])
{
  PetscReal a[8] = {0};
  PetscInt  i;

  for (i = 0; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; l++) a[l] += v[i + l] * v[i + l];
  for (; i < n; i++) a[0] += v[i] * v[i];
  return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

/* A relative residual so large that its target must be next to nothing: said once. */
static PetscErrorCode WarnTarget(NomosProblem p, PetscInt i, PetscInt sample, PetscReal norm)
{
  char     *options;
  PetscBool relative;

  PetscFunctionBegin;
  p->warned_target = PETSC_TRUE;
  PetscCall(NomosMapGetOptions(p->loss[i], &options));
  relative = strstr(options, "-loss_relative true") ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(PetscFree(options));
  if (relative) PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "nomos: loss '%s' is %g at sample %" PetscInt_FMT ": the target there is nearly zero, and the relative form divides by its norm plus 1e-8; leave such samples out, or use -loss_relative 0\n", ((PetscObject)p->loss[i])->type_name, (double)norm, p->chunkidx[sample]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds weight times the sum over the valid segments of one loss to f; seed (may be NULL) = derivative of f by r. */
static PetscErrorCode ReduceSegments(NomosProblem p, PetscInt i, PetscInt valid, PetscReal *f, Vec seed)
{
  const PetscReal    w = p->weight[i] / (PetscReal)p->nall;
  const PetscScalar *r;
  PetscScalar       *s = NULL;
  PetscInt           segments, size, used;

  PetscFunctionBegin;
  PetscCall(NomosMapGetSegments(p->loss[i], &segments, &size));
  used = segments / p->chunk * valid;
  PetscCall(VecGetArrayRead(p->r[i], &r));
  if (seed) PetscCall(VecGetArrayWrite(seed, &s));
  for (PetscInt g = 0; g < used; g++) {
    const PetscReal square = SquareSum(size, r + (size_t)g * (size_t)size), norm = PetscSqrtReal(square);
    const PetscReal scale = p->reduction == NOMOS_REDUCTION_SQUARED ? w : (norm > 0 ? w / norm : (norm == 0 ? 0 : norm)); /* NaN stays NaN */

    if (norm > NEARLY_NOTHING && !p->warned_target && !PetscIsInfReal(norm)) PetscCall(WarnTarget(p, i, g / (segments / p->chunk), norm));
    *f += p->reduction == NOMOS_REDUCTION_SQUARED ? 0.5 * w * square : w * norm;
    if (s)
      for (PetscInt j = g * size; j < (g + 1) * size; j++) s[j] = scale * r[j];
  }
  if (s) {
    PetscCall(PetscArrayzero(s + (size_t)used * (size_t)size, (size_t)(segments - used) * (size_t)size));
    PetscCall(VecRestoreArrayWrite(seed, &s));
  }
  PetscCall(VecRestoreArrayRead(p->r[i], &r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Derivative by y of the sum over losses, from the seeds, into gy. */
static PetscErrorCode LossAdjoints(NomosProblem p)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < p->nloss; i++) {
    PetscCall(NomosMapApplyAdjoint(p->loss[i], p->s[i], i ? p->gloss : p->gy, NULL));
    if (i) PetscCall(VecAXPY(p->gy, 1, p->gloss));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* My samples' part of f; with g, the gradient's is summed up in the map. */
static PetscErrorCode LocalEvaluate(NomosProblem p, Vec theta, PetscReal *f, PetscBool g)
{
  PetscInt valid;

  PetscFunctionBegin;
  if (g) PetscCall(NomosMapAdjointBegin(p->map));
  for (PetscInt at = 0; at < p->nmine; at += valid) {
    PetscCall(LoadChunk(p, at, &valid));
    if (g) PetscCall(NomosMapLinearize(p->map, p->x, theta, p->y));
    else PetscCall(NomosMapApply(p->map, p->x, theta, p->y));
    PetscCall(PetscLogEventBegin(NOMOS_Loss, p, 0, 0, 0));
    for (PetscInt i = 0; i < p->nloss; i++) {
      if (g) PetscCall(NomosMapLinearize(p->loss[i], p->y, NULL, p->r[i]));
      else PetscCall(NomosMapApply(p->loss[i], p->y, NULL, p->r[i]));
      PetscCall(ReduceSegments(p, i, valid, f, g ? p->s[i] : NULL));
    }
    if (g) PetscCall(LossAdjoints(p));
    PetscCall(PetscLogEventEnd(NOMOS_Loss, p, 0, 0, 0));
    if (g) PetscCall(NomosMapAdjointAdd(p->map, p->gy, NULL));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One reduction carries f, the wishes to stop and whether a rank failed: an error is raised on all ranks or none. */
static PetscErrorCode Agree(NomosProblem p, PetscErrorCode mine, PetscReal *f)
{
  PetscLogDouble now;
  PetscReal      part[4], all[4];

  PetscFunctionBegin;
  part[0] = f ? *f : 0;
  part[1] = (PetscReal)NomosSignalsCount();
  part[2] = 0;
  part[3] = mine ? 1 : 0;
  if (p->rank == 0 && p->max_walltime > 0 && p->running) {
    PetscCall(PetscTime(&now));
    part[2] = now - p->start + 2 * p->write_time + p->step_time >= p->max_walltime; /* two writes in reserve */
  }
  if (p->size > 1) PetscCallMPI(MPI_Allreduce(part, all, 4, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)p)));
  else PetscCall(PetscArraycpy(all, part, 4));
  PetscCheck(!mine, PETSC_COMM_SELF, mine, "evaluation failed on rank %d", p->rank);
  PetscCheck(all[3] == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "evaluation failed on %d other rank(s); see the message there", (int)all[3]);
  if (f) *f = all[0];
  p->stop_flags[0] = all[1];
  p->stop_flags[1] = all[2];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same by a team: every rank gives and gets its shard alone. pseq stands for parameters that the map has already. */
static PetscErrorCode TeamEvaluate(NomosProblem p, Vec theta, PetscReal *f, Vec g)
{
  const PetscScalar *x;
  PetscScalar       *y;
  PetscErrorCode     ierr, failed;

  PetscFunctionBegin;
  *f = 0;
  PetscCall(VecGetArrayRead(theta, &x));
  ierr = NomosMapTeamBegin(p->map, &p->team, x);
  PetscCall(VecRestoreArrayRead(theta, &x));
  PetscCall(NomosProblemMeet(p, p->team_window));
  if (!ierr) ierr = LocalEvaluate(p, p->pseq, f, PETSC_TRUE);
  PetscCallMPI(MPI_Win_sync(p->team_window));
  failed = Agree(p, ierr, f); /* all have added their samples */
  PetscCallMPI(MPI_Win_sync(p->team_window));
  if (failed) PetscCall(NomosMapTeamEnd(p->map, NULL));
  PetscCall(failed);
  PetscCall(VecGetArrayWrite(g, &y));
  PetscCall(NomosMapTeamEnd(p->map, y));
  PetscCall(VecRestoreArrayWrite(g, &y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemObjectiveGradient - f and its gradient over the batch in force

  Collective

  Input Parameters:
+ p     - the problem
- theta - parameters, laid out as NomosProblemGetParameters()

  Output Parameters:
+ f - the objective
- g - its gradient, laid out as theta, or NULL if not wanted

  Units:  of the losses: relative ones have none
  Errors: an error on one rank is raised on all

  Level: intermediate
.seealso: `NomosProblemSetSamples()`, `NomosProblemHessianProduct()`
@*/
PetscErrorCode NomosProblemObjectiveGradient(NomosProblem p, Vec theta, PetscReal *f, Vec g)
{
  Vec            whole;
  PetscBool      team = PETSC_FALSE;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(NomosProblemSetUp(p));
  if (g) PetscCall(NomosProblemTeamForBatch(p, &team));
  if (team) {
    PetscCall(TeamEvaluate(p, theta, f, g));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosProblemGather(p, theta, p->pseq, &whole));
  *f   = 0;
  ierr = LocalEvaluate(p, whole, f, g ? PETSC_TRUE : PETSC_FALSE);
  if (g && !ierr) ierr = NomosMapAdjointEnd(p->map, p->size > 1 ? p->gseq : g);
  PetscCall(Agree(p, ierr, f));
  if (g && p->size > 1) PetscCall(NomosProblemScatterAdd(p, g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- Gauss-Newton ---------------------------------------------------------------------------------------------- */
static PetscErrorCode SetUpTangents(NomosProblem p)
{
  PetscFunctionBegin;
  if (p->dy) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(p->y, &p->dy));
  for (PetscInt i = 0; i < p->nloss; i++) PetscCall(VecDuplicate(p->r[i], &p->dr[i]));
  if (p->size > 1) PetscCall(VecCreateSeq(PETSC_COMM_SELF, p->np, &p->vseq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* s = (second derivative of the reduction by r) dr: w dr for squares, w (dr - r (r.dr)/|r|^2)/|r| for norms */
static PetscErrorCode CurveSegments(NomosProblem p, PetscInt i, PetscInt valid)
{
  const PetscReal    w = p->weight[i] / (PetscReal)p->nall;
  const PetscScalar *r, *d;
  PetscScalar       *s;
  PetscInt           segments, size, used;

  PetscFunctionBegin;
  PetscCall(NomosMapGetSegments(p->loss[i], &segments, &size));
  used = segments / p->chunk * valid;
  PetscCall(VecGetArrayRead(p->r[i], &r));
  PetscCall(VecGetArrayRead(p->dr[i], &d));
  PetscCall(VecGetArrayWrite(p->s[i], &s));
  PetscCall(PetscArrayzero(s, (size_t)segments * (size_t)size));
  for (PetscInt g = 0; g < used; g++) {
    const PetscInt  from = g * size, to = from + size;
    const PetscReal square = SquareSum(size, r + from), norm = PetscSqrtReal(square);
    PetscReal       dot = 0;

    if (p->reduction == NOMOS_REDUCTION_SQUARED) {
      for (PetscInt j = from; j < to; j++) s[j] = w * d[j];
      continue;
    }
    if (norm == 0) continue; /* no second derivative there */
    for (PetscInt j = from; j < to; j++) dot += r[j] * d[j];
    for (PetscInt j = from; j < to; j++) s[j] = w * (d[j] - r[j] * dot / square) / norm;
  }
  PetscCall(VecRestoreArrayWrite(p->s[i], &s));
  PetscCall(VecRestoreArrayRead(p->dr[i], &d));
  PetscCall(VecRestoreArrayRead(p->r[i], &r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LocalProduct(NomosProblem p, Vec theta, Vec v, Vec Hv)
{
  PetscInt valid;

  PetscFunctionBegin;
  PetscCall(NomosMapAdjointBegin(p->map));
  for (PetscInt at = 0; at < p->nmine; at += valid) {
    PetscCall(LoadChunk(p, at, &valid));
    PetscCall(NomosMapLinearize(p->map, p->x, theta, p->y));
    PetscCall(NomosMapApplyTangent(p->map, NULL, v, p->dy));
    for (PetscInt i = 0; i < p->nloss; i++) {
      PetscCall(NomosMapLinearize(p->loss[i], p->y, NULL, p->r[i]));
      PetscCall(NomosMapApplyTangent(p->loss[i], p->dy, NULL, p->dr[i]));
      PetscCall(CurveSegments(p, i, valid));
    }
    PetscCall(LossAdjoints(p));
    PetscCall(NomosMapAdjointAdd(p->map, p->gy, NULL));
  }
  PetscCall(NomosMapAdjointEnd(p->map, Hv));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemHessianProduct - the Gauss-Newton Hessian over the batch in force, times a vector

  Collective

  Input Parameters:
+ p     - the problem
. theta - parameters
- v     - direction, laid out as theta

  Output Parameter:
. Hv - J^T C J v: J the derivative of the residuals, C the second derivative of the reduction by them; positive
       semidefinite, and exact where the residuals are linear in theta

  Level: intermediate
.seealso: `NomosProblemObjectiveGradient()`
@*/
PetscErrorCode NomosProblemHessianProduct(NomosProblem p, Vec theta, Vec v, Vec Hv)
{
  Vec            whole, direction;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(NomosProblemSetUp(p));
  PetscCall(SetUpTangents(p));
  PetscCall(NomosProblemGather(p, theta, p->pseq, &whole));
  PetscCall(NomosProblemGather(p, v, p->vseq, &direction));
  ierr = LocalProduct(p, whole, direction, p->size > 1 ? p->gseq : Hv);
  PetscCall(Agree(p, ierr, NULL));
  if (p->size > 1) PetscCall(NomosProblemScatterAdd(p, Hv));
  PetscFunctionReturn(PETSC_SUCCESS);
}
