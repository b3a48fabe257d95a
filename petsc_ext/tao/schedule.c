/*
  schedule.c - NomosSchedule: the learning rate (and for one-cycle beta1) as a pure function of the step.
*/
#include "tao.h"

static const char *const Types[] = {"linear", "constant", "cosine", "step", "onecycle", "poly", "sqrt", "exp", "list", "file"};
#define NUM_TYPES ((PetscInt)(sizeof(Types) / sizeof(Types[0])))
static const char *const Units[] = {"step", "epoch"};

/*@
  NomosScheduleCreate - creates a schedule of the learning rate

  Collective

  Input Parameter:
. comm - communicator

  Output Parameter:
. s - the schedule: linear over the run, base learning rate 1e-3

  Options Database Keys:
+ -tao_schedule_type <linear>     - linear, constant, cosine, step, onecycle, poly, sqrt, exp, list, file
. -tao_schedule_length <run>      - T, in units
. -tao_schedule_unit <step>       - step or epoch; with epoch the factor is constant within an epoch
. -tao_schedule_warmup <0>        - units w of linear growth: (t+1)/w; the rest of the schedule takes T - w
. -tao_schedule_step              - type step: units between decays
. -tao_schedule_gamma <0.5>       - types step and exp: factor of a decay (exp: 0.99)
. -tao_schedule_power <1>         - type poly
. -tao_schedule_final <0>         - types linear, cosine, poly: factor that they fall to
. -tao_schedule_pct_start <0.3>   - type onecycle: part of the steps that rises
. -tao_schedule_div <25>          - type onecycle: top over first rate
. -tao_schedule_final_div <1e4>   - type onecycle: first over last rate
. -tao_schedule_beta1_min <0.85>, -tao_schedule_beta1_max <0.95> - type onecycle: beta1 at the top and at the ends
. -tao_schedule_list f0,f1,...    - type list: factors
- -tao_schedule_file FILE         - type file: factors, separated by white space

  Note:
  Factor at t = 0..T-1, times the base rate. constant 1; linear 1-t/T; cosine (1+cos(pi t/T))/2; step gamma^floor(t/step); poly (1-t/T)^power;
  sqrt 1/sqrt(1+t); exp gamma^t. With final F the first three that fall give F + (1-F) factor. onecycle: with e = pct_start T - 1, by cosine from
  1/div to 1 while t <= e, then to 1/(div final_div) at T-1; beta1 moves the other way. At and after T the last value is kept, with one warning.

  Level: intermediate
.seealso: `NomosScheduleSetType()`, `NomosScheduleGet()`, `NomosTaoGetSchedule()`
@*/
PetscErrorCode NomosScheduleCreate(MPI_Comm comm, NomosSchedule *s)
{
  NomosSchedule p;

  PetscFunctionBegin;
  *s = NULL;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscHeaderCreate(p, NOMOS_SCHEDULE_CLASSID, "NomosSchedule", "learning rate as a function of the step", "NomosSchedule", comm, NomosScheduleDestroy, NomosScheduleView));
  PetscCall(PetscStrncpy(p->type, Types[0], sizeof(p->type)));
  p->length    = 0;
  p->unit      = 1;
  p->run       = 0;
  p->epoch     = 1;
  p->lr        = 1e-3;
  p->beta1     = 0.9;
  p->warmup    = 0;
  p->step      = 0;
  p->gamma     = 0; /* the type's default */
  p->power     = 1;
  p->final     = 0;
  p->pct_start = 0.3;
  p->div       = 25;
  p->final_div = 1e4;
  p->beta1_min = 0.85;
  p->beta1_max = 0.95;
  *s           = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosScheduleSetType - the form of the schedule

  Logically Collective

  Input Parameters:
+ s    - the schedule
- type - linear, constant, cosine, step, onecycle, poly, sqrt, exp, list or file

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another name

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetType(NomosSchedule s, const char type[])
{
  PetscBool same = PETSC_FALSE;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  for (PetscInt i = 0; i < NUM_TYPES && !same; i++) PetscCall(PetscStrcmp(type, Types[i], &same));
  PetscCheck(same, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_UNKNOWN_TYPE, "-tao_schedule_type '%s' is unknown; it is one of linear, constant, cosine, step, onecycle, poly, sqrt, exp, list, file", type);
  PetscCall(PetscStrncpy(s->type, type, sizeof(s->type)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetLength - the length T, in units; PETSC_DETERMINE: the run's

  Logically Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetLength(NomosSchedule s, PetscInt length)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(length >= 1 || length == PETSC_DETERMINE, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_length is %" PetscInt_FMT "; it must be at least 1", length);
  s->length = length == PETSC_DETERMINE ? 0 : length;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetUnit - steps per unit: 1, or an epoch's; PETSC_DETERMINE: an epoch's, from NomosTaoSetBatch()

  Logically Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetUnit(NomosSchedule s, PetscInt steps)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(steps >= 1 || steps == PETSC_DETERMINE, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "a unit of %" PetscInt_FMT " steps; it must be at least 1", steps);
  s->unit = steps == PETSC_DETERMINE ? 0 : steps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetBase - the learning rate and beta1 that the factors multiply

  Logically Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative rate or beta1 outside [0,1)

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetBase(NomosSchedule s, PetscReal lr, PetscReal beta1)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(lr >= 0, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "the learning rate is %g; it must not be negative", (double)lr);
  PetscCheck(beta1 >= 0 && beta1 < 1, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "beta1 is %g; it must lie in [0,1)", (double)beta1);
  s->lr    = lr;
  s->beta1 = beta1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetWarmup - units of linear growth at the beginning

  Logically Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 0

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetWarmup(NomosSchedule s, PetscInt warmup)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(warmup >= 0, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_warmup is %" PetscInt_FMT "; it must not be negative", warmup);
  s->warmup = warmup;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetDecay - units between decays and their factor (types step and exp)

  Logically Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative step or a factor that is not positive

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetDecay(NomosSchedule s, PetscInt step, PetscReal gamma)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(step >= 0, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_step is %" PetscInt_FMT "; it must be at least 1", step);
  PetscCheck(gamma > 0, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_gamma is %g; it must be positive", (double)gamma);
  s->step  = step;
  s->gamma = gamma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetFinal - the factor that linear, cosine and poly fall to, and the power of poly

  Logically Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative factor or a power that is not positive

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetFinal(NomosSchedule s, PetscReal final, PetscReal power)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(final >= 0, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_final is %g; it must not be negative", (double)final);
  PetscCheck(power > 0, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_power is %g; it must be positive", (double)power);
  s->final = final;
  s->power = power;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetOneCycle - the numbers of type onecycle

  Logically Collective

  Input Parameters:
+ s         - the schedule
. pct_start - part of the steps that rises, in (0,1)
. div       - top over first rate
. final_div - first over last rate
. beta1_min - beta1 at the top
- beta1_max - beta1 at both ends

  Source: parity with torch.optim.lr_scheduler.OneCycleLR (cosine, two phases)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for pct_start outside (0,1), div or final_div not positive, betas outside [0,1) or out of order

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetOneCycle(NomosSchedule s, PetscReal pct_start, PetscReal div, PetscReal final_div, PetscReal beta1_min, PetscReal beta1_max)
{
  MPI_Comm comm;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  comm = PetscObjectComm((PetscObject)s);
  PetscCheck(pct_start > 0 && pct_start < 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_pct_start is %g; it must lie in (0,1)", (double)pct_start);
  PetscCheck(div > 0, comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_div is %g; it must be positive", (double)div);
  PetscCheck(final_div > 0, comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_final_div is %g; it must be positive", (double)final_div);
  PetscCheck(beta1_min >= 0 && beta1_max < 1 && beta1_min <= beta1_max, comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_beta1_min is %g and -tao_schedule_beta1_max %g; both must lie in [0,1), in this order", (double)beta1_min, (double)beta1_max);
  s->pct_start = pct_start;
  s->div       = div;
  s->final_div = final_div;
  s->beta1_min = beta1_min;
  s->beta1_max = beta1_max;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetList - the factors of type list, one per unit; the last is kept

  Logically Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE for no factors, or one that is negative or not finite

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetList(NomosSchedule s, PetscInt n, const PetscReal factors[])
{
  PetscReal *copy;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(n >= 1, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "a list of %" PetscInt_FMT " factors; give -tao_schedule_list at least one", n);
  for (PetscInt i = 0; i < n; i++) PetscCheck(factors[i] >= 0 && !PetscIsInfOrNanReal(factors[i]), PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "factor %" PetscInt_FMT " of the schedule is %g; factors are finite and not negative", i, (double)factors[i]);
  PetscCall(PetscMalloc1(n, &copy));
  PetscCall(PetscArraycpy(copy, factors, n));
  PetscCall(PetscFree(s->list));
  s->list  = copy;
  s->nlist = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Numbers of a text file; n is what was found. Rank 0 only. */
static PetscErrorCode ReadNumbers(const char file[], PetscInt *n, PetscReal **numbers, PetscBool *bad)
{
  FILE    *fp;
  PetscInt size = 0;
  double   v;
  int      got;

  PetscFunctionBegin;
  *n = 0;
  *numbers = NULL;
  *bad = PETSC_FALSE;
  fp = fopen(file, "r");
  if (!fp) PetscFunctionReturn(PETSC_SUCCESS);
  while ((got = fscanf(fp, "%lf", &v)) == 1) {
    if (*n == size) {
      size = size ? 2 * size : 1024;
      PetscCall(PetscRealloc(sizeof(PetscReal) * (size_t)size, numbers));
    }
    (*numbers)[(*n)++] = (PetscReal)v;
  }
  if (got != EOF) *bad = PETSC_TRUE;
  (void)fclose(fp);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosScheduleSetFile - reads the factors of type file: numbers separated by white space, one per unit

  Collective

  Errors: PETSC_ERR_FILE_OPEN or PETSC_ERR_FILE_UNEXPECTED, on every rank, when there are no numbers or something else

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetFile(NomosSchedule s, const char file[])
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)s);
  PetscReal     *numbers = NULL;
  PetscInt       head[2] = {0, 0};
  PetscMPIInt    rank, count;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    PetscBool bad;

    PetscCall(ReadNumbers(file, &head[0], &numbers, &bad));
    head[1] = bad ? 1 : 0;
  }
  PetscCallMPI(MPI_Bcast(head, 2, MPIU_INT, 0, comm));
  if (head[1]) PetscCall(PetscFree(numbers));
  PetscCheck(!head[1], comm, PETSC_ERR_FILE_UNEXPECTED, "schedule file '%s': after %" PetscInt_FMT " numbers something is not a number", file, head[0]);
  PetscCheck(head[0] > 0, comm, PETSC_ERR_FILE_OPEN, "schedule file '%s' cannot be read or has no numbers; give -tao_schedule_file a text file of factors", file);
  if (rank != 0) PetscCall(PetscMalloc1(head[0], &numbers));
  PetscCall(PetscMPIIntCast(head[0], &count));
  PetscCallMPI(MPI_Bcast(numbers, count, MPIU_REAL, 0, comm));
  PetscCall(NomosScheduleSetList(s, head[0], numbers));
  PetscCall(PetscFree(numbers));
  PetscCall(PetscStrncpy(s->file, file, sizeof(s->file)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosScheduleSetOptionsPrefix - what stands in front of -tao_schedule_

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetOptionsPrefix(NomosSchedule s, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)s, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadShape(NomosSchedule s, NomosOptionItems PetscOptionsObject)
{
  PetscReal gamma = s->gamma > 0 ? s->gamma : 0.5, final = s->final, power = s->power;
  PetscReal pct = s->pct_start, div = s->div, final_div = s->final_div, lo = s->beta1_min, hi = s->beta1_max;
  PetscInt  step = s->step;
  PetscBool set[2];

  PetscFunctionBegin;
  PetscCall(PetscOptionsInt("-tao_schedule_step", "Type step: units between decays, at least 1", "NomosScheduleSetDecay", step, &step, &set[0]));
  PetscCall(PetscOptionsReal("-tao_schedule_gamma", "Types step (default 0.5) and exp (0.99): factor of a decay, positive", "NomosScheduleSetDecay", gamma, &gamma, &set[1]));
  PetscCheck(!set[0] || step >= 1, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "-tao_schedule_step is %" PetscInt_FMT "; it must be at least 1", step);
  s->step = step;
  if (set[1]) PetscCall(NomosScheduleSetDecay(s, step, gamma));
  PetscCall(PetscOptionsReal("-tao_schedule_final", "Types linear, cosine, poly: factor that they fall to, not negative", "NomosScheduleSetFinal", final, &final, NULL));
  PetscCall(PetscOptionsReal("-tao_schedule_power", "Type poly: its power, positive", "NomosScheduleSetFinal", power, &power, NULL));
  PetscCall(NomosScheduleSetFinal(s, final, power));
  PetscCall(PetscOptionsReal("-tao_schedule_pct_start", "Type onecycle: part of the steps that rises, in (0,1)", "NomosScheduleSetOneCycle", pct, &pct, NULL));
  PetscCall(PetscOptionsReal("-tao_schedule_div", "Type onecycle: top over first rate, positive", "NomosScheduleSetOneCycle", div, &div, NULL));
  PetscCall(PetscOptionsReal("-tao_schedule_final_div", "Type onecycle: first over last rate, positive", "NomosScheduleSetOneCycle", final_div, &final_div, NULL));
  PetscCall(PetscOptionsReal("-tao_schedule_beta1_min", "Type onecycle: beta1 at the top, in [0,1)", "NomosScheduleSetOneCycle", lo, &lo, NULL));
  PetscCall(PetscOptionsReal("-tao_schedule_beta1_max", "Type onecycle: beta1 at the ends, in [0,1)", "NomosScheduleSetOneCycle", hi, &hi, NULL));
  PetscCall(NomosScheduleSetOneCycle(s, pct, div, final_div, lo, hi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The factors of a list may be many: room for as many as the text has. */
static PetscErrorCode ReadList(NomosSchedule s, NomosOptionItems PetscOptionsObject)
{
  PetscReal *list;
  PetscInt   n = 100000;
  PetscBool  set;
  char       file[PETSC_MAX_PATH_LEN] = "";

  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(((PetscObject)s)->options, ((PetscObject)s)->prefix, "-tao_schedule_list", &set));
  if (!set) n = 1;
  PetscCall(PetscCalloc1(n, &list));
  PetscCall(PetscOptionsRealArray("-tao_schedule_list", "Type list: factors, one per unit, not negative", "NomosScheduleSetList", list, &n, &set));
  if (set) PetscCall(NomosScheduleSetList(s, n, list));
  PetscCall(PetscFree(list));
  PetscCall(PetscOptionsString("-tao_schedule_file", "Type file: text file of factors, one per unit", "NomosScheduleSetFile", s->file, file, sizeof(file), &set));
  if (set) PetscCall(NomosScheduleSetFile(s, file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleSetFromOptions - reads -tao_schedule_..., see NomosScheduleCreate()

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosScheduleSetFromOptions(NomosSchedule s)
{
  PetscInt  i = 0, length = s->length, warmup = s->warmup;
  PetscBool set, same = PETSC_FALSE;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  while (i < NUM_TYPES && !same) PetscCall(PetscStrcmp(s->type, Types[i++], &same));
  i--;
  PetscObjectOptionsBegin((PetscObject)s);
  PetscCall(PetscOptionsEList("-tao_schedule_type", "Form of the learning rate over the run", "NomosScheduleSetType", Types, NUM_TYPES, Types[i], &i, &set));
  if (set) PetscCall(NomosScheduleSetType(s, Types[i]));
  PetscCall(PetscOptionsInt("-tao_schedule_length", "Length T in units, at least 1; 0 shown: the run's", "NomosScheduleSetLength", length, &length, &set));
  if (set) PetscCall(NomosScheduleSetLength(s, length));
  i = s->unit ? 0 : 1;
  PetscCall(PetscOptionsEList("-tao_schedule_unit", "What length, warmup and step count; with epoch the factor is constant within an epoch", "NomosScheduleSetUnit", Units, 2, Units[i], &i, &set));
  if (set) PetscCall(NomosScheduleSetUnit(s, i ? PETSC_DETERMINE : 1));
  PetscCall(PetscOptionsInt("-tao_schedule_warmup", "Units of linear growth, not negative", "NomosScheduleSetWarmup", warmup, &warmup, &set));
  if (set) PetscCall(NomosScheduleSetWarmup(s, warmup));
  PetscCall(ReadShape(s, PetscOptionsObject));
  PetscCall(ReadList(s, PetscOptionsObject));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The loop tells how long the run is, for lengths and units that were left open. */
PetscErrorCode NomosScheduleSetRun(NomosSchedule s, PetscInt steps, PetscInt steps_per_epoch)
{
  PetscFunctionBegin;
  s->run    = PetscMax(steps, 1);
  s->epoch  = PetscMax(steps_per_epoch, 1);
  s->warned = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal Cosine(PetscReal from, PetscReal to, PetscReal part)
{
  return to + (from - to) / 2 * (1 + PetscCosReal(PETSC_PI * part));
}

/* Factor at t of a schedule of length T, 0 <= t < T, without warm-up. */
static PetscErrorCode Factor(NomosSchedule s, PetscInt t, PetscInt T, PetscReal *factor, PetscReal *beta1)
{
  const PetscReal part = (PetscReal)t / (PetscReal)T, tr = (PetscReal)t;
  PetscInt        i = 0;
  PetscBool       same = PETSC_FALSE;

  PetscFunctionBegin;
  while (i < NUM_TYPES && !same) PetscCall(PetscStrcmp(s->type, Types[i++], &same));
  switch (i - 1) {
  case 0: *factor = s->final + (1 - s->final) * (1 - part); break;
  case 1: *factor = 1; break;
  case 2: *factor = Cosine(1, s->final, part); break;
  case 3:
    PetscCheck(s->step >= 1, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_WRONGSTATE, "schedule 'step' needs -tao_schedule_step (or NomosScheduleSetDecay()): units between decays");
    *factor = PetscPowReal(s->gamma > 0 ? s->gamma : 0.5, (PetscReal)(t / s->step));
    break;
  case 4: {
    const PetscReal first = 1 / s->div, last = first / s->final_div, e = s->pct_start * (PetscReal)T - 1;

    if (tr <= e) {
      *factor = Cosine(first, 1, e > 0 ? tr / e : 1);
      *beta1  = Cosine(s->beta1_max, s->beta1_min, e > 0 ? tr / e : 1);
    } else {
      *factor = Cosine(1, last, (tr - e) / ((PetscReal)(T - 1) - e));
      *beta1  = Cosine(s->beta1_min, s->beta1_max, (tr - e) / ((PetscReal)(T - 1) - e));
    }
    break;
  }
  case 5: *factor = s->final + (1 - s->final) * PetscPowReal(1 - part, s->power); break;
  case 6: *factor = 1 / PetscSqrtReal(1 + tr); break;
  case 7: *factor = PetscPowReal(s->gamma > 0 ? s->gamma : 0.99, tr); break;
  default:
    PetscCheck(s->nlist, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_WRONGSTATE, "schedule '%s' has no factors; give -tao_schedule_list or -tao_schedule_file", s->type);
    *factor = s->list[PetscMin(t, s->nlist - 1)];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleGet - learning rate and beta1 of a step; a pure function of it

  Logically Collective

  Input Parameters:
+ s    - the schedule
- step - 0, 1, ...

  Output Parameters:
+ lr    - learning rate, or NULL
- beta1 - first moment's factor, or NULL

  Errors: PETSC_ERR_ARG_WRONGSTATE when no length is known: NomosScheduleSetLength() was not called and no run has begun

  Level: intermediate
@*/
PetscErrorCode NomosScheduleGet(NomosSchedule s, PetscInt step, PetscReal *lr, PetscReal *beta1)
{
  const PetscInt unit = s->unit ? s->unit : s->epoch;
  PetscInt       t, T = s->length, w = s->warmup;
  PetscReal      factor = 1, b1 = s->beta1;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  PetscCheck(step >= 0, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_OUTOFRANGE, "step %" PetscInt_FMT " is negative", step);
  if (!T) {
    PetscCheck(s->run, PetscObjectComm((PetscObject)s), PETSC_ERR_ARG_WRONGSTATE, "the schedule has no length yet: call NomosScheduleSetLength() or give -tao_schedule_length");
    T = s->run / unit + (s->run % unit ? 1 : 0);
  }
  t = step / unit;
  if (t >= T) {
    if (!s->warned) {
      s->warned = PETSC_TRUE;
      PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)s), PETSC_STDERR, "nomos: step %" PetscInt_FMT " is beyond the schedule's length (%" PetscInt_FMT " units): its last value is kept; see -tao_schedule_length\n", step, T));
    }
    t = T - 1;
  }
  if (t < w) factor = (PetscReal)(t + 1) / (PetscReal)w;
  else PetscCall(Factor(s, t - w, T - w, &factor, &b1));
  if (lr) *lr = s->lr * factor;
  if (beta1) *beta1 = b1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosScheduleView - prints every setting in force

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosScheduleView(NomosSchedule s, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(s, NOMOS_SCHEDULE_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)s), &viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "schedule: %s\n", s->type));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  if (s->length) PetscCall(PetscViewerASCIIPrintf(viewer, "length: %" PetscInt_FMT "\n", s->length));
  else PetscCall(PetscViewerASCIIPrintf(viewer, "length: the run's%s\n", s->run ? "" : " (not known yet)"));
  if (s->unit) PetscCall(PetscViewerASCIIPrintf(viewer, "unit: %" PetscInt_FMT " steps\n", s->unit));
  else PetscCall(PetscViewerASCIIPrintf(viewer, "unit: epoch of %" PetscInt_FMT " steps\n", s->epoch));
  PetscCall(PetscViewerASCIIPrintf(viewer, "warmup: %" PetscInt_FMT "\n", s->warmup));
  PetscCall(PetscViewerASCIIPrintf(viewer, "step: %" PetscInt_FMT ", gamma: %g (0: the type's), power: %g, final: %g\n", s->step, (double)s->gamma, (double)s->power, (double)s->final));
  PetscCall(PetscViewerASCIIPrintf(viewer, "pct_start: %g, div: %g, final_div: %g, beta1: %g to %g\n", (double)s->pct_start, (double)s->div, (double)s->final_div, (double)s->beta1_max, (double)s->beta1_min));
  if (s->nlist) PetscCall(PetscViewerASCIIPrintf(viewer, "list: %" PetscInt_FMT " factors%s%s\n", s->nlist, s->file[0] ? " of " : "", s->file));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosScheduleDestroy - drops a reference

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosScheduleDestroy(NomosSchedule *s)
{
  PetscFunctionBegin;
  if (!*s) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*s, NOMOS_SCHEDULE_CLASSID, 1);
  if (--((PetscObject)*s)->refct > 0) {
    *s = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscFree((*s)->list));
  PetscCall(PetscHeaderDestroy(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
