/* What an arm sets is what the option of that name sets in a plain solver: restart, fill levels, thresholds, smoothers of a multigrid, sweeps, types.
   The same system again and again, every arm in turn: an arm's iterations are those of a plain KSP with its option. */
#include "compat.h"
#include "nomostest.h"
#include "heattest.h"

typedef struct {
  const char *name, *grid, *options; /* parameter, its grid, what both solvers get (P stands for the prefix) */
  PetscInt    n;
  const char *value[4]; /* as the plain solver is told */
  PetscBool   differ;   /* the iterations are not all the same */
  PetscMPIInt most;     /* ranks that PETSc's type works on; 0: any */
} Case;

static const Case cases[] = {
  {"ksp_gmres_restart",              "int:2:14:4",       "-Ppc_type jacobi",                                                                                   4, {"2", "6", "10", "14"},       PETSC_TRUE,  0},
  {"ksp_richardson_scale",           "lin:0.6:1:3",      "-Ppc_type sor",                                                                                      3, {"0.6", "0.8", "1"},          PETSC_TRUE,  0},
  {"pc_factor_levels",               "int:0:3:4",        "-Ppc_type icc",                                                                                      4, {"0", "1", "2", "3"},         PETSC_TRUE,  1},
  {"pc_gamg_threshold",              "lin:0:0.2:3",      "-Ppc_type gamg",                                                                                     3, {"0", "0.1", "0.2"},          PETSC_FALSE, 0},
  {"pc_sor_its",                     "int:1:3:3",        "-Ppc_type sor",                                                                                      3, {"1", "2", "3"},              PETSC_TRUE,  1}, /* on ranks they are PETSc's parallel ones */
  {"mg_levels_ksp_richardson_scale", "lin:0.4:1:4",      "-Ppc_type gamg -Pmg_levels_ksp_type richardson -Pmg_levels_pc_type jacobi -Pmg_levels_ksp_max_it 1", 4, {"0.4", "0.6", "0.8", "1"},   PETSC_TRUE,  0},
  {"mg_levels_pc_sor_omega",         "lin:0.6:1.5:4",    "-Ppc_type gamg -Pmg_levels_ksp_type richardson -Pmg_levels_pc_type sor -Pmg_levels_ksp_max_it 1",    4, {"0.6", "0.9", "1.2", "1.5"}, PETSC_TRUE,  0},
  {"ksp_type",                       "set:cg,gmres,cgs", "-Ppc_type jacobi",                                                                                   3, {"cg", "gmres", "cgs"},       PETSC_TRUE,  0},
  {"pc_type",                        "set:sor,jacobi",   "-Ppc_type sor",                                                                                      2, {"sor", "jacobi"},            PETSC_TRUE,  0},
#if defined(PETSC_HAVE_HYPRE)
  {"pc_hypre_boomeramg_strong_threshold", "lin:0.1:0.9:3", "-Ppc_type hypre",                                                                                  3, {"0.1", "0.5", "0.9"},        PETSC_TRUE,  0},
#endif
};

/* A word of options with the prefix in the place of P. */
static PetscErrorCode Options(const char prefix[], const char text[])
{
  char   all[1024];
  size_t n = 0;

  PetscFunctionBegin;
  for (const char *c = text; *c && n + 16 < sizeof(all); c++) {
    if (*c == 'P' && c > text && c[-1] == '-') n += (size_t)snprintf(all + n, sizeof(all) - n, "%s", prefix);
    else all[n++] = *c;
  }
  all[n] = 0;
  PetscCall(PetscOptionsInsertString(NULL, all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From zero; the iterations. */
static PetscErrorCode SolveOnce(KSP ksp, Heat *p, PetscInt *its)
{
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(VecSet(p->u, 0));
  PetscCall(KSPSolve(ksp, p->b, p->u));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  CheckTrue("converged", reason > 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Nothing(KSP ksp, PetscInt it, PetscReal norm, void *ctx)
{
  return PETSC_SUCCESS;
}

static PetscErrorCode NewKSP(Heat *p, const char prefix[], const char type[], KSP *ksp)
{
  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, prefix));
  PetscCall(KSPSetType(*ksp, type));
  PetscCall(KSPSetTolerances(*ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, 2000));
  PetscCall(KSPSetInitialGuessNonzero(*ksp, PETSC_TRUE));
  PetscCall(KSPMonitorSet(*ksp, Nothing, NULL, NULL)); /* or PETSc's Richardson with SOR runs without a test */
  PetscCall(KSPSetOperators(*ksp, p->A, p->A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Arms(int number, const Case *c)
{
  const char *inner = strstr(c->name, "richardson_scale") && !strncmp(c->name, "ksp", 3) ? KSPRICHARDSON : (!strcmp(c->name, "ksp_gmres_restart") ? KSPGMRES : KSPCG);
  PetscInt64  before[4], after[4];
  PetscInt    want[4], its, seen = 0;
  char        prefix[16], text[512];
  PetscMPIInt rank;
  NomosTuner  t;
  Heat        p;
  KSP         ksp;
  PetscBool   differ = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 28, &p));
  PetscCall(HeatMatrix(&p, 3));
  PetscCall(HeatPut(&p, p.b, 0.1));
  for (PetscInt i = 0; i < c->n; i++) {
    PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "p%d%d_", number, (int)i));
    PetscCall(Options(prefix, c->options));
    PetscCall(PetscSNPrintf(text, sizeof(text), "-%s%s %s", prefix, c->name, c->value[i]));
    PetscCall(PetscOptionsInsertString(NULL, text));
    PetscCall(NewKSP(&p, prefix, inner, &ksp));
    PetscCall(KSPSetFromOptions(ksp));
    PetscCall(SolveOnce(ksp, &p, &want[i]));
    if (want[i] != want[0]) differ = PETSC_TRUE;
    PetscCall(KSPDestroy(&ksp));
  }
  CheckTrue(c->name, differ || !c->differ);
  PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "a%d_", number));
  PetscCall(Options(prefix, c->options));
  PetscCall(PetscSNPrintf(text, sizeof(text), "-%sksp_type nomostune -%sksp_nomostune_param_0 %s:%s -%sksp_nomostune_method sweep -%sksp_nomostune_budget -1 -%sksp_nomostune_cap 0 -%sksp_nomostune_cost its -%sksp_nomostune_context none", prefix, prefix, c->name, c->grid, prefix, prefix, prefix, prefix, prefix));
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscCall(NewKSP(&p, prefix, inner, &ksp));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(SolveOnce(ksp, &p, &its)); /* the baseline */
  PetscCall(NomosKSPTuneGetTuner(ksp, &t));
  for (PetscInt k = 0; k < 2 * c->n; k++) {
    PetscCall(NomosTunerGetPulls(t, before));
    PetscCall(SolveOnce(ksp, &p, &its));
    PetscCall(NomosTunerGetPulls(t, after));
    for (PetscInt i = 0; i < c->n && !rank; i++) { /* rank 0 has them */
      if (after[i] == before[i]) continue;
      PetscCall(PetscSNPrintf(text, sizeof(text), "%s = %s", c->name, c->value[i]));
      CheckInt(text, its, want[i]);
      seen |= 1 << i;
    }
  }
  if (!rank) CheckInt("every arm had its turn", seen, (1 << c->n) - 1);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (int i = 0; i < (int)(sizeof(cases) / sizeof(cases[0])); i++)
    if (!cases[i].most || size <= cases[i].most) PetscCall(Arms(i, &cases[i]));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
