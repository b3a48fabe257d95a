/* A user's program: linked to an installed Nomos, it registers the package and says which version runs. */
#include <nomos.h>

int main(int argc, char **argv)
{
  char version[32];

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(NomosInitializePackage());
  PetscCall(NomosGetVersion(version, sizeof(version)));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "nomos %s\n", version));
  PetscCall(PetscFinalize());
  return 0;
}
