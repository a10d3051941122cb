# cmake -DNM=<nm> -DOBJECTS=<list> -P check_isa_symbols.cmake
#
# An object compiled for AVX2 or more may export only what lies in its own namespace. A shared inline
# function (std::vector growing, a helper of native/core) would be emitted here with those
# instructions; the linker keeps one copy for everybody, and an older CPU would stop on it.

set(bad "")
foreach(object ${OBJECTS})
  if(NOT object MATCHES "halftone_isa_([a-z0-9]+)")
    message(FATAL_ERROR "cannot tell the instruction set of ${object}")
  endif()
  set(level ${CMAKE_MATCH_1})
  execute_process(COMMAND ${NM} --demangle --defined-only ${object}
                  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "," symbols "${symbols}")
  string(REPLACE "[" "(" symbols "${symbols}")
  string(REPLACE "]" ")" symbols "${symbols}")
  string(REPLACE "\n" ";" symbols "${symbols}")
  foreach(symbol ${symbols})
    if(NOT symbol MATCHES "^[0-9a-f]* *[TW] (.*)$")
      continue()
    endif()
    set(function "${CMAKE_MATCH_1}")
    if(NOT function MATCHES "(^|[^a-z0-9_])${level}::")
      get_filename_component(name "${object}" NAME)
      string(APPEND bad "\n  ${level}/${name}: ${function}")
    endif()
  endforeach()
endforeach()
if(bad)
  message(FATAL_ERROR "functions outside the namespace of their instruction set:${bad}")
endif()
