// Device authorization (RFC 8628). What must stay true: the device code is never shown or logged;
// a server that says slow_down is asked more slowly for good; waiting ends with the code's life.
#include <fmt/format.h>

#include <algorithm>

#include "providers/json_reply.hpp"
#include "providers/oauth2_errors.hpp"
#include "providers/oauth2_login.hpp"
#include "providers/oauth2_login_base.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

constexpr Millis interval_default{5'000};  // RFC 8628 section 3.2
constexpr Millis interval_min{1'000};
constexpr Millis interval_max{300'000};
constexpr Millis slow_down_by{5'000};
constexpr Millis expires_in_default{900'000};
constexpr std::size_t user_code_bytes_max = 64;
constexpr std::string_view device_grant = "urn:ietf:params:oauth:grant-type:device_code";

Failed no_use(std::string reason) {
    return failed(FailureClass::never, "bad_schema", std::move(reason));
}

// A person opens it: https, and nothing that a terminal would take for a command.
std::string address(const Value& value, const Setup& setup) {
    const bool good =
        value.is(Kind::string) && parse_endpoint(value.text(), setup.loopback_http).has_value();
    return good ? std::string(value.text()) : std::string();
}

Millis interval_of(const Value& value) {
    const auto said = value.missing() ? std::nullopt : parse_expires_in(value);
    return std::clamp(said.value_or(interval_default), interval_min, interval_max);
}

std::variant<DeviceGrant, Failed> read_grant(const Value& root, const Setup& setup) {
    DeviceGrant grant;
    const Value code = root.member("device_code");
    if (!code.is(Kind::string) || !good_refresh_token(code.text()))
        return no_use("the device reply has no usable device_code");
    grant.device_code = Secret(code.text());
    const Value user = root.member("user_code");
    if (!user.is(Kind::string) || !good_refresh_token(user.text()) ||
        user.text().size() > user_code_bytes_max)
        return no_use("the device reply has no usable user_code");
    grant.user_code = std::string(user.text());
    grant.verification_uri = address(root.member("verification_uri"), setup);
    if (grant.verification_uri.empty())  // Google's name for it
        grant.verification_uri = address(root.member("verification_url"), setup);
    if (grant.verification_uri.empty())
        return no_use("the device reply has no usable verification_uri");
    grant.complete_uri = address(root.member("verification_uri_complete"), setup);
    const auto life = parse_expires_in(root.member("expires_in"));
    grant.expires_in = life && *life > Millis{0} ? *life : expires_in_default;
    grant.interval = interval_of(root.member("interval"));
    return grant;
}

class DeviceLogin final : public LoginBase {
  public:
    DeviceLogin(Setup setup, Context context) : LoginBase(std::move(setup), std::move(context)) {}

    LoginStep shown(std::string_view) override {
        if (stage_ != Stage::showing) return misused();
        return pause();
    }
    LoginStep waited() override {
        if (stage_ != Stage::waiting) return misused();
        if (context_.clock.now() >= deadline_) return expired();
        stage_ = Stage::polling;
        return send_token_request(
            {{"grant_type", device_grant}, {"device_code", grant_.device_code.view()}},
            setup_.device_scope_param);
    }

  private:
    enum class Stage : std::uint8_t { asking, showing, waiting, polling };

    const std::optional<Endpoint>* needed() const override { return &setup_.device; }
    std::string_view needed_name() const override { return "device_url"; }

    LoginStep proceed() override {
        const std::string scopes = setup_.joined_scopes();
        FormFields fields;
        if (!scopes.empty()) fields.emplace_back(setup_.device_scope_param, scopes);
        for (const auto& [name, value] : setup_.device_params)
            fields.emplace_back(name, value);
        if (!setup_.device_request_auth)
            return Send{open_form_request(setup_, *setup_.device, fields)};
        auto made = form_request(setup_, context_, *setup_.device, fields, scrubber_);
        if (auto* fault = std::get_if<Failed>(&made)) return Done(std::move(*fault));
        return Send{std::move(std::get<http::Request>(made))};
    }

    LoginStep answered(const http::Outcome& outcome) override {
        if (stage_ == Stage::polling) return polled(outcome);
        if (stage_ != Stage::asking) return misused();
        if (const auto* lost = std::get_if<http::Failure>(&outcome)) return transport_failed(*lost);
        const auto& reply = std::get<http::Reply>(outcome);
        auto read = read_device_reply(reply, setup_, scrubber_);
        if (auto* fault = std::get_if<Failed>(&read)) return Done(std::move(*fault));
        grant_ = std::move(std::get<DeviceGrant>(read));
        scrubber_.add(grant_.device_code.view());
        deadline_ = reply.sent_at + grant_.expires_in;
        stage_ = Stage::showing;
        return Show{grant_.verification_uri, grant_.complete_uri, grant_.user_code,
                    grant_.expires_in};
    }

    LoginStep polled(const http::Outcome& outcome) {
        if (const auto* lost = std::get_if<http::Failure>(&outcome)) {
            Failed why = failed_by_transport(*lost, false);
            if (why.failure != FailureClass::retry || why.code == "shutdown")
                return transport_failed(*lost);
            return pause_longer(Millis{0});
        }
        const auto& reply = std::get<http::Reply>(outcome);
        const std::string code(polling_code(reply, setup_));
        if (code == "authorization_pending") return pause();
        if (code == "slow_down") {
            grant_.interval = std::min(grant_.interval + slow_down_by, interval_max);
            return pause();
        }
        if (code == "expired_token") return expired();
        if (code == "access_denied")
            return give_up(FailureClass::reauth, code, "the login was refused or cancelled");
        Done done = read_token(reply, {});
        const auto* fault = std::get_if<Failed>(&done);
        if (fault != nullptr && fault->failure == FailureClass::retry)
            return pause_longer(fault->retry_after.value_or(Millis{0}));
        return done;
    }

    LoginStep pause() {
        stage_ = Stage::waiting;
        return Pause{grant_.interval};
    }
    // Lost or busy: half as often from now on.
    LoginStep pause_longer(Millis at_least) {
        grant_.interval = std::min(grant_.interval * 2, interval_max);
        stage_ = Stage::waiting;
        return Pause{std::max(grant_.interval, at_least)};
    }
    Done expired() const {
        return give_up(FailureClass::reauth, "expired_token",
                       "nobody entered the code in time; run the login again");
    }
    Done misused() const {
        return give_up(FailureClass::never, "wrong_step", "that step has no place in this login");
    }

    DeviceGrant grant_;
    BootTime deadline_{};
    Stage stage_ = Stage::asking;
};

}  // namespace

std::variant<DeviceGrant, Failed> read_device_reply(const http::Reply& reply, const Setup& setup,
                                                    const Scrubber& scrubber) {
    const bool success = reply.status >= 200 && reply.status < 300;
    const bool json = media_of(reply) == Media::json;
    const auto document = json ? JsonReply::parse(reply.body.view()) : std::optional<JsonReply>();
    const bool speaks = document && document->root().is(Kind::object);
    std::variant<DeviceGrant, Failed> out;
    if (media_of(reply) == Media::html) {
        out = failed_by_html(reply, false);
    } else if (speaks && reply.status < 500 && reply.status != 429 &&
               has_error(document->root(), setup)) {
        out = read_error(reply, document->root(), setup, scrubber);
    } else if (!success) {
        out = failed_by_status(reply, false);
    } else if (!speaks) {
        out = no_use("the device reply is no JSON object");
    } else {
        out = read_grant(document->root(), setup);
    }
    if (auto* fault = std::get_if<Failed>(&out)) fault->reason = scrubber.clean(fault->reason);
    return out;
}

std::unique_ptr<Login> begin_device_login(Setup setup, Context context) {
    return std::make_unique<DeviceLogin>(std::move(setup), std::move(context));
}

}  // namespace tb::providers::oauth2
