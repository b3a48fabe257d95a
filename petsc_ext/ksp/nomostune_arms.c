/* nomostune_arms.c - what an arm sets. Direct setters first: they set nothing up again. Options of the inner solver (but
   its type) go into a private database, the user's options and the arm's, that it reads again. Everything else needs set-up:
   nomostune_live.c. */
#include "nomostune.h"

static PetscErrorCode SorOmega(KSP ksp, PC pc, PetscReal v)
{
  PetscFunctionBegin;
  PetscCall(PCSORSetOmega(pc, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EisenstatOmega(KSP ksp, PC pc, PetscReal v)
{
  PetscFunctionBegin;
  PetscCall(PCEisenstatSetOmega(pc, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosSorOmega(KSP ksp, PC pc, PetscReal v)
{
  PetscFunctionBegin;
  PetscCall(NomosPCSORSetOmega(pc, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RichardsonScale(KSP ksp, PC pc, PetscReal v)
{
  PetscFunctionBegin;
  PetscCall(KSPRichardsonSetScale(ksp, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GMRESRestart(KSP ksp, PC pc, PetscReal v)
{
  PetscInt old;

  PetscFunctionBegin;
  PetscCall(KSPGMRESGetRestart(ksp, &old));
  if (old != (PetscInt)v) PetscCall(KSPGMRESSetRestart(ksp, (PetscInt)v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The upper end of the interval over the estimated largest eigenvalue. */
static PetscErrorCode ChebyshevEstimate(KSP ksp, PC pc, PetscReal v)
{
  PetscFunctionBegin;
  PetscCall(KSPChebyshevEstEigSet(ksp, 0, 0.1, 0, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const struct {
  const char *name;
  PetscErrorCode (*set)(KSP, PC, PetscReal);
} setters[] = {
  {"pc_sor_omega",         SorOmega         },
  {"pc_eisenstat_omega",   EisenstatOmega   },
  {"pc_nomossor_omega",    NomosSorOmega    },
  {"ksp_richardson_scale", RichardsonScale  },
  {"ksp_gmres_restart",    GMRESRestart     },
  {"ksp_chebyshev_esteig", ChebyshevEstimate}
};
static const char levels_prefix[] = "mg_levels_";

static PetscInt Setter(const char name[])
{
  for (PetscInt i = 0; i < (PetscInt)(sizeof(setters) / sizeof(setters[0])); i++)
    if (!strcmp(name, setters[i].name)) return i;
  return -1;
}

static PetscBool OnLevels(const char name[])
{
  return (PetscBool)!strncmp(name, levels_prefix, sizeof(levels_prefix) - 1);
}

/* An option that is read again without new set-up. */
static PetscBool NoRebuild(const char name[])
{
  return (PetscBool)(!strncmp(name, "ksp_", 4) && strcmp(name, "ksp_type"));
}

static PetscErrorCode SetOption(KSP ksp, PetscInt j, const char name[], const char text[])
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *prefix;
  char           option[256];

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneDatabase(ksp));
  PetscCall(KSPGetOptionsPrefix(k->first, &prefix));
  PetscCall(PetscSNPrintf(option, sizeof(option), "-%s%s", prefix ? prefix : "", name));
  PetscCall(PetscOptionsSetValue(k->db, option, text));
  PetscCall(PetscObjectSetOptions((PetscObject)k->inner, k->db));
  PetscCall(KSPSetFromOptions(k->inner));
  PetscCall(PetscObjectSetOptions((PetscObject)k->inner, NULL));
  PetscCall(NomosKSPTuneRead(ksp, j, option));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The smoothers of a multigrid, all levels but the coarsest. */
static PetscErrorCode SetLevels(KSP ksp, const char name[], PetscReal v)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const PetscInt i = Setter(name + sizeof(levels_prefix) - 1);
  PetscInt       n;
  PetscBool      mg;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)k->pc, &mg, PCMG, PCGAMG, ""));
  if (!mg) PetscFunctionReturn(PETSC_SUCCESS); /* another pc_type is in use */
  PetscCall(PCSetUp(k->pc)); /* GAMG makes its levels there */
  PetscCall(PCMGGetLevels(k->pc, &n));
  for (PetscInt l = 1; l < n; l++) {
    KSP smoother;
    PC  pc;

    PetscCall(PCMGGetSmoother(k->pc, l, &smoother));
    PetscCall(KSPGetPC(smoother, &pc));
    PetscCall((*setters[i].set)(smoother, pc, v));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ApplyOne(KSP ksp, PetscInt j, PetscReal v)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *name;
  char           text[256];
  PetscInt       i;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetParameter(k->tuner, j, &name, NULL, NULL));
  i = Setter(name);
  if (i >= 0) {
    PetscCall((*setters[i].set)(k->inner, k->pc, v));
  } else if (OnLevels(name)) {
    PetscCall(SetLevels(ksp, name, v));
  } else if (k->applied[j] != v) { /* NaN: never applied */
    PetscCall(NomosKSPTuneOptionText(k->tuner, j, v, text, sizeof(text)));
    PetscCall(SetOption(ksp, j, name, text));
  }
  k->applied[j] = v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKSPTuneApply(KSP ksp, PetscInt arm)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscReal      values[NOMOS_KSPTUNE_PARAMETERS];
  PetscInt       n;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetParameters(k->tuner, &n, NULL));
  PetscCall(NomosTunerGetArm(k->tuner, arm, values));
  for (PetscInt j = 0; j < n; j++)
    if (!k->rebuild[j]) PetscCall(ApplyOne(ksp, j, values[j]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- which parameters ---------------------------------------------------------------------------------------------- */
static PetscErrorCode DefaultParameter(KSP ksp, NomosTuner t)
{
  const char *const types[] = {PCSOR, PCEISENSTAT, "nomossor"}, *type, *prefix;
  char              text[128];

  PetscFunctionBegin;
  PetscCall(PCGetType(ksp->pc, &type));
  PetscCall(KSPGetOptionsPrefix(ksp, &prefix));
  for (int i = 0; i < 3; i++)
    if (type && !strcmp(type, types[i])) {
      PetscCall(PetscSNPrintf(text, sizeof(text), "pc_%s_omega:lin:1:1.95:20", type));
      PetscCall(NomosTunerAddParameter(t, text));
      PetscFunctionReturn(PETSC_SUCCESS);
    }
  SETERRQ(PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONGSTATE, "-ksp_type nomostune has nothing to tune: the preconditioner is %s, whose omega it cannot be; give -%sksp_nomostune_param_0 name:lin:lo:hi:n, or -%spc_type sor", type ? type : "not chosen", prefix ? prefix : "", prefix ? prefix : "");
}

/* Before NomosTunerSetFromOptions(), which leaves out those that are there: the baseline needs to know them. */
PetscErrorCode NomosKSPTuneParameters(KSP ksp, NomosTuner t)
{
  const char *prefix;
  PetscInt    n;

  PetscFunctionBegin;
  PetscCall(KSPGetOptionsPrefix(ksp, &prefix));
  PetscCall(NomosTunerGetParameters(t, &n, NULL));
  for (PetscInt j = 0; !n && j < NOMOS_KSPTUNE_PARAMETERS; j++) {
    char      text[1024], option[64];
    PetscBool found;

    PetscCall(PetscSNPrintf(option, sizeof(option), "-ksp_nomostune_param_%" PetscInt_FMT, j));
    PetscCall(PetscOptionsGetString(((PetscObject)ksp)->options, prefix, option, text, sizeof(text), &found));
    if (!found) break;
    PetscCall(NomosTunerAddParameter(t, text));
  }
  PetscCall(NomosTunerGetParameters(t, &n, NULL));
  if (!n) PetscCall(DefaultParameter(ksp, t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the user had: asked of the objects where they tell, else of the options database; otherwise the first value. */
static PetscErrorCode UserValue(KSP ksp, const char name[], PetscInt n, const char *const labels[], PetscReal *v)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const PetscBool ispc = (PetscBool)!strncmp(name, "pc_", 3);
  const char    *prefix, *type = NULL;
  char           text[128], option[256];
  PetscInt       restart;
  PetscBool      found = PETSC_FALSE;

  PetscFunctionBegin;
  if (!strcmp(name, "pc_sor_omega")) PetscCall(PCSORGetOmega(ksp->pc, v));
  else if (!strcmp(name, "pc_eisenstat_omega")) PetscCall(PCEisenstatGetOmega(ksp->pc, v));
  else if (!strcmp(name, "pc_nomossor_omega")) PetscCall(NomosPCSORGetOmega(ksp->pc, v));
  else if (!strcmp(name, "ksp_gmres_restart")) {
    restart = (PetscInt)*v;
    PetscCall(KSPGMRESGetRestart(k->inner, &restart));
    *v = (PetscReal)restart;
  } else {
    if (!strcmp(name, "pc_type")) PetscCall(PCGetType(ksp->pc, &type));
    else if (!strcmp(name, "ksp_type")) PetscCall(KSPGetType(k->first, &type));
    PetscCall(PetscSNPrintf(option, sizeof(option), "-%s", name));
    PetscCall(PetscObjectGetOptionsPrefix(ispc ? (PetscObject)ksp->pc : (PetscObject)k->first, &prefix));
    if (labels) {
      if (!type) {
        PetscCall(PetscOptionsGetString(((PetscObject)ksp)->options, prefix, option, text, sizeof(text), &found));
        if (found) type = text;
      }
      for (PetscInt i = 0; type && i < n; i++)
        if (!strcmp(type, labels[i])) *v = (PetscReal)i;
    } else {
      PetscCall(PetscOptionsGetReal(((PetscObject)ksp)->options, prefix, option, v, &found));
      if (!found && !strcmp(name + strlen(name) - 5, "omega")) *v = 1;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKSPTuneBaseline(KSP ksp, NomosTuner t)
{
  PetscReal values[NOMOS_KSPTUNE_PARAMETERS];
  PetscInt  n, arm;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetParameters(t, &n, NULL));
  PetscCall(NomosTunerGetArm(t, 0, values));
  for (PetscInt j = 0; j < n; j++) {
    const char        *name;
    const char *const *labels;
    PetscInt           nv;

    PetscCall(NomosTunerGetParameter(t, j, &name, &nv, &labels));
    PetscCall(UserValue(ksp, name, nv, labels, &values[j]));
    PetscCheck(strcmp(name, "pc_sor_omega") || (values[j] > 0 && values[j] < 2), PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "the relaxation pc_sor_omega is %g; it must lie between 0 and 2, both excluded", (double)values[j]);
  }
  PetscCall(NomosTunerFindArm(t, values, &arm));
  PetscCall(NomosTunerSetBaseline(t, arm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckName(KSP ksp, const char name[], PetscBool *rebuild)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)ksp);
  PetscBool mg;

  PetscFunctionBegin;
  *rebuild = PETSC_FALSE;
  if (Setter(name) >= 0) PetscFunctionReturn(PETSC_SUCCESS);
  if (OnLevels(name)) {
    PetscCheck(Setter(name + sizeof(levels_prefix) - 1) >= 0, comm, PETSC_ERR_SUP, "parameter '%s': solvers inside a preconditioner take only omega of sor and eisenstat, richardson_scale, gmres_restart and chebyshev_esteig", name);
    PetscCall(PetscObjectTypeCompareAny((PetscObject)ksp->pc, &mg, PCMG, PCGAMG, ""));
    PetscCheck(mg, comm, PETSC_ERR_ARG_WRONGSTATE, "parameter '%s': the preconditioner has no levels; it is %s", name, ((PetscObject)ksp->pc)->type_name);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCheck(!strncmp(name, "pc_", 3) || !strncmp(name, "ksp_", 4), comm, PETSC_ERR_SUP, "parameter '%s' belongs neither to the solver (ksp_...) nor to its preconditioner (pc_...); solvers inside a preconditioner cannot be reached, but mg_levels_ for a few settings", name);
  PetscCheck(strncmp(name, "ksp_nomostune", 13), comm, PETSC_ERR_SUP, "parameter '%s': the tuner cannot tune itself", name);
  *rebuild = (PetscBool)!NoRebuild(name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's SOR of a BAIJ matrix knows omega = 1 alone and says so in the middle of a solve. */
static PetscErrorCode CheckSOR(KSP ksp)
{
  PetscBool sor, baij;
  Mat       P;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCSOR, &sor));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)P, &baij, MATSEQBAIJ, MATMPIBAIJ, ""));
  PetscCheck(!sor || !baij, PetscObjectComm((PetscObject)ksp), PETSC_ERR_SUP, "PETSc's SOR of a %s matrix knows omega = 1 only; use -pc_type nomossor, or tune something else", ((PetscObject)P)->type_name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The omega of a preconditioner that is not there would be set and forgotten. */
static PetscErrorCode CheckOwner(KSP ksp, NomosTuner t, const char name[])
{
  const char *const owner[] = {PCSOR, PCEISENSTAT, "nomossor"};
  const char       *other, *type;
  char              omega[32];
  PetscInt          n;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetParameters(t, &n, NULL));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(NomosTunerGetParameter(t, i, &other, NULL, NULL));
    if (!strcmp(other, "pc_type")) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PCGetType(ksp->pc, &type));
  for (int i = 0; i < 3; i++) {
    PetscCall(PetscSNPrintf(omega, sizeof(omega), "pc_%s_omega", owner[i]));
    PetscCheck(strcmp(name, omega) || !strcmp(type, owner[i]), PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONGSTATE, "parameter '%s': the preconditioner is %s; give -pc_type %s, or pc_type among the parameters", name, type, owner[i]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once, when the tuner is made. PETSc itself runs an omega outside (0,2) to the limit and says nothing. */
PetscErrorCode NomosKSPTuneCheckArms(KSP ksp, NomosTuner t)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscReal      values[NOMOS_KSPTUNE_PARAMETERS];
  PetscInt       n, d;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetParameters(t, &n, &d));
  k->rebuilds = PETSC_FALSE;
  PetscCall(PetscArrayzero(k->rebuild, NOMOS_KSPTUNE_PARAMETERS));
  for (PetscInt j = 0; j < n; j++) {
    const char *name;
    size_t      len;

    PetscCall(NomosTunerGetParameter(t, j, &name, NULL, NULL));
    PetscCall(CheckName(ksp, name, &k->rebuild[j]));
    if (k->rebuild[j]) k->rebuilds = PETSC_TRUE;
    if (!strcmp(name, "pc_sor_omega")) PetscCall(CheckSOR(ksp));
    PetscCall(CheckOwner(ksp, t, name));
    len = strlen(name);
    if (len < 6 || strcmp(name + len - 6, "_omega")) continue;
    for (PetscInt i = 0; i < d; i++) {
      PetscCall(NomosTunerGetArm(t, i, values));
      PetscCheck(values[j] > 0 && values[j] < 2, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "arm %" PetscInt_FMT " has %s = %g; it must lie between 0 and 2, both excluded", i, name, (double)values[j]);
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
