# What is made from the tables at build time (man pages, completion, editor
# stubs), and where everything is installed. The engine looks for its parts
# in ../libexec/rbrun: see own_file() in core/drivers/registry.c.
set(PARTS ${CMAKE_INSTALL_LIBEXECDIR}/rbrun)
install(TARGETS rbrun RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(module rbrun-curl rbrun-git rbrun-pg)
  if(TARGET ${module})
    install(TARGETS ${module} LIBRARY DESTINATION ${PARTS})
  endif()
endforeach()

# A build that is never installed makes no texts either.
if(RBRUN_SANITIZE)
  return()
endif()

set(TEXTS ${CMAKE_BINARY_DIR}/share)
set(TEXT_FILES)

function(rbrun_text what file)
  add_custom_command(OUTPUT ${TEXTS}/${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${TEXTS}
    COMMAND rbrun generate ${what} > ${TEXTS}/${file}
    DEPENDS rbrun VERBATIM)
  set(TEXT_FILES ${TEXT_FILES} ${TEXTS}/${file} PARENT_SCOPE)
endfunction()

# The prose of a page, with the commands in the place of @COMMANDS@.
function(rbrun_page page)
  set(source ${CMAKE_SOURCE_DIR}/docs/man/${page}.in)
  if(NOT EXISTS ${source})
    return()
  endif()
  add_custom_command(OUTPUT ${TEXTS}/man/${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${TEXTS}/man
    COMMAND sed -e "/@COMMANDS@/r ${TEXTS}/commands.man" -e /@COMMANDS@/d
      -e s/@VERSION@/${PROJECT_VERSION}/ ${source} > ${TEXTS}/man/${page}
    DEPENDS ${source} ${TEXTS}/commands.man VERBATIM)
  set(TEXT_FILES ${TEXT_FILES} ${TEXTS}/man/${page} PARENT_SCOPE)
  string(REGEX MATCH "[0-9]$" section ${page})
  install(FILES ${TEXTS}/man/${page}
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()

rbrun_text(man commands.man)
rbrun_text(completion rbrun.bash)
rbrun_text(stubs rbrun.lua)
rbrun_page(rbrun.1)
rbrun_page(rbrun-runbook.5)
add_custom_target(texts ALL DEPENDS ${TEXT_FILES})

install(FILES ${TEXTS}/rbrun.bash RENAME rbrun
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${TEXTS}/rbrun.lua
  DESTINATION ${CMAKE_INSTALL_DATADIR}/rbrun/stubs)
install(FILES README.md LICENSE CHANGELOG.md OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN man EXCLUDE)
install(DIRECTORY runbooks/
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/runbooks
  FILES_MATCHING PATTERN "*.lua")
