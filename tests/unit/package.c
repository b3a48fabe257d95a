/* The package: registering twice is registering once, versions agree, the guard accepts the PETSc it was built for. */
#include <nomos.h>
#include "nomostest.h"

int main(int argc, char **argv)
{
  char      version[32], want[32], tiny[3];
  PetscBool known = PETSC_FALSE;

  NomosTestBegin(argc, argv);
  CheckTrue("first NomosInitializePackage", NomosInitializePackage() == PETSC_SUCCESS);
  CheckTrue("class id is set", NOMOS_MAP_CLASSID > 0 && NOMOS_BACKEND_CLASSID > 0 && NOMOS_DATA_CLASSID > 0 && NOMOS_PROBLEM_CLASSID > 0);
  {
    PetscClassId before = NOMOS_MAP_CLASSID;

    CheckTrue("second NomosInitializePackage", NomosInitializePackage() == PETSC_SUCCESS);
    CheckInt("class id is kept", NOMOS_MAP_CLASSID, before);
  }
  CheckTrue("NomosGetVersion", NomosGetVersion(version, sizeof(version)) == PETSC_SUCCESS);
  snprintf(want, sizeof(want), "%d.%d.%d", NOMOS_VERSION_MAJOR, NOMOS_VERSION_MINOR, NOMOS_VERSION_PATCH);
  CheckTrue("version of the library is that of the header", PetscStrcmp(version, want, &known) == PETSC_SUCCESS && known);
  CheckTrue("a short buffer is not overrun", NomosGetVersion(tiny, sizeof(tiny)) == PETSC_SUCCESS && tiny[2] == 0);
  CheckTrue("NOMOS_VERSION_GE", NOMOS_VERSION_GE(0, 1, 0) && !NOMOS_VERSION_GE(1000, 0, 0));
  return NomosTestEnd();
}
/*TEST
  np: 1 2
  np: 1 args: -nomos_list -nomos_view
TEST*/
