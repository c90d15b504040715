// A QR code for a terminal, so that a phone can open the address.
#pragma once

#include <string>
#include <string_view>

namespace tb::cli {

// Half blocks, dark on light, with the quiet zone; empty if the text is too long for one.
std::string qr_code(std::string_view text);

}  // namespace tb::cli
