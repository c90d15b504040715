// A seeded Random for tests: the same seed, the same draws.
#pragma once

#include <random>

#include "base/random.hpp"

namespace tb::test {

class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
    void fill(std::span<std::byte> bytes) override {
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(engine_() & 0xff);
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace tb::test
