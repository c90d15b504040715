// See sim_operator.hpp.
#include "tests/simulation/sim_operator.hpp"

#include <boost/json/parse.hpp>

#include "base/limits.hpp"
#include "proto/message.hpp"

namespace tb::sim {

SimOperator::SimOperator(Surroundings& world, asio::any_io_executor executor,
                         const std::vector<std::string>& accounts, OAuth2Model* logins,
                         std::function<NewGrant(const std::string&)> new_grant)
    : world_(world),
      executor_(std::move(executor)),
      accounts_(accounts),
      logins_(logins),
      new_grant_(std::move(new_grant)) {}

void SimOperator::begin() {
    if (world_.options.faults.operator_every_s == 0) return;
    const std::int64_t mean_ms = tidying_ ? 5'000 : world_.options.faults.operator_every_s * 1'000;
    const Millis next{world_.random.between(100, 2 * mean_ms)};
    world_.clock.call_in(next, [self = shared_from_this()] {
        if (self->holding_) return;
        self->act();
        self->begin();
    });
}

void SimOperator::attach(ipc::Server* admin) {
    admin_ = admin;
    for (const auto& wire : others_)
        caller_close(wire);
    others_.clear();
    if (wire_) caller_close(std::exchange(wire_, nullptr));
    if (method_ == "RemoveAccount" || method_ == "AddAccount" || method_ == "Login")
        expected_[account_].exists.reset();
    if (method_ == "PauseAccount" || method_ == "ResumeAccount") expected_[account_].paused.reset();
    if (method_ == "RemoveAccount" || method_ == "AddAccount") expected_[account_].paused.reset();
    method_.clear();
    buffer_.clear();
    ++turn_;
}

std::shared_ptr<Wire> SimOperator::connect() {
    auto wire = std::make_shared<Wire>(executor_);
    ipc::Caller caller;
    caller.uid = 0;
    caller.gid = 0;
    if (admin_ == nullptr || !admin_->adopt(daemon_end(wire), std::move(caller))) return nullptr;
    return wire;
}

void SimOperator::tell(const std::string& frame) {
    auto wire = connect();
    if (!wire) return;
    caller_send(wire, frame);
    others_.push_back(std::move(wire));
    constexpr std::size_t kept = 40;
    if (others_.size() <= kept) return;
    caller_close(others_.front());
    others_.erase(others_.begin());
}

void SimOperator::replace(const std::string& account) {
    NewGrant grant = new_grant_(account);
    world_.issuer.credit(account, 10);
    boost::json::object parameters{{"account", account}, {"replace", true}};
    parameters["secrets"] = std::move(grant.secrets);
    if (!grant.attributes.empty()) parameters["attributes"] = std::move(grant.attributes);
    tell(proto::make_call("io.tokenbroker.admin.AddAccount", parameters));
}

void SimOperator::call(std::string method, boost::json::object parameters, bool more) {
    wire_ = connect();
    if (!wire_) return;
    method_ = std::move(method);
    wire_->arrived = [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->arrived();
    };
    world_.issuer.credit(account_, 10);
    world_.checker.happened(6, method_.size());
    caller_send(wire_, proto::make_call("io.tokenbroker.admin." + method_, parameters, more));
    // Longer than any login: then it hangs up.
    const Millis patience{1'200'000};
    world_.clock.call_in(patience, [self = shared_from_this(), turn = ++turn_] {
        if (self->turn_ == turn) self->attach(self->admin_);
    });
}

void SimOperator::act() {
    if (admin_ == nullptr || !method_.empty() || accounts_.empty()) return;
    SimRandom& random = world_.random;
    account_ = accounts_[static_cast<std::size_t>(
        random.between(0, static_cast<std::int64_t>(accounts_.size()) - 1))];
    if (tidying_)
        for (const std::string& name : accounts_) {
            const daemon::Account* found = world_.app->accounts().find(name);
            if (found == nullptr || found->paused) account_ = name;
        }
    const daemon::Account* known = world_.app->accounts().find(account_);
    boost::json::object named{{"account", account_}};
    if (known == nullptr) {
        NewGrant grant = new_grant_(account_);
        named["secrets"] = std::move(grant.secrets);
        if (!grant.attributes.empty()) named["attributes"] = std::move(grant.attributes);
        return call("AddAccount", std::move(named), false);
    }
    if (known->paused && (tidying_ || random.chance(0.7))) {
        ++world_.resumptions;
        return call("ResumeAccount", std::move(named), false);
    }
    if (tidying_) return;
    const std::int64_t what = random.between(0, 99);
    if (what < 15) return call("PauseAccount", std::move(named), false);
    if (what < 25) return call("RemoveAccount", std::move(named), false);
    if (what < 40) return call("RenewAccount", std::move(named), false);
    if (what < 55) return replace(account_);
    if (what < 60) return call("GetStatus", {}, false);
    const bool can_log_in = logins_ != nullptr && account_.starts_with("o0/");
    if (can_log_in && what < 75) return call("RevokeAccount", std::move(named), false);
    if (can_log_in) return log_in(account_, random.chance(0.5));
    if (what < 62) return call("ListClients", {}, false);
}

void SimOperator::log_in(const std::string& account, bool by_code) {
    SimRandom& random = world_.random;
    const std::int64_t mood = random.between(0, 9);
    const auto person = mood < 7   ? OAuth2Model::Person::approves
                        : mood < 9 ? OAuth2Model::Person::denies
                                   : OAuth2Model::Person::walks_away;
    logins_->next_login(account, person, Millis{3'600'000});
    boost::json::object parameters{{"account", account}};
    parameters["flows"] = boost::json::array{by_code ? "code" : "device"};
    if (by_code) parameters["redirect_uri"] = "http://127.0.0.1:43211/callback";
    call("Login", std::move(parameters), true);
}

void SimOperator::arrived() {
    if (!wire_) return;
    buffer_ += caller_take(wire_);
    const bool ended = wire_->daemon_gone;
    for (std::size_t nul = buffer_.find('\0'); nul != std::string::npos; nul = buffer_.find('\0')) {
        const std::string text = buffer_.substr(0, nul);
        buffer_.erase(0, nul + 1);
        answered(text);
        if (!wire_) return;
    }
    if (ended) attach(admin_);
}

// The browser's part: the person looks at the page for a while, then comes back with its answer.
void SimOperator::shown(const boost::json::object& reply) {
    if (reply.at("flow").as_string() != "code") return;
    const std::string query = logins_->browse(std::string(reply.at("url").as_string()));
    if (query.empty()) return;
    const Millis later{world_.random.between(100, 60'000)};
    const std::string login(reply.at("login").as_string());
    world_.clock.call_in(later, [self = shared_from_this(), turn = turn_, login, query] {
        if (self->turn_ != turn) return;
        self->tell(proto::make_call("io.tokenbroker.admin.FinishLogin",
                                    {{"login", login}, {"query", query}}));
    });
}

void SimOperator::answered(std::string_view text) {
    const auto reply = proto::parse_reply(text);
    if (!reply)
        return world_.checker.violated(Rule::protocol, "an operator's reply doesn't parse: {}",
                                       reply.error().message);
    if (reply->continues) return shown(reply->parameters);
    const bool done = reply->error.empty();
    Expected& expected = expected_[account_];
    // An error may come after the change was made: a renewal that proves it may fail.
    if (method_ == "AddAccount" || method_ == "Login") {
        if (done) expected.exists = true;
        if (!done) expected.exists.reset();
        if (method_ == "AddAccount") expected.paused.reset();
    }
    if (method_ == "RemoveAccount") {
        expected.exists = done ? std::optional(false) : std::nullopt;
        expected.paused.reset();
    }
    if (method_ == "PauseAccount" || method_ == "ResumeAccount")
        expected.paused = done ? std::optional(method_ == "PauseAccount") : std::nullopt;
    if (done) ++world_.checker.counts.operations;
    method_.clear();
    ++turn_;
    caller_close(std::exchange(wire_, nullptr));
    buffer_.clear();
}

void SimOperator::check_acknowledged() const {
    for (const auto& [name, expected] : expected_) {
        const daemon::Account* account = world_.app->accounts().find(name);
        const bool exists = account != nullptr;
        if (expected.exists && *expected.exists != exists)
            world_.checker.violated(Rule::record_lost, "{}: its {} was acknowledged", name,
                                    exists ? "removal" : "enrolment");
        if (exists && expected.paused && *expected.paused != account->paused)
            world_.checker.violated(Rule::record_lost, "{}: its {} was acknowledged", name,
                                    account->paused ? "resumption" : "pause");
    }
}

void SimOperator::tidy_up() {
    tidying_ = true;
}

}  // namespace tb::sim
