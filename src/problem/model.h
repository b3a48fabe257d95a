/* model.h - private: what a file of a model holds, for those who put more into the same file (checkpoints) */
#ifndef NOMOS_MODEL_H
#define NOMOS_MODEL_H
#include "../nomosimpl.h"
#include "../data/data.h"

/* blocks of p and normalisers as tensors; out and shapes have room for the map's blocks and 4 more */
PETSC_INTERN PetscErrorCode NomosMapGetTensors(NomosMap, const PetscScalar p[], PetscInt *n, NomosTensorOut out[], int64_t shapes[][NOMOS_MAX_RANK]);
/* rank 0: the latest lines of the history into a checkpoint, and back (history.c) */
PETSC_INTERN PetscErrorCode NomosHistoryPut(NomosProblem, NomosImage, NomosWhy *);
PETSC_INTERN PetscErrorCode NomosHistoryTake(NomosProblem, NomosH5, NomosWhy *);
#endif
