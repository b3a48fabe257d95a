/* train.c - nomos train: data, net, losses and optimizer from the options; a run; a model, errors on unseen files, pictures. */
#include "cli.h"
#include <stdio.h>
#include <string.h>

typedef struct {
  CliFiles     data, tests;
  char         model[PETSC_MAX_PATH_LEN], out[PETSC_MAX_PATH_LEN], pictures[PETSC_MAX_PATH_LEN], history[PETSC_MAX_PATH_LEN], folder[PETSC_MAX_PATH_LEN];
  NomosProblem p;
  NomosData    test[CLI_MAX_FILES];
  Tao          tao;
} Train;

static PetscErrorCode Options(Cli *cli, Train *v)
{
  PetscFunctionBegin;
  v->data.n = v->tests.n = CLI_MAX_FILES + 1;
  PetscOptionsBegin(cli->comm, NULL, "nomos train", "nomos");
  PetscCall(PetscOptionsStringArray("-data", "Files to train on (nomos-dataset/1), comma separated", "NomosDataSetFiles", v->data.name, &v->data.n, NULL));
  PetscCall(PetscOptionsStringArray("-data_test", "Files whose errors are reported, comma separated", "NomosProblemAddTestData", v->tests.name, &v->tests.n, NULL));
  PetscCall(PetscOptionsString("-o", "File for the model: nomos-checkpoint/1, or safetensors by the suffix", "NomosProblemSave", v->out, v->out, sizeof(v->out), NULL));
  PetscCall(PetscOptionsString("-model", "Start from this trained model", "NomosProblemLoad", v->model, v->model, sizeof(v->model), NULL));
  PetscCall(PetscOptionsString("-nomos_history", "File that gets one line per step: .csv or .jsonl", "NomosProblemSetHistory", v->history, v->history, sizeof(v->history), NULL));
  PetscCall(PetscOptionsString("-pictures", "Folder for pictures, or none (default: OUT_pictures beside -o)", "nomos", v->pictures, v->pictures, sizeof(v->pictures), NULL));
  PetscOptionsEnd();
  PetscCall(CliFilesCheck(cli, "-data", &v->data));
  PetscCall(CliFilesCheck(cli, "-data_test", &v->tests));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything that can be refused is refused before the run. */
static PetscErrorCode Require(Cli *cli, Train *v)
{
  char *model = v->model, *out = v->out;

  PetscFunctionBegin;
  PetscCheck(v->data.n > 0, cli->comm, PETSC_ERR_USER_INPUT, "train needs samples: give -data FILE[,FILE...]");
  PetscCheck(v->out[0], cli->comm, PETSC_ERR_USER_INPUT, "train needs a place for the model: give -o FILE");
  PetscCall(CliCheckDistinct(cli, "-o", v->out, "-data", v->data.n, v->data.name)); /* -model may be replaced by what comes of it */
  PetscCall(CliCheckDistinct(cli, "-o", v->out, "-data_test", v->tests.n, v->tests.name));
  PetscCall(CliCheckWritable(cli, "-o", v->out, PETSC_FALSE));
  PetscCall(CliCheckDistinct(cli, "-nomos_history", v->history, "-data", v->data.n, v->data.name));
  PetscCall(CliCheckDistinct(cli, "-nomos_history", v->history, "-data_test", v->tests.n, v->tests.name));
  PetscCall(CliCheckDistinct(cli, "-nomos_history", v->history, "-model", 1, &model));
  PetscCall(CliCheckDistinct(cli, "-nomos_history", v->history, "-o", 1, &out));
  if (v->history[0]) PetscCall(CliCheckWritable(cli, "-nomos_history", v->history, PETSC_TRUE));
  if (v->model[0]) PetscCall(CliRequireSound(cli, 1, &model));
  PetscCall(CliRequireSound(cli, v->data.n, v->data.name));
  PetscCall(CliRequireSound(cli, v->tests.n, v->tests.name));
  PetscCall(CliPicturesFolder(cli, v->out, v->pictures, v->folder, sizeof(v->folder)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The test files are ours, so that they can be asked once more after the run; -data_first and -data_samples are the training set's. */
static PetscErrorCode AddTests(Cli *cli, Train *v)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < v->tests.n; i++) {
    PetscCall(NomosDataCreate(cli->comm, &v->test[i]));
    PetscCall(NomosDataSetFiles(v->test[i], 1, (const char *const *)&v->tests.name[i]));
    PetscCall(NomosDataSetFromOptions(v->test[i]));
    PetscCall(NomosDataSetRange(v->test[i], 0, PETSC_DETERMINE));
    PetscCall(NomosProblemAddTestData(v->p, v->test[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More modes than the samples have would leave weights that no gradient ever reaches (at other resolutions they are
   clamped, and rightly). Centred modes: n of them on n points; corner: m on either side of zero, n/2 at most. */
static PetscErrorCode CheckModes(Cli *cli)
{
  NomosData data;
  NomosGrid grid;
  PetscInt  modes[NOMOS_MAX_DIM], n = NOMOS_MAX_DIM;
  PetscBool set, corner = PETSC_FALSE, li = PETSC_FALSE;
  char      word[64] = "";

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-net_fno_modes", modes, &n, &set));
  if (!set) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscOptionsGetString(NULL, NULL, "-net_fno_block", word, sizeof(word), NULL));
  PetscCall(PetscStrcmp(word, "li", &li));
  PetscCall(PetscStrncpy(word, li ? "corner" : "centred", sizeof(word)));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-net_fno_layout", word, sizeof(word), NULL));
  PetscCall(PetscStrcmp(word, "corner", &corner));
  PetscCall(NomosDataCreate(cli->comm, &data));
  PetscCall(NomosDataSetFromOptions(data));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetGrid(data, &grid));
  PetscCall(NomosDataDestroy(&data));
  for (PetscInt j = 0; j < PetscMin(n, grid.dim); j++) {
    const PetscInt last = j == grid.dim - 1 ? 1 : 0, most = corner ? grid.n[j] / 2 + last : grid.n[j] + last; /* the last axis holds n/2 once */

    PetscCheck(modes[j] <= most, cli->comm, PETSC_ERR_ARG_INCOMP, "-net_fno_modes asks for %" PetscInt_FMT " modes on axis %" PetscInt_FMT ", the training data have %" PetscInt_FMT " points there: at most %" PetscInt_FMT " are possible", modes[j], j, grid.n[j], most);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -help shows the options of objects that a run makes later. */
static PetscErrorCode HelpObjects(Cli *cli)
{
  NomosBackend backend;
  NomosData    data;

  PetscFunctionBegin;
  PetscCall(NomosDataCreate(cli->comm, &data));
  PetscCall(NomosDataSetFromOptions(data));
  PetscCall(NomosDataDestroy(&data));
  PetscCall(NomosBackendCreate(cli->comm, &backend));
  PetscCall(NomosBackendSetFromOptions(backend));
  PetscCall(NomosBackendDestroy(&backend));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Build(Cli *cli, Train *v)
{
  PetscFunctionBegin;
  if (cli->help) PetscCall(HelpObjects(cli));
  if (!cli->help && !v->model[0]) PetscCall(CheckModes(cli));
  PetscCall(NomosProblemCreate(cli->comm, &v->p));
  if (v->model[0] && !cli->help) PetscCall(NomosProblemLoad(v->p, v->model));
  if (v->folder[0] && !v->history[0]) { /* the curves are drawn from it */
    snprintf(v->history, sizeof(v->history), "%.*s/history.csv", (int)sizeof(v->history) - 16, v->folder);
    PetscCall(NomosProblemSetHistory(v->p, v->history));
  }
  PetscCall(AddTests(cli, v));
  PetscCall(NomosProblemSetFromOptions(v->p));
  PetscCall(TaoCreate(cli->comm, &v->tao));
  if (cli->help) PetscCall(TaoSetType(v->tao, TAOADAMW));
  else PetscCall(NomosProblemSetTao(v->p, v->tao));
  PetscCall(TaoSetFromOptions(v->tao));
  PetscCall(CliOptionsDone(cli));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Tell(Cli *cli, Train *v)
{
  NomosTrainingSummary s;

  PetscFunctionBegin;
  PetscCall(NomosProblemGetSummary(v->p, &s));
  if (s.stopped) PetscCall(PetscPrintf(cli->comm, "stopped by %s\n", s.stopped));
  PetscCall(PetscPrintf(cli->comm, "trained steps=%" PetscInt_FMT " epochs=%" PetscInt_FMT " f=%.17g seconds=%.3f step_ms=%.3f", s.steps, s.epochs, (double)s.f, (double)s.seconds, (double)s.step_ms));
  if (s.best_error > 0 && s.best_error < 1e300) PetscCall(PetscPrintf(cli->comm, " best_step=%" PetscInt_FMT " best_error=%.6g", s.best_step, (double)s.best_error));
  PetscCall(PetscPrintf(cli->comm, "\n"));
  for (PetscInt i = 0; i < v->tests.n; i++) PetscCall(CliPrintErrors(cli, v->p, v->test[i], v->tests.name[i], NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Draw(Cli *cli, Train *v)
{
  NomosMap map;

  PetscFunctionBegin;
  if (!v->folder[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CliPictureHistory(cli, v->folder, v->history, &v->tests));
  PetscCall(NomosProblemGetMap(v->p, &map));
  for (PetscInt i = 0; i < v->tests.n; i++) PetscCall(CliPictureSamples(cli, map, v->test[i], v->tests.name[i], v->folder));
  PetscCall(PetscPrintf(cli->comm, "pictures: %s\n", v->folder));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliTrain(Cli *cli)
{
  Train             *v;
  TaoConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(PetscNew(&v));
  PetscCall(Options(cli, v));
  if (!cli->help) PetscCall(Require(cli, v));
  PetscCall(Build(cli, v));
  if (!cli->help) {
    PetscCall(NomosProblemTrain(v->p, v->tao));
    PetscCall(TaoGetConvergedReason(v->tao, &reason));
    PetscCheck(reason != TAO_DIVERGED_NAN, cli->comm, PETSC_ERR_FP, "the run diverged: f or its gradient became NaN or Inf; no model was written, checkpoints stay. Lower -tao_adamw_lr or set -tao_clip");
    PetscCall(NomosProblemSave(v->p, v->out));
    PetscCall(Tell(cli, v));
    PetscCall(Draw(cli, v));
  }
  PetscCall(TaoDestroy(&v->tao));
  PetscCall(NomosProblemDestroy(&v->p));
  for (PetscInt i = 0; i < v->tests.n; i++) PetscCall(NomosDataDestroy(&v->test[i]));
  PetscCall(CliFilesDestroy(&v->data));
  PetscCall(CliFilesDestroy(&v->tests));
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}
