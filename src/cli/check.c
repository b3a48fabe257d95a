/* check.c - nomos check FILE: is a file sound? With -reference REF.h5: does a model reproduce stored values? */
#include "cli.h"
#include <string.h>

PetscErrorCode CliCheck(Cli *cli)
{
  PetscBool sound, allow = PETSC_FALSE, has_reference = PETSC_FALSE;
  char     *text, model[PETSC_MAX_PATH_LEN] = "", reference[PETSC_MAX_PATH_LEN] = "", *file[2] = {model, reference};

  PetscFunctionBegin;
  if (cli->file) PetscCall(PetscStrncpy(model, cli->file, sizeof(model)));
  PetscOptionsBegin(cli->comm, NULL, "nomos check", "nomos");
  PetscCall(PetscOptionsString("-model", "The file, where none stands after the verb", "nomos", model, model, sizeof(model), NULL));
  PetscCall(PetscOptionsString("-reference", "Stored outputs, losses and gradients (nomos-reference/1) to compare the model with", "nomos", reference, reference, sizeof(reference), &has_reference));
  PetscCall(PetscOptionsBool("-data_allow_nan", "Take files that hold NaN or Inf", "NomosDataSetAllowNaN", allow, &allow, NULL));
  PetscOptionsEnd();
  if (cli->help) PetscCall(CliCompare(cli, NULL, NULL));
  if (cli->help) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(model[0], cli->comm, PETSC_ERR_USER_INPUT, "check needs a file: nomos check FILE");
  PetscCall(PetscMalloc1(CLI_TEXT, &text));
  for (int i = 0; i < (has_reference ? 2 : 1); i++) {
    PetscCall(CliInspect(cli, file[i], &sound, text, CLI_TEXT));
    text[strcspn(text, "\n")] = 0;
    PetscCheck(sound, cli->comm, PETSC_ERR_FILE_UNEXPECTED, "%s", text);
    PetscCall(PetscPrintf(cli->comm, "%s\n", text));
  }
  PetscCall(PetscFree(text));
  if (has_reference) PetscCall(CliCompare(cli, model, reference));
  else PetscCall(CliOptionsDone(cli));
  PetscFunctionReturn(PETSC_SUCCESS);
}
