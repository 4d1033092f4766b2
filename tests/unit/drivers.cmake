# What the drivers without a library stand on, without engine or driver.
add_executable(unit-process tests/unit/process_test.c core/drivers/process.c
  core/drivers/driver.c)
target_link_libraries(unit-process PRIVATE wire cmocka)

add_executable(unit-driver-parts tests/unit/driver_parts_test.c
  core/drivers/driver.c core/drivers/haproxy_socket.c
  core/drivers/json_file.c core/drivers/release_name.c)
target_link_libraries(unit-driver-parts PRIVATE wire cmocka)
