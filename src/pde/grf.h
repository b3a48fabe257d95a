/* grf.h - Gaussian random fields of the data generators, functions of (seed, sample) evaluated at points (grf.c) */
#ifndef NOMOS_GRF_H
#define NOMOS_GRF_H
#include <petscsys.h>

typedef struct {
  PetscInt  dim;
  PetscInt  modes;              /* kept per axis: 0..modes-1 with cosines, |k| <= modes on the circle */
  PetscReal alpha, tau, sigma;  /* coefficient of mode k: sigma (|xi|^2 + tau^2)^(-alpha/2) times normal numbers */
} NomosGRF;
PETSC_INTERN PetscErrorCode NomosGRFNeumann(const NomosGRF *, PetscInt64 seed, PetscInt64 sample, const PetscInt n[], PetscReal v[]);       /* at vertices i/(n-1) of the unit box */
PETSC_INTERN PetscErrorCode NomosGRFPeriodic(const NomosGRF *, PetscInt64 seed, PetscInt64 sample, PetscReal re[], PetscReal im[]); /* 1-D: coefficients of e^{2 pi i k x}, k = 0..modes */
#endif
