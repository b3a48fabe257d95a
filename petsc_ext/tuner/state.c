/*
  state.c - what a tuner knows, in a file (schema nomos-tuner/1, HDF5 in the container of docs/files.md: written aside, summed,
  renamed). Whose state it is: statename.c.

    /tuner/NAME  @method @learner @signature @description @rounds @seed @cost @device @ranks @nomos @petsc
                 arms [d][parameters]  keys counts sums [d]  guard statistics [.]  recent [5]  contexts [k][4]  bans [3][d nodes]
                 history [rounds kept][6]: round, arm, contexts, cost, flags
                 and the arrays of the learner in force
*/
#include "tuner.h"

#define SCHEMA  "nomos-tuner/1"
#define COLUMNS NOMOS_TUNER_COLUMNS
const char *const NomosLoadModes[] = {"strict", "ignore", "arms", "NomosLoadMode", "NOMOS_LOAD_", NULL};

enum { BASE_PULLS = 0, BASE_SUM, BASE_SQUARE, BASE_WORST, BUDGET_SUM, WORST, BASE_LAST, FAST_MEAN, FAST_VAR, CREDITED, REFRESHING, UNSEEN, WARNED, NHISTORY, GUARD };
enum { STATISTICS = 12 };

/* The numbers that are no arrays, to and from one. */
static void PackGuard(NomosTuner t, PetscReal g[GUARD], PetscBool unpack)
{
  PetscReal *const where[] = {&t->base_pulls, &t->base_sum, &t->base_square, &t->base_worst, &t->budget_sum, &t->worst, &t->base_last, &t->fast_mean, &t->fast_var, &t->credited, &t->refresh, &t->unseen};

  for (int i = 0; i < WARNED; i++) {
    if (unpack) *where[i] = g[i];
    else g[i] = *where[i];
  }
  if (unpack) {
    t->warned_missing = (PetscBool)(g[WARNED] > 0);
    t->nhistory       = (PetscInt64)g[NHISTORY];
  } else {
    g[WARNED]   = t->warned_missing ? 1 : 0;
    g[NHISTORY] = (PetscReal)t->nhistory;
  }
}

static void PackStatistics(NomosTunerStatistics *s, PetscReal v[STATISTICS], PetscBool unpack)
{
  PetscInt64 *const count[] = {&s->rounds, &s->failures, &s->cancelled, &s->baseline, &s->held_back, &s->clamped, &s->missing, &s->banned, &s->baseline_rounds};
  PetscReal *const  real[]  = {&s->spent, &s->baseline_cost, &s->seconds};

  for (int i = 0; i < 9; i++) {
    if (unpack) *count[i] = (PetscInt64)v[i];
    else v[i] = (PetscReal)*count[i];
  }
  for (int i = 0; i < 3; i++) {
    if (unpack) *real[i] = v[9 + i];
    else v[9 + i] = *real[i];
  }
}

static int PutReals(NomosImage image, const char group[], const char name[], PetscInt rows, PetscInt columns, const PetscReal values[], NomosWhy *why)
{
  const int64_t shape[] = {rows, columns};

  if (rows < 1 || columns < 1) return 0;
  return NomosImagePutTensor(image, group, name, 'd', columns > 1 ? 2 : 1, shape, values, why);
}

static PetscErrorCode PutAttributes(NomosTuner t, NomosImage image, const char group[], NomosWhy *why)
{
  char        text[8192], signature[17], version[256];
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCall(NomosTunerDescribe(t, text, sizeof(text), signature));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)t), &size));
  NomosImagePutString(image, group, "method", t->method, why);
  NomosImagePutString(image, group, "learner", ((PetscObject)t)->type_name, why);
  NomosImagePutString(image, group, "signature", signature, why);
  NomosImagePutString(image, group, "description", text, why);
  NomosImagePutInteger(image, group, "rounds", t->rounds, why);
  NomosImagePutInteger(image, group, "seed", t->seed, why);
  NomosImagePutString(image, group, "cost", t->costkind, why);
  NomosImagePutString(image, group, "device", t->place, why);
  NomosImagePutInteger(image, group, "ranks", size, why);
  PetscCall(NomosGetVersion(version, sizeof(version)));
  NomosImagePutString(image, group, "nomos", version, why);
  PetscCall(PetscGetVersion(version, sizeof(version)));
  NomosImagePutString(image, group, "petsc", version, why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Oldest round first; a context that was missing is stored as 0, its flag says so. */
static PetscErrorCode PutHistory(NomosTuner t, NomosImage image, const char group[], NomosWhy *why)
{
  const PetscInt64 first = NomosTunerHistoryFirst(t), n = t->nhistory - first;
  PetscReal       *v;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n * COLUMNS, &v));
  for (PetscInt64 i = 0; i < n; i++) {
    const NomosTunerRound *r;
    PetscReal             *row = v + i * COLUMNS;

    PetscCall(NomosTunerHistoryGet(t, first + i, &r));
    row[0] = r->round;
    row[1] = r->arm;
    for (PetscInt k = 0; k < NOMOS_TUNER_MAX_CONTEXTS; k++) row[2 + k] = (PetscInt)r->flags & (NOMOS_ROUND_MISSING << k) ? 0 : r->ctx[k];
    row[4] = r->cost;
    row[5] = r->flags;
  }
  PutReals(image, group, "history", (PetscInt)n, COLUMNS, v, why);
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutNumbers(NomosTuner t, NomosImage image, const char group[], NomosWhy *why)
{
  const PetscInt  n = t->d * t->ban_nodes;
  PetscReal       guard[GUARD], statistics[STATISTICS], ranges[NOMOS_TUNER_MAX_CONTEXTS][4], *arms, *keys;
  NomosTunerArray a[NOMOS_TUNER_MAX_ARRAYS];
  PetscInt        na = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(t->d * t->nparameters, &arms, t->d, &keys));
  for (PetscInt i = 0; i < t->d; i++) {
    PetscCall(NomosTunerGetArm(t, i, arms + i * t->nparameters));
    PetscCall(NomosTunerArmKey(t, i, &keys[i]));
  }
  PutReals(image, group, "arms", t->d, t->nparameters, arms, why);
  PutReals(image, group, "keys", t->d, 1, keys, why);
  PetscCall(PetscFree2(arms, keys));
  PutReals(image, group, "counts", t->d, 1, t->pulls, why);
  PutReals(image, group, "sums", t->d, 1, t->sums, why);
  PackGuard(t, guard, PETSC_FALSE);
  PutReals(image, group, "guard", GUARD, 1, guard, why);
  PackStatistics(&t->stat, statistics, PETSC_FALSE);
  PutReals(image, group, "statistics", STATISTICS, 1, statistics, why);
  PutReals(image, group, "recent", NOMOS_TUNER_PULLS, 1, t->recent, why);
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    ranges[k][0] = t->context[k].lo;
    ranges[k][1] = t->context[k].hi;
    ranges[k][2] = t->context[k].seen_lo;
    ranges[k][3] = t->context[k].seen_hi;
  }
  PutReals(image, group, "contexts", t->ncontexts, 4, &ranges[0][0], why);
  PutReals(image, group, "ban_fails", n, 1, t->ban_fails, why);
  PutReals(image, group, "ban_until", n, 1, t->ban_until, why);
  PutReals(image, group, "ban_length", n, 1, t->ban_length, why);
  PutReals(image, group, "honest", t->ban_nodes, 1, t->honest, why);
  PetscTryTypeMethod(t, arrays, &na, a);
  for (PetscInt i = 0; i < na; i++) PutReals(image, group, a[i].name, a[i].n, 1, a[i].values, why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SaveRoot(NomosTuner t, const char file[], NomosWhy *why)
{
  NomosImage image = NULL;
  char       group[NOMOS_MAX_NAME];

  PetscFunctionBegin;
  if (NomosImageCreateAs(SCHEMA, &image, why)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerGroup(t, group));
  PetscCall(PutAttributes(t, image, group, why));
  PetscCall(PutNumbers(t, image, group, why));
  if (t->nhistory) PetscCall(PutHistory(t, image, group, why));
  if (!why->code) NomosImageWrite(image, file, t->rounds, why);
  NomosImageDestroy(&image);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSave - writes what the tuner knows to a file

  Collective

  Input Parameters:
+ t    - the tuner, between rounds
- file - its name; written beside, verified and renamed, so that an old file is lost only to a whole new one

  Options Database Keys:
+ -nomos_tuner_save FILE       - save when the tuner is destroyed (default: none)
- -nomos_tuner_save_interval N - and every N rounds; 0: only then (default: 0)

  Errors: PETSC_ERR_ORDER inside a round; PETSC_ERR_FILE_WRITE if it cannot be written

  Level: intermediate
.seealso: `NomosTunerLoad()`, `NomosTunerSetSave()`
@*/
PetscErrorCode NomosTunerSave(NomosTuner t, const char file[])
{
  NomosWhy why = {0};

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!t->open, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "a round is open: report or cancel it before NomosTunerSave()");
  PetscCall(NomosTunerSetUp(t));
  PetscCall(NomosTunerAgree(t, t->root ? SaveRoot(t, file, &why) : PETSC_SUCCESS));
  PetscCall(NomosWhyRaise(PetscObjectComm((PetscObject)t), &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At intervals and at the end: a full disk is said and does not stop the run. */
PetscErrorCode NomosTunerSaveQuietly(NomosTuner t)
{
  NomosWhy why = {0};
  char     name[PETSC_MAX_PATH_LEN];

  PetscFunctionBegin;
  if (!t->savefile || !t->setup || t->open) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerFileName(t, t->savefile, name, sizeof(name)));
  PetscCall(NomosTunerAgree(t, t->root ? SaveRoot(t, name, &why) : PETSC_SUCCESS));
  if (why.code) PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "nomos: the state of the tuner is not saved: %s\n", why.text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static NomosTuner saving = NULL; /* tuners with a file, the newest first; the order is that of their creation on every rank */

PetscErrorCode NomosTunerSaveAll(void)
{
  PetscFunctionBegin;
  for (NomosTuner t = saving; t; t = t->next) PetscCall(NomosTunerSaveQuietly(t));
  saving = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

void NomosTunerForget(NomosTuner t)
{
  for (NomosTuner *p = &saving; *p; p = &(*p)->next)
    if (*p == t) {
      *p = t->next;
      return;
    }
}

/* ---- load ------------------------------------------------------------------------------------------------------- */
int NomosTunerGetReals(NomosH5 h, const char group[], const char name[], PetscInt n, PetscReal values[], NomosWhy *why)
{
  char        path[2 * NOMOS_MAX_NAME];
  NomosH5Info info;

  snprintf(path, sizeof(path), "%s/%s", group, name);
  if (n < 1 || NomosH5GetInfo(h, path, &info, why)) return why->code;
  if (info.count != n || info.kind != 'f') return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' has %lld values, expected %lld real numbers", NomosH5GetPath(h), path, (long long)info.count, (long long)n);
  return NomosH5Read(h, path, NULL, NULL, values, why);
}

static PetscErrorCode GetHistory(NomosTuner t, NomosH5 h, const char group[], NomosWhy *why)
{
  const PetscInt64 first = NomosTunerHistoryFirst(t), n = t->nhistory - first;
  PetscReal       *v;

  PetscFunctionBegin;
  if (!n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(n * COLUMNS, &v));
  if (!NomosTunerGetReals(h, group, "history", (PetscInt)(n * COLUMNS), v, why)) {
    for (PetscInt64 i = 0; i < n; i++) {
      NomosTunerRound *r   = &t->history[(first + i) % NOMOS_TUNER_HISTORY];
      const PetscReal *row = v + i * COLUMNS;

      r->round = row[0];
      r->arm   = row[1];
      r->cost  = row[4];
      r->flags = row[5];
      for (PetscInt k = 0; k < NOMOS_TUNER_MAX_CONTEXTS; k++) r->ctx[k] = (PetscInt)r->flags & (NOMOS_ROUND_MISSING << k) ? NAN : row[2 + k];
      if (r->arm < 0 || r->arm >= (PetscReal)t->d || r->flags < 0 || r->flags > 63) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': row %lld of the history is not a round of this tuner", NomosH5GetPath(h), (long long)i);
    }
  }
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetNumbers(NomosTuner t, NomosH5 h, const char group[], NomosWhy *why)
{
  const PetscInt  n = t->d * t->ban_nodes;
  PetscReal       guard[GUARD], statistics[STATISTICS], ranges[NOMOS_TUNER_MAX_CONTEXTS][4];
  NomosTunerArray a[NOMOS_TUNER_MAX_ARRAYS];
  PetscInt        na = 0;

  PetscFunctionBegin;
  NomosTunerGetReals(h, group, "counts", t->d, t->pulls, why);
  NomosTunerGetReals(h, group, "sums", t->d, t->sums, why);
  if (!NomosTunerGetReals(h, group, "guard", GUARD, guard, why)) {
    if (guard[NHISTORY] < 0 || guard[NHISTORY] > 1e15 || guard[BASE_PULLS] < 0 || guard[BASE_PULLS] > guard[NHISTORY]) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' says that it has seen %g rounds, %g of them with the baseline", NomosH5GetPath(h), (double)guard[NHISTORY], (double)guard[BASE_PULLS]);
    else PackGuard(t, guard, PETSC_TRUE);
  }
  if (!NomosTunerGetReals(h, group, "statistics", STATISTICS, statistics, why)) PackStatistics(&t->stat, statistics, PETSC_TRUE);
  NomosTunerGetReals(h, group, "recent", NOMOS_TUNER_PULLS, t->recent, why);
  if (!NomosTunerGetReals(h, group, "contexts", 4 * t->ncontexts, &ranges[0][0], why)) {
    for (PetscInt k = 0; k < t->ncontexts; k++) {
      t->context[k].lo      = ranges[k][0];
      t->context[k].hi      = ranges[k][1];
      t->context[k].seen_lo = ranges[k][2];
      t->context[k].seen_hi = ranges[k][3];
    }
  }
  NomosTunerGetReals(h, group, "ban_fails", n, t->ban_fails, why);
  NomosTunerGetReals(h, group, "ban_until", n, t->ban_until, why);
  NomosTunerGetReals(h, group, "ban_length", n, t->ban_length, why);
  NomosTunerGetReals(h, group, "honest", t->ban_nodes, t->honest, why);
  PetscTryTypeMethod(t, arrays, &na, a);
  for (PetscInt i = 0; i < na; i++) NomosTunerGetReals(h, group, a[i].name, a[i].n, a[i].values, why);
  if (!why->code) PetscCall(GetHistory(t, h, group, why));
  if (!why->code) PetscTryTypeMethod(t, restored);
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct { /* what rank 0 found, for everyone */
  PetscInt64 rounds, seed;
  char       learner[64];
  int        accepted, doubtful; /* measured on another machine, or so it may be */
} Header;

/* costs: they will be compared with those to come */
static PetscErrorCode ReadHeader(NomosTuner t, const char file[], PetscBool costs, NomosH5 *h, char group[], Header *head, NomosWhy *why)
{
  char            text[8192], signature[17], theirs[64] = "", described[8192] = "";
  NomosCheckpoint c;
  int64_t         rounds = 0, seed = 0, ranks = 0;
  char            cost[16] = "", place[16] = "";
  PetscMPIInt     size;
  PetscErrorCode (*create)(NomosTuner) = NULL;

  PetscFunctionBegin;
  PetscCall(NomosTunerDescribe(t, text, sizeof(text), signature));
  PetscCall(NomosTunerGroup(t, group));
  if (NomosCheckpointOpenAs(file, SCHEMA, h, &c, why)) PetscFunctionReturn(PETSC_SUCCESS);
  if (!NomosH5Has(*h, group)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has no state of a tuner named '%s' (%s)", file, t->label, group);
  if (why->code) PetscFunctionReturn(PETSC_SUCCESS);
  NomosH5GetString(*h, group, "signature", theirs, sizeof(theirs), why);
  NomosH5GetString(*h, group, "description", described, sizeof(described), why);
  NomosH5GetString(*h, group, "learner", head->learner, sizeof(head->learner), why);
  NomosH5GetNumber(*h, group, "rounds", 1, &rounds, why);
  NomosH5GetNumber(*h, group, "seed", 1, &seed, why);
  NomosH5GetNumber(*h, group, "ranks", 1, &ranks, why);
  NomosH5GetString(*h, group, "cost", cost, sizeof(cost), why);
  NomosH5GetString(*h, group, "device", place, sizeof(place), why);
  if (why->code) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)t), &size));
  head->accepted = !strcmp(theirs, signature) && (!costs || !strcmp(cost, t->costkind));
  head->doubtful = !strcmp(cost, "time") && (ranks != size || strcmp(place, t->place));
  if (costs && strcmp(cost, t->costkind) && t->loadmode != NOMOS_LOAD_IGNORE) NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "the costs in '%s' are of the kind '%s', those of this tuner '%s': they cannot be compared; -%sload_mode ignore starts afresh", file, cost, t->costkind, t->stem);
  else if (!head->accepted && t->loadmode == NOMOS_LOAD_STRICT) NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' is the state of another tuner: it has [%s], this one has [%s]; -%sload_mode arms keeps what is known of equal arms, ignore starts afresh", file, described, text, t->stem);
  PetscCall(PetscFunctionListFind(NomosTunerList, head->learner, &create));
  if (rounds < 0 || !create) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': %lld rounds with the learner '%s' are not a state of a tuner", file, (long long)rounds, head->learner);
  head->rounds = rounds;
  head->seed   = seed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetLoadMode - what NomosTunerLoad() does with the state of another tuner

  Logically Collective

  Input Parameters:
+ t    - the tuner
- mode - NOMOS_LOAD_STRICT: an error with both descriptions; NOMOS_LOAD_IGNORE: start afresh; NOMOS_LOAD_ARMS: the kept rounds (the last
         4096) of the arms that this tuner has too are told to it, the rest is forgotten

  Options Database Key:
. -nomos_tuner_load_mode strict|ignore|arms - (default: strict)

  Notes:
  Arms are equal if their texts name=value are, six digits of a number. The learner, the grids and the names and ranges of contexts may be others;
  their number and the kind of cost may not. An arm without a past begins level with the best known one (tsallis), untried (chebcb), or as its
  neighbours suggest (gp). If every arm is known, no round is missing and only names differ, the decisions that follow are those of a run that was
  not interrupted.

  Level: intermediate
.seealso: `NomosTunerLoad()`
@*/
PetscErrorCode NomosTunerSetLoadMode(NomosTuner t, NomosLoadMode mode)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  t->loadmode = mode;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerLoad - goes on from a saved state: the decisions that follow are those of a run that was not interrupted

  Collective

  Input Parameters:
+ t    - the tuner, with the same parameters, contexts and method, before its first round
- file - written by NomosTunerSave()

  Options Database Keys:
+ -nomos_tuner_load FILE                    - load in NomosTunerSetFromOptions() (default: none)
- -nomos_tuner_load_mode strict|ignore|arms - (default: strict)

  Errors: PETSC_ERR_FILE_OPEN, PETSC_ERR_FILE_UNEXPECTED for a file that is damaged, cut or something else;
  PETSC_ERR_ARG_INCOMP for the state of another tuner or costs of another kind. After an error the tuner is as new

  Note:
  The seed is loaded too. With `ignore`, the state of another tuner is passed over; a damaged file is an error in every mode.
  Measured times from another number of ranks or kind of device are loaded with doubt, see NomosTunerSetCostKind().

  Level: intermediate
.seealso: `NomosTunerSave()`, `NomosTunerSetLoadMode()`
@*/
PetscErrorCode NomosTunerLoad(NomosTuner t, const char file[])
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)t);
  NomosWhy       why  = {0};
  NomosH5        h    = NULL;
  Header         head = {0};
  char           group[NOMOS_MAX_NAME], name[PETSC_MAX_PATH_LEN];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(NomosTunerFileName(t, file, name, sizeof(name)));
  PetscCall(NomosTunerReset(t));
  if (t->suffix_files) { /* a size that the saved run did not have begins afresh */
    PetscBool   exists = PETSC_FALSE;
    PetscMPIInt yes;

    if (t->root) PetscCall(PetscTestFile(name, 'r', &exists));
    yes = (PetscMPIInt)exists;
    PetscCallMPI(MPI_Bcast(&yes, 1, MPI_INT, 0, comm));
    if (!yes) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosTunerSetUp(t));
  PetscCall(NomosTunerAgree(t, t->root ? ReadHeader(t, name, PETSC_TRUE, &h, group, &head, &why) : PETSC_SUCCESS));
  if (why.code) NomosH5Close(&h);
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(&head, (PetscMPIInt)sizeof(head), MPI_BYTE, 0, comm));
  if (head.accepted) {
    if (strcmp(head.learner, ((PetscObject)t)->type_name)) PetscCall(NomosTunerUseMethod(t, head.learner)); /* it had handed over */
    t->rounds = head.rounds;
    t->seed   = head.seed;
    PetscCall(NomosTunerAgree(t, t->root ? GetNumbers(t, h, group, &why) : PETSC_SUCCESS));
  } else if (t->loadmode == NOMOS_LOAD_ARMS) {
    t->seed = head.seed;
    PetscCall(NomosTunerAgree(t, t->root ? NomosTunerRetell(t, h, group, &why) : PETSC_SUCCESS));
    PetscCallMPI(MPI_Bcast(&t->rounds, 1, MPIU_INT64, 0, comm));
  } else PetscCall(PetscInfo(t, "'%s' is the state of another tuner and is not used\n", file));
  if (head.doubtful && t->rounds) PetscCall(NomosTunerAgree(t, t->root && !why.code ? NomosTunerDoubt(t) : PETSC_SUCCESS));
  NomosH5Close(&h);
  {
    PetscMPIInt bad = (PetscMPIInt)why.code;

    PetscCallMPI(MPI_Bcast(&bad, 1, MPI_INT, 0, comm));
    if (bad) PetscCall(NomosTunerReset(t)); /* half a state is none */
  }
  PetscCall(NomosWhyRaise(comm, &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The arms of a saved run by number of the round. */
static PetscErrorCode ReadReplay(NomosTuner t, const char file[], NomosWhy *why)
{
  char       group[NOMOS_MAX_NAME], path[2 * NOMOS_MAX_NAME], name[PETSC_MAX_PATH_LEN];
  NomosH5    h    = NULL;
  Header     head = {0};
  NomosH5Info info;
  PetscReal *v = NULL;

  PetscFunctionBegin;
  PetscCall(NomosTunerFileName(t, file, name, sizeof(name)));
  PetscCall(ReadHeader(t, name, PETSC_FALSE, &h, group, &head, why));
  snprintf(path, sizeof(path), "%s/history", group);
  if (!why->code && !head.accepted) NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s' is the state of another tuner: its arms cannot be played again with this one", file);
  if (!why->code && head.rounds > NOMOS_TUNER_HISTORY) NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "'%s' is the state after %lld rounds; only the last %d are kept, so that the run cannot be repeated from its start", file, (long long)head.rounds, NOMOS_TUNER_HISTORY);
  if (!why->code && head.rounds < 1) NomosWhySet(why, PETSC_ERR_ARG_OUTOFRANGE, "'%s' is the state before the first round: there is nothing to repeat", file);
  if (!why->code && !NomosH5GetInfo(h, path, &info, why)) {
    const PetscInt rows = info.rank == 2 && info.shape[1] == COLUMNS && info.shape[0] <= head.rounds ? (PetscInt)info.shape[0] : 0;

    PetscCall(PetscMalloc1(rows * COLUMNS, &v));
    PetscCall(PetscMalloc1(head.rounds, &t->replay));
    for (PetscInt64 i = 0; i < head.rounds; i++) t->replay[i] = -1;
    if (!rows) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%s' is not the history of %lld rounds", file, path, (long long)head.rounds);
    else NomosTunerGetReals(h, group, "history", rows * COLUMNS, v, why);
    for (PetscInt i = 0; i < rows && !why->code; i++) {
      const PetscReal round = v[i * COLUMNS], arm = v[i * COLUMNS + 1];

      if (!(round >= 0 && round < (PetscReal)head.rounds && arm >= 0 && arm < (PetscReal)t->d)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': row %lld of the history is not a round of this tuner", file, (long long)i);
      else t->replay[(PetscInt64)round] = (PetscInt)arm;
    }
    PetscCall(PetscFree(v));
    t->nreplay = head.rounds;
  }
  NomosH5Close(&h);
  if (!why->code) PetscFunctionReturn(PETSC_SUCCESS);
  t->nreplay = 0;
  PetscCall(PetscFree(t->replay));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSetReplay - plays the arms of a saved run again, round by round, and tunes only after its end

  Collective

  Input Parameters:
+ t    - the tuner, with the same parameters, contexts and method as the one that was saved
- file - written by NomosTunerSave() after at most 4096 rounds

  Options Database Key:
. -nomos_tuner_replay FILE - (default: none)

  Errors: those of NomosTunerLoad(); PETSC_ERR_ARG_OUTOFRANGE for a run that is too long or empty

  Note:
  For the exact repetition of a run whose costs were measured times. Cap, budget and bans do not act on these rounds; a learner
  that draws at random learns nothing from them.

  Level: intermediate
.seealso: `NomosTunerSave()`, `NomosTunerLoad()`
@*/
PetscErrorCode NomosTunerSetReplay(NomosTuner t, const char file[])
{
  NomosWhy why = {0};

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(NomosTunerSetUp(t));
  t->nreplay = 0;
  PetscCall(PetscFree(t->replay));
  PetscCall(NomosTunerAgree(t, t->root ? ReadReplay(t, file, &why) : PETSC_SUCCESS));
  PetscCall(NomosWhyRaise(PetscObjectComm((PetscObject)t), &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSetSave - saves when the tuner is destroyed (at the latest in PetscFinalize()), and at intervals

  Logically Collective

  Input Parameters:
+ t        - the tuner
. file     - where; NULL: nowhere
- interval - rounds between saves; 0: only at the end

  Options Database Keys:
+ -nomos_tuner_save FILE       - (default: none)
- -nomos_tuner_save_interval N - (default: 0)

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0. A save that fails is reported on standard error: the run goes on, the old file stays

  Level: intermediate
.seealso: `NomosTunerSave()`
@*/
PetscErrorCode NomosTunerSetSave(NomosTuner t, const char file[], PetscInt interval)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(interval >= 0, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the interval of saves is %" PetscInt_FMT " rounds; give a number >= 0", interval);
  PetscCall(PetscFree(t->savefile));
  PetscCall(PetscStrallocpy(file, &t->savefile));
  t->save_interval = interval;
  NomosTunerForget(t);
  if (!file) PetscFunctionReturn(PETSC_SUCCESS);
  t->next = saving;
  saving  = t;
  PetscFunctionReturn(PETSC_SUCCESS);
}
