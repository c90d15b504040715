"""Writes a reply to a connection, as it should be or broken in one of the ways of the stage "wire".

send() has returned only when the kernel took every byte that was to be sent, or raised Gone. Whether that makes the
reply delivered is for the caller to say (the fault must leave it intact). Every wait here is bounded.
"""
import asyncio
from http import HTTPStatus
from typing import Any

from clock import Clock, imf_date
from faults import Fault
from message import Reply
from stream import Gone, Stream


def status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n"


def head(reply: Reply, clock: Clock, framing: list[tuple[str, str]], keep: bool) -> bytes:
    headers = list(reply.headers)
    if reply.date is not None:
        headers.insert(0, ("Date", reply.date or imf_date(clock.now())))
    if reply.content_type is not None:
        headers.append(("Content-Type", reply.content_type))
    headers += framing
    if not keep:
        headers.append(("Connection", "close"))
    return (status_line(reply.status) + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n").encode("latin-1")


def chunks(body: bytes, size: int) -> bytes:
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def chunked_body(body: bytes, mode: str) -> bytes:
    if mode == "bad_size":
        return b"zz\r\n" + body + b"\r\n0\r\n\r\n"
    if mode == "missing_last":
        return chunks(body, 16)
    last = b"0\r\nX-Trailer: one\r\nAccess-Token: at_test_trailer\r\n\r\n" if mode == "trailers" else b"0\r\n\r\n"
    return chunks(body, 1 if mode == "one_byte" else 16) + last


async def dripped(connection: Stream, data: bytes, bytes_per_s: float) -> None:
    step = max(1, int(bytes_per_s / 50))
    for at in range(0, len(data), step):
        if at > 0:  # not after the last: the client that has it all may call again at once
            await asyncio.sleep(step / bytes_per_s)
        if connection.gone():
            raise Gone
        await connection.write(data[at:at + step])


async def endless(connection: Stream, params: dict[str, Any], first: bytes) -> None:
    await connection.write(first)
    line, rate = b"X-More: " + b"y" * 990 + b"\r\n", float(params["bytes_per_s"])
    for _ in range(max(1, int(params["max_bytes"]) // len(line))):
        if connection.gone():
            return
        await connection.write(line)
        if rate > 0:
            await asyncio.sleep(len(line) / rate)


async def send(connection: Stream, reply: Reply, clock: Clock, fault: Fault | None, keep: bool) -> bool:
    """Writes the reply. True: the connection may carry another request."""
    kind, params = (fault.kind, fault.params) if fault else ("", {})
    length = [] if reply.status in (204, 304) else [("Content-Length", str(len(reply.body)))]
    if kind in ("truncate", "no_close_notify"):
        size = int(params["bytes"]) if int(params["bytes"]) >= 0 else len(reply.body) // 2
        framing = length if kind == "truncate" else []
        await connection.write(head(reply, clock, framing, kind == "truncate") + reply.body[:size])
        await connection.end(params.get("end", "no_notify"))
        return False
    if kind == "stall":
        whole = head(reply, clock, length, keep) + reply.body
        await connection.write(whole[:int(params["after_bytes"])])
        await connection.hold(float(params["hold_s"]))
        connection.drop()
        return False
    if kind == "endless_headers":
        first = head(reply, clock, [], True)[:-2]
        await endless(connection, params, first)
        connection.drop()
        return False
    if kind == "drip":
        await dripped(connection, head(reply, clock, length, keep) + reply.body, float(params["bytes_per_s"]))
        return keep
    data, keep = framed(kind, params, reply, clock, length, keep)
    await connection.write(data)
    return keep


def framed(kind: str, params: dict[str, Any], reply: Reply, clock: Clock, length: list[tuple[str, str]],
           keep: bool) -> tuple[bytes, bool]:
    """The bytes of the kinds that only change what is sent, not when."""
    encoded = [("Transfer-Encoding", "chunked")]
    if kind == "chunked":
        keep = keep and params["mode"] not in ("bad_size", "missing_last")
        return head(reply, clock, encoded, keep) + chunked_body(reply.body, params["mode"]), keep
    if kind == "te_and_cl":
        both = encoded + [("Content-Length", str(params["length"]))]
        return head(reply, clock, both, False) + chunked_body(reply.body, "plain"), False
    if kind == "no_length":
        return head(reply, clock, [], False) + reply.body, False
    if kind == "connection_close":
        keep = False
    if kind == "two_lengths":
        return head(reply, clock, length + [("Content-Length", str(params["other"]))], False) + reply.body, False
    if kind == "huge_header":
        lines = max(1, int(params["lines"]))
        framing = length + [(f"X-Big-{n}", "z" * (int(params["bytes"]) // lines)) for n in range(lines)]
        return head(reply, clock, framing, keep) + reply.body, keep
    data = head(reply, clock, length, keep) + reply.body
    if kind == "interim":
        first = "".join(status_line(int(s)) + "Link: </x>; rel=preload\r\n\r\n" for s in params["statuses"])
        data = first.encode() + data
    if kind == "garbage_after":
        data += str(params["text"]).encode()
    return data, keep
