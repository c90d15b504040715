// The reads themselves are ipc's; here they are only remembered. A caller without a visible pid has
// no facts at all.
#include "daemon/caller_facts.hpp"

namespace tb::daemon {

template <class T>
const std::optional<T>& CallerFacts::once(Once<T>& slot,
                                          std::optional<T> (*read)(const ipc::Caller&)) {
    if (!slot.read && caller_.pid > 0) slot.value = read(caller_);
    slot.read = true;
    return slot.value;
}

std::optional<std::string> CallerFacts::unit() {
    return once(unit_, ipc::read_unit);
}

std::optional<std::string> CallerFacts::cgroup() {
    return once(cgroup_, ipc::read_cgroup);
}

std::optional<ipc::FileIdentity> CallerFacts::exe() {
    return once(exe_, ipc::read_exe);
}

std::optional<std::string> CallerFacts::exe_sha256() {
    return once(exe_sha256_, ipc::read_exe_sha256);
}

std::uint64_t Witnessed::hash() const {
    std::uint64_t h = std::hash<std::string>{}(unit) * 31 + std::hash<std::string>{}(cgroup);
    h = h * 31 + std::hash<std::string>{}(sha256);
    return exe ? (h * 31 + exe->device) * 31 + exe->inode : h;
}

bool CallerFacts::witnessed(Witnessed& out) const {
    if (!unit_.read && !cgroup_.read && !exe_.read && !exe_sha256_.read) return false;
    out.unit = unit_.value.value_or("");
    out.cgroup = cgroup_.value.value_or("");
    out.exe = exe_.value;
    out.sha256 = exe_sha256_.value.value_or("");
    return true;
}

bool CallerFacts::alive() {
    return caller_.pid > 0 && ipc::alive(caller_);
}

}  // namespace tb::daemon
