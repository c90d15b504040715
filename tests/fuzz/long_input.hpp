// Inputs beyond our limits of 64 KiB out of small ones: byte 1, then n: the byte before them n *
// 256 more times. Neither JSON nor an HTTP header may hold a byte 1, so nothing else is lost.
#pragma once

#include <string>
#include <string_view>

namespace tb::fuzz {

// Twice and a half the limits; more would only be slower.
constexpr std::size_t long_input_bytes_max = 160 * 1024;

inline std::string lengthen(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\1' || i + 1 == text.size() || out.empty()) {
            out += text[i];
            continue;
        }
        const std::size_t n = static_cast<unsigned char>(text[++i]) * std::size_t{256};
        if (out.size() + n <= long_input_bytes_max) out.append(n, out.back());
    }
    return out;
}

}  // namespace tb::fuzz
