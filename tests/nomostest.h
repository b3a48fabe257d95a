/* What every test program uses: begin, checks that count failures, an end that sets the exit status. 77 = skipped.
   It needs no PETSc: tests of the backend's table are carried to machines that have none. */
#ifndef NOMOSTEST_H
#define NOMOSTEST_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NOMOSTEST_SKIP 77

static int NomosTestFailures = 0, NomosTestChecks = 0;

/* |got - want| <= tol. A NaN fails. Give eps times a named factor as tol, and the reason for the factor beside it. */
static inline void CheckClose(const char what[], double got, double want, double tol)
{
  NomosTestChecks++;
  if (fabs(got - want) <= tol) return;
  NomosTestFailures++;
  fprintf(stderr, "FAILED %s: got %.17g, want %.17g, difference %.3g > %.3g\n", what, got, want, fabs(got - want), tol);
}

static inline void CheckTrue(const char what[], int condition)
{
  NomosTestChecks++;
  if (condition) return;
  NomosTestFailures++;
  fprintf(stderr, "FAILED %s\n", what);
}

static inline void CheckInt(const char what[], long long got, long long want)
{
  NomosTestChecks++;
  if (got == want) return;
  NomosTestFailures++;
  fprintf(stderr, "FAILED %s: got %lld, want %lld\n", what, got, want);
}

/* A file of the source tree, for example NomosTestFile("tests/golden/x.h5"). NOMOS_SOURCE_DIR in the environment wins. */
static inline const char *NomosTestFile(const char relative[])
{
  static char path[4][4096];
  static int  next = 0;
  const char *root = getenv("NOMOS_SOURCE_DIR");
  char       *out  = path[next++ % 4];

#if defined(NOMOS_SOURCE_DIR)
  if (!root) root = NOMOS_SOURCE_DIR;
#endif
  snprintf(out, sizeof(path[0]), "%s/%s", root ? root : ".", relative);
  return out;
}

static inline int NomosTestResult(void)
{
  if (!NomosTestChecks) fprintf(stderr, "FAILED: the test checked nothing\n");
  return NomosTestFailures || !NomosTestChecks ? 1 : 0;
}

#if !defined(NOMOSTEST_NO_PETSC)
  #include <compat.h> /* PETSC_SUCCESS on every release */
  /* First and last line of main: NomosTestBegin(argc, argv); ... return NomosTestEnd(); The status is the worst rank's. */
  #define NomosTestBegin(argc, argv) \
    do { \
      if (PetscInitialize(&(argc), &(argv), NULL, NULL)) return 1; \
    } while (0)
static inline int NomosTestEnd(void)
{
  int mine = NomosTestResult(), all = 1;

  if (MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD)) return 1;
  if (PetscFinalize()) return 1;
  return all;
}
static inline int NomosTestSkip(const char why[])
{
  if (PetscPrintf(PETSC_COMM_WORLD, "skipped: %s\n", why) || PetscFinalize()) return 1;
  return NOMOSTEST_SKIP;
}
#endif
#endif
