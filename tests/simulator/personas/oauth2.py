"""A generic OAuth2 server: refresh_token, client_credentials, authorization_code with PKCE, device_code; revocation
(RFC 7009), discovery (RFC 8414). What servers do differently is a switch or a member of the seeded client.

Checks at the token endpoint in the order: method, form, client, required parameters, grant_type, grant, scope.
"""
from typing import Any, Callable

from grants import OLD_RT, Family, Grants, Pair
from message import BadRequest, Reply, Request, json_reply
from personas.base import BadWish, Ident, Persona, Refused, Switch, taken
from personas.oauth2_clients import Client, Clients, client_of
from personas.oauth2_codes import AUTHORIZE, Codes
from personas.oauth2_devices import VERIFICATION, Devices
from personas.oauth2_replies import ERRORS, EXPIRY, SCOPE, discovery, refusal, success

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DISCOVERY = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
PATHS = {"/oauth2/token": "token", "/oauth2/device": "device", "/oauth2/revoke": "revoke", "/oauth2/authorize": "authorize",
         "/oauth2/validate": "resource", "/resource/status": "resource", **dict.fromkeys(DISCOVERY, "discovery")}


class OAuth2(Persona):
    name = "oauth2"
    text = ("POST /oauth2/token, /oauth2/device, /oauth2/revoke; GET /oauth2/authorize, /oauth2/validate, /resource/status, "
            "discovery")
    switches = {
        "access_lifetime_s": Switch(3600.0, "lifetime of access tokens, and expires_in"),
        "refresh_lifetime_s": Switch(30 * 86_400.0, "lifetime of refresh tokens"),
        "old_rt": Switch("reject", "what a used refresh token gets; never: tokens don't rotate", (*OLD_RT, "never")),
        "grace_s": Switch(5.0, "old_rt=grace: so long the same pair comes again"),
        "refresh_reply": Switch("rotated", "refresh_token in replies to a refresh: only a new one, or always",
                                ("rotated", "always")),
        "basic_decoding": Switch("form", "how Basic credentials are decoded", ("form", "raw")),
        "error_style": Switch("rfc", "twitch: status and message; object: error is an object; ok: an error with 200", ERRORS),
        "device_errors": Switch("rfc", "google: pending is 428, slow_down and access_denied 403", ("rfc", "google")),
        "expiry_style": Switch("number", "expires_in, and expires_at", EXPIRY),
        "refresh_expires_in": Switch("none", "whether the reply has one; zero: as for tokens without end",
                                     ("none", "number", "zero")),
        "scope_style": Switch("space", "scope in replies", SCOPE),
        "grant_scopes": Switch("all", "first: less is granted than was asked for", ("all", "first")),
        "token_chars": Switch("plain", "odd: tokens with % / + ~ in them", ("plain", "odd")),
        "authorize": Switch("approve", "what /oauth2/authorize answers", AUTHORIZE),
        "pkce": Switch("required", "for confidential clients; public ones need it always", ("required", "optional")),
        "discovery": Switch("on", "off: 404", ("on", "off")),
        "issuer": Switch("", "the issuer that discovery and authorization replies name; empty: this server"),
        "revocation": Switch("all", "refresh_only: unsupported_token_type for access tokens", ("all", "refresh_only")),
        "required_params": Switch({}, "members that each token request must have, with these values"),
        "device_lifetime_s": Switch(900.0, "lifetime of device codes"),
        "device_interval_s": Switch(5.0, "interval between polls; below 0: the reply has none"),
        "device_scope_param": Switch("scope", "name of the parameter in device requests", ("scope", "scopes")),
        "verification": Switch("full", "verification_uri with _complete, without, or verification_url only", VERIFICATION),
    }
    seeds = {"client_id": "client-1", "client_secret": "cs_test_oauth2_1", "auth_method": "basic", "public_key": "",
             "redirect_uris": ["http://127.0.0.1/callback"], "scopes": ["read", "write"], "user": "person-1", "family": "",
             "refresh_token": "", "first": True}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.grants = Grants(self.clock.now, self.clock.mono, self._new_token)
        self.clients = Clients(self.clock.now)
        self.codes, self.devices = Codes(self, self.clients), Devices(self)
        self.minted, self.given = 0, ""

    def _new_token(self, kind: str, _: Family) -> str:
        self.minted += 1
        value = self.hex(64) if self.settings["token_chars"] == "plain" else f"eg1~%6/+{self.hex(64)}"
        if kind == "refresh" and self.given:
            value, self.given = self.given, ""
        return self.secret(value, f"{'rt' if kind == 'refresh' else 'at'}:{self.minted}")

    @staticmethod
    def _base(request: Request) -> str:
        return f"{request.scheme}://{request.header('host')}"

    def _issuer(self, request: Request) -> str:
        return str(self.settings["issuer"] or self._base(request))

    # -- who --
    def identify(self, request: Request) -> Ident:
        place = PATHS.get(request.path, "other")
        if place not in ("token", "device", "revoke") or request.method != "POST":
            token = request.header("authorization").partition(" ")[2]
            return Ident(place, dict(request.query).get("client_id", ""), family=self.grants.access_valid(token)["family"])
        try:
            form = request.form()
            _, client, _ = self.clients.claimed(request, form, self.settings["basic_decoding"])
        except (BadRequest, Refused):
            return Ident("unreadable")
        if place != "token":
            return Ident(place, client)
        what = {DEVICE_GRANT: "device_code"}.get(form.get("grant_type", ""), form.get("grant_type", ""))
        family = f"{client}:app" if what == "client_credentials" else ""
        if what == "refresh_token":
            family = self.grants.family_of(form.get("refresh_token", ""))
        user = self.grants.families[family].user if family in self.grants.families else ""
        return Ident(what or "unreadable", client, user, family, exclusive=bool(family) and what == "refresh_token")

    # -- requests --
    def handle(self, request: Request, ident: Ident, hints: dict[str, Any], seq: int) -> Reply:
        gets: dict[str, Callable[[], Reply]] = {
            "authorize": lambda: self.codes.authorize(request, self._issuer(request)),
            "resource": lambda: self._resource(request),
            "discovery": lambda: discovery(self._base(request), self._issuer(request))}
        place = PATHS.get(request.path, "")
        if not place or (place == "discovery" and self.settings["discovery"] == "off"):
            return json_reply({"error": "not_found"}, 404)
        if request.method != ("GET" if place in gets else "POST"):
            return json_reply({"error": "invalid_request"}, 405, Allow="GET" if place in gets else "POST")
        if place in gets:
            return gets[place]()
        try:
            return self._authenticated(place, request, hints, seq)
        except BadRequest as bad:
            return refusal(self.settings, Refused("invalid_request", str(bad), bad.status), request)
        except Refused as refused:
            return refusal(self.settings, refused, request)

    def _authenticated(self, place: str, request: Request, hints: dict[str, Any], seq: int) -> Reply:
        if request.media_type != "application/x-www-form-urlencoded":
            raise Refused("invalid_request", "form only")
        form, base = request.form(), self._base(request)
        audiences = {self._issuer(request), base, base + "/oauth2/token", base + request.path}
        client = self.clients.authenticated(request, form, self.settings["basic_decoding"], audiences)
        if place == "device":
            return self.devices.authorization(form, client, base)
        if place == "revoke":
            return self._revoke(form, client)
        for name, value in self.settings["required_params"].items():
            if form.get(name) != value:
                raise Refused("invalid_request", f"{name} is missing or wrong")
        calls: dict[str, Callable[[], Reply]] = {
            "refresh_token": lambda: self._refresh(form, client, request, hints, seq),
            "client_credentials": lambda: self._app_token(form, client),
            "authorization_code": lambda: self._by_code(form, client),
            DEVICE_GRANT: lambda: self._by_device(form, client, seq)}
        kind = form.get("grant_type", "")
        if not kind:
            raise Refused("invalid_request", "grant_type missing")
        if kind not in calls:
            raise Refused("unsupported_grant_type", kind[:40])
        return calls[kind]()

    def _refresh(self, form: dict[str, str], client: Client, request: Request, hints: dict[str, Any], seq: int) -> Reply:
        token = form.get("refresh_token", "")
        if not token:
            raise Refused("invalid_request", "refresh_token missing")
        known = self.grants.by_refresh.get(token)
        scopes = known[0].scopes if known else []
        if form.get("scope"):
            if known and not set(form["scope"].split(" ")) <= set(scopes):
                raise Refused("invalid_scope", "more than was granted")
            scopes = form["scope"].split(" ")
        rotation = hints.get("rotation") or ("never" if self.settings["old_rt"] == "never" else "")
        outcome = self.grants.refresh(token, client.id, self.settings, rotation, seq)
        if outcome.pair is None:
            reply = refusal(self.settings, Refused("invalid_grant", outcome.why), request)
        else:
            reply = self._paired(outcome.pair, scopes, outcome.why, rotation)
        reply.on_delivered = lambda: self.grants.delivered(token, outcome.pair is not None)
        return reply

    def _paired(self, pair: Pair, scopes: list[str], note: str, rotation: str = "") -> Reply:
        shown = {"missing": None, "empty": "", "never": None}.get(rotation, pair.refresh.token)
        if rotation == "never" and self.settings["refresh_reply"] == "always":
            shown = pair.refresh.token
        return success(self.settings, self.clock.now(), (pair.access_token, pair.access_expires_at), pair, shown, scopes, note)

    def _app_token(self, form: dict[str, str], client: Client) -> Reply:
        if client.method == "none":
            raise Refused("unauthorized_client", "public clients have no credentials")
        scopes, lifetime_s = client.wanted_scopes(form.get("scope", "")), float(self.settings["access_lifetime_s"])
        token, now = self.grants.bare(f"{client.id}:app", client.id, "", scopes, lifetime_s), self.clock.now()
        return success(self.settings, now, (token, now + lifetime_s), None, None, scopes, "of the client itself")

    def _by_code(self, form: dict[str, str], client: Client) -> Reply:
        code, used_by = self.codes.redeem(form, client)
        if used_by:
            self.grants.revoke(self.grants.families[used_by], "its code was used again")
            raise Refused("invalid_grant", f"the code was used, {used_by} is revoked")
        code.used_by, pair = self._start(client, client.user, code.scopes, "")
        return self._paired(pair, code.scopes, "first token by code")

    def _by_device(self, form: dict[str, str], client: Client, seq: int) -> Reply:
        device = self.devices.poll(form, client, seq)
        _, pair = self._start(client, device.user, device.scopes, "")
        return self._paired(pair, device.scopes, "first token by device code")

    def _start(self, client: Client, user: str, scopes: list[str], family: str) -> tuple[str, Pair]:
        name, settings = family or f"oauth2-{len(self.grants.families) + 1}", self.settings
        _, pair = self.grants.start(name, client.id, user, scopes, float(settings["access_lifetime_s"]),
                                    float(settings["refresh_lifetime_s"]))
        return name, pair

    def _revoke(self, form: dict[str, str], client: Client) -> Reply:
        """RFC 7009: 200 for what nobody knows, too."""
        token = form.get("token", "")
        if not token:
            raise Refused("invalid_request", "token missing")
        refresh, access = self.grants.by_refresh.get(token), self.grants.by_access.get(token)
        family = refresh[0] if refresh else access.family if access else None
        if family is None:
            return Reply(200, content_type=None, note="unknown token")
        if family.client != client.id:
            raise Refused("unauthorized_client", "the token is another client's")
        if access is not None:
            if self.settings["revocation"] == "refresh_only":
                raise Refused("unsupported_token_type", "access tokens can't be revoked")
            access.revoked = True
        else:
            self.grants.revoke(family, "by its client")
        return Reply(200, content_type=None, note=f"revoked in {family.id}")

    def _resource(self, request: Request) -> Reply:
        """/oauth2/validate as Twitch has it (`OAuth` or `Bearer`), or any resource."""
        scheme, _, token = request.header("authorization").partition(" ")
        known = self.grants.access_valid(token)
        if scheme.lower() not in ("bearer", "oauth") or not known["valid"]:
            value = {"status": 401, "message": "invalid access token"}
            return json_reply(value, 401, WWW_Authenticate='Bearer error="invalid_token"')
        family = self.grants.families[known["family"]]
        return json_reply({"client_id": family.client, "login": family.user, "scopes": family.scopes, "family": family.id,
                           "expires_in": int(known["seconds_left"])})

    # -- control --
    def seed(self, wish: dict[str, Any]) -> dict[str, Any]:
        """A client, and unless first is false a first grant of its user. The reply holds the secrets."""
        wish = taken(wish, self.seeds, "an oauth2 account")
        client = self.clients.known[wish["client_id"]] = client_of(wish)
        self.secret(client.secret, f"client_secret:{client.id}")
        if not wish["first"]:
            return wish
        if wish["refresh_token"] in self.grants.by_refresh:
            raise BadWish("the refresh token exists")
        self.given = wish["refresh_token"]
        try:
            family, pair = self._start(client, client.user, list(client.scopes), wish["family"])
        except ValueError as problem:
            raise BadWish(str(problem)) from problem
        return {**wish, "family": family, "refresh_token": pair.refresh.token, "access_token": pair.access_token}

    def device(self, wish: dict[str, Any]) -> dict[str, Any]:
        return self.devices.control(wish)

    def revoke(self, family: str) -> None:
        if family not in self.grants.families:
            raise BadWish(f"no family {family!r}")
        self.grants.revoke(self.grants.families[family], "by control")

    def valid(self, token: str) -> dict[str, Any]:
        return self.grants.access_valid(token)

    def forget(self) -> None:
        self.grants.forget()

    def dump(self) -> dict[str, Any]:
        return {"clients": {client.id: client.method for client in self.clients.known.values()},
                "devices": self.devices.dump(), "families": self.grants.dump()}

    def violations(self) -> list[dict[str, Any]]:
        return self.grants.violations(self.name)
