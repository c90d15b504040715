// Equality of JSON for round trips. Boost.JSON 1.81 reads a double with an error of a few units in
// the last place, so doubles are compared with that in mind; no interface of ours has one.
#pragma once

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>

namespace tb::fuzz {

inline bool same_double(double a, double b) {
    return a == b || std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

inline bool same(const boost::json::object& a, const boost::json::object& b);

// Recursion is bounded by limits::json_depth_max: both were parsed.
inline bool same(const boost::json::value& a, const boost::json::value& b) {
    if (a.is_double() && b.is_double()) return same_double(a.get_double(), b.get_double());
    if (a.is_object() && b.is_object()) return same(a.get_object(), b.get_object());
    if (!a.is_array() || !b.is_array()) return a == b;
    const auto& left = a.get_array();
    const auto& right = b.get_array();
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](const auto& x, const auto& y) { return same(x, y); });
}

inline bool same(const boost::json::object& a, const boost::json::object& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.key() == y.key() && same(x.value(), y.value());
    });
}

// Is there a double so near the largest that the error above can make it infinite, which a parser
// refuses?
inline bool has_huge_double(const boost::json::value& value) {
    if (value.is_double()) return std::abs(value.get_double()) > 1e308;
    if (value.is_object())
        return std::ranges::any_of(value.get_object(),
                                   [](const auto& m) { return has_huge_double(m.value()); });
    return value.is_array() && std::ranges::any_of(value.get_array(), has_huge_double);
}

}  // namespace tb::fuzz
