/* Random numbers: published known answers of Philox, streams that do not depend on how they are cut or computed, the
   accuracy of the inverse normal distribution against erfc in long double, the distribution, the permutation. */
#include "backend/backend.h"
#include "nomostest.h"
#include <stdlib.h>
#include <string.h>

#define N 1000000

static void KnownAnswers(void)
{
  /* of the Random123 distribution: counter, key, result */
  const uint32_t want[3][4] = {
    {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u},
    {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu},
    {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}
  };
  uint32_t got[4];

  NomosPhilox(0, 0, 0, 0, 0, got);
  CheckTrue("Philox, zeros", !memcmp(got, want[0], sizeof(got)));
  NomosPhilox(~(uint64_t)0, ~0u, 0xffu, 0xffffffu, ~(uint64_t)0, got);
  CheckTrue("Philox, ones", !memcmp(got, want[1], sizeof(got)));
  NomosPhilox(0x299f31d0a4093822ull, 0x03707344u, 0x13u, 0x198a2eu, 0x85a308d3243f6a88ull, got);
  CheckTrue("Philox, digits of pi", !memcmp(got, want[2], sizeof(got)));
  CheckTrue("uniform lies inside (0,1)", NomosUniformFromBits(0, 0) > 0 && NomosUniformFromBits(~0u, ~0u) < 1);
}

/* Relative error of z = NomosNormalFromUniform(u), by one Newton step on the distribution function in long double: near
   1/2 on erf, in the tails on erfc, so that nothing cancels. */
static double QuantileError(double u)
{
  const double      got = NomosNormalFromUniform(u);
  const long double z = fabsl((long double)got), w = u < 0.5 ? (long double)u : 1.0L - u, q = fabsl((long double)u - 0.5L);
  const long double root2 = 1.41421356237309504880168872420969807857L, density = expl(-z * z / 2) * 0.398942280401432677939946059934381868476L;
  const long double miss = q < 0.4L ? erfl(z / root2) / 2 - q : w - erfcl(z / root2) / 2;

  if (q == 0) return got == 0 ? 0 : 1;
  if ((got < 0) != (u < 0.5)) return 1;
  return (double)(fabsl(miss) / (density * z));
}

static void Quantile(void)
{
  const double tiny = 1.1102230246251565e-16; /* 2^-53, the smallest uniform */
  double       worst = 0;

  for (int i = 1; i < 200000; i++) {
    const double u = i / 200000.0, v = rint(u / tiny) * tiny;
    worst = fmax(worst, QuantileError(v));
  }
  for (double w = tiny; w < 0.3; w *= 2) {
    for (int k = 1; k < 64; k++) {
      const double u = rint(w * (1 + k / 64.0) / tiny) * tiny;
      worst = fmax(worst, fmax(QuantileError(u), QuantileError(1 - u)));
      worst = fmax(worst, fmax(QuantileError(0.5 + u), QuantileError(0.5 - u)));
    }
  }
  CheckTrue("relative error of the inverse normal distribution is at most 1e-14", worst <= 1e-14);
  printf("inverse normal distribution: largest relative error %.2g\n", worst);
}

typedef struct {
  const char *name;
  int         kernel;
  uint32_t    per;
} Fill;
static const Fill fills[3] = {
  {"uniform",    NOMOS_EACH_FillUniform,    2  },
  {"normal",     NOMOS_EACH_FillNormal,     2  },
  {"Rademacher", NOMOS_EACH_FillRademacher, 128}
};

static void Run(void *ctx, int precision, const Fill *f, uint64_t seed, uint64_t first, PetscInt n, void *y)
{
  FillUniformArgs a = {.y = (NomosReal *)y, .seed = seed, .first = first, .n = n, .step = 3, .tag = NOMOS_RANDOM_WEIGHTS, .probe = 5};
  CheckInt(f->name, n ? NomosHostTable.each(ctx, precision, f->kernel, NomosRandomBlocks(first, n, f->per), &a) : 0, 0);
}

/* The same bits: whole or in odd pieces, entry by entry in plain C, in every instruction set. */
static void Streams(void)
{
  enum {
    n = 3001
  };
  const char    *isa[3] = {"base", "v3", "v4"};
  const uint64_t seed = 0x123456789abcdef0ull, first = 4294967296ull * 2 - 1500; /* the block number needs its high word */
  double         whole[n], piece[n];
  float          single[n];

  for (int f = 0; f < 3; f++) {
    for (int j = 0; j < n; j++) {
      const uint64_t index = first + (uint64_t)j;
      whole[j] = f == 0 ? NomosUniform(seed, 3, NOMOS_RANDOM_WEIGHTS, 5, index) : f == 1 ? NomosNormal(seed, 3, NOMOS_RANDOM_WEIGHTS, 5, index) : NomosRademacher(seed, 3, NOMOS_RANDOM_WEIGHTS, 5, index);
    }
    for (int l = 0; l < 3; l++) {
      const int cut[5] = {0, 1, 1000, 1777, n};
      void     *ctx;
      char      why[64];
      int       same = 1;

      setenv("NOMOS_ISA", isa[l], 1);
      CheckInt("open", NomosHostTable.open(&ctx, why, sizeof(why)), 0);
      memset(piece, 0, sizeof(piece));
      for (int c = 0; c < 4; c++) Run(ctx, 1, &fills[f], seed, first + (uint64_t)cut[c], cut[c + 1] - cut[c], piece + cut[c]);
      CheckTrue(fills[f].name, !memcmp(whole, piece, sizeof(whole)));
      Run(ctx, 0, &fills[f], seed, first, n, single);
      for (int j = 0; j < n; j++) same &= single[j] == (float)whole[j];
      CheckTrue("single precision is the rounded double", same);
      NomosHostTable.close(ctx);
    }
    unsetenv("NOMOS_ISA");
  }
}

static int Ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* 1e6 normals: mean within 3e-3 and variance within 5e-3 (3 and 3.5 standard deviations); Kolmogorov-Smirnov at p = 1e-3. */
static void Distribution(void)
{
  double *y = (double *)malloc(N * sizeof(double)), mean = 0, var = 0, ks = 0;
  void   *ctx;
  char    why[64];

  CheckInt("open", NomosHostTable.open(&ctx, why, sizeof(why)), 0);
  Run(ctx, 1, &fills[1], 1, 0, N, y);
  for (int j = 0; j < N; j++) mean += y[j] / N;
  for (int j = 0; j < N; j++) var += (y[j] - mean) * (y[j] - mean) / N;
  CheckClose("mean of 1e6 normals", mean, 0, 3e-3);
  CheckClose("variance of 1e6 normals", var, 1, 5e-3);
  qsort(y, N, sizeof(double), Ascending);
  for (int j = 0; j < N; j++) {
    const double p = 0.5 * erfc(-y[j] / sqrt(2.0));
    ks = fmax(ks, fmax(fabs(p - (double)j / N), fabs(p - (j + 1.0) / N)));
  }
  CheckTrue("Kolmogorov-Smirnov", ks * sqrt((double)N) < 1.95);
  Run(ctx, 1, &fills[2], 1, 0, N, y);
  mean = 0;
  for (int j = 0; j < N; j++) mean += y[j] / N;
  CheckClose("mean of 1e6 signs", mean, 0, 3e-3);
  NomosHostTable.close(ctx);
  free(y);
}

static void Permutation(void)
{
  const uint64_t sizes[] = {1, 2, 3, 4, 5, 7, 64, 65, 1000};
  int            moved = 0;

  for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
    const uint64_t n = sizes[s];
    for (uint32_t epoch = 0; epoch < 5; epoch++) {
      char seen[1000] = {0};
      int  good       = 1;
      for (uint64_t i = 0; i < n; i++) {
        const uint64_t j = NomosPermute(42, epoch, n, i);
        good &= j < n && !seen[j < n ? j : 0];
        if (j < n) seen[j] = 1;
      }
      CheckTrue("the permutation is a bijection", good);
    }
  }
  for (uint64_t i = 0; i < 1000; i++) moved += NomosPermute(42, 0, 1000, i) != NomosPermute(42, 1, 1000, i);
  CheckTrue("another epoch is another order", moved > 950);
  moved = 0;
  for (uint64_t i = 0; i < 1000; i++) moved += NomosPermute(42, 0, 1000, i) != NomosPermute(43, 0, 1000, i);
  CheckTrue("another seed is another order", moved > 950);
}

int main(void)
{
  KnownAnswers();
  Quantile();
  Streams();
  Distribution();
  Permutation();
  return NomosTestResult();
}
/*TEST
  link: table
  np: 1
TEST*/
