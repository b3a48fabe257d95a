/* The solver of the state equation inside the Schur complements of control.h and meshcontrol.h: -state_ options, conjugate gradients
   with algebraic multigrid. */
#ifndef STATESOLVER_H
#define STATESOLVER_H
#include <petscksp.h>

static inline PetscErrorCode StateSolverCreate(MPI_Comm comm, KSP *ksp)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(KSPCreate(comm, ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, "state_"));
  PetscCall(KSPSetType(*ksp, KSPCG)); /* one cycle is not enough: the square of a rough inverse is no inverse of the square */
  PetscCall(KSPSetTolerances(*ksp, 1e-6, PETSC_DEFAULT, PETSC_DEFAULT, 100));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCGAMG));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(0);
}
#endif
