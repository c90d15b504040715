// What the four test providers share: a name, a base_url, grant fields, and an import that takes a
// grant as it is.
#pragma once

#include <algorithm>
#include <functional>

#include "providers/json_reply.hpp"
#include "providers/reply_rules.hpp"
#include "providers/settings_check.hpp"
#include "providers/urls.hpp"
#include "tests/unit/providers/test_providers.hpp"

namespace tb::test {

using Attributes = std::vector<std::pair<std::string, std::string>>;

class TestProvider : public providers::Provider {
  public:
    TestProvider(std::string_view name, std::vector<std::string> fields)
        : name_(name), fields_(std::move(fields)) {}
    std::string_view name() const override { return name_; }
    std::vector<providers::Mistake> check(const providers::ClientSettings& client) const override {
        providers::SettingsCheck check(client);
        check.only({});
        check.base_url(true);
        return check.take();
    }
    std::vector<std::string> grant_fields(const providers::ClientSettings&) const override {
        return fields_;
    }
    std::vector<std::string> attribute_names(const providers::ClientSettings&) const override {
        return {};
    }
    Result<providers::Imported> import_grant(const providers::ClientSettings&, const Attributes&,
                                             SecretSet raw) const override {
        for (const auto& [field, value] : raw.list())
            if (std::find(fields_.begin(), fields_.end(), field) == fields_.end())
                return Error{errc::invalid_parameter, "unknown grant field " + std::string(field)};
        if (raw.empty()) return Error{errc::invalid_parameter, "the grant is empty"};
        providers::Imported imported;
        imported.grant = std::move(raw);
        return imported;
    }
    std::string origin(const providers::ClientSettings& client) const override {
        const auto base = providers::parse_base_url(client.base_url, client.allow_loopback_http);
        return base ? base->origin : std::string();
    }

  private:
    std::string_view name_;
    std::vector<std::string> fields_;
};

// An exchange that knows its context and can start a request.
class TestExchange : public providers::Exchange {
  public:
    explicit TestExchange(providers::Context context) : context_(std::move(context)) {}

  protected:
    http::Request request(std::string method, std::string_view path) const {
        const auto base = providers::parse_base_url(context_.client.base_url,
                                                    context_.client.allow_loopback_http);
        http::Request out;
        out.method = std::move(method);
        out.origin = base ? base->origin : std::string();
        out.target = Secret((base ? base->prefix : std::string()) + std::string(path));
        out.headers.push_back({"Accept", Secret("application/json")});
        return out;
    }
    http::Request post(std::string_view path, Secret body) const {
        http::Request out = request("POST", path);
        out.headers.push_back({"Content-Type", Secret("application/json")});
        out.body = std::move(body);
        return out;
    }
    providers::Step send(http::Request out) const {
        providers::Send step;
        step.request = std::move(out);
        return step;
    }
    static providers::Step fail(FailureClass failure, std::string code, std::string reason) {
        return providers::Done(providers::failed(failure, std::move(code), std::move(reason)));
    }
    static std::optional<providers::JsonReply> json_of(const http::Reply& reply) {
        if (providers::media_of(reply) != providers::Media::json) return std::nullopt;
        return providers::JsonReply::parse(reply.body.view());
    }
    std::string_view secret(std::string_view name) const {
        const Secret* found = context_.grant.find(name);
        return found == nullptr ? std::string_view() : found->view();
    }
    providers::Context context_;
};

}  // namespace tb::test
