/* What a refused call says: the sentence of the error, caught; or its code alone. */
#ifndef NOMOS_REFUSETEST_H
#define NOMOS_REFUSETEST_H
#include <string.h>
#include <petscsys.h>
#include "nomostest.h"

static char Said[4096];

static inline PetscErrorCode Catch(MPI_Comm comm, int line, const char *fun, const char *file, PetscErrorCode n, PetscErrorType p, const char *mess, void *ctx)
{
  if (p == PETSC_ERROR_INITIAL && mess) snprintf(Said, sizeof(Said), "%s", mess);
  return n;
}

/* the call is to fail with the code, and a word of its sentence is to be there */
#define Refused(call, code, word) \
  do { \
    Said[0] = 0; \
    PetscCall(PetscPushErrorHandler(Catch, NULL)); \
    CheckInt(#call, call, code); \
    PetscCall(PetscPopErrorHandler()); \
    CheckTrue(#call " says: " word, strstr(Said, word) != NULL); \
    if (!strstr(Said, word)) fprintf(stderr, "  it said: %s\n", Said); \
  } while (0)

/* the code of a call that must fail, without its message */
#define Expect(what, code, call) \
  do { \
    PetscErrorCode got_; \
    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL)); \
    got_ = (call); \
    PetscCall(PetscPopErrorHandler()); \
    CheckInt(what, got_, code); \
  } while (0)
#endif
