// The scanner and the parser: what the first accepts, the second accepts with the same meaning.
#include <boost/json/value.hpp>
#include <cstdint>

#include "base/check.hpp"
#include "proto/message.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace {
// How many members there are of what the scanner says: 0 or 1, and the same number.
std::size_t check_number(const boost::json::object& parameters, std::string_view name,
                         std::optional<std::int64_t> scanned) {
    const auto* parsed = parameters.if_contains({name.data(), name.size()});
    TB_ASSERT((parsed != nullptr) == scanned.has_value());
    if (!scanned) return 0;
    TB_ASSERT(parsed->is_int64() && parsed->get_int64() == *scanned);
    return 1;
}
}  // namespace

TB_JSON_INPUT(tb::fuzz::whole)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tb::proto;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto scanned = scan_get_token(text);
    if (!scanned) return 0;
    const auto call = parse_call(text);
    TB_ASSERT(call.has_value());
    TB_ASSERT(call->method == "io.tokenbroker.tokens.GetToken");
    TB_ASSERT(!call->more && !call->oneway && !call->upgrade);
    const auto* account = call->parameters.if_contains("account");
    TB_ASSERT(account != nullptr && account->is_string());
    TB_ASSERT(account->get_string() ==
              boost::json::string_view(scanned->account.data(), scanned->account.size()));
    std::size_t members = 1;
    members += check_number(call->parameters, "min_remaining_ms", scanned->min_remaining_ms);
    members += check_number(call->parameters, "timeout_ms", scanned->timeout_ms);
    TB_ASSERT(call->parameters.size() == members);
    return 0;
}
