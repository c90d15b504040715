// Ready Player Me: a GET with an API key mints a JWT of 15 s for one user.
#include <charconv>

#include "tests/simulation/model.hpp"

namespace tb::sim {
namespace {

class ReadyPlayerMe final : public Model {
  public:
    using Model::Model;

    Family* grant_of(const http::Request&) override { return nullptr; }
    Family* account_of(const http::Request& request) override {
        const std::string_view user = user_of(request);
        std::uint32_t family = 0;
        const auto read = std::from_chars(user.data(), user.data() + user.size(), family, 16);
        return read.ec == std::errc() && user.size() == 24 ? issuer_.by_id(family) : nullptr;
    }

    Answer process(const http::Request& request) override {
        const std::string_view target = request.target.view();
        if (request.method != "GET") return {405, R"({"message":"Method Not Allowed"})"};
        if (header_of(request, "x-api-key") != client_secret_of_all)
            return {401, R"({"message":"Invalid API key"})"};
        if (target.find("&partner=partner_test") == std::string_view::npos)
            return {400, R"({"message":"partner is missing"})"};
        if (user_of(request) == "stranger")
            return {403, R"({"message":"User has not authorized"})"};
        Family* family = account_of(request);
        if (family == nullptr) return {404, R"({"message":"Not Found"})"};
        const Issuer::Access access = issuer_.mint(*family);
        const std::int64_t now = issuer_.wall_ms() / 1000;
        std::string payload;
        fmt::format_to(std::back_inserter(payload),
                       R"({{"id":"{}","partner":"partner_test","iat":{},"exp":{}}})",
                       user_of(request), now, now + 15);
        Answer answer;
        fmt::format_to(std::back_inserter(answer.body), R"({{"data":{{"token":"{}"}}}})",
                       jwt("HS256", payload, access.token));
        return answer;
    }

  private:
    static std::string_view user_of(const http::Request& request) {
        constexpr std::string_view path = "/v1/auth/token?userId=";
        std::string_view target = request.target.view();
        if (!target.starts_with(path)) return {};
        target.remove_prefix(path.size());
        return target.substr(0, target.find('&'));
    }
};

}  // namespace

std::string user_id_of(const Family& family) {
    return fmt::format("{:024x}", family.id);
}

std::unique_ptr<Model> model_readyplayerme(Issuer& issuer) {
    return std::make_unique<ReadyPlayerMe>(issuer);
}

}  // namespace tb::sim
