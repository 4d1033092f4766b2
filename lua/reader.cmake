# rbrun-reader: parses foreign text in a jail. Its rules (stdlib/migration)
# are compiled in, in the order in which each builds on those before it.
find_library(PG_QUERY_STATIC libpg_query.a REQUIRED)
set(READER_RULES)
foreach(name cut catalog codes expand
  expression expression_truth diff_type diff_context diff_columns diff_keys
  diff_constraints diff_defaults diff_privileges diff_triggers
  diff_relations diff_types
  diff_functions diff_others diff
  apply_state apply_types apply_names apply_query apply_index
  apply_constraint apply_column apply_drop apply_table apply_alter_column
  apply_alter
  apply_rename apply_view apply_type apply_function apply_grant apply_data
  apply apply_read apply_down
  program program_digest python python_names alembic_types alembic_parts
  alembic_table alembic_ops alembic django_fields django_state django_q
  django_sql django_index django_ops django ruby_tokens
  ruby ruby_statements rails_values rails_table rails_ops rails_keys
  rails_invert rails programs judge)
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
