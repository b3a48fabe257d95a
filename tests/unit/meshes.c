/* The meshes of meshes/: size of the files, measure of the domain and of every labelled part of its boundary against the
   geometry they were made from, every boundary face in exactly one part; on any number of ranks. */
#include <petscdmplex.h>
#include <sys/stat.h>
#include "nomostest.h"

typedef struct {
  const char *name;
  PetscReal   measure, part[4];       /* of the domain, of the labels 1, 2, ...; 0: no such label */
  PetscReal   missing, partmissing[4]; /* what chords instead of arcs may change */
} Shape;

/* A polygon of n >= 10 equal chords in a circle has the area n/2 sin(2 pi/n)/pi >= 0.935 and the length n sin(pi/n)/pi >= 0.983
   of the circle's. The profile: 48 points on splines of chords no longer than 1/20; its length 2.0392 by quadrature of the formula. */
#define AREA   0.065
#define LENGTH 0.017
/* without holes: twice the profile of 0.96, and its rim of 2 (2 + 1.5); less both ends of each hole */
#define SKIN (1.92 + 7 - 2 * PETSC_PI * (2 * 0.18 * 0.18 + 0.22 * 0.22))

static PetscErrorCode Measure(DM dm, DMLabel label, PetscInt value, PetscReal *sum, PetscInt *count)
{
  IS              is = NULL;
  PetscInt        n  = 0, lo, hi, many = 0;
  const PetscInt *p;
  PetscReal       mine = 0, volume;

  PetscFunctionBegin;
  PetscCall(DMPlexGetHeightStratum(dm, label ? 1 : 0, &lo, &hi));
  if (label) {
    PetscCall(DMLabelGetStratumIS(label, value, &is));
    if (is) {
      PetscCall(ISGetLocalSize(is, &n));
      PetscCall(ISGetIndices(is, &p));
    }
  } else n = hi - lo;
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt q = label ? p[i] : lo + i;

    if (q < lo || q >= hi) continue; /* a vertex or an edge of a face */
    PetscCall(DMPlexComputeCellGeometryFVM(dm, q, &volume, NULL, NULL));
    mine += volume;
    many++;
  }
  if (is) {
    PetscCall(ISRestoreIndices(is, &p));
    PetscCall(ISDestroy(&is));
  }
  PetscCallMPI(MPI_Allreduce(&mine, sum, 1, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Allreduce(&many, count, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Check(const Shape *s)
{
  char            what[128];
  const PetscReal eps = 1000 * PETSC_MACHINE_EPSILON; /* a sum of up to 1e4 terms, coordinates of 16 digits */
  PetscReal       sum;
  PetscInt        count, labelled = 0;
  struct stat     file;
  DM              dm, shared;
  DMLabel         sets, edge;
  PetscMPIInt     size;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(what, sizeof(what), "meshes/%s.msh", s->name));
  CheckTrue(what, !stat(NomosTestFile(what), &file) && file.st_size < 200000);
  PetscCall(DMPlexCreateFromFile(PETSC_COMM_WORLD, NomosTestFile(what), "mesh", PETSC_TRUE, &dm));
  PetscCall(DMPlexDistribute(dm, 0, NULL, &shared));
  if (shared) {
    PetscCall(DMDestroy(&dm));
    dm = shared;
  }
  PetscCall(DMGetLabel(dm, "Face Sets", &sets));
  CheckTrue("boundary labels are read as Face Sets", !!sets);
  PetscCall(Measure(dm, NULL, 0, &sum, &count));
  CheckClose(what, sum, s->measure + s->missing / 2, s->missing / 2 + eps);
  for (PetscInt k = 0; k < 4 && sets; k++) {
    PetscCall(Measure(dm, sets, k + 1, &sum, &count));
    PetscCall(PetscSNPrintf(what, sizeof(what), "%s label %d", s->name, (int)k + 1));
    CheckClose(what, sum, s->part[k] - s->partmissing[k] / 2, PetscAbsReal(s->partmissing[k]) / 2 + eps);
    labelled += count;
  }
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size == 1) { /* on more ranks PETSc 3.18 also marks faces between them */
    PetscCall(DMCreateLabel(dm, "edge"));
    PetscCall(DMGetLabel(dm, "edge", &edge));
    PetscCall(DMPlexMarkBoundaryFaces(dm, 1, edge));
    PetscCall(Measure(dm, edge, 1, &sum, &count));
    CheckInt("every boundary face has one label", labelled, count);
  }
  PetscCall(DMDestroy(&dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gmsh's default format of today, 4.1: the unit square in four triangles, its left side labelled 1, the rest 2. PETSc's own reader takes it. */
static PetscErrorCode Format41(void)
{
  static const char *const text = "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n$PhysicalNames\n3\n1 1 \"left\"\n1 2 \"rest\"\n2 10 \"domain\"\n$EndPhysicalNames\n"
                                  "$Entities\n4 4 1 0\n1 0 0 0 0\n2 1 0 0 0\n3 1 1 0 0\n4 0 1 0 0\n1 0 0 0 1 0 0 1 2 2 1 -2\n2 1 0 0 1 1 0 1 2 2 2 -3\n"
                                  "3 0 1 0 1 1 0 1 2 2 3 -4\n4 0 0 0 0 1 0 1 1 2 4 -1\n1 0 0 0 1 1 0 1 10 4 1 2 3 4\n$EndEntities\n"
                                  "$Nodes\n1 5 1 5\n2 1 0 5\n1\n2\n3\n4\n5\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n0.5 0.5 0\n$EndNodes\n"
                                  "$Elements\n5 8 1 8\n1 1 1 1\n1 1 2\n1 2 1 1\n2 2 3\n1 3 1 1\n3 3 4\n1 4 1 1\n4 4 1\n2 1 2 4\n5 1 2 5\n6 2 3 5\n7 3 4 5\n8 4 1 5\n$EndElements\n";
  PetscMPIInt rank;
  PetscReal   sum;
  PetscInt    count;
  FILE       *f;
  DM          dm, shared;
  DMLabel     sets;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) {
    f = fopen("square41.msh", "w");
    CheckTrue("a file to read", f && fputs(text, f) >= 0);
    if (f) fclose(f);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(DMPlexCreateFromFile(PETSC_COMM_WORLD, "square41.msh", "mesh", PETSC_TRUE, &dm));
  PetscCall(DMPlexDistribute(dm, 0, NULL, &shared));
  if (shared) {
    PetscCall(DMDestroy(&dm));
    dm = shared;
  }
  PetscCall(Measure(dm, NULL, 0, &sum, &count));
  CheckClose("format 4.1: area", sum, 1, 8 * PETSC_MACHINE_EPSILON);
  PetscCall(DMGetLabel(dm, "Face Sets", &sets));
  CheckTrue("format 4.1: labels", sets != NULL);
  for (PetscInt k = 1; k <= 2 && sets; k++) {
    PetscCall(Measure(dm, sets, k, &sum, &count));
    CheckClose("format 4.1: a side of 1, three of 1", sum, k == 1 ? 1 : 3, 8 * PETSC_MACHINE_EPSILON);
  }
  PetscCall(DMDestroy(&dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscReal pi    = PETSC_PI;
  const Shape     all[] = {
    {"lshape",  3,                                             {6, 2},                                               0,                        {0}                             },
    {"plate",   8 - 0.25 * pi,                                 {2, 2, 8, pi},                                        AREA * 0.25 * pi,         {0, 0, 0, LENGTH * pi}          },
    {"airfoil", 12 - 0.0817056,                                {3, 3, 8, 2.0392},                                    AREA * 0.0817056,         {0, 0, 0, LENGTH * 2.0392}      },
    {"bracket", 0.96 - 0.3 * pi * (2 * 0.18 * 0.18 + 0.22 * 0.22), {0.6 * pi * 2 * 0.18, 0.6 * pi * 0.22, SKIN},        AREA * 0.3 * pi * 0.1132, {LENGTH * 0.68, LENGTH * 0.42, -2 * AREA * pi * 0.1132}}
  };

  NomosTestBegin(argc, argv);
  for (int k = 0; k < 4; k++) PetscCall(Check(&all[k]));
  PetscCall(Format41());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
