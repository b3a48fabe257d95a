/*
  kktsketch_options.c - the settings of PC type kktsketch: setters, options, view.
*/
#include "kktsketch.h"

static const char *const Forms[]    = {"constraint", "diagonal", "NomosKKTSketchForm", "", NULL};
static const char *const Hessians[] = {"auto", "diag", "nystrom", "pc", "NomosKKTHessian", "", NULL};
static const char *const Schurs[]   = {"auto", "sketchqr", "selfp", "user", "lsqr", "NomosKKTSchur", "", NULL};

/* NULL for a PC of another type: setters do nothing then. A change is felt at the next set-up. */
static PetscErrorCode Mine(PC pc, PC_KKTSketch **k)
{
  PetscBool mine;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCKKTSKETCH, &mine));
  *k = mine ? (PC_KKTSketch *)pc->data : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Made anew at the next set-up. */
static PetscErrorCode Rebuild(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  if (!pc->setupcalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosKKTSketchHessianReset(pc));
  PetscCall(NomosKKTSketchSchurReset(pc));
  k->rebuilds     = 0;
  pc->setupcalled = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCKKTSketchSetForm - constraint or diagonal form; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- form - one of the words of -pc_kktsketch_form

  Options Database Key:
. -pc_kktsketch_form - see `PCKKTSKETCH`

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetForm(PC pc, const char form[])
{
  PC_KKTSketch *k = NULL;
  PetscInt      at = 0;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosOptionsFindWord((PetscObject)pc, "-pc_kktsketch_form", form, Forms, &at));
  if (at != (PetscInt)k->form) PetscCall(Rebuild(pc));
  k->form = (NomosKKTSketchForm)at;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCKKTSketchSetHessian - how the (1,1) block is approximated; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- hessian - one of the words of -pc_kktsketch_hessian

  Options Database Key:
. -pc_kktsketch_hessian - see `PCKKTSKETCH`

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetHessian(PC pc, const char hessian[])
{
  PC_KKTSketch *k = NULL;
  PetscInt      at = 0;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosOptionsFindWord((PetscObject)pc, "-pc_kktsketch_hessian", hessian, Hessians, &at));
  if (at != (PetscInt)k->hessian) PetscCall(Rebuild(pc));
  k->hessian = (NomosKKTHessian)at;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPCKKTSketchSetSchur - how the Schur complement is approximated; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- schur - one of the words of -pc_kktsketch_schur

  Options Database Key:
. -pc_kktsketch_schur - see `PCKKTSKETCH`

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetSchur(PC pc, const char schur[])
{
  PC_KKTSketch *k = NULL;
  PetscInt      at = 0;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosOptionsFindWord((PetscObject)pc, "-pc_kktsketch_schur", schur, Schurs, &at));
  if (at != (PetscInt)k->schur) PetscCall(Rebuild(pc));
  k->schur = (NomosKKTSchur)at;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchSetRank - rank of the Nystrom approximation; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- rank - at least 1

  Options Database Key:
. -pc_kktsketch_rank - see `PCKKTSKETCH`

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetRank(PC pc, PetscInt rank)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(rank >= 1, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_kktsketch_rank is %" PetscInt_FMT "; it must be at least 1", rank);
  if (rank != k->rank) PetscCall(Rebuild(pc));
  k->rank = rank;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchSetLag - how many set-ups the approximations serve; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- lag - at least 1

  Options Database Key:
. -pc_kktsketch_lag - see `PCKKTSKETCH`

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetLag(PC pc, PetscInt lag)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(lag >= 1, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_kktsketch_lag is %" PetscInt_FMT "; it must be at least 1", lag);
  if (lag != k->lag) PetscCall(Rebuild(pc));
  k->lag = lag;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchSetSeed - seed of the random numbers; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
- seed - any number

  Options Database Key:
. -pc_kktsketch_seed - see `PCKKTSKETCH`

  Errors: none

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetSeed(PC pc, PetscInt64 seed)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  if (seed != k->seed) PetscCall(Rebuild(pc));
  k->seed = seed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchSetSketch - size and density of the sketch of schur sketchqr; ignored by other types

  Logically Collective

  Input Parameters:
+ pc - the preconditioner
. factor - rows of the sketch over its columns, at least 1.5
- nnz - nonzeros per row of the sparse-sign matrix, 1 (CountSketch) to 16; 0: Gaussian

  Options Database Keys:
+ -pc_kktsketch_sketch_factor - see `PCKKTSKETCH`
- -pc_kktsketch_sketch_nnz - see `PCKKTSKETCH`

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside of these

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetSketch(PC pc, PetscReal factor, PetscInt nnz)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(factor >= 1.5, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_kktsketch_sketch_factor is %g; it must be at least 1.5", (double)factor);
  PetscCheck(nnz >= 0 && nnz <= NOMOS_SKETCH_MAX_NNZ, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_kktsketch_sketch_nnz is %" PetscInt_FMT "; it must lie in [0, %d]", nnz, NOMOS_SKETCH_MAX_NNZ);
  if (factor != k->factor || nnz != k->nnz) PetscCall(Rebuild(pc));
  k->factor = factor;
  k->nnz    = nnz;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchSetIS - which rows of an assembled KKT matrix are primal and which dual; ignored by other types

  Collective

  Input Parameters:
+ pc     - the preconditioner
. primal - rows of B, global numbers, every rank names rows of its own
- dual   - rows of G

  Note:
  Not needed for a MATNEST nor for a matrix that carries index sets composed as nomos_primal and nomos_dual.

  Errors: PETSC_ERR_ARG_WRONG at set-up when neither is there

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchSetIS(PC pc, IS primal, IS dual)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(primal, IS_CLASSID, 2);
  PetscValidHeaderSpecific(dual, IS_CLASSID, 3);
  PetscCall(PetscObjectReference((PetscObject)primal));
  PetscCall(PetscObjectReference((PetscObject)dual));
  PetscCall(ISDestroy(&k->user_primal));
  PetscCall(ISDestroy(&k->user_dual));
  k->user_primal = primal;
  k->user_dual   = dual;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchSetSchurMat - the user's approximation of G B^-1 G' + C, for schur user; ignored by other types

  Collective

  Input Parameters:
+ pc - the preconditioner
- S  - square, laid out as the dual field; its inverse is applied by a PC with prefix schur_; NULL: none

  Errors: PETSC_ERR_ARG_WRONGSTATE at set-up for schur user without a matrix

  Level: intermediate
.seealso: `PCKKTSKETCH`, `NomosPCKKTSketchSetSchur()`
@*/
PetscErrorCode NomosPCKKTSketchSetSchurMat(PC pc, Mat S)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  if (S) PetscCall(PetscObjectReference((PetscObject)S));
  PetscCall(MatDestroy(&k->user_S));
  k->user_S = S;
  PetscCall(Rebuild(pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchGetCounts - what the approximations have cost; zero for other types

  Not Collective

  Input Parameter:
. pc - the preconditioner

  Output Parameters:
+ products - with the (1,1) block, made by set-ups (Nystrom); or NULL
- rebuilds - of the approximations since the last reset; or NULL

  Level: intermediate
.seealso: `PCKKTSKETCH`
@*/
PetscErrorCode NomosPCKKTSketchGetCounts(PC pc, PetscInt64 *products, PetscInt64 *rebuilds)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (products) *products = k ? k->products : 0;
  if (rebuilds) *rebuilds = k ? k->rebuilds : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosPCKKTSketchGetPivots - how far the sketched QR found the Jacobian from rank deficient

  Not Collective

  Input Parameter:
. pc - the preconditioner, set up

  Output Parameters:
+ ratio    - the smallest pivot over the largest, about 1 over the condition of Bh^-1/2 G'; 1 where nothing was sketched; or NULL
- replaced - pivots that were rounding errors, below 1e-13 of the largest; or NULL

  Errors: none; other types answer 1 and 0

  Level: advanced
.seealso: `PCKKTSKETCH`, `NomosPCKKTSketchSetSketch()`
@*/
PetscErrorCode NomosPCKKTSketchGetPivots(PC pc, PetscReal *ratio, PetscInt *replaced)
{
  PC_KKTSketch *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(pc, &k));
  if (ratio) *ratio = k && k->qr ? k->qr->ratio : 1;
  if (replaced) *replaced = k && k->qr ? k->qr->replaced : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCSetFromOptions_KKTSketch(PC pc, NomosOptionItems PetscOptionsObject)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscInt      form = (PetscInt)k->form, hessian = (PetscInt)k->hessian, schur = (PetscInt)k->schur, rank = k->rank, nnz = k->nnz, lag = k->lag, seed = (PetscInt)k->seed;
  PetscReal     factor = k->factor;
  PetscBool     set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Block elimination with sketches (Nomos)");
  PetscCall(PetscOptionsEList("-pc_kktsketch_form", "constraint: indefinite, for GMRES and its like; diagonal: positive definite, for MINRES", "NomosPCKKTSketchSetForm", Forms, 2, Forms[form], &form, NULL));
  PetscCall(PetscOptionsEList("-pc_kktsketch_hessian", "Approximation of the (1,1) block; auto: diag if it is assembled, else nystrom", "NomosPCKKTSketchSetHessian", Hessians, 4, Hessians[hessian], &hessian, NULL));
  PetscCall(PetscOptionsInt("-pc_kktsketch_rank", "Rank of the Nystrom approximation, at least 1", "NomosPCKKTSketchSetRank", rank, &rank, NULL));
  PetscCall(PetscOptionsEList("-pc_kktsketch_schur", "Approximation of the Schur complement", "NomosPCKKTSketchSetSchur", Schurs, 5, Schurs[schur], &schur, NULL));
  PetscCall(PetscOptionsReal("-pc_kktsketch_sketch_factor", "Rows of the sketch over its columns, at least 1.5", "NomosPCKKTSketchSetSketch", factor, &factor, NULL));
  PetscCall(PetscOptionsInt("-pc_kktsketch_sketch_nnz", "Nonzeros per row of the sparse-sign sketch, 1 to 16; 0: Gaussian", "NomosPCKKTSketchSetSketch", nnz, &nnz, NULL));
  PetscCall(PetscOptionsInt("-pc_kktsketch_lag", "Set-ups between rebuilds, at least 1", "NomosPCKKTSketchSetLag", lag, &lag, NULL));
  PetscCall(PetscOptionsInt("-pc_kktsketch_seed", "Seed of the random numbers", "NomosPCKKTSketchSetSeed", seed, &seed, &set));
  PetscOptionsHeadEnd();
  PetscCall(NomosPCKKTSketchSetForm(pc, Forms[form]));
  PetscCall(NomosPCKKTSketchSetHessian(pc, Hessians[hessian]));
  PetscCall(NomosPCKKTSketchSetRank(pc, rank));
  PetscCall(NomosPCKKTSketchSetSchur(pc, Schurs[schur]));
  PetscCall(NomosPCKKTSketchSetSketch(pc, factor, nnz));
  PetscCall(NomosPCKKTSketchSetLag(pc, lag));
  if (set) PetscCall(NomosPCKKTSketchSetSeed(pc, seed));
  k->options = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCView_KKTSketch(PC pc, PetscViewer viewer)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscBool     ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  form: %s, (1,1) block: %s, Schur complement: %s\n", Forms[k->form], Hessians[pc->setupcalled ? k->hessian_used : k->hessian], Schurs[pc->setupcalled ? k->schur_used : k->schur]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  sketch factor: %g, nonzeros: %" PetscInt_FMT ", rank: %" PetscInt_FMT ", lag: %" PetscInt_FMT ", seed: %" PetscInt64_FMT ", rebuilds: %" PetscInt64_FMT "\n", (double)k->factor, k->nnz, k->rank, k->lag, k->seed, k->rebuilds));
  if (k->ell) PetscCall(PetscViewerASCIIPrintf(viewer, "  Nystrom: %" PetscInt_FMT " vectors, eigenvalues from %g to %g, products so far: %" PetscInt64_FMT "\n", k->ell, (double)k->lam1, (double)(k->mu - k->t), k->products));
  if (k->qr) PetscCall(PetscViewerASCIIPrintf(viewer, "  sketched QR: smallest over largest pivot %g, replaced: %" PetscInt_FMT "\n", (double)k->qr->ratio, k->qr->replaced));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  if (k->hpc) PetscCall(PCView(k->hpc, viewer));
  if (k->spc) PetscCall(PCView(k->spc, viewer));
  if (k->sksp) PetscCall(KSPView(k->sksp, viewer));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}
