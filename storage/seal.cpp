// A sealed value is: 1 (the form), nonce (12), ciphertext, tag (16). Nonces are random: a key seals
// for one account only, so 2^32 of them are far away. Contexts are kept, since a new one and a
// fetch cost more than sealing a kilobyte. OpenSSL failing here means no memory or a broken
// library: an assertion, except for the tag, which is what the world can get wrong.
#include "storage/seal.hpp"

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>

#include "base/check.hpp"
#include "storage/codec.hpp"

namespace tb::storage {
namespace {

constexpr char form = 1;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t overhead = 1 + nonce_bytes + tag_bytes;
constexpr std::string_view salt = "token broker storage 1";

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(char* text) {
    return reinterpret_cast<unsigned char*>(text);
}
std::string_view text_of(const Hmac::Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

void Hmac::Free::operator()(void* context) const {
    EVP_MAC_CTX_free(static_cast<EVP_MAC_CTX*>(context));
}

Hmac::Hmac(std::string_view key) {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    TB_ASSERT(mac != nullptr);
    context_.reset(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                     OSSL_PARAM_construct_end()};
    TB_ASSERT(EVP_MAC_init(static_cast<EVP_MAC_CTX*>(context_.get()), bytes_of(key), key.size(),
                           parameters) == 1);
}

Hmac::Digest Hmac::operator()(std::string_view bytes) {
    auto* context = static_cast<EVP_MAC_CTX*>(context_.get());
    Digest digest;
    std::size_t size = 0;
    TB_ASSERT(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);  // the same key again
    TB_ASSERT(EVP_MAC_update(context, bytes_of(bytes), bytes.size()) == 1);
    TB_ASSERT(EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1);
    return digest;
}

struct Sealer::Ciphers {
    EVP_CIPHER_CTX* seal = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX* open = EVP_CIPHER_CTX_new();
    Ciphers() {
        EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
        TB_ASSERT(cipher != nullptr && seal != nullptr && open != nullptr);
        TB_ASSERT(EVP_EncryptInit_ex2(seal, cipher, nullptr, nullptr, nullptr) == 1);
        TB_ASSERT(EVP_DecryptInit_ex2(open, cipher, nullptr, nullptr, nullptr) == 1);
        EVP_CIPHER_free(cipher);
    }
    ~Ciphers() {
        EVP_CIPHER_CTX_free(seal);
        EVP_CIPHER_CTX_free(open);
    }
    Ciphers(const Ciphers&) = delete;
    Ciphers& operator=(const Ciphers&) = delete;
};

Sealer::Sealer(const MasterKey& key)
    : expand_([&key] {
          // HKDF-Extract; with its result as the key of expand_, one HMAC is HKDF-Expand.
          Hmac::Digest extracted = Hmac(salt)(key.bytes.view());
          Hmac expand(text_of(extracted));
          OPENSSL_cleanse(extracted.data(), extracted.size());
          return expand;
      }()),
      key_id_(key_id_of(key)),
      ciphers_(std::make_unique<Ciphers>()),
      rows_(derive("rows " + key_id_).view()),
      fingerprints_(derive("fingerprints " + key_id_).view()) {}

Sealer::~Sealer() = default;

Secret Sealer::derive(std::string_view info) {
    std::string block(info);
    block.push_back(1);
    Hmac::Digest digest = expand_(block);
    Secret key(text_of(digest));
    OPENSSL_cleanse(digest.data(), digest.size());
    return key;
}

void Sealer::use_key_of(const Place& place) {
    scope_.clear();
    Writer writer(scope_);
    writer.put(std::string_view(place.account != 0      ? "account"
                                : !place.client.empty() ? "client"
                                                        : "store"));
    writer.put(place.account).put(place.client).put(std::string_view(key_id_));
    if (scope_ == key_scope_) return;
    key_ = derive(scope_);
    std::swap(key_scope_, scope_);
}

std::string_view Sealer::bound(const Place& place) {
    bound_.clear();
    Writer writer(bound_);
    writer.put(place.table).put(place.column).put(place.account).put(place.client);
    writer.put(place.name).put(std::string_view(key_id_)).put(place.version);
    return bound_;
}

std::string Sealer::seal(const Place& place, std::string_view plain) {
    use_key_of(place);
    const std::string_view with = bound(place);
    std::string out(overhead + plain.size(), '\0');
    out[0] = form;
    char* nonce = out.data() + 1;
    char* text = nonce + nonce_bytes;
    random_.fill(std::as_writable_bytes(std::span(nonce, nonce_bytes)));
    EVP_CIPHER_CTX* context = ciphers_->seal;
    int n = 0;
    TB_ASSERT(EVP_EncryptInit_ex2(context, nullptr, bytes_of(key_.view()), bytes_of(nonce),
                                  nullptr) == 1);
    TB_ASSERT(EVP_EncryptUpdate(context, nullptr, &n, bytes_of(with),
                                static_cast<int>(with.size())) == 1);
    if (!plain.empty())
        TB_ASSERT(EVP_EncryptUpdate(context, bytes_of(text), &n, bytes_of(plain),
                                    static_cast<int>(plain.size())) == 1);
    TB_ASSERT(EVP_EncryptFinal_ex(context, bytes_of(text) + plain.size(), &n) == 1);
    TB_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes),
                                  text + plain.size()) == 1);
    return out;
}

Result<Secret> Sealer::open(const Place& place, std::string_view sealed) {
    const auto refuse = [&place](std::string_view why) {
        return Error{
            errc::damaged,
            fmt::format("{} {}: the stored {} {}; restore a backup, or remove it and log in again",
                        place.kind, place.label, place.column, why)};
    };
    if (sealed.size() < overhead || sealed[0] != form) return refuse("is cut off or not a seal");
    use_key_of(place);
    const std::string_view with = bound(place);
    const std::size_t size = sealed.size() - overhead;
    const std::string_view text = sealed.substr(1 + nonce_bytes, size);
    Half tag{};
    std::copy_n(sealed.end() - tag_bytes, tag_bytes, tag.begin());
    Secret plain;
    plain.resize(size);
    EVP_CIPHER_CTX* context = ciphers_->open;
    int n = 0;
    TB_ASSERT(EVP_DecryptInit_ex2(context, nullptr, bytes_of(key_.view()),
                                  bytes_of(sealed.substr(1)), nullptr) == 1);
    TB_ASSERT(EVP_DecryptUpdate(context, nullptr, &n, bytes_of(with),
                                static_cast<int>(with.size())) == 1);
    if (size > 0)
        TB_ASSERT(EVP_DecryptUpdate(context, bytes_of(plain.data()), &n, bytes_of(text),
                                    static_cast<int>(size)) == 1);
    TB_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes),
                                  tag.data()) == 1);
    unsigned char nothing[1];
    if (EVP_DecryptFinal_ex(context, nothing, &n) != 1)
        return refuse("was not sealed for this row (changed, cut off, or taken from elsewhere)");
    return plain;
}

RowHash Sealer::hash_row(std::string_view row) {
    const Hmac::Digest digest = rows_(row);
    RowHash hash;
    std::copy_n(digest.begin(), hash.stored.size(), hash.stored.begin());
    std::copy_n(digest.begin() + hash.stored.size(), hash.element.size(), hash.element.begin());
    return hash;
}

std::string Sealer::fingerprint(const SecretSet& grant) {
    auto fields = grant.list();
    std::sort(fields.begin(), fields.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    Secret text;
    Writer writer(text);
    for (const auto& [name, value] : fields)
        writer.put(name).put(value->view());
    const Hmac::Digest digest = fingerprints_(text.view());
    std::string out;
    for (std::size_t i = 0; i < 8; ++i)
        out += fmt::format("{:02x}", digest[i]);
    return out;
}

std::string_view Sealer::nonce_of(std::string_view sealed) {
    return sealed.substr(0, std::min(sealed.size(), 1 + nonce_bytes));
}

std::string_view Sealer::tag_of(std::string_view sealed) {
    return sealed.substr(sealed.size() - std::min(sealed.size(), tag_bytes));
}

}  // namespace tb::storage
