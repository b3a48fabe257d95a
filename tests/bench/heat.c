/* T2, the heat problem: what the learners make of it (a table of all omegas, plain loops), and the tuning KSP itself on PETSc's CG and
   SOR. Ratios are totals of iterations.
     -nx 25,50,100     cells a side
     -T 5000           steps; horizons 500, 1000 and T are printed
     -seeds 10         for learners that draw
     -baseline 0       arm that stands for the user's setting (0: omega = 1, PETSc's default)
     -table FILE       keep the table there (FILE-NX), use it when it is there
     -noise 0.1        what the learners are told: log-normal noise of this deviation, 2 % outliers
     -ksp              no table: run PETSc's CG and SOR with the other options given, such as -ksp_type nomostune; on any ranks
     -choice           choice by time: each of sor, icc, gamg, hypre alone (nx the first of -nx, 300 solves from step 600), then the tuning
                       KSP over the four, with set-up in the measured time; one rank. -from 2: of the singles only gamg and hypre, where the
                       others are known to be slower
     -overhead         what tuning adds to a solve of about a millisecond (nx the first of -nx, 64 unless given): the same system by the same omega
                       with and without the tuning KSP in turn, its 20 arms all but equal; median over 600 steps */
#include <petsctime.h>
#include "nomostest.h"
#include "heattest.h"

static PetscErrorCode Table(PetscInt nx, PetscInt T, const char file[], CostTable *t)
{
  char   name[PETSC_MAX_PATH_LEN];
  FILE  *f;
  size_t n = 0;

  PetscFunctionBegin;
  PetscCall(CostTableCreate(T, t));
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s-%d", file, (int)nx));
  f = file[0] ? fopen(name, "rb") : NULL;
  if (f) {
    n = fread(t->cost, sizeof(t->cost[0]), (size_t)T, f);
    fclose(f);
  }
  if ((PetscInt)n == T) {
    for (PetscInt k = 0; k < T; k++) {
      const double kappa = HeatKappa(((double)k + 0.5) * HEAT_DT);

      t->c[k]      = kappa;
      t->auto_c[k] = HeatContext(nx, kappa);
      t->radius[k] = HeatRadius(nx, kappa);
    }
    t->lo        = 0;
    t->hi        = 10;
    t->symmetric = PETSC_TRUE;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(HeatTableFill(nx, t));
  f = file[0] ? fopen(name, "wb") : NULL;
  if (f) {
    (void)fwrite(t->cost, sizeof(t->cost[0]), (size_t)T, f);
    fclose(f);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunKSP(PetscInt nx, PetscInt T)
{
  PetscLogDouble t0, t1;
  Heat           p;
  KSP            ksp;

  PetscFunctionBegin;
  PetscCall(HeatCreate(PETSC_COMM_WORLD, nx, &p));
  PetscCall(HeatKSP(&p, NULL, &ksp));
  PetscCall(PetscTime(&t0));
  for (PetscInt k = 0; k < T; k++) {
    PetscCall(HeatStep(&p, k, ksp));
    if (k + 1 == 500 || k + 1 == 1000 || k + 1 == T) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=heat%d T=%d iterations=%d unconverged=%d\n", (int)nx, (int)k + 1, (int)p.total, (int)p.unconverged));
  }
  PetscCall(PetscTime(&t1));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "seconds=%.1f\n", t1 - t0));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* seconds of n solves from step 600, set-up included */
static PetscErrorCode TimeSolves(PetscInt nx, PetscInt n, const char prefix[], const char options[], PetscLogDouble *seconds)
{
  Heat p;
  KSP  ksp;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, nx, &p));
  PetscCall(HeatKSP(&p, prefix, &ksp));
  *seconds = 0;
  for (PetscInt k = 0; k < n; k++) {
    PetscLogDouble t0, t1;
    PetscInt       its;

    PetscCall(HeatSystem(&p, 600 + k));
    PetscCall(PetscTime(&t0));
    PetscCall(KSPSolve(ksp, p.b, p.u));
    PetscCall(PetscTime(&t1));
    *seconds += t1 - t0;
    PetscCall(KSPGetIterationNumber(ksp, &its));
    p.total += its;
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "problem=heat%d options='%s' solves=%d iterations=%d seconds=%.3f\n", (int)nx, options, (int)n, (int)p.total, *seconds));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Choice(PetscInt nx, PetscInt n)
{
  const char *const single[] = {"-w0_pc_type sor", "-w1_pc_type icc", "-w2_pc_type gamg", "-w3_pc_type hypre"};
  PetscLogDouble    best = 1e9, seconds;
  PetscInt          from = 0;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-from", &from, NULL));
  for (int i = (int)from; i < 4; i++) {
    char prefix[8];

    PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "w%d_", i));
    PetscCall(TimeSolves(nx, n, prefix, single[i], &seconds));
    best = PetscMin(best, seconds);
  }
  PetscCall(TimeSolves(nx, n, "w_", "-w_ksp_type nomostune -w_ksp_nomostune_param_0 pc_type:set:sor,icc,gamg,hypre", &seconds));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=choice nx=%d solves=%d tuned_over_best_single=%.3f\n", (int)nx, (int)n, seconds / best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int Ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Median milliseconds of a solve without tuning, median and quartiles of the ratio with it over without, iterations of both. */
static PetscErrorCode Overhead(PetscInt nx, PetscInt n, const char method[])
{
  Heat      p;
  KSP       ksp[2];
  Vec       start;
  double   *ratio, *plain;
  PetscInt  total[2] = {0, 0};
  char      options[512], prefix[2][32];

  PetscFunctionBegin;
  PetscCall(HeatCreate(PETSC_COMM_WORLD, nx, &p));
  PetscCall(VecDuplicate(p.u, &start));
  PetscCall(PetscMalloc2(n, &ratio, n, &plain));
  for (int i = 0; i < 2; i++) {
    PetscCall(PetscSNPrintf(prefix[i], sizeof(prefix[i]), "%s%d_", method, i));
    PetscCall(PetscSNPrintf(options, sizeof(options), "-%spc_type sor -%spc_sor_omega 1.5", prefix[i], prefix[i]));
    PetscCall(PetscOptionsInsertString(NULL, options));
    if (i) PetscCall(PetscSNPrintf(options, sizeof(options), "-%sksp_type nomostune -%sksp_nomostune_param_0 pc_sor_omega:lin:1.5:1.5000001:20 -%sksp_nomostune_method %s", prefix[i], prefix[i], prefix[i], method));
    PetscCall(PetscOptionsInsertString(NULL, options));
    PetscCall(HeatKSP(&p, prefix[i], &ksp[i]));
  }
  for (PetscInt k = 0; k < n; k++) {
    PetscLogDouble seconds[2];

    PetscCall(HeatSystem(&p, 600 + k));
    PetscCall(VecCopy(p.u, start));
    for (int j = 0; j < 2; j++) {
      const int      i = k % 2 ? 1 - j : j; /* each goes first in turn */
      PetscLogDouble t0, t1;
      PetscInt       its;

      PetscCall(VecCopy(start, p.u));
      PetscCall(PetscTime(&t0));
      PetscCall(KSPSolve(ksp[i], p.b, p.u));
      PetscCall(PetscTime(&t1));
      seconds[i] = t1 - t0;
      PetscCall(KSPGetIterationNumber(ksp[i], &its));
      total[i] += its;
    }
    plain[k] = 1e3 * seconds[0];
    ratio[k] = seconds[1] / seconds[0];
  }
  qsort(plain, (size_t)n, sizeof(double), Ascending);
  qsort(ratio, (size_t)n, sizeof(double), Ascending);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "case=overhead method=%s nx=%d solve_ms=%.3f tuned_over_untuned=%.3f quartiles=%.3f,%.3f iterations=%d,%d\n", method, (int)nx, plain[n / 2], ratio[n / 2], ratio[n / 4], ratio[3 * n / 4], (int)total[0],
                        (int)total[1]));
  PetscCall(PetscFree2(ratio, plain));
  for (int i = 0; i < 2; i++) PetscCall(KSPDestroy(&ksp[i]));
  PetscCall(VecDestroy(&start));
  PetscCall(HeatDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt nx[8] = {25, 50, 100}, n = 8, T = 5000, seeds = 10, baseline = 0;
  char      file[PETSC_MAX_PATH_LEN] = "", problem[32];
  PetscReal noise = 0;
  PetscBool set, ksp = PETSC_FALSE, choice = PETSC_FALSE, overhead = PETSC_FALSE;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-nx", nx, &n, &set));
  if (!set) n = 3;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-T", &T, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seeds", &seeds, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-baseline", &baseline, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-table", file, sizeof(file), NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-noise", &noise, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-ksp", &ksp, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-choice", &choice, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-overhead", &overhead, NULL));
  if (overhead) {
    for (int i = 0; i < 4; i++) PetscCall(Overhead(set ? nx[0] : 64, 600, ((const char *const[]){"fixed", "tsallis", "chebcb", "gp"})[i]));
    n = 0;
  }
  if (choice) {
    PetscCall(Choice(set ? nx[0] : 400, T == 5000 ? 300 : T));
    n = 0;
  }
  for (PetscInt k = 0; k < n && ksp; k++) PetscCall(RunKSP(nx[k], T));
  for (PetscInt k = 0; k < n && !ksp; k++) {
    const PetscInt all[] = {PetscMin(500, T), PetscMin(1000, T), T};
    CostTable      t;

    PetscCall(Table(nx[k], T, file, &t));
    t.noise = noise;
    PetscCall(PetscSNPrintf(problem, sizeof(problem), "heat%d", (int)nx[k]));
    for (int guard = 0; guard < 2; guard++) PetscCall(CostTablePrint(&t, problem, baseline, (PetscBool)guard, seeds, T > 1000 ? 3 : 1, T > 1000 ? all : &T));
    PetscCall(CostTableDestroy(&t));
  }
  PetscCall(PetscFinalize());
  return 0;
}
