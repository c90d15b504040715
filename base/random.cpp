// RAND_bytes costs as much for 12 bytes as for 512, so a pool; bytes are wiped as they are handed
// out.
#include "base/random.hpp"

#include <openssl/rand.h>
#include <string.h>

#include <algorithm>

#include "base/check.hpp"

namespace tb {

void SystemRandom::fill(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        if (left_ == 0) {
            TB_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(pool_), sizeof pool_) == 1);
            left_ = sizeof pool_;
        }
        const std::size_t n = std::min(left_, bytes.size());
        std::byte* from = pool_ + (sizeof pool_ - left_);
        std::copy_n(from, n, bytes.begin());
        explicit_bzero(from, n);
        left_ -= n;
        bytes = bytes.subspan(n);
    }
}

}  // namespace tb
