// The brain of a test: an io_context run by the test's own thread.
#include "harness.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "base/check.hpp"
#include "net/https_client.hpp"
#include "tests/sanitizer/sanitized.hpp"

namespace tb::net::test {

struct Harness::Impl {
    asio::io_context brain{1};
    std::unique_ptr<HttpsClient> client;
    std::vector<http::Outcome> outcomes;
    std::size_t ended = 0;

    awaitable<void> one(http::Request request, std::size_t index, std::thread::id brain_thread) {
        http::Outcome outcome = co_await client->exchange(std::move(request));
        outcomes[index] = std::move(outcome);
        ++ended;
        TB_ASSERT(std::this_thread::get_id() == brain_thread);
    }
};

Harness::Harness(ClientOptions options) : impl_(std::make_unique<Impl>()) {
    ca.write(folder.file("ca.pem"));
    HttpsOptions real;
    real.idle_max_ms = options.idle_max;
    real.spend_idle_max_ms = options.spend_idle_max;
    real.resolve_overrides = std::move(options.overrides);
    real.resolve_overrides.emplace_back("localhost", "127.0.0.1");
    impl_->client = create_https_client(impl_->brain.get_executor(), std::move(real), log);
}

Harness::~Harness() {
    destroy();
    impl_->brain.restart();
    impl_->brain.run();
    TB_ASSERT(live_coroutines() == 0);
}

http::Request Harness::get(const std::string& origin, const std::string& path) const {
    http::Request request;
    request.method = "GET";
    request.origin = origin;
    request.target = Secret(path);
    request.ca_file = folder.file("ca.pem");
    request.timeout = Millis{tb::test::fewer(20'000, 80'000)};
    return request;
}

http::Request Harness::post(const std::string& origin, bool spends_grant) const {
    http::Request request = get(origin, "/auth/token");
    request.method = "POST";
    request.body = Secret("grant_type=refresh_token&refresh_token=rt_test_1");
    request.spends_grant = spends_grant;
    return request;
}

void Harness::wait_for_ended(std::size_t n) {
    impl_->brain.restart();
    while (impl_->ended < n)
        TB_ASSERT(impl_->brain.run_one() == 1);
}

void Harness::begin(http::Request request) {
    impl_->outcomes.emplace_back();
    spawn(impl_->brain.get_executor(), "test exchange",
          impl_->one(std::move(request), impl_->outcomes.size() - 1, std::this_thread::get_id()));
    impl_->brain.restart();
    impl_->brain.poll();
}

std::vector<http::Outcome> Harness::finish() {
    impl_->brain.restart();
    impl_->brain.run();
    impl_->ended = 0;
    return std::exchange(impl_->outcomes, {});
}

std::vector<http::Outcome> Harness::run_all(std::vector<http::Request> requests) {
    for (http::Request& request : requests)
        begin(std::move(request));
    return finish();
}

http::Outcome Harness::run(http::Request request) {
    begin(std::move(request));
    return std::move(finish().front());
}

void Harness::stop() {
    impl_->client->stop();
}

void Harness::destroy() {
    impl_->client.reset();
}

const http::Reply& reply(const http::Outcome& outcome) {
    if (const auto* failed = std::get_if<http::Failure>(&outcome))
        BOOST_FAIL("a failure instead of a reply: " + failed->code + ": " + failed->reason);
    return std::get<http::Reply>(outcome);
}

const http::Failure& failure(const http::Outcome& outcome) {
    if (const auto* got = std::get_if<http::Reply>(&outcome))
        BOOST_FAIL("a reply instead of a failure: " + std::to_string(got->status));
    return std::get<http::Failure>(outcome);
}

long now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace tb::net::test
