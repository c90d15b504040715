// Which kept connection may carry the next request. Pure policy over any Connection type: the
// newest first (most likely alive), few an origin and few in all, none for longer than idle_max.
// Whether the chosen one is still alive is the caller's check.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/limits.hpp"
#include "base/time.hpp"

namespace tb::net {

template <class Connection>
class IdlePool {
  public:
    explicit IdlePool(Millis idle_max) : idle_max_(idle_max) {}

    // The newest of `key` that was idle for less than `idle_below`, or nullptr. An older one stays:
    // it may serve another request.
    std::unique_ptr<Connection> take(const std::string& key, BootTime now, Millis idle_below) {
        const auto found = idle_.find(key);
        if (found == idle_.end()) return nullptr;
        auto& newest = found->second.back();
        if (now - newest.since >= std::min(idle_below, idle_max_)) return nullptr;
        std::unique_ptr<Connection> out = std::move(newest.connection);
        found->second.pop_back();
        --size_;
        if (found->second.empty()) idle_.erase(found);
        return out;
    }

    void put(const std::string& key, std::unique_ptr<Connection> connection, BootTime now) {
        auto& of_key = idle_[key];
        of_key.push_back({std::move(connection), now});
        ++size_;
        if (of_key.size() > limits::idle_connections_per_origin_max) {
            of_key.pop_front();
            --size_;
        }
        if (size_ > limits::idle_connections_max) drop_oldest();
    }

    void expire(BootTime now) {
        for (auto it = idle_.begin(); it != idle_.end();) {
            while (!it->second.empty() && now - it->second.front().since >= idle_max_) {
                it->second.pop_front();
                --size_;
            }
            it = it->second.empty() ? idle_.erase(it) : std::next(it);
        }
    }

    std::optional<BootTime> next_expiry() const {
        std::optional<BootTime> first;
        for (const auto& [key, of_key] : idle_)
            if (!first || of_key.front().since + idle_max_ < *first)
                first = of_key.front().since + idle_max_;
        return first;
    }

    void clear() {
        idle_.clear();
        size_ = 0;
    }
    std::size_t size() const { return size_; }

  private:
    struct Idle {
        std::unique_ptr<Connection> connection;
        BootTime since;
    };

    void drop_oldest() {
        auto oldest = idle_.begin();
        for (auto it = idle_.begin(); it != idle_.end(); ++it)
            if (it->second.front().since < oldest->second.front().since) oldest = it;
        oldest->second.pop_front();
        --size_;
        if (oldest->second.empty()) idle_.erase(oldest);
    }

    Millis idle_max_;
    std::unordered_map<std::string, std::deque<Idle>> idle_;  // oldest first; never empty
    std::size_t size_ = 0;
};

}  // namespace tb::net
