#!/usr/bin/env python3
"""Starts our certification server, runs the client of Debian's varlink-go against it, then a few
wrong clients of our own: the server must notice what is wrong, or its passing means nothing."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

CLIENT = "varlink-go-certification"
INTERFACE = "org.varlink.certification"


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.pending = b""

    def send(self, method, parameters=None, **flags):
        message = {"method": method, "parameters": parameters or {}, **flags}
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.pending:
            part = self.socket.recv(65536)
            assert part, "the server closed the connection"
            self.pending += part
        frame, self.pending = self.pending.split(b"\0", 1)
        return json.loads(frame)

    def call(self, method, parameters=None):
        self.send(method, parameters)
        return self.receive()


def wait_for(path, server):
    for _ in range(200):
        if os.path.exists(path):
            return
        assert server.poll() is None, "the server ended at start"
        time.sleep(0.05)
    sys.exit("the server made no socket within 10 s")


def certified(path):
    done = subprocess.run([CLIENT, "-client", f"-varlink=unix:{path}"], capture_output=True,
                          text=True, timeout=30)
    print(done.stdout, done.stderr, sep="")
    assert done.returncode == 0, f"{CLIENT} ended with {done.returncode}"
    lines = done.stdout.strip().splitlines()
    assert lines and lines[-1] == "End: 'true'", "the client's last line is not End: 'true'"


def wrong_clients_are_noticed(path):
    connection = Connection(path)
    error = INTERFACE + ".CertificationError"
    assert connection.call(INTERFACE + ".Test01", {"client_id": "nobody"})["error"] == \
        INTERFACE + ".ClientIdError"
    started = connection.call(INTERFACE + ".Start")["parameters"]
    skipped = connection.call(INTERFACE + ".Test02", {**started, "bool": True})
    assert skipped["error"] == error, skipped
    assert skipped["parameters"]["wants"]["method"] == INTERFACE + ".Test01"
    started = connection.call(INTERFACE + ".Start")["parameters"]
    assert connection.call(INTERFACE + ".Test01", started)["parameters"] == {"bool": True}
    assert connection.call(INTERFACE + ".Test02", {**started, "bool": False})["error"] == error
    assert connection.call(INTERFACE + ".Test12")["error"] == "org.varlink.service.MethodNotFound"


def describes_itself(path, description_file):
    connection = Connection(path)
    info = connection.call("org.varlink.service.GetInfo")["parameters"]
    assert info["interfaces"] == ["org.varlink.service", INTERFACE], info
    got = connection.call("org.varlink.service.GetInterfaceDescription", {"interface": INTERFACE})
    with open(description_file, encoding="utf-8") as file:
        assert got["parameters"]["description"] == file.read()


def main():
    program, description_file = sys.argv[1:]
    if shutil.which(CLIENT) is None:
        sys.exit(f"{CLIENT} is missing: install the package varlink-go")
    with tempfile.TemporaryDirectory(prefix="tb-certification-") as folder:
        path = os.path.join(folder, "socket")
        server = subprocess.Popen([program, path, description_file])
        try:
            wait_for(path, server)
            certified(path)
            certified(path)  # the state of one client is not that of the next
            wrong_clients_are_noticed(path)
            describes_itself(path, description_file)
        finally:
            server.terminate()
            status = server.wait(timeout=10)
        assert status == 0, f"the server ended with {status}"


main()
