# cmake -D OBJDUMP=objdump -D "PROGRAMS=a;b" -P approximations.cmake: no program has an instruction whose result differs between
# Intel and AMD processors: approximate reciprocals and reciprocal roots.
cmake_minimum_required(VERSION 3.21)
set(problems)
foreach(program IN LISTS PROGRAMS)
  execute_process(COMMAND ${OBJDUMP} --disassemble --no-show-raw-insn --demangle ${program}
                  COMMAND awk "/^[0-9a-f]+ </ { place = $0 } /[ \\t]v?(rsqrt|rcp)(14|28)?[ps][sdh][ \\t]/ { print place; print $0; n++ } END { exit n > 0 }"
                  OUTPUT_VARIABLE found RESULTS_VARIABLE status)
  list(GET status 0 disassembled)
  if(NOT disassembled EQUAL 0)
    message(FATAL_ERROR "${OBJDUMP} cannot read ${program}")
  endif()
  if(found)
    string(SUBSTRING "${found}" 0 1500 found)
    list(APPEND problems "${program}\n${found}")
  endif()
endforeach()
if(problems)
  list(JOIN problems "\n" text)
  message(FATAL_ERROR "approximate instructions in\n${text}")
endif()
