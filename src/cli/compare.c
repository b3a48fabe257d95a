/* compare.c - check -reference (being built). */
#include "cli.h"
PetscErrorCode CliCompare(Cli *cli, const char model[], const char reference[])
{
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}
