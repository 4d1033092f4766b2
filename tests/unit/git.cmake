set(GIT_TEST_SOURCES core/drivers/git_repo.c core/drivers/git_text.c
  core/drivers/git_tags.c core/drivers/git_semver.c
  core/drivers/git_revision.c core/drivers/git_diff_list.c
  core/drivers/git_files.c core/drivers/git_signals.c)

add_executable(unit-git-semver tests/unit/semver_test.c
  core/drivers/git_semver.c)
target_link_libraries(unit-git-semver PRIVATE wire cmocka)

add_executable(unit-git-signals tests/unit/git_signals_test.c
  core/drivers/git_signals.c core/drivers/git_text.c)
target_link_libraries(unit-git-signals PRIVATE wire cmocka)

add_executable(unit-git-files tests/unit/git_files_test.c ${GIT_TEST_SOURCES})
target_include_directories(unit-git-files SYSTEM PRIVATE ${GIT2_INCLUDE_DIRS})
target_link_libraries(unit-git-files PRIVATE wire ${GIT2_LIBRARIES} cmocka)
