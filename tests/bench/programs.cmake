foreach(bench pair disk socketpair)
  add_executable(bench-${bench} tests/bench/${bench}.c)
endforeach()
