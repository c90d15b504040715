// Secrets: kept, moved, serialised, and wiped when freed.
#define BOOST_TEST_MODULE base
#include "base/secret.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>
#include <vector>

using namespace tb;

BOOST_AUTO_TEST_CASE(a_freed_secret_is_wiped) {
    const char* at = nullptr;
    {
        Secret secret("sk_test_wiped_when_freed_0123456789");
        at = secret.view().data();
        BOOST_TEST(std::memcmp(at, "sk_test_", 8) == 0);
    }
    // The arena keeps its chunks, so the address is still mapped; its first bytes now hold the free
    // list.
    BOOST_TEST(std::string_view(at + sizeof(void*), 16).find("wiped") == std::string_view::npos);
    BOOST_TEST(std::string_view(at + sizeof(void*), 8) == std::string_view("\0\0\0\0\0\0\0\0", 8));
}

BOOST_AUTO_TEST_CASE(blocks_of_every_size_are_usable) {
    for (const std::size_t n : {1U, 63U, 64U, 65U, 4096U, 16384U, 16385U, 200'000U}) {
        Secret secret(std::string(n, 'x'));
        BOOST_TEST(secret.size() == n);
        BOOST_TEST(secret.copy().view() == secret.view());
    }
}

BOOST_AUTO_TEST_CASE(blocks_of_neighbouring_sizes_do_not_overlap) {
    std::vector<Secret> all;
    for (std::size_t n = 1; n < 17'000; n += 37)
        for (int twice = 0; twice < 2; ++twice)
            all.emplace_back(std::string(n, static_cast<char>('a' + n % 26)));
    const auto whole = [](const Secret& secret) {
        const char expected = static_cast<char>('a' + secret.size() % 26);
        return secret.view().find_first_not_of(expected) == std::string_view::npos;
    };
    BOOST_TEST(std::all_of(all.begin(), all.end(), whole));
}

BOOST_AUTO_TEST_CASE(a_set_survives_serialising) {
    SecretSet set;
    set.set("refresh_token", Secret("rt_test_1"));
    set.set("password", Secret(std::string("a\0b", 3)));
    set.set("refresh_token", Secret("rt_test_2"));
    const Secret blob = set.serialize();
    SecretSet back;
    BOOST_TEST(SecretSet::parse(blob.view(), back));
    BOOST_REQUIRE(back.find("refresh_token") != nullptr);
    BOOST_TEST(back.find("refresh_token")->view() == "rt_test_2");
    BOOST_TEST(back.find("password")->size() == 3U);
    BOOST_TEST(back.find("nothing") == nullptr);
    for (std::size_t cut = 1; cut < blob.size(); ++cut) {
        SecretSet damaged;
        const bool ok = SecretSet::parse(blob.view().substr(0, cut), damaged);
        BOOST_TEST((!ok || damaged.list().size() == 1));
    }
}
