/*
  etdrk4.c - samples of Burgers' equation: a random initial state, and its final state by an exponential Runge-Kutta method
  of fourth order (docs/theory.md, Burgers), dealiased by the 2/3 rule: modes |k| <= n/3 of n points.
*/
#include "burgers.h"
#include "grf.h"
#include <complex.h>

typedef struct {
  PetscInt      n, modes, kp; /* points; modes 0..modes-1, padded to kp */
  NomosBackend  backend;
  void         *plan;
  PetscReal     h;
  PetscReal    *memory, *e, *e2, *q, *f1, *f2, *f3, *k; /* coefficients per mode; k: -xi/2, the factor of the nonlinear term */
  PetscReal    *field;
} Solver;

PetscErrorCode NomosBurgersFine(const Burgers *b, PetscInt *fine)
{
  PetscFunctionBegin;
#if defined(NOMOS_HAVE_FFTW)
  *fine = b->fine ? b->fine : 8192;
#else
  *fine = b->fine ? b->fine : 512;
  PetscCheck(*fine <= 512, PETSC_COMM_SELF, PETSC_ERR_SUP, "-pde_burgers_fine %" PetscInt_FMT ": this build has no FFTW (NOMOS_FFTW), its transforms reach 512 points", *fine);
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Create(PetscInt n, Solver *s)
{
  NomosFFTDesc desc = {.dim = 1, .precision = (int)NOMOS_DOUBLE, .method = NOMOS_FFT_AUTO, .batch = 1, .scale_f = 1. / n, .scale_i = 1};
  PetscInt    *freq;

  PetscFunctionBegin;
  s->n      = n;
  s->modes  = n / 3 + 1;
  s->kp     = NomosFFTPad(s->modes);
  desc.n[0] = n;
  desc.m[0] = s->modes;
  PetscCall(PetscMalloc1(s->modes, &freq));
  for (PetscInt k = 0; k < s->modes; k++) freq[k] = k;
  desc.freq[0] = freq;
  PetscCall(NomosBackendCreate(PETSC_COMM_SELF, &s->backend));
  PetscCall(NomosBackendSetType(s->backend, NOMOSBACKENDHOST));
  PetscCall(NomosBackendSetUp(s->backend));
  PetscCall(NomosBackendCheck(s->backend, s->backend->table->fft_create(s->backend->ctx, &desc, &s->plan), "fft of the Burgers generator"));
  PetscCall(PetscFree(freq));
  PetscCall(PetscCalloc1(7 * s->kp + n, &s->memory));
  s->e = s->memory, s->e2 = s->e + s->kp, s->q = s->e2 + s->kp, s->f1 = s->q + s->kp, s->f2 = s->f1 + s->kp, s->f3 = s->f2 + s->kp, s->k = s->f3 + s->kp, s->field = s->k + s->kp;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Solver *s)
{
  PetscFunctionBegin;
  if (s->plan) PetscCall(NomosBackendCheck(s->backend, s->backend->table->fft_destroy(s->backend->ctx, s->plan), "fft"));
  PetscCall(NomosBackendDestroy(&s->backend));
  PetscCall(PetscFree(s->memory));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The coefficients of one mode with z = h L <= 0: means over a circle of radius 1 around z, where nothing cancels. */
static void Contour(PetscReal z, PetscReal h, PetscReal *q, PetscReal *f1, PetscReal *f2, PetscReal *f3)
{
  const int points = 32; /* on the upper half; the lower one gives the conjugates */

  *q = *f1 = *f2 = *f3 = 0;
  for (int j = 0; j < points; j++) {
    const double         t = PETSC_PI * (j + 0.5) / points;
    const double _Complex r = z + cos(t) + 1.0i * sin(t), e = cexp(r), e2 = cexp(r / 2), r3 = r * r * r;

    *q += creal((e2 - 1) / r) * h / points;
    *f1 += creal((-4 - r + e * (4 - 3 * r + r * r)) / r3) * h / points;
    *f2 += creal((2 + r + e * (r - 2)) / r3) * h / points;
    *f3 += creal((-4 - 3 * r - r * r + e * (4 - r)) / r3) * h / points;
  }
}

static void Coefficients(Solver *s, PetscReal h, PetscReal nu, PetscReal length)
{
  s->h = h;
  for (PetscInt k = 0; k < s->modes; k++) {
    const PetscReal xi = 2 * PETSC_PI * k / length, z = -h * nu * xi * xi;

    s->e[k]  = PetscExpReal(z);
    s->e2[k] = PetscExpReal(z / 2);
    s->k[k]  = -0.5 * xi;
    Contour(z, h, &s->q[k], &s->f1[k], &s->f2[k], &s->f3[k]);
  }
}

static PetscErrorCode ToField(Solver *s, const PetscReal v[], PetscReal u[])
{
  PetscFunctionBegin;
  PetscCall(NomosBackendFFT(s->backend, s->plan, NOMOS_FFT_INVERSE, 1, v, u, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = -(i xi/2) F(u^2), u the field of v; spectra are [re kp][im kp] */
static PetscErrorCode Nonlinear(Solver *s, const PetscReal v[], PetscReal out[])
{
  PetscReal *re = out, *im = out + s->kp;

  PetscFunctionBegin;
  PetscCall(ToField(s, v, s->field));
  for (PetscInt i = 0; i < s->n; i++) s->field[i] *= s->field[i];
  PetscCall(NomosBackendFFT(s->backend, s->plan, NOMOS_FFT_FORWARD, 1, s->field, out, 0));
  for (PetscInt k = 0; k < s->kp; k++) {
    const PetscReal a = re[k], b = im[k];

    re[k] = -s->k[k] * b;
    im[k] = s->k[k] * a;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = e2 v + q (c1 n1 + c2 n2) */
static void Stage(const Solver *s, const PetscReal v[], PetscReal c1, const PetscReal n1[], PetscReal c2, const PetscReal n2[], PetscReal out[])
{
  for (PetscInt part = 0; part < 2; part++)
    for (PetscInt k = 0; k < s->kp; k++) {
      const PetscInt i = part * s->kp + k;

      out[i] = s->e2[k] * v[i] + s->q[k] * (c1 * n1[i] + c2 * n2[i]);
    }
}

static PetscErrorCode March(Solver *s, PetscInt steps, PetscReal v[])
{
  const PetscInt size = 2 * s->kp;
  PetscReal     *work, *nv, *na, *nb, *nc, *a, *b;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(6 * size, &work));
  nv = work, na = nv + size, nb = na + size, nc = nb + size, a = nc + size, b = a + size;
  for (PetscInt step = 0; step < steps; step++) {
    PetscCall(Nonlinear(s, v, nv));
    Stage(s, v, 1, nv, 0, nv, a);
    PetscCall(Nonlinear(s, a, na));
    Stage(s, v, 1, na, 0, na, b);
    PetscCall(Nonlinear(s, b, nb));
    Stage(s, a, 2, nb, -1, nv, b);
    PetscCall(Nonlinear(s, b, nc));
    for (PetscInt part = 0; part < 2; part++)
      for (PetscInt k = 0; k < s->kp; k++) {
        const PetscInt i = part * s->kp + k;

        v[i] = s->e[k] * v[i] + s->f1[k] * nv[i] + 2 * s->f2[k] * (na[i] + nb[i]) + s->f3[k] * nc[i];
      }
  }
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the trigonometric sum at the points of another grid: exact, by points that coincide or by the sum itself */
static PetscErrorCode Evaluate(Solver *s, const PetscReal v[], Vec out)
{
  PetscScalar *o;
  PetscReal   *c;
  PetscInt     n;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(out, &n));
  PetscCall(VecGetArrayWrite(out, &o));
  if (s->n % n == 0) {
    PetscCall(ToField(s, v, s->field));
    for (PetscInt i = 0; i < n; i++) o[i] = s->field[i * (s->n / n)];
  } else {
    PetscCall(PetscMalloc1(2 * n, &c)); /* cosines, then sines, of 2 pi i/n */
    for (PetscInt i = 0; i < n; i++) c[i] = PetscCosReal(2 * PETSC_PI * i / n), c[n + i] = PetscSinReal(2 * PETSC_PI * i / n);
    for (PetscInt i = 0; i < n; i++) {
      o[i] = v[0];
      for (PetscInt k = 1; k < s->modes; k++) {
        const PetscInt turn = (PetscInt)((PetscInt64)k * i % n);

        o[i] += 2 * (v[k] * c[turn] - v[s->kp + k] * c[n + turn]);
      }
    }
    PetscCall(PetscFree(c));
  }
  PetscCall(VecRestoreArrayWrite(out, &o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps of at most 1/1000 of the unit of time, and short enough for the fastest mode that diffusion does not hold, about
   |u|/(pi nu): the nonlinear term turns it by less than one radian a step. A function of the sample alone. */
static PetscInt Steps(const Solver *s, const Burgers *b, PetscReal length)
{
  PetscReal fastest = 0, k = s->modes;

  for (PetscInt i = 0; i < s->n; i++) fastest = PetscMax(fastest, PetscAbsReal(s->field[i]));
  if (b->nu > 0) k = PetscMin(k, 1 + fastest * length / (PETSC_PI * b->nu));
  return (PetscInt)PetscCeilReal(b->time * PetscMax(1000, 2 * PETSC_PI * k * fastest / length));
}

PetscErrorCode NomosBurgersSample(NomosMap m, PetscInt64 seed, PetscInt64 index, Vec a, Vec u)
{
  static const NomosGRF presets[2] = {{1, 0, 2, 5, 25}, {1, 0, 2.5, 7, 49}};
  const Burgers        *b   = (const Burgers *)m->data;
  NomosGRF              grf = presets[b->field];
  Solver                s   = {0};
  PetscReal            *v;
  PetscInt              fine, na = m->grid.n[0], nu = na;

  PetscFunctionBegin;
  if (a) PetscCall(VecGetLocalSize(a, &na));
  if (u) PetscCall(VecGetLocalSize(u, &nu));
  PetscCheck(na == m->grid.n[0] && nu == na, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "vectors of %" PetscInt_FMT " and %" PetscInt_FMT " entries for a sample of %" PetscInt_FMT " points", na, nu, m->grid.n[0]);
  PetscCall(NomosBurgersFine(b, &fine));
  PetscCall(Create(fine, &s));
  grf.modes = s.modes - 1;
  PetscCall(PetscCalloc1(2 * s.kp, &v));
  PetscCall(NomosGRFPeriodic(&grf, seed, index, v, v + s.kp));
  if (a) PetscCall(Evaluate(&s, v, a));
  if (u) {
    PetscInt steps;

    PetscCall(ToField(&s, v, s.field));
    steps = Steps(&s, b, m->grid.length[0]);
    Coefficients(&s, b->time / steps, b->nu, m->grid.length[0]);
    PetscCall(March(&s, steps, v));
    PetscCall(Evaluate(&s, v, u));
  }
  PetscCall(PetscFree(v));
  PetscCall(Destroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
