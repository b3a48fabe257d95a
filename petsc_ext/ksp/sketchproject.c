/*
  sketchproject.c - KSP type sketchproject: the type, its outer loop over blocks, and what the modes share. The modes, the random
  directions, the row actions and the settings have files of their own.
*/
#include "sketchproject.h"
#include <nomosimpl.h>

#define ROUNDING (1e3 * PETSC_MACHINE_EPSILON) /* of the first residual: the condition of what is left */

PetscErrorCode NomosSPProduct(KSP ksp, Vec z, Vec w)
{
  Mat A;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(KSP_MatMult(ksp, A, z, w));
  ((KSP_SketchProject *)ksp->data)->applies++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPProductTranspose(KSP ksp, Vec z, Vec w)
{
  Mat A;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(KSP_MatMultTranspose(ksp, A, z, w));
  ((KSP_SketchProject *)ksp->data)->applies++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sketch of a vector and its exact norm: s + 1 numbers, one reduction. Error mode has no sketch and takes the norm. */
PetscErrorCode NomosSPMeasure(KSP ksp, Vec v, PetscScalar *Sv, PetscReal *norm)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscReal          mine;

  PetscFunctionBegin;
  if (!k->sketch) {
    PetscCall(VecNorm(v, NORM_2, norm));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosSketchLocal(k->sketch, v, Sv));
  PetscCall(VecGetLocalVectorRead(v, k->local));
  PetscCall(VecNorm(k->local, NORM_2, &mine));
  PetscCall(VecRestoreLocalVectorRead(v, k->local));
  Sv[k->s] = mine * mine;
  PetscCall(MPIU_Allreduce(MPI_IN_PLACE, Sv, k->s + 1, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)ksp)));
  *norm = PetscSqrtReal(PetscRealPart(Sv[k->s]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSPTrueResidual(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;

  PetscFunctionBegin;
  PetscCall(NomosSPProduct(ksp, ksp->vec_sol, k->r));
  PetscCall(VecAYPX(k->r, -1, ksp->vec_rhs));
  PetscCall(NomosSPMeasure(ksp, k->r, k->Sr, &k->rnorm));
  k->since = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* cumulative[i] = sum of the n local values up to i; before: of the ranks before this one; total: of all. */
PetscErrorCode NomosSPCumulate(KSP ksp, PetscInt n)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscReal          mine;

  PetscFunctionBegin;
  for (PetscInt i = 1; i < n; i++) k->cumulative[i] += k->cumulative[i - 1];
  mine = n > 0 ? k->cumulative[n - 1] : 0;
  PetscCallMPI(MPI_Scan(&mine, &k->before, 1, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)ksp)));
  k->before -= mine;
  PetscCall(MPIU_Allreduce(&mine, &k->total, 1, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)ksp)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- set-up ------------------------------------------------------------------------------------------------------------- */

static PetscErrorCode Check(KSP ksp)
{
  KSP_SketchProject *k    = (KSP_SketchProject *)ksp->data;
  const MPI_Comm     comm = PetscObjectComm((PetscObject)ksp);
  Mat                A;
  PetscInt           m, n;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetSize(A, &m, &n));
  PetscCheck(m == n, comm, PETSC_ERR_ARG_SIZ, "the matrix is %" PetscInt_FMT " x %" PetscInt_FMT "; sketchproject solves square systems, lsqr others", m, n);
  PetscCheck(k->type != NOMOS_SP_KRYLOV || k->norm == NOMOS_SP_RESIDUAL, comm, PETSC_ERR_ARG_INCOMP, "-ksp_sketchproject_type krylov minimizes the residual; with -ksp_sketchproject_norm error take gaussian, sparsesign, countsketch, rows or blockrows");
  PetscCheck(k->momentum == 0 || k->norm == NOMOS_SP_ERROR || k->type == NOMOS_SP_BLOCKROWS, comm, PETSC_ERR_ARG_INCOMP, "-ksp_sketchproject_momentum belongs to -ksp_sketchproject_norm error; mode residual has -ksp_sketchproject_memory");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool MinimizesResidual(KSP_SketchProject *k)
{
  return k->norm == NOMOS_SP_RESIDUAL && k->type != NOMOS_SP_BLOCKROWS ? PETSC_TRUE : PETSC_FALSE;
}

static PetscErrorCode ResidualRoom(KSP ksp, Vec like)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const size_t       b = (size_t)k->b, q = (size_t)k->q, all = b + q + 2;
  PetscInt           N;
  size_t             s;
  NomosSketchKind    kind = k->nnz ? NOMOS_SKETCH_SPARSESIGN : NOMOS_SKETCH_GAUSSIAN;

  PetscFunctionBegin;
  PetscCall(VecGetSize(like, &N));
  k->s = PetscMax((PetscInt)PetscCeilReal(k->factor * (PetscReal)(k->b + k->q)), k->b + k->q + 2);
  if (N <= k->s) kind = NOMOS_SKETCH_GAUSSIAN; /* few unknowns: rows of a sparse sketch could coincide */
  s = (size_t)k->s;
  PetscCall(NomosSketchCreate(like, kind, k->seed, 0, k->s, k->nnz, &k->sketch));
  PetscCall(VecCreateLocalVector(like, &k->local));
  k->nC = k->q;
  if (k->q) {
    PetscCall(VecDuplicateVecs(like, k->q, &k->C));
    PetscCall(VecDuplicateVecs(like, k->q, &k->Zc));
  }
  PetscCall(PetscMalloc4(all, &k->all, s * (b + 1) + 1, &k->SV, s * PetscMax(q, 1), &k->SC, s + 1, &k->Sr));
  PetscCall(PetscMalloc4((b + 1) * b, &k->H, (b + 1) * b, &k->R, PetscMax(q, 1) * b, &k->B, all, &k->y));
  PetscCall(PetscMalloc4(8 * all * all + s * all, &k->small, all, &k->g, 2 * all, &k->givens, s + 1, &k->buffer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPReset_SketchProject(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;

  PetscFunctionBegin;
  PetscCall(NomosSketchDestroy(&k->sketch));
  PetscCall(NomosSketchDestroy(&k->draw));
  PetscCall(VecDestroy(&k->r));
  PetscCall(VecDestroy(&k->work));
  PetscCall(VecDestroy(&k->work2));
  PetscCall(VecDestroy(&k->local));
  PetscCall(VecDestroyVecs(k->nV, &k->V));
  PetscCall(VecDestroyVecs(k->nZ, &k->Z));
  PetscCall(VecDestroyVecs(k->nC, &k->C));
  PetscCall(VecDestroyVecs(k->nC, &k->Zc));
  PetscCall(PetscFree4(k->all, k->SV, k->SC, k->Sr));
  PetscCall(PetscFree4(k->H, k->R, k->B, k->y));
  PetscCall(PetscFree4(k->small, k->g, k->givens, k->buffer));
  PetscCall(VecDestroy(&k->dx));
  PetscCall(VecDestroy(&k->dAx));
  PetscCall(NomosSPBlockRowsReset(ksp));
  k->nV = k->nZ = k->nC = k->nmem = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ErrorRoom(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  const size_t       b = (size_t)k->b;

  PetscFunctionBegin;
  PetscCall(PetscMalloc4(1, &k->all, b * b, &k->SV, b + 1, &k->SC, b + 1, &k->Sr));
  if (k->momentum != 0) {
    PetscCall(VecDuplicate(k->r, &k->dx));
    PetscCall(VecDuplicate(k->r, &k->dAx));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPSetUp_SketchProject(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  Vec               *v;

  PetscFunctionBegin;
  PetscCall(Check(ksp));
  PetscCall(KSPReset_SketchProject(ksp));
  PetscCall(KSPCreateVecs(ksp, 1, &v, 0, NULL));
  PetscCall(VecDuplicate(v[0], &k->r));
  PetscCall(VecDuplicate(v[0], &k->work));
  PetscCall(VecDuplicate(v[0], &k->work2));
  if (k->type != NOMOS_SP_BLOCKROWS) {
    k->nV = k->b + 1;
    k->nZ = k->b;
    PetscCall(VecDuplicateVecs(v[0], k->nV, &k->V));
    PetscCall(VecDuplicateVecs(v[0], k->nZ, &k->Z));
  }
  if (k->type != NOMOS_SP_KRYLOV) PetscCall(NomosSketchCreate(v[0], k->type == NOMOS_SP_GAUSSIAN ? NOMOS_SKETCH_GAUSSIAN : NOMOS_SKETCH_SPARSESIGN, k->seed, 1, k->b, k->type == NOMOS_SP_SPARSESIGN ? PetscMax(k->nnz, 1) : 1, &k->draw));
  if (MinimizesResidual(k)) PetscCall(ResidualRoom(ksp, v[0]));
  else PetscCall(ErrorRoom(ksp));
  PetscCall(VecDestroyVecs(1, &v));
  k->id = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the loop over blocks --------------------------------------------------------------------------------------------- */

/* Logs, monitors, tests. */
static PetscErrorCode Report(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;

  PetscFunctionBegin;
  ksp->rnorm = k->rnorm;
  PetscCall(KSPLogResidualHistory(ksp, k->rnorm));
  PetscCall(KSPMonitor(ksp, ksp->its, k->rnorm));
  if (!ksp->reason) PetscCall((*ksp->converged)(ksp, ksp->its, k->rnorm, &ksp->reason, ksp->cnvP));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A residual that was only updated is computed from x now and then, and before convergence is believed. */
static PetscErrorCode Resync(KSP ksp)
{
  KSP_SketchProject *k      = (KSP_SketchProject *)ksp->data;
  KSPConvergedReason reason = KSP_CONVERGED_ITERATING;

  PetscFunctionBegin;
  k->since++;
  if (ksp->normtype != KSP_NORM_NONE) PetscCall((*ksp->converged)(ksp, ksp->its, k->rnorm, &reason, ksp->cnvP));
  if (reason > 0 || k->since >= k->resync) {
    k->resyncs++;
    PetscCall(NomosSPTrueResidual(ksp));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What was read from the rows of the matrix belongs to its values. */
static PetscErrorCode ReadRows(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscObjectState   state;
  PetscObjectId      id;
  Mat                A;

  PetscFunctionBegin;
  if (k->type != NOMOS_SP_BLOCKROWS && k->type != NOMOS_SP_ROWS) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(PetscObjectStateGet((PetscObject)A, &state));
  PetscCall(PetscObjectGetId((PetscObject)A, &id));
  if (id == k->id && state == k->state) PetscFunctionReturn(PETSC_SUCCESS);
  if (k->type == NOMOS_SP_BLOCKROWS) PetscCall(NomosSPBlockRowsSetUp(ksp));
  else PetscCall(NomosSPRowsSetUp(ksp));
  k->id    = id;
  k->state = state;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Start(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;

  PetscFunctionBegin;
  k->applies = k->redone = k->resyncs = k->resketched = k->cuts = 0;
  k->nmem = k->next = k->since = 0;
  ksp->its                     = 0;
  ksp->reason                  = KSP_CONVERGED_ITERATING;
  if (k->dx) {
    PetscCall(VecSet(k->dx, 0));
    PetscCall(VecSet(k->dAx, 0));
  }
  if (ksp->guess_zero) {
    PetscCall(VecSet(ksp->vec_sol, 0));
    PetscCall(VecCopy(ksp->vec_rhs, k->r));
    PetscCall(NomosSPMeasure(ksp, k->r, k->Sr, &k->rnorm));
  } else PetscCall(NomosSPTrueResidual(ksp));
  PetscCall(Report(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPSolve_SketchProject(KSP ksp)
{
  KSP_SketchProject *k = (KSP_SketchProject *)ksp->data;
  PetscReal          first;

  PetscFunctionBegin;
  PetscCall(ReadRows(ksp));
  PetscCall(Start(ksp));
  first = k->rnorm;
  while (!ksp->reason) {
    if (ksp->its >= ksp->max_it) {
      ksp->reason = KSP_DIVERGED_ITS;
      break;
    }
    if (k->type == NOMOS_SP_BLOCKROWS) PetscCall(NomosSPBlockRows(ksp));
    else if (k->norm == NOMOS_SP_ERROR) PetscCall(NomosSPError(ksp));
    else if (k->type == NOMOS_SP_KRYLOV) PetscCall(NomosSPKrylov(ksp));
    else PetscCall(NomosSPRandom(ksp));
    /* a smoother that asks for more blocks than there are digits: solved, as GMRES says in its happy breakdown */
    if (ksp->reason == KSP_DIVERGED_BREAKDOWN && ksp->normtype == KSP_NORM_NONE && k->rnorm <= ROUNDING * first) ksp->reason = KSP_CONVERGED_ITS;
    if (ksp->reason) break;
    ksp->its++;
    if (PetscIsInfOrNanReal(k->rnorm)) {
      ksp->reason = KSP_DIVERGED_NANORINF;
      break;
    }
    PetscCall(Resync(ksp));
    PetscCall(Report(ksp));
  }
  ksp->rnorm = k->rnorm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solution is kept up to date in the space of x, not in that of the preconditioned unknown. */
static PetscErrorCode KSPBuildSolution_SketchProject(KSP ksp, Vec v, Vec *V)
{
  PetscFunctionBegin;
  if (v) {
    PetscCall(VecCopy(ksp->vec_sol, v));
    if (V) *V = v;
  } else *V = ksp->vec_sol;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPDestroy_SketchProject(KSP ksp)
{
  PetscFunctionBegin;
  PetscCall(KSPReset_SketchProject(ksp));
  PetscCall(KSPDestroyDefault(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  KSPSKETCHPROJECT - "sketchproject": projections on sketched subspaces; by default a restarted, augmented GMRES with one reduction per
  product

  Mode residual, a block with directions V and the last q accepted steps: W = A M^-1 V, y = argmin |r - [W, Wmem] y| in a random
  sketch of 4 (b + q) numbers, x += M^-1 [V, Vmem] y. Mode error, a block with a random S: Y = A'S, x += Y (Y'Y)^-1 S'r. One iteration is
  one block.

  Options Database Keys:
+ -ksp_sketchproject_type NAME       - krylov, gaussian, sparsesign, countsketch, rows, blockrows (default: krylov)
. -ksp_sketchproject_norm NAME       - residual, error; what a block minimizes (default: residual; blockrows: error)
. -ksp_sketchproject_block_size B    - directions in a block, 1 to 512 (default: 32)
. -ksp_sketchproject_memory Q        - accepted steps that later blocks may use, mode residual (default: 4)
. -ksp_sketchproject_prob NAME       - uniform, rownorm: probabilities of rows and blockrows (default: uniform)
. -ksp_sketchproject_sketch_factor F - numbers in the sketch over b + q, at least 1.5 (default: 4)
. -ksp_sketchproject_sketch_nnz Z    - nonzeros per row of sparse-sign matrices, at most 16; 1: CountSketch; 0: Gaussian (default: 8)
. -ksp_sketchproject_momentum W      - heavy ball of mode error, in [0, 1) (default: 0)
. -ksp_sketchproject_resync N        - blocks between residuals computed from x; always done before convergence is believed (default: 10)
- -ksp_sketchproject_seed S          - of the random numbers (default: 0)

  Cost of a krylov block: b products, b + 1 reductions of s + 1 numbers; 2 (b + q) + 4 vectors, 16 bytes per unknown for the sketch. The
  preconditioner may change from product to product. Error: b transposed products, one product, two reductions.

  Notes:
  Types other than krylov are there for fidelity to the literature, row-action data and very well conditioned systems: on KKT systems
  they need orders of magnitude more products. docs/sketchproject.md has the measurements.

  Source: Gower and Richtarik 2015 (sketch and project); Balabanov and Grigori 2022, algorithm 2 (randomized Gram-Schmidt);
  Nakatsukasa and Tropp 2024; Strohmer and Vershynin 2009 (rows with prob rownorm); Hong, Na, Mahoney, Kolar 2023.

  Level: intermediate
.seealso: `NomosKSPSketchProjectGetApplies()`, `PCKKTSKETCH`
M*/
PETSC_INTERN PetscErrorCode KSPCreate_SketchProject(KSP);
PetscErrorCode KSPCreate_SketchProject(KSP ksp)
{
  KSP_SketchProject *k;

  PetscFunctionBegin;
  PetscCall(NomosOptionsUseFamily("ksp_sketchproject"));
  PetscCall(PetscNew(&k));
  k->b      = 32;
  k->q      = 4;
  k->factor = 4;
  k->nnz    = 8;
  k->resync = 10;
  ksp->data = k;
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_UNPRECONDITIONED, PC_RIGHT, 3));
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_NONE, PC_RIGHT, 1));
  ksp->ops->setup          = KSPSetUp_SketchProject;
  ksp->ops->solve          = KSPSolve_SketchProject;
  ksp->ops->reset          = KSPReset_SketchProject;
  ksp->ops->destroy        = KSPDestroy_SketchProject;
  ksp->ops->setfromoptions = NomosSPSetFromOptions;
  ksp->ops->view           = NomosSPView;
  ksp->ops->buildsolution  = KSPBuildSolution_SketchProject;
  ksp->ops->buildresidual  = KSPBuildResidualDefault;
  PetscFunctionReturn(PETSC_SUCCESS);
}
