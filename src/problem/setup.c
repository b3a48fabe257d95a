/*
  setup.c - what a problem makes before its first evaluation: splits, channels and normalisers of the net, theta, buffers.
*/
#include "problem.h"

/* train, valid: lists of the file; or the last tenth is kept for -nomos_keep_best; or all samples train */
static PetscErrorCode SetUpSplit(NomosProblem p)
{
  PetscInt        n, have;
  const PetscInt *list;

  PetscFunctionBegin;
  PetscCall(NomosDataGetSize(p->data, &have));
  PetscCall(NomosDataGetSplit(p->data, "train", &n, &list));
  p->ntrain = list ? n : have;
  if (list) {
    PetscCall(PetscMalloc1(n, &p->train));
    PetscCall(PetscArraycpy(p->train, list, n));
  }
  PetscCall(NomosDataGetSplit(p->data, "valid", &n, &list));
  p->nvalid = 0;
  if (p->keep_best) {
    if (list && n > 0) {
      p->nvalid = n;
      PetscCall(PetscMalloc1(n, &p->valid));
      PetscCall(PetscArraycpy(p->valid, list, n));
    } else {
      p->nvalid = PetscMax(1, p->ntrain / 10);
      p->ntrain -= p->nvalid;
      PetscCall(PetscMalloc1(p->nvalid, &p->valid));
      for (PetscInt i = 0; i < p->nvalid; i++) p->valid[i] = p->train ? p->train[p->ntrain + i] : p->ntrain + i;
    }
  }
  PetscCheck(p->ntrain > 0, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_SIZ, "no samples are left to train on: %" PetscInt_FMT " in the data, %" PetscInt_FMT " kept for validation; see -data_samples, -nomos_keep_best", have, p->nvalid);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Channels, grid and normalisers of a net follow from the data, unless a model or an option fixed them. */
static PetscErrorCode SetUpNet(NomosProblem p)
{
  NomosGrid        grid;
  PetscInt         cin, cout, mine[2];
  PetscBool        fixed[2];
  const PetscReal *mean_in, *std_in, *mean_out, *std_out;
  PetscReal       *stat;

  PetscFunctionBegin;
  PetscCall(NomosDataGetGrid(p->data, &grid));
  PetscCall(NomosDataGetChannels(p->data, &cin, &cout));
  PetscCheck(cout > 0, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_INCOMP, "the training data have no output fields, expected at least one in /output to learn from; see -data, -data_output");
  PetscCall(NomosMapSetGrid(p->map, &grid));
  if (strcmp(p->map->family, "net")) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosMapGetChannels(p->map, &mine[0], &mine[1]));
  PetscCall(PetscOptionsHasName(((PetscObject)p->map)->options, ((PetscObject)p->map)->prefix, "-net_channels_in", &fixed[0]));
  PetscCall(PetscOptionsHasName(((PetscObject)p->map)->options, ((PetscObject)p->map)->prefix, "-net_channels_out", &fixed[1]));
  if (p->map->p) fixed[0] = fixed[1] = PETSC_TRUE;
  PetscCheck(!fixed[0] || mine[0] == cin, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_INCOMP, "net '%s' was built for %" PetscInt_FMT " input channels, the data have %" PetscInt_FMT "; see -net_channels_in, -data_input", ((PetscObject)p->map)->type_name, mine[0], cin);
  PetscCheck(!fixed[1] || mine[1] == cout, PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_INCOMP, "net '%s' was built for %" PetscInt_FMT " output channels, the data have %" PetscInt_FMT "; see -net_channels_out, -data_output", ((PetscObject)p->map)->type_name, mine[1], cout);
  PetscCall(NomosMapSetChannels(p->map, cin, cout));
  PetscCall(NomosMapGetNormalizer(p->map, &mean_in, &std_in, &mean_out, &std_out));
  if (p->map->p || mean_in || mean_out || (!p->normalize[0] && !p->normalize[1])) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(2 * (cin + cout), &stat));
  PetscCall(NomosDataGetStatistics(p->data, p->ntrain, p->train, stat, stat + cin, stat + 2 * cin, stat + 2 * cin + cout));
  PetscCall(NomosMapSetNormalizer(p->map, cin, p->normalize[0] ? stat : NULL, stat + cin, cout, p->normalize[1] ? stat + 2 * cin : NULL, stat + 2 * cin + cout));
  PetscCall(PetscFree(stat));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemSetUp - splits, net, parameters, losses and every buffer of the evaluation

  Collective

  Errors: PETSC_ERR_ORDER without map, data or losses; PETSC_ERR_ARG_INCOMP where net and data do not fit together

  Level: intermediate
.seealso: `NomosProblemSetFromOptions()`
@*/
PetscErrorCode NomosProblemSetUp(NomosProblem p)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)p);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  if (p->setup) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(p->map, comm, PETSC_ERR_ORDER, "the problem has no map; see NomosProblemSetMap() or -net_type");
  PetscCheck(p->data, comm, PETSC_ERR_ORDER, "the problem has no data; see NomosProblemSetData() or -data");
  PetscCheck(p->nloss, comm, PETSC_ERR_ORDER, "the problem has no loss; see NomosProblemAddLoss() or NomosProblemSetFromOptions()");
  PetscCall(NomosProblemDestroyEvaluators(p)); /* of a map that was applied before */
  PetscCall(NomosDataSetUp(p->data));
  for (PetscInt i = 0; i < p->ntest; i++) PetscCall(NomosDataSetUp(p->test[i]));
  PetscCall(SetUpSplit(p));
  PetscCall(SetUpNet(p));
  PetscCall(NomosProblemSetUpEvaluation(p));
  PetscCall(NomosProblemSetUpParameters(p));
  if (p->size > 1) PetscCall(NomosProblemSetUpTeam(p));
  p->setup           = PETSC_TRUE;
  p->steps_per_epoch = (p->ntrain + p->batch - 1) / p->batch;
  PetscCall(NomosProblemSetSamples(p, 0, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A map with parameters of its own needs no training data to be applied: its batch is set, evaluators do the rest. */
PetscErrorCode NomosProblemSetUpForData(NomosProblem p, NomosData data)
{
  NomosGrid grid;

  PetscFunctionBegin;
  PetscCall(NomosDataSetUp(data));
  if (!p->setup && p->data) PetscCall(NomosProblemSetUp(p));
  if (p->setup) {
    PetscCall(NomosProblemUseParameters(p, p->theta));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCheck(p->map && p->map->p, PetscObjectComm((PetscObject)p), PETSC_ERR_ORDER, "the problem has no trained net; see NomosProblemLoad() or -model");
  PetscCall(NomosDataGetGrid(data, &grid));
  if (!p->map->grid_set) PetscCall(NomosMapSetGrid(p->map, &grid));
  p->chunk = 4;
  PetscCall(NomosMapSetBatch(p->map, p->chunk));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
  NomosProblemGetParameters - theta, laid out over the problem's ranks; do not destroy

  Collective (sets the problem up)

  Shapes: flat, see NomosMapGetBlock(); local sizes are about multiples of 128; a rank's part of a complex block begins at a whole row, all entries with the same first two indices

  Level: beginner
.seealso: `NomosMapGetBlock()`
@*/
PetscErrorCode NomosProblemGetParameters(NomosProblem p, Vec *theta)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCall(NomosProblemSetUp(p));
  *theta = p->theta;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosProblemView - prints the settings of a problem

  Collective

  Level: beginner
@*/
PetscErrorCode NomosProblemView(NomosProblem p, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)p), &viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectPrintClassNamePrefixType((PetscObject)p, viewer));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "seed %" PetscInt64_FMT ", batch %" PetscInt_FMT ", epochs %" PetscInt_FMT ", reduction %s, units %s, symmetry %s\n", p->seed, p->batch, p->epochs, NomosReductions[p->reduction], p->physical ? "physical" : "normalised", NomosSymmetries[p->symmetry]));
  for (PetscInt i = 0; i < p->nloss; i++) PetscCall(PetscViewerASCIIPrintf(viewer, "loss %g * %s\n", (double)p->weight[i], ((PetscObject)p->loss[i])->type_name));
  if (p->setup) PetscCall(PetscViewerASCIIPrintf(viewer, "%" PetscInt_FMT " parameters, %" PetscInt_FMT " samples to train on, %" PetscInt_FMT " to validate, chunks of %" PetscInt_FMT "\n", p->np, p->ntrain, p->nvalid, p->chunk));
  if (p->map) PetscCall(NomosMapView(p->map, viewer));
  if (p->data && p->setup) PetscCall(NomosDataView(p->data, viewer));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}
