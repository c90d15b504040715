"""The book: every request with what became of it, every secret the simulator gave out, and what went wrong.

Secrets are known by a label ("rt:fam1:3") and replaced by it in everything the book shows, except the raw bytes,
which a test must ask for. Violations are noted when they happen; invariants.py judges at the end.
"""
import asyncio
import base64
import re
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote_plus

from clock import Clock
from message import BadRequest, Request

LOG_MAX = 50_000
RAW_MAX = 64 * 1024
TOKEN_RUN = re.compile(r"[A-Za-z0-9_\-]{16,}")
RETRY_TOLERANCE_S = 0.03
IN_FLIGHT_S = 0.25  # a TLS handshake and a queue of eight exchanges on a busy machine
SECRET_LENGTH_MIN = 6
TELLING_RUN = 40  # a long token with other characters in it is known by its last run of at least so many


@dataclass
class Entry:
    seq: int
    persona: str
    connection: int
    at: float  # monotonic, when the head was read
    connected_at: float  # monotonic, when its connection was accepted
    wall: float  # virtual
    method: str = ""
    path: str = ""
    target: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=dict)
    bytes_in: int = 0
    account: str = ""
    client: str = ""
    family: str = ""
    what: str = ""
    tls: str = ""
    resumed: bool = False
    faults: list[str] = field(default_factory=list)
    processed: bool = False
    status: int = 0
    note: str = ""
    retry_floor_s: float | None = None
    answered_at: float | None = None
    delivered: bool = False
    ended_at: float | None = None
    end: str = ""
    raw: bytes = b""

    def shown(self, raw: bool) -> dict[str, Any]:
        value = asdict(self)
        value["raw"] = base64.b64encode(self.raw).decode() if raw else None
        return value


@dataclass
class Floor:
    """A Retry-After that binds until then; who was told, when."""
    until: float
    told_at: float
    seq: int
    family: str


class Book:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.log: deque[Entry] = deque(maxlen=LOG_MAX)
        self.last_seq = 0
        self.connections: dict[str, int] = {}
        self.connection_ends: deque[dict[str, Any]] = deque(maxlen=LOG_MAX)
        self.tokens: dict[str, str] = {}  # secret -> label; made of TOKEN_RUN characters, found by lookup
        self.phrases: dict[str, str] = {}  # other secrets (passwords), found by search
        self.owners: dict[str, str] = {}  # secret -> persona
        self.violations: list[dict[str, Any]] = []
        self.in_flight: dict[tuple[str, str], list[tuple[Entry, Any]]] = {}
        self.floors: dict[tuple[str, str], Floor] = {}
        self.finals: dict[tuple[str, str], dict[str, Entry]] = {}  # who, what for: the delivered refusal
        self.after_final: list[tuple[float, dict[str, Any]]] = []
        self.changed = asyncio.Condition()

    # -- secrets --
    def secret(self, value: str, label: str, persona: str) -> None:
        if len(value) < SECRET_LENGTH_MIN:
            return  # too short to look for
        runs = [run for run in TOKEN_RUN.findall(value) if len(run) >= TELLING_RUN]
        if not TOKEN_RUN.fullmatch(value) and runs:
            value = runs[-1]  # of a JWT its signature
        (self.tokens if TOKEN_RUN.fullmatch(value) else self.phrases)[value] = label
        self.owners[value] = persona

    def found_in(self, text: str) -> list[str]:
        """The secrets that appear in the text, plain or form-encoded."""
        found = [run for run in TOKEN_RUN.findall(text) if run in self.tokens]
        return found + [phrase for phrase in self.phrases if phrase in text or quote_plus(phrase) in text]

    def marked(self, text: str) -> str:
        text = TOKEN_RUN.sub(lambda run: self._label(run.group(0)), text)
        for phrase, label in self.phrases.items():
            text = text.replace(phrase, f"<{label}>").replace(quote_plus(phrase), f"<{label}>")
        return text

    def _label(self, run: str) -> str:
        return f"<{self.tokens[run]}>" if run in self.tokens else run

    def _marked_header(self, name: str, value: str) -> str:
        scheme, _, rest = value.partition(" ")
        if name.lower() == "authorization" and scheme.lower() == "basic":
            try:
                return "Basic <" + self.marked(base64.b64decode(rest).decode()) + ">"
            except ValueError:
                return "Basic <unreadable>"
        return self.marked(value)

    # -- requests --
    def begin(self, persona: str, connection: int, request: Request, stream: Any) -> Entry:
        self.last_seq += 1
        entry = Entry(self.last_seq, persona, connection, self.clock.mono(), stream.opened_at, self.clock.now(), request.method,
                      request.path, self.marked(request.decoded_target()),
                      [(name, self._marked_header(name, value)) for name, value in request.headers],
                      bytes_in=len(request.head_raw), raw=request.head_raw[:RAW_MAX])
        if stream.tls is not None:
            entry.tls, entry.resumed = stream.tls.version() or "", bool(stream.tls.session_reused)
        self.log.append(entry)
        return entry

    def read(self, entry: Entry, request: Request) -> None:
        """The body is there too."""
        entry.bytes_in += len(request.body)
        entry.raw = (request.head_raw + request.body)[:RAW_MAX]
        if request.media_type == "application/x-www-form-urlencoded":
            try:
                entry.form = {name: self.marked(value) for name, value in request.form().items()}
            except BadRequest as refused:
                entry.note = str(refused)  # the persona will say so
        elif request.media_type == "application/json":
            try:
                value = request.json()
                members = value.items() if isinstance(value, dict) else ()
                entry.form = {name: self.marked(str(member)) for name, member in members}
            except BadRequest as refused:
                entry.note = str(refused)

    def identified(self, entry: Entry, ident: Any, request: Request, stream: Any, url_secrets_ok: bool) -> None:
        entry.account, entry.client, entry.family, entry.what = ident.account, ident.client, ident.family, ident.what
        if not url_secrets_ok:
            for secret in self.found_in(request.decoded_target()):
                self.violation("secret_in_url", entry, f"{self.tokens.get(secret) or self.phrases[secret]}")
        text = (request.head_raw + request.body).decode("latin-1")
        for secret in self.found_in(text):
            if self.owners[secret] != entry.persona:
                self.violation("secret_to_wrong_host", entry, f"a secret of {self.owners[secret]}")
        self._check_floors(entry)
        self._check_final(entry)
        if ident.exclusive:
            self._enter(entry, stream)

    def _check_floors(self, entry: Entry) -> None:
        """Strict for the grant that was told to wait. Another grant of the same client may have been on its way when
        the reply came; it is at fault if its connection is younger than the reply, or if it came much later."""
        for key in floor_keys(entry):
            floor = self.floors.get((entry.persona, key))
            if floor is None or entry.at >= floor.until - RETRY_TOLERANCE_S:
                continue
            under_way = entry.connected_at <= floor.told_at and entry.at - floor.told_at < IN_FLIGHT_S
            if key.startswith("client:") and (floor.family == entry.family or under_way):
                continue
            self.violation("retry_after", entry, f"{floor.until - entry.at:.2f} s too early after request {floor.seq}")

    def _check_final(self, entry: Entry) -> None:
        told = self.finals.get(who(entry), {}).get(entry.what)
        if told is not None and told.answered_at is not None:
            gap_s = entry.at - told.answered_at
            self.after_final.append((gap_s, finding("called_after_final", *who(entry), entry.seq,
                                                    f"{gap_s:.2f} s after request {told.seq} got a {told.status}")))

    def _enter(self, entry: Entry, stream: Any) -> None:
        key = (entry.persona, entry.family)
        others = [pair for pair in self.in_flight.get(key, []) if not pair[1].gone()]
        if others:
            self.violation("two_in_flight", entry, f"request {others[0][0].seq} of the same grant was not answered yet")
        self.in_flight[key] = [*others, (entry, stream)]

    def answered(self, entry: Entry, status: int, retry_floor_s: float | None, delivered: bool,
                 final: bool = False) -> None:
        now = self.clock.mono()
        if delivered and final and who(entry)[1]:
            self.finals.setdefault(who(entry), {})[entry.what] = entry
        elif delivered and 200 <= status < 300:
            self.finals.pop(who(entry), None)
        entry.status, entry.answered_at, entry.delivered = status, now, delivered
        entry.retry_floor_s = retry_floor_s
        if retry_floor_s is not None and delivered:
            for key in floor_keys(entry):
                self.floors[(entry.persona, key)] = Floor(now + retry_floor_s, now, entry.seq, entry.family)

    def ended(self, entry: Entry, how: str) -> None:
        entry.ended_at, entry.end = self.clock.mono(), how
        key = (entry.persona, entry.family)
        left = [pair for pair in self.in_flight.get(key, []) if pair[0] is not entry]
        if left:
            self.in_flight[key] = left
        else:
            self.in_flight.pop(key, None)

    def connected(self, persona: str) -> int:
        self.connections[persona] = self.connections.get(persona, 0) + 1
        return sum(self.connections.values())

    def disconnected(self, persona: str, connection: int, why: str) -> None:
        self.connection_ends.append({"persona": persona, "connection": connection, "at": self.clock.mono(), "why": why})

    def violation(self, invariant: str, entry: Entry | None, text: str) -> None:
        self.note_violation(invariant, *(who(entry) if entry else ("", "")), entry.seq if entry else 0, text)

    def note_violation(self, invariant: str, persona: str, account: str, request: int, text: str) -> None:
        self.violations.append(finding(invariant, persona, account, request, text))

    def forget(self) -> None:
        """Drops log, counters and violations; accounts and secrets stay."""
        self.log.clear()
        self.connection_ends.clear()
        self.violations.clear()
        self.connections.clear()
        self.floors.clear()
        self.finals.clear()
        self.after_final.clear()

    async def tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


def who(entry: Entry) -> tuple[str, str]:
    return entry.persona, entry.family or entry.account or entry.client


def finding(invariant: str, persona: str, account: str, request: int, text: str) -> dict[str, Any]:
    return {"invariant": invariant, "persona": persona, "account": account, "request": request, "text": text}


def floor_keys(entry: Entry) -> list[str]:
    """A Retry-After binds the grant, and all accounts of the client that was told."""
    named = (("family", entry.family), ("client", entry.client), ("account", "" if entry.client else entry.account))
    return [f"{kind}:{value}" for kind, value in named if value]
