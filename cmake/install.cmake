# What `cmake --install` lays down: the two programs, and the systemd files (systemd/CMakeLists is not a room of code).
include(GNUInstallDirs)
install(TARGETS tokenbrokerd tokenbroker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
