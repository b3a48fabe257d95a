/*
  NomosData on the public files: values, statistics, ranges, fields, time levels, streaming, refusals. The expected numbers
  were computed with h5py and numpy (float64) from the same files.
*/
#include <nomos.h>
#include "refusetest.h"

#define EPS 2.220446049250313e-16
/* Sums of 1e4 to 3e5 numbers of size one, added up in another order than numpy's pairwise one: rounding grows like the square
   root of a sample's points plus that of the samples, below 100 eps. */
#define SUMTOL (100 * EPS)

typedef struct {
  const char *file;
  int         dim, n, samples, periodic;
  double      mean_in, std_in, mean_out, std_out, x35, y711;
} Known;

static const Known known[] = {
  {"examples/data/darcy16_train.h5",   2, 16, 1000, 0, 0.4994453125,            0.5000006688864428, 0.38631561330488295,   0.3399715957015244,  1.0,                 0.001515172771178186 },
  {"examples/data/darcy32_test.h5",    2, 32, 50,   0, 0.49291015625,           0.4999546139818045, 0.40185339784657464,   0.34367787985655435, 0.0,                 0.0008706844528205693},
  {"examples/data/burgers16_train.h5", 1, 16, 800,  1, -3.6541204948623244e-07, 0.2184744698236258, 3.9073167934987353e-07, 0.12157539712312022, 0.08632872377888529, -0.07524656126504076 }
};

static PetscErrorCode Read(const Known *k, PetscInt64 cache)
{
  NomosData      data;
  NomosGrid      grid;
  const char    *file = NomosTestFile(k->file), *name;
  PetscInt       samples, in, out, n, idx[2] = {3, 7};
  PetscReal      m[4];
  PetscScalar   *x, *y;
  const PetscInt N = k->dim == 2 ? k->n * k->n : k->n;

  PetscFunctionBegin;
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataSetFiles(data, 1, &file));
  PetscCall(NomosDataSetCache(data, cache));
  PetscCall(NomosDataSetFromOptions(data));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetGrid(data, &grid));
  CheckInt("dim", grid.dim, k->dim);
  for (int i = 0; i < k->dim; i++) {
    CheckInt("points", grid.n[i], k->n);
    CheckInt("periodic", grid.periodic[i], k->periodic);
    CheckClose("length", grid.length[i], 1, 0);
    CheckClose("offset", grid.offset[i], 0, 0);
  }
  PetscCall(NomosDataGetSize(data, &samples));
  CheckInt("samples", samples, k->samples);
  PetscCall(NomosDataGetChannels(data, &in, &out));
  CheckInt("channels in", in, 1);
  CheckInt("channels out", out, 1);
  PetscCall(NomosDataGetFileName(data, &name));
  CheckTrue("file name", !strcmp(name, file));
  PetscCall(NomosDataGetStatistics(data, samples, NULL, &m[0], &m[1], &m[2], &m[3]));
  CheckClose("mean in", m[0], k->mean_in, SUMTOL);
  CheckClose("std in", m[1], k->std_in, SUMTOL);
  CheckClose("mean out", m[2], k->mean_out, SUMTOL);
  CheckClose("std out", m[3], k->std_out, SUMTOL);
  PetscCall(PetscMalloc2(2 * N, &x, 2 * N, &y));
  PetscCall(NomosDataGetSamples(data, 2, idx, x, y));
  CheckClose("x[3][5]", x[5], k->x35, 0); /* float32 and float64 are exact as double */
  CheckClose("y[7][11]", y[N + 11], k->y711, 0);
  PetscCall(PetscFree2(x, y));
  PetscCall(NomosDataGetSplit(data, "valid", &n, NULL));
  CheckInt("no split", n, -1);
  PetscCall(NomosDataDestroy(&data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same digits on any number of ranks: those of this run against those of one rank alone. */
static PetscErrorCode Ranks(void)
{
  const char *file = NomosTestFile("examples/data/burgers16_train.h5");
  NomosData   data;
  PetscReal   m[2][4];

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscCall(NomosDataCreate(k ? PETSC_COMM_SELF : PETSC_COMM_WORLD, &data));
    PetscCall(NomosDataSetFiles(data, 1, &file));
    PetscCall(NomosDataSetUp(data));
    PetscCall(NomosDataGetStatistics(data, 777, NULL, &m[k][0], &m[k][1], &m[k][2], &m[k][3]));
    PetscCall(NomosDataDestroy(&data));
  }
  CheckTrue("same bits on all ranks", !memcmp(m[0], m[1], sizeof(m[0])));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two files as one, a range across the border, all time levels as channels. */
static PetscErrorCode Concatenate(PetscInt64 cache)
{
  char        a[4096], b[4096];
  const char *files[2] = {a, b}, *in = "u0", *out = "u";
  NomosData   data;
  PetscInt    samples, nout, k = 15; /* sample 5 of the second file */
  PetscScalar y[17 * 16], x[16];

  PetscFunctionBegin;
  snprintf(a, sizeof(a), "%s", NomosTestFile("examples/data/burgers16_train.h5"));
  snprintf(b, sizeof(b), "%s", NomosTestFile("examples/data/burgers16_test.h5"));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataSetFiles(data, 2, files));
  PetscCall(NomosDataSetFields(data, 1, &in, 1, &out));
  PetscCall(NomosDataSetTime(data, PETSC_TRUE));
  PetscCall(NomosDataSetCache(data, cache));
  PetscCall(NomosDataSetRange(data, 790, PETSC_DETERMINE));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetSize(data, &samples));
  CheckInt("1200 - 790", samples, 410);
  PetscCall(NomosDataGetChannels(data, NULL, &nout));
  CheckInt("time levels as channels", nout, 17);
  PetscCall(NomosDataGetSamples(data, 1, &k, x, y));
  CheckClose("y[5][0][3][2]", y[3 * 16 + 2], 0.15955926730408823, 0);
  CheckClose("y[5][0][16][2]", y[16 * 16 + 2], 0.07808026296396987, 0);
  PetscCall(NomosDataDestroy(&data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Only what these tests set: PetscOptionsClear() would drop the leak check's -malloc_dump too. */
static PetscErrorCode ClearOptions(void)
{
  static const char *const names[] = {"-data_input", "-data_first", "-data_samples", "-data_cache", "-a_data", "-a_data_first", "-a_data_samples", "-a_data_cache", "-a_data_input", "-a_data_output"};

  PetscFunctionBegin;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) PetscCall(PetscOptionsClearValue(NULL, names[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every rank gets the same code; the sentence holds the words expected. */
static PetscErrorCode Refuse(PetscInt n, const char *const files[], const char *options, PetscErrorCode want, const char *words)
{
  NomosData      data;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  if (n) PetscCall(NomosDataSetFiles(data, n, files));
  Said[0] = 0;
  PetscCall(PetscPushErrorHandler(Catch, NULL));
  ierr = NomosDataSetFromOptions(data);
  if (!ierr) ierr = NomosDataSetUp(data);
  PetscCall(PetscPopErrorHandler());
  CheckInt(words, ierr, want);
  CheckTrue(Said[0] ? Said : words, strstr(Said, words) != NULL);
  PetscCall(NomosDataDestroy(&data));
  PetscCall(ClearOptions());
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Refusals(void)
{
  char        d16[4096], d32[4096], weights[4096], golden[4096];
  const char *missing = "no-such-file.h5", *one[1], *two[2];

  PetscFunctionBegin;
  snprintf(d16, sizeof(d16), "%s", NomosTestFile("examples/data/darcy16_test.h5"));
  snprintf(d32, sizeof(d32), "%s", NomosTestFile("examples/data/darcy32_test.h5"));
  snprintf(weights, sizeof(weights), "%s", NomosTestFile("tests/golden/fno2d.safetensors"));
  snprintf(golden, sizeof(golden), "%s", NomosTestFile("tests/golden/fno2d.h5"));
  PetscCall(Refuse(0, NULL, "", PETSC_ERR_ORDER, "-data"));
  PetscCall(Refuse(1, &missing, "", PETSC_ERR_FILE_OPEN, "No such file"));
  one[0] = weights;
  PetscCall(Refuse(1, one, "", PETSC_ERR_FILE_UNEXPECTED, "does not begin like an HDF5 file"));
  one[0] = golden;
  PetscCall(Refuse(1, one, "", PETSC_ERR_FILE_UNEXPECTED, "nomos-reference/1"));
  one[0] = d16;
  PetscCall(Refuse(1, one, "-data_input k", PETSC_ERR_ARG_INCOMP, "-data_input"));
  PetscCall(Refuse(1, one, "-data_first 40 -data_samples 11", PETSC_ERR_ARG_OUTOFRANGE, "has 50 samples, asked for 11 from number 40"));
  PetscCall(Refuse(1, one, "-data_first 50", PETSC_ERR_ARG_OUTOFRANGE, "-data_first"));
  PetscCall(Refuse(1, one, "-data_samples 0", PETSC_ERR_ARG_OUTOFRANGE, "-data_samples"));
  PetscCall(Refuse(1, one, "-data_cache 1x", PETSC_ERR_ARG_OUTOFRANGE, "-data_cache"));
  two[0] = d16;
  two[1] = d32;
  PetscCall(Refuse(2, two, "", PETSC_ERR_ARG_INCOMP, "must have the same grid"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Options mean what the setters mean; a prefix keeps two collections apart. */
static PetscErrorCode Options(void)
{
  const char *file = NomosTestFile("examples/data/darcy16_test.h5");
  char        text[5000];
  NomosData   data;
  PetscInt    samples, idx = 4;
  PetscScalar x[256], first[256];

  PetscFunctionBegin;
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataSetFiles(data, 1, &file));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetSamples(data, 1, &idx, x, NULL));
  PetscCall(NomosDataDestroy(&data));
  snprintf(text, sizeof(text), "-a_data %s -a_data_first 4 -a_data_samples 3 -a_data_cache 0 -a_data_input a -a_data_output u", file);
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataSetOptionsPrefix(data, "a_"));
  PetscCall(NomosDataSetFromOptions(data));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetSize(data, &samples));
  CheckInt("-data_samples", samples, 3);
  PetscCall(NomosDataGetSamples(data, 1, NULL, first, NULL));
  CheckTrue("-data_first", !memcmp(x, first, sizeof(x)));
  PetscCall(NomosDataDestroy(&data));
  PetscCall(ClearOptions());
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    PetscCall(Read(&known[i], (PetscInt64)1 << 30));
    PetscCall(Read(&known[i], 1000)); /* streamed */
  }
  PetscCall(Ranks());
  PetscCall(Concatenate((PetscInt64)1 << 30));
  PetscCall(Concatenate(0));
  PetscCall(Refusals());
  PetscCall(Options());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
