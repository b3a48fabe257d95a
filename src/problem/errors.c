/*
  errors.c - errors of the map on a data set of any resolution, and predictions.

  A grid other than the training grid gets a copy of the map (same settings, same parameters), made once: the plans of the
  map that is being trained stay. Where a map cannot be copied (a chain), its grid is changed and changed back.

  Norms, in physical units, over all channels together, |u| for N points, e = 1e-8 as the peers have it:
    rel_l2          |p-y|/(|y|+e), |u|^2 = (1/N) sum u^2
    rel_h1, rel_hm1 the same with mode k weighted by (1+|xi|^2)^s, s = 1, -1: Fourier modes xi = 2 pi k/L on a periodic
                    axis, cosines (DCT-II, values at cell centres) xi = pi k/L on another
    rel_h1fd        sum over channels of sqrt(S(p-y))/(sqrt(S(y))+e), S(u) = sum of u^2 and its central differences squared, taken periodically
*/
#include "problem.h"
#include "evaluator.h"

#define EPS 1e-8

/* ---- a map for a grid -------------------------------------------------------------------------------------------- */
static PetscBool SameGrid(const NomosGrid *a, const NomosGrid *b)
{
  if (a->dim != b->dim) return PETSC_FALSE;
  for (PetscInt j = 0; j < a->dim; j++)
    if (a->n[j] != b->n[j] || a->length[j] != b->length[j] || a->offset[j] != b->offset[j] || a->periodic[j] != b->periodic[j]) return PETSC_FALSE;
  return PETSC_TRUE;
}

/* Rows of an orthonormal real transform of n values and the wave number of each row. */
static PetscErrorCode MakeTransform(PetscInt n, PetscBool periodic, PetscReal length, PetscReal **q, PetscReal **xi)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)n * (size_t)n, q));
  PetscCall(PetscMalloc1(n, xi));
  for (PetscInt r = 0; r < n; r++) {
    const PetscInt  k     = periodic ? (r + 1) / 2 : r;
    const PetscBool alone = k == 0 || (periodic && 2 * k == n) ? PETSC_TRUE : PETSC_FALSE; /* no partner, or norm n instead of n/2 */
    const PetscReal c     = PetscSqrtReal((alone ? 1.0 : 2.0) / (PetscReal)n);

    (*xi)[r] = (periodic ? 2 : 1) * PETSC_PI * (PetscReal)k / length;
    for (PetscInt i = 0; i < n; i++) {
      const PetscReal at = periodic ? 2 * PETSC_PI * (PetscReal)((PetscInt64)k * i % n) / (PetscReal)n : PETSC_PI * (PetscReal)((PetscInt64)k * (2 * i + 1) % (4 * n)) / (PetscReal)(2 * n);

      (*q)[(size_t)r * (size_t)n + i] = c * (periodic && r % 2 == 0 && r ? PetscSinReal(at) : PetscCosReal(at));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpTransforms(NomosEvaluator *e)
{
  PetscFunctionBegin;
  if (e->work) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt j = 0; j < e->grid.dim; j++) PetscCall(MakeTransform(e->grid.n[j], e->grid.periodic[j], e->grid.length[j], &e->q[j], &e->xi[j]));
  PetscCall(PetscMalloc1(3 * (size_t)e->points, &e->work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* About 4 MB of activations, as in training. */
static PetscInt ChunkFor(NomosProblem p, PetscInt points)
{
  const PetscReal cost = 1400.0 * (PetscReal)points * (p->map->precision == NOMOS_SINGLE ? 1 : 2);
  const PetscInt  c    = (PetscInt)PetscMax(1.0, PetscMin(4.0e6 / cost, 64.0));

  return c > 4 ? c - c % 4 : c;
}

static PetscErrorCode MakeEvaluator(NomosProblem p, const NomosGrid *grid, NomosEvaluator *e)
{
  NomosGrid train;
  PetscInt  cout;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(e, sizeof(*e)));
  e->grid = *grid;
  PetscCall(NomosGridPoints(grid, &e->points));
  PetscCall(NomosMapGetGrid(p->map, &train, NULL));
  e->shared = SameGrid(grid, &train);
  e->moved  = !e->shared && strcmp(p->map->family, "net") ? PETSC_TRUE : PETSC_FALSE;
  if (e->shared || e->moved) {
    PetscCall(PetscObjectReference((PetscObject)p->map));
    e->map   = p->map;
    e->chunk = p->chunk;
  } else {
    e->chunk = ChunkFor(p, e->points);
    PetscCall(NomosMapClone(p->map, &e->map));
    PetscCall(NomosMapSetGrid(e->map, grid));
    PetscCall(NomosMapSetBatch(e->map, e->chunk));
    PetscCall(NomosMapSetUp(e->map));
  }
  PetscCall(NomosMapGetChannels(p->map, &e->cin, &cout));
  e->cout = cout;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, e->chunk * e->cin * e->points, &e->x));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, e->chunk * cout * e->points, &e->y));
  PetscCall(PetscMalloc1((size_t)e->chunk * (size_t)cout * (size_t)e->points, &e->target));
  PetscCall(PetscMalloc1(e->chunk, &e->idx));
  PetscCall(PetscMalloc1((size_t)cout * (size_t)e->points, &e->diff));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The evaluator for the grid of a data set; made at the first call. */
static PetscErrorCode Find(NomosProblem p, NomosData data, NomosEvaluator **e)
{
  NomosGrid grid;
  PetscInt  cin, cout, mine, i;

  PetscFunctionBegin;
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetGrid(data, &grid));
  PetscCall(NomosDataGetChannels(data, &cin, NULL));
  PetscCall(NomosMapGetChannels(p->map, &mine, &cout));
  PetscCheck(cin == mine, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_INCOMP, "the model takes %" PetscInt_FMT " input channels, the data have %" PetscInt_FMT "; see -data_input", mine, cin);
  for (i = 0; i < p->neval; i++)
    if (SameGrid(&grid, &p->eval[i]->grid)) break;
  if (i == p->neval) {
    PetscCheck(i < NOMOS_MAX_TESTS + 2, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "data sets on more than %d grids", NOMOS_MAX_TESTS + 2);
    PetscCall(PetscNew(&p->eval[i]));
    p->neval++;
    PetscCall(MakeEvaluator(p, &grid, p->eval[i]));
  }
  *e = p->eval[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosProblemPrepareEvaluator(NomosProblem p, NomosData data)
{
  NomosEvaluator *e;
  PetscInt        n;

  PetscFunctionBegin;
  PetscCall(Find(p, data, &e));
  PetscCall(NomosDataGetSize(data, &n));
  if (n > p->nerr) {
    PetscCall(PetscFree(p->err));
    PetscCall(PetscMalloc1(n, &p->err));
    p->nerr = n;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosProblemDestroyEvaluators(NomosProblem p)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < p->neval; i++) {
    NomosEvaluator *e = p->eval[i];

    PetscCall(NomosMapDestroy(&e->map));
    PetscCall(VecDestroy(&e->x));
    PetscCall(VecDestroy(&e->y));
    PetscCall(PetscFree(e->target));
    PetscCall(PetscFree(e->idx));
    PetscCall(PetscFree(e->diff));
    PetscCall(PetscFree(e->work));
    for (PetscInt j = 0; j < 3; j++) {
      PetscCall(PetscFree(e->q[j]));
      PetscCall(PetscFree(e->xi[j]));
    }
    PetscCall(PetscFree(p->eval[i]));
  }
  p->neval = 0;
  PetscCall(PetscFree(p->err));
  p->nerr = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- norms ------------------------------------------------------------------------------------------------------- */
/* Along axis j: v[a][i][b] -> w[a][r][b] = sum_i q[r][i] v[a][i][b] */
static void TransformAxis(const NomosGrid *g, PetscInt j, const PetscReal *q, const PetscReal *v, PetscReal *w)
{
  PetscInt na = 1, nb = 1;
  const PetscInt n = g->n[j];

  for (PetscInt i = 0; i < j; i++) na *= g->n[i];
  for (PetscInt i = j + 1; i < g->dim; i++) nb *= g->n[i];
  for (PetscInt a = 0; a < na; a++)
    for (PetscInt r = 0; r < n; r++) {
      PetscReal *out = w + ((size_t)a * (size_t)n + (size_t)r) * (size_t)nb;

      for (PetscInt b = 0; b < nb; b++) out[b] = 0;
      for (PetscInt i = 0; i < n; i++) {
        const PetscReal  c  = q[(size_t)r * (size_t)n + i];
        const PetscReal *in = v + ((size_t)a * (size_t)n + (size_t)i) * (size_t)nb;

        for (PetscInt b = 0; b < nb; b++) out[b] += c * in[b];
      }
    }
}

/* squares[0..2]: of the norms in L2, H^1, H^-1 of one channel, added */
static void AddSobolev(NomosEvaluator *e, const PetscScalar *u, PetscReal squares[3])
{
  const NomosGrid *g   = &e->grid;
  PetscReal       *cur = e->work, *next = e->work + e->points;
  const PetscReal *from = u;

  for (PetscInt j = 0; j < g->dim; j++) {
    PetscReal *swap = cur;

    TransformAxis(g, j, e->q[j], from, cur);
    from = cur;
    cur  = next;
    next = swap;
  }
  for (PetscInt i = 0; i < e->points; i++) {
    PetscInt  rest = i;
    PetscReal xi2  = 0;
    const PetscReal c2 = from[i] * from[i] / (PetscReal)e->points;

    for (PetscInt j = g->dim; j-- > 0; rest /= g->n[j]) xi2 += e->xi[j][rest % g->n[j]] * e->xi[j][rest % g->n[j]];
    squares[0] += c2;
    squares[1] += c2 * (1 + xi2);
    squares[2] += c2 / (1 + xi2);
  }
}

/* S(u) of one channel: values and central differences, periodic */
static PetscReal DifferenceSquares(const NomosGrid *g, PetscInt points, const PetscScalar *u)
{
  PetscReal sum = 0;
  PetscInt  stride = 1;

  for (PetscInt i = 0; i < points; i++) sum += u[i] * u[i];
  for (PetscInt j = g->dim; j-- > 0; stride *= g->n[j]) {
    const PetscInt  n = g->n[j];
    const PetscReal s = (PetscReal)n / (2 * g->length[j]);

    for (PetscInt i = 0; i < points; i++) {
      const PetscInt  k = i / stride % n;
      const PetscReal d = s * (u[k + 1 < n ? i + stride : i - k * stride] - u[k ? i - stride : i + (n - 1) * stride]);

      sum += d * d;
    }
  }
  return sum;
}

static PetscReal PlainRelativeL2(PetscInt n, PetscInt points, const PetscScalar *y, const PetscScalar *t)
{
  PetscReal d = 0, s = 0;

  for (PetscInt i = 0; i < n; i++) d += (y[i] - t[i]) * (y[i] - t[i]), s += t[i] * t[i];
  return PetscSqrtReal(d / (PetscReal)points) / (PetscSqrtReal(s / (PetscReal)points) + EPS);
}

static void SampleErrors(NomosEvaluator *e, const PetscScalar *y, const PetscScalar *t, NomosErrors *out)
{
  PetscReal d[3] = {0, 0, 0}, s[3] = {0, 0, 0}, fd = 0;

  for (PetscInt c = 0; c < e->cout; c++) {
    const PetscScalar *yc = y + (size_t)c * (size_t)e->points, *tc = t + (size_t)c * (size_t)e->points;

    for (PetscInt i = 0; i < e->points; i++) e->diff[i] = yc[i] - tc[i];
    AddSobolev(e, e->diff, d);
    AddSobolev(e, tc, s);
    fd += PetscSqrtReal(DifferenceSquares(&e->grid, e->points, e->diff)) / (PetscSqrtReal(DifferenceSquares(&e->grid, e->points, tc)) + EPS);
  }
  out->rel_l2   = PlainRelativeL2(e->cout * e->points, e->points, y, t);
  out->rel_h1   = PetscSqrtReal(d[1]) / (PetscSqrtReal(s[1]) + EPS);
  out->rel_hm1  = PetscSqrtReal(d[2]) / (PetscSqrtReal(s[2]) + EPS);
  out->rel_h1fd = fd;
}

/* ---- evaluation -------------------------------------------------------------------------------------------------- */
static PetscErrorCode Occupy(NomosProblem p, NomosEvaluator *e, NomosGrid *before)
{
  Vec parameters;

  PetscFunctionBegin;
  if (e->moved) {
    PetscCall(NomosMapGetGrid(p->map, before, NULL));
    PetscCall(NomosMapSetGrid(p->map, &e->grid));
  }
  PetscCall(NomosMapGetParameters(p->map, &parameters));
  if (e->map != p->map) PetscCall(NomosMapSetParameters(e->map, parameters));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Release(NomosProblem p, NomosEvaluator *e, const NomosGrid *before)
{
  PetscFunctionBegin;
  if (e->moved) {
    PetscCall(NomosMapSetGrid(p->map, before));
    PetscCall(NomosMapSetUp(p->map));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Samples idx[0..n-1] (n <= chunk) through the map; the chunk is filled with the last one. */
static PetscErrorCode Evaluate(NomosEvaluator *e, NomosData data, PetscInt n, PetscBool target)
{
  PetscScalar *x;

  PetscFunctionBegin;
  for (PetscInt i = n; i < e->chunk; i++) e->idx[i] = e->idx[n - 1];
  PetscCall(VecGetArrayWrite(e->x, &x));
  PetscCall(NomosDataGetSamples(data, e->chunk, e->idx, x, target ? e->target : NULL));
  PetscCall(VecRestoreArrayWrite(e->x, &x));
  PetscCall(NomosMapApply(e->map, e->x, NULL, e->y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Errors of samples idx[] (NULL: all n), dealt to the ranks; every rank gets all. full: four norms, else l2 into l2[]. */
static PetscErrorCode LocalErrors(NomosProblem p, NomosEvaluator *e, NomosData data, PetscInt n, const PetscInt idx[], NomosErrors full[], PetscReal l2[])
{
  PetscInt first, count, take;

  PetscFunctionBegin;
  PetscCall(NomosProblemLocalPart(p, n, &first, &count));
  for (PetscInt at = 0; at < count; at += take) {
    const PetscScalar *y;

    take = PetscMin(e->chunk, count - at);
    for (PetscInt i = 0; i < take; i++) e->idx[i] = idx ? idx[first + at + i] : first + at + i;
    PetscCall(Evaluate(e, data, take, PETSC_TRUE));
    PetscCall(VecGetArrayRead(e->y, &y));
    for (PetscInt i = 0; i < take; i++) {
      const size_t o = (size_t)i * (size_t)e->cout * (size_t)e->points;

      if (full) SampleErrors(e, y + o, e->target + o, &full[first + at + i]);
      else l2[first + at + i] = PlainRelativeL2(e->cout * e->points, e->points, y + o, e->target + o);
    }
    PetscCall(VecRestoreArrayRead(e->y, &y));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SumOverRanks(NomosProblem p, PetscErrorCode mine, PetscInt n, PetscReal values[])
{
  PetscMPIInt count, failed = mine ? 1 : 0;

  PetscFunctionBegin;
  if (p->size > 1) {
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)p)));
    PetscCall(PetscMPIIntCast(n, &count));
  }
  PetscCall(mine);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_LIB, "the evaluation failed on another rank; see the message there");
  if (p->size > 1) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, values, count, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)p)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean of rel_l2 over samples idx[0..n-1]; NULL: all. With the parameters that the map holds. */
PetscErrorCode NomosProblemMeanRelativeL2(NomosProblem p, NomosData data, PetscInt n, const PetscInt idx[], PetscReal *mean)
{
  NomosEvaluator *e;
  NomosGrid       before;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  PetscCall(NomosProblemPrepareEvaluator(p, data));
  PetscCall(Find(p, data, &e));
  if (!idx) PetscCall(NomosDataGetSize(data, &n));
  PetscCall(PetscArrayzero(p->err, n));
  PetscCall(Occupy(p, e, &before));
  ierr = LocalErrors(p, e, data, n, idx, NULL, p->err);
  PetscCall(SumOverRanks(p, ierr, n, p->err));
  PetscCall(Release(p, e, &before));
  *mean = 0;
  for (PetscInt i = 0; i < n; i++) *mean += p->err[i] / (PetscReal)n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosProblemComputeErrors - relative errors of the map on a data set of any resolution

  Collective

  Input Parameters:
+ p    - the problem
- data - samples with input and output

  Output Parameters:
+ mean       - means over the samples
- per_sample - [samples], the same on every rank, or NULL

  Units:  relative, in physical units: |p-y|/|y| in L2, H^1, H^-1 (alpha = 1; cosines on axes that are not periodic), and
          the finite-difference H^1 of the loss h1fd
  Errors: PETSC_ERR_ARG_INCOMP where channels do not fit

  Level: beginner
.seealso: `NomosProblemPredict()`
@*/
PetscErrorCode NomosProblemComputeErrors(NomosProblem p, NomosData data, NomosErrors *mean, NomosErrors per_sample[])
{
  NomosEvaluator *e;
  NomosGrid       before;
  NomosErrors    *all = per_sample;
  PetscInt        n, cout;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscValidHeaderSpecific(data, NOMOS_DATA_CLASSID, 2);
  PetscCall(NomosProblemSetUpForData(p, data));
  PetscCall(Find(p, data, &e));
  PetscCall(SetUpTransforms(e));
  PetscCall(NomosDataGetSize(data, &n));
  PetscCall(NomosDataGetChannels(data, NULL, &cout));
  PetscCheck(cout == e->cout, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_INCOMP, "the model gives %" PetscInt_FMT " output channels, the data have %" PetscInt_FMT "; see -data_output", e->cout, cout);
  if (!all) PetscCall(PetscMalloc1(n, &all));
  PetscCall(PetscArrayzero(all, n));
  PetscCall(Occupy(p, e, &before));
  ierr = LocalErrors(p, e, data, n, NULL, all, NULL);
  PetscCall(SumOverRanks(p, ierr, 4 * n, (PetscReal *)all));
  PetscCall(Release(p, e, &before));
  PetscCall(PetscMemzero(mean, sizeof(*mean)));
  for (PetscInt i = 0; i < n; i++) {
    mean->rel_l2 += all[i].rel_l2 / (PetscReal)n;
    mean->rel_h1 += all[i].rel_h1 / (PetscReal)n;
    mean->rel_hm1 += all[i].rel_hm1 / (PetscReal)n;
    mean->rel_h1fd += all[i].rel_h1fd / (PetscReal)n;
  }
  if (!per_sample) PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosProblemPredict - the map's output for every sample of a data set, as a new data set

  Collective

  Input Parameters:
+ p    - the problem
. data - samples with input; any resolution
- file - nomos-dataset/1 to write: the stacked input fields as /input/a, the prediction as /output/prediction

  Errors: PETSC_ERR_FILE_OPEN, PETSC_ERR_FILE_WRITE; nothing half-written stays

  Level: beginner
.seealso: `NomosProblemComputeErrors()`
@*/
PetscErrorCode NomosProblemPredict(NomosProblem p, NomosData data, const char file[])
{
  const char     *in = "a", *out = "prediction";
  NomosEvaluator *e;
  NomosGrid       before;
  NomosData       o;
  PetscInt        n, rounds, first, count;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(NomosProblemSetUpForData(p, data));
  PetscCall(Find(p, data, &e));
  PetscCall(NomosDataGetSize(data, &n));
  PetscCall(NomosProblemLocalPart(p, n, &first, &count));
  rounds = ((n + p->size - 1) / p->size + e->chunk - 1) / e->chunk; /* the same on all ranks: writing is collective */
  PetscCall(NomosDataCreate(PetscObjectComm((PetscObject)p), &o));
  PetscCall(NomosDataWriteBegin(o, file, "prediction", &e->grid, n, 1, &in, &e->cin, 1, &out, &e->cout, NOMOS_DOUBLE));
  PetscCall(Occupy(p, e, &before));
  for (PetscInt r = 0; r < rounds; r++) {
    const PetscInt     at = r * e->chunk, take = PetscMax(0, PetscMin(e->chunk, count - at));
    const PetscScalar *x, *y;

    for (PetscInt i = 0; i < take; i++) e->idx[i] = first + at + i;
    if (take) PetscCall(Evaluate(e, data, take, PETSC_FALSE));
    PetscCall(VecGetArrayRead(e->x, &x));
    PetscCall(VecGetArrayRead(e->y, &y));
    PetscCall(NomosDataWriteSamples(o, take ? first + at : 0, take, x, y));
    PetscCall(VecRestoreArrayRead(e->y, &y));
    PetscCall(VecRestoreArrayRead(e->x, &x));
  }
  PetscCall(Release(p, e, &before));
  PetscCall(NomosDataWriteEnd(o));
  PetscCall(NomosDataDestroy(&o));
  PetscFunctionReturn(PETSC_SUCCESS);
}
