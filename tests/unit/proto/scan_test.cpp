// The scanned GetToken: what it takes, what it leaves to the parser, that both agree, and that it
// doesn't allocate.
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "proto/interfaces.hpp"
#include "proto/message.hpp"
#include "tests/sanitizer/sanitized.hpp"

#if !TB_SANITIZED  // which have operators of their own
namespace {
std::size_t allocations = 0;
}
void* operator new(std::size_t n) {
    ++allocations;
    if (void* at = std::malloc(n)) return at;
    throw std::bad_alloc();
}
void operator delete(void* at) noexcept {
    std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
    std::free(at);
}
#endif

using namespace tb::proto;

namespace {
const std::string head = R"({"method":"io.tokenbroker.tokens.GetToken","parameters":)";

// What parse_call says must be what the scanner says.
void check_agreement(const std::string& text) {
    const auto scanned = scan_get_token(text);
    if (!scanned) return;
    const auto call = parse_call(text);
    BOOST_REQUIRE(call.has_value());
    BOOST_TEST(call->method == "io.tokenbroker.tokens.GetToken");
    BOOST_TEST((!call->more && !call->oneway && !call->upgrade));
    std::size_t members = 1;
    BOOST_TEST(std::string_view(call->parameters.at("account").as_string()) == scanned->account);
    if (scanned->min_remaining_ms) {
        ++members;
        BOOST_TEST(call->parameters.at("min_remaining_ms").as_int64() ==
                   *scanned->min_remaining_ms);
    }
    if (scanned->timeout_ms) {
        ++members;
        BOOST_TEST(call->parameters.at("timeout_ms").as_int64() == *scanned->timeout_ms);
    }
    BOOST_TEST(call->parameters.size() == members);
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_expected_shape_is_scanned) {
    struct Row {
        std::string text;
        const char* account;
        std::int64_t min_remaining, timeout;  // -1: not given
    };
    const Row rows[] = {
        {head + R"({"account":"shop/main"}})", "shop/main", -1, -1},
        {head + R"({"account":"shop/main","min_remaining_ms":60000}})", "shop/main", 60000, -1},
        {head + R"({"timeout_ms":5,"account":"a/b","min_remaining_ms":0}})", "a/b", 0, 5},
        {head + R"({"account":"","timeout_ms":999999999999999999}})", "", -1, 999999999999999999},
        {"\n{ \"method\"\t:\"io.tokenbroker.tokens.GetToken\" , \"parameters\" :\r{ \"account\" : "
         "\"a/b\" , \"timeout_ms\" : 7 } } ",
         "a/b", -1, 7},
    };
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.text) {
            const auto call = scan_get_token(row.text);
            BOOST_REQUIRE(call.has_value());
            BOOST_TEST(call->account == row.account);
            BOOST_TEST(call->min_remaining_ms.value_or(-1) == row.min_remaining);
            BOOST_TEST(call->timeout_ms.value_or(-1) == row.timeout);
            check_agreement(row.text);
        }
    }
}

BOOST_AUTO_TEST_CASE(everything_else_is_left_to_the_parser) {
    const std::string others[] = {
        "",
        "{}",
        head,
        head + "{}}",
        head + "null}",
        head + R"({"account":"a/b"})",
        head + R"({"account":"a/b"}}})",
        head + R"({"account":"a/b"}} x)",
        head + R"({"account":"a/b",}})",
        head + R"({"account":"a/b"},"more":true})",
        head + R"({"account":"a/b","parameters":{"user_id":"1"}}})",
        head + R"({"account":"a/b","account":"a/b"}})",
        head + R"({"account":"a\/b"}})",
        head + R"({"account":"a/é"}})",
        head + "{\"account\":\"a/b\xff\"}}",
        head + "{\"account\":\"a\tb\"}}",
        head + R"({"account":null}})",
        head + R"({"account":1}})",
        head + R"({"account":"a/b)",
        head + R"({"min_remaining_ms":1}})",
        head + R"({"account":"a/b","timeout_ms":1,"timeout_ms":1}})",
        head + R"({"account":"a/b","min_remaining_ms":null}})",
        head + R"({"account":"a/b","min_remaining_ms":-1}})",
        head + R"({"account":"a/b","min_remaining_ms":01}})",
        head + R"({"account":"a/b","min_remaining_ms":1.0}})",
        head + R"({"account":"a/b","min_remaining_ms":1e3}})",
        head + R"({"account":"a/b","min_remaining_ms":"1"}})",
        head + R"({"account":"a/b","min_remaining_ms":}})",
        head + R"({"account":"a/b","min_remaining_ms":9999999999999999999}})",
        head + R"({"account":"a/b"}},"timeout_ms":1}})",
        head + R"({"account":"a/b"}}{})",
        R"({"parameters":{"account":"a/b"},"method":"io.tokenbroker.tokens.GetToken"})",
        R"({"method":"io.tokenbroker.tokens.ListAccounts","parameters":{"account":"a/b"}})",
        R"({"method":"io.tokenbroker.tokens.GetToken"})",
    };
    for (const std::string& text : others)
        BOOST_TEST(!scan_get_token(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(every_change_of_one_byte_agrees_with_the_parser) {
    const std::string text =
        head + R"({ "account":"shop/main","min_remaining_ms":10,"timeout_ms":0}})";
    std::size_t still_scanned = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        for (int byte = 0; byte < 256; ++byte) {
            changed[at] = static_cast<char>(byte);
            if (scan_get_token(changed)) ++still_scanned;
            check_agreement(changed);
        }
        check_agreement(text.substr(0, at));
        check_agreement(text.substr(0, at) + text.substr(at + 1));
        check_agreement(text.substr(0, at) + text[at] + text.substr(at));
    }
    BOOST_TEST(still_scanned > text.size());  // at least the unchanged ones, and other names
}

#if !TB_SANITIZED
BOOST_AUTO_TEST_CASE(scanning_allocates_nothing) {
    const std::string text = head + R"({"account":"shop/main","min_remaining_ms":60000}})";
    const std::string other = head + R"({"account":"shop/main","unknown":60000}})";
    const std::size_t before = allocations;
    const bool found = scan_get_token(text).has_value();
    const bool other_found = scan_get_token(other).has_value();
    BOOST_TEST(allocations == before);
    BOOST_TEST((found && !other_found));
    delete new int;  // and the count counts
    BOOST_TEST(allocations > before);
}
#endif

BOOST_AUTO_TEST_CASE(the_interface_texts_are_there) {
    BOOST_TEST(tokens_varlink.find("interface io.tokenbroker.tokens\n") != std::string_view::npos);
    BOOST_TEST(admin_varlink.find("interface io.tokenbroker.admin\n") != std::string_view::npos);
}
