/*
  nomossor.c - PC type nomossor: (S)SOR in any order, across ranks, with transposes and Eisenstat's form. Set-up and apply; the
  orders, the matrix, the sweeps, Eisenstat's form and the settings have files of their own.
*/
#include "nomossor.h"
#include <nomosimpl.h>

/* --- set-up ----------------------------------------------------------------------------------------------------------- */

/* The matrix as AIJ: itself, or a copy that is made again whenever it changes. */
static PetscErrorCode GetAIJ(PC pc, PetscBool changed, Mat *A, PetscBool *renewed)
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscBool seq, mpi, shell;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)pc->pmat, MATSEQAIJ, &seq));
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)pc->pmat, MATMPIAIJ, &mpi));
  *A       = pc->pmat;
  *renewed = PETSC_FALSE;
  if (seq || mpi) {
    PetscCall(MatDestroy(&s->aij));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscObjectTypeCompare((PetscObject)pc->pmat, MATSHELL, &shell));
  PetscCheck(!shell, PetscObjectComm((PetscObject)pc), PETSC_ERR_SUP, "a matrix of type shell has no entries to sweep over; give KSPSetOperators() an assembled matrix for the preconditioner (second argument)");
  if (changed || !s->aij) {
    PetscCall(MatDestroy(&s->aij));
    PetscCall(MatConvert(pc->pmat, MATAIJ, MAT_INITIAL_MATRIX, &s->aij));
    *renewed = PETSC_TRUE;
  }
  *A = s->aij;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Back to the state before set-up, the settings kept. */
static PetscErrorCode PCReset_NomosSOR(PC pc)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  if (s->b) {
    PetscCall(NomosSORMatrixDestroy(s->b, &s->m));
    PetscCall(NomosSORMatrixDestroy(s->b, &s->mt));
    PetscCall(NomosSOROrderDestroy(s->b, &s->order));
    for (int k = 0; k < 2; k++) PetscCall(NomosStageDestroy(s->b, &s->stage[k]));
  }
  PetscCall(MatDestroy(&s->aij));
  PetscCall(MatDestroy(&s->shell));
  PetscCall(VecDestroy(&s->rhs));
  s->have_mt = s->built = s->warned = PETSC_FALSE;
  s->badrow                         = -1;
  s->active                         = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The memory that the rows of this rank live in. */
static PetscErrorCode MemoryOf(Mat A, PetscMemType *where)
{
  NomosSORMatrix m = {.A = NULL};
  PetscBool      seq, mpi;

  PetscFunctionBegin;
  *where = PETSC_MEMTYPE_HOST;
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)A, MATSEQAIJ, &seq));
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)A, MATMPIAIJ, &mpi));
  if (!seq && !mpi) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosSORMatrixSplit(A, PETSC_TRUE, &m));
  PetscCall(MatSeqAIJGetCSRAndMemType(m.block, NULL, NULL, NULL, where));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One answer for all ranks: those that thought otherwise would make other orders, and wait for ever. */
static PetscErrorCode Anyone(PC pc, PetscBool here, PetscBool *somewhere)
{
  PetscMPIInt yes = (PetscMPIInt)here;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &yes, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
  *somewhere = (PetscBool)yes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is wanted: as -nomos_backend or -pc_nomossor_backend host say, else where the matrix is, on every rank that has rows of it. */
static PetscErrorCode Wanted(PC pc, PetscBool automatic, NomosBackendType *want)
{
  NomosSOR    *s     = (NomosSOR *)pc->data;
  PetscMemType where = PETSC_MEMTYPE_HOST;
  PetscBool    host, device;
  PetscInt     n;

  PetscFunctionBegin;
  *want = s->backend == NOMOS_SOR_HOST || automatic ? NOMOSBACKENDHOST : s->where;
  if (s->backend == NOMOS_SOR_HOST || !automatic || !NOMOS_PETSC_DEVICE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetLocalSize(pc->pmat, &n, NULL));
  PetscCall(MemoryOf(pc->pmat, &where));
  PetscCall(Anyone(pc, (PetscBool)(n > 0 && !PetscMemTypeCUDA(where)), &host));
  PetscCall(Anyone(pc, (PetscBool)(n > 0 && PetscMemTypeCUDA(where)), &device));
  if (device && !host) *want = NOMOSBACKENDCUDA;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where to compute. A CUDA half that is not there, be it on one rank, is an error for who asked for it; a matrix alone does not ask. */
static PetscErrorCode Where(PC pc)
{
  NomosSOR        *s    = (NomosSOR *)pc->data;
  const MPI_Comm   comm = PetscObjectComm((PetscObject)pc);
  NomosBackendType want, have;
  PetscErrorCode   failed = PETSC_SUCCESS;
  PetscBool        automatic, same, somewhere;

  PetscFunctionBegin;
  PetscCall(PetscStrcmp(s->where, NOMOSBACKENDAUTO, &automatic));
  PetscCall(Wanted(pc, automatic, &want));
  if (!s->b) PetscCall(NomosBackendCreate(PETSC_COMM_SELF, &s->b));
  PetscCall(NomosBackendGetType(s->b, &have));
  PetscCall(PetscStrcmp(want, have, &same));
  if (same || s->nodevice) PetscFunctionReturn(PETSC_SUCCESS);
  if (have) PetscCall(PCReset_NomosSOR(pc));
  if (automatic) PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  failed = NomosBackendSetType(s->b, want);
  if (automatic) PetscCall(PetscPopErrorHandler());
  PetscCall(Anyone(pc, (PetscBool)(failed != PETSC_SUCCESS), &somewhere));
  if (somewhere) {
    PetscCall(NomosBackendSetType(s->b, NOMOSBACKENDHOST));
    if (!automatic) PetscCall(failed); /* it has said why */
    PetscCheck(automatic, PETSC_COMM_SELF, PETSC_ERR_LIB, "-nomos_backend %s: it can be had here, and not on another rank of this preconditioner; see that one's message, or compute on the host with -nomos_backend host", s->where);
    PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: the CUDA backend cannot be opened on every rank (-nomos_backend cuda says why): a CUDA matrix is swept on the host, with copies\n"));
    s->nodevice = PETSC_TRUE;
  }
  PetscCall(NomosBackendSetUp(s->b));
  PetscCall(NomosBackendGetType(s->b, &have));
  PetscCall(PetscStrcmp(have, NOMOSBACKENDCUDA, &s->device));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the settings mean on these ranks; combinations that cannot work get a sentence. */
static PetscErrorCode Decide(PC pc)
{
  NomosSOR      *s    = (NomosSOR *)pc->data;
  const MPI_Comm comm = PetscObjectComm((PetscObject)pc);
  PetscMPIInt    size;
  PetscInt       m, n, M, N, differ;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(MatGetLocalSize(pc->pmat, &m, &n));
  PetscCall(MatGetSize(pc->pmat, &M, &N));
  PetscCheck(M == N, comm, PETSC_ERR_ARG_SIZ, "the matrix is %" PetscInt_FMT " x %" PetscInt_FMT "; SOR needs a square one", M, N);
  differ = m != n ? 1 : 0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &differ, 1, MPIU_INT, MPI_MAX, comm));
  PetscCheck(!differ, comm, PETSC_ERR_ARG_SIZ, "rows and columns are not split over the ranks alike (%" PetscInt_FMT " and %" PetscInt_FMT " on this one); SOR needs the same layout for both", m, n);
  PetscCheck(s->backend != NOMOS_SOR_SPSV, comm, PETSC_ERR_SUP, "-pc_nomossor_backend spsv is not built; -pc_nomossor_ordering levels solves the same triangles level by level, on the host and on CUDA matrices");
  s->global      = s->scope == NOMOS_SOR_GLOBAL && size > 1 ? PETSC_TRUE : PETSC_FALSE;
  s->order_built = s->user ? NOMOS_SOR_USER : s->ordering;
  if (s->device && s->order_built == NOMOS_SOR_NATURAL) s->order_built = s->asked ? NOMOS_SOR_LEVELS : NOMOS_SOR_BLOCKMULTICOLOR; /* a device has no use for one long chain */
  PetscCheck(!s->device || size == 1 || !(s->global || s->eisenstat) || NOMOS_PETSC_DEVICE, comm, PETSC_ERR_SUP, "scope global and Eisenstat's form on several ranks exchange device memory: that needs a PETSc built with CUDA; use scope local without eisenstat, or -nomos_backend host");
  PetscCheck(!s->global || s->order_built >= NOMOS_SOR_MULTICOLOR, comm, PETSC_ERR_ARG_INCOMP, "-pc_nomossor_scope global on %d ranks needs colours: natural order and levels are one long chain across the ranks; use -pc_nomossor_ordering multicolor or blockmulticolor", size);
  if (s->backend == NOMOS_SOR_JACOBI) {
    PetscCheck(!s->global && s->its == 1 && !s->eisenstat, comm, PETSC_ERR_ARG_INCOMP, "-pc_nomossor_backend jacobi goes with scope local, its 1 and without eisenstat; found scope %s, its %" PetscInt_FMT "%s", s->global ? "global" : "local", s->its, s->eisenstat ? ", eisenstat" : "");
    s->order_built = NOMOS_SOR_NATURAL;
  }
  PetscCheck(!s->eisenstat || (s->sweep == NOMOS_SOR_SYMMETRIC && s->its == 1), comm, PETSC_ERR_ARG_INCOMP, "-pc_nomossor_eisenstat is a form of one symmetric sweep; leave -pc_nomossor_sweep and -pc_nomossor_its as they are by default");
  if (s->user) {
    PetscInt ok = s->nuser == m ? 1 : 0;

    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &ok, 1, MPIU_INT, MPI_MIN, comm));
    PetscCheck(ok, comm, PETSC_ERR_ARG_SIZ, "NomosPCSORSetColoring() was given colours for another matrix: %" PetscInt_FMT " here, the matrix has %" PetscInt_FMT " rows on this rank", s->nuser, m);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Structure(PC pc, Mat A, PetscBool pattern)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  PetscCall(NomosSORMatrixDestroy(s->b, &s->m));
  PetscCall(NomosSORMatrixDestroy(s->b, &s->mt));
  PetscCall(MatDestroy(&s->shell));
  PetscCall(VecDestroy(&s->rhs));
  s->have_mt = PETSC_FALSE;
  PetscCall(NomosSORMatrixSplit(A, s->global ? PETSC_FALSE : PETSC_TRUE, &s->m));
  if (pattern) PetscCall(NomosSOROrderMake(pc, A, s->m.block, s->global ? A : s->m.block, s->user));
  PetscCall(NomosSORMatrixBuild(pc, &s->order, s->global, &s->m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A diagonal that cannot be divided by is a reason, not an error, unless the user wants errors. */
static PetscErrorCode ReportDiagonal(PC pc)
{
  NomosSOR      *s    = (NomosSOR *)pc->data;
  const MPI_Comm comm = PetscObjectComm((PetscObject)pc);
  const char    *what = "the diagonal of row %" PetscInt_FMT " is zero, missing or not finite: SOR cannot divide by it; see -pc_nomossor_diagonal_shift (now %g)";
  char           text[256];

  PetscFunctionBegin;
  pc->failedreason = pc->failedreasonrank = s->badrow >= 0 ? PC_FACTOR_NUMERIC_ZEROPIVOT : PC_NOERROR;
  if (s->badrow < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscSNPrintf(text, sizeof(text), what, s->badrow, (double)s->shift));
  PetscCheck(!pc->erroriffailure, comm, PETSC_ERR_MAT_LU_ZRPVT, "%s", text);
  PetscCall(PetscInfo(pc, "%s\n", text));
  if (!s->warned) PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: %s\n", text));
  s->warned = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCSetUp_NomosSOR(PC pc)
{
  NomosSOR        *s = (NomosSOR *)pc->data;
  PetscObjectState nonzero, state;
  PetscObjectId    id;
  PetscBool        pattern, values, renewed;
  Mat              A = NULL;

  PetscFunctionBegin;
  PetscCheck(!s->active, PetscObjectComm((PetscObject)pc), PETSC_ERR_ORDER, "the matrix of a preconditioner in Eisenstat's form changed during its solve");
  PetscCall(Where(pc));
  PetscCall(Decide(pc));
  PetscCall(MatGetNonzeroState(pc->pmat, &nonzero));
  PetscCall(PetscObjectStateGet((PetscObject)pc->pmat, &state));
  PetscCall(PetscObjectGetId((PetscObject)pc->pmat, &id));
  pattern = !s->built || id != s->pmat_id || nonzero != s->nonzero ? PETSC_TRUE : PETSC_FALSE;
  values  = pattern || state != s->state ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(GetAIJ(pc, values, &A, &renewed));
  if (pattern || renewed) PetscCall(Structure(pc, A, pattern));
  if (values) {
    PetscCall(NomosSORMatrixRefresh(pc, &s->m));
    s->mt_fresh = PETSC_FALSE;
  }
  s->built   = PETSC_TRUE;
  s->nonzero = nonzero;
  s->state   = state;
  s->pmat_id = id;
  PetscCall(ReportDiagonal(pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The transpose, in the same order: its L is U^T, so that a transposed sweep is a sweep over it the other way round. */
PetscErrorCode NomosSORTransposeNeed(PC pc)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  if (s->have_mt && s->mt_fresh) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->have_mt) PetscCall(MatTranspose(s->m.A, MAT_REUSE_MATRIX, &s->mt.A));
  else {
    Mat T;

    PetscCall(MatTranspose(s->m.A, MAT_INITIAL_MATRIX, &T));
    PetscCall(NomosSORMatrixSplit(T, s->global ? PETSC_FALSE : PETSC_TRUE, &s->mt));
    s->mt.own = PETSC_TRUE;
    PetscCall(NomosSORMatrixBuild(pc, &s->order, s->global, &s->mt));
    s->have_mt = PETSC_TRUE;
  }
  PetscCall(NomosSORMatrixRefresh(pc, &s->mt));
  s->mt_fresh = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- apply ------------------------------------------------------------------------------------------------------------- */

/* Natural order reads the matrix where it is, as PETSc's own SOR does: after a change that KSPSetReusePreconditioner() kept
   from us the diagonal is taken again. */
static PetscErrorCode Current(PC pc)
{
  NomosSOR        *s = (NomosSOR *)pc->data;
  PetscObjectState state;
  PetscObjectId    id;

  PetscFunctionBegin;
  if (!s->m.borrowed || s->active || s->aij) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectStateGet((PetscObject)pc->pmat, &state));
  PetscCall(PetscObjectGetId((PetscObject)pc->pmat, &id));
  if (state != s->state || id != s->pmat_id) PetscCall(PCSetUp_NomosSOR(pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Apply(PC pc, PetscBool transpose, Vec b, Vec x)
{
  NomosSOR      *s = (NomosSOR *)pc->data;
  NomosSORSweep  sweep;
  NomosSORMatrix *m = &s->m;

  PetscFunctionBegin;
  PetscCall(Current(pc));
  if (s->badrow >= 0) { /* as PETSc's own types after a failed set-up */
    PetscCall(VecSet(x, (PetscScalar)INFINITY));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  sweep = s->sweep;
  s->applies++;
  if (s->active) {
    PetscCall(NomosSORScaleDiagonal(pc, m, (2 - s->omega) / s->omega, b, x));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (transpose) {
    PetscCall(NomosSORTransposeNeed(pc));
    m = &s->mt;
    if (sweep != NOMOS_SOR_SYMMETRIC) sweep = sweep == NOMOS_SOR_FORWARD ? NOMOS_SOR_BACKWARD : NOMOS_SOR_FORWARD;
  }
  if (s->backend == NOMOS_SOR_JACOBI) PetscCall(NomosSORJacobiRun(pc, m, sweep, s->its, b, x));
  else PetscCall(NomosSORSweepRun(pc, m, sweep, s->its, b, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCApply_NomosSOR(PC pc, Vec b, Vec x)
{
  PetscFunctionBegin;
  PetscCall(Apply(pc, PETSC_FALSE, b, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCApplyTranspose_NomosSOR(PC pc, Vec b, Vec x)
{
  PetscFunctionBegin;
  PetscCall(Apply(pc, PETSC_TRUE, b, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

static PetscErrorCode PCDestroy_NomosSOR(PC pc)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  PetscCall(PCReset_NomosSOR(pc));
  PetscCall(NomosSORSettersCompose(pc, PETSC_FALSE));
  PetscCall(NomosBackendDestroy(&s->b));
  PetscCall(PetscFree(s->user));
  PetscCall(PetscFree(pc->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  PCNOMOSSOR - symmetric, forward or backward successive over-relaxation, in any order of the rows, across ranks

  With A = D + L + U in the order of the sweep, s the diagonal shift and w = omega, one symmetric sweep from zero is
    M^-1 = (2 - w)/w ((D+s)/w + U)^-1 (D+s) ((D+s)/w + L)^-1
  one forward sweep ((D+s)/w + L)^-1, one backward sweep ((D+s)/w + U)^-1.

  Options Database Keys:
+ -pc_nomossor_omega <1>             - relaxation, in (0,2); a new value costs nothing
. -pc_nomossor_sweep <symmetric>     - symmetric, forward, backward
. -pc_nomossor_its <1>               - sweeps in an application
. -pc_nomossor_diagonal_shift <0>    - added to the diagonal where it is divided by
. -pc_nomossor_ordering <natural>    - natural, levels, multicolor, blockmulticolor (the default on a GPU)
. -pc_nomossor_block_size <256>      - rows in a block of blockmulticolor
. -pc_nomossor_scope <local>         - local: every rank sweeps its block; global: colours across the ranks
. -pc_nomossor_eisenstat             - the solve sees the transformed operator: one pass over A an iteration
. -pc_nomossor_backend <auto>        - auto, host, color, jacobi
. -pc_nomossor_jacobi_sweeps <2>     - inner sweeps of backend jacobi
- -pc_nomossor_mat_coloring_type <greedy> - any MatColoringType

  Cost and memory: an application of one symmetric sweep reads A once, from a zero guess; natural order works on the arrays of
  the matrix and adds three vectors; the others, Eisenstat's form and a GPU hold L and U in the order of the sweep with a map for
  new values. Matrices in CUDA memory are swept there, vectors are not copied.
  A transposed application makes the transpose once per set of values.

  Note:
  Natural order equals PETSc's MatSOR() with -mat_no_inode; for matrices with identical rows in groups PETSc's default is another
  method (SOR by blocks of nodes).

  Source: Young, Iterative Solution of Large Linear Systems, 1971; Axelsson, A generalized SSOR method, BIT 12, 1972; Eisenstat,
  Efficient implementation of a class of preconditioned conjugate gradient methods, SIAM J. Sci. Stat. Comput. 2, 1981

  Level: beginner
.seealso: `NomosPCSORSetOmega()`, `NomosPCSORSetOrdering()`, `NomosPCSORSetScope()`, `NomosPCSORSetEisenstat()`, `PCSOR`
M*/
PETSC_INTERN PetscErrorCode PCCreate_NomosSOR(PC pc)
{
  NomosSOR *s;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(NomosOptionsUseFamily("pc_nomossor"));
  PetscCall(PetscNew(&s));
  s->omega      = 1;
  s->its        = 1;
  s->block_size = 256;
  s->inner      = 2;
  s->badrow     = -1;
  PetscCall(PetscStrncpy(s->where, NOMOSBACKENDAUTO, sizeof(s->where)));
  pc->data      = s;

  pc->ops->setup          = PCSetUp_NomosSOR;
  pc->ops->apply          = PCApply_NomosSOR;
  pc->ops->applytranspose = PCApplyTranspose_NomosSOR;
  pc->ops->setfromoptions = PCSetFromOptions_NomosSOR;
  pc->ops->view           = PCView_NomosSOR;
  pc->ops->reset          = PCReset_NomosSOR;
  pc->ops->destroy        = PCDestroy_NomosSOR;
  pc->ops->presolve       = PCPreSolve_NomosSOR;
  pc->ops->postsolve      = PCPostSolve_NomosSOR;
  PetscCall(NomosSORSettersCompose(pc, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
