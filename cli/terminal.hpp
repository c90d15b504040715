// The three standard streams: output that notices when nobody takes it, colours only where they are
// wanted, secrets read without echo.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "cli/answer.hpp"

namespace tb::cli {

// First thing in main: a closed standard stream would be the number of the next file opened, and
// a token would go to the daemon's socket. Standard output is then one that refuses every write.
void guard_standard_streams();

// All of it, or a Failure (closed pipe, full disk).
Answer<> print(std::string_view text);
Answer<> print_line(std::string_view text);
Answer<> print_json(const boost::json::object& object);  // one line
void complain(std::string_view text);                    // standard error, each line named ours

// On a terminal, without NO_COLOR and not on a dumb one.
bool colours_wanted();
bool output_is_terminal();

// Standard input: a line typed without echo on a terminal, else everything. Trailing line ends are
// removed; empty, over limits::secret_bytes_max or not UTF-8 is refused. `what` names it for
// people.
Answer<Secret> read_secret(std::string_view what);
Answer<Secret> read_secret_file(const std::string& path);

}  // namespace tb::cli
