// A provider's own words, made fit for people and logs: known secrets removed in every form they
// could be echoed in, everything but printable ASCII escaped, cut to a limit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace tb::providers {

class Scrubber {
  public:
    // Values shorter than 4 bytes can't be told from ordinary text: a text that holds one is
    // withheld as a whole.
    void add(std::string_view secret);
    void add(const SecretSet& secrets);

    // At most limits::error_text_bytes_max bytes. No secret that was added is in it, neither raw
    // nor form-, query-, JSON- or base64-encoded.
    std::string clean(std::string_view text) const;

  private:
    bool holds_one(std::string_view text) const;
    std::vector<Secret> needles_;
};

}  // namespace tb::providers
