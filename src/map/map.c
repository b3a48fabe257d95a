/*
  map.c - NomosMap: a differentiable map y = F(x; p), the one contract of pde, net, constraint and loss.

  The four verbs check and log here and do their work in the type. x, p and y are sequential Vecs; the verbs talk to no
  other rank. Parameters are one vector with a table of named blocks.
*/
#include "../nomosimpl.h"
#include "../backend/backend.h"

PetscFunctionList NomosMapList = NULL; /* keys are "family/type" */

/*@C
  NomosMapCreate - creates a map of a family

  Collective

  Input Parameters:
+ comm   - ranks that hold the same map; its verbs work on one rank
- family - pde, net, constraint, loss or chain

  Output Parameter:
. map - the map; give it a type next (a chain has none)

  Errors: PETSC_ERR_ARG_WRONG for another family

  Level: beginner
.seealso: `NomosMapSetType()`, `NomosMapSetFromOptions()`, `NomosMapLoad()`
@*/
PetscErrorCode NomosMapCreate(MPI_Comm comm, const char family[], NomosMap *map)
{
  static const char *const families[] = {"pde", "net", "constraint", "loss", "chain"};
  PetscErrorCode (*create)(NomosMap);
  NomosMap  m;
  PetscBool same = PETSC_FALSE;
  PetscInt  f;

  PetscFunctionBegin;
  PetscAssertPointer(map, 3);
  *map = NULL;
  PetscCall(NomosInitializePackage());
  for (f = 0; f < 5 && !same; f++) PetscCall(PetscStrcmp(family, families[f], &same));
  PetscCheck(same, comm, PETSC_ERR_ARG_WRONG, "no family of maps is called '%s'; there are pde, net, constraint, loss and chain", family);
  PetscCall(PetscHeaderCreate(m, NOMOS_MAP_CLASSID, "NomosMap", "differentiable map", families[f - 1], comm, NomosMapDestroy, NomosMapView));
  PetscCall(NomosOptionsUseFamily(families[f - 1]));
  m->family    = families[f - 1];
  m->precision = f - 1 == 1 ? NOMOS_SINGLE : NOMOS_DOUBLE; /* nets train in single precision */
  m->batch     = 1;
  m->channels_in = m->channels_out = 1;
  *map                             = m;
  if (f - 1 == 4) {
    PetscCall(PetscFunctionListFind(NomosMapList, "chain/chain", &create));
    PetscCall((*create)(m));
    PetscCall(PetscObjectChangeTypeName((PetscObject)m, NOMOSCHAIN));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapRegister - adds a type to a family

  Not Collective

  Input Parameters:
+ family - pde, net, constraint or loss
. type   - name of the type
- f      - its constructor

  Level: developer
@*/
PetscErrorCode NomosMapRegister(const char family[], const char type[], PetscErrorCode (*f)(NomosMap))
{
  char key[128];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(key, sizeof(key), "%s/%s", family, type));
  PetscCall(PetscFunctionListAdd(&NomosMapList, key, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What SetUp made goes; settings, given fields and parameters stay. */
PetscErrorCode NomosMapReset(NomosMap m)
{
  PetscFunctionBegin;
  if (m->be) PetscTryTypeMethod(m, reset); /* also what a SetUp that failed half way has made */
  m->setup = m->linearized = m->adjoint_open = PETSC_FALSE;
  for (PetscInt i = 0; i < m->nblocks; i++) PetscCall(PetscFree(m->blocks[i].name));
  PetscCall(PetscFree(m->blocks));
  m->nblocks = m->np = m->nx = m->ny = m->segments = m->segment_size = 0;
  PetscCall(NomosBackendDestroy(&m->be));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DropType(NomosMap m)
{
  PetscFunctionBegin;
  PetscCall(NomosMapReset(m));
  PetscTryTypeMethod(m, destroy);
  PetscCall(PetscMemzero(m->ops, sizeof(*m->ops)));
  for (PetscInt i = 0; i < m->nslots; i++) PetscCall(VecDestroy(&m->fields[i]));
  m->nslots = 0;
  m->data   = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetType - chooses the type within the map's family

  Collective

  Errors: PETSC_ERR_ARG_UNKNOWN_TYPE when the family has no such type

  Level: beginner
@*/
PetscErrorCode NomosMapSetType(NomosMap m, NomosMapType type)
{
  PetscErrorCode (*create)(NomosMap);
  PetscBool same;
  char      key[128];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscObjectTypeCompare((PetscObject)m, type, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscSNPrintf(key, sizeof(key), "%s/%s", m->family, type));
  PetscCall(PetscFunctionListFind(NomosMapList, key, &create));
  PetscCheck(create, PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_UNKNOWN_TYPE, "the family '%s' has no type '%s'; see -nomos_list", m->family, type);
  PetscCall(DropType(m));
  PetscCall((*create)(m));
  PetscCall(PetscObjectChangeTypeName((PetscObject)m, type));
  ((PetscObject)m)->description = ((PetscObject)m)->type_name; /* title of its options: PETSc shows the help of one title once */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetType - the type in force, NULL before it is set

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetType(NomosMap m, NomosMapType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *type = ((PetscObject)m)->type_name;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetFamily - pde, net, constraint, loss or chain

  Not Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapGetFamily(NomosMap m, const char *family[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  *family = m->family;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSetOptionsPrefix - text in front of -net_, -pde_, -loss_, ... for this map

  Logically Collective

  Level: intermediate
@*/
PetscErrorCode NomosMapSetOptionsPrefix(NomosMap m, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)m, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetFromOptions - type, channels, precision and the type's own settings from the options

  Collective

  Options Database Keys:
+ -FAMILY_type name            - pde, net, constraint, loss: the type
. -net_channels_in, -net_channels_out - fields per sample
. -net_precision single|double - arithmetic of a net
- -map_check                   - adjoint identity and Taylor slope at the first point (see NomosMapSetCheck())

  Level: beginner
@*/
PetscErrorCode NomosMapSetFromOptions(NomosMap m)
{
  char      type[64] = "", name[64];
  PetscBool set, net, chain;
  PetscInt  cin = m->channels_in, cout = m->channels_out;
  PetscEnum p = (PetscEnum)m->precision;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscStrcmp(m->family, "net", &net));
  PetscCall(PetscStrcmp(m->family, "chain", &chain));
  PetscObjectOptionsBegin((PetscObject)m);
  if (!chain) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "-%s_type", m->family));
    PetscCall(PetscOptionsString(name, "Type of the map within its family", "NomosMapSetType", ((PetscObject)m)->type_name ? ((PetscObject)m)->type_name : "", type, sizeof(type), &set));
    if (set) PetscCall(NomosMapSetType(m, type));
  }
  if (net) {
    PetscCall(PetscOptionsBoundedInt("-net_channels_in", "Fields per input sample, 1 or more", "NomosMapSetChannels", cin, &cin, NULL, 1));
    PetscCall(PetscOptionsBoundedInt("-net_channels_out", "Fields per output sample, 1 or more", "NomosMapSetChannels", cout, &cout, NULL, 1));
    PetscCall(PetscOptionsEnum("-net_precision", "Arithmetic of the net", "NomosMapSetPrecision", NomosPrecisions, p, &p, NULL));
    PetscCall(NomosMapSetChannels(m, cin, cout));
    PetscCall(NomosMapSetPrecision(m, (NomosPrecision)p));
  }
  PetscCall(PetscOptionsBool("-map_check", "Compare the derivatives with the values and with each other, in double, at the first point", "NomosMapSetCheck", m->check, &m->check, NULL));
  if (m->ops->setfromoptions) PetscCall((*m->ops->setfromoptions)(m, PetscOptionsObject));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapSetUp - sizes, blocks, buffers and plans; the verbs allocate nothing afterwards

  Collective

  Errors: PETSC_ERR_ORDER without type or grid; those of the type

  Level: intermediate
@*/
PetscErrorCode NomosMapSetUp(NomosMap m)
{
  NomosBackend b;
  MPI_Comm     comm;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (m->setup) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosMapReset(m));
  comm = PetscObjectComm((PetscObject)m);
  PetscCheck(((PetscObject)m)->type_name, comm, PETSC_ERR_ORDER, "the %s has no type; set one with -%s_type or NomosMapSetType()", m->family, m->family);
  PetscCheck(m->grid_set || !strcmp(m->family, "chain"), comm, PETSC_ERR_ORDER, "%s '%s' has no grid; call NomosMapSetGrid()", m->family, ((PetscObject)m)->type_name);
  if (!m->outgrid_set) m->outgrid = m->grid;
  PetscCall(NomosMapGetBackend(m, &b));
  PetscCall(NomosBackendClone(b, m->precision, &m->be));
  PetscUseTypeMethod(m, setup);
  m->setup = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapGetOptions - the option list from which the map can be rebuilt; free it with PetscFree()

  Not Collective

  Level: advanced
@*/
PetscErrorCode NomosMapGetOptions(NomosMap m, char *text[])
{
  char buffer[4096];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCall(PetscSNPrintf(buffer, sizeof(buffer), "-%s_type %s", m->family, ((PetscObject)m)->type_name));
  if (!strcmp(m->family, "net")) {
    size_t n = strlen(buffer);
    PetscCall(PetscSNPrintf(buffer + n, sizeof(buffer) - n, " -net_channels_in %" PetscInt_FMT " -net_channels_out %" PetscInt_FMT " -net_precision %s", m->channels_in, m->channels_out, NomosPrecisions[m->precision]));
  }
  PetscTryTypeMethod(m, getoptions, buffer, sizeof(buffer));
  PetscCall(PetscStrallocpy(buffer, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapView - prints type, grids, parameters and settings

  Collective

  Level: beginner
.seealso: `NomosMapViewFromOptions()`, `NomosMapSave()`
@*/
PetscErrorCode NomosMapView(NomosMap m, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)m), &viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectPrintClassNamePrefixType((PetscObject)m, viewer));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "family %s, channels %" PetscInt_FMT " -> %" PetscInt_FMT ", precision %s\n", m->family, m->channels_in, m->channels_out, NomosPrecisions[m->precision]));
  if (m->grid_set) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "grid"));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_FALSE));
    for (PetscInt j = 0; j < m->grid.dim; j++) PetscCall(PetscViewerASCIIPrintf(viewer, "%s%" PetscInt_FMT, j ? "x" : " ", m->grid.n[j]));
    PetscCall(PetscViewerASCIIPrintf(viewer, ", batch %" PetscInt_FMT "\n", m->batch));
    PetscCall(PetscViewerASCIIUseTabs(viewer, PETSC_TRUE));
  }
  if (m->setup) PetscCall(PetscViewerASCIIPrintf(viewer, "%" PetscInt_FMT " parameters (real count) in %" PetscInt_FMT " blocks\n", m->np, m->nblocks));
  PetscTryTypeMethod(m, view, viewer);
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapViewFromOptions - views the map when an option asks for it, for example -net_view

  Collective

  Input Parameters:
+ m    - the map
. obj  - whose options are looked at, or NULL
- name - of the option

  Options Database Key:
. -net_view VIEWER - after training: hdf5:FILE writes the net as a model (NomosMapSave(), with any PETSc); ascii, ascii:FILE and others as
                     PetscOptionsCreateViewer() has them (default: none)

  Errors: PETSC_ERR_ARG_WRONG for a viewer that a map has no form for

  Level: intermediate
.seealso: `NomosMapView()`, `NomosMapSave()`
@*/
PetscErrorCode NomosMapViewFromOptions(NomosMap m, PetscObject obj, const char name[])
{
  char      text[PETSC_MAX_PATH_LEN] = "", *end;
  PetscBool set;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  if (!obj) obj = (PetscObject)m;
  PetscCall(PetscOptionsGetString(obj->options, obj->prefix, name, text, sizeof(text), &set));
  if (!set || strncmp(text, "hdf5:", 5)) PetscCall(PetscObjectViewFromOptions((PetscObject)m, obj, name));
  else { /* a model is more than PETSc's viewer could write: a checked block in front, renamed into place */
    end = strchr(text + 5, ':');
    if (end) *end = 0;
    PetscCheck(text[5], PetscObjectComm((PetscObject)m), PETSC_ERR_ARG_WRONG, "%s hdf5: needs the name of a file, as in hdf5:net.h5", name);
    PetscCall(NomosMapSave(m, text + 5));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosMapDestroy - drops a reference

  Collective

  Level: beginner
@*/
PetscErrorCode NomosMapDestroy(NomosMap *m)
{
  PetscFunctionBegin;
  if (!*m) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*m, NOMOS_MAP_CLASSID, 1);
  if (--((PetscObject)*m)->refct > 0) {
    *m = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(DropType(*m));
  PetscCall(PetscFree((*m)->norm_in));
  PetscCall(PetscFree((*m)->norm_out));
  PetscCall(VecDestroy(&(*m)->p));
  PetscCall(NomosBackendDestroy(&(*m)->backend));
  PetscCall(PetscHeaderDestroy(m));
  PetscFunctionReturn(PETSC_SUCCESS);
}
