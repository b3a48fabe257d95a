/*
  checkpoint.c - the state of a run in one file, and back; model files.

  A checkpoint is a model (options, parameters, normalisers) and what the rest of the run follows from: the optimizer's
  vectors by block, its numbers, seed, place in the data. Rank 0 reads and writes, gathered and dealt out here, so that any
  number of ranks continues what another number began. A checkpoint that cannot be written is reported, and tried again at
  the next interval: the run goes on.
*/
#include "problem.h"
#include "model.h"

/* Samples at both ends of the training set, as one number: says whether a run goes on with its own data. */
static PetscErrorCode DataSum(NomosProblem p, int64_t *sum)
{
  const PetscInt n = PetscMin(p->ntrain, 16);
  PetscInt       cin, cout, points, k;
  PetscScalar   *x, *y;
  NomosGrid      g;
  uint64_t       s = 0;

  PetscFunctionBegin;
  PetscCall(NomosDataGetGrid(p->data, &g));
  PetscCall(NomosGridPoints(&g, &points));
  PetscCall(NomosDataGetChannels(p->data, &cin, &cout));
  PetscCall(PetscMalloc1(cin * points, &x));
  PetscCall(PetscMalloc1(cout * points, &y));
  for (PetscInt i = 0; i < 2 * n; i++) {
    k = i < n ? i : p->ntrain - 1 - (i - n);
    if (p->train) k = p->train[k];
    PetscCall(NomosDataGetSamples(p->data, 1, &k, x, y));
    s += NomosSum(x, 8, (int64_t)i * (cin + cout) * points, cin * points) + NomosSum(y, 8, ((int64_t)i * (cin + cout) + cin) * points, cout * points);
  }
  PetscCall(PetscFree(x));
  PetscCall(PetscFree(y));
  *sum = (int64_t)(s >> 1); /* not negative */
  PetscFunctionReturn(PETSC_SUCCESS);
}

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

static PetscErrorCode PutRun(NomosProblem p, NomosImage image, PetscInt step, NomosWhy *why)
{
  const char    *file;
  char           version[128];
  int64_t        sum;
  PetscLogDouble now;

  PetscFunctionBegin;
  if (p->rank) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DataSum(p, &sum));
  PetscCall(NomosDataGetFileName(p->data, &file));
  PetscCall(PetscGetVersion(version, sizeof(version)));
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
  NomosImagePutReal(image, "/history", "time_s", p->time_before + (now - p->start), why);
  NomosImagePutReal(image, "/history", "f", p->last_f, why);
  NomosImagePutInteger(image, "/history", "samples", p->samples, why);
  NomosImagePutString(image, "/env", "petsc", version, why);
  NomosImagePutInteger(image, "/env", "ranks", p->size, why);
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

/* ---- reading ----------------------------------------------------------------------------------------------------- */
typedef struct { /* what rank 0 tells the others */
  int     found;
  int64_t step, samples, best_step;
  double  time, f, best_error;
  char    path[4096], skipped[4096];
} State;

static int Expect(NomosH5 h, const char path[], const char group[], const char name[], int64_t want, const char option[], NomosWhy *why)
{
  int64_t got;

  if (NomosH5GetNumber(h, group, name, 1, &got, why)) return why->code;
  if (got != want) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "the run in '%s' has %s %lld, this one %lld; give %s as it was, or start anew without -nomos_restart", path, name, (long long)got, (long long)want, option);
  return 0;
}

static int CheckRun(NomosProblem p, NomosH5 h, const State *s, const char type[], int64_t sum, NomosWhy *why)
{
  char theirs[64];

  if (NomosH5GetString(h, "/optimizer", "type", theirs, sizeof(theirs), why)) return why->code;
  if (strcmp(theirs, type)) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "the run in '%s' was made with -tao_type %s, this one has %s; give the same type, or start anew without -nomos_restart", s->path, theirs, type);
  if (Expect(h, s->path, "/rng", "seed", p->seed, "-nomos_seed", why)) return why->code;
  if (Expect(h, s->path, "/data", "samples", p->ntrain, "-data", why)) return why->code;
  if (Expect(h, s->path, "/data", "batch", p->batch, "-data_batch", why)) return why->code;
  return Expect(h, s->path, "/data", "checksum", sum, "-data", why);
}

static int ReadBlocks(NomosProblem p, NomosH5 h, const char path[], const char group[], PetscScalar all[], NomosWhy *why)
{
  for (PetscInt b = 0; b < p->map->nblocks; b++) {
    const NomosBlock *k = &p->map->blocks[b];
    char              name[2 * NOMOS_MAX_NAME];
    NomosH5Info       info;
    int               same;

    snprintf(name, sizeof(name), "%s/%s", group, k->name);
    if (!NomosH5Has(h, name)) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' holds no '%s': it belongs to another net; give the options of that run", path, name);
    if (NomosH5GetInfo(h, name, &info, why)) return why->code;
    same = info.rank == k->rank;
    for (int j = 0; same && j < info.rank; j++) same = info.shape[j] == k->shape[j];
    if (!same) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' of '%s' has another shape than this net's: %lld entries, expected %lld; give the options of that run", name, path, (long long)info.count, (long long)k->size);
    if (NomosH5Read(h, name, NULL, NULL, all + k->start, why)) return why->code;
  }
  return 0;
}

/* A vector by blocks from rank 0 to its shards. */
static PetscErrorCode TakeBlocks(NomosProblem p, NomosH5 h, const char path[], const char group[], Vec v)
{
  NomosWhy     why = {0, ""};
  PetscScalar *all = NULL, *mine;
  MPI_Comm     comm = PetscObjectComm((PetscObject)p);

  PetscFunctionBegin;
  if (p->rank == 0) {
    PetscCall(PetscMalloc1(p->np, &all));
    ReadBlocks(p, h, path, group, all, &why);
  }
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCall(VecGetArrayWrite(v, &mine));
  PetscCallMPI(MPI_Scatterv(all, p->counts, p->displs, MPIU_SCALAR, mine, p->counts[p->rank], MPIU_SCALAR, 0, comm));
  PetscCall(VecRestoreArrayWrite(v, &mine));
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0: the newest checkpoint that verifies and its numbers. */
static int OpenNewest(const char from[], NomosH5 *h, State *s, NomosWhy *why)
{
  NomosCheckpoint c;

  if (NomosCheckpointNewest(from, h, &c, &s->found, s->skipped, sizeof(s->skipped), why) || !s->found) return why->code;
  snprintf(s->path, sizeof(s->path), "%s", c.path);
  if (!NomosH5Has(*h, "/optimizer")) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' is a model without the state of a run; start from it with -model", s->path);
  NomosH5GetNumber(*h, "/optimizer", "step", 1, &s->step, why);
  NomosH5GetNumber(*h, "/history", "samples", 1, &s->samples, why);
  NomosH5GetNumber(*h, "/history", "time_s", 0, &s->time, why);
  NomosH5GetNumber(*h, "/history", "f", 0, &s->f, why);
  s->best_error = -1;
  if (NomosH5Has(*h, "/best")) {
    NomosH5GetNumber(*h, "/best", "error", 0, &s->best_error, why);
    NomosH5GetNumber(*h, "/best", "step", 1, &s->best_step, why);
  }
  return why->code;
}

static PetscErrorCode TakeOptimizer(NomosProblem p, Tao tao, NomosH5 h, const State *s)
{
  MPI_Comm           comm = PetscObjectComm((PetscObject)p);
  NomosWhy           why  = {0, ""};
  const char *const *names;
  Vec               *vecs;
  PetscInt           n, m;
  PetscReal         *numbers;
  char               group[64];

  PetscFunctionBegin;
  PetscCall(NomosTaoGetState(tao, &n, &names, &vecs, NULL));
  if (!n) {
    PetscCall(PetscPrintf(comm, "nomos: this optimizer keeps no state in files: it starts anew from the parameters of '%s'\n", s->path));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(PetscSNPrintf(group, sizeof(group), "/optimizer/%s", names[i]));
    PetscCall(TakeBlocks(p, h, s->path, group, vecs[i]));
  }
  PetscCall(NomosTaoSetStep(tao, (PetscInt)s->step));
  PetscCall(NomosTaoGetStateScalars(tao, &m, &numbers));
  if (p->rank == 0) {
    NomosH5Info info;

    if (!NomosH5GetInfo(h, "/optimizer/scalars", &info, &why) && info.count != m) NomosWhySet(&why, PETSC_ERR_FILE_UNEXPECTED, "'%s' holds %lld numbers of the optimizer, expected %d", s->path, (long long)info.count, (int)m);
    else if (!why.code) NomosH5Read(h, "/optimizer/scalars", NULL, NULL, numbers, &why);
  }
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(numbers, (PetscMPIInt)m, MPIU_REAL, 0, comm));
  p->first_step = p->done = (PetscInt)s->step; /* also where nothing is left to do */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -nomos_restart: parameters, optimizer and counters of the newest checkpoint that verifies. */
PetscErrorCode NomosProblemRestart(NomosProblem p, Tao tao)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)p);
  const char *from = p->restart;
  NomosWhy    why  = {0, ""};
  NomosH5     h    = NULL;
  State      *s;
  TaoType     type;
  PetscBool   automatic;
  int64_t     sum = 0;

  PetscFunctionBegin;
  p->restart_due = PETSC_FALSE;
  PetscCall(PetscStrcmp(from, "auto", &automatic));
  PetscCheck(!automatic || p->checkpoint_dir[0], comm, PETSC_ERR_ARG_WRONG, "-nomos_restart auto looks in the checkpoint folder, and none is named; give -nomos_checkpoint DIR");
  if (automatic) from = p->checkpoint_dir;
  PetscCall(TaoGetType(tao, &type));
  PetscCall(PetscNew(&s));
  if (p->rank == 0) {
    PetscBool there = PETSC_TRUE;

    PetscCall(DataSum(p, &sum));
    if (automatic) PetscCall(PetscTestDirectory(from, 'r', &there));
    if (there) OpenNewest(from, &h, s, &why);
    if (s->found && !why.code) CheckRun(p, h, s, type, sum, &why);
  }
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(s, (PetscMPIInt)sizeof(*s), MPI_BYTE, 0, comm));
  if (s->skipped[0]) PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: %s\n", s->skipped));
  PetscCheck(s->found || (automatic && !s->skipped[0]), comm, PETSC_ERR_FILE_UNEXPECTED, "no checkpoint in '%s' can be used; start anew without -nomos_restart", from);
  if (!s->found) {
    PetscCall(PetscPrintf(comm, "nomos: no checkpoint in '%s' yet: starting anew\n", from));
    PetscCall(PetscFree(s));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(TakeBlocks(p, h, s->path, "/params", p->theta));
  PetscCall(TakeOptimizer(p, tao, h, s));
  if (p->keep_best && s->best_error >= 0) {
    if (!p->best) PetscCall(VecDuplicate(p->theta, &p->best));
    PetscCall(TakeBlocks(p, h, s->path, "/best", p->best));
    p->best_error = s->best_error;
    p->best_step  = (PetscInt)s->best_step;
  }
  p->time_before    = s->time;
  p->samples_before = s->samples;
  p->last_f         = s->f;
  if (h) NomosH5Close(&h);
  PetscCall(PetscPrintf(comm, "nomos: continuing '%s' at step %" PetscInt64_FMT "\n", s->path, (PetscInt64)s->step));
  PetscCall(PetscFree(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A new run does not mix its checkpoints with those of an older one: the newest of both would be the older run's. */
PetscErrorCode NomosProblemCheckFolder(NomosProblem p)
{
  NomosWhy why = {0, ""};
  NomosH5  h   = NULL;
  State   *s;
  PetscBool there = PETSC_FALSE;

  PetscFunctionBegin;
  if (!p->checkpoint_dir[0] || p->first_step) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscNew(&s));
  if (p->rank == 0) {
    NomosCheckpoint c;

    PetscCall(PetscTestDirectory(p->checkpoint_dir, 'r', &there));
    if (there) NomosCheckpointNewest(p->checkpoint_dir, &h, &c, &s->found, s->skipped, sizeof(s->skipped), &why);
    if (h) NomosH5Close(&h);
    if (!why.code && (s->found || s->skipped[0])) NomosWhySet(&why, PETSC_ERR_FILE_UNEXPECTED, "the folder '%s' holds checkpoints of an earlier run, found before the first step of a new one; go on with -nomos_restart auto, or give another folder to -nomos_checkpoint", p->checkpoint_dir);
  }
  PetscCall(PetscFree(s));
  PetscCall(NomosWhyRaise(PetscObjectComm((PetscObject)p), &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- model files ------------------------------------------------------------------------------------------------- */
/*@C
  NomosProblemSave - writes the trained net as a model

  Collective

  Input Parameters:
+ p    - the problem
- file - nomos-checkpoint/1, or safetensors when the name ends in .safetensors

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
