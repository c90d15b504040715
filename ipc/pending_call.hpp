// The Pending of one session. The session forgets it at its last reply; it forgets the session when
// that ends. Whoever holds it longer holds only the caller's identity.
#pragma once

#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "base/async.hpp"
#include "base/check.hpp"
#include "ipc/service.hpp"
#include "ipc/session.hpp"

namespace tb::ipc {

class PendingCall final : public Pending, public std::enable_shared_from_this<PendingCall> {
  public:
    PendingCall(Session& session, std::shared_ptr<const Caller> caller,
                asio::any_io_executor executor, bool more, bool oneway)
        : session_(&session),
          caller_(std::move(caller)),
          executor_(std::move(executor)),
          more_(more),
          oneway_(oneway) {}

    void stream(std::string_view frame) override {
        TB_ASSERT(more_ && !finished_);
        if (session_ != nullptr) session_->deliver(frame);
    }
    void finish(std::string_view frame) override {
        TB_ASSERT(!finished_);
        finished_ = true;
        on_drained_ = {};
        on_gone_ = {};
        if (session_ == nullptr) return;
        Session& session = *std::exchange(session_, nullptr);
        if (!oneway_) session.deliver(frame);
        session.finished();
    }
    std::size_t unsent_bytes() const override {
        return session_ == nullptr ? 0 : session_->unsent_bytes();
    }
    void on_drained(std::function<void()> callback) override {
        if (session_ == nullptr) return;
        on_drained_ = std::move(callback);
        if (session_->unsent_bytes() > 0) return;  // the session's loop runs it
        asio::post(executor_, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->run_drained();
        });
    }
    void on_gone(std::function<void()> callback) override {
        if (finished_) return;
        if (gone_)
            asio::post(executor_, std::move(callback));
        else
            on_gone_ = std::move(callback);
    }
    bool gone() const override { return gone_; }
    const Caller& caller() const override { return *caller_; }

    // -- for the session --
    bool more() const { return more_; }
    void run_drained() {
        if (!on_drained_ || session_ == nullptr || session_->dropped()) return;
        if (session_->unsent_bytes() > 0) return;
        std::exchange(on_drained_, {})();
    }
    // The session ended before the last reply. Silent: the server is being destroyed.
    void lose(bool silent) {
        session_ = nullptr;
        gone_ = true;
        on_drained_ = {};
        const auto callback = std::exchange(on_gone_, {});
        if (callback && !silent) callback();
    }

  private:
    Session* session_;  // null: finished or gone
    std::shared_ptr<const Caller> caller_;
    asio::any_io_executor executor_;
    std::function<void()> on_drained_;
    std::function<void()> on_gone_;
    const bool more_;
    const bool oneway_;
    bool finished_ = false;
    bool gone_ = false;
};

}  // namespace tb::ipc
