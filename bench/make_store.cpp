// Writes a sealed database of N accounts as the daemon itself would have left it, so that a start,
// a herd or a growth curve can be measured without enrolling a million accounts one by one.
//   make_store --state DIR --accounts N [--client NAME] [--provider NAME] [--token-bytes B]
//              [--lifetime-s S] [--age-s S]
// Accounts are NAME/u0000000 and on; account i has the refresh token rt_test_I_1, which
// bench/tls_provider knows. Tokens were sent `age` ago and live `lifetime`: an age beyond the
// lifetime makes a herd. Rows are written by the storage room's own code and pass its checks; only
// the syncs are left out, since the file is worth nothing until this program has ended well.
#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "base/system_clock.hpp"
#include "storage/head.hpp"
#include "storage/keyring.hpp"
#include "storage/lock_file.hpp"
#include "storage/open.hpp"
#include "storage/rows.hpp"

namespace {

using namespace tb;
using namespace tb::storage;

struct Wish {
    std::string state;
    std::string client = "bench";
    std::string provider = "oauth2";
    std::int64_t accounts = 0;
    std::int64_t token_bytes = 1024;
    std::int64_t lifetime_s = 3600;
    std::int64_t age_s = 0;
};

[[noreturn]] void give_up(std::string_view why) {
    fmt::print(stderr, "make_store: {}\n", why);
    std::exit(1);
}

Wish parse(int argc, char** argv) {
    Wish wish;
    const std::map<std::string_view, std::string*> texts = {
        {"--state", &wish.state}, {"--client", &wish.client}, {"--provider", &wish.provider}};
    const std::map<std::string_view, std::int64_t*> numbers = {{"--accounts", &wish.accounts},
                                                               {"--token-bytes", &wish.token_bytes},
                                                               {"--lifetime-s", &wish.lifetime_s},
                                                               {"--age-s", &wish.age_s}};
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view value = argv[i + 1];
        if (const auto text = texts.find(argv[i]); text != texts.end()) {
            *text->second = value;
        } else if (const auto number = numbers.find(argv[i]); number != numbers.end()) {
            const auto read = std::from_chars(value.begin(), value.end(), *number->second);
            if (read.ec != std::errc() || read.ptr != value.end() || *number->second < 0)
                give_up(fmt::format("{} wants a number, not {}", argv[i], value));
        } else {
            give_up(fmt::format("there is no option {}", argv[i]));
        }
    }
    if (argc % 2 == 0 || wish.state.empty() || wish.accounts < 1 || wish.token_bytes < 32)
        give_up(
            "--state DIR and --accounts N (1 or more) are needed; tokens have 32 bytes or more");
    return wish;
}

template <class T>
T sure(Result<T> result) {
    if (!result) give_up(result.error().message);
    return std::move(*result);
}

// What an access token looks like: its account in front, then filler that doesn't compress to
// nothing.
std::string access_token(std::int64_t index, std::int64_t bytes) {
    std::string out = fmt::format("at_test_{}_1.", index);
    auto state = static_cast<std::uint64_t>(index) * 0x9e3779b97f4a7c15U + 1;
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    while (out.size() < static_cast<std::size_t>(bytes)) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.push_back(digits[state & 63]);
    }
    out.resize(static_cast<std::size_t>(bytes));
    return out;
}

AccountRow row_of(const Wish& wish, std::int64_t index, WallTime now, Random& random) {
    AccountRow row;
    AccountRecord& record = row.record;
    record.id = index + 1;
    record.name = fmt::format("{}/u{:07}", wish.client, index);
    record.provider = wish.provider;
    record.grant_obtained_at = now - Millis{wish.age_s * 1'000};
    record.generation = 1;
    TokenRecord token;
    token.generation = 1;
    token.access_token = Secret(access_token(index, wish.token_bytes));
    token.header_name = "Authorization";
    token.header_prefix = "Bearer ";
    token.boot_id = "the boot before";  // so its age counts by the wall clock
    token.sent_wall = record.grant_obtained_at;
    token.lifetime = Millis{wish.lifetime_s * 1'000};
    token.renew_fraction = random.uniform(0.65, 0.75);
    record.token = std::move(token);
    return row;
}

void write(const Wish& wish, Database& database, Sealers& sealers, WallTime now) {
    SystemRandom random;
    Rows rows(database, sealers);
    Sealer& sealer = *sealers.current;
    Head head = sure(read_head(database, sealer));
    if (head.commits != 0) give_up("there are accounts already; give an empty folder");
    // Nothing else reads this file, and a crash is answered by writing it again.
    database.run("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 1000");
    constexpr std::int64_t rows_per_commit = 2'000;
    for (std::int64_t i = 0; i < wish.accounts;) {
        database.run("BEGIN IMMEDIATE");
        for (const auto until = std::min(i + rows_per_commit, wish.accounts); i < until; ++i) {
            AccountRow row = row_of(wish, i, now, random);
            SecretSet grant;
            grant.set("refresh_token", Secret(fmt::format("rt_test_{}_1", i)));
            rows.seal_grant(row, grant);
            rows.seal_token(row, *row.record.token);
            rows.insert(row, head.sum);
        }
        ++head.commits;
        Statement statement(database, write_head_sql);
        write_head(statement, sealer, head);
        database.run("COMMIT");
        if (database.failure() != nullptr) give_up(database.error().message);
    }
    database.run("PRAGMA synchronous = FULL");
    if (!database.checkpoint(true)) give_up(database.error().message);
}

}  // namespace

int main(int argc, char** argv) {
    const Wish wish = parse(argc, argv);
    boost::asio::io_context context;
    const WallTime now = create_system_clock(context.get_executor())->wall();
    StderrLog log(Level::warning);
    SystemRandom random;
    const std::string path = wish.state + "/tokenbroker.db";
    LockFile lock = sure(LockFile::take(wish.state + "/lock"));
    if (auto fine = examine_database(wish.state, path, log); !fine) give_up(fine.error().message);
    auto database = sure(open_writer(path, Checks::quick));
    Keyring keyring = sure(open_keyring(*database, wish.state, {}, random, log));
    write(wish, *database, keyring.sealers, now);
    fmt::print("{} accounts\n", wish.accounts);
    return 0;
}
