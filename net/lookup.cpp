// The blocking look-up that resolver workers run, and the order in which addresses are tried.
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/limits.hpp"
#include "net/resolver.hpp"

namespace tb::net {
namespace {

LookupResult ask_system(const std::string& host) {
    LookupResult result;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &first);
    if (error != 0) {
        result.error = error == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(error);
        return result;
    }
    for (const addrinfo* at = first; at != nullptr; at = at->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (at->ai_addrlen > endpoint.capacity()) continue;
        memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
        result.addresses.push_back(endpoint.address());
    }
    freeaddrinfo(first);
    if (result.addresses.empty()) result.error = "the name has no addresses";
    return result;
}

LookupResult never_answer(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any nothing;
    std::unique_lock lock(mutex);
    nothing.wait(lock, stop, [] { return false; });
    return LookupResult{{}, "stopped"};
}

LookupResult from_override(const std::string& value, const std::stop_token& stop) {
    if (value.empty()) return never_answer(stop);
    LookupResult result;
    for (std::size_t at = 0; at <= value.size();) {
        const std::size_t comma = std::min(value.find(',', at), value.size());
        boost::system::error_code error;
        const auto address = asio::ip::make_address(value.substr(at, comma - at), error);
        if (!error) result.addresses.push_back(address);
        at = comma + 1;
    }
    if (result.addresses.empty()) result.error = "the override is no address";
    return result;
}

struct SystemLookup {
    std::map<std::string, std::string> overrides;
    LookupResult operator()(const std::string& host, const std::stop_token& stop) const {
        const auto found = overrides.find(host);
        return found == overrides.end() ? ask_system(host) : from_override(found->second, stop);
    }
};

}  // namespace

Lookup system_lookup(std::vector<std::pair<std::string, std::string>> overrides) {
    SystemLookup lookup;
    for (auto& [host, value] : overrides)
        lookup.overrides.insert_or_assign(std::move(host), std::move(value));
    return lookup;
}

Addresses by_turns(const Addresses& addresses) {
    Addresses families[2];
    const bool first_is_v6 = !addresses.empty() && addresses.front().is_v6();
    for (const auto& address : addresses)
        families[address.is_v6() == first_is_v6 ? 0 : 1].push_back(address);
    Addresses out;
    for (std::size_t i = 0; i < addresses.size() && out.size() < limits::addresses_max; ++i)
        for (const Addresses& family : families)
            if (i < family.size() && out.size() < limits::addresses_max) out.push_back(family[i]);
    return out;
}

}  // namespace tb::net
