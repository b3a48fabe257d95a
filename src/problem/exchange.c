/*
  exchange.c - theta and its gradient between the ranks: shards to a whole copy, whole gradients to summed shards.

  Ranks that share a node exchange through its memory: one copy of theta that all read, one gradient per rank that all read
  their shard of. Both operations move each number once and add in the order of the ranks, whatever the MPI library would do;
  messages between processes of a node copy the megabytes of a spectral net several times, longer than a step at small batches.
  Ranks on several nodes, a limit on the size of files, and -nomos_shared_memory 0 use MPI's collectives.
*/
#include <sys/resource.h>
#include "problem.h"

#define WINDOW_ROOM 8192 /* numbers a rank: pages and the library's own head */

/* all ranks have come here and see what the others have written */
static PetscErrorCode Meet(NomosProblem p)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Win_sync(p->shared));
  PetscCallMPI(MPI_Barrier(p->node));
  PetscCallMPI(MPI_Win_sync(p->shared));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The window is a file of the node. A limit on the size of files (ulimit -f) would end the job by a signal inside the MPI library. */
static int Fits(NomosProblem p)
{
  struct rlimit limit;

  return getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / sizeof(PetscScalar) > (rlim_t)(p->np + WINDOW_ROOM) * (rlim_t)(p->size + 1);
}

/* A window with theta on rank 0 and a gradient on every rank; *have is false where MPI cannot make it. */
static PetscErrorCode MakeWindow(NomosProblem p, PetscBool *have)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)p);
  PetscMPIInt size, ok, all;
  MPI_Aint    bytes = (MPI_Aint)p->np * (MPI_Aint)sizeof(PetscScalar) * (p->rank == 0 ? 2 : 1);
  PetscScalar *mine;
  int         unit;

  PetscFunctionBegin;
  *have = PETSC_FALSE;
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, p->rank, MPI_INFO_NULL, &p->node));
  PetscCallMPI(MPI_Comm_size(p->node, &size));
  ok = size == p->size && Fits(p) ? 1 : 0;
  PetscCallMPI(MPI_Allreduce(&ok, &all, 1, MPI_INT, MPI_MIN, comm));
  if (!all) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_set_errhandler(p->node, MPI_ERRORS_RETURN)); /* little shared memory is no reason to stop */
  ok = MPI_Win_allocate_shared(bytes, (int)sizeof(PetscScalar), MPI_INFO_NULL, p->node, &mine, &p->shared) == MPI_SUCCESS ? 1 : 0;
  if (!ok) p->shared = MPI_WIN_NULL;
  PetscCallMPI(MPI_Allreduce(&ok, &all, 1, MPI_INT, MPI_MIN, comm));
  if (!all) {
    if (p->shared != MPI_WIN_NULL) PetscCallMPI(MPI_Win_free(&p->shared));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCallMPI(MPI_Win_lock_all(MPI_MODE_NOCHECK, p->shared));
  PetscCall(PetscMalloc1(p->size, &p->parts));
  for (PetscMPIInt r = 0; r < p->size; r++) {
    PetscCallMPI(MPI_Win_shared_query(p->shared, r, &bytes, &unit, &p->parts[r]));
    if (r == 0) p->common = p->parts[0] + p->np;
  }
  *have = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* pseq and gseq, in shared memory where that is possible. Not called on one rank. */
PetscErrorCode NomosProblemSetUpExchange(NomosProblem p)
{
  PetscBool have = PETSC_FALSE;

  PetscFunctionBegin;
  if (p->share) PetscCall(MakeWindow(p, &have));
  PetscCall(PetscInfo(p, "parameters and gradients are exchanged through %s\n", have ? "shared memory" : "messages"));
  if (have) {
    PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, p->np, p->common, &p->pseq));
    PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, p->np, p->parts[p->rank], &p->gseq));
    PetscCall(VecSet(p->gseq, 0)); /* first touched by its owner */
    PetscCall(Meet(p));
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
  if (p->parts) {
    PetscCallMPI(MPI_Win_unlock_all(p->shared));
    PetscCallMPI(MPI_Win_free(&p->shared));
  }
  PetscCall(PetscFree(p->parts));
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
    PetscCall(Meet(p));
    PetscCall(PetscArraycpy(all + p->starts[p->rank], mine, p->counts[p->rank]));
    PetscCall(Meet(p));
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
    PetscCall(Meet(p));
    PetscCall(PetscArraycpy(mine, p->parts[0] + start, n));
    for (PetscMPIInt r = 1; r < p->size; r++) {
      const PetscScalar *other = p->parts[r] + start;
      for (PetscInt i = 0; i < n; i++) mine[i] += other[i];
    }
    PetscCall(Meet(p)); /* gseq may be written again */
  } else PetscCallMPI(MPI_Reduce_scatter((void *)all, mine, p->counts, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)p)));
  PetscCall(VecRestoreArrayWrite(sharded, &mine));
  PetscCall(VecRestoreArrayRead(p->gseq, &all));
  PetscFunctionReturn(PETSC_SUCCESS);
}
