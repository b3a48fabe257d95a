/*
  fnoparam.c - parameters of the Fourier neural operator: their blocks (names and shapes of the peers' state_dict), first
  values, and the way between the double vector and the working copies.
*/
#include "fno.h"
#include "../kernels/random.h"

static PetscErrorCode Add(NomosMap m, PetscInt *index, PetscBool is_complex, PetscInt rank, const PetscInt shape[], const char format[], ...) PETSC_ATTRIBUTE_FORMAT(6, 7);
static PetscErrorCode Add(NomosMap m, PetscInt *index, PetscBool is_complex, PetscInt rank, const PetscInt shape[], const char format[], ...)
{
  char    name[128];
  va_list args;

  PetscFunctionBegin;
  va_start(args, format);
  PetscCall(PetscVSNPrintf(name, sizeof(name), format, NULL, args));
  va_end(args);
  *index = m->nblocks;
  PetscCall(NomosMapAddBlock(m, name, is_complex, rank, shape));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddLinear(NomosMap m, FNOLinear *l, PetscInt in, PetscInt out, PetscBool bias, const char name[])
{
  PetscFunctionBegin;
  l->in   = in;
  l->out  = out;
  l->bias = -1;
  PetscCheck(in > 0 && out > 0, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "layer %s would have %" PetscInt_FMT " inputs and %" PetscInt_FMT " outputs; see -net_fno_width and the ratios", name, in, out);
  PetscCall(Add(m, &l->weight, PETSC_FALSE, 3, (PetscInt[]){out, in, 1}, "%s.weight", name));
  if (bias) PetscCall(Add(m, &l->bias, PETSC_FALSE, 1, (PetscInt[]){out}, "%s.bias", name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Explicit ranks, or the largest whose parameter count stays below the fraction of the dense count. */
static PetscErrorCode Ranks(NomosMap m, PetscInt q, const PetscInt n[], PetscInt rank[])
{
  FNO      *f     = (FNO *)m->data;
  PetscReal dense = 1, sum = 1, lo = 0, hi = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < q; j++) dense *= n[j], sum += n[j];
  PetscCheck(f->nrank == 1 || (f->factorization == FNO_TUCKER && f->nrank == q), PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_INCOMP, "-net_fno_rank has %" PetscInt_FMT " numbers; %s needs %s%" PetscInt_FMT " integers, or one fraction", f->nrank, f->factorization == FNO_CP ? "cp" : "tucker", f->factorization == FNO_CP ? "1, not " : "", f->factorization == FNO_CP ? f->nrank : q);
  if (!f->rank_fraction) {
    for (PetscInt j = 0; j < q; j++) rank[j] = (PetscInt)f->rank[f->nrank == 1 ? 0 : j];
  } else if (f->factorization == FNO_CP) {
    for (PetscInt j = 0; j < q; j++) rank[j] = PetscMax(1, (PetscInt)PetscFloorReal(f->rank[0] * dense / sum));
  } else {
    for (int it = 0; it < 60; it++) { /* r_j = floor(c n_j): the count grows with c */
      const PetscReal c = (lo + hi) / 2;
      PetscReal       core = 1, count = 0;
      for (PetscInt j = 0; j < q; j++) {
        const PetscReal r = PetscMax(1, PetscFloorReal(c * n[j]));
        core *= r, count += r * n[j];
      }
      if (core + count <= f->rank[0] * dense) lo = c;
      else hi = c;
    }
    for (PetscInt j = 0; j < q; j++) rank[j] = PetscMax(1, (PetscInt)PetscFloorReal(lo * n[j]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddFactorised(NomosMap m, FNOSpectral *s, PetscInt q, const PetscInt n[], PetscInt l)
{
  FNO     *f = (FNO *)m->data;
  PetscInt shape[6];

  PetscFunctionBegin;
  PetscCall(Ranks(m, q, n, s->rank));
  s->axes    = q;
  s->tensors = 0;
  for (PetscInt j = 0; j < q; j++) shape[j] = s->rank[j];
  shape[q] = 2;
  if (f->factorization == FNO_CP) PetscCall(Add(m, &s->core, PETSC_TRUE, 2, (PetscInt[]){s->rank[0], 2}, "fno_blocks.convs.%" PetscInt_FMT ".weight.weights", l));
  else PetscCall(Add(m, &s->core, PETSC_TRUE, q + 1, shape, "fno_blocks.convs.%" PetscInt_FMT ".weight.core", l));
  for (PetscInt j = 0; j < q; j++) PetscCall(Add(m, &s->factor[j], PETSC_TRUE, 3, (PetscInt[]){n[j], s->rank[j], 2}, "fno_blocks.convs.%" PetscInt_FMT ".weight.factors.factor_%" PetscInt_FMT, l, j));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddSpectral(NomosMap m, FNOSpectral *s, PetscInt l)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt h = f->width;
  PetscInt       n[6] = {h, h}, q = f->separable ? 1 : 2;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < f->dim; j++) n[q++] = f->layout == FNO_CENTRED && j == f->dim - 1 ? f->modes[j] / 2 + 1 : f->modes[j];
  n[q] = 2;
  if (f->factorization != FNO_DENSE) PetscCall(AddFactorised(m, s, q, n, l));
  else if (f->layout == FNO_CENTRED) {
    s->tensors = 1;
    PetscCall(Add(m, &s->tensor[0], PETSC_TRUE, q + 1, n, "fno_blocks.convs.%" PetscInt_FMT ".weight.tensor", l));
  } else {
    s->tensors = (PetscInt)1 << (f->dim - 1);
    for (PetscInt b = 0; b < s->tensors; b++) PetscCall(Add(m, &s->tensor[b], PETSC_TRUE, q + 1, n, "fno_blocks.convs.%" PetscInt_FMT ".weight.%" PetscInt_FMT, l, b));
  }
  s->bias = -1;
  if (f->block == FNO_BLOCK_NEURALOP) PetscCall(Add(m, &s->bias, PETSC_FALSE, 1 + f->dim, (PetscInt[]){h, 1, 1, 1}, "fno_blocks.convs.%" PetscInt_FMT ".bias", l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The blocks in the order lifting, blocks, projection; the widths as the peers round them. */
PetscErrorCode NomosFNOAddBlocks(NomosMap m)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt h = f->width, hl = (PetscInt)(f->lifting_ratio * h), hp = (PetscInt)(f->projection_ratio * h), he = (PetscInt)rint(f->mlp_expansion * h);
  PetscInt       unused;
  char           name[64];

  PetscFunctionBegin;
  PetscCall(PetscCalloc5(f->layers, &f->skip, f->layers, &f->mlp, f->layers, &f->conv_layer, f->layers, &f->gate, f->layers, &f->norm_block));
  PetscCall(AddLinear(m, &f->lift[0], m->channels_in + (f->embedding ? f->dim : 0), hl, PETSC_TRUE, "lifting.fcs.0"));
  PetscCall(AddLinear(m, &f->lift[1], hl, h, PETSC_TRUE, "lifting.fcs.1"));
  for (PetscInt l = 0; l < f->layers; l++) {
    PetscCall(AddSpectral(m, &f->conv_layer[l], l));
    PetscCall(PetscSNPrintf(name, sizeof(name), "fno_blocks.fno_skips.%" PetscInt_FMT ".conv", l));
    PetscCall(AddLinear(m, &f->skip[l], h, h, f->block == FNO_BLOCK_LI ? PETSC_TRUE : PETSC_FALSE, name));
    if (f->block == FNO_BLOCK_LI) continue;
    for (int i = 0; i < 2; i++) {
      PetscCall(PetscSNPrintf(name, sizeof(name), "fno_blocks.channel_mlp.%" PetscInt_FMT ".fcs.%d", l, i));
      PetscCall(AddLinear(m, &f->mlp[l][i], i ? he : h, i ? h : he, PETSC_TRUE, name));
    }
    PetscCall(Add(m, &f->gate[l], PETSC_FALSE, 2 + f->dim, (PetscInt[]){1, h, 1, 1, 1}, "fno_blocks.channel_mlp_skips.%" PetscInt_FMT ".weight", l));
    if (f->norm != FNO_NORM_GROUP) continue;
    for (int i = 0; i < 2; i++) {
      PetscCall(Add(m, &f->norm_block[l][i], PETSC_FALSE, 1, &h, "fno_blocks.norm.%" PetscInt_FMT ".weight", 2 * l + i));
      PetscCall(Add(m, &unused, PETSC_FALSE, 1, &h, "fno_blocks.norm.%" PetscInt_FMT ".bias", 2 * l + i));
    }
  }
  PetscCall(AddLinear(m, &f->proj[0], h, hp, PETSC_TRUE, "projection.fcs.0"));
  PetscCall(AddLinear(m, &f->proj[1], hp, m->channels_out, PETSC_TRUE, "projection.fcs.1"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- working copies ------------------------------------------------------------------------------------------------ */
/* Rows row .. row+count-1 of a natural tensor (x begins at the first of them) into the working copy: whole blocks of modes at
   once, the rest (or, in the corner layout, all) by map. */
static PetscErrorCode Pack(NomosMap m, const double *x, PetscInt modes, const PetscInt *map, NomosReal *W, PetscInt row, PetscInt count)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt blocks = f->kp / NOMOS_LANES, whole = map ? 0 : modes / NOMOS_LANES;

  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, PackModes, whole * count, NOMOS_LANES, .x = x, .y = W, .rows = f->wrows, .modes = modes, .row = row));
  PetscCall(NomosLaunchRows(m->be, PackSomeModes, (blocks - whole) * count, NOMOS_LANES, .x = x, .y = W, .map = map, .rows = f->wrows, .modes = modes, .row = row, .count = count, .first = whole));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* and back, from a working copy of so many rows */
static PetscErrorCode Unpack(NomosMap m, const NomosReal *W, PetscInt rows, PetscInt modes, const PetscInt *map, double *y, PetscInt row, PetscInt count)
{
  FNO           *f = (FNO *)m->data;
  const PetscInt blocks = f->kp / NOMOS_LANES, whole = map ? 0 : modes / NOMOS_LANES;

  PetscFunctionBegin;
  PetscCall(NomosLaunchRows(m->be, UnpackModes, whole * count, NOMOS_LANES, .x = W, .y = y, .rows = rows, .modes = modes, .row = row));
  PetscCall(NomosLaunchRows(m->be, UnpackSomeModes, (blocks - whole) * count, NOMOS_LANES, .x = W, .y = y, .map = map, .rows = rows, .modes = modes, .row = row, .count = count, .first = whole));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The part of a block that lies in [first, end): its first entry, of the block, and how many there are. */
static PetscInt Part(const NomosBlock *b, PetscInt first, PetscInt end, PetscInt *from)
{
  *from = PetscMax(0, first - b->start);
  return PetscMax(0, PetscMin(b->size, end - b->start) - *from);
}
/* The same in rows of a dense spectral tensor, [in][out] of all its modes: ranges hold whole ones (NomosProblem's shards do). */
static PetscInt PartRows(const FNO *f, const NomosBlock *b, PetscInt first, PetscInt end, PetscInt *row, PetscInt *modes)
{
  PetscInt       from;
  const PetscInt n = Part(b, first, end, &from);

  *modes = b->size / 2 / f->wrows;
  *row   = from / (2 * *modes);
  return n / (2 * *modes);
}

/* Parameters first .. end-1 (or a direction in them), which begin at p, into the working copies; factorised weights want all. */
PetscErrorCode NomosFNOParametersIn(NomosMap m, const double *p, PetscInt first, PetscInt end, NomosReal *par, PetscBool tangent)
{
  FNO     *f = (FNO *)m->data;
  PetscInt from, n, row, modes;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < m->nblocks; i++) {
    const NomosBlock *b = &m->blocks[i];
    if (b->is_complex) continue;
    n = Part(b, first, end, &from);
    if (n) PetscCall(NomosLaunch(m->be, ParamIn, n, .x = p + (b->start + from - first), .y = NomosAt(m->be, par, b->start + from)));
  }
  for (PetscInt l = 0; l < f->layers; l++) {
    FNOSpectral *s = &f->conv_layer[l];
    NomosReal   *W = tangent ? s->dW : s->W;
    if (f->factorization != FNO_DENSE) {
      PetscCall(NomosFNOFactorBuild(m, l, p, tangent));
      PetscCall(Pack(m, f->natural[0], f->nmodes, NULL, W, 0, f->wrows));
    }
    for (PetscInt t = 0; t < s->tensors; t++) {
      const NomosBlock *b = &m->blocks[s->tensor[t]];
      n = PartRows(f, b, first, end, &row, &modes);
      if (n) PetscCall(Pack(m, p + (b->start + 2 * row * modes - first), modes, f->map[t], W, row, n));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The working copies follow p; nothing is done when it has not changed, or where a team has written them. */
PetscErrorCode NomosFNOLoadParameters(NomosMap m, Vec p)
{
  FNO             *f = (FNO *)m->data;
  const double    *a;
  PetscObjectId    id;
  PetscObjectState state;

  PetscFunctionBegin;
  if (f->team) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectGetId((PetscObject)p, &id));
  PetscCall(PetscObjectStateGet((PetscObject)p, &state));
  if (f->par_id == id && f->par_state == state) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosStageRead(m->be, &f->stage[0], p, &a));
  PetscCall(NomosFNOParametersIn(m, a, 0, m->np, f->par, PETSC_FALSE));
  PetscCall(NomosStageRestore(m->be, &f->stage[0]));
  f->par_id    = id;
  f->par_state = state;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosFNOGradientZero(NomosMap m)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(NomosBackendCheck(m->be, m->be->table->zero(m->be->ctx, f->gsum, (size_t)f->nsum * sizeof(double)), "zero"));
  for (PetscInt i = 0; i < m->nblocks; i++)
    if (f->sum_start[i] < 0 && !m->blocks[i].is_complex) PetscCall(NomosBackendZero(m->be, NomosAt(m->be, f->gpar, m->blocks[i].start), (size_t)m->blocks[i].size));
  f->queued = 0;
  f->summed = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradients by the real parameters first .. end-1 into (add: onto) g, which begins with them. */
PetscErrorCode NomosFNORealGradient(NomosMap m, PetscInt first, PetscInt end, const double *gsum, const NomosReal *gpar, int add, double *g)
{
  FNO     *f = (FNO *)m->data;
  PetscInt from;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < m->nblocks; i++) {
    const NomosBlock *b = &m->blocks[i];
    const PetscInt    n = b->is_complex ? 0 : Part(b, first, end, &from);
    if (!n) continue;
    if (f->sum_start[i] >= 0) PetscCall(NomosLaunch(m->be, ParamCopy, n, .x = gsum + f->sum_start[i] + from, .y = g + (b->start + from - first), .add = add));
    else PetscCall(NomosLaunch(m->be, ParamOut, n, .x = NomosAtConst(m->be, gpar, b->start + from), .y = g + (b->start + from - first), .add = add));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows row .. row+rows-1 of a working copy of gradients, W, which has these alone, to the parameters in [first, end) among them; g
   begins with parameter first. */
static PetscErrorCode RowsOut(NomosMap m, PetscInt l, const NomosReal *W, PetscInt row, PetscInt rows, PetscInt first, PetscInt end, double *g)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *s = &f->conv_layer[l];

  PetscFunctionBegin;
  for (PetscInt t = 0; t < s->tensors; t++) {
    const NomosBlock *b = &m->blocks[s->tensor[t]];
    PetscInt          from, modes;
    const PetscInt    n = PartRows(f, b, first, end, &from, &modes), lo = PetscMax(from, row), hi = PetscMin(from + n, row + rows);
    if (lo < hi) PetscCall(Unpack(m, W, rows, modes, f->map[t], g + (b->start + 2 * lo * modes - first), lo - row, hi - lo));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradients by the dense spectral weights with numbers first .. end-1, over samples whose spectra stand in X and Y: where memory near
   a core counts a few input channels at a time, whose working copy stays there, so that nobody writes and reads the whole of it. */
PetscErrorCode NomosFNOQueueGradient(NomosMap m, PetscInt l, const NomosReal *X, const NomosReal *Y, PetscInt samples, PetscInt first, PetscInt end, double *g)
{
  FNO               *f = (FNO *)m->data;
  const FNOSpectral *s = &f->conv_layer[l];
  const PetscInt     h = f->width, take = m->be->table->near ? PetscMax(1, 32768 / (2 * f->kp * h)) : h;
  PetscInt           i0 = h, i1 = 0, row, modes;

  PetscFunctionBegin;
  for (PetscInt t = 0; t < s->tensors; t++) {
    const PetscInt n = PartRows(f, &m->blocks[s->tensor[t]], first, end, &row, &modes);
    if (n) i0 = PetscMin(i0, row / h), i1 = PetscMax(i1, (row + n - 1) / h + 1);
  }
  for (PetscInt i = i0; i < i1; i += take) {
    const PetscInt n = PetscMin(take, i1 - i);
    PetscCall(NomosModesRun(m->be, .op = NOMOS_MODES_GRAD, .in = n, .out = h, .kp = f->kp, .batch = samples, .W = s->GW, .X = NomosAt(m->be, (NomosReal *)X, (size_t)i * 2 * (size_t)f->kp), .Y = (NomosReal *)Y, .xstride = h * 2 * f->kp));
    PetscCall(RowsOut(m, l, s->GW, i * h, n * h, first, end, g));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradients by all spectral weights of layer l: of the queue alone, or with what was summed before. */
static PetscErrorCode SpectralGradient(NomosMap m, PetscInt l, double *g)
{
  FNO         *f = (FNO *)m->data;
  FNOSpectral *s = &f->conv_layer[l];

  PetscFunctionBegin;
  if (f->factorization != FNO_DENSE) {
    PetscCall(Unpack(m, s->GW, f->wrows, f->nmodes, NULL, f->natural[1], 0, f->wrows));
    PetscCall(NomosFNOFactorGradient(m, l, g));
  } else if (f->summed) PetscCall(RowsOut(m, l, s->GW, 0, f->wrows, 0, m->np, g));
  else PetscCall(NomosFNOQueueGradient(m, l, s->X, s->Y, f->queued, 0, m->np, g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosFNOGradientGet(NomosMap m, Vec dp)
{
  FNO    *f = (FNO *)m->data;
  double *g;

  PetscFunctionBegin;
  if (f->summed || f->separable || f->factorization != FNO_DENSE) PetscCall(NomosFNOQueueSum(m));
  PetscCall(NomosStageWrite(m->be, &f->stage[1], dp, &g));
  PetscCall(NomosFNORealGradient(m, 0, m->np, f->gsum, f->gpar, 0, g));
  for (PetscInt l = 0; l < f->layers; l++) PetscCall(SpectralGradient(m, l, g));
  f->queued = 0; /* the next linearization begins a queue, and nothing has to move */
  PetscCall(NomosStageRestore(m->be, &f->stage[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- first values ---------------------------------------------------------------------------------------------------- */
typedef enum { FILL_NORMAL, FILL_UNIFORM, FILL_SYMMETRIC } Fill;

/* scale times a standard normal, a uniform in (0,1) or in (-1,1); entry e of block i is a function of (seed, i, e) */
static void FillBlock(const NomosBlock *b, PetscInt i, PetscInt64 seed, Fill how, PetscReal scale, PetscScalar p[])
{
  for (PetscInt e = 0; e < b->size; e++) {
    const uint64_t s = (uint64_t)seed;
    double         v = how == FILL_NORMAL ? NomosNormal(s, 0, 5, (uint32_t)i, (uint64_t)e) : NomosUniform(s, 0, 5, (uint32_t)i, (uint64_t)e);
    if (how == FILL_SYMMETRIC) v = 2 * v - 1;
    p[b->start + e] = scale * v;
  }
}
static void FillConstant(const NomosBlock *b, PetscReal v, PetscScalar p[])
{
  for (PetscInt e = 0; e < b->size; e++) p[b->start + e] = v;
}
static void FillLinear(NomosMap m, const FNOLinear *l, PetscInt64 seed, PetscScalar p[])
{
  const PetscReal s = 1 / PetscSqrtReal((PetscReal)l->in);
  FillBlock(&m->blocks[l->weight], l->weight, seed, FILL_SYMMETRIC, s, p);
  if (l->bias >= 0) FillBlock(&m->blocks[l->bias], l->bias, seed, FILL_SYMMETRIC, s, p);
}

/* E|W|^2 = 2/(in + out) in every form (neuralop); li: parts uniform in [0,1)/(in out) */
static void FillSpectral(NomosMap m, const FNOSpectral *s, PetscInt64 seed, PetscScalar p[])
{
  FNO            *f = (FNO *)m->data;
  const PetscReal var = 1.0 / f->width;
  for (PetscInt t = 0; t < s->tensors; t++) {
    const NomosBlock *b = &m->blocks[s->tensor[t]];
    if (f->block == FNO_BLOCK_LI) FillBlock(b, s->tensor[t], seed, FILL_UNIFORM, var * var, p);
    else FillBlock(b, s->tensor[t], seed, FILL_NORMAL, PetscSqrtReal(var / 2), p);
  }
  if (f->factorization == FNO_CP) { /* R prod E|A|^2 = var */
    FillConstant(&m->blocks[s->core], 0, p);
    for (PetscInt r = 0; r < s->rank[0]; r++) p[m->blocks[s->core].start + 2 * r] = 1;
    for (PetscInt j = 0; j < s->axes; j++) FillBlock(&m->blocks[s->factor[j]], s->factor[j], seed, FILL_NORMAL, PetscSqrtReal(PetscPowReal(var / s->rank[0], 1.0 / s->axes) / 2), p);
  } else if (f->factorization == FNO_TUCKER) { /* E|S|^2 = var, E|A_j|^2 = 1/r_j */
    FillBlock(&m->blocks[s->core], s->core, seed, FILL_NORMAL, PetscSqrtReal(var / 2), p);
    for (PetscInt j = 0; j < s->axes; j++) FillBlock(&m->blocks[s->factor[j]], s->factor[j], seed, FILL_NORMAL, PetscSqrtReal(0.5 / s->rank[j]), p);
  }
  if (s->bias >= 0) FillBlock(&m->blocks[s->bias], s->bias, seed, FILL_NORMAL, PetscSqrtReal(var), p);
}

PetscErrorCode NomosFNOInitialize(NomosMap m, PetscInt64 seed, Vec v)
{
  FNO         *f = (FNO *)m->data;
  PetscScalar *p;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(v, &p));
  for (int i = 0; i < 2; i++) {
    FillLinear(m, &f->lift[i], seed, p);
    FillLinear(m, &f->proj[i], seed, p);
  }
  for (PetscInt l = 0; l < f->layers; l++) {
    FillSpectral(m, &f->conv_layer[l], seed, p);
    FillLinear(m, &f->skip[l], seed, p);
    if (f->block == FNO_BLOCK_LI) continue;
    for (int i = 0; i < 2; i++) FillLinear(m, &f->mlp[l][i], seed, p);
    FillConstant(&m->blocks[f->gate[l]], 1, p);
    for (int i = 0; f->norm == FNO_NORM_GROUP && i < 2; i++) {
      FillConstant(&m->blocks[f->norm_block[l][i]], 1, p);
      FillConstant(&m->blocks[f->norm_block[l][i] + 1], 0, p);
    }
  }
  PetscCall(VecRestoreArrayWrite(v, &p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
