/*
  Single arrays, attributes and lists of a file of reference values; the expected numbers were read with h5py.
*/
#include <nomos.h>
#include "nomostest.h"

static PetscErrorCode Silent(MPI_Comm comm, int line, const char *fun, const char *file, PetscErrorCode n, PetscErrorType p, const char *mess, void *ctx) { return n; }

int main(int argc, char **argv)
{
  const char    *file = NomosTestFile("tests/golden/fno2d.h5"), *at;
  PetscInt       rank, shape[8], count, n;
  PetscReal     *v;
  char           text[4096], *names;
  PetscBool      found;
  PetscErrorCode ierr[3];

  NomosTestBegin(argc, argv);
  PetscCall(NomosFileGetArray(PETSC_COMM_WORLD, file, "/case_0/x", &rank, shape, &count, &v));
  CheckTrue("shape of x", rank == 4 && shape[0] == 2 && shape[1] == 1 && shape[2] == 8 && shape[3] == 8 && count == 2 * 64);
  CheckClose("x[0][0][3][5]", v[3 * 8 + 5], 0.2127873664969545, 0);
  PetscCall(PetscFree(v));
  PetscCall(NomosFileGetArray(PETSC_COMM_WORLD, file, "/case_0/loss/l2", &rank, NULL, &count, &v));
  CheckTrue("scalar", rank == 0 && count == 1);
  CheckClose("loss", v[0], 1.4781254861804547, 0);
  PetscCall(PetscFree(v));
  PetscCall(NomosFileGetArray(PETSC_COMM_WORLD, file, "/case_0/y", NULL, NULL, &count, NULL));
  CheckInt("only the shape", count, 2 * 64);
  PetscCall(NomosFileGetString(PETSC_COMM_WORLD, file, "/", "schema", text, sizeof(text), NULL));
  CheckTrue(text, !strcmp(text, "nomos-reference/1"));
  PetscCall(NomosFileGetString(PETSC_COMM_WORLD, file, "/", "options", text, sizeof(text), &found));
  CheckTrue(text, found && strstr(text, "-net_fno_modes 6,6"));
  PetscCall(NomosFileGetString(PETSC_COMM_WORLD, file, "/", "nothing", text, sizeof(text), &found));
  CheckTrue("absent", !found && !text[0]);
  PetscCall(NomosFileListGroup(PETSC_COMM_WORLD, file, "/case_0/loss", &n, &names));
  CheckInt("losses", n, 4);
  at = names;
  CheckTrue(at, !strcmp(at, "h1fd"));
  at += strlen(at) + 1;
  CheckTrue(at, !strcmp(at, "hs_m1"));
  PetscCall(PetscFree(names));
  PetscCall(NomosFileListGroup(PETSC_COMM_WORLD, file, "/case_9", &n, NULL));
  CheckInt("no such group", n, 0);
  PetscCall(PetscPushErrorHandler(Silent, NULL));
  ierr[0] = NomosFileGetArray(PETSC_COMM_WORLD, file, "/case_0/z", &rank, shape, &count, &v);
  ierr[1] = NomosFileGetArray(PETSC_COMM_WORLD, "nothing.h5", "/x", &rank, shape, &count, &v);
  ierr[2] = NomosFileGetString(PETSC_COMM_WORLD, file, "/", "nothing", text, sizeof(text), NULL);
  PetscCall(PetscPopErrorHandler());
  CheckInt("missing array", ierr[0], PETSC_ERR_FILE_UNEXPECTED);
  CheckInt("missing file", ierr[1], PETSC_ERR_FILE_OPEN);
  CheckInt("missing attribute", ierr[2], PETSC_ERR_FILE_UNEXPECTED);
  return NomosTestEnd();
}

/*TEST
  np: 1 2
TEST*/
