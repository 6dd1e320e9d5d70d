# Configures, builds and runs consumer/ in an empty folder WORK, with the library installed from BUILD or as the subfolder SOURCE.
cmake_minimum_required(VERSION 3.21)
function(must_run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
if(HOW STREQUAL "installed")
  must_run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
  # Moved, so that a package file which remembers where it was installed is found out.
  file(RENAME ${WORK}/prefix ${WORK}/moved)
  set(where -D CMAKE_PREFIX_PATH=${WORK}/moved)
else()
  set(where -D UNROLL_SOURCE=${SOURCE})
endif()
must_run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK}/build -G ${GENERATOR}
         -D CMAKE_CXX_COMPILER=${COMPILER} ${where})
must_run(${CMAKE_COMMAND} --build ${WORK}/build)
must_run(${WORK}/build/core_only)
must_run(${WORK}/build/with_io)
