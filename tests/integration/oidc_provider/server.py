"""server.mjs as a child: what it was asked and answered, what the package told of, and every secret that went over its wire."""
import json
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit
from urllib.request import Request, urlopen

from harness.paths import simulator_module
from harness.sanitizer import patient

HERE = Path(__file__).resolve().parent
START_LIMIT_S = 30.0
FORM_SECRETS = ("refresh_token", "token", "code", "code_verifier", "device_code", "client_secret", "client_assertion")
REPLY_SECRETS = ("access_token", "refresh_token", "id_token", "device_code")
DEFAULT_RULES = {"access_s": 300, "refresh_s": 600, "grant_s": 600, "deny": False, "lose": 0}


@dataclass
class Seen:
    """One request and its answer; form and reply are as they were on the wire, secrets and all."""
    path: str
    method: str
    authorization: str
    form: dict[str, str]
    status: int
    reply: dict[str, Any] | None
    location: str

    def authentication(self) -> str:
        """How the client proved itself, by what really travelled."""
        ways = [name for name, there in (("basic", self.authorization.startswith("Basic ")), ("post", "client_secret" in self.form),
                                         ("private_key_jwt", "client_assertion" in self.form)) if there]
        return "+".join(ways) or "none"


@dataclass
class Wire:
    """What the child has said, filled by a thread."""
    seen: list[Seen] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    def take(self, line: dict[str, Any]) -> None:
        if "request" in line:
            seen = Seen(line["request"], line["method"], line["authorization"], line["form"], line["status"], line["reply"],
                        line["location"])
            self.note(seen)
            self.seen.append(seen)
        elif "event" in line:
            self.events.append((line["event"], line["about"]))
        else:
            self.answers.append(line)

    def note(self, seen: Seen) -> None:
        for label in FORM_SECRETS:
            if value := seen.form.get(label):
                self.secrets[value] = self.secrets[quote_plus(value)] = label
        for label in REPLY_SECRETS:
            if value := (seen.reply or {}).get(label):
                self.secrets[value] = label
        if seen.authorization:
            self.secrets[seen.authorization.split(" ", 1)[1]] = "Authorization"
        for code in parse_qs(urlsplit(seen.location).query).get("code", []):
            self.secrets[code] = "code"


class OidcServer:
    def __init__(self, folder: Path, packages: Path, clients: list[dict[str, Any]]) -> None:
        authority = simulator_module("ca").Authority(folder / "ca", "oidc-provider's CA")
        authority.leaf("server", "DNS:localhost,IP:127.0.0.1")
        self.ca_file, self.log_file, self.clients = authority.cert, folder / "server.log", {one["client_id"]: one for one in clients}
        self.context = ssl.create_default_context(cafile=str(self.ca_file))
        self.wire = Wire()
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(["node", str(HERE / "server.mjs"), str(packages)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()
        hello = self._ask({"key": str(folder / "ca" / "server.key"), "cert": str(folder / "ca" / "server.crt"), "clients": clients,
                           "rules": DEFAULT_RULES})
        self.issuer, self.version, self.node = hello["issuer"], hello["version"], hello["node"]

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):  # the package prints notices, too
                self.wire.take(json.loads(line))

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        before = len(self.wire.answers)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: said below
        end = time.monotonic() + START_LIMIT_S
        while len(self.wire.answers) == before:
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise AssertionError(f"node server.mjs does not answer:\n{self.log_file.read_text()[-3000:]}")
            time.sleep(0.01)
        return self.wire.answers[before]

    def stop(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.thread.join()
        self.process.stdout.close()

    # -- what it shall do --
    def rules(self, **changes: Any) -> None:
        """Lifetimes of what is issued from now on, in seconds; deny: the player says no; lose: the
        answers to so many renewals never arrive."""
        self._ask({**DEFAULT_RULES, **changes})

    def clear(self) -> None:
        self.rules()
        self.wire.seen.clear()
        self.wire.events.clear()

    # -- what it did --
    def seen(self, path: str, **form: str) -> list[Seen]:
        """Requests of this path, in order, whose form has these values."""
        return [one for one in list(self.wire.seen) if one.path == path and all(one.form.get(k) == v for k, v in form.items())]

    def refreshes(self) -> list[Seen]:
        return self.seen("/token", grant_type="refresh_token")

    def refused(self, code: str) -> list[Seen]:
        return [one for one in self.seen("/token") if (one.reply or {}).get("error") == code]

    def events(self, name: str) -> list[str]:
        return [about for event, about in list(self.wire.events) if event == name]

    # -- other people's requests --
    def _send(self, request: Request) -> tuple[int, dict[str, Any]]:
        try:
            with urlopen(request, timeout=10, context=self.context) as reply:
                return reply.status, json.loads(reply.read() or b"{}")
        except HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read() or b"{}")

    def present(self, client: str, refresh_token: str) -> tuple[int, dict[str, Any]]:
        """A refresh token as a thief with the client's secret would send it."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client,
                "client_secret": self.clients[client]["client_secret"]}
        return self._send(Request(f"{self.issuer}/token", data=urlencode(form).encode()))

    def accepts(self, access_token: str) -> bool:
        """Whether the access token is good at its point of use, the userinfo endpoint."""
        status, _ = self._send(Request(f"{self.issuer}/me", headers={"Authorization": f"Bearer {access_token}"}))
        return status == 200

    def secrets_in(self, text: str) -> list[str]:
        """The labels of all secrets of the wire that stand in the text."""
        return [label for value, label in list(self.wire.secrets.items()) if value in text]

    def until(self, holds: Callable[[], Any], timeout_s: float = 10.0) -> Any:
        timeout_s = patient(timeout_s)
        end = time.monotonic() + timeout_s
        while not (value := holds()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {timeout_s} s; its log:\n{self.log_file.read_text()[-3000:]}")
            time.sleep(0.02)
        return value
