// The providers that are built in, by name. One line for each new one: its function, declared in
// builtin.hpp. register_provider is for tests, before threads that look one up exist.
#include <algorithm>

#include "base/check.hpp"
#include "providers/builtin.hpp"

namespace tb::providers {
namespace {

std::vector<const Provider*>& all_providers() {
    static std::vector<const Provider*> all = {
        &webroot_provider(),       &threekit_provider(), &immersve_provider(),
        &readyplayerme_provider(), &playfab_provider(),  &oauth2_provider(),
    };
    return all;
}

}  // namespace

const Provider* find_provider(std::string_view name) {
    const auto& all = all_providers();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Provider* p) { return p->name() == name; });
    return found == all.end() ? nullptr : *found;
}

std::vector<std::string_view> provider_names() {
    std::vector<std::string_view> names;
    for (const Provider* provider : all_providers())
        names.push_back(provider->name());
    return names;
}

void register_provider(const Provider& provider) {
    TB_ASSERT(find_provider(provider.name()) == nullptr);
    all_providers().push_back(&provider);
}

}  // namespace tb::providers
