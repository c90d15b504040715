"""Counts of one daemon's work for a number of requests: system calls by strace, user instructions by callgrind.

The daemon is run once for few requests and once for many; the difference, divided by the difference of the requests, is what one
costs, and the start and the end of the daemon are in neither. The same on any machine with the same compiler and CPU features.
System calls are those of the brain, the thread that serves: the others sleep meanwhile, but for what they do now and then.
"""
from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Callable

from lab.context import Context
from lab.processes import Failed

WRITE_LIMIT_S = 20.0
FEW = 10  # batches of the shorter run: what is done once only (a first page, a lazily bound function) is in both
_call = re.compile(r"^(\d+) +(\w+)\(")
_summary = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def parse_strace(text: str, thread: int) -> dict[str, int]:
    """Calls of one thread by name, out of the lines of strace -f. What was interrupted by another thread's call has two lines."""
    calls: dict[str, int] = {}
    for line in text.splitlines():
        found = _call.match(line)
        if found and int(found[1]) == thread:
            calls[found[2]] = calls.get(found[2], 0) + 1
    return calls


def parse_callgrind(text: str) -> int:
    """Instructions of all parts of a callgrind output file."""
    found = _summary.findall(text)
    if not found:
        raise Failed("callgrind left no summary")
    return int(found[-1])


def per_request(few: dict[str, int], many: dict[str, int], requests: int) -> dict[str, float]:
    """What one request costs of each, the largest first; what rounds to nothing (timers, the store's thread) is left out."""
    costs = {name: (many.get(name, 0) - few.get(name, 0)) / requests for name in many}
    return dict(sorted(((name, cost) for name, cost in costs.items() if cost >= 0.005), key=lambda item: -item[1]))


def total(costs: dict[str, float]) -> float:
    """To a hundredth: a timer of the daemon fires once or twice among some thousand calls."""
    return round(sum(costs.values()), 2)


def ended(pid: int) -> str:
    """What the last line about a process looks like to strace, which pads process ids."""
    return rf"(?m)^{pid} +\+\+\+ exited with"


def _await_text(path: Path, last_words: str) -> str:
    """The tracer writes its last words (a pattern) a moment after the daemon has ended."""
    until = time.monotonic() + WRITE_LIMIT_S
    while time.monotonic() < until:
        text = path.read_text(errors="replace") if path.exists() else ""
        if re.search(last_words, text):
            return text
        time.sleep(0.05)
    raise Failed(f"{path} lacks its last words {last_words!r} after {WRITE_LIMIT_S} s; it ends with: {text[-300:]!r}")


def _run(context: Context, wrapper: Callable[[Path], list[str]], batches: int, depth: int, connections: int = 1) -> tuple[str, int]:
    """A daemon under `wrapper`, one load, a clean stop; what the wrapper wrote, and the daemon's process id."""
    report = context.folder("counted") / "report"
    with context.daemon(wrapper=wrapper(report)) as daemon:
        pid = daemon.pid
        context.load(daemon.tokens_socket, requests=batches * depth * connections, depth=depth, connections=connections)
    return _await_text(report, ended(pid) if wrapper is strace else r"(?m)^totals: \d+$"), pid


def strace(report: Path) -> list[str]:
    if shutil.which("strace") is None:
        raise Failed("strace is not installed; run: scripts/setup --tests")
    # -D: the daemon, not strace, is our child. Nothing of the arguments is looked at: they would be tokens.
    return ["strace", "-D", "-f", "-q", "-s", "0", "-e", "raw=all", "-e", "signal=none", "-o", str(report)]


def callgrind(report: Path) -> list[str]:
    if shutil.which("valgrind") is None:
        raise Failed("valgrind is not installed; run: scripts/setup --tests")
    return ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={report}"]


def system_calls(context: Context, depth: int, batches: int, connections: int = 1) -> dict[str, float]:
    """System calls of one request, by name."""
    few = parse_strace(*_run(context, strace, FEW, depth, connections))
    many = parse_strace(*_run(context, strace, FEW + batches, depth, connections))
    return per_request(few, many, depth * batches * connections)


def instructions(context: Context, depth: int, batches: int, connections: int = 1) -> float:
    """User instructions of one request."""
    few = parse_callgrind(_run(context, callgrind, FEW, depth, connections)[0])
    many = parse_callgrind(_run(context, callgrind, FEW + batches, depth, connections)[0])
    return (many - few) / (depth * batches * connections)
