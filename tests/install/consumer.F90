! A user's Fortran program: built with what nomosf.pc says; a call before MPI_Init is refused with a sentence.
program consumer
  use nomos
  implicit none
  type(nomos_model) :: model
  integer           :: ierr

  call nomos_load(0, 'none.h5', model, ierr)
  if (ierr == 0) error stop 'a model without MPI'
  print '(a)', trim(nomos_error_text())
end program consumer
