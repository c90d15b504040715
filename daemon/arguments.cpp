// See arguments.hpp. A null member is an absent one, as Varlink has it.
#include "daemon/arguments.hpp"

#include <algorithm>

namespace tb::daemon {

const boost::json::value* Arguments::find(std::string_view name) {
    read_.push_back(name);
    const auto* value = object_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::string> Arguments::optional_text(std::string_view name, std::size_t bytes_max) {
    const auto* value = find(name);
    if (value == nullptr) return {};
    const auto* text = value->if_string();
    if (text == nullptr || text->size() > bytes_max) return bad(name), std::nullopt;
    return std::string(text->data(), text->size());
}

std::string Arguments::text(std::string_view name, std::size_t bytes_max) {
    auto value = optional_text(name, bytes_max);
    if (!value || value->empty()) return bad(name), std::string();
    return *value;
}

std::optional<std::int64_t> Arguments::integer(std::string_view name, std::int64_t least,
                                               std::int64_t most) {
    const auto* value = find(name);
    if (value == nullptr) return {};
    const auto* number = value->if_int64();
    if (number == nullptr || *number < least || *number > most) return bad(name), std::nullopt;
    return *number;
}

std::optional<bool> Arguments::boolean(std::string_view name) {
    const auto* value = find(name);
    if (value == nullptr) return {};
    const bool* flag = value->if_bool();
    if (flag == nullptr) return bad(name), std::nullopt;
    return *flag;
}

std::vector<std::string> Arguments::texts(std::string_view name, std::size_t count_max,
                                          std::size_t bytes_max, bool required) {
    std::vector<std::string> all;
    const auto* value = find(name);
    const auto* list = value == nullptr ? nullptr : value->if_array();
    if (list == nullptr || list->size() > count_max) {
        if (value != nullptr || required) bad(name);
        return all;
    }
    for (const auto& entry : *list) {
        const auto* text = entry.if_string();
        if (text == nullptr || text->size() > bytes_max) return bad(name), all;
        all.emplace_back(text->data(), text->size());
    }
    return all;
}

std::vector<std::pair<std::string, std::string>> Arguments::map(std::string_view name,
                                                                std::size_t count_max,
                                                                std::size_t bytes_max) {
    std::vector<std::pair<std::string, std::string>> all;
    const auto* value = find(name);
    if (value == nullptr) return all;
    const auto* object = value->if_object();
    if (object == nullptr || object->size() > count_max) return bad(name), all;
    for (const auto& [key, entry] : *object) {
        const auto* text = entry.if_string();
        if (text == nullptr || text->size() > bytes_max || key.size() > bytes_max)
            return bad(name), all;
        all.emplace_back(std::string(key), std::string(text->data(), text->size()));
    }
    std::sort(all.begin(), all.end());
    return all;
}

SecretSet Arguments::secrets(std::string_view name, std::size_t count_max, std::size_t bytes_max) {
    SecretSet all;
    const auto* value = find(name);
    const auto* object = value == nullptr ? nullptr : value->if_object();
    if (object == nullptr || object->size() > count_max) return bad(name), SecretSet();
    for (const auto& [key, entry] : *object) {
        const auto* text = entry.if_string();
        if (text == nullptr || text->size() > bytes_max) return bad(name), SecretSet();
        all.set(std::string_view(key.data(), key.size()), Secret({text->data(), text->size()}));
    }
    return all;
}

std::string Arguments::wrong() {
    for (const auto& [key, value] : object_) {
        const std::string_view name(key.data(), key.size());
        if (std::find(read_.begin(), read_.end(), name) == read_.end()) bad(name);
    }
    return wrong_;
}

}  // namespace tb::daemon
