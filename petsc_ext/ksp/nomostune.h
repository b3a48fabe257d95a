/* nomostune.h - private: the data of KSPNOMOSTUNE. Files: nomostune.c object, options, view; nomostune_api.c setters; nomostune_arms.c what an arm sets; nomostune_live.c
   preconditioners kept alive; nomostune_context.c what is known before a solve, nomostune_dominance.c of it what the matrix says; nomostune_solve.c a round. */
#ifndef NOMOS_KSPTUNE_H
#define NOMOS_KSPTUNE_H
#include <nomosimpl.h>
#include <petscksp.h>
#include <petsc/private/kspimpl.h>
#include <petsc/private/pcimpl.h>

#define NOMOS_KSPTUNE_STATES   8 /* tuners kept, one per size of the system */
#define NOMOS_KSPTUNE_CONTEXTS 2
#define NOMOS_KSPTUNE_PARAMETERS 8
#define NOMOS_KSPTUNE_LIVE 16
#define NOMOS_KSPTUNE_COMBINATIONS 256 /* as many as arms */

typedef enum {
  NOMOS_COST_AUTO = 0,
  NOMOS_COST_ITS  = 1,
  NOMOS_COST_WORK = 2,
  NOMOS_COST_TIME = 3,
  NOMOS_COST_USER = 4
} NomosTuneCost;
PETSC_INTERN const char *const NomosTuneCosts[];

typedef enum {
  NOMOS_CONTEXT_AUTO     = 0,
  NOMOS_CONTEXT_SIZE     = 1,
  NOMOS_CONTEXT_RTOL     = 2,
  NOMOS_CONTEXT_RESIDUAL = 3,
  NOMOS_CONTEXT_TIME     = 4,
  NOMOS_CONTEXT_DT       = 5,
  NOMOS_CONTEXT_ITER     = 6,
  NOMOS_CONTEXT_USER     = 7
} NomosTuneContext;

typedef struct { /* a tuner for systems of about this size */
  PetscInt   bucket, row; /* log2 of the global size; nonzeros per row */
  NomosTuner t;
  PetscInt64 used;        /* the solve that used it last              */
} NomosTuneState;

typedef struct { /* a preconditioner and a solver for arms that need their own */
  PetscInt   combination; /* of the values that need new set-up */
  KSP        ksp;
  PC         pc;
  PetscInt64 used;
} NomosTuneLive;

typedef struct {
  KSP            first;  /* for the program's own preconditioner      */
  KSP            inner;  /* in use: first or one of live              */
  PC             pc;     /* in use: the program's or one of live      */
  NomosTuneLive  live[NOMOS_KSPTUNE_LIVE];
  PetscInt       nlive, max_live;
  PetscBool      seen[NOMOS_KSPTUNE_COMBINATIONS]; /* by combination: somebody solved with it */
  PetscBool      deferred, reuse; /* the program's preconditioner is set up when it is used; what it said of reuse */
  NomosTuner     tuner; /* in force; NULL before the first solve      */
  NomosTuner     own;   /* handed out by NomosKSPTuneGetTuner(): then there are no others */
  NomosTuneState state[NOMOS_KSPTUNE_STATES];
  PetscInt       nstates;
  PetscInt64     solves, passed; /* passed: solves in which nothing was chosen */

  /* settings */
  NomosTuneCost cost;
  PetscBool     per_decade, options; /* KSPSetFromOptions() was called */
  char         *contexts;            /* as asked for                   */
  PetscErrorCode (*costfunction)(KSP, PetscInt its, PetscReal *, void *);
  void         *costctx;
  PetscObject   attached; /* TS or SNES, not referenced: it owns the KSP */

  /* contexts */
  PetscInt         ncontexts;
  NomosTuneContext kind[NOMOS_KSPTUNE_CONTEXTS];
  PetscInt         index[NOMOS_KSPTUNE_CONTEXTS]; /* k of user:k */
  PetscReal        user[NOMOS_KSPTUNE_CONTEXTS];
  PetscObjectId    mat;                           /* q and radius belong to this state */
  PetscObjectState matstate;
  PetscReal        q, radius;

  /* arms */
  PetscOptions db;                               /* the user's options and the arm */
  PetscReal    applied[NOMOS_KSPTUNE_PARAMETERS]; /* NaN: not applied yet           */
  PetscBool    rebuild[NOMOS_KSPTUNE_PARAMETERS], rebuilds; /* which parameters need new set-up; any? */
  PetscBool    unread[NOMOS_KSPTUNE_PARAMETERS]; /* said of which parameters that nobody reads them */
  PetscInt     baseline;

  /* the attempt that runs */
  PetscInt  offset;  /* iterations of the first part                   */
  PetscReal limit, start, rnorm0;
  PetscBool capped;
  NomosTuneCost kindofcost;
  Vec       x0;
} KSP_NomosTune;

PETSC_INTERN PetscErrorCode NomosKSPTuneParameters(KSP, NomosTuner);         /* the user's, or omega       */
PETSC_INTERN PetscErrorCode NomosKSPTuneBaseline(KSP, NomosTuner);
PETSC_INTERN PetscErrorCode NomosKSPTuneCheckArms(KSP, NomosTuner);
PETSC_INTERN PetscErrorCode NomosKSPTuneApply(KSP, PetscInt arm);
PETSC_INTERN PetscErrorCode NomosKSPTuneUse(KSP, PetscInt arm, PetscBool *fresh);
PETSC_INTERN PetscErrorCode NomosKSPTuneDropLive(KSP);
PETSC_INTERN PetscErrorCode NomosKSPTuneUndefer(KSP);
PETSC_INTERN PetscErrorCode NomosKSPTuneDatabase(KSP);
PETSC_INTERN PetscErrorCode NomosKSPTuneRead(KSP, PetscInt j, const char option[]);
PETSC_INTERN PetscErrorCode NomosKSPTuneOptionText(NomosTuner, PetscInt j, PetscReal v, char[], size_t);
PETSC_INTERN PetscErrorCode NomosKSPTuneAddContexts(KSP, NomosTuner, PetscBool add);
PETSC_INTERN PetscErrorCode NomosKSPTuneDominance(Mat, PetscReal *q, PetscReal *ratio);
PETSC_INTERN PetscErrorCode NomosKSPTuneReadContexts(KSP, PetscReal ctx[]);
PETSC_INTERN PetscErrorCode NomosKSPTuneUseTuner(KSP);                       /* of this size; made if new  */
PETSC_INTERN PetscErrorCode NomosKSPTuneInner(KSP, PetscBool pass);          /* settings carried over      */
PETSC_INTERN PetscErrorCode NomosKSPTuneSpent(KSP, NomosTuneCost, PetscReal *);
PETSC_INTERN PetscErrorCode NomosKSPTuneCostKind(KSP, NomosTuneCost *); /* auto resolved */
PETSC_INTERN PetscErrorCode KSPSolve_NomosTune(KSP);
PETSC_INTERN PetscErrorCode KSPMatSolve_NomosTune(KSP, Mat, Mat);
#endif
