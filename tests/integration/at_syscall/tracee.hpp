// What is asked of the kernel about a stopped thread, and done to it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace at_syscall {

struct Call {
    bool entry = false;
    std::uint64_t number = 0;  // at entry
    std::uint64_t arguments[6]{};
};

// False: the thread is gone, or this was no system call.
bool look(pid_t thread, Call& call);
std::string name_of(pid_t process, pid_t thread);
// The file behind a descriptor of the process; empty if there is none.
std::string file_of(pid_t process, std::uint64_t descriptor);
// A path in its memory.
std::string text_at(pid_t process, std::uint64_t address);
// At entry: the kernel will do nothing for this call. At exit: what the call then returns.
void skip(pid_t thread);
void answer(pid_t thread, int error);

}  // namespace at_syscall
