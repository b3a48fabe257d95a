! A Fortran program that knows PETSc and nothing of Nomos: a time loop whose matrix changes. It is tuned by options:
!
!   ./ex7_tune_options -pc_type sor                                                                          CG, omega = 1
!   ./ex7_tune_options -dll_append PATH/libnomos.so -pc_type sor -ksp_type nomostune                         omega is learned
!   ./ex7_tune_options -dll_append PATH/libnomos.so -pc_type sor -ksp_type nomostune -ksp_view -ksp_nomostune_monitor
!
! PATH/libnomos.so is what `pkg-config --variable=plugin nomos` prints; PETSC_OPTIONS in the environment works as well as the
! command line. Compile it like any Fortran program with PETSc: there is no Nomos in this file.
!
! The heat equation on the unit square, n x n unknowns, implicit Euler; conductivity max(0.1 s, -10 s), s = sin(2 pi t).
program tune_options
#include <petsc/finclude/petscksp.h>
  use petscksp
  implicit none
  PetscErrorCode :: ierr
  PetscInt, parameter :: one = 1, five = 5
  PetscInt :: n, steps, step, row, lo, hi, m, its, total
  PetscInt :: r(1), col(5)
  PetscScalar :: v(5)
  PetscReal :: dt, t, c, s, worst, norm, bnorm, rtol
  PetscBool :: set
  KSPConvergedReason :: reason
  PetscMPIInt :: rank
  Mat :: A
  Vec :: x, b, res
  KSP :: ksp

  call PetscInitialize(PETSC_NULL_CHARACTER, ierr)
  if (ierr /= 0) stop 1
  n = 40
  steps = 200
  call PetscOptionsGetInt(PETSC_NULL_OPTIONS, PETSC_NULL_CHARACTER, '-n', n, set, ierr); CHKERRA(ierr)
  call PetscOptionsGetInt(PETSC_NULL_OPTIONS, PETSC_NULL_CHARACTER, '-steps', steps, set, ierr); CHKERRA(ierr)
  call MPI_Comm_rank(PETSC_COMM_WORLD, rank, ierr)
  call MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n*n, n*n, five, PETSC_NULL_INTEGER, five, PETSC_NULL_INTEGER, A, ierr); CHKERRA(ierr)
  call MatGetOwnershipRange(A, lo, hi, ierr); CHKERRA(ierr)
  call MatCreateVecs(A, x, b, ierr); CHKERRA(ierr)
  call VecDuplicate(b, res, ierr); CHKERRA(ierr)
  call KSPCreate(PETSC_COMM_WORLD, ksp, ierr); CHKERRA(ierr)
  call KSPSetType(ksp, KSPCG, ierr); CHKERRA(ierr)
  call KSPSetOperators(ksp, A, A, ierr); CHKERRA(ierr)
  rtol = 1.d-8
  call KSPSetTolerances(ksp, rtol, PETSC_DEFAULT_REAL, PETSC_DEFAULT_REAL, PETSC_DEFAULT_INTEGER, ierr); CHKERRA(ierr)
  call KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED, ierr); CHKERRA(ierr) ! the same goal whatever omega is
  call KSPSetInitialGuessNonzero(ksp, PETSC_TRUE, ierr); CHKERRA(ierr)
  call KSPSetFromOptions(ksp, ierr); CHKERRA(ierr)

  dt = 5.d-3
  total = 0
  worst = 0
  s = 1
  call VecSet(x, s, ierr); CHKERRA(ierr)
  do step = 1, steps
    t = step*dt
    s = sin(2*PETSC_PI*t)
    c = dt*max(0.1d0*s, -10*s)*(n + 1)**2
    do row = lo, hi - 1
      m = 1
      v = -c
      v(1) = 1 + 4*c
      col(1) = row
      call neighbour(mod(row, n) > 0, row - 1)
      call neighbour(mod(row, n) < n - 1, row + 1)
      call neighbour(row >= n, row - n)
      call neighbour(row < n*(n - 1), row + n)
      r(1) = row
      call MatSetValues(A, one, r, m, col, v, INSERT_VALUES, ierr); CHKERRA(ierr)
    end do
    call MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY, ierr); CHKERRA(ierr)
    call MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY, ierr); CHKERRA(ierr)
    call VecCopy(x, b, ierr); CHKERRA(ierr)
    s = dt
    call VecShift(b, s, ierr); CHKERRA(ierr)
    call KSPSolve(ksp, b, x, ierr); CHKERRA(ierr)
    call KSPGetIterationNumber(ksp, its, ierr); CHKERRA(ierr)
    call KSPGetConvergedReason(ksp, reason, ierr); CHKERRA(ierr)
    total = total + its

    call MatMult(A, x, res, ierr); CHKERRA(ierr) ! its own check: the true residual of every solve
    s = -1
    call VecAXPY(res, s, b, ierr); CHKERRA(ierr)
    call VecNorm(res, NORM_2, norm, ierr); CHKERRA(ierr)
    call VecNorm(b, NORM_2, bnorm, ierr); CHKERRA(ierr)
    worst = max(worst, norm/bnorm)
  end do
  if (rank == 0) print '(i0,a,i0,a,es8.1)', steps, ' steps: ', total, ' iterations, largest true residual ', worst
  call KSPDestroy(ksp, ierr)
  call MatDestroy(A, ierr)
  call VecDestroy(x, ierr)
  call VecDestroy(b, ierr)
  call VecDestroy(res, ierr)
  call PetscFinalize(ierr)
  if (.not. worst < 1.01d-8) stop 1 ! CG updates its residual: rounding on top of the 1e-8 asked for

contains
  subroutine neighbour(there, where)
    logical, intent(in) :: there
    PetscInt, intent(in) :: where
    if (.not. there) return
    m = m + 1
    col(m) = where
  end subroutine neighbour
end program tune_options

!/*TEST
!  link: petsc
!  np: 1
!  np: 1 2 4  args: -dll_append @PLUGIN@ -pc_type sor -ksp_type nomostune
!TEST*/
