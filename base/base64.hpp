// RFC 4648 base64 with padding: how bytes travel inside JSON between the daemon and its command.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace tb {

std::string to_base64(std::string_view bytes);
// Only what to_base64 makes: nothing else is taken, no white space, no missing padding.
std::optional<Secret> from_base64(std::string_view text);

}  // namespace tb
