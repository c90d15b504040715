// See hand_out.hpp. Boost.JSON does the escaping, once a generation.
#include "daemon/hand_out.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace tb::daemon {
namespace {

namespace json = boost::json;

// A JSON string without its quotes, in memory that is wiped.
Secret escaped(std::string_view text) {
    Secret out;
    out.reserve(text.size());
    for (const char c : text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);  // tokens are bytes 0x21..0x7E: nothing else needs escaping
    }
    return out;
}

std::string quoted(std::string_view text) {
    return json::serialize(json::string(text));
}

}  // namespace

HandOut::HandOut(std::string_view account, const storage::TokenRecord& token,
                 std::optional<WallTime> expires_wall) {
    const Secret plain = escaped(token.access_token.view());
    json::array scopes;
    for (const std::string& scope : token.scopes)
        scopes.emplace_back(scope);
    json::object attributes;
    for (const auto& [name, value] : token.attributes)
        attributes[name] = value;

    block_.append("{\"account\":").append(quoted(account)).append(",\"token\":\"");
    head_ = static_cast<std::uint32_t>(block_.size());
    block_.append(plain.view());
    token_ = static_cast<std::uint32_t>(block_.size());
    const std::string prefix = quoted(token.header_prefix);
    block_.append("\",\"header\":{\"name\":")
        .append(quoted(token.header_name))
        .append(",\"value\":");
    block_.append(std::string_view(prefix).substr(0, prefix.size() - 1));
    between_ = static_cast<std::uint32_t>(block_.size());
    block_.append("\"}");
    if (!token.query_name.empty()) {
        block_.append(",\"query\":{\"name\":")
            .append(quoted(token.query_name))
            .append(",\"value\":\"");
        block_.append(plain.view()).append("\"}");
    }
    block_.append(",\"generation\":").append(std::to_string(token.generation));
    block_.append(",\"scopes\":").append(json::serialize(scopes));
    block_.append(",\"attributes\":").append(json::serialize(attributes));
    if (expires_wall) {
        block_.append(",\"expires_at_ms\":").append(std::to_string(to_ms(*expires_wall)));
        block_.append(",\"remaining_ms\":");
    }
    middle_ = expires_wall ? static_cast<std::uint32_t>(block_.size()) : 0;
}

Secret HandOut::token() const {
    Secret out;
    const std::string_view escaped_token = block_.view().substr(head_, token_ - head_);
    for (std::size_t i = 0; i < escaped_token.size(); ++i) {
        if (escaped_token[i] == '\\') ++i;
        out.push_back(escaped_token[i]);
    }
    return out;
}

void HandOut::append_body(std::string& out, Millis remaining) const {
    const std::string_view block = block_.view();
    out.append(block.substr(0, between_));
    out.append(block.substr(head_, token_ - head_));
    out.append(block.substr(between_));
    if (middle_ != 0) {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, remaining.count()).ptr;
        out.append(digits, static_cast<std::size_t>(end - digits));
    }
    out.push_back('}');
}

void HandOut::append_reply(std::string& out, Millis remaining) const {
    out.append("{\"parameters\":{\"token\":");
    append_body(out, remaining);
    out.append(std::string_view("}}\0", 3));
}

void HandOut::append_token(std::string& out, Millis remaining) const {
    append_body(out, remaining);
}

}  // namespace tb::daemon
