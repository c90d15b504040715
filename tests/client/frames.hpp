// What the daemon would send, as the tests of the library write it.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

namespace tb::test {

inline std::string text_of(std::int64_t generation, std::size_t bytes = 40) {
    std::string text = "at_test_" + std::to_string(generation) + "_";
    while (text.size() < bytes)
        text += static_cast<char>('a' + (text.size() + static_cast<std::size_t>(generation)) % 26);
    return text;
}

// Later than any clock shows, by which no event is old however slow the test is.
inline const std::string far = "9790000000000";

// A Token of io.tokenbroker.tokens. remaining_ms < 0: it doesn't expire.
inline std::string token_json(std::int64_t generation, std::int64_t remaining_ms = 60'000,
                              const std::string& account = "shop/main", std::size_t bytes = 40) {
    const std::string token = text_of(generation, bytes);
    std::string json = R"({"account":")" + account + R"(","token":")" + token +
                       R"(","header":{"name":"Authorization","value":"Bearer )" + token +
                       R"("},"generation":)" + std::to_string(generation) +
                       R"(,"scopes":["a","b c"],"attributes":{"entity":"E1"})";
    if (remaining_ms >= 0)
        json += R"(,"expires_at_ms":)" + far + R"(,"remaining_ms":)" + std::to_string(remaining_ms);
    return json + "}";
}

// A token of token_json as the daemon would have written it AGE_MS ago.
inline std::string written_before(std::int64_t age_ms, std::string token,
                                  std::int64_t remaining_ms = 60'000) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto at = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + remaining_ms - age_ms;
    return token.replace(token.find(far), far.size(), std::to_string(at));
}

inline std::string framed(std::string json) {
    json.push_back('\0');
    return json;
}
inline std::string got(const std::string& token) {
    return framed(R"({"parameters":{"token":)" + token + "}}");
}
inline std::string failed(const std::string& name, const std::string& parameters = "{}") {
    return framed(R"({"error":")" + name + R"(","parameters":)" + parameters + "}");
}
inline std::string event(const std::string& name, const std::string& token = "",
                         const std::string& account = "shop/main") {
    std::string json = R"({"parameters":{"account":")" + account + R"(","event":")" + name + '"';
    if (!token.empty()) json += ",\"token\":" + token;
    if (token.empty()) json += R"(,"reason":"because of )" + name + '"';
    return framed(json + R"(},"continues":true})");
}

}  // namespace tb::test
