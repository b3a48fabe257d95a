/* The tuning KSP in places that were made for another solver: single applications inside a preconditioner, blocks of right-hand sides, a limit on
   the iterations that the user's setting just keeps, matrices whose SOR knows one omega, a program that calls its settings whatever the
   options say, and the log of a run with systems of two sizes. Plain PETSc beside it says what must come out. */
#include "nomostest.h"
#include "refusetest.h"
#include "heattest.h"

static PetscErrorCode Options(const char text[])
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Rounds(KSP ksp, PetscInt64 *rounds)
{
  NomosTuner           t;
  NomosTunerStatistics s;

  PetscFunctionBegin;
  PetscCall(NomosKSPTuneGetTuner(ksp, &t));
  PetscCall(NomosTunerGetStatistics(t, &s));
  *rounds = s.rounds;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two fields, the even and the odd unknowns, under GMRES, which needs the same preconditioner every time. PETSc gives the blocks preonly. */
static PetscErrorCode FieldSplit(void)
{
  PetscInt its[2];

  PetscFunctionBegin;
  PetscCall(Options("-f0_fieldsplit_0_pc_type sor -f0_fieldsplit_1_pc_type sor"));
  PetscCall(Options("-f1_fieldsplit_0_pc_type sor -f1_fieldsplit_1_pc_type sor -f1_fieldsplit_0_ksp_type nomostune -f1_fieldsplit_1_ksp_type nomostune -f1_fieldsplit_1_pc_type nomossor"));
  for (int i = 0; i < 2; i++) {
    Heat       p;
    KSP        ksp, *sub;
    PC         pc;
    IS         is[2];
    PetscInt   lo, hi, n, nsub;
    PetscInt64 rounds;

    PetscCall(HeatCreate(PETSC_COMM_WORLD, 24, &p));
    PetscCall(HeatKSP(&p, i ? "f1_" : "f0_", &ksp));
    PetscCall(KSPSetType(ksp, KSPGMRES));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, PCFIELDSPLIT));
    PetscCall(MatGetOwnershipRange(p.A, &lo, &hi));
    for (PetscInt k = 0; k < 2; k++) {
      const PetscInt first = lo + (lo + k) % 2;

      n = hi > first ? (hi - first + 1) / 2 : 0;
      PetscCall(ISCreateStride(PETSC_COMM_WORLD, n, first, 2, &is[k]));
      PetscCall(PCFieldSplitSetIS(pc, NULL, is[k]));
      PetscCall(ISDestroy(&is[k]));
    }
    PetscCall(KSPSetFromOptions(ksp));
    for (PetscInt k = 0; k < 6; k++) PetscCall(HeatStep(&p, 700 + k, ksp));
    its[i] = p.total;
    CheckInt("a field split converges", p.unconverged, 0);
    PetscCall(PCFieldSplitGetSubKSP(pc, &nsub, &sub));
    CheckInt("two fields", nsub, 2);
    if (i) {
      PetscCall(Rounds(sub[0], &rounds));
      CheckInt("nothing is learned from single applications", (PetscInt)rounds, 0);
    }
    PetscCall(PetscFree(sub));
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  CheckInt("as many iterations as with the plain blocks", its[1], its[0]); /* nomossor of omega 1 is SOR where rows come in no groups: -mat_no_inode */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* KSPMatSolve() of no column, and with a fixed number of iterations; iterations as PETSc's own loop over the columns leaves them. */
static PetscErrorCode Blocks(void)
{
  PetscFunctionBegin;
  PetscCall(Options("-m1_ksp_type nomostune"));
  for (PetscInt columns = 0; columns < 4; columns += 3)
    for (int fixed = 0; fixed < 2; fixed++) {
      PetscInt  its[2], m;
      PetscReal norm[2];

      for (int i = 0; i < 2; i++) {
        Heat       p;
        KSP        ksp;
        Mat        B, X;
        PetscInt64 rounds;

        PetscCall(HeatCreate(PETSC_COMM_WORLD, 20, &p));
        PetscCall(HeatMatrix(&p, 5));
        PetscCall(HeatKSP(&p, i ? "m1_" : "m0_", &ksp));
        PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_FALSE));
        if (fixed) PetscCall(KSPSetNormType(ksp, KSP_NORM_NONE));
        if (fixed) PetscCall(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 4));
        PetscCall(MatGetLocalSize(p.A, &m, NULL));
        PetscCall(MatCreateDense(PETSC_COMM_WORLD, m, PETSC_DECIDE, PETSC_DECIDE, columns, NULL, &B));
        PetscCall(MatZeroEntries(B));
        for (PetscInt j = 0; j < columns; j++) {
          Vec b;

          PetscCall(MatDenseGetColumnVecWrite(B, j, &b));
          PetscCall(HeatPut(&p, b, 0.1 * (double)(j + 1)));
          PetscCall(MatDenseRestoreColumnVecWrite(B, j, &b));
        }
        PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
        PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
        PetscCall(MatDuplicate(B, MAT_DO_NOT_COPY_VALUES, &X));
        for (int k = 0; k < (fixed ? 30 : 1); k++) PetscCall(KSPMatSolve(ksp, B, X)); /* the first round is the user's setting */
        PetscCall(KSPGetIterationNumber(ksp, &its[i]));
        PetscCall(MatNorm(X, NORM_FROBENIUS, &norm[i]));
        if (i) {
          PetscCall(Rounds(ksp, &rounds));
          CheckInt("rounds", (PetscInt)rounds, columns && !fixed ? 1 : 0);
        }
        PetscCall(MatDestroy(&B));
        PetscCall(MatDestroy(&X));
        PetscCall(KSPDestroy(&ksp));
        PetscCall(HeatDestroy(&p));
      }
      CheckInt("iterations of a block", its[1], its[0]);
      CheckClose("its solutions", norm[1], norm[0], 1e-14 * norm[0]); /* the same operations */
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The limit is what the user's setting needs in its dearest step. Arms that need more use it up; the solve converges all the same. */
static PetscErrorCode Limit(void)
{
  const char *const methods[] = {"gp", "tsallis", "chebcb", "uniform"};
  Heat              p;
  KSP               ksp;
  PetscInt          most;

  PetscFunctionBegin;
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 24, &p));
  PetscCall(HeatKSP(&p, "k0_", &ksp));
  for (PetscInt k = 0; k < 120; k++) PetscCall(HeatStep(&p, 500 + k, ksp));
  most = p.worst;
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  for (int i = 0; i < 4; i++) {
    char                 options[256];
    NomosTuner           t;
    NomosTunerStatistics s;

    PetscCall(PetscSNPrintf(options, sizeof(options), "-k1_ksp_type nomostune -k1_ksp_nomostune_method %s -k1_ksp_nomostune_budget -1 -k1_ksp_max_it %" PetscInt_FMT, methods[i], most));
    PetscCall(Options(options));
    PetscCall(HeatCreate(PETSC_COMM_WORLD, 24, &p));
    PetscCall(HeatKSP(&p, "k1_", &ksp));
    for (PetscInt k = 0; k < 120; k++) PetscCall(HeatStep(&p, 500 + k, ksp));
    CheckInt(methods[i], p.unconverged, 0);
    PetscCall(NomosKSPTuneGetTuner(ksp, &t));
    PetscCall(NomosTunerGetStatistics(t, &s));
    if (i == 3) CheckTrue("some arms reached the limit", s.failures > 0);
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Settings on a solver of another type are passed by, as PETSc's own are; questions are errors. */
static PetscErrorCode NotOurs(void)
{
  KSP        ksp, inner;
  NomosTuner t;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(NomosKSPTuneSetCost(ksp, "time", PETSC_FALSE));
  PetscCall(NomosKSPTuneSetCostFunction(ksp, NULL, NULL));
  PetscCall(NomosKSPTuneSetContexts(ksp, "dt"));
  PetscCall(NomosKSPTuneSetContext(ksp, 0, 1));
  PetscCall(NomosKSPTuneAttach(ksp, NULL));
  PetscCall(NomosKSPTuneSetMaxLive(ksp, 2));
  Refused(NomosKSPTuneGetTuner(ksp, &t), PETSC_ERR_ARG_WRONG, "not of type nomostune");
  Refused(NomosKSPTuneGetInner(ksp, &inner), PETSC_ERR_ARG_WRONG, "not of type nomostune");
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BlockMatrix(void)
{
  Heat p;
  Mat  B;
  KSP  ksp;

  PetscFunctionBegin;
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 12, &p));
  PetscCall(HeatMatrix(&p, 1));
  PetscCall(HeatPut(&p, p.b, 0.1));
  PetscCall(MatConvert(p.A, MATBAIJ, MAT_INITIAL_MATRIX, &B));
  for (int ours = 0; ours < 2; ours++) {
    PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
    PetscCall(KSPSetOptionsPrefix(ksp, ours ? "bn_" : "bs_"));
    PetscCall(Options("-bs_ksp_type nomostune -bs_pc_type sor -bn_ksp_type nomostune -bn_pc_type nomossor"));
    PetscCall(KSPSetOperators(ksp, B, B));
    PetscCall(KSPSetFromOptions(ksp));
    if (ours) for (int k = 0; k < 20; k++) PetscCall(KSPSolve(ksp, p.b, p.u));
    else Refused(KSPSolve(ksp, p.b, p.u), PETSC_ERR_SUP, "use -pc_type nomossor");
    PetscCall(KSPDestroy(&ksp));
  }
  PetscCall(MatDestroy(&B));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscInt Lines(const char file[])
{
  FILE    *f = fopen(file, "r");
  PetscInt n = 0;
  int      c;

  if (!f) return -1;
  while ((c = fgetc(f)) != EOF) n += c == '\n' ? 1 : 0;
  fclose(f);
  return n;
}

/* Each size has a log of its own beside the first one's: a line per round and the head. */
static PetscErrorCode Logs(void)
{
  Heat        p[2];
  KSP         ksp;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCall(Options("-o_ksp_type nomostune -o_ksp_nomostune_log sizes.csv"));
  for (int i = 0; i < 2; i++) PetscCall(HeatCreate(PETSC_COMM_WORLD, i ? 32 : 16, &p[i]));
  PetscCall(HeatKSP(&p[0], "o_", &ksp));
  for (PetscInt k = 0; k < 30; k++) {
    Heat *q = &p[k / 10 % 2];

    PetscCall(KSPReset(ksp));
    PetscCall(KSPSetOperators(ksp, q->A, q->A));
    PetscCall(HeatStep(q, 520 + k, ksp));
  }
  PetscCall(KSPDestroy(&ksp));
  for (int i = 0; i < 2; i++) PetscCall(HeatDestroy(&p[i]));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) CheckInt("the first size: 20 rounds", Lines("sizes.csv"), 21);
  if (!rank) CheckInt("the second: 10, in a file that ends in log2 of its size and nonzeros a row", Lines("sizes.csv-n9-r5"), 11); /* 31^2 rows */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -ksp_nomostune_init young: in their order, the second solve takes the formula's omega; by colours it is the learner's. */
static PetscErrorCode Init(void)
{
  const char *const options[] = {"-i0_pc_type nomossor -i0_ksp_nomostune_init young", "-i1_pc_type nomossor -i1_ksp_nomostune_init young -i1_pc_nomossor_ordering multicolor", "-i2_pc_type nomossor -i2_pc_nomossor_ordering multicolor"};
  PetscInt          arm[3];

  PetscFunctionBegin;
  for (int i = 0; i < 3; i++) {
    Heat        p;
    KSP         ksp;
    PC          pc;
    NomosTuner  t;
    char        text[256], prefix[8];
    PetscReal   w, got;

    PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "i%d_", i));
    PetscCall(PetscSNPrintf(text, sizeof(text), "-i%d_ksp_type nomostune -i%d_ksp_nomostune_budget -1 %s", i, i, options[i]));
    PetscCall(Options(text));
    PetscCall(HeatCreate(PETSC_COMM_WORLD, 24, &p));
    PetscCall(HeatKSP(&p, prefix, &ksp));
    for (PetscInt k = 0; k < 2; k++) PetscCall(HeatStep(&p, 700 + k, ksp));
    PetscCall(NomosKSPTuneGetTuner(ksp, &t));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(NomosPCSORGetOmega(pc, &got));
    PetscCall(NomosTunerYoungOmega(HeatRadius(24, HeatKappa(701.5 * HEAT_DT)), PETSC_TRUE, &w));
    PetscCall(NomosTunerFindArm(t, &w, &arm[i]));
    PetscCall(NomosTunerGetArm(t, arm[i], &w)); /* the nearest on the grid */
    if (!i) CheckClose("the formula's omega", got, w, 0);
    PetscCall(NomosTunerFindArm(t, &got, &arm[i]));
    PetscCall(KSPDestroy(&ksp));
    PetscCall(HeatDestroy(&p));
  }
  CheckInt("by colours the formula does not count", arm[1], arm[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The omega of a preconditioner that is not there. (An option that nobody reads is said on stderr: tests/plugin.) */
static PetscErrorCode NotThere(void)
{
  Heat p;
  KSP  ksp;

  PetscFunctionBegin;
  PetscCall(HeatCreate(PETSC_COMM_WORLD, 12, &p));
  PetscCall(HeatMatrix(&p, 1));
  PetscCall(HeatPut(&p, p.b, 0.1));
  PetscCall(Options("-x_ksp_type nomostune -x_pc_type jacobi -x_ksp_nomostune_param_0 pc_sor_omega:lin:1:1.5:3"));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, "x_"));
  PetscCall(KSPSetOperators(ksp, p.A, p.A));
  PetscCall(KSPSetFromOptions(ksp));
  Refused(KSPSolve(ksp, p.b, p.u), PETSC_ERR_ARG_WRONGSTATE, "the preconditioner is jacobi");
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCall(FieldSplit());
  PetscCall(Blocks());
  PetscCall(Limit());
  PetscCall(NotOurs());
  PetscCall(BlockMatrix());
  PetscCall(Init());
  PetscCall(NotThere());
  PetscCall(Logs());
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4  args: -mat_no_inode
TEST*/
