/* table.h - what the contract tests of a backend's table share: opening the one that is asked for, arrays in its memory.

   Every array stands between two guards of known numbers, so that a kernel that writes beside its result is found on
   every backend; results that must not be read before they are written start as NaN. */
#ifndef TABLE_H
#define TABLE_H
#if !defined(NOMOSTEST_NO_PETSC)
  #define NOMOSTEST_NO_PETSC /* these tests are carried to machines without PETSc */
#endif
#include <backend/backend.h>
#include "../nomostest.h"
#include <dlfcn.h>
#include <float.h>
#include <stdint.h>
#include <string.h>

#define GUARD 64 /* entries on each side: more than the widest vector */
#define GUARD_VALUE 7777.25

typedef struct {
  const NomosBackendTable *t;
  void                    *ctx;
  int                      precision;
  double                   eps;
} Machine;

typedef struct { /* n numbers of 4 or 8 bytes in the machine's memory, guards around them; p points at the first number */
  char  *base, *p;
  size_t n;
  int    single;
} Array;

static inline int TableFailed(const Machine *m, int code, const char what[])
{
  char text[512];
  if (!code) return 0;
  snprintf(text, sizeof(text), "%.250s: code %d, %.200s", what, code, m->t->message(m->ctx, code));
  CheckTrue(text, 0);
  return 1;
}

/* 0: opened. 77: there is no such device here, the reason was printed. 1: failed. */
static inline int TableOpen(Machine *m, const char name[])
{
  char why[512] = "";
  int  code;

  memset(m, 0, sizeof(*m));
  m->t = &NomosHostTable;
  if (!strcmp(name, "cuda")) {
    const char *file = getenv("NOMOS_CUDA_LIBRARY");
    void       *lib  = file && file[0] ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!lib) {
      printf("skipped: no CUDA backend (NOMOS_CUDA_LIBRARY=%s): %s\n", file ? file : "", file && file[0] ? dlerror() : "not built");
      return NOMOSTEST_SKIP;
    }
    m->t = (const NomosBackendTable *)dlsym(lib, "NomosCudaTable");
    CheckTrue("the library has the symbol NomosCudaTable", m->t != NULL);
    if (!m->t) return 1;
  }
  CheckInt("version of the table", m->t->abi, NOMOS_BACKEND_ABI);
  CheckInt("size of the table", (long long)m->t->size, (long long)sizeof(*m->t));
  if (NomosTestFailures) return 1;
  code = m->t->open(&m->ctx, why, sizeof(why));
  if (code && !strcmp(name, "cuda")) {
    CheckTrue("a backend that does not open says why", why[0] != 0);
    printf("skipped: %s\n", why);
    return NomosTestFailures ? 1 : NOMOSTEST_SKIP;
  }
  CheckTrue(why[0] ? why : "open", !code);
  if (code) return 1;
  m->t->describe(m->ctx, why, sizeof(why));
  printf("%s\n", why);
  return 0;
}

static inline void SetPrecision(Machine *m, int precision)
{
  m->precision = precision;
  m->eps       = precision ? DBL_EPSILON : FLT_EPSILON;
}

/* numbers in [-1, 1) that every machine draws alike, rounded to the precision */
static uint64_t Seed = 1;
static inline double   Draw(const Machine *m)
{
  double v;
  Seed = Seed * 6364136223846793005ULL + 1442695040888963407ULL;
  v    = (double)(int64_t)Seed / 9223372036854775808.0;
  return m->precision ? v : (double)(float)v;
}
static inline double *DrawMany(const Machine *m, size_t n)
{
  double *v = (double *)malloc((n + 1) * sizeof(*v));
  for (size_t i = 0; i < n; i++) v[i] = Draw(m);
  return v;
}

static inline Array UpAs(const Machine *m, const double *v, size_t n, int single)
{
  const size_t size = single ? 4 : 8, all = n + 2 * GUARD;
  Array        a    = {NULL, NULL, n, single};
  char        *host = (char *)malloc(all * size);
  void        *p    = NULL;

  for (size_t i = 0; i < all; i++) {
    const double x = i < GUARD || i >= n + GUARD ? GUARD_VALUE : v ? v[i - GUARD] : (double)NAN;
    if (single) ((float *)(void *)host)[i] = (float)x;
    else ((double *)(void *)host)[i] = x;
  }
  if (!TableFailed(m, m->t->alloc(m->ctx, all * size, &p), "alloc")) TableFailed(m, m->t->copy(m->ctx, p, host, all * size, 1), "copy up");
  free(host);
  a.base = (char *)p, a.p = a.base + GUARD * size;
  return a;
}
static inline Array Up(const Machine *m, const double *v, size_t n) /* reals of the machine's precision; v NULL: NaN */
{
  return UpAs(m, v, n, !m->precision);
}
static inline Array UpDouble(const Machine *m, const double *v, size_t n)
{
  return UpAs(m, v, n, 0);
}
static inline PetscInt *UpInts(const Machine *m, const PetscInt *v, size_t n)
{
  void *p = NULL;
  if (!TableFailed(m, m->t->alloc(m->ctx, n * sizeof(*v), &p), "alloc")) TableFailed(m, m->t->copy(m->ctx, p, v, n * sizeof(*v), 1), "copy up");
  return (PetscInt *)p;
}

/* the numbers as doubles, to be freed; the guards must be as they were */
static inline double *Down(const Machine *m, const Array *a, const char what[])
{
  const size_t size = a->single ? 4 : 8, all = a->n + 2 * GUARD;
  char        *host = (char *)calloc(all, size), text[256];
  double      *v    = (double *)calloc(a->n + 1, sizeof(*v));
  int          bad  = 0;

  TableFailed(m, m->t->copy(m->ctx, host, a->base, all * size, 2), "copy down");
  for (size_t i = 0; i < all; i++) {
    const double x = a->single ? (double)((float *)(void *)host)[i] : ((double *)(void *)host)[i];
    if (i >= GUARD && i < a->n + GUARD) v[i - GUARD] = x;
    else bad += x != GUARD_VALUE;
  }
  snprintf(text, sizeof(text), "%s writes %d numbers beside its result", what, bad);
  CheckTrue(text, !bad);
  free(host);
  return v;
}
static inline void Free(const Machine *m, Array *a)
{
  if (a->base) TableFailed(m, m->t->release(m->ctx, a->base), "release");
  a->base = a->p = NULL;
}

/* every entry, one check: |got - want| <= tol. A NaN fails. */
static inline void CheckAll(const char what[], const double *got, const double *want, size_t n, double tol)
{
  size_t worst = 0;
  double most  = -1;
  char   text[300];

  for (size_t i = 0; i < n; i++) {
    const double d = fabs(got[i] - want[i]);
    if (!(d <= most)) most = d, worst = i;
    if (d != d) break;
  }
  if (!n) return;
  snprintf(text, sizeof(text), "%s [%ld of %ld]", what, (long)worst, (long)n);
  CheckClose(text, got[worst], want[worst], tol);
}
static inline void CheckArray(const Machine *m, const char what[], const Array *a, const double *want, double tol)
{
  double *got = Down(m, a, what);
  CheckAll(what, got, want, a->n, tol);
  free(got);
}
static inline double Largest(const double *v, size_t n)
{
  double s = 0;
  for (size_t i = 0; i < n; i++) s = fabs(v[i]) > s ? fabs(v[i]) : s;
  return s;
}
#endif
