// See backup_file.hpp. What a file says of scrypt's cost is bounded before anything is computed;
// OpenSSL failing otherwise means no memory or a broken library: an assertion, but for the tag.
#include "base/backup_file.hpp"

#include <fmt/core.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/limits.hpp"

namespace tb::backup {
namespace {

constexpr std::string_view magic = "token broker backup\n";
constexpr std::size_t checked_bytes = 64;
constexpr std::size_t salt_bytes = 16;
constexpr std::uint32_t last_bit = 0x8000'0000U;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(char* text) {
    return reinterpret_cast<unsigned char*>(text);
}

void put(std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
        out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}
std::uint64_t take(std::string_view at, std::size_t offset, unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i)
        value |= std::uint64_t{static_cast<unsigned char>(at[offset + i])} << (8 * i);
    return value;
}

std::string check_of(std::string_view header, const Secret& key) {
    unsigned char digest[32];
    std::size_t size = 0;
    TB_ASSERT(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.view().data(), key.size(),
                        bytes_of(header), checked_bytes, digest, sizeof digest, &size) != nullptr);
    return {reinterpret_cast<const char*>(digest), 16};
}

Error cut_off() {
    return {errc::damaged, "it is cut off: this is not a whole backup"};
}

Result<Secret> stretch(const Header& header, const Secret& passphrase) {
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "SCRYPT", nullptr);
    TB_ASSERT(kdf != nullptr);
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
    EVP_KDF_free(kdf);
    TB_ASSERT(context != nullptr);
    std::uint64_t n = std::uint64_t{1} << header.log2_n;
    std::uint32_t r = header.r;
    std::uint32_t p = header.p;
    std::uint64_t most = limits::backup_kdf_bytes_max + limits::backup_kdf_bytes_max / 8;
    std::string salt = header.salt;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD,
                                          const_cast<char*>(passphrase.view().data()),
                                          passphrase.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &most),
        OSSL_PARAM_construct_end()};
    Secret key;
    key.resize(key_bytes);
    const int derived = EVP_KDF_derive(context, bytes_of(key.data()), key.size(), parameters);
    EVP_KDF_CTX_free(context);
    if (derived != 1)
        return Error{errc::storage,
                     fmt::format("no key could be made of the passphrase: that takes {} MiB of "
                                 "memory",
                                 (std::uint64_t{128} * header.r << header.log2_n) >> 20)};
    return key;
}

}  // namespace

Header new_header(WallTime made_at, Random& random) {
    Header header;
    header.made_at = made_at;
    header.salt.resize(salt_bytes);
    random.fill(std::as_writable_bytes(std::span(header.salt.data(), salt_bytes)));
    return header;
}

Result<Keyed> make_header(const Header& form, const Secret& passphrase) {
    TB_ASSERT(form.salt.size() == salt_bytes);
    Result<Secret> key = stretch(form, passphrase);
    if (!key) return key.error();
    std::string header(magic);
    put(header, version, 4);
    put(header, static_cast<std::uint64_t>(to_ms(form.made_at)), 8);
    put(header, form.log2_n, 1);
    put(header, form.r, 1);
    put(header, form.p, 1);
    put(header, 0, 1);
    header += form.salt;
    put(header, 0, 8);
    put(header, 0, 4);
    header += check_of(header, *key);
    TB_ASSERT(header.size() == header_bytes);
    return Keyed{std::move(header), std::move(*key)};
}

Result<Header> parse_header(std::string_view bytes) {
    const std::string_view begins = bytes.substr(0, magic.size());
    if (begins != magic.substr(0, begins.size()) || begins.empty())
        return Error{errc::damaged, "it is not a backup of token broker"};
    if (bytes.size() < magic.size() + 4) return cut_off();
    const auto written = static_cast<std::uint32_t>(take(bytes, 20, 4));
    if (written > version)
        return Error{errc::too_new,
                     fmt::format("it was written by a newer version of token broker (its form is "
                                 "{}, this one knows {}); use that version",
                                 written, version)};
    if (bytes.size() < header_bytes) return cut_off();
    Header header;
    header.made_at = wall_from_ms(static_cast<std::int64_t>(take(bytes, 24, 8)));
    header.log2_n = static_cast<unsigned char>(bytes[32]);
    header.r = static_cast<unsigned char>(bytes[33]);
    header.p = static_cast<unsigned char>(bytes[34]);
    header.salt = bytes.substr(36, salt_bytes);
    const bool sane =
        written == version && header.log2_n >= 1 && header.log2_n <= 24 && header.r >= 1 &&
        header.p >= 1 && header.p <= 4 &&
        (std::size_t{128} * header.r << header.log2_n) <= limits::backup_kdf_bytes_max;
    if (!sane) return Error{errc::damaged, "its header was changed or damaged"};
    return header;
}

bool fits(std::string_view header, const Secret& key) {
    if (header.size() != header_bytes || key.size() != key_bytes || !parse_header(header))
        return false;
    const std::string check = check_of(header, key);
    return CRYPTO_memcmp(check.data(), header.data() + checked_bytes, check.size()) == 0;
}

Result<Secret> open_header(std::string_view bytes, const Secret& passphrase) {
    const Result<Header> header = parse_header(bytes);
    if (!header) return header.error();
    Result<Secret> key = stretch(*header, passphrase);
    if (!key) return key.error();
    if (!fits(bytes.substr(0, header_bytes), *key))
        return Error{errc::key_missing,
                     "the passphrase is not the one that it was sealed with (or its first 80 bytes "
                     "are damaged)"};
    return key;
}

std::optional<FrameHead> parse_frame_head(std::string_view four_bytes) {
    if (four_bytes.size() != frame_head_bytes) return std::nullopt;
    const auto word = static_cast<std::uint32_t>(take(four_bytes, 0, 4));
    const FrameHead head{word & ~last_bit, (word & last_bit) != 0};
    if (head.sealed_bytes < tag_bytes || head.sealed_bytes > limits::backup_chunk_bytes + tag_bytes)
        return std::nullopt;
    return head;
}

struct Chunks::Cipher {
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    ~Cipher() { EVP_CIPHER_CTX_free(context); }
};

Chunks::Chunks(std::string_view header, const Secret& key)
    : cipher_(std::make_unique<Cipher>()), header_(header), key_(key.copy()) {
    TB_ASSERT(cipher_->context != nullptr && key_.size() == key_bytes &&
              header_.size() == header_bytes);
}

Chunks::~Chunks() = default;

std::string Chunks::nonce(bool last) {
    std::string out;
    put(out, last ? 1 : 0, 4);
    put(out, number_, 8);
    ++number_;
    ended_ = last;
    return out;
}

std::string Chunks::seal(std::string_view plain, bool last) {
    TB_ASSERT(!ended_ && plain.size() <= limits::backup_chunk_bytes);
    const std::string once = nonce(last);
    std::string out;
    const std::size_t sealed = plain.size() + tag_bytes;
    put(out, sealed | (last ? last_bit : 0), 4);
    out.resize(frame_head_bytes + sealed);
    unsigned char* text = bytes_of(out.data()) + frame_head_bytes;
    EVP_CIPHER_CTX* context = cipher_->context;
    int n = 0;
    TB_ASSERT(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nullptr, bytes_of(key_.view()),
                                 bytes_of(once)) == 1);
    TB_ASSERT(EVP_EncryptUpdate(context, nullptr, &n, bytes_of(header_),
                                static_cast<int>(header_.size())) == 1);
    if (!plain.empty())
        TB_ASSERT(EVP_EncryptUpdate(context, text, &n, bytes_of(plain),
                                    static_cast<int>(plain.size())) == 1);
    TB_ASSERT(EVP_EncryptFinal_ex(context, text + plain.size(), &n) == 1);
    TB_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes),
                                  text + plain.size()) == 1);
    return out;
}

Result<Secret> Chunks::open(std::string_view sealed, bool last) {
    const auto refused = [this] {
        return Error{errc::damaged, fmt::format("it is damaged: its part {} was changed, moved or "
                                                "taken from another file",
                                                number_)};
    };
    if (ended_) return Error{errc::damaged, "it is damaged: something follows its last part"};
    if (sealed.size() < tag_bytes || sealed.size() > limits::backup_chunk_bytes + tag_bytes)
        return refused();
    const std::string once = nonce(last);
    const std::size_t size = sealed.size() - tag_bytes;
    std::string tag(sealed.substr(size));
    Secret plain;
    plain.resize(size);
    EVP_CIPHER_CTX* context = cipher_->context;
    int n = 0;
    TB_ASSERT(EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nullptr, bytes_of(key_.view()),
                                 bytes_of(once)) == 1);
    TB_ASSERT(EVP_DecryptUpdate(context, nullptr, &n, bytes_of(header_),
                                static_cast<int>(header_.size())) == 1);
    if (size > 0)
        TB_ASSERT(EVP_DecryptUpdate(context, bytes_of(plain.data()), &n, bytes_of(sealed),
                                    static_cast<int>(size)) == 1);
    TB_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes),
                                  tag.data()) == 1);
    unsigned char nothing[16];
    if (EVP_DecryptFinal_ex(context, nothing, &n) != 1) return refused();
    return plain;
}

std::string encode(const Contents& contents) {
    std::string out;
    put(out, contents.accounts, 8);
    put(out, contents.client_secrets, 8);
    return out;
}

std::optional<Contents> parse_contents(std::string_view first_chunk) {
    if (first_chunk.size() < contents_bytes) return std::nullopt;
    return Contents{take(first_chunk, 0, 8), take(first_chunk, 8, 8)};
}

}  // namespace tb::backup
