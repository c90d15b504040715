// What PlayFab answers where all went well, or looks as if (vectors 4 to 6 and 12).
#include "base/limits.hpp"
#include "tests/unit/providers/playfab_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr auto retry = FailureClass::retry;
constexpr auto never = FailureClass::never;

}  // namespace

BOOST_AUTO_TEST_CASE(playfab_vector_4_lifetime_by_the_replys_date) {
    Account a = playfab_account("secret");
    a.clock.wall_time = wall_from_ms(1);  // says nothing here
    const auto m = done<Minted>(answer(a, replies(dated(200, success_body()))));
    BOOST_TEST(m.access_token.view() == "lS2h_test_2");
    BOOST_TEST(m.lifetime->count() == 86'400'000);
    BOOST_TEST((m.sent_at == boot_from_ms(900'000)));
    BOOST_TEST(m.header_name == "X-EntityToken");
    BOOST_TEST(m.header_prefix == "");
    BOOST_TEST(m.query_name == "");
    BOOST_TEST(!m.new_grant.has_value());
    BOOST_TEST(!m.grant_lifetime.has_value());
    BOOST_TEST(m.warnings.empty());
    const Pairs expected = {{"entity_id", "174812abf712"},
                            {"entity_type", "title_player_account"},
                            {"title_id", "A1B2C"}};
    BOOST_TEST((m.attributes == expected));
}

BOOST_AUTO_TEST_CASE(playfab_the_entity_token_is_the_next_grant) {
    const Minted m = mints(playfab_account("entity"), dated(200, success_body()));
    BOOST_REQUIRE(m.new_grant.has_value());
    BOOST_TEST(m.new_grant->find("entity_token")->view() == "lS2h_test_2");
    BOOST_TEST(m.grant_lifetime->count() == 86'400'000);  // so an idle account is kept alive
    BOOST_TEST(!mints(playfab_account("ticket"), dated(200, success_body())).new_grant.has_value());
}

BOOST_AUTO_TEST_CASE(playfab_vectors_5_and_6_forms_of_the_expiration) {
    const auto given = [](std::string_view text) {
        return R"(,"TokenExpiration":")" + std::string(text) + "\"";
    };
    constexpr std::int64_t hour = 3'600'000;
    struct Row {
        std::string expiration;
        std::int64_t lifetime;
        std::string warning;
    };
    const std::vector<Row> rows = {
        {given("2026-03-01T12:00:00Z"), hour, ""},
        {given("2026-03-01T12:00:00.123Z"), hour + 123, ""},
        {given("2026-03-01T12:00:00.1234567Z"), hour + 123, ""},
        {given("2026-03-01T12:00:00.1234567+00:00"), hour + 123, ""},
        {given("2026-03-01T14:00:00+02:00"), hour, ""},
        {given("2026-03-01T12:00:00"), hour, "no zone"},
        {given("9999-12-31T23:59:59Z"), limits::lifetime_max_ms.count(), ""},
        {"", hour, ""},
        {R"(,"TokenExpiration":null)", hour, ""},
        {given("2026-02-30T12:00:00Z"), hour, "no time that can be read"},
        {given(""), hour, "no time that can be read"},
        {R"(,"TokenExpiration":1772366400)", hour, "no time that can be read"},
        {R"(,"TokenExpiration":1e400)", hour, "no time that can be read"},
        {given("2026-03-02T12:00:00Z") + given("2026-03-03T12:00:00Z"), hour,
         "no time that can be read"},
    };
    for (const Row& row : rows) {
        const Minted m = mints(playfab_account("secret"), dated(200, success_body(row.expiration),
                                                                "Sun, 01 Mar 2026 11:00:00 GMT"));
        BOOST_TEST(m.lifetime->count() == row.lifetime, row.expiration);
        BOOST_TEST(m.warnings.size() == (row.warning.empty() ? 0U : 1U), row.expiration);
        BOOST_TEST((row.warning.empty() || one_has(m.warnings, row.warning)), row.expiration);
    }
    // Without a Date our own clock has to do: 2023-11-14T22:13:20Z in support.hpp.
    const Minted m = mints(playfab_account("secret"),
                           json_reply(200, success_body(given("2023-11-14T22:14:20Z"))));
    BOOST_TEST(m.lifetime->count() == 60'000);
}

BOOST_AUTO_TEST_CASE(playfab_vector_6_expired_on_arrival) {
    const auto late = [] { return dated(200, success_body(), "Wed, 26 Jan 2022 07:24:12 GMT"); };
    Account a = playfab_account("entity");
    const auto f = done<Failed>(answer(a, replies(late(), late())));
    BOOST_TEST(f.code == "expired_token");
    BOOST_TEST((f.failure == retry));
    BOOST_TEST(f.retry_after->count() == 300'000);
    BOOST_TEST(!f.counts_for_origin);
    BOOST_TEST(!f.new_grant.has_value());  // the token in hand is worth more
    Account again = playfab_account("entity");
    const auto m = done<Minted>(answer(again, replies(late(), dated(200, success_body()))));
    BOOST_TEST(m.lifetime->count() == 86'400'000);
}

BOOST_AUTO_TEST_CASE(playfab_vector_12_another_entity_is_discarded) {
    const auto returned = [](std::string_view entity) {
        return dated(200, R"({"code":200,"data":{"EntityToken":"et_test_2",)"
                          R"("TokenExpiration":"2022-01-26T07:24:12Z")" +
                              std::string(entity) + "}}");
    };
    struct Row {
        std::string entity;
        bool good;
    };
    const std::vector<Row> rows = {
        {R"(,"Entity":{"Id":"174812abf712","Type":"title_player_account"})", true},
        {R"(,"Entity":{"Id":"174812ABF712","Type":"title_player_account"})", true},
        {R"(,"Entity":{"Id":"X","Type":"title"})", false},
        {R"(,"Entity":{"Id":"174812abf712","Type":"title"})", false},
        {R"(,"Entity":{"Id":"Y","Type":"title_player_account"})", false},
        {R"(,"Entity":{"Id":"174812abf712"})", false},
        {R"(,"Entity":{"Id":"174812abf712","Type":"title_player_account","Type":"title"})", false},
        {R"(,"Entity":[])", false},
        {R"(,"Entity":null)", false},
        {"", false},
    };
    for (const Row& row : rows)
        for (const bool by_secret : {false, true}) {
            Account a = falling_back();
            if (by_secret) a.grant = {};
            Done end = answer(a, replies(returned(row.entity)));
            BOOST_TEST(std::holds_alternative<Minted>(end) == row.good, row.entity);
            const auto* f = std::get_if<Failed>(&end);
            if (f == nullptr) continue;
            BOOST_TEST((f->failure == never));
            BOOST_TEST(f->code == "wrong_entity");
            BOOST_TEST(!f->new_grant.has_value());  // neither handed out nor kept
            BOOST_TEST(has(f->reason, "174812abf712"));
        }
    // Whichever the credential is of, where nobody configured one.
    const Minted any = mints(playfab_account("entity"), returned(""));
    const Pairs title = {{"title_id", "A1B2C"}};
    BOOST_TEST((any.attributes == title));
    // An id that nobody can have written is not handed on.
    const Minted odd =
        mints(playfab_account("entity"), returned(R"(,"Entity":{"Id":"a\nb","Type":"title"})"));
    const Pairs type = {{"entity_type", "title"}, {"title_id", "A1B2C"}};
    BOOST_TEST((odd.attributes == type));
}

BOOST_AUTO_TEST_CASE(playfab_a_success_without_a_usable_token) {
    const auto token = [](std::string_view value) {
        return R"({"code":200,"data":{"EntityToken":)" + std::string(value) + "}}";
    };
    struct Row {
        std::string body;
        std::string code;
    };
    const std::vector<Row> rows = {
        {token(R"("a\nb")"), "bad_charset"},
        {token(R"("a b")"), "bad_charset"},
        {token(R"("a\u0000b")"), "bad_charset"},
        {token(R"("\u00e9")"), "bad_charset"},
        {token("\"" + std::string(16'385, 'a') + "\""), "bad_charset"},
        {token("\"\""), "bad_schema"},
        {token("null"), "bad_schema"},
        {token("17"), "bad_schema"},
        {token(R"("a","EntityToken":"b")"), "bad_schema"},
        {R"({"code":200,"data":{}})", "bad_schema"},
        {R"({"code":200,"data":[]})", "bad_schema"},
        {R"({"code":200})", "bad_schema"},
        {R"({"EntityToken":"a"})", "bad_schema"},
        {"[]", "bad_schema"},
        {"17", "bad_schema"},
        {R"({"code":"200","data":{"EntityToken":"a"}})", "bad_schema"},
        {R"({"code":1e400,"data":{"EntityToken":"a"}})", "bad_schema"},
        {R"({"code":200,"code":401,"data":{"EntityToken":"a"}})", "bad_schema"},
    };
    for (const Row& row : rows) {
        const Failed f = fails(playfab_account("entity"), json_reply(200, row.body));
        BOOST_TEST((f.failure == never), row.body.substr(0, 80));
        BOOST_TEST(f.code == row.code, row.body.substr(0, 80));
        BOOST_TEST(!f.counts_for_origin);
    }
    // Deeper than any answer: no JSON to us, so a gateway's.
    std::string deep(10'000, '[');
    deep += std::string(10'000, ']');
    BOOST_TEST(fails(playfab_account("entity"), json_reply(200, deep)).code == "not_json");
    const std::string nested = R"({"code":200,"data":{"EntityToken":"a","Entity":)" + deep + "}}";
    BOOST_TEST(fails(playfab_account("entity"), json_reply(200, nested)).code == "not_json");
    // A raw line break in a string is no JSON either.
    BOOST_TEST(fails(playfab_account("entity"), json_reply(200, token("\"a\nb\""))).code ==
               "not_json");
    // The code may be missing; a token is a token.
    const Minted m = mints(playfab_account("entity"),
                           json_reply(200, R"({"data":{"EntityToken":"et_test_3"}})"));
    BOOST_TEST(m.access_token.view() == "et_test_3");
    BOOST_TEST(m.lifetime->count() == 3'600'000);
}
