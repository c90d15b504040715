// A store in a folder of its own, driven without a running brain thread: each question runs the
// brain until it is answered.
#pragma once

#include <sqlite3.h>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "storage/sqlite_store.hpp"
#include "storage/token_store.hpp"
#include "tests/sanitizer/sanitized.hpp"

namespace tb {
inline std::ostream& operator<<(std::ostream& out, errc code) {
    return out << to_string(code);
}
}  // namespace tb

namespace tb::storage::test {

using tb::test::fewer;

class Folder {
  public:
    Folder() : Folder(std::filesystem::temp_directory_path().string()) {}
    explicit Folder(const std::string& parent) {
        std::string name = parent + "/tb-storage-XXXXXX";
        BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);  // 0700
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const char* name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

inline std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
inline void spit(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

template <class T>
awaitable<void> into(std::shared_ptr<std::optional<T>> to, awaitable<T> from) {
    T value = co_await std::move(from);
    to->emplace(std::move(value));
}
inline awaitable<void> ended(std::shared_ptr<bool> to, awaitable<void> from) {
    co_await std::move(from);
    *to = true;
}

inline SecretSet grant(std::string_view token) {
    SecretSet set;
    set.set("refresh_token", Secret(token));
    return set;
}
inline std::string text(const SecretSet& set) {
    const Secret* token = set.find("refresh_token");
    return token == nullptr ? "(none)" : std::string(token->view());
}
inline TokenRecord token(std::uint64_t generation, std::string_view access) {
    TokenRecord t;
    t.generation = generation;
    t.access_token = Secret(access);
    t.header_name = "Authorization";
    t.header_prefix = "Bearer ";
    t.scopes = {"ecom.shop", "profile"};
    t.attributes = {{"entity", "E1"}};
    t.sent_at = boot_from_ms(5'000);
    t.boot_id = "boot-1";
    t.sent_wall = wall_from_ms(1'700'000'000'123);
    t.lifetime = Millis{3'600'000};
    t.renew_fraction = 0.71;
    return t;
}

inline Intend intend(AccountId id, std::uint64_t version, std::int64_t at_ms) {
    Intend change;
    change.account = id;
    change.grant_version = version;
    change.at = wall_from_ms(at_ms);
    return change;
}
inline SetState set_state(AccountId id, std::uint64_t version, GrantState state,
                          std::string reason) {
    SetState change;
    change.account = id;
    change.grant_version = version;
    change.state = state;
    change.reason = std::move(reason);
    return change;
}

class World {
  public:
    World() = default;
    explicit World(const std::string& parent) : folder(parent) {}
    ~World() {
        store.reset();
        brain.restart();
        brain.run();  // what was answered by the destructor
        BOOST_TEST(live_coroutines() == 0);
    }

    SqliteOptions options() const {
        SqliteOptions out;
        out.state_dir = folder.path();
        out.credentials_dir = credentials;
        out.wall_now = [this] { return wall; };
        return out;
    }
    Result<void> try_start() {
        auto opened = open_sqlite_store(brain.get_executor(), options(), random, log);
        if (!opened) return opened.error();
        store = std::move(*opened);
        accounts.clear();
        return store->load([this](AccountRecord record) {
            const AccountId id = record.id;
            accounts.emplace(id, std::move(record));
        });
    }
    void start() {
        const auto started = try_start();
        BOOST_REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
    }
    errc refused() {
        const auto started = try_start();
        message = started ? "it started" : started.error().message;
        const errc code = started ? errc{} : started.error().code;
        BOOST_REQUIRE_MESSAGE(!started, message);
        store.reset();
        return code;
    }
    void stop() {
        auto done = std::make_shared<bool>(false);
        spawn(brain.get_executor(), "close", ended(done, store->close()));
        run();
        BOOST_REQUIRE(*done);
        store.reset();
    }
    void restart() {
        stop();
        start();
    }
    void run() {
        brain.restart();
        brain.run();
    }
    template <class T>
    std::shared_ptr<std::optional<T>> begin(awaitable<T> question) {
        auto answer = std::make_shared<std::optional<T>>();
        spawn(brain.get_executor(), "test", into(answer, std::move(question)));
        return answer;
    }
    template <class T>
    T ask(awaitable<T> question) {
        auto answer = begin(std::move(question));
        run();
        BOOST_REQUIRE(answer->has_value());
        return std::move(**answer);
    }
    Result<Committed> commit(Change change) {
        return ask(store->commit(std::make_shared<Change>(std::move(change))));
    }
    Committed must(Change change) {
        const auto done = commit(std::move(change));
        BOOST_REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
        return *done;
    }
    errc fails(Change change) {
        const auto done = commit(std::move(change));
        BOOST_REQUIRE(!done);
        message = done.error().message;
        return done.error().code;
    }
    AccountId add(std::string name, std::string_view refresh = "rt_test_first") {
        AddAccount change;
        change.account.name = std::move(name);
        change.account.provider = "webroot";
        change.account.attributes = {{"region", "eu"}};
        change.account.grant_obtained_at = wall_from_ms(1'000);
        change.account.grant_expires_at = wall_from_ms(9'000);
        change.grant = grant(refresh);
        return must(std::move(change)).account;
    }
    Renewed renewed(AccountId id, std::uint64_t version, std::uint64_t generation,
                    std::string_view refresh, std::string_view access) {
        Renewed change;
        change.account = id;
        change.grant_version = version;
        if (!refresh.empty()) change.new_grant = grant(refresh);
        change.grant_obtained_at = wall_from_ms(2'000);
        change.token = token(generation, access);
        return change;
    }
    std::string opened(AccountId id) {
        const auto set = ask(store->open(id));
        return set ? text(*set) : std::string(to_string(set.error().code));
    }
    StoreStats stats() { return dynamic_cast<SqliteStore&>(*store).stats(); }
    // With the store stopped.
    void sql(const std::string& statement) {
        sqlite3* db = nullptr;
        BOOST_REQUIRE(sqlite3_open((folder / "tokenbroker.db").c_str(), &db) == SQLITE_OK);
        char* why = nullptr;
        sqlite3_exec(db, statement.c_str(), nullptr, nullptr, &why);
        BOOST_REQUIRE_MESSAGE(why == nullptr, why);
        sqlite3_close(db);
    }

    Folder folder;
    std::string credentials;
    asio::io_context brain{1};
    MemoryLog log;
    SystemRandom random;
    WallTime wall = wall_from_ms(1'700'000'000'000);
    std::map<AccountId, AccountRecord> accounts;  // as loaded
    std::string message;                          // of the last error
    std::unique_ptr<TokenStore> store;
};

}  // namespace tb::storage::test
