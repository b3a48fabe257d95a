/* Private to kktsketch*.c: what the pieces of PC type kktsketch share. */
#ifndef NOMOS_PC_KKTSKETCH_H
#define NOMOS_PC_KKTSKETCH_H
#include <petsc_ext/sketch/sketch.h>
#include <petsc/private/pcimpl.h>
#include <petscksp.h>

#define NOMOS_KKT_FLOOR      1e-8  /* of the largest diagonal entry or eigenvalue: smaller ones are raised to it */
#define NOMOS_KKT_MAX_REPLICATED 4000 /* constraints up to which R is held on every rank */

typedef enum {
  NOMOS_KKTSKETCH_CONSTRAINT,
  NOMOS_KKTSKETCH_DIAGONAL
} NomosKKTSketchForm;
typedef enum {
  NOMOS_KKTHESSIAN_AUTO,
  NOMOS_KKTHESSIAN_DIAG,
  NOMOS_KKTHESSIAN_NYSTROM,
  NOMOS_KKTHESSIAN_PC
} NomosKKTHessian;
typedef enum {
  NOMOS_KKTSCHUR_AUTO,
  NOMOS_KKTSCHUR_SKETCHQR,
  NOMOS_KKTSCHUR_SELFP,
  NOMOS_KKTSCHUR_USER,
  NOMOS_KKTSCHUR_LSQR
} NomosKKTSchur;

typedef struct {
  NomosKKTSketchForm form;
  NomosKKTHessian    hessian, hessian_used;
  NomosKKTSchur      schur, schur_used;
  PetscInt           rank, nnz, lag;
  PetscReal          factor;
  PetscInt64         seed;
  IS                 user_primal, user_dual;
  Mat                user_S;
  PetscBool          options;

  /* the blocks of the operator (H + tI, G, gamma I + diag(c)); those that preconditioners are made of */
  Mat       H, Hpre, G, Gpre, S;
  Vec       c;
  PetscReal t, gamma;
  IS        primal, dual;
  Mat       subH, subG, subC; /* cut out of an assembled KKT matrix */
  PetscBool query;            /* H's state tells whether its values are new: our own operators */
  PetscBool least;            /* the operator is a MATNORMAL of G': the normal equations alone */

  Vec        r1, r2, u, x, v, w; /* primal: r1 u x; dual: r2 v w */
  VecScatter toprimal, todual;

  /* Bh^-1: dinv alone, or U and what is added in its range, or a PC */
  Vec              dinv;
  PetscInt         ell, nwork;
  Vec             *U, *Omega;
  PetscScalar     *coef, *dots, *A, *C; /* ell each: 1/(Lam + t) - 1/mu; work, also of ell x ell */
  PetscReal       *lam, tail;           /* Lam, ascending, and what stands for the rest of the spectrum */
  PetscReal        mu, lam1;
  PetscBool        sketched, positive;  /* Lam and U are those of the matrix below; it was positive on the sketch */
  PetscObjectId    sketched_id;
  PetscObjectState sketched_state;
  PC               hpc;
  Mat              shifted;

  NomosSketch   *sketch;
  NomosSketchQR *qr;
  Mat            Gt, Shat;
  PC             spc;
  KSP            sksp;
  Mat            sshell;

  PetscInt   age, setups;    /* set-ups since the last rebuild */
  PetscInt64 applies, last, first, products, rebuilds;
  PetscReal  t_built, gamma_built;
} PC_KKTSketch;

PETSC_INTERN PetscErrorCode NomosKKTSketchGetBlocks(PC);
PETSC_INTERN PetscErrorCode NomosKKTSketchReleaseBlocks(PC);
PETSC_INTERN PetscErrorCode NomosKKTSketchAssembled(Mat, PetscBool *);
PETSC_INTERN PetscErrorCode NomosKKTSketchHessianSetUp(PC, PetscBool stale); /* stale: else only the shifts are new */
PETSC_INTERN PetscErrorCode NomosKKTSketchHessianSolve(PC, Vec r, Vec u);
PETSC_INTERN PetscErrorCode NomosKKTSketchHessianReset(PC);
PETSC_INTERN PetscErrorCode NomosKKTSketchDiagonal(PC);
PETSC_INTERN PetscErrorCode NomosKKTSketchNystrom(PC, PetscBool stale, PetscBool *ok);
PETSC_INTERN PetscErrorCode NomosKKTSketchInnerPC(PC, const char suffix[], Mat, PC *);
PETSC_INTERN PetscErrorCode NomosKKTSketchSchurSetUp(PC);
PETSC_INTERN PetscErrorCode NomosKKTSketchSchurSolve(PC, Vec r, Vec w);
PETSC_INTERN PetscErrorCode NomosKKTSketchSchurReset(PC);
PETSC_INTERN PetscErrorCode PCSetFromOptions_KKTSketch(PC, NomosOptionItems);
PETSC_INTERN PetscErrorCode PCView_KKTSketch(PC, PetscViewer);
#endif
