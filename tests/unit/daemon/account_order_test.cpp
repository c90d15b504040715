// AccountIndex and NameOrder against std::map: the same adds and removals, the same answers.
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <string>

#include "daemon/account_index.hpp"
#include "daemon/name_order.hpp"

namespace {

using namespace tb::daemon;

struct Item {
    std::string name;
};
using Shared = std::shared_ptr<Item>;

Shared item(std::string name) {
    return std::make_shared<Item>(Item{std::move(name)});
}

std::vector<std::string> names_after(const NameOrder<Item>& order, std::string_view after,
                                     std::size_t most = 10'000) {
    std::vector<std::string> names;
    order.each_after(after, [&](const Shared& one) {
        names.push_back(one->name);
        return names.size() < most;
    });
    return names;
}

BOOST_AUTO_TEST_CASE(an_index_and_an_order_say_what_a_map_says) {
    std::mt19937 random(7);
    std::map<std::string, Shared> model;
    AccountIndex<Item> index;
    NameOrder<Item> order;
    for (int step = 0; step < 20'000; ++step) {
        const std::string name = "c/" + std::to_string(random() % 3'000);
        const auto found = model.find(name);
        BOOST_REQUIRE(index.find(name) == (found == model.end() ? nullptr : found->second.get()));
        if (found == model.end()) {
            const Shared made = item(name);
            index.add(*made);
            order.add(made);
            model.emplace(name, made);
        } else if (random() % 3 != 0) {
            index.remove(*found->second);
            order.remove(*found->second);
            model.erase(found);
        }
        if (step % 500 != 0) continue;
        const std::string after = "c/" + std::to_string(random() % 3'000);
        std::vector<std::string> expected;
        for (auto at = model.upper_bound(after); at != model.end() && expected.size() < 40; ++at)
            expected.push_back(at->first);
        if (!expected.empty()) BOOST_TEST(names_after(order, after, 40) == expected);
    }
    BOOST_TEST(index.size() == model.size());
    std::vector<std::string> all;
    for (const auto& [name, one] : model) {
        BOOST_REQUIRE(index.find(name) == one.get());
        all.push_back(name);
    }
    BOOST_TEST(names_after(order, {}) == all);
    BOOST_TEST(names_after(order, "d").empty());
    for (const auto& [name, one] : model) {
        index.remove(*one);
        order.remove(*one);
    }
    BOOST_TEST(index.size() == 0U);
    BOOST_TEST(names_after(order, {}).empty());
    BOOST_TEST(index.find("c/1") == nullptr);
}

BOOST_AUTO_TEST_CASE(what_a_load_brings_is_put_in_order_whatever_its_own) {
    std::vector<Shared> loaded;
    for (const int i : {5, 3, 9, 1, 7})
        loaded.push_back(item("c/" + std::to_string(i)));
    NameOrder<Item> order;
    order.add(item("c/4"));
    order.add_all(std::move(loaded));
    const std::vector<std::string> expected = {"c/1", "c/3", "c/4", "c/5", "c/7", "c/9"};
    BOOST_TEST(names_after(order, {}) == expected);
}

BOOST_AUTO_TEST_CASE(an_owner_keeps_what_it_holds_and_lets_it_go) {
    NameOrder<Item> order;
    const std::weak_ptr<Item> held = [&] {
        const Shared one = item("c/1");
        order.add(one);
        return std::weak_ptr<Item>(one);
    }();
    BOOST_REQUIRE(!held.expired());
    order.remove(*held.lock());
    BOOST_TEST(held.expired());
}

}  // namespace
