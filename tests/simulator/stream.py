"""One accepted connection: bytes in and out, with or without TLS, and each way for it to end.

TLS runs over memory buffers so that the socket stays in our hands: a write has returned only when the kernel has
taken every byte, a close can come with or without close_notify, and a reset is a reset. Every wait is bounded.
"""
import asyncio
import fcntl
import socket
import ssl
import struct
import time

SIOCOUTQNSD = 0x894B  # bytes not yet sent
TCP_ESTABLISHED, TCP_CLOSED = 1, 7
PIECE = 65_536
WRITE_LIMIT_S = 120.0
HANDSHAKE_LIMIT_S = 20.0


class Gone(Exception):
    """The client closed or reset the connection, or took nothing for too long."""


class TooLong(Exception):
    """A line or head is longer than its limit."""


class Stream:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.loop = asyncio.get_running_loop()
        self.buffer = bytearray()
        self.tls: ssl.SSLObject | None = None
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.received = 0  # bytes of the connection, as the wire had them
        self.closed = False
        self.opened_at = time.monotonic()

    # -- TLS --
    async def handshake(self, context: ssl.SSLContext, first: bytes = b"") -> None:
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.incoming.write(first)
        try:
            async with asyncio.timeout(HANDSHAKE_LIMIT_S):
                while True:
                    try:
                        self.tls.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        await self._flush()
                        await self._pull()
                    except ssl.SSLError as problem:
                        await self._flush()  # our alert
                        raise Gone(f"TLS handshake failed: {problem.reason}") from problem
                await self._flush()
        except TimeoutError as late:
            raise Gone("TLS handshake took too long") from late

    async def _pull(self) -> None:
        data = await self.raw_read()
        if not data:
            raise Gone("closed")
        self.incoming.write(data)

    async def raw_read(self) -> bytes:
        try:
            data = await self.loop.sock_recv(self.sock, PIECE)
        except OSError as problem:
            raise Gone(str(problem)) from problem
        self.received += len(data)
        return data

    # -- reading --
    async def fill(self) -> bool:
        """More bytes into the buffer; False at a clean or unclean end of the stream."""
        if self.tls is None:
            data = await self.raw_read()
            self.buffer += data
            return bool(data)
        while True:
            try:
                data = self.tls.read(PIECE)
                self.buffer += data
                return bool(data)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self.raw_read()
                if not data:
                    return False
                self.incoming.write(data)
            except ssl.SSLError:
                return False  # close_notify, or an alert of the client

    async def until(self, mark: bytes, limit: int) -> bytes:
        """Bytes up to and with `mark`; b"" if the stream ended before the first byte."""
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            if len(self.buffer) > limit:
                raise TooLong
            start = max(0, len(self.buffer) - len(mark) + 1)
            if not await self.fill():
                if self.buffer:
                    raise Gone("closed in the middle of a message")
                return b""
        if at > limit:
            raise TooLong
        return self.take(at + len(mark))

    async def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not await self.fill():
                raise Gone("closed in the middle of a message")
        return self.take(size)

    def take(self, size: int) -> bytes:
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    # -- writing --
    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), PIECE):
            if self.tls is None:
                await self._send(data[at:at + PIECE])
            else:
                try:
                    self.tls.write(data[at:at + PIECE])
                except ssl.SSLError as problem:
                    raise Gone(str(problem)) from problem
                await self._flush()

    async def _flush(self) -> None:
        if data := self.outgoing.read():
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        if self.closed:
            raise Gone("closed")
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                await self.loop.sock_sendall(self.sock, data)
        except (OSError, TimeoutError) as problem:
            raise Gone(str(problem)) from problem

    # -- what the other side has done --
    def _tcp_state(self) -> int:
        try:
            return self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        except OSError:
            return TCP_CLOSED

    def gone(self) -> bool:
        """Whether the client has closed its side, even if there are bytes of it left to read."""
        return self.closed or self._tcp_state() != TCP_ESTABLISHED

    def arrived(self) -> bool:
        """Whether the client's kernel has all that was written and refused none: on loopback what is sent has arrived
        (the ACK itself may come 40 ms later), and a dead client's reset has come back."""
        try:
            left = struct.unpack("i", fcntl.ioctl(self.sock.fileno(), SIOCOUTQNSD, b"\0" * 4))[0]
        except (OSError, ValueError):
            return False
        return left == 0 and self._tcp_state() != TCP_CLOSED

    async def hold(self, seconds: float) -> None:
        """Says nothing until the client leaves or the time is over."""
        for _ in range(max(1, int(min(seconds, 600.0) / 0.02))):
            if self.gone():
                return
            await asyncio.sleep(0.02)

    # -- ends --
    def reset(self) -> None:
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # already gone
        self.drop()

    def drop(self) -> None:
        """A TCP close without close_notify."""
        self.closed = True
        self.sock.close()

    async def close(self) -> None:
        """close_notify, FIN, and a short wait for the client's own, so that no reset eats the last bytes."""
        if self.closed:
            return
        try:
            if self.tls is not None:
                try:
                    self.tls.unwrap()
                except ssl.SSLError:
                    pass  # it wants the client's close_notify; ours is in the buffer
                await self._flush()
            self.sock.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(0.5):
                while await self.raw_read():
                    pass
        except (Gone, OSError, TimeoutError):
            pass
        self.drop()

    async def end(self, how: str) -> None:
        if how == "reset":
            self.reset()
        elif how == "no_notify":
            self.drop()
        else:
            await self.close()
