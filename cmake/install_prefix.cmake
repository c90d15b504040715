# Where things will lie, known before the programs are built: front/ looks for the full command there. The default prefix is /usr, not
# /usr/local: sysusers.d and tmpfiles.d are read below /usr/lib alone.
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
    set(CMAKE_INSTALL_PREFIX /usr CACHE PATH "where cmake --install puts things" FORCE)
endif()
include(GNUInstallDirs)
