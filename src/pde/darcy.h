/* darcy.h - the equation's own data, and the solver that makes samples (darcysolve.c) */
#ifndef NOMOS_DARCY_H
#define NOMOS_DARCY_H
#include "pde.h"

typedef enum {
  DARCY_BINARY    = 0, /* 12 where the random field is >= 0, else 3 */
  DARCY_LOGNORMAL = 1
} DarcyCoefficient;
typedef struct {
  DarcyCoefficient coefficient;
  PetscBool        harmonic;
  PetscInt         fine; /* points per axis of the grid a sample is solved on; 0: the map's own */
  PetscInt         points, lines;
  DarcyResidualArgs stencil;
  double          *u, *a; /* kept by Linearize */
  Vec              adjoint; /* derivative with respect to a */
  NomosStage       su, sa, sf, sy, sda;
} Darcy;
PETSC_INTERN PetscErrorCode NomosDarcySample(NomosMap, PetscInt64 seed, PetscInt64 index, Vec a, Vec u);
#endif
