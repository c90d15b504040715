// What a webroot client section says, with its defaults; shared by the checks and the exchange.
#pragma once

#include <memory>
#include <string_view>

#include "providers/encoding.hpp"
#include "providers/provider.hpp"
#include "providers/urls.hpp"

namespace tb::providers::webroot {

inline constexpr std::string_view default_base_url = "https://unityapi.webrootcloudav.com";
inline constexpr Millis default_refresh_ttl{std::int64_t{14} * 86'400'000};  // documented
inline constexpr std::string_view default_user_agent = "tokenbroker/" TB_VERSION;

Result<BaseUrl> base_of(const ClientSettings& client);
bool credentials_in_body(const ClientSettings& client);  // client_auth = "post"
BasicEncoding encoding_of(const ClientSettings& client);
bool password_allowed(const ClientSettings& client);
Millis refresh_ttl(const ClientSettings& client);
std::string_view user_agent_of(const ClientSettings& client);

std::unique_ptr<Exchange> begin_exchange(Context context);

}  // namespace tb::providers::webroot
