// A listener for tests that need one, and a note where a test can't run.
#pragma once

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "ipc/server.hpp"
#include "tests/unit/ipc/process.hpp"

namespace tb::test {

// A listener, and what was accepted from the child that connects to it.
struct Door {
    TempFolder folder;
    std::string path = folder.file("s.sock");
    UniqueFd listener;
    Door() {
        auto made = ipc::listen_unix(path, 0666);
        BOOST_REQUIRE(made.has_value());
        listener = std::move(*made);
        ::chmod(path.substr(0, path.rfind('/')).c_str(), 0755);
    }
    UniqueFd accept() {
        for (int attempt = 0; attempt < 1000; ++attempt) {
            UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (fd) return fd;
            ::usleep(10'000);
        }
        return UniqueFd();
    }
};

inline bool skipped(bool possible, const char* needs) {
    if (!possible) BOOST_TEST_MESSAGE("not run, it needs " << needs);
    return !possible;
}

}  // namespace tb::test
