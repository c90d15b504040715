// The Random seam: jitter, nonces, ids. SystemRandom draws from OpenSSL in bulk; the simulation
// from its seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tb {

class Random {
  public:
    virtual ~Random() = default;
    virtual void fill(std::span<std::byte> bytes) = 0;
    std::uint64_t u64() {
        std::uint64_t value{};
        fill(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
    // Uniform in [low, high).
    double uniform(double low, double high) {
        return low + (high - low) * (static_cast<double>(u64() >> 11) * 0x1.0p-53);
    }
};

// From the kernel through OpenSSL, 512 bytes at a time. Not shared between threads.
class SystemRandom final : public Random {
  public:
    void fill(std::span<std::byte> bytes) override;

  private:
    std::byte pool_[512]{};
    std::size_t left_ = 0;
};

}  // namespace tb
