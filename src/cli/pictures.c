/* pictures.c - curves and fields of a run (being built). */
#include "cli.h"

PetscErrorCode CliPicturesFolder(Cli *cli, const char out[], const char wanted[], char folder[], size_t len)
{
  PetscFunctionBegin;
  folder[0] = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
PetscErrorCode CliPictureHistory(Cli *cli, const char folder[], const char history[], const CliFiles *tests)
{
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}
PetscErrorCode CliPictureSamples(Cli *cli, NomosMap map, NomosData data, const char file[], const char folder[])
{
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}
