/*
  view.c - what a tuner says about itself: view, a line per round, the CSV log.
*/
#include "tuner.h"

static PetscErrorCode FlagText(PetscInt flags, char text[], size_t len)
{
  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text, len, "%s%s%s%s", flags & NOMOS_ROUND_FAILED ? "failed" : "ok", flags & NOMOS_ROUND_BUDGET ? "+budget" : "", flags & NOMOS_ROUND_CLAMPED ? "+clamped" : "", flags >= NOMOS_ROUND_MISSING ? "+missing" : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OpenLog(NomosTuner t)
{
  char name[PETSC_MAX_PATH_LEN];

  PetscFunctionBegin;
  PetscCall(NomosTunerFileName(t, t->logfile, name, sizeof(name)));
  PetscCall(PetscFOpen(PETSC_COMM_SELF, name, "w", &t->log));
  fprintf(t->log, "round");
  for (PetscInt k = 0; k < t->ncontexts; k++) fprintf(t->log, ",%s", t->context[k].name);
  for (PetscInt k = 0; k < t->nparameters; k++) fprintf(t->log, ",%s", t->parameter[k].name);
  fprintf(t->log, ",arm,cost,flag\n");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LogRound(NomosTuner t, const NomosTunerRound *r, const char flag[])
{
  PetscFunctionBegin;
  if (!t->log) PetscCall(OpenLog(t));
  fprintf(t->log, "%.0f", (double)r->round);
  for (PetscInt k = 0; k < t->ncontexts; k++) fprintf(t->log, ",%.17g", (double)r->ctx[k]);
  for (PetscInt k = 0; k < t->nparameters; k++) {
    const NomosTunerParameter *p = &t->parameter[k];
    const PetscInt             i = NomosTunerArmIndex(t, k, (PetscInt)r->arm);

    if (p->label) fprintf(t->log, ",%s", p->label[i]);
    else fprintf(t->log, ",%.17g", (double)p->value[i]);
  }
  fprintf(t->log, ",%.0f,%.17g,%s\n", (double)r->arm, (double)r->cost, flag);
  PetscCheck(!fflush(t->log), PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE, "the log '%s' cannot be written; is the disk full?", t->logfile);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On rank 0, after a round. */
PetscErrorCode NomosTunerPrintRound(NomosTuner t, const NomosTunerRound *r)
{
  char flag[64], arm[512], context[128] = "";

  PetscFunctionBegin;
  if (!t->monitor && !t->logfile) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FlagText((PetscInt)r->flags, flag, sizeof(flag)));
  if (t->logfile) PetscCall(LogRound(t, r, flag));
  if (!t->monitor) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt k = 0; k < t->ncontexts; k++) {
    const size_t used = strlen(context);

    PetscCall(PetscSNPrintf(context + used, sizeof(context) - used, "%s=%g ", t->context[k].name, (double)r->ctx[k]));
  }
  PetscCall(NomosTunerArmText(t, (PetscInt)r->arm, arm, sizeof(arm)));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%4.0f tuner %s%s cost %g %s\n", (double)r->round, context, arm, (double)r->cost, flag));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerCloseLog(NomosTuner t)
{
  PetscFunctionBegin;
  if (t->log) PetscCall(PetscFClose(PETSC_COMM_SELF, t->log));
  t->log = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewParameters(NomosTuner t, PetscViewer viewer)
{
  char arm[512];

  PetscFunctionBegin;
  for (PetscInt k = 0; k < t->nparameters; k++) {
    const NomosTunerParameter *p = &t->parameter[k];

    if (!p->label) {
      PetscCall(PetscViewerASCIIPrintf(viewer, "parameter %s: %s from %g to %g, %" PetscInt_FMT " values\n", p->name, NomosScales[p->scale], (double)p->value[0], (double)p->value[p->n - 1], p->n));
      continue;
    }
    PetscCall(PetscViewerASCIIPrintf(viewer, "parameter %s:", p->name));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
    for (PetscInt i = 0; i < p->n; i++) PetscCall(PetscViewerASCIIPrintf(viewer, " %s", p->label[i]));
    PetscCall(PetscViewerASCIIPrintf(viewer, "\n"));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  }
  for (PetscInt k = 0; k < t->ncontexts; k++) PetscCall(PetscViewerASCIIPrintf(viewer, "context %s: from %g to %g%s\n", t->context[k].name, (double)t->context[k].lo, (double)t->context[k].hi, t->context[k].adaptive ? ", follows the values" : ""));
  if (t->setup) {
    PetscCall(NomosTunerArmText(t, t->baseline, arm, sizeof(arm)));
    PetscCall(PetscViewerASCIIPrintf(viewer, "baseline: arm %" PetscInt_FMT ", %s\n", t->baseline, arm));
  }
  PetscCall(PetscViewerASCIIPrintf(viewer, "cap %g, budget %g, ban after %" PetscInt_FMT ", start %" PetscInt64_FMT ", freeze %" PetscInt64_FMT ", seed %" PetscInt64_FMT ", floor %g\n", (double)t->cap, (double)t->budget, t->ban, t->start, t->freeze, t->seed, (double)t->floor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The arm thought best at the nodes of the first context (the second in the middle of its range). */
static PetscErrorCode ViewBest(NomosTuner t, PetscViewer viewer)
{
  const PetscInt q = t->ncontexts ? NomosTunerContextNodes(t) : 1;
  char           text[512];

  PetscFunctionBegin;
  for (PetscInt i = 0; i < q; i++) {
    PetscReal c[NOMOS_TUNER_MAX_CONTEXTS] = {0, 0}, logcost, sd;
    PetscInt  arm;

    for (PetscInt k = 0; k < t->ncontexts; k++) c[k] = t->context[k].lo + (k || q == 1 ? 0.5 : (PetscReal)i / (PetscReal)(q - 1)) * (t->context[k].hi - t->context[k].lo);
    PetscUseTypeMethod(t, best, c, NULL, &arm);
    PetscCall(NomosTunerArmText(t, arm, text, sizeof(text)));
    if (t->ncontexts) PetscCall(PetscViewerASCIIPrintf(viewer, "best at %s=%g: %s", t->context[0].name, (double)c[0], text));
    else PetscCall(PetscViewerASCIIPrintf(viewer, "best: %s", text));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
    if (t->ops->predict) {
      PetscUseTypeMethod(t, predict, c, arm, &logcost, &sd);
      PetscCall(PetscViewerASCIIPrintf(viewer, ", predicted cost %g, times or over %g", (double)PetscExpReal(logcost), (double)PetscExpReal(sd)));
    }
    PetscCall(PetscViewerASCIIPrintf(viewer, "\n"));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The eight arms played most, with mean cost and, where there is one, probability. */
static PetscErrorCode ViewArms(NomosTuner t, PetscViewer viewer)
{
  PetscBool  done[NOMOS_TUNER_MAX_ARMS] = {PETSC_FALSE};
  PetscReal  p[NOMOS_TUNER_MAX_ARMS];
  char       text[512];

  PetscFunctionBegin;
  if (t->ops->probabilities) PetscUseTypeMethod(t, probabilities, p);
  for (PetscInt k = 0; k < 8; k++) {
    PetscInt most = -1;

    for (PetscInt i = 0; i < t->d; i++)
      if (!done[i] && t->pulls[i] > 0 && (most < 0 || t->pulls[i] > t->pulls[most])) most = i;
    if (most < 0) break;
    done[most] = PETSC_TRUE;
    PetscCall(NomosTunerArmText(t, most, text, sizeof(text)));
    PetscCall(PetscViewerASCIIPrintf(viewer, "%s: %g rounds, mean cost %g", text, (double)t->pulls[most], (double)(t->sums[most] / t->pulls[most])));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
    if (t->ops->probabilities) PetscCall(PetscViewerASCIIPrintf(viewer, ", probability %.3g", (double)p[most]));
    PetscCall(PetscViewerASCIIPrintf(viewer, "\n"));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewTotals(NomosTuner t, PetscViewer viewer)
{
  const NomosTunerStatistics *s = &t->stat;
  PetscInt                    banned = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->d * t->ban_nodes; i++) banned += t->ban_until[i] > (PetscReal)t->rounds ? 1 : 0;
  PetscCall(PetscViewerASCIIPrintf(viewer, "rounds %" PetscInt64_FMT ", cancelled %" PetscInt64_FMT ", failures %" PetscInt64_FMT ", baseline played %" PetscInt64_FMT ", held back by the budget %" PetscInt64_FMT "\n", s->rounds, s->cancelled, s->failures, s->baseline, s->held_back));
  PetscCall(PetscViewerASCIIPrintf(viewer, "bans %" PetscInt64_FMT ", in force %" PetscInt_FMT "; contexts clamped %" PetscInt64_FMT ", missing %" PetscInt64_FMT "\n", s->banned, banned, s->clamped, s->missing));
  PetscCall(PetscViewerASCIIPrintf(viewer, "cost %g", (double)s->spent));
  PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
  if (s->baseline_rounds == s->rounds && s->baseline_cost > 0) PetscCall(PetscViewerASCIIPrintf(viewer, ", baseline (partly estimated) %g, saved %.1f percent", (double)s->baseline_cost, (double)(100 * (1 - s->spent / s->baseline_cost))));
  PetscCall(PetscViewerASCIIPrintf(viewer, "; spent choosing %.3g s\n", (double)s->seconds));
  PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewState(NomosTuner t, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscTryTypeMethod(t, view, viewer);
  PetscCall(ViewBest(t, viewer));
  PetscCall(ViewArms(t, viewer));
  PetscCall(ViewTotals(t, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTunerView - prints settings, what was learned and what it saved

  Collective

  Input Parameters:
+ t      - the tuner
- viewer - an ASCII viewer, or NULL for standard output

  Level: beginner
.seealso: `NomosTunerGetStatistics()`
@*/
PetscErrorCode NomosTunerView(NomosTuner t, PetscViewer viewer)
{
  PetscBool isascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)t), &viewer));
  PetscCheckSameComm(t, 1, viewer, 2);
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &isascii));
  if (!isascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "NomosTuner '%s': method %s, asked for %s, %" PetscInt_FMT " arms\n", t->label, t->setup ? ((PetscObject)t)->type_name : "not chosen yet", t->method, t->d));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(ViewParameters(t, viewer));
  /* only rank 0 has a state, and only rank 0 prints: no communication inside */
  if (t->setup) PetscCall(NomosTunerAgree(t, t->root ? ViewState(t, viewer) : PETSC_SUCCESS));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerGetStatistics - what happened so far

  Collective

  Output Parameter:
. s - counts and sums, the same on every rank

  Level: intermediate
.seealso: `NomosTunerView()`, `NomosTunerGetPulls()`
@*/
PetscErrorCode NomosTunerGetStatistics(NomosTuner t, NomosTunerStatistics *s)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  *s = t->stat;
  PetscCallMPI(MPI_Bcast(s, (PetscMPIInt)sizeof(*s), MPI_BYTE, 0, PetscObjectComm((PetscObject)t)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTunerGetPulls - how often each arm was played

  Not Collective; meaningful on rank 0

  Output Parameter:
. pulls - d numbers

  Level: intermediate
.seealso: `NomosTunerGetStatistics()`
@*/
PetscErrorCode NomosTunerGetPulls(NomosTuner t, PetscInt64 pulls[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(t, NOMOS_TUNER_CLASSID, 1);
  PetscCall(NomosTunerSetUp(t));
  if (t->root)
    for (PetscInt i = 0; i < t->d; i++) pulls[i] = (PetscInt64)t->pulls[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}
