// Encodings, byte by byte: section 0.1, vector 6.1, RPM's query of vector 1.2.
#include "providers/encoding.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace tb;
using namespace tb::providers;

namespace {
template <class F>
std::string made(F f, std::string_view text) {
    Secret out;
    f(out, text);
    return std::string(out.view());
}
}  // namespace

BOOST_AUTO_TEST_CASE(forms) {
    BOOST_TEST(made(append_form, "AZaz09-._*") == "AZaz09-._*");
    BOOST_TEST(made(append_form, "a b~&=+%/\xC3\xBC\n") == "a+b%7E%26%3D%2B%25%2F%C3%BC%0A");
    BOOST_TEST(made(append_form, std::string_view("\0", 1)) == "%00");
    Secret body;  // 6.1
    append_form_field(body, "refresh_token", "eyJfaWQmNzMtNGCJ9%6VFV5LNrZFUj8oU231/3Aj");
    BOOST_TEST(body.view() == "refresh_token=eyJfaWQmNzMtNGCJ9%256VFV5LNrZFUj8oU231%2F3Aj");
    append_form_field(body, "scope", "a b");
    BOOST_TEST(body.view().ends_with("3Aj&scope=a+b"));
}

BOOST_AUTO_TEST_CASE(queries) {
    BOOST_TEST(made(append_query, "AZaz09-._~") == "AZaz09-._~");
    BOOST_TEST(made(append_query, "acme&co/\xC3\xBC x") == "acme%26co%2F%C3%BC%20x");  // 1.2
    BOOST_TEST(made(append_query, "*+") == "%2A%2B");
}

BOOST_AUTO_TEST_CASE(json_strings) {
    BOOST_TEST(made(append_json, "a\"b\\c/\n\x1F\xC3\xBC") == "a\\\"b\\\\c/\\u000a\\u001f\xC3\xBC");
}

BOOST_AUTO_TEST_CASE(base64_for_urls) {
    BOOST_TEST(base64_url("").view() == "");
    BOOST_TEST(base64_url("\xFB\xFF").view() == "-_8");
    BOOST_TEST(base64_url("ab").view() == "YWI");
    BOOST_TEST(base64_url("abc").view() == "YWJj");
}

BOOST_AUTO_TEST_CASE(base64_both_ways) {
    BOOST_TEST(base64("").view() == "");
    BOOST_TEST(base64("f").view() == "Zg==");
    BOOST_TEST(base64("fo").view() == "Zm8=");
    BOOST_TEST(base64("foobar").view() == "Zm9vYmFy");
    for (const char* text : {"Zm8=", "Zm8", "Zm8=="})
        BOOST_TEST(base64_decode_leniently(text)->view() == "fo");
    BOOST_TEST(base64_decode_leniently("-_-_")->view() == "\xFB\xFF\xBF");
    BOOST_TEST(base64_decode_leniently("+/+/")->view() == "\xFB\xFF\xBF");
    BOOST_TEST(base64_decode_leniently("")->view() == "");
    for (const char* text : {"Z", "Zm9vY", "Zm 8", "Zm\n8", "Z=m8", "Zm8!"})
        BOOST_TEST(!base64_decode_leniently(text).has_value());
}

BOOST_AUTO_TEST_CASE(basic) {
    BOOST_TEST(basic_credentials("myTestApp", "mySecret", BasicEncoding::raw).view() ==
               "Basic bXlUZXN0QXBwOm15U2VjcmV0");
    BOOST_TEST(
        basic_credentials("user", "secret/with=special?character", BasicEncoding::form).view() ==
        "Basic dXNlcjpzZWNyZXQlMkZ3aXRoJTNEc3BlY2lhbCUzRmNoYXJhY3Rlcg==");
}
