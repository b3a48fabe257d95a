/* testlinear.h - a net for tests of what surrounds nets: y[b][o][i] = sum_c W[o][c] x[b][c][i] + s[o], with an optional tanh.
   Its normalisers act as a net's do. Everything is in double. -net_testlinear_tanh makes it nonlinear. */
#ifndef TESTLINEAR_H
#define TESTLINEAR_H
#include <nomosimpl.h>
#include "testsamples.h"
#include <unistd.h>

typedef struct {
  PetscBool    bend;
  PetscInt     n;
  PetscScalar *x, *d, *g; /* normalised input, derivative of the bend, gradient */
  Vec          p;
} Linear;

static int LinearDelay = 0; /* microseconds that a call of Linearize takes longer */

static PetscErrorCode LinearSetUp(NomosMap m)
{
  Linear        *l        = (Linear *)m->data;
  const PetscInt shape[2] = {m->channels_out, m->channels_in};

  PetscFunctionBegin;
  l->n = 1;
  for (PetscInt j = 0; j < m->grid.dim; j++) l->n *= m->grid.n[j];
  m->nblocks = 2; /* by hand: the library's helper is not exported */
  PetscCall(PetscCalloc1(2, &m->blocks));
  PetscCall(PetscStrallocpy("linear.weight", (char **)&m->blocks[0].name));
  PetscCall(PetscStrallocpy("linear.bias", (char **)&m->blocks[1].name));
  m->blocks[0].rank = 2;
  m->blocks[1].rank = 1;
  m->blocks[0].size = shape[0] * shape[1];
  m->blocks[1].size = shape[0];
  m->blocks[1].start = m->blocks[0].size;
  for (int b = 0; b < 2; b++) {
    m->blocks[b].shape[0] = shape[0];
    m->blocks[b].shape[1] = shape[1];
    m->blocks[b].lr_mult = m->blocks[b].wd_mult = 1;
  }
  m->np = m->blocks[0].size + m->blocks[1].size;
  m->nx = m->batch * m->channels_in * l->n;
  m->ny = m->batch * m->channels_out * l->n;
  PetscCall(PetscMalloc1(m->nx, &l->x));
  PetscCall(PetscMalloc1(m->ny, &l->d));
  PetscCall(PetscCalloc1(m->np, &l->g));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->np, &l->p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearReset(NomosMap m)
{
  Linear *l = (Linear *)m->data;

  PetscFunctionBegin;
  PetscCall(PetscFree(l->x));
  PetscCall(PetscFree(l->d));
  PetscCall(PetscFree(l->g));
  PetscCall(VecDestroy(&l->p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearDestroy(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(m->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearInitialize(NomosMap m, PetscInt64 seed, Vec p)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(p, &a));
  for (PetscInt i = 0; i < m->np; i++) a[i] = 0.3 * PetscSinReal(1.0 + 0.7 * (PetscReal)i + (PetscReal)seed);
  PetscCall(VecRestoreArrayWrite(p, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscReal InMean(NomosMap m, PetscInt c) { return m->norm_in ? m->norm_in[c] : 0; }
static PetscReal InStd(NomosMap m, PetscInt c) { return m->norm_in ? m->norm_in[m->channels_in + c] + 1e-7 : 1; }
static PetscReal OutMean(NomosMap m, PetscInt c) { return m->norm_out ? m->norm_out[c] : 0; }
static PetscReal OutStd(NomosMap m, PetscInt c) { return m->norm_out ? m->norm_out[m->channels_out + c] + 1e-7 : 1; }

static PetscErrorCode LinearForward(NomosMap m, Vec x, Vec p, Vec y, PetscBool keep)
{
  Linear            *l = (Linear *)m->data;
  const PetscInt     Ci = m->channels_in, O = m->channels_out, n = l->n;
  const PetscScalar *a, *w;
  PetscScalar       *o;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(p, &w));
  PetscCall(VecGetArrayWrite(y, &o));
  for (PetscInt b = 0; b < m->batch; b++)
    for (PetscInt j = 0; j < O; j++)
      for (PetscInt i = 0; i < n; i++) {
        PetscReal v = w[O * Ci + j];

        for (PetscInt c = 0; c < Ci; c++) v += w[j * Ci + c] * (a[(b * Ci + c) * n + i] - InMean(m, c)) / InStd(m, c);
        if (keep) l->d[(b * O + j) * n + i] = l->bend ? 1 - PetscTanhReal(v) * PetscTanhReal(v) : 1;
        o[(b * O + j) * n + i] = (l->bend ? PetscTanhReal(v) : v) * OutStd(m, j) + OutMean(m, j);
      }
  if (keep)
    for (PetscInt b = 0; b < m->batch; b++)
      for (PetscInt c = 0; c < Ci; c++)
        for (PetscInt i = 0; i < n; i++) l->x[(b * Ci + c) * n + i] = (a[(b * Ci + c) * n + i] - InMean(m, c)) / InStd(m, c);
  PetscCall(VecRestoreArrayWrite(y, &o));
  PetscCall(VecRestoreArrayRead(p, &w));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearApply(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  PetscCall(LinearForward(m, x, p, y, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearLinearize(NomosMap m, Vec x, Vec p, Vec y)
{
  PetscFunctionBegin;
  if (LinearDelay) usleep((useconds_t)LinearDelay);
  PetscCall(LinearForward(m, x, p, y, PETSC_TRUE));
  PetscCall(VecCopy(p, ((Linear *)m->data)->p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearTangent(NomosMap m, Vec dx, Vec dp, Vec dy)
{
  Linear            *l = (Linear *)m->data;
  const PetscInt     Ci = m->channels_in, O = m->channels_out, n = l->n;
  const PetscScalar *e = NULL, *w, *a = NULL;
  PetscScalar       *o;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(l->p, &w));
  if (dp) PetscCall(VecGetArrayRead(dp, &e));
  if (dx) PetscCall(VecGetArrayRead(dx, &a));
  PetscCall(VecGetArrayWrite(dy, &o));
  for (PetscInt b = 0; b < m->batch; b++)
    for (PetscInt j = 0; j < O; j++)
      for (PetscInt i = 0; i < n; i++) {
        PetscReal v = e ? e[O * Ci + j] : 0;

        for (PetscInt c = 0; c < Ci; c++) v += (e ? e[j * Ci + c] * l->x[(b * Ci + c) * n + i] : 0) + (a ? w[j * Ci + c] * a[(b * Ci + c) * n + i] / InStd(m, c) : 0);
        o[(b * O + j) * n + i] = v * l->d[(b * O + j) * n + i] * OutStd(m, j);
      }
  PetscCall(VecRestoreArrayWrite(dy, &o));
  if (dx) PetscCall(VecRestoreArrayRead(dx, &a));
  if (dp) PetscCall(VecRestoreArrayRead(dp, &e));
  PetscCall(VecRestoreArrayRead(l->p, &w));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearAdjoint(NomosMap m, Vec dy, Vec dx, PetscBool wantp)
{
  Linear            *l = (Linear *)m->data;
  const PetscInt     Ci = m->channels_in, O = m->channels_out, n = l->n;
  const PetscScalar *s, *w;
  PetscScalar       *o = NULL;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(l->p, &w));
  PetscCall(VecGetArrayRead(dy, &s));
  if (dx) {
    PetscCall(VecSet(dx, 0));
    PetscCall(VecGetArray(dx, &o));
  }
  for (PetscInt b = 0; b < m->batch; b++)
    for (PetscInt j = 0; j < O; j++)
      for (PetscInt i = 0; i < n; i++) {
        const PetscReal v = s[(b * O + j) * n + i] * l->d[(b * O + j) * n + i] * OutStd(m, j);

        if (wantp) {
          l->g[O * Ci + j] += v;
          for (PetscInt c = 0; c < Ci; c++) l->g[j * Ci + c] += v * l->x[(b * Ci + c) * n + i];
        }
        for (PetscInt c = 0; o && c < Ci; c++) o[(b * Ci + c) * n + i] += v * w[j * Ci + c] / InStd(m, c);
      }
  if (dx) PetscCall(VecRestoreArray(dx, &o));
  PetscCall(VecRestoreArrayRead(dy, &s));
  PetscCall(VecRestoreArrayRead(l->p, &w));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearGradientZero(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(PetscArrayzero(((Linear *)m->data)->g, m->np));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearGradientGet(NomosMap m, Vec dp)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(dp, &a));
  PetscCall(PetscArraycpy(a, ((Linear *)m->data)->g, m->np));
  PetscCall(VecRestoreArrayWrite(dp, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearSetFromOptions(NomosMap m, NomosOptionItems PetscOptionsObject)
{
  Linear *l = (Linear *)m->data;

  PetscFunctionBegin;
  PetscCall(PetscOptionsBool("-net_testlinear_tanh", "tanh after the linear part", "none", l->bend, &l->bend, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearGetOptions(NomosMap m, char text[], size_t len)
{
  const size_t n = strlen(text);

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text + n, len - n, " -net_testlinear_tanh %d", (int)((Linear *)m->data)->bend));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode LinearCreate(NomosMap m)
{
  Linear *l;

  PetscFunctionBegin;
  PetscCall(PetscNew(&l));
  m->data                = l;
  m->precision           = NOMOS_DOUBLE;
  m->ops->setup          = LinearSetUp;
  m->ops->reset          = LinearReset;
  m->ops->destroy        = LinearDestroy;
  m->ops->initialize     = LinearInitialize;
  m->ops->apply          = LinearApply;
  m->ops->linearize      = LinearLinearize;
  m->ops->tangent        = LinearTangent;
  m->ops->adjoint        = LinearAdjoint;
  m->ops->gradientzero   = LinearGradientZero;
  m->ops->gradientget    = LinearGradientGet;
  m->ops->setfromoptions = LinearSetFromOptions;
  m->ops->getoptions     = LinearGetOptions;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LinearRegister(void)
{
  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(NomosMapRegister("net", "testlinear", LinearCreate));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static MPI_Comm TestComm = MPI_COMM_NULL; /* of the problem; NULL: all ranks */

/* A problem with the test net on a file, set from the options. */
static PetscErrorCode MakeProblem(const char file[], NomosProblem *p)
{
  NomosMap net;

  PetscFunctionBegin;
  PetscCall(NomosMapCreate(TestComm == MPI_COMM_NULL ? PETSC_COMM_WORLD : TestComm, "net", &net));
  PetscCall(NomosMapSetType(net, "testlinear"));
  PetscCall(NomosMapSetFromOptions(net));
  PetscCall(MakeProblemOf(file, net, p));
  PetscCall(NomosMapDestroy(&net));
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif
