# program_test(name status regex [PATH dir] [OUTPUT file] [LARGEST blocks] [TITLE title] [FILES names] [NO_FILES names] ARGUMENTS arguments...): runs ${program}, which the folder has
# set, in an empty folder. It must end with the status and say what the regex matches, in one line if it is an error; FILES must be there
# afterwards, and NO_FILES not. OUTPUT: where
# standard output goes. LARGEST: largest size of a file in blocks of 512 bytes; larger ones fail as on a full disk.
# TITLE: of the report page, which must list each file once.
set(program_test_script ${CMAKE_CURRENT_LIST_DIR}/run_program.cmake)
set(number_of_program_test 0)

function(program_test name status says)
  cmake_parse_arguments(PARSE_ARGV 3 test "" "PATH;OUTPUT;LARGEST;TITLE" "FILES;NO_FILES;ARGUMENTS")
  math(EXPR number "${number_of_program_test} + 1")
  set(number_of_program_test ${number} PARENT_SCOPE)
  set(given)
  if(DEFINED test_PATH)
    set(given -D PATH=${test_PATH})
  endif()
  if(DEFINED test_OUTPUT)
    list(APPEND given -D OUTPUT=${test_OUTPUT})
  endif()
  if(DEFINED test_LARGEST)
    list(APPEND given -D LARGEST=${test_LARGEST})
  endif()
  if(DEFINED test_TITLE)
    list(APPEND given -D "TITLE=${test_TITLE}")
  endif()
  add_test(NAME "${program}/${name}"
           COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${program}> -D FOLDER=${CMAKE_CURRENT_BINARY_DIR}/run${number}
                   -D STATUS=${status} -D "SAYS=${says}" -D "FILES=${test_FILES}" -D "NO_FILES=${test_NO_FILES}" ${given}
                   -P ${program_test_script} -- ${test_ARGUMENTS})
endfunction()
