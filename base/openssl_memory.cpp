// malloc_usable_size says how much there is to wipe: never less than was asked for. A block that
// grows is moved by hand, since realloc would leave the old one as it was.
#include "base/openssl_memory.hpp"

#include <malloc.h>
#include <openssl/crypto.h>
#include <string.h>

#include <algorithm>
#include <cstdlib>

#include "base/check.hpp"

namespace tb {
namespace {

void* allocate(std::size_t bytes, const char*, int) {
    return bytes == 0 ? nullptr : std::malloc(bytes);
}

void release(void* at, const char*, int) {
    if (at == nullptr) return;
    ::explicit_bzero(at, ::malloc_usable_size(at));
    std::free(at);
}

void* change(void* at, std::size_t bytes, const char* file, int line) {
    if (at == nullptr) return allocate(bytes, file, line);
    if (bytes == 0) {
        release(at, file, line);
        return nullptr;
    }
    const std::size_t had = ::malloc_usable_size(at);
    void* moved = std::malloc(bytes);
    if (moved == nullptr) return nullptr;
    ::memcpy(moved, at, std::min(had, bytes));
    release(at, file, line);
    return moved;
}

}  // namespace

void wipe_what_openssl_frees() {
    TB_ASSERT(CRYPTO_set_mem_functions(allocate, change, release) == 1);
}

}  // namespace tb
