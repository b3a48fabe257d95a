/*
  dm.c - a net inside somebody's program: fields on a DMDA in, fields on the same DMDA out.

  PETSc keeps a DMDA's fields interlaced, [z][y][x][dof] with x fastest; a map wants [channel][z][y][x]. A distributed field
  is gathered in natural order on every rank, each rank applies the net, and keeps its part: no second exchange.
*/
#include "../nomosimpl.h"
#include <petscdmda.h>

/* What a call needs stays composed on the map: nothing is made at the second call with the same grid. */
static PetscErrorCode Keep(NomosMap m, const char name[], PetscInt n, Vec *v)
{
  PetscInt have = -1;

  PetscFunctionBegin;
  PetscCall(PetscObjectQuery((PetscObject)m, name, (PetscObject *)v));
  if (*v) PetscCall(VecGetSize(*v, &have));
  if (have == n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, v));
  PetscCall(PetscObjectCompose((PetscObject)m, name, (PetscObject)*v));
  PetscCall(PetscObjectDereference((PetscObject)*v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The map on the DMDA's points; box and periodicity stay the map's where it has them. */
static PetscErrorCode FitGrid(NomosMap m, DM da, PetscInt *points)
{
  PetscInt       dim, n[3];
  DMBoundaryType b[3];
  NomosGrid      g;
  PetscBool      same;

  PetscFunctionBegin;
  PetscCall(DMDAGetInfo(da, &dim, &n[2], &n[1], &n[0], NULL, NULL, NULL, NULL, NULL, &b[2], &b[1], &b[0], NULL));
  PetscCall(PetscMemzero(&g, sizeof(g)));
  g.dim = dim;
  same  = m->grid_set && m->grid.dim == dim ? PETSC_TRUE : PETSC_FALSE;
  if (same) g = m->grid;
  for (PetscInt j = 0; j < dim; j++) {
    const PetscInt k = 3 - dim + j; /* slowest first */

    if (m->grid_set && m->grid.dim == dim && m->grid.n[j] != n[k]) same = PETSC_FALSE;
    g.n[j] = n[k];
    if (!m->grid_set || m->grid.dim != dim) {
      g.length[j]   = 1;
      g.periodic[j] = b[k] == DM_BOUNDARY_PERIODIC ? PETSC_TRUE : PETSC_FALSE;
    }
  }
  if (!same) PetscCall(NomosMapSetGrid(m, &g));
  PetscCall(NomosGridPoints(&g, points));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A field in natural order, whole on every rank. */
static PetscErrorCode Gather(DM da, PetscInt dof, Vec v, Vec *all)
{
  DM         d;
  Vec        natural;
  VecScatter scatter;

  PetscFunctionBegin;
  PetscCall(DMDACreateCompatibleDMDA(da, dof, &d));
  PetscCall(DMDACreateNaturalVector(d, &natural));
  PetscCall(DMDAGlobalToNaturalBegin(d, v, INSERT_VALUES, natural));
  PetscCall(DMDAGlobalToNaturalEnd(d, v, INSERT_VALUES, natural));
  PetscCall(VecScatterCreateToAll(natural, &scatter, all));
  PetscCall(VecScatterBegin(scatter, natural, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, natural, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&natural));
  PetscCall(DMDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* My part of a whole field [channel][point] into a distributed one. */
static PetscErrorCode Spread(DM da, PetscInt dof, PetscInt points, const PetscScalar y[], Vec u)
{
  DM           d;
  Vec          natural;
  PetscInt     start, end;
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(DMDACreateCompatibleDMDA(da, dof, &d));
  PetscCall(DMDACreateNaturalVector(d, &natural));
  PetscCall(VecGetOwnershipRange(natural, &start, &end));
  PetscCall(VecGetArrayWrite(natural, &a));
  for (PetscInt i = start; i < end; i++) a[i - start] = y[(size_t)(i % dof) * (size_t)points + (size_t)(i / dof)];
  PetscCall(VecRestoreArrayWrite(natural, &a));
  PetscCall(DMDANaturalToGlobalBegin(d, natural, INSERT_VALUES, u));
  PetscCall(DMDANaturalToGlobalEnd(d, natural, INSERT_VALUES, u));
  PetscCall(VecDestroy(&natural));
  PetscCall(DMDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapApplyDM - applies a trained net to a field on a DMDA

  Collective on the DMDA

  Input Parameters:
+ m  - the map, with parameters (NomosMapLoad())
. da - the grid; its own dof does not matter
- a  - global vector of a DMDA of this layout with as many dof as the map has input channels

  Output Parameter:
. u - the same with as many dof as the map has output channels

  Shapes: a [z][y][x][Cin], u [z][y][x][Cout] in natural order
  Units:  those of the training data
  Errors: PETSC_ERR_ARG_SIZ where channels and dof differ, PETSC_ERR_ARG_WRONG for another kind of DM

  Notes:
  The map is set to the DMDA's points and to a batch of one at the first call; on one rank later calls make nothing new.
  Box lengths are those of training.

  Level: beginner
.seealso: `NomosMapLoad()`, `NomosMapApply()`
@*/
PetscErrorCode NomosMapApplyDM(NomosMap m, DM da, Vec a, Vec u)
{
  MPI_Comm           comm;
  PetscMPIInt        size;
  PetscBool          isda;
  PetscInt           points, na, nu;
  Vec                x, y, all = a;
  const PetscScalar *in;
  PetscScalar       *out;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscValidHeaderSpecific(da, DM_CLASSID, 2);
  PetscValidHeaderSpecific(a, VEC_CLASSID, 3);
  PetscValidHeaderSpecific(u, VEC_CLASSID, 4);
  comm = PetscObjectComm((PetscObject)da);
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscObjectTypeCompare((PetscObject)da, DMDA, &isda));
  PetscCheck(isda, comm, PETSC_ERR_ARG_WRONG, "the DM is a %s; a net lives on regular grids: give a DMDA", ((PetscObject)da)->type_name);
  PetscCall(FitGrid(m, da, &points));
  PetscCall(VecGetSize(a, &na));
  PetscCall(VecGetSize(u, &nu));
  PetscCheck(na == points * m->channels_in && nu == points * m->channels_out, comm, PETSC_ERR_ARG_SIZ, "on %" PetscInt_FMT " points a has %" PetscInt_FMT " and u %" PetscInt_FMT " values; the map takes %" PetscInt_FMT " and gives %" PetscInt_FMT " channels: that many dof are needed", points, na, nu, m->channels_in, m->channels_out);
  PetscCall(NomosMapSetBatch(m, 1));
  PetscCall(Keep(m, "NomosMapApplyDM x", na, &x));
  PetscCall(Keep(m, "NomosMapApplyDM y", nu, &y));
  if (size > 1) PetscCall(Gather(da, m->channels_in, a, &all));
  PetscCall(VecGetArrayRead(all, &in));
  PetscCall(VecGetArrayWrite(x, &out));
  for (PetscInt c = 0; c < m->channels_in; c++)
    for (PetscInt i = 0; i < points; i++) out[c * points + i] = in[i * m->channels_in + c];
  PetscCall(VecRestoreArrayWrite(x, &out));
  PetscCall(VecRestoreArrayRead(all, &in));
  if (size > 1) PetscCall(VecDestroy(&all));
  PetscCall(NomosMapApply(m, x, NULL, y));
  PetscCall(VecGetArrayRead(y, &in));
  if (size > 1) PetscCall(Spread(da, m->channels_out, points, in, u));
  else {
    PetscCall(VecGetArrayWrite(u, &out));
    for (PetscInt c = 0; c < m->channels_out; c++)
      for (PetscInt i = 0; i < points; i++) out[i * m->channels_out + c] = in[c * points + i];
    PetscCall(VecRestoreArrayWrite(u, &out));
  }
  PetscCall(VecRestoreArrayRead(y, &in));
  PetscFunctionReturn(PETSC_SUCCESS);
}
