/* Products and reductions of KSP sketchproject against others on the first Newton step of PDE-N:
   bench/sketchproject -N 31,63 -alpha 1e-2 -rtol 1e-8; the preconditioner by -pc_X, every solver reads the same. Reductions are counted on two ranks
   or more. */
#include "../kktcost.h"

static PetscErrorCode Run(Mat K, Mat S, Vec b, const char type[], const char options[], PetscReal rtol)
{
  KKTCost c;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(KKTCostOf(K, S, b, type, rtol, 20000, &c));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "ksp=%s %s reason=%d iterations=%d products=%d reductions=%d residual=%.2e seconds=%.3f\n", type, options, (int)c.reason, (int)c.iterations, (int)c.products, (int)c.reductions, (double)c.residual, c.seconds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt  N[8] = {31, 63}, n = 8, seeds = 1;
  PetscReal alpha = 1e-2, rtol = 1e-8;
  PetscBool set, twice = PETSC_FALSE;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-N", N, &n, &set));
  if (!set) n = 2;
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-alpha", &alpha, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-rtol", &rtol, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seeds", &seeds, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-twice", &twice, NULL)); /* with -schur_pc_type mat */
  for (PetscInt i = 0; i < n; i++) {
    Mat K, S = NULL;
    PC  state = NULL;
    Vec b;

    PetscCall(KKTPdeSystem(N[i], alpha, &K, &b, twice ? &S : NULL, &state));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "N=%d alpha=%g rtol=%g\n", (int)N[i], (double)alpha, (double)rtol));
    PetscCall(Run(K, S, b, KSPGMRES, "", rtol));
    for (PetscInt s = 0; s < seeds; s++) {
      char text[256];

      PetscCall(PetscSNPrintf(text, sizeof(text), "-ksp_sketchproject_seed %d", (int)s));
      PetscCall(Run(K, S, b, KSPSKETCHPROJECT, text, rtol));
    }
    PetscCall(MatDestroy(&K));
    PetscCall(MatDestroy(&S));
    PetscCall(PCDestroy(&state));
    PetscCall(VecDestroy(&b));
  }
  return PetscFinalize() ? 1 : 0;
}
