/*
  fnoverbs.c - value, tangent and adjoint of the Fourier neural operator, layer by layer.

  forward   e = [normalised x, coordinates]; v = L1 gelu(L0 e); blocks; y = P1 gelu(P0 u)
  A `save` pass keeps each layer's input and the derivative of each activation; tangent and adjoint read them.
*/
#include "fno.h"

#define AT(p, offset) NomosAt(m->be, p, offset)
#define PAR(block)    NomosAt(m->be, f->par, m->blocks[block].start)

/* --- one layer at a time -------------------------------------------------------------------------------------------------- */
static PetscErrorCode Linear(NomosMap m, const FNOLinear *l, const NomosReal *x, NomosReal *y, PetscInt n, int add)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_AX, .add = add, .in = l->in, .out = l->out, .points = n, .batch = m->batch, .A = PAR(l->weight), .X = (NomosReal *)x, .Y = y, .bias = l->bias < 0 ? NULL : PAR(l->bias)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy = A dx + dA x + dc; dx may be NULL: zero */
static PetscErrorCode LinearTangent(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *dx, NomosReal *dy, PetscInt n, int add, PetscBool wantp)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (dx) {
    PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_AX, .add = add, .in = l->in, .out = l->out, .points = n, .batch = m->batch, .A = PAR(l->weight), .X = (NomosReal *)dx, .Y = dy));
    add = 1;
  } else if (!add) PetscCall(NomosBackendZero(m->be, dy, (size_t)m->batch * (size_t)l->out * (size_t)n));
  if (wantp) PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_AX, .add = 1, .in = l->in, .out = l->out, .points = n, .batch = m->batch, .A = NomosAt(m->be, f->dpar, m->blocks[l->weight].start), .X = (NomosReal *)x, .Y = dy, .bias = l->bias < 0 ? NULL : NomosAt(m->be, f->dpar, m->blocks[l->bias].start)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gsum of a block += per-channel sums of x (times y) over batch and points */
static PetscErrorCode ChannelSum(NomosMap m, PetscInt block, PetscInt channels, const NomosReal *x, const NomosReal *y, PetscInt n)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_DOT, .add = 1, .in = channels, .out = channels, .points = n, .batch = m->batch, .Y = (NomosReal *)x, .X = (NomosReal *)y, .sum = f->gsum + f->sum_start[block]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradients of a 1x1 layer from g = dJ/dy, and gx (+)= A^T g unless gx is NULL. */
static PetscErrorCode LinearAdjoint(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *g, NomosReal *gx, PetscInt n, int add, PetscBool wantp)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (wantp) {
    PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_YXT, .add = 1, .in = l->in, .out = l->out, .points = n, .batch = m->batch, .A = NomosAt(m->be, f->gpar, m->blocks[l->weight].start), .X = (NomosReal *)x, .Y = (NomosReal *)g));
    if (l->bias >= 0) PetscCall(ChannelSum(m, l->bias, l->out, g, NULL, n));
  }
  if (gx) PetscCall(NomosGemmRun(m->be, .op = NOMOS_GEMM_ATX, .add = add, .in = l->in, .out = l->out, .points = n, .batch = m->batch, .A = PAR(l->weight), .X = gx, .Y = (NomosReal *)g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = gelu(x), and its derivative where d is given; in place allowed */
static PetscErrorCode Activate(NomosMap m, PetscInt channels, PetscInt n, NomosReal *x, NomosReal *d, PetscBool save)
{
  PetscFunctionBegin;
  if (save) PetscCall(NomosLaunchRows(m->be, GeluSave, m->batch * channels, n, .x = x, .y = x, .d = d, .n = n));
  else PetscCall(NomosLaunchRows(m->be, Gelu, m->batch * channels, n, .x = x, .y = x, .n = n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Times(NomosMap m, PetscInt channels, PetscInt n, NomosReal *g, const NomosReal *d)
{
  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, Multiply, m->batch * channels, n, .x = g, .d = d, .y = g, .n = n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Modes(NomosMap m, int op, NomosReal *W, NomosReal *X, NomosReal *Y, int add)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosModesRun(m->be, .op = op, .separable = f->separable, .add = add, .in = f->width, .out = f->width, .kp = f->kp, .batch = m->batch, .W = W, .X = X, .Y = Y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z += K v, from the (stabilised) input; X keeps its spectrum */
static PetscErrorCode Spectral(NomosMap m, PetscInt l, const NomosReal *v, NomosReal *z)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *s = &f->conv_layer[l];
  const PetscInt fields = m->batch * f->width;

  PetscFunctionBegin;
  PetscCall(NomosFFTRun(m->be, s->plan_f, NOMOS_FFT_FORWARD, fields, v, f->saved[l].X, 0));
  PetscCall(Modes(m, NOMOS_MODES_WX, s->W, f->saved[l].X, f->S[0], 0));
  PetscCall(NomosFFTRun(m->be, s->plan_i, NOMOS_FFT_INVERSE, fields, f->S[0], z, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode SpectralTangent(NomosMap m, PetscInt l, const NomosReal *dv, NomosReal *dz, PetscBool wantp)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *s = &f->conv_layer[l];
  const PetscInt fields = m->batch * f->width;

  PetscFunctionBegin;
  if (dv) {
    PetscCall(NomosFFTRun(m->be, s->plan_f, NOMOS_FFT_FORWARD, fields, dv, f->S[1], 0));
    PetscCall(Modes(m, NOMOS_MODES_WX, s->W, f->S[1], f->S[0], 0));
  } else PetscCall(NomosBackendZero(m->be, f->S[0], (size_t)fields * 2 * (size_t)f->kp));
  if (wantp) PetscCall(Modes(m, NOMOS_MODES_WX, s->dW, f->saved[l].X, f->S[0], 1));
  PetscCall(NomosFFTRun(m->be, s->plan_i, NOMOS_FFT_INVERSE, fields, f->S[0], dz, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* gv += K^T g */
static PetscErrorCode SpectralAdjoint(NomosMap m, PetscInt l, const NomosReal *g, NomosReal *gv, int add, PetscBool wantp)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *s = &f->conv_layer[l];
  const PetscInt fields = m->batch * f->width;

  PetscFunctionBegin;
  PetscCall(NomosFFTRun(m->be, s->plan_i, NOMOS_FFT_INVERSE_ADJ, fields, g, f->S[0], 0));
  if (wantp) PetscCall(Modes(m, NOMOS_MODES_GRAD, s->GW, f->saved[l].X, f->S[0], 1));
  PetscCall(Modes(m, NOMOS_MODES_WHY, s->W, f->S[1], f->S[0], 0));
  PetscCall(NomosFFTRun(m->be, s->plan_f, NOMOS_FFT_FORWARD_ADJ, fields, f->S[1], gv, add));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- normalisation layers ---------------------------------------------------------------------------------------------------- */
static PetscErrorCode Norm(NomosMap m, PetscInt l, int i, PetscInt n, NomosReal *x, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt group = f->norm == FNO_NORM_GROUP ? f->width : 1, segments = m->batch * f->width / group;
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
static PetscErrorCode NormDerivative(NomosMap m, PetscInt l, int i, PetscInt n, NomosReal *g, PetscBool tangent, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt rows = m->batch * f->width, group = f->norm == FNO_NORM_GROUP ? f->width : 1, b = f->norm_block[l][i];
  NomosReal     *h = i ? s->h2 : s->h1;

  PetscFunctionBegin;
  if (wantp && !tangent && f->norm == FNO_NORM_GROUP) {
    PetscCall(ChannelSum(m, b, f->width, g, h, n));
    PetscCall(ChannelSum(m, b + 1, f->width, g, NULL, n));
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
static PetscErrorCode Stabilise(NomosMap m, PetscInt l, PetscInt n, NomosReal **x)
{
  FNO      *f = (FNO *)m->data;
  FNOSaved *s = &f->saved[l];

  PetscFunctionBegin;
  *x = s->v;
  if (f->stabilizer) {
    PetscCall(NomosLaunchRows(m->be, TanhSave, m->batch * f->width, n, .x = s->v, .y = s->vt, .d = s->dvt, .n = n));
    *x = s->vt;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y <- block l of saved[l].v */
static PetscErrorCode BlockForward(NomosMap m, PetscInt l, NomosReal *y, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt n = BlockPoints(f, l), h = f->width, last = l == f->layers - 1;
  NomosReal     *x, *z = s->z;

  PetscFunctionBegin;
  PetscCall(Stabilise(m, l, n, &x));
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(Linear(m, &f->skip[l], s->v, y, n, 0));
    PetscCall(Spectral(m, l, x, y));
    if (!last) PetscCall(Activate(m, h, n, y, s->dv, save));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (f->norm == FNO_NORM_NONE) { /* the spectral bias rides on the skip */
    FNOLinear skip = f->skip[l];
    skip.bias      = f->conv_layer[l].bias;
    PetscCall(Linear(m, &skip, s->v, z, n, 0));
    PetscCall(Spectral(m, l, x, z));
  } else {
    PetscCall(NomosBackendZero(m->be, z, (size_t)m->batch * (size_t)h * (size_t)n));
    PetscCall(NomosLaunchRows(m->be, AddRows, m->batch * h, n, .q = PAR(f->conv_layer[l].bias), .y = z, .C = h, .n = n));
    PetscCall(Spectral(m, l, x, z));
    PetscCall(Norm(m, l, 0, n, z, save));
    PetscCall(Linear(m, &f->skip[l], s->v, z, n, 1));
  }
  if (!last) PetscCall(Activate(m, h, n, z, s->dz, save));
  PetscCall(Linear(m, &f->mlp[l][0], z, s->m, n, 0));
  PetscCall(Activate(m, f->mlp[l][0].out, n, s->m, s->dm, save));
  PetscCall(NomosLaunchRows(m->be, ScaleRows, m->batch * h, n, .x = s->v, .q = PAR(f->gate[l]), .y = y, .C = h, .n = n));
  PetscCall(Linear(m, &f->mlp[l][1], s->m, y, n, 1));
  if (f->norm != FNO_NORM_NONE) PetscCall(Norm(m, l, 1, n, y, save));
  if (!last) PetscCall(Activate(m, h, n, y, s->dv, save));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gv <- adjoint of block l applied to g, which is overwritten */
static PetscErrorCode BlockAdjoint(NomosMap m, PetscInt l, NomosReal *g, NomosReal *gv, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *s = &f->saved[l];
  const PetscInt n = BlockPoints(f, l), h = f->width, last = l == f->layers - 1;
  NomosReal     *gz = f->g[3], *gx = f->stabilizer ? f->g[2] : gv;

  PetscFunctionBegin;
  if (!last) PetscCall(Times(m, h, n, g, s->dv));
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(LinearAdjoint(m, &f->skip[l], s->v, g, gv, n, 0, wantp));
    gz = g;
  } else {
    if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 1, n, g, PETSC_FALSE, wantp));
    if (wantp) PetscCall(ChannelSum(m, f->gate[l], h, g, s->v, n));
    PetscCall(NomosLaunchRows(m->be, ScaleRows, m->batch * h, n, .x = g, .q = PAR(f->gate[l]), .y = gv, .C = h, .n = n));
    PetscCall(LinearAdjoint(m, &f->mlp[l][1], s->m, g, f->hidden[0], n, 0, wantp));
    PetscCall(Times(m, f->mlp[l][0].out, n, f->hidden[0], s->dm));
    PetscCall(LinearAdjoint(m, &f->mlp[l][0], s->z, f->hidden[0], gz, n, 0, wantp));
    if (!last) PetscCall(Times(m, h, n, gz, s->dz));
    PetscCall(LinearAdjoint(m, &f->skip[l], s->v, gz, gv, n, 1, wantp));
    if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 0, n, gz, PETSC_FALSE, wantp));
    if (wantp) PetscCall(ChannelSum(m, f->conv_layer[l].bias, h, gz, NULL, n));
  }
  PetscCall(SpectralAdjoint(m, l, gz, gx, f->stabilizer ? 0 : 1, wantp));
  if (f->stabilizer) PetscCall(NomosLaunchRows(m->be, Multiply, m->batch * h, n, .x = gx, .d = s->dvt, .y = gv, .n = n, .add = 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy <- tangent of block l in the direction (dv, dp); dv may be NULL: zero. g[2], g[3] are scratch. */
static PetscErrorCode BlockTangent(NomosMap m, PetscInt l, const NomosReal *dv, NomosReal *dy, PetscBool wantp)
{
  FNO             *f = (FNO *)m->data;
  FNOSaved        *s = &f->saved[l];
  const PetscInt   n = BlockPoints(f, l), h = f->width, last = l == f->layers - 1;
  NomosReal       *dz = f->block == FNO_BLOCK_LI ? dy : f->g[3];
  const NomosReal *dx = dv;

  PetscFunctionBegin;
  if (dv && f->stabilizer) {
    PetscCall(NomosLaunchRows(m->be, Multiply, m->batch * h, n, .x = dv, .d = s->dvt, .y = f->g[2], .n = n));
    dx = f->g[2];
  }
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(LinearTangent(m, &f->skip[l], s->v, dv, dy, n, 0, wantp));
    PetscCall(SpectralTangent(m, l, dx, dy, wantp));
    if (!last) PetscCall(Times(m, h, n, dy, s->dv));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosBackendZero(m->be, dz, (size_t)m->batch * (size_t)h * (size_t)n));
  if (wantp) PetscCall(NomosLaunchRows(m->be, AddRows, m->batch * h, n, .q = NomosAt(m->be, f->dpar, m->blocks[f->conv_layer[l].bias].start), .y = dz, .C = h, .n = n));
  PetscCall(SpectralTangent(m, l, dx, dz, wantp));
  if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 0, n, dz, PETSC_TRUE, wantp));
  PetscCall(LinearTangent(m, &f->skip[l], s->v, dv, dz, n, 1, wantp));
  if (!last) PetscCall(Times(m, h, n, dz, s->dz));
  PetscCall(LinearTangent(m, &f->mlp[l][0], s->z, dz, f->hidden[0], n, 0, wantp));
  PetscCall(Times(m, f->mlp[l][0].out, n, f->hidden[0], s->dm));
  PetscCall(LinearTangent(m, &f->mlp[l][1], s->m, f->hidden[0], dy, n, 0, wantp));
  if (dv) PetscCall(NomosLaunchRows(m->be, ScaleRows, m->batch * h, n, .x = dv, .q = PAR(f->gate[l]), .y = dy, .C = h, .n = n, .add = 1));
  if (wantp) PetscCall(NomosLaunchRows(m->be, ScaleRows, m->batch * h, n, .x = s->v, .q = NomosAt(m->be, f->dpar, m->blocks[f->gate[l]].start), .y = dy, .C = h, .n = n, .add = 1));
  if (f->norm != FNO_NORM_NONE) PetscCall(NormDerivative(m, l, 1, n, dy, PETSC_TRUE, wantp));
  if (!last) PetscCall(Times(m, h, n, dy, s->dv));
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

/* Where block l writes: the next block's input, or the end. A resampling stands before the last block. */
static NomosReal *BlockTarget(FNO *f, PetscInt l)
{
  if (l == f->layers - 1) return f->crop_map ? f->g[0] : f->u;
  return f->resample && l == f->layers - 2 ? f->g[0] : f->saved[l + 1].v;
}

/* --- the verbs ---------------------------------------------------------------------------------------------------------------------------- */
static PetscErrorCode Forward(NomosMap m, Vec x, Vec p, Vec y, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt N0 = f->points_in, N1 = f->points_out, ci = m->channels_in, co = m->channels_out;
  const double  *xa;
  double        *ya;
  NomosReal     *first;

  PetscFunctionBegin;
  PetscCall(NomosFNOLoadParameters(m, p));
  PetscCall(NomosStageRead(m->be, &f->stage[0], x, &xa));
  PetscCall(NomosLaunchRows(m->be, FieldIn, m->batch * ci, N0, .x = xa, .shift = m->norm_in ? f->affine : NULL, .scale = m->norm_in ? f->affine + ci : NULL, .y = f->e, .C = ci, .n = N0, .ystride = f->lift[0].in * N0));
  PetscCall(NomosStageRestore(m->be, &f->stage[0]));
  PetscCall(Linear(m, &f->lift[0], f->e, f->a1, N0, 0));
  PetscCall(Activate(m, f->lift[0].out, N0, f->a1, f->d1, save));
  first = f->resample && f->layers == 1 ? f->g[1] : f->saved[0].v; /* the field on the blocks' grid */
  PetscCall(Linear(m, &f->lift[1], f->a1, f->pad_map ? f->v0 : first, N0, 0));
  if (f->pad_map) PetscCall(Gather(m, f->pad_map, f->v0, N0, first, f->points_pad));
  if (f->resample && f->layers == 1) PetscCall(Resample(m, first, f->saved[0].v, PETSC_FALSE));
  for (PetscInt l = 0; l < f->layers; l++) {
    PetscCall(BlockForward(m, l, BlockTarget(f, l), save));
    if (f->resample && l == f->layers - 2) PetscCall(Resample(m, f->g[0], f->saved[l + 1].v, PETSC_FALSE));
  }
  if (f->crop_map) PetscCall(Gather(m, f->crop_map, f->g[0], f->points_padout, f->u, N1));
  PetscCall(Linear(m, &f->proj[0], f->u, f->p1, N1, 0));
  PetscCall(Activate(m, f->proj[0].out, N1, f->p1, f->dp1, save));
  PetscCall(Linear(m, &f->proj[1], f->p1, f->out, N1, 0));
  PetscCall(NomosStageWrite(m->be, &f->stage[1], y, &ya));
  PetscCall(NomosLaunchRows(m->be, FieldOut, m->batch * co, N1, .x = f->out, .scale = m->norm_out ? f->affine + 2 * ci : NULL, .shift = m->norm_out ? f->affine + 2 * ci + co : NULL, .y = ya, .C = co, .n = N1, .xstride = co * N1));
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
  const double  *ga;
  NomosReal     *g = f->g[0], *other = f->g[1], *swap;

  PetscFunctionBegin;
  PetscCall(NomosStageRead(m->be, &f->stage[2], dy, &ga));
  PetscCall(NomosLaunchRows(m->be, FieldIn, m->batch * co, N1, .x = ga, .scale = m->norm_out ? f->affine + 2 * ci : NULL, .y = other, .C = co, .n = N1, .ystride = co * N1));
  PetscCall(NomosStageRestore(m->be, &f->stage[2]));
  PetscCall(LinearAdjoint(m, &f->proj[1], f->p1, other, f->hidden[0], N1, 0, wantp));
  PetscCall(Times(m, f->proj[0].out, N1, f->hidden[0], f->dp1));
  PetscCall(LinearAdjoint(m, &f->proj[0], f->u, f->hidden[0], f->crop_map ? other : g, N1, 0, wantp));
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
  PetscCall(LinearAdjoint(m, &f->lift[1], f->a1, g, f->hidden[0], N0, 0, wantp));
  PetscCall(Times(m, f->lift[0].out, N0, f->hidden[0], f->d1));
  PetscCall(LinearAdjoint(m, &f->lift[0], f->e, f->hidden[0], dx ? f->hidden[1] : NULL, N0, 0, wantp));
  if (dx) {
    double *xa;
    PetscCall(NomosStageWrite(m->be, &f->stage[3], dx, &xa));
    PetscCall(NomosLaunchRows(m->be, FieldOut, m->batch * ci, N0, .x = f->hidden[1], .scale = m->norm_in ? f->affine + ci : NULL, .y = xa, .C = ci, .n = N0, .xstride = f->lift[0].in * N0));
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
    PetscCall(NomosLaunchRows(m->be, FieldIn, m->batch * ci, N0, .x = a, .scale = m->norm_in ? f->affine + ci : NULL, .y = de, .C = ci, .n = N0, .ystride = f->lift[0].in * N0));
    PetscCall(NomosStageRestore(m->be, &f->stage[0]));
  }
  PetscCall(LinearTangent(m, &f->lift[0], f->e, de, f->hidden[0], N0, 0, wantp));
  PetscCall(Times(m, f->lift[0].out, N0, f->hidden[0], f->d1));
  PetscCall(LinearTangent(m, &f->lift[1], f->a1, f->hidden[0], f->pad_map ? other : d, N0, 0, wantp));
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
  PetscCall(LinearTangent(m, &f->proj[0], f->u, d, f->hidden[0], N1, 0, wantp));
  PetscCall(Times(m, f->proj[0].out, N1, f->hidden[0], f->dp1));
  PetscCall(LinearTangent(m, &f->proj[1], f->p1, f->hidden[0], f->g[3], N1, 0, wantp));
  PetscCall(NomosStageWrite(m->be, &f->stage[1], dy, &ya));
  PetscCall(NomosLaunchRows(m->be, FieldOut, m->batch * co, N1, .x = f->g[3], .scale = m->norm_out ? f->affine + 2 * ci : NULL, .y = ya, .C = co, .n = N1, .xstride = co * N1));
  PetscCall(NomosStageRestore(m->be, &f->stage[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
