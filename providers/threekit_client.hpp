// What a threekit client section says, and what is done with its token; shared by the checks and
// the exchange.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "providers/provider.hpp"
#include "providers/urls.hpp"

namespace tb::providers::threekit {

bool is_public(const ClientSettings& client);
Result<BaseUrl> base_of(const ClientSettings& client);
std::vector<std::string> domains_of(const ClientSettings& client);
// One of the domains matches this origin or host.
bool listed(const ClientSettings& client, std::string_view origin);

// A token as people paste it: white space around it, quotes and a "Bearer " in front are removed,
// each with a notice. Refused: nothing, several lines, anything that a header can't carry.
Result<Secret> clean_token(std::string_view pasted, std::vector<std::string>& notices);

// The token as it is handed out: it doesn't expire.
Minted minted_from(const ClientSettings& client, const Secret& token, BootTime now);

// renew: the token in hand, without a request. probe: one read of the catalogue.
std::unique_ptr<Exchange> begin_exchange(Context context);

}  // namespace tb::providers::threekit
