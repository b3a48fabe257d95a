/*
  backend.h - the table of a backend (memory, each, sum, fft, gemm, modes) and how the library launches kernels on it.

  The first half is plain C99 and C++17: types of PETSc, but none of its functions, so that tables, kernels and their
  tests link without PETSc and MPI. The second half (not seen by C++) wraps a table as the object NomosBackend.
*/
#ifndef NOMOS_BACKEND_TABLE_H
#define NOMOS_BACKEND_TABLE_H

#include "../kernels/all.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define NOMOS_BACKEND_ABI 8 /* raised whenever the table or an argument struct changes */

typedef enum {
#define NOMOS_EACH(K)        NOMOS_EACH_##K,
#define NOMOS_SWEEP(K, BACK) NOMOS_EACH_##K,
#define NOMOS_EXACT(K)       NOMOS_EACH_##K,
#include "../kernels/list.h"
  NOMOS_NUM_EACH
} NomosEachKernel;
typedef enum {
#define NOMOS_ROWS(K) NOMOS_ROWS_##K,
#include "../kernels/list.h"
  NOMOS_NUM_ROWS
} NomosRowsKernel;
typedef enum {
#define NOMOS_SUM(K) NOMOS_SUM_##K,
#include "../kernels/list.h"
  NOMOS_NUM_SUM
} NomosSumKernel;

/* codes of the table's functions; 0 is success, text by table->message() */
enum {
  NOMOS_OK       = 0,
  NOMOS_ERR_MEM  = 1, /* out of memory                      */
  NOMOS_ERR_ARG  = 2, /* a size or option out of range      */
  NOMOS_ERR_SUP  = 3, /* not built or not possible here     */
  NOMOS_ERR_LIB  = 4  /* a library call failed              */
};

/* --- real transforms of batches of fields, keeping a box of modes ------------------------------------------------
   Spectrum of one field: [2 (re, im)][kp], kp = NomosFFTPad(m[0]*..*m[d-1]), padded with zeros. Slot s of a leading
   axis stands for the signed frequency freq[j][s], slot s of the last axis for freq[d-1][s] in 0..floor(n/2); a slot
   that the grid cannot carry is NOMOS_ABSENT: read as zero, written nowhere. Notation of docs/theory.md:
   F unscaled forward transform, C inverse sum of the Hermitian completion, w the weight of the half spectrum. */
#define NOMOS_ABSENT (-2147483647 - 1)
#define NOMOS_LANES 16 /* spectra are padded to this many modes */
typedef enum {
  NOMOS_FFT_FORWARD     = 0, /* X = scale_f R F(x)                           */
  NOMOS_FFT_INVERSE     = 1, /* y = scale_i C(E Z)                           */
  NOMOS_FFT_FORWARD_ADJ = 2, /* adjoint of FORWARD: x = scale_f C(E (X/w))   */
  NOMOS_FFT_INVERSE_ADJ = 3  /* adjoint of INVERSE: Z = scale_i w R F(y)     */
} NomosFFTKind;
typedef enum {
  NOMOS_FFT_AUTO = 0, /* dense when every axis has at most 64 points, library above (the caller may time both) */
  NOMOS_FFT_LIBRARY = 1,
  NOMOS_FFT_DENSE = 2
} NomosFFTMethod;
typedef struct {
  int             dim, precision; /* precision: 0 single, 1 double */
  int             method;         /* NomosFFTMethod */
  PetscInt        n[3], m[3];     /* points and kept slots per axis, slowest first */
  const PetscInt *freq[3];        /* m[j] entries each; copied */
  PetscInt        batch;          /* largest number of fields in a call */
  PetscInt        channels, tile; /* tile > 0: fields lie as [sample][points/tile][channels][tile], a tile being whole rows
                                     behind the first axis; 0: one after the other. Not on backends with near = 0. */
  NomosCoef       scale_f, scale_i;
} NomosFFTDesc;
static inline PetscInt NomosFFTPad(PetscInt modes)
{
  return (modes + NOMOS_LANES - 1) / NOMOS_LANES * NOMOS_LANES;
}

/* --- channel products: fields [sample][channel][point], A [out][in] row-major --------------------------------------- */
typedef enum {
  NOMOS_GEMM_AX  = 0, /* Y_b = beta Y_b + A X_b (+ bias per out channel when given)  */
  NOMOS_GEMM_ATX = 1, /* X_b = beta X_b + A^T Y_b                                    */
  NOMOS_GEMM_YXT = 2, /* A   = beta A + sum_b Y_b X_b^T                              */
  NOMOS_GEMM_DOT = 3, /* sum_c = beta sum_c + sum_b <Y_b,c , X_b,c> in double; X NULL: ones; in = out */
  /* All of a layer's adjoint at one go, Y being the adjoint of its result, behind an activation with derivative `times`:
     Y_b = Y_b times_b, sum_c += sum_b <Y_b,c , 1> in double, gradient += sum_b Y_b input_b^T, X_b = beta X_b + A^T Y_b,
     each where its array is given; no gaps between samples */
  NOMOS_GEMM_ADJOINT = 4
} NomosGemmOp;
typedef struct {
  int              op, add; /* add: beta = 1, otherwise 0 */
  PetscInt         in, out, points, batch;
  PetscInt         xstride, ystride; /* reals from sample to sample; 0: in*points, out*points */
  NomosReal       *A, *X, *Y;
  const NomosReal *bias; /* out entries or NULL, AX only */
  double          *sum;  /* out entries, DOT and ADJOINT */
  /* AX and ADJOINT: where given, beta times the result is scale_c from_b,c instead (scale NULL: ones); from may be the result */
  const NomosReal *from, *scale;
  const NomosReal *times, *input; /* ADJOINT */
  NomosReal       *gradient;
  int              ahead; /* AX: the next call writes behind Y: memory that may be fetched meanwhile */
} NomosGemm;

/* --- mode products: X [b][in][2][kp], Y [b][out][2][kp], W [kp/LANES][in][out][2][LANES]; separable: W [kp/LANES][ch][2][LANES] --- */
typedef enum {
  NOMOS_MODES_WX  = 0, /* Y_k = W_k^T X_k: sum over in                    */
  NOMOS_MODES_WHY = 1, /* X_k = conj(W_k) Y_k: sum over out               */
  NOMOS_MODES_GRAD = 2 /* W_k = sum_b conj(X_k) Y_k                       */
} NomosModesOp;
typedef struct {
  int        op, separable, add; /* add: add into the result */
  PetscInt   in, out, kp, batch;
  NomosReal *W, *X, *Y;
  PetscInt   first, rows; /* GRAD: rows i*out + o (separable: channels) from first on alone; rows 0: all */
  PetscInt   xstride;     /* GRAD, not separable: reals from sample to sample of X; 0: in*2*kp */
} NomosModes;

typedef struct {
  int         abi;
  size_t      size; /* of this struct: both must match what the library was built with */
  const char *name;
  size_t      near; /* bytes of memory near a core in which a chain of pointwise layers should stay; 0: launches as large as possible */
  int (*open)(void **ctx, char *why, size_t len);
  int (*close)(void *ctx);
  const char *(*message)(void *ctx, int code);
  int (*describe)(void *ctx, char *text, size_t len); /* device, instruction set, library versions */
  /* memory */
  int (*alloc)(void *ctx, size_t bytes, void **p);
  int (*release)(void *ctx, void *p);
  int (*copy)(void *ctx, void *dst, const void *src, size_t bytes, int kind); /* 0 inside, 1 up (host to backend), 2 down */
  int (*zero)(void *ctx, void *p, size_t bytes);
  int (*sync)(void *ctx);
  /* kernels; precision 0 single, 1 double */
  int (*each)(void *ctx, int precision, int kernel, PetscInt n, const void *args);
  int (*rows)(void *ctx, int precision, int kernel, PetscInt m, PetscInt n, const void *args);
  int (*sum)(void *ctx, int precision, int kernel, PetscInt m, PetscInt n, const void *args, int add, double *out); /* out in backend memory */
  int (*fft_create)(void *ctx, const NomosFFTDesc *, void **plan);
  int (*fft)(void *ctx, void *plan, int kind, PetscInt batch, const void *in, void *out, int add);
  int (*fft_destroy)(void *ctx, void *plan);
  int (*gemm)(void *ctx, int precision, const NomosGemm *);
  int (*modes)(void *ctx, int precision, const NomosModes *);
} NomosBackendTable;

extern const NomosBackendTable NomosHostTable;
extern long long               NomosHostPlans(void); /* transform plans that the host table has made: a test counts them */

#if defined(__cplusplus)
}
#else

  /* ------------------------------------------------------------------------------------------------------------ */
  #if !defined(NOMOS_TABLE_ONLY)
    #include "../nomosimpl.h"

struct _p_NomosBackend {
  PETSCHEADER(int);
  const NomosBackendTable *table;
  void                    *ctx;       /* shared by all objects of one table in this process */
  NomosPrecision           precision;
  PetscBool                deterministic, setup;
  PetscInt64               allocations, up, down;
};

PETSC_INTERN PetscErrorCode NomosBackendClone(NomosBackend, NomosPrecision, NomosBackend *); /* same table, this precision */
PETSC_INTERN PetscErrorCode NomosBackendSetTable(NomosBackend, const NomosBackendTable *);
PETSC_INTERN PetscErrorCode NomosBackendCheck(NomosBackend, int code, const char what[]);
PETSC_INTERN PetscErrorCode NomosBackendFFT(NomosBackend, void *plan, int kind, PetscInt batch, const void *in, void *out, int add);
PETSC_INTERN PetscErrorCode NomosBackendGemm(NomosBackend, const NomosGemm *);
PETSC_INTERN PetscErrorCode NomosBackendModes(NomosBackend, const NomosModes *);
PETSC_INTERN PetscErrorCode NomosBackendMalloc(NomosBackend, size_t reals, NomosReal **);
PETSC_INTERN PetscErrorCode NomosBackendMallocBytes(NomosBackend, size_t bytes, void **);
PETSC_INTERN PetscErrorCode NomosBackendFree(NomosBackend, void *pointer_to_pointer);
PETSC_INTERN PetscErrorCode NomosBackendZero(NomosBackend, NomosReal *, size_t reals);
PETSC_INTERN PetscErrorCode NomosBackendCopyUp(NomosBackend, void *dst, const void *src, size_t bytes);
PETSC_INTERN PetscErrorCode NomosBackendCopyDown(NomosBackend, void *dst, const void *src, size_t bytes);

/* a Vec as an array of double in the backend's memory; the stage holds a copy only where the Vec lives elsewhere */
typedef struct {
  double  *buffer;
  size_t   size;
  Vec      vec;
  PetscInt mode; /* 0 read, 1 write, 2 both */
  PetscBool staged;
  const double *array;
} NomosStage;
PETSC_INTERN PetscErrorCode NomosStageRead(NomosBackend, NomosStage *, Vec, const double **);
PETSC_INTERN PetscErrorCode NomosStageWrite(NomosBackend, NomosStage *, Vec, double **);
PETSC_INTERN PetscErrorCode NomosStageReadWrite(NomosBackend, NomosStage *, Vec, double **);
PETSC_INTERN PetscErrorCode NomosStageRestore(NomosBackend, NomosStage *);
PETSC_INTERN PetscErrorCode NomosStageDestroy(NomosBackend, NomosStage *);

    #define NomosAt(b, p, offset) ((NomosReal *)(void *)((char *)(void *)(p) + (size_t)(offset) * ((b)->precision == NOMOS_SINGLE ? 4 : 8)))
    #define NomosAtConst(b, p, offset) ((const NomosReal *)(const void *)((const char *)(const void *)(p) + (size_t)(offset) * ((b)->precision == NOMOS_SINGLE ? 4 : 8)))

    /* NomosLaunch(backend, Kernel, n, .field = value, ...): fields that are not named are 0 */
    #define NomosLaunch(b, K, n, ...) NomosBackendCheck((b), (n) > 0 ? (b)->table->each((b)->ctx, (int)(b)->precision, NOMOS_EACH_##K, (n), &(K##Args){__VA_ARGS__}) : 0, #K)
    #define NomosLaunchRows(b, K, m, n, ...) NomosBackendCheck((b), (m) > 0 && (n) > 0 ? (b)->table->rows((b)->ctx, (int)(b)->precision, NOMOS_ROWS_##K, (m), (n), &(K##Args){__VA_ARGS__}) : 0, #K)
    /* out[g] (+)= sum over i of the body, in backend memory */
    #define NomosLaunchSum(b, K, m, n, add, out, ...) NomosBackendCheck((b), (m) > 0 ? (b)->table->sum((b)->ctx, (int)(b)->precision, NOMOS_SUM_##K, (m), (n), &(K##Args){__VA_ARGS__}, (add), (out)) : 0, #K)
    /* operations.c */
    #define NomosGemmRun(b, ...) NomosBackendGemm((b), &(NomosGemm){__VA_ARGS__})
    #define NomosModesRun(b, ...) NomosBackendModes((b), &(NomosModes){__VA_ARGS__})
  #endif
#endif
#endif
