// The arena: chunks locked and kept out of dumps and forks, cut into blocks of a few sizes with a
// free list a size. Sizes are 64 bytes apart up to 2 KiB, since 100,000 tokens of 1 KiB are what
// fills the memory of a large broker; then eight to a doubling. Larger blocks than 16 KiB get a
// mapping of their own. Chunks are never given back: the daemon's need is flat. The first ones are
// small; a large broker gets huge pages, without which each read of a random account pays for
// walking page tables.
#include "base/secret.hpp"

#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <mutex>

#include "base/check.hpp"
#include "base/huge_page.hpp"

namespace tb {
namespace {

constexpr std::size_t chunk_bytes_first = 256 * 1024;
constexpr std::size_t chunk_bytes_large = huge_page_bytes;
constexpr std::size_t large_from_bytes = 4 * 1024 * 1024;  // mapped so far
constexpr std::size_t block_step = 64;
constexpr std::size_t block_bytes_fine = 2 * 1024;  // up to here 64 bytes apart
constexpr std::size_t block_bytes_max = 16 * 1024;
constexpr std::size_t fine_sizes = block_bytes_fine / block_step;
constexpr std::size_t coarse_sizes = 3 * 8;  // 2 to 4, 4 to 8, 8 to 16 KiB

void guard(void* at, std::size_t bytes) {
    (void)mlock(at, bytes);  // best effort: RLIMIT_MEMLOCK may say no, and swap may not exist
    (void)madvise(at, bytes, MADV_DONTDUMP);
    (void)madvise(at, bytes, MADV_WIPEONFORK);
}

void* map_locked(std::size_t bytes) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TB_ASSERT(at != MAP_FAILED);
    guard(at, bytes);
    return at;
}

void* map_large() {
    void* at = map_huge_pages(chunk_bytes_large);
    TB_ASSERT(at != nullptr);
    guard(at, chunk_bytes_large);
    return at;
}

// Held for some instructions, by three threads: whoever finds it taken looks again for a moment
// before it sleeps, as the brain did here in one renewal of thirty in a storm.
class ShortMutex {
  public:
    void lock() { TB_ASSERT(pthread_mutex_lock(&mutex_) == 0); }
    void unlock() { TB_ASSERT(pthread_mutex_unlock(&mutex_) == 0); }

  private:
    pthread_mutex_t mutex_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

class Arena {
  public:
    void* allocate(std::size_t bytes) {
        const Size size = size_of(bytes);
        if (size.block > block_bytes_max) return map_locked(size.block);
        const std::lock_guard lock(mutex_);
        Free*& head = free_[size.index];
        if (head == nullptr) return cut(size.block);
        Free* taken = head;
        head = taken->next;
        return taken;
    }
    void release(void* at, std::size_t bytes) {
        const Size size = size_of(bytes);
        explicit_bzero(at, bytes);
        if (size.block > block_bytes_max) {
            munmap(at, size.block);
            return;
        }
        const std::lock_guard lock(mutex_);
        Free*& head = free_[size.index];
        head = new (at) Free{head};
    }

  private:
    struct Free {
        Free* next;
    };
    struct Size {
        std::size_t block;
        std::size_t index;  // of its free list
    };
    static Size size_of(std::size_t bytes) {
        const std::size_t wanted = bytes == 0 ? 1 : bytes;
        if (wanted <= block_bytes_fine) {
            const std::size_t steps = (wanted + block_step - 1) / block_step;
            return {steps * block_step, steps - 1};
        }
        if (wanted > block_bytes_max) return {(wanted + 4095) & ~std::size_t{4095}, 0};
        const std::size_t base = std::bit_floor(wanted - 1);  // base < wanted <= 2 * base
        const std::size_t eighth = std::max(base / 8, block_step);
        const std::size_t eighths = (wanted - base + eighth - 1) / eighth;
        const auto doubling =
            static_cast<std::size_t>(std::countr_zero(base) - std::countr_zero(block_bytes_fine));
        return {base + eighths * eighth, fine_sizes + doubling * 8 + eighths - 1};
    }
    void* cut(std::size_t block) {
        if (left_ < block) {  // what is left of the old chunk stays unused
            const bool large = mapped_ >= large_from_bytes;
            left_ = large ? chunk_bytes_large : chunk_bytes_first;
            next_ = static_cast<char*>(large ? map_large() : map_locked(left_));
            mapped_ += left_;
        }
        void* out = next_;
        next_ += block;
        left_ -= block;
        return out;
    }
    ShortMutex mutex_;
    std::array<Free*, fine_sizes + coarse_sizes> free_{};
    char* next_ = nullptr;  // what is not cut yet
    std::size_t left_ = 0;
    std::size_t mapped_ = 0;
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
