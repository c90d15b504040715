// Bytes that must not outlive their use: grants, client secrets, access tokens on their way,
// request and reply bodies. Memory comes from arenas that are locked (best effort), left out of
// core dumps and forks, and is wiped when freed. A Secret is moved, never copied by accident;
// copy() says so out loud. Never log one, never put one in an Error.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace tb {

void* secret_allocate(std::size_t bytes);  // 16-byte aligned; aborts when memory is gone
void secret_free(void* at, std::size_t bytes) noexcept;  // wipes first; safe for nullptr

template <class T>
struct SecretAllocator {
    using value_type = T;
    SecretAllocator() = default;
    template <class U>
    SecretAllocator(const SecretAllocator<U>&) {}
    T* allocate(std::size_t n) { return static_cast<T*>(secret_allocate(n * sizeof(T))); }
    void deallocate(T* p, std::size_t n) noexcept { secret_free(p, n * sizeof(T)); }
    friend bool operator==(SecretAllocator, SecretAllocator) { return true; }
};

// A vector, not a string: a string keeps short text inside itself, where no allocator wipes it.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}
    Secret(Secret&&) noexcept = default;
    Secret& operator=(Secret&&) noexcept = default;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;

    Secret copy() const { return Secret(view()); }
    std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
    char* data() { return bytes_.data(); }
    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }
    void clear() { bytes_ = {}; }
    void reserve(std::size_t n) { bytes_.reserve(n); }
    void resize(std::size_t n) { bytes_.resize(n); }
    Secret& append(std::string_view text) {
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        return *this;
    }
    void push_back(char c) { bytes_.push_back(c); }

  private:
    std::vector<char, SecretAllocator<char>> bytes_;
};

// Constant time in the length of the contents.
bool equal(const Secret& a, const Secret& b);

// Named secrets of one account: refresh_token, secret_key, token, ... Few, so a flat list.
class SecretSet {
  public:
    void set(std::string_view name, Secret value);
    const Secret* find(std::string_view name) const;
    bool empty() const { return fields_.empty(); }
    std::vector<std::pair<std::string_view, const Secret*>> list() const;
    SecretSet copy() const;

    // One sealed blob: for each field u32 name length, name, u32 length, bytes (little endian).
    Secret serialize() const;
    static bool parse(std::string_view blob, SecretSet& into);

  private:
    struct Field {
        std::vector<char> name;
        Secret value;
    };
    std::vector<Field> fields_;
};

}  // namespace tb
