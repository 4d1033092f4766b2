# What an assessment looks like: hand-made lines in, text, NDJSON, SARIF out.
add_executable(unit-assess tests/unit/assess_test.c)
target_link_libraries(unit-assess PRIVATE engine wire cmocka)
set_target_properties(unit-assess PROPERTIES ENABLE_EXPORTS ON)
