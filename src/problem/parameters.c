/*
  parameters.c - theta in two forms: sharded over the problem's ranks, as Tao sees it, and whole, as a map wants it.

  The ways between the two are in exchange.c. On one rank both forms are one Vec.
*/
#include "problem.h"

/* A shard does not begin inside a row of a complex block, all entries with the same first two indices: a map may convert rows and
   sum their gradients on the rank that has them, and the two halves of an entry stay together. */
static PetscErrorCode KeepRows(NomosProblem p, PetscInt *at)
{
  PetscInt   n, row = 1;
  NomosBlock b;

  PetscFunctionBegin;
  PetscCall(NomosMapGetNumBlocks(p->map, &n));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(NomosMapGetBlock(p->map, i, &b));
    if (!b.is_complex || *at <= b.start || *at >= b.start + b.size) continue;
    for (PetscInt j = 2; j < b.rank; j++) row *= b.shape[j];
    row = row % 2 ? 2 : row;
    *at += (row - (*at - b.start) % row) % row;
    break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpLayout(NomosProblem p)
{
  const PetscInt share = (p->np + p->size * NOMOS_SHARD - 1) / (p->size * NOMOS_SHARD) * NOMOS_SHARD;

  PetscFunctionBegin;
  PetscCall(PetscFree(p->starts));
  PetscCall(PetscFree2(p->counts, p->displs));
  PetscCall(PetscMalloc1(p->size + 1, &p->starts));
  PetscCall(PetscMalloc2(p->size, &p->counts, p->size, &p->displs));
  for (PetscMPIInt r = 0; r <= p->size; r++) {
    p->starts[r] = PetscMin(p->np, r * share);
    PetscCall(KeepRows(p, &p->starts[r]));
  }
  for (PetscMPIInt r = 0; r < p->size; r++) {
    PetscCall(PetscMPIIntCast(p->starts[r], &p->displs[r]));
    PetscCall(PetscMPIIntCast(p->starts[r + 1] - p->starts[r], &p->counts[r]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta with first values: the map's own where it has some (a loaded model), otherwise drawn from the seed */
PetscErrorCode NomosProblemSetUpParameters(NomosProblem p)
{
  const PetscScalar *values;
  PetscInt           own;
  Vec                given, first;

  PetscFunctionBegin;
  PetscCall(NomosMapGetSizes(p->map, NULL, &p->np, NULL));
  PetscCheck(p->np > 0, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_WRONGSTATE, "the map of the problem has no parameters to train");
  PetscCall(SetUpLayout(p));
  PetscCall(VecCreate(PetscObjectComm((PetscObject)p), &p->theta));
  PetscCall(VecSetSizes(p->theta, p->counts[p->rank], p->np));
  PetscCall(VecSetOptionsPrefix(p->theta, ((PetscObject)p)->prefix));
  PetscCall(VecSetType(p->theta, VECSTANDARD));
  PetscCall(VecSetFromOptions(p->theta));
  PetscCall(PetscObjectSetName((PetscObject)p->theta, "theta"));
  if (p->size > 1) PetscCall(NomosProblemSetUpExchange(p));
  PetscCall(NomosMapGetParameters(p->map, &given));
  first = p->size > 1 ? p->pseq : p->theta;
  if (given) {
    PetscCall(VecGetSize(given, &own));
    PetscCheck(own == p->np, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_SIZ, "the map was given %" PetscInt_FMT " parameters, it needs %" PetscInt_FMT, own, p->np);
    PetscCall(VecCopy(given, first));
  } else PetscCall(NomosMapInitializeParameters(p->map, p->seed, first)); /* the same numbers on every rank, also where the memory is one */
  if (p->size > 1) {
    PetscCall(VecGetArrayRead(p->pseq, &values));
    PetscCall(NomosProblemFromWhole(p, values, p->theta));
    PetscCall(VecRestoreArrayRead(p->pseq, &values));
  }
  PetscCall(NomosMapSetParameters(p->map, first)); /* the map answers with what is being trained */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* My shard out of values that every rank has. */
PetscErrorCode NomosProblemFromWhole(NomosProblem p, const PetscScalar whole[], Vec sharded)
{
  PetscScalar *mine;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(sharded, &mine));
  PetscCall(PetscArraycpy(mine, whole + p->starts[p->rank], p->counts[p->rank]));
  PetscCall(VecRestoreArrayWrite(sharded, &mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the map computes with where a verb gets no parameters: theta itself on one rank, the gathered copy on several. */
PetscErrorCode NomosProblemUseParameters(NomosProblem p, Vec sharded)
{
  Vec whole;

  PetscFunctionBegin;
  PetscCall(NomosProblemGather(p, sharded, p->pseq, &whole));
  PetscCall(NomosMapSetParameters(p->map, whole));
  PetscFunctionReturn(PETSC_SUCCESS);
}
