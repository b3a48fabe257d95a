/* nomostune_context.c - what is known before a solve: the matrix, the size, the tolerance, what the user says. */
#include "nomostune.h"
#include "petsc_ext/tuner/tuner.h" /* number of the round */
#include "petsc_ext/pc/nomossor.h" /* NomosSORGetSweep() */
#include <petscsnes.h>
#include <petscts.h>

static const char *const kinds[] = {"auto", "size", "rtol", "residual", "time", "dt", "iter", "user:"};

static PetscErrorCode RowsReadable(Mat P, PetscBool *yes)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)P, yes, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQSBAIJ, MATMPISBAIJ, ""));
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
  for (PetscInt i = 0; i < k->ncontexts; i++) PetscCheck(rows || k->kind[i] != NOMOS_CONTEXT_AUTO, PetscObjectComm((PetscObject)ksp), PETSC_ERR_SUP, "the context 'auto' reads the rows of an AIJ, BAIJ or SBAIJ matrix; this one is %s", ((PetscObject)P)->type_name);
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

/* q, and, for young, also as a start, an upper estimate of the Jacobi radius; once per state of the matrix. */
static PetscErrorCode ReadMatrix(KSP ksp)
{
  KSP_NomosTune   *k = (KSP_NomosTune *)ksp->data;
  PetscObjectId    id;
  PetscObjectState state;
  const char      *method;
  PetscReal        ratio = 0;
  Mat              P;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(PetscObjectGetId((PetscObject)P, &id));
  PetscCall(PetscObjectStateGet((PetscObject)P, &state));
  if (id == k->mat && state == k->matstate) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosTunerGetMethod(k->tuner, &method));
  PetscCall(NomosKSPTuneDominance(P, &k->q, strcmp(method, NOMOSTUNERYOUNG) && !k->tuner->init_young ? NULL : &ratio));
  k->radius   = PetscMin(ratio, 1 - 1e-8);
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

/* Does the preconditioner sweep over the rows in their order, and both ways? */
static PetscErrorCode Sweep(KSP ksp, PetscBool *inorder, PetscBool *symmetric)
{
  MatSORType sweep = SOR_SYMMETRIC_SWEEP;
  PetscBool  ours, sor, eisenstat;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCNOMOSSOR, &ours));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCSOR, &sor));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCEISENSTAT, &eisenstat));
  if (sor) PetscCall(PCSORGetSymmetric(ksp->pc, &sweep));
  *inorder   = (PetscBool)(sor || eisenstat);
  *symmetric = (PetscBool)(sweep == SOR_SYMMETRIC_SWEEP || sweep == SOR_LOCAL_SYMMETRIC_SWEEP);
  if (ours) PetscCall(NomosSORGetSweep(ksp->pc, inorder, symmetric));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The radius for Young's formula. As a start it counts only where it may hold: rows in their order, and a symmetric matrix, or one that CG is
   trusted with. */
static PetscErrorCode Young(KSP ksp)
{
  KSP_NomosTune *k = (KSP_NomosTune *)ksp->data;
  const char    *method;
  PetscBool      young, rows, inorder, symmetric, known, cg;
  Mat            P;

  PetscFunctionBegin;
  PetscCall(NomosTunerGetMethod(k->tuner, &method));
  PetscCall(PetscStrcmp(method, NOMOSTUNERYOUNG, &young));
  PetscCall(PCGetOperators(ksp->pc, NULL, &P));
  PetscCall(RowsReadable(P, &rows));
  if (!rows || (!young && !k->tuner->init_young)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Sweep(ksp, &inorder, &symmetric));
  if (!young) {
    PetscCall(MatIsSymmetricKnown(P, &known, &rows));
    PetscCall(PetscObjectTypeCompare((PetscObject)k->first, KSPCG, &cg));
    if (!inorder || !(cg || (known && rows))) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ReadMatrix(ksp));
  PetscCall(NomosTunerSetYoung(k->tuner, k->radius, symmetric));
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
