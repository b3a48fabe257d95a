/* Random sketches of distributed vectors and the factors made of them: shared by KSP type sketchproject and PC type kktsketch.
   Not part of the public interface; exported so that tests/unit/sketch.c can call them. */
#ifndef NOMOS_PETSC_SKETCH_H
#define NOMOS_PETSC_SKETCH_H
#include <nomos.h>
#include <compat.h>
#include <backend/backend.h>

typedef enum {
  NOMOS_SKETCH_GAUSSIAN,
  NOMOS_SKETCH_SPARSESIGN /* nnz = 1: CountSketch */
} NomosSketchKind;

/* S' (s x N) as an operator: entries are functions of (seed, block, global row, column), see kernels/sketch.h. Scaled so that
   E|S'x|^2 = |x|^2. */
typedef struct {
  MPI_Comm        comm;
  NomosSketchKind kind;
  PetscInt64      seed;
  PetscInt        s, nnz, block; /* block: which of the matrices of this seed */
  PetscInt        n, first;      /* local rows, the first global one */
  NomosBackend    b;
  PetscInt        chunks;
  NomosReal      *partial;       /* in the backend's memory, as the next three */
  double         *sums;
  uint16_t       *code;
  int            *start;
  NomosStage      stage;
} NomosSketch;

PETSC_EXTERN PetscErrorCode NomosSketchCreate(Vec like, NomosSketchKind, PetscInt64 seed, PetscInt block, PetscInt s, PetscInt nnz, NomosSketch **);
PETSC_EXTERN PetscErrorCode NomosSketchLocal(NomosSketch *, Vec x, PetscScalar y[]);  /* this rank's part of S'x         */
PETSC_EXTERN PetscErrorCode NomosSketchApply(NomosSketch *, PetscInt k, const Vec x[], PetscScalar y[]); /* one reduction */
PETSC_EXTERN PetscErrorCode NomosSketchColumn(NomosSketch *, PetscInt j, Vec x);      /* x = S e_j, unscaled             */
PETSC_EXTERN PetscErrorCode NomosSketchRow(NomosSketch *, PetscInt i, PetscScalar a, PetscScalar y[]); /* y += a S'e_i, i global; no communication */
PETSC_EXTERN PetscErrorCode NomosSketchDestroy(NomosSketch **);

/* R of a pivoted QR of the sketch of T (N x m), T given by its transposed rows: column c of the sketch is known to one rank. Replicated.
   (R'R) is close to T'T; with a sketch of 4 m rows the condition of T R^-1 is about 3. */
typedef struct {
  MPI_Comm     comm;
  PetscInt     m, replaced; /* columns; pivots below 1e-13 of the largest, replaced by it */
  PetscReal    ratio;       /* smallest pivot over the largest, before that */
  PetscScalar *R, *work;    /* R: ld x m, upper triangle; work: m */
  PetscInt     ld;
  PetscBLASInt *pivot;      /* column pivot[k] - 1 of T became column k */
  VecScatter   gather;
  Vec          all;
} NomosSketchQR;

PETSC_EXTERN PetscErrorCode NomosSketchQRCreate(Vec like, PetscInt rows, PetscScalar *local, NomosSketchQR **); /* local: rows x (local length of like), column-major */
PETSC_EXTERN PetscErrorCode NomosSketchQRSolve(NomosSketchQR *, Vec b, Vec x);  /* (R'R) x = b */
PETSC_EXTERN PetscErrorCode NomosSketchQRDestroy(NomosSketchQR **);
PETSC_EXTERN PetscErrorCode NomosSketchAIJ(NomosSketch *, Mat G, PetscInt ld, PetscScalar *out); /* out = S'G' for the local rows of G, ld >= s */
#endif
