/* PetscPartitioner metis: a grid graph, spread over the ranks, in parts of equal size with a short boundary; target weights; a mesh. */
#include <nomos.h>
#include <petscdmplex.h>
#include "nomostest.h"

#define NX 24
/* the parts of an NX x NX grid; the graph's rows lie on all ranks, or on rank 0 alone */
static PetscErrorCode Grid(PetscBool spread, PetscInt nparts, const PetscInt weights[])
{
  PetscPartitioner part;
  PetscSection     parts, target = NULL;
  IS               is;
  PetscMPIInt      size, rank;
  PetscInt         first, n, *start, *adj, *mine, *all, count[8] = {0}, cut = 0, sum = 0, lines;
  const PetscInt  *points;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  lines = spread ? NX / size : (rank ? 0 : NX);
  n     = lines * NX;
  first = spread ? rank * n : 0;
  PetscCall(PetscMalloc4(n + 1, &start, 4 * n, &adj, NX * NX, &mine, NX * NX, &all));
  start[0] = 0;
  for (PetscInt v = 0; v < n; v++) {
    const PetscInt g = first + v, x = g % NX, y = g / NX;

    start[v + 1] = start[v];
    if (x > 0) adj[start[v + 1]++] = g - 1;
    if (x < NX - 1) adj[start[v + 1]++] = g + 1;
    if (y > 0) adj[start[v + 1]++] = g - NX;
    if (y < NX - 1) adj[start[v + 1]++] = g + NX;
  }
  PetscCall(PetscPartitionerCreate(PETSC_COMM_WORLD, &part));
  PetscCall(PetscPartitionerSetType(part, PETSCPARTITIONERMETIS));
  PetscCall(PetscSectionCreate(PETSC_COMM_WORLD, &parts));
  if (weights) {
    PetscCall(PetscSectionCreate(PETSC_COMM_WORLD, &target));
    PetscCall(PetscSectionSetChart(target, 0, nparts));
    for (PetscInt p = 0; p < nparts; p++) PetscCall(PetscSectionSetDof(target, p, weights[p]));
    PetscCall(PetscSectionSetUp(target));
  }
  PetscCall(NomosPartitionerPartition(part, nparts, n, start, adj, target, parts, &is));
  PetscCall(ISGetIndices(is, &points));
  for (PetscInt i = 0; i < NX * NX; i++) mine[i] = 0;
  for (PetscInt p = 0; p < nparts; p++) {
    PetscInt dof, off;

    PetscCall(PetscSectionGetDof(parts, p, &dof));
    PetscCall(PetscSectionGetOffset(parts, p, &off));
    for (PetscInt k = 0; k < dof; k++) mine[first + points[off + k]] += p + 1;
  }
  PetscCall(ISRestoreIndices(is, &points));
  PetscCallMPI(MPI_Allreduce(mine, all, NX * NX, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  for (PetscInt g = 0; g < NX * NX; g++) {
    CheckTrue("every vertex has one part", all[g] >= 1 && all[g] <= nparts);
    count[all[g] - 1]++;
    if (g % NX < NX - 1) cut += all[g] != all[g + 1];
    if (g / NX < NX - 1) cut += all[g] != all[g + NX];
  }
  for (PetscInt p = 0; p < nparts; p++) sum += weights ? weights[p] : 1;
  for (PetscInt p = 0; p < nparts; p++) CheckClose("size of a part", count[p] * (double)sum / (NX * NX * (weights ? weights[p] : 1)), 1, 0.05); /* asked: 0.03, and one vertex */
  CheckTrue("a short boundary", cut <= NX * nparts); /* two strips cut NX, four squares 2 NX */
  PetscCall(ISDestroy(&is));
  PetscCall(PetscSectionDestroy(&parts));
  PetscCall(PetscSectionDestroy(&target));
  PetscCall(PetscPartitionerDestroy(&part));
  PetscCall(PetscFree4(start, adj, mine, all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Mesh(void)
{
  DM               dm, spread = NULL;
  PetscPartitioner part;
  PetscInt         lo, hi, mine, total, most;
  PetscMPIInt      size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscOptionsSetValue(NULL, "-dm_plex_box_faces", "12,12"));
  PetscCall(PetscOptionsSetValue(NULL, "-dm_plex_simplex", "0")); /* needs no mesh generator */
  PetscCall(PetscOptionsSetValue(NULL, "-dm_distribute", "0"));
  PetscCall(DMCreate(PETSC_COMM_WORLD, &dm));
  PetscCall(DMSetType(dm, DMPLEX));
  PetscCall(DMSetFromOptions(dm));
  PetscCall(DMPlexGetPartitioner(dm, &part));
  PetscCall(PetscPartitionerSetType(part, PETSCPARTITIONERMETIS));
  PetscCall(PetscPartitionerSetFromOptions(part));
  PetscCall(DMPlexDistribute(dm, 0, NULL, &spread));
  PetscCall(DMPlexGetHeightStratum(spread ? spread : dm, 0, &lo, &hi));
  mine = hi - lo;
  PetscCallMPI(MPI_Allreduce(&mine, &total, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Allreduce(&mine, &most, 1, MPIU_INT, MPI_MAX, PETSC_COMM_WORLD));
  CheckTrue("cells", total == 144);
  CheckTrue("balance", (double)most * size / total < 1.1);
  PetscCall(DMDestroy(&spread));
  PetscCall(DMDestroy(&dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscInt weights[3] = {1, 2, 3};

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  for (int spread = 0; spread < 2; spread++) {
    PetscCall(Grid((PetscBool)spread, 1, NULL));
    PetscCall(Grid((PetscBool)spread, 2, NULL));
    PetscCall(Grid((PetscBool)spread, 4, NULL));
    PetscCall(Grid((PetscBool)spread, 3, weights));
  }
  PetscCall(Mesh());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
