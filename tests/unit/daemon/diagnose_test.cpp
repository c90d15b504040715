// Doctor's judges, one finding at a time, and the Diagnose method around them.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "daemon/diagnose.hpp"
#include "tests/unit/daemon/bench.hpp"

namespace tb::test {
namespace {

using daemon::Finding;
using daemon::Findings;
using daemon::HostFacts;

daemon::FileFact file(const std::string& path, mode_t mode, uid_t uid = 7) {
    return {path, true, mode, uid};
}

HostFacts healthy() {
    HostFacts facts;
    facts.uid = 7;
    facts.state_dir = file("/state", S_IFDIR | 0700);
    facts.key = file("/state/master.key", S_IFREG | 0600);
    facts.database = file("/state/tokenbroker.db", S_IFREG | 0600);
    facts.configs = {file("/etc/tokenbroker.toml", S_IFREG | 0644, 0)};
    facts.secrets = {file("/etc/shop.secret", S_IFREG | 0600)};
    facts.exes = {file("/usr/games/x", S_IFREG | 0755, 0)};
    facts.tokens_socket = file("/run/tokens.sock", S_IFSOCK | 0666);
    facts.admin_socket = file("/run/admin.sock", S_IFSOCK | 0660, 0);
    facts.integrity = "ok";
    facts.integrity_known = facts.key_known = facts.boot_id = true;
    facts.disk_free_bytes = std::uint64_t{1} << 30;
    facts.ballast_bytes = limits::ballast_bytes;
    facts.clock_synced = true;
    facts.core_dumps = false;
    facts.memlock_bytes = 64 << 20;
    facts.kernel = "6.8.0-1";
    return facts;
}

Findings judge_all(const HostFacts& facts) {
    Findings all;
    for (const auto judge :
         {daemon::judge_files, daemon::judge_store, daemon::judge_system, daemon::judge_sockets})
        for (const Finding& finding : judge(facts))
            all.push_back(finding);
    return all;
}

// What is not ok, as "check: what".
std::vector<std::string> wrong(const Findings& all) {
    std::vector<std::string> out;
    for (const Finding& finding : all) {
        if (finding.level == Finding::Level::ok) continue;
        BOOST_TEST(!finding.why.empty(), finding.what);
        out.push_back(std::string(to_string(finding.level)) + " " + finding.check + ": " +
                      finding.what);
    }
    return out;
}

// Exactly one finding, of this check, with these words in what it says or what to run.
void expect(const HostFacts& facts, const std::string& begin, const std::string& words) {
    const Findings all = judge_all(facts);
    const auto lines = wrong(all);
    BOOST_REQUIRE_MESSAGE(lines.size() == 1, begin << ": " << lines.size() << " findings");
    BOOST_TEST(lines[0].starts_with(begin), lines[0]);
    bool found = lines[0].find(words) != std::string::npos;
    for (const Finding& finding : all)
        found = found || (finding.level != Finding::Level::ok &&
                          finding.run.find(words) != std::string::npos);
    BOOST_TEST(found, lines[0] << " lacks " << words);
}

daemon::ProbeFact probe(http::Outcome outcome) {
    return {"https://shop.test", "shop", std::move(outcome), wall_from_ms(1'700'000'000'000)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(diagnose)

BOOST_AUTO_TEST_CASE(all_is_well) {
    const Findings all = judge_all(healthy());
    BOOST_TEST(wrong(all).empty());
    BOOST_TEST(all.size() >= 7U);  // and each check says so
}

BOOST_AUTO_TEST_CASE(each_finding_of_files) {
    HostFacts facts = healthy();
    facts.state_dir.mode = S_IFDIR | 0777;
    expect(facts, "problem permissions: /state has mode 0777", "chmod 700 /state");
    facts = healthy();
    facts.key.mode = S_IFREG | 0640;
    expect(facts, "problem permissions: ", "chmod 600 /state/master.key");
    facts.key_is_credential = true;  // there the group's place is the access list's mask
    BOOST_TEST(wrong(judge_all(facts)).empty());
    facts = healthy();
    facts.database.uid = 1000;
    expect(facts, "problem permissions: ", "chown 7 /state/tokenbroker.db");
    facts = healthy();
    facts.configs[0].mode = S_IFREG | 0666;
    expect(facts, "problem permissions: ", "chmod 644");
    facts = healthy();
    facts.secrets[0].there = false;
    expect(facts, "problem permissions: /etc/shop.secret is not there", "set-secret");
    facts = healthy();
    facts.secrets[0].mode = S_IFREG | 0644;
    expect(facts, "problem permissions: /etc/shop.secret has mode 0644", "chmod 600");
    facts = healthy();
    facts.exes[0].there = false;
    expect(facts, "problem rules: /usr/games/x is not there", "reload");
    facts = healthy();
    facts.units_missing = {"game-server@*.service"};
    expect(facts, "note rules: there is no unit game-server@*.service", "list-unit-files");
    facts = healthy();
    facts.state_dir.there = false;
    expect(facts, "problem permissions: the state folder", "doctor");
}

BOOST_AUTO_TEST_CASE(each_finding_of_the_store) {
    HostFacts facts = healthy();
    facts.integrity = "row 3 missing from index";
    expect(facts, "problem database: damaged", "restore a backup");
    facts = healthy();
    facts.integrity = "can't be opened";
    facts.integrity_known = false;
    expect(facts, "problem database: can't be opened", "sudo");
    facts = healthy();
    facts.database.there = false;
    expect(facts, "note database: ", "start tokenbrokerd");
    facts = healthy();
    facts.key_trouble = "the master key is missing";
    expect(facts, "problem key: the master key is missing", "put the right key back");
    facts = healthy();
    facts.disk_free_bytes = limits::audit_room_bytes_min - 1;
    expect(facts, "problem disk: ", "free some disk space");
    facts = healthy();
    facts.ballast_bytes = 0;
    expect(facts, "problem disk: the room set aside", "free some disk space");
}

BOOST_AUTO_TEST_CASE(each_finding_of_the_system) {
    HostFacts facts = healthy();
    facts.clock_synced = false;
    expect(facts, "note clock: ", "timedatectl");
    facts = healthy();
    facts.boot_id = false;
    expect(facts, "problem clock: the system has no boot id", "/proc");
    facts = healthy();
    facts.core_dumps = true;
    expect(facts, "problem process: ", "restart");
    facts = healthy();
    facts.memlock_bytes = 65'536;
    expect(facts, "note process: only 64 KiB", "LimitMEMLOCK");
    for (const char* old : {"6.1.0-40-amd64", "5.10", "6.4.99"}) {
        facts = healthy();
        facts.kernel = old;
        expect(facts, "note kernel: ", "SO_PEERPIDFD");
    }
    facts = healthy();
    facts.kernel = "6.5.0";
    BOOST_TEST(wrong(judge_all(facts)).empty());
    facts = healthy();
    facts.unit_files = {"/etc/systemd/system/tokenbrokerd.service",
                        "/usr/lib/systemd/system/tokenbrokerd.service"};
    expect(facts, "note unit: ", "systemctl revert");
    facts.unit_files.pop_back();
    facts.unit_program = "/opt/old/tokenbrokerd";
    facts.unit_program_there = false;
    expect(facts, "problem unit: ", "/opt/old/tokenbrokerd");
}

BOOST_AUTO_TEST_CASE(each_finding_of_the_sockets) {
    HostFacts facts = healthy();
    facts.tokens_socket.there = false;
    expect(facts, "problem sockets: /run/tokens.sock is no socket", "tokenbroker.socket");
    facts = healthy();
    facts.admin_socket.mode = S_IFREG | 0660;
    expect(facts, "problem sockets: ", "tokenbroker-admin.socket");
    facts = healthy();
    facts.admin_socket.mode = S_IFSOCK | 0666;
    expect(facts, "problem sockets: ", "chmod 660 /run/admin.sock");
    facts = healthy();
    facts.tokens_socket.uid = 1000;
    expect(facts, "problem sockets: /run/tokens.sock belongs to uid 1000", "restart");
    facts = healthy();
    facts.tokens_socket.mode = S_IFSOCK | 0600;
    expect(facts, "note sockets: ", "chmod 666");
    facts.user_mode = true;
    BOOST_TEST(wrong(judge_all(facts)).empty());
}

BOOST_AUTO_TEST_CASE(each_finding_of_a_probe) {
    http::Failure failure;
    failure.code = "tls_verify";
    failure.reason = "certificate not trusted: hostname mismatch";
    auto lines = wrong(daemon::judge_probe(probe(failure)));
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].find("hostname mismatch") != std::string::npos);
    failure.code = "too_large";  // an answer came: the handshake was good
    BOOST_TEST(wrong(daemon::judge_probe(probe(failure))).empty());
    http::Reply reply;
    reply.status = 404;
    reply.headers = {{"date", "Tue, 14 Nov 2023 22:13:20 GMT"}};  // the moment of the probe
    reply.certificate_ends = wall_from_ms(1'700'000'000'000 + 30LL * 86'400'000);
    BOOST_TEST(wrong(daemon::judge_probe(probe(std::move(reply)))).empty());
    http::Reply soon;
    soon.certificate_ends = wall_from_ms(1'700'000'000'000 + 3LL * 86'400'000);
    lines = wrong(daemon::judge_probe(probe(std::move(soon))));
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].find("ends in 3 day(s)") != std::string::npos);
    http::Reply late;
    late.headers = {{"date", "Tue, 14 Nov 2023 22:18:20 GMT"}};
    lines = wrong(daemon::judge_probe(probe(std::move(late))));
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].find("300 s behind") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(rules_and_accounts_and_the_method, Bench) {
    client("shop", "webroot");
    account("shop/main", "webroot");
    daemon::AccessRule rule;
    rule.accounts = {"shop/main", "shop/*", "sh?p/m*", "shop/mian", "shop/x*", "old/*"};
    rule.place = "test.toml:9";
    config.access.push_back(rule);
    https.answer = [this](const Sent& sent) {
        BOOST_TEST((sent.method != "HEAD" || (sent.target == "/" && sent.body.empty())));
        BOOST_TEST((sent.method != "HEAD" || sent.timeout == limits::probe_timeout_ms));
        return https.reply(400, R"({"error":"invalid_grant"})");
    };
    inspect_host = [](std::function<void(HostFacts)> done) { done(healthy()); };
    begin();
    pass(1'000ms);
    const auto wire = send(admin + "Diagnose", {}, 0, true);
    pass(11'000ms);
    const std::string bytes = sim::caller_take(wire);
    for (const char* words :
         {"\\\"shop/mian\\\" fits no account", "\\\"shop/x*\\\" fits no account",
          "\\\"old/*\\\" fits no account", "login shop/main", "https://shop.test: the handshake",
          "quick_check", "no core dumps"})
        BOOST_TEST((bytes.find(words) != std::string::npos), words);
    for (const char* words : {"shop/*\\\" fits", "shop/main\\\" fits", "m*\\\" fits"})
        BOOST_TEST((bytes.find(words) == std::string::npos), words);
    BOOST_TEST(bytes.ends_with(std::string("{\"parameters\":{\"findings\":[]}}") + '\0'));
    BOOST_TEST(call(admin + "Diagnose", {}).error == "org.varlink.service.ExpectedMore");
}

BOOST_FIXTURE_TEST_CASE(findings_and_probes_are_bounded, Bench) {
    BOOST_TEST(limits::probes_max <= static_cast<std::size_t>(limits::exchanges_default));
    for (int i = 0; i < 20; ++i)
        client("c" + std::to_string(i), "webroot");
    for (std::size_t i = 0; i < limits::findings_max + 20; ++i)
        account("gone/n" + std::to_string(i), "webroot");  // of a client that isn't there
    begin();
    Findings all;
    daemon::AccountsWalk walk;
    while (!walk.ended)
        for (Finding& finding :
             daemon::judge_some_accounts(walk, app->accounts(), app->broker(), daemon::Turn(clock)))
            all.push_back(std::move(finding));
    BOOST_TEST(all.size() == limits::findings_max + 1);
    BOOST_TEST(all.back().what == "and 20 more accounts");
    const auto wire = send(admin + "Diagnose", {}, 0, true);
    pass(1'000ms);
    BOOST_TEST(static_cast<std::size_t>(https.in_flight_most) <= limits::probes_max);
    BOOST_TEST(https.sent.size() == 20U);
    sim::caller_close(wire);
    settle();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
