// Values to bytes and back: little endian, every text with its length in front, so that two
// different values never give the same bytes (they are hashed and bound to seals). Written into a
// Secret or a std::string; a Reader that runs out of bytes says so once, at the end.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/records.hpp"

namespace tb::storage {

template <class Out>
class Writer {
  public:
    explicit Writer(Out& out) : out_(out) {}

    template <std::integral T>
    Writer& put(T value) {
        const auto bits = static_cast<std::uint64_t>(value);
        char bytes[8];
        for (int i = 0; i < 8; ++i)
            bytes[i] = static_cast<char>((bits >> (8 * i)) & 0xff);
        out_.append(std::string_view(bytes, sizeof bytes));
        return *this;
    }
    Writer& put(std::string_view text) {
        put(text.size());
        out_.append(text);
        return *this;
    }
    Writer& put(WallTime at) { return put(to_ms(at)); }
    Writer& put(BootTime at) { return put(to_ms(at)); }
    Writer& put(Millis length) { return put(length.count()); }
    template <class T>
    Writer& put(const std::optional<T>& value) {
        put(value.has_value());
        if (value) put(*value);
        return *this;
    }

  private:
    Out& out_;
};

class Reader {
  public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    std::uint64_t number();
    std::int64_t signed_number() { return static_cast<std::int64_t>(number()); }
    bool flag() { return number() != 0; }
    std::string_view text();
    void fail();
    bool failed() const { return failed_; }
    bool complete() const { return !failed_ && left_.empty(); }

  private:
    std::string_view left_;
    bool failed_ = false;
};

std::string encode_attributes(const Attributes& attributes);
bool decode_attributes(std::string_view bytes, Attributes& into);

// The whole token with what is known of it: sealed as one, so that no part can be exchanged.
Secret encode_token(const TokenRecord& token);
bool decode_token(std::string_view bytes, TokenRecord& into);

}  // namespace tb::storage
