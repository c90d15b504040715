// See crowd.hpp. What must stay true: no pointer to a wait outlives its membership, neither in the
// kernel (a leaving socket is taken out explicitly: if somebody has a duplicate, closing it would
// not) nor in the batch being served; at most one wait of Asio's is armed.
#include "ipc/crowd.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace tb::ipc {
namespace {
// One batch costs two epoll_waits and the epoll_ctl that arms the next; by Asio each of its streams
// would have its own epoll_ctl, beside one epoll_wait.
constexpr int calls_of_a_batch = 2;
}  // namespace

Crowd::Crowd(asio::io_context& context)
    : asio::execution_context::service(context), epoll_(context) {}

Crowd::~Crowd() = default;

// Destroying a wait may destroy any stream, and those leave.
void Crowd::shutdown() {
    while (!waits_.empty())
        take(*waits_.front()).reset();
    boost::system::error_code ignored;
    epoll_.close(ignored);
}

void Crowd::note_turn(Member& member) {
    const std::uint64_t others = turns_ - member.last_turn_;
    member.last_turn_ = ++turns_;
    if (others < others_min)
        member.among_others_ = 0;
    else if (member.among_others_ < turns_among_others_min)
        ++member.among_others_;
}

bool Crowd::wants(const Member& member) const {
    if (turns_ < closed_until_) return false;
    return member.in_crowd() || member.among_others_ == turns_among_others_min;
}

bool Crowd::join(Member& member, int socket, std::unique_ptr<Wait>& wait) {
    TB_ASSERT(!member.in_crowd());
    if (!epoll_.is_open() && !open()) return false;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = wait.get();
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) != 0) {
        close_if_empty();
        return false;
    }
    const bool first = waits_.empty();
    member.wait_ = wait.get();
    wait->member_ = &member;
    waits_.push_front(std::move(wait));
    member.wait_->place_ = waits_.begin();
    if (first && batched_ == 0) arm();
    return true;
}

std::unique_ptr<Crowd::Wait> Crowd::leave(Member& member, int socket) {
    TB_ASSERT(member.in_crowd());
    epoll_event unused{};
    (void)::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, socket, &unused);
    for (int i = 0; i < batched_; ++i)
        if (batch_[i].data.ptr == member.wait_) batch_[i].data.ptr = nullptr;
    member.among_others_ = 0;
    auto wait = take(*member.wait_);
    close_if_empty();
    return wait;
}

void Crowd::close_if_empty() {
    boost::system::error_code ignored;
    if (waits_.empty()) epoll_.close(ignored);
}

std::unique_ptr<Crowd::Wait> Crowd::take(Wait& wait) {
    std::exchange(wait.member_, nullptr)->wait_ = nullptr;
    auto taken = std::move(*wait.place_);
    waits_.erase(taken->place_);
    return taken;
}

bool Crowd::open() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return false;
    boost::system::error_code error;
    epoll_.assign(fd, error);
    if (error) ::close(fd);
    ++opened_;
    return !error;
}

void Crowd::arm() {
    epoll_.async_wait(Descriptor::wait_read,
                      [this, opened = opened_](boost::system::error_code error) {
                          if (opened != opened_ || !epoll_.is_open()) return;
                          TB_ASSERT(!error);
                          serve();
                      });
}

void Crowd::serve() {
    batched_ = ::epoll_wait(epoll_.native_handle(), batch_.data(), batch_max, 0);
    const int served = batched_ = std::max(batched_, 0);
    for (int i = 0; i < served; ++i)
        if (batch_[i].data.ptr != nullptr)
            static_cast<Wait*>(batch_[i].data.ptr)
                ->ready((batch_[i].events & (EPOLLHUP | EPOLLERR)) != 0);
    batched_ = 0;
    settle(served);
    if (!waits_.empty()) arm();
}

void Crowd::settle(int served) {
    if (turns_ < closed_until_) return;
    calls_balance_ = std::min(calls_balance_ + served - calls_of_a_batch, calls_balance_max);
    if (calls_balance_ == calls_balance_max) closed_turns_ = closed_turns_min;
    if (calls_balance_ > -calls_balance_max) return;
    calls_balance_ = 0;
    closed_until_ = turns_ + closed_turns_;
    closed_turns_ = std::min(2 * closed_turns_, closed_turns_max);
}

}  // namespace tb::ipc
