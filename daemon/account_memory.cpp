// See account_memory.hpp. Nothing secret is kept here: tokens are in their own arena (base/secret).
#include "daemon/account_memory.hpp"

#include <sys/mman.h>

#include <new>

#include "base/check.hpp"

namespace tb::daemon {
namespace {

constexpr std::size_t chunk_bytes_first = 64 * 1024;
constexpr std::size_t chunk_bytes_large = 2 * 1024 * 1024;  // one huge page
constexpr std::size_t line_bytes = 64;

// A sanitizer that watches each allocation should see each account as one.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooled = false;
#elif defined(__has_feature)
constexpr bool pooled = !__has_feature(address_sanitizer);
#else
constexpr bool pooled = true;
#endif

struct Free {
    Free* next;
};

struct Pool {
    std::size_t block = 0;  // the one size
    Free* free = nullptr;
    char* next = nullptr;  // what is not cut yet
    std::size_t left = 0;
    std::size_t chunk = chunk_bytes_first;
};

// One brain a process; a test may have several, one after the other.
Pool& pool() {
    thread_local Pool one;
    return one;
}

void refill(Pool& pool) {
    void* at = ::operator new(pool.chunk, std::align_val_t{pool.chunk}, std::nothrow);
    TB_ASSERT(at != nullptr);
    if (pool.chunk == chunk_bytes_large) (void)::madvise(at, pool.chunk, MADV_HUGEPAGE);
    pool.next = static_cast<char*>(at);
    pool.left = pool.chunk;
    pool.chunk = chunk_bytes_large;
}

}  // namespace

void* take_account_memory(std::size_t bytes) {
    if (!pooled) return ::operator new(bytes);
    Pool& from = pool();
    if (from.block == 0) from.block = (bytes + line_bytes - 1) / line_bytes * line_bytes;
    TB_ASSERT(bytes <= from.block);
    if (from.free != nullptr) {
        Free* taken = from.free;
        from.free = taken->next;
        return taken;
    }
    if (from.left < from.block) refill(from);
    char* out = from.next;
    from.next += from.block;
    from.left -= from.block;
    return out;
}

void return_account_memory(void* at, std::size_t) noexcept {
    if (!pooled) return ::operator delete(at);
    Pool& to = pool();
    to.free = new (at) Free{to.free};
}

}  // namespace tb::daemon
