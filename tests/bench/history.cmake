# The text of migrations, against the parser alone.
if(PG_QUERY_STATIC)
  add_executable(bench-history tests/bench/history.c
    core/drivers/migrate_sql.c)
  target_link_libraries(bench-history PRIVATE engine ${PG_QUERY_STATIC} m)
endif()
