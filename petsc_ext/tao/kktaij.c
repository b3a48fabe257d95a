/* kktaij.c - the KKT operator as one assembled matrix, for direct solvers. Pattern made once, values refreshed; every
   diagonal entry is present, zero or not. */
#include "kkt.h"
#include <nomosimpl.h>

/* First primal and dual row of every rank: starts[2r], starts[2r+1]; the ends follow. */
static PetscErrorCode MakeStarts(NomosKKT k)
{
  PetscInt    mine[2] = {k->n, k->m}, x = 0, l = 0;
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(k->comm, &size));
  PetscCall(PetscMalloc1(2 * (size_t)size + 2, &k->starts));
  PetscCallMPI(MPI_Allgather(mine, 2, MPIU_INT, k->starts, 2, MPIU_INT, k->comm));
  for (PetscMPIInt r = 0; r <= size; r++) {
    const PetscInt nx = r < size ? k->starts[2 * r] : 0, nl = r < size ? k->starts[2 * r + 1] : 0;

    k->starts[2 * r]     = x;
    k->starts[2 * r + 1] = l;
    x += nx;
    l += nl;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The joint number of primal (dual: which = 1) unknown j. */
static PetscInt Joint(const PetscInt starts[], PetscMPIInt size, PetscInt which, PetscInt j)
{
  PetscMPIInt lo = 0, hi = size;

  while (hi - lo > 1) {
    const PetscMPIInt mid = (lo + hi) / 2;

    if (starts[2 * mid + which] <= j) lo = mid;
    else hi = mid;
  }
  /* ranks without entries share a start: lo is the last of them, which is the one that has the entry */
  return which ? starts[2 * (lo + 1)] + j : starts[2 * lo + 1] + j;
}

typedef struct {
  NomosKKT     k;
  PetscMPIInt  size;
  PetscInt     len, *cols;
  PetscScalar *vals;
} Rows;

static PetscErrorCode AddRow(Rows *r, Mat A, PetscInt row, PetscInt which, PetscInt joint)
{
  const PetscInt    *cols;
  const PetscScalar *vals;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(MatGetRow(A, row, &n, &cols, &vals));
  if (n > r->len) {
    PetscCall(PetscFree(r->cols));
    PetscCall(PetscMalloc1(2 * n, &r->cols));
    r->len = 2 * n;
  }
  for (PetscInt i = 0; i < n; i++) r->cols[i] = Joint(r->k->starts, r->size, which, cols[i]);
  PetscCall(MatSetValues(r->k->K, 1, &joint, n, r->cols, vals, ADD_VALUES));
  PetscCall(MatRestoreRow(A, row, &n, &cols, &vals));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Fill(Rows *r)
{
  NomosKKT k = r->k;
  PetscInt lo, x0, l0;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(k->K, &lo, NULL));
  PetscCall(MatGetOwnershipRange(k->H, &x0, NULL));
  for (PetscInt i = 0; i < k->n; i++) {
    PetscCall(AddRow(r, k->H, x0 + i, 0, lo + i));
    if (k->G) PetscCall(AddRow(r, k->Gt, x0 + i, 1, lo + i));
    PetscCall(MatSetValue(k->K, lo + i, lo + i, k->t, ADD_VALUES));
  }
  if (k->G) PetscCall(MatGetOwnershipRange(k->G, &l0, NULL));
  for (PetscInt i = 0; i < k->m; i++) {
    PetscCall(AddRow(r, k->G, l0 + i, 0, lo + k->n + i));
    PetscCall(MatSetValue(k->K, lo + k->n + i, lo + k->n + i, -k->gamma, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(k->K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(k->K, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lengths of the rows, without knowing which column is whose: both parts get the full length, which is at most twice too much. */
static PetscErrorCode Preallocate(NomosKKT k)
{
  PetscInt  lo = 0, l0 = 0, n, *nnz;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(k->n + k->m, &nnz));
  PetscCall(MatGetOwnershipRange(k->H, &lo, NULL));
  if (k->G) PetscCall(MatGetOwnershipRange(k->G, &l0, NULL));
  for (PetscInt i = 0; i < k->n; i++) {
    PetscCall(MatGetRow(k->H, lo + i, &n, NULL, NULL));
    nnz[i] = n + 1;
    PetscCall(MatRestoreRow(k->H, lo + i, &n, NULL, NULL));
    if (!k->G) continue;
    PetscCall(MatGetRow(k->Gt, lo + i, &n, NULL, NULL));
    nnz[i] += n;
    PetscCall(MatRestoreRow(k->Gt, lo + i, &n, NULL, NULL));
  }
  for (PetscInt i = 0; i < k->m; i++) {
    PetscCall(MatGetRow(k->G, l0 + i, &n, NULL, NULL));
    nnz[k->n + i] = n + 1;
    PetscCall(MatRestoreRow(k->G, l0 + i, &n, NULL, NULL));
  }
  for (PetscInt i = 0; i < k->n + k->m; i++) nnz[i] = PetscMin(nnz[i], k->n + k->m);
  PetscCall(MatSeqAIJSetPreallocation(k->K, 0, nnz));
  PetscCall(MatMPIAIJSetPreallocation(k->K, 0, nnz, 0, nnz));
  PetscCall(PetscFree(nnz));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTAssembleAIJ(NomosKKT k)
{
  Rows      r = {.k = k};
  PetscBool h, g = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)k->H, &h, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQDENSE, MATMPIDENSE, ""));
  if (k->G) PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)k->G, &g, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQDENSE, MATMPIDENSE, ""));
  PetscCheck(h && g, k->comm, PETSC_ERR_SUP, "-tao_sketchnewton_kkt_type aij needs an assembled Hessian and Jacobian; the %s is of type %s: use shell or nest", h ? "Jacobian" : "Hessian", ((PetscObject)(h ? k->G : k->H))->type_name);
  if (k->G) PetscCall(MatTranspose(k->G, k->Gt ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX, &k->Gt));
  PetscCallMPI(MPI_Comm_size(k->comm, &r.size));
  if (!k->starts) PetscCall(MakeStarts(k));
  if (!k->K) {
    PetscCall(MatCreate(k->comm, &k->K));
    PetscCall(MatSetSizes(k->K, k->n + k->m, k->n + k->m, k->N + k->M, k->N + k->M));
    PetscCall(MatSetType(k->K, MATAIJ));
    PetscCall(Preallocate(k));
    PetscCall(MatSetOption(k->K, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  } else PetscCall(MatZeroEntries(k->K));
  PetscCall(Fill(&r));
  PetscCall(PetscFree(r.cols));
  PetscFunctionReturn(PETSC_SUCCESS);
}
