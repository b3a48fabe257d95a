/*
  heat.h - linear finite elements for u_t = div(k grad u) + f on triangles or tetrahedra with PETSc's DMPlex, in plain loops over
  the cells. Used by ex5_heat_mesh.c; the order of convergence is checked in tests/unit/heat_mesh.c.

  Implicit Euler: (M + dt K) u_new = M u_old + dt F, with k and f at the new time. Vertices on the fixed part of the boundary are
  constrained in the section: they are in local vectors and not in the system.
*/
#ifndef HEAT_H
#define HEAT_H
#include <petscdmplex.h>
#include <petscksp.h>

typedef struct Heat Heat;
typedef PetscReal (*HeatField)(const Heat *, PetscReal t, const PetscReal x[3]);
struct Heat {
  DM        dm;
  PetscInt  dim;
  PetscReal dt, jump, mid[3], half[3];     /* middle and half sides of the bounding box; jump is for the fields below */
  HeatField conductivity, source, boundary; /* no boundary: 0 where it is fixed */
  PetscInt   ncells, nlocal, *cell;         /* [ncells][dim + 1]: places of the cells' vertices in local vectors */
  PetscInt  *row;                           /* [nlocal]: their numbers in the system, -1 where fixed */
  PetscReal *x;                             /* [nlocal][3]: where the vertices are */
  PetscBool *fixed;                         /* [nlocal] */
};

/* vertices v of a cell, its volume, the gradients g of its barycentric coordinates; a triangle gets a third edge of length 1 */
static PetscReal HeatSimplex(const Heat *h, const PetscInt cell[], PetscReal v[4][3], PetscReal g[4][3])
{
  PetscReal e[3][3] = {{0, 0, 0}, {0, 0, 0}, {0, 0, 1}}, det = 0;

  for (PetscInt i = 0; i <= h->dim; i++)
    for (PetscInt d = 0; d < 3; d++) v[i][d] = h->x[3 * cell[i] + d];
  for (PetscInt i = 0; i < h->dim; i++)
    for (PetscInt d = 0; d < 3; d++) e[i][d] = v[i + 1][d] - v[0][d];
  for (PetscInt i = 0; i < 3; i++) /* cross products of the other two edges */
    for (PetscInt d = 0; d < 3; d++) g[i + 1][d] = e[(i + 1) % 3][(d + 1) % 3] * e[(i + 2) % 3][(d + 2) % 3] - e[(i + 1) % 3][(d + 2) % 3] * e[(i + 2) % 3][(d + 1) % 3];
  for (PetscInt d = 0; d < 3; d++) det += e[0][d] * g[1][d];
  for (PetscInt d = 0; d < 3; d++) {
    g[0][d] = 0;
    for (PetscInt i = 1; i <= h->dim; i++) g[0][d] -= (g[i][d] /= det);
  }
  return PetscAbsReal(det) / (h->dim == 2 ? 2 : 6);
}

/* weight of vertex i in quadrature point q; dim + 1 points of equal weight are exact for polynomials of degree 2 */
static PetscReal HeatWeight(PetscInt dim, PetscInt q, PetscInt i)
{
  const PetscReal away = (1 - 1 / PetscSqrtReal(dim + 2.0)) / (dim + 1.0);

  return i == q ? 1 - (PetscReal)dim * away : away;
}

static void HeatPoint(PetscInt dim, PetscInt q, PetscReal v[4][3], PetscReal x[3])
{
  for (PetscInt d = 0; d < 3; d++) {
    x[d] = 0;
    for (PetscInt i = 0; i <= dim; i++) x[d] += HeatWeight(dim, q, i) * v[i][d];
  }
}

/* matrix a and right-hand side r of one cell; u: old state, g: new values where they are fixed, else 0 */
static void HeatElement(const Heat *h, PetscReal t, const PetscInt cell[], const PetscScalar u[], const PetscScalar g[], PetscScalar a[], PetscScalar r[])
{
  const PetscInt  n = h->dim + 1;
  PetscReal       v[4][3], grad[4][3], xq[3], k = 0;
  const PetscReal volume = HeatSimplex(h, cell, v, grad);

  for (PetscInt i = 0; i < n; i++) r[i] = 0;
  for (PetscInt q = 0; q < n; q++) {
    PetscReal f;

    HeatPoint(h->dim, q, v, xq);
    k += h->conductivity(h, t, xq) / (PetscReal)n;
    f = h->dt * volume / (PetscReal)n * h->source(h, t, xq);
    for (PetscInt i = 0; i < n; i++) r[i] += f * HeatWeight(h->dim, q, i);
  }
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < n; j++) {
      const PetscReal mass = volume * (i == j ? 2 : 1) / (PetscReal)(n * (n + 1));

      a[i * n + j] = mass + h->dt * k * volume * (grad[i][0] * grad[j][0] + grad[i][1] * grad[j][1] + grad[i][2] * grad[j][2]);
      r[i] += mass * u[cell[j]] - a[i * n + j] * g[cell[j]];
    }
}

/* values of a field at the vertices: all of them, or the fixed ones and 0 elsewhere */
static PetscErrorCode HeatInterpolate(const Heat *h, HeatField field, PetscReal t, PetscBool all, Vec local)
{
  PetscScalar *v;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(local, &v));
  for (PetscInt i = 0; i < h->nlocal; i++) v[i] = field && (all || h->fixed[i]) ? field(h, t, h->x + 3 * i) : 0;
  PetscCall(VecRestoreArrayWrite(local, &v));
  PetscFunctionReturn(0);
}

/* system of the step that ends at t; u: local vector of the old state. On return u holds the new fixed values, and 0 inside. */
PETSC_UNUSED static PetscErrorCode HeatAssemble(const Heat *h, PetscReal t, Vec u, Mat A, Vec b)
{
  const PetscInt     n = h->dim + 1;
  Vec                fixed, sum;
  const PetscScalar *old, *g;
  PetscScalar       *r, ac[16], rc[4];

  PetscFunctionBeginUser;
  PetscCall(DMGetLocalVector(h->dm, &fixed));
  PetscCall(DMGetLocalVector(h->dm, &sum));
  PetscCall(HeatInterpolate(h, h->boundary, t, PETSC_FALSE, fixed));
  PetscCall(VecZeroEntries(sum));
  PetscCall(MatZeroEntries(A));
  PetscCall(VecGetArrayRead(u, &old));
  PetscCall(VecGetArrayRead(fixed, &g));
  PetscCall(VecGetArray(sum, &r));
  for (PetscInt c = 0; c < h->ncells; c++) {
    const PetscInt *cell = h->cell + n * c;
    PetscInt        row[4];

    HeatElement(h, t, cell, old, g, ac, rc);
    for (PetscInt i = 0; i < n; i++) {
      r[cell[i]] += rc[i];
      row[i] = h->row[cell[i]];
    }
    PetscCall(MatSetValues(A, n, row, n, row, ac, ADD_VALUES)); /* passes over -1 */
  }
  PetscCall(VecRestoreArray(sum, &r));
  PetscCall(VecRestoreArrayRead(fixed, &g));
  PetscCall(VecRestoreArrayRead(u, &old));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecZeroEntries(b));
  PetscCall(DMLocalToGlobal(h->dm, sum, ADD_VALUES, b));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecCopy(fixed, u));
  PetscCall(DMRestoreLocalVector(h->dm, &sum));
  PetscCall(DMRestoreLocalVector(h->dm, &fixed));
  PetscFunctionReturn(0);
}

/* sum[0], sum[1]: integrals of u and of (u - field)^2; no field: of u^2 */
static PetscErrorCode HeatIntegrate(const Heat *h, Vec u, HeatField field, PetscReal t, PetscReal sum[2])
{
  const PetscInt     n       = h->dim + 1;
  PetscReal          mine[2] = {0, 0}, v[4][3], grad[4][3], xq[3];
  const PetscScalar *values;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(u, &values));
  for (PetscInt c = 0; c < h->ncells; c++) {
    const PetscInt *cell   = h->cell + n * c;
    const PetscReal volume = HeatSimplex(h, cell, v, grad) / (PetscReal)n;

    for (PetscInt q = 0; q < n; q++) {
      PetscReal uq = 0;

      HeatPoint(h->dim, q, v, xq);
      for (PetscInt i = 0; i < n; i++) uq += HeatWeight(h->dim, q, i) * PetscRealPart(values[cell[i]]);
      mine[0] += volume * uq;
      mine[1] += volume * PetscSqr(uq - (field ? field(h, t, xq) : 0));
    }
  }
  PetscCall(VecRestoreArrayRead(u, &values));
  PetscCallMPI(MPI_Allreduce(mine, sum, 2, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)h->dm)));
  PetscFunctionReturn(0);
}

/* one unknown per vertex; the vertices of the faces in "fixed" are constrained. The unknowns are numbered along the mesh (reverse
   Cuthill-McKee): in the order of a refined mesh, old vertices first, SSOR gains little from any omega. */
static PetscErrorCode HeatSection(Heat *h, DMLabel fixed)
{
  const PetscInt one = 1, dof[4] = {1, 0, 0, 0}, field = 0;
  PetscSection   s;
  const PetscInt *to;
  PetscInt       lo, hi, value, n = 0, *p, *q;
  IS             is, order, points;

  PetscFunctionBeginUser;
  PetscCall(DMPlexLabelComplete(h->dm, fixed)); /* faces to their vertices, over all ranks */
  PetscCall(DMPlexGetDepthStratum(h->dm, 0, &lo, &hi));
  PetscCall(PetscMalloc1(hi - lo, &p));
  for (PetscInt v = lo; v < hi; v++) {
    PetscCall(DMLabelGetValue(fixed, v, &value));
    if (value == 1) p[n++] = v;
  }
  PetscCall(ISCreateGeneral(PetscObjectComm((PetscObject)h->dm), n, p, PETSC_OWN_POINTER, &is));
  PetscCall(DMPlexGetOrdering(h->dm, MATORDERINGRCM, NULL, &order)); /* new numbers of the points */
  PetscCall(ISGetLocalSize(order, &value));
  PetscCall(ISGetIndices(order, &to));
  PetscCall(PetscMalloc1(value, &q));
  for (PetscInt i = 0; i < value; i++) q[to[i]] = i;
  PetscCall(ISRestoreIndices(order, &to));
  PetscCall(ISCreateGeneral(PETSC_COMM_SELF, value, q, PETSC_OWN_POINTER, &points));
  PetscCall(DMSetNumFields(h->dm, 1));
  PetscCall(DMPlexCreateSection(h->dm, NULL, &one, dof, 1, &field, NULL, &is, points, &s));
  PetscCall(PetscSectionSetFieldName(s, 0, "temperature"));
  PetscCall(DMSetLocalSection(h->dm, s));
  PetscCall(PetscSectionDestroy(&s));
  PetscCall(ISDestroy(&points));
  PetscCall(ISDestroy(&order));
  PetscCall(ISDestroy(&is));
  PetscFunctionReturn(0);
}

/* the tables of the cell loops: with one unknown per vertex, the place of a vertex in a local vector is its number */
static PetscErrorCode HeatTables(Heat *h)
{
  PetscSection s, gs, cs;
  PetscInt     lo, hi, v0, v1, n, at, from, fixed, *closure = NULL, *cell;
  Vec          coords;
  PetscScalar *x;

  PetscFunctionBeginUser;
  PetscCall(DMGetLocalSection(h->dm, &s));
  PetscCall(DMGetGlobalSection(h->dm, &gs));
  PetscCall(DMGetCoordinateSection(h->dm, &cs));
  PetscCall(DMGetCoordinatesLocal(h->dm, &coords));
  PetscCall(DMPlexGetHeightStratum(h->dm, 0, &lo, &hi));
  PetscCall(DMPlexGetDepthStratum(h->dm, 0, &v0, &v1));
  h->ncells = hi - lo;
  h->nlocal = v1 - v0;
  PetscCall(PetscMalloc4((h->dim + 1) * h->ncells, &h->cell, h->nlocal, &h->row, 3 * h->nlocal, &h->x, h->nlocal, &h->fixed));
  cell = h->cell;
  for (PetscInt c = lo; c < hi; c++) {
    PetscCall(DMPlexGetTransitiveClosure(h->dm, c, PETSC_TRUE, &n, &closure));
    for (PetscInt i = 0; i < n; i++)
      if (closure[2 * i] >= v0 && closure[2 * i] < v1) PetscCall(PetscSectionGetOffset(s, closure[2 * i], cell++));
    PetscCall(DMPlexRestoreTransitiveClosure(h->dm, c, PETSC_TRUE, &n, &closure));
  }
  PetscCall(VecGetArray(coords, &x));
  for (PetscInt v = v0; v < v1; v++) {
    PetscCall(PetscSectionGetOffset(s, v, &at));
    PetscCall(PetscSectionGetOffset(cs, v, &from));
    PetscCall(PetscSectionGetConstraintDof(s, v, &fixed));
    for (PetscInt d = 0; d < 3; d++) h->x[3 * at + d] = d < h->dim ? PetscRealPart(x[from + d]) : 0;
    h->fixed[at] = (PetscBool)(fixed > 0);
    PetscCall(PetscSectionGetOffset(gs, v, &from));
    h->row[at] = fixed ? -1 : from < 0 ? -(from + 1) : from; /* another rank's: -(number + 1) */
  }
  PetscCall(VecRestoreArray(coords, &x));
  PetscFunctionReturn(0);
}

/* the mesh of -dm_plex_filename or the one already in h->dm, shared out over the ranks, refined uniformly; boundary labels to be fixed; n < 0: all */
static PetscErrorCode HeatCreate(MPI_Comm comm, PetscInt refine, PetscInt n, const PetscInt labels[], Heat *h)
{
  DM        fine;
  DMLabel   fixed, sets;
  IS        all = NULL;
  PetscReal lo[3], hi[3];

  PetscFunctionBeginUser;
  if (!h->dm) PetscCall(DMPlexCreate(comm, &h->dm));
  PetscCall(DMSetFromOptions(h->dm));
  for (; refine > 0; refine--) {
    PetscCall(DMPlexSetRefinementUniform(h->dm, PETSC_TRUE));
    PetscCall(DMRefine(h->dm, comm, &fine));
    PetscCall(DMDestroy(&h->dm));
    h->dm = fine;
  }
  PetscCall(DMGetDimension(h->dm, &h->dim));
  PetscCall(DMGetBoundingBox(h->dm, lo, hi));
  for (PetscInt d = 0; d < 3; d++) {
    h->mid[d]  = d < h->dim ? (lo[d] + hi[d]) / 2 : 0;
    h->half[d] = d < h->dim ? (hi[d] - lo[d]) / 2 : 0;
  }
  PetscCall(DMCreateLabel(h->dm, "fixed"));
  PetscCall(DMGetLabel(h->dm, "fixed", &fixed));
  PetscCall(DMGetLabel(h->dm, "Face Sets", &sets));
  PetscCheck(sets, comm, PETSC_ERR_ARG_WRONG, "the mesh has no boundary labels; give a file with physical groups by -dm_plex_filename");
  if (n < 0) {
    PetscCall(DMLabelGetValueIS(sets, &all));
    PetscCall(ISGetLocalSize(all, &n));
    PetscCall(ISGetIndices(all, &labels));
  }
  for (PetscInt k = 0; k < n; k++) {
    IS              is;
    PetscInt        m;
    const PetscInt *p;

    PetscCall(DMLabelGetStratumIS(sets, labels[k], &is));
    if (!is) continue;
    PetscCall(ISGetLocalSize(is, &m));
    PetscCall(ISGetIndices(is, &p));
    for (PetscInt i = 0; i < m; i++) PetscCall(DMLabelSetValue(fixed, p[i], 1));
    PetscCall(ISRestoreIndices(is, &p));
    PetscCall(ISDestroy(&is));
  }
  if (all) PetscCall(ISRestoreIndices(all, &labels));
  PetscCall(ISDestroy(&all));
  PetscCall(HeatSection(h, fixed));
  PetscCall(HeatTables(h));
  PetscFunctionReturn(0);
}

static PetscErrorCode HeatDestroy(Heat *h)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree4(h->cell, h->row, h->x, h->fixed));
  PetscCall(DMDestroy(&h->dm));
  PetscFunctionReturn(0);
}

/* NAME-0012.vtu, and the collection NAME.pvd that gives the files up to this one their times; they lie side by side */
PETSC_UNUSED static PetscErrorCode HeatWrite(const Heat *h, const char name[], Vec u, PetscInt step, PetscInt every)
{
  char        file[PETSC_MAX_PATH_LEN];
  const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
  PetscViewer v;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s-%04d.vtu", name, (int)step));
  PetscCall(PetscViewerVTKOpen(PetscObjectComm((PetscObject)u), file, FILE_MODE_WRITE, &v));
  PetscCall(VecView(u, v));
  PetscCall(PetscViewerDestroy(&v));
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s.pvd", name));
  PetscCall(PetscViewerASCIIOpen(PetscObjectComm((PetscObject)u), file, &v));
  PetscCall(PetscViewerASCIIPrintf(v, "<?xml version=\"1.0\"?>\n<VTKFile type=\"Collection\" version=\"0.1\">\n<Collection>\n"));
  for (PetscInt s = 0; s <= step; s += every) PetscCall(PetscViewerASCIIPrintf(v, "<DataSet timestep=\"%g\" file=\"%s-%04d.vtu\"/>\n", (double)(s * h->dt), base, (int)s));
  PetscCall(PetscViewerASCIIPrintf(v, "</Collection>\n</VTKFile>\n"));
  PetscCall(PetscViewerDestroy(&v));
  PetscFunctionReturn(0);
}
#endif
