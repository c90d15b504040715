"""The clients of the generic OAuth2 persona, and how each of them must say who it is.

One method a client: basic, post, none or private_key_jwt (RFC 7523); `any` takes whichever comes. Two at once are refused.
"""
import json
from dataclasses import dataclass, field
from typing import Any, Callable

from jose import BadToken, PublicKey, decoded, public_key, verified
from message import Request
from personas.base import BadWish, Refused, basic_credentials

AUTH_METHODS = ("basic", "post", "none", "private_key_jwt", "any")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE_MAX_S = 3600.0


@dataclass
class Client:
    id: str
    secret: str
    method: str
    key: PublicKey | None
    redirect_uris: list[str]
    scopes: list[str]
    user: str
    assertions: set[str] = field(default_factory=set)  # jti of those that were used

    def wanted_scopes(self, text: str) -> list[str]:
        """What the client asks for; all of its scopes when it says none."""
        if text and not set(text.split(" ")) <= set(self.scopes):
            raise Refused("invalid_scope", "more than the client may have")
        return text.split(" ") if text else list(self.scopes)


def client_of(wish: dict[str, Any]) -> Client:
    if wish["auth_method"] not in AUTH_METHODS:
        raise BadWish(f"auth_method is one of {', '.join(AUTH_METHODS)}")
    try:
        key = public_key(wish["public_key"]) if wish["public_key"] else None
    except BadToken as bad:
        raise BadWish(f"public_key: {bad}") from bad
    if key is None and wish["auth_method"] == "private_key_jwt":
        raise BadWish("private_key_jwt needs the client's public_key, as PEM or JWK")
    return Client(wish["client_id"], wish["client_secret"], wish["auth_method"], key, list(wish["redirect_uris"]),
                  list(wish["scopes"]), wish["user"])


def methods_used(request: Request, form: dict[str, str]) -> list[str]:
    found = ["basic"] * len(request.all("authorization"))
    found += ["post"] * ("client_secret" in form)
    return found + ["private_key_jwt"] * ("client_assertion" in form or "client_assertion_type" in form)


def assertion_subject(form: dict[str, str]) -> str:
    """The `sub` of an assertion, unverified: it names the key to verify it with."""
    try:
        return str(json.loads(decoded(form.get("client_assertion", "").split(".")[1]))["sub"])
    except (ValueError, IndexError, KeyError, TypeError, RecursionError) as problem:
        raise Refused("invalid_client", "unreadable client_assertion", 401) from problem


class Clients:
    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.known: dict[str, Client] = {}

    def claimed(self, request: Request, form: dict[str, str], decoding: str) -> tuple[str, str, str]:
        """Method, client id and secret as the request has them. Raises Refused."""
        methods = methods_used(request, form)
        if len(methods) > 1:
            raise Refused("invalid_request", f"more than one client authentication: {', '.join(methods)}")
        name, secret, method = form.get("client_id", ""), form.get("client_secret", ""), (methods or ["none"])[0]
        if method == "basic":
            name, secret = basic_credentials(request.header("authorization"), decoding)
        elif method == "private_key_jwt":
            name = assertion_subject(form)
        if form.get("client_id", name) != name:
            raise Refused("invalid_request", "two different client ids")
        return method, name, secret

    def authenticated(self, request: Request, form: dict[str, str], decoding: str, audiences: set[str]) -> Client:
        method, name, secret = self.claimed(request, form, decoding)
        client = self.known.get(name)
        if client is None:
            raise Refused("invalid_client", "unknown client", 401)
        if client.method not in (method, "any"):
            raise Refused("invalid_client", f"the client authenticates by {client.method}, not {method}", 401)
        if method in ("basic", "post") and secret != client.secret:
            raise Refused("invalid_client", "wrong secret", 401)
        if method == "private_key_jwt":
            self._check_assertion(client, form, audiences)
        return client

    def _check_assertion(self, client: Client, form: dict[str, str], audiences: set[str]) -> None:
        try:
            if form.get("client_assertion_type") != ASSERTION or client.key is None:
                raise BadToken("client_assertion_type, or no key is known")
            claims = verified(form.get("client_assertion", ""), client.key)
            self._check_claims(client, claims, audiences)
        except (ValueError, TypeError) as bad:
            raise Refused("invalid_client", f"client_assertion: {bad}", 401) from bad

    def _check_claims(self, client: Client, claims: dict[str, Any], audiences: set[str]) -> None:
        now, named = self.now(), claims.get("aud")
        if claims.get("iss") != client.id or claims.get("sub") != client.id:
            raise BadToken("iss and sub must be the client id")
        if not audiences & set(named if isinstance(named, list) else [named]):
            raise BadToken(f"aud must be one of {', '.join(sorted(audiences))}")
        if not now < float(claims.get("exp", 0)) <= now + ASSERTION_LIFE_MAX_S:
            raise BadToken("exp must be in the next hour")
        if float(claims.get("nbf", 0)) > now + 5 or float(claims.get("iat", 0)) > now + 5:
            raise BadToken("not valid yet")
        if not isinstance(claims.get("jti"), str) or claims["jti"] in client.assertions:
            raise BadToken("jti is missing or was used before")
        client.assertions.add(claims["jti"])
