// Each error of the interface files has an exit code and words; what a provider said can't drive
// the terminal.
#define BOOST_TEST_MODULE cli
#include "cli/errors.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <regex>

#include "proto/interfaces.hpp"

using namespace tb;
using namespace tb::cli;

namespace {

ipc::CallError error_of(std::string name, std::string_view parameters = "{}") {
    return {std::move(name), boost::json::parse(parameters).as_object()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_error_of_the_interfaces_is_known) {
    int seen = 0;
    for (const std::string_view text : {proto::tokens_varlink, proto::admin_varlink}) {
        const std::string whole(text);
        const std::regex name_of(R"(\nerror (\w+))");
        for (std::sregex_iterator at(whole.begin(), whole.end(), name_of), end; at != end; ++at) {
            const std::string name = "io.tokenbroker.any." + (*at)[1].str();
            const std::string said =
                explain(error_of(name, R"({"account":"shop/main","reason":"r","class":"CONFIG"})"));
            BOOST_TEST(said.find("the daemon answered") == std::string::npos, name << ": " << said);
            ++seen;
        }
    }
    BOOST_TEST(seen > 10);
}

BOOST_AUTO_TEST_CASE(exit_codes) {
    const std::string tokens = "io.tokenbroker.tokens.";
    const std::string admin = "io.tokenbroker.admin.";
    const std::string service = "org.varlink.service.";
    const auto code = [](const std::string& name, std::string_view parameters = "{}") {
        return static_cast<int>(exit_code(error_of(name, parameters)));
    };
    BOOST_TEST(code(tokens + "UnknownAccount") == 3);
    BOOST_TEST(code(admin + "UnknownAccount") == 3);
    BOOST_TEST(code(admin + "UnknownClient") == 3);
    BOOST_TEST(code(tokens + "LoginRequired") == 4);
    BOOST_TEST(code(tokens + "ProviderUnavailable") == 5);
    BOOST_TEST(code(tokens + "AccountPaused") == 1);
    BOOST_TEST(code(tokens + "Misconfigured") == 1);
    BOOST_TEST(code(tokens + "LifetimeTooShort") == 1);
    BOOST_TEST(code(tokens + "TooManyRequests") == 1);
    BOOST_TEST(code(admin + "AccountExists") == 1);
    BOOST_TEST(code(admin + "ConfigInvalid") == 1);
    BOOST_TEST(code(admin + "StoreUnavailable") == 1);
    BOOST_TEST(code(admin + "Refused") == 1);
    BOOST_TEST(code(service + "InvalidParameter") == 2);
    BOOST_TEST(code(service + "PermissionDenied") == 1);
    BOOST_TEST(code(service + "MethodNotFound") == 1);
    BOOST_TEST(code("something.Else") == 1);
    BOOST_TEST(code("") == 1);
    const std::string failed = admin + "RenewalFailed";
    BOOST_TEST(code(failed, R"({"class":"REAUTH"})") == 4);
    BOOST_TEST(code(failed, R"({"class":"RETRY"})") == 5);
    BOOST_TEST(code(failed, R"({"class":"AMBIG"})") == 5);
    BOOST_TEST(code(failed, R"({"class":"CONFIG"})") == 1);
    BOOST_TEST(code(failed, R"({"class":"NEVER"})") == 1);
    BOOST_TEST(code(failed, R"({"class":7})") == 1);
}

BOOST_AUTO_TEST_CASE(no_answer_at_all) {
    const auto code = [](errc what) {
        return static_cast<int>(to_failure(Error{.code = what, .message = "m"}).code);
    };
    BOOST_TEST(code(errc::io) == 6);
    BOOST_TEST(code(errc::closed) == 6);
    BOOST_TEST(code(errc::timed_out) == 6);
    BOOST_TEST(code(errc::permission_denied) == 1);
    BOOST_TEST(code(errc::protocol) == 1);
}

BOOST_AUTO_TEST_CASE(the_words_say_what_to_run) {
    const std::string login = "io.tokenbroker.tokens.LoginRequired";
    BOOST_TEST(
        explain(error_of(login, R"({"account":"shop/main","reason":"the grant was refused"})")) ==
        "shop/main: the grant was refused; run: tokenbroker account add --replace shop/main");
    BOOST_TEST(
        explain(error_of(
            login, R"({"account":"shop/main","reason":"shop/main: refused; run: x shop/main"})")) ==
        "shop/main: refused; run: x shop/main");
    BOOST_TEST(
        explain(error_of("a.ProviderUnavailable",
                         R"({"account":"a/b","reason":"http_503","retry_after_ms":90000})")) ==
        "a/b: http_503; worth trying again in 1m30s");
    BOOST_TEST(
        explain(error_of("a.LifetimeTooShort", R"({"account":"a/b","longest_ms":299000})")) ==
        "a/b: no token of this account can last that long; ask for at most 4m59s");
    BOOST_TEST(explain(error_of("a.ConfigInvalid", R"({"mistakes":["f.toml:1: x","f.toml:2: y"]})"))
                   .ends_with("\n  f.toml:1: x\n  f.toml:2: y"));
    BOOST_TEST(explain(error_of("a.Refused", "{\"reason\":\"a\\u001b[2Jb\"}")) == "a?[2Jb");
}
