// Seals open where they were made and nowhere else; the derivation is HKDF as others compute it.
#include "storage/seal.hpp"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "fixture.hpp"
#include "storage/codec.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {
MasterKey key(char fill) {
    return {Secret(std::string(32, fill)), "test"};
}
Place place() {
    return {.table = "account",
            .column = "grant",
            .account = 3,
            .version = 5,
            .kind = "account",
            .label = "a"};
}
std::string hkdf(std::string master, std::string info) {
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
    char digest[] = "SHA256";
    std::string salt = "token broker storage 1";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, master.data(), master.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
        OSSL_PARAM_construct_end()};
    std::string out(32, '\0');
    BOOST_REQUIRE(EVP_KDF_derive(context, reinterpret_cast<unsigned char*>(out.data()), out.size(),
                                 parameters) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return out;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_seal_opens_in_its_place_only) {
    Sealer sealer(key('k'));
    for (const std::string plain : {"", "rt_test_1", "sixteen bytes ok"}) {
        const std::string sealed = sealer.seal(place(), plain);
        BOOST_TEST(sealed.size() == plain.size() + 29);
        const auto back = sealer.open(place(), sealed);
        BOOST_REQUIRE(back);
        BOOST_TEST(back->view() == plain);
        BOOST_TEST(sealer.seal(place(), plain) != sealed);
    }
    const std::string sealed = sealer.seal(place(), "rt_test_1");
    std::vector<Place> others(6, place());
    others[0].table = "retired_grant";
    others[1].column = "token";
    others[2].account = 4;
    others[3].version = 6;
    others[4].name = "n";
    others[5].account = 0;
    others[5].client = "c";
    for (const Place& other : others)
        BOOST_TEST(!sealer.open(other, sealed));
    Sealer foreign(key('f'));
    const auto refused = foreign.open(place(), sealed);
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().code == errc::damaged);
    BOOST_TEST(refused.error().message.find("account a: the stored grant") == 0U);
}

BOOST_AUTO_TEST_CASE(a_changed_or_cut_seal_is_refused) {
    Sealer sealer(key('k'));
    const std::string sealed = sealer.seal(place(), "rt_test_1");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        BOOST_TEST(!sealer.open(place(), changed));
        BOOST_TEST(!sealer.open(place(), sealed.substr(0, i)));
    }
    BOOST_TEST(!sealer.open(place(), sealed + "x"));
    BOOST_TEST(sealer.open(place(), sealed).has_value());  // the context is none the worse
}

BOOST_AUTO_TEST_CASE(keys_are_derived_as_rfc_5869_says) {
    Sealer sealer(key('k'));
    for (const std::string info : {"", "a", "account 17"})
        BOOST_TEST(sealer.derive(info).view() == hkdf(std::string(32, 'k'), info));
    BOOST_TEST(sealer.key_id().size() == 8U);
    BOOST_TEST(sealer.key_id() != Sealer(key('f')).key_id());
    BOOST_TEST(sealer.key_id() == Sealer(key('k')).key_id());
}

BOOST_AUTO_TEST_CASE(a_fingerprint_is_of_the_contents) {
    Sealer sealer(key('k'));
    SecretSet ab;
    ab.set("a", Secret("1"));
    ab.set("b", Secret("2"));
    SecretSet ba;
    ba.set("b", Secret("2"));
    ba.set("a", Secret("1"));
    SecretSet shifted;
    shifted.set("a", Secret("1b2"));
    BOOST_TEST(sealer.fingerprint(ab) == sealer.fingerprint(ba));
    BOOST_TEST(sealer.fingerprint(ab) != sealer.fingerprint(shifted));
    BOOST_TEST(sealer.fingerprint(ab) != Sealer(key('f')).fingerprint(ab));
    BOOST_TEST(sealer.fingerprint(ab).find_first_not_of("0123456789abcdef") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_row_hash_has_two_independent_halves) {
    Sealer sealer(key('k'));
    const RowHash one = sealer.hash_row("row");
    const RowHash two = sealer.hash_row("row2");
    BOOST_TEST((one.stored != two.stored));
    BOOST_TEST((one.element != two.element));
    BOOST_TEST((one.stored != one.element));
    BOOST_TEST((sealer.hash_row("row").element == one.element));
}

BOOST_AUTO_TEST_CASE(a_token_cut_anywhere_is_refused) {
    const Secret whole = encode_token(token(7, "at_test_7"));
    TokenRecord back;
    BOOST_REQUIRE(decode_token(whole.view(), back));
    BOOST_TEST(back.scopes == token(7, "x").scopes);
    BOOST_TEST(encode_token(back.copy()).view() == whole.view());
    for (std::size_t n = 0; n < whole.size(); ++n) {
        TokenRecord cut;
        BOOST_TEST(!decode_token(whole.view().substr(0, n), cut));
    }
    Secret more = whole.copy();
    more.push_back('\0');
    TokenRecord longer;
    BOOST_TEST(!decode_token(more.view(), longer));
    more = whole.copy();
    more.data()[0] = 2;
    BOOST_TEST(!decode_token(more.view(), longer));

    Attributes attributes;
    BOOST_TEST(!decode_attributes(std::string(8, '\x7f'), attributes));
    BOOST_TEST(!decode_attributes("", attributes));
}
