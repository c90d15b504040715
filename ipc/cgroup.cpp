// From a cgroup path to the system manager's unit, as systemd's cg_path_get_unit does it: leading
// slices are skipped, and then the very next component is a unit or there is none. What must stay
// true: no component below that one is looked at. A user, a container or a delegated service may
// name groups there as it likes ("game-server@1.service"), so nothing below counts.
#include <algorithm>
#include <array>

#include "ipc/caller.hpp"

namespace tb::ipc {
namespace {
constexpr std::size_t unit_name_bytes_max = 255;

// A unit whose name could be taken for a kernel file has "_" before it as a directory.
std::string_view unescape(std::string_view component) {
    if (component.starts_with('_')) component.remove_prefix(1);
    return component;
}

bool allowed_in_name(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(":-_.\\@").find(c) != std::string_view::npos;
}

// "name.type" or "name@instance.type"; a template ("name@.type") runs nothing.
bool valid_unit_name(std::string_view name) {
    static constexpr std::array<std::string_view, 11> types = {
        "service", "socket", "target", "device", "mount", "automount",
        "swap",    "timer",  "path",   "slice",  "scope"};
    if (name.size() > unit_name_bytes_max) return false;
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return false;
    if (std::find(types.begin(), types.end(), name.substr(dot + 1)) == types.end()) return false;
    const std::string_view stem = name.substr(0, dot);
    if (!std::all_of(stem.begin(), stem.end(), allowed_in_name)) return false;
    const std::size_t at = stem.find('@');
    return at == std::string_view::npos || (at > 0 && at + 1 < stem.size());
}

bool valid_slice(std::string_view component) {
    const std::string_view name = unescape(component);
    return name.ends_with(".slice") && valid_unit_name(name) &&
           name.find('@') == std::string_view::npos;
}
}  // namespace

std::optional<std::string> unit_of_cgroup(std::string_view cgroup_path) {
    if (!cgroup_path.starts_with('/')) return std::nullopt;
    for (;;) {
        const std::size_t begin = cgroup_path.find_first_not_of('/');
        if (begin == std::string_view::npos) return std::nullopt;
        cgroup_path.remove_prefix(begin);
        const std::string_view component = cgroup_path.substr(0, cgroup_path.find('/'));
        cgroup_path.remove_prefix(component.size());
        if (valid_slice(component)) continue;
        const std::string_view name = unescape(component);
        if (!valid_unit_name(name) || name.ends_with(".slice")) return std::nullopt;
        return std::string(name);
    }
}

}  // namespace tb::ipc
