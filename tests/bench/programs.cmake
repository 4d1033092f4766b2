foreach(bench pair disk socketpair)
  add_executable(bench-${bench} tests/bench/${bench}.c)
endforeach()
rbrun_executable(bench-worker tests/bench/worker.c)
