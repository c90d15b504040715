// What the load generator says and what it takes for an answer, in each protocol. Account i has the
// name PREFIX and seven digits; a reply must begin with what was asked for, or it is an error.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tb::bench {

inline constexpr std::size_t name_digits = 7;

class Talk {
  public:
    enum class Kind { varlink, floor, resp };
    Talk(Kind kind, std::string prefix) : kind_(kind), name_size_(prefix.size() + name_digits) {
        const std::string zeros(name_digits, '0');
        const std::string name = prefix + zeros;
        if (kind == Kind::resp) {
            request_ =
                "*2\r\n$3\r\nGET\r\n$" + std::to_string(name.size()) + "\r\n" + name + "\r\n";
            begins_ = name;
        } else {
            request_ = R"({"method":"io.tokenbroker.tokens.GetToken","parameters":{"account":")" +
                       name + "\"}}" + std::string(1, '\0');
            begins_ = R"({"parameters":{"token":{"account":")" + name;
        }
        digits_at_ = request_.find(name) + prefix.size();
    }

    std::size_t request_size() const { return request_.size(); }
    void append_request(std::string& out, std::uint32_t account) const {
        const std::size_t at = out.size();
        out += request_;
        put_digits(out.data() + at + digits_at_, account);
    }
    void append_set(std::string& out, std::uint32_t account, std::size_t value_bytes) const {
        std::string name = begins_;
        put_digits(name.data() + name.size() - name_digits, account);
        std::string value = name;
        value.resize(value_bytes, 'v');
        out += "*3\r\n$3\r\nSET\r\n$" + std::to_string(name.size()) + "\r\n" + name + "\r\n$" +
               std::to_string(value.size()) + "\r\n" + value + "\r\n";
    }

    // Bytes of the first whole reply in [from, to), 0 if there is none yet. Bytes before `seen`
    // were looked at by an earlier call.
    std::size_t reply_size(const char* from, const char* to, std::size_t seen) const {
        if (kind_ == Kind::resp) return resp_size(from, to);
        const void* nul =
            std::memchr(from + seen, '\0', static_cast<std::size_t>(to - from) - seen);
        return nul == nullptr ? 0
                              : static_cast<std::size_t>(static_cast<const char*>(nul) - from) + 1;
    }

    bool is_right(std::string_view reply, std::uint32_t account) const {
        if (kind_ == Kind::resp) {
            const std::size_t line = reply.find('\n');
            if (reply.front() != '$' || line == std::string_view::npos) return false;
            reply.remove_prefix(line + 1);
        }
        const std::size_t fixed =
            kind_ == Kind::floor ? begins_.size() - name_size_ : begins_.size() - name_digits;
        if (reply.size() < begins_.size() || std::memcmp(reply.data(), begins_.data(), fixed) != 0)
            return false;
        if (kind_ == Kind::floor) return true;
        char digits[name_digits];
        put_digits(digits, account);
        return std::memcmp(reply.data() + fixed, digits, name_digits) == 0;
    }

  private:
    static void put_digits(char* to, std::uint32_t value) {
        for (std::size_t i = name_digits; i-- > 0; value /= 10)
            to[i] = static_cast<char>('0' + value % 10);
    }
    // A bulk string; an error or null line counts as a reply too, a wrong one.
    static std::size_t resp_size(const char* from, const char* to) {
        const void* end = std::memchr(from, '\n', static_cast<std::size_t>(to - from));
        if (end == nullptr) return 0;
        const std::size_t line = static_cast<std::size_t>(static_cast<const char*>(end) - from) + 1;
        std::int64_t length = -1;
        if (*from == '$') std::from_chars(from + 1, from + line, length);
        const std::size_t whole = length < 0 ? line : line + static_cast<std::size_t>(length) + 2;
        return whole <= static_cast<std::size_t>(to - from) ? whole : 0;
    }

    Kind kind_;
    std::size_t name_size_;
    std::string request_;
    std::string begins_;
    std::size_t digits_at_ = 0;
};

}  // namespace tb::bench
