// Watches and refusals while a reload goes through all accounts: each watch is judged again in
// turns, whoever lost the right sees no token from the moment on that its account has changed, and
// why somebody is refused is told by the rules that refused him.
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <map>

#include "base/limits.hpp"
#include "tests/unit/daemon/bench.hpp"
#include "tests/unit/daemon/memory_audit.hpp"

namespace tb::test {
namespace {

daemon::AccessRule rule_for(uid_t uid, std::string place) {
    daemon::Selector who;
    who.uid = uid;
    daemon::AccessRule rule;
    rule.accounts = {"shop/*"};
    rule.allow.push_back(std::move(who));
    rule.place = std::move(place);
    return rule;
}

struct Watched : Bench {
    static constexpr std::size_t count = 3 * limits::accounts_per_turn + 9;
    Watched() {
        audit = &rows;
        client("shop", "threekit");
        config.access = {rule_for(1000, "before.toml:1")};
        for (std::size_t i = 0; i < count; ++i)
            account(name(i), "threekit");
        begin();
        loser = watch(1000, names());
        root = watch(0, names());
        (void)events(loser);
        (void)events(root);
    }
    ~Watched() { end(); }  // while there are rows
    static std::string name(std::size_t i) { return fmt::format("shop/u{:05}", i); }
    static boost::json::array names() {
        boost::json::array all;
        for (std::size_t i = 0; i < count; ++i)
            all.emplace_back(name(i));
        return all;
    }
    std::shared_ptr<sim::Wire> watch(uid_t uid, boost::json::array accounts) {
        return send(tokens + "WatchTokens", {{"accounts", std::move(accounts)}}, uid, true);
    }
    struct Event {
        std::string account;
        std::string event;
        bool token = false;
    };
    static std::vector<Event> events(const std::shared_ptr<sim::Wire>& wire) {
        std::vector<Event> all;
        std::string bytes = sim::caller_take(wire);
        for (std::size_t nul = 0; (nul = bytes.find('\0')) != std::string::npos;
             bytes.erase(0, nul + 1)) {
            const auto reply = proto::parse_reply(std::string_view(bytes).substr(0, nul));
            BOOST_REQUIRE(reply.has_value());
            BOOST_REQUIRE_MESSAGE(reply->error.empty(), reply->error);
            all.push_back({std::string(reply->parameters.at("account").as_string()),
                           std::string(reply->parameters.at("event").as_string()),
                           reply->parameters.contains("token")});
        }
        return all;
    }
    // Watches of the loser that were not judged again yet.
    std::size_t left() {
        std::size_t n = 0;
        app->accounts().each([&n](const std::shared_ptr<daemon::Account>& one) {
            for (const daemon::Watch* watch : one->watches)
                n += watch->caller().uid == 1000 ? 1 : 0;
        });
        return n;
    }
    void reload() {
        config.access = {rule_for(2000, "after.toml:9")};
        done = false;
        app->admin().reload([this](const auto& mistakes, const auto&) {
            BOOST_TEST(mistakes.empty());
            done = true;
        });
        asio::post(context.get_executor(), [this] { look(); });
        settle();
        BOOST_REQUIRE(done);
    }
    void look() {
        seen.push_back(left());
        if (between && !done) between();
        if (!done) asio::post(context.get_executor(), [this] { look(); });
    }
    // Is it judged by the rules of the new configuration?
    bool changed(std::size_t i) {
        const auto& rules = find(name(i)).rules;
        return rules.begin() != rules.end() && (*rules.begin())->place == "after.toml:9";
    }

    MemoryAudit rows;
    std::shared_ptr<sim::Wire> loser;
    std::shared_ptr<sim::Wire> root;
    std::vector<std::size_t> seen;
    std::function<void()> between;
    bool done = false;
};

// What a service answers, within one turn.
class Caught final : public ipc::Connection {
  public:
    explicit Caught(uid_t uid) { caller_.uid = caller_.gid = uid; }
    const ipc::Caller& caller() const override { return caller_; }
    std::string& out() override { return out_; }
    std::shared_ptr<ipc::Pending> defer() override { return nullptr; }
    void close() override {}

  private:
    ipc::Caller caller_;
    std::string out_;
};

std::string said(ipc::Service& service, const std::string& method, boost::json::object parameters,
                 uid_t uid) {
    std::string frame = proto::make_call(method, parameters, false);
    frame.pop_back();
    const auto call = proto::parse_call(frame);
    BOOST_REQUIRE(call.has_value());
    Caught caught(uid);
    service.call(caught, *call);
    return caught.out();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reload_watch)

BOOST_FIXTURE_TEST_CASE(watches_are_judged_again_in_turns, Watched) {
    BOOST_REQUIRE(left() == count);
    reload();
    BOOST_TEST(left() == 0U);
    std::size_t between_turns = 0;
    for (std::size_t i = 1; i < seen.size(); ++i) {
        BOOST_TEST(seen[i - 1] - seen[i] <= limits::accounts_per_turn);
        between_turns += seen[i] > 0 && seen[i] < count ? 1 : 0;
    }
    BOOST_TEST(between_turns >= 3U);
    std::map<std::string, int> removed;
    for (const Event& event : events(loser)) {
        BOOST_TEST(event.event == "removed");
        BOOST_TEST(!event.token);
        ++removed[event.account];
    }
    BOOST_TEST(removed.size() == count);
    for (const auto& [account, times] : removed)
        BOOST_TEST(times == 1, account);
    BOOST_TEST(events(root).empty());
    BOOST_TEST(rows.of(storage::AuditKind::refusal).empty());
}

// A change of an account under its new rules reaches who may see it, and nobody else, whether its
// watches were judged again already or not.
BOOST_FIXTURE_TEST_CASE(a_change_between_two_turns_is_neither_missed_nor_leaked, Watched) {
    std::size_t told = 0;
    between = [&] {
        if (left() == count || left() == 0) return;
        for (const std::size_t i : {std::size_t{0}, count / 2, count - 1}) {
            app->broker().notify(find(name(i)), "new_token", {});
            ++told;
        }
    };
    reload();
    BOOST_REQUIRE(told >= 9U);
    std::map<std::string, int> removed;
    for (const Event& event : events(loser)) {
        BOOST_TEST(!event.token, event.account);
        ++removed[event.account];
    }
    BOOST_TEST(removed.size() == count);
    for (const auto& [account, times] : removed)
        BOOST_TEST(times == 1, account);
    std::size_t seen_by_root = 0;
    for (const Event& event : events(root))
        seen_by_root += event.token ? 1 : 0;
    BOOST_TEST(seen_by_root == told);
}

BOOST_FIXTURE_TEST_CASE(watches_and_accounts_may_come_and_go_meanwhile, Watched) {
    const auto leaves = watch(1000, names());
    const auto also = watch(1000, {name(0), name(count - 1)});
    std::shared_ptr<sim::Wire> comes;
    std::shared_ptr<sim::Wire> refused;
    int turn = 0;
    between = [&] {
        if (!changed(count - 1) || ++turn > 4) return;
        if (turn == 1) {
            sim::caller_close(leaves);
            comes = post(tokens + "WatchTokens", {{"accounts", {name(1), name(count - 2)}}}, 2000,
                         true);
            refused = post(tokens + "WatchTokens", {{"accounts", {name(1)}}}, 1000, true);
            app->admin().reload([](const auto& mistakes, const auto&) {
                BOOST_REQUIRE(mistakes.size() == 1U);
                BOOST_TEST(mistakes[0] == "a reload is under way");
            });
        }
        // One that is to be looked at yet, or was already.
        const auto gone = app->accounts().share(name(100 * static_cast<std::size_t>(turn)));
        app->accounts().remove(*gone);
        app->broker().forget(gone, "removed");
    };
    reload();
    BOOST_REQUIRE(turn >= 4);
    BOOST_TEST(left() == 0U);
    std::map<std::string, int> removed;
    for (const Event& event : events(loser))
        removed[event.account] += event.event == "removed" && !event.token ? 1 : 100;
    BOOST_TEST(removed.size() == count);
    for (const auto& [account, times] : removed)
        BOOST_TEST(times == 1, account);
    const auto of_also = events(also);
    BOOST_REQUIRE(of_also.size() == 4U);  // the tokens at first, and then no more
    BOOST_TEST(of_also[3].event == "removed");
    const auto of_newcomer = events(comes);
    BOOST_REQUIRE(of_newcomer.size() == 2U);
    BOOST_TEST(of_newcomer[0].token);
    BOOST_TEST(of_newcomer[1].token);
    BOOST_TEST(taken(refused)->error == tokens + "UnknownAccount");
    std::size_t removals = 0;
    for (const Event& event : events(root))
        removals += event.event == "removed" ? 1 : 0;
    BOOST_TEST(removals == 4U);
}

BOOST_FIXTURE_TEST_CASE(a_refusal_is_explained_by_the_rules_it_was_made_by, Watched) {
    pass(60'000ms);  // the audit's rows of this minute went to the watches
    std::size_t before = 0;
    std::size_t after = 0;
    const auto explained = [&](std::size_t i) {
        return said(app->admin(), admin + "ExplainAccess", {{"account", name(i)}, {"uid", 1000}},
                    0);
    };
    between = [&] {
        for (const std::size_t i : {std::size_t{0}, count - 1}) {
            const bool is_new = changed(i);
            ++(is_new ? after : before);
            // Who is refused under the one has the right under the other.
            const uid_t uid = is_new ? 1000 : 2000;
            const std::string_view rule = is_new ? "after.toml:9" : "before.toml:1";
            const std::string answer =
                said(app->tokens(), tokens + "GetToken", {{"account", name(i)}}, uid);
            BOOST_TEST(answer.find("UnknownAccount") != std::string::npos, answer);
            const auto refusals = rows.of(storage::AuditKind::refusal);
            BOOST_REQUIRE(!refusals.empty());
            BOOST_TEST(refusals.back().detail.starts_with(rule), refusals.back().detail);
            const std::string why = explained(i);
            BOOST_TEST(why.find(rule) != std::string::npos, why);
            BOOST_TEST((why.find("\"allowed\":true") != std::string::npos) == !is_new, why);
        }
    };
    reload();
    BOOST_TEST(before > 0U);
    BOOST_TEST(after > 0U);
    BOOST_TEST(log.contains("after.toml:9 allows uid:2000"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
