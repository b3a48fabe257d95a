/* Asking for the CUDA backend: with a device it opens and computes nothing wrong on the way; without one, without a driver or
   without libnomoscuda.so it ends in a sentence and an error code, and the host backend still works. */
#include <nomos.h>
#include <string.h>
#include <unistd.h>
#include "refusetest.h"

int main(int argc, char **argv)
{
  NomosBackend     b, second;
  NomosBackendType type;
  PetscErrorCode   ierr;

  NomosTestBegin(argc, argv);
  CheckTrue("NomosInitializePackage", !NomosInitializePackage());
  CheckTrue("leave the folder: the library remembers its own", !chdir("/"));
  CheckTrue("create", !NomosBackendCreate(PETSC_COMM_WORLD, &b));
  CheckTrue("handler", !PetscPushErrorHandler(Catch, NULL));
  ierr = NomosBackendSetFromOptions(b);
  CheckTrue("handler", !PetscPopErrorHandler());
  if (ierr) {
    printf("%s\n", Said);
    CheckTrue("PETSC_ERR_SUP or PETSC_ERR_LIB", ierr == PETSC_ERR_SUP || ierr == PETSC_ERR_LIB);
    CheckTrue("the sentence names CUDA", strstr(Said, "CUDA") != NULL);
    CheckTrue("and says what to do or what the loader said", strstr(Said, "-nomos_backend host") || strstr(Said, ".so"));
    CheckTrue("no type is set", !NomosBackendGetType(b, &type) && !type);
    CheckTrue("asking again ends the same way", !PetscPushErrorHandler(Catch, NULL) && NomosBackendSetType(b, NOMOSBACKENDCUDA) == ierr && !PetscPopErrorHandler());
  } else {
    CheckTrue("view", !NomosBackendView(b, NULL));
    CheckTrue("a second object shares the device", !NomosBackendCreate(PETSC_COMM_WORLD, &second) && !NomosBackendSetType(second, NOMOSBACKENDCUDA) && !NomosBackendDestroy(&second));
  }
  CheckTrue("the host backend works after that", !NomosBackendSetType(b, NOMOSBACKENDHOST) && !NomosBackendSetUp(b) && !NomosBackendView(b, NULL));
  CheckTrue("destroy", !NomosBackendDestroy(&b));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 args: -nomos_backend cuda label: cuda
TEST*/
