# Install: libraries, nomos.h, the CMake package (nomos::nomos) and nomos.pc with the variable `plugin`.
include(CMakePackageConfigHelpers)
set(nomos_targets nomos)
if(NOMOS_FORTRAN)
  list(APPEND nomos_targets nomosf)
endif()
install(TARGETS ${nomos_targets} EXPORT nomosTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  PUBLIC_HEADER DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(nomos_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/nomos)
install(EXPORT nomosTargets NAMESPACE nomos:: DESTINATION ${nomos_cmake_dir})
configure_package_config_file(.cmake/nomosConfig.cmake.in ${CMAKE_BINARY_DIR}/nomosConfig.cmake INSTALL_DESTINATION ${nomos_cmake_dir}
  PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/nomosConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/nomosConfig.cmake ${CMAKE_BINARY_DIR}/nomosConfigVersion.cmake DESTINATION ${nomos_cmake_dir})
# nomos.pc can be moved with its tree: prefix is found from its own place.
file(RELATIVE_PATH NOMOS_PC_UP /r/${CMAKE_INSTALL_LIBDIR}/pkgconfig /r)
string(REGEX REPLACE "/$" "" NOMOS_PC_UP "${NOMOS_PC_UP}")
configure_file(.cmake/nomos.pc.in ${CMAKE_BINARY_DIR}/nomos.pc @ONLY)
if(NOMOS_FORTRAN) # for Fortran programs: pkg-config nomosf
  configure_file(.cmake/nomosf.pc.in ${CMAKE_BINARY_DIR}/nomosf.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/nomosf.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
install(FILES ${CMAKE_BINARY_DIR}/nomos.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
