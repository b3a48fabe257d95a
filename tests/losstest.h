/* What the tests of the losses share: a loss on a grid, its value as a training run forms it, and its gradient. */
#ifndef NOMOS_TESTS_LOSSTEST_H
#define NOMOS_TESTS_LOSSTEST_H
#include <nomos.h>
#include "golden.h"

/* points and box from the attributes of a golden group, or from the shape of a field [B][C][n..] */
static inline NomosGrid BoxOfShape(int rank, const hsize_t dims[])
{
  NomosGrid g = {.dim = rank - 2};

  for (int j = 0; j < rank - 2; j++) g.n[j] = (PetscInt)dims[2 + j], g.length[j] = 1, g.periodic[j] = PETSC_TRUE;
  return g;
}

static inline PetscErrorCode MakeLoss(const char type[], const NomosGrid *grid, PetscInt batch, PetscInt channels, NomosMap *m)
{
  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "loss", m));
  PetscCall(NomosMapSetType(*m, type));
  PetscCall(NomosMapSetGrid(*m, grid));
  PetscCall(NomosMapSetChannels(*m, channels, channels));
  PetscCall(NomosMapSetBatch(*m, batch));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode VecOf(const double v[], PetscInt n, Vec *out)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, out));
  PetscCall(VecGetArray(*out, &a));
  for (PetscInt i = 0; i < n; i++) a[i] = v ? v[i] : 0;
  PetscCall(VecRestoreArray(*out, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode SetSlot(NomosMap m, const char slot[], const double v[], PetscInt n)
{
  Vec w;

  PetscFunctionBegin;
  PetscCall(VecOf(v, n, &w));
  PetscCall(NomosMapSetField(m, slot, w));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f = (1/B) sum_g |y_g|; gradient (may be NULL) by the adjoint of the seeds y_g/(B |y_g|); norms (may be NULL) per segment */
static inline PetscErrorCode LossValue(NomosMap m, const double x[], double *f, double norms[], double gradient[])
{
  PetscInt           nx, ny, segments, size, batch;
  Vec                vx, vy, vs, vg;
  const PetscScalar *y, *g;
  PetscScalar       *s;

  PetscFunctionBegin;
  PetscCall(NomosMapGetSizes(m, &nx, NULL, &ny));
  PetscCall(NomosMapGetSegments(m, &segments, &size));
  PetscCall(NomosMapGetBatch(m, &batch));
  CheckInt("y is [segments][size]", segments * size, ny);
  PetscCall(VecOf(x, nx, &vx));
  PetscCall(VecDuplicate(vx, &vg));
  PetscCall(NomosMapCreateVecs(m, NULL, NULL, &vy));
  PetscCall(VecDuplicate(vy, &vs));
  PetscCall(NomosMapLinearize(m, vx, NULL, vy));
  PetscCall(VecGetArrayRead(vy, &y));
  PetscCall(VecGetArray(vs, &s));
  *f = 0;
  for (PetscInt i = 0; i < segments; i++) {
    double n = 0;

    for (PetscInt j = 0; j < size; j++) n += y[i * size + j] * y[i * size + j];
    n = sqrt(n);
    if (norms) norms[i] = n;
    for (PetscInt j = 0; j < size; j++) s[i * size + j] = n > 0 ? y[i * size + j] / (n * (double)batch) : 0;
    *f += n / (double)batch;
  }
  PetscCall(VecRestoreArray(vs, &s));
  PetscCall(VecRestoreArrayRead(vy, &y));
  if (gradient) {
    PetscCall(NomosMapApplyAdjoint(m, vs, vg, NULL));
    PetscCall(VecGetArrayRead(vg, &g));
    for (PetscInt i = 0; i < nx; i++) gradient[i] = g[i];
    PetscCall(VecRestoreArrayRead(vg, &g));
  }
  PetscCall(VecDestroy(&vx));
  PetscCall(VecDestroy(&vy));
  PetscCall(VecDestroy(&vs));
  PetscCall(VecDestroy(&vg));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* value and gradient of one stored loss of layers.h5 */
static inline PetscErrorCode GoldenLoss(hid_t file, const char group[], const char loss[], const char type[], double s)
{
  char      path[4096];
  size_t    n, one;
  int       rank;
  hsize_t   dims[8];
  double   *p, *y, *want, *grad, *got, f;
  NomosGrid grid;
  NomosMap  m;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "/loss/%s/p", group);
  p = GoldenRead(file, path, &n, &rank, dims);
  snprintf(path, sizeof(path), "/loss/%s/y", group);
  y = GoldenRead(file, path, &n, NULL, NULL);
  snprintf(path, sizeof(path), "/loss/%s/value/%s", group, loss);
  want = GoldenRead(file, path, &one, NULL, NULL);
  snprintf(path, sizeof(path), "/loss/%s/grad/%s", group, loss);
  grad = GoldenRead(file, path, &n, NULL, NULL);
  got  = (double *)malloc(n * sizeof(double));
  grid = BoxOfShape(rank, dims);
  PetscCall(MakeLoss(type, &grid, (PetscInt)dims[0], (PetscInt)dims[1], &m));
  PetscCall(NomosMapSobolevSetOrder(m, s, 1));
  PetscCall(SetSlot(m, "target", y, (PetscInt)n));
  PetscCall(LossValue(m, p, &f, NULL, got));
  CheckClose(path, f, *want, GOLDEN_TOL * fabs(*want));
  CheckTensor(path, got, grad, n, GOLDEN_TOL);
  PetscCall(NomosMapDestroy(&m));
  free(p);
  free(y);
  free(want);
  free(grad);
  free(got);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* every group below `root`, at most 32 */
static inline int GoldenGroups(hid_t file, const char root[], char names[][64])
{
  hid_t      g = H5Gopen2(file, root, H5P_DEFAULT);
  H5G_info_t info;
  int        n = 0;

  CheckTrue(root, g >= 0 && H5Gget_info(g, &info) >= 0);
  if (g < 0) return 0;
  for (hsize_t i = 0; i < info.nlinks && n < 32; i++) H5Lget_name_by_idx(g, ".", H5_INDEX_NAME, H5_ITER_INC, i, names[n++], 64, H5P_DEFAULT);
  H5Gclose(g);
  CheckTrue("the reference file has groups", n > 0);
  return n;
}
#endif
