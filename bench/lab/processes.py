"""Child processes of the bench: pinned, bounded, ended by their own pid, and gone when the bench is gone, however it ends."""
from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any, Sequence

PR_SET_PDEATHSIG = 1
# Beyond 8,000 sockets of a soak nothing here needs descriptors.
FILES_MAX = 20_000
STOP_LIMIT_S = 45.0
_libc = ctypes.CDLL(None)


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process that live, as the scheduler counts it; a competing process doesn't show in it."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


class Failed(Exception):
    """A program of the bench did not do what it should; the row has no figures."""


# What may end a row or the run. Held back while a child is made, or there is one that nobody knows of.
ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGALRM}


def _prepare(cpus: Sequence[int] | None, nice: int) -> Any:
    def run() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if cpus is not None:
            os.sched_setaffinity(0, cpus)
        if nice:
            os.nice(nice)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return run


class Processes:
    """Everything that was started and has not been waited for."""

    def __init__(self, log_folder: Path) -> None:
        self.log_folder = log_folder
        self.running: list[subprocess.Popen[str]] = []
        self.started = 0

    def start(self, argv: Sequence[str], *, cpus: Sequence[int] | None = None, nice: int = 0, out: bool = False,
              **more: Any) -> subprocess.Popen[str]:
        """A child. Its error text goes to a log (`log_of`); its output too, unless `out`."""
        self.started += 1
        log_file = self.log_folder / f"{self.started:03d}-{Path(argv[0]).name}.log"
        stdin = more.pop("stdin", subprocess.DEVNULL)
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            with open(log_file, "wb") as log:
                process = subprocess.Popen(list(argv), stdin=stdin, stdout=subprocess.PIPE if out else log, stderr=log,
                                           text=True, preexec_fn=_prepare(cpus, nice), **more)
            process.log_file = log_file  # type: ignore[attr-defined]
            self.running.append(process)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        return process

    def log_of(self, process: subprocess.Popen[str]) -> str:
        return Path(process.log_file).read_text(errors="replace")[-2000:]  # type: ignore[attr-defined]

    def finish(self, process: subprocess.Popen[str], timeout_s: float) -> str:
        """Waits for a child that ends by itself; its output."""
        try:
            out, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise Failed(f"{process.args[0]} took longer than {timeout_s} s") from None  # type: ignore[index]
        self.running.remove(process)
        if process.returncode != 0:
            raise Failed(f"{' '.join(process.args)} ended with {process.returncode}: "  # type: ignore[arg-type]
                         f"{self.log_of(process)}")
        return out or ""

    def run(self, argv: Sequence[str], *, timeout_s: float = 120.0, **more: Any) -> str:
        return self.finish(self.start(argv, out=True, **more), timeout_s)

    def run_json(self, argv: Sequence[str], **more: Any) -> dict[str, Any]:
        """Of programs that print one JSON object as their last line."""
        lines = self.run(argv, **more).strip().splitlines()
        if not lines:
            raise Failed(f"{argv[0]} printed nothing")
        return dict(json.loads(lines[-1]))

    def stop(self, process: subprocess.Popen[str], how: int = signal.SIGTERM) -> int:
        """Ends a server; its exit status."""
        process.send_signal(how)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill(process)
        if process in self.running:
            self.running.remove(process)
        return int(process.returncode)

    def kill(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.wait()
        if process in self.running:
            self.running.remove(process)

    def end(self) -> None:
        for process in list(self.running):
            self.kill(process)
