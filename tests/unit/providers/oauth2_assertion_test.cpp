// The signed assertion of private_key_jwt: its claims, and signatures that OpenSSL accepts.
#include "providers/oauth2_assertion.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "providers/encoding.hpp"
#include "tests/unit/providers/oauth2_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

KeyPtr owned(EVP_PKEY* key) {
    BOOST_REQUIRE(key != nullptr);
    return {key, &EVP_PKEY_free};
}
KeyPtr p256() {
    return owned(EVP_EC_gen("P-256"));
}
KeyPtr ed25519() {
    return owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}
KeyPtr rsa(unsigned bits) {
    return owned(EVP_RSA_gen(bits));
}

std::string pem(EVP_PKEY* key, const char* passphrase = nullptr) {
    BIO* bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER* cipher = passphrase == nullptr ? nullptr : EVP_aes_256_cbc();
    BOOST_REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase,
                                                passphrase == nullptr ? 0 : 4, nullptr,
                                                nullptr) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
}

struct Parts {
    std::string header, payload, signature, signed_text;
};
Parts parts_of(std::string_view jwt) {
    const std::size_t first = jwt.find('.');
    const std::size_t second = jwt.find('.', first + 1);
    BOOST_REQUIRE(second != std::string_view::npos);
    const auto decoded = [](std::string_view part) {
        BOOST_TEST(part.find_first_of("+/=") == std::string_view::npos);
        return std::string(base64_decode_leniently(part)->view());
    };
    return {decoded(jwt.substr(0, first)), decoded(jwt.substr(first + 1, second - first - 1)),
            decoded(jwt.substr(second + 1)), std::string(jwt.substr(0, second))};
}

bool verifies(EVP_PKEY* key, const Parts& parts, bool ecdsa, bool plain) {
    std::string signature = parts.signature;
    if (ecdsa) {
        BOOST_REQUIRE(signature.size() == 64U);
        const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
        ECDSA_SIG* pair = ECDSA_SIG_new();
        ECDSA_SIG_set0(pair, BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
        unsigned char* der = nullptr;
        const int size = i2d_ECDSA_SIG(pair, &der);
        signature.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
        OPENSSL_free(der);
        ECDSA_SIG_free(pair);
    }
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const EVP_MD* digest = plain ? nullptr : EVP_sha256();
    BOOST_REQUIRE(EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key) == 1);
    const int good = EVP_DigestVerify(
        context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
        reinterpret_cast<const unsigned char*>(parts.signed_text.data()), parts.signed_text.size());
    EVP_MD_CTX_free(context);
    return good == 1;
}

oauth2::AssertionClaims claims() {
    return {"my\"App", "https://id.example.com/token", "key-1", wall_from_ms(1'700'000'000'999)};
}

Parts made(EVP_PKEY* key) {
    CountingRandom random;
    const auto assertion = oauth2::sign_assertion(Secret(pem(key)), claims(), random);
    BOOST_REQUIRE(assertion.has_value());
    return parts_of(assertion->view());
}

}  // namespace

BOOST_AUTO_TEST_CASE(assertions_verify) {
    const KeyPtr ec = p256();
    const Parts es256 = made(ec.get());
    BOOST_TEST(es256.header == R"({"alg":"ES256","typ":"JWT","kid":"key-1"})");
    BOOST_TEST(es256.payload ==
               R"({"iss":"my\"App","sub":"my\"App","aud":"https://id.example.com/token",)"
               R"("jti":"0807060504030201100f0e0d0c0b0a09","iat":1700000000,"exp":1700000120})");
    BOOST_TEST(verifies(ec.get(), es256, true, false));
    const KeyPtr other = p256();
    BOOST_TEST(!verifies(other.get(), es256, true, false));

    const KeyPtr edwards = ed25519();
    const Parts eddsa = made(edwards.get());
    BOOST_TEST(has(eddsa.header, R"("alg":"EdDSA")"));
    BOOST_TEST(verifies(edwards.get(), eddsa, false, true));

    const KeyPtr large = rsa(2'048);
    const Parts rs256 = made(large.get());
    BOOST_TEST(has(rs256.header, R"("alg":"RS256")"));
    BOOST_TEST(verifies(large.get(), rs256, false, false));
}

BOOST_AUTO_TEST_CASE(keys_that_are_no_use) {
    CountingRandom random;
    const auto refused = [&](const std::string& text) {
        const auto result = oauth2::sign_assertion(Secret(text), claims(), random);
        BOOST_REQUIRE(!result.has_value());
        BOOST_TEST((result.error().code == errc::misconfigured));
        return result.error().message;
    };
    for (const char* text : {"", "key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"})
        BOOST_TEST(has(refused(text), "no private key in PEM"));
    BOOST_TEST(has(refused(pem(p256().get(), "pass")), "encrypted"));  // and nobody is asked
    BOOST_TEST(has(refused(pem(rsa(1'024).get())), "RSA of at least 2048 bits"));
    BOOST_TEST(has(refused(pem(owned(EVP_EC_gen("P-384")).get())), "EC P-256"));
    std::string trimmed = pem(p256().get());
    trimmed.pop_back();  // as set-secret stores it
    BOOST_TEST(oauth2::sign_assertion(Secret(trimmed), claims(), random).has_value());
}

BOOST_AUTO_TEST_CASE(the_request_carries_an_assertion_instead_of_a_secret) {
    const KeyPtr key = ed25519();
    Account a = oauth2_account();
    a.client_secrets = secrets({{"private_key", pem(key.get())}});
    put(a, "client_auth", "private_key_jwt");
    const List names = {"private_key"};
    BOOST_TEST(generic().client_secret_names(a.client) == names, boost::test_tools::per_element());
    const auto payload = [&] {
        const http::Request r = first_request(a);
        BOOST_TEST(header(r, "Authorization") == "");
        const std::string body(r.body.view());
        BOOST_TEST(body.starts_with(
            "client_id=myTestApp&client_assertion_type="
            "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="));
        BOOST_TEST(body.ends_with("&grant_type=refresh_token&refresh_token=rt_test_old"));
        const std::size_t from = body.find("client_assertion=") + 17;
        return parts_of(body.substr(from, body.find('&', from) - from)).payload;
    };
    BOOST_TEST(has(payload(), R"("aud":"https://id.example.com/oauth2/token")"));
    put(a, "assertion_audience", "issuer");
    put(a, "issuer", "https://id.example.com/");
    BOOST_TEST(has(payload(), R"("aud":"https://id.example.com/")"));
    a.client_secrets = secrets({{"private_key", "rubbish"}});
    const auto bad = done<Failed>(a.begin(generic())->start());
    BOOST_TEST(bad.code == "bad_private_key");
    BOOST_TEST((bad.failure == FailureClass::config));
}
