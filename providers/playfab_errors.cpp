// Source: the `errors` of PlayFab's API_Specs, its pages on global API errors and on throttling.
// What must stay true: a refused secret key never makes a grant dead, for an operator can correct
// it; an error that nobody listed never does either.
#include "providers/playfab_errors.hpp"

#include <algorithm>
#include <array>

namespace tb::providers::playfab {
namespace {

namespace hint {
constexpr std::string_view busy = "PlayFab is busy";
constexpr std::string_view broken = "PlayFab can't sign tokens now; tried again slowly";
constexpr std::string_view revoked =
    "it was revoked, which does not happen by itself: find out who did it and why";
constexpr std::string_view title = "check title_id and the title in Game Manager";
constexpr std::string_view entity = "check the attributes entity_id and entity_type";
constexpr std::string_view malformed = "PlayFab takes our request for malformed; report it";
}  // namespace hint

constexpr std::array known = {
    KnownError{500, Fault::busy, "unknown_server_error", hint::busy},
    KnownError{1000, Fault::request, "invalid_params", hint::malformed},
    KnownError{1002, Fault::account, "account_banned", "the player is banned"},
    KnownError{1004, Fault::setup, "invalid_title_id", hint::title},
    KnownError{1071, Fault::request, "invalid_request", hint::malformed},
    KnownError{1074, Fault::credential, "not_authenticated", "PlayFab does not accept it"},
    KnownError{1089, Fault::credential, "not_authorized", "PlayFab does not accept it"},
    KnownError{1100, Fault::credential, "invalid_session_ticket", "PlayFab does not accept it"},
    KnownError{1110, Fault::busy, "internal_server_error", hint::busy},
    KnownError{1123, Fault::busy, "service_unavailable", hint::busy},
    KnownError{1127, Fault::busy, "downstream_service_unavailable", hint::busy},
    KnownError{1131, Fault::setup, "invalid_api_endpoint", "check base_url"},
    KnownError{1133, Fault::busy, "concurrent_edit", hint::busy},
    KnownError{1144, Fault::request, "invalid_content_type", hint::malformed},
    KnownError{1191, Fault::setup, "not_authorized_by_title", hint::title},
    KnownError{1199, Fault::busy, "rate_limited", "asked too often"},
    KnownError{1200, Fault::request, "invalid_json", hint::malformed},
    KnownError{1214, Fault::setup, "over_limit", "the title is over one of its limits"},
    KnownError{1287, Fault::busy, "update_rate_limited", "asked too often"},
    KnownError{1291, Fault::certificate, "encryption_key_broken", hint::broken},
    KnownError{1293, Fault::setup, "secret_key_not_found",
               "the title has no such secret key, or it was disabled; make one in Game Manager and "
               "set it with tokenbroker client set-secret"},
    KnownError{1295, Fault::setup, "api_disabled_for_title", hint::title},
    KnownError{1298, Fault::setup, "no_such_profile", hint::entity},
    KnownError{1307, Fault::setup, "invalid_entity_id", hint::entity},
    KnownError{1322, Fault::account, "account_deleted", "the player's account was deleted"},
    KnownError{1334, Fault::credential, "entity_token_missing", "PlayFab saw no entity token"},
    KnownError{1335, Fault::credential, "entity_token_invalid", "PlayFab does not know it"},
    KnownError{1336, Fault::credential, "entity_token_expired", "it has expired"},
    KnownError{1337, Fault::credential, "entity_token_revoked", hint::revoked},
    KnownError{1342, Fault::busy, "too_many_at_once", "asked too often"},
    KnownError{1347, Fault::setup, "title_deleted", hint::title},
    KnownError{1373, Fault::setup, "invalid_entity_type", hint::entity},
    KnownError{1374, Fault::certificate, "certificate", hint::broken},
    KnownError{1375, Fault::certificate, "certificate", hint::broken},
    KnownError{1376, Fault::certificate, "certificate", hint::broken},
    KnownError{1377, Fault::certificate, "certificate", hint::broken},
    KnownError{1454, Fault::setup, "forbidden_by_policy",
               "the title's entity policy forbids it; change the policy in Game Manager"},
    KnownError{1536, Fault::certificate, "certificate", hint::broken},
    KnownError{1558, Fault::account, "entity_lineage_banned",
               "the entity, or one it belongs to, is banned"},
};
static_assert(std::is_sorted(known.begin(), known.end(),
                             [](const auto& a, const auto& b) { return a.number < b.number; }));

}  // namespace

std::string_view field_of(Credential credential) {
    switch (credential) {
        case Credential::secret_key:
            return "secret_key";
        case Credential::entity_token:
            return "entity_token";
        case Credential::session_ticket:
            return "session_ticket";
    }
    return "?";
}

std::string_view header_of(Credential credential) {
    switch (credential) {
        case Credential::secret_key:
            return "X-SecretKey";
        case Credential::entity_token:
            return "X-EntityToken";
        case Credential::session_ticket:
            // The documentation's prose says X-Authentication; the machine-readable specification
            // and all SDKs say this.
            return "X-Authorization";
    }
    return "?";
}

std::string_view words_of(Credential credential) {
    switch (credential) {
        case Credential::secret_key:
            return "secret key";
        case Credential::entity_token:
            return "entity token";
        case Credential::session_ticket:
            return "session ticket";
    }
    return "?";
}

const KnownError* known_error(int number) {
    const auto found =
        std::lower_bound(known.begin(), known.end(), number,
                         [](const KnownError& one, int n) { return one.number < n; });
    return found == known.end() || found->number != number ? nullptr : &*found;
}

FailureClass class_of(Fault fault, Credential sent) {
    switch (fault) {
        case Fault::busy:
        case Fault::certificate:
            return FailureClass::retry;
        case Fault::credential:
            return sent == Credential::secret_key ? FailureClass::config : FailureClass::reauth;
        case Fault::account:
            return FailureClass::reauth;
        case Fault::setup:
            return FailureClass::config;
        case Fault::request:
            return FailureClass::never;
    }
    return FailureClass::never;
}

FailureClass class_of_unknown(int status) {
    if (status == 408 || status == 409 || status == 429) return FailureClass::retry;
    return status >= 500 && status != 501 ? FailureClass::retry : FailureClass::config;
}

}  // namespace tb::providers::playfab
