/*
  file.c - single arrays and attributes of an HDF5 file, for comparisons with stored values (nomos-reference/1): read by rank 0
  behind the guards of hdf5.c, broadcast, and an error on every rank where something is wrong.
*/
#include "dataimpl.h"

#define MAX_NAMES 1024

/*@C
  NomosFileGetArray - reads one array of an HDF5 file

  Collective

  Input Parameters:
+ comm - the ranks that want it; rank 0 reads
. file - name of the file
- path - of the dataset, for example "/case_0/x"

  Output Parameters:
+ rank   - number of axes, or NULL
. shape  - [8], their lengths, or NULL
. count  - number of values, or NULL
- values - as doubles, to be freed with PetscFree(); or NULL if only the shape is wanted

  Errors: PETSC_ERR_FILE_OPEN, FILE_READ, FILE_UNEXPECTED, on all ranks

  Level: intermediate
.seealso: `NomosFileGetString()`, `NomosFileListGroup()`
@*/
PetscErrorCode NomosFileGetArray(MPI_Comm comm, const char file[], const char path[], PetscInt *rank, PetscInt shape[], PetscInt *count, PetscReal *values[])
{
  NomosWhy    why = {0, ""};
  NomosH5     h   = NULL;
  NomosH5Info info;
  PetscMPIInt me;
  PetscReal  *v = NULL;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &me));
  PetscCall(PetscMemzero(&info, sizeof(info)));
  if (me == 0 && !NomosH5Open(file, &h, &why) && !NomosH5GetInfo(h, path, &info, &why) && info.count > PETSC_MAX_INT) NomosWhySet(&why, PETSC_ERR_ARG_OUTOFRANGE, "'%s': '%s' has %lld values, more than this PETSc can count", file, path, (long long)info.count);
  if (why.code) NomosH5Close(&h);
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(&info, (PetscMPIInt)sizeof(info), MPI_BYTE, 0, comm));
  if (values) {
    PetscCall(PetscMalloc1((size_t)info.count, &v));
    if (me == 0) NomosH5Read(h, path, NULL, NULL, v, &why);
  }
  NomosH5Close(&h);
  if (why.code) PetscCall(PetscFree(v));
  PetscCall(NomosWhyRaise(comm, &why));
  if (values) {
    for (int64_t at = 0; at < info.count; at += 1 << 26) PetscCallMPI(MPI_Bcast(v + at, (PetscMPIInt)PetscMin(info.count - at, 1 << 26), MPIU_REAL, 0, comm));
    *values = v;
  }
  if (rank) *rank = info.rank;
  for (int i = 0; shape && i < info.rank; i++) shape[i] = (PetscInt)info.shape[i];
  if (count) *count = (PetscInt)info.count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosFileGetString - reads one attribute, a string, of an HDF5 file

  Collective

  Input Parameters:
+ comm      - the ranks that want it; rank 0 reads
. file      - name of the file
. object    - the group or dataset that carries it, "/" for the root
. attribute - its name
- len       - length of value

  Output Parameters:
+ value - the text, "" if the file has no such attribute
- found - whether it has one, or NULL (then a missing one is an error)

  Errors: PETSC_ERR_FILE_OPEN, FILE_UNEXPECTED, on all ranks

  Level: intermediate
.seealso: `NomosFileGetArray()`
@*/
PetscErrorCode NomosFileGetString(MPI_Comm comm, const char file[], const char object[], const char attribute[], char value[], size_t len, PetscBool *found)
{
  NomosWhy    why = {0, ""};
  NomosH5     h   = NULL;
  PetscMPIInt me;
  int         has = 1;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &me));
  value[0] = 0;
  if (me == 0 && !NomosH5Open(file, &h, &why)) {
    has = !found || NomosH5HasAttribute(h, object, attribute);
    if (has) NomosH5GetString(h, object, attribute, value, len, &why);
    NomosH5Close(&h);
  }
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(&has, 1, MPI_INT, 0, comm));
  PetscCallMPI(MPI_Bcast(value, (PetscMPIInt)len, MPI_CHAR, 0, comm));
  if (found) *found = has ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosFileListGroup - the names in a group of an HDF5 file

  Collective

  Input Parameters:
+ comm  - the ranks that want it; rank 0 reads
. file  - name of the file
- group - for example "/case_0/loss"

  Output Parameters:
+ n     - how many; 0 if there is no such group
- names - one text, each name ends with a zero: the next begins behind it; to be freed with PetscFree(), or NULL if not wanted

  Errors: PETSC_ERR_FILE_OPEN, FILE_UNEXPECTED, on all ranks

  Level: intermediate
.seealso: `NomosFileGetArray()`
@*/
PetscErrorCode NomosFileListGroup(MPI_Comm comm, const char file[], const char group[], PetscInt *n, char *names[])
{
  NomosWhy    why = {0, ""};
  NomosH5     h   = NULL;
  PetscMPIInt me, sizes[2] = {0, 1};
  char (*list)[NOMOS_MAX_NAME];
  char *text, *at;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &me));
  PetscCall(PetscMalloc1(me == 0 ? MAX_NAMES : 1, &list));
  if (me == 0 && !NomosH5Open(file, &h, &why)) {
    if (NomosH5Has(h, group)) NomosH5List(h, group, MAX_NAMES, &sizes[0], list, &why);
    for (int i = 0; i < sizes[0]; i++) sizes[1] += (PetscMPIInt)strlen(list[i]) + 1;
    NomosH5Close(&h);
  }
  if (why.code) PetscCall(PetscFree(list));
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(sizes, 2, MPI_INT, 0, comm));
  PetscCall(PetscCalloc1((size_t)sizes[1], &text));
  at = text;
  for (int i = 0; me == 0 && i < sizes[0]; i++) {
    strcpy(at, list[i]);
    at += strlen(at) + 1;
  }
  PetscCallMPI(MPI_Bcast(text, sizes[1], MPI_CHAR, 0, comm));
  PetscCall(PetscFree(list));
  *n = sizes[0];
  if (names) *names = text;
  else PetscCall(PetscFree(text));
  PetscFunctionReturn(PETSC_SUCCESS);
}
