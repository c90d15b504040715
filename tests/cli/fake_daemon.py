"""A Varlink server on two Unix sockets whose answers a test sets: what the tokenbroker command does with each of them.

`answers` maps a short method name ("GetToken") to a dict (the parameters of the reply), to Error(name, parameters), to a list of
those (one for each call, the last one again), to a callable of the parameters, or to HANG_UP, GARBAGE or SILENCE.
"""
import json
import os
import socketserver
import tempfile
import threading

HANG_UP = object()
GARBAGE = object()
SILENCE = object()


class Error:
    def __init__(self, name, **parameters):
        self.name = name
        self.parameters = parameters


class Stream(list):
    """Replies to a call with "more"; all but the last carry "continues". HANG_UP as the last cuts them off."""


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.serve()
        except ConnectionError:
            pass  # the command has seen enough

    def serve(self):
        buffer = b""
        while chunk := self.connection.recv(65536):
            buffer += chunk
            while b"\0" in buffer:
                frame, buffer = buffer.split(b"\0", 1)
                if not self.answer(json.loads(frame)):
                    return

    def answer(self, call):
        daemon = self.server.daemon
        interface, method = call["method"].rsplit(".", 1)
        with daemon.lock:
            daemon.calls.append((call["method"], call.get("parameters") or {}))
        if interface != self.server.interface and not (interface == "org.varlink.service" and method in daemon.answers):
            return self.send({"error": "org.varlink.service.InterfaceNotFound", "parameters": {"interface": interface}})
        answer = daemon.next_answer(method)
        if callable(answer):
            answer = answer(call.get("parameters") or {})
        if answer is HANG_UP:
            return False
        if answer is GARBAGE:
            self.connection.sendall(b"this is not JSON\0")
            return True
        if answer is SILENCE:
            daemon.stopped.wait(30)
            return False
        if isinstance(answer, Stream):
            return all(each is not HANG_UP and self.send_one(each, continues=each is not answer[-1]) for each in answer)
        return self.send_one(answer, continues=False)

    def send_one(self, answer, continues):
        if isinstance(answer, Error):
            return self.send({"error": answer.name, "parameters": answer.parameters})
        return self.send({"parameters": answer, "continues": True} if continues else {"parameters": answer})

    def send(self, reply):
        self.connection.sendall(json.dumps(reply).encode() + b"\0")
        return True


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


class FakeDaemon:
    def __enter__(self):
        self.answers, self.calls = {}, []
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.folder = tempfile.TemporaryDirectory(prefix="tokenbroker-cli-")
        os.chmod(self.folder.name, 0o755)
        self.socket = os.path.join(self.folder.name, "tokens.sock")
        self.servers = []
        for name in ("tokens", "admin"):
            server = _Server(os.path.join(self.folder.name, name + ".sock"), _Session)
            server.daemon, server.interface = self, "io.tokenbroker." + name
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            self.servers.append(server)
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.folder.cleanup()

    def next_answer(self, method):
        with self.lock:
            answer = self.answers.get(method, Error("org.varlink.service.MethodNotFound", method=method))
            if isinstance(answer, list) and not isinstance(answer, Stream):
                return answer.pop(0) if len(answer) > 1 else answer[0]
            return answer

    def parameters_of(self, method):
        """Of the last call of this method."""
        with self.lock:
            return next(p for m, p in reversed(self.calls) if m.endswith("." + method))
