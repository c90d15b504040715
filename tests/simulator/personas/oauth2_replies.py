"""How the generic OAuth2 persona words its replies: by RFC 6749, and with the quirks of Twitch, Google, Epic and others.

Pure: settings and facts in, a reply out.
"""
import json
import math
import time
from typing import Any

from grants import Pair, shown_lifetime
from message import Reply, Request, json_reply
from personas.base import Refused

EXPIRY = ("number", "string", "float", "missing", "at_iso", "at_epoch")
SCOPE = ("space", "array", "array_in_string", "missing")
ERRORS = ("rfc", "twitch", "object", "ok")
TWITCH_TEXT = {"invalid_client": "invalid client secret", "unsupported_grant_type": "missing grant type"}
GOOGLE_STATUS = {"authorization_pending": 428, "slow_down": 403, "access_denied": 403}
GO_ON = ("authorization_pending", "slow_down", "temporarily_unavailable")


def expiry_members(style: str, expires_at: float, now: float) -> dict[str, Any]:
    left = shown_lifetime(expires_at - now)
    if style == "at_iso":
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(expires_at)) + f".{int(expires_at % 1 * 1000):03d}Z"
        return {"expires_in": left, "expires_at": text}
    if style == "at_epoch":
        return {"expires_in": left, "expires_at": math.floor(expires_at)}
    if style == "missing":
        return {}
    return {"expires_in": {"number": left, "string": str(left), "float": float(left)}[style]}


def success(settings: dict[str, Any], now: float, access: tuple[str, float], refresh: Pair | None, in_reply: str | None,
            scopes: list[str], note: str) -> Reply:
    """access: the token and when it expires. in_reply: what the member refresh_token is to be, None for no such."""
    kind = "bearer" if settings["error_style"] == "twitch" else "Bearer"
    value: dict[str, Any] = {"access_token": access[0], "token_type": kind,
                             **expiry_members(settings["expiry_style"], access[1], now)}
    if in_reply is not None:
        value["refresh_token"] = in_reply
    if refresh is not None and settings["refresh_expires_in"] != "none":
        left = max(0, int(refresh.refresh.expires_at - now))
        value["refresh_expires_in"] = left if settings["refresh_expires_in"] == "number" else 0
    granted = scopes[:1] if settings["grant_scopes"] == "first" else scopes
    if settings["scope_style"] != "missing":
        value["scope"] = {"space": " ".join(granted), "array": granted,
                          "array_in_string": json.dumps(granted, separators=(",", ":"))}[settings["scope_style"]]
    return json_reply(value, note=note, Cache_Control="no-store")


def refusal(settings: dict[str, Any], refused: Refused, request: Request) -> Reply:
    status, style = refused.status, settings["error_style"]
    if settings["device_errors"] == "google":
        status = GOOGLE_STATUS.get(refused.code, status)
    value: dict[str, Any] = {"error": refused.code, "error_description": refused.text}
    if style == "twitch":
        text = TWITCH_TEXT.get(refused.code, refused.code)
        if refused.code == "invalid_grant":
            text = "Invalid refresh token" if b"grant_type=refresh_token" in request.body else "invalid device code"
        status = 403 if refused.code == "invalid_client" else status
        value = {"status": status, "message": text}
    elif style == "object":
        value = {"error": {"code": refused.code, "message": refused.text}}
    elif style == "ok":
        status = 200
    reply = json_reply(value, status, note=f"{refused.code}: {refused.text}", Cache_Control="no-store")
    if status == 401 and request.header("authorization"):
        reply.set_header("WWW-Authenticate", 'Basic realm="simulator"')
    reply.final = refused.code not in GO_ON
    return reply


def discovery(base: str, issuer: str) -> Reply:
    """RFC 8414, and what OpenID Connect Discovery adds of use."""
    return json_reply({
        "issuer": issuer, "authorization_endpoint": f"{base}/oauth2/authorize", "token_endpoint": f"{base}/oauth2/token",
        "device_authorization_endpoint": f"{base}/oauth2/device", "revocation_endpoint": f"{base}/oauth2/revoke",
        "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials",
                                  "urn:ietf:params:oauth:grant-type:device_code"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        "authorization_response_iss_parameter_supported": True})
