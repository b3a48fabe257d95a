/*
  kktsketch.c - PC type kktsketch: block elimination on KKT matrices [B G'; G -C] with an approximate (1,1) block and an
  approximate Schur complement made by random sketches. Set-up, apply, life; the blocks, the two approximations and the
  settings have files of their own.
*/
#include "kktsketch.h"
#include <nomosimpl.h>

static PetscErrorCode Vectors(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscInt      n = 0, m = 0, have = -1;
  Vec           whole;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(k->G ? k->G : k->H, &m, &n));
  if (!k->G) m = 0;
  if (k->r1) PetscCall(VecGetLocalSize(k->r1, &have));
  if (k->r1 && have == n && (!k->G || k->r2)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDestroy(&k->r1));
  PetscCall(VecDestroy(&k->r2));
  if (k->G) PetscCall(MatCreateVecs(k->G, &k->r1, &k->r2));
  else PetscCall(MatCreateVecs(k->H, &k->r1, NULL));
  PetscCall(VecDuplicate(k->r1, &k->u));
  PetscCall(VecDuplicate(k->r1, &k->x));
  if (k->G) {
    PetscCall(VecDuplicate(k->r2, &k->v));
    PetscCall(VecDuplicate(k->r2, &k->w));
  }
  if (k->least) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatCreateVecs(pc->pmat, NULL, &whole));
  PetscCall(VecScatterCreate(whole, k->primal, k->r1, NULL, &k->toprimal));
  if (k->G) PetscCall(VecScatterCreate(whole, k->dual, k->r2, NULL, &k->todual));
  PetscCall(VecDestroy(&whole));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DropVectors(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  PetscCall(VecDestroy(&k->r1));
  PetscCall(VecDestroy(&k->r2));
  PetscCall(VecDestroy(&k->u));
  PetscCall(VecDestroy(&k->x));
  PetscCall(VecDestroy(&k->v));
  PetscCall(VecDestroy(&k->w));
  PetscCall(VecScatterDestroy(&k->toprimal));
  PetscCall(VecScatterDestroy(&k->todual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Kept while it is younger than `lag` set-ups and the solver's iterations have not doubled. */
static PetscBool Stale(PC_KKTSketch *k)
{
  if (!k->rebuilds || k->age >= k->lag) return PETSC_TRUE;
  return k->age > 1 && k->last > 2 * PetscMax(k->first, 1) ? PETSC_TRUE : PETSC_FALSE;
}

static PetscErrorCode PCSetUp_KKTSketch(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscBool     stale;

  PetscFunctionBegin;
  PetscCall(NomosKKTSketchGetBlocks(pc));
  PetscCall(Vectors(pc));
  k->last = k->applies;
  if (k->age == 1) k->first = k->applies;
  k->applies = 0;
  if (!pc->setupcalled) k->rebuilds = 0;
  stale = Stale(k);
  if (stale || k->t != k->t_built || k->gamma != k->gamma_built) {
    if (!k->least) PetscCall(NomosKKTSketchHessianSetUp(pc, stale));
    if (k->G) PetscCall(NomosKKTSketchSchurSetUp(pc));
    k->t_built     = k->t;
    k->gamma_built = k->gamma;
    if (stale || k->hessian_used != NOMOS_KKTHESSIAN_NYSTROM) k->age = 0; /* a Nystrom sketch goes on ageing under a new shift */
    k->rebuilds++;
  }
  k->age++;
  k->setups++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Split(VecScatter s, Vec from, Vec to, ScatterMode mode)
{
  PetscFunctionBegin;
  PetscCall(VecScatterBegin(s, from, to, INSERT_VALUES, mode));
  PetscCall(VecScatterEnd(s, from, to, INSERT_VALUES, mode));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* constraint: u = Bh^-1 r1; w = Sh^-1 (G u - r2); x = u - Bh^-1 G'w.   diagonal: x = Bh^-1 r1; w = Sh^-1 r2. */
static PetscErrorCode PCApply_KKTSketch(PC pc, Vec r, Vec z)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  k->applies++;
  if (k->least) {
    PetscCall(NomosSketchQRSolve(k->qr, r, z));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(Split(k->toprimal, r, k->r1, SCATTER_FORWARD));
  PetscCall(NomosKKTSketchHessianSolve(pc, k->r1, k->u));
  if (k->G) {
    PetscCall(Split(k->todual, r, k->r2, SCATTER_FORWARD));
    if (k->form == NOMOS_KKTSKETCH_DIAGONAL) PetscCall(VecCopy(k->r2, k->v));
    else {
      PetscCall(MatMult(k->G, k->u, k->v));
      PetscCall(VecAXPY(k->v, -1, k->r2));
    }
    PetscCall(NomosKKTSketchSchurSolve(pc, k->v, k->w));
    PetscCall(Split(k->todual, k->w, z, SCATTER_REVERSE));
    if (k->form == NOMOS_KKTSKETCH_CONSTRAINT) {
      PetscCall(MatMultTranspose(k->G, k->w, k->r1));
      PetscCall(NomosKKTSketchHessianSolve(pc, k->r1, k->x));
      PetscCall(VecAXPY(k->u, -1, k->x));
    }
  }
  PetscCall(Split(k->toprimal, k->u, z, SCATTER_REVERSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCReset_KKTSketch(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  PetscCall(NomosKKTSketchReleaseBlocks(pc));
  PetscCall(NomosKKTSketchHessianReset(pc));
  PetscCall(NomosKKTSketchSchurReset(pc));
  PetscCall(DropVectors(pc));
  PetscCall(MatDestroy(&k->subH));
  PetscCall(MatDestroy(&k->subG));
  PetscCall(MatDestroy(&k->subC));
  k->age      = 0;
  k->setups   = 0;
  k->rebuilds = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCDestroy_KKTSketch(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  PetscCall(PCReset_KKTSketch(pc));
  PetscCall(ISDestroy(&k->user_primal));
  PetscCall(ISDestroy(&k->user_dual));
  PetscCall(MatDestroy(&k->user_S));
  PetscCall(PetscFree(pc->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  PCKKTSKETCH - "kktsketch": block elimination on KKT matrices with sketched blocks

  With K = [B G'; G -C], C = gamma I or diagonal, and approximations Bh of B and Sh of G Bh^-1 G' + C: u = Bh^-1 r1,
  w = Sh^-1 (G u - r2), x = u - Bh^-1 G'w. The form `diagonal` is diag(Bh, Sh), positive definite.

  Options Database Keys:
+ -pc_kktsketch_form NAME        - constraint (indefinite, for GMRES and its like), diagonal (for MINRES) (default: constraint)
. -pc_kktsketch_hessian NAME     - Bh: auto, diag, nystrom, pc with prefix hess_ (default: auto)
. -pc_kktsketch_rank ELL         - of Nystrom, at most half of the unknowns (default: 50)
. -pc_kktsketch_schur NAME       - Sh: auto, sketchqr, selfp with prefix schur_, user, lsqr with prefix schur_ (default: auto)
. -pc_kktsketch_sketch_factor F  - rows of the sketch over its columns, at least 1.5 (default: 4)
. -pc_kktsketch_sketch_nnz Z     - nonzeros per row of the sparse-sign sketch, at most 16; 1: CountSketch; 0: Gaussian (default: 8)
. -pc_kktsketch_lag L            - set-ups between rebuilds; it is rebuilt at once when the iterations double (default: 1). A new shift makes all
                                   anew but the products of Nystrom
- -pc_kktsketch_seed S           - of the random numbers (default: 0)

  Cost: constraint form, per application, a product with G and one with G', two with Bh^-1, one with Sh^-1. sketchqr: a triangle of m^2 numbers
  on every rank and 2 m^2 operations; nystrom: 2 ell vectors and ell products with B per rebuild, six where its
  spectrum is flat.

  Notes:
  The matrix is a MATNEST, an assembled one with index sets by `NomosPCKKTSketchSetIS()`, or that of the optimizer sketchnewton. For
  `KSPLSQR` with a preconditioning matrix of type MATNORMAL it is the sketched QR of that matrix alone.

  Source: Golub and Wathen 1998 (constraint form); Avron, Maymounkov, Toledo 2010 and Meng, Saunders, Mahoney 2014 (sketched
  QR); Frangella, Tropp, Udell 2023, algorithm 2.1 (Nystrom).

  Level: intermediate
.seealso: `NomosPCKKTSketchSetIS()`, `NomosPCKKTSketchSetSchur()`, `KSPSKETCHPROJECT`
M*/
PETSC_INTERN PetscErrorCode PCCreate_KKTSketch(PC);
PetscErrorCode PCCreate_KKTSketch(PC pc)
{
  PC_KKTSketch *k;

  PetscFunctionBegin;
  PetscCall(NomosOptionsUseFamily("pc_kktsketch"));
  PetscCall(PetscNew(&k));
  pc->data  = k;
  k->rank   = 50;
  k->factor = 4;
  k->nnz    = 8;
  k->lag    = 1;

  pc->ops->setup          = PCSetUp_KKTSketch;
  pc->ops->apply          = PCApply_KKTSketch;
  pc->ops->applytranspose = PCApply_KKTSketch; /* symmetric, as long as the inner preconditioners are */
  pc->ops->reset          = PCReset_KKTSketch;
  pc->ops->destroy        = PCDestroy_KKTSketch;
  pc->ops->setfromoptions = PCSetFromOptions_KKTSketch;
  pc->ops->view           = PCView_KKTSketch;
  PetscFunctionReturn(PETSC_SUCCESS);
}
