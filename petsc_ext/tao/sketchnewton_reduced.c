/* sketchnewton_reduced.c - eigenvalues of the reduced Hessian and singular values of the Jacobian by dense algebra: the
   regularization and the accuracy test of Hong et al. 2023 need them, and only small problems can afford them. */
#include "sketchnewton.h"
#include <petscblaslapack.h>

#define LARGEST 500

/* column j of the operator, on every rank */
static PetscErrorCode Column(Tao tao, PetscBool jacobian, PetscInt j, VecScatter all, Vec here, PetscScalar out[])
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  Vec                e = jacobian ? s->u[1] : s->u[0], y = s->v[0];
  const PetscScalar *a;
  PetscInt           lo, hi, n;

  PetscFunctionBegin;
  PetscCall(VecSet(e, 0));
  PetscCall(VecGetOwnershipRange(e, &lo, &hi));
  if (j >= lo && j < hi) PetscCall(VecSetValue(e, j, 1, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(e));
  PetscCall(VecAssemblyEnd(e));
  if (jacobian) PetscCall(NomosSNJacobianMultTranspose(tao, e, y));
  else PetscCall(MatMult(s->H, e, y));
  PetscCall(VecScatterBegin(all, y, here, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(all, y, here, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetSize(here, &n));
  PetscCall(VecGetArrayRead(here, &a));
  PetscCall(PetscArraycpy(out, a, n));
  PetscCall(VecRestoreArrayRead(here, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Dense(Tao tao, PetscBool jacobian, PetscInt columns, PetscScalar out[], PetscReal *fro)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  VecScatter         all;
  Vec                here;
  PetscReal          sum = 0;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToAll(s->v[0], &all, &here));
  for (PetscInt j = 0; j < columns; j++) PetscCall(Column(tao, jacobian, j, all, here, out + (size_t)j * s->kkt->N));
  for (size_t i = 0; i < (size_t)columns * s->kkt->N; i++) sum += PetscRealPart(out[i] * out[i]);
  *fro = PetscSqrtReal(sum);
  PetscCall(VecScatterDestroy(&all));
  PetscCall(VecDestroy(&here));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* U: an orthonormal basis of R^n whose first `rank` columns span the range of G'; gmin: smallest eigenvalue of GG' */
static PetscErrorCode RangeBasis(PetscInt n, PetscInt m, PetscScalar Gt[], PetscScalar U[], PetscInt *rank, PetscReal *gmin)
{
  PetscBLASInt bn, bm, lwork, info, one = 1;
  PetscReal   *sigma;
  PetscScalar *work, none;
  PetscInt     k = PetscMin(n, m);

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(n, &bn));
  PetscCall(PetscBLASIntCast(m, &bm));
  PetscCall(PetscBLASIntCast(10 * (n + m) + 64, &lwork));
  PetscCall(PetscMalloc2(k + 1, &sigma, lwork, &work));
  PetscCallBLAS("LAPACKgesvd", LAPACKgesvd_("A", "N", &bn, &bm, Gt, &bn, sigma, U, &bn, &none, &one, work, &lwork, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB, "the singular value decomposition failed with info %d", (int)info);
  *rank = 0;
  for (PetscInt i = 0; i < k; i++)
    if (sigma[i] > 1e-12 * PetscMax(1, sigma[0])) (*rank)++;
  *gmin = m > n ? 0 : sigma[k - 1] * sigma[k - 1];
  PetscCall(PetscFree2(sigma, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* smallest eigenvalue of Z'HZ, Z the columns of U from `rank` on */
static PetscErrorCode SmallestEigenvalue(PetscInt n, PetscInt rank, const PetscScalar H[], PetscScalar U[], PetscReal *least)
{
  const PetscInt k = n - rank;
  PetscBLASInt   bn, bk, lwork, info;
  PetscScalar   *HZ, *T, *work, one = 1, zero = 0, *Z = U + (size_t)n * rank;
  PetscReal     *values;

  PetscFunctionBegin;
  *least = PETSC_MAX_REAL; /* nothing is left free */
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscBLASIntCast(n, &bn));
  PetscCall(PetscBLASIntCast(k, &bk));
  PetscCall(PetscBLASIntCast(10 * k + 64, &lwork));
  PetscCall(PetscMalloc4((size_t)n * k, &HZ, (size_t)k * k, &T, lwork, &work, k, &values));
  PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &bn, &bk, &bn, &one, H, &bn, Z, &bn, &zero, HZ, &bn));
  PetscCallBLAS("BLASgemm", BLASgemm_("T", "N", &bk, &bk, &bn, &one, Z, &bn, HZ, &bn, &zero, T, &bk));
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("N", "U", &bk, T, &bk, values, work, &lwork, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB, "the eigenvalue solver failed with info %d", (int)info);
  *least = values[0];
  PetscCall(PetscFree4(HZ, T, work, values));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* hmin: smallest curvature of H on the kernel of G, gmin: smallest eigenvalue of GG', and the Frobenius norms, at `now`. */
PetscErrorCode NomosSNReduced(Tao tao, PetscReal *hmin, PetscReal *gmin, PetscReal *hfro, PetscReal *gfro)
{
  NomosSketchNewton *s = (NomosSketchNewton *)tao->data;
  const PetscInt     n = s->kkt->N, m = s->kkt->M;
  PetscInt           rank = 0;
  PetscScalar       *H, *Gt, *U;

  PetscFunctionBegin;
  PetscCheck(n <= LARGEST && m <= LARGEST, PetscObjectComm((PetscObject)tao), PETSC_ERR_SUP, "-tao_sketchnewton_regularization paper and -tao_sketchnewton_accuracy theory are for at most %d unknowns, here are %" PetscInt_FMT "; use auto and practical", LARGEST, n);
  PetscCall(PetscMalloc3((size_t)n * n, &H, (size_t)n * PetscMax(m, 1), &Gt, (size_t)n * n, &U));
  PetscCall(Dense(tao, PETSC_FALSE, n, H, hfro));
  PetscCall(PetscArrayzero(U, (size_t)n * n));
  for (PetscInt i = 0; i < n; i++) U[(size_t)i * n + i] = 1;
  *gfro = 0;
  *gmin = 1;
  if (m) {
    PetscCall(Dense(tao, PETSC_TRUE, m, Gt, gfro));
    PetscCall(RangeBasis(n, m, Gt, U, &rank, gmin));
  }
  PetscCall(SmallestEigenvalue(n, rank, H, U, hmin));
  PetscCall(PetscFree3(H, Gt, U));
  PetscFunctionReturn(PETSC_SUCCESS);
}
