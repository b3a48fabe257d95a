/* The Fourier neural operator: parameter counts of the literature, another output grid, first values, wrong settings. */
#include <nomos.h>
#include "nomostest.h"
#include <string.h>

static PetscErrorCode Net(const char options[], PetscInt dim, const PetscInt in[], const PetscInt out[], NomosMap *m)
{
  NomosGrid    g = {.dim = dim}, o = {.dim = dim};
  PetscOptions own;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < dim; j++) g.n[j] = in[j], o.n[j] = out[j], g.length[j] = o.length[j] = 1;
  PetscCall(PetscOptionsCreate(&own));
  PetscCall(PetscOptionsInsertString(own, options));
  PetscCall(NomosMapCreate(PETSC_COMM_WORLD, "net", m));
  PetscCall(PetscObjectSetOptions((PetscObject)*m, own));
  PetscCall(NomosMapSetFromOptions(*m));
  PetscCall(PetscObjectSetOptions((PetscObject)*m, NULL));
  PetscCall(PetscOptionsDestroy(&own));
  PetscCall(NomosMapSetGrid(*m, &g));
  PetscCall(NomosMapSetOutputGrid(*m, &o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* real counts stated by the authors of neuraloperator for these settings (docs/theory.md) */
static PetscErrorCode Counts(void)
{
  const PetscInt n[2] = {16, 16};
  NomosMap       m;
  PetscInt       np;

  PetscFunctionBegin;
  PetscCall(Net("-net_type fno -net_fno_modes 16,16 -net_fno_width 24", 2, n, n, &m));
  PetscCall(NomosMapGetSizes(m, NULL, &np, NULL));
  CheckInt("parameters, modes 16,16 width 24", np, 671113);
  PetscCall(NomosMapDestroy(&m));
  PetscCall(Net("-net_type fno -net_fno_modes 8,8 -net_fno_width 24", 2, n, n, &m));
  PetscCall(NomosMapGetSizes(m, NULL, &np, NULL));
  CheckInt("parameters, modes 8,8 width 24", np, 191881);
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Fill(Vec v, PetscReal phase)
{
  PetscScalar *a;
  PetscInt     n;

  PetscFunctionBegin;
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetArray(v, &a));
  for (PetscInt i = 0; i < n; i++) a[i] = PetscSinReal(1.7 * i + phase) + 0.3 * PetscCosReal(0.11 * i * i);
  PetscCall(VecRestoreArray(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#if defined(NOMOS_HAVE_FFTW)
  #define CONVS 2
#else
  #define CONVS 1 /* a build without FFTW has the matrix product alone */
#endif
/* Derivatives agree when input and output grids differ, and both transforms give the same output. */
static PetscErrorCode OtherGrid(const char name[], PetscInt dim, const PetscInt in[], const PetscInt out[], const char more[])
{
  char      options[512], what[1024];
  Vec       x, p, y[2];
  PetscReal adjoint, slope, d, s;

  PetscFunctionBegin;
  for (int conv = 0; conv < CONVS; conv++) {
    NomosMap m;
    snprintf(options, sizeof(options), "-net_type fno -net_precision double -net_fno_width 3 -net_fno_layers 2 -net_fno_conv %s %s", conv ? "fft" : "gemm", more);
    PetscCall(Net(options, dim, in, out, &m));
    PetscCall(NomosMapSetBatch(m, 2));
    PetscCall(NomosMapCreateVecs(m, &x, &p, &y[conv]));
    PetscCall(Fill(x, 0.4));
    PetscCall(NomosMapInitializeParameters(m, 7, p));
    PetscCall(NomosMapApply(m, x, p, y[conv]));
    PetscCall(NomosMapCheck(m, x, p, &adjoint, &slope));
    snprintf(what, sizeof(what), "%s %s: adjoint", name, options);
    CheckClose(what, adjoint, 0, 1e-12); /* some thousand eps: sums over all parameters */
    CheckClose("slope", slope, 2, 0.2);
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&p));
    PetscCall(NomosMapDestroy(&m));
  }
  if (CONVS > 1) {
    PetscCall(VecNorm(y[0], NORM_2, &s));
    PetscCall(VecAXPY(y[0], -1, y[CONVS - 1]));
    PetscCall(VecNorm(y[0], NORM_2, &d));
    CheckClose(name, d / s, 0, 1e-13); /* rounding of two transforms of at most some hundred points */
  }
  for (int conv = 0; conv < CONVS; conv++) PetscCall(VecDestroy(&y[conv]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A net whose blocks pass the field on (no spectral, skip and MLP parts, gate 1) and whose lifting and projection are linear for
   large bias: what is left is the resampling, which must reproduce a band-limited field at the new points. */
static PetscErrorCode Interpolates(PetscInt n, PetscInt nout)
{
  const PetscInt in[2] = {n, n + 2}, out[2] = {nout, nout + 3};
  NomosMap       m;
  NomosBlock     b;
  PetscInt       nb;
  PetscScalar   *a;
  Vec            x, p, y;
  PetscReal      worst = 0;
  const PetscReal big = 40; /* gelu(v + 40) = v + 40 in double */

  PetscFunctionBegin;
  PetscCall(Net("-net_type fno -net_precision double -net_fno_width 1 -net_fno_layers 1 -net_fno_modes 2,2 -net_fno_embedding none -net_fno_lifting_ratio 1 -net_fno_projection_ratio 1 -net_fno_mlp_expansion 1", 2, in, out, &m));
  PetscCall(NomosMapCreateVecs(m, &x, &p, &y));
  PetscCall(VecSet(p, 0));
  PetscCall(VecGetArray(p, &a));
  PetscCall(NomosMapGetNumBlocks(m, &nb));
  for (PetscInt i = 0; i < nb; i++) {
    PetscCall(NomosMapGetBlock(m, i, &b));
    if (strstr(b.name, "fting.fcs") || strstr(b.name, "projection")) a[b.start] = strstr(b.name, "weight") ? 1 : strstr(b.name, "fcs.0") ? big : -big;
    if (strstr(b.name, "mlp_skips")) a[b.start] = 1;
  }
  PetscCall(VecRestoreArray(p, &a));
#define FIELD(u, v) (0.5 + PetscCosReal(2 * PETSC_PI * (2 * (u) - (v))) + PetscSinReal(2 * PETSC_PI * ((u) + 3 * (v))))
  PetscCall(VecGetArray(x, &a));
  for (PetscInt i = 0; i < in[0]; i++)
    for (PetscInt j = 0; j < in[1]; j++) a[i * in[1] + j] = FIELD((PetscReal)i / in[0], (PetscReal)j / in[1]);
  PetscCall(VecRestoreArray(x, &a));
  PetscCall(NomosMapApply(m, x, p, y));
  PetscCall(VecGetArray(y, &a));
  for (PetscInt i = 0; i < out[0]; i++)
    for (PetscInt j = 0; j < out[1]; j++) worst = PetscMax(worst, PetscAbsReal(a[i * out[1] + j] - FIELD((PetscReal)i / out[0], (PetscReal)j / out[1])));
  PetscCall(VecRestoreArray(y, &a));
  CheckClose("a band-limited field between the points", worst, 0, 1e-13); /* values of size 40 pass through the activations */
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&p));
  PetscCall(VecDestroy(&y));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first values do not depend on the grid, have the stated second moment, and differ from seed to seed. */
static PetscErrorCode FirstValues(void)
{
  const PetscInt     n[2] = {8, 8}, n2[2] = {12, 10};
  NomosMap           m[2];
  Vec                p[3];
  NomosBlock         b;
  const PetscScalar *a;
  PetscReal          s = 0, d;
  PetscInt           i;

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscCall(Net("-net_type fno -net_fno_modes 8,8 -net_fno_width 24", 2, k ? n2 : n, k ? n2 : n, &m[k]));
    PetscCall(NomosMapCreateVecs(m[k], NULL, &p[k], NULL));
    PetscCall(NomosMapInitializeParameters(m[k], 3, p[k]));
  }
  PetscCall(VecDuplicate(p[0], &p[2]));
  PetscCall(NomosMapInitializeParameters(m[0], 4, p[2]));
  PetscCall(VecAXPY(p[1], -1, p[0]));
  PetscCall(VecNorm(p[1], NORM_2, &d));
  CheckClose("first values on another grid", d, 0, 0);
  PetscCall(VecAXPY(p[2], -1, p[0]));
  PetscCall(VecNorm(p[2], NORM_2, &d));
  CheckTrue("another seed gives other values", d > 1);
  for (i = 0, b.name = ""; !strstr(b.name, "convs.0.weight"); i++) PetscCall(NomosMapGetBlock(m[0], i, &b));
  PetscCall(VecGetArrayRead(p[0], &a));
  for (i = 0; i < b.size; i++) s += a[b.start + i] * a[b.start + i];
  PetscCall(VecRestoreArrayRead(p[0], &a));
  /* E|W|^2 = 2/(24 + 24); 23040 complex entries: the mean has relative deviation 1/sqrt(23040), five of them are allowed */
  CheckClose("second moment of spectral weights", s / (b.size / 2) * 24, 1, 5 / PetscSqrtReal(23040));
  for (int k = 0; k < 3; k++) PetscCall(VecDestroy(&p[k]));
  for (int k = 0; k < 2; k++) PetscCall(NomosMapDestroy(&m[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* settings that contradict each other end in PETSC_ERR_ARG_INCOMP, _OUTOFRANGE, _SUP or _ORDER, never in a crash */
static PetscErrorCode WrongSettings(void)
{
  static const char *const wrong[] = {"-net_fno_modes 8", "-net_fno_modes 8,8,8", "", "-net_fno_modes 8,8 -net_fno_layout corner -net_fno_factorization cp -net_fno_rank 2", "-net_fno_modes 8,8 -net_fno_factorization tucker -net_fno_rank 2,3", "-net_fno_modes 8,8 -net_fno_factorization cp", "-net_fno_modes 8,8 -net_fno_block li -net_fno_norm group", "-net_fno_modes 8,8 -net_fno_mlp_expansion 0", "-net_fno_modes 8,8 -net_fno_padding 0.1,0.2,0.3"};
  const PetscInt n[2] = {8, 8};

  PetscFunctionBegin;
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    char           options[512];
    NomosMap       m;
    PetscErrorCode ierr;
    snprintf(options, sizeof(options), "-net_type fno %s", wrong[i]);
    ierr = Net(options, 2, n, n, &m);
    if (!ierr) ierr = NomosMapSetUp(m);
    if (ierr && m) ierr = NomosMapSetUp(m) ? ierr : PETSC_SUCCESS; /* and again: it must not have been left half made */
    CheckTrue(wrong[i], ierr == PETSC_ERR_ARG_INCOMP || ierr == PETSC_ERR_ARG_OUTOFRANGE || ierr == PETSC_ERR_SUP || ierr == PETSC_ERR_ORDER);
    PetscCall(NomosMapDestroy(&m));
  }
  PetscCall(PetscPopErrorHandler());
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What -log_view counts in one forward pass: every weight of a 1x1 layer is used once a point, every spectral one once a sample, of modes
   that are padded to whole vectors of 16. */
static PetscErrorCode Flops(void)
{
  const PetscInt     n[2] = {16, 16}, samples = 3, points = 256;
  const char *const  names[] = {"NomosGemm", "NomosModes"};
  PetscLogDouble     before[2], want[2] = {0, 0};
  PetscEventPerfInfo info;
  PetscLogEvent      event;
  NomosMap           m;
  Vec                x, p, y;
  PetscInt           nblocks;

  PetscFunctionBegin;
  PetscCall(PetscLogDefaultBegin());
  PetscCall(Net("-net_type fno -net_fno_modes 8,8 -net_fno_width 24 -net_fno_conv gemm", 2, n, n, &m));
  PetscCall(NomosMapSetBatch(m, samples));
  PetscCall(NomosMapCreateVecs(m, &x, &p, &y));
  PetscCall(Fill(x, 0.1));
  PetscCall(NomosMapInitializeParameters(m, 0, p));
  PetscCall(NomosMapGetNumBlocks(m, &nblocks));
  for (PetscInt i = 0; i < nblocks; i++) {
    NomosBlock b;
    PetscCall(NomosMapGetBlock(m, i, &b));
    if (b.is_complex) want[1] += 8.0 * samples * 24 * 24 * 48; /* 8 x 5 modes in 3 vectors */
    else if (b.rank == 3 && b.shape[2] == 1 && strstr(b.name, "weight")) want[0] += 2.0 * samples * points * (PetscLogDouble)b.size;
  }
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < 2; i++) {
      PetscCall(PetscLogEventGetId(names[i], &event));
      PetscCall(PetscLogEventGetPerfInfo(0, event, &info));
      if (pass) CheckClose(names[i], info.flops - before[i], want[i], 0);
      before[i] = info.flops;
    }
    if (!pass) PetscCall(NomosMapApply(m, x, p, y));
  }
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&p));
  PetscCall(VecDestroy(&y));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(Counts());
  PetscCall(OtherGrid("1-D refined", 1, (PetscInt[]){8}, (PetscInt[]){13}, "-net_fno_modes 6"));
  PetscCall(OtherGrid("2-D refined", 2, (PetscInt[]){8, 6}, (PetscInt[]){12, 10}, "-net_fno_modes 4,4"));
  PetscCall(OtherGrid("2-D one axis refined", 2, (PetscInt[]){8, 6}, (PetscInt[]){8, 9}, "-net_fno_modes 4,4"));
  PetscCall(OtherGrid("2-D coarsened", 2, (PetscInt[]){12, 9}, (PetscInt[]){8, 6}, "-net_fno_modes 6,6 -net_fno_fft_norm ortho"));
  PetscCall(OtherGrid("3-D mixed", 3, (PetscInt[]){4, 6, 5}, (PetscInt[]){6, 8, 4}, "-net_fno_modes 2,2,2 -net_fno_fft_norm backward"));
  PetscCall(OtherGrid("2-D padded", 2, (PetscInt[]){8, 8}, (PetscInt[]){16, 16}, "-net_fno_modes 4,4 -net_fno_padding 0.25 -net_fno_norm group"));
  PetscCall(Interpolates(8, 12));
  PetscCall(Interpolates(9, 16));
  PetscCall(Interpolates(16, 9));
  PetscCall(FirstValues());
  PetscCall(WrongSettings());
  PetscCall(Flops());
  return NomosTestEnd();
}

/*TEST
  np: 1 2  env: PETSC_OPTIONS=
TEST*/
