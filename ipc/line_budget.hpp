// So many log lines a minute, and how many were left out. For lines that a stranger can cause.
#pragma once

#include "base/time.hpp"

namespace tb::ipc {

class LineBudget {
  public:
    explicit LineBudget(int lines_per_minute) : per_minute_(lines_per_minute) {}
    // May one more line be written? If not, it is counted.
    bool take(BootTime now) {
        if (!begun_ || now - since_ >= 1min) {
            begun_ = true;
            since_ = now;
            used_ = 0;
        }
        if (used_ < per_minute_) {
            ++used_;
            return true;
        }
        ++left_out_;
        return false;
    }
    // Lines left out since the last call.
    int left_out() {
        const int n = left_out_;
        left_out_ = 0;
        return n;
    }

  private:
    int per_minute_;
    bool begun_ = false;
    BootTime since_{};
    int used_ = 0;
    int left_out_ = 0;
};

}  // namespace tb::ipc
