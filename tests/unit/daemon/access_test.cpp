// Access rules: globs against a naive matcher, selectors and their mistakes, the order of facts,
// default deny.
#include "daemon/access.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

#include "daemon/access_selector.hpp"
#include "daemon/caller_facts.hpp"
#include "tests/unit/daemon/selectors.hpp"

using namespace tb;
using namespace tb::daemon;
using testing::selector;

namespace {

// Answers what a test wants, and writes down what was asked.
struct FakeFacts final : Facts {
    std::optional<std::string> unit_is, cgroup_is, sha_is;
    std::optional<ipc::FileIdentity> exe_is;
    bool lives = true;
    std::string asked;

    std::optional<std::string> unit() override { return asked += "unit ", unit_is; }
    std::optional<std::string> cgroup() override { return asked += "cgroup ", cgroup_is; }
    std::optional<ipc::FileIdentity> exe() override { return asked += "exe ", exe_is; }
    std::optional<std::string> exe_sha256() override { return asked += "sha ", sha_is; }
    bool alive() override { return asked += "alive ", lives; }
};

ipc::Caller caller(uid_t uid, gid_t gid, std::vector<gid_t> groups = {}, pid_t pid = 4711) {
    ipc::Caller out;
    out.uid = uid;
    out.gid = gid;
    out.groups = std::move(groups);
    out.pid = pid;
    return out;
}

// By definition, slowly.
bool naive_match(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') {
        if (naive_match(pattern.substr(1), text)) return true;
        return !text.empty() && text[0] != '/' && naive_match(pattern, text.substr(1));
    }
    if (text.empty()) return false;
    const bool one = pattern[0] == '?' ? text[0] != '/' : pattern[0] == text[0];
    return one && naive_match(pattern.substr(1), text.substr(1));
}

}  // namespace

BOOST_AUTO_TEST_CASE(globs) {
    struct Case {
        std::string_view pattern, text;
        bool matches;
    };
    for (const Case& one : std::vector<Case>{
             {"shop/*", "shop/main", true},
             {"shop/*", "shop/", true},
             {"shop/*", "shop/a/b", false},
             {"shop/*", "shopping/main", false},
             {"*/*", "shop/main", true},
             {"*", "shop/main", false},
             {"shop/m??n", "shop/main", true},
             {"shop?main", "shop/main", false},
             {"game-server@*.service", "game-server@1.service", true},
             {"game-server@*.service", "game-server@1.service.d", false},
             {"*.service", "a.service.service", true},
             {"/system.slice/*", "/system.slice/a.service/child", false},
             {"", "", true},
             {"", "a", false},
             {"***", "", true},
             {"a.b", "axb", false},
             {"[ab]", "a", false},
         })
        BOOST_TEST(glob_match(one.pattern, one.text) == one.matches,
                   one.pattern << " on " << one.text);
}

BOOST_AUTO_TEST_CASE(globs_agree_with_the_definition) {
    std::mt19937 random(4711);
    const auto word = [&random](std::string_view letters, std::size_t most) {
        std::string out;
        for (std::size_t n = random() % (most + 1); n > 0; --n)
            out.push_back(letters[random() % letters.size()]);
        return out;
    };
    int matched = 0;
    for (int i = 0; i < 50'000; ++i) {
        const std::string pattern = word("ab/*?*", 8);
        const std::string text = word("ab/", 8);
        const bool want = naive_match(pattern, text);
        matched += want ? 1 : 0;
        BOOST_REQUIRE_MESSAGE(glob_match(pattern, text) == want, pattern << " on " << text);
    }
    BOOST_TEST(matched > 1'000);  // else nothing was tried
}

BOOST_AUTO_TEST_CASE(a_glob_takes_no_time_to_refuse) {
    const std::string text(5'000, 'a');
    std::string pattern;
    for (int i = 0; i < 1'000; ++i)
        pattern += "*a";
    BOOST_TEST(!glob_match(pattern + "b", text));
    BOOST_TEST(glob_match(pattern, text));
}

BOOST_AUTO_TEST_CASE(uid_and_gid_need_no_facts) {
    FakeFacts facts;
    BOOST_TEST(selector_matches(selector("uid:1000"), caller(1000, 1), facts));
    BOOST_TEST(!selector_matches(selector("uid:1000"), caller(1001, 1000), facts));
    BOOST_TEST(selector_matches(selector("gid:5"), caller(1000, 5), facts));
    BOOST_TEST(selector_matches(selector("gid:5"), caller(1000, 1, {3, 5}), facts));
    BOOST_TEST(!selector_matches(selector("gid:5"), caller(5, 1, {3, 4}), facts));
    BOOST_TEST(!selector_matches(Selector{}, caller(1000, 1), facts));
    BOOST_TEST(facts.asked == "");
}

BOOST_AUTO_TEST_CASE(nobody_never_matches) {
    FakeFacts facts;
    facts.unit_is = "a.service";
    BOOST_TEST(!selector_matches(selector("gid:5"), caller(65534, 5), facts));
    BOOST_TEST(!selector_matches(selector("unit:a.service"), caller(65534, 5), facts));
    Selector made_by_hand;
    made_by_hand.gid = 65534;
    BOOST_TEST(!selector_matches(made_by_hand, caller(1000, 65534, {65534}), facts));
    made_by_hand = {};
    made_by_hand.uid = 65534;
    BOOST_TEST(!selector_matches(made_by_hand, caller(65534, 1), facts));
    BOOST_TEST(!allowed({}, caller(65534, 0), 65534, facts));
}

BOOST_AUTO_TEST_CASE(facts_are_asked_in_order_and_alive_last) {
    Selector all = selector("uid:1000");
    all.unit = "a@*.service";
    all.cgroup = "/system.slice/*";
    all.exe = ipc::FileIdentity{1, 2};
    all.exe_sha256 = "ab";
    FakeFacts facts;
    facts.unit_is = "a@1.service";
    facts.cgroup_is = "/system.slice/a@1.service";
    facts.exe_is = ipc::FileIdentity{1, 2};
    facts.sha_is = "ab";
    BOOST_TEST(selector_matches(all, caller(1000, 1), facts));
    BOOST_TEST(facts.asked == "unit cgroup exe sha alive ");

    facts.asked.clear();
    BOOST_TEST(!selector_matches(all, caller(1001, 1), facts));
    BOOST_TEST(facts.asked == "");
    BOOST_TEST(!selector_matches(all, caller(1000, 1, {}, 0), facts));
    BOOST_TEST(facts.asked == "");

    facts.lives = false;
    BOOST_TEST(!selector_matches(all, caller(1000, 1), facts));
    facts.lives = true;
    for (const auto& spoil : std::vector<void (*)(FakeFacts&)>{
             [](FakeFacts& f) { f.unit_is = "b.service"; }, [](FakeFacts& f) { f.unit_is.reset(); },
             [](FakeFacts& f) { f.cgroup_is = "/user.slice/x"; },
             [](FakeFacts& f) { f.cgroup_is.reset(); },
             [](FakeFacts& f) { f.exe_is = ipc::FileIdentity{1, 3}; },
             [](FakeFacts& f) { f.exe_is.reset(); }, [](FakeFacts& f) { f.sha_is = "ac"; },
             [](FakeFacts& f) { f.sha_is.reset(); }}) {
        FakeFacts spoiled = facts;
        spoil(spoiled);
        BOOST_TEST(!selector_matches(all, caller(1000, 1), spoiled));
    }
}

BOOST_AUTO_TEST_CASE(default_deny) {
    FakeFacts facts;
    const AccessRule rule{{"shop/*"}, {selector("uid:1000"), selector("gid:7")}, "a.toml:3"};
    BOOST_TEST(allowed({&rule}, caller(1000, 1), 999, facts));
    BOOST_TEST(allowed({&rule}, caller(1001, 7), 999, facts));
    BOOST_TEST(!allowed({&rule}, caller(1001, 1), 999, facts));
    BOOST_TEST(!allowed({}, caller(1000, 1), 999, facts));
    BOOST_TEST(allowed({}, caller(0, 0), 999, facts));
    BOOST_TEST(allowed({}, caller(999, 1), 999, facts));
}

BOOST_AUTO_TEST_CASE(rules_are_picked_and_explained) {
    const std::vector<AccessRule> rules{
        {{"shop/*", "other/x"}, {selector("uid:1000"), selector("unit:a@*.service")}, "a.toml:3"},
        {{"shop/main"}, {selector("gid:7"), selector("cgroup:/a/b")}, "b.toml:9"}};
    BOOST_TEST(rules_for(rules, "shop/main").size() == 2U);
    BOOST_TEST(rules_for(rules, "other/x").size() == 1U);
    BOOST_TEST(rules_for(rules, "other/y").empty());
    BOOST_TEST(explain(rules_for(rules, "shop/main"), "shop/main") ==
               "a.toml:3 allows uid:1000, unit:a@*.service; b.toml:9 allows gid:7, cgroup:/a/b");
    BOOST_TEST(explain(rules_for(rules, "other/y"), "other/y") ==
               "no [[access]] rule names other/y");
}

BOOST_AUTO_TEST_CASE(facts_of_a_caller_without_a_pid_are_none) {
    const ipc::Caller invisible = caller(1000, 1, {}, 0);
    CallerFacts facts(invisible);
    BOOST_TEST(!facts.unit().has_value());
    BOOST_TEST(!facts.cgroup().has_value());
    BOOST_TEST(!facts.exe().has_value());
    BOOST_TEST(!facts.exe_sha256().has_value());
    BOOST_TEST(!facts.alive());
}
