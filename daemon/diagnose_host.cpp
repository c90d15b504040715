// What the facts of this host mean: pure. Each finding says what is wrong, why it matters and what
// to run; what is right is one line, so that a person sees that it was looked at.
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "base/limits.hpp"
#include "daemon/finding.hpp"

namespace tb::daemon {
namespace {

using Level = Finding::Level;

void problem(Findings& all, std::string check, std::string what, std::string why, std::string run) {
    all.push_back(
        {std::move(check), Level::problem, std::move(what), std::move(why), std::move(run)});
}

// One line that it is right, unless something was found since `before`.
void fine(Findings& all, std::size_t before, std::string check, std::string what) {
    if (all.size() == before) all.push_back({std::move(check), Level::ok, std::move(what), {}, {}});
}

void check_private(Findings& all, const HostFacts& facts, const FileFact& file, mode_t refused,
                   std::string_view mode, std::string_view why) {
    if (!file.there) return;
    if (file.uid != facts.uid && file.uid != 0)
        problem(all, "permissions",
                fmt::format("{} belongs to uid {}, not to the daemon's uid {}", file.path, file.uid,
                            facts.uid),
                std::string(why), fmt::format("chown {} {}", facts.uid, file.path));
    if ((file.mode & refused) != 0)
        problem(all, "permissions",
                fmt::format("{} has mode {:04o}", file.path, file.mode & 07777U), std::string(why),
                fmt::format("chmod {} {}", mode, file.path));
}

// "6.1.0-40-amd64" as 6, 1.
std::pair<long, long> version_of(const std::string& kernel) {
    char* end = nullptr;
    const long major = std::strtol(kernel.c_str(), &end, 10);
    const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
    return {major, minor};
}

}  // namespace

std::string_view to_string(Finding::Level level) {
    if (level == Level::ok) return "ok";
    return level == Level::note ? "note" : "problem";
}

Findings judge_files(const HostFacts& facts) {
    Findings all;
    if (!facts.state_dir.there)
        problem(all, "permissions",
                fmt::format("the state folder {} is not there, or can't be seen from here",
                            facts.state_dir.path),
                "grants are kept in it", "sudo tokenbroker doctor");
    check_private(all, facts, facts.state_dir, 0022, "700",
                  "who can write there can put an older store back");
    const mode_t key = facts.key_is_credential ? 0027U & ~0040U : 0077U;
    check_private(all, facts, facts.key, key, "600",
                  "who can read the master key and the database has every grant");
    check_private(all, facts, facts.database, 0077, "600", "it holds the sealed grants");
    for (const FileFact& file : facts.configs)
        check_private(all, facts, file, 0022, "644",
                      "who can write the configuration can let anybody in");
    for (const FileFact& file : facts.secrets) {
        if (!file.there)
            problem(all, "permissions", fmt::format("{} is not there", file.path),
                    "it should hold a client's secret: nothing of that client can be renewed",
                    fmt::format("put it back, or run: tokenbroker client set-secret"));
        check_private(all, facts, file, 0077, "600", "it holds a client's secret");
    }
    fine(all, 0, "permissions",
         "state folder, key, database, configuration and secret files are the daemon's or root's");
    const std::size_t before = all.size();
    for (const FileFact& exe : facts.exes)
        if (!exe.there)
            problem(all, "rules", fmt::format("{} is not there", exe.path),
                    "an access rule lets in who runs it: that is nobody now",
                    "install it and run: tokenbroker reload (or leave it out of the rule)");
    for (const std::string& unit : facts.units_missing)
        all.push_back({"rules", Level::note, fmt::format("there is no unit {}", unit),
                       "an access rule lets in who runs in it: that is nobody now",
                       "systemctl list-unit-files; correct the rule, or install the unit"});
    if (!facts.exes.empty()) fine(all, before, "rules", "every exe of the access rules is there");
    return all;
}

Findings judge_store(const HostFacts& facts) {
    Findings all;
    if (!facts.database.there) {
        all.push_back({"database", Level::note, "there is no database yet, or it can't be seen",
                       "the daemon makes it at its first start", "systemctl start tokenbrokerd"});
    } else if (facts.integrity == "ok") {
        all.push_back({"database", Level::ok, "the database is whole (quick_check)", {}, {}});
    } else {
        problem(all, "database",
                facts.integrity_known ? "damaged: " + facts.integrity : facts.integrity,
                facts.integrity_known ? "grants may be lost; nothing repairs them by itself"
                                      : "nobody could look whether it is whole",
                facts.integrity_known ? "restore a backup; keep a copy of the file first"
                                      : "sudo tokenbroker doctor");
    }
    if (!facts.key_trouble.empty())
        problem(all, "key", facts.key_trouble,
                "without it the daemon does not start and no grant can be opened",
                "put the right key back, from where it was kept safe");
    else if (facts.key_known)
        all.push_back({"key", Level::ok, facts.key.path + " opens the store", {}, {}});
    if (facts.disk_free_bytes) {
        const std::uint64_t free = *facts.disk_free_bytes;
        if (free < limits::audit_room_bytes_min)
            problem(all, "disk",
                    fmt::format("{} KiB are free in {}", free / 1024, facts.state_dir.path),
                    "soon no new grant can be stored; the audit is not written any more",
                    "free some disk space");
        else
            all.push_back({"disk",
                           Level::ok,
                           fmt::format("{} MiB are free in {}", free >> 20, facts.state_dir.path),
                           {},
                           {}});
    }
    if (facts.database.there && facts.ballast_bytes < limits::ballast_bytes)
        problem(all, "disk", "the room set aside for new grants (ballast) is used up",
                "with a full disk a new grant would have no place",
                "free some disk space; the daemon sets it aside again by itself");
    return all;
}

Findings judge_system(const HostFacts& facts) {
    Findings all;
    if (facts.clock_synced && !*facts.clock_synced)
        all.push_back({"clock", Level::note, "the system's clock is not synchronised",
                       "after a restart tokens count as older or newer than they are; "
                       "certificates may be refused",
                       "timedatectl set-ntp true"});
    if (facts.clock_synced && *facts.clock_synced)
        all.push_back({"clock", Level::ok, "the system's clock is synchronised", {}, {}});
    if (!facts.boot_id)
        problem(all, "clock", "the system has no boot id",
                "after a restart of the daemon no stored token can be trusted by its age",
                "mount /proc for the daemon");
    const std::size_t before = all.size();
    if (facts.core_dumps && *facts.core_dumps)
        problem(all, "process", "the daemon could leave a core dump",
                "it would hold grants that are in use",
                "restart it: systemctl restart tokenbrokerd");
    if (facts.core_dumps && facts.memlock_bytes < std::uint64_t{1} << 20)
        all.push_back(
            {"process", Level::note,
             fmt::format("only {} KiB of memory may be locked", facts.memlock_bytes / 1024),
             "grants in use could be written to swap",
             "set LimitMEMLOCK=64M in a drop-in of tokenbrokerd.service"});
    if (facts.core_dumps)
        fine(all, before, "process", "no core dumps; memory for secrets can be locked");
    if (version_of(facts.kernel) < std::pair<long, long>{6, 5})
        all.push_back(
            {"kernel", Level::note,
             fmt::format("Linux {} is older than 6.5: it has no SO_PEERPIDFD", facts.kernel),
             "callers are known by pid and start time in its place, checked twice; this "
             "is safe, and a little slower",
             ""});
    if (facts.unit_files.size() > 1)
        all.push_back({"unit", Level::note,
                       fmt::format("{} hides {}", facts.unit_files[0], facts.unit_files[1]),
                       "an update changes only the hidden one",
                       "systemctl revert tokenbrokerd, and put changes into a drop-in"});
    if (!facts.unit_program_there)
        problem(all, "unit",
                fmt::format("{} starts {}, which is not there", facts.unit_files[0],
                            facts.unit_program),
                "the service can't be started", "install the daemon again");
    return all;
}

Findings judge_sockets(const HostFacts& facts) {
    Findings all;
    for (const FileFact* socket : {&facts.tokens_socket, &facts.admin_socket}) {
        if (!socket->there || !S_ISSOCK(socket->mode)) {
            problem(all, "sockets", socket->path + " is no socket",
                    "clients look for the daemon there",
                    "systemctl restart tokenbroker.socket tokenbroker-admin.socket");
            continue;
        }
        if (socket->uid != facts.uid && socket->uid != 0)
            problem(all, "sockets", fmt::format("{} belongs to uid {}", socket->path, socket->uid),
                    "who owns it can put another in its place",
                    "systemctl restart tokenbroker.socket tokenbroker-admin.socket");
    }
    if (facts.admin_socket.there && (facts.admin_socket.mode & S_IWOTH) != 0)
        problem(all, "sockets",
                fmt::format("{} has mode {:04o}", facts.admin_socket.path,
                            facts.admin_socket.mode & 07777U),
                "anybody can connect to the administration (callers are judged there as well)",
                fmt::format("chmod 660 {}", facts.admin_socket.path));
    if (facts.tokens_socket.there && !facts.user_mode && (facts.tokens_socket.mode & S_IWOTH) == 0)
        all.push_back({"sockets", Level::note,
                       fmt::format("{} has mode {:04o}", facts.tokens_socket.path,
                                   facts.tokens_socket.mode & 07777U),
                       "only its owner and group reach it, whatever the access rules say",
                       fmt::format("chmod 666 {}", facts.tokens_socket.path)});
    fine(all, 0, "sockets",
         fmt::format("{} and its admin socket are as they should be", facts.tokens_socket.path));
    return all;
}

}  // namespace tb::daemon
