"""Counts of one daemon's work for a number of requests: system calls by strace, user instructions by callgrind.

The daemon is run once for few requests and once for many; the difference, divided by the difference of the requests, is what one
costs, and the start and the end of the daemon are in neither. The same on any machine with the same compiler and CPU features.
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
_summary = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def parse_strace(text: str) -> dict[str, int]:
    """Calls by name out of the table of strace -c."""
    calls: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) in (5, 6) and words[0][0].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
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


def _await_text(path: Path) -> str:
    """The tracer writes when the daemon has ended, and a moment later than that."""
    until = time.monotonic() + WRITE_LIMIT_S
    before = ""
    while time.monotonic() < until:
        text = path.read_text(errors="replace") if path.exists() else ""
        if text and text == before:
            return text
        before = text
        time.sleep(0.2)
    raise Failed(f"{path.name} was not written within {WRITE_LIMIT_S} s")


def _run(context: Context, wrapper: Callable[[Path], list[str]], accounts: int, loads: list[tuple[int, int]]) -> str:
    """A daemon under `wrapper`, each load of (requests, depth), a clean stop; what the wrapper wrote."""
    report = context.folder("counted") / "report"
    with context.daemon(accounts, wrapper=wrapper(report)) as daemon:
        for requests, depth in loads:
            context.load(daemon.tokens_socket, requests=requests, depth=depth, accounts=accounts)
    return _await_text(report)


def strace(report: Path) -> list[str]:
    if shutil.which("strace") is None:
        raise Failed("strace is not installed; run: scripts/setup --tests")
    return ["strace", "-D", "-f", "-c", "-o", str(report)]  # -D: the daemon, not strace, is our child


def callgrind(report: Path) -> list[str]:
    if shutil.which("valgrind") is None:
        raise Failed("valgrind is not installed; run: scripts/setup --tests")
    return ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={report}"]


def system_calls(context: Context, depth: int, batches: int) -> dict[str, float]:
    """System calls of one request, by name, all threads."""
    few = parse_strace(_run(context, strace, 1, [(depth * 10, depth)]))
    many = parse_strace(_run(context, strace, 1, [(depth * (10 + batches), depth)]))
    return per_request(few, many, depth * batches)


def instructions(context: Context, depth: int, batches: int) -> float:
    """User instructions of one request, all threads."""
    few = parse_callgrind(_run(context, callgrind, 1, [(depth * 10, depth)]))
    many = parse_callgrind(_run(context, callgrind, 1, [(depth * (10 + batches), depth)]))
    return (many - few) / (depth * batches)
