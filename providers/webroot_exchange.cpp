// One renewal at Webroot: the refresh grant, and where an operator allowed it, the password grant
// after a refusal. What must stay true: one way of client authentication a request, scope always
// sent, a refused refresh token never sent again once the password has taken over.
#include <fmt/format.h>

#include "base/limits.hpp"
#include "providers/reply_rules.hpp"
#include "providers/settings_check.hpp"
#include "providers/webroot_client.hpp"
#include "providers/webroot_reply.hpp"

namespace tb::providers::webroot {
namespace {

bool is_set(const ClientSettings& client, std::string_view key, std::string_view value) {
    const auto* text = client.get<std::string>(key);
    return text != nullptr && *text == value;
}

std::string joined(const std::vector<std::string>& scopes) {
    std::string out;
    for (const std::string& scope : scopes)
        out += (out.empty() ? "" : " ") + scope;
    return out;
}

class WebrootExchange final : public Exchange {
  public:
    explicit WebrootExchange(Context context) : context_(std::move(context)) {
        scrubber_.add(context_.grant);
        scrubber_.add(context_.client_secrets);
        if (const Secret* secret = client_secret()) {
            for (const BasicEncoding encoding : {BasicEncoding::raw, BasicEncoding::form}) {
                const Secret basic =
                    basic_credentials(context_.client.client_id, secret->view(), encoding);
                scrubber_.add(basic.view().substr(std::string_view("Basic ").size()));
            }
        }
    }

    Step start() override {
        if (context_.purpose != Purpose::renew)
            return Done(failed(FailureClass::never, "unsupported",
                               "webroot has no endpoint to probe or revoke a token"));
        if (client_secret() == nullptr || client_secret()->empty())
            return Done(failed(FailureClass::config, "no_client_secret",
                               fmt::format("client {} has no client_secret; run: tokenbroker "
                                           "client set-secret {}",
                                           context_.client.name, context_.client.name)));
        const Secret* refresh = context_.grant.find("refresh_token");
        if (refresh != nullptr && !refresh->empty()) return send_refresh(*refresh);
        if (has_password()) return send_password();
        return Done(failed(FailureClass::reauth, "no_grant", "there is no refresh token"));
    }

    Step resume(http::Outcome outcome) override {
        const bool refreshing = stage_ == Stage::refresh;
        if (const auto* failure = std::get_if<http::Failure>(&outcome)) {
            Failed lost = failed_by_transport(*failure, refreshing);
            lost.reason = scrubber_.clean(lost.reason);
            return finish(std::move(lost));
        }
        const WebrootAsk ask{context_.grant, context_.client.scopes, refresh_ttl(context_.client),
                             refreshing, scrubber_};
        Done done = read_webroot_reply(std::get<http::Reply>(outcome), ask);
        const auto* refused = std::get_if<Failed>(&done);
        if (refreshing && refused != nullptr && refused->failure == FailureClass::reauth &&
            has_password())
            return send_password();
        return finish(std::move(done));
    }

  private:
    enum class Stage : std::uint8_t { refresh, password, password_after_refusal };

    const Secret* client_secret() const { return context_.client_secrets.find("client_secret"); }
    bool has_password() const {
        const Secret* name = context_.grant.find("username");
        const Secret* password = context_.grant.find("password");
        return password_allowed(context_.client) && name != nullptr && !name->empty() &&
               password != nullptr && !password->empty();
    }

    Step send_refresh(const Secret& refresh) {
        stage_ = Stage::refresh;
        Secret body;
        append_client(body);
        append_form_field(body, "grant_type", "refresh_token");
        append_form_field(body, "refresh_token", refresh.view());
        return send(std::move(body));
    }

    Step send_password() {
        stage_ =
            stage_ == Stage::refresh && sent_ ? Stage::password_after_refusal : Stage::password;
        Secret body;
        append_client(body);
        append_form_field(body, "grant_type", "password");
        append_form_field(body, "username", context_.grant.find("username")->view());
        append_form_field(body, "password", context_.grant.find("password")->view());
        return send(std::move(body));
    }

    void append_client(Secret& body) const {
        body.reserve(1024);
        if (!credentials_in_body(context_.client)) return;
        append_form_field(body, "client_id", context_.client.client_id);
        append_form_field(body, "client_secret", client_secret()->view());
    }

    Step send(Secret body) {
        const auto base = base_of(context_.client);
        if (!base)
            return Done(
                failed(FailureClass::config, "bad_base_url", "base_url " + base.error().message));
        append_form_field(body, "scope", joined(context_.client.scopes));
        Send send;
        http::Request& request = send.request;
        request.method = "POST";
        request.origin = base->origin;
        request.target = Secret(base->prefix + "/auth/token");
        if (!credentials_in_body(context_.client))
            request.headers.push_back(
                {"Authorization",
                 basic_credentials(context_.client.client_id, client_secret()->view(),
                                   encoding_of(context_.client))});
        request.headers.push_back({"Content-Type", Secret("application/x-www-form-urlencoded")});
        request.headers.push_back({"Accept", Secret("application/json")});
        request.headers.push_back({"Accept-Encoding", Secret("identity")});
        request.user_agent = user_agent_of(context_.client);
        request.body = std::move(body);
        request.spends_grant = stage_ == Stage::refresh;
        request.timeout = limits::exchange_timeout_ms;
        sent_ = true;
        return send;
    }

    Step finish(Done done) {
        if (auto* minted = std::get_if<Minted>(&done);
            minted != nullptr && stage_ != Stage::refresh)
            minted->warnings.emplace_back("minted with the password grant");
        // The refresh token was refused and the password did not help now: from here on only the
        // password is left.
        if (auto* lost = std::get_if<Failed>(&done);
            lost != nullptr && stage_ == Stage::password_after_refusal && !lost->new_grant) {
            SecretSet left;
            left.set("username", context_.grant.find("username")->copy());
            left.set("password", context_.grant.find("password")->copy());
            lost->new_grant = std::move(left);
        }
        return done;
    }

    Context context_;
    Scrubber scrubber_;
    Stage stage_ = Stage::refresh;
    bool sent_ = false;
};

}  // namespace

Result<BaseUrl> base_of(const ClientSettings& client) {
    return parse_base_url(client.base_url.empty() ? default_base_url : client.base_url,
                          client.allow_loopback_http);
}

bool credentials_in_body(const ClientSettings& client) {
    return is_set(client, "client_auth", "post");
}

bool password_allowed(const ClientSettings& client) {
    const bool* flag = client.get<bool>("password_grant");
    return flag != nullptr && *flag;
}

BasicEncoding encoding_of(const ClientSettings& client) {
    return is_set(client, "basic_encoding", "form") ? BasicEncoding::form : BasicEncoding::raw;
}

Millis refresh_ttl(const ClientSettings& client) {
    return duration_setting(client, "refresh_ttl").value_or(default_refresh_ttl);
}

std::string_view user_agent_of(const ClientSettings& client) {
    const auto* agent = client.get<std::string>("user_agent");
    return agent == nullptr ? default_user_agent : std::string_view(*agent);
}

std::unique_ptr<Exchange> begin_exchange(Context context) {
    return std::make_unique<WebrootExchange>(std::move(context));
}

}  // namespace tb::providers::webroot
