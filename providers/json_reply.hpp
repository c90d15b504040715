// Strict reading of JSON that came from outside: token replies and the claims of a JWT. Strings and
// nodes lie in Secret memory and are wiped with the document. Refused: anything after the value but
// white space, raw control characters, invalid UTF-8, lone surrogates, more nesting than
// limits::json_depth_max. A byte order mark in front is tolerated. A number beyond a double reads
// as infinite, for its reader to refuse. A key that an object holds twice reads as Kind::duplicate,
// so nobody can take either value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace tb::providers {

class JsonReply {
  public:
    enum class Kind : std::uint8_t {
        absent,     // no such member
        duplicate,  // the member is there more than once
        null,
        boolean,
        number,
        string,
        array,
        object,
    };

    class Value {
      public:
        Value() = default;
        Kind kind() const { return kind_; }
        bool is(Kind kind) const { return kind_ == kind; }
        bool missing() const { return kind_ == Kind::absent || kind_ == Kind::null; }
        Value member(std::string_view key) const;  // absent unless this is an object
        std::vector<Value> items() const;          // empty unless this is an array
        std::string_view text() const;             // empty unless this is a string
        double number() const;                     // 0 unless this is a number
        bool boolean() const { return kind_ == Kind::boolean && number_of_node() != 0; }

      private:
        friend class JsonReply;
        double number_of_node() const;
        const JsonReply* document_ = nullptr;
        std::size_t index_ = 0;
        Kind kind_ = Kind::absent;
    };

    // nullopt if refused; `why` then says it in a few words, without a byte of the body.
    static std::optional<JsonReply> parse(std::string_view body, std::string* why = nullptr);

    Value root() const { return at(0); }  // lives as long as the document stays where it is

  private:
    struct Node {
        Kind kind = Kind::null;
        std::size_t end = 0;  // index after the last descendant: the next sibling
        std::size_t key_at = 0;
        std::size_t key_size = 0;
        std::size_t text_at = 0;
        std::size_t text_size = 0;
        double number = 0;
    };
    struct Builder;
    Value at(std::size_t index) const;

    std::vector<Node, SecretAllocator<Node>> nodes_;
    Secret text_;  // all keys and strings, decoded, one after the other
};

}  // namespace tb::providers
