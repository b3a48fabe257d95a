/*
  kktsketch_schur.c - the approximation Sh of G Bh^-1 G' + gamma I + diag(c) and its inverse: QR of a sketch, an assembled
  product with an inner PC, the user's matrix, or an inner iteration.
*/
#include "kktsketch.h"

#define MAX_CHOLESKY 100000 /* constraints up to which selfp and user factor exactly by default: 250 MB and 2 s at 65 000 in two dimensions */
#define FEW          1000  /* unknowns up to which T itself is factored */
#define AUTO_SPARSE  300   /* sparse Jacobians with more rows are not sketched by `auto`: the sketch would be dense */

static PetscErrorCode Choose(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscBool     assembled, dense;
  PetscInt      m;

  PetscFunctionBegin;
  PetscCall(MatGetSize(k->G, &m, NULL));
  PetscCall(NomosKKTSketchAssembled(k->Gpre, &assembled));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)k->Gpre, &dense, MATSEQDENSE, MATMPIDENSE, ""));
  k->schur_used = k->schur;
  if (k->least) k->schur_used = NOMOS_KKTSCHUR_SKETCHQR;
  else if (k->schur == NOMOS_KKTSCHUR_AUTO) {
    if (k->S) k->schur_used = NOMOS_KKTSCHUR_USER;
    else if (!assembled || (dense && m > NOMOS_KKT_MAX_REPLICATED)) k->schur_used = NOMOS_KKTSCHUR_LSQR;
    else if (dense || m <= AUTO_SPARSE) k->schur_used = NOMOS_KKTSCHUR_SKETCHQR;
    else k->schur_used = NOMOS_KKTSCHUR_SELFP;
  }
  if (k->schur_used == NOMOS_KKTSCHUR_SKETCHQR || k->schur_used == NOMOS_KKTSCHUR_SELFP) PetscCheck(assembled, PetscObjectComm((PetscObject)pc), PETSC_ERR_SUP, "-pc_kktsketch_schur %s needs the entries of the Jacobian; one of type %s has none: use lsqr, or user with NomosPCKKTSketchSetSchur()", k->schur_used == NOMOS_KKTSCHUR_SELFP ? "selfp" : "sketchqr", ((PetscObject)k->Gpre)->type_name);
  if (k->schur_used == NOMOS_KKTSCHUR_SKETCHQR) PetscCheck(m <= NOMOS_KKT_MAX_REPLICATED, PetscObjectComm((PetscObject)pc), PETSC_ERR_SUP, "-pc_kktsketch_schur sketchqr holds a triangle on every rank; with %" PetscInt_FMT " constraints (limit %d) use selfp, user or lsqr", m, NOMOS_KKT_MAX_REPLICATED);
  if (k->schur_used == NOMOS_KKTSCHUR_USER) PetscCheck(k->S, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_WRONGSTATE, "-pc_kktsketch_schur user, and no matrix was given; see NomosPCKKTSketchSetSchur()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- sketchqr ----------------------------------------------------------------------------------------------------------- */

/* out (s x ell) = S'[U_1 .. U_ell]; without a sketch the rows of U themselves */
static PetscErrorCode SketchBasis(PC pc, PetscInt s, PetscScalar *out)
{
  PC_KKTSketch      *k = (PC_KKTSketch *)pc->data;
  const PetscScalar *a;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  if (k->sketch) {
    PetscCall(NomosSketchApply(k->sketch, k->ell, k->U, out));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscArrayzero(out, s * k->ell));
  PetscCall(VecGetOwnershipRange(k->r1, &lo, &hi));
  for (PetscInt j = 0; j < k->ell; j++) {
    PetscCall(VecGetArrayRead(k->U[j], &a));
    for (PetscInt i = lo; i < hi; i++) out[i + j * s] = a[i - lo];
    PetscCall(VecRestoreArrayRead(k->U[j], &a));
  }
  PetscCall(MPIU_Allreduce(MPI_IN_PLACE, out, s * k->ell, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)pc)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nystrom: Bh^-1/2 G' = mu^-1/2 G' + U e (GU)' with e = (Lam + t)^-1/2 - mu^-1/2; local has the sketch of mu^-1/2 G' already. */
static PetscErrorCode AddBasis(PC pc, PetscInt s, PetscInt ld, PetscScalar *local)
{
  PC_KKTSketch      *k = (PC_KKTSketch *)pc->data;
  const PetscScalar *a;
  PetscScalar       *SU;
  PetscInt           rows;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(PetscMax((size_t)s * (size_t)k->ell, 1), &SU));
  PetscCall(SketchBasis(pc, s, SU));
  PetscCall(VecGetLocalSize(k->v, &rows));
  for (PetscInt j = 0; j < k->ell; j++) {
    const PetscReal e = PetscSqrtReal(PetscMax(PetscRealPart(k->coef[j]) + 1 / k->mu, 0)) - PetscSqrtReal(1 / k->mu);

    PetscCall(MatMult(k->Gpre, k->U[j], k->v));
    PetscCall(VecGetArrayRead(k->v, &a));
    for (PetscInt r = 0; r < rows; r++)
      for (PetscInt i = 0; i < s; i++) local[(size_t)r * (size_t)ld + (size_t)i] += e * a[r] * SU[i + j * s];
    PetscCall(VecRestoreArrayRead(k->v, &a));
  }
  PetscCall(PetscFree(SU));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* T = Bh^-1/2 G' without a sketch: column r is row r of G. */
static PetscErrorCode Rows(Mat G, PetscInt ld, PetscScalar *local)
{
  const PetscInt    *cols;
  const PetscScalar *vals;
  PetscInt           lo, hi, n;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) {
    PetscCall(PetscArrayzero(local + (size_t)(r - lo) * (size_t)ld, ld));
    PetscCall(MatGetRow(G, r, &n, &cols, &vals));
    for (PetscInt j = 0; j < n; j++) local[(size_t)(r - lo) * (size_t)ld + (size_t)cols[j]] += vals[j];
    PetscCall(MatRestoreRow(G, r, &n, &cols, &vals));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows sqrt(gamma + c) below the sketch make R'R the sketch of the regularized complement. */
static PetscErrorCode AddCorner(PC pc, PetscInt s, PetscInt ld, PetscScalar *local)
{
  PC_KKTSketch      *k = (PC_KKTSketch *)pc->data;
  const PetscScalar *c = NULL;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  if (k->c) PetscCall(VecGetArrayRead(k->c, &c));
  PetscCall(VecGetOwnershipRange(k->v, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) local[(size_t)(r - lo) * (size_t)ld + (size_t)(s + r)] = PetscSqrtReal(PetscMax(k->gamma + (c ? PetscRealPart(c[r - lo]) : 0), 0));
  if (k->c) PetscCall(VecRestoreArrayRead(k->c, &c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SketchQR(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscBool     corner = k->gamma != 0 || k->c ? PETSC_TRUE : PETSC_FALSE, nystrom = k->hessian_used == NOMOS_KKTHESSIAN_NYSTROM ? PETSC_TRUE : PETSC_FALSE, plain;
  PetscInt      m, n, s, ld, rows;
  PetscScalar  *local;
  Mat           G;

  PetscFunctionBegin;
  PetscCall(NomosSketchDestroy(&k->sketch));
  PetscCall(NomosSketchQRDestroy(&k->qr));
  PetscCall(VecGetSize(k->v, &m));
  PetscCall(VecGetLocalSize(k->v, &rows));
  PetscCall(VecGetSize(k->r1, &n));
  s     = PetscMax(1, (PetscInt)PetscCeilReal(k->factor * (PetscReal)m));
  plain = n <= PetscMax(s, FEW) ? PETSC_TRUE : PETSC_FALSE; /* T is hardly larger than its sketch: exact */
  if (plain) s = n;
  if (!corner && s < m) corner = PETSC_TRUE; /* more constraints than unknowns: rows of zeros */
  ld = s + (corner ? m : 0);
  if (!plain) PetscCall(NomosSketchCreate(k->r1, k->nnz ? NOMOS_SKETCH_SPARSESIGN : NOMOS_SKETCH_GAUSSIAN, k->seed, k->setups, s, k->nnz, &k->sketch));
  PetscCall(MatDuplicate(k->Gpre, MAT_COPY_VALUES, &G));
  if (k->least) PetscCall(VecSet(k->u, 1));
  else if (nystrom) PetscCall(VecSet(k->u, PetscSqrtReal(1 / k->mu)));
  else {
    PetscCall(VecCopy(k->dinv, k->u));
    PetscCall(VecSqrtAbs(k->u));
  }
  PetscCall(MatDiagonalScale(G, NULL, k->u));
  PetscCall(PetscMalloc1(PetscMax((size_t)ld * (size_t)rows, 1), &local));
  if (plain) PetscCall(Rows(G, ld, local));
  else PetscCall(NomosSketchAIJ(k->sketch, G, ld, local));
  PetscCall(MatDestroy(&G));
  if (nystrom && !k->least) PetscCall(AddBasis(pc, s, ld, local));
  if (corner) PetscCall(AddCorner(pc, s, ld, local));
  PetscCall(NomosSketchQRCreate(k->v, ld, local, &k->qr));
  PetscCall(PetscFree(local));
  if (k->qr->replaced) PetscCall(PetscInfo(pc, "Sketched QR: %" PetscInt_FMT " of %" PetscInt_FMT " pivots are rounding errors (ratio %g) and were replaced\n", k->qr->replaced, m, (double)k->qr->ratio));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- selfp, user -------------------------------------------------------------------------------------------------------- */

static PetscErrorCode SelfP(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&k->Gt));
  PetscCall(MatDestroy(&k->Shat));
  if (k->hessian_used == NOMOS_KKTHESSIAN_NYSTROM) { /* its diagonal part: mu I */
    PetscCall(VecSet(k->u, 1 / k->mu));
  } else PetscCall(VecCopy(k->dinv, k->u));
  PetscCall(MatTranspose(k->Gpre, MAT_INITIAL_MATRIX, &k->Gt));
  PetscCall(MatDiagonalScale(k->Gt, k->u, NULL));
  PetscCall(MatMatMult(k->Gpre, k->Gt, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &k->Shat));
  PetscCall(MatDestroy(&k->Gt));
  if (k->gamma != 0) PetscCall(MatShift(k->Shat, k->gamma));
  if (k->c) PetscCall(MatDiagonalSet(k->Shat, k->c, ADD_VALUES));
  PetscCall(MatSetOption(k->Shat, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatSetOption(k->Shat, MAT_SPD, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cholesky where it is cheap, on several ranks if a parallel one is there: algebraic multigrid is poor on G D^-1 G', an operator of
   fourth order for elliptic constraints. */
static PetscErrorCode Defaults(PC pc, Mat A, PC inner)
{
  PetscBool   assembled, parallel = PETSC_FALSE;
  PetscMPIInt size;
  PetscInt    m;

  PetscFunctionBegin;
  PetscCall(NomosKKTSketchAssembled(A, &assembled));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)pc), &size));
  PetscCall(MatGetSize(A, &m, NULL));
  if (assembled && size > 1) PetscCall(MatGetFactorAvailable(A, MATSOLVERMUMPS, MAT_FACTOR_CHOLESKY, &parallel));
  if (!assembled) PetscCall(PCSetType(inner, PCNONE));
  else if ((size == 1 || parallel) && m <= MAX_CHOLESKY) {
    PetscCall(PCSetType(inner, PCCHOLESKY));
    if (parallel) PetscCall(PCFactorSetMatSolverType(inner, MATSOLVERMUMPS));
    else PetscCall(PCFactorSetShiftType(inner, MAT_SHIFT_POSITIVE_DEFINITE)); /* dependent constraints */
  } else PetscCall(PCSetType(inner, PCGAMG));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode InnerPC(PC pc, Mat A)
{
  PC_KKTSketch   *k     = (PC_KKTSketch *)pc->data;
  const PetscBool fresh = k->spc ? PETSC_FALSE : PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(NomosKKTSketchInnerPC(pc, "schur_", A, &k->spc));
  if (fresh) {
    PetscCall(Defaults(pc, A, k->spc));
    if (k->options) PetscCall(PCSetFromOptions(k->spc));
  }
  PetscCall(PCSetUp(k->spc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- lsqr: conjugate gradients on (Bh^-1/2 G')'(Bh^-1/2 G') + gamma I by products alone ------------------------------------ */

static PetscErrorCode ShellMult(Mat A, Vec x, Vec y)
{
  PC            pc;
  PC_KKTSketch *k;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &pc));
  k = (PC_KKTSketch *)pc->data;
  PetscCall(MatMultTranspose(k->G, x, k->r1));
  PetscCall(NomosKKTSketchHessianSolve(pc, k->r1, k->x));
  PetscCall(MatMult(k->G, k->x, y));
  if (k->gamma != 0) PetscCall(VecAXPY(y, k->gamma, x));
  if (k->c) {
    PetscCall(VecPointwiseMult(k->r2, k->c, x));
    PetscCall(VecAXPY(y, 1, k->r2));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Inner(PC pc)
{
  PC_KKTSketch *k    = (PC_KKTSketch *)pc->data;
  const MPI_Comm comm = PetscObjectComm((PetscObject)pc);
  const char   *prefix;
  PetscInt      m, M;
  PC            none;

  PetscFunctionBegin;
  if (k->sksp) {
    PetscCall(PetscObjectStateIncrease((PetscObject)k->sshell));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetLocalSize(k->v, &m));
  PetscCall(VecGetSize(k->v, &M));
  PetscCall(MatCreateShell(comm, m, m, M, M, pc, &k->sshell));
  PetscCall(MatShellSetOperation(k->sshell, MATOP_MULT, (NomosAnyFn *)ShellMult));
  PetscCall(KSPCreate(comm, &k->sksp));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)k->sksp, (PetscObject)pc, 1));
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  PetscCall(KSPSetOptionsPrefix(k->sksp, prefix));
  PetscCall(KSPAppendOptionsPrefix(k->sksp, "schur_"));
  PetscCall(KSPSetOperators(k->sksp, k->sshell, k->sshell));
  PetscCall(KSPSetType(k->sksp, KSPCG));
  PetscCall(KSPGetPC(k->sksp, &none));
  PetscCall(PCSetType(none, PCNONE));
  PetscCall(KSPSetTolerances(k->sksp, 1e-4, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  if (k->options) PetscCall(KSPSetFromOptions(k->sksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- all ------------------------------------------------------------------------------------------------------------------ */

PetscErrorCode NomosKKTSketchSchurSetUp(PC pc)
{
  PC_KKTSketch *k      = (PC_KKTSketch *)pc->data;
  NomosKKTSchur before = k->schur_used;

  PetscFunctionBegin;
  PetscCall(Choose(pc));
  if (before != k->schur_used) PetscCall(NomosKKTSketchSchurReset(pc));
  switch (k->schur_used) {
  case NOMOS_KKTSCHUR_SKETCHQR:
    PetscCall(SketchQR(pc));
    break;
  case NOMOS_KKTSCHUR_SELFP:
    PetscCall(SelfP(pc));
    PetscCall(InnerPC(pc, k->Shat));
    break;
  case NOMOS_KKTSCHUR_USER:
    PetscCall(InnerPC(pc, k->S));
    break;
  default:
    PetscCall(Inner(pc));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* w = Sh^-1 r. lsqr overwrites r1, x and r2. */
PetscErrorCode NomosKKTSketchSchurSolve(PC pc, Vec r, Vec w)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  if (k->schur_used == NOMOS_KKTSCHUR_SKETCHQR) PetscCall(NomosSketchQRSolve(k->qr, r, w));
  else if (k->schur_used == NOMOS_KKTSCHUR_LSQR) PetscCall(KSPSolve(k->sksp, r, w));
  else PetscCall(PCApply(k->spc, r, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTSketchSchurReset(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  PetscCall(NomosSketchDestroy(&k->sketch));
  PetscCall(NomosSketchQRDestroy(&k->qr));
  PetscCall(MatDestroy(&k->Gt));
  PetscCall(MatDestroy(&k->Shat));
  PetscCall(PCDestroy(&k->spc));
  PetscCall(KSPDestroy(&k->sksp));
  PetscCall(MatDestroy(&k->sshell));
  PetscFunctionReturn(PETSC_SUCCESS);
}
