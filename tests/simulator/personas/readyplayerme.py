"""Ready Player Me: a token of 15 seconds, minted by an API key for one user of one partner. Nothing rotates.

Checks in the order: path, method, key, parameters, who is known, who has authorised. The bodies of errors are
undocumented but for their member `message`.
"""
from dataclasses import dataclass, field
from typing import Any

from jose import jwt
from message import Reply, Request, json_reply
from personas.base import BadWish, Ident, Persona, Switch, taken

TOKEN = "/v1/auth/token"


@dataclass
class User:
    id: str
    authorized: bool = True
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("minted", "refused"), 0))


@dataclass
class App:
    key: str
    partner: str
    users: dict[str, User] = field(default_factory=dict)


class ReadyPlayerMe(Persona):
    name = "readyplayerme"
    text = "GET /v1/auth/token?userId=&partner= with x-api-key: a JWT of 15 s"
    switches = {
        "access_lifetime_s": Switch(15.0, "exp - iat of the tokens"),
        "iat_offset_s": Switch(0.0, "iat and exp are so much ahead of the clock (the issuer's judgement is not)"),
        "claims": Switch({}, "claims set over the usual ones; null drops one"),
        "token_form": Switch("jwt", "opaque: a token that is no JWT", ("jwt", "opaque")),
        "success_status": Switch(200, "of a minted token", (200, 201)),
    }
    seeds = {"partner": "demo", "api_key": "sk_test_readyplayerme_1", "user": "64943d471dc01e086ac887ee", "authorized": True}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.signing_key = self.random.randbytes(32)
        self.apps: dict[str, App] = {}  # by partner
        self.minted: dict[str, tuple[str, float]] = {}

    # -- requests --
    def identify(self, request: Request) -> Ident:
        if request.path != TOKEN:
            return Ident("other")
        wish = dict(request.query)
        return Ident("mint", wish.get("partner", ""), family=wish.get("userId", ""))

    def handle(self, request: Request, ident: Ident, hints: dict[str, Any], seq: int) -> Reply:
        if request.path != TOKEN:
            return refusal(404, "Not found")
        if request.method != "GET":
            reply = refusal(405, "Method not allowed")
            reply.set_header("Allow", "GET")
            return reply
        keys = request.all("x-api-key")
        caller = next((app for app in self.apps.values() if [app.key] == keys), None)
        if caller is None:
            return refusal(401, "Invalid API key", "no key" if not keys else "unknown key or several")
        wish = request.query
        if sorted(name for name, value in wish if value) != ["partner", "userId"]:
            return refusal(400, "userId and partner are required, once each")
        user_id, partner = dict(wish)["userId"], dict(wish)["partner"]
        user = caller.users.get(user_id)
        if caller.partner != partner or user is None:
            return refusal(404, "Not found", "unknown partner" if caller.partner != partner else "unknown user")
        if not user.authorized:
            user.counters["refused"] += 1
            return refusal(403, "User has not authorized")
        user.counters["minted"] += 1
        return json_reply({"data": {"token": self._mint(user.id, partner)}}, self.settings["success_status"])

    def _mint(self, user: str, partner: str) -> str:
        lifetime, now = float(self.settings["access_lifetime_s"]), self.clock.now()
        if self.settings["token_form"] == "opaque":
            token = self.hex(48)
        else:
            issued = int(now + self.settings["iat_offset_s"])
            claims = {"id": user, "partner": partner, "iat": issued, "exp": issued + int(lifetime), **self.settings["claims"]}
            token = jwt({name: value for name, value in claims.items() if value is not None}, self.signing_key)
        self.minted[token] = (user, int(now) + lifetime)
        return self.secret(token, f"at:{user}:{len(self.minted)}")

    # -- control --
    def seed(self, wish: dict[str, Any]) -> dict[str, Any]:
        """A user of a partner, and the partner's API key."""
        wish = taken(wish, self.seeds, "a readyplayerme user")
        key = self.secret(wish["api_key"], f"api_key:{wish['partner']}")
        app = self.apps.setdefault(wish["partner"], App(key, wish["partner"]))
        app.key = key
        app.users[wish["user"]] = User(wish["user"], bool(wish["authorized"]))
        return wish

    def revoke(self, user: str) -> None:
        """The user takes the authorisation back; tokens that are out stay good until they expire."""
        found = [app.users[user] for app in self.apps.values() if user in app.users]
        if not found:
            raise BadWish(f"no user {user!r}")
        for one in found:
            one.authorized = False

    def valid(self, token: str) -> dict[str, Any]:
        user, expires_at = self.minted.get(token, ("", 0.0))
        left = expires_at - self.clock.now() if user else 0.0
        return {"valid": left > 0, "family": user, "seconds_left": left}

    def forget(self) -> None:
        for app in self.apps.values():
            for user in app.users.values():
                user.counters = dict.fromkeys(user.counters, 0)

    def dump(self) -> dict[str, Any]:
        return {"partners": {app.partner: {user.id: {"authorized": user.authorized, "counters": user.counters}
                                           for user in app.users.values()} for app in self.apps.values()}}


def refusal(status: int, message: str, note: str = "") -> Reply:
    return json_reply({"message": message}, status, note=note or message)
