/* The guard of the plug-in's door: a library built for another PETSc must not register. Without it a plug-in for real scalars
   loads into a program with complex ones and computes garbage silently.

   The running PETSc may be any release, so: no PetscFunctionBegin (the stack's layout moves), only functions whose signature
   has not changed since 3.18, and every out-argument larger than the widest type any release writes there (a PetscBool has
   4 bytes in 3.18 and 1 in 3.24; a PetscInt 4 or 8). */
#include "../src/compat.h"
#include "petsc_ext/package.h"

typedef union {
  PetscInt     number;
  PetscBool    truth;
  PetscDataType type;
  size_t       size;
  char         bytes[32];
} Roomy;

#define REFUSE(...) SETERRQ(PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP, __VA_ARGS__)

static PetscBool RoomyTrue(const Roomy *r)
{
  for (size_t i = 0; i < sizeof(PetscBool); i++)
    if (r->bytes[i]) return PETSC_TRUE;
  return PETSC_FALSE;
}

static PetscErrorCode GuardVersion(void)
{
  Roomy major, minor, subminor, release;

  memset(&major, 0, sizeof(major));
  minor = subminor = release = major;
  if (PetscGetVersionNumber(&major.number, &minor.number, &subminor.number, &release.number)) return PETSC_ERR_ARG_INCOMP;
  if (major.number != NOMOS_BUILT_FOR_MAJOR || minor.number != NOMOS_BUILT_FOR_MINOR)
    REFUSE("libnomos.so was built for PETSc %d.%d, this program runs PETSc %d.%d: load a libnomos.so built for the program's PETSc (set PETSC_DIR and build Nomos again)", NOMOS_BUILT_FOR_MAJOR, NOMOS_BUILT_FOR_MINOR, (int)major.number, (int)minor.number);
  return PETSC_SUCCESS;
}

static PetscErrorCode GuardTypes(void)
{
  Roomy type, found, size;

  memset(&type, 0, sizeof(type));
  found = size = type;
  if (PetscDataTypeGetSize(PETSC_INT, &size.size)) return PETSC_ERR_ARG_INCOMP;
  if (size.size != sizeof(PetscInt))
    REFUSE("libnomos.so was built for a PETSc with %d-bit indices, this program's PETSc has %d-bit indices: load a libnomos.so built for the program's PETSc (PETSC_DIR, PETSC_ARCH)", (int)(8 * sizeof(PetscInt)), (int)(8 * size.size));
  if (PetscDataTypeFromString("scalar", &type.type, &found.truth)) return PETSC_ERR_ARG_INCOMP;
  if (type.type != PETSC_SCALAR)
    REFUSE("libnomos.so was built for a PETSc with real scalars, this program's PETSc has %s scalars: run the program with a PETSc of real scalars (Nomos has no complex build)", type.type == PETSC_COMPLEX ? "complex" : "other");
  if (PetscDataTypeFromString("real", &type.type, &found.truth)) return PETSC_ERR_ARG_INCOMP;
  if (type.type != PETSC_REAL) REFUSE("libnomos.so was built for a PETSc in double precision, this program's PETSc computes in another: run the program with a double precision PETSc");
  return PETSC_SUCCESS;
}

/* The leading words of the running MPI's own description against the flavour of the headers. MPICH has a common binary
   interface with its descendants, so there only the other family is refused. */
static PetscErrorCode GuardMPI(void)
{
#if !defined(PETSC_HAVE_MPIUNI)
  char        running[MPI_MAX_LIBRARY_VERSION_STRING + 1];
  int         len = 0;
  const char *built;
  PetscBool   same;

  memset(running, 0, sizeof(running));
  if (MPI_Get_library_version(running, &len)) return PETSC_ERR_MPI;
  running[MPI_MAX_LIBRARY_VERSION_STRING] = 0;
  running[strcspn(running, "\n,")]        = 0;
  #if defined(OPEN_MPI)
  {
    char words[64];

    snprintf(words, sizeof(words), "Open MPI v%d.", OMPI_MAJOR_VERSION);
    built = "Open MPI";
    same  = strncmp(running, words, strlen(words)) ? PETSC_FALSE : PETSC_TRUE;
  }
  #else
  built = "MPICH or a relative of it";
  same  = strncmp(running, "Open MPI", 8) ? PETSC_TRUE : PETSC_FALSE;
  #endif
  if (!same) REFUSE("libnomos.so was built with %s, this program runs '%s': load a libnomos.so built with the program's MPI", built, running);
#endif
  return PETSC_SUCCESS;
}

static PetscErrorCode GuardSAWs(void)
{
  Roomy has;
#if defined(PETSC_HAVE_SAWS)
  const PetscBool built = PETSC_TRUE;
#else
  const PetscBool built = PETSC_FALSE;
#endif

  memset(&has, 0, sizeof(has));
  if (PetscHasExternalPackage("saws", &has.truth)) return PETSC_ERR_ARG_INCOMP;
  if (RoomyTrue(&has) != built) REFUSE("libnomos.so was built for a PETSc %s SAWs, which changes the header of every object; this program's PETSc is %s it: load a libnomos.so built for the program's PETSc", built ? "with" : "without", built ? "without" : "with");
  return PETSC_SUCCESS;
}

/* Answers 0, or says what differs and what to do. All ranks run the same binaries, so all see the same answer. */
PetscErrorCode NomosGuardABI(void)
{
  PetscErrorCode ierr;

  if (PETSC_COMM_WORLD == MPI_COMM_NULL)
    REFUSE("libnomos.so brought a second copy of PETSc into this program (is the program linked statically?): link the program with PETSc's shared library, or build it together with Nomos");
  ierr = GuardVersion();
  if (ierr) return ierr;
  ierr = GuardTypes();
  if (ierr) return ierr;
  ierr = GuardMPI();
  if (ierr) return ierr;
  return GuardSAWs();
}
