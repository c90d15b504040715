// One kind of provider as it stands on the other side of the wire: reads a request as its pages
// say, strictly, and answers in its own format. One small file each, model_NAME.cpp; rules from
// docs/providers. They share no code with the adapters, and so no mistake.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/http.hpp"
#include "tests/simulation/issuer.hpp"

namespace tb::sim {

inline constexpr std::string_view client_id_of_all = "client_test";
inline constexpr std::string_view client_secret_of_all = "cs_test_of_the_simulation";

struct Answer {
    int status = 200;
    std::string body;
    std::string_view type = "application/json";
    bool dated = false;  // with a Date of the provider's own clock
};

class Model {
  public:
    explicit Model(Issuer& issuer) : issuer_(issuer) {}
    virtual ~Model() = default;
    // The request has arrived and is dealt with now.
    virtual Answer process(const http::Request& request) = 0;
    // The grant that this request presents, and could use up: nullptr where it presents none.
    virtual Family* grant_of(const http::Request& request) = 0;
    // Whom a request that presents no grant is for: for the budget.
    virtual Family* account_of(const http::Request& request) { return grant_of(request); }
    // 429 or 503 in its own words.
    virtual std::string busy(int status) const;

  protected:
    Issuer& issuer_;
};

std::unique_ptr<Model> model_webroot(Issuer& issuer);
std::unique_ptr<Model> model_immersve(Issuer& issuer);
std::unique_ptr<Model> model_playfab(Issuer& issuer);
std::unique_ptr<Model> model_readyplayerme(Issuer& issuer);
std::unique_ptr<Model> model_threekit(Issuer& issuer);

// The user_id that Ready Player Me's model knows this family by: 24 hex digits.
std::string user_id_of(const Family& family);
// The entity id of a player at PlayFab.
std::string entity_id_of(const Family& family);

// --- how requests are read, for all models ---
std::string_view header_of(const http::Request& request, std::string_view name);  // "" if absent
int headers_named(const http::Request& request, std::string_view name);
std::string form_value(std::string_view body, std::string_view name);
std::string_view json_text(std::string_view body,
                           std::string_view key);  // of a flat object, plain text
std::string base64_url(std::string_view bytes);
std::string jwt(std::string_view algorithm, std::string_view payload, std::string_view signature);
// "Basic ..." of the one client that all models know.
std::string_view basic_credentials();

}  // namespace tb::sim
