// An OAuth2 server with what RFC 6749, 7009, 7636 and 8628 have: refresh, client credentials,
// logins by code and by device, revocation. People's part (a browser, a phone) is played here too.
#pragma once

#include <map>

#include "tests/simulation/model.hpp"

namespace tb::sim {

class OAuth2Model final : public Model {
  public:
    using Model::Model;
    Family* grant_of(const http::Request& request) override;
    Answer process(const http::Request& request) override;
    Family* account_of(const http::Request& request) override;

    // The next login is for this account; `decided` after so many polls of a device.
    enum class Person : std::uint8_t { approves, denies, walks_away };
    void next_login(std::string account, Person person, Millis lifetime);
    // A browser opens the page that a login showed; returns the query of the redirect, or nothing
    // if the person walks away.
    std::string browse(std::string_view url);
    // Client credentials name no account: the one that has no grant.
    void application(Family* family) { application_ = family; }

  private:
    struct Asked {
        std::string account;
        Person person = Person::approves;
        Millis lifetime{0};
        std::string challenge;  // code
        std::string redirect;   // code
        int polls_left = 0;     // device
        std::int64_t until_ms = 0;
        bool used = false;
    };
    Answer token_endpoint(std::string_view body);
    Answer refresh(std::string_view body);
    Answer exchange_code(std::string_view body);
    Answer poll(std::string_view body);
    Answer first_grant(Asked& asked);
    Answer issued(Family& family, const Issuer::Access& access) const;

    Asked next_;
    std::map<std::string, Asked, std::less<>> asked_;
    int count_ = 0;
    Family* application_ = nullptr;
};

}  // namespace tb::sim
