/*
  guard.c - what keeps a learner from doing harm, whatever it is: the cap on a solve, the budget of exploration, bans.

  Everything is measured against the baseline, the setting the user had. Three estimates of its cost at this context:
    cap_base   for the cap and the reserve: gp's prediction where it is sure, else the largest of the last five baseline solves
    sum_base   for the budget: gp's prediction where it is sure, else the mean of all baseline solves less three standard errors,
               and not above the mean of the last five. (An estimate that is too high by chance stays so while the baseline is not
               played, and would loosen the budget in every round. The more the costs vary, the more baseline solves it takes.)
    even_base  as sum_base, with the mean of about the last 15 baseline solves less four errors: the level of the costs may move
    mean_base  for the view: the plain mean, or gp's prediction
  A baseline round enters the sums with what it did cost. A round of another arm is credited what it cost itself where that lies
  between sum_base and even_base: that the arm was no worse is less than even_base claims, that it saved something needs sum_base.
  Estimates age: when REFRESH baseline solves were spent without one (and, where gp predicts, a part of everything spent), or as soon as
  the budget would be broken if the baseline had cost nothing since it was last played, the baseline is played. If it is cheaper than
  the estimate by more than a fifth, what was credited since the last time is taken back in proportion, the next look comes soon, and gp's
  predictions count for that share at every context node until a look there finds otherwise.

  An arm whose worst case does not fit may still be tried while what is left pays for TIGHT baseline solves and a fallback: it is stopped
  there. An arm that is better than the baseline needs no more than that. (Not for learners that draw: what they are told of a
  stopped trial weighs too much.)
*/
#include "tuner.h"

#define FAST_RATE 0.125 /* of even_base's mean and variance */
#define REFRESH   40
#define LOOK      4    /* instead, after a surprise; doubled by every look without one */
#define PART      0.02 /* of all costs, at least so much between two looks where gp predicts */
#define SURPRISE  0.8
#define TIGHT     1.25
#define SURE      0.3 /* posterior deviation of log cost below which a prediction stands alone */

PetscErrorCode NomosTunerGuardSetUp(NomosTuner t)
{
  PetscInt n;

  PetscFunctionBegin;
  t->ban_nodes = 1;
  for (PetscInt k = 0; k < t->ncontexts; k++) t->ban_nodes *= NomosTunerContextNodes(t);
  n = t->d * t->ban_nodes;
  PetscCall(PetscCalloc4(n, &t->ban_fails, n, &t->ban_until, n, &t->ban_length, t->ban_nodes, &t->honest));
  for (PetscInt i = 0; i < t->ban_nodes; i++) t->honest[i] = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerGuardFree(NomosTuner t)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(t->ban_fails, t->ban_until, t->ban_length, t->honest));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The node of the ranges that were, nearest to a node of those that are. */
static PetscInt OldNode(NomosTuner t, PetscInt node, const PetscReal was[][2])
{
  const PetscInt q   = NomosTunerContextNodes(t);
  PetscInt       old = 0, size = t->ban_nodes;

  for (PetscInt k = 0; k < t->ncontexts; k++) {
    const NomosTunerContext *x = &t->context[k];
    PetscReal                c, u;

    size /= q;
    c   = x->lo + (x->hi - x->lo) * (PetscReal)(node / size % q) / (PetscReal)(q - 1);
    u   = was[k][1] > was[k][0] ? (c - was[k][0]) / (was[k][1] - was[k][0]) : 0;
    old = old * q + (PetscInt)(PetscMin(PetscMax(u, 0), 1) * (PetscReal)(q - 1) + 0.5);
  }
  return old;
}

/* Nodes lie elsewhere now: what was known of failures moves to them. */
PetscErrorCode NomosTunerGuardRerange(NomosTuner t, const PetscReal was[][2])
{
  const PetscInt   nodes    = t->ban_nodes, n = t->d * nodes;
  PetscReal *const table[3] = {t->ban_fails, t->ban_until, t->ban_length};
  PetscReal       *old;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &old));
  for (int i = 0; i < 3; i++) {
    PetscCall(PetscArraycpy(old, table[i], n));
    for (PetscInt j = 0; j < n; j++) table[i][j] = old[j / nodes * nodes + OldNode(t, j % nodes, was)];
  }
  PetscCall(PetscArraycpy(old, t->honest, nodes));
  for (PetscInt j = 0; j < nodes; j++) t->honest[j] = old[OldNode(t, j, was)];
  PetscCall(PetscFree(old));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerGuardAllowed(NomosTuner t)
{
  const PetscInt node = NomosTunerContextNode(t, t->c);

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->d; i++) t->allowed[i] = (PetscBool)(i == t->baseline || t->ban_until[i * t->ban_nodes + node] <= (PetscReal)t->rounds);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerGuardEstimate(NomosTuner t)
{
  const PetscInt n    = (PetscInt)PetscMin(t->base_pulls, (PetscReal)NOMOS_TUNER_PULLS);
  PetscReal      high = 0, mean = 0, error, logcost, sd;

  PetscFunctionBegin;
  t->cap_base = t->sum_base = t->mean_base = t->raw_base = 0;
  if (!n) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt i = 0; i < n; i++) {
    high = PetscMax(high, t->recent[i]);
    mean += t->recent[i] / (PetscReal)n;
  }
  t->cap_base  = high;
  t->fallback  = t->base_worst;
  t->mean_base = t->base_sum / t->base_pulls;
  error        = t->base_pulls > 1 ? PetscSqrtReal(PetscMax(t->base_square / t->base_pulls - PetscSqr(t->mean_base), 0) / (t->base_pulls - 1)) : 0.25 * t->mean_base;
  t->sum_base  = PetscMax(PetscMin(mean, t->mean_base - 3 * error), 0);
  t->even_base = PetscMax(PetscMin(mean, t->fast_mean - 4 * PetscSqrtReal(t->fast_var * FAST_RATE / (2 - FAST_RATE))), t->sum_base);
  if (t->ops->predict) {
    PetscReal cost;

    PetscUseTypeMethod(t, predict, t->c, t->baseline, &logcost, &sd);
    cost         = PetscExpReal(logcost);
    t->mean_base = cost;
    t->cap_base  = sd < SURE ? cost : PetscMax(cost, t->cap_base);
    t->fallback  = sd < SURE ? cost : PetscMax(cost, t->fallback);
    t->raw_base  = sd < SURE ? cost : PetscMin(cost, t->sum_base);
    t->sum_base  = t->honest[NomosTunerContextNode(t, t->c)] * t->raw_base;
    t->even_base = t->sum_base;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* May the arm be played although it is not the baseline? It may if what it can cost at worst still fits: the cap, and then a
   baseline solve for the fallback: as predicted where gp is sure, else the dearest so far. For an arm that was played before and whose cost the learner is sure of: two deviations above the
   prediction. (A prediction for an arm never played is a belief in smoothness, which a table of costs need not share.) */
static PetscErrorCode Affordable(NomosTuner t, PetscInt arm, PetscBool *yes)
{
  PetscReal reserve = (t->cap > 0 ? t->cap : 3) * t->cap_base + t->fallback, logcost, sd;

  PetscFunctionBegin;
  if (t->cap <= 0) reserve = PetscMax(reserve, 2 * t->worst); /* nothing stops it */
  if (t->ops->predict && t->pulls[arm] > 0) {
    PetscUseTypeMethod(t, predict, t->c, arm, &logcost, &sd);
    /* not dearer than a trial that was stopped early: such a figure is no cost of the arm */
    if (sd < SURE && logcost + 2 * sd < PetscLogReal(TIGHT * t->cap_base)) reserve = PetscMin(reserve, PetscExpReal(logcost + 2 * sd));
  }
  *yes = (PetscBool)(t->stat.spent + reserve <= (1 + t->budget) * (t->budget_sum + t->sum_base));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is left for a trial that is stopped early; 0: too little. */
static PetscReal Room(NomosTuner t)
{
  const PetscReal room = (1 + t->budget) * (t->budget_sum + t->sum_base) - t->stat.spent - t->fallback;

  return t->cap > 0 && t->ops->predict && room >= TIGHT * t->cap_base ? room : 0;
}

/* Has the baseline not been looked at for too long? Or does the budget no longer hold if it had cost nothing since? */
static PetscBool Stale(NomosTuner t)
{
  const PetscReal since = t->stat.spent - t->base_last, one = t->ops->predict ? t->mean_base : t->fast_mean;

  if (t->budget < 0) return PETSC_FALSE;
  if (t->credited > 0 && t->stat.spent > (1 + t->budget) * (t->budget_sum - t->credited)) return PETSC_TRUE;
  if (t->refresh > 0) return (PetscBool)(since >= t->refresh * one);
  return (PetscBool)(since >= PetscMax(REFRESH * one, t->ops->predict ? PART * t->stat.spent : 0));
}

/* The learner's wish is too dear: its best arm if that is predicted to be cheaper than the baseline and fits, else the
   baseline. A learner that draws at random learns nothing from a round it did not draw. */
static PetscErrorCode HoldBack(NomosTuner t, PetscInt *arm)
{
  PetscInt  best = t->baseline;
  PetscReal there, here, sd;
  PetscBool fits;

  PetscFunctionBegin;
  t->flags |= NOMOS_ROUND_BUDGET;
  if (!t->learns_anything) t->flags &= ~NOMOS_ROUND_LEARNED;
  *arm = t->baseline;
  if (!t->ops->predict) PetscFunctionReturn(PETSC_SUCCESS);
  PetscUseTypeMethod(t, best, t->c, t->allowed, &best);
  if (best == t->baseline) PetscFunctionReturn(PETSC_SUCCESS);
  PetscUseTypeMethod(t, predict, t->c, best, &there, &sd);
  PetscUseTypeMethod(t, predict, t->c, t->baseline, &here, &sd);
  PetscCall(Affordable(t, best, &fits));
  if (fits && there < here) *arm = best;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -nomos_tuner_init young: the formula's arm, until it was played. A learner that draws learns nothing from it. */
static PetscErrorCode Start(NomosTuner t, PetscInt *arm)
{
  PetscInt young = t->baseline;

  PetscFunctionBegin;
  if (t->init_young) PetscCall(NomosTunerYoungArm(t, &young));
  if (young == t->baseline || t->pulls[young] > 0 || !t->allowed[young]) PetscUseTypeMethod(t, select, t->c, t->allowed, arm);
  else {
    if (!t->learns_anything) t->flags &= ~NOMOS_ROUND_LEARNED;
    *arm = young;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosTunerGuardChoose(NomosTuner t, PetscInt *arm)
{
  const PetscBool guarded = (PetscBool)(t->cap > 0 || t->budget >= 0);
  PetscBool       fits    = PETSC_TRUE;

  PetscFunctionBegin;
  *arm     = t->baseline;
  t->tight = 0;
  if (t->learns_anything) t->flags |= NOMOS_ROUND_LEARNED;
  if (t->rounds < t->nreplay) {
    if (t->replay[t->rounds] >= 0) *arm = t->replay[t->rounds];
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (t->d == 1 || t->rounds < t->start || (guarded && !t->base_pulls)) PetscFunctionReturn(PETSC_SUCCESS);
  if (t->freeze >= 0 && t->rounds >= t->freeze) {
    t->flags &= ~NOMOS_ROUND_LEARNED;
    PetscUseTypeMethod(t, best, t->c, t->allowed, arm);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (Stale(t)) PetscFunctionReturn(PETSC_SUCCESS);
  t->flags |= NOMOS_ROUND_LEARNED;
  PetscCall(Start(t, arm));
  if (*arm != t->baseline && t->budget >= 0) PetscCall(Affordable(t, *arm, &fits));
  if (!fits) t->tight = Room(t);
  if (!fits && t->tight <= 0) PetscCall(HoldBack(t, arm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `ban` failures in a row at a context node remove the arm there for 64 rounds, then one more for 128, 256, ... */
static void Ban(NomosTuner t, PetscBool failed)
{
  const PetscInt i = t->arm * t->ban_nodes + NomosTunerContextNode(t, t->c);

  if (t->arm == t->baseline || t->ban <= 0 || (failed && t->tight > 0)) return; /* stopped early is no proof */
  if (!failed) {
    t->ban_fails[i] = 0;
    return;
  }
  t->ban_fails[i] += 1;
  if (t->ban_fails[i] < (PetscReal)t->ban) return;
  t->ban_fails[i]  = (PetscReal)(t->ban - 1);
  t->ban_length[i] = t->ban_length[i] > 0 ? PetscMin(2 * t->ban_length[i], 1e15) : 64;
  t->ban_until[i]  = (PetscReal)(t->rounds + 1) + t->ban_length[i];
  t->stat.banned++;
}

static void BaselineCost(NomosTuner t, PetscReal cost)
{
  const PetscReal d = t->base_pulls > 0 ? cost - t->fast_mean : 0;

  if (!t->base_pulls) t->fast_mean = cost;
  t->fast_mean += FAST_RATE * d;
  t->fast_var  = (1 - FAST_RATE) * (t->fast_var + FAST_RATE * d * d);
  t->base_last = t->stat.spent;
  t->recent[(PetscInt64)t->base_pulls % NOMOS_TUNER_PULLS] = cost;
  t->base_pulls += 1;
  t->base_sum += cost;
  t->base_square += cost * cost;
  t->base_worst = PetscMax(t->base_worst, cost);
}

/* What a look says of gp's predictions of the baseline. One that is far too high makes all doubtful: what has changed may have changed everywhere,
   and gp, which was sure, learns it here only. What a look finds at a node is what that node is worth
   until the next one. */
static void Trust(NomosTuner t, PetscReal cost)
{
  const PetscInt  node  = NomosTunerContextNode(t, t->c);
  const PetscReal share = t->ops->predict && t->raw_base > 0 ? cost / t->raw_base : 1;

  if (share < SURPRISE)
    for (PetscInt i = 0; i < t->ban_nodes; i++) t->honest[i] = PetscMin(t->honest[i], share);
  t->honest[node] = PetscMin(share, 1);
}

/* The baseline was looked at. Cheaper than thought: it may have been so ever since the last look, and where more was thought of it than here too. */
static void Look(NomosTuner t, PetscReal cost)
{
  if (t->sum_base > 0 && cost < SURPRISE * t->sum_base) {
    const PetscReal thought = t->unseen > 0 ? PetscMax(t->sum_base, t->credited / t->unseen) : t->sum_base;

    t->budget_sum -= (1 - cost / thought) * t->credited;
    t->refresh = LOOK;
  } else if (t->refresh > 0) t->refresh = 2 * t->refresh < REFRESH ? 2 * t->refresh : 0;
  Trust(t, cost);
  t->credited = t->unseen = 0;
}

PetscErrorCode NomosTunerGuardReport(NomosTuner t, PetscReal cost, PetscBool failed)
{
  const PetscBool base   = (PetscBool)(t->arm == t->baseline);
  const PetscReal credit = PetscMax(t->sum_base, PetscMin(t->even_base, cost));

  PetscFunctionBegin;
  t->stat.rounds++;
  t->stat.spent += cost;
  t->pulls[t->arm] += 1;
  t->sums[t->arm] += cost;
  t->worst = PetscMax(t->worst, cost);
  if (failed) t->stat.failures++;
  if (t->flags & NOMOS_ROUND_BUDGET) t->stat.held_back++;
  if (base || t->mean_base > 0) {
    t->stat.baseline_cost += base ? cost : t->mean_base;
    t->stat.baseline_rounds++;
  }
  if (base) Look(t, cost);
  else {
    t->credited += credit;
    t->unseen += 1;
  }
  t->budget_sum += base ? cost : credit;
  if (base) {
    t->stat.baseline++;
    BaselineCost(t, cost);
  }
  Ban(t, failed);
  PetscFunctionReturn(PETSC_SUCCESS);
}
