// Immersve: JSON, an Origin, no secret but the refresh token; both tokens are JWTs whose claims
// alone say how long they live.
#include "tests/simulation/model.hpp"

namespace tb::sim {
namespace {

class Immersve final : public Model {
  public:
    using Model::Model;

    Family* grant_of(const http::Request& request) override {
        return issuer_.named(json_text(request.body.view(), "refreshToken")).family;
    }

    Answer process(const http::Request& request) override {
        const std::string_view body = request.body.view();
        if (request.method != "POST" || request.target.view() != "/auth/token")
            return {404, R"({"statusCode":404,"statusName":"Not Found","errorCode":"NOT_FOUND"})"};
        if (header_of(request, "Content-Type") != "application/json" ||
            json_text(body, "refreshToken").empty())
            return {400, R"({"statusCode":400,"errorCode":"INVALID_REQUEST_INPUT","errors":[]})"};
        if (header_of(request, "Origin") != "https://app.example.com")
            return forbidden("ORIGIN_NOT_ALLOWED");
        if (json_text(body, "clientApplicationId") != client_id_of_all)
            return forbidden("CLIENT_APPLICATION_MISMATCH");
        const Issuer::Named named = issuer_.named(json_text(body, "refreshToken"));
        if (named.family == nullptr)
            return {401, R"({"statusCode":401,"errorCode":"UNAUTHORIZED"})"};
        Family& family = *named.family;
        const Issuer::Spent spent = issuer_.spend(family, named.number);
        if (spent == Issuer::Spent::refused) return spent_grant(family);
        const Issuer::Access access =
            spent == Issuer::Spent::renewed ? issuer_.mint(family) : issuer_.newest(family);
        Answer answer;
        fmt::format_to(
            std::back_inserter(answer.body), R"({{"accessToken":"{}","refreshToken":"{}"}})",
            token(access.token, access.expires_ms - access.lifetime.count(), access.expires_ms),
            token(Issuer::refresh_token(family, family.issued), issuer_.now_ms(),
                  issuer_.now_ms() + family.grant_life.count()));
        return answer;
    }

  private:
    static Answer forbidden(std::string_view code) {
        return {
            403,
            fmt::format(R"({{"statusCode":403,"statusName":"Forbidden","errorCode":"{}"}})", code)};
    }
    // What it says of one that is spent is documented nowhere: each family has one of the styles.
    static Answer spent_grant(const Family& family) {
        if (family.id % 3 == 0) return forbidden("REFRESH_TOKEN_EXPIRED");
        if (family.id % 3 == 1)
            return {403, R"({"statusCode":403,"statusName":"Forbidden","errorCode":"FORBIDDEN",)"
                         R"("reason":"REFRESH_TOKEN_EXPIRED"})"};
        return {401,
                R"({"statusCode":401,"statusName":"Unauthorized","errorCode":"UNAUTHORIZED"})"};
    }
    static std::string token(std::string_view name, std::int64_t from_ms, std::int64_t until_ms) {
        // Whole seconds, both rounded down: a life is never told too long.
        const std::int64_t issued = from_ms / 1000;
        const std::int64_t life = (until_ms - from_ms) / 1000;
        std::string payload;
        fmt::format_to(std::back_inserter(payload), R"({{"sub":"u1","iat":{},"exp":{}}})",
                       1'800'000'000 + issued, 1'800'000'000 + issued + life);
        return jwt("RS256", payload, name);
    }
};

}  // namespace

std::unique_ptr<Model> model_immersve(Issuer& issuer) {
    return std::make_unique<Immersve>(issuer);
}

}  // namespace tb::sim
