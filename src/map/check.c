/*
  check.c - the self-check of a map: <F' d, w> = <d, F'^T w>, and the Taylor remainder falls with slope 2.
*/
#include "../nomosimpl.h"

/* |F(z + h d) - F(z) - h F' d| for one h */
static PetscErrorCode Remainder(NomosMap m, Vec x, Vec p, Vec dx, Vec dp, Vec y, Vec dy, PetscReal h, Vec wx, Vec wp, Vec wy, PetscReal *r)
{
  PetscFunctionBegin;
  PetscCall(VecWAXPY(wx, h, dx, x));
  if (p) PetscCall(VecWAXPY(wp, h, dp, p));
  PetscCall(NomosMapApply(m, wx, wp, wy));
  PetscCall(VecAXPY(wy, -1, y));
  PetscCall(VecAXPY(wy, -h, dy));
  PetscCall(VecNorm(wy, NORM_2, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapCheck - compares a map's derivatives with its values and with each other

  Not Collective

  Input Parameters:
+ m - the map; compute in double precision (NomosMapSetPrecision()) for tight numbers
. x - the point
- p - its parameters, or NULL for the map's own

  Output Parameters:
+ adjoint_error - |<F'd, w> - <d, F'^T w>| / (|F'd| |w|), a small multiple of machine precision
- taylor_slope  - slope of the Taylor remainder over four halvings, 2 for a smooth map; PETSC_INFINITY where the
                  remainder is rounding (a linear map)

  Options Database Key:
. -map_check - the same at the first point of every map, see NomosMapSetCheck()

  Level: intermediate
.seealso: `NomosMapSetCheck()`
@*/
PetscErrorCode NomosMapCheck(NomosMap m, Vec x, Vec p, PetscReal *adjoint_error, PetscReal *taylor_slope)
{
  Vec         dx, dp = NULL, y, dy, w, gx, gp = NULL, wx, wp = NULL, wy;
  PetscReal   ndy, nw, r[5], ny, h = 1e-2;
  PetscScalar a, b, c = 0;
  PetscRandom random;

  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (!p) p = m->p;
  PetscCall(NomosMapCreateVecs(m, &dx, m->np ? &dp : NULL, &y));
  PetscCall(VecDuplicate(dx, &gx));
  PetscCall(VecDuplicate(dx, &wx));
  PetscCall(VecDuplicate(y, &dy));
  PetscCall(VecDuplicate(y, &w));
  PetscCall(VecDuplicate(y, &wy));
  if (dp) PetscCall(VecDuplicate(dp, &gp));
  if (dp) PetscCall(VecDuplicate(dp, &wp));
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetInterval(random, -1, 1));
  PetscCall(PetscRandomSetFromOptions(random));
  PetscCall(VecSetRandom(dx, random));
  if (dp) PetscCall(VecSetRandom(dp, random));
  PetscCall(VecSetRandom(w, random));
  PetscCall(PetscRandomDestroy(&random));
  PetscCall(NomosMapLinearize(m, x, p, y));
  PetscCall(NomosMapApplyTangent(m, dx, dp, dy));
  PetscCall(NomosMapApplyAdjoint(m, w, gx, gp));
  PetscCall(VecDot(dy, w, &a));
  PetscCall(VecDot(dx, gx, &b));
  if (dp) PetscCall(VecDot(dp, gp, &c));
  PetscCall(VecNorm(dy, NORM_2, &ndy));
  PetscCall(VecNorm(w, NORM_2, &nw));
  PetscCall(VecNorm(y, NORM_2, &ny));
  *adjoint_error = PetscAbsScalar(a - b - c) / PetscMax(ndy * nw, 1e-300);
  for (int i = 0; i < 5; i++, h /= 2) PetscCall(Remainder(m, x, p, dx, dp, y, dy, h, wx, wp, wy, &r[i]));
  *taylor_slope = r[0] <= 1e-13 * (ny + ndy) ? PETSC_INFINITY : PetscLogReal(r[0] / PetscMax(r[4], 1e-300)) / PetscLogReal(16.0);
  PetscCall(VecDestroy(&dx));
  PetscCall(VecDestroy(&dp));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&dy));
  PetscCall(VecDestroy(&w));
  PetscCall(VecDestroy(&gx));
  PetscCall(VecDestroy(&gp));
  PetscCall(VecDestroy(&wx));
  PetscCall(VecDestroy(&wp));
  PetscCall(VecDestroy(&wy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetCheck - whether a map checks its derivatives at the first point it is linearized at

  Logically Collective

  Input Parameters:
+ m    - the map
- flag - PETSC_TRUE: NomosMapCheck() there, in double precision, with one printed line (default: no)

  Options Database Key:
. -map_check - the same

  Errors: at that point PETSC_ERR_PLIB where tangent and adjoint differ by more than 1e-10

  Level: intermediate
.seealso: `NomosMapCheck()`
@*/
PetscErrorCode NomosMapSetCheck(NomosMap m, PetscBool flag)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  m->check = flag;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A net in single precision is checked as its double twin. A sum of gradients that is open is empty at the first point: it is
   opened again. */
PetscErrorCode NomosMapCheckFirst(NomosMap m, Vec x, Vec p)
{
  const PetscBool open = m->adjoint_open, single = m->precision == NOMOS_SINGLE ? PETSC_TRUE : PETSC_FALSE;
  NomosMap        twin = m;
  PetscReal       adjoint, slope;
  PetscMPIInt     rank;

  PetscFunctionBegin;
  m->check = PETSC_FALSE;
  if (single) {
    PetscCall(NomosMapClone(m, &twin));
    PetscCall(NomosMapSetPrecision(twin, NOMOS_DOUBLE));
    PetscCall(NomosMapSetGrid(twin, &m->grid));
    if (m->outgrid_set) PetscCall(NomosMapSetOutputGrid(twin, &m->outgrid));
    PetscCall(NomosMapSetBatch(twin, m->batch));
    twin->check = PETSC_FALSE;
  }
  PetscCall(NomosMapCheck(twin, x, p, &adjoint, &slope));
  if (single) PetscCall(NomosMapDestroy(&twin));
  if (open) PetscCall(NomosMapAdjointBegin(m));
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)m), &rank));
  if (!rank) PetscCall(PetscPrintf(PETSC_COMM_SELF, "map_check: %s %s adjoint %.2e taylor ", m->family, ((PetscObject)m)->type_name ? ((PetscObject)m)->type_name : "", (double)adjoint));
  if (!rank && slope < PETSC_INFINITY) PetscCall(PetscPrintf(PETSC_COMM_SELF, "%.3f\n", (double)slope));
  else if (!rank) PetscCall(PetscPrintf(PETSC_COMM_SELF, "exact\n"));
  PetscCheck(adjoint <= 1e-10, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s '%s': tangent and adjoint differ by %g, expected at most 1e-10: one of them is not the derivative of the value", m->family, ((PetscObject)m)->type_name, (double)adjoint);
  PetscFunctionReturn(PETSC_SUCCESS);
}
