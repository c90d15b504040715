// Encoders that write straight into Secret memory: a copy in a std::string would outlive its use.
#include "providers/encoding.hpp"

#include <openssl/evp.h>

#include "base/check.hpp"

namespace tb::providers {
namespace {

bool is_alphanumeric(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

void append_hex(Secret& out, char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
}

int sextet(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

}  // namespace

void append_form(Secret& out, std::string_view text) {
    for (const char c : text) {
        if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '*') {
            out.push_back(c);
        } else if (c == ' ') {
            out.push_back('+');
        } else {
            append_hex(out, c);
        }
    }
}

void append_form_field(Secret& out, std::string_view name, std::string_view value) {
    if (!out.empty()) out.push_back('&');
    out.append(name).push_back('=');
    append_form(out, value);
}

void append_query(Secret& out, std::string_view text) {
    for (const char c : text) {
        if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out.push_back(c);
        } else {
            append_hex(out, c);
        }
    }
}

void append_json(Secret& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20) {
            out.append("\\u00");
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 15]);
        } else {
            out.push_back(c);
        }
    }
}

Secret base64(std::string_view bytes) {
    Secret out;
    out.resize((bytes.size() + 2) / 3 * 4 + 1);  // and the NUL that OpenSSL writes
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                        reinterpret_cast<const unsigned char*>(bytes.data()),
                                        static_cast<int>(bytes.size()));
    TB_ASSERT(written >= 0 && static_cast<std::size_t>(written) + 1 == out.size());
    out.resize(static_cast<std::size_t>(written));
    return out;
}

Secret base64_url(std::string_view bytes) {
    Secret out = base64(bytes);
    std::size_t size = out.size();
    while (size > 0 && out.data()[size - 1] == '=')
        --size;
    out.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
        char& c = out.data()[i];
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return out;
}

std::optional<Secret> base64_decode_leniently(std::string_view text) {
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    Secret out;
    out.reserve(text.size() / 4 * 3 + 3);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int value = sextet(c);
        if (value < 0) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out.push_back(static_cast<char>((bits >> count) & 0xff));
    }
    return out;
}

Secret basic_credentials(std::string_view id, std::string_view secret, BasicEncoding encoding) {
    Secret pair;
    pair.reserve(3 * (id.size() + secret.size()) + 1);
    if (encoding == BasicEncoding::raw) {
        pair.append(id).append(":").append(secret);
    } else {
        append_form(pair, id);
        pair.push_back(':');
        append_form(pair, secret);
    }
    const Secret encoded = base64(pair.view());
    Secret out;
    out.reserve(6 + encoded.size());
    out.append("Basic ").append(encoded.view());
    return out;
}

}  // namespace tb::providers
