# Man pages from the sources: BUILD/man/man3, installed with the library. Needs awk, which every Unix has; without it, none.
find_program(NOMOS_AWK NAMES awk mawk gawk)
file(GLOB_RECURSE NOMOS_MAN_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/*.c ${CMAKE_CURRENT_SOURCE_DIR}/petsc_ext/*.c)
if(NOMOS_AWK)
  set(NOMOS_MAN ${CMAKE_BINARY_DIR}/man)
  # Made in a fresh folder: no page may outlive its function.
  add_custom_command(OUTPUT ${NOMOS_MAN}/made
    COMMAND ${CMAKE_COMMAND} -E remove_directory ${NOMOS_MAN}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${NOMOS_MAN}/man3
    COMMAND ${NOMOS_AWK} -v out=${NOMOS_MAN}/man3 -v version=${PROJECT_VERSION} -f ${CMAKE_CURRENT_SOURCE_DIR}/.cmake/man.awk ${NOMOS_MAN_SOURCES}
    COMMAND ${CMAKE_COMMAND} -E touch ${NOMOS_MAN}/made
    DEPENDS ${NOMOS_MAN_SOURCES} .cmake/man.awk COMMENT "Man pages" VERBATIM)
  add_custom_target(nomos_man ALL DEPENDS ${NOMOS_MAN}/made)
  install(DIRECTORY ${NOMOS_MAN}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR} OPTIONAL FILES_MATCHING PATTERN "*.3")
else()
  message(STATUS "Man pages: no awk found, none are made")
endif()
