/*
  problem.h - private: the NomosProblem object, shared by the files of this folder.

    problem.c     life and settings; options.c the same from the options database
    parameters.c  theta: sharded for Tao, whole for the map
    evaluate.c    f, gradient and Gauss-Newton product, chunk by chunk
    symmetry.c    training samples turned and mirrored
    setup.c       what is made before the first evaluation
    train.c       the problem as callbacks of a Tao; when a run stops
    history.c     one line per step, progress
    signals.c     USR1 and TERM while a run is active
    checkpoint.c  checkpoints; restart.c a run from one
    model.c       models in files: NomosMapLoad, NomosMapSave
    errors.c      errors on a data set, predictions
*/
#ifndef NOMOS_PROBLEM_H
#define NOMOS_PROBLEM_H

#include "../nomosimpl.h"
#include <petscdm.h>
#include <math.h>
#include <stdio.h>

#define NOMOS_MAX_LOSSES 8
#define NOMOS_UNKNOWN    ((PetscReal)HUGE_VAL) /* a number of the history that does not exist; PETSC_INFINITY is finite */
#define NOMOS_MAX_TESTS  16
#define NOMOS_STEP_TIMES 65536 /* step times kept for the median */
#define NOMOS_HISTORY_TAIL 256 /* lines of the history that a checkpoint holds */
#define NOMOS_SHARD      128 /* local sizes of theta are about multiples of this: no row of a complex block straddles ranks (parameters.c) */

typedef enum {
  NOMOS_PROGRESS_AUTO,
  NOMOS_PROGRESS_BAR,
  NOMOS_PROGRESS_LINES,
  NOMOS_PROGRESS_NONE
} NomosProgress;

/* what one step of a run reports; kept until the step's update was made, because only then its test errors exist */
typedef struct {
  PetscBool set;
  PetscInt  step, evals, epoch;
  PetscInt64 samples;
  PetscReal time, f, gnorm, cnorm, lr;
} NomosRecord;

struct _NomosProblemOps {
  int none;
};

struct _p_NomosProblem {
  PETSCHEADER(struct _NomosProblemOps);
  /* given */
  NomosMap       map;
  DM             dm;
  NomosData      data, test[NOMOS_MAX_TESTS];
  PetscInt       ntest, nloss;
  NomosMap       loss[NOMOS_MAX_LOSSES];
  PetscReal      weight[NOMOS_MAX_LOSSES];
  NomosReduction reduction;
  PetscBool      physical;           /* losses in physical units; default: the target's normalised units */
  PetscBool      normalize[2];       /* make normalisers of input, output from the training samples      */
  PetscBool      keep_best;
  NomosSymmetry  symmetry;           /* training samples are turned by                                       */
  PetscInt64     seed;
  PetscInt       batch, epochs, chunk_wanted;
  /* made by SetUp */
  PetscBool    setup;
  PetscMPIInt  rank, size;
  PetscInt     np, *starts;          /* rank r holds theta[starts[r] .. starts[r+1])                     */
  PetscMPIInt *counts, *displs;
  Vec          theta, pseq, gseq;    /* pseq, gseq: whole, only with several ranks                       */
  PetscBool    share;                /* let ranks of one node exchange through its memory (exchange.c)   */
  MPI_Comm     node;
  MPI_Win      shared;
  PetscScalar *common;               /* in the window: theta                                              */
  char       **parts;                /* and each rank's gseq; NULL: messages                             */
  NomosTeam    team;                 /* of all ranks, where they share a node and the map can; own NULL: none */
  MPI_Win      team_window;
  PetscInt     team_room;            /* samples of each rank for which there is room                     */
  PetscInt     chunk, nx1, ny1;      /* samples per call of the map; reals of one sample                 */
  Vec          x, y, gy, gloss, target, mean, std;
  Vec          r[NOMOS_MAX_LOSSES], s[NOMOS_MAX_LOSSES]; /* residuals and seeds of each loss             */
  Vec          dy, dr[NOMOS_MAX_LOSSES], vseq;           /* tangents, made when first asked for          */
  PetscInt     ntrain, nvalid, *train, *valid;           /* numbers in the data; train NULL: all         */
  PetscInt     nall;                 /* samples of the batch over all ranks                              */
  PetscInt     nmine, *mine, *chunkidx, *order;
  PetscBool    warned_target;        /* a target next to nothing was named                               */
  PetscInt     square, epoch;        /* nodes per axis; epoch of the batch in force, -1: samples are not turned */
  PetscScalar *turned;               /* one channel                                                      */
  /* a run */
  Tao          tao;
  Vec          hessian_at;           /* theta of the Hessian's products                                  */
  PetscBool    batched, running;
  PetscInt     steps_per_epoch, steps_planned, max_steps, first_step, done; /* done: steps whose update was made */
  PetscInt     evals, last_checkpoint;
  PetscLogDouble start, end;
  PetscReal    time_before;          /* of the runs that this one continues                              */
  PetscInt64   samples_before, samples;
  PetscReal    stop_flags[2];        /* over all ranks, of the last evaluation: signals, wall time       */
  const char  *stop_reason;
  NomosRecord  pending;
  PetscReal    last_f, step_time, *step_times;
  PetscInt     nstep_times;
  PetscLogDouble step_start;
  /* history and progress */
  char         history_file[PETSC_MAX_PATH_LEN];
  FILE        *history;
  PetscReal   *tail;                 /* rank 0: the latest lines, [line % NOMOS_HISTORY_TAIL][column]      */
  PetscInt     ntail, tail_columns;  /* lines so far                                                       */
  PetscBool    jsonl;
  NomosProgress progress;
  PetscLogDouble progress_last;
  PetscBool    bar_open;
  /* checkpoints, limits */
  char         checkpoint_dir[PETSC_MAX_PATH_LEN], restart[PETSC_MAX_PATH_LEN];
  PetscInt     checkpoint_interval, checkpoint_keep;
  PetscReal    max_walltime, write_time;
  PetscInt     signal;               /* 0 usr1, 1 term, 2 both, 3 none                                   */
  Vec          best;
  PetscReal    best_error;
  PetscInt     best_step;
  PetscBool    restart_due;
  /* evaluation at another resolution or batch: one copy of the map per grid */
  PetscInt     neval;
  struct _n_NomosEvaluator *eval[NOMOS_MAX_TESTS + 2];
  PetscInt     nerr;
  PetscReal   *err;                  /* one number per sample                                            */
};

/* parameters.c */
PETSC_INTERN PetscErrorCode NomosProblemSetUpParameters(NomosProblem);
PETSC_INTERN PetscErrorCode NomosProblemGather(NomosProblem, Vec sharded, Vec buffer, Vec *whole); /* buffer is not used on one rank */
PETSC_INTERN PetscErrorCode NomosProblemScatterAdd(NomosProblem, Vec sharded);                     /* sum of gseq over ranks         */
PETSC_INTERN PetscErrorCode NomosProblemSetUpExchange(NomosProblem);
PETSC_INTERN PetscErrorCode NomosProblemResetExchange(NomosProblem);
PETSC_INTERN PetscErrorCode NomosProblemMeet(NomosProblem, MPI_Win);
PETSC_INTERN PetscErrorCode NomosProblemSetUpTeam(NomosProblem);                                   /* after the exchange            */
PETSC_INTERN PetscErrorCode NomosProblemTeamForBatch(NomosProblem, PetscBool *);                   /* does it take the batch in force? */
PETSC_INTERN PetscErrorCode NomosProblemUseParameters(NomosProblem, Vec sharded);                    /* the map answers with these  */
PETSC_INTERN PetscErrorCode NomosProblemFromWhole(NomosProblem, const PetscScalar whole[], Vec sharded);
/* setup.c */
PETSC_INTERN PetscErrorCode NomosProblemSetUpForData(NomosProblem, NomosData); /* enough to apply the map: no training data needed */
/* evaluate.c */
PETSC_INTERN PetscErrorCode NomosProblemSetUpEvaluation(NomosProblem);
PETSC_INTERN PetscErrorCode NomosProblemLocalPart(NomosProblem, PetscInt n, PetscInt *first, PetscInt *count);
/* symmetry.c */
PETSC_INTERN PetscErrorCode NomosProblemSetUpSymmetry(NomosProblem);
PETSC_INTERN PetscErrorCode NomosProblemTurnSamples(NomosProblem, PetscInt count, const PetscInt idx[], PetscScalar x[], PetscScalar y[]);
/* signals.c */
PETSC_INTERN PetscErrorCode NomosSignalsBegin(PetscInt which);
PETSC_INTERN PetscErrorCode NomosSignalsEnd(void);
PETSC_INTERN int            NomosSignalsCount(void);
/* history.c */
PETSC_INTERN PetscErrorCode NomosHistoryOpen(NomosProblem, PetscBool append);
PETSC_INTERN PetscErrorCode NomosHistoryWrite(NomosProblem, const NomosRecord *, const PetscReal test[]);
PETSC_INTERN PetscErrorCode NomosHistoryClose(NomosProblem);
PETSC_INTERN PetscErrorCode NomosProgressShow(NomosProblem, const NomosRecord *, PetscBool last);
/* train.c */
PETSC_INTERN PetscErrorCode NomosProblemEndRun(NomosProblem);
/* checkpoint.c */
PETSC_INTERN PetscErrorCode NomosProblemCheckpoint(NomosProblem, PetscInt step);
PETSC_INTERN PetscErrorCode NomosProblemOrderSum(NomosProblem, Tao, PetscInt step, int64_t *);
/* restart.c */
PETSC_INTERN PetscErrorCode NomosProblemDataSum(NomosProblem, int64_t *);
PETSC_INTERN PetscErrorCode NomosProblemCheckFolder(NomosProblem);
PETSC_INTERN PetscErrorCode NomosProblemRestart(NomosProblem, Tao);
/* errors.c */
PETSC_INTERN PetscErrorCode NomosProblemPrepareEvaluator(NomosProblem, NomosData); /* so that nothing is made during a run */
PETSC_INTERN PetscErrorCode NomosProblemMeanRelativeL2(NomosProblem, NomosData, PetscInt n, const PetscInt idx[], PetscReal *);
PETSC_INTERN PetscErrorCode NomosProblemDestroyEvaluators(NomosProblem);

#endif
