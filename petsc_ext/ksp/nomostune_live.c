/* nomostune_live.c - arms that need a preconditioner or a solver of their own (another pc_type, levels, a drop tolerance): a few are
   kept alive, each set up for the matrix it saw last. The baseline's are the program's own. */
#include "nomostune.h"
#include "petsc_ext/tuner/tuner.h" /* places of an arm on the axes */

/* An empty private database would hide what the user set. */
PetscErrorCode NomosKSPTuneDatabase(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  char          *all;

  PetscFunctionBegin;
  if (k->db) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscOptionsGetAll(((PetscObject)ksp)->options, &all));
  PetscCall(PetscOptionsCreate(&k->db));
  PetscCall(PetscOptionsInsertString(k->db, all));
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKSPTuneOptionText(NomosTuner t, PetscInt j, PetscReal v, char text[], size_t len)
{
  const char *const *labels;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetParameter(t, j, NULL, NULL, &labels));
  if (labels) PetscCall(PetscStrncpy(text, labels[(PetscInt)v], len));
  else PetscCall(PetscSNPrintf(text, len, "%.17g", (double)v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Was the option of parameter j, just set in the private database, read? If not (a slip of the pen, or an option of another type) its arms are all
   the same: said once. Where the type itself is among the parameters it may be read by another one. */
PetscErrorCode NomosKSPTuneRead(KSP ksp, PetscInt j, const char option[])
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *mine, *name;
  PetscBool      used;

  PetscFunctionBegin;
  PetscCall(PetscOptionsUsed(k->db, option + 1, &used)); /* without the dash */
  if (used || k->unread[j]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerGetParameter(k->tuner, j, &mine, NULL, NULL));
  for (PetscInt i = 0; i < k->tuner->nparameters; i++) {
    PetscCall(NomosTunerGetParameter(k->tuner, i, &name, NULL, NULL));
    if (!strcmp(name, strncmp(mine, "pc_", 3) ? "ksp_type" : "pc_type")) PetscFunctionReturn(PETSC_SUCCESS);
  }
  k->unread[j] = PETSC_TRUE;
  PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)ksp), PETSC_STDERR, "nomos: parameter '%s' of -ksp_type nomostune changes nothing: neither solver nor preconditioner (%s, %s) reads -%s\n", mine, ((PetscObject)k->first)->type_name, ((PetscObject)ksp->pc)->type_name, option + 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Number of what an arm sets by set-up; arms that differ in omega alone have the same. */
static PetscInt Combination(const KSP_NomosTune *k, PetscInt arm)
{
  PetscInt c = 0;

  for (PetscInt j = 0; j < k->tuner->nparameters; j++)
    if (k->rebuild[j]) c = c * k->tuner->parameter[j].n + NomosTunerArmIndex(k->tuner, j, arm);
  return c;
}

/* asked: were those that were written read meanwhile? */
static PetscErrorCode WriteOptions(KSP ksp, PetscInt arm, PetscBool asked)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscReal      values[NOMOS_KSPTUNE_PARAMETERS];

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneDatabase(ksp));
  PetscCall(NomosTunerGetArm(k->tuner, arm, values));
  for (PetscInt j = 0; j < k->tuner->nparameters; j++) {
    const char *name, *prefix;
    char        text[256], option[256];

    if (!k->rebuild[j]) continue;
    PetscCall(NomosTunerGetParameter(k->tuner, j, &name, NULL, NULL));
    PetscCall(PetscObjectGetOptionsPrefix(!strncmp(name, "pc_", 3) ? (PetscObject)ksp->pc : (PetscObject)k->first, &prefix));
    PetscCall(NomosKSPTuneOptionText(k->tuner, j, values[j], text, sizeof(text)));
    PetscCall(PetscSNPrintf(option, sizeof(option), "-%s%s", prefix ? prefix : "", name));
    if (asked) PetscCall(NomosKSPTuneRead(ksp, j, option));
    else PetscCall(PetscOptionsSetValue(k->db, option, text));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakePC(KSP ksp, PC *pc)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *prefix;
  PCType         type;
  Mat            A, P;
  DM             dm;

  PetscFunctionBegin;
  PetscCall(PCCreate(PetscObjectComm((PetscObject)ksp), pc));
  PetscCall(PCGetOptionsPrefix(ksp->pc, &prefix));
  PetscCall(PCSetOptionsPrefix(*pc, prefix));
  PetscCall(PCGetOperators(ksp->pc, &A, &P));
  PetscCall(PCSetOperators(*pc, A, P));
  PetscCall(PCGetDM(ksp->pc, &dm));
  if (dm) PetscCall(PCSetDM(*pc, dm));
  PetscCall(PCGetType(ksp->pc, &type));
  if (type) PetscCall(PCSetType(*pc, type));
  PetscCall(PetscObjectSetOptions((PetscObject)*pc, k->db));
  PetscCall(PCSetFromOptions(*pc));
  PetscCall(PetscObjectSetOptions((PetscObject)*pc, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeKSP(KSP ksp, PC pc, KSP *inner)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *prefix;
  KSPType        type;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)ksp), inner));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)*inner, (PetscObject)ksp, 1));
  PetscCall(KSPGetOptionsPrefix(k->first, &prefix));
  PetscCall(KSPSetOptionsPrefix(*inner, prefix));
  PetscCall(KSPGetType(k->first, &type));
  PetscCall(KSPSetType(*inner, type));
  PetscCall(KSPSetPC(*inner, pc));
  PetscCall(KSPSetSkipPCSetFromOptions(*inner, PETSC_TRUE));
  PetscCall(PetscObjectSetOptions((PetscObject)*inner, k->db));
  PetscCall(KSPSetFromOptions(*inner));
  PetscCall(PetscObjectSetOptions((PetscObject)*inner, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A place for one more: the one that was used longest ago goes. */
static PetscErrorCode Place(KSP_NomosTune *k, NomosTuneLive **l)
{
  PetscInt i = 0;

  PetscFunctionBegin;
  if (k->nlive < k->max_live) i = k->nlive++;
  else
    for (PetscInt j = 1; j < k->nlive; j++)
      if (k->live[j].used < k->live[i].used) i = j;
  *l = &k->live[i];
  PetscCall(KSPDestroy(&(*l)->ksp));
  PetscCall(PCDestroy(&(*l)->pc));
  (*l)->combination = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes k->inner and k->pc those of the arm. fresh: nobody solved with them before. */
PetscErrorCode NomosKSPTuneUse(KSP ksp, PetscInt arm, PetscBool *fresh)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const KSP      before = k->inner;
  NomosTuneLive *l = NULL;
  PetscInt       c;

  PetscFunctionBegin;
  k->pc    = ksp->pc;
  k->inner = k->first;
  *fresh   = PETSC_FALSE;
  if (k->rebuilds) {
    c      = Combination(k, arm);
    *fresh = (PetscBool)!k->seen[c];
    k->seen[c] = PETSC_TRUE;
    if (c != Combination(k, k->baseline)) {
      for (PetscInt i = 0; i < k->nlive; i++)
        if (k->live[i].combination == c) l = &k->live[i];
      if (!l) {
        PetscCall(Place(k, &l));
        PetscCall(WriteOptions(ksp, arm, PETSC_FALSE));
        PetscCall(MakePC(ksp, &l->pc));
        PetscCall(MakeKSP(ksp, l->pc, &l->ksp));
        PetscCall(WriteOptions(ksp, arm, PETSC_TRUE));
        l->combination = c;
      }
      l->used  = k->solves + 1;
      k->inner = l->ksp;
      k->pc    = l->pc;
    }
  }
  if (k->inner != before)
    for (PetscInt j = 0; j < NOMOS_KSPTUNE_PARAMETERS; j++) k->applied[j] = NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The matrix is gone or the solver is: the kept ones with it. */
PetscErrorCode NomosKSPTuneDropLive(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < k->nlive; i++) {
    PetscCall(KSPDestroy(&k->live[i].ksp));
    PetscCall(PCDestroy(&k->live[i].pc));
  }
  k->nlive = 0;
  k->inner = k->first;
  k->pc    = ksp->pc;
  PetscFunctionReturn(PETSC_SUCCESS);
}
