// Asio is compiled once, here (BOOST_ASIO_SEPARATE_COMPILATION): other files only see declarations.
#include <boost/asio/impl/src.hpp>
