/* Contract of the sweeps of a backend's table (kernels/sor.h) against plain loops over a dense matrix, written here from the
   formulas: rows one by one and in groups of levels, with every number of lanes, both triangles, kept iterates, Eisenstat's
   product, triangles, inner Jacobi, and how values come in. Argument: host or cuda. */
#include "table.h"

#define N 150
#define EACH(m, K, n, ...) TableFailed(m, (m)->t->each((m)->ctx, 1, NOMOS_EACH_##K, (n), &(K##Args){__VA_ARGS__}), #K)
#define DBL(a) ((double *)(void *)(a).p)

typedef struct { /* a sparse matrix, its levels in natural order, and both as the kernels take them, rows by level */
  double   a[N][N];
  PetscInt row[N], level[N + 1], nlevels, group[4], l[N + 1], u[N + 1], col[N * N], map[N * N], diagonal[N], nz;
  PetscInt perrow;
} Problem;
static Problem P;

static void Make(const Machine *m, PetscInt perrow)
{
  PetscInt depth[N] = {0}, k = 0, position[N];

  memset(&P, 0, sizeof(P));
  P.perrow = perrow;
  for (PetscInt i = 0; i < N; i++) {
    P.a[i][i] = 3 + Draw(m);
    for (PetscInt e = 0; e < perrow / 2; e++) {
      const PetscInt j = (PetscInt)((Draw(m) + 1) / 2 * N) % N;
      if (j != i) P.a[i][j] = Draw(m) / perrow, P.a[j][i] = Draw(m) / perrow; /* the pattern is symmetric */
    }
  }
  for (PetscInt i = 0; i < N; i++)
    for (PetscInt j = 0; j < i; j++)
      if (P.a[i][j] != 0 && depth[i] < depth[j] + 1) depth[i] = depth[j] + 1;
  for (PetscInt d = 0; k < N; d++) {
    P.level[P.nlevels++] = k;
    for (PetscInt i = 0; i < N; i++)
      if (depth[i] == d) position[i] = k, P.row[k++] = i;
  }
  P.level[P.nlevels] = N;
  P.group[1] = P.nlevels / 2, P.group[2] = P.nlevels;
  for (int part = 0; part < 2; part++)
    for (PetscInt r = 0; r < N; r++) {
      (part ? P.u : P.l)[r] = P.nz;
      for (PetscInt j = 0; j < N; j++)
        if (P.a[P.row[r]][j] != 0 && (part ? position[j] > r : position[j] < r)) P.col[P.nz] = j, P.map[P.nz++] = P.row[r] * N + j;
      (part ? P.u : P.l)[r + 1] = P.nz;
    }
  for (PetscInt r = 0; r < N; r++) P.diagonal[r] = P.row[r] * N + P.row[r];
}

typedef struct { /* in the machine's memory */
  PetscInt *row, *l, *u, *col, *level, *group, *map, *diagonal;
  Array     a, val, id;
} There;

static SORRows Rows(const There *t)
{
  return (SORRows){.row = t->row, .l = t->l, .lend = t->l + 1, .u = t->u, .uend = t->u + 1, .col = t->col, .val = DBL(t->val), .id = DBL(t->id)};
}

/* one backward or forward pass by rows, in the order of their numbers: levels give the same */
static void Plain(int back, int full, double omega, double keep, double shift, const double *b, double *x, double *t)
{
  for (PetscInt c = 0; c < N; c++) {
    const PetscInt i = back ? N - 1 - c : c;
    double         s = b[i];
    for (PetscInt j = 0; j < N; j++)
      if (back ? j > i : j < i) s -= P.a[i][j] * x[j];
    if (t) t[i] = s;
    for (PetscInt j = 0; full && j < N; j++)
      if (back ? j < i : j > i) s -= P.a[i][j] * x[j];
    x[i] = keep * x[i] + omega * s / (P.a[i][i] + shift);
  }
}

/* way 0: a launch per level, a row per piece; 1: two groups of levels, one after the other; 2 (host): all rows as one piece */
static void Launch(Machine *m, const There *t, int way, int lanes, int back, int kernel, void *args, SORPiece *piece)
{
  const PetscInt count = way == 0 ? P.nlevels : way == 1 ? 2 : 1;
  for (PetscInt c = 0; c < count; c++) {
    const PetscInt at = back ? count - 1 - c : c;
    PetscInt       n  = 1;
    if (way == 0) *piece = (SORPiece){.first = P.level[at], .size = 1}, n = P.level[at + 1] - P.level[at];
    else if (way == 1) *piece = (SORPiece){.group = t->group, .level = t->level, .first = at, .threads = 32 << (lanes % 3)};
    else *piece = (SORPiece){.size = N};
    piece->lanes = lanes;
    TableFailed(m, m->t->each(m->ctx, 1, kernel, n, args), "sweep");
  }
}

static void Sweeps(Machine *m, const There *t, int way, int lanes, double shift)
{
  char what[120];
  for (int back = 0; back < 2; back++)
    for (int full = 0; full < 2; full++) {
      const double   omega = 1.3, keep = full ? 1 - omega : 0;
      double        *b = DrawMany(m, N), *x = DrawMany(m, N), *s = DrawMany(m, N);
      Array          B = UpDouble(m, b, N), X = UpDouble(m, keep != 0 ? x : NULL, N), S = UpDouble(m, NULL, N); /* NaN unless kept */
      SORForwardArgs k = {.m = Rows(t), .b = DBL(B), .x = DBL(X), .t = back ? NULL : DBL(S), .omega = omega, .keep = keep, .full = full};
      if (keep == 0) memset(x, 0, N * sizeof(*x));
      Launch(m, t, way, lanes, back, back ? NOMOS_EACH_SORBackward : NOMOS_EACH_SORForward, &k, &k.piece);
      Plain(back, full, omega, keep, shift, b, x, s);
      snprintf(what, sizeof(what), "%s way %d lanes %d full %d", back ? "backward" : "forward", way, lanes, full);
      CheckArray(m, what, &X, x, 100 * DBL_EPSILON); /* numbers near 1, errors that decay from row to row */
      if (!back) CheckArray(m, "b - L x", &S, s, 100 * DBL_EPSILON);
      Free(m, &B), Free(m, &X), Free(m, &S);
      free(b), free(x), free(s);
    }
}

/* (D/omega + L)^-1 (v + y + (D - 2 (D+shift)/omega) t) + t; D without the shift in e, with it where it is divided by */
static void Eisenstat(Machine *m, const There *t, int way, int lanes, double shift)
{
  for (int add = 0; add < 2; add++) {
    const double     omega = 1.4;
    double          *v = DrawMany(m, N), *y = DrawMany(m, N), *w = DrawMany(m, N), *b = DrawMany(m, N), *x = (double *)calloc(N, sizeof(*x));
    Array            V = UpDouble(m, v, N), Y = UpDouble(m, add ? y : NULL, N), T = UpDouble(m, w, N), S = UpDouble(m, NULL, N);
    SOREisenstatArgs k = {.m = Rows(t), .t = DBL(T), .v = DBL(V), .s = DBL(S), .y = DBL(Y), .omega = omega, .shift = shift, .add = add};
    Launch(m, t, way, lanes, 0, NOMOS_EACH_SOREisenstat, &k, &k.piece);
    for (PetscInt i = 0; i < N; i++) b[i] = v[i] + (add ? y[i] : 0) + (P.a[i][i] - 2 * (P.a[i][i] + shift) / omega) * w[i];
    Plain(0, 0, omega, 0, shift, b, x, NULL);
    for (PetscInt i = 0; i < N; i++) x[i] += w[i];
    CheckArray(m, "Eisenstat's product", &Y, x, 100 * DBL_EPSILON);
    Free(m, &V), Free(m, &Y), Free(m, &T), Free(m, &S);
    free(v), free(y), free(w), free(b), free(x);
  }
}

static void Products(Machine *m, const There *t, double shift)
{
  const double omega = 0.9;
  for (int upper = 0; upper < 2; upper++) {
    double *x = DrawMany(m, N), *b = DrawMany(m, N), *y = (double *)calloc(N, sizeof(*y)), *z = (double *)calloc(N, sizeof(*y));
    Array   X = UpDouble(m, x, N), B = UpDouble(m, b, N), Y = UpDouble(m, NULL, N), Z = UpDouble(m, NULL, N), Q = UpDouble(m, NULL, N);
    EACH(m, SORTriangle, N, .m = Rows(t), .x = DBL(X), .y = DBL(Y), .omega = omega, .upper = upper);
    EACH(m, SORJacobi, N, .m = Rows(t), .x = DBL(X), .b = DBL(B), .y = DBL(Z), .omega = omega, .upper = upper);
    EACH(m, SORScale, N, .id = DBL(t->id), .v = DBL(X), .y = DBL(Q), .scale = 0.7);
    for (PetscInt i = 0; i < N; i++) {
      double s = 0;
      for (PetscInt j = 0; j < N; j++)
        if (upper ? j > i : j < i) s += P.a[i][j] * x[j];
      y[i] = x[i] * (P.a[i][i] + shift) / omega + s;
      z[i] = omega * (b[i] - s) / (P.a[i][i] + shift);
    }
    CheckArray(m, "triangle", &Y, y, 100 * DBL_EPSILON);
    CheckArray(m, "inner Jacobi", &Z, z, 100 * DBL_EPSILON);
    for (PetscInt i = 0; i < N; i++) y[i] = 0.7 * x[i] * (P.a[i][i] + shift);
    CheckArray(m, "scale", &Q, y, 20 * DBL_EPSILON);
    Free(m, &X), Free(m, &B), Free(m, &Y), Free(m, &Z), Free(m, &Q);
    free(x), free(b), free(y), free(z);
  }
}

/* values through the map, from two arrays; inverses; diagonals that cannot be used are counted */
static void Values(Machine *m, There *t, double shift)
{
  const PetscInt    unusable[] = {3, 77, 149};
  static const double bad[]    = {0, NAN, 1e-320};
  double           *want = (double *)calloc((size_t)P.nz, sizeof(double)), *inverse = (double *)calloc(N, sizeof(double)), *flat = &P.a[0][0], count = 0;
  PetscInt         *two = (PetscInt *)malloc((size_t)P.nz * sizeof(*two)), *map;
  Array             C = UpDouble(m, NULL, 1), Z = UpDouble(m, NULL, N), A;

  for (PetscInt k = 0; k < P.nz; k++) want[k] = flat[P.map[k]], two[k] = k % 2 ? -1 - P.map[k] : P.map[k];
  map = UpInts(m, two, (size_t)P.nz);
  EACH(m, SORGather, P.nz, .map = map, .a = DBL(t->a), .o = DBL(t->a), .val = DBL(t->val));
  CheckArray(m, "values", &t->val, want, 0);
  EACH(m, SORInvert, N, .row = t->row, .d = t->diagonal, .a = DBL(t->a), .id = DBL(t->id), .shift = shift);
  for (PetscInt i = 0; i < N; i++) inverse[i] = 1 / (P.a[i][i] + shift);
  CheckArray(m, "inverse diagonal", &t->id, inverse, DBL_EPSILON);
  for (int k = 0; k < 3; k++) flat[unusable[k] * (N + 1)] = bad[k];
  A = UpDouble(m, flat, N * N);
  EACH(m, SORInvert, N, .row = t->row, .d = t->diagonal, .a = DBL(A), .id = DBL(Z), .shift = 0);
  TableFailed(m, m->t->sum(m->ctx, 1, NOMOS_SUM_SORUnusable, 1, N, &(SORUnusableArgs){.id = DBL(Z)}, 0, DBL(C)), "SORUnusable");
  TableFailed(m, m->t->copy(m->ctx, &count, C.p, sizeof(count), 2), "copy down");
  CheckClose("zero, NaN and denormal diagonals are counted", count, 3, 0);
  for (int k = 0; k < 3; k++) flat[unusable[k] * (N + 1)] = 1 / inverse[unusable[k]] - shift;
  TableFailed(m, m->t->release(m->ctx, map), "release");
  Free(m, &A), Free(m, &Z), Free(m, &C);
  free(want), free(inverse), free(two);
}

static void Coupling(Machine *m)
{
  const PetscInt p[] = {0, 2, 2, 5}, col[] = {0, 3, 1, 0, 2};
  double        *v = DrawMany(m, 5), *x = DrawMany(m, 4), want[3] = {v[0] * x[0] + v[1] * x[3], 0, v[2] * x[1] + v[3] * x[0] + v[4] * x[2]};
  PetscInt      *q = UpInts(m, p, 4), *c = UpInts(m, col, 5);
  Array          V = UpDouble(m, v, 5), X = UpDouble(m, x, 4), Y = UpDouble(m, NULL, 3);

  EACH(m, SORCoupling, 3, .p = q, .col = c, .val = DBL(V), .x = DBL(X), .y = DBL(Y));
  CheckArray(m, "couplings", &Y, want, 4 * DBL_EPSILON);
  TableFailed(m, m->t->release(m->ctx, q), "release"), TableFailed(m, m->t->release(m->ctx, c), "release");
  Free(m, &V), Free(m, &X), Free(m, &Y);
  free(v), free(x);
}

int main(int argc, char **argv)
{
  static const PetscInt perrow[] = {0, 2, 12, 50};
  static const int      lanes[]  = {1, 4, 8, 32};
  Machine               m;
  const int             code = TableOpen(&m, argc > 1 ? argv[1] : "host"), host = m.t == &NomosHostTable;

  if (code) return code;
  SetPrecision(&m, 1);
  for (int i = 0; i < 4; i++) {
    const double shift = i % 2 ? 0.25 : 0;
    There        t;

    Make(&m, perrow[i]);
    t = (There){UpInts(&m, P.row, N), UpInts(&m, P.l, N + 1), UpInts(&m, P.u, N + 1), UpInts(&m, P.col, (size_t)P.nz), UpInts(&m, P.level, (size_t)P.nlevels + 1), UpInts(&m, P.group, 3), UpInts(&m, P.map, (size_t)P.nz), UpInts(&m, P.diagonal, N), UpDouble(&m, &P.a[0][0], N * N), UpDouble(&m, NULL, (size_t)P.nz), UpDouble(&m, NULL, N)};
    Values(&m, &t, shift);
    for (int way = 0; way < (host ? 3 : 2); way++)
      for (int k = 0; k < 4; k++) {
        Sweeps(&m, &t, way, lanes[k], shift);
        Eisenstat(&m, &t, way, lanes[k], shift);
      }
    Products(&m, &t, shift);
    {
      PetscInt *ints[] = {t.row, t.l, t.u, t.col, t.level, t.group, t.map, t.diagonal};
      for (size_t k = 0; k < sizeof(ints) / sizeof(*ints); k++) TableFailed(&m, m.t->release(m.ctx, ints[k]), "release");
    }
    Free(&m, &t.a), Free(&m, &t.val), Free(&m, &t.id);
  }
  Coupling(&m);
  m.t->close(m.ctx);
  return NomosTestResult();
}
/*TEST
  link: table
  np: 1  args: host
  np: 1  args: host  env: NOMOS_ISA=base
  np: 1  args: cuda  env: NOMOS_CUDA_LIBRARY=@FAKE@/libnomoscuda.so
  np: 1  args: cuda  label: cuda
TEST*/
