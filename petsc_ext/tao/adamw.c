/*
  adamw.c - Adam with decoupled weight decay, complex weights, L2 decay, blocks. One pass over the parameters per step.

  The pass leaves the old solution where the gradient was; the next gradient goes into a spare vector, and the two change
  places. So a bad step can be taken back exactly, at the price of one stream of stores.
*/
#include "tao.h"

static const char *const Complexes[] = {"modulus", "split", "NomosAdamWComplex", "NOMOS_ADAMW_", NULL};
static const char *const Forms[]     = {"standard", "neuralop", "NomosAdamWForm", "NOMOS_ADAMW_", NULL};

typedef struct { /* consecutive entries of this rank that are treated alike */
  PetscInt  start, size;
  PetscBool pairs, frozen;
  PetscReal lr_mult, wd_mult;
} Run;

typedef struct {
  PetscReal    lr, beta1, beta2, eps, wd, l2;
  PetscInt     split, form; /* split: 0 modulus; form: 0 standard, 1 neuralop */
  Vec          m, v, spare;
  PetscBool    swapped;    /* spare is the gradient that the user knows */
  PetscBool    old_spare;  /* the old solution lies in spare            */
  NomosBackend b;
  NomosStage   sx, sm, sv, sg, so;
  PetscInt     nruns;
  Run         *runs;
} AdamW;

/* --- settings --------------------------------------------------------------------------------------------------------- */

static PetscErrorCode SetRates_AdamW(Tao tao, PetscReal lr, PetscReal beta1, PetscReal beta2, PetscReal eps)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)tao);
  AdamW         *a    = (AdamW *)tao->data;

  PetscFunctionBegin;
  PetscCheck(lr >= 0 && !PetscIsInfOrNanReal(lr), comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_adamw_lr is %g; it must not be negative", (double)lr);
  PetscCheck(beta1 >= 0 && beta1 < 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_adamw_beta1 is %g; it must lie in [0,1)", (double)beta1);
  PetscCheck(beta2 >= 0 && beta2 < 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_adamw_beta2 is %g; it must lie in [0,1)", (double)beta2);
  PetscCheck(eps > 0, comm, PETSC_ERR_ARG_OUTOFRANGE, "-tao_adamw_eps is %g; it must be positive", (double)eps);
  a->lr    = lr;
  a->beta1 = beta1;
  a->beta2 = beta2;
  a->eps   = eps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetDecay_AdamW(Tao tao, PetscReal wd, PetscReal l2)
{
  AdamW *a = (AdamW *)tao->data;

  PetscFunctionBegin;
  PetscCheck(wd >= 0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_adamw_wd is %g; it must not be negative", (double)wd);
  PetscCheck(l2 >= 0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_adamw_l2 is %g; it must not be negative", (double)l2);
  a->wd = wd;
  a->l2 = l2;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetForm_AdamW(Tao tao, const char pairs[], const char form[])
{
  AdamW    *a = (AdamW *)tao->data;
  PetscBool split, modulus, neuralop, standard;

  PetscFunctionBegin;
  PetscCall(PetscStrcasecmp(pairs, Complexes[1], &split));
  PetscCall(PetscStrcasecmp(pairs, Complexes[0], &modulus));
  PetscCall(PetscStrcasecmp(form, Forms[1], &neuralop));
  PetscCall(PetscStrcasecmp(form, Forms[0], &standard));
  PetscCheck(split || modulus, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_UNKNOWN_TYPE, "-tao_adamw_complex '%s' is unknown; it is modulus or split", pairs);
  PetscCheck(neuralop || standard, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_UNKNOWN_TYPE, "-tao_adamw_form '%s' is unknown; it is standard or neuralop", form);
  if (a->split != (split ? 1 : 0)) tao->setupcalled = PETSC_FALSE; /* the runs change */
  a->split = split ? 1 : 0;
  a->form  = neuralop ? 1 : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoAdamWSetRates - learning rate, moment factors and eps of TAOADAMW; ignored by other types

  Logically Collective

  Input Parameters:
+ tao   - the optimizer
. lr    - base learning rate, not negative; the schedule multiplies it
. beta1 - factor of the first moment, in [0,1); one-cycle schedules replace it
. beta2 - factor of the second moment, in [0,1)
- eps   - added to the root of the second moment, positive

  Level: intermediate
@*/
PetscErrorCode NomosTaoAdamWSetRates(Tao tao, PetscReal lr, PetscReal beta1, PetscReal beta2, PetscReal eps)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoAdamWSetRates_C", (Tao, PetscReal, PetscReal, PetscReal, PetscReal), (tao, lr, beta1, beta2, eps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosTaoAdamWSetDecay - decoupled weight decay wd and coupled decay l2 (added to the gradient) of TAOADAMW; ignored by other types

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosTaoAdamWSetDecay(Tao tao, PetscReal wd, PetscReal l2)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoAdamWSetDecay_C", (Tao, PetscReal, PetscReal), (tao, wd, l2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosTaoAdamWSetForm - how TAOADAMW treats complex blocks, and which form of the update; ignored by other types

  Logically Collective

  Input Parameters:
+ tao   - the optimizer
. pairs - complex blocks: modulus (one second moment |g|^2 for both parts: commutes with a phase of the weights) or split
- form  - standard, or neuralop: eps before the bias correction, decay after the step, as that package does

  Level: intermediate
@*/
PetscErrorCode NomosTaoAdamWSetForm(Tao tao, const char pairs[], const char form[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 1);
  PetscTryMethod(tao, "NomosTaoAdamWSetForm_C", (Tao, const char[], const char[]), (tao, pairs, form));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoSetFromOptions_AdamW(Tao tao, NomosOptionItems PetscOptionsObject)
{
  AdamW          *a  = (AdamW *)tao->data;
  PetscReal       lr = a->lr, beta1 = a->beta1, beta2 = a->beta2, eps = a->eps, wd = a->wd, l2 = a->l2;
  PetscEnum       split = (PetscEnum)a->split, form = (PetscEnum)a->form;
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Adam with decoupled weight decay (Nomos)");
  PetscCall(PetscOptionsReal("-tao_adamw_lr", "Base learning rate, not negative; the schedule multiplies it", "NomosTaoAdamWSetRates", lr, &lr, NULL));
  PetscCall(PetscOptionsReal("-tao_adamw_beta1", "Factor of the first moment, in [0,1)", "NomosTaoAdamWSetRates", beta1, &beta1, NULL));
  PetscCall(PetscOptionsReal("-tao_adamw_beta2", "Factor of the second moment, in [0,1)", "NomosTaoAdamWSetRates", beta2, &beta2, NULL));
  PetscCall(PetscOptionsReal("-tao_adamw_eps", "Added to the root of the second moment, positive", "NomosTaoAdamWSetRates", eps, &eps, NULL));
  PetscCall(PetscOptionsReal("-tao_adamw_wd", "Decoupled weight decay, not negative", "NomosTaoAdamWSetDecay", wd, &wd, NULL));
  PetscCall(PetscOptionsReal("-tao_adamw_l2", "Coupled decay: added to the gradient, not negative", "NomosTaoAdamWSetDecay", l2, &l2, NULL));
  PetscCall(PetscOptionsEnum("-tao_adamw_complex", "Second moment of complex weights: |g|^2 for both parts, or each its own", "NomosTaoAdamWSetForm", Complexes, split, &split, NULL));
  PetscCall(PetscOptionsEnum("-tao_adamw_form", "neuralop: eps before the bias correction, decay after the step", "NomosTaoAdamWSetForm", Forms, form, &form, NULL));
  PetscCall(SetRates_AdamW(tao, lr, beta1, beta2, eps));
  PetscCall(SetDecay_AdamW(tao, wd, l2));
  PetscCall(SetForm_AdamW(tao, Complexes[split], Forms[form]));
  PetscCall(NomosTaoSharedSetFromOptions(tao, PetscOptionsObject));
  PetscOptionsHeadEnd();
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(NomosScheduleSetFromOptions(s->schedule));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoView_AdamW(Tao tao, PetscViewer viewer)
{
  const AdamW *a = (const AdamW *)tao->data;
  PetscBool    ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "lr: %g\n", (double)a->lr));
  PetscCall(PetscViewerASCIIPrintf(viewer, "beta1: %g, beta2: %g\n", (double)a->beta1, (double)a->beta2));
  PetscCall(PetscViewerASCIIPrintf(viewer, "eps: %g\n", (double)a->eps));
  PetscCall(PetscViewerASCIIPrintf(viewer, "wd: %g, l2: %g\n", (double)a->wd, (double)a->l2));
  PetscCall(PetscViewerASCIIPrintf(viewer, "complex: %s\n", Complexes[a->split]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "form: %s\n", Forms[a->form]));
  PetscCall(NomosTaoSharedView(tao, viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "memory: two vectors of state, one of work, beside solution and gradient\n"));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- set-up ------------------------------------------------------------------------------------------------------------ */

static PetscBool Alike(const Run *p, const Run *q)
{
  return (p->start + p->size == q->start && p->pairs == q->pairs && p->frozen == q->frozen && p->lr_mult == q->lr_mult && p->wd_mult == q->wd_mult) ? PETSC_TRUE : PETSC_FALSE;
}

/* This rank's part of the blocks, neighbours that are treated alike joined: few, long launches. */
static PetscErrorCode MakeRuns(Tao tao)
{
  AdamW          *a = (AdamW *)tao->data;
  NomosTaoShared *s;
  PetscInt        lo, hi;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(VecGetOwnershipRange(tao->solution, &lo, &hi));
  PetscCall(PetscFree(a->runs));
  a->nruns = 0;
  PetscCall(PetscMalloc1(PetscMax(s->nblocks, 1), &a->runs));
  for (PetscInt i = 0; i < PetscMax(s->nblocks, 1); i++) {
    const NomosBlock *b   = s->nblocks ? &s->blocks[i] : NULL;
    const PetscInt    end = b ? PetscMin(hi, b->start + b->size) : hi, begin = b ? PetscMax(lo, b->start) : lo;
    Run               r   = {.start = begin - lo, .size = end - begin, .lr_mult = 1, .wd_mult = 1};

    if (r.size <= 0) continue;
    if (b) {
      r.pairs   = b->is_complex && !a->split ? PETSC_TRUE : PETSC_FALSE;
      r.frozen  = b->frozen || b->lr_mult == 0 ? PETSC_TRUE : PETSC_FALSE;
      r.lr_mult = b->lr_mult;
      r.wd_mult = b->wd_mult;
    }
    if (a->nruns && Alike(&a->runs[a->nruns - 1], &r)) a->runs[a->nruns - 1].size += r.size;
    else a->runs[a->nruns++] = r;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoSetUp_AdamW(Tao tao)
{
  AdamW          *a = (AdamW *)tao->data;
  NomosTaoShared *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoSharedCheck(tao));
  if (!tao->gradient) PetscCall(VecDuplicate(tao->solution, &tao->gradient));
  if (!a->m) {
    PetscCall(VecDuplicate(tao->solution, &a->m));
    PetscCall(VecDuplicate(tao->solution, &a->v));
    PetscCall(VecDuplicate(tao->solution, &a->spare));
    PetscCall(VecSet(a->m, 0));
    PetscCall(VecSet(a->v, 0));
  }
  if (!a->b) PetscCall(NomosTaoGetBackend(tao, &a->b));
  PetscCall(MakeRuns(tao));
  PetscCall(NomosTaoGetShared(tao, &s));
  s->nstate   = 2;
  s->names[0] = "m";
  s->names[1] = "v";
  s->vecs[0]  = a->m;
  s->vecs[1]  = a->v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the step ------------------------------------------------------------------------------------------------------------ */

static PetscErrorCode Swap(Tao tao)
{
  AdamW *a = (AdamW *)tao->data;
  Vec    g = tao->gradient;

  PetscFunctionBegin;
  tao->gradient = a->spare;
  a->spare      = g;
  a->swapped    = a->swapped ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ClipToBounds(Tao tao)
{
  AdamW        *a     = (AdamW *)tao->data;
  const double *lower = NULL, *upper = NULL;
  double       *x;
  PetscInt      n;

  PetscFunctionBegin;
  if (!tao->XL && !tao->XU) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(tao->solution, &n));
  PetscCall(NomosStageReadWrite(a->b, &a->sx, tao->solution, &x));
  if (tao->XL) PetscCall(NomosStageRead(a->b, &a->sm, tao->XL, &lower));
  if (tao->XU) PetscCall(NomosStageRead(a->b, &a->sv, tao->XU, &upper));
  PetscCall(NomosLaunch(a->b, ClipBox, n, .x = x, .lower = lower, .upper = upper));
  if (tao->XL) PetscCall(NomosStageRestore(a->b, &a->sm));
  if (tao->XU) PetscCall(NomosStageRestore(a->b, &a->sv));
  PetscCall(NomosStageRestore(a->b, &a->sx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Numbers of the pass over one run; n: updates made, this one included. */
static AdamWArgs Numbers(const AdamW *a, const Run *r, PetscReal lr, PetscReal beta1, PetscReal scale, PetscReal n)
{
  const PetscReal rate = lr * r->lr_mult, keep = 1 - rate * (a->wd * r->wd_mult);
  const PetscReal c1 = 1 - PetscPowReal(beta1, n), c2 = 1 - PetscPowReal(a->beta2, n);
  AdamWArgs       k = {.scale = scale, .l2 = a->l2 * r->wd_mult, .beta1 = beta1, .rest1 = 1 - beta1, .beta2 = a->beta2, .rest2 = 1 - a->beta2, .eps = a->eps};

  k.before = a->form ? 1 : keep;
  k.after  = a->form ? keep : 1;
  k.step   = a->form ? rate * PetscSqrtReal(c2) / c1 : rate / c1;
  k.root   = a->form ? 1 : 1 / PetscSqrtReal(c2);
  return k;
}

static PetscErrorCode Launch(AdamW *a, const Run *r, AdamWArgs k)
{
  k.x += r->start;
  k.m += r->start;
  k.v += r->start;
  k.g += r->start;
  k.old += r->start;
  return NomosBackendCheck(a->b, a->b->table->each(a->b->ctx, NOMOS_DOUBLE, r->pairs ? NOMOS_EACH_AdamWPair : NOMOS_EACH_AdamW, r->pairs ? r->size / 2 : r->size, &k), "AdamW");
}

static PetscErrorCode Update_AdamW(Tao tao, PetscReal lr, PetscReal beta1, PetscReal scale, PetscBool last)
{
  AdamW          *a = (AdamW *)tao->data;
  NomosTaoShared *s;
  double         *x, *m, *v, *g, *old;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(PetscLogEventBegin(NOMOS_Upd, tao, 0, 0, 0));
  PetscCall(NomosStageReadWrite(a->b, &a->sx, tao->solution, &x));
  PetscCall(NomosStageReadWrite(a->b, &a->sm, a->m, &m));
  PetscCall(NomosStageReadWrite(a->b, &a->sv, a->v, &v));
  PetscCall(NomosStageReadWrite(a->b, &a->sg, tao->gradient, &g));
  old = g;
  if (last) PetscCall(NomosStageReadWrite(a->b, &a->so, a->spare, &old));
  for (PetscInt i = 0; i < a->nruns; i++) {
    AdamWArgs k = Numbers(a, &a->runs[i], lr, beta1, scale, s->scalars[NOMOS_SCALAR_UPDATES] + 1);

    k.x   = x;
    k.m   = m;
    k.v   = v;
    k.g   = g;
    k.old = old;
    if (a->runs[i].frozen) continue;
    PetscCall(Launch(a, &a->runs[i], k));
    PetscCall(PetscLogFlops(14.0 * (double)a->runs[i].size));
  }
  if (last) PetscCall(NomosStageRestore(a->b, &a->so));
  PetscCall(NomosStageRestore(a->b, &a->sg));
  PetscCall(NomosStageRestore(a->b, &a->sv));
  PetscCall(NomosStageRestore(a->b, &a->sm));
  PetscCall(NomosStageRestore(a->b, &a->sx));
  if (!last) PetscCall(Swap(tao)); /* now the old solution lies in spare */
  PetscCall(ClipToBounds(tao));
  PetscCall(PetscLogEventEnd(NOMOS_Upd, tao, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Restore_AdamW(Tao tao)
{
  AdamW        *a = (AdamW *)tao->data;
  const double *old;
  double       *x;

  PetscFunctionBegin;
  PetscCall(NomosStageReadWrite(a->b, &a->sx, tao->solution, &x));
  PetscCall(NomosStageRead(a->b, &a->so, a->spare, &old));
  for (PetscInt i = 0; i < a->nruns; i++) {
    const Run *r = &a->runs[i];

    if (!r->frozen) PetscCall(NomosBackendCheck(a->b, a->b->table->copy(a->b->ctx, x + r->start, old + r->start, sizeof(double) * (size_t)r->size, 0), "copy"));
  }
  PetscCall(NomosStageRestore(a->b, &a->so));
  PetscCall(NomosStageRestore(a->b, &a->sx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Restart_AdamW(Tao tao)
{
  AdamW *a = (AdamW *)tao->data;

  PetscFunctionBegin;
  PetscCall(VecSet(a->m, 0));
  PetscCall(VecSet(a->v, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoSolve_AdamW(Tao tao)
{
  static const NomosTaoLoopOps ops = {Update_AdamW, Restore_AdamW, Restart_AdamW};
  AdamW                       *a   = (AdamW *)tao->data;
  NomosTaoShared              *s;

  PetscFunctionBegin;
  PetscCall(NomosTaoGetShared(tao, &s));
  PetscCall(NomosScheduleSetBase(s->schedule, a->lr, a->beta1));
  PetscCall(ClipToBounds(tao));
  PetscCall(NomosTaoLoop(tao, &ops));
  if (a->swapped) { /* the user's gradient vector holds the gradient again */
    PetscCall(VecCopy(tao->gradient, a->spare));
    PetscCall(Swap(tao));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoDestroy_AdamW(Tao tao)
{
  AdamW      *a         = (AdamW *)tao->data;
  NomosStage *stages[5] = {&a->sx, &a->sm, &a->sv, &a->sg, &a->so};

  PetscFunctionBegin;
  PetscCall(NomosTaoSharedDropState(tao));
  if (a->b) {
    for (int i = 0; i < 5; i++) PetscCall(NomosStageDestroy(a->b, stages[i]));
  }
  PetscCall(NomosBackendDestroy(&a->b));
  PetscCall(VecDestroy(&a->m));
  PetscCall(VecDestroy(&a->v));
  PetscCall(VecDestroy(&a->spare));
  PetscCall(PetscFree(a->runs));
  PetscCall(PetscObjectComposeFunction((PetscObject)tao, "NomosTaoAdamWSetRates_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)tao, "NomosTaoAdamWSetDecay_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)tao, "NomosTaoAdamWSetForm_C", NULL));
  PetscCall(PetscFree(tao->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  TAOADAMW - Adam with decoupled weight decay, for training on batches and for any TAO program

  With G = clip g + l2 x, n the updates made and lr_t from the schedule:
    m <- beta1 m + (1 - beta1) G;  v <- beta2 v + (1 - beta2) |G|^2
    x <- (1 - lr_t wd) x - lr_t (m/(1 - beta1^n)) / (sqrt(v/(1 - beta2^n)) + eps), then into the bounds
  |G|^2 of a complex weight is shared by its two parts (modulus) or not (split).

  Options Database Keys:
+ -tao_adamw_lr <1e-3>         - base learning rate
. -tao_adamw_beta1 <0.9>       - factor of the first moment
. -tao_adamw_beta2 <0.999>     - factor of the second moment
. -tao_adamw_eps <1e-8>        - added to the root of the second moment
. -tao_adamw_wd <0>            - decoupled weight decay
. -tao_adamw_l2 <0>            - coupled decay
. -tao_adamw_complex <modulus> - modulus or split
. -tao_adamw_form <standard>   - standard or neuralop
. -tao_clip <0>                - largest 2-norm of the gradient
. -tao_nan_policy <stop>       - stop, skip or error
. -tao_conv <auto>             - deterministic, stochastic or none
- -tao_schedule_...            - see NomosScheduleCreate()

  Cost and memory: one evaluation of f and g, one pass of 14 flops and 8 memory streams per parameter, one norm. Three vectors beside
  solution and gradient.

  Source: Kingma and Ba, Adam, ICLR 2015, algorithm 1; Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2

  Level: beginner
.seealso: `NomosTaoSetBatch()`, `NomosTaoSetBlocks()`, `NomosScheduleCreate()`
M*/
PETSC_INTERN PetscErrorCode TaoCreate_AdamW(Tao tao)
{
  AdamW *a;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(NomosOptionsUseFamily("tao_adamw"));
  PetscCall(NomosOptionsUseFamily("tao_schedule"));
  PetscCall(NomosOptionsUseFamily("tao_clip"));
  PetscCall(NomosOptionsUseFamily("tao_nan_policy"));
  PetscCall(NomosOptionsUseFamily("tao_conv"));
  PetscCall(PetscNew(&a));
  a->lr    = 1e-3;
  a->beta1 = 0.9;
  a->beta2 = 0.999;
  a->eps   = 1e-8;

  NomosTaoDefaultLimits(tao);
  tao->data                = a;
  tao->ops->setup          = TaoSetUp_AdamW;
  tao->ops->solve          = TaoSolve_AdamW;
  tao->ops->view           = TaoView_AdamW;
  tao->ops->setfromoptions = TaoSetFromOptions_AdamW;
  tao->ops->destroy        = TaoDestroy_AdamW;
  PetscCall(PetscObjectComposeFunction((PetscObject)tao, "NomosTaoAdamWSetRates_C", SetRates_AdamW));
  PetscCall(PetscObjectComposeFunction((PetscObject)tao, "NomosTaoAdamWSetDecay_C", SetDecay_AdamW));
  PetscCall(PetscObjectComposeFunction((PetscObject)tao, "NomosTaoAdamWSetForm_C", SetForm_AdamW));
  PetscFunctionReturn(PETSC_SUCCESS);
}
