/* evaluator.h - private: a map on one grid with the buffers of errors.c */
#ifndef NOMOS_EVALUATOR_H
#define NOMOS_EVALUATOR_H
#include "../nomosimpl.h"

typedef struct _n_NomosEvaluator {
  NomosGrid    grid;
  NomosMap     map;
  PetscBool    shared, moved; /* the map being trained, on its grid; or moved to this grid while it is used */
  PetscInt     chunk, points, cin, cout, *idx;
  Vec          x, y;
  PetscScalar *target, *diff;
  PetscReal   *q[NOMOS_MAX_DIM], *xi[NOMOS_MAX_DIM], *work; /* orthonormal transforms, wave numbers */
} NomosEvaluator;

#endif
