// The reply reader: what it takes, what it refuses, what it makes of strings; and the block that a
// token is copied as.
#define BOOST_TEST_MODULE client
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <vector>

#include "tests/client/frames.hpp"

extern "C" {
#include "client/block.h"
#include "client/inside.h"
}

using namespace tb::test;

namespace {
struct Read {
    std::string frame;
    std::unique_ptr<tb_reply> reply = std::make_unique<tb_reply>();
    bool ok;
    explicit Read(std::string text) : frame(std::move(text)) {
        ok = tb_reply_read(frame.data(), frame.size(), reply.get());
    }
};
std::string reply_with(const std::string& token) {
    return R"({"parameters":{"token":)" + token + "}}";
}
// A token whose one member is set to `value`, or left out when it is empty.
std::string token_with(const std::string& member, const std::string& value) {
    std::string out;
    const std::vector<std::pair<std::string, std::string>> members{
        {"account", R"("shop/main")"},
        {"token", R"("at_test")"},
        {"header", R"({"name":"Authorization","value":"Bearer at_test"})"},
        {"generation", "7"},
        {"scopes", R"(["a"])"},
        {"attributes", R"({"k":"v"})"},
        {"expires_at_ms", "1790000000000"},
        {"remaining_ms", "60000"}};
    bool there = false;
    for (const auto& [name, usual] : members) {
        const std::string& now = name == member ? value : usual;
        there = there || name == member;
        if (!now.empty()) out += (out.empty() ? "" : ",") + ('"' + name + "\":") + now;
    }
    if (!there) out += ",\"" + member + "\":" + value;
    return reply_with("{" + out + "}");
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_token) {
    const Read read(reply_with(token_json(7)));
    BOOST_REQUIRE(read.ok);
    const tb_token_text& token = read.reply->token;
    BOOST_TEST(read.reply->has_token);
    BOOST_TEST(token.account.data == "shop/main");
    BOOST_TEST(token.token.data == text_of(7));
    BOOST_TEST(token.header_value.data == "Bearer " + text_of(7));
    BOOST_TEST(token.query_name.data == nullptr);
    BOOST_TEST(token.generation == 7);
    BOOST_TEST(token.remaining_ms == 60'000);
    BOOST_TEST(token.scopes_count == 2u);
    BOOST_TEST(token.scopes[1].data == "b c");
    BOOST_TEST(token.attributes[0][1].data == "E1");
    const Read endless(reply_with(token_json(7, -1)));
    BOOST_TEST(endless.ok);
    BOOST_TEST(endless.reply->token.expires_at_ms == -1);
}

BOOST_AUTO_TEST_CASE(taken) {
    const std::string many(200, ' ');
    for (const std::string& frame :
         {std::string("{}"), std::string(R"({"parameters":null})"), many + "{ }" + many,
          token_with("expires_at_ms", "1790000000000"),
          token_with("new_field", R"([{"a":[1.5e3]}])"), token_with("query", "null"),
          token_with("query", R"({"name":"t","value":"at_test"})"), token_with("scopes", ""),
          token_with("attributes", "null"), token_with("scopes", "[]"),
          std::string(R"({"parameters":{"unknown":{"deep":[[[[[[1]]]]]]}},"continues":true})")})
        BOOST_TEST(Read(frame).ok, frame);
}

BOOST_AUTO_TEST_CASE(refused) {
    std::vector<std::string> bad{"",
                                 "[]",
                                 "{",
                                 "}",
                                 "{} {}",
                                 "{}x",
                                 "null",
                                 R"({"parameters":[]})",
                                 R"({"error":""})",
                                 R"({"error":1})",
                                 R"({"continues":"yes"})",
                                 R"({"unknown":1})",
                                 R"({"parameters":{},})",
                                 R"({"parameters":{},"parameters":{}})",
                                 R"({"parameters":{"a":01}})",
                                 R"({"parameters":{"a":1.}})",
                                 R"({"parameters":{"a":+1}})",
                                 R"({"parameters":{"a":tru}})",
                                 R"({"parameters":{"a":"\x"}})",
                                 R"({"parameters":{"a":"\u12G4"}})",
                                 R"({"parameters":{"a":"\u0000"}})",
                                 R"({"parameters":{"a":"\ud800"}})",
                                 R"({"parameters":{"a":"\udc00"}})",
                                 R"({"parameters":{"a":"\ud800A"}})",
                                 "{\"parameters\":{\"a\":\"\n\"}}",
                                 "{\"parameters\":{\"a\":\"\xC0\x80\"}}",
                                 "{\"parameters\":{\"a\":\"\xED\xA0\x80\"}}",
                                 "{\"parameters\":{\"a\":\"\xF5\x80\x80\x80\"}}",
                                 "{\"parameters\":{\"a\":\"\xE2\x82\"}}",
                                 "{\"parameters\":{\"a\":\"\xE2",
                                 "{\"a",
                                 R"({"parameters":{"retry_after_ms":-1}})",
                                 "{\"parameters\":{\"a\":" + std::string(TB_JSON_DEPTH_MAX, '[') +
                                     std::string(TB_JSON_DEPTH_MAX, ']') + "}}",
                                 "{\"parameters\":{\"a\":" + std::string(100'000, '[')};
    const std::vector<std::pair<std::string, std::vector<std::string>>> members{
        {"account", {"", "null", "7", R"("")", '"' + std::string(129, 'a') + '"'}},
        {"token",
         {"", "null", R"("")", R"("a b")", R"("a\u007f")", R"("a\u00e9")", R"("a\n")",
          '"' + std::string(TB_TOKEN_BYTES_MAX + 1, 'a') + '"'}},
        {"header",
         {"", "null", "{}", R"({"name":"A"})", R"({"name":"","value":"b"})",
          R"({"name":"A:\r\nB","value":"b"})", R"({"name":"A","value":"b\r\nC: d"})",
          R"({"name":"A","value":""})", R"({"name":"A","value":"b","value":"b"})"}},
        {"query", {"{}", R"({"name":"","value":""})", R"({"name":"a","value":"\n"})"}},
        {"generation", {"", "null", "-1", "1.0", "1e3", "9223372036854775808", R"("1")"}},
        {"remaining_ms", {"", "null", "-2", "true"}},
        {"expires_at_ms", {"", "null", "-2"}},
        {"scopes", {"{}", "[1]", R"(["a",])", R"(["a" "b"])"}},
        {"attributes", {"[]", R"({"a":1})", R"({"a"})"}}};
    for (const auto& [member, values] : members)
        for (const std::string& value : values)
            bad.push_back(token_with(member, value));
    std::string scopes = "[\"a\"", attributes = "{\"a\":\"b\"";
    for (int i = 0; i < TB_SCOPES_MAX; ++i)
        scopes += ",\"a\"";
    for (int i = 0; i < TB_ATTRIBUTES_MAX; ++i)
        attributes += ",\"a\":\"b\"";
    bad.push_back(token_with("scopes", scopes + "]"));
    bad.push_back(token_with("attributes", attributes + "}"));
    for (const std::string& frame : bad)
        BOOST_TEST(!Read(frame).ok, frame.substr(0, 200));
}

BOOST_AUTO_TEST_CASE(strings_are_decoded_in_place) {
    const Read read(R"({"error":"io.tokenbroker.tokens.LoginRequired","parameters":{"reason":)"
                    R"("\"\\\/\b\f\n\r\t A \u00e9 \u20ac \ud83d\ude00 é €"}})");
    BOOST_REQUIRE(read.ok);
    BOOST_TEST(read.reply->error == TB_E_LOGIN_REQUIRED);
    BOOST_TEST(read.reply->reason.data == "\"\\/\b\f\n\r\t A é € 😀 é €");
    tb_failure failure;
    tb_fail_reply(&failure, read.reply.get());
    BOOST_TEST(failure.reason == "\"\\/????? A é € 😀 é €");
}

BOOST_AUTO_TEST_CASE(a_long_reason_is_cut_between_characters) {
    tb_failure failure;
    std::string reason(sizeof failure.reason - 2, 'a');
    tb_fail(&failure, TB_E_SYSTEM, (reason + "é").c_str());
    BOOST_TEST(failure.reason == reason);
}

BOOST_AUTO_TEST_CASE(a_block_can_be_copied) {
    const Read read(token_with("query", R"({"name":"t","value":"q"})"));
    BOOST_REQUIRE(read.ok);
    const std::size_t bytes = tb_block_bytes(&read.reply->token);
    BOOST_REQUIRE(bytes <= TB_BLOCK_BYTES_MAX);
    std::vector<std::uint64_t> packed(bytes / 8), copy;
    tb_block_pack(reinterpret_cast<tb_block*>(packed.data()), &read.reply->token, 1'000);
    copy = packed;
    std::fill(packed.begin(), packed.end(), ~0ull);
    const tb_token* token = tb_block_bind(reinterpret_cast<tb_block*>(copy.data()));
    BOOST_TEST(token->account == "shop/main");
    BOOST_TEST(token->token == "at_test");
    BOOST_TEST(token->token_bytes == 7u);
    BOOST_TEST(token->header_name == "Authorization");
    BOOST_TEST(token->query_value == "q");
    BOOST_TEST(token->until_boot_ms == 61'000);
    BOOST_TEST(token->scopes_count == 1u);
    BOOST_TEST(token->scopes[0] == "a");
    BOOST_TEST(token->attributes[0].name == "k");
    BOOST_TEST(token->attributes[0].value == "v");
}

BOOST_AUTO_TEST_CASE(the_largest_token_fits_its_block) {
    auto text = std::make_unique<tb_token_text>();
    std::string a(TB_FRAME_BYTES_MAX / (TB_SCOPES_MAX + 2 * TB_ATTRIBUTES_MAX + 8), 'a');
    const tb_text full{a.data(), a.size()};
    text->account = text->token = text->header_name = text->header_value = full;
    text->scopes_count = TB_SCOPES_MAX;
    text->attributes_count = TB_ATTRIBUTES_MAX;
    std::fill_n(text->scopes, TB_SCOPES_MAX, full);
    for (auto& pair : text->attributes)
        pair[0] = pair[1] = full;
    BOOST_TEST(tb_block_bytes(text.get()) <= TB_BLOCK_BYTES_MAX);
}

// A new error of the interface file has to get a code here.
BOOST_AUTO_TEST_CASE(every_error_of_the_interface_has_a_code) {
    std::stringstream text;
    text << std::ifstream(TB_SOURCE_DIR "/proto/io.tokenbroker.tokens.varlink").rdbuf();
    const std::string all = text.str();
    const std::regex error("\nerror (\\w+)");
    std::vector<int> codes;
    for (std::sregex_iterator at(all.begin(), all.end(), error), end; at != end; ++at) {
        const int code = tb_error_of_name(("io.tokenbroker.tokens." + (*at)[1].str()).c_str());
        BOOST_TEST((code >= 1 && code <= 9), (*at)[1].str());
        BOOST_TEST(std::count(codes.begin(), codes.end(), code) == 0);
        codes.push_back(code);
    }
    BOOST_TEST(codes.size() == 7u);
    BOOST_TEST(tb_error_of_name("io.tokenbroker.tokens.Nothing") == TB_E_PROTOCOL);
}

BOOST_AUTO_TEST_CASE(each_error_has_words) {
    const std::string unknown = tb_strerror(static_cast<tb_error>(9));
    for (int code : {0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
        BOOST_TEST(tb_strerror(static_cast<tb_error>(code)) != unknown, code);
}

BOOST_AUTO_TEST_CASE(calls_are_json_whatever_is_in_them) {
    auto call = std::make_unique<tb_call>();
    const tb_pair pairs[] = {{"user_id", "a\"b\\c\n"}, {"origin", "é"}};
    tb_call_begin(call.get(), "GetToken");
    tb_call_text(call.get(), "account", "a{");
    tb_call_integer(call.get(), "timeout_ms", INT64_MIN);
    tb_call_pairs(call.get(), "parameters", pairs, 2);
    tb_call_end(call.get(), true);
    BOOST_TEST(!call->full);
    BOOST_TEST(
        std::string(call->text, call->size) ==
        framed(R"({"method":"io.tokenbroker.tokens.GetToken","parameters":{"account":"a{",)"
               R"("timeout_ms":-9223372036854775808,"parameters":{"user_id":"a\"b\\c\u000a",)"
               R"("origin":"é"}},"more":true})"));
    const std::string large(sizeof call->text, 'a');
    tb_call_begin(call.get(), "GetToken");
    tb_call_text(call.get(), "account", large.c_str());
    BOOST_TEST(call->full);
}
