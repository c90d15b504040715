// What all logins share: a discovery in front where endpoints are missing, a token request at the
// end, and the reading of its reply.
#pragma once

#include "providers/login.hpp"
#include "providers/oauth2_discovery.hpp"
#include "providers/oauth2_reply.hpp"
#include "providers/oauth2_request.hpp"

namespace tb::providers::oauth2 {

class LoginBase : public Login {
  public:
    LoginStep start() final;
    LoginStep resume(http::Outcome outcome) final;

  protected:
    LoginBase(Setup setup, Context context);
    LoginBase(const LoginBase&) = delete;
    LoginBase& operator=(const LoginBase&) = delete;

    // The endpoint beside the token endpoint that this flow needs, or nullptr.
    virtual const std::optional<Endpoint>* needed() const { return nullptr; }
    virtual std::string_view needed_name() const { return ""; }
    // All endpoints are there.
    virtual LoginStep proceed() = 0;
    // The outcome of a Send of the flow's own.
    virtual LoginStep answered(const http::Outcome& outcome) = 0;

    // To the token endpoint, with the client's authentication and what is sent with every request.
    LoginStep send_token_request(FormFields fields, std::string_view scope_param);
    Done read_token(const http::Reply& reply, const SecretSet& given) const;
    Done give_up(FailureClass failure, std::string code, std::string reason) const;
    Done transport_failed(const http::Failure& failure) const;

    Setup setup_;
    Context context_;
    Scrubber scrubber_;
    Discovery discovery_;

  private:
    bool complete() const;
    LoginStep proceed_if_complete();
    bool discovering_ = false;
};

}  // namespace tb::providers::oauth2
