/* The doors of the library: NomosInitializePackage() for programs linked to it, PetscDLLibraryRegister_nomos() for programs
   that know only PETSc (-dll_append). Both register catalogue.h and nothing else: no output, no settings changed. */
#include "petsc_ext/package.h"
#include <nomosimpl.h>
#include "tuner/tuner.h"
#include <hdf5.h>
#include <jansson.h>
#include <metis.h>
#include <petscksp.h>
#include <petscsnes.h>
#include <petscpartitioner.h>
#include <png.h>
#include "nomosconfig.h"

PetscLogEvent NOMOS_Fwd, NOMOS_Tan, NOMOS_Adj, NOMOS_FFT, NOMOS_Gemm, NOMOS_Modes, NOMOS_Loss, NOMOS_Upd, NOMOS_H5Read, NOMOS_H5Write, NOMOS_Ckpt, NOMOS_Select, NOMOS_Update, NOMOS_SORColor, NOMOS_SORSweep;
PetscClassId  NOMOS_BACKEND_CLASSID, NOMOS_MAP_CLASSID, NOMOS_DATA_CLASSID, NOMOS_PROBLEM_CLASSID, NOMOS_SCHEDULE_CLASSID, NOMOS_TUNER_CLASSID;

static PetscBool NomosPackageInitialized = PETSC_FALSE;

/* Declare the constructors of the catalogue. */
#define NOMOS_TYPE(class, name, suffix, text) PETSC_INTERN PetscErrorCode class##Create_##suffix(class);
#define NOMOS_MAP(family, name, suffix, text) PETSC_INTERN PetscErrorCode NomosMapCreate_##suffix(NomosMap);
#include "catalogue.h"

/* Register them. */
static PetscErrorCode RegisterCatalogue(void)
{
  PetscFunctionBegin;
  PetscCall(PetscPartitionerInitializePackage()); /* its Register does not call it, and without it the list is never freed */
#define NOMOS_TYPE(class, name, suffix, text) PetscCall(class##Register(name, class##Create_##suffix));
#define NOMOS_MAP(family, name, suffix, text) PetscCall(NomosMapRegister(family, name, NomosMapCreate_##suffix));
#include "catalogue.h"
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -nomos_list: one line each. */
static PetscErrorCode ListCatalogue(MPI_Comm comm)
{
  PetscFunctionBegin;
  PetscCall(PetscPrintf(comm, "%-18s %-14s %s\n", "class or family", "name", "what it is"));
#define NOMOS_TYPE(class, name, suffix, text) PetscCall(PetscPrintf(comm, "%-18s %-14s %s\n", #class, name, text));
#define NOMOS_MAP(family, name, suffix, text) PetscCall(PetscPrintf(comm, "%-18s %-14s %s\n", family, name, text));
#include "catalogue.h"
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The libraries that run, by what they say of themselves; FFTW and the device by the backend. */
static PetscErrorCode ViewLibraries(MPI_Comm comm)
{
  unsigned       major = 0, minor = 0, release = 0;
  NomosBackend   b;
  PetscErrorCode ierr;
  PetscMPIInt    rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  (void)H5get_libversion(&major, &minor, &release);
  PetscCall(PetscPrintf(comm, "  HDF5 %u.%u.%u, jansson %s, libpng %s, METIS %d.%d.%d\n", major, minor, release, JANSSON_VERSION, png_get_libpng_ver(NULL), METIS_VER_MAJOR, METIS_VER_MINOR, METIS_VER_SUBMINOR));
  for (int cuda = 0; cuda < 2 && rank == 0; cuda++) {
    PetscCall(NomosBackendCreate(PETSC_COMM_SELF, &b));
    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
    ierr = NomosBackendSetType(b, cuda ? NOMOSBACKENDCUDA : NOMOSBACKENDHOST);
    if (!ierr) ierr = NomosBackendSetUp(b);
    PetscCall(PetscPopErrorHandler());
    if (!ierr) PetscCall(NomosBackendView(b, PETSC_VIEWER_STDOUT_SELF));
    else PetscCall(PetscPrintf(PETSC_COMM_SELF, "NomosBackend cuda: none here (-nomos_backend cuda says why)\n"));
    PetscCall(NomosBackendDestroy(&b));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewBuild(MPI_Comm comm)
{
  char petsc[256];

  PetscFunctionBegin;
  PetscCall(PetscGetVersion(petsc, sizeof(petsc)));
  PetscCall(PetscPrintf(comm, "Nomos %s, git %s\n", NOMOS_CONFIG_VERSION, NOMOS_CONFIG_GIT));
  PetscCall(PetscPrintf(comm, "  %s\n", petsc));
  PetscCall(PetscPrintf(comm, "  PetscInt %d bits, PetscScalar real double\n", (int)(8 * sizeof(PetscInt))));
#if !defined(PETSC_HAVE_MPIUNI)
  {
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
    int  len;

    PetscCallMPI(MPI_Get_library_version(mpi, &len));
    mpi[strcspn(mpi, "\n,")] = 0;
    PetscCall(PetscPrintf(comm, "  MPI: %s\n", mpi));
  }
#endif
  PetscCall(ViewLibraries(comm));
  PetscCall(PetscPrintf(comm, "  compiler: %s, build type %s, sanitizers %s, FFTW %s, CUDA half %s\n", NOMOS_CONFIG_COMPILER, NOMOS_CONFIG_BUILD, NOMOS_CONFIG_SANITIZE, NOMOS_CONFIG_FFTW, NOMOS_CONFIG_CUDA));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RegisterClasses(void)
{
  PetscFunctionBegin;
  PetscCall(PetscClassIdRegister("Nomos Backend", &NOMOS_BACKEND_CLASSID));
  PetscCall(PetscClassIdRegister("Nomos Map", &NOMOS_MAP_CLASSID));
  PetscCall(PetscClassIdRegister("Nomos Data", &NOMOS_DATA_CLASSID));
  PetscCall(PetscClassIdRegister("Nomos Problem", &NOMOS_PROBLEM_CLASSID));
  PetscCall(PetscClassIdRegister("Nomos Schedule", &NOMOS_SCHEDULE_CLASSID));
  PetscCall(PetscClassIdRegister("Nomos Tuner", &NOMOS_TUNER_CLASSID));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Names of at most 16 characters: the column of -log_view. */
static PetscErrorCode RegisterEvents(void)
{
  PetscFunctionBegin;
  PetscCall(PetscLogEventRegister("NomosFwd", NOMOS_MAP_CLASSID, &NOMOS_Fwd));
  PetscCall(PetscLogEventRegister("NomosTan", NOMOS_MAP_CLASSID, &NOMOS_Tan));
  PetscCall(PetscLogEventRegister("NomosAdj", NOMOS_MAP_CLASSID, &NOMOS_Adj));
  PetscCall(PetscLogEventRegister("NomosFFT", NOMOS_BACKEND_CLASSID, &NOMOS_FFT));
  PetscCall(PetscLogEventRegister("NomosGemm", NOMOS_BACKEND_CLASSID, &NOMOS_Gemm));
  PetscCall(PetscLogEventRegister("NomosModes", NOMOS_BACKEND_CLASSID, &NOMOS_Modes));
  PetscCall(PetscLogEventRegister("NomosLoss", NOMOS_MAP_CLASSID, &NOMOS_Loss));
  PetscCall(PetscLogEventRegister("NomosUpd", NOMOS_PROBLEM_CLASSID, &NOMOS_Upd));
  PetscCall(PetscLogEventRegister("NomosH5Read", NOMOS_DATA_CLASSID, &NOMOS_H5Read));
  PetscCall(PetscLogEventRegister("NomosH5Write", NOMOS_DATA_CLASSID, &NOMOS_H5Write));
  PetscCall(PetscLogEventRegister("NomosCkpt", NOMOS_PROBLEM_CLASSID, &NOMOS_Ckpt));
  PetscCall(PetscLogEventRegister("NomosSelect", NOMOS_TUNER_CLASSID, &NOMOS_Select));
  PetscCall(PetscLogEventRegister("NomosUpdate", NOMOS_TUNER_CLASSID, &NOMOS_Update));
  PetscCall(PetscLogEventRegister("NomosSORColor", NOMOS_BACKEND_CLASSID, &NOMOS_SORColor));
  PetscCall(PetscLogEventRegister("NomosSORSweep", NOMOS_BACKEND_CLASSID, &NOMOS_SORSweep));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The options of the package itself. */
static PetscErrorCode PackageOptions(void)
{
  const MPI_Comm comm = PETSC_COMM_WORLD; /* what a run prints about itself belongs to the run, not to an object */
  PetscBool      list = PETSC_FALSE, view = PETSC_FALSE;

  PetscFunctionBegin;
  PetscOptionsBegin(comm, NULL, "Nomos package", NULL);
  PetscCall(PetscOptionsBool("-nomos_list", "Print every type that Nomos registers, one line each", "NomosInitializePackage", list, &list, NULL));
  PetscCall(PetscOptionsBool("-nomos_view", "Print version, PETSc, MPI and build options", "NomosInitializePackage", view, &view, NULL));
  PetscOptionsEnd();
  if (list) PetscCall(ListCatalogue(comm));
  if (view) PetscCall(ViewBuild(comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosInitializePackage - registers everything in petsc_ext/catalogue.h with PETSc

  Not Collective

  Options Database Keys:
+ -nomos_list - print every type that Nomos registers, one line each (default: no)
- -nomos_view - print version, git hash, PETSc, MPI and build options (default: no)

  Note:
  Call it after `PetscInitialize()`; every `Nomos*Create()` calls it too, and the plug-in's door does. Further calls do nothing.
  `PetscFinalize()` undoes it.

  Errors: PETSC_ERR_ARG_INCOMP if the running PETSc is not the one the library was built for

  Level: beginner
.seealso: `NomosFinalizePackage()`, `NomosGetVersion()`
@*/
PetscErrorCode NomosInitializePackage(void)
{
  PetscFunctionBegin;
  if (NomosPackageInitialized) PetscFunctionReturn(PETSC_SUCCESS);
  NomosPackageInitialized = PETSC_TRUE; /* first: the Register functions come back here */
  PetscCall(RegisterClasses());
  PetscCall(RegisterEvents());
  PetscCall(RegisterCatalogue());
  PetscCall(PackageOptions());
  PetscCall(PetscRegisterFinalize(NomosFinalizePackage));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosFinalizePackage - forgets what NomosInitializePackage() registered; called by `PetscFinalize()`

  Not Collective

  Level: developer
.seealso: `NomosInitializePackage()`
@*/
PetscErrorCode NomosFinalizePackage(void)
{
  PetscFunctionBegin;
  if (!NomosPackageInitialized) PetscFunctionReturn(PETSC_SUCCESS);
  NomosPackageInitialized = PETSC_FALSE;
  PetscCall(NomosTunerSaveAll());
  PetscCall(NomosOptionsFinalize());
  PetscCall(PetscFunctionListDestroy(&NomosBackendList));
  PetscCall(PetscFunctionListDestroy(&NomosMapList));
  PetscCall(PetscFunctionListDestroy(&NomosTunerList));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosGetVersion - the version of the library that runs, as text

  Not Collective

  Input Parameter:
. len - length of `version`

  Output Parameter:
. version - for example "0.1.0"; cut if it does not fit

  Level: beginner
.seealso: `NomosInitializePackage()`
@*/
PetscErrorCode NomosGetVersion(char version[], size_t len)
{
  PetscFunctionBegin;
  PetscCall(PetscStrncpy(version, NOMOS_CONFIG_VERSION, len));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_EXTERN PetscErrorCode PetscDLLibraryRegister_nomos(void);

/* The plug-in's door. PETSC_COMM_WORLD and MPI are ready here, PetscInitialized() still says no. The guard comes first and
   works without PETSc's stack; a program that ignores the error of PetscInitialize() goes on without PETSc. */
PetscErrorCode PetscDLLibraryRegister_nomos(void)
{
  PetscErrorCode ierr = NomosGuardABI();

  if (ierr) return ierr;
  return NomosInitializePackage();
}
