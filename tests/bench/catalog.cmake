# A live catalog read and compared, against pg_dump --schema-only.
add_executable(bench-catalog tests/bench/catalog.c core/drivers/pg_client.c
  core/drivers/pg_catalog.c core/drivers/pg_catalog_sql.c
  core/drivers/pg_catalog_write.c core/drivers/migrate_sql.c)
target_include_directories(bench-catalog SYSTEM PRIVATE ${PQ_INCLUDE_DIRS})
target_link_libraries(bench-catalog PRIVATE engine wire ${PQ_LIBRARIES})
