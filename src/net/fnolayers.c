/*
  fnolayers.c - the layers of the Fourier neural operator on a span of a batch: 1x1 products, activations, spectral
  convolutions, norms; each with its tangent and adjoint. fnoverbs.c strings them together.
*/
#include "fno.h"


/* --- spans ------------------------------------------------------------------------------------------------------------------
   A field of the net is stored in tiles, [sample][tile][channel][n]: a tile has all channels of so few points that one stays
   near the core while the pointwise layers pass over it. A span is a run of tiles; loops over spans do all pointwise work on
   one before the next. */

/* the next span of fields of so many points, from {0}; false after the last */
PetscBool NomosFNONextSpan(NomosMap m, PetscInt points, FNOSpan *s)
{
  const FNO     *f = (FNO *)m->data;
  const PetscInt total = m->batch * f->tiles;

  s->n = points / f->tiles;
  s->first += s->count;
  s->count = PetscMin(f->span ? PetscMax(1, f->span / s->n) : total, total - s->first);
  return s->count > 0 ? PETSC_TRUE : PETSC_FALSE;
}
FNOSpan NomosFNOWholeSpan(NomosMap m, PetscInt points)
{
  const FNO *f = (FNO *)m->data;
  return (FNOSpan){0, m->batch * f->tiles, points / f->tiles};
}

/* --- one layer at a time -------------------------------------------------------------------------------------------------- */
/* y = A x + c [+ q from], from NULL: nothing, gate: block of q, -1: ones; from may be y; save: y is kept, and the next span's y lies behind it */
PetscErrorCode NomosFNOLinear(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *from, PetscInt gate, NomosReal *y, FNOSpan s, PetscBool save)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_AX, .from = from, .scale = gate < 0 ? NULL : PAR(gate), .ahead = save, .in = l->in, .out = l->out, .points = s.n, .batch = s.count, .A = PAR(l->weight), .X = (NomosReal *)x, .Y = y, .bias = l->bias < 0 ? NULL : PAR(l->bias)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy = A dx + dA x + dc; dx may be NULL: zero */
PetscErrorCode NomosFNOLinearTangent(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *dx, NomosReal *dy, FNOSpan s, int add, PetscBool wantp)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (dx) {
    PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_AX, .add = add, .in = l->in, .out = l->out, .points = s.n, .batch = s.count, .A = PAR(l->weight), .X = (NomosReal *)dx, .Y = dy));
    add = 1;
  } else if (!add) PetscCall(NomosBackendZero(m->be, dy, (size_t)s.count * (size_t)l->out * (size_t)s.n));
  if (wantp) PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_AX, .add = 1, .in = l->in, .out = l->out, .points = s.n, .batch = s.count, .A = NomosAt(m->be, f->dpar, m->blocks[l->weight].start), .X = (NomosReal *)x, .Y = dy, .bias = l->bias < 0 ? NULL : NomosAt(m->be, f->dpar, m->blocks[l->bias].start)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gsum of a block += per-channel sums of x (times y) over the span */
PetscErrorCode NomosFNOChannelSum(NomosMap m, PetscInt block, PetscInt channels, const NomosReal *x, const NomosReal *y, FNOSpan s)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_DOT, .add = 1, .in = channels, .out = channels, .points = s.n, .batch = s.count, .Y = (NomosReal *)x, .X = (NomosReal *)y, .sum = f->gsum + f->sum_start[block]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The adjoint of a 1x1 layer, g = dJ/dy: g times d, the derivative of an activation behind it, unless d is NULL; the gradients; gx = A^T g [+ q from]
   unless gx is NULL. */
PetscErrorCode NomosFNOLinearAdjoint(NomosMap m, const FNOLinear *l, const NomosReal *x, NomosReal *g, const NomosReal *d, const NomosReal *from, PetscInt gate, NomosReal *gx, FNOSpan s, PetscBool wantp)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_ADJOINT, .in = l->in, .out = l->out, .points = s.n, .batch = s.count, .A = PAR(l->weight), .Y = g, .times = d, .X = gx, .from = from, .scale = gate < 0 ? NULL : PAR(gate), .sum = wantp && l->bias >= 0 ? f->gsum + f->sum_start[l->bias] : NULL, .input = wantp ? x : NULL, .gradient = NomosAt(m->be, f->gpar, m->blocks[l->weight].start)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = gelu(x) in place, and its derivative where it is kept */
PetscErrorCode NomosFNOActivate(NomosMap m, PetscInt channels, FNOSpan s, NomosReal *x, NomosReal *d, PetscBool save)
{
  PetscFunctionBegin;
  if (save) PetscCall(NomosLaunchRows(m->be, GeluSave, s.count * channels, s.n, .x = x, .y = x, .d = d, .n = s.n));
  else PetscCall(NomosLaunchRows(m->be, Gelu, s.count * channels, s.n, .x = x, .y = x, .n = s.n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
PetscErrorCode NomosFNOTimes(NomosMap m, PetscInt channels, FNOSpan s, NomosReal *g, const NomosReal *d)
{
  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, Multiply, s.count * channels, s.n, .x = g, .d = d, .y = g, .n = s.n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Modes(NomosMap m, int op, NomosReal *W, NomosReal *X, NomosReal *Y, int add)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosModesRun(m->be, .op = op, .separable = f->separable, .add = add, .in = f->width, .out = f->width, .kp = f->kp, .batch = m->batch, .W = W, .X = X, .Y = Y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A transform of all fields of a span, which holds whole samples; z: the spectra of all samples. A tiled field needs all its
   tiles: such a net transforms the whole batch outside its loop over spans, others one span inside it. */
PetscErrorCode NomosFNOSpanFFT(NomosMap m, void *plan, int kind, FNOSpan s, NomosReal *x, NomosReal *z, int add)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt fields = s.count / f->tiles * f->width;
  NomosReal     *zs = NomosAt(m->be, z, (size_t)(s.first / f->tiles) * (size_t)f->width * 2 * (size_t)f->kp);
  const PetscBool in = kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ ? PETSC_TRUE : PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(NomosBackendFFT(m->be, plan, kind, fields, in ? x : zs, in ? zs : x, add));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the queue ---------------------------------------------------------------------------------------------------------------
   The gradient of a spectral weight reads and writes as much as the weight has, whatever the number of samples: spectra of inputs
   and outputs, small beside it, wait in a queue until it is full or the gradient is asked for. A team's queue is never full:
   its ranks take the sums over all their samples, each of a part of the weights (fnoteam.c). */
NomosReal *NomosFNOSpectra(NomosMap m, NomosReal *queue, PetscInt place)
{
  const FNO *f = (FNO *)m->data;
  return NomosAt(m->be, queue, (size_t)place * (size_t)f->width * 2 * (size_t)f->kp);
}

/* Before the adjoint of a batch: its X are at the end of the queue. They are not when it is the second of one linearization. */
PetscErrorCode NomosFNOQueueBegin(NomosMap m)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (f->place == f->queued) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt l = 0; l < f->layers; l++) PetscCall(NomosLaunchRows(m->be, Axpby, 2 * m->batch * f->width, f->kp, .x = NomosFNOSpectra(m, f->conv_layer[l].X, f->place), .y = NomosFNOSpectra(m, f->conv_layer[l].X, f->queued), .a = 1, .n = f->kp));
  f->place = f->queued;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gradients of the spectral weights (+)= those of the samples in the queue */
PetscErrorCode NomosFNOQueueSum(NomosMap m)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (!f->queued && f->summed) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt l = 0; l < f->layers; l++) {
    const FNOSpectral *c = &f->conv_layer[l];
    PetscCall(NomosModesRun(m->be, .op = NOMOS_MODES_GRAD, .separable = f->separable, .add = f->summed, .in = f->width, .out = f->width, .kp = f->kp, .batch = f->queued, .W = c->GW, .X = c->X, .Y = c->Y));
  }
  f->queued = 0;
  f->summed = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The batch is in the queue, which has room for another one afterwards. */
PetscErrorCode NomosFNOQueueNext(NomosMap m)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  f->queued += m->batch;
  if (!f->team && f->queued + m->batch > f->queue) PetscCall(NomosFNOQueueSum(m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* spectrum of v into X, and K v's into S[0] */
PetscErrorCode NomosFNOSpectralIn(NomosMap m, PetscInt l, FNOSpan s, NomosReal *v, NomosReal *X)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosFNOSpanFFT(m, f->conv_layer[l].plan_f, NOMOS_FFT_FORWARD, s, v, X, 0));
  PetscCall(Modes(m, NOMOS_MODES_WX, f->conv_layer[l].W, X, f->S[0], 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}
PetscErrorCode NomosFNOSpectralTangent(NomosMap m, PetscInt l, const NomosReal *dv, NomosReal *dz, FNOSpan s, PetscBool wantp)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *c = &f->conv_layer[l];

  PetscFunctionBegin;
  if (dv) PetscCall(NomosFNOSpectralIn(m, l, s, (NomosReal *)dv, f->S[1]));
  else PetscCall(NomosBackendZero(m->be, f->S[0], (size_t)m->batch * (size_t)f->width * 2 * (size_t)f->kp));
  if (wantp) PetscCall(Modes(m, NOMOS_MODES_WX, c->dW, NomosFNOSpectra(m, c->X, f->place), f->S[0], 1));
  PetscCall(NomosFNOSpanFFT(m, c->plan_i, NOMOS_FFT_INVERSE, s, dz, f->S[0], 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* gv (+)= K^T g from the adjoint spectra at the end of the queue */
PetscErrorCode NomosFNOSpectralAdjoint(NomosMap m, PetscInt l, FNOSpan s, NomosReal *gv, int add)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *c = &f->conv_layer[l];

  PetscFunctionBegin;
  PetscCall(Modes(m, NOMOS_MODES_WHY, c->W, f->S[1], NomosFNOSpectra(m, c->Y, f->queued), 0));
  PetscCall(NomosFNOSpanFFT(m, c->plan_f, NOMOS_FFT_FORWARD_ADJ, s, gv, f->S[1], add));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- normalisation layers ---------------------------------------------------------------------------------------------------- */
PetscErrorCode NomosFNONorm(NomosMap m, PetscInt l, int i, FNOSpan span, NomosReal *x, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt n = span.n, group = f->norm == FNO_NORM_GROUP ? f->width : 1, segments = m->batch * f->width / group;
  double        *sum = i ? s->sum2 : s->sum1, *square = i ? s->sq2 : s->sq1;

  PetscFunctionBegin;
  PetscCall(NomosLaunchSum(m->be, GroupMoment, segments, group * n, 0, sum, .x = x, .size = group * n));
  PetscCall(NomosLaunchSum(m->be, GroupMoment, segments, group * n, 0, square, .x = x, .sum = sum, .size = group * n, .square = 1));
  PetscCall(NomosLaunchRows(m->be, NormRows, m->batch * f->width, n, .x = x, .gamma = f->norm == FNO_NORM_GROUP ? PAR(f->norm_block[l][i]) : NULL, .beta = f->norm == FNO_NORM_GROUP ? PAR(f->norm_block[l][i] + 1) : NULL, .y = x, .h = save ? (i ? s->h2 : s->h1) : NULL, .sum = sum, .square = square, .eps = 1e-5, .C = f->width, .n = n, .group = group));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sums of q g and q g h per group, q = gamma in the adjoint, 1 in the tangent */
static PetscErrorCode NormSums(NomosMap m, PetscInt l, int i, PetscInt n, const NomosReal *g, PetscBool gamma)
{
  FNO             *f = (FNO *)m->data;
  const PetscInt   group = f->norm == FNO_NORM_GROUP ? f->width : 1, rows = m->batch * f->width;
  const NomosReal *h = i ? f->saved[l].h2 : f->saved[l].h1, *q = gamma && f->norm == FNO_NORM_GROUP ? PAR(f->norm_block[l][i]) : NULL;

  PetscFunctionBegin;
  PetscCall(NomosLaunchSum(m->be, DotRows, rows, n, 0, f->rows[0], .x = g, .q = q, .n = n, .C = f->width));
  PetscCall(NomosLaunch(m->be, FoldGroup, rows / group, .in = f->rows[0], .out = f->rows[1], .group = group));
  PetscCall(NomosLaunchSum(m->be, DotRows, rows, n, 0, f->rows[0], .x = g, .y = h, .q = q, .n = n, .C = f->width));
  PetscCall(NomosLaunch(m->be, FoldGroup, rows / group, .in = f->rows[0], .out = f->rows[2], .group = group));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g <- its adjoint or tangent through norm i of block l, in place */
PetscErrorCode NomosFNONormDerivative(NomosMap m, PetscInt l, int i, FNOSpan span, NomosReal *g, PetscBool tangent, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt n = span.n, rows = m->batch * f->width, group = f->norm == FNO_NORM_GROUP ? f->width : 1, b = f->norm_block[l][i];
  NomosReal     *h = i ? s->h2 : s->h1;

  PetscFunctionBegin;
  if (wantp && !tangent && f->norm == FNO_NORM_GROUP) {
    PetscCall(NomosFNOChannelSum(m, b, f->width, g, h, span));
    PetscCall(NomosFNOChannelSum(m, b + 1, f->width, g, NULL, span));
  }
  PetscCall(NormSums(m, l, i, n, g, (PetscBool)!tangent));
  PetscCall(NomosLaunchRows(m->be, NormRowsAdj, rows, n, .g = g, .h = h, .gamma = f->norm == FNO_NORM_GROUP ? PAR(b) : NULL, .y = g, .square = i ? s->sq2 : s->sq1, .g0 = f->rows[1], .g1 = f->rows[2], .eps = 1e-5, .C = f->width, .n = n, .group = group, .tangent = tangent));
  if (wantp && tangent && f->norm == FNO_NORM_GROUP) {
    PetscCall(NomosLaunchRows(m->be, ScaleRows, rows, n, .x = h, .q = NomosAt(m->be, f->dpar, m->blocks[b].start), .y = g, .C = f->width, .n = n, .add = 1));
    PetscCall(NomosLaunchRows(m->be, AddRows, rows, n, .q = NomosAt(m->be, f->dpar, m->blocks[b + 1].start), .y = g, .C = f->width, .n = n));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
