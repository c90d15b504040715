"""Starts a simulator as a child process and talks to its control port. For tests and scripts; standard library only.

    with Simulator() as sim:
        account = sim.seed("webroot", family="fam1")
        sim.arm("status", status=503, match={"account": "fam1"})
"""
import http.client
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

RUN = Path(__file__).resolve().parent / "run.py"
READY_LIMIT_S = 30.0


class SimulatorError(Exception):
    pass


class Simulator:
    def __init__(self, *options: str) -> None:
        command = [sys.executable, str(RUN), "--stop-on-eof", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        timer = threading.Timer(READY_LIMIT_S, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            self.process.wait()
            raise SimulatorError(f"the simulator did not start (status {self.process.returncode})")
        self.ready: dict[str, Any] = json.loads(line)
        self.ca_file: str = self.ready["ca_file"]
        self.control = urlsplit(self.ready["control"]).netloc
        self.local = threading.local()

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def leave(self) -> None:
        """Closes this thread's connection to the control port; each thread that made calls has one."""
        if connection := getattr(self.local, "connection", None):
            connection.close()
            self.local.connection = None

    def stop(self) -> None:
        self.leave()
        if self.process.poll() is None:
            assert self.process.stdin is not None and self.process.stdout is not None
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()

    def url(self, persona: str) -> str:
        return str(self.ready["personas"][persona]["url"])

    def port(self, persona: str) -> int:
        return int(self.ready["personas"][persona]["port"])

    def ask(self, method: str, path: str, wish: Any = None, timeout_s: float = 60.0) -> Any:
        """One control call; an error answer is raised with its text. One kept connection a thread."""
        body = json.dumps(wish).encode() if wish is not None else None
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection(self.control)
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        connection.request(method, path, body)
        reply = connection.getresponse()
        text = reply.read().decode()
        value = json.loads(text) if reply.headers.get_content_type() == "application/json" else text
        if reply.status != 200:
            raise SimulatorError(f"{method} {path}: {value}")
        return value

    def post(self, path: str, **wish: Any) -> Any:
        return self.ask("POST", path, wish)

    def seed(self, persona: str, **wish: Any) -> dict[str, Any]:
        return dict(self.post("/seed", persona=persona, **wish))

    def switch(self, persona: str, **wish: Any) -> None:
        self.post("/switch", persona=persona, **wish)

    def arm(self, kind: str, **wish: Any) -> int:
        return int(self.post("/arm", kind=kind, **wish)["ids"][0])

    def wait(self, **wish: Any) -> dict[str, Any]:
        return dict(self.ask("POST", "/wait", wish, timeout_s=330.0))

    def state(self) -> dict[str, Any]:
        return dict(self.ask("GET", "/state"))

    def family(self, name: str, persona: str = "webroot") -> dict[str, Any]:
        return dict(self.state()["personas"][persona]["families"][name])

    def log(self, **wish: Any) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/log?" + urlencode(wish)))

    def check(self, budget: int | None = None, ignore: list[str] | None = None,
              final_gap_s: float | None = None) -> list[dict[str, Any]]:
        """The violations; empty when all is well."""
        wish = {"budget": budget, "ignore": ignore or [], "final_gap_s": final_gap_s}
        return list(self.ask("POST", "/check", wish)["violations"])

    def redeem(self, persona: str, token: str) -> dict[str, Any]:
        return dict(self.post("/redeem", persona=persona, token=token))
