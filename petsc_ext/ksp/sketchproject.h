/* Private to sketchproject*.c: what the pieces of KSP type sketchproject share. */
#ifndef NOMOS_KSP_SKETCHPROJECT_H
#define NOMOS_KSP_SKETCHPROJECT_H
#include <petsc_ext/sketch/sketch.h>
#include <petsc/private/kspimpl.h>

#define NOMOS_SP_MAX_BLOCK 512

typedef enum {
  NOMOS_SP_KRYLOV,
  NOMOS_SP_GAUSSIAN,
  NOMOS_SP_SPARSESIGN,
  NOMOS_SP_COUNTSKETCH,
  NOMOS_SP_ROWS,
  NOMOS_SP_BLOCKROWS
} NomosSPType;
typedef enum {
  NOMOS_SP_RESIDUAL,
  NOMOS_SP_ERROR
} NomosSPNorm;
typedef enum {
  NOMOS_SP_UNIFORM,
  NOMOS_SP_ROWNORM
} NomosSPProb;

/* Rows of this rank in blocks, each with its QR, for blockrows. */
typedef struct {
  PetscInt     rows, ncols;
  PetscInt    *cols;   /* global */
  PetscScalar *Q, *R;  /* ncols x rank, rank x rows (upper trapezoid in the order of pivot) */
  PetscInt    *pivot, rank;
} NomosSPBlock;

typedef struct {
  NomosSPType type;
  NomosSPNorm norm;
  NomosSPProb prob;
  PetscInt    b, q, nnz, resync;
  PetscReal   factor, momentum;
  PetscInt64  seed;

  /* everything below belongs to the operator and layout of the last set-up */
  PetscInt      s;            /* rows of the least-squares sketch */
  NomosSketch  *sketch, *draw; /* of residuals and images; the random directions (its block changes) */
  Vec           r, work, work2, local;
  PetscInt      nV, nZ, nC;
  Vec          *V, *Z;        /* residual: basis or images, and steps; error: Y and S */
  Vec          *C, *Zc, *all; /* memory: images, orthonormal in the sketch, and the steps that have them; all: pointers */
  PetscInt      nmem, next;
  PetscScalar  *SV, *SC, *Sr; /* their sketches, s rows; Sr has s + 1 */
  PetscScalar  *H, *R, *B, *y, *small, *g, *givens, *buffer;
  Vec           dx, dAx;      /* heavy ball */
  PetscReal     rnorm;        /* exact norm of r */
  PetscInt      since;        /* blocks since the residual was computed from x */

  PetscInt      nblocks;      /* blockrows */
  NomosSPBlock *block;
  Vec           weight;
  PetscReal    *cumulative, before, total; /* sums of squared norms of the rows, or blocks, of this rank; of the ranks before; of all */
  PetscInt64    applies, redone, resyncs, resketched, cuts;
  PetscObjectState state;     /* of the matrix whose rows were read */
  PetscObjectId    id;
  PetscBool     warned;
} KSP_SketchProject;

PETSC_INTERN PetscErrorCode NomosSPKrylov(KSP);          /* one block each: x, r, rnorm change, or ksp->reason is set */
PETSC_INTERN PetscErrorCode NomosSPRandom(KSP);
PETSC_INTERN PetscErrorCode NomosSPError(KSP);
PETSC_INTERN PetscErrorCode NomosSPBlockRows(KSP);
PETSC_INTERN PetscErrorCode NomosSPDraw(KSP, PetscInt j, Vec S); /* column j of the block that comes */
PETSC_INTERN PetscErrorCode NomosSPMove(KSP, Vec d, Vec Ad);     /* x += d, r -= A d, with momentum; Ad: work */
PETSC_INTERN PetscErrorCode NomosSPRowsSetUp(KSP);
PETSC_INTERN PetscErrorCode NomosSPBlockRowsSetUp(KSP);
PETSC_INTERN PetscErrorCode NomosSPBlockRowsReset(KSP);

/* shared by the modes */
PETSC_INTERN PetscErrorCode NomosSPTrueResidual(KSP);                                /* r = b - A x and its norm */
PETSC_INTERN PetscErrorCode NomosSPMeasure(KSP, Vec v, PetscScalar *Sv, PetscReal *norm); /* Sv has s + 1 places; one reduction */
PETSC_INTERN PetscErrorCode NomosSPProduct(KSP, Vec z, Vec w);                       /* w = A z, counted */
PETSC_INTERN PetscErrorCode NomosSPProductTranspose(KSP, Vec z, Vec w);
PETSC_INTERN PetscErrorCode NomosSPCumulate(KSP, PetscInt n);                        /* cumulative: values to sums */
PETSC_INTERN PetscErrorCode NomosSPSetFromOptions(KSP, NomosOptionItems);
PETSC_INTERN PetscErrorCode NomosSPView(KSP, PetscViewer);
#endif
