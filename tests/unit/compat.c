/* An option out of range leaves the block before PetscOptionsEnd(), which leaks by design: no -malloc_dump here.
   compat.h: destroy callbacks find the context they were given, ranges of reals are enforced, on every release of PETSc. */
#include <petsctao.h>
#include <compat.h>
#include "nomostest.h"

static int shell = 0, test = 0, monitor = 0;

static PetscErrorCode FreeShell(NomosDestroyArg arg)
{
  shell = *(int *)NomosDestroyCtx(arg);
  return PETSC_SUCCESS;
}

static PetscErrorCode FreeTest(NomosTestDestroyArg arg)
{
  test = *(int *)NomosTestDestroyCtx(arg);
  return PETSC_SUCCESS;
}

static PetscErrorCode FreeMonitor(NomosMonitorDestroyArg arg)
{
  monitor = *(int *)NomosMonitorDestroyCtx(arg);
  return PETSC_SUCCESS;
}

static PetscErrorCode Monitor(Tao tao, void *ctx)
{
  return PETSC_SUCCESS;
}

static PetscErrorCode Converged(KSP ksp, PetscInt it, PetscReal r, KSPConvergedReason *reason, void *ctx)
{
  return PETSC_SUCCESS;
}

static PetscErrorCode Callbacks(void)
{
  int numbers[3] = {7, 10, 100};
  Mat A;
  KSP ksp;
  Tao tao;

  PetscFunctionBeginUser;
  PetscCall(MatCreateShell(PETSC_COMM_SELF, 2, 2, 2, 2, &numbers[0], &A));
  PetscCall(MatShellSetContextDestroy(A, FreeShell));
  PetscCall(MatDestroy(&A));
  PetscCall(KSPCreate(PETSC_COMM_SELF, &ksp));
  PetscCall(KSPSetConvergenceTest(ksp, Converged, &numbers[1], FreeTest));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(TaoMonitorSet(tao, Monitor, &numbers[2], FreeMonitor));
  PetscCall(TaoMonitorCancel(tao));
  PetscCall(TaoDestroy(&tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* value: what -t_x is set to; the range is [0.5, 2], or [0.5, infinity) when bounded */
static PetscErrorCode Option(const char value[], PetscBool bounded, PetscReal *x, PetscBool *set)
{
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsSetValue(NULL, "-t_x", value));
  PetscOptionsBegin(PETSC_COMM_SELF, "t_", "options of the test", NULL);
  if (bounded) PetscCall(PetscOptionsBoundedReal("-x", "a number", "none", *x, x, set, 0.5));
  else PetscCall(PetscOptionsRangeReal("-x", "a number", "none", *x, x, set, 0.5, 2.0));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscReal x   = 1;
  PetscBool set = PETSC_FALSE;

  NomosTestBegin(argc, argv);
  CheckTrue("callbacks run", Callbacks() == PETSC_SUCCESS);
  CheckInt("context of a MatShell", shell, 7);
  CheckInt("context of a convergence test", test, 10);
  CheckInt("context of a monitor", monitor, 100);
  CheckTrue("a value in the range", Option("0.75", PETSC_FALSE, &x, &set) == PETSC_SUCCESS && set);
  CheckClose("its value", x, 0.75, 0);
  CheckTrue("a bounded value", Option("1e9", PETSC_TRUE, &x, &set) == PETSC_SUCCESS && set);
  CheckClose("its value", x, 1e9, 0);
  CheckTrue("errors are returned", PetscPushErrorHandler(PetscReturnErrorHandler, NULL) == PETSC_SUCCESS);
  CheckInt("below a range", Option("0.25", PETSC_FALSE, &x, &set), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("below a bound", Option("0.25", PETSC_TRUE, &x, &set), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("above a range", Option("2.5", PETSC_FALSE, &x, &set), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("not a number", Option("nan", PETSC_FALSE, &x, &set), PETSC_ERR_ARG_OUTOFRANGE);
  if (PetscPopErrorHandler()) return 1;
  return NomosTestEnd();
}
/*TEST
  np: 1 env: PETSC_OPTIONS=
TEST*/
