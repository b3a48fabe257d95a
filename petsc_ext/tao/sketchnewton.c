/* sketchnewton.c - the type TAOSKETCHNEWTON: create, set-up, view, destroy. See sketchnewton.h for the other files. */
#include "sketchnewton.h"
#include <petscksp.h>

/* --- set-up ------------------------------------------------------------------------------------------------------------- */

static PetscErrorCode CheckProviders(Tao tao)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)tao);
  PetscBool      both, f, g;

  PetscFunctionBegin;
  PetscCall(TaoIsObjectiveAndGradientDefined(tao, &both));
  PetscCall(TaoIsObjectiveDefined(tao, &f));
  PetscCall(TaoIsGradientDefined(tao, &g));
  PetscCheck(both || (f && g), comm, PETSC_ERR_ARG_WRONGSTATE, "this type needs f and its gradient: call TaoSetObjectiveAndGradient(), or TaoSetObjective() and TaoSetGradient()");
  PetscCheck(!tao->ineq_constrained && !tao->constrained, comm, PETSC_ERR_SUP, "-tao_type sketchnewton knows equality constraints only, and inequality constraints are set here; TAOALMM (-tao_type almm) and TAOPDIPM (-tao_type pdipm) accept them");
  PetscCheck(!tao->eq_constrained || tao->jacobian_equality, comm, PETSC_ERR_ARG_WRONGSTATE, "equality constraints are set but not their Jacobian: call TaoSetJacobianEqualityRoutine()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Infinite bounds, as TAOPDIPM wants them, are no bounds. */
static PetscErrorCode CheckBounds(Tao tao)
{
  const MPI_Comm     comm = PetscObjectComm((PetscObject)tao);
  const PetscScalar *lo, *hi;
  PetscInt           n;
  int                mine = 0, any;

  PetscFunctionBegin;
  if (tao->bounded) PetscCall(TaoComputeVariableBounds(tao));
  if (!tao->XL || !tao->XU) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(tao->XL, &n));
  PetscCall(VecGetArrayRead(tao->XL, &lo));
  PetscCall(VecGetArrayRead(tao->XU, &hi));
  for (PetscInt i = 0; i < n; i++) mine |= PetscRealPart(lo[i]) > PETSC_NINFINITY || PetscRealPart(hi[i]) < PETSC_INFINITY;
  PetscCall(VecRestoreArrayRead(tao->XL, &lo));
  PetscCall(VecRestoreArrayRead(tao->XU, &hi));
  PetscCallMPI(MPI_Allreduce(&mine, &any, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!any, comm, PETSC_ERR_SUP, "-tao_type sketchnewton knows no bounds, and finite ones are set here; TAOALMM (-tao_type almm) and TAOPDIPM (-tao_type pdipm) accept them");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyPoint(NomosSNPoint *p)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->l));
  PetscCall(VecDestroy(&p->g));
  PetscCall(VecDestroy(&p->c));
  PetscCall(VecDestroy(&p->a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Drops what set-up made; settings stay. */
static PetscErrorCode Reset(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(DestroyPoint(&s->now));
  PetscCall(DestroyPoint(&s->trial));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDestroy(&s->u[i]));
    PetscCall(VecDestroy(&s->v[i]));
    PetscCall(VecDestroy(&s->w[i]));
  }
  PetscCall(VecDestroy(&s->F));
  PetscCall(VecDestroy(&s->z));
  PetscCall(VecDestroy(&s->dz));
  PetscCall(VecDestroy(&s->r));
  PetscCall(VecDestroy(&s->rhs));
  PetscCall(VecDestroy(&s->probe));
  PetscCall(VecDestroy(&s->wx));
  PetscCall(VecDestroy(&s->wl));
  PetscCall(MatDestroy(&s->Hfd));
  PetscCall(MatDestroy(&s->Jfd));
  s->H = s->Hpre = NULL;
  if (tao->ksp) PetscCall(KSPReset(tao->ksp));
  PetscCall(NomosKKTDestroy(&s->kkt));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Hold(Vec v, Vec *slot)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectReference((PetscObject)v));
  *slot = v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The current point lives in the Tao's own vectors: callbacks and users find x, the gradient, c and the multipliers there. */
static PetscErrorCode MakePoints(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  Vec                none = NULL, c;
  PetscInt           m = 0, have = -1, want = 0;

  PetscFunctionBegin;
  if (tao->eq_constrained && tao->constraints_equality) PetscCall(VecGetSize(tao->constraints_equality, &m));
  s->constrained = m > 0 ? PETSC_TRUE : PETSC_FALSE;
  if (!s->constrained) {
    PetscCall(VecCreate(PetscObjectComm((PetscObject)tao), &none));
    PetscCall(VecSetSizes(none, 0, 0));
    PetscCall(VecSetType(none, VECSTANDARD));
  }
  c = s->constrained ? tao->constraints_equality : none;
  PetscCall(VecGetLocalSize(c, &want));
  if (tao->DE) PetscCall(VecGetLocalSize(tao->DE, &have));
  if (have != want) PetscCall(VecDestroy(&tao->DE));
  if (!tao->DE) {
    PetscCall(VecDuplicate(c, &tao->DE));
    PetscCall(VecSet(tao->DE, 0));
  }
  if (!tao->gradient) PetscCall(VecDuplicate(tao->solution, &tao->gradient));
  PetscCall(Hold(tao->solution, &s->now.x));
  PetscCall(Hold(tao->DE, &s->now.l));
  PetscCall(Hold(tao->gradient, &s->now.g));
  PetscCall(Hold(c, &s->now.c));
  PetscCall(VecDuplicate(tao->solution, &s->now.a));
  PetscCall(VecDuplicate(tao->solution, &s->trial.x));
  PetscCall(VecDuplicate(tao->solution, &s->trial.g));
  PetscCall(VecDuplicate(tao->solution, &s->trial.a));
  PetscCall(VecDuplicate(c, &s->trial.l));
  PetscCall(VecDuplicate(c, &s->trial.c));
  PetscCall(VecDestroy(&none));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeWork(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < 2; i++) {
    const Vec like = i ? s->now.c : s->now.x;

    PetscCall(VecDuplicate(like, &s->u[i]));
    PetscCall(VecDuplicate(like, &s->v[i]));
    PetscCall(VecDuplicate(like, &s->w[i]));
  }
  PetscCall(VecDuplicate(s->now.x, &s->probe));
  PetscCall(VecDuplicate(s->now.x, &s->wx));
  PetscCall(VecDuplicate(s->now.c, &s->wl));
  PetscCall(NomosKKTCreate(s->now.x, s->now.c, s->kkt_type, &s->kkt));
  PetscCall(NomosKKTSetSchurPre(s->kkt, s->S));
  PetscCall(VecDuplicate(s->kkt->vec, &s->F));
  PetscCall(VecDuplicate(s->kkt->vec, &s->z));
  PetscCall(VecDuplicate(s->kkt->vec, &s->dz));
  PetscCall(VecDuplicate(s->kkt->vec, &s->r));
  PetscCall(VecDuplicate(s->kkt->vec, &s->rhs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* one seed for the random operators below; only when it was given, so that seeds set there stay */
static PetscErrorCode PassSeed(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PC                 pc;

  PetscFunctionBegin;
  if (!s->seed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(tao->ksp, &pc));
  PetscCall(NomosKSPSketchProjectSetSeed(tao->ksp, (PetscInt64)s->seed));
  PetscCall(NomosPCKKTSketchSetSeed(pc, (PetscInt64)s->seed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoSetUp_SketchNewton(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(CheckProviders(tao));
  PetscCall(Reset(tao));
  PetscCall(MakePoints(tao));
  PetscCall(MakeWork(tao));
  PetscCall(PassSeed(tao));
  s->inside = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A new vector of the user's since set-up, or a solve that an error cut short: set up again. */
PetscErrorCode NomosSNRefresh(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(CheckProviders(tao));
  PetscCall(CheckBounds(tao));
  if (s->inside || s->now.x != tao->solution || s->now.g != tao->gradient || s->now.l != tao->DE || (s->constrained && s->now.c != tao->constraints_equality) || (!s->constrained && tao->eq_constrained)) PetscCall(TaoSetUp_SketchNewton(tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

/* every setting by the word of its option, so that a log alone lets a run be repeated */
static PetscErrorCode ViewSettings(const NomosSketchNewton *s, PetscViewer viewer)
{
  const struct {
    const char *name;
    PetscReal   value;
  } reals[] = {
      {"eta1",        s->eta1_0     },
      {"eta2",        s->eta2_0     },
      {"nu",          s->nu         },
      {"delta",       s->delta_0    },
      {"rtol_min",    s->rtol_min   },
      {"rtol_max",    s->rtol_max   },
      {"gamma0",      s->gamma0     },
      {"t_first",     s->t_first    },
      {"gamma_first", s->gamma_first},
      {"xi_b",        s->xi_b       },
      {"xi_g",        s->xi_g       },
      {"beta",        s->beta       }
  };
  const char *const reg = s->regularization == NOMOS_SN_REG_AUTO ? (s->inertia ? " (inertia)" : " (curvature)") : "";

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "preset: %s\n", s->paper ? "paper" : "default"));
  for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) PetscCall(PetscViewerASCIIPrintf(viewer, "%s: %g\n", reals[i].name, (double)reals[i].value));
  PetscCall(PetscViewerASCIIPrintf(viewer, "penalty_update: %s\n", NomosSNPenalties[s->penalty]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "accuracy: %s\n", NomosSNAccuracies[s->accuracy]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "theta: %s\n", NomosSNThetas[s->theta]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "multiplier_init: %s\n", NomosSNMultiplierInits[s->multiplier_init]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "regularization: %s%s\n", NomosSNRegularizations[s->regularization], reg));
  PetscCall(PetscViewerASCIIPrintf(viewer, "ls_max_backtracks: %" PetscInt_FMT "\n", s->max_backtracks));
  PetscCall(PetscViewerASCIIPrintf(viewer, "max_retries: %" PetscInt_FMT "\n", s->max_retries));
  PetscCall(PetscViewerASCIIPrintf(viewer, "slow_steps: %" PetscInt_FMT "\n", s->slow_steps));
  PetscCall(PetscViewerASCIIPrintf(viewer, "hessian: %s%s\n", NomosSNHessians[s->hessian], s->differences && s->hessian == NOMOS_SN_HESSIAN_USER ? " (differences)" : ""));
  PetscCall(PetscViewerASCIIPrintf(viewer, "check_hessian: %s\n", PetscBools[s->check_hessian]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "kkt_type: %s\n", NomosKKTTypes[s->kkt_type]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "seed: %" PetscInt_FMT "\n", s->seed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoView_SketchNewton(Tao tao, PetscViewer viewer)
{
  const NomosSketchNewton *s = (const NomosSketchNewton *)tao->data;
  PetscBool                ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "status: %s\n", s->status));
  PetscCall(ViewSettings(s, viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "at the end: eta1 %g, eta2 %g, delta %g, t %g, gamma %g\n", (double)s->eta1, (double)s->eta2, (double)s->delta, (double)s->t, (double)s->gamma));
  PetscCall(PetscViewerASCIIPrintf(viewer, "evaluations: %" PetscInt_FMT ", rejected steps: %" PetscInt_FMT ", linear solves: %" PetscInt_FMT ", inner iterations: %" PetscInt_FMT "\n", s->evaluations, s->rejected, s->solves, tao->ksp_tot_its));
  PetscCall(PetscViewerASCIIPrintf(viewer, "rungs of the t ladder: %" PetscInt_FMT ", tightenings: %" PetscInt_FMT ", restarts: %" PetscInt_FMT ", steps to feasibility: %" PetscInt_FMT "\n", s->ladder_steps, s->tightenings, s->resets, s->feasible_steps));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoDestroy_SketchNewton(Tao tao)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(NomosSNCompose(tao, PETSC_FALSE));
  PetscCall(NomosSNComposeAPI(tao, PETSC_FALSE));
  PetscCall(Reset(tao));
  PetscCall(KSPDestroy(&tao->ksp));
  PetscCall(VecDestroy(&s->l_user));
  PetscCall(MatDestroy(&s->S));
  PetscCall(PetscFree(tao->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* TaoSetOptionsPrefix() gives the solver the Tao's own prefix: ours is longer. */
PetscErrorCode NomosSNPrefix(Tao tao)
{
  PetscFunctionBegin;
  PetscCall(KSPSetOptionsPrefix(tao->ksp, ((PetscObject)tao)->prefix));
  PetscCall(KSPAppendOptionsPrefix(tao->ksp, "tao_sketchnewton_"));
  PetscCall(PetscObjectSetOptions((PetscObject)tao->ksp, ((PetscObject)tao)->options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeKSP(Tao tao)
{
  PetscErrorCode (*known)(PC) = NULL;
  PC pc;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)tao), &tao->ksp));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)tao->ksp, (PetscObject)tao, 1));
  PetscCall(NomosSNPrefix(tao));
  PetscCall(KSPSetType(tao->ksp, KSPFGMRES));
  PetscCall(KSPGMRESSetRestart(tao->ksp, 50));
  PetscCall(KSPGetPC(tao->ksp, &pc));
  PetscCall(PetscFunctionListFind(PCList, "kktsketch", &known));
  PetscCall(PCSetType(pc, known ? "kktsketch" : PCNONE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  TAOSKETCHNEWTON - minimizes f(x) subject to c(x) = 0 by inexact Newton steps on an exact augmented Lagrangian

  Every iteration solves [H + tI, G'; G, -gamma I] (dx, dl) = -(grad L, c) to the accuracy that a decrease of

      M(x,l) = f + l'c + (eta1/2)|c|^2 + (eta2/2)|grad L|^2

  asks for, and moves x and l together. f and c may be nonconvex, any of the matrices a shell. Nothing is factorized unless
  the solver chosen does it.

  Options Database Keys:
+ -tao_sketchnewton_preset NAME         - default or paper (default: default)
. -tao_sketchnewton_regularization NAME - auto, inertia, curvature, paper, none (default: auto)
. -tao_sketchnewton_kkt_type NAME       - shell, nest, aij (default: shell)
. -tao_sketchnewton_hessian NAME        - user, mffd (default: user)
. -tao_sketchnewton_ksp_type NAME       - solver of the Newton systems (default: fgmres)
- -tao_sketchnewton_pc_type NAME        - its preconditioner (default: kktsketch)

  All options: docs/sketchnewton.md.

  Notes:
  The callback of `TaoSetHessian()` gives the Hessian of L = f + l'c; `TaoGetDualVariables()` gives it l. One product is checked
  against a difference: a Hessian of f alone is replaced by differences, with a warning.

  Bounds and inequality constraints are refused. Complex scalars are not supported.

  Cost: per iteration one Hessian, one linear solve (products with H, G, G'), one evaluation of f, c and their derivatives per
  trial step, and five vector reductions; memory: about 30 vectors of x, the Krylov space of the solver beside.

  Source: Hong, Na, Mahoney, Kolar, "Constrained Optimization via Exact Augmented Lagrangian and Randomized Iterative Sketching", ICML 2023, algorithm 1

  Level: beginner
.seealso: `NomosTaoSketchNewtonSetPreset()`, `NomosTaoSketchNewtonGetMultipliers()`
M*/
PETSC_INTERN PetscErrorCode TaoCreate_SketchNewton(Tao);
PetscErrorCode              TaoCreate_SketchNewton(Tao tao)
{
  NomosSketchNewton *s;

  PetscFunctionBegin;
  PetscCheck(!PetscDefined(USE_COMPLEX), PetscObjectComm((PetscObject)tao), PETSC_ERR_SUP, "-tao_type sketchnewton works with real scalars only");
  PetscCall(NomosOptionsUseFamily("tao_sketchnewton"));
  PetscCall(PetscNew(&s));
  tao->data = s;
  s->status = "not solved";
  PetscCall(NomosSNDefaults(s));
  tao->ops->setup          = TaoSetUp_SketchNewton;
  tao->ops->solve          = TaoSolve_SketchNewton;
  tao->ops->view           = TaoView_SketchNewton;
  tao->ops->setfromoptions = TaoSetFromOptions_SketchNewton;
  tao->ops->destroy        = TaoDestroy_SketchNewton;
  NomosTaoDefaultLimits(tao);
  NomosTaoDefault(tao, gatol, 1e-8);
  NomosTaoDefault(tao, catol, 1e-8);
  NomosTaoDefault(tao, grtol, 0);
  NomosTaoDefault(tao, gttol, 0);
  NomosTaoDefault(tao, crtol, 0);
  NomosTaoDefault(tao, max_it, 1000);
  PetscCall(MakeKSP(tao));
  PetscCall(NomosSNCompose(tao, PETSC_TRUE));
  PetscCall(NomosSNComposeAPI(tao, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
