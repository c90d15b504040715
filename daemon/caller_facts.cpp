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

bool CallerFacts::alive() {
    return caller_.pid > 0 && ipc::alive(caller_);
}

}  // namespace tb::daemon
