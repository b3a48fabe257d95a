/*
  Twenty steps of training against PyTorch's optimizers (tests/golden/README.md, 6.2): the stored weights and batches through
  NomosProblem, the Fourier neural operator in double precision and -tao_type adamw, with the options that each trace names.
  Losses, gradient norms, learning rates, the norm of every tensor after every step, and the final tensors.
*/
#include <nomos.h>
#include "golden.h"
#include <string.h>

#define STEPS 20
#define BATCH 4
#define FILE_DATA "traces.h5"
/* the bound for traces; two independent evaluations of the reference agree to 2.6e-13 (README, section 8) */
#define TRACE_TOL 1e-10

typedef struct {
  NomosMap net;
  Vec      theta;
  double  *norms; /* [STEPS][blocks], after each step */
  PetscInt nblocks;
} Watch;

static PetscErrorCode Norms(Watch *w, PetscInt after)
{
  const PetscScalar *a;
  NomosBlock         b;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(w->theta, &a));
  for (PetscInt i = 0; i < w->nblocks; i++) {
    double s = 0;

    PetscCall(NomosMapGetBlock(w->net, i, &b));
    for (PetscInt k = 0; k < b.size; k++) s += a[b.start + k] * a[b.start + k];
    w->norms[after * w->nblocks + i] = sqrt(s);
  }
  PetscCall(VecRestoreArrayRead(w->theta, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Before step t is evaluated the solution is that after step t - 1. */
static PetscErrorCode BeforeStep(Tao tao, PetscInt step, void *ctx)
{
  PetscFunctionBegin;
  if (step > 0) PetscCall(Norms((Watch *)ctx, step - 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A text attribute, read as HDF5 keeps h5py's strings: of variable length. */
static void Text(hid_t file, const char object[], const char name[], char out[], size_t len)
{
  hid_t a    = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT), type = H5Aget_type(a);
  char *text = NULL;

  CheckTrue(name, a >= 0 && H5Aread(a, type, &text) >= 0 && text && strlen(text) < len);
  snprintf(out, len, "%s", text ? text : "");
  H5free_memory(text);
  H5Tclose(type);
  H5Aclose(a);
}

/* The 20 batches as one data set of 80 samples, taken in their order. */
static PetscErrorCode WriteBatches(hid_t file)
{
  const char *const in[1] = {"x"}, *const out[1] = {"y"};
  const PetscInt    one[1] = {1};
  const NomosGrid   g      = {.dim = 2, .n = {8, 8}, .length = {1, 1}, .periodic = {PETSC_TRUE, PETSC_TRUE}};
  size_t            n;
  double           *x = GoldenRead(file, "/batches/x", &n, NULL, NULL), *y = GoldenRead(file, "/batches/y", &n, NULL, NULL);
  NomosData         d;

  PetscFunctionBegin;
  CheckInt("entries of the batches", (long long)n, STEPS * BATCH * 64);
  PetscCall(NomosDataCreate(PETSC_COMM_SELF, &d));
  PetscCall(NomosDataWriteBegin(d, FILE_DATA, "traces", &g, STEPS * BATCH, 1, in, one, 1, out, one, NOMOS_DOUBLE));
  PetscCall(NomosDataWriteSamples(d, 0, STEPS * BATCH, x, y));
  PetscCall(NomosDataWriteEnd(d));
  PetscCall(NomosDataDestroy(&d));
  free(x);
  free(y);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeProblem(const char options[], NomosProblem *p, NomosMap *net)
{
  char conv[16] = "auto";

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-net_fno_conv", conv, sizeof(conv), NULL));
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertFile(PETSC_COMM_SELF, NULL, NomosTestFile("tests/golden/adamw_init.opts"), PETSC_TRUE));
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(PetscOptionsInsertString(NULL, "-data " FILE_DATA " -data_batch 4 -data_epochs 1 -data_order sequential -data_normalize_input false -data_normalize_output false"));
  PetscCall(PetscOptionsInsertString(NULL, "-loss_type sobolev -loss_sobolev_s 0 -nomos_history trace.csv -nomos_progress none -malloc_dump"));
  PetscCall(PetscOptionsSetValue(NULL, "-net_fno_conv", conv));
  PetscCall(NomosMapLoad(PETSC_COMM_SELF, NomosTestFile("tests/golden/adamw_init.safetensors"), net));
  PetscCall(NomosProblemCreate(PETSC_COMM_SELF, p));
  PetscCall(NomosProblemSetMap(*p, *net));
  PetscCall(NomosProblemSetFromOptions(*p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Column `column` of the history, which has 17 digits. */
static void CheckColumn(hid_t file, const char group[], const char name[], int column, double tol)
{
  char    path[256], line[1024];
  FILE   *f = fopen("trace.csv", "r");
  size_t  n;
  double *want;
  int     t = 0;

  snprintf(path, sizeof(path), "%s/%s", group, name);
  want = GoldenRead(file, path, &n, NULL, NULL);
  CheckTrue("history", f && fgets(line, sizeof(line), f));
  while (f && t < STEPS && fgets(line, sizeof(line), f)) {
    const char *at = line;

    for (int c = 0; c < column && at; c++) at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
    CheckClose(path, at ? strtod(at, NULL) / want[t] : NAN, 1, tol);
    t++;
  }
  CheckInt("lines of the history", t, STEPS);
  if (f) fclose(f);
  free(want);
}

/* Tensors of a group against those in theta. */
static PetscErrorCode CheckFinal(hid_t file, const char group[], Watch *w)
{
  const PetscScalar *a;
  NomosBlock         b;
  char               path[512];
  size_t             n;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(w->theta, &a));
  for (PetscInt i = 0; i < w->nblocks; i++) {
    double *want;

    PetscCall(NomosMapGetBlock(w->net, i, &b));
    snprintf(path, sizeof(path), "%s/final/%s", group, b.name);
    want = GoldenRead(file, path, &n, NULL, NULL);
    CheckInt(path, (long long)n, b.size);
    if (want) CheckTensor(path, a + b.start, want, n, TRACE_TOL);
    free(want);
  }
  PetscCall(VecRestoreArrayRead(w->theta, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* norms[t][i] belongs to entry i of the attribute keys */
static PetscErrorCode CheckNorms(hid_t file, const char group[], const Watch *w)
{
  char       path[256], what[512], keys[4096], *name, *rest = keys;
  size_t     n;
  double    *want;
  PetscInt   i = 0;
  NomosBlock b;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "%s/norms", group);
  want = GoldenRead(file, path, &n, NULL, NULL);
  Text(file, path, "keys", keys, sizeof(keys));
  CheckInt(path, (long long)n, STEPS * w->nblocks);
  while ((name = strsep(&rest, ","))) {
    PetscInt k = 0;

    for (; k < w->nblocks; k++) {
      PetscCall(NomosMapGetBlock(w->net, k, &b));
      if (!strcmp(b.name, name)) break;
    }
    CheckTrue(name, k < w->nblocks);
    for (PetscInt t = 0; k < w->nblocks && t < STEPS; t++) {
      snprintf(what, sizeof(what), "%s: %s after step %d", group, name, (int)t);
      CheckClose(what, w->norms[t * w->nblocks + k] / want[t * w->nblocks + i], 1, TRACE_TOL);
    }
    i++;
  }
  CheckInt("keys", i, w->nblocks);
  free(want);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OneTrace(hid_t file, const char name[])
{
  char         group[64], options[2048];
  NomosProblem p;
  Tao          tao;
  Watch        w;

  PetscFunctionBegin;
  snprintf(group, sizeof(group), "/traces/%s", name);
  Text(file, group, "tao_options", options, sizeof(options));
  for (char *c = options; *c; c++) *c = *c == '\n' ? ' ' : *c;
  (void)remove("trace.csv");
  PetscCall(MakeProblem(options, &p, &w.net));
  PetscCall(NomosProblemGetParameters(p, &w.theta));
  PetscCall(NomosMapGetNumBlocks(w.net, &w.nblocks));
  w.norms = (double *)calloc((size_t)(STEPS * w.nblocks), sizeof(double));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSetUpdate(tao, BeforeStep, &w));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(Norms(&w, STEPS - 1));
  CheckColumn(file, group, "loss", 2, TRACE_TOL);
  CheckColumn(file, group, "grad_norm", 3, TRACE_TOL);
  CheckColumn(file, group, "lr", 5, 1e-14); /* a few roundings: a cosine, two products */
  PetscCall(CheckNorms(file, group, &w));
  PetscCall(CheckFinal(file, group, &w));
  free(w.norms);
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&p));
  PetscCall(NomosMapDestroy(&w.net));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  static const char *const traces[] = {"split", "modulus", "modulus_neuralop", "split_onecycle", "split_clip", "adam_l2"};
  hid_t                    file     = GoldenOpen("tests/golden/adamw.h5");

  PetscFunctionBegin;
  if (file < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(WriteBatches(file));
  for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) PetscCall(OneTrace(file, traces[i]));
  H5Fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
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
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}

/*TEST
  np: 1  args: -net_fno_conv gemm
  np: 1  args: -net_fno_conv fft
TEST*/
