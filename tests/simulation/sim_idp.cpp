// See sim_idp.hpp. Refresh tokens are "rt_test.<account>.<n>": the model reads the family and the
// number out of what is presented.
#include "tests/simulation/sim_idp.hpp"

#include <charconv>

namespace tb::sim {
namespace {

constexpr Millis grace{3'600'000};

// The value of one member of a form body; our tokens have nothing that needs decoding but '/'.
std::string form_value(std::string_view body, std::string_view name) {
    std::string wanted(name);
    wanted += '=';
    const std::size_t found = body.rfind(wanted, 0) == 0 ? 0 : body.find("&" + wanted);
    if (found == std::string_view::npos) return {};
    const std::size_t begin = body.find('=', found) + 1;
    std::string value(body.substr(begin, body.find('&', begin) - begin));
    for (const auto& [code, plain] : {std::pair{"%2F", "/"}, std::pair{"%23", "#"}})
        for (std::size_t at = value.find(code); at != std::string::npos; at = value.find(code))
            value.replace(at, 3, plain);
    return value;
}

int number_of(std::string_view refresh_token) {
    const std::size_t dot = refresh_token.rfind('.');
    int n = -1;
    if (dot != std::string_view::npos)
        std::from_chars(refresh_token.data() + dot + 1, refresh_token.data() + refresh_token.size(),
                        n);
    return n;
}

std::string refresh_token_of(const std::string& family, int n) {
    return fmt::format("rt_test.{}.{}", family, n);
}

http::Failure failed(FailureClass kind, bool sent, const char* code) {
    http::Failure out;
    out.failure = kind;
    out.sent = sent;
    out.code = code;
    out.reason = std::string("simulated: ") + code;
    return out;
}

}  // namespace

const char* to_string(OldGrant policy) {
    switch (policy) {
        case OldGrant::reject:
            return "reject";
        case OldGrant::grace:
            return "grace";
        case OldGrant::revoke_family:
            return "revoke_family";
        case OldGrant::still_valid:
            return "still_valid";
    }
    return "?";
}

std::string SimIdp::enrol(const std::string& account, const std::string& host, OldGrant policy,
                          Millis lifetime) {
    Family family;
    family.account = account;
    family.host = host;
    family.policy = policy;
    family.lifetime = lifetime;
    const std::string id = fmt::format("{}#{}", account, families_.size());
    families_[id] = family;
    families_[id].id = id;
    return refresh_token_of(id, 0);
}

SimIdp::Family* SimIdp::family_of(std::string_view refresh_token) {
    constexpr std::string_view prefix = "rt_test.";
    if (refresh_token.rfind(prefix, 0) != 0) return nullptr;
    refresh_token.remove_prefix(prefix.size());
    const auto found =
        families_.find(std::string(refresh_token.substr(0, refresh_token.rfind('.'))));
    return found == families_.end() ? nullptr : &found->second;
}

void SimIdp::acknowledged(std::string_view refresh_token) {
    Family* family = family_of(refresh_token);
    if (family == nullptr) return;
    family->acknowledged.insert(number_of(refresh_token));
    if (family->answer_lost) ++checker_.counts.healed;
    family->answer_lost = false;
}

bool SimIdp::lost_unavoidably(const std::string& account) const {
    for (const auto& [id, family] : families_) {
        if (family.account != account) continue;
        // The provider rotated and the store never acknowledged the successor: an answer was lost
        // on the way.
        const bool unknown_successor =
            family.issued > 0 && !family.acknowledged.contains(family.issued);
        const bool unforgiving =
            family.policy == OldGrant::reject || family.policy == OldGrant::revoke_family;
        if (unforgiving && (unknown_successor || family.revoked)) return true;
    }
    return false;
}

void SimIdp::judge_hand_out(const std::string& account, const std::string& token, Millis promised) {
    ++checker_.counts.handed_out;
    const auto found = access_.find(token);
    if (found == access_.end()) {
        if (token.rfind("static_test_", 0) == 0 && token == "static_test_" + account) return;
        checker_.violated("foreign token",
                          "{} was handed a token that nobody issued or that died long ago",
                          account);
        return;
    }
    if (found->second.account != account)
        checker_.violated("foreign token", "{} was handed a token of {}", account,
                          found->second.account);
    const std::int64_t left = found->second.expires_ms - clock_.world_ms();
    if (left <= 0)
        checker_.violated("expired token", "{} was handed a token that expired {} ms ago", account,
                          -left);
    if (left < promised.count())
        checker_.violated("promise broken", "{} was promised {} ms and got {}", account,
                          promised.count(), left);
}

http::Reply SimIdp::reply(int status, std::string_view type, std::string_view body,
                          BootTime sent) const {
    http::Reply out;
    out.status = status;
    out.headers.emplace_back("content-type", std::string(type));
    out.body = Secret(body);
    out.sent_at = sent;
    out.received_wall = clock_.wall();
    return out;
}

http::Outcome SimIdp::issue(Family& family, bool again, BootTime sent) {
    ++checker_.counts.renewals;
    std::int64_t told_ms = access_[family.newest_access].expires_ms - clock_.world_ms();
    if (!again) {
        ++family.issued;
        family.rotated_ms = clock_.world_ms();
        family.newest_access = fmt::format("at_test.{}.{}", family.id, family.issued);
        const std::int64_t cheat = options_.canary == Canary::clock_runs_slow ? 3 : 1;
        access_[family.newest_access] =
            Access{family.account, clock_.world_ms() + family.lifetime.count() / cheat};
        if (family.issued > 50)
            access_.erase(fmt::format("at_test.{}.{}", family.id, family.issued - 50));
        told_ms = family.lifetime.count();
    }
    const std::string body =
        fmt::format(R"({{"access_token":"{}","token_type":"bearer","expires_in":{},)"
                    R"("refresh_token":"{}","scope":"[\"ECom.Shop\"]"}})",
                    family.newest_access, std::max<std::int64_t>(0, told_ms) / 1000,
                    refresh_token_of(family.id, family.issued));
    return reply(200, "application/json", body, sent);
}

http::Outcome SimIdp::token_endpoint(const http::Request& request, BootTime sent) {
    const std::string presented = form_value(request.body.view(), "refresh_token");
    Family* family = family_of(presented);
    const auto refused = [&] {
        return reply(400, "application/json", R"({"error":"invalid_grant"})", sent);
    };
    if (family == nullptr) return refused();
    const int n = number_of(presented);
    // The rule that everything here is about: the store acknowledged a successor of what is
    // presented now.
    if (family->acknowledged.upper_bound(n) != family->acknowledged.end())
        checker_.violated("spent twice",
                          "{}: refresh token {} was sent again after {} was acknowledged",
                          family->account, n, *family->acknowledged.rbegin());
    if (family->revoked) return refused();
    if (n == family->issued) return issue(*family, false, sent);
    ++checker_.counts.replays;
    switch (family->policy) {
        case OldGrant::reject:
            return refused();
        case OldGrant::revoke_family:
            family->revoked = true;
            return refused();
        case OldGrant::grace:
            if (n == family->issued - 1 && clock_.world_ms() - family->rotated_ms <= grace.count())
                return issue(*family, true, sent);
            return refused();
        case OldGrant::still_valid:
            return issue(*family, false, sent);
    }
    return refused();
}

http::Outcome SimIdp::process(const http::Request& request, BootTime sent) {
    const std::string_view target = request.target.view();
    if (request.method == "POST") return token_endpoint(request, sent);
    if (target.rfind("/v1/auth/token?userId=", 0) == 0) {
        const std::string user(target.substr(22, target.find('&') - 22));
        if (user == "stranger")
            return reply(403, "application/json", R"({"message":"User has not authorized"})", sent);
        const std::string token = fmt::format("mint_test.{}.{}", user, ++minted_);
        access_[token] = Access{"mint/app?" + user, clock_.world_ms() + 15'000};
        ++checker_.counts.renewals;
        return reply(200, "application/json", fmt::format(R"({{"data":{{"token":"{}"}}}})", token),
                     sent);
    }
    return reply(200, "application/json", "{}", sent);
}

std::optional<http::Outcome> SimIdp::fault_before(const http::Request&, BootTime sent) {
    const Faults& faults = options_.faults;
    if (options_.canary == Canary::stuck && !faults_)
        return reply(503, "text/html", "<html>down</html>", sent);
    if (down_) return failed(FailureClass::retry, false, "connect");
    if (faulty(faults.connect_fails)) return failed(FailureClass::retry, false, "connect");
    if (faulty(faults.lost_before)) return failed(FailureClass::ambiguous, true, "reset");
    if (!faulty(faults.http_5xx)) return {};
    http::Reply busy =
        reply(random_.chance(0.5) ? 429 : 503, "text/html", "<html>busy</html>", sent);
    if (random_.chance(0.5))
        busy.headers.emplace_back("retry-after", std::to_string(random_.between(0, 20)));
    return busy;
}

http::Outcome SimIdp::fault_after(http::Outcome outcome, Family* family, BootTime sent) {
    const bool success = std::holds_alternative<http::Reply>(outcome) &&
                         std::get<http::Reply>(outcome).status == 200;
    const bool lost = faulty(options_.faults.lost_after);
    const bool garbage = !lost && faulty(options_.faults.http_garbage);
    if (family != nullptr && success) family->answer_lost = family->answer_lost || lost || garbage;
    if (lost) return failed(FailureClass::ambiguous, true, "reset");
    if (!garbage) return outcome;
    if (random_.chance(0.5))
        return reply(200, "text/html", "<html>log in to the captive portal</html>", sent);
    return reply(200, "application/json", R"({"access_token":"at_)", sent);
}

awaitable<http::Outcome> SimIdp::exchange(http::Request request,
                                          std::shared_ptr<bool> daemon_dead) {
    const BootTime sent = clock_.now();
    http::Outcome cut = failed(FailureClass::retry, false, "shutdown");
    if (*daemon_dead) co_return std::move(cut);
    Family* family = request.method == "POST"
                         ? family_of(form_value(request.body.view(), "refresh_token"))
                         : nullptr;
    if (family != nullptr && ++family->in_flight > 1)
        checker_.violated("two at once", "{}: two exchanges of one grant at the same time",
                          family->account);
    const Millis there{random_.between(0, options_.faults.latency_ms_max)};
    Millis back{random_.between(0, options_.faults.latency_ms_max)};
    if (faulty(options_.faults.slow_reply)) back = Millis{random_.between(5'000, 40'000)};
    co_await sleep_until(clock_, sent + there);
    // A power cut doesn't call back what is on the wire: it may be processed all the same.
    http::Outcome outcome = failed(FailureClass::retry, false, "shutdown");
    const bool arrives = !*daemon_dead || random_.chance(0.5);
    if (arrives) {
        std::optional<http::Outcome> fault = fault_before(request, sent);
        outcome = fault ? std::move(*fault) : process(request, sent);
        if (!fault) outcome = fault_after(std::move(outcome), family, sent);
    }
    const BootTime deadline = sent + request.timeout;
    const BootTime answered = clock_.now() + back;
    co_await sleep_until(clock_, std::min(deadline, answered));
    if (family != nullptr) --family->in_flight;
    if (*daemon_dead) {
        if (family != nullptr && arrives) family->answer_lost = true;
        co_return std::move(cut);
    }
    if (answered > deadline) {
        if (family != nullptr) family->answer_lost = true;
        http::Outcome late = failed(FailureClass::ambiguous, true, "timeout");
        co_return std::move(late);
    }
    co_return std::move(outcome);
}

namespace {
http::Request twin_of(const http::Request& request) {
    http::Request twin;
    twin.method = request.method;
    twin.origin = request.origin;
    twin.target = request.target.copy();
    twin.body = request.body.copy();
    return twin;
}
awaitable<void> forget(awaitable<http::Outcome> exchange) {
    co_await std::move(exchange);
}
}  // namespace

awaitable<http::Outcome> SimHttps::exchange(http::Request request) {
    if (options_.canary == Canary::two_at_once && request.method == "POST")
        spawn(executor_, "twin", forget(idp_.exchange(twin_of(request), dead_)));
    return idp_.exchange(std::move(request), dead_);
}

}  // namespace tb::sim
