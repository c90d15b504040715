// Four providers that don't exist, one of each kind that the step machine must carry besides
// Webroot's: for the tests here and for the simulation. Plain base_url, few checks; what they send
// and how they read an answer is as real as it gets.
//   test-minted    on demand, with parameters; minted once more when it arrives too old
//   test-entity    renewed while valid; falls back from entity token to secret key to ticket
//   test-rotating  single-use refresh token in a JSON body, times from JWTs
//   test-static    an API key with a probe
#pragma once

#include "providers/provider.hpp"

namespace tb::test {

const providers::Provider& minted_provider();
const providers::Provider& entity_provider();
const providers::Provider& rotating_provider();
const providers::Provider& static_provider();

// Into the registry, once a process.
void register_test_providers();

}  // namespace tb::test
