"""/authorize of the generic OAuth2 persona: redirects at once as if the person had agreed (or as the switch says), with
PKCE by S256 (RFC 7636) and `iss` (RFC 9207). A code is good once, for a minute; used again, it ends its grant.
"""
import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from jose import coded
from message import Reply, Request, json_reply
from personas.base import Persona, Refused
from personas.oauth2_clients import Client, Clients

CODE_LIFE_S = 60.0
AUTHORIZE = ("approve", "deny", "wrong_state", "no_state", "wrong_iss", "no_iss", "unavailable")
VERIFIER = re.compile(r"[A-Za-z0-9._~\-]{43,128}")
CHALLENGE = re.compile(r"[A-Za-z0-9_\-]{43}")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass
class Code:
    client: str
    redirect_uri: str
    scopes: list[str]
    challenge: str
    expires_at: float
    used_by: str = ""  # the family that came of it


def same_place(registered: str, wanted: str) -> bool:
    """Exactly the same, but for the port of a loopback address (RFC 8252 7.3)."""
    one, other = urlsplit(registered), urlsplit(wanted)
    if one.hostname in LOOPBACK and one.scheme == "http":
        return one._replace(netloc="") == other._replace(netloc="") and one.hostname == other.hostname
    return registered == wanted


class Codes:
    def __init__(self, persona: Persona, clients: Clients) -> None:
        self.persona, self.clients = persona, clients
        self.known: dict[str, Code] = {}

    def authorize(self, request: Request, issuer: str) -> Reply:
        wish = dict(request.query)
        client, target = self.clients.known.get(wish.get("client_id", "")), wish.get("redirect_uri", "")
        try:
            fits = client is not None and any(same_place(one, target) for one in client.redirect_uris)
        except ValueError:
            fits = False
        if client is None or not fits or len(wish) < len(request.query):
            return json_reply({"error": "invalid_request"}, 400, note="client_id or redirect_uri: no redirect")
        mode = self.persona.settings["authorize"]
        answer: dict[str, Any] = {"state": "state_test_of_another" if mode == "wrong_state" else wish.get("state"),
                                  "iss": issuer + "/other" if mode == "wrong_iss" else issuer}
        if mode in ("no_state", "no_iss"):
            del answer[mode[3:]]
        try:
            if mode in ("deny", "unavailable"):
                raise Refused({"deny": "access_denied"}.get(mode, "temporarily_unavailable"), "as the switch says")
            answer["code"] = self._new_code(client, target, wish)
        except Refused as refused:
            answer |= {"error": refused.code, "error_description": refused.text}
        query = urlencode({name: value for name, value in answer.items() if value is not None})
        return Reply(302, [("Location", f"{target}{'&' if '?' in target else '?'}{query}")], content_type=None, note=mode)

    def _new_code(self, client: Client, target: str, wish: dict[str, str]) -> str:
        if wish.get("response_type") != "code":
            raise Refused("unsupported_response_type", "response_type must be code")
        challenge = wish.get("code_challenge", "")
        if challenge and (wish.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge)):
            raise Refused("invalid_request", "PKCE is by S256 here")
        if not challenge and (self.persona.settings["pkce"] == "required" or client.method == "none"):
            raise Refused("invalid_request", "code_challenge is required")
        scopes = client.wanted_scopes(wish.get("scope", ""))
        code = self.persona.secret(self.persona.hex(40), f"code:{len(self.known) + 1}")
        self.known[code] = Code(client.id, target, scopes, challenge, self.persona.clock.now() + CODE_LIFE_S)
        return code

    def redeem(self, form: dict[str, str], client: Client) -> tuple[Code, str]:
        """The code that the form presents, and the family that it has been used for already, if it has."""
        code = self.known.get(form.get("code", ""))
        if code is None or code.client != client.id or self.persona.clock.now() >= code.expires_at:
            raise Refused("invalid_grant", "the code is unknown, expired or another client's")
        if code.used_by:
            return code, code.used_by
        if form.get("redirect_uri") != code.redirect_uri:
            raise Refused("invalid_grant", "redirect_uri is not the one of the request")
        verifier = form.get("code_verifier", "")
        if bool(verifier) != bool(code.challenge):
            raise Refused("invalid_grant", "code_verifier without code_challenge, or the other way round")
        if verifier and not (VERIFIER.fullmatch(verifier)
                             and coded(hashlib.sha256(verifier.encode()).digest()) == code.challenge):
            raise Refused("invalid_grant", "code_verifier does not fit")
        return code, ""
