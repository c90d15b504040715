// Every command as plain values (filled in by cli/arguments.cpp) and the function that does it, one
// file a family. A command prints what was asked for on standard output and nothing else there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/answer.hpp"

namespace tb::cli {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Options that every command takes.
struct Common {
    std::string socket;        // tokens.sock; empty: where clients look
    std::string admin_socket;  // empty: admin.sock beside it
    bool json = false;
    int connection = -1;  // from front/: a tokens socket on which `get` was asked for already
};

// What a token must be like; of get and exec.
struct TokenWish {
    std::optional<std::int64_t> min_remaining_ms;
    std::int64_t timeout_ms = 10'000;
    Pairs parameters;
};

struct Get {
    std::string account;
    bool header = false;
    TokenWish wish;
};
struct Exec {
    Pairs variables;  // NAME, ACCOUNT
    std::vector<std::string> command;
    TokenWish wish;
};
struct Watch {
    std::vector<std::string> accounts;
};
struct Status {
    std::vector<std::string> accounts;
    bool watch = false;
    std::int64_t interval_ms = 1'000;
};
struct AccountAdd {
    std::string account;
    std::string field;   // read from standard input; empty: what the provider wants first
    Pairs secret_files;  // NAME, FILE
    Pairs attributes;
    bool replace = false;
    std::int64_t wait_ms = 10'000;
};
struct AccountRemove {
    std::string account;
};
struct AccountList {};
struct AccountShow {
    std::string account;
};
struct AccountPause {
    std::string account;
};
struct AccountResume {
    std::string account;
    bool try_retired = false;
};
struct ClientSetSecret {
    std::string client;
    std::string name = "client_secret";
};
struct ClientList {};
struct Renew {
    std::string account;
    std::int64_t timeout_ms = 30'000;
};
struct Login {
    std::string account;
    std::string flow;  // code, device, password; empty: what suits this terminal and the provider
    std::string redirect_uri;
    bool no_browser = false;
    std::string username;
    Pairs attributes;
};
struct Revoke {
    std::string account;
};
struct Reload {};
struct Rekey {
    std::int64_t wait_ms = 60'000;  // for the old key to be gone
};
struct Backup {
    std::string file;
    std::string passphrase_file;  // empty: standard input
    bool verify = false;
};
struct Restore {
    std::string file;
    std::string passphrase_file;
    std::int64_t wait_ms = 10'000;  // for grants in doubt to be tried
};
struct Explain {
    std::string account;
    std::int64_t uid = 0;
};
struct Audit {
    std::string account;  // empty: all
    std::string since;    // a time or a duration; empty: the newest
    std::optional<std::int64_t> uid;
    std::int64_t newest = 200;
    bool refused = false;
    bool follow = false;
};
struct Doctor {
    std::string config;  // of the daemon, where none answers
    bool no_probe = false;
};

using Command =
    std::variant<Get, Exec, Watch, Status, AccountAdd, AccountRemove, AccountList, AccountShow,
                 AccountPause, AccountResume, ClientSetSecret, ClientList, Renew, Login, Revoke,
                 Reload, Rekey, Backup, Restore, Explain, Audit, Doctor>;

Answer<> run(const Common& common, const Get& get);
Answer<> run(const Common& common, const Exec& exec);  // comes back only when it failed
Answer<> run(const Common& common, const Watch& watch);
Answer<> run(const Common& common, const Status& status);
Answer<> run(const Common& common, const AccountAdd& add);
Answer<> run(const Common& common, const AccountRemove& remove);
Answer<> run(const Common& common, const AccountList& list);
Answer<> run(const Common& common, const AccountShow& show);
Answer<> run(const Common& common, const AccountPause& pause);
Answer<> run(const Common& common, const AccountResume& resume);
Answer<> run(const Common& common, const ClientSetSecret& set_secret);
Answer<> run(const Common& common, const ClientList& list);
Answer<> run(const Common& common, const Renew& renew);
Answer<> run(const Common& common, const Login& login);
Answer<> run(const Common& common, const Revoke& revoke);
Answer<> run(const Common& common, const Reload& reload);
Answer<> run(const Common& common, const Rekey& rekey);
Answer<> run(const Common& common, const Backup& wish);
Answer<> run(const Common& common, const Restore& restore);
Answer<> run(const Common& common, const Explain& explain);
Answer<> run(const Common& common, const Audit& audit);
Answer<> run(const Common& common, const Doctor& doctor);

}  // namespace tb::cli
