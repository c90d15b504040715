// The reply of a GetToken, built once a generation and copied for each reader with the remaining
// time patched in. The token stands in it once and is copied twice: a reply names it as `token` and
// inside `header`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "base/time.hpp"
#include "storage/records.hpp"

namespace tb::daemon {

class HandOut {
  public:
    HandOut() = default;
    // expires_wall: shown to people; nullopt = the token has no expiry.
    HandOut(std::string_view account, const storage::TokenRecord& token,
            std::optional<WallTime> expires_wall);

    bool empty() const { return block_.empty(); }
    // It is read soon: the first lines of it come from memory meanwhile, the others by themselves.
    void fetch_ahead() const {
        constexpr std::size_t line = 64;
        const char* at = block_.view().data();
        for (std::size_t i = 0; i < 6; ++i)
            __builtin_prefetch(at + i * line);
    }
    // The same token under another number. Not for an empty one.
    void renumber(std::uint64_t generation);
    Secret token() const;
    // Appends the whole reply frame of GetToken. remaining is ignored for tokens without an expiry.
    void append_reply(std::string& out, Millis remaining) const;
    // The Token object alone, for WatchTokens.
    void append_token(std::string& out, Millis remaining) const;

  private:
    void append_body(std::string& out, Millis remaining) const;
    // block_ = head | escaped token | between | tail, where the reply is head token between token
    // middle remaining tail.
    Secret block_;
    std::uint32_t head_ = 0;
    std::uint32_t token_ = 0;
    std::uint32_t between_ = 0;
    std::uint32_t middle_ = 0;  // ends where the remaining time goes; == size without an expiry
};

}  // namespace tb::daemon
