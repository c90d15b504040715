"""Immersve: a single-use refresh token in JSON for a pair of RS256 JWTs, from a registered Origin. No client secret.

Checks in the order: JSON, fields, Origin, is the token known, is it this application's, has it expired or been spent.
What a spent token gets, whether its family dies with it and which member holds the specific code are undocumented:
switches. The key is real, and public at /.well-known/jwks.json.
"""
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, Callable

from grants import OLD_RT, Family, Grants, Outcome
from jose import RsaPrivate, jwt, new_rsa_key
from message import BadRequest, Reply, Request, json_reply
from personas.base import BadWish, Ident, Persona, Switch, taken

TOKEN, LOGOUT, KEYS = "/auth/token", "/auth/logout", "/.well-known/jwks.json"
SPENT = {"forbidden": (403, "FORBIDDEN"), "expired": (403, "REFRESH_TOKEN_EXPIRED"), "unauthorized": (401, "UNAUTHORIZED")}


@dataclass
class App:
    id: str
    origins: list[str]


class Immersve(Persona):
    name = "immersve"
    text = "POST /auth/token, POST /auth/logout, GET /.well-known/jwks.json"
    switches = {
        "access_lifetime_s": Switch(1200.0, "lifetime of access tokens"),
        "refresh_lifetime_s": Switch(30 * 86_400.0, "lifetime of refresh tokens"),
        "old_rt": Switch("reject", "what a used refresh token gets", OLD_RT),
        "grace_s": Switch(5.0, "old_rt=grace: so long the same pair comes again"),
        "spent_answer": Switch("forbidden", "403 FORBIDDEN, 403 REFRESH_TOKEN_EXPIRED or 401 for a spent refresh token",
                               tuple(SPENT)),
        "code_in": Switch("errorCode", "which member has the specific code", ("errorCode", "reason")),
        "iat_offset_s": Switch(0.0, "iat and exp are so much ahead of the clock (the issuer's judgement is not)"),
        "claims": Switch({}, "claims set over the usual ones in both tokens; null drops one"),
    }
    seeds = {"client_application_id": "29097f50d221858223a17633e36716f9", "origins": ["https://app.example.com"],
             "user": "cardholder-1", "family": "", "first": True}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.grants = Grants(self.clock.now, self.clock.mono, self._new_token)
        self.apps: dict[str, App] = {}
        self.minted = 0

    @cached_property
    def key(self) -> RsaPrivate:
        return new_rsa_key()

    def _new_token(self, kind: str, family: Family) -> str:
        self.minted += 1
        lifetime = float(self.settings["access_lifetime_s" if kind == "access" else "refresh_lifetime_s"])
        issued = self.clock.now() + self.settings["iat_offset_s"]
        claims = {"iss": "https://api.immersve.sim.test", "sub": family.user, "aud": family.client, "typ": kind,
                  "jti": self.hex(32), "iat": int(issued), "exp": int(issued + lifetime), **self.settings["claims"]}
        token = jwt({name: value for name, value in claims.items() if value is not None}, self.key, "sim-1")
        return self.secret(token, f"{'at' if kind == 'access' else 'rt'}:{self.minted}")

    # -- requests --
    def identify(self, request: Request) -> Ident:
        if request.path != TOKEN:
            token = request.header("authorization").partition(" ")[2]
            return Ident("logout" if request.path == LOGOUT else "other", family=self.grants.access_valid(token)["family"])
        try:
            value = request.json()
        except BadRequest:
            return Ident("unreadable")
        wish = value if isinstance(value, dict) else {}
        token, client = (str(wish.get(name, "")) for name in ("refreshToken", "clientApplicationId"))
        family = self.grants.family_of(token)
        return Ident("refresh_token", client, self.grants.families[family].user if family else "", family, bool(family))

    def handle(self, request: Request, ident: Ident, hints: dict[str, Any], seq: int) -> Reply:
        calls: dict[tuple[str, str], Callable[[], Reply]] = {
            ("POST", TOKEN): lambda: self._exchange(request, hints, seq),
            ("POST", LOGOUT): lambda: self._logout(request),
            ("GET", KEYS): lambda: json_reply({"keys": [self.key.public.jwk("sim-1")]}),
        }
        call = calls.get((request.method, request.path))
        return call() if call else self._refusal(404, "NOT_FOUND", "no such path or method")

    def _refusal(self, status: int, code: str, why: str, errors: list[dict[str, str]] | None = None) -> Reply:
        phrase = HTTPStatus(status).phrase
        generic = phrase.upper().replace(" ", "_")
        in_code = self.settings["code_in"] == "errorCode" or errors is not None
        value: dict[str, Any] = {"statusCode": status, "statusName": phrase, "errorCode": code if in_code else generic,
                                 "reason": "Unauthorized" if in_code else code}
        if errors is not None:
            value |= {"reason": "Request input is invalid", "errors": errors}
        return json_reply(value, status, note=why)

    def _exchange(self, request: Request, hints: dict[str, Any], seq: int) -> Reply:
        wish, errors = self._fields(request)
        if errors:
            return self._refusal(400, "INVALID_REQUEST_INPUT", errors[0]["message"], errors)
        token, client = wish["refreshToken"], wish["clientApplicationId"]
        app = self.apps.get(client)
        origins = app.origins if app else [origin for one in self.apps.values() for origin in one.origins]
        if request.all("origin") not in [[origin] for origin in origins]:
            return self._refusal(403, "ORIGIN_NOT_ALLOWED", f"Origin {request.header('origin') or 'missing'}")
        rotation = hints.get("rotation", "")
        outcome = self.grants.refresh(token, client, self.settings, rotation, seq)
        reply = self._refused(outcome) if outcome.pair is None else self._success(outcome, rotation)
        reply.on_delivered = lambda: self.grants.delivered(token, outcome.pair is not None)
        return reply

    @staticmethod
    def _fields(request: Request) -> tuple[dict[str, Any], list[dict[str, str]]]:
        try:
            wish = request.json()
        except BadRequest as bad:
            return {}, [{"message": str(bad), "path": ""}]
        if request.media_type != "application/json" or not isinstance(wish, dict):
            return {}, [{"message": "a JSON object is needed, as application/json", "path": ""}]
        names = ("refreshToken", "clientApplicationId")
        return wish, [{"message": f"{name} must be a string", "path": f"/{name}"} for name in names
                      if not isinstance(wish.get(name), str) or not wish[name]]

    def _refused(self, outcome: Outcome) -> Reply:
        status, code = {"unknown": (401, "UNAUTHORIZED"), "client": (403, "CLIENT_APPLICATION_MISMATCH"),
                        "expired": (403, "REFRESH_TOKEN_EXPIRED")}.get(outcome.code, SPENT[self.settings["spent_answer"]])
        return self._refusal(status, code, outcome.why)

    @staticmethod
    def _success(outcome: Outcome, rotation: str) -> Reply:
        assert outcome.pair is not None
        value = {"accessToken": outcome.pair.access_token}
        if rotation != "missing":
            value["refreshToken"] = "" if rotation == "empty" else outcome.pair.refresh.token
        return json_reply(value, note=outcome.why)

    def _logout(self, request: Request) -> Reply:
        """Ends the whole session, not only this access token."""
        scheme, _, token = request.header("authorization").partition(" ")
        known = self.grants.access_valid(token)
        if scheme.lower() != "bearer" or not known["valid"]:
            return self._refusal(401, "UNAUTHORIZED", "no access token that is good")
        self.grants.revoke(self.grants.families[known["family"]], "logged out")
        return json_reply({}, note="logged out")

    # -- control --
    def seed(self, wish: dict[str, Any]) -> dict[str, Any]:
        """A client application, and a session of a user as a wallet's login would have made it."""
        wish = taken(wish, self.seeds, "an immersve account")
        client = wish["client_application_id"]
        self.apps[client] = App(client, [str(origin) for origin in wish["origins"]])
        if not wish["first"]:
            return wish
        name = wish["family"] or f"immersve-{len(self.grants.families) + 1}"
        try:
            _, pair = self.grants.start(name, client, wish["user"], [], float(self.settings["access_lifetime_s"]),
                                        float(self.settings["refresh_lifetime_s"]))
        except ValueError as problem:
            raise BadWish(str(problem)) from problem
        return {**wish, "family": name, "refresh_token": pair.refresh.token, "access_token": pair.access_token}

    def revoke(self, family: str) -> None:
        if family not in self.grants.families:
            raise BadWish(f"no family {family!r}")
        self.grants.revoke(self.grants.families[family], "by control")

    def valid(self, token: str) -> dict[str, Any]:
        return self.grants.access_valid(token)

    def forget(self) -> None:
        self.grants.forget()

    def dump(self) -> dict[str, Any]:
        return {"apps": {app.id: app.origins for app in self.apps.values()}, "families": self.grants.dump()}

    def violations(self) -> list[dict[str, Any]]:
        return self.grants.violations(self.name)
