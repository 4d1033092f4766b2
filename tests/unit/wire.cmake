# What both sides of the socket stand on; and what redaction and grants owe to
# any input whatever (tests/fuzz states the same of every input).
add_executable(unit-wire tests/unit/wire_test.c)
target_link_libraries(unit-wire PRIVATE wire cmocka)

foreach(part redact names)
  rbrun_executable(unit-${part} tests/unit/${part}_test.c)
  target_link_libraries(unit-${part} PRIVATE cmocka)
endforeach()
