# Finds what the CUDA backend is built with: nvcc of CUDA 13, and headers and libraries of cuBLAS 13
# and cuDNN 9. Nothing is cached, so a later configuration sees what was installed or removed.
#
# halftone_find_cuda() sets HALFTONE_NVCC, HALFTONE_NVCC_VERSION, HALFTONE_CUBLAS_INCLUDE,
# HALFTONE_CUDNN_INCLUDE, HALFTONE_CUBLASLT_LIBRARY, HALFTONE_CUDNN_LIBRARY,
# each empty when not found, and the list HALFTONE_CUDA_MISSING, which says for people what is not.
#
#   cmake -P cmake/cuda_libraries.cmake   prints NAME=value lines; scripts/cuda-deps.mjs reads them
#
# The libraries' file names carry the major version, and so do the module's DT_NEEDED entries:
# another major version would not be found at run time either.

if(CMAKE_SCRIPT_MODE_FILE)
  cmake_minimum_required(VERSION 3.22)
endif()

set(HALFTONE_CUDA_MAJOR 13)
set(HALFTONE_CUDNN_MAJOR 9)

get_filename_component(HALFTONE_CUDA_SOURCE_DIR "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

# Folders that may hold include/ and lib/, in the order of the search: what the user names, the
# toolkits of the system, Python's packages (one root per library), and .cuda.
function(halftone_cuda_roots out)
  set(roots "$ENV{CUDNN_PATH}" "$ENV{CUDA_PATH}" "$ENV{CUDA_HOME}" "$ENV{CONDA_PREFIX}"
            /usr/local/cuda /usr/local /usr)
  set(packages "")
  foreach(prefix "$ENV{VIRTUAL_ENV}" "$ENV{CONDA_PREFIX}")
    if(prefix)
      file(GLOB found "${prefix}/lib/python3*/site-packages")
      list(APPEND packages ${found})
    endif()
  endforeach()
  find_program(python NAMES python3 python NO_CACHE)
  if(python)
    execute_process(
      COMMAND "${python}" -c
              "import sys; print(';'.join(p for p in sys.path if p.endswith('-packages')))"
      OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      list(APPEND packages ${found})
    endif()
  endif()
  list(APPEND packages "${HALFTONE_CUDA_SOURCE_DIR}/.cuda")
  foreach(package ${packages})
    list(APPEND roots "${package}/nvidia/cu${HALFTONE_CUDA_MAJOR}" "${package}/nvidia/cudnn")
  endforeach()
  list(REMOVE_ITEM roots "")
  list(REMOVE_DUPLICATES roots)
  set(${out} ${roots} PARENT_SCOPE)
endfunction()

# The first <root>/<suffix>/<file>. With a pattern, its text has to match: a header of another major
# version beside the right library is passed over.
function(halftone_find_file out roots suffixes file pattern)
  set(${out} "" PARENT_SCOPE)
  foreach(root ${roots})
    foreach(suffix ${suffixes})
      set(name "${root}/${suffix}/${file}")
      if(EXISTS "${name}")
        if(pattern)
          file(STRINGS "${name}" lines REGEX "${pattern}" LIMIT_COUNT 1)
          if(NOT lines)
            continue()
          endif()
        endif()
        set(${out} "${name}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

function(halftone_find_nvcc)
  set(HALFTONE_NVCC "" PARENT_SCOPE)
  find_program(nvcc NAMES $ENV{CUDACXX} nvcc NO_CACHE
               HINTS "$ENV{CUDA_PATH}/bin" "$ENV{CUDA_HOME}/bin" PATHS /usr/local/cuda/bin)
  if(NOT nvcc)
    set(HALFTONE_CUDA_MISSING nvcc PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND "${nvcc}" --version OUTPUT_VARIABLE text ERROR_QUIET)
  if(NOT text MATCHES "release ([0-9]+)\\.([0-9]+)")
    set(HALFTONE_CUDA_MISSING "working nvcc (${nvcc} --version fails)" PARENT_SCOPE)
    return()
  endif()
  set(version ${CMAKE_MATCH_1}.${CMAKE_MATCH_2})
  set(HALFTONE_NVCC_VERSION ${version} PARENT_SCOPE)
  if(NOT CMAKE_MATCH_1 EQUAL HALFTONE_CUDA_MAJOR)
    set(HALFTONE_CUDA_MISSING "nvcc ${HALFTONE_CUDA_MAJOR} (${nvcc} is ${version})" PARENT_SCOPE)
    return()
  endif()
  set(HALFTONE_NVCC "${nvcc}" PARENT_SCOPE)
endfunction()

macro(halftone_find_cuda)
  set(HALFTONE_CUDA_MISSING "")
  halftone_find_nvcc()
  halftone_cuda_roots(HALFTONE_CUDA_ROOTS)
  # Debian and Ubuntu keep libraries and cuDNN's headers in folders named after the machine.
  cmake_host_system_information(RESULT machine QUERY OS_PLATFORM)
  set(lib lib64 lib lib/${machine}-linux-gnu)
  set(include include include/${machine}-linux-gnu)
  set(cublas_version "define +CUBLAS_VER_MAJOR +${HALFTONE_CUDA_MAJOR}$")
  set(cudnn_version "define +CUDNN_MAJOR +${HALFTONE_CUDNN_MAJOR}$")
  foreach(entry
      "CUBLAS_HEADER|include|cublas_api.h|${cublas_version}"
      "CUDNN_HEADER|include|cudnn_version.h|${cudnn_version}"
      "CUBLASLT_LIBRARY|lib|libcublasLt.so.${HALFTONE_CUDA_MAJOR}|"
      "CUDNN_LIBRARY|lib|libcudnn.so.${HALFTONE_CUDNN_MAJOR}|")
    string(REPLACE "|" ";" entry "${entry}")
    list(POP_FRONT entry name suffixes file pattern)
    halftone_find_file(HALFTONE_${name} "${HALFTONE_CUDA_ROOTS}" "${${suffixes}}" "${file}" "${pattern}")
    if(NOT HALFTONE_${name})
      string(REGEX REPLACE "_.*" "" library ${name})
      list(APPEND HALFTONE_CUDA_MISSING "${library} (${file})")
    endif()
  endforeach()
  foreach(name CUBLAS CUDNN)
    get_filename_component(HALFTONE_${name}_INCLUDE "${HALFTONE_${name}_HEADER}" DIRECTORY)
  endforeach()
endmacro()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  halftone_find_cuda()
  foreach(name NVCC NVCC_VERSION CUBLAS_INCLUDE CUBLASLT_LIBRARY CUDNN_INCLUDE
               CUDNN_LIBRARY CUDA_MISSING)
    execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${name}=${HALFTONE_${name}}")
  endforeach()
endif()
