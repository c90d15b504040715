// Calls from anybody on the machine: refused with a protocol error, or read, written and read again
// with the same meaning.
#include <cstdint>

#include "base/check.hpp"
#include "proto/message.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/same_json.hpp"

TB_JSON_INPUT(tb::fuzz::whole)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tb::proto;
    const auto call = parse_call({reinterpret_cast<const char*>(data), size});
    if (!call) {
        TB_ASSERT(call.error().code == tb::errc::protocol);
        TB_ASSERT(!call.error().message.empty());
        return 0;
    }
    TB_ASSERT(int{call->more} + int{call->oneway} + int{call->upgrade} <= 1);
    TB_ASSERT(call->interface_name().size() + call->method_name().size() <= call->method.size());
    const std::string frame = make_call(call->method, call->parameters, call->more, call->oneway);
    TB_ASSERT(frame.find('\0') == frame.size() - 1);
    const auto again = parse_call(std::string_view(frame).substr(0, frame.size() - 1));
    if (!again && tb::fuzz::has_huge_double(call->parameters)) return 0;
    TB_ASSERT(again.has_value());
    TB_ASSERT(again->method == call->method);
    TB_ASSERT(again->more == call->more && again->oneway == call->oneway);
    TB_ASSERT(tb::fuzz::same(again->parameters, call->parameters));
    return 0;
}
