/*
  checkpoint.c - the state of a run in one file (restart.c reads it back); model files.

  A checkpoint is a model (options, parameters, normalisers) and what the rest of the run follows from: the optimizer's
  vectors by block, its numbers, seed, place in the data. Rank 0 writes what is gathered here. A checkpoint that cannot be
  written is reported, and tried again at the next interval: the run goes on.
*/
#include "problem.h"
#include "model.h"
#include <nomosconfig.h>
#include <unistd.h>

/* ---- writing ----------------------------------------------------------------------------------------------------- */
/* A sharded vector whole on every rank; not kept in the buffer of the evaluation. */
static PetscErrorCode Whole(NomosProblem p, Vec v, const PetscScalar **a, Vec *seq)
{
  PetscFunctionBegin;
  PetscCall(NomosProblemGather(p, v, p->gseq, seq));
  PetscCall(VecGetArrayRead(*seq, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutBlocks(NomosProblem p, NomosImage image, const char group[], Vec v, NomosWhy *why)
{
  const PetscScalar *a;
  Vec                seq;

  PetscFunctionBegin;
  PetscCall(Whole(p, v, &a, &seq));
  for (PetscInt b = 0; p->rank == 0 && b < p->map->nblocks && !why->code; b++) {
    const NomosBlock *k = &p->map->blocks[b];
    int64_t           shape[NOMOS_MAX_RANK];

    for (PetscInt j = 0; j < k->rank; j++) shape[j] = k->shape[j];
    NomosImagePutTensor(image, group, k->name, 'd', (int)k->rank, shape, a + k->start, why);
  }
  PetscCall(VecRestoreArrayRead(seq, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutModel(NomosProblem p, NomosImage image, Vec theta, NomosWhy *why)
{
  char              *text;
  const PetscScalar *a;
  Vec                seq;
  NomosTensorOut    *out;
  int64_t          (*shapes)[NOMOS_MAX_RANK];
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(NomosMapGetModelOptions(p->map, &text));
  PetscCall(Whole(p, theta, &a, &seq));
  if (p->rank == 0) {
    PetscCall(PetscMalloc1(p->map->nblocks + 4, &out));
    PetscCall(PetscMalloc1(p->map->nblocks + 4, &shapes));
    PetscCall(NomosMapGetTensors(p->map, a, &n, out, shapes));
    NomosImagePutString(image, "/config", "options", text, why);
    for (PetscInt i = 0; i < n && !why->code; i++) NomosImagePutTensor(image, "/params", out[i].name, 'd', out[i].rank, out[i].shape, out[i].values, why);
    PetscCall(PetscFree(shapes));
    PetscCall(PetscFree(out));
  }
  PetscCall(VecRestoreArrayRead(seq, &a));
  PetscCall(PetscFree(text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutOptimizer(NomosProblem p, NomosImage image, PetscInt step, NomosWhy *why)
{
  const char *const *names;
  Vec               *vecs;
  PetscInt           n, m;
  PetscReal         *numbers;
  TaoType            type;
  char               group[64];

  PetscFunctionBegin;
  PetscCall(TaoGetType(p->tao, &type));
  PetscCall(NomosTaoGetState(p->tao, &n, &names, &vecs, NULL));
  PetscCall(NomosTaoGetStateScalars(p->tao, &m, &numbers));
  if (p->rank == 0) {
    const int64_t shape = m;

    NomosImagePutString(image, "/optimizer", "type", type, why);
    NomosImagePutInteger(image, "/optimizer", "step", step, why);
    if (m) NomosImagePutTensor(image, "/optimizer", "scalars", 'd', 1, &shape, numbers, why);
  }
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(PetscSNPrintf(group, sizeof(group), "/optimizer/%s", names[i]));
    PetscCall(PutBlocks(p, image, group, vecs[i], why));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where a run was: enough to see that two files come from one build and machine, and no name of a machine. */
static PetscErrorCode PutEnvironment(NomosProblem p, NomosImage image, NomosWhy *why)
{
  char        text[MPI_MAX_LIBRARY_VERSION_STRING], hash[20];
  uint64_t    host[32] = {0};
  PetscMPIInt len;

  PetscFunctionBegin;
  PetscCall(PetscGetVersion(text, sizeof(text)));
  NomosImagePutString(image, "/env", "petsc", text, why);
  PetscCallMPI(MPI_Get_library_version(text, &len));
  text[strcspn(text, ",\n")] = 0; /* name and release; the rest is how it was built */
  NomosImagePutString(image, "/env", "mpi", text, why);
  NomosImagePutInteger(image, "/env", "ranks", p->size, why);
  if (gethostname((char *)host, sizeof(host) - 1)) host[0] = 0;
  snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)NomosSum(host, 8, 0, 32));
  NomosImagePutString(image, "/env", "hostname_hash", hash, why);
  NomosImagePutString(image, "/env", "git", NOMOS_CONFIG_GIT, why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the order of samples is, as one number: the batch of this step. */
PetscErrorCode NomosProblemOrderSum(NomosProblem p, Tao tao, PetscInt step, int64_t *sum)
{
  const PetscInt *idx;
  PetscInt        n;
  uint64_t        s = 0;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetBatch(tao, step, &n, &idx));
  for (PetscInt i = 0; i < n; i++) s += NomosMix((uint64_t)idx[i] + NomosMix((uint64_t)i));
  *sum = (int64_t)(s >> 1); /* not negative */
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutRun(NomosProblem p, NomosImage image, PetscInt step, NomosWhy *why)
{
  const char    *file;
  int64_t        sum, order;
  PetscLogDouble now;

  PetscFunctionBegin;
  if (p->rank) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosProblemDataSum(p, &sum));
  PetscCall(NomosDataGetFileName(p->data, &file));
  PetscCall(NomosProblemOrderSum(p, p->tao, step, &order));
  PetscCall(PetscTime(&now));
  NomosImagePutInteger(image, "/rng", "seed", p->seed, why);
  NomosImagePutInteger(image, "/rng", "counter", step, why);
  NomosImagePutString(image, "/rng", "algorithm", "philox4x32-10", why);
  NomosImagePutString(image, "/data", "file", file ? file : "", why);
  NomosImagePutInteger(image, "/data", "checksum", sum, why);
  NomosImagePutInteger(image, "/data", "samples", p->ntrain, why);
  NomosImagePutInteger(image, "/data", "batch", p->batch, why);
  NomosImagePutInteger(image, "/data", "epoch", step / p->steps_per_epoch, why);
  NomosImagePutInteger(image, "/data", "position", step % p->steps_per_epoch, why);
  NomosImagePutInteger(image, "/data", "order_seed", p->seed, why);
  NomosImagePutInteger(image, "/data", "order_sum", order, why);
  NomosImagePutString(image, "/data", "symmetry", NomosSymmetries[p->symmetry], why);
  NomosImagePutReal(image, "/history", "time_s", p->time_before + (now - p->start), why);
  NomosImagePutReal(image, "/history", "f", p->last_f, why);
  NomosImagePutInteger(image, "/history", "samples", p->samples, why);
  PetscCall(NomosHistoryPut(p, image, why));
  PetscCall(PutEnvironment(p, image, why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutBest(NomosProblem p, NomosImage image, NomosWhy *why)
{
  PetscFunctionBegin;
  if (!p->best || !(p->best_error < PETSC_INFINITY)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PutBlocks(p, image, "/best", p->best, why));
  if (p->rank == 0) {
    NomosImagePutReal(image, "/best", "error", p->best_error, why);
    NomosImagePutInteger(image, "/best", "step", p->best_step, why);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The state before step `step`. */
PetscErrorCode NomosProblemCheckpoint(NomosProblem p, PetscInt step)
{
  NomosImage     image = NULL;
  NomosWhy       why   = {0, ""};
  Vec            theta;
  PetscLogDouble from, to;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(NOMOS_Ckpt, p, 0, 0, 0));
  PetscCall(PetscTime(&from));
  PetscCall(TaoGetSolution(p->tao, &theta));
  if (p->rank == 0) NomosImageCreate(&image, &why);
  PetscCall(PutModel(p, image, theta, &why));
  PetscCall(PutOptimizer(p, image, step, &why));
  PetscCall(PutRun(p, image, step, &why));
  PetscCall(PutBest(p, image, &why));
  if (p->rank == 0) {
    if (!why.code) NomosCheckpointSave(p->checkpoint_dir, (int)p->checkpoint_keep, image, step, &why);
    if (image) NomosImageDestroy(&image);
    if (why.code) PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "nomos: no checkpoint at step %" PetscInt_FMT ": %s; training goes on\n", step, why.text));
  }
  PetscCall(PetscTime(&to));
  p->write_time      = PetscMax(p->write_time, to - from);
  p->last_checkpoint = step;
  PetscCall(PetscLogEventEnd(NOMOS_Ckpt, p, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- model files ------------------------------------------------------------------------------------------------- */
/*@C
  NomosProblemSave - writes the trained net as a model

  Collective

  Input Parameters:
+ p    - the problem
- file - nomos-checkpoint/1, or safetensors when the name ends in .safetensors

  Errors: PETSC_ERR_ORDER without a net; PETSC_ERR_FILE_WRITE where the file cannot be written: an older one stays whole

  Level: beginner
.seealso: `NomosProblemLoad()`, `NomosMapSave()`
@*/
PetscErrorCode NomosProblemSave(NomosProblem p, const char file[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(p->map, PetscObjectComm((PetscObject)p), PETSC_ERR_ORDER, "the problem has no net to save");
  if (p->setup) PetscCall(NomosProblemUseParameters(p, p->theta));
  PetscCall(NomosMapSave(p->map, file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosProblemLoad - takes a model file as the net of the problem, with its parameters and normalisers

  Collective

  Input Parameters:
+ p    - the problem, not set up
- file - nomos-checkpoint/1 or safetensors

  Errors: PETSC_ERR_ORDER after the problem was set up; those of NomosMapLoad()

  Level: beginner
.seealso: `NomosProblemSave()`, `NomosMapLoad()`
@*/
PetscErrorCode NomosProblemLoad(NomosProblem p, const char file[])
{
  NomosMap map;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(!p->setup, PetscObjectComm((PetscObject)p), PETSC_ERR_ORDER, "NomosProblemLoad() after the problem was set up");
  PetscCall(NomosMapLoad(PetscObjectComm((PetscObject)p), file, &map));
  PetscCall(NomosProblemSetMap(p, map));
  PetscCall(NomosMapDestroy(&map));
  PetscFunctionReturn(PETSC_SUCCESS);
}
