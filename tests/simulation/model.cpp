// How the models read requests. Nothing here is shared with the adapters that wrote them.
#include "tests/simulation/model.hpp"

#include <strings.h>

namespace tb::sim {
namespace {

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64(std::string_view bytes, const char* alphabet, bool padded) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    std::uint32_t held = 0;
    int bits = 0;
    for (const char c : bytes) {
        held = (held << 8) | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6)
            out.push_back(alphabet[(held >> (bits - 6)) & 63]);
    }
    if (bits > 0) out.push_back(alphabet[(held << (6 - bits)) & 63]);
    while (padded && out.size() % 4 != 0)
        out.push_back('=');
    return out;
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

std::string Model::busy(int) const {
    return "<html>busy</html>";
}

std::string_view header_of(const http::Request& request, std::string_view name) {
    for (const http::Header& header : request.headers)
        if (same_name(header.name, name)) return header.value.view();
    return {};
}

int headers_named(const http::Request& request, std::string_view name) {
    int n = 0;
    for (const http::Header& header : request.headers)
        n += same_name(header.name, name) ? 1 : 0;
    return n;
}

std::string form_value(std::string_view body, std::string_view name) {
    while (!body.empty()) {
        const std::string_view one = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(one.size() + 1, body.size()));
        if (!one.starts_with(name) || one.size() <= name.size() || one[name.size()] != '=')
            continue;
        std::string value;
        for (std::size_t i = name.size() + 1; i < one.size(); ++i) {
            const bool coded = one[i] == '%' && i + 2 < one.size();
            const int byte = coded ? hex(one[i + 1]) * 16 + hex(one[i + 2]) : 0;
            value.push_back(coded ? static_cast<char>(byte) : one[i] == '+' ? ' ' : one[i]);
            i += coded ? 2 : 0;
        }
        return value;
    }
    return {};
}

std::string_view json_text(std::string_view body, std::string_view key) {
    for (std::size_t at = body.find(key); at != std::string_view::npos;
         at = body.find(key, at + 1)) {
        const std::size_t end = at + key.size();
        if (at == 0 || body[at - 1] != '"' || body.substr(end, 3) != "\":\"") continue;
        return body.substr(end + 3, body.find('"', end + 3) - end - 3);
    }
    return {};
}

std::string base64_url(std::string_view bytes) {
    return base64(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

std::string jwt(std::string_view algorithm, std::string_view payload, std::string_view signature) {
    static const std::string hs256 = base64_url(R"({"alg":"HS256","typ":"JWT"})");
    static const std::string rs256 = base64_url(R"({"alg":"RS256","typ":"JWT"})");
    std::string out = algorithm == "HS256" ? hs256 : rs256;
    out += '.';
    out += base64_url(payload);
    out += '.';
    out += signature;
    return out;
}

std::string_view basic_credentials() {
    static const std::string text =
        "Basic " + base64(fmt::format("{}:{}", client_id_of_all, client_secret_of_all),
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
    return text;
}

}  // namespace tb::sim
