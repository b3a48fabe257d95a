/*
  hostloops.h - the loops around every body, for one precision (NOMOS_PRECISION) and instruction set (NOMOS_ISA).
  Included by host_f32.c and host_f64.c, and with NOMOS_ONLY_EXACT by their _exact_ twins.
*/
#include "host.h"

#if !defined(NOMOS_ISA)
  #define NOMOS_ISA base
#endif
#define NOMOS_PASTE4_(a, b, c, d) a##b##_##c##d
#define NOMOS_PASTE4(a, b, c, d)  NOMOS_PASTE4_(a, b, c, d)
#define NOMOS_STRING_(s)          #s
#define NOMOS_STRING(s)           NOMOS_STRING_(s)

/* iterations are independent: bodies gather, never scatter */
#if defined(__clang__)
  #define HOST_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
  #define HOST_IVDEP _Pragma("GCC ivdep")
#endif

/* args are copied by assignment: through memcpy gcc no longer knows that the struct is not aliased, and does not vectorize */
#define NOMOS_EACH_LOOP(K) \
  static int Each_##K(PetscInt n, const void *args) \
  { \
    const K##Args k = *(const K##Args *)args; \
    HOST_IVDEP for (PetscInt i = 0; i < n; i++) K(i, k); \
    return NOMOS_OK; \
  }

#if defined(NOMOS_ONLY_EXACT)
  #define NOMOS_EXACT(K) NOMOS_EACH_LOOP(K)
  #include "../kernels/list.h"
static int (*const each_exact[NOMOS_NUM_EACH])(PetscInt, const void *) = {
  #define NOMOS_EXACT(K) [NOMOS_EACH_##K] = Each_##K,
  #include "../kernels/list.h"
};
const NomosHostExact NOMOS_PASTE4(NomosHostExact_f, NOMOS_PRECISION, NOMOS_ISA, ) = {each_exact};

#else
  #define NOMOS_EACH(K) NOMOS_EACH_LOOP(K)
  /* The pieces of a launch are independent; inside one a row may wait for the row before. Without row numbers (natural order)
     the loop is compiled once more, without the look-up. */
  #define HOST_PIECES(K, BACK) \
    for (PetscInt i = 0; i < n; i++) { \
      const PetscInt first = SORFirst(i, k.piece), end = SOREnd(i, k.piece); \
      if (BACK) \
        for (PetscInt r = end - 1; r >= first; r--) K##Row(r, 0, 1, k); \
      else \
        for (PetscInt r = first; r < end; r++) K##Row(r, 0, 1, k); \
    }
  #define NOMOS_SWEEP(K, BACK) \
    static int Each_##K(PetscInt n, const void *args) \
    { \
      K##Args k = *(const K##Args *)args; \
      if (k.m.row) { \
        HOST_PIECES(K, BACK) \
      } else { \
        k.m.row = NULL; \
        HOST_PIECES(K, BACK) \
      } \
      return NOMOS_OK; \
    }
  #define NOMOS_ROWS(K) \
    static int Rows_##K(PetscInt m, PetscInt n, const void *args) \
    { \
      const K##Args k = *(const K##Args *)args; \
      for (PetscInt r = 0; r < m; r++) { \
        HOST_IVDEP for (PetscInt i = 0; i < n; i++) K(r, i, k); \
      } \
      return NOMOS_OK; \
    }
  /* Leaves of 1024 items in 32 lanes, a halving tree over the lanes, leaves joined like a binary counter: the order of
     every addition is fixed, whatever the compiler and the vector length. */
  #define NOMOS_SUM(K) \
    static double Leaf_##K(PetscInt g, PetscInt first, PetscInt count, const K##Args k) \
    { \
      double lane[32] = {0}; \
      PetscInt j = 0; \
      for (; j + 32 <= count; j += 32) { \
        HOST_IVDEP for (int l = 0; l < 32; l++) lane[l] += K(g, first + j + l, k); \
      } \
      for (int l = 0; j + l < count; l++) lane[l] += K(g, first + j + l, k); \
      for (int w = 16; w > 0; w /= 2) \
        for (int l = 0; l < w; l++) lane[l] += lane[l + w]; \
      return lane[0]; \
    } \
    static int Sum_##K(PetscInt m, PetscInt n, const void *args, int add, double *out) \
    { \
      const K##Args k = *(const K##Args *)args; \
      for (PetscInt g = 0; g < m; g++) { \
        double   stack[32], s = 0; \
        int      depth = 0; \
        PetscInt leaf  = 0; \
        for (PetscInt first = 0; first < n; first += 1024, leaf++) { \
          double v = Leaf_##K(g, first, n - first < 1024 ? n - first : 1024, k); \
          for (PetscInt c = leaf; c & 1; c >>= 1) v = stack[--depth] + v; \
          stack[depth++] = v; \
        } \
        while (depth > 0) s = stack[--depth] + s; \
        out[g] = add ? out[g] + s : s; \
      } \
      return NOMOS_OK; \
    }
  #include "../kernels/list.h"

static int (*const each_table[NOMOS_NUM_EACH])(PetscInt, const void *) = {
  #define NOMOS_EACH(K)        [NOMOS_EACH_##K] = Each_##K,
  #define NOMOS_SWEEP(K, BACK) [NOMOS_EACH_##K] = Each_##K,
  #include "../kernels/list.h"
};
static int (*const rows_table[NOMOS_NUM_ROWS])(PetscInt, PetscInt, const void *) = {
  #define NOMOS_ROWS(K) [NOMOS_ROWS_##K] = Rows_##K,
  #include "../kernels/list.h"
};
static int (*const sum_table[NOMOS_NUM_SUM])(PetscInt, PetscInt, const void *, int, double *) = {
  #define NOMOS_SUM(K) [NOMOS_SUM_##K] = Sum_##K,
  #include "../kernels/list.h"
};

  /* a vector as wide as the instruction set, loaded and stored at any address of a real */
  #if defined(NOMOS_VECTOR_BYTES)
    /* given: a test of paths that this instruction set would not take */
  #elif defined(__AVX512F__)
    #define NOMOS_VECTOR_BYTES 64
  #elif defined(__AVX2__)
    #define NOMOS_VECTOR_BYTES 32
  #else
    #define NOMOS_VECTOR_BYTES 16
  #endif
typedef NomosReal Vector __attribute__((vector_size(NOMOS_VECTOR_BYTES), aligned(sizeof(NomosReal)), may_alias));
  #define LN ((int)(NOMOS_VECTOR_BYTES / sizeof(NomosReal)))
  #define VLOAD(p) (*(const Vector *)(const void *)(p))
  #define VPTR(p)  (*(Vector *)(void *)(p))
  #define VZERO    ((Vector){0})
  #define INLINE   static inline __attribute__((always_inline, unused))
INLINE Vector VSplat(NomosReal a)
{
  return a - VZERO; /* becomes a broadcast */
}
  #if !defined(__clang__) /* gcc shuffles by a mask; clang sees a shuffle in a loop */
    #if NOMOS_PRECISION == 32
typedef int Mask __attribute__((vector_size(NOMOS_VECTOR_BYTES)));
    #else
typedef long long Mask __attribute__((vector_size(NOMOS_VECTOR_BYTES)));
    #endif
  #endif
/* (first_0, v_{LN-1}, .., v_1) */
INLINE Vector VMirror(Vector v, Vector first)
{
  #if defined(__clang__)
  Vector r = first;
  for (int l = 1; l < LN; l++) r[l] = v[LN - l];
  return r;
  #else
  Mask m;
  for (int l = 0; l < LN; l++) m[l] = l ? LN - l : LN;
  return __builtin_shuffle(v, first, m);
  #endif
}
/* r_l = x_l + x_{l xor w}, x = a where bit w of l is clear, b where it is set */
INLINE Vector VFold(Vector a, Vector b, const int w)
{
  #if defined(__clang__)
  Vector r = a;
  for (int l = 0; l < LN; l++) r[l] = l & w ? b[l & ~w] + b[l] : a[l] + a[l | w];
  return r;
  #else
  Mask m, n;
  for (int l = 0; l < LN; l++) m[l] = (l & w ? LN : 0) + (l & ~w), n[l] = m[l] + w;
  return __builtin_shuffle(a, b, m) + __builtin_shuffle(a, b, n);
  #endif
}
/* lanes l of a with bit w set change places with lanes l - w of b */
INLINE void VExchange(Vector *a, Vector *b, const int w)
{
  #if defined(__clang__)
  Vector r = *a, q = *b;
  for (int l = 0; l < LN; l++) r[l] = l & w ? (*b)[l & ~w] : (*a)[l], q[l] = l & w ? (*b)[l] : (*a)[l | w];
  #else
  Mask m, n;
  for (int l = 0; l < LN; l++) m[l] = l & w ? LN + l - w : l, n[l] = l & w ? LN + l : l + w;
  const Vector r = __builtin_shuffle(*a, *b, m), q = __builtin_shuffle(*a, *b, n);
  #endif
  *a = r, *b = q;
}
/* s_i = sum of the lanes of v_i, LN of them: two vectors become one until every lane holds a sum, with its bits reversed */
INLINE void VSums(const Vector *v, NomosReal *s)
{
  Vector    t[LN];
  NomosReal sum[LN];
  for (int i = 0; i < LN; i++) t[i] = v[i];
  #define FOLDS(w) \
    for (int i = 0; i < w; i++) t[i] = VFold(t[2 * i], t[2 * i + 1], w)
  #if NOMOS_VECTOR_BYTES * 8 / NOMOS_PRECISION > 8
  FOLDS(8);
  #endif
  #if NOMOS_VECTOR_BYTES * 8 / NOMOS_PRECISION > 4
  FOLDS(4);
  #endif
  #if NOMOS_VECTOR_BYTES * 8 / NOMOS_PRECISION > 2
  FOLDS(2);
  #endif
  FOLDS(1);
  #undef FOLDS
  VPTR(sum) = t[0];
  for (int i = 0; i < LN; i++) {
    int at = 0;
    for (int w = 1; w < LN; w *= 2) at += i & w ? LN / 2 / w : 0;
    s[i] = sum[at];
  }
}
/* t_l = lane l of x_0, x_1, .., LN rows: stage w exchanges blocks of w lanes across the diagonal */
INLINE void VTranspose(const NomosReal *x, PetscInt xs, NomosReal *t, PetscInt ts)
{
  Vector v[LN];
  for (int i = 0; i < LN; i++) v[i] = VLOAD(x + i * xs);
  #define STAGE(w) \
    for (int i = 0; i < LN; i++) \
      if (!(i & (w))) VExchange(&v[i], &v[i + (w)], w)
  #if NOMOS_VECTOR_BYTES * 8 / NOMOS_PRECISION > 8
  STAGE(8);
  #endif
  #if NOMOS_VECTOR_BYTES * 8 / NOMOS_PRECISION > 4
  STAGE(4);
  #endif
  #if NOMOS_VECTOR_BYTES * 8 / NOMOS_PRECISION > 2
  STAGE(2);
  #endif
  STAGE(1);
  #undef STAGE
  for (int i = 0; i < LN; i++) VPTR(t + i * ts) = v[i];
}
INLINE NomosReal VSum(Vector v)
{
  NomosReal t[LN];
  VPTR(t) = v;
  for (int w = LN / 2; w > 0; w /= 2)
    for (int l = 0; l < w; l++) t[l] += t[l + w];
  return t[0];
}
  #include "hostgemm.h"
  #include "hostmodes.h"
  #include "hostdft.h"

const NomosHostCode NOMOS_PASTE4(NomosHostCode_f, NOMOS_PRECISION, NOMOS_ISA, ) = {LN, NOMOS_STRING(NOMOS_ISA), each_table, rows_table, sum_table, HostGemm, HostModes, HostDense};
#endif
