/* Private to nomossor*.c: what the pieces of PC type nomossor share. */
#ifndef NOMOS_PC_SOR_H
#define NOMOS_PC_SOR_H
#include <nomos.h>
#include <compat.h>
#include <backend/backend.h>
#include <petsc/private/pcimpl.h>
#include <petscsf.h>

typedef enum {
  NOMOS_SOR_NATURAL,
  NOMOS_SOR_LEVELS,
  NOMOS_SOR_MULTICOLOR,
  NOMOS_SOR_BLOCKMULTICOLOR,
  NOMOS_SOR_USER /* colours given by NomosPCSORSetColoring() */
} NomosSOROrdering;
typedef enum {
  NOMOS_SOR_SYMMETRIC,
  NOMOS_SOR_FORWARD,
  NOMOS_SOR_BACKWARD
} NomosSORSweep;
typedef enum {
  NOMOS_SOR_LOCAL,
  NOMOS_SOR_GLOBAL
} NomosSORScope;
typedef enum {
  NOMOS_SOR_AUTO,
  NOMOS_SOR_HOST,
  NOMOS_SOR_COLOR,
  NOMOS_SOR_SPSV,
  NOMOS_SOR_JACOBI
} NomosSORBackend;

#define NOMOS_SOR_SMALL 1024 /* rows: as many as one block of threads has */
typedef struct { /* one launch: n pieces of colour `color` (the last one where it covers a run of small colours) */
  PetscInt  color, n, first, size;
  PetscBool grouped;
  int       threads;
} NomosSORLaunch;

/* Who is swept when. Position r of the sweep holds row row[r]; the blocks of colour c are cblock[c]..cblock[c+1) and the
   positions of block b are block[b]..block[b+1). Rows of different blocks of one colour are not coupled, on any rank. Inside a
   block rows stand by depth: those of one depth are not coupled. Levels and groups are those of kernels/sor.h. */
typedef struct {
  PetscInt        n, ncolors, nblocks, nlevels, ngroups, nlaunches;
  PetscBool       identity; /* row[r] = r: the rows as they stand, one colour, one block */
  PetscBool       single;   /* every block is one row */
  PetscInt       *row, *position, *color, *block, *cblock, *level, *group;
  PetscInt       *there[3]; /* row, level, group in the backend's memory */
  NomosSORLaunch *launch;
  PetscInt64      hash; /* of (global row, colour) on all ranks, whatever their number */
} NomosSOROrder;

/* A matrix as the sweeps read it (kernels/sor.h), in the backend's memory. Natural order on the host borrows the arrays of the
   diagonal block, but for Eisenstat's form, where L and U apart save half of what is read. */
typedef struct {
  Mat             A, block, off; /* all of it; the part on this rank; couplings to other ranks (NULL: none) */
  const PetscInt *garray;
  PetscBool       own, borrowed;
  PetscInt        n, nghost, nz; /* nz: entries of L and U */
  PetscInt       *l, *u, *col, *d, *map; /* d: where the diagonal stands in block; map: an entry in block (>= 0) or off (-1-k) */
  double         *val, *id;
  SORRows         rows;
  int             lanes;
  PetscInt       *gcolor;
  PetscInt        nhalo;
  PetscSF        *halo; /* one per colour; NULL: nothing to exchange */
  double         *work, *t, *s; /* work: rows, then ghosts; NULL without a halo */
  double         *values[2], *count; /* values of block and off where the matrix has them in other memory */
  PetscSF         outside; /* scope local, Eisenstat form: what the sweeps leave out is part of the operator */
  Mat             dropped;
  PetscInt        nout, *op, *oc;
  double         *oval, *ghosts;
} NomosSORMatrix;

typedef struct {
  PetscReal        omega, shift;
  PetscInt         its, block_size, inner;
  NomosSORSweep    sweep;
  NomosSOROrdering ordering;
  NomosSORScope    scope;
  NomosSORBackend  backend;
  PetscBool        eisenstat;

  NomosBackend     b;
  char             where[64]; /* -nomos_backend */
  PetscBool        device;    /* b computes on a device */
  PetscBool        nodevice;  /* it cannot be opened */
  PetscBool        asked;     /* the ordering was chosen, not left to where the matrix is */
  NomosStage       stage[2];
  PetscObjectId    pmat_id; /* the matrix seen last */
  Mat              aij;     /* its copy as AIJ where it is not one */
  PetscBool        built, global;
  NomosSOROrdering order_built;
  PetscObjectState nonzero, state;
  NomosSOROrder    order;
  NomosSORMatrix   m, mt; /* mt: the transpose, made when first asked for */
  PetscBool        have_mt, mt_fresh;
  PetscInt         nuser, *user; /* colours given by the user */
  PetscInt         badrow;       /* global row without a usable diagonal, or -1 */
  PetscBool        warned;

  Mat              shell, saved; /* Eisenstat: the operator that the KSP sees meanwhile; what it saw before */
  KSP              active;
  PetscBool        transposed;
  Vec              rhs;
  PetscInt64       applies;
} NomosSOR;

PETSC_INTERN PetscErrorCode NomosSOROrderMake(PC, Mat A, Mat block, Mat swept, const PetscInt[]);
PETSC_INTERN PetscErrorCode NomosSOROrderDestroy(NomosBackend, NomosSOROrder *);
PETSC_INTERN PetscErrorCode NomosSORLaunches(PC, NomosSOROrder *);
PETSC_INTERN PetscErrorCode NomosSORUp(NomosBackend, PetscInt, const PetscInt[], PetscInt **);
PETSC_INTERN PetscErrorCode NomosSORMatrixSplit(Mat, PetscBool, NomosSORMatrix *);
PETSC_INTERN PetscErrorCode NomosSORMatrixBuild(PC, const NomosSOROrder *, PetscBool, NomosSORMatrix *);
PETSC_INTERN PetscErrorCode NomosSORMatrixRefresh(PC, NomosSORMatrix *);
PETSC_INTERN PetscErrorCode NomosSORMatrixBegin(NomosSORMatrix *);
PETSC_INTERN PetscErrorCode NomosSORMatrixEnd(NomosSORMatrix *);
PETSC_INTERN PetscErrorCode NomosSORMatrixDestroy(NomosBackend, NomosSORMatrix *);
PETSC_INTERN PetscErrorCode NomosSORGhosts(NomosSORMatrix *, const PetscInt[], PetscInt **);
PETSC_INTERN PetscErrorCode NomosSORExchange(NomosSOR *, PetscSF, const double *, double *);
PETSC_INTERN PetscErrorCode NomosSORTransposeNeed(PC);
PETSC_INTERN PetscErrorCode NomosSORSweepRun(PC, NomosSORMatrix *, NomosSORSweep, PetscInt, Vec, Vec);
PETSC_INTERN PetscErrorCode NomosSORTriangleMult(PC, NomosSORMatrix *, PetscBool upper, Vec, Vec);
PETSC_INTERN PetscErrorCode NomosSOREisenstatMult(PC, NomosSORMatrix *, Vec, Vec);
PETSC_INTERN PetscErrorCode NomosSORJacobiRun(PC, NomosSORMatrix *, NomosSORSweep, PetscInt, Vec, Vec);
PETSC_INTERN PetscErrorCode NomosSORScaleDiagonal(PC, NomosSORMatrix *, PetscReal, Vec, Vec);
PETSC_INTERN PetscErrorCode PCPreSolve_NomosSOR(PC, KSP, Vec, Vec);
PETSC_INTERN PetscErrorCode PCPostSolve_NomosSOR(PC, KSP, Vec, Vec);
PETSC_INTERN PetscErrorCode PCSetFromOptions_NomosSOR(PC, NomosOptionItems);
PETSC_INTERN PetscErrorCode PCView_NomosSOR(PC, PetscViewer);
PETSC_INTERN PetscErrorCode NomosSORSettersCompose(PC, PetscBool);
PETSC_INTERN PetscErrorCode NomosSORGetSweep(PC, PetscBool *inorder, PetscBool *symmetric); /* rows as they stand, or by levels */
#endif
