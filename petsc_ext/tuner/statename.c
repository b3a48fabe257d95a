/*
  statename.c - what the state of a tuner belongs to: its description and the hash of that, its group in the file, the files of
  several tuners of one solver.
*/
#include "tuner.h"

/* Names, grids, learner, contexts: what a state belongs to. */
PetscErrorCode NomosTunerDescribe(NomosTuner t, char text[], size_t len, char signature[17])
{
  uint64_t h = 0xcbf29ce484222325u;
  size_t   used;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text, len, "method %s", t->method));
  for (PetscInt k = 0; k < t->nparameters; k++) {
    const NomosTunerParameter *p = &t->parameter[k];

    PetscCall(PetscStrlen(text, &used));
    if (!p->label) {
      PetscCall(PetscSNPrintf(text + used, len - used, "; %s %s %.17g:%.17g:%" PetscInt_FMT, p->name, NomosScales[p->scale], (double)p->value[0], (double)p->value[p->n - 1], p->n));
      continue;
    }
    PetscCall(PetscSNPrintf(text + used, len - used, "; %s set", p->name));
    for (PetscInt i = 0; i < p->n; i++) {
      PetscCall(PetscStrlen(text, &used));
      PetscCall(PetscSNPrintf(text + used, len - used, "%c%s", i ? ',' : ' ', p->label[i]));
    }
  }
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    const NomosTunerContext *x = &t->context[k];

    PetscCall(PetscStrlen(text, &used));
    PetscCall(PetscSNPrintf(text + used, len - used, "; context %s %.17g:%.17g%s", x->name, (double)x->nominal_lo, (double)x->nominal_hi, x->adaptive ? " adaptive" : ""));
  }
  for (const char *c = text; *c; c++) h = (h ^ (unsigned char)*c) * 0x100000001b3u;
  PetscCall(PetscSNPrintf(signature, 17, "%016llx", (unsigned long long)h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerGroup(NomosTuner t, char path[NOMOS_MAX_NAME])
{
  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(path, NOMOS_MAX_NAME, "/tuner/%.200s%s", t->label[0] ? t->label : "default", t->suffix));
  for (char *c = path + 7; *c; c++)
    if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' || *c == '-')) *c = '_';
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The file of one of several tuners of a solver, which has one for systems of every size. */
PetscErrorCode NomosTunerFileName(NomosTuner t, const char file[], char name[], size_t len)
{
  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(name, len, "%s%s", file, t->suffix_files ? t->suffix : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}
