! A trained model in a Fortran program: load, shape, set_grid, apply, gradient, destroy, and the text of the last error.
!
!   use nomos
!   type(nomos_model) :: model
!   call nomos_load(comm, 'model.h5', model, ierr)      comm: an MPI communicator as an integer, after MPI_Init
!   if (ierr /= 0) print *, nomos_error_text()
!   call nomos_set_grid(model, [64, 64], ierr)          another resolution than it was trained at
!   call nomos_apply(model, a, u, ierr)                 a(nx,ny,channels_in), u(nx,ny,channels_out), double precision
!   call nomos_gradient(model, a, gu, ga, ierr)         ga = (du/da)^T gu
!   call nomos_destroy(model, ierr)
!
! Arrays have the fastest axis first: (x), (x,y) or (x,y,z), then channels, then the samples of a batch. Axes of length one
! may be left out; the number of entries is checked. nomos_load and nomos_destroy are collective over comm; the others talk
! to no other rank. PETSc is started where the program has not done so; PETSC_OPTIONS and .petscrc are read.
module nomos
  use, intrinsic :: iso_c_binding
  implicit none
  private
  public :: nomos_model, nomos_load, nomos_shape, nomos_set_grid, nomos_apply, nomos_gradient, nomos_destroy, nomos_error_text

  type :: nomos_model
    private
    type(c_ptr) :: handle = c_null_ptr
  end type nomos_model

  interface
    function c_load(comm, file, options, model) bind(c, name='NomosFortranLoad') result(ierr)
      import :: c_int, c_char, c_ptr
      integer(c_int), value :: comm                         ! MPI_Fint is a default integer
      character(kind=c_char), intent(in) :: file(*), options(*)
      type(c_ptr), intent(out) :: model
      integer(c_int) :: ierr
    end function c_load
    function c_set_grid(model, dim, n, batch) bind(c, name='NomosFortranSetGrid') result(ierr)
      import :: c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: dim, batch
      integer(c_int), intent(in) :: n(*)
      integer(c_int) :: ierr
    end function c_set_grid
    function c_shape(model, dim, n, channels_in, channels_out, batch) bind(c, name='NomosFortranShape') result(ierr)
      import :: c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), intent(out) :: dim, n(*), channels_in, channels_out, batch
      integer(c_int) :: ierr
    end function c_shape
    function c_apply(model, nx, x, ny, y) bind(c, name='NomosFortranApply') result(ierr)
      import :: c_int, c_int64_t, c_ptr
      type(c_ptr), value :: model, x, y
      integer(c_int64_t), value :: nx, ny
      integer(c_int) :: ierr
    end function c_apply
    function c_gradient(model, nx, x, ny, gy, ngx, gx) bind(c, name='NomosFortranGradient') result(ierr)
      import :: c_int, c_int64_t, c_ptr
      type(c_ptr), value :: model, x, gy, gx
      integer(c_int64_t), value :: nx, ny, ngx
      integer(c_int) :: ierr
    end function c_gradient
    function c_destroy(model) bind(c, name='NomosFortranDestroy') result(ierr)
      import :: c_int, c_ptr
      type(c_ptr), intent(inout) :: model
      integer(c_int) :: ierr
    end function c_destroy
    subroutine c_error_text(text, length) bind(c, name='NomosFortranErrorText')
      import :: c_int, c_char
      character(kind=c_char), intent(out) :: text(*)
      integer(c_int), value :: length
    end subroutine c_error_text
  end interface

contains

  ! options: a list like '-net_precision double', read before the model is
  subroutine nomos_load(comm, file, model, ierr, options)
    integer, intent(in) :: comm
    character(len=*), intent(in) :: file
    type(nomos_model), intent(out) :: model
    integer, intent(out) :: ierr
    character(len=*), intent(in), optional :: options
    if (present(options)) then
      ierr = c_load(comm, trim(file)//c_null_char, trim(options)//c_null_char, model%handle)
    else
      ierr = c_load(comm, trim(file)//c_null_char, c_null_char, model%handle)
    end if
  end subroutine nomos_load

  ! n: points along x, y, z (1 beyond dim); the grid, channels and samples per call in force
  subroutine nomos_shape(model, dim, n, channels_in, channels_out, ierr, batch)
    type(nomos_model), intent(in) :: model
    integer, intent(out) :: dim, n(3), channels_in, channels_out, ierr
    integer, intent(out), optional :: batch
    integer(c_int) :: samples
    ierr = c_shape(model%handle, dim, n, channels_in, channels_out, samples)
    if (present(batch)) batch = samples
  end subroutine nomos_shape

  subroutine nomos_set_grid(model, n, ierr, batch)
    type(nomos_model), intent(in) :: model
    integer, intent(in) :: n(:)
    integer, intent(out) :: ierr
    integer, intent(in), optional :: batch
    integer(c_int) :: samples
    samples = 1
    if (present(batch)) samples = batch
    ierr = c_set_grid(model%handle, size(n), n, samples)
  end subroutine nomos_set_grid

  subroutine nomos_apply(model, x, y, ierr)
    type(nomos_model), intent(in) :: model
    real(c_double), intent(in), target, contiguous :: x(..)
    real(c_double), intent(inout), target, contiguous :: y(..)
    integer, intent(out) :: ierr
    ierr = c_apply(model%handle, size(x, kind=c_int64_t), c_loc(x), size(y, kind=c_int64_t), c_loc(y))
  end subroutine nomos_apply

  subroutine nomos_gradient(model, x, gy, gx, ierr)
    type(nomos_model), intent(in) :: model
    real(c_double), intent(in), target, contiguous :: x(..), gy(..)
    real(c_double), intent(inout), target, contiguous :: gx(..)
    integer, intent(out) :: ierr
    ierr = c_gradient(model%handle, size(x, kind=c_int64_t), c_loc(x), size(gy, kind=c_int64_t), c_loc(gy), &
                      size(gx, kind=c_int64_t), c_loc(gx))
  end subroutine nomos_gradient

  subroutine nomos_destroy(model, ierr)
    type(nomos_model), intent(inout) :: model
    integer, intent(out) :: ierr
    ierr = c_destroy(model%handle)
  end subroutine nomos_destroy

  ! the sentence of the last error on this rank
  function nomos_error_text() result(text)
    character(len=:), allocatable :: text
    character(kind=c_char) :: raw(1024)
    integer :: n
    call c_error_text(raw, size(raw))
    n = 0
    do while (n < size(raw))
      if (raw(n + 1) == c_null_char) exit
      n = n + 1
    end do
    allocate(character(len=n) :: text)
    text = transfer(raw(1:n), text)
  end function nomos_error_text
end module nomos
