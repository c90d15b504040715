"""Whether the programs under test were built with a sanitizer, as the programs themselves tell, and what a test does about it.

What a plain run asserts stays as it is: only bounds of time that guard against waiting for ever grow (`patient`), repetitions that prove
nothing more there become fewer (`fewer`), and a test that has no meaning there is left out with its reason (`not_sanitized`).
"""
import functools
import mmap
import os
import unittest
from typing import Any, Callable

from harness.paths import binary

MARKS = {"address": b"__asan_init", "thread": b"__tsan_init"}
# A start, a TLS handshake and a commit each take 3 to 6 times as long, on processors that CI's other tests use as well.
SLOWER = 4


@functools.cache
def kind_of(path: str) -> str:
    """"address", "thread", or "" for an ordinary program. Every sanitized one has a symbol of its run time."""
    with open(path, "rb") as program, mmap.mmap(program.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return next((name for name, mark in MARKS.items() if text.find(mark) >= 0), "")


def kind() -> str:
    """Of the daemon under test; "" also where none is."""
    return kind_of(binary("tokenbrokerd")) if os.environ.get("TB_BIN_DIR") else ""


def patient(seconds: float) -> float:
    """How long something may take at most that takes this long at most in an ordinary build."""
    return seconds * SLOWER if kind() else seconds


def fewer(usual: int, sanitized: int) -> int:
    return sanitized if kind() else usual


def traced() -> list[str]:
    """Before a command that is run under ptrace(2): to look for leaks at its end it would have to trace itself."""
    options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0")))
    return ["env", "ASAN_OPTIONS=" + options] if kind() == "address" else []


def not_sanitized(program: str, why: str) -> Callable[[Any], Any]:
    """Leaves out a test where this program was built with a sanitizer."""
    found = kind_of(program) if os.path.exists(program) else ""
    return unittest.skipIf(found, f"{found} sanitizer: {why}")
