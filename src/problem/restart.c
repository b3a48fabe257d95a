/*
  restart.c - a run from its newest checkpoint that verifies (checkpoint.c writes them).

  Rank 0 reads and deals out, so that any number of ranks continues what another number began. What would make another run of
  it is refused: another net, optimizer, seed, batch, order or symmetry of the samples, other data.
*/
#include "problem.h"
#include "model.h"

/* Samples at both ends of the training set, as one number: says whether a run goes on with its own data. */
PetscErrorCode NomosProblemDataSum(NomosProblem p, int64_t *sum)
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

/* The words of a value after key in a list of options, "" if the key is not there. */
static void ValueOf(const char list[], const char key[], char value[], size_t len)
{
  const size_t n  = strlen(key);
  const char  *at = list;

  value[0] = 0;
  while ((at = strstr(at, key))) {
    if ((at == list || at[-1] == ' ') && at[n] == ' ') {
      snprintf(value, len, "%.*s", (int)strcspn(at + n + 1, " "), at + n + 1);
      return;
    }
    at += n;
  }
}

/* Both lists were made by one function from a net, so that words can be compared: tensors of one shape may belong to nets that compute differently. */
static int CheckOptions(NomosH5 h, const char path[], const char mine[], NomosWhy *why)
{
  static const char *const free_keys[] = {"-net_precision", "-net_fno_conv", "-net_fno_shift"}; /* how to compute, not what */
  char                    *theirs      = (char *)malloc(65536), key[128], a[256], b[256];
  const char              *at;

  if (!theirs) return NomosWhySet(why, PETSC_ERR_MEM, "no memory for the options of '%s'", path);
  if (!NomosH5GetString(h, "/config", "options", theirs, 65536, why))
    for (at = theirs; (at = strstr(at, "-net_")) && !why->code; at += strlen(key)) {
      int skip = 0;

      snprintf(key, sizeof(key), "%.*s", (int)strcspn(at, " "), at);
      for (int i = 0; i < 3; i++) skip = skip || !strcmp(key, free_keys[i]);
      ValueOf(theirs, key, a, sizeof(a));
      ValueOf(mine, key, b, sizeof(b));
      if (!skip && strcmp(a, b)) NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "the run in '%s' has %s %s, this one %s; give it as it was, or start anew without -nomos_restart", path, key, a, b[0] ? b : "has none");
    }
  free(theirs);
  return why->code;
}

static int CheckRun(NomosProblem p, NomosH5 h, const State *s, const char type[], const char options[], int64_t sum, int64_t order, NomosWhy *why)
{
  char        theirs[64];
  const char *mine = NomosSymmetries[p->symmetry];

  if (NomosH5GetString(h, "/optimizer", "type", theirs, sizeof(theirs), why)) return why->code;
  if (strcmp(theirs, type)) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "the run in '%s' was made with -tao_type %s, this one has %s; give the same type, or start anew without -nomos_restart", s->path, theirs, type);
  if (Expect(h, s->path, "/rng", "seed", p->seed, "-nomos_seed", why)) return why->code;
  if (Expect(h, s->path, "/data", "samples", p->ntrain, "-data", why)) return why->code;
  if (Expect(h, s->path, "/data", "batch", p->batch, "-data_batch", why)) return why->code;
  if (Expect(h, s->path, "/data", "checksum", sum, "-data", why)) return why->code;
  snprintf(theirs, sizeof(theirs), "none"); /* files of earlier builds do not say */
  if (NomosH5HasAttribute(h, "/data", "symmetry") && NomosH5GetString(h, "/data", "symmetry", theirs, sizeof(theirs), why)) return why->code;
  if (strcmp(theirs, mine)) return NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "the run in '%s' was made with -data_symmetry %s, this one has %s; give the same symmetry, or start anew without -nomos_restart", s->path, theirs, mine);
  if (NomosH5HasAttribute(h, "/data", "order_sum") && Expect(h, s->path, "/data", "order_sum", order, "-data_order", why)) return why->code;
  return CheckOptions(h, s->path, options, why);
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
    if (ReadBlocks(p, h, path, group, all, &why)) PetscCall(PetscFree(all));
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
  p->batched              = PETSC_TRUE;        /* types with a state step on batches: the summary counts epochs by them */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything that a run goes on from, out of the file that rank 0 holds open. */
static PetscErrorCode TakeRun(NomosProblem p, Tao tao, NomosH5 h, const State *s)
{
  PetscFunctionBegin;
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
  int64_t     sum = 0, order = 0;
  char       *options;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  p->restart_due = PETSC_FALSE;
  PetscCall(PetscStrcmp(from, "auto", &automatic));
  PetscCheck(!automatic || p->checkpoint_dir[0], comm, PETSC_ERR_ARG_WRONG, "-nomos_restart auto looks in the checkpoint folder, and none is named; give -nomos_checkpoint DIR");
  if (automatic) from = p->checkpoint_dir;
  PetscCall(TaoGetType(tao, &type));
  PetscCall(PetscNew(&s));
  PetscCall(NomosMapGetModelOptions(p->map, &options));
  if (p->rank == 0) {
    PetscBool there = PETSC_TRUE;

    PetscCall(NomosProblemDataSum(p, &sum));
    if (automatic) PetscCall(PetscTestDirectory(from, 'r', &there));
    if (there) OpenNewest(from, &h, s, &why);
    if (s->found && !why.code) {
      PetscCall(NomosProblemOrderSum(p, tao, (PetscInt)s->step, &order));
      CheckRun(p, h, s, type, options, sum, order, &why);
      if (!why.code) PetscCall(NomosHistoryTake(p, h, &why));
    }
    if (why.code && h) NomosH5Close(&h);
  }
  PetscCall(PetscFree(options));
  ierr = NomosWhyRaise(comm, &why);
  if (ierr) PetscCall(PetscFree(s));
  PetscCall(ierr);
  PetscCallMPI(MPI_Bcast(s, (PetscMPIInt)sizeof(*s), MPI_BYTE, 0, comm));
  if (s->skipped[0]) PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: %s\n", s->skipped));
  PetscCheck(s->found || (automatic && !s->skipped[0]), comm, PETSC_ERR_FILE_UNEXPECTED, "no checkpoint in '%s' can be used; start anew without -nomos_restart", from);
  if (!s->found) {
    PetscCall(PetscPrintf(comm, "nomos: no checkpoint in '%s' yet: starting anew\n", from));
    PetscCall(PetscFree(s));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  ierr = TakeRun(p, tao, h, s);
  if (h) NomosH5Close(&h); /* a refused file does not stay open */
  PetscCall(ierr);
  PetscCall(PetscPrintf(comm, "nomos: continuing '%s' at step %" PetscInt64_FMT "\n", s->path, (PetscInt64)s->step));
  PetscCall(PetscFree(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A new run does not mix its checkpoints with those of an older one: the newest of both would be the older run's. The folder
   must take files now; when it is full later, the run goes on without. */
PetscErrorCode NomosProblemCheckFolder(NomosProblem p)
{
  NomosWhy why = {0, ""};
  NomosH5  h   = NULL;
  State   *s;
  PetscBool there = PETSC_FALSE;

  PetscFunctionBegin;
  if (!p->checkpoint_dir[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscNew(&s));
  if (p->rank == 0) {
    NomosCheckpoint c;

    if (!p->first_step) PetscCall(PetscTestDirectory(p->checkpoint_dir, 'r', &there));
    if (there) NomosCheckpointNewest(p->checkpoint_dir, &h, &c, &s->found, s->skipped, sizeof(s->skipped), &why);
    if (h) NomosH5Close(&h);
    if (!why.code && (s->found || s->skipped[0])) NomosWhySet(&why, PETSC_ERR_FILE_UNEXPECTED, "the folder '%s' holds checkpoints of an earlier run, found before the first step of a new one; go on with -nomos_restart auto, or give another folder to -nomos_checkpoint", p->checkpoint_dir);
    if (!why.code) NomosCheckpointFolder(p->checkpoint_dir, &why);
  }
  PetscCall(PetscFree(s));
  PetscCall(NomosWhyRaise(PetscObjectComm((PetscObject)p), &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}
