// The form of a backup file, apart from what is in it (storage/backup_record.hpp):
//
//   header, 80 bytes: "token broker backup\n" (20), version u32, made_at_ms u64, log2(N), r, p of
//     scrypt and a zero (4), salt (16), zeros (12), check (16)
//   chunks: u32 (length of the sealed bytes; its top bit: this is the last one), sealed bytes
//
// Numbers are little endian. The key is scrypt of a passphrase; `check` is a MAC of the header
// before it under that key, so a wrong passphrase is told from a damaged file. A chunk is
// AES-256-GCM with the whole header as associated data and, as nonce, whether it is the last (1
// byte), zeros (3), its number from 0 on (8): no chunk can be changed, moved, left out, or taken
// from elsewhere.
//
// A passphrase and not the master key: a backup is for the day when the host and its key are gone,
// and a change of the master key (rekey) destroys the key that older backups would hang on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace tb::backup {

inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t header_bytes = 80;
inline constexpr std::size_t key_bytes = 32;
inline constexpr std::size_t frame_head_bytes = 4;
inline constexpr std::size_t tag_bytes = 16;

struct Header {
    WallTime made_at{};
    unsigned log2_n = 17;  // 128 MiB, about 0.4 s
    unsigned r = 8;
    unsigned p = 1;
    std::string salt;  // 16 bytes
};

// A header and its key from a passphrase, for a new file. `header`: its 80 bytes.
struct Keyed {
    std::string header;
    Secret key;
};
Result<Keyed> make_header(const Header& form, const Secret& passphrase);
Header new_header(WallTime made_at, Random& random);

// errc::damaged (no backup, or cut off), too_new. Only the form is looked at.
Result<Header> parse_header(std::string_view bytes);
// errc::key_missing: another passphrase, or the header was changed.
Result<Secret> open_header(std::string_view bytes, const Secret& passphrase);
bool fits(std::string_view header, const Secret& key);

// What the length in front of a chunk says. nullopt: no chunk is that long.
struct FrameHead {
    std::size_t sealed_bytes;
    bool last;
};
std::optional<FrameHead> parse_frame_head(std::string_view four_bytes);

// The chunks of one file, in order.
class Chunks {
  public:
    Chunks(std::string_view header, const Secret& key);
    ~Chunks();
    Chunks(const Chunks&) = delete;
    Chunks& operator=(const Chunks&) = delete;

    // With its length in front. At most limits::backup_chunk_bytes; none follows the last.
    std::string seal(std::string_view plain, bool last);
    // `sealed` without the length. errc::damaged.
    Result<Secret> open(std::string_view sealed, bool last);
    bool ended() const { return ended_; }

  private:
    std::string nonce(bool last);
    struct Cipher;
    std::unique_ptr<Cipher> cipher_;
    std::string header_;
    Secret key_;
    std::uint64_t number_ = 0;
    bool ended_ = false;
};

// The first bytes of the first chunk: what is in the file.
struct Contents {
    std::uint64_t accounts = 0;
    std::uint64_t client_secrets = 0;
};
inline constexpr std::size_t contents_bytes = 16;
std::string encode(const Contents& contents);
std::optional<Contents> parse_contents(std::string_view first_chunk);

}  // namespace tb::backup
