/* sketchnewton_options.c - settings of TAOSKETCHNEWTON: setters, and the options that call them. */
#include "sketchnewton.h"

static const char *const AccuracyNames[]       = {"practical", "theory", "NomosSNAccuracy", "NOMOS_SN_", NULL};
static const char *const PenaltyNames[]        = {"decoupled", "coupled", "NomosSNPenalty", "NOMOS_SN_", NULL};
static const char *const ThetaNames[]          = {"one", "superlinear", "sqrt", "NomosSNTheta", "NOMOS_SN_", NULL};
static const char *const InitNames[]           = {"ls", "zero", "user", "NomosSNMultipliers", "NOMOS_SN_", NULL};
static const char *const RegularizationNames[] = {"auto", "inertia", "curvature", "paper", "none", "NomosSNRegularization", "NOMOS_SN_", NULL};
static const char *const HessianNames[]        = {"user", "mffd", "NomosSNHessian", "NOMOS_SN_", NULL};
static const char *const PresetNames[]         = {"default", "paper", "NomosSNPreset", "NOMOS_SN_", NULL};

const char *const *const NomosSNAccuracies = AccuracyNames, *const *const NomosSNPenalties = PenaltyNames, *const *const NomosSNThetas = ThetaNames;
const char *const *const NomosSNMultiplierInits = InitNames, *const *const NomosSNRegularizations = RegularizationNames, *const *const NomosSNHessians = HessianNames;

/* sketched-newton 3.3 */
PetscErrorCode NomosSNDefaults(NomosSketchNewton *s)
{
  PetscFunctionBegin;
  s->eta1_0          = 1;
  s->eta2_0          = 0.1;
  s->delta_0         = 1e-3;
  s->theta           = NOMOS_SN_THETA_SUPERLINEAR;
  s->nu              = 1.5;
  s->beta            = 1e-4;
  s->accuracy        = NOMOS_SN_PRACTICAL;
  s->penalty         = NOMOS_SN_DECOUPLED;
  s->rtol_max        = 0.1;
  s->rtol_min        = 1e-12;
  s->xi_b            = 0.1;
  s->xi_g            = 1e-2;
  s->multiplier_init = NOMOS_SN_MULT_LS;
  s->regularization  = NOMOS_SN_REG_AUTO;
  s->gamma0          = 1e-4;
  s->max_backtracks  = 6;
  s->max_retries     = 4;
  s->slow_steps      = 5;
  s->max_resets      = 8;
  s->hessian         = NOMOS_SN_HESSIAN_USER;
  s->check_hessian   = PETSC_TRUE;
  s->kkt_type        = NOMOS_KKT_SHELL;
  s->paper           = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Range(Tao tao, const char option[], PetscReal value, PetscReal lo, PetscReal hi)
{
  PetscFunctionBegin;
  PetscCheck(value >= lo && value <= hi, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_sketchnewton_%s is %g; it must lie in [%g, %g]", option, (double)value, (double)lo, (double)hi);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetPenalties_SketchNewton(Tao tao, PetscReal eta1, PetscReal eta2, PetscReal nu, const char update[])
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           i;

  PetscFunctionBegin;
  PetscCall(Range(tao, "eta1", eta1, PETSC_SMALL, 1e10));
  PetscCall(Range(tao, "eta2", eta2, 1e-10, 1e10));
  PetscCheck(nu > 1 && nu <= 1e3, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_sketchnewton_nu is %g; it must lie in (1, 1000]", (double)nu);
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_penalty_update", update, PenaltyNames, &i));
  s->eta1_0  = eta1;
  s->eta2_0  = eta2;
  s->nu      = nu;
  s->penalty = (NomosSNPenalty)i;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetAccuracy_SketchNewton(Tao tao, const char accuracy[], PetscReal delta, const char theta[], PetscReal rtol_min, PetscReal rtol_max)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           i, j;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_accuracy", accuracy, AccuracyNames, &i));
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_theta", theta, ThetaNames, &j));
  PetscCall(Range(tao, "delta", delta, PETSC_MACHINE_EPSILON, 1));
  PetscCall(Range(tao, "rtol_min", rtol_min, 0, 1));
  PetscCall(Range(tao, "rtol_max", rtol_max, rtol_min, 1));
  s->accuracy = (NomosSNAccuracy)i;
  s->theta    = (NomosSNTheta)j;
  s->delta_0  = delta;
  s->rtol_min = rtol_min;
  s->rtol_max = rtol_max;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetRegularization_SketchNewton(Tao tao, const char name[], PetscReal gamma0, PetscReal xi_b, PetscReal xi_g)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           i;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_regularization", name, RegularizationNames, &i));
  PetscCall(Range(tao, "gamma0", gamma0, PETSC_MACHINE_EPSILON, 1));
  PetscCall(Range(tao, "xi_b", xi_b, PETSC_MACHINE_EPSILON, PETSC_MAX_REAL));
  PetscCall(Range(tao, "xi_g", xi_g, PETSC_MACHINE_EPSILON, PETSC_MAX_REAL));
  s->regularization = (NomosSNRegularization)i;
  s->gamma0         = gamma0;
  s->xi_b           = xi_b;
  s->xi_g           = xi_g;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetShifts_SketchNewton(Tao tao, PetscReal t, PetscReal gamma)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCall(Range(tao, "t_first", t, 0, PETSC_MAX_REAL));
  PetscCall(Range(tao, "gamma_first", gamma, 0, PETSC_MAX_REAL));
  s->t_first     = t;
  s->gamma_first = gamma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetSteps_SketchNewton(Tao tao, PetscReal beta, PetscInt backtracks, PetscInt retries, PetscInt slow)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;

  PetscFunctionBegin;
  PetscCheck(beta > 0 && beta < 0.5, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_sketchnewton_beta is %g; it must lie in (0, 1/2)", (double)beta);
  PetscCall(Range(tao, "ls_max_backtracks", (PetscReal)backtracks, 1, 100));
  PetscCall(Range(tao, "max_retries", (PetscReal)retries, 0, 100));
  PetscCall(Range(tao, "slow_steps", (PetscReal)slow, 1, 1e9));
  s->beta           = beta;
  s->max_backtracks = backtracks;
  s->max_retries    = retries;
  s->slow_steps     = slow;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetMultiplierInit_SketchNewton(Tao tao, const char name[])
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           i;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_multiplier_init", name, InitNames, &i));
  s->multiplier_init = (NomosSNMultipliers)i;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetHessianType_SketchNewton(Tao tao, const char name[], PetscBool check)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           i;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_hessian", name, HessianNames, &i));
  s->hessian       = (NomosSNHessian)i;
  s->check_hessian = check;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetKKTType_SketchNewton(Tao tao, const char name[])
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           i;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_kkt_type", name, NomosKKTTypes, &i));
  if (s->kkt_type != (NomosKKTType)i) tao->setupcalled = PETSC_FALSE;
  s->kkt_type = (NomosKKTType)i;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetSeed_SketchNewton(Tao tao, PetscInt seed)
{
  PetscFunctionBegin;
  ((NomosSketchNewton *)tao->data)->seed = seed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define PAPER_STEPS 100000 /* projections of one linear solve at most; the published counts reach this size */

/* the paper's solver: Gaussian projections of the error, one column, no preconditioner; options still choose another */
static PetscErrorCode PaperSolver(Tao tao)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(KSPSetType(tao->ksp, KSPSKETCHPROJECT));
  PetscCall(NomosKSPSketchProjectSetType(tao->ksp, "gaussian"));
  PetscCall(NomosKSPSketchProjectSetNorm(tao->ksp, "error"));
  PetscCall(NomosKSPSketchProjectSetBlock(tao->ksp, 1, 0));
  PetscCall(KSPSetTolerances(tao->ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, PAPER_STEPS));
  PetscCall(KSPGetPC(tao->ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* all settings at once; options and setters that come later change single ones */
static PetscErrorCode SetPreset_SketchNewton(Tao tao, const char name[])
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscInt           i;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)tao, "-tao_sketchnewton_preset", name, PresetNames, &i));
  PetscCall(NomosSNDefaults(s));
  if (!i) PetscFunctionReturn(PETSC_SUCCESS);
  s->paper           = PETSC_TRUE;
  s->accuracy        = NOMOS_SN_THEORY;
  s->penalty         = NOMOS_SN_COUPLED;
  s->regularization  = NOMOS_SN_REG_PAPER;
  s->multiplier_init = NOMOS_SN_MULT_USER;
  s->theta           = NOMOS_SN_THETA_ONE;
  s->delta_0         = 0.1;
  s->beta            = 0.1;
  s->max_retries     = 0;
  s->max_resets      = 0;
  s->max_backtracks  = 60;
  PetscCall(PaperSolver(tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSNCompose(Tao tao, PetscBool on)
{
#define COMPOSE(name) PetscCall(PetscObjectComposeFunction((PetscObject)tao, "NomosTaoSketchNewton" #name "_C", on ? name##_SketchNewton : NULL))
  PetscFunctionBegin;
  COMPOSE(SetPreset);
  COMPOSE(SetPenalties);
  COMPOSE(SetAccuracy);
  COMPOSE(SetRegularization);
  COMPOSE(SetShifts);
  COMPOSE(SetSteps);
  COMPOSE(SetMultiplierInit);
  COMPOSE(SetHessianType);
  COMPOSE(SetKKTType);
  COMPOSE(SetSeed);
#undef COMPOSE
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonSetPreset - all settings of TAOSKETCHNEWTON at once; ignored by other types

  Logically Collective

  Input Parameters:
+ tao  - the optimizer
- name - default, or paper: the settings of Hong, Na, Mahoney, Kolar 2023, for comparisons with its tables

  Options Database Key:
. -tao_sketchnewton_preset NAME - (default: default); other options of this type are read after it

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `NomosTaoSketchNewtonSetPenalties()`
@*/
PetscErrorCode NomosTaoSketchNewtonSetPreset(Tao tao, const char name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetPreset_C", (Tao, const char[]), (tao, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonSetPenalties - initial penalties of the merit function and how they change; ignored by other types

  Logically Collective

  Input Parameters:
+ tao    - the optimizer
. eta1   - weight of |c|^2/2, positive
. eta2   - weight of |grad L|^2/2, positive
. nu     - one update multiplies eta1 by nu^2 and divides eta2 by nu; larger than 1
- update - decoupled (penalties first, more digits of the step only where they do not help) or coupled (both at once)

  Options Database Keys:
+ -tao_sketchnewton_eta1 VALUE           - (default: 1)
. -tao_sketchnewton_eta2 VALUE           - (default: 0.1)
. -tao_sketchnewton_nu VALUE             - (default: 1.5)
- -tao_sketchnewton_penalty_update NAME  - (default: decoupled)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for numbers outside of these, PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `NomosTaoSketchNewtonGetPenalties()`
@*/
PetscErrorCode NomosTaoSketchNewtonSetPenalties(Tao tao, PetscReal eta1, PetscReal eta2, PetscReal nu, const char update[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetPenalties_C", (Tao, PetscReal, PetscReal, PetscReal, const char[]), (tao, eta1, eta2, nu, update));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonSetAccuracy - how exactly the Newton systems are solved; ignored by other types

  Logically Collective

  Input Parameters:
+ tao      - the optimizer
. accuracy - practical: |r| <= omega R with omega = theta delta, within the two bounds and never beyond what the tolerances
             can use; theory: the paper's bound, dense, for small problems
. delta    - accuracy level, in (0, 1]
. theta    - one, superlinear (min(1, R/R_0)) or sqrt (its root)
. rtol_min - smallest omega
- rtol_max - largest omega

  Options Database Keys:
+ -tao_sketchnewton_accuracy NAME   - (default: practical)
. -tao_sketchnewton_delta VALUE     - (default: 1e-3)
. -tao_sketchnewton_theta NAME      - (default: superlinear)
. -tao_sketchnewton_rtol_min VALUE  - (default: 1e-12)
- -tao_sketchnewton_rtol_max VALUE  - (default: 0.1)

  Errors: PETSC_ERR_ARG_OUTOFRANGE, also where rtol_max is below rtol_min; PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonSetAccuracy(Tao tao, const char accuracy[], PetscReal delta, const char theta[], PetscReal rtol_min, PetscReal rtol_max)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetAccuracy_C", (Tao, const char[], PetscReal, const char[], PetscReal, PetscReal), (tao, accuracy, delta, theta, rtol_min, rtol_max));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonSetRegularization - how nonconvex and rank-deficient systems are told and mended; ignored by other types

  Logically Collective

  Input Parameters:
+ tao    - the optimizer
. name   - auto (inertia with a Cholesky factorization by MUMPS, else curvature), inertia, curvature, paper (dense), none
. gamma0 - first gamma, times |G|^2/|H|
. xi_b   - smallest curvature that the paper's bounds assume
- xi_g   - smallest eigenvalue of GG' that they assume

  Options Database Keys:
+ -tao_sketchnewton_regularization NAME - (default: auto)
. -tao_sketchnewton_gamma0 VALUE        - (default: 1e-4)
. -tao_sketchnewton_xi_b VALUE          - (default: 0.1)
- -tao_sketchnewton_xi_g VALUE          - (default: 0.01)

  Errors: PETSC_ERR_ARG_OUTOFRANGE unless gamma0 is in (0,1] and the two bounds are positive; PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonSetRegularization(Tao tao, const char name[], PetscReal gamma0, PetscReal xi_b, PetscReal xi_g)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetRegularization_C", (Tao, const char[], PetscReal, PetscReal, PetscReal), (tao, name, gamma0, xi_b, xi_g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonSetShifts - t and gamma that the first step of TAOSKETCHNEWTON begins with; ignored by other types

  Logically Collective

  Input Parameters:
+ tao   - the optimizer
. t     - added to the Hessian's diagonal, not negative: for problems known to be nonconvex at the start
- gamma - subtracted from the dual diagonal, not negative: for Jacobians known to be rank deficient

  Options Database Keys:
+ -tao_sketchnewton_t_first VALUE     - (default: 0)
- -tao_sketchnewton_gamma_first VALUE - (default: 0)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a negative one

  Level: advanced
@*/
PetscErrorCode NomosTaoSketchNewtonSetShifts(Tao tao, PetscReal t, PetscReal gamma)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetShifts_C", (Tao, PetscReal, PetscReal), (tao, t, gamma));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonSetSteps - step control of TAOSKETCHNEWTON; ignored by other types

  Logically Collective

  Input Parameters:
+ tao        - the optimizer
. beta       - Armijo constant, in (0, 1/2)
. backtracks - trials 1, 1/2, 1/4, ... per try
. retries    - further tries of an iteration, each with larger t and gamma
- slow       - after this many poor iterations in a row, while |c| is not small, the feasibility phase begins

  Options Database Keys:
+ -tao_sketchnewton_beta VALUE         - (default: 1e-4)
. -tao_sketchnewton_ls_max_backtracks N - (default: 6)
. -tao_sketchnewton_max_retries N      - (default: 4)
- -tao_sketchnewton_slow_steps N       - (default: 5)

  Errors: PETSC_ERR_ARG_OUTOFRANGE for beta outside of (0,1/2), fewer than one trial, negative retries, slow below 1

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonSetSteps(Tao tao, PetscReal beta, PetscInt backtracks, PetscInt retries, PetscInt slow)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetSteps_C", (Tao, PetscReal, PetscInt, PetscInt, PetscInt), (tao, beta, backtracks, retries, slow));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonSetMultiplierInit - the first multipliers of TAOSKETCHNEWTON; ignored by other types

  Logically Collective

  Input Parameters:
+ tao  - the optimizer
- name - ls (least squares: argmin |g + G'l|), zero, or user (see `NomosTaoSketchNewtonSetMultipliers()`; zero if none were given)

  Options Database Key:
. -tao_sketchnewton_multiplier_init NAME - (default: ls)

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonSetMultiplierInit(Tao tao, const char name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetMultiplierInit_C", (Tao, const char[]), (tao, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonSetHessianType - where TAOSKETCHNEWTON takes the Hessian of the Lagrangian from; ignored by other types

  Logically Collective

  Input Parameters:
+ tao   - the optimizer
. name  - user (`TaoSetHessian()`; differences when there is none) or mffd (differences of the gradient of the Lagrangian)
- check - compare one product of the user's with a difference, and use differences, with a warning, where they disagree

  Options Database Keys:
+ -tao_sketchnewton_hessian NAME       - (default: user)
- -tao_sketchnewton_check_hessian BOOL - (default: true)

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonSetHessianType(Tao tao, const char name[], PetscBool check)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetHessianType_C", (Tao, const char[], PetscBool), (tao, name, check));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoSketchNewtonSetKKTType - storage of the KKT operator of TAOSKETCHNEWTON; ignored by other types

  Logically Collective

  Input Parameters:
+ tao  - the optimizer
- name - shell (products only), nest (MATNEST), or aij (assembled, for direct solvers; needs an assembled Hessian and Jacobian)

  Options Database Key:
. -tao_sketchnewton_kkt_type NAME - (default: shell)

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word; `TaoSolve()` ends in PETSC_ERR_SUP where aij meets a shell

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonSetKKTType(Tao tao, const char name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetKKTType_C", (Tao, const char[]), (tao, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoSketchNewtonSetSeed - seed of every random operator below TAOSKETCHNEWTON; ignored by other types

  Logically Collective

  Input Parameters:
+ tao  - the optimizer
- seed - the same on every rank

  Options Database Key:
. -tao_sketchnewton_seed N - (default: 0)

  Errors: none

  Level: intermediate
@*/
PetscErrorCode NomosTaoSketchNewtonSetSeed(Tao tao, PetscInt seed)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoSketchNewtonSetSeed_C", (Tao, PetscInt), (tao, seed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Options(Tao tao, NomosOptionItems PetscOptionsObject)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  PetscReal          eta1 = s->eta1_0, eta2 = s->eta2_0, nu = s->nu, delta = s->delta_0, lo = s->rtol_min, hi = s->rtol_max, gamma0 = s->gamma0, xi_b = s->xi_b, xi_g = s->xi_g, beta = s->beta, tf = s->t_first, gf = s->gamma_first;
  PetscInt           tries = s->max_backtracks, retries = s->max_retries, slow = s->slow_steps, seed = s->seed;
  PetscEnum          update = (PetscEnum)s->penalty, accuracy = (PetscEnum)s->accuracy, theta = (PetscEnum)s->theta, reg = (PetscEnum)s->regularization, init = (PetscEnum)s->multiplier_init, hess = (PetscEnum)s->hessian, kkt = (PetscEnum)s->kkt_type;
  PetscBool          check = s->check_hessian;

  PetscFunctionBegin;
  PetscCall(PetscOptionsReal("-tao_sketchnewton_eta1", "Initial weight of |c|^2/2 in the merit function, positive", "NomosTaoSketchNewtonSetPenalties", eta1, &eta1, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_eta2", "Initial weight of |grad L|^2/2 in the merit function, positive", "NomosTaoSketchNewtonSetPenalties", eta2, &eta2, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_nu", "Factor of the updates of the penalties, larger than 1", "NomosTaoSketchNewtonSetPenalties", nu, &nu, NULL));
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_penalty_update", "Penalties first, or penalties and accuracy together as in the paper", "NomosTaoSketchNewtonSetPenalties", PenaltyNames, update, &update, NULL));
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_accuracy", "Test of the linear solves; theory is dense, for small problems", "NomosTaoSketchNewtonSetAccuracy", AccuracyNames, accuracy, &accuracy, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_delta", "Initial accuracy level of the linear solves, in (0,1]", "NomosTaoSketchNewtonSetAccuracy", delta, &delta, NULL));
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_theta", "How the accuracy follows the residual", "NomosTaoSketchNewtonSetAccuracy", ThetaNames, theta, &theta, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_rtol_min", "Smallest relative tolerance of a linear solve, in [0,1]", "NomosTaoSketchNewtonSetAccuracy", lo, &lo, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_rtol_max", "Largest relative tolerance of a linear solve, in [rtol_min,1]", "NomosTaoSketchNewtonSetAccuracy", hi, &hi, NULL));
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_regularization", "How nonconvex and rank-deficient systems are told", "NomosTaoSketchNewtonSetRegularization", RegularizationNames, reg, &reg, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_gamma0", "First dual regularization, times |G|^2/|H|, in (0,1]", "NomosTaoSketchNewtonSetRegularization", gamma0, &gamma0, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_xi_b", "Smallest curvature that accuracy theory assumes, positive", "NomosTaoSketchNewtonSetRegularization", xi_b, &xi_b, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_xi_g", "Smallest eigenvalue of GG' that accuracy theory assumes, positive", "NomosTaoSketchNewtonSetRegularization", xi_g, &xi_g, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_t_first", "t that the first step begins with, not negative", "NomosTaoSketchNewtonSetShifts", tf, &tf, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_gamma_first", "gamma that the first step begins with, not negative", "NomosTaoSketchNewtonSetShifts", gf, &gf, NULL));
  PetscCall(PetscOptionsReal("-tao_sketchnewton_beta", "Armijo constant, in (0,1/2)", "NomosTaoSketchNewtonSetSteps", beta, &beta, NULL));
  PetscCall(PetscOptionsInt("-tao_sketchnewton_ls_max_backtracks", "Trial steps per try, at least 1", "NomosTaoSketchNewtonSetSteps", tries, &tries, NULL));
  PetscCall(PetscOptionsInt("-tao_sketchnewton_max_retries", "Further tries of an iteration with more regularization, not negative", "NomosTaoSketchNewtonSetSteps", retries, &retries, NULL));
  PetscCall(PetscOptionsInt("-tao_sketchnewton_slow_steps", "Poor iterations before the feasibility phase, at least 1", "NomosTaoSketchNewtonSetSteps", slow, &slow, NULL));
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_multiplier_init", "First multipliers", "NomosTaoSketchNewtonSetMultiplierInit", InitNames, init, &init, NULL));
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_hessian", "Where the Hessian of the Lagrangian comes from", "NomosTaoSketchNewtonSetHessianType", HessianNames, hess, &hess, NULL));
  PetscCall(PetscOptionsBool("-tao_sketchnewton_check_hessian", "Compare one product of the user's Hessian with a difference", "NomosTaoSketchNewtonSetHessianType", check, &check, NULL));
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_kkt_type", "Storage of the KKT operator", "NomosTaoSketchNewtonSetKKTType", NomosKKTTypes, kkt, &kkt, NULL));
  PetscCall(PetscOptionsInt("-tao_sketchnewton_seed", "Seed of every random operator below", "NomosTaoSketchNewtonSetSeed", seed, &seed, NULL));
  PetscCall(SetPenalties_SketchNewton(tao, eta1, eta2, nu, PenaltyNames[update]));
  PetscCall(SetAccuracy_SketchNewton(tao, AccuracyNames[accuracy], delta, ThetaNames[theta], lo, hi));
  PetscCall(SetRegularization_SketchNewton(tao, RegularizationNames[reg], gamma0, xi_b, xi_g));
  PetscCall(SetShifts_SketchNewton(tao, tf, gf));
  PetscCall(SetSteps_SketchNewton(tao, beta, tries, retries, slow));
  PetscCall(SetMultiplierInit_SketchNewton(tao, InitNames[init]));
  PetscCall(SetHessianType_SketchNewton(tao, HessianNames[hess], check));
  PetscCall(SetKKTType_SketchNewton(tao, NomosKKTTypes[kkt]));
  PetscCall(SetSeed_SketchNewton(tao, seed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode TaoSetFromOptions_SketchNewton(Tao tao, NomosOptionItems PetscOptionsObject)
{
  NomosSketchNewton *s      = (NomosSketchNewton *)tao->data;
  PetscEnum          preset = s->paper ? (PetscEnum)1 : (PetscEnum)0;
  PetscBool          set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Sketched Newton for equality constraints (Nomos)");
  PetscCall(PetscOptionsEnum("-tao_sketchnewton_preset", "All settings at once: ours, or those of Hong et al. 2023", "NomosTaoSketchNewtonSetPreset", PresetNames, preset, &preset, &set));
  if (set) PetscCall(SetPreset_SketchNewton(tao, PresetNames[preset]));
  PetscCall(Options(tao, PetscOptionsObject));
  PetscOptionsHeadEnd();
  PetscCall(NomosSNPrefix(tao));
  PetscCall(KSPSetFromOptions(tao->ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}
