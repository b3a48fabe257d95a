/* predict.c - nomos predict: a trained model on samples of any resolution; errors where the truth is known. */
#include "cli.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  CliFiles data;
  char     model[PETSC_MAX_PATH_LEN], out[PETSC_MAX_PATH_LEN], report[PETSC_MAX_PATH_LEN], pictures[PETSC_MAX_PATH_LEN];
  FILE    *csv; /* rank 0: the rows of the report */
  char    *rows;
  size_t   length;
} Predict;

static PetscErrorCode Options(Cli *cli, Predict *v)
{
  PetscFunctionBegin;
  v->data.n = CLI_MAX_FILES + 1;
  PetscOptionsBegin(cli->comm, NULL, "nomos predict", "nomos");
  PetscCall(PetscOptionsString("-model", "The trained model: nomos-checkpoint/1, or safetensors with an option list", "NomosMapLoad", v->model, v->model, sizeof(v->model), NULL));
  PetscCall(PetscOptionsStringArray("-data", "Files to read (nomos-dataset/1), comma separated", "NomosDataSetFiles", v->data.name, &v->data.n, NULL));
  PetscCall(PetscOptionsString("-o", "File for the predictions (nomos-dataset/1); with several -data files one each, OUT_NAME.h5", "NomosProblemPredict", v->out, v->out, sizeof(v->out), NULL));
  PetscCall(PetscOptionsString("-report", "CSV file with one row per sample and file", "NomosProblemComputeErrors", v->report, v->report, sizeof(v->report), NULL));
  PetscCall(PetscOptionsString("-pictures", "Folder for pictures, or none (default: OUT_pictures beside -o)", "nomos", v->pictures, v->pictures, sizeof(v->pictures), NULL));
  PetscOptionsEnd();
  PetscCall(CliFilesCheck(cli, "-data", &v->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* OUT.h5, or with several files OUT_NAME.h5 (OUT_NAME_2.h5 where two have one name) */
static PetscErrorCode OutputName(const Predict *v, PetscInt i, char name[], size_t len)
{
  char     stem[PETSC_MAX_PATH_LEN], mine[PETSC_MAX_PATH_LEN], other[PETSC_MAX_PATH_LEN];
  PetscInt same = 1;

  PetscFunctionBegin;
  if (v->data.n == 1) {
    PetscCall(PetscStrncpy(name, v->out, len));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  CliStem(v->out, PETSC_TRUE, stem, sizeof(stem));
  CliStem(v->data.name[i], PETSC_FALSE, mine, sizeof(mine));
  for (PetscInt k = 0; k < i; k++) {
    CliStem(v->data.name[k], PETSC_FALSE, other, sizeof(other));
    if (!strcmp(mine, other)) same++;
  }
  if (same > 1) PetscCall(PetscSNPrintf(name, len, "%s_%s_%" PetscInt_FMT ".h5", stem, mine, same));
  else PetscCall(PetscSNPrintf(name, len, "%s_%s.h5", stem, mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is read stays: no output has the name of an input. */
static PetscErrorCode CheckNames(Cli *cli, Predict *v)
{
  char name[PETSC_MAX_PATH_LEN], *model = v->model, *one = name;

  PetscFunctionBegin;
  PetscCall(CliCheckDistinct(cli, "-report", v->report, "-model", 1, &model));
  PetscCall(CliCheckDistinct(cli, "-report", v->report, "-data", v->data.n, v->data.name));
  for (PetscInt i = 0; v->out[0] && i < v->data.n; i++) {
    PetscCall(OutputName(v, i, name, sizeof(name)));
    PetscCall(CliCheckDistinct(cli, "-o", name, "-model", 1, &model));
    PetscCall(CliCheckDistinct(cli, "-o", name, "-data", v->data.n, v->data.name));
    PetscCall(CliCheckDistinct(cli, "-report", v->report, "-o", 1, &one));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Require(Cli *cli, Predict *v)
{
  char *model = v->model;

  PetscFunctionBegin;
  PetscCheck(v->model[0], cli->comm, PETSC_ERR_USER_INPUT, "predict needs a trained model: give -model FILE");
  PetscCheck(v->data.n > 0, cli->comm, PETSC_ERR_USER_INPUT, "predict needs samples: give -data FILE[,FILE...]");
  PetscCall(CheckNames(cli, v));
  PetscCall(CliRequireSound(cli, 1, &model));
  PetscCall(CliRequireSound(cli, v->data.n, v->data.name));
  if (v->out[0]) PetscCall(CliCheckWritable(cli, "-o", v->out, PETSC_FALSE));
  if (v->report[0]) PetscCall(CliCheckWritable(cli, "-report", v->report, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* FILE samples=50 grid=32x32 rel_l2=... ; without a truth in the file, no errors */
PetscErrorCode CliPrintErrors(Cli *cli, NomosProblem p, NomosData data, const char file[], NomosErrors per_sample[])
{
  NomosErrors e = {0, 0, 0, 0};
  NomosGrid   grid;
  PetscInt    n, cout;

  PetscFunctionBegin;
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetSize(data, &n));
  PetscCall(NomosDataGetGrid(data, &grid));
  PetscCall(NomosDataGetChannels(data, NULL, &cout));
  if (cout) PetscCall(NomosProblemComputeErrors(p, data, &e, per_sample));
  PetscCall(PetscPrintf(cli->comm, "%s samples=%" PetscInt_FMT " grid=", file, n));
  for (PetscInt j = 0; j < grid.dim; j++) PetscCall(PetscPrintf(cli->comm, "%s%" PetscInt_FMT, j ? "x" : "", grid.n[j]));
  if (cout) PetscCall(PetscPrintf(cli->comm, " rel_l2=%.6g rel_h1=%.6g rel_hm1=%.6g rel_h1fd=%.6g", (double)e.rel_l2, (double)e.rel_h1, (double)e.rel_hm1, (double)e.rel_h1fd));
  PetscCall(PetscPrintf(cli->comm, "\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the report ---------------------------------------------------------------------------------------------------- */
/* Gathered in memory and written at the end, aside: an older report stays until the new one is whole. */
static PetscErrorCode ReportOpen(Cli *cli, Predict *v)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  if (!v->report[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  if (rank == 0) {
    v->csv = open_memstream(&v->rows, &v->length);
    PetscCheck(v->csv, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the report '%s'", v->report);
    fprintf(v->csv, "file,sample,rel_l2,rel_h1,rel_hm1,rel_h1fd\n");
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReportRows(Predict *v, const char file[], PetscInt first, PetscInt n, const NomosErrors e[])
{
  PetscFunctionBegin;
  for (PetscInt i = 0; v->csv && i < n; i++) fprintf(v->csv, "%s,%lld,%.9g,%.9g,%.9g,%.9g\n", file, (long long)(first + i), (double)e[i].rel_l2, (double)e[i].rel_h1, (double)e[i].rel_hm1, (double)e[i].rel_h1fd);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 0, or the errno that stopped it */
static int WriteReport(const Predict *v)
{
  char  part[PETSC_MAX_PATH_LEN + 8];
  FILE *f;
  int   error = 0;

  snprintf(part, sizeof(part), CliIsDevice(v->report) ? "%s" : "%s.part", v->report);
  if (!(f = fopen(part, "w"))) return errno ? errno : EIO;
  if (fwrite(v->rows, 1, v->length, f) != v->length) error = errno ? errno : EIO;
  if (fclose(f) && !error) error = errno ? errno : EIO;
  if (!strcmp(part, v->report)) return error;
  if (!error && rename(part, v->report)) error = errno;
  if (error) remove(part);
  return error;
}

static PetscErrorCode ReportClose(Cli *cli, Predict *v)
{
  PetscMPIInt error = 0;

  PetscFunctionBegin;
  if (v->csv) {
    error = ferror(v->csv) | fclose(v->csv) ? ENOMEM : WriteReport(v);
    free(v->rows);
  }
  v->csv = NULL;
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, cli->comm));
  PetscCheck(!error, cli->comm, PETSC_ERR_FILE_WRITE, "the report '%s' could not be written: %s; free space, or give another name with -report", v->report, strerror(error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- one file ------------------------------------------------------------------------------------------------------ */
static PetscErrorCode OneFile(Cli *cli, Predict *v, NomosProblem p, PetscInt i, const char pictures[])
{
  NomosData    data;
  NomosErrors *each = NULL;
  PetscInt     n, cout, first = 0;
  char         name[PETSC_MAX_PATH_LEN];
  NomosMap     map;

  PetscFunctionBegin;
  PetscCall(NomosDataCreate(cli->comm, &data));
  PetscCall(NomosDataSetFiles(data, 1, (const char *const *)&v->data.name[i]));
  PetscCall(NomosDataSetFromOptions(data));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetSize(data, &n));
  PetscCall(NomosDataGetChannels(data, NULL, &cout));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-data_first", &first, NULL));
  PetscCall(PetscMalloc1(n, &each));
  PetscCall(CliPrintErrors(cli, p, data, v->data.name[i], each));
  if (cout) PetscCall(ReportRows(v, v->data.name[i], first, n, each));
  PetscCall(PetscFree(each));
  if (v->out[0]) {
    PetscCall(OutputName(v, i, name, sizeof(name)));
    PetscCall(NomosProblemPredict(p, data, name));
    PetscCall(NomosDataWriteXdmf(cli->comm, name));
  }
  PetscCall(NomosProblemGetMap(p, &map));
  if (pictures[0]) PetscCall(CliPictureSamples(cli, map, data, v->data.name[i], pictures));
  PetscCall(NomosDataDestroy(&data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliPredict(Cli *cli)
{
  Predict     *v;
  NomosProblem p;
  char         folder[PETSC_MAX_PATH_LEN] = "";

  PetscFunctionBegin;
  PetscCall(PetscNew(&v));
  PetscCall(Options(cli, v));
  PetscCall(NomosProblemCreate(cli->comm, &p));
  if (cli->help) {
    NomosData data;
    NomosMap  net;
    NomosBackend backend;

    PetscCall(NomosBackendCreate(cli->comm, &backend));
    PetscCall(NomosBackendSetFromOptions(backend));
    PetscCall(NomosBackendDestroy(&backend));
    PetscCall(NomosDataCreate(cli->comm, &data));
    PetscCall(NomosDataSetFromOptions(data));
    PetscCall(NomosDataDestroy(&data));
    PetscCall(NomosMapCreate(cli->comm, "net", &net));
    PetscCall(NomosMapSetType(net, NOMOSFNO));
    PetscCall(NomosMapSetFromOptions(net));
    PetscCall(NomosMapDestroy(&net));
  } else {
    PetscCall(Require(cli, v));
    PetscCall(CliPicturesFolder(cli, v->out, v->pictures, folder, sizeof(folder)));
    PetscCall(NomosProblemLoad(p, v->model));
    PetscCall(ReportOpen(cli, v));
    for (PetscInt i = 0; i < v->data.n; i++) {
      PetscCall(OneFile(cli, v, p, i, folder));
      if (i == 0) PetscCall(CliOptionsDone(cli));
    }
    PetscCall(ReportClose(cli, v));
    if (folder[0]) PetscCall(PetscPrintf(cli->comm, "pictures: %s\n", folder));
  }
  PetscCall(NomosProblemDestroy(&p));
  PetscCall(CliFilesDestroy(&v->data));
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}
