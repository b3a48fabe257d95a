/*
  fnoteam.c - ranks of one node that evaluate one batch with one working copy of the parameters, in memory that all see.

  Each rank converts its shard of the parameters into the common copy and computes its own samples with all of it. Their spectra
  stand side by side in the common queue; when all ranks are done, each sums the gradient of its own shard over the samples of
  all. So no rank ever touches the whole gradient, which at small batches takes longer than the samples do. Real parameters
  are few: each rank has a gradient of them that the owner of a shard sums, in the order of the ranks.

    common   real parameters | W of each layer | X, Y of each layer, [rank][sample][channel][2][kp]
    own      sums of biases, gates, norms | gradients of the 1x1 layers
*/
#include "fno.h"

#define LINE 64 /* bytes of a cache line, and of the longest vector */

typedef struct {
  char  *base;
  size_t at;
} Room;

static void *Take(Room *r, size_t bytes)
{
  void *p = r->base ? r->base + r->at : NULL;
  r->at += (bytes + LINE - 1) / LINE * LINE;
  return p;
}

/* the common memory; what depends on the number of samples comes last, so that all else keeps its place */
static void TakeCommon(NomosMap m, const NomosTeam *t, Room *r, FNOStore *o)
{
  const FNO   *f       = (FNO *)m->data;
  const size_t spectra = (size_t)t->size * (size_t)t->samples * (size_t)f->width * 2 * (size_t)f->kp * NomosFNOReal(m);

  o->par = (NomosReal *)Take(r, (size_t)m->np * NomosFNOReal(m));
  for (PetscInt l = 0; l < f->layers; l++) o->W[l] = (NomosReal *)Take(r, (size_t)f->kp * 2 * (size_t)f->wrows * NomosFNOReal(m));
  for (PetscInt l = 0; l < f->layers; l++) {
    o->X[l] = (NomosReal *)Take(r, spectra);
    o->Y[l] = (NomosReal *)Take(r, spectra);
  }
}
static void TakeOwn(NomosMap m, Room *r, FNOStore *o)
{
  const FNO *f = (FNO *)m->data;

  o->gsum = (double *)Take(r, (size_t)(f->nsum + 1) * sizeof(double));
  o->gpar = (NomosReal *)Take(r, (size_t)m->np * NomosFNOReal(m));
}

/* Factorised weights are built from all factors at once, separable ones are small, and a device has a memory of its own. */
PetscErrorCode NomosFNOTeamSize(NomosMap m, const NomosTeam *t, size_t *common, size_t *own)
{
  const FNO *f = (FNO *)m->data;
  Room       r = {NULL, 0}, s = {NULL, 0};
  FNOStore   o;

  PetscFunctionBegin;
  *common = *own = 0;
  if (f->factorization != FNO_DENSE || f->separable || m->be->table != &NomosHostTable) PetscFunctionReturn(PETSC_SUCCESS);
  TakeCommon(m, t, &r, &o);
  TakeOwn(m, &s, &o);
  *common = r.at;
  *own    = s.at;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* takes the memory of o, and keeps in o what was there before */
static void Exchange(NomosMap m, FNOStore *o)
{
  FNO *f = (FNO *)m->data;
#define SWAP(type, a, b) \
  do { \
    type *swap_ = a; \
    a           = b; \
    b           = swap_; \
  } while (0)
  SWAP(NomosReal, f->par, o->par);
  SWAP(NomosReal, f->gpar, o->gpar);
  SWAP(double, f->gsum, o->gsum);
  for (PetscInt l = 0; l < f->layers; l++) {
    SWAP(NomosReal, f->conv_layer[l].W, o->W[l]);
    SWAP(NomosReal, f->conv_layer[l].X, o->X[l]);
    SWAP(NomosReal, f->conv_layer[l].Y, o->Y[l]);
  }
#undef SWAP
}

PetscErrorCode NomosFNOTeamBegin(NomosMap m, const NomosTeam *t, const double *p)
{
  FNO         *f    = (FNO *)m->data;
  const size_t idle = (size_t)(t->samples - t->mine) * (size_t)f->width * 2 * (size_t)f->kp;
  Room         r = {t->common, 0}, s = {t->own[t->rank], 0};

  PetscFunctionBegin;
  TakeCommon(m, t, &r, &f->own);
  TakeOwn(m, &s, &f->own);
  for (PetscInt l = 0; l < f->layers; l++) { /* my samples in the queue of all */
    f->own.X[l] = NomosFNOSpectra(m, f->own.X[l], t->rank * t->samples);
    f->own.Y[l] = NomosFNOSpectra(m, f->own.Y[l], t->rank * t->samples);
    PetscCall(NomosBackendZero(m->be, NomosFNOSpectra(m, f->own.X[l], t->mine), idle));
    PetscCall(NomosBackendZero(m->be, NomosFNOSpectra(m, f->own.Y[l], t->mine), idle));
  }
  Exchange(m, &f->own);
  f->team   = t;
  f->queued = f->place = 0;
  PetscCall(NomosFNOParametersIn(m, p, t->starts[t->rank], t->starts[t->rank + 1], f->par, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient of my shard over the samples of all; g NULL: it is not wanted. */
static PetscErrorCode Gradient(NomosMap m, const NomosTeam *t, double *g)
{
  FNO           *f     = (FNO *)m->data;
  const PetscInt first = t->starts[t->rank], end = t->starts[t->rank + 1];

  PetscFunctionBegin;
  for (PetscMPIInt i = 0; i < t->size; i++) {
    Room   r = {t->own[i], 0};
    FNOStore o;
    TakeOwn(m, &r, &o);
    PetscCall(NomosFNORealGradient(m, first, end, o.gsum, o.gpar, i > 0, g));
  }
  for (PetscInt l = 0; l < f->layers; l++) {
    const FNOSpectral *c = &f->conv_layer[l];
    PetscCall(NomosFNOQueueGradient(m, l, NomosFNOSpectra(m, c->X, -t->rank * t->samples), NomosFNOSpectra(m, c->Y, -t->rank * t->samples), t->size * t->samples, first, end, g));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosFNOTeamEnd(NomosMap m, double *g)
{
  FNO *f = (FNO *)m->data;

  PetscFunctionBegin;
  if (!f->team) PetscFunctionReturn(PETSC_SUCCESS); /* it did not begin */
  if (g) PetscCall(Gradient(m, f->team, g));
  Exchange(m, &f->own);
  f->team   = NULL;
  f->queued = f->place = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
