// A backup of a store under change, and what a store takes from one.
#include "base/backup_file.hpp"
#include "base/limits.hpp"
#include "fixture.hpp"
#include "storage/backup_record.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {

struct Kept : World {
    backup::Keyed keyed = make();
    static backup::Keyed make() {
        SystemRandom draws;
        backup::Header form = backup::new_header(wall_from_ms(1), draws);
        form.log2_n = 4;
        auto made = backup::make_header(form, Secret("pp_test"));
        BOOST_REQUIRE(made);
        return std::move(*made);
    }
    std::shared_ptr<BackupAsk> asking() const {
        auto asked = std::make_shared<BackupAsk>();
        asked->key = keyed.key.copy();
        asked->header = keyed.header;
        return asked;
    }
    // One chunk more, opened.
    Secret turn(const std::shared_ptr<BackupAsk>& asked, backup::Chunks& chunks) {
        const auto done = ask(store->backup(asked));
        BOOST_REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
        asked->turn = BackupAsk::Turn::next;
        auto plain = chunks.open(std::string_view(asked->bytes).substr(backup::frame_head_bytes),
                                 asked->last);
        BOOST_REQUIRE(plain);
        return std::move(*plain);
    }
    std::map<std::string, BackupAccount> all(std::size_t* chunks_seen = nullptr) {
        const auto asked = asking();
        backup::Chunks chunks(keyed.header, keyed.key);
        BackupRecords records;
        std::map<std::string, BackupAccount> found;
        secrets.clear();
        for (std::size_t i = 0; !asked->last; ++i) {
            const Secret plain = turn(asked, chunks);
            records.feed(plain.view().substr(i == 0 ? backup::contents_bytes : 0));
            for (;;) {
                auto record = records.next();
                BOOST_REQUIRE(record);
                if (!*record) break;
                if (auto* account = std::get_if<BackupAccount>(&**record))
                    found.emplace(account->account.name, std::move(*account));
                else
                    secrets.push_back(std::get<BackupClientSecret>(**record).name);
            }
            if (chunks_seen != nullptr) *chunks_seen = i + 1;
        }
        BOOST_TEST(records.empty());
        BOOST_TEST(asked->accounts == found.size());
        BOOST_TEST(asked->client_secrets == secrets.size());
        return found;
    }
    Committed restore(BackupAccount from) {
        RestoreAccount change;
        change.account = std::move(from.account);
        change.grant = std::move(from.grant);
        return must(std::move(change));
    }
    std::vector<std::string> secrets;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_backup_holds_what_is_stored, Kept) {
    start();
    const AccountId id = add("shop/main", "rt_test_main");
    must(intend(id, 1, 55));
    must(renewed(id, 1, 4, "rt_test_second", "at_test_4"));
    must(SetPaused{id, true});
    must(Touch{{{id, wall_from_ms(777)}}});
    must(SetClientSecret{"shop", "client_secret", Secret("cs_test_1")});
    SetState refuse = set_state(id, 2, GrantState::login_required, "refused");
    refuse.retire_grant = true;
    must(refuse);
    AddAccount candidate;
    candidate.account.name = "shop/main";
    candidate.account.candidate_for = id;
    candidate.account.provider = "webroot";
    candidate.grant = grant("rt_test_candidate");
    must(std::move(candidate));
    auto found = all();
    BOOST_REQUIRE(found.size() == 1U);
    const AccountRecord& r = found.at("shop/main").account;
    BOOST_TEST(text(found.at("shop/main").grant) == "rt_test_second");
    BOOST_TEST(r.provider == "webroot");
    BOOST_TEST(r.paused);
    BOOST_TEST((r.state == GrantState::login_required));
    BOOST_TEST(r.reason == "refused");
    BOOST_TEST(r.grant_version == 2U);
    BOOST_TEST(r.generation == 4U);
    BOOST_TEST((r.last_used == wall_from_ms(777)));
    BOOST_REQUIRE(r.token.has_value());
    BOOST_TEST(r.token->access_token.view() == "at_test_4");
    BOOST_TEST(r.token->scopes == token(4, "x").scopes);
    BOOST_TEST(secrets == std::vector<std::string>{"client_secret"});
}

BOOST_FIXTURE_TEST_CASE(a_backup_is_of_one_moment, Kept) {
    start();
    const std::string large(limits::secret_bytes_max - 100, 'x');
    for (int i = 0; i < 40; ++i)
        add("shop/" + std::to_string(i), "rt_test_" + large);
    const auto asked = asking();
    backup::Chunks chunks(keyed.header, keyed.key);
    BackupRecords records;
    records.feed(turn(asked, chunks).view().substr(backup::contents_bytes));
    BOOST_TEST(!asked->last);
    // While it goes on: changes, removals, and a renewal of what was not read yet.
    must(renewed(40, 1, 1, "rt_test_after", "at_test_after"));
    must(RemoveAccount{39});
    add("shop/late");
    BOOST_TEST(ask(store->rekey()).error().message.find("backup") != std::string::npos);
    BOOST_TEST(ask(store->backup(asking())).error().code == errc::config);  // one at a time
    int accounts_seen = 0;
    bool rotated = false;
    while (!asked->last)
        records.feed(turn(asked, chunks).view());
    for (;;) {
        auto record = records.next();
        BOOST_REQUIRE(record);
        if (!*record) break;
        ++accounts_seen;
        rotated |= text(std::get<BackupAccount>(**record).grant) == "rt_test_after";
    }
    BOOST_TEST(accounts_seen == 40);
    BOOST_TEST(!rotated);
    // Afterwards: all is possible again, and one that is given up leaves no trace.
    std::size_t turns = 0;
    BOOST_TEST(all(&turns).size() == 40U);
    BOOST_TEST(turns > 5U);
    const auto given_up = asking();
    BOOST_REQUIRE(ask(store->backup(given_up)));
    given_up->turn = BackupAsk::Turn::end;
    BOOST_REQUIRE(ask(store->backup(given_up)));
    BOOST_REQUIRE(ask(store->rekey()));
}

BOOST_FIXTURE_TEST_CASE(what_is_missing_comes_back_with_its_intent, Kept) {
    start();
    const AccountId id = add("shop/main", "rt_test_main");
    must(renewed(id, 1, 3, "rt_test_second", "at_test_3"));
    must(intend(id, 2, 55));
    auto found = all();
    must(RemoveAccount{id});
    const Committed done = restore(std::move(found.at("shop/main")));
    BOOST_TEST((done.restored == Restored::added));
    BOOST_TEST(done.account != id);
    BOOST_TEST(done.grant_version == 2U);
    restart();
    const AccountRecord& r = accounts.at(done.account);
    BOOST_TEST(opened(done.account) == "rt_test_second");
    BOOST_REQUIRE(r.intent.has_value());
    BOOST_TEST(r.intent->fingerprint == r.grant_fingerprint);
    BOOST_TEST((r.intent->at == wall_from_ms(55)));
    BOOST_TEST(r.generation == 3U);
    BOOST_TEST(r.token->access_token.view() == "at_test_3");
}

BOOST_FIXTURE_TEST_CASE(nothing_older_goes_over_what_is_there, Kept) {
    start();
    const AccountId id = add("shop/main", "rt_test_main");
    auto older = all();
    Renewed next = renewed(id, 1, 2, "rt_test_second", "at_test_2");
    next.grant_obtained_at = wall_from_ms(5'000);
    must(std::move(next));
    auto newer = all();
    BOOST_TEST((restore(std::move(all().at("shop/main"))).restored == Restored::same));
    BOOST_TEST((restore(std::move(older.at("shop/main"))).restored == Restored::kept));
    BOOST_TEST(opened(id) == "rt_test_second");
    // A login since then: a version of its own, but a later one in time.
    must(RemoveAccount{id});
    AddAccount login;
    login.account.name = "shop/main";
    login.account.provider = "webroot";
    login.account.grant_obtained_at = wall_from_ms(6'000);
    login.grant = grant("rt_test_login");
    const AccountId again = must(std::move(login)).account;
    BOOST_TEST((restore(std::move(newer.at("shop/main"))).restored == Restored::kept));
    BOOST_TEST(opened(again) == "rt_test_login");
}

BOOST_FIXTURE_TEST_CASE(a_newer_grant_goes_over_an_older_which_is_retired, Kept) {
    start();
    const AccountId id = add("shop/main", "rt_test_main");
    must(renewed(id, 1, 2, "", "at_test_2"));
    auto found = all();
    BackupAccount& newer = found.at("shop/main");
    newer.grant = grant("rt_test_newer");
    newer.account.grant_version = 7;
    newer.account.grant_obtained_at = wall_from_ms(9'000);
    const Committed done = restore(std::move(newer));
    BOOST_TEST((done.restored == Restored::replaced));
    BOOST_TEST(done.account == id);
    BOOST_TEST(done.grant_version == 7U);
    BOOST_TEST(done.generation == 3U);  // two different tokens never have one number
    restart();
    BOOST_TEST(opened(id) == "rt_test_newer");
    BOOST_TEST(accounts.at(id).token->generation == 3U);
    // An exchange of the older grant that comes back now is too late.
    BOOST_TEST(fails(renewed(id, 1, 3, "rt_test_late", "at_test_late")) == errc::superseded);
    BOOST_REQUIRE(ask(store->restore_retired(id)));
    BOOST_TEST(opened(id) == "rt_test_main");
}

BOOST_FIXTURE_TEST_CASE(a_stored_client_secret_is_not_replaced, Kept) {
    start();
    SetClientSecret secret{"shop", "client_secret", Secret("cs_test_old"), true};
    BOOST_TEST((must(std::move(secret)).restored == Restored::added));
    SetClientSecret other{"shop", "client_secret", Secret("cs_test_new"), true};
    BOOST_TEST((must(std::move(other)).restored == Restored::kept));
    BOOST_TEST(ask(store->open_client_secrets("shop"))->find("client_secret")->view() ==
               "cs_test_old");
}

BOOST_AUTO_TEST_CASE(records_come_piece_by_piece_and_are_bounded) {
    BackupAccount record;
    record.account.name = "shop/main";
    record.account.provider = "webroot";
    record.account.grant_version = 1;
    record.grant = grant("rt_test_main");
    record.account.token = token(3, "at_test_3");
    const Secret bytes = encode_backup(record);
    BackupRecords pieces;
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
        pieces.feed(bytes.view().substr(i, 1));
        const auto nothing = pieces.next();
        BOOST_REQUIRE(nothing);
        BOOST_REQUIRE(!nothing->has_value());
    }
    pieces.feed(bytes.view().substr(bytes.size() - 1));
    const auto whole = pieces.next();
    BOOST_REQUIRE(whole);
    BOOST_REQUIRE(whole->has_value());
    BOOST_TEST(std::get<BackupAccount>(**whole).account.token->access_token.view() == "at_test_3");
    BOOST_TEST(pieces.empty());
    BackupRecords endless;
    std::string length(8, '\0');
    const std::size_t most = limits::backup_record_bytes_max + 1;
    for (unsigned i = 0; i < 8; ++i)
        length[i] = static_cast<char>((most >> (8 * i)) & 0xff);
    endless.feed(length);
    BOOST_TEST(endless.next().error().code == errc::damaged);
    BackupRecords unknown;
    unknown.feed(std::string_view("\x08\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0", 16));
    BOOST_TEST(unknown.next().error().code == errc::too_new);
    // Bounds of a file and of a pause, where the daemon and the command meet them.
    BOOST_TEST(limits::backup_bytes_max > std::int64_t{4096} * 1'000'000);
    BOOST_TEST((limits::backup_idle_ms > limits::slow_client_ms));
}
