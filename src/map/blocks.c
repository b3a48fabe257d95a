/*
  blocks.c - the parameters of a map as one vector with a table of named tensors, and the fields it is given.
*/
#include "../nomosimpl.h"

/* The next tensor of the parameter vector, called by a type's setup in order. */
PetscErrorCode NomosMapAddBlock(NomosMap m, const char name[], PetscBool iscomplex, PetscInt rank, const PetscInt shape[])
{
  NomosBlock *old = m->blocks, *b;
  PetscInt64  size = 1;

  PetscFunctionBegin;
  PetscCheck(rank >= 0 && rank <= 8, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "block '%s' has %" PetscInt_FMT " axes, at most 8 are possible", name, rank);
  if (m->nblocks % 32 == 0) {
    PetscCall(PetscCalloc1(m->nblocks + 32, &m->blocks));
    if (m->nblocks) PetscCall(PetscArraycpy(m->blocks, old, m->nblocks));
    PetscCall(PetscFree(old));
  }
  b          = &m->blocks[m->nblocks++];
  b->start   = m->np;
  b->rank    = rank;
  b->is_complex = iscomplex;
  b->lr_mult = b->wd_mult = 1;
  PetscCall(PetscStrallocpy(name, (char **)&b->name));
  for (PetscInt i = 0; i < rank; i++) {
    b->shape[i] = shape[i];
    PetscCheck(shape[i] > 0 && size <= PETSC_MAX_INT / shape[i], PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "block '%s' has an axis of %" PetscInt_FMT ", or too many entries", name, shape[i]);
    size *= shape[i];
  }
  b->size = (PetscInt)size;
  PetscCheck(m->np <= PETSC_MAX_INT - b->size, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "more parameters than this PETSc can index");
  m->np += b->size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetSizes - lengths of x, p and y for one batch

  Collective (sets the map up)

  Level: intermediate
@*/
PetscErrorCode NomosMapGetSizes(NomosMap m, PetscInt *nx, PetscInt *np, PetscInt *ny)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (nx) *nx = m->nx;
  if (np) *np = m->np;
  if (ny) *ny = m->ny;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapCreateVecs - sequential vectors for x, p and y; any may be NULL

  Collective (sets the map up)

  Shapes: x [B][Cin][points], p flat (NomosMapGetBlock()), y [B][Cout][points], of a loss [segments][size]

  Level: intermediate
@*/
PetscErrorCode NomosMapCreateVecs(NomosMap m, Vec *x, Vec *p, Vec *y)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (x) PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->nx, x));
  if (p) PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->np, p));
  if (y) PetscCall(VecCreateSeq(PETSC_COMM_SELF, m->ny, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapInitializeParameters - first values of the parameters, a function of the seed alone

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapInitializeParameters(NomosMap m, PetscInt64 seed, Vec p)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (m->np) PetscUseTypeMethod(m, initialize, seed, p);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetParameters - the parameters used where a verb gets p = NULL; the map keeps a reference

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetParameters(NomosMap m, Vec p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (p) PetscCall(PetscObjectReference((PetscObject)p));
  PetscCall(VecDestroy(&m->p));
  m->p = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetParameters - the map's own parameters, NULL when it has none; do not destroy

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetParameters(NomosMap m, Vec *p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *p = m->p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetNumBlocks - number of tensors in the parameter vector

  Collective (sets the map up)

  Level: intermediate
@*/
PetscErrorCode NomosMapGetNumBlocks(NomosMap m, PetscInt *n)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  *n = m->nblocks;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetBlock - name, place and shape of tensor i; the name stays the map's

  Not Collective

  Errors: PETSC_ERR_ARG_OUTOFRANGE for a block that is not there

  Level: intermediate
@*/
PetscErrorCode NomosMapGetBlock(NomosMap m, PetscInt i, NomosBlock *b)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  PetscCheck(i >= 0 && i < m->nblocks, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "block %" PetscInt_FMT " of %" PetscInt_FMT, i, m->nblocks);
  *b = m->blocks[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapGetSegments - layout of a loss's output: segments, one norm each, and reals per segment

  Collective (sets the map up)

  Level: intermediate
@*/
PetscErrorCode NomosMapGetSegments(NomosMap m, PetscInt *segments, PetscInt *size)
{
  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(m));
  if (segments) *segments = m->segments;
  if (size) *size = m->segment_size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A type says in its constructor which given fields it reads. */
PetscErrorCode NomosMapDeclareSlot(NomosMap m, const char name[])
{
  PetscFunctionBegin;
  PetscCheck(m->nslots < NOMOS_MAX_SLOTS, PETSC_COMM_SELF, PETSC_ERR_PLIB, "more than %d slots", NOMOS_MAX_SLOTS);
  m->slots[m->nslots]    = name;
  m->fields[m->nslots++] = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Slot(NomosMap m, const char name[], PetscInt *i)
{
  PetscFunctionBegin;
  for (*i = 0; *i < m->nslots; (*i)++)
    if (!strcmp(m->slots[*i], name)) PetscFunctionReturn(PETSC_SUCCESS);
  *i = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetField - gives a map what is known, not learned: a coefficient, a reference, statistics

  Not Collective

  Input Parameters:
+ m    - the map
. name - the slot, for example a or target
- v    - the field; the map keeps a reference, NULL takes it away

  Errors: PETSC_ERR_ARG_WRONG when the type reads no such field

  Level: intermediate
@*/
PetscErrorCode NomosMapSetField(NomosMap m, const char name[], Vec v)
{
  PetscInt i;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(Slot(m, name, &i));
  PetscCheck(i >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "%s '%s' reads no field '%s'", m->family, ((PetscObject)m)->type_name, name);
  if (v) PetscCall(PetscObjectReference((PetscObject)v));
  PetscCall(VecDestroy(&m->fields[i]));
  m->fields[i] = v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetField - the field in a slot, NULL when it is empty or the type has no such slot

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetField(NomosMap m, const char name[], Vec *v)
{
  PetscInt i;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(Slot(m, name, &i));
  *v = i >= 0 ? m->fields[i] : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetFieldAdjoint - derivative with respect to a given field, after NomosMapApplyAdjoint(); NULL where the type has none

  Not Collective

  Level: advanced
@*/
PetscErrorCode NomosMapGetFieldAdjoint(NomosMap m, const char name[], Vec *v)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *v = NULL;
  PetscTryTypeMethod(m, fieldadjoint, name, v);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapAddFieldTangent - adds the derivative with respect to a given field, times a direction, to a tangent

  Not Collective

  Input Parameters:
+ m    - the map, linearized
. name - of the field
- da   - direction, laid out as the field

  Output Parameter:
. dy - F_a da is added to it; NomosMapApplyTangent() writes what it is added to

  Note:
  A chain does this for every map that reads its input as the field a.

  Errors: PETSC_ERR_ORDER if not linearized; PETSC_ERR_ARG_SIZ where da is not laid out as the field; PETSC_ERR_SUP where the type
          has an adjoint for the field and no tangent

  Level: advanced
.seealso: `NomosMapGetFieldAdjoint()`, `NomosMapApplyTangent()`
@*/
PetscErrorCode NomosMapAddFieldTangent(NomosMap m, const char name[], Vec da, Vec dy)
{
  Vec      field;
  PetscInt n, got;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(m->linearized, PETSC_COMM_SELF, PETSC_ERR_ORDER, "NomosMapAddFieldTangent() before NomosMapLinearize()");
  PetscCall(NomosMapGetField(m, name, &field));
  PetscCheck(field, PETSC_COMM_SELF, PETSC_ERR_ORDER, "%s '%s' was given no field '%s'; see NomosMapSetField()", m->family, ((PetscObject)m)->type_name, name);
  PetscCall(VecGetLocalSize(field, &n));
  PetscCall(VecGetLocalSize(da, &got));
  PetscCheck(got == n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "a direction of %" PetscInt_FMT " entries for the field '%s' of %" PetscInt_FMT, got, name, n);
  PetscCall(VecGetLocalSize(dy, &got));
  PetscCheck(got == m->ny, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "dy has %" PetscInt_FMT " entries, the map needs %" PetscInt_FMT, got, m->ny);
  PetscCheck(m->ops->fieldtangent || !m->ops->fieldadjoint, PETSC_COMM_SELF, PETSC_ERR_SUP, "%s '%s' has the adjoint of its field '%s' and no tangent: its type must fill ops->fieldtangent", m->family, ((PetscObject)m)->type_name, name);
  if (m->batch) PetscTryTypeMethod(m, fieldtangent, name, da, dy);
  PetscFunctionReturn(PETSC_SUCCESS);
}
