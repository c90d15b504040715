// Replies as our client reads them: refused with a protocol error, or read, written and read again
// with the same meaning.
#include <cstdint>

#include "base/check.hpp"
#include "proto/message.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/same_json.hpp"

TB_JSON_INPUT(tb::fuzz::whole)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tb::proto;
    const auto reply = parse_reply({reinterpret_cast<const char*>(data), size});
    if (!reply) {
        TB_ASSERT(reply.error().code == tb::errc::protocol);
        TB_ASSERT(!reply.error().message.empty());
        return 0;
    }
    const std::string frame = reply->error.empty() ? make_reply(reply->parameters, reply->continues)
                                                   : make_error(reply->error, reply->parameters);
    TB_ASSERT(frame.find('\0') == frame.size() - 1);
    const auto again = parse_reply(std::string_view(frame).substr(0, frame.size() - 1));
    if (!again && tb::fuzz::has_huge_double(reply->parameters)) return 0;
    TB_ASSERT(again.has_value());
    TB_ASSERT(again->error == reply->error);
    TB_ASSERT(tb::fuzz::same(again->parameters, reply->parameters));
    return 0;
}
