// What a reply's JSON may be, and that its secrets don't outlive it.
#include "providers/json_reply.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "providers/dates.hpp"

using namespace tb;
using namespace tb::providers;
using Kind = JsonReply::Kind;

BOOST_AUTO_TEST_CASE(members_of_every_kind) {
    const auto document = JsonReply::parse(
        "\xEF\xBB\xBF"
        R"({"s":"a\/\u00e9\ud83d\ude00","n":299.5,"i":-3,"t":true,"z":null,"a":["x",[1],)"
        R"({"s":"no"}],)"
        R"("o":{"s":"in"},"e":""})"
        " \r\n\t");
    BOOST_REQUIRE(document.has_value());
    const auto root = document->root();
    BOOST_TEST(root.member("s").text() == "a/\xC3\xA9\xF0\x9F\x98\x80");
    BOOST_TEST(root.member("n").number() == 299.5);
    BOOST_TEST(root.member("i").number() == -3.0);
    BOOST_TEST(root.member("t").boolean());
    BOOST_TEST(root.member("z").missing());
    BOOST_TEST(root.member("nothing").missing());
    BOOST_TEST(!root.member("e").missing());
    BOOST_TEST(root.member("o").member("s").text() == "in");
    BOOST_TEST(root.member("o").member("s").member("s").missing());
    const auto items = root.member("a").items();
    BOOST_REQUIRE(items.size() == 3U);
    BOOST_TEST(items[0].text() == "x");
    BOOST_TEST(items[1].items().size() == 1U);
    BOOST_TEST(items[2].member("s").text() == "no");
    BOOST_TEST(root.member("s").number() == 0.0);
}

BOOST_AUTO_TEST_CASE(long_strings_with_escapes_stay_whole) {
    std::string text;
    std::string escaped;
    for (int i = 0; i < 3'000; ++i) {
        text += "ab\n";
        escaped += "a\\u0062\\n";
    }
    const auto document = JsonReply::parse("{\"k\":\"" + escaped + "\",\"" + escaped + "\":1}");
    BOOST_REQUIRE(document.has_value());
    BOOST_TEST((document->root().member("k").text() == text));
    BOOST_TEST(document->root().member(text).number() == 1.0);
}

BOOST_AUTO_TEST_CASE(a_member_that_is_there_twice_has_no_value) {
    const auto document = JsonReply::parse(R"({"a":"1","b":"2","a":"3","\u0062":"4","c":"5"})");
    BOOST_REQUIRE(document.has_value());
    BOOST_TEST(document->root().member("a").is(Kind::duplicate));
    BOOST_TEST(document->root().member("b").is(Kind::duplicate));
    BOOST_TEST(document->root().member("a").text() == "");
    BOOST_TEST(!document->root().member("a").missing());
    BOOST_TEST(document->root().member("c").text() == "5");
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    const std::vector<std::string> bad = {
        "",
        " \n",
        "\xEF\xBB\xBF",
        "{}x",
        "{} {}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":\"\n\"}",
        std::string("{\"a\":\"\0\"}", 9),
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\xC3\"}",
        "{\"a\":\"\xC0\x80\"}",
        "{\"a\":\"\xED\xA0\x80\"}",
        R"({"a":"\ud800"})",
        R"({"a":"\udc00x"})",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "// comment\n{}",
        std::string("\xFF\xFE{\0}\0", 6),
        std::string(17, '[') + std::string(17, ']'),
        std::string(10'000, '['),
    };
    for (const std::string& body : bad) {
        std::string why;
        BOOST_TEST(!JsonReply::parse(body, &why).has_value());
        BOOST_TEST(!why.empty());
    }
    BOOST_TEST(JsonReply::parse(std::string(16, '[') + std::string(16, ']')).has_value());
    const auto huge = JsonReply::parse("{\"a\":1e400}");
    BOOST_REQUIRE(huge.has_value());  // for its reader to refuse
    BOOST_TEST(!std::isfinite(huge->root().member("a").number()));
}

BOOST_AUTO_TEST_CASE(the_text_is_wiped_with_the_document) {
    const char* at = nullptr;
    {
        const auto document = JsonReply::parse(R"({"refresh_token":"rt_test_wiped_0123456789"})");
        BOOST_REQUIRE(document.has_value());
        const auto text = document->root().member("refresh_token").text();
        at = text.data();
        BOOST_TEST(text == "rt_test_wiped_0123456789");
    }
    // The arena keeps its chunks mapped.
    BOOST_TEST(std::string_view(at, 24).find("wiped") == std::string_view::npos);
}
