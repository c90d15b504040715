// Sealing: AES-256-GCM under a key per account, each seal bound to its place (table, account,
// column, key, version), and keyed hashes of whole rows. One Sealer belongs to one thread at a
// time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "storage/key_file.hpp"
#include "storage/records.hpp"

namespace tb::storage {

// Where a sealed value lives. It opens nowhere else: swapped between rows, columns or versions it
// is refused.
struct Place {
    std::string_view table;
    std::string_view column;
    AccountId account = 0;      // whose key; or, if 0, the client's:
    std::string_view client{};  // empty too for the store's own records
    std::string_view name{};
    std::uint64_t version = 0;
    std::string_view kind{};  // "account", "shop/main": for messages; not bound
    std::string_view label{};
};

using Half = std::array<unsigned char, 16>;
// A keyed hash of a row: one half is stored in it and says that the row is ours, the other is never
// stored and goes into the head's sum (head.hpp), where nobody can compute with it.
struct RowHash {
    Half stored{};
    Half element{};
};

class Hmac {
  public:
    explicit Hmac(std::string_view key);
    using Digest = std::array<unsigned char, 32>;
    Digest operator()(std::string_view bytes);

  private:
    struct Free {
        void operator()(void* context) const;
    };
    std::unique_ptr<void, Free> context_;
};

class Sealer {
  public:
    explicit Sealer(const MasterKey& key);
    ~Sealer();
    Sealer(const Sealer&) = delete;
    Sealer& operator=(const Sealer&) = delete;

    // 8 bytes that tell keys apart and say nothing of them.
    std::string_view key_id() const { return key_id_; }

    std::string seal(const Place& place, std::string_view plain);
    // errc::damaged names place.kind, label and column.
    Result<Secret> open(const Place& place, std::string_view sealed);

    RowHash hash_row(std::string_view row);
    // 16 hex digits; the same fields in another order are the same grant.
    std::string fingerprint(const SecretSet& grant);

    // HKDF-SHA256 (RFC 5869) of the master key; 32 bytes. For tests.
    Secret derive(std::string_view info);

    // What of a sealed value stands for all of it in a row's hash: nonce, tag and length.
    static std::string_view nonce_of(std::string_view sealed);
    static std::string_view tag_of(std::string_view sealed);

  private:
    void use_key_of(const Place& place);
    std::string_view bound(const Place& place);  // until the next call
    struct Ciphers;
    Hmac expand_;
    std::string key_id_;
    std::unique_ptr<Ciphers> ciphers_;
    Hmac rows_;
    Hmac fingerprints_;
    SystemRandom random_;
    std::string key_scope_;  // whose key key_ is: a row's grant and token share it
    std::string scope_;      // kept for their memory, as 100,000 rows are opened at a start
    std::string bound_;
    Secret key_;
};

// The key in use and, while the master key is being changed, the one before: what is read may be
// under either, what is written is under the current one.
struct Sealers {
    std::unique_ptr<Sealer> current;
    std::unique_ptr<Sealer> previous;
};

}  // namespace tb::storage
