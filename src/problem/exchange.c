/*
  exchange.c - theta and its gradient between the ranks: shards to a whole copy, whole gradients to summed shards.

  Ranks that share a node exchange through its memory: one copy of theta that all read, one gradient per rank that all read
  their shard of. Both operations move each number once and add in the order of the ranks, whatever the MPI library would do;
  messages between processes of a node copy the megabytes of a spectral net several times, longer than a step at small batches.
  Ranks on several nodes, a limit on the size of files, and -nomos_shared_memory 0 use MPI's collectives.

  Where the map can work in a team (nomosimpl.h), training does not exchange at all: a rank gives its shard of theta to the
  map and gets its shard of the gradient from it. Two meetings an evaluation do, one of them the sum of f.
*/
#include <sys/resource.h>
#include "problem.h"

#define WINDOW_ROOM ((size_t)65536) /* bytes a rank: pages and the library's own head */

/* all ranks have come here and see what the others have written */
PetscErrorCode NomosProblemMeet(NomosProblem p, MPI_Win window)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Win_sync(window));
  PetscCallMPI(MPI_Barrier(p->node));
  PetscCallMPI(MPI_Win_sync(window));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The window is a file of the node. A limit on the size of files (ulimit -f) would end the job by a signal inside the MPI library. */
static int Fits(size_t bytes)
{
  struct rlimit limit;

  return getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > (rlim_t)bytes;
}

/* Memory of all ranks, which share a node: own bytes of each one, common bytes behind those of rank 0, both filled with zeros.
   *base has where each rank's begin (PetscFree()); NULL where MPI cannot make it. */
static PetscErrorCode MakeWindow(NomosProblem p, size_t own, size_t common, MPI_Win *window, char ***base)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)p);
  PetscMPIInt ok, all;
  MPI_Aint    bytes = (MPI_Aint)(own + (p->rank == 0 ? common : 0));
  char       *mine;
  int         unit;

  PetscFunctionBegin;
  *base = NULL;
  ok    = Fits((own + WINDOW_ROOM) * (size_t)p->size + common) ? 1 : 0;
  PetscCallMPI(MPI_Allreduce(&ok, &all, 1, MPI_INT, MPI_MIN, comm));
  if (!all) PetscFunctionReturn(PETSC_SUCCESS);
  ok = MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, p->node, &mine, window) == MPI_SUCCESS ? 1 : 0;
  if (!ok) *window = MPI_WIN_NULL;
  PetscCallMPI(MPI_Allreduce(&ok, &all, 1, MPI_INT, MPI_MIN, comm));
  if (!all) {
    if (*window != MPI_WIN_NULL) PetscCallMPI(MPI_Win_free(window));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCallMPI(MPI_Win_lock_all(MPI_MODE_NOCHECK, *window));
  PetscCall(PetscMalloc1(p->size, base));
  for (PetscMPIInt r = 0; r < p->size; r++) PetscCallMPI(MPI_Win_shared_query(*window, r, &bytes, &unit, &(*base)[r]));
  PetscCall(PetscMemzero((*base)[p->rank], own + (p->rank == 0 ? common : 0))); /* first touched by its owner */
  PetscCall(NomosProblemMeet(p, *window));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode FreeWindow(MPI_Win *window, char ***base)
{
  PetscFunctionBegin;
  if (*base) {
    PetscCallMPI(MPI_Win_unlock_all(*window));
    PetscCallMPI(MPI_Win_free(window));
  }
  PetscCall(PetscFree(*base));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscScalar *Gradient(NomosProblem p, PetscMPIInt rank)
{
  return (PetscScalar *)(void *)p->parts[rank];
}

/* Whole copies of theta on rank 0 and of the gradient on every rank, where all ranks share a node */
static PetscErrorCode MakeExchange(NomosProblem p, PetscBool *have)
{
  MPI_Comm     comm = PetscObjectComm((PetscObject)p);
  PetscMPIInt  size, ok, all;
  const size_t whole = (size_t)p->np * sizeof(PetscScalar);

  PetscFunctionBegin;
  *have = PETSC_FALSE;
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, p->rank, MPI_INFO_NULL, &p->node));
  PetscCallMPI(MPI_Comm_size(p->node, &size));
  ok = size == p->size ? 1 : 0;
  PetscCallMPI(MPI_Allreduce(&ok, &all, 1, MPI_INT, MPI_MIN, comm));
  if (!all) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_set_errhandler(p->node, MPI_ERRORS_RETURN)); /* little shared memory is no reason to stop */
  PetscCall(MakeWindow(p, whole, whole, &p->shared, &p->parts));
  if (!p->parts) PetscFunctionReturn(PETSC_SUCCESS);
  p->common = Gradient(p, 0) + p->np;
  *have     = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --- the team ----------------------------------------------------------------------------------------------------- */
/* room for a batch of the run; a full batch of many samples goes the other way, by chunks that a rank sums by itself */
#define TEAM_BYTES ((size_t)64 << 20)

static PetscInt RoundUp(PetscInt n, PetscInt to)
{
  return (n + to - 1) / to * to;
}

PetscErrorCode NomosProblemSetUpTeam(NomosProblem p)
{
  size_t common, own;

  PetscFunctionBegin;
  p->team.size    = p->size;
  p->team.rank    = p->rank;
  p->team.starts  = p->starts;
  p->team.samples = p->team.mine = p->team_room = RoundUp((PetscMin(p->batch, p->ntrain) + p->size - 1) / p->size, p->chunk);
  if (!p->parts) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosMapTeamSize(p->map, &p->team, &common, &own));
  if (common && common <= TEAM_BYTES) PetscCall(MakeWindow(p, own, common, &p->team_window, &p->team.own));
  if (p->team.own) p->team.common = p->team.own[0] + own;
  PetscCall(PetscInfo(p, "ranks %s one working copy of the parameters\n", p->team.own ? "share" : "do not share"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosProblemTeamForBatch(NomosProblem p, PetscBool *takes)
{
  PetscFunctionBegin;
  p->team.samples = RoundUp((p->nall + p->size - 1) / p->size, p->chunk);
  p->team.mine    = RoundUp(p->nmine, p->chunk);
  *takes          = p->team.own && p->team.samples <= p->team_room ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* pseq and gseq, in shared memory where that is possible. Not called on one rank. */
PetscErrorCode NomosProblemSetUpExchange(NomosProblem p)
{
  PetscBool have = PETSC_FALSE;

  PetscFunctionBegin;
  if (p->share) PetscCall(MakeExchange(p, &have));
  PetscCall(PetscInfo(p, "parameters and gradients are exchanged through %s\n", have ? "shared memory" : "messages"));
  if (have) {
    PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, p->np, p->common, &p->pseq));
    PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, p->np, Gradient(p, p->rank), &p->gseq));
  } else {
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, p->np, &p->pseq));
    PetscCall(VecDuplicate(p->pseq, &p->gseq));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosProblemResetExchange(NomosProblem p)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&p->pseq));
  PetscCall(VecDestroy(&p->gseq));
  PetscCall(FreeWindow(&p->shared, &p->parts));
  PetscCall(FreeWindow(&p->team_window, &p->team.own));
  if (p->node != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&p->node));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A sharded vector as a whole one on every rank. pseq may be memory that all ranks read: nobody writes before all have done. */
PetscErrorCode NomosProblemGather(NomosProblem p, Vec sharded, Vec buffer, Vec *whole)
{
  const PetscScalar *mine;
  PetscScalar       *all;

  PetscFunctionBegin;
  if (p->size == 1) {
    *whole = sharded;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetArrayRead(sharded, &mine));
  PetscCall(VecGetArrayWrite(buffer, &all));
  if (p->parts && buffer == p->pseq) {
    PetscCall(NomosProblemMeet(p, p->shared));
    PetscCall(PetscArraycpy(all + p->starts[p->rank], mine, p->counts[p->rank]));
    PetscCall(NomosProblemMeet(p, p->shared));
  } else PetscCallMPI(MPI_Allgatherv(mine, p->counts[p->rank], MPIU_SCALAR, all, p->counts, p->displs, MPIU_SCALAR, PetscObjectComm((PetscObject)p)));
  PetscCall(VecRestoreArrayWrite(buffer, &all));
  PetscCall(VecRestoreArrayRead(sharded, &mine));
  *whole = buffer;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sharded = the sum over ranks of their gseq, each rank keeping its shard. Not called on one rank. */
PetscErrorCode NomosProblemScatterAdd(NomosProblem p, Vec sharded)
{
  const PetscScalar *all;
  PetscScalar       *mine;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(p->gseq, &all));
  PetscCall(VecGetArrayWrite(sharded, &mine));
  if (p->parts) {
    const PetscInt start = p->starts[p->rank], n = p->counts[p->rank];
    PetscCall(NomosProblemMeet(p, p->shared));
    PetscCall(PetscArraycpy(mine, Gradient(p, 0) + start, n));
    for (PetscMPIInt r = 1; r < p->size; r++) {
      const PetscScalar *other = Gradient(p, r) + start;
      for (PetscInt i = 0; i < n; i++) mine[i] += other[i];
    }
    PetscCall(NomosProblemMeet(p, p->shared)); /* gseq may be written again */
  } else PetscCallMPI(MPI_Reduce_scatter((void *)all, mine, p->counts, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)p)));
  PetscCall(VecRestoreArrayWrite(sharded, &mine));
  PetscCall(VecRestoreArrayRead(p->gseq, &all));
  PetscFunctionReturn(PETSC_SUCCESS);
}
