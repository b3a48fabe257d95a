/* burgers.h - the equation's own data, and the solver that makes samples (etdrk4.c) */
#ifndef NOMOS_BURGERS_H
#define NOMOS_BURGERS_H
#include "pde.h"

typedef struct {
  PetscReal       nu, time;
  PetscInt        field; /* preset of the random initial state: 0 paper, 1 public */
  PetscInt        fine;  /* points a sample is solved on; 0: as many as the transform of this build allows, at most 8192 */
  BurgersStepArgs step;
  double         *u, *a; /* kept by Linearize */
  Vec             adjoint; /* derivative with respect to a */
  NomosStage      su, sa, sy, sd, sda;
} Burgers;
PETSC_INTERN PetscErrorCode NomosBurgersSample(NomosMap, PetscInt64 seed, PetscInt64 index, Vec a, Vec u);
PETSC_INTERN PetscErrorCode NomosBurgersFine(const Burgers *, PetscInt *);
#endif
