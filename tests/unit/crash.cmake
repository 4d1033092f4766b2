# rbrun with a file table that fails on request, and a worker that dies on
# request; never installed.
rbrun_executable(rbrun-faulty tests/tools/faulty.c
  tests/tools/faulty_clock.c)
add_executable(bad-worker tests/tools/bad_worker.c)
target_link_libraries(bad-worker PRIVATE wire)
# What a run stands on: the store, and the parts of the engine by themselves.
foreach(part journal tape lock place secret environment verb plan)
  rbrun_executable(unit-${part} tests/unit/${part}_test.c)
  target_link_libraries(unit-${part} PRIVATE cmocka)
endforeach()
rbrun_executable(unit-grant-line tests/unit/grant_line_test.c)
target_link_libraries(unit-grant-line PRIVATE cmocka)
rbrun_executable(unit-frame-check tests/unit/frame_check_test.c)
target_link_libraries(unit-frame-check PRIVATE cmocka)
