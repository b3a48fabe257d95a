/*
  tuner.h - private: the struct of NomosTuner, the operations of a learner, and the two learners' mathematics that
  stand alone (weights.c, lattice.c) so that tests reach them without an object.

  Rank 0 of the tuner's communicator holds the learner and decides; Select broadcasts the decision. Members marked (root)
  mean something there only.
*/
#ifndef NOMOS_TUNER_H
#define NOMOS_TUNER_H

#include <nomosimpl.h>
#include "data/data.h"

#define NOMOS_TUNER_MAX_PARAMETERS 8
#define NOMOS_TUNER_MAX_CONTEXTS   2
#define NOMOS_TUNER_MAX_ARMS       256
#define NOMOS_TUNER_MAX_LATTICE    2048 /* arms x context nodes of gp                 */
#define NOMOS_TUNER_HISTORY        4096 /* rounds kept for replay                      */
#define NOMOS_TUNER_PULLS          5    /* baseline solves that the estimates look at  */

/* ---- weights.c: Tsallis-INF, plain numbers ----------------------------------------------------------------------- */
typedef struct {
  PetscInt   d;
  PetscBool  rv;          /* reduced-variance estimator, else importance weighting     */
  PetscReal  fixed_scale; /* 0: the running mean of the losses                         */
  PetscReal *state;       /* [2 + 2d] what is saved: rounds seen, sum of losses, L, B  */
  PetscReal *L, *B;       /* inside state                                              */
  PetscReal *p;           /* [d] of the last draw, 0 where not allowed                 */
  PetscReal *l, *q;       /* [d] work                                                  */
  PetscReal  eta;         /* of the last draw                                          */
} NomosTsallis;
PETSC_INTERN PetscErrorCode NomosTsallisCreate(PetscInt d, PetscBool rv, PetscReal fixed_scale, NomosTsallis *);
PETSC_INTERN PetscErrorCode NomosTsallisDestroy(NomosTsallis *);
PETSC_INTERN void           NomosTsallisWeights(PetscInt d, const PetscReal l[], PetscReal eta, PetscReal p[], PetscReal *x, PetscInt *steps);
PETSC_INTERN PetscInt       NomosTsallisDraw(NomosTsallis *, const PetscBool allowed[], PetscReal u); /* u in (0,1) */
PETSC_INTERN void           NomosTsallisObserve(NomosTsallis *, PetscInt arm, PetscReal loss);
PETSC_INTERN PetscInt       NomosTsallisBest(const NomosTsallis *, const PetscBool allowed[], PetscInt preferred);
PETSC_INTERN PetscReal      NomosTsallisScale(const NomosTsallis *);
PETSC_INTERN void           NomosTsallisAdmit(NomosTsallis *, const PetscBool known[]); /* the others begin level with the best */
PETSC_INTERN void           NomosTsallisDoubt(NomosTsallis *);                          /* what it has seen counts half         */

/* ---- lattice.c: a Gaussian process on arms x nodes, plain numbers ------------------------------------------------- */
#define NOMOS_LATTICE_PENDING 8
typedef struct {
  PetscInt   n;     /* points = d q                                                   */
  PetscReal *mu;    /* [n] posterior mean                                             */
  PetscReal *P;     /* [n(n+1)/2] lower triangle: the posterior covariance is P - U U^T + drifted K */
  PetscReal *U;     /* [NOMOS_LATTICE_PENDING][n], of which there are as many as pending */
  PetscInt   pending;
  PetscReal *K;     /* [n][n] prior covariance                                        */
  PetscReal  drifted;
  PetscInt   row, nbands, distance[5]; /* of the neighbours that interpolation asks for together        */
  PetscReal *band, *priorband;         /* [nbands][n] P - U U^T and K of the pairs (i, i + distance)       */
  PetscReal *column; /* [n] work                                                      */
  PetscReal  noise; /* variance, follows the residuals                                */
  PetscReal  drift;
} NomosLattice;
PETSC_INTERN PetscErrorCode NomosLatticeCreate(PetscInt n, PetscInt row, PetscReal drift, NomosLattice *); /* row: nodes of the second context, or 0 */
PETSC_INTERN PetscErrorCode NomosLatticeDestroy(NomosLattice *);
PETSC_INTERN void           NomosLatticeReset(NomosLattice *); /* to the prior in K */
PETSC_INTERN void           NomosLatticeGather(NomosLattice *); /* P was written by somebody else, nothing is pending */
PETSC_INTERN PetscInt       NomosLatticeSize(PetscInt n); /* numbers of P */
PETSC_INTERN void           NomosLatticeSettle(NomosLattice *); /* U goes into P */
PETSC_INTERN PetscReal      NomosLatticeCovariance(const NomosLattice *, PetscInt i, PetscInt j);
PETSC_INTERN void           NomosLatticePredict(const NomosLattice *, PetscInt m, const PetscInt idx[], const PetscReal w[], PetscReal *mean, PetscReal *var);
PETSC_INTERN void           NomosLatticeUpdate(NomosLattice *, PetscInt m, const PetscInt idx[], const PetscReal w[], PetscReal y);

/* ---- the object ---------------------------------------------------------------------------------------------------- */
typedef struct {
  char      *name;
  NomosScale scale;
  PetscInt   n;
  PetscReal *value; /* [n]; the index for a category                                  */
  char     **label; /* [n]; NULL: numeric                                             */
} NomosTunerParameter;

typedef struct {
  char     *name;
  PetscReal lo, hi;               /* in use                                           */
  PetscReal nominal_lo, nominal_hi; /* as given; lo > hi: not given                   */
  PetscReal seen_lo, seen_hi;     /* (root) lo > hi: none yet                         */
  PetscBool adaptive;             /* the range follows what is seen                   */
} NomosTunerContext;

enum { /* flags of a round */
  NOMOS_ROUND_FAILED  = 1,
  NOMOS_ROUND_LEARNED = 2, /* the learner was told                                    */
  NOMOS_ROUND_BUDGET  = 4, /* the learner wanted something dearer                     */
  NOMOS_ROUND_CLAMPED = 8, /* a context outside its range                             */
  NOMOS_ROUND_MISSING = 16 /* the first context was no finite number; twice that: the second */
};
typedef struct {
  PetscReal round, arm, ctx[NOMOS_TUNER_MAX_CONTEXTS], cost, flags; /* all real: saved as one array */
} NomosTunerRound;

typedef struct { /* one array of a learner's state, for the state file */
  const char *name;
  PetscInt    n;
  PetscReal  *values;
} NomosTunerArray;
#define NOMOS_TUNER_MAX_ARRAYS 24

/* A learner. c: contexts inside their ranges. allowed: arms that are not banned; the baseline always is. */
typedef struct _NomosTunerOps {
  PetscErrorCode (*setup)(NomosTuner);
  PetscErrorCode (*select)(NomosTuner, const PetscReal c[], const PetscBool allowed[], PetscInt *arm);
  PetscErrorCode (*update)(NomosTuner, const PetscReal c[], PetscInt arm, PetscReal cost);
  PetscErrorCode (*best)(NomosTuner, const PetscReal c[], const PetscBool allowed[], PetscInt *arm); /* no exploring, no random number */
  PetscErrorCode (*predict)(NomosTuner, const PetscReal c[], PetscInt arm, PetscReal *logcost, PetscReal *sd); /* may be NULL: it predicts nothing */
  PetscErrorCode (*rerange)(NomosTuner);                     /* a context has another range now; may be NULL */
  PetscErrorCode (*watch)(NomosTuner, PetscBool *give_up);   /* after an update; may be NULL                 */
  PetscErrorCode (*probabilities)(NomosTuner, PetscReal p[]); /* of the last draw; may be NULL               */
  PetscErrorCode (*arrays)(NomosTuner, PetscInt *n, NomosTunerArray[]);
  PetscErrorCode (*restored)(NomosTuner);                    /* the arrays were overwritten; may be NULL     */
  PetscErrorCode (*admit)(NomosTuner, const PetscBool known[]); /* after rounds of another tuner: arms without a past; may be NULL */
  PetscErrorCode (*doubt)(NomosTuner);                       /* what it knows counts half; may be NULL       */
  PetscErrorCode (*view)(NomosTuner, PetscViewer);
  PetscErrorCode (*destroy)(NomosTuner);
} NomosTunerOps;

struct _p_NomosTuner {
  PETSCHEADER(NomosTunerOps);
  void     *data;     /* the learner's (root)                                         */
  PetscBool root;     /* rank 0                                                       */
  PetscBool setup;
  char     *stem;     /* "nomos_tuner_" in -nomos_tuner_method                        */
  char     *label;    /* names the random stream and the group of the state file      */

  /* arms */
  PetscInt            nparameters, d;
  NomosTunerParameter parameter[NOMOS_TUNER_MAX_PARAMETERS];
  PetscInt            baseline;
  char               *baseline_text; /* name=value[,name=value], looked up at SetUp   */

  /* contexts */
  PetscInt          ncontexts;
  NomosTunerContext context[NOMOS_TUNER_MAX_CONTEXTS];

  /* settings */
  char      *method;    /* as asked; "auto" too                                        */
  PetscBool  learns_anything; /* the learner may use rounds that it did not choose     */
  PetscInt64 seed;
  PetscReal  cap, budget, floor;
  PetscInt   ban;
  PetscInt64 start, freeze; /* rounds */
  PetscBool  rv;
  PetscReal  fixed_scale;
  PetscInt   bins, degree;
  PetscReal  gp_z, gp_watch, gp_drift;
  PetscBool  gp_thompson;
  PetscReal  young_radius;
  PetscBool  young_symmetric, init_young; /* the formula's arm is the first to be tried */
  PetscBool  monitor;
  PetscViewer       viewer; /* shown there at the end, or NULL */
  PetscViewerFormat viewformat;
  char      *logfile, *savefile;
  NomosLoadMode loadmode;
  char       costkind[16], place[16]; /* what costs are and where they are measured, or "" */
  PetscInt   save_interval;
  char       suffix[32];   /* several tuners of one name (sizes of a system): ends the group of the state */
  PetscBool  suffix_files; /* and the names of the files                                                */
  NomosTuner next;         /* of those with a file to save to                                           */
  FILE      *log; /* (root) */

  /* the round between Select and Report */
  PetscInt64 rounds; /* finished or cancelled ones; the open round's number            */
  PetscBool  open;
  PetscInt   arm;
  PetscReal  limit;  /* cost at which a solve with this arm is to be stopped           */
  PetscReal  c[NOMOS_TUNER_MAX_CONTEXTS], raw[NOMOS_TUNER_MAX_CONTEXTS]; /* (root) clamped, as given */
  PetscInt   flags;  /* (root) */
  PetscReal  cap_base, sum_base, even_base, mean_base; /* (root) estimates of the baseline's cost, 0: none */
  PetscReal  raw_base;   /* (root) sum_base before honest */
  PetscReal  tight;      /* (root) > 0: the trial is stopped there, before the cap */
  PetscReal  fallback;   /* (root) what a baseline solve may cost after a failure */

  /* what happened (root) */
  PetscReal *pulls, *sums;             /* [d]                                          */
  PetscReal  recent[NOMOS_TUNER_PULLS]; /* costs of the last baseline solves           */
  PetscReal  base_pulls, base_sum, base_square, base_worst;
  PetscReal  base_last, fast_mean, fast_var; /* spent up to the last baseline solve; discounted mean and variance */
  PetscReal  budget_sum;               /* of sum_base, or of what the baseline did cost */
  PetscReal  unseen;                   /* rounds since the last baseline solve         */
  PetscReal  credited, refresh;        /* part of it since the last baseline solve; baseline solves to the next look, 0: the usual */
  PetscReal *ban_fails, *ban_until, *ban_length; /* [d][nodes]                         */
  PetscReal *honest;                   /* [nodes] share of gp's prediction that the baseline is credited there */
  PetscInt   ban_nodes, nodes_per_context;
  PetscBool *allowed;                  /* [d] in this round                            */
  NomosTunerRound *history;            /* ring, entry r % NOMOS_TUNER_HISTORY          */
  PetscInt64 nhistory;                 /* written so far                               */
  NomosTunerStatistics stat;
  PetscReal  worst;
  PetscBool  warned_missing;
  PetscInt64 nreplay;                  /* rounds dictated by a file                    */
  PetscInt  *replay;                   /* their arms, -1: a round without a cost, the baseline */
};

/* tuner.c */
PETSC_INTERN PetscErrorCode NomosTunerAgree(NomosTuner, PetscErrorCode);           /* an error of rank 0 becomes everyone's */
PETSC_INTERN PetscErrorCode NomosTunerUseMethod(NomosTuner, const char name[]);    /* constructs a learner, fresh state     */
PETSC_INTERN PetscErrorCode NomosTunerLearn(NomosTuner, PetscReal cost, PetscBool failed, PetscBool *give_up); /* (root) */
PETSC_INTERN PetscErrorCode NomosTunerCharge(NomosTuner, PetscReal cost);          /* cancels the round; what it cost counts for the budget */
/* arms.c */
PETSC_INTERN PetscErrorCode NomosTunerCountArms(NomosTuner);
PETSC_INTERN PetscErrorCode NomosTunerFreeArms(NomosTuner);
PETSC_INTERN PetscReal      NomosTunerUnitValue(NomosTuner, PetscInt parameter, PetscInt arm); /* numeric: place in [0,1] */
PETSC_INTERN PetscInt       NomosTunerArmIndex(NomosTuner, PetscInt parameter, PetscInt arm);  /* place on that axis       */
PETSC_INTERN PetscErrorCode NomosTunerArmText(NomosTuner, PetscInt arm, char text[], size_t len);
PETSC_INTERN PetscErrorCode NomosTunerResolveBaseline(NomosTuner);
/* context.c */
PETSC_INTERN PetscErrorCode NomosTunerContextSee(NomosTuner, const PetscReal ctx[]); /* fills raw, c, flags; may change ranges */
PETSC_INTERN PetscReal      NomosTunerContextUnit(NomosTuner, PetscInt k, PetscReal c); /* place in [0,1], clamped      */
PETSC_INTERN PetscInt       NomosTunerContextNodes(NomosTuner); /* per context, as gp uses them: 13 for one, 9 for two */
PETSC_INTERN PetscInt       NomosTunerContextNode(NomosTuner, const PetscReal c[]); /* nearest node                     */
PETSC_INTERN PetscReal      NomosTunerContextClamp(NomosTuner, PetscInt k, PetscReal raw);
PETSC_INTERN PetscErrorCode NomosTunerHistoryGet(NomosTuner, PetscInt64 i, const NomosTunerRound **); /* i in [oldest, nhistory) */
PETSC_INTERN PetscInt64     NomosTunerHistoryFirst(NomosTuner);
/* young.c */
PETSC_INTERN PetscErrorCode NomosTunerYoungArm(NomosTuner, PetscInt *arm); /* the baseline where the radius is not known */
/* guard.c */
PETSC_INTERN PetscErrorCode NomosTunerGuardSetUp(NomosTuner);
PETSC_INTERN PetscErrorCode NomosTunerGuardRerange(NomosTuner, const PetscReal was[][2]); /* ranges that the contexts had */
PETSC_INTERN PetscErrorCode NomosTunerGuardAllowed(NomosTuner);
PETSC_INTERN PetscErrorCode NomosTunerGuardEstimate(NomosTuner);
PETSC_INTERN PetscErrorCode NomosTunerGuardChoose(NomosTuner, PetscInt *arm);
PETSC_INTERN PetscErrorCode NomosTunerGuardReport(NomosTuner, PetscReal cost, PetscBool failed);
PETSC_INTERN PetscErrorCode NomosTunerGuardFree(NomosTuner);
/* view.c */
PETSC_INTERN PetscErrorCode NomosTunerPrintRound(NomosTuner, const NomosTunerRound *);
PETSC_INTERN PetscErrorCode NomosTunerCloseLog(NomosTuner);
/* statename.c */
PETSC_INTERN PetscErrorCode NomosTunerDescribe(NomosTuner, char text[], size_t len, char signature[17]);
PETSC_INTERN PetscErrorCode NomosTunerGroup(NomosTuner, char path[NOMOS_MAX_NAME]);
PETSC_INTERN PetscErrorCode NomosTunerFileName(NomosTuner, const char file[], char name[], size_t len);
/* state.c */
PETSC_INTERN PetscErrorCode NomosTunerSaveQuietly(NomosTuner);
PETSC_INTERN PetscErrorCode NomosTunerSaveAll(void);        /* those that nobody destroyed, in NomosFinalizePackage() */
PETSC_INTERN void           NomosTunerForget(NomosTuner);   /* it will save no more                                   */
PETSC_INTERN int            NomosTunerGetReals(NomosH5, const char group[], const char name[], PetscInt n, PetscReal values[], NomosWhy *);
/* retell.c */
#define NOMOS_TUNER_COLUMNS 6 /* of the history in a state file */
PETSC_INTERN PetscErrorCode NomosTunerArmKey(NomosTuner, PetscInt arm, PetscReal *key);
PETSC_INTERN PetscErrorCode NomosTunerRetell(NomosTuner, NomosH5, const char group[], NomosWhy *); /* (root) */
PETSC_INTERN PetscErrorCode NomosTunerDoubt(NomosTuner);                                         /* (root) */
/* draw.c */
PETSC_INTERN PetscReal NomosTunerUniform(NomosTuner, PetscInt64 index); /* of the open round, in (0,1) */
PETSC_INTERN PetscReal NomosTunerNormal(NomosTuner, PetscInt64 index);

#endif
