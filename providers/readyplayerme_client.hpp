// What a readyplayerme client section says, with its defaults; shared by the checks and the
// exchange.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "providers/provider.hpp"
#include "providers/urls.hpp"

namespace tb::providers::readyplayerme {

inline constexpr Millis default_min_remaining{10'000};
inline constexpr Millis default_deadline{5'000};

Result<BaseUrl> base_of(const ClientSettings& client);
std::string_view partner_of(const ClientSettings& client);
Millis min_remaining_of(const ClientSettings& client);  // at hand-out
Millis deadline_of(const ClientSettings& client);       // of both tries together

// 24 lower-case hex digits, as all that were seen; others are let through.
bool looks_like_user_id(std::string_view user_id);

std::unique_ptr<Exchange> begin_exchange(Context context);

}  // namespace tb::providers::readyplayerme
