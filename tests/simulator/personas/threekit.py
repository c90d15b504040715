"""Threekit: static tokens. The catalogue (which a probe asks) and the undocumented access-token calls.

Whether the server itself enforces a public token's domains, and whether wildcards work, the documents disagree
about: both are switches.
"""
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from message import BadRequest, Reply, Request, json_reply
from personas.base import BadWish, Ident, Persona, Switch, taken

PRODUCTS = "/api/catalog/products"
TOKENS = "/api/accesstokens"
METHODS = {PRODUCTS: "GET, OPTIONS", TOKENS: "GET, POST, OPTIONS"}


@dataclass
class StaticToken:
    id: str
    name: str
    permissions: str  # public | private
    domains: list[str]
    org: str
    deleted: bool = False
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("good", "refused"), 0))


def domain_matches(pattern: str, host: str, wildcard: bool) -> bool:
    """`*` only as the whole left-most label: one or more labels, never the apex. Hosts only, case ignored."""
    pattern, host = pattern.lower(), host.lower()
    if pattern.startswith("*."):
        return wildcard and host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


class Threekit(Persona):
    name = "threekit"
    text = "GET /api/catalog/products; POST, GET /api/accesstokens, DELETE /api/accesstokens/ID"
    switches = {
        "domain_policy": Switch("cors_only", "a public token from a foreign site: only the CORS header is missing, or "
                                "403", ("cors_only", "enforce")),
        "wildcard": Switch(True, "whether *.example.com in a token's domains works"),
    }
    seeds = {"name": "shop", "permissions": "private", "domains": [], "org": "org-1", "token": ""}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tokens: dict[str, StaticToken] = {}

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def _presented(self, request: Request) -> list[str]:
        scheme, _, header = request.header("authorization").partition(" ")
        found = [header.strip()] if scheme.lower() == "bearer" and header.strip() else []
        query = request.query_value("bearer_token")
        return found + ([query] if query else [])

    def identify(self, request: Request) -> Ident:
        manages = request.path == TOKENS or request.path.startswith(TOKENS + "/")
        what = "accesstokens" if manages else "products" if request.path == PRODUCTS else "other"
        presented = self._presented(request)
        token = self.tokens.get(presented[0]) if presented else None
        return Ident(what, account=token.name if token else "")

    def may_carry_secret_in_url(self, request: Request) -> bool:
        """The API demands it of browsers, for public tokens; a private one belongs in the header. A token's id is the
        token, so a DELETE names it."""
        if request.method == "DELETE" and request.path.startswith(TOKENS + "/") and "?" not in request.target:
            return True
        token = self.tokens.get(request.query_value("bearer_token") or "")
        return token is not None and token.permissions == "public"

    def handle(self, request: Request, ident: Ident, hints: dict[str, Any], seq: int) -> Reply:
        if request.method == "OPTIONS":
            return self._preflight(request)
        if request.path == PRODUCTS and request.method == "GET":
            return self._products(request)
        if request.path == TOKENS or request.path.startswith(TOKENS + "/"):
            return self._manage(request)
        status = 405 if request.path == PRODUCTS else 404
        return json_reply({"message": "not found" if status == 404 else "method not allowed"}, status)

    # -- the catalogue --
    def _origin_host(self, request: Request) -> str:
        for name in ("origin", "referer"):
            if request.header(name):
                return urlsplit(request.header(name)).hostname or ""
        return ""

    def _listed(self, token: StaticToken, host: str) -> bool:
        return any(domain_matches(pattern, host, self.settings["wildcard"]) for pattern in token.domains)

    def _with_cors(self, reply: Reply, request: Request, token: StaticToken | None) -> Reply:
        origin = request.header("origin")
        if origin and token and (token.permissions == "private" or self._listed(token, self._origin_host(request))):
            reply.headers += [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
        return reply

    def _authenticate(self, request: Request) -> tuple[StaticToken | None, Reply | None]:
        presented = self._presented(request)
        if len(set(presented)) > 1:
            return None, json_reply({"message": "two different tokens"}, 400, note="header and query differ")
        token = self.tokens.get(presented[0]) if presented else None
        if token is None or token.deleted:
            why = "no token" if not presented else "deleted token" if token else "unknown token"
            if token:
                token.counters["refused"] += 1
            return None, json_reply({"message": "Unauthorized"}, 401, note=why,
                                    WWW_Authenticate='Bearer error="invalid_token"')
        return token, None

    def _products(self, request: Request) -> Reply:
        token, refusal = self._authenticate(request)
        if token is None:
            assert refusal is not None
            return refusal
        host = self._origin_host(request)
        if token.permissions == "public" and self.settings["domain_policy"] == "enforce" and not (
                host and self._listed(token, host)):
            token.counters["refused"] += 1
            return json_reply({"message": "Forbidden"}, 403, note=f"domain {host or 'missing'} is not listed",
                              WWW_Authenticate='Bearer error="insufficient_scope"')
        token.counters["good"] += 1
        found = {"page": 1, "perPage": 20, "count": 0, "products": []}
        return self._with_cors(json_reply(found, note=f"token {token.name}"), request, token)

    def _preflight(self, request: Request) -> Reply:
        allowed = METHODS.get(request.path, "DELETE, OPTIONS")
        reply = Reply(204, [("Allow", allowed)], content_type=None)
        presented = self._presented(request)  # of the query: a preflight carries no Authorization
        host = self._origin_host(request)
        known = [self.tokens[value] for value in presented if value in self.tokens] or list(self.tokens.values())
        fitting = [token for token in known if not token.deleted and self._listed(token, host)]
        reply = self._with_cors(reply, request, fitting[0] if fitting else None)
        if fitting:
            reply.headers += [("Access-Control-Allow-Methods", allowed),
                              ("Access-Control-Allow-Headers", "Authorization, Content-Type")]
        return reply

    # -- the tokens themselves --
    def _manage(self, request: Request) -> Reply:
        token, refusal = self._authenticate(request)
        if token is None:
            assert refusal is not None
            return refusal
        if token.permissions != "private":
            return json_reply({"message": "Forbidden"}, 403, note="a public token can't manage tokens",
                              WWW_Authenticate='Bearer error="insufficient_scope"')
        if request.method == "DELETE" and request.path != TOKENS:
            doomed = self.tokens.get(request.path[len(TOKENS) + 1:])
            if doomed is None or doomed.deleted or doomed.org != token.org:
                return json_reply({"message": "not found"}, 404)
            doomed.deleted = True
            return Reply(204, content_type=None, note=f"deleted {doomed.name}")
        if request.path != TOKENS or request.method not in ("GET", "POST"):
            return json_reply({"message": "method not allowed"}, 405, Allow="GET, POST, DELETE")
        if request.method == "GET":
            return json_reply([{"id": t.id, "name": t.name, "permissions": t.permissions, "domains": t.domains}
                               for t in self.tokens.values() if not t.deleted and t.org == token.org])
        return self._create(request, token.org)

    def _create(self, request: Request, org: str) -> Reply:
        if request.media_type != "application/json":
            return json_reply({"message": "JSON only"}, 415)
        try:
            wish = request.json()
            name, permissions, domains = wish["name"], wish.get("permissions", "public"), wish.get("domains", [])
            if permissions not in ("public", "private") or not isinstance(domains, list):
                raise ValueError("permissions or domains")
        except (BadRequest, ValueError, KeyError, TypeError, AttributeError):
            return json_reply({"message": "name, permissions, domains are needed"}, 422)
        made = self._add(str(name), permissions, [str(domain) for domain in domains], str(wish.get("orgId", org)), "")
        return json_reply({"id": made.id, "name": made.name}, note=f"created {made.name}")

    def _add(self, name: str, permissions: str, domains: list[str], org: str, wanted: str) -> StaticToken:
        token = StaticToken(wanted or self._new_id(), name, permissions, domains, org)
        self.tokens[self.secret(token.id, f"static:{name}")] = token
        return token

    # -- control --
    def seed(self, wish: dict[str, Any]) -> dict[str, Any]:
        """A token; the reply holds it."""
        wish = taken(wish, self.seeds, "a threekit token")
        if wish["permissions"] not in ("public", "private"):
            raise BadWish("permissions is public or private")
        made = self._add(wish["name"], wish["permissions"], list(wish["domains"]), wish["org"], wish["token"])
        return {**wish, "token": made.id}

    def revoke(self, name: str) -> None:
        doomed = [token for token in self.tokens.values() if token.name == name]
        if not doomed:
            raise BadWish(f"no token named {name!r}")
        for token in doomed:
            token.deleted = True

    def valid(self, token: str) -> dict[str, Any]:
        found = self.tokens.get(token)
        return {"valid": found is not None and not found.deleted, "family": found.name if found else "",
                "seconds_left": None}

    def forget(self) -> None:
        for token in self.tokens.values():
            token.counters = dict.fromkeys(token.counters, 0)

    def dump(self) -> dict[str, Any]:
        return {"tokens": [{"name": t.name, "permissions": t.permissions, "domains": t.domains, "org": t.org,
                            "deleted": t.deleted, "counters": t.counters} for t in self.tokens.values()]}
