// See hand_out.hpp. Boost.JSON does the escaping, once a generation.
#include "daemon/hand_out.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/check.hpp"

namespace tb::daemon {
namespace {

namespace json = boost::json;

// Tokens are bytes 0x21..0x7E: nothing else needs escaping.
bool needs_escape(char c) {
    return c == '"' || c == '\\';
}

// Two sweeps by memchr are ten times cheaper than one that looks at each byte.
std::size_t escapes_in(std::string_view text) {
    const auto count = [text](char c) {
        return text.find(c) == std::string_view::npos ? 0 : std::count(text.begin(), text.end(), c);
    };
    return static_cast<std::size_t>(count('"') + count('\\'));
}

void append_escaped(Secret& out, std::string_view text, std::size_t escapes) {
    if (escapes == 0) {
        out.append(text);
        return;
    }
    while (!text.empty()) {
        const auto plain = static_cast<std::size_t>(
            std::find_if(text.begin(), text.end(), needs_escape) - text.begin());
        out.append(text.substr(0, plain));
        if (plain == text.size()) return;
        out.push_back('\\');
        out.push_back(text[plain]);
        text.remove_prefix(plain + 1);
    }
}

std::string quoted(std::string_view text) {
    const auto plain = [](char c) { return c >= 0x20 && c < 0x7f && !needs_escape(c); };
    if (std::all_of(text.begin(), text.end(), plain)) return std::string("\"").append(text) + '"';
    return json::serialize(json::string(text));
}

// What stands before the token, between its two places, and behind.
struct Frame {
    std::string head;
    std::string between;
    std::string query;  // up to its token; empty: none
    std::string tail;
};

std::string scopes_text(const std::vector<std::string>& scopes) {
    if (scopes.empty()) return "[]";
    json::array out;
    for (const std::string& scope : scopes)
        out.emplace_back(scope);
    return json::serialize(out);
}

std::string attributes_text(const storage::Attributes& attributes) {
    if (attributes.empty()) return "{}";
    json::object out;
    for (const auto& [name, value] : attributes)
        out[name] = value;
    return json::serialize(out);
}

Frame frame_of(std::string_view account, const storage::TokenRecord& token,
               std::optional<WallTime> expires_wall) {
    Frame frame;
    frame.head.append("{\"account\":").append(quoted(account)).append(",\"token\":\"");
    const std::string prefix = quoted(token.header_prefix);
    frame.between.append("\",\"header\":{\"name\":").append(quoted(token.header_name));
    frame.between.append(",\"value\":").append(prefix, 0, prefix.size() - 1);
    if (!token.query_name.empty())
        frame.query.append("\"},\"query\":{\"name\":")
            .append(quoted(token.query_name))
            .append(",\"value\":\"");
    frame.tail.append("\"},\"generation\":").append(std::to_string(token.generation));
    frame.tail.append(",\"scopes\":").append(scopes_text(token.scopes));
    frame.tail.append(",\"attributes\":").append(attributes_text(token.attributes));
    if (expires_wall)
        frame.tail.append(",\"expires_at_ms\":")
            .append(std::to_string(to_ms(*expires_wall)))
            .append(",\"remaining_ms\":");
    return frame;
}

}  // namespace

// What stands in quotes is escaped, so the key is found where it is one.
void HandOut::renumber(std::uint64_t generation) {
    constexpr std::string_view key = "\"},\"generation\":";
    const std::string_view all = block_.view();
    const std::size_t found = all.find(key, head_);
    TB_ASSERT(found != std::string_view::npos);
    const std::size_t from = found + key.size();
    const std::size_t to = std::min(all.find_first_not_of("0123456789", from), all.size());
    const std::string number = std::to_string(generation);
    Secret renumbered;
    renumbered.reserve(all.size() - (to - from) + number.size());
    renumbered.append(all.substr(0, from));
    renumbered.append(number);
    renumbered.append(all.substr(to));
    middle_ = static_cast<std::uint32_t>(middle_ - (to - from) + number.size());
    block_ = std::move(renumbered);
}

// One exact allocation: a block outgrown on the way would leave memory of twice its size behind.
HandOut::HandOut(std::string_view account, const storage::TokenRecord& token,
                 std::optional<WallTime> expires_wall) {
    const std::string_view plain = token.access_token.view();
    const std::size_t escapes = escapes_in(plain);
    const Frame frame = frame_of(account, token, expires_wall);
    const std::size_t of_token = plain.size() + escapes;
    block_.reserve(frame.head.size() + of_token + frame.between.size() +
                   (frame.query.empty() ? 0 : frame.query.size() + of_token) + frame.tail.size());
    block_.append(frame.head);
    head_ = static_cast<std::uint32_t>(block_.size());
    append_escaped(block_, plain, escapes);
    token_ = static_cast<std::uint32_t>(block_.size());
    block_.append(frame.between);
    between_ = static_cast<std::uint32_t>(block_.size());
    if (!frame.query.empty()) {
        block_.append(frame.query);
        append_escaped(block_, plain, escapes);
    }
    block_.append(frame.tail);
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
