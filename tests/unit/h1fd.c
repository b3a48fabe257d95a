/* Loss h1fd: stored values and gradients of the public package, a closed form, units, weights. */
#include "losstest.h"

#define ROUNDING (64 * PETSC_MACHINE_EPSILON) /* a sum of some tens of terms of one sign, a root, a quotient */

/* u = cos(2 pi k i/n): D u = -sin(2 pi k i/n) sin(2 pi k/n) n, so S(u) = n/2 (1 + (n sin(2 pi k/n))^2) */
static PetscErrorCode ClosedForm(void)
{
  NomosGrid grid = {.dim = 2, .n = {5, 12}, .length = {3, 7}};
  double    x[60], t[60], f;
  NomosMap  m;

  PetscFunctionBegin;
  for (int i = 0; i < 60; i++) {
    x[i] = cos(2 * PETSC_PI * 2 * (i % 12) / 12.) + 1;
    t[i] = 1;
  }
  PetscCall(MakeLoss("h1fd", &grid, 1, 1, &m));
  PetscCall(SetSlot(m, "target", t, 60));
  PetscCall(LossValue(m, x, &f, NULL, NULL));
  {
    const double slope = 12 * sin(2 * PETSC_PI * 2 / 12), want = sqrt(30 * (1 + slope * slope)) / (sqrt(60) + 1e-8);
    CheckClose("relative, one cosine over a constant target", f, want, ROUNDING * want);
    PetscCall(NomosMapLossSetRelative(m, PETSC_FALSE));
    PetscCall(LossValue(m, x, &f, NULL, NULL));
    CheckClose("absolute: root of the mean", f, sqrt(0.5 * (1 + slope * slope)), ROUNDING * want);
  }
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* statistics: the same as giving normalised fields; weights: a padding sample counts nothing */
static PetscErrorCode UnitsAndWeights(void)
{
  NomosGrid    grid = {.dim = 1, .n = {7}, .length = {1}};
  const double mean[2] = {0.5, -3}, std[2] = {0.2, 4}, weight[2] = {1, 0};
  double       x[28], t[28], xn[28], tn[28], f, fn, g[28], gn[28], norms[4];
  NomosMap     m;

  PetscFunctionBegin;
  for (int i = 0; i < 28; i++) {
    const int c = i / 7 % 2;

    x[i]  = sin(1 + 3. * i);
    t[i]  = cos(2 + 5. * i);
    xn[i] = (x[i] - mean[c]) / (std[c] + 1e-7);
    tn[i] = (t[i] - mean[c]) / (std[c] + 1e-7);
  }
  PetscCall(MakeLoss("h1fd", &grid, 2, 2, &m));
  PetscCall(SetSlot(m, "target", tn, 28));
  PetscCall(LossValue(m, xn, &fn, norms, gn));
  PetscCall(SetSlot(m, "target", t, 28));
  PetscCall(SetSlot(m, "mean", mean, 2));
  PetscCall(SetSlot(m, "std", std, 2));
  PetscCall(LossValue(m, x, &f, NULL, g));
  CheckClose("normalised units", f, fn, ROUNDING * fn);
  for (int i = 0; i < 28; i++) gn[i] /= std[i / 7 % 2] + 1e-7;
  CheckTensor("gradient in normalised units", g, gn, 28, ROUNDING);
  PetscCall(SetSlot(m, "weight", weight, 2));
  PetscCall(LossValue(m, x, &f, NULL, g));
  CheckClose("a sample of weight 0 is not counted", f, (norms[0] + norms[1]) / 2, ROUNDING * f);
  for (int i = 14; i < 28; i++) CheckClose("nor has it a gradient", g[i], 0, 0);
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Golden(void)
{
  hid_t file = GoldenOpen("tests/golden/layers.h5");
  char  names[32][64];
  int   n;

  PetscFunctionBegin;
  n = GoldenGroups(file, "/loss", names);
  for (int i = 0; i < n; i++) PetscCall(GoldenLoss(file, names[i], "h1fd", "h1fd", 0));
  H5Fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(ClosedForm());
  PetscCall(UnitsAndWeights());
  PetscCall(Golden());
  return NomosTestEnd();
}
/*TEST
  np: 1
TEST*/
