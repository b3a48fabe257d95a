/* Times kernels and products of a backend's table beside their floors, in this run on this core: bytes that must move over
   the speed of a plain copy in cache, operations over the speed of independent multiply-adds. Arguments: host or cuda.
   Figures as key=value; best of several repetitions. */
#include "../conform/table.h"
#include <time.h>

#define REAL(a) ((NomosReal *)(void *)(a).p)
#define DBL(a)  ((double *)(void *)(a).p)

static double Now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
/* seconds of one CALL: repeated to 2 ms at least, best of 15 */
#define TIME(m, seconds, CALL) \
  do { \
    int    times_ = 1; \
    double best_  = 1e30; \
    for (int r_ = 0; r_ < 15; r_++) { \
      double t_ = Now(); \
      for (int i_ = 0; i_ < times_; i_++) TableFailed((m), (CALL), "bench"); \
      (m)->t->sync((m)->ctx); \
      t_ = Now() - t_; \
      if (t_ < 2e-3 && times_ < 1 << 24) times_ *= 2, r_--; \
      else if (t_ / times_ < best_) best_ = t_ / times_; \
    } \
    (seconds) = best_; \
  } while (0)

#if defined(__x86_64__)
typedef float V8 __attribute__((vector_size(32)));
__attribute__((target("avx2,fma"), noinline)) static float MultiplyAdds(long n)
{
  V8    a[10] = {{1}}, x = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, y = x;
  float s     = 0;
  for (long i = 0; i < n; i++)
#pragma GCC unroll 10
    for (int j = 0; j < 10; j++) a[j] = a[j] * x + y;
  for (int j = 0; j < 10; j++) s += a[j][0];
  return s;
}
static double Peak(void) /* single precision, operations a second with 32-byte vectors; 0: this core has none */
{
  double            best = 1e30;
  volatile float    sink = 0;
  if (!__builtin_cpu_supports("fma")) return 0;
  for (int r = 0; r < 15; r++) {
    const double t = Now();
    sink += MultiplyAdds(100000);
    best = fmin(best, Now() - t);
  }
  return 100000.0 * 160 / best;
}
#else
static double Peak(void)
{
  return 0;
}
#endif

int main(int argc, char **argv)
{
  enum { B = 8, C = 24, P = 256, KP = 48 };
  const int    cuda = argc > 1 && !strcmp(argv[1], "cuda");
  const size_t all  = (size_t)B * C * P;
  Machine      m;
  double       s, copy, peak;
  int          rc = TableOpen(&m, argc > 1 ? argv[1] : "host");
  if (rc) return rc;
  peak = cuda ? 0 : Peak();
  if (peak > 0) printf("multiply_adds_gflops=%.1f (single, 32-byte vectors)\n", peak * 1e-9);
  for (int precision = 0; precision < 2; precision++) {
    const char *p = precision ? "double" : "single";
    double     *v;
    Array       x, y, d, w, q, spectrum;
    SetPrecision(&m, precision);
    v = DrawMany(&m, all);
    x = Up(&m, v, all), y = Up(&m, v, all), d = Up(&m, v, all), w = Up(&m, v, 2 * C * C * KP < (int)all ? 2 * C * C * KP : all), q = UpDouble(&m, v, B * C), spectrum = Up(&m, v, 2 * B * C * KP);
    TIME(&m, copy, m.t->copy(m.ctx, y.p, x.p, all * (precision ? 8 : 4), 0));
    printf("%s copy gbs=%.1f\n", p, 2e-9 * (double)all * (precision ? 8 : 4) / copy);
#define LINE(name, streams, CALL) \
  TIME(&m, s, CALL); \
  printf("%s %s us=%.2f ns_per_number=%.3f floor_us=%.2f ratio=%.2f\n", p, name, 1e6 * s, 1e9 * s / (double)all, 1e6 * copy * (streams) / 2, s / (copy * (streams) / 2))
#define ROWS(K, ...) m.t->rows(m.ctx, precision, NOMOS_ROWS_##K, B *C, P, &(K##Args){__VA_ARGS__})
    LINE("Multiply", 3, ROWS(Multiply, .x = REAL(x), .d = REAL(d), .y = REAL(y), .n = P));
    LINE("ScaleRows", 2, ROWS(ScaleRows, .x = REAL(x), .q = REAL(w), .y = REAL(y), .C = C, .n = P));
    LINE("Gelu", 2, ROWS(Gelu, .x = REAL(x), .y = REAL(y), .n = P));
    LINE("GeluSave", 3, ROWS(GeluSave, .x = REAL(x), .y = REAL(y), .d = REAL(d), .n = P));
    LINE("DotRows", 2, m.t->sum(m.ctx, precision, NOMOS_SUM_DotRows, B * C, P, &(DotRowsArgs){.x = REAL(x), .y = REAL(y), .n = P, .C = C}, 0, DBL(q)));
#define FLOPS(name, flops, CALL) \
  TIME(&m, s, CALL); \
  printf("%s %s us=%.2f gflops=%.1f", p, name, 1e6 * s, 1e-9 * (flops) / s); \
  if (peak > 0) printf(" floor_us=%.2f ratio=%.2f", 1e6 * (flops) * (1 + precision) / peak, s * peak / ((flops) * (1 + precision))); \
  printf("\n")
    for (int op = 0; op < 3; op++) {
      static const char *const names[] = {"gemm_AX", "gemm_ATX", "gemm_YXT"};
      FLOPS(names[op], 2.0 * B * C * C * P, m.t->gemm(m.ctx, precision, &(NomosGemm){.op = op, .in = C, .out = C, .points = P, .batch = B, .A = REAL(w), .X = REAL(x), .Y = REAL(y)}));
    }
    Free(&m, &w);
    w = Up(&m, NULL, (size_t)2 * C * C * KP);
    m.t->zero(m.ctx, w.p, (size_t)2 * C * C * KP * (precision ? 8 : 4));
    for (int op = 0; op < 3; op++) {
      static const char *const names[] = {"modes_WX", "modes_WHY", "modes_GRAD"};
      Array other = Up(&m, v, 2 * B * C * KP);
      FLOPS(names[op], 8.0 * B * C * C * KP, m.t->modes(m.ctx, precision, &(NomosModes){.op = op, .in = C, .out = C, .kp = KP, .batch = B, .W = REAL(w), .X = REAL(spectrum), .Y = REAL(other)}));
      Free(&m, &other);
    }
    for (int method = NOMOS_FFT_LIBRARY; method <= NOMOS_FFT_DENSE; method++) {
      PetscInt     f[2][8];
      void        *plan = NULL;
      NomosFFTDesc desc = {2, precision, method, {16, 16, 0}, {8, 5, 0}, {f[0], f[1], NULL}, B * C, 0, 0, 1.0 / 256, 1};
      for (int k = 0; k < 8; k++) f[0][k] = k - 4, f[1][k] = k;
      if (m.t->fft_create(m.ctx, &desc, &plan)) continue;
      for (int kind = 0; kind < 2; kind++) {
        TIME(&m, s, m.t->fft(m.ctx, plan, kind, B * C, kind ? spectrum.p : x.p, kind ? y.p : spectrum.p, 0));
        printf("%s fft_%s_%s us=%.2f us_per_field=%.3f floor_us=%.2f\n", p, method == NOMOS_FFT_DENSE ? "dense" : "library", kind ? "inverse" : "forward", 1e6 * s, 1e6 * s / (B * C), 1e6 * copy * (256 + 2 * KP) / 512);
      }
      m.t->fft_destroy(m.ctx, plan);
    }
    Free(&m, &x), Free(&m, &y), Free(&m, &d), Free(&m, &w), Free(&m, &q), Free(&m, &spectrum);
    free(v);
  }
  m.t->close(m.ctx);
  return NomosTestFailures ? 1 : 0;
}
/*TEST
  link: table
TEST*/
