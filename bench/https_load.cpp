// The floor of a renewal: the daemon's own HTTPS client on kept connections, with nothing around
// it.
//   https_load --port N --ca FILE --in-flight K --seconds S
// K coroutines send one token request after the other to bench/tls_provider. Prints
// {"requests":N,"seconds":S,"per_s":R,"errors":E}.
#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/https_client.hpp"

namespace {

using namespace tb;
using Steady = std::chrono::steady_clock;

struct Load {
    net::HttpsClient* client = nullptr;
    std::string origin;
    std::string ca_file;
    Steady::time_point until{};
    int running = 0;
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    boost::asio::io_context* context = nullptr;
};

http::Request request_of(const Load& load) {
    http::Request request;
    request.method = "POST";
    request.origin = load.origin;
    request.target = Secret("/token");
    request.headers.push_back({"Content-Type", Secret("application/x-www-form-urlencoded")});
    request.headers.push_back({"Accept", Secret("application/json")});
    request.headers.push_back({"Accept-Encoding", Secret("identity")});
    request.body = Secret("client_id=bench&grant_type=client_credentials");
    request.ca_file = load.ca_file;
    return request;
}

awaitable<void> send_on(std::shared_ptr<Load> load) {
    while (Steady::now() < load->until) {
        http::Request request = request_of(*load);
        const http::Outcome outcome = co_await load->client->exchange(std::move(request));
        const auto* reply = std::get_if<http::Reply>(&outcome);
        ++(reply != nullptr && reply->status == 200 ? load->requests : load->errors);
    }
    if (--load->running == 0) load->context->stop();
}

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string_view, std::string> given;
    for (int i = 1; i + 1 < argc; i += 2)
        given[argv[i]] = argv[i + 1];
    const int in_flight = std::atoi(given["--in-flight"].c_str());
    const double seconds = std::atof(given["--seconds"].c_str());
    if (in_flight < 1 || seconds <= 0 || given["--port"].empty() || given["--ca"].empty()) {
        fmt::print(stderr, "https_load: --port, --ca, --in-flight and --seconds are needed\n");
        return 1;
    }
    boost::asio::io_context context{1};
    StderrLog log(Level::warning);
    const auto client = net::create_https_client(context.get_executor(), {}, log);
    const auto load = std::make_shared<Load>();
    load->client = client.get();
    load->origin = "https://localhost:" + given["--port"];
    load->ca_file = given["--ca"];
    load->context = &context;
    load->running = in_flight;
    const auto begin = Steady::now();
    load->until = begin + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
    for (int i = 0; i < in_flight; ++i)
        spawn(context.get_executor(), "load", send_on(load));
    context.run();
    const double took = std::chrono::duration<double>(Steady::now() - begin).count();
    fmt::print("{{\"requests\":{},\"seconds\":{:.3f},\"per_s\":{:.1f},\"errors\":{}}}\n",
               load->requests, took, static_cast<double>(load->requests) / took, load->errors);
    return 0;
}
