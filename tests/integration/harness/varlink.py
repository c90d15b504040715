"""A tiny Varlink client: JSON objects ended by NUL over a Unix socket. Written apart from the broker's own code."""
import json
import socket
from typing import Any, Iterator


class VarlinkError(Exception):
    """The service's error; name without the interface is `short`."""

    def __init__(self, name: str, parameters: dict[str, Any]) -> None:
        super().__init__(f"{name} {parameters}")
        self.name, self.parameters = name, parameters

    @property
    def short(self) -> str:
        return self.name.rsplit(".", 1)[-1]


class Closed(Exception):
    """The service closed the connection."""


class Varlink:
    def __init__(self, path: str, interface: str, timeout_s: float = 30.0) -> None:
        self.interface = interface
        self.buffer = b""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout_s)
        try:
            self.sock.connect(path)
        except OSError:
            self.sock.close()
            raise

    def __enter__(self) -> "Varlink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send(self, method: str, parameters: dict[str, Any], **flags: bool) -> None:
        name = method if "." in method else f"{self.interface}.{method}"
        message = {"method": name, "parameters": parameters, **flags}
        try:
            self.sock.sendall(json.dumps(message).encode() + b"\0")
        except (BrokenPipeError, ConnectionResetError) as gone:
            raise Closed from gone

    def receive(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError as gone:
                raise Closed from gone
            if not data:
                raise Closed
            self.buffer += data
        frame, _, self.buffer = self.buffer.partition(b"\0")
        reply = json.loads(frame)
        if "error" in reply:
            raise VarlinkError(reply["error"], reply.get("parameters") or {})
        return dict(reply)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.send(method, parameters)
        reply = self.receive()
        if reply.get("continues"):
            raise AssertionError(f"{method} continues, but was not called with more")
        return dict(reply.get("parameters") or {})

    def call_more(self, method: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Each reply as it comes; ends with the one that doesn't continue."""
        self.send(method, parameters, more=True)
        while True:
            reply = self.receive()
            yield dict(reply.get("parameters") or {})
            if not reply.get("continues"):
                return
