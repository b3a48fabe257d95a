/*
  cuda.c - the door to the CUDA backend: libnomoscuda.so beside this library, opened when it is first asked for.

  This library links no CUDA library: one build runs on login nodes and on machines without a GPU or a driver.
*/
#if !defined(_GNU_SOURCE)
  #define _GNU_SOURCE /* dladdr */
#endif
#include "backend.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define CUDA_LIBRARY "libnomoscuda.so"

static char folder[PATH_MAX]; /* of this library, "" when the loader cannot tell */
static const NomosBackendTable *table = NULL; /* the library stays open: cuFFT and cuBLAS do not like to be unloaded */

/* When this library is loaded, not when the backend is asked for: a relative path stops resolving after a chdir. */
__attribute__((constructor)) static void FindFolder(void)
{
  Dl_info info;
  char   *slash;

  folder[0] = 0;
  if (!dladdr((const void *)folder, &info) || !info.dli_fname || !realpath(info.dli_fname, folder)) folder[0] = 0;
  slash = strrchr(folder, '/');
  if (slash) *slash = 0;
}

PETSC_INTERN PetscErrorCode NomosBackendCreate_CUDA(NomosBackend b)
{
  char     path[PATH_MAX + sizeof(CUDA_LIBRARY) + 2];
  void    *lib;
  MPI_Comm comm = PetscObjectComm((PetscObject)b);

  PetscFunctionBegin;
  if (!table) {
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/" CUDA_LIBRARY, folder));
    PetscCheck(folder[0], comm, PETSC_ERR_LIB, "cannot tell in which folder libnomos lies, so " CUDA_LIBRARY " beside it cannot be opened; compute on the host with -nomos_backend host");
    PetscCheck(!access(path, F_OK), comm, PETSC_ERR_SUP, "the CUDA backend was not built: there is no %s; configure with -DNOMOS_CUDA=ON (it needs nvcc) and build again, or compute on the host with -nomos_backend host", path);
    lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    PetscCheck(lib, comm, PETSC_ERR_LIB, "the CUDA backend cannot be opened: %s", dlerror());
    table = (const NomosBackendTable *)dlsym(lib, "NomosCudaTable");
    PetscCheck(table, comm, PETSC_ERR_LIB, "%s has no symbol NomosCudaTable: it was not made by this build of Nomos", path);
  }
  PetscCall(NomosBackendSetTable(b, table)); /* compares version and size, then opens the device */
  PetscFunctionReturn(PETSC_SUCCESS);
}
