/* nomostune.c - KSPNOMOSTUNE: a KSP that runs another one and chooses settings of it before every solve. What a program calls: nomostune_api.c. */
#include "nomostune.h"
#include <nomosimpl.h>
#include "petsc_ext/tuner/tuner.h" /* the baseline that the options made of ours */

const char *const NomosTuneCosts[] = {"auto", "its", "work", "time", "user"};

/* What a state file has to know of the costs. */
static PetscErrorCode SayCost(KSP ksp, NomosTuner t)
{
  NomosTuneCost kind;
  const char   *type;
  Mat           P;

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneCostKind(ksp, &kind));
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(MatGetVecType(P, &type));
  PetscCall(NomosTunerSetCostKind(t, NomosTuneCosts[kind], !strcmp(type, VECSTANDARD) || !strcmp(type, VECSEQ) || !strcmp(type, VECMPI) ? "host" : "device"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- tuners, one per size -------------------------------------------------------------------------------------------- */
static PetscErrorCode Build(KSP ksp, NomosTuneState *s, PetscBool first)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *prefix;
  PetscInt       ncontexts;

  PetscFunctionBegin;
  if (k->own) s->t = k->own;
  else {
    PetscCall(NomosTunerCreate(PetscObjectComm((PetscObject)ksp), &s->t));
    PetscCall(PetscSNPrintf(s->t->suffix, sizeof(s->t->suffix), "-n%" PetscInt_FMT "-r%" PetscInt_FMT, s->bucket, s->row));
    s->t->suffix_files = (PetscBool)!first;
  }
  k->own = NULL;
  PetscCall(KSPGetOptionsPrefix(ksp, &prefix));
  PetscCall(NomosTunerSetOptionsPrefix(s->t, prefix));
  PetscCall(NomosTunerSetOptionsStem(s->t, "ksp_nomostune_"));
  if (k->cost == NOMOS_COST_AUTO || k->cost == NOMOS_COST_ITS) PetscCall(NomosTunerSetCostFloor(s->t, 1));
  PetscCall(NomosKSPTuneParameters(ksp, s->t));
  PetscCall(NomosKSPTuneCheckArms(ksp, s->t));
  if (k->cost == NOMOS_COST_AUTO && k->rebuilds) PetscCall(NomosTunerSetCostFloor(s->t, 0));
  PetscCall(SayCost(ksp, s->t));
  PetscCall(NomosTunerGetContexts(s->t, &ncontexts));
  PetscCall(NomosKSPTuneAddContexts(ksp, s->t, (PetscBool)!ncontexts));
  if (first) PetscCall(NomosKSPTuneBaseline(ksp, s->t));
  else PetscCall(NomosTunerSetBaseline(s->t, k->baseline)); /* the PC stands at some arm by now */
  if (k->options) PetscCall(NomosTunerSetFromOptions(s->t));
  PetscCall(NomosTunerSetUp(s->t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The size by factors of two, and nonzeros per row. */
static PetscErrorCode Key(KSP ksp, PetscInt *bucket, PetscInt *row)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  MatInfo        info = {0};
  PetscInt       n;
  PetscBool      aij;
  Mat            P;

  PetscFunctionBegin;
  *bucket = *row = 0;
  for (PetscInt i = 0; i < k->ncontexts; i++)
    if (k->kind[i] == NOMOS_CONTEXT_SIZE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(MatGetSize(P, &n, NULL));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)P, &aij, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQSBAIJ, MATMPISBAIJ, ""));
  if (aij) PetscCall(MatGetInfo(P, MAT_GLOBAL_SUM, &info));
  *bucket = (PetscInt)PetscFloorReal(PetscLog2Real((PetscReal)PetscMax(n, 1)));
  *row    = (PetscInt)(info.nz_used / (PetscReal)PetscMax(n, 1) + 0.5);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NewState(KSP ksp, PetscInt bucket, PetscInt row, NomosTuneState **s)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  NomosTuneState fresh = {bucket, row, NULL, 0};
  PetscErrorCode ierr;
  PetscInt       i = 0;

  PetscFunctionBegin;
  if (k->nstates < NOMOS_KSPTUNE_STATES) i = k->nstates;
  else {
    for (PetscInt j = 1; j < k->nstates; j++)
      if (k->state[j].used < k->state[i].used) i = j;
    k->tuner = NULL;
  }
  ierr = Build(ksp, &fresh, (PetscBool)!k->nstates);
  if (ierr) k->own = fresh.t; /* freed with the solver */
  PetscCall(ierr);
  if (i == k->nstates) k->nstates++;
  else PetscCall(NomosTunerDestroy(&k->state[i].t));
  k->state[i] = fresh;
  *s          = &k->state[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKSPTuneUseTuner(KSP ksp)
{
  KSP_NomosTune  *k = (KSP_NomosTune *)ksp->data;
  NomosTuneState *s = NULL;
  const PetscBool fixed = (PetscBool)(k->own != NULL);
  PetscInt        bucket = 0, row = 0;

  PetscFunctionBegin;
  if (k->tuner && k->state[0].used == PETSC_MAX_INT) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Key(ksp, &bucket, &row));
  for (PetscInt i = 0; i < k->nstates; i++)
    if (k->state[i].bucket == bucket && k->state[i].row == row) s = &k->state[i];
  if (!s) PetscCall(NewState(ksp, bucket, row, &s));
  s->used  = fixed ? PETSC_MAX_INT : k->solves; /* the user's own serves every size */
  k->tuner = s->t;
  k->baseline = s->t->baseline;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the type -------------------------------------------------------------------------------------------------------- */
static PetscErrorCode InnerPrefix(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *prefix;

  PetscFunctionBegin;
  PetscCall(KSPGetOptionsPrefix(ksp, &prefix));
  PetscCall(KSPSetOptionsPrefix(k->first, prefix));
  PetscCall(KSPAppendOptionsPrefix(k->first, "tune_"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPSetFromOptions_NomosTune(KSP ksp, NomosOptionItems PetscOptionsObject)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  char           text[256] = "";
  PetscInt       cost = (PetscInt)k->cost, live = k->max_live;
  PetscBool      set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "KSP nomostune options");
  PetscCall(PetscOptionsEList("-ksp_nomostune_cost", "What a solve costs: auto, its, work, time, user", "NomosKSPTuneSetCost", NomosTuneCosts, 5, NomosTuneCosts[cost], &cost, &set));
  if (set) k->cost = (NomosTuneCost)cost;
  PetscCall(PetscOptionsBool("-ksp_nomostune_cost_per_decade", "Divide the cost by the decades that the residual fell", "NomosKSPTuneSetCost", k->per_decade, &k->per_decade, NULL));
  PetscCall(PetscOptionsString("-ksp_nomostune_context", "At most two of auto, user:0, user:1, size, rtol, residual, time, dt, iter; or none", "NomosKSPTuneSetContexts", k->contexts ? k->contexts : "auto", text, sizeof(text), &set));
  if (set && !k->tuner) PetscCall(NomosKSPTuneSetContexts(ksp, text));
  PetscCall(PetscOptionsRangeInt("-ksp_nomostune_max_live", "Preconditioners of arms kept alive beside the program's own, 1 to 16", "NomosKSPTuneSetMaxLive", live, &live, &set, 1, NOMOS_KSPTUNE_LIVE));
  if (set) PetscCall(NomosKSPTuneSetMaxLive(ksp, live));
  PetscOptionsHeadEnd();
  k->options = PETSC_TRUE;
  PetscCall(InnerPrefix(ksp));
  PetscCall(KSPSetSkipPCSetFromOptions(k->first, PETSC_TRUE)); /* the outer one sets it */
  PetscCall(KSPSetFromOptions(k->first));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Called before the program's preconditioner is set up for a new matrix. Where arms have preconditioners of their own that waits
   until it is used, and then counts: only a flag keeps KSPSetUp() from doing it. */
static PetscErrorCode KSPSetUp_NomosTune(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscBool      self;

  PetscFunctionBegin;
  if (k->rebuilds && !k->deferred && ksp->pc && ksp->pc->setupcalled) {
    k->deferred = PETSC_TRUE;
    k->reuse    = ksp->pc->reusepreconditioner;
    PetscCall(PCSetReusePreconditioner(ksp->pc, PETSC_TRUE));
  }
  PetscCall(PetscObjectTypeCompare((PetscObject)k->first, KSPNOMOSTUNE, &self));
  PetscCheck(!self, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONG, "the inner solver is nomostune too; give another -tune_ksp_type");
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKSPTuneUndefer(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  if (k->deferred) PetscCall(PCSetReusePreconditioner(ksp->pc, k->reuse));
  k->deferred = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPView_NomosTune(KSP ksp, PetscViewer viewer)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscBool      ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  cost: %s%s; contexts: %s; systems solved: %" PetscInt64_FMT "\n", NomosTuneCosts[k->cost], k->per_decade ? " per decade" : "", k->contexts ? k->contexts : "auto", k->solves));
  if (k->passed) PetscCall(PetscViewerASCIIPrintf(viewer, "  %" PetscInt64_FMT " solves passed through as they were: without a test of convergence (a smoother, preonly) or inside another tuned solve nothing is learned\n", k->passed));
  if (k->rebuilds) PetscCall(PetscViewerASCIIPrintf(viewer, "  arms with preconditioners of their own: %" PetscInt_FMT " alive, at most %" PetscInt_FMT "; what the program set in its own one by calls is not in them\n", k->nlive, k->max_live));
  if (k->nstates > 1) PetscCall(PetscViewerASCIIPrintf(viewer, "  tuners for %" PetscInt_FMT " sizes, the last used:\n", k->nstates));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  if (k->tuner) PetscCall(NomosTunerView(k->tuner, viewer));
  PetscCall(KSPView(k->inner, viewer));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPReset_NomosTune(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneDropLive(ksp));
  PetscCall(KSPReset(k->first));
  PetscCall(VecDestroy(&k->x0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPDestroy_NomosTune(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < k->nstates; i++) PetscCall(NomosTunerDestroy(&k->state[i].t));
  PetscCall(NomosTunerDestroy(&k->own));
  PetscCall(NomosKSPTuneDropLive(ksp));
  PetscCall(KSPDestroy(&k->first));
  PetscCall(PetscOptionsDestroy(&k->db));
  PetscCall(PetscFree(k->contexts));
  PetscCall(VecDestroy(&k->x0));
  PetscCall(KSPDestroyDefault(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Monitors of the outer solver ask it for the iterate. */
static PetscErrorCode KSPBuildSolution_NomosTune(KSP ksp, Vec v, Vec *V)
{
  PetscFunctionBegin;
  PetscCall(KSPBuildSolution(((KSP_NomosTune *)ksp->data)->inner, v, V));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPBuildResidual_NomosTune(KSP ksp, Vec t, Vec v, Vec *V)
{
  PetscFunctionBegin;
  PetscCall(KSPBuildResidual(((KSP_NomosTune *)ksp->data)->inner, t, v, V));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPSingularValues_NomosTune(KSP ksp, PetscReal *emax, PetscReal *emin)
{
  PetscFunctionBegin;
  PetscCall(KSPComputeExtremeSingularValues(((KSP_NomosTune *)ksp->data)->inner, emax, emin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPEigenvalues_NomosTune(KSP ksp, PetscInt n, PetscReal *r, PetscReal *c, PetscInt *neig)
{
  PetscFunctionBegin;
  PetscCall(KSPComputeEigenvalues(((KSP_NomosTune *)ksp->data)->inner, n, r, c, neig));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The inner solver begins as what the program had chosen: its type's name still stands in the object. */
static PetscErrorCode MakeInner(KSP ksp, KSP_NomosTune *k)
{
  const char *type = ((PetscObject)ksp)->type_name;
  PetscBool   self;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)ksp), &k->first));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)k->first, (PetscObject)ksp, 1));
  PetscCall(PetscStrcmp(type, KSPNOMOSTUNE, &self));
  PetscCall(KSPSetType(k->first, type && !self ? type : KSPGMRES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  KSPNOMOSTUNE - "nomostune": runs another KSP and learns settings of it from solve to solve

  Options Database Keys:
+ -ksp_nomostune_param_0 TEXT   - what to tune, see NomosTunerAddParameter() (default: omega of sor, eisenstat or nomossor)
. -tune_ksp_type TYPE           - the inner solver (default: what the program had chosen)
. -ksp_nomostune_cost NAME      - auto, its, work, time, user (default: auto)
. -ksp_nomostune_context LIST   - what is known before a solve (default: auto)
. -ksp_nomostune_max_live N     - preconditioners of arms kept alive (default: 4)
- -ksp_nomostune_X              - the options of the tuner, -nomos_tuner_X in NomosTunerSetFromOptions()

  Level: beginner
.seealso: `NomosKSPTuneGetTuner()`, `NomosKSPTuneSetContext()`, `NomosTunerCreate()`
M*/
PETSC_INTERN PetscErrorCode KSPCreate_NomosTune(KSP);
PetscErrorCode KSPCreate_NomosTune(KSP ksp)
{
  KSP_NomosTune *k = NULL;

  PetscFunctionBegin;
  PetscCall(NomosOptionsUseFamily("ksp_nomostune"));
  PetscCall(PetscNew(&k));
  for (PetscInt i = 0; i < NOMOS_KSPTUNE_CONTEXTS; i++) k->user[i] = NAN;
  for (PetscInt i = 0; i < NOMOS_KSPTUNE_PARAMETERS; i++) k->applied[i] = NAN;
  k->mat   = -1;
  k->limit = PETSC_MAX_REAL;
  PetscCall(MakeInner(ksp, k));
  k->inner            = k->first;
  k->max_live         = 4;
  ksp->data           = k;
  ksp->setupnewmatrix = PETSC_TRUE;
  for (int norm = 0; norm < KSP_NORM_MAX; norm++)
    for (int side = 0; side < PC_SIDE_MAX; side++) PetscCall(KSPSetSupportedNorm(ksp, (KSPNormType)norm, (PCSide)side, norm == KSP_NORM_PRECONDITIONED && side == PC_LEFT ? 3 : 1));
  ksp->ops->setup                        = KSPSetUp_NomosTune;
  ksp->ops->solve                        = KSPSolve_NomosTune;
  ksp->ops->matsolve                     = KSPMatSolve_NomosTune;
  ksp->ops->setfromoptions               = KSPSetFromOptions_NomosTune;
  ksp->ops->view                         = KSPView_NomosTune;
  ksp->ops->reset                        = KSPReset_NomosTune;
  ksp->ops->destroy                      = KSPDestroy_NomosTune;
  ksp->ops->buildsolution                = KSPBuildSolution_NomosTune;
  ksp->ops->buildresidual                = KSPBuildResidual_NomosTune;
  ksp->ops->computeextremesingularvalues = KSPSingularValues_NomosTune;
  ksp->ops->computeeigenvalues           = KSPEigenvalues_NomosTune;
  PetscFunctionReturn(PETSC_SUCCESS);
}
