/* The bodies of the CUDA backend (cuda/bodies.h) and the tables they read (cuda/tables.h), run on the host: their index
   arithmetic against the host backend's transforms and products, without a GPU. cuFFT's place is taken by direct sums. */
#define NOMOS_PRECISION 64
#if !defined(NOMOSTEST_NO_PETSC)
  #define NOMOSTEST_NO_PETSC
#endif
#include "../../cuda/tables.h"
#include "../nomostest.h"
#include <float.h>
#include <stdint.h>

#define RUN(K, count, ...) \
  do { \
    const K##Args a_ = {__VA_ARGS__}; \
    const long long n_ = (count); \
    for (long long i_ = 0; i_ < n_; i_++) K(i_, a_); \
  } while (0)

static void    *Host;
static uint64_t Seed = 7;
static double  *Draw(long long n)
{
  double *v = (double *)malloc((size_t)(n + 1) * sizeof(*v));
  for (long long i = 0; i < n; i++) {
    Seed = Seed * 6364136223846793005ULL + 1442695040888963407ULL;
    v[i] = (double)(int64_t)Seed / 9223372036854775808.0;
  }
  return v;
}
static double *Nan(long long n)
{
  double *v = (double *)malloc((size_t)(n + 1) * sizeof(*v));
  for (long long i = 0; i < n; i++) v[i] = NAN;
  return v;
}
static void Compare(const char *what, const char *where, const double *got, const double *want, long long n, double tol)
{
  char      text[300];
  long long worst = 0;
  double    most  = -1;
  for (long long i = 0; i < n; i++)
    if (!(fabs(got[i] - want[i]) <= most)) most = fabs(got[i] - want[i]), worst = i;
  snprintf(text, sizeof(text), "%s %s [%lld of %lld]", where, what, worst, n);
  CheckClose(text, got[worst], want[worst], tol);
}

/* --- transforms --------------------------------------------------------------------------------------------------- */
/* angle of place e of the half spectrum at point x, and the weight of its last frequency */
static double Angle(const Spectrum *s, long long e, long long x, double *w)
{
  double t = 0;
  for (int j = s->dim - 1; j >= 0; j--) {
    const int       last = j == s->dim - 1, size = last ? s->n[j] / 2 + 1 : s->n[j];
    const long long f = e % size, y = x % s->n[j];
    if (last) *w = 2 * f % s->n[j] ? 2 : 1;
    t += (double)(f * y % s->n[j]) / s->n[j];
    e /= size, x /= s->n[j];
  }
  return 2 * M_PI * t;
}
static void FullForward(const Spectrum *s, long long batch, const double *x, double *full) /* in the place of R2C */
{
  for (long long b = 0; b < batch; b++)
    for (long long e = 0; e < s->half; e++) {
      double re = 0, im = 0, w;
      for (long long i = 0; i < s->points; i++) {
        const double a = Angle(s, e, i, &w);
        re += x[b * s->points + i] * cos(a), im -= x[b * s->points + i] * sin(a);
      }
      full[2 * (b * s->half + e)] = re, full[2 * (b * s->half + e) + 1] = im;
    }
}
/* in the place of C2R, which may rely on what is checked first: planes that are their own conjugates are Hermitian */
static void FullInverse(const Spectrum *s, const char *where, long long batch, const double *full, double *y)
{
  long long bad = 0;
  for (long long b = 0; b < batch; b++) {
    const double *z = full + 2 * b * s->half;
    for (long long e = 0; e < s->half; e++) {
      const long long row = s->n[s->dim - 1] / 2 + 1, f = e % row;
      long long       rest = e / row, conj = f, stride = row;
      if (2 * f % s->n[s->dim - 1]) continue;
      for (int j = s->dim - 2; j >= 0; j--) {
        conj += stride * ((s->n[j] - rest % s->n[j]) % s->n[j]);
        stride *= s->n[j], rest /= s->n[j];
      }
      bad += z[2 * e] != z[2 * conj] || z[2 * e + 1] != -z[2 * conj + 1];
    }
    for (long long i = 0; i < s->points; i++) {
      double v = 0, w;
      for (long long e = 0; e < s->half; e++) {
        const double a = Angle(s, e, i, &w);
        v += w * (z[2 * e] * cos(a) - z[2 * e + 1] * sin(a));
      }
      y[b * s->points + i] = v;
    }
  }
  if (bad) fprintf(stderr, "%s: ", where);
  CheckInt("places that are not Hermitian", bad, 0);
}

/* the dense path of cufft.cu, with its two arrays that take turns */
static double *DenseForward(const Spectrum *s, long long batch, const double *x)
{
  const int l     = s->dim - 1;
  long long outer = batch * (s->points / s->n[l]), inner = s->m[l];
  double   *from  = Nan(2 * outer * inner);
  RUN(LastForward, outer * s->m[l], x, s->cs[l], from, s->freq[l], s->n[l], s->m[l], 0);
  for (int j = l - 1; j >= 0; j--) {
    double *to = Nan(2 * outer / s->n[j] * s->m[j] * inner);
    outer /= s->n[j];
    RUN(Lead, outer * s->m[j] * inner, from, s->cs[j], to, s->freq[j], s->n[j], s->n[j], s->m[j], inner, 1);
    inner *= s->m[j];
    free(from);
    from = to;
  }
  return from;
}
static void DenseInverse(const Spectrum *s, long long batch, double *from, double *y, int add)
{
  const int l     = s->dim - 1;
  long long outer = batch, inner = s->modes;
  for (int j = 0; j < l; j++) {
    double *to;
    inner /= s->m[j];
    to = Nan(2 * outer * s->n[j] * inner);
    RUN(Lead, outer * s->n[j] * inner, from, s->cs[j], to, s->freq[j], s->n[j], s->m[j], s->n[j], inner, 0);
    outer *= s->n[j];
    free(from);
    from = to;
  }
  RUN(LastInverse, batch * s->points, from, s->cs[l], y, s->freq[l], s->n[l], s->m[l], add);
  free(from);
}

static void OneTransform(int dim, const PetscInt *n, const PetscInt *m, PetscInt batch, int corner)
{
  PetscInt     freq[3][64];
  double       sf = 0.5, si = 1.5, tol;
  NomosFFTDesc d = {dim, 1, NOMOS_FFT_DENSE, {0}, {0}, {freq[0], freq[1], freq[2]}, batch, 0, 0, sf, si};
  Spectrum     s;
  void        *plan = NULL;
  char         where[120];

  for (int j = 0; j < dim; j++) {
    d.n[j] = n[j], d.m[j] = m[j];
    for (PetscInt k = 0; k < m[j]; k++) {
      const PetscInt f = j == dim - 1 ? k : corner ? (k < (m[j] + 1) / 2 ? k : k - m[j]) : k - m[j] / 2;
      freq[j][k] = j == dim - 1 ? (f <= n[j] / 2 ? f : NOMOS_ABSENT) : f < -(n[j] / 2) || f > (n[j] + 1) / 2 - 1 ? NOMOS_ABSENT : f;
    }
  }
  snprintf(where, sizeof(where), "n=%d,%d,%d m=%d,%d,%d", (int)d.n[0], (int)d.n[1], (int)d.n[2], (int)d.m[0], (int)d.m[1], (int)d.m[2]);
  CheckInt("tables", SpectrumTables(&d, &s), NOMOS_OK);
  CheckInt("host plan", NomosHostTable.fft_create(Host, &d, &plan), NOMOS_OK);
  if (!plan) return;
  {
    const long long nx = batch * s.points, nz = batch * 2 * s.kp, nf = 2 * batch * s.half;
    double         *x = Draw(nx), *z = Draw(nz), *want = Nan(nx + nz), *got = Nan(nx + nz), *full = Nan(nf), *c;
    for (long long b = 0; b < batch; b++)
      for (long long k = s.modes; k < s.kp; k++) z[2 * b * s.kp + k] = z[(2 * b + 1) * s.kp + k] = 0;
    /* both sides are sums of at most as many terms as there are points or modes, of numbers below 1, times 2 si */
    tol = 4 * si * DBL_EPSILON * (double)(s.points + 2 * s.modes);
    for (int adjoint = 0; adjoint < 2; adjoint++) { /* to spectra: FORWARD, INVERSE_ADJ */
      const double scale = adjoint ? si : sf;
      NomosHostTable.fft(Host, plan, adjoint ? NOMOS_FFT_INVERSE_ADJ : NOMOS_FFT_FORWARD, batch, x, want, 0);
      FullForward(&s, batch, x, full);
      RUN(Restrict, batch * s.kp, full, got, s.place, s.flags, s.half, s.modes, s.kp, scale, adjoint);
      Compare("Restrict", where, got, want, nz, tol);
      c = DenseForward(&s, batch, x);
      for (long long i = 0; i < nz; i++) got[i] = NAN;
      RUN(Restrict, batch * s.kp, c, got, s.self, s.flags, s.modes, s.modes, s.kp, scale, adjoint);
      Compare("direct sums forward", where, got, want, nz, tol);
      free(c);
    }
    for (int adjoint = 0; adjoint < 2; adjoint++) { /* to fields: INVERSE, FORWARD_ADJ */
      const double scale = adjoint ? sf : si;
      NomosHostTable.fft(Host, plan, adjoint ? NOMOS_FFT_FORWARD_ADJ : NOMOS_FFT_INVERSE, batch, z, want, 0);
      for (long long i = 0; i < nf; i++) full[i] = NAN;
      RUN(Embed, batch * s.half, z, full, s.slot, s.mirror, s.flags, s.half, s.kp, scale, adjoint);
      FullInverse(&s, where, batch, full, got);
      Compare("Embed", where, got, want, nx, tol);
      for (int add = 0; add < 2; add++) {
        c = Nan(2 * batch * s.modes);
        RUN(Unpack, batch * s.modes, z, c, s.place, s.flags, s.modes, s.kp, scale, !adjoint);
        for (long long i = 0; i < nx; i++) got[i] = add ? x[i] : NAN, want[i] += add ? x[i] : 0;
        DenseInverse(&s, batch, c, got, add);
        Compare("direct sums inverse", where, got, want, nx, tol + 4 * DBL_EPSILON * add);
      }
    }
    free(x), free(z), free(want), free(got), free(full);
  }
  NomosHostTable.fft_destroy(Host, plan);
  SpectrumFree(&s);
}
static void Transforms(void)
{
  static const PetscInt sizes[][7] = {/* dim n m */ {1, 1, 0, 0, 1}, {1, 2, 0, 0, 2}, {1, 5, 0, 0, 3}, {1, 8, 0, 0, 5}, {1, 9, 0, 0, 8}, {1, 12, 0, 0, 3}, {2, 1, 1, 0, 1, 1}, {2, 2, 2, 0, 2, 2}, {2, 1, 6, 0, 2, 3}, {2, 6, 1, 0, 4, 1}, {2, 8, 8, 0, 8, 5}, {2, 8, 8, 0, 4, 3}, {2, 9, 7, 0, 9, 4}, {2, 7, 12, 0, 10, 9}, {2, 11, 10, 0, 5, 6}, {3, 2, 3, 4, 2, 3, 3}, {3, 4, 4, 4, 4, 4, 3}, {3, 5, 4, 3, 3, 6, 2}, {3, 1, 6, 5, 2, 4, 3}};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
    for (int corner = 0; corner < 2; corner++) OneTransform((int)sizes[i][0], sizes[i] + 1, sizes[i] + 4, 1 + (PetscInt)(i % 3), corner);
}

/* --- products ----------------------------------------------------------------------------------------------------- */
static void OneModes(int op, int separable, PetscInt in, PetscInt out, PetscInt kp, PetscInt batch, int add, PetscInt first, PetscInt rows)
{
  const long long nx = (long long)batch * in * 2 * kp, ny = (long long)batch * out * 2 * kp, nw = 2LL * kp * in * (separable ? 1 : out), n = op == NOMOS_MODES_WX ? ny : op == NOMOS_MODES_WHY ? nx : nw;
  double         *v[3] = {Draw(nw), Draw(nx), Draw(ny)}, *u[3], *want, *got;
  const long long size[3] = {nw, nx, ny};
  NomosModes      g = {op, separable, add, in, out, kp, batch, v[0], v[1], v[2], first, rows, 0}, h;
  const long long all = (long long)in * (separable ? 1 : out), part = op == NOMOS_MODES_GRAD && rows ? rows : all;
  char            where[120];

  snprintf(where, sizeof(where), "modes op=%d separable=%d in=%d out=%d kp=%d batch=%d add=%d rows=%d from %d", op, separable, (int)in, (int)out, (int)kp, (int)batch, add, (int)rows, (int)first);
  for (int i = 0; i < 3; i++) u[i] = (double *)malloc((size_t)(size[i] + 1) * sizeof(double)), memcpy(u[i], v[i], (size_t)size[i] * sizeof(double));
  h = g, h.W = u[0], h.X = u[1], h.Y = u[2];
  want = op == NOMOS_MODES_WX ? u[2] : op == NOMOS_MODES_WHY ? u[1] : u[0];
  got  = op == NOMOS_MODES_WX ? v[2] : op == NOMOS_MODES_WHY ? v[1] : v[0];
  CheckInt(where, NomosHostTable.modes(Host, 1, &h), NOMOS_OK);
  if (separable) {
    for (long long i = 0; i < kp * part; i++) ModesSeparable(i, g);
  } else if (op == NOMOS_MODES_GRAD) {
    for (long long i = 0; i < kp * part; i++) ModesGradient(i, g);
  } else {
    const long long count = (long long)kp * (op == NOMOS_MODES_WHY ? in : out) * ((batch + MODES_SAMPLES - 1) / MODES_SAMPLES);
    for (long long i = 0; i < count; i++) ModesProduct(i, g);
  }
  if (n) Compare("product", where, got, want, n, 4 * DBL_EPSILON * (double)(2 * (in + out + batch)));
  for (int i = 0; i < 3; i++) free(u[i]), free(v[i]);
}
static void Products(void)
{
  for (int op = 0; op < 3; op++)
    for (int add = 0; add < 2; add++)
      for (int i = 0; i < 12; i++) {
        OneModes(op, 0, 1 + i % 5, 1 + i % 7, 16 * (1 + i % 3), i, add, 0, 0);
        OneModes(op, 1, 1 + i % 5, 1 + i % 5, 16 * (1 + i % 3), i % 6, add, 0, 0);
        OneModes(NOMOS_MODES_GRAD, op % 2, 4, 4, 32, i, add, i % 3, 1 + i % 2);
      }
  { /* bias, sum over samples, plain addition */
    const long long B = 3, O = 4, P = 7, stride = 35, size = 12;
    double         *y = Draw(B * stride), *bias = Draw(O), *want = (double *)malloc((size_t)(B * stride) * sizeof(double)), *parts = Draw(5 * size), *a = Draw(size), *w = Draw(size);
    memcpy(want, y, (size_t)(B * stride) * sizeof(double));
    for (long long b = 0; b < B; b++)
      for (long long o = 0; o < O; o++)
        for (long long p = 0; p < P; p++) want[b * stride + o * P + p] += bias[o];
    RUN(AddBias, B * O * P, bias, y, O, P, stride);
    Compare("AddBias", "products", y, want, B * stride, 0);
    for (int add = 0; add < 2; add++) {
      for (long long j = 0; j < size; j++) {
        w[j] = add ? a[j] : 0;
        for (int b = 0; b < 5; b++) w[j] += parts[b * size + j];
        if (!add) a[j] = NAN;
      }
      RUN(SumSamples, size, parts, a, size, 5, add);
      Compare("SumSamples", "products", a, w, size, 0);
    }
    for (long long j = 0; j < size; j++) w[j] = a[j] + parts[j];
    RUN(AddReal, size, parts, a);
    Compare("AddReal", "products", a, w, size, 0);
    free(y), free(bias), free(want), free(parts), free(a), free(w);
  }
}

int main(void)
{
  char         why[64];
  PetscInt     twice[2] = {-4, 4}, one[1] = {0};
  NomosFFTDesc d = {2, 1, NOMOS_FFT_DENSE, {8, 4, 0}, {2, 1, 0}, {twice, one, NULL}, 1, 0, 0, 1, 1};
  Spectrum     s;
  if (NomosHostTable.open(&Host, why, sizeof(why))) return 1;
  Transforms();
  Products();
  CheckInt("two slots with one frequency are refused", SpectrumTables(&d, &s), NOMOS_ERR_ARG);
  d.n[0] = 1 << 20, d.n[1] = 1 << 20, twice[1] = 0;
  CheckInt("a grid whose places overflow is refused", SpectrumTables(&d, &s), NOMOS_ERR_ARG);
  NomosHostTable.close(Host);
  return NomosTestResult();
}
/*TEST
  link: table
  np: 1
TEST*/
