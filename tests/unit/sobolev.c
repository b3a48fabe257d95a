/* Loss sobolev: closed forms, stored norms, values and gradients, s = 0 on the grid against s = 0 by Fourier. */
#include "losstest.h"

#define ROUNDING    (64 * PETSC_MACHINE_EPSILON)  /* sums of some tens of terms of one sign, a root, a quotient */
#define CLOSED_FORM 1e-13                         /* of the page: transforms of up to 120 points, weights up to (1 + 40^2)^2 */

/* |cos(2 pi k.x/L)|^2 = V (alpha + |xi|^2)^s / 2, on odd and even grids of one to three dimensions */
static PetscErrorCode ClosedForms(void)
{
  static const PetscInt  n[4][3] = {{9}, {12, 7}, {5, 4, 6}, {8, 1}}, k[4][3] = {{4}, {-5, 3}, {2, -1, 2}, {3, 0}};
  static const PetscReal orders[7] = {-2, -1, -0.5, 0, 0.5, 1, 2}, length[3] = {2, 0.5, 3};

  PetscFunctionBegin;
  for (int c = 0; c < 4; c++) {
    NomosGrid grid = {.dim = c == 3 ? 2 : c + 1};
    PetscInt  N    = 1;
    double   *x, f, xi2 = 0, volume = 1;
    NomosMap  m;

    for (int j = 0; j < grid.dim; j++) {
      grid.n[j]      = n[c][j];
      grid.length[j] = length[j];
      N *= n[c][j];
      volume *= length[j];
      xi2 += PetscSqr(2 * PETSC_PI * k[c][j] / length[j]);
    }
    x = (double *)malloc((size_t)N * sizeof(double));
    for (PetscInt i = 0; i < N; i++) {
      PetscInt rest = i;
      double   phase = 0;

      for (PetscInt j = grid.dim - 1; j >= 0; rest /= grid.n[j--]) phase += (double)(k[c][j] * (rest % grid.n[j])) / (double)grid.n[j];
      x[i] = cos(2 * PETSC_PI * phase);
    }
    PetscCall(MakeLoss("sobolev", &grid, 1, 1, &m));
    PetscCall(NomosMapLossSetRelative(m, PETSC_FALSE));
    PetscCall(SetSlot(m, "target", NULL, N));
    for (int s = 0; s < 7; s++)
      for (int a = 0; a < 2; a++) {
        const double want = sqrt(volume * pow(a + xi2, orders[s]) / 2);

        PetscCall(NomosMapSobolevSetOrder(m, orders[s], a));
        PetscCall(LossValue(m, x, &f, NULL, NULL));
        CheckClose("norm of one cosine", f, want, CLOSED_FORM * want);
      }
    PetscCall(NomosMapDestroy(&m));
    free(x);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* alpha = 0: a constant has no norm unless s = 0; and s = 0 through the transform gives what the grid gives */
static PetscErrorCode ZeroCases(void)
{
  NomosGrid grid = {.dim = 2, .n = {6, 5}, .length = {1, 1}};
  double    x[60], t[60], one[60], f, g, gf[60], gg[60];
  NomosMap  m;

  PetscFunctionBegin;
  for (int i = 0; i < 60; i++) x[i] = sin(1 + 7. * i), t[i] = 0.3 + cos(3. * i), one[i] = 1;
  PetscCall(MakeLoss("sobolev", &grid, 2, 1, &m));
  PetscCall(SetSlot(m, "target", NULL, 60));
  PetscCall(NomosMapLossSetRelative(m, PETSC_FALSE));
  PetscCall(NomosMapSobolevSetOrder(m, -1, 0));
  PetscCall(LossValue(m, one, &f, NULL, NULL));
  CheckClose("mode 0 is left out of a homogeneous norm", f, 0, ROUNDING);
  PetscCall(NomosMapSobolevSetOrder(m, 0, 0));
  PetscCall(LossValue(m, one, &f, NULL, NULL));
  CheckClose("but not of L2", f, 1, ROUNDING);
  PetscCall(NomosMapLossSetRelative(m, PETSC_TRUE));
  PetscCall(SetSlot(m, "target", t, 60));
  PetscCall(LossValue(m, x, &f, NULL, gf));
  PetscCall(NomosMapSobolevSetOrder(m, 1e-30, 1)); /* weights are exactly 1, by Fourier */
  PetscCall(LossValue(m, x, &g, NULL, gg));
  CheckClose("L2 on the grid = L2 by Fourier", f, g, ROUNDING * f);
  CheckTensor("its gradient", gf, gg, 60, ROUNDING);
  PetscCall(LossValue(m, t, &f, NULL, gf));
  CheckClose("no misfit", f, 0, 0);
  for (int i = 0; i < 60; i++) CheckClose("no gradient at the kink", gf[i], 0, 0);
  PetscCall(SetSlot(m, "target", NULL, 60));
  PetscCall(LossValue(m, x, &f, NULL, NULL));
  CheckTrue("a target of norm 0 is no division by 0", f > 1e6 && f < 1e10);
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* statistics, weights, and vector fields: one segment per sample */
static PetscErrorCode UnitsAndWeights(double s)
{
  NomosGrid    grid = {.dim = 1, .n = {7}, .length = {1}};
  const double mean[2] = {0.5, -3}, std[2] = {0.2, 4}, weight[2] = {1, 0};
  double       x[28], t[28], xn[28], tn[28], f, fn, g[28], gn[28], norms[2];
  PetscInt     segments;
  NomosMap     m;

  PetscFunctionBegin;
  for (int i = 0; i < 28; i++) {
    const int c = i / 7 % 2;

    x[i]  = sin(1 + 3. * i);
    t[i]  = cos(2 + 5. * i);
    xn[i] = (x[i] - mean[c]) / (std[c] + 1e-7);
    tn[i] = (t[i] - mean[c]) / (std[c] + 1e-7);
  }
  PetscCall(MakeLoss("sobolev", &grid, 2, 2, &m));
  PetscCall(NomosMapSobolevSetOrder(m, s, 1));
  PetscCall(NomosMapGetSegments(m, &segments, NULL));
  CheckInt("a segment per sample", segments, 2);
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
  CheckClose("a sample of weight 0 is not counted", f, norms[0] / 2, ROUNDING * f);
  for (int i = 14; i < 28; i++) CheckClose("nor has it a gradient", g[i], 0, 0);
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* stored norms |u_b| and gradients of |u_b|^2, boxes of any length */
static PetscErrorCode GoldenNorms(hid_t file, const char group[])
{
  char      path[4096];
  size_t    n, count, na, ns;
  int       rank;
  hsize_t   dims[8];
  double   *alphas, *orders, *norm, *grad, *got, norms[8], f, length[3];
  NomosGrid grid;
  NomosMap  m;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "/sobolev/%s/alphas", group);
  alphas = GoldenRead(file, path, &na, NULL, NULL);
  snprintf(path, sizeof(path), "/sobolev/%s/s", group);
  orders = GoldenRead(file, path, &ns, NULL, NULL);
  snprintf(path, sizeof(path), "/sobolev/%s/norm", group);
  norm = GoldenRead(file, path, &count, NULL, NULL);
  snprintf(path, sizeof(path), "/sobolev/%s/grad_square", group);
  grad = GoldenRead(file, path, &count, NULL, NULL);
  for (size_t a = 0; a < na; a++) {
    double *u;

    snprintf(path, sizeof(path), "/sobolev/%s/%s", group, alphas[a] == 0 ? "u0" : "u");
    u    = GoldenRead(file, path, &n, &rank, dims);
    got  = (double *)malloc(n * sizeof(double));
    grid = BoxOfShape(rank, dims);
    snprintf(path, sizeof(path), "/sobolev/%s", group);
    GoldenAttribute(file, path, "L", length);
    for (int j = 0; j < grid.dim; j++) grid.length[j] = length[j];
    PetscCall(MakeLoss("sobolev", &grid, (PetscInt)dims[0], (PetscInt)dims[1], &m));
    PetscCall(NomosMapLossSetRelative(m, PETSC_FALSE));
    PetscCall(SetSlot(m, "target", NULL, (PetscInt)n));
    for (size_t s = 0; s < ns; s++) {
      PetscCall(NomosMapSobolevSetOrder(m, orders[s], alphas[a]));
      PetscCall(LossValue(m, u, &f, norms, got));
      for (size_t b = 0; b < dims[0]; b++) {
        const size_t per = n / (size_t)dims[0];
        const double want = norm[(a * ns + s) * (size_t)dims[0] + b];

        CheckClose(path, norms[b], want, GOLDEN_TOL * want);
        for (size_t i = b * per; i < (b + 1) * per; i++) got[i] *= 2 * norms[b] * (double)dims[0]; /* of |u_b|^2 */
      }
      CheckTensor(path, got, grad + (a * ns + s) * n, n, GOLDEN_TOL);
    }
    PetscCall(NomosMapDestroy(&m));
    free(u);
    free(got);
  }
  free(alphas);
  free(orders);
  free(norm);
  free(grad);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Golden(void)
{
  hid_t file = GoldenOpen("tests/golden/layers.h5");
  char  names[32][64];
  int   n;

  PetscFunctionBegin;
  n = GoldenGroups(file, "/loss", names);
  for (int i = 0; i < n; i++) {
    PetscCall(GoldenLoss(file, names[i], "l2", "sobolev", 0));
    PetscCall(GoldenLoss(file, names[i], "hs_0", "sobolev", 0));
    PetscCall(GoldenLoss(file, names[i], "hs_half", "sobolev", 0.5));
    PetscCall(GoldenLoss(file, names[i], "hs_m1", "sobolev", -1));
    PetscCall(GoldenLoss(file, names[i], "hs_p1", "sobolev", 1));
  }
  n = GoldenGroups(file, "/sobolev", names);
  for (int i = 0; i < n; i++) PetscCall(GoldenNorms(file, names[i]));
  H5Fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* what cannot be is refused with a code, and the loss stays usable */
static PetscErrorCode Refusals(void)
{
  NomosGrid grid = {.dim = 1, .n = {4}, .length = {1}};
  NomosMap  m;
  Vec       x, y;

  PetscFunctionBegin;
  PetscCall(MakeLoss("sobolev", &grid, 1, 1, &m));
  PetscCall(NomosMapCreateVecs(m, &x, NULL, &y));
  PetscCall(VecSet(x, 1));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckTrue("s = 1e9", NomosMapSobolevSetOrder(m, 1e9, 1) == PETSC_ERR_ARG_OUTOFRANGE);
  CheckTrue("alpha = -1", NomosMapSobolevSetOrder(m, 1, -1) == PETSC_ERR_ARG_OUTOFRANGE);
  CheckTrue("no target", NomosMapApply(m, x, NULL, y) == PETSC_ERR_ORDER);
  PetscCall(SetSlot(m, "target", NULL, 3));
  CheckTrue("target of another size", NomosMapApply(m, x, NULL, y) == PETSC_ERR_ARG_SIZ);
  PetscCall(PetscPopErrorHandler());
  PetscCall(SetSlot(m, "target", NULL, 4));
  PetscCall(NomosMapApply(m, x, NULL, y));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(ClosedForms());
  PetscCall(ZeroCases());
  PetscCall(UnitsAndWeights(0));
  PetscCall(UnitsAndWeights(-0.7));
  PetscCall(Golden());
  PetscCall(Refusals());
  return NomosTestEnd();
}
/*TEST
  np: 1
TEST*/
