// The parts that differ between processors are skip() and answer().
#include "tracee.hpp"

#include <elf.h>
#include <limits.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>

namespace at_syscall {
namespace {

std::string of_process(pid_t process, const char* what, const std::string& which) {
    return "/proc/" + std::to_string(process) + "/" + what + "/" + which;
}

}  // namespace

bool look(pid_t thread, Call& call) {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return false;
    call.entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
    if (!call.entry) return info.op == PTRACE_SYSCALL_INFO_EXIT;
    call.number = info.entry.nr;
    std::copy_n(info.entry.args, 6, call.arguments);
    return true;
}

std::string name_of(pid_t process, pid_t thread) {
    std::ifstream file(of_process(process, "task", std::to_string(thread)) + "/comm");
    std::string name;
    std::getline(file, name);
    return name;
}

std::string file_of(pid_t process, std::uint64_t descriptor) {
    char path[PATH_MAX];
    const std::string link =
        of_process(process, "fd", std::to_string(static_cast<int>(descriptor)));
    const ssize_t n = readlink(link.c_str(), path, sizeof path);
    return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : std::string();
}

std::string text_at(pid_t process, std::uint64_t address) {
    char text[PATH_MAX];
    iovec here{text, sizeof text};
    // Not over the end of its page, behind which there may be nothing.
    iovec there{reinterpret_cast<void*>(address), 4096 - address % 4096};
    const ssize_t n = process_vm_readv(process, &here, 1, &there, 1, 0);
    if (n <= 0) return {};
    const auto size = static_cast<std::size_t>(n);
    return {text, static_cast<std::size_t>(std::find(text, text + size, '\0') - text)};
}

#if defined(__x86_64__)
void skip(pid_t thread) {
    ptrace(PTRACE_POKEUSER, thread, offsetof(user, regs.orig_rax), -1L);
}
void answer(pid_t thread, int error) {
    ptrace(PTRACE_POKEUSER, thread, offsetof(user, regs.rax), static_cast<long>(-error));
}
#elif defined(__aarch64__)
void skip(pid_t thread) {
    int none = -1;
    iovec part{&none, sizeof none};
    ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &part);
}
void answer(pid_t thread, int error) {
    user_regs_struct registers{};
    iovec part{&registers, sizeof registers};
    ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &part);
    registers.regs[0] = static_cast<std::uint64_t>(-static_cast<long>(error));
    ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &part);
}
#else
#error "how a system call is skipped on this processor is not known here"
#endif

}  // namespace at_syscall
