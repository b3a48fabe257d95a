! A trained model inside a Fortran program: load it, call it in a time loop, take a gradient through it. No Python, no PETSc
! in the source: arrays, MPI and `use nomos`.
!
!   cd examples
!   mpifort ex4_load_model.F90 $(pkg-config --cflags --libs nomosf) -o ex4_load_model
!   ./ex4_load_model data/darcy_tiny.h5
!   mpiexec -n 2 ./ex4_load_model data/darcy_tiny.h5
!
! The loop: a round inclusion moves through the box, the net gives the pressure at every step. Then the derivative of the mean
! pressure with respect to every value of the coefficient, compared with a difference quotient.
program load_model
  use nomos
  use mpi
  use, intrinsic :: iso_fortran_env, only: error_unit
  implicit none
  integer, parameter :: dp = kind(1d0), n = 32, steps = 20
  real(dp), parameter :: pi = 3.14159265358979323846_dp, h = 1e-4_dp
  type(nomos_model) :: model
  real(dp) :: a(n, n), u(n, n), gu(n, n), ga(n, n), d(n, n), up(n, n), um(n, n), slope, quotient
  integer :: ierr, dim, points(3), cin, cout, s, rank, bad
  character(len=4096) :: file

  call mpi_init(ierr)
  call mpi_comm_rank(mpi_comm_world, rank, ierr)
  file = 'data/darcy_tiny.h5'
  if (command_argument_count() > 0) call get_command_argument(1, file)
  bad = 0

  ! in double precision, so that the difference quotient below means something
  call nomos_load(mpi_comm_world, file, model, ierr, options='-net_precision double')
  call check('load')
  call nomos_shape(model, dim, points, cin, cout, ierr)
  call check('shape')
  if (rank == 0) print '(a,i0,a,i0,a,i0,a,i0,a,i0)', 'trained in ', dim, ' dimensions on ', points(1), ' x ', points(2), &
    ' points, channels ', cin, ' -> ', cout
  call nomos_set_grid(model, [n, n], ierr)
  call check('grid')

  do s = 0, steps - 1 ! the time loop
    call fill(real(s, dp) / steps)
    call nomos_apply(model, a, u, ierr)
    call check('apply')
    if (rank == 0 .and. mod(s, 5) == 0) print '(a,i2,a,f8.5)', 'step ', s, '  largest pressure ', maxval(u)
    if (.not. (maxval(u) > 0)) bad = bad + 1
  end do

  gu = 1._dp / (n * n) ! J = mean of u
  call nomos_gradient(model, a, gu, ga, ierr)
  call check('gradient')
  do s = 1, n
    d(:, s) = [(sin(0.3_dp * dim * s + 0.7_dp * points(1)), dim = 1, n)]
  end do
  call nomos_apply(model, a + h * d, up, ierr)
  call check('apply')
  call nomos_apply(model, a - h * d, um, ierr)
  call check('apply')
  slope = sum(ga * d)
  quotient = (sum(up * gu) - sum(um * gu)) / (2 * h)
  if (rank == 0) print '(a,es14.7,a,es14.7)', 'derivative of the mean ', slope, ', difference quotient ', quotient
  ! the quotient's own error: h^2 times a third derivative, rounding 1e-16/h
  if (.not. (abs(slope - quotient) <= 1e-6_dp * abs(quotient))) bad = bad + 1

  call nomos_apply(model, a(1:n, 1:n - 1), u, ierr) ! must be refused, with a sentence
  if (ierr == 0 .or. index(nomos_error_text(), '1024') == 0) bad = bad + 1
  call nomos_apply(model, a, u, ierr)
  call check('after an error')
  call nomos_destroy(model, ierr)
  call check('destroy')
  if (bad > 0) print *, 'FAILED: ', bad, ' checks'
  call mpi_finalize(ierr)
  if (bad > 0) stop 1

contains
  subroutine check(what)
    character(len=*), intent(in) :: what
    integer :: code
    if (ierr == 0) return
    write (error_unit, '(4a)') 'FAILED ', what, ': ', nomos_error_text()
    call mpi_abort(mpi_comm_world, 1, code)
  end subroutine check

  subroutine fill(t) ! the field of ex3_load_model.c
    real(dp), intent(in) :: t
    integer :: i, j
    do j = 1, n
      do i = 1, n
        a(i, j) = merge(1._dp, 0._dp, (real(i - 1, dp) / n - 0.5_dp - 0.2_dp * cos(2 * pi * t))**2 &
                                    + (real(j - 1, dp) / n - 0.5_dp - 0.2_dp * sin(2 * pi * t))**2 < 0.04_dp)
      end do
    end do
  end subroutine fill
end program load_model

!/*TEST
!  np: 1 2  args: @SRC@/examples/data/darcy_tiny.h5
!TEST*/
