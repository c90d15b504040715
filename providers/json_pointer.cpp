// Pointers are the operator's, checked when the configuration is loaded; the document is anybody's.
#include "providers/json_pointer.hpp"

#include <algorithm>
#include <string>

namespace tb::providers {
namespace {

constexpr std::size_t pointer_bytes_max = 256;

std::string unescaped(std::string_view step) {
    std::string out;
    for (std::size_t i = 0; i < step.size(); ++i) {
        if (step[i] == '~' && i + 1 < step.size())
            out += step[++i] == '1' ? '/' : '~';
        else
            out += step[i];
    }
    return out;
}

JsonReply::Value item(const JsonReply::Value& array, std::string_view step) {
    const bool number =
        !step.empty() && step.size() <= 6 &&
        std::all_of(step.begin(), step.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
        (step.size() == 1 || step.front() != '0');
    if (!number) return {};
    std::size_t index = 0;
    for (const char c : step)
        index = index * 10 + static_cast<std::size_t>(c - '0');
    const auto items = array.items();
    return index < items.size() ? items[index] : JsonReply::Value();
}

}  // namespace

bool good_pointer(std::string_view pointer) {
    if (pointer.empty()) return true;
    if (pointer.front() != '/' || pointer.size() > pointer_bytes_max) return false;
    for (std::size_t i = 0; i < pointer.size(); ++i) {
        const auto byte = static_cast<unsigned char>(pointer[i]);
        if (byte < 0x20 || byte == 0x7F) return false;
        if (pointer[i] != '~') continue;
        if (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1'))
            return false;
    }
    return true;
}

JsonReply::Value at_pointer(const JsonReply::Value& root, std::string_view pointer) {
    if (pointer.empty()) return {};
    JsonReply::Value at = root;
    while (!pointer.empty() && pointer.front() == '/') {
        pointer.remove_prefix(1);
        const std::size_t end = std::min(pointer.find('/'), pointer.size());
        const std::string_view step = pointer.substr(0, end);
        at = at.is(JsonReply::Kind::array) ? item(at, step) : at.member(unescaped(step));
        pointer.remove_prefix(end);
    }
    return at;
}

}  // namespace tb::providers
