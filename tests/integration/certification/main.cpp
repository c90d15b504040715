// certification-server SOCKET DESCRIPTION_FILE: serves org.varlink.certification until SIGTERM,
// through the same server library as the daemon.
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/log.hpp"
#include "base/system_clock.hpp"
#include "certification_service.hpp"
#include "ipc/server.hpp"

namespace {

tb::awaitable<void> run_until_told(tb::ipc::Server* server, tb::Clock* clock,
                                   tb::asio::signal_set* signals) {
    co_await signals->async_wait(tb::asio::as_tuple(tb::asio::use_awaitable));
    const tb::BootTime until = clock->now() + tb::Millis{1'000};
    co_await server->drain(until);
}

std::string read_file(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s SOCKET DESCRIPTION_FILE\n", argv[0]);
        return 2;
    }
    auto listener = tb::ipc::listen_unix(argv[1], 0600);
    if (!listener) {
        std::fprintf(stderr, "%s\n", listener.error().message.c_str());
        return 1;
    }
    tb::asio::io_context context(1);
    tb::StderrLog log(tb::Level::info);
    const auto clock = tb::create_system_clock(context.get_executor());
    tb::certification::CertificationService service;
    tb::ipc::ServerOptions options;
    options.product = "certification-server";
    options.interfaces.push_back({"org.varlink.certification", read_file(argv[2])});
    const auto server =
        tb::ipc::create_server(context.get_executor(), std::move(*listener), std::move(options),
                               service, tb::ipc::create_limits(), *clock, log);
    tb::asio::signal_set signals(context, SIGTERM, SIGINT);
    tb::spawn(context.get_executor(), "main", run_until_told(server.get(), clock.get(), &signals));
    context.run();
    return 0;
}
