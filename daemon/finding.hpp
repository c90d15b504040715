// What `doctor` looks at and what it says of it. Facts are gathered where that may block
// (host_facts.cpp), judged by pure functions, and each finding says what it is, why it matters and
// what to run. No fact holds a secret.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http.hpp"
#include "base/time.hpp"

namespace tb::daemon {

struct Config;

struct Finding {
    enum class Level : std::uint8_t { ok, note, problem };
    std::string check;  // "key", "permissions", "database", "disk", "clock", "sockets", "tls", ...
    Level level = Level::problem;
    std::string what;
    std::string why;  // empty where all is well
    std::string run;
};
using Findings = std::vector<Finding>;
std::string_view to_string(Finding::Level level);  // "ok", "note", "problem"

struct FileFact {
    std::string path;
    bool there = false;
    mode_t mode = 0;  // with its type
    uid_t uid = 0;
};

struct HostFacts {
    uid_t uid = 0;  // of the daemon; without one: the owner of the state folder
    FileFact state_dir;
    FileFact key;  // the one in use; not found: the credential if there is one, else the key file
    bool key_is_credential = false;
    FileFact database;
    std::vector<FileFact> configs;  // the files of the configuration
    std::vector<FileFact> secrets;  // files that hold client secrets
    std::vector<FileFact> exes;     // that rules name
    FileFact tokens_socket;
    FileFact admin_socket;
    bool user_mode = false;
    std::string integrity;  // "ok", or what is damaged, or why it wasn't looked at
    bool integrity_known = false;
    std::string key_trouble;  // empty: the key opens the store
    bool key_known = false;
    std::optional<std::uint64_t> disk_free_bytes;
    std::uint64_t ballast_bytes = 0;  // blocks of the file
    std::optional<bool> clock_synced;
    bool boot_id = false;
    std::optional<bool> core_dumps;          // of the daemon; absent: there is none
    std::vector<std::string> units_missing;  // that rules name, where systemd runs
    std::uint64_t memlock_bytes = 0;         // its limit
    std::string kernel;                      // "6.1.0-40-amd64"
    std::vector<std::string> unit_files;     // of tokenbrokerd.service, as systemd finds them
    std::string unit_program;                // of the first of them: what it starts
    bool unit_program_there = true;
};

// One origin's answer to a request without secrets.
struct ProbeFact {
    std::string origin;
    std::string client;
    http::Outcome outcome;
    WallTime at{};  // by our clock
};

Findings judge_files(const HostFacts& facts);
Findings judge_store(const HostFacts& facts);
Findings judge_system(const HostFacts& facts);
Findings judge_sockets(const HostFacts& facts);
Findings judge_probe(const ProbeFact& fact);

// Blocking. `credentials_dir`: $CREDENTIALS_DIRECTORY. `own`: this process is the daemon.
HostFacts gather_host_facts(const Config& config, const std::string& credentials_dir, bool own);

}  // namespace tb::daemon
