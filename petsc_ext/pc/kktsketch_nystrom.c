/*
  kktsketch_nystrom.c - randomized Nystrom approximation of a positive semidefinite block known by its products alone
  (Frangella, Tropp, Udell 2023, algorithm 2.1): B ~ U Lam U', and Bh = U (Lam + t) U' + (Lam_ell + t)(I - UU').
*/
#include "kktsketch.h"
#include <petscblaslapack.h>

/* gram = X'Y (ell x ell, column-major), one reduction */
static PetscErrorCode Gram(PetscInt ell, Vec *X, Vec *Y, PetscScalar *gram)
{
  PetscFunctionBegin;
  for (PetscInt j = 0; j < ell; j++) PetscCall(VecMDotBegin(Y[j], ell, X, gram + j * ell));
  for (PetscInt j = 0; j < ell; j++) PetscCall(VecMDotEnd(Y[j], ell, X, gram + j * ell));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Y = X C for a small C (ell x cols, column-major) */
static PetscErrorCode Combine(PetscInt ell, Vec *X, PetscInt cols, const PetscScalar *C, Vec *Y)
{
  PetscFunctionBegin;
  for (PetscInt j = 0; j < cols; j++) {
    PetscCall(VecSet(Y[j], 0));
    PetscCall(VecMAXPY(Y[j], ell, C + j * ell, X));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* C = (upper Cholesky factor of A)^-1; ok says whether A was positive definite. A is overwritten. */
static PetscErrorCode InverseFactor(PetscInt ell, PetscScalar *A, PetscScalar *C, PetscBool *ok)
{
  const PetscScalar one = 1;
  PetscBLASInt      n, info;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(ell, &n));
  for (PetscInt j = 0; j < ell; j++)
    for (PetscInt i = 0; i < j; i++) A[i + j * ell] = 0.5 * (A[i + j * ell] + A[j + i * ell]);
  PetscCallBLAS("LAPACKpotrf", LAPACKpotrf_("U", &n, A, &n, &info));
  *ok = info ? PETSC_FALSE : PETSC_TRUE;
  if (!*ok) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscArrayzero(C, ell * ell));
  for (PetscInt j = 0; j < ell; j++) C[j + j * ell] = 1;
  PetscCallBLAS("BLAStrsm", BLAStrsm_("L", "U", "N", "N", &n, &n, &one, A, &n, C, &n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Room(PC pc, PetscInt ell)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  if (k->nwork == ell && k->U) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDestroyVecs(k->nwork, &k->U));
  PetscCall(VecDestroyVecs(k->nwork, &k->Omega));
  PetscCall(PetscFree2(k->coef, k->dots));
  PetscCall(VecDuplicateVecs(k->r1, ell, &k->U));
  PetscCall(VecDuplicateVecs(k->r1, ell, &k->Omega));
  PetscCall(PetscMalloc2(ell, &k->coef, ell, &k->dots));
  k->nwork = ell;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Omega: orthonormal columns, by two passes of Cholesky QR on Gaussian ones. */
static PetscErrorCode TestMatrix(PC pc, PetscInt ell, PetscScalar *A, PetscScalar *C)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  NomosSketch  *s;
  PetscBool     ok;

  PetscFunctionBegin;
  PetscCall(NomosSketchCreate(k->r1, NOMOS_SKETCH_GAUSSIAN, k->seed, k->setups, ell, 1, &s));
  for (PetscInt j = 0; j < ell; j++) PetscCall(NomosSketchColumn(s, j, k->U[j]));
  PetscCall(NomosSketchDestroy(&s));
  PetscCall(Gram(ell, k->U, k->U, A));
  PetscCall(InverseFactor(ell, A, C, &ok));
  PetscCheck(ok, PetscObjectComm((PetscObject)pc), PETSC_ERR_PLIB, "Gaussian vectors are not independent");
  PetscCall(Combine(ell, k->U, ell, C, k->Omega));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* U, Lam from Y_nu (in U) and C: eigenvectors of C'(Y_nu'Y_nu)C are right singular vectors of Y_nu C. */
static PetscErrorCode Spectrum(PC pc, PetscInt ell, PetscReal nu, PetscScalar *C, PetscScalar *A)
{
  PC_KKTSketch     *k = (PC_KKTSketch *)pc->data;
  const PetscScalar one = 1, zero = 0;
  PetscScalar      *T, *work, size;
  PetscReal        *lam;
  PetscBLASInt      n, info, lwork = -1;
  PetscInt          first = 0;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(ell, &n));
  PetscCall(PetscMalloc2(ell * ell, &T, ell, &lam));
  PetscCall(Gram(ell, k->U, k->U, A));
  PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &n, &n, &n, &one, A, &n, C, &n, &zero, T, &n));
  PetscCallBLAS("BLASgemm", BLASgemm_("T", "N", &n, &n, &n, &one, C, &n, T, &n, &zero, A, &n));
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("V", "U", &n, A, &n, lam, &size, &lwork, &info));
  lwork = (PetscBLASInt)size;
  PetscCall(PetscMalloc1(lwork, &work));
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("V", "U", &n, A, &n, lam, work, &lwork, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK's syev says %d", (int)info);
  while (first < ell - 1 && lam[first] < 100 * PETSC_MACHINE_EPSILON * lam[ell - 1]) first++; /* no direction is left of these */
  for (PetscInt j = first; j < ell; j++)
    for (PetscInt i = 0; i < ell; i++) A[i + j * ell] /= PetscSqrtReal(lam[j]);
  PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &n, &n, &n, &one, C, &n, A, &n, &zero, T, &n));
  k->ell  = ell - first;
  k->lam1 = PetscMax(lam[ell - 1] - nu, 0);
  k->mu   = PetscMax(PetscMax(first ? 0 : lam[0] - nu, 0) + k->t, NOMOS_KKT_FLOOR * (k->lam1 + k->t));
  for (PetscInt i = 0; i < k->ell; i++) k->coef[i] = 1 / PetscMax(PetscMax(lam[first + i] - nu, 0) + k->t, k->mu) - 1 / k->mu;
  PetscCall(Combine(ell, k->U, k->ell, T + first * ell, k->Omega));
  for (PetscInt i = 0; i < k->ell; i++) PetscCall(VecSwap(k->U[i], k->Omega[i]));
  PetscCall(PetscFree2(T, lam));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fills U, coef, mu. ok is false for a block that is not positive on the sketch, also after three larger shifts. */
PetscErrorCode NomosKKTSketchNystrom(PC pc, PetscBool *ok)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscScalar  *A, *C;
  PetscReal     norm = 0, nu, added = 0;
  PetscInt      n, ell;

  PetscFunctionBegin;
  PetscCall(VecGetSize(k->r1, &n));
  ell = PetscMax(1, PetscMin(k->rank, n / 2));
  PetscCall(Room(pc, ell));
  PetscCall(PetscMalloc2(ell * ell, &A, ell * ell, &C));
  PetscCall(TestMatrix(pc, ell, A, C));
  for (PetscInt j = 0; j < ell; j++) PetscCall(MatMult(k->Hpre, k->Omega[j], k->U[j]));
  k->products += ell;
  PetscCall(Gram(ell, k->U, k->U, A));
  for (PetscInt j = 0; j < ell; j++) norm += PetscRealPart(A[j + j * ell]);
  norm    = PetscSqrtReal(norm);
  k->lam1 = norm;
  *ok     = norm > 0 && !PetscIsInfOrNanReal(norm) ? PETSC_TRUE : PETSC_FALSE;
  nu      = 1e-8 * norm;
  if (*ok) {
    for (PetscInt attempt = 0; attempt < 4; attempt++, nu *= 2) {
      for (PetscInt j = 0; j < ell; j++) PetscCall(VecAXPY(k->U[j], nu - added, k->Omega[j]));
      added = nu;
      PetscCall(Gram(ell, k->Omega, k->U, A));
      PetscCall(InverseFactor(ell, A, C, ok));
      if (*ok) break;
    }
  }
  if (*ok) PetscCall(Spectrum(pc, ell, nu, C, A));
  PetscCall(PetscFree2(A, C));
  PetscFunctionReturn(PETSC_SUCCESS);
}
