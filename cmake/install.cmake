# Headers, targets and a package file for find_package(unroll [COMPONENTS io hdf5 onnx report word2vec compiled]).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(unroll_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/unroll)  # the same for every processor, hence share/
install(DIRECTORY include/unroll DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# One export set per component, so that a missing package of one component does not stop the others.
install(TARGETS unroll EXPORT unroll-targets)
install(EXPORT unroll-targets NAMESPACE unroll:: DESTINATION ${unroll_package_dir})
foreach(component IN ITEMS io hdf5 onnx report word2vec)
  install(TARGETS unroll_${component} EXPORT unroll-${component}-targets)
  install(EXPORT unroll-${component}-targets NAMESPACE unroll:: DESTINATION ${unroll_package_dir})
endforeach()

configure_package_config_file(cmake/unroll-config.cmake.in unroll-config.cmake
                              INSTALL_DESTINATION ${unroll_package_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR
                              NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(unroll-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/unroll-config.cmake ${PROJECT_BINARY_DIR}/unroll-config-version.cmake cmake/compiled.cmake
              cmake/find_hdf5.cmake cmake/find_onnx.cmake
        DESTINATION ${unroll_package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
