// What /proc says of a caller: its own process name, and groups that it may have named, stand in
// these texts. A unit is one whole component of the path behind slices alone, and what was read
// from a cgroup line is that line. Input: the text of a stat, status or cgroup file.
#include <algorithm>
#include <cstdint>

#include "base/check.hpp"
#include "ipc/caller.hpp"
#include "ipc/proc.hpp"

namespace {
void check_unit(std::string_view path) {
    const auto unit = tb::ipc::unit_of_cgroup(path);
    if (!unit) return;
    TB_ASSERT(path.starts_with('/'));
    TB_ASSERT(unit->find('/') == std::string::npos && !unit->ends_with(".slice"));
    const std::string whole = std::string(path) + "/";
    std::size_t at = whole.find("/" + *unit + "/");
    at = std::min(at, whole.find("/_" + *unit + "/"));
    TB_ASSERT(at != std::string::npos);
    // In front of it stand slices, whatever a component further down is called.
    std::string_view before = std::string_view(whole).substr(0, at);
    while (!before.empty()) {
        const std::size_t slash = before.rfind('/');
        const std::string_view component = before.substr(slash + 1);
        TB_ASSERT(component.empty() || component.ends_with(".slice"));
        before = before.substr(0, slash);
    }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tb::ipc;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_unit(text);
    (void)proc::parse_start_time(text);
    (void)proc::parse_effective_uid(text);
    if (const auto path = proc::parse_cgroup(text)) {
        TB_ASSERT(path->starts_with('/') && path->find('\n') == std::string::npos);
        TB_ASSERT(text.find("0::" + *path) != std::string_view::npos);
        check_unit(*path);
    }
    // A process can name itself as it likes, only the last bracket counts.
    const std::string stat = "1 (" + std::string(text.substr(0, text.rfind(')'))) +
                             ") S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20\n";
    TB_ASSERT(proc::parse_start_time(stat) == 4711U);
    return 0;
}
