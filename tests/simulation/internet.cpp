// See internet.hpp.
#include "tests/simulation/internet.hpp"

#include <array>
#include <charconv>
#include <ctime>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "tests/simulation/checks.hpp"

namespace tb::sim {
namespace {

// From a reply to the moment at which its Retry-After counts: a commit may lie between.
constexpr Millis taking_in{1'000};

http::Failure failed(FailureClass kind, bool sent, const char* code) {
    http::Failure out;
    out.failure = kind;
    out.sent = sent;
    out.code = code;
    out.reason = std::string("simulated: ") + code;
    return out;
}

std::string imf_date(std::int64_t wall_ms) {
    const std::time_t seconds = wall_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const std::size_t n =
        std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), n};
}

// Of a login or a revocation: the gate of renewals has no part in them.
bool is_renewal(const http::Request& request) {
    const std::string_view target = request.target.view();
    if (target == "/device" || target == "/revoke") return false;
    const std::string grant = form_value(request.body.view(), "grant_type");
    return grant != "authorization_code" && !grant.starts_with("urn:");
}

}  // namespace

void Internet::forget_waits() {
    for (auto& [origin, host] : hosts_)
        host.asked_from = host.asked_until = BootTime{};
}

void Internet::hang(std::string_view origin, std::int64_t until_ms) {
    const auto found = hosts_.find(origin);
    TB_ASSERT(found != hosts_.end());
    found->second.hangs_until_ms = until_ms;
}

http::Reply Internet::reply(const Answer& answer, BootTime sent) const {
    http::Reply out;
    out.status = answer.status;
    out.headers.emplace_back("content-type", std::string(answer.type));
    if (answer.dated) out.headers.emplace_back("date", imf_date(issuer_.wall_ms()));
    out.body = Secret(answer.body);
    out.sent_at = sent;
    out.received_wall = clock_.wall();
    return out;
}

std::optional<http::Outcome> Internet::fault_before(Host& host, BootTime sent) {
    const Faults& faults = issuer_.options().faults;
    const Answer down{503, "<html>down</html>", "text/html"};
    if (issuer_.options().canary == Canary::stuck && !faults_) return reply(down, sent);
    if (down_) return failed(FailureClass::retry, false, "connect");
    if (faulty(faults.connect_fails)) return failed(FailureClass::retry, false, "connect");
    if (faulty(faults.lost_before)) return failed(FailureClass::ambiguous, true, "reset");
    if (!faulty(faults.http_5xx)) return {};
    SimRandom& random = issuer_.random();
    const int status = random.chance(0.5) ? 429 : 503;
    Answer busy{status, "<html>busy</html>", "text/html"};
    const bool own_words = random.chance(0.5);
    if (own_words) busy = {status, host.model->busy(status)};
    if (own_words && busy.body.starts_with("<")) busy.type = "text/html";
    http::Reply out = reply(busy, sent);
    if (random.chance(0.5))
        out.headers.emplace_back("retry-after", std::to_string(random.between(0, 20)));
    return out;
}

namespace {
// The refresh token beside it stays as it is, and is in force. False: there is no such member.
bool spoil_access_token(http::Reply& reply) {
    std::string body(reply.body.view());
    for (const std::string_view member : {R"("access_token":")", R"("accessToken":")"})
        if (const std::size_t at = body.find(member); at != std::string::npos) {
            body.insert(at + member.size(), " ");
            reply.body = Secret(body);
            return true;
        }
    return false;
}
}  // namespace

http::Outcome Internet::fault_after(http::Outcome outcome, Family* grant, BootTime sent) {
    const Faults& faults = issuer_.options().faults;
    const bool success = std::holds_alternative<http::Reply>(outcome) &&
                         std::get<http::Reply>(outcome).status == 200;
    const bool lost = faulty(faults.lost_after);
    bool garbage = !lost && faulty(faults.http_garbage);
    if (garbage && success && issuer_.random().chance(0.3))
        garbage = !spoil_access_token(std::get<http::Reply>(outcome));
    if (grant != nullptr && success) grant->answer_lost = grant->answer_lost || lost || garbage;
    if (lost) return failed(FailureClass::ambiguous, true, "reset");
    if (!garbage) return outcome;
    if (issuer_.random().chance(0.5))
        return reply({200, "<html>log in to the captive portal</html>", "text/html"}, sent);
    return reply({200, R"({"access_token":"at_)"}, sent);
}

void Internet::judge(Host& host, const http::Request& request, Family* grant) {
    Checker& checker = issuer_.checker();
    if (grant != nullptr) check_two_at_once(checker, *grant);
    if (!is_renewal(request)) return;
    Family* account = host.model->account_of(request);
    if (account != nullptr) check_budget(checker, *account, issuer_.now_ms());
    // The next step of an exchange that is under way: a fallback, a second try.
    const std::int64_t answered_ms =
        account != nullptr ? account->answered_ms : host.stranger_answered_ms;
    if (answered_ms == issuer_.now_ms()) return;
    const BootTime now = clock_.now();
    if (host.asked_until > now && host.asked_from <= now)
        check_retry_after(checker, request.origin, now, host.asked_until);
}

http::Outcome Internet::process(Host& host, const http::Request& request, Family* grant,
                                BootTime sent) {
    if (std::optional<http::Outcome> fault = fault_before(host, sent)) return std::move(*fault);
    return fault_after(reply(host.model->process(request), sent), grant, sent);
}

// The daemon has this answer now.
void Internet::delivered(Host& host, bool renewal, http::Outcome& outcome) {
    auto* reply = std::get_if<http::Reply>(&outcome);
    if (reply == nullptr || !renewal) return;
    const std::string* text = reply->header("retry-after");
    if (text == nullptr) return;
    std::int64_t seconds = 0;
    std::from_chars(text->data(), text->data() + text->size(), seconds);
    const BootTime from = clock_.now() + taking_in;
    const BootTime until = clock_.now() + Millis{seconds * 1000};
    if (until > host.asked_until) {
        host.asked_until = until;
        host.asked_from = from;
    }
    if (issuer_.options().canary == Canary::hasty) reply->headers.pop_back();
}

awaitable<http::Outcome> Internet::exchange(http::Request request,
                                            std::shared_ptr<bool> daemon_dead) {
    const BootTime sent = clock_.now();
    http::Outcome cut = failed(FailureClass::retry, false, "shutdown");
    if (*daemon_dead) co_return std::move(cut);
    const auto found = hosts_.find(request.origin);
    TB_ASSERT(found != hosts_.end());
    Host& host = found->second;
    Family* grant = host.model->grant_of(request);
    Family* account = host.model->account_of(request);
    const bool renewal = is_renewal(request);
    if (grant != nullptr) ++grant->in_flight;
    judge(host, request, grant);
    const Faults& faults = issuer_.options().faults;
    SimRandom& random = issuer_.random();
    const Millis there{random.between(0, faults.latency_ms_max)};
    Millis back{random.between(0, faults.latency_ms_max)};
    if (faulty(faults.slow_reply)) back = Millis{random.between(5'000, 40'000)};
    if (host.hangs_until_ms > issuer_.now_ms())
        back = std::max(back, Millis{host.hangs_until_ms - issuer_.now_ms()});
    const bool takes_time = there.count() > 0;
    if (takes_time) co_await sleep_until(clock_, sent + there);
    // A power cut doesn't call back what is on the wire: it may be processed all the same.
    http::Outcome outcome = failed(FailureClass::retry, false, "shutdown");
    const bool arrives = !*daemon_dead || random.chance(0.5);
    if (arrives) outcome = process(host, request, grant, sent);
    const BootTime deadline = sent + request.timeout;
    const BootTime answered = clock_.now() + back;
    const BootTime until = std::min(deadline, answered);
    if (until > clock_.now()) co_await sleep_until(clock_, until);
    if (grant != nullptr) --grant->in_flight;
    (account != nullptr ? account->answered_ms : host.stranger_answered_ms) = issuer_.now_ms();
    if (*daemon_dead) {
        if (grant != nullptr && arrives) grant->answer_lost = true;
        co_return std::move(cut);
    }
    if (answered > deadline) {
        if (grant != nullptr) grant->answer_lost = true;
        http::Outcome late = failed(FailureClass::ambiguous, true, "timeout");
        co_return std::move(late);
    }
    delivered(host, renewal, outcome);
    co_return std::move(outcome);
}

namespace {

http::Request twin_of(const http::Request& request) {
    http::Request twin;
    twin.method = request.method;
    twin.origin = request.origin;
    twin.target = request.target.copy();
    for (const http::Header& header : request.headers)
        twin.headers.push_back({header.name, header.value.copy()});
    twin.body = request.body.copy();
    return twin;
}

awaitable<void> forget(awaitable<http::Outcome> exchange) {
    co_await std::move(exchange);
}

// A client that takes every trouble for a refusal.
awaitable<http::Outcome> read_harshly(awaitable<http::Outcome> exchange) {
    http::Outcome outcome = co_await std::move(exchange);
    auto* reply = std::get_if<http::Reply>(&outcome);
    if (reply != nullptr && reply->status == 503) {
        reply->status = 400;
        reply->headers.front().second = "application/json";
        reply->body = Secret(R"({"error":"invalid_grant"})");
    }
    co_return std::move(outcome);
}

}  // namespace

awaitable<http::Outcome> SimHttps::exchange(http::Request request) {
    const bool single_use = request.spends_grant;
    if (options_.canary == Canary::two_at_once && single_use)
        spawn(executor_, "twin", forget(internet_.exchange(twin_of(request), dead_)));
    if (options_.canary == Canary::resends && !single_use)
        for (int i = 0; i < 60; ++i)
            spawn(executor_, "again", forget(internet_.exchange(twin_of(request), dead_)));
    if (options_.canary == Canary::harsh_reading && single_use)
        return read_harshly(internet_.exchange(std::move(request), dead_));
    return internet_.exchange(std::move(request), dead_);
}

}  // namespace tb::sim
