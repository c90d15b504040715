"""The "Unity API" of Webroot / OpenText: OAuth2 by form, rotating refresh tokens, access tokens of 299 s.

Checks in the order: method, User-Agent, media type, form, client, grant_type, scope, grant. The fate of a used
refresh token, the form of errors and how Basic is decoded are undocumented, so they are switches.
"""
import base64
import json
import re
from typing import Any
from urllib.parse import quote

from grants import OLD_RT, Family, Grants, Outcome, shown_lifetime
from message import BadRequest, Reply, Request, json_reply
from personas.base import BadWish, Ident, Persona, Refused, Switch, basic_credentials, taken

SCOPES = ["ECom.Shop", "ECom.Licenses", "SkyStatus.Site", "SkyStatus.Reporting", "Console.GSM", "SecureCloud.Platform"]
USER_AGENT = re.compile(r"[^\s/]+/[^\s]+")
CODE_LIFE_S = 60.0
GRANT_TYPES = ("password", "authorization_code", "refresh_token")


class Webroot(Persona):
    name = "webroot"
    text = "POST /auth/token, GET /auth/authorize, GET /service/api/status (200 while the access token is valid)"
    switches = {
        "access_lifetime_s": Switch(299.0, "lifetime of access tokens, and expires_in"),
        "refresh_lifetime_s": Switch(14 * 86_400.0, "lifetime of refresh tokens"),
        "old_rt": Switch("reject", "what a used refresh token gets", OLD_RT),
        "grace_s": Switch(5.0, "old_rt=grace: so long the same pair comes again"),
        "basic_decoding": Switch("raw", "how Basic credentials are decoded", ("raw", "form")),
        "user_agent_required": Switch(True, "403 without a User-Agent of the form name/version"),
        "error_style": Switch("plain", "nested: invalid_grant inside an invalid_request", ("plain", "nested")),
        "scope_style": Switch("array_in_string", "scope in replies", ("array_in_string", "space", "array")),
    }
    seeds = {"client_id": "client_Test@example.com", "client_secret": "cs_test_webroot_1", "user": "ops@example.com",
             "password": "pw_test_webroot_1", "scopes": ["ECom.Shop"], "family": "", "first": True}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.grants = Grants(self.clock.now, self.clock.mono, self._new_token)
        self.clients: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.codes: dict[str, tuple[str, str, str, list[str], float]] = {}
        self.minted = 0

    def _new_token(self, kind: str, _: Family) -> str:
        self.minted += 1
        if kind == "refresh":
            return self.secret(self.hex(32), f"rt:{self.minted}")
        return self.secret(base64.urlsafe_b64encode(self.random.randbytes(96)).decode(), f"at:{self.minted}")

    # -- who --
    def _credentials(self, request: Request, form: dict[str, str]) -> tuple[str, str, bool]:
        """Client id, secret, whether by the header. Raises Refused."""
        header = request.header("authorization")
        in_body = "client_secret" in form or ("client_id" in form and not header)
        if header and in_body:
            raise Refused("invalid_request", "credentials both in the header and in the body")
        if not header:
            return form.get("client_id", ""), form.get("client_secret", ""), False
        return *basic_credentials(header, self.settings["basic_decoding"]), True

    def identify(self, request: Request) -> Ident:
        if request.path != "/auth/token" or request.method != "POST":
            token = request.header("authorization").partition(" ")[2]
            return Ident("resource", family=self.grants.access_valid(token)["family"])
        try:
            form = request.form()
            client = self._credentials(request, form)[0]
        except (BadRequest, Refused):
            return Ident("unreadable")
        what, refresh = form.get("grant_type", ""), form.get("refresh_token", "")
        family = self.grants.family_of(refresh) if what == "refresh_token" else ""
        user = form.get("username", "") or (self.grants.families[family].user if family else "")
        return Ident(what, client, user, family, exclusive=bool(family))

    # -- requests --
    def handle(self, request: Request, ident: Ident, hints: dict[str, Any], seq: int) -> Reply:
        if request.path == "/auth/token":
            return self._token(request, hints, seq)
        if request.path == "/auth/authorize" and request.method == "GET":
            return self._authorize(request)
        if request.path == "/service/api/status" and request.method == "GET":
            return self._resource(request)
        return json_reply({"error": "not_found"}, 404)

    def _token(self, request: Request, hints: dict[str, Any], seq: int) -> Reply:
        if request.method != "POST":
            return json_reply({"error": "invalid_request"}, 405, Allow="POST")
        if self.settings["user_agent_required"] and not USER_AGENT.match(request.header("user-agent")):
            return Reply(403, body=b"<html><body>Forbidden</body></html>", content_type="text/html",
                         note="User-Agent is not name/version")
        if request.media_type != "application/x-www-form-urlencoded":
            return json_reply({"error": "invalid_request", "error_description": "form only"}, 415)
        try:
            form = request.form()
            client = self._client(request, form)
            kind = form.get("grant_type", "")
            if not kind:
                raise Refused("invalid_request", "grant_type missing")
            if kind not in GRANT_TYPES:
                raise Refused("unsupported_grant_type", kind[:40])
            scopes = self._scopes(form.get("scope", ""))
            if kind == "refresh_token":
                return self._refresh(form.get("refresh_token", ""), client, scopes, hints, seq)
            return self._first(kind, form, client, scopes)
        except BadRequest as bad:
            return json_reply({"error": "invalid_request", "error_description": str(bad)}, bad.status)
        except Refused as refused:
            return self._refusal(refused)

    def _refusal(self, refused: Refused) -> Reply:
        value = {"error": refused.code, "error_description": refused.text}
        if refused.code == "invalid_grant":
            value = {"error": "invalid_grant"}
            if self.settings["error_style"] == "nested":
                value = {"error": "invalid_request", "error_description": json.dumps(value, separators=(",", ":"))}
        reply = json_reply(value, refused.status, note=refused.text)
        if refused.status == 401:
            reply.set_header("WWW-Authenticate", 'Basic realm="unity"')
        return reply

    def _client(self, request: Request, form: dict[str, str]) -> str:
        client, secret, by_header = self._credentials(request, form)
        if not client or self.clients.get(client) != secret:
            raise Refused("invalid_client", "unknown client or wrong secret", 401 if by_header else 400)
        return client

    @staticmethod
    def _scopes(text: str) -> list[str]:
        if not text:
            raise Refused("invalid_request", "scope missing")
        canonical = {scope.lower(): scope for scope in SCOPES}
        wanted = text.split(" ")
        if any(scope.lower() not in canonical for scope in wanted):
            raise Refused("invalid_scope", "unknown scope")
        return [canonical[scope.lower()] for scope in wanted]

    def _refresh(self, token: str, client: str, scopes: list[str], hints: dict[str, Any], seq: int) -> Reply:
        if not token:
            raise Refused("invalid_request", "refresh_token missing")
        known = self.grants.by_refresh.get(token)
        if known and not set(scopes) <= set(known[0].scopes):
            raise Refused("invalid_scope", "more than was granted")
        rotation = hints.get("rotation", "")
        outcome = self.grants.refresh(token, client, self.settings, rotation, seq)
        if outcome.pair is None:
            reply = self._refusal(Refused("invalid_grant", outcome.why))
        else:
            reply = self._success(outcome, scopes, rotation)
        reply.on_delivered = lambda: self.grants.delivered(token, outcome.pair is not None)
        return reply

    def _success(self, outcome: Outcome, scopes: list[str], rotation: str = "") -> Reply:
        pair = outcome.pair
        assert pair is not None
        value: dict[str, Any] = {"access_token": pair.access_token, "token_type": "bearer",
                                 "expires_in": shown_lifetime(pair.access_expires_at - self.clock.now())}
        if rotation in ("", "same"):
            value["refresh_token"] = pair.refresh.token
        elif rotation == "empty":
            value["refresh_token"] = ""
        style = self.settings["scope_style"]
        value["scope"] = {"array_in_string": json.dumps(scopes, separators=(",", ":")), "array": scopes,
                          "space": " ".join(scopes)}[style]
        return json_reply(value, note=outcome.why)

    def _first(self, kind: str, form: dict[str, str], client: str, scopes: list[str]) -> Reply:
        if kind == "password":
            user = form.get("username", "")
            if not user or self.users.get(user) != form.get("password"):
                raise Refused("invalid_grant", "unknown user or wrong password")
        else:
            code = self.codes.pop(form.get("code", ""), None)
            if code is None or code[0] != client or code[2] != form.get("redirect_uri") or code[4] < self.clock.now():
                raise Refused("invalid_grant", "the code is unknown, used, expired or of another client or redirect_uri")
            user, scopes = code[1], code[3]
        _, pair = self._start(client, user, scopes, "")
        return self._success(Outcome(pair, f"first token by {kind}"), scopes)

    def _start(self, client: str, user: str, scopes: list[str], family: str) -> tuple[str, Any]:
        name = family or f"webroot-{len(self.grants.families) + 1}"
        settings = self.settings
        _, pair = self.grants.start(name, client, user, scopes, settings["access_lifetime_s"],
                                    settings["refresh_lifetime_s"])
        return name, pair

    def _authorize(self, request: Request) -> Reply:
        """The browser's part without the page: the first user agrees at once."""
        wish = dict(request.query)
        if wish.get("client_id") not in self.clients or wish.get("response_type") != "code" or not self.users:
            return json_reply({"error": "invalid_request"}, 400)
        try:
            scopes = self._scopes(wish.get("scope", ""))
        except Refused as refused:
            return self._refusal(refused)
        code = self.secret(self.hex(32), "code")
        target = wish.get("redirect_uri", "")
        self.codes[code] = (wish["client_id"], next(iter(self.users)), target, scopes, self.clock.now() + CODE_LIFE_S)
        joint = "&" if "?" in target else "?"
        location = f"{target}{joint}code={code}&state={quote(wish.get('state', ''), safe='')}"
        return Reply(302, [("Location", location)], content_type=None)

    def _resource(self, request: Request) -> Reply:
        scheme, _, token = request.header("authorization").partition(" ")
        known = self.grants.access_valid(token)
        if scheme.lower() != "bearer" or not known["valid"]:
            return json_reply({"error": "invalid_token"}, 401, WWW_Authenticate='Bearer error="invalid_token"')
        return json_reply({"family": known["family"], "seconds_left": round(known["seconds_left"], 3)})

    # -- control --
    def seed(self, wish: dict[str, Any]) -> dict[str, Any]:
        """A client, a user, and unless first is false a first grant. The reply holds the secrets."""
        wish = taken(wish, self.seeds, "a webroot account")
        self.clients[wish["client_id"]] = self.secret(wish["client_secret"], f"client_secret:{wish['client_id']}")
        self.users[wish["user"]] = self.secret(wish["password"], f"password:{wish['user']}")
        if not wish["first"]:
            return wish
        try:
            family, pair = self._start(wish["client_id"], wish["user"], self._scopes(" ".join(wish["scopes"])),
                                       wish["family"])
        except (Refused, ValueError) as problem:
            raise BadWish(str(problem)) from problem
        return {**wish, "family": family, "refresh_token": pair.refresh.token, "access_token": pair.access_token}

    def revoke(self, family: str) -> None:
        if family not in self.grants.families:
            raise BadWish(f"no family {family!r}")
        self.grants.revoke(self.grants.families[family], "by control")

    def valid(self, token: str) -> dict[str, Any]:
        return self.grants.access_valid(token)

    def forget(self) -> None:
        self.grants.forget()

    def dump(self) -> dict[str, Any]:
        return {"clients": list(self.clients), "users": list(self.users), "families": self.grants.dump()}

    def violations(self) -> list[dict[str, Any]]:
        return self.grants.violations(self.name)
