"""What a persona is: a provider played from its documentation, behind a TLS port of its own.

handle() changes state and answers; identify() only looks. The server calls identify() first, so that faults can
be matched by account and can strike before the state changes. Whatever nobody documents is a switch.
"""
import random
from dataclasses import dataclass
from typing import Any

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


LATENCY = {"latency_ms": Switch(0, "waits so long before each request is processed"),
           "latency_after_ms": Switch(0, "waits so long after processing, before the reply")}


class Persona:
    name = ""
    text = ""
    switches: dict[str, Switch] = {}

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
