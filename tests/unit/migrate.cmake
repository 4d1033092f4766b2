# The pure parts of the migrate driver: names, versions, sections, plans,
# ranges; the module's sources are linked in, no database is needed.
add_executable(unit-migrate tests/unit/migrate_test.c ${PG_SOURCES})
target_include_directories(unit-migrate SYSTEM PRIVATE ${PQ_INCLUDE_DIRS})
target_link_libraries(unit-migrate PRIVATE engine wire ${PQ_LIBRARIES} cmocka)

add_executable(unit-snapshot tests/unit/snapshot_test.c)
target_link_libraries(unit-snapshot PRIVATE engine wire cmocka)
set_target_properties(unit-snapshot PROPERTIES ENABLE_EXPORTS ON)
