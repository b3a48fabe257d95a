/* pde.c - what the equations share: the grid from the options, given fields with their length checked. */
#include "pde.h"

/* -pde_grid n[,n[,n]] on the unit box, slowest axis first; the setter is NomosMapSetGrid(). */
PetscErrorCode NomosPDEGridFromOptions(NomosMap m, NomosOptionItems PetscOptionsObject, PetscBool periodic)
{
  NomosGrid grid = m->grid;
  PetscInt  n[NOMOS_MAX_DIM + 1] = {0}, dim = NOMOS_MAX_DIM + 1;
  PetscBool set;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < grid.dim; j++) n[j] = grid.n[j];
  PetscCall(PetscOptionsIntArray("-pde_grid", "Points per axis, slowest first, of the unit box (1 to 3 numbers)", "NomosMapSetGrid", n, &dim, &set));
  if (!set) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(dim <= NOMOS_MAX_DIM, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_SIZ, "-pde_grid has more than %d numbers; give one per axis, 1 to %d", NOMOS_MAX_DIM, NOMOS_MAX_DIM);
  grid.dim = dim;
  for (PetscInt j = 0; j < dim; j++) {
    grid.n[j]        = n[j];
    grid.length[j]   = 1;
    grid.offset[j]   = 0;
    grid.periodic[j] = periodic;
  }
  PetscCall(NomosMapSetGrid(m, &grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosPDEField(NomosMap m, NomosStage *stage, const char slot[], PetscInt n, PetscBool required, const double **p)
{
  Vec      v;
  PetscInt got;

  PetscFunctionBegin;
  *p = NULL;
  PetscCall(NomosMapGetField(m, slot, &v));
  PetscCheck(v || !required, PETSC_COMM_SELF, PETSC_ERR_ORDER, "pde '%s' needs the field '%s'; give it with NomosMapSetField()", ((PetscObject)m)->type_name, slot);
  if (!v) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(v, &got));
  PetscCheck(got == n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "pde '%s': the field '%s' has %" PetscInt_FMT " entries, expected %" PetscInt_FMT " (batch %" PetscInt_FMT ")", ((PetscObject)m)->type_name, slot, got, n, m->batch);
  PetscCall(NomosStageRead(m->be, stage, v, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
