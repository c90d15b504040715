// From a name to an account, for every read: open addressing, 16 bytes an account in one line of
// memory, the whole hash beside the pointer. So a read of a random account misses the cache once
// here, and the name itself is compared in the account, whose lines the read needs anyway. Owns
// nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "daemon/huge_array.hpp"

namespace tb::daemon {

// Item has a member `name` that compares with a std::string_view.
template <class Item>
class AccountIndex {
  public:
    Item* find(std::string_view name) const {
        if (slots_.empty()) return nullptr;
        const std::size_t hash = hash_of(name);
        for (std::size_t at = hash & mask(); slots_[at].item != nullptr; at = (at + 1) & mask())
            if (slots_[at].hash == hash) {
                fetch_ahead(slots_[at].item);
                if (slots_[at].item->name == name) return slots_[at].item;
            }
        return nullptr;
    }
    // The name must not be there yet.
    void add(Item& item) {
        if ((size_ + 1) * 3 > slots_.size() * 2) grow();
        ++size_;
        put({hash_of(item.name), &item});
    }
    void remove(const Item& item) {
        const std::size_t hash = hash_of(item.name);
        std::size_t hole = hash & mask();
        while (slots_[hole].item != &item)
            hole = (hole + 1) & mask();
        --size_;
        // What was pushed behind it moves up, so that no search ends too early.
        for (std::size_t at = (hole + 1) & mask(); slots_[at].item != nullptr;
             at = (at + 1) & mask()) {
            const std::size_t home = slots_[at].hash & mask();
            if (((at - home) & mask()) < ((at - hole) & mask())) continue;
            slots_[hole] = slots_[at];
            hole = at;
        }
        slots_[hole] = {};
    }
    std::size_t size() const { return size_; }

  private:
    // What a read needs of it next, while its name is still on its way from memory.
    static void fetch_ahead(const Item* item) {
        constexpr std::size_t line = 64;
        const auto* at = reinterpret_cast<const char*>(item);
        for (std::size_t i = 1; i <= 4; ++i)
            __builtin_prefetch(at + i * line);
    }
    struct Slot {
        std::size_t hash = 0;
        Item* item = nullptr;
    };
    static constexpr std::size_t slots_first = 64;
    static std::size_t hash_of(std::string_view name) {
        return std::hash<std::string_view>{}(name);
    }
    std::size_t mask() const { return slots_.size() - 1; }
    void put(Slot slot) {
        std::size_t at = slot.hash & mask();
        while (slots_[at].item != nullptr)
            at = (at + 1) & mask();
        slots_[at] = slot;
    }
    // The hashes are at hand, so a million accounts move within 20 ms, once in a doubling.
    void grow() {
        std::vector<Slot, HugeArray<Slot>> before(slots_.empty() ? slots_first : slots_.size() * 2);
        before.swap(slots_);
        for (const Slot& slot : before)
            if (slot.item != nullptr) put(slot);
    }

    std::vector<Slot, HugeArray<Slot>> slots_;  // a power of two of them, at most two thirds in use
    std::size_t size_ = 0;
};

}  // namespace tb::daemon
