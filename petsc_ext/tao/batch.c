/*
  batch.c - what an optimizer is told about the problem beside f and g: which samples a step sees, and the blocks of the
  parameter vector.

  Order: epoch e, place k in it. shuffle: entry k of the keyed permutation of (seed, e) (kernels/random.h), nothing is
  stored, so a restart needs only the step; sequential: k; replace: drawn anew for every place. The last short batch is kept.
*/
#include "tao.h"

const char *const NomosOrders[] = {"shuffle", "sequential", "replace", "NomosOrder", "NOMOS_ORDER_", NULL};

static PetscInt StepsPerEpoch(const NomosTaoShared *s)
{
  return s->samples ? s->samples / s->batch + (s->samples % s->batch ? 1 : 0) : 1;
}

/*@C
  NomosTaoSetBatch - gives the samples of each step to the one who evaluates f and g

  Logically Collective

  Input Parameters:
+ tao     - the optimizer, any type; only types that step on batches (Nomos' own) call begin
. samples - size of the training set
. batch   - samples in a step, over all ranks; the last batch of an epoch may be shorter
. begin   - called once a step, before anything is evaluated, with the same list on every rank; NULL takes batches away
- ctx     - handed to begin

  Note:
  All evaluations of a step see the same samples. With batches the convergence test is stochastic (see NomosTaoSetConvergence()).

  Errors: PETSC_ERR_ARG_OUTOFRANGE for sizes below 1

  Level: intermediate
.seealso: `NomosTaoSetBatchOrder()`, `NomosTaoGetBatch()`, `NomosTaoGetStepsPerEpoch()`
@*/
PetscErrorCode NomosTaoSetBatch(Tao tao, PetscInt samples, PetscInt batch, PetscErrorCode (*begin)(Tao, PetscInt, PetscInt, const PetscInt[], void *), void *ctx)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  if (begin) {
    PetscCheck(samples >= 1, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "a training set of %" PetscInt_FMT " samples; it needs at least 1", samples);
    PetscCheck(batch >= 1, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-data_batch is %" PetscInt_FMT "; it must be at least 1", batch);
    batch = PetscMin(batch, samples);
  } else samples = batch = 0;
  PetscCall(PetscFree(s->idx));
  if (batch) PetscCall(PetscMalloc1(batch, &s->idx));
  s->samples   = samples;
  s->batch     = batch;
  s->begin     = begin;
  s->begin_ctx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSetBatchOrder - the order in which steps see the samples

  Logically Collective

  Input Parameters:
+ tao   - the optimizer
. order - shuffle (default), sequential or replace
- seed  - the order is a function of (seed, epoch) alone

  Options Database Keys:
+ -data_order <shuffle> - shuffle, sequential or replace
- -nomos_seed <0>       - the seed

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another order

  Level: intermediate
@*/
PetscErrorCode NomosTaoSetBatchOrder(Tao tao, const char order[], PetscInt64 seed)
{
  NomosTaoShared *s;
  PetscBool       same = PETSC_FALSE;
  PetscInt        i    = 0;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  while (i < 3 && !same) PetscCall(PetscStrcasecmp(order, NomosOrders[i++], &same));
  PetscCheck(same, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_UNKNOWN_TYPE, "-data_order '%s' is unknown; it is one of shuffle, sequential, replace", order);
  s->order = (NomosOrder)(i - 1);
  s->seed  = seed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoGetStepsPerEpoch - steps in a pass over the training set; 1 without batches

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosTaoGetStepsPerEpoch(Tao tao, PetscInt *steps)
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  *steps = StepsPerEpoch(s);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoGetBatch - the samples of a step; any step may be asked for

  Not Collective

  Input Parameters:
+ tao  - the optimizer
- step - 0, 1, ...

  Output Parameters:
+ n   - samples, 0 without batches
- idx - their numbers, valid until the next call

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative step

  Level: intermediate
.seealso: `NomosTaoSetBatch()`
@*/
PetscErrorCode NomosTaoGetBatch(Tao tao, PetscInt step, PetscInt *n, const PetscInt *idx[])
{
  NomosTaoShared *s;
  PetscInt        steps, epoch, first, count;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCheck(step >= 0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "step %" PetscInt_FMT " is negative", step);
  *n   = 0;
  *idx = NULL;
  if (!s->samples) PetscFunctionReturn(PETSC_SUCCESS);
  steps = StepsPerEpoch(s);
  epoch = step / steps;
  first = step % steps * s->batch;
  count = PetscMin(s->batch, s->samples - first);
  for (PetscInt j = 0; j < count; j++) {
    const PetscInt k = first + j;

    if (s->order == NOMOS_ORDER_SHUFFLE) s->idx[j] = (PetscInt)NomosPermute((uint64_t)s->seed, (uint32_t)epoch, (uint64_t)s->samples, (uint64_t)k);
    else if (s->order == NOMOS_ORDER_SEQUENTIAL) s->idx[j] = k;
    else s->idx[j] = PetscMin(s->samples - 1, (PetscInt)(NomosUniform((uint64_t)s->seed, (uint32_t)epoch, NOMOS_RANDOM_ORDER, 255, (uint64_t)k) * (double)s->samples));
  }
  *n   = count;
  *idx = s->idx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTaoBatchBegin(Tao tao, PetscInt step)
{
  NomosTaoShared *s;
  const PetscInt *idx;
  PetscInt        n;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  if (!s->begin) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTaoGetBatch(tao, step, &n, &idx));
  PetscCall((*s->begin)(tao, step, n, idx, s->begin_ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSetBlocks - names the tensors inside the parameter vector

  Logically Collective

  Input Parameters:
+ tao    - the optimizer
. n      - number of blocks; 0 takes them away
- blocks - in order; they tile the global vector. A complex block is pairs (re, im) and no pair may straddle ranks

  Note:
  The table is copied. lr_mult, wd_mult and frozen act in the types that use blocks.

  Errors: PETSC_ERR_ARG_INCOMP, at TaoSetUp(), when the blocks do not tile the vector

  Level: intermediate
@*/
PetscErrorCode NomosTaoSetBlocks(Tao tao, PetscInt n, const NomosBlock blocks[])
{
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCheck(n >= 0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " blocks", n);
  for (PetscInt i = 0; i < s->nblocks; i++) PetscCall(PetscFree(s->blocks[i].name));
  PetscCall(PetscFree(s->blocks));
  s->nblocks = 0;
  if (n) PetscCall(PetscMalloc1(n, &s->blocks));
  for (PetscInt i = 0; i < n; i++) {
    char *name;

    PetscCall(PetscStrallocpy(blocks[i].name ? blocks[i].name : "", &name));
    s->blocks[i]      = blocks[i];
    s->blocks[i].name = name;
    s->nblocks        = i + 1;
  }
  tao->setupcalled = PETSC_FALSE; /* a type may have cut the old ones */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Do the blocks tile the solution? No pair over two ranks? Nonsense multipliers? */
PetscErrorCode NomosTaoBlocksCheck(Tao tao)
{
  const MPI_Comm  comm = PetscObjectComm((PetscObject)tao);
  NomosTaoShared *s;
  PetscInt        size, lo, hi, at = 0;
  int             torn = 0, any;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  if (!s->nblocks) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSize(tao->solution, &size));
  PetscCall(VecGetOwnershipRange(tao->solution, &lo, &hi));
  for (PetscInt i = 0; i < s->nblocks; i++) {
    const NomosBlock *b = &s->blocks[i];

    PetscCheck(b->start == at && b->size >= 0 && b->size <= size - at, comm, PETSC_ERR_ARG_INCOMP, "block '%s' covers [%" PetscInt_FMT ", %" PetscInt_FMT "); blocks must tile [0, %" PetscInt_FMT ") and the next one starts at %" PetscInt_FMT, b->name, b->start, b->start + b->size, size, at);
    PetscCheck(!b->is_complex || b->size % 2 == 0, comm, PETSC_ERR_ARG_INCOMP, "complex block '%s' has %" PetscInt_FMT " real entries; they come in pairs", b->name, b->size);
    PetscCheck(b->lr_mult >= 0 && b->wd_mult >= 0, comm, PETSC_ERR_ARG_OUTOFRANGE, "block '%s': lr_mult is %g and wd_mult %g; they must not be negative (1 by default)", b->name, (double)b->lr_mult, (double)b->wd_mult);
    if (b->is_complex) {
      if (lo > at && lo < at + b->size && (lo - at) % 2) torn = 1;
      if (hi > at && hi < at + b->size && (hi - at) % 2) torn = 1;
    }
    at += b->size;
  }
  PetscCheck(at == size, comm, PETSC_ERR_ARG_INCOMP, "the blocks cover [0, %" PetscInt_FMT "), the solution has %" PetscInt_FMT " entries: they must tile it", at, size);
  PetscCallMPI(MPI_Allreduce(&torn, &any, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!any, comm, PETSC_ERR_ARG_INCOMP, "a (re, im) pair of a complex block lies on two ranks; give every rank a multiple of 2 (NomosProblem: 128) entries");
  PetscFunctionReturn(PETSC_SUCCESS);
}
