/*
  Data sets that must be refused, each for its own reason: links that leave the file, values that are not there, shapes, types
  and schemas that contradict. Each case changes one thing of a file that is accepted; NomosCheckFileHere() must say the words.
*/
#include "src/data/data.h"
#include "src/nomos.h"
#include <hdf5.h>
#include <string.h>
#include <unistd.h>
#define NOMOSTEST_NO_PETSC
#include "nomostest.h"

static hid_t File;

static void Text(const char name[], const char value[])
{
  hid_t t = H5Tcopy(H5T_C_S1), s = H5Screate(H5S_SCALAR), a;

  if (H5Aexists(File, name) > 0) H5Adelete(File, name);
  H5Tset_size(t, strlen(value) + 1);
  a = H5Acreate2(File, name, t, s, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(a, t, value);
  H5Aclose(a);
  H5Sclose(s);
  H5Tclose(t);
}

/* A dataset of the given type and dims, filled with v; dcpl may be H5P_DEFAULT. */
static hid_t Put(const char path[], hid_t type, hid_t dcpl, int rank, hsize_t a, hsize_t b, hsize_t c, hsize_t d, double v, int write)
{
  hsize_t dims[4] = {a, b, c, d};
  hid_t   lcpl = H5Pcreate(H5P_LINK_CREATE), s = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR), set;
  double *x    = (double *)malloc(sizeof(double) * 4096);

  for (int i = 0; i < 4096; i++) x[i] = v;
  H5Pset_create_intermediate_group(lcpl, 1);
  set = H5Dcreate2(File, path, type, s, lcpl, dcpl, H5P_DEFAULT);
  if (write) H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
  free(x);
  H5Sclose(s);
  H5Pclose(lcpl);
  return set;
}

static void PutList(const char path[], int n, const double v[], hid_t type)
{
  hsize_t dim = (hsize_t)n;
  hid_t   lcpl = H5Pcreate(H5P_LINK_CREATE), s = H5Screate_simple(1, &dim, NULL), set;

  H5Pset_create_intermediate_group(lcpl, 1);
  set = H5Dcreate2(File, path, type, s, lcpl, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
  H5Dclose(set);
  H5Sclose(s);
  H5Pclose(lcpl);
}

static void Number(const char path[], const char name[], hid_t type, double v)
{
  hid_t d = H5Oopen(File, path, H5P_DEFAULT), s = H5Screate(H5S_SCALAR), a = H5Acreate2(d, name, type, s, H5P_DEFAULT, H5P_DEFAULT);

  H5Awrite(a, H5T_NATIVE_DOUBLE, &v);
  H5Aclose(a);
  H5Sclose(s);
  H5Oclose(d);
}

enum { GOOD, NO_SCHEMA, OTHER_SCHEMA, NEXT_MAJOR, NO_AXES, BAD_AXES, NO_INPUT, EMPTY_INPUT, SOFT, EXTERNAL_LINK, EXTERNAL_STORE, VIRTUAL, FILTER, SCALEOFFSET, NEVER_WRITTEN, MISSING_CHUNKS, HUGE_DIMS, INTEGERS, STRINGS, COMPOUND, HALF, NO_CHANNEL, GRID_N, GRID_L, GRID_PERIODIC, GRID_TYPE, SAMPLES, NANS, TIME_DOWN, TIME_AXIS, TIME_LENGTH, SPLIT_TWICE, SPLIT_RANGE, STD_ZERO, SUM, SUM_TYPE, FIELD_NAME, GROUP_AS_FIELD, NCASES };

static const char *const words[NCASES] = {
  [GOOD] = "data set nomos-dataset/1, samples=4 grid=4x8", [NO_SCHEMA] = "without the root attribute 'schema'", [OTHER_SCHEMA] = "expected 'nomos-dataset/1'; give a data set", [NEXT_MAJOR] = "another version of the format",
  [NO_AXES] = "no root attribute 'axes', expected", [BAD_AXES] = "slowest first", [NO_INPUT] = "no group '/input', expected", [EMPTY_INPUT] = "holds no field", [SOFT] = "a link to another place", [EXTERNAL_LINK] = "a link to another place",
  [EXTERNAL_STORE] = "another file (external storage)", [VIRTUAL] = "virtual", [FILTER] = "another filter", [SCALEOFFSET] = "another filter", [NEVER_WRITTEN] = "not written completely", [MISSING_CHUNKS] = "chunks are missing",
  [HUGE_DIMS] = "more values than the file can hold", [INTEGERS] = "holds integers", [STRINGS] = "neither floats nor integers", [COMPOUND] = "neither floats nor integers", [HALF] = "not float32 or float64",
  [NO_CHANNEL] = "add the channel axis", [GRID_N] = "points on grid axis", [GRID_L] = "expected L > 0", [GRID_PERIODIC] = "one per axis", [GRID_TYPE] = "'uniform' grids only", [SAMPLES] = "samples, expected 4",
  [NANS] = "-data_allow_nan", [TIME_DOWN] = "increase strictly", [TIME_AXIS] = "expected 0 or 1", [TIME_LENGTH] = "time levels, expected the 3", [SPLIT_TWICE] = "named before", [SPLIT_RANGE] = "not in the file",
  [STD_ZERO] = "a number above 0", [SUM] = "changed or damaged", [SUM_TYPE] = "unsigned 64-bit", [FIELD_NAME] = "name with other characters", [GROUP_AS_FIELD] = "is not a dataset"};

static void Storage(int k)
{
  hid_t   dcpl   = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk[4] = {1, 1, 4, 8}, dims[4] = {4, 1, 4, 8};
  hid_t   space = H5Screate_simple(4, dims, NULL);

  if (k == EXTERNAL_STORE) {
    H5Pset_external(dcpl, "outside.bin", 0, 4 * 32 * 8);
    H5Dclose(Put("/input/b", H5T_IEEE_F64LE, dcpl, 4, 4, 1, 4, 8, 1, 1));
  } else if (k == VIRTUAL) {
    H5Pset_virtual(dcpl, space, "other.h5", "/x", space);
    H5Dclose(Put("/input/b", H5T_IEEE_F64LE, dcpl, 4, 4, 1, 4, 8, 1, 0));
  } else if (k == FILTER || k == SCALEOFFSET) {
    H5Pset_chunk(dcpl, 4, chunk);
    if (k == FILTER) H5Pset_nbit(dcpl);
    else H5Pset_scaleoffset(dcpl, H5Z_SO_FLOAT_DSCALE, 3);
    H5Dclose(Put("/input/b", H5T_IEEE_F32LE, dcpl, 4, 4, 1, 4, 8, 1, 1));
  } else if (k == NEVER_WRITTEN) H5Dclose(Put("/input/b", H5T_IEEE_F64LE, H5P_DEFAULT, 4, 4, 1, 4, 8, 1, 0));
  else if (k == MISSING_CHUNKS || k == HUGE_DIMS) {
    hid_t   d, mem, f;
    hsize_t start[4] = {0}, one[4] = {1, 1, 4, 8};

    H5Pset_chunk(dcpl, 4, chunk);
    if (k == HUGE_DIMS) {
      H5Pset_deflate(dcpl, 9); /* a small file that would unpack to a terabyte */
      H5Dclose(Put("/input/b", H5T_IEEE_F64LE, dcpl, 4, (hsize_t)1 << 32, 1, 4, 8, 1, 0));
    } else {
      d   = Put("/input/b", H5T_IEEE_F64LE, dcpl, 4, 4, 1, 4, 8, 1, 0);
      f   = H5Dget_space(d);
      mem = H5Screate_simple(4, one, NULL);
      H5Sselect_hyperslab(f, H5S_SELECT_SET, start, NULL, one, NULL);
      {
        double x[32] = {0};

        H5Dwrite(d, H5T_NATIVE_DOUBLE, mem, f, H5P_DEFAULT, x);
      }
      H5Sclose(mem);
      H5Sclose(f);
      H5Dclose(d);
    }
  }
  H5Sclose(space);
  H5Pclose(dcpl);
}

static void Types(int k)
{
  hid_t t = -1;

  if (k == STRINGS) {
    t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, 4);
  } else if (k == COMPOUND) {
    t = H5Tcreate(H5T_COMPOUND, 16);
    H5Tinsert(t, "r", 0, H5T_IEEE_F64LE);
    H5Tinsert(t, "i", 8, H5T_IEEE_F64LE);
  } else if (k == HALF) {
    t = H5Tcopy(H5T_IEEE_F32LE); /* binary16, as h5py writes float16 */
    H5Tset_fields(t, 15, 10, 5, 0, 10);
    H5Tset_size(t, 2);
    H5Tset_ebias(t, 15);
  } else t = H5Tcopy(H5T_STD_I32LE);
  H5Dclose(Put("/input/b", t, H5P_DEFAULT, 4, 4, 1, 4, 8, 1, k == INTEGERS || k == HALF));
  H5Tclose(t);
}

static void Small(int k)
{
  const double two[2] = {4, 8}, wrong[2] = {4, 9}, length[2] = {1, 0}, down[3] = {0, 2, 2}, up[3] = {0, 1, 2}, list[3] = {0, 3, 1}, again[2] = {2, 3}, far[2] = {2, 4}, zero[1] = {0};

  if (k == GRID_N) PutList("/grid/n", 2, wrong, H5T_STD_I64LE);
  if (k == GRID_L) PutList("/grid/L", 2, length, H5T_IEEE_F64LE);
  if (k == GRID_PERIODIC) PutList("/grid/periodic", 1, two, H5T_STD_U8LE);
  if (k == TIME_DOWN) PutList("/time", 3, down, H5T_IEEE_F64LE);
  if (k == TIME_LENGTH) {
    PutList("/time", 3, up, H5T_IEEE_F64LE);
    Text("axes", "x");
    H5Ldelete(File, "/input/a", H5P_DEFAULT);
    H5Dclose(Put("/input/a", H5T_IEEE_F64LE, H5P_DEFAULT, 4, 4, 1, 4, 8, 1, 1));
    Number("/input/a", "time_axis", H5T_STD_I64LE, 1);
  }
  if (k == TIME_AXIS) Number("/input/a", "time_axis", H5T_STD_I64LE, 2);
  if (k == SPLIT_TWICE) {
    PutList("/split/train", 3, list, H5T_STD_I64LE);
    PutList("/split/test", 2, again, H5T_STD_I64LE);
  }
  if (k == SPLIT_RANGE) PutList("/split/valid", 2, far, H5T_STD_I32LE);
  if (k == STD_ZERO) PutList("/norm/a/std", 1, zero, H5T_IEEE_F64LE);
  if (k == SUM) Number("/input/a", "nomos_sum", H5T_STD_U64LE, 12345);
  if (k == SUM_TYPE) Number("/input/a", "nomos_sum", H5T_STD_I32LE, 12345);
}

static void Links(int k)
{
  hid_t g;

  if (k == SOFT) H5Lcreate_soft("/input/a", File, "/input/b", H5P_DEFAULT, H5P_DEFAULT);
  if (k == EXTERNAL_LINK) H5Lcreate_external("other.h5", "/x", File, "/input/b", H5P_DEFAULT, H5P_DEFAULT);
  if (k == FIELD_NAME) H5Lmove(File, "/input/a", File, "/input/a b", H5P_DEFAULT, H5P_DEFAULT);
  if (k == GROUP_AS_FIELD) {
    g = H5Gcreate2(File, "/input/g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(g);
  }
  if (k == NO_INPUT) H5Ldelete(File, "/input", H5P_DEFAULT);
  if (k == EMPTY_INPUT) H5Ldelete(File, "/input/a", H5P_DEFAULT);
  if (k == GRID_TYPE) {
    hid_t t = H5Tcopy(H5T_C_S1), s = H5Screate(H5S_SCALAR), a;

    g = H5Gcreate2(File, "/grid", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tset_size(t, 5);
    a = H5Acreate2(g, "type", t, s, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, t, "mesh");
    H5Aclose(a);
    H5Sclose(s);
    H5Tclose(t);
    H5Gclose(g);
  }
}

static void Case(int k)
{
  char sentence[2000];
  int  refused;

  File = H5Fcreate("case.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (k != NO_SCHEMA) Text("schema", k == OTHER_SCHEMA ? "other/1" : (k == NEXT_MAJOR ? "nomos-dataset/2" : "nomos-dataset/1"));
  if (k != NO_AXES) Text("axes", k == BAD_AXES ? "x,y" : "y,x");
  H5Dclose(Put("/input/a", H5T_IEEE_F64LE, H5P_DEFAULT, 4, 4, 1, 4, 8, k == NANS ? 0. / 0. : 1, 1));
  if (k >= EXTERNAL_STORE && k <= HUGE_DIMS) Storage(k);
  else if (k >= INTEGERS && k <= HALF) Types(k);
  else if (k == NO_CHANNEL) H5Dclose(Put("/output/u", H5T_IEEE_F32LE, H5P_DEFAULT, 3, 4, 4, 8, 0, 1, 1));
  else if (k == SAMPLES) H5Dclose(Put("/output/u", H5T_IEEE_F32LE, H5P_DEFAULT, 4, 3, 1, 4, 8, 1, 1));
  else {
    Small(k);
    Links(k);
  }
  H5Fclose(File);
  refused = NomosCheckFileHere("case.h5", sentence, sizeof(sentence));
  CheckInt(words[k], refused, k != GOOD);
  CheckTrue(sentence, words[k] && strstr(sentence, words[k]) != NULL);
}

/* Every cut of a good file, and files that are something else. */
static void Others(void)
{
  char  sentence[2000], buffer[40000];
  FILE *f;
  size_t n;

  CheckInt("no such file", NomosCheckFileHere("nothing.h5", sentence, sizeof(sentence)), 1);
  CheckInt("a folder", NomosCheckFileHere(".", sentence, sizeof(sentence)), 1);
  Case(GOOD);
  f = fopen("case.h5", "rb");
  n = fread(buffer, 1, sizeof(buffer), f);
  fclose(f);
  for (size_t cut = 0; cut < n; cut += n / 40) {
    f = fopen("cut.h5", "wb");
    fwrite(buffer, 1, cut, f);
    fclose(f);
    CheckInt("a truncated file is refused", NomosCheckFileHere("cut.h5", sentence, sizeof(sentence)), 1);
  }
  f = fopen("pickle.pt", "wb");
  fwrite("PK\3\4 something more", 1, 20, f);
  fclose(f);
  CheckInt("a pickle is refused", NomosCheckFileHere("pickle.pt", sentence, sizeof(sentence)), 1);
  CheckTrue(sentence, strstr(sentence, "never read") != NULL);
  CheckInt("public data", NomosCheckFileHere(NomosTestFile("examples/data/burgers16_test.h5"), sentence, sizeof(sentence)), 0);
  CheckTrue(sentence, strstr(sentence, "samples=400 grid=16") != NULL);
  CheckInt("reference values", NomosCheckFileHere(NomosTestFile("tests/golden/fno2d.h5"), sentence, sizeof(sentence)), 0);
  CheckTrue(sentence, strstr(sentence, "kind=model cases=3") != NULL);
  CheckInt("weights", NomosCheckFileHere(NomosTestFile("tests/golden/fno2d.safetensors"), sentence, sizeof(sentence)), 0);
  CheckTrue(sentence, strstr(sentence, "tensors=32") != NULL);
}

int main(void)
{
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  for (int k = 0; k < NCASES; k++) Case(k);
  Others();
  H5close();
  return NomosTestResult();
}

/*TEST
  sanitize: yes
  sources: src/data/guard.c src/data/finish.c src/data/h5.c src/data/hdf5.c src/data/dataset.c src/data/checkpoint.c src/data/optionlist.c src/data/safetensors.c src/data/check.c
  np: 1
TEST*/
