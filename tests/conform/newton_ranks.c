/* TAOSKETCHNEWTON on 1, 2 and 4 ranks: state, control, multipliers and f of PDE problems agree entry by entry, in an order that does not
   depend on the ranks. One program of four ranks solves each problem on rank 0 alone, on ranks 0 and 1, and on all. */
#include <nomos.h>
#include "nomostest.h"
#include "../problems/control.h"
#include "../problems/scalable.h"
#include "../problems/meshcontrol.h"

/* The bound of the requirement, relative to the largest entry. The solves go on to KKT residuals near rounding: 1e-8 leaves differences
   of K^-1 times that, and the smallest singular value of K is h^2 alpha, 4e-5 and less. */
#define AGREE 1e-10

enum {
  STATE,
  CONTROL,
  ADJOINT,
  FIELDS
};
typedef struct {
  PetscInt     n[FIELDS]; /* on rank 0; 0 elsewhere */
  PetscScalar *v[FIELDS];
  PetscReal    f;
} Answer;

static PetscErrorCode Keep(Vec v, Answer *a, int field)
{
  Vec                here;
  VecScatter         s;
  const PetscScalar *p;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToZero(v, &s, &here));
  PetscCall(VecScatterBegin(s, v, here, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(s, v, here, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetLocalSize(here, &a->n[field]));
  PetscCall(PetscMalloc1(PetscMax(a->n[field], 1), &a->v[field]));
  PetscCall(VecGetArrayRead(here, &p));
  PetscCall(PetscArraycpy(a->v[field], p, a->n[field]));
  PetscCall(VecRestoreArrayRead(here, &p));
  PetscCall(VecScatterDestroy(&s));
  PetscCall(VecDestroy(&here));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Solve(Tao tao, Mat S, PetscReal residual, const char what[], Answer *a)
{
  TaoConvergedReason reason;
  PetscInt           its;
  PetscReal          gnorm, cnorm;

  PetscFunctionBegin;
  PetscCall(TaoSetType(tao, TAOSKETCHNEWTON));
  if (S) PetscCall(NomosTaoSketchNewtonSetSchurPre(tao, S));
  PetscCall(TaoSetTolerances(tao, residual, 0, 0));
  PetscCall(TaoSetConstraintTolerances(tao, residual, 0));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetSolutionStatus(tao, &its, &a->f, &gnorm, &cnorm, NULL, &reason));
  PetscCall(PetscPrintf(PetscObjectComm((PetscObject)tao), "%s: reason %d its %d f %.15g |a| %.1e |c| %.1e\n", what, (int)reason, (int)its, (double)a->f, (double)gnorm, (double)cnorm));
  CheckTrue(what, reason > 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the problems; each fills an answer on the first rank of comm ---------------------------------------------------------------- */
static PetscErrorCode Natural(Control *p, Vec v, Answer *a, int field)
{
  Vec natural;

  PetscFunctionBegin;
  PetscCall(DMDACreateNaturalVector(p->da, &natural));
  PetscCall(DMDAGlobalToNaturalBegin(p->da, v, INSERT_VALUES, natural));
  PetscCall(DMDAGlobalToNaturalEnd(p->da, v, INSERT_VALUES, natural));
  PetscCall(Keep(natural, a, field));
  PetscCall(VecDestroy(&natural));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode OnGrid(MPI_Comm comm, PetscInt N, PetscReal kappa, PetscReal alpha, PetscBool waves, const char what[], Answer *a)
{
  Control p;
  Vec     l;

  PetscFunctionBegin;
  PetscCall(ControlCreate(comm, N, kappa, alpha, waves, PETSC_FALSE, &p));
  PetscCall(Solve(p.tao, p.S, waves ? 1e-12 : 1e-14, what, a)); /* waves: f without h^2, |g| about 10 */
  for (int k = 0; k < 2; k++) {
    PetscCall(ControlPart(&p, p.x, k, p.w));
    PetscCall(Natural(&p, p.w, a, k));
  }
  PetscCall(TaoGetDualVariables(p.tao, &l, NULL));
  PetscCall(VecCopy(l, p.w));
  PetscCall(Natural(&p, p.w, a, ADJOINT));
  PetscCall(ControlDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the vertices of a mesh by their coordinates; the file's have 16 digits and no two are closer than 1e-3 */
static int ByPlace(const void *a, const void *b)
{
  const PetscScalar *p = (const PetscScalar *)a, *q = (const PetscScalar *)b;

  for (int d = 0; d < 2; d++)
    if (p[d] != q[d]) return p[d] < q[d] ? -1 : 1;
  return 0;
}
static PetscErrorCode PlaceX(const Heat *h, int d, MeshControl *p, Vec v)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(p->ylocal, &a));
  for (PetscInt i = 0; i < h->nlocal; i++) a[i] = h->x[3 * i + d];
  PetscCall(VecRestoreArrayWrite(p->ylocal, &a));
  PetscCall(DMLocalToGlobal(h->dm, p->ylocal, INSERT_VALUES, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Sorted(Answer *place, Answer *a)
{
  const PetscInt n = a->n[STATE];
  PetscScalar   *row;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(5 * PetscMax(n, 1), &row));
  for (PetscInt i = 0; i < n; i++) {
    for (int d = 0; d < 2; d++) row[5 * i + d] = place->v[d][i];
    for (int k = 0; k < FIELDS; k++) row[5 * i + 2 + k] = a->v[k][i];
  }
  qsort(row, (size_t)n, 5 * sizeof(*row), ByPlace);
  for (PetscInt i = 0; i < n; i++)
    for (int k = 0; k < FIELDS; k++) a->v[k][i] = row[5 * i + 2 + k];
  PetscCall(PetscFree(row));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode OnMesh(MPI_Comm comm, const char what[], Answer *a)
{
  MeshControl p;
  Answer      place;
  Vec         l;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(&p, sizeof(p)));
  PetscCall(PetscMemzero(&place, sizeof(place)));
  PetscCall(MeshControlCreate(comm, 0, 1, 1e-3, &p));
  PetscCall(Solve(p.tao, p.S, 1e-14, what, a));
  PetscCall(MeshControlParts(&p, p.x, p.y, p.u));
  PetscCall(TaoGetDualVariables(p.tao, &l, NULL));
  PetscCall(Keep(p.y, a, STATE));
  PetscCall(Keep(p.u, a, CONTROL));
  PetscCall(Keep(l, a, ADJOINT));
  for (int d = 0; d < 2; d++) {
    PetscCall(PlaceX(&p.h, d, &p, p.w));
    PetscCall(Keep(p.w, &place, d));
  }
  PetscCall(Sorted(&place, a));
  for (int d = 0; d < 2; d++) PetscCall(PetscFree(place.v[d]));
  PetscCall(MeshControlDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode OnLukvle(MPI_Comm comm, const char what[], Answer *a)
{
  Lukvle p;
  Vec    l;

  PetscFunctionBegin;
  PetscCall(LukvleCreate(comm, 500, &p));
  PetscCall(Solve(p.tao, NULL, 1e-12, what, a));
  PetscCall(TaoGetDualVariables(p.tao, &l, NULL));
  PetscCall(Keep(p.x, a, STATE));
  PetscCall(Keep(l, a, ADJOINT));
  PetscCall(LukvleDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const names[] = {"PDE-L", "PDE-N", "PDE-Q", "L-shape", "LUKVLE1"};
static PetscErrorCode One(MPI_Comm comm, int problem, Answer *a)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(a, sizeof(*a)));
  if (problem == 0) PetscCall(OnGrid(comm, 15, 0, 0.1, PETSC_TRUE, names[0], a));
  else if (problem == 1) PetscCall(OnGrid(comm, 15, 1, 1e-2, PETSC_FALSE, names[1], a));
  else if (problem == 2) PetscCall(OnGrid(comm, 15, 0, 1e-4, PETSC_FALSE, names[2], a));
  else if (problem == 3) PetscCall(OnMesh(comm, names[3], a));
  else PetscCall(OnLukvle(comm, names[4], a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Compare(const char problem[], int ranks, const Answer *one, const Answer *a)
{
  const char *const field[FIELDS] = {"state", "control", "multipliers"};
  char              what[128];

  snprintf(what, sizeof(what), "%s, 1 and %d ranks, f", problem, ranks);
  CheckClose(what, a->f, one->f, AGREE * PetscMax(1, PetscAbsReal(one->f)));
  for (int k = 0; k < FIELDS; k++) {
    PetscReal largest = 0, apart = 0;

    if (!one->n[k]) continue;
    snprintf(what, sizeof(what), "%s, 1 and %d ranks, %s", problem, ranks, field[k]);
    CheckInt(what, a->n[k], one->n[k]);
    for (PetscInt i = 0; i < PetscMin(a->n[k], one->n[k]); i++) {
      largest = PetscMax(largest, PetscAbsScalar(one->v[k][i]));
      apart   = PetscMax(apart, PetscAbsScalar(a->v[k][i] - one->v[k][i]));
    }
    printf("%s: largest difference %.1e of %.1e\n", what, (double)apart, (double)largest);
    CheckTrue("a solution that is not 0", largest > 0);
    CheckClose(what, apart, 0, AGREE * largest);
  }
}

static PetscErrorCode All(void)
{
  PetscMPIInt rank, size;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscOptionsSetValue(NULL, "-dm_plex_filename", NomosTestFile("meshes/lshape.msh")));
  for (int problem = 0; problem < 5; problem++) {
    Answer one, a;

    PetscCall(PetscOptionsSetValue(NULL, "-tao_sketchnewton_schur_pc_type", "mat"));
    if (problem == 4) PetscCall(PetscOptionsClearValue(NULL, "-tao_sketchnewton_schur_pc_type"));
    for (PetscMPIInt ranks = 1; ranks <= size; ranks *= 2) {
      MPI_Comm comm;

      PetscCallMPI(MPI_Comm_split(PETSC_COMM_WORLD, rank < ranks ? 0 : MPI_UNDEFINED, rank, &comm));
      if (rank < ranks) {
        PetscCall(One(comm, problem, ranks == 1 ? &one : &a));
        PetscCallMPI(MPI_Comm_free(&comm));
        if (!rank && ranks > 1) Compare(names[problem], ranks, &one, &a);
        for (int k = 0; ranks > 1 && k < FIELDS; k++) PetscCall(PetscFree(a.v[k]));
      }
      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    }
    for (int k = 0; !rank && k < FIELDS; k++) PetscCall(PetscFree(one.v[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 4  timeout: 180
TEST*/
