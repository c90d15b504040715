// Names to addresses without queueing behind a dead name: Asio's resolver has one hidden thread,
// here each look-up has a thread of a small pool. One look-up a name is in flight, shared by all
// who wait for it. Last good addresses are kept, and used again when a new look-up fails or takes
// longer than lookup_patience_ms. All of it on the executor's thread but the look-up itself; the
// workers are detached, so that one stuck in getaddrinfo holds up neither a stop nor the exit.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/async.hpp"
#include "base/log.hpp"
#include "base/time.hpp"

namespace tb::net {

using Addresses = std::vector<asio::ip::address>;

struct LookupResult {
    Addresses addresses;
    std::string error;  // why there are none
};

// Runs on a worker and may block for long; it should return soon after the token says stop.
using Lookup = std::function<LookupResult(const std::string& host, std::stop_token stop)>;

// getaddrinfo, with HttpsOptions::resolve_overrides in front.
Lookup system_lookup(std::vector<std::pair<std::string, std::string>> overrides);

// IPv6 and IPv4 by turns, beginning with the family that came first (RFC 8305), at most
// addresses_max: a black hole of one family can't hide the other.
Addresses by_turns(const Addresses& addresses);

class Resolver {
  public:
    Resolver(asio::any_io_executor executor, Clock& clock, Log& log, Lookup lookup);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // Ends early, with nothing in it, when given_up() is true after a wake().
    awaitable<LookupResult> find(std::string host, std::function<bool()> given_up);
    void wake(const std::string& host);
    // The addresses did not answer: the next find() looks them up again.
    void distrust(const std::string& host);

  private:
    struct Name;
    struct Workers;
    struct Worker;
    struct Delivery;
    std::shared_ptr<Name> name_of(const std::string& host);
    void start(const std::string& host, Name& name);
    void delivered(const std::string& host, LookupResult result);

    asio::any_io_executor executor_;
    Clock& clock_;
    Log& log_;
    std::shared_ptr<Workers> workers_;
    std::unordered_map<std::string, std::shared_ptr<Name>> names_;
};

}  // namespace tb::net
