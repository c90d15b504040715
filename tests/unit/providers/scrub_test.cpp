// No known secret survives in a provider's words, whatever it was dressed in.
#include "providers/scrub.hpp"

#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "providers/encoding.hpp"

using namespace tb;
using namespace tb::providers;

namespace {
constexpr std::string_view secret = "s3cr/t+k\"y\xC3\xA9=\\x";
Scrubber scrubber() {
    Scrubber one;
    one.add(secret);
    return one;
}
std::string form(std::string_view text) {
    Secret out;
    append_form(out, text);
    return std::string(out.view());
}
}  // namespace

BOOST_AUTO_TEST_CASE(every_form_is_removed) {
    std::string lower = form(secret);
    for (char& c : lower)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
    Secret query;
    append_query(query, secret);
    Secret json;
    append_json(json, secret);
    for (const std::string& echo : {std::string(secret), form(secret), lower,
                                    std::string(query.view()), std::string(json.view())})
        BOOST_TEST(scrubber().clean("<" + echo + "|" + echo + ">") == "<[secret]|[secret]>");
    for (const std::string prefix : {"", "a", "ab", "abc"}) {
        const std::string encoded(base64(prefix + std::string(secret) + "tail").view());
        const std::string clean = scrubber().clean(encoded);
        BOOST_TEST(clean.find("[secret]") != std::string::npos, encoded << " -> " << clean);
        BOOST_TEST(clean.size() < encoded.size());
    }
}

BOOST_AUTO_TEST_CASE(what_is_left_is_escaped_and_cut) {
    BOOST_TEST(Scrubber().clean("a\r\n\x1B[31m\xC3\xA9\x7F") ==
               "a\\x0d\\x0a\\x1b[31m\\xc3\\xa9\\x7f");
    BOOST_TEST(Scrubber().clean(std::string(10'000, 'x')).size() == limits::error_text_bytes_max);
    BOOST_TEST(Scrubber().clean(std::string(10'000, '\n')).size() == limits::error_text_bytes_max);
    // Removed before it is cut: no half of it at the end.
    for (std::size_t before = 230; before < 260; ++before) {
        const std::string clean =
            scrubber().clean(std::string(before, '.') + std::string(secret) + "...");
        BOOST_TEST(clean.find("s3c") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_made_safe_is_withheld) {
    Scrubber shorty;
    shorty.add("xy");
    BOOST_TEST(shorty.clean("an xy here").find("xy") == std::string::npos);
    BOOST_TEST(shorty.clean("nothing here") == "nothing here");
    Scrubber spelled;  // escaping spells it
    spelled.add("\\x0a");
    BOOST_TEST(spelled.clean("a\nb").find("\\x0a") == std::string::npos);
    Scrubber joined;  // removing spells it
    joined.add("long_secret");
    joined.add("<[secret]>");
    BOOST_TEST(joined.clean("<long_secret>").find("<[secret]>") == std::string::npos);
}
