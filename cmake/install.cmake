# What `cmake --install` lays down: the two programs, libtokenbroker, the systemd files, the documentation. To stage it for a
# package set DESTDIR.
set(TB_LIBDIR lib CACHE PATH "parent of systemd/, sysusers.d/ and tmpfiles.d/; not an architecture's folder")

install(TARGETS tokenbrokerd tokenbroker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS tokenbroker_full RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/tokenbroker)
add_subdirectory(systemd)

configure_file(client/tokenbroker.pc.in ${PROJECT_BINARY_DIR}/client/tokenbroker.pc @ONLY)
install(TARGETS tokenbroker_client tokenbroker_client_static
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES client/tokenbroker.h client/tokenbroker.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/client/tokenbroker.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES client/examples/game_loop.cpp DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

foreach(section 1 3 5 7 8)
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/*.${section} ${PROJECT_SOURCE_DIR}/docs/man/*.${section})
    if(pages)
        install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endif()
endforeach()
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES proto/io.tokenbroker.tokens.varlink proto/io.tokenbroker.admin.varlink
        DESTINATION ${CMAKE_INSTALL_DATADIR}/tokenbroker)
