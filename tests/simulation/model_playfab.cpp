// PlayFab's GetEntityToken: exactly one credential, an entity, an absolute TokenExpiration that
// only makes sense beside the reply's own Date, errors by number.
#include <array>
#include <charconv>
#include <ctime>

#include "tests/simulation/model.hpp"

namespace tb::sim {
namespace {

Answer error(int status, int number, std::string_view name) {
    return {status, fmt::format(R"({{"code":{},"status":"{}","error":"{}","errorCode":{},)"
                                R"("errorMessage":"simulated"}})",
                                status, name, name, number)};
}

std::string iso8601(std::int64_t wall_ms, std::uint32_t style) {
    const std::time_t seconds = wall_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::string out(text.data(), n);
    if (style % 3 == 1) out += fmt::format(".{:03}", wall_ms % 1000);
    if (style % 3 == 2) out += fmt::format(".{:03}0000", wall_ms % 1000);
    return out + "Z";
}

class Playfab final : public Model {
  public:
    using Model::Model;

    Family* grant_of(const http::Request&) override { return nullptr; }  // nothing is used up
    Family* account_of(const http::Request& request) override {
        const std::string_view id = json_text(request.body.view(), "Id");
        std::uint32_t family = 0;
        if (id.size() < 2) return nullptr;
        std::from_chars(id.data() + 1, id.data() + id.size(), family, 16);
        return issuer_.by_id(family);
    }

    Answer process(const http::Request& request) override {
        const int credentials = headers_named(request, "X-SecretKey") +
                                headers_named(request, "X-EntityToken") +
                                headers_named(request, "X-Authorization");
        if (request.target.view() != "/Authentication/GetEntityToken" || request.method != "POST")
            return error(404, 1131, "InvalidAPIEndpoint");
        if (header_of(request, "Content-Type") != "application/json")
            return error(400, 1144, "InvalidContentType");
        if (credentials != 1) return error(400, 1071, "InvalidRequest");
        Family* family = account_of(request);
        if (family == nullptr) return error(400, 1307, "InvalidEntity");
        const std::string_view key = header_of(request, "X-SecretKey");
        const std::string_view token = header_of(request, "X-EntityToken");
        if (!key.empty() && key != client_secret_of_all)
            return error(401, 1293, "SecretKeyNotFound");
        if (!token.empty()) {
            const Issuer::Named named = issuer_.named(token);
            if (named.family != family) return error(401, 1335, "EntityTokenInvalid");
            if (!issuer_.alive(*family, named.number))
                return error(401, 1336, "EntityTokenExpired");
        }
        const Issuer::Access access = issuer_.mint(*family);
        Answer answer;
        answer.dated = true;
        answer.body = fmt::format(
            R"({{"code":200,"status":"OK","data":{{"EntityToken":"{}","TokenExpiration":"{}",)"
            R"("Entity":{{"Id":"{}","Type":"title_player_account",)"
            R"("TypeString":"title_player_account"}}}}}})",
            access.token, iso8601(issuer_.wall_ms() + access.lifetime.count(), family->id),
            entity_id_of(*family));
        return answer;
    }

    std::string busy(int status) const override {
        return fmt::format(R"({{"code":{},"status":"TooManyRequests","retryAfterSeconds":1,)"
                           R"("error":"APIClientRequestRateLimitExceeded","errorCode":1199}})",
                           status);
    }
};

}  // namespace

std::string entity_id_of(const Family& family) {
    return fmt::format("E{:X}", family.id);
}

std::unique_ptr<Model> model_playfab(Issuer& issuer) {
    return std::make_unique<Playfab>(issuer);
}

}  // namespace tb::sim
