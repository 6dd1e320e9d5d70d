# Defines hdf5::hdf5, the C library of HDF5, if it is installed and not defined yet. The module of CMake needs the
# language C, which a C++ project may not enable.
if(NOT TARGET hdf5::hdf5)
  find_path(UNROLL_HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial)
  find_library(UNROLL_HDF5_LIBRARY NAMES hdf5_serial hdf5 PATH_SUFFIXES hdf5/serial)
  mark_as_advanced(UNROLL_HDF5_INCLUDE UNROLL_HDF5_LIBRARY)
  if(UNROLL_HDF5_INCLUDE AND UNROLL_HDF5_LIBRARY)
    add_library(hdf5::hdf5 UNKNOWN IMPORTED GLOBAL)
    set_target_properties(hdf5::hdf5 PROPERTIES IMPORTED_LOCATION ${UNROLL_HDF5_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                ${UNROLL_HDF5_INCLUDE})
  endif()
endif()
