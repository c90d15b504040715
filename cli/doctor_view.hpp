// What `doctor` sees of sockets from the client's side, and how findings are shown. Pure.
#pragma once

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace tb::cli {

boost::json::object finding(std::string_view check, std::string_view level, std::string_view what,
                            std::string_view why = {}, std::string_view run = {});
bool is_problem(const boost::json::object& finding);
// Ended lines: what, and below it why and what to run.
std::string finding_text(const boost::json::object& finding, bool colours);

struct SocketFact {
    std::string path;
    std::string chosen_by;  // "--socket", "TOKENBROKER_SOCKET", "your own daemon's", "the system's"
    bool there = false;
    bool answers = false;
    std::string error;  // why it doesn't
    mode_t mode = 0;
    uid_t uid = 0;
    uid_t own_uid = 0;
};
boost::json::object judge_socket(const SocketFact& fact);

}  // namespace tb::cli
