/*
  retell.c - what a state file is worth to a tuner that is not quite the one that wrote it.

    other arms     (load mode `arms`) every kept round whose arm this tuner has too, by its text name=value, is told to the
                   learner again, in order, with the contexts it had; the rest is forgotten. One body serves all learners: they
                   draw among the arms that are known, so that the probabilities an estimator divides by are there.
    other clock    (cost `time`, another number of ranks or kind of device) means stay, what they stand on counts half.
*/
#include "tuner.h"

#define COLUMNS NOMOS_TUNER_COLUMNS

/* Of an arm's text, in 52 bits: exact as a real number. */
PetscErrorCode NomosTunerArmKey(NomosTuner t, PetscInt arm, PetscReal *key)
{
  uint64_t h = 0xcbf29ce484222325u;
  char     text[512];

  PetscFunctionBegin;
  PetscCall(NomosTunerArmText(t, arm, text, sizeof(text)));
  for (const char *c = text; *c; c++) h = (h ^ (unsigned char)*c) * 0x100000001b3u;
  *key = (PetscReal)(h >> 12);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* map[its arm]: ours, or -1. */
static PetscErrorCode MapArms(NomosTuner t, PetscInt n, const PetscReal keys[], PetscInt map[])
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; i++) map[i] = -1;
  for (PetscInt arm = 0; arm < t->d; arm++) {
    PetscReal key;

    PetscCall(NomosTunerArmKey(t, arm, &key));
    for (PetscInt i = 0; i < n; i++)
      if (keys[i] == key) map[i] = arm;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Tell(NomosTuner t, const PetscReal row[COLUMNS], PetscInt arm, const PetscBool known[])
{
  const PetscInt flags = (PetscInt)row[5];
  PetscBool      give_up = PETSC_FALSE; /* the watch speaks again, if it must, when rounds are played */
  PetscReal      ctx[NOMOS_TUNER_MAX_CONTEXTS];
  PetscInt       drawn;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < NOMOS_TUNER_MAX_CONTEXTS; k++) ctx[k] = flags & (NOMOS_ROUND_MISSING << k) ? NAN : row[2 + k];
  t->flags = flags & NOMOS_ROUND_LEARNED;
  PetscCall(NomosTunerContextSee(t, ctx));
  PetscCall(NomosTunerGuardEstimate(t));
  PetscUseTypeMethod(t, select, t->c, known, &drawn);
  t->arm   = arm;
  t->tight = 0;
  PetscCall(NomosTunerLearn(t, row[4], (PetscBool)((flags & NOMOS_ROUND_FAILED) != 0), &give_up));
  t->rounds++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TellAll(NomosTuner t, const char file[], PetscInt theirs, const PetscInt map[], PetscInt rows, const PetscReal v[], NomosWhy *why)
{
  PetscBool *known;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(t->d, &known));
  for (PetscInt i = 0; i < theirs; i++)
    if (map[i] >= 0) known[map[i]] = PETSC_TRUE;
  for (PetscInt i = 0; i < rows && !why->code; i++) {
    const PetscReal *row = v + i * COLUMNS;

    if (!(row[1] >= 0 && row[1] < (PetscReal)theirs && row[4] >= 0 && row[4] < PETSC_MAX_REAL && row[5] >= 0 && row[5] <= 63)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': row %lld of the history is no round", file, (long long)i);
    else if (map[(PetscInt)row[1]] >= 0) PetscCall(Tell(t, row, map[(PetscInt)row[1]], known));
  }
  if (!why->code && t->rounds) PetscTryTypeMethod(t, admit, known);
  PetscCall(PetscFree(known));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerRetell(NomosTuner t, NomosH5 h, const char group[], NomosWhy *why)
{
  const char *file     = NomosH5GetPath(h);
  PetscInt    contexts = 0, n, rows = 0, *map;
  PetscReal  *keys, *v;
  NomosH5Info info;
  char        path[2 * NOMOS_MAX_NAME];

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "%s/contexts", group);
  if (NomosH5Has(h, path) && !NomosH5GetInfo(h, path, &info, why)) contexts = (PetscInt)info.shape[0];
  if (!why->code && contexts != t->ncontexts) NomosWhySet(why, PETSC_ERR_ARG_INCOMP, "'%s': the rounds of this state have %lld contexts, this tuner has %lld: they cannot be told to it; -%sload_mode ignore starts afresh", file, (long long)contexts, (long long)t->ncontexts, t->stem);
  snprintf(path, sizeof(path), "%s/keys", group);
  if (why->code || NomosH5GetInfo(h, path, &info, why)) PetscFunctionReturn(PETSC_SUCCESS);
  if (info.count < 1 || info.count > NOMOS_TUNER_MAX_ARMS) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has %lld arms, expected 1 to %d", file, (long long)info.count, NOMOS_TUNER_MAX_ARMS);
  n = (PetscInt)info.count;
  snprintf(path, sizeof(path), "%s/history", group);
  if (!why->code && NomosH5Has(h, path) && !NomosH5GetInfo(h, path, &info, why)) rows = (PetscInt)PetscMin(info.shape[0], NOMOS_TUNER_HISTORY);
  if (why->code) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc3(n, &keys, n, &map, rows * COLUMNS, &v));
  NomosTunerGetReals(h, group, "keys", n, keys, why);
  if (!why->code) NomosTunerGetReals(h, group, "history", rows * COLUMNS, v, why);
  if (!why->code) {
    PetscCall(MapArms(t, n, keys, map));
    PetscCall(TellAll(t, file, n, map, rows, v, why));
  }
  PetscCall(PetscFree3(keys, map, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Half of n pulls, and their sum and square in proportion. */
static void Halve(PetscReal *n, PetscReal *sum, PetscReal *square)
{
  const PetscReal half = *n > 1 ? PetscFloorReal(*n / 2) : *n, part = *n > 0 ? half / *n : 1;

  *n = half;
  *sum *= part;
  if (square) *square *= part;
}

PetscErrorCode NomosTunerDoubt(NomosTuner t)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->d; i++) Halve(&t->pulls[i], &t->sums[i], NULL);
  Halve(&t->base_pulls, &t->base_sum, &t->base_square);
  t->fast_var *= 2;
  PetscTryTypeMethod(t, doubt);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerSetCostKind - says what the costs are and where they are measured, for the state file

  Logically Collective

  Input Parameters:
+ t     - the tuner
. kind  - its, work, time, user, or any other word (default: "")
- place - host or device, or any other word (default: "")

  Note:
  A state with the kind `time` that comes from another place or another number of ranks is loaded with doubt: its means stay,
  variances are doubled and counts halved. Every other kind is loaded as it is.

  Level: intermediate
.seealso: `NomosTunerLoad()`, `NomosTunerSave()`
@*/
PetscErrorCode NomosTunerSetCostKind(NomosTuner t, const char kind[], const char place[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(PetscStrncpy(t->costkind, kind, sizeof(t->costkind)));
  PetscCall(PetscStrncpy(t->place, place, sizeof(t->place)));
  PetscFunctionReturn(PETSC_SUCCESS);
}
