/* fno.h - private to src/net: the Fourier neural operator, its layers and buffers */
#ifndef NOMOS_FNO_H
#define NOMOS_FNO_H
#include "../nomosimpl.h"
#include "../backend/backend.h"

#define FNO_MAX_LAYERS 64
typedef enum { FNO_BLOCK_NEURALOP, FNO_BLOCK_LI } FNOBlock;
typedef enum { FNO_CENTRED, FNO_CORNER } FNOLayout;
typedef enum { FNO_FORWARD, FNO_BACKWARD, FNO_ORTHO } FNOFFTNorm;
typedef enum { FNO_DENSE, FNO_CP, FNO_TUCKER } FNOFactorization;
typedef enum { FNO_NORM_NONE, FNO_NORM_GROUP, FNO_NORM_INSTANCE } FNONorm;
typedef enum { FNO_CONV_AUTO, FNO_CONV_FFT, FNO_CONV_GEMM } FNOConv;
typedef enum { FNO_SHIFT_EXACT, FNO_SHIFT_NEURALOP2, FNO_SHIFT_IMPORTED } FNOShift; /* IMPORTED: as EXACT, which the program that trained the weights need not share */

typedef struct { /* 1x1 layer: blocks of weight and bias, -1: none */
  PetscInt in, out, weight, bias;
} FNOLinear;

typedef struct { /* spectral convolution of one layer; weights shared by all grids */
  PetscInt   tensors, tensor[4];   /* dense: blocks of the natural tensors (one; corner: one per block) */
  PetscInt   bias;
  PetscInt   core, axes, factor[5]; /* cp: lam; tucker: core; and their factors */
  PetscInt   rank[5];
  NomosReal *W, *GW, *dW;          /* working copies of weight, gradient, direction */
  NomosReal *X, *Y;                /* spectra of its inputs, and adjoint spectra of its outputs, of the samples in the queue */
  void      *plan_f, *plan_i;      /* not owned: the net's */
} FNOSpectral;

typedef struct { /* memory that a team has in common, or that a rank keeps while it works with a team's */
  NomosReal *par, *gpar, *W[FNO_MAX_LAYERS], *X[FNO_MAX_LAYERS], *Y[FNO_MAX_LAYERS];
  double    *gsum;
} FNOStore;

typedef struct { /* buffers of one block kept by Linearize */
  NomosReal *v, *vt, *dvt;     /* input; stabilised input and tanh' */
  NomosReal *h1, *h2;          /* normalised values of the two norms */
  double    *sum1, *sq1, *sum2, *sq2;
  NomosReal *z, *dz, *m, *dm, *dv;
} FNOSaved;

typedef struct {
  /* settings */
  PetscInt         dim, modes[NOMOS_MAX_DIM], width, layers, nrank, npad;
  FNOBlock         block;
  FNOLayout        layout;
  FNOFFTNorm       fft_norm;
  FNOFactorization factorization;
  FNONorm          norm;
  FNOConv          conv;
  PetscReal        rank[5], padding[NOMOS_MAX_DIM], lifting_ratio, projection_ratio, mlp_expansion;
  PetscBool        rank_fraction, layout_set, pad_symmetric, embedding, separable, stabilizer;
  FNOShift         shift;
  /* the parameters */
  FNOLinear    lift[2], proj[2], *skip, (*mlp)[2];
  FNOSpectral *conv_layer;
  PetscInt    *gate, (*norm_block)[2]; /* soft gate; first block (gamma) of each norm, beta follows */
  NomosReal   *par, *gpar, *dpar;      /* working copies, natural order */
  double      *gsum;                   /* gradients of biases, gates, norms: always double */
  PetscInt    *sum_start, nsum;        /* where a block's gradient is in gsum, -1: in gpar or a packed copy */
  double     **at;                     /* factorised: core and factors of each layer, in double */
  PetscInt    *map[4];                 /* corner: slot -> mode of each tensor, in backend memory */
  PetscInt     queue, queued, place;   /* room, in samples; how many wait for the gradients of the weights; where the linearization's X are */
  int          summed;                 /* GW hold a sum: of earlier queues */
  const NomosTeam *team;               /* par, gpar, gsum and each layer's W, X, Y are the team's; NULL: own */
  FNOStore         own;
  PetscObjectId    par_id;
  PetscObjectState par_state;
  /* grids and transforms */
  PetscInt  points_in, points_pad, points_out, points_padout, slots[NOMOS_MAX_DIM], nmodes, kp, wrows;
  NomosGrid padgrid, padoutgrid;
  PetscInt  tiles, span; /* tiles of a field; points that pointwise layers take at a time, 0: all (fnoverbs.c, spans) */
  PetscBool resample;
  void     *plan[4]; /* block grid: forward, inverse; last block's grid: forward, inverse (NULL where the same) */
  void     *resample_plan[2];
  PetscInt  resample_kp;
  NomosReal *resample_weight, *resample_spectrum[2];
  PetscInt  *resample_map[4]; /* 0: slot +n/2 takes what -n/2 has read; 1..: its transpose, one per set of such axes; NULL: none */
  PetscInt *pad_map, *crop_map, *pad_back, *crop_back; /* gather maps and their transposes */
  double   *affine; /* [4][channels]: input mean, 1/(std+tiny), output std+tiny, output mean */
  PetscBool use_dense;
  /* buffers, batch-sized */
  NomosReal *e, *a1, *d1, *v0, *u, *p1, *dp1, *out; /* ends of the net */
  FNOSaved  *saved;
  NomosReal *g[4], *hidden[2], *S[2];
  double    *rows[3], *natural[2], **tucker; /* tucker[t]: partly contracted core */
  NomosStage stage[4];
  PetscBool  tangent_ready;
} FNO;

/* A run of tiles: a field of the net lies in tiles, [sample][tile][channel][n], n points each (fnolayers.c). */
typedef struct {
  PetscInt first, count, n;
} FNOSpan;
/* a block of the working copy of the parameters; in scope: m, f */
#define PAR(block) NomosAt(m->be, f->par, m->blocks[block].start)
/* where span s of a field of so many channels begins; in scope: m, s */
#define PART(p, channels) NomosAt(m->be, p, (size_t)s.first *(size_t)(channels) * (size_t)s.n)

/* bytes of a number of the net */
static inline size_t NomosFNOReal(NomosMap m)
{
  return m->precision == NOMOS_SINGLE ? sizeof(float) : sizeof(double);
}

/* fnogrid.c: grids, plans, maps, buffers */
PETSC_INTERN PetscErrorCode NomosFNOSetUpGrid(NomosMap);
PETSC_INTERN PetscErrorCode NomosFNOResetGrid(NomosMap);
/* fnolayers.c: layers, their tangents and adjoints, on one span */
PETSC_INTERN PetscBool NomosFNONextSpan(NomosMap m, PetscInt points, FNOSpan *s);
PETSC_INTERN FNOSpan NomosFNOWholeSpan(NomosMap m, PetscInt points);
PETSC_INTERN PetscErrorCode NomosFNOLinear(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *from, PetscInt gate, NomosReal *y, FNOSpan s, PetscBool save);
PETSC_INTERN PetscErrorCode NomosFNOLinearTangent(NomosMap m, const FNOLinear *l, const NomosReal *x, const NomosReal *dx, NomosReal *dy, FNOSpan s, int add, PetscBool wantp);
PETSC_INTERN PetscErrorCode NomosFNOChannelSum(NomosMap m, PetscInt block, PetscInt channels, const NomosReal *x, const NomosReal *y, FNOSpan s);
PETSC_INTERN PetscErrorCode NomosFNOLinearAdjoint(NomosMap m, const FNOLinear *l, const NomosReal *x, NomosReal *g, const NomosReal *d, const NomosReal *from, PetscInt gate, NomosReal *gx, FNOSpan s, PetscBool wantp);
PETSC_INTERN PetscErrorCode NomosFNOActivate(NomosMap m, PetscInt channels, FNOSpan s, NomosReal *x, NomosReal *d, PetscBool save);
PETSC_INTERN PetscErrorCode NomosFNOTimes(NomosMap m, PetscInt channels, FNOSpan s, NomosReal *g, const NomosReal *d);
PETSC_INTERN PetscErrorCode NomosFNOSpanFFT(NomosMap m, void *plan, int kind, FNOSpan s, NomosReal *x, NomosReal *z, int add);
PETSC_INTERN NomosReal     *NomosFNOSpectra(NomosMap m, NomosReal *queue, PetscInt place);
PETSC_INTERN PetscErrorCode NomosFNOQueueBegin(NomosMap m);
PETSC_INTERN PetscErrorCode NomosFNOQueueNext(NomosMap m);
PETSC_INTERN PetscErrorCode NomosFNOQueueSum(NomosMap m);
PETSC_INTERN PetscErrorCode NomosFNOSpectralIn(NomosMap m, PetscInt l, FNOSpan s, NomosReal *v, NomosReal *X);
PETSC_INTERN PetscErrorCode NomosFNOSpectralTangent(NomosMap m, PetscInt l, const NomosReal *dv, NomosReal *dz, FNOSpan s, PetscBool wantp);
PETSC_INTERN PetscErrorCode NomosFNOSpectralAdjoint(NomosMap m, PetscInt l, FNOSpan s, NomosReal *gv, int add);
PETSC_INTERN PetscErrorCode NomosFNONorm(NomosMap m, PetscInt l, int i, FNOSpan span, NomosReal *x, PetscBool save);
PETSC_INTERN PetscErrorCode NomosFNONormDerivative(NomosMap m, PetscInt l, int i, FNOSpan span, NomosReal *g, PetscBool tangent, PetscBool wantp);
/* fnoverbs.c */
PETSC_INTERN PetscErrorCode NomosFNOApply(NomosMap, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode NomosFNOLinearize(NomosMap, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode NomosFNOTangent(NomosMap, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode NomosFNOAdjoint(NomosMap, Vec, Vec, PetscBool);
/* fnoparam.c: between the parameter vector and the working copies */
PETSC_INTERN PetscErrorCode NomosFNOAddBlocks(NomosMap);
PETSC_INTERN PetscErrorCode NomosFNOParametersIn(NomosMap, const double *p, PetscInt first, PetscInt end, NomosReal *par, PetscBool tangent);
PETSC_INTERN PetscErrorCode NomosFNORealGradient(NomosMap, PetscInt first, PetscInt end, const double *gsum, const NomosReal *gpar, int add, double *g);
PETSC_INTERN PetscErrorCode NomosFNOQueueGradient(NomosMap, PetscInt layer, const NomosReal *X, const NomosReal *Y, PetscInt samples, PetscInt first, PetscInt end, double *g);
PETSC_INTERN PetscErrorCode NomosFNOGradientZero(NomosMap);
PETSC_INTERN PetscErrorCode NomosFNOGradientGet(NomosMap, Vec);
PETSC_INTERN PetscErrorCode NomosFNOInitialize(NomosMap, PetscInt64, Vec);
PETSC_INTERN PetscErrorCode NomosFNOLoadParameters(NomosMap, Vec);
/* fnoteam.c: ranks of a node with one copy of the weights */
PETSC_INTERN PetscErrorCode NomosFNOTeamSize(NomosMap, const NomosTeam *, size_t *common, size_t *own);
PETSC_INTERN PetscErrorCode NomosFNOTeamBegin(NomosMap, const NomosTeam *, const double *p);
PETSC_INTERN PetscErrorCode NomosFNOTeamEnd(NomosMap, double *g);
/* fnofactor.c: CP and Tucker */
PETSC_INTERN PetscErrorCode NomosFNOFactorBuild(NomosMap, PetscInt layer, const double *p, PetscBool tangent);
PETSC_INTERN PetscErrorCode NomosFNOFactorGradient(NomosMap, PetscInt layer, double *g);
#endif
