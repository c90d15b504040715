// Sorting the mistakes for people: first file first, top to bottom.
#include "daemon/config_mistakes.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "daemon/config_values.hpp"

namespace tb::daemon {
namespace {

// "a.toml:12" is {"a.toml", 12}; a place without a line is line 0.
std::pair<std::string_view, int> split_place(std::string_view place) {
    const std::size_t colon = place.rfind(':');
    if (colon == std::string_view::npos) return {place, 0};
    const std::string_view digits = place.substr(colon + 1);
    int line = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), line);
    if (error != std::errc{} || end != digits.data() + digits.size()) return {place, 0};
    return {place.substr(0, colon), line};
}

}  // namespace

void MistakeList::add(std::string place, std::string text) {
    mistakes_.push_back({std::move(place), std::move(text)});
}

void MistakeList::warn(std::string place, std::string text) {
    warnings_.push_back({std::move(place), std::move(text)});
}

std::vector<std::string> MistakeList::lines(const std::vector<Item>& items,
                                            const std::vector<std::string>& files) {
    std::vector<std::tuple<std::ptrdiff_t, int, std::size_t>> order;  // file, line, as found
    for (const Item& item : items) {
        const auto [file, line] = split_place(item.place);
        order.emplace_back(std::ranges::find(files, file) - files.begin(), line, order.size());
    }
    std::ranges::sort(order);
    std::vector<std::string> out;
    for (const auto& [file, line, index] : order) {
        out.push_back(items[index].place + ": " + items[index].text);
        // Keys and names are what somebody wrote, and this goes to terminals.
        std::ranges::replace_if(out.back(), [](char c) { return has_control({&c, 1}); }, '?');
    }
    return out;
}

ConfigMistakes MistakeList::sorted(const std::vector<std::string>& files) const {
    return {lines(mistakes_, files), lines(warnings_, files)};
}

}  // namespace tb::daemon
