"""bench/tls_provider as a child: an OAuth2 token endpoint behind TLS on loopback that takes orders on its standard input."""
from __future__ import annotations

import json
import select
import subprocess
from pathlib import Path
from typing import Any, Sequence

from lab.context import Context
from lab.processes import Failed

ANSWER_LIMIT_S = 10.0
DAYS = "2"


def certificate(context: Context) -> Path:
    """A file with a key and a certificate of its own for 127.0.0.1; it is its own ca_file too."""
    folder = context.folder("certificate")
    key, leaf, chain = folder / "key.pem", folder / "leaf.pem", folder / "chain.pem"
    context.processes.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS,
                           "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(key),
                           "-out", str(leaf)])
    chain.write_text(key.read_text() + leaf.read_text())
    return chain


class TlsProvider:
    def __init__(self, context: Context, chain: Path, *, accounts: int, close: bool = False, latency_ms: int = 0, nice: int = 0,
                 expires_in_s: int = 3600, cpus: Sequence[int] | None = None) -> None:
        self.processes = context.processes
        self.process = self.processes.start(
            [context.tool("tls_provider"), "--chain", str(chain), "--accounts", str(accounts), "--latency-ms", str(latency_ms),
             "--expires-in", str(expires_in_s), "--close", "yes" if close else "no"],
            cpus=cpus, nice=nice, out=True, stdin=subprocess.PIPE)
        self.port = int(self._line()["port"])

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], ANSWER_LIMIT_S)[0]:
            raise Failed("tls_provider does not answer")
        return dict(json.loads(self.process.stdout.readline()))

    def order(self, words: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self._line()

    def stats(self) -> dict[str, Any]:
        return self.order("stats")

    def close(self) -> None:
        if self.process in self.processes.running:
            self.processes.kill(self.process)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> "TlsProvider":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
