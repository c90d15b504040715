// Boost.JSON's push parser with our own handler, which only counts and forwards: that is how
// duplicate names are seen (the DOM keeps the last one silently) and how a flood of members stops
// before its hash table is built. Errors never quote the text: it may hold a grant.
#include "proto/json.hpp"

#include <fmt/format.h>
#include <string.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/memory_resource.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>

#include "base/limits.hpp"
#include "base/secret.hpp"

namespace tb::proto {
namespace {
namespace json = boost::json;
using Code = json::error_code;

class WipedResource final : public json::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t) override { return secret_allocate(bytes); }
    void do_deallocate(void* at, std::size_t bytes, std::size_t) override {
        secret_free(at, bytes);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }
};

json::memory_resource* wiped_memory() {
    static WipedResource resource;
    return &resource;
}

struct Handler {
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    explicit Handler(std::size_t members_max) : members_left(members_max) {}
    ~Handler() { ::explicit_bzero(scratch, sizeof scratch); }
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;

    bool on_document_begin(Code&) { return stack.reset(wiped_memory()), true; }
    bool on_document_end(Code&) { return true; }
    bool on_object_begin(Code&) { return true; }
    bool on_object_end(std::size_t n, Code&) {
        members += n;
        return stack.push_object(n), true;
    }
    bool on_array_begin(Code&) { return true; }
    bool on_array_end(std::size_t n, Code&) { return stack.push_array(n), true; }
    bool on_key_part(json::string_view s, std::size_t, Code&) { return stack.push_chars(s), true; }
    bool on_key(json::string_view s, std::size_t, Code& ec) {
        if (members_left == 0) {
            ec = json::error::object_too_large;
            return false;
        }
        --members_left;
        return stack.push_key(s), true;
    }
    bool on_string_part(json::string_view s, std::size_t, Code&) {
        return stack.push_chars(s), true;
    }
    bool on_string(json::string_view s, std::size_t, Code&) { return stack.push_string(s), true; }
    bool on_number_part(json::string_view, Code&) { return true; }
    bool on_int64(std::int64_t i, json::string_view, Code&) { return stack.push_int64(i), true; }
    bool on_uint64(std::uint64_t u, json::string_view, Code&) { return stack.push_uint64(u), true; }
    bool on_double(double d, json::string_view, Code& ec) {
        if (!std::isfinite(d)) {  // 1e999: it could not be written again
            ec = json::error::exponent_overflow;
            return false;
        }
        return stack.push_double(d), true;
    }
    bool on_bool(bool b, Code&) { return stack.push_bool(b), true; }
    bool on_null(Code&) { return stack.push_null(), true; }
    bool on_comment_part(json::string_view, Code&) { return true; }
    bool on_comment(json::string_view, Code&) { return true; }

    unsigned char scratch[2048];
    json::value_stack stack{wiped_memory(), scratch, sizeof scratch};
    std::size_t members_left;
    std::size_t members = 0;  // as written; the DOM has fewer if a name came twice
};

// Recursion is bounded by limits::json_depth_max.
std::size_t count_members(const json::value& value) {
    std::size_t count = 0;
    if (const json::object* object = value.if_object()) {
        count = object->size();
        for (const auto& member : *object)
            count += count_members(member.value());
    } else if (const json::array* array = value.if_array()) {
        for (const json::value& element : *array)
            count += count_members(element);
    }
    return count;
}

Error refused(std::string_view why) {
    return {errc::protocol, fmt::format("bad message: {}", why)};
}
}  // namespace

Result<json::object> parse_object(std::string_view text, std::size_t members_max) {
    if (text.empty()) return refused("it is empty");
    json::parse_options options;
    options.max_depth = limits::json_depth_max;
    json::basic_parser<Handler> parser(options, members_max);
    Code ec;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
    if (ec == json::error::object_too_large)
        return refused(fmt::format("more than {} members", members_max));
    if (ec == json::error::too_deep)
        return refused(fmt::format("nested deeper than {}", limits::json_depth_max));
    if (ec) return refused(fmt::format("not valid JSON near byte {}: {}", used, ec.message()));
    if (used < text.size())
        return refused(fmt::format("more text after the object at byte {}", used));
    json::value value = parser.handler().stack.release();
    if (!value.is_object()) return refused("not a JSON object");
    if (count_members(value) != parser.handler().members)
        return refused("a name appears twice in one object");
    return Result<json::object>(std::move(value.get_object()));
}

}  // namespace tb::proto
