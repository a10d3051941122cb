# cudnn_plans: makes plans with the real cuDNN for devices that are not there, wherever cuDNN and CUDA's
# headers are, and compares docs/cudnn-plans.md with them. Sets HALFTONE_CUDNN_PLANS_SUMMARY.

find_program(HALFTONE_NODE node)
if(NOT TARGET halftone_cuda)
  set(HALFTONE_CUDNN_PLANS_SUMMARY "not checked (no CUDA module)")
elseif(NOT HALFTONE_NODE)
  set(HALFTONE_CUDNN_PLANS_SUMMARY "not checked (no node)")
else()
  set(native "${CMAKE_SOURCE_DIR}/native")
  # What chooses plans in the module, and nothing of the CUDA runtime.
  add_executable(cudnn_plans
    test/native/cudnn_plans.cc "${native}/backends/cuda/dnn_plan.cc"
    "${native}/backends/cuda/vendor_dnn.cc" "${native}/backends/cuda/vendor_dnn_graph.cc")
  target_include_directories(cudnn_plans PRIVATE test/native "${native}")
  target_include_directories(cudnn_plans SYSTEM PRIVATE
    "${HALFTONE_CUBLAS_INCLUDE}" "${HALFTONE_CUDNN_INCLUDE}"
    ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  get_filename_component(cudnn_folder "${HALFTONE_CUDNN_LIBRARY}" DIRECTORY)
  set_target_properties(cudnn_plans PROPERTIES INSTALL_RPATH "${cudnn_folder}")
  target_link_libraries(cudnn_plans PRIVATE halftone_core "${HALFTONE_CUDNN_LIBRARY}")
  target_link_options(cudnn_plans PRIVATE -Wl,--allow-shlib-undefined)
  add_dependencies(halftone_tests cudnn_plans)

  set(plans "${CMAKE_BINARY_DIR}/cudnn-plans.json")
  add_test(NAME cudnn_plans COMMAND cudnn_plans "${HALFTONE_CUBLASLT_LIBRARY}" "${plans}")
  set_tests_properties(cudnn_plans PROPERTIES TIMEOUT 300 FIXTURES_SETUP cudnn_plans)
  add_test(NAME cudnn_plans_page
           COMMAND "${HALFTONE_NODE}" "${CMAKE_SOURCE_DIR}/scripts/cudnn-plans.mjs" --check "${plans}")
  set_tests_properties(cudnn_plans_page PROPERTIES TIMEOUT 60 FIXTURES_REQUIRED cudnn_plans)
  math(EXPR HALFTONE_TEST_COUNT "${HALFTONE_TEST_COUNT} + 2")
  set(HALFTONE_CUDNN_PLANS_SUMMARY "checked by ctest")
endif()
