// The warm path's reader: the expected shape of a GetToken and nothing else, without a JSON parser
// and without allocating. What must stay true: whatever it accepts, parse_call accepts with the
// same meaning. So it gives up (nullopt) at the first thing that is not plain: an escape, a byte
// outside ASCII, a sign, a leading zero, a name twice, another key. The first two thirds of a call
// are the same bytes from every client of a kind: those are compared as one piece.
#include <array>
#include <cstdint>

#include "proto/message.hpp"

namespace tb::proto {
namespace {
constexpr int digits_max = 18;  // always fits an int64
// As most JSON writers put it, and as Python's does.
constexpr std::string_view begins[] = {
    R"({"method":"io.tokenbroker.tokens.GetToken","parameters":{"account":")",
    R"({"method": "io.tokenbroker.tokens.GetToken", "parameters": {"account": ")"};

// The bytes that stand for themselves in a string.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> table{};
    for (int c = 0x20; c <= 0x7e; ++c)
        table[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
    return table;
}();

class Scanner {
  public:
    explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

    // White space, then this character.
    bool symbol(char c) {
        space();
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }

    // White space, then a string of plain characters.
    bool string(std::string_view& into) { return symbol('"') && rest_of_string(into); }

    // A string whose opening quote was taken.
    bool rest_of_string(std::string_view& into) {
        const char* begin = at_;
        while (at_ != end_ && plain[static_cast<unsigned char>(*at_)])
            ++at_;
        if (at_ == end_ || *at_ != '"') return false;
        into = {begin, static_cast<std::size_t>(at_ - begin)};
        ++at_;
        return true;
    }

    // These bytes exactly.
    bool bytes(std::string_view expected) {
        if (!std::string_view(at_, end_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }

    bool literal(std::string_view expected) {
        std::string_view text;
        return string(text) && text == expected;
    }

    bool number(std::int64_t& into) {
        space();
        const char* begin = at_;
        std::int64_t value = 0;
        while (at_ != end_ && *at_ >= '0' && *at_ <= '9' && at_ - begin < digits_max)
            value = value * 10 + (*at_++ - '0');
        const auto digits = at_ - begin;
        if (digits == 0 || (digits > 1 && *begin == '0')) return false;
        into = value;
        return true;  // a further digit, '.' or 'e' is no symbol that may follow
    }

    bool at_end() {
        space();
        return at_ == end_;
    }

  private:
    void space() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r'))
            ++at_;
    }

    const char* at_;
    const char* end_;
};

bool take_number(Scanner& in, std::optional<std::int64_t>& into) {
    std::int64_t value = 0;
    if (into || !in.number(value)) return false;
    into = value;
    return true;
}

// One `"name": value` of the parameters.
bool member(Scanner& in, GetTokenCall& call) {
    std::string_view name;
    if (!in.string(name) || !in.symbol(':')) return false;
    if (name == "account") return call.account.data() == nullptr && in.string(call.account);
    if (name == "min_remaining_ms") return take_number(in, call.min_remaining_ms);
    if (name == "timeout_ms") return take_number(in, call.timeout_ms);
    return false;
}

bool up_to_parameters(Scanner& in) {
    return in.symbol('{') && in.literal("method") && in.symbol(':') &&
           in.literal("io.tokenbroker.tokens.GetToken") && in.symbol(',') &&
           in.literal("parameters") && in.symbol(':') && in.symbol('{');
}
}  // namespace

std::optional<GetTokenCall> scan_get_token(std::string_view frame) {
    Scanner in(frame);
    GetTokenCall call;
    if (in.bytes(begins[0]) || in.bytes(begins[1])) {
        if (!in.rest_of_string(call.account)) return std::nullopt;
        if (in.bytes("}}")) return in.at_end() ? std::optional(call) : std::nullopt;
    } else if (!up_to_parameters(in) || !member(in, call)) {
        return std::nullopt;
    }
    while (in.symbol(','))
        if (!member(in, call)) return std::nullopt;
    if (!in.symbol('}') || !in.symbol('}') || !in.at_end()) return std::nullopt;
    if (call.account.data() == nullptr) return std::nullopt;
    return call;
}

}  // namespace tb::proto
