// What comes from other threads is done one piece each time around the loop.
#include "base/mailbox.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>

namespace tb {
namespace {

struct Writes final : Mailbox::Item {
    Writes(std::string& text, char what) : into(text), letter(what) {}
    void run() override { into += letter; }
    std::string& into;
    char letter;
};

// Runs again and again, as a busy socket's handler does, until the mailbox had its time.
void look(asio::io_context& loop, std::string& seen, int times) {
    seen += '.';
    if (times > 1) asio::post(loop, [&loop, &seen, times] { look(loop, seen, times - 1); });
}

awaitable<void> in_pieces(Mailbox mailbox, std::string* seen) {
    for (int i = 0; i < 3; ++i) {
        *seen += 'p';
        co_await mailbox.turn();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox)

BOOST_AUTO_TEST_CASE(one_item_each_time_around) {
    asio::io_context loop{1};
    Mailbox of_store(loop.get_executor());
    Mailbox of_net(loop.get_executor());
    std::string seen;
    for (const char letter : {'a', 'b', 'c'}) {
        of_store.expect();
        of_store.put(std::make_shared<Writes>(seen, letter));
        of_net.expect();
        of_net.put(std::make_shared<Writes>(seen, static_cast<char>(letter - 'a' + 'A')));
    }
    look(loop, seen, 8);
    loop.run();
    BOOST_TEST(seen == "..a.A.b.B.c.C.");
}

BOOST_AUTO_TEST_CASE(a_turn_lets_others_in) {
    asio::io_context loop{1};
    std::string seen;
    spawn(loop.get_executor(), "pieces", in_pieces(Mailbox(loop.get_executor()), &seen));
    asio::post(loop, [&] { look(loop, seen, 8); });
    loop.run();
    for (const char* together : {"pp", "ppp"})
        BOOST_TEST(seen.find(together) == std::string::npos);
    BOOST_TEST(std::ranges::count(seen, 'p') == 3);
}

// As after the end of whoever put it: nothing is woken twice, nothing is left.
BOOST_AUTO_TEST_CASE(threads_keep_their_order) {
    constexpr int each = 2'000;
    asio::io_context loop{1};
    Mailbox mailbox(loop.get_executor());
    struct Number final : Mailbox::Item {
        void run() override {
            in_order &= *last + 1 == value;
            *last = value;
            ++*all;
        }
        int value = 0;
        int* last = nullptr;
        int* all = nullptr;
        bool& in_order;
        explicit Number(bool& ordered) : in_order(ordered) {}
    };
    bool in_order = true;
    int all = 0;
    int last[2] = {-1, -1};
    for (int i = 0; i < 2 * each; ++i)
        mailbox.expect();
    const auto write = [&](int* mine) {
        for (int i = 0; i < each; ++i) {
            auto number = std::make_shared<Number>(in_order);
            number->value = i;
            number->last = mine;
            number->all = &all;
            mailbox.put(std::move(number));
        }
    };
    std::thread first(write, &last[0]);
    std::thread second(write, &last[1]);
    loop.run();
    first.join();
    second.join();
    BOOST_TEST(in_order);
    BOOST_TEST(all == 2 * each);
}

// An answer that comes when nobody else has work for the loop, nor had when the wait began; and own
// pieces in between.
BOOST_AUTO_TEST_CASE(the_loop_waits_for_what_is_expected_and_no_longer) {
    asio::io_context loop{1};
    Mailbox mailbox(loop.get_executor());
    std::string seen;
    for (int i = 0; i < 300; ++i) {
        mailbox.expect();
        std::thread other([&] { mailbox.put(std::make_shared<Writes>(seen, 'x')); });
        if (i % 3 == 0) other.join();
        if (i % 2 == 0) spawn(loop.get_executor(), "pieces", in_pieces(mailbox, &seen));
        loop.run();
        loop.restart();
        if (other.joinable()) other.join();
    }
    BOOST_TEST(std::ranges::count(seen, 'x') == 300);
    BOOST_TEST(std::ranges::count(seen, 'p') == 3 * 150);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_loop_drops_what_is_left) {
    std::weak_ptr<Mailbox::Item> left;
    std::string seen;
    {
        asio::io_context loop{1};
        Mailbox mailbox(loop.get_executor());
        auto item = std::make_shared<Writes>(seen, 'x');
        left = item;
        mailbox.expect();
        mailbox.put(std::move(item));
    }
    BOOST_TEST(left.expired());
    BOOST_TEST(seen.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb
