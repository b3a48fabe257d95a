/*
  T1: the five-point matrix of a 10 x 10 grid plus c_t I, c_t random, plain forward SOR from zero until |r| < 1e-8 |b|, b_t random. The context is c_t.
*/
#ifndef NOMOS_SHIFTTEST_H
#define NOMOS_SHIFTTEST_H
#include "costtable.h"

#define SHIFT_SEED 20 /* of the benchmark */

static uint64_t ShiftState;
static inline double ShiftUniform(void)
{
  uint64_t z = (ShiftState += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}
static inline double ShiftNormal(void)
{
  const double r = sqrt(-2 * log(ShiftUniform()));

  return r * cos(2 * PETSC_PI * ShiftUniform());
}

#define SHIFT_N 10

/* (4 + c) x - neighbours = b, forward SOR from zero until |r| < 1e-8 |b| */
static inline int ShiftSOR(const double b[SHIFT_N][SHIFT_N], double c, double w)
{
  double x[SHIFT_N + 2][SHIFT_N + 2] = {{0}}, bb = 0;

  for (int i = 0; i < SHIFT_N; i++)
    for (int j = 0; j < SHIFT_N; j++) bb += b[i][j] * b[i][j];
  for (int it = 1; it < 100000; it++) {
    double rr = 0;

    for (int i = 1; i <= SHIFT_N; i++)
      for (int j = 1; j <= SHIFT_N; j++) x[i][j] += w * ((b[i - 1][j - 1] + x[i - 1][j] + x[i + 1][j] + x[i][j - 1] + x[i][j + 1]) / (4 + c) - x[i][j]);
    for (int i = 1; i <= SHIFT_N; i++)
      for (int j = 1; j <= SHIFT_N; j++) {
        const double r = b[i - 1][j - 1] + x[i - 1][j] + x[i + 1][j] + x[i][j - 1] + x[i][j + 1] - (4 + c) * x[i][j];

        rr += r * r;
      }
    if (rr < 1e-16 * bb) return it;
  }
  return 100000;
}

/* Beta(2,6): second of seven uniforms. Beta(1/2,3/2): gamma numbers from normals and an exponential. */
static inline double ShiftDraw(PetscBool high)
{
  double u[7], g, h;

  if (high) {
    g = ShiftNormal();
    h = ShiftNormal();
    g = g * g / 2;
    h = h * h / 2 - log(ShiftUniform());
    return -0.15 + 0.6 * g / (g + h);
  }
  for (int i = 0; i < 7; i++) u[i] = ShiftUniform();
  for (int i = 0; i < 2; i++)
    for (int j = i + 1; j < 7; j++)
      if (u[j] < u[i]) {
        g    = u[i];
        u[i] = u[j];
        u[j] = g;
      }
  return -0.15 + 0.6 * u[1];
}

/* N(0,I), redrawn until its square is at most 100 */
static inline void ShiftRight(double b[SHIFT_N][SHIFT_N])
{
  double bb;

  do {
    bb = 0;
    for (int i = 0; i < SHIFT_N; i++)
      for (int j = 0; j < SHIFT_N; j++) {
        b[i][j] = ShiftNormal();
        bb += b[i][j] * b[i][j];
      }
  } while (bb > 100);
}

/* of Jacobi's iteration */
static inline double ShiftRadius(double c)
{
  return (4 - 8 * pow(sin(PETSC_PI / 22), 2)) / (4 + c);
}

static inline PetscErrorCode ShiftTableFill(PetscInt T, PetscBool high, uint64_t seed, CostTable *p)
{
  PetscFunctionBegin;
  PetscCall(CostTableCreate(T, p));
  p->lo = -0.15;
  p->hi = 0.45;
  ShiftState = seed;
  for (PetscInt t = 0; t < T; t++) {
    double b[SHIFT_N][SHIFT_N];

    p->c[t] = ShiftDraw(high);
    ShiftRight(b);
    p->radius[t] = ShiftRadius(p->c[t]);
    p->auto_c[t] = log10((p->c[t] + 0.4) / (4 + p->c[t]));
    for (int i = 0; i < TABLE_ARMS; i++) p->cost[t][i] = ShiftSOR(b, p->c[t], 1 + 0.05 * i);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Iterations over T systems with one omega for all, or (0) Young's for every one of them. */
static inline double ShiftFixed(PetscInt T, PetscBool high, uint64_t seed, double omega)
{
  double sum = 0;

  ShiftState = seed;
  for (PetscInt t = 0; t < T; t++) {
    const double c = ShiftDraw(high), radius = ShiftRadius(c);
    double       b[SHIFT_N][SHIFT_N];

    ShiftRight(b);
    sum += ShiftSOR(b, c, omega > 0 ? omega : 2 / (1 + sqrt(1 - radius * radius)));
  }
  return sum;
}
#endif
