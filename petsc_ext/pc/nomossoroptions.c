/*
  nomossoroptions.c - the settings of PC type nomossor: setters, options, view.
*/
#include "nomossor.h"

static const char *const Orderings[] = {"natural", "levels", "multicolor", "blockmulticolor", "NomosSOROrdering", "", NULL};
static const char *const Sweeps[]    = {"symmetric", "forward", "backward", "NomosSORSweep", "", NULL};
static const char *const Scopes[]    = {"local", "global", "NomosSORScope", "", NULL};
static const char *const Backends[]  = {"auto", "host", "color", "spsv", "jacobi", "NomosSORBackend", "", NULL};

/* The structure is made again at the next set-up. */
static PetscErrorCode Rebuild(PC pc)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  PetscCheck(!s->active, PetscObjectComm((PetscObject)pc), PETSC_ERR_ORDER, "settings of nomossor cannot change during a solve in Eisenstat's form");
  s->built        = PETSC_FALSE;
  pc->setupcalled = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetOmega(PC pc, PetscReal omega)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  PetscCheck(omega > 0 && omega < 2, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_nomossor_omega is %g; it must lie between 0 and 2, both excluded: SOR diverges outside", (double)omega);
  PetscCheck(!s->active || omega == s->omega, PetscObjectComm((PetscObject)pc), PETSC_ERR_ORDER, "omega cannot change during a solve in Eisenstat's form");
  s->omega = omega;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetOmega(PC pc, PetscReal *omega)
{
  PetscFunctionBegin;
  *omega = ((NomosSOR *)pc->data)->omega;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetIterations(PC pc, PetscInt its)
{
  PetscFunctionBegin;
  PetscCheck(its >= 1, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_nomossor_its is %" PetscInt_FMT "; it must be at least 1", its);
  ((NomosSOR *)pc->data)->its = its;
  pc->setupcalled             = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetDiagonalShift(PC pc, PetscReal shift)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  PetscCheck(!PetscIsInfOrNanReal(shift), PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_nomossor_diagonal_shift is not finite");
  if (shift != s->shift) PetscCall(Rebuild(pc));
  s->shift = shift;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetSweep(PC pc, const char word[])
{
  PetscInt k;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)pc, "-pc_nomossor_sweep", word, Sweeps, &k));
  ((NomosSOR *)pc->data)->sweep = (NomosSORSweep)k;
  pc->setupcalled               = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetOrdering(PC pc, const char word[])
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscInt  k;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)pc, "-pc_nomossor_ordering", word, Orderings, &k));
  if ((PetscInt)s->ordering != k || !s->asked) PetscCall(Rebuild(pc));
  s->ordering = (NomosSOROrdering)k;
  s->asked    = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetBlockSize(PC pc, PetscInt size)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  PetscCheck(size >= 1, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_nomossor_block_size is %" PetscInt_FMT "; it must be at least 1", size);
  if (size != s->block_size) PetscCall(Rebuild(pc));
  s->block_size = size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetScope(PC pc, const char word[])
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscInt  k;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)pc, "-pc_nomossor_scope", word, Scopes, &k));
  if ((PetscInt)s->scope != k) PetscCall(Rebuild(pc));
  s->scope = (NomosSORScope)k;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetEisenstat(PC pc, PetscBool flag)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  if (flag != s->eisenstat) PetscCall(Rebuild(pc));
  s->eisenstat = flag;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetBackend(PC pc, const char word[])
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscInt  k;

  PetscFunctionBegin;
  PetscCall(NomosOptionsFindWord((PetscObject)pc, "-pc_nomossor_backend", word, Backends, &k));
  if ((PetscInt)s->backend != k) PetscCall(Rebuild(pc));
  s->backend = (NomosSORBackend)k;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetJacobiSweeps(PC pc, PetscInt n)
{
  PetscFunctionBegin;
  PetscCheck(n >= 0 && n <= 1000, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "-pc_nomossor_jacobi_sweeps is %" PetscInt_FMT "; it must lie in [0, 1000]", n);
  ((NomosSOR *)pc->data)->inner = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetColoring(PC pc, PetscInt n, const PetscInt colors[])
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscInt  bad = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; colors && i < n; i++)
    if (colors[i] < 0 || colors[i] > 1000000) bad = 1;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPIU_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
  PetscCheck(!bad, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE, "a colour given to NomosPCSORSetColoring() is outside 0..1000000");
  PetscCall(PetscFree(s->user));
  if (n >= 0) {
    PetscCall(PetscMalloc1(n + 1, &s->user));
    PetscCall(PetscArraycpy(s->user, colors, n));
  }
  s->nuser = n;
  PetscCall(Rebuild(pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetColoring(PC pc, PetscInt *ncolors, const PetscInt *colors[], PetscInt64 *hash)
{
  NomosSOR *s = (NomosSOR *)pc->data;

  PetscFunctionBegin;
  PetscCheck(s->built, PetscObjectComm((PetscObject)pc), PETSC_ERR_ORDER, "the colours are known after PCSetUp()");
  if (ncolors) *ncolors = s->order.ncolors;
  if (colors) *colors = s->order.color;
  if (hash) *hash = s->order.hash;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCSetFromOptions_NomosSOR(PC pc, NomosOptionItems PetscOptionsObject)
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscReal omega = s->omega, shift = s->shift;
  PetscInt  its = s->its, size = s->block_size, inner = s->inner, sweep = (PetscInt)s->sweep, ordering = (PetscInt)s->ordering, scope = (PetscInt)s->scope, backend = (PetscInt)s->backend;
  PetscBool eisenstat = s->eisenstat, asked;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Successive over-relaxation (Nomos)");
  PetscCall(PetscOptionsReal("-pc_nomossor_omega", "Relaxation, between 0 and 2, both excluded", "NomosPCSORSetOmega", omega, &omega, NULL));
  PetscCall(PetscOptionsEList("-pc_nomossor_sweep", "Direction of a sweep", "NomosPCSORSetSweep", Sweeps, 3, Sweeps[sweep], &sweep, NULL));
  PetscCall(PetscOptionsInt("-pc_nomossor_its", "Sweeps in an application, at least 1", "NomosPCSORSetIterations", its, &its, NULL));
  PetscCall(PetscOptionsReal("-pc_nomossor_diagonal_shift", "Added to the diagonal where it is divided by, any finite number", "NomosPCSORSetDiagonalShift", shift, &shift, NULL));
  PetscCall(PetscOptionsEList("-pc_nomossor_ordering", "Order of the rows in a sweep", "NomosPCSORSetOrdering", Orderings, 4, Orderings[ordering], &ordering, &asked));
  PetscCall(PetscOptionsInt("-pc_nomossor_block_size", "Rows in a block of ordering blockmulticolor, at least 1", "NomosPCSORSetBlockSize", size, &size, NULL));
  PetscCall(PetscOptionsEList("-pc_nomossor_scope", "local: the block of every rank; global: colours across the ranks, the halo of a colour after its rows", "NomosPCSORSetScope", Scopes, 2, Scopes[scope], &scope, NULL));
  PetscCall(PetscOptionsBool("-pc_nomossor_eisenstat", "Solve with the transformed operator: one pass over the matrix an iteration", "NomosPCSORSetEisenstat", eisenstat, &eisenstat, NULL));
  PetscCall(PetscOptionsEList("-pc_nomossor_backend", "auto and host: sequential inside a rank; color: a launch per colour; jacobi: inner Jacobi sweeps for the triangles", "NomosPCSORSetBackend", Backends, 5, Backends[backend], &backend, NULL));
  PetscCall(PetscOptionsInt("-pc_nomossor_jacobi_sweeps", "Inner sweeps of backend jacobi, 0 to 1000", "NomosPCSORSetJacobiSweeps", inner, &inner, NULL));
  PetscOptionsHeadEnd();
  PetscCall(PetscOptionsGetString(((PetscObject)pc)->options, NULL, "-nomos_backend", s->where, sizeof(s->where), NULL)); /* one for the whole program: no prefix */
  PetscCall(SetOmega(pc, omega));
  if (sweep != (PetscInt)s->sweep) PetscCall(SetSweep(pc, Sweeps[sweep]));
  if (its != s->its) PetscCall(SetIterations(pc, its));
  PetscCall(SetDiagonalShift(pc, shift));
  if (asked) PetscCall(SetOrdering(pc, Orderings[ordering]));
  PetscCall(SetBlockSize(pc, size));
  PetscCall(SetScope(pc, Scopes[scope]));
  PetscCall(SetEisenstat(pc, eisenstat));
  PetscCall(SetBackend(pc, Backends[backend]));
  PetscCall(SetJacobiSweeps(pc, inner));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCView_NomosSOR(PC pc, PetscViewer viewer)
{
  const NomosSOR *s = (const NomosSOR *)pc->data;
  PetscBool       ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  omega: %g, sweep: %s, its: %" PetscInt_FMT ", diagonal shift: %g\n", (double)s->omega, Sweeps[s->sweep], s->its, (double)s->shift));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  ordering: %s, scope: %s, block size: %" PetscInt_FMT "\n", s->user ? "colours of the user" : Orderings[s->built ? s->order_built : s->ordering], Scopes[s->scope], s->block_size));
  if (s->built) PetscCall(PetscViewerASCIIPrintf(viewer, "  computes on: %s, launches in a pass on rank 0: %" PetscInt_FMT "\n", s->device ? "cuda" : "host", s->order.nlaunches));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  backend: %s, inner Jacobi sweeps: %" PetscInt_FMT ", Eisenstat's form: %s\n", Backends[s->backend], s->inner, s->eisenstat ? "yes" : "no"));
  if (s->built) PetscCall(PetscViewerASCIIPrintf(viewer, "  colours on rank 0: %" PetscInt_FMT ", hash of the colouring: %016llx, applications: %lld\n", s->order.ncolors, (unsigned long long)s->order.hash, (long long)s->applies));
  if (s->badrow >= 0) PetscCall(PetscViewerASCIIPrintf(viewer, "  set-up failed: the diagonal of row %" PetscInt_FMT " is zero, missing or not finite\n", s->badrow));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSORGetSweep(PC pc, PetscBool *inorder, PetscBool *symmetric)
{
  const NomosSOR *s = (const NomosSOR *)pc->data;

  PetscFunctionBegin;
  *inorder   = (PetscBool)(!s->user && (s->built ? s->order_built : s->ordering) <= NOMOS_SOR_LEVELS && s->backend != NOMOS_SOR_JACOBI);
  *symmetric = (PetscBool)(s->sweep == NOMOS_SOR_SYMMETRIC);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The functions behind the public setters; off: taken away again. */
PetscErrorCode NomosSORSettersCompose(PC pc, PetscBool on)
{
  PetscObject o = (PetscObject)pc;

  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetOmega_C", on ? SetOmega : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORGetOmega_C", on ? GetOmega : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetSweep_C", on ? SetSweep : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetIterations_C", on ? SetIterations : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetDiagonalShift_C", on ? SetDiagonalShift : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetOrdering_C", on ? SetOrdering : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetBlockSize_C", on ? SetBlockSize : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetScope_C", on ? SetScope : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetEisenstat_C", on ? SetEisenstat : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetBackend_C", on ? SetBackend : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetJacobiSweeps_C", on ? SetJacobiSweeps : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORSetColoring_C", on ? SetColoring : NULL));
  PetscCall(PetscObjectComposeFunction(o, "NomosPCSORGetColoring_C", on ? GetColoring : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
