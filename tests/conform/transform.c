/* Contract of a backend's transforms: all four kinds against direct sums (docs/theory.md, neural operators 1), adjoint
   identities, kept and absent modes in any order, odd and tiny axes, spectra that are not Hermitian.
   Argument: host or cuda. */
#include "table.h"

#define MAXM 64
typedef struct {
  int      dim;
  PetscInt n[3], m[3], freq[3][MAXM];
} Grid;

/* the m slots of a leading axis: layout 0 fftshifted, most negative first; 1 corner, both ends in natural order;
   what the axis cannot carry is absent */
static void Leading(PetscInt n, PetscInt m, int layout, PetscInt *freq)
{
  for (PetscInt s = 0; s < m; s++) {
    const PetscInt k = layout == 0 ? s - m / 2 : (s < (m + 1) / 2 ? s : s - m);
    freq[s] = k < -(n / 2) || k > (n + 1) / 2 - 1 ? NOMOS_ABSENT : k;
  }
}
static Grid MakeGrid(int dim, const PetscInt *n, const PetscInt *m, int layout)
{
  Grid g;
  memset(&g, 0, sizeof(g));
  g.dim = dim;
  for (int j = 0; j < dim; j++) {
    g.n[j] = n[j], g.m[j] = m[j];
    if (j < dim - 1) Leading(n[j], m[j], layout, g.freq[j]);
    else
      for (PetscInt s = 0; s < m[j]; s++) g.freq[j][s] = s <= n[j] / 2 ? s : NOMOS_ABSENT;
  }
  return g;
}
static PetscInt Product(int dim, const PetscInt *v)
{
  PetscInt p = 1;
  for (int j = 0; j < dim; j++) p *= v[j];
  return p;
}

/* k.x/n reduced in integers, per axis, so that the reference keeps its digits; returns 0 for an absent mode; w: half-spectrum
   weight; inert: the mode is its own conjugate */
static int Phase(const Grid *g, PetscInt mode, PetscInt point, double *turns, double *w, int *inert)
{
  *turns = 0, *inert = 1;
  for (int j = g->dim - 1; j >= 0; j--) {
    const PetscInt f = g->freq[j][mode % g->m[j]], x = point % g->n[j];
    if (f == NOMOS_ABSENT) return 0;
    if (j == g->dim - 1) *w = f == 0 || 2 * f == g->n[j] ? 1 : 2;
    if ((2 * f) % g->n[j]) *inert = 0;
    *turns += (double)(((f * x) % g->n[j] + g->n[j]) % g->n[j]) / (double)g->n[j];
    mode /= g->m[j], point /= g->n[j];
  }
  return 1;
}

/* fields to spectra: s times (w or 1) times the sum over points of x exp(-2 pi i k.x/n) */
static void DirectForward(const Grid *g, double s, int weighted, const double *x, double *z)
{
  const PetscInt N = Product(g->dim, g->n), K = Product(g->dim, g->m), kp = NomosFFTPad(K);
  memset(z, 0, 2 * (size_t)kp * sizeof(*z));
  for (PetscInt k = 0; k < K; k++)
    for (PetscInt i = 0; i < N; i++) {
      double t, w;
      int    inert;
      if (!Phase(g, k, i, &t, &w, &inert)) continue;
      t *= 2 * M_PI, w = weighted ? s * w : s;
      z[k] += w * x[i] * cos(t);
      z[kp + k] -= inert ? 0 : w * x[i] * sin(t);
    }
}
/* spectra to fields: s times the sum over kept modes of (w or 1) Re(Z exp(2 pi i k.x/n)). With w this is the inverse of the
   Hermitian completion: on the planes with w = 1 taking the real part is taking the Hermitian part. */
static void DirectInverse(const Grid *g, double s, int weighted, const double *z, double *x)
{
  const PetscInt N = Product(g->dim, g->n), K = Product(g->dim, g->m), kp = NomosFFTPad(K);
  for (PetscInt i = 0; i < N; i++) {
    x[i] = 0;
    for (PetscInt k = 0; k < K; k++) {
      double t, w;
      int    inert;
      if (!Phase(g, k, i, &t, &w, &inert)) continue;
      t *= 2 * M_PI, w = weighted ? s * w : s;
      x[i] += w * (z[k] * cos(t) - (inert ? 0 : z[kp + k] * sin(t)));
    }
  }
}

static double Dot(const double *a, const double *b, size_t n)
{
  double s = 0;
  for (size_t i = 0; i < n; i++) s += a[i] * b[i];
  return s;
}
static double Norm1(const double *a, size_t n)
{
  double s = 0;
  for (size_t i = 0; i < n; i++) s += fabs(a[i]);
  return s;
}

/* imaginary parts of self-conjugate modes, and the padding, must be zero and not merely small: no gradient may leak there */
static void CheckInert(const char *what, const Grid *g, const double *z, PetscInt batch)
{
  const PetscInt K = Product(g->dim, g->m), kp = NomosFFTPad(K);
  PetscInt       bad = 0;
  for (PetscInt b = 0; b < batch; b++, z += 2 * kp)
    for (PetscInt k = 0; k < kp; k++) {
      double t, w;
      int    inert = 0, present = k < K && Phase(g, k, 0, &t, &w, &inert);
      if (!present) bad += z[k] != 0 || z[kp + k] != 0;
      else if (inert) bad += z[kp + k] != 0;
    }
  CheckInt(what, bad, 0);
}

/* fields one after the other to tiles [sample][tile][channel][points of a tile], or back */
static void Tiles(double *x, PetscInt fields, PetscInt channels, PetscInt points, PetscInt tile, int back)
{
  double *y = (double *)malloc((size_t)(fields * points) * sizeof(*y));
  for (PetscInt f = 0; f < fields; f++)
    for (PetscInt i = 0; i < points; i++) {
      const PetscInt plain = f * points + i, tiled = ((f / channels * (points / tile) + i / tile) * channels + f % channels) * tile + i % tile;
      y[back ? plain : tiled] = x[back ? tiled : plain];
    }
  memcpy(x, y, (size_t)(fields * points) * sizeof(*y));
  free(y);
}

/* The same numbers from fields in tiles: a matter of addresses, so equal to the last bit. The second half of the channels'
   samples, and the smallest tile that a plan takes, one row behind the first axis (a library: any divisor). */
static void Tiled(Machine *m, const char *name, NomosFFTDesc d, PetscInt batch, const double *x, const double *z, double *const plain[4])
{
  const PetscInt N = Product(d.dim, d.n), kp = NomosFFTPad(Product(d.dim, d.m)), rows = d.n[0] % 2 == 0 && d.n[0] > 2 ? 2 : 1;
  const size_t   nx = (size_t)(batch * N), nz = (size_t)(batch * 2 * kp);
  void          *plan = NULL;
  char           what[256];

  d.channels = batch % 2 == 0 ? batch / 2 : batch, d.tile = N / d.n[0] * rows;
  snprintf(what, sizeof(what), "%s tiled create", name);
  if (!strcmp(m->t->name, "cuda")) {
    CheckInt(what, m->t->fft_create(m->ctx, &d, &plan), NOMOS_ERR_SUP);
    return;
  }
  if (d.dim == 1 || TableFailed(m, m->t->fft_create(m->ctx, &d, &plan), what)) return;
  for (int kind = 0; kind < 4; kind++) {
    const int tospectra = kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ;
    double   *in = (double *)malloc((tospectra ? nx : nz) * sizeof(*in)), *got;
    Array     a, b;
    memcpy(in, tospectra ? x : z, (tospectra ? nx : nz) * sizeof(*in));
    if (tospectra) Tiles(in, batch, d.channels, N, d.tile, 0);
    a = Up(m, in, tospectra ? nx : nz), b = Up(m, NULL, tospectra ? nz : nx);
    snprintf(what, sizeof(what), "%s tiled, kind %d", name, kind);
    if (!TableFailed(m, m->t->fft(m->ctx, plan, kind, batch, a.p, b.p, 0), what)) {
      got = Down(m, &b, what);
      if (!tospectra) Tiles(got, batch, d.channels, N, d.tile, 1);
      CheckInt(what, memcmp(got, plain[kind], (tospectra ? nz : nx) * sizeof(*got)), 0);
      free(got);
    }
    Free(m, &a), Free(m, &b), free(in);
  }
  TableFailed(m, m->t->fft_destroy(m->ctx, plan), "destroy");
}

static void OneGrid(Machine *m, const char *name, const Grid *g, int method, PetscInt batch)
{
  const PetscInt N = Product(g->dim, g->n), K = Product(g->dim, g->m), kp = NomosFFTPad(K);
  const size_t   nx = (size_t)(batch * N), nz = (size_t)(batch * 2 * kp);
  const double   sf = 0.75 / (double)N, si = 1.25; /* numbers nobody has built in */
  double        *x = DrawMany(m, nx), *z = DrawMany(m, nz), *y0 = DrawMany(m, nx), *ref = (double *)calloc(nx + nz, sizeof(*ref)), *got[4];
  /* rounding of plain sums, axis by axis: at most (n_0 + n_1 + n_2) eps sum |terms|; 3 more for the scales and the weight */
  const double   terms = (double)(Product(1, g->n) + (g->dim > 1 ? g->n[1] : 0) + (g->dim > 2 ? g->n[2] : 0) + 3) * m->eps;
  void          *plan  = NULL;
  char           what[256];
  int            code;
  NomosFFTDesc   d = {g->dim, m->precision, method, {g->n[0], g->n[1], g->n[2]}, {g->m[0], g->m[1], g->m[2]}, {g->freq[0], g->freq[1], g->freq[2]}, batch + 1, 0, 0, sf, si};

  for (PetscInt b = 0; b < batch; b++) /* spectra are padded with zeros by contract */
    for (PetscInt k = K; k < kp; k++) z[(b * 2) * kp + k] = z[(b * 2 + 1) * kp + k] = 0;
  code = m->t->fft_create(m->ctx, &d, &plan);
  snprintf(what, sizeof(what), "%s create", name);
  if (TableFailed(m, code, what)) goto end;
  for (int kind = 0; kind < 4; kind++) {
    static const char *const kinds[] = {"forward", "inverse", "forward adjoint", "inverse adjoint"};
    const int    tospectra = kind == NOMOS_FFT_FORWARD || kind == NOMOS_FFT_INVERSE_ADJ, weighted = kind == NOMOS_FFT_INVERSE || kind == NOMOS_FFT_INVERSE_ADJ;
    const double s = weighted ? si : sf;
    Array        in = Up(m, tospectra ? x : z, tospectra ? nx : nz), out = Up(m, NULL, tospectra ? nz : nx);
    double       most = 0;

    for (PetscInt b = 0; b < batch; b++) {
      if (tospectra) DirectForward(g, s, weighted, x + b * N, ref + b * 2 * kp);
      else DirectInverse(g, s, weighted, z + b * 2 * kp, ref + b * N);
      most = fmax(most, fabs(s) * (weighted ? 2 : 1) * (tospectra ? Norm1(x + b * N, (size_t)N) : Norm1(z + b * 2 * kp, 2 * (size_t)kp)));
    }
    snprintf(what, sizeof(what), "%s %s", name, kinds[kind]);
    if (!TableFailed(m, m->t->fft(m->ctx, plan, kind, batch, in.p, out.p, 0), what)) CheckArray(m, what, &out, ref, terms * most);
    got[kind] = Down(m, &out, what);
    if (tospectra) CheckInert(what, g, got[kind], batch);
    CheckTrue("an empty batch is no error", !m->t->fft(m->ctx, plan, kind, 0, in.p, out.p, 0));
    Free(m, &out);
    if (!tospectra) { /* adding into what is there */
      out = Up(m, y0, nx);
      for (size_t i = 0; i < nx; i++) ref[i] += y0[i];
      snprintf(what, sizeof(what), "%s %s, added", name, kinds[kind]);
      if (!TableFailed(m, m->t->fft(m->ctx, plan, kind, batch, in.p, out.p, 1), what)) CheckArray(m, what, &out, ref, terms * most + 2 * m->eps * (1 + most));
      Free(m, &out);
    } else {
      out = Up(m, NULL, nz);
      CheckInt("adding into a spectrum is refused", m->t->fft(m->ctx, plan, kind, batch, in.p, out.p, 1), NOMOS_ERR_ARG);
      Free(m, &out);
    }
    Free(m, &in);
  }
  /* <F x, z> = <x, F^T z> over all fields together, relative to the sum of what is added up */
  snprintf(what, sizeof(what), "%s <F x, z> = <x, F^T z>", name);
  CheckClose(what, Dot(got[NOMOS_FFT_FORWARD], z, nz), Dot(x, got[NOMOS_FFT_FORWARD_ADJ], nx), terms * sf * Norm1(x, nx) * Norm1(z, nz));
  snprintf(what, sizeof(what), "%s <C z, x> = <z, C^T x>", name);
  CheckClose(what, Dot(got[NOMOS_FFT_INVERSE], x, nx), Dot(z, got[NOMOS_FFT_INVERSE_ADJ], nz), terms * 2 * si * Norm1(x, nx) * Norm1(z, nz));
  Tiled(m, name, d, batch, x, z, got);
  for (int kind = 0; kind < 4; kind++) free(got[kind]);
end:
  if (plan) TableFailed(m, m->t->fft_destroy(m->ctx, plan), "destroy");
  free(x), free(z), free(y0), free(ref);
}

/* A build without FFTW says so; then, and only then, its method is left out. The dense transforms serve these sizes alone. */
static int Skipped(Machine *m, int method)
{
  char about[256];

  m->t->describe(m->ctx, about, sizeof(about));
  return method == NOMOS_FFT_LIBRARY && strstr(about, "FFT library none");
}

static void Run(Machine *m, const Grid *g, PetscInt batch)
{
  static const char *const methods[] = {"auto", "library", "dense"};
  for (int method = 0; method < 3; method++) {
    if (Skipped(m, method)) continue;
    char name[160];
    snprintf(name, sizeof(name), "%s %s n=%d,%d,%d m=%d,%d,%d f0=%d batch=%d", m->precision ? "double" : "single", methods[method], (int)g->n[0], (int)g->n[1], (int)g->n[2], (int)g->m[0], (int)g->m[1], (int)g->m[2], (int)g->freq[0][0], (int)batch);
    OneGrid(m, name, g, method, batch);
  }
}

static void AllGrids(Machine *m)
{
  static const PetscInt n1[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 64};
  static const PetscInt n2[][4] = {/* n0 n1 m0 m1 */ {1, 1, 1, 1}, {1, 8, 1, 3}, {8, 1, 4, 1}, {2, 2, 2, 2}, {3, 5, 3, 3}, {5, 3, 3, 2}, {8, 8, 4, 3}, {8, 8, 8, 5}, {9, 7, 9, 4}, {9, 8, 6, 4}, {7, 9, 12, 7}, {4, 6, 8, 6}, {16, 16, 8, 5}, {11, 13, 5, 3}, {12, 10, 5, 9}, {5, 12, 2, 1},
    /* first axis folded twice, whole and partial vectors of columns */ {16, 5, 16, 3}, {20, 9, 7, 4}, {32, 40, 13, 9}, {64, 24, 16, 5}};
  static const PetscInt n3[][6] = {{1, 1, 1, 1, 1, 1}, {2, 3, 4, 2, 3, 3}, {4, 4, 4, 2, 2, 2}, {3, 5, 7, 3, 4, 3}, {5, 4, 3, 8, 3, 4}, {6, 6, 6, 6, 6, 4}, {1, 4, 5, 2, 3, 2}};
  for (size_t i = 0; i < sizeof(n1) / sizeof(*n1); i++) {
    const PetscInt few[] = {1, 2, n1[i] / 2 + 1, n1[i] / 2 + 4};
    for (int j = 0; j < 4; j++) {
      Grid g = MakeGrid(1, &n1[i], &few[j], 0);
      Run(m, &g, 1 + (PetscInt)((i + (size_t)j) % 3));
    }
  }
  for (size_t i = 0; i < sizeof(n2) / sizeof(*n2); i++)
    for (int layout = 0; layout < 2; layout++) {
      Grid g = MakeGrid(2, n2[i], n2[i] + 2, layout);
      Run(m, &g, 1 + (PetscInt)(i % 5));
    }
  for (size_t i = 0; i < sizeof(n3) / sizeof(*n3); i++)
    for (int layout = 0; layout < 2; layout++) {
      Grid g = MakeGrid(3, n3[i], n3[i] + 3, layout);
      Run(m, &g, 2);
    }
  { /* slots in no order, one missing in the middle, one sign only */
    static const PetscInt n[] = {8, 6}, k[] = {5, 4};
    static const PetscInt odd[] = {3, NOMOS_ABSENT, -1, -4, 0};
    Grid g = MakeGrid(2, n, k, 0);
    memcpy(g.freq[0], odd, sizeof(odd));
    Run(m, &g, 3);
  }
  { /* long axes, one beyond 64 */
    static const PetscInt n[] = {96}, k[] = {20}, nb[] = {6, 80}, kb[] = {4, 9};
    Grid g = MakeGrid(1, n, k, 0);
    Run(m, &g, 2);
    g = MakeGrid(2, nb, kb, 0);
    Run(m, &g, 2);
  }
}

/* what cannot be done is refused with a code, not computed wrong */
static void Refused(Machine *m)
{
  PetscInt     f0[2] = {0, 5}, f1[2] = {0, 1};
  void        *plan  = NULL;
  NomosFFTDesc d     = {2, 1, NOMOS_FFT_AUTO, {8, 8, 0}, {2, 2, 0}, {f0, f1, NULL}, 1, 0, 0, 1, 1};
  for (int method = 0; method < 3; method++) {
    if (Skipped(m, method)) continue;
    d.method = method, d.dim = 2, d.n[0] = 8, d.m[0] = 2;
    CheckTrue("a frequency beyond the grid is refused", m->t->fft_create(m->ctx, &d, &plan) == NOMOS_ERR_ARG && !plan);
    f0[1] = 1, d.n[0] = 0;
    CheckTrue("an empty axis is refused", m->t->fft_create(m->ctx, &d, &plan) == NOMOS_ERR_ARG && !plan);
    d.n[0] = 8, d.dim = 4;
    CheckTrue("four axes are refused", m->t->fft_create(m->ctx, &d, &plan) == NOMOS_ERR_ARG && !plan);
    d.dim = 2, f1[1] = -1;
    CheckTrue("a negative frequency of the last axis is refused", m->t->fft_create(m->ctx, &d, &plan) == NOMOS_ERR_ARG && !plan);
    f1[1] = 1, d.channels = 1, d.tile = 12, f0[1] = 1;
    CheckTrue("a tile that does not divide the field is refused", m->t->fft_create(m->ctx, &d, &plan) != NOMOS_OK && !plan);
    d.tile = 0, f0[1] = 5;
  }
}

int main(int argc, char **argv)
{
  Machine m;
  int     rc = TableOpen(&m, argc > 1 ? argv[1] : "host");
  if (rc) return rc;
  for (int precision = 0; precision < 2; precision++) {
    SetPrecision(&m, precision);
    AllGrids(&m);
  }
  Refused(&m);
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
