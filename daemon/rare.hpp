// An optional that costs a pointer while it is empty: for what few of a million accounts have (a
// failure, an intent, tokens on demand). Moves, and copies as its value does.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace tb::daemon {

template <class T>
class Rare {
  public:
    Rare() = default;
    Rare(const T& value) : held_(std::make_unique<T>(value)) {}
    Rare(T&& value) : held_(std::make_unique<T>(std::move(value))) {}
    Rare(std::optional<T>&& value) {
        if (value) held_ = std::make_unique<T>(std::move(*value));
    }
    Rare(Rare&&) noexcept = default;
    Rare& operator=(Rare&&) noexcept = default;
    Rare(const Rare& other) : held_(other.held_ ? std::make_unique<T>(*other.held_) : nullptr) {}
    Rare& operator=(const Rare& other) {
        held_ = other.held_ ? std::make_unique<T>(*other.held_) : nullptr;
        return *this;
    }

    explicit operator bool() const { return held_ != nullptr; }
    bool has_value() const { return held_ != nullptr; }
    T& operator*() { return *held_; }
    const T& operator*() const { return *held_; }
    T* operator->() { return held_.get(); }
    const T* operator->() const { return held_.get(); }
    void reset() { held_.reset(); }
    // Made when it is first written to.
    T& make() {
        if (!held_) held_ = std::make_unique<T>();
        return *held_;
    }

  private:
    std::unique_ptr<T> held_;
};

}  // namespace tb::daemon
