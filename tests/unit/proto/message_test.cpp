// Calls and replies: what is taken, what is refused, and that what we make can be read again.
#include "proto/message.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <string>

#include "base/limits.hpp"

using namespace tb;
using namespace tb::proto;
namespace json = boost::json;

namespace {
std::string nested(std::size_t depth) {  // the call itself and `parameters` are two levels
    std::string text = R"({"method":"a.B","parameters":{"x":)";
    for (std::size_t i = 2; i < depth; ++i)
        text += '[';
    for (std::size_t i = 2; i < depth; ++i)
        text += ']';
    return depth == 2 ? R"({"method":"a.B","parameters":{}})" : text + "}}";
}

std::string with_members(std::size_t count) {  // in all, with method and parameters
    std::string text = R"({"method":"a.B","parameters":{)";
    for (std::size_t i = 2; i < count; ++i)
        text += (i == 2 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
    return text + "}}";
}
Call named(const char* method) {
    Call call;
    call.method = method;
    return call;
}
}  // namespace

BOOST_AUTO_TEST_CASE(calls_that_are_taken) {
    struct Row {
        const char* text;
        const char* method;
        const char* parameters;
        bool more, oneway, upgrade;
    };
    const Row rows[] = {
        {R"({"method":"a.b.C"})", "a.b.C", "{}", false, false, false},
        {R"({"method":"a.b.C","parameters":null})", "a.b.C", "{}", false, false, false},
        {R"({"method":"a.b.C","parameters":{}})", "a.b.C", "{}", false, false, false},
        {R"({"parameters":{"x":[1,-2,null,true,"y"]},"method":"a.b.C"})", "a.b.C",
         R"({"x":[1,-2,null,true,"y"]})", false, false, false},
        {R"({"method":"a.b.C","more":true})", "a.b.C", "{}", true, false, false},
        {R"({"method":"a.b.C","oneway":true,"more":false})", "a.b.C", "{}", false, true, false},
        {R"({"upgrade":true,"method":"a.b.C"})", "a.b.C", "{}", false, false, true},
        {" \r\n\t{ \"method\" : \"a.b.C\" } \n", "a.b.C", "{}", false, false, false},
        {R"({"method":"\u0061.b.C"})", "a.b.C", "{}", false, false, false},
        {R"({"method":"a.b.C","parameters":{"\u00e9":"\ud83d\ude00 €"}})", "a.b.C",
         R"({"é":"😀 €"})", false, false, false},
        {R"({"method":""})", "", "{}", false, false, false},
        {R"({"method":"a.b.C","parameters":{"n":9223372036854775807,"m":-9223372036854775808}})",
         "a.b.C", R"({"n":9223372036854775807,"m":-9223372036854775808})", false, false, false},
    };
    for (const Row& row : rows) {
        const auto call = parse_call(row.text);
        BOOST_TEST_CONTEXT(row.text) {
            BOOST_REQUIRE(call.has_value());
            BOOST_TEST(call->method == row.method);
            BOOST_TEST(json::serialize(call->parameters) == row.parameters);
            BOOST_TEST(call->more == row.more);
            BOOST_TEST(call->oneway == row.oneway);
            BOOST_TEST(call->upgrade == row.upgrade);
        }
    }
}

BOOST_AUTO_TEST_CASE(calls_that_are_refused) {
    struct Row {
        std::string text;
        const char* says;
    };
    const Row rows[] = {
        {"", "empty"},
        {" ", "not valid JSON"},
        {"{", "not valid JSON"},
        {"nonsense", "not valid JSON"},
        {"[]", "not a JSON object"},
        {"\"text\"", "not a JSON object"},
        {"1", "not a JSON object"},
        {"null", "not a JSON object"},
        {"{}", "method is missing"},
        {R"({"parameters":{}})", "method is missing"},
        {R"({"method":null})", "method is not a string"},
        {R"({"method":1})", "method is not a string"},
        {R"({"method":["a.B"]})", "method is not a string"},
        {R"({"method":"a.B","parameters":[]})", "parameters is not an object"},
        {R"({"method":"a.B","parameters":"{}"})", "parameters is not an object"},
        {R"({"method":"a.B","parameters":false})", "parameters is not an object"},
        {R"({"method":"a.B","more":1})", "more is not a boolean"},
        {R"({"method":"a.B","more":null})", "more is not a boolean"},
        {R"({"method":"a.B","oneway":"true"})", "oneway is not a boolean"},
        {R"({"method":"a.B","upgrade":{}})", "upgrade is not a boolean"},
        {R"({"method":"a.B","more":true,"oneway":true})", "more than one of"},
        {R"({"method":"a.B","upgrade":true,"oneway":true})", "more than one of"},
        {R"({"method":"a.B","Method":"a.B"})", "unknown key"},
        {R"({"method":"a.B","error":"x"})", "unknown key"},
        {R"({"method":"a.B","continues":true})", "unknown key"},
        {R"({"method":"a.B","":1})", "unknown key"},
        {R"({"method":"a.B","method":"a.B"})", "appears twice"},
        {R"({"method":"a.B","m\u0065thod":"a.C"})", "appears twice"},
        {R"({"method":"a.B","parameters":{},"parameters":null})", "appears twice"},
        {R"({"method":"a.B","parameters":{"account":"a/b","account":"c/d"}})", "appears twice"},
        {R"({"method":"a.B","parameters":{"x":{"y":{"z":1}},"x":1}})", "appears twice"},
        {R"({"method":"a.B"}{})", "more text"},
        {R"({"method":"a.B"} x)", "more text"},
        {R"({"method":"a.B",})", "not valid JSON"},
        {R"({'method':'a.B'})", "not valid JSON"},
        {R"({"method":"a.B"/* */})", "not valid JSON"},
        {R"({"method":"a.B","parameters":{"x":01}})", "not valid JSON"},
        {R"({"method":"a.B","parameters":{"x":NaN}})", "not valid JSON"},
        {R"({"method":"a.B","parameters":{"x":1e999}})", "not valid JSON"},
        {R"({"method":"a.B","parameters":{"x":-2e551615}})", "not valid JSON"},
        {R"({"method":"a.B","parameters":{"x":"\ud800"}})", "not valid JSON"},
        {R"({"method":"a.B","parameters":{"x":"\x"}})", "not valid JSON"},
        {"{\"method\":\"a\tB\"}", "not valid JSON"},
        {"{\"method\":\"a.B\xff\"}", "not valid JSON"},
        {"{\"method\":\"a.B\xc0\xaf\"}", "not valid JSON"},
        {"{\"method\":\"a.B\xed\xa0\x80\"}", "not valid JSON"},
        {"{\"method\":\"a.B\",\"\xf5\x80\x80\x80\":1}", "not valid JSON"},
        {"\xef\xbb\xbf{\"method\":\"a.B\"}", "not valid JSON"},
        {std::string("{\"method\":\"a.B\"\0}", 17), "not valid JSON"},
        {nested(limits::json_depth_max + 1), "nested deeper than 16"},
        {with_members(limits::call_members_max + 1), "more than 256 members"},
    };
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.text) {
            const auto call = parse_call(row.text);
            BOOST_REQUIRE(call.has_error());
            BOOST_TEST((call.error().code == errc::protocol));
            BOOST_TEST(call.error().message.find(row.says) != std::string::npos,
                       call.error().message);
        }
    }
}

BOOST_AUTO_TEST_CASE(limits_are_met_exactly) {
    BOOST_TEST(parse_call(nested(limits::json_depth_max)).has_value());
    BOOST_TEST(parse_call(with_members(limits::call_members_max)).has_value());
    BOOST_TEST(parse_call(nested(30'000)).has_error());  // and the stack is still there
}

BOOST_AUTO_TEST_CASE(no_error_quotes_the_message) {
    for (const char* text : {R"({"method":"a.B","parameters":{"t":"rt_test_secret"},})",
                             R"({"rt_test_secret":1,"method":"a.B"})",
                             R"({"method":"a.B","parameters":"rt_test_secret"})"}) {
        const auto call = parse_call(text);
        BOOST_REQUIRE(call.has_error());
        BOOST_TEST(call.error().message.find("rt_test") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(names_are_split_at_the_last_dot) {
    BOOST_TEST(named("a.b.C").interface_name() == "a.b");
    BOOST_TEST(named("a.b.C").method_name() == "C");
    BOOST_TEST(named("C").interface_name() == "");
    BOOST_TEST(named("C").method_name() == "C");
    BOOST_TEST(named("a.").method_name() == "");
    BOOST_TEST(named(".C").interface_name() == "");
}

BOOST_AUTO_TEST_CASE(replies_that_are_taken) {
    const auto plain = parse_reply(R"({"parameters":{"a":1}})");
    BOOST_REQUIRE(plain.has_value());
    BOOST_TEST(json::serialize(plain->parameters) == R"({"a":1})");
    BOOST_TEST(plain->error.empty());
    BOOST_TEST(!plain->continues);
    const auto nothing = parse_reply("{}");
    BOOST_REQUIRE(nothing.has_value());
    BOOST_TEST(nothing->parameters.empty());
    const auto error = parse_reply(R"({"error":"a.Bad","parameters":null})");
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->error == "a.Bad");
    const auto part = parse_reply(R"({"continues":true,"parameters":{}})");
    BOOST_REQUIRE(part.has_value());
    BOOST_TEST(part->continues);
    // A list of accounts is larger than any call may be.
    BOOST_TEST(parse_reply(R"({"parameters":{"accounts":[)" + std::string(300'000, ' ') + "]}}")
                   .has_value());
    const std::string many = with_members(1'000);
    BOOST_TEST(parse_reply("{\"parameters\":" + many + "}").has_value());
}

BOOST_AUTO_TEST_CASE(replies_that_are_refused) {
    for (const char* text :
         {"", "[]", "{", R"({"error":""})", R"({"error":null})", R"({"error":{}})",
          R"({"parameters":[]})", R"({"continues":1})", R"({"method":"a.B"})",
          R"({"parameters":{},"parameters":{}})", R"({"parameters":{}}x)"}) {
        const auto reply = parse_reply(text);
        BOOST_TEST_CONTEXT(text) {
            BOOST_REQUIRE(reply.has_error());
            BOOST_TEST((reply.error().code == errc::protocol));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_we_make_is_compact_and_ends_with_a_nul) {
    using std::string;
    const auto frame = [](std::string_view text) { return string(text) + '\0'; };
    const json::object one = {{"a", 1}};
    BOOST_TEST(make_call("a.B", {}) == frame(R"({"method":"a.B","parameters":{}})"));
    BOOST_TEST(make_call("a.B", one, true) ==
               frame(R"({"method":"a.B","parameters":{"a":1},"more":true})"));
    BOOST_TEST(make_call("a.B", one, false, true) ==
               frame(R"({"method":"a.B","parameters":{"a":1},"oneway":true})"));
    BOOST_TEST(make_reply({}) == frame(R"({"parameters":{}})"));
    BOOST_TEST(make_reply(one, true) == frame(R"({"parameters":{"a":1},"continues":true})"));
    BOOST_TEST(make_error("a.Bad", one) == frame(R"({"error":"a.Bad","parameters":{"a":1}})"));
}

BOOST_AUTO_TEST_CASE(what_we_make_can_be_read_again) {
    const json::object parameters = {{"quote\"d", "a\\b\n\t"},
                                     {"nul", std::string("a\0b", 3)},
                                     {"é", json::array{1, nullptr, true, json::object{}}}};
    std::string call_frame = make_call("a.\"B", parameters, true);
    BOOST_TEST(call_frame.find('\0') == call_frame.size() - 1);
    call_frame.pop_back();
    const auto call = parse_call(call_frame);
    BOOST_REQUIRE(call.has_value());
    BOOST_TEST(call->method == "a.\"B");
    BOOST_TEST((call->parameters == parameters));
    BOOST_TEST(call->more);
    std::string reply_frame = make_error("a.\nBad", parameters);
    BOOST_TEST(reply_frame.find('\0') == reply_frame.size() - 1);
    reply_frame.pop_back();
    const auto reply = parse_reply(reply_frame);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->error == "a.\nBad");
    BOOST_TEST((reply->parameters == parameters));
}
