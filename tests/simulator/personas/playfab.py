"""PlayFab: entity tokens for a title's secret key, a session ticket or an entity token that is still good.

The title is the host's first label; on loopback the path's first part (/A1B2C/Authentication/...) or a switch says it.
Checks in the order: endpoint, title, credential headers (exactly one), Content-Type, rate, body, credential, relation.
"""
import math
from dataclasses import dataclass
from typing import Any

from clock import Clock
from message import BadRequest, Reply, Request
from personas.base import BadWish, Ident, Persona, Switch, taken
from personas.playfab_errors import PlayFabError, failure, success, throttled
from personas.playfab_titles import TYPES, Entity, Issued, Title, expiration_text

GET_TOKEN, VALIDATE = "/Authentication/GetEntityToken", "/Authentication/ValidateEntityToken"
HEADERS = {"x-secretkey": "secret", "x-entitytoken": "entity", "x-authorization": "ticket"}
PRECEDENCE = ("ticket", "secret", "entity")  # of the Node SDK, when several are sent
HOST_ENDINGS = (".playfabapi.com", ".playfab.sim.test")


@dataclass
class Window:
    start: float
    calls: int = 0


class Limiter:
    """A fixed window a caller."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.windows: dict[str, Window] = {}

    def wait_s(self, who: str, allowed: int, window_s: float) -> int | None:
        """None: the call may pass. Else the whole seconds until the next window."""
        now = self.clock.now()
        window = self.windows.get(who)
        if window is None or now >= window.start + window_s:
            window = self.windows[who] = Window(now)
        window.calls += 1
        return None if window.calls <= allowed else max(1, math.ceil(window.start + window_s - now))


@dataclass
class Caller:
    """Whom the credential stands for. kind: secret, ticket, entity."""
    kind: str
    title: Title
    entity: Entity


class PlayFab(Persona):
    name = "playfab"
    text = "POST /Authentication/GetEntityToken, POST /Authentication/ValidateEntityToken"
    switches = {
        "access_lifetime_s": Switch(86_400.0, "lifetime of entity tokens"),
        "ticket_lifetime_s": Switch(86_400.0, "lifetime of session tickets"),
        "fraction_digits": Switch(0, "digits after the seconds of TokenExpiration", (0, 3, 7)),
        "expiration": Switch("Z", "form of TokenExpiration", ("Z", "offset", "no_zone", "missing", "malformed")),
        "credentials": Switch("strict", "several credential headers: 400 1071, or the first of ticket, secret, entity",
                              ("strict", "first")),
        "old_token": Switch("stays", "whether a new token of an entity revokes the older ones", ("stays", "revoked")),
        "relation_error": Switch(1454, "for an entity that is no relation of the caller", (1454, 1089)),
        "entity_reply": Switch("asked", "title: the reply is for the title entity whatever was asked", ("asked", "title")),
        "title_on_loopback": Switch("", "the title when neither host nor path says one; empty: the first that was seeded"),
        "rate_limit": Switch(0, "calls per window of one caller; 0: no limit"),
        "rate_window_s": Switch(60.0, "length of the limiter's fixed window"),
        "rate_body_extra_s": Switch(0, "retryAfterSeconds in the body is so much more than the header Retry-After"),
    }
    seeds = {"title": "A1B2C", "secret_key": "sk_test_playfab_title_1", "player": "174812ABF712",
             "master": "5A6B7C8D9E0F1A2B", "characters": []}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.titles: dict[str, Title] = {}
        self.limiter = Limiter(self.clock)

    # -- who --
    def _place(self, request: Request) -> tuple[str, str]:
        """Title id in capitals and path of a request."""
        host, path = request.header("host").rsplit(":", 1)[0], request.path
        for ending in HOST_ENDINGS:
            if host.lower().endswith(ending):
                return host[:-len(ending)].upper(), path
        first, slash, rest = path[1:].partition("/")
        if slash and first != "Authentication":
            return first.upper(), "/" + rest
        return (self.settings["title_on_loopback"] or next(iter(self.titles), "")).upper(), path

    @staticmethod
    def _credentials(request: Request) -> dict[str, str]:
        """Kind to value. A header that comes twice counts twice."""
        found = [(kind, value) for name, kind in HEADERS.items() for value in request.all(name)]
        if len(found) > len(dict(found)):
            raise PlayFabError(1071, "a credential header twice")
        return dict(found)

    def _caller(self, title: Title, kind: str, value: str) -> Caller:
        if kind == "secret":
            if value != title.secret_key:
                raise PlayFabError(1293)
            return Caller(kind, title, title.entity)
        if kind == "ticket":
            ticket = title.tickets.get(value)
            if ticket is None or ticket.revoked or self.clock.now() >= ticket.expires_at:
                raise PlayFabError(1100, "unknown, expired or revoked ticket")
            return Caller(kind, title, ticket.entity)
        return Caller(kind, title, self._token(title, value).entity)

    def _token(self, title: Title, value: str) -> Issued:
        token = title.tokens.get(value)
        if token is None:
            raise PlayFabError(1335)
        if token.revoked:
            raise PlayFabError(1337)
        if self.clock.now() >= token.expires_at:
            raise PlayFabError(1336)
        return token

    def identify(self, request: Request) -> Ident:
        name, path = self._place(request)
        title = self.titles.get(name)
        try:
            credentials = self._credentials(request)
        except PlayFabError:
            credentials = {}
        if title is None or path not in (GET_TOKEN, VALIDATE) or len(credentials) != 1:
            return Ident("unreadable", name if title else "")
        kind, value = next(iter(credentials.items()))
        known = title.tokens.get(value) or title.tickets.get(value)
        account = title.entity.id if kind == "secret" else known.entity.id if known else ""
        return Ident("validate" if path == VALIDATE else kind, title.id, family=account)

    # -- requests --
    def handle(self, request: Request, ident: Ident, hints: dict[str, Any], seq: int) -> Reply:
        as_success = request.header("x-reporterrorassuccess").lower() == "true"
        try:
            if self.settings["rate_limit"] > 0:
                wait_s = self.limiter.wait_s(ident.family or "127.0.0.1", int(self.settings["rate_limit"]),
                                             float(self.settings["rate_window_s"]))
                if wait_s is not None:
                    return throttled(wait_s, wait_s + int(self.settings["rate_body_extra_s"]), as_success)
            return self._served(request)
        except PlayFabError as error:
            return failure(error, as_success)

    def _served(self, request: Request) -> Reply:
        name, path = self._place(request)
        if path not in (GET_TOKEN, VALIDATE) or request.method != "POST":
            raise PlayFabError(1131)
        title = self.titles.get(name)
        if title is None:
            raise PlayFabError(1004, f"title {name!r}")
        credentials = self._credentials(request)
        if len(credentials) > 1 and self.settings["credentials"] == "strict":
            raise PlayFabError(1071, f"{len(credentials)} credential headers")
        if request.media_type != "application/json":
            raise PlayFabError(1144)
        body = self._body(request)
        kind = next((kind for kind in PRECEDENCE if kind in credentials), "")
        if path == VALIDATE:
            return self._validate(title, kind, credentials, body)
        if not kind:
            raise PlayFabError(1074)
        return self._get_token(self._caller(title, kind, credentials[kind]), body)

    @staticmethod
    def _body(request: Request) -> dict[str, Any]:
        if not request.body:
            raise PlayFabError(1071, "no body")
        try:
            value = request.json()
        except BadRequest as bad:
            raise PlayFabError(1200) from bad
        if not isinstance(value, dict):
            raise PlayFabError(1200)
        return value

    def _get_token(self, caller: Caller, body: dict[str, Any]) -> Reply:
        entity, title = self._wanted(caller, body.get("Entity")), caller.title
        if self.settings["entity_reply"] == "title":
            entity = title.entity
        if self.settings["old_token"] == "revoked":
            title.revoke_tokens(entity)
        title.minted += 1
        # As the real ones: standard base64 with +, / and =, which a header carries and a form doesn't.
        value = self.secret(f"NHx{self.hex(32)}+/x{self.hex(96)}==", f"entity:{entity.id}:{title.minted}")
        token = title.tokens[value] = Issued(entity, self.clock.now() + float(self.settings["access_lifetime_s"]))
        entity.counters[f"by_{caller.kind}"] += 1
        entity.counters["entity_logged_in"] += 1
        data: dict[str, Any] = {"EntityToken": value}
        text = expiration_text(token.expires_at, self.settings["expiration"], int(self.settings["fraction_digits"]))
        if text is not None:
            data["TokenExpiration"] = text
        return success({**data, "Entity": entity.key(True)}, f"{entity.type} {entity.id} by {caller.kind}")

    def _wanted(self, caller: Caller, key: Any) -> Entity:
        if key is None:
            return caller.entity
        if not isinstance(key, dict) or not all(isinstance(key.get(name), str) and key[name] for name in ("Id", "Type")):
            raise PlayFabError(1000, "Entity", {"Entity": ["Id and Type are required"]})
        if key["Type"] not in TYPES:
            raise PlayFabError(1373)
        entity = caller.title.find(key["Id"], key["Type"])
        if caller.kind == "secret" or caller.entity.type == "title":
            if entity is None:
                raise PlayFabError(1298)
            return entity
        if entity is None or not caller.entity.related(entity):
            raise PlayFabError(int(self.settings["relation_error"]))
        return entity

    def _validate(self, title: Title, kind: str, credentials: dict[str, str], body: dict[str, Any]) -> Reply:
        if kind != "entity":
            raise PlayFabError(1334)
        if self._token(title, credentials["entity"]).entity.type != "title":
            raise PlayFabError(1089, "title entities only")
        if not isinstance(body.get("EntityToken"), str):
            raise PlayFabError(1000, "EntityToken", {"EntityToken": ["The EntityToken field is required."]})
        entity = self._token(title, body["EntityToken"]).entity
        return success({"Entity": entity.key(True), "Lineage": entity.lineage(title.id)}, f"valid: {entity.id}")

    # -- control --
    def seed(self, wish: dict[str, Any]) -> dict[str, Any]:
        """A title with its secret key, and a player with a session ticket and a first entity token."""
        wish = taken(wish, self.seeds, "a playfab title")
        name = str(wish["title"]).upper()
        title = self.titles.setdefault(name, Title(name))
        title.secret_key = self.secret(wish["secret_key"], f"secret_key:{name}")
        player = title.add_player(wish["player"], wish["master"], [str(one) for one in wish["characters"]])
        now, n = self.clock.now(), len(title.tickets) + 1
        ticket = self.secret(f"{wish['master']}-{wish['player']}-{self.hex(48)}", f"ticket:{player.id}:{n}")
        title.tickets[ticket] = Issued(player, now + float(self.settings["ticket_lifetime_s"]))
        token = self.secret(f"NHx{self.hex(32)}+/x{self.hex(96)}==", f"entity:{player.id}:first{n}")
        title.tokens[token] = Issued(player, now + float(self.settings["access_lifetime_s"]))
        return {**wish, "title": name, "session_ticket": ticket, "entity_token": token}

    def revoke(self, account: str) -> None:
        """All entity tokens and session tickets of one entity, in every title; a title's id: of all its entities."""
        found = [(title, entity) for title in self.titles.values() for entity in title.entities.values()
                 if account in (entity.id, title.id)]
        if not found:
            raise BadWish(f"no entity or title {account!r}")
        for title, entity in found:
            title.revoke_tokens(entity)
            title.revoke_tickets(entity)

    def valid(self, token: str) -> dict[str, Any]:
        for title in self.titles.values():
            if found := title.tokens.get(token):
                left = found.expires_at - self.clock.now()
                return {"valid": left > 0 and not found.revoked, "family": found.entity.id, "seconds_left": left}
        return super().valid(token)

    def forget(self) -> None:
        for title in self.titles.values():
            for entity in title.entities.values():
                entity.counters = dict.fromkeys(entity.counters, 0)

    def dump(self) -> dict[str, Any]:
        return {"titles": {title.id: {"entities": {entity.id: {"type": entity.type, "counters": entity.counters}
                                                   for entity in title.entities.values()}}
                           for title in self.titles.values()}}
