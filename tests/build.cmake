# Everything that only the tests need; built beside the rest, never installed.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
rbrun_executable(driver-call tests/tools/driver_call.c)
include(tests/unit/build.cmake OPTIONAL)
if(NOT RBRUN_SANITIZE)
  include(tests/bench/build.cmake OPTIONAL)
endif()
include(tests/fuzz/build.cmake OPTIONAL)
include(tests/starve/build.cmake)
