// See sim_caller.hpp.
#include "tests/simulation/sim_caller.hpp"

#include "base/limits.hpp"
#include "proto/message.hpp"

namespace tb::sim {
namespace {

// A waiter is answered when its time is up; what is added is the way of an answer through the loop.
constexpr std::int64_t slack_ms = 50;

}  // namespace

SimCaller::SimCaller(uid_t uid, std::vector<std::string> accounts, Surroundings& world,
                     asio::any_io_executor executor, Millis every, bool on_the_hour)
    : uid_(uid),
      accounts_(std::move(accounts)),
      world_(world),
      executor_(std::move(executor)),
      every_(every),
      on_the_hour_(on_the_hour) {}

bool SimCaller::rules_are_new() const {
    return world_.clock.world_ms() - world_.rules_changed_ms < 1'000;
}

void SimCaller::begin() {
    const auto next = on_the_hour_ && !newest_.empty()
                          ? every_
                          : Millis{world_.random.between(10, every_.count() * 2)};
    world_.clock.call_in(next, [self = shared_from_this()] {
        if (self->holding_) return;
        self->act();
        self->begin();
    });
}

void SimCaller::act() {
    if (world_.server == nullptr || accounts_.empty()) return;
    SimRandom& random = world_.random;
    if (wire_ && (wire_->daemon_gone || (!on_the_hour_ && random.chance(0.05)))) disconnect();
    if (stalled_ || waiting_) return;
    if (watching_) {
        if (random.chance(0.05)) stall();
        return;
    }
    if (!wire_ && !connect()) return;
    if (on_the_hour_) return ask();
    const std::int64_t what = random.between(0, 99);
    if (what < 10) return watch();
    if (what < 13) return report();
    ask();
}

bool SimCaller::connect() {
    wire_ = std::make_shared<Wire>(executor_);
    if (!on_the_hour_ && world_.random.chance(0.2)) wire_->room = 2'000;  // reads slowly
    wire_->arrived = [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->arrived();
    };
    ipc::Caller caller;
    caller.uid = uid_;
    caller.gid = uid_;
    caller.pid = 0;
    if (!world_.server->adopt(daemon_end(wire_), std::move(caller))) disconnect();
    return wire_ != nullptr;
}

void SimCaller::disconnect() {
    if (wire_) caller_close(std::exchange(wire_, nullptr));
    buffer_.clear();
    waiting_ = watching_ = stalled_ = read_late_ = reporting_ = false;
    watched_.clear();
    ++turn_;
}

void SimCaller::ask() {
    SimRandom& random = world_.random;
    const std::string& account = accounts_[static_cast<std::size_t>(
        random.between(0, static_cast<std::int64_t>(accounts_.size()) - 1))];
    asked_ = account;
    promised_ = Millis{0};
    permitted_when_asked_ = permitted(account);
    paused_when_asked_ = paused(account);
    std::string more;
    const auto users = world_.users.find(account);
    if (users != world_.users.end()) {
        const bool stranger = !on_the_hour_ && random.chance(0.1);
        asked_ = users->second[static_cast<std::size_t>(
            random.between(0, static_cast<std::int64_t>(users->second.size()) - 1))];
        more = fmt::format(R"(,"parameters":{{"user_id":"{}"}})",
                           stranger ? "stranger" : asked_.substr(asked_.find('?') + 1));
        promised_ = Millis{9'000};  // what its traits promise, less the way
    } else if (random.chance(0.3)) {
        promised_ = Millis{random.between(0, 90'000)};
        if (world_.options.canary != Canary::promise_ignored)
            more = fmt::format(R"(,"min_remaining_ms":{})", promised_.count());
    }
    std::int64_t timeout_ms = limits::reader_timeout_default_ms.count();
    if (random.chance(0.5)) {
        timeout_ms = random.between(0, 30'000);
        more += fmt::format(R"(,"timeout_ms":{})", timeout_ms);
    }
    std::string call = fmt::format(
        R"({{"method":"io.tokenbroker.tokens.GetToken","parameters":{{"account":"{}"{}}}}})",
        account, more);
    call.push_back('\0');
    world_.checker.happened(3, uid_);
    world_.issuer.credit(asked_, 3);
    send_in_pieces(call, timeout_ms);
}

void SimCaller::send_in_pieces(const std::string& call, std::int64_t timeout_ms) {
    SimRandom& random = world_.random;
    const bool in_pieces = !on_the_hour_ && random.chance(0.2);
    const std::size_t cut =
        in_pieces ? static_cast<std::size_t>(random.u64() % call.size()) : call.size();
    waiting_ = true;
    const std::uint64_t turn = ++turn_;
    caller_send(wire_, std::string_view(call).substr(0, cut));
    if (cut == call.size()) return expect_answer(turn, timeout_ms);
    const std::string rest = call.substr(cut);
    // The time-out counts from when the daemon has the whole call: a host that slept between its
    // halves has kept nobody waiting.
    world_.clock.call_in(Millis{random.between(0, 200)},
                         [self = shared_from_this(), wire = wire_, rest, timeout_ms, turn] {
                             caller_send(wire, rest);
                             self->expect_answer(turn, timeout_ms);
                         });
}

void SimCaller::expect_answer(std::uint64_t turn, std::int64_t timeout_ms) {
    world_.clock.call_in(Millis{timeout_ms + slack_ms + 1}, [self = shared_from_this(), turn] {
        if (self->turn_ == turn && self->waiting_ && self->wire_ && !self->wire_->daemon_gone)
            check_deadline(self->world_.checker, self->uid_, self->asked_);
    });
}

// The resource server refused what this caller was given last.
void SimCaller::report() {
    if (newest_.empty()) return ask();
    auto known = newest_.begin();
    std::advance(known, world_.random.between(0, static_cast<std::int64_t>(newest_.size()) - 1));
    const std::string account = known->first.substr(0, known->first.find('?'));
    if (account != known->first) return ask();
    asked_ = account;
    permitted_when_asked_ = permitted(account);
    reporting_ = true;
    world_.issuer.credit(account, 3);
    send_in_pieces(
        proto::make_call("io.tokenbroker.tokens.ReportRejected",
                         {{"account", account}, {"generation", known->second.generation}}),
        1'000);
}

void SimCaller::watch() {
    boost::json::array list;
    for (const std::string& name : accounts_)
        if (!world_.users.contains(name) && list.size() < limits::watches_per_call_max)
            list.emplace_back(name);
    if (list.empty()) return;
    permitted_when_asked_ = true;
    for (const auto& name : list)
        permitted_when_asked_ = permitted_when_asked_ && permitted(name.as_string());
    caller_send(wire_, proto::make_call("io.tokenbroker.tokens.WatchTokens",
                                        {{"accounts", std::move(list)}}, true));
    watching_ = true;
    look_over_watch(++turn_);
}

// Now and then: does it know the newest of everything it watches?
void SimCaller::look_over_watch(std::uint64_t turn) {
    const Millis next{world_.random.between(10'000, 60'000)};
    world_.clock.call_in(next, [self = shared_from_this(), turn] {
        if (self->turn_ != turn || !self->watching_ || self->world_.app == nullptr) return;
        self->look_over_watch(turn);
        if (self->stalled_ || !self->wire_->to_caller.empty() || self->rules_are_new()) return;
        for (const auto& [name, generation] : self->watched_) {
            const daemon::Account* account = self->world_.app->accounts().find(name);
            if (account != nullptr)
                check_watch(self->world_.checker, self->uid_, *account, generation,
                            self->world_.clock.now());
        }
    });
}

void SimCaller::stall() {
    stalled_ = read_late_ = true;
    const Millis span{world_.random.between(100, 20'000)};
    world_.clock.call_in(span, [self = shared_from_this(), turn = turn_] {
        if (self->turn_ != turn) return;
        self->stalled_ = false;
        self->arrived();
    });
}

void SimCaller::arrived() {
    if (!wire_ || (stalled_ && !wire_->daemon_gone)) return;
    buffer_ += caller_take(wire_);
    const bool ended = wire_->daemon_gone;
    std::size_t from = 0;
    for (std::size_t nul = buffer_.find('\0'); nul != std::string::npos;
         nul = buffer_.find('\0', from)) {
        const std::string text = buffer_.substr(from, nul - from);
        from = nul + 1;
        frame(text);
        if (!wire_) return;
    }
    buffer_.erase(0, from);
    if (ended) disconnect();
}

}  // namespace tb::sim
