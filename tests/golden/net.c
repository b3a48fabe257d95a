/*
  The Fourier neural operator against PyTorch: outputs, losses, gradients of every reference model (tests/golden/README.md),
  in double precision and, for the single-precision models, in single. Weights are read here, not by the library's readers.
*/
#include "losstest.h"
#include <jansson.h>
#include <string.h>

#define NAME 512

typedef struct {
  json_t        *header;
  unsigned char *bytes;
  size_t         start;
} Weights;

static void OpenWeights(const char path[], Weights *w)
{
  FILE    *f = fopen(path, "rb");
  long     size;
  uint64_t n;

  CheckTrue(path, f != NULL);
  if (!f) exit(1);
  fseek(f, 0, SEEK_END);
  size = ftell(f);
  rewind(f);
  w->bytes = (unsigned char *)malloc((size_t)size);
  CheckTrue("read weights", fread(w->bytes, 1, (size_t)size, f) == (size_t)size);
  fclose(f);
  memcpy(&n, w->bytes, 8);
  w->header = json_loadb((const char *)w->bytes + 8, n, 0, NULL);
  w->start  = 8 + n;
}

/* copies a tensor into out[n] */
static void Tensor(const Weights *w, const char name[], size_t n, PetscScalar out[])
{
  const json_t *t = json_object_get(w->header, name);
  size_t        begin, bytes;

  CheckTrue(name, t != NULL);
  if (!t) return;
  begin = w->start + (size_t)json_integer_value(json_array_get(json_object_get(t, "data_offsets"), 0));
  bytes = w->start + (size_t)json_integer_value(json_array_get(json_object_get(t, "data_offsets"), 1)) - begin;
  CheckTrue("length of a tensor", bytes == n * 4 || bytes == n * 8);
  for (size_t i = 0; i < n; i++) {
    float  f;
    double d;
    memcpy(&f, w->bytes + begin + 4 * i, 4);
    if (bytes == n * 8) memcpy(&d, w->bytes + begin + 8 * i, 8);
    else d = (double)f;
    out[i] = d;
  }
}

static PetscErrorCode MakeNet(const char name[], NomosMap *net)
{
  char         path[NAME], conv[16] = "auto";
  PetscOptions options;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-net_fno_conv", conv, sizeof(conv), NULL));
  snprintf(path, sizeof(path), "tests/golden/%s.opts", name);
  PetscCall(PetscOptionsCreate(&options));
  PetscCall(PetscOptionsInsertFile(PETSC_COMM_SELF, options, NomosTestFile(path), PETSC_TRUE));
  PetscCall(PetscOptionsSetValue(options, "-net_fno_conv", conv));
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "net", net));
  PetscCall(PetscObjectSetOptions((PetscObject)*net, options));
  PetscCall(NomosMapSetFromOptions(*net));
  PetscCall(PetscObjectSetOptions((PetscObject)*net, NULL));
  PetscCall(PetscOptionsDestroy(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LoadWeights(const char name[], NomosMap net, Vec *p)
{
  char         path[NAME];
  Weights      w;
  PetscInt     nb;
  NomosBlock   b;
  PetscScalar *a;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "tests/golden/%s.safetensors", name);
  OpenWeights(NomosTestFile(path), &w);
  PetscCall(NomosMapCreateVecs(net, NULL, p, NULL));
  PetscCall(VecGetArray(*p, &a));
  PetscCall(NomosMapGetNumBlocks(net, &nb));
  for (PetscInt i = 0; i < nb; i++) {
    PetscCall(NomosMapGetBlock(net, i, &b));
    Tensor(&w, b.name, (size_t)b.size, a + b.start);
  }
  PetscCall(VecRestoreArray(*p, &a));
  json_decref(w.header);
  free(w.bytes);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Loss(const char name[], const NomosGrid *g, PetscInt B, PetscInt C, const double *target, NomosMap *m)
{
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(MakeLoss(strcmp(name, "h1fd") ? "sobolev" : "h1fd", g, B, C, m));
  PetscCall(NomosMapSobolevSetOrder(*m, !strcmp(name, "hs_m1") ? -1 : !strcmp(name, "hs_p1") ? 1 : 0, 1));
  PetscCall(NomosMapGetSizes(*m, &n, NULL, NULL));
  PetscCall(SetSlot(*m, "target", target, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* parameter gradients of one loss, tensor by tensor */
static PetscErrorCode CheckGradients(hid_t file, NomosMap net, const char group[], Vec dp, double tol)
{
  PetscInt           nb;
  NomosBlock         b;
  const PetscScalar *g;
  double             norm;
  char               path[2 * NAME], zero[2 * NAME];

  PetscFunctionBegin;
  GoldenAttribute(file, group, "norm", &norm);
  PetscCall(NomosMapGetNumBlocks(net, &nb));
  PetscCall(VecGetArrayRead(dp, &g));
  for (PetscInt i = 0; i < nb; i++) {
    size_t  n;
    double *want, d = 0, s = 0;
    PetscCall(NomosMapGetBlock(net, i, &b));
    snprintf(path, sizeof(path), "%s/%s", group, b.name);
    want = GoldenRead(file, path, &n, NULL, NULL);
    if (!want) continue;
    snprintf(zero, sizeof(zero), "entries of %s", b.name);
    CheckInt(zero, (long long)n, (long long)b.size);
    for (size_t k = 0; k < n; k++) d += (g[b.start + (PetscInt)k] - want[k]) * (g[b.start + (PetscInt)k] - want[k]), s += want[k] * want[k];
    /* a tensor that is mathematically zero is held against the norm of the whole gradient */
    CheckClose(path, sqrt(d) / (s > 0 ? sqrt(s) : norm), 0, tol);
    for (size_t k = 0; s > 0 && b.is_complex && k < n; k++)
      if (want[k] == 0) CheckClose("an inert entry is exactly zero", (double)(g[b.start + (PetscInt)k] == 0), 1, 0);
    free(want);
  }
  PetscCall(VecRestoreArrayRead(dp, &g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OneLoss(hid_t file, NomosMap net, const char cs[], const char name[], const NomosGrid *g, Vec x, Vec p, Vec y, const double *target, double ftol, double gtol)
{
  char               path[NAME];
  size_t             n;
  double            *want, f = 0, *gy;
  const PetscScalar *ya;
  PetscInt           B, C, ny;
  NomosMap           loss;
  Vec                gyv, dx, dp;

  PetscFunctionBegin;
  PetscCall(NomosMapGetBatch(net, &B));
  PetscCall(NomosMapGetChannels(net, NULL, &C));
  PetscCall(Loss(name, g, B, C, target, &loss));
  PetscCall(NomosMapGetSizes(net, NULL, NULL, &ny));
  gy = (double *)malloc((size_t)ny * sizeof(double));
  PetscCall(NomosMapLinearize(net, x, p, y));
  PetscCall(VecGetArrayRead(y, &ya));
  PetscCall(LossValue(loss, ya, &f, NULL, gy));
  PetscCall(VecRestoreArrayRead(y, &ya));
  snprintf(path, sizeof(path), "%s/loss/%s", cs, name);
  want = GoldenRead(file, path, &n, NULL, NULL);
  CheckClose(path, f / want[0], 1, ftol);
  free(want);
  snprintf(path, sizeof(path), "%s/grad/%s", cs, name);
  if (GoldenHas(file, cs) && H5Lexists(file, strcat(strcpy(path, cs), "/grad"), H5P_DEFAULT) > 0) {
    snprintf(path, sizeof(path), "%s/grad/%s", cs, name);
    if (GoldenHas(file, path)) {
      PetscCall(VecOf(gy, ny, &gyv));
      PetscCall(VecDuplicate(x, &dx));
      PetscCall(VecDuplicate(p, &dp));
      PetscCall(NomosMapApplyAdjoint(net, gyv, dx, dp));
      PetscCall(CheckGradients(file, net, path, dp, gtol));
      snprintf(path, sizeof(path), "%s/grad_input/%s", cs, name);
      want = GoldenRead(file, path, &n, NULL, NULL);
      PetscCall(VecGetArrayRead(dx, &ya));
      if (want) CheckTensor(path, ya, want, n, gtol);
      PetscCall(VecRestoreArrayRead(dx, &ya));
      free(want);
      PetscCall(VecDestroy(&gyv));
      PetscCall(VecDestroy(&dx));
      PetscCall(VecDestroy(&dp));
    }
  }
  free(gy);
  PetscCall(NomosMapDestroy(&loss));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One case: output by Apply and Linearize, the four losses, gradients where stored, and the derivatives against each other. */
static PetscErrorCode OneCase(hid_t file, const char name[], NomosMap net, int k, double ftol, double gtol)
{
  static const char *const losses[] = {"l2", "hs_m1", "hs_p1", "h1fd"};
  char                     cs[32], path[NAME];
  size_t                   n;
  int                      rank;
  hsize_t                  dims[8];
  double                  *xa, *ta, *want, adjoint, slope;
  const PetscScalar       *ya;
  NomosGrid                g;
  NomosPrecision           precision;
  Vec                      x, p, y;

  PetscFunctionBegin;
  snprintf(cs, sizeof(cs), "/case_%d", k);
  snprintf(path, sizeof(path), "%s/x", cs);
  xa = GoldenRead(file, path, &n, &rank, dims);
  g  = BoxOfShape(rank, dims);
  PetscCall(VecOf(xa, (PetscInt)n, &x));
  snprintf(path, sizeof(path), "%s/target", cs);
  ta = GoldenRead(file, path, &n, NULL, NULL);
  PetscCall(NomosMapSetGrid(net, &g));
  PetscCall(NomosMapSetBatch(net, (PetscInt)dims[0]));
  PetscCall(LoadWeights(name, net, &p));
  PetscCall(NomosMapCreateVecs(net, NULL, NULL, &y));
  PetscCall(NomosMapApply(net, x, p, y));
  snprintf(path, sizeof(path), "%s/y", cs);
  want = GoldenRead(file, path, &n, NULL, NULL);
  PetscCall(VecGetArrayRead(y, &ya));
  CheckTensor(path, ya, want, n, ftol);
  PetscCall(VecRestoreArrayRead(y, &ya));
  for (int i = 0; i < 4; i++) PetscCall(OneLoss(file, net, cs, losses[i], &g, x, p, y, ta, ftol, gtol));
  PetscCall(VecGetArrayRead(y, &ya));
  snprintf(path, sizeof(path), "%s/y by Linearize", cs);
  CheckTensor(path, ya, want, n, ftol);
  PetscCall(VecRestoreArrayRead(y, &ya));
  PetscCall(NomosMapGetPrecision(net, &precision));
  if (precision == NOMOS_DOUBLE) {
    PetscCall(NomosMapCheck(net, x, p, &adjoint, &slope));
    snprintf(path, sizeof(path), "%s %s adjoint identity", name, cs);
    CheckClose(path, adjoint, 0, 1e-12);       /* a few thousand eps: sums over all parameters */
    CheckClose("Taylor slope", slope, 2, 0.2); /* the asymptote of h = 1e-2 down to 6e-4 */
  }
  free(xa), free(ta), free(want);
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&p));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* single: 1e-5 forward, 1e-4 gradient; double: 1e-12, 1e-10 (the bounds; README section 8 has what was measured) */
static PetscErrorCode OneModel(const char name[], PetscBool again)
{
  char           path[NAME];
  hid_t          file;
  NomosMap       net;
  NomosPrecision precision;
  double         cases;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "tests/golden/%s.h5", name);
  file = GoldenOpen(path);
  GoldenAttribute(file, "/", "cases", &cases);
  PetscCall(MakeNet(name, &net));
  if (again) PetscCall(NomosMapSetPrecision(net, NOMOS_DOUBLE)); /* references are evaluated in double from float weights */
  PetscCall(NomosMapGetPrecision(net, &precision));
  for (int k = 0; k < (int)cases; k++) PetscCall(OneCase(file, name, net, k, precision == NOMOS_SINGLE ? 1e-5 : 1e-12, precision == NOMOS_SINGLE ? 1e-4 : 1e-10));
  if (precision == NOMOS_SINGLE) PetscCall(OneModel(name, PETSC_TRUE));
  PetscCall(NomosMapDestroy(&net));
  H5Fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  static const char *const all[] = {"fno1d", "fno2d", "fno2d_f32", "fno2d_four_layers", "fno2d_odd", "fno2d_odd_modes", "fno2d_clamp", "fno2d_full", "fno2d_cp", "fno2d_tucker", "fno3d", "fno3d_tucker_f32", "fno2d_instance", "fno2d_group", "fno2d_pad", "fno2d_pad_end", "fno2d_separable", "fno2d_separable_cp", "fno2d_separable_tucker", "fno2d_ortho", "fno2d_backward", "fno2d_multi", "fno2d_tanh", "fno1d_cp_group", "li1d", "li2d", "li3d", "li2d_backward", "li2d_centred", "fno2d_corner"};
  char      name[NAME];
  PetscBool one;

  NomosTestBegin(argc, argv);
#if !defined(NOMOS_HAVE_FFTW)
  {
    char      conv[16];
    PetscBool set, fft = PETSC_FALSE;

    PetscCall(PetscOptionsGetString(NULL, NULL, "-net_fno_conv", conv, sizeof(conv), &set));
    if (set) PetscCall(PetscStrcmp(conv, "fft", &fft));
    if (fft) return NomosTestSkip("built without FFTW");
  }
#endif
  PetscCall(PetscOptionsGetString(NULL, NULL, "-name", name, sizeof(name), &one));
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
    if (!one || !strcmp(name, all[i])) PetscCall(OneModel(all[i], PETSC_FALSE));
  return NomosTestEnd();
}

/*TEST
  np: 1  args: -net_fno_conv gemm
  np: 1  args: -net_fno_conv fft
TEST*/
