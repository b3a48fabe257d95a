/* Reading the reference tensors of tests/golden: whole data sets of doubles from an HDF5 file. */
#ifndef NOMOS_TESTS_GOLDEN_H
#define NOMOS_TESTS_GOLDEN_H
#include <hdf5.h>
#include "nomostest.h"

/* Entries of the references agree with an independent evaluation to 1e-13 (tests/golden/README.md, section 8); ten times that. */
#define GOLDEN_TOL 1e-12

static inline hid_t GoldenOpen(const char name[])
{
  hid_t file = H5Fopen(NomosTestFile(name), H5F_ACC_RDONLY, H5P_DEFAULT);

  CheckTrue(name, file >= 0);
  return file;
}

/* The data set as doubles; free() it. n: entries, rank and dims (room for 8) may be NULL. NULL when it is not there. */
static inline double *GoldenRead(hid_t file, const char path[], size_t *n, int *rank, hsize_t dims[])
{
  hid_t   set = H5Dopen2(file, path, H5P_DEFAULT), space;
  hsize_t d[8] = {0};
  double *v = NULL;
  int     r;

  CheckTrue(path, set >= 0);
  if (set < 0) return NULL;
  space = H5Dget_space(set);
  r     = H5Sget_simple_extent_dims(space, d, NULL);
  *n    = (size_t)H5Sget_simple_extent_npoints(space);
  v     = (double *)malloc((*n + 1) * sizeof(double));
  CheckTrue(path, v && H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
  if (rank) *rank = r;
  for (int j = 0; dims && j < r; j++) dims[j] = d[j];
  H5Sclose(space);
  H5Dclose(set);
  return v;
}

/* A numeric attribute of an object, as many entries as it has. */
static inline void GoldenAttribute(hid_t file, const char path[], const char name[], double v[])
{
  hid_t a = H5Aopen_by_name(file, path, name, H5P_DEFAULT, H5P_DEFAULT);

  CheckTrue(name, a >= 0 && H5Aread(a, H5T_NATIVE_DOUBLE, v) >= 0);
  if (a >= 0) H5Aclose(a);
}

static inline int GoldenHas(hid_t file, const char path[])
{
  return H5Lexists(file, path, H5P_DEFAULT) > 0;
}

/* |a - b| <= tol |b| in the 2-norm */
static inline void CheckTensor(const char what[], const double a[], const double b[], size_t n, double tol)
{
  double d = 0, s = 0;

  for (size_t i = 0; i < n; i++) d += (a[i] - b[i]) * (a[i] - b[i]), s += b[i] * b[i];
  CheckClose(what, s > 0 ? sqrt(d / s) : sqrt(d), 0, tol);
}
#endif
