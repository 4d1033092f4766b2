# Plays the engine for a worker; the specs of the worker drive it.
add_executable(worker-drive tests/tools/worker_drive.c)
target_link_libraries(worker-drive PRIVATE wire)
add_dependencies(worker-drive rbrun-worker)

add_executable(unit-jail tests/unit/jail_test.c)
target_link_libraries(unit-jail PRIVATE worker cmocka)

add_executable(unit-jail-calls tests/unit/jail_calls_test.c)
target_link_libraries(unit-jail-calls PRIVATE cmocka)

add_executable(unit-dialect tests/unit/dialect_test.c)
target_link_libraries(unit-dialect PRIVATE worker cmocka)
target_compile_definitions(unit-dialect PRIVATE
  DIALECT_LIST="${CMAKE_SOURCE_DIR}/tests/sandbox/dialect.txt")

add_executable(unit-order tests/unit/order_test.c)
target_link_libraries(unit-order PRIVATE worker cmocka)

# Plays a kernel that lacks a layer of the jail.
add_executable(without tests/tools/without.c)

# A worker that does what a script says. Never with sanitizers: its jail is
# the real one in both builds.
add_executable(hostile-worker tests/tools/hostile_worker.c
  tests/tools/hostile_calls.c lua/jail.c ${WIRE})
target_link_libraries(hostile-worker PRIVATE ${JANSSON_STATIC} ${CRYPTO_STATIC} m)
target_compile_options(hostile-worker PRIVATE -fno-sanitize=all
  -URBRUN_SANITIZE)
target_link_options(hostile-worker PRIVATE -fno-sanitize=all)
