// See sim_caller.hpp.
#include "tests/simulation/sim_caller.hpp"

#include <boost/json/parse.hpp>

#include "base/limits.hpp"
#include "proto/message.hpp"

namespace tb::sim {
namespace {
// A waiter is answered when its time is up; what is added is the way of an answer through the loop.
constexpr std::int64_t slack_ms = 50;
}  // namespace

SimCaller::SimCaller(uid_t uid, bool permitted, std::vector<std::string> accounts, SimClock& clock,
                     SimRandom& random, const Options& options, SimIdp& idp, Checker& checker)
    : uid_(uid),
      permitted_(permitted),
      accounts_(std::move(accounts)),
      clock_(clock),
      random_(random),
      options_(options),
      idp_(idp),
      checker_(checker) {}

void SimCaller::attach(ipc::Server* server, asio::any_io_executor executor) {
    disconnect();
    server_ = server;
    executor_ = std::move(executor);
}

void SimCaller::begin() {
    const auto next = Millis{random_.between(10, 20'000)};
    clock_.call_in(next, [self = shared_from_this()] {
        if (self->holding_) return;
        self->act();
        self->begin();
    });
}

void SimCaller::act() {
    if (server_ == nullptr) return;
    if (wire_ && (wire_->daemon_gone || random_.chance(0.05))) disconnect();
    if (waiting_ || watching_) return;
    if (!wire_) connect();
    if (!wire_) return;
    if (random_.chance(0.1))
        watch();
    else
        ask();
}

void SimCaller::connect() {
    wire_ = std::make_shared<Wire>(executor_);
    if (random_.chance(0.2)) wire_->room = 2'000;  // reads slowly
    wire_->arrived = [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->arrived();
    };
    ipc::Caller caller;
    caller.uid = uid_;
    caller.gid = uid_;
    caller.pid = 0;
    if (!server_->adopt(daemon_end(wire_), std::move(caller))) disconnect();
}

void SimCaller::disconnect() {
    if (wire_) caller_close(std::exchange(wire_, nullptr));
    buffer_.clear();
    waiting_ = watching_ = false;
    ++turn_;
}

void SimCaller::ask() {
    const std::string account =
        accounts_[static_cast<std::size_t>(random_.u64() % accounts_.size())];
    boost::json::object parameters;
    parameters["account"] = account;
    asked_ = account;
    promised_ = Millis{0};
    if (account == "mint/app") {
        const std::string user =
            random_.chance(0.1) ? "stranger" : fmt::format("user{}", random_.between(1, 4));
        parameters["parameters"] = boost::json::object{{"user_id", user}};
        asked_ += "?" + user;
        promised_ = Millis{9'000};  // what its traits promise, less the way
    } else if (random_.chance(0.3)) {
        promised_ = Millis{random_.between(0, 90'000)};
        parameters["min_remaining_ms"] = promised_.count();
    }
    std::int64_t timeout_ms = limits::reader_timeout_default_ms.count();
    if (random_.chance(0.5)) parameters["timeout_ms"] = timeout_ms = random_.between(0, 30'000);
    const std::string call = proto::make_call("io.tokenbroker.tokens.GetToken", parameters);
    const std::size_t cut =
        random_.chance(0.2) ? static_cast<std::size_t>(random_.u64() % call.size()) : call.size();
    caller_send(wire_, std::string_view(call).substr(0, cut));
    const std::string rest = call.substr(cut);
    waiting_ = true;
    // The time-out counts from when the daemon has the whole call: a host that slept between its
    // halves has kept nobody waiting.
    const Millis delay{rest.empty() ? 0 : random_.between(0, 200)};
    clock_.call_in(delay,
                   [self = shared_from_this(), wire = wire_, rest, timeout_ms, turn = ++turn_] {
                       caller_send(wire, rest);
                       self->expect_answer(turn, timeout_ms);
                   });
}

void SimCaller::expect_answer(std::uint64_t turn, std::int64_t timeout_ms) {
    clock_.call_in(Millis{timeout_ms + slack_ms + 1}, [self = shared_from_this(), turn] {
        if (self->turn_ == turn && self->waiting_ && self->wire_ && !self->wire_->daemon_gone)
            self->checker_.violated("deadline", "uid {} has no answer for {} after its time-out",
                                    self->uid_, self->asked_);
    });
}

void SimCaller::watch() {
    std::vector<std::string> names;
    for (const std::string& name : accounts_)
        if (name != "mint/app") names.push_back(name);
    if (names.empty()) return;
    boost::json::array list(names.begin(), names.end());
    caller_send(wire_,
                proto::make_call("io.tokenbroker.tokens.WatchTokens", {{"accounts", list}}, true));
    watching_ = true;
    ++turn_;
}

void SimCaller::arrived() {
    if (!wire_) return;
    buffer_ += caller_take(wire_);
    const bool ended = wire_->daemon_gone;
    for (std::size_t nul = buffer_.find('\0'); nul != std::string::npos; nul = buffer_.find('\0')) {
        const std::string text = buffer_.substr(0, nul);
        buffer_.erase(0, nul + 1);
        frame(text);
        if (!wire_) return;
    }
    if (ended) disconnect();
}

void SimCaller::frame(std::string_view text) {
    if (options_.canary == Canary::deaf && waiting_) return;
    if (waiting_) return answered(text);
    if (!watching_)
        return checker_.violated("protocol", "uid {} got a frame that it never asked for", uid_);
    const auto reply = proto::parse_reply(text);
    if (!reply)
        return checker_.violated("protocol", "a reply doesn't parse: {}", reply.error().message);
    if (!reply->error.empty()) {
        if (permitted_ && reply->error == "io.tokenbroker.tokens.UnknownAccount")
            checker_.violated("access", "uid {} was refused its own accounts", uid_);
        return disconnect();
    }
    ++checker_.counts.watch_events;
    if (!permitted_)
        return checker_.violated("access", "uid {} watches accounts that it has no right to", uid_);
    const auto* token = reply->parameters.if_contains("token");
    if (token == nullptr) return;
    const std::string account(reply->parameters.at("account").as_string());
    idp_.judge_hand_out(account, std::string(token->at("token").as_string()), Millis{0});
}

void SimCaller::answered(std::string_view text) {
    waiting_ = false;
    ++turn_;
    const auto reply = proto::parse_reply(text);
    if (!reply)
        return checker_.violated("protocol", "a reply doesn't parse: {}", reply.error().message);
    if (!reply->error.empty()) {
        ++checker_.counts.refused;
        const bool unknown = reply->error == "io.tokenbroker.tokens.UnknownAccount";
        if (permitted_ && unknown)
            checker_.violated("access", "uid {} was refused {}", uid_, asked_);
        if (!permitted_ && !unknown)
            checker_.violated("access", "uid {} learnt that {} exists: {}", uid_, asked_,
                              reply->error);
        return;
    }
    if (!permitted_)
        return checker_.violated("access", "uid {} was handed a token of {}", uid_, asked_);
    const auto& token = reply->parameters.at("token").as_object();
    idp_.judge_hand_out(asked_, std::string(token.at("token").as_string()), promised_);
    if (asked_.find('?') != std::string::npos) return;
    // Generations never go back for one reader, not even over a crash.
    std::int64_t& newest = newest_generation_[asked_];
    const std::int64_t generation = token.at("generation").to_number<std::int64_t>();
    if (generation < newest)
        checker_.violated("generation", "{}: generation {} after {}", asked_, generation, newest);
    newest = generation;
}

}  // namespace tb::sim
