/* Private to register.c, guard.c, optionscheck.c: the pieces of the package's life. */
#ifndef NOMOS_PACKAGE_H
#define NOMOS_PACKAGE_H
#include <nomos.h>
#include <compat.h>

PETSC_INTERN PetscErrorCode NomosGuardABI(void);
PETSC_INTERN PetscErrorCode NomosOptionsFinalize(void);
#endif
