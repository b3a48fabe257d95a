/* The tuning KSP on the heat problem T2, one period with nx = 25: totals as published, ratios to the best fixed omega and to
   what each step could have had at best; the learners and the solver agree on what a run costs; on several ranks never worse than 1.25 of
   the user's setting and one solve, after any number of steps from 10 on. ./run bench heat is the long form. */
#include "nomostest.h"
#include "heattest.h"

#define NX 25
#define T  1000

/* nomostune beside the plain solver, each with its own state */
static PetscErrorCode Beside(PetscInt *tuned, PetscInt *plain)
{
  Heat   p, q;
  KSP    ours, theirs;
  double most = 0;

  PetscFunctionBegin;
  PetscCall(PetscOptionsSetValue(NULL, "-tuned_ksp_type", KSPNOMOSTUNE));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, NX, &p));
  PetscCall(HeatCreate(PETSC_COMM_WORLD, NX, &q));
  PetscCall(HeatKSP(&p, "tuned_", &ours));
  PetscCall(HeatKSP(&q, "plain_", &theirs));
  for (PetscInt k = 0; k < T; k++) {
    PetscCall(HeatStep(&p, k, ours));
    PetscCall(HeatStep(&q, k, theirs));
    if (k >= 9) most = PetscMax(most, (double)(p.total - q.worst) / (double)q.total);
  }
  CheckInt("every tuned solve converges", p.unconverged, 0);
  CheckTrue("at any step at most 1.25 of the user's setting and one solve", most <= 1.25);
  CheckTrue("and less in the end", p.total < q.total);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "tuned %d, plain %d, most harm %.3f\n", (int)p.total, (int)q.total, most));
  *tuned = p.total;
  *plain = q.total;
  PetscCall(VecAXPY(p.u, -1, q.u));
  {
    PetscReal d, n;

    PetscCall(VecNorm(p.u, NORM_2, &d));
    PetscCall(VecNorm(q.u, NORM_2, &n));
    CheckClose("the same solution", d / n, 0, 1e-6); /* 1e-8 a step, what is left of 100 steps */
  }
  PetscCall(KSPDestroy(&ours));
  PetscCall(KSPDestroy(&theirs));
  PetscCall(HeatDestroy(&p));
  PetscCall(HeatDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Ratios(PetscInt tuned, PetscInt plain)
{
  const TableLearner *gp = &TableLearners[6];
  CostTable           t;
  PetscInt            arm;
  double              best, total, harm;

  PetscFunctionBegin;
  PetscCall(CostTableCreate(T, &t));
  PetscCall(HeatTableFill(NX, &t));
  best = CostTableBest(&t, T, &arm);
  CheckInt("best fixed omega is 1.40", arm, 8);
  CheckClose("its total", best / 5849, 1, 0.03); /* the margin of the design, for this and the next */
  CheckClose("the optimum of every step", CostTableOracle(&t, T) / 4805, 1, 0.03);
  CheckClose("omega = 1 over 500 steps", CostTableFixed(&t, 500, 0) / 989, 1, 0.03);
  CheckClose("PETSc's solver and the plain loops", (double)plain / CostTableFixed(&t, T, 0), 1, 0.002);
  CheckTrue("tuned: at most 0.90 of the best fixed omega", (double)tuned <= 0.90 * best);
  PetscCall(CostTableRun(&t, T, gp, 0, PETSC_TRUE, 0, &total, &harm));
  CheckClose("the tuner on the table and in the solver", (double)tuned / total, 1, 0.01);
  for (PetscInt k = 0; k < TABLE_LEARNERS; k++) {
    PetscCall(CostTableRun(&t, T, &TableLearners[k], 0, PETSC_TRUE, 1, &total, &harm));
    PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s: %.3f of the best fixed, most harm %.3f\n", TableLearners[k].name, total / best, harm));
    CheckTrue("the guard", harm <= 1.25);
  }
  t.noise = 0.1;
  PetscCall(CostTableRun(&t, T, gp, 0, PETSC_TRUE, 0, &total, &harm));
  CheckTrue("with noise and outliers in what the learner is told", total <= 0.95 * best);
  PetscCall(CostTableDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;
  PetscInt    tuned = 0, plain = 0;

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(Beside(&tuned, &plain));
  if (size == 1) PetscCall(Ratios(tuned, plain));
  return NomosTestEnd();
}
/*TEST
  np: 1 2 4
TEST*/
