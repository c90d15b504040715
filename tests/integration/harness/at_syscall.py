"""Orders to at_syscall, the tracer beside a daemon: count its system calls, kill it at one, let some fail."""
import errno
import functools
import re
import socket
import subprocess
from pathlib import Path

from harness.daemon import Daemon
from harness.paths import binary
from harness.sanitizer import traced

# What takes bytes to the disk, and what makes them durable. What is not there on a processor is left out.
WRITES = ("write", "pwrite64", "fallocate", "ftruncate")
SYNCS = ("fsync", "fdatasync")
CHANGES = ("openat", "unlink", "unlinkat")


@functools.cache
def numbers() -> dict[str, int]:
    """System calls by name, as this machine's compiler knows them."""
    text = subprocess.run(["g++", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], capture_output=True,
                          text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)\n", text)}


class AtSyscall:
    """Put in front of a daemon before it starts; `attach` after each start."""

    def __init__(self, daemon: Daemon) -> None:
        self.path = str(daemon.folder / "tracer.sock")
        self.names = {number: name for name, number in numbers().items()}
        self.sock: socket.socket | None = None
        daemon.prefix = [*traced(), binary("at_syscall"), self.path]

    def attach(self) -> None:
        self.close()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def _line(self) -> str:
        assert self.sock is not None
        line = b""
        while not line.endswith(b"\n"):
            byte = self.sock.recv(1)
            if not byte:
                return ""
            line += byte
        return line.decode().rstrip("\n")

    def _order(self, text: str) -> str:
        assert self.sock is not None
        self.sock.sendall(text.encode() + b"\n")
        return self._line()

    def _must(self, text: str) -> None:
        answer = self._order(text)
        if answer != "ok":
            raise AssertionError(f"at_syscall said {answer!r} to {text!r}")

    def count(self) -> None:
        self._must("count")

    def counted(self) -> dict[tuple[str, str], int]:
        """(thread, system call) -> how often, since count()."""
        line, counts = self._order("list"), {}
        while line != ".":
            thread, number, count = line.rsplit(" ", 2)
            counts[thread, self.names.get(int(number), number)] = int(count)
            line = self._line()
        return counts

    def kill_at(self, thread: str, call: str, k: int, before: bool) -> None:
        self._must(f"kill {thread} {numbers()[call]} {k} {'before' if before else 'after'}")

    def killed(self, timeout_s: float) -> bool:
        """Whether the daemon was killed where it was ordered, within this time."""
        assert self.sock is not None
        self.sock.settimeout(timeout_s)
        try:
            return self._line() == "killed"
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(30)

    def fail(self, error: str, folder: Path, *calls: str) -> None:
        known = [str(numbers()[call]) for call in calls if call in numbers()]
        self._must(f"fail {getattr(errno, error)} {folder} {' '.join(known)}")

    def heal(self) -> int:
        """How many calls failed since fail()."""
        return int(self._order("heal"))
