/*
  context.c - what is known before a choice: numbers with a range. A range may be fixed (values outside are clamped and
  counted) or follow what is seen: at rounds 32, 128 and 512 and when a value falls outside, it becomes the observed span
  widened by half on each side, and the learner rebuilds itself from the stored rounds.
*/
#include "tuner.h"

/*@C
  NomosTunerAddContext - a number that is known before each choice and may explain the cost

  Logically Collective

  Input Parameters:
+ t        - the tuner, not yet set up
. name     - its name
. lo       - low end of its range
. hi       - high end; hi = lo: the range is not known and follows the values
- adaptive - PETSC_TRUE: (lo, hi) is where the range starts, later it follows the values; PETSC_FALSE: values outside are clamped

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a range that is not finite or has lo > hi, or a third context

  Level: beginner
.seealso: `NomosTunerSetContextRange()`, `NomosTunerSelect()`
@*/
PetscErrorCode NomosTunerAddContext(NomosTuner t, const char name[], PetscReal lo, PetscReal hi, PetscBool adaptive)
{
  NomosTunerContext *x;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!t->setup, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "context '%s' comes after the tuner was set up; add every context first", name);
  PetscCheck(t->ncontexts < NOMOS_TUNER_MAX_CONTEXTS, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "'%s' would be context %d; at most %d are possible", name, NOMOS_TUNER_MAX_CONTEXTS + 1, NOMOS_TUNER_MAX_CONTEXTS);
  x = &t->context[t->ncontexts];
  PetscCall(PetscStrallocpy(name, &x->name));
  t->ncontexts++;
  PetscCall(NomosTunerSetContextRange(t, t->ncontexts - 1, lo, hi));
  if (adaptive) x->adaptive = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerSetContextRange - another range for a context

  Logically Collective

  Input Parameters:
+ t  - the tuner, not yet set up
. k  - number of the context
. lo - low end
- hi - high end; the range then stays. hi = lo: not known, it follows the values

  Errors: PETSC_ERR_ORDER after set-up; PETSC_ERR_ARG_OUTOFRANGE for a context that is not there or no range

  Level: intermediate
.seealso: `NomosTunerAddContext()`
@*/
PetscErrorCode NomosTunerSetContextRange(NomosTuner t, PetscInt k, PetscReal lo, PetscReal hi)
{
  NomosTunerContext *x;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCheck(!t->setup, PetscObjectComm((PetscObject)t), PETSC_ERR_ORDER, "the range of a context is set before the tuner is set up");
  PetscCheck(k >= 0 && k < t->ncontexts, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "no context has the number %" PetscInt_FMT "; there are %" PetscInt_FMT, k, t->ncontexts);
  x = &t->context[k];
  PetscCheck(!PetscIsInfOrNanReal(lo) && !PetscIsInfOrNanReal(hi) && lo <= hi, PetscObjectComm((PetscObject)t), PETSC_ERR_ARG_OUTOFRANGE, "context '%s': %g to %g is no range", x->name, (double)lo, (double)hi);
  x->lo = x->nominal_lo = lo;
  x->hi = x->nominal_hi = hi;
  x->adaptive = (PetscBool)(lo == hi);
  x->seen_lo = PETSC_MAX_REAL;
  x->seen_hi = -PETSC_MAX_REAL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerGetContexts - how many contexts there are

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosTunerGetContexts(NomosTuner t, PetscInt *n)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  *n = t->ncontexts;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal NomosTunerContextClamp(NomosTuner t, PetscInt k, PetscReal raw)
{
  const NomosTunerContext *x = &t->context[k];

  if (PetscIsInfOrNanReal(raw)) return 0.5 * (x->lo + x->hi);
  return PetscMin(PetscMax(raw, x->lo), x->hi);
}

PetscReal NomosTunerContextUnit(NomosTuner t, PetscInt k, PetscReal c)
{
  const NomosTunerContext *x = &t->context[k];

  return x->hi > x->lo ? (NomosTunerContextClamp(t, k, c) - x->lo) / (x->hi - x->lo) : 0;
}

PetscInt NomosTunerContextNodes(NomosTuner t)
{
  return t->ncontexts == 0 ? 1 : (t->ncontexts == 1 ? 13 : 9);
}

PetscInt NomosTunerContextNode(NomosTuner t, const PetscReal c[])
{
  const PetscInt q    = NomosTunerContextNodes(t);
  PetscInt       node = 0;

  for (PetscInt k = 0; k < t->ncontexts; k++) node = node * q + (PetscInt)(NomosTunerContextUnit(t, k, c[k]) * (PetscReal)(q - 1) + 0.5);
  return node;
}

PetscInt64 NomosTunerHistoryFirst(NomosTuner t)
{
  return PetscMax(t->nhistory - NOMOS_TUNER_HISTORY, 0);
}

PetscErrorCode NomosTunerHistoryGet(NomosTuner t, PetscInt64 i, const NomosTunerRound **r)
{
  PetscFunctionBegin;
  PetscAssert(i >= NomosTunerHistoryFirst(t) && i < t->nhistory, PETSC_COMM_SELF, PETSC_ERR_PLIB, "round %" PetscInt64_FMT " is not in the history", i);
  *r = &t->history[i % NOMOS_TUNER_HISTORY];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The observed span, half of it more on each side, and not narrower than a thousandth of the nominal range. */
static void Follow(NomosTunerContext *x)
{
  const PetscReal span = x->seen_hi - x->seen_lo, mid = 0.5 * (x->seen_lo + x->seen_hi), nominal = x->nominal_hi - x->nominal_lo;
  const PetscReal least = nominal > 0 ? 1e-3 * nominal : 0.1 * PetscMax(PetscAbsReal(mid), 1e-3);
  const PetscReal half  = PetscMax(span, 0.5 * least);

  x->lo = mid - half;
  x->hi = mid + half;
}

static PetscErrorCode Missing(NomosTuner t, PetscInt k)
{
  PetscFunctionBegin;
  t->flags |= NOMOS_ROUND_MISSING << k;
  t->stat.missing++;
  if (t->warned_missing) PetscFunctionReturn(PETSC_SUCCESS);
  t->warned_missing = PETSC_TRUE;
  PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "nomos: context '%s' of the tuner is not a finite number in round %" PetscInt64_FMT "; the middle of its range is used (said once)\n", t->context[k].name, t->rounds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The contexts of the round that begins. */
PetscErrorCode NomosTunerContextSee(NomosTuner t, const PetscReal ctx[])
{
  PetscReal was[NOMOS_TUNER_MAX_CONTEXTS][2];
  PetscBool changed = PETSC_FALSE;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    NomosTunerContext *x = &t->context[k];

    was[k][0] = x->lo;
    was[k][1] = x->hi;
    t->raw[k] = ctx[k];
    if (PetscIsInfOrNanReal(ctx[k])) PetscCall(Missing(t, k));
    else {
      const PetscBool outside = (PetscBool)(ctx[k] < x->lo || ctx[k] > x->hi || x->lo == x->hi);

      x->seen_lo = PetscMin(x->seen_lo, ctx[k]);
      x->seen_hi = PetscMax(x->seen_hi, ctx[k]);
      if (!x->adaptive && outside) {
        t->flags |= NOMOS_ROUND_CLAMPED;
        t->stat.clamped++;
      }
      if (x->adaptive && (outside || t->nhistory == 8 || t->nhistory == 32 || t->nhistory == 128 || t->nhistory == 512)) {
        Follow(x);
        changed = PETSC_TRUE;
      }
    }
  }
  if (changed) {
    PetscTryTypeMethod(t, rerange);
    PetscCall(NomosTunerGuardRerange(t, was));
  }
  for (PetscInt k = 0; k < t->ncontexts; k++) t->c[k] = NomosTunerContextClamp(t, k, t->raw[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}
