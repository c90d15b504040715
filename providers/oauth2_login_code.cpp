// Authorization code with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 9207). What must stay true: the
// verifier leaves only in the token request; a redirect with another state, or from another issuer,
// sends nothing.
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>

#include "base/limits.hpp"
#include "providers/encoding.hpp"
#include "providers/oauth2_errors.hpp"
#include "providers/oauth2_login.hpp"
#include "providers/oauth2_login_base.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

// Time for a person to find a password and a second factor. The server has limits of its own.
constexpr Millis consent_time{600'000};

// 32 bytes: 43 letters, the least that RFC 7636 lets a verifier have.
Secret random_text(Random& random) {
    std::array<std::byte, 32> bytes{};
    random.fill(bytes);
    Secret out = base64_url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return out;
}

Secret challenge_of(const Secret& verifier) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(verifier.view().data()), verifier.size(),
           digest.data());
    return base64_url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool decode(std::string_view text, Secret& into) {
    into.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            into.push_back(' ');
        } else if (text[i] != '%') {
            into.push_back(text[i]);
        } else {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
            if (low < 0) return false;
            into.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        }
    }
    return true;
}

class CodeLogin final : public LoginBase {
  public:
    CodeLogin(Setup setup, Context context, LoginRequest request)
        : LoginBase(std::move(setup), std::move(context)),
          redirect_uri_(std::move(request.redirect_uri)),
          state_(random_text(context_.random)),
          verifier_(random_text(context_.random)) {
        scrubber_.add(state_.view());
        scrubber_.add(verifier_.view());
    }

    LoginStep shown(std::string_view query) override;
    LoginStep waited() override { return misused("nothing is waited for in this login"); }

  private:
    const std::optional<Endpoint>* needed() const override { return &setup_.authorize; }
    std::string_view needed_name() const override { return "auth_url"; }
    LoginStep proceed() override;
    LoginStep answered(const http::Outcome& outcome) override;
    std::optional<Done> check_sender(const RedirectQuery& query) const;

    Done misused(std::string reason) const {
        return give_up(FailureClass::never, "wrong_step", std::move(reason));
    }

    std::string redirect_uri_;
    Secret state_;
    Secret verifier_;
    bool waiting_ = false;  // for the browser
};

LoginStep CodeLogin::proceed() {
    if (!parse_endpoint(redirect_uri_, true))
        return give_up(FailureClass::never, "bad_redirect_uri",
                       "the redirect URI is neither on this host's loopback nor https");
    Secret url(setup_.authorize->url());
    char joint = setup_.authorize->target.find('?') == std::string::npos ? '?' : '&';
    const auto add = [&](std::string_view name, std::string_view value) {
        url.push_back(std::exchange(joint, '&'));
        append_query(url, name);
        url.push_back('=');
        append_query(url, value);
    };
    add("response_type", "code");
    add("client_id", setup_.client_id);
    add("redirect_uri", redirect_uri_);
    if (!setup_.scopes.empty()) add(setup_.scope_param, setup_.joined_scopes());
    add("state", state_.view());
    add("code_challenge", challenge_of(verifier_).view());
    add("code_challenge_method", "S256");
    for (const auto& [name, value] : setup_.auth_params)
        add(name, value);
    waiting_ = true;
    Show show;
    show.url = std::string(url.view());
    show.expires_in = consent_time;
    return show;
}

// Nothing when the redirect is the answer to what this login showed.
std::optional<Done> CodeLogin::check_sender(const RedirectQuery& query) const {
    const Secret* state = query.find("state");
    if (state == nullptr || !equal(*state, state_))
        return give_up(FailureClass::never, "bad_state",
                       "the redirect does not belong to this login (its state is another); "
                       "nothing was sent; run the login again");
    const Secret* issuer = query.find("iss");
    if (setup_.issuer.empty()) return std::nullopt;
    if (issuer == nullptr && !discovery_.iss_in_redirects()) return std::nullopt;
    if (issuer != nullptr && issuer->view() == setup_.issuer) return std::nullopt;
    return give_up(FailureClass::config, "issuer_mismatch",
                   fmt::format("the redirect comes from \"{}\", but issuer is {}; nothing was sent",
                               issuer == nullptr ? "" : issuer->view(), setup_.issuer));
}

LoginStep CodeLogin::shown(std::string_view query) {
    if (!std::exchange(waiting_, false)) return misused("no redirect is expected now");
    const auto parsed = RedirectQuery::parse(query);
    if (!parsed)
        return give_up(FailureClass::never, "bad_redirect",
                       "the redirect can't be read; nothing was sent; run the login again");
    if (auto stranger = check_sender(*parsed)) return std::move(*stranger);
    const Secret* code = parsed->find("code");
    if (code != nullptr) scrubber_.add(code->view());
    if (const Secret* error = parsed->find("error"); error != nullptr && !error->empty()) {
        const Secret* words = parsed->find("error_description");
        const std::string_view said = words == nullptr ? std::string_view() : words->view();
        if (error->view() == "access_denied")
            return give_up(FailureClass::reauth, "access_denied",
                           fmt::format("the login was refused or cancelled{}{}",
                                       said.empty() ? "" : ": ", said));
        Failed refused = failed_by_code("the redirect", error->view(), said, setup_, scrubber_);
        refused.reason = scrubber_.clean(refused.reason);
        return Done(std::move(refused));
    }
    if (code == nullptr || !good_refresh_token(code->view()))
        return give_up(FailureClass::never, "bad_redirect",
                       "the redirect brings neither a code nor an error; run the login again");
    return send_token_request({{"grant_type", "authorization_code"},
                               {"code", code->view()},
                               {"redirect_uri", redirect_uri_},
                               {"code_verifier", verifier_.view()}},
                              setup_.scope_param);
}

LoginStep CodeLogin::answered(const http::Outcome& outcome) {
    if (const auto* lost = std::get_if<http::Failure>(&outcome)) return transport_failed(*lost);
    return read_token(std::get<http::Reply>(outcome), {});
}

}  // namespace

std::optional<RedirectQuery> RedirectQuery::parse(std::string_view query) {
    if (query.starts_with('?')) query.remove_prefix(1);
    if (query.size() > limits::frame_bytes_max) return std::nullopt;
    RedirectQuery out;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view one = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (one.empty()) continue;
        const std::size_t sign = std::min(one.find('='), one.size());
        Secret name;
        Secret value;
        if (!decode(one.substr(0, sign), name) ||
            !decode(one.substr(std::min(sign + 1, one.size())), value))
            return std::nullopt;
        if (out.parameters_.find(name.view()) != nullptr) return std::nullopt;
        out.parameters_.set(name.view(), std::move(value));
    }
    return out;
}

const Secret* RedirectQuery::find(std::string_view name) const {
    return parameters_.find(name);
}

std::unique_ptr<Login> begin_code_login(Setup setup, Context context, LoginRequest request) {
    return std::make_unique<CodeLogin>(std::move(setup), std::move(context), std::move(request));
}

}  // namespace tb::providers::oauth2
