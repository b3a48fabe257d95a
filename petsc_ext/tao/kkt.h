/*
  kkt.h - private to petsc_ext: the KKT operator of an equality-constrained Newton step, and how a PC asks for its blocks.

      K = [ H + t I   G' ]      n primal rows
          [ G     -gamma I ]    m dual rows

  Layout: every rank holds [x_local ; l_local] in one vector, so a block of a vector is a slice of its array. The matrix
  carries two index sets (global indices, one run per rank), composed under the names below, whatever its storage:
  a PC that finds them needs no help from the user.

      PetscObjectQuery((PetscObject)K, NOMOS_KKT_PRIMAL, (PetscObject *)&is)

  Storage `shell` answers the query NOMOS_KKT_GETBLOCKS below and MatCreateSubMatrix() with the two index sets; `nest` is a
  MATNEST of the blocks and answers the query too; `aij` is assembled and answers it as well. All references are borrowed.
*/
#ifndef NOMOS_KKT_H
#define NOMOS_KKT_H
#include <petscmat.h>

#define NOMOS_KKT_PRIMAL    "nomos_primal"
#define NOMOS_KKT_DUAL      "nomos_dual"
#define NOMOS_KKT_GETBLOCKS "NomosKKTGetBlocks_C"

/* H without t; G is NULL when there is no constraint; Spre is the user's approximation of G (H+tI)^-1 G', or NULL. Hpre and Gpre
   (second query) are what preconditioners are to be built from: the user's preconditioning matrices, else H and G. */
typedef PetscErrorCode NomosKKTGetBlocksFn(Mat K, Mat *H, Mat *G, PetscReal *t, PetscReal *gamma, Mat *Spre);
#define NOMOS_KKT_GETPRE "NomosKKTGetPre_C"
typedef PetscErrorCode NomosKKTGetPreFn(Mat K, Mat *Hpre, Mat *Gpre);

typedef enum {
  NOMOS_KKT_SHELL = 0,
  NOMOS_KKT_NEST  = 1,
  NOMOS_KKT_AIJ   = 2
} NomosKKTType;
PETSC_INTERN const char *const NomosKKTTypes[];

typedef struct _n_NomosKKT *NomosKKT;
struct _n_NomosKKT {
  MPI_Comm     comm;
  NomosKKTType type;
  Mat          K;                  /* the operator                                            */
  Mat          H, Hpre, G, Gpre;   /* referenced; G NULL: no constraint                       */
  Mat          Gt;                 /* G' for nest and submatrices                             */
  Mat          S;                  /* the user's Schur complement, or NULL                    */
  Mat          Hs, C;              /* nest: H + t I and -gamma I                              */
  PetscReal    t, gamma;
  IS           primal, dual;
  PetscInt     n, m, N, M;         /* local and global sizes of the blocks                    */
  Vec          vec;                /* template of joint vectors, without meaning              */
  Vec          x[2], l[2];         /* host views: which array they show changes               */
  PetscBool    host;               /* views by placing arrays; else VecGetSubVector()         */
  Vec          wx, wx2, wl;        /* work                                                    */
  PetscInt    *starts;             /* aij: first primal and dual row of every rank, interleaved */
  PetscInt64   products;           /* products with K so far                                  */
};

PETSC_INTERN PetscErrorCode NomosKKTCreate(Vec x, Vec l, NomosKKTType, NomosKKT *);
PETSC_INTERN PetscErrorCode NomosKKTSetBlocks(NomosKKT, Mat H, Mat Hpre, Mat G, Mat Gpre);
PETSC_INTERN PetscErrorCode NomosKKTSetSchurPre(NomosKKT, Mat S);
PETSC_INTERN PetscErrorCode NomosKKTSetShift(NomosKKT, PetscReal t, PetscReal gamma);
PETSC_INTERN PetscErrorCode NomosKKTAssemble(NomosKKT); /* after the blocks or the shifts changed, before K is used */
PETSC_INTERN PetscErrorCode NomosKKTGetView(NomosKKT, PetscInt slot, Vec v, PetscBool write, Vec *x, Vec *l); /* slot 0 or 1 */
PETSC_INTERN PetscErrorCode NomosKKTRestoreView(NomosKKT, PetscInt slot, Vec v, PetscBool write, Vec *x, Vec *l);
PETSC_INTERN PetscErrorCode NomosKKTAssembleAIJ(NomosKKT); /* kktaij.c */
PETSC_INTERN PetscErrorCode NomosKKTDestroy(NomosKKT *);
#endif
