"""HTTP messages: the request as it was read, the reply as a persona meant it. A strict, small HTTP/1.1 parser.

Keeps the bytes as they came, so that a test can look at what a client really sent.
"""
import json
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import parse_qsl, unquote

from stream import Stream, TooLong

HEAD_MAX = 64 * 1024
BODY_MAX = 1024 * 1024


class BadRequest(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a member stands there twice")
    return dict(pairs)


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    head_raw: bytes
    body: bytes = b""
    scheme: str = "https"

    @property
    def path(self) -> str:
        return self.target.split("?", 1)[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.target.split("?", 1)[1], keep_blank_values=True) if "?" in self.target else []

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str:
        values = self.all(name)
        return values[0] if values else ""

    @property
    def media_type(self) -> str:
        return self.header("content-type").split(";", 1)[0].strip().lower()

    def form(self) -> dict[str, str]:
        """Form parameters; one that comes twice is refused, as RFC 6749 3.2 says."""
        try:
            pairs = parse_qsl(self.body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(self.body),
                              encoding="utf-8", errors="strict", max_num_fields=64)
        except (UnicodeDecodeError, ValueError) as problem:
            raise BadRequest(400, "the body is no valid form") from problem
        found: dict[str, str] = {}
        for name, value in pairs:
            if name in found:
                raise BadRequest(400, f"parameter {name} appears twice")
            found[name] = value
        return found

    def json(self) -> Any:
        """The body as strict JSON: UTF-8, no NaN, no member twice."""
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=no_constant, object_pairs_hook=no_twins)
        except (ValueError, RecursionError) as problem:
            raise BadRequest(400, "the body is no valid JSON") from problem

    def query_value(self, name: str) -> str | None:
        for key, value in self.query:
            if key == name:
                return value
        return None

    def keep_alive(self) -> bool:
        return self.version == "HTTP/1.1" and "close" not in self.header("connection").lower()

    def decoded_target(self) -> str:
        return unquote(self.target.replace("+", " "))


@dataclass
class Reply:
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    content_type: str | None = "application/json;charset=UTF-8"
    date: str | None = ""  # "": now; None: none; else as it stands
    note: str = ""  # for the log: what the persona did
    retry_floor_s: float | None = None  # what a Retry-After in it obliges the client to wait
    on_delivered: Callable[[], None] | None = None
    raw_json: Any = None  # the object behind body, so that faults can change a member
    final: bool | None = None  # whether the same call again is no use; None: as the status says

    def is_final(self) -> bool:
        return 300 <= self.status < 500 and self.status not in (408, 425, 429) if self.final is None else self.final

    def set_header(self, name: str, value: str) -> None:
        self.headers = [(k, v) for k, v in self.headers if k.lower() != name.lower()] + [(name, value)]


def json_reply(value: Any, status: int = 200, note: str = "", **headers: str) -> Reply:
    listed = [(name.replace("_", "-"), text) for name, text in headers.items()]
    return Reply(status=status, headers=listed, body=json.dumps(value, ensure_ascii=False).encode(), note=note,
                 raw_json=value)


def parse_head(raw: bytes) -> Request:
    try:
        text = raw.decode("latin-1")
        first, *lines = text[:-4].split("\r\n")
        method, target, version = first.split(" ")
    except ValueError as problem:
        raise BadRequest(400, "bad request line") from problem
    if version not in ("HTTP/1.1", "HTTP/1.0") or not target.startswith("/") or not method.isalpha():
        raise BadRequest(400, "bad request line")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or any(ch in value for ch in "\r\n\0"):
            raise BadRequest(400, "bad header line")
        headers.append((name, value.strip(" \t")))
    request = Request(method, target, version, headers, raw)
    if version == "HTTP/1.1" and len(request.all("host")) != 1:
        raise BadRequest(400, "exactly one Host header is needed")
    return request


async def read_head(stream: Stream) -> Request | None:
    """The next request's head; None when the client closed between requests."""
    try:
        raw = await stream.until(b"\r\n\r\n", HEAD_MAX)
    except TooLong as long:
        raise BadRequest(431, "the head is larger than 64 KiB") from long
    if not raw:
        return None
    request = parse_head(raw)
    request.scheme = "http" if stream.tls is None else "https"
    return request


async def read_body(stream: Stream, request: Request) -> None:
    lengths, encodings = request.all("content-length"), request.all("transfer-encoding")
    if encodings and lengths:
        raise BadRequest(400, "both Content-Length and Transfer-Encoding")
    if len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        raise BadRequest(400, "bad Content-Length")
    if encodings:
        await _read_chunked(stream, request)
    elif lengths:
        if int(lengths[0]) > BODY_MAX:
            raise BadRequest(413, "the body is larger than 1 MiB")
        request.body = await stream.exactly(int(lengths[0]))


async def _read_chunked(stream: Stream, request: Request) -> None:
    body = b""
    try:
        while True:
            size = int((await stream.until(b"\r\n", 256)).split(b";", 1)[0].strip(), 16)
            if size < 0 or len(body) + size > BODY_MAX:
                raise BadRequest(413, "the body is larger than 1 MiB")
            if size == 0:
                break
            body += (await stream.exactly(size + 2))[:-2]
        while (await stream.until(b"\r\n", HEAD_MAX)) not in (b"\r\n", b""):
            pass  # trailers
    except (ValueError, TooLong) as problem:
        raise BadRequest(400, "bad chunk size") from problem
    request.body = body
