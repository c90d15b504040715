// All accounts in the order of their names, and their owner: sorted blocks of pointers, so that an
// account costs 16 bytes here and not a tree's node, and a page of any size begins with two binary
// searches. Accounts that come one by one find their place at once; a load adds all and settles
// them once.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace tb::daemon {

// Item has a member `name` that compares with a std::string_view.
template <class Item>
class NameOrder {
  public:
    using Shared = std::shared_ptr<Item>;

    void add(Shared item) {
        if (blocks_.empty() || last_name() < std::string_view(item->name))
            return append(std::move(item));
        Block& block = *block_of(item->name);
        const auto at = place_in(block, item->name);
        block.insert(at, std::move(item));
        if (block.size() > block_most) split(block);
    }
    // Add these, in whatever order.
    void add_all(std::vector<Shared> items) {
        const auto by_name = [](const Shared& a, const Shared& b) { return a->name < b->name; };
        if (!std::is_sorted(items.begin(), items.end(), by_name))
            std::sort(items.begin(), items.end(), by_name);
        for (Shared& item : items)
            add(std::move(item));
    }
    void remove(const Item& item) {
        const auto block = block_of(item.name);
        const auto at = place_in(*block, item.name);
        TB_ASSERT(at != block->end() && at->get() == &item);
        const Shared last = std::move(*at);  // until the block is in order again
        block->erase(at);
        if (block->empty()) blocks_.erase(block);
    }
    // From the first after `after` (empty: the first of all), until `each` returns false.
    template <class Each>
    void each_after(std::string_view after, const Each& each) const {
        if (blocks_.empty()) return;
        auto block = blocks_.begin();
        std::size_t at = 0;
        if (!after.empty()) {
            block = const_cast<NameOrder*>(this)->block_of(after);
            at = static_cast<std::size_t>(
                std::upper_bound(block->begin(), block->end(), after, before_item) -
                block->begin());
        }
        for (; block != blocks_.end(); ++block, at = 0)
            for (; at < block->size(); ++at)
                if (!each((*block)[at])) return;
    }

  private:
    using Block = std::vector<Shared>;
    static constexpr std::size_t block_most = 512;

    static bool before_item(std::string_view name, const Shared& item) {
        return name < std::string_view(item->name);
    }
    std::string_view last_name() const { return blocks_.back().back()->name; }
    // The last block whose first name is not after `name`, or the first block.
    typename std::vector<Block>::iterator block_of(std::string_view name) {
        auto found = std::upper_bound(blocks_.begin(), blocks_.end(), name,
                                      [](std::string_view wanted, const Block& block) {
                                          return wanted < std::string_view(block.front()->name);
                                      });
        return found == blocks_.begin() ? found : std::prev(found);
    }
    typename Block::iterator place_in(Block& block, std::string_view name) {
        return std::lower_bound(block.begin(), block.end(), name,
                                [](const Shared& item, std::string_view wanted) {
                                    return std::string_view(item->name) < wanted;
                                });
    }
    void append(Shared item) {
        if (blocks_.empty() || blocks_.back().size() >= block_most) {
            blocks_.emplace_back();
            blocks_.back().reserve(block_most);
        }
        blocks_.back().push_back(std::move(item));
    }
    void split(Block& block) {
        const auto middle = block.begin() + static_cast<std::ptrdiff_t>(block.size() / 2);
        Block second(std::make_move_iterator(middle), std::make_move_iterator(block.end()));
        block.erase(middle, block.end());
        const auto next = blocks_.begin() + (&block - blocks_.data()) + 1;
        blocks_.insert(next, std::move(second));
    }

    std::vector<Block> blocks_;  // none of them empty
};

}  // namespace tb::daemon
