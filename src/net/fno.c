/*
  fno.c - the Fourier neural operator: its type, settings and options. Grids and buffers are in fnogrid.c, parameters in
  fnoparam.c, the verbs in fnoverbs.c, factorised weights in fnofactor.c, ranks that share the weights in fnoteam.c.
*/
#include "fno.h"

static const char *const Blocks[]         = {"neuralop", "li", "FNOBlock", "FNO_BLOCK_", NULL};
static const char *const Layouts[]        = {"centred", "corner", "FNOLayout", "FNO_", NULL};
static const char *const FFTNorms[]       = {"forward", "backward", "ortho", "FNOFFTNorm", "FNO_", NULL};
static const char *const Factorizations[] = {"dense", "cp", "tucker", "FNOFactorization", "FNO_", NULL};
static const char *const Norms[]          = {"none", "group", "instance", "FNONorm", "FNO_NORM_", NULL};
static const char *const Convs[]          = {"auto", "fft", "gemm", "FNOConv", "FNO_CONV_", NULL};
static const char *const Embeddings[]     = {"none", "grid", "FNOEmbedding", "FNO_EMBED_", NULL};
static const char *const Stabilizers[]    = {"none", "tanh", "FNOStabilizer", "FNO_STAB_", NULL};
static const char *const Shifts[]         = {"exact", "neuralop2", "imported", "FNOShift", "FNO_SHIFT_", NULL};
static const char *const PadModes[]       = {"one-sided", "symmetric", "FNOPadding", "FNO_PAD_", NULL};

static PetscErrorCode SetModes_FNO(NomosMap m, PetscInt dim, const PetscInt modes[])
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCheck(dim >= 1 && dim <= NOMOS_MAX_DIM, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_modes has %" PetscInt_FMT " numbers; give one per axis, 1 to 3", dim);
  for (PetscInt j = 0; j < dim; j++) PetscCheck(modes[j] >= 1 && modes[j] <= 65536, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_modes: %" PetscInt_FMT " modes on axis %" PetscInt_FMT "; 1 to 65536 are possible", modes[j], j);
  PetscCall(NomosMapReset(m));
  f->dim = dim;
  for (PetscInt j = 0; j < dim; j++) f->modes[j] = modes[j];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetWidth_FNO(NomosMap m, PetscInt width)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCheck(width >= 1 && width <= 65536, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_width %" PetscInt_FMT "; 1 to 65536 are possible", width);
  PetscCall(NomosMapReset(m));
  f->width = width;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetLayers_FNO(NomosMap m, PetscInt layers)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCheck(layers >= 1 && layers <= FNO_MAX_LAYERS, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_layers %" PetscInt_FMT "; 1 to %d are possible", layers, FNO_MAX_LAYERS);
  PetscCall(NomosMapReset(m));
  f->layers = layers;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapFNOSetModes - Fourier modes per axis, slowest axis first; ignored by other types

  Logically Collective

  Note:
  Centred layout: m_j signed modes, floor(m_d/2)+1 on the last axis; corner layout: m_j on each side, 0..m_d-1 on the last.

  Level: beginner
@*/
PetscErrorCode NomosMapFNOSetModes(NomosMap m, PetscInt dim, const PetscInt modes[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapFNOSetModes_C", (NomosMap, PetscInt, const PetscInt[]), (m, dim, modes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapFNOSetWidth - channels inside the net; ignored by other types

  Logically Collective

  Level: beginner
@*/
PetscErrorCode NomosMapFNOSetWidth(NomosMap m, PetscInt width)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapFNOSetWidth_C", (NomosMap, PetscInt), (m, width));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapFNOSetLayers - number of Fourier blocks; ignored by other types

  Logically Collective

  Level: beginner
@*/
PetscErrorCode NomosMapFNOSetLayers(NomosMap m, PetscInt layers)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscTryMethod(m, "NomosMapFNOSetLayers_C", (NomosMap, PetscInt), (m, layers));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Ranks: integers, or one number with a decimal point, a fraction of the dense count. */
static PetscErrorCode RankOption(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  FNO      *f = (FNO *)m->data;
  char     *text[5];
  PetscInt  n = 5;
  PetscBool set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsStringArray("-net_fno_rank", "Ranks of cp (one) or tucker (one per tensor axis), positive; a number with a decimal point is a fraction of the dense count", "NomosMap", text, &n, &set));
  if (!set) PetscFunctionReturn(PETSC_SUCCESS);
  f->nrank         = n;
  f->rank_fraction = PETSC_FALSE;
  for (PetscInt i = 0; i < n; i++) {
    char *end;
    f->rank[i] = (PetscReal)strtod(text[i], &end);
    if (strchr(text[i], '.')) f->rank_fraction = PETSC_TRUE;
    PetscCheck(!*end && f->rank[i] > 0 && f->rank[i] < 1e9, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_rank '%s'; positive numbers are expected", text[i]);
    PetscCall(PetscFree(text[i]));
  }
  PetscCheck(!f->rank_fraction || n == 1, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_WRONG, "-net_fno_rank: give one fraction or only integers");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFromOptions_FNO(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  FNO      *f = (FNO *)m->data;
  PetscInt  modes[NOMOS_MAX_DIM + 1] = {0}, n = NOMOS_MAX_DIM + 1, v, np = NOMOS_MAX_DIM; /* -help shows the first entries */
  PetscReal pad[NOMOS_MAX_DIM] = {0};
  PetscBool set;
  PetscEnum e;

  PetscFunctionBegin;
  PetscCall(NomosMapReset(m));
  PetscOptionsHeadBegin(PetscOptionsObject, "Fourier neural operator");
  PetscCall(PetscOptionsIntArray("-net_fno_modes", "Fourier modes per axis, at least 1 and at most what the grid carries", "NomosMapFNOSetModes", modes, &n, &set));
  if (set) PetscCall(SetModes_FNO(m, n, modes));
  v = f->width;
  PetscCall(PetscOptionsInt("-net_fno_width", "Channels inside the net, 1 to 65536", "NomosMapFNOSetWidth", v, &v, &set));
  if (set) PetscCall(SetWidth_FNO(m, v));
  v = f->layers;
  PetscCall(PetscOptionsInt("-net_fno_layers", "Fourier blocks, 1 to 64", "NomosMapFNOSetLayers", v, &v, &set));
  if (set) PetscCall(SetLayers_FNO(m, v));
#define FNO_ENUM(name, text, list, field, type) \
  do { \
    e = (PetscEnum)f->field; \
    PetscCall(PetscOptionsEnum(name, text, "NomosMap", list, e, &e, &set)); \
    f->field = (type)e; \
  } while (0)
  FNO_ENUM("-net_fno_block", "Block: neuralop (skip, gate and MLP) or li (skip only)", Blocks, block, FNOBlock);
  FNO_ENUM("-net_fno_layout", "Modes kept: centred (default with neuralop) or corner (with li)", Layouts, layout, FNOLayout);
  if (set) f->layout_set = PETSC_TRUE;
  if (!f->layout_set) f->layout = f->block == FNO_BLOCK_LI ? FNO_CORNER : FNO_CENTRED;
  FNO_ENUM("-net_fno_fft_norm", "Normalisation of the transforms; only forward is independent of the resolution", FFTNorms, fft_norm, FNOFFTNorm);
  FNO_ENUM("-net_fno_factorization", "Form of the spectral weights", Factorizations, factorization, FNOFactorization);
  PetscCall(RankOption(m, PetscOptionsObject));
  FNO_ENUM("-net_fno_norm", "Normalisation layers: group has one group", Norms, norm, FNONorm);
  PetscCall(PetscOptionsRealArray("-net_fno_padding", "Padding as a fraction of the grid, 0 to 4, one number or one per axis", "NomosMap", pad, &np, &set));
  if (set) {
    f->npad = np;
    for (PetscInt j = 0; j < np; j++) {
      PetscCheck(pad[j] >= 0 && pad[j] <= 4, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_OUTOFRANGE, "-net_fno_padding %g; fractions from 0 to 4 are possible", (double)pad[j]);
      f->padding[j] = pad[j];
    }
  }
  FNO_ENUM("-net_fno_padding_mode", "Padding at the end, or that much on each side", PadModes, pad_symmetric, PetscBool);
  PetscCall(PetscOptionsBoundedReal("-net_fno_lifting_ratio", "Hidden width of the lifting over the width, at least 0", "NomosMap", f->lifting_ratio, &f->lifting_ratio, NULL, 0));
  PetscCall(PetscOptionsBoundedReal("-net_fno_projection_ratio", "Hidden width of the projection over the width, at least 0", "NomosMap", f->projection_ratio, &f->projection_ratio, NULL, 0));
  PetscCall(PetscOptionsBoundedReal("-net_fno_mlp_expansion", "Hidden width of a block's MLP over the width, at least 0", "NomosMap", f->mlp_expansion, &f->mlp_expansion, NULL, 0));
  FNO_ENUM("-net_fno_embedding", "Coordinates as further input channels", Embeddings, embedding, PetscBool);
  PetscCall(PetscOptionsBool("-net_fno_separable", "One spectral weight per channel and mode", "NomosMap", f->separable, &f->separable, NULL));
  FNO_ENUM("-net_fno_stabilizer", "tanh before each spectral layer", Stabilizers, stabilizer, PetscBool);
  FNO_ENUM("-net_fno_shift", "neuralop2: the shift of that package on odd leading axes, for weights trained with it; imported: exact, and says so there", Shifts, shift, FNOShift);
  FNO_ENUM("-net_fno_conv", "Transform: auto is timed at SetUp (by rule with -nomos_deterministic)", Convs, conv, FNOConv);
#undef FNO_ENUM
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Append(char text[], size_t len, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(3, 4);
static PetscErrorCode Append(char text[], size_t len, const char format[], ...)
{
  const size_t n = strlen(text);
  va_list      args;

  PetscFunctionBegin;
  va_start(args, format);
  PetscCall(PetscVSNPrintf(text + n, len - n, format, NULL, args));
  va_end(args);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetOptions_FNO(NomosMap m, char text[], size_t len)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  PetscCall(Append(text, len, " -net_fno_modes "));
  for (PetscInt j = 0; j < f->dim; j++) PetscCall(Append(text, len, "%s%" PetscInt_FMT, j ? "," : "", f->modes[j]));
  PetscCall(Append(text, len, " -net_fno_width %" PetscInt_FMT " -net_fno_layers %" PetscInt_FMT " -net_fno_block %s -net_fno_layout %s -net_fno_fft_norm %s -net_fno_factorization %s", f->width, f->layers, Blocks[f->block], Layouts[f->layout], FFTNorms[f->fft_norm], Factorizations[f->factorization]));
  if (f->nrank) PetscCall(Append(text, len, " -net_fno_rank "));
  for (PetscInt j = 0; j < f->nrank; j++) PetscCall(f->rank_fraction ? Append(text, len, "%.17g%s", (double)f->rank[j], f->rank[j] == PetscFloorReal(f->rank[j]) ? ".0" : "") : Append(text, len, "%s%" PetscInt_FMT, j ? "," : "", (PetscInt)f->rank[j]));
  if (f->npad) PetscCall(Append(text, len, " -net_fno_padding "));
  for (PetscInt j = 0; j < f->npad; j++) PetscCall(Append(text, len, "%s%.17g", j ? "," : "", (double)f->padding[j]));
  PetscCall(Append(text, len, " -net_fno_norm %s -net_fno_padding_mode %s -net_fno_lifting_ratio %.17g -net_fno_projection_ratio %.17g -net_fno_mlp_expansion %.17g", Norms[f->norm], PadModes[f->pad_symmetric], (double)f->lifting_ratio, (double)f->projection_ratio, (double)f->mlp_expansion));
  PetscCall(Append(text, len, " -net_fno_embedding %s -net_fno_separable %s -net_fno_stabilizer %s -net_fno_shift %s", Embeddings[f->embedding], f->separable ? "true" : "false", Stabilizers[f->stabilizer], Shifts[f->shift]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode View_FNO(NomosMap m, PetscViewer viewer)
{
  FNO *f = (FNO *)m->data;
  char text[2048] = "";

  PetscFunctionBegin;
  PetscCall(GetOptions_FNO(m, text, sizeof(text)));
  PetscCall(PetscViewerASCIIPrintf(viewer, "settings:%s\n", text));
  if (m->setup) PetscCall(PetscViewerASCIIPrintf(viewer, "transform: %s, %" PetscInt_FMT " complex modes kept\n", f->use_dense ? "dense (matrix products)" : "FFT library", f->nmodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Imported_FNO(NomosMap m)
{
  PetscFunctionBegin;
  ((FNO *)m->data)->shift = FNO_SHIFT_IMPORTED;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The package's outputs differ from the definition there by 40 to 140 %: silence would be a trap. Once a process: a net is copied for every grid. */
static PetscErrorCode TellShift(NomosMap m)
{
  static PetscBool told = PETSC_FALSE;
  const FNO       *f    = (FNO *)m->data;
  PetscBool        odd  = PETSC_FALSE;

  PetscFunctionBegin;
  for (PetscInt j = 0; j + 1 < f->dim; j++)
    if (f->padgrid.n[j] % 2 || f->padoutgrid.n[j] % 2) odd = PETSC_TRUE;
  if (!odd || told || f->shift != FNO_SHIFT_IMPORTED || f->layout != FNO_CENTRED) PetscFunctionReturn(PETSC_SUCCESS);
  told = PETSC_TRUE;
  PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)m), PETSC_STDERR, "nomos: a leading axis of the grid is odd, and the weights come from another program: neuraloperator 2.0 shifts the modes of such axes by one. Weights that it trained on an odd axis need -net_fno_shift neuralop2; -net_fno_shift exact says that these do not\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUp_FNO(NomosMap m)
{
  FNO     *f    = (FNO *)m->data;
  MPI_Comm comm = PetscObjectComm((PetscObject)m);

  PetscFunctionBegin;
  PetscCheck(f->dim, comm, PETSC_ERR_ORDER, "net 'fno' has no modes; set -net_fno_modes, one number per axis");
  PetscCheck(f->dim == m->grid.dim && f->dim == m->outgrid.dim, comm, PETSC_ERR_ARG_INCOMP, "net 'fno' has modes for %" PetscInt_FMT " axes, the field has %" PetscInt_FMT "; see -net_fno_modes", f->dim, m->grid.dim);
  PetscCheck(f->npad <= 1 || f->npad == f->dim, comm, PETSC_ERR_ARG_INCOMP, "-net_fno_padding has %" PetscInt_FMT " numbers for %" PetscInt_FMT " axes", f->npad, f->dim);
  PetscCheck(f->factorization == FNO_DENSE || f->layout == FNO_CENTRED, comm, PETSC_ERR_SUP, "factorised weights with the corner layout; use -net_fno_layout centred or -net_fno_factorization dense");
  PetscCheck(!f->separable || f->layout == FNO_CENTRED, comm, PETSC_ERR_SUP, "separable weights with the corner layout; use -net_fno_layout centred");
  PetscCheck(f->norm == FNO_NORM_NONE || f->block == FNO_BLOCK_NEURALOP, comm, PETSC_ERR_SUP, "-net_fno_norm with block li; use block neuralop");
  PetscCheck(f->shift != FNO_SHIFT_NEURALOP2 || f->layout == FNO_CENTRED, comm, PETSC_ERR_SUP, "-net_fno_shift neuralop2 belongs to the centred layout");
  PetscCall(NomosFNOAddBlocks(m));
  PetscCall(NomosFNOSetUpGrid(m));
  PetscCall(TellShift(m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy_FNO(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapFNOSetModes_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapFNOSetWidth_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapFNOSetLayers_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapImported_C", NULL));
  PetscCall(PetscFree(m->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  fno - Fourier neural operator in one, two or three dimensions

  embed -> lifting MLP -> [pad] -> blocks -> [crop] -> projection MLP. Block neuralop:
  z = norm(K v) + A v, GELU, MLP(z) + q v, norm, GELU; block li: GELU(K v + A v + c). K v is the spectral convolution: the
  retained Fourier modes of v times one complex channel matrix per mode.

  Options Database Keys:
+ -net_fno_modes m1,m2,.. - modes per axis (required)
. -net_fno_width 32       - channels
. -net_fno_layers 4       - blocks
- others                  - see -help and docs/theory.md

  Notes:
  Cost per sample and block: 8 h^2 K (mode products, K modes), 2 h^2 N (skip), 4 e h^2 N (MLP) and two transforms of h
  fields; memory kept for the adjoint about (3 + 2 e) h N + 2 h K reals per block and sample. Output on another grid than the
  input's (NomosMapSetOutputGrid()): the field is resampled spectrally before the last block.

  Source: Li et al., Fourier neural operator for parametric PDEs, ICLR 2021 (li); Kossaifi et al., neuraloperator (neuralop, factorised).

  Level: beginner
.seealso: `NomosMapFNOSetModes()`, `NomosMapLoad()`
M*/
PETSC_INTERN PetscErrorCode NomosMapCreate_FNO(NomosMap m)
{
  FNO *f;

  PetscFunctionBegin;
  PetscCall(PetscNew(&f));
  m->data           = f;
  f->width          = 32;
  f->layers         = 4;
  f->lifting_ratio  = f->projection_ratio = 2;
  f->mlp_expansion  = 0.5;
  f->embedding      = PETSC_TRUE;
  m->ops->setfromoptions = SetFromOptions_FNO;
  m->ops->setup          = SetUp_FNO;
  m->ops->initialize     = NomosFNOInitialize;
  m->ops->apply          = NomosFNOApply;
  m->ops->linearize      = NomosFNOLinearize;
  m->ops->tangent        = NomosFNOTangent;
  m->ops->adjoint        = NomosFNOAdjoint;
  m->ops->gradientzero   = NomosFNOGradientZero;
  m->ops->gradientget    = NomosFNOGradientGet;
  m->ops->teamsize       = NomosFNOTeamSize;
  m->ops->teambegin      = NomosFNOTeamBegin;
  m->ops->teamend        = NomosFNOTeamEnd;
  m->ops->getoptions     = GetOptions_FNO;
  m->ops->view           = View_FNO;
  m->ops->reset          = NomosFNOResetGrid;
  m->ops->destroy        = Destroy_FNO;
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapFNOSetModes_C", SetModes_FNO));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapFNOSetWidth_C", SetWidth_FNO));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapFNOSetLayers_C", SetLayers_FNO));
  PetscCall(PetscObjectComposeFunction((PetscObject)m, "NomosMapImported_C", Imported_FNO));
  PetscFunctionReturn(PETSC_SUCCESS);
}
