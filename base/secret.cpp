// The arena: chunks of 256 KiB, locked and kept out of dumps and forks, cut into power-of-two
// blocks with a free list a size. Larger blocks than 16 KiB get a mapping of their own. Chunks are
// never given back: the daemon's need is flat.
#include "base/secret.hpp"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstdint>
#include <mutex>

#include "base/check.hpp"

namespace tb {
namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::size_t block_bytes_min = 64;
constexpr std::size_t block_bytes_max = 16 * 1024;

void* map_locked(std::size_t bytes) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TB_ASSERT(at != MAP_FAILED);
    (void)mlock(at, bytes);  // best effort: RLIMIT_MEMLOCK may say no, and swap may not exist
    (void)madvise(at, bytes, MADV_DONTDUMP);
    (void)madvise(at, bytes, MADV_WIPEONFORK);
    return at;
}

class Arena {
  public:
    void* allocate(std::size_t bytes) {
        const std::size_t block = round_up(bytes);
        if (block > block_bytes_max) return map_locked(block);
        const std::lock_guard lock(mutex_);
        Free*& head = free_[slot(block)];
        if (head == nullptr) refill(block, head);
        Free* taken = head;
        head = taken->next;
        return taken;
    }
    void release(void* at, std::size_t bytes) {
        const std::size_t block = round_up(bytes);
        explicit_bzero(at, bytes);
        if (block > block_bytes_max) {
            munmap(at, block);
            return;
        }
        const std::lock_guard lock(mutex_);
        Free*& head = free_[slot(block)];
        head = new (at) Free{head};
    }

  private:
    struct Free {
        Free* next;
    };
    static std::size_t round_up(std::size_t bytes) {
        if (bytes <= block_bytes_min) return block_bytes_min;
        return bytes <= block_bytes_max ? std::bit_ceil(bytes)
                                        : (bytes + 4095) & ~std::size_t{4095};
    }
    static std::size_t slot(std::size_t block) {
        return static_cast<std::size_t>(std::countr_zero(block) -
                                        std::countr_zero(block_bytes_min));
    }
    void refill(std::size_t block, Free*& head) {
        auto* chunk = static_cast<char*>(map_locked(chunk_bytes));
        for (std::size_t at = 0; at + block <= chunk_bytes; at += block)
            head = new (chunk + at) Free{head};
    }
    std::mutex mutex_;
    std::array<Free*, 9> free_{};  // 64 .. 16384
};

Arena& arena() {
    static Arena* one = new Arena;  // never destroyed: secrets may be freed by static destructors
    return *one;
}

void put_u32(Secret& out, std::size_t n) {
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<char>((n >> shift) & 0xff));
}

bool take(std::string_view& blob, std::string_view& piece) {
    if (blob.size() < 4) return false;
    std::uint32_t n = 0;
    for (unsigned i = 0; i < 4; ++i)
        n |= std::uint32_t{static_cast<unsigned char>(blob[i])} << (8 * i);
    blob.remove_prefix(4);
    if (blob.size() < n) return false;
    piece = blob.substr(0, n);
    blob.remove_prefix(n);
    return true;
}

}  // namespace

void* secret_allocate(std::size_t bytes) {
    return arena().allocate(bytes);
}

void secret_free(void* at, std::size_t bytes) noexcept {
    if (at != nullptr) arena().release(at, bytes);
}

bool equal(const Secret& a, const Secret& b) {
    return a.size() == b.size() &&
           (a.empty() || CRYPTO_memcmp(a.view().data(), b.view().data(), a.size()) == 0);
}

void SecretSet::set(std::string_view name, Secret value) {
    for (Field& field : fields_) {
        if (std::string_view(field.name.data(), field.name.size()) == name) {
            field.value = std::move(value);
            return;
        }
    }
    fields_.push_back(Field{{name.begin(), name.end()}, std::move(value)});
}

const Secret* SecretSet::find(std::string_view name) const {
    for (const Field& field : fields_)
        if (std::string_view(field.name.data(), field.name.size()) == name) return &field.value;
    return nullptr;
}

std::vector<std::pair<std::string_view, const Secret*>> SecretSet::list() const {
    std::vector<std::pair<std::string_view, const Secret*>> all;
    for (const Field& field : fields_)
        all.emplace_back(std::string_view(field.name.data(), field.name.size()), &field.value);
    return all;
}

SecretSet SecretSet::copy() const {
    SecretSet out;
    for (const Field& field : fields_)
        out.fields_.push_back(Field{field.name, field.value.copy()});
    return out;
}

Secret SecretSet::serialize() const {
    Secret out;
    for (const Field& field : fields_) {
        put_u32(out, field.name.size());
        out.append({field.name.data(), field.name.size()});
        put_u32(out, field.value.size());
        out.append(field.value.view());
    }
    return out;
}

bool SecretSet::parse(std::string_view blob, SecretSet& into) {
    while (!blob.empty()) {
        std::string_view name;
        std::string_view value;
        if (!take(blob, name) || !take(blob, value)) return false;
        into.set(name, Secret(value));
    }
    return true;
}

}  // namespace tb
