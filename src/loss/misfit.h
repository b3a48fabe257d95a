/* misfit.h - what the losses share: the given fields, the factors made of them, scales per segment */
#ifndef NOMOS_MISFIT_H
#define NOMOS_MISFIT_H

#include "../nomosimpl.h"
#include "../backend/backend.h"

/* Factors exist twice: Apply() may not disturb what Linearize() left for tangent and adjoint. */
typedef enum {
  MISFIT_APPLY     = 0,
  MISFIT_LINEARIZE = 1
} MisfitSet;
typedef struct {
  PetscBool  relative;
  PetscInt   B, C, N, segments, per_sample; /* samples, channels, points, segments and how many of them a sample has */
  double    *q[2], *shift[2], *scale[2], *den, *zero, *memory;
  NomosStage sx, st, sy, smean, sstd, sweight;
} Misfit;

PETSC_INTERN PetscErrorCode NomosMisfitCreate(NomosMap, Misfit *);
PETSC_INTERN PetscErrorCode NomosMisfitSetFromOptions(NomosMap, Misfit *, NomosOptionItems);
PETSC_INTERN PetscErrorCode NomosMisfitSetUp(NomosMap, Misfit *, PetscInt per_sample);
/* the operator of a norm, from a field to its residual: y = scale A v, scale per segment, NULL: 1. No operator: A = 1, the residual is on the grid */
typedef PetscErrorCode (*MisfitOperator)(NomosMap, const double *v, const double *scale, double *y);
PETSC_INTERN PetscErrorCode NomosMisfitValue(NomosMap, Misfit *, MisfitSet, Vec x, Vec y, MisfitOperator, double *field, PetscReal factor, PetscReal norm); /* field: room for one, with an operator */
PETSC_INTERN PetscErrorCode NomosMisfitTangent(NomosMap, Misfit *, Vec dx, Vec dy, MisfitOperator, double *field);
PETSC_INTERN PetscErrorCode NomosMisfitBegin(NomosMap, Misfit *, MisfitSet, Vec x, Vec y, const double **px, const double **pt, double **py);
PETSC_INTERN PetscErrorCode NomosMisfitScale(NomosMap, Misfit *, MisfitSet, PetscReal factor, PetscReal norm); /* after den is known, when relative */
PETSC_INTERN PetscErrorCode NomosMisfitEnd(NomosMap, Misfit *);
PETSC_INTERN PetscErrorCode NomosMisfitReset(NomosMap, Misfit *);

#define NOMOS_LOSS_EPS 1e-8 /* in the denominator of a relative loss, as the peers have it     */
#define NOMOS_STD_EPS  1e-7 /* added to a deviation, as the normaliser of a net does           */
#define MisfitReal(p)      ((NomosReal *)(void *)(p)) /* these maps compute in double */
#define MisfitConstReal(p) ((const NomosReal *)(const void *)(p))
#endif
