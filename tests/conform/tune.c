/* The tuning KSP beside plain PETSc: costs, contexts, arms over pc_type with few kept alive, transposed and block solves, null spaces,
   eisenstat, reuse, changing sizes and their state files, a smoother inside PCMG, and what it says to bad input. Every answer is
   checked by its residual. */
#include <petscts.h>
#include "compat.h"
#include "refusetest.h"
#include "heattest.h"

static PetscMPIInt size;

static PetscErrorCode CheckResidual(const char what[], Mat A, Vec b, Vec x, PetscBool transpose, PetscReal tol)
{
  Vec       r;
  PetscReal norm, bnorm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  if (transpose) PetscCall(MatMultTranspose(A, x, r));
  else PetscCall(MatMult(A, x, r));
  PetscCall(VecAXPY(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, &norm));
  PetscCall(VecNorm(b, NORM_2, &bnorm));
  CheckClose(what, norm / bnorm, 0, tol);
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Options(const char text[])
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n steps of the heat problem; every solve converges and is checked */
static PetscErrorCode Steps(const char what[], Heat *p, KSP ksp, PetscInt n)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < n; k++) {
    PetscCall(HeatStep(p, 500 + k, ksp));
    PetscCall(CheckResidual(what, p->A, p->b, p->u, PETSC_FALSE, 1.01e-8)); /* one percent: rounding of CG's recursion */
  }
  CheckInt(what, p->unconverged, 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Statistics(KSP ksp, NomosTunerStatistics *s)
{
  NomosTuner t;

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneGetTuner(ksp, &t));
  PetscCall(NomosTunerGetStatistics(t, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- costs --------------------------------------------------------------------------------------------------------------- */
static PetscErrorCode TwiceTheIterations(KSP ksp, PetscInt its, PetscReal *cost, void *ctx)
{
  PetscFunctionBegin;
  *(PetscInt *)ctx += its;
  *cost = 2 * (PetscReal)its;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Costs(void)
{
  const char *const names[] = {"its", "work", "time", "user"};

  PetscFunctionBegin;
  for (int i = 0; i < 4; i++) {
    Heat                 p;
    KSP                  ksp;
    NomosTunerStatistics s;
    PetscInt             its = 0;

    PetscCall(PetscOptionsSetValue(NULL, "-c_ksp_type", KSPNOMOSTUNE));
    PetscCall(HeatCreate(PETSC_COMM_WORLD, 24, &p));
    PetscCall(HeatKSP(&p, "c_", &ksp));
    PetscCall(NomosKSPTuneSetCost(ksp, names[i], PETSC_FALSE));
    if (i == 3) PetscCall(NomosKSPTuneSetCostFunction(ksp, TwiceTheIterations, &its));
    PetscCall(Steps(names[i], &p, ksp, 40));
    PetscCall(Statistics(ksp, &s));
    CheckInt("a round a solve", s.rounds + s.cancelled, 40);
    if (i == 0) CheckClose("iterations are the cost", s.spent, (double)p.total, 0);
    if (i == 1) CheckTrue("flops: more than one per unknown and iteration", s.spent > (double)p.total * 23 * 23 / size);
    if (i == 2) CheckTrue("seconds", s.spent > 0 && s.spent < 60);
    if (i == 3) CheckClose("the user's own", s.spent, 2 * (double)its, 0);
    if (i == 3) CheckInt("and its iterations", its, p.total);
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- contexts ------------------------------------------------------------------------------------------------------------ */
static PetscErrorCode Contexts(void)
{
  const char *const lists[] = {"none", "size", "rtol", "residual", "time", "user:1", "auto,user:0", "dt", "iter", "dt,iter"};

  PetscFunctionBegin;
  for (int i = 0; i < 10; i++) {
    Heat                 p;
    KSP                  ksp;
    NomosTuner           t;
    NomosTunerStatistics s;
    TS                   ts;
    PetscInt             n;

    PetscCall(HeatCreate(PETSC_COMM_WORLD, 16, &p));
    PetscCall(HeatKSP(&p, "c_", &ksp));
    PetscCall(NomosKSPTuneSetContexts(ksp, lists[i]));
    PetscCall(NomosKSPTuneSetContext(ksp, 0, 1));
    PetscCall(TSCreate(PETSC_COMM_WORLD, &ts));
    PetscCall(TSSetTimeStep(ts, 1e-3));
    if (i >= 7) PetscCall(NomosKSPTuneAttach(ksp, (PetscObject)ts));
    for (PetscInt k = 0; k < 20; k++) {
      if (i == 5 && k) PetscCall(NomosKSPTuneSetContext(ksp, 1, 0.1 * (PetscReal)k)); /* the first value is missing */
      PetscCall(TSSetTimeStep(ts, 1e-3 * (1 + (PetscReal)(k % 5))));
      PetscCall(HeatStep(&p, 500 + k, ksp));
    }
    CheckInt(lists[i], p.unconverged, 0);
    PetscCall(NomosKSPTuneGetTuner(ksp, &t));
    PetscCall(NomosTunerGetContexts(t, &n));
    CheckInt(lists[i], n, i == 0 ? 0 : (strchr(lists[i], ',') ? 2 : 1));
    PetscCall(NomosTunerGetStatistics(t, &s));
    if (!i || i > 4) { /* missing values are counted on rank 0, which decides */
      PetscMPIInt rank;

      PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
      if (!rank) CheckInt(lists[i], s.missing, i == 5 ? 1 : 0);
    }
    PetscCall(KSPDestroy(&ksp));
    PetscCall(TSDestroy(&ts));
    PetscCall(HeatDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- arms over pc_type ----------------------------------------------------------------------------------------------------- */
static PetscErrorCode Types(PetscInt live, const char cost[])
{
  Heat       p;
  KSP        ksp, inner;
  NomosTuner t;
  PetscInt64  pulls[8];
  PetscMPIInt rank;
  PetscBool  reuse;
  PCType     type;
  PC         pc;

  PetscFunctionBegin;
  PetscCall(Options("-ty_ksp_type nomostune -ty_ksp_nomostune_param_0 pc_type:set:sor,jacobi,bjacobi,gamg -ty_ksp_nomostune_param_1 pc_sor_omega:lin:1:1.5:2 -ty_ksp_nomostune_budget -1 "
                    "-ty_ksp_nomostune_method sweep -ty_ksp_nomostune_cap 0"));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 24, &p));
  PetscCall(HeatKSP(&p, "ty_", &ksp));
  PetscCall(NomosKSPTuneSetMaxLive(ksp, live));
  PetscCall(NomosKSPTuneSetCost(ksp, cost, PETSC_FALSE));
  PetscCall(Steps("arms over pc_type", &p, ksp, 32));
  PetscCall(NomosKSPTuneGetTuner(ksp, &t));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(NomosTunerGetPulls(t, pulls)); /* rank 0 has them */
  if (!strcmp(cost, "its") && rank == 0)
    for (int i = 0; i < 8; i++) CheckTrue("every arm had its turn", pulls[i] >= 3);
  PetscCall(NomosKSPTuneGetInner(ksp, &inner));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCGetType(pc, &type));
  CheckTrue("the program's preconditioner keeps its type", !strcmp(type, PCSOR));
  PetscCall(PCGetReusePreconditioner(pc, &reuse));
  CheckTrue("and does not stay in reuse", !reuse);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Learns which type needs fewest iterations; the answer is known by trying each alone. */
static PetscErrorCode LearnsType(void)
{
  Heat       p;
  KSP        ksp;
  NomosTuner t;
  PetscInt   arm;

  PetscFunctionBegin;
  PetscCall(Options("-le_ksp_type nomostune -le_ksp_nomostune_param_0 pc_type:set:jacobi,sor,gamg -le_pc_type jacobi -le_ksp_nomostune_cost its -le_ksp_nomostune_context none"));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 32, &p));
  PetscCall(HeatKSP(&p, "le_", &ksp));
  PetscCall(Steps("learning the type", &p, ksp, 150));
  PetscCall(NomosKSPTuneGetTuner(ksp, &t));
  PetscCall(NomosTunerGetBest(t, NULL, &arm));
  CheckInt("GAMG needs fewest iterations", arm, 2);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- other ways to solve ------------------------------------------------------------------------------------------------- */
static PetscErrorCode Ways(void)
{
  Heat p;
  KSP  ksp;
  Mat  B, X, N;
  PetscInt m;

  PetscFunctionBegin;
  PetscCall(Options("-w_ksp_type nomostune -w_tune_ksp_type gmres -w_pc_type nomossor"));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 20, &p));
  PetscCall(HeatMatrix(&p, 5));
  PetscCall(HeatPut(&p, p.b, 0.1));
  PetscCall(MatGetLocalSize(p.A, &m, NULL));
  PetscCall(HeatKSP(&p, "w_", &ksp));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_FALSE));
  for (int i = 0; i < 15; i++) {
    PetscCall(KSPSolveTranspose(ksp, p.b, p.u)); /* PETSc's own sor refuses it under GMRES */
    PetscCall(CheckResidual("transposed", p.A, p.b, p.u, PETSC_TRUE, 1.1e-8)); /* GMRES's recursion, and its restart */
  }
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, m, PETSC_DECIDE, PETSC_DECIDE, 3, NULL, &B));
  PetscCall(MatSetRandom(B, NULL));
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatDuplicate(B, MAT_DO_NOT_COPY_VALUES, &X));
  for (int i = 0; i < 10; i++) PetscCall(KSPMatSolve(ksp, B, X));
  PetscCall(MatMatMult(p.A, X, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &N));
  PetscCall(MatAXPY(N, -1, B, SAME_NONZERO_PATTERN));
  for (PetscInt j = 0; j < 3; j++) {
    Vec       r, b;
    PetscReal rn, bn;

    PetscCall(MatDenseGetColumnVecRead(N, j, &r));
    PetscCall(VecNorm(r, NORM_2, &rn));
    PetscCall(MatDenseRestoreColumnVecRead(N, j, &r));
    PetscCall(MatDenseGetColumnVecRead(B, j, &b));
    PetscCall(VecNorm(b, NORM_2, &bn));
    PetscCall(MatDenseRestoreColumnVecRead(B, j, &b));
    CheckClose("a column of KSPMatSolve", rn / bn, 0, 1.1e-8);
  }
  {
    NomosTunerStatistics s;

    PetscCall(Statistics(ksp, &s));
    CheckInt("one report a block", s.rounds, 25);
  }
  PetscCall(MatDestroy(&N));
  PetscCall(MatDestroy(&X));
  PetscCall(MatDestroy(&B));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Insulated sides: the constants are the null space, of the matrix and of its transpose. */
static PetscErrorCode Singular(void)
{
  const PetscInt m = 20;
  Mat            A;
  Vec            b, x;
  KSP            ksp;
  PC             pc;
  MatNullSpace   null;
  PetscInt       lo, hi;
  PetscReal      mean;
  PetscScalar    sum;

  PetscFunctionBegin;
  PetscCall(Options("-s_ksp_type nomostune"));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, m * m, m * m, 5, NULL, 5, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt g = lo; g < hi; g++) {
    const PetscInt near[] = {g % m ? g - 1 : -1, g % m < m - 1 ? g + 1 : -1, g - m, g + m < m * m ? g + m : -1};
    PetscInt       n = 0;

    for (int i = 0; i < 4; i++) {
      if (near[i] < 0) continue;
      PetscCall(MatSetValue(A, g, near[i], -1, INSERT_VALUES));
      n++;
    }
    PetscCall(MatSetValue(A, g, g, (PetscScalar)n, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &null));
  PetscCall(MatSetNullSpace(A, null));
  PetscCall(MatSetTransposeNullSpace(A, null));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, "s_"));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSOR));
  PetscCall(KSPSetFromOptions(ksp));
  for (int i = 0; i < 20; i++) {
    PetscCall(VecSetRandom(b, NULL)); /* not in the range: its mean is taken out */
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(MatNullSpaceRemove(null, b));
    PetscCall(CheckResidual("a singular system", A, b, x, PETSC_FALSE, 1e-7)); /* 1e-9 in the preconditioned norm; condition of the sweep */
    PetscCall(VecSum(x, &sum));
    PetscCall(VecNorm(x, NORM_2, &mean));
    CheckClose("the solution has no part in the null space", PetscRealPart(sum) / mean, 0, 1e-9 * m);
  }
  PetscCall(MatNullSpaceDestroy(&null));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A preconditioner that transforms the system, a zero and another guess; and reuse: the kept one solves the new system. */
static PetscErrorCode Others(void)
{
  PetscFunctionBegin;
  for (int guess = 0; guess < 2 && size == 1; guess++) { /* PETSc's own fails on several ranks */
    Heat p;
    KSP  ksp;

    PetscCall(Options("-e_ksp_type nomostune -e_pc_type eisenstat"));
    PetscCall(HeatCreate(PETSC_COMM_WORLD, 20, &p));
    PetscCall(HeatKSP(&p, "e_", &ksp));
    PetscCall(KSPSetInitialGuessNonzero(ksp, (PetscBool)guess));
    PetscCall(KSPSetTolerances(ksp, 1e-12, 0, PETSC_DEFAULT, 1000));
    for (PetscInt k = 0; k < 30; k++) {
      PetscCall(HeatStep(&p, 600 + k, ksp));
      PetscCall(CheckResidual("eisenstat", p.A, p.b, p.u, PETSC_FALSE, 1e-8)); /* 1e-12 of the transformed residual */
    }
    CheckInt("eisenstat", p.unconverged, 0);
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  {
    Heat p;
    KSP  ksp;

    PetscCall(Options("-r_ksp_type nomostune -r_pc_type bjacobi -r_ksp_nomostune_param_0 pc_type:set:bjacobi,jacobi -r_ksp_reuse_preconditioner"));
    PetscCall(HeatCreate(PETSC_COMM_WORLD, 20, &p));
    PetscCall(HeatKSP(&p, "r_", &ksp));
    PetscCall(Steps("reuse of the preconditioner", &p, ksp, 25));
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The smoothers of a multigrid are of this type: they run as they are, and make no tuner. */
static PetscErrorCode Smoother(void)
{
  Heat      p;
  KSP       ksp, smoother;
  PC        pc;
  PetscInt  levels, its[2];

  PetscFunctionBegin;
  PetscCall(Options("-t_pc_type gamg -t_mg_levels_ksp_type nomostune -t_mg_levels_tune_ksp_type richardson -t_mg_levels_pc_type sor"));
  PetscCall(Options("-u_pc_type gamg -u_mg_levels_ksp_type richardson -u_mg_levels_pc_type sor"));
  for (int i = 0; i < 2; i++) {
    PetscCall(HeatCreate(PETSC_COMM_WORLD, 40, &p));
    PetscCall(HeatKSP(&p, i ? "u_" : "t_", &ksp));
    PetscCall(Steps("a smoother", &p, ksp, 5));
    its[i] = p.total;
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCMGGetLevels(pc, &levels));
    CheckTrue("there are levels", levels > 1);
    PetscCall(PCMGGetSmoother(pc, 1, &smoother));
    if (!i) {
      NomosTunerStatistics s;

      PetscCall(Statistics(smoother, &s)); /* an empty one is made to ask */
      CheckInt("nothing is learned", s.rounds, 0);
    }
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  CheckInt("as many iterations as with the plain smoother", its[0], its[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- sizes and state ----------------------------------------------------------------------------------------------------- */
/* Solves with two sizes in turn, steps [from, to); total iterations go to *total. */
static PetscErrorCode TwoSizes(const char prefix[], PetscInt from, PetscInt to, PetscInt its[])
{
  Heat p[2];
  KSP  ksp;

  PetscFunctionBegin;
  for (int i = 0; i < 2; i++) PetscCall(HeatCreate(PETSC_COMM_WORLD, i ? 32 : 16, &p[i]));
  PetscCall(HeatKSP(&p[0], prefix, &ksp));
  for (PetscInt k = from; k < to; k++) {
    Heat *q = &p[k / 10 % 2];

    if (k % 10 == 0 || k == from) {
      PetscCall(KSPReset(ksp));
      PetscCall(KSPSetOperators(ksp, q->A, q->A));
    }
    PetscCall(HeatPut(q, q->u, -1)); /* nothing of the last step: a run that is cut goes on the same way */
    PetscCall(HeatStep(q, 520 + k, ksp));
    PetscCall(KSPGetIterationNumber(ksp, &its[k]));
    CheckInt("sizes in turn", q->unconverged, 0);
  }
  PetscCall(KSPDestroy(&ksp));
  for (int i = 0; i < 2; i++) PetscCall(HeatDestroy(&p[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode State(void)
{
  PetscInt  whole[120], parts[120];
  PetscBool same = PETSC_TRUE, differ = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(Options("-a_ksp_type nomostune -a_ksp_nomostune_name x -b_ksp_type nomostune -b_ksp_nomostune_name x -b_ksp_nomostune_save tune.h5 -b_ksp_nomostune_save_interval 7"));
  PetscCall(TwoSizes("a_", 0, 120, whole));
  PetscCall(TwoSizes("b_", 0, 60, parts));
  PetscCall(Options("-b_ksp_nomostune_load tune.h5"));
  PetscCall(TwoSizes("b_", 60, 120, parts));
  for (int k = 0; k < 120; k++) {
    if (whole[k] != parts[k]) same = PETSC_FALSE;
    if (whole[k] != whole[k % 20]) differ = PETSC_TRUE;
  }
  CheckTrue("a run that goes on from its two states decides as the whole run", same);
  CheckTrue("the runs are not all alike", differ);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- bad input ------------------------------------------------------------------------------------------------------------- */
static PetscErrorCode Refuses(const char prefix[], const char options[], PetscErrorCode want, const char words[])
{
  PetscErrorCode ierr;
  char           what[512];
  Heat           p;
  KSP            ksp = NULL;

  PetscFunctionBegin;
  PetscCall(Options(options));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 12, &p));
  PetscCall(HeatMatrix(&p, 1));
  PetscCall(HeatPut(&p, p.b, 0.1));
  Said[0] = 0;
  PetscCall(PetscPushErrorHandler(Catch, NULL));
  ierr = HeatKSP(&p, prefix, &ksp);
  if (!ierr) ierr = KSPSolve(ksp, p.b, p.u);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s: '%.300s'", options, Said));
  CheckInt(what, ierr, want);
  CheckTrue(what, strstr(Said, words) != NULL);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BadInput(void)
{
  FILE       *f;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!NOMOS_PETSC_CHECKS_OMEGA) PetscCall(Refuses("b1_", "-b1_ksp_type nomostune -b1_pc_sor_omega 2.5", PETSC_ERR_ARG_OUTOFRANGE, "omega"));
  PetscCall(Refuses("b2_", "-b2_ksp_type nomostune -b2_ksp_nomostune_param_0 pc_sor_omega:lin:0:1:5", PETSC_ERR_ARG_OUTOFRANGE, "between 0 and 2"));
  PetscCall(Refuses("b3_", "-b3_ksp_type nomostune -b3_ksp_nomostune_param_0 pc_sor_omega:lin:1.9:1:5", PETSC_ERR_ARG_OUTOFRANGE, "pc_sor_omega"));
  PetscCall(Refuses("b4_", "-b4_ksp_type nomostune -b4_ksp_nomostune_param_0 pc_sor_omega:lin:1:1.9:0", PETSC_ERR_ARG_OUTOFRANGE, "pc_sor_omega"));
  PetscCall(Refuses("b5_", "-b5_ksp_type nomostune -b5_ksp_nomostune_param_0 pc_sor_omega:log:0:1.9:3", PETSC_ERR_ARG_OUTOFRANGE, "pc_sor_omega"));
  PetscCall(Refuses("b6_", "-b6_ksp_type nomostune -b6_ksp_nomostune_param_0 pc_sor_omega:lin:1:1.9:300", PETSC_ERR_ARG_OUTOFRANGE, "256"));
  PetscCall(Refuses("b7_", "-b7_ksp_type nomostune -b7_ksp_nomostune_param_0 pc_sor_omega:lin:1:1.9:200", PETSC_ERR_ARG_OUTOFRANGE, "2048"));
  PetscCall(Refuses("b8_", "-b8_ksp_type nomostune -b8_pc_type jacobi", PETSC_ERR_ARG_WRONGSTATE, "nothing to tune"));
  PetscCall(Refuses("b9_", "-b9_ksp_type nomostune -b9_ksp_nomostune_context dt", PETSC_ERR_ARG_WRONGSTATE, "NomosKSPTuneAttach"));
  PetscCall(Refuses("ba_", "-ba_ksp_type nomostune -ba_ksp_nomostune_context weather", PETSC_ERR_ARG_WRONG, "is no context"));
  PetscCall(Refuses("bb_", "-bb_ksp_type nomostune -bb_ksp_nomostune_context auto,rtol,size", PETSC_ERR_ARG_OUTOFRANGE, "one too many"));
  PetscCall(Refuses("bc_", "-bc_ksp_type nomostune -bc_tune_ksp_type nomostune", PETSC_ERR_ARG_WRONG, "nomostune too"));
  PetscCall(Refuses("bd_", "-bd_ksp_type nomostune -bd_ksp_nomostune_param_0 sub_pc_type:set:ilu,icc", PETSC_ERR_SUP, "cannot be reached"));
  PetscCall(Refuses("be_", "-be_ksp_type nomostune -be_ksp_nomostune_param_0 mg_levels_pc_sor_omega:lin:1:1.5:3", PETSC_ERR_ARG_WRONGSTATE, "no levels"));
  PetscCall(Refuses("bf_", "-bf_ksp_type nomostune -bf_ksp_nomostune_cost user", PETSC_ERR_ARG_WRONGSTATE, "NomosKSPTuneSetCostFunction"));
  PetscCall(Refuses("bg_", "-bg_ksp_type nomostune -bg_ksp_nomostune_load nowhere.h5", PETSC_ERR_FILE_OPEN, "nowhere.h5"));
  PetscCall(Refuses("bh_", "-bh_ksp_type nomostune -bh_ksp_nomostune_load tune.h5", PETSC_ERR_FILE_UNEXPECTED, "has no state"));
  if (!rank) {
    f = fopen("cut.h5", "wb");
    if (f) fclose(f);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(Refuses("bi_", "-bi_ksp_type nomostune -bi_ksp_nomostune_load cut.h5", PETSC_ERR_FILE_UNEXPECTED, "cut.h5"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A user's limit that nobody reaches, with and without the tuner: the same reason. */
static PetscErrorCode Limits(void)
{
  PetscFunctionBegin;
  for (int i = 0; i < 2; i++) {
    Heat               p;
    KSP                ksp;
    KSPConvergedReason reason;
    PetscInt           its;

    PetscCall(Options("-l0_ksp_type nomostune"));
    PetscCall(HeatCreate(PETSC_COMM_WORLD, 32, &p));
    PetscCall(HeatMatrix(&p, 10));
    PetscCall(HeatPut(&p, p.b, 0.1));
    PetscCall(HeatKSP(&p, i ? "l1_" : "l0_", &ksp));
    PetscCall(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 3));
    for (int k = 0; k < 5; k++) {
      PetscCall(VecSet(p.u, 0));
      PetscCall(KSPSolve(ksp, p.b, p.u));
      PetscCall(KSPGetConvergedReason(ksp, &reason));
      PetscCall(KSPGetIterationNumber(ksp, &its));
      CheckInt("the user's limit is the user's", reason, KSP_DIVERGED_ITS);
      CheckInt("and is not exceeded", its, 3);
    }
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(Costs());
  PetscCall(Contexts());
  PetscCall(Types(4, "its"));
  PetscCall(Types(1, "its"));
  PetscCall(Types(4, "time"));
  PetscCall(LearnsType());
  PetscCall(Ways());
  PetscCall(Singular());
  PetscCall(Others());
  PetscCall(Smoother());
  PetscCall(State());
  PetscCall(Limits());
  PetscCall(BadInput());
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
