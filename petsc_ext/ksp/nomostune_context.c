/* nomostune_context.c - what is known before a solve: the matrix, the size, the tolerance, what the user says. */
#include "nomostune.h"
#include "petsc_ext/tuner/tuner.h" /* number of the round */
#include <petscsnes.h>
#include <petscts.h>

static const char *const kinds[] = {"auto", "size", "rtol", "residual", "time", "dt", "iter", "user:"};

static PetscErrorCode RowsReadable(Mat P, PetscBool *yes)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)P, yes, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ParseOne(KSP ksp, const char word[])
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const MPI_Comm comm = PetscObjectComm((PetscObject)ksp);
  PetscInt       i, index = 0;

  PetscFunctionBegin;
  for (i = 0; i < NOMOS_CONTEXT_USER; i++)
    if (!strcmp(word, kinds[i])) break;
  if (i == NOMOS_CONTEXT_USER) {
    PetscCheck(!strncmp(word, "user:", 5) && word[5] >= '0' && word[5] < '0' + NOMOS_KSPTUNE_CONTEXTS && !word[6], comm, PETSC_ERR_ARG_WRONG, "'%s' is no context; there are auto, user:0, user:1, size, rtol, residual, time, dt, iter and none", word);
    index = word[5] - '0';
  }
  PetscCheck(k->ncontexts < NOMOS_KSPTUNE_CONTEXTS, comm, PETSC_ERR_ARG_OUTOFRANGE, "more than %d contexts: '%s' is one too many", NOMOS_KSPTUNE_CONTEXTS, word);
  PetscCheck((i != NOMOS_CONTEXT_DT && i != NOMOS_CONTEXT_ITER) || k->attached, comm, PETSC_ERR_ARG_WRONGSTATE, "the context '%s' has no route from a linear solver: call NomosKSPTuneAttach() in the program", word);
  k->kind[k->ncontexts]    = (NomosTuneContext)i;
  k->index[k->ncontexts++] = index;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Parse(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  char         **word;
  PetscBool      rows;
  Mat            P;
  int            n;

  PetscFunctionBegin;
  k->ncontexts = 0;
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(RowsReadable(P, &rows));
  if (!k->contexts) {
    if (rows) PetscCall(ParseOne(ksp, "auto"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!strcmp(k->contexts, "none")) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrToArray(k->contexts, ',', &n, &word));
  for (int i = 0; i < n; i++) PetscCall(ParseOne(ksp, word[i]));
  PetscCall(PetscStrToArrayDestroy(n, word));
  for (PetscInt i = 0; i < k->ncontexts; i++) PetscCheck(rows || k->kind[i] != NOMOS_CONTEXT_AUTO, PetscObjectComm((PetscObject)ksp), PETSC_ERR_SUP, "the context 'auto' reads the rows of an AIJ or BAIJ matrix; this one is %s", ((PetscObject)P)->type_name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* add: also to the tuner. Nominal ranges; all but iter follow what is seen. */
PetscErrorCode NomosKSPTuneAddContexts(KSP ksp, NomosTuner t, PetscBool add)
{
  static const PetscReal range[][2] = {{-6, 0}, {0, 8}, {-12, 0}, {-8, 8}, {0, 1000}, {-8, 2}, {1, 8}, {0, 1}};
  KSP_NomosTune         *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  PetscCall(Parse(ksp));
  if (add)
    for (PetscInt i = 0; i < k->ncontexts; i++) {
      char name[16];

      if (k->kind[i] == NOMOS_CONTEXT_USER) PetscCall(PetscSNPrintf(name, sizeof(name), "user:%" PetscInt_FMT, k->index[i]));
      else PetscCall(PetscStrncpy(name, kinds[k->kind[i]], sizeof(name)));
      PetscCall(NomosTunerAddContext(t, name, range[k->kind[i]][0], range[k->kind[i]][1], (PetscBool)(k->kind[i] != NOMOS_CONTEXT_ITER)));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define EXCESS_MOST 4 /* 1.5 to 3.4 in mass matrices of linear elements */

typedef struct { /* over the local rows: sum of (row sum) / diagonal; if asked for, largest Gershgorin ratio */
  PetscReal sum, ratio;
  PetscBool gershgorin;
} Dominance;

/* Signs count: with the mass matrix of finite elements the moduli say the same of a small and of a large time step. For an M-matrix it makes no difference. */
static inline void Row(Dominance *d, PetscScalar diagonal, PetscScalar sum)
{
  if (!(PetscAbsScalar(diagonal) > 0)) return; /* zero, or no number */
  d->sum += PetscMin(PetscMax(-1, PetscRealPart(sum / diagonal)), EXCESS_MOST);
}

static inline void Ratio(Dominance *d, PetscScalar diagonal, PetscReal moduli)
{
  if (PetscAbsScalar(diagonal) > 0) d->ratio = PetscMax(d->ratio, moduli / PetscAbsScalar(diagonal) - 1);
}

typedef struct {
  Mat                A; /* NULL: no rows of it */
  const PetscInt    *ia, *ja;
  const PetscScalar *a;
} Rows;

static PetscErrorCode GetRows(Mat A, Rows *r)
{
  PetscInt  n;
  PetscBool done;

  PetscFunctionBegin;
  r->A = A;
  if (!A) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetRowIJ(A, 0, PETSC_FALSE, PETSC_FALSE, &n, &r->ia, &r->ja, &done));
  PetscCheck(done, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the rows of a sequential AIJ matrix could not be had");
  PetscCall(MatSeqAIJGetArrayRead(A, &r->a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RestoreRows(Rows *r)
{
  PetscInt  n;
  PetscBool done;

  PetscFunctionBegin;
  if (!r->A) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatRestoreRowIJ(r->A, 0, PETSC_FALSE, PETSC_FALSE, &n, &r->ia, &r->ja, &done));
  PetscCall(MatSeqAIJRestoreArrayRead(r->A, &r->a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscReal Moduli(const Rows *r, PetscInt i)
{
  PetscReal sum = 0;

  if (r->A)
    for (PetscInt j = r->ia[i]; j < r->ia[i + 1]; j++) sum += PetscAbsScalar(r->a[j]);
  return sum;
}

/* A solve of a millisecond should not notice it: the arrays of AIJ are read as they lie. The diagonal is expected as far into its row as in the
   row before, and looked for where it is not. */
static PetscErrorCode AIJRows(Mat diagonal_block, Mat rest_block, PetscInt n, Dominance *result)
{
  Rows      in, out;
  Dominance d      = *result; /* stays in registers */
  PetscInt  offset = 0;

  PetscFunctionBegin;
  PetscCall(GetRows(diagonal_block, &in));
  PetscCall(GetRows(rest_block, &out));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt begin = in.ia[i], end = in.ia[i + 1];
    PetscInt       here = begin + offset; /* end: there is none */
    PetscScalar    sum = 0;

    if (here >= end || in.ja[here] != i) {
      here = begin;
      while (here < end && in.ja[here] != i) here++;
      if (here < end) offset = here - begin;
    }
    if (here == end) continue;
    for (PetscInt j = begin; j < end; j++) sum += in.a[j];
    if (out.A)
      for (PetscInt j = out.ia[i]; j < out.ia[i + 1]; j++) sum += out.a[j];
    Row(&d, in.a[here], sum);
    if (d.gershgorin) Ratio(&d, in.a[here], Moduli(&in, i) + Moduli(&out, i));
  }
  *result = d;
  PetscCall(RestoreRows(&in));
  PetscCall(RestoreRows(&out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AnyRows(Mat P, Dominance *d)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(P, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt    *col;
    const PetscScalar *val;
    PetscScalar        diagonal = 0, sum = 0;
    PetscReal          moduli = 0;
    PetscInt           n;

    PetscCall(MatGetRow(P, i, &n, &col, &val));
    for (PetscInt j = 0; j < n; j++) {
      if (col[j] == i) diagonal = val[j];
      sum += val[j];
      moduli += PetscAbsScalar(val[j]);
    }
    PetscCall(MatRestoreRow(P, i, &n, &col, &val));
    Row(d, diagonal, sum);
    Ratio(d, diagonal, moduli);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadRows(Mat P, Dominance *d)
{
  PetscBool seq, mpi;
  PetscInt  n;
  Mat       in = P, out = NULL;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)P, MATSEQAIJ, &seq));
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)P, MATMPIAIJ, &mpi));
  PetscCall(MatGetLocalSize(P, &n, NULL));
  if (mpi) PetscCall(MatMPIAIJGetSeqAIJ(P, &in, &out, NULL));
  if (seq || mpi) PetscCall(AIJRows(in, out, n, d));
  else PetscCall(AnyRows(P, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* q, the mean of (row sum) / diagonal, and, for young, an upper estimate of the Jacobi radius; once per state of the matrix. */
static PetscErrorCode ReadMatrix(KSP ksp)
{
  KSP_NomosTune   *k = (KSP_NomosTune *)ksp->data;
  PetscObjectId    id;
  PetscObjectState state;
  const char      *method;
  Dominance        d = {0, 0, PETSC_FALSE};
  PetscInt         n;
  Mat              P;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(PetscObjectGetId((PetscObject)P, &id));
  PetscCall(PetscObjectStateGet((PetscObject)P, &state));
  if (id == k->mat && state == k->matstate) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerGetMethod(k->tuner, &method));
  d.gershgorin = (PetscBool)!strcmp(method, NOMOSTUNERYOUNG);
  PetscCall(ReadRows(P, &d));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &d.sum, 1, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)ksp)));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &d.ratio, 1, MPIU_REAL, MPIU_MAX, PetscObjectComm((PetscObject)ksp)));
  PetscCall(MatGetSize(P, &n, NULL));
  k->q        = d.sum / (PetscReal)PetscMax(n, 1);
  k->radius   = PetscMin(d.ratio, 1 - 1e-8);
  k->mat      = id;
  k->matstate = state;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Attached(KSP_NomosTune *k, NomosTuneContext kind, PetscReal *c)
{
  PetscClassId id;

  PetscFunctionBegin;
  *c = NAN;
  if (!k->attached) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectGetClassId(k->attached, &id));
  if (kind == NOMOS_CONTEXT_DT && id == TS_CLASSID) {
    PetscReal dt;

    PetscCall(TSGetTimeStep((TS)k->attached, &dt));
    *c = PetscLog10Real(PetscMax(PetscAbsReal(dt), PETSC_SMALL * PETSC_SMALL));
  } else if (kind == NOMOS_CONTEXT_ITER) {
    SNES     snes;
    PetscInt its;

    if (id == TS_CLASSID) PetscCall(TSGetSNES((TS)k->attached, &snes));
    else snes = (SNES)k->attached;
    PetscCall(SNESGetIterationNumber(snes, &its));
    *c = (PetscReal)PetscMin(its + 1, 8);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadOne(KSP ksp, PetscInt i, PetscReal *c)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  PetscInt       n;

  PetscFunctionBegin;
  switch (k->kind[i]) {
  case NOMOS_CONTEXT_AUTO:
    PetscCall(ReadMatrix(ksp));
    *c = PetscLog10Real(PetscMax(1e-6, k->q));
    break;
  case NOMOS_CONTEXT_SIZE:
    PetscCall(VecGetSize(ksp->vec_rhs, &n));
    *c = PetscLog10Real((PetscReal)PetscMax(n, 1));
    break;
  case NOMOS_CONTEXT_RTOL:
    *c = PetscLog10Real(PetscMax(ksp->rtol, 1e-16));
    break;
  case NOMOS_CONTEXT_RESIDUAL:
    PetscCall(VecNorm(ksp->vec_rhs, NORM_2, c));
    *c = PetscLog10Real(PetscMax(*c, 1e-300));
    break;
  case NOMOS_CONTEXT_TIME: /* how far the run is, in solves: a clock would make decisions irreproducible */
    *c = (PetscReal)k->tuner->rounds; /* saved with the state */
    break;
  case NOMOS_CONTEXT_USER:
    *c = k->user[k->index[i]];
    break;
  default:
    PetscCall(Attached(k, k->kind[i], c));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Young's formula wants to know whether the sweep is symmetric. */
static PetscErrorCode Young(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *method;
  MatSORType     sweep = SOR_SYMMETRIC_SWEEP;
  PetscBool      issor, rows;
  Mat            P;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetMethod(k->tuner, &method));
  if (strcmp(method, NOMOSTUNERYOUNG)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(RowsReadable(P, &rows));
  if (!rows) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReadMatrix(ksp));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCSOR, &issor));
  if (issor) PetscCall(PCSORGetSymmetric(ksp->pc, &sweep));
  PetscCall(NomosTunerSetYoung(k->tuner, k->radius, (PetscBool)(sweep == SOR_SYMMETRIC_SWEEP || sweep == SOR_LOCAL_SYMMETRIC_SWEEP)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKSPTuneReadContexts(KSP ksp, PetscReal ctx[])
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < k->ncontexts; i++) PetscCall(ReadOne(ksp, i, &ctx[i]));
  PetscCall(Young(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}
