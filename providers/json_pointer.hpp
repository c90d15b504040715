// Where a server keeps what others keep at the top: RFC 6901 pointers ("/data/token") into a reply.
#pragma once

#include <string_view>

#include "providers/json_reply.hpp"

namespace tb::providers {

// "/" in front of every step, '~' only as "~0" or "~1". "" is fine and means: nowhere.
bool good_pointer(std::string_view pointer);

// Absent where a step leads nowhere or to two members; duplicate where the last one does.
JsonReply::Value at_pointer(const JsonReply::Value& root, std::string_view pointer);

}  // namespace tb::providers
