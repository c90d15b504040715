// Gathers what doctor judges: by stat, statvfs, getrlimit, adjtimex (which only reads here) and a
// read connection to the store. Reads no secret; what can't be read is a fact too.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "daemon/config.hpp"
#include "daemon/config_files.hpp"
#include "daemon/finding.hpp"
#include "storage/inspect.hpp"

namespace tb::daemon {
namespace {

FileFact look(const std::string& path) {
    FileFact fact;
    fact.path = path;
    struct stat info{};
    fact.there = ::stat(path.c_str(), &info) == 0;
    fact.mode = info.st_mode;
    fact.uid = info.st_uid;
    return fact;
}

void look_at_store(const Config& config, const std::string& credentials_dir, HostFacts& facts) {
    facts.state_dir = look(config.state_dir);
    facts.database = look(config.state_dir + "/tokenbroker.db");
    facts.key = look(credentials_dir + "/master-key");
    facts.key_is_credential = !credentials_dir.empty() && facts.key.there;
    if (!facts.key_is_credential) facts.key = look(config.state_dir + "/master.key");
    if (facts.database.there) {
        const storage::StoreReport report =
            storage::inspect_store(config.state_dir, credentials_dir);
        facts.integrity = report.integrity;
        facts.integrity_known = report.integrity_known;
        facts.key_trouble = report.key_trouble;
        facts.key_known = report.key_known;
        if (!report.key_path.empty()) {  // not always the first that is found
            facts.key = look(report.key_path);
            facts.key_is_credential =
                !credentials_dir.empty() && report.key_path.starts_with(credentials_dir + "/");
        }
    }
    struct statvfs disk{};
    if (::statvfs(config.state_dir.c_str(), &disk) == 0)
        facts.disk_free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    struct stat ballast{};
    if (::stat((config.state_dir + "/ballast").c_str(), &ballast) == 0)
        facts.ballast_bytes = static_cast<std::uint64_t>(ballast.st_blocks) * 512;
}

void look_at_config(const Config& config, HostFacts& facts) {
    facts.configs.push_back(look(config.main_file));
    std::error_code ignored;
    const auto folder = std::filesystem::path(config.main_file).parent_path() / "conf.d";
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
        if (entry.path().extension() == ".toml")
            facts.configs.push_back(look(entry.path().string()));
    for (const auto& [name, client] : config.clients)
        for (const auto& [key, source] : client.secrets)
            if (source.kind == SecretSource::Kind::file)
                facts.secrets.push_back(look(source.where));
    std::set<std::string> exes;
    for (const AccessRule& rule : config.access)
        for (const Selector& selector : rule.allow)
            if (!selector.exe_path.empty()) exes.insert(selector.exe_path);
    for (const std::string& path : exes)
        facts.exes.push_back(look(path));
}

constexpr const char* unit_folders[] = {"/etc/systemd/system", "/run/systemd/system",
                                        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};

// Units are files, but those made by generators or at run time; a template stands for its
// instances. Patterns that name neither can't be told.
void look_for_units(const Config& config, HostFacts& facts) {
    if (!look("/run/systemd/system").there) return;
    for (const AccessRule& rule : config.access)
        for (const Selector& selector : rule.allow) {
            std::string name = selector.unit;
            if (const auto at = name.find('@'); at != std::string::npos)
                name = name.substr(0, at + 1) + name.substr(std::min(name.rfind('.'), name.size()));
            if (name.empty() || name.find_first_of("*?") != std::string::npos) continue;
            bool there = false;
            for (const std::string folder :
                 {"/run/systemd/transient/", "/run/systemd/generator/", "/lib/systemd/system/"})
                there = there || look(folder + name).there;
            for (const char* folder : unit_folders)
                there = there || look(std::string(folder) + "/" + name).there;
            if (!there) facts.units_missing.push_back(selector.unit);
        }
}

// CAP_IPC_LOCK: no limit then.
bool may_lock_all() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:"))
            return (std::strtoull(line.c_str() + 7, nullptr, 16) >> 14 & 1) != 0;
    return false;
}

void look_at_system(bool own, HostFacts& facts) {
    timex clock{};
    const int state = ::adjtimex(&clock);  // modes 0: it changes nothing
    if (state >= 0) facts.clock_synced = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
    std::string id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    facts.boot_id = id.size() == 36;
    utsname system{};
    if (::uname(&system) == 0) facts.kernel = system.release;
    for (const char* folder : unit_folders) {
        const std::string path = std::string(folder) + "/tokenbrokerd.service";
        if (look(path).there) facts.unit_files.push_back(path);
    }
    if (!facts.unit_files.empty()) {
        std::ifstream unit(facts.unit_files.front());
        for (std::string line; std::getline(unit, line);)
            if (line.starts_with("ExecStart=")) facts.unit_program = line.substr(10);
    }
    facts.unit_program_there =
        facts.unit_program.empty() ||
        look(facts.unit_program.substr(0, facts.unit_program.find(' '))).there;
    if (!own) return;
    rlimit limit{};
    const bool none = ::getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0;
    facts.core_dumps = !none || ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) facts.memlock_bytes = limit.rlim_cur;
    if (may_lock_all()) facts.memlock_bytes = RLIM_INFINITY;
}

}  // namespace

HostFacts gather_host_facts(const Config& config, const std::string& credentials_dir, bool own) {
    HostFacts facts;
    look_at_store(config, credentials_dir, facts);
    facts.uid = own || !facts.state_dir.there ? ::geteuid() : facts.state_dir.uid;
    look_at_config(config, facts);
    look_for_units(config, facts);
    facts.tokens_socket = look(config.tokens_socket);
    facts.admin_socket = look(config.admin_socket);
    facts.user_mode = (facts.tokens_socket.mode & 0777) == 0600;
    look_at_system(own, facts);
    return facts;
}

}  // namespace tb::daemon
