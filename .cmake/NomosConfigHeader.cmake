# generated/nomosconfig.h: what -nomos_view says about this build.  generated/optionnames.h: every option name in the
# sources, for the nearest spelling of a mistyped one. Both are looked at in every build and written only when they change.
set(NOMOS_GENERATED ${CMAKE_CURRENT_BINARY_DIR}/generated)
add_custom_target(nomos_generated
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR} -DOUT=${NOMOS_GENERATED} -DFFTW=${NOMOS_HAVE_FFTW} -DCUDA=${NOMOS_HAVE_CUDA} -DVERSION=${PROJECT_VERSION}
    -DBUILD_TYPE=${CMAKE_BUILD_TYPE} -DSANITIZE=${NOMOS_SANITIZE} "-DCOMPILER=${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/.cmake/generated.cmake
  BYPRODUCTS ${NOMOS_GENERATED}/nomosconfig.h ${NOMOS_GENERATED}/optionnames.h
  COMMENT "Version and option names" VERBATIM)
add_dependencies(nomos nomos_generated)
