// libtokenbroker for C++17 and later: what tokenbroker.h offers, with owners that clean up and
// without exceptions. Header only; nothing in here but forwarding, so that the C header says it
// all.
#ifndef TOKENBROKER_HPP
#define TOKENBROKER_HPP

#include <tokenbroker.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenbroker {

// Why there is no value. code == TB_OK: there is one.
struct failure : tb_failure {
    tb_error code = TB_OK;
    failure() : tb_failure{} {}
    std::string_view why() const { return reason; }
};

// A value or a failure; as std::expected, which C++17 lacks.
template <class T>
class result {
  public:
    result(T value) : value_(std::move(value)) {}
    result(const failure& why) : failure_(why) {}
    explicit operator bool() const { return value_.has_value(); }
    T& operator*() & { return *value_; }
    T&& operator*() && { return *std::move(value_); }
    const T& operator*() const& { return *value_; }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }
    const failure& error() const { return failure_; }  // only without a value

  private:
    std::optional<T> value_;
    failure failure_;
};

// Looks at a token; owns nothing. Empty where there is none.
class token_view {
  public:
    token_view() = default;
    explicit token_view(const tb_token* token) : token_(token) {}
    explicit operator bool() const { return token_ != nullptr; }
    std::string_view account() const { return token_->account; }
    std::string_view value() const { return {token_->token, token_->token_bytes}; }
    std::string_view header_name() const { return token_->header_name; }
    std::string_view header_value() const { return token_->header_value; }
    std::int64_t generation() const { return token_->generation; }
    std::int64_t remaining_ms() const { return tb_token_remaining_ms(token_); }
    std::string_view attribute(std::string_view name) const {  // empty: there is none
        for (std::size_t i = 0; i < token_->attributes_count; ++i)
            if (token_->attributes[i].name == name) return token_->attributes[i].value;
        return {};
    }
    const tb_token* get() const { return token_; }

  private:
    const tb_token* token_ = nullptr;
};

// A token of get(): wiped when it goes.
class token {
  public:
    explicit token(tb_token* taken) : token_(taken) {}
    token_view view() const { return token_view(token_.get()); }
    std::string_view value() const { return view().value(); }

  private:
    struct wipe {
        void operator()(tb_token* gone) const { tb_token_free(gone); }
    };
    std::unique_ptr<tb_token, wipe> token_;
};

inline tb_options default_options() {
    return TB_OPTIONS_INIT;
}

inline result<token> get(const std::string& account,
                         const tb_options& options = default_options()) {
    tb_token* taken = nullptr;
    failure why;
    why.code = tb_get(account.c_str(), &options, &taken, &why);
    if (why.code != TB_OK) return why;
    return token(taken);
}

inline result<bool> report_rejected(const std::string& account, std::int64_t generation,
                                    const tb_options& options = default_options()) {
    int started = 0;
    failure why;
    why.code = tb_report_rejected(account.c_str(), generation, &options, &started, &why);
    if (why.code != TB_OK) return why;
    return started != 0;
}

// One for each thread that reads. May outlive its watch; reads nothing then.
class reader {
  public:
    explicit reader(tb_reader* taken) : reader_(taken) {}
    // Nanoseconds, no system call, never waits. Good until the next read of this reader.
    token_view read() { return token_view(tb_read(reader_.get())); }

  private:
    struct close {
        void operator()(tb_reader* gone) const { tb_reader_close(gone); }
    };
    std::unique_ptr<tb_reader, close> reader_;
};

// A token that a background thread keeps current.
class watch {
  public:
    static result<watch> open(const std::string& account, const char* socket = nullptr) {
        tb_watch* taken = nullptr;
        failure why;
        why.code = tb_watch_open(account.c_str(), socket, &taken, &why);
        if (why.code != TB_OK) return why;
        return watch(taken);
    }
    // TB_OK in the failure's code: a usable token is there. In a child process this starts it.
    failure wait(std::int64_t timeout_ms) {
        failure why;
        why.code = tb_watch_wait(watch_.get(), timeout_ms, &why);
        return why;
    }
    failure status() {
        failure why;
        why.code = tb_watch_status(watch_.get(), &why);
        return why;
    }
    result<reader> open_reader() {
        tb_reader* taken = nullptr;
        failure why;
        why.code = tb_reader_open(watch_.get(), &taken);
        if (why.code != TB_OK) return why;
        return reader(taken);
    }

  private:
    explicit watch(tb_watch* taken) : watch_(taken) {}
    struct close {
        void operator()(tb_watch* gone) const { tb_watch_close(gone); }
    };
    std::unique_ptr<tb_watch, close> watch_;
};

}  // namespace tokenbroker

#endif
