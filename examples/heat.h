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
};

/* volume of a simplex and the gradients g of its barycentric coordinates; a triangle gets a third edge of length 1 */
static PetscReal HeatSimplex(PetscInt dim, const PetscScalar x[], PetscReal v[4][3], PetscReal g[4][3])
{
  PetscReal e[3][3] = {{0, 0, 0}, {0, 0, 0}, {0, 0, 1}}, det = 0;

  for (PetscInt i = 0; i <= dim; i++)
    for (PetscInt d = 0; d < 3; d++) v[i][d] = d < dim ? PetscRealPart(x[i * dim + d]) : 0;
  for (PetscInt i = 0; i < dim; i++)
    for (PetscInt d = 0; d < 3; d++) e[i][d] = v[i + 1][d] - v[0][d];
  for (PetscInt i = 0; i < 3; i++) /* cross products of the other two edges */
    for (PetscInt d = 0; d < 3; d++) g[i + 1][d] = e[(i + 1) % 3][(d + 1) % 3] * e[(i + 2) % 3][(d + 2) % 3] - e[(i + 1) % 3][(d + 2) % 3] * e[(i + 2) % 3][(d + 1) % 3];
  for (PetscInt d = 0; d < 3; d++) det += e[0][d] * g[1][d];
  for (PetscInt d = 0; d < 3; d++) {
    g[0][d] = 0;
    for (PetscInt i = 1; i <= dim; i++) g[0][d] -= (g[i][d] /= det);
  }
  return PetscAbsReal(det) / (dim == 2 ? 2 : 6);
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

/* matrix a and right-hand side r of one cell; u: old values of its vertices, g: new ones where they are fixed, else 0 */
static void HeatElement(const Heat *h, PetscReal t, const PetscScalar x[], const PetscScalar u[], const PetscScalar g[], PetscScalar a[], PetscScalar r[])
{
  const PetscInt  n = h->dim + 1;
  PetscReal       v[4][3], grad[4][3], xq[3], k = 0;
  const PetscReal volume = HeatSimplex(h->dim, x, v, grad);

  for (PetscInt i = 0; i < n; i++) r[i] = 0;
  for (PetscInt q = 0; q < n; q++) {
    HeatPoint(h->dim, q, v, xq);
    k += h->conductivity(h, t, xq) / (PetscReal)n;
    for (PetscInt i = 0; i < n; i++) r[i] += h->dt * volume / (PetscReal)n * h->source(h, t, xq) * HeatWeight(h->dim, q, i);
  }
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < n; j++) {
      const PetscReal mass = volume * (i == j ? 2 : 1) / (PetscReal)(n * (n + 1));

      a[i * n + j] = mass + h->dt * k * volume * (grad[i][0] * grad[j][0] + grad[i][1] * grad[j][1] + grad[i][2] * grad[j][2]);
      r[i] += mass * u[j] - a[i * n + j] * g[j];
    }
}

/* values of a field at the vertices: all of them, or the fixed ones and 0 elsewhere */
static PetscErrorCode HeatInterpolate(const Heat *h, HeatField field, PetscReal t, PetscBool all, Vec local)
{
  PetscInt     lo, hi, fixed;
  PetscSection s, cs;
  Vec          coords;
  PetscScalar *v, *x, *at, *value;

  PetscFunctionBeginUser;
  PetscCall(VecZeroEntries(local));
  if (!field) PetscFunctionReturn(0);
  PetscCall(DMGetLocalSection(h->dm, &s));
  PetscCall(DMGetCoordinateSection(h->dm, &cs));
  PetscCall(DMGetCoordinatesLocal(h->dm, &coords));
  PetscCall(DMPlexGetDepthStratum(h->dm, 0, &lo, &hi));
  PetscCall(VecGetArray(local, &v));
  PetscCall(VecGetArray(coords, &x));
  for (PetscInt p = lo; p < hi; p++) {
    PetscReal xyz[3] = {0, 0, 0};

    PetscCall(PetscSectionGetConstraintDof(s, p, &fixed));
    if (!fixed && !all) continue;
    PetscCall(DMPlexPointLocalRef(h->dm, p, v, &value));
    PetscCall(PetscSectionGetOffset(cs, p, &fixed));
    at = x + fixed;
    for (PetscInt d = 0; d < h->dim; d++) xyz[d] = PetscRealPart(at[d]);
    *value = field(h, t, xyz);
  }
  PetscCall(VecRestoreArray(coords, &x));
  PetscCall(VecRestoreArray(local, &v));
  PetscFunctionReturn(0);
}

/* system of the step that ends at t; u: local vector of the old state. On return u holds the new fixed values, and 0 inside. */
static PetscErrorCode HeatAssemble(const Heat *h, PetscReal t, Vec u, Mat A, Vec b)
{
  PetscInt lo, hi;
  DM       cdm;
  Vec      coords, g, bl;

  PetscFunctionBeginUser;
  PetscCall(DMGetCoordinateDM(h->dm, &cdm));
  PetscCall(DMGetCoordinatesLocal(h->dm, &coords));
  PetscCall(DMPlexGetHeightStratum(h->dm, 0, &lo, &hi));
  PetscCall(DMGetLocalVector(h->dm, &g));
  PetscCall(DMGetLocalVector(h->dm, &bl));
  PetscCall(HeatInterpolate(h, h->boundary, t, PETSC_FALSE, g));
  PetscCall(VecZeroEntries(bl));
  PetscCall(MatZeroEntries(A));
  for (PetscInt c = lo; c < hi; c++) {
    PetscScalar *x = NULL, *uc = NULL, *gc = NULL, a[16], r[4];

    PetscCall(DMPlexVecGetClosure(cdm, NULL, coords, c, NULL, &x));
    PetscCall(DMPlexVecGetClosure(h->dm, NULL, u, c, NULL, &uc));
    PetscCall(DMPlexVecGetClosure(h->dm, NULL, g, c, NULL, &gc));
    HeatElement(h, t, x, uc, gc, a, r);
    PetscCall(DMPlexMatSetClosure(h->dm, NULL, NULL, A, c, a, ADD_VALUES));
    PetscCall(DMPlexVecSetClosure(h->dm, NULL, bl, c, r, ADD_VALUES));
    PetscCall(DMPlexVecRestoreClosure(h->dm, NULL, g, c, NULL, &gc));
    PetscCall(DMPlexVecRestoreClosure(h->dm, NULL, u, c, NULL, &uc));
    PetscCall(DMPlexVecRestoreClosure(cdm, NULL, coords, c, NULL, &x));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecZeroEntries(b));
  PetscCall(DMLocalToGlobal(h->dm, bl, ADD_VALUES, b));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecCopy(g, u));
  PetscCall(DMRestoreLocalVector(h->dm, &bl));
  PetscCall(DMRestoreLocalVector(h->dm, &g));
  PetscFunctionReturn(0);
}

/* sum[0], sum[1]: integrals of u and of (u - field)^2; no field: of u^2 */
static PetscErrorCode HeatIntegrate(const Heat *h, Vec u, HeatField field, PetscReal t, PetscReal sum[2])
{
  const PetscInt n = h->dim + 1;
  PetscInt       lo, hi;
  PetscReal      mine[2] = {0, 0}, v[4][3], grad[4][3], xq[3];
  DM             cdm;
  Vec            coords;

  PetscFunctionBeginUser;
  PetscCall(DMGetCoordinateDM(h->dm, &cdm));
  PetscCall(DMGetCoordinatesLocal(h->dm, &coords));
  PetscCall(DMPlexGetHeightStratum(h->dm, 0, &lo, &hi));
  for (PetscInt c = lo; c < hi; c++) {
    PetscScalar *x = NULL, *uc = NULL;
    PetscReal    volume;

    PetscCall(DMPlexVecGetClosure(cdm, NULL, coords, c, NULL, &x));
    PetscCall(DMPlexVecGetClosure(h->dm, NULL, u, c, NULL, &uc));
    volume = HeatSimplex(h->dim, x, v, grad) / (PetscReal)n;
    for (PetscInt q = 0; q < n; q++) {
      PetscReal uq = 0;

      HeatPoint(h->dim, q, v, xq);
      for (PetscInt i = 0; i < n; i++) uq += HeatWeight(h->dim, q, i) * PetscRealPart(uc[i]);
      mine[0] += volume * uq;
      mine[1] += volume * PetscSqr(uq - (field ? field(h, t, xq) : 0));
    }
    PetscCall(DMPlexVecRestoreClosure(h->dm, NULL, u, c, NULL, &uc));
    PetscCall(DMPlexVecRestoreClosure(cdm, NULL, coords, c, NULL, &x));
  }
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
