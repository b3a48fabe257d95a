# Prints every public function whose body raises an error while its page has no line "Errors:". Part of the test man.
FNR == 1 { page = 0; body = 0 }
/^\/\*@C?$/ { page = 1; errors = 0 }
page && /^  Errors:/ { errors = 1 }
/^@\*\/$/ { page = 0; documented = 1; next }
documented && /^(PETSC_EXTERN )?PetscErrorCode +Nomos[A-Za-z0-9]+\(/ {
  name = $0
  sub(/^(PETSC_EXTERN )?PetscErrorCode +/, "", name)
  sub(/\(.*/, "", name)
  body = 1
}
/^[^ ]/ { documented = 0 }
body && /(PetscCheck|SETERRQ).*PETSC_ERR_/ && !errors { print name; body = 0 }
/^}/ { body = 0 }
