// Threekit: a catalogue that tells good tokens from bad ones. Private tokens come in the header,
// public ones in the query, from one of their domains.
#include "tests/simulation/model.hpp"

namespace tb::sim {
namespace {

class Threekit final : public Model {
  public:
    using Model::Model;

    Family* grant_of(const http::Request&) override { return nullptr; }
    Family* account_of(const http::Request& request) override {
        return issuer_.named(token(request)).family;
    }

    Answer process(const http::Request& request) override {
        if (request.method != "GET" || !request.target.view().starts_with("/api/catalog/products?"))
            return {404, R"({"message":"Not Found"})"};
        const bool in_query = header_of(request, "Authorization").empty();
        if (in_query && header_of(request, "Origin") != "https://shop.example.com")
            return {403, R"({"message":"Forbidden"})"};
        const Family* family = account_of(request);
        if (family == nullptr || family->revoked) return {401, R"({"message":"Unauthorized"})"};
        return {200, R"({"count":0,"products":[]})"};
    }

  private:
    static std::string_view token(const http::Request& request) {
        constexpr std::string_view bearer = "Bearer ";
        constexpr std::string_view in_query = "?bearer_token=";
        const std::string_view header = header_of(request, "Authorization");
        if (header.starts_with(bearer)) return header.substr(bearer.size());
        const std::string_view target = request.target.view();
        const std::size_t at = target.find(in_query);
        if (at == std::string_view::npos) return {};
        const std::string_view rest = target.substr(at + in_query.size());
        return rest.substr(0, rest.find('&'));
    }
};

}  // namespace

std::unique_ptr<Model> model_threekit(Issuer& issuer) {
    return std::make_unique<Threekit>(issuer);
}

}  // namespace tb::sim
