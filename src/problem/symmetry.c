/*
  symmetry.c - training samples turned and mirrored: -data_symmetry.

  A problem on a square that looks the same after a symmetry of the square (scalar fields, the same law for every
  orientation) has eight true samples in each one of the file. In epoch e a step sees sample s in orientation (s + e) mod 8:
  nothing is drawn, so ranks, batches and restarts agree, all orientations are in every epoch, and no sample is stored twice.

  Where nodes lie decides what a mirror image is. square: both edges carry nodes, node i goes to n-1-i. square-open: the first
  node lies on an edge and the last one a spacing before the other edge (a grid from which every k-th node was taken), node i
  goes to n-i; node 0 would get a node that is not there: an input takes its neighbour's value, an output keeps its own (a
  boundary value). Flipping such samples end to end instead shifts them by a spacing, and training becomes worse.
*/
#include "problem.h"

const char *const NomosSymmetries[] = {"none", "transpose", "square", "square-open", "NomosSymmetry", "NOMOS_SYMMETRY_", NULL};

/*@
  NomosProblemSetSymmetry - which symmetries of the square training samples are turned by, another one every epoch

  Logically Collective

  Input Parameters:
+ p        - the problem
- symmetry - NOMOS_SYMMETRY_NONE (default), _TRANSPOSE (axes exchanged), _SQUARE (all eight, nodes on both edges) or _SQUARE_OPEN
             (all eight, no node on the last edges)

  Options Database Key:
. -data_symmetry none|transpose|square|square-open - the same

  Notes:
  It is true only of problems whose law has the symmetry: scalar fields, an isotropic coefficient, equal boundary conditions.
  Validation and test samples are never turned, nor are those of a Tao type that sees the full batch.

  Errors: PETSC_ERR_ARG_INCOMP at set-up where the grid is not a square one of two axes

  Level: intermediate
.seealso: `NomosProblemSetSchedule()`, `NomosProblemSetKeepBest()`
@*/
PetscErrorCode NomosProblemSetSymmetry(NomosProblem p, NomosSymmetry symmetry)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(p, NOMOS_PROBLEM_CLASSID, 1);
  PetscCheck(!p->setup, PetscObjectComm((PetscObject)p), PETSC_ERR_ORDER, "NomosProblemSetSymmetry() after the problem was set up");
  p->symmetry = symmetry;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosProblemSetUpSymmetry(NomosProblem p)
{
  NomosGrid grid;

  PetscFunctionBegin;
  p->epoch = -1;
  if (p->symmetry == NOMOS_SYMMETRY_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosDataGetGrid(p->data, &grid));
  PetscCheck(grid.dim == 2 && grid.n[0] == grid.n[1], PetscObjectComm((PetscObject)p), PETSC_ERR_ARG_INCOMP, "-data_symmetry %s needs a square grid of two axes, the data have %" PetscInt_FMT " axes (%" PetscInt_FMT " x %" PetscInt_FMT "); use none", NomosSymmetries[p->symmetry], (PetscInt)grid.dim, grid.n[0], grid.dim > 1 ? grid.n[1] : 1);
  p->square = grid.n[0];
  PetscCall(PetscMalloc1(p->square * p->square, &p->turned));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The node whose value node i takes. */
static PetscInt Source(NomosProblem p, PetscBool mirror, PetscBool input, PetscInt i)
{
  const PetscInt n = p->square;

  if (!mirror) return i;
  if (p->symmetry == NOMOS_SYMMETRY_SQUARE) return n - 1 - i;
  return i ? n - i : input ? n - 1 : 0;
}

static PetscErrorCode Turn(NomosProblem p, PetscInt orientation, PetscBool input, PetscInt channels, PetscScalar v[])
{
  const PetscBool transpose = orientation & 4 ? PETSC_TRUE : PETSC_FALSE, down = orientation & 1 ? PETSC_TRUE : PETSC_FALSE, across = orientation & 2 ? PETSC_TRUE : PETSC_FALSE;
  const PetscInt  n = p->square;

  PetscFunctionBegin;
  for (PetscInt c = 0; c < channels; c++, v += n * n) {
    PetscCall(PetscArraycpy(p->turned, v, n * n));
    for (PetscInt i = 0; i < n; i++) {
      const PetscInt a = Source(p, down, input, i);

      for (PetscInt j = 0; j < n; j++) {
        const PetscInt b = Source(p, across, input, j);

        v[i * n + j] = p->turned[transpose ? b * n + a : a * n + b];
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Turns the samples of a chunk, numbers idx[]; x and y hold all their channels. Outside a batched run they stay. */
PetscErrorCode NomosProblemTurnSamples(NomosProblem p, PetscInt count, const PetscInt idx[], PetscScalar x[], PetscScalar y[])
{
  const PetscInt points = p->square * p->square;

  PetscFunctionBegin;
  if (p->symmetry == NOMOS_SYMMETRY_NONE || p->epoch < 0) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt s = 0; s < count; s++) {
    const PetscInt all = (idx[s] % 8 + p->epoch % 8) % 8, o = p->symmetry == NOMOS_SYMMETRY_TRANSPOSE ? 4 * (all % 2) : all;

    if (!o) continue;
    PetscCall(Turn(p, o, PETSC_TRUE, p->nx1 / points, x + (size_t)s * (size_t)p->nx1));
    PetscCall(Turn(p, o, PETSC_FALSE, p->ny1 / points, y + (size_t)s * (size_t)p->ny1));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
