"""One hostile user: many connections to a socket, all abused in one way, until standard input ends. Then it prints what it saw.

Run by its own text (python3 -I -c TEXT KIND PATH ACCOUNT CONNECTIONS), since other users can't read a source tree in somebody's home.
A connection that the daemon closes is made again: what a hostile client gets is counted, and never makes it stop.
"""
import errno
import json
import os
import resource
import select
import socket
import sys
import time

FRAME_BYTES_MAX = 65_536
REFUSAL = b"TooManyRequests"


def frame(method, **parameters):
    return json.dumps({"method": "io.tokenbroker.tokens." + method, "parameters": parameters}, separators=(",", ":")).encode() + b"\0"


class Flood:
    """Subclasses say what is sent on a connection each time it can take something, and whether replies are read."""
    reads = True
    pause_s = 0.0  # between two rounds over all connections

    def __init__(self, path, account, connections):
        self.path, self.account, self.wanted = path, account, connections
        self.poll = select.epoll()
        self.open = {}  # descriptor: (socket, state)
        self.seen = {"connected": 0, "refused": 0, "closed": 0, "bytes_in": 0, "bytes_out": 0, "most_open": 0}
        self.call = frame("GetToken", account=account)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(self.path)
        except BlockingIOError:  # the daemon's queue is full
            s.close()
            return False
        self.open[s.fileno()] = (s, {})
        self.seen["connected"] += 1
        self.seen["most_open"] = max(self.seen["most_open"], len(self.open))
        self.opened(s)
        return True

    def opened(self, s):
        """The first thing on a connection."""

    def payload(self, state):
        return b""

    def drop(self, fd):
        self.open.pop(fd)[0].close()
        self.seen["closed"] += 1

    def send(self, s, data):
        try:
            sent = s.send(data)
            self.seen["bytes_out"] += sent
            return sent
        except BlockingIOError:
            return 0
        except OSError as why:
            if why.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise
            return -1

    def look(self, fd):
        """Takes what came; False when the connection has ended."""
        s = self.open[fd][0]
        try:
            data = s.recv(262_144)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            data = b""
        self.seen["bytes_in"] += len(data)
        self.seen["refused"] += data.count(REFUSAL)
        return bool(data)

    def round(self):
        for _ in range(min(100, self.wanted - len(self.open))):
            if not self.connect():
                break
        for fd, (s, state) in list(self.open.items()):
            data = self.payload(state)
            sent = self.send(s, data) if data else 0
            ended = self.reads and not self.look(fd)  # also when nothing can be sent: why may be there to read
            if sent < 0 or ended:
                self.drop(fd)
            elif "left" in state:
                state["left"] = state["left"][sent:]

    def run(self):
        said = False
        while not select.select([sys.stdin], [], [], 0)[0]:
            self.round()
            if not said and (self.seen["connected"] >= self.wanted or self.seen["refused"]):
                said = True
                print("there", flush=True)
            time.sleep(self.pause_s)
        print(json.dumps({**self.seen, "open": len(self.open)}), flush=True)


class Hold(Flood):
    """More connections than one user may have, and nothing said on them."""
    pause_s = 0.05


class Bytes(Flood):
    """A call, one byte at a time."""
    pause_s = 0.005

    def payload(self, state):
        state["at"] = (state.get("at", -1) + 1) % len(self.call)
        return self.call[state["at"]:state["at"] + 1]


class Halves(Flood):
    """The largest frame but for its end, on every connection: memory."""
    pause_s = 0.02

    def payload(self, state):
        state.setdefault("left", b'{"method":"' + b"x" * (FRAME_BYTES_MAX - 20))
        return state["left"]


class Watchers(Flood):
    """Watches with the sending half closed; nothing is read."""
    reads = False
    pause_s = 0.1

    def opened(self, s):
        call = json.dumps({"method": "io.tokenbroker.tokens.WatchTokens", "parameters": {"accounts": [self.account]}, "more": True})
        self.send(s, call.encode() + b"\0")
        s.shutdown(socket.SHUT_WR)


class Deaf(Flood):
    """Calls without end, and no reply is taken."""
    reads = False
    pause_s = 0.002

    def payload(self, state):
        state["left"] = state.get("left") or self.call * 400
        return state["left"]


class Pipelined(Flood):
    """As many calls as the socket takes, all replies read."""

    def payload(self, state):
        state["left"] = state.get("left") or self.call * 400
        return state["left"]


class Strangers(Pipelined):
    """The same for what it may not have: each is a refusal that the daemon counts and logs."""


class Malformed(Flood):
    """What no parser likes, each on a connection that the daemon then closes."""
    junk = [b'{"method":"' + b"x" * (FRAME_BYTES_MAX + 1 - 11), b'{"method":"\xff\xfe\xc0\x80"}\0', b"[" * 60_000 + b"\0",
            b'{"method":"io.tokenbroker.tokens.GetToken","parameters":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001 + b"\0",
            b"{" + b",".join(b'"k%d":1' % i for i in range(6_000)) + b"}\0", b"\0" * 1_000, b"null\0", bytes(range(1, 256)) * 200 + b"\0"]
    turn = 0

    def payload(self, state):
        if "left" not in state:
            Malformed.turn += 1
            state["left"] = self.junk[Malformed.turn % len(self.junk)]
        return state["left"]


if __name__ == "__main__":
    kind, path, account, connections = sys.argv[1:5]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    os.nice(15)  # what is measured is the daemon's fairness, not the kernel's between hogs on two cores
    {kind.__name__: kind for kind in Flood.__subclasses__() + [Strangers]}[kind](path, account, int(connections)).run()
