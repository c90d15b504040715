// Where a pointer leads, and what is none.
#include "providers/json_pointer.hpp"

#include <boost/test/unit_test.hpp>

using namespace tb::providers;

BOOST_AUTO_TEST_CASE(pointers) {
    const auto document =
        JsonReply::parse(R"({"a":{"b":["x","y"],"":"empty","c/d":"s","e~f":"t"},"g":1,"g":2})");
    BOOST_REQUIRE(document.has_value());
    const auto text = [&](std::string_view pointer) {
        return at_pointer(document->root(), pointer).text();
    };
    BOOST_TEST(text("/a/b/0") == "x");
    BOOST_TEST(text("/a/b/1") == "y");
    BOOST_TEST(text("/a/") == "empty");
    BOOST_TEST(text("/a/c~1d") == "s");
    BOOST_TEST(text("/a/e~0f") == "t");
    for (const char* nowhere :
         {"", "/x", "/a/b/2", "/a/b/01", "/a/b/-", "/a/b/99999999", "/a/b/0/z"})
        BOOST_TEST(at_pointer(document->root(), nowhere).missing(), nowhere);
    BOOST_TEST(at_pointer(document->root(), "/g").is(JsonReply::Kind::duplicate));
    BOOST_TEST(at_pointer(document->root(), "/g/h").missing());
    for (const char* good : {"", "/", "/a/b", "/a~0b~1c"})
        BOOST_TEST(good_pointer(good), good);
    for (const char* bad : {"a", "a/b", "/a~", "/a~2", "/a\nb"})
        BOOST_TEST(!good_pointer(bad), bad);
    BOOST_TEST(!good_pointer("/" + std::string(256, 'x')));
}
