"""Families of rotating refresh tokens, as an authorization server keeps them, and the account of their use.

A family is one authorisation: its tokens are numbered 0, 1, 2 ... in the order they were issued. What happens to a
token that has been used is a policy: reject, grace (the same pair again for some seconds), revoke_family, still_valid.
Each presentation is noted with its outcome, so that a test can say whether a token was spent again, and after what.
"""
import math
from dataclasses import dataclass, field
from typing import Any, Callable

OLD_RT = ("reject", "grace", "revoke_family", "still_valid")
PRESENTATIONS_MAX = 10_000


@dataclass
class RefreshToken:
    token: str
    n: int
    issued_at: float
    expires_at: float
    spent_at: float | None = None
    successors: list["Pair"] = field(default_factory=list)
    presented: int = 0
    success_delivered: bool = False  # a reply with its successor has reached the client's kernel, whole
    refusal_delivered: bool = False


@dataclass
class Pair:
    access_token: str
    access_expires_at: float
    refresh: RefreshToken


@dataclass
class Access:
    family: "Family"
    expires_at: float
    n: int
    revoked: bool = False


@dataclass
class Family:
    id: str
    client: str
    user: str
    scopes: list[str]
    tokens: list[RefreshToken] = field(default_factory=list)
    revoked: str = ""  # why
    presentations: list[dict[str, Any]] = field(default_factory=list)
    highest_presented: int = -1
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(
        ("presented", "spent", "rejected", "again_same_pair", "not_rotated", "unknown_outcome_replays",
         "double_spent_after_delivered", "used_after_successor_used", "presented_after_refusal"), 0))


@dataclass
class Outcome:
    """pair is None: refused, why says for what reason (for the log only), code in one word: unknown, client, revoked,
    expired, spent."""
    pair: Pair | None
    why: str
    rotated: bool = True
    code: str = ""


def shown_lifetime(left: float) -> int | float:
    """Whole seconds as the real one sends; a short one that isn't whole (tests) as it is, never overstated.
    The same pair again (grace) may hold an access token that has expired: 0."""
    left = max(0.0, left)
    whole = math.floor(left + 0.02)
    return whole if left > 10 or left - whole < 0.02 else math.floor(left * 100) / 100


class Grants:
    def __init__(self, now: Callable[[], float], mono: Callable[[], float],
                 new_token: Callable[[str, "Family"], str]) -> None:
        self.now, self.mono, self.new_token = now, mono, new_token
        self.families: dict[str, Family] = {}
        self.by_refresh: dict[str, tuple[Family, RefreshToken]] = {}
        self.by_access: dict[str, Access] = {}

    def family_of(self, token: str) -> str:
        found = self.by_refresh.get(token)
        return found[0].id if found else ""

    def start(self, family_id: str, client: str, user: str, scopes: list[str], access_s: float,
              refresh_s: float) -> tuple[Family, Pair]:
        if family_id in self.families:
            raise ValueError(f"family {family_id} exists")
        family = self.families[family_id] = Family(family_id, client, user, scopes)
        return family, self._mint(family, access_s, refresh_s)

    def _mint(self, family: Family, access_s: float, refresh_s: float) -> Pair:
        now = self.now()
        refresh = RefreshToken(self.new_token("refresh", family), len(family.tokens), now, now + refresh_s)
        family.tokens.append(refresh)
        self.by_refresh[refresh.token] = (family, refresh)
        return Pair(self._access(family, access_s, refresh.n), now + access_s, refresh)

    def _access(self, family: Family, access_s: float, n: int) -> str:
        token = self.new_token("access", family)
        self.by_access[token] = Access(family, self.now() + access_s, n)
        return token

    def bare(self, family_id: str, client: str, user: str, scopes: list[str], access_s: float) -> str:
        """An access token without a refresh token, in a family of such."""
        family = self.families.setdefault(family_id, Family(family_id, client, user, scopes))
        family.scopes = scopes
        return self._access(family, access_s, 0)

    def access_valid(self, token: str) -> dict[str, Any]:
        """Valid now? Seconds left are negative when it has expired; n is the refresh token that came with it."""
        found = self.by_access.get(token)
        if found is None:
            return {"valid": False, "family": "", "seconds_left": 0.0, "n": None}
        left = found.expires_at - self.now()
        good = left > 0 and not (found.revoked or found.family.revoked)
        return {"valid": good, "family": found.family.id, "seconds_left": left, "n": found.n}

    def revoke(self, family: Family, why: str) -> None:
        family.revoked = family.revoked or why

    def refresh(self, token: str, client: str, settings: dict[str, Any], rotation: str, seq: int) -> Outcome:
        """One use of a refresh token under the persona's settings (access_lifetime_s, refresh_lifetime_s, old_rt,
        grace_s). rotation: "" as usual, else the fault that keeps the old token in force."""
        found = self.by_refresh.get(token)
        if found is None:
            return Outcome(None, "unknown refresh token", code="unknown")
        family, refresh = found
        self._presented(family, refresh)
        outcome = self._decide(family, refresh, client, settings, rotation)
        family.counters["spent" if outcome.pair else "rejected"] += 1
        if len(family.presentations) < PRESENTATIONS_MAX:
            family.presentations.append({
                "seq": seq, "n": refresh.n, "at": self.mono(), "ok": outcome.pair is not None, "why": outcome.why,
                "new_n": outcome.pair.refresh.n if outcome.pair else None})
        return outcome

    def _presented(self, family: Family, refresh: RefreshToken) -> None:
        counters = family.counters
        counters["presented"] += 1
        refresh.presented += 1
        if refresh.success_delivered:
            counters["double_spent_after_delivered"] += 1
        elif refresh.presented > 1:
            counters["unknown_outcome_replays"] += 1
        if refresh.refusal_delivered:
            counters["presented_after_refusal"] += 1
        if refresh.n < family.highest_presented:
            counters["used_after_successor_used"] += 1
        family.highest_presented = max(family.highest_presented, refresh.n)

    def _decide(self, family: Family, refresh: RefreshToken, client: str, settings: dict[str, Any],
                rotation: str) -> Outcome:
        now, policy = self.now(), settings["old_rt"]
        if family.client != client:
            return Outcome(None, "the token belongs to another client", code="client")
        if family.revoked:
            return Outcome(None, f"the family is revoked: {family.revoked}", code="revoked")
        if now >= refresh.expires_at:
            return Outcome(None, "expired", code="expired")
        if refresh.spent_at is not None and policy != "still_valid":
            return self._used_again(family, refresh, policy, float(settings["grace_s"]))
        if rotation:
            family.counters["not_rotated"] += 1
            access_s = float(settings["access_lifetime_s"])
            pair = Pair(self._access(family, access_s, refresh.n), now + access_s, refresh)
            return Outcome(pair, f"not rotated ({rotation})", rotated=False)
        pair = self._mint(family, float(settings["access_lifetime_s"]), float(settings["refresh_lifetime_s"]))
        refresh.spent_at = refresh.spent_at if refresh.spent_at is not None else now
        refresh.successors.append(pair)
        return Outcome(pair, "rotated")

    def _used_again(self, family: Family, refresh: RefreshToken, policy: str, grace_s: float) -> Outcome:
        last = refresh.successors[-1]
        spent_at = refresh.spent_at if refresh.spent_at is not None else 0.0
        if policy == "grace" and self.now() - spent_at <= grace_s and last.refresh.presented == 0:
            family.counters["again_same_pair"] += 1
            return Outcome(last, "the same pair again (grace)")
        if policy == "revoke_family":
            self.revoke(family, f"token {refresh.n} was used again")
        return Outcome(None, f"spent, policy {policy}", code="spent")

    def delivered(self, token: str, ok: bool) -> None:
        """A whole reply to the last use of this token has reached the client."""
        found = self.by_refresh.get(token)
        if found is None:
            return
        refresh = found[1]
        if ok and refresh.spent_at is not None:
            refresh.success_delivered = True
        elif not ok:
            refresh.refusal_delivered = True

    def violations(self, persona: str) -> list[dict[str, Any]]:
        found = []
        for family in self.families.values():
            for counter, invariant in (("double_spent_after_delivered", "spent_after_delivered_success"),
                                       ("used_after_successor_used", "used_after_successor_used"),
                                       ("presented_after_refusal", "presented_after_refusal")):
                if family.counters[counter]:
                    found.append({"invariant": invariant, "persona": persona, "account": family.id, "request": 0,
                                  "text": f"{family.counters[counter]} times"})
        return found

    def forget(self) -> None:
        """Counters and presentations start anew; what is spent stays spent."""
        for family in self.families.values():
            family.counters = dict.fromkeys(family.counters, 0)
            family.presentations.clear()

    def dump(self) -> dict[str, Any]:
        return {family.id: {
            "client": family.client, "user": family.user, "scopes": family.scopes, "revoked": family.revoked,
            "counters": family.counters, "presentations": family.presentations,
            "tokens": [{"n": t.n, "presented": t.presented, "spent": t.spent_at is not None,
                        "successors": [pair.refresh.n for pair in t.successors],
                        "success_delivered": t.success_delivered, "refusal_delivered": t.refusal_delivered,
                        "expires_in_s": round(t.expires_at - self.now(), 1)} for t in family.tokens],
        } for family in self.families.values()}
