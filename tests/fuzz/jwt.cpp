// Claims of any token: never a lifetime outside of its bounds, and malformed claims give none.
#include "base/check.hpp"
#include "base/limits.hpp"
#include "providers/encoding.hpp"
#include "providers/jwt_claims.hpp"

using namespace tb;
using namespace tb::providers;

namespace {
void check(std::string_view token) {
    const auto claims = read_jwt_claims(token);
    if (!claims) return;
    for (const std::int64_t replied : {std::int64_t{0}, std::int64_t{1'700'000'000'000}}) {
        const auto lifetime = lifetime_of(*claims, wall_from_ms(replied));
        TB_ASSERT(lifetime.has_value() == claims->expires.has_value());
        if (lifetime) TB_ASSERT(*lifetime >= Millis{0} && *lifetime <= limits::lifetime_max_ms);
    }
    if (claims->malformed) TB_ASSERT(!claims->expires || !claims->issued);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check(text);
    Secret wrapped("h.");  // the input as the payload: base64 is no hurdle then
    wrapped.append(base64(text).view()).append(".s");
    check(wrapped.view());
    return 0;
}
