# rbrun, a worker and a reader that get no memory at a point of their lives.
# Linked dynamically: the allocator has to be everybody's.
if(NOT RBRUN_VALGRIND)
  set(STARVED ${CMAKE_SOURCE_DIR}/tests/tools/starved.c)
  rbrun_executable(rbrun-starved core/cli/main.c ${STARVED})
  add_executable(worker-starved lua/worker.c ${STARVED})
  target_link_libraries(worker-starved PRIVATE worker)
  add_executable(reader-starved lua/reader_main.c lua/reader_sql.c
    lua/reader_tree.c lua/jail.c
    ${CMAKE_BINARY_DIR}/reader_rules.c ${STARVED})
  add_dependencies(reader-starved rbrun-reader) # which makes the rules
  target_include_directories(reader-starved PRIVATE lua)
  target_include_directories(reader-starved SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
  target_link_libraries(reader-starved PRIVATE reader-heap reader-metric
    ${LPEG_STATIC} ${LUA_STATIC} ${PG_QUERY_STATIC} m)
  foreach(name worker-starved reader-starved)
    target_compile_definitions(${name} PRIVATE STARVE_JAILED)
  endforeach()
  if(RBRUN_SANITIZE)
    foreach(name rbrun-starved worker-starved)
      target_link_options(${name} PRIVATE
        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
    endforeach()
    # Its own wrappers call the allocator of the tests, and that the real one.
    target_compile_definitions(reader-starved PRIVATE STARVE_BEHIND
      __real_malloc=starved_malloc __real_calloc=starved_calloc
      __real_realloc=starved_realloc)
  endif()
endif()
