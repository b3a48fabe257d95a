/*
  Data sets written and read back, on any number of ranks; what cannot be written is refused and leaves nothing behind.
  The sums in the file are compared with the formula of the format, evaluated here once more.
*/
#include <nomos.h>
#include <hdf5.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "refusetest.h"

#define S 13

static double Value(int side, int s, int c, int i) { return side + sin(1.0 + s) * (c + 1) + 0.001 * i; }

static void Fill(int side, int channels, int N, int first, int n, PetscScalar v[])
{
  for (int s = 0; s < n; s++)
    for (int c = 0; c < channels; c++)
      for (int i = 0; i < N; i++) v[(s * channels + c) * N + i] = Value(side, first + s, c, i);
}

/* splitmix64 and the sum of the format, written from its description */
static uint64_t Mix(uint64_t z)
{
  z = z + UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static void CheckSum(const char file[], const char name[], int single)
{
  hid_t    f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT), d = H5Dopen2(f, name, H5P_DEFAULT), a = H5Aopen(d, "nomos_sum", H5P_DEFAULT), sp = H5Dget_space(d), t = H5Dget_type(d);
  hssize_t n = H5Sget_simple_extent_npoints(sp);
  uint64_t want = 0, got = 0;
  double  *v = (double *)malloc((size_t)n * 8);

  CheckInt("stored bytes per value", (long long)H5Tget_size(t), single ? 4 : 8);
  H5Dread(d, single ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
  H5Aread(a, H5T_NATIVE_UINT64, &got);
  for (hssize_t i = 0; i < n; i++) {
    uint64_t bits = 0;

    memcpy(&bits, (char *)v + i * (single ? 4 : 8), single ? 4 : 8);
    want += Mix(bits + Mix((uint64_t)i));
  }
  CheckTrue("sum as the format says", got == want);
  free(v);
  H5Tclose(t);
  H5Sclose(sp);
  H5Aclose(a);
  H5Dclose(d);
  H5Fclose(f);
}

static PetscErrorCode RoundTrip(int dim, NomosPrecision precision, PetscInt64 cache)
{
  const char    *file = "written.h5", *in[2] = {"zeta", "a"}, *out[1] = {"u"}; /* not in the order of the alphabet */
  const PetscInt cin[2] = {2, 1}, cout[1] = {2};
  NomosGrid      grid = {.dim = dim, .n = {3, 4, 5}, .length = {1, 2, 0.5}, .offset = {0, -1, 0.25}, .periodic = {PETSC_FALSE, PETSC_TRUE, PETSC_FALSE}}, back;
  NomosData      data;
  PetscMPIInt    rank, ranks;
  PetscInt       N = 1, nin, nout, samples;
  PetscScalar   *x, *y;
  int            wrong = 0;

  PetscFunctionBegin;
  for (int i = 0; i < dim; i++) N *= grid.n[i];
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &ranks));
  PetscCall(PetscMalloc2(S * 3 * N, &x, S * 2 * N, &y));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataWriteBegin(data, file, "test", &grid, S, 2, in, cin, 1, out, cout, precision));
  PetscCall(NomosDataWriteSetAttribute(data, "seed", "17"));
  PetscCall(NomosDataWriteSetAttribute(data, "generator", "-pde_type test"));
  for (int round = 0; round < 2; round++) { /* backwards: the second part of the samples first */
    const int lo = round ? 0 : 6, hi = round ? 6 : S, first = lo + (hi - lo) * rank / ranks, last = lo + (hi - lo) * (rank + 1) / ranks;

    Fill(0, 3, (int)N, first, last - first, x);
    Fill(1, 2, (int)N, first, last - first, y);
    PetscCall(NomosDataWriteSamples(data, first, last - first, x, y));
  }
  PetscCall(NomosDataWriteEnd(data));
  if (rank == 0) {
    CheckSum(file, "/input/zeta", precision == NOMOS_SINGLE);
    CheckSum(file, "/output/u", precision == NOMOS_SINGLE);
    CheckTrue("no .part", access("written.h5.part", F_OK) != 0);
  }
  PetscCall(NomosDataSetFiles(data, 1, &file));
  PetscCall(NomosDataSetCache(data, cache));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetGrid(data, &back));
  CheckInt("dim", back.dim, dim);
  for (int i = 0; i < dim; i++) {
    CheckInt("points", back.n[i], grid.n[i]);
    CheckClose("length", back.length[i], grid.length[i], 0);
    CheckClose("offset", back.offset[i], grid.offset[i], 0);
    CheckInt("periodic", back.periodic[i], grid.periodic[i]);
  }
  PetscCall(NomosDataGetChannels(data, &nin, &nout));
  CheckInt("channels in", nin, 3);
  CheckInt("channels out", nout, 2);
  PetscCall(NomosDataGetSize(data, &samples));
  CheckInt("samples", samples, S);
  PetscCall(NomosDataGetSamples(data, S, NULL, x, y));
  for (int s = 0; s < S; s++)
    for (int c = 0; c < 3; c++)
      for (int i = 0; i < N; i++) {
        const double want = Value(0, s, c, i); /* channels are stacked in the order of writing */

        wrong += PetscRealPart(x[(s * 3 + c) * N + i]) != (precision == NOMOS_SINGLE ? (double)(float)want : want);
        if (c < 2) wrong += PetscRealPart(y[(s * 2 + c) * N + i]) != (precision == NOMOS_SINGLE ? (double)(float)Value(1, s, c, i) : Value(1, s, c, i));
      }
  CheckInt("values that differ", wrong, 0);
  PetscCall(PetscFree2(x, y));
  PetscCall(NomosDataDestroy(&data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Begins a file with one field, writes what is said, and expects a refusal with the words; an old file of the name stays. */
static PetscErrorCode Refuse(const char file[], PetscInt samples, int points, double value, int put, PetscErrorCode want, const char words[])
{
  const char    *in = "a";
  const PetscInt c  = 1;
  NomosGrid      grid = {.dim = 1, .n = {points}, .length = {1}};
  NomosData      data;
  PetscMPIInt    rank;
  PetscScalar   *x;
  PetscErrorCode ierr;
  char           part[256];

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMalloc1((size_t)PetscMax(points, 1) * (size_t)PetscMax(put, 1), &x));
  for (int i = 0; i < points * put; i++) x[i] = value;
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  Said[0] = 0;
  PetscCall(PetscPushErrorHandler(Catch, NULL));
  ierr = NomosDataWriteBegin(data, file, NULL, &grid, samples, 1, &in, &c, 0, NULL, NULL, NOMOS_DOUBLE);
  if (!ierr) ierr = NomosDataWriteSamples(data, 0, rank ? 0 : put, x, NULL);
  if (!ierr) ierr = NomosDataWriteEnd(data);
  PetscCall(PetscPopErrorHandler());
  CheckInt(words, ierr, want);
  CheckTrue(Said[0] ? Said : words, strstr(Said, words) != NULL);
  snprintf(part, sizeof(part), "%s.part", file);
  CheckTrue("nothing left behind", access(part, F_OK) != 0);
  PetscCall(NomosDataDestroy(&data));
  PetscCall(PetscFree(x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Refusals(void)
{
  struct stat   before, after;
  struct rlimit old, small = {200000, RLIM_INFINITY};

  PetscFunctionBegin;
  stat("written.h5", &before);
  PetscCall(Refuse("no/such/folder/a.h5", 2, 4, 1, 2, PETSC_ERR_FILE_WRITE, "No such file or directory"));
  PetscCall(Refuse("written.h5", 2, 4, 0. / 0., 2, PETSC_ERR_FP, "NaN or Inf"));
  PetscCall(Refuse("written.h5", 2, 4, 1, 1, PETSC_ERR_ORDER, "number 1 was never written"));
  PetscCall(Refuse("written.h5", 2, 4, 1, 3, PETSC_ERR_ARG_OUTOFRANGE, "gives 3 samples"));
  PetscCall(Refuse("written.h5", 2, 0, 1, 0, PETSC_ERR_ARG_OUTOFRANGE, "at least one point"));
  PetscCall(Refuse("", 2, 4, 1, 2, PETSC_ERR_ARG_WRONG, "-o"));
  getrlimit(RLIMIT_FSIZE, &old);
  small.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &small); /* like a full disk */
  PetscCall(Refuse("written.h5", 100, 4000, 1, 2, PETSC_ERR_FILE_WRITE, "File too large"));
  setrlimit(RLIMIT_FSIZE, &old);
  stat("written.h5", &after);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD)); /* before Damage() changes it */
  CheckTrue("the old file is untouched", before.st_size == after.st_size && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_ino == after.st_ino);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One flipped bit among the values is found by the sum. */
static PetscErrorCode Damage(void)
{
  const char    *file = "written.h5";
  NomosData      data;
  PetscMPIInt    rank;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    hid_t   f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT), d = H5Dopen2(f, "/input/a", H5P_DEFAULT), sp = H5Dget_space(d), m;
    hsize_t start[5] = {7, 0, 1, 1, 1}, one[5] = {1, 1, 1, 1, 1};
    double  v;

    m = H5Screate_simple(5, one, NULL);
    H5Sselect_hyperslab(sp, H5S_SELECT_SET, start, NULL, one, NULL);
    H5Dread(d, H5T_NATIVE_DOUBLE, m, sp, H5P_DEFAULT, &v);
    v = nextafter(v, 100);
    H5Dwrite(d, H5T_NATIVE_DOUBLE, m, sp, H5P_DEFAULT, &v);
    H5Sclose(m);
    H5Sclose(sp);
    H5Dclose(d);
    H5Fclose(f);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataSetFiles(data, 1, &file));
  PetscCall(PetscPushErrorHandler(Catch, NULL));
  ierr = NomosDataSetUp(data);
  PetscCall(PetscPopErrorHandler());
  CheckInt("a changed value is refused", ierr, PETSC_ERR_FILE_UNEXPECTED);
  CheckTrue(Said, strstr(Said, "nomos_sum") != NULL);
  PetscCall(NomosDataDestroy(&data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  for (int dim = 1; dim <= 3; dim++) {
    PetscCall(RoundTrip(dim, NOMOS_SINGLE, 0));
    PetscCall(RoundTrip(dim, NOMOS_DOUBLE, (PetscInt64)1 << 30));
  }
  PetscCall(Refusals());
  PetscCall(Damage());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
