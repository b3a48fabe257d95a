/*
  fnoverbs.c - value, tangent and adjoint of the Fourier neural operator, layer by layer.

  forward   e = [normalised x, coordinates]; v = L1 gelu(L0 e); blocks; y = P1 gelu(P0 u)
  A `save` pass keeps each layer's input and the derivative of each activation; tangent and adjoint read them.
*/
#include "fno.h"

#define AT(p, offset) NomosAt(m->be, p, offset)
#define PAR(block)    NomosAt(m->be, f->par, m->blocks[block].start)

/* --- spans ------------------------------------------------------------------------------------------------------------------
   A field of the net is stored in tiles, [sample][tile][channel][n]: a tile has all channels of so few points that one stays
   near the core while the pointwise layers pass over it. A span is a run of tiles; loops over spans do all pointwise work on
   one before the next. */
typedef struct {
  PetscInt first, count, n; /* tiles, points of a tile */
} FNOSpan;

/* the next span of fields of so many points, from {0}; false after the last */
static PetscBool NextSpan(NomosMap m, PetscInt points, FNOSpan *s)
{
  const FNO     *f = (FNO *)m->data;
  const PetscInt total = m->batch * f->tiles;

  s->n = points / f->tiles;
  s->first += s->count;
  s->count = PetscMin(f->span ? PetscMax(1, f->span / s->n) : total, total - s->first);
  return s->count > 0 ? PETSC_TRUE : PETSC_FALSE;
}
static FNOSpan Whole(NomosMap m, PetscInt points)
{
  const FNO *f = (FNO *)m->data;
  return (FNOSpan){0, m->batch * f->tiles, points / f->tiles};
}
#define PART(p, channels) NomosAt(m->be, p, (size_t)s.first *(size_t)(channels) * (size_t)s.n)

/* --- one layer at a time -------------------------------------------------------------------------------------------------- */
static PetscErrorCode Linear(NomosMap m, const FNOLinear *l, const NomosReal *x, NomosReal *y, FNOSpan s, int add)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_AX, .add = add, .in = l->in, .out = l->out, .points = s.n, .batch = s.count, .A = PAR(l->weight), .X = (NomosReal *)x, .Y = y, .bias = l->bias < 0 ? NULL : PAR(l->bias)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy = A dx + dA x + dc; dx may be NULL: zero */
static PetscErrorCode LinearTangent(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *dx, NomosReal *dy, FNOSpan s, int add, PetscBool wantp)
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
static PetscErrorCode ChannelSum(NomosMap m, PetscInt block, PetscInt channels, const NomosReal *x, const NomosReal *y, FNOSpan s)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_DOT, .add = 1, .in = channels, .out = channels, .points = s.n, .batch = s.count, .Y = (NomosReal *)x, .X = (NomosReal *)y, .sum = f->gsum + f->sum_start[block]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradients of a 1x1 layer from g = dJ/dy, and gx (+)= A^T g unless gx is NULL. */
static PetscErrorCode LinearAdjoint(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *g, NomosReal *gx, FNOSpan s, int add, PetscBool wantp)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (wantp) {
    PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_YXT, .add = 1, .in = l->in, .out = l->out, .points = s.n, .batch = s.count, .A = NomosAt(m->be, f->gpar, m->blocks[l->weight].start), .X = (NomosReal *)x, .Y = (NomosReal *)g));
    if (l->bias >= 0) PetscCall(ChannelSum(m, l->bias, l->out, g, NULL, s));
  }
  if (gx) PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_ATX, .add = add, .in = l->in, .out = l->out, .points = s.n, .batch = s.count, .A = PAR(l->weight), .X = gx, .Y = (NomosReal *)g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = gelu(x) in place, and its derivative where it is kept */
static PetscErrorCode Activate(NomosMap m, PetscInt channels, FNOSpan s, NomosReal *x, NomosReal *d, PetscBool save)
{
  PetscFunctionBegin;
  if (save) PetscCall(NomosLaunchRows(m->be, GeluSave, s.count * channels, s.n, .x = x, .y = x, .d = d, .n = s.n));
  else PetscCall(NomosLaunchRows(m->be, Gelu, s.count * channels, s.n, .x = x, .y = x, .n = s.n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Times(NomosMap m, PetscInt channels, FNOSpan s, NomosReal *g, const NomosReal *d)
{
  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, Multiply, s.count * channels, s.n, .x = g, .d = d, .y = g, .n = s.n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Gate(NomosMap m, PetscInt l, FNOSpan s, const NomosReal *x, NomosReal *y)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, ScaleRows, s.count * f->width, s.n, .x = x, .q = PAR(f->gate[l]), .y = y, .C = f->width, .n = s.n));
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
static PetscErrorCode SpanFFT(NomosMap m, void *plan, int kind, FNOSpan s, NomosReal *x, NomosReal *z, int add)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt fields = s.count / f->tiles * f->width;
  NomosReal     *zs = NomosAt(m->be, z, (size_t)(s.first / f->tiles) * (size_t)f->width * 2 * (size_t)f->kp);
  const PetscBool in = kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ ? PETSC_TRUE : PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(NomosFFTRun(m->be, plan, kind, fields, in ? x : zs, in ? zs : x, add));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* spectrum of v into X, and K v's into S[0] */
static PetscErrorCode SpectralIn(NomosMap m, PetscInt l, FNOSpan s, NomosReal *v, NomosReal *X)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(SpanFFT(m, f->conv_layer[l].plan_f, NOMOS_FFT_FORWARD, s, v, X, 0));
  PetscCall(Modes(m, NOMOS_MODES_WX, f->conv_layer[l].W, X, f->S[0], 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode SpectralTangent(NomosMap m, PetscInt l, const NomosReal *dv, NomosReal *dz, FNOSpan s, PetscBool wantp)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *c = &f->conv_layer[l];

  PetscFunctionBegin;
  if (dv) PetscCall(SpectralIn(m, l, s, (NomosReal *)dv, f->S[1]));
  else PetscCall(NomosBackendZero(m->be, f->S[0], (size_t)m->batch * (size_t)f->width * 2 * (size_t)f->kp));
  if (wantp) PetscCall(Modes(m, NOMOS_MODES_WX, c->dW, f->saved[l].X, f->S[0], 1));
  PetscCall(SpanFFT(m, c->plan_i, NOMOS_FFT_INVERSE, s, dz, f->S[0], 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* from the adjoint spectra in S[0]: gradient of the weights, and gv (+)= K^T g */
static PetscErrorCode SpectralAdjoint(NomosMap m, PetscInt l, FNOSpan s, NomosReal *gv, int add, PetscBool wantp)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *c = &f->conv_layer[l];

  PetscFunctionBegin;
  if (wantp) PetscCall(Modes(m, NOMOS_MODES_GRAD, c->GW, f->saved[l].X, f->S[0], 1));
  PetscCall(Modes(m, NOMOS_MODES_WHY, c->W, f->S[1], f->S[0], 0));
  PetscCall(SpanFFT(m, c->plan_f, NOMOS_FFT_FORWARD_ADJ, s, gv, f->S[1], add));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- normalisation layers ---------------------------------------------------------------------------------------------------- */
static PetscErrorCode Norm(NomosMap m, PetscInt l, int i, FNOSpan span, NomosReal *x, PetscBool save)
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
static PetscErrorCode NormDerivative(NomosMap m, PetscInt l, int i, FNOSpan span, NomosReal *g, PetscBool tangent, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt n = span.n, rows = m->batch * f->width, group = f->norm == FNO_NORM_GROUP ? f->width : 1, b = f->norm_block[l][i];
  NomosReal     *h = i ? s->h2 : s->h1;

  PetscFunctionBegin;
  if (wantp && !tangent && f->norm == FNO_NORM_GROUP) {
    PetscCall(ChannelSum(m, b, f->width, g, h, span));
    PetscCall(ChannelSum(m, b + 1, f->width, g, NULL, span));
  }
  PetscCall(NormSums(m, l, i, n, g, (PetscBool)!tangent));
  PetscCall(NomosLaunchRows(m->be, NormRowsAdj, rows, n, .g = g, .h = h, .gamma = f->norm == FNO_NORM_GROUP ? PAR(b) : NULL, .y = g, .square = i ? s->sq2 : s->sq1, .g0 = f->rows[1], .g1 = f->rows[2], .eps = 1e-5, .C = f->width, .n = n, .group = group, .tangent = tangent));
  if (wantp && tangent && f->norm == FNO_NORM_GROUP) {
    PetscCall(NomosLaunchRows(m->be, ScaleRows, rows, n, .x = h, .q = NomosAt(m->be, f->dpar, m->blocks[b].start), .y = g, .C = f->width, .n = n, .add = 1));
    PetscCall(NomosLaunchRows(m->be, AddRows, rows, n, .q = NomosAt(m->be, f->dpar, m->blocks[b + 1].start), .y = g, .C = f->width, .n = n));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- blocks ---------------------------------------------------------------------------------------------------------------------- */
static PetscInt BlockPoints(const FNO *f, PetscInt l)
{
  return l == f->layers - 1 ? f->points_padout : f->points_pad;
}

/* what the spectral layer reads: v, or tanh(v) */
static PetscErrorCode Stabilise(NomosMap m, FNOSaved *k, FNOSpan s, NomosReal *v, NomosReal **x)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  *x = v;
  if (f->stabilizer) {
    PetscCall(NomosLaunchRows(m->be, TanhSave, s.count * f->width, s.n, .x = v, .y = k->vt, .d = k->dvt, .n = s.n));
    *x = k->vt;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the pointwise half of block l on one span: z holds K v, y takes the result; d..: where derivatives are kept */
static PetscErrorCode BlockPointwise(NomosMap m, PetscInt l, FNOSpan s, const NomosReal *v, NomosReal *z, NomosReal *hidden, NomosReal *y, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *k = &f->saved[l];
  const PetscInt h = f->width, last = l == f->layers - 1;
  FNOLinear      skip = f->skip[l];

  PetscFunctionBegin;
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(Linear(m, &skip, v, y, s, 1));
    if (!last) PetscCall(Activate(m, h, s, y, PART(k->dv, h), save));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (f->norm == FNO_NORM_NONE) skip.bias = f->conv_layer[l].bias; /* the spectral bias rides on the skip */
  else {
    PetscCall(NomosLaunchRows(m->be, AddRows, s.count * h, s.n, .q = PAR(f->conv_layer[l].bias), .y = z, .C = h, .n = s.n));
    PetscCall(Norm(m, l, 0, s, z, save));
  }
  PetscCall(Linear(m, &skip, v, z, s, 1));
  if (!last) PetscCall(Activate(m, h, s, z, PART(k->dz, h), save));
  PetscCall(Linear(m, &f->mlp[l][0], z, hidden, s, 0));
  PetscCall(Activate(m, f->mlp[l][0].out, s, hidden, PART(k->dm, f->mlp[l][0].out), save));
  PetscCall(Gate(m, l, s, v, y));
  PetscCall(Linear(m, &f->mlp[l][1], hidden, y, s, 1));
  if (f->norm != FNO_NORM_NONE) PetscCall(Norm(m, l, 1, s, y, save));
  if (!last) PetscCall(Activate(m, h, s, y, PART(k->dv, h), save));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y <- block l of v. Without `save` nothing is kept: one span's scratch serves all. */
static PetscErrorCode BlockForward(NomosMap m, PetscInt l, NomosReal *v, NomosReal *y, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *k = &f->saved[l];
  const PetscInt n = BlockPoints(f, l), h = f->width, hidden = f->block == FNO_BLOCK_LI ? 0 : f->mlp[l][0].out;
  void          *plan = f->conv_layer[l].plan_i;
  NomosReal     *x, *target = f->block == FNO_BLOCK_LI ? y : k->z;

  PetscFunctionBegin;
  PetscCall(Stabilise(m, k, Whole(m, n), v, &x));
  PetscCall(SpectralIn(m, l, Whole(m, n), x, k->X));
  if (f->tiles > 1) PetscCall(SpanFFT(m, plan, NOMOS_FFT_INVERSE, Whole(m, n), target, f->S[0], 0));
  for (FNOSpan s = {0}; NextSpan(m, n, &s);) {
    NomosReal *z = target == y || save || f->tiles > 1 ? PART(target, h) : target;
    if (f->tiles == 1) PetscCall(SpanFFT(m, plan, NOMOS_FFT_INVERSE, s, z, f->S[0], 0));
    PetscCall(BlockPointwise(m, l, s, PART(v, h), z, save ? PART(k->m, hidden) : k->m, PART(y, h), save));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* adjoint of the pointwise half on one span: gv <- the share of skip and gate, gz <- adjoint of K v */
static PetscErrorCode BlockPointwiseAdjoint(NomosMap m, PetscInt l, FNOSpan s, NomosReal *g, NomosReal *gz, NomosReal *gv, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *k = &f->saved[l];
  const PetscInt h = f->width, hidden = f->block == FNO_BLOCK_LI ? 0 : f->mlp[l][0].out, last = l == f->layers - 1;

  PetscFunctionBegin;
  if (!last) PetscCall(Times(m, h, s, g, PART(k->dv, h)));
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(LinearAdjoint(m, &f->skip[l], PART(k->v, h), g, gv, s, 0, wantp));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 1, s, g, PETSC_FALSE, wantp));
  if (wantp) PetscCall(ChannelSum(m, f->gate[l], h, g, PART(k->v, h), s));
  PetscCall(Gate(m, l, s, g, gv));
  PetscCall(LinearAdjoint(m, &f->mlp[l][1], PART(k->m, hidden), g, f->hidden[0], s, 0, wantp));
  PetscCall(Times(m, hidden, s, f->hidden[0], PART(k->dm, hidden)));
  PetscCall(LinearAdjoint(m, &f->mlp[l][0], PART(k->z, h), f->hidden[0], gz, s, 0, wantp));
  if (!last) PetscCall(Times(m, h, s, gz, PART(k->dz, h)));
  PetscCall(LinearAdjoint(m, &f->skip[l], PART(k->v, h), gz, gv, s, 1, wantp));
  if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 0, s, gz, PETSC_FALSE, wantp));
  if (wantp) PetscCall(ChannelSum(m, f->conv_layer[l].bias, h, gz, NULL, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gv <- adjoint of block l applied to g, which is overwritten */
static PetscErrorCode BlockAdjoint(NomosMap m, PetscInt l, NomosReal *g, NomosReal *gv, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt n = BlockPoints(f, l), h = f->width;
  void          *plan = f->conv_layer[l].plan_i;
  NomosReal     *target = f->block == FNO_BLOCK_LI ? g : f->g[3], *gx = f->stabilizer ? f->g[2] : gv;

  PetscFunctionBegin;
  for (FNOSpan s = {0}; NextSpan(m, n, &s);) {
    NomosReal *gz = target == g || f->tiles > 1 ? PART(target, h) : target;
    PetscCall(BlockPointwiseAdjoint(m, l, s, PART(g, h), gz, PART(gv, h), wantp));
    if (f->tiles == 1) PetscCall(SpanFFT(m, plan, NOMOS_FFT_INVERSE_ADJ, s, gz, f->S[0], 0));
  }
  if (f->tiles > 1) PetscCall(SpanFFT(m, plan, NOMOS_FFT_INVERSE_ADJ, Whole(m, n), target, f->S[0], 0));
  PetscCall(SpectralAdjoint(m, l, Whole(m, n), gx, f->stabilizer ? 0 : 1, wantp));
  if (f->stabilizer) {
    const FNOSpan s = Whole(m, n);
    PetscCall(NomosLaunchRows(m->be, Multiply, s.count * h, s.n, .x = gx, .d = f->saved[l].dvt, .y = gv, .n = s.n, .add = 1));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy <- tangent of block l in the direction (dv, dp); dv may be NULL: zero. g[2], g[3] are scratch. */
static PetscErrorCode BlockTangent(NomosMap m, PetscInt l, const NomosReal *dv, NomosReal *dy, PetscBool wantp)
{
  FNO             *f = (FNO *)m->data;
  FNOSaved        *k = &f->saved[l];
  const PetscInt   h = f->width, last = l == f->layers - 1;
  const FNOSpan    s = Whole(m, BlockPoints(f, l));
  const size_t     field = (size_t)s.count * (size_t)h * (size_t)s.n;
  NomosReal       *dz = f->block == FNO_BLOCK_LI ? dy : f->g[3];
  const NomosReal *dx = dv;

  PetscFunctionBegin;
  if (dv && f->stabilizer) {
    PetscCall(NomosLaunchRows(m->be, Multiply, s.count * h, s.n, .x = dv, .d = k->dvt, .y = f->g[2], .n = s.n));
    dx = f->g[2];
  }
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(LinearTangent(m, &f->skip[l], k->v, dv, dy, s, 0, wantp));
    PetscCall(SpectralTangent(m, l, dx, dy, s, wantp));
    if (!last) PetscCall(Times(m, h, s, dy, k->dv));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosBackendZero(m->be, dz, field));
  if (wantp) PetscCall(NomosLaunchRows(m->be, AddRows, s.count * h, s.n, .q = NomosAt(m->be, f->dpar, m->blocks[f->conv_layer[l].bias].start), .y = dz, .C = h, .n = s.n));
  PetscCall(SpectralTangent(m, l, dx, dz, s, wantp));
  if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 0, s, dz, PETSC_TRUE, wantp));
  PetscCall(LinearTangent(m, &f->skip[l], k->v, dv, dz, s, 1, wantp));
  if (!last) PetscCall(Times(m, h, s, dz, k->dz));
  PetscCall(LinearTangent(m, &f->mlp[l][0], k->z, dz, f->hidden[0], s, 0, wantp));
  PetscCall(Times(m, f->mlp[l][0].out, s, f->hidden[0], k->dm));
  PetscCall(LinearTangent(m, &f->mlp[l][1], k->m, f->hidden[0], dy, s, 0, wantp));
  if (dv) PetscCall(NomosLaunchRows(m->be, ScaleRows, s.count * h, s.n, .x = dv, .q = PAR(f->gate[l]), .y = dy, .C = h, .n = s.n, .add = 1));
  if (wantp) PetscCall(NomosLaunchRows(m->be, ScaleRows, s.count * h, s.n, .x = k->v, .q = NomosAt(m->be, f->dpar, m->blocks[f->gate[l]].start), .y = dy, .C = h, .n = s.n, .add = 1));
  if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 1, s, dy, PETSC_TRUE, wantp));
  if (!last) PetscCall(Times(m, h, s, dy, k->dv));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- grids between the ends and the blocks ------------------------------------------------------------------------------------------ */
static PetscErrorCode Gather(NomosMap m, const PetscInt *map, const NomosReal *x, PetscInt nx, NomosReal *y, PetscInt ny)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, GatherRows, m->batch * f->width, ny, .x = x, .y = y, .map = map, .nx = nx, .ny = ny));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* spectral interpolation to the output grid, or its transpose */
static PetscErrorCode Resample(NomosMap m, const NomosReal *x, NomosReal *y, PetscBool transpose)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt fields = m->batch * f->width, kp = f->resample_kp, side = transpose ? 1 : 0;
  NomosReal     *z = f->resample_spectrum[0], *w = f->resample_spectrum[1];

  PetscFunctionBegin;
  PetscCall(NomosFFTRun(m->be, f->resample_plan[side], transpose ? NOMOS_FFT_INVERSE_ADJ : NOMOS_FFT_FORWARD, fields, x, z, 0));
  if (!transpose && f->resample_map[0]) {
    PetscCall(NomosLaunchRows(m->be, GatherRows, 2 * fields, kp, .x = z, .y = w, .map = f->resample_map[0], .nx = kp, .ny = kp));
    z = w;
  }
  PetscCall(NomosLaunchRows(m->be, ScaleColumns, 2 * fields, kp, .x = z, .d = f->resample_weight, .y = z, .n = kp));
  if (transpose && f->resample_map[0]) {
    PetscCall(NomosLaunchRows(m->be, Axpby, 2 * fields, kp, .x = z, .y = w, .a = 1, .n = kp));
    for (int set = 1; set < 4; set++)
      if (f->resample_map[set]) PetscCall(NomosLaunchRows(m->be, GatherRows, 2 * fields, kp, .x = z, .y = w, .map = f->resample_map[set], .nx = kp, .ny = kp, .add = 1));
    z = w;
  }
  PetscCall(NomosFFTRun(m->be, f->resample_plan[1 - side], transpose ? NOMOS_FFT_FORWARD_ADJ : NOMOS_FFT_INVERSE, fields, z, y, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without `save` two fields serve in turn. */
static NomosReal *BlockInput(FNO *f, PetscInt l, PetscBool save)
{
  return f->saved[save || f->resample ? l : l % 2].v;
}
/* Where block l writes: the next block's input, or the end. A resampling stands before the last block. */
static NomosReal *BlockTarget(FNO *f, PetscInt l, PetscBool save)
{
  if (l == f->layers - 1) return f->crop_map ? f->g[0] : f->u;
  return f->resample && l == f->layers - 2 ? f->g[0] : BlockInput(f, l + 1, save);
}

/* --- the verbs ---------------------------------------------------------------------------------------------------------------------------- */
/* y = second gelu(first x), at one end of the net; a, d keep the hidden layer and its derivative */
static PetscErrorCode End(NomosMap m, const FNOLinear layer[2], PetscInt n, NomosReal *x, NomosReal *a, NomosReal *d, NomosReal *y, PetscBool save)
{
  PetscFunctionBegin;
  for (FNOSpan s = {0}; NextSpan(m, n, &s);) {
    NomosReal *hidden = save ? PART(a, layer[0].out) : a;
    PetscCall(Linear(m, &layer[0], PART(x, layer[0].in), hidden, s, 0));
    PetscCall(Activate(m, layer[0].out, s, hidden, PART(d, layer[0].out), save));
    PetscCall(Linear(m, &layer[1], hidden, PART(y, layer[1].out), s, 0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* its adjoint; gx NULL: not wanted */
static PetscErrorCode EndAdjoint(NomosMap m, const FNOLinear layer[2], PetscInt n, NomosReal *x, NomosReal *a, NomosReal *d, NomosReal *gy, NomosReal *gx, PetscBool wantp)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  for (FNOSpan s = {0}; NextSpan(m, n, &s);) {
    PetscCall(LinearAdjoint(m, &layer[1], PART(a, layer[0].out), PART(gy, layer[1].out), f->hidden[0], s, 0, wantp));
    PetscCall(Times(m, layer[0].out, s, f->hidden[0], PART(d, layer[0].out)));
    PetscCall(LinearAdjoint(m, &layer[0], PART(x, layer[0].in), f->hidden[0], gx ? PART(gx, layer[0].in) : NULL, s, 0, wantp));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode EndTangent(NomosMap m, const FNOLinear layer[2], PetscInt n, NomosReal *x, NomosReal *a, NomosReal *d, NomosReal *dx, NomosReal *dy, PetscBool wantp)
{
  FNO          *f = (FNO *)m->data;
  const FNOSpan s = Whole(m, n);

  PetscFunctionBegin;
  PetscCall(LinearTangent(m, &layer[0], x, dx, f->hidden[0], s, 0, wantp));
  PetscCall(Times(m, layer[0].out, s, f->hidden[0], d));
  PetscCall(LinearTangent(m, &layer[1], a, f->hidden[0], dy, s, 0, wantp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* physical fields in double [sample][channel][point] to the net's units and tiles, and back; shift NULL: a direction */
static PetscErrorCode In(NomosMap m, const double *x, PetscInt C, PetscInt points, const double *shift, const double *scale, NomosReal *y, PetscInt channels)
{
  const FNOSpan s = Whole(m, points);

  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, FieldIn, s.count * C, s.n, .x = x, .shift = shift, .scale = scale, .y = y, .C = C, .n = s.n, .stride = channels * s.n, .tiles = points / s.n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Out(NomosMap m, const NomosReal *x, PetscInt channels, PetscInt C, PetscInt points, const double *scale, const double *shift, double *y)
{
  const FNOSpan s = Whole(m, points);

  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, FieldOut, s.count * C, s.n, .x = x, .scale = scale, .shift = shift, .y = y, .C = C, .n = s.n, .stride = channels * s.n, .tiles = points / s.n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Forward(NomosMap m, Vec x, Vec p, Vec y, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt N0 = f->points_in, N1 = f->points_out, ci = m->channels_in, co = m->channels_out;
  const double  *xa, *affine = f->affine;
  double        *ya;
  NomosReal     *first;

  PetscFunctionBegin;
  PetscCall(NomosFNOLoadParameters(m, p));
  PetscCall(NomosStageRead(m->be, &f->stage[0], x, &xa));
  PetscCall(In(m, xa, ci, N0, m->norm_in ? affine : NULL, m->norm_in ? affine + ci : NULL, f->e, f->lift[0].in));
  PetscCall(NomosStageRestore(m->be, &f->stage[0]));
  first = f->resample && f->layers == 1 ? f->g[1] : f->saved[0].v; /* the field on the blocks' grid */
  PetscCall(End(m, f->lift, N0, f->e, f->a1, f->d1, f->pad_map ? f->v0 : first, save));
  if (f->pad_map) PetscCall(Gather(m, f->pad_map, f->v0, N0, first, f->points_pad));
  if (f->resample && f->layers == 1) PetscCall(Resample(m, first, f->saved[0].v, PETSC_FALSE));
  for (PetscInt l = 0; l < f->layers; l++) {
    PetscCall(BlockForward(m, l, BlockInput(f, l, save), BlockTarget(f, l, save), save));
    if (f->resample && l == f->layers - 2) PetscCall(Resample(m, f->g[0], f->saved[l + 1].v, PETSC_FALSE));
  }
  if (f->crop_map) PetscCall(Gather(m, f->crop_map, f->g[0], f->points_padout, f->u, N1));
  PetscCall(End(m, f->proj, N1, f->u, f->p1, f->dp1, f->out, save));
  PetscCall(NomosStageWrite(m->be, &f->stage[1], y, &ya));
  PetscCall(Out(m, f->out, co, co, N1, m->norm_out ? affine + 2 * ci : NULL, m->norm_out ? affine + 2 * ci + co : NULL, ya));
  PetscCall(NomosStageRestore(m->be, &f->stage[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosFNOApply(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Forward(m, x, p, y, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
PetscErrorCode NomosFNOLinearize(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(Forward(m, x, p, y, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosFNOAdjoint(NomosMap m, Vec dy, Vec dx, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt N0 = f->points_in, N1 = f->points_out, ci = m->channels_in, co = m->channels_out;
  const double  *ga, *affine = f->affine;
  NomosReal     *g = f->g[0], *other = f->g[1], *swap;

  PetscFunctionBegin;
  PetscCall(NomosStageRead(m->be, &f->stage[2], dy, &ga));
  PetscCall(In(m, ga, co, N1, NULL, m->norm_out ? affine + 2 * ci : NULL, f->g[2], co));
  PetscCall(NomosStageRestore(m->be, &f->stage[2]));
  PetscCall(EndAdjoint(m, f->proj, N1, f->u, f->p1, f->dp1, f->g[2], f->crop_map ? other : g, wantp));
  if (f->crop_map) PetscCall(Gather(m, f->crop_back, other, N1, g, f->points_padout));
  for (PetscInt l = f->layers - 1; l >= 0; l--) {
    PetscCall(BlockAdjoint(m, l, g, other, wantp));
    if (f->resample && l == f->layers - 1) PetscCall(Resample(m, other, g, PETSC_TRUE));
    else swap = g, g = other, other = swap;
  }
  if (f->pad_map) {
    PetscCall(Gather(m, f->pad_back, g, f->points_pad, other, N0));
    g = other;
  }
  PetscCall(EndAdjoint(m, f->lift, N0, f->e, f->a1, f->d1, g, dx ? f->hidden[1] : NULL, wantp));
  if (dx) {
    double *xa;
    PetscCall(NomosStageWrite(m->be, &f->stage[3], dx, &xa));
    PetscCall(Out(m, f->hidden[1], f->lift[0].in, ci, N0, m->norm_in ? affine + ci : NULL, NULL, xa));
    PetscCall(NomosStageRestore(m->be, &f->stage[3]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for a direction, made when a tangent is first asked for. */
static PetscErrorCode TangentBuffers(NomosMap m)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (f->tangent_ready) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosBackendMalloc(m->be, (size_t)m->np, &f->dpar));
  for (PetscInt l = 0; l < f->layers; l++) PetscCall(NomosBackendMalloc(m->be, (size_t)f->kp * 2 * (size_t)f->wrows, &f->conv_layer[l].dW));
  f->tangent_ready = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosFNOTangent(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  FNO            *f = (FNO *)m->data;
  const PetscInt  N0 = f->points_in, N1 = f->points_out, ci = m->channels_in, co = m->channels_out;
  const PetscBool wantp = dp ? PETSC_TRUE : PETSC_FALSE;
  const double   *a;
  double         *ya;
  NomosReal      *d = f->g[0], *other = f->g[1], *swap, *de = NULL;

  PetscFunctionBegin;
  PetscCall(TangentBuffers(m));
  if (dp) {
    PetscCall(NomosStageRead(m->be, &f->stage[0], dp, &a));
    PetscCall(NomosFNOParametersIn(m, a, f->dpar, PETSC_TRUE));
    PetscCall(NomosStageRestore(m->be, &f->stage[0]));
  }
  if (dx) {
    de = f->hidden[1];
    PetscCall(NomosBackendZero(m->be, de, (size_t)m->batch * (size_t)f->lift[0].in * (size_t)N0));
    PetscCall(NomosStageRead(m->be, &f->stage[0], dx, &a));
    PetscCall(In(m, a, ci, N0, NULL, m->norm_in ? f->affine + ci : NULL, de, f->lift[0].in));
    PetscCall(NomosStageRestore(m->be, &f->stage[0]));
  }
  PetscCall(EndTangent(m, f->lift, N0, f->e, f->a1, f->d1, de, f->pad_map ? other : d, wantp));
  if (f->pad_map) PetscCall(Gather(m, f->pad_map, other, N0, d, f->points_pad));
  for (PetscInt l = 0; l < f->layers; l++) {
    if (f->resample && l == f->layers - 1) {
      PetscCall(Resample(m, d, other, PETSC_FALSE));
      swap = d, d = other, other = swap;
    }
    PetscCall(BlockTangent(m, l, d, other, wantp));
    swap = d, d = other, other = swap;
  }
  if (f->crop_map) {
    PetscCall(Gather(m, f->crop_map, d, f->points_padout, other, N1));
    d = other;
  }
  PetscCall(EndTangent(m, f->proj, N1, f->u, f->p1, f->dp1, d, f->g[3], wantp));
  PetscCall(NomosStageWrite(m->be, &f->stage[1], dy, &ya));
  PetscCall(Out(m, f->g[3], co, co, N1, m->norm_out ? f->affine + 2 * ci : NULL, NULL, ya));
  PetscCall(NomosStageRestore(m->be, &f->stage[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
