# rbrun-reader: parses foreign text in a jail. Its rules are compiled in.
include(${CMAKE_CURRENT_LIST_DIR}/rules.cmake)
find_library(PG_QUERY_STATIC libpg_query.a REQUIRED)
set(READER_RULES)
foreach(name ${MIGRATION_RULES})
  list(APPEND READER_RULES ${name}
    ${CMAKE_SOURCE_DIR}/stdlib/migration/${name}.lua)
endforeach()
file(GLOB READER_RULE_FILES CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/stdlib/migration/*.lua)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/reader_rules.c
  COMMAND embed-tool ${CMAKE_BINARY_DIR}/reader_rules.c ${READER_RULES}
  DEPENDS embed-tool ${READER_RULE_FILES}
  COMMENT "Compiling the rules of migrations" VERBATIM)

# The part that only reads metrics is a library of its own, for its tests and
# its benchmark.
add_library(reader-metric STATIC lua/reader_fold.c lua/reader_json.c
  lua/reader_metric.c lua/reader_number.c lua/reader_pairs.c)
target_link_libraries(reader-metric PUBLIC wire)

# What ends a reader, whichever of its libraries gets no memory.
add_library(reader-heap INTERFACE)
target_sources(reader-heap INTERFACE ${CMAKE_SOURCE_DIR}/lua/reader_heap.c)
target_link_options(reader-heap INTERFACE
  -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup)

add_executable(rbrun-reader lua/reader_main.c lua/reader_sql.c
  lua/reader_tree.c lua/jail.c
  ${CMAKE_BINARY_DIR}/reader_rules.c)
target_include_directories(rbrun-reader PRIVATE lua)
target_include_directories(rbrun-reader SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
target_link_libraries(rbrun-reader PRIVATE reader-heap reader-metric
  ${LPEG_STATIC} ${LUA_STATIC} ${PG_QUERY_STATIC} m)
if(NOT RBRUN_SANITIZE AND NOT RBRUN_VALGRIND)
  target_link_options(rbrun-reader PRIVATE -static-pie)
endif()

install(TARGETS rbrun-reader DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/rbrun)
