// PlayFab's numbered errors: what each says, and what it means for the credential that was sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/http.hpp"

namespace tb::providers::playfab {

// What a request was authorised with: exactly one of them.
enum class Credential : std::uint8_t { secret_key, entity_token, session_ticket };
std::string_view field_of(Credential credential);   // "secret_key"
std::string_view header_of(Credential credential);  // "X-SecretKey"
std::string_view words_of(Credential credential);   // "secret key", for people

enum class Fault : std::uint8_t {
    busy,         // asked too often, or in trouble for a moment
    certificate,  // PlayFab's own keys are broken: nothing that a quick retry mends
    credential,   // the credential is dead or wrong; another one may do
    account,      // the player is banned or deleted, whatever the credential
    setup,        // an operator must change something
    request,      // our request is wrong
};

struct KnownError {
    int number;
    Fault fault;
    std::string_view code;  // ours: "entity_token_expired"
    std::string_view advice;
};
const KnownError* known_error(int number);  // nullptr: judge by the status

FailureClass class_of(Fault fault, Credential sent);
// Of an error with a number that is not in the table, or with none.
FailureClass class_of_unknown(int status);

}  // namespace tb::providers::playfab
