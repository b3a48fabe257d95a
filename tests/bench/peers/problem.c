/* problem.h by the callbacks of a Tao on one process: the developer set, and elliptic control (PDE-N). */
#include <nomos.h>
#include <petsctime.h>
#include <compat.h>
#include "../../problems/constrained.h"
#include "../../problems/control.h"
#include "problem.h"

struct PeerProblem {
  char      name[32];
  PetscReal fstar;
  Small     small;
  Control   control;
  PetscInt  N; /* of PDE-N; 0: from the developer set */
  Tao       tao;
  Vec       x, g, c, l, v, w; /* l is the Tao's: what its callbacks find by TaoGetDualVariables() */
  Mat       G, H, GG;
  KSP       normal;  /* (G G')^-1 by a factorization */
  double   *at;      /* [2 n + m]: where G stands; x and scaled l where H stands */
  PetscBool fresh, factored;
  PetscInt  products;
};

static PetscInt sizes[8] = {15, 31, 63}, nsizes = 3;
static struct {
  int    solved, outer, evaluations, products;
  double seconds;
} sum;

#define Must(call) \
  do { \
    if (call) abort(); /* a benchmark's driver: PETSc has printed the error */ \
  } while (0)

int PeerBegin(int *argc, char ***argv)
{
  PetscInt  n = 8, given[8];
  PetscBool set;

  if (PetscInitialize(argc, argv, NULL, NULL)) return 1;
  Must(NomosInitializePackage());
  Must(PetscOptionsGetIntArray(NULL, NULL, "-N", given, &n, &set));
  if (set) {
    nsizes = n;
    memcpy(sizes, given, (size_t)n * sizeof(*given));
  }
  return 0;
}
int PeerEnd(void)
{
  return PetscFinalize() ? 1 : 0;
}
int PeerCount(void)
{
  return NUM_SMALL + (int)nsizes;
}

static void Set(Vec v, const double *x)
{
  PetscScalar *a;
  PetscInt     n;

  Must(VecGetLocalSize(v, &n));
  Must(VecGetArrayWrite(v, &a));
  memcpy(a, x, (size_t)n * sizeof(*x));
  Must(VecRestoreArrayWrite(v, &a));
}
static void Get(Vec v, double *x)
{
  const PetscScalar *a;
  PetscInt           n;

  Must(VecGetLocalSize(v, &n));
  Must(VecGetArrayRead(v, &a));
  memcpy(x, a, (size_t)n * sizeof(*x));
  Must(VecRestoreArrayRead(v, &a));
}

static PetscInt Size(Vec v)
{
  PetscInt n;

  Must(VecGetSize(v, &n));
  return n;
}

PeerProblem *PeerOpen(int i)
{
  PeerProblem *p = (PeerProblem *)calloc(1, sizeof(*p));

  if (i < NUM_SMALL) {
    Must(SmallCreate(PETSC_COMM_SELF, &SmallProblems[i], &p->small));
    snprintf(p->name, sizeof(p->name), "%s", SmallProblems[i].name);
    p->fstar = SmallProblems[i].fstar;
    p->tao   = p->small.tao;
    p->x     = p->small.x;
    p->c     = p->small.c;
    p->G     = p->small.G;
    p->H     = p->small.H;
  } else {
    p->N = sizes[i - NUM_SMALL];
    Must(ControlCreate(PETSC_COMM_SELF, p->N, 1, 1e-2, PETSC_FALSE, PETSC_FALSE, &p->control));
    snprintf(p->name, sizeof(p->name), "PDE-N-%d", (int)p->N);
    p->fstar = NAN;
    p->tao   = p->control.tao;
    p->x     = p->control.x;
    p->c     = p->control.c;
    p->G     = p->control.G;
    p->H     = p->control.H;
  }
  Must(VecDuplicate(p->x, &p->g));
  Must(VecDuplicate(p->x, &p->v));
  Must(VecDuplicate(p->x, &p->w));
  Must(TaoSetType(p->tao, TAOSKETCHNEWTON)); /* it makes l in TaoSetUp(); it solves nothing here */
  Must(TaoSetUp(p->tao));
  Must(TaoGetDualVariables(p->tao, &p->l, NULL));
  Must(TaoComputeJacobianEquality(p->tao, p->x, p->G, p->G)); /* both have their entries from here on */
  Must(TaoComputeHessian(p->tao, p->x, p->H, p->H));
  p->at = (double *)malloc((size_t)(3 * Size(p->x) + 2 * Size(p->c)) * sizeof(double));
  for (PetscInt k = 0; k < 2 * Size(p->x) + Size(p->c); k++) p->at[k] = NAN;
  return p;
}
void PeerClose(PeerProblem *p)
{
  Must(VecDestroy(&p->g));
  Must(VecDestroy(&p->v));
  Must(VecDestroy(&p->w));
  Must(MatDestroy(&p->GG));
  Must(KSPDestroy(&p->normal));
  free(p->at);
  if (p->N) Must(ControlDestroy(&p->control));
  else Must(SmallDestroy(&p->small));
  free(p);
}

/* entries of A in the order of its rows; lower: those on and below the diagonal. Either output may be NULL. */
static int Entries(Mat A, int lower, int *row, int *col, double factor, double *entries)
{
  const PetscInt    *cols;
  const PetscScalar *vals;
  PetscInt           rows, n;
  int                k = 0;

  Must(MatGetSize(A, &rows, NULL));
  for (PetscInt i = 0; i < rows; i++) {
    Must(MatGetRow(A, i, &n, &cols, &vals));
    for (PetscInt j = 0; j < n; j++) {
      if (lower && cols[j] > i) continue;
      if (row) row[k] = (int)i, col[k] = (int)cols[j];
      if (entries) entries[k] += factor * vals[j];
      k++;
    }
    Must(MatRestoreRow(A, i, &n, &cols, &vals));
  }
  return k;
}
void PeerSizes(const PeerProblem *p, int *n, int *m, int *entries_G, int *entries_H)
{
  PetscInt cols, rows;

  Must(VecGetSize(p->x, &cols));
  Must(VecGetSize(p->c, &rows));
  *n         = (int)cols;
  *m         = (int)rows;
  *entries_G = Entries(p->G, 0, NULL, NULL, 0, NULL);
  *entries_H = Entries(p->H, 1, NULL, NULL, 0, NULL);
}
void PeerPlaces(PeerProblem *p, int hessian, int *row, int *col)
{
  Entries(hessian ? p->H : p->G, hessian, row, col, 0, NULL);
}
void PeerStart(const PeerProblem *p, double *x)
{
  Get(p->x, x);
}

double PeerObjective(PeerProblem *p, const double *x)
{
  PetscReal f;

  Set(p->x, x);
  Must(TaoComputeObjectiveAndGradient(p->tao, p->x, &f, p->g));
  return f;
}
void PeerGradient(PeerProblem *p, const double *x, double *g)
{
  PeerObjective(p, x);
  Get(p->g, g);
}
void PeerConstraints(PeerProblem *p, const double *x, double *c)
{
  Set(p->x, x);
  Must(TaoComputeEqualityConstraints(p->tao, p->x, p->c));
  Get(p->c, c);
}
/* a matrix is computed once per point */
static void AtJacobian(PeerProblem *p, const double *x)
{
  const size_t bytes = (size_t)Size(p->x) * sizeof(*x);

  if (p->fresh && !memcmp(p->at, x, bytes)) return;
  memcpy(p->at, x, bytes);
  Set(p->x, x);
  Must(TaoComputeJacobianEquality(p->tao, p->x, p->G, p->G));
  p->fresh    = PETSC_TRUE;
  p->factored = PETSC_FALSE;
}
/* H of f + scale l'c, at l = 0 without l */
static void AtHessian(PeerProblem *p, const double *x, double scale, const double *l)
{
  const PetscInt n = Size(p->x), m = Size(p->c);
  double        *before = p->at + n, *now = p->at + 2 * n + m;

  memcpy(now, x, (size_t)n * sizeof(*x));
  for (PetscInt i = 0; i < m; i++) now[n + i] = l ? scale * l[i] : 0;
  if (!memcmp(before, now, (size_t)(n + m) * sizeof(*now))) return;
  memcpy(before, now, (size_t)(n + m) * sizeof(*now));
  Set(p->x, x);
  Set(p->l, now + n);
  Must(TaoComputeHessian(p->tao, p->x, p->H, p->H));
}
void PeerJacobian(PeerProblem *p, const double *x, double *entries)
{
  AtJacobian(p, x);
  memset(entries, 0, (size_t)Entries(p->G, 0, NULL, NULL, 0, NULL) * sizeof(*entries));
  Entries(p->G, 0, NULL, NULL, 1, entries);
}
/* The callback gives f'' + l'c'': factor f'' + l'c'' is factor times that at l / factor; without f'', the difference to l = 0. */
void PeerHessian(PeerProblem *p, const double *x, double factor, const double *l, double *entries)
{
  memset(entries, 0, (size_t)Entries(p->H, 1, NULL, NULL, 0, NULL) * sizeof(*entries));
  AtHessian(p, x, factor != 0 ? 1 / factor : 1, l);
  Entries(p->H, 1, NULL, NULL, factor != 0 ? factor : 1, entries);
  if (factor != 0) return;
  AtHessian(p, x, 0, NULL);
  Entries(p->H, 1, NULL, NULL, -1, entries);
}
void PeerJacobianMult(PeerProblem *p, const double *x, int transposed, const double *v, double *w)
{
  AtJacobian(p, x);
  p->products++;
  Set(transposed ? p->l : p->v, v);
  if (transposed) Must(MatMultTranspose(p->G, p->l, p->w));
  else Must(MatMult(p->G, p->v, p->c));
  Get(transposed ? p->w : p->c, w);
}
void PeerHessianMult(PeerProblem *p, const double *x, double factor, const double *l, const double *v, double *w)
{
  AtHessian(p, x, factor != 0 ? 1 / factor : 1, l);
  p->products++;
  Set(p->v, v);
  Must(MatMult(p->H, p->v, p->w));
  if (factor != 0) Must(VecScale(p->w, factor));
  else {
    AtHessian(p, x, 0, NULL);
    Must(MatMult(p->H, p->v, p->g));
    Must(VecAXPY(p->w, -1, p->g));
  }
  Get(p->w, w);
}
/* w = (G G')^-1 v by a Cholesky factor, made once per point */
void PeerNormalSolve(PeerProblem *p, const double *x, const double *v, double *w)
{
  PC pc;

  AtJacobian(p, x);
  if (!p->normal) {
    Must(KSPCreate(PETSC_COMM_SELF, &p->normal));
    Must(KSPSetType(p->normal, KSPPREONLY));
    Must(KSPGetPC(p->normal, &pc));
    Must(PCSetType(pc, PCCHOLESKY));
    Must(PCFactorSetShiftType(pc, MAT_SHIFT_POSITIVE_DEFINITE));
  }
  if (!p->factored) {
    Mat Gt;

    Must(MatDestroy(&p->GG));
    Must(MatTranspose(p->G, MAT_INITIAL_MATRIX, &Gt));
    Must(MatMatMult(p->G, Gt, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &p->GG));
    Must(MatDestroy(&Gt));
    Must(MatSetOption(p->GG, MAT_SYMMETRIC, PETSC_TRUE));
    Must(KSPSetOperators(p->normal, p->GG, p->GG));
    p->factored = PETSC_TRUE;
  }
  Set(p->l, v);
  Must(KSPSolve(p->normal, p->l, p->c));
  Get(p->c, w);
}

void PeerReport(PeerProblem *p, const char type[], const PeerResult *r, const double *x, const double *l)
{
  const double f = PeerObjective(p, x);
  PetscReal    gnorm, cnorm, error = NAN;

  Must(TaoComputeEqualityConstraints(p->tao, p->x, p->c));
  Must(VecNorm(p->c, NORM_2, &cnorm));
  AtJacobian(p, x);
  Set(p->l, l);
  Must(MatMultTransposeAdd(p->G, p->l, p->g, p->g));
  Must(VecNorm(p->g, NORM_2, &gnorm));
  if (p->N) Must(ControlError(&p->control, &error));
  Must(PetscPrintf(PETSC_COMM_WORLD, "problem=%s type=%s reason=%d outer=%d evaluations=%d products=%d seconds=%.3f f=%.10g gnorm=%.1e cnorm=%.1e error=%.1e\n", p->name, type, r->failed ? -1 : 1, r->outer, r->evaluations, (int)p->products, r->seconds, f, (double)gnorm, (double)cnorm, (double)error));
  if (p->N) return;
  sum.seconds += r->seconds;
  if (r->failed || fabs(f - p->fstar) > 1e-5 * PetscMax(1, fabs(p->fstar))) return;
  sum.solved++;
  sum.outer += r->outer;
  sum.evaluations += r->evaluations;
  sum.products += (int)p->products;
}
void PeerSummary(const char type[])
{
  Must(PetscPrintf(PETSC_COMM_WORLD, "set=developer type=%s solved=%d of=%d outer=%d evaluations=%d products=%d seconds=%.2f\n", type, sum.solved, NUM_SMALL, sum.outer, sum.evaluations, sum.products, sum.seconds));
}
double PeerSeconds(void)
{
  PetscLogDouble t;

  Must(PetscTime(&t));
  return t;
}
