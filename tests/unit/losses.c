/* Several losses at once, in physical and in normalised units: f = sum of w_i f_i against the definitions written out here (theory.md;
   the public package's h1fd), its gradient against differences of them. Independent of chunks and ranks. */
#include "nomostest.h"
#include "testlinear.h"

#define SAMPLES 9
#define N1      4
#define N2      3
#define POINTS  (N1 * N2)

static PetscScalar X[SAMPLES * 2 * POINTS], Y[SAMPLES * 2 * POINTS];
static PetscReal   Mean[4], Std[4]; /* input 0, 1, output 0, 1; with the normaliser's 1e-7 */

static void Statistics(void)
{
  for (int c = 0; c < 4; c++) {
    const PetscScalar *v = c < 2 ? X : Y;
    PetscReal          m = 0, d = 0;

    for (int s = 0; s < SAMPLES; s++)
      for (int i = 0; i < POINTS; i++) m += v[(s * 2 + c % 2) * POINTS + i] / (SAMPLES * POINTS);
    for (int s = 0; s < SAMPLES; s++)
      for (int i = 0; i < POINTS; i++) d += PetscSqr(v[(s * 2 + c % 2) * POINTS + i] - m) / (SAMPLES * POINTS - 1);
    Mean[c] = m;
    Std[c]  = PetscSqrtReal(d) + 1e-7;
  }
}

/* sum over points of v^2 + (central difference)^2 along both axes, periodic, spacing 1/n */
static PetscReal H1(const PetscReal v[])
{
  PetscReal sum = 0;

  for (int i = 0; i < N1; i++)
    for (int j = 0; j < N2; j++) {
      const PetscReal dy = (v[(i + 1) % N1 * N2 + j] - v[(i + N1 - 1) % N1 * N2 + j]) * N1 / 2, dx = (v[i * N2 + (j + 1) % N2] - v[i * N2 + (j + N2 - 1) % N2]) * N2 / 2;

      sum += PetscSqr(v[i * N2 + j]) + PetscSqr(dx) + PetscSqr(dy);
    }
  return sum;
}

/* f of the weighted sum for the linear net p: y = (W x_n + s) std + mean */
static PetscReal Objective(const PetscReal p[6], const PetscReal w[2], int physical, int squared)
{
  PetscReal f = 0;

  for (int s = 0; s < SAMPLES; s++) {
    PetscReal e[2][POINTS], t[2][POINTS], num = 0, den = 0;

    for (int o = 0; o < 2; o++)
      for (int i = 0; i < POINTS; i++) {
        const PetscReal a = (X[s * 2 * POINTS + i] - Mean[0]) / Std[0], b = (X[(s * 2 + 1) * POINTS + i] - Mean[1]) / Std[1];
        const PetscReal u = (p[2 * o] * a + p[2 * o + 1] * b + p[4 + o]) * Std[2 + o] + Mean[2 + o], y = Y[(s * 2 + o) * POINTS + i];

        e[o][i] = physical ? u - y : (u - y) / Std[2 + o];
        t[o][i] = physical ? y : (y - Mean[2 + o]) / Std[2 + o];
        num += PetscSqr(e[o][i]) / POINTS;
        den += PetscSqr(t[o][i]) / POINTS;
      }
    num = num / PetscSqr(PetscSqrtReal(den) + 1e-8);
    f += w[0] * (squared ? 0.5 * num : PetscSqrtReal(num)) / SAMPLES;
    for (int o = 0; o < 2; o++) {
      const PetscReal r = H1(e[o]) / PetscSqr(PetscSqrtReal(H1(t[o])) + 1e-8);

      f += w[1] * (squared ? 0.5 * r : PetscSqrtReal(r)) / SAMPLES;
    }
  }
  return f;
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

static PetscErrorCode Case(const char losses[], const PetscReal w[2], int physical, int squared, int chunk)
{
  NomosProblem p;
  Vec          theta, g;
  PetscReal    f, want, th[6], got[6], scale = 0, d[6];
  char         text[256];

  PetscFunctionBegin;
  snprintf(text, sizeof(text), "-loss_type %s -loss_units %s -loss_reduction %s -nomos_chunk %d", losses, physical ? "physical" : "normalised", squared ? "squared" : "norm", chunk);
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscCall(MakeProblem("losses.h5", &p));
  PetscCall(NomosProblemSetUp(p));
  PetscCall(NomosProblemGetParameters(p, &theta));
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(WholeOf(theta, th));
  PetscCall(NomosProblemObjectiveGradient(p, theta, &f, g));
  PetscCall(WholeOf(g, got));
  want = Objective(th, w, physical, squared);
  CheckClose(text, f, want, 1e-12 * want); /* some 1e3 roundings, added in another order */
  for (int k = 0; k < 6; k++) {
    PetscReal q[6], up, down;

    for (int i = 0; i < 6; i++) q[i] = th[i];
    q[k] += 1e-5;
    up = Objective(q, w, physical, squared);
    q[k] -= 2e-5;
    down  = Objective(q, w, physical, squared);
    d[k]  = (up - down) / 2e-5;
    scale = PetscMax(scale, PetscAbsReal(d[k]));
  }
  for (int k = 0; k < 6; k++) CheckClose("gradient", got[k], d[k], 1e-8 * scale); /* a central difference with h = 1e-5: h^2 and eps/h */
  PetscCall(VecDestroy(&g));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  const PetscReal both[2] = {0.3, 2}, first[2] = {1, 0}, second[2] = {0, 1}, ones[2] = {1, 1}, none[2] = {0, 1.5};
  const char     *file = "losses.h5";
  NomosData       d;

  PetscFunctionBegin;
  PetscCall(LinearRegister());
  PetscCall(WriteSamples(file, SAMPLES, N1, N2));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
  PetscCall(NomosDataSetFiles(d, 1, &file));
  PetscCall(NomosDataSetUp(d));
  PetscCall(NomosDataGetSamples(d, SAMPLES, NULL, X, Y));
  PetscCall(NomosDataDestroy(&d));
  Statistics();
  for (int physical = 0; physical < 2; physical++)
    for (int squared = 0; squared < 2; squared++) {
      PetscCall(Case("sobolev", first, physical, squared, 0));
      PetscCall(Case("h1fd", second, physical, squared, 4)); /* a last chunk of one */
      PetscCall(Case("sobolev,h1fd", ones, physical, squared, 2)); /* weights are 1 when none are given */
      PetscCall(Case("sobolev,h1fd -loss_weights 0.3,2", both, physical, squared, 4));
      PetscCall(Case("sobolev,h1fd -loss_weights 0,1.5", none, physical, squared, 0)); /* weight 0: as if it were not there */
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
  np: 1 2
TEST*/
