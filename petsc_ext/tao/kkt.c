/*
  kkt.c - the KKT operator in its three storages, views of the blocks of a joint vector, and what a PC may ask.

  Views: a block of a joint vector is a slice of the local array. On the host two vectors of the user's own type show it by
  placing the array, without the reduction that VecGetSubVector() makes per call; on a device VecGetSubVector() is used.
*/
#include "kkt.h"
#include <nomosimpl.h>

const char *const NomosKKTTypes[] = {"shell", "nest", "aij", "NomosKKTType", "NOMOS_KKT_", NULL};

/* --- views ------------------------------------------------------------------------------------------------------------ */

PetscErrorCode NomosKKTGetView(NomosKKT k, PetscInt slot, Vec v, PetscBool write, Vec *x, Vec *l)
{
  PetscScalar *a;

  PetscFunctionBegin;
  if (!k->host) {
    PetscCall(VecGetSubVector(v, k->primal, x));
    PetscCall(VecGetSubVector(v, k->dual, l));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (write) PetscCall(VecGetArrayAndMemType(v, &a, NULL));
  else PetscCall(VecGetArrayReadAndMemType(v, (const PetscScalar **)&a, NULL));
  PetscCall(VecPlaceArray(k->x[slot], a));
  PetscCall(VecPlaceArray(k->l[slot], k->n || k->m ? a + k->n : a));
  *x = k->x[slot];
  *l = k->l[slot];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTRestoreView(NomosKKT k, PetscInt slot, Vec v, PetscBool write, Vec *x, Vec *l)
{
  PetscScalar *a;

  PetscFunctionBegin;
  if (!k->host) {
    PetscCall(VecRestoreSubVector(v, k->dual, l));
    PetscCall(VecRestoreSubVector(v, k->primal, x));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetArrayReadAndMemType(k->x[slot], (const PetscScalar **)&a, NULL));
  PetscCall(VecRestoreArrayReadAndMemType(k->x[slot], (const PetscScalar **)&a));
  PetscCall(VecResetArray(k->x[slot]));
  PetscCall(VecResetArray(k->l[slot]));
  if (write) PetscCall(VecRestoreArrayAndMemType(v, &a));
  else PetscCall(VecRestoreArrayReadAndMemType(v, (const PetscScalar **)&a));
  *x = *l = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- storage `shell` ---------------------------------------------------------------------------------------------------- */

/* y1 = H x + t x + G' l,  y2 = G x - gamma l */
static PetscErrorCode MatMult_KKT(Mat K, Vec v, Vec y)
{
  NomosKKT k;
  Vec      x, l, yx, yl;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(K, &k));
  PetscCall(NomosKKTGetView(k, 0, v, PETSC_FALSE, &x, &l));
  PetscCall(NomosKKTGetView(k, 1, y, PETSC_TRUE, &yx, &yl));
  PetscCall(MatMult(k->H, x, yx));
  if (k->t != 0) PetscCall(VecAXPY(yx, k->t, x));
  if (k->G) {
    PetscCall(MatMultTranspose(k->G, l, k->wx));
    PetscCall(VecAXPY(yx, 1, k->wx));
    PetscCall(MatMult(k->G, x, yl));
    if (k->gamma != 0) PetscCall(VecAXPY(yl, -k->gamma, l));
  }
  PetscCall(NomosKKTRestoreView(k, 1, y, PETSC_TRUE, &yx, &yl));
  PetscCall(NomosKKTRestoreView(k, 0, v, PETSC_FALSE, &x, &l));
  k->products++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* H + t I where H cannot be copied */
static PetscErrorCode MatMult_Shifted(Mat B, Vec x, Vec y)
{
  NomosKKT k;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(B, &k));
  PetscCall(MatMult(k->H, x, y));
  if (k->t != 0) PetscCall(VecAXPY(y, k->t, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Assembled(Mat A, PetscBool *yes)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, yes, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQDENSE, MATMPIDENSE, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* H + t I as a matrix of its own; values are brought up to date, the object stays */
static PetscErrorCode Shifted(NomosKKT k)
{
  PetscBool assembled;

  PetscFunctionBegin;
  PetscCall(Assembled(k->Hpre, &assembled));
  if (!k->Hs && assembled) PetscCall(MatDuplicate(k->Hpre, MAT_COPY_VALUES, &k->Hs));
  else if (assembled) PetscCall(MatCopy(k->Hpre, k->Hs, DIFFERENT_NONZERO_PATTERN));
  else if (!k->Hs) {
    PetscCall(MatCreateShell(k->comm, k->n, k->n, k->N, k->N, k, &k->Hs));
    PetscCall(MatShellSetOperation(k->Hs, MATOP_MULT, (NomosAnyFn *)MatMult_Shifted));
    PetscCall(MatShellSetOperation(k->Hs, MATOP_MULT_TRANSPOSE, (NomosAnyFn *)MatMult_Shifted));
  }
  if (assembled && k->t != 0) PetscCall(MatShift(k->Hs, k->t));
  if (!assembled) PetscCall(PetscObjectStateIncrease((PetscObject)k->Hs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -gamma I, assembled: a Schur complement is added to it */
static PetscErrorCode Corner(NomosKKT k)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  if (!k->C) {
    PetscCall(MatCreateAIJ(k->comm, k->m, k->m, k->M, k->M, 1, NULL, 0, NULL, &k->C));
    PetscCall(MatSetOption(k->C, MAT_SYMMETRIC, PETSC_TRUE));
  }
  PetscCall(MatGetOwnershipRange(k->C, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(MatSetValue(k->C, i, i, -k->gamma, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(k->C, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(k->C, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Transposed(NomosKKT k)
{
  PetscBool assembled;

  PetscFunctionBegin;
  PetscCall(Assembled(k->Gpre, &assembled));
  if (!assembled && !k->Gt) PetscCall(MatCreateTranspose(k->G, &k->Gt));
  if (assembled) PetscCall(MatTranspose(k->Gpre, k->Gt ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX, &k->Gt));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For PCFIELDSPLIT and its like. A matrix asked for once is kept up to date by NomosKKTAssemble(). */
static PetscErrorCode MatCreateSubMatrix_KKT(Mat K, IS rows, IS cols, MatReuse reuse, Mat *sub)
{
  NomosKKT  k;
  PetscBool rp, rd, cp, cd;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(K, &k));
  PetscCall(ISEqual(rows, k->primal, &rp));
  PetscCall(ISEqual(cols, k->primal, &cp));
  PetscCall(ISEqual(rows, k->dual, &rd));
  PetscCall(ISEqual(cols, k->dual, &cd));
  PetscCheck((rp || rd) && (cp || cd), k->comm, PETSC_ERR_SUP, "the KKT operator of storage shell gives its four blocks and no other submatrix; see -tao_sketchnewton_kkt_type aij");
  if (reuse == MAT_REUSE_MATRIX) PetscFunctionReturn(PETSC_SUCCESS);
  if (rp && cp) {
    PetscCall(Shifted(k));
    *sub = k->Hs;
  } else if (rd && cd) {
    PetscCall(Corner(k));
    *sub = k->C;
  } else if (rp) {
    PetscCall(Transposed(k));
    *sub = k->Gt;
  } else *sub = k->Gpre;
  PetscCall(PetscObjectReference((PetscObject)*sub));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- queries ----------------------------------------------------------------------------------------------------------- */

static PetscErrorCode FindKKT(Mat K, NomosKKT *k)
{
  PetscContainer box;

  PetscFunctionBegin;
  PetscCall(PetscObjectQuery((PetscObject)K, "nomos_kkt", (PetscObject *)&box));
  PetscCheck(box, PetscObjectComm((PetscObject)K), PETSC_ERR_ARG_WRONG, "the matrix is no KKT operator of ours");
  PetscCall(PetscContainerGetPointer(box, (void **)k));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosKKTGetBlocks_Any(Mat K, Mat *H, Mat *G, PetscReal *t, PetscReal *gamma, Mat *Spre)
{
  NomosKKT k;

  PetscFunctionBegin;
  PetscCall(FindKKT(K, &k));
  if (H) *H = k->H;
  if (G) *G = k->G;
  if (t) *t = k->t;
  if (gamma) *gamma = k->gamma;
  if (Spre) *Spre = k->S;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NomosKKTGetPre_Any(Mat K, Mat *Hpre, Mat *Gpre)
{
  NomosKKT k;

  PetscFunctionBegin;
  PetscCall(FindKKT(K, &k));
  if (Hpre) *Hpre = k->Hpre;
  if (Gpre) *Gpre = k->Gpre;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Announce(NomosKKT k)
{
  PetscContainer box;

  PetscFunctionBegin;
  PetscCall(PetscContainerCreate(k->comm, &box));
  PetscCall(PetscContainerSetPointer(box, k));
  PetscCall(PetscObjectCompose((PetscObject)k->K, "nomos_kkt", (PetscObject)box));
  PetscCall(PetscContainerDestroy(&box));
  PetscCall(PetscObjectCompose((PetscObject)k->K, NOMOS_KKT_PRIMAL, (PetscObject)k->primal));
  PetscCall(PetscObjectCompose((PetscObject)k->K, NOMOS_KKT_DUAL, (PetscObject)k->dual));
  PetscCall(PetscObjectComposeFunction((PetscObject)k->K, NOMOS_KKT_GETBLOCKS, NomosKKTGetBlocks_Any));
  PetscCall(PetscObjectComposeFunction((PetscObject)k->K, NOMOS_KKT_GETPRE, NomosKKTGetPre_Any));
  PetscCall(MatSetOption(k->K, MAT_SYMMETRIC, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static PetscErrorCode MakeViews(NomosKKT k, Vec x, Vec l)
{
  VecType   type;
  PetscBool known;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)x, &k->host, VECSEQ, VECMPI, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)x, &known, VECSEQ, VECMPI, VECSEQCUDA, VECMPICUDA, ""));
  PetscCall(VecGetType(x, &type));
  PetscCall(VecCreate(k->comm, &k->vec));
  PetscCall(VecSetSizes(k->vec, k->n + k->m, k->N + k->M));
  PetscCall(VecSetType(k->vec, known ? type : VECSTANDARD));
  if (k->host) {
    for (PetscInt i = 0; i < 2; i++) {
      PetscCall(VecDuplicate(x, &k->x[i]));
      PetscCall(VecDuplicate(l, &k->l[i]));
    }
  }
  PetscCall(VecDuplicate(x, &k->wx));
  PetscCall(VecDuplicate(x, &k->wx2));
  PetscCall(VecDuplicate(l, &k->wl));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x and l give layouts, types and the DM that callbacks may ask for; l has size 0 when there is no constraint. */
PetscErrorCode NomosKKTCreate(Vec x, Vec l, NomosKKTType type, NomosKKT *kkt)
{
  NomosKKT k;
  PetscInt lo;

  PetscFunctionBegin;
  PetscCall(PetscNew(&k));
  *kkt    = k;
  k->type = type;
  PetscCall(PetscCommDuplicate(PetscObjectComm((PetscObject)x), &k->comm, NULL));
  PetscCall(VecGetLocalSize(x, &k->n));
  PetscCall(VecGetLocalSize(l, &k->m));
  PetscCall(VecGetSize(x, &k->N));
  PetscCall(VecGetSize(l, &k->M));
  PetscCall(MakeViews(k, x, l));
  PetscCall(VecGetOwnershipRange(k->vec, &lo, NULL));
  PetscCall(ISCreateStride(k->comm, k->n, lo, 1, &k->primal));
  PetscCall(ISCreateStride(k->comm, k->m, lo + k->n, 1, &k->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Replace(Mat *slot, Mat A)
{
  PetscFunctionBegin;
  if (A) PetscCall(PetscObjectReference((PetscObject)A));
  PetscCall(MatDestroy(slot));
  *slot = A;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* G (and Gpre) may be NULL. What was made of other matrices is dropped. */
PetscErrorCode NomosKKTSetBlocks(NomosKKT k, Mat H, Mat Hpre, Mat G, Mat Gpre)
{
  PetscFunctionBegin;
  if (!Hpre) Hpre = H;
  if (!Gpre) Gpre = G;
  if (k->H == H && k->Hpre == Hpre && k->G == G && k->Gpre == Gpre) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Replace(&k->H, H));
  PetscCall(Replace(&k->Hpre, Hpre));
  PetscCall(Replace(&k->G, G));
  PetscCall(Replace(&k->Gpre, Gpre));
  PetscCall(MatDestroy(&k->Hs));
  PetscCall(MatDestroy(&k->Gt));
  PetscCall(MatDestroy(&k->C));
  if (k->type != NOMOS_KKT_SHELL) PetscCall(MatDestroy(&k->K));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTSetSchurPre(NomosKKT k, Mat S)
{
  PetscFunctionBegin;
  PetscCall(Replace(&k->S, S));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTSetShift(NomosKKT k, PetscReal t, PetscReal gamma)
{
  PetscFunctionBegin;
  k->t     = t;
  k->gamma = gamma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AssembleShell(NomosKKT k)
{
  VecType type;

  PetscFunctionBegin;
  if (!k->K) {
    PetscCall(MatCreateShell(k->comm, k->n + k->m, k->n + k->m, k->N + k->M, k->N + k->M, k, &k->K));
    PetscCall(VecGetType(k->vec, &type));
    PetscCall(MatShellSetVecType(k->K, type));
    PetscCall(MatShellSetOperation(k->K, MATOP_MULT, (NomosAnyFn *)MatMult_KKT));
    PetscCall(MatShellSetOperation(k->K, MATOP_MULT_TRANSPOSE, (NomosAnyFn *)MatMult_KKT));
    PetscCall(MatShellSetOperation(k->K, MATOP_CREATE_SUBMATRIX, (NomosAnyFn *)MatCreateSubMatrix_KKT));
    PetscCall(Announce(k));
  }
  if (k->Hs) PetscCall(Shifted(k));
  if (k->C) PetscCall(Corner(k));
  if (k->Gt) PetscCall(Transposed(k));
  PetscCall(MatAssemblyBegin(k->K, MAT_FINAL_ASSEMBLY)); /* a new state: preconditioners are rebuilt */
  PetscCall(MatAssemblyEnd(k->K, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AssembleNest(NomosKKT k)
{
  PetscFunctionBegin;
  PetscCall(Shifted(k));
  PetscCall(Corner(k));
  if (!k->K) {
    IS  is[2] = {k->primal, k->dual};
    Mat block[4];

    if (k->G && !k->Gt) PetscCall(MatCreateTranspose(k->G, &k->Gt));
    block[0] = k->Hs;
    block[1] = k->Gt;
    block[2] = k->G;
    block[3] = k->C;
    PetscCall(MatCreateNest(k->comm, 2, is, 2, is, block, &k->K));
    PetscCall(Announce(k));
  }
  PetscCall(MatAssemblyBegin(k->K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(k->K, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTAssemble(NomosKKT k)
{
  const PetscBool fresh = k->K ? PETSC_FALSE : PETSC_TRUE;

  PetscFunctionBegin;
  if (k->type == NOMOS_KKT_SHELL) PetscCall(AssembleShell(k));
  else if (k->type == NOMOS_KKT_NEST) PetscCall(AssembleNest(k));
  else {
    PetscCall(NomosKKTAssembleAIJ(k));
    if (fresh) PetscCall(Announce(k));
  }
  PetscCall(PetscObjectStateIncrease((PetscObject)k->K));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTDestroy(NomosKKT *kkt)
{
  NomosKKT k = *kkt;

  PetscFunctionBegin;
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatDestroy(&k->K));
  PetscCall(MatDestroy(&k->Hs));
  PetscCall(MatDestroy(&k->C));
  PetscCall(MatDestroy(&k->Gt));
  PetscCall(MatDestroy(&k->H));
  PetscCall(MatDestroy(&k->Hpre));
  PetscCall(MatDestroy(&k->G));
  PetscCall(MatDestroy(&k->Gpre));
  PetscCall(MatDestroy(&k->S));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDestroy(&k->x[i]));
    PetscCall(VecDestroy(&k->l[i]));
  }
  PetscCall(VecDestroy(&k->vec));
  PetscCall(VecDestroy(&k->wx));
  PetscCall(VecDestroy(&k->wx2));
  PetscCall(VecDestroy(&k->wl));
  PetscCall(ISDestroy(&k->primal));
  PetscCall(ISDestroy(&k->dual));
  PetscCall(PetscFree(k->starts));
  PetscCall(PetscCommDestroy(&k->comm));
  PetscCall(PetscFree(*kkt));
  PetscFunctionReturn(PETSC_SUCCESS);
}
