/* The doors of the library: NomosInitializePackage() for programs linked to it, PetscDLLibraryRegister_nomos() for programs
   that know only PETSc (-dll_append). Both register catalogue.h and nothing else: no output, no settings changed. */
#include <nomos.h>
#include <petscksp.h>
#include <petscsnes.h>
#include <petscpartitioner.h>
#include <compat.h>
#include "petsc_ext/package.h"

/* Declare the constructors of the catalogue. */
#define NOMOS_TYPE(class, name, suffix, text)  PETSC_INTERN PetscErrorCode class##Create_##suffix(class);
#define NOMOS_MAP(family, name, suffix, text)  PETSC_INTERN PetscErrorCode NomosMapCreate_##suffix(NomosMap);
#include "catalogue.h"

static PetscBool NomosPackageInitialized = PETSC_FALSE;

/* Register the constructors of the catalogue. */
static PetscErrorCode RegisterCatalogue(void)
{
  PetscFunctionBegin;
#define NOMOS_TYPE(class, name, suffix, text) PetscCall(class##Register(name, class##Create_##suffix));
#define NOMOS_MAP(family, name, suffix, text) PetscCall(NomosMapRegister(family, name, NomosMapCreate_##suffix));
#include "catalogue.h"
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -nomos_list: the catalogue, one line each. */
static PetscErrorCode ListCatalogue(MPI_Comm comm)
{
  PetscFunctionBegin;
#define NOMOS_TYPE(class, name, suffix, text) PetscCall(PetscPrintf(comm, "%-16s %-14s %s\n", #class, name, text));
#define NOMOS_MAP(family, name, suffix, text) PetscCall(PetscPrintf(comm, "%-16s %-14s %s\n", family, name, text));
#include "catalogue.h"
  PetscFunctionReturn(PETSC_SUCCESS);
}
