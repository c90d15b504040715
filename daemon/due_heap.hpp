// One heap for all deadlines of accounts: 16 bytes an entry, an account knows its place in it, so
// moving one is O(log n) and an idle account costs no timer and no coroutine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace tb::daemon {

// Item has a member `std::size_t heap_place` that starts as DueHeap<Item>::none and belongs to the
// heap.
template <class Item>
class DueHeap {
  public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    void set(Item& item, BootTime at) {
        if (item.heap_place == none) {
            item.heap_place = entries_.size();
            entries_.push_back({at, &item});
        } else {
            entries_[item.heap_place].at = at;
        }
        sink(rise(item.heap_place));
    }
    void remove(Item& item) {
        if (item.heap_place == none) return;
        const std::size_t place = item.heap_place;
        item.heap_place = none;
        const Entry last = entries_.back();
        entries_.pop_back();
        if (place == entries_.size()) return;
        put(place, last);
        sink(rise(place));
    }
    bool empty() const { return entries_.empty(); }
    std::size_t size() const { return entries_.size(); }
    BootTime first_at() const { return entries_.front().at; }
    Item& first() const { return *entries_.front().item; }
    BootTime at(const Item& item) const { return entries_[item.heap_place].at; }

  private:
    struct Entry {
        BootTime at;
        Item* item;
    };
    void put(std::size_t place, Entry entry) {
        entries_[place] = entry;
        entry.item->heap_place = place;
    }
    std::size_t rise(std::size_t place) {
        const Entry moved = entries_[place];
        while (place > 0 && moved.at < entries_[(place - 1) / 2].at) {
            put(place, entries_[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        put(place, moved);
        return place;
    }
    void sink(std::size_t place) {
        const Entry moved = entries_[place];
        for (;;) {
            std::size_t child = 2 * place + 1;
            if (child >= entries_.size()) break;
            if (child + 1 < entries_.size() && entries_[child + 1].at < entries_[child].at) ++child;
            if (!(entries_[child].at < moved.at)) break;
            put(place, entries_[child]);
            place = child;
        }
        put(place, moved);
    }
    std::vector<Entry> entries_;
};

}  // namespace tb::daemon
