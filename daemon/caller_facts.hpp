// What /proc says of one caller, for one decision: each fact is read at most once, and only when a
// rule asks for it. Made anew for each decision, since a process can change its cgroup and image.
#pragma once

#include "daemon/access.hpp"

namespace tb::daemon {

// What was read of /proc for one decision: what the audit says of the caller. Nothing is read for
// the audit alone.
struct Witnessed {
    std::string unit;
    std::string cgroup;
    std::optional<ipc::FileIdentity> exe;
    std::string sha256;
    std::uint64_t hash() const;
};

class CallerFacts final : public Facts {
  public:
    explicit CallerFacts(const ipc::Caller& caller) : caller_(caller) {}
    std::optional<std::string> unit() override;
    std::optional<std::string> cgroup() override;
    std::optional<ipc::FileIdentity> exe() override;
    std::optional<std::string> exe_sha256() override;
    bool alive() override;  // never remembered: it must be true now

    // Into `out` what was read; false: nothing was.
    bool witnessed(Witnessed& out) const;

  private:
    template <class T>
    struct Once {
        bool read = false;
        std::optional<T> value;
    };
    template <class T>
    const std::optional<T>& once(Once<T>& slot, std::optional<T> (*read)(const ipc::Caller&));

    const ipc::Caller& caller_;
    Once<std::string> unit_;
    Once<std::string> cgroup_;
    Once<ipc::FileIdentity> exe_;
    Once<std::string> exe_sha256_;
};

}  // namespace tb::daemon
