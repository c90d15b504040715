// The shared part of logins, and the choice of one. What must stay true: a reason never holds a
// code, a verifier or a token; nothing is sent that the client's own endpoints don't get.
#include "providers/oauth2_login.hpp"

#include <fmt/format.h>

#include "providers/oauth2_login_base.hpp"
#include "providers/reply_rules.hpp"

namespace tb::providers::oauth2 {

LoginBase::LoginBase(Setup setup, Context context)
    : setup_(std::move(setup)), context_(std::move(context)), discovery_(setup_, scrubber_) {
    add_secrets(scrubber_, context_);
}

bool LoginBase::complete() const {
    const auto* other = needed();
    return setup_.token && (other == nullptr || *other);
}

LoginStep LoginBase::start() {
    if (complete() || setup_.issuer.empty()) return proceed_if_complete();
    discovering_ = true;
    auto first = discovery_.start();
    if (auto* request = std::get_if<http::Request>(&first)) return Send{std::move(*request)};
    return Done(std::move(std::get<Failed>(first)));
}

LoginStep LoginBase::resume(http::Outcome outcome) {
    if (!discovering_) return answered(outcome);
    auto next = discovery_.resume(outcome);
    if (auto* request = std::get_if<http::Request>(&next)) return Send{std::move(*request)};
    discovering_ = false;
    if (auto* fault = std::get_if<Failed>(&next)) return Done(std::move(*fault));
    return proceed_if_complete();
}

LoginStep LoginBase::proceed_if_complete() {
    if (complete()) return proceed();
    const std::string_view name = setup_.token ? needed_name() : "token_url";
    return give_up(FailureClass::config, "no_endpoint",
                   fmt::format("neither the section nor the issuer's document has an endpoint for "
                               "this login that can be used; set {}",
                               name));
}

LoginStep LoginBase::send_token_request(FormFields fields, std::string_view scope_param) {
    const std::string scopes = setup_.joined_scopes();
    if (setup_.scope_at_login && !scopes.empty()) fields.emplace_back(scope_param, scopes);
    for (const auto& [name, value] : setup_.extra_params)
        fields.emplace_back(name, value);
    auto made = form_request(setup_, context_, *setup_.token, fields, scrubber_);
    if (auto* fault = std::get_if<Failed>(&made)) return Done(std::move(*fault));
    Send send{std::move(std::get<http::Request>(made))};
    send.request.spends_grant = true;  // a code is good for one request: it is never resent
    return send;
}

Done LoginBase::read_token(const http::Reply& reply, const SecretSet& given) const {
    return read_token_reply(reply, {setup_, given, Asked::login, scrubber_});
}

Done LoginBase::give_up(FailureClass failure, std::string code, std::string reason) const {
    return failed(failure, std::move(code), scrubber_.clean(reason));
}

Done LoginBase::transport_failed(const http::Failure& failure) const {
    Failed lost = failed_by_transport(failure, false);
    lost.reason = scrubber_.clean(lost.reason + "; run the login again");
    return lost;
}

std::vector<LoginFlow> flows_of(const Setup& setup) {
    std::vector<LoginFlow> flows;
    if (setup.grant == Grant::client_credentials) return flows;
    const bool discovers = !setup.issuer.empty();
    if (setup.authorize || discovers) flows.push_back(LoginFlow::code);
    if (setup.device || discovers) flows.push_back(LoginFlow::device);
    if (setup.password_grant) flows.push_back(LoginFlow::password);
    return flows;
}

std::unique_ptr<Login> begin_login(Setup setup, Context context, LoginRequest request) {
    switch (request.flow) {
        case LoginFlow::code:
            return begin_code_login(std::move(setup), std::move(context), std::move(request));
        case LoginFlow::device:
            return begin_device_login(std::move(setup), std::move(context));
        case LoginFlow::password:
            return begin_password_login(std::move(setup), std::move(context), std::move(request));
    }
    return nullptr;
}

namespace {

// RFC 6749 section 4.3, where an operator insists.
class PasswordLogin final : public LoginBase {
  public:
    PasswordLogin(Setup setup, Context context, LoginRequest request)
        : LoginBase(std::move(setup), std::move(context)), given_(std::move(request.given)) {
        scrubber_.add(given_);
    }
    LoginStep shown(std::string_view) override { return misused(); }
    LoginStep waited() override { return misused(); }

  private:
    LoginStep proceed() override {
        const Secret* name = given_.find("username");
        const Secret* password = given_.find("password");
        if (name == nullptr || name->empty() || password == nullptr || password->empty())
            return give_up(FailureClass::never, "no_password", "user name or password is missing");
        setup_.scope_at_login = true;
        return send_token_request({{"grant_type", "password"},
                                   {"username", name->view()},
                                   {"password", password->view()}},
                                  setup_.scope_param);
    }
    LoginStep answered(const http::Outcome& outcome) override {
        if (const auto* lost = std::get_if<http::Failure>(&outcome)) return transport_failed(*lost);
        return read_token(std::get<http::Reply>(outcome), given_);
    }
    Done misused() const {
        return give_up(FailureClass::never, "wrong_step", "nothing was shown in this login");
    }
    SecretSet given_;
};

}  // namespace

std::unique_ptr<Login> begin_password_login(Setup setup, Context context, LoginRequest request) {
    return std::make_unique<PasswordLogin>(std::move(setup), std::move(context),
                                           std::move(request));
}

}  // namespace tb::providers::oauth2
