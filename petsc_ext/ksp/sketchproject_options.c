/*
  sketchproject_options.c - the settings of KSP type sketchproject: setters, options, view.
*/
#include "sketchproject.h"

static const char *const Types[] = {"krylov", "gaussian", "sparsesign", "countsketch", "rows", "blockrows", "NomosSPType", "", NULL};
static const char *const Norms[] = {"residual", "error", "NomosSPNorm", "", NULL};
static const char *const Probs[] = {"uniform", "rownorm", "NomosSPProb", "", NULL};

/* NULL for a KSP of another type: setters do nothing then. */
static PetscErrorCode Mine(KSP ksp, KSP_SketchProject **k)
{
  PetscBool mine;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, KSPSKETCHPROJECT, &mine));
  *k = mine ? (KSP_SketchProject *)ksp->data : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vectors and sketches are made again before the next solve. */
static PetscErrorCode Anew(KSP ksp, PetscBool changed)
{
  PetscFunctionBegin;
  if (changed && ksp->setupstage != KSP_SETUP_NEW) {
    PetscCall(KSPReset(ksp));
    ksp->setupstage = KSP_SETUP_NEW;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosKSPSketchProjectSetType - directions of a block; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
- type - krylov, gaussian, sparsesign, countsketch, rows or blockrows

  Options Database Key:
. -ksp_sketchproject_type - see `KSPSKETCHPROJECT`

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetType(KSP ksp, const char type[])
{
  KSP_SketchProject *k  = NULL;
  PetscInt           at = 0;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosOptionsFindWord((PetscObject)ksp, "-ksp_sketchproject_type", type, Types, &at));
  PetscCall(Anew(ksp, (PetscBool)(at != (PetscInt)k->type)));
  k->type = (NomosSPType)at;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosKSPSketchProjectSetNorm - what a block minimizes; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
- norm - residual or error

  Options Database Key:
. -ksp_sketchproject_norm - see `KSPSKETCHPROJECT`

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetNorm(KSP ksp, const char norm[])
{
  KSP_SketchProject *k  = NULL;
  PetscInt           at = 0;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosOptionsFindWord((PetscObject)ksp, "-ksp_sketchproject_norm", norm, Norms, &at));
  PetscCall(Anew(ksp, (PetscBool)(at != (PetscInt)k->norm)));
  k->norm = (NomosSPNorm)at;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosKSPSketchProjectSetProb - probabilities of rows; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
- prob - uniform, or rownorm (squared norms)

  Options Database Key:
. -ksp_sketchproject_prob - see `KSPSKETCHPROJECT`

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another word

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetProb(KSP ksp, const char prob[])
{
  KSP_SketchProject *k  = NULL;
  PetscInt           at = 0;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosOptionsFindWord((PetscObject)ksp, "-ksp_sketchproject_prob", prob, Probs, &at));
  PetscCall(Anew(ksp, (PetscBool)(at != (PetscInt)k->prob)));
  k->prob = (NomosSPProb)at;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPSketchProjectSetBlock - size of a block and of the memory; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
. b - directions in a block, 1 to 512
- q - accepted steps that are kept, 0 to 512

  Options Database Keys:
+ -ksp_sketchproject_block_size - see `KSPSKETCHPROJECT`
- -ksp_sketchproject_memory - see `KSPSKETCHPROJECT`

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside of these

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetBlock(KSP ksp, PetscInt b, PetscInt q)
{
  KSP_SketchProject *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(b >= 1 && b <= NOMOS_SP_MAX_BLOCK, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "-ksp_sketchproject_block_size is %" PetscInt_FMT "; it must lie in [1, %d]", b, NOMOS_SP_MAX_BLOCK);
  PetscCheck(q >= 0 && q <= NOMOS_SP_MAX_BLOCK, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "-ksp_sketchproject_memory is %" PetscInt_FMT "; it must lie in [0, %d]", q, NOMOS_SP_MAX_BLOCK);
  PetscCall(Anew(ksp, (PetscBool)(b != k->b || q != k->q)));
  k->b = b;
  k->q = q;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPSketchProjectSetSketch - size and density of the sketches; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
. factor - numbers in the least-squares sketch over b + q, at least 1.5
- nnz - nonzeros per row of sparse-sign matrices, 1 (CountSketch) to 16; 0: Gaussian

  Options Database Keys:
+ -ksp_sketchproject_sketch_factor - see `KSPSKETCHPROJECT`
- -ksp_sketchproject_sketch_nnz - see `KSPSKETCHPROJECT`

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside of these

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetSketch(KSP ksp, PetscReal factor, PetscInt nnz)
{
  KSP_SketchProject *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(factor >= 1.5, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "-ksp_sketchproject_sketch_factor is %g; it must be at least 1.5", (double)factor);
  PetscCheck(nnz >= 0 && nnz <= NOMOS_SKETCH_MAX_NNZ, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "-ksp_sketchproject_sketch_nnz is %" PetscInt_FMT "; it must lie in [0, %d]", nnz, NOMOS_SKETCH_MAX_NNZ);
  PetscCall(Anew(ksp, (PetscBool)(factor != k->factor || nnz != k->nnz)));
  k->factor = factor;
  k->nnz    = nnz;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPSketchProjectSetMomentum - weight of the heavy ball in mode error; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
- w - in [0, 1)

  Options Database Key:
. -ksp_sketchproject_momentum - see `KSPSKETCHPROJECT`

  Errors: PETSC_ERR_ARG_OUTOFRANGE outside of it

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetMomentum(KSP ksp, PetscReal w)
{
  KSP_SketchProject *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(w >= 0 && w < 1, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "-ksp_sketchproject_momentum is %g; it must lie in [0, 1)", (double)w);
  PetscCall(Anew(ksp, (PetscBool)(w != k->momentum)));
  k->momentum = w;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPSketchProjectSetResync - how often the residual is computed from the iterate; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
- n - blocks in between, at least 1

  Options Database Key:
. -ksp_sketchproject_resync - see `KSPSKETCHPROJECT`

  Errors: PETSC_ERR_ARG_OUTOFRANGE below 1

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetResync(KSP ksp, PetscInt n)
{
  KSP_SketchProject *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(n >= 1, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE, "-ksp_sketchproject_resync is %" PetscInt_FMT "; it must be at least 1", n);
  k->resync = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPSketchProjectSetSeed - seed of the random numbers; ignored by other types

  Logically Collective

  Input Parameters:
+ ksp - the solver
- seed - any number

  Options Database Key:
. -ksp_sketchproject_seed - see `KSPSKETCHPROJECT`

  Errors: none

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectSetSeed(KSP ksp, PetscInt64 seed)
{
  KSP_SketchProject *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Anew(ksp, (PetscBool)(seed != k->seed)));
  k->seed = seed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosKSPSketchProjectGetApplies - products with the matrix, or its transpose, in the last solve; 0 for other types

  Not Collective

  Input Parameter:
. ksp - the solver

  Output Parameter:
. n - the number of products; a row of the matrix read for type rows counts as one

  Level: intermediate
.seealso: `KSPSKETCHPROJECT`
@*/
PetscErrorCode NomosKSPSketchProjectGetApplies(KSP ksp, PetscInt64 *n)
{
  KSP_SketchProject *k = NULL;

  PetscFunctionBegin;
  PetscCall(Mine(ksp, &k));
  *n = k ? k->applies : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPSetFromOptions(KSP ksp, NomosOptionItems PetscOptionsObject)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscInt           type = (PetscInt)k->type, norm = (PetscInt)k->norm, prob = (PetscInt)k->prob, b = k->b, q = k->q, nnz = k->nnz, resync = k->resync, seed = (PetscInt)k->seed;
  PetscReal          factor = k->factor, momentum = k->momentum;
  PetscBool          set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Sketch and project (Nomos)");
  PetscCall(PetscOptionsEList("-ksp_sketchproject_type", "Directions of a block", "NomosKSPSketchProjectSetType", Types, 6, Types[type], &type, NULL));
  PetscCall(PetscOptionsEList("-ksp_sketchproject_norm", "What a block minimizes; blockrows: always the error", "NomosKSPSketchProjectSetNorm", Norms, 2, Norms[norm], &norm, NULL));
  PetscCall(PetscOptionsEList("-ksp_sketchproject_prob", "Probabilities of rows and blockrows; rownorm: squared norms", "NomosKSPSketchProjectSetProb", Probs, 2, Probs[prob], &prob, NULL));
  PetscCall(PetscOptionsInt("-ksp_sketchproject_block_size", "Directions in a block, 1 to 512", "NomosKSPSketchProjectSetBlock", b, &b, NULL));
  PetscCall(PetscOptionsInt("-ksp_sketchproject_memory", "Accepted steps that later blocks may use, 0 to 512", "NomosKSPSketchProjectSetBlock", q, &q, NULL));
  PetscCall(PetscOptionsReal("-ksp_sketchproject_sketch_factor", "Numbers in the least-squares sketch over b + q, at least 1.5", "NomosKSPSketchProjectSetSketch", factor, &factor, NULL));
  PetscCall(PetscOptionsInt("-ksp_sketchproject_sketch_nnz", "Nonzeros per row of sparse-sign matrices, 1 to 16; 0: Gaussian", "NomosKSPSketchProjectSetSketch", nnz, &nnz, NULL));
  PetscCall(PetscOptionsReal("-ksp_sketchproject_momentum", "Heavy ball of mode error, in [0, 1)", "NomosKSPSketchProjectSetMomentum", momentum, &momentum, NULL));
  PetscCall(PetscOptionsInt("-ksp_sketchproject_resync", "Blocks between residuals computed from the iterate, at least 1", "NomosKSPSketchProjectSetResync", resync, &resync, NULL));
  PetscCall(PetscOptionsInt("-ksp_sketchproject_seed", "Seed of the random numbers", "NomosKSPSketchProjectSetSeed", seed, &seed, &set));
  PetscOptionsHeadEnd();
  PetscCall(NomosKSPSketchProjectSetType(ksp, Types[type]));
  PetscCall(NomosKSPSketchProjectSetNorm(ksp, Norms[norm]));
  PetscCall(NomosKSPSketchProjectSetProb(ksp, Probs[prob]));
  PetscCall(NomosKSPSketchProjectSetBlock(ksp, b, q));
  PetscCall(NomosKSPSketchProjectSetSketch(ksp, factor, nnz));
  PetscCall(NomosKSPSketchProjectSetMomentum(ksp, momentum));
  PetscCall(NomosKSPSketchProjectSetResync(ksp, resync));
  if (set) PetscCall(NomosKSPSketchProjectSetSeed(ksp, seed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPView(KSP ksp, PetscViewer viewer)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscBool          ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  type: %s, minimizes: %s, block size: %" PetscInt_FMT ", memory: %" PetscInt_FMT "\n", Types[k->type], Norms[k->type == NOMOS_SP_BLOCKROWS ? NOMOS_SP_ERROR : k->norm], k->b, k->q));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  sketch factor: %g, nonzeros: %" PetscInt_FMT ", probabilities: %s, momentum: %g, resync: %" PetscInt_FMT ", seed: %" PetscInt64_FMT "\n", (double)k->factor, k->nnz, Probs[k->prob], (double)k->momentum, k->resync, k->seed));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  last solve: %" PetscInt64_FMT " products, %" PetscInt64_FMT " residuals computed from the iterate, %" PetscInt64_FMT " blocks redone with exact inner products, %" PetscInt64_FMT " vectors sketched again, %" PetscInt64_FMT " blocks cut\n", k->applies, k->resyncs, k->redone, k->resketched, k->cuts));
  PetscFunctionReturn(PETSC_SUCCESS);
}
