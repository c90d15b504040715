"""Armed faults: what to do wrong, for which calls, how often.

A fault fires from the nth matching call on, `count` times (0: for ever). Counting is per fault, so a fault that
is armed later starts at 1. A fault never fires on calls that don't match, and says how often it fired.
"""
import random
from dataclasses import dataclass, field
from typing import Any

from kinds import CHOICES, KINDS, STAGES

MATCH_KEYS = ("persona", "account", "path", "method", "what")


class BadFault(ValueError):
    pass


@dataclass
class Call:
    """What is known of a call when a stage is reached."""
    persona: str
    path: str = ""
    method: str = ""
    what: str = ""  # "refresh_token", "password", "products", ...
    accounts: frozenset[str] = frozenset()  # client id, user, family


@dataclass
class Fault:
    id: int
    kind: str
    params: dict[str, Any]
    match: dict[str, str] = field(default_factory=dict)
    nth: int = 1
    count: int = 1
    chance: float = 1.0
    seen: int = 0
    fired: int = 0

    @property
    def stage(self) -> str:
        return KINDS[self.kind].stage

    @property
    def intact(self) -> bool:
        if self.kind == "content_type" and self.params["value"] not in (None, "application/json", "text/plain"):
            return False  # whoever looks at the type must not read it as JSON
        return KINDS[self.kind].intact and self.params.get("mode") not in ("bad_size", "missing_last")

    @property
    def spent(self) -> bool:
        return self.count > 0 and self.fired >= self.count

    def wants(self, call: Call) -> bool:
        for key, value in self.match.items():
            if key == "account":
                if value not in call.accounts:
                    return False
            elif value != getattr(call, key):
                return False
        return True

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "params": self.params, "match": self.match, "nth": self.nth,
                "count": self.count, "chance": self.chance, "seen": self.seen, "fired": self.fired,
                "spent": self.spent}


class Faults:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.armed: list[Fault] = []
        self.done: list[Fault] = []
        self.last_id = 0

    def arm(self, wish: dict[str, Any]) -> Fault:
        """wish: {"kind": ..., parameters..., "match": {...}, "nth": 1, "count": 1, "chance": 1.0}"""
        wish = dict(wish)
        name = wish.pop("kind", None)
        if name not in KINDS:
            raise BadFault(f"no fault kind {name!r}; there are: {', '.join(KINDS)}")
        match, nth, count, chance = (wish.pop("match", {}), wish.pop("nth", 1), wish.pop("count", 1),
                                     wish.pop("chance", 1.0))
        check_match(name, match)
        if not (isinstance(nth, int) and nth >= 1 and isinstance(count, int) and count >= 0):
            raise BadFault("nth is a whole number from 1 on, count one from 0 (for ever) on")
        params = dict(KINDS[name].params)
        for key, value in wish.items():
            if key not in params:
                raise BadFault(f"{name} has no parameter {key!r}; it has: {', '.join(params) or 'none'}")
            allowed = CHOICES.get((name, key))
            if allowed is not None and value not in allowed:
                raise BadFault(f"{name}.{key} is one of {allowed}, not {value!r}")
            params[key] = value
        self.last_id += 1
        fault = Fault(self.last_id, name, params, match, nth, count, float(chance))
        self.armed.append(fault)
        return fault

    def take(self, stage: str, call: Call) -> Fault | None:
        """The fault to fire for this call at this stage; it is counted as fired."""
        for fault in self.armed:
            if fault.stage != stage or not fault.wants(call):
                continue
            fault.seen += 1
            if fault.seen < fault.nth or (fault.chance < 1.0 and self.random.random() >= fault.chance):
                continue
            fault.fired += 1
            if fault.spent:
                self.armed.remove(fault)
                self.done = self.done[-999:] + [fault]
            return fault
        return None

    def clear(self, fault_id: int | None = None) -> int:
        kept = [fault for fault in self.armed if fault_id is not None and fault.id != fault_id]
        cleared = len(self.armed) - len(kept)
        self.armed = kept
        return cleared

    def shown(self) -> list[dict[str, Any]]:
        return [fault.shown() for fault in self.armed + self.done]


def check_match(kind: str, match: Any) -> None:
    if not isinstance(match, dict) or any(not isinstance(value, str) for value in match.values()):
        raise BadFault("match is an object of strings")
    for key in match:
        if key not in MATCH_KEYS:
            raise BadFault(f"match has no {key!r}; it has: {', '.join(MATCH_KEYS)}")
    stage = KINDS[kind].stage
    if stage in STAGES[:2] and set(match) - {"persona"}:
        raise BadFault(f"{kind} acts before there is a request: match it by persona alone, and nth connection")
    if stage == "head" and set(match) - {"persona", "path", "method"}:
        raise BadFault(f"{kind} acts before the body is read: match it by persona, path and method")
