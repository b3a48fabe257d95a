/*
  fnoverbs.c - value, tangent and adjoint of the Fourier neural operator, layer by layer.

  forward   e = [normalised x, coordinates]; v = L1 gelu(L0 e); blocks; y = P1 gelu(P0 u)
  A `save` pass keeps each layer's input and the derivative of each activation; tangent and adjoint read them.
*/
#include "fno.h"


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
    PetscCall(NomosFNOLinear(m, &skip, v, y, -1, y, s, save));
    if (!last) PetscCall(NomosFNOActivate(m, h, s, y, PART(k->dv, h), save));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (f->norm == FNO_NORM_NONE) skip.bias = f->conv_layer[l].bias; /* the spectral bias rides on the skip */
  else {
    PetscCall(NomosLaunchRows(m->be, AddRows, s.count * h, s.n, .q = PAR(f->conv_layer[l].bias), .y = z, .C = h, .n = s.n));
    PetscCall(NomosFNONorm(m, l, 0, s, z, save));
  }
  PetscCall(NomosFNOLinear(m, &skip, v, z, -1, z, s, save));
  if (!last) PetscCall(NomosFNOActivate(m, h, s, z, PART(k->dz, h), save));
  PetscCall(NomosFNOLinear(m, &f->mlp[l][0], z, NULL, -1, hidden, s, save));
  PetscCall(NomosFNOActivate(m, f->mlp[l][0].out, s, hidden, PART(k->dm, f->mlp[l][0].out), save));
  PetscCall(NomosFNOLinear(m, &f->mlp[l][1], hidden, v, f->gate[l], y, s, save));
  if (f->norm != FNO_NORM_NONE) PetscCall(NomosFNONorm(m, l, 1, s, y, save));
  if (!last) PetscCall(NomosFNOActivate(m, h, s, y, PART(k->dv, h), save));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y <- block l of v, which may be y except for block `li`. Without `save` nothing is kept: one block's buffers serve all. */
static PetscErrorCode BlockForward(NomosMap m, PetscInt l, NomosReal *v, NomosReal *y, PetscBool save)
{
  FNO           *f = (FNO *)m->data;
  FNOSaved      *k = &f->saved[save || f->resample ? l : 0];
  const PetscInt n = BlockPoints(f, l), h = f->width, hidden = f->block == FNO_BLOCK_LI ? 0 : f->mlp[l][0].out;
  void          *plan = f->conv_layer[l].plan_i;
  NomosReal     *x, *target = f->block == FNO_BLOCK_LI ? y : k->z, *X = save ? NomosFNOSpectra(m, f->conv_layer[l].X, f->place) : f->S[1];

  PetscFunctionBegin;
  PetscCall(Stabilise(m, k, NomosFNOWholeSpan(m, n), v, &x));
  PetscCall(NomosFNOSpectralIn(m, l, NomosFNOWholeSpan(m, n), x, X));
  if (f->tiles > 1) PetscCall(NomosFNOSpanFFT(m, plan, NOMOS_FFT_INVERSE, NomosFNOWholeSpan(m, n), target, f->S[0], 0));
  for (FNOSpan s = {0}; NomosFNONextSpan(m, n, &s);) {
    NomosReal *z = target == y || save || f->tiles > 1 ? PART(target, h) : target;
    if (f->tiles == 1) PetscCall(NomosFNOSpanFFT(m, plan, NOMOS_FFT_INVERSE, s, z, f->S[0], 0));
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
  NomosReal     *dv = last ? NULL : PART(k->dv, h);

  PetscFunctionBegin;
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(NomosFNOLinearAdjoint(m, &f->skip[l], PART(k->v, h), g, dv, NULL, -1, gv, s, wantp));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (f->norm != FNO_NORM_NONE) { /* the norms stand between activation and product */
    if (!last) PetscCall(NomosFNOTimes(m, h, s, g, dv));
    PetscCall(NomosFNONormDerivative(m, l, 1, s, g, PETSC_FALSE, wantp));
    dv = NULL;
  }
  PetscCall(NomosFNOLinearAdjoint(m, &f->mlp[l][1], PART(k->m, hidden), g, dv, NULL, -1, f->hidden[0], s, wantp));
  if (wantp) PetscCall(NomosFNOChannelSum(m, f->gate[l], h, g, PART(k->v, h), s));
  PetscCall(NomosFNOLinearAdjoint(m, &f->mlp[l][0], PART(k->z, h), f->hidden[0], PART(k->dm, hidden), NULL, -1, gz, s, wantp));
  PetscCall(NomosFNOLinearAdjoint(m, &f->skip[l], PART(k->v, h), gz, last ? NULL : PART(k->dz, h), g, f->gate[l], gv, s, wantp));
  if (f->norm != FNO_NORM_NONE) PetscCall(NomosFNONormDerivative(m, l, 0, s, gz, PETSC_FALSE, wantp));
  if (wantp) PetscCall(NomosFNOChannelSum(m, f->conv_layer[l].bias, h, gz, NULL, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gv <- adjoint of block l applied to g, which is overwritten */
static PetscErrorCode BlockAdjoint(NomosMap m, PetscInt l, NomosReal *g, NomosReal *gv, PetscBool wantp)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt n = BlockPoints(f, l), h = f->width;
  void          *plan = f->conv_layer[l].plan_i;
  NomosReal     *target = f->block == FNO_BLOCK_LI ? g : f->g[3], *gx = f->stabilizer ? f->g[2] : gv, *Y = NomosFNOSpectra(m, f->conv_layer[l].Y, f->queued);

  PetscFunctionBegin;
  for (FNOSpan s = {0}; NomosFNONextSpan(m, n, &s);) {
    NomosReal *gz = target == g || f->tiles > 1 ? PART(target, h) : target;
    PetscCall(BlockPointwiseAdjoint(m, l, s, PART(g, h), gz, PART(gv, h), wantp));
    if (f->tiles == 1) PetscCall(NomosFNOSpanFFT(m, plan, NOMOS_FFT_INVERSE_ADJ, s, gz, Y, 0));
  }
  if (f->tiles > 1) PetscCall(NomosFNOSpanFFT(m, plan, NOMOS_FFT_INVERSE_ADJ, NomosFNOWholeSpan(m, n), target, Y, 0));
  PetscCall(NomosFNOSpectralAdjoint(m, l, NomosFNOWholeSpan(m, n), gx, f->stabilizer ? 0 : 1));
  if (f->stabilizer) {
    const FNOSpan s = NomosFNOWholeSpan(m, n);
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
  const FNOSpan    s = NomosFNOWholeSpan(m, BlockPoints(f, l));
  const size_t     field = (size_t)s.count * (size_t)h * (size_t)s.n;
  NomosReal       *dz = f->block == FNO_BLOCK_LI ? dy : f->g[3];
  const NomosReal *dx = dv;

  PetscFunctionBegin;
  if (dv && f->stabilizer) {
    PetscCall(NomosLaunchRows(m->be, Multiply, s.count * h, s.n, .x = dv, .d = k->dvt, .y = f->g[2], .n = s.n));
    dx = f->g[2];
  }
  if (f->block == FNO_BLOCK_LI) {
    PetscCall(NomosFNOLinearTangent(m, &f->skip[l], k->v, dv, dy, s, 0, wantp));
    PetscCall(NomosFNOSpectralTangent(m, l, dx, dy, s, wantp));
    if (!last) PetscCall(NomosFNOTimes(m, h, s, dy, k->dv));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosBackendZero(m->be, dz, field));
  if (wantp) PetscCall(NomosLaunchRows(m->be, AddRows, s.count * h, s.n, .q = NomosAt(m->be, f->dpar, m->blocks[f->conv_layer[l].bias].start), .y = dz, .C = h, .n = s.n));
  PetscCall(NomosFNOSpectralTangent(m, l, dx, dz, s, wantp));
  if (f->norm != FNO_NORM_NONE) PetscCall(NomosFNONormDerivative(m, l, 0, s, dz, PETSC_TRUE, wantp));
  PetscCall(NomosFNOLinearTangent(m, &f->skip[l], k->v, dv, dz, s, 1, wantp));
  if (!last) PetscCall(NomosFNOTimes(m, h, s, dz, k->dz));
  PetscCall(NomosFNOLinearTangent(m, &f->mlp[l][0], k->z, dz, f->hidden[0], s, 0, wantp));
  PetscCall(NomosFNOTimes(m, f->mlp[l][0].out, s, f->hidden[0], k->dm));
  PetscCall(NomosFNOLinearTangent(m, &f->mlp[l][1], k->m, f->hidden[0], dy, s, 0, wantp));
  if (dv) PetscCall(NomosLaunchRows(m->be, ScaleRows, s.count * h, s.n, .x = dv, .q = PAR(f->gate[l]), .y = dy, .C = h, .n = s.n, .add = 1));
  if (wantp) PetscCall(NomosLaunchRows(m->be, ScaleRows, s.count * h, s.n, .x = k->v, .q = NomosAt(m->be, f->dpar, m->blocks[f->gate[l]].start), .y = dy, .C = h, .n = s.n, .add = 1));
  if (f->norm != FNO_NORM_NONE) PetscCall(NomosFNONormDerivative(m, l, 1, s, dy, PETSC_TRUE, wantp));
  if (!last) PetscCall(NomosFNOTimes(m, h, s, dy, k->dv));
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
  PetscCall(NomosBackendFFT(m->be, f->resample_plan[side], transpose ? NOMOS_FFT_INVERSE_ADJ : NOMOS_FFT_FORWARD, fields, x, z, 0));
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
  PetscCall(NomosBackendFFT(m->be, f->resample_plan[1 - side], transpose ? NOMOS_FFT_FORWARD_ADJ : NOMOS_FFT_INVERSE, fields, z, y, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without `save` one field serves, the fewer the more stay near the core: block `neuralop` has K v elsewhere and may write where it
   reads. Block `li` puts K v where its result goes: two in turn. */
static NomosReal *BlockInput(FNO *f, PetscInt l, PetscBool save)
{
  return f->saved[save || f->resample ? l : f->block == FNO_BLOCK_LI ? l % 2 : 0].v;
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
  for (FNOSpan s = {0}; NomosFNONextSpan(m, n, &s);) {
    NomosReal *hidden = save ? PART(a, layer[0].out) : a;
    PetscCall(NomosFNOLinear(m, &layer[0], PART(x, layer[0].in), NULL, -1, hidden, s, save));
    PetscCall(NomosFNOActivate(m, layer[0].out, s, hidden, PART(d, layer[0].out), save));
    PetscCall(NomosFNOLinear(m, &layer[1], hidden, NULL, -1, PART(y, layer[1].out), s, save));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* its adjoint; gx NULL: not wanted */
static PetscErrorCode EndAdjoint(NomosMap m, const FNOLinear layer[2], PetscInt n, NomosReal *x, NomosReal *a, NomosReal *d, NomosReal *gy, NomosReal *gx, PetscBool wantp)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  for (FNOSpan s = {0}; NomosFNONextSpan(m, n, &s);) {
    PetscCall(NomosFNOLinearAdjoint(m, &layer[1], PART(a, layer[0].out), PART(gy, layer[1].out), NULL, NULL, -1, f->hidden[0], s, wantp));
    PetscCall(NomosFNOLinearAdjoint(m, &layer[0], PART(x, layer[0].in), f->hidden[0], PART(d, layer[0].out), NULL, -1, gx ? PART(gx, layer[0].in) : NULL, s, wantp));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode EndTangent(NomosMap m, const FNOLinear layer[2], PetscInt n, NomosReal *x, NomosReal *a, NomosReal *d, NomosReal *dx, NomosReal *dy, PetscBool wantp)
{
  FNO          *f = (FNO *)m->data;
  const FNOSpan s = NomosFNOWholeSpan(m, n);

  PetscFunctionBegin;
  PetscCall(NomosFNOLinearTangent(m, &layer[0], x, dx, f->hidden[0], s, 0, wantp));
  PetscCall(NomosFNOTimes(m, layer[0].out, s, f->hidden[0], d));
  PetscCall(NomosFNOLinearTangent(m, &layer[1], a, f->hidden[0], dy, s, 0, wantp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* physical fields in double [sample][channel][point] to the net's units and tiles, and back; shift NULL: a direction */
static PetscErrorCode In(NomosMap m, const double *x, PetscInt C, PetscInt points, const double *shift, const double *scale, NomosReal *y, PetscInt channels)
{
  const FNOSpan s = NomosFNOWholeSpan(m, points);

  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, FieldIn, s.count * C, s.n, .x = x, .shift = shift, .scale = scale, .y = y, .C = C, .n = s.n, .stride = channels * s.n, .tiles = points / s.n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Out(NomosMap m, const NomosReal *x, PetscInt channels, PetscInt C, PetscInt points, const double *scale, const double *shift, double *y)
{
  const FNOSpan s = NomosFNOWholeSpan(m, points);

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
  ((FNO *)m->data)->place = ((FNO *)m->data)->queued;
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
  if (wantp) PetscCall(NomosFNOQueueBegin(m));
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
  if (wantp) PetscCall(NomosFNOQueueNext(m));
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
    PetscCall(NomosFNOParametersIn(m, a, 0, m->np, f->dpar, PETSC_TRUE));
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
