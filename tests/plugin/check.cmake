# Runs COMMAND without and with the plug-in. MODE:
#   same         both end in status 0 and print the same
#   contains     with the plug-in the output matches EXPECT, and the plain program does not print that
#   gains        the plain program refuses a type that the plug-in brings; output matches EXPECT
#   answers      the plain program refuses the type; with the plug-in status is not 0 and the error text matches EXPECT
#   warned       the same for the error output; standard output is unchanged
#   silent       the same output, and nothing in the error output begins with nomos:
#   refused      status is not 0 and the error text matches EXPECT; the plain program runs
#   renamed      a copy under another name registers nothing and harms nothing
#   environment, optionsfile   the plug-in named in PETSC_OPTIONS, in an options file; output matches EXPECT
separate_arguments(COMMAND UNIX_COMMAND "${COMMAND}")

function(launch out status)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text ERROR_VARIABLE error RESULT_VARIABLE rc)
  set(${out} "${text}" PARENT_SCOPE)
  set(${out}_error "${error}" PARENT_SCOPE)
  set(${status} "${rc}" PARENT_SCOPE)
endfunction()

set(plain_command ${COMMAND})
if(MODE MATCHES "contains|environment|optionsfile")
  list(FILTER plain_command EXCLUDE REGEX "^-nomos")
endif()
launch(plain plain_rc ${plain_command})
if(MODE MATCHES "^(gains|answers)$")
  if(plain_rc STREQUAL "0")
    message(FATAL_ERROR "the plain program knows the type")
  endif()
elseif(NOT plain_rc STREQUAL "0")
  if(plain_error MATCHES "error while loading shared libraries")
    message("check: skipped, the program itself does not start: ${plain_error}")
    return()
  endif()
  message(FATAL_ERROR "the program fails without the plug-in (${plain_rc}): ${plain}${plain_error}")
endif()

if(MODE STREQUAL "renamed")
  get_filename_component(file ${PLUGIN} REALPATH)
  file(COPY_FILE ${file} ${CMAKE_CURRENT_BINARY_DIR}/libnomos2.so)
  launch(with rc ${COMMAND} -dll_append ${CMAKE_CURRENT_BINARY_DIR}/libnomos2.so -nomos_list)
elseif(MODE STREQUAL "environment")
  set(ENV{PETSC_OPTIONS} "-dll_append ${PLUGIN} -nomos_list")
  launch(with rc ${COMMAND})
elseif(MODE STREQUAL "optionsfile")
  file(WRITE plugin.opts "-dll_append ${PLUGIN}\n-nomos_list\n")
  launch(with rc ${COMMAND} -options_file plugin.opts)
else()
  launch(with rc ${COMMAND} -dll_append ${PLUGIN})
endif()

if(MODE MATCHES "^(refused|answers)$")
  # PETSc wraps long lines of an error text.
  string(REGEX REPLACE "\\[[0-9]+\\]PETSC ERROR: " "" said "${with_error}${with}")
  string(REGEX REPLACE "[ \n]+" " " said "${said}")
  if(rc STREQUAL "0")
    message(FATAL_ERROR "not refused: ${with}${with_error}")
  elseif(NOT said MATCHES "${EXPECT}")
    message(FATAL_ERROR "refused (${rc}), but not with '${EXPECT}': ${with}${with_error}")
  endif()
  return()
endif()
if(NOT rc STREQUAL "0")
  message(FATAL_ERROR "fails with the plug-in (${rc}): ${with}${with_error}")
endif()
if(MODE STREQUAL "warned" AND NOT "${with_error}" MATCHES "${EXPECT}")
  message(FATAL_ERROR "'${EXPECT}' is not in the error output: ${with_error}")
elseif(MODE STREQUAL "silent" AND "${with_error}" MATCHES "nomos:")
  message(FATAL_ERROR "the plug-in speaks about options that are not its own: ${with_error}")
endif()
if(MODE MATCHES "same|renamed|warned|silent")
  # Newer PETSc names unused options at the end: the renamed copy leaves -nomos_list unused.
  string(REGEX REPLACE "WARNING! There (are|is) .*" "" with "${with}")
  string(REGEX REPLACE "WARNING! There (are|is) .*" "" plain "${plain}")
  if(NOT "${with}" STREQUAL "${plain}")
    message(FATAL_ERROR "the plug-in changes the output:\n--- without\n${plain}--- with\n${with}")
  endif()
  if(MODE STREQUAL "same" AND NOT "${with_error}" STREQUAL "${plain_error}")
    message(FATAL_ERROR "the plug-in changes the error output:\n--- without\n${plain_error}--- with\n${with_error}")
  endif()
elseif(NOT "${with}" MATCHES "${EXPECT}")
  message(FATAL_ERROR "'${EXPECT}' is not in:\n${with}${with_error}")
endif()
