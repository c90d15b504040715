// Parsing and showing selectors. 65534 is refused as a uid or gid: it stands for every id that this
// user namespace can't name, so a rule for it would be a rule for strangers.
#include "daemon/access_selector.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "daemon/config_values.hpp"

namespace tb::daemon {
namespace {

// A group of 10,000 members needs some 100 KiB; more is a broken name service.
constexpr std::size_t name_service_bytes_max = 4 * 1024 * 1024;

// Calls a get..._r with growing buffers. nullopt: no such name.
template <class Record, class Id, class Call>
std::optional<Id> resolve(Call call, Id Record::* id, const std::string& name) {
    for (std::size_t size = 4096; size <= name_service_bytes_max; size *= 4) {
        std::vector<char> buffer(size);
        Record record{};
        Record* found = nullptr;
        const int error = call(name.c_str(), &record, buffer.data(), buffer.size(), &found);
        if (error == ERANGE) continue;
        if (found == nullptr) return std::nullopt;
        return found->*id;
    }
    return std::nullopt;
}

template <class Id>
std::string set_number(std::optional<Id>& into, std::string_view kind, std::string_view value) {
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), id);
    if (error != std::errc{} || end != value.data() + value.size() || id == UINT32_MAX)
        return fmt::format("{} {} is no number of a {}; write {}:1000, or {}:NAME", kind,
                           quote(value), kind, kind, kind == "uid" ? "user" : "group");
    if (id == ipc::nobody_id)
        return fmt::format(
            "{} 65534 stands for everybody of another user namespace and never matches; run the "
            "caller under an id of its own",
            kind);
    into = id;
    return {};
}

template <class Id>
std::string set_name(std::optional<Id>& into, std::string_view kind, std::string_view value,
                     std::optional<Id> found) {
    const std::string_view number = kind == "user" ? "uid" : "gid";
    if (!found)
        return fmt::format("unknown {} {}; create it, or write {}:NUMBER", kind, quote(value),
                           number);
    return set_number(into, number, std::to_string(*found));
}

std::string set_exe(Selector& selector, std::string_view value) {
    if (!value.starts_with('/'))
        return fmt::format("exe {} is a relative path; write an absolute one", quote(value));
    const std::string path(value);
    auto held = std::make_shared<const UniqueFd>(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status{};
    if (!*held || ::fstat(held->get(), &status) != 0)
        return fmt::format("exe {} can't be looked at ({}); install it first, or correct the path",
                           quote(value), std::strerror(errno));
    if (!S_ISREG(status.st_mode) || (status.st_mode & 0111U) == 0)
        return fmt::format("exe {} is not a program; name an executable file", quote(value));
    selector.exe = ipc::FileIdentity{status.st_dev, status.st_ino};
    selector.exe_path = path;
    selector.exe_held = std::move(held);
    return {};
}

std::string set_sha256(Selector& selector, std::string_view value) {
    std::string hex(value);
    std::ranges::transform(hex, hex.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const bool good = hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == hex.npos;
    if (!good)
        return fmt::format(
            "exe_sha256 {} is no SHA-256; write the 64 hex digits of: sha256sum FILE",
            quote(value));
    selector.exe_sha256 = hex;
    return {};
}

std::string set_glob(std::string& into, std::string_view kind, std::string_view value,
                     std::string wrong) {
    if (!wrong.empty()) return fmt::format("{} {}", kind, wrong);
    into = value;
    return {};
}

}  // namespace

const std::vector<std::string>& selector_kinds() {
    static const std::vector<std::string> kinds{"uid",  "user",   "gid", "group",
                                                "unit", "cgroup", "exe", "exe_sha256"};
    return kinds;
}

std::string set_selector(Selector& selector, std::string_view kind, std::string_view value) {
    if (has_control(value) || value.empty())
        return fmt::format("{} {} is not usable; write a value without control characters", kind,
                           quote(value));
    const std::string name(value);
    if (kind == "uid" || kind == "user") {
        if (selector.uid) return "uid and user both name the caller; keep one";
        if (kind == "uid") return set_number(selector.uid, kind, value);
        return set_name(selector.uid, kind, value, resolve(getpwnam_r, &passwd::pw_uid, name));
    }
    if (kind == "gid" || kind == "group") {
        if (selector.gid) return "gid and group both name the caller's group; keep one";
        if (kind == "gid") return set_number(selector.gid, kind, value);
        return set_name(selector.gid, kind, value, resolve(getgrnam_r, &group::gr_gid, name));
    }
    if (kind == "unit") return set_glob(selector.unit, kind, value, check_unit_glob(value));
    if (kind == "cgroup") return set_glob(selector.cgroup, kind, value, check_cgroup_glob(value));
    if (kind == "exe") return set_exe(selector, value);
    if (kind == "exe_sha256") return set_sha256(selector, value);
    return fmt::format("unknown selector {}; {}", quote(kind), suggest(kind, selector_kinds()));
}

std::string check_selector(const Selector& selector) {
    if (selector.uid || selector.gid || !selector.unit.empty()) return {};
    if (selector.exe || !selector.exe_sha256.empty())
        return "exe only narrows who the caller is; add a uid, user, gid, group or unit to it";
    if (!selector.cgroup.empty()) return {};
    return "names nobody; write one of " + fmt::format("{}", fmt::join(selector_kinds(), ", "));
}

Result<Selector> parse_selector(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return Error{errc::config,
                     fmt::format("{} is no selector; write KIND:VALUE, as \"user:alice\" or "
                                 "\"group:games\"",
                                 quote(text))};
    Selector selector;
    std::string wrong = set_selector(selector, text.substr(0, colon), text.substr(colon + 1));
    if (wrong.empty()) wrong = check_selector(selector);
    if (!wrong.empty()) return Error{errc::config, std::move(wrong)};
    return selector;
}

std::string describe(const Selector& selector) {
    std::vector<std::string> who;
    if (selector.uid) who.push_back(fmt::format("uid:{}", *selector.uid));
    if (selector.gid) who.push_back(fmt::format("gid:{}", *selector.gid));
    if (!selector.unit.empty()) who.push_back("unit:" + selector.unit);
    if (!selector.cgroup.empty()) who.push_back("cgroup:" + selector.cgroup);
    if (selector.exe) who.push_back("exe:" + selector.exe_path);
    if (!selector.exe_sha256.empty()) who.push_back("exe_sha256:" + selector.exe_sha256);
    return fmt::format("{}", fmt::join(who, " with "));
}

bool has_ptrace_capability() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    if (syscall(SYS_capget, &header, data.data()) != 0) return false;
    return (data[0].effective & (1U << CAP_SYS_PTRACE)) != 0;
}

}  // namespace tb::daemon
