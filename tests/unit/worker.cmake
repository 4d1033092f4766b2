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

add_executable(unit-order tests/unit/order_test.c)
target_link_libraries(unit-order PRIVATE worker cmocka)

# Plays a kernel that lacks a layer of the jail.
add_executable(without tests/tools/without.c)
