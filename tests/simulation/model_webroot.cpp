// Webroot's Unity API: form only, Basic credentials, a scope with every request, a new refresh
// token in every reply, and sometimes the true error code nested in another.
#include "tests/simulation/model.hpp"

namespace tb::sim {
namespace {

class Webroot final : public Model {
  public:
    using Model::Model;

    Family* grant_of(const http::Request& request) override {
        return issuer_.named(form_value(request.body.view(), "refresh_token")).family;
    }

    Answer process(const http::Request& request) override {
        const std::string_view body = request.body.view();
        if (request.target.view() != "/auth/token") return {404, R"({"error":"not_found"})"};
        if (request.method != "POST") return {405, R"({"error":"method"})"};
        if (!header_of(request, "Content-Type").starts_with("application/x-www-form-urlencoded"))
            return {415, R"({"error":"content_type"})"};
        if (header_of(request, "Authorization") != basic_credentials())
            return {401, R"({"error":"invalid_client"})"};
        if (form_value(body, "scope").empty() || form_value(body, "grant_type") != "refresh_token")
            return {400, R"({"error":"invalid_request"})"};
        const Issuer::Named named = issuer_.named(form_value(body, "refresh_token"));
        if (named.family == nullptr) return refused(0);
        const Issuer::Spent spent = issuer_.spend(*named.family, named.number);
        if (spent == Issuer::Spent::refused) return refused(named.family->id);
        const Issuer::Access access = spent == Issuer::Spent::renewed
                                          ? issuer_.mint(*named.family)
                                          : issuer_.newest(*named.family);
        Answer answer;
        fmt::format_to(std::back_inserter(answer.body),
                       R"({{"access_token":"{}","token_type":"bearer","expires_in":{},)"
                       R"("refresh_token":"{}","scope":"[\"ECom.Shop\"]"}})",
                       access.token, access.lifetime.count() / 1000,
                       Issuer::refresh_token(*named.family, named.family->issued));
        return answer;
    }

  private:
    static Answer refused(std::uint32_t style) {
        if (style % 2 == 0) return {400, R"({"error":"invalid_grant"})"};
        return {
            400,
            R"({"error":"invalid_request","error_description":"{\"error\":\"invalid_grant\"}"})"};
    }
};

}  // namespace

std::unique_ptr<Model> model_webroot(Issuer& issuer) {
    return std::make_unique<Webroot>(issuer);
}

}  // namespace tb::sim
