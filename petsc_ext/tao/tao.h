/*
  tao.h - private to petsc_ext/tao: what every optimizer of ours shares.

  NomosTaoShared hangs on the Tao (composed as "NomosTao"), so a user may set batches, blocks and a schedule before or
  after the type is chosen. NomosTaoLoop() is the loop of all types; a type gives it an update and how to take one back.
*/
#ifndef NOMOS_TAO_H
#define NOMOS_TAO_H

#include <nomosimpl.h>
#include <backend/backend.h>
#include <petsc/private/taoimpl.h>

struct _p_NomosSchedule {
  PETSCHEADER(int);
  char       type[32];
  PetscInt   length;        /* in units; 0: the run's                                     */
  PetscInt   unit;          /* steps per unit; 0: an epoch's steps                        */
  PetscInt   run, epoch;    /* steps of the run and of an epoch, told by the loop; run 0: not told */
  PetscReal  lr, beta1;     /* base                                                       */
  PetscInt   warmup, step;  /* in units                                                   */
  PetscReal  gamma, power, final, pct_start, div, final_div, beta1_min, beta1_max;
  PetscInt   nlist;
  PetscReal *list;
  char       file[PETSC_MAX_PATH_LEN];
  PetscBool  warned;
};
PETSC_INTERN PetscErrorCode NomosScheduleSetRun(NomosSchedule, PetscInt steps, PetscInt steps_per_epoch);

typedef enum {
  NOMOS_ORDER_SHUFFLE    = 0,
  NOMOS_ORDER_SEQUENTIAL = 1,
  NOMOS_ORDER_REPLACE    = 2
} NomosOrder;
typedef enum {
  NOMOS_NAN_STOP  = 0,
  NOMOS_NAN_SKIP  = 1,
  NOMOS_NAN_ERROR = 2
} NomosNanPolicy;
typedef enum {
  NOMOS_CONV_AUTO          = 0, /* stochastic once a batch is set */
  NOMOS_CONV_DETERMINISTIC = 1, /* TAO's own test                 */
  NOMOS_CONV_STOCHASTIC    = 2,
  NOMOS_CONV_NONE          = 3
} NomosConvergence;

#define NOMOS_TAO_MAX_STATE 8
enum { /* scalars of the state */
  NOMOS_SCALAR_UPDATES = 0, /* updates made: steps less the skipped ones */
  NOMOS_SCALAR_HALVED  = 1, /* steps left with half the learning rate    */
  NOMOS_SCALAR_BAD     = 2, /* skipped steps in a row                    */
  NOMOS_SCALAR_GMEAN   = 3, /* exponential mean of the gradient norm     */
  NOMOS_SCALAR_GWEIGHT = 4, /* its weight: 1 - beta^n                    */
  NOMOS_NUM_SCALARS    = 5
};

typedef struct {
  /* batches */
  PetscInt   samples, batch; /* samples 0: no batches */
  NomosOrder order;
  PetscInt64 seed;
  PetscInt  *idx;
  PetscErrorCode (*begin)(Tao, PetscInt, PetscInt, const PetscInt[], void *);
  void *begin_ctx;
  /* blocks; 0: one real block */
  PetscInt    nblocks;
  NomosBlock *blocks;
  /* settings */
  NomosSchedule    schedule;
  PetscReal        clip;
  NomosNanPolicy   nan_policy;
  NomosConvergence conv;
  PetscReal        conv_beta, conv_tol;
  /* state */
  PetscInt    nstate;
  const char *names[NOMOS_TAO_MAX_STATE]; /* literals of the type */
  Vec         vecs[NOMOS_TAO_MAX_STATE];  /* the type's: no reference taken */
  PetscReal   scalars[NOMOS_NUM_SCALARS];
  PetscInt    step;   /* the one that comes next */
  PetscBool   resume; /* the next TaoSolve() goes on from step */
  PetscReal   lr;     /* of the latest step */
  PetscBool   warned;
  Vec         gwork; /* for TaoSetGradientNorm() */
} NomosTaoShared;

typedef struct {
  /* one update of the solution from tao->gradient; last: no evaluation follows, so leave the gradient as it is */
  PetscErrorCode (*update)(Tao, PetscReal lr, PetscReal beta1, PetscReal scale, PetscBool last);
  PetscErrorCode (*restore)(Tao); /* the solution before the latest update */
  PetscErrorCode (*restart)(Tao); /* forget the state: a new run begins    */
} NomosTaoLoopOps;

PETSC_INTERN PetscErrorCode NomosTaoGetShared(Tao, NomosTaoShared **);
PETSC_INTERN PetscErrorCode NomosTaoSharedSetFromOptions(Tao, NomosOptionItems);
PETSC_INTERN PetscErrorCode NomosTaoSharedView(Tao, PetscViewer);
PETSC_INTERN PetscErrorCode NomosTaoSharedCheck(Tao); /* providers, constraints, bounds, blocks: at SetUp */
PETSC_INTERN PetscErrorCode NomosTaoSharedDropState(Tao);
PETSC_INTERN PetscErrorCode NomosTaoLoop(Tao, const NomosTaoLoopOps *);
PETSC_INTERN PetscErrorCode NomosTaoBatchBegin(Tao, PetscInt step);
PETSC_INTERN PetscErrorCode NomosTaoBlocksCheck(Tao);
PETSC_INTERN PetscErrorCode NomosTaoGetBackend(Tao, NomosBackend *); /* a new one, where the solution lives */

PETSC_INTERN const char *const NomosOrders[];
#endif
