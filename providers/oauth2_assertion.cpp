// OpenSSL signs; nothing of the key leaves its memory, which it wipes by itself. What must stay
// true: a key that asks for a passphrase is refused, never asked about on a terminal.
#include "providers/oauth2_assertion.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <memory>

#include "providers/encoding.hpp"

namespace tb::providers::oauth2 {
namespace {

struct Deleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

constexpr int rsa_bits_min = 2'048;
constexpr int p256_bytes = 32;

Error wrong(std::string text) {
    return {errc::misconfigured, std::move(text)};
}

int no_passphrase(char*, int, int, void*) {
    return -1;
}

Owned<EVP_PKEY> read_key(std::string_view pem) {
    const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!bio) return nullptr;
    return Owned<EVP_PKEY>(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
}

// The JWS name of what this key signs with; empty if it is none of ours.
std::string_view algorithm_of(const EVP_PKEY* key) {
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
            return EVP_PKEY_get_bits(key) >= rsa_bits_min ? "RS256" : "";
        case EVP_PKEY_ED25519:
            return "EdDSA";
        case EVP_PKEY_EC: {
            std::array<char, 64> group{};
            std::size_t size = 0;
            if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1) return "";
            return std::string_view(group.data(), size) == "prime256v1" ? "ES256" : "";
        }
        default:
            return "";
    }
}

Result<Secret> sign(EVP_PKEY* key, std::string_view algorithm, std::string_view text) {
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    const EVP_MD* digest = algorithm == "EdDSA" ? nullptr : EVP_sha256();
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    Secret signature;
    bool good = context != nullptr &&
                EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
                EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1;
    if (good) {
        signature.resize(size);
        good = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                              &size, bytes, text.size()) == 1;
    }
    if (!good) return wrong("the private_key can't sign");
    signature.resize(size);
    return signature;
}

// OpenSSL writes an ECDSA signature in DER; JWS wants the two numbers, 32 bytes each.
Result<Secret> two_numbers(const Secret& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.view().data());
    const Owned<ECDSA_SIG> parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    Secret out;
    out.resize(2 * p256_bytes);
    auto* bytes = reinterpret_cast<unsigned char*>(out.data());
    if (!parsed || BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), bytes, p256_bytes) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), bytes + p256_bytes, p256_bytes) < 0)
        return wrong("the private_key can't sign");
    return out;
}

std::string member(std::string_view name, std::string_view value) {
    Secret escaped;
    append_json(escaped, value);
    return fmt::format(R"("{}":"{}")", name, escaped.view());
}

std::string header_of(std::string_view algorithm, std::string_view key_id) {
    std::string header = "{" + member("alg", algorithm) + R"(,"typ":"JWT")";
    if (!key_id.empty()) header += "," + member("kid", key_id);
    return header + "}";
}

std::string payload_of(const AssertionClaims& claims, Random& random) {
    const std::int64_t now = to_ms(claims.now) / 1'000;
    const std::uint64_t high = random.u64();  // drawn in order, whatever the compiler
    const std::uint64_t low = random.u64();
    return fmt::format("{{{},{},{},{},\"iat\":{},\"exp\":{}}}", member("iss", claims.client_id),
                       member("sub", claims.client_id), member("aud", claims.audience),
                       member("jti", fmt::format("{:016x}{:016x}", high, low)), now,
                       now + assertion_lifetime.count() / 1'000);
}

}  // namespace

Result<Secret> sign_assertion(const Secret& pem, const AssertionClaims& claims, Random& random) {
    const Owned<EVP_PKEY> key = read_key(pem.view());
    if (!key)
        return wrong(
            "the private_key is no private key in PEM, or it is encrypted; write one as openssl "
            "genpkey makes it, without a passphrase");
    const std::string_view algorithm = algorithm_of(key.get());
    if (algorithm.empty())
        return wrong(
            "the private_key is of a kind that can't be used; right would be EC P-256, RSA of at "
            "least 2048 bits, or Ed25519");
    Secret assertion = base64_url(header_of(algorithm, claims.key_id));
    assertion.append(".").append(base64_url(payload_of(claims, random)).view());
    auto signature = sign(key.get(), algorithm, assertion.view());
    if (signature && algorithm == "ES256") signature = two_numbers(*signature);
    if (!signature) return signature.error();
    assertion.append(".").append(base64_url(signature->view()).view());
    return assertion;
}

}  // namespace tb::providers::oauth2
