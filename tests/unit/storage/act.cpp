// The acts: a renewal, a group, the log's copying and its new beginning, a refusal, a candidate, a
// start after kill -9, the first start of all (tables, key), a clean end.
#include "act.hpp"

#include <filesystem>

namespace tb::storage::test {
namespace {

Change renewal(AccountId id, std::uint64_t version, const std::string& next) {
    Renewed change;
    change.account = id;
    change.grant_version = version;
    change.new_grant = grant("rt_test_" + next);
    change.grant_obtained_at = wall_from_ms(2'000);
    change.token = token(version, "at_test_" + next);
    return change;
}

Change added(const char* name, std::optional<AccountId> candidate_for = std::nullopt) {
    AddAccount change;
    change.account.name = name;
    change.account.provider = "webroot";
    change.account.candidate_for = candidate_for;
    change.grant = grant(std::string("rt_test_of_") + name);
    return change;
}

Change refused(AccountId id, std::uint64_t version) {
    SetState change = set_state(id, version, GrantState::login_required, "refused");
    change.clear_intent = change.retire_grant = true;
    return change;
}

// Asked again with the same objects where it is in doubt whether they are in, else with others:
// done twice, it would show. And only with those that were not answered yet.
template <class... Changes>
Act commit(Changes... changes) {
    std::vector<std::shared_ptr<Change>> all{std::make_shared<Change>(std::move(changes))...};
    return [all = std::move(all)](Bench& bench) mutable {
        std::vector<Work> group;
        for (const auto& change : all)
            group.push_back({Work::Kind::change, 0, change.get(), change});
        const auto answers = bench.ledger().commit(group);
        for (std::size_t i = answers.size(); i-- > 0;) {
            if (answers[i])
                all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
            else if (!answers[i].error().in_doubt)
                all[i] = std::make_shared<Change>(std::move(*all[i]));
        }
        return all.empty();
    };
}

bool tidy(Bench& bench) {
    bench.ledger().tidy();
    return true;
}
bool close(Bench& bench) {
    bench.close();
    return true;
}
bool open(Bench& bench) {
    return bench.open().has_value();
}

void accounts(Bench& bench) {
    BOOST_REQUIRE(bench.open());
    BOOST_REQUIRE(commit(added("shop/a"))(bench));
    BOOST_REQUIRE(commit(added("shop/b"), added("shop/c"))(bench));
    BOOST_REQUIRE(commit(renewal(2, 1, "b2"))(bench));
}
void spent(Bench& bench) {
    accounts(bench);
    BOOST_REQUIRE(commit(Change(intend(1, 1, 5)))(bench));
    BOOST_REQUIRE(commit(renewal(2, 2, "b3"))(bench));
}

}  // namespace

const std::vector<Sequence>& sequences() {
    static const std::vector<Sequence> all{
        {"renewal", accounts, false, true,
         [] {
             return std::vector<Act>{commit(Change(intend(1, 1, 5))), commit(renewal(1, 1, "a2"))};
         }},
        {"group", accounts, false, true,
         [] {
             return std::vector<Act>{
                 commit(Change(intend(1, 1, 5)), Change(intend(2, 2, 5)), Change(intend(3, 1, 5))),
                 commit(renewal(1, 1, "a2"), renewal(2, 2, "b3"), refused(3, 1))};
         }},
        {"checkpoint", accounts, false, true,
         [] {
             return std::vector<Act>{commit(renewal(1, 1, "a2")), tidy, commit(renewal(1, 2, "a3")),
                                     commit(renewal(2, 2, "b3")), tidy};
         }},
        {"replacement", accounts, false, true,
         [] {
             return std::vector<Act>{commit(added("shop/a", 1)), commit(Change(intend(4, 1, 5))),
                                     commit(renewal(4, 1, "a2")), commit(Change(Promote{4, 1}))};
         }},
        {"start after kill", spent, true, false,
         [] { return std::vector<Act>{open, commit(renewal(1, 1, "a2"))}; }},
        {"first start", [](Bench&) {}, false, false,
         [] { return std::vector<Act>{open, commit(added("shop/a")), close}; }},
        {"end and start", spent, true, true,
         [] {
             return std::vector<Act>{commit(renewal(1, 1, "a2")), close, open,
                                     commit(Change(intend(1, 2, 6)))};
         }},
    };
    return all;
}

std::string quick_folder() {
    const char* memory = "/dev/shm";
    return std::filesystem::is_directory(memory) ? memory
                                                 : std::filesystem::temp_directory_path().string();
}

Result<void> Bench::open() {
    SqliteOptions options;
    options.state_dir = folder_;
    options.wall_now = [] { return wall_from_ms(1'700'000'000'000); };
    auto opened = Ledger::open(std::move(options), random_, log);
    if (!opened) return opened.error();
    ledger_ = std::move(*opened);
    return {};
}

void Bench::close() {
    if (ledger_) ledger_->close();
    ledger_.reset();
}

std::string Bench::describe() {
    if (!ledger_) {
        if (auto opened = open(); !opened) return "!" + opened.error().message;
    }
    std::vector<AccountId> ids;
    std::string out;
    const auto loaded = ledger_->load([&](AccountRecord r) {
        ids.push_back(r.id);
        out += fmt::format("{} {}{} v{} g{} state {} '{}' intent {} token {}\n", r.id, r.name,
                           r.candidate_for ? " (candidate)" : "", r.grant_version, r.generation,
                           static_cast<int>(r.state), r.reason, r.intent ? r.intent->attempts : 0,
                           r.token ? r.token->access_token.view() : "-");
    });
    if (!loaded) return "!" + loaded.error().message;
    for (const AccountId id : ids) {
        const auto set = ledger_->open_grant(id);
        out += set ? fmt::format("{}: {}\n", id, text(*set)) : "!" + set.error().message;
    }
    return out;
}

Files files_of(const std::string& folder) {
    Files files;
    for (const char* name : {"tokenbroker.db", "tokenbroker.db-wal", "master.key"}) {
        const std::string path = folder + "/" + name;
        if (std::filesystem::exists(path)) files[name] = slurp(path);
    }
    return files;
}

void put(const Files& files, const std::string& folder) {
    for (const auto& [name, bytes] : files) {
        spit(folder + "/" + name, bytes);
        std::filesystem::permissions(folder + "/" + name, std::filesystem::perms(0600));
    }
}

Expected expected_of(const Sequence& sequence) {
    Expected out;
    const Folder first(quick_folder());
    {
        Bench bench(first.path());
        sequence.prepare(bench);
        if (sequence.log_left) out.start = files_of(first.path());
        bench.close();
        if (!sequence.log_left) out.start = files_of(first.path());
    }
    const Folder folder(quick_folder());
    put(out.start, folder.path());
    Bench bench(folder.path());
    out.states.push_back(out.start.empty() ? "" : bench.describe());
    if (!sequence.open) bench.close();
    for (Act& act : sequence.acts()) {
        BOOST_REQUIRE(act(bench));
        const bool open_now = bench.is_open();
        out.states.push_back(bench.describe());
        if (!open_now) bench.close();
    }
    bench.close();
    return out;
}

}  // namespace tb::storage::test
