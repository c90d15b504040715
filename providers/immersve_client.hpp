// What an immersve client section says, with its defaults; shared by the checks and the exchange.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "providers/provider.hpp"
#include "providers/urls.hpp"

namespace tb::providers::immersve {

inline constexpr std::string_view default_base_url = "https://api.immersve.com";

Result<BaseUrl> base_of(const ClientSettings& client);
// The Origin header in its serialised form, whatever was written.
Result<std::string> origin_of(const ClientSettings& client);

std::unique_ptr<Exchange> begin_exchange(Context context);

}  // namespace tb::providers::immersve
