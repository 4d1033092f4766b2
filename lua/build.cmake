# The worker: C that embeds Lua, and the stdlib as bytecode. It is linked
# statically, so that it starts fast and holds no code that it does not use
# (no io, os, package or debug library, no dlopen).
option(RBRUN_NO_SECCOMP "build a worker without seccomp and address limit" OFF)
if(RBRUN_NO_SECCOMP)
  add_compile_definitions(RBRUN_NO_SECCOMP=1)
endif()

option(RBRUN_JAIL_TRAP "name a forbidden system call by its number" OFF)
if(RBRUN_JAIL_TRAP)
  add_compile_definitions(RBRUN_JAIL_TRAP=1)
endif()

find_library(LUA_STATIC liblua5.4.a REQUIRED)
find_library(LPEG_STATIC liblua5.4-lpeg.a REQUIRED)

add_executable(embed-tool ${CMAKE_CURRENT_LIST_DIR}/embed_tool.c)
target_include_directories(embed-tool SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
target_link_libraries(embed-tool PRIVATE wire ${LUA_STATIC} m dl)
set_target_properties(embed-tool PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/CMakeFiles)

file(GLOB STDLIB CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/stdlib
  ${CMAKE_SOURCE_DIR}/stdlib/*.lua ${CMAKE_SOURCE_DIR}/stdlib/internal/*.lua)
set(STDLIB_PAIRS)
set(STDLIB_FILES)
foreach(file ${STDLIB})
  string(REGEX REPLACE "\\.lua$" "" name ${file})
  list(APPEND STDLIB_PAIRS ${name} ${CMAKE_SOURCE_DIR}/stdlib/${file})
  list(APPEND STDLIB_FILES ${CMAKE_SOURCE_DIR}/stdlib/${file})
endforeach()
set(EMBEDDED ${CMAKE_BINARY_DIR}/embedded.c)
# What the engine writes into a journal about the Lua that ran it.
set(LUA_BUILD ${CMAKE_BINARY_DIR}/lua_build.c)
add_custom_command(OUTPUT ${EMBEDDED} ${LUA_BUILD}
  COMMAND embed-tool --build ${LUA_BUILD} ${EMBEDDED} ${STDLIB_PAIRS}
  DEPENDS embed-tool ${STDLIB_FILES}
  COMMENT "Compiling the stdlib" VERBATIM)

add_custom_target(embedded DEPENDS ${EMBEDDED} ${LUA_BUILD})
add_library(lua-build STATIC ${LUA_BUILD})
add_dependencies(lua-build embedded)
target_link_libraries(engine PUBLIC lua-build)

set(WORKER_SOURCES budget convert dialect host jail link order peg report scan
  text)
list(TRANSFORM WORKER_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM WORKER_SOURCES APPEND .c)
add_library(worker STATIC ${WORKER_SOURCES} ${EMBEDDED})
add_dependencies(worker embedded)
target_include_directories(worker PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_include_directories(worker SYSTEM PUBLIC ${LUA_INCLUDE_DIRS})
target_link_libraries(worker PUBLIC ${LPEG_STATIC} ${LUA_STATIC} wire m)

add_executable(rbrun-worker ${CMAKE_CURRENT_LIST_DIR}/worker.c)
target_link_libraries(rbrun-worker PRIVATE worker)
if(NOT RBRUN_SANITIZE AND NOT RBRUN_VALGRIND)
  target_link_options(rbrun-worker PRIVATE -static-pie)
endif()
set_target_properties(rbrun-worker PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

install(TARGETS rbrun-worker DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/rbrun)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/stdlib/
  DESTINATION ${CMAKE_INSTALL_DATADIR}/rbrun/stdlib FILES_MATCHING PATTERN
  "*.lua")

include(${CMAKE_CURRENT_LIST_DIR}/reader.cmake OPTIONAL)
