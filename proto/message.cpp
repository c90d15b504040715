// Calls and replies: which top-level keys there may be and of what type. Everything else about
// strictness is in json.cpp. What must stay true: a message that systemd would hang up on is
// refused here too, and no error text quotes the message.
#include "proto/message.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <limits>

#include "base/limits.hpp"
#include "proto/json.hpp"

namespace tb::proto {
namespace {
namespace json = boost::json;

Error refused(std::string_view kind, std::string_view why) {
    return {errc::protocol, fmt::format("bad {}: {}", kind, why)};
}

std::string_view to_view(const json::string& s) {
    return {s.data(), s.size()};
}

// `parameters`: absent, null and {} mean the same. False: any other type.
bool take_parameters(json::value& value, json::object& into) {
    if (value.is_null()) return true;
    if (!value.is_object()) return false;
    into = std::move(value.get_object());
    return true;
}

// Absent is false; null or another type is an error.
bool take_flag(const json::value& value, bool& into) {
    if (!value.is_bool()) return false;
    into = value.get_bool();
    return true;
}

void append_string(std::string& out, std::string_view text) {
    out += json::serialize(json::string_view(text.data(), text.size()));
}
}  // namespace

std::string_view Call::interface_name() const {
    const std::size_t dot = method.rfind('.');
    return dot == std::string::npos ? std::string_view{} : std::string_view(method).substr(0, dot);
}

std::string_view Call::method_name() const {
    const std::size_t dot = method.rfind('.');
    return dot == std::string::npos ? std::string_view(method)
                                    : std::string_view(method).substr(dot + 1);
}

Result<Call> parse_call(std::string_view frame) {
    auto parsed = parse_object(frame, limits::call_members_max);
    if (!parsed) return parsed.error();
    Call call{.method = {}, .parameters = json::object(parsed->storage())};
    bool named = false;
    for (auto& member : *parsed) {
        const std::string_view key(member.key().data(), member.key().size());
        json::value& value = member.value();
        if (key == "method") {
            if (!value.is_string()) return refused("call", "method is not a string");
            call.method = to_view(value.get_string());
            named = true;
        } else if (key == "parameters") {
            if (!take_parameters(value, call.parameters))
                return refused("call", "parameters is not an object");
        } else if (key == "more") {
            if (!take_flag(value, call.more)) return refused("call", "more is not a boolean");
        } else if (key == "oneway") {
            if (!take_flag(value, call.oneway)) return refused("call", "oneway is not a boolean");
        } else if (key == "upgrade") {
            if (!take_flag(value, call.upgrade)) return refused("call", "upgrade is not a boolean");
        } else {
            return refused("call", "unknown key beside method, parameters, more, oneway, upgrade");
        }
    }
    if (!named) return refused("call", "method is missing");
    if (int{call.more} + int{call.oneway} + int{call.upgrade} > 1)
        return refused("call", "more than one of more, oneway, upgrade");
    return Result<Call>(std::move(call));
}

Result<Reply> parse_reply(std::string_view frame) {
    auto parsed = parse_object(frame, std::numeric_limits<std::size_t>::max());
    if (!parsed) return parsed.error();
    Reply reply{.parameters = json::object(parsed->storage()), .error = {}};
    for (auto& member : *parsed) {
        const std::string_view key(member.key().data(), member.key().size());
        json::value& value = member.value();
        if (key == "parameters") {
            if (!take_parameters(value, reply.parameters))
                return refused("reply", "parameters is not an object");
        } else if (key == "error") {
            if (!value.is_string() || value.get_string().empty())
                return refused("reply", "error is not a name");
            reply.error = to_view(value.get_string());
        } else if (key == "continues") {
            if (!take_flag(value, reply.continues))
                return refused("reply", "continues is not a boolean");
        } else {
            return refused("reply", "unknown key beside parameters, error, continues");
        }
    }
    return Result<Reply>(std::move(reply));
}

std::string make_call(std::string_view method, const json::object& parameters, bool more,
                      bool oneway) {
    std::string out = "{\"method\":";
    append_string(out, method);
    out += ",\"parameters\":";
    out += json::serialize(parameters);
    if (more) out += ",\"more\":true";
    if (oneway) out += ",\"oneway\":true";
    out += '}';
    out += '\0';
    return out;
}

std::string make_reply(const json::object& parameters, bool continues) {
    std::string out = "{\"parameters\":";
    out += json::serialize(parameters);
    if (continues) out += ",\"continues\":true";
    out += '}';
    out += '\0';
    return out;
}

std::string make_error(std::string_view error, const json::object& parameters) {
    std::string out = "{\"error\":";
    append_string(out, error);
    out += ",\"parameters\":";
    out += json::serialize(parameters);
    out += '}';
    out += '\0';
    return out;
}

}  // namespace tb::proto
