/*
  backend.c - NomosBackend: a table of functions as a PETSc object; choosing one; Vecs as raw pointers in its memory.
*/
#include "backend.h"
#include <petscvec.h>

const char *const NomosPrecisions[] = {"single", "double", "NomosPrecision", "NOMOS_", NULL};
PetscFunctionList NomosBackendList  = NULL;

/* A table is opened once in a process and shared by every object that uses it. */
typedef struct {
  const NomosBackendTable *table;
  void                    *ctx;
  PetscInt                 users;
} Open;
static Open opened[4];

static PetscInt64 total[3]; /* of all objects of this process: allocations, bytes up, bytes down */

/*@
  NomosBackendCreate - creates the object that holds memory and computes

  Collective

  Input Parameter:
. comm - communicator of the objects that will use it

  Output Parameter:
. b - the backend, of type auto until set

  Options Database Keys:
+ -nomos_backend <auto,host,cuda> - where to compute; auto is the host
- -nomos_deterministic            - choices by a fixed rule instead of timing

  Level: intermediate
.seealso: `NomosBackendSetType()`, `NomosMapSetBackend()`
@*/
PetscErrorCode NomosBackendCreate(MPI_Comm comm, NomosBackend *b)
{
  NomosBackend backend;

  PetscFunctionBegin;
  PetscAssertPointer(b, 2);
  *b = NULL;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscHeaderCreate(backend, NOMOS_BACKEND_CLASSID, "NomosBackend", "where the numbers live", "NomosBackend", comm, NomosBackendDestroy, NomosBackendView));
  backend->precision = NOMOS_DOUBLE;
  *b                 = backend;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosBackendRegister - adds a backend type

  Not Collective

  Input Parameters:
+ name - of the type
- f    - its constructor, which ends by handing a table to the object

  Level: developer
@*/
PetscErrorCode NomosBackendRegister(const char name[], PetscErrorCode (*f)(NomosBackend))
{
  PetscFunctionBegin;
  PetscCall(PetscFunctionListAdd(&NomosBackendList, name, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Release(NomosBackend b)
{
  PetscFunctionBegin;
  for (int i = 0; i < 4; i++) {
    if (opened[i].users && opened[i].ctx == b->ctx && opened[i].table == b->table && --opened[i].users == 0) {
      PetscCall(NomosBackendCheck(b, b->table->close(b->ctx), "close"));
      opened[i].table = NULL;
    }
  }
  b->table = NULL;
  b->ctx   = NULL;
  b->setup = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Called by a type's constructor: opens the table, or shares it. */
PetscErrorCode NomosBackendSetTable(NomosBackend b, const NomosBackendTable *table)
{
  char why[256] = "";
  int  slot     = -1, code;

  PetscFunctionBegin;
  PetscCheck(table->abi == NOMOS_BACKEND_ABI && table->size == sizeof(*table), PetscObjectComm((PetscObject)b), PETSC_ERR_ARG_INCOMP, "backend table '%s' has version %d and %d bytes, this library needs version %d and %d bytes: both must come from one build of Nomos", table->name, table->abi, (int)table->size, NOMOS_BACKEND_ABI, (int)sizeof(*table));
  for (int i = 0; i < 4; i++) {
    if (opened[i].users && opened[i].table == table) slot = i;
    else if (!opened[i].users && slot < 0) slot = i;
  }
  PetscCheck(slot >= 0, PetscObjectComm((PetscObject)b), PETSC_ERR_PLIB, "too many backend tables are open");
  if (!opened[slot].users) {
    code = table->open(&opened[slot].ctx, why, sizeof(why));
    PetscCheck(!code, PetscObjectComm((PetscObject)b), PETSC_ERR_LIB, "backend '%s' cannot be opened: %s", table->name, why[0] ? why : "no reason given");
    opened[slot].table = table;
  }
  opened[slot].users++;
  b->table = table;
  b->ctx   = opened[slot].ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosBackendSetType - chooses where to compute

  Collective

  Input Parameters:
+ b    - the backend
- type - auto, host or cuda

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE for another name; PETSC_ERR_SUP when the type was not built or has no device

  Level: intermediate
@*/
PetscErrorCode NomosBackendSetType(NomosBackend b, NomosBackendType type)
{
  PetscErrorCode (*create)(NomosBackend);
  PetscBool same;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 1);
  PetscCall(PetscStrcmp(type, NOMOSBACKENDAUTO, &same));
  if (same) type = NOMOSBACKENDHOST;
  PetscCall(PetscObjectTypeCompare((PetscObject)b, type, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFunctionListFind(NomosBackendList, type, &create));
  PetscCheck(create, PetscObjectComm((PetscObject)b), PETSC_ERR_ARG_UNKNOWN_TYPE, "unknown backend '%s'; see -nomos_list", type);
  if (b->table) PetscCall(Release(b));
  PetscCall(PetscObjectChangeTypeName((PetscObject)b, NULL)); /* what it was is gone, also where the new one fails */
  PetscCall((*create)(b));
  PetscCall(PetscObjectChangeTypeName((PetscObject)b, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosBackendGetType - the type in force, NULL before it is set

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosBackendGetType(NomosBackend b, NomosBackendType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 1);
  *type = ((PetscObject)b)->type_name;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosBackendSetDeterministic - algorithms by a fixed rule, never by timing

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosBackendSetDeterministic(NomosBackend b, PetscBool flag)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 1);
  b->deterministic = flag;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosBackendSetFromOptions - reads -nomos_backend and -nomos_deterministic

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosBackendSetFromOptions(NomosBackend b)
{
  char      type[64] = NOMOSBACKENDAUTO;
  PetscBool set;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 1);
  PetscObjectOptionsBegin((PetscObject)b);
  PetscCall(PetscOptionsFList("-nomos_backend", "Where to compute: auto, host or cuda", "NomosBackendSetType", NomosBackendList, type, type, sizeof(type), &set));
  PetscCall(PetscOptionsBool("-nomos_deterministic", "Choose algorithms by a fixed rule, never by timing", "NomosBackendSetDeterministic", b->deterministic, &b->deterministic, NULL));
  PetscOptionsEnd();
  if (set || !((PetscObject)b)->type_name) PetscCall(NomosBackendSetType(b, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosBackendSetUp - makes sure that the backend has a type

  Collective

  Level: developer
@*/
PetscErrorCode NomosBackendSetUp(NomosBackend b)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 1);
  if (!b->table) PetscCall(NomosBackendSetType(b, NOMOSBACKENDAUTO));
  b->setup = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosBackendView - prints type, device and counters

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosBackendView(NomosBackend b, PetscViewer viewer)
{
  char      text[256] = "not set";
  PetscBool ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)b), &viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectPrintClassNamePrefixType((PetscObject)b, viewer));
  if (b->table) PetscCall(NomosBackendCheck(b, b->table->describe(b->ctx, text, sizeof(text)), "describe"));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "%s, precision %s%s\n", text, NomosPrecisions[b->precision], b->deterministic ? ", deterministic" : ""));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosBackendGetCounters - allocations made and bytes copied between host and device through this object

  Not Collective

  Input Parameter:
. b - the backend, or NULL: every object of this process, and the transform plans that the host made

  Output Parameters:
+ allocations - how many, or NULL
. up          - bytes, or NULL
- down        - bytes, or NULL

  Level: developer
@*/
PetscErrorCode NomosBackendGetCounters(NomosBackend b, PetscInt64 *allocations, PetscInt64 *up, PetscInt64 *down)
{
  PetscFunctionBegin;
  if (b) PetscValidHeaderSpecific(b, NOMOS_BACKEND_CLASSID, 1);
  if (allocations) *allocations = b ? b->allocations : total[0] + (PetscInt64)NomosHostPlans();
  if (up) *up = b ? b->up : total[1];
  if (down) *down = b ? b->down : total[2];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosBackendDestroy - drops a reference

  Collective

  Level: intermediate
@*/
PetscErrorCode NomosBackendDestroy(NomosBackend *b)
{
  PetscFunctionBegin;
  if (!*b) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*b, NOMOS_BACKEND_CLASSID, 1);
  if (--((PetscObject)*b)->refct > 0) {
    *b = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if ((*b)->table) PetscCall(Release(*b));
  PetscCall(PetscHeaderDestroy(b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same table in another precision: what a map computes with. */
PetscErrorCode NomosBackendClone(NomosBackend b, NomosPrecision precision, NomosBackend *out)
{
  PetscFunctionBegin;
  PetscCall(NomosBackendSetUp(b));
  PetscCall(NomosBackendCreate(PetscObjectComm((PetscObject)b), out));
  PetscCall(NomosBackendSetTable(*out, b->table));
  PetscCall(PetscObjectChangeTypeName((PetscObject)*out, ((PetscObject)b)->type_name));
  (*out)->precision     = precision;
  (*out)->deterministic = b->deterministic;
  (*out)->setup         = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A code of the table as a PETSc error. */
PetscErrorCode NomosBackendCheck(NomosBackend b, int code, const char what[])
{
  PetscFunctionBegin;
  if (PetscLikely(!code)) PetscFunctionReturn(PETSC_SUCCESS);
  SETERRQ(PETSC_COMM_SELF, code == NOMOS_ERR_MEM ? PETSC_ERR_MEM : code == NOMOS_ERR_SUP ? PETSC_ERR_SUP : code == NOMOS_ERR_ARG ? PETSC_ERR_ARG_OUTOFRANGE : PETSC_ERR_LIB, "backend '%s', %s: %s", b->table->name, what, b->table->message(b->ctx, code));
}

PetscErrorCode NomosBackendMallocBytes(NomosBackend b, size_t bytes, void **p)
{
  PetscFunctionBegin;
  *p = NULL;
  if (bytes) PetscCall(NomosBackendCheck(b, b->table->alloc(b->ctx, bytes, p), "alloc"));
  b->allocations++;
  total[0]++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* room for so many reals of the backend's precision, set to zero */
PetscErrorCode NomosBackendMalloc(NomosBackend b, size_t reals, NomosReal **p)
{
  const size_t size = b->precision == NOMOS_SINGLE ? 4 : 8;

  PetscFunctionBegin;
  PetscCheck(reals < ((size_t)-1) / 16, PETSC_COMM_SELF, PETSC_ERR_MEM, "a buffer of %g reals overflows memory", (double)reals);
  PetscCall(NomosBackendMallocBytes(b, reals * size, (void **)p));
  if (reals) PetscCall(NomosBackendCheck(b, b->table->zero(b->ctx, *p, reals * size), "zero"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosBackendFree(NomosBackend b, void *pointer)
{
  void **p = (void **)pointer;

  PetscFunctionBegin;
  if (*p) PetscCall(NomosBackendCheck(b, b->table->release(b->ctx, *p), "free"));
  *p = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosBackendZero(NomosBackend b, NomosReal *p, size_t reals)
{
  PetscFunctionBegin;
  if (reals) PetscCall(NomosBackendCheck(b, b->table->zero(b->ctx, p, reals * (b->precision == NOMOS_SINGLE ? 4 : 8)), "zero"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosBackendCopyUp(NomosBackend b, void *dst, const void *src, size_t bytes)
{
  PetscFunctionBegin;
  if (bytes) PetscCall(NomosBackendCheck(b, b->table->copy(b->ctx, dst, src, bytes, 1), "copy"));
  if (b->table != &NomosHostTable) b->up += (PetscInt64)bytes, total[1] += (PetscInt64)bytes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosBackendCopyDown(NomosBackend b, void *dst, const void *src, size_t bytes)
{
  PetscFunctionBegin;
  if (bytes) PetscCall(NomosBackendCheck(b, b->table->copy(b->ctx, dst, src, bytes, 2), "copy"));
  if (b->table != &NomosHostTable) b->down += (PetscInt64)bytes, total[2] += (PetscInt64)bytes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- Vecs --------------------------------------------------------------------------------------------------------- */
static PetscErrorCode Buffer(NomosBackend b, NomosStage *s, size_t n)
{
  PetscFunctionBegin;
  if (s->size < n) {
    PetscCall(NomosBackendFree(b, &s->buffer));
    PetscCall(NomosBackendMallocBytes(b, n * sizeof(double), (void **)&s->buffer));
    s->size = n;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reading: the Vec's own array when it lives where the backend computes, else a copy. One stage serves one Vec at a time. */
PetscErrorCode NomosStageRead(NomosBackend b, NomosStage *s, Vec v, const double **p)
{
  PetscMemType mtype;
  PetscInt     n;

  PetscFunctionBegin;
  s->vec  = v;
  s->mode = 0;
  if (b->table == &NomosHostTable) {
    PetscCall(VecGetArrayRead(v, &s->array));
    s->staged = PETSC_FALSE;
  } else {
    PetscCall(VecGetArrayReadAndMemType(v, &s->array, &mtype));
    s->staged = PetscMemTypeHost(mtype) ? PETSC_TRUE : PETSC_FALSE;
  }
  *p = s->array;
  if (s->staged) {
    PetscCall(VecGetLocalSize(v, &n));
    PetscCall(Buffer(b, s, (size_t)n));
    PetscCall(NomosBackendCopyUp(b, s->buffer, s->array, (size_t)n * sizeof(double)));
    *p = s->buffer;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Writing: every entry will be set. */
PetscErrorCode NomosStageWrite(NomosBackend b, NomosStage *s, Vec v, double **p)
{
  PetscMemType mtype;
  PetscScalar *array;
  PetscInt     n;

  PetscFunctionBegin;
  s->vec  = v;
  s->mode = 1;
  if (b->table == &NomosHostTable) {
    PetscCall(VecGetArrayWrite(v, &array));
    s->staged = PETSC_FALSE;
  } else {
    PetscCall(VecGetArrayWriteAndMemType(v, &array, &mtype));
    s->staged = PetscMemTypeHost(mtype) ? PETSC_TRUE : PETSC_FALSE;
  }
  s->array = array;
  *p       = array;
  if (s->staged) {
    PetscCall(VecGetLocalSize(v, &n));
    PetscCall(Buffer(b, s, (size_t)n));
    *p = s->buffer;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both: the values are kept and may be changed. */
PetscErrorCode NomosStageReadWrite(NomosBackend b, NomosStage *s, Vec v, double **p)
{
  PetscMemType mtype;
  PetscScalar *array;
  PetscInt     n;

  PetscFunctionBegin;
  s->vec  = v;
  s->mode = 2;
  if (b->table == &NomosHostTable) {
    PetscCall(VecGetArray(v, &array));
    s->staged = PETSC_FALSE;
  } else {
    PetscCall(VecGetArrayAndMemType(v, &array, &mtype));
    s->staged = PetscMemTypeHost(mtype) ? PETSC_TRUE : PETSC_FALSE;
  }
  s->array = array;
  *p       = array;
  if (s->staged) {
    PetscCall(VecGetLocalSize(v, &n));
    PetscCall(Buffer(b, s, (size_t)n));
    PetscCall(NomosBackendCopyUp(b, s->buffer, array, (size_t)n * sizeof(double)));
    *p = s->buffer;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosStageRestore(NomosBackend b, NomosStage *s)
{
  PetscScalar *array = (PetscScalar *)s->array;
  PetscInt     n;

  PetscFunctionBegin;
  if (!s->vec) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->mode == 0) {
    if (b->table == &NomosHostTable) PetscCall(VecRestoreArrayRead(s->vec, &s->array));
    else PetscCall(VecRestoreArrayReadAndMemType(s->vec, &s->array));
  } else {
    if (s->staged) {
      PetscCall(VecGetLocalSize(s->vec, &n));
      PetscCall(NomosBackendCopyDown(b, array, s->buffer, (size_t)n * sizeof(double)));
    }
    if (s->mode == 2 && b->table == &NomosHostTable) PetscCall(VecRestoreArray(s->vec, &array));
    else if (s->mode == 2) PetscCall(VecRestoreArrayAndMemType(s->vec, &array));
    else if (b->table == &NomosHostTable) PetscCall(VecRestoreArrayWrite(s->vec, &array));
    else PetscCall(VecRestoreArrayWriteAndMemType(s->vec, &array));
  }
  s->vec = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosStageDestroy(NomosBackend b, NomosStage *s)
{
  PetscFunctionBegin;
  PetscCall(NomosBackendFree(b, &s->buffer));
  s->size = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode NomosBackendCreate_Host(NomosBackend b)
{
  PetscFunctionBegin;
  PetscCall(NomosBackendSetTable(b, &NomosHostTable));
  PetscFunctionReturn(PETSC_SUCCESS);
}
