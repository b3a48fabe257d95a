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
. -map_check - done by training programs at the first point, printed with PetscInfo

  Level: intermediate
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
