// PlayFab's requests byte by byte: vectors 1 to 3, tags, and the chain of credentials (7, 8).
#include <algorithm>
#include <functional>

#include "tests/unit/providers/playfab_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

http::Request first_request(Account a) {
    return sent(a.begin(playfab())->start());
}

// "X-SecretKey: SK_TEST_1": the one credential; several would be one line each.
std::string credentials(const http::Request& request) {
    std::string all;
    for (const http::Header& one : request.headers) {
        const bool plain =
            one.name == "Content-Type" || one.name == "Accept" || one.name == "Accept-Encoding";
        if (!plain)
            all += (all.empty() ? "" : "\n") + one.name + ": " + std::string(one.value.view());
    }
    return all;
}

// What is sent after this answer to the first request.
http::Request second_request(Account& a, http::Outcome outcome) {
    auto exchange = a.begin(playfab());
    (void)sent(exchange->start());
    return sent(exchange->resume(std::move(outcome)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(playfab_vector_1_the_secret_key_alone) {
    const http::Request r = first_request(playfab_account("secret"));
    BOOST_TEST(r.method == "POST");
    BOOST_TEST(r.origin == "https://a1b2c.playfabapi.com");
    BOOST_TEST(r.target.view() == "/Authentication/GetEntityToken");
    BOOST_TEST(r.body.view() == "{}");
    BOOST_TEST(credentials(r) == "X-SecretKey: SK_TEST_1");
    BOOST_TEST(header(r, "Content-Type") == "application/json");
    BOOST_TEST(header(r, "Accept") == "application/json");
    BOOST_TEST(header(r, "Accept-Encoding") == "identity");
    BOOST_TEST(!r.spends_grant);
    BOOST_TEST(r.timeout.count() == 30'000);
}

BOOST_AUTO_TEST_CASE(playfab_vector_2_entity_and_tags_in_the_body) {
    using Tags = std::map<std::string, std::string>;
    const Pairs entity = {{"entity_id", "A1B2C"}, {"entity_type", "title"}};
    struct Row {
        Pairs attributes;
        Tags tags;
        std::string body;
    };
    const std::vector<Row> rows = {
        {entity, {}, R"({"Entity":{"Id":"A1B2C","Type":"title"}})"},  // 40 bytes
        {{}, {}, "{}"},
        {{}, {{"build", "1.2"}}, R"({"CustomTags":{"build":"1.2"}})"},
        {entity,
         {{"trace", "a\"b\\c"}, {"build", "\xC3\xBC"}},
         R"({"Entity":{"Id":"A1B2C","Type":"title"},"CustomTags":{"build":")"
         "\xC3\xBC"
         R"(","trace":"a\"b\\c"}})"},
    };
    for (const Row& row : rows) {
        Account a = playfab_account("secret");
        a.attributes = row.attributes;
        set(a, "custom_tags", row.tags);
        BOOST_TEST(first_request(std::move(a)).body.view() == row.body);
    }
    BOOST_TEST(rows.front().body.size() == 40U);
}

BOOST_AUTO_TEST_CASE(playfab_vector_3_one_credential_header_a_mode) {
    // Whatever else lies around, one credential travels.
    Account everything = playfab_account("secret");
    everything.grant = secrets({{"entity_token", "et_test_1"}, {"session_ticket", "st_test_1"}});
    for (const auto& [mode, line] :
         Pairs{{"secret", "X-SecretKey: SK_TEST_1"},
               {"entity", "X-EntityToken: et_test_1"},
               {"ticket", "X-Authorization: st_test_1"}}) {  // not X-Authentication
        set(everything, "mode", mode);
        auto exchange = everything.begin(playfab());
        BOOST_TEST(credentials(sent(exchange->start())) == line);
    }
}

BOOST_AUTO_TEST_CASE(playfab_another_host_keeps_its_path) {
    Account a = playfab_account("secret");
    a.client.base_url = "https://Vertical.example.com:8443/x/";
    const http::Request r = first_request(std::move(a));
    BOOST_TEST(r.origin == "https://vertical.example.com:8443");
    BOOST_TEST(r.target.view() == "/x/Authentication/GetEntityToken");
}

BOOST_AUTO_TEST_CASE(playfab_vector_7_a_dead_entity_token_falls_back) {
    for (const int number : {1334, 1335, 1336, 1337, 1074, 1089, 1100})
        for (const int status : {200, 401}) {  // 200: the truth is in the body
            Account a = falling_back();
            const http::Request r = second_request(a, json_reply(status, error_body(401, number)));
            BOOST_TEST(credentials(r) == "X-SecretKey: SK_TEST_1");
            BOOST_TEST(r.body.view() ==
                       R"({"Entity":{"Id":"174812abf712","Type":"title_player_account"}})");
        }
    // Without the secret the player's ticket is asked, if there is one.
    Account a = playfab_account("entity");
    a.grant.set("session_ticket", Secret("st_test_1"));
    const http::Request r = second_request(a, json_reply(401, error_body(401, 1336)));
    BOOST_TEST(credentials(r) == "X-Authorization: st_test_1");
}

BOOST_AUTO_TEST_CASE(playfab_a_fallback_becomes_the_grant) {
    for (const bool by_ticket : {false, true}) {
        Account a = by_ticket ? playfab_account("entity") : falling_back();
        a.grant.set("session_ticket", Secret("st_test_1"));
        const auto m = done<Minted>(
            answer(a, replies(json_reply(200, error_body(401, 1337)), dated(200, success_body()))));
        BOOST_TEST(m.access_token.view() == "lS2h_test_2");
        BOOST_REQUIRE(m.new_grant.has_value());
        BOOST_TEST(m.new_grant->find("entity_token")->view() == "lS2h_test_2");
        BOOST_TEST(m.new_grant->find("session_ticket")->view() == "st_test_1");
        BOOST_TEST(m.new_grant->find("secret_key") == nullptr);  // it stays the client's
        BOOST_TEST(
            one_has(m.warnings, by_ticket ? "with the session ticket" : "with the secret key"));
        BOOST_TEST(one_has(m.warnings, "entity_token_revoked"));
        BOOST_TEST(one_has(m.warnings, "ALARM: somebody revoked it"));
    }
    Account a = falling_back();
    const auto m = done<Minted>(
        answer(a, replies(json_reply(401, error_body(401, 1336)), dated(200, success_body()))));
    BOOST_TEST(one_has(m.warnings, "entity_token_expired"));
    BOOST_TEST(!one_has(m.warnings, "ALARM"));
}

BOOST_AUTO_TEST_CASE(playfab_vector_8_the_end_of_the_chain) {
    const auto last = [](Account a, http::Outcome one, http::Outcome two) {
        return done<Failed>(answer(a, replies(std::move(one), std::move(two))));
    };
    const auto dead = [](int number) { return json_reply(401, error_body(401, number)); };
    const Failed alone = fails(playfab_account("entity"), dead(1336));
    BOOST_TEST((alone.failure == FailureClass::reauth));
    BOOST_TEST(alone.code == "entity_token_expired");
    BOOST_TEST(!alone.new_grant.has_value());

    Account both = playfab_account("entity");
    both.grant.set("session_ticket", Secret("st_test_1"));
    const Failed ticket = last(std::move(both), dead(1337), dead(1100));
    BOOST_TEST((ticket.failure == FailureClass::reauth));
    BOOST_TEST(ticket.code == "invalid_session_ticket");
    BOOST_TEST(has(ticket.reason, "entity_token_revoked for the entity token"));

    // A wrong secret is an operator's to mend: the grant is not dead by it.
    for (const int number : {1293, 1074, 1089, 1335})
        BOOST_TEST(
            (last(falling_back(), dead(1336), dead(number)).failure == FailureClass::config));
    const Failed busy = last(falling_back(), dead(1336), json_reply(503, ""));
    BOOST_TEST((busy.failure == FailureClass::retry));
    // Neither a ban nor trouble is a reason to try the next credential.
    BOOST_TEST((fails(falling_back(), dead(1002)).failure == FailureClass::reauth));
    BOOST_TEST((fails(falling_back(), dead(1199)).failure == FailureClass::retry));
    BOOST_TEST((fails(falling_back(), json_reply(401, "{}")).failure == FailureClass::config));
}

BOOST_AUTO_TEST_CASE(playfab_nothing_is_sent_without_what_it_takes) {
    struct Row {
        std::string code;
        FailureClass failure;
        std::function<void(Account&)> spoil;
    };
    constexpr auto config = FailureClass::config;
    const std::vector<Row> rows = {
        {"no_entity", config, [](Account& a) { a.attributes.clear(); }},
        {"bad_entity", config, [](Account& a) { a.attributes.pop_back(); }},
        {"bad_entity", config, [](Account& a) { a.attributes[1].second = "Title!"; }},
        {"bad_base_url", config, [](Account& a) { set(a, "title_id", "a.evil.com/"); }},
        {"bad_base_url", config, [](Account& a) { a.client.base_url = "http://x.example.com"; }},
        {"bad_credential", config,
         [](Account& a) {
             a.grant = {};
             a.client_secrets = secrets({{"secret_key", "SK\r\nX-Y: z"}});
         }},
        {"no_secret_key", config,
         [](Account& a) {
             a.grant = {};
             a.client_secrets = {};
         }},
        {"no_grant", FailureClass::reauth,
         [](Account& a) {
             a = playfab_account("ticket");
             a.grant = secrets({{"session_ticket", ""}});
         }},
        {"no_secret_key", config,
         [](Account& a) {
             a = playfab_account("secret");
             a.client_secrets = secrets({{"secret_key", ""}});
         }},
    };
    for (const Row& row : rows) {
        Account a = falling_back();
        row.spoil(a);
        const auto f = done<Failed>(a.begin(playfab())->start());
        BOOST_TEST(f.code == row.code);
        BOOST_TEST((f.failure == row.failure), row.code);
        BOOST_TEST(!has(f.reason, "SK"));
        if (row.code == "bad_base_url")
            BOOST_TEST((has(f.reason, "title_id must") || has(f.reason, "base_url is not enc")),
                       f.reason);
    }
    Account a = playfab_account("secret");
    for (const Purpose purpose : {Purpose::probe, Purpose::revoke})
        BOOST_TEST(done<Failed>(a.begin(playfab(), purpose)->start()).code == "unsupported");
}
