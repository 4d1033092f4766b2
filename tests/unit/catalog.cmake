# Prints the catalog of a live database: for specs and benches.
add_executable(catalog-document tests/tools/catalog.c core/drivers/pg_client.c
  core/drivers/pg_catalog.c core/drivers/pg_catalog_sql.c
  core/drivers/pg_catalog_write.c)
target_include_directories(catalog-document SYSTEM PRIVATE ${PQ_INCLUDE_DIRS})
target_link_libraries(catalog-document PRIVATE engine wire ${PQ_LIBRARIES})
set_target_properties(catalog-document PROPERTIES ENABLE_EXPORTS ON)

add_executable(catalog-statements tests/tools/statements.c
  core/drivers/pg_client.c core/drivers/pg_statements.c
  core/drivers/pg_statements_collect.c core/drivers/pg_statements_load.c
  core/drivers/pg_statements_text.c core/drivers/migrate_sql.c)
target_include_directories(catalog-statements SYSTEM PRIVATE
  ${PQ_INCLUDE_DIRS})
target_link_libraries(catalog-statements PRIVATE engine wire ${PQ_LIBRARIES})
set_target_properties(catalog-statements PROPERTIES ENABLE_EXPORTS ON)
