"""What a persona is: a provider played from its documentation, behind a TLS port of its own.

handle() changes state and answers; identify() only looks. The server calls identify() first, so that faults can
be matched by account and can strike before the state changes. Whatever nobody documents is a switch.
"""
import base64
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from book import Book
from clock import Clock
from message import Reply, Request


@dataclass(frozen=True)
class Switch:
    default: Any
    text: str
    choices: tuple[Any, ...] = ()


@dataclass
class Ident:
    """Whose call it is, as far as the request says. Empty strings: unknown. exclusive: spends a single-use grant."""
    what: str = ""
    client: str = ""
    account: str = ""
    family: str = ""
    exclusive: bool = False

    def names(self) -> frozenset[str]:
        return frozenset(filter(None, (self.client, self.account, self.family)))


class BadWish(ValueError):
    """A control call that makes no sense; the text says what would."""


class Refused(Exception):
    """An OAuth error on its way to the reply: RFC 6749 5.2's code, a text for the log, the status."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


def basic_credentials(header: str, decoding: str) -> tuple[str, str]:
    """Client id and secret of an Authorization header, decoded raw or as a form (RFC 6749 2.3.1). Raises Refused."""
    scheme, _, coded = header.partition(" ")
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode("utf-8")
    except ValueError as problem:
        raise Refused("invalid_client", "unreadable credentials", 401) from problem
    if scheme.lower() != "basic" or ":" not in text:
        raise Refused("invalid_client", "Basic credentials are needed", 401)
    client, secret = text.split(":", 1)
    return (unquote_plus(client), unquote_plus(secret)) if decoding == "form" else (client, secret)


LATENCY = {"latency_ms": Switch(0, "waits so long before each request is processed"),
           "latency_after_ms": Switch(0, "waits so long after processing, before the reply")}


class Persona:
    name = ""
    text = ""
    switches: dict[str, Switch] = {}
    seeds: dict[str, Any] = {}  # what /seed takes, with defaults

    def __init__(self, clock: Clock, book: Book, rng: random.Random) -> None:
        self.clock, self.book, self.random = clock, book, rng
        self.all_switches = {**LATENCY, **self.switches}
        self.settings: dict[str, Any] = {name: switch.default for name, switch in self.all_switches.items()}

    def switch(self, name: str, value: Any) -> None:
        known = self.all_switches.get(name)
        if known is None:
            raise BadWish(f"{self.name} has no switch {name!r}; it has: {', '.join(self.all_switches)}")
        if known.choices and value not in known.choices:
            raise BadWish(f"{self.name}.{name} is one of {known.choices}, not {value!r}")
        wanted = type(known.default)
        if wanted in (int, float) and isinstance(value, (int, float)) and not isinstance(value, bool):
            value = wanted(value) if float(value).is_integer() or wanted is float else float(value)
        elif not isinstance(value, wanted):
            raise BadWish(f"{self.name}.{name} is a {wanted.__name__}, not {value!r}")
        self.settings[name] = value

    def hex(self, length: int) -> str:
        return f"{self.random.getrandbits(length * 4):0{length}x}"

    def secret(self, value: str, label: str) -> str:
        self.book.secret(value, label, self.name)
        return value

    def identify(self, request: Request) -> Ident:
        raise NotImplementedError

    def handle(self, request: Request, ident: Ident, hints: dict[str, Any], seq: int) -> Reply:
        raise NotImplementedError

    def may_carry_secret_in_url(self, request: Request) -> bool:
        return False

    def seed(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Makes an account without a browser and returns its secrets."""
        raise NotImplementedError

    def revoke(self, account: str) -> None:
        """The provider takes the account's grant back."""
        raise BadWish(f"{self.name} can't revoke")

    def valid(self, token: str) -> dict[str, Any]:
        """{"valid", "family", "seconds_left", ...} of an access token that this persona gave out, or didn't."""
        return {"valid": False, "family": "", "seconds_left": 0.0}

    def redeem(self, token: str) -> dict[str, Any]:
        """The token at its point of use, presented by whoever got it from the client. One that has expired by then
        was handed out too old, which is held against the client."""
        found = self.valid(token)
        left = found["seconds_left"]
        if found["family"] and left is not None and left <= 0:
            self.book.note_violation("used_past_expiry", self.name, found["family"], 0, f"{-left:.1f} s past its expiry")
        return {"accepted": found["valid"], **found}

    def device(self, wish: dict[str, Any]) -> dict[str, Any]:
        """What the person does at the page that a device's user code is entered into."""
        raise BadWish(f"{self.name} has no device authorization")

    def forget(self) -> None:
        """Counters to zero; accounts stay."""

    def dump(self) -> dict[str, Any]:
        return {}

    def violations(self) -> list[dict[str, Any]]:
        """What the persona itself holds against its callers, at the end."""
        return []


def taken(wish: dict[str, Any], known: dict[str, Any], of: str) -> dict[str, Any]:
    """The wish over the defaults; an unknown member is refused."""
    for name in wish:
        if name not in known:
            raise BadWish(f"{of} has no {name!r}; it has: {', '.join(known)}")
    return {**known, **wish}
