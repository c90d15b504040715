// See model_oauth2.hpp.
#include "tests/simulation/model_oauth2.hpp"

#include <openssl/sha.h>

#include <array>

namespace tb::sim {
namespace {

Answer error(int status, std::string_view code) {
    return {status, fmt::format(R"({{"error":"{}"}})", code)};
}

std::string challenge_of(const std::string& verifier) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(verifier.data()), verifier.size(), digest.data());
    return base64_url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

Family* OAuth2Model::grant_of(const http::Request& request) {
    const std::string_view body = request.body.view();
    if (request.target.view() == "/revoke") return issuer_.named(form_value(body, "token")).family;
    if (form_value(body, "grant_type") != "refresh_token") return nullptr;
    return issuer_.named(form_value(body, "refresh_token")).family;
}

Family* OAuth2Model::account_of(const http::Request& request) {
    const std::string_view body = request.body.view();
    if (request.target.view() != "/token") return nullptr;
    if (form_value(body, "grant_type") == "client_credentials") return application_;
    return grant_of(request);
}

Answer OAuth2Model::process(const http::Request& request) {
    const std::string_view target = request.target.view();
    const std::string_view body = request.body.view();
    if (request.method != "POST") return error(405, "invalid_request");
    if (header_of(request, "Authorization") != basic_credentials())
        return error(401, "invalid_client");
    if (target == "/token") return token_endpoint(body);
    if (target == "/revoke") {
        const Issuer::Named named = issuer_.named(form_value(body, "token"));
        if (named.family != nullptr)
            named.family->revoked = named.family->revoked_by_operator = true;
        return {200, ""};
    }
    if (target != "/device") return error(404, "invalid_request");
    const std::string code = fmt::format("device_code_{}", ++count_);
    Asked& asked = asked_[code] = next_;
    asked.until_ms = issuer_.now_ms() + 600'000;
    asked.polls_left = static_cast<int>(issuer_.random().between(0, 6));
    return {200, fmt::format(R"({{"device_code":"{}","user_code":"ABCD-{}","interval":5,)"
                             R"("verification_uri":"https://o0.test/activate","expires_in":600}})",
                             code, count_)};
}

Answer OAuth2Model::token_endpoint(std::string_view body) {
    const std::string grant = form_value(body, "grant_type");
    if (grant == "refresh_token") return refresh(body);
    if (grant == "authorization_code") return exchange_code(body);
    if (grant == "urn:ietf:params:oauth:grant-type:device_code") return poll(body);
    if (grant != "client_credentials" || application_ == nullptr)
        return error(400, "unsupported_grant_type");
    const Issuer::Access access = issuer_.mint(*application_);
    return {200, fmt::format(R"({{"access_token":"{}","token_type":"Bearer","expires_in":{}}})",
                             access.token, access.lifetime.count() / 1000)};
}

Answer OAuth2Model::refresh(std::string_view body) {
    const Issuer::Named named = issuer_.named(form_value(body, "refresh_token"));
    if (named.family == nullptr) return error(400, "invalid_grant");
    const Issuer::Spent spent = issuer_.spend(*named.family, named.number);
    if (spent == Issuer::Spent::refused) return error(400, "invalid_grant");
    return issued(*named.family, spent == Issuer::Spent::renewed ? issuer_.mint(*named.family)
                                                                 : issuer_.newest(*named.family));
}

Answer OAuth2Model::exchange_code(std::string_view body) {
    const auto found = asked_.find(form_value(body, "code"));
    if (found == asked_.end() || found->second.used || found->second.challenge.empty())
        return error(400, "invalid_grant");
    Asked& asked = found->second;
    asked.used = true;
    if (form_value(body, "redirect_uri") != asked.redirect ||
        challenge_of(form_value(body, "code_verifier")) != asked.challenge)
        return error(400, "invalid_grant");
    return first_grant(asked);
}

Answer OAuth2Model::poll(std::string_view body) {
    const auto found = asked_.find(form_value(body, "device_code"));
    if (found == asked_.end() || found->second.used) return error(400, "invalid_grant");
    Asked& asked = found->second;
    if (issuer_.now_ms() > asked.until_ms) return error(400, "expired_token");
    if (asked.person == Person::walks_away || asked.polls_left-- > 0)
        return error(400, asked.polls_left == 2 ? "slow_down" : "authorization_pending");
    asked.used = true;
    return asked.person == Person::denies ? error(400, "access_denied") : first_grant(asked);
}

Answer OAuth2Model::first_grant(Asked& asked) {
    ++issuer_.checker().counts.logins;
    Family& family =
        issuer_.enrol(asked.account, OldGrant::revoke_family, true, asked.lifetime, Millis{0});
    return issued(family, issuer_.mint(family));
}

Answer OAuth2Model::issued(Family& family, const Issuer::Access& access) const {
    Answer answer;
    fmt::format_to(std::back_inserter(answer.body),
                   R"({{"access_token":"{}","token_type":"Bearer","expires_in":{})", access.token,
                   access.lifetime.count() / 1000);
    // Servers that don't rotate often leave it out: the old one stays.
    if (family.rotates || family.id % 2 == 0)
        fmt::format_to(std::back_inserter(answer.body), R"(,"refresh_token":"{}")",
                       Issuer::refresh_token(family, family.issued));
    answer.body += '}';
    return answer;
}

void OAuth2Model::next_login(std::string account, Person person, Millis lifetime) {
    next_ = Asked();
    next_.account = std::move(account);
    next_.person = person;
    next_.lifetime = lifetime;
}

std::string OAuth2Model::browse(std::string_view url) {
    const std::string_view query = url.substr(std::min(url.find('?') + 1, url.size()));
    if (next_.person == Person::walks_away) return {};
    const std::string state = form_value(query, "state");
    if (next_.person == Person::denies) return "error=access_denied&state=" + state;
    const std::string code = fmt::format("code_{}", ++count_);
    Asked& asked = asked_[code] = next_;
    asked.challenge = form_value(query, "code_challenge");
    asked.redirect = form_value(query, "redirect_uri");
    return fmt::format("code={}&state={}", code, state);
}

}  // namespace tb::sim
