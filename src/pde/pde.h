/* pde.h - what the equations share */
#ifndef NOMOS_PDE_H
#define NOMOS_PDE_H
#include "../nomosimpl.h"
#include "../backend/backend.h"

PETSC_INTERN PetscErrorCode NomosPDEGridFromOptions(NomosMap, NomosOptionItems, PetscBool periodic);
PETSC_INTERN PetscErrorCode NomosPDEField(NomosMap, NomosStage *, const char slot[], PetscInt n, PetscBool required, const double **p);
#endif
