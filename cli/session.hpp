// One conversation with the daemon: connect, call, and every way it can fail as a Failure.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "cli/answer.hpp"
#include "cli/commands.hpp"
#include "ipc/client.hpp"

namespace tb::cli {

enum class Socket : std::uint8_t { tokens, admin };

Answer<ipc::Client> connect(const Common& common, Socket socket);

// `method` without the interface: "GetToken" on the tokens socket. wait_ms: how long the daemon may
// rightly take; the call itself gives up some seconds later.
Answer<boost::json::object> call(ipc::Client& client, Socket socket, std::string_view method,
                                 boost::json::object parameters, std::int64_t wait_ms = 0);
// Connects for this one call.
Answer<boost::json::object> call(const Common& common, Socket socket, std::string_view method,
                                 boost::json::object parameters, std::int64_t wait_ms = 0);

std::string qualified(Socket socket, std::string_view method);
boost::json::object to_object(const Pairs& pairs);
// The answer to a GetToken that front/ sent on common.connection.
Answer<boost::json::object> take_over(const Common& common, const TokenWish& wish);
// The token object of a GetToken.
Answer<boost::json::object> get_token(ipc::Client& client, const std::string& account,
                                      const TokenWish& wish);

}  // namespace tb::cli
