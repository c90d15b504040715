// Boost.JSON's basic_parser feeds a flat list of nodes; its ready-made containers would keep
// strings outside of Secret memory and let the last of two equal keys win. What must stay true: a
// decoded byte lies only in the body, in `text_`, or for a moment on the stack, which is wiped.
#include "providers/json_reply.hpp"

#include <string.h>

#include <array>
#include <boost/json/basic_parser_impl.hpp>

#include "base/limits.hpp"

namespace tb::providers {

namespace json = boost::json;

struct JsonReply::Builder {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    JsonReply& out;
    std::vector<std::size_t, SecretAllocator<std::size_t>> open;  // containers around us
    std::size_t key_at = 0;
    std::size_t key_size = 0;
    std::size_t pieces = 0;  // bytes of the string that is being read

    explicit Builder(JsonReply& document) : out(document) {}

    Node& add(Kind kind) {
        Node node;
        node.kind = kind;
        node.end = out.nodes_.size() + 1;
        node.key_at = key_at;
        node.key_size = key_size;
        key_size = 0;
        out.nodes_.push_back(node);
        return out.nodes_.back();
    }
    bool begin(Kind kind) {
        open.push_back(out.nodes_.size());
        add(kind);
        return true;
    }
    bool end() {
        out.nodes_[open.back()].end = out.nodes_.size();
        open.pop_back();
        return true;
    }
    bool piece(json::string_view part) {
        out.text_.append({part.data(), part.size()});
        pieces += part.size();
        return true;
    }
    bool number(double value) {
        add(Kind::number).number = value;
        return true;
    }

    // What basic_parser calls.
    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return begin(Kind::object); }
    bool on_object_end(std::size_t, json::error_code&) { return end(); }
    bool on_array_begin(json::error_code&) { return begin(Kind::array); }
    bool on_array_end(std::size_t, json::error_code&) { return end(); }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return piece(part); }
    bool on_key(json::string_view part, std::size_t, json::error_code&) {
        piece(part);
        key_at = out.text_.size() - pieces;
        key_size = pieces;
        pieces = 0;
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
        return piece(part);
    }
    bool on_string(json::string_view part, std::size_t, json::error_code&) {
        piece(part);
        Node& node = add(Kind::string);
        node.text_at = out.text_.size() - pieces;
        node.text_size = pieces;
        pieces = 0;
        return true;
    }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
        return number(static_cast<double>(value));
    }
    bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
        return number(static_cast<double>(value));
    }
    bool on_double(double value, json::string_view, json::error_code&) { return number(value); }
    bool on_bool(bool value, json::error_code&) {
        add(Kind::boolean).number = value ? 1 : 0;
        return true;
    }
    bool on_null(json::error_code&) {
        add(Kind::null);
        return true;
    }
    bool on_comment_part(json::string_view, json::error_code&) { return false; }
    bool on_comment(json::string_view, json::error_code&) { return false; }
};

namespace {

// Strings with escapes pass through a buffer of basic_parser on the stack.
[[gnu::noinline]] void wipe_stack_below() {
    std::array<char, 32 * 1024> below;
    explicit_bzero(below.data(), below.size());
}

void tell(std::string* why, std::string_view text) {
    if (why != nullptr) *why = text;
}

bool is_json_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

std::optional<JsonReply> JsonReply::parse(std::string_view body, std::string* why) {
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    while (!body.empty() && is_json_space(body.back()))
        body.remove_suffix(1);
    if (body.empty()) {
        tell(why, "it is empty");
        return std::nullopt;
    }
    std::optional<JsonReply> document(std::in_place);
    document->text_.reserve(body.size());  // decoding never makes a string longer
    json::parse_options options;
    options.max_depth = limits::json_depth_max;
    json::error_code ec;
    {
        json::basic_parser<Builder> parser(options, *document);
        const std::size_t read = parser.write_some(false, body.data(), body.size(), ec);
        if (!ec && read < body.size()) ec = json::error::extra_data;
    }
    wipe_stack_below();
    if (ec) {
        tell(why, ec.message());
        return std::nullopt;
    }
    return document;
}

JsonReply::Value JsonReply::at(std::size_t index) const {
    Value value;
    value.document_ = this;
    value.index_ = index;
    value.kind_ = nodes_[index].kind;
    return value;
}

JsonReply::Value JsonReply::Value::member(std::string_view key) const {
    Value found;
    if (kind_ != Kind::object) return found;
    const auto& nodes = document_->nodes_;
    for (std::size_t i = index_ + 1; i < nodes[index_].end; i = nodes[i].end) {
        if (document_->text_.view().substr(nodes[i].key_at, nodes[i].key_size) != key) continue;
        if (found.kind_ != Kind::absent) {
            found.kind_ = Kind::duplicate;
            return found;
        }
        found = document_->at(i);
    }
    return found;
}

std::vector<JsonReply::Value> JsonReply::Value::items() const {
    std::vector<Value> all;
    if (kind_ != Kind::array) return all;
    const auto& nodes = document_->nodes_;
    for (std::size_t i = index_ + 1; i < nodes[index_].end; i = nodes[i].end)
        all.push_back(document_->at(i));
    return all;
}

std::string_view JsonReply::Value::text() const {
    if (kind_ != Kind::string) return {};
    const Node& node = document_->nodes_[index_];
    return document_->text_.view().substr(node.text_at, node.text_size);
}

double JsonReply::Value::number() const {
    return kind_ == Kind::number ? number_of_node() : 0;
}

double JsonReply::Value::number_of_node() const {
    return document_->nodes_[index_].number;
}

}  // namespace tb::providers
