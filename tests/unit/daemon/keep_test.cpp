// Who may have what is kept: a backup opens every grant, so the admin group may not make or restore
// one; a new master key opens nothing, so it may ask for that. And what streams says so.
#include <boost/test/unit_test.hpp>

#include "base/backup_file.hpp"
#include "base/base64.hpp"
#include "base/limits.hpp"
#include "storage/backup_record.hpp"
#include "tests/unit/daemon/bench.hpp"
#include "tests/unit/daemon/memory_audit.hpp"

namespace tb::test {
namespace {

using boost::json::object;

constexpr uid_t operators = 2000;  // uid and gid of a member of the admin group

struct Keeping : Bench {
    Keeping() {
        client("shop", "webroot");
        account("shop/main", "webroot");
        audit = &rows;
        begin();
        app->admin().set_admin_gid(operators);
        backup::Header form = backup::new_header(clock.wall(), random);
        form.log2_n = 4;
        auto made = backup::make_header(form, Secret("pp_test"));
        BOOST_REQUIRE(made);
        keyed = std::move(*made);
        seal = {{"key", to_base64(keyed.key.view())}, {"header", to_base64(keyed.header)}};
    }
    ~Keeping() { end(); }
    // As one who streams; what it is told.
    proto::Reply ask(std::string_view method, object parameters, uid_t uid) {
        const auto reply = taken(send(method, std::move(parameters), uid, true));
        BOOST_REQUIRE(reply.has_value());
        return *reply;
    }
    static bool for_root_alone(const proto::Reply& reply) {
        const auto* reason = reply.parameters.if_contains("reason");
        return reply.error == admin + "Refused" && reason != nullptr &&
               reason->as_string().starts_with("a backup opens every grant: only root");
    }
    std::string begin_restore() {
        const proto::Reply started = call(admin + "StartRestore", seal, 0);
        BOOST_REQUIRE(started.error == "");
        return std::string(started.parameters.at("restore").as_string());
    }
    // Two accounts a chunk: one that is taken (the simulated store says "kept"), and one whose
    // name is none.
    proto::Reply chunk_of(const std::string& restore, backup::Chunks& chunks, int number,
                          bool last) {
        std::string plain = number == 0 ? backup::encode(backup::Contents{2, 0}) : std::string();
        for (const std::string& name : {fmt::format("shop/n{}", number), std::string("no name")}) {
            storage::BackupAccount one;
            one.account.name = name;
            one.account.provider = "webroot";
            one.grant.set("refresh_token", Secret("rt_test_" + name));
            plain += encode_backup(one).view();
        }
        const std::string data = to_base64(chunks.seal(plain, last));
        return call(admin + "RestoreData", {{"restore", restore}, {"data", data}}, 0);
    }
    std::vector<storage::AuditRow> of_restores() const {
        auto all = rows.of(storage::AuditKind::admin);
        std::erase_if(all, [](const auto& row) { return row.method != "RestoreData"; });
        return all;
    }
    MemoryAudit rows;
    object seal;
    backup::Keyed keyed;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(keep)

BOOST_FIXTURE_TEST_CASE(a_backup_is_refused_to_the_admin_group, Keeping) {
    BOOST_TEST(call(admin + "GetStatus", {}, operators).error == "");  // it is one of the group
    const std::size_t before = rows.of(storage::AuditKind::admin).size();
    BOOST_TEST(for_root_alone(ask(admin + "Backup", seal, operators)));
    BOOST_TEST(for_root_alone(ask(admin + "StartRestore", seal, operators)));
    BOOST_TEST(log.contains("a backup refused to"));
    const auto written = rows.of(storage::AuditKind::admin);
    BOOST_REQUIRE(written.size() == before + 2);
    BOOST_TEST(written.back().uid.value() == operators);
    BOOST_TEST(written.back().method == "StartRestore");
    BOOST_TEST(written.back().verdict == "failed");
    // Root gets on to the store, which is one without files here.
    BOOST_TEST(ask(admin + "Backup", seal, 0).parameters.at("reason") == "this store has no files");
}

BOOST_FIXTURE_TEST_CASE(a_restore_of_root_is_not_gone_on_with_by_the_group, Keeping) {
    const proto::Reply started = call(admin + "StartRestore", seal, 0);
    BOOST_REQUIRE(started.error == "");
    const object chunk = {{"restore", started.parameters.at("restore")}, {"data", "AAAA"}};
    BOOST_TEST(for_root_alone(call(admin + "RestoreData", chunk, operators)));
    BOOST_REQUIRE(of_restores().size() == 1U);
    BOOST_TEST(of_restores()[0].uid.value() == operators);
    BOOST_TEST(of_restores()[0].detail == "Refused: not root");
    // It is still root's: what it sends is looked at, and the restore ends for its form.
    const proto::Reply reply = call(admin + "RestoreData", chunk, 0);
    BOOST_TEST(reply.parameters.at("reason").as_string().starts_with(
        "the backup was not restored any further"));
}

// Not one for each chunk: a large restore would push out what operators did before.
BOOST_FIXTURE_TEST_CASE(a_restore_is_one_row_with_its_counts, Keeping) {
    backup::Chunks chunks(keyed.header, keyed.key);
    const std::string restore = begin_restore();
    for (int i = 0; i < 20; ++i)
        BOOST_REQUIRE(chunk_of(restore, chunks, i, i == 19).error == "");
    const auto written = of_restores();
    BOOST_REQUIRE(written.size() == 1U);
    BOOST_TEST(written[0].verdict == "failed", "not each account was restored");
    BOOST_TEST(written[0].uid.value() == 0U);
    BOOST_TEST(written[0].detail ==
               "0 added, 0 replaced, 0 same, 20 kept, 20 failed; client secrets: 0 added, 0 kept, "
               "0 failed");
    BOOST_TEST(rows.rows.back().detail.find("rt_test") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_restore_that_is_given_up_is_a_row, Keeping) {
    const auto last = [this] { return of_restores().empty() ? "" : of_restores().back().detail; };
    backup::Chunks chunks(keyed.header, keyed.key);
    std::string restore = begin_restore();
    BOOST_REQUIRE(chunk_of(restore, chunks, 0, false).error == "");
    (void)chunks.seal("one that never comes", false);
    BOOST_TEST(chunk_of(restore, chunks, 1, false).error == admin + "Refused");
    BOOST_TEST_CONTEXT(last()) {
        BOOST_TEST(last().starts_with("given up: "));
        BOOST_TEST(last().find("1 kept, 1 failed; ") != std::string::npos);
    }
    BOOST_TEST(chunk_of(restore, chunks, 2, false).error == admin + "Refused");
    BOOST_TEST(of_restores().size() == 1U);
    (void)begin_restore();
    pass(limits::backup_idle_ms);
    (void)begin_restore();
    BOOST_TEST(of_restores().size() == 2U);
    BOOST_TEST(last().starts_with("given up: nothing more of it came; "));
    end();
    BOOST_TEST(of_restores().size() == 3U);
    BOOST_TEST(last().starts_with("given up: the daemon stops; "));
}

BOOST_FIXTURE_TEST_CASE(a_new_key_is_the_groups_to_ask_for, Keeping) {
    BOOST_TEST(call(admin + "Rekey", {}, operators).parameters.at("reason") ==
               "this store has no files");
    BOOST_TEST(call(admin + "Rekey", {}, 1000).error == "org.varlink.service.PermissionDenied");
    BOOST_TEST(call(admin + "Backup", seal, 1000).error == "org.varlink.service.PermissionDenied");
}

BOOST_FIXTURE_TEST_CASE(what_streams_is_called_with_more, Keeping) {
    const object one = {{"account", "shop/main"}, {"redirect_uri", "http://127.0.0.1:1/"}};
    const std::pair<std::string, object> streaming[] = {
        {tokens + "WatchTokens", {{"accounts", {"shop/main"}}}},
        {admin + "Login", one},
        {admin + "Diagnose", {}},
        {admin + "ReadAudit", {{"follow", true}}},
        {admin + "Backup", seal}};
    for (const auto& [method, parameters] : streaming)
        BOOST_TEST(call(method, parameters).error == "org.varlink.service.ExpectedMore", method);
    // A page needs none.
    BOOST_TEST(call(tokens + "ListAccounts", {}).error == "");
    BOOST_TEST(call(admin + "ReadAudit", {}).error == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
