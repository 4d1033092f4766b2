# Pure parts of the HTTP drivers. The two that belong to rbrun-curl.so are
# compiled in, because a module cannot be linked.
find_library(CMOCKA cmocka REQUIRED)
rbrun_executable(unit-http ${CMAKE_CURRENT_LIST_DIR}/http.c
  ${CMAKE_SOURCE_DIR}/core/drivers/http_text.c
  ${CMAKE_SOURCE_DIR}/core/drivers/http_client.c)
target_link_libraries(unit-http PRIVATE ${CMOCKA} ${CURL_LIBRARIES})
rbrun_executable(unit-metric ${CMAKE_CURRENT_LIST_DIR}/metric.c)
target_link_libraries(unit-metric PRIVATE ${CMOCKA})
