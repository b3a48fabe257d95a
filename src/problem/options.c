/*
  options.c - a problem from the options database: its settings, and the map, data and losses that nobody gave.
*/
#include "problem.h"

static const char *const Units[] = {"normalised", "physical", "NomosLossUnits", "", NULL};

/* Lists of one option, read with the others: PETSc shows the help of one block of an object only. */
typedef struct {
  char     *types[NOMOS_MAX_LOSSES + 1], *tests[NOMOS_MAX_TESTS + 1]; /* one more than are possible, to see that there are too many */
  PetscReal weights[NOMOS_MAX_LOSSES + 1];
  PetscInt  ntypes, nweights, ntests;
  PetscBool has_types, has_weights, has_tests;
} Lists;

static PetscErrorCode ReadLists(Lists *l, NomosOptionItems PetscOptionsObject)
{
  PetscFunctionBegin;
  l->ntypes = l->nweights = NOMOS_MAX_LOSSES + 1;
  l->ntests               = NOMOS_MAX_TESTS + 1;
  PetscCall(PetscOptionsStringArray("-loss_type", "Losses, comma separated: sobolev, h1fd (default sobolev)", "NomosProblemAddLoss", l->types, &l->ntypes, &l->has_types));
  PetscCall(PetscOptionsRealArray("-loss_weights", "Factor of each loss, not negative (default 1)", "NomosProblemAddLoss", l->weights, &l->nweights, &l->has_weights));
  PetscCall(PetscOptionsStringArray("-data_test", "Files whose errors are reported, comma separated", "NomosProblemAddTestData", l->tests, &l->ntests, &l->has_tests));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The losses of -loss_type where none was added; each type reads its own settings. */
static PetscErrorCode LossesFromOptions(NomosProblem p, Lists *l)
{
  char           def[] = NOMOSSOBOLEV;
  const PetscInt n = l->has_types ? l->ntypes : 1;
  const PetscBool given = p->nloss ? PETSC_TRUE : PETSC_FALSE;
  NomosMap       loss;

  PetscFunctionBegin;
  PetscCheck(!l->has_types || n <= NOMOS_MAX_LOSSES, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "-loss_type has more than %d losses", NOMOS_MAX_LOSSES);
  PetscCheck(given || !l->has_weights || l->nweights == n, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_SIZ, "-loss_weights has %" PetscInt_FMT " numbers for %" PetscInt_FMT " losses; see -loss_type", l->nweights, n);
  for (PetscInt i = 0; !given && i < n; i++) {
    PetscCall(NomosMapCreate(PetscObjectComm((PetscObject)p), "loss", &loss));
    PetscCall(PetscObjectSetOptions((PetscObject)loss, ((PetscObject)p)->options));
    PetscCall(PetscObjectSetOptionsPrefix((PetscObject)loss, ((PetscObject)p)->prefix));
    PetscCall(NomosMapSetType(loss, l->has_types ? l->types[i] : def));
    PetscObjectOptionsBegin((PetscObject)loss);
    PetscTryTypeMethod(loss, setfromoptions, PetscOptionsObject);
    PetscCall(PetscOptionsBool("-map_check", "Compare the derivatives with the values and with each other, in double, at the first point", "NomosMapSetCheck", loss->check, &loss->check, NULL));
    PetscOptionsEnd();
    PetscCall(NomosProblemAddLoss(p, loss, l->has_weights ? l->weights[i] : 1));
    PetscCall(NomosMapDestroy(&loss));
  }
  for (PetscInt i = 0; l->has_types && i < l->ntypes; i++) PetscCall(PetscFree(l->types[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -data and -data_test where nothing was given */
static PetscErrorCode DataFromOptions(NomosProblem p, Lists *l)
{
  PetscBool has;
  NomosData d;

  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(((PetscObject)p)->options, ((PetscObject)p)->prefix, "-data", &has));
  if (!p->data && has) {
    PetscCall(NomosDataCreate(PetscObjectComm((PetscObject)p), &p->data));
    PetscCall(PetscObjectSetOptions((PetscObject)p->data, ((PetscObject)p)->options));
    PetscCall(NomosDataSetOptionsPrefix(p->data, ((PetscObject)p)->prefix));
    PetscCall(NomosDataSetFromOptions(p->data));
  }
  PetscCheck(!l->has_tests || l->ntests <= NOMOS_MAX_TESTS, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_OUTOFRANGE, "-data_test has more than %d files", NOMOS_MAX_TESTS);
  for (PetscInt i = 0; l->has_tests && i < l->ntests; i++) {
    if (p->ntest < NOMOS_MAX_TESTS && i >= p->ntest) {
      PetscCall(NomosDataCreate(PetscObjectComm((PetscObject)p), &d));
      PetscCall(NomosDataSetFiles(d, 1, (const char *const *)&l->tests[i]));
      PetscCall(PetscObjectSetOptions((PetscObject)d, ((PetscObject)p)->options));
      PetscCall(NomosDataSetOptionsPrefix(d, ((PetscObject)p)->prefix));
      PetscCall(NomosDataSetFromOptions(d));
      PetscCall(NomosDataSetRange(d, 0, PETSC_DETERMINE)); /* -data_first and -data_samples are the training set's */
      PetscCall(NomosProblemAddTestData(p, d));
      PetscCall(NomosDataDestroy(&d));
    }
    PetscCall(PetscFree(l->tests[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MapFromOptions(NomosProblem p)
{
  PetscFunctionBegin;
  if (p->map) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosMapCreate(PetscObjectComm((PetscObject)p), "net", &p->map));
  PetscCall(PetscObjectSetOptions((PetscObject)p->map, ((PetscObject)p)->options));
  PetscCall(NomosMapSetOptionsPrefix(p->map, ((PetscObject)p)->prefix));
  PetscCall(NomosMapSetType(p->map, NOMOSFNO));
  PetscCall(NomosMapSetFromOptions(p->map));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A viewer that PETSc does not have is refused before the run. */
static PetscErrorCode CheckView(NomosProblem p)
{
  char           text[PETSC_MAX_PATH_LEN] = "";
  PetscViewer    viewer;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(((PetscObject)p)->options, ((PetscObject)p)->prefix, "-net_view", text, sizeof(text), NULL));
  text[strcspn(text, ":")] = 0;
  if (!text[0] || !strcmp(text, "hdf5")) PetscFunctionReturn(PETSC_SUCCESS); /* a model, with any PETSc */
  PetscCall(PetscViewerCreate(PETSC_COMM_SELF, &viewer));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = PetscViewerSetType(viewer, text);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCheck(!ierr, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_UNKNOWN_TYPE, "-net_view '%s' is no viewer of this PETSc; ascii, ascii:FILE and hdf5:FILE are possible", text);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunFromOptions(NomosProblem p, NomosOptionItems PetscOptionsObject)
{
  static const char *const signals[] = {"usr1", "term", "both", "none"}, *const shows[] = {"auto", "bar", "lines", "none"};
  PetscInt                 show = (PetscInt)p->progress;
  PetscBool                set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsString("-nomos_history", "File that gets one line per step: .csv or .jsonl", "NomosProblemSetHistory", p->history_file, p->history_file, sizeof(p->history_file), NULL));
  PetscCall(PetscOptionsString("-nomos_checkpoint", "Folder for checkpoints", "NomosProblemSetCheckpoint", p->checkpoint_dir, p->checkpoint_dir, sizeof(p->checkpoint_dir), NULL));
  PetscCall(PetscOptionsBoundedInt("-nomos_checkpoint_interval", "Steps from one checkpoint to the next, 1 or more", "NomosProblemSetCheckpoint", p->checkpoint_interval, &p->checkpoint_interval, NULL, 1));
  PetscCall(PetscOptionsBoundedInt("-nomos_checkpoint_keep", "Checkpoints kept, 2 or more", "NomosProblemSetCheckpoint", p->checkpoint_keep, &p->checkpoint_keep, NULL, 2));
  PetscCall(PetscOptionsString("-nomos_restart", "Continue a saved run: folder, file, or auto (the checkpoint folder)", "NomosProblemSetRestart", p->restart, p->restart, sizeof(p->restart), &set));
  if (set) p->restart_due = PETSC_TRUE;
  PetscCall(PetscOptionsBoundedReal("-nomos_max_walltime", "Seconds after which the run ends with a checkpoint, not negative; 0: no limit", "NomosProblemSetLimits", p->max_walltime, &p->max_walltime, NULL, 0));
  PetscCall(PetscOptionsEList("-nomos_signal", "Signals that end the run with a checkpoint", "NomosProblemSetLimits", signals, 4, signals[p->signal], &p->signal, NULL));
  PetscCall(PetscOptionsEList("-nomos_progress", "Progress on the terminal; auto: a bar there, else a line every 30 s", "NomosProblemSetFromOptions", shows, 4, shows[show], &show, NULL));
  p->progress = (NomosProgress)show;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetFromOptions - settings from the options; makes the map, the data and the losses that were not given

  Collective

  Options Database Keys:
+ -net_type, -net_...          - the net, where no map was set (see NomosMapSetFromOptions())
. -data FILE, -data_test FILE  - samples, where none were set
. -data_batch, -data_epochs    - see NomosProblemSetSchedule()
. -data_symmetry none|transpose|square|square-open - see NomosProblemSetSymmetry()
. -data_normalize_input, -data_normalize_output - see NomosProblemSetNormalize()
. -map_check                   - see NomosMapSetCheck()
. -net_view VIEWER             - the trained net, see NomosMapViewFromOptions()
. -loss_type, -loss_weights    - see NomosProblemAddLoss()
. -loss_reduction, -loss_units - see NomosProblemSetReduction(), NomosProblemSetUnits()
. -nomos_seed, -nomos_chunk, -nomos_keep_best - see NomosProblemSetSeed(), NomosProblemSetChunk(), NomosProblemSetKeepBest()
. -nomos_shared_memory <bool> - see NomosProblemSetSharedMemory()
. -nomos_history, -nomos_progress auto|bar|lines|none - see NomosProblemSetHistory()
. -nomos_checkpoint, -nomos_checkpoint_interval, -nomos_checkpoint_keep, -nomos_restart - see NomosProblemSetCheckpoint()
- -nomos_max_walltime, -nomos_signal - see NomosProblemSetLimits()

  Errors: PETSC_ERR_ORDER after the problem was set up; PETSC_ERR_ARG_SIZ for another number of weights than losses; PETSC_ERR_ARG_OUTOFRANGE 

  Level: beginner
.seealso: `NomosProblemSetTao()`, `NomosProblemTrain()`
@*/
PetscErrorCode NomosProblemSetFromOptions(NomosProblem p)
{
  PetscInt units = p->physical, seed = (PetscInt)p->seed;
  Lists    lists;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(!p->setup, PetscObjectComm((PetscObject)p), PETSC_ERR_ORDER, "NomosProblemSetFromOptions() after the problem was set up");
  PetscObjectOptionsBegin((PetscObject)p);
  PetscCall(PetscOptionsBoundedInt("-data_batch", "Samples per step over all ranks, 1 or more", "NomosProblemSetSchedule", p->batch, &p->batch, NULL, 1));
  PetscCall(PetscOptionsBoundedInt("-data_epochs", "Passes over the training samples, not negative", "NomosProblemSetSchedule", p->epochs, &p->epochs, NULL, 0));
  PetscCall(PetscOptionsBool("-data_normalize_input", "Normalise the net's input by channel", "NomosProblemSetNormalize", p->normalize[0], &p->normalize[0], NULL));
  PetscCall(PetscOptionsBool("-data_normalize_output", "Normalise the net's output by channel", "NomosProblemSetNormalize", p->normalize[1], &p->normalize[1], NULL));
  PetscCall(PetscOptionsEnum("-loss_reduction", "f from norms, or from half the squares, of the residuals", "NomosProblemSetReduction", NomosReductions, (PetscEnum)p->reduction, (PetscEnum *)&p->reduction, NULL));
  PetscCall(PetscOptionsEList("-loss_units", "Units in which losses compare", "NomosProblemSetUnits", Units, 2, Units[units], &units, NULL));
  PetscCall(PetscOptionsEnum("-data_symmetry", "Symmetries of the square that training samples are turned by, another one every epoch; square-open: no node on the last edges", "NomosProblemSetSymmetry", NomosSymmetries, (PetscEnum)p->symmetry, (PetscEnum *)&p->symmetry, NULL));
  PetscCall(PetscOptionsInt("-nomos_seed", "Seed of first weights and order of samples", "NomosProblemSetSeed", seed, &seed, NULL));
  PetscCall(PetscOptionsName("-net_view", "After training: show the net, or write it as a model (ascii:FILE, hdf5:FILE)", "NomosMapViewFromOptions", NULL));
  PetscCall(PetscOptionsBoundedInt("-nomos_chunk", "Samples per call of the map, not negative; 0: chosen so that activations take about 2 MB", "NomosProblemSetChunk", p->chunk_wanted, &p->chunk_wanted, NULL, 0));
  PetscCall(PetscOptionsBool("-nomos_shared_memory", "Ranks of one node exchange parameters and gradients through its memory", "NomosProblemSetSharedMemory", p->share, &p->share, NULL));
  PetscCall(PetscOptionsBool("-nomos_keep_best", "Keep the parameters with the lowest validation error", "NomosProblemSetKeepBest", p->keep_best, &p->keep_best, NULL));
  PetscCall(RunFromOptions(p, PetscOptionsObject));
  PetscCall(ReadLists(&lists, PetscOptionsObject));
  PetscOptionsEnd();
  PetscCall(CheckView(p));
  p->physical = units ? PETSC_TRUE : PETSC_FALSE;
  p->seed     = seed;
  PetscCall(DataFromOptions(p, &lists));
  PetscCall(MapFromOptions(p));
  PetscCall(LossesFromOptions(p, &lists));
  PetscFunctionReturn(PETSC_SUCCESS);
}
