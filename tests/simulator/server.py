"""The listeners: one TLS port a persona (and a plain one if wanted), one coroutine a connection, faults at each stage.

The order of a call: accept, TLS, head, body, who is it, faults before, handle, faults after, reply, wire, end. State
changes only in handle(), in one go, so what a fault loses before or after it is exactly known.
"""
import asyncio
import socket
import ssl
from dataclasses import dataclass, field

from book import Book, Entry
from ca import Contexts
from clock import Clock
from faults import Call, Fault, Faults
from kinds import TLS_KINDS
from mangle import hints, mangle, processes
from message import BadRequest, Reply, Request, json_reply, read_body, read_head
from personas.base import Ident, Persona
from stream import Gone, Stream
from wire import send


@dataclass
class World:
    """All that the parts share."""
    clock: Clock
    book: Book
    faults: Faults
    contexts: Contexts
    personas: dict[str, Persona]
    places: dict[str, str] = field(default_factory=dict)  # canary, canary_http, self: base URLs


def listening_socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(512)
    sock.setblocking(False)
    return sock


class Listener:
    """Accepts for one persona on one port."""

    def __init__(self, world: World, persona: str, port: int, tls: bool) -> None:
        self.world, self.persona, self.tls = world, persona, tls
        self.sock = listening_socket(port)
        self.port: int = self.sock.getsockname()[1]
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.sock)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._connection(sock))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _connection(self, sock: socket.socket) -> None:
        world, stream = self.world, Stream(sock)
        number, why = world.book.connected(self.persona), "closed by the client"
        try:
            if await self._opened(stream):
                await Session(world, self.persona, stream, number).run()
            else:
                why = "fault"
        except Gone as gone:
            why = str(gone) or "gone"
        finally:
            if not stream.closed:
                stream.drop()
            world.book.disconnected(self.persona, number, why)

    async def _opened(self, stream: Stream) -> bool:
        """Accept and TLS, with their faults. False: a fault has ended the connection."""
        world, call = self.world, Call(self.persona)
        fault = world.faults.take("accept", call)
        if fault is not None:
            if fault.kind == "silent_accept":
                await stream.hold(float(fault.params["hold_s"]))
            stream.reset()
            return False
        if not self.tls:
            return True
        fault = world.faults.take("tls", call)
        first = b""
        if fault is not None and fault.kind == "reset_in_tls":
            await stream.raw_read()
            stream.reset()
            return False
        if fault is not None and fault.kind == "silent_in_tls":
            await stream.raw_read()
            await stream.hold(float(fault.params["hold_s"]))
            stream.reset()
            return False
        kind = fault.kind if fault is not None and fault.kind in TLS_KINDS else ""
        await stream.handshake(world.contexts.get(self.persona, kind), first)
        return True


class Session:
    """The requests of one connection, one after the other."""

    def __init__(self, world: World, persona: str, stream: Stream, number: int) -> None:
        self.world, self.stream, self.number = world, stream, number
        self.name, self.persona = persona, world.personas.get(persona)
        self.closes_next: Fault | None = None

    async def run(self) -> None:
        while await self._one():
            pass
        if not self.stream.closed:
            await self.stream.close()

    async def _one(self) -> bool:
        """One request and its reply. False: the connection ends."""
        stream = self.stream
        if self.closes_next is not None:
            if not stream.buffer and not await stream.fill():
                return False
            await stream.end(self.closes_next.params["how"])
            return False
        try:
            request = await read_head(stream)
        except BadRequest as bad:
            await send(stream, json_reply({"error": str(bad)}, bad.status), self.world.clock, None, False)
            return False
        if request is None:
            return False
        entry = self.world.book.begin(self.name, self.number, request, stream)
        keep, how = False, "gone"
        try:
            keep = await self._call(request, entry)
            how = "answered" if entry.answered_at else "fault"
        finally:
            self.world.book.ended(entry, how)
            await self.world.book.tell()
        return keep

    def _take(self, stage: str, call: Call, entry: Entry) -> Fault | None:
        fault = self.world.faults.take(stage, call)
        if fault is not None:
            entry.faults.append(f"{fault.id}:{fault.kind}")
        return fault

    async def _call(self, request: Request, entry: Entry) -> bool:
        book, stream = self.world.book, self.stream
        call = Call(self.name, request.path, request.method)
        if self._take("head", call, entry):
            stream.reset()
            return False
        try:
            if request.header("expect").lower() == "100-continue":
                await stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await read_body(stream, request)
        except BadRequest as bad:
            await send(stream, json_reply({"error": str(bad)}, bad.status), self.world.clock, None, False)
            book.answered(entry, bad.status, None, False)
            return False
        book.read(entry, request)
        if self.persona is None:  # the canary: nobody should be here
            entry.what = "canary"
            return await self._answer(json_reply({"canary": True}), request, entry, None, None)
        ident = self.persona.identify(request)
        book.identified(entry, ident, request, stream, self.persona.may_carry_secret_in_url(request))
        await book.tell()
        call.what, call.accounts = ident.what, ident.names()
        return await self._processed(self.persona, request, ident, call, entry)

    async def _processed(self, persona: Persona, request: Request, ident: Ident, call: Call, entry: Entry) -> bool:
        if await self._pause_or_end(self._take("before", call, entry), persona.settings["latency_ms"]):
            return False
        fault = self._take("reply", call, entry)
        reply = Reply()
        if processes(fault):
            reply = persona.handle(request, ident, hints(fault), entry.seq)
            entry.processed, entry.note = True, reply.note
            await self.world.book.tell()
        if fault is not None:
            places = {**self.world.places, "self": f"https://localhost:{self.stream.sock.getsockname()[1]}"}
            reply = mangle(fault, reply, request.target, places, self.world.clock)
        if await self._pause_or_end(self._take("after", call, entry), persona.settings["latency_after_ms"]):
            return False
        wire_fault, end_fault = self._take("wire", call, entry), self._take("end", call, entry)
        keep = await self._answer(reply, request, entry, fault, wire_fault)
        return await self._end(end_fault) if keep and end_fault is not None else keep

    async def _pause_or_end(self, fault: Fault | None, pause_ms: float) -> bool:
        """Waits, or ends the connection as the fault says. True: it is over."""
        if fault is not None and fault.kind in ("latency", "latency_after"):
            pause_ms += float(fault.params["ms"])
        if pause_ms > 0:
            await asyncio.sleep(pause_ms / 1000)
        if fault is None or fault.kind in ("latency", "latency_after"):
            return False
        await self.stream.end("reset" if fault.kind.startswith("reset") else "close")
        return True

    async def _answer(self, reply: Reply, request: Request, entry: Entry, fault: Fault | None,
                      wire_fault: Fault | None) -> bool:
        keep = await send(self.stream, reply, self.world.clock, wire_fault, request.keep_alive())
        whole = (wire_fault is None or wire_fault.intact) and self.stream.arrived()
        self.world.book.answered(entry, reply.status, reply.retry_floor_s, whole, reply.is_final())
        if whole and (fault is None or fault.intact) and reply.on_delivered is not None:
            reply.on_delivered()
        return keep

    async def _end(self, fault: Fault) -> bool:
        if fault.params["when"] == "on_next":
            self.closes_next = fault
            return True
        await asyncio.sleep(float(fault.params["after_ms"]) / 1000)
        await self.stream.end(fault.params["how"])
        return False


def warm_up(contexts: Contexts, names: list[str]) -> dict[str, ssl.SSLContext]:
    """Makes the certificates that every run needs before it says it is ready."""
    return {name: contexts.get(name) for name in names}
