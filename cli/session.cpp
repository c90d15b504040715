// The only file that knows how a call is made.
#include "cli/session.hpp"

#include <algorithm>
#include <limits>

#include "cli/errors.hpp"
#include "cli/json.hpp"

namespace tb::cli {
namespace {

// For the answer to travel, over what the daemon itself may take: a commit, a loaded machine.
constexpr std::int64_t slack_ms = 15'000;

int patience_ms(std::int64_t wait_ms) {
    const std::int64_t longest = std::numeric_limits<int>::max() - slack_ms;
    return static_cast<int>(std::min(wait_ms, longest) + slack_ms);
}

Answer<boost::json::object> parameters_of(Result<ipc::CallReply> reply) {
    if (!reply) return to_failure(reply.error());
    if (reply->error) return to_failure(*reply->error);
    return std::move(reply->parameters);
}

Answer<boost::json::object> token_of(const Answer<boost::json::object>& reply) {
    if (!reply) return reply.error();
    const auto* token = member(*reply, "token");
    if (token == nullptr || text(*token, "token").empty())
        return failed("the daemon's answer holds no token: another version of tokenbrokerd?");
    return *token;
}

}  // namespace

std::string qualified(Socket socket, std::string_view method) {
    std::string name = socket == Socket::admin ? "io.tokenbroker.admin." : "io.tokenbroker.tokens.";
    return name.append(method);
}

Answer<ipc::Client> connect(const Common& common, Socket socket) {
    const bool admin = socket == Socket::admin;
    const std::string path = admin && !common.admin_socket.empty()
                                 ? common.admin_socket
                                 : ipc::default_socket(common.socket, admin);
    auto client = ipc::Client::connect(path);
    if (!client) return to_failure(client.error());
    return std::move(*client);
}

Answer<boost::json::object> call(ipc::Client& client, Socket socket, std::string_view method,
                                 boost::json::object parameters, std::int64_t wait_ms) {
    return parameters_of(
        client.call(qualified(socket, method), std::move(parameters), patience_ms(wait_ms)));
}

Answer<boost::json::object> call(const Common& common, Socket socket, std::string_view method,
                                 boost::json::object parameters, std::int64_t wait_ms) {
    auto client = connect(common, socket);
    if (!client) return client.error();
    return call(*client, socket, method, std::move(parameters), wait_ms);
}

Answer<boost::json::object> take_over(const Common& common, const TokenWish& wish) {
    auto client =
        ipc::Client::adopt(UniqueFd(common.connection), ipc::default_socket(common.socket, false));
    return token_of(parameters_of(
        client.await_reply(qualified(Socket::tokens, "GetToken"), patience_ms(wish.timeout_ms))));
}

boost::json::object to_object(const Pairs& pairs) {
    boost::json::object object;
    for (const auto& [name, value] : pairs)
        object[name] = value;
    return object;
}

Answer<boost::json::object> get_token(ipc::Client& client, const std::string& account,
                                      const TokenWish& wish) {
    boost::json::object parameters;
    parameters["account"] = account;
    if (wish.min_remaining_ms) parameters["min_remaining_ms"] = *wish.min_remaining_ms;
    parameters["timeout_ms"] = wish.timeout_ms;
    if (!wish.parameters.empty()) parameters["parameters"] = to_object(wish.parameters);
    return token_of(
        call(client, Socket::tokens, "GetToken", std::move(parameters), wish.timeout_ms));
}

}  // namespace tb::cli
