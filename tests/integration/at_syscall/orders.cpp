// A kill before a call is a SIGKILL while its thread stands at the entry: the kernel then leaves
// the call out. Counts begin with calls entered after the order.
#include "orders.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include <sstream>

namespace at_syscall {

std::string Orders::take(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "count") {
        counts_.clear();
        inside_.clear();
        counting_ = true;
        return "ok\n";
    }
    if (what == "list") {
        std::string all;
        for (const auto& [key, count] : counts_)
            all +=
                key.first + " " + std::to_string(key.second) + " " + std::to_string(count) + "\n";
        counting_ = false;
        return all + ".\n";
    }
    if (what == "kill") {
        Place place;
        std::string where;
        if (!(words >> place.thread >> place.number >> place.k >> where)) return "what?\n";
        place.before = where == "before";
        place_ = place;
        counts_.clear();
        inside_.clear();
        return "ok\n";
    }
    if (what == "fail") {
        Failing failing;
        std::uint64_t number = 0;
        if (!(words >> failing.error >> failing.folder)) return "what?\n";
        while (words >> number)
            failing.numbers.insert(number);
        failing_ = failing;
        return "ok\n";
    }
    if (what == "heal") {
        const int done = failing_ ? failing_->done : 0;
        failing_.reset();
        return std::to_string(done) + "\n";
    }
    return "what?\n";
}

// A file that is only read can be opened on a disk that takes no writes.
bool Orders::concerns(const Call& call) const {
    if (!failing_ || !failing_->numbers.contains(call.number)) return false;
    std::string path;
    if (call.number == SYS_openat) {
        if ((call.arguments[2] & (O_WRONLY | O_RDWR | O_CREAT)) == 0) return false;
        path = text_at(process_, call.arguments[1]);
    } else if (call.number == SYS_unlinkat) {
        path = text_at(process_, call.arguments[1]);
#ifdef SYS_unlink
    } else if (call.number == SYS_unlink) {
        path = text_at(process_, call.arguments[0]);
#endif
    } else {
        path = file_of(process_, call.arguments[0]);
    }
    return path.rfind(failing_->folder, 0) == 0;
}

bool Orders::strike(const std::string& name, std::uint64_t number, bool entry) {
    if (!place_ || place_->before != entry || place_->thread != name || place_->number != number)
        return false;
    const auto count = counts_.find({name, number});
    if (count == counts_.end() || count->second != place_->k) return false;
    place_.reset();
    return kill(process_, SIGKILL) == 0;
}

bool Orders::stopped(pid_t thread, const Call& call) {
    if (!call.entry) {
        if (skipped_.erase(thread) != 0 && failing_) {
            answer(thread, failing_->error);
            ++failing_->done;
        }
        const auto was = inside_.find(thread);
        if (was == inside_.end()) return false;
        const auto [name, number] = was->second;
        inside_.erase(was);
        return strike(name, number, false);
    }
    if (concerns(call)) {
        skip(thread);
        skipped_.insert(thread);
    }
    if (!counting_ && !place_) return false;
    const std::string name = name_of(process_, thread);
    ++counts_[{name, call.number}];
    inside_[thread] = {name, call.number};
    return strike(name, call.number, true);
}

}  // namespace at_syscall
