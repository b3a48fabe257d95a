/*
  sketchqr.c - pivoted QR of the sketch of a tall matrix, as a preconditioner of its normal equations (Avron, Maymounkov,
  Toledo 2010, section 3: kappa(T R^-1) = kappa of the sketch on range(T), whatever the conditioning of T).
*/
#include "sketch.h"
#include <petscblaslapack.h>

/* PETSc does not declare this one; pivoted QR by blocks. */
#define LAPACKgeqp3_ PETSCBLAS(geqp3, GEQP3)
BLAS_EXTERN void LAPACKgeqp3_(const PetscBLASInt *, const PetscBLASInt *, PetscScalar *, const PetscBLASInt *, PetscBLASInt *, PetscScalar *, PetscScalar *, const PetscBLASInt *, PetscBLASInt *);

/* Every rank gets all columns. */
static PetscErrorCode Gather(NomosSketchQR *q, PetscInt rows, PetscInt n, PetscScalar *local)
{
  const PetscMPIInt one = 1;
  PetscMPIInt       size, count, *counts, *starts;
  MPI_Datatype      column;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(q->comm, &size));
  PetscCall(PetscMPIIntCast(n, &count));
  PetscCall(PetscMalloc2(size, &counts, size, &starts));
  PetscCallMPI(MPI_Allgather(&count, one, MPI_INT, counts, one, MPI_INT, q->comm));
  starts[0] = 0;
  for (PetscMPIInt r = 1; r < size; r++) starts[r] = starts[r - 1] + counts[r - 1];
  PetscCall(PetscMPIIntCast(rows, &count));
  PetscCallMPI(MPI_Type_contiguous(count, MPIU_SCALAR, &column)); /* counts of columns: rows times columns overflows early */
  PetscCallMPI(MPI_Type_commit(&column));
  PetscCall(PetscMPIIntCast(n, &count));
  PetscCallMPI(MPI_Allgatherv(local, count, column, q->R, counts, starts, column, q->comm));
  PetscCallMPI(MPI_Type_free(&column));
  PetscCall(PetscFree2(counts, starts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dgeqp3; then pivots that are rounding errors become as large as the first: those directions are left as they are. */
static PetscErrorCode Factor(NomosSketchQR *q, PetscInt rows)
{
  PetscBLASInt m, n, info, lwork = -1;
  PetscScalar *tau, *work, size;
  PetscReal    largest, smallest;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(rows, &m));
  PetscCall(PetscBLASIntCast(q->m, &n));
  PetscCall(PetscMalloc1(PetscMax(q->m, 1), &tau));
  PetscCall(PetscArrayzero(q->pivot, q->m));
  PetscCallBLAS("LAPACKgeqp3", LAPACKgeqp3_(&m, &n, q->R, &m, q->pivot, tau, &size, &lwork, &info));
  lwork = (PetscBLASInt)size;
  PetscCall(PetscMalloc1(lwork, &work));
  PetscCallBLAS("LAPACKgeqp3", LAPACKgeqp3_(&m, &n, q->R, &m, q->pivot, tau, work, &lwork, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK's geqp3 says %d", (int)info);
  largest = smallest = PetscAbsScalar(q->R[0]);
  for (PetscInt k = 0; k < q->m; k++) {
    PetscScalar *d = &q->R[(size_t)k * (size_t)rows + (size_t)k];

    smallest = PetscMin(smallest, PetscAbsScalar(*d));
    if (PetscAbsScalar(*d) >= 1e-13 * largest && largest > 0) continue;
    *d = largest > 0 ? largest : 1;
    q->replaced++;
  }
  q->ratio = largest > 0 ? smallest / largest : 0;
  PetscCall(PetscFree(tau));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps the triangle alone. */
static PetscErrorCode Shrink(NomosSketchQR *q)
{
  PetscScalar *R;

  PetscFunctionBegin;
  if (q->ld == q->m) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((size_t)q->m * (size_t)q->m, &R));
  for (PetscInt c = 0; c < q->m; c++) PetscCall(PetscArraycpy(R + (size_t)c * (size_t)q->m, q->R + (size_t)c * (size_t)q->ld, c + 1));
  PetscCall(PetscFree(q->R));
  q->R  = R;
  q->ld = q->m;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSketchQRCreate(Vec like, PetscInt rows, PetscScalar *local, NomosSketchQR **factor)
{
  NomosSketchQR *q;
  PetscInt       n, bad = 0;

  PetscFunctionBegin;
  PetscCall(PetscNew(&q));
  *factor = q;
  q->comm = PetscObjectComm((PetscObject)like);
  q->ld   = rows;
  PetscCall(VecGetSize(like, &q->m));
  PetscCall(VecGetLocalSize(like, &n));
  PetscCheck(rows >= q->m, q->comm, PETSC_ERR_ARG_SIZ, "the sketch has %" PetscInt_FMT " rows for %" PetscInt_FMT " columns; it needs at least as many", rows, q->m);
  for (size_t i = 0; i < (size_t)rows * (size_t)n; i++) bad |= PetscIsInfOrNanScalar(local[i]) ? 1 : 0;
  PetscCall(MPIU_Allreduce(MPI_IN_PLACE, &bad, 1, MPIU_INT, MPI_MAX, q->comm));
  PetscCheck(!bad, q->comm, PETSC_ERR_FP, "the matrix to be sketched has entries that are not finite");
  PetscCall(PetscMalloc1(PetscMax((size_t)rows * (size_t)q->m, 1), &q->R));
  PetscCall(PetscMalloc2(PetscMax(q->m, 1), &q->work, PetscMax(q->m, 1), &q->pivot));
  PetscCall(VecScatterCreateToAll(like, &q->gather, &q->all));
  if (q->m) {
    PetscCall(Gather(q, rows, n, local));
    PetscCall(Factor(q, rows));
    PetscCall(Shrink(q));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = P R^-1 R^-T P' b, on every rank alike. */
PetscErrorCode NomosSketchQRSolve(NomosSketchQR *q, Vec b, Vec x)
{
  const PetscBLASInt one = 1;
  const PetscScalar  scale = 1, *all;
  PetscScalar       *mine;
  PetscBLASInt       m, ld;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  if (!q->m) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscBLASIntCast(q->m, &m));
  PetscCall(PetscBLASIntCast(q->ld, &ld));
  PetscCall(VecScatterBegin(q->gather, b, q->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(q->gather, b, q->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(q->all, &all));
  for (PetscInt k = 0; k < q->m; k++) q->work[k] = all[q->pivot[k] - 1];
  PetscCall(VecRestoreArrayRead(q->all, &all));
  PetscCallBLAS("BLAStrsm", BLAStrsm_("L", "U", "T", "N", &m, &one, &scale, q->R, &ld, q->work, &m));
  PetscCallBLAS("BLAStrsm", BLAStrsm_("L", "U", "N", "N", &m, &one, &scale, q->R, &ld, q->work, &m));
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayWrite(x, &mine));
  for (PetscInt k = 0; k < q->m; k++)
    if (q->pivot[k] - 1 >= lo && q->pivot[k] - 1 < hi) mine[q->pivot[k] - 1 - lo] = q->work[k];
  PetscCall(VecRestoreArrayWrite(x, &mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSketchQRDestroy(NomosSketchQR **factor)
{
  NomosSketchQR *q = *factor;

  PetscFunctionBegin;
  if (!q) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree(q->R));
  PetscCall(PetscFree2(q->work, q->pivot));
  PetscCall(VecScatterDestroy(&q->gather));
  PetscCall(VecDestroy(&q->all));
  PetscCall(PetscFree(*factor));
  PetscFunctionReturn(PETSC_SUCCESS);
}
