/*
  sketchnewton.h - private to the files of TAOSKETCHNEWTON.

    sketchnewton.c           the type: create, set-up, view, destroy, its man page
    sketchnewton_options.c   settings: setters and the options that call them
    sketchnewton_api.c       what a user may ask and give: multipliers, penalties, KKT operator, Schur complement, status
    sketchnewton_point.c     evaluation of f, c, their derivatives and the merit function at a point
    sketchnewton_linear.c    the Newton system: accuracy of the solve, regularization
    sketchnewton_reduced.c   dense reduced Hessian (regularization and accuracy of the paper, small problems)
    sketchnewton_lsqr.c      damped least squares with the Jacobian, least-squares multipliers
    sketchnewton_feasible.c  the feasibility phase
    sketchnewton_hessian.c   Hessian of the Lagrangian by differences, check of the user's
    sketchnewton_loop.c      the outer iteration

  Mathematics: docs/theory.md, section on sketched Newton. Notation: f, c, g = grad f, G = c', a = g + G'l, H the Hessian of
  f + l'c, F = (a, c), R = |F|, z = (dx, dl), r = K z + F.
*/
#ifndef NOMOS_SKETCHNEWTON_H
#define NOMOS_SKETCHNEWTON_H
#include "kkt.h"
#include <nomosimpl.h>
#include <petsc/private/taoimpl.h>

typedef enum {
  NOMOS_SN_PRACTICAL = 0,
  NOMOS_SN_THEORY    = 1
} NomosSNAccuracy;
typedef enum {
  NOMOS_SN_DECOUPLED = 0,
  NOMOS_SN_COUPLED   = 1
} NomosSNPenalty;
typedef enum {
  NOMOS_SN_THETA_ONE         = 0,
  NOMOS_SN_THETA_SUPERLINEAR = 1,
  NOMOS_SN_THETA_SQRT        = 2
} NomosSNTheta;
typedef enum {
  NOMOS_SN_MULT_LS   = 0,
  NOMOS_SN_MULT_ZERO = 1,
  NOMOS_SN_MULT_USER = 2
} NomosSNMultipliers;
typedef enum {
  NOMOS_SN_REG_AUTO      = 0,
  NOMOS_SN_REG_INERTIA   = 1,
  NOMOS_SN_REG_CURVATURE = 2,
  NOMOS_SN_REG_PAPER     = 3,
  NOMOS_SN_REG_NONE      = 4
} NomosSNRegularization;
typedef enum {
  NOMOS_SN_HESSIAN_USER = 0,
  NOMOS_SN_HESSIAN_MFFD = 1
} NomosSNHessian;
PETSC_INTERN const char *const *const NomosSNAccuracies, *const *const NomosSNPenalties, *const *const NomosSNThetas, *const *const NomosSNMultiplierInits, *const *const NomosSNRegularizations, *const *const NomosSNHessians;

typedef struct { /* f, c and their derivatives at (x, l). The Jacobian is the user's matrix and belongs to the latest point evaluated. */
  Vec       x, l, g, c, a;
  PetscReal f, lc; /* f(x), l'c */
  PetscReal anorm, cnorm, R;
  PetscBool finite;
} NomosSNPoint;

typedef struct { /* the dot products that the directional derivative and the curvature are made of */
  PetscReal adx, ar1, dxr1, dxdx, cdl, cr2, dlr2, dldl, r2r2, aa, cc;
  PetscReal rnorm;
  PetscReal q, gdx2; /* dx'(H+tI)dx, |G dx|^2 */
  PetscReal A0, A1, A2;
} NomosSNDots;

typedef struct {
  /* settings */
  PetscReal             eta1_0, eta2_0, delta_0, nu, beta, rtol_max, rtol_min, xi_b, xi_g, gamma0, t_first, gamma_first;
  NomosSNAccuracy       accuracy;
  NomosSNPenalty        penalty;
  NomosSNTheta          theta;
  NomosSNMultipliers    multiplier_init;
  NomosSNRegularization regularization;
  NomosSNHessian        hessian;
  NomosKKTType          kkt_type;
  PetscInt              max_backtracks, max_retries, slow_steps, max_resets, seed;
  PetscBool             solved; /* a solve was made: recycling has something to keep */
  PetscBool             paper; /* preset paper is in force: no retries, no feasibility phase */
  Mat                   S;     /* the user's Schur complement */
  Vec                   l_user;
  /* objects */
  NomosKKT     kkt;
  NomosSNPoint now, trial;
  Vec          F, z, dz, r, rhs; /* joint */
  Vec          u[2], v[2], w[2]; /* LSQR: primal and dual space */
  Vec          probe, wx, wl;
  PetscBool    constrained, moved; /* moved: the Jacobian stands at another point than `now` */
  Mat          H, Hpre;            /* in use: the user's or ours */
  Mat          Hfd, Jfd;           /* differences; the Jacobian at the displaced point */
  PetscBool    own_J, check_hessian;
  PetscReal    checked_at; /* |l| at the latest check of the Hessian */
  PetscBool    told_differences, told_mismatch;
  PetscBool    differences; /* in force in this solve: asked for, or no Hessian is there, or the user's is not that of the Lagrangian */
  PetscBool    inside;      /* a solve began and did not come to its end: a callback's error left objects half way */
  /* state of a solve */
  PetscReal   eta1, eta2, delta, td, gd, t, gamma, R0, omega, D, alpha, M;
  PetscReal   hnorm, gnorm; /* estimates of |H|, |G| */
  PetscInt    gnorm_at, slow, resets, spikes, stuck;
  PetscBool   ladder, inertia, deficient; /* the t ladder was needed before; inertia test in force; G looks rank deficient */
  PetscInt    evaluations, rejected, ladder_steps, solves, tightenings, feasible_steps, hessian_products;
  const char *status; /* converged, infeasible, iterating, ... */
  /* the KSP's test */
  PetscReal target, best;
  PetscInt  best_at;
  PetscBool stagnated;
} NomosSketchNewton;

/* points */
PETSC_INTERN PetscErrorCode NomosSNEvaluate(Tao, NomosSNPoint *);           /* f, g, c, G, a and norms                     */
PETSC_INTERN PetscErrorCode NomosSNLagrangian(Tao, NomosSNPoint *);         /* a and norms again, after l changed          */
PETSC_INTERN PetscErrorCode NomosSNJacobianBack(Tao);                       /* G at `now`, if another point moved it       */
PETSC_INTERN PetscErrorCode NomosSNJacobianHere(Tao);                       /* the same, and whether it is finite          */
PETSC_INTERN PetscErrorCode NomosSNAccept(Tao);                             /* the trial point becomes the current one     */
PETSC_INTERN PetscReal      NomosSNMerit(const NomosSketchNewton *, const NomosSNPoint *);
PETSC_INTERN PetscErrorCode NomosSNJacobianMult(Tao, Vec x, Vec y);
PETSC_INTERN PetscErrorCode NomosSNJacobianMultTranspose(Tao, Vec l, Vec y); /* y = 0 without constraints                  */
/* linear algebra */
PETSC_INTERN PetscErrorCode NomosSNSetUpKSP(Tao);
PETSC_INTERN PetscErrorCode NomosSNStep(Tao, PetscBool *ok);                /* regularize and solve: z, r, dots            */
PETSC_INTERN PetscErrorCode NomosSNContinue(Tao, NomosSNDots *, PetscBool *ok); /* to a smaller omega, from z             */
PETSC_INTERN PetscErrorCode NomosSNDotProducts(Tao, NomosSNDots *);
PETSC_INTERN PetscReal      NomosSNSlope(const NomosSketchNewton *, const NomosSNDots *);
PETSC_INTERN PetscReal      NomosSNScaleH(const NomosSketchNewton *);
PETSC_INTERN PetscReal      NomosSNScaleG(const NomosSketchNewton *);
PETSC_INTERN PetscErrorCode NomosSNEstimateNorms(Tao);
PETSC_INTERN PetscErrorCode NomosSNOmega(Tao);
PETSC_INTERN PetscErrorCode NomosSNReduced(Tao, PetscReal *hmin, PetscReal *gmin, PetscReal *hfro, PetscReal *gfro);
/* least squares */
PETSC_INTERN PetscErrorCode NomosSNLSQR(Tao, PetscBool transposed, Vec b, PetscReal damp, PetscReal rtol, PetscInt maxit, Vec x, PetscReal *cond, PetscReal *res);
PETSC_INTERN PetscErrorCode NomosSNMultipliersLS(Tao, NomosSNPoint *);
PETSC_INTERN PetscErrorCode NomosSNFeasibility(Tao);
/* Hessian */
PETSC_INTERN PetscErrorCode NomosSNComputeHessian(Tao, PetscBool *finite);
PETSC_INTERN PetscErrorCode NomosSNObserve(Tao);                            /* log, monitor, convergence test              */
PETSC_INTERN PetscErrorCode TaoSolve_SketchNewton(Tao);
/* settings */
PETSC_INTERN PetscErrorCode TaoSetFromOptions_SketchNewton(Tao, NomosOptionItems);
PETSC_INTERN PetscErrorCode NomosSNDefaults(NomosSketchNewton *);
PETSC_INTERN PetscErrorCode NomosSNPrefix(Tao);
PETSC_INTERN PetscErrorCode NomosSNRefresh(Tao); /* checks; set-up again where the user changed a vector */
PETSC_INTERN PetscErrorCode NomosSNCompose(Tao, PetscBool on); /* the functions behind the public setters */
PETSC_INTERN PetscErrorCode NomosSNComposeAPI(Tao, PetscBool on);
#endif
