/*
  darcysolve.c - samples of Darcy flow: a random coefficient, and the solution by CG with algebraic multigrid.

  The solver is made anew for every sample, so that a sample depends on nothing that was solved before it.
*/
#include "darcy.h"
#include "grf.h"
#include <petscksp.h>

/* Modes per axis of the coefficient, on any grid: what is cut off holds 1e-5 of the variance (docs/theory.md). */
static const PetscInt DarcyModes[4] = {0, 512, 256, 64};

static PetscErrorCode Coefficient(const Darcy *d, PetscInt dim, const PetscInt n[], PetscInt64 seed, PetscInt64 index, PetscReal a[])
{
  const PetscReal alpha = 2, tau = 3;
  NomosGRF        grf   = {.dim = dim, .modes = DarcyModes[dim], .alpha = alpha, .tau = tau, .sigma = PetscPowReal(tau, 0.5 * (2 * alpha - (PetscReal)dim))};
  PetscInt        size  = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < dim; j++) size *= n[j];
  PetscCall(NomosGRFNeumann(&grf, seed, index, n, a));
  for (PetscInt i = 0; i < size; i++) a[i] = d->coefficient == DARCY_LOGNORMAL ? PetscExpReal(a[i]) : (a[i] >= 0 ? 12 : 3);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* number of vertex v (three indices, absent axes 0) among the inner ones */
static PetscInt Inner(const PetscInt n[3], const PetscInt at[3])
{
  PetscInt row = 0;

  for (int j = 0; j < 3; j++) {
    if (n[j] == 1) continue;
    if (at[j] < 1 || at[j] > n[j] - 2) return -1;
    row = row * (n[j] - 2) + at[j] - 1;
  }
  return row;
}

/* the operator of the residual on the inner vertices; the boundary, where u = 0, is left out */
static PetscErrorCode Assemble(const PetscInt n[3], const PetscReal ih2[3], PetscBool harmonic, const PetscReal a[], Mat *A)
{
  PetscInt size = 1, at[3];

  PetscFunctionBegin;
  for (int j = 0; j < 3; j++) size *= n[j] == 1 ? 1 : n[j] - 2;
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, size, size, 7, NULL, A));
  for (at[0] = 0; at[0] < n[0]; at[0]++)
    for (at[1] = 0; at[1] < n[1]; at[1]++)
      for (at[2] = 0; at[2] < n[2]; at[2]++) {
        const PetscInt row = Inner(n, at), here = (at[0] * n[1] + at[1]) * n[2] + at[2], stride[3] = {n[1] * n[2], n[2], 1};
        PetscScalar    v[7];
        PetscInt       cols[7], count = 1;

        if (row < 0) continue;
        v[0]    = 0;
        cols[0] = row;
        for (int j = 0; j < 3; j++)
          for (int side = -1; side <= 1 && n[j] > 1; side += 2) {
            const PetscReal c = ih2[j] * DarcyFace(a[here], a[here + side * stride[j]], harmonic ? 1 : 0);
            PetscInt        to[3] = {at[0], at[1], at[2]};

            to[j] += side;
            v[0] += c;
            v[count]      = -c;
            cols[count++] = Inner(n, to); /* negative: dropped by MatSetValues */
          }
        PetscCall(MatSetValues(*A, 1, &row, count, cols, v, INSERT_VALUES));
      }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatSetOption(*A, MAT_SPD, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Solve(NomosMap m, Mat A, Vec x)
{
  KSP                ksp;
  PC                 pc;
  Vec                b;
  const char        *prefix;
  KSPConvergedReason reason;
  PetscInt           its;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(x, &b));
  PetscCall(VecSet(b, 1));
  PetscCall(KSPCreate(PETSC_COMM_SELF, &ksp));
  PetscCall(PetscObjectGetOptionsPrefix((PetscObject)m, &prefix));
  PetscCall(KSPSetOptionsPrefix(ksp, prefix));
  PetscCall(KSPAppendOptionsPrefix(ksp, "pde_darcy_"));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCGAMG));
  PetscCall(KSPSetTolerances(ksp, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, 500));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCheck(reason > 0, PETSC_COMM_SELF, PETSC_ERR_NOT_CONVERGED, "a Darcy sample was not solved: %s after %" PetscInt_FMT " iterations; see -pde_darcy_ksp_converged_reason, -pde_darcy_ksp_max_it, -pde_darcy_pc_type", KSPConvergedReasons[reason], its);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* every step-th vertex of v, into the Vec; inner: v holds the inner vertices only, the others are 0 */
static PetscErrorCode Take(const PetscInt n[3], const PetscInt fine[3], const PetscInt step[3], const PetscScalar v[], PetscBool inner, Vec out)
{
  PetscScalar *o;
  PetscInt     i = 0, at[3], size;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(out, &size));
  PetscCheck(size == n[0] * n[1] * n[2], PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "a vector of %" PetscInt_FMT " entries for a sample of %" PetscInt_FMT " vertices", size, n[0] * n[1] * n[2]);
  PetscCall(VecGetArrayWrite(out, &o));
  for (at[0] = 0; at[0] < fine[0]; at[0] += step[0])
    for (at[1] = 0; at[1] < fine[1]; at[1] += step[1])
      for (at[2] = 0; at[2] < fine[2]; at[2] += step[2]) {
        const PetscInt from = inner ? Inner(fine, at) : (at[0] * fine[1] + at[1]) * fine[2] + at[2];

        o[i++] = from < 0 ? 0 : v[from];
      }
  PetscCall(VecRestoreArrayWrite(out, &o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FineGrid(NomosMap m, PetscInt fine[3], PetscInt step[3], PetscReal ih2[3])
{
  const Darcy    *d   = (const Darcy *)m->data;
  const PetscInt  dim = m->grid.dim;
  PetscInt64      size = 1;

  PetscFunctionBegin;
  for (int j = 0; j < 3; j++) fine[j] = step[j] = 1, ih2[j] = 0;
  for (PetscInt j = 0; j < dim; j++) {
    const PetscInt n = m->grid.n[j], N = d->fine ? d->fine : n, axis = j + 3 - dim;

    PetscCheck(N >= n && (N - 1) % (n - 1) == 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "-pde_darcy_fine %" PetscInt_FMT " cannot be thinned to %" PetscInt_FMT " vertices: %" PetscInt_FMT " must be a multiple of %" PetscInt_FMT, N, n, N - 1, n - 1);
    fine[axis] = N;
    step[axis] = (N - 1) / (n - 1);
    ih2[axis]  = PetscSqr((PetscReal)(N - 1) / m->grid.length[j]);
    size *= N;
    PetscCheck(size <= PETSC_MAX_INT, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "-pde_darcy_fine %" PetscInt_FMT ": too many vertices for this PETSc", N);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosDarcySample(NomosMap m, PetscInt64 seed, PetscInt64 index, Vec a, Vec u)
{
  const Darcy       *d   = (const Darcy *)m->data;
  const PetscInt     dim = m->grid.dim;
  PetscInt           fine[3], step[3];
  PetscReal          ih2[3], *coefficient;
  Mat                A;
  Vec                x;
  const PetscScalar *v;

  PetscFunctionBegin;
  PetscCall(FineGrid(m, fine, step, ih2));
  PetscCall(PetscMalloc1((size_t)fine[0] * (size_t)fine[1] * (size_t)fine[2], &coefficient));
  PetscCall(Coefficient(d, dim, fine + 3 - dim, seed, index, coefficient));
  if (a) PetscCall(Take(d->stencil.n, fine, step, coefficient, PETSC_FALSE, a));
  if (u) {
    PetscCall(Assemble(fine, ih2, d->harmonic, coefficient, &A));
    PetscCall(MatCreateVecs(A, &x, NULL));
    PetscCall(Solve(m, A, x));
    PetscCall(VecGetArrayRead(x, &v));
    PetscCall(Take(d->stencil.n, fine, step, v, PETSC_TRUE, u));
    PetscCall(VecRestoreArrayRead(x, &v));
    PetscCall(VecDestroy(&x));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(PetscFree(coefficient));
  PetscFunctionReturn(PETSC_SUCCESS);
}
