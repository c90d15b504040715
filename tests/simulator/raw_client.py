"""A raw TLS client for the simulator's own tests: sees every byte, forgives nothing, follows nothing."""
import json
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Callable

LIMIT_S = 5.0


@dataclass
class Seen:
    """What came back. end: "kept" (a whole reply by its framing), "eof" (clean), "reset", "truncated" (TLS stream
    ended without close_notify), "silent" (nothing more within the limit)."""
    raw: bytes = b""
    end: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class TlsSocket:
    """TLS over memory buffers: Python's own TLS socket can't tell a reset from an end without close_notify."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str, session: ssl.SSLSession | None) -> None:
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name, session=session)
        try:
            self._until_done(self.tls.do_handshake)
        finally:
            self._flush()  # our last message, or our alert

    def _flush(self) -> None:
        if data := self.outgoing.read():
            self.sock.sendall(data)

    def _until_done(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if not data:
                    raise ssl.SSLEOFError("no close_notify") from None
                self.incoming.write(data)

    def recv(self, size: int) -> bytes:
        try:
            return bytes(self._until_done(lambda: self.tls.read(size)))
        except ssl.SSLZeroReturnError:
            return b""  # close_notify

    def sendall(self, data: bytes) -> None:
        self.tls.write(data)
        self._flush()

    def close(self) -> None:
        self.sock.close()


class RawClient:
    def __init__(self, port: int, ca_file: str, name: str = "localhost", limit_s: float = LIMIT_S) -> None:
        self.context = ssl.create_default_context(cafile=ca_file)
        self.port, self.name, self.limit_s = port, name, limit_s
        self.sock: TlsSocket | None = None

    def connect(self, session: ssl.SSLSession | None = None) -> ssl.SSLObject:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=self.limit_s)
        try:
            self.sock = TlsSocket(raw, self.context, self.name, session)
        except BaseException:
            raw.close()
            raise
        return self.sock.tls

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> None:
        if self.sock is None:
            self.connect()
        assert self.sock is not None
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "User-Agent: rawclient/1.0"]
        lines = [line for line in lines if line.split(":")[0].replace("-", "_") not in headers]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def read(self, until_end: bool = False) -> Seen:
        assert self.sock is not None
        seen = Seen()
        while until_end or not complete(seen):
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                seen.end = "silent"
                break
            except ssl.SSLEOFError:
                seen.end = "truncated"
                break
            except (ConnectionResetError, BrokenPipeError):
                seen.end = "reset"
                break
            if not data:
                seen.end = "eof"
                break
            seen.raw += data
        else:
            seen.end = "kept"
        parse(seen)
        return seen

    def call(self, method: str, target: str, body: bytes = b"", until_end: bool = False, **headers: str) -> Seen:
        try:
            self.send(method, target, body, **headers)
        except (ConnectionResetError, BrokenPipeError):
            return Seen(end="reset")
        except ssl.SSLEOFError:
            return Seen(end="truncated")
        return self.read(until_end)


def parse(seen: Seen) -> None:
    head, blank, rest = seen.raw.partition(b"\r\n\r\n")
    while blank and head.startswith(b"HTTP/1.1 1"):
        head, blank, rest = rest.partition(b"\r\n\r\n")
    if not blank:
        return
    first, *lines = head.decode("latin-1").split("\r\n")
    seen.status = int(first.split(" ")[1])
    seen.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    seen.body = rest


def complete(seen: Seen) -> bool:
    """Whether the bytes so far hold a final reply that its Content-Length or its last chunk ends."""
    parse(seen)
    if seen.status in (204, 304):
        return True
    if "transfer-encoding" in seen.headers:
        return seen.body.endswith(b"0\r\n\r\n")
    return "content-length" in seen.headers and len(seen.body) >= int(seen.headers["content-length"])
