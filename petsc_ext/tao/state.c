/*
  state.c - the state of an optimizer in a file, for who has a Tao and nothing else of Nomos. The file is a nomos-checkpoint/1
  (docs/files.md): written aside, summed, renamed; verified before anything of it is used.

    /params/BLOCK            the solution by the names of NomosTaoSetBlocks(), or as one block "solution"
    /optimizer               @type @step @size @blocks (sum of names and shapes)  scalars
    /optimizer/NAME/BLOCK    the vectors of NomosTaoGetState()
    /rng                     @seed @counter @algorithm;  with batches /data @samples @batch @epoch @position @order_seed @file
*/
#include "tao.h"
#include "data/data.h"

typedef struct {
  const char *type;
  PetscInt    size, step, nstate, nscalars, nblocks;
  int64_t     signature;
  NomosBlock *blocks, whole; /* whole: the one block of a solution without names */
  Vec        *vecs;
  PetscReal  *scalars;
  const char *const *names;
} State;

static PetscErrorCode GetState(Tao tao, State *v)
{
  NomosTaoShared *s;
  uint64_t        h = 0;
  Vec             x;

  PetscFunctionBegin;
  PetscCall(TaoGetSolution(tao, &x));
  PetscCheck(x, PetscObjectComm((PetscObject)tao), PETSC_ERR_ORDER, "the optimizer has no solution yet; call TaoSetSolution() first");
  PetscCall(TaoGetType(tao, &v->type));
  PetscCall(NomosTaoGetState(tao, &v->nstate, &v->names, &v->vecs, &v->step));
  PetscCheck(v->nstate, PetscObjectComm((PetscObject)tao), PETSC_ERR_SUP, "type '%s' has no state that can be saved; types of Nomos that take steps on batches have one, for example -tao_type adamw", v->type ? v->type : "none");
  PetscCall(NomosTaoGetStateScalars(tao, &v->nscalars, &v->scalars));
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(VecGetSize(x, &v->size));
  v->whole   = (NomosBlock){.name = "solution", .size = v->size, .rank = 1, .shape = {v->size}};
  v->nblocks = s->nblocks ? s->nblocks : 1;
  v->blocks  = s->nblocks ? s->blocks : &v->whole;
  for (PetscInt b = 0; b < v->nblocks; b++) {
    for (const char *c = v->blocks[b].name; *c; c++) h = NomosMix(h + (unsigned char)*c);
    for (PetscInt j = 0; j < v->blocks[b].rank; j++) h = NomosMix(h + (uint64_t)v->blocks[b].shape[j]);
  }
  v->signature = (int64_t)(h >> 1); /* not negative */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A block's own shape, or its length where it was given none. */
static int ShapeOf(const NomosBlock *b, int64_t shape[NOMOS_MAX_RANK])
{
  PetscInt64 n = 1;

  for (PetscInt j = 0; j < b->rank && j < NOMOS_MAX_RANK; j++) n *= shape[j] = b->shape[j];
  if (b->rank > 0 && n == b->size) return (int)b->rank;
  shape[0] = b->size;
  return 1;
}

/* The vector whole on rank 0. */
static PetscErrorCode PutVector(const State *v, NomosImage image, const char group[], Vec x, NomosWhy *why)
{
  const PetscScalar *a;
  Vec                all;
  VecScatter         scatter;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToZero(x, &scatter, &all));
  PetscCall(VecScatterBegin(scatter, x, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, x, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(all, &a));
  for (PetscInt b = 0; image && b < v->nblocks && !why->code; b++) {
    const NomosBlock *k = &v->blocks[b];
    int64_t           shape[NOMOS_MAX_RANK];
    const int         rank = ShapeOf(k, shape);

    NomosImagePutTensor(image, group, k->name, 'd', rank, shape, a + k->start, why);
  }
  PetscCall(VecRestoreArrayRead(all, &a));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutNumbers(Tao tao, const State *v, NomosImage image, NomosWhy *why)
{
  const int64_t   shape = v->nscalars;
  NomosTaoShared *s;
  PetscInt        steps;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  NomosImagePutString(image, "/optimizer", "type", v->type, why);
  NomosImagePutInteger(image, "/optimizer", "step", v->step, why);
  NomosImagePutInteger(image, "/optimizer", "size", v->size, why);
  NomosImagePutInteger(image, "/optimizer", "blocks", v->signature, why);
  NomosImagePutTensor(image, "/optimizer", "scalars", 'd', 1, &shape, v->scalars, why);
  NomosImagePutInteger(image, "/rng", "seed", s->seed, why);
  NomosImagePutInteger(image, "/rng", "counter", v->step, why);
  NomosImagePutString(image, "/rng", "algorithm", "philox4x32-10", why);
  if (!s->samples) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTaoGetStepsPerEpoch(tao, &steps));
  NomosImagePutString(image, "/data", "file", "", why);
  NomosImagePutInteger(image, "/data", "samples", s->samples, why);
  NomosImagePutInteger(image, "/data", "batch", s->batch, why);
  NomosImagePutInteger(image, "/data", "epoch", v->step / steps, why);
  NomosImagePutInteger(image, "/data", "position", v->step % steps, why);
  NomosImagePutInteger(image, "/data", "order_seed", s->seed, why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSave - writes solution and state of an optimizer of ours, so that NomosTaoLoad() can go on

  Collective

  Input Parameters:
+ tao  - the optimizer, with its solution
- file - name of the file (nomos-checkpoint/1); an older one stays whole until the new one is

  Note:
  Training runs on data have checkpoints of their own (`-nomos_checkpoint`). Settings (rates, schedule, batches) are the program's: give
  them as they were before NomosTaoLoad().

  Errors: PETSC_ERR_ORDER without a solution; PETSC_ERR_SUP for types that are not ours; PETSC_ERR_FILE_WRITE where the file cannot be written, on all ranks

  Level: advanced
.seealso: `NomosTaoLoad()`, `NomosTaoGetState()`
@*/
PetscErrorCode NomosTaoSave(Tao tao, const char file[])
{
  const MPI_Comm comm  = PetscObjectComm((PetscObject)tao);
  NomosImage     image = NULL;
  NomosWhy       why   = {0, ""};
  State          v;
  PetscMPIInt    rank;
  char           group[64];
  Vec            x;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscCall(GetState(tao, &v));
  PetscCall(TaoGetSolution(tao, &x));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0 && !NomosImageCreate(&image, &why)) PetscCall(PutNumbers(tao, &v, image, &why));
  PetscCall(PutVector(&v, image, "/params", x, &why));
  for (PetscInt i = 0; i < v.nstate; i++) {
    PetscCall(PetscSNPrintf(group, sizeof(group), "/optimizer/%s", v.names[i]));
    PetscCall(PutVector(&v, image, group, v.vecs[i], &why));
  }
  if (image && !why.code) NomosImageWrite(image, file, v.step, &why);
  if (image) NomosImageDestroy(&image);
  PetscCall(NomosWhyRaise(comm, &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- loading ------------------------------------------------------------------------------------------------------ */
static int Expect(NomosH5 h, const char group[], const char name[], int64_t want, const char what[], NomosWhy *why)
{
  int64_t got;

  if (NomosH5GetNumber(h, group, name, 1, &got, why) || got == want) return why->code;
  return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "the optimizer in '%s' has %s %lld, this one %lld; load it into the same problem with the same settings", NomosH5GetPath(h), what, (long long)got, (long long)want);
}

static int CheckBelongs(NomosH5 h, const State *v, const NomosTaoShared *s, NomosWhy *why)
{
  char type[64];

  if (NomosH5GetString(h, "/optimizer", "type", type, sizeof(type), why)) return why->code;
  if (strcmp(type, v->type)) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "the optimizer in '%s' is of type '%s', this one '%s'; choose the same with -tao_type", NomosH5GetPath(h), type, v->type);
  if (Expect(h, "/optimizer", "size", v->size, "a solution of size", why) || Expect(h, "/optimizer", "blocks", v->signature, "blocks whose names and shapes have the sum", why) || Expect(h, "/rng", "seed", s->seed, "the seed", why)) return why->code;
  if (NomosH5Has(h, "/data") ? !s->samples : s->samples > 0) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "the optimizer in '%s' steps on %s, this one on %s; see NomosTaoSetBatch()", NomosH5GetPath(h), s->samples ? "everything" : "batches", s->samples ? "batches" : "everything");
  if (s->samples && (Expect(h, "/data", "samples", s->samples, "a number of samples of", why) || Expect(h, "/data", "batch", s->batch, "a batch of", why))) return why->code;
  return 0;
}

/* Rank 0: one vector of the file into a. */
static int ReadVector(NomosH5 h, const State *v, const char group[], PetscScalar a[], NomosWhy *why)
{
  for (PetscInt b = 0; b < v->nblocks && !why->code; b++) {
    const NomosBlock *k = &v->blocks[b];
    NomosH5Info       info;
    char              path[2 * NOMOS_MAX_NAME];

    snprintf(path, sizeof(path), "%s/%s", group, k->name);
    if (NomosH5GetInfo(h, path, &info, why)) break;
    if (info.count != k->size) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' of '%s' has %lld values, expected %lld", path, NomosH5GetPath(h), (long long)info.count, (long long)k->size);
    else NomosH5Read(h, path, NULL, NULL, a + k->start, why);
  }
  return why->code;
}

/* What rank 0 has read is dealt out. */
static PetscErrorCode Deal(const PetscScalar from[], Vec x)
{
  Vec          all;
  VecScatter   scatter;
  PetscInt     n;
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToZero(x, &scatter, &all));
  PetscCall(VecGetLocalSize(all, &n));
  PetscCall(VecGetArrayWrite(all, &a));
  if (n) PetscCall(PetscArraycpy(a, from, n));
  PetscCall(VecRestoreArrayWrite(all, &a));
  PetscCall(VecScatterBegin(scatter, all, x, INSERT_VALUES, SCATTER_REVERSE));
  PetscCall(VecScatterEnd(scatter, all, x, INSERT_VALUES, SCATTER_REVERSE));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0: the whole file into values (solution, then the state vectors) and scalars. */
static void ReadAll(const char file[], const State *v, const NomosTaoShared *s, PetscScalar values[], PetscReal scalars[], int64_t *step, NomosWhy *why)
{
  NomosCheckpoint c;
  NomosH5Info     info;
  NomosH5         h = NULL;
  char            group[64];

  if (NomosCheckpointOpen(file, &h, &c, why)) return;
  if (!CheckBelongs(h, v, s, why) && !NomosH5GetNumber(h, "/optimizer", "step", 1, step, why) && !NomosH5GetInfo(h, "/optimizer/scalars", &info, why)) {
    if (info.count != v->nscalars || *step < 0 || *step > PETSC_MAX_INT) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has %lld numbers and step %lld, expected %lld numbers and a step that is not negative", file, (long long)info.count, (long long)*step, (long long)v->nscalars);
    else NomosH5Read(h, "/optimizer/scalars", NULL, NULL, scalars, why);
    if (!why->code) ReadVector(h, v, "/params", values, why);
    for (PetscInt i = 0; i < v->nstate && !why->code; i++) {
      snprintf(group, sizeof(group), "/optimizer/%s", v->names[i]);
      ReadVector(h, v, group, values + (size_t)(i + 1) * (size_t)v->size, why);
    }
  }
  NomosH5Close(&h);
}

/*@C
  NomosTaoLoad - takes solution and state from a file of NomosTaoSave(): the next TaoSolve() goes on where it was written

  Collective

  Input Parameters:
+ tao  - the optimizer: type, solution, batches and blocks as they were
- file - name of the file

  Notes:
  Rank 0 reads and deals out, so that any number of ranks goes on. On the same number the run is that without the interruption, bit
  for bit; `-tao_max_it` counts total steps. Where the file is refused, solution and state stay as they are.

  Errors: PETSC_ERR_FILE_UNEXPECTED for a damaged file, or one of another type, size, seed, batch or blocks, with both values; PETSC_ERR_FILE_OPEN; on all ranks

  Level: advanced
.seealso: `NomosTaoSave()`, `NomosTaoSetStep()`
@*/
PetscErrorCode NomosTaoLoad(Tao tao, const char file[])
{
  const MPI_Comm  comm = PetscObjectComm((PetscObject)tao);
  NomosWhy        why  = {0, ""};
  NomosTaoShared *s;
  State           v;
  PetscMPIInt     rank;
  PetscScalar    *values = NULL;
  PetscReal       scalars[NOMOS_NUM_SCALARS] = {0};
  int64_t         step = 0;
  Vec             x;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscCall(GetState(tao, &v));
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(TaoGetSolution(tao, &x));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    PetscCall(PetscMalloc1((size_t)(v.nstate + 1) * (size_t)v.size, &values));
    ReadAll(file, &v, s, values, scalars, &step, &why);
    if (why.code) PetscCall(PetscFree(values));
  }
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(scalars, NOMOS_NUM_SCALARS, MPIU_REAL, 0, comm));
  PetscCallMPI(MPI_Bcast(&step, 1, MPI_INT64_T, 0, comm));
  PetscCall(Deal(values, x));
  for (PetscInt i = 0; i < v.nstate; i++) PetscCall(Deal(values ? values + (size_t)(i + 1) * (size_t)v.size : NULL, v.vecs[i]));
  PetscCall(PetscFree(values));
  PetscCall(NomosTaoSetStep(tao, (PetscInt)step));
  PetscCall(PetscArraycpy(v.scalars, scalars, v.nscalars));
  PetscFunctionReturn(PETSC_SUCCESS);
}
