/* Contract of a backend's table: memory, and every kernel of kernels/list.h against a plain loop written here in double.
   Argument: host or cuda. A kernel without a reference here must be named in elsewhere[] with the test that has one. */
#include "table.h"

#define REAL(a) ((NomosReal *)(void *)(a).p)
#define DBL(a)  ((double *)(void *)(a).p)
#define EACH(m, K, n, ...) TableFailed(m, (m)->t->each((m)->ctx, (m)->precision, NOMOS_EACH_##K, (n), &(K##Args){__VA_ARGS__}), #K)
#define ROWS(m, K, r, n, ...) TableFailed(m, (m)->t->rows((m)->ctx, (m)->precision, NOMOS_ROWS_##K, (r), (n), &(K##Args){__VA_ARGS__}), #K)
#define SUM(m, K, g, n, add, out, ...) TableFailed(m, (m)->t->sum((m)->ctx, (m)->precision, NOMOS_SUM_##K, (g), (n), &(K##Args){__VA_ARGS__}, (add), (out)), #K)

/* kernels with references in other tests: conform/layers.c; those of residuals in their tests of the pde types and those of sweeps in conform/sweeps.c; those of sketches in conform/sketches.c */
static const char *const elsewhere[] = {"PackModes", "UnpackModes", "PackSomeModes", "UnpackSomeModes", "ScaleColumns", "CPBuild", "CPGrad", "ModeProduct", "ModeOuter", "AdamW", "AdamWPair", "ClipBox", "Misfit", "Centre", "ModeScale", "H1Stack", "H1StackAdj", "LossFactors", "LossScale", "FillUniform", "FillNormal", "FillRademacher", "DarcyResidual", "DarcyTranspose", "DarcyFieldTranspose", "BurgersStep", "BurgersTangent", "BurgersTranspose", "SORForward", "SORBackward", "SOREisenstat", "SORTriangle", "SORJacobi", "SORScale", "SORGather", "SORInvert", "SORUnusable", "SORCoupling", "SketchColumn", "SketchGauss", "SketchChunk", "SketchJoin", "DarcyFieldTangent", "BurgersFieldTangent", NULL};

/* sizes of fields: B samples, C channels, n points; r rows */
typedef struct {
  PetscInt B, C, n, r;
  size_t   all;
} Size;
static const PetscInt sizes[][3] = {{1, 1, 1}, {2, 3, 7}, {1, 5, 33}, {3, 4, 64}, {2, 6, 100}, {4, 1, 17}, {2, 2, 1500}};
static Size           Sized(size_t i)
{
  Size s = {sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][0] * sizes[i][1], 0};
  s.all  = (size_t)(s.r * s.n);
  return s;
}
#define NSIZES (sizeof(sizes) / sizeof(*sizes))

/* --- layers that act point by point ------------------------------------------------------------------------------- */
static void Test_FieldIn(Machine *m, Size s)
{
  for (int with = 0; with < 2; with++) { /* the tiles of a sample lie together in y, its channels in x */
    const PetscInt ys = s.C * s.n + 5, tiles = with && s.B % 2 == 0 ? 2 : 1;
    double *x = DrawMany(m, s.all), *shift = DrawMany(m, (size_t)s.C), *scale = DrawMany(m, (size_t)s.C), *want = DrawMany(m, (size_t)(s.B * ys));
    Array   X = UpDouble(m, x, s.all), A = UpDouble(m, shift, (size_t)s.C), Q = UpDouble(m, scale, (size_t)s.C), Y = Up(m, want, (size_t)(s.B * ys));
    ROWS(m, FieldIn, s.r, s.n, .x = DBL(X), .shift = with ? DBL(A) : NULL, .scale = with ? DBL(Q) : NULL, .y = REAL(Y), .C = s.C, .n = s.n, .stride = ys, .tiles = tiles);
    for (PetscInt b = 0; b < s.B; b++)
      for (PetscInt c = 0; c < s.C; c++)
        for (PetscInt i = 0; i < s.n; i++) want[b * ys + c * s.n + i] = (x[((b / tiles * s.C + c) * tiles + b % tiles) * s.n + i] - (with ? shift[c] : 0)) * (with ? scale[c] : 1);
    CheckArray(m, "FieldIn", &Y, want, 3 * m->eps); /* numbers below 2, three roundings */
    Free(m, &X), Free(m, &A), Free(m, &Q), Free(m, &Y);
    free(x), free(shift), free(scale), free(want);
  }
}
static void Test_FieldOut(Machine *m, Size s)
{
  for (int with = 0; with < 2; with++) {
    const PetscInt xs = s.C * s.n + 3, tiles = with && s.B % 2 == 0 ? 2 : 1;
    double *x = DrawMany(m, (size_t)(s.B * xs)), *shift = DrawMany(m, (size_t)s.C), *scale = DrawMany(m, (size_t)s.C), *want = DrawMany(m, s.all);
    Array   X = Up(m, x, (size_t)(s.B * xs)), A = UpDouble(m, shift, (size_t)s.C), Q = UpDouble(m, scale, (size_t)s.C), Y = UpDouble(m, with ? want : NULL, s.all);
    ROWS(m, FieldOut, s.r, s.n, .x = REAL(X), .shift = with ? DBL(A) : NULL, .scale = with ? DBL(Q) : NULL, .y = DBL(Y), .C = s.C, .n = s.n, .stride = xs, .tiles = tiles, .add = with);
    for (PetscInt b = 0; b < s.B; b++)
      for (PetscInt c = 0; c < s.C; c++)
        for (PetscInt i = 0; i < s.n; i++) {
          const PetscInt j = ((b / tiles * s.C + c) * tiles + b % tiles) * s.n + i;
          want[j] = (with ? want[j] : 0) + x[b * xs + c * s.n + i] * (with ? scale[c] : 1) + (with ? shift[c] : 0);
        }
    CheckArray(m, "FieldOut", &Y, want, 4 * DBL_EPSILON);
    Free(m, &X), Free(m, &A), Free(m, &Q), Free(m, &Y);
    free(x), free(shift), free(scale), free(want);
  }
}
static void Test_GridEmbed(Machine *m, Size s)
{
  const PetscInt stride = 3, count = 5, ys = s.n + 2, tiles = s.r % 2 == 0 ? 2 : 1;
  double        *want = DrawMany(m, (size_t)(s.r * ys));
  Array          Y    = Up(m, want, (size_t)(s.r * ys));
  ROWS(m, GridEmbed, s.r, s.n, .y = REAL(Y), .lo = -0.5, .h = 0.3, .stride = stride, .count = count, .n = s.n, .tiles = tiles, .ystride = ys);
  for (PetscInt r = 0; r < s.r; r++)
    for (PetscInt i = 0; i < s.n; i++) want[r * ys + i] = -0.5 + 0.3 * (double)((r % tiles * s.n + i) / stride % count);
  CheckArray(m, "GridEmbed", &Y, want, 2 * m->eps);
  Free(m, &Y);
  free(want);
}

/* arguments over the whole range, the tails and zero included */
static double *Arguments(const Machine *m, size_t n)
{
  static const double special[] = {0, 1e-4, -1e-4, 0.02, -0.0199, 0.5, -0.5, 3, -3, 8, -8, 14, -14, 40, -40, 1e4, -1e4, 5.5, -5.5, 1e-30};
  double             *x = DrawMany(m, n);
  for (size_t i = 0; i < n; i++) x[i] = i < sizeof(special) / sizeof(*special) ? special[i] : 6 * x[i];
  for (size_t i = 0; i < n && !m->precision; i++) x[i] = (double)(float)x[i];
  return x;
}
static void Test_Gelu(Machine *m, Size s)
{
  double *x = Arguments(m, s.all), *want = (double *)malloc(s.all * sizeof(*want)), *der = (double *)malloc(s.all * sizeof(*want));
  for (size_t i = 0; i < s.all; i++) {
    const double p = 0.5 * erfc(-x[i] * M_SQRT1_2);
    want[i] = x[i] * p, der[i] = p + x[i] * exp(-0.5 * x[i] * x[i]) / sqrt(2 * M_PI);
  }
  for (int save = 0; save < 2; save++) {
    Array X = Up(m, x, s.all), D = Up(m, NULL, s.all), *Y = &X; /* in place: y may be x */
    if (save) ROWS(m, GeluSave, s.r, s.n, .x = REAL(X), .y = REAL(X), .d = REAL(D), .n = s.n);
    else ROWS(m, Gelu, s.r, s.n, .x = REAL(X), .y = REAL(X), .n = s.n);
    { /* relative to |x|, which at 1e4 is the size of the result: Phi to 4 eps (special.h) */
      double *got = Down(m, Y, "Gelu");
      for (size_t i = 0; i < s.all; i++) got[i] = (got[i] - want[i]) / fmax(1, fabs(x[i]));
      CheckTrue(save ? "GeluSave value" : "Gelu", Largest(got, s.all) <= 4 * m->eps);
      free(got);
    }
    if (save) CheckArray(m, "GeluSave derivative", &D, der, 8 * m->eps);
    Free(m, &X), Free(m, &D);
  }
  free(x), free(want), free(der);
}
static void Test_GeluSave(Machine *m, Size s)
{
  (void)m, (void)s; /* with Gelu */
}
static void Test_TanhSave(Machine *m, Size s)
{
  double *x = Arguments(m, s.all), *want = (double *)malloc(s.all * sizeof(*want)), *der = (double *)malloc(s.all * sizeof(*want));
  Array   X = Up(m, x, s.all), Y = Up(m, NULL, s.all), D = Up(m, NULL, s.all);
  for (size_t i = 0; i < s.all; i++) want[i] = tanh(x[i]), der[i] = 1 - want[i] * want[i];
  ROWS(m, TanhSave, s.r, s.n, .x = REAL(X), .y = REAL(Y), .d = REAL(D), .n = s.n);
  CheckArray(m, "TanhSave value", &Y, want, 4 * m->eps);
  CheckArray(m, "TanhSave derivative", &D, der, 8 * m->eps);
  ROWS(m, TanhSave, s.r, s.n, .x = REAL(X), .y = REAL(X), .d = NULL, .n = s.n);
  CheckArray(m, "TanhSave in place", &X, want, 4 * m->eps);
  Free(m, &X), Free(m, &Y), Free(m, &D);
  free(x), free(want), free(der);
}
/* y from f(x, d, q, y old) for the simple ones; numbers are below 1, a product and a sum round three times */
#define SIMPLE(K, LAUNCH, FORMULA) \
  static void Test_##K(Machine *m, Size s) \
  { \
    for (int add = 0; add < 2; add++) { \
      double *x = DrawMany(m, s.all), *d = DrawMany(m, s.all), *q = DrawMany(m, (size_t)s.C), *y = DrawMany(m, s.all), *want = (double *)malloc(s.all * sizeof(*want)); \
      Array   X = Up(m, x, s.all), D = Up(m, d, s.all), Q = Up(m, q, (size_t)s.C), Y = Up(m, add ? y : NULL, s.all); \
      for (size_t i = 0; i < s.all; i++) { \
        const size_t c = i / (size_t)s.n % (size_t)s.C; \
        (void)c; \
        want[i] = (add ? y[i] : 0) * 1.0; \
        FORMULA; \
      } \
      LAUNCH; \
      CheckArray(m, #K, &Y, want, 3 * m->eps); \
      Free(m, &X), Free(m, &D), Free(m, &Q), Free(m, &Y); \
      free(x), free(d), free(q), free(y), free(want); \
    } \
  }
SIMPLE(Multiply, ROWS(m, Multiply, s.r, s.n, .x = REAL(X), .d = REAL(D), .y = REAL(Y), .n = s.n, .add = add), want[i] += x[i] * d[i])
SIMPLE(ScaleRows, ROWS(m, ScaleRows, s.r, s.n, .x = REAL(X), .q = REAL(Q), .y = REAL(Y), .C = s.C, .n = s.n, .add = add), want[i] += x[i] * q[c])
SIMPLE(Axpby, ROWS(m, Axpby, s.r, s.n, .x = REAL(X), .y = REAL(Y), .a = 0.75, .b = add ? -0.5 : 0, .n = s.n), want[i] = 0.75 * x[i] - 0.5 * want[i])
static void Test_AddRows(Machine *m, Size s)
{
  double *q = DrawMany(m, (size_t)s.C), *y = DrawMany(m, s.all);
  Array   Q = Up(m, q, (size_t)s.C), Y = Up(m, y, s.all);
  ROWS(m, AddRows, s.r, s.n, .q = REAL(Q), .y = REAL(Y), .C = s.C, .n = s.n);
  for (size_t i = 0; i < s.all; i++) y[i] += q[i / (size_t)s.n % (size_t)s.C];
  CheckArray(m, "AddRows", &Y, y, m->eps);
  Free(m, &Q), Free(m, &Y);
  free(q), free(y);
}
static void Test_GatherRows(Machine *m, Size s)
{
  const PetscInt ny = s.n + 4;
  for (int add = 0; add < 2; add++) {
    double   *x = DrawMany(m, s.all), *want = DrawMany(m, (size_t)(s.r * ny));
    PetscInt *map = (PetscInt *)malloc((size_t)ny * sizeof(*map)), *up;
    Array     X = Up(m, x, s.all), Y = Up(m, add ? want : NULL, (size_t)(s.r * ny));
    for (PetscInt i = 0; i < ny; i++) map[i] = i < 2 || i % 5 == 4 ? -1 : (i * 7) % s.n;
    up = UpInts(m, map, (size_t)ny);
    ROWS(m, GatherRows, s.r, ny, .x = REAL(X), .y = REAL(Y), .map = up, .nx = s.n, .ny = ny, .add = add);
    for (PetscInt r = 0; r < s.r; r++)
      for (PetscInt i = 0; i < ny; i++) want[r * ny + i] = (add ? want[r * ny + i] : 0) + (map[i] < 0 ? 0 : x[r * s.n + map[i]]);
    CheckArray(m, "GatherRows", &Y, want, add ? m->eps : 0);
    TableFailed(m, m->t->release(m->ctx, up), "release");
    Free(m, &X), Free(m, &Y);
    free(x), free(want), free(map);
  }
}

/* --- normalisation ------------------------------------------------------------------------------------------------ */
/* moments of a group of channels, in double */
static void Moments(const double *x, size_t size, double *sum, double *square)
{
  *sum = *square = 0;
  for (size_t i = 0; i < size; i++) *sum += x[i];
  for (size_t i = 0; i < size; i++) *square += (x[i] - *sum / (double)size) * (x[i] - *sum / (double)size);
}
static void Test_NormRows(Machine *m, Size s)
{
  const PetscInt group = s.C % 2 ? s.C : s.C / 2, G = s.r / group;
  const size_t   size = (size_t)(group * s.n);
  const double   eps  = 1e-2;
  double        *x = DrawMany(m, s.all), *gamma = DrawMany(m, (size_t)s.C), *beta = DrawMany(m, (size_t)s.C), *sum = DrawMany(m, (size_t)G), *sq = DrawMany(m, (size_t)G);
  double        *h = (double *)malloc(s.all * sizeof(*h)), *y = (double *)malloc(s.all * sizeof(*y));
  for (int with = 0; with < 2; with++) {
    Array X = Up(m, x, s.all), A, Q, S, V, H = Up(m, NULL, s.all), Y = Up(m, NULL, s.all);
    for (PetscInt g = 0; g < G; g++) Moments(x + (size_t)g * size, size, &sum[g], &sq[g]);
    for (size_t i = 0; i < s.all; i++) {
      const size_t g = i / size, c = i / (size_t)s.n % (size_t)s.C;
      h[i] = (x[i] - sum[g] / (double)size) / sqrt(sq[g] / (double)size + eps);
      y[i] = with ? gamma[c] * h[i] + beta[c] : h[i];
    }
    A = Up(m, gamma, (size_t)s.C), Q = Up(m, beta, (size_t)s.C), S = UpDouble(m, sum, (size_t)G), V = UpDouble(m, sq, (size_t)G);
    ROWS(m, NormRows, s.r, s.n, .x = REAL(X), .gamma = with ? REAL(A) : NULL, .beta = with ? REAL(Q) : NULL, .y = REAL(Y), .h = with ? REAL(H) : NULL, .sum = DBL(S), .square = DBL(V), .eps = eps, .C = s.C, .n = s.n, .group = group);
    CheckArray(m, "NormRows", &Y, y, 4 * m->eps * (1 + Largest(h, s.all)));
    if (with) CheckArray(m, "NormRows h", &H, h, 4 * m->eps * (1 + Largest(h, s.all)));
    Free(m, &X), Free(m, &A), Free(m, &Q), Free(m, &S), Free(m, &V), Free(m, &H), Free(m, &Y);
  }
  free(x), free(gamma), free(beta), free(sum), free(sq), free(h), free(y);
}
static void Test_NormRowsAdj(Machine *m, Size s)
{
  const PetscInt group = s.C % 3 ? s.C : s.C / 3, G = s.r / group;
  const size_t   size = (size_t)(group * s.n);
  const double   eps  = 1e-2;
  double        *g = DrawMany(m, s.all), *h = DrawMany(m, s.all), *gamma = DrawMany(m, (size_t)s.C), *sq = DrawMany(m, (size_t)G), *g0 = DrawMany(m, (size_t)G), *g1 = DrawMany(m, (size_t)G), *want = (double *)malloc(s.all * sizeof(*want));
  for (PetscInt j = 0; j < G; j++) sq[j] = fabs(sq[j]) * (double)size;
  for (int with = 0; with < 4; with++) { /* gamma given or not, adjoint or tangent */
    const int tangent = with / 2, scaled = with % 2;
    Array     X = Up(m, g, s.all), H = Up(m, h, s.all), A = Up(m, gamma, (size_t)s.C), V = UpDouble(m, sq, (size_t)G), P = UpDouble(m, g0, (size_t)G), Q = UpDouble(m, g1, (size_t)G), Y = Up(m, NULL, s.all);
    for (size_t i = 0; i < s.all; i++) {
      const size_t j = i / size, c = i / (size_t)s.n % (size_t)s.C;
      const double q = scaled ? gamma[c] : 1, in = tangent ? g[i] : q * g[i];
      want[i] = (in - (g0[j] + h[i] * g1[j]) / (double)size) / sqrt(sq[j] / (double)size + eps) * (tangent ? q : 1);
    }
    ROWS(m, NormRowsAdj, s.r, s.n, .g = REAL(X), .h = REAL(H), .gamma = scaled ? REAL(A) : NULL, .y = REAL(Y), .square = DBL(V), .g0 = DBL(P), .g1 = DBL(Q), .eps = eps, .C = s.C, .n = s.n, .group = group, .tangent = tangent);
    CheckArray(m, "NormRowsAdj", &Y, want, 4 * m->eps * (1 + Largest(want, s.all)));
    Free(m, &X), Free(m, &H), Free(m, &A), Free(m, &V), Free(m, &P), Free(m, &Q), Free(m, &Y);
  }
  free(g), free(h), free(gamma), free(sq), free(g0), free(g1), free(want);
}

/* --- sums --------------------------------------------------------------------------------------------------------- */
/* the tree of the contract, as written in hostloops.h: leaves of 1024 in 32 lanes, halved; leaves joined in pairs */
static double Tree(const double *v, PetscInt n)
{
  double    *leaf   = (double *)calloc((size_t)(n / 1024 + 2), sizeof(*leaf)), s;
  PetscInt   leaves = (n + 1023) / 1024, p2 = 1;
  for (PetscInt f = 0; f < leaves; f++) {
    double lane[32] = {0};
    for (PetscInt j = 0; j < 1024 && f * 1024 + j < n; j++) lane[j % 32] += v[f * 1024 + j];
    for (int w = 16; w > 0; w /= 2)
      for (int l = 0; l < w; l++) lane[l] += lane[l + w];
    leaf[f] = lane[0];
  }
  /* complete subtrees from the left, the largest first; then from the smallest to the largest, each on the left of the sum */
  for (; p2 < leaves; p2 *= 2)
    for (PetscInt f = 0; f + 2 * p2 <= leaves; f += 2 * p2) leaf[f] += leaf[f + p2];
  s = 0;
  for (PetscInt done = leaves, bit = 1; done > 0; bit *= 2)
    if (done & bit) done -= bit, s = leaf[done] + s;
  free(leaf);
  return s;
}
static void Test_DotRows(Machine *m, Size s)
{
  for (int with = 0; with < 6; with++) {
    const int add = with % 2, y2 = with > 1, q2 = with > 3;
    double *x = DrawMany(m, s.all), *y = DrawMany(m, s.all), *q = DrawMany(m, (size_t)s.C), *want = DrawMany(m, (size_t)s.r), *v = (double *)malloc(s.all * sizeof(*v));
    Array   X = Up(m, x, s.all), Y = Up(m, y, s.all), Q = Up(m, q, (size_t)s.C), R = UpDouble(m, add ? want : NULL, (size_t)s.r);
    SUM(m, DotRows, s.r, s.n, add, DBL(R), .x = REAL(X), .y = y2 ? REAL(Y) : NULL, .q = q2 ? REAL(Q) : NULL, .n = s.n, .C = s.C);
    for (size_t i = 0; i < s.all; i++) v[i] = x[i] * (y2 ? y[i] : 1) * (q2 ? q[i / (size_t)s.n % (size_t)s.C] : 1);
    for (PetscInt r = 0; r < s.r; r++) want[r] = (add ? want[r] : 0) + Tree(v + r * s.n, s.n);
    /* without products the tree gives the same digits everywhere; with them a compiler may contract: one rounding a term */
    CheckArray(m, "DotRows", &R, want, y2 ? (double)s.n * DBL_EPSILON : 0);
    Free(m, &X), Free(m, &Y), Free(m, &Q), Free(m, &R);
    free(x), free(y), free(q), free(want), free(v);
  }
}
static void Test_GroupMoment(Machine *m, Size s)
{
  double *x = DrawMany(m, s.all), *sum = DrawMany(m, (size_t)s.r), *want = DrawMany(m, (size_t)s.r), *v = (double *)malloc(s.all * sizeof(*v));
  for (int with = 0; with < 3; with++) {
    Array X = Up(m, x, s.all), S = UpDouble(m, sum, (size_t)s.r), R = UpDouble(m, NULL, (size_t)s.r);
    SUM(m, GroupMoment, s.r, s.n, 0, DBL(R), .x = REAL(X), .sum = with ? DBL(S) : NULL, .size = s.n, .square = with == 2);
    for (size_t i = 0; i < s.all; i++) {
      v[i] = x[i] - (with ? sum[i / (size_t)s.n] / (double)s.n : 0);
      if (with == 2) v[i] *= v[i];
    }
    for (PetscInt r = 0; r < s.r; r++) want[r] = Tree(v + r * s.n, s.n);
    CheckArray(m, "GroupMoment", &R, want, with == 2 ? 4 * (double)s.n * DBL_EPSILON : 0);
    Free(m, &X), Free(m, &S), Free(m, &R);
  }
  free(x), free(sum), free(want), free(v);
}
/* the tree at the borders of leaves and subtrees, to the last digit */
static void SumTree(Machine *m)
{
  static const PetscInt lengths[] = {1, 31, 32, 33, 1023, 1024, 1025, 2048, 3 * 1024, 5 * 1024 + 7, 7 * 1024, 40 * 1024 + 1, 0};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
    const PetscInt n = lengths[i];
    double        *x = DrawMany(m, (size_t)n * 2), want[2];
    Array          X = Up(m, x, (size_t)n * 2), R = UpDouble(m, NULL, 2);
    SUM(m, DotRows, 2, n, 0, DBL(R), .x = REAL(X), .n = n, .C = 1);
    for (int r = 0; r < 2; r++) want[r] = Tree(x + r * n, n);
    CheckArray(m, "sum tree", &R, want, 0);
    Free(m, &X), Free(m, &R);
    free(x);
  }
}

/* --- each --------------------------------------------------------------------------------------------------------- */
static void Test_FoldBatch(Machine *m, Size s)
{
  double *in = DrawMany(m, (size_t)s.r), *want = DrawMany(m, (size_t)s.C);
  Array   F = UpDouble(m, in, (size_t)s.r), O = UpDouble(m, want, (size_t)s.C);
  EACH(m, FoldBatch, s.C, .in = DBL(F), .out = DBL(O), .B = s.B, .C = s.C);
  for (PetscInt r = 0; r < s.r; r++) want[r % s.C] += in[r];
  CheckArray(m, "FoldBatch", &O, want, 4 * (double)(s.B + 1) * DBL_EPSILON);
  Free(m, &F), Free(m, &O);
  free(in), free(want);
}
static void Test_FoldGroup(Machine *m, Size s)
{
  double *in = DrawMany(m, (size_t)s.r), *want = (double *)calloc((size_t)s.B, sizeof(*want));
  Array   F = UpDouble(m, in, (size_t)s.r), O = UpDouble(m, NULL, (size_t)s.B);
  EACH(m, FoldGroup, s.B, .in = DBL(F), .out = DBL(O), .group = s.C);
  for (PetscInt r = 0; r < s.r; r++) want[r / s.C] += in[r];
  CheckArray(m, "FoldGroup", &O, want, 4 * (double)s.C * DBL_EPSILON);
  Free(m, &F), Free(m, &O);
  free(in), free(want);
}
static void Test_ParamIn(Machine *m, Size s)
{
  double *x = DrawMany(&(Machine){.precision = 1}, s.all), *want = (double *)malloc(s.all * sizeof(*want)); /* digits that single lacks */
  Array   X = UpDouble(m, x, s.all), Y = Up(m, NULL, s.all);
  EACH(m, ParamIn, (PetscInt)s.all, .x = DBL(X), .y = REAL(Y));
  for (size_t i = 0; i < s.all; i++) want[i] = m->precision ? x[i] : (double)(float)x[i];
  CheckArray(m, "ParamIn", &Y, want, 0);
  Free(m, &X), Free(m, &Y);
  free(x), free(want);
}
static void Test_ParamOut(Machine *m, Size s)
{
  for (int add = 0; add < 2; add++) {
    double *x = DrawMany(m, s.all), *want = DrawMany(m, s.all);
    Array   X = Up(m, x, s.all), Y = UpDouble(m, add ? want : NULL, s.all);
    EACH(m, ParamOut, (PetscInt)s.all, .x = REAL(X), .y = DBL(Y), .add = add);
    for (size_t i = 0; i < s.all; i++) want[i] = (add ? want[i] : 0) + x[i];
    CheckArray(m, "ParamOut", &Y, want, 0);
    Free(m, &X), Free(m, &Y);
    free(x), free(want);
  }
}
static void Test_ParamCopy(Machine *m, Size s)
{
  for (int add = 0; add < 2; add++) {
    double *x = DrawMany(m, s.all), *want = DrawMany(m, s.all);
    Array   X = UpDouble(m, x, s.all), Y = UpDouble(m, add ? want : NULL, s.all);
    EACH(m, ParamCopy, (PetscInt)s.all, .x = DBL(X), .y = DBL(Y), .add = add);
    for (size_t i = 0; i < s.all; i++) want[i] = (add ? want[i] : 0) + x[i];
    CheckArray(m, "ParamCopy", &Y, want, 0);
    Free(m, &X), Free(m, &Y);
    free(x), free(want);
  }
}

/* --- the table ---------------------------------------------------------------------------------------------------- */
typedef struct {
  const char *name;
  void (*test)(Machine *, Size);
} Reference;
#define HAS(K) {#K, Test_##K}
static const Reference references[] = {HAS(FieldIn), HAS(FieldOut), HAS(GridEmbed), HAS(Gelu), HAS(GeluSave), HAS(TanhSave), HAS(Multiply), HAS(ScaleRows), HAS(AddRows), HAS(Axpby), HAS(GatherRows), HAS(NormRows), HAS(NormRowsAdj), HAS(DotRows), HAS(GroupMoment), HAS(FoldBatch), HAS(FoldGroup), HAS(ParamIn), HAS(ParamOut), HAS(ParamCopy)};
#define NREFERENCES (sizeof(references) / sizeof(*references))

/* nothing in the list of kernels may be without a reference */
static void Covered(const char *name)
{
  char text[200];
  for (size_t i = 0; i < NREFERENCES; i++)
    if (!strcmp(name, references[i].name)) return;
  for (int i = 0; elsewhere[i]; i++)
    if (!strcmp(name, elsewhere[i])) return;
  snprintf(text, sizeof(text), "kernel %s has a reference (write Test_%s here, or name it in elsewhere[])", name, name);
  CheckTrue(text, 0);
}
static void AllCovered(void)
{
#define NOMOS_EACH(K)        Covered(#K);
#define NOMOS_SWEEP(K, BACK) Covered(#K);
#define NOMOS_ROWS(K)        Covered(#K);
#define NOMOS_EXACT(K)       Covered(#K);
#define NOMOS_SUM(K)         Covered(#K);
#include <kernels/list.h>
}

static void Memory(Machine *m)
{
  double *x = DrawMany(m, 1000), *y = (double *)calloc(1000, sizeof(*y)), *zero = (double *)calloc(1000, sizeof(*y));
  void   *p = NULL, *q = NULL;
  TableFailed(m, m->t->alloc(m->ctx, 8000, &p), "alloc");
  TableFailed(m, m->t->alloc(m->ctx, 8000, &q), "alloc");
  TableFailed(m, m->t->copy(m->ctx, p, x, 8000, 1), "copy up");
  TableFailed(m, m->t->copy(m->ctx, q, p, 8000, 0), "copy inside");
  TableFailed(m, m->t->zero(m->ctx, p, 8000), "zero");
  TableFailed(m, m->t->sync(m->ctx), "sync");
  TableFailed(m, m->t->copy(m->ctx, y, q, 8000, 2), "copy down");
  CheckAll("copy up, inside, down", y, x, 1000, 0);
  TableFailed(m, m->t->copy(m->ctx, y, p, 8000, 2), "copy down");
  CheckAll("zero", y, zero, 1000, 0);
  TableFailed(m, m->t->release(m->ctx, p), "release");
  TableFailed(m, m->t->release(m->ctx, q), "release");
#if !defined(__SANITIZE_ADDRESS__) /* whose allocator ends the program */
  CheckInt("a buffer that does not fit is refused", m->t->alloc(m->ctx, (size_t)1 << 60, &p), NOMOS_ERR_MEM);
#endif
  CheckTrue("and nothing is broken after that", !m->t->alloc(m->ctx, 8, &p) && !m->t->release(m->ctx, p));
  for (int code = 0; code < 6; code++) CheckTrue("every code has a text", m->t->message(m->ctx, code) && m->t->message(m->ctx, code)[0]);
  free(x), free(y), free(zero);
}

int main(int argc, char **argv)
{
  Machine m;
  int     rc = TableOpen(&m, argc > 1 ? argv[1] : "host");
  if (rc) return rc;
  AllCovered();
  SetPrecision(&m, 1);
  Memory(&m);
  for (int precision = 0; precision < 2; precision++) {
    SetPrecision(&m, precision);
    for (size_t k = 0; k < NREFERENCES; k++)
      for (size_t i = 0; i < NSIZES; i++) references[k].test(&m, Sized(i));
    SumTree(&m);
  }
  m.t->close(m.ctx);
  return NomosTestResult();
}
/*TEST
  link: table
  np: 1 args: host env: NOMOS_ISA=base
  np: 1 args: host env: NOMOS_ISA=v3
  np: 1 args: host env: NOMOS_ISA=v4
  np: 1 args: host env: NOMOS_ISA=wide
  np: 1 args: cuda label: cuda
TEST*/
