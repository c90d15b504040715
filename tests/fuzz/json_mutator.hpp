// A mutator that knows JSON: half of the inputs it makes are the parsed text with one value, member
// or element changed and written again, so that changes get past the parser. The other half is
// libFuzzer's own, for what is no JSON. Include it in one source file of a target.
//   TB_JSON_INPUT(where) defines LLVMFuzzerCustomMutator; where(text, seed) says which part is
//   JSON.
#pragma once

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace tb::fuzz {

namespace json = boost::json;
using Draw = std::minstd_rand;

inline void collect(json::value& value, std::vector<json::value*>& all) {
    all.push_back(&value);
    if (auto* object = value.if_object())
        for (auto& member : *object)
            collect(member.value(), all);
    if (auto* array = value.if_array())
        for (auto& element : *array)
            collect(element, all);
}

// A value on the edge of what is expected somewhere.
inline json::value edge(Draw& draw) {
    switch (draw() % 10) {
        case 0:
            return nullptr;
        case 1:
            return (draw() & 1U) != 0;
        case 2:
            return std::int64_t{-1};
        case 3:
            return std::uint64_t{1} << (draw() % 64);
        case 4:
            return 1e300;
        case 5:
            return 0.5;
        case 6:
            return json::string(draw() % 2000, 'x');
        case 7:
            return json::string("\0\r\n\x7f", 4);
        case 8:
            return json::array{json::object{}, 1, "x"};
        default:
            return json::object{{"error", "invalid_grant"}, {"code", 1}};
    }
}

inline void mutate_text(json::string& text, Draw& draw) {
    std::string bytes(text.c_str(), text.size());
    const std::size_t before = bytes.size();
    bytes.resize(before + 16);
    bytes.resize(
        LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), before, bytes.size()));
    if (draw() % 4 == 0) bytes += bytes;
    text.assign(bytes.data(), bytes.size());
}

inline void mutate_members(json::object& object, json::value with, Draw& draw) {
    if (object.empty()) {
        object["x"] = std::move(with);
        return;
    }
    const auto at = object.begin() + static_cast<std::ptrdiff_t>(draw() % object.size());
    const std::string name(at->key());
    const json::value value = at->value();
    if (draw() % 2 == 0) object.erase(at);
    if (draw() % 2 == 0) object[name + "x"] = value;
    if (draw() % 2 == 0) object[name] = std::move(with);
}

inline void mutate(json::value& root, Draw& draw) {
    std::vector<json::value*> all;
    collect(root, all);
    json::value& target = *all[draw() % all.size()];
    const json::value other = *all[draw() % all.size()];
    if (target.is_string() && draw() % 2 == 0)
        mutate_text(target.get_string(), draw);
    else if (target.is_object() && draw() % 3 != 0)
        mutate_members(target.get_object(), draw() % 2 == 0 ? edge(draw) : other, draw);
    else if (target.is_array() && draw() % 2 == 0)
        target.get_array().push_back(other);
    else if (target.is_int64() && draw() % 2 == 0)
        target = static_cast<std::int64_t>(static_cast<std::uint64_t>(target.get_int64()) +
                                           draw() % 5 - 2);
    else
        target = draw() % 2 == 0 ? edge(draw) : other;
}

struct Range {
    std::size_t begin;
    std::size_t end;
};

// The new size; 0: it was no JSON, or the result doesn't fit.
inline std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t max_size,
                               Range range, unsigned seed) {
    Draw draw(seed + 1);
    const std::string_view text(reinterpret_cast<char*>(data), size);
    boost::system::error_code wrong;
    json::value root = json::parse({text.data() + range.begin, range.end - range.begin}, wrong);
    if (wrong) return 0;
    for (auto n = 1 + draw() % 3; n > 0; --n)
        mutate(root, draw);
    const std::string made = json::serialize(root) + std::string(text.substr(range.end));
    if (range.begin + made.size() > max_size) return 0;
    std::memcpy(data + range.begin, made.data(), made.size());
    return range.begin + made.size();
}

inline Range whole(std::string_view text, unsigned) {
    return {0, text.size()};
}
// Of an input as on the wire: behind the first empty line.
inline Range body(std::string_view text, unsigned) {
    const std::size_t empty = text.find("\n\n");
    return {empty == std::string_view::npos ? text.size() : empty + 2, text.size()};
}
// One of the frames that end with a NUL, behind two bytes that say how to cut them.
inline Range any_frame(std::string_view text, unsigned seed) {
    const auto frames = static_cast<std::size_t>(std::ranges::count(text, '\0')) + 1;
    Range range{std::min<std::size_t>(2, text.size()), text.size()};
    for (auto n = Draw(seed)() % frames; n > 0; --n) {
        const std::size_t nul = text.find('\0', range.begin);
        if (nul == std::string_view::npos) break;
        range.begin = nul + 1;
    }
    range.end = std::min(text.find('\0', range.begin), text.size());
    return range;
}

}  // namespace tb::fuzz

#define TB_JSON_INPUT(where)                                                                \
    extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,    \
                                                   std::size_t max_size, unsigned seed) {   \
        const auto range = where({reinterpret_cast<const char*>(data), size}, seed);        \
        if (seed % 2 == 0)                                                                  \
            if (const auto made = tb::fuzz::mutate_json(data, size, max_size, range, seed)) \
                return made;                                                                \
        return LLVMFuzzerMutate(data, size, max_size);                                      \
    }
