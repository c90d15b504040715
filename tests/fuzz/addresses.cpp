// Base URLs, origins and domains of any text: what is accepted is in its normal form afterwards,
// and a domain matches only hosts that end with it. Input: two lines.
#include <algorithm>
#include <string>

#include "base/check.hpp"
#include "providers/urls.hpp"

using namespace tb;
using namespace tb::providers;

namespace {
void check_base(std::string_view text) {
    const auto base = parse_base_url(text, true);
    if (!base) return;
    TB_ASSERT(base->origin.starts_with("https://") || base->origin.starts_with("http://"));
    TB_ASSERT(base->prefix.empty() || base->prefix.front() == '/');
    const auto again = parse_base_url(base->origin + base->prefix, true);
    TB_ASSERT(again && again->origin == base->origin && again->prefix == base->prefix);
    const auto origin = normalize_origin(base->origin);
    TB_ASSERT(origin && *origin == base->origin);
    TB_ASSERT(base->origin.find('@') == std::string::npos);
    for (const char bad : std::string_view("?#\r\n \\"))
        TB_ASSERT((base->origin + base->prefix).find(bad) == std::string::npos);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view first = text.substr(0, end);
    const std::string_view second = text.substr(std::min(end + 1, text.size()));
    check_base(first);
    check_base(second);
    if (!domain_matches(first, second)) return 0;
    TB_ASSERT(check_domain(first).has_value());
    // With an origin that a browser would send, the host of both must agree.
    const auto origin = normalize_origin(second);
    if (!origin || first.find_first_of(":/") != std::string_view::npos) return 0;
    std::string host = origin->substr(origin->find("//") + 2);
    host = host.substr(0, host.find(':'));
    std::string wanted(first);
    std::ranges::transform(wanted, wanted.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    TB_ASSERT(wanted.starts_with("*.")
                  ? host.ends_with(wanted.substr(1)) && host != wanted.substr(2)
                  : host == wanted);
    return 0;
}
