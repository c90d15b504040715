// One function for each built-in provider; the instance lives as long as the process.
#pragma once

#include "providers/provider.hpp"

namespace tb::providers {

const Provider& webroot_provider();
const Provider& threekit_provider();
const Provider& immersve_provider();
const Provider& readyplayerme_provider();
const Provider& playfab_provider();
const Provider& oauth2_provider();

}  // namespace tb::providers
