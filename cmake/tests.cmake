# One executable and one ctest entry for each test/native/*_test.cc, and the fake backend modules
# that the loader tests open.

enable_testing()

file(GLOB HALFTONE_TEST_SOURCES CONFIGURE_DEPENDS test/native/*_test.cc)
file(GLOB HALFTONE_FAKE_SOURCES CONFIGURE_DEPENDS test/native/fake_backend*.cc)

# The modules lie beside the addon when there is one, so that the tests in TypeScript find them too.
set(HALFTONE_MODULE_DIR "${CMAKE_BINARY_DIR}/modules")
if(CMAKE_LIBRARY_OUTPUT_DIRECTORY)
  set(HALFTONE_MODULE_DIR "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
endif()

# halftone_add_fake(<name> [<definition>...])
function(halftone_add_fake name)
  # As any module would, it compiles the schemas itself: their hash is what the loader compares.
  add_library(${name} MODULE ${HALFTONE_FAKE_SOURCES} native/core/schema.cc native/core/shape.cc)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so"
                                           LIBRARY_OUTPUT_DIRECTORY "${HALFTONE_MODULE_DIR}")
  target_include_directories(${name} PRIVATE native test/native)
  target_compile_definitions(${name} PRIVATE ${ARGN})
  add_dependencies(halftone_fakes ${name})
endfunction()

add_custom_target(halftone_fakes)
if(HALFTONE_FAKE_SOURCES)
  halftone_add_fake(halftone_fake)
  halftone_add_fake(halftone_fake_abi FAKE_ABI_VERSION=999)
  halftone_add_fake(halftone_fake_schema FAKE_SCHEMA_SALT=1)
  halftone_add_fake(halftone_fake_cuda "FAKE_NAME=\"cuda\"")
endif()

# Folders with NVIDIA's library names, for the tests of the loader: fake_libraries has those it takes,
# fake_libraries_12 a cuDNN for CUDA 12, which it must not take.
function(halftone_add_fake_library folder file cudart)
  set(name "${folder}_${file}")
  add_library(${name} MODULE test/native/fake_library.cc)
  set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME "${file}" SUFFIX ""
                                           LIBRARY_OUTPUT_DIRECTORY "${HALFTONE_MODULE_DIR}/${folder}")
  target_compile_definitions(${name} PRIVATE FAKE_CUDART=${cudart})
  target_link_options(${name} PRIVATE "-Wl,-soname,${file}")
  add_dependencies(halftone_fakes ${name})
endfunction()
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  foreach(file libcublasLt.so.13 libnvrtc.so.13 libcudnn.so.9)
    halftone_add_fake_library(fake_libraries ${file} 13020)
  endforeach()
  halftone_add_fake_library(fake_libraries_12 libcudnn.so.9 12090)
endif()

add_subdirectory(native/backends/emu)

# Instrumented code is several times slower.
set(HALFTONE_TEST_SECONDS 300)
if(NOT HALFTONE_SANITIZE STREQUAL "none")
  set(HALFTONE_TEST_SECONDS 1200)
endif()

add_custom_target(halftone_tests)
add_dependencies(halftone_tests halftone_fakes)
if(HALFTONE_HAVE_CORE)
  foreach(source ${HALFTONE_TEST_SOURCES})
    get_filename_component(name "${source}" NAME_WE)
    add_executable(${name} "${source}")
    target_include_directories(${name} PRIVATE test/native)
    target_compile_definitions(${name} PRIVATE HALFTONE_TEST_MODULE_DIR="${HALFTONE_MODULE_DIR}")
    # test/native/cuda_<what>_test.cc runs the CUDA backend's sources on the emulated device, which
    # take the schemas from the core.
    if(name MATCHES "^cuda_")
      target_link_libraries(${name} PRIVATE halftone_emu_core)
    endif()
    target_link_libraries(${name} PRIVATE halftone_core)
    add_dependencies(${name} halftone_fakes)
    add_dependencies(halftone_tests ${name})
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES
      TIMEOUT ${HALFTONE_TEST_SECONDS} ENVIRONMENT "HALFTONE_TEST_MODULE_DIR=${HALFTONE_MODULE_DIR}")
    math(EXPR HALFTONE_TEST_COUNT "${HALFTONE_TEST_COUNT} + 1")
  endforeach()

  # Unoptimized and instrumented objects keep calls to inline functions, so this holds for Release.
  if(HALFTONE_ISA_OBJECTS AND CMAKE_BUILD_TYPE STREQUAL "Release" AND HALFTONE_SANITIZE STREQUAL "none"
     AND NOT APPLE AND CMAKE_NM)
    set(objects "")
    foreach(lib ${HALFTONE_ISA_OBJECTS})
      string(APPEND objects "$<TARGET_OBJECTS:${lib}>;")
    endforeach()
    add_test(NAME isa_symbols
             COMMAND ${CMAKE_COMMAND} "-DNM=${CMAKE_NM}" "-DOBJECTS=${objects}"
                     -P "${CMAKE_SOURCE_DIR}/cmake/check_isa_symbols.cmake")
    math(EXPR HALFTONE_TEST_COUNT "${HALFTONE_TEST_COUNT} + 1")
  endif()
endif()
