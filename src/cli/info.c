/* info.c - nomos info FILE: what a file is and what it holds. */
#include "cli.h"

PetscErrorCode CliInfo(Cli *cli)
{
  PetscBool sound, allow = PETSC_FALSE;
  char     *text;

  PetscFunctionBegin;
  PetscOptionsBegin(cli->comm, NULL, "nomos info", "nomos");
  PetscCall(PetscOptionsBool("-data_allow_nan", "Take files that hold NaN or Inf", "NomosDataSetAllowNaN", allow, &allow, NULL));
  PetscOptionsEnd();
  if (cli->help) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(cli->file, cli->comm, PETSC_ERR_USER_INPUT, "info needs a file: nomos info FILE");
  PetscCall(CliOptionsDone(cli));
  PetscCall(PetscMalloc1(CLI_TEXT, &text));
  PetscCall(CliInspect(cli, cli->file, &sound, text, CLI_TEXT));
  PetscCheck(sound, cli->comm, PETSC_ERR_FILE_UNEXPECTED, "%s", text);
  PetscCall(PetscFPrintf(cli->comm, PETSC_STDOUT, "%s", text));
  PetscCall(PetscFree(text));
  PetscFunctionReturn(PETSC_SUCCESS);
}
