// What becomes an audit row and what is only counted; who reads them.
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "tests/unit/daemon/bench.hpp"
#include "tests/unit/daemon/memory_audit.hpp"

namespace tb::test {
namespace {

using storage::AuditKind;
using storage::AuditRow;

struct AuditBench : Bench {
    AuditBench() {
        audit = &store_of_rows;
        client("shop", "webroot");
        client("models", "threekit");
        account("shop/main", "webroot");
        account("models/cdn", "threekit");
    }
    ~AuditBench() { end(); }
    proto::Reply get(const std::string& name, uid_t uid = 1000) {
        return call(tokens + "GetToken", {{"account", name}}, uid);
    }
    std::vector<AuditRow> of(AuditKind kind) const { return store_of_rows.of(kind); }

    MemoryAudit store_of_rows;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(audit)

BOOST_FIXTURE_TEST_CASE(the_first_hand_out_of_a_caller_is_a_row, AuditBench) {
    begin();
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(get("models/cdn").error.empty());
    BOOST_TEST(get("models/cdn", 0).error.empty());
    BOOST_TEST(get("shop/main").error.empty());
    const auto rows = of(AuditKind::hand_out);
    BOOST_REQUIRE(rows.size() == 3U);
    BOOST_TEST(rows[0].uid.value() == 1000U);
    BOOST_TEST(rows[0].gid.value() == 1000U);
    BOOST_TEST(rows[0].verdict == "handed_out");
    BOOST_TEST(rows[0].method == "GetToken");
    BOOST_TEST(rows[0].account == "models/cdn");
    BOOST_TEST(rows[0].generation.value() == 1);
    BOOST_TEST((rows[0].wall == clock.wall() || rows[0].wall < clock.wall()));
    BOOST_TEST(rows[1].uid.value() == 0U);
    BOOST_TEST(rows[2].account == "shop/main");  // after it waited for its first token
    BOOST_TEST(app->audit().hand_outs() == 7U);
}

BOOST_FIXTURE_TEST_CASE(one_that_goes_on_has_a_row_a_day, AuditBench) {
    begin();
    (void)get("models/cdn");
    (void)get("models/cdn");
    pass(limits::audit_again_ms - 60'000ms);
    (void)get("models/cdn");
    BOOST_TEST(of(AuditKind::hand_out).size() == 1U);
    pass(120'000ms);
    (void)get("models/cdn");
    const auto rows = of(AuditKind::hand_out);
    BOOST_REQUIRE(rows.size() == 2U);
    BOOST_TEST(rows[1].detail == "and 2 more since its last row");
}

BOOST_FIXTURE_TEST_CASE(a_refusal_says_which_line_would_allow_it, AuditBench) {
    begin();
    BOOST_TEST(get("shop/main", 1001).error == tokens + "UnknownAccount");
    (void)get("shop/nobody", 1001);
    (void)get("rt_test_secret_in_the_wrong_place", 1001);
    (void)get("secret/in-the-wrong-place", 1001);
    (void)call(admin + "PauseAccount", {{"account", "shop/main"}}, 1001);
    const auto rows = of(AuditKind::refusal);
    BOOST_REQUIRE(rows.size() == 5U);
    BOOST_TEST(rows[0].verdict == "refused");
    BOOST_TEST(rows[0].uid.value() == 1001U);
    BOOST_TEST(rows[0].account == "shop/main");
    BOOST_TEST(rows[0].detail == "test.toml:1 allows uid:1000");
    BOOST_TEST(rows[1].account == "shop/nobody");
    BOOST_TEST(rows[1].detail == "there is no such account");
    BOOST_TEST(rows[2].account == "(no name)");
    BOOST_TEST(rows[3].account == "(unknown client)");
    BOOST_TEST(rows[4].method == "PauseAccount");
    BOOST_TEST(app->audit().refusals() == 5U);
}

// 60 a minute: one refusal a second is a fault to look at one by one, more is one fault.
BOOST_FIXTURE_TEST_CASE(a_flood_is_a_count, AuditBench) {
    begin();
    BOOST_TEST(limits::audit_rows_per_uid_per_minute == 60);
    for (int i = 0; i < 100; ++i)
        (void)get("shop/main", 1001);
    (void)get("shop/main", 1002);
    BOOST_TEST(of(AuditKind::refusal).size() == 61U);
    pass(61'000ms);
    auto rows = of(AuditKind::refusal);
    BOOST_REQUIRE(rows.size() == 62U);
    BOOST_TEST(rows.back().verdict == "more");
    BOOST_TEST(rows.back().count == 40);
    BOOST_TEST(rows.back().uid.value() == 1001U);
    (void)get("shop/main", 1001);
    BOOST_TEST(of(AuditKind::refusal).back().verdict == "refused");
}

BOOST_FIXTURE_TEST_CASE(what_was_only_counted_is_written_at_the_end, AuditBench) {
    begin();
    for (int i = 0; i < 70; ++i)
        (void)get("shop/main", 1001);
    end();
    BOOST_TEST(of(AuditKind::refusal).back().count == 10);
    const auto last = of(AuditKind::admin).back();
    BOOST_TEST(last.method == "stop");
    BOOST_TEST(last.detail == "0 hand-outs and 70 refusals since the start");
    BOOST_TEST(store_of_rows.closed);
}

BOOST_FIXTURE_TEST_CASE(what_operators_do, AuditBench) {
    begin();
    (void)call(admin + "PauseAccount", {{"account", "models/cdn"}});
    (void)call(admin + "ResumeAccount", {{"account", "models/nobody"}});
    (void)call(admin + "GetStatus", {});
    (void)call(admin + "SetClientSecret",
               {{"client", "shop"}, {"name", "client_secret"}, {"value", "cs_test_audit"}});
    (void)call(admin + "Reload", {});
    const auto rows = of(AuditKind::admin);
    BOOST_REQUIRE(rows.size() == 5U);
    BOOST_TEST(rows[0].method == "start");
    BOOST_TEST(!rows[0].uid.has_value());
    BOOST_TEST(rows[1].method == "PauseAccount");
    BOOST_TEST(rows[1].verdict == "done");
    BOOST_TEST(rows[1].account == "models/cdn");
    BOOST_TEST(rows[1].uid.value() == 0U);
    BOOST_TEST(rows[2].verdict == "failed");
    BOOST_TEST(rows[2].detail == "UnknownAccount");
    BOOST_TEST(rows[3].account == "shop");
    BOOST_TEST(rows[4].method == "Reload");
}

// A name that is no method's may be a secret in the wrong place, and has no bound but the frame's.
BOOST_FIXTURE_TEST_CASE(an_unknown_method_is_not_named, AuditBench) {
    begin();
    const std::string secret = "rt_test_in_the_wrong_place" + std::string(40'000, 'x');
    for (const std::string& name : {secret, "GetStatus(" + secret, std::string()})
        for (const uid_t uid : {0U, 1001U})
            BOOST_TEST(!call(admin + name, {}, uid).error.empty());
    for (const AuditKind kind : {AuditKind::admin, AuditKind::refusal}) {
        const auto rows = of(kind);
        BOOST_REQUIRE(rows.size() >= 3U);
        for (std::size_t i = rows.size() - 3; i < rows.size(); ++i)
            BOOST_TEST(rows[i].method == "(unknown method)");
    }
    for (const AuditRow& row : store_of_rows.rows)
        BOOST_TEST((row.method + row.detail).find("rt_test") == std::string::npos);
    BOOST_TEST(!log.contains("rt_test"));
    BOOST_TEST(log.contains("(unknown method) refused to"));
}

BOOST_FIXTURE_TEST_CASE(what_becomes_of_grants, AuditBench) {
    https.answer = [this](const Sent&) { return https.reply(400, R"({"error":"invalid_grant"})"); };
    begin();
    pass(1'000ms);
    const auto rows = of(AuditKind::grant);
    BOOST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows[0].verdict == "login_required");
    BOOST_TEST(rows[0].account == "shop/main");
    BOOST_TEST(rows[0].detail.find("invalid_grant") != std::string::npos);
    for (const AuditRow& row : store_of_rows.rows)
        for (const char* secret : {"rt_test_0", "cs_test", "static_test_1"})
            BOOST_TEST((row.detail + row.account).find(secret) == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_refused_replacement_is_no_login_required, AuditBench) {
    begin();
    (void)call(tokens + "GetToken", {{"account", "shop/main"}});
    https.answer = [this](const Sent&) { return https.reply(400, R"({"error":"invalid_grant"})"); };
    (void)call(admin + "AddAccount", {{"account", "shop/main"},
                                      {"secrets", {{"refresh_token", "rt_test_bad"}}},
                                      {"replace", true}});
    const auto rows = of(AuditKind::grant);
    BOOST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows[0].verdict == "not_replaced");
    BOOST_TEST(rows[0].account == "shop/main");
    BOOST_TEST(rows[0].detail.find("stays in place") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_reader_gets_pages_and_a_follower_what_comes, AuditBench) {
    begin();
    for (std::uint32_t i = 0; i < 2 * limits::audit_page_rows_max + 3; ++i) {
        AuditRow row;
        row.kind = AuditKind::grant;
        row.account = "shop/main";
        row.verdict = "recovered";
        store_of_rows.put(row);
    }
    const auto first = call(admin + "ReadAudit", {{"account", "shop/main"}});
    const auto& page = first.parameters.at("rows").as_array();
    BOOST_TEST(page.size() == limits::audit_page_rows_max);
    BOOST_TEST(first.parameters.contains("next"));
    BOOST_TEST(page.front().at("kind").as_string() == "grant");
    const auto wire = send(admin + "ReadAudit", {{"refused", true}, {"follow", true}}, 0, true);
    BOOST_TEST(!taken(wire).has_value());
    (void)get("shop/main", 1001);
    const auto news = taken(wire);
    BOOST_REQUIRE(news.has_value());
    BOOST_TEST(news->continues);
    BOOST_TEST(news->parameters.at("rows").as_array().size() == 1U);
    BOOST_TEST(call(admin + "ReadAudit", {{"follow", true}}).error ==
               "org.varlink.service.ExpectedMore");
    sim::caller_close(wire);
    settle();
}

BOOST_FIXTURE_TEST_CASE(readers_are_bounded, AuditBench) {
    begin();
    std::vector<std::shared_ptr<sim::Wire>> wires;
    for (std::size_t i = 0; i < limits::audit_readers_max; ++i)
        wires.push_back(send(admin + "ReadAudit", {{"follow", true}}, 0, true));
    BOOST_TEST(call(admin + "ReadAudit", {}).error == admin + "Refused");
    sim::caller_close(wires.front());
    settle();
    pass(2'000ms);  // its end is noticed
    BOOST_TEST(call(admin + "ReadAudit", {}).error.empty());
}

// 40 bytes each: 2.6 MB for more callers than any host has. Uids beyond audit_uids_max (somebody's
// user namespaces) share a minute, so a row for each of them can't fill the queue.
BOOST_FIXTURE_TEST_CASE(memory_is_bounded, AuditBench) {
    begin();
    daemon::Account& cdn = find("models/cdn");
    ipc::Caller caller;
    std::uint64_t handed = 0;
    for (uid_t uid = 100'000; uid < 100'000 + limits::audit_callers_max + 10; ++uid, ++handed) {
        caller.uid = caller.gid = uid;
        app->audit().handed_out(caller, nullptr, cdn, 1, clock.now(), "GetToken");
    }
    BOOST_TEST(of(AuditKind::hand_out).size() ==
               limits::audit_uids_max +
                   static_cast<std::size_t>(limits::audit_rows_per_uid_per_minute));
    BOOST_TEST(app->audit().hand_outs() == handed);
    caller.uid = caller.gid = 100'000;  // forgotten: a row again once there is room for it
    pass(61'000ms);
    const std::size_t before = of(AuditKind::hand_out).size();
    app->audit().handed_out(caller, nullptr, cdn, 1, clock.now(), "GetToken");
    BOOST_TEST(of(AuditKind::hand_out).size() == before + 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
