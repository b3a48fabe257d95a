/*
  kktsketch_nystrom.c - randomized Nystrom approximation of a positive semidefinite block known by its products alone
  (Frangella, Tropp, Udell 2023, algorithm 2.1): B ~ U Lam U', and Bh = U (Lam + t) U' + (Lam_ell + t)(I - UU').
*/
#include "kktsketch.h"
#include <petscblaslapack.h>

#define PROBES 6    /* products after which the spectrum is judged */
#define FLAT   1.25 /* E lam^2 / (E lam)^2: conditions near 1 */

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
  PC_KKTSketch *k    = (PC_KKTSketch *)pc->data;
  const size_t  size = (size_t)ell * (size_t)ell;

  PetscFunctionBegin;
  if (k->nwork == ell && k->U) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDestroyVecs(k->nwork, &k->U));
  PetscCall(VecDestroyVecs(k->nwork, &k->Omega));
  PetscCall(PetscFree5(k->coef, k->dots, k->A, k->C, k->lam));
  PetscCall(VecDuplicateVecs(k->r1, ell, &k->U));
  PetscCall(VecDuplicateVecs(k->r1, ell, &k->Omega));
  PetscCall(PetscMalloc5(ell, &k->coef, ell, &k->dots, size, &k->A, size, &k->C, ell, &k->lam));
  k->nwork = ell;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Columns from .. to - 1 of Omega: Gaussian, made orthonormal to those before and by Cholesky QR among themselves. */
static PetscErrorCode TestMatrix(PC pc, PetscInt from, PetscInt to)
{
  PC_KKTSketch  *k   = (PC_KKTSketch *)pc->data;
  const PetscInt ell = to - from;
  Vec           *V   = k->Omega + from;
  NomosSketch   *s;
  PetscBool      ok;

  PetscFunctionBegin;
  PetscCall(NomosSketchCreate(k->r1, NOMOS_SKETCH_GAUSSIAN, k->seed, k->setups, to, 1, &s));
  for (PetscInt j = 0; j < ell; j++) PetscCall(NomosSketchColumn(s, from + j, V[j]));
  PetscCall(NomosSketchDestroy(&s));
  for (PetscInt j = 0; j < ell && from; j++)
    for (PetscInt pass = 0; pass < 2; pass++) {
      PetscCall(VecMDot(V[j], from, k->Omega, k->dots));
      for (PetscInt i = 0; i < from; i++) k->dots[i] = -k->dots[i];
      PetscCall(VecMAXPY(V[j], from, k->dots, k->Omega));
    }
  PetscCall(Gram(ell, V, V, k->A));
  PetscCall(InverseFactor(ell, k->A, k->C, &ok));
  PetscCheck(ok, PetscObjectComm((PetscObject)pc), PETSC_ERR_PLIB, "Gaussian vectors are not independent");
  for (PetscInt j = ell - 1; j >= 0; j--) { /* the factor is triangular: in place, the last column first */
    PetscCall(VecScale(V[j], k->C[j + j * ell]));
    PetscCall(VecMAXPY(V[j], j, k->C + j * ell, V));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* mu and the coefficients in the range of U for the shift in force */
static void Coefficients(PC_KKTSketch *k)
{
  k->mu = PetscMax(k->tail + k->t, NOMOS_KKT_FLOOR * (k->lam1 + k->t));
  for (PetscInt i = 0; i < k->ell; i++) k->coef[i] = 1 / PetscMax(k->lam[i] + k->t, k->mu) - 1 / k->mu;
}

/* U, Lam from Y_nu (in U) and C: eigenvectors of C'(Y_nu'Y_nu)C are right singular vectors of Y_nu C. */
static PetscErrorCode Spectrum(PC pc, PetscInt ell, PetscReal nu)
{
  PC_KKTSketch     *k   = (PC_KKTSketch *)pc->data;
  const PetscScalar one = 1, zero = 0;
  PetscScalar      *T, *A = k->A, *C = k->C, *work, size;
  PetscReal        *lam;
  PetscBLASInt      n, info, lwork = -1;
  PetscInt          first = 0;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(ell, &n));
  PetscCall(Gram(ell, k->U, k->U, A));
  PetscCall(PetscMalloc2(ell * ell, &T, ell, &lam));
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
  k->tail = PetscMax(first ? 0 : lam[0] - nu, 0);
  for (PetscInt i = 0; i < k->ell; i++) k->lam[i] = PetscMax(lam[first + i] - nu, 0);
  PetscCall(Combine(ell, k->U, k->ell, T + first * ell, k->Omega));
  for (PetscInt i = 0; i < k->ell; i++) PetscCall(VecSwap(k->U[i], k->Omega[i]));
  PetscCall(PetscFree2(T, lam));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Columns from .. to - 1 of Y = B Omega (in U), then the Cholesky factor of Omega'(Y + nu Omega): ok is false for a block that is not
   positive on the sketch, also after three larger shifts. flat: the spectrum has little spread, E lam^2 <= FLAT (E lam)^2 over the
   random vectors: few more iterations are cheaper than more products for the sketch. */
static PetscErrorCode Extend(PC pc, PetscInt from, PetscInt to, PetscReal *nu, PetscBool *ok, PetscBool *flat)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscReal     square = 0, trace = 0, added = 0;

  PetscFunctionBegin;
  PetscCall(TestMatrix(pc, from, to));
  for (PetscInt j = 0; j < from; j++) PetscCall(VecAXPY(k->U[j], -*nu, k->Omega[j]));
  for (PetscInt j = from; j < to; j++) PetscCall(MatMult(k->Hpre, k->Omega[j], k->U[j]));
  k->products += to - from;
  PetscCall(Gram(to, k->U, k->U, k->A));
  for (PetscInt j = 0; j < to; j++) square += PetscRealPart(k->A[j + j * to]);
  k->lam1 = PetscSqrtReal(square);
  *ok     = square > 0 && !PetscIsInfOrNanReal(square) ? PETSC_TRUE : PETSC_FALSE;
  *flat   = PETSC_FALSE;
  if (!*ok) PetscFunctionReturn(PETSC_SUCCESS);
  *nu = 1e-8 * k->lam1;
  for (PetscInt attempt = 0; attempt < 4; attempt++, *nu *= 2) {
    for (PetscInt j = 0; j < to; j++) PetscCall(VecAXPY(k->U[j], *nu - added, k->Omega[j]));
    added = *nu;
    PetscCall(Gram(to, k->Omega, k->U, k->A));
    for (PetscInt j = 0; j < to && !attempt; j++) trace += PetscRealPart(k->A[j + j * to]);
    PetscCall(InverseFactor(to, k->A, k->C, ok));
    if (*ok) break;
  }
  *flat = square * (PetscReal)to <= FLAT * trace * trace ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fills U, Lam, coef, mu. The products are made anew for new values of the block; under a new shift, or where the values are known to be
   those of the latest sketch, only the coefficients are. */
PetscErrorCode NomosKKTSketchNystrom(PC pc, PetscBool stale, PetscBool *ok)
{
  PC_KKTSketch    *k = (PC_KKTSketch *)pc->data;
  PetscObjectId    id;
  PetscObjectState state;
  PetscReal        nu = 0;
  PetscBool        same, flat = PETSC_FALSE;
  PetscInt         n, ell, few;

  PetscFunctionBegin;
  PetscCall(PetscObjectGetId((PetscObject)k->Hpre, &id));
  PetscCall(PetscObjectStateGet((PetscObject)k->Hpre, &state));
  same = k->query && id == k->sketched_id && state == k->sketched_state ? PETSC_TRUE : PETSC_FALSE;
  if (!k->sketched || (!same && (stale || !k->positive))) { /* other values may be positive */
    k->sketched = PETSC_FALSE;
    PetscCall(VecGetSize(k->r1, &n));
    ell = PetscMax(1, PetscMin(k->rank, n / 2));
    few = PetscMin(ell, PROBES);
    PetscCall(Room(pc, ell));
    PetscCall(Extend(pc, 0, few, &nu, &k->positive, &flat));
    if (k->positive && !flat && few < ell)
      PetscCall(Extend(pc, few, ell, &nu, &k->positive, &flat));
    else
      ell = few;
    if (k->positive) PetscCall(Spectrum(pc, ell, nu));
    k->sketched       = PETSC_TRUE;
    k->sketched_id    = id;
    k->sketched_state = state;
  }
  *ok = k->positive;
  if (*ok) Coefficients(k);
  PetscFunctionReturn(PETSC_SUCCESS);
}
