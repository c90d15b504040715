"""Runs the real `tokenbroker` and keeps its exit code, output and error text."""
import os
import subprocess
from dataclasses import dataclass

from harness.paths import binary
from harness.sanitizer import patient


@dataclass
class Ran:
    code: int
    out: str
    err: str


def run(socket: str, *arguments: str, stdin: str = "", timeout_s: float = 60.0,
        environment: dict[str, str] | None = None) -> Ran:
    """`tokenbroker --socket SOCKET ARGUMENTS...`; the admin socket is its neighbour."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("TOKENBROKER_")}
    done = subprocess.run([binary("tokenbroker"), "--socket", socket, *arguments], input=stdin, capture_output=True,
                          text=True, timeout=patient(timeout_s), env={**env, **(environment or {})}, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)
