/*
  arms.c - what can be set: parameters with a grid of numbers or a list of labels. Arms are their product, the first
  parameter slowest.
*/
#include "tuner.h"
#include <errno.h>

const char *const NomosScales[] = {"lin", "log", "int", "NomosScale", "NOMOS_SCALE_", NULL};

static PetscErrorCode NewParameter(NomosTuner t, const char name[], PetscInt n, NomosTunerParameter **p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!t->setup, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "parameter '%s' comes after the tuner was set up; add every parameter first", name);
  PetscCheck(name && name[0], PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "a parameter needs a name");
  PetscCheck(t->nparameters < NOMOS_TUNER_MAX_PARAMETERS, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "'%s' would be parameter %d; at most %d are possible", name, NOMOS_TUNER_MAX_PARAMETERS + 1, NOMOS_TUNER_MAX_PARAMETERS);
  PetscCheck(n >= 1 && n <= NOMOS_TUNER_MAX_ARMS, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s' has %" PetscInt_FMT " values; 1 to %d are possible", name, n, NOMOS_TUNER_MAX_ARMS);
  for (PetscInt k = 0; k < t->nparameters; k++) {
    PetscBool same;

    PetscCall(PetscStrcmp(name, t->parameter[k].name, &same));
    PetscCheck(!same, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "parameter '%s' is there twice", name);
  }
  *p = &t->parameter[t->nparameters];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerAddNumericParameter - a parameter with numbers on a grid

  Logically Collective

  Input Parameters:
+ t     - the tuner, not yet set up
. name  - its name
. lo    - first value
. hi    - last value
. n     - number of values; with NOMOS_SCALE_INTEGER and PETSC_DETERMINE: hi - lo + 1
- scale - NOMOS_SCALE_LINEAR, NOMOS_SCALE_LOG or NOMOS_SCALE_INTEGER (rounded)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a grid that is not finite, lo > hi, n < 1, a logarithmic grid with lo <= 0, an integer
  grid with more values than integers

  Level: beginner
.seealso: `NomosTunerAddCategoricalParameter()`, `NomosTunerAddParameter()`
@*/
PetscErrorCode NomosTunerAddNumericParameter(NomosTuner t, const char name[], PetscReal lo, PetscReal hi, PetscInt n, NomosScale scale)
{
  NomosTunerParameter *p;
  MPI_Comm             comm;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  comm = PetscObjectComm((PetscObject)t);
  PetscCheck(!PetscIsInfOrNanReal(lo) && !PetscIsInfOrNanReal(hi), comm, PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s': the grid from %g to %g is not finite", name, (double)lo, (double)hi);
  PetscCheck(lo <= hi, comm, PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s': the grid begins at %g and ends at %g; the smaller value comes first", name, (double)lo, (double)hi);
  PetscCheck(scale == NOMOS_SCALE_LINEAR || scale == NOMOS_SCALE_LOG || scale == NOMOS_SCALE_INTEGER, comm, PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s': no scale has the number %d; there are lin, log and int", name, (int)scale);
  PetscCheck(scale != NOMOS_SCALE_LOG || lo > 0, comm, PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s': a logarithmic grid cannot begin at %g; it needs lo > 0", name, (double)lo);
  if (scale == NOMOS_SCALE_INTEGER) {
    lo = PetscCeilReal(lo);
    hi = PetscFloorReal(hi);
    PetscCheck(hi >= lo && hi - lo < 1e9, comm, PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s': no integer, or more than 1e9, in its range", name);
    if (n == PETSC_DETERMINE) n = (PetscInt)(hi - lo) + 1;
    PetscCheck(n <= (PetscInt)(hi - lo) + 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s': %" PetscInt_FMT " values are asked for and there are %" PetscInt_FMT " integers from %g to %g", name, n, (PetscInt)(hi - lo) + 1, (double)lo, (double)hi);
  }
  PetscCheck(n <= 1 || hi > lo, comm, PETSC_ERR_ARG_OUTOFRANGE, "parameter '%s': %" PetscInt_FMT " values from %g to %g would all be the same; give n = 1", name, n, (double)lo, (double)hi);
  PetscCall(NewParameter(t, name, n, &p));
  PetscCall(PetscStrallocpy(name, &p->name));
  PetscCall(PetscMalloc1(n, &p->value));
  p->n     = n;
  p->scale = scale;
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal x = n > 1 ? (PetscReal)i / (PetscReal)(n - 1) : 0;

    if (i == n - 1 && n > 1) p->value[i] = hi;
    else if (scale == NOMOS_SCALE_LOG) p->value[i] = lo * PetscPowReal(hi / lo, x);
    else p->value[i] = lo + (hi - lo) * x;
    if (scale == NOMOS_SCALE_INTEGER) p->value[i] = PetscFloorReal(p->value[i] + 0.5);
  }
  t->nparameters++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerAddCategoricalParameter - a parameter with labels, such as names of types

  Logically Collective

  Input Parameters:
+ t      - the tuner, not yet set up
. name   - its name
. n      - number of labels
- labels - the labels; copied

  Errors: PETSC_ERR_ARG_WRONG for an empty label or one that is there twice

  Level: beginner
.seealso: `NomosTunerAddNumericParameter()`, `NomosTunerAddParameter()`
@*/
PetscErrorCode NomosTunerAddCategoricalParameter(NomosTuner t, const char name[], PetscInt n, const char *const labels[])
{
  NomosTunerParameter *p;

  PetscFunctionBegin;
  PetscCall(NewParameter(t, name, n, &p));
  for (PetscInt i = 0; i < n; i++) {
    PetscCheck(labels[i] && labels[i][0], PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "parameter '%s': label %" PetscInt_FMT " is empty", name, i);
    for (PetscInt j = 0; j < i; j++) PetscCheck(strcmp(labels[i], labels[j]), PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "parameter '%s': '%s' is there twice", name, labels[i]);
  }
  PetscCall(PetscStrallocpy(name, &p->name));
  PetscCall(PetscMalloc1(n, &p->value));
  PetscCall(PetscCalloc1(n, &p->label));
  p->n = n;
  for (PetscInt i = 0; i < n; i++) {
    p->value[i] = (PetscReal)i;
    PetscCall(PetscStrallocpy(labels[i], &p->label[i]));
  }
  t->nparameters++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ToReal(NomosTuner t, const char text[], const char word[], PetscReal *x)
{
  char *end;

  PetscFunctionBegin;
  *x = (PetscReal)strtod(word, &end);
  PetscCheck(end != word && !*end, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "'%s' is not a number, in the parameter '%s'", word, text);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddWords(NomosTuner t, const char text[], int n, char **word)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)t);
  PetscReal      lo, hi, count = PETSC_DETERMINE;
  PetscBool      isset;
  PetscInt       scale;

  PetscFunctionBegin;
  PetscCheck(n >= 3, comm, PETSC_ERR_ARG_WRONG, "the parameter '%s' is not of the form name:lin:lo:hi:n, name:log:lo:hi:n, name:int:lo:hi or name:set:label,label", text);
  PetscCall(PetscStrcmp(word[1], "set", &isset));
  if (isset) {
    char **labels;
    int    nlabels;

    PetscCall(PetscStrToArray(word[2], ',', &nlabels, &labels));
    PetscCall(NomosTunerAddCategoricalParameter(t, word[0], nlabels, (const char *const *)labels));
    PetscCall(PetscStrToArrayDestroy(nlabels, labels));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (scale = 0; scale < 3; scale++) {
    PetscBool same;

    PetscCall(PetscStrcmp(word[1], NomosScales[scale], &same));
    if (same) break;
  }
  PetscCheck(scale < 3, comm, PETSC_ERR_ARG_WRONG, "'%s' is no grid, in the parameter '%s'; there are lin, log, int and set", word[1], text);
  PetscCheck(n == 5 || (n == 4 && scale == NOMOS_SCALE_INTEGER), comm, PETSC_ERR_ARG_WRONG, "the parameter '%s' is not of the form name:%s:lo:hi%s", text, word[1], scale == NOMOS_SCALE_INTEGER ? " or name:int:lo:hi:n" : ":n");
  PetscCall(ToReal(t, text, word[2], &lo));
  PetscCall(ToReal(t, text, word[3], &hi));
  if (n == 5) PetscCall(ToReal(t, text, word[4], &count));
  PetscCheck(count == PETSC_DETERMINE || (count >= 1 && count <= NOMOS_TUNER_MAX_ARMS && count == PetscFloorReal(count)), comm, PETSC_ERR_ARG_OUTOFRANGE, "the parameter '%s' asks for %g values; 1 to %d are possible", text, (double)count, NOMOS_TUNER_MAX_ARMS);
  PetscCall(NomosTunerAddNumericParameter(t, word[0], lo, hi, (PetscInt)count, (NomosScale)scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerAddParameter - a parameter from a text

  Logically Collective

  Input Parameters:
+ t    - the tuner, not yet set up
- text - "pc_sor_omega:lin:1:1.95:20", "ksp_rtol:log:1e-8:1e-2:7", "pc_factor_levels:int:0:3" or "pc_type:set:sor,icc,gamg"

  Options Database Keys:
. -nomos_tuner_param_0 TEXT - and _1, _2, ...

  Level: beginner
.seealso: `NomosTunerAddNumericParameter()`, `NomosTunerAddCategoricalParameter()`
@*/
PetscErrorCode NomosTunerAddParameter(NomosTuner t, const char text[])
{
  char **word;
  int    n;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscAssertPointer(text, 2);
  PetscCall(PetscStrToArray(text, ':', &n, &word));
  PetscCall(AddWords(t, text, n, word));
  PetscCall(PetscStrToArrayDestroy(n, word));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerFreeArms(NomosTuner t)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < t->nparameters; k++) {
    NomosTunerParameter *p = &t->parameter[k];

    PetscCall(PetscFree(p->name));
    PetscCall(PetscFree(p->value));
    if (p->label)
      for (PetscInt i = 0; i < p->n; i++) PetscCall(PetscFree(p->label[i]));
    PetscCall(PetscFree(p->label));
  }
  t->nparameters = 0;
  PetscCall(PetscFree(t->baseline_text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerCountArms(NomosTuner t)
{
  PetscInt64 d = 1;

  PetscFunctionBegin;
  PetscCheck(t->nparameters, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONGSTATE, "the tuner has nothing to tune: add a parameter (-%sparam_0 name:lin:lo:hi:n)", t->stem);
  for (PetscInt k = 0; k < t->nparameters; k++) d *= t->parameter[k].n; /* 256^8 fits */
  PetscCheck(d <= NOMOS_TUNER_MAX_ARMS, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the parameters make %" PetscInt64_FMT " arms, at most %d are possible; use coarser grids", d, NOMOS_TUNER_MAX_ARMS);
  t->d = (PetscInt)d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerGetParameters - how many parameters and arms there are

  Not Collective

  Output Parameters:
+ n    - parameters, or NULL
- arms - the product of their values, or NULL

  Level: intermediate
@*/
PetscErrorCode NomosTunerGetParameters(NomosTuner t, PetscInt *n, PetscInt *arms)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  if (n) *n = t->nparameters;
  if (arms) {
    PetscCall(NomosTunerCountArms(t));
    *arms = t->d;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerGetParameter - name and labels of a parameter

  Not Collective

  Input Parameters:
+ t - the tuner
- k - number of the parameter

  Output Parameters:
+ name   - its name, or NULL
. n      - number of values, or NULL
- labels - its labels, NULL for a numeric parameter; or NULL

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a parameter that is not there

  Level: intermediate
@*/
PetscErrorCode NomosTunerGetParameter(NomosTuner t, PetscInt k, const char *name[], PetscInt *n, const char *const *labels[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(k >= 0 && k < t->nparameters, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "no parameter has the number %" PetscInt_FMT "; there are %" PetscInt_FMT, k, t->nparameters);
  if (name) *name = t->parameter[k].name;
  if (n) *n = t->parameter[k].n;
  if (labels) *labels = (const char *const *)t->parameter[k].label;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt NomosTunerArmIndex(NomosTuner t, PetscInt k, PetscInt arm)
{
  for (PetscInt j = t->nparameters - 1; j > k; j--) arm /= t->parameter[j].n;
  return arm % t->parameter[k].n;
}

/* Place on the grid's own scale, so that a logarithmic grid is equidistant too. */
PetscReal NomosTunerUnitValue(NomosTuner t, PetscInt k, PetscInt arm)
{
  const NomosTunerParameter *p = &t->parameter[k];
  const PetscReal            lo = p->value[0], hi = p->value[p->n - 1], v = p->value[NomosTunerArmIndex(t, k, arm)];

  if (p->n == 1) return 0;
  return p->scale == NOMOS_SCALE_LOG ? PetscLogReal(v / lo) / PetscLogReal(hi / lo) : (v - lo) / (hi - lo);
}

/*@
  NomosTunerGetArm - the values of an arm

  Not Collective

  Input Parameters:
+ t   - the tuner
- arm - its number

  Output Parameter:
. values - one number per parameter, for a category the index of the label

  Errors: PETSC_ERR_ARG_OUTOFRANGE for an arm that is not there

  Level: intermediate
.seealso: `NomosTunerFindArm()`
@*/
PetscErrorCode NomosTunerGetArm(NomosTuner t, PetscInt arm, PetscReal values[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(NomosTunerCountArms(t));
  PetscCheck(arm >= 0 && arm < t->d, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "no arm has the number %" PetscInt_FMT "; there are %" PetscInt_FMT, arm, t->d);
  for (PetscInt k = 0; k < t->nparameters; k++) values[k] = t->parameter[k].value[NomosTunerArmIndex(t, k, arm)];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerFindArm - the arm nearest to given values

  Not Collective

  Input Parameters:
+ t      - the tuner
- values - one number per parameter, for a category the index of the label

  Output Parameter:
. arm - the arm whose numbers are nearest, each parameter by itself

  Level: intermediate
.seealso: `NomosTunerGetArm()`, `NomosTunerSetBaseline()`
@*/
PetscErrorCode NomosTunerFindArm(NomosTuner t, const PetscReal values[], PetscInt *arm)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  *arm = 0;
  for (PetscInt k = 0; k < t->nparameters; k++) {
    const NomosTunerParameter *p    = &t->parameter[k];
    PetscInt                   best = 0;

    for (PetscInt i = 1; i < p->n; i++)
      if (PetscAbsReal(p->value[i] - values[k]) < PetscAbsReal(p->value[best] - values[k])) best = i;
    *arm = *arm * p->n + best;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerArmText(NomosTuner t, PetscInt arm, char text[], size_t len)
{
  size_t used = 0;

  PetscFunctionBegin;
  text[0] = 0;
  for (PetscInt k = 0; k < t->nparameters && used + 1 < len; k++) {
    const NomosTunerParameter *p = &t->parameter[k];
    const PetscInt             i = NomosTunerArmIndex(t, k, arm);

    if (p->label) PetscCall(PetscSNPrintf(text + used, len - used, "%s%s=%s", k ? " " : "", p->name, p->label[i]));
    else PetscCall(PetscSNPrintf(text + used, len - used, "%s%s=%g", k ? " " : "", p->name, (double)p->value[i]));
    PetscCall(PetscStrlen(text, &used));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* name=value[,name=value]: looked up when the parameters are there. */
static PetscErrorCode BaselineWord(NomosTuner t, char word[], PetscReal values[])
{
  char    *value = strchr(word, '=');
  PetscInt k;

  PetscFunctionBegin;
  PetscCheck(value, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "the baseline '%s' is neither the number of an arm nor name=value", word);
  *value++ = 0;
  for (k = 0; k < t->nparameters; k++)
    if (!strcmp(word, t->parameter[k].name)) break;
  PetscCheck(k < t->nparameters, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "the baseline names '%s', which is no parameter of the tuner", word);
  if (t->parameter[k].label) {
    PetscInt i;

    for (i = 0; i < t->parameter[k].n; i++)
      if (!strcmp(value, t->parameter[k].label[i])) break;
    PetscCheck(i < t->parameter[k].n, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_WRONG, "the baseline asks for %s=%s, which is no label of that parameter", word, value);
    values[k] = (PetscReal)i;
  } else PetscCall(ToReal(t, word, value, &values[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerResolveBaseline(NomosTuner t)
{
  PetscReal values[NOMOS_TUNER_MAX_PARAMETERS];
  char    **word, *end;
  int       n;

  PetscFunctionBegin;
  if (t->baseline_text) {
    const long arm = strtol(t->baseline_text, &end, 10);

    if (end != t->baseline_text && !*end) t->baseline = (PetscInt)PetscMax(PetscMin(arm, 1000000), -1);
    else {
      PetscCall(NomosTunerGetArm(t, t->baseline, values));
      PetscCall(PetscStrToArray(t->baseline_text, ',', &n, &word));
      for (int i = 0; i < n; i++) PetscCall(BaselineWord(t, word[i], values));
      PetscCall(PetscStrToArrayDestroy(n, word));
      PetscCall(NomosTunerFindArm(t, values, &t->baseline));
    }
  }
  PetscCheck(t->baseline >= 0 && t->baseline < t->d, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "the baseline is arm %" PetscInt_FMT "; there are %" PetscInt_FMT " arms", t->baseline, t->d);
  PetscFunctionReturn(PETSC_SUCCESS);
}
