/*
  metis.c - PetscPartitioner type metis: METIS on the gathered graph. It is serial: the graph goes to rank 0, which is where an
  undistributed mesh has it anyway, and the parts go back.
*/
#include <nomos.h>
#include <compat.h>
#include <petsc/private/partitionerimpl.h>
#include <metis.h>

typedef struct {
  PetscInt  ufactor; /* allowed imbalance, in thousandths */
  PetscInt  seed;
  PetscBool recursive;
} METIS;

static PetscErrorCode PetscPartitionerSetFromOptions_METIS(PetscPartitioner part, NomosOptionItems PetscOptionsObject)
{
  METIS *m = (METIS *)part->data;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "METIS (Nomos)");
  PetscCall(PetscOptionsBoundedInt("-petscpartitioner_metis_ufactor", "Allowed imbalance in thousandths, at least 1", "PetscPartitionerSetType", m->ufactor, &m->ufactor, NULL, 1));
  PetscCall(PetscOptionsBoundedInt("-petscpartitioner_metis_seed", "Seed of METIS, not negative: equal seeds give equal parts", "PetscPartitionerSetType", m->seed, &m->seed, NULL, 0));
  PetscCall(PetscOptionsBool("-petscpartitioner_metis_recursive", "Recursive bisection instead of k-way", "PetscPartitionerSetType", m->recursive, &m->recursive, NULL));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PetscPartitionerView_METIS(PetscPartitioner part, PetscViewer viewer)
{
  METIS    *m = (METIS *)part->data;
  PetscBool ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (ascii) PetscCall(PetscViewerASCIIPrintf(viewer, "METIS %d.%d.%d: %s, imbalance %" PetscInt_FMT "/1000, seed %" PetscInt_FMT "\n", METIS_VER_MAJOR, METIS_VER_MINOR, METIS_VER_SUBMINOR, m->recursive ? "recursive bisection" : "k-way", m->ufactor, m->seed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct { /* the whole graph, on rank 0 */
  PetscInt  n, edges;
  PetscMPIInt *nv, *ne, *atv, *ate; /* vertices and edges of every rank, and where they begin */
  PetscInt *degree, *adjacency, *weight, *part;
} Graph;

static PetscErrorCode Gather(MPI_Comm comm, PetscInt n, const PetscInt start[], const PetscInt adjacency[], PetscSection weights, Graph *g)
{
  PetscMPIInt size, rank, nv, ne;
  PetscInt   *degree, *weight, lo = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscMPIIntCast(n, &nv));
  PetscCall(PetscMPIIntCast(n ? start[n] : 0, &ne));
  PetscCall(PetscMalloc4(size, &g->nv, size, &g->ne, size + 1, &g->atv, size + 1, &g->ate));
  PetscCallMPI(MPI_Allgather(&nv, 1, MPI_INT, g->nv, 1, MPI_INT, comm));
  PetscCallMPI(MPI_Allgather(&ne, 1, MPI_INT, g->ne, 1, MPI_INT, comm));
  g->n = g->edges = 0;
  for (PetscMPIInt r = 0; r < size; r++) {
    PetscCall(PetscMPIIntCast(g->n, &g->atv[r]));
    PetscCall(PetscMPIIntCast(g->edges, &g->ate[r]));
    g->n += g->nv[r];
    g->edges += g->ne[r];
  }
  PetscCheck(g->edges <= IDX_MAX && g->n <= IDX_MAX, comm, PETSC_ERR_ARG_OUTOFRANGE, "the graph has %" PetscInt_FMT " vertices and %" PetscInt_FMT " edges, more than this METIS can count", g->n, g->edges);
  PetscCall(PetscMalloc2(n, &degree, n, &weight));
  if (weights && n) PetscCall(PetscSectionGetChart(weights, &lo, NULL));
  for (PetscInt v = 0; v < n; v++) {
    degree[v] = start[v + 1] - start[v];
    weight[v] = 1;
    if (weights) PetscCall(PetscSectionGetDof(weights, lo + v, &weight[v]));
  }
  PetscCall(PetscMalloc4(rank ? 0 : g->n, &g->degree, rank ? 0 : g->edges, &g->adjacency, rank ? 0 : g->n, &g->weight, rank ? 0 : g->n, &g->part));
  PetscCallMPI(MPI_Gatherv(degree, nv, MPIU_INT, g->degree, g->nv, g->atv, MPIU_INT, 0, comm));
  PetscCallMPI(MPI_Gatherv(weight, nv, MPIU_INT, g->weight, g->nv, g->atv, MPIU_INT, 0, comm));
  PetscCallMPI(MPI_Gatherv((void *)adjacency, ne, MPIU_INT, g->adjacency, g->ne, g->ate, MPIU_INT, 0, comm));
  PetscCall(PetscFree2(degree, weight));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* METIS itself, on rank 0; *rc is what it returned */
static PetscErrorCode RunMETIS(const METIS *m, PetscInt nparts, PetscSection target, Graph *g, PetscInt *cut, PetscInt *rc)
{
  idx_t  options[METIS_NOPTIONS], n = (idx_t)g->n, one = 1, k = (idx_t)nparts, edgecut = 0, *xadj, *adj, *w, *part;
  real_t *share;
  PetscInt sum = 0, dof;

  PetscFunctionBegin;
  PetscCall(PetscMalloc5(n + 1, &xadj, g->edges, &adj, n, &w, n, &part, nparts, &share));
  xadj[0] = 0;
  for (PetscInt v = 0; v < g->n; v++) {
    xadj[v + 1] = xadj[v] + (idx_t)g->degree[v];
    w[v]        = (idx_t)g->weight[v];
  }
  for (PetscInt e = 0; e < g->edges; e++) adj[e] = (idx_t)g->adjacency[e];
  for (PetscInt p = 0; p < nparts; p++) {
    dof = 1;
    if (target) PetscCall(PetscSectionGetDof(target, p, &dof));
    share[p] = (real_t)dof;
    sum += dof;
  }
  for (PetscInt p = 0; p < nparts; p++) share[p] = sum > 0 ? share[p] / (real_t)sum : 1 / (real_t)nparts;
  METIS_SetDefaultOptions(options);
  options[METIS_OPTION_SEED]      = (idx_t)m->seed;
  options[METIS_OPTION_UFACTOR]   = (idx_t)m->ufactor;
  options[METIS_OPTION_NUMBERING] = 0;
  if (m->recursive) *rc = METIS_PartGraphRecursive(&n, &one, xadj, adj, w, NULL, NULL, &k, share, NULL, options, &edgecut, part);
  else *rc = METIS_PartGraphKway(&n, &one, xadj, adj, w, NULL, NULL, &k, share, NULL, options, &edgecut, part);
  for (PetscInt v = 0; v < g->n; v++) g->part[v] = (PetscInt)part[v];
  *cut = (PetscInt)edgecut;
  PetscCall(PetscFree5(xadj, adj, w, part, share));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Partition(PetscPartitioner part, PetscInt nparts, PetscInt n, PetscInt start[], PetscInt adjacency[], PetscSection vertices, PetscSection target, PetscSection parts, IS *is)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)part);
  PetscMPIInt    rank, nv;
  PetscInt      *mine, *points, rc[2] = {METIS_OK, 0}, at = 0;
  Graph          g;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscMPIIntCast(n, &nv));
  PetscCall(Gather(comm, n, start, adjacency, part->usevwgt ? vertices : NULL, &g));
  if (rank == 0) {
    /* fewer vertices than parts, or one part: nothing for METIS to decide */
    if (g.n <= nparts || nparts == 1)
      for (PetscInt v = 0; v < g.n; v++) g.part[v] = nparts == 1 ? 0 : v;
    else PetscCall(RunMETIS((METIS *)part->data, nparts, target, &g, &rc[1], &rc[0]));
  }
  PetscCallMPI(MPI_Bcast(rc, 2, MPIU_INT, 0, comm));
  PetscCheck(rc[0] == METIS_OK, comm, PETSC_ERR_LIB, "METIS failed with code %" PetscInt_FMT " on %" PetscInt_FMT " vertices and %" PetscInt_FMT " parts", rc[0], g.n, nparts);
  part->edgeCut = rc[1];
  PetscCall(PetscMalloc2(n, &mine, nparts, &points));
  PetscCallMPI(MPI_Scatterv(g.part, g.nv, g.atv, MPIU_INT, mine, nv, MPIU_INT, 0, comm));
  PetscCall(PetscFree4(g.degree, g.adjacency, g.weight, g.part));
  PetscCall(PetscFree4(g.nv, g.ne, g.atv, g.ate));
  PetscCall(PetscArrayzero(points, nparts));
  for (PetscInt v = 0; v < n; v++) {
    PetscCall(PetscSectionAddDof(parts, mine[v], 1));
    points[mine[v]]++;
  }
  for (PetscInt p = 0; p < nparts; p++) { /* where part p begins */
    const PetscInt many = points[p];

    points[p] = at;
    at += many;
  }
  {
    PetscInt *list;

    PetscCall(PetscMalloc1(n, &list));
    for (PetscInt v = 0; v < n; v++) list[points[mine[v]]++] = v;
    PetscCall(ISCreateGeneral(comm, n, list, PETSC_OWN_POINTER, is));
  }
  PetscCall(PetscFree2(mine, points));
  PetscFunctionReturn(PETSC_SUCCESS);
}
NOMOS_PARTITION_ENTRY(Partition)

static PetscErrorCode PetscPartitionerDestroy_METIS(PetscPartitioner part)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(part->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
  PETSCPARTITIONERMETIS - METIS for meshes and graphs: -petscpartitioner_type metis

  Options Database Keys:
+ -petscpartitioner_metis_ufactor <30> - allowed imbalance in thousandths
. -petscpartitioner_metis_seed <0>     - equal seeds give equal parts
- -petscpartitioner_metis_recursive    - recursive bisection instead of k-way

  Cost and memory: the whole graph on rank 0. Vertex weights and target weights are taken as PETSc hands them over.

  Source: Karypis and Kumar, A fast and high quality multilevel scheme for partitioning irregular graphs, SIAM J. Sci. Comput. 20, 1998

  Level: beginner
.seealso: `PetscPartitionerSetType()`
M*/
PETSC_INTERN PetscErrorCode PetscPartitionerCreate_METIS(PetscPartitioner part)
{
  METIS *m;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscNew(&m));
  m->ufactor                = 30;
  part->data                = m;
  part->noGraph             = PETSC_FALSE;
  part->ops->view           = PetscPartitionerView_METIS;
  part->ops->setfromoptions = PetscPartitionerSetFromOptions_METIS;
  part->ops->destroy        = PetscPartitionerDestroy_METIS;
  part->ops->partition      = Partition_Entry;
  PetscFunctionReturn(PETSC_SUCCESS);
}
