/* Samples of Darcy flow: they solve the residual, in one dimension they are the closed form; functions of (seed, index) and
   the place alone: not of the grid, of what was made before, or of the rank. */
#include <nomos.h>
#include "nomostest.h"

#define SOLVED     1e-8 /* the solver stops at 1e-10 of its own (preconditioned) residual; a condition number of some hundred */
#define CLOSED     1e-8 /* the same */

static PetscErrorCode Make(PetscInt dim, PetscInt n, PetscInt fine, const char coefficient[], NomosMap *m, Vec *a, Vec *u)
{
  NomosGrid grid = {.dim = dim};

  PetscFunctionBegin;
  for (PetscInt j = 0; j < dim; j++) grid.n[j] = n, grid.length[j] = 1;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", m));
  PetscCall(NomosMapSetType(*m, NOMOSDARCY));
  PetscCall(NomosMapDarcySetCoefficient(*m, coefficient));
  PetscCall(NomosMapDarcySetFine(*m, fine));
  PetscCall(NomosMapSetGrid(*m, &grid));
  PetscCall(NomosMapCreateVecs(*m, u, NULL, NULL));
  PetscCall(VecDuplicate(*u, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Drop(NomosMap *m, Vec *a, Vec *u)
{
  PetscFunctionBegin;
  PetscCall(NomosMapDestroy(m));
  PetscCall(VecDestroy(a));
  PetscCall(VecDestroy(u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Solves(PetscInt dim, PetscInt n, const char coefficient[])
{
  NomosMap  m;
  Vec       a, u, r;
  PetscReal norm, low, high;

  PetscFunctionBegin;
  PetscCall(Make(dim, n, 0, coefficient, &m, &a, &u));
  PetscCall(VecDuplicate(u, &r));
  PetscCall(NomosMapSample(m, 3, 5, a, u));
  PetscCall(NomosMapSetField(m, "a", a));
  PetscCall(NomosMapApply(m, u, NULL, r));
  PetscCall(VecNorm(r, NORM_2, &norm));
  CheckClose("residual of a sample, against the source", norm / sqrt(pow((double)n, (double)dim)), 0, SOLVED);
  PetscCall(VecMin(a, NULL, &low));
  PetscCall(VecMax(a, NULL, &high));
  if (coefficient[0] == 'b') CheckTrue("a is 3 and 12", low == 3 && high == 12);
  else CheckTrue("a is positive and varies", low > 0 && high > 1.5 * low);
  PetscCall(VecMin(u, NULL, &low));
  PetscCall(VecMax(u, NULL, &high));
  CheckTrue("u is 0 on the boundary and positive inside", low == 0 && high > 0);
  PetscCall(VecDestroy(&r));
  PetscCall(Drop(&m, &a, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* one dimension: the flux grows by h from face to face, and its first value follows from u = 0 at the end */
static PetscErrorCode ClosedForm(void)
{
  enum { N = 65 };
  NomosMap           m;
  Vec                a, u;
  const PetscScalar *pa, *pu;
  double             face[N], s0 = 0, s1 = 0, first, v = 0, error = 0, largest = 0;
  const double       h = 1. / (N - 1);

  PetscFunctionBegin;
  PetscCall(Make(1, N, 0, "lognormal", &m, &a, &u));
  PetscCall(NomosMapSample(m, 1, 2, a, u));
  PetscCall(VecGetArrayRead(a, &pa));
  PetscCall(VecGetArrayRead(u, &pu));
  for (int i = 0; i < N - 1; i++) {
    face[i] = 2 * pa[i] * pa[i + 1] / (pa[i] + pa[i + 1]);
    s0 += 1 / face[i];
    s1 += i * h / face[i];
  }
  first = -s1 / s0; /* sum of (first + i h)/face = 0 */
  for (int i = 0; i < N; i++) {
    error   = PetscMax(error, fabs(v - pu[i]));
    largest = PetscMax(largest, fabs(pu[i]));
    if (i < N - 1) v -= h * (first + i * h) / face[i];
  }
  CheckClose("closed form in one dimension", error, 0, CLOSED * largest);
  PetscCall(VecRestoreArrayRead(a, &pa));
  PetscCall(VecRestoreArrayRead(u, &pu));
  PetscCall(Drop(&m, &a, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* vertices of a coarse grid are vertices of a fine one; solved fine and thinned is what a fine sample holds there */
static PetscErrorCode GridsAndOrder(void)
{
  NomosMap           fine, coarse, thinned;
  Vec                af, uf, ac, uc, at, ut;
  const PetscScalar *f, *c, *t, *v, *w;
  int                same = 1, exact = 1;

  PetscFunctionBegin;
  PetscCall(Make(2, 33, 0, "lognormal", &fine, &af, &uf));
  PetscCall(Make(2, 17, 0, "lognormal", &coarse, &ac, &uc));
  PetscCall(Make(2, 17, 33, "lognormal", &thinned, &at, &ut));
  PetscCall(NomosMapSample(fine, 9, 4, af, uf));
  PetscCall(NomosMapSample(coarse, 9, 1, ac, uc)); /* something before: it must not matter */
  PetscCall(NomosMapSample(coarse, 9, 4, ac, NULL));
  PetscCall(NomosMapSample(thinned, 9, 0, at, ut));
  PetscCall(NomosMapSample(thinned, 9, 4, at, ut));
  PetscCall(VecGetArrayRead(af, &f));
  PetscCall(VecGetArrayRead(ac, &c));
  PetscCall(VecGetArrayRead(at, &t));
  PetscCall(VecGetArrayRead(uf, &v));
  PetscCall(VecGetArrayRead(ut, &w));
  for (int i = 0; i < 17; i++)
    for (int j = 0; j < 17; j++) {
      const int there = 66 * i + 2 * j, here = 17 * i + j;

      if (fabs(f[there] - c[here]) > 1024 * PETSC_MACHINE_EPSILON * c[here]) same = 0; /* sums of 65536 modes in another order */
      if (f[there] != t[here] || v[there] != w[here]) exact = 0;
    }
  CheckTrue("the coefficient does not depend on the grid", same);
  CheckTrue("thinning takes what was solved, whatever was made before", exact);
  PetscCall(VecRestoreArrayRead(af, &f));
  PetscCall(VecRestoreArrayRead(ac, &c));
  PetscCall(VecRestoreArrayRead(at, &t));
  PetscCall(VecRestoreArrayRead(uf, &v));
  PetscCall(VecRestoreArrayRead(ut, &w));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  PetscCall(NomosMapDarcySetFine(thinned, 34));
  CheckTrue("34 vertices cannot be thinned to 17", NomosMapSample(thinned, 9, 0, at, ut) == PETSC_ERR_ARG_OUTOFRANGE);
  CheckTrue("no such coefficient", NomosMapDarcySetCoefficient(thinned, "gold") == PETSC_ERR_ARG_OUTOFRANGE);
  PetscCall(PetscPopErrorHandler());
  PetscCall(Drop(&fine, &af, &uf));
  PetscCall(Drop(&coarse, &ac, &uc));
  PetscCall(Drop(&thinned, &at, &ut));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* every rank makes sample 6, after different others: the same bits */
static PetscErrorCode Ranks(void)
{
  NomosMap     m;
  Vec          a, u;
  PetscMPIInt  rank;
  PetscScalar *v, first[289];
  int          same = 1;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(Make(2, 17, 0, "binary", &m, &a, &u));
  for (int i = 0; i < rank; i++) PetscCall(NomosMapSample(m, 2, i, a, u));
  PetscCall(NomosMapSample(m, 2, 6, a, u));
  PetscCall(VecGetArray(u, &v));
  PetscCall(PetscArraycpy(first, v, 289));
  PetscCallMPI(MPI_Bcast(first, 289, MPIU_SCALAR, 0, PETSC_COMM_WORLD));
  for (int i = 0; i < 289; i++) same = same && v[i] == first[i];
  CheckTrue("the same sample on every rank", same);
  PetscCall(VecRestoreArray(u, &v));
  PetscCall(Drop(&m, &a, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  PetscCall(Solves(1, 40, "lognormal"));
  PetscCall(Solves(2, 32, "binary"));
  PetscCall(Solves(2, 21, "lognormal"));
  PetscCall(Solves(3, 9, "lognormal"));
  PetscCall(ClosedForm());
  PetscCall(GridsAndOrder());
  PetscCall(Ranks());
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
