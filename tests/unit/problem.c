/* NomosProblem's f, gradient and Gauss-Newton product: against sums written out here, independent of chunks and ranks. */
#include "nomostest.h"
#include "testlinear.h"

#define SAMPLES 13
#define N1      4
#define N2      3
#define POINTS  (N1 * N2)

/* f and gradient of the relative L2 loss in normalised units, straight from its definition (golden README 4: l2). The net is
   linear: y_n = W x_n + s, both sides normalised; statistics over all samples, unbiased deviation. */
static void Reference(PetscInt n, const PetscInt idx[], const PetscScalar *x, const PetscScalar *y, const PetscReal p[6], PetscReal *f, PetscReal g[6], int squared)
{
  PetscReal mean[4] = {0}, sd[4] = {0};

  for (int c = 0; c < 4; c++) {
    const PetscScalar *v = c < 2 ? x : y;

    for (PetscInt s = 0; s < SAMPLES; s++)
      for (PetscInt i = 0; i < POINTS; i++) mean[c] += v[(s * 2 + c % 2) * POINTS + i] / (SAMPLES * POINTS);
    for (PetscInt s = 0; s < SAMPLES; s++)
      for (PetscInt i = 0; i < POINTS; i++) sd[c] += PetscSqr(v[(s * 2 + c % 2) * POINTS + i] - mean[c]) / (SAMPLES * POINTS - 1);
    sd[c] = PetscSqrtReal(sd[c]) + 1e-7;
  }
  *f = 0;
  for (int k = 0; k < 6; k++) g[k] = 0;
  for (PetscInt b = 0; b < n; b++) {
    PetscReal num = 0, den = 0, d[6] = {0}, norm, scale;

    for (int o = 0; o < 2; o++)
      for (PetscInt i = 0; i < POINTS; i++) {
        const PetscReal t  = (y[(idx[b] * 2 + o) * POINTS + i] - mean[2 + o]) / sd[2 + o];
        const PetscReal x0 = (x[idx[b] * 2 * POINTS + i] - mean[0]) / sd[0], x1 = (x[(idx[b] * 2 + 1) * POINTS + i] - mean[1]) / sd[1];
        const PetscReal r = p[2 * o] * x0 + p[2 * o + 1] * x1 + p[4 + o] - t;

        num += r * r / POINTS;
        den += t * t / POINTS;
        d[2 * o] += r * x0 / POINTS;
        d[2 * o + 1] += r * x1 / POINTS;
        d[4 + o] += r / POINTS;
      }
    norm  = PetscSqrtReal(num);
    den   = PetscSqrtReal(den) + 1e-8;
    scale = squared ? 1 / (den * den) : 1 / (den * norm);
    *f += squared ? 0.5 * num / (den * den) / (PetscReal)n : norm / den / (PetscReal)n;
    for (int k = 0; k < 6; k++) g[k] += scale * d[k] / (PetscReal)n;
  }
}

static PetscErrorCode WholeOf(Vec v, PetscReal out[6])
{
  VecScatter         sc;
  Vec                all;
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToAll(v, &sc, &all));
  PetscCall(VecScatterBegin(sc, v, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(sc, v, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(all, &a));
  for (int i = 0; i < 6; i++) out[i] = a[i];
  PetscCall(VecRestoreArrayRead(all, &a));
  PetscCall(VecScatterDestroy(&sc));
  PetscCall(VecDestroy(&all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckBatch(NomosProblem p, PetscInt n, const PetscInt idx[], const PetscScalar *x, const PetscScalar *y, int squared)
{
  Vec       theta, g;
  PetscReal f, only, want, gw[6], gg[6], th[6], scale = 0;

  PetscFunctionBegin;
  PetscCall(NomosProblemGetParameters(p, &theta));
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(WholeOf(theta, th));
  PetscCall(NomosProblemSetSamples(p, n, idx));
  PetscCall(NomosProblemObjectiveGradient(p, theta, &f, g));
  PetscCall(NomosProblemObjectiveGradient(p, theta, &only, NULL));
  Reference(n, idx, x, y, th, &want, gw, squared);
  PetscCall(WholeOf(g, gg));
  for (int i = 0; i < 6; i++) scale = PetscMax(scale, PetscAbsReal(gw[i]));
  CheckClose("f", f, want, 1e-12 * want); /* some 1e3 roundings, added in another order */
  CheckClose("f without gradient", only, f, 1e-15 * f);
  for (int i = 0; i < 6; i++) CheckClose("gradient", gg[i], gw[i], 1e-11 * scale);
  PetscCall(VecDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For squares of residuals linear in theta the product is exact: the difference of two gradients. */
static PetscErrorCode CheckProduct(NomosProblem p, int squared)
{
  Vec       theta, v, Hv, g0, g1, moved;
  PetscReal f, d, n, h = squared ? 1 : 1e-6, dot;

  PetscFunctionBegin;
  PetscCall(NomosProblemGetParameters(p, &theta));
  PetscCall(VecDuplicate(theta, &v));
  PetscCall(VecDuplicate(theta, &Hv));
  PetscCall(VecDuplicate(theta, &g0));
  PetscCall(VecDuplicate(theta, &g1));
  PetscCall(VecDuplicate(theta, &moved));
  PetscCall(NomosProblemSetSamples(p, 0, NULL));
  PetscCall(VecSet(v, 0.5));
  PetscCall(NomosProblemHessianProduct(p, theta, v, Hv));
  PetscCall(VecWAXPY(moved, -h, v, theta));
  PetscCall(NomosProblemObjectiveGradient(p, moved, &f, g0));
  PetscCall(VecWAXPY(moved, h, v, theta));
  PetscCall(NomosProblemObjectiveGradient(p, moved, &f, g1));
  PetscCall(VecAXPY(g1, -1, g0));
  PetscCall(VecScale(g1, 1 / (2 * h)));
  PetscCall(VecNorm(Hv, NORM_2, &n));
  PetscCall(VecAXPY(g1, -1, Hv));
  PetscCall(VecNorm(g1, NORM_2, &d));
  CheckTrue("the product is not zero", n > 1e-3);
  CheckClose("Gauss-Newton product", d / n, 0, squared ? 1e-12 : 1e-8); /* roundings; eps/h of a difference quotient */
  PetscCall(VecDot(v, Hv, &dot));
  CheckTrue("positive semidefinite", dot >= 0);
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&Hv));
  PetscCall(VecDestroy(&g0));
  PetscCall(VecDestroy(&g1));
  PetscCall(VecDestroy(&moved));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  const PetscInt some[] = {12, 0, 7, 3, 5, 1, 9}, one[] = {4}, chunks[] = {0, 1, 4, 5};
  PetscInt       all[SAMPLES], size, start, end;
  PetscScalar    x[SAMPLES * 2 * POINTS], y[SAMPLES * 2 * POINTS];
  NomosProblem   p;
  NomosData      d;
  Vec            theta;

  PetscFunctionBegin;
  PetscCall(LinearRegister());
  PetscCall(WriteSamples("problem.h5", SAMPLES, N1, N2));
  for (PetscInt i = 0; i < SAMPLES; i++) all[i] = i;
  for (int squared = 0; squared < 2; squared++)
    for (int c = 0; c < 4; c++) {
      PetscCall(MakeProblem("problem.h5", &p));
      PetscCall(NomosProblemSetChunk(p, chunks[c]));
      PetscCall(NomosProblemSetSharedMemory(p, c % 2 ? PETSC_FALSE : PETSC_TRUE)); /* both ways to the same sums */
      PetscCall(NomosProblemSetReduction(p, squared ? NOMOS_REDUCTION_SQUARED : NOMOS_REDUCTION_NORM));
      PetscCall(NomosProblemSetUp(p));
      PetscCall(NomosProblemGetParameters(p, &theta));
      PetscCall(VecGetSize(theta, &size));
      CheckInt("parameters", size, 6);
      PetscCall(VecGetOwnershipRange(theta, &start, &end));
      CheckTrue("shards begin at multiples of 128, or at the end", start % 128 == 0 || start == size);
      if (squared == 0 && c == 0) {
        const char *file = "problem.h5";

        PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
        PetscCall(NomosDataSetFiles(d, 1, &file));
        PetscCall(NomosDataSetUp(d));
        PetscCall(NomosDataGetSamples(d, SAMPLES, all, x, y));
        PetscCall(NomosDataDestroy(&d));
      }
      PetscCall(CheckBatch(p, 7, some, x, y, squared));
      PetscCall(CheckBatch(p, 1, one, x, y, squared)); /* fewer samples than ranks */
      PetscCall(CheckBatch(p, SAMPLES, all, x, y, squared));
      PetscCall(CheckProduct(p, squared));
      PetscCall(NomosProblemDestroy(&p));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", !Run());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
