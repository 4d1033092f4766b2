# The pure parts of the migrate driver: names, versions, sections, plans,
# ranges; the module's sources are linked in, no database is needed.
add_library(pg-parts STATIC EXCLUDE_FROM_ALL ${PG_SOURCES})
target_include_directories(pg-parts SYSTEM PRIVATE ${PQ_INCLUDE_DIRS})
target_link_libraries(pg-parts PRIVATE engine)
add_executable(unit-migrate tests/unit/migrate_test.c)
target_include_directories(unit-migrate SYSTEM PRIVATE ${PQ_INCLUDE_DIRS})
target_link_libraries(unit-migrate PRIVATE pg-parts engine wire ${PQ_LIBRARIES} cmocka)

foreach(name names layout ledger)
  add_executable(unit-migrate-${name} tests/unit/migrate_${name}_test.c)
  target_include_directories(unit-migrate-${name} SYSTEM PRIVATE
    ${PQ_INCLUDE_DIRS})
  target_link_libraries(unit-migrate-${name} PRIVATE pg-parts engine wire
    ${PQ_LIBRARIES} cmocka)
endforeach()

add_executable(unit-snapshot tests/unit/snapshot_test.c)
target_link_libraries(unit-snapshot PRIVATE engine wire cmocka)
set_target_properties(unit-snapshot PROPERTIES ENABLE_EXPORTS ON)
