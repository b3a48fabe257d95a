/* The contract of every PetscPartitioner in the catalogue, on the meshes of meshes/ in one to four parts, by any number of
   ranks: every cell in one part, parts of equal size to the type's tolerance, fewer cut faces than PETSc's "simple" (which deals out
   the cells in the order of the file), the same parts again for a second call. */
#include <nomos.h>
#include <petscdmplex.h>
#include "nomostest.h"
#include <string.h>

typedef struct {
  const char *class, *name;
} Type;
static const Type types[] = {
  {"PetscPartitioner", "simple"}, /* first: the others are compared with it */
#define NOMOS_TYPE(Class, name, suffix, text) {#Class, name},
#define NOMOS_MAP(family, name, suffix, text)
#include "petsc_ext/catalogue.h"
};

typedef struct {
  PetscInt cut, most, hash; /* faces between parts; cells of the largest part; of who is where */
} Result;

static PetscErrorCode Parts(DM dm, const char type[], PetscInt nparts, Result *r)
{
  PetscPartitioner part;
  PetscSection     sizes;
  IS               is, global;
  PetscInt         n, *start, *adjacency, *where, total[3] = {0, 0, 0};
  const PetscInt  *cell;

  PetscFunctionBegin;
  PetscCall(DMPlexCreatePartitionerGraph(dm, 0, &n, &start, &adjacency, &global));
  PetscCall(PetscPartitionerCreate(PETSC_COMM_WORLD, &part));
  PetscCall(PetscPartitionerSetType(part, type));
  PetscCall(PetscPartitionerSetFromOptions(part));
  PetscCall(PetscSectionCreate(PETSC_COMM_WORLD, &sizes));
  PetscCall(NomosPartitionerPartition(part, nparts, n, start, adjacency, NULL, sizes, &is));
  PetscCall(PetscCalloc1(n, &where));
  PetscCall(ISGetIndices(is, &cell));
  for (PetscInt p = 0; p < nparts; p++) {
    PetscInt dof, off;

    PetscCall(PetscSectionGetDof(sizes, p, &dof));
    PetscCall(PetscSectionGetOffset(sizes, p, &off));
    for (PetscInt k = 0; k < dof; k++) where[cell[off + k]] += p + 1; /* this mesh lies on rank 0: a local number is a global one */
    total[1] = PetscMax(total[1], dof);
  }
  for (PetscInt c = 0; c < n; c++) {
    CheckTrue("every cell has one part", where[c] >= 1 && where[c] <= nparts);
    total[2] = (31 * total[2] + where[c]) % 1000003;
    for (PetscInt e = start[c]; e < start[c + 1]; e++) total[0] += adjacency[e] > c && where[adjacency[e]] != where[c];
  }
  PetscCall(ISRestoreIndices(is, &cell));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, total, 3, MPIU_INT, MPI_MAX, PETSC_COMM_WORLD)); /* the other ranks have nothing */
  *r = (Result){total[0], total[1], total[2]};
  PetscCall(PetscFree(where));
  PetscCall(ISDestroy(&is));
  PetscCall(ISDestroy(&global));
  PetscCall(PetscSectionDestroy(&sizes));
  PetscCall(PetscPartitionerDestroy(&part));
  PetscCall(PetscFree(start));
  PetscCall(PetscFree(adjacency));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Mesh(const char name[], PetscInt nparts)
{
  char     what[256];
  DM       dm;
  PetscInt lo, hi, cells;
  Result   simple = {0, 0, 0}, r, again;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(what, sizeof(what), "meshes/%s.msh", name));
  PetscCall(DMPlexCreateFromFile(PETSC_COMM_WORLD, NomosTestFile(what), "mesh", PETSC_TRUE, &dm));
  PetscCall(DMPlexGetHeightStratum(dm, 0, &lo, &hi));
  cells = hi - lo;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &cells, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
    if (strcmp(types[k].class, "PetscPartitioner")) continue;
    PetscCall(Parts(dm, types[k].name, nparts, &r));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: %s in %d parts: largest %.3f of the mean, %d faces cut\n", name, types[k].name, (int)nparts, (double)(r.most * nparts) / (double)cells, (int)r.cut));
    if (!k) simple = r;
    if (!k) continue;
    PetscCall(PetscSNPrintf(what, sizeof(what), "%s, %s in %d parts: ", name, types[k].name, (int)nparts));
    CheckTrue(strcat(what, "balance"), (double)r.most <= 1.03 * (double)cells / (double)nparts + 1); /* its default tolerance, and one cell */
    CheckTrue("one part cuts nothing, more parts something", nparts == 1 ? r.cut == 0 : r.cut > 0);
    if (nparts > 1) CheckTrue(strcat(what, ", fewer cut faces than simple"), r.cut < simple.cut);
    PetscCall(Parts(dm, types[k].name, nparts, &again));
    CheckTrue("equal seeds, equal parts", r.hash == again.hash);
  }
  PetscCall(DMDestroy(&dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *mesh[] = {"lshape", "plate", "airfoil", "bracket"};

  NomosTestBegin(argc, argv);
  PetscCall(NomosInitializePackage());
  for (int k = 0; k < 4; k++)
    for (PetscInt parts = 1; parts <= 4; parts++) PetscCall(Mesh(mesh[k], parts));
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
  np: 1 2  args: -petscpartitioner_metis_recursive -petscpartitioner_metis_ufactor 10 -petscpartitioner_metis_seed 3
TEST*/
