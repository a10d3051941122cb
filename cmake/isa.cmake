# Sources named *_isa.cc are compiled once per instruction set. Each copy puts its code into
# `namespace HALFTONE_ISA_NS`, so the copies link side by side and a table picks one at run time.
#
# halftone_add_isa_variants(<target> <source>...) adds the copies to <target> and defines
# HALFTONE_HAVE_<LEVEL>=1 for every level beyond `baseline`, whether or not there are sources.

include(CheckCXXCompilerFlag)

set(HALFTONE_ISA_LEVELS baseline)
set(HALFTONE_ISA_FLAGS_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  set(HALFTONE_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2)
  set(HALFTONE_ISA_FLAGS_avx512 ${HALFTONE_ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl
                                -mavx512dq -mprefer-vector-width=512)
  set(HALFTONE_ISA_FLAGS_avx512fp16 ${HALFTONE_ISA_FLAGS_avx512} -mavx512fp16)
  foreach(level avx2 avx512 avx512fp16)
    # All flags in one string: a level counts only when the compiler takes them together.
    string(JOIN " " flags ${HALFTONE_ISA_FLAGS_${level}})
    check_cxx_compiler_flag("${flags}" HALFTONE_CXX_HAS_${level})
    if(HALFTONE_CXX_HAS_${level})
      list(APPEND HALFTONE_ISA_LEVELS ${level})
    endif()
  endforeach()
endif()
string(JOIN " " HALFTONE_ISA_SUMMARY ${HALFTONE_ISA_LEVELS})

set(HALFTONE_ISA_OBJECTS "")

function(halftone_add_isa_variants target)
  foreach(level ${HALFTONE_ISA_LEVELS})
    string(TOUPPER ${level} upper)
    if(NOT level STREQUAL "baseline")
      target_compile_definitions(${target} PUBLIC HALFTONE_HAVE_${upper}=1)
    endif()
    if(ARGN)
      set(lib halftone_isa_${level})
      add_library(${lib} OBJECT ${ARGN})
      target_include_directories(${lib} PRIVATE native)
      target_compile_definitions(${lib} PRIVATE HALFTONE_ISA_NS=${level}
                                                HALFTONE_ISA_${upper}=1)
      target_compile_options(${lib} PRIVATE ${HALFTONE_ISA_FLAGS_${level}})
      if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        # Its own 512-bit intrinsics start from an uninitialized register (GCC bug 105593).
        target_compile_options(${lib} PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
      endif()
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${lib}>)
      if(NOT level STREQUAL "baseline")
        set(HALFTONE_ISA_OBJECTS ${HALFTONE_ISA_OBJECTS} ${lib} PARENT_SCOPE)
        list(APPEND HALFTONE_ISA_OBJECTS ${lib})
      endif()
    endif()
  endforeach()
endfunction()
