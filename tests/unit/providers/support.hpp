// Small parts that the provider tests share: a clock that stands still, a random source that
// counts, replies and clients in one line.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/http.hpp"
#include "providers/provider.hpp"

namespace tb::test {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class StillClock final : public Clock {
  public:
    BootTime boot = boot_from_ms(1'000'000);
    WallTime wall_time = wall_from_ms(1'700'000'000'000);
    BootTime now() const override { return boot; }
    WallTime wall() const override { return wall_time; }
    std::string boot_id() const override { return "boot-1"; }
    TimerId call_at(BootTime, std::function<void()>) override { return 1; }
    void cancel(TimerId) override {}
};

class CountingRandom final : public Random {
  public:
    void fill(std::span<std::byte> bytes) override {
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(next_++);
    }

  private:
    unsigned next_ = 1;
};

inline http::Reply reply(int status, std::string_view body, Pairs headers) {
    http::Reply out;
    out.status = status;
    out.body = Secret(body);
    out.headers = std::move(headers);
    out.sent_at = boot_from_ms(900'000);
    out.received_wall = wall_from_ms(1'700'000'000'000);
    return out;
}
inline http::Reply json_reply(int status, std::string_view body) {
    return reply(status, body, {{"content-type", "application/json"}});
}

inline SecretSet secrets(std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
    SecretSet set;
    for (const auto& [name, value] : all)
        set.set(name, Secret(value));
    return set;
}

inline std::string header(const http::Request& request, std::string_view name) {
    std::string all;
    for (const http::Header& one : request.headers)
        if (one.name == name) all += (all.empty() ? "" : "|") + std::string(one.value.view());
    return all;
}

// An account with its secrets, and exchanges of it. `given` is null when the secret is absent.
struct Account {
    providers::ClientSettings client;
    Pairs attributes;
    SecretSet grant;
    SecretSet client_secrets;
    StillClock clock;
    CountingRandom random;
    providers::Parameters parameters;
    bool outcome_unknown = false;

    std::unique_ptr<providers::Exchange> begin(
        const providers::Provider& provider,
        providers::Purpose purpose = providers::Purpose::renew) {
        providers::Context context{client,     "shop/main",     attributes, grant, client_secrets,
                                   parameters, outcome_unknown, purpose,    clock, random};
        return provider.begin(std::move(context));
    }
};

inline http::Request sent(providers::Step step) {
    BOOST_REQUIRE(std::holds_alternative<providers::Send>(step));
    return std::move(std::get<providers::Send>(step).request);
}
template <class T>
T done(providers::Step step) {
    BOOST_REQUIRE(std::holds_alternative<providers::Done>(step));
    auto& result = std::get<providers::Done>(step);
    if constexpr (!std::is_same_v<T, providers::Failed>)
        if (auto* f = std::get_if<providers::Failed>(&result))
            BOOST_FAIL("failed: " + f->code + ": " + f->reason);
    BOOST_REQUIRE(std::holds_alternative<T>(result));
    return std::move(std::get<T>(result));
}

inline std::string all_mistakes(const std::vector<providers::Mistake>& mistakes) {
    std::string all;
    for (const auto& mistake : mistakes)
        all += mistake.place + ": " + mistake.text + "\n";
    return all;
}

}  // namespace tb::test
