// Who may have what is kept: a backup opens every grant, so the admin group may not make or restore
// one; a new master key opens nothing, so it may ask for that. And what streams says so.
#include <boost/test/unit_test.hpp>

#include "base/backup_file.hpp"
#include "base/base64.hpp"
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
        seal = {{"key", to_base64(made->key.view())}, {"header", to_base64(made->header)}};
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
    MemoryAudit rows;
    object seal;
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
    // It is still root's: what it sends is looked at, and the restore ends for its form.
    const proto::Reply reply = call(admin + "RestoreData", chunk, 0);
    BOOST_TEST(reply.parameters.at("reason").as_string().starts_with(
        "the backup was not restored any further"));
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
