/*
  cublas.cu - channel products by cuBLAS, mode products by the bodies of bodies.h.

  A row-major matrix is cuBLAS' transpose, so Y = A X is asked for as Y^T = X^T A^T with the points as rows. Weight
  gradients are one product per sample into parts, added in the order of the samples: the same digits in every run.
*/
#include "cuda.h"
#include <limits.h>

/* one strided batch in either precision; leading dimensions and strides in reals */
static int Batched(Cuda *c, int precision, cublasOperation_t ta, cublasOperation_t tb, PetscInt m, PetscInt n, PetscInt k, const void *A, PetscInt lda, long long sa, const void *B, PetscInt ldb, long long sb, int add, void *C, PetscInt ldc, long long sc, PetscInt batch)
{
  if (m > INT_MAX || n > INT_MAX || k > INT_MAX || batch > INT_MAX) return NOMOS_ERR_ARG;
  if (precision) {
    const double one = 1, beta = add;
    NomosCallBlas(c, cublasDgemmStridedBatched(c->blas, ta, tb, (int)m, (int)n, (int)k, &one, (const double *)A, (int)lda, sa, (const double *)B, (int)ldb, sb, &beta, (double *)C, (int)ldc, sc, (int)batch));
  } else {
    const float one = 1, beta = (float)add;
    NomosCallBlas(c, cublasSgemmStridedBatched(c->blas, ta, tb, (int)m, (int)n, (int)k, &one, (const float *)A, (int)lda, sa, (const float *)B, (int)ldb, sb, &beta, (float *)C, (int)ldc, sc, (int)batch));
  }
  return NOMOS_OK;
}

/* A (+)= sum_b Y_b X_b^T: parts [batch][out][in], then a sum over the samples */
static int Gradient(Cuda *c, int precision, const NomosGemm *g, NomosReal *A, const NomosReal *X, int add, long long xs, long long ys)
{
  const long long size = (long long)g->in * g->out;
  SumSamplesArgs  sum  = {NULL, A, size, g->batch, add};

  NomosCallTable(CudaReserve(c, &c->parts, (size_t)(size * (g->batch ? g->batch : 1)) * (precision ? 8 : 4)));
  sum.parts = (const NomosReal *)c->parts.p;
  if (g->batch) NomosCallTable(Batched(c, precision, CUBLAS_OP_T, CUBLAS_OP_N, g->in, g->out, g->points, X, g->points, xs, g->Y, g->points, ys, 0, c->parts.p, g->in, size, g->batch));
  return CudaOwn(c, precision, SumSamples, size, &sum);
}

/* sum_c (+)= sum_b <Y_b,c , X_b,c>: row sums in the fixed tree, then over the samples in their order */
static int ChannelDot(Cuda *c, int precision, const NomosGemm *g, const NomosReal *X, int add)
{
  const CudaCode *code = CudaCodeOf(precision);
  DotRowsArgs     dot  = {};
  FoldBatchArgs   fold = {};

  if ((g->xstride && g->xstride != g->in * g->points) || (g->ystride && g->ystride != g->out * g->points)) return NOMOS_ERR_ARG;
  NomosCallTable(CudaReserve(c, &c->parts, (size_t)g->out * (size_t)(g->batch ? g->batch : 1) * sizeof(double)));
  if (!add) NomosCallCUDA(c, cudaMemsetAsync(g->sum, 0, (size_t)g->out * sizeof(double), 0));
  if (!g->batch || !g->points) return NOMOS_OK;
  dot.x = g->Y, dot.y = X, dot.n = g->points, dot.C = g->out;
  fold.in = (const double *)c->parts.p, fold.out = g->sum, fold.B = g->batch, fold.C = g->out;
  NomosCallTable(code->sum[NOMOS_SUM_DotRows](c, g->batch * g->out, g->points, &dot, 0, (double *)c->parts.p));
  return code->each[NOMOS_EACH_FoldBatch](c, g->out, &fold);
}

/* what a product is added to: beta for its result, which holds scale_c from_b,c where that is asked for */
static int Start(Cuda *c, int precision, const NomosGemm *g, NomosReal *result, PetscInt channels, int *beta)
{
  const CudaCode *code = CudaCodeOf(precision);

  *beta = g->add;
  if (!g->from) return NOMOS_OK;
  *beta = 1;
  if (g->xstride || g->ystride) return NOMOS_ERR_ARG;
  if (g->scale) {
    ScaleRowsArgs a = {};
    a.x = g->from, a.q = g->scale, a.y = result, a.C = channels, a.n = g->points;
    return code->rows[NOMOS_ROWS_ScaleRows](c, g->batch * channels, g->points, &a);
  }
  if (g->from != result) NomosCallCUDA(c, cudaMemcpyAsync(result, g->from, (size_t)g->batch * (size_t)channels * (size_t)g->points * (precision ? 8 : 4), cudaMemcpyDeviceToDevice, 0));
  return NOMOS_OK;
}

/* X_b (+)= A^T Y_b */
static int Transposed(Cuda *c, int precision, const NomosGemm *g, int add, long long xs, long long ys)
{
  return Batched(c, precision, CUBLAS_OP_N, CUBLAS_OP_T, g->points, g->in, g->out, g->Y, g->points, ys, g->A, g->in, 0, add, g->X, g->points, xs, g->batch);
}

/* a layer's adjoint, launch by launch */
static int Adjoint(Cuda *c, int precision, const NomosGemm *g, long long xs, long long ys)
{
  const CudaCode *code = CudaCodeOf(precision);
  int             beta = 0;

  if (g->xstride || g->ystride) return NOMOS_ERR_ARG;
  if (!g->batch || !g->points) return NOMOS_OK;
  if (g->times) {
    MultiplyArgs a = {};
    a.x = g->Y, a.d = g->times, a.y = g->Y, a.n = g->points;
    NomosCallTable(code->rows[NOMOS_ROWS_Multiply](c, g->batch * g->out, g->points, &a));
  }
  if (g->sum) NomosCallTable(ChannelDot(c, precision, g, NULL, 1));
  if (g->input) NomosCallTable(Gradient(c, precision, g, g->gradient, g->input, 1, xs, ys));
  if (!g->X) return NOMOS_OK;
  NomosCallTable(Start(c, precision, g, g->X, g->in, &beta));
  return Transposed(c, precision, g, beta, xs, ys);
}

int CudaGemm(void *ctx, int precision, const NomosGemm *g)
{
  Cuda           *c  = (Cuda *)ctx;
  const long long xs = g->xstride ? g->xstride : (long long)g->in * g->points, ys = g->ystride ? g->ystride : (long long)g->out * g->points;
  int             beta = 0;

  if (g->in < 1 || g->out < 1 || g->points < 0 || g->batch < 0) return NOMOS_ERR_ARG;
  if (g->op == NOMOS_GEMM_YXT) return Gradient(c, precision, g, g->A, g->X, g->add, xs, ys);
  if (g->op == NOMOS_GEMM_DOT) return ChannelDot(c, precision, g, g->X, g->add);
  if (g->op == NOMOS_GEMM_ADJOINT) return Adjoint(c, precision, g, xs, ys);
  if (!g->batch || !g->points) return NOMOS_OK;
  if (g->op == NOMOS_GEMM_ATX) return Transposed(c, precision, g, g->add, xs, ys);
  if (g->op != NOMOS_GEMM_AX) return NOMOS_ERR_ARG;
  NomosCallTable(Start(c, precision, g, g->Y, g->out, &beta));
  NomosCallTable(Batched(c, precision, CUBLAS_OP_N, CUBLAS_OP_N, g->points, g->out, g->in, g->X, g->points, xs, g->A, g->in, 0, beta, g->Y, g->points, ys, g->batch));
  if (g->bias) {
    AddBiasArgs a = {g->bias, g->Y, g->out, g->points, ys};
    return CudaOwn(c, precision, AddBias, (long long)g->batch * g->out * g->points, &a);
  }
  return NOMOS_OK;
}

int CudaModes(void *ctx, int precision, const NomosModes *g)
{
  Cuda *c = (Cuda *)ctx;

  if (g->kp % NOMOS_LANES || (g->separable && g->in != g->out)) return NOMOS_ERR_ARG;
  if (g->first < 0 || g->rows < 0 || g->first > g->in * (g->separable ? 1 : g->out) - g->rows) return NOMOS_ERR_ARG;
  if (g->op == NOMOS_MODES_GRAD) { /* without samples it may still have to write zeros */
    const long long rows = g->rows ? g->rows : (long long)g->in * (g->separable ? 1 : g->out);
    return g->separable ? CudaOwn(c, precision, ModesSeparable, g->kp * rows, g) : CudaOwn(c, precision, ModesGradient, g->kp * rows, g);
  }
  if (!g->batch) return NOMOS_OK;
  if (g->separable) return CudaOwn(c, precision, ModesSeparable, (long long)g->kp * g->in, g);
  return CudaOwn(c, precision, ModesProduct, (long long)g->kp * (g->op == NOMOS_MODES_WHY ? g->in : g->out) * ((g->batch + MODES_SAMPLES - 1) / MODES_SAMPLES), g);
}
