// The form of a backup file: what was sealed opens, and nothing else does, whatever was changed,
// moved, left out or asked for.
#include "base/backup_file.hpp"

#include <boost/test/unit_test.hpp>

#include "base/base64.hpp"
#include "base/limits.hpp"

using namespace tb;
using namespace tb::backup;

namespace tb {
inline std::ostream& operator<<(std::ostream& out, errc code) {
    return out << to_string(code);
}
}  // namespace tb

namespace {

const Secret& passphrase() {
    static const Secret words("pp_test correct horse");
    return words;
}

// Cheap, so that a test may make many.
Keyed cheap(unsigned log2_n = 4) {
    SystemRandom random;
    Header form = new_header(wall_from_ms(1'700'000'000'000), random);
    form.log2_n = log2_n;
    auto keyed = make_header(form, passphrase());
    BOOST_REQUIRE(keyed);
    return std::move(*keyed);
}

std::string_view sealed_of(std::string_view frame) {
    return frame.substr(frame_head_bytes);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_header_opens_with_its_passphrase_only) {
    const Keyed keyed = cheap();
    BOOST_TEST(keyed.header.size() == header_bytes);
    BOOST_TEST(fits(keyed.header, keyed.key));
    const auto key = open_header(keyed.header, passphrase());
    BOOST_REQUIRE(key);
    BOOST_TEST(key->view() == keyed.key.view());
    BOOST_TEST(open_header(keyed.header, Secret("pp_test another")).error().code ==
               errc::key_missing);
    BOOST_TEST((parse_header(keyed.header)->made_at == wall_from_ms(1'700'000'000'000)));
    BOOST_TEST(cheap().key.view() != keyed.key.view());  // another salt
    for (std::size_t i = 0; i < header_bytes; ++i) {
        std::string changed = keyed.header;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        BOOST_TEST(!fits(changed, keyed.key), i);
        BOOST_TEST(!open_header(changed, passphrase()), i);
        BOOST_TEST(parse_header(keyed.header.substr(0, i)).error().code == errc::damaged, i);
    }
}

BOOST_AUTO_TEST_CASE(a_header_of_a_newer_version_or_beyond_all_cost_is_refused) {
    const Keyed keyed = cheap();
    std::string newer = keyed.header;
    newer[20] = 2;
    BOOST_TEST(parse_header(newer).error().code == errc::too_new);
    // log2(N) and r that ask for more than limits::backup_kdf_bytes_max: refused, not computed.
    std::string costly = keyed.header;
    costly[32] = 20;
    costly[33] = 8;
    BOOST_TEST((std::size_t{128} * 8 << 20) == limits::backup_kdf_bytes_max);
    BOOST_TEST(parse_header(costly).has_value());
    costly[33] = 9;
    BOOST_TEST(parse_header(costly).error().code == errc::damaged);
    costly[32] = 60;
    BOOST_TEST(parse_header(costly).error().code == errc::damaged);
    // What a new backup costs is what was promised: 128 MiB.
    SystemRandom random;
    const Header form = new_header(wall_from_ms(0), random);
    BOOST_TEST((std::size_t{128} * form.r << form.log2_n) == 128U * 1024 * 1024);
    BOOST_TEST(make_header(form, passphrase()).has_value());
    BOOST_TEST(limits::backup_passphrase_bytes_min == 12U);
}

BOOST_AUTO_TEST_CASE(chunks_open_in_their_order_only) {
    const Keyed keyed = cheap();
    Chunks writer(keyed.header, keyed.key);
    const std::string large(limits::backup_chunk_bytes, 'x');
    const std::string one = writer.seal(large, false);
    const std::string two = writer.seal("", false);
    const std::string three = writer.seal("the end", true);
    BOOST_TEST(writer.ended());
    BOOST_TEST(one.size() == large.size() + frame_head_bytes + tag_bytes);
    const auto head = parse_frame_head(std::string_view(three).substr(0, frame_head_bytes));
    BOOST_REQUIRE(head.has_value());
    BOOST_TEST(head->last);
    BOOST_TEST(head->sealed_bytes == 7U + tag_bytes);
    {
        Chunks reader(keyed.header, keyed.key);
        BOOST_TEST(reader.open(sealed_of(one), false)->view() == large);
        BOOST_TEST(reader.open(sealed_of(two), false)->view() == "");
        BOOST_TEST(reader.open(sealed_of(three), true)->view() == "the end");
        BOOST_TEST(reader.open(sealed_of(three), true).error().code == errc::damaged);
    }
    const auto refuses = [&keyed](std::string_view sealed, bool last) {
        Chunks reader(keyed.header, keyed.key);
        return !reader.open(sealed, last);
    };
    BOOST_TEST(refuses(sealed_of(two), false));  // the first is left out
    BOOST_TEST(refuses(sealed_of(one), true));   // the rest is left out
    BOOST_TEST(refuses(sealed_of(one).substr(1), false));
    BOOST_TEST(refuses("", false));
    std::string changed(sealed_of(one));
    changed[17] = static_cast<char>(changed[17] ^ 1);
    BOOST_TEST(refuses(changed, false));
    const Keyed other = cheap();
    Chunks foreign(other.header, other.key);
    BOOST_TEST(!foreign.open(sealed_of(one), false));
    Chunks moved(other.header, keyed.key);  // under another header
    BOOST_TEST(!moved.open(sealed_of(one), false));
}

BOOST_AUTO_TEST_CASE(a_length_that_no_chunk_has) {
    BOOST_TEST(!parse_frame_head("").has_value());
    BOOST_TEST(!parse_frame_head(std::string(4, '\0')).has_value());
    BOOST_TEST(!parse_frame_head(std::string(4, '\xff')).has_value());
    const auto most = limits::backup_chunk_bytes + tag_bytes;
    for (const std::size_t size : {most, most + 1}) {
        std::string head;
        for (int i = 0; i < 4; ++i)
            head.push_back(static_cast<char>((size >> (8 * i)) & 0xff));
        BOOST_TEST(parse_frame_head(head).has_value() == (size == most));
    }
    // In base64 and with the JSON around it, the largest chunk still is one frame.
    BOOST_TEST(to_base64(std::string(most + frame_head_bytes, 'x')).size() + 1'024 <
               limits::frame_bytes_max);
}

BOOST_AUTO_TEST_CASE(counts_are_in_the_first_chunk) {
    const auto back = parse_contents(encode(Contents{70'000, 3}) + "records");
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST(back->accounts == 70'000U);
    BOOST_TEST(back->client_secrets == 3U);
    BOOST_TEST(!parse_contents("short").has_value());
}

BOOST_AUTO_TEST_CASE(base64_is_what_it_makes) {
    for (const std::string& plain : {std::string(), std::string("a"), std::string("ab"),
                                     std::string("abc"), std::string("\0\xff", 2)}) {
        const auto back = from_base64(to_base64(plain));
        BOOST_REQUIRE(back.has_value());
        BOOST_TEST(back->view() == plain);
    }
    BOOST_TEST(to_base64("foobar") == "Zm9vYmFy");  // RFC 4648
    for (const char* bad : {"Zg", "Zg=", "Zh==", "Zg==\n", " Zg==", "Z===", "Zm9vYmF-"})
        BOOST_TEST(!from_base64(bad).has_value(), bad);
}
